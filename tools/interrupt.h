/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Being told to stop by SIGINT or SIGTERM, seen at the places that choose to look. */
#ifndef CPUCTL_INTERRUPT_H
#define CPUCTL_INTERRUPT_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

/**
 * From now on the first SIGINT or SIGTERM is remembered instead of ending the program; the second
 * one ends it. Returns 0 or a negative errno.
 */
int interrupt_catch(void);
/** Whether one has come. */
bool interrupt_pending(void);
/** Forgets one that has come, so that what is left to do can wait again; the next ends the program.
 */
void interrupt_forget(void);
/**
 * Polls; a signal that comes before or meanwhile ends the wait, none is missed. @timeout_usec:
 * UINT64_MAX waits without limit. Returns the number of descriptors that are ready, 0 (time is up),
 * -EINTR (interrupted) or a negative errno.
 */
int interrupt_poll(struct pollfd *fds, nfds_t n_fds, uint64_t timeout_usec);

#endif
