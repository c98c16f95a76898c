/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CPU hotplug controller. */
#include "cpuhp.h"

#include <stddef.h>

#include "cpus.h"

void cpuhp_reset(struct cpuhp *hp)
{
    hp->selector = 0;
    hp->command = CPUHP_COMMAND_NEXT;
    hp->source = 0;
    hp->source_of = 0;
}

static struct cpu *selected(const struct cpuhp *hp)
{
    return hp->selector < hp->count ? hp->ops->at(hp->opaque, hp->selector) : NULL;
}

/* From the selected CPU on, wrapping; the selector stays when no CPU has an event. */
static void select_next(struct cpuhp *hp)
{
    for (unsigned int i = 0; i < hp->count; i++) {
        unsigned int index = (hp->selector + i) % hp->count;
        struct cpu *cpu = hp->ops->at(hp->opaque, index);

        if (cpu->insert_event || cpu->remove_event) {
            hp->selector = index;
            cpu->remove_found = cpu->remove_event;
            return;
        }
    }
}

/* Handing an eject to firmware (CPUHP_FIRMWARE) does nothing: there is none. */
static void write_flags(struct cpuhp *hp, struct cpu *cpu, uint64_t flags)
{
    if (flags & CPUHP_INSERT)
        cpu->insert_event = false;
    if (flags & CPUHP_REMOVE)
        cpu->remove_event = false;
    if ((flags & CPUHP_EJECT) && cpu->enabled)
        hp->ops->eject(hp->opaque, hp->selector);
}

static void write_command(struct cpuhp *hp, uint64_t command)
{
    if (command > CPUHP_COMMAND_ARCH_ID)
        return;
    hp->command = (enum cpuhp_command)command;
    if (hp->command == CPUHP_COMMAND_NEXT)
        select_next(hp);
}

static void write_data(struct cpuhp *hp, uint32_t value)
{
    if (hp->command == CPUHP_COMMAND_OST_EVENT) {
        hp->source = value;
        hp->source_of = hp->selector;
    }
    /* A status for another CPU than the source was for completes nothing. */
    if (hp->command == CPUHP_COMMAND_OST_STATUS && hp->source_of == hp->selector)
        hp->ops->ost(hp->opaque, hp->selector, hp->source, value);
}

static void cpuhp_write(void *device, uint64_t offset, unsigned int size, uint64_t value)
{
    struct cpuhp *hp = device;
    struct cpu *cpu = selected(hp);

    if (offset == CPUHP_SELECTOR && size == 4) {
        hp->selector = (uint32_t)value;
        return;
    }
    if (!cpu)
        return;
    if (offset == CPUHP_FLAGS && size == 1)
        write_flags(hp, cpu, value);
    if (offset == CPUHP_COMMAND && size == 1)
        write_command(hp, value);
    if (offset == CPUHP_DATA && size == 4)
        write_data(hp, (uint32_t)value);
}

static uint64_t read_flags(const struct cpu *cpu)
{
    return (cpu->enabled ? CPUHP_ENABLED : 0U) | (cpu->insert_event ? CPUHP_INSERT : 0U) |
           (cpu->remove_event ? CPUHP_REMOVE : 0U);
}

static uint64_t read_data(const struct cpuhp *hp, const struct cpu *cpu)
{
    if (hp->command == CPUHP_COMMAND_NEXT)
        return hp->selector;
    return hp->command == CPUHP_COMMAND_ARCH_ID ? cpu->apic_id : 0;
}

/* All that is reserved, of another size, or without a selected CPU reads as 0. So does data 2 (the
 * high half of an APIC ID, 0 on x86), which is how a driver tells this block from an older one. */
static uint64_t cpuhp_read(void *device, uint64_t offset, unsigned int size)
{
    struct cpuhp *hp = device;
    const struct cpu *cpu = selected(hp);

    if (cpu && offset == CPUHP_FLAGS && size == 1)
        return read_flags(cpu);
    if (cpu && offset == CPUHP_DATA && size == 4)
        return read_data(hp, cpu);
    return 0;
}

const struct bus_ops cpuhp_bus_ops = { .read = cpuhp_read, .write = cpuhp_write };
