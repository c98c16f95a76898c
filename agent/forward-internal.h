/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parts of chaining know of each other. */
#ifndef AGENT_FORWARD_INTERNAL_H
#define AGENT_FORWARD_INTERNAL_H

#include "agent/forward.h"
#include "agent/freeze.h"
#include "qmp/buffer.h"
#include "qmp/frame.h"
#include "qmp/sync.h"

/** How much of a request or reply is under way at most. */
#define FORWARD_BUFFER_MAX (64U * 1024U)

enum link_state {
    LINK_DOWN,
    LINK_SYNC,   /* guest-sync-delimited is under way */
    LINK_INFO,   /* guest-info is under way, for ourselves */
    LINK_STATUS, /* guest-fsfreeze-status is under way, for ourselves */
    LINK_READY,  /* in step, nothing is under way */
    LINK_BUSY,   /* a command of the host is under way */
};

/** The connection to the agent behind us. Bytes and their timing; forward-link.c. */
struct forward_link {
    enum link_state state;
    int fd;
    sd_event_source *io;
    struct qmp_buffer out; /* not sent yet */
    char in[FORWARD_BUFFER_MAX / 4];
    size_t in_start, in_size; /* received, not looked at yet */
    bool out_of_step;         /* sync before the next command */
    bool paused;              /* the host doesn't take the reply: read no more */
};

/** The command of the host that is under way; forward-reply.c. */
struct forward_command {
    char name[QMP_COMMAND_NAME_MAX + 1];
    enum freeze_role role;
    bool was_frozen;        /* before it */
    bool silent;            /* has no reply on success */
    bool text_done;         /* all of its text is in the output */
    bool streams;           /* a part of the reply is with the host */
    unsigned int seen;      /* which members the reply has had, a bit each */
    bool changed_nothing;   /* its return value is 0 */
    bool says_frozen;       /* its return value is "frozen" */
    bool says_thawed;       /* its return value is "thawed" */
    struct qmp_frame frame; /* where its reply stands */
    struct qmp_buffer head; /* the reply until it is known to be one */
};

struct forward {
    sd_event *loop;
    char *path;
    uint64_t timeout_usec;
    void (*on_frozen)(void *user, bool frozen);
    void *user;

    sd_event_source *pump;  /* goes on, with nothing of the caller on the stack */
    sd_event_source *timer; /* on while something is waited for */
    uint64_t progress_usec; /* when something last moved */
    int64_t sync_id;
    struct qmp_sync sync;
    struct forward_link link;
    struct forward_command command;
    struct json_object *commands; /* of the agent behind us; NULL: not known */
    bool frozen;
    bool connect; /* connect although nobody waits for it */

    struct qmp_request *request; /* what the host waits for, or NULL */
    forward_info info;           /* not NULL: it is guest-info */
    bool started;                /* it is the command that is under way */
    bool renewed;                /* a connection that went before it began was made anew for it */
    bool absent;                 /* there is no socket: nobody is installed behind us */
};

/* forward.c */
/** Has the loop call forward_step(). */
void forward_schedule(struct forward *forward);
void forward_set_frozen(struct forward *forward, bool frozen);
/** Something moved: the clock starts anew. */
void forward_progress(struct forward *forward);
/** Gives the host an error, and drops the connection. @why: "has not answered within 30 s" … */
__attribute__((format(printf, 2, 3))) void forward_fail(struct forward *forward, const char *why,
                                                        ...);
/** The link is in step and idle; called by the handshake. */
void forward_ready(struct forward *forward);

/* forward-link.c */
/** Connects and begins the handshake. Returns 0 or a negative errno. */
int link_open(struct forward *forward);
void link_close(struct forward *forward);
/** Begins guest-sync-delimited. Returns 0 or -ENOMEM. */
int link_sync(struct forward *forward);
/** Sends what is waiting. Returns 0 (also when not all could be sent) or a negative errno. */
int link_send(struct forward *forward);
/** Reads, when all that was read has been looked at. Returns 1, 0 (nothing there), or an errno. */
int link_receive(struct forward *forward);
/** Watches for what is needed next. */
void link_watch(struct forward *forward);
/** @size bytes of what was received have been looked at. */
void link_consume(struct forward *forward, size_t size);

/* forward-handshake.c */
/** Looks at what was received while the handshake is under way. Returns 0 or a negative errno. */
int handshake_receive(struct forward *forward);

/* forward-reply.c */
/** Begins the host's command: its text may be written from now on. */
void command_begin(struct forward *forward);
/** The host doesn't want it any more. */
void command_cancel(struct forward *forward);
/** Looks at what was received while the command is under way. Returns true if it is to go on. */
bool command_receive(struct forward *forward);
/** A command without a reply on success has had its time for an error. */
void command_silent(struct forward *forward);
/** Gives the host an error for the request it waits for, if any. @desc: the sentence. */
void command_fail(struct forward *forward, const char *desc);

#endif
