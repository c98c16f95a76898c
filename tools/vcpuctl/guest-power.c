/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asking a guest to shut down or to reboot, by its agent or by ACPI. */
#include "guest-power.h"

#include <errno.h>
#include <string.h>

#include "libcpuctl/cpuctl.h"
#include "qmp/client.h"
#include "store.h"
#include "text.h"

#define MONITOR_TIMEOUT (10U * 1000000U)
#define AGENT_TIMEOUT   (5U * 1000000U) /* as libvirt waits for guest-sync */
#define LOCK_TIMEOUT_MS 10000U

int guest_ask(struct domain *domain, const char *name, struct json_object **ret_value,
              struct cpuctl_error *error)
{
    _cleanup_free_ char *path = domain_qmp_path(domain, DOMAIN_QMP_QUERY);
    _cleanup_(qmp_client_freep) struct qmp_client *client = NULL;
    struct qmp_error why = { 0 };
    int r;

    if (!path)
        return cpuctl_error_set(error, -ENOMEM, "memory is short");
    r = domain_lock(domain, DOMAIN_LOCK_QUERY, LOCK_TIMEOUT_MS, error);
    if (r < 0)
        return r;
    r = qmp_client_connect(path, QMP_CLIENT_MONITOR, MONITOR_TIMEOUT, NULL, &client, &why);
    if (r == 0)
        r = qmp_client_execute(client, name, NULL, MONITOR_TIMEOUT, ret_value, &why);
    domain_unlock(domain, DOMAIN_LOCK_QUERY);
    return r < 0 ? cpuctl_error_set(error, r, "internal error: %s", why.desc) : 0;
}

/* Whether somebody in the guest has the agent's port open. */
static int is_agent_there(struct domain *domain, const char *path, struct cpuctl_error *error)
{
    _cleanup_json_ struct json_object *reply = NULL;
    int r = guest_ask(domain, "query-chardev", &reply, error);

    if (r < 0)
        return r;
    if (!json_object_is_type(reply, json_type_array))
        return cpuctl_error_set(error, -EPROTO, "internal error: query-chardev: no array");
    for (size_t i = 0; i < json_object_array_length(reply); i++) {
        struct json_object *chardev = json_object_array_get_idx(reply, i);
        const char *filename;
        bool open;

        if (json_object_is_type(chardev, json_type_object) &&
            qmp_get_string(chardev, NULL, "filename", QMP_REQUIRED, &filename, NULL) > 0 &&
            qmp_get_bool(chardev, NULL, "frontend-open", QMP_REQUIRED, &open, NULL) > 0 && open &&
            text_names_socket(filename, path))
            return 1;
    }
    return 0;
}

static int ask_agent(struct domain *domain, const char *path, bool reboot,
                     struct cpuctl_error *error)
{
    _cleanup_(qmp_client_freep) struct qmp_client *client = NULL;
    struct json_object *arguments = json_object_new_object();
    struct qmp_error why = { 0 };
    int r;

    if (!arguments || qmp_object_add(arguments, "mode",
                                     json_object_new_string(reboot ? "reboot" : "powerdown")) < 0) {
        json_object_put(arguments);
        return cpuctl_error_set(error, -ENOMEM, "memory is short");
    }
    r = domain_lock(domain, DOMAIN_LOCK_AGENT, LOCK_TIMEOUT_MS, error);
    if (r < 0) {
        json_object_put(arguments);
        return r;
    }
    r = qmp_client_connect(path, QMP_CLIENT_AGENT, AGENT_TIMEOUT, NULL, &client, &why);
    if (r < 0) {
        json_object_put(arguments);
        domain_unlock(domain, DOMAIN_LOCK_AGENT);
        return cpuctl_error_set(error, r, "Guest agent is not responding: %s", why.desc);
    }
    r = qmp_client_execute(client, "guest-shutdown", arguments, AGENT_TIMEOUT, NULL, &why);
    domain_unlock(domain, DOMAIN_LOCK_AGENT);
    /* Only a failure is answered; what did what it was asked for says nothing, or goes down. */
    if (r == -ETIMEDOUT || r == -ECONNRESET)
        r = 0;
    return r < 0 ? cpuctl_error_set(error, r,
                                    "internal error: unable to execute QEMU agent command "
                                    "'guest-shutdown': %s",
                                    why.desc)
                 : 0;
}

static int by_agent(struct domain *domain, bool reboot, struct cpuctl_error *error)
{
    _cleanup_free_ char *path = domain_agent_path(domain);
    int r;

    if (!path)
        return cpuctl_error_set(error, -errno,
                                "argument unsupported: QEMU guest agent is not configured");
    r = is_agent_there(domain, path, error);
    if (r == 0)
        return cpuctl_error_set(error, -ENOTCONN,
                                "Guest agent is not responding: QEMU guest agent is not connected");
    return r < 0 ? r : ask_agent(domain, path, reboot, error);
}

int guest_power(struct domain *domain, unsigned int modes, bool reboot, struct cpuctl_error *error)
{
    struct cpuctl_error why = { 0 };
    int r;

    if (domain->state != DOMAIN_RUNNING)
        return cpuctl_error_set(error, -EINVAL,
                                "Requested operation is not valid: domain is not running");
    if (modes == GUEST_POWER_ANY)
        modes = GUEST_POWER_ACPI | GUEST_POWER_AGENT;
    if (modes & GUEST_POWER_AGENT) {
        r = by_agent(domain, reboot, &why);
        if (r == 0 || !(modes & GUEST_POWER_ACPI))
            return r == 0 ? 0 : cpuctl_error_set(error, r, "%s", why.text);
    }
    /* The power button says nothing of what is to come after it. */
    if (reboot)
        return cpuctl_error_set(
            error, -ENOTSUP,
            "argument unsupported: only a guest agent can reboot the guest%s%s; "
            "shutdown and start do it without one",
            *why.text ? ": " : "", why.text);
    return guest_ask(domain, "system_powerdown", NULL, error);
}
