/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A command's words taken apart as virsh does it (vshCommandParse() in tools/vsh.c). */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

static int find_option(const struct command *command, const char *name, size_t length)
{
    for (int i = 0; command->options && command->options[i].name; i++)
        if (strlen(command->options[i].name) == length &&
            memcmp(command->options[i].name, name, length) == 0)
            return i;
    return -1;
}

static const char *value_name(enum option_type type)
{
    return type == OPTION_NUMBER ? "number" : "string";
}

/* Where a word that stands alone belongs, or -1. */
static int next_positional(const struct arguments *arguments)
{
    const struct option_def *options = arguments->command->options;

    for (int i = 0; options && options[i].name; i++)
        if (options[i].positional && !arguments->values[i])
            return i;
    return -1;
}

/* One word that begins with two dashes; @next is the word after it, or NULL. Returns how many words
 * were used. */
static int parse_option(struct arguments *arguments, const char *word, const char *next,
                        struct cpuctl_error *error)
{
    const struct command *command = arguments->command;
    size_t length = strcspn(word, "=");
    const char *value = word[length] == '=' ? word + length + 1 : NULL;
    int i = find_option(command, word, length);
    int used = 1;

    if (i < 0)
        return cpuctl_error_set(error, -EINVAL, "command '%s' doesn't support option --%.*s",
                                command->name, (int)length, word);
    if (arguments->values[i])
        return cpuctl_error_set(error, -EINVAL, "option --%s already seen",
                                command->options[i].name);
    if (command->options[i].type == OPTION_FLAG) {
        if (value)
            return cpuctl_error_set(error, -EINVAL, "invalid '=' after option --%s",
                                    command->options[i].name);
        value = "";
    } else if (!value) {
        if (!next)
            return cpuctl_error_set(error, -EINVAL, "expected syntax: --%s <%s>",
                                    command->options[i].name, value_name(command->options[i].type));
        value = next;
        used = 2;
    }
    arguments->values[i] = value;
    return used;
}

/* virsh names all that are missing, each with a line of its own. */
static int check_required(const struct arguments *arguments, struct cpuctl_error *error)
{
    const struct option_def *options = arguments->command->options;
    char text[sizeof(error->text)] = "";
    size_t used = 0;

    for (int i = 0; options && options[i].name; i++) {
        if (!options[i].required || arguments->values[i] || used >= sizeof(text))
            continue;
        used += (size_t)snprintf(
            text + used, sizeof(text) - used,
            options[i].type == OPTION_NUMBER ? "%scommand '%s' requires --%s option"
                                             : "%scommand '%s' requires <%s> option",
            used ? "\nerror: " : "", arguments->command->name, options[i].name);
    }
    if (used > 0)
        return cpuctl_error_set(error, -EINVAL, "%s", text);
    return 0;
}

int arguments_check_values(const struct arguments *arguments, struct cpuctl_error *error)
{
    const struct option_def *options = arguments->command->options;

    for (int i = 0; options && options[i].name; i++)
        if (options[i].required && options[i].type == OPTION_STRING && !*arguments->values[i])
            return cpuctl_error_set(error, -EINVAL,
                                    "Failed to get option '%s': Option argument is empty",
                                    options[i].name);
    return 0;
}

int arguments_parse(const struct command *command, int argc, char *const *argv,
                    struct arguments *ret_arguments, struct cpuctl_error *error)
{
    struct arguments arguments = { .command = command };
    bool only_data = false;
    int i = 0, r;

    while (i < argc) {
        const char *word = argv[i];

        if (!only_data && strcmp(word, "--") == 0) {
            only_data = true;
            i++;
        } else if (!only_data && word[0] == '-' && word[1] == '-') {
            r = parse_option(&arguments, word + 2, i + 1 < argc ? argv[i + 1] : NULL, error);
            if (r < 0)
                return r;
            i += r;
        } else {
            r = next_positional(&arguments);
            if (r < 0)
                return cpuctl_error_set(error, -EINVAL, "unexpected data '%s'", word);
            arguments.values[r] = word;
            i++;
        }
    }
    r = check_required(&arguments, error);
    if (r < 0)
        return r;
    *ret_arguments = arguments;
    return 0;
}

const char *arguments_get(const struct arguments *arguments, const char *name)
{
    int i = find_option(arguments->command, name, strlen(name));

    return i < 0 ? NULL : arguments->values[i];
}

bool arguments_has(const struct arguments *arguments, const char *name)
{
    return arguments_get(arguments, name) != NULL;
}

int arguments_get_uint(const struct arguments *arguments, const char *name, unsigned int *ret,
                       struct cpuctl_error *error)
{
    const char *text = arguments_get(arguments, name);
    unsigned long value;
    char *end;

    if (!text)
        return 0;
    errno = 0;
    value = strtoul(text, &end, 10);
    if (((*text < '0' || *text > '9') && *text != '+') || *end || errno || value > UINT_MAX)
        return cpuctl_error_set(error, -EINVAL,
                                "Numeric value '%s' for <%s> option is malformed or out of range",
                                text, name);
    *ret = (unsigned int)value;
    return 1;
}

int arguments_exclusive(const struct arguments *arguments, const char *a, const char *b,
                        struct cpuctl_error *error)
{
    if (!arguments_has(arguments, a) || !arguments_has(arguments, b))
        return 0;
    return cpuctl_error_set(error, -EINVAL, "Options --%s and --%s are mutually exclusive", a, b);
}
