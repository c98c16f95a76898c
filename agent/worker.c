/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The queue of changes. */
#include "agent/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <systemd/sd-event.h>

#include "agent/agent.h"
#include "agent/apply.h"
#include "agent/audit.h"
#include "agent/log.h"
#include "libcpuctl/cpuctl.h"

struct worker {
    struct agent *agent;
    sd_event_source *source;
    struct worker_batch batch; /* step is NULL: none */
    struct cpuctl_set *hot;    /* to be brought online */
};

static void online_next_hot(struct worker *worker)
{
    struct applied applied;
    int cpu = cpuctl_set_next(worker->hot, 0);
    int r;

    if (cpu < 0)
        return;
    cpuctl_set_remove(worker->hot, (unsigned int)cpu);
    r = apply_cpu(worker->agent, (unsigned int)cpu, true, REQUESTER_HOTPLUG, &applied);
    if (r < 0)
        log_write(LOG_ERR, "hot-added CPU %d: %s", cpu, applied.error.text);
    applied_done(&applied);
}

static int on_step(sd_event_source *source, void *userdata)
{
    struct worker *worker = userdata;

    if (worker->batch.step) {
        struct worker_batch batch = worker->batch;

        /* The last step answers the host, whose next request may begin a batch at once. */
        worker->batch = (struct worker_batch){ 0 };
        if (batch.step(batch.userdata))
            worker->batch = batch;
    } else {
        online_next_hot(worker);
    }
    if (!worker->batch.step && cpuctl_set_is_empty(worker->hot))
        sd_event_source_set_enabled(source, SD_EVENT_OFF);
    return 0;
}

int worker_new(struct agent *agent, struct worker **ret_worker)
{
    struct worker *worker = calloc(1, sizeof(*worker));
    int r;

    if (!worker)
        return -ENOMEM;
    worker->agent = agent;
    worker->hot = cpuctl_set_new();
    r = worker->hot ? sd_event_add_defer(agent->loop, &worker->source, on_step, worker) : -ENOMEM;
    if (r >= 0)
        r = sd_event_source_set_enabled(worker->source, SD_EVENT_OFF);
    /* Signals, events and the port come first. */
    if (r >= 0)
        r = sd_event_source_set_priority(worker->source, SD_EVENT_PRIORITY_IDLE);
    if (r < 0) {
        worker_free(worker);
        return r;
    }
    *ret_worker = worker;
    return 0;
}

void worker_free(struct worker *worker)
{
    if (!worker)
        return;
    sd_event_source_disable_unref(worker->source);
    cpuctl_set_free(worker->hot);
    free(worker);
}

void worker_begin(struct worker *worker, const struct worker_batch *batch)
{
    worker->batch = *batch;
    sd_event_source_set_enabled(worker->source, SD_EVENT_ON);
}

void worker_cancel(struct worker *worker)
{
    worker->batch = (struct worker_batch){ 0 };
}

void worker_interrupt(struct worker *worker)
{
    struct worker_batch batch = worker->batch;

    worker->batch = (struct worker_batch){ 0 };
    if (batch.step)
        batch.interrupt(batch.userdata);
}

int worker_add_hot(struct worker *worker, unsigned int cpu)
{
    int r = cpuctl_set_add(worker->hot, cpu);

    if (r >= 0)
        sd_event_source_set_enabled(worker->source, SD_EVENT_ON);
    return r;
}

void worker_drop_hot(struct worker *worker, unsigned int cpu)
{
    cpuctl_set_remove(worker->hot, cpu);
}
