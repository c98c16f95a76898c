/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What can be found out about a refusal beyond its errno: cheap look-ups, made only then. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "cpuset.h"
#include "plan.h"
#include "reasons.h"
#include "refusal.h"
#include "root.h"

/** Why @cpu can't be online, if that is because of simultaneous multithreading or of s390. */
static unsigned int facts_of_online(struct cpuctl_root *root, unsigned int cpu)
{
    char path[ROOT_PATH_MAX], text[ROOT_VALUE_MAX];
    unsigned int facts = 0;
    int64_t configured;

    /* Documentation/ABI/testing/sysfs-devices-system-cpu */
    if (root_read_value(root, ROOT_CPU_DIR "/smt/control", text, sizeof(text)) > 0 &&
        (strcmp(text, "off") == 0 || strcmp(text, "forceoff") == 0))
        facts |= REASON_SMT_OFF;
    snprintf(path, sizeof(path), ROOT_CPU_DIR "/cpu%u/configure", cpu);
    if (root_read_int(root, path, &configured) == 0 && configured == 0)
        facts |= REASON_DECONFIGURED;
    return facts;
}

/** Why @cpu is busy, by the masks. */
static unsigned int facts_of_masks(struct cpuctl_root *root, unsigned int cpu)
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *others = NULL;
    _cleanup_(cpuctl_state_freep) struct cpuctl_state *state = NULL;
    const struct cpuctl_set *nohz;
    unsigned int facts = 0;

    if (cpuctl_state_read(root, &state, NULL) < 0)
        return 0;
    others = cpuctl_set_dup(cpuctl_state_get(state, CPUCTL_ONLINE));
    if (!others)
        return 0;
    cpuctl_set_remove(others, cpu);
    if (cpuctl_set_is_empty(others))
        facts |= REASON_LAST;
    cpuctl_set_andnot(others, cpuctl_state_get(state, CPUCTL_ISOLATED));
    if (cpuctl_set_is_empty(others))
        facts |= REASON_LAST_SHARED;
    nohz = cpuctl_state_get(state, CPUCTL_NOHZ_FULL);
    if (!cpuctl_set_is_empty(nohz) && !cpuctl_set_has(nohz, cpu))
        facts |= REASON_NOHZ;
    return facts;
}

int refusal_explain(struct cpuctl_root *root, unsigned int cpu, int code, bool online,
                    unsigned int facts, char **ret_reason, char **ret_help)
{
    _cleanup_free_ char *tasks = NULL;
    int r;

    if (geteuid() != 0)
        facts |= REASON_NOT_ROOT;
    if (online && (code == -EPERM || code == -EIO))
        facts |= facts_of_online(root, cpu);
    if (!online && code == -EBUSY) {
        facts |= facts_of_masks(root, cpu);
        r = deadline_tasks(root, &tasks);
        if (r < 0)
            return r;
        if (r > 0)
            facts |= REASON_DEADLINE;
    }
    return reason_make(cpu, code, online, facts, tasks, ret_reason, ret_help);
}
