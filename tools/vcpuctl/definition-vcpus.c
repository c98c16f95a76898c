/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the document to the fields: vCPUs, their topology, where they run, NUMA cells. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cpulist.h"
#include "definition-read.h"

static int parse_yes(const xmlNode *node, const char *name, bool *ret_yes,
                     struct cpuctl_error *error)
{
    _cleanup_free_ char *text = node_attribute(node, name);

    if (!text)
        return 0;
    if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
        return cpuctl_error_set(error, -EINVAL,
                                "XML error: Invalid value for attribute '%s' in element '%s': "
                                "'%.64s'.",
                                name, (const char *)node->name, text);
    *ret_yes = strcmp(text, "yes") == 0;
    return 1;
}

static int parse_cpuset(const char *text, struct cpuctl_set **ret_set, struct cpuctl_error *error)
{
    struct cpuctl_set *set = NULL;
    int r = cpulist_parse(text, CPUCTL_CPUS_MAX, &set, error);

    if (r == 0 && cpuctl_set_is_empty(set)) {
        cpuctl_set_free(set);
        return cpuctl_error_set(error, -EINVAL, "invalid argument: Failed to parse bitmap '%.64s'",
                                text);
    }
    if (r == 0)
        *ret_set = set;
    return r;
}

static int read_cpuset(const xmlNode *node, const char *name, struct cpuctl_set **ret_set,
                       struct cpuctl_error *error)
{
    _cleanup_free_ char *text = node_attribute(node, name);

    return text ? parse_cpuset(text, ret_set, error) : 0;
}

static int read_counts(struct definition *d, const xmlNode *vcpu, struct cpuctl_error *error)
{
    _cleanup_free_ char *text = node_text(vcpu), *placement = node_attribute(vcpu, "placement");
    uint64_t max = 1;
    int r;

    if (text && number_parse(text, UINT32_MAX, &max) < 0)
        return cpuctl_error_set(error, -EINVAL,
                                "XML error: maximum vcpus count must be an integer");
    if (max > DEFINITION_VCPUS_MAX)
        return cpuctl_error_set(error, -EINVAL,
                                "unsupported configuration: maximum vCPU count %llu is greater "
                                "than %u, the most that vcpuctl defines",
                                (unsigned long long)max, DEFINITION_VCPUS_MAX);
    if (placement && strcmp(placement, "static") != 0 && strcmp(placement, "auto") != 0)
        return cpuctl_error_set(error, -EINVAL,
                                "XML error: Invalid value for attribute 'placement' in element "
                                "'vcpu': '%.64s'.",
                                placement);
    d->placement =
        placement && strcmp(placement, "auto") == 0 ? DEFINITION_AUTO : DEFINITION_STATIC;
    d->vcpu_current = (unsigned int)max;
    if (vcpu) {
        r = node_number(vcpu, "current", UINT32_MAX, &d->vcpu_current, error);
        if (r < 0)
            return r;
    }
    if (max == 0 || d->vcpu_current > max)
        return cpuctl_error_set(error, -EINVAL,
                                "unsupported configuration: maximum vCPU count must not be less "
                                "than current vCPU count");
    if (d->vcpu_current == 0)
        return cpuctl_error_set(error, -EINVAL,
                                "XML error: Invalid value for attribute 'current' in element "
                                "'vcpu': Zero is not permitted");
    d->vcpus = calloc(max, sizeof(*d->vcpus));
    if (!d->vcpus)
        return no_memory(error);
    d->vcpu_max = (unsigned int)max;
    for (unsigned int i = 0; i < d->vcpu_current; i++)
        d->vcpus[i].enabled = true;
    return read_cpuset(vcpu, "cpuset", &d->cpuset, error);
}

/* <vcpus>: what it says counts, not the number in <vcpu current>. */
static int read_each(struct definition *d, const xmlNode *vcpus, struct cpuctl_error *error)
{
    _cleanup_free_ bool *seen = vcpus ? calloc(d->vcpu_max, sizeof(*seen)) : NULL;

    if (vcpus && !seen)
        return no_memory(error);
    for (unsigned int i = 0; vcpus && i < d->vcpu_max; i++)
        d->vcpus[i] = (struct definition_vcpu){ 0 };
    for (const xmlNode *v = node_child(vcpus, "vcpu"); v; v = node_next(v, "vcpu")) {
        bool enabled = false, hotpluggable = false;
        unsigned int id, order;
        int r = node_number(v, "id", UINT32_MAX, &id, error);

        if (r == 0 || (r > 0 && id >= d->vcpu_max))
            return cpuctl_error_set(error, -EINVAL,
                                    "XML error: line %ld: <vcpu> has no id of 0 to %u",
                                    xmlGetLineNo(v), d->vcpu_max - 1);
        if (r > 0 && seen[id])
            return cpuctl_error_set(error, -EINVAL,
                                    "XML error: line %ld: <vcpu id='%u'> for the second time",
                                    xmlGetLineNo(v), id);
        /* Which one comes first at the start makes no difference. */
        r = r < 0 ? r : node_number(v, "order", UINT32_MAX, &order, error);
        r = r < 0 ? r : parse_yes(v, "enabled", &enabled, error);
        if (r == 0)
            return cpuctl_error_set(error, -EINVAL,
                                    "XML error: Missing required attribute 'enabled' in element "
                                    "'vcpu'");
        r = r < 0 ? r : parse_yes(v, "hotpluggable", &hotpluggable, error);
        if (r < 0)
            return r;
        seen[id] = true;
        d->vcpus[id].enabled = enabled;
        d->vcpus[id].hotpluggable = hotpluggable;
    }
    if (!vcpus)
        return 0;
    if (!d->vcpus[0].enabled)
        return cpuctl_error_set(error, -EINVAL,
                                "unsupported configuration: vcpu 0 can't be offline");
    if (d->vcpus[0].hotpluggable)
        return cpuctl_error_set(error, -EINVAL,
                                "unsupported configuration: vcpu0 can't be hotpluggable");
    d->vcpu_current = 0;
    for (unsigned int i = 0; i < d->vcpu_max; i++)
        d->vcpu_current += d->vcpus[i].enabled;
    return 0;
}

static int read_tuning(struct definition *d, const xmlNode *tune, struct cpuctl_error *error)
{
    const xmlNode *emulator = node_child(tune, "emulatorpin");
    int r = 0;

    for (const xmlNode *p = node_child(tune, "vcpupin"); p; p = node_next(p, "vcpupin")) {
        unsigned int vcpu = 0;

        r = node_number(p, "vcpu", UINT32_MAX, &vcpu, error);
        if (r <= 0)
            return r < 0
                       ? r
                       : cpuctl_error_set(error, -EINVAL, "XML error: missing vcpu id in vcpupin");
        /* Unlike libvirt, which drops it in silence. */
        if (vcpu >= d->vcpu_max)
            return cpuctl_error_set(error, -EINVAL,
                                    "XML error: vcpupin for vcpu '%u', the highest is %u", vcpu,
                                    d->vcpu_max - 1);
        if (d->vcpus[vcpu].pin)
            return cpuctl_error_set(error, -EINVAL,
                                    "internal error: duplicate vcpupin for vcpu '%u'", vcpu);
        r = read_cpuset(p, "cpuset", &d->vcpus[vcpu].pin, error);
        if (r == 0 && !d->vcpus[vcpu].pin)
            return cpuctl_error_set(error, -EINVAL, "XML error: missing cpuset for vcpupin");
        if (r < 0)
            return r;
    }
    r = read_cpuset(emulator, "cpuset", &d->emulatorpin, error);
    if (r == 0 && emulator && !d->emulatorpin)
        return cpuctl_error_set(error, -EINVAL, "XML error: missing cpuset for emulatorpin");
    return r;
}

static int read_topology(struct definition *d, const xmlNode *topology, struct cpuctl_error *error)
{
    struct {
        const char *name;
        unsigned int *value;
        bool optional;
    } levels[] = { { "sockets", &d->topology.sockets, false },
                   { "dies", &d->topology.dies, true },
                   { "cores", &d->topology.cores, false },
                   { "threads", &d->topology.threads, false } };
    uint64_t product = 1;

    d->topology.given = topology;
    if (!topology)
        return 0;
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        int r;

        *levels[i].value = 1;
        r = node_number(topology, levels[i].name, DEFINITION_VCPUS_MAX, levels[i].value, error);
        if (r < 0)
            return r;
        if ((r == 0 && !levels[i].optional) || *levels[i].value == 0)
            return cpuctl_error_set(error, -EINVAL, "XML error: Missing 'topology' %s value",
                                    levels[i].name);
        product *= *levels[i].value;
        if (product > DEFINITION_VCPUS_MAX)
            break;
    }
    if (product != d->vcpu_max)
        return cpuctl_error_set(error, -EINVAL,
                                "unsupported configuration: CPU topology doesn't match maximum "
                                "vcpu count");
    return 0;
}

int definition_read_vcpus(struct definition *d, const xmlNode *root, struct cpuctl_error *error)
{
    int r = read_counts(d, node_child(root, "vcpu"), error);

    if (r == 0)
        r = read_each(d, node_child(root, "vcpus"), error);
    if (r == 0)
        r = read_tuning(d, node_child(root, "cputune"), error);
    if (r == 0)
        r = read_topology(d, node_child(node_child(root, "cpu"), "topology"), error);
    return r;
}

static int read_cell(struct definition *d, const xmlNode *node, struct cpuctl_set *seen,
                     struct cpuctl_error *error)
{
    struct definition_cell *cell = &d->cells[d->n_cells];
    unsigned int id = (unsigned int)d->n_cells;
    int r;

    r = node_number(node, "id", UINT32_MAX, &id, error);
    if (r >= 0 && id != d->n_cells)
        return cpuctl_error_set(error, -EINVAL,
                                "unsupported configuration: line %ld: <cell id='%u'>: cells have "
                                "to be in order, the next is %zu",
                                xmlGetLineNo(node), id, d->n_cells);
    d->n_cells++;
    r = r < 0 ? r : read_cpuset(node, "cpus", &cell->cpus, error);
    r = r < 0 ? r : read_memory_attribute(node, "memory", &cell->memory_kib, error);
    if (r < 0)
        return r;
    if (cell->memory_kib > INT64_MAX / 1024 / (DEFINITION_CELLS_MAX + 1))
        return cpuctl_error_set(error, -EINVAL, "numerical overflow: memory of <cell id='%u'>", id);
    if (!cell->cpus)
        return cpuctl_error_set(error, -EINVAL,
                                "unsupported configuration: <cell id='%u'> has no CPUs", id);
    if (cpuctl_set_intersects(seen, cell->cpus))
        return cpuctl_error_set(error, -EINVAL,
                                "internal error: NUMA cells have overlapping vCPU ids");
    if (cpuctl_set_next(cell->cpus, d->vcpu_max) >= 0)
        return cpuctl_error_set(error, -EINVAL,
                                "internal error: Number of CPUs in <numa> exceeds the desired "
                                "maximum vcpu count");
    return cpuctl_set_or(seen, cell->cpus) < 0 ? no_memory(error) : 0;
}

int definition_read_numa(struct definition *d, const xmlNode *root, struct cpuctl_error *error)
{
    const xmlNode *numa = node_child(node_child(root, "cpu"), "numa");
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *seen = cpuctl_set_new();
    size_t count = 0;
    int r = 0;

    for (const xmlNode *c = node_child(numa, "cell"); c; c = node_next(c, "cell"))
        count++;
    if (count == 0)
        return 0;
    if (count > DEFINITION_CELLS_MAX)
        return cpuctl_error_set(error, -EINVAL,
                                "unsupported configuration: %zu NUMA cells, the most is %u", count,
                                DEFINITION_CELLS_MAX);
    d->cells = calloc(count, sizeof(*d->cells));
    if (!d->cells || !seen)
        return no_memory(error);
    for (const xmlNode *c = node_child(numa, "cell"); c && r == 0; c = node_next(c, "cell"))
        r = read_cell(d, c, seen, error);
    return r;
}
