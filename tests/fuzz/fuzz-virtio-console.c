/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The virtqueues of the console, with a client that comes, goes, and takes what it likes. Property:
 * the client hears of each change of "open" once, and is given bytes only while it is there. */
#include <string.h>

#include "fuzz.h"
#include "virtio.h"
#include "vmm/virtio-console.h"

#define PORTS 2U

struct client {
    struct virtio_console *console;
    unsigned int id;
    bool connected, open;
    size_t room;
};

static size_t on_write(void *opaque, const void *data, size_t size)
{
    struct client *client = opaque;
    static volatile unsigned char sum;

    hold(client->connected);
    if (size > client->room)
        size = client->room;
    for (size_t i = 0; i < size; i++) /* what we were given is there */
        sum = (unsigned char)(sum + ((const unsigned char *)data)[i]);
    client->room -= size;
    return size;
}

static void on_readable(void *opaque)
{
    struct client *client = opaque;
    char data[100];

    memset(data, 'r', sizeof(data));
    hold(client->open);
    hold(virtio_console_send(client->console, client->id, data, sizeof(data)) <= sizeof(data));
}

static void on_guest_open(void *opaque, bool open)
{
    struct client *client = opaque;

    hold(client->open != open);
    client->open = open;
}

static const struct virtio_console_ops ops = {
    .write = on_write,
    .readable = on_readable,
    .guest_open = on_guest_open,
};

static void host(void *opaque, uint8_t what)
{
    struct client *client = &((struct client *)opaque)[what & 1];
    char data[300];

    switch (what >> 1 & 3) {
    case 0:
        client->connected = !client->connected;
        virtio_console_set_connected(client->console, client->id, client->connected);
        break;
    case 1:
        memset(data, 's', sizeof(data));
        hold(virtio_console_send(client->console, client->id, data, what) <= what);
        break;
    default:
        client->room = what;
        virtio_console_writable(client->console, client->id);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct client clients[PORTS] = { 0 };
    const struct fuzz_device own = { .host = host, .opaque = clients };
    struct virtio_console *console;
    struct driver driver;

    fuzz_driver_init(&driver);
    hold(virtio_console_new(&driver.memory, PORTS, &console) == 0);
    for (unsigned int i = 0; i < PORTS; i++) {
        clients[i] = (struct client){ .console = console, .id = i + 1, .room = 100 };
        hold(virtio_console_add_port(console, i ? "b" : "a", &ops, &clients[i]) == (int)i + 1);
    }
    fuzz_driver_run(&driver, virtio_console_device(console), &own, data, size);
    for (unsigned int i = 0; i < PORTS; i++)
        hold(virtio_console_guest_open(console, i + 1) == clients[i].open);
    fuzz_driver_free(&driver);
    virtio_console_free(console);
    return 0;
}
