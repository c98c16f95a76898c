/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Virtio console: the ports' life, both directions, back-pressure, hostile control messages. */
#include "main.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_console.h>
#include <linux/virtio_pci.h>
#include <stdint.h>
#include <string.h>

#include "vmm-driver.h"
#include "vmm/virtio-console.h"

#define MULTIPORT   (1ULL << VIRTIO_CONSOLE_F_MULTIPORT)
#define CONTROL_IN  2U
#define CONTROL_OUT 3U
#define PORT_IN     4U /* of port 1 */
#define PORT_OUT    5U
#define SIZE        8
#define ROOM_ALL    SIZE_MAX

static struct driver d;
static struct virtio_console *console;
/* Port 1's client. */
static struct {
    char data[4096];
    size_t size, room, most; /* most: of one write; 0: any */
    unsigned int readable, opens, closes;
} client;

static size_t client_write(void *opaque, const void *data, size_t size)
{
    (void)opaque;
    if (size > client.room)
        size = client.room;
    if (client.most > 0 && size > client.most)
        size = client.most;
    for (size_t i = 0; i < size; i++)
        client.data[(client.size + i) % sizeof(client.data)] = ((const char *)data)[i];
    client.size += size;
    client.room -= size;
    return size;
}

static void client_readable(void *opaque)
{
    (void)opaque;
    client.readable++;
}

static void client_guest_open(void *opaque, bool open)
{
    (void)opaque;
    if (open)
        client.opens++;
    else
        client.closes++;
}

static const struct virtio_console_ops ops = {
    .write = client_write,
    .readable = client_readable,
    .guest_open = client_guest_open,
};

static void setup(void)
{
    memset(&client, 0, sizeof(client));
    client.room = ROOM_ALL;
    driver_init(&d);
    ck_assert_int_eq(virtio_console_new(&d.memory, 2, &console), 0);
    ck_assert_int_eq(virtio_console_add_port(console, "org.qemu.guest_agent.0", &ops, NULL), 1);
    ck_assert_int_eq(virtio_console_add_port(console, "second", &ops, NULL), 2);
    driver_attach(&d, virtio_console_device(console));
}

static void teardown(void)
{
    driver_free(&d);
    virtio_console_free(console);
}

static void add(unsigned int index, uint64_t address, uint32_t size, bool in)
{
    const struct driver_buffer buffer = { .address = address, .size = size, .in = in };

    driver_add(&d, index, &buffer, 1);
}

/* A control message of the guest. */
static void tell(uint32_t id, uint16_t event, uint16_t value)
{
    struct virtio_console_control control = { .id = id, .event = event, .value = value };
    uint32_t head, written;

    memcpy(driver_at(&d, DRIVER_BUFFERS), &control, sizeof(control));
    add(CONTROL_OUT, DRIVER_BUFFERS, sizeof(control), false);
    driver_notify(&d, CONTROL_OUT);
    ck_assert(driver_take(&d, CONTROL_OUT, &head, &written));
}

/* Gives a buffer for a control message. */
static void give_control(void)
{
    add(CONTROL_IN, DRIVER_BUFFERS + 0x10000, 256, true);
    driver_notify(&d, CONTROL_IN);
}

static void expect_control(uint32_t id, uint16_t event, uint16_t value, const char *text)
{
    const struct virtio_console_control *control;
    uint32_t head, written;

    ck_assert(driver_take(&d, CONTROL_IN, &head, &written));
    control = driver_at(&d, DRIVER_BUFFERS + 0x10000);
    ck_assert_uint_eq(control->id, id);
    ck_assert_uint_eq(control->event, event);
    ck_assert_uint_eq(control->value, value);
    ck_assert_uint_eq(written, sizeof(*control) + strlen(text));
    ck_assert_mem_eq(control + 1, text, strlen(text));
    ck_assert(!driver_take(&d, CONTROL_IN, &head, &written));
}

/* Up to the open port 1, without a client. */
static void open_port(void)
{
    driver_start(&d, MULTIPORT, SIZE);
    tell(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
    give_control();
    expect_control(1, VIRTIO_CONSOLE_PORT_ADD, 1, "");
    give_control();
    expect_control(2, VIRTIO_CONSOLE_PORT_ADD, 1, "");
    tell(1, VIRTIO_CONSOLE_PORT_READY, 1);
    give_control();
    expect_control(1, VIRTIO_CONSOLE_PORT_NAME, 1, "org.qemu.guest_agent.0");
    tell(1, VIRTIO_CONSOLE_PORT_OPEN, 1);
    ck_assert(virtio_console_guest_open(console, 1));
    ck_assert(!virtio_console_guest_open(console, 2));
}

static void connect_client(void)
{
    virtio_console_set_connected(console, 1, true);
    give_control();
    expect_control(1, VIRTIO_CONSOLE_PORT_OPEN, 1, "");
}

START_TEST(ports_are_added)
{
    ck_assert_int_eq(virtio_console_add_port(console, "third", &ops, NULL), -ENOSPC);
    ck_assert_uint_eq(driver_read(&d, VIRTIO_REGION_DEVICE + 4, 4), 3); /* max_nr_ports */
    ck_assert_uint_eq(driver_read(&d, VIRTIO_PCI_COMMON_NUMQ, 2), 8);
}
END_TEST

START_TEST(names_are_checked)
{
    struct virtio_console *other;
    char name[65];

    memset(name, 'n', sizeof(name));
    name[64] = '\0';
    ck_assert_int_eq(virtio_console_new(&d.memory, VIRTIO_CONSOLE_PORTS_MAX + 1, &other), -EINVAL);
    ck_assert_int_eq(virtio_console_new(&d.memory, 2, &other), 0);
    ck_assert_int_eq(virtio_console_add_port(other, name, &ops, NULL), -EINVAL);
    ck_assert_int_eq(virtio_console_add_port(other, "", &ops, NULL), -EINVAL);
    ck_assert_int_eq(virtio_console_add_port(other, name + 1, &ops, NULL), 1);
    ck_assert_int_eq(virtio_console_add_port(other, name + 1, &ops, NULL), -EEXIST);
    ck_assert_str_eq(virtio_console_port_name(other, 1), name + 1);
    virtio_console_free(other);
}
END_TEST

START_TEST(guest_opens_and_closes)
{
    open_port();
    ck_assert_uint_eq(client.opens, 1);
    tell(1, VIRTIO_CONSOLE_PORT_OPEN, 1);
    ck_assert_uint_eq(client.opens, 1);
    tell(1, VIRTIO_CONSOLE_PORT_OPEN, 0);
    ck_assert_uint_eq(client.closes, 1);
    tell(1, VIRTIO_CONSOLE_PORT_OPEN, 1);
    ck_assert_uint_eq(client.opens, 2);
    driver_write(&d, VIRTIO_PCI_COMMON_STATUS, 1, 0);
    ck_assert_uint_eq(client.closes, 2); /* a reset closes it */
    ck_assert(!virtio_console_guest_open(console, 1));
}
END_TEST

/* A client that is there before the guest is told of after the port's name. */
START_TEST(client_comes_first)
{
    virtio_console_set_connected(console, 1, true);
    open_port();
    give_control();
    expect_control(1, VIRTIO_CONSOLE_PORT_OPEN, 1, "");
}
END_TEST

START_TEST(client_comes_and_goes)
{
    open_port();
    connect_client();
    virtio_console_set_connected(console, 1, false);
    give_control();
    expect_control(1, VIRTIO_CONSOLE_PORT_OPEN, 0, "");
    connect_client();
}
END_TEST

START_TEST(bytes_for_the_client)
{
    uint32_t head, written;

    open_port();
    connect_client();
    memcpy(driver_at(&d, DRIVER_BUFFERS), "hello", 5);
    add(PORT_OUT, DRIVER_BUFFERS, 5, false);
    driver_notify(&d, PORT_OUT);
    ck_assert_uint_eq(client.size, 5);
    ck_assert_mem_eq(client.data, "hello", 5);
    ck_assert(driver_take(&d, PORT_OUT, &head, &written));
    ck_assert_uint_eq(written, 0);
    ck_assert_uint_eq(d.raised[PORT_OUT + 1], 1);
}
END_TEST

START_TEST(slow_client)
{
    const struct driver_buffer buffers[] = { { .address = DRIVER_BUFFERS, .size = 4 },
                                             { .address = DRIVER_BUFFERS + 4, .size = 4 } };
    uint32_t head, written;

    open_port();
    connect_client();
    memcpy(driver_at(&d, DRIVER_BUFFERS), "abcdefgh", 8);
    client.room = 6;
    driver_add(&d, PORT_OUT, buffers, 2);
    driver_notify(&d, PORT_OUT);
    ck_assert_uint_eq(client.size, 6);
    ck_assert(!driver_take(&d, PORT_OUT, &head, &written)); /* the guest waits */
    client.room = 1;
    driver_notify(&d, PORT_OUT); /* a kick changes nothing */
    ck_assert_uint_eq(client.size, 6);
    virtio_console_writable(console, 1);
    ck_assert_uint_eq(client.size, 7);
    ck_assert(!driver_take(&d, PORT_OUT, &head, &written));
    client.room = ROOM_ALL;
    virtio_console_writable(console, 1);
    ck_assert_mem_eq(client.data, "abcdefgh", 8);
    ck_assert_uint_eq(client.size, 8);
    ck_assert(driver_take(&d, PORT_OUT, &head, &written));
}
END_TEST

/* As a file is, which never says that it has room again. */
START_TEST(client_takes_pieces)
{
    uint32_t head, written;

    open_port();
    connect_client();
    client.most = 512;
    add(PORT_OUT, DRIVER_BUFFERS, 4000, false);
    driver_notify(&d, PORT_OUT);
    ck_assert_uint_eq(client.size, 4000);
    ck_assert(driver_take(&d, PORT_OUT, &head, &written));
}
END_TEST

/* The guest can make a little memory look like much: each turn has an end. */
START_TEST(endless_chain)
{
    struct driver_buffer buffers[SIZE];
    size_t all = SIZE * 0x100000UL;
    uint32_t head, written;
    unsigned int turns = 1;

    for (unsigned int i = 0; i < SIZE; i++)
        buffers[i] = (struct driver_buffer){ .address = DRIVER_BUFFERS, .size = 0x100000 };
    open_port();
    connect_client();
    driver_add(&d, PORT_OUT, buffers, SIZE);
    driver_notify(&d, PORT_OUT);
    ck_assert_uint_lt(client.size, 0x100000);
    for (; client.size < all; turns++) {
        ck_assert_uint_eq(d.again[PORT_OUT], turns);
        ck_assert(!driver_take(&d, PORT_OUT, &head, &written));
        virtio_pci_kick(d.device, PORT_OUT);
    }
    ck_assert(driver_take(&d, PORT_OUT, &head, &written));
    ck_assert_uint_eq(client.size, all);
}
END_TEST

START_TEST(client_goes_in_the_middle)
{
    uint32_t head, written;

    open_port();
    connect_client();
    client.room = 2;
    memcpy(driver_at(&d, DRIVER_BUFFERS), "abcd", 4);
    add(PORT_OUT, DRIVER_BUFFERS, 4, false);
    driver_notify(&d, PORT_OUT);
    ck_assert(!driver_take(&d, PORT_OUT, &head, &written));
    virtio_console_set_connected(console, 1, false);
    ck_assert(driver_take(&d, PORT_OUT, &head, &written)); /* the rest is dropped */
    client.room = ROOM_ALL;
    client.size = 0;
    give_control();
    expect_control(1, VIRTIO_CONSOLE_PORT_OPEN, 0, "");
    connect_client();
    add(PORT_OUT, DRIVER_BUFFERS, 4, false);
    driver_notify(&d, PORT_OUT);
    ck_assert_uint_eq(client.size, 4); /* the next one begins at its beginning */
}
END_TEST

START_TEST(bytes_for_nobody)
{
    uint32_t head, written;

    open_port();
    add(PORT_OUT, DRIVER_BUFFERS, 100, false);
    driver_notify(&d, PORT_OUT);
    ck_assert(driver_take(&d, PORT_OUT, &head, &written));
    ck_assert_uint_eq(client.size, 0);
}
END_TEST

START_TEST(bytes_for_the_guest)
{
    uint32_t head, written;

    ck_assert_uint_eq(virtio_console_send(console, 1, "early", 5), 0);
    open_port();
    ck_assert_uint_eq(client.readable, 1); /* now it has room */
    connect_client();
    ck_assert_uint_eq(virtio_console_send(console, 1, "hello", 5), 0);
    add(PORT_IN, DRIVER_BUFFERS + 0x1000, 4, true);
    ck_assert_uint_eq(client.readable, 1);
    driver_notify(&d, PORT_IN);
    ck_assert_uint_eq(client.readable, 2);
    ck_assert_uint_eq(virtio_console_send(console, 1, "hello", 5), 4);
    ck_assert_mem_eq(driver_at(&d, DRIVER_BUFFERS + 0x1000), "hell", 4);
    ck_assert(driver_take(&d, PORT_IN, &head, &written));
    ck_assert_uint_eq(written, 4);
    ck_assert_uint_eq(d.raised[PORT_IN + 1], 1);
    tell(1, VIRTIO_CONSOLE_PORT_OPEN, 0);
    add(PORT_IN, DRIVER_BUFFERS + 0x1000, 4, true);
    driver_notify(&d, PORT_IN);
    ck_assert_uint_eq(client.readable, 2);
    ck_assert_uint_eq(virtio_console_send(console, 1, "o", 1), 0);
}
END_TEST

START_TEST(hostile_control_messages)
{
    static const uint32_t ids[] = { 0, 3, 15, 16, 17, 1000, UINT32_MAX };

    open_port();
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        for (uint16_t event = 0; event < 12; event++) {
            if (event != VIRTIO_CONSOLE_DEVICE_READY)
                tell(ids[i], event, 1);
        }
        tell(ids[i], UINT16_MAX, UINT16_MAX);
    }
    tell(2, VIRTIO_CONSOLE_PORT_OPEN, 1); /* of a port that is not ready */
    ck_assert(!virtio_console_guest_open(console, 2));
    /* One that is too short, and one that is longer. */
    add(CONTROL_OUT, DRIVER_BUFFERS, 7, false);
    add(CONTROL_OUT, DRIVER_BUFFERS, 100, false);
    driver_notify(&d, CONTROL_OUT);
    ck_assert(!(driver_read(&d, VIRTIO_PCI_COMMON_STATUS, 1) & VIRTIO_CONFIG_S_NEEDS_RESET));
    connect_client();
}
END_TEST

/* Buffers for control messages and bytes that have no room, or too little. */
START_TEST(short_buffers)
{
    uint32_t head, written;

    open_port();
    virtio_console_set_connected(console, 1, true);
    add(CONTROL_IN, DRIVER_BUFFERS + 0x10000, 3, true);
    driver_notify(&d, CONTROL_IN);
    ck_assert(driver_take(&d, CONTROL_IN, &head, &written));
    ck_assert_uint_eq(written, 3);
    for (int i = 0; i < SIZE; i++)
        add(PORT_IN, DRIVER_BUFFERS, 8, false);
    ck_assert_uint_eq(virtio_console_send(console, 1, "x", 1), 0);
    for (int i = 0; i < SIZE; i++) {
        ck_assert(driver_take(&d, PORT_IN, &head, &written));
        ck_assert_uint_eq(written, 0);
    }
}
END_TEST

START_TEST(broken_control_queue)
{
    open_port();
    add(CONTROL_IN, UINT64_MAX, 16, true);
    virtio_console_set_connected(console, 1, true);
    ck_assert(driver_read(&d, VIRTIO_PCI_COMMON_STATUS, 1) & VIRTIO_CONFIG_S_NEEDS_RESET);
    ck_assert_uint_eq(virtio_console_send(console, 1, "x", 1), 0);
    virtio_console_set_connected(console, 1, false);
    driver_write(&d, VIRTIO_PCI_COMMON_STATUS, 1, 0);
    open_port();
    connect_client();
}
END_TEST

START_TEST(without_multiport)
{
    driver_start(&d, 0, SIZE);
    for (unsigned int i = 0; i < 8; i++) {
        add(i, DRIVER_BUFFERS, 8, i % 2 == 0);
        driver_notify(&d, i);
        ck_assert_uint_eq(d.rings[i].used->idx, 0);
    }
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("vmm-console");
    TCase *ports = tcase_create("ports"), *bytes = tcase_create("bytes");
    TCase *hostile = tcase_create("hostile");

    tcase_add_checked_fixture(ports, setup, teardown);
    tcase_add_test(ports, ports_are_added);
    tcase_add_test(ports, names_are_checked);
    tcase_add_test(ports, guest_opens_and_closes);
    tcase_add_test(ports, client_comes_first);
    tcase_add_test(ports, client_comes_and_goes);
    tcase_add_checked_fixture(bytes, setup, teardown);
    tcase_add_test(bytes, bytes_for_the_client);
    tcase_add_test(bytes, slow_client);
    tcase_add_test(bytes, client_takes_pieces);
    tcase_add_test(bytes, endless_chain);
    tcase_add_test(bytes, client_goes_in_the_middle);
    tcase_add_test(bytes, bytes_for_nobody);
    tcase_add_test(bytes, bytes_for_the_guest);
    tcase_add_checked_fixture(hostile, setup, teardown);
    tcase_add_test(hostile, hostile_control_messages);
    tcase_add_test(hostile, short_buffers);
    tcase_add_test(hostile, broken_control_queue);
    tcase_add_test(hostile, without_multiport);
    suite_add_tcase(suite, ports);
    suite_add_tcase(suite, bytes);
    suite_add_tcase(suite, hostile);
    return suite;
}
