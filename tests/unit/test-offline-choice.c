/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The operator's offline choice: absent, malformed, changed, and never half written. */
#include "main.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cpuset.h"
#include "root.h"
#include "tree.h"

static struct cpuctl_root *open_tree(const char *tree, bool writable)
{
    struct cpuctl_root *root = NULL;

    ck_assert_int_eq(cpuctl_root_open(tree, &root, NULL), 0);
    if (writable)
        root_allow_writes(root);
    return root;
}

static struct cpuctl_set *list(const char *text)
{
    struct cpuctl_set *set = NULL;

    ck_assert_int_eq(cpuctl_set_parse_list(text, 0, &set, NULL), 0);
    return set;
}

static void assert_choice(struct cpuctl_root *root, const char *path, const char *expected)
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *set = NULL;
    _cleanup_free_ char *text = NULL;
    struct cpuctl_error error = { 0 };

    ck_assert_msg(cpuctl_offline_choice_read(root, path, &set, &error) == 0, "%s", error.text);
    text = cpuctl_set_format_list(set);
    ck_assert_str_eq(text, expected);
}

START_TEST(no_file_is_no_choice)
{
    _cleanup_(tree_freep) char *tree = tree_new();
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = open_tree(tree, false);

    assert_choice(root, NULL, "");
    tree_write(tree, "var/lib/cpuctl/offline", "\n");
    assert_choice(root, NULL, "");
}
END_TEST

START_TEST(changes_are_kept)
{
    _cleanup_(tree_freep) char *tree = tree_new();
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = open_tree(tree, true);
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *some = list("2-5,9");
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *others = list("3,200");
    _cleanup_free_ char *text = NULL;

    /* The directories are made on the way. */
    ck_assert_int_eq(cpuctl_offline_choice_change(root, NULL, some, NULL, NULL), 1);
    assert_choice(root, NULL, "2-5,9");
    ck_assert_int_eq(cpuctl_offline_choice_change(root, NULL, some, NULL, NULL), 0);
    ck_assert_int_eq(cpuctl_offline_choice_change(root, NULL, NULL, others, NULL), 1);
    assert_choice(root, NULL, "2,4-5,9");
    ck_assert_int_eq(cpuctl_offline_choice_change(root, NULL, others, some, NULL), 1);
    ck_assert_int_gt(cpuctl_root_read(root, CPUCTL_OFFLINE_CHOICE_PATH, 100, &text, NULL), 0);
    ck_assert_str_eq(text, "200\n");
    assert_choice(root, "elsewhere", "");
    ck_assert_int_eq(cpuctl_offline_choice_change(root, "elsewhere", some, NULL, NULL), 1);
    assert_choice(root, "elsewhere", "2-5,9");
}
END_TEST

START_TEST(leftover_of_a_crash)
{
    _cleanup_(tree_freep) char *tree = tree_new();
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = open_tree(tree, true);
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *some = list("7");

    tree_write(tree, "var/lib/cpuctl/offline", "1\n");
    tree_write(tree, "var/lib/cpuctl/offline.new", "half a fi");
    assert_choice(root, NULL, "1");
    ck_assert_int_eq(cpuctl_offline_choice_change(root, NULL, some, NULL, NULL), 1);
    assert_choice(root, NULL, "1,7");
    ck_assert_int_eq(root_exists(root, "var/lib/cpuctl/offline.new"), 0);
}
END_TEST

START_TEST(malformed_is_refused_and_kept)
{
    _cleanup_(tree_freep) char *tree = tree_new();
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = open_tree(tree, true);
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *some = list("7"), *read = NULL;
    _cleanup_free_ char *text = NULL;
    struct cpuctl_error error = { 0 };

    tree_write(tree, "var/lib/cpuctl/offline", "1-x\n");
    ck_assert_int_eq(cpuctl_offline_choice_read(root, NULL, &read, &error), -EBADMSG);
    ck_assert_ptr_null(read);
    ck_assert_ptr_nonnull(strstr(error.text, "var/lib/cpuctl/offline"));
    ck_assert_int_eq(cpuctl_offline_choice_change(root, NULL, some, NULL, &error), -EBADMSG);
    ck_assert_int_gt(cpuctl_root_read(root, CPUCTL_OFFLINE_CHOICE_PATH, 100, &text, NULL), 0);
    ck_assert_str_eq(text, "1-x\n");
}
END_TEST

START_TEST(recorded_tree_is_not_changed)
{
    _cleanup_(tree_freep) char *tree = tree_new();
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = open_tree(tree, false);
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *some = list("7");
    struct cpuctl_error error = { 0 };

    ck_assert_int_eq(cpuctl_offline_choice_change(root, NULL, some, NULL, &error), -EROFS);
    ck_assert_int_eq(root_exists(root, "var"), 0);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("offline-choice");
    TCase *core = tcase_create("offline-choice");

    tcase_add_test(core, no_file_is_no_choice);
    tcase_add_test(core, changes_are_kept);
    tcase_add_test(core, leftover_of_a_crash);
    tcase_add_test(core, malformed_is_refused_and_kept);
    tcase_add_test(core, recorded_tree_is_not_changed);
    suite_add_tcase(suite, core);
    return suite;
}
