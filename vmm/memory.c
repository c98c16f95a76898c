/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The guest's RAM. */
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cpuctl.h"
#include "fail.h"
#include "kvm.h"
#include "layout.h"
#include "libcpuctl/cleanup.h"

#define SIZE_MIN (16 * MIB)
#define PAGE     4096ULL
/* From linux/magic.h, which is not a user header everywhere. */
#define HUGETLBFS 0x958458f6

/* Makes a file without a name in @folder, as large as the RAM. Returns a file descriptor. */
static int make_file(const struct memory_config *config, struct cpuctl_error *error)
{
    _cleanup_close_ int fd = open(config->path, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
    struct statfs fs;
    int code;

    if (fd < 0) {
        code = -errno;
        return fail_system(error, code, "--mem-path %s", config->path);
    }
    if (fstatfs(fd, &fs) == 0 && fs.f_type == HUGETLBFS && config->size % (uint64_t)fs.f_bsize != 0)
        return cpuctl_error_set(
            error, -EINVAL,
            "--memory: %llu bytes are not a multiple of the huge page size of %s, %lld bytes",
            (unsigned long long)config->size, config->path, (long long)fs.f_bsize);
    if (ftruncate(fd, (off_t)config->size) < 0) {
        code = -errno;
        return fail_system(error, code, "--mem-path %s: %llu bytes", config->path,
                           (unsigned long long)config->size);
    }
    return take_fd(&fd);
}

int memory_new(const struct memory_config *config, struct memory *ret_memory,
               struct cpuctl_error *error)
{
    _cleanup_close_ int fd = -1;
    struct memory memory = { .size = config->size };
    uint64_t low = config->size < LAYOUT_HOLE ? config->size : LAYOUT_HOLE;

    if (config->size < SIZE_MIN || config->size % PAGE != 0)
        return cpuctl_error_set(
            error, -EINVAL,
            "--memory: %llu KiB; it must be at least %llu KiB and a multiple of %llu KiB (a page)",
            (unsigned long long)config->size / KIB, SIZE_MIN / KIB, PAGE / KIB);
    if (config->path && config->merge)
        return cpuctl_error_set(error, -EINVAL,
                                "--mem-merge: KSM merges anonymous memory only, and --mem-path %s "
                                "is a file's",
                                config->path);
    if (config->path) {
        fd = make_file(config, error);
        if (fd < 0)
            return fd;
    }
    /* A page that a full folder can not give would end us by SIGBUS: huge pages are reserved now.
     */
    memory.host =
        mmap(NULL, config->size, PROT_READ | PROT_WRITE,
             config->path ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, fd, 0);
    if (memory.host == MAP_FAILED) {
        int code = -errno;

        return fail_system(error, code, "%s%s: %llu bytes can not be mapped",
                           config->path ? "--mem-path " : "--memory",
                           config->path ? config->path : "", (unsigned long long)config->size);
    }
    if (config->merge && madvise(memory.host, config->size, MADV_MERGEABLE) < 0) {
        int code = -errno;

        memory_free(&memory);
        return fail_system(error, code,
                           "--mem-merge: this host's kernel can not merge pages (KSM)");
    }
    memory.low = (struct memory_region){ .base = 0, .size = low, .host = memory.host };
    memory.high = (struct memory_region){ .base = LAYOUT_HIGH_RAM,
                                          .size = config->size - low,
                                          .host = memory.host + low };
    *ret_memory = memory;
    return 0;
}

void memory_free(struct memory *memory)
{
    if (memory->host)
        munmap(memory->host, memory->size);
    *memory = (struct memory){ 0 };
}

int memory_register(const struct memory *memory, int vm)
{
    int r = kvm_set_memory(vm, 0, memory->low.base, memory->low.size, memory->low.host, 0);

    if (r == 0 && memory->high.size > 0)
        r = kvm_set_memory(vm, 1, memory->high.base, memory->high.size, memory->high.host, 0);
    return r;
}

void *memory_at(const struct memory *memory, uint64_t address, uint64_t size)
{
    const struct memory_region *region = address >= LAYOUT_HIGH_RAM ? &memory->high : &memory->low;
    uint64_t offset = address - region->base;

    if (offset > region->size || size > region->size - offset)
        return NULL;
    return region->host + offset;
}

int memory_write(const struct memory *memory, uint64_t address, const void *data, size_t size)
{
    void *to = memory_at(memory, address, size);

    if (!to)
        return -EFAULT;
    memcpy(to, data, size);
    return 0;
}

int memory_read(const struct memory *memory, uint64_t address, void *data, size_t size)
{
    const void *from = memory_at(memory, address, size);

    if (!from)
        return -EFAULT;
    memcpy(data, from, size);
    return 0;
}
