/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A console port tied to a host's end. */
#include "console-port.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <systemd/sd-event.h>

#include "chardev.h"
#include "cpuctl.h"
#include "fail.h"
#include "libcpuctl/cleanup.h"

#define CHUNK 4096
/* What one turn of the loop moves at most: a client that sends without end is not alone. */
#define CHUNKS_MAX 16

struct console_port {
    struct virtio_console *console;
    unsigned int id;
    struct chardev *end;
    int wake; /* eventfd: there is more to move, in the main thread */
    sd_event_source *source;
    void (*opened)(void *opaque, const char *name, bool open);
    void *opaque;
    bool told_open;   /* what opened() was last told */
    char data[CHUNK]; /* from the client, not yet with the guest */
    size_t start, size;
};

/* Whether all is with the guest that has been read. */
static bool send_rest(struct console_port *port)
{
    size_t sent;

    if (port->size == 0)
        return true;
    sent = virtio_console_send(port->console, port->id, port->data + port->start, port->size);
    port->start += sent;
    port->size -= sent;
    return port->size == 0;
}

static void pump(struct console_port *port)
{
    for (unsigned int i = 0; send_rest(port); i++) {
        if (i == CHUNKS_MAX) {
            (void)eventfd_write(port->wake, 1);
            return;
        }
        port->start = 0;
        port->size = chardev_read(port->end, port->data, sizeof(port->data));
        if (port->size == 0)
            return;
    }
}

/* ---- the host's side ---- */

static void on_ready(void *device)
{
    struct console_port *port = device;

    virtio_console_writable(port->console, port->id);
    pump(port);
}

static void on_connected(void *device, bool connected)
{
    struct console_port *port = device;

    port->size = 0; /* what the last client has left */
    virtio_console_set_connected(port->console, port->id, connected);
}

static const struct chardev_ops end_ops = { .ready = on_ready, .connected = on_connected };

static void tell_open(struct console_port *port)
{
    bool open = console_port_is_open(port);

    if (port->told_open == open)
        return;
    port->told_open = open;
    port->opened(port->opaque, console_port_name(port), open);
}

static int on_wake(sd_event_source *source, int fd, uint32_t events, void *data)
{
    eventfd_t count;

    (void)source;
    (void)events;
    (void)eventfd_read(fd, &count);
    tell_open(data);
    pump(data);
    return 0;
}

/* ---- the guest's side: maybe in a vCPU's thread ---- */

static size_t on_write(void *opaque, const void *data, size_t size)
{
    struct console_port *port = opaque;

    return chardev_write(port->end, data, size);
}

static void on_readable(void *opaque)
{
    struct console_port *port = opaque;

    (void)eventfd_write(port->wake, 1);
}

static void on_guest_open(void *opaque, bool open)
{
    struct console_port *port = opaque;

    (void)open;
    (void)eventfd_write(port->wake, 1);
}

static const struct virtio_console_ops guest_ops = {
    .write = on_write,
    .readable = on_readable,
    .guest_open = on_guest_open,
};

/* ---- making one ---- */

int console_port_new(const struct console_port_config *config, struct console_port **ret_port,
                     struct cpuctl_error *error)
{
    struct console_port *port = calloc(1, sizeof(*port));
    int r;

    if (!port)
        return cpuctl_error_set(error, -ENOMEM, "%s: memory is short", config->option);
    port->console = config->console;
    port->opened = config->opened;
    port->opaque = config->opaque;
    port->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r = port->wake < 0
            ? -errno
            : sd_event_add_io(config->event, &port->source, port->wake, EPOLLIN, on_wake, port);
    if (r >= 0)
        r = virtio_console_add_port(config->console, config->name, &guest_ops, port);
    if (r < 0) {
        console_port_free(port);
        if (r == -EEXIST)
            return cpuctl_error_set(error, r, "%s: there is a port named \"%s\" already",
                                    config->option, config->name);
        if (r == -EINVAL)
            return cpuctl_error_set(error, r, "%s: a port's name has 1 to %d bytes, not %zu",
                                    config->option, VIRTIO_CONSOLE_NAME_MAX, strlen(config->name));
        return fail_system(error, r, "%s: port \"%s\"", config->option, config->name);
    }
    port->id = (unsigned int)r;
    r = chardev_new(config->event, config->option, config->end, &port->end, error);
    if (r < 0) {
        console_port_free(port);
        return r;
    }
    chardev_attach(port->end, &end_ops, port);
    if (chardev_connected(port->end))
        virtio_console_set_connected(port->console, port->id, true);
    *ret_port = port;
    return 0;
}

const char *console_port_name(const struct console_port *port)
{
    return virtio_console_port_name(port->console, port->id);
}

const char *console_port_end(const struct console_port *port)
{
    return chardev_name(port->end);
}

bool console_port_is_open(const struct console_port *port)
{
    return virtio_console_guest_open(port->console, port->id);
}

void console_port_free(struct console_port *port)
{
    chardev_free(port->end);
    sd_event_source_disable_unref(port->source);
    cleanup_close(&port->wake);
    free(port);
}
