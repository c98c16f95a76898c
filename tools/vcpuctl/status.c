/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The status file of a run folder: a running domain's ID and process, and why it ended. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store-internal.h"

static const char *const reason_names[] = {
    [DOMAIN_REASON_UNKNOWN] = "unknown",     [DOMAIN_REASON_SHUTDOWN] = "shutdown",
    [DOMAIN_REASON_DESTROYED] = "destroyed", [DOMAIN_REASON_CRASHED] = "crashed",
    [DOMAIN_REASON_FAILED] = "failed",
};

int status_read(const char *folder, struct status *ret_status, struct cpuctl_error *error)
{
    _cleanup_free_ char *path = path_join(folder, "status", ""), *text = NULL;
    struct status status = { 0 };
    char reason[16] = "";
    long pid = 0;
    int r;

    if (!path)
        return no_memory(error);
    r = file_read(path, 4096, &text, NULL, error);
    if (r < 0)
        return r;
    if (sscanf(text, "id=%d pid=%ld reason=%15s boot=%39s", &status.id, &pid, reason, status.boot) <
            3 ||
        status.id <= 0 || pid < 0)
        return cpuctl_error_set(error, -EBADMSG, "%s is damaged", path);
    status.pid = (pid_t)pid;
    for (size_t i = 0; i < sizeof(reason_names) / sizeof(reason_names[0]); i++)
        if (strcmp(reason, reason_names[i]) == 0)
            status.reason = (enum domain_reason)i;
    *ret_status = status;
    return 0;
}

int status_write(const char *folder, const struct status *status, struct cpuctl_error *error)
{
    _cleanup_free_ char *path = path_join(folder, "status", "");
    char text[160];
    int n = snprintf(text, sizeof(text), "id=%d pid=%ld reason=%s boot=%s\n", status->id,
                     (long)status->pid, reason_names[status->reason],
                     *status->boot ? status->boot : "-");

    if (!path)
        return no_memory(error);
    return file_write(path, text, (size_t)n, 0600, error);
}

const char *domain_reason_name(const struct domain *domain)
{
    if (domain->state == DOMAIN_RUNNING)
        return domain->starting ? "starting up" : "booted";
    return reason_names[domain->reason];
}

const char *domain_state_name(const struct domain *domain)
{
    if (domain->state == DOMAIN_RUNNING)
        return domain->starting ? "paused" : "running";
    return "shut off";
}
