/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The hot-added CPUs that the host took offline. The agent brings hot-added CPUs online by itself,
 * and after a restart it could not tell these from ones that nobody has brought online yet. So they
 * are kept in a file of the kind of the operator's offline choice, below /run: it is gone when the
 * guest reboots, as the host's wish is.
 */
#ifndef AGENT_HOST_OFFLINE_H
#define AGENT_HOST_OFFLINE_H

#include <stdbool.h>

struct cpuctl_root;
struct cpuctl_set;

/** The file: RuntimeDirectory= of cpuctl-agent.service. */
#define HOST_OFFLINE_DIRECTORY "/run/cpuctl-agent"
#define HOST_OFFLINE_FILE      HOST_OFFLINE_DIRECTORY "/host-offline"

struct host_offline {
    struct cpuctl_root *root;
    struct cpuctl_set *cpus;    /**< what holds */
    struct cpuctl_set *written; /**< what the file has */
    bool held;                  /**< nothing may be written now */
    bool told;                  /**< that it can't be written was logged */
};

/**
 * Reads what an earlier agent left; @host is zeroed before. A file that can't be read counts as
 * empty. @root: stays in use. Returns 0 or -ENOMEM.
 */
int host_offline_init(struct host_offline *host, struct cpuctl_root *root);
void host_offline_done(struct host_offline *host);

bool host_offline_has(const struct host_offline *host, unsigned int cpu);
/** The host took @cpu offline. A failure to write it is logged; it holds all the same. */
void host_offline_add(struct host_offline *host, unsigned int cpu);
/** @cpu is online again, or was unplugged. */
void host_offline_remove(struct host_offline *host, unsigned int cpu);
/** Only those of @cpus, the present CPUs that are offline, can still hold. */
void host_offline_keep(struct host_offline *host, const struct cpuctl_set *cpus);

/** Puts off writing (@held true), or catches up: for frozen file systems. */
void host_offline_hold(struct host_offline *host, bool held);

#endif
