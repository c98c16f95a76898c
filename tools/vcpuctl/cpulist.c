/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists of CPUs as libvirt writes them. */
#include "cpulist.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "command.h"

/* Reads a number below @limit and passes over white space behind it. */
static bool take_number(const char **text, unsigned int limit, unsigned int *ret)
{
    unsigned int value = 0;

    if (!isdigit((unsigned char)**text))
        return false;
    for (; isdigit((unsigned char)**text); (*text)++) {
        value = value * 10 + (unsigned int)(**text - '0');
        if (value >= limit)
            return false;
    }
    while (isspace((unsigned char)**text))
        (*text)++;
    *ret = value;
    return true;
}

/* One region, "3", "0-7" or "^3". Returns 0, -EINVAL or -ENOMEM. */
static int take_region(const char **text, unsigned int limit, struct cpuctl_set *set)
{
    unsigned int first, last;
    bool without = **text == '^';

    *text += without;
    if (!take_number(text, limit, &first))
        return -EINVAL;
    if (without) {
        cpuctl_set_remove(set, first);
        return 0;
    }
    last = first;
    if (**text == '-') {
        (*text)++;
        if (!take_number(text, limit, &last) || last < first)
            return -EINVAL;
    }
    return cpuctl_set_add_range(set, first, last);
}

int cpulist_parse(const char *text, unsigned int limit, struct cpuctl_set **ret_set,
                  struct cpuctl_error *error)
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *set = cpuctl_set_new();
    const char *p = text;
    int r = set ? 0 : -ENOMEM;

    if (limit > CPUCTL_CPUS_MAX)
        limit = CPUCTL_CPUS_MAX;
    while (r == 0) {
        while (isspace((unsigned char)*p))
            p++;
        r = take_region(&p, limit, set);
        if (r < 0 || *p != ',')
            break;
        p++;
    }
    if (r == -ENOMEM)
        return cpuctl_error_set(error, r, "out of memory");
    if (r < 0 || *p)
        return cpuctl_error_set(error, -EINVAL, "invalid argument: Failed to parse bitmap '%.200s'",
                                text);
    *ret_set = TAKE_PTR(set);
    return 0;
}
