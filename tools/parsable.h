/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `cpuctl list --parse`: the format of `lscpu -p`, character for character. */
#ifndef CPUCTL_PARSABLE_H
#define CPUCTL_PARSABLE_H

#include "tools/cpu-rows.h"

/**
 * Prints the comment header (unless @no_headings) and a line for each CPU of @cpus. rows->parsable
 * and rows->divided are set.
 */
void parsable_print(struct cpu_rows *rows, const struct choice *choice,
                    const struct cpuctl_set *cpus, bool no_headings);

#endif
