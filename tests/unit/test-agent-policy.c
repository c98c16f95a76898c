/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a host may do: min-online, the rate of changes; which hot-added CPUs come online; the ring.
 */
#include "main.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config.h"
#include "agent/events.h"
#include "agent/policy.h"
#include "cpuset.h"

#define SECOND 1000000ULL

static struct cpuctl_set *set_of(const char *list)
{
    struct cpuctl_set *set = NULL;

    ck_assert_int_eq(cpuctl_set_parse_list(list, 0, &set, NULL), 0);
    return set;
}

START_TEST(min_online)
{
    const struct config config = { .min_online = 3, .change_interval = 60 };
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *four = set_of("0-3"), *three = set_of("0,2,5");
    struct cpuctl_error error = { 0 };
    struct policy policy;

    policy_init(&policy, &config, 0);
    ck_assert_int_eq(policy_check(&policy, four, 3, false, 0, &error), 0);
    ck_assert_int_eq(policy_check(&policy, three, 5, false, 0, &error), -EPERM);
    ck_assert_msg(strstr(error.text, "CPU 5 stays online: 3 CPUs are online"), "%s", error.text);
    ck_assert_ptr_nonnull(strstr(error.text, "min-online in the guest's agent.conf is 3"));
    /* What is offline already may stay so, and more is always welcome. */
    ck_assert_int_eq(policy_check(&policy, three, 1, false, 0, &error), 0);
    ck_assert_int_eq(policy_check(&policy, three, 1, true, 0, &error), 0);
    ck_assert_int_eq(policy_check_count(&policy, 3, &error), 0);
    ck_assert_int_eq(policy_check_count(&policy, 2, &error), -EPERM);
}
END_TEST

START_TEST(rate)
{
    const struct config config = { .min_online = 1, .max_changes = 4, .change_interval = 60 };
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *online = set_of("0-9");
    struct cpuctl_error error = { 0 };
    uint64_t now = 1000 * SECOND;
    struct policy policy;

    policy_init(&policy, &config, now);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(policy_check(&policy, online, 3, false, now, &error), 0);
        policy_charge(&policy, now);
    }
    ck_assert_int_eq(policy_check(&policy, online, 3, false, now, &error), -EAGAIN);
    ck_assert_msg(strstr(error.text, "allows 4 changes in 60 seconds"), "%s", error.text);
    ck_assert_ptr_nonnull(strstr(error.text, "in 15000 ms"));
    /* What changes nothing is free. */
    ck_assert_int_eq(policy_check(&policy, online, 3, true, now, &error), 0);
    /* One comes back each quarter of the interval. */
    ck_assert_int_eq(policy_check(&policy, online, 3, false, now + 15 * SECOND - 1, &error),
                     -EAGAIN);
    ck_assert_int_eq(policy_check(&policy, online, 3, false, now + 15 * SECOND, &error), 0);
    policy_charge(&policy, now + 15 * SECOND);
    ck_assert_int_eq(policy_check(&policy, online, 3, false, now + 15 * SECOND, &error), -EAGAIN);
    /* Never more than the number at once, however long it was quiet; a clock that stands is none.
     */
    now += 100000 * SECOND;
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(policy_check(&policy, online, 3, false, now, &error), 0);
        policy_charge(&policy, now);
    }
    ck_assert_int_eq(policy_check(&policy, online, 3, false, now - SECOND, &error), -EAGAIN);
}
END_TEST

START_TEST(rate_in_the_long_run)
{
    const struct config config = { .min_online = 1, .max_changes = 7, .change_interval = 10 };
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *online = set_of("0-9");
    unsigned int done = 0;
    struct policy policy;

    policy_init(&policy, &config, 0);
    for (uint64_t now = 0; now < 1000 * SECOND; now += SECOND / 20)
        if (policy_check(&policy, online, 1, false, now, NULL) == 0) {
            policy_charge(&policy, now);
            done++;
        }
    /* 100 intervals of 7, and the full bucket at the start. */
    ck_assert_uint_le(done, 707);
    ck_assert_uint_ge(done, 690);
}
END_TEST

START_TEST(no_limit)
{
    const struct config config = { .min_online = 1, .change_interval = 60 };
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *online = set_of("0-9");
    struct policy policy;

    policy_init(&policy, &config, 0);
    for (int i = 0; i < 100000; i++) {
        ck_assert_int_eq(policy_check(&policy, online, 1, false, 0, NULL), 0);
        policy_charge(&policy, 0);
    }
}
END_TEST

START_TEST(hot_added)
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *choice = set_of("4"), *some = set_of("4-5");
    struct config config = { .hotplug = HOTPLUG_ONLINE, .change_interval = 60 };
    struct policy policy;

    policy_init(&policy, &config, 0);
    ck_assert(policy_wants_hot(&policy, 3, choice));
    ck_assert(policy_wants_hot(&policy, 4, NULL));
    ck_assert(!policy_wants_hot(&policy, 4, choice));
    config.hotplug = HOTPLUG_IGNORE;
    ck_assert(!policy_wants_hot(&policy, 3, NULL));
    config.hotplug = HOTPLUG_LIST;
    config.hotplug_cpus = some;
    ck_assert(policy_wants_hot(&policy, 5, choice));
    ck_assert(!policy_wants_hot(&policy, 4, choice));
    ck_assert(!policy_wants_hot(&policy, 3, NULL));
}
END_TEST

START_TEST(ring)
{
    struct event_record record = { .type = CPUCTL_EVENT_ADDED };
    struct events events = { 0 };

    ck_assert_uint_eq(events_count(&events), 0);
    ck_assert_ptr_null(events_get(&events, 0));
    for (unsigned int i = 1; i <= 3 * EVENTS_MAX + 5; i++) {
        record.cpu = i;
        events_add(&events, &record);
        ck_assert_uint_eq(events_count(&events), i < EVENTS_MAX ? i : EVENTS_MAX);
    }
    for (unsigned int i = 0; i < EVENTS_MAX; i++) {
        const struct event_record *event = events_get(&events, i);

        ck_assert_uint_eq(event->number, 2 * EVENTS_MAX + 6 + i);
        ck_assert_uint_eq(event->cpu, event->number);
    }
    ck_assert_ptr_null(events_get(&events, EVENTS_MAX));
    events_done(&events);
    ck_assert_uint_eq(events_count(&events), 0);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("agent-policy");
    TCase *core = tcase_create("policy");

    tcase_add_test(core, min_online);
    tcase_add_test(core, rate);
    tcase_add_test(core, rate_in_the_long_run);
    tcase_add_test(core, no_limit);
    tcase_add_test(core, hot_added);
    tcase_add_test(core, ring);
    suite_add_tcase(suite, core);
    return suite;
}
