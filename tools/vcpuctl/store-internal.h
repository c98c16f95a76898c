/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parts of the store share: its folders, whole-file writes, the status file. */
#ifndef VCPUCTL_STORE_INTERNAL_H
#define VCPUCTL_STORE_INTERNAL_H

#include <errno.h>

#include "files.h"
#include "libcpuctl/cpuctl.h"
#include "store.h"

struct store {
    char *state_dir, *run_dir;
};

static inline int no_memory(struct cpuctl_error *error)
{
    return cpuctl_error_set(error, -ENOMEM, "memory is short");
}

static inline void close_pointer(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/** What the file "status" of a run folder says. */
struct status {
    int id;
    pid_t pid;
    /** Why it ended, when somebody said so; DOMAIN_REASON_FAILED until the guest is let go. */
    enum domain_reason reason;
    char boot[40]; /**< the host's boot that it belongs to */
};
/** Returns 0, -ENOENT, -EBADMSG (it is damaged), or another negative errno. */
int status_read(const char *folder, struct status *ret_status, struct cpuctl_error *error);
int status_write(const char *folder, const struct status *status, struct cpuctl_error *error);

#endif
