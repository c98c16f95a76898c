/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of all commands, and the help that is made of it. */
#include "command.h"

#include <stdio.h>
#include <string.h>

#include "domain-commands.h"
#include "output.h"

static int run_help(struct tool *tool, const struct arguments *arguments);

static const struct command own_commands[] = {
    { .name = "help",
      .summary = "print help",
      .description = "Prints global help, command specific help, or help for a group of commands",
      .options =
          (const struct option_def[]){ { .name = "command",
                                         .help = "name of a command, or of a group of commands",
                                         .type = OPTION_STRING,
                                         .positional = true },
                                       { 0 } },
      .run = run_help },
    { 0 },
};

static const struct command_group groups[] = {
    { .title = "Domain Life", .keyword = "domain", .commands = life_commands },
    { .title = "Domain Definition and Look-up",
      .keyword = "definition",
      .commands = domain_commands },
    { .title = "Virtual CPUs", .keyword = "vcpu", .commands = vcpu_commands },
    { .title = "vcpuctl itself", .keyword = "vcpuctl", .commands = own_commands },
};
#define N_GROUPS (sizeof(groups) / sizeof(groups[0]))

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < N_GROUPS; i++)
        for (const struct command *c = groups[i].commands; c->name; c++)
            if (strcmp(c->name, name) == 0)
                return c;
    return NULL;
}

static const char *value_name(const struct option_def *option)
{
    return option->type == OPTION_NUMBER ? "<number>" : "<string>";
}

static void print_synopsis(const struct command *command)
{
    printf("    %s", command->name);
    for (const struct option_def *o = command->options; o && o->name; o++) {
        if (o->type == OPTION_FLAG)
            printf(" [--%s]", o->name);
        else if (o->positional)
            printf(o->required ? " <%s>" : " [<%s>]", o->name);
        else
            printf(o->required ? " --%s %s" : " [--%s %s]", o->name, value_name(o));
    }
    printf("\n");
}

void command_help(const struct command *command)
{
    printf("  NAME\n    %s - %s\n\n  SYNOPSIS\n", command->name, command->summary);
    print_synopsis(command);
    if (command->description)
        printf("\n  DESCRIPTION\n    %s\n", command->description);
    if (command->options && command->options->name)
        printf("\n  OPTIONS\n");
    for (const struct option_def *o = command->options; o && o->name; o++) {
        char left[64];

        if (o->type == OPTION_FLAG)
            snprintf(left, sizeof(left), "--%s", o->name);
        else
            snprintf(left, sizeof(left), o->positional ? "[--%s] %s" : "--%s %s", o->name,
                     value_name(o));
        printf("    %-15s  %s\n", left, o->help);
    }
    printf("\n");
}

bool command_list(const char *keyword)
{
    bool found = false;

    for (size_t i = 0; i < N_GROUPS; i++) {
        if (keyword && strcmp(keyword, groups[i].keyword) != 0)
            continue;
        found = true;
        printf(" %s (help keyword '%s'):\n", groups[i].title, groups[i].keyword);
        for (const struct command *c = groups[i].commands; c->name; c++)
            printf("    %-30s %s\n", c->name, c->summary);
        printf("\n");
    }
    return found;
}

void command_list_all(void)
{
    command_list(NULL);
    printf("  (specify help <command> for details about the command)\n\n");
}

static int run_help(struct tool *tool, const struct arguments *arguments)
{
    const char *name = arguments_get(arguments, "command");
    const struct command *command = name ? command_find(name) : NULL;

    (void)tool;
    if (!name)
        command_list_all();
    else if (command)
        command_help(command);
    else if (!command_list(name))
        return output_error("command or command group '%s' doesn't exist", name);
    return EXIT_DONE;
}
