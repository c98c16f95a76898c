/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The processor topology and the APIC IDs that follow from it. */
#include "smp.h"

#include <errno.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cpuctl.h"

/* APIC IDs have 15 bits at most where messages have to reach them (msi.h). */
#define COUNT_MAX 32768U

/* One member of --smp and where its value goes. */
static const struct key {
    const char *name;
    size_t offset;
} keys[] = {
    { "cpus", offsetof(struct smp, cpus) },       { "maxcpus", offsetof(struct smp, maxcpus) },
    { "sockets", offsetof(struct smp, sockets) }, { "dies", offsetof(struct smp, dies) },
    { "cores", offsetof(struct smp, cores) },     { "threads", offsetof(struct smp, threads) },
};

static const struct key *find_key(const char *word, size_t length)
{
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (strlen(keys[i].name) == length && memcmp(keys[i].name, word, length) == 0)
            return &keys[i];
    return NULL;
}

/* Takes one word, "key=value" or, for the first one, "value". */
static int parse_word(struct smp *smp, const char *word, size_t length, bool first,
                      struct cpuctl_error *error)
{
    const char *equals = memchr(word, '=', length), *digits = equals ? equals + 1 : word;
    const struct key *key = equals  ? find_key(word, (size_t)(equals - word))
                            : first ? &keys[0]
                                    : NULL;
    size_t count = length - (size_t)(digits - word);
    unsigned long value = 0;
    unsigned int *field;

    if (!key)
        return cpuctl_error_set(error, -EINVAL,
                                "--smp: unknown word \"%.*s\"; there are cpus, maxcpus, sockets, "
                                "dies, cores and threads",
                                (int)length, word);
    if (count > 0 && count <= 6 && strspn(digits, "0123456789") >= count)
        value = strtoul(digits, NULL, 10);
    if (value < 1 || value > COUNT_MAX)
        return cpuctl_error_set(
            error, -EINVAL,
            "--smp: %s is \"%.*s\"; it must be a number from 1 to %u, as APIC IDs have "
            "15 bits",
            key->name, (int)count, digits, COUNT_MAX);
    field = (unsigned int *)((char *)smp + key->offset);
    if (*field != 0)
        return cpuctl_error_set(error, -EINVAL, "--smp: %s is given twice", key->name);
    *field = (unsigned int)value;
    return 0;
}

static unsigned int or_one(unsigned int value)
{
    return value > 0 ? value : 1;
}

/* What QEMU (6.2 and newer, hw/core/machine-smp.c) makes of missing parts. */
static void complete(struct smp *smp)
{
    unsigned int maxcpus = smp->maxcpus > 0 ? smp->maxcpus : smp->cpus;

    smp->dies = or_one(smp->dies);
    if (maxcpus == 0) {
        smp->sockets = or_one(smp->sockets);
        smp->cores = or_one(smp->cores);
        smp->threads = or_one(smp->threads);
    } else if (smp->cores == 0) {
        smp->sockets = or_one(smp->sockets);
        smp->threads = or_one(smp->threads);
        smp->cores = maxcpus / smp->sockets / smp->dies / smp->threads;
    } else if (smp->sockets == 0) {
        smp->threads = or_one(smp->threads);
        smp->sockets = maxcpus / smp->dies / smp->cores / smp->threads;
    } else if (smp->threads == 0) {
        smp->threads = maxcpus / smp->sockets / smp->dies / smp->cores;
    }
    if (maxcpus == 0)
        maxcpus = smp->sockets * smp->dies * smp->cores * smp->threads;
    smp->maxcpus = maxcpus;
    if (smp->cpus == 0)
        smp->cpus = maxcpus;
}

static int check(const struct smp *smp, struct cpuctl_error *error)
{
    uint64_t product = (uint64_t)smp->sockets * smp->dies;

    /* Each factor is at most 2^15: three of them fit into 64 bits, and then the fourth. */
    product = product * smp->cores * smp->threads;
    if (product > COUNT_MAX)
        return cpuctl_error_set(
            error, -EINVAL,
            "--smp: sockets (%u) × dies (%u) × cores (%u) × threads (%u) = %llu; at most %u, as "
            "APIC IDs have 15 bits",
            smp->sockets, smp->dies, smp->cores, smp->threads, (unsigned long long)product,
            COUNT_MAX);
    if (product != smp->maxcpus)
        return cpuctl_error_set(
            error, -EINVAL,
            "--smp: sockets (%u) × dies (%u) × cores (%u) × threads (%u) = %llu, but maxcpus is %u",
            smp->sockets, smp->dies, smp->cores, smp->threads, (unsigned long long)product,
            smp->maxcpus);
    if (smp->cpus > smp->maxcpus)
        return cpuctl_error_set(error, -EINVAL, "--smp: %u CPUs at start, but maxcpus is %u",
                                smp->cpus, smp->maxcpus);
    return 0;
}

int smp_parse(const char *text, struct smp *ret_smp, struct cpuctl_error *error)
{
    struct smp smp = { 0 };
    bool first = true;
    int r;

    for (const char *word = text;; first = false) {
        size_t length = strcspn(word, ",");

        r = parse_word(&smp, word, length, first, error);
        if (r < 0)
            return r;
        if (word[length] == '\0')
            break;
        word += length + 1;
    }
    complete(&smp);
    r = check(&smp, error);
    if (r < 0)
        return r;
    *ret_smp = smp;
    return 0;
}

struct smp_place smp_place(const struct smp *smp, unsigned int index)
{
    unsigned int core = index / smp->threads, die = core / smp->cores;

    return (struct smp_place){
        .thread = index % smp->threads,
        .core = core % smp->cores,
        .die = die % smp->dies,
        .socket = die / smp->dies,
    };
}

int smp_index(const struct smp *smp, const struct smp_place *place)
{
    if (place->socket >= smp->sockets || place->die >= smp->dies || place->core >= smp->cores ||
        place->thread >= smp->threads)
        return -ENOENT;
    return (int)(((place->socket * smp->dies + place->die) * smp->cores + place->core) *
                     smp->threads +
                 place->thread);
}

/* How many bits numbers 0 … count - 1 need. */
static unsigned int width(unsigned int count)
{
    unsigned int bits = 0;

    while ((1U << bits) < count)
        bits++;
    return bits;
}

unsigned int smp_core_shift(const struct smp *smp)
{
    return width(smp->threads);
}

unsigned int smp_die_shift(const struct smp *smp)
{
    return smp_core_shift(smp) + width(smp->cores);
}

unsigned int smp_socket_shift(const struct smp *smp)
{
    return smp_die_shift(smp) + width(smp->dies);
}

uint32_t smp_apic_id(const struct smp *smp, unsigned int index)
{
    struct smp_place place = smp_place(smp, index);

    return place.socket << smp_socket_shift(smp) | place.die << smp_die_shift(smp) |
           place.core << smp_core_shift(smp) | place.thread;
}

uint32_t smp_apic_id_max(const struct smp *smp)
{
    return smp_apic_id(smp, smp->maxcpus - 1);
}
