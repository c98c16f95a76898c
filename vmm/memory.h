/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The guest's RAM. Whatever the guest gives us as an address goes through memory_at(), which is the
 * only way from a guest-physical address to a pointer, and checks it.
 */
#ifndef VMM_MEMORY_H
#define VMM_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A piece of RAM: below the hole, above 4 GiB. With NUMA a node's memory may cross from one to the
 * other. */
struct memory_region {
    uint64_t base; /**< guest-physical */
    uint64_t size; /**< bytes; 0: not there */
    char *host;
};

struct memory {
    struct memory_region low, high;
    char *host; /**< the whole mapping, low first */
    uint64_t size;
};

/** How RAM is to be had. */
struct memory_config {
    uint64_t size;    /**< bytes, a multiple of 4 KiB, 16 MiB at least */
    const char *path; /**< a hugetlbfs folder (--mem-path), or NULL: anonymous memory */
    bool merge;       /**< let KSM merge equal pages (--mem-merge) */
};

struct cpuctl_error;

/** Maps the RAM; it does not touch it. Returns 0, -EINVAL, -ENOMEM, -ENOENT, … with a sentence. */
int memory_new(const struct memory_config *config, struct memory *ret_memory,
               struct cpuctl_error *error);
void memory_free(struct memory *memory);
/** Tells KVM of the regions. */
int memory_register(const struct memory *memory, int vm);

/** The host's address of @size bytes of RAM at @address, or NULL unless all of them are in one
 * region. */
void *memory_at(const struct memory *memory, uint64_t address, uint64_t size);
/** Copies into RAM. Returns 0 or -EFAULT. */
int memory_write(const struct memory *memory, uint64_t address, const void *data, size_t size);
/** Copies out of RAM. Returns 0 or -EFAULT. */
int memory_read(const struct memory *memory, uint64_t address, void *data, size_t size);

#endif
