/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The UART as drivers see it; its host's end and its interrupt line are counted here. */
#include "main.h"

#include <string.h>

#include "cpuctl.h"
#include "vmm/chardev.h"
#include "vmm/irq.h"
#include "vmm/layout.h"
#include "vmm/serial.h"
#include "vmm/vm.h"

enum { DATA, IER, IIR, LCR, MCR, LSR, MSR, SCR };

static struct vm vm;
static struct serial *serial;
static const struct chardev_ops *end_ops;
static void *end_device;
static bool line;
static char input[64], output[64];
static size_t in_size, out_size, room;

/* In the place of irq.c's and chardev.c's. */
void irq_set_level(struct vm *of, unsigned int gsi, bool level)
{
    ck_assert_ptr_eq(of, &vm);
    ck_assert_uint_eq(gsi, LAYOUT_GSI_SERIAL);
    line = level;
}

void chardev_attach(struct chardev *chardev, const struct chardev_ops *ops, void *device)
{
    (void)chardev;
    end_ops = ops;
    end_device = device;
}

size_t chardev_read(struct chardev *chardev, void *data, size_t size)
{
    size_t n = size < in_size ? size : in_size;

    (void)chardev;
    memcpy(data, input, n);
    in_size -= n;
    memmove(input, input + n, in_size);
    return n;
}

size_t chardev_write(struct chardev *chardev, const void *data, size_t size)
{
    size_t n = size < room ? size : room;

    (void)chardev;
    ck_assert_uint_le(out_size + n, sizeof(output));
    memcpy(output + out_size, data, n);
    out_size += n;
    room -= n;
    return n;
}

static unsigned int get(unsigned int at)
{
    return (unsigned int)bus_read(&vm.pio, LAYOUT_SERIAL + at, 1);
}

static void set(unsigned int at, unsigned int value)
{
    bus_write(&vm.pio, LAYOUT_SERIAL + at, 1, value);
}

/* The host's end has @size bytes, and says so once. */
static void arrive(size_t size)
{
    for (in_size = 0; in_size < size; in_size++)
        input[in_size] = (char)('A' + in_size);
    end_ops->ready(end_device);
}

static void start(void)
{
    room = sizeof(output);
    ck_assert_int_eq(serial_new(&vm, NULL, &serial, NULL), 0);
}

static void finish(void)
{
    serial_free(serial);
    ck_assert_ptr_null(end_ops);
}

START_TEST(power_on)
{
    ck_assert_uint_eq(get(IER), 0);
    ck_assert_uint_eq(get(IIR), 0x01);
    ck_assert_uint_eq(get(LSR), 0x60);
    ck_assert_uint_eq(get(MSR), 0xb0);
    set(SCR, 0x5a);
    ck_assert_uint_eq(get(SCR), 0x5a);
    ck_assert_uint_eq(get(DATA), 0);
}
END_TEST

START_TEST(wrong_sizes)
{
    for (unsigned int size = 2; size <= 8; size *= 2)
        for (unsigned int at = 0; at < LAYOUT_SERIAL_SIZE; at++) {
            uint64_t ones = size == 8 ? UINT64_MAX : (1ULL << 8 * size) - 1;

            bus_write(&vm.pio, LAYOUT_SERIAL + at, size, 0x4141414141414141);
            ck_assert_uint_eq(bus_read(&vm.pio, LAYOUT_SERIAL + at, size), ones);
        }
    ck_assert_uint_eq(out_size, 0);
    ck_assert_uint_eq(get(LCR), 0);
}
END_TEST

START_TEST(divisor_latch)
{
    set(LCR, 0x83);
    set(DATA, 0x12);
    set(IER, 0xff);
    ck_assert_uint_eq(get(DATA), 0x12);
    ck_assert_uint_eq(get(IER), 0xff);
    set(LCR, 0x03);
    ck_assert_uint_eq(get(IER), 0);
    ck_assert_uint_eq(out_size, 0);
}
END_TEST

START_TEST(sends)
{
    set(MCR, 0x08);
    set(IER, 0x02);
    ck_assert(line);
    ck_assert_uint_eq(get(IIR), 0x02);
    ck_assert(!line); /* reading it acknowledges */
    set(DATA, 'x');
    ck_assert_uint_eq(out_size, 1);
    ck_assert(output[0] == 'x' && line);
}
END_TEST

/* A driver that fills the FIFO when it has been told that it is empty: the bytes go together. */
static void fill(const char *text)
{
    set(IIR, 0x01);
    set(MCR, 0x08);
    set(IER, 0);
    set(IER, 0x02);
    ck_assert_uint_eq(get(IIR), 0xc2);
    ck_assert(!line);
    for (; *text; text++)
        set(DATA, (unsigned char)*text);
}

START_TEST(fills_the_fifo)
{
    fill("0123456789abcdef");
    ck_assert_uint_eq(out_size, 0);
    ck_assert(line); /* so that the driver comes back */
    ck_assert_uint_eq(get(IIR), 0xc2);
    ck_assert(!line && out_size == 16 && memcmp(output, "0123456789abcdef", 16) == 0);
    fill("x");
    set(IER, 0);
    ck_assert(!line && out_size == 17);
    /* One that does not ask is not waited for. */
    set(DATA, 'y');
    ck_assert_uint_eq(out_size, 18);
    set(IER, 0x02);
    set(DATA, 'z');
    ck_assert(line && out_size == 19);
}
END_TEST

START_TEST(fills_more_than_the_fifo)
{
    fill("0123456789abcdefgh");
    ck_assert(line && out_size == 18);
}
END_TEST

START_TEST(fills_without_room)
{
    room = 1;
    fill("abc");
    ck_assert_uint_eq(get(IIR), 0xc1); /* it is not empty after all */
    ck_assert(!line);
    ck_assert_uint_eq(get(LSR), 0);
    room = 2;
    end_ops->ready(end_device);
    ck_assert(line && out_size == 3 && memcmp(output, "abc", 3) == 0);
    ck_assert_uint_eq(get(IIR), 0xc2);
}
END_TEST

START_TEST(nothing_stays_in_the_fifo)
{
    fill("a");
    serial_flush(serial);
    ck_assert(line && out_size == 1);
    fill("b");
    serial_reset(serial);
    ck_assert(!line && out_size == 2);
    fill("c"); /* goes when it is freed: finish_empty() */
}
END_TEST

static void finish_empty(void)
{
    finish();
    ck_assert(out_size == 3 && memcmp(output, "abc", 3) == 0);
}

START_TEST(waits_for_room)
{
    room = 0;
    set(MCR, 0x08);
    set(IER, 0x02);
    set(DATA, 'x');
    ck_assert_uint_eq(get(LSR), 0);
    ck_assert(!line);
    room = 1;
    end_ops->ready(end_device);
    ck_assert_uint_eq(get(LSR), 0x60);
    ck_assert(line && out_size == 1);
}
END_TEST

START_TEST(receives_more_than_fits)
{
    set(MCR, 0x08);
    set(IER, 0x01);
    arrive(40);
    ck_assert(line);
    ck_assert_uint_eq(get(IIR), 0x04);
    for (unsigned int i = 0; i < 40; i++) {
        ck_assert_uint_eq(get(LSR) & 1, 1);
        ck_assert_uint_eq(get(DATA), 'A' + i);
    }
    ck_assert(!line);
    ck_assert_uint_eq(get(LSR) & 1, 0);
}
END_TEST

/* The host's end speaks up once: what did not fit must follow when the FIFO is cleared. */
START_TEST(clear_lets_the_rest_in)
{
    arrive(20);
    set(IIR, 0x03);
    ck_assert_uint_eq(get(LSR) & 1, 1);
    ck_assert_uint_eq(get(DATA), 'A' + 16);
}
END_TEST

/* What came during loop-back comes in after it. */
START_TEST(loop_back)
{
    set(MCR, 0x1f);
    ck_assert_uint_eq(get(MSR), 0xf0);
    set(DATA, 'x');
    ck_assert_uint_eq(out_size, 0);
    ck_assert_uint_eq(get(DATA), 'x');
    arrive(1);
    ck_assert_uint_eq(get(LSR) & 1, 0);
    set(MCR, 0x08);
    ck_assert_uint_eq(get(LSR) & 1, 1);
    ck_assert_uint_eq(get(DATA), 'A');
}
END_TEST

START_TEST(reset)
{
    set(MCR, 0x08);
    set(IER, 0x03);
    arrive(20);
    serial_reset(serial);
    ck_assert(!line);
    ck_assert_uint_eq(get(IER), 0);
    ck_assert_uint_eq(get(DATA), 'A' + 16); /* the rest is still to come */
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("vmm-serial");
    TCase *tcase = tcase_create("serial");

    tcase_add_checked_fixture(tcase, start, finish);
    tcase_add_test(tcase, power_on);
    tcase_add_test(tcase, wrong_sizes);
    tcase_add_test(tcase, divisor_latch);
    tcase_add_test(tcase, sends);
    tcase_add_test(tcase, fills_the_fifo);
    tcase_add_test(tcase, fills_more_than_the_fifo);
    tcase_add_test(tcase, fills_without_room);
    tcase_add_test(tcase, waits_for_room);
    tcase_add_test(tcase, receives_more_than_fits);
    tcase_add_test(tcase, clear_lets_the_rest_in);
    tcase_add_test(tcase, loop_back);
    tcase_add_test(tcase, reset);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("end");
    tcase_add_checked_fixture(tcase, start, finish_empty);
    tcase_add_test(tcase, nothing_stays_in_the_fifo);
    suite_add_tcase(suite, tcase);
    return suite;
}
