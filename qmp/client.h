/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The client's side of QEMU's monitor protocol (docs/interop/qmp-spec) and of the guest agent's
 * (docs/interop/qemu-ga-ref), over a unix socket. One request at a time; every wait has a limit.
 *
 * The peer is not trusted: what it sends is bounded (QMP_CLIENT_REPLY_MAX, QMP_CLIENT_EVENTS_MAX),
 * checked by the frame scanner and matched with what was asked. Whatever it does instead of
 * answering ends in a negative errno and a sentence that names the socket, what was awaited, and
 * for how long.
 */
#ifndef QMP_CLIENT_H
#define QMP_CLIENT_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "cleanup.h"
#include "error.h"
#include "json.h"

/** The longest object that is taken, in bytes; libvirt takes 10 MiB of a monitor. */
#define QMP_CLIENT_REPLY_MAX (8U << 20)

/** How many members or elements one object may have in all: each costs memory, "[]," few bytes. */
#define QMP_CLIENT_MEMBERS_MAX 262144U

/** How many events are kept for qmp_client_wait_event(); of more, the oldest are dropped. */
#define QMP_CLIENT_EVENTS_MAX 4096U

/** As a timeout: wait without limit. */
#define QMP_CLIENT_FOREVER UINT64_MAX

/** Whom we talk to. */
enum qmp_client_kind {
    QMP_CLIENT_MONITOR, /**< greeting, qmp_capabilities, ids, events */
    QMP_CLIENT_AGENT,   /**< guest-sync-delimited at first and after each timeout; no ids */
};

/** A connection. */
struct qmp_client;

/**
 * Waits for descriptors like poll(2), but with @timeout_usec (QMP_CLIENT_FOREVER: no limit) and
 * with negative errnos; -EINTR ends the call in progress.
 */
typedef int qmp_client_poll(struct pollfd *fds, nfds_t n_fds, uint64_t timeout_usec);

/**
 * Connects to the unix socket @path and gets ready for commands: a monitor has to greet and to
 * accept qmp_capabilities, an agent to answer guest-sync-delimited.
 * @timeout_usec: for all of that together, in microseconds.
 * @poll_function: how to wait, so that a program can be interrupted; NULL: poll(2).
 * Returns 0, -ENOENT, -ECONNREFUSED, -EACCES … (connect(2)), or an errno of qmp_client_execute().
 */
int qmp_client_connect(const char *path, enum qmp_client_kind kind, uint64_t timeout_usec,
                       qmp_client_poll *poll_function, struct qmp_client **ret_client,
                       struct qmp_error *error);

/** The same on a connected stream socket @fd, which is taken over, also on failure. @name: for the
 * sentences. */
int qmp_client_open(int fd, const char *name, enum qmp_client_kind kind, uint64_t timeout_usec,
                    qmp_client_poll *poll_function, struct qmp_client **ret_client,
                    struct qmp_error *error);

void qmp_client_free(struct qmp_client *client);
DEFINE_CLEANUP(struct qmp_client *, qmp_client_free);

/**
 * Runs a command. @arguments: taken over, NULL for none. @timeout_usec: for sending it and for the
 * reply, in microseconds. @ret_value: the value of "return", which the caller owns (NULL is JSON's
 * null); may itself be NULL.
 * Returns 0, or
 *  -EREMOTEIO: the peer answered with an error; @error has its class and its words as they are,
 *  -ETIMEDOUT: no reply in time; the connection can be used on, a late reply is passed over,
 *  -ECONNRESET: the peer closed the connection,
 *  -EPROTO: what it sent is no reply to this command,
 *  -EMSGSIZE: its reply is longer than QMP_CLIENT_REPLY_MAX or has more than QMP_CLIENT_MEMBERS_MAX
 *    members,
 *  -EINTR: @poll_function said so (as after -ETIMEDOUT), or another errno of the socket.
 * After -ECONNRESET, -EPROTO and -EMSGSIZE every later call fails in the same way.
 */
int qmp_client_execute(struct qmp_client *client, const char *name, struct json_object *arguments,
                       uint64_t timeout_usec, struct json_object **ret_value,
                       struct qmp_error *error);

/**
 * Sends @text, one JSON object, as it is and waits for the reply, which is returned whole, also one
 * that is an error. For an agent only. Returns as qmp_client_execute() but for -EREMOTEIO, or
 * -EINVAL: @text is not an object.
 */
int qmp_client_pass(struct qmp_client *client, const char *text, uint64_t timeout_usec,
                    struct json_object **ret_reply, struct qmp_error *error);

/**
 * Waits for the next event of a monitor, which may have come during an earlier call. @ret_event:
 * the whole object ("event", "data", "timestamp"), owned by the caller. Returns 0, or as
 * qmp_client_execute().
 */
int qmp_client_wait_event(struct qmp_client *client, uint64_t timeout_usec,
                          struct json_object **ret_event, struct qmp_error *error);

/** How many events were dropped since the connection was made. */
unsigned int qmp_client_lost_events(const struct qmp_client *client);

/** The monitor's greeting, {"QMP": …}; NULL for an agent. Owned by @client. */
struct json_object *qmp_client_greeting(const struct qmp_client *client);

/** The monotonic clock in microseconds. */
uint64_t qmp_client_now(void);

#endif
