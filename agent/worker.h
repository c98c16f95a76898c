/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Does changes one CPU per iteration of the event loop, so that a signal, the watchdog and a
 * hang-up are handled between two CPUs: first what the host asked for, then hot-added CPUs.
 */
#ifndef AGENT_WORKER_H
#define AGENT_WORKER_H

#include <stdbool.h>

struct agent;
struct worker;

/** A batch that the host asked for; there is at most one, since a connection's requests go one
 * after the other. */
struct worker_batch {
    /** Does the next CPU. Returns false when the batch has ended and was answered. */
    bool (*step)(void *userdata);
    /** The agent is about to end: answers with what was done so far. */
    void (*interrupt)(void *userdata);
    void *userdata;
};

/** Returns 0 or a negative errno. */
int worker_new(struct agent *agent, struct worker **ret_worker);
void worker_free(struct worker *worker);
/** Begins a batch; its first step comes in a later iteration of the loop. */
void worker_begin(struct worker *worker, const struct worker_batch *batch);
/** The batch was cancelled: no further step. */
void worker_cancel(struct worker *worker);
/** Ends a batch that is under way, because the agent ends. */
void worker_interrupt(struct worker *worker);
/** A hot-added CPU is to be brought online. Returns 0 or -ENOMEM. */
int worker_add_hot(struct worker *worker, unsigned int cpu);
/** It is no longer to be brought online. */
void worker_drop_hot(struct worker *worker, unsigned int cpu);

#endif
