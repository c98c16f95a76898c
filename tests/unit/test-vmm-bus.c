/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The buses and the guest's RAM: who answers, and that nothing reaches beyond its range. */
#include "main.h"

#include <errno.h>
#include <stdint.h>

#include "cpuctl.h"
#include "vmm/bus.h"
#include "vmm/coalesced.h"
#include "vmm/kvm.h"
#include "vmm/layout.h"
#include "vmm/memory.h"

struct device {
    uint64_t offset, value;
    unsigned int size, writes;
};

static uint64_t device_read(void *opaque, uint64_t offset, unsigned int size)
{
    struct device *device = opaque;

    device->offset = offset;
    device->size = size;
    return UINT64_MAX;
}

static void device_write(void *opaque, uint64_t offset, unsigned int size, uint64_t value)
{
    struct device *device = opaque;

    device->offset = offset;
    device->size = size;
    device->value = value;
    device->writes++;
}

static const struct bus_ops ops = { .read = device_read, .write = device_write };

START_TEST(access_reaches_its_device)
{
    struct bus bus = { 0 };
    struct device a = { 0 }, b = { 0 };

    ck_assert_int_eq(bus_add(&bus, 0x2000, 0x100, &ops, &b), 0);
    ck_assert_int_eq(bus_add(&bus, 0x1000, 0x100, &ops, &a), 0);
    bus_write(&bus, 0x10ff, 1, 0x1ff);
    ck_assert_uint_eq(a.offset, 0xff);
    ck_assert_uint_eq(a.value, 0xff); /* cut to the access' size */
    bus_write(&bus, 0x2000, 8, 5);
    ck_assert_uint_eq(b.offset, 0);
    ck_assert_uint_eq(b.size, 8);
    ck_assert_uint_eq(bus_read(&bus, 0x2004, 2), 0xffff);
    ck_assert_uint_eq(b.offset, 4);
}
END_TEST

/* What KVM has collected, across the ring's end and for both buses. */
START_TEST(collected_writes)
{
    enum { OFFSET = 8192, MAX = (4096 - 8) / 24 };
    static _Alignas(4096) unsigned char shared[OFFSET + 4096];
    struct kvm_coalesced_mmio_ring *ring = (void *)(shared + OFFSET);
    struct kvm_run *run = (void *)shared;
    struct kvm_host host = { .ring_offset = OFFSET };
    struct bus pio = { 0 }, mmio = { 0 };
    struct device port = { 0 }, memory = { 0 };

    ck_assert_int_eq(bus_add(&pio, 0x10, 0x10, &ops, &port), 0);
    ck_assert_int_eq(bus_add(&mmio, 0x10, 0x10, &ops, &memory), 0);
    ring->first = ring->last = MAX - 1;
    coalesced_drain(&host, run, &pio, &mmio);
    ck_assert_uint_eq(port.writes + memory.writes, 0);
    ring->coalesced_mmio[MAX - 1] =
        (struct kvm_coalesced_mmio){ .phys_addr = 0x14, .len = 4, .data = { 1, 2, 3, 4, 5 } };
    ring->coalesced_mmio[0] =
        (struct kvm_coalesced_mmio){ .phys_addr = 0x12, .len = 1, .pio = 1, .data = { 6 } };
    ring->coalesced_mmio[1] =
        (struct kvm_coalesced_mmio){ .phys_addr = 0x13, .len = 2, .pio = 1, .data = { 7, 8 } };
    ring->last = 2;
    coalesced_drain(&host, run, &pio, &mmio);
    ck_assert_uint_eq(ring->first, 2);
    ck_assert(memory.writes == 1 && memory.offset == 4 && memory.size == 4);
    ck_assert_uint_eq(memory.value, 0x04030201);
    ck_assert(port.writes == 2 && port.offset == 3 && port.size == 2 && port.value == 0x0807);
    /* Without the capability there is no ring. */
    ring->last = 3;
    host.ring_offset = 0;
    coalesced_drain(&host, run, &pio, &mmio);
    ck_assert_uint_eq(ring->first, 2);
}
END_TEST

START_TEST(nobody_answers)
{
    struct bus bus = { 0 };
    struct device a = { 0 };

    ck_assert_uint_eq(bus_read(&bus, 0x1000, 4), 0xffffffff);
    ck_assert_int_eq(bus_add(&bus, 0x1000, 0x10, &ops, &a), 0);
    /* Before, after, across both ends, and at the end of the address space. */
    bus_write(&bus, 0xfff, 1, 0);
    bus_write(&bus, 0xffe, 4, 0);
    bus_write(&bus, 0x100e, 4, 0);
    bus_write(&bus, 0x1010, 1, 0);
    bus_write(&bus, UINT64_MAX, 8, 0);
    ck_assert_uint_eq(a.writes, 0);
    ck_assert_uint_eq(bus_read(&bus, UINT64_MAX, 8), UINT64_MAX);
    ck_assert_uint_eq(bus_read(&bus, 0xfff, 1), 0xff);
}
END_TEST

START_TEST(ranges_do_not_overlap)
{
    struct bus bus = { 0 };

    ck_assert_int_eq(bus_add(&bus, 0x1000, 0x100, &ops, NULL), 0);
    ck_assert_int_eq(bus_add(&bus, 0x10ff, 1, &ops, NULL), -EEXIST);
    ck_assert_int_eq(bus_add(&bus, 0xff0, 0x11, &ops, NULL), -EEXIST);
    ck_assert_int_eq(bus_add(&bus, 0xff0, 0x1000, &ops, NULL), -EEXIST);
    ck_assert_int_eq(bus_add(&bus, 0x1100, 1, &ops, NULL), 0);
    bus_remove(&bus, 0x1000);
    bus_remove(&bus, 0x1000);
    ck_assert_int_eq(bus_add(&bus, 0xff0, 0x110, &ops, NULL), 0);
    ck_assert_uint_eq(bus.count, 2);
    while (bus.count < BUS_RANGES_MAX)
        ck_assert_int_eq(bus_add(&bus, 0x10000ULL * bus.count, 1, &ops, NULL), 0);
    ck_assert_int_eq(bus_add(&bus, 1, 1, &ops, NULL), -ENOSPC);
}
END_TEST

START_TEST(ram_below_and_above_the_hole)
{
    struct memory_config config = { .size = LAYOUT_HOLE + 64 * MIB };
    struct memory memory;

    ck_assert_int_eq(memory_new(&config, &memory, NULL), 0);
    ck_assert_ptr_eq(memory_at(&memory, 0, 1), memory.host);
    ck_assert_ptr_eq(memory_at(&memory, 4 * GIB, 1), memory.host + LAYOUT_HOLE);
    ck_assert_ptr_nonnull(memory_at(&memory, LAYOUT_HOLE - 8, 8));
    ck_assert_ptr_nonnull(memory_at(&memory, 4 * GIB + 64 * MIB - 8, 8));
    ck_assert_ptr_null(memory_at(&memory, LAYOUT_HOLE - 8, 9));
    ck_assert_ptr_null(memory_at(&memory, LAYOUT_HOLE, 1));
    ck_assert_ptr_null(memory_at(&memory, 4 * GIB - 1, 2));
    ck_assert_ptr_null(memory_at(&memory, 4 * GIB + 64 * MIB - 8, 9));
    ck_assert_ptr_null(memory_at(&memory, UINT64_MAX, 2));
    ck_assert_ptr_null(memory_at(&memory, 4 * GIB, UINT64_MAX));
    ck_assert_ptr_null(memory_at(&memory, 1, UINT64_MAX));
    memory_free(&memory);
}
END_TEST

START_TEST(ram_is_copied_whole_or_not)
{
    struct memory_config config = { .size = 16 * MIB };
    struct memory memory;
    uint32_t value = 7;

    ck_assert_int_eq(memory_new(&config, &memory, NULL), 0);
    ck_assert_int_eq(memory_write(&memory, 16 * MIB - 4, &value, sizeof(value)), 0);
    value = 0;
    ck_assert_int_eq(memory_read(&memory, 16 * MIB - 4, &value, sizeof(value)), 0);
    ck_assert_uint_eq(value, 7);
    ck_assert_int_eq(memory_write(&memory, 16 * MIB - 3, &value, sizeof(value)), -EFAULT);
    ck_assert_int_eq(memory_read(&memory, 16 * MIB - 3, &value, sizeof(value)), -EFAULT);
    ck_assert_uint_eq(value, 7);
    memory_free(&memory);
}
END_TEST

START_TEST(ram_of_a_wrong_size)
{
    struct memory_config small = { .size = 15 * MIB }, odd = { .size = 16 * MIB + 1 };
    struct memory_config nowhere = { .size = 16 * MIB, .path = "/nonexistent" };
    struct memory memory;
    struct cpuctl_error error = { 0 };

    ck_assert_int_eq(memory_new(&small, &memory, &error), -EINVAL);
    ck_assert_int_eq(memory_new(&odd, &memory, &error), -EINVAL);
    ck_assert_int_eq(memory_new(&nowhere, &memory, &error), -ENOENT);
    ck_assert_str_eq(error.text, "--mem-path /nonexistent: No such file or directory");
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("vmm-bus");
    TCase *bus = tcase_create("bus"), *memory = tcase_create("memory");

    tcase_add_test(bus, access_reaches_its_device);
    tcase_add_test(bus, collected_writes);
    tcase_add_test(bus, nobody_answers);
    tcase_add_test(bus, ranges_do_not_overlap);
    tcase_add_test(memory, ram_below_and_above_the_hole);
    tcase_add_test(memory, ram_is_copied_whole_or_not);
    tcase_add_test(memory, ram_of_a_wrong_size);
    suite_add_tcase(suite, bus);
    suite_add_tcase(suite, memory);
    return suite;
}
