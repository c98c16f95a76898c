/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is asked of the guest about a CPU, its insertion or its removal: requested → in progress →
 * done or rejected. The guest's Notify is asynchronous, so it acknowledges the remove event before
 * it evaluates _EJ0. What authorises an eject is therefore that a removal was requested, never the
 * event's bit. Pure: these change the CPU's state and nothing else; cpus.c acts on it.
 */
#ifndef VMM_CPU_REQUEST_H
#define VMM_CPU_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

struct cpu;

/** The CPU has been plugged: asks the guest to take it. */
void insertion_request(struct cpu *cpu);
/** A guest that starts anew takes what is plugged. */
void insertion_complete(struct cpu *cpu);
/**
 * Requests a removal. While the guest has not taken the event, or says that it works on it, asking
 * again changes nothing; after a refusal, or when it took the event and has said nothing since, it
 * is asked once more. Returns whether there is a new event that the guest has to be told of, or
 * -ENOENT (not plugged) or -EPERM (CPU 0).
 */
int removal_request(struct cpu *cpu);
/** Takes the request back. Returns 0 (also if there is none), or -EALREADY: the guest has found or
 * taken the event, and the eject that may follow is honoured. */
int removal_withdraw(struct cpu *cpu);
/** The guest ejects the CPU. Returns 0: it is not enabled any more, and has no events; or -EPERM:
 * nobody asked for it, and nothing changed. */
int removal_eject(struct cpu *cpu);
/** The guest's _OST about the CPU, which may be an empty slot by now. */
void cpu_request_ost(struct cpu *cpu, uint32_t source, uint32_t status);

#endif
