/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ending the machine without running another program. */
#ifndef AGENT_SHUTDOWN_H
#define AGENT_SHUTDOWN_H

struct cpuctl_error;

/** How the machine ends. */
enum shutdown_mode { SHUTDOWN_HALT, SHUTDOWN_POWERDOWN, SHUTDOWN_REBOOT };

/**
 * Asks logind over the system bus; where there is none, tells process 1 by the signal that its init
 * (busybox or systemd) has for it. Returns 0 once it was asked for, or a negative errno with
 * @error filled.
 */
int shutdown_machine(enum shutdown_mode mode, struct cpuctl_error *error);

#endif
