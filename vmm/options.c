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

/* In the order of --help; group: the heading that stands before it. */
static const struct {
    const char *group, *name, *value, *help;
    enum option_id option;
} descriptions[] = {
    { "The guest", "kernel", "FILE", "bzImage, or ELF vmlinux with a PVH entry point",
      OPTION_KERNEL },
    { NULL, "initrd", "FILE", "initial RAM disk", OPTION_INITRD },
    { NULL, "append", "TEXT", "the kernel's command line, for example console=ttyS0",
      OPTION_APPEND },
    { NULL, "name", "NAME", "what the VM is called", OPTION_NAME },
    { NULL, "S", NULL, "wait for \"cont\" by QMP before the guest starts", OPTION_STOPPED },
    { "CPUs", "smp", "N[,maxcpus=N][,sockets=N][,dies=N][,cores=N][,threads=N]",
      "CPUs at start (default 1), and how many there can be: the product of the parts",
      OPTION_SMP },
    { NULL, "numa", "node[,nodeid=N][,cpus=N[-N]][,mem=SIZE]",
      "a NUMA node; also cpu,node-id=N,socket-id=N[,...] and dist,src=N,dst=N,val=N", OPTION_NUMA },
    { NULL, "cpu", "MODEL[,+FEATURE][,-FEATURE]...",
      "CPU model (default host); \"--cpu help\" lists models and features", OPTION_CPU },
    { NULL, "max-vcpus", "N", "an upper bound on maxcpus; 0: as many as the host can have CPUs",
      OPTION_MAX_VCPUS },
    { NULL, "affinity", "vcpu=N:cpu=N[,...]",
      "the only host CPU that a vCPU's thread runs on; one vCPU may have several pairs",
      OPTION_AFFINITY },
    { "Memory", "memory", "SIZE", "RAM, with K, M or G; M without (default 512M)", OPTION_MEMORY },
    { NULL, "mem-path", "FOLDER", "take the RAM from there, a mounted hugetlbfs for huge pages",
      OPTION_MEM_PATH },
    { NULL, "mem-merge", NULL, "let the host merge equal pages (KSM)", OPTION_MEM_MERGE },
    { "Devices; END is stdio, file:PATH, unix:PATH (a socket to listen on) or pty", "serial", "END",
      "the serial port ttyS0 (default stdio)", OPTION_SERIAL },
    { NULL, "agent", "END", "the guest agent's port, org.qemu.guest_agent.0", OPTION_AGENT },
    { NULL, "console", "NAME=END", "a virtio port of that name", OPTION_CONSOLE },
    { NULL, "drive", "file=PATH,format=raw[,readonly=on|off]", "a disk: a file or a block device",
      OPTION_DRIVE },
    { "Control", "qmp", "unix:PATH", "listen there for QMP clients, several at once", OPTION_QMP },
    { NULL, "sandbox", "on|off",
      "leave each thread only the system calls that it needs (default on)", OPTION_SANDBOX },
    { "Information", "check-host", NULL, "say what this host can do for VMs, and exit",
      OPTION_CHECK_HOST },
    { NULL, "help", NULL, "this text", OPTION_HELP },
    { NULL, "version", NULL, "the version", OPTION_VERSION },
};
#define OPTION_COUNT (sizeof(descriptions) / sizeof(descriptions[0]))

void options_help(void)
{
    printf("Usage: cpuvmm --kernel FILE [OPTION]...\n"
           "Runs Linux in a virtual machine with KVM; CPUs are added and removed while it runs.\n"
           "It ends with status 0 when the guest powers off, or by \"quit\"; with 1 after an "
           "error.\n");
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (descriptions[i].group)
            printf("\n%s:\n", descriptions[i].group);
        printf("  %s%s%s%s\n        %s\n", descriptions[i].option == OPTION_STOPPED ? "-" : "--",
               descriptions[i].name, descriptions[i].value ? " " : "",
               descriptions[i].value ? descriptions[i].value : "", descriptions[i].help);
    }
    printf("\nExample:\n"
           "  cpuvmm --kernel vmlinuz --initrd initrd.img --append console=ttyS0 --smp 1,maxcpus=4 "
           "\\\n      --qmp unix:/tmp/vm.qmp --agent unix:/tmp/vm.agent\n"
           "cpuvmm(1) says how to add and remove CPUs then.\n");
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

/* There is one standard input. */
static int check_stdio(const struct options *options, struct cpuctl_error *error)
{
    const char *first = strcmp(options->serial, "stdio") == 0 ? "--serial" : NULL;

    for (size_t i = 0; i < options->device_count; i++) {
        const struct devices_option *device = &options->devices[i];
        const char *option = device->kind == DEVICES_AGENT ? "--agent" : "--console";
        const char *equals = strchr(device->text, '=');
        const char *end = device->kind == DEVICES_CONSOLE && equals ? equals + 1 : device->text;

        if (device->kind == DEVICES_DRIVE || strcmp(end, "stdio") != 0)
            continue;
        if (first)
            return cpuctl_error_set(
                error, -EINVAL, "%s: stdio can have one user, and %s has it%s", option, first,
                strcmp(first, "--serial") == 0 ? " (its default; give it another end)" : "");
        first = option;
    }
    return 0;
}

/* What only shows when all of the line has been read. */
static int check(struct options *options, struct cpuctl_error *error)
{
    int r;

    if (options->action != OPTIONS_RUN)
        return 0;
    if (!options->kernel)
        return cpuctl_error_set(error, -EINVAL, "--kernel FILE is missing; see --help");
    for (size_t i = 0; i < options->affinity_count; i++)
        if (options->affinity[i].vcpu >= options->smp.maxcpus)
            return cpuctl_error_set(error, -EINVAL,
                                    "--affinity: there is no vCPU %u: maxcpus of --smp is %u",
                                    options->affinity[i].vcpu, options->smp.maxcpus);
    r = check_stdio(options, error);
    if (r < 0)
        return r;
    return numa_parse(options->numa_texts, options->numa_count, &options->smp, options->memory.size,
                      &options->numa, error);
}

/* A word that getopt_long() did not take: no option, the beginning of several, or with a value that
 * is not wanted. */
static int refuse_word(const char *word, struct cpuctl_error *error)
{
    size_t length = strcspn(word, "=");
    unsigned int matches = 0;

    for (size_t i = 0; strncmp(word, "--", 2) == 0 && i < OPTION_COUNT; i++)
        if (strncmp(word + 2, descriptions[i].name, length - 2) == 0)
            matches++;
    if (matches > 1)
        return cpuctl_error_set(
            error, -EINVAL, "option \"%s\" is not clear: %u begin so; see --help", word, matches);
    if (matches == 1)
        return cpuctl_error_set(error, -EINVAL, "\"%s\": this option takes no value; see --help",
                                word);
    return cpuctl_error_set(error, -EINVAL, "unknown option \"%s\"; see --help", word);
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
    int r = 0, option, at = 1; /* at: the word that getopt_long() looks at */

    for (size_t i = 0; i < OPTION_COUNT; i++)
        table[i] =
            (struct option){ .name = descriptions[i].name,
                             .has_arg = descriptions[i].value ? required_argument : no_argument,
                             .val = descriptions[i].option };
    opterr = 0;
    while (r >= 0 && (option = getopt_long(argc, argv, "+:S", table, NULL)) != -1) {
        if (option == '?')
            r = refuse_word(argv[at], error);
        else if (option == ':')
            r = cpuctl_error_set(error, -EINVAL, "%s needs a value; see --help", argv[at]);
        else
            r = take(&options, (enum option_id)option, optarg, error);
        at = optind;
    }
    if (r >= 0 && optind < argc)
        r = cpuctl_error_set(error, -EINVAL, "unexpected argument \"%s\"; see --help",
                             argv[optind]);
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
