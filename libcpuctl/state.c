/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which CPUs are possible, present, online, offline, isolated, nohz_full, and can be offlined. */
#include "state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cpuset.h"
#include "error.h"
#include "root.h"

struct cpuctl_state {
    struct cpuctl_set *masks[CPUCTL_MASKS];
};

/* What struct cpuctl_root keeps a CPU. */
enum can_offline { UNKNOWN, NO, YES };

/*
 * The kernel's files (drivers/base/cpu.c); "offline" is computed. What a file that is not there
 * means: the mask of another, or no CPU at all.
 */
static const struct {
    const char *path;
    enum cpuctl_mask instead; /* CPUCTL_MASKS: the file must be there */
    bool else_empty;
} files[CPUCTL_MASKS] = {
    [CPUCTL_POSSIBLE] = { .path = ROOT_CPU_DIR "/possible", .instead = CPUCTL_MASKS },
    [CPUCTL_PRESENT] = { .path = ROOT_CPU_DIR "/present", .instead = CPUCTL_POSSIBLE },
    [CPUCTL_ONLINE] = { .path = ROOT_CPU_DIR "/online", .instead = CPUCTL_PRESENT },
    [CPUCTL_ISOLATED] = { .path = ROOT_CPU_DIR "/isolated", .else_empty = true },
    [CPUCTL_NOHZ_FULL] = { .path = ROOT_CPU_DIR "/nohz_full", .else_empty = true },
};

static int read_mask(struct cpuctl_root *root, struct cpuctl_state *state, enum cpuctl_mask mask,
                     struct cpuctl_error *error)
{
    struct cpuctl_error reason = { 0 };
    int r = root_read_mask(root, files[mask].path, true, &state->masks[mask], &reason);

    if (r == -ENOENT && (files[mask].else_empty || files[mask].instead != CPUCTL_MASKS)) {
        state->masks[mask] = files[mask].else_empty
                                 ? cpuctl_set_new()
                                 : cpuctl_set_dup(state->masks[files[mask].instead]);
        if (!state->masks[mask])
            return error_set(error, -ENOMEM, "out of memory for a CPU set");
        return 0;
    }
    if (r < 0 && error)
        *error = reason;
    return r;
}

static int compute_offline(struct cpuctl_state *state, struct cpuctl_error *error)
{
    struct cpuctl_set *offline = cpuctl_set_dup(state->masks[CPUCTL_PRESENT]);

    if (!offline)
        return error_set(error, -ENOMEM, "out of memory for a CPU set");
    cpuctl_set_andnot(offline, state->masks[CPUCTL_ONLINE]);
    state->masks[CPUCTL_OFFLINE] = offline;
    return 0;
}

static int read_once(struct cpuctl_root *root, struct cpuctl_state **ret_state,
                     struct cpuctl_error *error)
{
    static const enum cpuctl_mask order[] = { CPUCTL_POSSIBLE, CPUCTL_PRESENT, CPUCTL_ONLINE,
                                              CPUCTL_ISOLATED, CPUCTL_NOHZ_FULL };
    _cleanup_(cpuctl_state_freep) struct cpuctl_state *state = calloc(1, sizeof(*state));
    int r;

    if (!state)
        return error_set(error, -ENOMEM, "out of memory for the CPU state");
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        r = read_mask(root, state, order[i], error);
        if (r < 0)
            return r;
    }
    r = compute_offline(state, error);
    if (r < 0)
        return r;
    *ret_state = TAKE_PTR(state);
    return 0;
}

/* Reads one of @state's masks anew and tells whether it is the same: 1, 0 or a negative errno. */
static int is_unchanged(struct cpuctl_root *root, const struct cpuctl_state *state,
                        enum cpuctl_mask mask, struct cpuctl_error *error)
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *now = NULL;
    struct cpuctl_error reason = { 0 };
    int r = root_read_mask(root, files[mask].path, true, &now, &reason);

    if (r == -ENOENT) /* what stands for it was compared, or never changes */
        return 1;
    if (r < 0) {
        if (error)
            *error = reason;
        return r;
    }
    return cpuctl_set_equal(now, state->masks[mask]);
}

/* What is kept of a CPU that was unplugged does not hold for one that is plugged there later. */
static void forget_absent(struct cpuctl_root *root, const struct cpuctl_set *present)
{
    for (size_t cpu = 0; cpu < root->n_can_offline; cpu++)
        if (!cpuctl_set_has(present, (unsigned int)cpu))
            root->can_offline[cpu] = UNKNOWN;
}

int state_read(struct cpuctl_root *root, void (*meanwhile)(void *userdata), void *userdata,
               struct cpuctl_state **ret_state, struct cpuctl_error *error)
{
    for (unsigned int i = 0; i < STATE_TRIES; i++) {
        _cleanup_(cpuctl_state_freep) struct cpuctl_state *state = NULL;
        int r;

        r = read_once(root, &state, error);
        if (r < 0)
            return r;
        if (meanwhile)
            meanwhile(userdata);
        r = is_unchanged(root, state, CPUCTL_PRESENT, error);
        if (r > 0)
            r = is_unchanged(root, state, CPUCTL_ONLINE, error);
        if (r < 0)
            return r;
        if (r > 0) {
            forget_absent(root, state->masks[CPUCTL_PRESENT]);
            *ret_state = TAKE_PTR(state);
            return 0;
        }
    }
    return error_set(error, -EAGAIN,
                     "the present and online CPUs changed each of the %d times that they were read",
                     STATE_TRIES);
}

int state_read_online(struct cpuctl_root *root, struct cpuctl_set **ret_set,
                      struct cpuctl_error *error)
{
    static const enum cpuctl_mask order[] = { CPUCTL_ONLINE, CPUCTL_PRESENT, CPUCTL_POSSIBLE };
    struct cpuctl_error reason = { 0 };
    int r = -ENOENT;

    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]) && r == -ENOENT; i++)
        r = root_read_mask(root, files[order[i]].path, true, ret_set, &reason);
    if (r < 0 && error)
        *error = reason;
    return r;
}

int cpuctl_state_read(struct cpuctl_root *root, struct cpuctl_state **ret_state,
                      struct cpuctl_error *error)
{
    return state_read(root, NULL, NULL, ret_state, error);
}

void cpuctl_state_free(struct cpuctl_state *state)
{
    if (!state)
        return;
    for (unsigned int i = 0; i < CPUCTL_MASKS; i++)
        cpuctl_set_free(state->masks[i]);
    free(state);
}

const struct cpuctl_set *cpuctl_state_get(const struct cpuctl_state *state, enum cpuctl_mask mask)
{
    return (unsigned int)mask < CPUCTL_MASKS ? state->masks[mask] : NULL;
}

static int look_up_can_offline(struct cpuctl_root *root, unsigned int cpu)
{
    char path[ROOT_PATH_MAX];
    int r;

    snprintf(path, sizeof(path), ROOT_CPU_DIR "/cpu%u/online", cpu);
    r = root_exists(root, path);
    if (r < 0)
        return r;
    if (r > 0)
        return YES;
    snprintf(path, sizeof(path), ROOT_CPU_DIR "/cpu%u", cpu);
    r = root_exists(root, path);
    if (r < 0)
        return r;
    return r > 0 ? NO : -ENODEV;
}

int cpuctl_can_offline(struct cpuctl_root *root, unsigned int cpu)
{
    int r;

    if (cpu >= CPUCTL_CPUS_MAX)
        return -ENODEV;
    if (cpu < root->n_can_offline && root->can_offline[cpu] != UNKNOWN)
        return root->can_offline[cpu] == YES;

    r = look_up_can_offline(root, cpu);
    if (r < 0)
        return r;
    if (cpu >= root->n_can_offline) {
        size_t n = cpu + cpu / 2 + 64;
        uint8_t *larger = realloc(root->can_offline, n);

        if (!larger) /* it is only kept to be quicker */
            return r == YES;
        memset(larger + root->n_can_offline, UNKNOWN, n - root->n_can_offline);
        root->can_offline = larger;
        root->n_can_offline = n;
    }
    root->can_offline[cpu] = (uint8_t)r;
    return r == YES;
}

void cpuctl_root_forget_cpu(struct cpuctl_root *root, unsigned int cpu)
{
    if (cpu < root->n_can_offline)
        root->can_offline[cpu] = UNKNOWN;
}
