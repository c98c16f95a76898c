/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The last events: a bounded ring of what happened to the CPUs and of what the agent did to them.
 */
#ifndef AGENT_EVENTS_H
#define AGENT_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libcpuctl/cpuctl.h"

/** How many events are kept. */
#define EVENTS_MAX 256U

/** One event: either the kernel's or a change that the agent carried out. */
struct event_record {
    uint64_t number;    /**< counts from 1 since the agent started */
    uint64_t time_usec; /**< CLOCK_REALTIME */
    bool is_change;
    unsigned int cpu;
    /* the kernel's */
    enum cpuctl_event_type type;
    bool hot;
    /* a change */
    bool online; /**< the state asked for */
    enum cpuctl_outcome outcome;
    uint64_t duration_usec;
    const char *requester; /**< one of a fixed set of texts */
    char reason[160];      /**< "" or why it was refused */
};

struct events {
    struct event_record *ring; /**< allocated with the first event */
    uint64_t last;             /**< number of the newest event, 0: none yet */
};

void events_done(struct events *events);
/** Adds a copy of @record with the next number; forgets the oldest when the ring is full. */
void events_add(struct events *events, const struct event_record *record);
/** How many are kept. */
size_t events_count(const struct events *events);
/** Event @index, 0 being the oldest that is kept; or NULL. */
const struct event_record *events_get(const struct events *events, size_t index);

#endif
