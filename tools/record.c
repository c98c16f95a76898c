/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which files make up a recorded machine: a table of patterns, and the walk over what matches. */
#include "tools/record.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

/**
 * What is recorded, as patterns of fnmatch(3) with FNM_EXTMATCH for each component. Write-only
 * files (probe, release), uevent, which only repeats others, and the processor's serial number
 * (ppin) are left out. cpuN/cpufreq and cpuN/nodeN are links that are followed: a recorded tree has
 * no links.
 */
static const char *const patterns[] = {
    "proc/@(cpuinfo|sysinfo)",
    "proc/bus/pci/devices",
    "proc/sys/kernel/@(arch|osrelease)",
    "proc/xen/capabilities",
    "proc/device-tree/@(compatible|ibm,partition-name|hmc-managed\\?)",
    "proc/device-tree/chosen/qemu,graphic-width",
    "sys/kernel/@(address_bits|cpu_byteorder)",
    "sys/hypervisor/type",
    "sys/hypervisor/properties/@(capabilities|features)",
    "sys/class/dmi/id/@(bios_vendor|board_vendor|chassis_vendor|product_name|sys_vendor)",
    "sys/firmware/acpi/tables/PPTT",
    "sys/firmware/devicetree/base/hypervisor/compatible",
    "sys/firmware/dmi/tables/DMI",
    "sys/devices/system/cpu/!(probe|release|uevent)",
    "sys/devices/system/cpu/@(smt|vulnerabilities)/*",
    "sys/devices/system/cpu/cpufreq/boost",
    "sys/devices/system/cpu/cpufreq/policy+([0-9])/"
    "@(affected_cpus|related_cpus|base_frequency|cpuinfo_@(cur|max|min)_freq|scaling_*_freq)",
    "sys/devices/system/cpu/cpu+([0-9])/!(crash_notes|crash_notes_size|uevent)",
    "sys/devices/system/cpu/cpu+([0-9])/topology/!(ppin)",
    "sys/devices/system/cpu/cpu+([0-9])/node+([0-9])/cpulist",
    "sys/devices/system/cpu/cpu+([0-9])/cache/index+([0-9])/!(uevent)",
    "sys/devices/system/cpu/cpu+([0-9])/cpufreq/"
    "@(affected_cpus|related_cpus|base_frequency|cpuinfo_@(cur|max|min)_freq|scaling_*_freq)",
    "sys/devices/system/node/!(uevent)",
    "sys/devices/system/node/node+([0-9])/@(cpumap|cpulist|distance)",
};

/** Names of one directory. */
struct names {
    const char *pattern;
    char **list;
    size_t n;
};

static void names_free(struct names *names)
{
    for (size_t i = 0; i < names->n; i++)
        free(names->list[i]);
    free(names->list);
}

/** Keeps a name that matches. */
static int take_name(const char *name, void *userdata)
{
    struct names *names = userdata;
    char **list;

    if (fnmatch(names->pattern, name, FNM_EXTMATCH | FNM_PERIOD) != 0)
        return 0;
    list = reallocarray(names->list, names->n + 1, sizeof(*list));
    if (!list)
        return -ENOMEM;
    names->list = list;
    list[names->n] = strdup(name);
    return list[names->n] ? (names->n++, 0) : -ENOMEM;
}

static int compare_names(const void *a, const void *b)
{
    return strverscmp(*(char *const *)a, *(char *const *)b);
}

/** One walk. */
struct walk {
    struct cpuctl_root *root;
    record_fn each;
    void *userdata;
    struct cpuctl_error *error;
};

/** Continues below directory @path with the rest of a pattern. */
static int walk(const struct walk *w, const char *path, const char *pattern)
{
    _cleanup_(names_free) struct names names = { 0 };
    const char *slash = strchr(pattern, '/');
    _cleanup_free_ char *component =
        slash ? strndup(pattern, (size_t)(slash - pattern)) : strdup(pattern);
    int r;

    if (!component)
        return -ENOMEM;
    names.pattern = component;
    r = cpuctl_root_list(w->root, path, take_name, &names, w->error);
    if (r == -ENOENT || r == -ENOTDIR) /* not on this machine, or not any more */
        return 0;
    if (r < 0)
        return r;
    if (names.n > 1)
        qsort(names.list, names.n, sizeof(*names.list), compare_names);
    for (size_t i = 0; i < names.n && r >= 0; i++) {
        _cleanup_free_ char *below = NULL;

        if (asprintf(&below, "%s/%s", path, names.list[i]) < 0)
            return -ENOMEM;
        r = slash ? walk(w, below, slash + 1) : w->each(below, w->userdata);
    }
    return r;
}

int record_walk(struct cpuctl_root *root, record_fn each, void *userdata,
                struct cpuctl_error *error)
{
    struct walk w = { .root = root, .each = each, .userdata = userdata, .error = error };
    int r = 0;

    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]) && r >= 0; i++) {
        /* The first component has no wildcard; the root itself is not listed. */
        const char *slash = strchr(patterns[i], '/');
        _cleanup_free_ char *top = strndup(patterns[i], (size_t)(slash - patterns[i]));

        r = top ? walk(&w, top, slash + 1) : -ENOMEM;
    }
    return r;
}
