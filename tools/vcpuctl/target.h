/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a command on vCPUs works on: a domain of the store, or a VM that something else started and
 * whose sockets are given by --qmp and --agent. The latter is always running and has no definition.
 */
#ifndef VCPUCTL_TARGET_H
#define VCPUCTL_TARGET_H

#include "command.h"
#include "store.h"
#include "vm.h"

/** Which of a domain's states a command is about; virDomainModificationImpact. */
enum target_affect { AFFECT_LIVE = 1, AFFECT_CONFIG = 2 };

struct target {
    struct tool *tool;
    struct domain *domain;    /**< NULL: the VM behind --qmp */
    struct vm *vm;            /**< after target_connect() */
    unsigned int patience_ms; /**< how long another operator is waited for; 0: as usual */
};

/** Finds what option "domain" names. Returns 0, or a negative errno with virsh's sentence. */
int target_find(struct tool *tool, const struct arguments *arguments, struct target *ret_target,
                struct cpuctl_error *error);
void target_release(struct target *target);

/** Whether it runs. */
bool target_is_running(const struct target *target);

/**
 * Which states the options --live, --config and --current stand for; without any of them @otherwise
 * (0: as --current). Returns a set of enum target_affect, or -EINVAL: options that exclude each
 * other, a live state that there is not, a definition that there is not.
 */
int target_affects(const struct target *target, const struct arguments *arguments,
                   unsigned int otherwise, struct cpuctl_error *error);

/**
 * Takes the operators' lock to change the definition, which somebody may have taken away before.
 * Returns 0, or a negative errno with virsh's sentence.
 */
int target_lock_config(struct target *target, struct cpuctl_error *error);

/** Which connection a command needs. */
enum target_use {
    TARGET_QUERY,  /**< it asks */
    TARGET_CHANGE, /**< it changes vCPUs; others who do have to wait */
    TARGET_WATCH,  /**< it stays */
};

/**
 * Takes the operators' lock and connects to the VMM; to the agent by vm_agent(), if @with_agent.
 * Returns 0 or a negative errno.
 */
int target_connect(struct target *target, enum target_use use, bool with_agent,
                   struct cpuctl_error *error);

/** Ends the connection of TARGET_QUERY to the VMM, so that others can ask it; the agent's stays. */
void target_leave_monitor(struct target *target);

/** How many CPUs this host has. */
unsigned int host_cpus(void);

#endif
