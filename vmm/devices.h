/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The PCI devices of a VM, as the command line asks for them: a console with a port for each
 * --agent and --console, a disk for each --drive, an entropy device. With the VM's lock held.
 */
#ifndef VMM_DEVICES_H
#define VMM_DEVICES_H

#include <stdbool.h>
#include <stddef.h>

#define DEVICES_DRIVES_MAX 16

struct console_port;
struct cpuctl_error;
struct devices;
struct vm;

enum devices_kind { DEVICES_AGENT, DEVICES_CONSOLE, DEVICES_DRIVE };

/** A word of the command line. */
struct devices_option {
    enum devices_kind kind;
    const char *text;
};

/** Makes the PCI bus and what is on it, and opens the host's ends. Returns 0 or a negative errno
 * with a sentence. */
int devices_new(struct vm *vm, const struct devices_option *options, size_t count,
                struct devices **ret_devices, struct cpuctl_error *error);
/** Takes NULL. */
void devices_free(struct devices *devices);
/** Port @number of the console, from 0, or NULL. */
const struct console_port *devices_port(const struct devices *devices, unsigned int number);
/** As power-on does. */
void devices_reset(struct devices *devices);

#endif
