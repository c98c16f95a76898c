/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* guest-get-osinfo, -host-name, -timezone and -time, as qga/qapi-schema.json defines them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/commands.h"
#include "agent/reply.h"
#include "libcpuctl/cpuctl.h"

#define OS_RELEASE_LIMIT 65536

/* os-release(5): which of its variables go into which member. */
static const struct {
    const char *variable;
    const char *member;
} os_members[] = {
    { .variable = "ID", .member = "id" },
    { .variable = "NAME", .member = "name" },
    { .variable = "PRETTY_NAME", .member = "pretty-name" },
    { .variable = "VERSION", .member = "version" },
    { .variable = "VERSION_ID", .member = "version-id" },
    { .variable = "VARIANT", .member = "variant" },
    { .variable = "VARIANT_ID", .member = "variant-id" },
};

/* Undoes the shell quoting of a value, in place: quotes of both kinds, and backslashes. */
static void unquote(char *value)
{
    char *out = value;
    char quote = '\0';

    for (const char *in = value; *in; in++) {
        if (quote == '\0' && (*in == '"' || *in == '\'')) {
            quote = *in;
        } else if (*in == quote) {
            quote = '\0';
        } else if (*in == '\\' && quote != '\'' && in[1] &&
                   (quote == '\0' || strchr("\\\"$`", in[1]))) {
            *out++ = *++in;
        } else {
            *out++ = *in;
        }
    }
    *out = '\0';
}

/* JSON is UTF-8, and what a file has need not be. */
static struct json_object *new_text(const char *text)
{
    _cleanup_(qmp_buffer_release) struct qmp_buffer quoted = { 0 };
    struct json_object *value = NULL;
    struct qmp_error error;

    if (qmp_json_write_string(text, strlen(text), &quoted) < 0 ||
        qmp_json_parse(qmp_buffer_data(&quoted), quoted.size, &value, &error) < 0)
        return NULL;
    return value;
}

static void put_os_line(int *r, struct json_object *info, char *line)
{
    char *value = strchr(line, '=');

    if (!value)
        return;
    *value++ = '\0';
    for (size_t i = 0; i < sizeof(os_members) / sizeof(os_members[0]); i++)
        if (strcmp(line, os_members[i].variable) == 0) {
            unquote(value);
            reply_put(r, info, os_members[i].member, new_text(value));
        }
}

static void put_os_release(int *r, struct json_object *info, struct cpuctl_root *root)
{
    _cleanup_free_ char *text = NULL;
    char *rest, *line;

    if (cpuctl_root_read(root, "etc/os-release", OS_RELEASE_LIMIT, &text, NULL) < 0 &&
        cpuctl_root_read(root, "usr/lib/os-release", OS_RELEASE_LIMIT, &text, NULL) < 0)
        return;
    rest = text;
    while ((line = strsep(&rest, "\n")))
        put_os_line(r, info, line);
}

void command_get_osinfo(struct qmp_request *request, struct json_object *arguments)
{
    struct json_object *info;
    struct utsname uts;
    int r = 0;

    if (!request_takes_nothing(request, arguments))
        return;
    info = json_object_new_object();
    if (uname(&uts) == 0) {
        reply_put(&r, info, "kernel-release", new_text(uts.release));
        reply_put(&r, info, "kernel-version", new_text(uts.version));
        reply_put(&r, info, "machine", new_text(uts.machine));
    }
    put_os_release(&r, info, request_agent(request)->root);
    reply_send(request, r, info);
}

void command_get_host_name(struct qmp_request *request, struct json_object *arguments)
{
    struct json_object *info;
    char name[256] = "";
    int r = 0;

    if (!request_takes_nothing(request, arguments))
        return;
    if (gethostname(name, sizeof(name) - 1) < 0) {
        qmp_request_fail(request, "failed to get hostname: %s", strerror(errno));
        return;
    }
    info = json_object_new_object();
    reply_put(&r, info, "host-name", new_text(name));
    reply_send(request, r, info);
}

void command_get_timezone(struct qmp_request *request, struct json_object *arguments)
{
    struct json_object *info;
    time_t now = time(NULL);
    struct tm tm;
    int r = 0;

    if (!request_takes_nothing(request, arguments))
        return;
    /* localtime_r(3) need not look whether the zone was changed; tzset(3) does. */
    tzset();
    if (!localtime_r(&now, &tm)) {
        qmp_request_fail(request, "failed to get the time zone: %s", strerror(errno));
        return;
    }
    info = json_object_new_object();
    if (tm.tm_zone)
        reply_put(&r, info, "zone", new_text(tm.tm_zone));
    reply_put(&r, info, "offset", json_object_new_int64(tm.tm_gmtoff));
    reply_send(request, r, info);
}

void command_get_time(struct qmp_request *request, struct json_object *arguments)
{
    struct timespec now;

    if (!request_takes_nothing(request, arguments))
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    reply_send(request, 0, json_object_new_int64((int64_t)now.tv_sec * 1000000000 + now.tv_nsec));
}
