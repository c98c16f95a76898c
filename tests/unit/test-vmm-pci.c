/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PCI configuration space by ECAM, BARs, MSI-X. */
#include "main.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdint.h>
#include <string.h>

#include "vmm/layout.h"
#include "vmm/pci.h"

#define DEVICE_ECAM (LAYOUT_ECAM + 0x8000)
#define BAR0_SIZE   0x4000U
#define VECTORS     40U

struct machine {
    struct bus mmio;
    struct pci_bus pci;
    struct pci_function function;
    uint32_t moved_to;
    unsigned int moves, resets;
    unsigned int routed, raised[VECTORS];
    struct msi routes[VECTORS];
    int route_result;
};

static struct machine m;
static unsigned int msix; /* the capability's offset */

static uint64_t bar_read(void *device, uint64_t offset, unsigned int size)
{
    (void)device;
    (void)size;
    return offset;
}

static void bar_write(void *device, uint64_t offset, unsigned int size, uint64_t value)
{
    (void)device;
    (void)offset;
    (void)size;
    (void)value;
}

static const struct bus_ops bar_ops = { .read = bar_read, .write = bar_write };

static void bar_moved(struct pci_function *function, unsigned int bar, uint32_t address)
{
    (void)function;
    if (bar != 0)
        return;
    m.moved_to = address;
    m.moves++;
}

static void was_reset(struct pci_function *function)
{
    (void)function;
    m.resets++;
}

static const struct pci_function_ops ops = { .bar_moved = bar_moved, .reset = was_reset };

static int route(void *opaque, unsigned int vector, const struct msi *msi)
{
    (void)opaque;
    m.routed++;
    m.routes[vector] = *msi;
    return m.route_result;
}

static void raise_vector(void *opaque, unsigned int vector)
{
    (void)opaque;
    m.raised[vector]++;
}

static const struct msix_ops msix_ops = { .route = route, .raise = raise_vector };
static const struct pci_identity identity = {
    .vendor = 0x1af4, .device = 0x1043, .class_code = 0x078000, .revision = 1
};

static void setup(void)
{
    memset(&m, 0, sizeof(m));
    ck_assert_int_eq(pci_bus_init(&m.pci, &m.mmio), 0);
    pci_function_init(&m.function, &identity, &ops, NULL);
    pci_set_bar(&m.function, 0, BAR0_SIZE, &bar_ops, NULL);
    ck_assert_int_eq(pci_add_msix(&m.function, 1, VECTORS, &msix_ops, NULL), 0);
    ck_assert_int_eq(pci_add(&m.pci, &m.function), 1);
    msix = m.function.msix_capability;
}

static void teardown(void)
{
    pci_remove(&m.function);
}

static uint64_t get(unsigned int offset, unsigned int size)
{
    return bus_read(&m.mmio, DEVICE_ECAM + offset, size);
}

static void set(unsigned int offset, unsigned int size, uint64_t value)
{
    bus_write(&m.mmio, DEVICE_ECAM + offset, size, value);
}

START_TEST(who_is_there)
{
    ck_assert_uint_eq(bus_read(&m.mmio, LAYOUT_ECAM, 4), 0x00081b36);
    ck_assert_uint_eq(bus_read(&m.mmio, LAYOUT_ECAM + 8, 4), 0x06000000);
    ck_assert_uint_eq(get(0, 4), 0x10431af4);
    ck_assert_uint_eq(get(PCI_VENDOR_ID, 2), 0x1af4);
    ck_assert_uint_eq(get(PCI_DEVICE_ID, 2), 0x1043);
    ck_assert_uint_eq(get(PCI_CLASS_REVISION, 4), 0x07800001);
    ck_assert_uint_eq(get(PCI_HEADER_TYPE, 1), 0);
    ck_assert_uint_eq(get(PCI_INTERRUPT_PIN, 1), 0);
    ck_assert_uint_eq(get(0x100, 4), 0);
    /* Function 1 of it, device 2, the last function. */
    ck_assert_uint_eq(get(0x1000, 4), 0xffffffff);
    ck_assert_uint_eq(get(0x8000, 4), 0xffffffff);
    ck_assert_uint_eq(bus_read(&m.mmio, LAYOUT_ECAM + LAYOUT_ECAM_SIZE - 4, 4), 0xffffffff);
}
END_TEST

START_TEST(improper_accesses)
{
    ck_assert_uint_eq(get(0, 8), UINT64_MAX);
    ck_assert_uint_eq(get(1, 2), 0xffff);
    ck_assert_uint_eq(get(2, 4), 0xffffffff);
    set(PCI_COMMAND, 8, PCI_COMMAND_MEMORY);
    set(PCI_COMMAND - 1, 2, 0xffff);
    set(0x104, 4, 0xffffffff);
    ck_assert_uint_eq(get(PCI_COMMAND, 2), 0);
    ck_assert_uint_eq(m.moves, 0);
}
END_TEST

/* Every bit of every dword is written; exactly those change that the specification lets change. */
START_TEST(only_writable_bits_change)
{
    static const struct {
        unsigned int offset;
        uint32_t mask;
    } writable[] = {
        { PCI_COMMAND, 0x0406 },         { PCI_CACHE_LINE_SIZE, 0xff },
        { PCI_INTERRUPT_LINE, 0xff },    { PCI_BASE_ADDRESS_0, ~(BAR0_SIZE - 1) },
        { PCI_BASE_ADDRESS_1, ~0xfffU },
    };

    for (unsigned int offset = 0; offset < PCI_CONFIG_SIZE; offset += 4) {
        uint32_t before = (uint32_t)get(offset, 4), expected = 0;

        for (size_t i = 0; i < sizeof(writable) / sizeof(writable[0]); i++) {
            if (writable[i].offset == offset)
                expected = writable[i].mask;
        }
        if (offset == msix)
            expected = 0xc0000000;
        set(offset, 4, ~before);
        ck_assert_uint_eq((uint32_t)get(offset, 4) ^ before, expected);
        set(offset, 4, before);
        ck_assert_uint_eq((uint32_t)get(offset, 4), before);
    }
}
END_TEST

START_TEST(bar_is_sized_and_moved)
{
    uint32_t given = (uint32_t)get(PCI_BASE_ADDRESS_0, 4);

    ck_assert_uint_ge(given, LAYOUT_PCI_WINDOW);
    ck_assert_uint_eq(bus_read(&m.mmio, given + 8, 4), 0xffffffff); /* decoding is off */
    set(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    ck_assert_uint_eq(bus_read(&m.mmio, given + 8, 4), 8);
    ck_assert_uint_eq(m.moved_to, given);
    /* Sizing, with decoding on: it answers nowhere for the time. */
    set(PCI_BASE_ADDRESS_0, 4, 0xffffffff);
    ck_assert_uint_eq(get(PCI_BASE_ADDRESS_0, 4), ~(BAR0_SIZE - 1));
    ck_assert_uint_eq(m.moved_to, 0);
    ck_assert_uint_eq(bus_read(&m.mmio, given + 8, 4), 0xffffffff);
    set(PCI_BASE_ADDRESS_0, 4, 0xc8000000);
    ck_assert_uint_eq(m.moved_to, 0xc8000000);
    ck_assert_uint_eq(bus_read(&m.mmio, 0xc8000008, 4), 8);
    set(PCI_COMMAND, 2, 0);
    ck_assert_uint_eq(m.moved_to, 0);
    ck_assert_uint_eq(bus_read(&m.mmio, 0xc8000008, 4), 0xffffffff);
}
END_TEST

/* Places outside of the window, over RAM, ECAM, the I/O APIC: nothing answers there. */
START_TEST(bar_stays_in_the_window)
{
    static const uint32_t places[] = { 0x0,        0x100000,   0xbfffc000, 0xd0000000,
                                       0xe0000000, 0xfec00000, 0xfee00000, 0xffffc000 };

    set(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    set(PCI_BASE_ADDRESS_0, 4, places[_i]);
    ck_assert_uint_eq(m.moved_to, 0);
    ck_assert_uint_eq(get(PCI_BASE_ADDRESS_0, 4), places[_i]);
    set(PCI_BASE_ADDRESS_0, 4, 0xcfffc000);
    ck_assert_uint_eq(m.moved_to, 0xcfffc000);
}
END_TEST

START_TEST(bars_at_one_place)
{
    set(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    set(PCI_BASE_ADDRESS_0, 4, get(PCI_BASE_ADDRESS_1, 4)); /* BAR 1 answers there */
    ck_assert_uint_eq(m.moved_to, 0);
    ck_assert_uint_eq(m.function.bars[1].mapped, get(PCI_BASE_ADDRESS_1, 4));
    set(PCI_BASE_ADDRESS_1, 4, 0xc9000000);
    ck_assert_uint_eq(m.function.bars[1].mapped, 0xc9000000);
    set(PCI_BASE_ADDRESS_0, 4, 0xca000000);
    ck_assert_uint_eq(m.moved_to, 0xca000000);
}
END_TEST

START_TEST(reset_restores)
{
    uint32_t given = (uint32_t)get(PCI_BASE_ADDRESS_0, 4);

    set(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    set(PCI_BASE_ADDRESS_0, 4, 0xc8000000);
    set(PCI_INTERRUPT_LINE, 1, 7);
    set(msix + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
    pci_bus_reset(&m.pci);
    ck_assert_uint_eq(get(PCI_COMMAND, 2), 0);
    ck_assert_uint_eq(get(PCI_BASE_ADDRESS_0, 4), given);
    ck_assert_uint_eq(get(PCI_INTERRUPT_LINE, 1), 0);
    ck_assert_uint_eq(get(msix + PCI_MSIX_FLAGS, 2), VECTORS - 1);
    ck_assert_uint_eq(m.moved_to, 0);
    ck_assert_uint_eq(m.resets, 1);
    ck_assert(!m.function.msix.active);
}
END_TEST

START_TEST(window_is_full)
{
    static struct pci_function big[2];

    for (int i = 0; i < 2; i++) {
        pci_function_init(&big[i], &identity, NULL, NULL);
        pci_set_bar(&big[i], 0, 0x8000000, &bar_ops, NULL);
        /* The second half of the window is free, the first one is not. */
        ck_assert_int_eq(pci_add(&m.pci, &big[i]), i == 0 ? 2 : -ENOSPC);
    }
    ck_assert_uint_eq(bus_read(&m.mmio, LAYOUT_ECAM + 0x10000 + PCI_BASE_ADDRESS_0, 4), 0xc8000000);
    pci_remove(&big[0]);
    ck_assert_uint_eq(bus_read(&m.mmio, LAYOUT_ECAM + 0x10000, 4), 0xffffffff);
}
END_TEST

/* ---- MSI-X ---- */

static uint64_t entry(unsigned int vector)
{
    return get(PCI_BASE_ADDRESS_1, 4) + (uint64_t)vector * MSIX_ENTRY_SIZE;
}

static void enable_msix(void)
{
    set(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    set(msix + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
}

static void set_vector(unsigned int vector, uint64_t address, uint32_t data, uint32_t control)
{
    bus_write(&m.mmio, entry(vector), 4, address & 0xffffffff);
    bus_write(&m.mmio, entry(vector) + 4, 4, address >> 32);
    bus_write(&m.mmio, entry(vector) + 8, 8, (uint64_t)control << 32 | data);
}

static bool is_pending(unsigned int vector)
{
    return bus_read(&m.mmio, entry(0) + MSIX_PENDING + vector / 64 * 8, 8) >> (vector % 64) & 1;
}

START_TEST(vector_is_sent)
{
    enable_msix();
    ck_assert_uint_eq(m.routed, 0); /* all of them are masked */
    set_vector(3, 0xfee01fe0, 0x41, 0);
    ck_assert_uint_eq(m.routed, 1);
    ck_assert_uint_eq(m.routes[3].address, 0xfee01fe0); /* converted by whoever routes */
    ck_assert_uint_eq(m.routes[3].data, 0x41);
    msix_notify(&m.function.msix, 3);
    ck_assert_uint_eq(m.raised[3], 1);
    ck_assert(!is_pending(3));
    msix_notify(&m.function.msix, VECTORS);
    msix_notify(&m.function.msix, 0xffff);
    ck_assert_uint_eq(m.routed, 1);
    set_vector(3, 0xfee02000, 0x41, 0);
    ck_assert_uint_eq(m.routes[3].address, 0xfee02000);
}
END_TEST

START_TEST(masked_vector_is_pending)
{
    enable_msix();
    set_vector(39, 0xfee00000, 0x30, 1);
    msix_notify(&m.function.msix, 39);
    msix_notify(&m.function.msix, 39);
    ck_assert_uint_eq(m.raised[39], 0);
    ck_assert(is_pending(39));
    bus_write(&m.mmio, entry(0) + MSIX_PENDING, 8, 0); /* read-only */
    ck_assert(is_pending(39));
    bus_write(&m.mmio, entry(39) + 12, 4, 0);
    ck_assert_uint_eq(m.raised[39], 1);
    ck_assert(!is_pending(39));
}
END_TEST

START_TEST(function_mask_and_bus_mastering)
{
    enable_msix();
    set_vector(0, 0xfee00000, 0x30, 0);
    set(msix + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
    msix_notify(&m.function.msix, 0);
    ck_assert_uint_eq(m.raised[0], 0);
    set(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    set(msix + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
    ck_assert_uint_eq(m.raised[0], 0);
    ck_assert(is_pending(0));
    set(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    ck_assert_uint_eq(m.raised[0], 1);
    set(msix + PCI_MSIX_FLAGS, 2, 0);
    msix_notify(&m.function.msix, 0);
    ck_assert(!is_pending(0)); /* not MSI-X any more: nothing waits */
}
END_TEST

START_TEST(vector_without_a_route)
{
    enable_msix();
    m.route_result = -ENOSPC;
    set_vector(0, 0xfee00000, 0x30, 0);
    msix_notify(&m.function.msix, 0);
    ck_assert_uint_eq(m.raised[0], 0);
    ck_assert(is_pending(0));
    m.route_result = 0;
    set_vector(0, 0xfee00000, 0x31, 0);
    ck_assert_uint_eq(m.raised[0], 1);
}
END_TEST

START_TEST(improper_table_accesses)
{
    enable_msix();
    bus_write(&m.mmio, entry(1) + 12, 1, 0);
    bus_write(&m.mmio, entry(1) + 12, 2, 0);
    bus_write(&m.mmio, entry(1) + 4, 8, 0xffffffff);
    bus_write(&m.mmio, entry(1) + 2, 4, 0xffffffff);
    bus_write(&m.mmio, entry(VECTORS) + 12, 4, 0);
    ck_assert_uint_eq(m.routed, 0);
    ck_assert_uint_eq(bus_read(&m.mmio, entry(1), 8), 0);
    ck_assert_uint_eq(bus_read(&m.mmio, entry(1) + 8, 8), 1ULL << 32);
    ck_assert_uint_eq(bus_read(&m.mmio, entry(1), 2), 0xffff);
    ck_assert_uint_eq(bus_read(&m.mmio, entry(1) + 4, 8), UINT64_MAX);
    ck_assert_uint_eq(bus_read(&m.mmio, entry(VECTORS), 8), 0);
    /* Bits of the address and of the control word that are reserved. */
    set_vector(1, 0xfee00003, 0, 0xffffffff);
    ck_assert_uint_eq(bus_read(&m.mmio, entry(1), 4), 0xfee00000);
    ck_assert_uint_eq(bus_read(&m.mmio, entry(1) + 12, 4), 1);
}
END_TEST

START_TEST(table_of_a_wrong_size)
{
    struct msix table;

    ck_assert_int_eq(msix_init(&table, 0, &msix_ops, NULL), -EINVAL);
    ck_assert_int_eq(msix_init(&table, MSIX_VECTORS_MAX + 1, &msix_ops, NULL), -EINVAL);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("vmm-pci");
    TCase *config = tcase_create("config"), *vectors = tcase_create("msix");

    tcase_add_checked_fixture(config, setup, teardown);
    tcase_add_test(config, who_is_there);
    tcase_add_test(config, improper_accesses);
    tcase_add_test(config, only_writable_bits_change);
    tcase_add_test(config, bar_is_sized_and_moved);
    tcase_add_loop_test(config, bar_stays_in_the_window, 0, 8);
    tcase_add_test(config, bars_at_one_place);
    tcase_add_test(config, reset_restores);
    tcase_add_test(config, window_is_full);
    tcase_add_checked_fixture(vectors, setup, teardown);
    tcase_add_test(vectors, vector_is_sent);
    tcase_add_test(vectors, masked_vector_is_pending);
    tcase_add_test(vectors, function_mask_and_bus_mastering);
    tcase_add_test(vectors, vector_without_a_route);
    tcase_add_test(vectors, improper_table_accesses);
    tcase_add_test(vectors, table_of_a_wrong_size);
    suite_add_tcase(suite, config);
    suite_add_tcase(suite, vectors);
    return suite;
}
