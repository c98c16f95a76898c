/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Transports: where the byte stream to the host comes from. A port gives out one connected file
 * descriptor at a time; it waits for the device or the client by events and never polls.
 */
#ifndef AGENT_PORT_H
#define AGENT_PORT_H

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "libcpuctl/cleanup.h"

struct config;
struct cpuctl_error;
struct port;

/** The name of the virtio-serial port that hosts give a guest agent. */
#define PORT_DEFAULT_NAME   "org.qemu.guest_agent.0"
#define PORT_DEFAULT_SERIAL "/dev/ttyS0"

/** What kind of stream a connected file descriptor is. */
enum port_stream {
    PORT_SOCKET, /**< read() of 0 bytes is the end */
    PORT_DEVICE, /**< read() of 0 bytes says that there is no host now; it may come (again) */
    PORT_LINE,   /**< read() of 0 bytes says that the line was hung up: it has to be opened again */
};

/**
 * The stream is there. @fd: non-blocking; the port keeps it open until port_release() and owns it.
 */
typedef void (*port_connected)(void *userdata, int fd, enum port_stream stream);
/** The port can't go on (only without retry-path): the program should end. @code: negative errno.
 */
typedef void (*port_failed)(void *userdata, int code);

/**
 * Starts the transport that @config names. @connected may be called from inside this function.
 * Returns 0 or a negative errno with @error filled.
 */
int port_new(sd_event *loop, const struct config *config, port_connected connected,
             port_failed failed, void *userdata, struct port **ret_port,
             struct cpuctl_error *error);
/**
 * The stream ended (@lost: the device is gone or broken): closes it, and waits for the next one.
 */
void port_release(struct port *port, bool lost);
/** Files that were made (a socket) stay where they are: file systems are frozen. */
void port_leave_files(struct port *port);
void port_free(struct port *port);
DEFINE_CLEANUP(struct port *, port_free);

/** What the port is waiting for or connected to, one line for people. */
const char *port_describe(const struct port *port);

#endif
