/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* __org.cpuctl_set-goal: a count or a list of CPUs to have online, see cpuctl-qapi.json. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/apply.h"
#include "agent/audit.h"
#include "agent/commands.h"
#include "agent/hotplug.h"
#include "agent/log.h"
#include "agent/reply.h"
#include "agent/worker.h"
#include "libcpuctl/cpuctl.h"
#include "libcpuctl/one-line.h"

DEFINE_CLEANUP(struct cpuctl_set *, cpuctl_set_free);
DEFINE_CLEANUP(struct cpuctl_state *, cpuctl_state_free);

/* A set-goal under way. */
struct goal {
    struct agent *agent;
    struct qmp_request *request;
    struct cpuctl_set *cpus; /* to have online; NULL: @count of them */
    unsigned int count;
    struct cpuctl_plan *plan;
    size_t next;                 /* entry of the plan */
    struct json_object *results; /* so far */
    int r;                       /* of putting them together */
};

static void goal_free(struct goal *goal)
{
    if (!goal)
        return;
    cpuctl_set_free(goal->cpus);
    cpuctl_plan_free(goal->plan);
    json_object_put(goal->results);
    free(goal);
}

DEFINE_CLEANUP(struct goal *, goal_free);

static void push_result(struct goal *goal, const struct cpuctl_result *result)
{
    struct json_object *entry = json_object_new_object();
    int *r = &goal->r;

    reply_push(r, goal->results, entry);
    reply_put(r, entry, "logical-id", json_object_new_int64(result->cpu));
    reply_put(r, entry, "online", json_object_new_boolean(result->online));
    reply_put_text(r, entry, "result", audit_outcome_name(result->outcome));
    reply_put(r, entry, "duration-us", json_object_new_uint64(result->duration_usec));
    reply_put_text(r, entry, "reason", result->reason);
    reply_put_text(r, entry, "help", result->help);
    reply_put_text(r, entry, "kernel-log", result->kernel_log);
}

/* What was skipped, or changed by somebody else meanwhile, counts too: so the machine is asked. */
static bool is_reached(const struct goal *goal, const struct cpuctl_set *online)
{
    return goal->cpus ? cpuctl_set_equal(goal->cpus, online)
                      : cpuctl_set_count(online) == goal->count;
}

/* Ends the goal. What is left of the plan was not begun: @unfinished says why. */
static void finish(struct goal *goal, const char *unfinished)
{
    struct json_object *info = json_object_new_object();
    _cleanup_(cpuctl_state_freep) struct cpuctl_state *state = NULL;
    const struct cpuctl_set *online = NULL;
    struct cpuctl_error error = { 0 };
    int r;

    for (; goal->next < cpuctl_plan_size(goal->plan); goal->next++) {
        const struct cpuctl_plan_entry *entry = cpuctl_plan_get(goal->plan, goal->next);
        const struct cpuctl_result result = { .cpu = entry->cpu,
                                              .online = entry->online,
                                              .outcome = CPUCTL_SKIPPED,
                                              .reason = unfinished };

        push_result(goal, &result);
    }
    r = goal->r;
    if (cpuctl_state_read(goal->agent->root, &state, &error) >= 0)
        online = cpuctl_state_get(state, CPUCTL_ONLINE);
    reply_put(&r, info, "reached", json_object_new_boolean(online && is_reached(goal, online)));
    if (online)
        reply_put_set(&r, info, "online", online);
    reply_put(&r, info, "results", TAKE_PTR(goal->results));
    reply_send(goal->request, r, info);
    goal_free(goal);
}

static bool step(void *userdata)
{
    struct goal *goal = userdata;
    const struct cpuctl_plan_entry *entry = cpuctl_plan_get(goal->plan, goal->next);

    if (entry && entry->skipped) {
        push_result(goal, &(struct cpuctl_result){ .cpu = entry->cpu,
                                                   .online = entry->online,
                                                   .outcome = CPUCTL_SKIPPED,
                                                   .reason = entry->reason });
    } else if (entry) {
        struct applied applied;
        int r = apply_cpu(goal->agent, entry->cpu, entry->online, REQUESTER_HOST, &applied);

        if (r < 0)
            applied.result = (struct cpuctl_result){ .cpu = entry->cpu,
                                                     .online = entry->online,
                                                     .outcome = CPUCTL_REFUSED,
                                                     .code = r,
                                                     .reason = applied.error.text };
        push_result(goal, &applied.result);
        applied_done(&applied);
    }
    if (entry && ++goal->next < cpuctl_plan_size(goal->plan))
        return true;
    finish(goal, NULL);
    return false;
}

static void interrupt(void *userdata)
{
    struct goal *goal = userdata;

    log_host(LOG_NOTICE, "set-goal ends after %zu of %zu CPUs: the agent is ending", goal->next,
             cpuctl_plan_size(goal->plan));
    finish(goal, "the guest agent is ending");
}

static void cancel(struct qmp_request *request, void *data)
{
    struct goal *goal = data;

    (void)request;
    worker_cancel(goal->agent->worker);
    log_host(LOG_NOTICE, "set-goal ends after %zu of %zu CPUs: the host hung up", goal->next,
             cpuctl_plan_size(goal->plan));
    goal_free(goal);
}

/* A list may name only CPUs that there could be, which also bounds the plan and the reply. */
static int parse_cpus(struct agent *agent, const char *list, struct cpuctl_set **ret_set,
                      struct cpuctl_error *why)
{
    _cleanup_(cpuctl_state_freep) struct cpuctl_state *state = NULL;
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *set = NULL;
    _cleanup_free_ char *possible = NULL;
    const struct cpuctl_set *could_be;
    int r = check_one_line(list, why);

    if (r >= 0)
        r = cpuctl_set_parse_list(list, 0, &set, why);
    if (r < 0)
        return r;
    r = cpuctl_state_read(agent->root, &state, why);
    if (r < 0)
        return r;
    could_be = cpuctl_state_get(state, CPUCTL_POSSIBLE);
    if (!cpuctl_set_is_subset(set, could_be)) {
        possible = cpuctl_set_format_list(could_be);
        return cpuctl_error_set(why, -ERANGE,
                                "it names CPUs that are not possible in this guest (%s)",
                                possible ? possible : "");
    }
    *ret_set = TAKE_PTR(set);
    return 0;
}

/*
 * What is offline and stays so by the goal, the hot-add policy leaves alone too, which may not have
 * come to a CPU of just before.
 */
static int claim_offline(struct goal *goal, struct cpuctl_error *why)
{
    _cleanup_(cpuctl_state_freep) struct cpuctl_state *state = NULL;
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *left = NULL;
    int r = cpuctl_state_read(goal->agent->root, &state, why);

    if (r < 0)
        return r;
    left = cpuctl_set_dup(cpuctl_state_get(state, CPUCTL_OFFLINE));
    if (!left)
        return cpuctl_error_set(why, -ENOMEM, "out of memory");
    for (size_t i = 0; i < cpuctl_plan_size(goal->plan); i++) {
        const struct cpuctl_plan_entry *entry = cpuctl_plan_get(goal->plan, i);

        if (entry->online && !entry->skipped)
            cpuctl_set_remove(left, entry->cpu);
    }
    cpuctl_set_foreach (cpu, left)
        hotplug_host_wants(goal->agent, (unsigned int)cpu, false);
    return 0;
}

/* Reads the arguments and makes the plan. Returns 0 or -EINVAL with @error filled. */
static int make_plan(struct goal *goal, struct json_object *arguments, struct qmp_error *error)
{
    static const char *const members[] = { "count", "cpus", "force", NULL };
    struct agent *agent = goal->agent;
    struct cpuctl_error why = { 0 };
    const char *list = NULL;
    uint64_t count = 0;
    bool force = false;
    int by_count, by_list, r;

    by_count = qmp_get_uint(arguments, NULL, "count", QMP_OPTIONAL, CPUCTL_CPUS_MAX, &count, error);
    by_list = qmp_get_string(arguments, NULL, "cpus", QMP_OPTIONAL, &list, error);
    if (by_count < 0 || by_list < 0 ||
        qmp_get_bool(arguments, NULL, "force", QMP_OPTIONAL, &force, error) < 0 ||
        qmp_check_members(arguments, NULL, members, error) < 0)
        return -EINVAL;
    if (by_count == by_list)
        return qmp_error_set(error, QMP_GENERIC_ERROR,
                             "exactly one of the parameters 'count' and 'cpus' is needed");
    r = by_list ? parse_cpus(agent, list, &goal->cpus, &why) : 0;
    if (r < 0)
        return qmp_error_set(error, QMP_GENERIC_ERROR, "Parameter 'cpus': %s", why.text);
    if (by_list)
        count = cpuctl_set_count(goal->cpus);
    goal->count = (unsigned int)count;
    hotplug_catch_up(agent);
    /* Refused as a whole, before anything is changed. */
    r = policy_check_count(&agent->policy, goal->count, &why);
    if (r >= 0 && by_list)
        r = cpuctl_plan_exactly(agent->root, goal->cpus, force ? CPUCTL_PLAN_FORCE : 0, &goal->plan,
                                &why);
    else if (r >= 0)
        r = cpuctl_plan_count(agent->root, goal->count, force ? CPUCTL_PLAN_FORCE : 0, &goal->plan,
                              &why);
    if (r >= 0)
        r = claim_offline(goal, &why);
    if (r < 0)
        return qmp_error_set(error, QMP_GENERIC_ERROR, "%s", why.text);
    return 0;
}

void command_set_goal(struct qmp_request *request, struct json_object *arguments)
{
    struct agent *agent = request_agent(request);
    _cleanup_(goal_freep) struct goal *goal = calloc(1, sizeof(*goal));
    struct qmp_error error = { 0 };
    struct worker_batch batch;

    if (goal)
        goal->results = json_object_new_array();
    if (!goal || !goal->results) {
        qmp_request_fail(request, "%s", strerror(ENOMEM));
        return;
    }
    goal->agent = agent;
    goal->request = request;
    if (make_plan(goal, arguments, &error) < 0) {
        qmp_request_error(request, &error);
        return;
    }
    batch = (struct worker_batch){ .step = step, .interrupt = interrupt, .userdata = goal };
    qmp_request_later(request, cancel, goal);
    goal = NULL;
    worker_begin(agent->worker, &batch);
}
