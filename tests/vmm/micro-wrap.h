/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between micro.c and micro-wrap.c. */
#ifndef TESTS_VMM_MICRO_WRAP_H
#define TESTS_VMM_MICRO_WRAP_H

struct micro_config;

/** From now on cpuvmm has the APIC IDs of @config, and lacks what that says. */
void micro_wrap_set(const struct micro_config *config);
/** All CPUs are in the guest's loop. */
void micro_wrap_started(void);

#endif
