/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --check-host on trees of hosts that are and are not good for VMs. */
#include "main.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "tree.h"
#include "vmm/check-host.h"
#include "vmm/kvm.h"

static const struct kvm_host kvm = {
    .fd = -1, .nr_vcpus = 8, .max_vcpus = 1024, .max_vcpu_id = 4096
};

#define INTEL_FLAGS "flags\t\t: fpu vmx ept_ad\nvmx flags\t: vnmi ept vpid\n"
#define AMD_FLAGS   "flags\t\t: fpu svm npt flushbyasid\n"

/* A host: what it has, what is said of it, and the verdict. */
static const struct {
    const char *cpuinfo;
    const char *files[6][2]; /* below sys/module, or from proc on */
    bool usable;
    int code; /* of opening /dev/kvm */
    const char *lines[9];
    int result;
} hosts[] = {
    { INTEL_FLAGS,
      { { "sys/module/kvm_intel/parameters/ept", "Y" },
        { "sys/module/kvm_intel/parameters/vpid", "N" },
        { "sys/module/kvm_intel/parameters/enable_ipiv", "Y" },
        { "proc/sys/vm/nr_hugepages", "16" },
        { "proc/mounts", "proc /proc proc rw 0 0\nhugetlbfs /dev/hugepages hugetlbfs rw 0 0" } },
      true,
      0,
      { "/dev/kvm         usable", "virtualization   vmx",
        "nested paging    ept, used (kvm_intel/parameters/ept=Y)",
        "tagged TLB       vpid, not used (kvm_intel/parameters/vpid=N)",
        "huge pages       16 (vm.nr_hugepages), for --mem-path /dev/hugepages",
        "vCPUs            8 recommended (KVM_CAP_NR_VCPUS), 1024 at most (KVM_CAP_MAX_VCPUS), APIC "
        "IDs below 4096 (KVM_CAP_MAX_VCPU_ID)",
        "--max-vcpus 0    6 (the host's possible CPUs)",
        "lowered IDs      saves up to 28 KiB of 32 KiB a VM (kvm_intel/parameters/enable_ipiv=Y: 8 "
        "bytes for each APIC ID)",
        "Linux guests     yes" },
      0 },
    { AMD_FLAGS,
      { { "sys/module/kvm_amd/parameters/npt", "1" },
        { "sys/module/kvm_amd/parameters/avic", "N" },
        { "proc/sys/vm/nr_hugepages", "0" },
        { "sys/kernel/mm/ksm/run", "1" } },
      true,
      0,
      { "virtualization   svm", "nested paging    npt, used (kvm_amd/parameters/npt=1)",
        "tagged TLB       asid, flushbyasid",
        "huge pages       0 (vm.nr_hugepages); hugetlbfs is not mounted", "KSM              1",
        "lowered IDs      saves 0 KiB a VM: this KVM keeps no table by APIC ID (kvm_intel's "
        "enable_ipiv, kvm_amd's avic)",
        "Linux guests     yes" },
      0 },
    { "flags\t\t: fpu svm\n",
      { { "sys/module/kvm_amd/parameters/npt", "0" } },
      true,
      0,
      { "nested paging    no", "tagged TLB       asid", "huge pages       no",
        "transparent      no" },
      0 },
    { "flags\t\t: fpu\nmodel name\t: vmx svm ept\n",
      { { "sys/module/kvm_pvm/parameters/force", "N" } },
      true,
      0,
      { "virtualization   no", "nested paging    no", "tagged TLB       no",
        "Linux guests     no: this KVM (kvm_pvm) emulates the guest's kernel, and stock ones "
        "stop" },
      -ENODEV },
    /* One that has both flag and software KVM, as a cloud's nested guests may. */
    { INTEL_FLAGS,
      { { "sys/module/kvm_pvm/parameters/force", "Y" } },
      true,
      0,
      { "nested paging    ept", "Linux guests     no: this KVM (kvm_pvm)" },
      -ENODEV },
    { "flags\t\t: fpu\n",
      { { NULL } },
      true,
      0,
      { "Linux guests     not to be expected: this KVM is not backed by vmx or svm" },
      -ENODEV },
    { INTEL_FLAGS,
      { { "sys/module/kvm_intel/parameters/ept", "Y" } },
      false,
      -EACCES,
      { "/dev/kvm         not permitted: this user is not in the device's group",
        "Linux guests     no: KVM can not be used" },
      -ENODEV },
    { AMD_FLAGS,
      { { NULL } },
      false,
      -ENOENT,
      { "/dev/kvm         not there: load kvm_intel or kvm_amd" },
      -ENODEV },
    { AMD_FLAGS,
      { { NULL } },
      false,
      -EPROTO,
      { "/dev/kvm         not usable: Protocol" },
      -ENODEV },
    { NULL, { { NULL } }, true, 0, { "virtualization   no" }, -ENODEV },
};

START_TEST(hosts_are_described)
{
    _cleanup_(tree_freep) char *tree = tree_new();
    _cleanup_free_ char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct cpuctl_root *root;
    int r;

    if (hosts[_i].cpuinfo)
        tree_write(tree, "proc/cpuinfo", "%s", hosts[_i].cpuinfo);
    tree_write(tree, "sys/devices/system/cpu/possible", "0-5\n");
    tree_write(tree, "sys/devices/system/cpu/present", "0-1\n");
    tree_write(tree, "sys/devices/system/cpu/online", "0\n");
    for (int i = 0; hosts[_i].files[i][0]; i++)
        tree_write(tree, hosts[_i].files[i][0], "%s\n", hosts[_i].files[i][1]);
    root = tree_root(tree, false);
    r = check_host_print(root, hosts[_i].usable ? &kvm : NULL, hosts[_i].code, out);
    fclose(out);
    ck_assert_msg(r == hosts[_i].result, "%d:\n%s", r, text);
    for (int i = 0; i < 9 && hosts[_i].lines[i]; i++)
        ck_assert_msg(strstr(text, hosts[_i].lines[i]) != NULL, "no \"%s\" in\n%s",
                      hosts[_i].lines[i], text);
    ck_assert(hosts[_i].usable || !strstr(text, "KVM_CAP"));
    cpuctl_root_free(root);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("vmm-check-host");
    TCase *core = tcase_create("check-host");

    tcase_add_loop_test(core, hosts_are_described, 0, sizeof(hosts) / sizeof(hosts[0]));
    suite_add_tcase(suite, core);
    return suite;
}
