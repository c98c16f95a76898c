/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The VM as a whole: what is created in which order. Its life from then on is in vm-run.c. */
#include "vm.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "boot.h"
#include "chardev.h"
#include "coalesced.h"
#include "control-vm.h"
#include "control.h"
#include "cpuctl.h"
#include "cpus.h"
#include "devices.h"
#include "fail.h"
#include "ioapic.h"
#include "irq.h"
#include "layout.h"
#include "limits.h"
#include "options.h"
#include "serial.h"
#include "vcpu.h"
#include "vm-internal.h"

#define ACPI_ALIGN (64 * KIB)

static int open_kvm(struct vm *vm, struct cpuctl_error *error)
{
    int r = kvm_host_open(NULL, &vm->kvm);
    char buffer[128];

    if (r < 0)
        return cpuctl_error_set(error, r,
                                "/dev/kvm can not be used: %s; \"cpuvmm --check-host\" says more",
                                strerror_r(-r, buffer, sizeof(buffer)));
    vm->fd = kvm_create_vm(&vm->kvm);
    if (vm->fd < 0)
        return fail_system(error, vm->fd, "KVM_CREATE_VM");
    /* VMX hosts without unrestricted guest need both; others do not mind. */
    r = kvm_call_value(vm->fd, KVM_SET_TSS_ADDR, LAYOUT_TSS);
    if (r >= 0)
        r = kvm_call(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &(uint64_t){ LAYOUT_IDENTITY_MAP });
    coalesced_register(&vm->kvm, vm->fd);
    return r < 0 ? fail_system(error, r, "KVM_SET_TSS_ADDR and KVM_SET_IDENTITY_MAP_ADDR") : 0;
}

/* Tries each host CPU of --affinity, so that no thread fails at it later. */
static int check_affinity(const struct vm *vm, struct cpuctl_error *error)
{
    const struct options *options = vm->options;
    cpu_set_t before, set;
    int r = 0;

    if (options->affinity_count == 0)
        return 0;
    if (sched_getaffinity(0, sizeof(before), &before) < 0)
        return fail_system(error, -errno, "--affinity");
    for (size_t i = 0; r == 0 && i < options->affinity_count; i++) {
        CPU_ZERO(&set);
        CPU_SET(options->affinity[i].cpu, &set);
        if (sched_setaffinity(0, sizeof(set), &set) < 0)
            r = cpuctl_error_set(error, -errno,
                                 "--affinity: vCPU %u can not run on host CPU %u, which is not "
                                 "online or not allowed to this process (cpuset)",
                                 options->affinity[i].vcpu, options->affinity[i].cpu);
    }
    (void)sched_setaffinity(0, sizeof(before), &before);
    return r;
}

static int count_host_cpus(unsigned int *ret_count, struct cpuctl_error *error)
{
    struct cpuctl_root *root = NULL;
    int r = cpuctl_root_open(NULL, &root, error);

    if (r >= 0)
        r = limits_host_possible(root, ret_count, error);
    cpuctl_root_free(root);
    return r;
}

static int check_limits(struct vm *vm, struct cpuctl_error *error)
{
    const struct options *options = vm->options;
    struct limits limits = {
        .ext_dest_id = cpus_ext_dest_id(vm->cpus),
        .xapic_only = !cpus_x2apic(vm->cpus),
        .max_given = options->limit_given,
        .max_vcpus = options->max_vcpus,
    };
    struct cpuctl_error note;
    int r = 0;

    if (limits.max_given && limits.max_vcpus == 0)
        r = count_host_cpus(&limits.host_possible, error);
    if (r >= 0)
        r = limits_check(&vm->kvm, &vm->smp, &limits, error);
    /* It only saves memory: the VM does without. */
    if (r >= 0 && limits_lower(vm->fd, &vm->smp, &note) < 0)
        vm->complain(note.text);
    return r;
}

static int make_memory(struct vm *vm, struct cpuctl_error *error)
{
    int r = memory_new(&vm->options->memory, &vm->memory, error);

    if (r < 0)
        return r;
    r = memory_register(&vm->memory, vm->fd);
    return r < 0 ? fail_system(error, r, "KVM_SET_USER_MEMORY_REGION") : 0;
}

/* ---- devices ---- */

static void set_ged_line(void *opaque, bool high)
{
    irq_set_level(opaque, LAYOUT_GSI_GED, high);
}

static void power_off(void *opaque)
{
    vm_request_shutdown(opaque, true);
}

static void power_reset(void *opaque)
{
    vm_request_reset(opaque, true);
}

static const struct power_ops power_ops = { .off = power_off, .reset = power_reset };

static int make_devices(struct vm *vm, struct cpuctl_error *error)
{
    int r = irq_new(vm, cpus_ext_dest_id(vm->cpus), &vm->irq, error);

    if (r < 0)
        return r;
    r = ioapic_new(vm, &vm->ioapic, error);
    if (r < 0)
        return r;
    r = hotplug_init(vm, error);
    if (r < 0)
        return r;
    vm->ged = (struct ged){ .set_line = set_ged_line, .opaque = vm };
    vm->power = (struct power){ .ops = &power_ops, .opaque = vm };
    r = bus_add(&vm->pio, LAYOUT_GED, LAYOUT_GED_SIZE, &ged_bus_ops, &vm->ged);
    if (r == 0)
        r = bus_add(&vm->pio, LAYOUT_SLEEP_CONTROL, LAYOUT_POWER_SIZE, &power_bus_ops, &vm->power);
    if (r < 0)
        return fail_system(error, r, "the ACPI registers find no place on the bus");
    r = chardev_new(vm->event, "--serial", vm->options->serial, &vm->serial_end, error);
    if (r < 0)
        return r;
    r = serial_new(vm, vm->serial_end, &vm->serial, error);
    if (r < 0)
        return r;
    return devices_new(vm, vm->options->devices, vm->options->device_count, &vm->devices, error);
}

static bool is_plugged(void *opaque, unsigned int index)
{
    struct vm *vm = opaque;

    return cpus_at(vm->cpus, index)->enabled;
}

int vm_build_acpi(struct vm *vm, struct cpuctl_error *error)
{
    const struct numa *numa = &vm->options->numa;
    struct acpi_memory pieces[NUMA_PIECES_MAX];
    struct acpi_config config = {
        .smp = &vm->smp,
        .plugged = is_plugged,
        .opaque = vm,
        .nodes = numa->count,
        .cpu_nodes = numa->cpu_nodes,
        .memory = pieces,
        .memory_count = numa_pieces(numa, vm->memory.low.size, pieces),
        .distances = numa->distances,
    };
    struct acpi_tables tables = { 0 };
    uint64_t room;
    int r = acpi_tables_build(&config, &tables, error);

    if (r < 0)
        return r;
    room = (tables.size + ACPI_ALIGN - 1) & ~(ACPI_ALIGN - 1);
    if (room + LAYOUT_HIGH_BASE >= vm->memory.low.size) {
        acpi_tables_free(&tables);
        return cpuctl_error_set(error, -ENOMEM, "--memory: the ACPI tables need %llu bytes more",
                                (unsigned long long)room);
    }
    acpi_tables_free(&vm->acpi);
    vm->acpi = tables;
    vm->acpi_base = (vm->memory.low.size - room) & ~(ACPI_ALIGN - 1);
    acpi_tables_place(&vm->acpi, vm->acpi_base);
    return 0;
}

/* ---- the whole ---- */

/* Each vCPU takes a file; shells often give 1,024, and let a program have more if it asks. */
static void raise_file_limit(struct vm *vm)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    vm->file_limit = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
        vm->file_limit = limit.rlim_max;
}

static int init(struct vm *vm, struct cpuctl_error *error)
{
    int r = vcpu_init_signal();

    raise_file_limit(vm);
    if (r >= 0)
        r = sd_event_new(&vm->event);
    if (r < 0)
        return fail_system(error, r, "the event loop");
    vm->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (vm->wake < 0)
        return fail_system(error, -errno, "the event loop");
    return vm_watch_wake(vm, error);
}

static int create(struct vm *vm, struct cpuctl_error *error)
{
    int r = init(vm, error);

    if (r >= 0)
        r = open_kvm(vm, error);
    if (r >= 0)
        r = check_affinity(vm, error);
    if (r >= 0)
        r = cpus_new(vm, vm->options->cpu, &vm->cpus, error);
    if (r >= 0)
        r = check_limits(vm, error);
    if (r >= 0)
        r = make_memory(vm, error);
    if (r >= 0)
        r = make_devices(vm, error);
    if (r >= 0)
        r = cpus_plug_first(vm->cpus, vm->smp.cpus, error);
    if (r >= 0)
        r = vm_build_acpi(vm, error);
    if (r >= 0 && vm->options->kernel)
        r = boot_load(vm, error);
    if (r >= 0)
        r = control_vm_new(vm, error);
    return r;
}

int vm_new(const struct options *options, void (*complain)(const char *sentence),
           struct vm **ret_vm, struct cpuctl_error *error)
{
    struct vm *vm = calloc(1, sizeof(*vm));
    int r;

    if (!vm)
        return cpuctl_error_set(error, -ENOMEM, "memory is short");
    vm->options = options;
    vm->complain = complain;
    vm->smp = options->smp;
    vm->kvm.fd = vm->fd = vm->wake = -1;
    pthread_mutex_init(&vm->lock, NULL);
    pthread_cond_init(&vm->idle, NULL);
    pthread_cond_init(&vm->resumed, NULL);
    vm_lock(vm);
    r = create(vm, error);
    vm_unlock(vm);
    if (r < 0) {
        vm_free(vm);
        return r;
    }
    *ret_vm = vm;
    return 0;
}

void vm_free(struct vm *vm)
{
    if (!vm)
        return;
    if (vm->cpus) {
        vm_lock(vm);
        cpus_end(vm->cpus);
        vm_unlock(vm);
        cpus_join(vm->cpus);
    }
    control_free(vm->control);
    devices_free(vm->devices);
    serial_free(vm->serial);
    chardev_free(vm->serial_end);
    cpus_free(vm->cpus);
    ioapic_free(vm->ioapic);
    irq_free(vm->irq);
    acpi_tables_free(&vm->acpi);
    if (vm->fd >= 0)
        close(vm->fd);
    memory_free(&vm->memory);
    kvm_host_close(&vm->kvm);
    sd_event_source_disable_unref(vm->wake_source);
    sd_event_unref(vm->event);
    if (vm->wake >= 0)
        close(vm->wake);
    pthread_cond_destroy(&vm->idle);
    pthread_cond_destroy(&vm->resumed);
    pthread_mutex_destroy(&vm->lock);
    free(vm);
}
