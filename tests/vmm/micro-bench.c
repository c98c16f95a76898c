/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Times of micro-guests, for tests/bench/micro.py, one number a line:
 *
 * - micro-bench msi ROUNDS ID...
 *   For each APIC ID the median time from an MSI to its handler, nanoseconds; the IDs take turns.
 * - micro-bench vcpus COUNT
 *   Nanoseconds of the processor's time for each of COUNT vCPUs of a VM: to make the vCPUs with
 *   their threads, and in these until all run the guest's loop; of that, to make them; of that,
 *   outside KVM_CREATE_VCPU and KVM_SET_SREGS. Left out: what there is once a VM, and who waits for
 *   the CPUs.
 * - micro-bench memory VMS
 *   Bytes of kernel memory for each of VMS VMs with one vCPU and APIC IDs up to 15: with the limit
 *   lowered, and without.
 */
#include "micro.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cpuctl.h"
#include "vmm/limits.h"
#include "vmm/smp.h"

#define VECTOR  0x40
#define IDS_MAX 16

static int64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/* ---- MSI to handler ---- */

/* The CPU has gone back to its halt before. */
static int64_t time_msi(struct micro *micro, unsigned int index)
{
    volatile uint32_t *count = micro_count(micro, index, VECTOR);
    uint32_t before = *count;
    int64_t start;

    nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
    start = now();
    micro_send(micro, micro_msi(micro_id(micro, index), VECTOR));
    while (*count == before)
        ;
    return now() - start;
}

static int compare(const void *a, const void *b)
{
    int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;

    return first < second ? -1 : first > second;
}

/* The vCPUs' threads have one processor, and the one that waits for the handler another: what is
 * started now runs on the allowed processor @number. */
static void move_to(int number)
{
    static cpu_set_t allowed;
    cpu_set_t one;

    if (CPU_COUNT(&allowed) == 0)
        (void)sched_getaffinity(0, sizeof(allowed), &allowed);
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed) && number-- == 0)
            CPU_SET(cpu, &one);
    if (CPU_COUNT(&one) > 0)
        (void)sched_setaffinity(0, sizeof(one), &one);
}

static int bench_msi(unsigned int rounds, char *words[], unsigned int count)
{
    uint32_t ids[IDS_MAX + 1] = { 0 };
    int64_t *times = calloc((size_t)rounds * count, sizeof(*times));
    struct micro *micro;

    if (!times || count == 0 || count > IDS_MAX)
        return EXIT_FAILURE;
    for (unsigned int i = 0; i < count; i++)
        ids[i + 1] = (uint32_t)strtoul(words[i], NULL, 10);
    move_to(1);
    micro = micro_new(&(struct micro_config){ .ids = ids, .count = count + 1 });
    move_to(0);
    for (unsigned int round = 0; round < rounds; round++)
        for (unsigned int i = 0; i < count; i++) {
            unsigned int turn = (round + i) % count;

            times[turn * rounds + round] = time_msi(micro, turn + 1);
        }
    for (unsigned int i = 0; i < count; i++) {
        qsort(times + (size_t)i * rounds, rounds, sizeof(*times), compare);
        printf("%lld\n", (long long)times[i * rounds + rounds / 2]);
    }
    micro_free(micro);
    free(times);
    return EXIT_SUCCESS;
}

/* ---- vCPUs ---- */

static int bench_vcpus(unsigned int count)
{
    struct micro_times times;
    struct micro *micro;
    char smp[16];

    snprintf(smp, sizeof(smp), "%u", count);
    micro = micro_new(&(struct micro_config){ .smp = smp });
    times = micro_times();
    printf("%lld\n%lld\n%lld\n", (long long)(times.plug + times.start) / count,
           (long long)times.plug / count, (long long)(times.plug - times.walks) / count);
    micro_free(micro);
    return EXIT_SUCCESS;
}

/* ---- memory ---- */

/* Memory that is neither free nor users' nor the page cache's, bytes. */
static int64_t kernel_memory(void)
{
    static const struct {
        const char *name;
        int sign;
    } fields[] = { { "MemTotal:", 1 },   { "MemFree:", -1 },   { "Buffers:", -1 },
                   { "Cached:", -1 },    { "AnonPages:", -1 }, { "SwapCached:", -1 },
                   { "PageTables:", -1 } };
    FILE *file = fopen("/proc/meminfo", "r");
    char name[64];
    long long value, sum = 0;

    while (file && fscanf(file, "%63s %lld%*[^\n]", name, &value) == 2)
        for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
            if (strcmp(name, fields[i].name) == 0)
                sum += fields[i].sign * value;
    if (file)
        fclose(file);
    return sum * 1024;
}

/* A VM as far as KVM keeps tables for it: a vCPU makes it set them up. */
static int make_vm(const struct kvm_host *host, bool lower, int fds[2])
{
    struct cpuctl_error error = { 0 };
    struct smp smp;
    int r;

    fds[0] = kvm_create_vm(host);
    if (fds[0] < 0)
        return fds[0];
    r = smp_parse("1,maxcpus=16", &smp, &error);
    if (r >= 0)
        r = kvm_vm_enable(fds[0], KVM_CAP_SPLIT_IRQCHIP, 24, 0);
    if (r >= 0 && lower)
        r = limits_lower(fds[0], &smp, &error);
    if (r < 0)
        return r;
    fds[1] = kvm_call_value(fds[0], KVM_CREATE_VCPU, 0);
    return fds[1];
}

static int64_t measure(const struct kvm_host *host, bool lower, unsigned int count)
{
    int(*fds)[2] = calloc(count, sizeof(*fds));
    int64_t before = kernel_memory(), used = -1;
    unsigned int made = 0;

    while (fds && made < count && make_vm(host, lower, fds[made]) >= 0)
        made++;
    if (made == count)
        used = (kernel_memory() - before) / count;
    for (unsigned int i = 0; i < made; i++) {
        close(fds[i][1]);
        close(fds[i][0]);
    }
    free(fds);
    return used;
}

/* The medians of rounds in which both take turns. */
static int bench_memory(unsigned int count)
{
    enum { ROUNDS = 101 };
    int64_t used[2][ROUNDS];
    struct kvm_host host;

    if (count == 0 || kvm_host_open(NULL, &host) < 0)
        return EXIT_FAILURE;
    measure(&host, true, count);
    for (unsigned int i = 0; i < 2 * ROUNDS; i++)
        used[i % 2][i / 2] = measure(&host, i % 2 == 0, count);
    for (unsigned int i = 0; i < 2; i++) {
        qsort(used[i], ROUNDS, sizeof(used[i][0]), compare);
        printf("%lld\n", (long long)used[i][ROUNDS / 2]);
    }
    kvm_host_close(&host);
    return EXIT_SUCCESS;
}

static struct {
    unsigned int count;
    char **words;
} arguments;

static int run(unsigned int count, char *words[])
{
    unsigned int number = count > 2 ? (unsigned int)strtoul(words[2], NULL, 10) : 0;

    if (count > 3 && number > 0 && strcmp(words[1], "msi") == 0)
        return bench_msi(number, words + 3, count - 3);
    if (count == 3 && number > 0 && strcmp(words[1], "vcpus") == 0)
        return bench_vcpus(number);
    if (count == 3 && number > 0 && strcmp(words[1], "memory") == 0)
        return bench_memory(number);
    fprintf(stderr, "micro-bench msi ROUNDS ID... | vcpus COUNT | memory VMS\n");
    return EXIT_FAILURE;
}

START_TEST(measurement)
{
    ck_assert_int_eq(run(arguments.count, arguments.words), EXIT_SUCCESS);
}
END_TEST

/* What micro.c holds to be wrong ends a test: this is one. */
int main(int argc, char *argv[])
{
    Suite *suite = suite_create("micro-bench");
    TCase *core = tcase_create("micro-bench");
    SRunner *runner = srunner_create(suite);
    int failed;

    arguments.count = (unsigned int)argc;
    arguments.words = argv;
    tcase_add_test(core, measurement);
    suite_add_tcase(suite, core);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    if (failed > 0)
        srunner_print(runner, CK_NORMAL);
    srunner_free(runner);
    return failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
