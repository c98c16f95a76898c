/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the document to the fields: disks and character devices. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "definition-read.h"

static int need_path(const xmlNode *device, const char *path, const char *what,
                     struct cpuctl_error *error)
{
    if (path && *path == '/')
        return 0;
    return cpuctl_error_set(error, -EINVAL,
                            "XML error: line %ld: <%s> needs an absolute path in <source %s='…'>",
                            xmlGetLineNo(device), (const char *)device->name, what);
}

static int read_disk(struct definition *d, const xmlNode *node, struct cpuctl_error *error)
{
    struct definition_disk *disk = &d->disks[d->n_disks++];
    _cleanup_free_ char *type = node_attribute(node, "type");
    _cleanup_free_ char *device = node_attribute(node, "device");
    const char *attribute = "file";

    disk->block = type && strcmp(type, "block") == 0;
    if (disk->block)
        attribute = "dev";
    disk->readonly = node_child(node, "readonly");
    disk->path = node_attribute(node_child(node, "source"), attribute);
    /* Others are kept, and refused at start. */
    if ((type && !disk->block && strcmp(type, "file") != 0) ||
        (device && strcmp(device, "disk") != 0))
        return 0;
    return need_path(node, disk->path, attribute, error);
}

static int read_end(const xmlNode *node, struct definition_chardev *chardev,
                    struct cpuctl_error *error)
{
    static const struct {
        const char *name;
        enum definition_end end;
    } ends[] = { { "null", DEFINITION_END_NULL },
                 { "pty", DEFINITION_END_PTY },
                 { "file", DEFINITION_END_FILE },
                 { "unix", DEFINITION_END_UNIX } };
    _cleanup_free_ char *type = node_attribute(node, "type");

    chardev->end = DEFINITION_END_NULL;
    for (size_t i = 0; type && i < sizeof(ends) / sizeof(ends[0]); i++)
        if (strcmp(type, ends[i].name) == 0)
            chardev->end = ends[i].end;
    if (!type)
        return cpuctl_error_set(error, -EINVAL,
                                "XML error: Missing required attribute 'type' in element '%s'",
                                (const char *)node->name);
    if (chardev->end == DEFINITION_END_FILE || chardev->end == DEFINITION_END_UNIX)
        chardev->path = node_attribute(node_child(node, "source"), "path");
    if (chardev->end == DEFINITION_END_FILE || chardev->path)
        return need_path(node, chardev->path, "path", error);
    return 0;
}

static int read_chardev(struct definition *d, const xmlNode *node, enum definition_port port,
                        struct cpuctl_error *error)
{
    const xmlNode *target = node_child(node, "target");
    _cleanup_free_ char *type = node_attribute(target, "type");
    struct definition_chardev *chardev = &d->chardevs[d->n_chardevs];

    if (port == DEFINITION_VIRTIO_CONSOLE && !(type && strcmp(type, "virtio") == 0)) {
        /* A console on the serial line is the first <serial>, if there is one. */
        port = DEFINITION_SERIAL;
        for (size_t i = 0; i < d->n_chardevs; i++)
            if (d->chardevs[i].port == DEFINITION_SERIAL)
                return 0;
    }
    d->n_chardevs++;
    chardev->port = port;
    chardev->name = port == DEFINITION_CHANNEL ? node_attribute(target, "name") : NULL;
    if (port == DEFINITION_CHANNEL && !chardev->name)
        return cpuctl_error_set(error, -EINVAL,
                                "XML error: line %ld: <channel> needs <target name='…'>",
                                xmlGetLineNo(node));
    /* The word goes into the VMM's option. */
    if (chardev->name && strpbrk(chardev->name, ",=\n"))
        return cpuctl_error_set(error, -EINVAL,
                                "XML error: line %ld: channel name '%.64s' contains ',' or '='",
                                xmlGetLineNo(node), chardev->name);
    return read_end(node, chardev, error);
}

static size_t count(const xmlNode *devices, const char *name)
{
    size_t n = 0;

    for (const xmlNode *d = node_child(devices, name); d; d = node_next(d, name))
        n++;
    return n;
}

int definition_read_devices(struct definition *d, const xmlNode *devices,
                            struct cpuctl_error *error)
{
    static const struct {
        const char *name;
        enum definition_port port;
    } ports[] = { { "serial", DEFINITION_SERIAL },
                  { "console", DEFINITION_VIRTIO_CONSOLE },
                  { "channel", DEFINITION_CHANNEL } };
    size_t n_chardevs = 0;
    int r = 0;

    for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
        n_chardevs += count(devices, ports[i].name);
    d->disks = calloc(count(devices, "disk") + 1, sizeof(*d->disks));
    d->chardevs = calloc(n_chardevs + 1, sizeof(*d->chardevs));
    if (!d->disks || !d->chardevs)
        return no_memory(error);
    for (const xmlNode *n = node_child(devices, "disk"); n && r == 0; n = node_next(n, "disk"))
        r = read_disk(d, n, error);
    for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
        for (const xmlNode *n = node_child(devices, ports[i].name); n && r == 0;
             n = node_next(n, ports[i].name))
            r = read_chardev(d, n, ports[i].port, error);
    d->rng = node_child(devices, "rng");
    return r;
}
