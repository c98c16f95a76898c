/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the transports share; only for port*.c. */
#ifndef AGENT_PORT_INTERNAL_H
#define AGENT_PORT_INTERNAL_H

#include "agent/port.h"

/** How one transport does it. */
struct port_ops {
    int (*start)(struct port *port, struct cpuctl_error *error);
    /** After fd was closed: get the next stream, or wait for it. */
    void (*next)(struct port *port, bool lost);
    void (*stop)(struct port *port);
};

struct port {
    const struct port_ops *ops;
    const struct config *config;
    sd_event *loop;
    port_connected connected;
    port_failed failed;
    void *userdata;
    int fd;           /* the connected stream, -1: none */
    bool leave_files; /* see port_leave_files() */
    char describe[256];
    void *transport; /* the transport's own data */
};

extern const struct port_ops port_device_ops;
extern const struct port_ops port_listen_ops;

__attribute__((format(printf, 2, 3))) void port_set_describe(struct port *port, const char *format,
                                                             ...);

#endif
