/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The summary of a machine, value for value as lscpu prints it: `cpuctl topology`. */
#ifndef CPUCTL_TOOLS_SUMMARY_H
#define CPUCTL_TOOLS_SUMMARY_H

#include <stdio.h>

struct cpuctl_error;
struct cpuctl_root;

#define SUMMARY_JSON     1U /**< as `lscpu -J` */
#define SUMMARY_HEX      2U /**< CPU sets as masks instead of lists, as `lscpu -x` */
#define SUMMARY_BYTES    4U /**< cache sizes in bytes, as `lscpu -B` */
#define SUMMARY_TERMINAL 8U /**< indented below headings, as lscpu does on a terminal */

/**
 * Reads the machine below @root and prints its summary to @out. @flags: SUMMARY_…. Returns 0 or a
 * negative errno of the readers (see cpuctl_state_read(), cpuctl_topology_read() and
 * cpuctl_identity_read()), with @error filled.
 */
int summary_print(struct cpuctl_root *root, FILE *out, unsigned int flags,
                  struct cpuctl_error *error);

#endif
