/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vcpuinfo and maxvcpus. */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "host-thread.h"
#include "output.h"
#include "qmp/json.h"
#include "target.h"
#include "vcpu-commands.h"

/* ---- vcpuinfo ---- */

const struct option_def vcpuinfo_options[] = {
    OPTION_DOMAIN,
    { .name = "pretty", .help = "return human readable output" },
    { 0 },
};

/* One vCPU's lines. */
struct info {
    unsigned int index;
    bool running;
    struct host_thread thread;
    struct cpuctl_set *affinity;
};

static void print_affinity(const struct info *info, bool pretty)
{
    unsigned int n = host_cpus();
    _cleanup_free_ char *list = cpuctl_set_format_list(info->affinity);

    printf("%-15s ", "CPU Affinity:");
    if (pretty) {
        printf("%s (out of %u)\n", list ? list : "", n);
        return;
    }
    for (unsigned int cpu = 0; cpu < n; cpu++)
        putchar(cpuctl_set_has(info->affinity, cpu) ? 'y' : '-');
    putchar('\n');
}

/* As cmdVcpuinfo() and virshVcpuinfoInactive() of virsh print it, "CPU time" without its colon. */
static void print_text(const struct info *info, bool pretty)
{
    printf("%-15s %u\n", "VCPU:", info->index);
    if (info->running) {
        printf("%-15s %d\n", "CPU:", info->thread.cpu);
        printf("%-15s running\n", "State:");
        printf("%-15s %.1fs\n", "CPU time:", (double)info->thread.time_ms / 1000);
    } else {
        printf("%-15s N/A\n%-15s N/A\n%-15s N/A\n", "CPU:", "State:", "CPU time");
    }
    print_affinity(info, pretty);
}

static struct json_object *make_json(const struct info *info)
{
    _cleanup_free_ char *list = cpuctl_set_format_list(info->affinity);
    struct json_object *entry = json_object_new_object();
    int r = entry && list ? 0 : -ENOMEM;

    if (r == 0)
        r = qmp_object_add(entry, "vcpu", json_object_new_int64(info->index));
    if (r == 0 && info->running)
        r = qmp_object_add(entry, "cpu", json_object_new_int(info->thread.cpu));
    if (r == 0 && info->running)
        r = qmp_object_add(entry, "cpu-time-ms",
                           json_object_new_int64((int64_t)info->thread.time_ms));
    if (r == 0)
        r = qmp_object_add(entry, "affinity", json_object_new_string(list));
    if (r == 0)
        return entry;
    json_object_put(entry);
    return NULL;
}

/* Prints it, or adds it to @list. */
static int show(const struct info *info, bool first, bool pretty, struct json_object *list)
{
    if (list)
        return qmp_array_add(list, make_json(info));
    if (!first)
        putchar('\n');
    print_text(info, pretty);
    return 0;
}

static int show_running(struct target *target, bool pretty, struct json_object *list,
                        struct cpuctl_error *error)
{
    bool first = true;
    int r = target_connect(target, TARGET_QUERY, false, error);

    if (r == 0)
        r = vm_read_vcpus(target->vm, error);
    for (unsigned int i = 0; r == 0 && i < target->vm->n_vcpus; i++) {
        const struct vm_vcpu *vcpu = &target->vm->vcpus[i];
        struct info info = { .index = i, .running = true };

        if (!vcpu->plugged)
            continue;
        r = host_thread_read(vcpu->thread_id, &info.thread, error);
        if (r == 0)
            r = host_thread_affinity(vcpu->thread_id, &info.affinity, error);
        if (r == 0)
            r = show(&info, first, pretty, list);
        cpuctl_set_free(info.affinity);
        first = false;
    }
    return r;
}

static int show_inactive(const struct target *target, bool pretty, struct json_object *list,
                         struct cpuctl_error *error)
{
    const struct definition *definition = target->domain->config;
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *all = cpuctl_set_new();
    bool first = true;
    int r = all ? cpuctl_set_add_range(all, 0, host_cpus() - 1) : -ENOMEM;

    for (unsigned int i = 0; r == 0 && i < definition->vcpu_max; i++) {
        const struct definition_vcpu *vcpu = &definition->vcpus[i];
        struct info info = { .index = i,
                             .affinity = vcpu->pin            ? vcpu->pin
                                         : definition->cpuset ? definition->cpuset
                                                              : all };

        if (!vcpu->enabled)
            continue;
        r = show(&info, first, pretty, list);
        first = false;
    }
    return r < 0 ? cpuctl_error_set(error, r, "out of memory") : 0;
}

int cmd_vcpuinfo(struct tool *tool, const struct arguments *arguments)
{
    _cleanup_(target_release) struct target target = { 0 };
    _cleanup_json_ struct json_object *list = tool->json ? json_object_new_array() : NULL;
    struct cpuctl_error error = { 0 };
    bool pretty = arguments_has(arguments, "pretty");
    int r = target_find(tool, arguments, &target, &error);

    if (r == 0 && target_is_running(&target))
        r = show_running(&target, pretty, list, &error);
    else if (r == 0)
        r = show_inactive(&target, pretty, list, &error);
    if (r < 0)
        return output_failure(&error, NULL);
    return tool->json ? output_json(TAKE_PTR(list)) : EXIT_DONE;
}

/* ---- maxvcpus ---- */

const struct option_def maxvcpus_options[] = {
    { .name = "type", .help = "domain type", .type = OPTION_STRING, .positional = true },
    { 0 },
};

/* What libvirt says of QEMU without KVM (qemuConnectGetMaxVcpus()). */
#define EMULATED_MAX 255

static int kvm_max(struct cpuctl_error *error)
{
    _cleanup_close_ int fd = open("/dev/kvm", O_RDONLY | O_CLOEXEC);
    int r;

    if (fd < 0)
        return cpuctl_error_set(error, -errno, "Unable to open /dev/kvm: %s", strerror(errno));
    r = ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS);
    if (r <= 0)
        return cpuctl_error_set(error, -EIO, "KVM does not tell how many vCPUs a VM may have");
    return r;
}

int cmd_maxvcpus(struct tool *tool, const struct arguments *arguments)
{
    const char *type = arguments_get(arguments, "type");
    struct cpuctl_error error = { 0 };
    struct json_object *value;
    int r = EMULATED_MAX;

    if (type && strcasecmp(type, "kvm") == 0)
        r = kvm_max(&error);
    else if (!type)
        r = access("/dev/kvm", F_OK) == 0 ? kvm_max(&error) : EMULATED_MAX;
    else if (strcasecmp(type, "qemu") != 0)
        r = cpuctl_error_set(&error, -EINVAL, "invalid argument: unknown type '%.100s'", type);
    if (r < 0)
        return output_failure(&error, NULL);
    if (!tool->json) {
        printf("%d\n", r);
        return EXIT_DONE;
    }
    value = json_object_new_object();
    if (value && qmp_object_add(value, "maximum", json_object_new_int(r)) < 0) {
        json_object_put(value);
        value = NULL;
    }
    return output_json(value);
}
