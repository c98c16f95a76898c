/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A 16550A UART (National Semiconductor PC16550D; register names as in its data sheet). Baud rate
 * and line settings are kept and mean nothing. Transmitted bytes are taken by the host's end at
 * once; where that end is full, the transmitter stays busy until there is room.
 *
 * A driver that has just learnt from IIR that the transmitter is empty, with its FIFO switched on,
 * fills the FIFO: these bytes go together, at the latest when the driver next comes to the port. It
 * will, since the first of them raises the next interrupt.
 */
#include "serial.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "chardev.h"
#include "cpuctl.h"
#include "irq.h"
#include "layout.h"
#include "vm.h"

enum register_offset { DATA, IER, IIR_FCR, LCR, MCR, LSR, MSR, SCR };

#define IER_RECEIVED 0x01
#define IER_EMPTY    0x02
#define IER_ALL      0x0f
#define IIR_NONE     0x01
#define IIR_EMPTY    0x02
#define IIR_RECEIVED 0x04
#define IIR_FIFO     0xc0
#define FCR_ENABLE   0x01
#define FCR_CLEAR_RX 0x02
#define LCR_DLAB     0x80
#define MCR_OUT2     0x08
#define MCR_LOOP     0x10
#define MCR_ALL      0x1f
#define LSR_READY    0x01
#define LSR_EMPTY    0x20
#define LSR_IDLE     0x40
/* Carrier, data set ready, clear to send: the host's end is always there. */
#define MSR_PRESENT 0xb0

#define FIFO_SIZE 16U

struct serial {
    struct vm *vm;
    struct chardev *end;
    uint8_t ier, fcr, lcr, mcr, scr;
    uint8_t divisor[2];
    bool empty_pending; /* the transmitter has become empty, and the guest has not been told */
    bool told_empty;    /* by IIR, and it has not been filled since */
    uint8_t out[FIFO_SIZE];
    unsigned int out_used;
    bool holding; /* what is in out[] has not been offered to the host's end */
    uint8_t fifo[FIFO_SIZE];
    unsigned int used;
};

static uint8_t cause(const struct serial *serial)
{
    if ((serial->ier & IER_RECEIVED) != 0 && serial->used > 0)
        return IIR_RECEIVED;
    if ((serial->ier & IER_EMPTY) != 0 && serial->empty_pending)
        return IIR_EMPTY;
    return IIR_NONE;
}

/* On a PC the interrupt goes out through OUT2. */
static void update(struct serial *serial)
{
    irq_set_level(serial->vm, LAYOUT_GSI_SERIAL,
                  cause(serial) != IIR_NONE && (serial->mcr & MCR_OUT2) != 0);
}

static void receive(struct serial *serial)
{
    if ((serial->mcr & MCR_LOOP) == 0)
        serial->used += (unsigned int)chardev_read(serial->end, serial->fifo + serial->used,
                                                   FIFO_SIZE - serial->used);
}

/* As much as the host's end takes; what it leaves keeps the transmitter busy. */
static void push_out(struct serial *serial)
{
    bool held = serial->holding;

    if (serial->out_used == 0)
        return;
    serial->holding = serial->told_empty = false;
    while (serial->out_used > 0) {
        size_t done = chardev_write(serial->end, serial->out, serial->out_used);

        if (done == 0)
            break;
        serial->out_used -= (unsigned int)done;
        memmove(serial->out, serial->out + done, serial->out_used);
    }
    if (serial->out_used > 0)
        serial->empty_pending = false;
    else if (!held)
        serial->empty_pending = true;
}

static void on_ready(void *device)
{
    struct serial *serial = device;

    push_out(serial);
    receive(serial);
    update(serial);
}

static void transmit(struct serial *serial, uint8_t byte)
{
    if ((serial->mcr & MCR_LOOP) != 0) {
        if (serial->used < FIFO_SIZE)
            serial->fifo[serial->used++] = byte;
        serial->empty_pending = true;
        return;
    }
    if (serial->out_used == FIFO_SIZE)
        push_out(serial);
    /* A guest that does not wait for the transmitter loses what it overwrites. */
    if (serial->out_used == FIFO_SIZE)
        serial->out_used--;
    serial->out[serial->out_used++] = byte;
    if (serial->holding)
        return;
    /* The line goes down and up again: the driver may take it as edge-triggered. */
    serial->empty_pending = false;
    update(serial);
    serial->holding = serial->told_empty && (serial->fcr & FCR_ENABLE) != 0 &&
                      (serial->ier & IER_EMPTY) != 0 && (serial->mcr & MCR_OUT2) != 0;
    if (serial->holding)
        serial->empty_pending = true;
    else
        push_out(serial);
}

static uint8_t read_data(struct serial *serial)
{
    uint8_t byte = serial->fifo[0];

    if (serial->used == 0)
        return 0;
    memmove(serial->fifo, serial->fifo + 1, --serial->used);
    if (serial->used == 0) {
        update(serial);
        receive(serial);
    }
    return byte;
}

static uint8_t read_cause(struct serial *serial)
{
    uint8_t value = cause(serial);

    /* Reading it is what acknowledges "empty". */
    if (value == IIR_EMPTY) {
        serial->empty_pending = false;
        serial->told_empty = true;
    }
    return value | ((serial->fcr & FCR_ENABLE) != 0 ? IIR_FIFO : 0);
}

static uint8_t read_modem(const struct serial *serial)
{
    /* In loop-back mode the outputs are the inputs: OUT2, OUT1, DTR, RTS are DCD, RI, DSR, CTS. */
    if ((serial->mcr & MCR_LOOP) != 0)
        return (uint8_t)((serial->mcr & 0x0c) << 4 | (serial->mcr & 0x01) << 5 |
                         (serial->mcr & 0x02) << 3);
    return MSR_PRESENT;
}

static uint8_t read_register(struct serial *serial, uint64_t offset)
{
    bool latch = (serial->lcr & LCR_DLAB) != 0;

    switch ((enum register_offset)offset) {
    case DATA:
        return latch ? serial->divisor[0] : read_data(serial);
    case IER:
        return latch ? serial->divisor[1] : serial->ier;
    case IIR_FCR:
        return read_cause(serial);
    case LCR:
        return serial->lcr;
    case MCR:
        return serial->mcr;
    case LSR:
        return (serial->used > 0 ? LSR_READY : 0) |
               (serial->out_used > 0 ? 0 : LSR_EMPTY | LSR_IDLE);
    case MSR:
        return read_modem(serial);
    case SCR:
        return serial->scr;
    }
    return 0xff;
}

static void write_register(struct serial *serial, uint64_t offset, uint8_t value)
{
    bool latch = (serial->lcr & LCR_DLAB) != 0;

    switch ((enum register_offset)offset) {
    case DATA:
        if (latch)
            serial->divisor[0] = value;
        else
            transmit(serial, value);
        break;
    case IER:
        if (latch) {
            serial->divisor[1] = value;
            break;
        }
        /* Switching "empty" on while the transmitter is empty raises it at once. */
        if ((value & ~serial->ier & IER_EMPTY) != 0 && serial->out_used == 0)
            serial->empty_pending = true;
        serial->ier = value & IER_ALL;
        break;
    case IIR_FCR:
        serial->fcr = value & FCR_ENABLE;
        if ((value & FCR_CLEAR_RX) != 0) {
            serial->used = 0;
            receive(serial); /* what had no room: the host's end does not speak up again */
        }
        break;
    case LCR:
        serial->lcr = value;
        break;
    case MCR:
        serial->mcr = value & MCR_ALL;
        receive(serial); /* what came during loop-back */
        break;
    case SCR:
        serial->scr = value;
        break;
    case LSR:
    case MSR:
        break;
    }
}

static uint64_t port_read(void *device, uint64_t offset, unsigned int size)
{
    struct serial *serial = device;
    uint8_t value;

    if (size != 1)
        return UINT64_MAX;
    push_out(serial);
    value = read_register(serial, offset);
    update(serial);
    return value;
}

static void port_write(void *device, uint64_t offset, unsigned int size, uint64_t value)
{
    struct serial *serial = device;

    if (size != 1)
        return;
    if (offset != DATA)
        push_out(serial);
    write_register(serial, offset, (uint8_t)value);
    update(serial);
}

static const struct bus_ops ops = { .read = port_read, .write = port_write };
static const struct chardev_ops end_ops = { .ready = on_ready };

int serial_new(struct vm *vm, struct chardev *end, struct serial **ret_serial,
               struct cpuctl_error *error)
{
    struct serial *serial = calloc(1, sizeof(*serial));
    int r;

    if (!serial)
        return cpuctl_error_set(error, -ENOMEM, "memory is short");
    serial->vm = vm;
    serial->end = end;
    r = bus_add(&vm->pio, LAYOUT_SERIAL, LAYOUT_SERIAL_SIZE, &ops, serial);
    if (r < 0) {
        free(serial);
        return cpuctl_error_set(error, r, "the serial port finds no place on the bus");
    }
    chardev_attach(end, &end_ops, serial);
    *ret_serial = serial;
    return 0;
}

void serial_flush(struct serial *serial)
{
    push_out(serial);
    update(serial);
}

void serial_free(struct serial *serial)
{
    if (serial) {
        push_out(serial);
        chardev_attach(serial->end, NULL, NULL);
    }
    free(serial);
}

void serial_reset(struct serial *serial)
{
    push_out(serial);
    *serial = (struct serial){ .vm = serial->vm, .end = serial->end };
    receive(serial);
    update(serial);
}
