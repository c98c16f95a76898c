/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The agent as a whole: what its parts share. */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "agent/events.h"
#include "agent/host-offline.h"
#include "agent/policy.h"

struct config;
struct cpuctl_error;
struct cpuctl_monitor;
struct cpuctl_root;
struct forward;
struct notify;
struct port;
struct qmp_server;
struct session;
struct worker;

struct agent {
    const struct config *config;
    sd_event *loop;
    struct notify *notify; /**< the service manager */
    struct cpuctl_root *root;
    struct cpuctl_monitor *monitor; /**< NULL on a recorded tree */
    sd_event_source *monitor_source;
    struct policy policy;
    struct host_offline host_offline;
    struct events events;
    struct worker *worker;
    struct forward *forward; /**< the agent behind us, NULL: none is configured */
    bool frozen;             /**< file systems are, or may be, frozen: nothing may be written */
    struct qmp_server *server;
    struct port *port;
    struct session *session; /**< the host's connection, NULL: none */
};

/**
 * Runs the agent until a signal ends it. Returns 0 after SIGTERM or SIGINT, or a negative errno
 * with @error filled. @ret_frozen, which is always set: file systems were frozen at the end, and no
 * file may be touched any more.
 */
int agent_run(const struct config *config, bool *ret_frozen, struct cpuctl_error *error);

/**
 * True from before a freeze of file systems is passed on until their thaw: no file may be written
 * and nobody waited for who may write one. Log records are held back meanwhile (log_hold()).
 */
bool agent_is_frozen(const struct agent *agent);

/** Now by CLOCK_MONOTONIC, in microseconds. */
uint64_t agent_now_usec(void);

#endif
