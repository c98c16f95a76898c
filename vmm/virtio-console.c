/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Virtio console with named ports (Virtio 1.2, 5.3). */
#include "virtio-console.h"

#include <endian.h>
#include <errno.h>
#include <linux/virtio_console.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_SIZE  64
#define TURN_BYTES  65536
#define CONTROL_IN  2 /* the device sends; the names are the driver's */
#define CONTROL_OUT 3

/* Control messages that wait for a buffer of the guest, in the order in which they go out. What is
 * told is the state then, so that there is nothing to queue. */
enum pending {
    PENDING_ADD = 1 << 0,
    PENDING_NAME = 1 << 1,
    PENDING_OPEN = 1 << 2,
};

struct port {
    char name[VIRTIO_CONSOLE_NAME_MAX + 1];
    const struct virtio_console_ops *ops;
    void *opaque;
    bool connected;  /* a client is there */
    bool ready;      /* the guest said PORT_READY */
    bool guest_open; /* the guest said PORT_OPEN */
    bool starved;    /* the client's bytes wait for room */
    bool blocked;    /* the guest's bytes wait for the client */
    uint64_t taken;  /* how many bytes of the first chain the client has */
    unsigned int pending;
};

struct virtio_console {
    struct virtio_device device;
    unsigned int count, count_max;
    struct port ports[VIRTIO_CONSOLE_PORTS_MAX + 1]; /* by ID; 0 is not used */
};

static struct virtio_console *console_of(const struct virtio_device *device)
{
    return (struct virtio_console *)((uintptr_t)device - offsetof(struct virtio_console, device));
}

static unsigned int in_queue(unsigned int id)
{
    return 2 + 2 * id;
}

static unsigned int out_queue(unsigned int id)
{
    return in_queue(id) + 1;
}

static struct port *find_port(struct virtio_console *console, uint32_t id)
{
    return id >= 1 && id <= console->count ? &console->ports[id] : NULL;
}

/* ---- control messages to the guest (5.3.6.2) ---- */

/* Sends one; false: the guest has no buffer for it now. A buffer that is too short gets a part. */
static bool send_control(struct virtio_console *console, unsigned int id, uint16_t event,
                         uint16_t value, const char *text)
{
    struct virtio_device *device = &console->device;
    struct virtio_console_control control = {
        .id = htole32(id),
        .event = htole16(event),
        .value = htole16(value),
    };
    struct virtqueue_chain chain;
    size_t written;

    if (!virtio_pop(device, CONTROL_IN, &chain))
        return false;
    written = virtqueue_write(&chain, 0, &control, sizeof(control));
    if (text)
        written += virtqueue_write(&chain, written, text, strlen(text));
    virtqueue_push(&device->queues[CONTROL_IN], &chain, (uint32_t)written);
    return true;
}

static bool send_pending(struct virtio_console *console, unsigned int id)
{
    struct port *port = &console->ports[id];

    if (port->pending & PENDING_ADD) {
        if (!send_control(console, id, VIRTIO_CONSOLE_PORT_ADD, 1, NULL))
            return false;
        port->pending &= ~(unsigned int)PENDING_ADD;
    }
    if (port->pending & PENDING_NAME) {
        if (!send_control(console, id, VIRTIO_CONSOLE_PORT_NAME, 1, port->name))
            return false;
        port->pending &= ~(unsigned int)PENDING_NAME;
    }
    if (port->pending & PENDING_OPEN) {
        if (!send_control(console, id, VIRTIO_CONSOLE_PORT_OPEN, port->connected, NULL))
            return false;
        port->pending &= ~(unsigned int)PENDING_OPEN;
    }
    return true;
}

static void flush_control(struct virtio_console *console)
{
    for (unsigned int id = 1; id <= console->count; id++) {
        if (!send_pending(console, id))
            break;
    }
    virtio_flush(&console->device, CONTROL_IN);
}

/* ---- the guest's bytes ---- */

/* Gives the client what it takes of the chain, and no more than *@room, which it lowers; true: all
 * is done, or nobody is there. */
static bool deliver(struct port *port, const struct virtqueue_chain *chain, size_t *room)
{
    uint64_t skip = port->taken;

    for (unsigned int i = 0; i < chain->out_count && port->connected;) {
        const struct iovec *iov = &chain->iov[i];
        size_t size, taken;

        if (skip >= iov->iov_len) {
            skip -= iov->iov_len;
            i++;
            continue;
        }
        size = iov->iov_len - skip < *room ? iov->iov_len - skip : *room;
        if (size == 0)
            return false;
        taken = port->ops->write(port->opaque, (const char *)iov->iov_base + skip, size);
        if (taken == 0 && port->connected) {
            port->blocked = true;
            return false;
        }
        port->taken += taken;
        skip += taken;
        *room -= taken;
    }
    return true;
}

/* One turn: a queue's worth of chains, and so many bytes. The rest comes later, so that the guest
 * can't keep us here. */
static void run_out(struct virtio_console *console, unsigned int id)
{
    struct virtio_device *device = &console->device;
    struct port *port = &console->ports[id];
    unsigned int index = out_queue(id);
    struct virtqueue_chain chain;
    size_t room = TURN_BYTES;

    for (unsigned int i = 0; !port->blocked && virtio_pop(device, index, &chain); i++) {
        if (i == QUEUE_SIZE || !deliver(port, &chain, &room)) {
            virtqueue_unpop(&device->queues[index]);
            if (!port->blocked)
                device->transport->again(device, index);
            break;
        }
        port->taken = 0;
        virtqueue_push(&device->queues[index], &chain, 0);
    }
    virtio_flush(device, index);
}

void virtio_console_writable(struct virtio_console *console, unsigned int id)
{
    console->ports[id].blocked = false;
    run_out(console, id);
}

/* ---- bytes for the guest ---- */

size_t virtio_console_send(struct virtio_console *console, unsigned int id, const void *data,
                           size_t size)
{
    struct virtio_device *device = &console->device;
    struct port *port = &console->ports[id];
    unsigned int index = in_queue(id);
    struct virtqueue_chain chain;
    size_t done = 0;

    /* A chain without room for a byte takes one turn, too: the loop is as long as the queue. */
    for (unsigned int i = 0; i < QUEUE_SIZE && done < size && port->guest_open; i++) {
        size_t step;

        if (!virtio_pop(device, index, &chain))
            break;
        step = virtqueue_write(&chain, 0, (const char *)data + done, size - done);
        virtqueue_push(&device->queues[index], &chain, (uint32_t)step);
        done += step;
    }
    virtio_flush(device, index);
    port->starved = done < size;
    return done;
}

/* The guest gave buffers, or opened the port. */
static void run_in(struct port *port)
{
    if (!port->starved || !port->guest_open)
        return;
    port->starved = false;
    if (port->ops->readable)
        port->ops->readable(port->opaque);
}

/* ---- control messages from the guest ---- */

static void set_guest_open(struct port *port, bool open)
{
    if (port->guest_open == open)
        return;
    port->guest_open = open;
    if (port->ops->guest_open)
        port->ops->guest_open(port->opaque, open);
    run_in(port);
}

static void handle_control(struct virtio_console *console,
                           const struct virtio_console_control *control)
{
    struct port *port = find_port(console, le32toh(control->id));
    uint16_t event = le16toh(control->event), value = le16toh(control->value);

    if (event == VIRTIO_CONSOLE_DEVICE_READY && value == 1) {
        for (unsigned int id = 1; id <= console->count; id++)
            console->ports[id].pending = PENDING_ADD;
    } else if (event == VIRTIO_CONSOLE_PORT_READY && value == 1 && port) {
        port->ready = true;
        port->pending |= PENDING_NAME;
        if (port->connected)
            port->pending |= PENDING_OPEN;
    } else if (event == VIRTIO_CONSOLE_PORT_OPEN && port && port->ready) {
        set_guest_open(port, value == 1);
    }
}

static void run_control(struct virtio_console *console)
{
    struct virtio_device *device = &console->device;
    struct virtqueue_chain chain;

    for (unsigned int i = 0; virtio_pop(device, CONTROL_OUT, &chain); i++) {
        struct virtio_console_control control;
        bool whole;

        if (i == QUEUE_SIZE) {
            virtqueue_unpop(&device->queues[CONTROL_OUT]);
            device->transport->again(device, CONTROL_OUT);
            break;
        }
        whole = virtqueue_read(&chain, 0, &control, sizeof(control)) == sizeof(control);
        virtqueue_push(&device->queues[CONTROL_OUT], &chain, 0);
        if (whole)
            handle_control(console, &control);
    }
    virtio_flush(device, CONTROL_OUT);
    flush_control(console);
}

/* ---- the device ---- */

static void kick(struct virtio_device *device, unsigned int index)
{
    struct virtio_console *console = console_of(device);
    unsigned int id = index / 2 - 1;

    if (index < CONTROL_IN || !(device->accepted & 1ULL << VIRTIO_CONSOLE_F_MULTIPORT))
        return; /* port 0 is not used, and there is no other one without MULTIPORT */
    if (index == CONTROL_IN)
        flush_control(console);
    else if (index == CONTROL_OUT)
        run_control(console);
    else if (id <= console->count && index == in_queue(id))
        run_in(&console->ports[id]);
    else if (id <= console->count)
        run_out(console, id);
}

static void read_config(const struct virtio_device *device, void *ret_config)
{
    struct virtio_console_config *config = ret_config;

    config->max_nr_ports = htole32(console_of(device)->count_max + 1);
}

static void reset(struct virtio_device *device)
{
    struct virtio_console *console = console_of(device);

    for (unsigned int id = 1; id <= console->count; id++) {
        struct port *port = &console->ports[id];

        port->ready = false;
        port->pending = 0;
        port->taken = 0;
        port->blocked = false;
        set_guest_open(port, false);
    }
}

static const struct virtio_class class = {
    .name = "console",
    .id = VIRTIO_ID_CONSOLE,
    .class_code = 0x078000, /* communication controller, other */
    .kick = kick,
    .read_config = read_config,
    .reset = reset,
};

int virtio_console_new(const struct memory *memory, unsigned int ports,
                       struct virtio_console **ret_console)
{
    struct virtio_console *console;

    if (ports > VIRTIO_CONSOLE_PORTS_MAX)
        return -EINVAL;
    console = calloc(1, sizeof(*console));
    if (!console)
        return -ENOMEM;
    console->count_max = ports;
    console->device = (struct virtio_device){
        .class = &class,
        .features = 1ULL << VIRTIO_CONSOLE_F_MULTIPORT,
        .config_size = sizeof(struct virtio_console_config),
        .queue_count = out_queue(ports) + 1,
        .queue_size = QUEUE_SIZE,
    };
    if (virtio_init(&console->device, memory) < 0) {
        free(console);
        return -ENOMEM;
    }
    *ret_console = console;
    return 0;
}

void virtio_console_free(struct virtio_console *console)
{
    if (!console)
        return;
    virtio_release(&console->device);
    free(console);
}

struct virtio_device *virtio_console_device(struct virtio_console *console)
{
    return &console->device;
}

int virtio_console_add_port(struct virtio_console *console, const char *name,
                            const struct virtio_console_ops *ops, void *opaque)
{
    struct port *port = &console->ports[console->count + 1];

    if (console->count == console->count_max)
        return -ENOSPC;
    if (name[0] == '\0' || strlen(name) > VIRTIO_CONSOLE_NAME_MAX)
        return -EINVAL;
    for (unsigned int id = 1; id <= console->count; id++) {
        if (strcmp(console->ports[id].name, name) == 0)
            return -EEXIST;
    }
    *port = (struct port){ .ops = ops, .opaque = opaque };
    memcpy(port->name, name, strlen(name) + 1);
    return (int)++console->count;
}

void virtio_console_set_connected(struct virtio_console *console, unsigned int id, bool connected)
{
    struct port *port = &console->ports[id];

    if (port->connected == connected)
        return;
    port->connected = connected;
    port->starved = false;
    if (port->ready)
        port->pending |= PENDING_OPEN;
    flush_control(console);
    virtio_console_writable(console, id); /* what waited for a client that went is dropped */
}

bool virtio_console_guest_open(const struct virtio_console *console, unsigned int id)
{
    return console->ports[id].guest_open;
}

const char *virtio_console_port_name(const struct virtio_console *console, unsigned int id)
{
    return console->ports[id].name;
}
