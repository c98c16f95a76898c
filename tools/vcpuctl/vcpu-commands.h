/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The commands on vCPUs: their functions and options, for the table in cmd-vcpu.c. */
#ifndef VCPUCTL_VCPU_COMMANDS_H
#define VCPUCTL_VCPU_COMMANDS_H

#include "command.h"

extern const struct option_def setvcpus_options[];
extern const struct option_def setvcpu_options[];
extern const struct option_def guestvcpus_options[];
extern const struct option_def vcpucount_options[];
extern const struct option_def vcpuinfo_options[];
extern const struct option_def vcpupin_options[];
extern const struct option_def emulatorpin_options[];
extern const struct option_def maxvcpus_options[];
extern const struct option_def agent_command_options[];
extern const struct option_def status_options[];

int cmd_setvcpus(struct tool *tool, const struct arguments *arguments);
int cmd_setvcpu(struct tool *tool, const struct arguments *arguments);
int cmd_guestvcpus(struct tool *tool, const struct arguments *arguments);
int cmd_vcpucount(struct tool *tool, const struct arguments *arguments);
int cmd_vcpuinfo(struct tool *tool, const struct arguments *arguments);
int cmd_vcpupin(struct tool *tool, const struct arguments *arguments);
int cmd_emulatorpin(struct tool *tool, const struct arguments *arguments);
int cmd_maxvcpus(struct tool *tool, const struct arguments *arguments);
int cmd_agent_command(struct tool *tool, const struct arguments *arguments);
int cmd_status(struct tool *tool, const struct arguments *arguments);

/**
 * Tells that a definition could not be changed, and that the running domain has been, if it was to.
 * Returns the exit code.
 */
int config_failure(int affects, const struct cpuctl_error *error);
/** Prints which of the guest's CPUs were brought online or taken offline, as JSON. */
int print_change_json(const struct cpuctl_set *set, bool online);

#endif
