/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the host took offline: in memory, and in a file that follows. */
#include "agent/host-offline.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/log.h"
#include "libcpuctl/cleanup.h"
#include "libcpuctl/cpuctl.h"

DEFINE_CLEANUP(struct cpuctl_set *, cpuctl_set_free);

/* Paths of the root context are relative to it. */
#define FILE_IN_ROOT (&HOST_OFFLINE_FILE[1])

static void read_file(struct host_offline *host)
{
    struct cpuctl_error error = { 0 };
    int r = cpuctl_offline_choice_read(host->root, FILE_IN_ROOT, &host->written, &error);

    if (r >= 0)
        return;
    log_write(LOG_WARNING, "it is not known which CPUs the host took offline: %s", error.text);
    /* Nobody but an agent writes it; what has no meaning would stand in the way of what has. */
    if (r == -EBADMSG && cpuctl_root_is_live(host->root))
        unlink(HOST_OFFLINE_FILE);
}

int host_offline_init(struct host_offline *host, struct cpuctl_root *root)
{
    host->root = root;
    read_file(host);
    if (!host->written)
        host->written = cpuctl_set_new();
    if (!host->written)
        return -ENOMEM;
    host->cpus = cpuctl_set_dup(host->written);
    return host->cpus ? 0 : -ENOMEM;
}

void host_offline_done(struct host_offline *host)
{
    cpuctl_set_free(host->cpus);
    cpuctl_set_free(host->written);
    *host = (struct host_offline){ 0 };
}

bool host_offline_has(const struct host_offline *host, unsigned int cpu)
{
    return cpuctl_set_has(host->cpus, cpu);
}

static int write_file(struct host_offline *host, struct cpuctl_error *error)
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *written = cpuctl_set_dup(host->cpus);
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *gone = cpuctl_set_dup(host->written);
    int r;

    if (!written || !gone)
        return cpuctl_error_set(error, -ENOMEM, "out of memory");
    cpuctl_set_andnot(gone, host->cpus);
    /* Its lock is on the directory: only root may open that, or others could make us wait. */
    if (cpuctl_root_is_live(host->root))
        (void)mkdir(HOST_OFFLINE_DIRECTORY, 0700);
    r = cpuctl_offline_choice_change(host->root, FILE_IN_ROOT, host->cpus, gone, error);
    if (r < 0)
        return r;
    cpuctl_set_free(host->written);
    host->written = TAKE_PTR(written);
    return 0;
}

static void follow(struct host_offline *host)
{
    struct cpuctl_error error = { 0 };

    if (host->held || cpuctl_set_equal(host->cpus, host->written))
        return;
    if (write_file(host, &error) >= 0) {
        host->told = false;
        return;
    }
    if (!host->told)
        log_host(LOG_WARNING,
                 "a restarted agent will not know which CPUs the host took offline: %s",
                 error.text);
    host->told = true;
}

void host_offline_add(struct host_offline *host, unsigned int cpu)
{
    if (cpuctl_set_add(host->cpus, cpu) < 0)
        log_host(LOG_WARNING, "CPU %u: out of memory to keep that the host took it offline", cpu);
    follow(host);
}

void host_offline_remove(struct host_offline *host, unsigned int cpu)
{
    cpuctl_set_remove(host->cpus, cpu);
    follow(host);
}

void host_offline_keep(struct host_offline *host, const struct cpuctl_set *cpus)
{
    cpuctl_set_and(host->cpus, cpus);
    follow(host);
}

void host_offline_hold(struct host_offline *host, bool held)
{
    host->held = held;
    follow(host);
}
