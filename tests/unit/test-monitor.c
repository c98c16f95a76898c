/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The hotplug monitor: what a uevent means, what the MADT tells, where there are no events. */
#include "main.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coldplug.h"
#include "monitor.h"
#include "root.h"
#include "tree.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

DEFINE_CLEANUP(struct cpuctl_monitor *, cpuctl_monitor_free);

START_TEST(uevents)
{
    static const struct {
        const char *action, *sysname, *synthetic;
        bool good;
        enum cpuctl_event_type type;
        unsigned int cpu;
    } cases[] = {
        { "add", "cpu3", NULL, true, CPUCTL_EVENT_ADDED, 3 },
        { "remove", "cpu0", NULL, true, CPUCTL_EVENT_REMOVED, 0 },
        { "online", "cpu10", NULL, true, CPUCTL_EVENT_ONLINED, 10 },
        { "offline", "cpu1048575", NULL, true, CPUCTL_EVENT_OFFLINED, 1048575 },
        { "add", "cpu3", "0", false, 0, 0 }, /* udevadm trigger */
        { "online", "cpu1048576", NULL, false, 0, 0 },
        { "online", "cpu99999999999999999999", NULL, false, 0, 0 },
        { "online", "cpu4294967299", NULL, false, 0, 0 },
        { "online", "cpu", NULL, false, 0, 0 },
        { "online", "cpu03", NULL, false, 0, 0 },
        { "online", "cpu3x", NULL, false, 0, 0 },
        { "online", "cpu-3", NULL, false, 0, 0 },
        { "online", "cpu 3", NULL, false, 0, 0 },
        { "online", "CPU3", NULL, false, 0, 0 },
        { "online", "cpufreq", NULL, false, 0, 0 },
        { "online", "", NULL, false, 0, 0 },
        { "online", NULL, NULL, false, 0, 0 },
        { "change", "cpu3", NULL, false, 0, 0 },
        { "bind", "cpu3", NULL, false, 0, 0 },
        { "", "cpu3", NULL, false, 0, 0 },
        { NULL, "cpu3", NULL, false, 0, 0 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        enum cpuctl_event_type type = CPUCTL_EVENT_LOST;
        unsigned int cpu = 77;

        ck_assert_msg(monitor_decode(cases[i].action, cases[i].sysname, cases[i].synthetic, &type,
                                     &cpu) == cases[i].good,
                      "case %zu", i);
        if (cases[i].good) {
            ck_assert_int_eq(type, cases[i].type);
            ck_assert_uint_eq(cpu, cases[i].cpu);
        }
    }
}
END_TEST

#define GICC(uid, flags)                                                                           \
    0x0b, 16, 0, 0, 9, 9, 9, 9, (uid), 0, 0, 0, (flags), 0, 0, 0 /* cut behind the flags */

/* Entries by type: 0 local APIC, 1 I/O APIC, 9 local x2APIC, 0xb GICC. */
static const uint8_t x86[] = {
    0x01, 12, 0, 0,   0,    0, 0xc0, 0xfe, 0, 0, 0, 0,             /* an I/O APIC */
    0x00, 8,  0, 0,   1,    0, 0,    0,                            /* ID 0: enabled */
    0x00, 8,  1, 1,   1,    0, 0,    0,                            /* ID 1: enabled */
    0x00, 8,  2, 2,   0,    0, 0,    0,                            /* ID 2: not */
    0x00, 8,  3, 3,   2,    0, 0,    0,                            /* ID 3: online-capable */
    0x00, 8,  9, 255, 1,    0, 0,    0,                            /* none */
    0x09, 16, 0, 0,   1,    0, 0,    0,    1, 0, 0, 0, 1, 0, 0, 0, /* ID 1 once more */
    0x09, 16, 0, 0,   0x2c, 1, 0,    0,    1, 0, 0, 0, 7, 0, 0, 0, /* ID 300: enabled */
    0x09, 16, 0, 0,   0x2d, 1, 0,    0,    2, 0, 0, 0, 8, 0, 0, 0, /* ID 301: online-capable */
    0x00, 2,                                                       /* too short to say anything */
};
static const uint8_t x2apic_only[] = {
    0x09, 16, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, /* ID 0: enabled */
    0x09, 16, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, /* ID 1: enabled */
    0x09, 16, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, /* ID 2: not */
};
static const uint8_t arm[] = { GICC(0, 1), GICC(5, 8), GICC(6, 1) };

static size_t make_madt(uint8_t *table, const uint8_t *entries, size_t n)
{
    memset(table, 0, 44);
    memcpy(table, "APIC", 4);
    table[4] = (uint8_t)(44 + n);
    memcpy(table + 44, entries, n);
    return 44 + n;
}

START_TEST(madt)
{
    uint8_t table[256];
    size_t size = make_madt(table, x86, sizeof(x86));

    ck_assert_int_eq(madt_count_x86(table, size), 3);
    ck_assert_int_eq(madt_gicc_is_enabled(table, size, 0), -ENODATA);
    size = make_madt(table, x2apic_only, sizeof(x2apic_only));
    ck_assert_int_eq(madt_count_x86(table, size), 2);
    size = make_madt(table, arm, sizeof(arm));
    ck_assert_int_eq(madt_count_x86(table, size), 0);
    ck_assert_int_eq(madt_gicc_is_enabled(table, size, 0), 1);
    ck_assert_int_eq(madt_gicc_is_enabled(table, size, 5), 0);
    ck_assert_int_eq(madt_gicc_is_enabled(table, size, 6), 1);
    ck_assert_int_eq(madt_gicc_is_enabled(table, size, 7), -ENODATA);
    size = make_madt(table, arm, 0);
    ck_assert_int_eq(madt_count_x86(table, size), 0);
}
END_TEST

START_TEST(damaged_madt)
{
    uint8_t table[256];
    size_t size = make_madt(table, x86, sizeof(x86));

    /* cut anywhere: never a read past the end */
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *copy = malloc(cut ? cut : 1);

        memcpy(copy, table, cut);
        ck_assert_int_eq(madt_count_x86(copy, cut), -EBADMSG);
        ck_assert_int_eq(madt_gicc_is_enabled(copy, cut, 0), -EBADMSG);
        if (cut > 4) { /* also when the header agrees: only the entries' ends may be the table's */
            copy[4] = (uint8_t)cut;
            ck_assert_int_le(madt_count_x86(copy, cut), 3);
            ck_assert_int_lt(madt_gicc_is_enabled(copy, cut, 0), 0);
        }
        free(copy);
    }
    table[44 + 1] = 0; /* an entry that does not move on */
    ck_assert_int_eq(madt_count_x86(table, size), -EBADMSG);
    table[44 + 1] = 255;
    ck_assert_int_eq(madt_count_x86(table, size), -EBADMSG);
    make_madt(table, x86, sizeof(x86));
    table[0] = 'B';
    ck_assert_int_eq(madt_count_x86(table, size), -EBADMSG);
}
END_TEST

START_TEST(cold_or_hot)
{
    _cleanup_(tree_freep) char *tree = tree_new();
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, false);
    uint8_t table[256];
    size_t size = make_madt(table, x86, sizeof(x86));

    ck_assert_int_eq(coldplug_was_enabled(root, table, size, 2), 1);
    ck_assert_int_eq(coldplug_was_enabled(root, table, size, 3), 0);
    ck_assert_int_eq(coldplug_was_enabled(root, table, 40, 0), -EBADMSG);

    size = make_madt(table, arm, sizeof(arm));
    tree_write(tree, "sys/devices/LNXSYSTM:00/ACPI0007:00/uid", "5\n");
    tree_link(tree, ROOT_CPU_DIR "/cpu0/firmware_node", "../../../LNXSYSTM:00/ACPI0007:00");
    tree_write(tree, ROOT_CPU_DIR "/cpu1/firmware_node/uid", "6\n");
    tree_write(tree, ROOT_CPU_DIR "/cpu2/firmware_node/uid", "CPU2\n");
    tree_write(tree, ROOT_CPU_DIR "/cpu3/firmware_node/uid", "-1\n");
    tree_write(tree, ROOT_CPU_DIR "/cpu4/firmware_node/uid", "4294967296\n");
    ck_assert_int_eq(coldplug_was_enabled(root, table, size, 0), 0);
    ck_assert_int_eq(coldplug_was_enabled(root, table, size, 1), 1);
    ck_assert_int_eq(coldplug_was_enabled(root, table, size, 2), -EBADMSG);
    ck_assert_int_eq(coldplug_was_enabled(root, table, size, 3), -ENODATA);
    ck_assert_int_eq(coldplug_was_enabled(root, table, size, 4), -ENODATA);
    ck_assert_int_eq(coldplug_was_enabled(root, table, size, 5), -ENOENT);
}
END_TEST

START_TEST(no_events_in_a_tree)
{
    _cleanup_(tree_freep) char *tree = tree_new();
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, true);
    struct cpuctl_monitor *monitor = NULL;
    struct cpuctl_error error = { 0 };

    ck_assert_int_eq(cpuctl_monitor_new(root, &monitor, &error), -EROFS);
    ck_assert_ptr_null(monitor);
    ck_assert_ptr_nonnull(strstr(error.text, "recorded tree"));
}
END_TEST

START_TEST(live_and_quiet)
{
    _cleanup_(cpuctl_monitor_freep) struct cpuctl_monitor *monitor = NULL;
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = NULL;
    struct cpuctl_error error = { 0 };
    struct cpuctl_event event;
    int r;

    ck_assert_int_eq(cpuctl_root_open(NULL, &root, &error), 0);
    r = cpuctl_monitor_new(root, &monitor, &error);
    if (r < 0)
        unit_skip("%s", error.text);
    ck_assert_int_ge(cpuctl_monitor_fd(monitor), 0);
    ck_assert_int_eq(cpuctl_monitor_next(monitor, &event), 0);
    ck_assert(!cpuctl_monitor_is_hot(monitor, CPUCTL_CPUS_MAX - 1));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("monitor");
    TCase *tests = tcase_create("monitor");

    tcase_add_test(tests, uevents);
    tcase_add_test(tests, madt);
    tcase_add_test(tests, damaged_madt);
    tcase_add_test(tests, cold_or_hot);
    tcase_add_test(tests, no_events_in_a_tree);
    tcase_add_test(tests, live_and_quiet);
    suite_add_tcase(suite, tests);
    return suite;
}
