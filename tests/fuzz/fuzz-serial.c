/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The UART between a hostile guest and a host's end that has input or room only at times, and says
 * so once. Each step is two bytes: what to do and a value. Properties: a byte is only taken when
 * there is room; the line never stays up without a cause; outside loop-back no input waits while
 * the receiver is empty.
 */
#include <string.h>

#include "fuzz.h"
#include "vmm/chardev.h"
#include "vmm/irq.h"
#include "vmm/layout.h"
#include "vmm/serial.h"
#include "vmm/vm.h"

static const struct chardev_ops *end_ops;
static void *end_device;
static size_t input, room;
static bool line;

/* In the place of irq.c's and chardev.c's. */
void irq_set_level(struct vm *vm, unsigned int gsi, bool level)
{
    (void)vm;
    hold(gsi == LAYOUT_GSI_SERIAL);
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
    size_t n = size < input ? size : input;

    (void)chardev;
    memset(data, 'x', n); /* a sanitizer sees when it is not all there */
    input -= n;
    return n;
}

size_t chardev_write(struct chardev *chardev, const void *data, size_t size)
{
    size_t n = size < room ? size : room;

    (void)chardev;
    (void)data;
    room -= n;
    return n;
}

static void check(const struct vm *vm)
{
    uint64_t mcr = bus_read(&vm->pio, LAYOUT_SERIAL + 4, 1);
    uint64_t lsr = bus_read(&vm->pio, LAYOUT_SERIAL + 5, 1);
    bool was = line;

    hold((mcr & 0xe0) == 0 && (lsr & 0x9e) == 0);
    hold((mcr & 0x10) != 0 || (lsr & 0x01) != 0 || input == 0);
    hold(!was || (mcr & 0x08) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vm vm = { 0 };

    input = 0;
    room = 3;
    line = false;
    hold(serial_new(&vm, NULL, &vm.serial, NULL) == 0);
    for (; size >= 2; data += 2, size -= 2) {
        unsigned int at = data[0] % LAYOUT_SERIAL_SIZE, width = 1U << (data[0] >> 6);

        if (data[0] & 0x20) {
            room = data[1] % 5;
            input = data[1] >> 2;
            end_ops->ready(end_device);
        } else if ((data[0] & 0x18) == 0x18) {
            (void)bus_read(&vm.pio, LAYOUT_SERIAL + at, width);
        } else if ((data[0] & 0x18) == 0x10 && data[1] == 0xff) {
            serial_reset(vm.serial);
        } else {
            bus_write(&vm.pio, LAYOUT_SERIAL + at, width, data[1] * 0x0101010101010101ULL);
        }
        check(&vm);
    }
    serial_free(vm.serial);
    hold(!end_ops);
    return 0;
}
