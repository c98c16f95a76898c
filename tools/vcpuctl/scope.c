/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A transient systemd scope for a VMM (org.freedesktop.systemd1(5), StartTransientUnit). */
#include "scope.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>

#include "libcpuctl/cleanup.h"
#include "libcpuctl/cpuctl.h"

/* A unit's name has letters, digits and few others; what else is in the domain's becomes "_". */
static void make_unit_name(const char *name, int id, char *unit, size_t size)
{
    int n = snprintf(unit, size, "vcpuctl-%d-", id);

    for (; *name && (size_t)n < size - sizeof(".scope"); name++)
        unit[n++] =
            strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-", *name)
                ? *name
                : '_';
    snprintf(unit + n, size - (size_t)n, ".scope");
}

int scope_make(const char *name, int id, pid_t pid, struct cpuctl_error *error)
{
    _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
    sd_bus_error why = SD_BUS_ERROR_NULL;
    char unit[160], description[320];
    int r;

    if (sd_booted() <= 0)
        return 0;
    make_unit_name(name, id, unit, sizeof(unit));
    snprintf(description, sizeof(description), "Virtual machine %s", name);
    r = sd_bus_open_system(&bus);
    if (r >= 0)
        r = sd_bus_call_method(bus, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                               "org.freedesktop.systemd1.Manager", "StartTransientUnit", &why, NULL,
                               "ssa(sv)a(sa(sv))", unit, "fail", 4, "Description", "s", description,
                               "Slice", "s", "machine.slice", "PIDs", "au", 1, (uint32_t)pid,
                               "CollectMode", "s", "inactive-or-failed", 0);
    if (r < 0)
        r = cpuctl_error_set(error, r,
                             "no systemd scope for domain '%s', which ends with this session: %s",
                             name, why.message ? why.message : strerror(-r));
    sd_bus_error_free(&why);
    return r < 0 ? r : 0;
}
