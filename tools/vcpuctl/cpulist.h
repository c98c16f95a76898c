/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists of CPUs as libvirt writes them: "0-3,8,^2" (virBitmapParse() in src/util/virbitmap.c). */
#ifndef VCPUCTL_CPULIST_H
#define VCPUCTL_CPULIST_H

/** Above every number that libvirt takes for a vCPU: QEMU_GUEST_VCPU_MAX_ID. */
#define CPULIST_VCPUS_MAX 4096U

struct cpuctl_error;
struct cpuctl_set;

/**
 * Parses @text. @limit: every number has to be below it. The set is empty where all was taken away
 * again ("^2"). Returns 0, -EINVAL ("invalid argument: Failed to parse bitmap '…'") or -ENOMEM.
 */
int cpulist_parse(const char *text, unsigned int limit, struct cpuctl_set **ret_set,
                  struct cpuctl_error *error);

#endif
