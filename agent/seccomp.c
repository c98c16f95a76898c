/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loads the seccomp filter that make-seccomp-filter.c has compiled. */
#include "agent/seccomp.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>

#include "libcpuctl/cpuctl.h"

static _Alignas(struct sock_filter) const unsigned char filter[] = {
#include "agent/seccomp-filter.inc"
};

int seccomp_close(struct cpuctl_error *error)
{
    const struct sock_fprog program = {
        .len = sizeof(filter) / sizeof(struct sock_filter),
        .filter = (struct sock_filter *)filter,
    };

    /* Without this the kernel takes filters from CAP_SYS_ADMIN alone (seccomp(2)). */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0)
        return cpuctl_error_set(error, -errno, "seccomp: %s", strerror(errno));
    return 0;
}
