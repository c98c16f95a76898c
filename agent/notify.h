/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the service manager is told: the protocol of sd_notify(3), without ever waiting.
 *
 * sd_notify() and the watchdog of sd-event wait when the manager's socket is full. While file
 * systems are frozen the manager may itself be waiting for the thaw, which has to pass through us.
 * So a message that finds no room is sent again later. The watchdog's keep-alives go on during a
 * freeze: a manager that is not stuck would end an agent that keeps silent, and one that is stuck
 * reads what has come before it looks at its clocks. Everything else waits for the thaw.
 */
#ifndef AGENT_NOTIFY_H
#define AGENT_NOTIFY_H

#include <stdbool.h>
#include <systemd/sd-event.h>

struct notify;

/**
 * Looks whether a service manager listens ($NOTIFY_SOCKET, $WATCHDOG_USEC), and begins with the
 * keep-alives if it wants them. Returns 0 or a negative errno.
 */
int notify_new(sd_event *loop, struct notify **ret_notify);
void notify_free(struct notify *notify);

void notify_ready(struct notify *notify);
/** @text: what the agent is about; only the last one counts. */
void notify_status(struct notify *notify, const char *text);
void notify_stopping(struct notify *notify);

/** Keeps back everything but the keep-alives (@held true), or catches up. */
void notify_hold(struct notify *notify, bool held);

#endif
