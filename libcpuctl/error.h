/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Filling a struct cpuctl_error; internal to the library. */
#ifndef CPUCTL_INTERNAL_ERROR_H
#define CPUCTL_INTERNAL_ERROR_H

#include <stddef.h>

struct cpuctl_error;

/**
 * Fills @error (which may be NULL) with @code and a formatted sentence, cut at the size of the
 * text.
 * @code: negative errno. Returns @code, so that a failure can be reported and returned in one
 * statement.
 */
__attribute__((format(printf, 3, 4))) int error_set(struct cpuctl_error *error, int code,
                                                    const char *format, ...);

/** The same for a parser; @position: the offending character, from 0. */
__attribute__((format(printf, 4, 5))) int error_set_at(struct cpuctl_error *error, int code,
                                                       size_t position, const char *format, ...);

#endif
