/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A console port tied to a host's end (chardev.h). With the VM's lock held. */
#ifndef VMM_CONSOLE_PORT_H
#define VMM_CONSOLE_PORT_H

#include "virtio-console.h"

struct console_port;
struct cpuctl_error;
struct sd_event;

struct console_port_config {
    struct sd_event *event;
    struct virtio_console *console;
    const char *option; /**< how error sentences begin */
    const char *name;   /**< the port's */
    const char *end;    /**< unix:PATH, … */
    /** The guest opened or closed the port; in the main thread, of several changes the last. */
    void (*opened)(void *opaque, const char *name, bool open);
    void *opaque;
};

/** Opens the end and adds the port. Returns 0 or a negative errno with a sentence. */
int console_port_new(const struct console_port_config *config, struct console_port **ret_port,
                     struct cpuctl_error *error);
const char *console_port_name(const struct console_port *port);
/** What its end is, as chardev_name(). */
const char *console_port_end(const struct console_port *port);
/** Whether the guest has it open. */
bool console_port_is_open(const struct console_port *port);
/** Before the console is freed. */
void console_port_free(struct console_port *port);

#endif
