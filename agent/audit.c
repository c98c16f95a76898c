/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes the audit record of a change. */
#include "agent/audit.h"

#include <stdio.h>
#include <time.h>

#include "agent/events.h"
#include "agent/log.h"

const char *audit_outcome_name(enum cpuctl_outcome outcome)
{
    static const char *const names[] = { [CPUCTL_DONE] = "done",
                                         [CPUCTL_ALREADY] = "already",
                                         [CPUCTL_REFUSED] = "refused",
                                         [CPUCTL_SKIPPED] = "skipped" };

    return names[outcome];
}

static uint64_t realtime_usec(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000U + (uint64_t)now.tv_nsec / 1000U;
}

static void write_log(const char *requester, const struct cpuctl_result *result)
{
    const char *action = result->online ? "online" : "offline";
    const char *outcome = audit_outcome_name(result->outcome);
    char cpu[16], duration[24], message[LOG_TEXT_MAX];
    const struct log_field fields[] = {
        { .name = "CPU", .value = cpu },           { .name = "ACTION", .value = action },
        { .name = "DURATION", .value = duration }, { .name = "REQUESTER", .value = requester },
        { .name = "RESULT", .value = outcome },
    };

    snprintf(cpu, sizeof(cpu), "%u", result->cpu);
    snprintf(duration, sizeof(duration), "%llu", (unsigned long long)result->duration_usec);
    snprintf(message, sizeof(message), "CPU %u %s for the %s: %s in %s us%s%s", result->cpu, action,
             requester, outcome, duration, result->reason ? ": " : "",
             result->reason ? result->reason : "");
    log_record(result->outcome == CPUCTL_REFUSED ? LOG_WARNING : LOG_INFO, fields,
               sizeof(fields) / sizeof(fields[0]), message);
}

void audit_change(struct events *events, const char *requester, const struct cpuctl_result *result)
{
    struct event_record record = {
        .time_usec = realtime_usec(),
        .is_change = true,
        .cpu = result->cpu,
        .online = result->online,
        .outcome = result->outcome,
        .duration_usec = result->duration_usec,
        .requester = requester,
    };

    /* What changed nothing is no change; a host may ask for it as often as it likes. */
    if (result->outcome == CPUCTL_ALREADY || result->outcome == CPUCTL_SKIPPED)
        return;
    if (result->reason)
        snprintf(record.reason, sizeof(record.reason), "%s", result->reason);
    events_add(events, &record);
    if (result->outcome == CPUCTL_DONE || log_host_allows())
        write_log(requester, result);
}
