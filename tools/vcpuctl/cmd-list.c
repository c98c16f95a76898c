/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* list and dominfo. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain-commands.h"
#include "host-process.h"
#include "output.h"
#include "qmp/json.h"
#include "target.h"

/* ---- list ---- */

static void warn(const char *sentence)
{
    output_warning("%s", sentence);
}

/* Whether the options ask for @domain. */
static bool is_wanted(const struct arguments *arguments, const struct domain *domain)
{
    if (arguments_has(arguments, "all"))
        return true;
    return arguments_has(arguments, "inactive") == (domain->state == DOMAIN_SHUTOFF);
}

static struct json_object *describe(const struct domain *domain)
{
    struct json_object *value = json_object_new_object();

    if (value &&
        ((domain->id > 0 && qmp_object_add(value, "id", json_object_new_int(domain->id)) < 0) ||
         qmp_object_add(value, "name", json_object_new_string(domain->name)) < 0 ||
         qmp_object_add(value, "uuid", json_object_new_string(domain->uuid)) < 0 ||
         qmp_object_add(value, "state", json_object_new_string(domain_state_name(domain))) < 0)) {
        json_object_put(value);
        value = NULL;
    }
    return value;
}

static int print_json(const struct arguments *arguments, struct domain **domains, size_t count)
{
    struct json_object *array = json_object_new_array();

    for (size_t i = 0; array && i < count; i++)
        if (is_wanted(arguments, domains[i]) && qmp_array_add(array, describe(domains[i])) < 0) {
            json_object_put(array);
            array = NULL;
        }
    return output_json(array);
}

static void id_text(const struct domain *domain, char text[static 16])
{
    if (domain->id > 0)
        snprintf(text, 16, "%d", domain->id);
    else
        strcpy(text, "-");
}

/* --uuid, --id, --name: these words, in virsh's order. */
static void print_words(const struct arguments *arguments, struct domain **domains, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *gap = "";
        char id[16];

        if (!is_wanted(arguments, domains[i]))
            continue;
        id_text(domains[i], id);
        if (arguments_has(arguments, "uuid")) {
            printf("%s", domains[i]->uuid);
            gap = " ";
        }
        if (arguments_has(arguments, "id")) {
            printf("%s%s", gap, id);
            gap = " ";
        }
        if (arguments_has(arguments, "name"))
            printf("%s%s", gap, domains[i]->name);
        putchar('\n');
    }
}

/* Columns as wide as needed with three spaces between, over a line of that width. */
static void print_table(const struct arguments *arguments, struct domain **domains, size_t count)
{
    size_t widths[3] = { strlen("Id"), strlen("Name"), strlen("State") }, total = 9;
    char id[16];

    for (size_t i = 0; i < count; i++) {
        const char *words[3] = { id, domains[i]->name, domain_state_name(domains[i]) };

        id_text(domains[i], id);
        for (size_t c = 0; is_wanted(arguments, domains[i]) && c < 3; c++)
            if (strlen(words[c]) > widths[c])
                widths[c] = strlen(words[c]);
    }
    for (size_t c = 0; c < 3; c++)
        total += widths[c];
    printf(" %-*s   %-*s   State\n", (int)widths[0], "Id", (int)widths[1], "Name");
    for (size_t i = 0; i < total; i++)
        putchar('-');
    putchar('\n');
    for (size_t i = 0; i < count; i++) {
        if (!is_wanted(arguments, domains[i]))
            continue;
        id_text(domains[i], id);
        printf(" %-*s   %-*s   %s\n", (int)widths[0], id, (int)widths[1], domains[i]->name,
               domain_state_name(domains[i]));
    }
}

int cmd_list(struct tool *tool, const struct arguments *arguments)
{
    struct cpuctl_error error = { 0 };
    struct domain **domains;
    size_t count;
    int r = EXIT_DONE;

    if (arguments_exclusive(arguments, "table", "name", &error) < 0 ||
        arguments_exclusive(arguments, "table", "uuid", &error) < 0 ||
        arguments_exclusive(arguments, "table", "id", &error) < 0)
        return output_failure(&error, NULL);
    if (command_need_store(tool, arguments) != EXIT_DONE)
        return EXIT_FAILED;
    if (store_list(tool->store, warn, &domains, &count, &error) < 0)
        return output_failure(&error, "Failed to list domains");
    if (tool->json)
        r = print_json(arguments, domains, count);
    else if (arguments_has(arguments, "id") || arguments_has(arguments, "uuid") ||
             arguments_has(arguments, "name"))
        print_words(arguments, domains, count);
    else
        print_table(arguments, domains, count);
    store_list_free(domains, count);
    return r;
}

/* ---- dominfo ---- */

struct info {
    const struct domain *domain;
    const struct definition *definition;
    char id[16];
    unsigned int cpus;
    double cpu_time; /**< seconds; < 0: it isn't running */
};

/* How long somebody else who asks the VMM is waited for, ms. */
#define QUERY_PATIENCE_MS 5000U

/* What the VMM has: what was asked for, which the definition has, may not be reached. */
static void count_plugged(struct tool *tool, struct domain *domain, unsigned int *cpus)
{
    struct target target = { .tool = tool, .domain = domain, .patience_ms = QUERY_PATIENCE_MS };
    struct cpuctl_error error = { 0 };

    if (target_connect(&target, TARGET_QUERY, false, &error) == 0 &&
        vm_read_vcpus(target.vm, &error) == 0)
        *cpus = vm_count_plugged(target.vm);
    else
        output_warning("the VMM could not be asked for its CPUs: %s", error.text);
    vm_free(target.vm);
}

static int info_json(const struct info *info)
{
    const struct domain *domain = info->domain;
    struct json_object *value = describe(domain);

    if (value &&
        (qmp_object_add(value, "os-type", json_object_new_string("hvm")) < 0 ||
         qmp_object_add(value, "cpus", json_object_new_int64(info->cpus)) < 0 ||
         (info->cpu_time >= 0 &&
          qmp_object_add(value, "cpu-time", json_object_new_double(info->cpu_time)) < 0) ||
         qmp_object_add(value, "max-memory-kib",
                        json_object_new_uint64(info->definition->memory_kib)) < 0 ||
         qmp_object_add(value, "used-memory-kib",
                        json_object_new_uint64(info->definition->current_memory_kib)) < 0 ||
         qmp_object_add(value, "persistent",
                        json_object_new_boolean(domain->config || domain->damage)) < 0 ||
         qmp_object_add(value, "autostart", json_object_new_boolean(false)) < 0)) {
        json_object_put(value);
        value = NULL;
    }
    return output_json(value);
}

static void info_text(const struct info *info)
{
    const struct domain *domain = info->domain;

    printf("%-15s %s\n", "Id:", info->id);
    printf("%-15s %s\n", "Name:", domain->name);
    printf("%-15s %s\n", "UUID:", domain->uuid);
    printf("%-15s %s\n", "OS Type:", "hvm");
    printf("%-15s %s\n", "State:", domain_state_name(domain));
    printf("%-15s %u\n", "CPU(s):", info->cpus);
    if (info->cpu_time >= 0)
        printf("%-15s %.1fs\n", "CPU time:", info->cpu_time);
    printf("%-15s %llu KiB\n", "Max memory:", (unsigned long long)info->definition->memory_kib);
    printf("%-15s %llu KiB\n",
           "Used memory:", (unsigned long long)info->definition->current_memory_kib);
    printf("%-15s %s\n", "Persistent:", domain->config || domain->damage ? "yes" : "no");
    printf("%-15s %s\n", "Autostart:", "disable");
    printf("%-15s %s\n", "Managed save:", "no");
    printf("%-15s %s\n", "Security model:", "none");
    printf("%-15s %s\n", "Security DOI:", "0");
}

int cmd_dominfo(struct tool *tool, const struct arguments *arguments)
{
    _cleanup_(domain_freep) struct domain *domain = NULL;
    struct info info = { .cpu_time = -1 };
    int r = command_find_domain(tool, arguments, &domain);

    if (r != EXIT_DONE)
        return r;
    info.domain = domain;
    info.definition = domain_definition(domain);
    info.cpus = info.definition->vcpu_current;
    id_text(domain, info.id);
    if (domain->state == DOMAIN_RUNNING && !domain->starting)
        count_plugged(tool, domain, &info.cpus);
    if (domain->state == DOMAIN_RUNNING && process_cpu_time(domain->pid, &info.cpu_time) < 0)
        info.cpu_time = -1;
    if (tool->json)
        return info_json(&info);
    info_text(&info);
    return EXIT_DONE;
}
