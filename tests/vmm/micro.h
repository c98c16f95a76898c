/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cpuvmm's own VM (vm_new() and all below it) with the micro-guest in it, on this machine's
 * /dev/kvm. A test orders the guest's CPUs about, lets the host's side send interrupts, says which
 * it expects, and micro_check() compares the counts of every vector of every CPU. A call that fails
 * fails the Check test that runs.
 */
#ifndef TESTS_VMM_MICRO_H
#define TESTS_VMM_MICRO_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "micro-guest.h"
#include "vmm/cpus.h"
#include "vmm/ioapic.h"
#include "vmm/irq.h"
#include "vmm/vm.h"

/** The pin that tests drive; nothing of cpuvmm is there. */
#define MICRO_PIN 16
/** A redirection entry's bits. */
#define MICRO_RTE_LEVEL      (1ULL << 15)
#define MICRO_RTE_MASKED     (1ULL << 16)
#define MICRO_RTE_REMOTE_IRR (1ULL << 14)
/** x2APIC registers, and parts of the interrupt command. */
#define MICRO_X2APIC_ID       0x802U
#define MICRO_X2APIC_EOI      0x80bU
#define MICRO_X2APIC_ISR      0x810U
#define MICRO_X2APIC_ICR      0x830U
#define MICRO_ICR_INIT        0x4500ULL
#define MICRO_ICR_STARTUP     (0x4600ULL | MICRO_STARTUP >> 12)
#define MICRO_ICR_ALL_BUT_ME  (3ULL << 18)
#define MICRO_ICR_TO(id)      ((uint64_t)(id) << 32)
#define MICRO_ICR_FIXED       0x4000ULL
#define MICRO_X2APIC_SELF_IPI 0x83fU

/** What is taken from cpuvmm, so that a test sees what it is there for. */
enum micro_without {
    MICRO_COMPLETE,
    MICRO_WITHOUT_CONVERSION, /**< messages go to KVM as the guest wrote them */
    MICRO_WITHOUT_X2APIC_API, /**< KVM_CAP_X2APIC_API is not enabled */
    MICRO_WITH_QUIRK,         /**< enabled, but 255 is a broadcast */
    MICRO_WITHOUT_SET_LAPIC,  /**< KVM_SET_LAPIC on a new vCPU is left out */
    MICRO_WITHOUT_LOWERING,   /**< KVM_CAP_MAX_VCPU_ID stays as it is */
};

struct micro_config {
    /** --smp's value, for its own APIC IDs; NULL: a CPU for each of @ids. */
    const char *smp;
    const uint32_t
        *ids; /**< APIC IDs to have instead of the topology's; the first is the boot CPU's */
    unsigned int count;
    bool unstarted; /**< but for the boot CPU they are neither plugged nor started */
    enum micro_without without;
};

struct micro {
    struct vm *vm;
    int kernel;
    bool without_ids;
    unsigned int requests; /* of the device on MICRO_PIN */
    /* This KVM holds an interrupt back until the EOI of the one before, as hardware does. One in
     * software may end interrupts as it delivers them. */
    bool exact;
    unsigned int count;
    unsigned int (*expected)[256];
};

/** A suite of the tests that @add adds; of one that is skipped with the reason, where micro-guests
 * can't run. */
Suite *micro_suite(const char *name, void (*add)(TCase *core));
/** KVM_CAP_MAX_VCPU_ID of the host less one: the highest APIC ID. */
uint32_t micro_highest_id(void);
/** KVM_CAP_MAX_VCPUS of the host. */
unsigned int micro_max_vcpus(void);

/** What the VM's first CPUs took, nanoseconds of the processor's time. */
struct micro_times {
    int64_t plug;  /**< to make them: all of it */
    int64_t walks; /**< of that, calls for which KVM goes through all vCPUs: KVM_CREATE_VCPU, and
                        KVM_SET_SREGS with x2APIC mode */
    int64_t start; /**< in their threads, until all were in the guest's loop */
};
struct micro_times micro_times(void);

/** Makes the VM, starts it, and waits for all CPUs. */
struct micro *micro_new(const struct micro_config *config);
void micro_free(struct micro *micro);

/** From now on cpuvmm lacks nothing. */
void micro_make_whole(void);
/** Plugs CPU @index, without a word to the guest. */
void micro_plug(struct micro *micro, unsigned int index);
/** Lets the boot CPU send INIT and SIPI to CPU @index. */
void micro_start(struct micro *micro, unsigned int index);
/** How often CPU @index has come from power-on or SIPI to its loop. */
unsigned int micro_starts(struct micro *micro, unsigned int index);
/** Its IA32_APIC_BASE as it was at its last start, low half. */
uint32_t micro_apic_base(struct micro *micro, unsigned int index);
/** Waits until CPU @index has started @starts times. */
void micro_wait_started(struct micro *micro, unsigned int index, unsigned int starts);
/** Its APIC ID. */
uint32_t micro_id(struct micro *micro, unsigned int index);

/* ---- orders to a CPU ---- */

uint64_t micro_rdmsr(struct micro *micro, unsigned int index, uint32_t msr);
void micro_wrmsr(struct micro *micro, unsigned int index, uint32_t msr, uint64_t value);
void micro_cpuid(struct micro *micro, unsigned int index, uint32_t leaf, uint32_t subleaf,
                 uint32_t ret_registers[4]);
/** CPU @index writes a dword. */
void micro_write(struct micro *micro, unsigned int index, uint64_t address, uint32_t value);
/** CPU 0 writes, and reads, the redirection entry of a pin. */
void micro_write_rte(struct micro *micro, unsigned int pin, uint64_t entry);
uint64_t micro_read_rte(struct micro *micro, unsigned int pin);

/* ---- interrupts ---- */

/** A message as a guest with extended destination IDs writes it. */
struct msi micro_msi(uint32_t id, uint8_t vector);
/** A redirection entry as it writes it. */
uint64_t micro_rte(uint32_t id, uint8_t vector);
/** KVM_SIGNAL_MSI by irq_send(). */
void micro_send(struct micro *micro, struct msi msi);
/** By a GSI's route and its irqfd, @times times. */
void micro_send_irqfd(struct micro *micro, struct msi msi, unsigned int times);
/** The pin's level. */
void micro_level(struct micro *micro, unsigned int pin, bool level);

/** The device on MICRO_PIN raises it, until the handlers of vectors from MICRO_DEVICE on have
 * served @requests. An interrupt for each is to be expected; where interrupts end early,
 * micro_check() lets more of these vectors pass. */
void micro_request(struct micro *micro, unsigned int requests);
/** @times more interrupts are expected. */
void micro_expect(struct micro *micro, unsigned int index, uint8_t vector, unsigned int times);
/** All that were expected have come, and no others, anywhere. */
void micro_check(struct micro *micro);
/** The pin's last interrupt has ended, or does soon. */
void micro_check_ended(struct micro *micro, unsigned int pin);
/** The count of interrupts, without waiting. */
volatile uint32_t *micro_count(struct micro *micro, unsigned int index, uint8_t vector);

#endif
