/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether the machine is a virtual one, and whose: by the hypervisor's CPUID signature, the
 * firmware, or what /proc and /sys tell, in the order that lscpu has.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cpuid-table.h"
#include "error.h"
#include "identity.h"
#include "root.h"
#include "virt.h"

#define VALUE_MAX   (64U << 10)
#define PCI_MAX     (1U << 20)
#define SYSINFO_MAX (1U << 20)

/** Feature bits of a Xen guest's kernel (xen/include/public/features.h). */
#define XENFEAT_SUPERVISOR_MODE_KERNEL    (1U << 3)
#define XENFEAT_MMU_PT_UPDATE_PRESERVE_AD (1U << 5)
#define XENFEAT_HVM_CALLBACK_VECTOR       (1U << 8)

static const struct verdict nothing = { .type = NULL };

/** A short file as text, or NULL. The caller frees it. */
static char *read_text(struct cpuctl_root *root, const char *path, size_t limit)
{
    char *text;

    return cpuctl_root_read(root, path, limit, &text, NULL) < 0 ? NULL : text;
}

static bool exists(struct cpuctl_root *root, const char *path)
{
    return root_exists(root, path) > 0;
}

/* ---- each place where a hypervisor shows itself */

/** The Windows Subsystem for Linux 1, which has no kernel of its own; version 2 is a Hyper-V guest.
 */
static struct verdict from_wsl(struct cpuctl_root *root)
{
    _cleanup_free_ char *release = read_text(root, "proc/sys/kernel/osrelease", VALUE_MAX);

    if (!release || !strstr(release, "Microsoft"))
        return nothing;
    return (struct verdict){ .vendor = "Windows Subsystem for Linux", .type = "container" };
}

/** Firmware of virtual machines whose CPUs do not tell (SMBIOS types 0 and 1). */
static struct verdict from_firmware(struct cpuctl_root *root)
{
    char manufacturer[ROOT_VALUE_MAX] = "", product[ROOT_VALUE_MAX] = "", bios[ROOT_VALUE_MAX] = "";

    root_read_value(root, "sys/class/dmi/id/sys_vendor", manufacturer, sizeof(manufacturer));
    root_read_value(root, "sys/class/dmi/id/product_name", product, sizeof(product));
    root_read_value(root, "sys/class/dmi/id/bios_vendor", bios, sizeof(bios));
    if (!strcmp(manufacturer, "innotek GmbH"))
        return (struct verdict){ .vendor = "Innotek GmbH", .type = "full" };
    if (strstr(manufacturer, "HITACHI") && strstr(product, "LPAR"))
        return (struct verdict){ .vendor = "Hitachi", .type = "full" };
    if (!strcmp(bios, "Parallels"))
        return (struct verdict){ .vendor = "Parallels", .type = "full" };
    return nothing;
}

/** A PV or PVH guest of Xen is paravirtualized, also where CPUID shows Xen. */
static const char *xen_type(struct cpuctl_root *root)
{
    const unsigned int pvh = XENFEAT_SUPERVISOR_MODE_KERNEL | XENFEAT_HVM_CALLBACK_VECTOR;
    char text[ROOT_VALUE_MAX];
    unsigned int features;

    if (root_read_value(root, "sys/hypervisor/properties/features", text, sizeof(text)) < 0 ||
        sscanf(text, "%x", &features) != 1)
        return "full";
    if ((features & XENFEAT_MMU_PT_UPDATE_PRESERVE_AD) || (features & pvh) == pvh)
        return "para";
    return "full";
}

/** Whether the device tree's list of NUL-terminated names has @name. */
static bool is_compatible(struct cpuctl_root *root, const char *name)
{
    _cleanup_free_ char *names = NULL;
    ssize_t size = cpuctl_root_read(root, "proc/device-tree/compatible", VALUE_MAX, &names, NULL);

    for (ssize_t at = 0; at < size; at += (ssize_t)strlen(names + at) + 1)
        if (!strcmp(names + at, name))
            return true;
    return false;
}

/** IBM Power: OS/400, PowerVM (pHyp) or KVM; PowerNV is the bare machine. */
static struct verdict from_power(struct cpuctl_root *root)
{
    _cleanup_free_ char *partition = NULL;

    if (exists(root, "proc/iSeries"))
        return (struct verdict){ .vendor = "OS/400", .type = "para" };
    if (!exists(root, "proc/device-tree") || is_compatible(root, "ibm,powernv"))
        return nothing;
    partition = read_text(root, "proc/device-tree/ibm,partition-name", VALUE_MAX);
    if (partition && exists(root, "proc/device-tree/hmc-managed?") &&
        !exists(root, "proc/device-tree/chosen/qemu,graphic-width"))
        /* a partition that has the whole machine is called "full" */
        return (struct verdict){ .vendor = "pHyp",
                                 .type = strcmp(partition, "full") ? "para" : "none" };
    if (is_compatible(root, "qemu,pseries"))
        return (struct verdict){ .vendor = "KVM", .type = "para" };
    return nothing;
}

/** A paravirtualized guest of Xen, or its privileged domain. */
static struct verdict from_xen(struct cpuctl_root *root)
{
    _cleanup_free_ char *capabilities = NULL;

    if (!exists(root, "proc/xen"))
        return nothing;
    capabilities = read_text(root, "proc/xen/capabilities", VALUE_MAX);
    if (capabilities && !strncmp(capabilities, "control_d", 9))
        return (struct verdict){ .vendor = "Xen", .type = "none" };
    return (struct verdict){ .vendor = "Xen", .type = "para" };
}

/** Graphics or platform devices that only a hypervisor has, in the kernel's list
 * (drivers/pci/proc.c). */
static struct verdict from_pci(struct cpuctl_root *root)
{
    static const struct {
        unsigned int vendor, device;
        const char *name;
    } known[] = {
        { 0x5853, 0x0001, "Xen" },
        { 0x15ad, 0x0710, "VMware" },
        { 0x80ee, 0xbeef, "Oracle" },
    };
    _cleanup_free_ char *devices = read_text(root, "proc/bus/pci/devices", PCI_MAX);

    for (size_t i = 0; devices && i < sizeof(known) / sizeof(*known); i++)
        for (const char *line = devices; line; line = strchr(line, '\n')) {
            unsigned int vendor, device;

            line += *line == '\n';
            if (sscanf(line, "%*4x %4x%4x", &vendor, &device) == 2 && vendor == known[i].vendor &&
                device == known[i].device)
                return (struct verdict){ .vendor = known[i].name, .type = "full" };
        }
    return nothing;
}

/** s390: always a partition of PR/SM, in which a "Control Program" (z/VM, KVM) may run. */
static struct verdict from_sysinfo(struct cpuctl_root *root)
{
    static const char label[] = "Control Program:";
    _cleanup_free_ char *text = read_text(root, "proc/sysinfo", SYSINFO_MAX);
    struct verdict verdict = { .vendor = "IBM", .type = "full", .hypervisor = "PR/SM" };
    const char *at;
    size_t n = 0;

    if (!text)
        return nothing;
    at = strstr(text, label);
    if (!at)
        return verdict;
    /* the first one is the innermost; blanks are squeezed: "z/VM    6.4.0   " */
    for (at += strlen(label); *at && *at != '\n' && n < sizeof(verdict.hypervisor) - 1; at++)
        if (!isspace((unsigned char)*at))
            verdict.hypervisor[n++] = *at;
        else if (n && isspace((unsigned char)at[-1]) == 0)
            verdict.hypervisor[n++] = ' ';
    if (n && verdict.hypervisor[n - 1] == ' ')
        n--;
    verdict.hypervisor[n] = '\0';
    if (strstr(verdict.hypervisor, "KVM"))
        verdict.vendor = "KVM";
    return verdict;
}

/** OpenVZ's containers, but not its host. */
static struct verdict from_openvz(struct cpuctl_root *root)
{
    if (!exists(root, "proc/vz") || exists(root, "proc/bc"))
        return nothing;
    return (struct verdict){ .vendor = "Parallels", .type = "container" };
}

/** Linux-VServer tells a context number. */
static struct verdict from_vserver(struct cpuctl_root *root)
{
    _cleanup_free_ char *status = read_text(root, "proc/self/status", VALUE_MAX);
    const char *at = status ? strstr(status, "\nVxID:") : NULL;

    if (!at || !isdigit((unsigned char)at[6 + strspn(at + 6, " \t")]))
        return nothing;
    return (struct verdict){ .vendor = "Linux-VServer", .type = "container" };
}

static struct verdict from_model_name(const char *model_name)
{
    if (!model_name || !strstr(model_name, "UML"))
        return nothing;
    return (struct verdict){ .vendor = "User-mode Linux", .type = "para" };
}

/* ---- putting them together */

static struct verdict detect(struct cpuctl_root *root, const struct cpuid *cpuid,
                             const char *model_name)
{
    static struct verdict (*const places[])(struct cpuctl_root *) = {
        from_power, from_xen, from_pci, from_sysinfo, from_openvz,
    };
    struct verdict verdict = from_wsl(root);

    if (verdict.type)
        return verdict;
    if (cpuid)
        verdict.vendor = virt_cpuid_vendor(cpuid);
    if (verdict.vendor) {
        verdict.type = strcmp(verdict.vendor, "Xen") ? "full" : xen_type(root);
        return verdict;
    }
    verdict = from_firmware(root);
    for (size_t i = 0; !verdict.type && i < sizeof(places) / sizeof(*places); i++)
        verdict = places[i](root);
    if (!verdict.type)
        verdict = from_model_name(model_name);
    return verdict.type ? verdict : from_vserver(root);
}

int identity_read_virt(struct cpuctl_root *root, struct cpuctl_identity *identity,
                       const struct cpuid *cpuid, struct cpuctl_error *error)
{
    char *const *values = identity->types[0].values;
    const char *flags = values[CPUCTL_FLAGS], *feature = NULL;
    struct verdict verdict = detect(root, cpuid, values[CPUCTL_MODEL_NAME]);
    int r;

    if (identity_has_flag(flags, "svm"))
        feature = "AMD-V";
    else if (identity_has_flag(flags, "vmx"))
        feature = "VT-x";
    r = identity_set(identity, 0, CPUCTL_VIRT_FEATURE, feature);
    if (r == 0)
        r = identity_set(identity, 0, CPUCTL_HYPERVISOR_VENDOR, verdict.vendor);
    if (r == 0)
        r = identity_set(identity, 0, CPUCTL_VIRTUALIZATION_TYPE, verdict.type);
    if (r == 0 && *verdict.hypervisor)
        r = identity_set(identity, 0, CPUCTL_HYPERVISOR, verdict.hypervisor);
    return r < 0 ? error_set(error, r, "Out of memory") : 0;
}
