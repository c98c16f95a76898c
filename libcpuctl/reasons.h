/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sentences that say why a CPU could not be changed, and what would help. */
#ifndef CPUCTL_INTERNAL_REASONS_H
#define CPUCTL_INTERNAL_REASONS_H

#include <stdbool.h>

/**
 * What was found out about a refusal, beyond its errno. The facts that the table in reasons.c does
 * not ask for in connection with that errno are of no account.
 */
enum reason_fact {
    REASON_NOT_POSSIBLE = 1U << 0, /**< the CPU is beyond the possible ones */
    REASON_NOT_PRESENT = 1U << 1,  /**< the CPU is not plugged */
    REASON_NO_FILE = 1U << 2,      /**< present, without cpuN/online */
    REASON_UNDONE = 1U << 3,       /**< the kernel did it, and it was not so afterwards */
    REASON_NOT_ROOT = 1U << 4,     /**< the effective user ID is not 0 */
    REASON_SMT_OFF = 1U << 5,      /**< cpu/smt/control is off or forceoff */
    REASON_DECONFIGURED = 1U << 6, /**< s390: cpuN/configure is 0 */
    REASON_LAST = 1U << 7,         /**< no other CPU is online */
    REASON_LAST_SHARED = 1U << 8,  /**< the other online CPUs are all isolated */
    REASON_DEADLINE = 1U << 9,     /**< there are SCHED_DEADLINE tasks */
    REASON_NOHZ = 1U << 10,        /**< there are nohz_full CPUs, and this is none of them */
    REASON_NO_DIR = 1U << 11,      /**< present, without a directory cpuN */
};

/**
 * Makes the sentences for a refusal. @code: negative errno; @online: the state that was asked for;
 * @facts: of enum reason_fact; @detail: what goes into the sentence of that fact (REASON_DEADLINE:
 * the tasks' names), or NULL. The caller frees both strings; @ret_help may become NULL. Returns 0
 * or -ENOMEM.
 */
int reason_make(unsigned int cpu, int code, bool online, unsigned int facts, const char *detail,
                char **ret_reason, char **ret_help);

#endif
