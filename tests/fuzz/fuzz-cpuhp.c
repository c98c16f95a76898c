/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The CPU hotplug controller's registers, between a hostile guest and a host that asks for
 * removals, withdraws them, plugs and resets. Each step is six bytes: what to do, where, and a
 * value. Properties: CPU 0 stays; a CPU only goes when its removal was requested; a register that
 * is not there reads as 0; a scan ends.
 */
#include <stdbool.h>
#include <string.h>

#include "fuzz.h"
#include "vmm/cpuhp.h"
#include "vmm/cpus.h"
#include "vmm/layout.h"
#include "vmm/ost.h"
#include "vmm/cpu-request.h"

#define CPUS 5U
#define STEP 6U

struct machine {
    struct cpuhp hp;
    struct cpu cpus[CPUS];
};

static struct cpu *at(void *opaque, unsigned int index)
{
    struct machine *machine = opaque;

    hold(index < CPUS);
    return &machine->cpus[index];
}

static void eject(void *opaque, unsigned int index)
{
    struct cpu *cpu = at(opaque, index);
    bool requested = cpu->removal_requested;

    hold(cpu->enabled);
    hold((removal_eject(cpu) == 0) == requested);
    hold(cpu->enabled == !requested);
}

static void ost(void *opaque, unsigned int index, uint32_t source, uint32_t status)
{
    cpu_request_ost(at(opaque, index), source, status);
    hold(ost_source_text(source) && ost_status_text(source, status));
}

static const struct cpuhp_ops ops = { .at = at, .eject = eject, .ost = ost };

/* What the DSDT does at an interrupt: every event is acknowledged in two rounds a CPU at most. */
static void scan(struct machine *machine)
{
    for (unsigned int i = 0; i <= 2 * CPUS; i++) {
        uint64_t flags;

        cpuhp_bus_ops.write(&machine->hp, 5, 1, CPUHP_COMMAND_NEXT);
        flags = cpuhp_bus_ops.read(&machine->hp, 4, 1) & (CPUHP_INSERT | CPUHP_REMOVE);
        if (flags == 0)
            return;
        cpuhp_bus_ops.write(&machine->hp, 4, 1, flags & CPUHP_INSERT ? CPUHP_INSERT : flags);
    }
    hold(machine->hp.selector >= CPUS);
}

static void host(struct machine *machine, unsigned int action, unsigned int index)
{
    struct cpu *cpu = &machine->cpus[index % CPUS];

    switch (action % 4) {
    case 0:
        (void)removal_request(cpu);
        break;
    case 1:
        (void)removal_withdraw(cpu);
        break;
    case 2:
        cpu->insert_event = cpu->insert_event || !cpu->enabled;
        cpu->enabled = true;
        break;
    case 3:
        cpuhp_reset(&machine->hp);
        break;
    }
}

static void check(const struct machine *machine)
{
    hold(machine->cpus[0].enabled && !machine->cpus[0].remove_event);
    for (unsigned int i = 0; i < CPUS; i++) {
        const struct cpu *cpu = &machine->cpus[i];

        hold(!cpu->remove_event || cpu->removal_requested);
        hold(!cpu->removal_requested || cpu->enabled);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct machine machine = { .hp = { .count = CPUS, .ops = &ops, .opaque = &machine } };

    for (unsigned int i = 0; i < CPUS; i++)
        machine.cpus[i] = (struct cpu){ .index = i, .apic_id = 100 * i, .enabled = i < 3 };
    for (; size >= STEP; data += STEP, size -= STEP) {
        unsigned int width = 1U << (data[0] >> 6), offset = data[1] % LAYOUT_CPUHP_SIZE;
        uint32_t value;

        memcpy(&value, data + 2, sizeof(value));
        if (offset + width > LAYOUT_CPUHP_SIZE) /* the bus does not let it through */
            continue;
        if (data[0] % 4 == 0)
            host(&machine, data[1], value);
        else if (data[0] % 4 == 1)
            scan(&machine);
        else if (data[0] % 4 == 2)
            hold(cpuhp_bus_ops.read(&machine.hp, offset, width) == 0 || width == 4 || offset == 4);
        else
            cpuhp_bus_ops.write(&machine.hp, offset, width, value);
        check(&machine);
    }
    return 0;
}
