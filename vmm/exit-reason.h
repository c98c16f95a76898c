/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Exits that a vCPU can not go on from, in words. */
#ifndef VMM_EXIT_REASON_H
#define VMM_EXIT_REASON_H

#include <stddef.h>

struct kvm_run;

/**
 * Writes into @text (of @size bytes) why KVM gave up, as a part of a sentence: its internal error,
 * a failed entry, or an exit that nobody asked for.
 */
void exit_reason(const struct kvm_run *run, char *text, size_t size);

#endif
