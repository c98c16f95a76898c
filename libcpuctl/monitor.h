/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a uevent of the subsystem "cpu" means. */
#ifndef CPUCTL_INTERNAL_MONITOR_H
#define CPUCTL_INTERNAL_MONITOR_H

#include "cpuctl.h"

/**
 * Decodes a uevent. @action: its ACTION; @sysname: the last part of its DEVPATH; either may be
 * NULL; @synthetic: its SYNTH_UUID, NULL when the kernel sent it because something happened, and
 * not because someone wrote to the device's file uevent (as "udevadm trigger" does at boot for all
 * that is there; Documentation/ABI/testing/sysfs-uevent). Returns true when it is not synthetic and
 * it is one of the four that concern us, of a device "cpuN" with N written as the kernel writes it
 * and less than CPUCTL_CPUS_MAX.
 */
bool monitor_decode(const char *action, const char *sysname, const char *synthetic,
                    enum cpuctl_event_type *ret_type, unsigned int *ret_cpu);

#endif
