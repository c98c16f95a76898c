/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The SCHED_DEADLINE tasks: the usual reason for -EBUSY when a CPU is to go offline, because the
 * CPUs that are left could not keep what these tasks were promised (dl_bw_check_overflow() in
 * kernel/sched/deadline.c). Looked up only after such a refusal.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "refusal.h"
#include "root.h"

#ifndef SCHED_DEADLINE
#define SCHED_DEADLINE 6 /* include/uapi/linux/sched.h */
#endif

/** How many tasks are named. */
#define NAMED_MAX 4U
/** How many tasks are looked at. */
#define TASKS_MAX 65536U
/** In /proc/PID/stat (proc(5)) the policy is field 41; field 3 follows the name's last ")". */
#define POLICY_FIELD     41
#define FIELD_AFTER_NAME 3
#define STAT_MAX         1024

struct search {
    struct cpuctl_root *root;
    const char *process; /**< whose tasks are being listed */
    FILE *names;
    unsigned int found;
    unsigned int seen;
};

/** The scheduling policy in a stat line, and where the task's name is; or -1. */
static int parse_stat(const char *line, const char **ret_name, size_t *ret_length)
{
    const char *open = strchr(line, '('), *p = strrchr(line, ')');
    int policy;

    if (!open || !p || p < open)
        return -1;
    *ret_name = open + 1;
    *ret_length = (size_t)(p - open - 1);
    for (unsigned int field = FIELD_AFTER_NAME; p && field <= POLICY_FIELD; field++)
        p = strchr(p + 1, ' ');
    return p && sscanf(p, " %d", &policy) == 1 ? policy : -1;
}

static bool is_number(const char *name)
{
    return *name && name[strspn(name, "0123456789")] == '\0';
}

static void add_name(struct search *search, const char *task, const char *name, size_t length)
{
    if (search->found++ >= NAMED_MAX)
        return;
    if (search->found > 1)
        fputs(", ", search->names);
    /* A program names itself as it likes. */
    for (size_t i = 0; i < length; i++)
        fputc(name[i] > ' ' && name[i] < 0x7f ? name[i] : '?', search->names);
    fprintf(search->names, " (PID %s)", task);
}

static int look_at_task(const char *task, void *userdata)
{
    struct search *search = userdata;
    char path[ROOT_PATH_MAX], line[STAT_MAX];
    const char *name;
    size_t length;

    if (!is_number(task))
        return 0;
    if (++search->seen > TASKS_MAX)
        return -E2BIG;
    if ((size_t)snprintf(path, sizeof(path), "proc/%s/task/%s/stat", search->process, task) >=
        sizeof(path))
        return 0;
    if (root_read_value(search->root, path, line, sizeof(line)) > 0 &&
        parse_stat(line, &name, &length) == SCHED_DEADLINE)
        add_name(search, task, name, length);
    return 0;
}

static int look_at_process(const char *process, void *userdata)
{
    struct search *search = userdata;
    char path[ROOT_PATH_MAX];

    if (!is_number(process) ||
        (size_t)snprintf(path, sizeof(path), "proc/%s/task", process) >= sizeof(path))
        return 0;
    search->process = process;
    /* A process that ended meanwhile is no failure; too many tasks end the search. */
    return root_list(search->root, path, look_at_task, search) == -E2BIG ? -E2BIG : 0;
}

int deadline_tasks(struct cpuctl_root *root, char **ret_names)
{
    _cleanup_free_ char *names = NULL;
    size_t size;
    struct search search = { .root = root, .names = open_memstream(&names, &size) };

    if (!search.names)
        return -ENOMEM;
    root_list(root, "proc", look_at_process, &search);
    if (search.found > NAMED_MAX)
        fprintf(search.names, " and %u more", search.found - NAMED_MAX);
    if (fclose(search.names) != 0)
        return -ENOMEM;
    if (search.found == 0)
        return 0;
    *ret_names = TAKE_PTR(names);
    return 1;
}
