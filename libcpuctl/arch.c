/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Architecture, operating modes and byte order of a machine, and what s390 tells besides. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/utsname.h>

#include "cpuinfo.h"
#include "error.h"
#include "identity.h"
#include "root.h"

#define SYSINFO_MAX (1U << 20)

static const char *const mode_names[] = { NULL, "32-bit", "64-bit", "32-bit, 64-bit" };
#define LITTLE  "Little Endian"
#define BIG     "Big Endian"
#define MODE_32 1U
#define MODE_64 2U

/** Flags (or, where the kernel has that line, ISA words) that tell of operating modes. */
static const struct {
    const char *flag;
    unsigned int modes;
} flags_of_modes[] = {
    { "lm", MODE_32 | MODE_64 },    /* x86: long mode */
    { "zarch", MODE_32 | MODE_64 }, /* s390: z/Architecture */
    { "sun4u", MODE_32 | MODE_64 }, { "sun4v", MODE_32 | MODE_64 },
    { "loongarch32", MODE_32 },     { "loongarch64", MODE_64 },
};

/** The modes that the live machine has by its architecture alone. */
static unsigned int modes_of_architecture(const char *architecture)
{
    static const struct {
        const char *architecture;
        unsigned int modes;
    } known[] = {
        { "i386", MODE_32 },    { "i486", MODE_32 },   { "i586", MODE_32 },
        { "i686", MODE_32 },    { "x86_64", MODE_32 }, { "s390", MODE_32 },
        { "s390x", MODE_32 },   { "ppc", MODE_32 },    { "ppc64", MODE_32 | MODE_64 },
        { "aarch64", MODE_64 }, { "alpha", MODE_64 },  { "ia64", MODE_64 },
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (!strcmp(known[i].architecture, architecture))
            return known[i].modes;
    return 0;
}

/**
 * Whether this aarch64 machine runs 32-bit programs: the kernel grants the personality only then
 * (arch/arm64/include/asm/elf.h and kernel/sys.c). It is the calling thread's, and set back at
 * once.
 */
static bool runs_aarch32(void)
{
    int before = personality(PER_LINUX32);

    if (before < 0)
        return false;
    personality((unsigned long)before);
    return true;
}

static unsigned int find_modes(const struct cpuctl_root *root,
                               const struct cpuctl_identity *identity, const char *architecture)
{
    const char *flags = identity->types[0].values[CPUCTL_FLAGS];
    const char *isa = identity->cpuinfo->types[0].values[CPUINFO_ISA];
    unsigned int modes = 0;

    if (cpuctl_root_is_live(root) && architecture) {
        modes = modes_of_architecture(architecture);
        if (!strcmp(architecture, "aarch64") && runs_aarch32())
            modes |= MODE_32;
    }
    for (size_t i = 0; i < sizeof(flags_of_modes) / sizeof(*flags_of_modes); i++)
        if (identity_has_flag(flags, flags_of_modes[i].flag) ||
            identity_has_flag(isa, flags_of_modes[i].flag))
            modes |= flags_of_modes[i].modes;
    if (isa && !strncmp(isa, "rv32", 4))
        modes |= MODE_32;
    if (isa && !strncmp(isa, "rv64", 4))
        modes |= MODE_64;
    return modes;
}

/** Architectures, as `uname -m` calls them, that Linux runs in one byte order only. */
static const struct {
    const char *architecture;
    bool big_endian;
} byte_orders[] = {
    { "i386", false },   { "i486", false },    { "i586", false },        { "i686", false },
    { "x86_64", false }, { "aarch64", false }, { "aarch64_be", true },   { "armv6l", false },
    { "armv7l", false }, { "armv8l", false },  { "loongarch64", false }, { "ppc", true },
    { "ppc64", true },   { "ppc64le", false }, { "riscv32", false },     { "riscv64", false },
    { "s390", true },    { "s390x", true },    { "sparc", true },        { "sparc64", true },
};

/**
 * The byte order: the kernel tells it from 6.2 on
 * (Documentation/ABI/testing/sysfs-kernel-cpu_byteorder).
 * @architecture may be NULL.
 */
static const char *find_byte_order(struct cpuctl_root *root, const char *architecture)
{
    char text[ROOT_VALUE_MAX];

    if (root_read_value(root, "sys/kernel/cpu_byteorder", text, sizeof(text)) > 0) {
        if (!strcmp(text, "little"))
            return LITTLE;
        if (!strcmp(text, "big"))
            return BIG;
    }
    if (cpuctl_root_is_live(root))
        return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? BIG : LITTLE;
    for (size_t i = 0; architecture && i < sizeof(byte_orders) / sizeof(*byte_orders); i++)
        if (!strcmp(byte_orders[i].architecture, architecture))
            return byte_orders[i].big_endian ? BIG : LITTLE;
    return NULL;
}

/**
 * Whether the groups that the kernel calls packages are clusters: without ACPI's topology table
 * (PPTT) arm64 takes them from MPIDR, whose affinity level 1 or 2 is a cluster
 * (arch/arm64/kernel/topology.c before 6.0).
 */
static bool is_by_cluster(struct cpuctl_root *root, const struct cpuctl_identity *identity,
                          const char *architecture)
{
    return cpuctl_root_is_live(root) && architecture && !strcmp(architecture, "aarch64") &&
           identity->ntypes == 1 && root_exists(root, "sys/firmware/acpi/tables/PPTT") == 0;
}

int identity_read_arch(struct cpuctl_root *root, struct cpuctl_identity *identity,
                       struct cpuctl_error *error)
{
    char text[ROOT_VALUE_MAX];
    struct utsname names;
    const char *architecture = NULL, *modes;
    int r;

    if (cpuctl_root_is_live(root)) {
        if (uname(&names) == 0)
            architecture = names.machine;
    } else if (root_read_value(root, "proc/sys/kernel/arch", text, sizeof(text)) > 0) {
        architecture = text;
    }
    identity->by_cluster = is_by_cluster(root, identity, architecture);
    r = identity_set(identity, 0, CPUCTL_ARCHITECTURE, architecture);
    modes = mode_names[find_modes(root, identity, architecture)];
    if (r == 0)
        r = identity_set(identity, 0, CPUCTL_OP_MODES, modes);
    if (r == 0)
        r = identity_set(identity, 0, CPUCTL_BYTE_ORDER, find_byte_order(root, architecture));
    return r < 0 ? error_set(error, r, "Out of memory") : 0;
}

/* ---- s390, and the frequency boost */

/** What follows "NAME:" and blanks in a line that begins with it, up to the next blank; or NULL.
 * @line is changed. */
static char *value_of(char *line, const char *name)
{
    size_t length = strlen(name);

    if (strncmp(line, name, length) != 0 || line[length] != ':')
        return NULL;
    line += length + 1;
    line += strspn(line, " \t");
    line[strcspn(line, " \t")] = '\0';
    return *line ? line : NULL;
}

/** /proc/sysinfo (drivers/s390/char/sclp… and arch/s390/kernel/sysinfo.c) of s390 only. Returns 0
 * or -ENOMEM. */
static int read_sysinfo(struct cpuctl_root *root, struct cpuctl_identity *identity)
{
    struct identity_firmware_topology *topology = &identity->firmware_topology;
    _cleanup_free_ char *text = NULL;
    char *rest, *line;
    bool has_type = false;
    int r = 0;

    if (cpuctl_root_read(root, "proc/sysinfo", SYSINFO_MAX, &text, NULL) < 0)
        return 0;
    rest = text;
    while (r == 0 && (line = strsep(&rest, "\n"))) {
        struct identity_firmware_topology told;
        const char *type;

        if (sscanf(line, "CPU Topology SW: %*u %*u %9u %9u %9u %9u", &told.drawers,
                   &told.books_per_drawer, &told.sockets_per_book, &told.cores_per_socket) == 4) {
            *topology = told;
            continue;
        }
        type = has_type ? NULL : value_of(line, "Type");
        if (type) {
            has_type = true;
            r = identity_set(identity, 0, CPUCTL_MACHINE_TYPE, type);
        }
    }
    return r;
}

static const char *word(const char *text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(text, words[i]))
            return words[i];
    return NULL;
}

/** What is told of each CPU (Documentation/ABI/testing/sysfs-devices-system-cpu, "polarization" …).
 */
static void read_s390_cpu(struct cpuctl_root *root, struct identity_cpu *cpu)
{
    static const char *const polarizations[] = { "horizontal", "vertical:low", "vertical:medium",
                                                 "vertical:high", "unknown" };
    char path[ROOT_PATH_MAX], text[ROOT_VALUE_MAX];
    int64_t value;

    snprintf(path, sizeof(path), ROOT_CPU_DIR "/cpu%u/polarization", cpu->number);
    if (root_read_value(root, path, text, sizeof(text)) > 0)
        cpu->told.polarization =
            word(text, polarizations, sizeof(polarizations) / sizeof(*polarizations));
    snprintf(path, sizeof(path), ROOT_CPU_DIR "/cpu%u/address", cpu->number);
    if (root_read_int(root, path, &value) == 0 && value >= 0 && value < INT32_MAX)
        cpu->told.address = (int)value;
    snprintf(path, sizeof(path), ROOT_CPU_DIR "/cpu%u/configure", cpu->number);
    if (root_read_int(root, path, &value) == 0)
        cpu->told.configured = value != 0;
}

int identity_read_archext(struct cpuctl_root *root, struct cpuctl_identity *identity,
                          struct cpuctl_error *error)
{
    static const char *const dispatching[] = { "horizontal", "vertical" };
    int64_t value;
    int r = 0;

    /* only s390 has this file, and the ones about single CPUs */
    if (root_read_int(root, ROOT_CPU_DIR "/dispatching", &value) == 0) {
        if (value == 0 || value == 1)
            r = identity_set(identity, 0, CPUCTL_DISPATCHING_MODE, dispatching[value]);
        for (size_t i = 0; i < identity->ncpus; i++)
            read_s390_cpu(root, &identity->cpus[i]);
    }
    if (r == 0)
        r = read_sysinfo(root, identity);
    if (r == 0 && root_read_int(root, ROOT_CPU_DIR "/cpufreq/boost", &value) == 0)
        r = identity_set(identity, 0, CPUCTL_FREQUENCY_BOOST, value ? "enabled" : "disabled");
    return r < 0 ? error_set(error, r, "Out of memory") : 0;
}
