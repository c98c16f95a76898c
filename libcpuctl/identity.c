/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The identity of a machine: putting the readers' findings together, and handing them out. */
#include "identity.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "arm.h"
#include "cpuid-table.h"
#include "cpuinfo.h"
#include "error.h"

static const char *const field_names[CPUCTL_FIELDS] = {
    [CPUCTL_ARCHITECTURE] = "Architecture",
    [CPUCTL_OP_MODES] = "CPU op-mode(s)",
    [CPUCTL_ADDRESS_SIZES] = "Address sizes",
    [CPUCTL_BYTE_ORDER] = "Byte Order",
    [CPUCTL_VENDOR] = "Vendor ID",
    [CPUCTL_BIOS_VENDOR] = "BIOS Vendor ID",
    [CPUCTL_VIRT_FEATURE] = "Virtualization",
    [CPUCTL_HYPERVISOR] = "Hypervisor",
    [CPUCTL_HYPERVISOR_VENDOR] = "Hypervisor vendor",
    [CPUCTL_VIRTUALIZATION_TYPE] = "Virtualization type",
    [CPUCTL_MODEL_NAME] = "Model name",
    [CPUCTL_BIOS_MODEL_NAME] = "BIOS Model name",
    [CPUCTL_BIOS_FAMILY] = "BIOS CPU family",
    [CPUCTL_MACHINE_TYPE] = "Machine type",
    [CPUCTL_FAMILY] = "CPU family",
    [CPUCTL_MODEL] = "Model",
    [CPUCTL_STEPPING] = "Stepping",
    [CPUCTL_FREQUENCY_BOOST] = "Frequency boost",
    [CPUCTL_DYNAMIC_MHZ] = "CPU dynamic MHz",
    [CPUCTL_STATIC_MHZ] = "CPU static MHz",
    [CPUCTL_SCALING_MHZ] = "CPU(s) scaling MHz",
    [CPUCTL_MAX_MHZ] = "CPU max MHz",
    [CPUCTL_MIN_MHZ] = "CPU min MHz",
    [CPUCTL_BOGOMIPS] = "BogoMIPS",
    [CPUCTL_DISPATCHING_MODE] = "Dispatching mode",
    [CPUCTL_FLAGS] = "Flags",
};

/** Which field a value of cpuinfo becomes. Later lines replace earlier ones. */
static const struct {
    enum cpuinfo_value value;
    enum cpuctl_field field;
} fields_of_cpuinfo[] = {
    { CPUINFO_VENDOR, CPUCTL_VENDOR },           { CPUINFO_MODEL_NAME, CPUCTL_MODEL_NAME },
    { CPUINFO_FAMILY, CPUCTL_FAMILY },           { CPUINFO_MODEL, CPUCTL_MODEL },
    { CPUINFO_REVISION, CPUCTL_MODEL }, /* Arm and POWER: what distinguishes models */
    { CPUINFO_STEPPING, CPUCTL_STEPPING },       { CPUINFO_FLAGS, CPUCTL_FLAGS },
    { CPUINFO_BOGOMIPS, CPUCTL_BOGOMIPS },       { CPUINFO_ADDRESS_SIZES, CPUCTL_ADDRESS_SIZES },
    { CPUINFO_DYNAMIC_MHZ, CPUCTL_DYNAMIC_MHZ }, { CPUINFO_STATIC_MHZ, CPUCTL_STATIC_MHZ },
};

void cpuctl_identity_free(struct cpuctl_identity *identity)
{
    if (!identity)
        return;
    for (unsigned int i = 0; i < identity->ntypes; i++) {
        for (unsigned int j = 0; j < CPUCTL_FIELDS; j++)
            free(identity->types[i].values[j]);
        cpuctl_set_free(identity->types[i].cpus);
    }
    for (size_t i = 0; i < identity->nvulnerabilities; i++) {
        free(identity->vulnerabilities[i].name);
        free(identity->vulnerabilities[i].text);
    }
    free(identity->types);
    free(identity->cpus);
    free(identity->vulnerabilities);
    cpuinfo_free(identity->cpuinfo);
    free(identity);
}

int identity_set(struct cpuctl_identity *identity, unsigned int type, enum cpuctl_field field,
                 const char *text)
{
    char *copy = NULL;

    if (text) {
        copy = strdup(text);
        if (!copy)
            return -ENOMEM;
    }
    free(identity->types[type].values[field]);
    identity->types[type].values[field] = copy;
    return 0;
}

bool identity_has_flag(const char *flags, const char *flag)
{
    size_t length = strlen(flag);

    for (const char *at = flags; at && (at = strstr(at, flag)); at += length)
        if ((at == flags || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
            return true;
    return false;
}

static int compare_cpu(const void *number, const void *cpu)
{
    unsigned int a = *(const unsigned int *)number, b = ((const struct identity_cpu *)cpu)->number;

    return a < b ? -1 : a > b;
}

struct identity_cpu *identity_find_cpu(const struct cpuctl_identity *identity, unsigned int cpu)
{
    if (!identity->ncpus)
        return NULL;
    return bsearch(&cpu, identity->cpus, identity->ncpus, sizeof(*identity->cpus), compare_cpu);
}

/* ---- cpuinfo */

static int read_cpuinfo(struct cpuctl_root *root, struct cpuctl_identity *identity,
                        struct cpuctl_error *error)
{
    _cleanup_free_ char *text = NULL;
    ssize_t size = cpuctl_root_read(root, "proc/cpuinfo", CPUINFO_TEXT_MAX, &text, error);

    return size < 0 ? (int)size : cpuinfo_parse(text, &identity->cpuinfo, error);
}

/** A number as the kernel prints it for an Arm CPU ("0x41", "3"), or -1. */
static int parse_id(const char *text)
{
    char *end;
    long id;

    if (!text || !*text)
        return -1;
    errno = 0;
    id = strtol(text, &end, 0);
    return errno || *end || id < 0 || id > INT_MAX ? -1 : (int)id;
}

/** Replaces an Arm CPU's numbers by names. Returns 0 or -ENOMEM. */
static int name_arm(struct cpuctl_identity *identity, unsigned int type)
{
    char *const *values = identity->cpuinfo->types[type].values;
    int implementer = parse_id(values[CPUINFO_VENDOR]), part = parse_id(values[CPUINFO_MODEL]);
    int variant = parse_id(values[CPUINFO_STEPPING]), revision = parse_id(values[CPUINFO_REVISION]);
    const char *name;
    char stepping[32];
    int r = 0;

    if (implementer < 0 || strncmp(values[CPUINFO_VENDOR], "0x", 2) != 0)
        return 0;
    name = arm_implementer_name((unsigned int)implementer);
    if (name)
        r = identity_set(identity, type, CPUCTL_VENDOR, name);
    name = part < 0 ? NULL : arm_part_name((unsigned int)implementer, (unsigned int)part);
    if (r == 0 && name)
        r = identity_set(identity, type, CPUCTL_MODEL_NAME, name);
    /* only Arm's own cores are known by "rXpY" (Arm ARM, MIDR_EL1.Variant and .Revision) */
    if (r == 0 && implementer == 0x41 && variant >= 0 && revision >= 0) {
        snprintf(stepping, sizeof(stepping), "r%dp%d", variant, revision);
        r = identity_set(identity, type, CPUCTL_STEPPING, stepping);
    }
    return r;
}

static int take_type(struct cpuctl_identity *identity, unsigned int type)
{
    char *const *values = identity->cpuinfo->types[type].values;
    int thread_id = parse_id(values[CPUINFO_MAX_THREAD_ID]);
    int r = 0;

    identity->types[type].cpus = cpuctl_set_new();
    if (!identity->types[type].cpus)
        return -ENOMEM;
    for (size_t i = 0; r == 0 && i < sizeof(fields_of_cpuinfo) / sizeof(*fields_of_cpuinfo); i++)
        if (values[fields_of_cpuinfo[i].value])
            r = identity_set(identity, type, fields_of_cpuinfo[i].field,
                             values[fields_of_cpuinfo[i].value]);
    if (thread_id >= 0 && thread_id < (int)CPUCTL_CPUS_MAX)
        identity->types[type].max_thread_id = (unsigned int)thread_id + 1;
    return r < 0 ? r : name_arm(identity, type);
}

static int take_types(struct cpuctl_identity *identity)
{
    int r = 0;

    identity->types = calloc(identity->cpuinfo->ntypes, sizeof(*identity->types));
    if (!identity->types)
        return -ENOMEM;
    identity->ntypes = (unsigned int)identity->cpuinfo->ntypes;
    for (unsigned int i = 0; r == 0 && i < identity->ntypes; i++)
        r = take_type(identity, i);
    return r;
}

static int take_cpus(struct cpuctl_identity *identity, const struct cpuctl_set *present)
{
    unsigned int count = cpuctl_set_count(present);

    identity->cpus = calloc(count ? count : 1, sizeof(*identity->cpus));
    if (!identity->cpus)
        return -ENOMEM;
    cpuctl_set_foreach (cpu, present) {
        const struct cpuinfo_cpu *known = cpuinfo_find(identity->cpuinfo, (unsigned int)cpu);
        struct identity_cpu *entry = &identity->cpus[identity->ncpus++];

        entry->number = (unsigned int)cpu;
        entry->told =
            (struct cpuctl_cpu_identity){ .apic_id = -1, .address = -1, .configured = -1 };
        if (known) {
            entry->told.type = known->type;
            entry->told.mhz = known->mhz;
            entry->told.apic_id = known->apic_id;
            entry->told.bogomips = *known->bogomips ? known->bogomips : NULL;
        }
        if (!entry->told.bogomips)
            entry->told.bogomips = identity->types[entry->told.type].values[CPUCTL_BOGOMIPS];
        if (cpuctl_set_add(identity->types[entry->told.type].cpus, (unsigned int)cpu) < 0)
            return -ENOMEM;
    }
    return 0;
}

/* ---- reading */

static int read_summary(struct cpuctl_root *root, struct cpuctl_identity *identity,
                        struct cpuctl_error *error)
{
    _cleanup_(cpuid_freep) struct cpuid *cpuid = NULL;
    int r = cpuid_read(root, &cpuid, error);

    if (r < 0 && r != -ENOENT)
        return r;
    r = cpuid ? identity_read_x86(identity, cpuid, error) : 0;
    if (r == 0)
        r = identity_read_arch(root, identity, error);
    if (r == 0)
        r = identity_read_virt(root, identity, cpuid, error);
    if (r == 0)
        r = identity_read_dmi(root, identity, error);
    return r < 0 ? r : identity_read_vulnerabilities(root, identity, error);
}

static int read_all(struct cpuctl_root *root, const struct cpuctl_state *state, unsigned int flags,
                    struct cpuctl_identity *identity, struct cpuctl_error *error)
{
    int r = read_cpuinfo(root, identity, error);

    if (r < 0)
        return r;
    r = take_types(identity);
    if (r == 0)
        r = take_cpus(identity, cpuctl_state_get(state, CPUCTL_PRESENT));
    if (r < 0)
        return error_set(error, r, "Out of memory");
    r = identity_read_archext(root, identity, error);
    if (r == 0 && (flags & CPUCTL_IDENTITY_FREQUENCY))
        r = identity_read_frequency(root, identity, error);
    if (r == 0 && (flags & CPUCTL_IDENTITY_SUMMARY))
        r = read_summary(root, identity, error);
    return r;
}

int cpuctl_identity_read(struct cpuctl_root *root, const struct cpuctl_state *state,
                         unsigned int flags, struct cpuctl_identity **ret_identity,
                         struct cpuctl_error *error)
{
    _cleanup_(cpuctl_identity_freep) struct cpuctl_identity *identity = NULL;
    struct cpuctl_state *own = NULL;
    int r;

    if (flags & ~CPUCTL_IDENTITY_ALL)
        return error_set(error, -EINVAL, "Flags that are not known: 0x%x", flags);
    identity = calloc(1, sizeof(*identity));
    if (!identity)
        return error_set(error, -ENOMEM, "Out of memory");
    if (!state) {
        r = cpuctl_state_read(root, &own, error);
        if (r < 0)
            return r;
    }
    r = read_all(root, state ? state : own, flags, identity, error);
    cpuctl_state_free(own);
    if (r < 0)
        return r;
    *ret_identity = TAKE_PTR(identity);
    return 0;
}

/* ---- handing out */

unsigned int cpuctl_identity_types(const struct cpuctl_identity *identity)
{
    return identity->ntypes;
}

const struct cpuctl_set *cpuctl_identity_cpus(const struct cpuctl_identity *identity,
                                              unsigned int type)
{
    return type < identity->ntypes ? identity->types[type].cpus : NULL;
}

const char *cpuctl_identity_get(const struct cpuctl_identity *identity, unsigned int type,
                                enum cpuctl_field field)
{
    if (type >= identity->ntypes || (unsigned int)field >= CPUCTL_FIELDS)
        return NULL;
    return identity->types[type].values[field];
}

const char *cpuctl_field_name(enum cpuctl_field field)
{
    return (unsigned int)field < CPUCTL_FIELDS ? field_names[field] : NULL;
}

int cpuctl_identity_cpu(const struct cpuctl_identity *identity, unsigned int cpu,
                        struct cpuctl_cpu_identity *ret_cpu)
{
    const struct identity_cpu *entry = identity_find_cpu(identity, cpu);

    if (!entry)
        return -ENODEV;
    *ret_cpu = entry->told;
    return 0;
}

unsigned int cpuctl_identity_vulnerabilities(const struct cpuctl_identity *identity)
{
    return (unsigned int)identity->nvulnerabilities;
}

int cpuctl_identity_vulnerability(const struct cpuctl_identity *identity, unsigned int index,
                                  const char **ret_name, const char **ret_text)
{
    if (index >= identity->nvulnerabilities)
        return -ERANGE;
    *ret_name = identity->vulnerabilities[index].name;
    *ret_text = identity->vulnerabilities[index].text;
    return 0;
}

unsigned int cpuctl_identity_cache_count(const struct cpuctl_identity *identity)
{
    return (unsigned int)identity->cpuinfo->ncaches;
}

const struct cpuctl_cache *cpuctl_identity_cache(const struct cpuctl_identity *identity,
                                                 unsigned int index)
{
    return index < identity->cpuinfo->ncaches ? &identity->cpuinfo->caches[index] : NULL;
}
