/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /proc/cpuinfo of several architectures, malformed ones, decimal fractions, and the names of Arm
 * processors. */
#include "main.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arm.h"
#include "cpuinfo.h"
#include "decimal.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static struct cpuinfo *parse(const char *text)
{
    _cleanup_free_ char *copy = strdup(text);
    struct cpuinfo *info = NULL;
    struct cpuctl_error error = { 0 };

    ck_assert_msg(cpuinfo_parse(copy, &info, &error) == 0, "%s", error.text);
    return info;
}

static void assert_value(const struct cpuinfo *info, size_t type, enum cpuinfo_value value,
                         const char *expected)
{
    ck_assert_uint_lt(type, info->ntypes);
    ck_assert_pstr_eq(info->types[type].values[value], expected);
}

START_TEST(x86)
{
    _cleanup_(cpuinfo_freep) struct cpuinfo *info =
        parse("processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 46\n"
              "model name\t: Intel(R) Xeon(R) CPU           X7550  @ 2.00GHz\nstepping\t: 6\n"
              "cpu MHz\t\t: 1064.001\napicid\t\t: 0\nflags\t\t: fpu vme lm\nbogomips\t: 3990.31\n"
              "address sizes\t: 44 bits physical, 48 bits virtual\npower management:\n\n"
              "processor\t: 3\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 46\n"
              "model name\t: Intel(R) Xeon(R) CPU           X7550  @ 2.00GHz\nstepping\t: 6\n"
              "cpu MHz\t\t: 1995.5\napicid\t\t: 4294967294\nbogomips\t: 3989.40\n\n");

    ck_assert_uint_eq(info->ntypes, 1);
    assert_value(info, 0, CPUINFO_VENDOR, "GenuineIntel");
    assert_value(info, 0, CPUINFO_FAMILY, "6");
    assert_value(info, 0, CPUINFO_MODEL, "46");
    assert_value(info, 0, CPUINFO_MODEL_NAME, "Intel(R) Xeon(R) CPU           X7550  @ 2.00GHz");
    assert_value(info, 0, CPUINFO_STEPPING, "6");
    assert_value(info, 0, CPUINFO_FLAGS, "fpu vme lm");
    assert_value(info, 0, CPUINFO_BOGOMIPS, "3990.31");
    assert_value(info, 0, CPUINFO_ADDRESS_SIZES, "44 bits physical, 48 bits virtual");
    ck_assert_uint_eq(info->ncpus, 2);
    ck_assert_ptr_null(cpuinfo_find(info, 1));
    ck_assert_float_eq(cpuinfo_find(info, 0)->mhz, 1064.001f);
    ck_assert_int_eq(cpuinfo_find(info, 3)->apic_id, 4294967294);
    ck_assert_str_eq(cpuinfo_find(info, 3)->bogomips, "3989.40");
}
END_TEST

START_TEST(arm_types_that_alternate)
{
    static const char little[] =
        "BogoMIPS\t: 38.40\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\n"
        "CPU variant\t: 0x0\nCPU part\t: 0xd03\nCPU revision\t: 4\n\n";
    static const char big[] =
        "BogoMIPS\t: 38.40\nFeatures\t: fp asimd sve\nCPU implementer\t: 0x41\n"
        "CPU variant\t: 0x0\nCPU part\t: 0xd08\nCPU revision\t: 3\n\n";
    _cleanup_free_ char *text = NULL;
    _cleanup_(cpuinfo_freep) struct cpuinfo *info = NULL;

    ck_assert_int_gt(
        asprintf(&text, "processor : 0\n%sprocessor : 1\n%sprocessor : 2\n%s", little, big, little),
        0);
    info = parse(text);
    ck_assert_uint_eq(info->ntypes, 2);
    assert_value(info, 0, CPUINFO_MODEL, "0xd03");
    assert_value(info, 0, CPUINFO_FLAGS, "fp asimd");
    assert_value(info, 1, CPUINFO_MODEL, "0xd08");
    assert_value(info, 1, CPUINFO_FLAGS, "fp asimd sve");
    ck_assert_uint_eq(cpuinfo_find(info, 0)->type, 0);
    ck_assert_uint_eq(cpuinfo_find(info, 1)->type, 1);
    ck_assert_uint_eq(cpuinfo_find(info, 2)->type, 0);
}
END_TEST

START_TEST(values_outside_of_cpu_blocks)
{
    /* old 32-bit Arm tells them after the CPUs, s390 before, and s390 has two blocks a CPU */
    _cleanup_(cpuinfo_freep) struct cpuinfo *arm =
        parse("Processor : ARMv7\nprocessor : 0\nBogoMIPS : 1694.10\n\nprocessor : 1\n"
              "BogoMIPS : 1694.10\n\nFeatures : swp\nCPU implementer : 0x41\nCPU part : 0xc0f\n");
    _cleanup_(cpuinfo_freep) struct cpuinfo *s390 =
        parse("vendor_id       : IBM/S390\n# processors    : 2\nbogomips per cpu: 3033.00\n"
              "max thread id   : 1\nfeatures\t: esan3 zarch\n"
              "cache0          : level=1 type=Data scope=Private size=128K line_size=256 "
              "associativity=8\n"
              "cache5          : level=4 type=Unified scope=Shared size=491520K line_size=256 "
              "associativity=30\n"
              "cache4          : level=3 type=Unified scope=Shared size=65536K line_size=256 "
              "associativity=16\n"
              "processor 0: version = FF,  identification = 1633E8,  machine = 2964\n"
              "processor 1: version = FF,  identification = 1633E8,  machine = 2964\n\n"
              "cpu number      : 0\ncpu MHz dynamic : 5000\ncpu MHz static  : 5200\n\n"
              "cpu number      : 1\ncpu MHz dynamic : 5001\n");

    ck_assert_uint_eq(arm->ntypes, 1);
    assert_value(arm, 0, CPUINFO_MODEL, "0xc0f");
    assert_value(arm, 0, CPUINFO_FLAGS, "swp");
    ck_assert_uint_eq(arm->ncpus, 2);

    ck_assert_uint_eq(s390->ntypes, 1);
    ck_assert_uint_eq(s390->ncpus, 2);
    assert_value(s390, 0, CPUINFO_VENDOR, "IBM/S390");
    assert_value(s390, 0, CPUINFO_BOGOMIPS, "3033.00");
    assert_value(s390, 0, CPUINFO_MAX_THREAD_ID, "1");
    assert_value(s390, 0, CPUINFO_DYNAMIC_MHZ, "5000");
    assert_value(s390, 0, CPUINFO_STATIC_MHZ, "5200");
    ck_assert_uint_eq(s390->ncaches, 2);
    ck_assert_str_eq(s390->caches[0].name, "L3");
    ck_assert_str_eq(s390->caches[1].name, "L4");
    ck_assert_uint_eq(s390->caches[0].size, 65536 * 1024);
    ck_assert_uint_eq(s390->caches[0].sets, 16384);
}
END_TEST

static const char *const caches_not_understood[] = {
    "",
    "level=3",
    "level=3 type=Unified scope=Shared size=65536K line_size=256",
    "level=3 type=Unified size=65536K line_size=256 associativity=16",
    "level=5 type=Unified scope=Shared size=65536K line_size=256 associativity=16",
    "level=0 type=Unified scope=Shared size=65536K line_size=256 associativity=16",
    "level=3 type=Magic scope=Shared size=65536K line_size=256 associativity=16",
    "level=3 type=Unified scope=Shared size=99999999999999999999K line_size=256 associativity=16",
    "level=3 type=Unified scope=Shared size=-1K line_size=256 associativity=16",
    "level=3 type=Unified scope=Shared line_size=256 associativity=16",
    "level=2 type=Data scope=Private size=2048K line_size=256 associativity=8",
};

START_TEST(caches_that_are_passed_over)
{
    struct cpuctl_cache cache;

    ck_assert_int_eq(cpuinfo_parse_cache(caches_not_understood[_i], &cache), 0);
}
END_TEST

START_TEST(cache_without_ways_has_no_sets)
{
    struct cpuctl_cache cache;

    ck_assert_int_eq(cpuinfo_parse_cache("level=2 type=Instruction scope=Shared size=64K "
                                         "line_size=0 associativity=0",
                                         &cache),
                     1);
    ck_assert_str_eq(cache.name, "L2i");
    ck_assert_uint_eq(cache.sets, 0);
    ck_assert_ptr_null(cache.cpus);
}
END_TEST

START_TEST(strange_but_harmless)
{
    _cleanup_(cpuinfo_freep) struct cpuinfo *empty = parse("");
    _cleanup_(cpuinfo_freep) struct cpuinfo *odd =
        parse(":::\n\n\n  \t\nno colon here\nprocessor\nmodel name :\nprocessor : 5\n"
              "cpu MHz : fast\nbogomips : 12345678901234567890\nmodel name : \xff\xfe\n"
              "a name that is longer than any of those that are known to the parser : 1");

    ck_assert_uint_eq(empty->ntypes, 1);
    ck_assert_uint_eq(empty->ncpus, 0);
    ck_assert_uint_eq(odd->ncpus, 1);
    ck_assert_float_eq(cpuinfo_find(odd, 5)->mhz, 0);
    ck_assert_str_eq(cpuinfo_find(odd, 5)->bogomips, "");
    assert_value(odd, 0, CPUINFO_MODEL_NAME, "\xff\xfe");
}
END_TEST

static const struct {
    const char *text;
    const char *what;
} malformed[] = {
    { "processor : x\n", "line 1: a CPU number" },
    { "processor : -1\n", "line 1: a CPU number" },
    { "\nprocessor : 1 2\n", "line 2: a CPU number" },
    { "processor : 1048576\n", "not below 1048576" },
    { "processor : 99999999999999999999\n", "not below 1048576" },
    { "processor : 4\nprocessor : 3\n", "do not rise" },
};

START_TEST(malformed_cpuinfo_is_refused)
{
    _cleanup_free_ char *copy = strdup(malformed[_i].text);
    struct cpuinfo *info = NULL;
    struct cpuctl_error error = { 0 };

    ck_assert_int_eq(cpuinfo_parse(copy, &info, &error), -EBADMSG);
    ck_assert_ptr_null(info);
    ck_assert_msg(strstr(error.text, malformed[_i].what), "\"%s\" has no \"%s\"", error.text,
                  malformed[_i].what);
}
END_TEST

START_TEST(types_are_bounded)
{
    _cleanup_free_ char *text = NULL;
    struct cpuinfo *info = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);

    for (unsigned int i = 0; i <= 1024; i++)
        fprintf(stream, "processor : %u\nmodel : %u\n\n", i, i);
    fclose(stream);
    ck_assert_int_eq(cpuinfo_parse(text, &info, NULL), -EBADMSG);
}
END_TEST

/* ---- decimal fractions */

static const struct {
    const char *text;
    const char *printed; /* by decimal_format() */
} decimals[] = {
    { "2894.214", "2894.2141" }, /* the nearest float, as lscpu prints it */
    { "2016", "2016.0000" },
    { "0.5", "0.5000" },
    { "307.2", "307.2000" },
    { "2803.2000", "2803.2000" },
    { "", "0.0000" },
    { "1.2.3", "0.0000" },
    { "12x", "0.0000" },
    { "-3", "0.0000" },
    { ".25", "0.2500" },
    { "1234567890123456", "0.0000" },
};

START_TEST(decimal_fractions)
{
    _cleanup_free_ char *text = decimal_format(decimal_parse(decimals[_i].text));

    ck_assert_pstr_eq(text, decimals[_i].printed);
}
END_TEST

START_TEST(decimals_are_rounded_like_printf)
{
    for (unsigned int i = 0; i < 200000; i += 7) {
        float value = (float)i / 1024;
        _cleanup_free_ char *ours = decimal_format(value);
        char theirs[32];

        snprintf(theirs, sizeof(theirs), "%.4f", (double)value);
        ck_assert_str_eq(ours, theirs);
    }
}
END_TEST

/* ---- Arm */

START_TEST(arm_names)
{
    ck_assert_pstr_eq(arm_implementer_name(0x41), "ARM");
    ck_assert_pstr_eq(arm_implementer_name(0xc0), "Ampere");
    ck_assert_pstr_eq(arm_part_name(0x41, 0xd0c), "Neoverse-N1");
    ck_assert_pstr_eq(arm_part_name(0x41, 0x810), "ARM810");
    ck_assert_pstr_eq(arm_part_name(0x50, 0x000), "X-Gene"); /* part 0 is a part */
    ck_assert_pstr_eq(arm_part_name(0xc0, 0xac4), "Ampere-1a");
    ck_assert_pstr_eq(arm_part_name(0x48, 0xd01), "Kunpeng-920");
    ck_assert_ptr_null(arm_part_name(0x41, 0xfff));
    ck_assert_ptr_null(arm_part_name(0x42, 0xd0c));
    ck_assert_ptr_null(arm_implementer_name(0));
    ck_assert_ptr_null(arm_implementer_name(0x10041)); /* not cut to 16 bits */
    ck_assert_ptr_null(arm_part_name(0x41, 0x10d0c));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("cpuinfo");
    TCase *parser = tcase_create("parser"), *decimal = tcase_create("decimal"),
          *arm = tcase_create("arm");

    tcase_add_test(parser, x86);
    tcase_add_test(parser, arm_types_that_alternate);
    tcase_add_test(parser, values_outside_of_cpu_blocks);
    tcase_add_loop_test(parser, caches_that_are_passed_over, 0, ARRAY_SIZE(caches_not_understood));
    tcase_add_test(parser, cache_without_ways_has_no_sets);
    tcase_add_test(parser, strange_but_harmless);
    tcase_add_loop_test(parser, malformed_cpuinfo_is_refused, 0, ARRAY_SIZE(malformed));
    tcase_add_test(parser, types_are_bounded);
    suite_add_tcase(suite, parser);
    tcase_add_loop_test(decimal, decimal_fractions, 0, ARRAY_SIZE(decimals));
    tcase_add_test(decimal, decimals_are_rounded_like_printf);
    suite_add_tcase(suite, decimal);
    tcase_add_test(arm, arm_names);
    suite_add_tcase(suite, arm);
    return suite;
}
