/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Limits on vCPUs: each refusal names the number, the limit and its source. */
#include "main.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "cpuctl.h"
#include "tree.h"
#include "vmm/kvm.h"
#include "vmm/limits.h"
#include "vmm/smp.h"

static const struct kvm_host host = { .max_vcpus = 1024, .max_vcpu_id = 4096 };

static const struct {
    const char *smp;
    struct limits limits;
    const char *refusal[3]; /* what the sentence has; none: allowed */
} cases[] = {
    { "1,maxcpus=1024", { .ext_dest_id = true }, { NULL } },
    { "1,maxcpus=1025", { .ext_dest_id = true }, { "1025", "1024", "KVM_CAP_MAX_VCPUS" } },
    { "1,maxcpus=255", { .ext_dest_id = false }, { NULL } },
    { "1,maxcpus=256", { .ext_dest_id = false }, { "255", "254", "msi-ext-dest-id" } },
    { "1,maxcpus=255", { .ext_dest_id = true, .xapic_only = true }, { NULL } },
    { "1,maxcpus=300",
      { .ext_dest_id = true, .xapic_only = true },
      { "300 possible CPUs", "is 299, but without x2APIC (-x2apic in --cpu)", "up to 254" } },
    /* Three dies of five cores take 32 IDs a socket. */
    { "1,sockets=68,dies=3,cores=5,maxcpus=1020", { .ext_dest_id = true }, { NULL } },
    { "4,maxcpus=8", { .ext_dest_id = true, .max_given = true, .max_vcpus = 8 }, { NULL } },
    { "4,maxcpus=9",
      { .ext_dest_id = true, .max_given = true, .max_vcpus = 8 },
      { "maxcpus is 9", "--max-vcpus 8 allows 8", "" } },
    { "4,maxcpus=9",
      { .ext_dest_id = true, .max_given = true, .host_possible = 2 },
      { "maxcpus is 9", "allows 2", "the host's possible CPUs" } },
    /* The host's CPUs bound the count; the IDs that the topology spreads it over are KVM's matter.
     */
    { "4,maxcpus=12,sockets=4,cores=3",
      { .ext_dest_id = true, .max_given = true, .host_possible = 12 },
      { NULL } },
    { "1,maxcpus=1024,sockets=1024",
      { .ext_dest_id = false, .max_given = true, .max_vcpus = 2000 },
      { "1024 possible CPUs", "is 1023", "up to 254" } },
    /* --max-vcpus does not lift KVM's limit. */
    { "1,maxcpus=1025",
      { .ext_dest_id = true, .max_given = true, .max_vcpus = 2000 },
      { "maxcpus is 1025", "1024", "KVM_CAP_MAX_VCPUS" } },
};

START_TEST(refusals_are_explained)
{
    struct cpuctl_error error = { 0 };
    struct smp smp;
    int r;

    ck_assert_int_eq(smp_parse(cases[_i].smp, &smp, &error), 0);
    r = limits_check(&host, &smp, &cases[_i].limits, &error);
    ck_assert_int_eq(r, cases[_i].refusal[0] ? -ERANGE : 0);
    for (int i = 0; i < 3 && cases[_i].refusal[0]; i++)
        ck_assert_msg(strstr(error.text, cases[_i].refusal[i]) != NULL, "no \"%s\" in \"%s\"",
                      cases[_i].refusal[i], error.text);
}
END_TEST

START_TEST(ids_bound_what_the_count_allows)
{
    const struct kvm_host small = { .max_vcpus = 1024, .max_vcpu_id = 1024 };
    struct limits limits = { .ext_dest_id = true };
    struct cpuctl_error error = { 0 };
    struct smp smp;

    /* Each socket takes four IDs, so the last one is 340 × 4 + 2. */
    ck_assert_int_eq(smp_parse("1,sockets=341,cores=3,maxcpus=1023", &smp, &error), 0);
    ck_assert_int_eq(limits_check(&small, &smp, &limits, &error), -ERANGE);
    ck_assert_ptr_nonnull(strstr(error.text, "1362"));
    ck_assert_ptr_nonnull(strstr(error.text, "below 1024"));
    ck_assert_ptr_nonnull(strstr(error.text, "KVM_CAP_MAX_VCPU_ID"));
}
END_TEST

/* KVM takes the limit once: another one is refused, and the refusal is not kept quiet. */
START_TEST(lowering)
{
    static const struct smp four = { 1, 4, 1, 1, 4, 1 }, eight = { 1, 8, 1, 1, 8, 1 };
    struct cpuctl_error error = { 0 };
    struct kvm_host kvm;
    int vm;

    if (kvm_host_open(NULL, &kvm) < 0)
        unit_skip("/dev/kvm can not be opened");
    vm = kvm_create_vm(&kvm);
    ck_assert_int_ge(vm, 0);
    if (limits_lower(vm, &four, &error) == 0) {
        ck_assert_int_eq(limits_lower(vm, &four, &error), 0);
        ck_assert_int_eq(limits_lower(vm, &eight, &error), -EINVAL);
    }
    ck_assert_ptr_nonnull(strstr(error.text, "KVM_CAP_MAX_VCPU_ID can not be lowered to"));
    ck_assert_ptr_nonnull(strstr(error.text, "since 6.0"));
    close(vm);
    kvm_host_close(&kvm);
}
END_TEST

START_TEST(ids_have_fifteen_bits)
{
    const struct kvm_host large = { .max_vcpus = 32768, .max_vcpu_id = 65536 };
    struct limits limits = { .ext_dest_id = true };
    struct cpuctl_error error = { 0 };
    struct smp smp;

    ck_assert_int_eq(smp_parse("1,maxcpus=32768", &smp, &error), 0);
    ck_assert_int_eq(limits_check(&large, &smp, &limits, &error), 0);
    ck_assert_int_eq(smp_parse("1,maxcpus=24579,sockets=8193,cores=3", &smp, &error), 0);
    ck_assert_int_eq(limits_check(&large, &smp, &limits, &error), -ERANGE);
    ck_assert_ptr_nonnull(strstr(error.text, "24579 possible CPUs"));
    ck_assert_ptr_nonnull(strstr(error.text, "32770"));
    ck_assert_ptr_nonnull(strstr(error.text, "15 bits: up to 32767"));
}
END_TEST

START_TEST(possible_cpus_are_the_hosts)
{
    _cleanup_(tree_freep) char *tree = tree_new();
    struct cpuctl_error error = { 0 };
    struct cpuctl_root *root = tree_root(tree, false);
    unsigned int count = 77;

    ck_assert_int_eq(limits_host_possible(root, &count, &error), -ENOENT);
    ck_assert_uint_eq(count, 77);
    /* Also those that are neither there nor online; the numbers have a hole. */
    tree_write(tree, "sys/devices/system/cpu/possible", "0-3,8-9\n");
    tree_write(tree, "sys/devices/system/cpu/present", "0-1\n");
    tree_write(tree, "sys/devices/system/cpu/online", "0\n");
    ck_assert_int_eq(limits_host_possible(root, &count, &error), 0);
    ck_assert_uint_eq(count, 6);
    cpuctl_root_free(root);
}
END_TEST

START_TEST(tables_are_whole_pages)
{
    ck_assert_uint_eq(limits_table_size(1), 4096);
    ck_assert_uint_eq(limits_table_size(512), 4096);
    ck_assert_uint_eq(limits_table_size(513), 8192);
    ck_assert_uint_eq(limits_table_size(4096), 32768);
    ck_assert_uint_eq(limits_table_size(4097), 65536);
    ck_assert_uint_eq(limits_table_size(UINT32_MAX), 1ULL << 35);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("vmm-limits");
    TCase *core = tcase_create("limits");

    tcase_add_loop_test(core, refusals_are_explained, 0, sizeof(cases) / sizeof(cases[0]));
    tcase_add_test(core, ids_bound_what_the_count_allows);
    tcase_add_test(core, ids_have_fifteen_bits);
    tcase_add_test(core, possible_cpus_are_the_hosts);
    tcase_add_test(core, tables_are_whole_pages);
    tcase_add_test(core, lowering);
    suite_add_tcase(suite, core);
    return suite;
}
