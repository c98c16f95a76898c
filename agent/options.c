/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parses the command line; most options come from the table of config keys. */
#include "agent/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "libcpuctl/cleanup.h"
#include "libcpuctl/cpuctl.h"

/* Options that are no keys of the file; the numbers are beyond any letter. */
enum { OPTION_KEY_FIRST = 0x200, OPTION_NO_SECCOMP = 0x100, OPTION_BLACKLIST, OPTION_DAEMONIZE };

static const struct option own_options[] = {
    { .name = "config", .has_arg = required_argument, .val = 'c' },
    { .name = "dump-conf", .val = 'D' },
    { .name = "version", .val = 'V' },
    { .name = "help", .val = 'h' },
    { .name = "no-seccomp", .val = OPTION_NO_SECCOMP },
    /* Spellings of other versions of qemu-ga. */
    { .name = "blacklist", .has_arg = required_argument, .val = OPTION_BLACKLIST },
    { .name = "daemonize", .val = OPTION_DAEMONIZE },
};

#define OPTIONS_MAX 64

/* What getopt_long() wants, made from the keys. */
struct tables {
    char letters[OPTIONS_MAX * 2 + 8];
    struct option options[OPTIONS_MAX];
};

static void make_tables(struct tables *tables)
{
    char *letters = tables->letters;
    size_t n = 0;

    *letters++ = ':';
    for (size_t i = 0; config_key(i); i++) {
        const struct config_key *key = config_key(i);

        tables->options[n++] = (struct option){
            .name = key->name,
            .has_arg = key->argument ? required_argument : no_argument,
            .val = OPTION_KEY_FIRST + (int)i,
        };
        if (key->letter) {
            *letters++ = key->letter;
            if (key->argument)
                *letters++ = ':';
        }
    }
    memcpy(tables->options + n, own_options, sizeof(own_options));
    strcpy(letters, "c:DVh");
}

/* The key that getopt_long()'s @value stands for, or NULL. */
static const struct config_key *key_of(int value)
{
    if (value >= OPTION_KEY_FIRST)
        return config_key((size_t)(value - OPTION_KEY_FIRST));
    for (size_t i = 0; config_key(i); i++)
        if (config_key(i)->letter == value)
            return config_key(i);
    return NULL;
}

/* An option that sets a key, kept until the config file was read. */
struct setting {
    const char *key;
    const char *value;
};

struct parsed {
    enum options_action action;
    const char *file;
    struct setting *settings;
    size_t count;
};

static void take_setting(struct parsed *parsed, const char *key, const char *value)
{
    bool is_list = strcmp(key, "block-rpcs") == 0 || strcmp(key, "allow-rpcs") == 0;

    if (is_list && (strcmp(value, "help") == 0 || strcmp(value, "?") == 0))
        parsed->action = OPTIONS_LIST_COMMANDS;
    else
        parsed->settings[parsed->count++] = (struct setting){ .key = key, .value = value };
}

static void take_option(struct parsed *parsed, int value)
{
    const struct config_key *key = key_of(value);

    if (key) {
        take_setting(parsed, key->name, optarg ? optarg : "true");
        return;
    }
    switch (value) {
    case 'c':
        parsed->file = optarg;
        break;
    case 'D':
        parsed->action = OPTIONS_DUMP;
        break;
    case 'V':
        parsed->action = OPTIONS_VERSION;
        break;
    case 'h':
        parsed->action = OPTIONS_HELP;
        break;
    case OPTION_NO_SECCOMP:
        take_setting(parsed, "seccomp", "false");
        break;
    case OPTION_BLACKLIST:
        take_setting(parsed, "block-rpcs", optarg);
        break;
    case OPTION_DAEMONIZE:
        take_setting(parsed, "daemon", "true");
        break;
    }
}

static int take_all(int argc, char *argv[], struct parsed *parsed, struct cpuctl_error *error)
{
    struct tables tables = { 0 };
    int value;

    make_tables(&tables);
    /* 0, not 1: the GNU way to begin anew, also in a test that parses twice (getopt(3)). */
    optind = 0;
    opterr = 0;
    while ((value = getopt_long(argc, argv, tables.letters, tables.options, NULL)) != -1) {
        if (value == '?' || value == ':')
            return cpuctl_error_set(
                error, -EINVAL, "option %.64s %s; --help lists the options", argv[optind - 1],
                value == ':' ? "needs a value" : "is unknown or takes no value");
        take_option(parsed, value);
    }
    if (optind < argc)
        return cpuctl_error_set(error, -EINVAL,
                                "\"%.64s\" is no option, and there are no arguments", argv[optind]);
    return 0;
}

int options_parse(int argc, char *argv[], struct config *config, struct cpuctl_error *error)
{
    /* An option takes at least one element, or one letter of an element. */
    size_t most = 1;
    _cleanup_free_ struct setting *settings = NULL;
    struct parsed parsed = { .action = OPTIONS_RUN };
    int r;

    for (int i = 1; i < argc; i++)
        most += strlen(argv[i]) + 1;
    settings = calloc(most, sizeof(*settings));
    if (!settings)
        return cpuctl_error_set(error, -ENOMEM, "out of memory");
    parsed.settings = settings;
    r = take_all(argc, argv, &parsed, error);
    if (r < 0)
        return r;
    /* These must work whatever is in the file. */
    if (parsed.action != OPTIONS_RUN && parsed.action != OPTIONS_DUMP)
        return (int)parsed.action;
    r = config_load(config, parsed.file ? parsed.file : CONFIG_DEFAULT_FILE, !parsed.file, error);
    for (size_t i = 0; i < parsed.count && r >= 0; i++)
        r = config_set(config, settings[i].key, settings[i].value, "option", error);
    if (r >= 0)
        r = config_check(config, error);
    return r < 0 ? r : (int)parsed.action;
}

static void help_line(FILE *out, char letter, const char *name, const char *argument,
                      const char *text)
{
    char option[64];

    snprintf(option, sizeof(option), "--%s%s%s", name, argument ? "=" : "",
             argument ? argument : "");
    if (letter)
        fprintf(out, "  -%c, %-26s %s\n", letter, option, text);
    else
        fprintf(out, "      %-26s %s\n", option, text);
}

void options_help(FILE *out)
{
    fputs("Usage: cpuctl-agent [OPTION]...\n"
          "Serves a host over the QEMU guest agent's protocol: its CPUs follow what the host asks "
          "for.\n\n",
          out);
    for (size_t i = 0; config_key(i); i++) {
        const struct config_key *key = config_key(i);

        help_line(out, key->letter, key->name, key->argument, key->help);
    }
    help_line(out, 0, "no-seccomp", NULL, "leave all system calls open");
    help_line(out, 'c', "config", "FILE", "read this instead of " CONFIG_DEFAULT_FILE);
    help_line(out, 'D', "dump-conf", NULL, "print the configuration as a config file and exit");
    help_line(out, 'V', "version", NULL, "print the version and exit");
    help_line(out, 'h', "help", NULL, "print this and exit");
    fputs("\nDefaults and the syntax of the file: cpuctl-agent(8), cpuctl-agent.conf(5).\n", out);
}
