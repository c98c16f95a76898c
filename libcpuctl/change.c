/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Carrying out a plan, one CPU a step. What counts is the goal: a CPU that is so already is a
 * success, also when somebody else (a udev rule, the other end's operator) was quicker than we.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "change.h"
#include "cpuset.h"
#include "error.h"
#include "kmsg.h"
#include "plan.h"
#include "reasons.h"
#include "refusal.h"
#include "root.h"

/** How often a write is begun anew that a signal ended. */
#define INTERRUPTED_MAX 16U

/** A result and the strings of it that we own. */
struct item {
    struct cpuctl_result result;
    char *reason;
    char *help;
    char *kernel_log;
};

struct cpuctl_change {
    struct cpuctl_root *root;
    change_write_fn write;
    void *userdata;
    struct item *items;
    size_t n_items;
    size_t n_done;
};

void cpuctl_change_free(struct cpuctl_change *change)
{
    if (!change)
        return;
    for (size_t i = 0; i < change->n_items; i++) {
        free(change->items[i].reason);
        free(change->items[i].help);
        free(change->items[i].kernel_log);
    }
    free(change->items);
    free(change);
}

static void online_path(char *path, size_t size, unsigned int cpu)
{
    snprintf(path, size, ROOT_CPU_DIR "/cpu%u/online", cpu);
}

static int write_online(struct cpuctl_root *root, unsigned int cpu, bool online, void *userdata)
{
    char path[ROOT_PATH_MAX];

    (void)userdata;
    online_path(path, sizeof(path), cpu);
    return root_write(root, path, online ? "1" : "0");
}

/** Whether cpuN/online says online. Returns 1, 0, -ENOENT (no such file) or a negative errno. */
static int read_online(struct cpuctl_root *root, unsigned int cpu)
{
    char path[ROOT_PATH_MAX];
    int64_t value;
    int r;

    online_path(path, sizeof(path), cpu);
    r = root_read_int(root, path, &value);
    if (r == -ENODEV) /* the file was open when the CPU went: fs/kernfs/file.c */
        return -ENOENT;
    return r < 0 ? r : value != 0;
}

int change_new_with_write(struct cpuctl_root *root, const struct cpuctl_plan *plan,
                          change_write_fn write, void *userdata, struct cpuctl_change **ret_change,
                          struct cpuctl_error *error)
{
    _cleanup_(cpuctl_change_freep) struct cpuctl_change *change = calloc(1, sizeof(*change));
    size_t n = cpuctl_plan_size(plan);

    if (change)
        change->items = calloc(n + 1, sizeof(*change->items));
    if (!change || !change->items)
        return error_set(error, -ENOMEM, "out of memory for a change");
    change->root = root;
    change->write = write;
    change->userdata = userdata;
    change->n_items = n;
    for (size_t i = 0; i < n; i++) {
        const struct cpuctl_plan_entry *entry = cpuctl_plan_get(plan, i);

        change->items[i].result = (struct cpuctl_result){
            .cpu = entry->cpu,
            .online = entry->online,
            .outcome = entry->skipped ? CPUCTL_SKIPPED : CPUCTL_ALREADY,
            .reason = entry->skipped ? entry->reason : NULL, /* a literal */
        };
    }
    /* The log has to be open before the kernel writes to it; without it there is no log to show. */
    cpuctl_root_open_kmsg(root);
    *ret_change = TAKE_PTR(change);
    return 0;
}

int cpuctl_change_new(struct cpuctl_root *root, const struct cpuctl_plan *plan,
                      struct cpuctl_change **ret_change, struct cpuctl_error *error)
{
    if (!root->writable)
        return error_set(error, -EROFS, "%s: a recorded tree can not be changed", root->path);
    return change_new_with_write(root, plan, write_online, NULL, ret_change, error);
}

/** Makes @item a refusal. It is one also when memory for the sentences is short. */
static void refuse(struct cpuctl_change *change, struct item *item, int code, unsigned int facts)
{
    struct cpuctl_result *result = &item->result;

    result->outcome = CPUCTL_REFUSED;
    result->code = code;
    if (refusal_explain(change->root, result->cpu, code, result->online, facts, &item->reason,
                        &item->help) < 0)
        result->reason = "refused, and memory is too short to say why";
    else
        result->reason = item->reason;
    result->help = item->help;
}

/**
 * A CPU that is in the masks. Linux enters it there before it makes its directory, and takes it out
 * after the directory (acpi_processor_hotadd_init() and acpi_processor_remove() in
 * drivers/acpi/acpi_processor.c); on arm64 those that firmware has not enabled are always there.
 */
static void refuse_without_file(struct cpuctl_change *change, struct item *item)
{
    cpuctl_root_forget_cpu(change->root, item->result.cpu);
    if (cpuctl_can_offline(change->root, item->result.cpu) == -ENODEV)
        refuse(change, item, -ENODEV, REASON_NO_DIR);
    else
        refuse(change, item, -EOPNOTSUPP, REASON_NO_FILE);
}

/** A CPU without a file cpuN/online: not there, or it can't be changed. */
static void settle_without_file(struct cpuctl_change *change, struct item *item)
{
    _cleanup_(cpuctl_state_freep) struct cpuctl_state *state = NULL;
    const struct cpuctl_result *result = &item->result;
    int r = cpuctl_state_read(change->root, &state, NULL);

    if (r < 0)
        refuse(change, item, r, 0);
    else if (!cpuctl_set_has(cpuctl_state_get(state, CPUCTL_POSSIBLE), result->cpu))
        refuse(change, item, -ENODEV, REASON_NOT_POSSIBLE | REASON_NOT_PRESENT);
    else if (!cpuctl_set_has(cpuctl_state_get(state, CPUCTL_PRESENT), result->cpu))
        refuse(change, item, -ENODEV, REASON_NOT_PRESENT);
    else if (cpuctl_set_has(cpuctl_state_get(state, CPUCTL_ONLINE), result->cpu) != result->online)
        refuse_without_file(change, item);
}

static uint64_t now_usec(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/** Has the kernel do it, and settles what became of it. */
static void apply(struct cpuctl_change *change, struct item *item)
{
    struct cpuctl_result *result = &item->result;
    struct cpuctl_root *root = change->root;
    uint64_t start;
    int code, state;

    if (root->kmsg_fd >= 0)
        kmsg_mark(root->kmsg_fd);
    start = now_usec();
    for (unsigned int i = 0; i < INTERRUPTED_MAX; i++) {
        code = change->write(root, result->cpu, result->online, change->userdata);
        if (code != -EINTR || read_online(root, result->cpu) == result->online)
            break;
    }
    result->duration_usec = now_usec() - start;

    state = read_online(root, result->cpu);
    if (state == -ENOENT) {
        refuse(change, item, -ENODEV, 0);
    } else if (state == result->online) {
        result->outcome = code < 0 && code != -EINTR ? CPUCTL_ALREADY : CPUCTL_DONE;
    } else if (code < 0) {
        refuse(change, item, code, 0);
        if (root->kmsg_fd >= 0 && kmsg_collect(root->kmsg_fd, result->cpu, &item->kernel_log) > 0)
            result->kernel_log = item->kernel_log;
    } else if (state < 0) {
        refuse(change, item, state, 0);
    } else {
        refuse(change, item, -ECANCELED, REASON_UNDONE);
    }
}

int cpuctl_change_step(struct cpuctl_change *change, const struct cpuctl_result **ret_result)
{
    struct item *item;
    int state;

    if (change->n_done == change->n_items)
        return 0;
    item = &change->items[change->n_done++];
    if (item->result.outcome != CPUCTL_SKIPPED) {
        state = read_online(change->root, item->result.cpu);
        if (state == -ENOENT)
            settle_without_file(change, item);
        else if (state < 0)
            refuse(change, item, state, 0);
        else if (state != item->result.online)
            apply(change, item);
    }
    if (ret_result)
        *ret_result = &item->result;
    return 1;
}

size_t cpuctl_change_size(const struct cpuctl_change *change)
{
    return change->n_done;
}

size_t cpuctl_change_total(const struct cpuctl_change *change)
{
    return change->n_items;
}

const struct cpuctl_result *cpuctl_change_get(const struct cpuctl_change *change, size_t index)
{
    return index < change->n_done ? &change->items[index].result : NULL;
}

int cpuctl_root_open_kmsg(struct cpuctl_root *root)
{
    int fd;

    if (root->kmsg_fd >= 0)
        return 0;
    fd = root_open(root, "dev/kmsg", O_RDONLY | O_NONBLOCK, 0);
    if (fd < 0)
        return fd;
    root->kmsg_fd = fd;
    return 0;
}
