/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A running VM's vCPUs: query-hotpluggable-cpus, query-cpus-fast, and what the guest answered. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host-thread.h"
#include "libcpuctl/cpuctl.h"
#include "vm-internal.h"

/* Far above what any VMM can have; bounds what a peer can make us allocate. */
#define VCPUS_MAX 32768U

int vm_check_type(struct json_object *value, enum json_type type, const char *command,
                  struct cpuctl_error *error)
{
    if (json_object_is_type(value, type))
        return 0;
    return cpuctl_error_set(error, -EPROTO, "internal error: the reply to '%s' is not of type %s",
                            command, json_type_to_name(type));
}

void vm_free_vcpus(struct vm_vcpu *vcpus, unsigned int n_vcpus)
{
    for (unsigned int i = 0; vcpus && i < n_vcpus; i++) {
        free(vcpus[i].device);
        free(vcpus[i].type);
        json_object_put(vcpus[i].props);
    }
    free(vcpus);
}

/* A list of vCPUs while it is read. */
struct reading {
    struct vm_vcpu *vcpus;
    unsigned int n;
    struct qmp_error cause;
};

static void reading_release(struct reading *reading)
{
    vm_free_vcpus(reading->vcpus, reading->n);
}

/* Runs a query whose reply is an array of objects, and gives them to @take one by one; element
 * @index of @n. */
static int read_list(struct vm *vm, const char *command, struct reading *reading,
                     int (*take)(struct reading *reading, struct json_object *entry, size_t index,
                                 size_t n),
                     struct cpuctl_error *error)
{
    _cleanup_json_ struct json_object *list = NULL;
    char prefix[80];
    size_t n;
    int r = vm_execute(vm, command, NULL, &list, error);

    if (r == 0)
        r = vm_check_type(list, json_type_array, command, error);
    if (r < 0)
        return r;
    n = json_object_array_length(list);
    snprintf(prefix, sizeof(prefix), "internal error: %s: ", command);
    for (size_t i = 0; i < n; i++) {
        struct qmp_where where = { .member = command, .in_array = true, .index = i };
        struct json_object *entry;

        r = qmp_get_element_object(list, &where, &entry, &reading->cause);
        if (r >= 0)
            r = take(reading, entry, i, n);
        if (r == -ENOMEM)
            return cpuctl_error_set(error, r, "out of memory");
        if (r < 0)
            return vm_error(error, -EPROTO, prefix, &reading->cause);
    }
    return 0;
}

/* ---- query-hotpluggable-cpus ---- */

/* How device_del calls the device at @path: by its ID, if it has one. */
static char *device_name(const char *path)
{
    static const char prefix[] = "/machine/peripheral/";

    if (strncmp(path, prefix, strlen(prefix)) == 0)
        path += strlen(prefix);
    return strdup(path);
}

static int take_hotpluggable(struct reading *reading, struct json_object *entry, size_t index,
                             size_t n)
{
    struct qmp_error *cause = &reading->cause;
    const char *path = NULL, *type;
    struct vm_vcpu *vcpu = NULL;
    uint64_t node;
    int r;

    if (n > VCPUS_MAX)
        return qmp_error_set(cause, QMP_GENERIC_ERROR, "%zu vCPUs are more than %u", n, VCPUS_MAX);
    if (!reading->vcpus) {
        reading->vcpus = calloc(n, sizeof(*reading->vcpus));
        reading->n = reading->vcpus ? (unsigned int)n : 0;
    }
    if (!reading->vcpus)
        return -ENOMEM;
    /* the last one comes first (hw/core/machine.c puts each before those that it has) */
    vcpu = &reading->vcpus[n - 1 - index];
    *vcpu = (struct vm_vcpu){ .index = (unsigned int)(n - 1 - index), .node = -1 };
    r = qmp_get_string(entry, NULL, "type", QMP_REQUIRED, &type, cause);
    if (r >= 0)
        r = qmp_get_object(entry, NULL, "props", QMP_REQUIRED, &vcpu->props, cause);
    if (r < 0) {
        vcpu->props = NULL;
        return r;
    }
    json_object_get(vcpu->props);
    r = qmp_get_string(entry, NULL, "qom-path", QMP_OPTIONAL, &path, cause);
    if (r < 0)
        return r;
    vcpu->plugged = r > 0;
    r = qmp_get_uint(vcpu->props, NULL, "node-id", QMP_OPTIONAL, INT_MAX, &node, cause);
    if (r > 0)
        vcpu->node = (int)node;
    if (r < 0)
        return r;
    vcpu->type = strdup(type);
    vcpu->device = path ? device_name(path) : NULL;
    return !vcpu->type || (path && !vcpu->device) ? -ENOMEM : 0;
}

/* ---- APIC IDs: each level has as many bits as its count needs (Intel SDM volume 3, 9.9.1; QEMU's
 * include/hw/i386/topology.h; vmm/smp.c) ---- */

enum level { THREAD, CORE, DIE, SOCKET, LEVELS };

static const char *const level_names[LEVELS] = {
    [THREAD] = "thread-id", [CORE] = "core-id", [DIE] = "die-id", [SOCKET] = "socket-id"
};

static uint64_t place(const struct vm_vcpu *vcpu, enum level level)
{
    uint64_t number = 0;

    /* what the machine has once is left out */
    qmp_get_uint(vcpu->props, NULL, level_names[level], QMP_OPTIONAL, VCPUS_MAX, &number, NULL);
    return number;
}

static void number_apics(struct reading *reading)
{
    unsigned int shifts[LEVELS] = { 0 };

    for (unsigned int level = THREAD; level < SOCKET; level++) {
        uint64_t most = 0;

        for (unsigned int i = 0; i < reading->n; i++)
            if (place(&reading->vcpus[i], level) > most)
                most = place(&reading->vcpus[i], level);
        shifts[level + 1] = shifts[level];
        for (; most > 0; most >>= 1)
            shifts[level + 1]++;
    }
    for (unsigned int i = 0; i < reading->n; i++)
        for (unsigned int level = THREAD; level < LEVELS; level++)
            reading->vcpus[i].apic_id |=
                (uint32_t)(place(&reading->vcpus[i], level) << shifts[level]);
}

/* ---- the other queries ---- */

/* The vCPU that the member @name of @entry is the index of. */
static int find(struct reading *reading, struct json_object *entry, const char *name,
                struct vm_vcpu **ret_vcpu)
{
    uint64_t index;
    int r = qmp_get_uint(entry, NULL, name, QMP_REQUIRED, UINT_MAX, &index, &reading->cause);

    if (r < 0)
        return r;
    if (index >= reading->n)
        return qmp_error_set(&reading->cause, QMP_GENERIC_ERROR,
                             "%s %llu is not below %u, the number of possible vCPUs", name,
                             (unsigned long long)index, reading->n);
    *ret_vcpu = &reading->vcpus[index];
    return 0;
}

static int take_fast(struct reading *reading, struct json_object *entry, size_t index, size_t n)
{
    struct vm_vcpu *vcpu = NULL;
    uint64_t thread;
    int r = find(reading, entry, "cpu-index", &vcpu);

    (void)index;
    (void)n;
    if (r >= 0)
        r = qmp_get_uint(entry, NULL, "thread-id", QMP_REQUIRED, INT_MAX, &thread, &reading->cause);
    if (r < 0)
        return r;
    if (thread == 0) /* to the scheduler's calls that is ourselves */
        return qmp_error_set(&reading->cause, QMP_GENERIC_ERROR, "thread-id is 0");
    vcpu->thread_id = (int)thread;
    return 0;
}

static int take_codes(struct reading *reading, struct json_object *object, struct vm_vcpu *vcpu)
{
    uint64_t source, status;
    int r =
        qmp_get_uint(object, NULL, "source", QMP_REQUIRED, UINT32_MAX, &source, &reading->cause);

    if (r >= 0)
        r = qmp_get_uint(object, NULL, "status", QMP_REQUIRED, UINT32_MAX, &status,
                         &reading->cause);
    if (r < 0)
        return r;
    vcpu->ost_source = (uint32_t)source;
    vcpu->ost_status = (uint32_t)status;
    return 0;
}

static int take_ospm(struct reading *reading, struct json_object *entry, size_t index, size_t n)
{
    const char *type, *slot;
    char *end;
    unsigned long number;
    int r = qmp_get_string(entry, NULL, "slot-type", QMP_REQUIRED, &type, &reading->cause);

    (void)index;
    (void)n;
    if (r < 0 || strcmp(type, "CPU") != 0)
        return r < 0 ? r : 0;
    r = qmp_get_string(entry, NULL, "slot", QMP_REQUIRED, &slot, &reading->cause);
    if (r < 0)
        return r;
    number = strtoul(slot, &end, 10);
    if (*slot < '0' || *slot > '9' || *end || number >= reading->n)
        return qmp_error_set(&reading->cause, QMP_GENERIC_ERROR,
                             "slot \"%.20s\" is not a number below %u", slot, reading->n);
    r = take_codes(reading, entry, &reading->vcpus[number]);
    /* zeros: nothing has been said yet; a bus check that succeeded would look the same */
    reading->vcpus[number].ost_known =
        reading->vcpus[number].ost_source != 0 || reading->vcpus[number].ost_status != 0;
    return r;
}

/* The index of @name in @names, which ends with NULL. */
static int look_up(struct reading *reading, struct json_object *entry, const char *member,
                   const char *const *names)
{
    const char *name;
    int r = qmp_get_string(entry, NULL, member, QMP_REQUIRED, &name, &reading->cause);

    for (int i = 0; r >= 0 && names[i]; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    if (r < 0)
        return r;
    return qmp_error_set(&reading->cause, QMP_GENERIC_ERROR, "%s has the unknown value \"%.40s\"",
                         member, name);
}

static int take_own(struct reading *reading, struct json_object *entry, size_t index, size_t n)
{
    static const char *const requests[] = { "none", "insertion", "removal", NULL };
    static const char *const phases[] = { "none",     "requested", "in-progress",
                                          "rejected", "done",      NULL };
    struct vm_vcpu *vcpu = NULL;
    struct json_object *ost;
    uint64_t apic_id;
    int r = find(reading, entry, "cpu-index", &vcpu);

    (void)index;
    (void)n;
    if (r >= 0)
        r = qmp_get_uint(entry, NULL, "apic-id", QMP_REQUIRED, UINT32_MAX, &apic_id,
                         &reading->cause);
    if (r >= 0) {
        vcpu->apic_id = (uint32_t)apic_id;
        r = look_up(reading, entry, "request", requests);
    }
    if (r >= 0) {
        vcpu->request = (enum vm_request)r;
        r = look_up(reading, entry, "phase", phases);
    }
    if (r >= 0) {
        vcpu->phase = (enum vm_phase)r;
        r = qmp_get_object(entry, NULL, "ost", QMP_OPTIONAL, &ost, &reading->cause);
    }
    if (r > 0) {
        vcpu->ost_known = true;
        r = take_codes(reading, ost, vcpu);
    }
    return r;
}

/* QEMU's own answer is an error for a machine without ACPI hotplug: nothing of the guest is known.
 */
static int read_answers(struct vm *vm, struct reading *reading, struct cpuctl_error *error)
{
    int r = read_list(vm, "query-acpi-ospm-status", reading, take_ospm, error);

    return r == -EREMOTEIO ? 0 : r;
}

/*
 * What a later reading may not change: others have kept indices. And a VMM names threads that are
 * then pinned: they have to be its own. One that has ended meanwhile is nobody's.
 */
static int check_reading(const struct vm *vm, const struct reading *reading,
                         struct cpuctl_error *error)
{
    if (reading->n == 0)
        return cpuctl_error_set(error, -EPROTO,
                                "internal error: the VM says that it can have no CPU");
    if (vm->n_vcpus > 0 && reading->n != vm->n_vcpus)
        return cpuctl_error_set(error, -EPROTO,
                                "internal error: query-hotpluggable-cpus: there are %u possible "
                                "vCPUs, and there were %u before",
                                reading->n, vm->n_vcpus);
    for (unsigned int i = 0; vm->process > 0 && i < reading->n; i++) {
        pid_t thread = reading->vcpus[i].thread_id;
        pid_t process = thread > 0 ? host_thread_process(thread, NULL) : -ESRCH;

        if (process >= 0 && process != vm->process)
            return cpuctl_error_set(error, -EPROTO,
                                    "internal error: query-cpus-fast: thread %d of vCPU %u is not "
                                    "of the VMM's process %d",
                                    (int)thread, i, (int)vm->process);
    }
    return 0;
}

int vm_read_vcpus(struct vm *vm, struct cpuctl_error *error)
{
    _cleanup_(reading_release) struct reading reading = { 0 };
    struct vm_vcpu *before = vm->vcpus;
    unsigned int n_before = vm->n_vcpus;
    int r = read_list(vm, "query-hotpluggable-cpus", &reading, take_hotpluggable, error);

    if (r == 0) {
        number_apics(&reading);
        r = read_list(vm, "query-cpus-fast", &reading, take_fast, error);
    }
    if (r == 0)
        r = check_reading(vm, &reading, error);
    if (r == 0 && vm->kind == VM_CPUVMM)
        r = read_list(vm, "__org.cpuctl_query-vcpus", &reading, take_own, error);
    else if (r == 0)
        r = read_answers(vm, &reading, error);
    if (r < 0)
        return r;
    vm->vcpus = reading.vcpus;
    vm->n_vcpus = reading.n;
    reading = (struct reading){ .vcpus = before, .n = n_before };
    return 0;
}

unsigned int vm_count_plugged(const struct vm *vm)
{
    unsigned int count = 0;

    for (unsigned int i = 0; i < vm->n_vcpus; i++)
        count += vm->vcpus[i].plugged;
    return count;
}
