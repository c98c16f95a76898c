/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An idle agent keeps only what an idle agent needs. Most of what is mapped after the start are
 * pages of libraries that the dynamic linker, the seccomp filter's compiler and libudev touched
 * once, and their neighbours.
 */
#include "agent/memory.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* What is to be unmapped is noted first: reading a program header would bring its page back. */
#define RANGES_MAX 128U

struct ranges {
    size_t count;
    struct {
        uintptr_t start;
        size_t size;
    } range[RANGES_MAX];
};

/*
 * Segments that are not writable hold what is in the file and nothing else; relocated constants
 * (PT_GNU_RELRO) are part of a writable one and stay.
 */
static int note_segments(struct dl_phdr_info *object, size_t size, void *userdata)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    struct ranges *ranges = userdata;

    (void)size;
    for (unsigned int i = 0; i < object->dlpi_phnum && ranges->count < RANGES_MAX; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        uintptr_t start = (object->dlpi_addr + segment->p_vaddr) & ~(page - 1);
        uintptr_t end = object->dlpi_addr + segment->p_vaddr + segment->p_filesz;

        if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W))
            continue;
        ranges->range[ranges->count].start = start;
        ranges->range[ranges->count++].size = end - start;
    }
    return 0;
}

void memory_give_back(void)
{
    struct ranges ranges = { 0 };

    malloc_trim(0);
    dl_iterate_phdr(note_segments, &ranges);
    /* A failure (the kernel's vDSO is no file) costs memory and nothing else. */
    for (size_t i = 0; i < ranges.count; i++)
        (void)madvise((void *)ranges.range[i].start, ranges.range[i].size, MADV_DONTNEED);
}
