/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the document to the fields: identity, memory, operating system, CPU model. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "definition-read.h"
#include "text.h"

/* libvirt's units (virScaleInteger()); the default is KiB. */
static int parse_memory(const xmlNode *node, const char *text, uint64_t *ret_kib,
                        struct cpuctl_error *error)
{
    static const struct {
        const char *name;
        uint64_t bytes;
    } units[] = { { "b", 1 },          { "bytes", 1 },        { "KB", 1000 },
                  { "k", 1ULL << 10 }, { "KiB", 1ULL << 10 }, { "MB", 1000000 },
                  { "M", 1ULL << 20 }, { "MiB", 1ULL << 20 }, { "GB", 1000000000 },
                  { "G", 1ULL << 30 }, { "GiB", 1ULL << 30 }, { "TB", 1000000000000 },
                  { "T", 1ULL << 40 }, { "TiB", 1ULL << 40 } };
    _cleanup_free_ char *unit = node_attribute(node, "unit");
    uint64_t value, bytes = 0;

    if (number_parse(text, UINT64_MAX, &value) <= 0)
        return cpuctl_error_set(error, -EINVAL,
                                "XML error: Invalid value '%.64s' for element or attribute '%s'",
                                text ? text : "", (const char *)node->name);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (strcasecmp(unit ? unit : "KiB", units[i].name) == 0)
            bytes = units[i].bytes;
    if (bytes == 0)
        return cpuctl_error_set(error, -EINVAL, "invalid argument: unknown suffix '%.64s'", unit);
    if (value > INT64_MAX / bytes)
        return cpuctl_error_set(error, -EINVAL, "numerical overflow: value too large: %.64s%s",
                                text, unit ? unit : "KiB");
    *ret_kib = (value * bytes + 1023) / 1024;
    return 0;
}

int read_memory_text(const xmlNode *node, uint64_t *ret_kib, struct cpuctl_error *error)
{
    _cleanup_free_ char *text = node_text(node);

    return parse_memory(node, text, ret_kib, error);
}

int read_memory_attribute(const xmlNode *node, const char *name, uint64_t *ret_kib,
                          struct cpuctl_error *error)
{
    _cleanup_free_ char *text = node_attribute(node, name);

    return parse_memory(node, text, ret_kib, error);
}

bool uuid_parse(const char *text, char ret_uuid[static 37])
{
    char *out = ret_uuid;

    for (; *text; text++) {
        if (*text == '-')
            continue;
        if (!strchr("0123456789abcdefABCDEF", *text) || out == ret_uuid + 36)
            return false;
        *out++ = (char)(*text | (*text >= 'A' ? 0x20 : 0));
        if (out - ret_uuid == 8 || out - ret_uuid == 13 || out - ret_uuid == 18 ||
            out - ret_uuid == 23)
            *out++ = '-';
    }
    *out = '\0';
    return out == ret_uuid + 36;
}

static int read_identity(struct definition *definition, const xmlNode *root,
                         struct cpuctl_error *error)
{
    _cleanup_free_ char *type = node_attribute(root, "type");
    _cleanup_free_ char *uuid = node_text(node_child(root, "uuid"));

    if (!type)
        return cpuctl_error_set(error, -EINVAL,
                                "XML error: Missing required attribute 'type' in element 'domain'");
    if (strcmp(type, "kvm") != 0 && strcmp(type, "qemu") != 0)
        return cpuctl_error_set(error, -EINVAL,
                                "unsupported configuration: invalid domain type %.64s", type);
    definition->type = strcmp(type, "kvm") == 0 ? DEFINITION_KVM : DEFINITION_QEMU;
    definition->name = node_text(node_child(root, "name"));
    if (!definition->name || !*definition->name)
        return cpuctl_error_set(error, -EINVAL, "missing name information");
    if (strchr(definition->name, '/'))
        return cpuctl_error_set(error, -EINVAL, "XML error: name %.64s cannot contain '/'",
                                definition->name);
    for (const char *c = definition->name; *c; c++)
        if (text_is_control(c))
            return cpuctl_error_set(error, -EINVAL,
                                    "XML error: name cannot contain control characters");
    /* It becomes a file's name, with ".xml" and a temporary file's suffix. */
    if (strlen(definition->name) > DEFINITION_NAME_MAX)
        return cpuctl_error_set(error, -EINVAL,
                                "XML error: name is longer than %u bytes, which a file's name "
                                "allows",
                                DEFINITION_NAME_MAX);
    if (uuid && !uuid_parse(uuid, definition->uuid))
        return cpuctl_error_set(error, -EINVAL, "internal error: malformed uuid element");
    return 0;
}

static int read_memory(struct definition *definition, const xmlNode *root,
                       struct cpuctl_error *error)
{
    const xmlNode *memory = node_child(root, "memory"),
                  *current = node_child(root, "currentMemory");
    const xmlNode *backing = node_child(root, "memoryBacking");
    uint64_t cells = 0;
    int r = 0;

    if (memory)
        r = read_memory_text(memory, &definition->memory_kib, error);
    for (size_t i = 0; i < definition->n_cells; i++)
        cells += definition->cells[i].memory_kib;
    /* libvirt too takes the sum of the cells instead of what <memory> says. */
    if (r == 0 && definition->n_cells > 0)
        definition->memory_kib = cells;
    if (r == 0 && definition->memory_kib == 0)
        return cpuctl_error_set(error, -EINVAL,
                                "XML error: Memory size must be specified via <memory> or in the "
                                "<numa> configuration");
    definition->current_memory_kib = definition->memory_kib;
    if (r == 0 && current)
        r = read_memory_text(current, &definition->current_memory_kib, error);
    if (r < 0)
        return r;
    if (definition->current_memory_kib > definition->memory_kib)
        definition->current_memory_kib = definition->memory_kib;
    definition->hugepages = node_child(backing, "hugepages");
    definition->nosharepages = node_child(backing, "nosharepages");
    definition->locked = node_child(backing, "locked");
    return 0;
}

static int read_action(const xmlNode *root, const char *name, bool *ret_destroy,
                       struct cpuctl_error *error)
{
    static const char *const actions[] = { "destroy",  "restart",          "rename-restart",
                                           "preserve", "coredump-destroy", "coredump-restart" };
    _cleanup_free_ char *text = node_text(node_child(root, name));

    if (!text)
        return 0;
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
        if (strcmp(text, actions[i]) == 0) {
            *ret_destroy = i == 0;
            return 0;
        }
    return cpuctl_error_set(error, -EINVAL, "unsupported configuration: unknown %s action: %.64s",
                            name, text);
}

static int read_system(struct definition *definition, const xmlNode *root,
                       struct cpuctl_error *error)
{
    const xmlNode *os = node_child(root, "os");
    bool ignored;
    int r;

    if (!node_child(os, "type"))
        return cpuctl_error_set(error, -EINVAL, "XML error: no OS type");
    definition->machine = node_attribute(node_child(os, "type"), "machine");
    definition->kernel = node_text(node_child(os, "kernel"));
    definition->initrd = node_text(node_child(os, "initrd"));
    definition->cmdline = node_text(node_child(os, "cmdline"));
    r = read_action(root, "on_reboot", &definition->reboot_destroys, error);
    if (r == 0)
        r = read_action(root, "on_poweroff", &ignored, error);
    if (r == 0)
        r = read_action(root, "on_crash", &ignored, error);
    return r;
}

/* ",+NAME,-NAME" of all <feature>. */
static int read_features(struct definition *definition, const xmlNode *cpu,
                         struct cpuctl_error *error)
{
    definition->cpu_features = strdup("");
    for (const xmlNode *f = node_child(cpu, "feature"); f; f = node_next(f, "feature")) {
        _cleanup_free_ char *name = node_attribute(f, "name"),
                            *policy = node_attribute(f, "policy");
        char *longer = NULL;
        bool off = policy && (strcmp(policy, "disable") == 0 || strcmp(policy, "forbid") == 0);

        if (!name || !*name ||
            strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.-") != strlen(name))
            return cpuctl_error_set(error, -EINVAL, "XML error: Invalid CPU feature name '%.64s'",
                                    name ? name : "");
        if (!definition->cpu_features ||
            asprintf(&longer, "%s,%c%s", definition->cpu_features, off ? '-' : '+', name) < 0)
            return no_memory(error);
        free(definition->cpu_features);
        definition->cpu_features = longer;
    }
    return definition->cpu_features ? 0 : no_memory(error);
}

static int read_cpu(struct definition *definition, const xmlNode *root, struct cpuctl_error *error)
{
    const xmlNode *cpu = node_child(root, "cpu");

    definition->cpu_mode = node_attribute(cpu, "mode");
    definition->cpu_model = node_text(node_child(cpu, "model"));
    /* The word goes into the VMM's option, where a comma ends it. */
    if (definition->cpu_model && strchr(definition->cpu_model, ','))
        return cpuctl_error_set(error, -EINVAL, "XML error: CPU model '%.64s' contains a comma",
                                definition->cpu_model);
    return read_features(definition, cpu, error);
}

static int read_emulator(struct definition *definition, const xmlNode *devices,
                         struct cpuctl_error *error)
{
    const char *base;

    definition->emulator = node_text(node_child(devices, "emulator"));
    if (!definition->emulator)
        return 0;
    base = strrchr(definition->emulator, '/');
    if (!base)
        return cpuctl_error_set(error, -EINVAL,
                                "XML error: <emulator> '%.128s' is not an absolute path",
                                definition->emulator);
    if (strcmp(base, "/cpuvmm") == 0)
        definition->vmm = DEFINITION_VMM_CPUVMM;
    return 0;
}

static int read_all(struct definition *definition, const xmlNode *root, struct cpuctl_error *error)
{
    const xmlNode *devices = node_child(root, "devices");
    int r = read_identity(definition, root, error);

    if (r == 0)
        r = definition_read_vcpus(definition, root, error);
    if (r == 0)
        r = definition_read_numa(definition, root, error);
    if (r == 0)
        r = read_memory(definition, root, error);
    if (r == 0)
        r = read_system(definition, root, error);
    if (r == 0)
        r = read_cpu(definition, root, error);
    if (r == 0)
        r = read_emulator(definition, devices, error);
    if (r == 0)
        r = definition_read_devices(definition, devices, error);
    return r;
}

int definition_read(struct definition *definition, struct cpuctl_error *error)
{
    struct definition fresh = { .document = definition->document };
    int r = read_all(&fresh, xmlDocGetRootElement(definition->document), error);

    if (r < 0) {
        definition_release(&fresh);
        return r;
    }
    definition_release(definition);
    *definition = fresh;
    return 0;
}

void definition_release(struct definition *d)
{
    for (unsigned int i = 0; d->vcpus && i < d->vcpu_max; i++)
        cpuctl_set_free(d->vcpus[i].pin);
    for (size_t i = 0; i < d->n_cells; i++)
        cpuctl_set_free(d->cells[i].cpus);
    for (size_t i = 0; i < d->n_disks; i++)
        free(d->disks[i].path);
    for (size_t i = 0; i < d->n_chardevs; i++) {
        free(d->chardevs[i].path);
        free(d->chardevs[i].name);
    }
    cpuctl_set_free(d->cpuset);
    cpuctl_set_free(d->emulatorpin);
    free(d->vcpus);
    free(d->cells);
    free(d->disks);
    free(d->chardevs);
    free(d->name);
    free(d->emulator);
    free(d->cpu_mode);
    free(d->cpu_model);
    free(d->cpu_features);
    free(d->machine);
    free(d->kernel);
    free(d->initrd);
    free(d->cmdline);
    *d = (struct definition){ .document = d->document };
}
