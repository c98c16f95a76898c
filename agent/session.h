/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host's connection: moves bytes between a port's stream and the command server. */
#ifndef AGENT_SESSION_H
#define AGENT_SESSION_H

#include <systemd/sd-event.h>

#include "agent/port.h"

struct qmp_server;
struct session;

/** The stream has ended, and the receiver frees the session. @lost: the device broke. */
typedef void (*session_ended)(void *userdata, bool lost);

/**
 * Serves the stream @fd, which stays the port's. Returns 0 or a negative errno.
 */
int session_new(sd_event *loop, struct qmp_server *server, int fd, enum port_stream stream,
                session_ended ended, void *userdata, struct session **ret_session);
void session_free(struct session *session);
/** Sends what is waiting to be sent as far as the stream takes it now; for the end of the agent. */
void session_flush(struct session *session);

#endif
