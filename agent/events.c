/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ring of the last events. */
#include "agent/events.h"

#include <stdlib.h>

void events_done(struct events *events)
{
    free(events->ring);
    *events = (struct events){ 0 };
}

void events_add(struct events *events, const struct event_record *record)
{
    if (!events->ring)
        events->ring = calloc(EVENTS_MAX, sizeof(*events->ring));
    /* Without memory the event is not kept; it is in the log all the same. */
    if (!events->ring)
        return;
    events->ring[events->last % EVENTS_MAX] = *record;
    events->ring[events->last % EVENTS_MAX].number = events->last + 1;
    events->last++;
}

size_t events_count(const struct events *events)
{
    return events->last < EVENTS_MAX ? (size_t)events->last : EVENTS_MAX;
}

const struct event_record *events_get(const struct events *events, size_t index)
{
    size_t count = events_count(events);

    if (index >= count)
        return NULL;
    return &events->ring[(events->last - count + index) % EVENTS_MAX];
}
