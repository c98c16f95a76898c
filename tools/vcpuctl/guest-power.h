/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asking a guest to shut down or to reboot; and what the VMM tells of its character devices. */
#ifndef VCPUCTL_GUEST_POWER_H
#define VCPUCTL_GUEST_POWER_H

#include <stdbool.h>

struct cpuctl_error;
struct domain;
struct json_object;

enum {
    GUEST_POWER_ACPI = 1,  /**< the power button */
    GUEST_POWER_AGENT = 2, /**< guest-shutdown */
    GUEST_POWER_ANY = 0    /**< by agent if there is one, else ACPI */
};

/**
 * Asks the guest of a running domain. @modes: which ways are allowed. Returns 0: it has been asked;
 * -EINVAL (the domain is not running), -ENOTSUP (no way to reboot it), or another negative errno.
 */
int guest_power(struct domain *domain, unsigned int modes, bool reboot, struct cpuctl_error *error);

/** Runs one short QMP command on @domain's socket for questions. @ret_value may be NULL. Returns 0
 * or a negative errno with a sentence. */
int guest_ask(struct domain *domain, const char *name, struct json_object **ret_value,
              struct cpuctl_error *error);

#endif
