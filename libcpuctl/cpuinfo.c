/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parser of /proc/cpuinfo. */
#include "cpuinfo.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "decimal.h"
#include "error.h"

/** Real machines have up to four types; this bounds the search for a CPU's type. */
#define TYPES_MAX 1024U

/** Lines that tell of a CPU instead of a type. */
enum cpu_line {
    LINE_PROCESSOR = CPUINFO_VALUES,
    LINE_MHZ,
    LINE_CPU_BOGOMIPS,
    LINE_APIC_ID,
    LINE_CACHE
};

/** The names of the lines, sorted by strcmp(). What several architectures call differently has
 * several lines. */
static const struct name {
    const char *name;
    unsigned int line; /* enum cpuinfo_value or enum cpu_line */
} names[] = {
    { "ASEs implemented", CPUINFO_FLAGS },        /* MIPS */
    { "Address Sizes", CPUINFO_ADDRESS_SIZES },   /* LoongArch */
    { "BogoMIPS", CPUINFO_BOGOMIPS },             /* Arm */
    { "CPU Family", CPUINFO_FAMILY },             /* LoongArch */
    { "CPU MHz", LINE_MHZ },                      /* LoongArch */
    { "CPU Revision", CPUINFO_REVISION },         /* LoongArch */
    { "CPU architecture", CPUINFO_ARCHITECTURE }, /* Arm */
    { "CPU implementer", CPUINFO_VENDOR },        /* Arm */
    { "CPU part", CPUINFO_MODEL },                /* Arm */
    { "CPU revision", CPUINFO_REVISION },         /* Arm */
    { "CPU variant", CPUINFO_STEPPING },          /* Arm */
    { "Features", CPUINFO_FLAGS },                /* Arm */
    { "ISA", CPUINFO_ISA },                       /* LoongArch */
    { "Model Name", CPUINFO_MODEL_NAME },         /* LoongArch */
    { "address sizes", CPUINFO_ADDRESS_SIZES },   /* x86 */
    { "apicid", LINE_APIC_ID },                   /* x86 */
    { "bogomips", LINE_CPU_BOGOMIPS },            /* x86 */
    { "bogomips per cpu", CPUINFO_BOGOMIPS },     /* s390 */
    { "cache", LINE_CACHE },                      /* s390 */
    { "cpu", CPUINFO_MODEL_NAME },                /* POWER, SPARC */
    { "cpu MHz", LINE_MHZ },                      /* x86 */
    { "cpu MHz dynamic", CPUINFO_DYNAMIC_MHZ },   /* s390 */
    { "cpu MHz static", CPUINFO_STATIC_MHZ },     /* s390 */
    { "cpu family", CPUINFO_FAMILY },             /* x86 */
    { "cpu model", CPUINFO_MODEL },               /* MIPS */
    { "cpu number", LINE_PROCESSOR },             /* s390 */
    { "family", CPUINFO_FAMILY },                 /* IA-64 */
    { "features", CPUINFO_FLAGS },                /* s390 */
    { "flags", CPUINFO_FLAGS },                   /* x86 */
    { "isa", CPUINFO_ISA },                       /* RISC-V */
    { "max thread id", CPUINFO_MAX_THREAD_ID },   /* s390 */
    { "model", CPUINFO_MODEL },                   /* x86 */
    { "model name", CPUINFO_MODEL_NAME },         /* x86 */
    { "processor", LINE_PROCESSOR },
    { "revision", CPUINFO_REVISION }, /* POWER */
    { "stepping", CPUINFO_STEPPING }, /* x86 */
    { "type", CPUINFO_FLAGS },        /* SPARC */
    { "vendor", CPUINFO_VENDOR },     /* IA-64 */
    { "vendor_id", CPUINFO_VENDOR },  /* x86, s390 */
};

/** What makes two CPUs be of different types. */
static const enum cpuinfo_value distinguishing[] = { CPUINFO_VENDOR, CPUINFO_MODEL,
                                                     CPUINFO_MODEL_NAME, CPUINFO_STEPPING };

/** A block of lines; the values lie in the text that is parsed. */
struct record {
    bool has_cpu;
    struct cpuinfo_cpu cpu;
    char *values[CPUINFO_VALUES];
};

struct parser {
    struct cpuinfo *info;
    size_t types_room, cpus_room, caches_room;
    struct record record;
    char *common[CPUINFO_VALUES]; /* told outside of any CPU's block: for all types */
    size_t guess;                 /* the type of the last CPU */
    unsigned int line;
    struct cpuctl_error *error;
};

static int out_of_memory(const struct parser *parser)
{
    return error_set(parser->error, -ENOMEM, "Out of memory");
}

static void reset_record(struct parser *parser)
{
    parser->record = (struct record){ .cpu.apic_id = -1 };
}

/* ---- records into types and CPUs */

static bool same_type(const struct cpuinfo_type *type, char *const *values)
{
    for (size_t i = 0; i < sizeof(distinguishing) / sizeof(*distinguishing); i++) {
        const char *a = type->values[distinguishing[i]], *b = values[distinguishing[i]];

        if (!a != !b || (a && strcmp(a, b) != 0))
            return false;
    }
    return true;
}

/** Finds or adds the type of the record. Returns its index or a negative errno. */
static ssize_t type_of_record(struct parser *parser)
{
    struct cpuinfo *info = parser->info;
    char *const *values = parser->record.values;

    if (parser->guess < info->ntypes && same_type(&info->types[parser->guess], values))
        return (ssize_t)parser->guess;
    for (size_t i = 0; i < info->ntypes; i++)
        if (same_type(&info->types[i], values))
            return (ssize_t)i;
    if (info->ntypes >= TYPES_MAX)
        return error_set(parser->error, -EBADMSG, "cpuinfo, line %u: more than %u types of CPUs",
                         parser->line, TYPES_MAX);
    if (array_grow(info->types, &parser->types_room, info->ntypes) < 0)
        return out_of_memory(parser);
    info->types[info->ntypes] = (struct cpuinfo_type){ .values = { NULL } };
    return (ssize_t)info->ntypes++;
}

/** Copies the values that @type does not have yet. Returns 0 or -ENOMEM. */
static int complete_type(struct cpuinfo_type *type, char *const *values)
{
    for (size_t i = 0; i < CPUINFO_VALUES; i++) {
        if (type->values[i] || !values[i])
            continue;
        type->values[i] = strdup(values[i]);
        if (!type->values[i])
            return -ENOMEM;
    }
    return 0;
}

static struct cpuinfo_cpu *find_cpu(const struct cpuinfo *info, unsigned int cpu)
{
    size_t low = 0, high = info->ncpus;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (info->cpus[middle].cpu == cpu)
            return &info->cpus[middle];
        if (info->cpus[middle].cpu < cpu)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/** Adds a CPU, or completes what is known of it: s390 has two blocks a CPU. Returns 0 or a negative
 * errno. */
static int keep_cpu(struct parser *parser, const struct cpuinfo_cpu *cpu)
{
    struct cpuinfo *info = parser->info;
    struct cpuinfo_cpu *known = find_cpu(info, cpu->cpu);

    if (known) {
        if (cpu->mhz > 0)
            known->mhz = cpu->mhz;
        if (cpu->apic_id >= 0)
            known->apic_id = cpu->apic_id;
        if (*cpu->bogomips)
            memcpy(known->bogomips, cpu->bogomips, sizeof(known->bogomips));
        return 0;
    }
    if (info->ncpus && info->cpus[info->ncpus - 1].cpu > cpu->cpu)
        return error_set(parser->error, -EBADMSG, "cpuinfo, line %u: the CPU numbers do not rise",
                         parser->line);
    if (array_grow(info->cpus, &parser->cpus_room, info->ncpus) < 0)
        return out_of_memory(parser);
    info->cpus[info->ncpus++] = *cpu;
    return 0;
}

/** The end of a block: what it told belongs to a CPU and its type, or to all. Returns 0 or a
 * negative errno. */
static int end_record(struct parser *parser)
{
    struct record *record = &parser->record;
    ssize_t type;
    int r;

    if (!record->has_cpu) {
        for (size_t i = 0; i < CPUINFO_VALUES; i++)
            if (record->values[i] && !parser->common[i])
                parser->common[i] = record->values[i];
        reset_record(parser);
        return 0;
    }
    type = type_of_record(parser);
    if (type < 0)
        return (int)type;
    parser->guess = (size_t)type;
    record->cpu.type = (unsigned int)type;
    if (complete_type(&parser->info->types[type], record->values) < 0)
        return out_of_memory(parser);
    r = keep_cpu(parser, &record->cpu);
    reset_record(parser);
    return r;
}

/* ---- lines */

static int compare_name(const void *key, const void *name)
{
    return strcmp(key, ((const struct name *)name)->name);
}

/** Cuts the white space at the end off. */
static void trim(char *text)
{
    size_t length = strlen(text);

    while (length && isspace((unsigned char)text[length - 1]))
        length--;
    text[length] = '\0';
}

/** Parses a CPU number. Returns 0, or -EBADMSG. */
static int parse_number(const struct parser *parser, const char *digits, unsigned int *ret_number)
{
    char *end;
    unsigned long number;

    errno = 0;
    number = strtoul(digits, &end, 10);
    if (!isdigit((unsigned char)*digits) || *end)
        return error_set(parser->error, -EBADMSG, "cpuinfo, line %u: a CPU number is expected",
                         parser->line);
    if (errno || number >= CPUCTL_CPUS_MAX)
        return error_set(parser->error, -EBADMSG,
                         "cpuinfo, line %u: the CPU number is not below %u", parser->line,
                         CPUCTL_CPUS_MAX);
    *ret_number = (unsigned int)number;
    return 0;
}

/** A line that begins a CPU's block. */
static int processor_line(struct parser *parser, const char *digits)
{
    unsigned int number = 0;
    int r = parse_number(parser, digits, &number);

    if (r == 0)
        r = end_record(parser);
    if (r == 0) {
        parser->record.has_cpu = true;
        parser->record.cpu.cpu = number;
    }
    return r;
}

static int cache_line(struct parser *parser, const char *value)
{
    struct cpuinfo *info = parser->info;
    struct cpuctl_cache cache;

    if (!cpuinfo_parse_cache(value, &cache))
        return 0;
    if (array_grow(info->caches, &parser->caches_room, info->ncaches) < 0)
        return out_of_memory(parser);
    info->caches[info->ncaches++] = cache;
    return 0;
}

/** Takes a line's meaning over. @digits: the number at the end of its name, or NULL. */
static int take_line(struct parser *parser, unsigned int line, const char *digits, char *value)
{
    struct record *record = &parser->record;

    switch (line) {
    case LINE_PROCESSOR:
        return processor_line(parser, digits ? digits : value);
    case LINE_CACHE:
        return cache_line(parser, value);
    case LINE_MHZ:
        record->cpu.mhz = decimal_parse(value);
        return 0;
    case LINE_APIC_ID:
        record->cpu.apic_id = (int64_t)strtoul(value, NULL, 10) & UINT32_MAX;
        return 0;
    case LINE_CPU_BOGOMIPS:
        if (strlen(value) < sizeof(record->cpu.bogomips))
            strcpy(record->cpu.bogomips, value);
        record->values[CPUINFO_BOGOMIPS] = value;
        return 0;
    default:
        record->values[line] = value;
        return 0;
    }
}

static char *skip_space(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    return text;
}

/** Parses a line of the form "name [number] : value"; others, and unknown names, are passed over.
 */
static int parse_line(struct parser *parser, char *line)
{
    const struct name *known;
    char *name = skip_space(line), *digits = NULL, *value, *end;

    value = strchr(name, ':');
    if (!value)
        return *name ? 0 : end_record(parser); /* a blank line ends a block */
    *value = '\0';
    value = skip_space(value + 1);
    if (!*value)
        return 0;
    trim(value);
    trim(name);
    for (end = name + strlen(name); end > name && isdigit((unsigned char)end[-1]); end--)
        digits = end - 1;
    if (digits && end > name && isspace((unsigned char)end[-1])) {
        end[-1] = '\0'; /* "processor 0" */
        trim(name);
    } else if (digits && !strncmp(name, "cache", 5)) {
        *end = '\0'; /* "cache0": the digits themselves do not matter */
    }
    known = bsearch(name, names, sizeof(names) / sizeof(*names), sizeof(*names), compare_name);
    return known ? take_line(parser, known->line, digits, value) : 0;
}

static int parse_lines(struct parser *parser, char *text)
{
    while (text) {
        char *newline = strchr(text, '\n');
        int r;

        if (newline)
            *newline = '\0';
        parser->line++;
        r = parse_line(parser, text);
        if (r < 0)
            return r;
        text = newline ? newline + 1 : NULL;
    }
    return end_record(parser);
}

/** The common values go to every type, and there is at least one. */
static int finish(struct parser *parser)
{
    struct cpuinfo *info = parser->info;

    if (!info->ntypes) {
        info->types = calloc(1, sizeof(*info->types));
        if (!info->types)
            return out_of_memory(parser);
        info->ntypes = 1;
    }
    for (size_t i = 0; i < info->ntypes; i++)
        if (complete_type(&info->types[i], parser->common) < 0)
            return out_of_memory(parser);
    return 0;
}

static int compare_caches(const void *a, const void *b)
{
    return strcmp(((const struct cpuctl_cache *)a)->name, ((const struct cpuctl_cache *)b)->name);
}

int cpuinfo_parse(char *text, struct cpuinfo **ret_info, struct cpuctl_error *error)
{
    _cleanup_(cpuinfo_freep) struct cpuinfo *info = calloc(1, sizeof(*info));
    struct parser parser = { .info = info, .error = error };
    int r;

    if (!info)
        return out_of_memory(&parser);
    reset_record(&parser);
    r = parse_lines(&parser, text);
    if (r == 0)
        r = finish(&parser);
    if (r < 0)
        return r;
    if (info->ncaches)
        qsort(info->caches, info->ncaches, sizeof(*info->caches), compare_caches);
    *ret_info = TAKE_PTR(info);
    return 0;
}

void cpuinfo_free(struct cpuinfo *info)
{
    if (!info)
        return;
    for (size_t i = 0; i < info->ntypes; i++)
        for (size_t j = 0; j < CPUINFO_VALUES; j++)
            free(info->types[i].values[j]);
    free(info->types);
    free(info->cpus);
    free(info->caches);
    free(info);
}

const struct cpuinfo_cpu *cpuinfo_find(const struct cpuinfo *info, unsigned int cpu)
{
    return find_cpu(info, cpu);
}
