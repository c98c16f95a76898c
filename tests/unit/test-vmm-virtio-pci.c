/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The PCI transport of virtio, and the entropy device as its simplest user. */
#include "main.h"

#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <stdint.h>
#include <string.h>

#include "vmm-driver.h"
#include "vmm/virtio-rng.h"

#define EVENT_IDX (1ULL << VIRTIO_RING_F_EVENT_IDX)
#define INDIRECT  (1ULL << VIRTIO_RING_F_INDIRECT_DESC)

static struct driver d;
static struct virtio_rng *rng;

static void setup(void)
{
    driver_init(&d);
    ck_assert_int_eq(virtio_rng_new(&d.memory, &rng), 0);
    driver_attach(&d, virtio_rng_device(rng));
}

static void teardown(void)
{
    driver_free(&d);
    virtio_rng_free(rng);
}

static unsigned int find_capability(uint8_t type)
{
    unsigned int at = 0;

    while ((at = driver_capability(&d, PCI_CAP_ID_VNDR, at)) != 0) {
        if (driver_config_read(&d, at + 3, 1) == type)
            return at;
    }
    return 0;
}

static uint8_t status(void)
{
    return (uint8_t)driver_read(&d, VIRTIO_PCI_COMMON_STATUS, 1);
}

START_TEST(identity)
{
    unsigned int common = find_capability(VIRTIO_PCI_CAP_COMMON_CFG);
    unsigned int notify = find_capability(VIRTIO_PCI_CAP_NOTIFY_CFG);

    ck_assert_uint_eq(driver_config_read(&d, 0, 4), 0x10441af4);
    ck_assert_uint_ne(common, 0);
    ck_assert_uint_eq(driver_config_read(&d, common + 2, 1), sizeof(struct virtio_pci_cap));
    ck_assert_uint_eq(driver_config_read(&d, common + 8, 4), VIRTIO_REGION_COMMON);
    ck_assert_uint_eq(driver_config_read(&d, common + 12, 4), sizeof(struct virtio_pci_common_cfg));
    ck_assert_uint_eq(driver_config_read(&d, notify + 8, 4), VIRTIO_REGION_NOTIFY);
    ck_assert_uint_eq(driver_config_read(&d, notify + 16, 4), VIRTIO_NOTIFY_STEP);
    ck_assert_uint_ne(find_capability(VIRTIO_PCI_CAP_ISR_CFG), 0);
    ck_assert_uint_eq(find_capability(VIRTIO_PCI_CAP_DEVICE_CFG), 0); /* it has none */
    ck_assert_uint_eq(driver_read(&d, VIRTIO_PCI_COMMON_NUMQ, 2), 1);
}
END_TEST

START_TEST(features_are_negotiated)
{
    uint64_t offered = 0;

    for (unsigned int i = 0; i < 3; i++) {
        driver_write(&d, VIRTIO_PCI_COMMON_DFSELECT, 4, i);
        if (i < 2)
            offered |= driver_read(&d, VIRTIO_PCI_COMMON_DF, 4) << (32 * i);
        else
            ck_assert_uint_eq(driver_read(&d, VIRTIO_PCI_COMMON_DF, 4), 0);
    }
    ck_assert_uint_eq(offered, 1ULL << VIRTIO_F_VERSION_1 | EVENT_IDX | INDIRECT);
    ck_assert(driver_negotiate(&d, EVENT_IDX) & VIRTIO_CONFIG_S_FEATURES_OK);
    ck_assert(d.device->device->queues[0].event_idx);
    ck_assert(!d.device->device->queues[0].indirect);
    /* What was agreed on stays. */
    driver_write(&d, VIRTIO_PCI_COMMON_GFSELECT, 4, 0);
    driver_write(&d, VIRTIO_PCI_COMMON_GF, 4, INDIRECT);
    ck_assert_uint_eq(driver_read(&d, VIRTIO_PCI_COMMON_GF, 4), EVENT_IDX);
    /* One that was not offered. */
    ck_assert(!(driver_negotiate(&d, 1ULL << 40) & VIRTIO_CONFIG_S_FEATURES_OK));
}
END_TEST

START_TEST(version_1_is_required)
{
    driver_write(&d, VIRTIO_PCI_COMMON_STATUS, 1, VIRTIO_CONFIG_S_FEATURES_OK);
    ck_assert_uint_eq(status(), 0);
}
END_TEST

START_TEST(status_only_grows)
{
    driver_write(&d, VIRTIO_PCI_COMMON_STATUS, 1,
                 VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_DRIVER_OK);
    ck_assert_uint_eq(status(), VIRTIO_CONFIG_S_DRIVER); /* no features, no DRIVER_OK */
    driver_write(&d, VIRTIO_PCI_COMMON_STATUS, 1, VIRTIO_CONFIG_S_ACKNOWLEDGE);
    ck_assert_uint_eq(status(), VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_ACKNOWLEDGE);
    driver_write(&d, VIRTIO_PCI_COMMON_STATUS, 1, VIRTIO_CONFIG_S_NEEDS_RESET);
    ck_assert_uint_eq(status(), VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_ACKNOWLEDGE);
    driver_write(&d, VIRTIO_PCI_COMMON_STATUS, 1, 0);
    ck_assert_uint_eq(status(), 0);
}
END_TEST

START_TEST(registers_of_the_wrong_width)
{
    ck_assert_uint_eq(driver_read(&d, VIRTIO_PCI_COMMON_STATUS, 2), 0xffff);
    ck_assert_uint_eq(driver_read(&d, VIRTIO_PCI_COMMON_Q_DESCLO, 8), UINT64_MAX);
    ck_assert_uint_eq(driver_read(&d, VIRTIO_PCI_COMMON_Q_SIZE + 1, 1), 0xff);
    ck_assert_uint_eq(driver_read(&d, VIRTIO_PCI_COMMON_Q_USEDHI + 4, 4), 0xffffffff);
    ck_assert_uint_eq(driver_read(&d, VIRTIO_REGION_ISR, 4), 0xffffffff);
    ck_assert_uint_eq(driver_read(&d, VIRTIO_REGION_DEVICE, 4), 0xffffffff);
    ck_assert_uint_eq(driver_read(&d, VIRTIO_REGION_NOTIFY, 2), 0xffff);
    driver_write(&d, VIRTIO_PCI_COMMON_Q_SIZE, 1, 4);
    driver_write(&d, VIRTIO_PCI_COMMON_Q_SIZE, 4, 4);
    driver_write(&d, VIRTIO_PCI_COMMON_NUMQ, 2, 9);
    ck_assert_uint_eq(driver_read(&d, VIRTIO_PCI_COMMON_Q_SIZE, 2), 8);
    ck_assert_uint_eq(driver_read(&d, VIRTIO_PCI_COMMON_NUMQ, 2), 1);
}
END_TEST

START_TEST(queue_that_is_not_there)
{
    driver_negotiate(&d, 0);
    driver_write(&d, VIRTIO_PCI_COMMON_Q_SELECT, 2, 1 + 0xfffeU * (unsigned int)_i);
    ck_assert_uint_eq(driver_read(&d, VIRTIO_PCI_COMMON_Q_SIZE, 2), 0);
    ck_assert_uint_eq(driver_read(&d, VIRTIO_PCI_COMMON_Q_ENABLE, 2), 0);
    driver_write(&d, VIRTIO_PCI_COMMON_Q_SIZE, 2, 4);
    driver_write(&d, VIRTIO_PCI_COMMON_Q_MSIX, 2, 0);
    driver_write(&d, VIRTIO_PCI_COMMON_Q_DESCLO, 4, 0x1000);
    driver_write(&d, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
    driver_notify(&d, 1);
    driver_notify(&d, 1000);
    ck_assert_uint_eq(driver_read(&d, VIRTIO_PCI_COMMON_Q_SIZE, 2), 0);
    ck_assert(!(status() & VIRTIO_CONFIG_S_NEEDS_RESET));
}
END_TEST

START_TEST(enabled_queue_does_not_change)
{
    driver_start(&d, 0, 8);
    driver_write(&d, VIRTIO_PCI_COMMON_Q_SIZE, 2, 4);
    driver_write(&d, VIRTIO_PCI_COMMON_Q_DESCHI, 4, 1);
    driver_write(&d, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 0);
    ck_assert_uint_eq(driver_read(&d, VIRTIO_PCI_COMMON_Q_SIZE, 2), 8);
    ck_assert_uint_eq(driver_read(&d, VIRTIO_PCI_COMMON_Q_DESCHI, 4), 0);
    ck_assert_uint_eq(driver_read(&d, VIRTIO_PCI_COMMON_Q_ENABLE, 2), 1);
}
END_TEST

START_TEST(vectors_are_checked)
{
    driver_write(&d, VIRTIO_PCI_COMMON_MSIX, 2, 1);
    ck_assert_uint_eq(driver_read(&d, VIRTIO_PCI_COMMON_MSIX, 2), 1);
    driver_write(&d, VIRTIO_PCI_COMMON_MSIX, 2, 2);
    ck_assert_uint_eq(driver_read(&d, VIRTIO_PCI_COMMON_MSIX, 2), VIRTIO_NO_VECTOR);
    driver_write(&d, VIRTIO_PCI_COMMON_Q_MSIX, 2, 2);
    ck_assert_uint_eq(driver_read(&d, VIRTIO_PCI_COMMON_Q_MSIX, 2), VIRTIO_NO_VECTOR);
}
END_TEST

static const struct driver_buffer buffer = { .address = DRIVER_BUFFERS, .size = 64, .in = true };

START_TEST(queue_is_served)
{
    static const char zeroes[64];
    uint32_t head, written;

    driver_start(&d, EVENT_IDX | INDIRECT, 8);
    driver_add(&d, 0, &buffer, 1);
    driver_notify(&d, 0);
    ck_assert(driver_take(&d, 0, &head, &written));
    ck_assert_uint_eq(head, 0);
    ck_assert_uint_eq(written, 64);
    ck_assert_mem_ne(driver_at(&d, DRIVER_BUFFERS), zeroes, 64);
    ck_assert_uint_eq(d.raised[1], 1);
    ck_assert_uint_eq(d.routes[1].data, 0x41);
    ck_assert_uint_eq(driver_read(&d, VIRTIO_REGION_ISR, 1), 0);
}
END_TEST

START_TEST(isr_without_msix)
{
    driver_negotiate(&d, 0);
    driver_enable_queue(&d, 0, 8);
    driver_ready(&d);
    driver_add(&d, 0, &buffer, 1);
    driver_notify(&d, 0);
    ck_assert_uint_eq(driver_read(&d, VIRTIO_REGION_ISR, 1), 1);
    ck_assert_uint_eq(driver_read(&d, VIRTIO_REGION_ISR, 1), 0); /* read clears */
}
END_TEST

START_TEST(nothing_happens_before_driver_ok)
{
    uint32_t head, written;

    driver_negotiate(&d, 0);
    driver_enable_queue(&d, 0, 8);
    driver_add(&d, 0, &buffer, 1);
    driver_notify(&d, 0);
    ck_assert(!driver_take(&d, 0, &head, &written));
    driver_ready(&d); /* what was notified before counts now */
    ck_assert(driver_take(&d, 0, &head, &written));
}
END_TEST

START_TEST(nothing_happens_without_bus_mastering)
{
    uint32_t head, written;

    driver_start(&d, 0, 8);
    driver_config_write(&d, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    driver_add(&d, 0, &buffer, 1);
    driver_notify(&d, 0);
    ck_assert(!driver_take(&d, 0, &head, &written));
    driver_config_write(&d, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    ck_assert(driver_take(&d, 0, &head, &written));
}
END_TEST

START_TEST(broken_queue_needs_a_reset)
{
    static const struct driver_buffer outside = { .address = DRIVER_RAM, .size = 1, .in = true };
    uint32_t head, written;

    driver_start(&d, 0, 8);
    driver_add(&d, 0, &outside, 1);
    driver_notify(&d, 0);
    ck_assert(status() & VIRTIO_CONFIG_S_NEEDS_RESET);
    ck_assert_uint_eq(d.raised[0], 1); /* the configuration's vector */
    driver_add(&d, 0, &buffer, 1);
    driver_notify(&d, 0);
    ck_assert(!driver_take(&d, 0, &head, &written));
    ck_assert_uint_eq(d.raised[0], 1);
    driver_start(&d, 0, 8);
    ck_assert(!(status() & VIRTIO_CONFIG_S_NEEDS_RESET));
    driver_add(&d, 0, &buffer, 1);
    driver_notify(&d, 0);
    ck_assert(driver_take(&d, 0, &head, &written));
}
END_TEST

/* Interrupts of before the reset are not sent after it (2.4.1). */
START_TEST(reset_drops_what_is_pending)
{
    const uint64_t control = d.bar[1] + MSIX_TABLE + MSIX_ENTRY_SIZE + 12;

    for (int times = 0; times < 2; times++) {
        driver_start(&d, 0, 8);
        bus_write(&d.mmio, control, 4, 1);
        driver_add(&d, 0, &buffer, 1);
        driver_notify(&d, 0);
        ck_assert_uint_eq(bus_read(&d.mmio, d.bar[1] + MSIX_PENDING, 4), 1U << 1);
        driver_write(&d, VIRTIO_PCI_COMMON_STATUS, 1, 0);
        ck_assert_uint_eq(bus_read(&d.mmio, d.bar[1] + MSIX_PENDING, 4), 0);
        bus_write(&d.mmio, control, 4, 0);
        ck_assert_uint_eq(d.raised[1], 0);
    }
}
END_TEST

START_TEST(queue_of_a_wrong_size_needs_a_reset)
{
    driver_negotiate(&d, 0);
    driver_enable_queue(&d, 0, 16); /* the device offers 8 */
    ck_assert(status() & VIRTIO_CONFIG_S_NEEDS_RESET);
    driver_ready(&d);
    driver_notify(&d, 0);
}
END_TEST

/* A driver that fills the queue while it is served is served later on. */
START_TEST(full_queue_gives_way)
{
    uint32_t head, written;
    unsigned int taken = 0;

    driver_start(&d, 0, 8);
    for (int i = 0; i < 8; i++)
        driver_add(&d, 0, &buffer, 1);
    driver_notify(&d, 0);
    while (driver_take(&d, 0, &head, &written))
        taken++;
    ck_assert_uint_eq(taken, 8);
    ck_assert_uint_eq(d.again[0], 1);
}
END_TEST

START_TEST(notifications_follow_the_bar)
{
    ck_assert_uint_eq(d.notify_at[0], d.bar[0] + VIRTIO_REGION_NOTIFY);
    driver_config_write(&d, PCI_BASE_ADDRESS_0, 4, 0xc8000000);
    ck_assert_uint_eq(d.notify_at[0], 0xc8000000 + VIRTIO_REGION_NOTIFY);
    driver_config_write(&d, PCI_COMMAND, 2, 0);
    ck_assert_uint_eq(d.notify_at[0], 0);
}
END_TEST

START_TEST(machine_reset)
{
    driver_start(&d, 0, 8);
    pci_bus_reset(&d.pci);
    ck_assert_uint_eq(d.device->device->status, 0);
    ck_assert(!d.device->device->queues[0].enabled);
    ck_assert_uint_eq(d.notify_at[0], 0);
    ck_assert_uint_eq(d.device->config_vector, VIRTIO_NO_VECTOR);
    driver_config_write(&d, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    driver_start(&d, 0, 8);
    ck_assert(status() & VIRTIO_CONFIG_S_DRIVER_OK);
}
END_TEST

/* The window in configuration space on the BAR. */
START_TEST(configuration_access)
{
    unsigned int at = find_capability(VIRTIO_PCI_CAP_PCI_CFG);

    ck_assert_uint_ne(at, 0);
    driver_config_write(&d, at + 8, 4, VIRTIO_PCI_COMMON_STATUS);
    driver_config_write(&d, at + 12, 4, 1);
    driver_config_write(&d, at + 16, 1, VIRTIO_CONFIG_S_ACKNOWLEDGE);
    ck_assert_uint_eq(status(), VIRTIO_CONFIG_S_ACKNOWLEDGE);
    driver_write(&d, VIRTIO_PCI_COMMON_STATUS, 1, 0);
    ck_assert_uint_eq(driver_config_read(&d, at + 16, 1), 0);
    /* Not a width, not a BAR, not in the BAR: nothing is reached. */
    driver_config_write(&d, at + 12, 4, 3);
    driver_config_write(&d, at + 16, 1, 1);
    driver_config_write(&d, at + 12, 4, 1);
    driver_config_write(&d, at + 4, 1, 1);
    driver_config_write(&d, at + 16, 1, 1);
    driver_config_write(&d, at + 4, 1, 0);
    driver_config_write(&d, at + 8, 4, 0xffffffff);
    driver_config_write(&d, at + 16, 1, 1);
    driver_config_write(&d, at + 8, 4, VIRTIO_BAR_SIZE);
    driver_config_write(&d, at + 16, 1, 1);
    ck_assert_uint_eq(status(), 0);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("vmm-virtio-pci");
    TCase *registers = tcase_create("registers"), *queues = tcase_create("queues");

    tcase_add_checked_fixture(registers, setup, teardown);
    tcase_add_test(registers, identity);
    tcase_add_test(registers, features_are_negotiated);
    tcase_add_test(registers, version_1_is_required);
    tcase_add_test(registers, status_only_grows);
    tcase_add_test(registers, registers_of_the_wrong_width);
    tcase_add_loop_test(registers, queue_that_is_not_there, 0, 2);
    tcase_add_test(registers, enabled_queue_does_not_change);
    tcase_add_test(registers, vectors_are_checked);
    tcase_add_test(registers, notifications_follow_the_bar);
    tcase_add_test(registers, machine_reset);
    tcase_add_test(registers, configuration_access);
    tcase_add_checked_fixture(queues, setup, teardown);
    tcase_add_test(queues, queue_is_served);
    tcase_add_test(queues, isr_without_msix);
    tcase_add_test(queues, nothing_happens_before_driver_ok);
    tcase_add_test(queues, nothing_happens_without_bus_mastering);
    tcase_add_test(queues, broken_queue_needs_a_reset);
    tcase_add_test(queues, reset_drops_what_is_pending);
    tcase_add_test(queues, queue_of_a_wrong_size_needs_a_reset);
    tcase_add_test(queues, full_queue_gives_way);
    suite_add_tcase(suite, registers);
    suite_add_tcase(suite, queues);
    return suite;
}
