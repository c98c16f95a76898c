/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists of CPUs that somebody typed or sent, in contrast to the kernel's files. */
#ifndef CPUCTL_ONE_LINE_H
#define CPUCTL_ONE_LINE_H

#include <errno.h>
#include <string.h>

#include "libcpuctl/cpuctl.h"

/**
 * Refuses a list that goes on after a newline, where cpuctl_set_parse_list() would end as the
 * kernel does: nothing is left out unsaid. Returns 0, or -EINVAL with a sentence.
 */
static inline int check_one_line(const char *list, struct cpuctl_error *error)
{
    const char *newline = strchr(list, '\n');

    if (!newline || !newline[1])
        return 0;
    return cpuctl_error_set(
        error, -EINVAL, "a newline at character %td ends the list of CPUs: divide them by commas",
        newline - list);
}

#endif
