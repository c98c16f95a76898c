/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A table-driven command server for the JSON line protocols of the QEMU family.
 *
 * A server is what all clients share: the command table, which commands are enabled, and where
 * commands that are not in the table go. A connection (conn.h) is one client. A handler is called
 * with a request and completes it, at once or later, with exactly one of qmp_request_return(),
 * qmp_request_error() and their like. Nothing here knows a file descriptor or an event loop.
 */
#ifndef QMP_SERVER_H
#define QMP_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "buffer.h"
#include "error.h"

struct json_object;
struct qmp_conn;
struct qmp_request;
struct qmp_server;

/** The default limit of one of our own requests, in bytes of normal form (see frame.h). */
#define QMP_FRAME_LIMIT_DEFAULT (1024U * 1024U)

/**
 * How many values (objects, arrays, strings, numbers, keywords) one of our own requests may have in
 * all: "{}," is three bytes, and some 800 in memory. Enough to name 8,000 CPUs.
 */
#define QMP_REQUEST_VALUES_MAX 32768U

/** The longest command name that is looked at; a longer one is "not found". */
#define QMP_COMMAND_NAME_MAX 128

enum qmp_command_flags {
    /** No reply on success, only on failure (guest-shutdown); shown by guest-info. */
    QMP_NO_SUCCESS_RESPONSE = 1 << 0,
    /** Free for the program's own use, for example "allowed while frozen". */
    QMP_COMMAND_USER_FLAG = 1 << 8,
};

/**
 * Runs a command. @arguments: the object given as "arguments", or NULL when there was none; it
 * belongs to @request and lives as long as it. The handler completes @request, now or later.
 */
typedef void (*qmp_handler)(struct qmp_request *request, struct json_object *arguments);

struct qmp_command {
    const char *name;
    qmp_handler run;
    unsigned int flags;
};

/**
 * Where commands that are not in the table go. Between begin and the request's completion the
 * request belongs to the receiver, which may complete it at any time (also inside these calls):
 * what still comes of its text is then dropped by the connection.
 */
struct qmp_foreign_ops {
    /** A foreign command. Its name is qmp_request_name(). */
    void (*begin)(void *user, struct qmp_request *request);
    /**
     * The next piece of the request's text in normal form. Returns how many bytes were taken; if
     * that is less than @size, the connection reads no more until qmp_request_resume().
     */
    size_t (*write)(void *user, struct qmp_request *request, const char *data, size_t size);
    /** The text is complete. */
    void (*end)(void *user, struct qmp_request *request);
    /**
     * The request is no more: its text broke off in the middle, or its connection is gone (then,
     * and if a reply is under way, that reply is to be dropped). The request is freed when this
     * returns; nothing may be done with it.
     */
    void (*cancel)(void *user, struct qmp_request *request);
    /** The output of a streamed reply has room again, see qmp_request_stream(). */
    void (*drained)(void *user, struct qmp_request *request);
};

struct qmp_server_config {
    const struct qmp_command *commands; /**< ends with a NULL name; lives as long as the server */
    size_t frame_limit;                 /**< 0: QMP_FRAME_LIMIT_DEFAULT */
    const char *const *allow; /**< enabled are only these; NULL: all; ends with NULL, is copied */
    const char *const *block; /**< these are disabled, also if allowed; NULL: none; is copied */
    /**
     * Called for each enabled command before it runs or is forwarded; @command is NULL for a
     * foreign one. Returns 0, or a negative value with @error filled, which refuses it. May be
     * NULL.
     */
    int (*admit)(void *user, const char *name, const struct qmp_command *command,
                 struct qmp_error *error);
    const struct qmp_foreign_ops *foreign; /**< NULL: foreign commands are not found */
    void *foreign_user;                    /**< handed to the foreign operations */
    /** The sentence of CommandNotFound instead of "The command … has not been found", for a server
     * that only negotiates; lives as long as the server. May be NULL. */
    const char *not_found;
    void *user; /**< handed to admit, and qmp_server_user() */
};

/** Returns 0 or -ENOMEM. */
int qmp_server_new(const struct qmp_server_config *config, struct qmp_server **ret_server);
/** Its connections must have been freed before. Takes NULL. */
void qmp_server_free(struct qmp_server *server);
void *qmp_server_user(const struct qmp_server *server);
/** The table that the server was made with. */
const struct qmp_command *qmp_server_commands(const struct qmp_server *server);
/** The command called @name, or NULL. */
const struct qmp_command *qmp_server_find(const struct qmp_server *server, const char *name);
/** What the allow and block lists say about @name, which may be a foreign command's. */
bool qmp_server_is_enabled(const struct qmp_server *server, const char *name);

/* ---- a request, as a handler sees it ---- */

/** The command's name. */
const char *qmp_request_name(const struct qmp_request *request);
struct qmp_server *qmp_request_server(const struct qmp_request *request);
/** The user pointer of the request's connection. */
void *qmp_request_conn_user(const struct qmp_request *request);

/**
 * For a handler that completes later: @cancel is called if the connection goes away first; the
 * request is freed when it returns. @data is passed to it.
 */
void qmp_request_later(struct qmp_request *request,
                       void (*cancel)(struct qmp_request *request, void *data), void *data);

/*
 * Completion: each of these ends the request and frees it. The next request of the connection may
 * be started before the call returns, if it came from outside a handler.
 */

/** {"return": @value}; takes over @value. NULL: an empty object. With QMP_NO_SUCCESS_RESPONSE
 * nothing is sent. */
void qmp_request_return(struct qmp_request *request, struct json_object *value);
/** The same, after a byte 0xFF: for guest-sync-delimited. */
void qmp_request_return_delimited(struct qmp_request *request, struct json_object *value);
/**
 * The same with a value that the caller has written itself, for long replies of a fixed form:
 * making a tree costs many times its text. @text: one JSON value as qmp_json_write() writes it.
 */
void qmp_request_return_text(struct qmp_request *request, const struct qmp_buffer *text);
/** An error reply with a formatted sentence of class GenericError. */
__attribute__((format(printf, 2, 3))) void qmp_request_fail(struct qmp_request *request,
                                                            const char *format, ...);
/** An error reply. */
void qmp_request_error(struct qmp_request *request, const struct qmp_error *error);
/** Ends the request without a reply. */
void qmp_request_no_reply(struct qmp_request *request);

/* Streaming a reply's text, for foreign commands. */

/**
 * The connection's output, into which the reply's text may be written up to the buffer's limit;
 * tell it by qmp_request_written(). When it is full, wait for the drained operation.
 */
struct qmp_buffer *qmp_request_stream(struct qmp_request *request);
/** Something was written: the connection's owner is told. */
void qmp_request_written(struct qmp_request *request);
/** Completion: appends the newline. */
void qmp_request_stream_end(struct qmp_request *request);
/** The receiver of the request's text can take more: the connection goes on. */
void qmp_request_resume(struct qmp_request *request);

/* ---- commands that every server of the family has ---- */

/** guest-sync: returns the argument "id" (an int64). */
void qmp_cmd_guest_sync(struct qmp_request *request, struct json_object *arguments);
/** guest-sync-delimited: the same after a byte 0xFF. */
void qmp_cmd_guest_sync_delimited(struct qmp_request *request, struct json_object *arguments);

#endif
