/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Commands about definitions, and what a domain is: define, undefine, list, dumpxml, dom…. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain-commands.h"
#include "output.h"
#include "qmp/json.h"

int command_need_store(const struct tool *tool, const struct arguments *arguments)
{
    if (tool->qmp)
        return output_error("command '%s' works on a defined domain, not with --qmp",
                            arguments->command->name);
    if (tool->agent)
        return output_error("Option --qmp is required by option --agent");
    return EXIT_DONE;
}

int command_find_domain(struct tool *tool, const struct arguments *arguments,
                        struct domain **ret_domain)
{
    struct cpuctl_error error = { 0 };
    const char *word = arguments_get(arguments, "domain");

    if (command_need_store(tool, arguments) != EXIT_DONE)
        return EXIT_FAILED;
    if (store_find(tool->store, word, ret_domain, &error) == 0)
        return EXIT_DONE;
    return output_failure(&error, NULL);
}

static int run_define(struct tool *tool, const struct arguments *arguments)
{
    const char *path = arguments_get(arguments, "file");
    _cleanup_(definition_freep) struct definition *definition = NULL;
    _cleanup_free_ char *text = NULL;
    struct cpuctl_error error = { 0 };
    size_t size;

    if (command_need_store(tool, arguments) != EXIT_DONE)
        return EXIT_FAILED;
    if (file_read(path, DEFINITION_SIZE_MAX, &text, &size, &error) < 0)
        return output_failure(&error, NULL);
    if (definition_parse(text, size, path, &definition, &error) < 0 ||
        store_define(tool->store, definition, &error) < 0)
        return output_failure(&error, "Failed to define domain from %s", path);
    output_message(tool, "Domain '%s' defined from %s", definition->name, path);
    return EXIT_DONE;
}

static int run_undefine(struct tool *tool, const struct arguments *arguments)
{
    _cleanup_(domain_freep) struct domain *domain = NULL;
    struct cpuctl_error error = { 0 };
    int r = command_find_domain(tool, arguments, &domain);

    if (r != EXIT_DONE)
        return r;
    if (domain_lock(domain, DOMAIN_LOCK_CHANGE, DOMAIN_LOCK_TIMEOUT, &error) < 0 ||
        domain_undefine(domain, &error) < 0)
        return output_failure(&error, "Failed to undefine domain '%s'", domain->name);
    output_message(tool, "Domain '%s' has been undefined", domain->name);
    return EXIT_DONE;
}

static int run_dumpxml(struct tool *tool, const struct arguments *arguments)
{
    _cleanup_(domain_freep) struct domain *domain = NULL;
    _cleanup_free_ char *text = NULL;
    struct cpuctl_error error = { 0 };
    int r = command_find_domain(tool, arguments, &domain);
    bool inactive = arguments_has(arguments, "inactive") || (domain && !domain->live);

    if (r != EXIT_DONE)
        return r;
    if (inactive && domain_need_config(domain, &error) < 0)
        return output_failure(&error, NULL);
    text = definition_format(inactive ? domain->config : domain->live, inactive ? 0 : domain->id,
                             NULL);
    if (!text)
        return output_error("memory is short");
    if (tool->json) {
        struct json_object *value = json_object_new_object();

        if (!value || qmp_object_add(value, "name", json_object_new_string(domain->name)) < 0 ||
            qmp_object_add(value, "xml", json_object_new_string(text)) < 0) {
            json_object_put(value);
            value = NULL;
        }
        return output_json(value);
    }
    fputs(text, stdout);
    return EXIT_DONE;
}

static int run_domstate(struct tool *tool, const struct arguments *arguments)
{
    _cleanup_(domain_freep) struct domain *domain = NULL;
    int r = command_find_domain(tool, arguments, &domain);
    struct json_object *value;

    if (r != EXIT_DONE)
        return r;
    if (tool->json) {
        value = json_object_new_object();
        if (value && (qmp_object_add(value, "state",
                                     json_object_new_string(domain_state_name(domain))) < 0 ||
                      qmp_object_add(value, "reason",
                                     json_object_new_string(domain_reason_name(domain))) < 0)) {
            json_object_put(value);
            value = NULL;
        }
        return output_json(value);
    }
    printf("%s", domain_state_name(domain));
    if (arguments_has(arguments, "reason"))
        printf(" (%s)", domain_reason_name(domain));
    putchar('\n');
    return EXIT_DONE;
}

/* One of these, as a line or as {"KEY": …}. */
static int print_of(struct tool *tool, const struct arguments *arguments, unsigned int by,
                    const char *key)
{
    _cleanup_(domain_freep) struct domain *domain = NULL;
    struct cpuctl_error error = { 0 };
    struct json_object *value;
    bool is_id = strcmp(key, "id") == 0;
    const char *word;
    int r;

    if (command_need_store(tool, arguments) != EXIT_DONE)
        return EXIT_FAILED;
    if (store_find_by(tool->store, arguments_get(arguments, "domain"), by, &domain, &error) < 0)
        return output_failure(&error, NULL);
    word = strcmp(key, "name") == 0 ? domain->name : domain->uuid;
    if (tool->json) {
        value = json_object_new_object();
        /* The ID of a domain that is shut off is null. */
        r = !value                     ? -ENOMEM
            : is_id && domain->id <= 0 ? json_object_object_add(value, key, NULL)
                                       : qmp_object_add(value, key,
                                                        is_id ? json_object_new_int(domain->id)
                                                              : json_object_new_string(word));
        if (r < 0) {
            json_object_put(value);
            value = NULL;
        }
        return output_json(value);
    }
    if (!is_id)
        puts(word);
    else if (domain->id > 0)
        printf("%d\n", domain->id);
    else
        puts("-");
    return EXIT_DONE;
}

static int run_domname(struct tool *tool, const struct arguments *arguments)
{
    return print_of(tool, arguments, STORE_BY_ID | STORE_BY_UUID, "name");
}

static int run_domuuid(struct tool *tool, const struct arguments *arguments)
{
    return print_of(tool, arguments, STORE_BY_ID | STORE_BY_NAME, "uuid");
}

static int run_domid(struct tool *tool, const struct arguments *arguments)
{
    return print_of(tool, arguments, STORE_BY_UUID | STORE_BY_NAME, "id");
}

static const struct option_def domain_only[] = { OPTION_DOMAIN, { 0 } };

const struct command domain_commands[] = {
    { .name = "define",
      .summary = "define (but don't start) a domain from an XML file",
      .description = "Define a domain.",
      .options = (const struct option_def[]){ { .name = "file",
                                                .help = "file containing an XML domain description",
                                                .type = OPTION_STRING,
                                                .required = true,
                                                .positional = true },
                                              { 0 } },
      .run = run_define },
    { .name = "domid",
      .summary = "convert a domain name or UUID to domain id",
      .options = domain_only,
      .run = run_domid },
    { .name = "dominfo",
      .summary = "domain information",
      .description = "Returns basic information about the domain.",
      .options = domain_only,
      .run = cmd_dominfo },
    { .name = "domname",
      .summary = "convert a domain id or UUID to domain name",
      .options = domain_only,
      .run = run_domname },
    { .name = "domstate",
      .summary = "domain state",
      .description = "Returns state about a domain.",
      .options = (const struct option_def[]){ OPTION_DOMAIN,
                                              { .name = "reason",
                                                .help = "also print reason for the state" },
                                              { 0 } },
      .run = run_domstate },
    { .name = "domuuid",
      .summary = "convert a domain name or id to domain UUID",
      .options = domain_only,
      .run = run_domuuid },
    { .name = "dumpxml",
      .summary = "domain information in XML",
      .description = "Output the domain information as an XML dump to stdout.",
      .options =
          (const struct option_def[]){
              OPTION_DOMAIN, { .name = "inactive", .help = "show inactive defined XML" }, { 0 } },
      .run = run_dumpxml },
    { .name = "edit",
      .summary = "edit XML configuration for a domain",
      .description = "Edit the XML configuration for a domain, with $VISUAL, $EDITOR or vi.",
      .options = domain_only,
      .run = cmd_edit },
    { .name = "list",
      .summary = "list domains",
      .description = "Returns list of domains.",
      .options =
          (const struct option_def[]){ { .name = "inactive", .help = "list inactive domains" },
                                       { .name = "all", .help = "list inactive & active domains" },
                                       { .name = "uuid", .help = "list uuid's only" },
                                       { .name = "name", .help = "list domain names only" },
                                       { .name = "id", .help = "list domain IDs only" },
                                       { .name = "table", .help = "list table (default)" },
                                       { 0 } },
      .run = cmd_list },
    { .name = "undefine",
      .summary = "undefine a domain",
      .description = "Undefine an inactive domain, or convert persistent to transient.",
      .options = domain_only,
      .run = run_undefine },
    { 0 },
};
