/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hot-added CPUs are brought online by policy, unless an operator or the host wants otherwise. */
#include "agent/hotplug.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "agent/agent.h"
#include "agent/config.h"
#include "agent/log.h"
#include "agent/worker.h"
#include "libcpuctl/cleanup.h"
#include "libcpuctl/cpuctl.h"

DEFINE_CLEANUP(struct cpuctl_set *, cpuctl_set_free);
DEFINE_CLEANUP(struct cpuctl_state *, cpuctl_state_free);

/* The file is read each time: an operator may have changed it. */
static int read_choice(struct agent *agent, struct cpuctl_set **ret_choice)
{
    struct cpuctl_error error = { 0 };
    char path[4200];
    int r;

    /* Paths of the root context are relative to it; statedir is absolute. */
    snprintf(path, sizeof(path), "%s/offline", agent->config->statedir + 1);
    r = cpuctl_offline_choice_read(agent->root, path, ret_choice, &error);
    if (r < 0)
        log_write(LOG_ERR,
                  "hot-added CPUs are left as they are, since it is not known which an "
                  "operator wants offline: %s",
                  error.text);
    return r;
}

static void bring_online(struct agent *agent, unsigned int cpu, const struct cpuctl_set *choice)
{
    if (!policy_wants_hot(&agent->policy, cpu, choice)) {
        log_write(LOG_INFO, "hot-added CPU %u stays as it is: %s", cpu,
                  cpuctl_set_has(choice, cpu) ? "an operator wants it offline"
                                              : "hotplug in agent.conf says so");
        return;
    }
    if (host_offline_has(&agent->host_offline, cpu)) {
        log_write(LOG_INFO, "hot-added CPU %u stays as it is: the host took it offline", cpu);
        return;
    }
    if (worker_add_hot(agent->worker, cpu) < 0)
        log_write(LOG_ERR, "hot-added CPU %u: out of memory", cpu);
}

/* All hot-added CPUs that are offline now. Cold-plugged ones were left offline on purpose. */
static void sweep(struct agent *agent)
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *choice = NULL;
    _cleanup_(cpuctl_state_freep) struct cpuctl_state *state = NULL;
    struct cpuctl_error error = { 0 };

    if (cpuctl_state_read(agent->root, &state, &error) < 0) {
        log_write(LOG_ERR, "%s", error.text);
        return;
    }
    host_offline_keep(&agent->host_offline, cpuctl_state_get(state, CPUCTL_OFFLINE));
    cpuctl_set_foreach (cpu, cpuctl_state_get(state, CPUCTL_OFFLINE)) {
        if (!cpuctl_monitor_is_hot(agent->monitor, (unsigned int)cpu))
            continue;
        if (!choice && read_choice(agent, &choice) < 0)
            return;
        bring_online(agent, (unsigned int)cpu, choice);
    }
}

static void on_added(struct agent *agent, unsigned int cpu)
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *choice = NULL;

    log_write(LOG_INFO, "CPU %u was hot-added", cpu);
    if (read_choice(agent, &choice) >= 0)
        bring_online(agent, cpu, choice);
}

/* Whoever did it. The event may be older than an offline of the host: what counts is now. */
static void on_onlined(struct agent *agent, unsigned int cpu)
{
    _cleanup_(cpuctl_state_freep) struct cpuctl_state *state = NULL;

    if (host_offline_has(&agent->host_offline, cpu) &&
        cpuctl_state_read(agent->root, &state, NULL) >= 0 &&
        cpuctl_set_has(cpuctl_state_get(state, CPUCTL_ONLINE), cpu))
        host_offline_remove(&agent->host_offline, cpu);
}

static void on_event(struct agent *agent, const struct cpuctl_event *event)
{
    struct event_record record = {
        .time_usec = event->time_usec,
        .cpu = event->cpu,
        .type = event->type,
        .hot = event->hot,
    };

    events_add(&agent->events, &record);
    switch (event->type) {
    case CPUCTL_EVENT_ADDED:
        on_added(agent, event->cpu);
        break;
    case CPUCTL_EVENT_REMOVED:
        log_write(LOG_INFO, "CPU %u was unplugged", event->cpu);
        host_offline_remove(&agent->host_offline, event->cpu);
        break;
    case CPUCTL_EVENT_LOST:
        log_write(LOG_WARNING, "events were lost; looking at all CPUs again");
        sweep(agent);
        break;
    case CPUCTL_EVENT_ONLINED:
        on_onlined(agent, event->cpu);
        break;
    case CPUCTL_EVENT_OFFLINED:
        break;
    }
}

static void read_events(struct agent *agent)
{
    struct cpuctl_event event;
    int r;

    while ((r = cpuctl_monitor_next(agent->monitor, &event)) > 0)
        on_event(agent, &event);
    if (r < 0)
        log_write(LOG_ERR, "CPU events: %s", strerror(-r));
}

static int on_monitor(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    (void)source;
    (void)fd;
    (void)events;
    read_events(userdata);
    return 0;
}

int hotplug_start(struct agent *agent, struct cpuctl_error *error)
{
    int r;

    if (!cpuctl_root_is_live(agent->root))
        return 0;
    r = cpuctl_monitor_new(agent->root, &agent->monitor, error);
    if (r < 0)
        return r;
    r = sd_event_add_io(agent->loop, &agent->monitor_source, cpuctl_monitor_fd(agent->monitor),
                        EPOLLIN, on_monitor, agent);
    if (r < 0)
        return cpuctl_error_set(error, r, "CPU events: %s", strerror(-r));
    sweep(agent);
    return 0;
}

void hotplug_catch_up(struct agent *agent)
{
    if (agent->monitor)
        read_events(agent);
}

void hotplug_host_wants(struct agent *agent, unsigned int cpu, bool online)
{
    if (online) {
        host_offline_remove(&agent->host_offline, cpu);
        return;
    }
    worker_drop_hot(agent->worker, cpu);
    /* Others are left alone at a start anyway. */
    if (agent->monitor && cpuctl_monitor_is_hot(agent->monitor, cpu))
        host_offline_add(&agent->host_offline, cpu);
}
