/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The identity of made-up and recorded machines: virtualization, firmware, frequencies,
 * vulnerabilities. */
#include "main.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "identity.h"
#include "root.h"
#include "tree.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const char one_x86_cpu[] = "processor : 0\nvendor_id : GenuineIntel\nflags : fpu vmx lm\n";

/** A machine of @cpus CPUs. */
static char *new_machine(const char *cpuinfo, const char *cpus)
{
    static const char *const masks[] = { "possible", "present", "online" };
    char *tree = tree_new();

    tree_write(tree, "proc/cpuinfo", "%s", cpuinfo);
    for (size_t i = 0; i < ARRAY_SIZE(masks); i++) {
        char path[ROOT_PATH_MAX];

        snprintf(path, sizeof(path), ROOT_CPU_DIR "/%s", masks[i]);
        tree_write(tree, path, "%s\n", cpus);
    }
    return tree;
}

static struct cpuctl_identity *read_identity(const char *tree)
{
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, false);
    struct cpuctl_identity *identity = NULL;
    struct cpuctl_error error = { 0 };

    ck_assert_msg(cpuctl_identity_read(root, NULL, CPUCTL_IDENTITY_ALL, &identity, &error) == 0,
                  "%s", error.text);
    return identity;
}

static void assert_field(const struct cpuctl_identity *identity, unsigned int type,
                         enum cpuctl_field field, const char *expected)
{
    const char *value = cpuctl_identity_get(identity, type, field);

    ck_assert_msg(value == expected || (value && expected && !strcmp(value, expected)),
                  "%s of type %u is \"%s\", not \"%s\"", cpuctl_field_name(field), type,
                  value ? value : "(none)", expected ? expected : "(none)");
}

/* ---- virtualization */

/** Files of a machine (path and content, "" for a directory's placeholder), and what they tell. */
static const struct {
    const char *files[5][2];
    const char *vendor, *type, *hypervisor;
} machines[] = {
    { { { NULL } }, NULL, NULL, NULL },
    { { { "proc/sys/kernel/osrelease", "4.4.0-19041-Microsoft\n" } },
      "Windows Subsystem for Linux",
      "container",
      NULL },
    { { { "proc/sys/kernel/osrelease", "5.15.90.1-microsoft-standard-WSL2\n" } },
      NULL,
      NULL,
      NULL },
    /* CPUID comes before the firmware */
    { { { "cpuid", "cpu 0\n40000000 0 40000001 4b4d564b 564b4d56 4d\n" },
        { "sys/class/dmi/id/sys_vendor", "innotek GmbH\n" } },
      "KVM",
      "full",
      NULL },
    { { { "cpuid", "cpu 0\n40000000 0 40000001 54474354 43544743 47435447\n" } },
      "QEMU TCG",
      "full",
      NULL },
    /* Xen: HVM, PVH and PV */
    { { { "cpuid", "cpu 0\n40000000 0 40000005 566e6558 65584d4d 4d4d566e\n" } },
      "Xen",
      "full",
      NULL },
    { { { "cpuid", "cpu 0\n40000000 0 40000005 566e6558 65584d4d 4d4d566e\n" },
        { "sys/hypervisor/properties/features", "00000000,00000705\n" } },
      "Xen",
      "full",
      NULL },
    { { { "cpuid", "cpu 0\n40000000 0 40000005 566e6558 65584d4d 4d4d566e\n" },
        { "sys/hypervisor/properties/features", "00000108\n" } },
      "Xen",
      "para",
      NULL },
    { { { "cpuid", "cpu 0\n40000000 0 40000005 566e6558 65584d4d 4d4d566e\n" },
        { "sys/hypervisor/properties/features", "00000020\n" } },
      "Xen",
      "para",
      NULL },
    { { { "proc/xen/capabilities", "" } }, "Xen", "para", NULL },
    { { { "proc/xen/capabilities", "control_d\n" } }, "Xen", "none", NULL },
    /* firmware */
    { { { "sys/class/dmi/id/sys_vendor", "innotek GmbH\n" } }, "Innotek GmbH", "full", NULL },
    { { { "sys/class/dmi/id/sys_vendor", "HITACHI\n" },
        { "sys/class/dmi/id/product_name", "BladeSymphony LPAR\n" } },
      "Hitachi",
      "full",
      NULL },
    { { { "sys/class/dmi/id/sys_vendor", "HITACHI\n" } }, NULL, NULL, NULL },
    { { { "sys/class/dmi/id/bios_vendor", "Parallels\n" } }, "Parallels", "full", NULL },
    /* devices */
    { { { "proc/bus/pci/devices", "0000\t80861237\t0\n0010\t80eebeef\t12\te0000008\n" } },
      "Oracle",
      "full",
      NULL },
    { { { "proc/bus/pci/devices", "0078\t15ad0710\t0\n" } }, "VMware", "full", NULL },
    { { { "proc/bus/pci/devices", "0018\t58530001\t0\n" } }, "Xen", "full", NULL },
    { { { "proc/bus/pci/devices", "nonsense\n80ee\n\n\t\t" } }, NULL, NULL, NULL },
    /* IBM Power */
    { { { "proc/iSeries/config", "" } }, "OS/400", "para", NULL },
    { { { "proc/device-tree/ibm,partition-name", "aix1" },
        { "proc/device-tree/hmc-managed?", "" } },
      "pHyp",
      "para",
      NULL },
    { { { "proc/device-tree/ibm,partition-name", "full" },
        { "proc/device-tree/hmc-managed?", "" } },
      "pHyp",
      "none",
      NULL },
    { { { "proc/device-tree/compatible", "ibm,powernv" },
        { "proc/device-tree/ibm,partition-name", "aix1" },
        { "proc/device-tree/hmc-managed?", "" } },
      NULL,
      NULL,
      NULL },
    { { { "proc/device-tree/compatible", "qemu,pseries" } }, "KVM", "para", NULL },
    { { { "proc/device-tree/ibm,partition-name", "aix1" },
        { "proc/device-tree/hmc-managed?", "" },
        { "proc/device-tree/chosen/qemu,graphic-width", "" },
        { "proc/device-tree/compatible", "qemu,pseries" } },
      "KVM",
      "para",
      NULL },
    { { { "proc/device-tree/compatible", "raspberrypi,4-model-b" } }, NULL, NULL, NULL },
    /* s390 */
    { { { "proc/sysinfo", "Manufacturer: IBM\nType: 2964\nLPAR Number: 22\n" } },
      "IBM",
      "full",
      "PR/SM" },
    { { { "proc/sysinfo",
          "Type: 2964\nVM00 Control Program: z/VM    6.4.0   \nVM00 CPUs Total: 4\n" } },
      "IBM",
      "full",
      "z/VM 6.4.0" },
    { { { "proc/sysinfo",
          "VM00 Control Program: KVM/Linux       \nVM01 Control Program: z/VM\n" } },
      "KVM",
      "full",
      "KVM/Linux" },
    { { { "proc/sysinfo", "VM00 Control Program:" } }, "IBM", "full", NULL },
    /* containers */
    { { { "proc/vz/version", "" } }, "Parallels", "container", NULL },
    { { { "proc/vz/version", "" }, { "proc/bc/0", "" } }, NULL, NULL, NULL },
    { { { "proc/self/status", "Name:\tinit\nVxID:\t42\nState:\tR\n" } },
      "Linux-VServer",
      "container",
      NULL },
    { { { "proc/self/status", "Name:\tinit\nVxID:\tnone\n" } }, NULL, NULL, NULL },
    { { { "proc/self/status", "Name:\tinit\n" } }, NULL, NULL, NULL },
};

START_TEST(virtualization)
{
    _cleanup_(tree_freep) char *tree = new_machine(one_x86_cpu, "0");
    _cleanup_(cpuctl_identity_freep) struct cpuctl_identity *identity = NULL;

    for (size_t i = 0; i < 5 && machines[_i].files[i][0]; i++)
        tree_write(tree, machines[_i].files[i][0], "%s", machines[_i].files[i][1]);
    identity = read_identity(tree);
    assert_field(identity, 0, CPUCTL_HYPERVISOR_VENDOR, machines[_i].vendor);
    assert_field(identity, 0, CPUCTL_VIRTUALIZATION_TYPE, machines[_i].type);
    assert_field(identity, 0, CPUCTL_HYPERVISOR, machines[_i].hypervisor);
    assert_field(identity, 0, CPUCTL_VIRT_FEATURE, "VT-x");
}
END_TEST

START_TEST(user_mode_linux)
{
    _cleanup_(tree_freep) char *tree =
        new_machine("processor : 0\nvendor_id : User Mode Linux\nmodel name : UML\n", "0");
    _cleanup_(cpuctl_identity_freep) struct cpuctl_identity *identity = read_identity(tree);

    assert_field(identity, 0, CPUCTL_HYPERVISOR_VENDOR, "User-mode Linux");
    assert_field(identity, 0, CPUCTL_VIRTUALIZATION_TYPE, "para");
    assert_field(identity, 0, CPUCTL_VIRT_FEATURE, NULL);
}
END_TEST

/* ---- x86 by CPUID */

START_TEST(identity_from_cpuid)
{
    /* an AMD EPYC 7451: leaf 1 EAX 00800f12 is family 0x17, model 1, stepping 2 */
    _cleanup_(tree_freep) char *tree =
        new_machine("processor : 0\nflags : lm svm\n\nprocessor : 1\napicid : 77\n", "0-2");
    _cleanup_(cpuctl_identity_freep) struct cpuctl_identity *identity = NULL;
    struct cpuctl_cpu_identity cpu;

    tree_write(tree, "cpuid",
               "cpu 0\n"
               "0 0 d 68747541 444d4163 69746e65\n"
               "1 0 00800f12 05000800 0 0\n"
               "80000002 0 20202020 20444d41 43595045 35343720\n"
               "80000003 0 34322031 726f432d 72502065 7365636f\n"
               "80000004 0 20726f73 20202020 20202020 00202020\n"
               "80000008 0 00003030 0 0 0\n"
               "cpu 2\n"
               "0000000b 0 1 2 100 00012345\n");
    tree_write(tree, "proc/sys/kernel/arch", "x86_64\n");
    tree_write(tree, "sys/kernel/cpu_byteorder", "little\n");
    identity = read_identity(tree);
    assert_field(identity, 0, CPUCTL_VENDOR, "AuthenticAMD");
    assert_field(identity, 0, CPUCTL_FAMILY, "23");
    assert_field(identity, 0, CPUCTL_MODEL, "1");
    assert_field(identity, 0, CPUCTL_STEPPING, "2");
    assert_field(identity, 0, CPUCTL_MODEL_NAME, "AMD EPYC 7451 24-Core Processor");
    assert_field(identity, 0, CPUCTL_ADDRESS_SIZES, "48 bits physical, 48 bits virtual");
    assert_field(identity, 0, CPUCTL_OP_MODES, "32-bit, 64-bit");
    assert_field(identity, 0, CPUCTL_VIRT_FEATURE, "AMD-V");
    assert_field(identity, 0, CPUCTL_ARCHITECTURE, "x86_64");
    assert_field(identity, 0, CPUCTL_BYTE_ORDER, "Little Endian");
    ck_assert_int_eq(cpuctl_identity_cpu(identity, 0, &cpu), 0);
    ck_assert_int_eq(cpu.apic_id, 5);
    ck_assert_int_eq(cpuctl_identity_cpu(identity, 1, &cpu), 0);
    ck_assert_int_eq(cpu.apic_id, 77); /* cpuinfo's */
    ck_assert_int_eq(cpuctl_identity_cpu(identity, 2, &cpu), 0);
    ck_assert_int_eq(cpu.apic_id, 0x12345);
    ck_assert_int_eq(cpuctl_identity_cpu(identity, 3, &cpu), -ENODEV);
}
END_TEST

static const struct {
    const char *architecture, *told, *byte_order;
} byte_orders[] = {
    { "x86_64", NULL, "Little Endian" },     { "s390x", NULL, "Big Endian" },
    { "aarch64", "big", "Big Endian" }, /* what the kernel says comes first */
    { "aarch64", NULL, "Little Endian" },    { "mips64", NULL, NULL },
    { "mips64", "little", "Little Endian" }, { "mips64", "middle", NULL },
};

START_TEST(byte_order)
{
    _cleanup_(tree_freep) char *tree = new_machine(one_x86_cpu, "0");
    _cleanup_(cpuctl_identity_freep) struct cpuctl_identity *identity = NULL;

    tree_write(tree, "proc/sys/kernel/arch", "%s\n", byte_orders[_i].architecture);
    if (byte_orders[_i].told)
        tree_write(tree, "sys/kernel/cpu_byteorder", "%s\n", byte_orders[_i].told);
    identity = read_identity(tree);
    assert_field(identity, 0, CPUCTL_ARCHITECTURE, byte_orders[_i].architecture);
    assert_field(identity, 0, CPUCTL_BYTE_ORDER, byte_orders[_i].byte_order);
}
END_TEST

START_TEST(malformed_files_are_named)
{
    _cleanup_(tree_freep) char *tree = new_machine(one_x86_cpu, "0");
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, false);
    struct cpuctl_identity *identity = NULL;
    struct cpuctl_error error = { 0 };

    tree_write(tree, "cpuid", "cpu 0\nnonsense\n");
    ck_assert_int_eq(cpuctl_identity_read(root, NULL, CPUCTL_IDENTITY_ALL, &identity, &error),
                     -EBADMSG);
    ck_assert_msg(strstr(error.text, "CPUID dump, line 2"), "%s", error.text);
    ck_assert_int_eq(cpuctl_identity_read(root, NULL, 4, &identity, &error), -EINVAL);
    tree_remove(tree, "proc/cpuinfo");
    ck_assert_int_eq(cpuctl_identity_read(root, NULL, 0, &identity, &error), -ENOENT);
    ck_assert_msg(strstr(error.text, "cpuinfo"), "%s", error.text);
    ck_assert_ptr_null(identity);
}
END_TEST

/* ---- frequencies */

START_TEST(frequency_by_policy)
{
    _cleanup_(tree_freep) char *tree =
        new_machine("processor : 0\ncpu MHz : 1000\n\nprocessor : 1\ncpu MHz : 1234.5\n", "0-3");
    _cleanup_(cpuctl_identity_freep) struct cpuctl_identity *identity = NULL;
    struct cpuctl_cpu_identity cpu;

    tree_write(tree, ROOT_CPU_DIR "/cpufreq/boost", "0\n");
    tree_write(tree, ROOT_CPU_DIR "/cpufreq/policy0/related_cpus", "0 2 9 \n");
    tree_write(tree, ROOT_CPU_DIR "/cpufreq/policy0/cpuinfo_max_freq", "2803200\n");
    tree_write(tree, ROOT_CPU_DIR "/cpufreq/policy0/cpuinfo_min_freq", "499200\n");
    tree_write(tree, ROOT_CPU_DIR "/cpufreq/policy0/scaling_cur_freq", "1401600\n");
    tree_write(tree, ROOT_CPU_DIR "/cpufreq/policy1/related_cpus", "1\n");
    tree_write(tree, ROOT_CPU_DIR "/cpufreq/policy1/cpuinfo_max_freq", "nonsense\n");
    tree_write(tree, ROOT_CPU_DIR "/cpufreq/policyx/related_cpus", "1\n");
    identity = read_identity(tree);
    ck_assert_int_eq(cpuctl_identity_cpu(identity, 2, &cpu), 0);
    ck_assert_float_eq(cpu.mhz, 1401.6f);
    ck_assert_float_eq(cpu.max_mhz, 2803.2f);
    ck_assert_float_eq(cpu.min_mhz, 499.2f);
    ck_assert_int_eq(cpuctl_identity_cpu(identity, 1, &cpu), 0);
    ck_assert_float_eq(cpu.mhz, 1234.5f);
    ck_assert_float_eq(cpu.max_mhz, 0);
    assert_field(identity, 0, CPUCTL_MAX_MHZ, "2803.2000");
    assert_field(identity, 0, CPUCTL_MIN_MHZ, "499.2000"); /* of those that tell one */
    assert_field(identity, 0, CPUCTL_SCALING_MHZ, "50%");
    assert_field(identity, 0, CPUCTL_FREQUENCY_BOOST, "disabled");
}
END_TEST

START_TEST(frequency_by_cpu)
{
    _cleanup_(tree_freep) char *tree = new_machine(one_x86_cpu, "0-1");
    _cleanup_(cpuctl_identity_freep) struct cpuctl_identity *identity = NULL;

    tree_write(tree, ROOT_CPU_DIR "/cpu0/cpufreq/cpuinfo_max_freq", "3000000\n");
    tree_write(tree, ROOT_CPU_DIR "/cpu1/cpufreq/cpuinfo_max_freq", "3100000\n");
    tree_write(tree, ROOT_CPU_DIR "/cpu1/cpufreq/cpuinfo_min_freq", "1000000\n");
    identity = read_identity(tree);
    assert_field(identity, 0, CPUCTL_MAX_MHZ, "3100.0000");
    assert_field(identity, 0, CPUCTL_MIN_MHZ, "1000.0000");
    assert_field(identity, 0, CPUCTL_SCALING_MHZ, NULL);
    assert_field(identity, 0, CPUCTL_FREQUENCY_BOOST, NULL);
}
END_TEST

/* ---- vulnerabilities */

START_TEST(vulnerabilities)
{
    _cleanup_(tree_freep) char *tree = new_machine(one_x86_cpu, "0");
    _cleanup_(cpuctl_identity_freep) struct cpuctl_identity *identity = NULL;
    const char *name = NULL, *text = NULL;

    tree_write(tree, ROOT_CPU_DIR "/vulnerabilities/spectre_v2",
               "Mitigation: Retpolines; PBRSB-eIBRS: Not affected; BHI: Not affected\n");
    tree_write(tree, ROOT_CPU_DIR "/vulnerabilities/itlb_multihit", "KVM: Vulnerable\n");
    tree_write(tree, ROOT_CPU_DIR "/vulnerabilities/empty", "%s", "");
    tree_write(tree, ROOT_CPU_DIR "/vulnerabilities/directory/file", "x\n");
    identity = read_identity(tree);
    ck_assert_uint_eq(cpuctl_identity_vulnerabilities(identity), 2);
    ck_assert_int_eq(cpuctl_identity_vulnerability(identity, 0, &name, &text), 0);
    ck_assert_str_eq(name, "Itlb multihit");
    ck_assert_str_eq(text, "KVM: Vulnerable");
    ck_assert_int_eq(cpuctl_identity_vulnerability(identity, 1, &name, &text), 0);
    ck_assert_str_eq(name, "Spectre v2");
    ck_assert_str_eq(text, "Mitigation; Retpolines; PBRSB-eIBRS Not affected; BHI Not affected");
    ck_assert_int_eq(cpuctl_identity_vulnerability(identity, 2, &name, &text), -ERANGE);
}
END_TEST

/* ---- SMBIOS */

/** Writes a table that begins with a structure of another type, then @count processors of @length
 * bytes. */
static void write_dmi(const char *tree, unsigned int count, unsigned int length, bool truncated)
{
    static const char strings[] = "pc-q35-7.2\0QEMU\0part\0";
    unsigned char table[1024] = { 0, 5, 0, 0, 1, 'S', 'e', 'a', 0, 0 };
    size_t size = 10;
    _cleanup_free_ char *path = NULL;
    FILE *file;

    for (unsigned int i = 0; i < count; i++) {
        unsigned char *processor = table + size;

        processor[0] = 4;
        processor[1] = (unsigned char)length;
        processor[0x06] = 0xfe;
        processor[0x07] = 2;
        processor[0x10] = 1;
        processor[0x16] = 2800 & 0xff;
        processor[0x17] = 2800 >> 8;
        processor[0x22] = 3;
        processor[0x28] = 0x01;
        processor[0x29] = 0x01;
        memcpy(processor + length, strings, sizeof(strings));
        size += length + sizeof(strings);
    }
    if (truncated)
        size -= 3;
    tree_write(tree, "sys/firmware/dmi/tables/DMI", "%s", "");
    ck_assert_int_gt(asprintf(&path, "%s/sys/firmware/dmi/tables/DMI", tree), 0);
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(table, 1, size, file), size);
    fclose(file);
}

START_TEST(processors_of_the_firmware)
{
    _cleanup_(tree_freep) char *tree = new_machine(one_x86_cpu, "0");
    _cleanup_(cpuctl_identity_freep) struct cpuctl_identity *identity = NULL;

    write_dmi(tree, 2, 0x30, false);
    identity = read_identity(tree);
    assert_field(identity, 0, CPUCTL_BIOS_VENDOR, "QEMU");
    assert_field(identity, 0, CPUCTL_BIOS_MODEL_NAME, "pc-q35-7.2 part CPU @ 2.8GHz");
    assert_field(identity, 0, CPUCTL_BIOS_FAMILY, "257");
    ck_assert_uint_eq(identity->firmware_sockets, 2);
}
END_TEST

START_TEST(damaged_firmware_tables_tell_nothing)
{
    static const struct {
        unsigned int length;
        bool truncated;
    } damages[] = { { 0x30, true }, { 0x29, false }, { 3, false }, { 0, false } };
    _cleanup_(tree_freep) char *tree = new_machine(one_x86_cpu, "0");
    _cleanup_(cpuctl_identity_freep) struct cpuctl_identity *identity = NULL;

    write_dmi(tree, 1, damages[_i].length, damages[_i].truncated);
    identity = read_identity(tree);
    assert_field(identity, 0, CPUCTL_BIOS_VENDOR, NULL);
    assert_field(identity, 0, CPUCTL_BIOS_MODEL_NAME, NULL);
    ck_assert_uint_eq(identity->firmware_sockets, 0);
}
END_TEST

/* ---- recorded machines */

static const struct {
    const char *machine;
    unsigned int type;
    enum cpuctl_field field;
    const char *value;
} recorded[] = {
    { "arm-A510-A710-A715-X3", 0, CPUCTL_MODEL_NAME, "Cortex-A510" },
    { "arm-A510-A710-A715-X3", 3, CPUCTL_MODEL_NAME, "Cortex-X3" },
    { "arm-A510-A710-A715-X3", 3, CPUCTL_STEPPING, "r1p0" },
    { "arm-A510-A710-A715-X3", 2, CPUCTL_SCALING_MHZ, "38%" },
    { "arm-A510-A710-A715-X3", 1, CPUCTL_FREQUENCY_BOOST, NULL },
    { "arm-A510-A710-A715-X3", 4, CPUCTL_MODEL_NAME, NULL },
    { "armv7", 0, CPUCTL_VENDOR, "ARM" },
    { "ppc64-POWER7", 0, CPUCTL_MODEL, "2.1 (pvr 003f 0201)" },
    { "s390-kvm", 0, CPUCTL_HYPERVISOR, "KVM/Linux" },
    { "s390-kvm", 0, CPUCTL_MACHINE_TYPE, "2817" },
    { "s390-nested-virt", 0, CPUCTL_DYNAMIC_MHZ, "5000" },
    { "s390-nested-virt", 0, CPUCTL_DISPATCHING_MODE, "horizontal" },
    { "vbox-win", 0, CPUCTL_HYPERVISOR_VENDOR, "Oracle" },
    { "x86_64-64cpu", 0, CPUCTL_VIRT_FEATURE, "VT-x" },
    { "x86_64-dell_e4310", 0, CPUCTL_MAX_MHZ, "2667.0000" },
    { "x86_64-epyc_7451", 0, CPUCTL_MIN_MHZ, "1200.0000" },
    /* a recording that has neither of these files does not tell them */
    { "x86_64-epyc_7451", 0, CPUCTL_ARCHITECTURE, NULL },
    { "x86_64-epyc_7451", 0, CPUCTL_BYTE_ORDER, NULL },
};

START_TEST(recorded_machines)
{
    _cleanup_(tree_freep) char *tree = NULL;
    _cleanup_free_ char *machine = tree_unpack(recorded[_i].machine, &tree);
    _cleanup_(cpuctl_identity_freep) struct cpuctl_identity *identity = NULL;

    if (!machine)
        unit_skip(TREE_ABSENT);
    identity = read_identity(machine);
    assert_field(identity, recorded[_i].type, recorded[_i].field, recorded[_i].value);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("identity");
    TCase *virt = tcase_create("virtualization"), *cpu = tcase_create("cpu"),
          *machine = tcase_create("machine");

    tcase_add_loop_test(virt, virtualization, 0, ARRAY_SIZE(machines));
    tcase_add_test(virt, user_mode_linux);
    suite_add_tcase(suite, virt);
    tcase_add_test(cpu, identity_from_cpuid);
    tcase_add_loop_test(cpu, byte_order, 0, ARRAY_SIZE(byte_orders));
    tcase_add_test(cpu, malformed_files_are_named);
    tcase_add_test(cpu, frequency_by_policy);
    tcase_add_test(cpu, frequency_by_cpu);
    suite_add_tcase(suite, cpu);
    tcase_add_test(machine, vulnerabilities);
    tcase_add_test(machine, processors_of_the_firmware);
    tcase_add_loop_test(machine, damaged_firmware_tables_tell_nothing, 0, 4);
    tcase_add_loop_test(machine, recorded_machines, 0, ARRAY_SIZE(recorded));
    suite_add_tcase(suite, machine);
    return suite;
}
