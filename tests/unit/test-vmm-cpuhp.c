/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CPU hotplug controller's registers, what is asked about a CPU, and what _OST codes mean. */
#include "main.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "vmm/cpu-request.h"
#include "vmm/cpuhp.h"
#include "vmm/cpus.h"
#include "vmm/layout.h"
#include "vmm/ost.h"

#define CPUS 5U

/* A machine: CPU 0 and 1 are plugged. Ejects and _OSTs are counted, and act as in cpus.c. */
struct machine {
    struct cpuhp hp;
    struct cpu cpus[CPUS];
    unsigned int ejects, refused, osts;
    uint32_t ost_index, ost_source, ost_status;
};

static struct cpu *at(void *opaque, unsigned int index)
{
    struct machine *machine = opaque;

    ck_assert_uint_lt(index, CPUS);
    return &machine->cpus[index];
}

static void eject(void *opaque, unsigned int index)
{
    struct machine *machine = opaque;

    if (removal_eject(&machine->cpus[index]) < 0)
        machine->refused++;
    else
        machine->ejects++;
}

static void ost(void *opaque, unsigned int index, uint32_t source, uint32_t status)
{
    struct machine *machine = opaque;

    cpu_request_ost(&machine->cpus[index], source, status);
    machine->osts++;
    machine->ost_index = index;
    machine->ost_source = source;
    machine->ost_status = status;
}

static const struct cpuhp_ops ops = { .at = at, .eject = eject, .ost = ost };

static void setup(struct machine *machine)
{
    *machine = (struct machine){ .hp = { .count = CPUS, .ops = &ops, .opaque = machine } };
    for (unsigned int i = 0; i < CPUS; i++)
        machine->cpus[i] = (struct cpu){ .index = i, .apic_id = 0x100 * i, .enabled = i < 2 };
}

static uint64_t get(struct machine *machine, uint64_t offset, unsigned int size)
{
    return cpuhp_bus_ops.read(&machine->hp, offset, size);
}

static void put(struct machine *machine, uint64_t offset, unsigned int size, uint64_t value)
{
    cpuhp_bus_ops.write(&machine->hp, offset, size, value);
}

static void select_cpu(struct machine *machine, uint32_t index)
{
    put(machine, 0, 4, index);
}

static void say_ost(struct machine *machine, uint32_t index, uint32_t source, uint32_t status)
{
    select_cpu(machine, index);
    put(machine, 5, 1, CPUHP_COMMAND_OST_EVENT);
    put(machine, 8, 4, source);
    put(machine, 5, 1, CPUHP_COMMAND_OST_STATUS);
    put(machine, 8, 4, status);
}

START_TEST(block_is_detected)
{
    struct machine machine;

    /* As QEMU's specification has firmware do it: select 0, command 0, data 2 reads 0. */
    setup(&machine);
    select_cpu(&machine, 0);
    put(&machine, 5, 1, CPUHP_COMMAND_NEXT);
    ck_assert_uint_eq(get(&machine, 0, 4), 0);
    ck_assert_uint_eq(get(&machine, 8, 4), 0);
    ck_assert_uint_eq(get(&machine, 4, 1), CPUHP_ENABLED);
}
END_TEST

START_TEST(flags_follow_the_cpu)
{
    struct machine machine;

    setup(&machine);
    select_cpu(&machine, 3);
    ck_assert_uint_eq(get(&machine, 4, 1), 0);
    machine.cpus[3].enabled = true;
    machine.cpus[3].insert_event = true;
    ck_assert_uint_eq(get(&machine, 4, 1), CPUHP_ENABLED | CPUHP_INSERT);
    machine.cpus[3].remove_event = true;
    ck_assert_uint_eq(get(&machine, 4, 1), CPUHP_ENABLED | CPUHP_INSERT | CPUHP_REMOVE);
    /* Each acknowledgement clears its own event; bit 0 and bits 5 to 7 do nothing. */
    put(&machine, 4, 1, 0xe1);
    ck_assert_uint_eq(get(&machine, 4, 1), CPUHP_ENABLED | CPUHP_INSERT | CPUHP_REMOVE);
    put(&machine, 4, 1, CPUHP_INSERT);
    ck_assert_uint_eq(get(&machine, 4, 1), CPUHP_ENABLED | CPUHP_REMOVE);
    put(&machine, 4, 1, CPUHP_REMOVE);
    ck_assert_uint_eq(get(&machine, 4, 1), CPUHP_ENABLED);
    /* There is no firmware that an eject could be handed to. */
    put(&machine, 4, 1, CPUHP_FIRMWARE);
    ck_assert_uint_eq(get(&machine, 4, 1), CPUHP_ENABLED);
}
END_TEST

START_TEST(apic_id_of_the_selected)
{
    struct machine machine;

    setup(&machine);
    put(&machine, 5, 1, CPUHP_COMMAND_ARCH_ID);
    for (uint32_t i = 0; i < CPUS; i++) {
        select_cpu(&machine, i);
        ck_assert_uint_eq(get(&machine, 8, 4), 0x100 * i);
        ck_assert_uint_eq(get(&machine, 0, 4), 0);
    }
    /* The other commands have no data to read. */
    put(&machine, 5, 1, CPUHP_COMMAND_OST_EVENT);
    ck_assert_uint_eq(get(&machine, 8, 4), 0);
    put(&machine, 5, 1, CPUHP_COMMAND_OST_STATUS);
    ck_assert_uint_eq(get(&machine, 8, 4), 0);
}
END_TEST

START_TEST(next_searches_from_the_selector_and_wraps)
{
    struct machine machine;

    setup(&machine);
    machine.cpus[1].remove_event = true;
    machine.cpus[3].insert_event = true;
    select_cpu(&machine, 2);
    put(&machine, 5, 1, CPUHP_COMMAND_NEXT);
    ck_assert_uint_eq(get(&machine, 8, 4), 3);
    /* Not acknowledged: the search stays. */
    put(&machine, 5, 1, CPUHP_COMMAND_NEXT);
    ck_assert_uint_eq(get(&machine, 8, 4), 3);
    put(&machine, 4, 1, CPUHP_INSERT);
    put(&machine, 5, 1, CPUHP_COMMAND_NEXT);
    ck_assert_uint_eq(get(&machine, 8, 4), 1);
    put(&machine, 4, 1, CPUHP_REMOVE);
    /* Nobody has an event: nothing changes. */
    select_cpu(&machine, 4);
    put(&machine, 5, 1, CPUHP_COMMAND_NEXT);
    ck_assert_uint_eq(get(&machine, 8, 4), 4);
}
END_TEST

/* What the DSDT's scan does. Returns how many events it handled. */
static unsigned int scan(struct machine *machine, char *notified)
{
    unsigned int rounds = 0;

    for (bool more = true; more; rounds++) {
        uint64_t flags;

        put(machine, 5, 1, CPUHP_COMMAND_NEXT);
        flags = get(machine, 4, 1);
        more = flags & (CPUHP_INSERT | CPUHP_REMOVE);
        if (more) {
            notified[get(machine, 8, 4)] |= flags & CPUHP_INSERT ? 1 : 3;
            put(machine, 4, 1, flags & CPUHP_INSERT ? CPUHP_INSERT : CPUHP_REMOVE);
        }
        ck_assert_uint_le(rounds, 2 * CPUS);
    }
    return rounds - 1;
}

START_TEST(scan_handles_every_event_once)
{
    struct machine machine;
    char notified[CPUS] = { 0 };

    setup(&machine);
    for (unsigned int i = 0; i < CPUS; i++)
        machine.cpus[i].insert_event = machine.cpus[i].remove_event = true;
    machine.cpus[2].remove_event = false;
    machine.cpus[0].insert_event = false;
    select_cpu(&machine, 2);
    ck_assert_uint_eq(scan(&machine, notified), 2 * CPUS - 2);
    ck_assert_mem_eq(notified, "\3\3\1\3\3", CPUS);
    ck_assert_uint_eq(scan(&machine, notified), 0);
}
END_TEST

START_TEST(selector_out_of_range)
{
    static const uint32_t beyond[] = { CPUS, CPUS + 1, 0x80000000, UINT32_MAX };

    for (unsigned int i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++) {
        struct machine machine, before;

        setup(&machine);
        machine.cpus[1].remove_event = true;
        machine.cpus[1].removal_requested = true;
        select_cpu(&machine, beyond[i]);
        before = machine;
        for (unsigned int offset = 0; offset < LAYOUT_CPUHP_SIZE; offset++)
            for (unsigned int size = 1; size <= 8; size *= 2)
                ck_assert_uint_eq(get(&machine, offset, size), 0);
        for (unsigned int value = 0; value < 0x100; value++) {
            put(&machine, 4, 1, value);
            put(&machine, 5, 1, value);
            put(&machine, 8, 4, value);
        }
        ck_assert_mem_eq(&machine, &before, sizeof(before));
        /* Another selection ends it. */
        select_cpu(&machine, 1);
        ck_assert_uint_eq(get(&machine, 4, 1), CPUHP_ENABLED | CPUHP_REMOVE);
    }
}
END_TEST

START_TEST(wrong_sizes_and_places)
{
    struct machine machine, before;

    setup(&machine);
    machine.cpus[1].remove_event = true;
    machine.cpus[1].removal_requested = true;
    select_cpu(&machine, 1);
    before = machine;
    for (unsigned int offset = 0; offset < LAYOUT_CPUHP_SIZE; offset++) {
        for (unsigned int size = 1; size <= 8; size *= 2) {
            bool right = (offset % 8 == 0 && size == 4) || (offset == 4 && size == 1) ||
                         (offset == 5 && size == 1);

            if (!right)
                put(&machine, offset, size, UINT64_MAX);
            if (!right || offset == 5)
                ck_assert_uint_eq(get(&machine, offset, size), 0);
        }
    }
    /* Commands that do not exist. */
    for (unsigned int command = 4; command < 0x100; command++)
        put(&machine, 5, 1, command);
    ck_assert_mem_eq(&machine, &before, sizeof(before));
}
END_TEST

START_TEST(eject_is_authorised_by_the_request)
{
    struct machine machine;

    setup(&machine);
    ck_assert_int_eq(removal_request(&machine.cpus[1]), 1);
    select_cpu(&machine, 1);
    put(&machine, 4, 1, CPUHP_REMOVE); /* acknowledged first */
    ck_assert_uint_eq(get(&machine, 4, 1), CPUHP_ENABLED);
    put(&machine, 4, 1, CPUHP_EJECT);
    ck_assert_uint_eq(machine.ejects, 1);
    ck_assert_uint_eq(get(&machine, 4, 1), 0); /* at once */
    /* An empty slot's eject is nothing. */
    put(&machine, 4, 1, CPUHP_EJECT);
    ck_assert_uint_eq(machine.ejects + machine.refused, 1);
    /* The next CPU in this slot is not to be ejected by an old request. */
    machine.cpus[1].enabled = true;
    put(&machine, 4, 1, CPUHP_EJECT);
    ck_assert_uint_eq(machine.refused, 1);
    ck_assert_uint_eq(get(&machine, 4, 1), CPUHP_ENABLED);
}
END_TEST

START_TEST(eject_nobody_asked_for)
{
    struct machine machine;

    setup(&machine);
    machine.cpus[1].remove_event = true; /* the event's bit does not authorise it */
    for (uint32_t i = 0; i < 2; i++) {
        select_cpu(&machine, i);
        put(&machine, 4, 1, CPUHP_EJECT);
        ck_assert(machine.cpus[i].enabled);
    }
    ck_assert_uint_eq(machine.refused, 2);
    ck_assert_uint_eq(machine.ejects, 0);
}
END_TEST

START_TEST(ost_reaches_the_host_with_its_status)
{
    struct machine machine;

    setup(&machine);
    select_cpu(&machine, 4);
    put(&machine, 5, 1, CPUHP_COMMAND_OST_EVENT);
    put(&machine, 8, 4, OST_DEVICE_CHECK);
    ck_assert_uint_eq(machine.osts, 0);
    put(&machine, 5, 1, CPUHP_COMMAND_OST_STATUS);
    put(&machine, 8, 4, 0x81);
    ck_assert_uint_eq(machine.osts, 1);
    ck_assert_uint_eq(machine.ost_index, 4);
    ck_assert_uint_eq(machine.ost_source, OST_DEVICE_CHECK);
    ck_assert_uint_eq(machine.ost_status, 0x81);
    /* A status for another CPU than the source was for; data without an _OST command. */
    select_cpu(&machine, 3);
    put(&machine, 8, 4, 0);
    put(&machine, 5, 1, CPUHP_COMMAND_NEXT);
    put(&machine, 8, 4, 0);
    ck_assert_uint_eq(machine.osts, 1);
}
END_TEST

START_TEST(reset_registers)
{
    struct machine machine;

    setup(&machine);
    say_ost(&machine, 3, 1, 0);
    cpuhp_reset(&machine.hp);
    ck_assert_uint_eq(get(&machine, 8, 4), 0);
    ck_assert_uint_eq(get(&machine, 4, 1), CPUHP_ENABLED);
}
END_TEST

START_TEST(removal_of_what_can_not_be_removed)
{
    struct machine machine;

    setup(&machine);
    ck_assert_int_eq(removal_request(&machine.cpus[0]), -EPERM);
    ck_assert_int_eq(removal_request(&machine.cpus[2]), -ENOENT);
    ck_assert(!machine.cpus[0].removal_requested && !machine.cpus[2].remove_event);
}
END_TEST

START_TEST(removal_asked_twice)
{
    struct machine machine;
    struct cpu *cpu = &machine.cpus[1];

    setup(&machine);
    ck_assert_int_eq(removal_request(cpu), 1);
    ck_assert_int_eq(removal_request(cpu), 0);
    /* The guest took the event and says nothing: once more. */
    cpu->remove_event = false;
    ck_assert_int_eq(removal_request(cpu), 1);
    ck_assert(cpu->remove_event);
    /* It works on it: nothing to ask. */
    cpu->remove_event = false;
    say_ost(&machine, 1, OST_EJECT_REQUEST, 0x84);
    ck_assert_int_eq(cpu->phase, CPU_PHASE_IN_PROGRESS);
    ck_assert_int_eq(removal_request(cpu), 0);
    ck_assert(!cpu->remove_event);
}
END_TEST

START_TEST(removal_withdrawn)
{
    struct machine machine;
    struct cpu *cpu = &machine.cpus[1];

    setup(&machine);
    ck_assert_int_eq(removal_withdraw(cpu), 0);
    removal_request(cpu);
    ck_assert_int_eq(removal_withdraw(cpu), 0);
    ck_assert(!cpu->remove_event && cpu->enabled);
    ck_assert_int_eq(cpu->phase, CPU_PHASE_NONE);
    ck_assert_int_eq(removal_eject(cpu), -EPERM);
    /* Too late, and the eject is honoured. */
    removal_request(cpu);
    cpu->remove_event = false;
    ck_assert_int_eq(removal_withdraw(cpu), -EALREADY);
    ck_assert_int_eq(removal_eject(cpu), 0);
    ck_assert(!cpu->enabled);
}
END_TEST

/* The guest reads of the event, but has not come to acknowledge it: it will offline the CPU. */
START_TEST(removal_found_is_not_withdrawn)
{
    struct machine machine;
    struct cpu *cpu = &machine.cpus[1];

    setup(&machine);
    put(&machine, 5, 1, CPUHP_COMMAND_NEXT);
    removal_request(cpu);
    select_cpu(&machine, 1); /* not by the event: _STA does so */
    (void)get(&machine, 4, 1);
    ck_assert_int_eq(removal_withdraw(cpu), 0);
    removal_request(cpu);
    put(&machine, 5, 1, CPUHP_COMMAND_NEXT);
    ck_assert_int_eq(removal_withdraw(cpu), -EALREADY);
    put(&machine, 4, 1, CPUHP_REMOVE);
    ck_assert_int_eq(removal_withdraw(cpu), -EALREADY);
    say_ost(&machine, 1, OST_EJECT_REQUEST, 0x82);
    /* Of the next one the guest knows nothing. */
    removal_request(cpu);
    ck_assert_int_eq(removal_withdraw(cpu), 0);
}
END_TEST

/* The guest has one Notify after the other, and answers each: it may eject after a refusal. */
START_TEST(removal_asked_twice_and_refused_once)
{
    struct machine machine;
    struct cpu *cpu = &machine.cpus[1];

    setup(&machine);
    for (int times = 0; times < 2; times++) {
        ck_assert_int_eq(removal_request(cpu), 1);
        cpu->remove_event = false;
    }
    say_ost(&machine, 1, OST_EJECT_REQUEST, 0x84);
    say_ost(&machine, 1, OST_EJECT_REQUEST, 0x82);
    ck_assert_int_eq(cpu->phase, CPU_PHASE_REJECTED);
    say_ost(&machine, 1, OST_EJECT_REQUEST, 0x84);
    ck_assert_int_eq(cpu->phase, CPU_PHASE_IN_PROGRESS);
    ck_assert_int_eq(removal_eject(cpu), 0);
    /* The first is refused before the second is seen, which can be withdrawn then. */
    cpu->enabled = true;
    removal_request(cpu);
    cpu->remove_event = false;
    removal_request(cpu);
    ck_assert_int_eq(removal_withdraw(cpu), -EALREADY);
    say_ost(&machine, 1, OST_EJECT_REQUEST, 0x82);
    ck_assert_int_eq(cpu->phase, CPU_PHASE_REQUESTED);
    ck_assert_int_eq(removal_withdraw(cpu), 0);
    ck_assert_int_eq(removal_eject(cpu), -EPERM);
}
END_TEST

/* Asked again, and the second event waits: the guest may yet eject for the first. */
START_TEST(removal_seen_before_is_not_withdrawn)
{
    struct machine machine;
    struct cpu *cpu = &machine.cpus[1];

    setup(&machine);
    removal_request(cpu);
    cpu->remove_event = false;
    for (int times = 0; times < 2; times++) {
        removal_request(cpu);
        ck_assert(cpu->remove_event);
        ck_assert_int_eq(removal_withdraw(cpu), -EALREADY);
    }
    /* Both refused, it is over; of the next one the guest has seen nothing. */
    cpu->remove_event = false;
    say_ost(&machine, 1, OST_EJECT_REQUEST, 0x82);
    ck_assert_int_eq(removal_withdraw(cpu), -EALREADY);
    say_ost(&machine, 1, OST_EJECT_REQUEST, 0x82);
    ck_assert_int_eq(removal_withdraw(cpu), 0);
    ck_assert_int_eq(removal_eject(cpu), -EPERM);
    removal_request(cpu);
    ck_assert_int_eq(removal_withdraw(cpu), 0);
    ck_assert_int_eq(removal_eject(cpu), -EPERM);
    /* What was seen of a removal does not outlive the eject. */
    removal_request(cpu);
    cpu->remove_event = false;
    removal_request(cpu);
    ck_assert_int_eq(removal_eject(cpu), 0);
    cpu->enabled = true;
    removal_request(cpu);
    ck_assert_int_eq(removal_withdraw(cpu), 0);
}
END_TEST

START_TEST(removal_rejected)
{
    struct machine machine;
    struct cpu *cpu = &machine.cpus[1];

    setup(&machine);
    removal_request(cpu);
    cpu->remove_event = false;
    say_ost(&machine, 1, OST_EJECT_REQUEST, 0x84);
    say_ost(&machine, 1, OST_EJECT_REQUEST, 0x82);
    ck_assert_int_eq(cpu->phase, CPU_PHASE_REJECTED);
    ck_assert(cpu->ost_known);
    ck_assert_uint_eq(cpu->ost_event, 3);
    ck_assert_uint_eq(cpu->ost_status, 0x82);
    ck_assert_int_eq(removal_eject(cpu), -EPERM); /* it is over */
    /* It can be asked again, and an answer to the older request does not end the new one. */
    ck_assert_int_eq(removal_request(cpu), 1);
    say_ost(&machine, 1, OST_EJECT_REQUEST, 1);
    ck_assert_int_eq(cpu->phase, CPU_PHASE_REQUESTED);
    ck_assert_int_eq(removal_eject(cpu), 0);
}
END_TEST

START_TEST(removal_answers_that_change_nothing)
{
    struct machine machine;
    struct cpu *cpu = &machine.cpus[1];

    /* Success without an eject, answers on other matters. */
    setup(&machine);
    removal_request(cpu);
    cpu->remove_event = false;
    say_ost(&machine, 1, OST_EJECT_REQUEST, 0);
    say_ost(&machine, 1, OST_DEVICE_CHECK, 1);
    say_ost(&machine, 1, OST_OSPM_INSERTION, 0x82);
    /* among them an ejection that somebody in the guest began: it is no answer to the host */
    say_ost(&machine, 1, OST_OSPM_EJECT, 0x84);
    say_ost(&machine, 1, OST_OSPM_EJECT, 0x82);
    ck_assert_int_eq(cpu->phase, CPU_PHASE_REQUESTED);
    /* The end of the work without an eject: the host may ask again. */
    say_ost(&machine, 1, OST_EJECT_REQUEST, 0x84);
    ck_assert_int_eq(removal_request(cpu), 0);
    say_ost(&machine, 1, OST_EJECT_REQUEST, 0);
    ck_assert_int_eq(removal_request(cpu), 1);
    ck_assert_int_eq(removal_eject(cpu), 0);
    /* Linux's last word, on the empty slot; and a guest that nobody asked. */
    cpu->phase = CPU_PHASE_DONE;
    say_ost(&machine, 1, OST_EJECT_REQUEST, 0);
    say_ost(&machine, 1, OST_EJECT_REQUEST, 1);
    ck_assert_int_eq(cpu->phase, CPU_PHASE_DONE);
    say_ost(&machine, 0, OST_OSPM_EJECT, 0x82);
    ck_assert_int_eq(machine.cpus[0].phase, CPU_PHASE_NONE);
    ck_assert_uint_eq(machine.cpus[0].ost_event, 0x103);
}
END_TEST

START_TEST(insertion_answered)
{
    static const struct {
        uint32_t source, status;
        enum cpu_phase phase;
    } answers[] = {
        { OST_OSPM_INSERTION, 0x80, CPU_PHASE_IN_PROGRESS },
        { OST_DEVICE_CHECK, 0, CPU_PHASE_DONE },
        { OST_BUS_CHECK, 1, CPU_PHASE_REJECTED },
        { OST_OSPM_INSERTION, 0x81, CPU_PHASE_REJECTED },
        /* answers on other matters */
        { OST_EJECT_REQUEST, 0, CPU_PHASE_REQUESTED },
        { 0x777, 0, CPU_PHASE_REQUESTED },
    };

    for (unsigned int i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct machine machine;
        struct cpu *cpu = &machine.cpus[1];

        setup(&machine);
        insertion_request(cpu);
        ck_assert(cpu->insert_event && cpu->request == CPU_REQUEST_INSERTION);
        /* Before the guest has seen it, it speaks of something older. */
        say_ost(&machine, 1, answers[i].source, answers[i].status);
        ck_assert_int_eq(cpu->phase, CPU_PHASE_REQUESTED);
        cpu->insert_event = false;
        say_ost(&machine, 1, answers[i].source, answers[i].status);
        ck_assert_int_eq(cpu->phase, answers[i].phase);
    }
}
END_TEST

START_TEST(insertion_ends)
{
    struct machine machine;
    struct cpu *cpu = &machine.cpus[1];

    /* A guest that starts anew takes it, but makes nothing undone that it refused. */
    setup(&machine);
    insertion_request(cpu);
    insertion_complete(cpu);
    ck_assert_int_eq(cpu->phase, CPU_PHASE_DONE);
    cpu->phase = CPU_PHASE_REJECTED;
    insertion_complete(cpu);
    ck_assert_int_eq(cpu->phase, CPU_PHASE_REJECTED);
    /* A removal takes its place, and late words on the insertion change nothing. */
    insertion_request(cpu);
    cpu->insert_event = false;
    ck_assert_int_eq(removal_request(cpu), 1);
    say_ost(&machine, 1, OST_DEVICE_CHECK, 0);
    insertion_complete(cpu);
    ck_assert_int_eq(cpu->request, CPU_REQUEST_REMOVAL);
    ck_assert_int_eq(cpu->phase, CPU_PHASE_REQUESTED);
}
END_TEST

START_TEST(ost_codes)
{
    static const struct {
        uint32_t source, status;
        enum ost_outcome outcome;
        const char *words;
    } codes[] = {
        { 0, 0, OST_SUCCESS, "success" },
        { 1, 0, OST_SUCCESS, "success" },
        { 3, 0, OST_SUCCESS, "success" },
        { 3, 1, OST_FAILURE, "non-specific" },
        { 0x103, 2, OST_FAILURE, "unrecognized" },
        { 3, 0x80, OST_FAILURE, "not support" },
        { 3, 0x81, OST_FAILURE, "in use" },
        { 3, 0x82, OST_FAILURE, "is busy" },
        { 3, 0x83, OST_FAILURE, "first" },
        { 3, 0x84, OST_IN_PROGRESS, "ejection is in progress" },
        { 0x103, 0x84, OST_IN_PROGRESS, "ejection is in progress" },
        { 0x200, 0x80, OST_IN_PROGRESS, "insertion is in progress" },
        { 0x200, 0x81, OST_FAILURE, "driver" },
        { 0x200, 0x82, OST_FAILURE, "not support" },
        /* The same numbers mean nothing for another source. */
        { 1, 0x80, OST_FAILURE, "reserved" },
        { 1, 0x84, OST_FAILURE, "reserved" },
        { 0x200, 0x84, OST_FAILURE, "reserved" },
        { 3, 0x85, OST_FAILURE, "reserved" },
        { 0x777, 0x84, OST_FAILURE, "reserved" },
        { 0x777, 1, OST_FAILURE, "non-specific" },
    };

    for (unsigned int i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        const char *words = ost_status_text(codes[i].source, codes[i].status);

        ck_assert_int_eq(ost_outcome(codes[i].source, codes[i].status), codes[i].outcome);
        ck_assert_msg(strstr(words, codes[i].words), "%x %x: %s", codes[i].source, codes[i].status,
                      words);
    }
    ck_assert(ost_is_removal(3) && ost_is_removal(0x103));
    ck_assert(!ost_is_removal(0) && !ost_is_removal(1) && !ost_is_removal(0x200));
    ck_assert(ost_is_insertion(0) && ost_is_insertion(1) && ost_is_insertion(0x200));
    ck_assert(!ost_is_insertion(3) && !ost_is_insertion(0x103) && !ost_is_insertion(0x777));
    ck_assert_str_eq(ost_source_text(3), "eject request");
    ck_assert_str_eq(ost_source_text(0x777), "unknown source");
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("vmm-cpuhp");
    TCase *registers = tcase_create("registers"), *requests = tcase_create("requests");

    tcase_add_test(registers, block_is_detected);
    tcase_add_test(registers, flags_follow_the_cpu);
    tcase_add_test(registers, apic_id_of_the_selected);
    tcase_add_test(registers, next_searches_from_the_selector_and_wraps);
    tcase_add_test(registers, scan_handles_every_event_once);
    tcase_add_test(registers, selector_out_of_range);
    tcase_add_test(registers, wrong_sizes_and_places);
    tcase_add_test(registers, eject_is_authorised_by_the_request);
    tcase_add_test(registers, eject_nobody_asked_for);
    tcase_add_test(registers, ost_reaches_the_host_with_its_status);
    tcase_add_test(registers, reset_registers);
    tcase_add_test(requests, removal_of_what_can_not_be_removed);
    tcase_add_test(requests, removal_asked_twice);
    tcase_add_test(requests, removal_withdrawn);
    tcase_add_test(requests, removal_found_is_not_withdrawn);
    tcase_add_test(requests, removal_asked_twice_and_refused_once);
    tcase_add_test(requests, removal_seen_before_is_not_withdrawn);
    tcase_add_test(requests, removal_rejected);
    tcase_add_test(requests, removal_answers_that_change_nothing);
    tcase_add_test(requests, insertion_answered);
    tcase_add_test(requests, insertion_ends);
    tcase_add_test(requests, ost_codes);
    suite_add_tcase(suite, registers);
    suite_add_tcase(suite, requests);
    return suite;
}
