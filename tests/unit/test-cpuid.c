/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CPUID dumps: the parser, the live reader, and hypervisors by their signature. */
#include "main.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpuctl.h"
#include "cpuid-table.h"
#include "virt.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static struct cpuid *parse(const char *text)
{
    struct cpuid *cpuid = NULL;
    struct cpuctl_error error = { 0 };

    ck_assert_msg(cpuid_parse(text, strlen(text), &cpuid, &error) == 0, "%s", error.text);
    return cpuid;
}

START_TEST(dump_is_parsed_and_printed_again)
{
    static const char text[] = "# cpuid: leaf subleaf eax ebx ecx edx (hexadecimal)\n"
                               "cpu 2\n"
                               "00000000 00000000 0000000d 756e6547 6c65746e 49656e69\n"
                               "0000000b 00000001 00000004 00000008 00000201 00000010\n"
                               "cpu 7\n"
                               "0000000b 00000001 00000004 00000008 00000201 00000011\n";
    _cleanup_(cpuid_freep) struct cpuid *cpuid = parse(text);
    _cleanup_free_ char *again = NULL;
    struct cpuid_regs regs = { 0 };

    ck_assert_int_eq(cpuid_first_cpu(cpuid), 2);
    ck_assert(cpuid_has_cpu(cpuid, 7) && !cpuid_has_cpu(cpuid, 3));
    ck_assert(cpuid_get(cpuid, 2, 0xb, 1, &regs));
    ck_assert_uint_eq(regs.edx, 0x10);
    ck_assert(cpuid_get(cpuid, 7, 0xb, 1, &regs));
    ck_assert_uint_eq(regs.edx, 0x11);
    ck_assert(cpuid_get(cpuid, 7, 0, 0, &regs)); /* of the first section */
    ck_assert_uint_eq(regs.ebx, 0x756e6547);
    ck_assert(!cpuid_get(cpuid, 7, 0xb, 2, &regs));
    ck_assert(!cpuid_get(cpuid, 3, 0, 0, &regs));
    ck_assert_int_eq(cpuid_format(cpuid, &again), 0);
    ck_assert_str_eq(again, text);
}
END_TEST

START_TEST(short_numbers_blank_lines_and_comments_are_accepted)
{
    _cleanup_(cpuid_freep) struct cpuid *cpuid = parse("\n# made up\ncpu 0\n\n1 0 f 1 2 3");
    struct cpuid_regs regs = { 0 };

    ck_assert(cpuid_get(cpuid, 0, 1, 0, &regs));
    ck_assert_uint_eq(regs.eax, 0xf);
    ck_assert_uint_eq(regs.edx, 3);
}
END_TEST

static const struct {
    const char *text;
    unsigned int line;
    const char *what;
} malformed[] = {
    { "", 0, "no \"cpu N\"" },
    { "# nothing\n", 0, "no \"cpu N\"" },
    { "0 0 0 0 0 0\n", 1, "before the first" },
    { "cpu\n", 1, "six hexadecimal" },
    { "cpu \n", 1, "a CPU number" },
    { "cpu x\n", 1, "a CPU number" },
    { "cpu 0x1\n", 1, "a CPU number" },
    { "cpu 1 \n1\n", 2, "six hexadecimal" },
    { "cpu 1 2\n", 1, "a CPU number" },
    { "cpu 1048576\n", 1, "too large" },
    { "cpu 99999999\n", 1, "too large" },
    { "cpu 123456789\n", 1, "a CPU number" },
    { "cpu 1\ncpu 1\n", 2, "do not rise" },
    { "cpu 1\ncpu 0\n", 2, "do not rise" },
    { "cpu 0\n0 0 0 0 0\n", 2, "six hexadecimal" },
    { "cpu 0\n0 0 0 0 0 \n", 2, "six hexadecimal" },
    { "cpu 0\n0 0 0 0 0 0 0\n", 2, "after the six" },
    { "cpu 0\n0  0 0 0 0 0\n", 2, "six hexadecimal" },
    { "cpu 0\n 0 0 0 0 0 0\n", 2, "six hexadecimal" },
    { "cpu 0\n0 0 0 0 0 G\n", 2, "six hexadecimal" },
    { "cpu 0\n0 0 0 0 0 ABCD\n", 2, "six hexadecimal" },
    { "cpu 0\n0 0 0 0 0 123456789\n", 2, "six hexadecimal" },
    { "cpu 0\n0 0 0 0 0 -1\n", 2, "six hexadecimal" },
    { "cpu 0\n1 0 0 0 0 0\n0 0 0 0 0 0\n", 3, "do not rise" },
    { "cpu 0\n4 1 0 0 0 0\n4 1 0 0 0 0\n", 3, "do not rise" },
};

START_TEST(malformed_dumps_are_refused)
{
    struct cpuid *cpuid = NULL;
    struct cpuctl_error error = { 0 };
    char line[32];

    ck_assert_int_eq(cpuid_parse(malformed[_i].text, strlen(malformed[_i].text), &cpuid, &error),
                     -EBADMSG);
    ck_assert_ptr_null(cpuid);
    ck_assert_int_eq(error.code, -EBADMSG);
    ck_assert_msg(strstr(error.text, malformed[_i].what), "\"%s\" has no \"%s\"", error.text,
                  malformed[_i].what);
    snprintf(line, sizeof(line), "line %u:", malformed[_i].line);
    ck_assert_msg(!malformed[_i].line || strstr(error.text, line), "\"%s\" has no \"%s\"",
                  error.text, line);
}
END_TEST

START_TEST(nul_in_a_dump_is_refused)
{
    static const char text[] = "cpu 0\n0 0 0 0 0 0\0";
    struct cpuid *cpuid = NULL;

    ck_assert_int_eq(cpuid_parse(text, sizeof(text), &cpuid, NULL), -EBADMSG);
}
END_TEST

START_TEST(leaves_of_a_cpu_are_bounded)
{
    _cleanup_free_ char *text = NULL;
    struct cpuid *cpuid = NULL;
    struct cpuctl_error error = { 0 };
    size_t size;
    FILE *stream = open_memstream(&text, &size);

    ck_assert_ptr_nonnull(stream);
    fputs("cpu 0\n", stream);
    for (unsigned int i = 0; i <= 4096; i++)
        fprintf(stream, "%x 0 0 0 0 0\n", i);
    fclose(stream);
    ck_assert_int_eq(cpuid_parse(text, size, &cpuid, &error), -EBADMSG);
    ck_assert_msg(strstr(error.text, "4096 leaves"), "%s", error.text);
}
END_TEST

START_TEST(only_differences_are_kept)
{
    _cleanup_(cpuid_freep) struct cpuid *cpuid = cpuid_new();
    _cleanup_free_ char *text = NULL;
    struct cpuid_leaf leaf = { .leaf = 1, .regs = { .eax = 5 } };

    ck_assert_int_eq(cpuid_add(cpuid, 0, &leaf), 0);
    ck_assert_int_eq(cpuid_add(cpuid, 1, &leaf), 0);
    leaf.leaf = 2;
    ck_assert_int_eq(cpuid_add(cpuid, 1, &leaf), 0);
    ck_assert_int_eq(cpuid_add(cpuid, 0, &leaf), -EINVAL); /* an earlier CPU */
    ck_assert_int_eq(cpuid_format(cpuid, &text), 0);
    ck_assert_ptr_nonnull(strstr(text, "cpu 1\n00000002 00000000 00000005 "));
}
END_TEST

/* ---- hypervisors */

/** Bases 0x100 apart from 0x40000000 on, and the signature at each. */
static const struct {
    const char *signatures[3];
    const char *vendor;
} hypervisors[] = {
    { { "KVMKVMKVM\0\0\0" }, "KVM" },
    { { "TCGTCGTCGTCG" }, "QEMU TCG" },
    { { "Microsoft Hv" }, "Microsoft" },
    { { "VMwareVMware" }, "VMware" },
    { { "XenVMMXenVMM" }, "Xen" },
    { { "VBoxVBoxVBox" }, "Oracle" },
    { { "bhyve bhyve " }, "bhyve" },
    { { "UnisysSpar64" }, "Unisys s-Par" },
    { { " lrpepyh  vr" }, "Parallels" },
    { { "Linux KVM Hv" }, "KVM" },
    /* KVM and Xen that offer Hyper-V's interface */
    { { "Microsoft Hv", "KVMKVMKVM\0\0\0" }, "KVM" },
    { { "Microsoft Hv", "XenVMMXenVMM" }, "Xen" },
    /* Hyper-V nested in KVM shows itself alone: its guest is its own */
    { { "Microsoft Hv", "\0\0\0\0\0\0\0\0\0\0\0\0" }, "Microsoft" },
    /* Xen in KVM, or VMware with leaves of somebody else above: the lowest base counts */
    { { "XenVMMXenVMM", "KVMKVMKVM\0\0\0" }, "Xen" },
    { { "VMwareVMware", "Microsoft Hv" }, "VMware" },
    { { "\0\0\0\0\0\0\0\0\0\0\0\0", "XenVMMXenVMM" }, "Xen" },
    /* bare metal: nothing, or what an Intel CPU answers to any leaf that it does not have */
    { { "\0\0\0\0\0\0\0\0\0\0\0\0" }, NULL },
    { { "\x07\0\0\0\x40\x03\0\0\x40\x03\0\0" }, NULL },
    { { "NobodyKnowsM" }, NULL },
    { { "KVMKVMKVM???" }, NULL },
    { { NULL }, NULL },
};

static uint32_t register_of(const char *text)
{
    uint32_t value = 0;

    for (int i = 3; i >= 0; i--)
        value = value << 8 | (unsigned char)text[i];
    return value;
}

START_TEST(hypervisors_by_signature)
{
    _cleanup_(cpuid_freep) struct cpuid *cpuid = cpuid_new();
    struct cpuid_leaf leaf = { .leaf = 0 };
    const char *vendor;

    ck_assert_int_eq(cpuid_add(cpuid, 0, &leaf), 0);
    for (uint32_t i = 0; i < 3 && hypervisors[_i].signatures[i]; i++) {
        leaf = (struct cpuid_leaf){ .leaf = 0x40000000 + i * 0x100 };
        leaf.regs.ebx = register_of(hypervisors[_i].signatures[i]);
        leaf.regs.ecx = register_of(hypervisors[_i].signatures[i] + 4);
        leaf.regs.edx = register_of(hypervisors[_i].signatures[i] + 8);
        ck_assert_int_eq(cpuid_add(cpuid, 0, &leaf), 0);
    }
    vendor = virt_cpuid_vendor(cpuid);
    if (!hypervisors[_i].vendor)
        ck_assert_msg(!vendor, "%s was found", vendor);
    else
        ck_assert_pstr_eq(vendor, hypervisors[_i].vendor);
}
END_TEST

/* ---- the live machine */

START_TEST(live_dump)
{
    struct cpuctl_set *online = cpuctl_set_new();
    _cleanup_(cpuid_freep) struct cpuid *cpuid = NULL;
    _cleanup_free_ char *text = NULL, *again = NULL;
    struct cpuctl_error error = { 0 };
    struct cpuid_regs regs = { 0 };
    cpu_set_t before, after;
    int r;

    ck_assert_int_eq(sched_getaffinity(0, sizeof(before), &before), 0);
    for (unsigned int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &before))
            ck_assert_int_eq(cpuctl_set_add(online, cpu), 0);
    r = cpuctl_cpuid_dump(online, &text, &error);
    ck_assert_int_eq(sched_getaffinity(0, sizeof(after), &after), 0);
    ck_assert(CPU_EQUAL(&before, &after));
#if defined(__x86_64__) || defined(__i386__)
    ck_assert_msg(r == 0, "%s", error.text);
    cpuid = parse(text);
    cpuctl_set_foreach (cpu, online)
        ck_assert(cpuid_has_cpu(cpuid, (unsigned int)cpu));
    ck_assert(cpuid_get(cpuid, (unsigned int)cpuid_first_cpu(cpuid), 0, 0, &regs));
    ck_assert_uint_gt(regs.eax, 0);
    ck_assert(cpuid_get(cpuid, (unsigned int)cpuid_first_cpu(cpuid), 0x80000000, 0, &regs));
    ck_assert(!cpuid_get(cpuid, (unsigned int)cpuid_first_cpu(cpuid), 3, 0, &regs));
    ck_assert_int_eq(cpuid_format(cpuid, &again), 0);
    ck_assert_str_eq(again, text);
#else
    (void)regs;
    ck_assert_int_eq(r, -EOPNOTSUPP);
#endif
    cpuctl_set_free(online);
}
END_TEST

START_TEST(no_cpu_to_visit)
{
    struct cpuctl_set *online = cpuctl_set_new();
    struct cpuctl_error error = { 0 };
    char *text = NULL;

    ck_assert_int_eq(cpuctl_set_add(online, CPUCTL_CPUS_MAX - 1), 0);
    ck_assert_int_eq(cpuctl_cpuid_dump(online, &text, &error), -ENODEV);
    ck_assert_ptr_null(text);
    ck_assert(*error.text);
    cpuctl_set_free(online);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("cpuid");
    TCase *dump = tcase_create("dump"), *virt = tcase_create("hypervisors"),
          *live = tcase_create("live");

    tcase_add_test(dump, dump_is_parsed_and_printed_again);
    tcase_add_test(dump, short_numbers_blank_lines_and_comments_are_accepted);
    tcase_add_loop_test(dump, malformed_dumps_are_refused, 0, ARRAY_SIZE(malformed));
    tcase_add_test(dump, nul_in_a_dump_is_refused);
    tcase_add_test(dump, leaves_of_a_cpu_are_bounded);
    tcase_add_test(dump, only_differences_are_kept);
    suite_add_tcase(suite, dump);
    tcase_add_loop_test(virt, hypervisors_by_signature, 0, ARRAY_SIZE(hypervisors));
    suite_add_tcase(suite, virt);
    tcase_add_test(live, live_dump);
    tcase_add_test(live, no_cpu_to_visit);
    suite_add_tcase(suite, live);
    return suite;
}
