/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The VMMs' command lines. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launch.h"
#include "libcpuctl/cpuctl.h"

#define HUGEPAGES "/dev/hugepages"
#define KSM       "/sys/kernel/mm/ksm"

void command_line_add(struct command_line *line, const char *format, ...)
{
    char **grown = reallocarray(line->words, line->count + 2, sizeof(*grown));
    va_list args;

    if (!grown) {
        line->failed = true;
        return;
    }
    line->words = grown;
    va_start(args, format);
    if (vasprintf(&grown[line->count], format, args) < 0)
        line->failed = true;
    else
        line->count++;
    va_end(args);
    grown[line->count] = NULL;
}

void command_line_free(struct command_line *line)
{
    for (size_t i = 0; i < line->count; i++)
        free(line->words[i]);
    free(line->words);
    *line = (struct command_line){ 0 };
}

/* A path for one of QEMU's options, where a comma is written twice. The caller frees it. */
static char *escape(const char *path)
{
    char *escaped = malloc(2 * strlen(path) + 1), *out = escaped;

    for (; escaped && *path; path++) {
        if (*path == ',')
            *out++ = ',';
        *out++ = *path;
    }
    if (escaped)
        *out = '\0';
    return escaped;
}

/* Whether vCPU @index is there from the start and stays: QEMU's -smp has only those. */
static bool is_fixed(const struct definition *d, unsigned int index)
{
    return d->vcpus[index].enabled && !d->vcpus[index].hotpluggable;
}

/* How many vCPUs are fixed, which have to be the first ones. Returns false if they aren't. */
static bool count_fixed(const struct definition *d, unsigned int *ret_count)
{
    unsigned int count = 0;

    while (count < d->vcpu_max && is_fixed(d, count))
        count++;
    for (unsigned int i = count; i < d->vcpu_max; i++)
        if (is_fixed(d, i))
            return false;
    *ret_count = count;
    return true;
}

/* sockets × dies × cores × threads; without <topology> each vCPU is a socket, as with libvirt. */
static void topology(const struct definition *d, unsigned int levels[static 4])
{
    levels[0] = d->topology.given ? d->topology.sockets : d->vcpu_max;
    levels[1] = d->topology.given ? d->topology.dies : 1;
    levels[2] = d->topology.given ? d->topology.cores : 1;
    levels[3] = d->topology.given ? d->topology.threads : 1;
}

static void add_smp(struct command_line *line, const char *option, const struct definition *d,
                    unsigned int count)
{
    unsigned int levels[4];

    topology(d, levels);
    command_line_add(line, "%s", option);
    command_line_add(line, "%u,maxcpus=%u,sockets=%u,dies=%u,cores=%u,threads=%u", count,
                     d->vcpu_max, levels[0], levels[1], levels[2], levels[3]);
}

/* The word for -cpu and --cpu, without features. */
static const char *cpu_model(const struct definition *d)
{
    bool maximum = d->cpu_mode && strcmp(d->cpu_mode, "maximum") == 0;

    if (d->cpu_model && (!d->cpu_mode || strcmp(d->cpu_mode, "custom") == 0))
        return d->cpu_model;
    return d->type == DEFINITION_KVM && !maximum ? "host" : "max";
}

/* ",cpus=0-1,cpus=4" of a NUMA node, which both VMMs read. NULL: memory is short. */
static char *cpus_words(const struct definition_cell *cell)
{
    _cleanup_free_ char *list = cpuctl_set_format_list(cell->cpus);
    char *rest = list, *words = NULL;
    size_t size;
    FILE *out = list ? open_memstream(&words, &size) : NULL;

    if (!out)
        return NULL;
    for (char *range = strsep(&rest, ","); range; range = strsep(&rest, ","))
        fprintf(out, ",cpus=%s", range);
    if (fclose(out) == 0)
        return words;
    free(words);
    return NULL;
}

/* ---- QEMU ---- */

static int add_qemu_vcpus(struct command_line *line, const struct definition *d,
                          struct cpuctl_error *error)
{
    const char *model = cpu_model(d);
    unsigned int fixed, levels[4];

    if (!count_fixed(d, &fixed))
        return cpuctl_error_set(error, -ENOTSUP,
                                "unsupported configuration: vCPUs that can not be unplugged "
                                "(hotpluggable='no') have to be the first ones");
    topology(d, levels);
    add_smp(line, "-smp", d, fixed);
    for (unsigned int i = fixed; i < d->vcpu_max; i++) {
        unsigned int core = i / levels[3], die = core / levels[2];

        if (!d->vcpus[i].enabled)
            continue;
        command_line_add(line, "-device");
        command_line_add(
            line, "%s-x86_64-cpu,id=vcpu%u,socket-id=%u,die-id=%u,core-id=%u,thread-id=%u", model,
            i, die / levels[1], die % levels[1], core % levels[2], i % levels[3]);
    }
    return 0;
}

static void add_qemu_memory(struct command_line *line, const struct definition *d)
{
    const char *backend = d->hugepages ? "memory-backend-file,mem-path=" HUGEPAGES ",prealloc=on"
                                       : "memory-backend-ram";

    command_line_add(line, "-m");
    command_line_add(line, "size=%lluk", (unsigned long long)d->memory_kib);
    if (d->hugepages && d->n_cells == 0) {
        command_line_add(line, "-mem-path");
        command_line_add(line, HUGEPAGES);
        command_line_add(line, "-mem-prealloc");
    }
    command_line_add(line, "-overcommit");
    command_line_add(line, "mem-lock=%s", d->locked ? "on" : "off");
    for (size_t i = 0; i < d->n_cells; i++) {
        _cleanup_free_ char *cpus = cpus_words(&d->cells[i]);

        command_line_add(line, "-object");
        command_line_add(line, "%s,id=ram-node%zu,size=%lluk", backend, i,
                         (unsigned long long)d->cells[i].memory_kib);
        command_line_add(line, "-numa");
        command_line_add(line, "node,nodeid=%zu%s,memdev=ram-node%zu", i, cpus ? cpus : "", i);
        line->failed = line->failed || !cpus;
    }
}

static void add_qemu_chardev(struct command_line *line, const char *id,
                             const struct definition_chardev *c, const char *usual)
{
    _cleanup_free_ char *path = escape(c->path ? c->path : usual);

    if (!path) {
        line->failed = true;
        return;
    }
    command_line_add(line, "-chardev");
    if (c->end == DEFINITION_END_UNIX)
        command_line_add(line, "socket,id=%s,path=%s,server=on,wait=off", id, path);
    else if (c->end == DEFINITION_END_FILE)
        command_line_add(line, "file,id=%s,path=%s", id, path);
    else
        command_line_add(line, "%s,id=%s", c->end == DEFINITION_END_PTY ? "pty" : "null", id);
}

static bool is_agent(const struct definition_chardev *c)
{
    return c->port == DEFINITION_CHANNEL && strcmp(c->name, DEFINITION_AGENT_CHANNEL) == 0;
}

/* Where a unix socket without a path of its own is. */
static char *usual_path(const struct definition_chardev *c, const char *folder, size_t index)
{
    char *path;
    int n = is_agent(c) ? asprintf(&path, "%s/agent", folder)
                        : asprintf(&path, "%s/chardev%zu", folder, index);

    return n < 0 ? NULL : path;
}

static void add_qemu_chardevs(struct command_line *line, const struct definition *d,
                              const char *folder)
{
    bool has_virtio = false;

    for (size_t i = 0; i < d->n_chardevs; i++) {
        const struct definition_chardev *c = &d->chardevs[i];
        _cleanup_free_ char *usual = usual_path(c, folder, i);
        char id[32];

        if (!usual) {
            line->failed = true;
            return;
        }
        if (c->port != DEFINITION_SERIAL && !has_virtio) {
            command_line_add(line, "-device");
            command_line_add(line, "virtio-serial-pci,id=virtio-serial0");
            has_virtio = true;
        }
        snprintf(id, sizeof(id), c->port == DEFINITION_SERIAL ? "serial%zu" : "port%zu", i);
        add_qemu_chardev(line, id, c, usual);
        command_line_add(line, "-device");
        if (c->port == DEFINITION_SERIAL)
            command_line_add(line, "isa-serial,chardev=%s", id);
        else if (c->port == DEFINITION_VIRTIO_CONSOLE)
            command_line_add(line, "virtconsole,bus=virtio-serial0.0,chardev=%s", id);
        else
            command_line_add(line, "virtserialport,bus=virtio-serial0.0,chardev=%s,name=%s", id,
                             c->name);
    }
}

static void add_qemu_disks(struct command_line *line, const struct definition *d)
{
    for (size_t i = 0; i < d->n_disks; i++) {
        _cleanup_free_ char *path = escape(d->disks[i].path);

        if (!path) {
            line->failed = true;
            return;
        }
        command_line_add(line, "-drive");
        command_line_add(line, "file=%s,format=raw,if=none,id=drive%zu,readonly=%s", path, i,
                         d->disks[i].readonly ? "on" : "off");
        command_line_add(line, "-device");
        command_line_add(line, "virtio-blk-pci,drive=drive%zu", i);
    }
}

static void add_qemu_monitors(struct command_line *line, const char *folder)
{
    static const char *const roles[] = { "control", "query", "watch" };
    _cleanup_free_ char *escaped = escape(folder);

    if (!escaped) {
        line->failed = true;
        return;
    }
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        command_line_add(line, "-chardev");
        command_line_add(line, "socket,id=qmp-%s,path=%s/%s,server=on,wait=off", roles[i], escaped,
                         roles[i]);
        command_line_add(line, "-mon");
        command_line_add(line, "chardev=qmp-%s,mode=control", roles[i]);
    }
}

static void add_kernel(struct command_line *line, const char *dashes, const struct definition *d)
{
    const struct {
        const char *name, *value;
    } options[] = { { "kernel", d->kernel }, { "initrd", d->initrd }, { "append", d->cmdline } };

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        if (options[i].value) {
            command_line_add(line, "%s%s", dashes, options[i].name);
            command_line_add(line, "%s", options[i].value);
        }
}

int launch_qemu(const struct definition *d, const char *folder, struct command_line *line,
                struct cpuctl_error *error)
{
    _cleanup_free_ char *name = escape(d->name);
    bool kvm = d->type == DEFINITION_KVM;
    int r;

    command_line_add(line, "%s", d->emulator ? d->emulator : "/usr/bin/qemu-system-x86_64");
    command_line_add(line, "-name");
    command_line_add(line, "guest=%s,debug-threads=on", name ? name : "");
    command_line_add(line, "-S");
    command_line_add(line, "-nodefaults");
    command_line_add(line, "-no-user-config");
    command_line_add(line, "-display");
    command_line_add(line, "none");
    command_line_add(line, "-uuid");
    command_line_add(line, "%s", d->uuid);
    command_line_add(line, "-machine");
    command_line_add(line, "%s,mem-merge=%s", d->machine ? d->machine : "q35",
                     d->nosharepages ? "off" : "on");
    command_line_add(line, "-accel");
    command_line_add(line, kvm ? "kvm" : "tcg");
    command_line_add(line, "-cpu");
    command_line_add(line, "%s%s", cpu_model(d), d->cpu_features);
    add_qemu_memory(line, d);
    r = add_qemu_vcpus(line, d, error);
    if (r < 0)
        return r;
    add_kernel(line, "-", d);
    if (d->reboot_destroys)
        command_line_add(line, "-no-reboot");
    add_qemu_monitors(line, folder);
    add_qemu_chardevs(line, d, folder);
    add_qemu_disks(line, d);
    if (d->rng) {
        command_line_add(line, "-object");
        command_line_add(line, "rng-random,id=rng0,filename=/dev/urandom");
        command_line_add(line, "-device");
        command_line_add(line, "virtio-rng-pci,rng=rng0");
    }
    line->failed = line->failed || !name;
    return 0;
}

/* ---- cpuvmm ---- */

static int add_cpuvmm_end(struct command_line *line, const struct definition_chardev *c,
                          const char *usual, struct cpuctl_error *error)
{
    const char *path = c->path ? c->path : usual;
    const char *name = c->port == DEFINITION_CHANNEL ? c->name : "";

    if (c->port == DEFINITION_VIRTIO_CONSOLE)
        return cpuctl_error_set(error, -ENOTSUP,
                                "unsupported configuration: cpuvmm does not have a virtio "
                                "<console>, only a serial one");
    if (c->port == DEFINITION_SERIAL) {
        command_line_add(line, "--serial");
        if (c->end == DEFINITION_END_PTY)
            command_line_add(line, "pty");
        else
            command_line_add(line, "%s:%s", c->end == DEFINITION_END_UNIX ? "unix" : "file",
                             c->end == DEFINITION_END_NULL ? "/dev/null" : path);
        return 0;
    }
    command_line_add(line, is_agent(c) ? "--agent" : "--console");
    command_line_add(line, is_agent(c) ? "%sunix:%s" : "%s=unix:%s", is_agent(c) ? "" : name, path);
    return 0;
}

static int add_cpuvmm_devices(struct command_line *line, const struct definition *d,
                              const char *folder, struct cpuctl_error *error)
{
    unsigned int serials = 0;
    int r = 0;

    for (size_t i = 0; i < d->n_chardevs && r == 0; i++) {
        _cleanup_free_ char *usual = usual_path(&d->chardevs[i], folder, i);

        serials += d->chardevs[i].port == DEFINITION_SERIAL;
        if (!usual)
            line->failed = true;
        else
            r = add_cpuvmm_end(line, &d->chardevs[i], usual, error);
    }
    if (r == 0 && serials > 1)
        return cpuctl_error_set(
            error, -ENOTSUP, "unsupported configuration: cpuvmm has one <serial>, not %u", serials);
    if (serials == 0) {
        command_line_add(line, "--serial");
        command_line_add(line, "file:/dev/null");
    }
    for (size_t i = 0; i < d->n_disks && r == 0; i++) {
        if (strchr(d->disks[i].path, ','))
            return cpuctl_error_set(error, -ENOTSUP,
                                    "unsupported configuration: cpuvmm does not take a comma in "
                                    "<source file='%.200s'/>",
                                    d->disks[i].path);
        command_line_add(line, "--drive");
        command_line_add(line, "file=%s,format=raw%s", d->disks[i].path,
                         d->disks[i].readonly ? ",readonly=on" : "");
    }
    return r;
}

static void add_cpuvmm_numa(struct command_line *line, const struct definition *d)
{
    for (size_t i = 0; i < d->n_cells; i++) {
        _cleanup_free_ char *cpus = cpus_words(&d->cells[i]);

        command_line_add(line, "--numa");
        command_line_add(line, "node,nodeid=%zu%s,mem=%lluK", i, cpus ? cpus : "",
                         (unsigned long long)d->cells[i].memory_kib);
        line->failed = line->failed || !cpus;
    }
}

int launch_cpuvmm(const struct definition *d, const char *folder, struct command_line *line,
                  struct cpuctl_error *error)
{
    for (unsigned int i = 0; i < d->vcpu_current; i++)
        if (!d->vcpus[i].enabled)
            return cpuctl_error_set(error, -ENOTSUP,
                                    "unsupported configuration: cpuvmm starts with the first vCPUs "
                                    "enabled; vCPU %u is not",
                                    i);
    command_line_add(line, "%s", d->emulator);
    command_line_add(line, "--name");
    command_line_add(line, "%s", d->name);
    command_line_add(line, "-S");
    command_line_add(line, "--cpu");
    command_line_add(line, "%s%s", cpu_model(d), d->cpu_features);
    command_line_add(line, "--memory");
    command_line_add(line, "%lluK", (unsigned long long)d->memory_kib);
    if (d->hugepages) {
        command_line_add(line, "--mem-path");
        command_line_add(line, HUGEPAGES);
    }
    /* KSM merges anonymous memory only, and huge pages are a file's; not each host has it. */
    if (!d->nosharepages && !d->hugepages && access(KSM, F_OK) == 0)
        command_line_add(line, "--mem-merge");
    add_smp(line, "--smp", d, d->vcpu_current);
    add_cpuvmm_numa(line, d);
    add_kernel(line, "--", d);
    command_line_add(line, "--qmp");
    command_line_add(line, "unix:%s/control", folder);
    return add_cpuvmm_devices(line, d, folder, error);
}

int launch_command_line(const struct definition *d, const char *folder,
                        struct command_line *ret_line, struct cpuctl_error *error)
{
    struct command_line line = { 0 };
    int r = d->vmm == DEFINITION_VMM_CPUVMM ? launch_cpuvmm(d, folder, &line, error)
                                            : launch_qemu(d, folder, &line, error);

    if (r == 0 && line.failed)
        r = cpuctl_error_set(error, -ENOMEM, "memory is short");
    if (r < 0) {
        command_line_free(&line);
        return r;
    }
    *ret_line = line;
    return 0;
}
