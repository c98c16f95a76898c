/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --check-host. */
#ifndef VMM_CHECK_HOST_H
#define VMM_CHECK_HOST_H

#include <stdio.h>

struct cpuctl_root;
struct kvm_host;

/**
 * Prints what a host can do for VMs, a line for each, to @out. @root: its /proc and /sys; @kvm:
 * what kvm_host_open() gave, or NULL, and then @code is its negative errno. Returns 0 if Linux
 * guests can run there, or -ENODEV.
 */
int check_host_print(struct cpuctl_root *root, const struct kvm_host *kvm, int code, FILE *out);
/** The same of this host, on standard output. */
int check_host_report(void);

#endif
