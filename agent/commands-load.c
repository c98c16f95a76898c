/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* guest-get-cpustats and guest-get-load, as qga/qapi-schema.json defines them. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/commands.h"
#include "agent/reply.h"
#include "libcpuctl/cpuctl.h"

/* A line of /proc/stat has at most 250 bytes, and the list of interrupts is a good deal longer. */
#define STAT_LIMIT (64U * 1024U * 1024U)

/* The columns of a cpuN line in order (proc(5)); older kernels have fewer. */
static const char *const columns[] = {
    "user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "guestnice",
};

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

/* One line; what does not begin with cpuN is left out. */
static void push_cpu(int *r, struct json_object *list, const char *line, uint64_t ticks)
{
    struct json_object *entry;
    unsigned long cpu;
    char *at;

    if (strncmp(line, "cpu", 3) != 0 || line[3] < '0' || line[3] > '9')
        return;
    cpu = strtoul(line + 3, &at, 10);
    entry = json_object_new_object();
    reply_push(r, list, entry);
    reply_put(r, entry, "type", json_object_new_string("linux"));
    reply_put(r, entry, "cpu", json_object_new_int64((int64_t)cpu));
    for (size_t i = 0; i < COLUMNS; i++) {
        char *end;
        uint64_t value = strtoull(at, &end, 10);

        if (end == at)
            break;
        at = end;
        /* Milliseconds; the kernel counts in ticks of USER_HZ. */
        reply_put(r, entry, columns[i], json_object_new_uint64(value * 1000 / ticks));
    }
}

void command_get_cpustats(struct qmp_request *request, struct json_object *arguments)
{
    struct agent *agent = request_agent(request);
    _cleanup_free_ char *text = NULL;
    struct cpuctl_error error = { 0 };
    struct json_object *list;
    long ticks = sysconf(_SC_CLK_TCK);
    char *rest, *line;
    int r = 0;

    if (!request_takes_nothing(request, arguments))
        return;
    if (cpuctl_root_read(agent->root, "proc/stat", STAT_LIMIT, &text, &error) < 0) {
        qmp_request_fail(request, "%s", error.text);
        return;
    }
    list = json_object_new_array();
    rest = text;
    while ((line = strsep(&rest, "\n")))
        push_cpu(&r, list, line, ticks > 0 ? (uint64_t)ticks : 100);
    reply_send(request, r, list);
}

void command_get_load(struct qmp_request *request, struct json_object *arguments)
{
    static const char *const members[] = { "load1m", "load5m", "load15m" };
    struct json_object *info;
    double load[3];
    int r = 0;

    if (!request_takes_nothing(request, arguments))
        return;
    if (getloadavg(load, 3) < 3) {
        qmp_request_fail(request, "cannot query load average");
        return;
    }
    info = json_object_new_object();
    for (size_t i = 0; i < 3; i++)
        reply_put(&r, info, members[i], json_object_new_double(load[i]));
    reply_send(request, r, info);
}
