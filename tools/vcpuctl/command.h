/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sub-commands: their tables, and a command's words taken apart as virsh does it. A table tells of
 * each option; the help and the messages about wrong calls are made of it.
 */
#ifndef VCPUCTL_COMMAND_H
#define VCPUCTL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "libcpuctl/cleanup.h"
#include "libcpuctl/cpuctl.h"

struct json_object;
struct store;

DEFINE_CLEANUP(struct cpuctl_set *, cpuctl_set_free);

/** One run of the program. */
struct tool {
    bool json;         /**< --json: what is printed is one JSON value */
    bool quiet;        /**< --quiet: nothing but data and errors */
    const char *qmp;   /**< --qmp: a VM that something else started; NULL: domains of the store */
    const char *agent; /**< --agent: that VM's agent, or NULL */
    struct store *store;
};

/** Exit codes. */
enum {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,  /**< nothing was done, or the call was wrong */
    EXIT_PARTIAL = 64 /**< a part was done */
};

enum option_type {
    OPTION_FLAG,   /**< --live */
    OPTION_STRING, /**< --name VALUE, --name=VALUE */
    OPTION_NUMBER, /**< the same; the value is called <number> in the help */
};

/** One option; an array of them ends with one without a name. */
struct option_def {
    const char *name; /**< without the dashes */
    const char *help;
    enum option_type type;
    bool required;
    bool positional; /**< its value may stand alone, in the table's order */
};

/** What every command on a domain begins with. */
#define OPTION_DOMAIN                                                                              \
    {                                                                                              \
        .name = "domain", .help = "domain name, id or uuid", .type = OPTION_STRING,                \
        .required = true, .positional = true                                                       \
    }

#define ARGUMENTS_MAX 24

/** A command's options as they were given. */
struct arguments {
    const struct command *command;
    const char *values[ARGUMENTS_MAX]; /**< by the option's index; a flag's is "" */
};

struct command {
    const char *name;
    const char *summary;     /**< one line, lower case, as in virsh */
    const char *description; /**< a sentence or more; NULL: none */
    const struct option_def *options;
    /** Runs it. Returns the exit code, after a message if that is not EXIT_DONE. */
    int (*run)(struct tool *tool, const struct arguments *arguments);
};

/** A group of commands, for the help; its commands end with one without a name. */
struct command_group {
    const char *title;   /**< "Domain Management" */
    const char *keyword; /**< "domain": `help domain` lists the group */
    const struct command *commands;
};

extern const struct command vcpu_commands[]; /* cmd-vcpu.c */

/** Returns the command of that name, or NULL. */
const struct command *command_find(const char *name);
/** Prints `help COMMAND`. */
void command_help(const struct command *command);
/** Prints the list of all commands, or that of the group @keyword. Returns false: no such group. */
bool command_list(const char *keyword);
/** Prints the list of all commands, and how to learn more. */
void command_list_all(void);

/**
 * Takes @argv (without the command's name) apart. The values stay the caller's. Returns 0, or
 * -EINVAL with virsh's sentence.
 */
int arguments_parse(const struct command *command, int argc, char *const *argv,
                    struct arguments *ret_arguments, struct cpuctl_error *error);
/** Refuses required options whose value is empty; not a wrong call, but a command that fails.
 * Returns 0 or -EINVAL. */
int arguments_check_values(const struct arguments *arguments, struct cpuctl_error *error);
/** Whether the flag or option @name was given. @name has to be in the command's table. */
bool arguments_has(const struct arguments *arguments, const char *name);
/** The value of option @name, or NULL. */
const char *arguments_get(const struct arguments *arguments, const char *name);
/**
 * The value of option @name as a number 0 … UINT_MAX. Returns 1, 0 (not given, *ret untouched), or
 * -EINVAL with "Numeric value 'x' for <count> option is malformed or out of range".
 */
int arguments_get_uint(const struct arguments *arguments, const char *name, unsigned int *ret,
                       struct cpuctl_error *error);
/** Refuses two flags together: "Options --a and --b are mutually exclusive". Returns 0 or -EINVAL.
 */
int arguments_exclusive(const struct arguments *arguments, const char *a, const char *b,
                        struct cpuctl_error *error);

#endif
