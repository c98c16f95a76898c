/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Error sentences that end with what the system said. */
#ifndef VMM_FAIL_H
#define VMM_FAIL_H

struct cpuctl_error;

/** As cpuctl_error_set(), with ": " and the meaning of @code, a negative errno, at the end. */
__attribute__((format(printf, 3, 4))) int fail_system(struct cpuctl_error *error, int code,
                                                      const char *format, ...);

#endif
