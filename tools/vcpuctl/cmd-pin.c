/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vcpupin and emulatorpin. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpulist.h"
#include "host-thread.h"
#include "output.h"
#include "qmp/json.h"
#include "target.h"
#include "vcpu-commands.h"

#define OPTIONS_PIN                                                                                \
    { .name = "cpulist",                                                                           \
      .help = "host cpu number(s) to set, or omit option to query",                                \
      .type = OPTION_STRING,                                                                       \
      .positional = true },                                                                        \
        { .name = "config", .help = "affect next boot" },                                          \
        { .name = "live", .help = "affect running domain" },                                       \
        { .name = "current", .help = "affect current domain" },                                    \
    {                                                                                              \
        0                                                                                          \
    }

const struct option_def vcpupin_options[] = {
    OPTION_DOMAIN,
    { .name = "vcpu", .help = "vcpu number", .type = OPTION_NUMBER, .positional = true },
    OPTIONS_PIN,
};

const struct option_def emulatorpin_options[] = {
    OPTION_DOMAIN,
    OPTIONS_PIN,
};

/* "r" stands for all CPUs of the host, as in virsh (virshParseCPUList()). */
static int parse_list(const char *text, struct cpuctl_set **ret_set)
{
    unsigned int limit = host_cpus();
    struct cpuctl_error error = { 0 };
    char all[24];

    if (strcmp(text, "r") == 0) {
        snprintf(all, sizeof(all), "0-%u", limit - 1);
        text = all;
    }
    if (cpulist_parse(text, limit, ret_set, &error) == 0 && !cpuctl_set_is_empty(*ret_set))
        return 0;
    if (error.code)
        output_failure(&error, "Invalid cpulist '%s'", text);
    else
        output_error("Invalid cpulist '%s'", text);
    return -EINVAL;
}

/* ---- what is ---- */

/* Where vCPU @index may run: a running thread's affinity, or else the definition's. The caller
 * frees it. */
static int find_affinity(const struct target *target, unsigned int affects, int index,
                         struct cpuctl_set **ret_set, struct cpuctl_error *error)
{
    const struct definition *definition = NULL;
    const struct cpuctl_set *set = NULL;
    struct cpuctl_set *all;
    const struct vm *vm = target->vm;

    if ((affects & AFFECT_LIVE) && index >= 0 && vm->vcpus[index].plugged)
        return host_thread_affinity(vm->vcpus[index].thread_id, ret_set, error);
    if ((affects & AFFECT_LIVE) && index < 0) {
        pid_t process = host_thread_process(vm->vcpus[0].thread_id, error);

        return process < 0 ? process : host_thread_affinity(process, ret_set, error);
    }
    if (target->domain)
        definition = affects & AFFECT_LIVE ? target->domain->live : target->domain->config;
    /* A VMM may list more than it was started with. */
    if (definition && index < (int)definition->vcpu_max)
        set = index < 0 ? definition->emulatorpin : definition->vcpus[index].pin;
    if (!set && definition)
        set = definition->cpuset;
    all = set ? cpuctl_set_dup(set) : cpuctl_set_new();
    if (!all || (!set && cpuctl_set_add_range(all, 0, host_cpus() - 1) < 0)) {
        cpuctl_set_free(all);
        return cpuctl_error_set(error, -ENOMEM, "out of memory");
    }
    *ret_set = all;
    return 0;
}

static int print_row(const struct target *target, unsigned int affects, int index,
                     struct json_object *list, struct cpuctl_error *error)
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *set = NULL;
    _cleanup_free_ char *text = NULL;
    struct json_object *entry;
    int r = find_affinity(target, affects, index, &set, error);

    if (r < 0)
        return r;
    text = cpuctl_set_format_list(set);
    if (!text)
        return cpuctl_error_set(error, -ENOMEM, "out of memory");
    if (!list) {
        if (index < 0)
            printf("       *: %s\n", text);
        else
            printf(" %-6d %s\n", index, text);
        return 0;
    }
    entry = json_object_new_object();
    if (entry && index >= 0)
        r = qmp_object_add(entry, "vcpu", json_object_new_int(index));
    if (entry && r == 0)
        r = qmp_object_add(entry, "affinity", json_object_new_string(text));
    if (r < 0) {
        json_object_put(entry);
        entry = NULL;
    }
    return qmp_array_add(list, entry);
}

/* How many vCPUs there can be in the state that is asked for. */
static unsigned int count(const struct target *target, unsigned int affects)
{
    return affects & AFFECT_LIVE ? target->vm->n_vcpus : target->domain->config->vcpu_max;
}

static int connect_live(struct target *target, unsigned int affects, enum target_use use,
                        struct cpuctl_error *error)
{
    int r = affects & AFFECT_LIVE ? target_connect(target, use, false, error) : 0;

    return r == 0 && (affects & AFFECT_LIVE) ? vm_read_vcpus(target->vm, error) : r;
}

/* One row, or all of them (@only < 0). */
static int query_vcpus(struct target *target, unsigned int affects, int only)
{
    struct json_object *list = target->tool->json ? json_object_new_array() : NULL;
    struct cpuctl_error error = { 0 };
    int r = connect_live(target, affects, TARGET_QUERY, &error);
    unsigned int n = r < 0 ? 0 : count(target, affects);

    if (r == 0 && only >= (int)n) {
        json_object_put(list);
        return output_error("vcpu %d is out of range of %s cpu count %u", only,
                            affects & AFFECT_LIVE ? "live" : "persistent", n);
    }
    if (r == 0 && !list)
        printf(" VCPU   CPU Affinity\n----------------------\n");
    for (unsigned int i = 0; r == 0 && i < n; i++)
        if (only < 0 || (unsigned int)only == i)
            r = print_row(target, affects, (int)i, list, &error);
    if (r < 0) {
        json_object_put(list);
        return output_failure(&error, NULL);
    }
    return list ? output_json(list) : EXIT_DONE;
}

static int query_emulator(struct target *target, unsigned int affects)
{
    struct json_object *list = target->tool->json ? json_object_new_array() : NULL;
    struct cpuctl_error error = { 0 };
    int r = connect_live(target, affects, TARGET_QUERY, &error);

    if (r == 0 && !list)
        printf("emulator: CPU Affinity\n----------------------------------\n");
    if (r == 0)
        r = print_row(target, affects, -1, list, &error);
    if (r < 0) {
        json_object_put(list);
        return output_failure(&error, NULL);
    }
    return list ? output_json(list) : EXIT_DONE;
}

/* ---- what is to be ---- */

static int pin_emulator(const struct vm *vm, const struct cpuctl_set *set,
                        struct cpuctl_error *error)
{
    _cleanup_free_ pid_t *threads = calloc(vm->n_vcpus, sizeof(*threads));
    pid_t process = host_thread_process(vm->vcpus[0].thread_id, error);

    if (!threads)
        return cpuctl_error_set(error, -ENOMEM, "out of memory");
    for (unsigned int i = 0; i < vm->n_vcpus; i++)
        threads[i] = vm->vcpus[i].thread_id;
    return process < 0 ? process : host_process_pin(process, threads, vm->n_vcpus, set, error);
}

static int check_index(const struct definition *definition, int index, struct cpuctl_error *error)
{
    if (index < (int)definition->vcpu_max)
        return 0;
    return cpuctl_error_set(error, -EINVAL,
                            "invalid argument: vcpu %d is out of range of persistent cpu count %u",
                            index, definition->vcpu_max);
}

static int set_definition(struct definition *definition, int index, const struct cpuctl_set *set,
                          struct cpuctl_error *error)
{
    if (index < 0)
        return definition_set_emulatorpin(definition, set, error);
    if (check_index(definition, index, error) < 0)
        return -EINVAL;
    return definition_set_vcpupin(definition, (unsigned int)index, set, error);
}

static int pin_live(struct target *target, int index, const struct cpuctl_set *set,
                    struct cpuctl_error *error)
{
    const struct vm *vm;
    int r = connect_live(target, AFFECT_LIVE, TARGET_CHANGE, error);

    if (r < 0)
        return r;
    vm = target->vm;
    if (index >= (int)vm->n_vcpus)
        return cpuctl_error_set(error, -EINVAL,
                                "invalid argument: vcpu %d is out of range of live cpu count %u",
                                index, vm->n_vcpus);
    if (index < 0)
        r = pin_emulator(vm, set, error);
    else if (vm->vcpus[index].plugged)
        r = host_thread_pin(vm->vcpus[index].thread_id, set, error);
    if (r < 0 || !target->domain || !target->domain->live)
        return r;
    r = set_definition(target->domain->live, index, set, error);
    return r < 0 ? r : domain_save_live(target->domain, error);
}

static int pin_config(struct target *target, int index, const struct cpuctl_set *set,
                      struct cpuctl_error *error)
{
    int r = target_lock_config(target, error);

    if (r == 0)
        r = set_definition(target->domain->config, index, set, error);
    return r < 0 ? r : domain_save_config(target->domain, error);
}

/* @index -1: the emulator. */
static int pin(struct target *target, unsigned int affects, int index, const struct cpuctl_set *set)
{
    struct cpuctl_error error = { 0 };
    int r = 0;

    /* Both states are looked at before the first of them is changed. */
    if (affects & AFFECT_CONFIG)
        r = check_index(target->domain->config, index, &error);
    if (r == 0 && (affects & AFFECT_LIVE))
        r = pin_live(target, index, set, &error);
    if (r < 0)
        return output_failure(&error, NULL);
    if ((affects & AFFECT_CONFIG) && pin_config(target, index, set, &error) < 0)
        return config_failure((int)affects, &error);
    return EXIT_DONE;
}

/* ---- the commands ---- */

/* What virsh refuses of a query (cmdVcpuPin()). */
static int check_query(const struct target *target, const struct arguments *arguments,
                       struct cpuctl_error *error)
{
    if (arguments_has(arguments, "live") && !target_is_running(target))
        return cpuctl_error_set(error, -EINVAL, "cannot get vcpupin for offline domain");
    if (arguments_has(arguments, "config") && target->domain && !target->domain->config &&
        !target->domain->damage)
        return cpuctl_error_set(error, -EINVAL, "cannot get vcpupin for transient domain");
    return 0;
}

int cmd_vcpupin(struct tool *tool, const struct arguments *arguments)
{
    _cleanup_(target_release) struct target target = { 0 };
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *set = NULL;
    const char *list = arguments_get(arguments, "cpulist");
    struct cpuctl_error error = { 0 };
    unsigned int vcpu = 0;
    int given = arguments_get_uint(arguments, "vcpu", &vcpu, &error), affects;

    if (given == 0 && list)
        return output_error("vcpupin: Missing vCPU number in pin mode.");
    if (given < 0 || vcpu >= DEFINITION_VCPUS_MAX)
        return given < 0 ? output_failure(&error, NULL)
                         : output_error("vcpu %u is out of range: there are never more than %u",
                                        vcpu, DEFINITION_VCPUS_MAX);
    if (arguments_exclusive(arguments, "current", "live", &error) < 0 ||
        arguments_exclusive(arguments, "current", "config", &error) < 0 ||
        (!list && arguments_exclusive(arguments, "live", "config", &error) < 0) ||
        target_find(tool, arguments, &target, &error) < 0 ||
        (!list && check_query(&target, arguments, &error) < 0))
        return output_failure(&error, NULL);
    if (list && parse_list(list, &set) < 0)
        return EXIT_FAILED;
    affects = target_affects(&target, arguments, list ? AFFECT_LIVE : 0, &error);
    if (affects < 0)
        return output_failure(&error, NULL);
    if (!list)
        return query_vcpus(&target, (unsigned int)affects, given > 0 ? (int)vcpu : -1);
    return pin(&target, (unsigned int)affects, (int)vcpu, set);
}

int cmd_emulatorpin(struct tool *tool, const struct arguments *arguments)
{
    _cleanup_(target_release) struct target target = { 0 };
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *set = NULL;
    const char *list = arguments_get(arguments, "cpulist");
    struct cpuctl_error error = { 0 };
    int affects;

    if (target_find(tool, arguments, &target, &error) < 0)
        return output_failure(&error, NULL);
    if (list && parse_list(list, &set) < 0)
        return EXIT_FAILED;
    affects = target_affects(&target, arguments, list ? AFFECT_LIVE : 0, &error);
    if (affects < 0)
        return output_failure(&error, NULL);
    /* virsh leaves it to the library (virDomainGetEmulatorPinInfo()). */
    if (!list && affects == (AFFECT_LIVE | AFFECT_CONFIG))
        return output_error("Flags 'VIR_DOMAIN_AFFECT_LIVE' and 'VIR_DOMAIN_AFFECT_CONFIG' are "
                            "mutually exclusive");
    if (!list)
        return query_emulator(&target, (unsigned int)affects);
    return pin(&target, (unsigned int)affects, -1, set);
}
