/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The system calls that cpuvmm's threads leave themselves (seccomp). Whatever else a thread calls
 * is not carried out: the process says what it was on stderr, and dies by SIGSYS.
 */
#ifndef VMM_SANDBOX_H
#define VMM_SANDBOX_H

struct cpuctl_error;

/** The kinds of threads. */
enum sandbox_kind {
    /** The event loop, and the threads that it starts later: it has what they have. */
    SANDBOX_MAIN,
    SANDBOX_VCPU,
    SANDBOX_BLK, /**< a disk's */
    SANDBOX_KINDS,
};

/**
 * Prepares the filters; before the first thread is started. Without this sandbox_enter() does
 * nothing. Returns 0, or a negative errno with a sentence.
 */
int sandbox_prepare(struct cpuctl_error *error);
/** Closes, for the rest of its life, what a thread of this kind does not need. Returns 0 or a
 * negative errno. */
int sandbox_enter(enum sandbox_kind kind);

#endif
