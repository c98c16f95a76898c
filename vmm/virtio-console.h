/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Virtio console with named ports (Virtio 1.2, 5.3), seen by the guest as QEMU's virtserialport:
 * ports have IDs from 1, port 0 is not used. A port's host end may come and go. Both directions
 * have back-pressure: a byte is taken only when the other side has room. With the VM's lock held.
 */
#ifndef VMM_VIRTIO_CONSOLE_H
#define VMM_VIRTIO_CONSOLE_H

#include "virtio.h"

#define VIRTIO_CONSOLE_PORTS_MAX 15
#define VIRTIO_CONSOLE_NAME_MAX  63 /* bytes */

/** A port's host end. */
struct virtio_console_ops {
    /** Bytes from the guest. Returns how many were taken; when not all,
     * virtio_console_writable() follows. */
    size_t (*write)(void *opaque, const void *data, size_t size);
    /** The guest has room for bytes, after virtio_console_send() took less than it was given. */
    void (*readable)(void *opaque);
    /** The guest opened or closed the port (QMP: VSERPORT_CHANGE). */
    void (*guest_open)(void *opaque, bool open);
};

struct virtio_console;

/** Makes a console for up to @ports ports (VIRTIO_CONSOLE_PORTS_MAX). Returns 0, -EINVAL or
 * -ENOMEM. */
int virtio_console_new(const struct memory *memory, unsigned int ports,
                       struct virtio_console **ret_console);
void virtio_console_free(struct virtio_console *console);
struct virtio_device *virtio_console_device(struct virtio_console *console);
/**
 * Adds the next port, before the guest runs. @name (as in /dev/virtio-ports/) is copied. Returns
 * its ID, from 1; -ENOSPC, -EINVAL (name of more than 63 bytes) or -EEXIST (name in use).
 */
int virtio_console_add_port(struct virtio_console *console, const char *name,
                            const struct virtio_console_ops *ops, void *opaque);

/** A client came or went. What the guest sent while none is there is dropped. */
void virtio_console_set_connected(struct virtio_console *console, unsigned int port,
                                  bool connected);
/** Bytes for the guest. Returns how many it had room for: 0 while the guest has the port closed. */
size_t virtio_console_send(struct virtio_console *console, unsigned int port, const void *data,
                           size_t size);
/** The client takes bytes again. */
void virtio_console_writable(struct virtio_console *console, unsigned int port);
bool virtio_console_guest_open(const struct virtio_console *console, unsigned int port);
const char *virtio_console_port_name(const struct virtio_console *console, unsigned int port);

#endif
