/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which PCI devices the command line makes, and what it can not ask for. No KVM. */
#include "main.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/virtio_ids.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "cpuctl.h"
#include "vmm/console-port.h"
#include "vmm/control.h"
#include "vmm/devices.h"
#include "vmm/irq.h"
#include "vmm/layout.h"
#include "vmm/vm.h"

static char folder[] = "/tmp/vmm-devices.XXXXXX";
static struct vm vm;
static struct devices *devices;
static struct cpuctl_error error;

/* ---- in the place of irq.c and qmp-events.c ---- */

int irq_alloc(struct irq *irq)
{
    (void)irq;
    return -ENOSPC;
}

void irq_release(struct irq *irq, unsigned int gsi)
{
    (void)irq;
    (void)gsi;
}

void irq_route(struct irq *irq, unsigned int gsi, const struct msi *msi)
{
    (void)irq;
    (void)gsi;
    (void)msi;
}

int irq_attach(struct irq *irq, unsigned int gsi, int eventfd, bool attach)
{
    (void)irq;
    (void)gsi;
    (void)eventfd;
    (void)attach;
    return 0;
}

void control_port_changed(struct control *control, const char *id, bool open)
{
    (void)control;
    (void)id;
    (void)open;
}

static void start(void)
{
    struct memory_config config = { .size = 16 * MIB };
    char path[64];
    FILE *file;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
    snprintf(path, sizeof(path), "%s/disk", folder);
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(ftruncate(fileno(file), 4096), 0);
    fclose(file);
    vm = (struct vm){ .fd = -1 };
    ck_assert_int_ge(sd_event_new(&vm.event), 0);
    ck_assert_int_eq(memory_new(&config, &vm.memory, NULL), 0);
}

static void finish(void)
{
    devices_free(devices);
    devices = NULL;
    memory_free(&vm.memory);
    sd_event_unref(vm.event);
    ck_assert_int_eq(unlink("disk"), 0);
    ck_assert_int_eq(access("a", F_OK), -1); /* sockets are gone */
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(rmdir(folder), 0);
}

/* The virtio device at PCI device @slot, 0 for none. */
static unsigned int virtio_at(unsigned int slot)
{
    uint64_t at = LAYOUT_ECAM + ((uint64_t)slot << 15);
    uint64_t vendor = bus_read(&vm.mmio, at + PCI_VENDOR_ID, 2);
    uint64_t device = bus_read(&vm.mmio, at + PCI_DEVICE_ID, 2);

    return vendor == 0x1af4 && device >= 0x1040 ? (unsigned int)device - 0x1040 : 0;
}

START_TEST(all_kinds)
{
    static const struct devices_option options[] = {
        { DEVICES_DRIVE, "file=disk,format=raw,readonly=on" },
        { DEVICES_AGENT, "unix:a" },
        { DEVICES_CONSOLE, "name=file:b" },
        { DEVICES_DRIVE, "format=raw,readonly=on,file=disk" },
    };

    start();
    ck_assert_msg(devices_new(&vm, options, 4, &devices, &error) == 0, "%s", error.text);
    /* Behind the bridge: the console first, whatever the order, and the entropy device last. */
    ck_assert_uint_eq(virtio_at(0), 0);
    ck_assert_uint_eq(virtio_at(1), VIRTIO_ID_CONSOLE);
    ck_assert_uint_eq(virtio_at(2), VIRTIO_ID_BLOCK);
    ck_assert_uint_eq(virtio_at(3), VIRTIO_ID_BLOCK);
    ck_assert_uint_eq(virtio_at(4), VIRTIO_ID_RNG);
    ck_assert_uint_eq(virtio_at(5), 0);
    ck_assert_str_eq(console_port_name(devices_port(devices, 0)), "org.qemu.guest_agent.0");
    ck_assert_str_eq(console_port_end(devices_port(devices, 0)), "unix:a");
    ck_assert_str_eq(console_port_name(devices_port(devices, 1)), "name");
    ck_assert_ptr_null(devices_port(devices, 2));
    ck_assert(!console_port_is_open(devices_port(devices, 0)));
    devices_reset(devices);
    ck_assert_uint_eq(virtio_at(4), VIRTIO_ID_RNG);
    unlink("b");
    finish();
}
END_TEST

START_TEST(none_but_entropy)
{
    start();
    ck_assert_int_eq(devices_new(&vm, NULL, 0, &devices, &error), 0);
    ck_assert_uint_eq(virtio_at(1), VIRTIO_ID_RNG);
    ck_assert_uint_eq(virtio_at(2), 0);
    ck_assert_ptr_null(devices_port(devices, 0));
    finish();
}
END_TEST

static const struct {
    struct devices_option option;
    const char *sentence;
} refusals[] = {
    { { DEVICES_DRIVE, "" }, "file=PATH is missing" },
    { { DEVICES_DRIVE, "file=disk" }, "format=raw is missing" },
    { { DEVICES_DRIVE, "file=,format=raw" }, "\"file=\" is none of" },
    { { DEVICES_DRIVE, "file=disk,format=qcow2" }, "\"format=qcow2\" is none of" },
    { { DEVICES_DRIVE, "file=disk,format=raw,readonly=yes" }, "\"readonly=yes\" is none of" },
    { { DEVICES_DRIVE, "file=none,format=raw" }, "No such file" },
    { { DEVICES_CONSOLE, "unix:a" }, "does not have the form NAME=END" },
    { { DEVICES_CONSOLE, "=unix:a" }, "--console" },
    { { DEVICES_CONSOLE, "name=" }, "is not one of stdio" },
    { { DEVICES_AGENT, "a" }, "--agent: \"a\" is not one of" },
};

/* What was made before the word that is refused is gone again. */
START_TEST(refused)
{
    const struct devices_option options[] = {
        { DEVICES_CONSOLE, "first=unix:a" },
        { DEVICES_DRIVE, "file=disk,format=raw" },
        refusals[_i].option,
    };

    start();
    ck_assert_int_lt(devices_new(&vm, options, 3, &devices, &error), 0);
    ck_assert_msg(strstr(error.text, refusals[_i].sentence), "%s", error.text);
    ck_assert_ptr_null(devices);
    finish();
}
END_TEST

START_TEST(too_many)
{
    struct devices_option options[DEVICES_DRIVES_MAX + 1];

    start();
    for (unsigned int i = 0; i <= DEVICES_DRIVES_MAX; i++)
        options[i] = (struct devices_option){ DEVICES_DRIVE, "file=disk,format=raw,readonly=on" };
    ck_assert_int_eq(devices_new(&vm, options, DEVICES_DRIVES_MAX + 1, &devices, &error), -ENOSPC);
    ck_assert_str_eq(error.text, "--drive: at most 16");
    vm.mmio = (struct bus){ 0 };
    ck_assert_int_eq(devices_new(&vm, options, DEVICES_DRIVES_MAX, &devices, &error), 0);
    ck_assert_uint_eq(virtio_at(DEVICES_DRIVES_MAX), VIRTIO_ID_BLOCK);
    finish();
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("vmm-devices");
    TCase *core = tcase_create("devices");

    tcase_add_test(core, all_kinds);
    tcase_add_test(core, none_but_entropy);
    tcase_add_loop_test(core, refused, 0, (int)(sizeof(refusals) / sizeof(refusals[0])));
    tcase_add_test(core, too_many);
    suite_add_tcase(suite, core);
    return suite;
}
