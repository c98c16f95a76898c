/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One vCPU of KVM: its thread and its exits. */
#include "vcpu.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "coalesced.h"
#include "cpuctl.h"
#include "exit-reason.h"
#include "fail.h"
#include "ioapic.h"
#include "kvm.h"
#include "libcpuctl/cleanup.h"
#include "limits.h"
#include "options.h"
#include "sandbox.h"
#include "vcpu-state.h"
#include "vm.h"

#define KICK_SIGNAL SIGUSR1
/* A vCPU's thread handles exits and nothing else. */
#define STACK_SIZE (256U * 1024U)
/* of IA32_APIC_BASE: x2APIC mode */
#define APIC_EXTD (1ULL << 10)

struct vcpu {
    struct vm *vm;
    unsigned int index;
    int fd;
    struct kvm_run *run;
    struct vcpu_state initial;
    pthread_t thread;
    pid_t thread_id;
    bool started; /* there is a thread to be joined */
    bool end;     /* the thread is to end */
    bool ended;
    bool idle;
};

static void on_kick(int number)
{
    (void)number;
}

int vcpu_init_signal(void)
{
    /* Without SA_RESTART: KVM_RUN is to return. */
    struct sigaction action = { .sa_handler = on_kick };

    return sigaction(KICK_SIGNAL, &action, NULL) < 0 ? -errno : 0;
}

/*
 * Where an APIC ID above 254 is possible, a guest gets all CPUs in x2APIC mode. That is firmware's
 * duty (Intel SDM volume 3, 10.12.7 and 10.12.8.1), of which there is none: Linux ignores the
 * MADT's entries from 255 up unless the boot CPU is in this mode (acpi_parse_x2apic() in
 * arch/x86/kernel/acpi/boot.c), and a CPU in xAPIC mode also takes what is meant for the lowest
 * eight bits of its ID.
 */
static int hand_over_apic(const struct vcpu *vcpu)
{
    struct kvm_sregs sregs;
    int r;

    if (smp_apic_id_max(&vcpu->vm->smp) <= LIMITS_APIC_ID_MAX)
        return 0;
    r = kvm_call(vcpu->fd, KVM_GET_SREGS, &sregs);
    if (r < 0)
        return r;
    sregs.apic_base |= APIC_EXTD;
    return kvm_call(vcpu->fd, KVM_SET_SREGS, &sregs);
}

static int open_vcpu(struct vcpu *vcpu, uint32_t apic_id, struct kvm_cpuid2 *cpuid,
                     struct cpuctl_error *error)
{
    struct vm *vm = vcpu->vm;
    int r;

    vcpu->fd = kvm_call_value(vm->fd, KVM_CREATE_VCPU, apic_id);
    if (vcpu->fd == -EMFILE)
        return cpuctl_error_set(error, -EMFILE,
                                "vCPU %u: it needs a file, but this process may have no more open "
                                "files than %llu (RLIMIT_NOFILE)",
                                vcpu->index, vm->file_limit);
    if (vcpu->fd < 0)
        return fail_system(error, vcpu->fd, "vCPU %u: KVM_CREATE_VCPU", vcpu->index);
    vcpu->run = mmap(NULL, vm->kvm.run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
    if (vcpu->run == MAP_FAILED) {
        vcpu->run = NULL;
        return fail_system(error, -errno, "vCPU %u: mapping its state", vcpu->index);
    }
    r = kvm_call(vcpu->fd, KVM_SET_CPUID2, cpuid);
    if (r < 0)
        return fail_system(error, r, "vCPU %u: KVM_SET_CPUID2", vcpu->index);
    r = hand_over_apic(vcpu);
    if (r < 0)
        return fail_system(error, r, "vCPU %u: x2APIC mode", vcpu->index);
    r = vcpu_state_get(vcpu->fd, &vcpu->initial);
    if (r < 0)
        return fail_system(error, r, "vCPU %u: reading its state", vcpu->index);
    return 0;
}

int vcpu_announce(struct vcpu *vcpu)
{
    return kvm_call(vcpu->fd, KVM_SET_LAPIC, &vcpu->initial.lapic);
}

int vcpu_new(struct vm *vm, unsigned int index, uint32_t apic_id, struct kvm_cpuid2 *cpuid,
             struct vcpu **ret_vcpu, struct cpuctl_error *error)
{
    struct vcpu *vcpu = calloc(1, sizeof(*vcpu));
    int r;

    if (!vcpu)
        return cpuctl_error_set(error, -ENOMEM, "memory is short");
    vcpu->vm = vm;
    vcpu->index = index;
    vcpu->fd = -1;
    r = open_vcpu(vcpu, apic_id, cpuid, error);
    if (r < 0) {
        vcpu_free(vcpu);
        return r;
    }
    *ret_vcpu = vcpu;
    return 0;
}

void vcpu_free(struct vcpu *vcpu)
{
    if (!vcpu)
        return;
    if (vcpu->run)
        munmap(vcpu->run, vcpu->vm->kvm.run_size);
    if (vcpu->fd >= 0)
        close(vcpu->fd);
    free(vcpu);
}

/* ---- exits ---- */

static void handle_io(struct vcpu *vcpu)
{
    const struct kvm_run *run = vcpu->run;
    uint8_t *data = (uint8_t *)vcpu->run + run->io.data_offset;

    for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size) {
        uint64_t value = 0;

        if (run->io.direction == KVM_EXIT_IO_OUT) {
            memcpy(&value, data, run->io.size);
            bus_write(&vcpu->vm->pio, run->io.port, run->io.size, value);
        } else {
            value = bus_read(&vcpu->vm->pio, run->io.port, run->io.size);
            memcpy(data, &value, run->io.size);
        }
    }
}

static void handle_mmio(struct vcpu *vcpu)
{
    struct kvm_run *run = vcpu->run;
    uint32_t size = run->mmio.len;
    uint64_t value = UINT64_MAX;

    /* An access that crosses a page comes in pieces of other sizes: no register is there. */
    if (size != 1 && size != 2 && size != 4 && size != 8) {
        if (!run->mmio.is_write)
            memset(run->mmio.data, 0xff, sizeof(run->mmio.data));
        return;
    }
    if (run->mmio.is_write) {
        value = 0;
        memcpy(&value, run->mmio.data, size);
        bus_write(&vcpu->vm->mmio, run->mmio.phys_addr, size, value);
    } else {
        value = bus_read(&vcpu->vm->mmio, run->mmio.phys_addr, size);
        memcpy(run->mmio.data, &value, size);
    }
}

static void handle_system_event(struct vcpu *vcpu)
{
    switch (vcpu->run->system_event.type) {
    case KVM_SYSTEM_EVENT_SHUTDOWN:
        vm_request_shutdown(vcpu->vm, true);
        break;
    case KVM_SYSTEM_EVENT_RESET:
        vm_request_reset(vcpu->vm, true);
        break;
    default:
        break;
    }
}

/* @why: a part of a sentence. */
static void give_up(struct vcpu *vcpu, const char *why)
{
    struct kvm_regs regs;
    char text[256];

    if (kvm_call(vcpu->fd, KVM_GET_REGS, &regs) < 0)
        regs.rip = 0;
    snprintf(text, sizeof(text), "at RIP 0x%llx: %s", (unsigned long long)regs.rip, why);
    vm_internal_error(vcpu->vm, vcpu->index, text);
}

void vcpu_drain_writes(struct vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;

    coalesced_drain(&vm->kvm, vcpu->run, &vm->pio, &vm->mmio);
}

/* With the lock held. */
static void handle_exit(struct vcpu *vcpu)
{
    char why[160];

    vcpu_drain_writes(vcpu);
    switch (vcpu->run->exit_reason) {
    case KVM_EXIT_IO:
        handle_io(vcpu);
        break;
    case KVM_EXIT_MMIO:
        handle_mmio(vcpu);
        break;
    case KVM_EXIT_IOAPIC_EOI:
        ioapic_eoi(vcpu->vm->ioapic, vcpu->run->eoi.vector);
        break;
    case KVM_EXIT_SHUTDOWN:
        /* A triple fault resets the machine. */
        vm_request_reset(vcpu->vm, true);
        break;
    case KVM_EXIT_SYSTEM_EVENT:
        handle_system_event(vcpu);
        break;
    case KVM_EXIT_INTR:
    case KVM_EXIT_IRQ_WINDOW_OPEN:
    case KVM_EXIT_HLT:
        break;
    default:
        exit_reason(vcpu->run, why, sizeof(why));
        give_up(vcpu, why);
        break;
    }
}

/* ---- the thread ---- */

static void set_up_thread(struct vcpu *vcpu)
{
    char name[32]; /* the kernel takes 15 characters: enough for five digits */
    int r;

    snprintf(name, sizeof(name), "CPU %u/KVM", vcpu->index);
    name[15] = '\0';
    (void)pthread_setname_np(pthread_self(), name);
    r = sandbox_enter(SANDBOX_VCPU);
    if (r < 0)
        vm_fail(vcpu->vm, r);
}

/* Where --affinity wants the thread: if that can not be, it is not started. */
static int set_affinity(const struct vcpu *vcpu, pthread_attr_t *attributes)
{
    const struct options *options = vcpu->vm->options;
    cpu_set_t set;

    CPU_ZERO(&set);
    for (size_t i = 0; i < options->affinity_count; i++)
        if (options->affinity[i].vcpu == vcpu->index)
            CPU_SET(options->affinity[i].cpu, &set);
    return CPU_COUNT(&set) > 0 ? pthread_attr_setaffinity_np(attributes, sizeof(set), &set) : 0;
}

/* Waits while the VM does not run. Returns whether the thread is to go on. */
static bool wait_to_run(struct vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;

    while (!vcpu->end && vm->state != VM_RUNNING) {
        if (!vcpu->idle) {
            vcpu->idle = true;
            pthread_cond_broadcast(&vm->idle);
        }
        vm_wait(vm, &vm->resumed);
    }
    vcpu->idle = false;
    return !vcpu->end;
}

static int run_once(struct vcpu *vcpu)
{
    int r;

    vm_unlock(vcpu->vm);
    r = kvm_call_value(vcpu->fd, KVM_RUN, 0);
    vm_lock(vcpu->vm);
    return r;
}

/*
 * The result of an IN or of a read of memory goes into the guest's registers at the next KVM_RUN:
 * before the state is touched from outside, the instruction is completed.
 */
static void complete_exit(struct vcpu *vcpu)
{
    int r;

    /* It may need more than one access, such as a copy between devices. */
    do {
        vcpu->run->immediate_exit = 1;
        r = run_once(vcpu);
        vcpu->run->immediate_exit = 0;
        if (r >= 0)
            handle_exit(vcpu);
    } while (r >= 0);
}

static void *thread_main(void *data)
{
    struct vcpu *vcpu = data;
    struct vm *vm = vcpu->vm;

    vm_lock(vm);
    vcpu->thread_id = (pid_t)syscall(SYS_gettid);
    pthread_cond_broadcast(&vm->idle);
    set_up_thread(vcpu);
    while (wait_to_run(vcpu)) {
        int r = run_once(vcpu);

        if (r == -EINTR || r == -EAGAIN) {
            vcpu->run->immediate_exit = 0;
        } else if (r < 0) {
            char buffer[128];

            give_up(vcpu, strerror_r(-r, buffer, sizeof(buffer)));
        } else {
            handle_exit(vcpu);
            if (vcpu->end || vm->state != VM_RUNNING)
                complete_exit(vcpu);
        }
    }
    vcpu->ended = true;
    vcpu->thread_id = 0;
    pthread_cond_broadcast(&vm->idle);
    vm_wake(vm);
    vm_unlock(vm);
    return NULL;
}

int vcpu_start(struct vcpu *vcpu)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    int r;

    vcpu->end = vcpu->ended = vcpu->idle = false;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    /* Signals are the main thread's, but for the one that kicks. */
    sigfillset(&all);
    sigdelset(&all, KICK_SIGNAL);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r = set_affinity(vcpu, &attributes);
    if (r == 0)
        r = pthread_create(&vcpu->thread, &attributes, thread_main, vcpu);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    vcpu->started = r == 0;
    return -r;
}

void vcpu_kick(struct vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;

    if (!vcpu->started || vcpu->ended)
        return;
    /* The signal may come just before KVM_RUN: then this makes it return at once. A thread that
     * has no ID yet has not had the lock, and looks at everything by itself. */
    vcpu->run->immediate_exit = 1;
    if (vm->kick_wanted != 0)
        vcpu_kick_thread(vm->kick_wanted);
    vm->kick_wanted = vcpu->thread_id;
}

void vcpu_kick_thread(pid_t thread)
{
    /* One that has ended meanwhile is not there, or is a later one of ours, which does not mind. */
    (void)syscall(SYS_tgkill, getpid(), thread, KICK_SIGNAL);
}

void vcpu_end(struct vcpu *vcpu)
{
    vcpu->end = true;
    vcpu_kick(vcpu);
    pthread_cond_broadcast(&vcpu->vm->resumed);
}

bool vcpu_ended(const struct vcpu *vcpu)
{
    return !vcpu->started || vcpu->ended;
}

bool vcpu_idle(const struct vcpu *vcpu)
{
    return vcpu_ended(vcpu) || vcpu->idle;
}

void vcpu_join(struct vcpu *vcpu)
{
    if (!vcpu->started)
        return;
    pthread_join(vcpu->thread, NULL);
    vcpu->started = false;
}

int vcpu_thread_id(const struct vcpu *vcpu)
{
    /* Only the thread itself can know it. */
    while (vcpu->started && !vcpu->ended && vcpu->thread_id == 0)
        vm_wait(vcpu->vm, &vcpu->vm->idle);
    return vcpu->thread_id;
}

int vcpu_reset(struct vcpu *vcpu)
{
    return vcpu_state_set(vcpu->fd, &vcpu->initial);
}

int vcpu_get_sregs(struct vcpu *vcpu, struct kvm_sregs *ret_sregs)
{
    return kvm_call(vcpu->fd, KVM_GET_SREGS, ret_sregs);
}

int vcpu_set_registers(struct vcpu *vcpu, const struct kvm_sregs *sregs,
                       const struct kvm_regs *regs)
{
    int r = kvm_call(vcpu->fd, KVM_SET_SREGS, (void *)(uintptr_t)sregs);

    if (r < 0)
        return r;
    return kvm_call(vcpu->fd, KVM_SET_REGS, (void *)(uintptr_t)regs);
}
