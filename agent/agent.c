/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Puts the parts together, runs the event loop, and takes them apart. */
#include "agent/agent.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/commands.h"
#include "agent/config.h"
#include "agent/forward.h"
#include "agent/freeze.h"
#include "agent/hotplug.h"
#include "agent/log.h"
#include "agent/memory.h"
#include "agent/notify.h"
#include "agent/port.h"
#include "agent/seccomp.h"
#include "agent/session.h"
#include "agent/worker.h"
#include "libcpuctl/cleanup.h"
#include "libcpuctl/cpuctl.h"
#include "qmp/server.h"

uint64_t agent_now_usec(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000U + (uint64_t)now.tv_nsec / 1000U;
}

bool agent_is_frozen(const struct agent *agent)
{
    return agent->frozen;
}

static void agent_done(struct agent *agent)
{
    session_free(agent->session);
    if (agent->frozen && agent->port)
        port_leave_files(agent->port);
    port_free(agent->port);
    qmp_server_free(agent->server);
    forward_free(agent->forward);
    worker_free(agent->worker);
    sd_event_source_disable_unref(agent->monitor_source);
    cpuctl_monitor_free(agent->monitor);
    host_offline_done(&agent->host_offline);
    cpuctl_root_free(agent->root);
    events_done(&agent->events);
    notify_free(agent->notify);
    sd_event_unref(agent->loop);
}

static void on_session_ended(void *userdata, bool lost)
{
    struct agent *agent = userdata;

    session_free(TAKE_PTR(agent->session));
    /* What a large request or reply needed goes back to the system. */
    memory_give_back();
    port_release(agent->port, lost);
    notify_status(agent->notify, port_describe(agent->port));
}

static void on_port_connected(void *userdata, int fd, enum port_stream stream)
{
    struct agent *agent = userdata;
    int r = session_new(agent->loop, agent->server, fd, stream, on_session_ended, agent,
                        &agent->session);

    if (r < 0) {
        log_write(LOG_ERR, "the host can't be served: %s", strerror(-r));
        sd_event_exit(agent->loop, r);
    }
    notify_status(agent->notify, port_describe(agent->port));
}

static void on_port_failed(void *userdata, int code)
{
    struct agent *agent = userdata;

    sd_event_exit(agent->loop, code);
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
    struct agent *agent = userdata;

    (void)source;
    log_write(LOG_INFO, "ending by signal %u", info->ssi_signo);
    notify_stopping(agent->notify);
    return sd_event_exit(agent->loop, 0);
}

static int handle_signals(struct agent *agent)
{
    static const int signals[] = { SIGTERM, SIGINT };
    sigset_t set;
    int r = 0;

    sigemptyset(&set);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        sigaddset(&set, signals[i]);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -errno;
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]) && r >= 0; i++)
        r = sd_event_add_signal(agent->loop, NULL, signals[i], on_signal, agent);
    return r;
}

/* One request of the host. */
static int on_admit(void *user, const char *name, const struct qmp_command *command,
                    struct qmp_error *error)
{
    const struct agent *agent = user;
    char shown[80];

    (void)command;
    if (log_is_verbose())
        log_host(LOG_DEBUG, "request %s", log_escape(shown, sizeof(shown), name, strlen(name)));
    /* class and words are those of qemu-ga, which does the same */
    if (agent->frozen && !freeze_is_safe(name))
        return qmp_error_set(error, QMP_COMMAND_NOT_FOUND,
                             "Command %s has been disabled: the agent is in frozen state", name);
    return 0;
}

static void on_frozen(void *user, bool frozen)
{
    struct agent *agent = user;

    /* the order matters: nothing is written from here on, or only now again */
    if (frozen)
        log_hold(true);
    agent->frozen = frozen;
    host_offline_hold(&agent->host_offline, frozen);
    notify_hold(agent->notify, frozen);
    if (!frozen)
        log_hold(false);
    log_host(LOG_INFO, frozen ? "file systems are being frozen" : "file systems are thawed");
}

/* The agent that gets the commands that are not ours, if the administrator named one. */
static int make_forward(struct agent *agent)
{
    static const char unix_prefix[] = "unix:";
    const struct config *config = agent->config;
    struct forward_config forward = {
        .timeout = config->forward_timeout,
        .frozen = on_frozen,
        .user = agent,
    };

    if (!config->forward)
        return 0;
    forward.path = config->forward + strlen(unix_prefix);
    return forward_new(agent->loop, &forward, &agent->forward);
}

static int make_server(struct agent *agent)
{
    const struct config *config = agent->config;
    const struct qmp_server_config server = {
        .commands = agent_commands,
        .allow =
            config->allow_rpcs.count > 0 ? (const char *const *)config->allow_rpcs.names : NULL,
        .block =
            config->block_rpcs.count > 0 ? (const char *const *)config->block_rpcs.names : NULL,
        .admit = on_admit,
        .foreign = agent->forward ? &forward_ops : NULL,
        .foreign_user = agent->forward,
        .user = agent,
    };

    return qmp_server_new(&server, &agent->server);
}

static int start(struct agent *agent, struct cpuctl_error *error)
{
    const struct config *config = agent->config;
    int r;

    r = sd_event_new(&agent->loop);
    if (r >= 0)
        r = handle_signals(agent);
    if (r >= 0)
        r = notify_new(agent->loop, &agent->notify);
    if (r >= 0)
        r = worker_new(agent, &agent->worker);
    if (r >= 0)
        r = make_forward(agent);
    if (r >= 0)
        r = make_server(agent);
    if (r < 0)
        return cpuctl_error_set(error, r, "%s", strerror(-r));
    r = cpuctl_root_open(config->sysroot, &agent->root, error);
    if (r < 0)
        return r;
    policy_init(&agent->policy, config, agent_now_usec());
    /* Only now: later it may be out of reach. Without it, results have no kernel log. */
    if (cpuctl_root_is_live(agent->root) && cpuctl_root_open_kmsg(agent->root) < 0)
        log_write(LOG_DEBUG, "the kernel log can't be read");
    if (config->seccomp) {
        r = seccomp_close(error);
        if (r < 0)
            return r;
    }
    r = host_offline_init(&agent->host_offline, agent->root);
    if (r < 0)
        return cpuctl_error_set(error, r, "%s", strerror(-r));
    r = hotplug_start(agent, error);
    if (r < 0)
        return r;
    return port_new(agent->loop, config, on_port_connected, on_port_failed, agent, &agent->port,
                    error);
}

static int on_idle(sd_event_source *source, void *userdata)
{
    (void)source;
    (void)userdata;
    memory_give_back();
    return 0;
}

/* What only the start needed, but not before what a host asked meanwhile is answered. */
static int give_back_when_idle(struct agent *agent)
{
    sd_event_source *source = NULL;
    int r = sd_event_add_defer(agent->loop, &source, on_idle, NULL);

    if (r >= 0)
        r = sd_event_source_set_priority(source, SD_EVENT_PRIORITY_IDLE);
    if (r >= 0)
        r = sd_event_source_set_floating(source, true);
    sd_event_source_unref(source);
    return r;
}

int agent_run(const struct config *config, bool *ret_frozen, struct cpuctl_error *error)
{
    _cleanup_(agent_done) struct agent agent = { .config = config };
    int r = start(&agent, error), code;

    *ret_frozen = false;
    if (r < 0)
        return r;
    /* Unless the port has failed as it was opened: then the loop returns at once. */
    if (sd_event_get_exit_code(agent.loop, &code) < 0)
        notify_ready(agent.notify);
    notify_status(agent.notify, port_describe(agent.port));
    r = give_back_when_idle(&agent);
    if (r < 0)
        return cpuctl_error_set(error, r, "%s", strerror(-r));
    r = sd_event_loop(agent.loop);
    if (r < 0)
        cpuctl_error_set(error, r, "%s: %s", port_describe(agent.port), strerror(-r));
    /* A batch that is under way is answered with what it has done. */
    worker_interrupt(agent.worker);
    if (agent.session)
        session_flush(agent.session);
    *ret_frozen = agent.frozen;
    return r;
}
