/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cpuvmm's own VM with the micro-guest in it. */
#include "micro.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "cpuctl.h"
#include "micro-wrap.h"
#include "vmm/layout.h"
#include "vmm/options.h"

/* A loaded machine may take its time. */
#define PATIENCE_MS  60000
#define DELIVERY_NMI 0x400U

extern const char micro_guest[], micro_guest_end[], micro_startup[], micro_startup_end[],
    micro_stubs[];

static void nap(void)
{
    nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
}

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static struct kvm_host ask_host(void)
{
    struct kvm_host host;

    ck_assert_int_eq(kvm_host_open(NULL, &host), 0);
    kvm_host_close(&host);
    return host;
}

uint32_t micro_highest_id(void)
{
    return ask_host().max_vcpu_id - 1;
}

unsigned int micro_max_vcpus(void)
{
    return ask_host().max_vcpus;
}

/* ---- the guest's memory ---- */

static void *at(struct micro *micro, uint64_t address, size_t size)
{
    void *place = memory_at(&micro->vm->memory, address, size);

    ck_assert_ptr_nonnull(place);
    return place;
}

uint32_t micro_id(struct micro *micro, unsigned int index)
{
    return cpus_at(micro->vm->cpus, index)->apic_id;
}

static volatile uint32_t *slot(struct micro *micro, unsigned int index, unsigned int offset)
{
    uint64_t address = MICRO_SLOTS + (uint64_t)micro_id(micro, index) * MICRO_SLOT_SIZE + offset;

    return at(micro, address, 4);
}

volatile uint32_t *micro_count(struct micro *micro, unsigned int index, uint8_t vector)
{
    return slot(micro, index, SLOT_COUNTS + 4U * vector);
}

unsigned int micro_starts(struct micro *micro, unsigned int index)
{
    return *slot(micro, index, SLOT_STARTS);
}

uint32_t micro_apic_base(struct micro *micro, unsigned int index)
{
    return *slot(micro, index, SLOT_APIC_BASE);
}

/* A bzImage of the smallest size (Documentation/arch/x86/boot.rst); its entry is at 0x200. */
static int make_kernel(void)
{
    uint8_t header[1024 + 0x200] = {
        [0x1f1] = 1, /* setup_sects */
        [0x202] = 'H',
        [0x203] = 'd',
        [0x204] = 'r',
        [0x205] = 'S',
        [0x206] = 0x0f,
        [0x207] = 0x02, /* version */
        [0x211] = 1,    /* LOADED_HIGH */
        [0x22c] = 0xff,
        [0x22d] = 0xff,
        [0x22e] = 0xff,
        [0x22f] = 0x7f,             /* initrd_addr_max */
        [0x236] = 1,                /* XLF_KERNEL_64 */
        [0x239] = 1,                /* cmdline_size */
        [0x25b] = MICRO_LOAD >> 24, /* pref_address */
        [0x262] = 1,                /* init_size */
    };
    size_t size = (size_t)(micro_guest_end - micro_guest);
    int fd = memfd_create("micro-guest", MFD_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, header, sizeof(header)), sizeof(header));
    ck_assert_int_eq(write(fd, micro_guest, size), (ssize_t)size);
    return fd;
}

/* Interrupt gates of 64 bits (Intel SDM 3A, 7.14.1). */
static void write_idt(struct micro *micro)
{
    uint64_t *idt = at(micro, MICRO_IDT, 256 * 16ULL);
    uint64_t base = MICRO_ENTRY + (uint64_t)(micro_stubs - micro_guest);

    for (uint64_t i = 0; i < 256; i++) {
        uint64_t stub = base + 16 * i;

        idt[2 * i] =
            (stub & 0xffff) | 0x10ULL << 16 | 0x8e00ULL << 32 | (stub >> 16 & 0xffff) << 48;
        idt[2 * i + 1] = stub >> 32;
    }
    memcpy(at(micro, MICRO_STARTUP, 4096), micro_startup,
           (size_t)(micro_startup_end - micro_startup));
}

/* ---- orders ---- */

static void fail_of(struct micro *micro, unsigned int index, const char *what)
{
    ck_abort_msg("CPU %u (APIC ID %u) %s; exception %d, started %u times", index,
                 micro_id(micro, index), what, (int)*slot(micro, index, SLOT_EXCEPTION) - 1,
                 micro_starts(micro, index));
}

/*
 * The doorbell goes past the code under test. Where KVM has no 32-bit IDs for messages, the boot
 * CPU rings it.
 */
static void ring(struct micro *micro, unsigned int index)
{
    uint32_t id = micro_id(micro, index);

    if (micro->without_ids && id > 0xff)
        micro_wrmsr(micro, 0, MICRO_X2APIC_ICR, MICRO_ICR_TO(id) | DELIVERY_NMI);
    else
        kvm_signal_msi(micro->vm->fd,
                       MSI_ADDRESS_BASE | (uint64_t)(id & ~0xffU) << 32 | (id & 0xff) << 12,
                       DELIVERY_NMI);
}

static void give(struct micro *micro, unsigned int index, uint32_t order)
{
    *slot(micro, index, SLOT_ORDER) = order;
    __atomic_add_fetch((uint32_t *)slot(micro, index, SLOT_ASKED), 1, __ATOMIC_SEQ_CST);
    ring(micro, index);
}

static void wait_done(struct micro *micro, unsigned int index)
{
    int64_t end = now_ms() + PATIENCE_MS;

    while (*slot(micro, index, SLOT_DONE) != *slot(micro, index, SLOT_ASKED)) {
        if (now_ms() > end || *slot(micro, index, SLOT_EXCEPTION) != 0)
            fail_of(micro, index, "does not carry out its order");
        nap();
    }
}

static uint64_t ask(struct micro *micro, unsigned int index, uint32_t order, uint64_t address,
                    uint64_t value)
{
    uint64_t result;

    *(volatile uint64_t *)slot(micro, index, SLOT_ADDRESS) = address;
    *(volatile uint64_t *)slot(micro, index, SLOT_VALUE) = value;
    give(micro, index, order);
    wait_done(micro, index);
    result = *(volatile uint64_t *)slot(micro, index, SLOT_VALUE);
    return result;
}

uint64_t micro_rdmsr(struct micro *micro, unsigned int index, uint32_t msr)
{
    return ask(micro, index, MICRO_RDMSR, msr, 0);
}

void micro_wrmsr(struct micro *micro, unsigned int index, uint32_t msr, uint64_t value)
{
    ask(micro, index, MICRO_WRMSR, msr, value);
}

void micro_cpuid(struct micro *micro, unsigned int index, uint32_t leaf, uint32_t subleaf,
                 uint32_t ret_registers[4])
{
    ask(micro, index, MICRO_CPUID, leaf, subleaf);
    for (unsigned int i = 0; i < 4; i++)
        ret_registers[i] = *slot(micro, index, SLOT_CPUID + 4 * i);
}

void micro_write(struct micro *micro, unsigned int index, uint64_t address, uint32_t value)
{
    ask(micro, index, MICRO_WRITE, address, value);
}

static uint32_t access_ioapic(struct micro *micro, uint32_t reg, uint32_t order, uint32_t value)
{
    ask(micro, 0, MICRO_WRITE, LAYOUT_IOAPIC, reg);
    return (uint32_t)ask(micro, 0, order, LAYOUT_IOAPIC + 0x10, value);
}

/* As Linux: the half with the mask last (ioapic_write_entry() in arch/x86/kernel/apic/io_apic.c).
 */
void micro_write_rte(struct micro *micro, unsigned int pin, uint64_t entry)
{
    access_ioapic(micro, 0x11 + 2 * pin, MICRO_WRITE, (uint32_t)(entry >> 32));
    access_ioapic(micro, 0x10 + 2 * pin, MICRO_WRITE, (uint32_t)entry);
}

uint64_t micro_read_rte(struct micro *micro, unsigned int pin)
{
    uint64_t high = access_ioapic(micro, 0x11 + 2 * pin, MICRO_READ, 0);

    return high << 32 | access_ioapic(micro, 0x10 + 2 * pin, MICRO_READ, 0);
}

/* ---- interrupts ---- */

struct msi micro_msi(uint32_t id, uint8_t vector)
{
    return (struct msi){
        .address = MSI_ADDRESS_BASE | (id & 0xff) << 12 | (id >> 8 & 0x7f) << 5,
        .data = vector,
    };
}

uint64_t micro_rte(uint32_t id, uint8_t vector)
{
    return (uint64_t)(id & 0xff) << 56 | (uint64_t)(id >> 8 & 0x7f) << 49 | vector;
}

void micro_send(struct micro *micro, struct msi msi)
{
    vm_lock(micro->vm);
    irq_send(micro->vm->irq, &msi);
    vm_unlock(micro->vm);
}

static unsigned int count_all(struct micro *micro)
{
    unsigned int sum = 0;

    for (unsigned int i = 0; i < micro->count; i++)
        for (unsigned int vector = 32; vector < 256; vector++)
            sum += *micro_count(micro, i, (uint8_t)vector);
    return sum;
}

void micro_send_irqfd(struct micro *micro, struct msi msi, unsigned int times)
{
    int gsi, fd = eventfd(0, EFD_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    vm_lock(micro->vm);
    gsi = irq_alloc(micro->vm->irq);
    ck_assert_int_ge(gsi, 0);
    irq_route(micro->vm->irq, (unsigned int)gsi, &msi);
    ck_assert_int_eq(irq_attach(micro->vm->irq, (unsigned int)gsi, fd, true), 0);
    vm_unlock(micro->vm);
    for (unsigned int i = 0; i < times; i++) {
        unsigned int before = count_all(micro);
        int64_t end = now_ms() + 1000;

        ck_assert_int_eq(eventfd_write(fd, 1), 0);
        /* A second one before the first is in service would be merged with it. */
        while (count_all(micro) == before && now_ms() < end)
            nap();
    }
    vm_lock(micro->vm);
    ck_assert_int_eq(irq_attach(micro->vm->irq, (unsigned int)gsi, fd, false), 0);
    irq_release(micro->vm->irq, (unsigned int)gsi);
    vm_unlock(micro->vm);
    close(fd);
}

void micro_level(struct micro *micro, unsigned int pin, bool level)
{
    vm_lock(micro->vm);
    irq_set_level(micro->vm, pin, level);
    vm_unlock(micro->vm);
}

void micro_expect(struct micro *micro, unsigned int index, uint8_t vector, unsigned int times)
{
    micro->expected[index][vector] += times;
}

/* A level-triggered interrupt that ends early comes again before its handler has served the device.
 * How often, and when the last one is there, is then this KVM's own affair. */
static bool may_repeat(const struct micro *micro, unsigned int index, unsigned int vector)
{
    return !micro->exact && vector >= MICRO_DEVICE && micro->expected[index][vector] > 0;
}

/* Whether all counts are as expected. One that is greater ends the test, and if @tell a lesser one,
 * too. */
static bool compare(struct micro *micro, bool tell)
{
    for (unsigned int i = 0; i < micro->count; i++)
        for (unsigned int vector = 32; vector < 256; vector++) {
            unsigned int got = *micro_count(micro, i, (uint8_t)vector);

            if (got == micro->expected[i][vector])
                continue;
            if (got > micro->expected[i][vector] && may_repeat(micro, i, vector))
                continue;
            if (tell || got > micro->expected[i][vector])
                ck_abort_msg("CPU %u (APIC ID %u), vector 0x%x: %u interrupts, expected %u", i,
                             micro_id(micro, i), vector, got, micro->expected[i][vector]);
            return false;
        }
    return true;
}

/* What is on its way comes before a CPU is through with an order. */
static void settle(struct micro *micro)
{
    for (unsigned int i = 0; i < micro->count; i++)
        if (micro_starts(micro, i) > 0)
            give(micro, i, MICRO_NOTHING);
    for (unsigned int i = 0; i < micro->count; i++)
        if (micro_starts(micro, i) > 0)
            wait_done(micro, i);
}

void micro_check(struct micro *micro)
{
    int64_t end = now_ms() + PATIENCE_MS;

    while (!compare(micro, false) && now_ms() < end)
        nap();
    compare(micro, true);
    settle(micro);
    compare(micro, true);
}

void micro_check_ended(struct micro *micro, unsigned int pin)
{
    int64_t end = now_ms() + PATIENCE_MS;

    while (micro_read_rte(micro, pin) & MICRO_RTE_REMOTE_IRR) {
        ck_assert_msg(now_ms() < end, "pin %u: an interrupt without an end", pin);
        nap();
    }
}

/* ---- a device on MICRO_PIN ---- */

/* The handler reads the port: one request less. The line stays high as long as there are any. */
static uint64_t serve(void *device, uint64_t offset, unsigned int size)
{
    struct micro *micro = device;

    (void)offset;
    (void)size;
    if (micro->requests > 0 && --micro->requests == 0)
        irq_set_level(micro->vm, MICRO_PIN, false);
    return 0;
}

static void ignore(void *device, uint64_t offset, unsigned int size, uint64_t value)
{
    (void)device;
    (void)offset;
    (void)size;
    (void)value;
}

static const struct bus_ops device_ops = { .read = serve, .write = ignore };

void micro_request(struct micro *micro, unsigned int requests)
{
    vm_lock(micro->vm);
    micro->requests = requests;
    irq_set_level(micro->vm, MICRO_PIN, true);
    vm_unlock(micro->vm);
}

/* Waits until CPU @index has had so many interrupts of @vector. */
static void wait_count(struct micro *micro, unsigned int index, uint8_t vector, unsigned int count)
{
    int64_t end = now_ms() + PATIENCE_MS;

    while (*micro_count(micro, index, vector) < count) {
        ck_assert_msg(now_ms() < end, "CPU %u: no interrupt of vector 0x%x", index, vector);
        nap();
    }
}

/* A message and no EOI: it has to be in service still. */
static bool holds_back(struct micro *micro)
{
    uint64_t in_service;

    micro_send(micro, micro_msi(micro_id(micro, 0), MICRO_MANUAL));
    wait_count(micro, 0, MICRO_MANUAL, 1);
    in_service = micro_rdmsr(micro, 0, MICRO_X2APIC_ISR + MICRO_MANUAL / 32);
    micro_wrmsr(micro, 0, MICRO_X2APIC_EOI, 0);
    micro_expect(micro, 0, MICRO_MANUAL, 1);
    micro_check(micro);
    return in_service & 1U << MICRO_MANUAL % 32;
}

/* ---- the VM ---- */

static void complain(const char *sentence)
{
    fprintf(stderr, "%s\n", sentence);
}

/* The options point into the words, and the VM to the options: a test has one VM at a time, in a
 * process of its own. */
static void make_vm(struct micro *micro, const struct micro_config *config)
{
    static char words[][64] = { "cpuvmm",   "--kernel", "",         "--smp",         "",
                                "--memory", "192M",     "--serial", "file:/dev/null" };
    static struct options options;
    struct cpuctl_error error = { 0 };
    char *argv[sizeof(words) / sizeof(words[0]) + 1] = { NULL };

    snprintf(words[2], sizeof(words[2]), "/proc/self/fd/%d", micro->kernel);
    if (config->smp)
        snprintf(words[4], sizeof(words[4]), "%s", config->smp);
    else
        snprintf(words[4], sizeof(words[4]), "%u,maxcpus=%u", config->unstarted ? 1 : config->count,
                 config->count);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        argv[i] = words[i];
    micro_wrap_set(config);
    optind = 0;
    ck_assert_msg(options_parse(sizeof(words) / sizeof(words[0]), argv, &options, &error) == 0,
                  "%s", error.text);
    ck_assert_msg(vm_new(&options, complain, &micro->vm, &error) == 0, "%s", error.text);
    ck_assert_int_eq(bus_add(&micro->vm->pio, MICRO_PORT, 1, &device_ops, micro), 0);
}

struct micro *micro_new(const struct micro_config *config)
{
    struct micro *micro = calloc(1, sizeof(*micro));

    ck_assert_ptr_nonnull(micro);
    micro->kernel = make_kernel();
    micro->without_ids = config->without == MICRO_WITHOUT_X2APIC_API;
    make_vm(micro, config);
    write_idt(micro);
    micro->count = cpus_count(micro->vm->cpus);
    micro->expected = calloc(micro->count, sizeof(micro->expected[0]));
    ck_assert_ptr_nonnull(micro->expected);
    vm_lock(micro->vm);
    vm_continue(micro->vm);
    vm_unlock(micro->vm);
    micro_wait_started(micro, 0, 1);
    if (config->unstarted || micro->vm->smp.cpus == 1)
        return micro;
    /* One CPU is a CPU that can be asked: all others at once. */
    micro_wrmsr(micro, 0, MICRO_X2APIC_ICR, MICRO_ICR_INIT | MICRO_ICR_ALL_BUT_ME);
    micro_wrmsr(micro, 0, MICRO_X2APIC_ICR, MICRO_ICR_STARTUP | MICRO_ICR_ALL_BUT_ME);
    for (unsigned int i = 1; i < micro->vm->smp.cpus; i++)
        micro_wait_started(micro, i, 1);
    micro_wrap_started();
    micro->exact = holds_back(micro);
    return micro;
}

void micro_free(struct micro *micro)
{
    vm_free(micro->vm);
    close(micro->kernel);
    free(micro->expected);
    free(micro);
}

void micro_plug(struct micro *micro, unsigned int index)
{
    struct cpuctl_error error = { 0 };
    int r;

    vm_lock(micro->vm);
    r = cpus_plug(micro->vm->cpus, index, &error);
    vm_unlock(micro->vm);
    ck_assert_msg(r == 0, "%s", error.text);
}

void micro_start(struct micro *micro, unsigned int index)
{
    uint64_t to = MICRO_ICR_TO(micro_id(micro, index));

    micro_wrmsr(micro, 0, MICRO_X2APIC_ICR, to | MICRO_ICR_INIT);
    micro_wrmsr(micro, 0, MICRO_X2APIC_ICR, to | MICRO_ICR_STARTUP);
}

void micro_wait_started(struct micro *micro, unsigned int index, unsigned int starts)
{
    int64_t end = now_ms() + PATIENCE_MS;

    while (micro_starts(micro, index) < starts) {
        if (now_ms() > end || *slot(micro, index, SLOT_EXCEPTION) != 0)
            fail_of(micro, index, "does not start");
        nap();
    }
}
