/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the host took offline is kept over a restart, distrusted when read, and not written while
 * frozen. */
#include "main.h"

#include <stdlib.h>
#include <string.h>

#include "agent/host-offline.h"
#include "agent/log.h"
#include "libcpuctl/cleanup.h"
#include "libcpuctl/cpuctl.h"
#include "tree.h"

DEFINE_CLEANUP(struct cpuctl_root *, cpuctl_root_free);
DEFINE_CLEANUP(struct cpuctl_set *, cpuctl_set_free);

static const char file[] = "run/cpuctl-agent/host-offline";

static void start(struct host_offline *host, struct cpuctl_root *root)
{
    *host = (struct host_offline){ 0 };
    ck_assert_int_eq(host_offline_init(host, root), 0);
}

static void assert_file(const char *tree, const char *expected)
{
    _cleanup_free_ char *text = tree_read(tree, file);

    ck_assert_str_eq(text, expected);
}

START_TEST(kept_over_a_restart)
{
    _cleanup_(tree_freep) char *tree = tree_new();
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, true);
    _cleanup_(host_offline_done) struct host_offline before = { 0 };
    _cleanup_(host_offline_done) struct host_offline after = { 0 };

    start(&before, root);
    ck_assert(!host_offline_has(&before, 3));
    host_offline_add(&before, 3);
    host_offline_add(&before, 1);
    host_offline_add(&before, 2);
    assert_file(tree, "1-3\n");
    host_offline_remove(&before, 1);
    host_offline_remove(&before, 7);
    assert_file(tree, "2-3\n");

    start(&after, root);
    ck_assert(!host_offline_has(&after, 1));
    ck_assert(host_offline_has(&after, 2));
    ck_assert(host_offline_has(&after, 3));
}
END_TEST

START_TEST(only_what_is_offline_now)
{
    _cleanup_(tree_freep) char *tree = tree_new();
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, true);
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *offline = NULL;
    _cleanup_(host_offline_done) struct host_offline host = { 0 };

    tree_write(tree, file, "1-3,65000\n");
    start(&host, root);
    ck_assert_int_eq(cpuctl_set_parse_list("2,5", 0, &offline, NULL), 0);
    host_offline_keep(&host, offline);
    ck_assert(host_offline_has(&host, 2));
    ck_assert(!host_offline_has(&host, 1));
    ck_assert(!host_offline_has(&host, 5));
    assert_file(tree, "2\n");
}
END_TEST

START_TEST(nothing_is_written_while_held)
{
    _cleanup_(tree_freep) char *tree = tree_new();
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, true);
    _cleanup_(host_offline_done) struct host_offline host = { 0 };

    start(&host, root);
    host_offline_add(&host, 4);
    host_offline_add(&host, 5);
    host_offline_hold(&host, true);
    host_offline_remove(&host, 4);
    host_offline_add(&host, 9);
    assert_file(tree, "4-5\n");
    ck_assert(!host_offline_has(&host, 4));
    host_offline_hold(&host, false);
    assert_file(tree, "5,9\n");
}
END_TEST

static const char *const malformed[] = { "1-x\n", "0-99999999\n", "\n" };

START_TEST(malformed_is_empty)
{
    _cleanup_(tree_freep) char *tree = tree_new();
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, true);
    _cleanup_(host_offline_done) struct host_offline host = { 0 };

    tree_write(tree, file, "%s", malformed[_i]);
    start(&host, root);
    for (unsigned int cpu = 0; cpu < 4; cpu++)
        ck_assert(!host_offline_has(&host, cpu));
}
END_TEST

START_TEST(a_failure_to_write_is_logged_once)
{
    _cleanup_(tree_freep) char *tree = tree_new();
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, false);
    _cleanup_(host_offline_done) struct host_offline host = { 0 };
    _cleanup_free_ char *log = NULL, *text = NULL;
    const char *said;

    ck_assert_int_gt(asprintf(&log, "%s/log", tree), 0);
    ck_assert_int_eq(log_open(log, false, NULL), 0);
    start(&host, root);
    host_offline_add(&host, 1);
    host_offline_add(&host, 2);
    ck_assert(host_offline_has(&host, 1) && host_offline_has(&host, 2));
    log_close();
    text = tree_read(tree, "log");
    said = strstr(text, "will not know which CPUs the host took offline");
    ck_assert_ptr_nonnull(said);
    ck_assert_ptr_null(strstr(said + 1, "will not know"));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("agent-host-offline");
    TCase *core = tcase_create("host-offline");

    tcase_add_test(core, kept_over_a_restart);
    tcase_add_test(core, only_what_is_offline_now);
    tcase_add_test(core, nothing_is_written_while_held);
    tcase_add_loop_test(core, malformed_is_empty, 0,
                        (int)(sizeof(malformed) / sizeof(malformed[0])));
    tcase_add_test(core, a_failure_to_write_is_logged_once);
    suite_add_tcase(suite, core);
    return suite;
}
