/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CPU hotplug as the host sees it: what is reported, and in which order. */
#include "main.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cpuctl.h"
#include "vmm/cpus.h"
#include "vmm/layout.h"
#include "vmm/ost.h"
#include "vmm/vm.h"

#define CPUS 4U

static struct vm vm;
static struct cpu all[CPUS];
static bool running[CPUS]; /* its thread has not ended yet */
static int forget_result, failure;
static bool forgotten;
static char news[4096];

/* ---- in the place of cpus.c and vm-run.c ---- */

struct cpu *cpus_at(struct cpus *cpus, unsigned int index)
{
    (void)cpus;
    return index < CPUS ? &all[index] : NULL;
}

unsigned int cpus_count(const struct cpus *cpus)
{
    (void)cpus;
    return CPUS;
}

int cpus_plug(struct cpus *cpus, unsigned int index, struct cpuctl_error *error)
{
    (void)cpus;
    if (all[index].enabled)
        return cpuctl_error_set(error, -EEXIST, "CPU %u is plugged already", index);
    all[index].enabled = true;
    running[index] = true;
    return 0;
}

void cpus_stop(struct cpus *cpus, struct cpu *cpu)
{
    (void)cpus;
    cpu->parking = true;
}

bool cpus_park(struct cpu *cpu)
{
    if (!cpu->parking || running[cpu->index])
        return false;
    cpu->parking = false;
    cpu->stale = true;
    cpu->phase = CPU_PHASE_DONE;
    return true;
}

int cpus_forget(struct cpu *cpu)
{
    if (!cpu->stale)
        return 0;
    cpu->stale = false;
    forgotten = true;
    return forget_result;
}

void vm_wake(struct vm *of)
{
    ck_assert_ptr_eq(of, &vm);
}

void vm_fail(struct vm *of, int code)
{
    ck_assert_ptr_eq(of, &vm);
    failure = code;
}

/* ---- who hears of it ---- */

static void hear(const char *what, unsigned int index)
{
    snprintf(news + strlen(news), sizeof(news) - strlen(news), "%s%u ", what, index);
}

static void deleted(void *data, unsigned int index)
{
    (void)data;
    hear("deleted", index);
}

static void ost(void *data, unsigned int index, uint32_t source, uint32_t status)
{
    char what[32];

    (void)data;
    snprintf(what, sizeof(what), "ost:%x:%x:", source, status);
    hear(what, index);
}

static void set_line(void *opaque, bool high)
{
    (void)opaque;
    (void)high;
}

static void start(void)
{
    vm = (struct vm){ .ged = { .set_line = set_line } };
    memset(all, 0, sizeof(all));
    for (unsigned int i = 0; i < CPUS; i++) {
        all[i].index = i;
        all[i].enabled = running[i] = i < 3;
    }
    news[0] = '\0';
    forget_result = failure = 0;
    forgotten = false;
    ck_assert_int_eq(hotplug_init(&vm, NULL), 0);
    vm.hotplug.listener = (struct hotplug_listener){ .deleted = deleted, .ost = ost };
}

static void put(unsigned int offset, unsigned int size, uint64_t value)
{
    bus_write(&vm.pio, LAYOUT_CPUHP + offset, size, value);
}

static void say_ost(unsigned int index, uint32_t source, uint32_t status)
{
    put(0, 4, index);
    put(5, 1, CPUHP_COMMAND_OST_EVENT);
    put(8, 4, source);
    put(5, 1, CPUHP_COMMAND_OST_STATUS);
    put(8, 4, status);
}

/* As the guest does it: it takes the event, ejects. */
static void eject(unsigned int index)
{
    put(0, 4, index);
    put(4, 1, CPUHP_REMOVE);
    put(4, 1, CPUHP_EJECT);
}

static void expect(const char *expected)
{
    hotplug_dispatch(&vm);
    ck_assert_str_eq(news, expected);
    news[0] = '\0';
}

/* QEMU's order: the words before the eject, the device's end, the word on the finished eject. */
START_TEST(order_of_a_removal)
{
    start();
    ck_assert_int_eq(hotplug_unplug(&vm, 2, NULL), 0);
    put(0, 4, 2);
    put(4, 1, CPUHP_REMOVE);
    say_ost(2, OST_EJECT_REQUEST, 0x84);
    eject(2);
    say_ost(2, OST_EJECT_REQUEST, 0);
    /* Its thread runs: what comes after its end waits, also what is about others. */
    say_ost(1, OST_DEVICE_CHECK, 0);
    expect("ost:3:84:2 ");
    expect("");
    running[2] = false;
    expect("deleted2 ost:3:0:2 ost:1:0:1 ");
    ck_assert(!all[2].enabled && all[2].phase == CPU_PHASE_DONE);
}
END_TEST

START_TEST(thread_ends_before_the_last_word)
{
    start();
    ck_assert_int_eq(hotplug_unplug(&vm, 2, NULL), 0);
    eject(2);
    running[2] = false;
    expect("deleted2 ");
    say_ost(2, OST_EJECT_REQUEST, 0);
    expect("ost:3:0:2 ");
}
END_TEST

START_TEST(eject_that_is_refused)
{
    start();
    eject(1);
    eject(0);
    expect("");
    ck_assert(all[1].enabled && !all[1].parking);
}
END_TEST

START_TEST(host_calls)
{
    struct cpuctl_error error = { 0 };

    start();
    ck_assert_int_eq(hotplug_unplug(&vm, 0, &error), -EPERM);
    ck_assert_ptr_nonnull(strstr(error.text, "boot CPU"));
    ck_assert_int_eq(hotplug_unplug(&vm, 3, &error), -ENOENT);
    ck_assert_int_eq(hotplug_unplug(&vm, CPUS, &error), -ENOENT);
    ck_assert_int_eq(hotplug_plug(&vm, 1, &error), -EEXIST);
    ck_assert(!all[1].insert_event);
    ck_assert_int_eq(hotplug_plug(&vm, 3, NULL), 0);
    ck_assert(all[3].insert_event && all[3].request == CPU_REQUEST_INSERTION);
    ck_assert_int_eq(hotplug_withdraw(&vm, 1, NULL), 0);
    ck_assert_int_eq(hotplug_unplug(&vm, 1, NULL), 0);
    ck_assert_int_eq(hotplug_withdraw(&vm, 1, NULL), 0);
    ck_assert_int_eq(hotplug_unplug(&vm, 1, NULL), 0);
    put(0, 4, 1);
    put(4, 1, CPUHP_REMOVE);
    ck_assert_int_eq(hotplug_withdraw(&vm, 1, &error), -EALREADY);
    ck_assert_ptr_nonnull(strstr(error.text, "too late"));
    expect("");
}
END_TEST

/* A reset ends what is pending: removals are done, insertions taken. */
START_TEST(reset_completes)
{
    start();
    ck_assert_int_eq(hotplug_plug(&vm, 3, NULL), 0);
    ck_assert_int_eq(hotplug_unplug(&vm, 1, NULL), 0);
    ck_assert_int_eq(hotplug_unplug(&vm, 2, NULL), 0);
    put(0, 4, 2);
    put(4, 1, CPUHP_REMOVE); /* that one the guest has seen */
    running[1] = running[2] = false;
    hotplug_reset(&vm);
    expect("deleted1 deleted2 ");
    ck_assert(all[0].enabled && all[3].enabled && !all[1].enabled && !all[2].enabled);
    ck_assert(!all[3].insert_event && all[3].phase == CPU_PHASE_DONE);
}
END_TEST

/* What the guest has refused stays, although a second request has not been answered. */
START_TEST(reset_after_a_refusal)
{
    start();
    for (int times = 0; times < 2; times++) {
        ck_assert_int_eq(hotplug_unplug(&vm, 1, NULL), 0);
        put(0, 4, 1);
        put(4, 1, CPUHP_REMOVE);
    }
    say_ost(1, OST_EJECT_REQUEST, 0x82);
    hotplug_reset(&vm);
    ck_assert(all[1].enabled);
    /* The next kernel was asked for nothing. */
    eject(1);
    ck_assert(all[1].enabled);
    expect("ost:3:82:1 ");
}
END_TEST

/* A guest that talks without end costs no memory: the oldest words are lost, the end is not. */
START_TEST(flood)
{
    start();
    ck_assert_int_eq(hotplug_unplug(&vm, 2, NULL), 0);
    eject(2);
    for (unsigned int i = 0; i < 10 * HOTPLUG_REPORTS; i++)
        say_ost(1, OST_DEVICE_CHECK, i);
    ck_assert_uint_eq(vm.hotplug.count, HOTPLUG_REPORTS);
    hotplug_dispatch(&vm);
    ck_assert_uint_eq(vm.hotplug.count, 0);
    news[0] = '\0';
    running[2] = false;
    expect("deleted2 ");
}
END_TEST

START_TEST(parking_fails)
{
    start();
    ck_assert_int_eq(hotplug_unplug(&vm, 2, NULL), 0);
    eject(2);
    running[2] = false;
    forget_result = -EIO;
    expect("deleted2 ");
    ck_assert(hotplug_unsettled(&vm) && !forgotten && failure == 0);
    hotplug_settle(&vm);
    ck_assert(!hotplug_unsettled(&vm) && forgotten);
    ck_assert_int_eq(failure, -EIO);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("vmm-hotplug");
    TCase *core = tcase_create("hotplug");

    tcase_add_test(core, order_of_a_removal);
    tcase_add_test(core, thread_ends_before_the_last_word);
    tcase_add_test(core, eject_that_is_refused);
    tcase_add_test(core, host_calls);
    tcase_add_test(core, reset_completes);
    tcase_add_test(core, reset_after_a_refusal);
    tcase_add_test(core, flood);
    tcase_add_test(core, parking_fails);
    suite_add_tcase(suite, core);
    return suite;
}
