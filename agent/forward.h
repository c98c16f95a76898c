/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Chaining: commands that are not ours go to a stock qemu-ga behind us, over a unix socket, and its
 * replies come back in order.
 *
 * The agent behind us is connected to when it is needed, and again when the connection was lost. A
 * new connection is brought in step by guest-sync-delimited, then asked what commands there are and
 * whether file systems are frozen. Its replies are not trusted: they are scanned while they are
 * streamed. What goes wrong costs an error for the command that is under way, and no other.
 */
#ifndef AGENT_FORWARD_H
#define AGENT_FORWARD_H

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "libcpuctl/cleanup.h"
#include "qmp/server.h"

struct forward;
struct json_object;

struct forward_config {
    const char *path;     /**< the socket's; is copied */
    unsigned int timeout; /**< seconds without progress until the connection is dropped */
    /**
     * File systems are about to be frozen, or may be frozen (@frozen true), or are thawed. Called
     * only when that changes, and before the freeze is sent.
     */
    void (*frozen)(void *user, bool frozen);
    void *user;
};

/** The command server's operations; their user pointer is the struct forward. */
extern const struct qmp_foreign_ops forward_ops;

/**
 * Connects for the first time from the loop, without waiting for it. A failure to connect is an
 * error of the command that needed it. Returns 0 or a negative errno.
 */
int forward_new(sd_event *loop, const struct forward_config *config, struct forward **ret_forward);
/** Completes nothing: the connections whose requests it had are freed before. Takes NULL. */
void forward_free(struct forward *forward);
DEFINE_CLEANUP(struct forward *, forward_free);

/** Receives the other agent's commands; completes @request. */
typedef void (*forward_info)(struct qmp_request *request, struct json_object *commands);
/**
 * Asks for the commands of the agent behind us, on behalf of @request (one of our own commands).
 * Calls @done, from the loop or at once, with the array "supported_commands" of its guest-info, or
 * with NULL when it can't be reached or says nothing of use; not at all if @request is cancelled.
 */
void forward_get_info(struct forward *forward, struct qmp_request *request, forward_info done);

#endif
