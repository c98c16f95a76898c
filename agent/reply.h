/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Putting replies together: what qmp/reply.h has, and the types of libcpuctl. */
#ifndef AGENT_REPLY_H
#define AGENT_REPLY_H

#include "qmp/reply.h"

struct cpuctl_set;

/** Adds a set in the kernel's list format. */
void reply_put_set(int *r, struct json_object *object, const char *name,
                   const struct cpuctl_set *set);

#endif
