/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The columns of `cpuctl list` and the text of their cells. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/cpu-rows.h"

#define NUMBER(column_name, column_help)                                                           \
    {                                                                                              \
        .name = column_name, .help = column_help, .flags = SCOLS_FL_RIGHT,                         \
        .json = SCOLS_JSON_NUMBER                                                                  \
    }
#define TEXT(column_name, column_help)                                                             \
    {                                                                                              \
        .name = column_name, .help = column_help, .json = SCOLS_JSON_STRING                        \
    }
#define TRUTH(column_name, column_help)                                                            \
    {                                                                                              \
        .name = column_name, .help = column_help, .flags = SCOLS_FL_RIGHT,                         \
        .json = SCOLS_JSON_BOOLEAN_OPTIONAL                                                        \
    }

const struct column cpu_columns[CPU_COLUMNS] = {
    [COL_CPU] = NUMBER("CPU", "the kernel's number of the CPU"),
    [COL_CORE] = NUMBER("CORE", "core, counted from 0"),
    [COL_CLUSTER] = NUMBER("CLUSTER", "cluster of cores, counted from 0"),
    [COL_DIE] = NUMBER("DIE", "die, counted from 0"),
    [COL_SOCKET] = NUMBER("SOCKET", "socket, counted from 0"),
    [COL_NODE] = NUMBER("NODE", "NUMA node"),
    [COL_BOOK] = NUMBER("BOOK", "book (s390), counted from 0"),
    [COL_DRAWER] = NUMBER("DRAWER", "drawer (s390), counted from 0"),
    [COL_CACHE] = TEXT("CACHE", "which cache of each kind the CPU uses"),
    [COL_ONLINE] = TRUTH("ONLINE", "whether Linux runs tasks on the CPU"),
    [COL_OFFLINABLE] = TRUTH("OFFLINABLE", "whether Linux can take the CPU offline"),
    [COL_ISOLATED] = TRUTH("ISOLATED", "whether the scheduler leaves the CPU alone (isolcpus=)"),
    [COL_NOHZFULL] = TRUTH("NOHZFULL", "whether the CPU runs without the timer tick (nohz_full=)"),
    [COL_STATE] = TEXT("STATE", "online, offline, or held: kept offline by an operator's choice"),
    [COL_APICID] = NUMBER("APICID", "local APIC ID (x86)"),
    [COL_MODELNAME] = TEXT("MODELNAME", "model name"),
    [COL_BOGOMIPS] = NUMBER("BOGOMIPS", "the kernel's crude measure of speed"),
    [COL_POLARIZATION] = TEXT("POLARIZATION", "dispatching on virtual hardware (s390)"),
    [COL_ADDRESS] = NUMBER("ADDRESS", "physical address of the CPU (s390)"),
    [COL_CONFIGURED] = TRUTH("CONFIGURED", "whether the hypervisor has allocated the CPU (s390)"),
    [COL_MHZ] = NUMBER("MHZ", "current frequency in MHz"),
    [COL_SCALMHZ] = { .name = "SCALMHZ%",
                      .help = "current frequency in percent of the highest",
                      .flags = SCOLS_FL_RIGHT },
    [COL_MAXMHZ] = NUMBER("MAXMHZ", "highest frequency in MHz"),
    [COL_MINMHZ] = NUMBER("MINMHZ", "lowest frequency in MHz"),
};

/** Makes the text of a cell; @what: which mask, level … where the function serves several columns.
 */
typedef const char *(*cell_function)(struct cpu_rows *rows, unsigned int cpu, int what,
                                     char *buffer);

static const char *cpu_cell(struct cpu_rows *rows, unsigned int cpu, int what, char *buffer)
{
    (void)rows;
    (void)what;
    snprintf(buffer, CELL_SIZE, "%u", cpu);
    return buffer;
}

/** What lscpu -p --physical prints for a number that the kernel does not tell. */
static const char *no_physical(const struct cpu_rows *rows, enum cpuctl_level level)
{
    bool told = level == CPUCTL_CORE || level == CPUCTL_SOCKET || level == CPUCTL_BOOK ||
                level == CPUCTL_DRAWER;

    return rows->parsable && rows->physical && told ? "-" : NULL;
}

/** The number of the group of level @what that @cpu is in. */
static const char *group_cell(struct cpu_rows *rows, unsigned int cpu, int what, char *buffer)
{
    enum cpuctl_level level = (enum cpuctl_level)what;
    int id = cpuctl_topology_index(rows->topology, level, cpu);

    if (id < 0)
        return no_physical(rows, level);
    /* lscpu's node column is the node's own number, with and without --physical. */
    if ((rows->physical || level == CPUCTL_NODE) &&
        cpuctl_topology_physical_id(rows->topology, level, cpu, &id) < 0)
        return no_physical(rows, level);
    snprintf(buffer, CELL_SIZE, "%d", id);
    return buffer;
}

static const char *truth(const struct cpu_rows *rows, bool value)
{
    if (rows->parsable)
        return value ? "Y" : "N";
    return value ? "yes" : "no";
}

/** Whether @cpu is in mask @what. */
static const char *mask_cell(struct cpu_rows *rows, unsigned int cpu, int what, char *buffer)
{
    (void)buffer;
    return truth(rows, cpuctl_set_has(cpuctl_state_get(rows->state, (enum cpuctl_mask)what), cpu));
}

static const char *offlinable_cell(struct cpu_rows *rows, unsigned int cpu, int what, char *buffer)
{
    int r = cpuctl_can_offline(rows->root, cpu);

    (void)what;
    (void)buffer;
    return r < 0 ? NULL : truth(rows, r > 0);
}

static const char *state_cell(struct cpu_rows *rows, unsigned int cpu, int what, char *buffer)
{
    (void)what;
    (void)buffer;
    if (cpuctl_set_has(cpuctl_state_get(rows->state, CPUCTL_ONLINE), cpu))
        return "online";
    return cpuctl_set_has(rows->held, cpu) ? "held" : "offline";
}

/** What stands before kind @i of cache in the CACHE column. */
static const char *divider(const struct cpu_rows *rows, size_t i)
{
    if (i == 0)
        return "";
    return rows->divided ? "," : ":";
}

static const char *cache_cell(struct cpu_rows *rows, unsigned int cpu, int what, char *buffer)
{
    size_t used = 0;
    bool known = false;

    (void)what;
    for (size_t i = 0; i < rows->n_caches && used < CELL_SIZE; i++) {
        int id = rows->caches[i].ids[cpu];
        char number[16] = "-";

        known = known || id >= 0;
        if (id >= 0)
            snprintf(number, sizeof(number), "%d", id);
        used += (size_t)snprintf(buffer + used, CELL_SIZE - used, "%s%s", divider(rows, i),
                                 id < 0 && rows->divided ? "" : number);
    }
    /* With commas each kind is a field of its own, which is there even when it is empty. */
    return known || (rows->divided && rows->n_caches) ? buffer : NULL;
}

/** What the identity tells of @cpu; everything unknown where it tells nothing. */
static struct cpuctl_cpu_identity identity_of(const struct cpu_rows *rows, unsigned int cpu)
{
    struct cpuctl_cpu_identity identity = { .apic_id = -1, .address = -1, .configured = -1 };

    if (rows->identity)
        (void)cpuctl_identity_cpu(rows->identity, cpu, &identity);
    return identity;
}

/** A number that is unknown when negative: column @what. */
static const char *identity_number_cell(struct cpu_rows *rows, unsigned int cpu, int what,
                                        char *buffer)
{
    struct cpuctl_cpu_identity identity = identity_of(rows, cpu);
    int64_t number = what == COL_APICID ? identity.apic_id : identity.address;

    if (number < 0)
        return NULL;
    snprintf(buffer, CELL_SIZE, "%" PRId64, number);
    return buffer;
}

static const char *model_cell(struct cpu_rows *rows, unsigned int cpu, int what, char *buffer)
{
    (void)what;
    (void)buffer;
    return rows->identity
               ? cpuctl_identity_get(rows->identity, identity_of(rows, cpu).type, CPUCTL_MODEL_NAME)
               : NULL;
}

/** Whether JSON (RFC 8259, section 6) takes @text for a number; exponents and signs left aside. */
static bool is_number(const char *text)
{
    size_t digits = strspn(text, "0123456789"), fraction = 0;

    if (text[digits] == '.') {
        fraction = strspn(text + digits + 1, "0123456789");
        if (!fraction)
            return false;
        fraction++;
    }
    return digits && (digits == 1 || *text != '0') && !text[digits + fraction];
}

static const char *bogomips_cell(struct cpu_rows *rows, unsigned int cpu, int what, char *buffer)
{
    const char *text = identity_of(rows, cpu).bogomips;

    (void)what;
    (void)buffer;
    return text && is_number(text) ? text : NULL;
}

static const char *configured_cell(struct cpu_rows *rows, unsigned int cpu, int what, char *buffer)
{
    int configured = identity_of(rows, cpu).configured;

    (void)what;
    (void)buffer;
    return configured < 0 ? NULL : truth(rows, configured > 0);
}

static const char *polarization_cell(struct cpu_rows *rows, unsigned int cpu, int what,
                                     char *buffer)
{
    static const struct {
        const char *sysfs, *parsable, *shown;
    } names[] = {
        { .sysfs = "horizontal", .parsable = "H", .shown = "horizontal" },
        { .sysfs = "vertical:low", .parsable = "VL", .shown = "vert-low" },
        { .sysfs = "vertical:medium", .parsable = "VM", .shown = "vert-medium" },
        { .sysfs = "vertical:high", .parsable = "VH", .shown = "vert-high" },
    };
    const char *text = identity_of(rows, cpu).polarization;

    (void)what;
    (void)buffer;
    for (size_t i = 0; text && i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(text, names[i].sysfs) == 0)
            return rows->parsable ? names[i].parsable : names[i].shown;
    return rows->parsable ? "U" : NULL;
}

/** A frequency: column @what. */
static const char *mhz_cell(struct cpu_rows *rows, unsigned int cpu, int what, char *buffer)
{
    struct cpuctl_cpu_identity identity = identity_of(rows, cpu);
    float mhz = what == COL_MHZ      ? identity.mhz
                : what == COL_MAXMHZ ? identity.max_mhz
                                     : identity.min_mhz;

    if (mhz <= 0)
        return NULL;
    snprintf(buffer, CELL_SIZE, "%.4f", (double)mhz);
    return buffer;
}

static const char *scaling_cell(struct cpu_rows *rows, unsigned int cpu, int what, char *buffer)
{
    struct cpuctl_cpu_identity identity = identity_of(rows, cpu);

    (void)what;
    if (identity.mhz <= 0 || identity.max_mhz <= 0)
        return NULL;
    snprintf(buffer, CELL_SIZE, "%.0f%%", (double)(identity.mhz / identity.max_mhz * 100));
    return buffer;
}

static const struct {
    cell_function make;
    int what;
} cells[CPU_COLUMNS] = {
    [COL_CPU] = { .make = cpu_cell },
    [COL_CORE] = { .make = group_cell, .what = CPUCTL_CORE },
    [COL_CLUSTER] = { .make = group_cell, .what = CPUCTL_CLUSTER },
    [COL_DIE] = { .make = group_cell, .what = CPUCTL_DIE },
    [COL_SOCKET] = { .make = group_cell, .what = CPUCTL_SOCKET },
    [COL_NODE] = { .make = group_cell, .what = CPUCTL_NODE },
    [COL_BOOK] = { .make = group_cell, .what = CPUCTL_BOOK },
    [COL_DRAWER] = { .make = group_cell, .what = CPUCTL_DRAWER },
    [COL_CACHE] = { .make = cache_cell },
    [COL_ONLINE] = { .make = mask_cell, .what = CPUCTL_ONLINE },
    [COL_OFFLINABLE] = { .make = offlinable_cell },
    [COL_ISOLATED] = { .make = mask_cell, .what = CPUCTL_ISOLATED },
    [COL_NOHZFULL] = { .make = mask_cell, .what = CPUCTL_NOHZ_FULL },
    [COL_STATE] = { .make = state_cell },
    [COL_APICID] = { .make = identity_number_cell, .what = COL_APICID },
    [COL_MODELNAME] = { .make = model_cell },
    [COL_BOGOMIPS] = { .make = bogomips_cell },
    [COL_POLARIZATION] = { .make = polarization_cell },
    [COL_ADDRESS] = { .make = identity_number_cell, .what = COL_ADDRESS },
    [COL_CONFIGURED] = { .make = configured_cell },
    [COL_MHZ] = { .make = mhz_cell, .what = COL_MHZ },
    [COL_SCALMHZ] = { .make = scaling_cell },
    [COL_MAXMHZ] = { .make = mhz_cell, .what = COL_MAXMHZ },
    [COL_MINMHZ] = { .make = mhz_cell, .what = COL_MINMHZ },
};

const char *cpu_rows_cell(struct cpu_rows *rows, unsigned int cpu, enum cpu_column column,
                          char *buffer)
{
    return cells[column].make(rows, cpu, cells[column].what, buffer);
}

const char *cpu_rows_cache_heading(const struct cpu_rows *rows, char *buffer)
{
    size_t used = 0;

    if (rows->n_caches == 0)
        return cpu_columns[COL_CACHE].name;
    for (size_t i = 0; i < rows->n_caches && used < CELL_SIZE; i++)
        used += (size_t)snprintf(buffer + used, CELL_SIZE - used, "%s%s", divider(rows, i),
                                 rows->caches[i].name);
    return buffer;
}
