/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Plans for a number of CPUs: the choice of choice.c, applied to this machine. To bring CPUs online
 * it is worked out in which order all offline ones would go offline if they were online, and that
 * order is gone backwards.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "choice.h"
#include "cpuset.h"
#include "error.h"
#include "layout.h"
#include "plan.h"

/** One question: which @need CPUs to bring @online or to take offline. */
struct question {
    struct cpuctl_root *root;
    const struct cpuctl_state *state;
    bool online;
    bool force;
    size_t need;
    struct choice_cpu *cpus; /**< the table, by rising number */
    size_t n_cpus;
    struct choice_pick *order; /**< the answer, in the order in which it is to be done */
    size_t n_order;
};

static void question_release(struct question *q)
{
    free(q->cpus);
    free(q->order);
}

/** A CPU whose state is not yet the one asked for. */
static bool is_wanted(const struct question *q, unsigned int cpu)
{
    return cpuctl_set_has(cpuctl_state_get(q->state, CPUCTL_ONLINE), cpu) != q->online;
}

/** The rank of a CPU by the rules. */
static enum choice_rank rank_of(const struct question *q, unsigned int cpu)
{
    /* To take offline, a CPU that is offline is not there. To bring online, one that is online
     * stays, and one that can't come online is not there. */
    if (!is_wanted(q, cpu))
        return q->online ? CHOICE_NEVER : CHOICE_ABSENT;
    if (cpu == 0 && !q->online)
        return CHOICE_NEVER;
    if (cpuctl_can_offline(q->root, cpu) != 1)
        return q->online ? CHOICE_ABSENT : CHOICE_NEVER;
    if (!plan_reserved(q->state, cpu))
        return CHOICE_FREE;
    if (q->force)
        return CHOICE_RESERVED;
    return q->online ? CHOICE_ABSENT : CHOICE_NEVER;
}

/** The rank of a CPU if nothing were to be spared. */
static enum choice_rank rank_unspared(const struct question *q, unsigned int cpu)
{
    if (is_wanted(q, cpu))
        return CHOICE_FREE;
    return q->online ? CHOICE_NEVER : CHOICE_ABSENT;
}

/** Answers with the ranks given by @rank. Returns 0 or -ENOMEM; the answer may be too short. */
static int answer(struct question *q,
                  enum choice_rank (*rank)(const struct question *q, unsigned int cpu))
{
    _cleanup_free_ struct choice_pick *picks = calloc(q->n_cpus, sizeof(*picks));
    size_t count = q->need;
    ssize_t n;

    if (!picks)
        return -ENOMEM;
    for (size_t i = 0; i < q->n_cpus; i++)
        q->cpus[i].rank = rank(q, q->cpus[i].cpu);
    n = choice_offline(q->cpus, q->n_cpus, q->online ? q->n_cpus : count, picks);
    if (n < 0)
        return (int)n;
    if (q->online)
        for (size_t i = 0; i < (size_t)n / 2; i++) {
            struct choice_pick pick = picks[i];

            picks[i] = picks[(size_t)n - 1 - i];
            picks[(size_t)n - 1 - i] = pick;
        }
    free(q->order);
    q->order = TAKE_PTR(picks);
    q->n_order = (size_t)n < count ? (size_t)n : count;
    return 0;
}

/** Adds one clause on the CPUs of @set, if there are any. */
static void tell(FILE *stream, const struct cpuctl_set *set, const char *what)
{
    _cleanup_free_ char *list = cpuctl_set_format_list(set);

    if (!cpuctl_set_is_empty(set))
        fprintf(stream, "; CPU%s %s %s", cpuctl_set_count(set) == 1 ? "" : "s", list ? list : "?",
                what);
}

/** Says which CPUs stand in the way. */
static int explain(const struct question *q, unsigned int count, struct cpuctl_error *error)
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *fixed = cpuctl_set_new();
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *reserved = cpuctl_set_new();
    _cleanup_free_ char *text = NULL;
    size_t size;
    FILE *stream;
    bool first = false;

    if (!fixed || !reserved)
        return error_set(error, -ENOMEM, "out of memory for a plan");
    for (size_t i = 0; i < q->n_cpus; i++) {
        unsigned int cpu = q->cpus[i].cpu;
        int r = 0;

        if (!is_wanted(q, cpu))
            continue;
        if (cpu == 0 && !q->online)
            first = true;
        else if (cpuctl_can_offline(q->root, cpu) != 1)
            r = cpuctl_set_add(fixed, cpu);
        else if (!q->force && plan_reserved(q->state, cpu))
            r = cpuctl_set_add(reserved, cpu);
        if (r < 0)
            return error_set(error, r, "out of memory for a plan");
    }
    stream = open_memstream(&text, &size);
    if (!stream)
        return error_set(error, -ENOMEM, "out of memory for a plan");
    fprintf(stream, "%u CPU%s online can't be reached: %zu CPU%s would have to %s, and %zu can",
            count, count == 1 ? "" : "s", q->need, q->need == 1 ? "" : "s",
            q->online ? "come online" : "go offline", q->n_order);
    if (first)
        fputs("; CPU 0 is never chosen", stream);
    tell(stream, fixed, q->online ? "can't be brought online" : "can't be taken offline");
    tell(stream, reserved, "must be forced, being isolated or nohz_full");
    if (fclose(stream) != 0)
        return error_set(error, -ENOMEM, "out of memory for a plan");
    return error_set(error, -EBUSY, "%s", text);
}

/** Adds what was chosen. */
static int add_chosen(struct cpuctl_plan *plan, const struct question *q)
{
    for (size_t i = 0; i < q->n_order; i++) {
        const struct choice_cpu *cpu = &q->cpus[q->order[i].index];
        const char *reason;
        int r;

        if (cpu->rank == CHOICE_RESERVED)
            reason = "isolated or nohz_full, and forced";
        else if (q->online)
            reason = "would be the last to go offline of those not online";
        else if (q->order[i].splits)
            reason = "splits a core, as the number asks for it";
        else
            reason = "its core goes as a whole, from the fullest NUMA node or socket";
        r = plan_add(plan, cpu->cpu, q->online, false, reason);
        if (r < 0)
            return r;
    }
    return 0;
}

/** Adds those that would have been chosen if nothing had to be spared, and were not. */
static int add_spared(struct cpuctl_plan *plan, struct question *q)
{
    int r = answer(q, rank_unspared);

    for (size_t i = 0; r == 0 && i < q->n_order; i++) {
        unsigned int cpu = q->cpus[q->order[i].index].cpu;
        const char *reserved = plan_reserved(q->state, cpu);

        if (cpu == 0 && !q->online)
            continue;
        if (cpuctl_can_offline(q->root, cpu) != 1)
            r = plan_add(plan, cpu, q->online, true,
                         q->online ? "can't be brought online" : "can't be taken offline");
        else if (reserved && !q->force)
            r = plan_add(plan, cpu, q->online, true, reserved);
    }
    return r;
}

/** Makes the plan for a question whose root, state, direction, force and need are set. */
static int make_plan(struct question *q, unsigned int count, struct cpuctl_plan **ret_plan,
                     struct cpuctl_error *error)
{
    _cleanup_(cpuctl_plan_freep) struct cpuctl_plan *plan = calloc(1, sizeof(*plan));
    int r;

    if (!plan)
        return error_set(error, -ENOMEM, "out of memory for a plan");
    if (q->need > 0) {
        r = layout_read(q->root, q->state, &q->cpus, &q->n_cpus, error);
        if (r < 0)
            return r;
        r = answer(q, rank_of);
        if (r == 0 && q->n_order < q->need)
            return explain(q, count, error);
        if (r == 0)
            r = add_chosen(plan, q);
        if (r == 0)
            r = add_spared(plan, q);
        if (r < 0)
            return error_set(error, r, "out of memory for a plan");
    }
    *ret_plan = TAKE_PTR(plan);
    return 0;
}

int cpuctl_plan_count(struct cpuctl_root *root, unsigned int count, unsigned int flags,
                      struct cpuctl_plan **ret_plan, struct cpuctl_error *error)
{
    _cleanup_(cpuctl_state_freep) struct cpuctl_state *state = NULL;
    _cleanup_(question_release) struct question q = { .root = root };
    unsigned int present, online;
    int r;

    if (flags & ~CPUCTL_PLAN_FORCE)
        return error_set(error, -EINVAL, "unknown flags 0x%x for a plan", flags);
    r = cpuctl_state_read(root, &state, error);
    if (r < 0)
        return r;
    present = cpuctl_set_count(cpuctl_state_get(state, CPUCTL_PRESENT));
    online = cpuctl_set_count(cpuctl_state_get(state, CPUCTL_ONLINE));
    if (count < 1 || count > present)
        return error_set(error, -ERANGE,
                         "%u CPUs can't be online: at least 1, at most the %u that are present",
                         count, present);
    q.state = state;
    q.force = flags & CPUCTL_PLAN_FORCE;
    q.online = count > online;
    q.need = q.online ? count - online : online - count;
    return make_plan(&q, count, ret_plan, error);
}
