/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a CPU set is made of; for the library's own files. */
#ifndef CPUCTL_INTERNAL_CPUSET_H
#define CPUCTL_INTERNAL_CPUSET_H

#include <stddef.h>
#include <stdint.h>

#include "cleanup.h"
#include "cpuctl.h"

#define CPUSET_WORD_BITS 64U

/** Bit n % 64 of word n / 64 is CPU n. Words beyond n_words count as zero. */
struct cpuctl_set {
    size_t n_words;
    uint64_t *words;
};

DEFINE_CLEANUP(struct cpuctl_set *, cpuctl_set_free);

/**
 * What may stand between regions and groups: the comma and the kernel's isspace(), which is Latin-1
 * and so has the no-break space too (lib/ctype.c).
 */
static inline bool cpuset_is_separator(char c)
{
    return c == ',' || c == ' ' || (c >= '\t' && c <= '\r') || (unsigned char)c == 0xa0;
}

/** The highest CPU of @set, or -1 when it is empty. */
int cpuset_last(const struct cpuctl_set *set);

/**
 * Parses a mask file's text in either format: a list where @list is true, else a mask. What old
 * kernels print for "no mask" ("(null)" or only white space) is the empty set. Returns 0 or as
 * cpuctl_set_parse_list().
 */
int cpuset_parse_file(const char *text, bool list, struct cpuctl_set **ret_set,
                      struct cpuctl_error *error);

#endif
