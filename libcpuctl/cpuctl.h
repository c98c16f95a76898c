/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libcpuctl: CPU sets, topology, online state, state changes and hotplug events of a Linux machine.
 *
 * Rules that hold for every function here:
 *  - a function that can fail returns 0 or a positive value on success and a negative errno on
 * failure; its ret_ parameters are untouched on failure, and an error parameter (which may be NULL)
 * is filled with a sentence;
 *  - nothing is printed, nothing exits, there is no global state;
 *  - distinct handles may be used by distinct threads at the same time; one handle by one thread at
 * a time;
 *  - a *_free() function takes NULL.
 */
#ifndef CPUCTL_H
#define CPUCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define CPUCTL_EXPORT __attribute__((visibility("default")))
#else
#define CPUCTL_EXPORT
#endif

/* ---- errors ---- */

/** Why a call failed. The caller owns it; fill it with zeros before the first use. */
struct cpuctl_error {
    int code;        /**< negative errno, the same value that the call returned; 0: no error */
    size_t position; /**< parsers: the character (from 0) at which the input is wrong */
    char text[512];  /**< one sentence without a full stop or newline, always terminated */
};

/**
 * Fills @error (which may be NULL) as the library does, for programs that report in the same way.
 * @code: negative errno, which is also returned. @format: as printf(3); what does not fit is cut.
 */
__attribute__((format(printf, 3, 4))) CPUCTL_EXPORT int
cpuctl_error_set(struct cpuctl_error *error, int code, const char *format, ...);

/* ---- CPU sets ---- */

/**
 * The highest CPU number that a set can hold, plus one. Linux's own bound, NR_CPUS, is at most 8192
 * on x86-64 and 4096 elsewhere; this one only bounds what a damaged file or a hostile peer can make
 * us allocate (128 KiB a set).
 */
#define CPUCTL_CPUS_MAX 1048576U

/** A set of CPU numbers, 0 … CPUCTL_CPUS_MAX - 1; grows as needed. */
struct cpuctl_set;

/** A new empty set, or NULL when memory is short. */
CPUCTL_EXPORT struct cpuctl_set *cpuctl_set_new(void);
CPUCTL_EXPORT void cpuctl_set_free(struct cpuctl_set *set);
/** A copy of @set, or NULL when memory is short. */
CPUCTL_EXPORT struct cpuctl_set *cpuctl_set_dup(const struct cpuctl_set *set);

/** Adds one CPU. Returns 0, -ERANGE (cpu >= CPUCTL_CPUS_MAX) or -ENOMEM. */
CPUCTL_EXPORT int cpuctl_set_add(struct cpuctl_set *set, unsigned int cpu);
/** Adds @first … @last, both included. Returns 0, -EINVAL (first > last), -ERANGE or -ENOMEM. */
CPUCTL_EXPORT int cpuctl_set_add_range(struct cpuctl_set *set, unsigned int first,
                                       unsigned int last);
/** Removes one CPU; one that is not in the set is no error. */
CPUCTL_EXPORT void cpuctl_set_remove(struct cpuctl_set *set, unsigned int cpu);
CPUCTL_EXPORT void cpuctl_set_clear(struct cpuctl_set *set);
CPUCTL_EXPORT bool cpuctl_set_has(const struct cpuctl_set *set, unsigned int cpu);
/** How many CPUs are in the set. */
CPUCTL_EXPORT unsigned int cpuctl_set_count(const struct cpuctl_set *set);
CPUCTL_EXPORT bool cpuctl_set_is_empty(const struct cpuctl_set *set);
CPUCTL_EXPORT bool cpuctl_set_equal(const struct cpuctl_set *a, const struct cpuctl_set *b);
/** True when every CPU of @inner is in @outer. */
CPUCTL_EXPORT bool cpuctl_set_is_subset(const struct cpuctl_set *inner,
                                        const struct cpuctl_set *outer);
CPUCTL_EXPORT bool cpuctl_set_intersects(const struct cpuctl_set *a, const struct cpuctl_set *b);
/** set := set ∪ other. Returns 0 or -ENOMEM. */
CPUCTL_EXPORT int cpuctl_set_or(struct cpuctl_set *set, const struct cpuctl_set *other);
/** set := set ∩ other. */
CPUCTL_EXPORT void cpuctl_set_and(struct cpuctl_set *set, const struct cpuctl_set *other);
/** set := set \ other. */
CPUCTL_EXPORT void cpuctl_set_andnot(struct cpuctl_set *set, const struct cpuctl_set *other);
/** The lowest CPU that is >= @from, or -1. */
CPUCTL_EXPORT int cpuctl_set_next(const struct cpuctl_set *set, unsigned int from);
/** The highest CPU that is <= @from, or -1. */
CPUCTL_EXPORT int cpuctl_set_prev(const struct cpuctl_set *set, unsigned int from);
/** Runs the statement for each CPU of @set by rising number; @cpu is an int. The set may not grow
 * meanwhile. */
#define cpuctl_set_foreach(cpu, set)                                                               \
    for (int cpu = cpuctl_set_next((set), 0); cpu >= 0;                                            \
         cpu = cpuctl_set_next((set), (unsigned int)cpu + 1))

/**
 * Parses the kernel's list format ("0-3,8", strides "0-31:1/4";
 * Documentation/admin-guide/kernel-parameters.rst and bitmap_parselist() in lib/bitmap-str.c).
 * White space and empty regions are accepted where the kernel accepts them; as there, the text ends
 * at a newline that follows a number or a range.
 * @nr_cpus: how many CPUs the machine can have, which gives "N" (the last CPU) and "all" their
 * meaning, and above which a number is refused; 0: "N" and "all" are refused and CPUCTL_CPUS_MAX is
 * the bound. Returns 0, -EINVAL (syntax), -ERANGE (number too large), -E2BIG (the same CPUs named
 * so often that parsing would take long) or -ENOMEM; @error names the character and the reason.
 */
CPUCTL_EXPORT int cpuctl_set_parse_list(const char *text, unsigned int nr_cpus,
                                        struct cpuctl_set **ret_set, struct cpuctl_error *error);
/**
 * Parses the kernel's mask format: hexadecimal, groups of up to 32 bits divided by commas, most
 * significant first ("ff", "00000001,80000000"); a leading "0x" is accepted, and a mask without a
 * comma may be of any length. Returns and errors as cpuctl_set_parse_list().
 */
CPUCTL_EXPORT int cpuctl_set_parse_mask(const char *text, struct cpuctl_set **ret_set,
                                        struct cpuctl_error *error);
/** The set in list format, "" for the empty one. The caller frees it. Returns NULL when memory is
 * short. */
CPUCTL_EXPORT char *cpuctl_set_format_list(const struct cpuctl_set *set);
/**
 * The set in mask format as the kernel prints it for a machine of @nr_cpus CPUs (comma-divided
 * groups of 32 bits, the first one only as wide as needed); with 0, or too few for the set, the
 * width is that of the highest CPU in the set. The caller frees it. Returns NULL when memory is
 * short.
 */
CPUCTL_EXPORT char *cpuctl_set_format_mask(const struct cpuctl_set *set, unsigned int nr_cpus);

/* ---- root context ---- */

/**
 * The one door to the file system: every access goes through a root directory, which is "/" or a
 * recorded tree. Paths and symbolic links are resolved inside the root and can't leave it. It also
 * keeps what is looked up once a CPU.
 */
struct cpuctl_root;

/**
 * Opens a root. @path: the directory; NULL or "/" is the live machine. Returns 0, -ENOENT,
 * -ENOTDIR, -EACCES, -ENOMEM ….
 */
CPUCTL_EXPORT int cpuctl_root_open(const char *path, struct cpuctl_root **ret_root,
                                   struct cpuctl_error *error);
CPUCTL_EXPORT void cpuctl_root_free(struct cpuctl_root *root);
/** True for "/": CPUID, the kernel log and changes are available only there. */
CPUCTL_EXPORT bool cpuctl_root_is_live(const struct cpuctl_root *root);
/**
 * Reads a whole file. @path: without a leading "/" ("proc/cpuinfo"). @limit: how many bytes the
 * file may have. The text is terminated with a NUL that is not counted in the returned size. The
 * caller frees it. Returns the size, -ENOENT, -EFBIG (more than @limit), -EACCES, -EIO ….
 */
CPUCTL_EXPORT ssize_t cpuctl_root_read(struct cpuctl_root *root, const char *path, size_t limit,
                                       char **ret_text, struct cpuctl_error *error);

/** Takes a directory entry's name; a negative value ends the listing. */
typedef int (*cpuctl_name_fn)(const char *name, void *userdata);
/**
 * Calls @each with the name of every entry of a directory but "." and "..", in no particular order.
 * @path: as for cpuctl_root_read(). Returns 0, the negative value that @each returned, -ENOENT,
 * -ENOTDIR, -E2BIG (more than CPUCTL_CPUS_MAX entries) ….
 */
CPUCTL_EXPORT int cpuctl_root_list(struct cpuctl_root *root, const char *path, cpuctl_name_fn each,
                                   void *userdata, struct cpuctl_error *error);

/* ---- state ---- */

/** The kernel's CPU masks (Documentation/admin-guide/cputopology.rst). */
enum cpuctl_mask {
    CPUCTL_POSSIBLE,  /**< could ever be there */
    CPUCTL_PRESENT,   /**< plugged */
    CPUCTL_ONLINE,    /**< used by the scheduler */
    CPUCTL_OFFLINE,   /**< present and not online; the kernel's file of this name also counts CPUs
                         that are not present */
    CPUCTL_ISOLATED,  /**< isolcpus= or an isolated cpuset partition */
    CPUCTL_NOHZ_FULL, /**< nohz_full= */
    CPUCTL_MASKS
};

/** A consistent snapshot of all masks. */
struct cpuctl_state;

/**
 * Reads the masks, a constant number of files however many CPUs there are. When the online or the
 * present mask changed meanwhile, all are read again. Returns 0, -EAGAIN (they kept changing),
 * -EBADMSG (a mask is malformed), -ENOENT (no sysfs), -ENOMEM ….
 */
CPUCTL_EXPORT int cpuctl_state_read(struct cpuctl_root *root, struct cpuctl_state **ret_state,
                                    struct cpuctl_error *error);
CPUCTL_EXPORT void cpuctl_state_free(struct cpuctl_state *state);
/** One mask of the snapshot, owned by it. */
CPUCTL_EXPORT const struct cpuctl_set *cpuctl_state_get(const struct cpuctl_state *state,
                                                        enum cpuctl_mask mask);
/**
 * Whether the kernel can take @cpu offline: it has a file cpuN/online. Looked up once and kept by
 * the root until cpuctl_root_forget_cpu(), or until a state read finds the CPU not present. Returns
 * 1, 0, or -ENODEV (no such CPU now).
 */
CPUCTL_EXPORT int cpuctl_can_offline(struct cpuctl_root *root, unsigned int cpu);
/** Drops what is kept of @cpu; to be called on each hotplug event of that CPU. The monitor does so
 * by itself. */
CPUCTL_EXPORT void cpuctl_root_forget_cpu(struct cpuctl_root *root, unsigned int cpu);

/* ---- topology ---- */

/** Groups that CPUs (hardware threads) form, smallest first. */
enum cpuctl_level {
    CPUCTL_CORE,
    CPUCTL_CLUSTER,
    CPUCTL_DIE,
    CPUCTL_SOCKET,
    CPUCTL_BOOK,
    CPUCTL_DRAWER,
    CPUCTL_NODE, /**< NUMA node; not nested in the others */
    CPUCTL_LEVELS
};

/** A snapshot of the topology. The kernel tells it for online CPUs only. */
struct cpuctl_topology;

/** One cache, shared by the CPUs of @cpus. Fields that the kernel does not tell are 0 or NULL. */
struct cpuctl_cache {
    const char *name; /**< "L1d", "L1i", "L2", … */
    unsigned int level;
    const char *type; /**< "Data", "Instruction" or "Unified" */
    int id;           /**< the kernel's id, -1: unknown */
    uint64_t size;    /**< bytes */
    unsigned int ways;
    unsigned int sets;
    unsigned int line_size;  /**< bytes */
    unsigned int partitions; /**< physical_line_partition */
    const char *allocation_policy;
    const char *write_policy;
    const struct cpuctl_set *cpus;
};

/**
 * Reads the topology of the CPUs that are online in @state (NULL: those that are online now); a
 * shared mask is read once a group, not once a CPU. A CPU that goes offline meanwhile is left out,
 * and the rest read again. @root must live longer than the topology. @flags: 0 or
 * CPUCTL_TOPOLOGY_…. Returns 0, -ENOENT (no sysfs), -EBADMSG (a mask is malformed), -EAGAIN (the
 * online CPUs kept changing), -ENOMEM ….
 */
CPUCTL_EXPORT int cpuctl_topology_read(struct cpuctl_root *root, const struct cpuctl_state *state,
                                       unsigned int flags, struct cpuctl_topology **ret_topology,
                                       struct cpuctl_error *error);
/** Also read the caches. */
#define CPUCTL_TOPOLOGY_CACHES 1U
/** Also read the clusters, which costs as much as the cores. */
#define CPUCTL_TOPOLOGY_CLUSTERS 2U
CPUCTL_EXPORT void cpuctl_topology_free(struct cpuctl_topology *topology);
/** How many groups of @level there are among the online CPUs; 0: the kernel does not tell this
 * level. */
CPUCTL_EXPORT unsigned int cpuctl_topology_count(const struct cpuctl_topology *topology,
                                                 enum cpuctl_level level);
/** The CPUs of group @index (0 … count - 1, by rising lowest CPU; nodes: by rising node number), or
 * NULL. */
CPUCTL_EXPORT const struct cpuctl_set *cpuctl_topology_group(const struct cpuctl_topology *topology,
                                                             enum cpuctl_level level,
                                                             unsigned int index);
/** The index of the group of @level that @cpu is in, or -ENODATA. */
CPUCTL_EXPORT int cpuctl_topology_index(const struct cpuctl_topology *topology,
                                        enum cpuctl_level level, unsigned int cpu);
/**
 * The number that firmware or kernel gave to that group (core_id, cluster_id, die_id,
 * physical_package_id, …; for a node its number). Looked up when asked for. Returns 0, or -ENODATA.
 */
CPUCTL_EXPORT int cpuctl_topology_physical_id(struct cpuctl_topology *topology,
                                              enum cpuctl_level level, unsigned int cpu,
                                              int *ret_id);
/** The number of NUMA node @index (0 … count - 1; there can be holes), or -ENODATA. */
CPUCTL_EXPORT int cpuctl_topology_node_number(const struct cpuctl_topology *topology,
                                              unsigned int index);
/** How many caches were read. */
CPUCTL_EXPORT unsigned int cpuctl_topology_cache_count(const struct cpuctl_topology *topology);
/** Cache @index (0 … count - 1), ordered by level, then data before instruction, then lowest CPU;
 * or NULL. To know the caches of many CPUs, walk all caches and their CPUs once. */
CPUCTL_EXPORT const struct cpuctl_cache *
cpuctl_topology_cache(const struct cpuctl_topology *topology, unsigned int index);

/* ---- identity ---- */

/** What a machine says of itself; the values are formatted as lscpu's summary prints them. */
enum cpuctl_field {
    /* of the whole machine: the same for every CPU type */
    CPUCTL_ARCHITECTURE,      /**< "x86_64", "aarch64", "s390x" … */
    CPUCTL_OP_MODES,          /**< "32-bit, 64-bit" */
    CPUCTL_ADDRESS_SIZES,     /**< "48 bits physical, 48 bits virtual" */
    CPUCTL_BYTE_ORDER,        /**< "Little Endian" or "Big Endian" */
    CPUCTL_VENDOR,            /**< "GenuineIntel", "ARM", "IBM/S390" … */
    CPUCTL_BIOS_VENDOR,       /**< the processor's manufacturer according to the firmware */
    CPUCTL_VIRT_FEATURE,      /**< "VT-x" or "AMD-V": this machine can be a hypervisor */
    CPUCTL_HYPERVISOR,        /**< the hypervisor's product name (s390: "KVM/Linux", "PR/SM" …) */
    CPUCTL_HYPERVISOR_VENDOR, /**< "KVM", "Xen", "Microsoft", "VMware", "QEMU" … */
    CPUCTL_VIRTUALIZATION_TYPE, /**< "full", "para", "container" or "none" (a Xen dom0) */
    /* of one CPU type */
    CPUCTL_MODEL_NAME,
    CPUCTL_BIOS_MODEL_NAME,
    CPUCTL_BIOS_FAMILY,     /**< the number of the SMBIOS processor family */
    CPUCTL_MACHINE_TYPE,    /**< s390: "2964" */
    CPUCTL_FAMILY,          /**< x86: decimal */
    CPUCTL_MODEL,           /**< x86: decimal; Arm: the revision; POWER: revision and PVR */
    CPUCTL_STEPPING,        /**< x86: decimal; Arm: "r1p2" */
    CPUCTL_FREQUENCY_BOOST, /**< "enabled" or "disabled" */
    CPUCTL_DYNAMIC_MHZ,     /**< s390 */
    CPUCTL_STATIC_MHZ,      /**< s390 */
    CPUCTL_SCALING_MHZ,     /**< the current in percent of the maximum frequency: "59%" */
    CPUCTL_MAX_MHZ,
    CPUCTL_MIN_MHZ,
    CPUCTL_BOGOMIPS,
    CPUCTL_DISPATCHING_MODE, /**< s390: "horizontal" or "vertical" */
    CPUCTL_FLAGS,            /**< divided by single spaces, in the kernel's order */
    CPUCTL_FIELDS
};

/** A snapshot of the identity of a machine, which may have CPUs of several types. */
struct cpuctl_identity;

/** What is told of a single CPU. */
struct cpuctl_cpu_identity {
    unsigned int type;        /**< its CPU type, 0 … cpuctl_identity_types() - 1 */
    float mhz;                /**< current frequency in MHz, 0: unknown */
    float max_mhz;            /**< 0: unknown */
    float min_mhz;            /**< 0: unknown */
    int64_t apic_id;          /**< x86: the (x2)APIC ID, -1: unknown */
    const char *bogomips;     /**< this CPU's BogoMIPS, or NULL */
    const char *polarization; /**< s390: "horizontal", "vertical:low" …, or NULL */
    int address;              /**< s390: the physical CPU address, -1: unknown */
    int configured;           /**< s390: 1 or 0, -1: unknown */
};

#define CPUCTL_IDENTITY_FREQUENCY 1U /**< also read the frequencies (cpufreq, once per policy) */
#define CPUCTL_IDENTITY_SUMMARY   2U /**< also read virtualization, vulnerabilities and firmware */
#define CPUCTL_IDENTITY_ALL       (CPUCTL_IDENTITY_FREQUENCY | CPUCTL_IDENTITY_SUMMARY)

/**
 * Reads the identity of the machine: /proc/cpuinfo, cpufreq and the like below @root, and on x86
 * the CPUID instruction (live) or the file "cpuid" (a recorded tree, see cpuctl_cpuid_dump()). What
 * the machine does not tell is left out, never guessed.
 * @state: which CPUs there are (NULL: reads the state itself). @flags: 0 or CPUCTL_IDENTITY_….
 * Returns 0, -ENOENT (no cpuinfo), -EBADMSG (cpuinfo or the CPUID dump is malformed: @error names
 * the line), -EFBIG (it is longer than a machine of CPUCTL_CPUS_MAX CPUs could need), -ENOMEM ….
 */
CPUCTL_EXPORT int cpuctl_identity_read(struct cpuctl_root *root, const struct cpuctl_state *state,
                                       unsigned int flags, struct cpuctl_identity **ret_identity,
                                       struct cpuctl_error *error);
CPUCTL_EXPORT void cpuctl_identity_free(struct cpuctl_identity *identity);
/** How many CPU types the machine has: 1, or more on Arm big.LITTLE and the like. */
CPUCTL_EXPORT unsigned int cpuctl_identity_types(const struct cpuctl_identity *identity);
/** The CPUs of @type, or NULL; CPUs that are not described (offline ones) count as type 0. */
CPUCTL_EXPORT const struct cpuctl_set *cpuctl_identity_cpus(const struct cpuctl_identity *identity,
                                                            unsigned int type);
/** A value of CPU type @type (0 for a value of the machine), owned by the identity; NULL: not told.
 */
CPUCTL_EXPORT const char *cpuctl_identity_get(const struct cpuctl_identity *identity,
                                              unsigned int type, enum cpuctl_field field);
/** The name of a field as lscpu prints it ("CPU op-mode(s)"), or NULL. */
CPUCTL_EXPORT const char *cpuctl_field_name(enum cpuctl_field field);
/** What is told of @cpu. Returns 0, or -ENODEV (no such possible CPU). */
CPUCTL_EXPORT int cpuctl_identity_cpu(const struct cpuctl_identity *identity, unsigned int cpu,
                                      struct cpuctl_cpu_identity *ret_cpu);
/** How many vulnerabilities the kernel tells of. */
CPUCTL_EXPORT unsigned int cpuctl_identity_vulnerabilities(const struct cpuctl_identity *identity);
/**
 * Vulnerability @index (0 … count - 1, by name) as lscpu prints it: "Spectre v2", "Mitigation;
 * Retpolines". Returns 0, or -ERANGE.
 */
CPUCTL_EXPORT int cpuctl_identity_vulnerability(const struct cpuctl_identity *identity,
                                                unsigned int index, const char **ret_name,
                                                const char **ret_text);
/** How many caches the kernel tells of without telling which CPUs share them (s390's L3 and L4). */
CPUCTL_EXPORT unsigned int cpuctl_identity_cache_count(const struct cpuctl_identity *identity);
/** Such a cache (0 … count - 1), with cpus NULL and id -1; or NULL. */
CPUCTL_EXPORT const struct cpuctl_cache *
cpuctl_identity_cache(const struct cpuctl_identity *identity, unsigned int index);

/** How the CPUs of one type are grouped, as lscpu counts; 0: not told. */
struct cpuctl_counts {
    unsigned int threads_per_core;
    unsigned int cores_per_socket; /**< or per cluster */
    unsigned int sockets;          /**< in all; with @clusters what the firmware tells */
    unsigned int clusters; /**< live aarch64 without ACPI's PPTT, where what the kernel calls a
                              package is a cluster: how many; else 0 */
    unsigned int sockets_per_book;
    unsigned int books; /**< in all */
    unsigned int books_per_drawer;
    unsigned int drawers; /**< in all */
};

/**
 * Counts the groups of CPU type @type. On s390 the numbers that the firmware tells (/proc/sysinfo)
 * come before counting. Returns 0, -ERANGE (no such type) or -ENOMEM.
 */
CPUCTL_EXPORT int cpuctl_identity_counts(const struct cpuctl_identity *identity,
                                         const struct cpuctl_topology *topology, unsigned int type,
                                         struct cpuctl_counts *ret_counts);

/**
 * The CPUID leaves of all online CPUs of the live machine as text, for the file "cpuid" of a
 * recorded tree: a comment line, then sections that begin with "cpu N" and have a line of six
 * hexadecimal numbers (leaf, subleaf, EAX, EBX, ECX, EDX) for each leaf; sections after the first
 * one list only what differs from it. The calling thread visits each CPU and its affinity is
 * restored. @online: the CPUs to visit. The caller frees the text. Returns 0, -EOPNOTSUPP (not
 * x86), -ENODEV (no CPU of @online could be visited), -ENOMEM ….
 */
CPUCTL_EXPORT int cpuctl_cpuid_dump(const struct cpuctl_set *online, char **ret_text,
                                    struct cpuctl_error *error);

/* ---- plans ---- */

/** Flags for plans. */
#define CPUCTL_PLAN_FORCE 1U /**< also choose isolated and nohz_full CPUs */

/** An ordered list of CPUs to bring online or take offline, and of those left out with the reason.
 */
struct cpuctl_plan;

/** What a plan says of one CPU. */
struct cpuctl_plan_entry {
    unsigned int cpu;
    bool online;        /**< the state to reach */
    bool skipped;       /**< left out: @reason says why */
    const char *reason; /**< why this CPU is skipped, or was chosen; never NULL */
};

/**
 * Plans to bring the CPUs of @set online (@online true) or offline, by rising number (offline: by
 * falling number). CPUs that are so already are part of the plan: "already so" is a result. Ones
 * that are not present are part of it too, and are refused when the plan is carried out; isolated
 * and nohz_full ones are taken, because they were named. Returns 0 or -ENOMEM ….
 */
CPUCTL_EXPORT int cpuctl_plan_change(struct cpuctl_root *root, const struct cpuctl_set *set,
                                     bool online, unsigned int flags, struct cpuctl_plan **ret_plan,
                                     struct cpuctl_error *error);
/**
 * Plans to have exactly the CPUs of @set online: first bring them online by rising number, then
 * take the others offline by falling number. An isolated or nohz_full CPU that is not in @set is
 * skipped, unless with CPUCTL_PLAN_FORCE. Returns 0, -EINVAL (@set is empty), -ENODEV (no CPU of
 * @set is present), ….
 */
CPUCTL_EXPORT int cpuctl_plan_exactly(struct cpuctl_root *root, const struct cpuctl_set *set,
                                      unsigned int flags, struct cpuctl_plan **ret_plan,
                                      struct cpuctl_error *error);
/**
 * Plans to have @count CPUs online. The choice, which is deterministic (docs/architecture.md has an
 * example): to take offline, whole cores before splitting one, from where a NUMA node's part of a
 * socket has the most CPUs left, of equals from the node and then the socket with the most, the
 * highest-numbered core first and in it the highest-numbered thread; never CPU 0, never one that
 * can't be taken offline, and isolated or nohz_full ones only with CPUCTL_PLAN_FORCE, after all
 * others. To bring online: the reverse order. CPUs that would have been chosen if they were not
 * isolated, nohz_full or unable to go follow as skipped. The plan is empty when @count CPUs are
 * online already. Returns 0; -ERANGE when @count is 0 or more than the present CPUs; -EBUSY when it
 * can't be reached, @error saying which CPUs stand in the way and why.
 */
CPUCTL_EXPORT int cpuctl_plan_count(struct cpuctl_root *root, unsigned int count,
                                    unsigned int flags, struct cpuctl_plan **ret_plan,
                                    struct cpuctl_error *error);
CPUCTL_EXPORT void cpuctl_plan_free(struct cpuctl_plan *plan);
/** How many entries the plan has, skipped ones included. */
CPUCTL_EXPORT size_t cpuctl_plan_size(const struct cpuctl_plan *plan);
/** Entry @index (0 … size - 1), owned by the plan; or NULL. */
CPUCTL_EXPORT const struct cpuctl_plan_entry *cpuctl_plan_get(const struct cpuctl_plan *plan,
                                                              size_t index);

/* ---- changes ---- */

/** What became of one CPU. */
enum cpuctl_outcome {
    CPUCTL_DONE,    /**< changed */
    CPUCTL_ALREADY, /**< was so already: a success */
    CPUCTL_REFUSED, /**< the kernel, or the lack of the CPU, refused it */
    CPUCTL_SKIPPED  /**< left out by the plan */
};

/**
 * The result for one CPU; the strings are owned by the change. Sentences have no full stop and no
 * newline. Codes of our own are -ENODEV (not present, or gone meanwhile), -EOPNOTSUPP (it has no
 * file cpuN/online) and -ECANCELED (the kernel did it, and it was undone at once); the others are
 * the kernel's.
 */
struct cpuctl_result {
    unsigned int cpu;
    bool online; /**< the state asked for */
    enum cpuctl_outcome outcome;
    int code;               /**< refused: negative errno */
    uint64_t duration_usec; /**< how long the kernel took, in microseconds; 0: it was not asked */
    const char *reason;     /**< refused, skipped: a sentence why; else NULL */
    const char *help;       /**< refused: a sentence that says what would help, or NULL */
    const char *kernel_log; /**< refused by the kernel (-EIO above all): what its log says of this
                               CPU, at most 16 lines divided by newlines, or NULL */
};

/** A plan that is being carried out, one CPU a step. */
struct cpuctl_change;

/** Begins to carry out @plan, which is no longer needed afterwards. Returns 0, -EROFS (a recorded
 * tree) or -ENOMEM. */
CPUCTL_EXPORT int cpuctl_change_new(struct cpuctl_root *root, const struct cpuctl_plan *plan,
                                    struct cpuctl_change **ret_change, struct cpuctl_error *error);
CPUCTL_EXPORT void cpuctl_change_free(struct cpuctl_change *change);
/**
 * Does the next CPU and blocks until the kernel is done with it (milliseconds; seconds on a loaded
 * machine). A CPU that can't be changed is a result, not a failure of the step. Returns 1 when a
 * CPU was done and @ret_result (may be NULL) points to its result, which stays valid as long as the
 * change, or 0 when nothing is left.
 */
CPUCTL_EXPORT int cpuctl_change_step(struct cpuctl_change *change,
                                     const struct cpuctl_result **ret_result);
/** How many results there are so far. */
CPUCTL_EXPORT size_t cpuctl_change_size(const struct cpuctl_change *change);
/** How many entries the whole change has. */
CPUCTL_EXPORT size_t cpuctl_change_total(const struct cpuctl_change *change);
/** Result @index (0 … size - 1), or NULL. */
CPUCTL_EXPORT const struct cpuctl_result *cpuctl_change_get(const struct cpuctl_change *change,
                                                            size_t index);

/**
 * Opens the kernel log for reasons, now instead of at the first -EIO; for programs that give up
 * their privileges or close the file system to themselves later. Returns 0, or a negative errno
 * (-EPERM, -ENOENT): then results have no kernel_log.
 */
CPUCTL_EXPORT int cpuctl_root_open_kmsg(struct cpuctl_root *root);

/* ---- the operator's offline choice ---- */

/**
 * The file in which an operator's choice of CPUs that shall stay offline is kept, relative to the
 * root: one line, the kernel's list format and a newline. No file means no choice. cpuctl-agent
 * (and whatever else brings CPUs online by itself) leaves these CPUs alone.
 */
#define CPUCTL_OFFLINE_CHOICE_PATH "var/lib/cpuctl/offline"

/**
 * Reads the operator's offline choice; the empty set when there is no file. @path: the file,
 * relative to the root; NULL: CPUCTL_OFFLINE_CHOICE_PATH. Returns 0, -EBADMSG (the file is
 * malformed), -ENOMEM, -EACCES ….
 */
CPUCTL_EXPORT int cpuctl_offline_choice_read(struct cpuctl_root *root, const char *path,
                                             struct cpuctl_set **ret_set,
                                             struct cpuctl_error *error);
/**
 * Changes the operator's offline choice: adds the CPUs of @add, then takes out those of @remove
 * (either may be NULL). The file is replaced as a whole (written beside, fsync, rename, fsync of
 * the directory), and two programs that change it at the same time wait for each other; its
 * directory is made when it is missing. A choice that is so already is not written. Returns 1
 * (changed), 0 (was so already), -EROFS (a recorded tree), -EBADMSG (the present file is
 * malformed), -ENOMEM, -EACCES, -ENOSPC ….
 */
CPUCTL_EXPORT int cpuctl_offline_choice_change(struct cpuctl_root *root, const char *path,
                                               const struct cpuctl_set *add,
                                               const struct cpuctl_set *remove,
                                               struct cpuctl_error *error);

/* ---- hotplug monitor ---- */

enum cpuctl_event_type {
    CPUCTL_EVENT_ADDED,    /**< a CPU was plugged */
    CPUCTL_EVENT_REMOVED,  /**< a CPU was unplugged */
    CPUCTL_EVENT_ONLINED,  /**< a CPU came online */
    CPUCTL_EVENT_OFFLINED, /**< a CPU went offline */
    CPUCTL_EVENT_LOST /**< events were lost (the socket's buffer overflowed): read the state anew;
                         cpu is 0 */
};

struct cpuctl_event {
    enum cpuctl_event_type type;
    unsigned int cpu;
    bool hot;           /**< the CPU was hot-added, see cpuctl_monitor_is_hot() */
    uint64_t time_usec; /**< when it was received, CLOCK_REALTIME in microseconds */
};

/** Watches the live machine's CPUs by libudev. */
struct cpuctl_monitor;

/**
 * Begins to watch. Without udevd (no /run/udev/control) the kernel's own uevents are listened to.
 * Nothing that happens after this returns is missed. Returns 0, -EROFS (a recorded tree), -ENOMEM
 * ….
 */
CPUCTL_EXPORT int cpuctl_monitor_new(struct cpuctl_root *root, struct cpuctl_monitor **ret_monitor,
                                     struct cpuctl_error *error);
CPUCTL_EXPORT void cpuctl_monitor_free(struct cpuctl_monitor *monitor);
/** The file descriptor to poll for reading; owned by the monitor. */
CPUCTL_EXPORT int cpuctl_monitor_fd(const struct cpuctl_monitor *monitor);
/** Takes the next event without blocking. Returns 1, 0 (none now) or a negative errno. */
CPUCTL_EXPORT int cpuctl_monitor_next(struct cpuctl_monitor *monitor,
                                      struct cpuctl_event *ret_event);
/**
 * Whether @cpu was hot-added, as opposed to present since boot (cold-plugged): the monitor saw it
 * come, or the ACPI table MADT, which firmware wrote at boot, does not have it enabled. Without
 * that table (s390, powerpc; or no right to read it) a CPU that came before the monitor is unknown,
 * and unknown counts as cold. Returns a truth value.
 */
CPUCTL_EXPORT bool cpuctl_monitor_is_hot(const struct cpuctl_monitor *monitor, unsigned int cpu);

#ifdef __cplusplus
}
#endif

#endif
