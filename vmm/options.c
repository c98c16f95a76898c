/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cpuvmm's command line. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpuctl.h"

#define SIZE_DEFAULT (512ULL << 20)
#define NUMBER_MAX   1048576UL

enum option_id {
    OPTION_STOPPED = 'S',
    OPTION_KERNEL = 256,
    OPTION_INITRD,
    OPTION_APPEND,
    OPTION_MEMORY,
    OPTION_MEM_PATH,
    OPTION_MEM_MERGE,
    OPTION_SMP,
    OPTION_CPU,
    OPTION_SERIAL,
    OPTION_QMP,
    OPTION_AGENT,
    OPTION_CONSOLE,
    OPTION_DRIVE,
    OPTION_NAME,
    OPTION_AFFINITY,
    OPTION_MAX_VCPUS,
    OPTION_CHECK_HOST,
    OPTION_HELP,
    OPTION_VERSION,
};

static const struct {
    const char *name, *value, *help;
    enum option_id option;
} descriptions[] = {
    { "kernel", "FILE", "bzImage, or ELF vmlinux with a PVH entry point", OPTION_KERNEL },
    { "initrd", "FILE", "initial RAM disk", OPTION_INITRD },
    { "append", "TEXT", "the kernel's command line", OPTION_APPEND },
    { "memory", "SIZE", "RAM, with K, M or G (default 512M)", OPTION_MEMORY },
    { "mem-path", "FOLDER", "take the RAM from huge pages mounted there", OPTION_MEM_PATH },
    { "mem-merge", NULL, "let KSM merge equal pages", OPTION_MEM_MERGE },
    { "smp", "N,maxcpus=M,…", "CPUs at start, and with those that can be added", OPTION_SMP },
    { "cpu", "MODEL,±FEATURE,…", "CPU model (default host); help lists them", OPTION_CPU },
    { "serial", "END", "stdio (default), file:PATH, unix:PATH or pty", OPTION_SERIAL },
    { "qmp", "unix:PATH", "listen there for QMP clients", OPTION_QMP },
    { "agent", "END", "the guest agent's port, as unix:PATH", OPTION_AGENT },
    { "console", "NAME=END", "a port of that name, as NAME=unix:PATH", OPTION_CONSOLE },
    { "drive", "file=PATH,format=raw", "a disk; readonly=on for one that is not written",
      OPTION_DRIVE },
    { "S", NULL, "don't start the guest before cont is given by QMP", OPTION_STOPPED },
    { "name", "NAME", "what the VM is called", OPTION_NAME },
    { "affinity", "vcpu=N:cpu=M,…", "where the vCPUs' threads run, and only there",
      OPTION_AFFINITY },
    { "max-vcpus", "N", "an upper bound on maxcpus; 0: the host's possible CPUs",
      OPTION_MAX_VCPUS },
    { "check-host", NULL, "say what this host can do for VMs, and exit", OPTION_CHECK_HOST },
    { "help", NULL, "this text", OPTION_HELP },
    { "version", NULL, "the version", OPTION_VERSION },
};
#define OPTION_COUNT (sizeof(descriptions) / sizeof(descriptions[0]))

void options_help(void)
{
    printf("Usage: cpuvmm --kernel FILE [OPTION]...\nRuns a virtual machine with KVM.\n\n");
    for (size_t i = 0; i < OPTION_COUNT; i++)
        printf("  %s%s%s%s\n        %s\n", descriptions[i].option == OPTION_STOPPED ? "-" : "--",
               descriptions[i].name, descriptions[i].value ? " " : "",
               descriptions[i].value ? descriptions[i].value : "", descriptions[i].help);
}

/* Bytes, with K, M or G; without a letter, MiB, as with QEMU. */
static int parse_size(const char *text, uint64_t *ret_size, struct cpuctl_error *error)
{
    static const struct {
        const char *suffix;
        unsigned int shift;
    } units[] = { { "", 20 }, { "K", 10 }, { "M", 20 }, { "G", 30 } };
    size_t digits = strspn(text, "0123456789");
    uint64_t value = digits > 0 && digits <= 9 ? strtoull(text, NULL, 10) : 0;

    for (size_t i = 0; value > 0 && i < sizeof(units) / sizeof(units[0]); i++)
        if (strcmp(text + digits, units[i].suffix) == 0) {
            *ret_size = value << units[i].shift;
            return 0;
        }
    return cpuctl_error_set(
        error, -EINVAL, "--memory: \"%s\" is not a number with K, M or G, of up to 9 digits", text);
}

/* The number that @text begins with, up to one of the characters in @end. */
static int parse_number(const char *option, const char *text, const char *end, unsigned int most,
                        unsigned int *ret_number, struct cpuctl_error *error)
{
    size_t digits = strspn(text, "0123456789");
    unsigned long value = digits > 0 && digits <= 7 ? strtoul(text, NULL, 10) : NUMBER_MAX;

    if (value >= most || (text[digits] != '\0' && !strchr(end, text[digits])))
        return cpuctl_error_set(error, -EINVAL, "%s: \"%.*s\" is not a number from 0 to %u", option,
                                (int)strcspn(text, end), text, most - 1);
    *ret_number = (unsigned int)value;
    return 0;
}

static int parse_pair(const char *text, struct options_affinity *ret_pair,
                      struct cpuctl_error *error)
{
    const char *colon = strchr(text, ':');
    int r;

    if (strncmp(text, "vcpu=", 5) != 0 || !colon || strncmp(colon, ":cpu=", 5) != 0)
        return cpuctl_error_set(error, -EINVAL,
                                "--affinity: \"%.*s\" does not have the form vcpu=N:cpu=M",
                                (int)strcspn(text, ","), text);
    r = parse_number("--affinity", text + 5, ":", NUMBER_MAX, &ret_pair->vcpu, error);
    if (r < 0)
        return r;
    return parse_number("--affinity", colon + 5, ",", CPU_SETSIZE, &ret_pair->cpu, error);
}

static int parse_affinity(struct options *options, const char *text, struct cpuctl_error *error)
{
    for (const char *word = text;;) {
        struct options_affinity pair, *grown;
        int r = parse_pair(word, &pair, error);

        if (r < 0)
            return r;
        grown = reallocarray(options->affinity, options->affinity_count + 1, sizeof(pair));
        if (!grown)
            return cpuctl_error_set(error, -ENOMEM, "memory is short");
        grown[options->affinity_count++] = pair;
        options->affinity = grown;
        word += strcspn(word, ",");
        if (*word++ == '\0')
            return 0;
    }
}

static int add_device(struct options *options, enum devices_kind kind, const char *text,
                      struct cpuctl_error *error)
{
    struct devices_option *grown =
        reallocarray(options->devices, options->device_count + 1, sizeof(*grown));

    if (!grown)
        return cpuctl_error_set(error, -ENOMEM, "memory is short");
    grown[options->device_count++] = (struct devices_option){ .kind = kind, .text = text };
    options->devices = grown;
    return 0;
}

static int take(struct options *options, enum option_id option, const char *value,
                struct cpuctl_error *error)
{
    switch (option) {
    case OPTION_KERNEL:
        options->kernel = value;
        break;
    case OPTION_INITRD:
        options->initrd = value;
        break;
    case OPTION_APPEND:
        options->append = value;
        break;
    case OPTION_MEMORY:
        return parse_size(value, &options->memory.size, error);
    case OPTION_MEM_PATH:
        options->memory.path = value;
        break;
    case OPTION_MEM_MERGE:
        options->memory.merge = true;
        break;
    case OPTION_SMP:
        return smp_parse(value, &options->smp, error);
    case OPTION_CPU:
        options->cpu = value;
        if (strcmp(value, "help") == 0)
            options->action = OPTIONS_CPU_HELP;
        break;
    case OPTION_SERIAL:
        options->serial = value;
        break;
    case OPTION_QMP:
        if (strncmp(value, "unix:", 5) != 0)
            return cpuctl_error_set(error, -EINVAL,
                                    "--qmp: \"%.64s\" does not have the form unix:PATH", value);
        options->qmp = value + 5;
        break;
    case OPTION_AGENT:
        return add_device(options, DEVICES_AGENT, value, error);
    case OPTION_CONSOLE:
        return add_device(options, DEVICES_CONSOLE, value, error);
    case OPTION_DRIVE:
        return add_device(options, DEVICES_DRIVE, value, error);
    case OPTION_STOPPED:
        options->stopped = true;
        break;
    case OPTION_NAME:
        options->name = value;
        break;
    case OPTION_AFFINITY:
        return parse_affinity(options, value, error);
    case OPTION_MAX_VCPUS:
        options->limit_given = true;
        return parse_number("--max-vcpus", value, "", NUMBER_MAX, &options->max_vcpus, error);
    case OPTION_CHECK_HOST:
        options->action = OPTIONS_CHECK_HOST;
        break;
    case OPTION_HELP:
        options->action = OPTIONS_HELP;
        break;
    case OPTION_VERSION:
        options->action = OPTIONS_VERSION;
        break;
    }
    return 0;
}

/* What only shows when all of the line has been read. */
static int check(const struct options *options, struct cpuctl_error *error)
{
    if (options->action != OPTIONS_RUN)
        return 0;
    if (!options->kernel)
        return cpuctl_error_set(error, -EINVAL, "--kernel is missing");
    for (size_t i = 0; i < options->affinity_count; i++)
        if (options->affinity[i].vcpu >= options->smp.maxcpus)
            return cpuctl_error_set(error, -EINVAL,
                                    "--affinity: there is no vCPU %u: maxcpus is %u",
                                    options->affinity[i].vcpu, options->smp.maxcpus);
    return 0;
}

int options_parse(int argc, char *argv[], struct options *ret_options, struct cpuctl_error *error)
{
    struct option table[OPTION_COUNT + 1] = { 0 };
    struct options options = {
        .memory = { .size = SIZE_DEFAULT },
        .cpu = "host",
        .serial = "stdio",
        .smp = { 1, 1, 1, 1, 1, 1 },
    };
    int r = 0, option;

    for (size_t i = 0; i < OPTION_COUNT; i++)
        table[i] =
            (struct option){ .name = descriptions[i].name,
                             .has_arg = descriptions[i].value ? required_argument : no_argument,
                             .val = descriptions[i].option };
    opterr = 0;
    while (r >= 0 && (option = getopt_long(argc, argv, ":S", table, NULL)) != -1) {
        if (option == '?')
            r = cpuctl_error_set(error, -EINVAL, "unknown option \"%s\"; see --help",
                                 argv[optind - 1]);
        else if (option == ':')
            r = cpuctl_error_set(error, -EINVAL, "%s needs a value", argv[optind - 1]);
        else
            r = take(&options, (enum option_id)option, optarg, error);
    }
    if (r >= 0 && optind < argc)
        r = cpuctl_error_set(error, -EINVAL, "unexpected argument \"%s\"", argv[optind]);
    if (r >= 0)
        r = check(&options, error);
    if (r < 0) {
        options_free(&options);
        return r;
    }
    *ret_options = options;
    return 0;
}

void options_free(struct options *options)
{
    free(options->affinity);
    options->affinity = NULL;
    options->affinity_count = 0;
    free(options->devices);
    options->devices = NULL;
    options->device_count = 0;
}
