/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The common part of the transports: which one, and the life of its stream. */
#include "agent/port.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/config.h"
#include "agent/port-internal.h"
#include "libcpuctl/cpuctl.h"

static const struct port_ops *const transports[METHODS] = {
    [METHOD_VIRTIO_SERIAL] = &port_device_ops,
    [METHOD_UNIX_LISTEN] = &port_listen_ops,
    [METHOD_VSOCK_LISTEN] = &port_listen_ops,
    [METHOD_ISA_SERIAL] = &port_device_ops,
};

int port_new(sd_event *loop, const struct config *config, port_connected connected,
             port_failed failed, void *userdata, struct port **ret_port, struct cpuctl_error *error)
{
    _cleanup_(port_freep) struct port *port = calloc(1, sizeof(*port));
    int r;

    if (!port)
        return cpuctl_error_set(error, -ENOMEM, "out of memory");
    *port = (struct port){
        .ops = transports[config->method],
        .config = config,
        .loop = sd_event_ref(loop),
        .connected = connected,
        .failed = failed,
        .userdata = userdata,
        .fd = -1,
    };
    /* The owner may be called back before this returns, and then wants to know the port. */
    *ret_port = port;
    r = port->ops->start(port, error);
    if (r < 0) {
        *ret_port = NULL;
        return r;
    }
    port = NULL;
    return 0;
}

void port_release(struct port *port, bool lost)
{
    if (port->fd >= 0)
        close(port->fd);
    port->fd = -1;
    port->ops->next(port, lost);
}

void port_leave_files(struct port *port)
{
    port->leave_files = true;
}

void port_free(struct port *port)
{
    if (!port)
        return;
    port->ops->stop(port);
    if (port->fd >= 0)
        close(port->fd);
    sd_event_unref(port->loop);
    free(port);
}

const char *port_describe(const struct port *port)
{
    return port->describe;
}

void port_set_describe(struct port *port, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(port->describe, sizeof(port->describe), format, args);
    va_end(args);
}
