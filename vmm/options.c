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
#include "option-values.h"

#define SIZE_DEFAULT (512ULL << 20)

enum option_id {
    OPTION_STOPPED = 'S',
    OPTION_KERNEL = 256,
    OPTION_INITRD,
    OPTION_APPEND,
    OPTION_MEMORY,
    OPTION_MEM_PATH,
    OPTION_MEM_MERGE,
    OPTION_SMP,
    OPTION_NUMA,
    OPTION_CPU,
    OPTION_SERIAL,
    OPTION_QMP,
    OPTION_AGENT,
    OPTION_CONSOLE,
    OPTION_DRIVE,
    OPTION_NAME,
    OPTION_AFFINITY,
    OPTION_MAX_VCPUS,
    OPTION_SANDBOX,
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
    { "numa", "node,cpus=N-M,mem=SIZE…", "a NUMA node; cpu,… and dist,… as with QEMU",
      OPTION_NUMA },
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
    { "sandbox", "on|off", "leave each thread only the system calls that it needs (default on)",
      OPTION_SANDBOX },
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

static int parse_pair(const char *text, struct options_affinity *ret_pair,
                      struct cpuctl_error *error)
{
    const char *colon = strchr(text, ':');
    int r;

    if (strncmp(text, "vcpu=", 5) != 0 || !colon || strncmp(colon, ":cpu=", 5) != 0)
        return cpuctl_error_set(error, -EINVAL,
                                "--affinity: \"%.*s\" does not have the form vcpu=N:cpu=M",
                                (int)strcspn(text, ","), text);
    r = option_number("--affinity", text + 5, (size_t)(colon - text) - 5, OPTION_NUMBER_END,
                      &ret_pair->vcpu, error);
    if (r < 0)
        return r;
    return option_number("--affinity", colon + 5, strcspn(colon + 5, ","), CPU_SETSIZE,
                         &ret_pair->cpu, error);
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

/* They are looked at when --smp and --memory are known. */
static int add_numa(struct options *options, const char *text, struct cpuctl_error *error)
{
    const char **grown = reallocarray(options->numa_texts, options->numa_count + 1, sizeof(*grown));

    if (!grown)
        return cpuctl_error_set(error, -ENOMEM, "memory is short");
    grown[options->numa_count++] = text;
    options->numa_texts = grown;
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
        return option_size("--memory", value, strlen(value), &options->memory.size, error);
    case OPTION_MEM_PATH:
        options->memory.path = value;
        break;
    case OPTION_MEM_MERGE:
        options->memory.merge = true;
        break;
    case OPTION_SMP:
        return smp_parse(value, &options->smp, error);
    case OPTION_NUMA:
        return add_numa(options, value, error);
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
        return option_number("--max-vcpus", value, strlen(value), OPTION_NUMBER_END,
                             &options->max_vcpus, error);
    case OPTION_SANDBOX:
        options->no_sandbox = strcmp(value, "off") == 0;
        if (!options->no_sandbox && strcmp(value, "on") != 0)
            return cpuctl_error_set(error, -EINVAL, "--sandbox: \"%.64s\" is neither on nor off",
                                    value);
        break;
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
static int check(struct options *options, struct cpuctl_error *error)
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
    return numa_parse(options->numa_texts, options->numa_count, &options->smp, options->memory.size,
                      &options->numa, error);
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
    free(options->numa_texts);
    options->numa_texts = NULL;
    options->numa_count = 0;
    numa_free(&options->numa);
}
