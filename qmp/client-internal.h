/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the two halves of the client share: client.c has the protocols, client-io.c the bytes. */
#ifndef QMP_CLIENT_INTERNAL_H
#define QMP_CLIENT_INTERNAL_H

#include "buffer.h"
#include "client.h"
#include "frame.h"

struct qmp_client {
    int fd;
    enum qmp_client_kind kind;
    char *name;
    qmp_client_poll *poll_function;
    struct json_object *greeting;
    struct json_object *events; /* array */
    unsigned int lost_events;

    uint64_t next_id;   /* of the next command */
    uint64_t abandoned; /* commands up to this id may still be answered: nobody waits for that */
    bool in_step;       /* agent: no reply is outstanding */
    int64_t sync_id;

    struct qmp_buffer in;   /* bytes from the peer that nobody has looked at */
    struct qmp_buffer text; /* the object that is being read, in normal form */
    struct qmp_frame frame;

    int broken; /* negative errno: the connection can not be used on … */
    struct qmp_error broken_error;
};

/** What is being waited for, for how long, and since when: for the sentences. */
struct client_wait {
    const char *what; /* "the reply to 'query-status'" */
    uint64_t timeout_usec;
    uint64_t deadline_usec;
};

/** Begins to wait for @what for @timeout_usec. */
struct client_wait client_wait_begin(const char *what, uint64_t timeout_usec);

/** Marks the connection as unusable with this sentence. Returns @code. */
__attribute__((format(printf, 4, 5))) int
client_break(struct qmp_client *client, int code, struct qmp_error *error, const char *format, ...);
/** Returns 0, or the errno that made the connection unusable, with its sentence. */
int client_check(const struct qmp_client *client, struct qmp_error *error);

/** Sends all bytes of @data. */
int client_send(struct qmp_client *client, const char *data, size_t size,
                const struct client_wait *wait, struct qmp_error *error);
/** Reads at least a byte into @client->in. */
int client_fill(struct qmp_client *client, const struct client_wait *wait, struct qmp_error *error);
/** The next object that the peer sends; the caller owns it. */
int client_read_object(struct qmp_client *client, const struct client_wait *wait,
                       struct json_object **ret_object, struct qmp_error *error);

#endif
