/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of the commands on vCPUs, and guestvcpus, vcpucount and qemu-agent-command. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cpulist.h"
#include "guest.h"
#include "output.h"
#include "qmp/json.h"
#include "target.h"
#include "tools/interrupt.h"
#include "vcpu-commands.h"

const struct command vcpu_commands[] = {
    { .name = "emulatorpin",
      .summary = "control or query domain emulator affinity",
      .description = "Pin domain emulator threads to host physical CPUs.",
      .options = emulatorpin_options,
      .run = cmd_emulatorpin },
    { .name = "guestvcpus",
      .summary = "query or modify state of vcpu in the guest (via agent)",
      .description = "Use the guest agent to query or set cpu state from guest's point of view",
      .options = guestvcpus_options,
      .run = cmd_guestvcpus },
    { .name = "maxvcpus",
      .summary = "connection vcpu maximum",
      .description = "Show maximum number of virtual CPUs for guests on this host.",
      .options = maxvcpus_options,
      .run = cmd_maxvcpus },
    { .name = "qemu-agent-command",
      .summary = "QEMU Guest Agent Command",
      .description = "Run an arbitrary qemu guest agent command; use at your own risk",
      .options = agent_command_options,
      .run = cmd_agent_command },
    { .name = "setvcpu",
      .summary = "attach/detach vcpu or groups of threads",
      .description = "Add or remove vcpus",
      .options = setvcpu_options,
      .run = cmd_setvcpu },
    { .name = "setvcpus",
      .summary = "change number of virtual CPUs",
      .description = "Change the number of virtual CPUs in the guest domain.",
      .options = setvcpus_options,
      .run = cmd_setvcpus },
    { .name = "status",
      .summary = "each vcpu as host and guest have it, and why they differ",
      .description =
          "Show for each vcpu whether it is configured, requested, plugged, present in the "
          "guest and online there, what the guest said last, and where these disagree.",
      .options = status_options,
      .run = cmd_status },
    { .name = "vcpucount",
      .summary = "domain vcpu counts",
      .description = "Returns the number of virtual CPUs used by the domain.",
      .options = vcpucount_options,
      .run = cmd_vcpucount },
    { .name = "vcpuinfo",
      .summary = "detailed domain vcpu information",
      .description = "Returns basic information about the domain virtual CPUs.",
      .options = vcpuinfo_options,
      .run = cmd_vcpuinfo },
    { .name = "vcpupin",
      .summary = "control or query domain vcpu affinity",
      .description = "Pin domain VCPUs to host physical CPUs.",
      .options = vcpupin_options,
      .run = cmd_vcpupin },
    { 0 },
};

/* ---- guestvcpus ---- */

const struct option_def guestvcpus_options[] = {
    OPTION_DOMAIN,
    { .name = "cpulist",
      .help = "list of cpus to enable or disable",
      .type = OPTION_STRING,
      .positional = true },
    { .name = "enable", .help = "enable cpus specified by cpulist" },
    { .name = "disable", .help = "disable cpus specified by cpulist" },
    { 0 },
};

static int check_guestvcpus(const struct arguments *arguments, struct cpuctl_error *error)
{
    static const char *const states[] = { "enable", "disable" };
    bool list = arguments_has(arguments, "cpulist"), any = false;
    int r = arguments_exclusive(arguments, "enable", "disable", error);

    if (r == 0 && list && !*arguments_get(arguments, "cpulist"))
        return cpuctl_error_set(error, -EINVAL,
                                "Failed to get option 'cpulist': Option argument is empty");
    for (size_t i = 0; r == 0 && i < 2; i++) {
        any = any || arguments_has(arguments, states[i]);
        if (arguments_has(arguments, states[i]) && !list)
            r = cpuctl_error_set(error, -EINVAL, "Option --cpulist is required by option --%s",
                                 states[i]);
    }
    if (r == 0 && list && !any)
        r = cpuctl_error_set(
            error, -EINVAL, "One of options --enable or --disable is required by option --cpulist");
    return r;
}

int print_change_json(const struct cpuctl_set *set, bool online)
{
    _cleanup_free_ char *list = cpuctl_set_format_list(set);
    struct json_object *value = json_object_new_object();

    if (!list || !value ||
        qmp_object_add(value, online ? "onlined" : "offlined", json_object_new_string(list)) < 0) {
        json_object_put(value);
        value = NULL;
    }
    return output_json(value);
}

/* One CPU set of the guest: "online         : 0-3". */
static int put_set(struct json_object *value, const char *name, const struct cpuctl_set *set)
{
    _cleanup_free_ char *list = cpuctl_set_format_list(set);

    if (!list)
        return -ENOMEM;
    if (value)
        return qmp_object_add(value, name, json_object_new_string(list));
    printf("%-15s: %s\n", name, list);
    return 0;
}

static int print_guest(const struct tool *tool, const struct guest_cpus *cpus)
{
    struct json_object *value = tool->json ? json_object_new_object() : NULL;
    int r = tool->json && !value ? -ENOMEM : 0;

    if (r == 0)
        r = put_set(value, "vcpus", cpus->present);
    if (r == 0)
        r = put_set(value, "online", cpus->online);
    if (r == 0)
        r = put_set(value, "offlinable", cpus->offlinable);
    if (r < 0) {
        json_object_put(value);
        return output_error("out of memory");
    }
    return tool->json ? output_json(value) : EXIT_DONE;
}

/* What libvirt refuses before it asks the agent (qemuDomainSetGuestVcpus()). */
static int check_guest_list(const struct guest_cpus *cpus, const struct cpuctl_set *set,
                            bool online, struct cpuctl_error *error)
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *left = cpuctl_set_dup(set);
    _cleanup_free_ char *list = NULL;

    if (!left)
        return cpuctl_error_set(error, -ENOMEM, "out of memory");
    cpuctl_set_andnot(left, cpus->present);
    list = cpuctl_set_format_list(left);
    if (!cpuctl_set_is_empty(left))
        return cpuctl_error_set(error, -EINVAL, "invalid argument: guest is missing vCPUs '%s'",
                                list ? list : "?");
    cpuctl_set_foreach (cpu, set) {
        if (!online && !cpuctl_set_has(cpus->offlinable, (unsigned int)cpu))
            return cpuctl_error_set(error, -EOPNOTSUPP,
                                    "Operation not supported: vCPU '%d' is not offlinable", cpu);
    }
    return 0;
}

int cmd_guestvcpus(struct tool *tool, const struct arguments *arguments)
{
    _cleanup_(target_release) struct target target = { 0 };
    _cleanup_(guest_cpus_release) struct guest_cpus cpus = { 0 };
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *set = NULL;
    const char *list = arguments_get(arguments, "cpulist");
    bool online = arguments_has(arguments, "enable");
    struct cpuctl_error error = { 0 };
    int r = check_guestvcpus(arguments, &error);

    if (r == 0)
        r = target_find(tool, arguments, &target, &error);
    if (r == 0 && list)
        r = cpulist_parse(list, CPULIST_VCPUS_MAX, &set, &error);
    if (r == 0 && !target_is_running(&target))
        r = cpuctl_error_set(&error, -EINVAL,
                             "Requested operation is not valid: domain is not running");
    if (r == 0)
        r = target_connect(&target, list ? TARGET_CHANGE : TARGET_QUERY, true, &error);
    if (r == 0)
        r = guest_read(target.vm, &cpus, &error);
    if (r == 0 && list)
        r = check_guest_list(&cpus, set, online, &error);
    if (r == 0 && list)
        r = guest_change(target.vm, set, online, VM_AGENT_TIMEOUT, &error);
    if (r < 0)
        return output_failure(&error, NULL);
    if (!list)
        return print_guest(tool, &cpus);
    return tool->json ? print_change_json(set, online) : EXIT_DONE;
}

/* ---- vcpucount ---- */

const struct option_def vcpucount_options[] = {
    OPTION_DOMAIN,
    { .name = "maximum", .help = "get maximum count of vcpus" },
    { .name = "active", .help = "get number of currently active vcpus" },
    { .name = "live", .help = "get value from running domain" },
    { .name = "config", .help = "get value to be used on next boot" },
    { .name = "current", .help = "get value according to current domain state" },
    { .name = "guest", .help = "retrieve vcpu count from the guest instead of the hypervisor" },
    { 0 },
};

static int check_vcpucount(const struct arguments *arguments, struct cpuctl_error *error)
{
    static const char *const pairs[][2] = { { "live", "config" },
                                            { "active", "maximum" },
                                            { "guest", "config" } };

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        if (arguments_exclusive(arguments, pairs[i][0], pairs[i][1], error) < 0)
            return -EINVAL;
    /* "--current --live" and "--current --config" once meant the active ones (cmdVcpucount()) */
    return 0;
}

/* One count. Returns 0 or a negative errno. */
static int count(struct target *target, bool config, bool maximum, unsigned int *ret,
                 struct cpuctl_error *error)
{
    int r;

    if (config) {
        const struct definition *definition = target->domain->config;

        *ret = maximum ? definition->vcpu_max : definition->vcpu_current;
        return 0;
    }
    r = target_connect(target, TARGET_QUERY, false, error);
    if (r == 0)
        r = vm_read_vcpus(target->vm, error);
    if (r == 0)
        *ret = maximum ? target->vm->n_vcpus : vm_count_plugged(target->vm);
    return r;
}

static int count_guest(struct target *target, bool maximum, unsigned int *ret,
                       struct cpuctl_error *error)
{
    _cleanup_(guest_cpus_release) struct guest_cpus cpus = { 0 };
    int r = target_connect(target, TARGET_QUERY, true, error);

    if (r == 0)
        r = guest_read(target->vm, &cpus, error);
    if (r == 0)
        *ret = cpuctl_set_count(maximum ? cpus.present : cpus.online);
    return r;
}

/* The table of all that there are. */
static int print_counts(struct target *target, struct cpuctl_error *error)
{
    struct json_object *value = target->tool->json ? json_object_new_object() : NULL;

    for (int row = 0; row < 4; row++) {
        bool maximum = row < 2, config = row % 2 == 0;
        unsigned int n = 0;
        char name[24];

        if (config ? !target->domain || !target->domain->config : !target_is_running(target))
            continue;
        if (count(target, config, maximum, &n, error) < 0) {
            json_object_put(value);
            return output_failure(error, NULL);
        }
        snprintf(name, sizeof(name), "%s-%s", maximum ? "maximum" : "current",
                 config ? "config" : "live");
        if (value && qmp_object_add(value, name, json_object_new_int64(n)) < 0)
            return output_json(NULL);
        if (!value)
            printf("%-12s %-12s %3u\n", maximum ? "maximum" : "current", config ? "config" : "live",
                   n);
    }
    return value ? output_json(value) : EXIT_DONE;
}

static int print_count(const struct tool *tool, unsigned int n)
{
    struct json_object *value;

    if (!tool->json) {
        printf("%u\n", n);
        return EXIT_DONE;
    }
    value = json_object_new_object();
    if (value && qmp_object_add(value, "count", json_object_new_int64(n)) < 0) {
        json_object_put(value);
        value = NULL;
    }
    return output_json(value);
}

int cmd_vcpucount(struct tool *tool, const struct arguments *arguments)
{
    static const char *const states[] = {
        "maximum", "active", "live", "config", "current", "guest"
    };
    _cleanup_(target_release) struct target target = { 0 };
    struct cpuctl_error error = { 0 };
    bool maximum = arguments_has(arguments, "maximum"), live, config, all = true;
    unsigned int n = 0;
    int r = check_vcpucount(arguments, &error);

    if (r == 0)
        r = target_find(tool, arguments, &target, &error);
    if (r < 0)
        return output_failure(&error, NULL);
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        all = all && !arguments_has(arguments, states[i]);
    if (all)
        return print_counts(&target, &error);
    config = arguments_has(arguments, "config");
    live = arguments_has(arguments, "live") || arguments_has(arguments, "guest");
    if (!config && !live)
        config = !target_is_running(&target);
    if (!config && !target_is_running(&target) && arguments_has(arguments, "guest") &&
        !arguments_has(arguments, "live"))
        return output_error(
            "Failed to retrieve vCPU count from the guest\n"
            "error: invalid argument: vCPU count provided by the guest agent can only "
            "be requested for live domains");
    if (!config && !target_is_running(&target))
        r = cpuctl_error_set(&error, -EINVAL,
                             "Requested operation is not valid: domain is not running");
    else if (config && !target.domain)
        r = cpuctl_error_set(&error, -EINVAL,
                             "Requested operation is not valid: it has no persistent definition");
    else if (config)
        r = domain_need_config(target.domain, &error);
    if (r == 0 && arguments_has(arguments, "guest"))
        r = count_guest(&target, maximum, &n, &error);
    else if (r == 0)
        r = count(&target, config, maximum, &n, &error);
    if (r < 0)
        return output_failure(&error, NULL);
    return print_count(tool, n);
}

/* ---- qemu-agent-command ---- */

const struct option_def agent_command_options[] = {
    OPTION_DOMAIN,
    { .name = "timeout", .help = "timeout seconds. must be positive.", .type = OPTION_NUMBER },
    { .name = "async", .help = "execute command without waiting for timeout" },
    { .name = "block", .help = "execute command without timeout" },
    { .name = "pretty", .help = "pretty-print the output" },
    { .name = "cmd",
      .help = "command",
      .type = OPTION_STRING,
      .required = true,
      .positional = true },
    { 0 },
};

/* Microseconds; without an option 5 s, as virsh. */
static int agent_timeout(const struct arguments *arguments, uint64_t *ret_usec,
                         struct cpuctl_error *error)
{
    bool block = arguments_has(arguments, "block"), async = arguments_has(arguments, "async");
    unsigned int seconds = 5;
    int r = arguments_get_uint(arguments, "timeout", &seconds, error);

    if (r < 0)
        return r;
    if (r > 0 && seconds == 0)
        return cpuctl_error_set(error, -EINVAL, "timeout must be positive");
    if ((r > 0) + block + async > 1)
        return cpuctl_error_set(error, -EINVAL, "timeout, async and block options are exclusive");
    *ret_usec = block ? QMP_CLIENT_FOREVER : async ? 0 : (uint64_t)seconds * 1000000;
    return 0;
}

/* The error of a reply that is one, with the name of the command that it is for. */
static int check_reply(const char *text, struct json_object *reply, struct cpuctl_error *error)
{
    _cleanup_json_ struct json_object *command = NULL;
    struct json_object *failure = NULL;
    const char *name = "", *desc = "";

    if (qmp_get_object(reply, NULL, "error", QMP_OPTIONAL, &failure, NULL) == 0)
        return 0;
    if (qmp_json_parse(text, strlen(text), &command, NULL) == 0)
        qmp_get_string(command, NULL, "execute", QMP_OPTIONAL, &name, NULL);
    qmp_get_string(failure, NULL, "desc", QMP_OPTIONAL, &desc, NULL);
    return cpuctl_error_set(error, -EREMOTEIO,
                            "internal error: unable to execute QEMU agent command '%.60s': %.360s",
                            name, desc);
}

static int pass(struct target *target, const char *text, uint64_t timeout_usec,
                struct json_object **ret_reply, struct cpuctl_error *error)
{
    struct qmp_error cause = { 0 };
    struct qmp_client *agent;
    int r;

    if (timeout_usec > 0 && timeout_usec < target->vm->agent_timeout)
        target->vm->agent_timeout = timeout_usec;
    r = vm_agent(target->vm, &agent, error);
    if (r < 0)
        return r;
    target_leave_monitor(target);
    r = qmp_client_pass(agent, text, timeout_usec, ret_reply, &cause);
    if (r == -EINVAL)
        return vm_error(error, r, "internal error: cannot parse json ", &cause);
    if (r == -ETIMEDOUT && timeout_usec == 0)
        return cpuctl_error_set(error, r,
                                "Guest agent is not responding: Guest agent not available for now");
    if (r < 0)
        return vm_error(error, r, "Guest agent is not responding: ", &cause);
    return check_reply(text, *ret_reply, error);
}

int cmd_agent_command(struct tool *tool, const struct arguments *arguments)
{
    _cleanup_(target_release) struct target target = { 0 };
    _cleanup_json_ struct json_object *reply = NULL;
    struct cpuctl_error error = { 0 };
    uint64_t timeout = 0;
    int r = agent_timeout(arguments, &timeout, &error);

    if (r == 0)
        r = target_find(tool, arguments, &target, &error);
    if (r == 0 && !target_is_running(&target))
        r = cpuctl_error_set(&error, -EINVAL,
                             "Requested operation is not valid: domain is not running");
    if (r == 0)
        r = target_connect(&target, TARGET_QUERY, true, &error);
    if (r == 0)
        r = pass(&target, arguments_get(arguments, "cmd"), timeout, &reply, &error);
    if (r < 0)
        return output_failure(&error, NULL);
    if (arguments_has(arguments, "pretty")) {
        printf("%s\n\n", json_object_to_json_string_ext(reply, JSON_C_TO_STRING_PRETTY |
                                                                   JSON_C_TO_STRING_SPACED));
        return EXIT_DONE;
    }
    printf("%s\n", json_object_to_json_string_ext(reply, JSON_C_TO_STRING_PLAIN));
    return EXIT_DONE;
}
