/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cpuvmm's command line. */
#ifndef VMM_OPTIONS_H
#define VMM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devices.h"
#include "memory.h"
#include "numa.h"
#include "smp.h"

struct cpuctl_error;

/** What the program is asked to do. */
enum options_action {
    OPTIONS_RUN,
    OPTIONS_HELP,
    OPTIONS_VERSION,
    OPTIONS_CPU_HELP,
    OPTIONS_CHECK_HOST,
};

/** Where one vCPU's thread may run (--affinity vcpu=0:cpu=2). */
struct options_affinity {
    unsigned int vcpu;
    unsigned int cpu;
};

/** The words point into argv. */
struct options {
    enum options_action action;
    const char *kernel, *initrd, *append;
    struct memory_config memory;
    struct smp smp;
    const char *cpu;
    const char *serial;
    const char *qmp; /**< path of the control socket, or NULL */
    bool no_sandbox; /**< --sandbox off */
    bool stopped;    /**< -S: the guest waits for cont */
    const char *name;
    bool limit_given;       /**< --max-vcpus */
    unsigned int max_vcpus; /**< 0: the host's possible CPUs */
    struct options_affinity *affinity;
    size_t affinity_count;
    struct devices_option *devices; /**< --agent, --console, --drive, in their order */
    size_t device_count;
    const char **numa_texts; /**< --numa, in their order */
    size_t numa_count;
    struct numa numa; /**< what they say */
};

/** Parses the command line. Returns 0, or -EINVAL or -ENOMEM with a sentence. */
int options_parse(int argc, char *argv[], struct options *ret_options, struct cpuctl_error *error);
void options_free(struct options *options);
/** Prints what there is to standard output. */
void options_help(void);

#endif
