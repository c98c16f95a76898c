/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shutdown by logind (org.freedesktop.login1(5)), or by a signal to process 1. */
#include "agent/shutdown.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <systemd/sd-bus.h>

#include "agent/log.h"
#include "libcpuctl/cleanup.h"
#include "libcpuctl/cpuctl.h"

static const char *const logind_methods[] = {
    [SHUTDOWN_HALT] = "Halt",
    [SHUTDOWN_POWERDOWN] = "PowerOff",
    [SHUTDOWN_REBOOT] = "Reboot",
};

static int by_logind(enum shutdown_mode mode, struct cpuctl_error *error)
{
    _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
    _cleanup_(sd_bus_error_free) sd_bus_error why = SD_BUS_ERROR_NULL;
    int r = sd_bus_open_system(&bus);

    if (r < 0)
        return cpuctl_error_set(error, r, "there is no system bus: %s", strerror(-r));
    /* "false": nobody can be asked for a password. */
    r = sd_bus_call_method(bus, "org.freedesktop.login1", "/org/freedesktop/login1",
                           "org.freedesktop.login1.Manager", logind_methods[mode], &why, NULL, "b",
                           0);
    return r < 0
               ? cpuctl_error_set(error, r, "logind: %s", why.message ? why.message : strerror(-r))
               : 0;
}

/* A process 1 that is known, and the signals that it takes. */
static const struct init {
    const char *name;     /* of its executable */
    const char *argument; /* its argv[0] must end with this; NULL: any */
    int realtime;         /* signals count from SIGRTMIN */
    int signals[SHUTDOWN_REBOOT + 1];
} inits[] = {
    /* init/init.c of busybox: halt_reboot_pwoff(). A shell script as init is "sh". */
    { .name = "busybox",
      .argument = "init",
      .signals = { [SHUTDOWN_HALT] = SIGUSR1,
                   [SHUTDOWN_POWERDOWN] = SIGUSR2,
                   [SHUTDOWN_REBOOT] = SIGTERM } },
    /* systemd(1), SIGNALS: halt.target, poweroff.target, reboot.target. */
    { .name = "systemd",
      .realtime = 1,
      .signals = { [SHUTDOWN_HALT] = 3, [SHUTDOWN_POWERDOWN] = 4, [SHUTDOWN_REBOOT] = 5 } },
};

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static int by_signal(enum shutdown_mode mode, struct cpuctl_error *error)
{
    _cleanup_close_ int fd = open("/proc/1/cmdline", O_RDONLY | O_CLOEXEC);
    char name[256] = "", argument[256] = "", shown[64];
    ssize_t n = readlink("/proc/1/exe", name, sizeof(name) - 1);

    if (n < 0 || fd < 0 || read(fd, argument, sizeof(argument) - 1) < 0)
        return cpuctl_error_set(error, -errno, "process 1 can't be looked at: %s", strerror(errno));
    for (size_t i = 0; i < sizeof(inits) / sizeof(inits[0]); i++) {
        const struct init *init = &inits[i];

        if (strcmp(last_part(name), init->name) != 0 ||
            (init->argument && strcmp(last_part(argument), init->argument) != 0))
            continue;
        if (kill(1, init->signals[mode] + (init->realtime ? SIGRTMIN : 0)) < 0)
            return cpuctl_error_set(error, -errno, "process 1: %s", strerror(errno));
        return 0;
    }
    log_escape(shown, sizeof(shown), last_part(argument), strlen(last_part(argument)));
    return cpuctl_error_set(error, -EOPNOTSUPP,
                            "process 1 is \"%s\", which is known to take no signal for it", shown);
}

int shutdown_machine(enum shutdown_mode mode, struct cpuctl_error *error)
{
    struct cpuctl_error bus = { 0 }, init = { 0 };
    int r = by_logind(mode, &bus);

    if (r >= 0)
        return 0;
    r = by_signal(mode, &init);
    if (r >= 0)
        return 0;
    return cpuctl_error_set(error, r, "%.200s; %.200s", bus.text, init.text);
}
