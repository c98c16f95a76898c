/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a command on vCPUs works on. */
#include "target.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

int target_find(struct tool *tool, const struct arguments *arguments, struct target *ret_target,
                struct cpuctl_error *error)
{
    struct target target = { .tool = tool };
    int r = 0;

    if (tool->agent && !tool->qmp)
        return cpuctl_error_set(error, -EINVAL, "Option --qmp is required by option --agent");
    if (!tool->qmp && !tool->store)
        r = store_open(NULL, NULL, &tool->store, error);
    if (r == 0 && !tool->qmp)
        r = store_find(tool->store, arguments_get(arguments, "domain"), &target.domain, error);
    if (r < 0)
        return r;
    *ret_target = target;
    return 0;
}

void target_release(struct target *target)
{
    vm_free(target->vm);
    domain_free(target->domain);
    *target = (struct target){ 0 };
}

bool target_is_running(const struct target *target)
{
    return !target->domain || target->domain->state == DOMAIN_RUNNING;
}

int target_affects(const struct target *target, const struct arguments *arguments,
                   unsigned int otherwise, struct cpuctl_error *error)
{
    bool live = arguments_has(arguments, "live"), config = arguments_has(arguments, "config");
    unsigned int affects = (live ? AFFECT_LIVE : 0U) | (config ? AFFECT_CONFIG : 0U);
    int r = arguments_exclusive(arguments, "current", "live", error);

    if (r == 0)
        r = arguments_exclusive(arguments, "current", "config", error);
    if (r < 0)
        return r;
    if (affects == 0 && !arguments_has(arguments, "current"))
        affects = otherwise;
    if (affects == 0)
        affects = target_is_running(target) ? AFFECT_LIVE : AFFECT_CONFIG;
    if ((affects & AFFECT_LIVE) && !target_is_running(target))
        return cpuctl_error_set(error, -EINVAL,
                                "Requested operation is not valid: domain is not running");
    if ((affects & AFFECT_CONFIG) && !target->domain)
        return cpuctl_error_set(error, -EINVAL,
                                "Requested operation is not valid: the VM behind --qmp has no "
                                "definition for --config");
    if (affects & AFFECT_CONFIG)
        r = domain_need_config(target->domain, error);
    return r < 0 ? r : (int)affects;
}

int target_lock_config(struct target *target, struct cpuctl_error *error)
{
    int r = domain_lock(target->domain, DOMAIN_LOCK_CHANGE, DOMAIN_LOCK_TIMEOUT, error);

    return r < 0 ? r : domain_need_config(target->domain, error);
}

/* The sockets of a domain, and the locks that go with them. */
static int connect_domain(struct target *target, enum target_use use, bool with_agent,
                          struct cpuctl_error *error)
{
    static const struct {
        enum domain_lock lock;
        enum domain_qmp role;
    } uses[] = {
        [TARGET_QUERY] = { DOMAIN_LOCK_QUERY, DOMAIN_QMP_QUERY },
        [TARGET_CHANGE] = { DOMAIN_LOCK_CHANGE, DOMAIN_QMP_CONTROL },
        [TARGET_WATCH] = { DOMAIN_LOCK_WATCH, DOMAIN_QMP_WATCH },
    };
    struct domain *domain = target->domain;
    _cleanup_free_ char *qmp = NULL;
    _cleanup_free_ char *agent = NULL;
    unsigned int patience = target->patience_ms ? target->patience_ms : DOMAIN_LOCK_TIMEOUT;
    int r = domain_lock(domain, uses[use].lock, patience, error);

    if (r == 0 && with_agent)
        r = domain_lock(domain, DOMAIN_LOCK_AGENT, patience, error);
    if (r < 0)
        return r;
    if (!domain_is_alive(domain))
        return cpuctl_error_set(error, -EINVAL,
                                "Requested operation is not valid: domain is not running");
    qmp = domain_qmp_path(domain, uses[use].role);
    if (!qmp)
        return cpuctl_error_set(error, -ENOMEM, "out of memory");
    agent = domain_agent_path(domain);
    if (!agent && errno != ENODEV)
        return cpuctl_error_set(error, -ENOMEM, "out of memory");
    r = vm_open(qmp, agent, &target->vm, error);
    if (r == 0)
        target->vm->process = domain->pid;
    return r;
}

int target_connect(struct target *target, enum target_use use, bool with_agent,
                   struct cpuctl_error *error)
{
    if (target->vm)
        return 0;
    if (target->domain)
        return connect_domain(target, use, with_agent, error);
    return vm_open(target->tool->qmp, target->tool->agent, &target->vm, error);
}

void target_leave_monitor(struct target *target)
{
    qmp_client_free(target->vm->monitor);
    target->vm->monitor = NULL;
    if (target->domain)
        domain_unlock(target->domain, DOMAIN_LOCK_QUERY);
}

unsigned int host_cpus(void)
{
    long n = sysconf(_SC_NPROCESSORS_CONF);

    return n > 0 ? (unsigned int)n : 1;
}
