/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CPUID leaves of the live machine by the instruction itself, and where the leaves of a machine
 * come from. */
#include "cpuid-table.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "cpuctl.h"
#include "error.h"

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>

/** When the subleaves of a leaf end. Intel SDM volume 2A, CPUID; AMD APM volume 3, appendix E. */
enum ending {
    AFTER_EAX,     /* subleaf 0 tells the highest one in EAX */
    TYPE_ZERO,     /* the first one with no type in EAX[4:0] (caches) */
    LEVEL_ZERO,    /* the first one with no level type in ECX[15:8] (topology) */
    ALL_ZERO,      /* the first one that is all zeros */
    UP_TO_63_BITS, /* one for each bit of 0 … 63: those that are all zeros are left out */
};

static const struct {
    uint32_t leaf;
    enum ending ending;
} with_subleaves[] = {
    { 0x00000004, TYPE_ZERO },     { 0x00000007, AFTER_EAX },  { 0x0000000b, LEVEL_ZERO },
    { 0x0000000d, UP_TO_63_BITS }, { 0x0000000f, ALL_ZERO },   { 0x00000010, ALL_ZERO },
    { 0x00000012, ALL_ZERO },      { 0x00000014, AFTER_EAX },  { 0x00000017, AFTER_EAX },
    { 0x00000018, AFTER_EAX },     { 0x0000001d, AFTER_EAX },  { 0x0000001f, LEVEL_ZERO },
    { 0x00000020, AFTER_EAX },     { 0x00000024, AFTER_EAX },  { 0x8000001d, TYPE_ZERO },
    { 0x80000020, ALL_ZERO },      { 0x80000026, LEVEL_ZERO },
};

#define SUBLEAVES_MAX 64U
/** No vendor has this many leaves in a range; a hypervisor may tell nonsense. */
#define RANGE_MAX 256U

static bool is_zero(const struct cpuid_regs *regs)
{
    return !(regs->eax | regs->ebx | regs->ecx | regs->edx);
}

static struct cpuid_regs instruction(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_regs regs;

    __cpuid_count(leaf, subleaf, regs.eax, regs.ebx, regs.ecx, regs.edx);
    return regs;
}

/** Whether @regs of a subleaf above 0 lie beyond the last one. @first: those of subleaf 0. */
static bool is_beyond(enum ending ending, uint32_t subleaf, const struct cpuid_regs *regs,
                      const struct cpuid_regs *first)
{
    switch (ending) {
    case AFTER_EAX:
        return subleaf > first->eax;
    case TYPE_ZERO:
        return (regs->eax & 0x1f) == 0;
    case LEVEL_ZERO:
        return (regs->ecx & 0xff00) == 0;
    case ALL_ZERO:
        return is_zero(regs);
    case UP_TO_63_BITS:
        return false;
    }
    return true;
}

static int add_leaf(struct cpuid *cpuid, unsigned int cpu, uint32_t leaf)
{
    struct cpuid_leaf first = { .leaf = leaf, .regs = instruction(leaf, 0) };
    int r = cpuid_add(cpuid, cpu, &first);

    for (size_t i = 0; r == 0 && i < sizeof(with_subleaves) / sizeof(*with_subleaves); i++) {
        enum ending ending = with_subleaves[i].ending;

        if (with_subleaves[i].leaf != leaf)
            continue;
        for (uint32_t n = 1; r == 0 && n < SUBLEAVES_MAX; n++) {
            struct cpuid_leaf next = { .leaf = leaf, .subleaf = n, .regs = instruction(leaf, n) };

            if (is_beyond(ending, n, &next.regs, &first.regs))
                break;
            if (ending != UP_TO_63_BITS || !is_zero(&next.regs))
                r = cpuid_add(cpuid, cpu, &next);
        }
    }
    return r;
}

/** Adds the leaves from @first to the highest one, which that leaf tells in EAX. */
static int add_range(struct cpuid *cpuid, unsigned int cpu, uint32_t first)
{
    uint32_t last = instruction(first, 0).eax;
    int r = 0;

    if (last < first || last - first >= RANGE_MAX)
        last = first;
    for (uint32_t leaf = first; r == 0 && leaf <= last; leaf++)
        if (leaf != 3) /* a Pentium III's serial number is nobody's business */
            r = add_leaf(cpuid, cpu, leaf);
    return r;
}

/**
 * Whether a hypervisor tells its name at @base: four printable characters. On bare metal an Intel
 * CPU answers leaves out of range with those of its highest basic leaf, which are none.
 */
static bool has_signature(uint32_t base)
{
    uint32_t ebx = instruction(base, 0).ebx;

    for (int shift = 0; shift < 32; shift += 8) {
        unsigned int character = ebx >> shift & 0xff;

        if (character < 0x20 || character > 0x7e)
            return false;
    }
    return true;
}

int cpuid_add_live(struct cpuid *cpuid, unsigned int cpu)
{
    int r = add_range(cpuid, cpu, 0);

    /* A hypervisor that imitates another one has its own leaves 0x100 higher:
     * arch/x86/include/asm/processor.h, hypervisor_cpuid_base(). */
    for (uint32_t base = 0x40000000; r == 0 && base < 0x40001000; base += 0x100)
        if (has_signature(base))
            r = add_range(cpuid, cpu, base);
    if (r == 0)
        r = add_range(cpuid, cpu, 0x80000000);
    return r;
}

#else

int cpuid_add_live(struct cpuid *cpuid, unsigned int cpu)
{
    (void)cpuid;
    (void)cpu;
    return -EOPNOTSUPP;
}

#endif

int cpuid_read(struct cpuctl_root *root, struct cpuid **ret_cpuid, struct cpuctl_error *error)
{
    _cleanup_(cpuid_freep) struct cpuid *cpuid = NULL;
    _cleanup_free_ char *text = NULL;
    ssize_t size;
    int r;

    if (!cpuctl_root_is_live(root)) {
        size = cpuctl_root_read(root, "cpuid", CPUID_TEXT_MAX, &text, error);
        return size < 0 ? (int)size : cpuid_parse(text, (size_t)size, ret_cpuid, error);
    }
    cpuid = cpuid_new();
    if (!cpuid)
        return error_set(error, -ENOMEM, "Out of memory");
    r = cpuid_add_live(cpuid, 0);
    if (r == -EOPNOTSUPP)
        return error_set(error, -ENOENT, "This machine has no CPUID instruction");
    if (r < 0)
        return error_set(error, r, "Can't keep the CPUID leaves");
    *ret_cpuid = TAKE_PTR(cpuid);
    return 0;
}

/** A thread's affinity mask with room for CPU numbers below @room. */
struct affinity {
    cpu_set_t *set;
    size_t size;
};

static void affinity_free(struct affinity *affinity)
{
    CPU_FREE(affinity->set);
}

/**
 * Reads the calling thread's affinity. The kernel refuses a buffer that is smaller than its own
 * masks (sched_getaffinity(2)), so it grows until it fits. Returns 0 or a negative errno.
 */
static int affinity_get(struct affinity *affinity)
{
    for (size_t room = 1024; room <= CPUCTL_CPUS_MAX; room *= 2) {
        cpu_set_t *set = CPU_ALLOC(room);

        if (!set)
            return -ENOMEM;
        if (sched_getaffinity(0, CPU_ALLOC_SIZE(room), set) == 0) {
            *affinity = (struct affinity){ .set = set, .size = CPU_ALLOC_SIZE(room) };
            return 0;
        }
        CPU_FREE(set);
        if (errno != EINVAL)
            return -errno;
    }
    return -EINVAL;
}

/** Moves the calling thread to @cpu, using @scratch. Returns 0 or a negative errno. */
static int move_to(const struct affinity *scratch, unsigned int cpu)
{
    if (cpu >= scratch->size * 8)
        return -EINVAL;
    CPU_ZERO_S(scratch->size, scratch->set);
    CPU_SET_S(cpu, scratch->size, scratch->set);
    return sched_setaffinity(0, scratch->size, scratch->set) == 0 ? 0 : -errno;
}

/** Visits the CPUs of @online. Returns how many could be visited, or a negative errno. */
static int visit(const struct cpuctl_set *online, const struct affinity *scratch,
                 struct cpuid *cpuid)
{
    int visited = 0;

    cpuctl_set_foreach (cpu, online) {
        int r;

        /* gone offline meanwhile, or outside our cpuset */
        if (move_to(scratch, (unsigned int)cpu) < 0)
            continue;
        r = cpuid_add_live(cpuid, (unsigned int)cpu);
        if (r < 0)
            return r;
        visited++;
    }
    return visited;
}

int cpuctl_cpuid_dump(const struct cpuctl_set *online, char **ret_text, struct cpuctl_error *error)
{
    _cleanup_(affinity_free) struct affinity before = { .set = NULL }, scratch = { .set = NULL };
    _cleanup_(cpuid_freep) struct cpuid *cpuid = cpuid_new();
    int r, visited;

    if (!cpuid)
        return error_set(error, -ENOMEM, "Out of memory");
    r = affinity_get(&before);
    if (r == 0)
        r = affinity_get(&scratch);
    if (r < 0)
        return error_set(error, r, "Can't read this thread's CPU affinity");
    visited = visit(online, &scratch, cpuid);
    if (sched_setaffinity(0, before.size, before.set) < 0)
        return error_set(error, -errno, "Can't restore this thread's CPU affinity");
    if (visited == -EOPNOTSUPP)
        return error_set(error, visited, "This machine has no CPUID instruction");
    if (visited == 0)
        return error_set(error, -ENODEV, "This thread may run on none of the online CPUs");
    r = visited < 0 ? visited : cpuid_format(cpuid, ret_text);
    return r < 0 ? error_set(error, r, "Can't keep the CPUID leaves") : 0;
}
