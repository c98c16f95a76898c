/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Changes: results on a made-up tree, faults that the kernel can't be made to show, the sentences.
 */
#include "main.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "change.h"
#include "cpuset.h"
#include "plan.h"
#include "reasons.h"
#include "refusal.h"
#include "root.h"
#include "tree.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Possible 0-7, present 0-5; 0 is online and can't go, 5 is offline and can't come; 1-2 are online,
 * 3-4 offline. */
static char *make_tree(void)
{
    char *tree = tree_new();

    tree_write(tree, ROOT_CPU_DIR "/possible", "0-7\n");
    tree_write(tree, ROOT_CPU_DIR "/present", "0-5\n");
    tree_write(tree, ROOT_CPU_DIR "/online", "0-2\n");
    tree_write(tree, ROOT_CPU_DIR "/cpu0/crash_notes", "0\n");
    tree_write(tree, ROOT_CPU_DIR "/cpu1/online", "1\n");
    tree_write(tree, ROOT_CPU_DIR "/cpu2/online", "1\n");
    tree_write(tree, ROOT_CPU_DIR "/cpu3/online", "0\n");
    tree_write(tree, ROOT_CPU_DIR "/cpu4/online", "0\n");
    tree_write(tree, ROOT_CPU_DIR "/cpu5/crash_notes", "0\n");
    return tree;
}

/** What the kernel is made to do, by turns. */
struct script {
    const char *tree;
    int codes[4];    /**< returned by turns; the last one stays */
    bool effective;  /**< the file is changed, whatever is returned */
    bool contrary;   /**< ... to the opposite of what was asked for, right away */
    bool vanish;     /**< the CPU goes away */
    const char *log; /**< appended to dev/kmsg, or NULL */
    unsigned int n_calls;
};

static int play(struct cpuctl_root *root, unsigned int cpu, bool online, void *userdata)
{
    struct script *script = userdata;
    unsigned int turn = script->n_calls++;
    char path[64];

    (void)root;
    snprintf(path, sizeof(path), ROOT_CPU_DIR "/cpu%u/online", cpu);
    if (script->log)
        tree_write(script->tree, "dev/kmsg", "6,1,1,-;CPU%u: %s\n", cpu, script->log);
    if (script->vanish)
        tree_remove(script->tree, ROOT_CPU_DIR "/cpu3");
    else if (script->effective)
        tree_write(script->tree, path, "%d\n", online != script->contrary);
    return script->codes[turn < ARRAY_SIZE(script->codes) ? turn : ARRAY_SIZE(script->codes) - 1];
}

/** Carries out a plan of one CPU under @script (NULL: really) and hands over the change. */
static const struct cpuctl_result *change_one(struct cpuctl_root *root, unsigned int cpu,
                                              bool online, struct script *script,
                                              struct cpuctl_change **ret_change)
{
    _cleanup_(cpuctl_plan_freep) struct cpuctl_plan *plan = NULL;
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *set = cpuctl_set_new();
    const struct cpuctl_result *result = NULL;

    ck_assert_int_eq(cpuctl_set_add(set, cpu), 0);
    ck_assert_int_eq(cpuctl_plan_change(root, set, online, 0, &plan, NULL), 0);
    if (script)
        ck_assert_int_eq(change_new_with_write(root, plan, play, script, ret_change, NULL), 0);
    else
        ck_assert_int_eq(cpuctl_change_new(root, plan, ret_change, NULL), 0);
    ck_assert_int_eq(cpuctl_change_step(*ret_change, &result), 1);
    ck_assert_int_eq(cpuctl_change_step(*ret_change, NULL), 0);
    ck_assert_uint_eq(result->cpu, cpu);
    ck_assert(result->online == online);
    ck_assert_ptr_eq(cpuctl_change_get(*ret_change, 0), result);
    return result;
}

START_TEST(a_batch)
{
    _cleanup_(tree_freep) char *tree = make_tree();
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, true);
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *set = NULL;
    _cleanup_(cpuctl_plan_freep) struct cpuctl_plan *plan = NULL;
    _cleanup_(cpuctl_change_freep) struct cpuctl_change *change = NULL;
    static const struct {
        unsigned int cpu;
        enum cpuctl_outcome outcome;
        int code;
        const char *reason;
    } expected[] = {
        { 0, CPUCTL_ALREADY, 0, NULL },
        { 2, CPUCTL_ALREADY, 0, NULL },
        { 3, CPUCTL_DONE, 0, NULL },
        { 5, CPUCTL_REFUSED, -EOPNOTSUPP, "the kernel can't bring CPU 5 online" },
        { 6, CPUCTL_REFUSED, -ENODEV, "CPU 6 is not present" },
        { 8, CPUCTL_REFUSED, -ENODEV, "CPU 8 is not possible on this system" },
    };
    const struct cpuctl_result *result;

    ck_assert_int_eq(cpuctl_set_parse_list("0,2-3,5-6,8", 0, &set, NULL), 0);
    ck_assert_int_eq(cpuctl_plan_change(root, set, true, 0, &plan, NULL), 0);
    ck_assert_int_eq(cpuctl_change_new(root, plan, &change, NULL), 0);
    cpuctl_plan_free(TAKE_PTR(plan)); /* is no longer needed */
    ck_assert_uint_eq(cpuctl_change_total(change), ARRAY_SIZE(expected));
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
        ck_assert_uint_eq(cpuctl_change_size(change), i);
        ck_assert_ptr_null(cpuctl_change_get(change, i));
        ck_assert_int_eq(cpuctl_change_step(change, &result), 1);
        ck_assert_uint_eq(result->cpu, expected[i].cpu);
        ck_assert_int_eq(result->outcome, expected[i].outcome);
        ck_assert_int_eq(result->code, expected[i].code);
        ck_assert_pstr_eq(result->reason, expected[i].reason);
        ck_assert_ptr_null(result->kernel_log);
    }
    ck_assert_int_eq(cpuctl_change_step(change, &result), 0);
    ck_assert_str_eq(cpuctl_change_get(change, 4)->help,
                     "hot-add CPU 6 to the virtual machine, and wait until it is there");

    _cleanup_free_ char *text = tree_read(tree, ROOT_CPU_DIR "/cpu3/online");

    ck_assert_str_eq(text, "1\n");
}
END_TEST

START_TEST(offline)
{
    _cleanup_(tree_freep) char *tree = make_tree();
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, true);
    static const struct {
        unsigned int cpu;
        enum cpuctl_outcome outcome;
        const char *reason;
    } cases[] = {
        { 0, CPUCTL_REFUSED, "the kernel can't take CPU 0 offline" },
        { 1, CPUCTL_DONE, NULL },
        { 3, CPUCTL_ALREADY, NULL },
        { 5, CPUCTL_ALREADY, NULL },
        { 7, CPUCTL_REFUSED, "CPU 7 is not present" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_(cpuctl_change_freep) struct cpuctl_change *change = NULL;
        const struct cpuctl_result *result = change_one(root, cases[i].cpu, false, NULL, &change);

        ck_assert_int_eq(result->outcome, cases[i].outcome);
        ck_assert_pstr_eq(result->reason, cases[i].reason);
    }
}
END_TEST

START_TEST(recorded_trees_stay)
{
    _cleanup_(tree_freep) char *tree = make_tree();
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, false);
    _cleanup_(cpuctl_plan_freep) struct cpuctl_plan *plan = NULL;
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *set = cpuctl_set_new();
    struct cpuctl_change *change = NULL;
    struct cpuctl_error error = { 0 };

    ck_assert_int_eq(cpuctl_plan_change(root, set, true, 0, &plan, NULL), 0);
    ck_assert_int_eq(cpuctl_change_new(root, plan, &change, &error), -EROFS);
    ck_assert_int_eq(error.code, -EROFS);
    ck_assert_ptr_null(change);
}
END_TEST

START_TEST(somebody_was_quicker)
{
    _cleanup_(tree_freep) char *tree = make_tree();
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, true);
    _cleanup_(cpuctl_change_freep) struct cpuctl_change *change = NULL;
    struct script script = { .tree = tree, .codes = { -EBUSY }, .effective = true };
    const struct cpuctl_result *result = change_one(root, 3, true, &script, &change);

    ck_assert_int_eq(result->outcome, CPUCTL_ALREADY);
    ck_assert_int_eq(result->code, 0);
    ck_assert_ptr_null(result->reason);
}
END_TEST

START_TEST(done_and_undone)
{
    _cleanup_(tree_freep) char *tree = make_tree();
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, true);
    _cleanup_(cpuctl_change_freep) struct cpuctl_change *up = NULL, *down = NULL;
    struct script script = { .tree = tree, .effective = true, .contrary = true };
    const struct cpuctl_result *result = change_one(root, 3, true, &script, &up);

    ck_assert_int_eq(result->outcome, CPUCTL_REFUSED);
    ck_assert_int_eq(result->code, -ECANCELED);
    ck_assert_ptr_nonnull(strstr(result->reason, "something else took it offline again"));

    result = change_one(root, 1, false, &script, &down);
    ck_assert_int_eq(result->code, -ECANCELED);
    ck_assert_ptr_nonnull(strstr(result->reason, "something else brought it online again"));
}
END_TEST

START_TEST(interrupted)
{
    _cleanup_(tree_freep) char *tree = make_tree();
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, true);
    _cleanup_(cpuctl_change_freep) struct cpuctl_change *after = NULL, *during = NULL, *ever = NULL;
    struct script script = { .tree = tree, .codes = { -EINTR, -EINTR, -EIO, -EIO } };
    const struct cpuctl_result *result = change_one(root, 3, true, &script, &after);

    ck_assert_uint_eq(script.n_calls, 3);
    ck_assert_int_eq(result->code, -EIO);

    /* the signal came when the kernel was done */
    script = (struct script){ .tree = tree, .codes = { -EINTR, -EIO }, .effective = true };
    result = change_one(root, 3, true, &script, &during);
    ck_assert_uint_eq(script.n_calls, 1);
    ck_assert_int_eq(result->outcome, CPUCTL_DONE);

    script = (struct script){ .tree = tree, .codes = { -EINTR, -EINTR, -EINTR, -EINTR } };
    result = change_one(root, 4, true, &script, &ever);
    ck_assert_int_eq(result->code, -EINTR);
    ck_assert_uint_lt(script.n_calls, 100);
}
END_TEST

START_TEST(unplugged_meanwhile)
{
    _cleanup_(tree_freep) char *tree = make_tree();
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, true);
    _cleanup_(cpuctl_change_freep) struct cpuctl_change *change = NULL;
    struct script script = { .tree = tree, .codes = { -ENOENT }, .vanish = true };
    const struct cpuctl_result *result = change_one(root, 3, true, &script, &change);

    ck_assert_int_eq(result->outcome, CPUCTL_REFUSED);
    ck_assert_int_eq(result->code, -ENODEV);
    ck_assert_str_eq(result->reason, "CPU 3 went away meanwhile");
}
END_TEST

START_TEST(without_a_directory)
{
    _cleanup_(tree_freep) char *tree = make_tree();
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, true);
    _cleanup_(cpuctl_change_freep) struct cpuctl_change *up = NULL, *down = NULL, *idle = NULL;
    const struct cpuctl_result *result;

    /* as Linux has it for a moment while a CPU is plugged or unplugged */
    ck_assert_int_eq(cpuctl_can_offline(root, 4), 1);
    tree_remove(tree, ROOT_CPU_DIR "/cpu4");
    result = change_one(root, 4, true, NULL, &up);
    ck_assert_int_eq(result->code, -ENODEV);
    ck_assert_ptr_nonnull(strstr(result->reason, "CPU 4 has no directory"));
    ck_assert_int_eq(change_one(root, 4, false, NULL, &idle)->outcome, CPUCTL_ALREADY);
    tree_remove(tree, ROOT_CPU_DIR "/cpu2");
    ck_assert_int_eq(change_one(root, 2, false, NULL, &down)->code, -ENODEV);
}
END_TEST

START_TEST(the_kernel_log_is_attached)
{
    _cleanup_(tree_freep) char *tree = make_tree();
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = NULL;
    _cleanup_(cpuctl_change_freep) struct cpuctl_change *change = NULL;
    struct script script = { .tree = tree, .codes = { -EIO }, .log = "did not start" };
    const struct cpuctl_result *result;

    tree_write(tree, "dev/kmsg", "%s", "");
    root = tree_root(tree, true);
    ck_assert_int_eq(cpuctl_root_open_kmsg(root), 0);
    ck_assert_int_eq(cpuctl_root_open_kmsg(root), 0);
    result = change_one(root, 3, true, &script, &change);
    ck_assert_int_eq(result->code, -EIO);
    ck_assert_pstr_eq(result->kernel_log, "CPU3: did not start");
    ck_assert_str_eq(result->reason, "CPU 3 did not start when the kernel told it to");
}
END_TEST

START_TEST(skipped_ones)
{
    _cleanup_(tree_freep) char *tree = make_tree();
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, true);
    _cleanup_(cpuctl_change_freep) struct cpuctl_change *change = NULL;
    struct script script = { .tree = tree };
    struct cpuctl_plan_entry entry = { .cpu = 1, .skipped = true, .reason = "isolated" };
    const struct cpuctl_plan plan = { .entries = &entry, .n_entries = 1 };
    const struct cpuctl_result *result;

    ck_assert_int_eq(change_new_with_write(root, &plan, play, &script, &change, NULL), 0);
    ck_assert_int_eq(cpuctl_change_step(change, &result), 1);
    ck_assert_int_eq(result->outcome, CPUCTL_SKIPPED);
    ck_assert_str_eq(result->reason, "isolated");
    ck_assert_uint_eq(script.n_calls, 0);
}
END_TEST

/** The reason that comes of an errno in a tree. */
static void assert_reason(struct cpuctl_root *root, unsigned int cpu, bool online, int code,
                          const char *expected)
{
    _cleanup_free_ char *reason = NULL, *help = NULL;

    ck_assert_int_eq(refusal_explain(root, cpu, code, online, 0, &reason, &help), 0);
    ck_assert_str_eq(reason, expected);
}

START_TEST(facts_from_the_system)
{
    _cleanup_(tree_freep) char *tree = make_tree();
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, true);

    if (geteuid() != 0)
        unit_skip("the reasons differ for who is not root");
    assert_reason(root, 3, true, -EPERM, "the firmware or hypervisor denies bringing CPU 3 online");
    tree_write(tree, ROOT_CPU_DIR "/smt/control", "on\n");
    assert_reason(root, 3, true, -EPERM, "the firmware or hypervisor denies bringing CPU 3 online");
    tree_write(tree, ROOT_CPU_DIR "/smt/control", "forceoff\n");
    assert_reason(root, 3, true, -EPERM,
                  "CPU 3 is the second thread of its core, and multithreading is switched off");
    tree_write(tree, ROOT_CPU_DIR "/cpu3/configure", "0\n");
    assert_reason(root, 3, true, -EIO, "CPU 3 is deconfigured");
    tree_write(tree, ROOT_CPU_DIR "/cpu3/configure", "1\n");
    assert_reason(root, 3, true, -EIO, "CPU 3 did not start when the kernel told it to");

    assert_reason(root, 1, false, -EBUSY,
                  "CPU 1 is in use, or CPU hotplug is disabled for the moment, for example by a "
                  "suspend");
    tree_write(tree, ROOT_CPU_DIR "/nohz_full", "2\n");
    assert_reason(root, 1, false, -EBUSY, "CPU 1 may be keeping the time for the nohz_full CPUs");
    tree_write(tree, ROOT_CPU_DIR "/isolated", "0,2\n");
    assert_reason(root, 1, false, -EBUSY, "CPU 1 is the last online one that is not isolated");
    tree_write(tree, ROOT_CPU_DIR "/online", "1\n");
    assert_reason(root, 1, false, -EBUSY, "CPU 1 is the last one online");
    assert_reason(root, 1, false, -ENOTTY,
                  "the kernel did not take CPU 1 offline: Inappropriate ioctl for device");
}
END_TEST

#define STAT_TAIL(policy)                                                                          \
    " S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 9 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 17 1 0 " policy      \
    " 0 0 0\n"

START_TEST(deadline_tasks_are_named)
{
    _cleanup_(tree_freep) char *tree = make_tree();
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, true);
    _cleanup_free_ char *names = NULL;

    tree_write(tree, "proc/1/task/1/stat", "1 (init)" STAT_TAIL("0"));
    tree_write(tree, "proc/1/task/self/stat", "1 (init)" STAT_TAIL("6"));
    tree_write(tree, "proc/cpuinfo", "\n");
    ck_assert_int_eq(deadline_tasks(root, &names), 0);
    tree_write(tree, "proc/7/task/7/stat", "7 (other)" STAT_TAIL("2"));
    tree_write(tree, "proc/7/task/8/stat", "8 (a) 6 (\033b)" STAT_TAIL("6"));
    ck_assert_int_eq(deadline_tasks(root, &names), 1);
    ck_assert_str_eq(names, "a)?6?(?b (PID 8)");
    assert_reason(root, 1, false, -EBUSY,
                  "SCHED_DEADLINE tasks have reserved the time of CPU 1: a)?6?(?b (PID 8)");
    for (unsigned int i = 0; i < 5; i++) {
        char path[64];

        snprintf(path, sizeof(path), "proc/7/task/1%u/stat", i);
        tree_write(tree, path, "1%u (burn)" STAT_TAIL("6"), i);
    }
    free(TAKE_PTR(names));
    ck_assert_int_eq(deadline_tasks(root, &names), 1);
    ck_assert_ptr_nonnull(strstr(names, " and 2 more"));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("change");
    TCase *tests = tcase_create("change");

    tcase_add_test(tests, a_batch);
    tcase_add_test(tests, offline);
    tcase_add_test(tests, recorded_trees_stay);
    tcase_add_test(tests, somebody_was_quicker);
    tcase_add_test(tests, done_and_undone);
    tcase_add_test(tests, interrupted);
    tcase_add_test(tests, unplugged_meanwhile);
    tcase_add_test(tests, without_a_directory);
    tcase_add_test(tests, the_kernel_log_is_attached);
    tcase_add_test(tests, skipped_ones);
    tcase_add_test(tests, facts_from_the_system);
    tcase_add_test(tests, deadline_tasks_are_named);
    suite_add_tcase(suite, tests);
    return suite;
}
