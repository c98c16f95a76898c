/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the commands print: messages, errors in virsh's form, JSON. */
#ifndef VCPUCTL_OUTPUT_H
#define VCPUCTL_OUTPUT_H

#include "command.h"

/**
 * Prints "error: …" to standard error. The sentence of a failed call comes after the headline of
 * what failed, each on its line:
 *     error: Failed to start domain 'vm'
 *     error: Requested operation is not valid: domain is already running
 * Returns EXIT_FAILED.
 */
__attribute__((format(printf, 1, 2))) int output_error(const char *format, ...);
/** Prints a headline (NULL: none) and then @error's sentence. Returns EXIT_FAILED. */
__attribute__((format(printf, 2, 3))) int output_failure(const struct cpuctl_error *error,
                                                         const char *format, ...);
/** Prints "warning: …" to standard error. */
__attribute__((format(printf, 1, 2))) void output_warning(const char *format, ...);
/**
 * Prints what a command has to say when it worked ("Domain 'vm' started"); nothing with --quiet.
 * With --json it becomes {"message": …}.
 */
__attribute__((format(printf, 2, 3))) void output_message(const struct tool *tool,
                                                          const char *format, ...);
/**
 * Prints @value, which is released, as JSON on a line. NULL: memory is short. Returns EXIT_DONE, or
 * EXIT_FAILED after a message.
 */
int output_json(struct json_object *value);
/**
 * Writes out what standard output still holds; a full disk shows only here. Returns EXIT_DONE, or
 * EXIT_FAILED after a message; a reader that went away is no error.
 */
int output_flush(void);
/** Whether what is written to standard output gets nowhere: its reader is gone, its disk full. */
bool output_is_broken(void);

#endif
