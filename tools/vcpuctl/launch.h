/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a definition to a running VMM: its command line, its process, its first moments. */
#ifndef VCPUCTL_LAUNCH_H
#define VCPUCTL_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>

#include "store.h"

/** A program and its arguments; ends with NULL. */
struct command_line {
    char **words;
    size_t count;
    bool failed; /**< memory was short */
};

/** Adds a word. What fails shows in @line->failed. */
__attribute__((format(printf, 2, 3))) void command_line_add(struct command_line *line,
                                                            const char *format, ...);
/** Takes NULL's words too. */
void command_line_free(struct command_line *line);

/**
 * The command line for @definition in the run folder @folder. The VM does not run before it is told
 * to. The caller frees it. Returns 0, -ENOTSUP (a path or a set of vCPUs that the VMM's options
 * can't express; the sentence names it) or -ENOMEM.
 */
int launch_command_line(const struct definition *definition, const char *folder,
                        struct command_line *ret_line, struct cpuctl_error *error);
int launch_qemu(const struct definition *definition, const char *folder, struct command_line *line,
                struct cpuctl_error *error);
int launch_cpuvmm(const struct definition *definition, const char *folder,
                  struct command_line *line, struct cpuctl_error *error);

/**
 * Starts a domain that is shut off, with DOMAIN_LOCK_CHANGE held; what somebody began who was
 * killed is brought to its end. The VMM goes on when the caller ends. Returns 0, -EBUSY (it runs),
 * -ENOTSUP (something in its definition can't be honoured), or another negative errno; then it is
 * shut off, for the reason DOMAIN_REASON_FAILED if the VMM had been started.
 */
int launch_start(struct domain *domain, struct cpuctl_error *error);

/**
 * Ends the VMM: SIGTERM, and after a while SIGKILL unless @graceful. Notes that the operator did
 * it. Returns 0, -ETIMEDOUT (@graceful) or another negative errno.
 */
int launch_destroy(struct domain *domain, bool graceful, struct cpuctl_error *error);

#endif
