/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* guest-shutdown, as qga/qapi-schema.json defines it: no reply on success. */
#include <string.h>

#include "agent/commands.h"
#include "agent/log.h"
#include "agent/reply.h"
#include "agent/shutdown.h"
#include "libcpuctl/cpuctl.h"

static const char *const modes[] = {
    [SHUTDOWN_HALT] = "halt",
    [SHUTDOWN_POWERDOWN] = "powerdown",
    [SHUTDOWN_REBOOT] = "reboot",
};

void command_shutdown(struct qmp_request *request, struct json_object *arguments)
{
    static const char *const members[] = { "mode", NULL };
    const char *mode = modes[SHUTDOWN_POWERDOWN];
    struct qmp_error error = { 0 };

    if (qmp_get_string(arguments, NULL, "mode", QMP_OPTIONAL, &mode, &error) < 0 ||
        qmp_check_members(arguments, NULL, members, &error) < 0) {
        qmp_request_error(request, &error);
        return;
    }
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        struct cpuctl_error why = { 0 };

        if (strcmp(mode, modes[i]) != 0)
            continue;
        log_host(LOG_NOTICE, "the host asks for %s", modes[i]);
        if (shutdown_machine((enum shutdown_mode)i, &why) < 0)
            qmp_request_fail(request, "guest-shutdown: %s", why.text);
        else
            qmp_request_return(request, NULL);
        return;
    }
    /* Word for word qemu-ga's, its missing bracket too: clients may have come to know it. */
    qmp_request_fail(request, "mode is invalid (valid values are: halt|powerdown|reboot");
}
