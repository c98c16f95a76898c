/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The summary of a machine, value for value as lscpu prints it. */
#include "tools/summary.h"

#include <errno.h>
#include <inttypes.h>
#include <libsmartcols/libsmartcols.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "libcpuctl/cleanup.h"
#include "libcpuctl/cpuctl.h"
#include "tools/size.h"

DEFINE_CLEANUP(struct cpuctl_state *, cpuctl_state_free);
DEFINE_CLEANUP(struct cpuctl_topology *, cpuctl_topology_free);
DEFINE_CLEANUP(struct cpuctl_identity *, cpuctl_identity_free);

struct summary {
    struct libscols_table *table;
    unsigned int flags; /* SUMMARY_… */
    int result;         /* 0, or why a line could not be added: nothing is added any more */
    const struct cpuctl_state *state;
    struct cpuctl_topology *topology;
    const struct cpuctl_identity *identity;
};

/* ---- lines */

/** Adds a line below @parent (NULL: at the top), or nothing when @value is NULL. */
static struct libscols_line *add(struct summary *summary, struct libscols_line *parent,
                                 const char *label, const char *value)
{
    struct libscols_line *line;

    if (summary->result < 0 || !value)
        return NULL;
    line = scols_table_new_line(summary->table, parent);
    if (!line || scols_line_set_data(line, 0, label) < 0 || scols_line_set_data(line, 1, value) < 0)
        summary->result = -ENOMEM;
    return line;
}

/** A line that only groups others, which only a terminal gets. */
static struct libscols_line *add_heading(struct summary *summary, const char *label)
{
    return summary->flags & SUMMARY_TERMINAL ? add(summary, NULL, label, "") : NULL;
}

static struct libscols_line *add_number(struct summary *summary, struct libscols_line *parent,
                                        const char *label, unsigned int number)
{
    char text[16];

    snprintf(text, sizeof(text), "%u", number);
    return add(summary, parent, label, text);
}

/** Adds a value of CPU type @type under its own name, if it is told. */
static struct libscols_line *add_field(struct summary *summary, struct libscols_line *parent,
                                       unsigned int type, enum cpuctl_field field)
{
    char label[64];

    snprintf(label, sizeof(label), "%s:", cpuctl_field_name(field));
    return add(summary, parent, label, cpuctl_identity_get(summary->identity, type, field));
}

/** A list of CPUs as lscpu writes it: unlike the kernel it divides two neighbours by a comma. */
static char *format_list(const struct cpuctl_set *set)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    const char *separator = "";

    if (!stream)
        return NULL;
    for (int first = cpuctl_set_next(set, 0), last; first >= 0;
         first = cpuctl_set_next(set, (unsigned int)last + 1)) {
        for (last = first; cpuctl_set_has(set, (unsigned int)last + 1);)
            last++;
        fprintf(stream, "%s%d", separator, first);
        if (last > first)
            fprintf(stream, "%c%d", last == first + 1 ? ',' : '-', last);
        separator = ",";
    }
    if (fclose(stream) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

/** A mask as lscpu writes it: unlike the kernel without commas and leading zeros. */
static char *format_mask(const struct cpuctl_set *set)
{
    char *text = cpuctl_set_format_mask(set, 0), *to = text;

    for (const char *from = text; from && *from; from++)
        if (*from != ',' && (*from != '0' || to > text || !from[1]))
            *to++ = *from;
    if (to)
        *to = '\0';
    return text;
}

static void add_cpus(struct summary *summary, struct libscols_line *parent, const char *label,
                     const struct cpuctl_set *set)
{
    _cleanup_free_ char *text = summary->flags & SUMMARY_HEX ? format_mask(set) : format_list(set);

    if (!text)
        summary->result = -ENOMEM;
    add(summary, parent, label, text);
}

/* ---- sections */

static void add_architecture(struct summary *summary)
{
    static const enum cpuctl_field fields[] = { CPUCTL_OP_MODES, CPUCTL_ADDRESS_SIZES,
                                                CPUCTL_BYTE_ORDER };
    struct libscols_line *section = add_field(summary, NULL, 0, CPUCTL_ARCHITECTURE);

    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
        add_field(summary, section, 0, fields[i]);
}

static void add_cpu_sets(struct summary *summary)
{
    const struct cpuctl_set *present = cpuctl_state_get(summary->state, CPUCTL_PRESENT);
    const struct cpuctl_set *offline = cpuctl_state_get(summary->state, CPUCTL_OFFLINE);
    bool hex = summary->flags & SUMMARY_HEX;
    struct libscols_line *section = add_number(summary, NULL, "CPU(s):", cpuctl_set_count(present));

    add_cpus(summary, section, hex ? "On-line CPU(s) mask:" : "On-line CPU(s) list:",
             cpuctl_state_get(summary->state, CPUCTL_ONLINE));
    if (!cpuctl_set_is_empty(offline))
        add_cpus(summary, section,
                 hex ? "Off-line CPU(s) mask:" : "Off-line CPU(s) list:", offline);
}

/** The groups of a CPU type. Where there are books (s390), sockets are counted in a book, and so
 * on. */
static void add_counts(struct summary *summary, struct libscols_line *section, unsigned int type)
{
    struct cpuctl_counts counts;
    int r = cpuctl_identity_counts(summary->identity, summary->topology, type, &counts);

    if (r < 0) {
        summary->result = r;
        return;
    }
    add_number(summary, section, "Thread(s) per core:", counts.threads_per_core);
    add_number(summary, section, counts.clusters ? "Core(s) per cluster:" : "Core(s) per socket:",
               counts.cores_per_socket);
    if (counts.books) {
        add_number(summary, section, "Socket(s) per book:", counts.sockets_per_book);
        if (counts.drawers) {
            add_number(summary, section, "Book(s) per drawer:", counts.books_per_drawer);
            add_number(summary, section, "Drawer(s):", counts.drawers);
        } else {
            add_number(summary, section, "Book(s):",
                       counts.books_per_drawer ? counts.books_per_drawer : counts.books);
        }
    } else if (counts.clusters) {
        if (counts.sockets)
            add_number(summary, section, "Socket(s):", counts.sockets);
        else
            add(summary, section, "Socket(s):", "-");
        add_number(summary, section, "Cluster(s):", counts.clusters);
    } else {
        add_number(summary, section, "Socket(s):",
                   counts.sockets_per_book ? counts.sockets_per_book : counts.sockets);
    }
}

static void add_type(struct summary *summary, struct libscols_line *parent, unsigned int type)
{
    static const enum cpuctl_field before[] = { CPUCTL_BIOS_MODEL_NAME, CPUCTL_BIOS_FAMILY,
                                                CPUCTL_MACHINE_TYPE, CPUCTL_FAMILY, CPUCTL_MODEL };
    static const enum cpuctl_field after[] = {
        CPUCTL_STEPPING,         CPUCTL_FREQUENCY_BOOST, CPUCTL_DYNAMIC_MHZ, CPUCTL_STATIC_MHZ,
        CPUCTL_SCALING_MHZ,      CPUCTL_MAX_MHZ,         CPUCTL_MIN_MHZ,     CPUCTL_BOGOMIPS,
        CPUCTL_DISPATCHING_MODE, CPUCTL_FLAGS,
    };
    const char *name = cpuctl_identity_get(summary->identity, type, CPUCTL_MODEL_NAME);
    struct libscols_line *section = add(summary, parent, "Model name:", name ? name : "-");

    for (size_t i = 0; i < sizeof(before) / sizeof(*before); i++)
        add_field(summary, section, type, before[i]);
    add_counts(summary, section, type);
    for (size_t i = 0; i < sizeof(after) / sizeof(*after); i++)
        add_field(summary, section, type, after[i]);
}

static void add_types(struct summary *summary)
{
    struct libscols_line *section = add_field(summary, NULL, 0, CPUCTL_VENDOR);

    add_field(summary, section, 0, CPUCTL_BIOS_VENDOR);
    for (unsigned int type = 0; type < cpuctl_identity_types(summary->identity); type++)
        add_type(summary, section, type);
}

static void add_virtualization(struct summary *summary)
{
    static const enum cpuctl_field fields[] = { CPUCTL_VIRT_FEATURE, CPUCTL_HYPERVISOR,
                                                CPUCTL_HYPERVISOR_VENDOR,
                                                CPUCTL_VIRTUALIZATION_TYPE };
    struct libscols_line *section = NULL;
    bool headed = false;

    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
        if (!cpuctl_identity_get(summary->identity, 0, fields[i]))
            continue;
        if (!headed)
            section = add_heading(summary, "Virtualization features:");
        headed = true;
        add_field(summary, section, 0, fields[i]);
    }
}

/** "96 KiB", or the bytes. */
static void format_size(const struct summary *summary, uint64_t bytes, char *buffer, size_t size)
{
    size_t length;
    char unit;

    if (summary->flags & SUMMARY_BYTES) {
        snprintf(buffer, size, "%" PRIu64, bytes);
        return;
    }
    size_format(bytes, buffer, size);
    length = strlen(buffer) - 1;
    unit = buffer[length];
    if (unit == 'B')
        snprintf(buffer + length, size - length, " B");
    else
        snprintf(buffer + length, size - length, " %ciB", unit);
}

static void add_cache_line(struct summary *summary, struct libscols_line *section, const char *name,
                           const char *value)
{
    char label[64];

    snprintf(label, sizeof(label), summary->flags & SUMMARY_TERMINAL ? "%s:" : "%s cache:", name);
    add(summary, section, label, value);
}

/** The sum of the caches of one kind; they follow each other from @first on. Returns the next
 * kind's first one. */
static unsigned int add_cache_sum(struct summary *summary, struct libscols_line *section,
                                  unsigned int first)
{
    const char *name = cpuctl_topology_cache(summary->topology, first)->name;
    const struct cpuctl_cache *cache;
    unsigned int next = first;
    uint64_t sum = 0;
    char value[64];

    for (; (cache = cpuctl_topology_cache(summary->topology, next)); next++) {
        if (strcmp(cache->name, name) != 0)
            break;
        sum += cache->size;
    }
    format_size(summary, sum, value, 32);
    snprintf(value + strlen(value), 32, " (%u instance%s)", next - first,
             next - first == 1 ? "" : "s");
    if (sum)
        add_cache_line(summary, section, name, value);
    return next;
}

static void add_caches(struct summary *summary)
{
    unsigned int count = cpuctl_topology_cache_count(summary->topology);
    unsigned int extra = cpuctl_identity_cache_count(summary->identity);
    struct libscols_line *section = NULL;

    if (count || extra)
        section = add_heading(summary, count ? "Caches (sum of all):" : "Caches:");
    for (unsigned int i = 0; i < count;)
        i = add_cache_sum(summary, section, i);
    for (unsigned int i = 0; i < extra; i++) {
        const struct cpuctl_cache *cache = cpuctl_identity_cache(summary->identity, i);
        char value[32];

        format_size(summary, cache->size, value, sizeof(value));
        if (cache->size)
            add_cache_line(summary, section, cache->name, value);
    }
}

static void add_nodes(struct summary *summary)
{
    unsigned int count = cpuctl_topology_count(summary->topology, CPUCTL_NODE);
    struct libscols_line *section;

    if (!count)
        return;
    section = add_heading(summary, "NUMA:");
    add_number(summary, section, "NUMA node(s):", count);
    for (unsigned int i = 0; i < count; i++) {
        const struct cpuctl_set *cpus = cpuctl_topology_group(summary->topology, CPUCTL_NODE, i);
        int number = cpuctl_topology_node_number(summary->topology, i);
        char label[64];

        snprintf(label, sizeof(label), "NUMA node%d CPU(s):", number);
        add_cpus(summary, section, label, cpus);
    }
}

static void add_vulnerabilities(struct summary *summary)
{
    unsigned int count = cpuctl_identity_vulnerabilities(summary->identity);
    struct libscols_line *section = NULL;

    if (count)
        section = add_heading(summary, "Vulnerabilities:");
    for (unsigned int i = 0; i < count; i++) {
        const char *name, *text;
        char label[256];

        if (cpuctl_identity_vulnerability(summary->identity, i, &name, &text) < 0)
            return;
        snprintf(label, sizeof(label),
                 summary->flags & SUMMARY_TERMINAL ? "%s:" : "Vulnerability %s:", name);
        add(summary, section, label, text);
    }
}

/* ---- the table */

/** Indents by two blanks a level instead of drawing lines. Returns 0 or -ENOMEM. */
static int indent(struct libscols_table *table)
{
    struct libscols_symbols *symbols = scols_new_symbols();
    int r = -ENOMEM;

    if (symbols && scols_symbols_set_branch(symbols, "  ") == 0 &&
        scols_symbols_set_vertical(symbols, "  ") == 0 &&
        scols_symbols_set_right(symbols, "  ") == 0)
        r = scols_table_set_symbols(table, symbols);
    scols_unref_symbols(symbols);
    return r;
}

static struct libscols_table *new_table(FILE *out, unsigned int flags)
{
    struct libscols_table *table = scols_new_table();
    bool terminal = flags & SUMMARY_TERMINAL;

    if (!table)
        return NULL;
    scols_table_set_stream(table, out);
    scols_table_enable_noheadings(table, 1);
    if (!scols_table_new_column(table, "field", 0, terminal ? SCOLS_FL_TREE : 0) ||
        !scols_table_new_column(table, "data", 0, SCOLS_FL_NOEXTREMES | SCOLS_FL_WRAP) ||
        ((flags & SUMMARY_JSON) &&
         (scols_table_enable_json(table, 1) < 0 || scols_table_set_name(table, "lscpu") < 0)) ||
        (terminal && indent(table) < 0)) {
        scols_unref_table(table);
        return NULL;
    }
    return table;
}

static int print(struct summary *summary)
{
    static void (*const sections[])(struct summary *) = {
        add_architecture, add_cpu_sets, add_types,           add_virtualization,
        add_caches,       add_nodes,    add_vulnerabilities,
    };

    for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++)
        sections[i](summary);
    if (summary->result == 0)
        summary->result = scols_print_table(summary->table);
    return summary->result;
}

int summary_print(struct cpuctl_root *root, FILE *out, unsigned int flags,
                  struct cpuctl_error *error)
{
    _cleanup_(cpuctl_state_freep) struct cpuctl_state *state = NULL;
    _cleanup_(cpuctl_topology_freep) struct cpuctl_topology *topology = NULL;
    _cleanup_(cpuctl_identity_freep) struct cpuctl_identity *identity = NULL;
    struct summary summary = { .flags = flags };
    int r = cpuctl_state_read(root, &state, error);

    if (r == 0)
        r = cpuctl_topology_read(root, state, CPUCTL_TOPOLOGY_CACHES, &topology, error);
    if (r == 0)
        r = cpuctl_identity_read(root, state, CPUCTL_IDENTITY_ALL, &identity, error);
    if (r < 0)
        return r;
    summary.state = state;
    summary.topology = topology;
    summary.identity = identity;
    summary.table = new_table(out, flags);
    if (!summary.table)
        return -ENOMEM;
    r = print(&summary);
    scols_unref_table(summary.table);
    return r;
}
