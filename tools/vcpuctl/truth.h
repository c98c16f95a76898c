/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is known of a vCPU from all sides, and where they disagree. Pure: it looks at what it is
 * given.
 */
#ifndef VCPUCTL_TRUTH_H
#define VCPUCTL_TRUTH_H

#include <stdbool.h>
#include <stddef.h>

#include "guest.h"
#include "vm.h"

/** What is so, is not so, or can't be known. */
enum truth { TRUTH_UNKNOWN, TRUTH_NO, TRUTH_YES };

/** One vCPU from all sides. */
struct truth_row {
    const struct vm_vcpu *vcpu;
    enum truth configured; /**< in the persistent definition */
    enum truth requested;  /**< what the last operator asked of the running VM */
    enum truth plugged;    /**< the VMM has it */
    enum truth present;    /**< the guest's ACPI has it */
    enum truth online;     /**< the guest's scheduler uses it */
    int guest_number;      /**< what the guest calls it, or -1 */
    bool mine;             /**< the guest's number is the slot's */
};

/**
 * Fills plugged, present, online and the guest's numbers of @rows, one for each of @vm's vCPUs.
 * @guest: NULL: not known. A guest numbers CPUs in the order in which it first saw them, so what is
 * left after equal numbers is paired in order.
 */
void truth_look(const struct vm *vm, const struct guest_cpus *guest, struct truth_row *rows);

/** Writes the sentence that names the disagreement to @text, or "" when there is none. */
void truth_sentence(const struct truth_row *row, char *text, size_t size);

/** "yes", "no", or NULL when it is not known. */
const char *truth_word(enum truth truth);

#endif
