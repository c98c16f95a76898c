/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Chaining: what happens when. Everything is done from the loop, one step after the other. */
#include "agent/forward.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <json.h>

#include "agent/forward-internal.h"
#include "agent/log.h"

/* How long a command that has no reply on success may take to fail. */
#define SILENT_USEC (2U * 1000U * 1000U)

/* How many pieces of a reply are handled before other events get their turn. */
#define PIECES_A_ROUND 64

void forward_schedule(struct forward *forward)
{
    (void)sd_event_source_set_enabled(forward->pump, SD_EVENT_ONESHOT);
}

void forward_set_frozen(struct forward *forward, bool frozen)
{
    if (forward->frozen == frozen)
        return;
    forward->frozen = frozen;
    if (forward->on_frozen)
        forward->on_frozen(forward->user, frozen);
}

void forward_progress(struct forward *forward)
{
    (void)sd_event_now(forward->loop, CLOCK_MONOTONIC, &forward->progress_usec);
}

void forward_ready(struct forward *forward)
{
    if (forward->link.fd >= 0)
        forward->link.state = LINK_READY;
    forward_schedule(forward);
}

void forward_fail(struct forward *forward, const char *why, ...)
{
    char reason[512], desc[1024];
    bool dropped;
    va_list args;

    va_start(args, why);
    vsnprintf(reason, sizeof(reason), why, args);
    va_end(args);
    snprintf(desc, sizeof(desc), "The agent behind cpuctl-agent, at %s, %s", forward->path, reason);
    /* Whether one is installed is the administrator's choice. */
    log_host(forward->absent ? LOG_INFO : LOG_WARNING, "the agent at %s %s", forward->path, reason);
    /* Whether a freeze took hold isn't known: the next handshake asks, so it is made now. */
    forward->connect = forward->frozen && forward->link.state == LINK_BUSY;
    /* A request that waits behind one that was cancelled gets its own connection, and no error. */
    dropped = forward->link.state == LINK_BUSY && !forward->started;
    link_close(forward);
    if (!dropped)
        command_fail(forward, desc);
    forward_schedule(forward);
}

/* ---- one step ---- */

/* Whether something is expected from the agent behind us. */
static bool is_waiting(const struct forward *forward)
{
    const struct forward_link *link = &forward->link;

    switch (link->state) {
    case LINK_DOWN:
    case LINK_READY:
        return false;
    case LINK_BUSY:
        /* Not while it is the host that doesn't send its request or doesn't read the reply. */
        return !link->paused && (forward->command.text_done || link->out.size > 0);
    default:
        return true;
    }
}

static uint64_t patience(const struct forward *forward)
{
    bool silent = forward->link.state == LINK_BUSY && forward->command.silent &&
                  forward->command.text_done && forward->link.out.size == 0 &&
                  !forward->command.streams;

    return silent && SILENT_USEC < forward->timeout_usec ? SILENT_USEC : forward->timeout_usec;
}

static void watch_clock(struct forward *forward)
{
    int enabled = SD_EVENT_OFF;

    if (!is_waiting(forward)) {
        (void)sd_event_source_set_enabled(forward->timer, SD_EVENT_OFF);
        return;
    }
    (void)sd_event_source_get_enabled(forward->timer, &enabled);
    if (enabled != SD_EVENT_OFF && !forward->command.silent)
        return; /* when it is due it is compared with the last progress */
    (void)sd_event_source_set_time(forward->timer, forward->progress_usec + patience(forward));
    (void)sd_event_source_set_enabled(forward->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct forward *forward = userdata;
    uint64_t due = forward->progress_usec + patience(forward);

    if (!is_waiting(forward))
        return 0;
    if (usec < due) {
        (void)sd_event_source_set_time(source, due);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
    }
    if (forward->link.state == LINK_BUSY && forward->command.silent && !forward->command.streams)
        command_silent(forward);
    else
        forward_fail(forward, "has not answered within %llu s",
                     (unsigned long long)(forward->timeout_usec / 1000000U));
    return 0;
}

/* Begins what the host waits for, if the link is free. Returns false when the link broke. */
static bool begin_request(struct forward *forward)
{
    struct qmp_request *request = forward->request;
    bool wanted = (request && !forward->started) || forward->connect;
    int r = 0;

    if (!wanted || (forward->link.state != LINK_DOWN && forward->link.state != LINK_READY))
        return true;
    forward->connect = false;
    if (forward->link.state == LINK_DOWN) {
        r = link_open(forward);
        forward->absent = r == -ENOENT;
        if (r < 0)
            forward_fail(forward, "can't be reached: %s", strerror(-r));
        return r == 0;
    }
    if (!request)
        return true;
    if (forward->link.out_of_step) {
        r = link_sync(forward);
        if (r < 0)
            forward_fail(forward, "can't be asked: %s", strerror(-r));
        return r == 0;
    }
    if (forward->info) {
        forward_info info = TAKE_PTR(forward->info);

        forward->request = NULL;
        info(request, forward->commands);
    } else {
        forward_progress(forward);
        command_begin(forward);
    }
    return true;
}

/* What comes without having been asked for: the line's end of a reply, or something late. */
static void receive_idle(struct forward *forward)
{
    const struct forward_link *link = &forward->link;

    for (size_t i = 0; i < link->in_size; i++)
        if (!strchr(" \t\r\n", link->in[link->in_start + i]))
            forward->link.out_of_step = true;
    link_consume(forward, link->in_size);
}

/*
 * The connection went while no command was under way. Whoever waits to begin one gets a new
 * connection, but only once: another agent may always hang up. Returns false if that is used up.
 */
static bool went_idle(struct forward *forward)
{
    if (forward->link.state != LINK_READY || (forward->request && forward->renewed))
        return false;
    forward->renewed = forward->request != NULL;
    link_close(forward);
    forward_schedule(forward);
    return true;
}

/* Handles one piece of what was received. Returns false when there is no more for now. */
static bool receive(struct forward *forward)
{
    int r;

    if (forward->link.fd < 0 || forward->link.paused)
        return false;
    r = link_receive(forward);
    if (r < 0 && !went_idle(forward))
        forward_fail(forward, "hung up");
    if (r <= 0)
        return false;
    if (forward->link.state == LINK_READY) {
        receive_idle(forward);
        return true;
    }
    if (forward->link.state == LINK_BUSY)
        return command_receive(forward);
    r = handshake_receive(forward);
    if (r < 0)
        forward_fail(forward, "can't be understood: %s", strerror(-r));
    return r == 0;
}

static bool transmit(struct forward *forward)
{
    bool was_full = qmp_buffer_room(&forward->link.out) == 0;
    int r;

    if (forward->link.fd < 0)
        return true;
    r = link_send(forward);
    if (r < 0) {
        forward_fail(forward, "hung up: %s", strerror(-r));
        return false;
    }
    if (was_full && qmp_buffer_room(&forward->link.out) > 0 && forward->started &&
        forward->request && !forward->command.text_done)
        qmp_request_resume(forward->request);
    return true;
}

static int on_pump(sd_event_source *source, void *userdata)
{
    struct forward *forward = userdata;
    int pieces = 0;

    (void)source;
    /* What came since the last command, or that the connection went, is no answer to the next. */
    if (forward->link.state == LINK_READY)
        (void)receive(forward);
    if (begin_request(forward) && transmit(forward))
        while (pieces < PIECES_A_ROUND && receive(forward))
            pieces++;
    if (pieces == PIECES_A_ROUND)
        forward_schedule(forward);
    watch_clock(forward);
    link_watch(forward);
    return 0;
}

/* ---- the server's operations ---- */

static void forward_begin(void *user, struct qmp_request *request)
{
    struct forward *forward = user;

    if (forward->request) {
        qmp_request_fail(request, "The agent behind cpuctl-agent is busy for another client");
        return;
    }
    forward->request = request;
    forward->started = false;
    forward->renewed = false;
    forward_schedule(forward);
}

static size_t forward_write(void *user, struct qmp_request *request, const char *data, size_t size)
{
    struct forward *forward = user;
    size_t room = qmp_buffer_room(&forward->link.out);

    (void)request;
    if (!forward->started)
        return 0; /* taken up again by qmp_request_resume() */
    if (size > room)
        size = room;
    if (qmp_buffer_append(&forward->link.out, data, size) < 0)
        return 0; /* out of memory: ends by the clock */
    forward_schedule(forward);
    return size;
}

static void forward_end(void *user, struct qmp_request *request)
{
    struct forward *forward = user;

    (void)request;
    forward->command.text_done = true;
    forward_progress(forward);
    forward_schedule(forward);
}

static void forward_cancel(void *user, struct qmp_request *request)
{
    struct forward *forward = user;

    if (forward->request == request)
        command_cancel(forward);
    forward_schedule(forward);
}

static void forward_drained(void *user, struct qmp_request *request)
{
    struct forward *forward = user;

    (void)request;
    if (!forward->link.paused)
        return;
    forward->link.paused = false;
    forward_progress(forward);
    forward_schedule(forward);
}

const struct qmp_foreign_ops forward_ops = {
    .begin = forward_begin,
    .write = forward_write,
    .end = forward_end,
    .cancel = forward_cancel,
    .drained = forward_drained,
};

static void cancel_info(struct qmp_request *request, void *data)
{
    forward_cancel(data, request);
}

void forward_get_info(struct forward *forward, struct qmp_request *request, forward_info done)
{
    if (forward->request) {
        done(request, NULL);
        return;
    }
    qmp_request_later(request, cancel_info, forward);
    forward->request = request;
    forward->info = done;
    forward->started = false;
    forward->renewed = false;
    forward_schedule(forward);
}

int forward_new(sd_event *loop, const struct forward_config *config, struct forward **ret_forward)
{
    _cleanup_(forward_freep) struct forward *forward = calloc(1, sizeof(*forward));
    struct timespec now;
    int r;

    if (!forward)
        return -ENOMEM;
    clock_gettime(CLOCK_REALTIME, &now);
    forward->link.fd = -1;
    forward->link.out.limit = FORWARD_BUFFER_MAX;
    forward->loop = sd_event_ref(loop);
    forward->timeout_usec = config->timeout * UINT64_C(1000000);
    forward->on_frozen = config->frozen;
    forward->user = config->user;
    forward->sync_id = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    forward->connect = true;
    forward->path = strdup(config->path);
    if (!forward->path)
        return -ENOMEM;
    r = sd_event_add_defer(loop, &forward->pump, on_pump, forward);
    if (r >= 0)
        r = sd_event_add_time(loop, &forward->timer, CLOCK_MONOTONIC, 0, 0, on_timer, forward);
    if (r >= 0)
        r = sd_event_source_set_enabled(forward->timer, SD_EVENT_OFF);
    if (r < 0)
        return r;
    *ret_forward = TAKE_PTR(forward);
    return 0;
}

void forward_free(struct forward *forward)
{
    if (!forward)
        return;
    link_close(forward);
    qmp_buffer_release(&forward->link.out);
    qmp_buffer_release(&forward->command.head);
    sd_event_source_disable_unref(forward->pump);
    sd_event_source_disable_unref(forward->timer);
    sd_event_unref(forward->loop);
    free(forward->path);
    free(forward);
}
