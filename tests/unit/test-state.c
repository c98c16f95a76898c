/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state: masks of made and of recorded machines, changes while they are read. */
#include "main.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpuset.h"
#include "root.h"
#include "state.h"
#include "tree.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static void write_mask(const char *tree, const char *name, const char *list)
{
    _cleanup_free_ char *path = NULL;

    ck_assert_int_gt(asprintf(&path, ROOT_CPU_DIR "/%s", name), 0);
    tree_write(tree, path, "%s\n", list);
}

static struct cpuctl_state *read_state(struct cpuctl_root *root)
{
    struct cpuctl_state *state = NULL;
    struct cpuctl_error error = { 0 };

    ck_assert_msg(cpuctl_state_read(root, &state, &error) == 0, "%s", error.text);
    return state;
}

static void assert_mask(const struct cpuctl_state *state, enum cpuctl_mask mask,
                        const char *expected)
{
    _cleanup_free_ char *text = cpuctl_set_format_list(cpuctl_state_get(state, mask));

    ck_assert_msg(strcmp(text, expected) == 0, "mask %d is \"%s\", not \"%s\"", (int)mask, text,
                  expected);
}

START_TEST(all_masks)
{
    _cleanup_(tree_freep) char *tree = tree_new();
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, false);
    _cleanup_(cpuctl_state_freep) struct cpuctl_state *state = NULL;

    write_mask(tree, "possible", "0-15");
    write_mask(tree, "present", "0-7,10");
    write_mask(tree, "online", "0-5");
    write_mask(tree, "offline", "6-15"); /* the kernel counts CPUs that are not present too */
    write_mask(tree, "isolated", "4-5");
    write_mask(tree, "nohz_full", "5");
    state = read_state(root);
    assert_mask(state, CPUCTL_POSSIBLE, "0-15");
    assert_mask(state, CPUCTL_PRESENT, "0-7,10");
    assert_mask(state, CPUCTL_ONLINE, "0-5");
    assert_mask(state, CPUCTL_OFFLINE, "6-7,10");
    assert_mask(state, CPUCTL_ISOLATED, "4-5");
    assert_mask(state, CPUCTL_NOHZ_FULL, "5");
    ck_assert_ptr_null(cpuctl_state_get(state, CPUCTL_MASKS));
}
END_TEST

START_TEST(missing_files)
{
    _cleanup_(tree_freep) char *tree = tree_new();
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, false);
    struct cpuctl_state *state = NULL;
    struct cpuctl_error error = { 0 };

    ck_assert_int_eq(cpuctl_state_read(root, &state, &error), -ENOENT);
    ck_assert_ptr_nonnull(strstr(error.text, ROOT_CPU_DIR "/possible"));
    ck_assert_ptr_null(state);

    write_mask(tree, "possible", "0-3");
    state = read_state(root);
    assert_mask(state, CPUCTL_PRESENT, "0-3");
    assert_mask(state, CPUCTL_ONLINE, "0-3");
    assert_mask(state, CPUCTL_OFFLINE, "");
    assert_mask(state, CPUCTL_ISOLATED, "");
    assert_mask(state, CPUCTL_NOHZ_FULL, "");
    cpuctl_state_free(state);

    write_mask(tree, "present", "0-2");
    write_mask(tree, "nohz_full", "  (null)");
    write_mask(tree, "isolated", "");
    state = read_state(root);
    assert_mask(state, CPUCTL_PRESENT, "0-2");
    assert_mask(state, CPUCTL_ONLINE, "0-2");
    assert_mask(state, CPUCTL_NOHZ_FULL, "");
    assert_mask(state, CPUCTL_ISOLATED, "");
    cpuctl_state_free(state);
}
END_TEST

START_TEST(malformed)
{
    static const char *const names[] = { "possible", "present", "online", "isolated", "nohz_full" };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        _cleanup_(tree_freep) char *tree = tree_new();
        _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, false);
        struct cpuctl_state *state = NULL;
        struct cpuctl_error error = { 0 };

        for (size_t j = 0; j < ARRAY_SIZE(names); j++)
            write_mask(tree, names[j], i == j ? "0-3,?" : "0-3");
        ck_assert_int_eq(cpuctl_state_read(root, &state, &error), -EBADMSG);
        ck_assert_ptr_nonnull(strstr(error.text, names[i]));
        ck_assert_uint_eq(error.position, 4);
        ck_assert_ptr_null(state);
    }
}
END_TEST

struct change {
    const char *tree;
    const char *file;
    unsigned int calls;
    unsigned int until; /* how many calls change the file */
};

static void change_mask(void *userdata)
{
    struct change *change = userdata;

    if (change->calls++ < change->until)
        write_mask(change->tree, change->file, change->calls % 2 == 1 ? "0-1" : "0-2");
}

START_TEST(changes_meanwhile)
{
    static const char *const watched[] = { "present", "online" };

    for (size_t i = 0; i < ARRAY_SIZE(watched); i++) {
        _cleanup_(tree_freep) char *tree = tree_new();
        _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, false);
        struct change twice = { .tree = tree, .file = watched[i], .until = 2 };
        struct change forever = { .tree = tree, .file = watched[i], .until = 1000 };
        struct cpuctl_state *state = NULL;
        struct cpuctl_error error = { 0 };

        write_mask(tree, "possible", "0-3");
        write_mask(tree, "present", "0-3");
        write_mask(tree, "online", "0-3");
        ck_assert_int_eq(state_read(root, change_mask, &twice, &state, &error), 0);
        ck_assert_uint_eq(twice.calls, 3);
        assert_mask(state, i == 0 ? CPUCTL_PRESENT : CPUCTL_ONLINE, "0-2");
        cpuctl_state_free(state);

        state = NULL;
        write_mask(tree, watched[i], "0-2");
        ck_assert_int_eq(state_read(root, change_mask, &forever, &state, &error), -EAGAIN);
        ck_assert_uint_eq(forever.calls, STATE_TRIES);
        ck_assert_ptr_null(state);
    }
}
END_TEST

START_TEST(can_offline)
{
    _cleanup_(tree_freep) char *tree = tree_new();
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, false);

    write_mask(tree, "possible", "0-1000");
    write_mask(tree, "present", "0-2,900");
    write_mask(tree, "online", "0-2");
    tree_write(tree, ROOT_CPU_DIR "/cpu0/uevent", "x");
    tree_write(tree, ROOT_CPU_DIR "/cpu1/online", "1\n");
    tree_write(tree, ROOT_CPU_DIR "/cpu900/online", "0\n");
    ck_assert_int_eq(cpuctl_can_offline(root, 0), 0);
    ck_assert_int_eq(cpuctl_can_offline(root, 1), 1);
    ck_assert_int_eq(cpuctl_can_offline(root, 2), -ENODEV);
    ck_assert_int_eq(cpuctl_can_offline(root, 900), 1);
    ck_assert_int_eq(cpuctl_can_offline(root, CPUCTL_CPUS_MAX), -ENODEV);
    ck_assert_int_eq(cpuctl_can_offline(root, UINT32_MAX), -ENODEV);

    /* It is kept … */
    tree_remove(tree, ROOT_CPU_DIR "/cpu1");
    tree_write(tree, ROOT_CPU_DIR "/cpu0/online", "1\n");
    tree_remove(tree, ROOT_CPU_DIR "/cpu900");
    ck_assert_int_eq(cpuctl_can_offline(root, 0), 0);
    ck_assert_int_eq(cpuctl_can_offline(root, 1), 1);
    ck_assert_int_eq(cpuctl_can_offline(root, 900), 1);
    /* … until the CPU's event … */
    cpuctl_root_forget_cpu(root, 0);
    cpuctl_root_forget_cpu(root, 1);
    cpuctl_root_forget_cpu(root, UINT32_MAX);
    ck_assert_int_eq(cpuctl_can_offline(root, 0), 1);
    ck_assert_int_eq(cpuctl_can_offline(root, 1), -ENODEV);
    /* … or until it is found gone. */
    write_mask(tree, "present", "0-2");
    cpuctl_state_free(read_state(root));
    ck_assert_int_eq(cpuctl_can_offline(root, 900), -ENODEV);
}
END_TEST

static const struct {
    const char *name, *possible, *present, *online, *offline, *can_offline;
} machines[] = {
    { "arm-A510-A710-A715-X3", "0-7", "0-7", "0-7", "", "0-7" },
    { "armv7", "0-1", "0-1", "0-1", "", "0-1" },
    { "ppc64-POWER7", "0-15", "0-15", "0-15", "", "0-15" },
    { "s390-kvm", "0-63", "0-2", "0-2", "", "0-2" },
    { "s390-nested-virt", "0-1", "0-1", "0-1", "", "0-1" },
    { "vbox-win", "0-1", "0-1", "0-1", "", "1" },
    { "x86_64-64cpu", "0-79", "0-63", "0-63", "", "1-63" },
    { "x86_64-dell_e4310", "0-7", "0-3", "0-3", "", "1-3" },
    { "x86_64-epyc_7451", "0-95", "0-95", "0-95", "", "1-95" },
};

START_TEST(recorded)
{
    _cleanup_(tree_freep) char *tree = NULL;
    _cleanup_free_ char *path = tree_unpack(machines[_i].name, &tree);
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = NULL;
    _cleanup_(cpuctl_state_freep) struct cpuctl_state *state = NULL;
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *can = cpuctl_set_new();
    _cleanup_free_ char *can_text = NULL;

    if (!path)
        unit_skip(TREE_ABSENT);
    root = tree_root(path, false);
    state = read_state(root);
    assert_mask(state, CPUCTL_POSSIBLE, machines[_i].possible);
    assert_mask(state, CPUCTL_PRESENT, machines[_i].present);
    assert_mask(state, CPUCTL_ONLINE, machines[_i].online);
    assert_mask(state, CPUCTL_OFFLINE, machines[_i].offline);
    assert_mask(state, CPUCTL_ISOLATED, "");
    assert_mask(state, CPUCTL_NOHZ_FULL, "");

    cpuctl_set_foreach (cpu, cpuctl_state_get(state, CPUCTL_PRESENT)) {
        int r = cpuctl_can_offline(root, (unsigned int)cpu);

        ck_assert_int_ge(r, 0);
        if (r > 0)
            ck_assert_int_eq(cpuctl_set_add(can, (unsigned int)cpu), 0);
    }
    can_text = cpuctl_set_format_list(can);
    ck_assert_str_eq(can_text, machines[_i].can_offline);
}
END_TEST

START_TEST(live)
{
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root("/", false);
    _cleanup_(cpuctl_state_freep) struct cpuctl_state *state = NULL;
    const struct cpuctl_set *online;

    if (root_exists(root, ROOT_CPU_DIR "/possible") != 1)
        unit_skip("no sysfs here");
    state = read_state(root);
    online = cpuctl_state_get(state, CPUCTL_ONLINE);
    ck_assert_int_eq((int)cpuctl_set_count(online), (int)sysconf(_SC_NPROCESSORS_ONLN));
    ck_assert(cpuctl_set_is_subset(online, cpuctl_state_get(state, CPUCTL_PRESENT)));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("state");
    TCase *made = tcase_create("made"), *real = tcase_create("real");

    tcase_add_test(made, all_masks);
    tcase_add_test(made, missing_files);
    tcase_add_test(made, malformed);
    tcase_add_test(made, changes_meanwhile);
    tcase_add_test(made, can_offline);
    tcase_add_loop_test(real, recorded, 0, ARRAY_SIZE(machines));
    tcase_add_test(real, live);
    tcase_set_timeout(real, 30);
    suite_add_tcase(suite, made);
    suite_add_tcase(suite, real);
    return suite;
}
