/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What server.c, request.c and conn.c know of each other. */
#ifndef QMP_SERVER_INTERNAL_H
#define QMP_SERVER_INTERNAL_H

#include "conn.h"
#include "frame.h"
#include "server.h"

struct qmp_server {
    const struct qmp_command *commands;
    size_t frame_limit;
    char **allow; /* NULL: all */
    char **block;
    int (*admit)(void *user, const char *name, const struct qmp_command *command,
                 struct qmp_error *error);
    const struct qmp_foreign_ops *foreign;
    void *foreign_user;
    const char *not_found;
    void *user;
};

struct qmp_request {
    struct qmp_conn *conn;
    const struct qmp_command *command; /* NULL: a foreign one */
    char name[QMP_COMMAND_NAME_MAX + 1];
    struct json_object *tree; /* our own command's request, or NULL */
    void (*cancel)(struct qmp_request *request, void *data);
    void *data;
    bool text_done; /* a foreign command's text is with the receiver as a whole */
    bool streams;   /* its reply is being streamed */
};

/* What is done with the object that is being read. */
enum conn_state {
    CONN_COLLECT, /* kept until it is complete, or known to be for the foreign receiver and long */
    CONN_STREAM,  /* handed on to the foreign receiver as it comes */
    CONN_SKIP,    /* it is refused: read to its end */
};

struct qmp_conn {
    struct qmp_server *server;
    qmp_conn_changed changed;
    void *user;
    struct qmp_buffer input;     /* read from the client, not looked at yet */
    struct qmp_buffer text;      /* the object being read, in normal form */
    struct qmp_buffer output;    /* replies not sent yet */
    struct qmp_request *request; /* the one that is being worked on, or NULL */
    bool running;                /* inside conn_run() */
    bool notify;                 /* the callback is due */
    unsigned int calls;          /* nesting of calls by the owner */
    bool failed;                 /* memory was short for a reply: the stream is broken */
    size_t send_limit;           /* of the output, for what is sent outside of requests */

    /* The object that is being read or worked on. */
    struct qmp_frame frame;
    enum conn_state state;
    bool ended;                          /* read to its end */
    bool answered;                       /* its reply is sent, the rest of it is skipped */
    unsigned int seen;                   /* which members came, a bit for each */
    char name[QMP_COMMAND_NAME_MAX + 1]; /* "" until it is known */
    const struct qmp_command *command;   /* then: NULL for a foreign one */
    char *id;                            /* its JSON text, or NULL */
    size_t id_size;
    struct qmp_error error; /* why it is refused; desc "": it is not */
    bool not_json;          /* … because it is not JSON: such an error has no id */
};

/** Fills @error with CommandNotFound for @name. Returns -EINVAL. */
int server_not_found(const struct qmp_server *server, const char *name, struct qmp_error *error);
/** Checks the lists and the program's own policy. Returns 0 or a negative value with @error. */
int server_check(const struct qmp_server *server, const char *name,
                 const struct qmp_command *command, struct qmp_error *error);

/** Frees the request without completing it. */
void request_free(struct qmp_request *request);

/** Appends an error reply; @with_id: with the id of the object that is being read. */
void conn_reply_error(struct qmp_conn *conn, const struct qmp_error *error, bool with_id);
/** Appends a success reply. Takes over @value, NULL: an empty object. */
void conn_reply_return(struct qmp_conn *conn, struct json_object *value, bool delimited);
/** The same with a value that is text already. */
void conn_reply_text(struct qmp_conn *conn, const struct qmp_buffer *text);
/** The request is completed: frees it and goes on with the next. */
void conn_request_done(struct qmp_conn *conn);
/** Drops the request that is being worked on, if any: whoever works on it is told. */
void conn_cancel(struct qmp_conn *conn);
/** Works on input as far as it can, and tells the owner if it is to be told. */
void conn_run(struct qmp_conn *conn);
/** The owner is to be told, unless it looks by itself at the end of its call. */
void conn_notify(struct qmp_conn *conn);

/** Ready for the next object. */
void conn_object_begin(struct qmp_conn *conn);
/** Hands collected text to the foreign receiver. Returns false if it can't take all of it now. */
bool conn_object_flush(struct qmp_conn *conn);
/** Scans input up to the next event and acts on it. */
void conn_object_step(struct qmp_conn *conn);

#endif
