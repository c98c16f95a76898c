/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is known of domain XML, as a table. An element that isn't in it is kept and can't be
 * honoured; one that is in it has no other attributes than those named here.
 *
 * Source: https://libvirt.org/formatdomain.html and libvirt's schemas/domaincommon.rng.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "definition-internal.h"

#define QEMU   (1U << DEFINITION_VMM_QEMU)
#define CPUVMM (1U << DEFINITION_VMM_CPUVMM)
#define BOTH   (QEMU | CPUVMM)

struct element {
    const char *path;
    /**
     * Its attributes, each followed by a space: "name" is honoured with any value, "name=a|b" with
     * these, "name=" is libvirt's but never honoured.
     */
    const char *attributes;
    unsigned int honoured; /**< by which VMMs */
    bool many;             /**< there may be several */
    bool opaque;           /**< nobody looks inside */
    const char *text;      /**< "a|b": its text when it can be honoured; NULL: any */
};

/* What the table's rows have in common; what else there is follows by name. */
#define ELEMENT(path_, attributes_, honoured_, ...)                                                \
    {                                                                                              \
        .path = (path_), .attributes = (attributes_), .honoured = (honoured_), __VA_ARGS__         \
    }
#define CHARDEV(name, kinds, targets)                                                              \
    ELEMENT("domain/devices/" name, "type=" kinds " ", BOTH, .many = true),                        \
        ELEMENT("domain/devices/" name "/source", "path mode=bind append=off ", BOTH),             \
        ELEMENT("domain/devices/" name "/target", targets, BOTH),                                  \
        ELEMENT("domain/devices/" name "/alias", "name ", BOTH)

static const struct element elements[] = {
    ELEMENT("domain", "type=kvm|qemu id ", BOTH),
    ELEMENT("domain/name", "", BOTH),
    ELEMENT("domain/uuid", "", BOTH),
    ELEMENT("domain/title", "", BOTH),
    ELEMENT("domain/description", "", BOTH),
    ELEMENT("domain/metadata", "", BOTH, .opaque = true),
    ELEMENT("domain/memory", "unit dumpCore= ", BOTH),
    ELEMENT("domain/currentMemory", "unit ", BOTH),
    ELEMENT("domain/memoryBacking", "", BOTH),
    ELEMENT("domain/memoryBacking/hugepages", "", BOTH),
    ELEMENT("domain/memoryBacking/nosharepages", "", BOTH),
    ELEMENT("domain/memoryBacking/locked", "", QEMU),
    ELEMENT("domain/vcpu", "placement=static cpuset current ", BOTH),
    ELEMENT("domain/vcpus", "", BOTH),
    ELEMENT("domain/vcpus/vcpu", "id enabled hotpluggable order ", BOTH, .many = true),
    ELEMENT("domain/cputune", "", BOTH),
    ELEMENT("domain/cputune/vcpupin", "vcpu cpuset ", BOTH, .many = true),
    ELEMENT("domain/cputune/emulatorpin", "cpuset ", BOTH),
    ELEMENT("domain/cpu",
            "mode=custom|host-passthrough|maximum match=exact check=none migratable=on ", BOTH),
    ELEMENT("domain/cpu/model", "fallback=allow|forbid vendor_id= ", BOTH),
    ELEMENT("domain/cpu/topology", "sockets dies cores threads ", BOTH),
    ELEMENT("domain/cpu/feature", "policy=force|require|disable|forbid name ", BOTH, .many = true),
    ELEMENT("domain/cpu/numa", "", BOTH),
    ELEMENT("domain/cpu/numa/cell", "id cpus memory unit memAccess= discard= ", BOTH, .many = true),
    ELEMENT("domain/os", "", BOTH),
    ELEMENT("domain/os/type", "arch=x86_64 machine ", BOTH, .text = "hvm"),
    ELEMENT("domain/os/kernel", "", BOTH),
    ELEMENT("domain/os/initrd", "", BOTH),
    ELEMENT("domain/os/cmdline", "", BOTH),
    ELEMENT("domain/os/boot", "dev=hd ", QEMU),
    ELEMENT("domain/features", "", BOTH),
    ELEMENT("domain/features/acpi", "", BOTH),
    ELEMENT("domain/features/apic", "", BOTH),
    ELEMENT("domain/features/pae", "", BOTH),
    ELEMENT("domain/clock", "offset=utc ", BOTH),
    ELEMENT("domain/on_poweroff", "", BOTH, .text = "destroy"),
    ELEMENT("domain/on_reboot", "", BOTH, .text = "restart|destroy"),
    /* Told by a panic device, which is refused; without one nothing tells of a guest's crash. */
    ELEMENT("domain/on_crash", "", BOTH, .text = "destroy|restart"),
    ELEMENT("domain/pm", "", BOTH),
    ELEMENT("domain/pm/suspend-to-mem", "enabled=no ", BOTH),
    ELEMENT("domain/pm/suspend-to-disk", "enabled=no ", BOTH),
    ELEMENT("domain/seclabel", "type=none model relabel ", BOTH, .many = true),
    ELEMENT("domain/devices", "", BOTH),
    ELEMENT("domain/devices/emulator", "", BOTH),
    ELEMENT("domain/devices/disk", "type=file|block device=disk snapshot= ", BOTH, .many = true),
    ELEMENT("domain/devices/disk/driver",
            "name=qemu type=raw cache= io= discard= error_policy= detect_zeroes= queues= ", BOTH),
    ELEMENT("domain/devices/disk/source", "file dev index startupPolicy= ", BOTH),
    ELEMENT("domain/devices/disk/target", "dev bus=virtio ", BOTH),
    ELEMENT("domain/devices/disk/readonly", "", BOTH),
    ELEMENT("domain/devices/disk/alias", "name ", BOTH),
    ELEMENT("domain/devices/controller", "type=pci|virtio-serial|usb index model=pcie-root|none ",
            BOTH, .many = true),
    ELEMENT("domain/devices/controller/alias", "name ", BOTH),
    CHARDEV("serial", "pty|file|unix|null", "type=isa-serial port=0 "),
    ELEMENT("domain/devices/serial/target/model", "name=isa-serial ", BOTH),
    ELEMENT("domain/devices/serial/log", "file= append= ", 0),
    CHARDEV("console", "pty|file|unix|null", "type=serial|virtio port=0 "),
    CHARDEV("channel", "unix", "type=virtio name state "),
    ELEMENT("domain/devices/memballoon", "model=none ", BOTH),
    ELEMENT("domain/devices/rng", "model=virtio ", BOTH),
    ELEMENT("domain/devices/rng/backend", "model=random ", BOTH,
            .text = "/dev/urandom|/dev/random"),
};
#define N_ELEMENTS (sizeof(elements) / sizeof(elements[0]))

#define PATH_SIZE 128

static const struct element *find_element(const char *path)
{
    for (size_t i = 0; i < N_ELEMENTS; i++)
        if (strcmp(elements[i].path, path) == 0)
            return &elements[i];
    return NULL;
}

/* Whether @value is one of "a|b". */
static bool is_one_of(const char *value, const char *list, size_t length)
{
    size_t size = strlen(value);

    for (const char *word = list; word < list + length; word++) {
        size_t n = strcspn(word, "| ");

        if (n > (size_t)(list + length - word))
            n = (size_t)(list + length - word);
        if (n == size && memcmp(word, value, n) == 0)
            return true;
        word += n;
    }
    return false;
}

/* What the table has of an attribute: sets where its values begin and their length. */
static bool find_attribute(const struct element *element, const char *name, const char **ret_values,
                           size_t *ret_length)
{
    for (const char *word = element->attributes; *word; word += strcspn(word, " ") + 1) {
        size_t length = strcspn(word, "= "), all = strcspn(word, " ");

        if (strlen(name) != length || memcmp(word, name, length) != 0)
            continue;
        *ret_values = word[length] == '=' ? word + length + 1 : NULL;
        *ret_length = word[length] == '=' ? all - length - 1 : 0;
        return true;
    }
    return false;
}

/* The path of @node below @parent's, or false: longer than any that is known. */
static bool join(char path[static PATH_SIZE], const char *parent, const xmlNode *node)
{
    int n =
        snprintf(path, PATH_SIZE, "%s%s%s", parent, *parent ? "/" : "", (const char *)node->name);

    return n > 0 && n < PATH_SIZE;
}

static int check_attributes(const xmlNode *node, const struct element *element,
                            struct cpuctl_error *error)
{
    for (const xmlAttr *a = node->properties; a; a = a->next) {
        const char *values;
        size_t length;
        char names[256] = "";
        size_t used = 0;

        if (a->ns || find_attribute(element, (const char *)a->name, &values, &length))
            continue;
        for (const char *word = element->attributes; *word && used < sizeof(names);
             word += strcspn(word, " ") + 1)
            used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%.*s", used ? ", " : "",
                                     (int)strcspn(word, "= "), word);
        return cpuctl_error_set(
            error, -EINVAL, "XML error: line %ld: unknown attribute '%.64s' of <%s>, which has %s",
            xmlGetLineNo(node), (const char *)a->name, (const char *)node->name,
            *names ? names : "none");
    }
    return 0;
}

static int check_node(const xmlNode *node, const char *parent, struct cpuctl_error *error)
{
    const struct element *element;
    char path[PATH_SIZE];
    int r;

    if (!join(path, parent, node))
        return 0;
    element = find_element(path);
    if (!element)
        return 0;
    r = check_attributes(node, element, error);
    if (r < 0 || element->opaque)
        return r;
    for (const xmlNode *before = node->prev; before && !element->many; before = before->prev)
        if (node_is(before, (const char *)node->name))
            return cpuctl_error_set(error, -EINVAL, "XML error: line %ld: a second <%s> in <%s>",
                                    xmlGetLineNo(node), (const char *)node->name,
                                    (const char *)node->parent->name);
    for (const xmlNode *child = node->children; child && r == 0; child = child->next)
        if (child->type == XML_ELEMENT_NODE)
            r = check_node(child, path, error);
    return r;
}

int schema_check(const xmlNode *root, struct cpuctl_error *error)
{
    return check_node(root, "", error);
}

static const char *vmm_name(enum definition_vmm vmm)
{
    return vmm == DEFINITION_VMM_CPUVMM ? "cpuvmm" : "QEMU";
}

static int check_values(const xmlNode *node, const struct element *element,
                        struct cpuctl_error *error)
{
    _cleanup_free_ char *text = element->text ? node_text(node) : NULL;

    if (text && !is_one_of(text, element->text, strlen(element->text)))
        return cpuctl_error_set(error, -ENOTSUP,
                                "unsupported configuration: line %ld: <%s> '%.64s' (there is: %s)",
                                xmlGetLineNo(node), (const char *)node->name, text, element->text);
    for (const xmlAttr *a = node->properties; a; a = a->next) {
        _cleanup_free_ char *value = node_attribute(node, (const char *)a->name);
        const char *values = NULL;
        size_t length = 0;

        if (!value || !find_attribute(element, (const char *)a->name, &values, &length))
            continue;
        if (values && !is_one_of(value, values, length))
            return cpuctl_error_set(
                error, -ENOTSUP,
                "unsupported configuration: line %ld: attribute %s='%.64s' of <%s>%s%.*s%s",
                xmlGetLineNo(node), (const char *)a->name, value, (const char *)node->name,
                length ? " (there is: " : "", (int)length, values, length ? ")" : "");
    }
    return 0;
}

static int check_node_start(const xmlNode *node, const char *parent, enum definition_vmm vmm,
                            struct cpuctl_error *error)
{
    const struct element *element;
    char path[PATH_SIZE];
    int r;

    element = join(path, parent, node) ? find_element(path) : NULL;
    if (!element || !element->honoured)
        return cpuctl_error_set(
            error, -ENOTSUP,
            "unsupported configuration: line %ld: vcpuctl does not support <%.64s> in <%.64s>",
            xmlGetLineNo(node), (const char *)node->name, (const char *)node->parent->name);
    if (!(element->honoured & (1U << vmm)))
        return cpuctl_error_set(
            error, -ENOTSUP, "unsupported configuration: line %ld: %s does not have <%s> in <%s>",
            xmlGetLineNo(node), vmm_name(vmm), (const char *)node->name,
            (const char *)node->parent->name);
    r = check_values(node, element, error);
    for (const xmlNode *child = element->opaque ? NULL : node->children; child && r == 0;
         child = child->next)
        if (child->type == XML_ELEMENT_NODE)
            r = check_node_start(child, path, vmm, error);
    return r;
}

int schema_check_start(const xmlNode *root, enum definition_vmm vmm, struct cpuctl_error *error)
{
    return check_node_start(root, "", vmm, error);
}
