/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The agent's log: what a host wrote is made harmless, held back while frozen, and bounded. */
#include "main.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/audit.h"
#include "agent/events.h"
#include "agent/log.h"
#include "libcpuctl/cleanup.h"
#include "tree.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
    const char *text;
    size_t length, room;
    const char *expected;
} escapes[] = {
    { "guest-ping", 10, 32, "guest-ping" },
    { "a\nb\x1b[2J", 7, 32, "a\\x0ab\\x1b[2J" },
    { "back\\slash", 10, 32, "back\\x5cslash" },
    { "\xff\x00z", 3, 32, "\\xff\\x00z" },
    { "\xc3\xa4", 2, 32, "\\xc3\\xa4" },
    { "", 0, 8, "" },
    { "1234567", 7, 8, "1234567" },
    { "12345678", 8, 8, "1234..." },
    { "123456\n", 7, 8, "1234..." },
    { "abc", 3, 1, "" },
    { "a\nb", 3, 7, "a\\x0ab" },
    { "a\nb", 3, 6, "a..." },
};

START_TEST(escape)
{
    char out[64];

    memset(out, 'X', sizeof(out));
    log_escape(out, escapes[_i].room, escapes[_i].text, escapes[_i].length);
    ck_assert_str_eq(out, escapes[_i].expected);
    ck_assert_int_eq(out[escapes[_i].room], 'X');
}
END_TEST

/* A log file in a tree of its own. */
static void open_log(const char *tree, bool verbose)
{
    struct cpuctl_error error = { 0 };
    _cleanup_free_ char *file = NULL;

    ck_assert_int_gt(asprintf(&file, "%s/log", tree), 0);
    ck_assert_msg(log_open(file, verbose, &error) == 0, "%s", error.text);
}

static unsigned int count(const char *text, const char *part)
{
    unsigned int n = 0;

    while ((text = strstr(text, part))) {
        n++;
        text += strlen(part);
    }
    return n;
}

START_TEST(levels)
{
    _cleanup_(tree_freep) char *tree = tree_new();
    _cleanup_free_ char *text = NULL;

    open_log(tree, false);
    log_write(LOG_INFO, "one %d", 1);
    log_write(LOG_DEBUG, "unseen");
    log_close();
    text = tree_read(tree, "log");
    ck_assert_ptr_nonnull(strstr(text, "Z cpuctl-agent: info: one 1\n"));
    ck_assert_uint_eq(count(text, "\n"), 1);
}
END_TEST

START_TEST(long_message)
{
    _cleanup_(tree_freep) char *tree = tree_new();
    _cleanup_free_ char *text = NULL;
    char message[4000];

    open_log(tree, false);
    memset(message, 'm', sizeof(message) - 1);
    message[sizeof(message) - 1] = '\0';
    log_record(LOG_ERR, NULL, 0, message);
    log_close();
    text = tree_read(tree, "log");
    ck_assert_uint_lt(strlen(text), LOG_TEXT_MAX + 64);
    ck_assert_int_eq(text[strlen(text) - 1], '\n');
}
END_TEST

START_TEST(held_back)
{
    _cleanup_(tree_freep) char *tree = tree_new();
    _cleanup_free_ char *during = NULL, *after = NULL;

    open_log(tree, false);
    log_hold(true);
    for (unsigned int i = 0; i < LOG_HELD_MAX + 10; i++)
        log_write(LOG_INFO, "held %u.", i);
    during = tree_read(tree, "log");
    ck_assert_str_eq(during, "");
    log_hold(false);
    log_write(LOG_INFO, "at once");
    after = tree_read(tree, "log");
    ck_assert_uint_eq(count(after, ": held "), LOG_HELD_MAX);
    ck_assert_ptr_nonnull(strstr(after, "held 0."));
    ck_assert_ptr_nonnull(strstr(after, "10 messages were dropped while the log was held back"));
    ck_assert_ptr_nonnull(strstr(after, "at once"));
    log_close();
}
END_TEST

START_TEST(held_back_at_the_end)
{
    _cleanup_(tree_freep) char *tree = tree_new();
    _cleanup_free_ char *text = NULL;

    open_log(tree, false);
    log_write(LOG_INFO, "before");
    log_hold(true);
    log_write(LOG_INFO, "during");
    log_close();
    text = tree_read(tree, "log");
    ck_assert_uint_eq(count(text, "before"), 1);
    ck_assert_uint_eq(count(text, "during"), 0);
    /* Nothing of it is left for the next log. */
    open_log(tree, false);
    log_write(LOG_INFO, "after");
    log_close();
    free(text);
    text = tree_read(tree, "log");
    ck_assert_uint_eq(count(text, "after"), 1);
    ck_assert_uint_eq(count(text, "during"), 0);
}
END_TEST

START_TEST(host_is_bounded)
{
    _cleanup_(tree_freep) char *tree = tree_new();
    _cleanup_free_ char *text = NULL;

    open_log(tree, false);
    for (unsigned int i = 0; i < 10 * LOG_HOST_BURST; i++)
        log_host(LOG_WARNING, "provoked");
    log_write(LOG_INFO, "ours");
    log_close();
    text = tree_read(tree, "log");
    ck_assert_uint_le(count(text, "provoked"), LOG_HOST_BURST);
    ck_assert_uint_ge(count(text, "provoked"), 1);
    ck_assert_uint_eq(count(text, "ours"), 1);
}
END_TEST

START_TEST(audit)
{
    _cleanup_(tree_freep) char *tree = tree_new();
    _cleanup_free_ char *text = NULL;
    struct events events = { 0 };
    const struct cpuctl_result results[] = {
        { .cpu = 3, .online = true, .outcome = CPUCTL_DONE, .duration_usec = 1500 },
        { .cpu = 4, .outcome = CPUCTL_ALREADY },
        { .cpu = 5, .outcome = CPUCTL_REFUSED, .code = -EBUSY, .reason = "it is in use" },
    };

    open_log(tree, false);
    for (size_t i = 0; i < ARRAY_SIZE(results); i++)
        audit_change(&events, REQUESTER_HOST, &results[i]);
    log_close();
    text = tree_read(tree, "log");
    ck_assert_ptr_nonnull(strstr(text, "info: CPU 3 online for the host: done in 1500 us\n"));
    ck_assert_ptr_nonnull(strstr(text, "warning: CPU 5 offline for the host: refused"));
    ck_assert_ptr_nonnull(strstr(text, ": it is in use\n"));
    /* What was so already is no change. */
    ck_assert_ptr_null(strstr(text, "CPU 4"));
    ck_assert_uint_eq(events_count(&events), 2);
    ck_assert_str_eq(events_get(&events, 1)->reason, "it is in use");
    ck_assert_str_eq(events_get(&events, 1)->requester, "host");
    events_done(&events);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("agent-log");
    TCase *core = tcase_create("log");

    tcase_add_loop_test(core, escape, 0, ARRAY_SIZE(escapes));
    tcase_add_test(core, levels);
    tcase_add_test(core, long_message);
    tcase_add_test(core, held_back);
    tcase_add_test(core, held_back_at_the_end);
    tcase_add_test(core, host_is_bounded);
    tcase_add_test(core, audit);
    suite_add_tcase(suite, core);
    return suite;
}
