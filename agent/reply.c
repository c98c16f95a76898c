/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Putting replies together: the types of libcpuctl. */
#include "agent/reply.h"

#include "libcpuctl/cpuctl.h"

void reply_put_set(int *r, struct json_object *object, const char *name,
                   const struct cpuctl_set *set)
{
    _cleanup_free_ char *list = cpuctl_set_format_list(set);

    reply_put(r, object, name, list ? json_object_new_string(list) : NULL);
}
