/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vCPUs with high APIC IDs: how they start, talk to each other, are many, and where they end. */
#include "micro.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/main.h"
#include "tests/unit/vmm-agreement.h"

#define VECTOR  0x40
#define MSR_TSC 0x10
/* of IA32_APIC_BASE: x2APIC mode */
#define APIC_BASE_EXTD 0x400U
/* "Auth", of AuthenticAMD */
#define VENDOR_AMD 0x68747541U

static const uint32_t ids[] = { 0, 1, 255, 256, 300, 1000, 4095 };
#define COUNT (sizeof(ids) / sizeof(ids[0]))

static struct micro *start(bool unstarted, enum micro_without without)
{
    return micro_new(&(struct micro_config){
        .ids = ids, .count = COUNT, .unstarted = unstarted, .without = without });
}

static void send_ipi(struct micro *micro, unsigned int from, uint64_t command)
{
    micro_wrmsr(micro, from, MICRO_X2APIC_ICR, MICRO_ICR_FIXED | command);
}

START_TEST(ipis_from_each_to_each)
{
    struct micro *micro = start(false, MICRO_COMPLETE);

    for (unsigned int from = 0; from < COUNT; from++)
        for (unsigned int to = 0; to < COUNT; to++) {
            send_ipi(micro, from, MICRO_ICR_TO(ids[to]) | VECTOR);
            micro_expect(micro, to, VECTOR, 1);
            micro_check(micro);
        }
    micro_free(micro);
}
END_TEST

START_TEST(ipis_to_all_but_me_and_to_all)
{
    struct micro *micro = start(false, MICRO_COMPLETE);

    send_ipi(micro, COUNT - 1, MICRO_ICR_ALL_BUT_ME | VECTOR);
    for (unsigned int i = 0; i + 1 < COUNT; i++)
        micro_expect(micro, i, VECTOR, 1);
    micro_check(micro);
    send_ipi(micro, COUNT - 2, MICRO_ICR_TO(0xffffffff) | (VECTOR + 1));
    for (unsigned int i = 0; i < COUNT; i++)
        micro_expect(micro, i, VECTOR + 1, 1);
    micro_check(micro);
    micro_wrmsr(micro, COUNT - 1, MICRO_X2APIC_SELF_IPI, VECTOR + 2);
    micro_expect(micro, COUNT - 1, VECTOR + 2, 1);
    micro_check(micro);
    micro_free(micro);
}
END_TEST

/* Linux logs a TSC warp (check_tsc_warp() in arch/x86/kernel/tsc_sync.c) when a CPU's TSC is behind
 * what another one has read before. */
START_TEST(hot_added_cpus_have_the_boot_cpus_tsc)
{
    struct micro *micro;
    char clocksource[16] = "";
    FILE *file = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "r");

    if (file) {
        if (!fgets(clocksource, sizeof(clocksource), file))
            clocksource[0] = '\0';
        fclose(file);
    }
    if (strcmp(clocksource, "tsc\n") != 0) {
        printf("# not looked at: the host's clocksource is not tsc\n");
        return;
    }
    micro = start(true, MICRO_COMPLETE);
    for (unsigned int i = 1; i < COUNT; i++) {
        micro_plug(micro, i);
        micro_start(micro, i);
        micro_wait_started(micro, i, 1);
        for (unsigned int times = 0; times < 20; times++) {
            uint64_t before = micro_rdmsr(micro, 0, MSR_TSC), now = micro_rdmsr(micro, i, MSR_TSC);

            ck_assert_uint_gt(now, before);
            ck_assert_uint_gt(micro_rdmsr(micro, 0, MSR_TSC), now);
        }
    }
    micro_free(micro);
}
END_TEST

/* Each is made after the boot CPU has run for long; KVM's map of APIC IDs is there already. */
START_TEST(hot_added_cpus_start)
{
    struct micro *micro = start(true, MICRO_COMPLETE);

    for (unsigned int i = 1; i < COUNT; i++) {
        micro_plug(micro, i);
        micro_start(micro, i);
        micro_wait_started(micro, i, 1);
        micro_send(micro, micro_msi(ids[i], VECTOR));
        micro_expect(micro, i, VECTOR, 1);
        micro_check(micro);
        send_ipi(micro, 0, MICRO_ICR_TO(ids[i]) | VECTOR);
        micro_expect(micro, i, VECTOR, 1);
        micro_check(micro);
    }
    micro_free(micro);
}
END_TEST

START_TEST(a_cpu_starts_again_after_init)
{
    struct micro *micro = start(true, MICRO_COMPLETE);

    micro_plug(micro, COUNT - 1);
    for (unsigned int starts = 1; starts <= 3; starts++) {
        micro_start(micro, COUNT - 1);
        micro_wait_started(micro, COUNT - 1, starts);
    }
    ck_assert_uint_eq(micro_starts(micro, 0), 1);
    micro_free(micro);
}
END_TEST

/* Why vcpu_announce() writes the local APIC: without that INIT and SIPI are lost, unless the vCPU
 * was switched to x2APIC mode. */
START_TEST(without_set_lapic_a_hot_added_cpu_is_unknown)
{
    static const uint32_t low[] = { 0, 1, 2 };
    struct micro *micro = micro_new(&(struct micro_config){
        .ids = low, .count = 3, .unstarted = true, .without = MICRO_WITHOUT_SET_LAPIC });

    micro_plug(micro, 1);
    micro_start(micro, 1);
    usleep(500000);
    if (micro_starts(micro, 1) > 0) {
        micro_free(micro);
        unit_skip("this KVM takes new vCPUs into its map of APIC IDs by itself");
    }
    /* The next one that is made whole lets KVM draw its map anew, with both. */
    micro_make_whole();
    micro_plug(micro, 2);
    micro_start(micro, 1);
    micro_wait_started(micro, 1, 1);
    micro_free(micro);
}
END_TEST

/* As after the guest has ejected it. */
static void park(struct micro *micro, unsigned int index)
{
    struct cpu *cpu = cpus_at(micro->vm->cpus, index);

    vm_lock(micro->vm);
    cpu->enabled = false;
    cpus_stop(micro->vm->cpus, cpu);
    while (!cpus_park(cpu)) {
        vm_unlock(micro->vm);
        usleep(1000);
        vm_lock(micro->vm);
    }
    ck_assert_int_eq(cpus_forget(cpu), 0);
    vm_unlock(micro->vm);
}

/* As firmware does it (Intel SDM volume 3, 10.12.7): all in x2APIC mode if an ID above 254 is
 * possible, else none. INIT leaves the mode alone, and one that is plugged again is as new. */
static void check_mode(const uint32_t *cpus, bool x2apic)
{
    struct micro *micro =
        micro_new(&(struct micro_config){ .ids = cpus, .count = 3, .unstarted = true });

    for (unsigned int i = 0; i < 3; i++) {
        if (i > 0) {
            micro_plug(micro, i);
            micro_start(micro, i);
            micro_wait_started(micro, i, 1);
        }
        ck_assert_uint_eq((micro_apic_base(micro, i) & APIC_BASE_EXTD) != 0, x2apic);
    }
    micro_start(micro, 2);
    micro_wait_started(micro, 2, 2);
    ck_assert_uint_ne(micro_apic_base(micro, 2) & APIC_BASE_EXTD, 0);
    park(micro, 2);
    micro_plug(micro, 2);
    micro_start(micro, 2);
    micro_wait_started(micro, 2, 3);
    ck_assert_uint_eq((micro_apic_base(micro, 2) & APIC_BASE_EXTD) != 0, x2apic);
    micro_free(micro);
}

START_TEST(cpus_are_handed_over_in_x2apic_mode_where_ids_are_high)
{
    check_mode((const uint32_t[]){ 0, 1, 254 }, false);
    check_mode((const uint32_t[]){ 0, 1, 255 }, true);
}
END_TEST

/* In xAPIC mode a CPU would have the lowest eight bits of its ID. */
START_TEST(a_cpu_does_not_start_for_an_id_that_is_absent)
{
    static const uint32_t high[] = { 0, 300 };
    struct micro *micro =
        micro_new(&(struct micro_config){ .ids = high, .count = 2, .unstarted = true });
    uint64_t to = MICRO_ICR_TO(300 & 0xff);

    micro_plug(micro, 1);
    micro_wrmsr(micro, 0, MICRO_X2APIC_ICR, to | MICRO_ICR_INIT);
    micro_wrmsr(micro, 0, MICRO_X2APIC_ICR, to | MICRO_ICR_STARTUP);
    usleep(500000);
    ck_assert_uint_eq(micro_starts(micro, 1), 0);
    micro_start(micro, 1);
    micro_wait_started(micro, 1, 1);
    micro_free(micro);
}
END_TEST

/* By the topology's own IDs, or as many as this KVM gives a VM; each takes a message of its own. */
START_TEST(a_thousand_cpus)
{
    unsigned int count = micro_max_vcpus() < 1024 ? micro_max_vcpus() : 1024;
    struct micro *micro;
    char smp[16];

    snprintf(smp, sizeof(smp), "%u", count);
    micro = micro_new(&(struct micro_config){ .smp = smp });
    ck_assert_uint_eq(micro->count, count);
    for (unsigned int i = 0; i < micro->count; i++) {
        ck_assert_uint_eq(micro_starts(micro, i), 1);
        ck_assert_uint_eq((uint32_t)micro_rdmsr(micro, i, MICRO_X2APIC_ID), micro_id(micro, i));
        micro_send(micro, micro_msi(micro_id(micro, i), VECTOR));
        micro_expect(micro, i, VECTOR, 1);
    }
    micro_check(micro);
    micro_free(micro);
}
END_TEST

/* ---- who is who ---- */

struct guest_cpu {
    struct micro *micro;
    unsigned int index;
};

static void read_in_guest(void *data, uint32_t leaf, uint32_t subleaf, uint32_t ret_registers[4])
{
    const struct guest_cpu *cpu = data;

    micro_cpuid(cpu->micro, cpu->index, leaf, subleaf, ret_registers);
}

/* Fields with room to spare, of one bit, of none; the last has IDs from 256 on. */
static const char *const shapes[] = {
    "12,sockets=2,cores=3,threads=2",
    "16,sockets=2,dies=2,cores=2,threads=2",
    "5,sockets=5",
    "1,maxcpus=270,sockets=18,cores=5,threads=3",
};

/* As KVM executes it in the guest, for the CPUs at both ends of each shape. */
START_TEST(cpus_know_their_place)
{
    struct micro *micro = micro_new(&(struct micro_config){ .smp = shapes[_i] });
    const struct smp *smp = &micro->vm->smp;
    struct guest_cpu cpu = { .micro = micro };
    uint32_t vendor[4];

    agreement_check_tables(smp, &micro->vm->acpi);
    if (smp->cpus < smp->maxcpus) {
        micro_plug(micro, smp->maxcpus - 1);
        micro_start(micro, smp->maxcpus - 1);
        micro_wait_started(micro, smp->maxcpus - 1, 1);
    }
    micro_cpuid(micro, 0, 0, 0, vendor);
    for (cpu.index = 0; cpu.index < smp->maxcpus; cpu.index++) {
        if (micro_starts(micro, cpu.index) == 0)
            continue;
        ck_assert_uint_eq((uint32_t)micro_rdmsr(micro, cpu.index, MICRO_X2APIC_ID),
                          smp_apic_id(smp, cpu.index));
        agreement_check_leaves(smp, cpu.index, vendor[1] == VENDOR_AMD, read_in_guest, &cpu);
    }
    micro_free(micro);
}
END_TEST

/* ---- the limit ---- */

static int create(struct micro *micro, uint32_t id)
{
    int fd = kvm_call_value(micro->vm->fd, KVM_CREATE_VCPU, id);

    if (fd >= 0)
        close(fd);
    return fd < 0 ? fd : 0;
}

START_TEST(the_limit_is_this_vms)
{
    /* Three cores take two bits: the highest ID of four sockets is 14. */
    struct micro_config config = { .smp = "1,maxcpus=12,sockets=4,cores=3" };
    struct micro *micro = micro_new(&config);

    if (create(micro, 15) == 0) {
        micro_free(micro);
        unit_skip("this KVM has no limit on APIC IDs per VM (Linux 6.0)");
    }
    ck_assert_int_eq(create(micro, 15), -EINVAL);
    ck_assert_int_eq(create(micro, 16), -EINVAL);
    ck_assert_int_eq(create(micro, micro_highest_id()), -EINVAL);
    micro_plug(micro, 11);
    ck_assert_uint_eq(micro_id(micro, 11), 14);
    micro_start(micro, 11);
    micro_wait_started(micro, 11, 1);
    micro_free(micro);

    config.without = MICRO_WITHOUT_LOWERING;
    micro = micro_new(&config);
    ck_assert_int_eq(create(micro, 15), 0);
    ck_assert_int_eq(create(micro, micro_highest_id()), 0);
    ck_assert_int_eq(create(micro, micro_highest_id() + 1), -EINVAL);
    micro_free(micro);
}
END_TEST

/* ---- resets ---- */

/* Behind the PCI window: nothing of cpuvmm is there. */
#define DEVICE 0xd0000000ULL

/* A device whose first write makes for a reset, and what is heard of it. */
struct resetter {
    struct vm *vm;
    void (*act)(struct vm *vm);
    bool acted, by_guest, pending;
    unsigned int resets, changes;
};

static void write_device(void *device, uint64_t offset, unsigned int size, uint64_t value)
{
    struct resetter *resetter = device;

    (void)offset;
    (void)size;
    (void)value;
    if (!resetter->acted) {
        resetter->acted = true;
        resetter->act(resetter->vm);
    }
}

static void on_reset(void *data, bool guest)
{
    struct resetter *resetter = data;

    resetter->resets++;
    resetter->by_guest = resetter->by_guest || guest;
    resetter->pending = resetter->pending || resetter->vm->reset_requested;
}

static void on_state(void *data, enum vm_state state)
{
    struct resetter *resetter = data;

    resetter->changes += state != VM_SHUTDOWN && !resetter->vm->shutdown_requested;
}

static void *run_vm(void *data)
{
    struct cpuctl_error error = { 0 };

    return vm_run(data, &error) == 0 ? data : NULL;
}

/* CPU 0 writes to the device; after the reset it carries out its order once more, in vain. */
static struct resetter reset_by(void (*act)(struct vm *vm))
{
    static const struct bus_ops device_ops = { .write = write_device };
    struct micro *micro = micro_new(&(struct micro_config){ .smp = "1" });
    struct resetter resetter = { .vm = micro->vm, .act = act };
    pthread_t thread;
    void *result;

    vm_lock(micro->vm);
    ck_assert_int_eq(bus_add(&micro->vm->mmio, DEVICE, 4, &device_ops, &resetter), 0);
    micro->vm->listener =
        (struct vm_listener){ .reset = on_reset, .state_changed = on_state, .data = &resetter };
    vm_unlock(micro->vm);
    ck_assert_int_eq(pthread_create(&thread, NULL, run_vm, micro->vm), 0);
    micro_write(micro, 0, DEVICE, 0);
    ck_assert_uint_ge(micro_starts(micro, 0), 2);
    vm_lock(micro->vm);
    vm_request_shutdown(micro->vm, false);
    vm_unlock(micro->vm);
    pthread_join(thread, &result);
    ck_assert_ptr_nonnull(result);
    micro_free(micro);
    return resetter;
}

/* The host's has begun when a CPU comes with its own. */
static void reset_during_reset(struct vm *vm)
{
    vm_request_reset(vm, false);
    while (vm->state == VM_RUNNING) {
        vm_unlock(vm);
        usleep(1000);
        vm_lock(vm);
    }
    vm_request_reset(vm, true);
}

START_TEST(what_is_asked_for_during_a_reset_is_done_by_it)
{
    struct resetter resetter = reset_by(reset_during_reset);

    ck_assert_uint_eq(resetter.resets, 1);
    ck_assert(!resetter.by_guest && !resetter.pending);
}
END_TEST

/* As by a client's "cont" before the main thread carries the reset out. */
static void continue_before_reset(struct vm *vm)
{
    vm_request_reset(vm, true);
    vm_continue(vm);
}

START_TEST(cont_does_not_resume_a_cpu_that_asked_for_a_reset)
{
    struct resetter resetter = reset_by(continue_before_reset);

    ck_assert_uint_eq(resetter.resets, 1);
    ck_assert(resetter.by_guest);
    ck_assert_uint_eq(resetter.changes, 0);
}
END_TEST

static void add(TCase *core)
{
    tcase_add_test(core, what_is_asked_for_during_a_reset_is_done_by_it);
    tcase_add_test(core, cont_does_not_resume_a_cpu_that_asked_for_a_reset);
    tcase_add_test(core, ipis_from_each_to_each);
    tcase_add_test(core, ipis_to_all_but_me_and_to_all);
    tcase_add_test(core, hot_added_cpus_start);
    tcase_add_test(core, hot_added_cpus_have_the_boot_cpus_tsc);
    tcase_add_test(core, a_cpu_starts_again_after_init);
    tcase_add_test(core, without_set_lapic_a_hot_added_cpu_is_unknown);
    tcase_add_test(core, cpus_are_handed_over_in_x2apic_mode_where_ids_are_high);
    tcase_add_test(core, a_cpu_does_not_start_for_an_id_that_is_absent);
    tcase_add_test(core, a_thousand_cpus);
    tcase_add_loop_test(core, cpus_know_their_place, 0, sizeof(shapes) / sizeof(shapes[0]));
    tcase_add_test(core, the_limit_is_this_vms);
}

Suite *unit_suite(void)
{
    return micro_suite("micro-cpus", add);
}
