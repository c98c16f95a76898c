/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* setvcpus and setvcpu: words, refusals and meanings of virsh 9.0; what it can't do is added. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cpulist.h"
#include "host-thread.h"
#include "output.h"
#include "qmp/json.h"
#include "resize.h"
#include "target.h"
#include "tools/interrupt.h"
#include "vcpu-commands.h"

/* Seconds for the guest's part, unless --timeout gives others; and the most that it can give. */
#define TIMEOUT     30U
#define TIMEOUT_MAX 86400U

#define OPTIONS_RESIZE                                                                             \
    { .name = "timeout",                                                                           \
      .help = "seconds that the guest may take (default 30)",                                      \
      .type = OPTION_NUMBER },                                                                     \
        { .name = "no-wait", .help = "do not wait until the guest has added vcpus online" },       \
    {                                                                                              \
        .name = "keep-partial", .help = "leave what is removed if another vcpu can't go"           \
    }

const struct option_def setvcpus_options[] = {
    OPTION_DOMAIN,
    { .name = "count",
      .help = "number of virtual CPUs",
      .type = OPTION_NUMBER,
      .required = true,
      .positional = true },
    { .name = "maximum", .help = "set maximum limit on next boot" },
    { .name = "config", .help = "affect next boot" },
    { .name = "live", .help = "affect running domain" },
    { .name = "current", .help = "affect current domain" },
    { .name = "guest", .help = "modify cpu state in the guest" },
    { .name = "hotpluggable", .help = "make added vcpus hot(un)pluggable" },
    OPTIONS_RESIZE,
    { 0 },
};

const struct option_def setvcpu_options[] = {
    OPTION_DOMAIN,
    { .name = "vcpulist",
      .help = "ids of vcpus to manipulate",
      .type = OPTION_STRING,
      .required = true,
      .positional = true },
    { .name = "enable", .help = "enable cpus specified by cpumap" },
    { .name = "disable", .help = "disable cpus specified by cpumap" },
    { .name = "config", .help = "affect next boot" },
    { .name = "live", .help = "affect running domain" },
    { .name = "current", .help = "affect current domain" },
    OPTIONS_RESIZE,
    { 0 },
};

/* ---- progress ---- */

struct progress {
    bool terminal; /* a line can be drawn again */
    bool inside;   /* one has been begun */
};

/* To standard error, so that standard output stays as virsh's. */
static void show(void *user, unsigned int index, const char *text, bool last)
{
    struct progress *progress = user;

    progress->inside = progress->terminal && !last;
    if (progress->terminal)
        fprintf(stderr, "\r\033[KvCPU %u: %s%s", index, text, last ? "\n" : "");
    else if (last)
        fprintf(stderr, "vCPU %u: %s\n", index, text);
}

/* ---- the outcome ---- */

static struct json_object *vcpu_json(const struct resize *resize, const struct resize_vcpu *vcpu)
{
    struct json_object *entry = json_object_new_object();
    int r = entry ? 0 : -ENOMEM;

    if (r == 0)
        r = qmp_object_add(entry, "vcpu", json_object_new_int((int)vcpu->index));
    if (r == 0)
        r = qmp_object_add(entry, "result",
                           json_object_new_string(resize_outcome_name(resize, vcpu)));
    if (r == 0 && vcpu->reason[0])
        r = qmp_object_add(entry, "reason", json_object_new_string(vcpu->reason));
    if (r == 0)
        return entry;
    json_object_put(entry);
    return NULL;
}

static int print_json(const struct resize *resize, int result, const struct cpuctl_error *error)
{
    struct json_object *value = json_object_new_object();
    struct json_object *list = json_object_new_array();
    int r = value ? 0 : -ENOMEM;

    if (r == 0)
        r = qmp_object_add(value, "reached", json_object_new_boolean(result == 0));
    if (r == 0 && result < 0)
        r = qmp_object_add(value, "error", json_object_new_string(error->text));
    if (r == 0)
        r = qmp_object_add(value, "agent", json_object_new_boolean(resize->agent));
    if (r == 0)
        r = qmp_object_add(value, "vcpus", json_object_get(list));
    for (unsigned int i = 0; r == 0 && i < resize->n_vcpus; i++)
        r = qmp_array_add(list, vcpu_json(resize, &resize->vcpus[i]));
    json_object_put(list);
    if (r < 0) {
        json_object_put(value);
        value = NULL;
    }
    return output_json(value);
}

/* What the operator is told when it is not reached, or not surely. */
static int report(const struct tool *tool, const struct resize *resize, int r,
                  const struct cpuctl_error *error)
{
    int status = EXIT_DONE;

    if (r < 0)
        status = resize_is_partial(resize) || r == -ETIMEDOUT ? EXIT_PARTIAL : EXIT_FAILED;
    if (tool->json && print_json(resize, r, error) != EXIT_DONE)
        return EXIT_FAILED;
    if (r == -ETIMEDOUT)
        output_error("operation timed out: %s; the request stays with the guest: see status, and "
                     "give the same command again to go on waiting",
                     error->text);
    else if (r < 0)
        output_failure(error, NULL);
    else if (resize->no_agent[0])
        output_warning("the guest's CPUs could not be looked at: %s", resize->no_agent);
    return status;
}

/* ---- a live resize ---- */

static int take_timeout(const struct arguments *arguments, uint64_t *ret_usec,
                        struct cpuctl_error *error)
{
    unsigned int seconds = TIMEOUT;
    int r = arguments_get_uint(arguments, "timeout", &seconds, error);

    if (r >= 0 && (seconds == 0 || seconds > TIMEOUT_MAX))
        return cpuctl_error_set(error, -EINVAL,
                                "Numeric value '%u' for <timeout> option is not one of 1 to %u",
                                seconds, TIMEOUT_MAX);
    *ret_usec = (uint64_t)seconds * 1000000;
    return r < 0 ? r : 0;
}

/* Whoever gives the guest little time has none for other operators either. */
static int connect_change(struct target *target, const struct arguments *arguments,
                          struct cpuctl_error *error)
{
    uint64_t usec;
    int r = take_timeout(arguments, &usec, error);

    if (r == 0 && usec / 1000 < DOMAIN_LOCK_TIMEOUT)
        target->patience_ms = (unsigned int)(usec / 1000);
    return r < 0 ? r : target_connect(target, TARGET_CHANGE, true, error);
}

/* vCPUs that the running definition has as not hot-pluggable. */
static int find_fixed(const struct target *target, struct cpuctl_set **ret_set)
{
    const struct definition *live = target->domain ? target->domain->live : NULL;
    struct cpuctl_set *set = cpuctl_set_new();

    for (unsigned int i = 0; set && live && i < live->vcpu_max; i++)
        if (live->vcpus[i].enabled && !live->vcpus[i].hotpluggable && cpuctl_set_add(set, i) < 0)
            return -ENOMEM;
    *ret_set = set;
    return set ? 0 : -ENOMEM;
}

/*
 * Writes what is asked for to the running definition: status shows it as "requested". @all: a count
 * is asked for, which says of every vCPU what is to be; what an earlier call asked for and did not
 * get is no longer so.
 */
static int note_asked(struct target *target, const struct resize *resize, bool all,
                      struct cpuctl_error *error)
{
    struct definition *live = target->domain ? target->domain->live : NULL;
    int r = 0;

    if (!live)
        return 0;
    for (unsigned int i = 0; all && r == 0 && i < target->vm->n_vcpus && i < live->vcpu_max; i++)
        r = definition_set_vcpu_enabled(live, i, target->vm->vcpus[i].plugged, error);
    for (unsigned int i = 0; r == 0 && i < resize->n_vcpus; i++)
        r = definition_set_vcpu_enabled(live, resize->vcpus[i].index, resize->adding, error);
    return r < 0 ? r : domain_save_live(target->domain, error);
}

/* Takes back from there what was not begun, was refused, or was put back. */
static int note_outcome(struct target *target, const struct resize *resize,
                        struct cpuctl_error *error)
{
    struct definition *live = target->domain ? target->domain->live : NULL;
    int r = 0;

    if (!live)
        return 0;
    for (unsigned int i = 0; r == 0 && i < resize->n_vcpus; i++) {
        const struct resize_vcpu *vcpu = &resize->vcpus[i];

        if (vcpu->outcome == RESIZE_UNTOUCHED || vcpu->outcome == RESIZE_PUT_BACK ||
            (vcpu->outcome == RESIZE_REFUSED && !vcpu->plugged))
            r = definition_set_vcpu_enabled(live, vcpu->index, !resize->adding, error);
    }
    return r < 0 ? r : domain_save_live(target->domain, error);
}

/* Lets vCPU @index's new thread run where the definition says, as at the start. */
static int pin_thread(const struct definition *live, unsigned int index, pid_t thread,
                      struct cpuctl_error *error)
{
    const struct cpuctl_set *set = live->vcpus[index].pin ? live->vcpus[index].pin : live->cpuset;
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *all = NULL;

    /* It has begun where the emulator's threads are, which is not its place. */
    if (!set && live->emulatorpin) {
        all = cpuctl_set_new();
        if (!all || cpuctl_set_add_range(all, 0, host_cpus() - 1) < 0)
            return cpuctl_error_set(error, -ENOMEM, "out of memory");
        set = all;
    }
    return set ? host_thread_pin(thread, set, error) : 0;
}

/* The same for all that were plugged, or plugged again. */
static int pin_plugged(const struct target *target, const struct resize *resize,
                       struct cpuctl_error *error)
{
    const struct definition *live = target->domain ? target->domain->live : NULL;
    int r = 0;

    for (unsigned int i = 0; live && r == 0 && i < resize->n_vcpus; i++) {
        const struct resize_vcpu *planned = &resize->vcpus[i];
        const struct vm_vcpu *vcpu = &target->vm->vcpus[planned->index];

        if (vcpu->plugged && (resize->adding || planned->outcome == RESIZE_PUT_BACK))
            r = pin_thread(live, planned->index, vcpu->thread_id, error);
    }
    return r;
}

/* Carries a plan out; @n is what planning returned. @all: see note_asked(). */
static int carry_out(struct target *target, const struct arguments *arguments,
                     struct resize *resize, int n, bool all, struct cpuctl_error *error)
{
    struct progress progress = { .terminal = isatty(STDERR_FILENO) };
    struct cpuctl_error more = { 0 };
    int r = n;

    resize->no_wait = arguments_has(arguments, "no-wait");
    resize->keep_partial = arguments_has(arguments, "keep-partial");
    if (!target->tool->quiet && !target->tool->json)
        resize->progress = show;
    resize->user = &progress;
    if (r >= 0)
        r = take_timeout(arguments, &resize->timeout_usec, error);
    interrupt_catch(); /* before anything is written that the outcome may have to correct */
    if (r >= 0)
        r = note_asked(target, resize, all, error);
    if (r < 0)
        return output_failure(error, NULL);
    r = resize_run(resize, error);
    interrupt_forget();
    if (progress.inside)
        fputc('\n', stderr);
    if (r < 0 && note_outcome(target, resize, &more) < 0)
        output_warning("%s", more.text);
    if (vm_read_vcpus(target->vm, &more) == 0 && pin_plugged(target, resize, &more) < 0)
        output_warning("%s", more.text);
    return report(target->tool, resize, r, error);
}

/* Connects for a change of the running domain; @ret_fixed is what @resize refers to. Returns
 * EXIT_DONE, or an exit code after a message. */
static int begin_live(struct target *target, const struct arguments *arguments,
                      struct resize *resize, struct cpuctl_set **ret_fixed)
{
    struct cpuctl_error error = { 0 };

    if (connect_change(target, arguments, &error) < 0)
        return output_failure(&error, NULL);
    if (find_fixed(target, ret_fixed) < 0)
        return output_error("out of memory");
    resize->vm = target->vm;
    resize->fixed = *ret_fixed;
    return EXIT_DONE;
}

static int set_live_count(struct target *target, const struct arguments *arguments,
                          unsigned int count)
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *fixed = NULL;
    struct resize resize = { 0 };
    struct cpuctl_error error = { 0 };
    int r = begin_live(target, arguments, &resize, &fixed);

    if (r != EXIT_DONE)
        return r;
    r = resize_plan_count(&resize, count, &error);
    r = carry_out(target, arguments, &resize, r, true, &error);
    resize_release(&resize);
    return r;
}

/* ---- setvcpus --guest ---- */

/* Which CPUs change so that @count are online, chosen as libvirt does: in the agent's order, and
 * never the first one if each can be taken offline (qemuAgentUpdateCPUInfo()). */
static int choose_guest(const struct guest_cpus *cpus, unsigned int count, bool *ret_online,
                        struct cpuctl_set **ret_set, struct cpuctl_error *error)
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *set = cpuctl_set_new();
    unsigned int online = cpuctl_set_count(cpus->online);
    bool keep_first = cpuctl_set_equal(cpus->present, cpus->offlinable), adding = online < count;

    if (!set)
        return cpuctl_error_set(error, -ENOMEM, "out of memory");
    cpuctl_set_foreach (cpu, cpus->present) {
        bool is_online = cpuctl_set_has(cpus->online, (unsigned int)cpu);

        if (online == count)
            break;
        if (!adding && (!is_online || !cpuctl_set_has(cpus->offlinable, (unsigned int)cpu) ||
                        (keep_first && cpu == cpuctl_set_next(cpus->present, 0))))
            continue;
        if (adding && is_online)
            continue;
        if (cpuctl_set_add(set, (unsigned int)cpu) < 0)
            return cpuctl_error_set(error, -ENOMEM, "out of memory");
        online = adding ? online + 1 : online - 1;
    }
    if (online != count)
        return cpuctl_error_set(error, -EINVAL,
                                adding
                                    ? "internal error: guest agent reports less cpu than requested"
                                    : "internal error: cannot offline enough CPUs");
    *ret_online = adding;
    *ret_set = TAKE_PTR(set);
    return 0;
}

static int set_guest_count(struct target *target, const struct arguments *arguments,
                           unsigned int count)
{
    _cleanup_(guest_cpus_release) struct guest_cpus cpus = { 0 };
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *set = NULL;
    struct cpuctl_error error = { 0 };
    struct qmp_client *agent;
    unsigned int plugged;
    uint64_t timeout;
    bool online = false;
    int r = take_timeout(arguments, &timeout, &error);

    if (r == 0)
        r = connect_change(target, arguments, &error);
    if (r == 0)
        r = vm_read_vcpus(target->vm, &error);
    if (r < 0)
        return output_failure(&error, NULL);
    r = vm_agent(target->vm, &agent, &error);
    if (r < 0)
        return output_failure(&error, NULL);
    plugged = vm_count_plugged(target->vm);
    if (count > plugged)
        return output_error("invalid argument: requested vcpu count is greater than the count of "
                            "enabled vcpus in the domain: %u > %u",
                            count, plugged);
    interrupt_catch();
    r = guest_read(target->vm, &cpus, &error);
    if (r == 0)
        r = choose_guest(&cpus, count, &online, &set, &error);
    if (r == 0 && !cpuctl_set_is_empty(set))
        r = guest_change(target->vm, set, online, timeout, &error);
    if (r < 0)
        return output_failure(&error, NULL);
    if (target->tool->json)
        return print_change_json(set, online);
    return EXIT_DONE;
}

/* ---- the definition ---- */

static int check_maximum(const char *which, unsigned int count, unsigned int maximum,
                         struct cpuctl_error *error)
{
    if (count <= maximum)
        return 0;
    return cpuctl_error_set(error, -EINVAL,
                            "invalid argument: requested vcpus is greater than max allowable vcpus "
                            "for the %s domain: %u > %u",
                            which, count, maximum);
}

/* Both states are looked at before the first of them is changed. */
static int check_count(const struct target *target, const struct arguments *arguments,
                       unsigned int affects, unsigned int count, struct cpuctl_error *error)
{
    const struct domain *domain = target->domain;
    int r = 0;

    if (arguments_has(arguments, "maximum"))
        return 0;
    if ((affects & AFFECT_LIVE) && domain && domain->live)
        r = check_maximum("live", count, domain->live->vcpu_max, error);
    if (r == 0 && (affects & AFFECT_CONFIG))
        r = check_maximum("persistent", count, domain->config->vcpu_max, error);
    return r;
}

/* A topology fixes the maximum (qemuDomainSetVcpusMax()). */
static int check_topology(const struct definition *config, unsigned int count,
                          struct cpuctl_error *error)
{
    uint64_t cpus = config->topology.sockets;

    cpus *= (uint64_t)config->topology.dies * config->topology.cores * config->topology.threads;
    if (!config->topology.given || cpus == count)
        return 0;
    return cpuctl_error_set(error, -EINVAL,
                            "invalid argument: CPU topology doesn't match the desired vcpu count");
}

static int set_config(struct target *target, const struct arguments *arguments, unsigned int count,
                      struct cpuctl_error *error)
{
    struct domain *domain = target->domain;
    int r = target_lock_config(target, error);

    if (r < 0)
        return r;
    if (arguments_has(arguments, "maximum"))
        r = check_topology(domain->config, count, error);
    if (r == 0 && arguments_has(arguments, "maximum"))
        r = definition_set_vcpu_max(domain->config, count, error);
    else if (r == 0)
        r = definition_set_vcpu_current(domain->config, count,
                                        arguments_has(arguments, "hotpluggable"), error);
    return r < 0 ? r : domain_save_config(domain, error);
}

/* ---- the commands ---- */

int config_failure(int affects, const struct cpuctl_error *error)
{
    if (!(affects & AFFECT_LIVE))
        return output_failure(error, NULL);
    output_failure(error, "the running domain was changed, and its definition was not");
    return EXIT_PARTIAL;
}

/* Options that exclude or need one another, in virsh's order (cmdSetvcpus()). */
static int check_setvcpus(const struct arguments *arguments, struct cpuctl_error *error)
{
    int r = arguments_exclusive(arguments, "current", "live", error);

    if (r == 0)
        r = arguments_exclusive(arguments, "current", "config", error);
    if (r == 0)
        r = arguments_exclusive(arguments, "guest", "config", error);
    if (r == 0 && arguments_has(arguments, "maximum") && !arguments_has(arguments, "config"))
        r = cpuctl_error_set(error, -EINVAL, "Option --config is required by option --maximum");
    return r;
}

static int setvcpus(struct target *target, const struct arguments *arguments, unsigned int count)
{
    struct cpuctl_error error = { 0 };
    bool guest = arguments_has(arguments, "guest");
    /* without any option it is the older call, for a running domain only (virDomainSetVcpus()) */
    bool plain =
        !guest && !arguments_has(arguments, "maximum") && !arguments_has(arguments, "hotpluggable");
    int affects = target_affects(target, arguments, plain ? AFFECT_LIVE : 0, &error);
    int status = EXIT_DONE;

    if (affects < 0)
        return output_failure(&error, NULL);
    if (arguments_has(arguments, "maximum") && (affects & AFFECT_LIVE))
        return output_error("Operation not supported: maximum vcpu count of a live domain can't be "
                            "modified");
    if (guest && !(affects & AFFECT_LIVE))
        return output_error("Requested operation is not valid: domain is not running");
    if (guest)
        return set_guest_count(target, arguments, count);
    if (check_count(target, arguments, (unsigned int)affects, count, &error) < 0)
        return output_failure(&error, NULL);
    if (affects & AFFECT_LIVE)
        status = set_live_count(target, arguments, count);
    if (status == EXIT_DONE && (affects & AFFECT_CONFIG) &&
        set_config(target, arguments, count, &error) < 0)
        return config_failure(affects, &error);
    return status;
}

int cmd_setvcpus(struct tool *tool, const struct arguments *arguments)
{
    _cleanup_(target_release) struct target target = { 0 };
    struct cpuctl_error error = { 0 };
    unsigned int count = 0;

    if (check_setvcpus(arguments, &error) < 0 ||
        target_find(tool, arguments, &target, &error) < 0 ||
        arguments_get_uint(arguments, "count", &count, &error) < 0)
        return output_failure(&error, NULL);
    if (count == 0)
        return output_error("Can't set 0 processors for a VM");
    return setvcpus(&target, arguments, count);
}

/* Those that can't be unplugged have to stay first (qemuDomainVcpuValidateConfig()). */
static int check_order(const struct definition *config, const struct cpuctl_set *set,
                       struct cpuctl_error *error)
{
    int first = cpuctl_set_next(set, 0);

    for (unsigned int i = (unsigned int)first + 1; i < config->vcpu_max; i++)
        if (config->vcpus[i].enabled && !config->vcpus[i].hotpluggable && !cpuctl_set_has(set, i))
            return cpuctl_error_set(
                error, -EINVAL,
                "invalid argument: vcpu '%d' can't be modified as it is followed "
                "by non-hotpluggable online vcpus",
                first);
    return 0;
}

static int check_config_list(const struct domain *domain, const struct cpuctl_set *set,
                             struct cpuctl_error *error)
{
    int last = cpuctl_set_prev(set, CPUCTL_CPUS_MAX - 1);
    int r = domain_need_config(domain, error);

    if (r < 0)
        return r;
    if (last >= (int)domain->config->vcpu_max)
        return cpuctl_error_set(
            error, -EINVAL, "invalid argument: vcpu %d is not present in persistent config", last);
    if (cpuctl_set_has(set, 0))
        return cpuctl_error_set(error, -EINVAL, "invalid argument: vCPU '0' can't be modified");
    return check_order(domain->config, set, error);
}

static int set_config_list(struct target *target, const struct cpuctl_set *set, bool enable,
                           struct cpuctl_error *error)
{
    struct domain *domain = target->domain;
    int r = target_lock_config(target, error);

    r = r < 0 ? r : check_config_list(domain, set, error);
    if (r < 0)
        return r;
    cpuctl_set_foreach (vcpu, set) {
        r = definition_set_vcpu_enabled(domain->config, (unsigned int)vcpu, enable, error);
        if (r < 0)
            return r;
    }
    return domain_save_config(domain, error);
}

/* @affects: with AFFECT_CONFIG the definition is looked at before anything is changed. */
static int set_live_list(struct target *target, const struct arguments *arguments,
                         unsigned int affects, const struct cpuctl_set *set, bool enable)
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *fixed = NULL;
    struct resize resize = { 0 };
    struct cpuctl_error error = { 0 };
    int r = begin_live(target, arguments, &resize, &fixed);

    if (r != EXIT_DONE)
        return r;
    r = resize_plan_set(&resize, set, enable, &error);
    if (r >= 0 && (affects & AFFECT_CONFIG) && check_config_list(target->domain, set, &error) < 0)
        r = error.code;
    r = carry_out(target, arguments, &resize, r, false, &error);
    resize_release(&resize);
    return r;
}

int cmd_setvcpu(struct tool *tool, const struct arguments *arguments)
{
    _cleanup_(target_release) struct target target = { 0 };
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *set = NULL;
    struct cpuctl_error error = { 0 };
    bool enable = arguments_has(arguments, "enable");
    int status = EXIT_DONE, affects;

    if (arguments_exclusive(arguments, "enable", "disable", &error) < 0 ||
        arguments_exclusive(arguments, "current", "live", &error) < 0 ||
        arguments_exclusive(arguments, "current", "config", &error) < 0)
        return output_failure(&error, NULL);
    if (!enable && !arguments_has(arguments, "disable"))
        return output_error("one of --enable, --disable is required");
    if (target_find(tool, arguments, &target, &error) < 0 ||
        cpulist_parse(arguments_get(arguments, "vcpulist"), CPULIST_VCPUS_MAX, &set, &error) < 0)
        return output_failure(&error, NULL);
    affects = target_affects(&target, arguments, 0, &error);
    if (affects < 0)
        return output_failure(&error, NULL);
    if (cpuctl_set_is_empty(set))
        return output_error("invalid argument: no vcpus selected for modification");
    if (affects & AFFECT_LIVE)
        status = set_live_list(&target, arguments, (unsigned int)affects, set, enable);
    if (status == EXIT_DONE && (affects & AFFECT_CONFIG) &&
        set_config_list(&target, set, enable, &error) < 0)
        return config_failure(affects, &error);
    return status;
}
