/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A 16550A UART at LAYOUT_SERIAL. With the VM's lock held. */
#ifndef VMM_SERIAL_H
#define VMM_SERIAL_H

#include <stdint.h>

#include "bus.h"

struct chardev;
struct cpuctl_error;
struct serial;
struct vm;

/** Makes it on @end and adds its registers to the VM's I/O ports. */
int serial_new(struct vm *vm, struct chardev *end, struct serial **ret_serial,
               struct cpuctl_error *error);
void serial_free(struct serial *serial);
/** Gives the host's end what the guest has sent so far; before the vCPUs stand still for long. */
void serial_flush(struct serial *serial);
/** The state after power-on. */
void serial_reset(struct serial *serial);

#endif
