/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers and sizes in the values of options. */
#ifndef VMM_OPTION_VALUES_H
#define VMM_OPTION_VALUES_H

#include <stddef.h>
#include <stdint.h>

struct cpuctl_error;

/** One more than the greatest number that any option takes. */
#define OPTION_NUMBER_END 1048576U

/**
 * The number that the @length bytes at @text are, below @end (at most OPTION_NUMBER_END). Returns
 * 0, or -EINVAL with a sentence that begins with @option.
 */
int option_number(const char *option, const char *text, size_t length, unsigned int end,
                  unsigned int *ret_number, struct cpuctl_error *error);
/**
 * The bytes that "256M" stands for: up to 9 digits, with K, M or G; without a letter MiB, as with
 * QEMU. Returns 0, or -EINVAL with a sentence that begins with @option.
 */
int option_size(const char *option, const char *text, size_t length, uint64_t *ret_size,
                struct cpuctl_error *error);

#endif
