/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One client of a command server: bytes in, bytes out, one request at a time in order.
 *
 * The owner has the file descriptor. It reads when qmp_conn_wants_input() and hands the bytes to
 * the connection, writes out what the connection has, and is told by a callback when either of
 * the two changes outside of its own calls. Memory is bounded: reading stops while a request is
 * being worked on or replies are not drained.
 */
#ifndef QMP_CONN_H
#define QMP_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "server.h"

/** Replies that a client doesn't read stop the reading of its requests at this many bytes. */
#define QMP_CONN_OUTPUT_MAX (64U * 1024U)

/** How many unread bytes a connection keeps while it is busy. */
#define QMP_CONN_INPUT_MAX (16U * 1024U)

/** Called when there is new output, or input is wanted again. May not free the connection. */
typedef void (*qmp_conn_changed)(struct qmp_conn *conn, void *user);

/** Returns 0 or -ENOMEM. @changed may be NULL. */
int qmp_conn_new(struct qmp_server *server, qmp_conn_changed changed, void *user,
                 struct qmp_conn **ret_conn);
/** Cancels a request that is being worked on. Takes NULL. Not from inside a handler. */
void qmp_conn_free(struct qmp_conn *conn);
/**
 * The peer is gone or new: cancels the request that is being worked on, drops input and output,
 * and begins afresh. Not from inside a handler.
 */
void qmp_conn_reset(struct qmp_conn *conn);

/**
 * The commands of @server are the client's from the next request on: after negotiation. Also from
 * inside a handler.
 */
void qmp_conn_set_server(struct qmp_conn *conn, struct qmp_server *server);
/** True while a request is being worked on. */
bool qmp_conn_is_busy(const struct qmp_conn *conn);

/** False: don't read from the client now; the callback tells when it is wanted again. */
bool qmp_conn_wants_input(const struct qmp_conn *conn);
/**
 * Takes bytes from the client and works on them as far as it can. Returns how many were taken: all,
 * unless the connection became busy and its buffer is full. -ENOMEM: the connection is to be freed.
 */
ssize_t qmp_conn_feed(struct qmp_conn *conn, const char *data, size_t size);
/**
 * Reads once from @fd and feeds it. Returns the number of bytes read, 0 at the end of the stream
 * (or, on a virtio-serial port, while no host is connected), -EAGAIN (nothing there, or no input is
 * wanted: qmp_conn_wants_input() tells which), -ENOMEM (memory was short, perhaps for an earlier
 * reply: the connection is to be freed), or another negative errno.
 */
ssize_t qmp_conn_read(struct qmp_conn *conn, int fd);

/** How many bytes wait to be sent. */
size_t qmp_conn_output_size(const struct qmp_conn *conn);
/** The bytes that wait to be sent; valid until the next call. */
const char *qmp_conn_output(const struct qmp_conn *conn);
/** @size of them were sent. Starts the next request if that was waiting for room. */
void qmp_conn_output_sent(struct qmp_conn *conn, size_t size);
/**
 * Writes to @fd until all is sent or it would block. Returns 0 (all sent), -EAGAIN or another
 * negative errno.
 */
int qmp_conn_write(struct qmp_conn *conn, int fd);

/**
 * Sends @value (not taken over) outside of any request, for a greeting or an event; it comes
 * between two replies. Returns 0, -ENOBUFS (the client doesn't read: as many bytes as the send
 * limit wait for it), -EBUSY (a reply is being streamed) or -ENOMEM.
 */
int qmp_conn_send(struct qmp_conn *conn, struct json_object *value);
/** Sets the send limit, bytes; QMP_CONN_OUTPUT_MAX at first. For servers of long replies. */
void qmp_conn_set_send_limit(struct qmp_conn *conn, size_t limit);

#endif
