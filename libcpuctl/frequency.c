/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The frequencies that cpufreq tells (Documentation/admin-guide/pm/cpufreq.rst). CPUs of one policy
 * share their frequency, so that its files are read once a policy; kernels before 4.3 have them
 * only below each CPU.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "decimal.h"
#include "error.h"
#include "identity.h"
#include "root.h"

#define POLICIES ROOT_CPU_DIR "/cpufreq"

/** What one directory tells, in MHz; 0: not told. */
struct frequency {
    float current, max, min;
};

/** Reads a frequency in kHz. */
static float read_khz(struct cpuctl_root *root, const char *directory, const char *name)
{
    char path[ROOT_PATH_MAX];
    int64_t khz;

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    if (root_read_int(root, path, &khz) < 0 || khz < 0 || khz > INT_MAX)
        return 0;
    return (float)khz / 1000;
}

/**
 * The current frequency is the policy's, not the momentary one that x86's cpuinfo measures;
 * cpuinfo's is the fallback.
 */
static struct frequency read_directory(struct cpuctl_root *root, const char *directory)
{
    return (struct frequency){
        .current = read_khz(root, directory, "scaling_cur_freq"),
        .max = read_khz(root, directory, "cpuinfo_max_freq"),
        .min = read_khz(root, directory, "cpuinfo_min_freq"),
    };
}

static void apply(struct cpuctl_cpu_identity *cpu, const struct frequency *frequency)
{
    if (frequency->current > 0)
        cpu->mhz = frequency->current;
    cpu->max_mhz = frequency->max;
    cpu->min_mhz = frequency->min;
}

struct listing {
    struct cpuctl_root *root;
    struct cpuctl_identity *identity;
    unsigned int policies;
};

/** The CPUs of a policy are divided by blanks instead of commas. Applies @frequency to each. */
static void apply_to_list(struct cpuctl_identity *identity, const char *list,
                          const struct frequency *frequency)
{
    while (*list) {
        char *end;
        unsigned long number;
        struct identity_cpu *cpu;

        list += strspn(list, " \t");
        if (!isdigit((unsigned char)*list))
            return;
        number = strtoul(list, &end, 10);
        list = end;
        cpu = number < CPUCTL_CPUS_MAX ? identity_find_cpu(identity, (unsigned int)number) : NULL;
        if (cpu)
            apply(&cpu->told, frequency);
    }
}

static int read_policy(const char *name, void *userdata)
{
    struct listing *listing = userdata;
    char directory[ROOT_PATH_MAX / 2], path[ROOT_PATH_MAX];
    _cleanup_free_ char *list = NULL;
    struct frequency frequency;

    if (strncmp(name, "policy", 6) != 0 || !isdigit((unsigned char)name[6]) ||
        snprintf(directory, sizeof(directory), POLICIES "/%s", name) >= (int)sizeof(directory))
        return 0;
    /* related_cpus also has the CPUs that are offline now */
    snprintf(path, sizeof(path), "%s/related_cpus", directory);
    if (cpuctl_root_read(listing->root, path, ROOT_MASK_MAX, &list, NULL) < 0)
        return 0;
    frequency = read_directory(listing->root, directory);
    apply_to_list(listing->identity, list, &frequency);
    listing->policies++;
    return 0;
}

/** Kernels without policy directories: those below each CPU; if the first CPU has none, no CPU has
 * one. */
static int read_cpus(struct cpuctl_root *root, struct cpuctl_identity *identity)
{
    for (size_t i = 0; i < identity->ncpus; i++) {
        struct identity_cpu *cpu = &identity->cpus[i];
        char directory[ROOT_PATH_MAX / 2];
        struct frequency frequency;

        snprintf(directory, sizeof(directory), ROOT_CPU_DIR "/cpu%u/cpufreq", cpu->number);
        if (i == 0) {
            int r = root_exists(root, directory);

            if (r <= 0)
                return r;
        }
        frequency = read_directory(root, directory);
        apply(&cpu->told, &frequency);
    }
    return 0;
}

/* ---- sums over the CPUs of a type */

struct sums {
    float max;                      /* of any CPU */
    float min;                      /* of any CPU that tells one */
    float current_total, max_total; /* of the CPUs that tell both */
};

static void add(struct sums *sums, const struct cpuctl_cpu_identity *cpu)
{
    if (cpu->max_mhz > sums->max)
        sums->max = cpu->max_mhz;
    if (cpu->min_mhz > 0 && (sums->min <= 0 || cpu->min_mhz < sums->min))
        sums->min = cpu->min_mhz;
    if (cpu->mhz > 0 && cpu->max_mhz > 0) {
        sums->current_total += cpu->mhz;
        sums->max_total += cpu->max_mhz;
    }
}

static int set_mhz(struct cpuctl_identity *identity, unsigned int type, enum cpuctl_field field,
                   float mhz)
{
    _cleanup_free_ char *text = decimal_format(mhz);

    return text ? identity_set(identity, type, field, text) : -ENOMEM;
}

static int set_sums(struct cpuctl_identity *identity, unsigned int type, const struct sums *sums)
{
    char percent[32];
    int r = 0;

    if (sums->max <= 0 && sums->min <= 0)
        return 0;
    if (sums->current_total > 0) {
        snprintf(percent, sizeof(percent), "%.0f%%",
                 (double)(sums->current_total / sums->max_total * 100));
        r = identity_set(identity, type, CPUCTL_SCALING_MHZ, percent);
    }
    if (r == 0)
        r = set_mhz(identity, type, CPUCTL_MAX_MHZ, sums->max);
    return r < 0 ? r : set_mhz(identity, type, CPUCTL_MIN_MHZ, sums->min);
}

int identity_read_frequency(struct cpuctl_root *root, struct cpuctl_identity *identity,
                            struct cpuctl_error *error)
{
    struct listing listing = { .root = root, .identity = identity };
    int r = root_list(root, POLICIES, read_policy, &listing);

    if (r < 0 && r != -ENOENT && r != -ENOTDIR)
        return error_set(error, r, "%s can't be listed", POLICIES);
    if (!listing.policies) {
        r = read_cpus(root, identity);
        if (r < 0)
            return error_set(error, r, "The CPU frequencies can't be read");
    }
    for (unsigned int type = 0; type < identity->ntypes; type++) {
        struct sums sums = { .max = 0 };

        for (size_t i = 0; i < identity->ncpus; i++)
            if (identity->cpus[i].told.type == type)
                add(&sums, &identity->cpus[i].told);
        r = set_sums(identity, type, &sums);
        if (r < 0)
            return error_set(error, r, "Out of memory");
    }
    return 0;
}
