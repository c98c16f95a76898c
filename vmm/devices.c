/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The PCI devices of a VM. */
#include "devices.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>

#include "console-port.h"
#include "control.h"
#include "cpuctl.h"
#include "fail.h"
#include "libcpuctl/cleanup.h"
#include "virtio-blk.h"
#include "virtio-kvm.h"
#include "virtio-rng.h"
#include "vm.h"

#define AGENT_PORT "org.qemu.guest_agent.0"

struct drive {
    struct virtio_blk *blk;
    struct virtio_kvm *kvm;
    sd_event_source *source;
};

struct devices {
    struct vm *vm;
    struct pci_bus pci;
    struct virtio_rng *rng;
    struct virtio_console *console;
    struct virtio_kvm *rng_kvm, *console_kvm;
    struct console_port *ports[VIRTIO_CONSOLE_PORTS_MAX];
    unsigned int port_count, drive_count;
    struct drive drives[DEVICES_DRIVES_MAX];
};

/* ---- console ports ---- */

static void on_opened(void *opaque, const char *name, bool open)
{
    const struct devices *devices = opaque;

    control_port_changed(devices->vm->control, name, open);
}

const struct console_port *devices_port(const struct devices *devices, unsigned int number)
{
    return number < devices->port_count ? devices->ports[number] : NULL;
}

/* --agent END, --console NAME=END */
static int add_port(struct devices *devices, const struct devices_option *option,
                    struct cpuctl_error *error)
{
    const bool agent = option->kind == DEVICES_AGENT;
    const char *equals = strchr(option->text, '=');
    struct console_port_config config = {
        .event = devices->vm->event,
        .console = devices->console,
        .opened = on_opened,
        .opaque = devices,
        .option = agent ? "--agent" : "--console",
        .end = agent    ? option->text
               : equals ? equals + 1
                        : NULL,
    };
    _cleanup_free_ char *name = agent ? strdup(AGENT_PORT) : NULL;
    int r;

    if (!config.end)
        return cpuctl_error_set(error, -EINVAL, "--console: \"%s\" does not have the form NAME=END",
                                option->text);
    if (!agent)
        name = strndup(option->text, (size_t)(equals - option->text));
    if (!name)
        return fail_system(error, -ENOMEM, "%s", config.option);
    config.name = name;
    r = console_port_new(&config, &devices->ports[devices->port_count], error);
    if (r >= 0)
        devices->port_count++;
    return r;
}

static int make_console(struct devices *devices, const struct devices_option *options, size_t count,
                        struct cpuctl_error *error)
{
    struct vm *vm = devices->vm;
    unsigned int ports = 0;
    int r;

    for (size_t i = 0; i < count; i++)
        ports += options[i].kind != DEVICES_DRIVE;
    if (ports == 0)
        return 0;
    if (ports > VIRTIO_CONSOLE_PORTS_MAX)
        return cpuctl_error_set(error, -ENOSPC, "--console: %u ports, with --agent; at most %d",
                                ports, VIRTIO_CONSOLE_PORTS_MAX);
    r = virtio_console_new(&vm->memory, ports, &devices->console);
    if (r < 0)
        return fail_system(error, r, "--console");
    for (size_t i = 0; i < count; i++) {
        r = options[i].kind != DEVICES_DRIVE ? add_port(devices, &options[i], error) : 0;
        if (r < 0)
            return r;
    }
    r = virtio_kvm_new(vm, &devices->pci, virtio_console_device(devices->console),
                       &devices->console_kvm);
    return r < 0 ? fail_system(error, r, "--console") : 0;
}

/* ---- drives ---- */

static int on_drive(sd_event_source *source, int fd, uint32_t events, void *data)
{
    (void)source;
    (void)fd;
    (void)events;
    virtio_blk_complete(data);
    return 0;
}

/* file=PATH,format=raw[,readonly=on|off]. @text is cut into its words. */
static int parse_drive(char *text, struct virtio_blk_options *ret_options,
                       struct cpuctl_error *error)
{
    struct virtio_blk_options options = { 0 };
    bool raw = false;
    char *rest;

    for (char *word = strtok_r(text, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        if (strncmp(word, "file=", 5) == 0 && word[5] != '\0')
            options.path = word + 5;
        else if (strcmp(word, "format=raw") == 0)
            raw = true;
        else if (strcmp(word, "readonly=on") == 0)
            options.read_only = true;
        else if (strcmp(word, "readonly=off") == 0)
            options.read_only = false;
        else
            return cpuctl_error_set(error, -EINVAL,
                                    "--drive: \"%s\" is none of file=PATH, format=raw, "
                                    "readonly=on and readonly=off",
                                    word);
    }
    if (!options.path || !raw)
        return cpuctl_error_set(error, -EINVAL, "--drive: %s is missing",
                                options.path ? "format=raw" : "file=PATH");
    *ret_options = options;
    return 0;
}

static int add_drive(struct devices *devices, const char *text, struct cpuctl_error *error)
{
    struct drive *drive = &devices->drives[devices->drive_count];
    _cleanup_free_ char *words = strdup(text);
    struct virtio_blk_options options;
    char serial[21];
    int r;

    if (devices->drive_count == DEVICES_DRIVES_MAX)
        return cpuctl_error_set(error, -ENOSPC, "--drive: at most %d", DEVICES_DRIVES_MAX);
    r = words ? parse_drive(words, &options, error) : fail_system(error, -ENOMEM, "--drive");
    if (r < 0)
        return r;
    snprintf(serial, sizeof(serial), "drive%u", devices->drive_count++);
    options.serial = serial;
    r = virtio_blk_new(&devices->vm->memory, &options, &drive->blk, error);
    if (r < 0)
        return r;
    r = sd_event_add_io(devices->vm->event, &drive->source, virtio_blk_fd(drive->blk), EPOLLIN,
                        on_drive, drive->blk);
    if (r >= 0)
        r = virtio_kvm_new(devices->vm, &devices->pci, virtio_blk_device(drive->blk), &drive->kvm);
    return r < 0 ? fail_system(error, r, "--drive") : 0;
}

/* ---- all of them ---- */

static int make_all(struct devices *devices, const struct devices_option *options, size_t count,
                    struct cpuctl_error *error)
{
    struct vm *vm = devices->vm;
    int r = pci_bus_init(&devices->pci, &vm->mmio);

    if (r < 0)
        return fail_system(error, r, "the PCI bus");
    r = make_console(devices, options, count, error); /* first: its ports are vport0pN */
    for (size_t i = 0; r >= 0 && i < count; i++) {
        if (options[i].kind == DEVICES_DRIVE)
            r = add_drive(devices, options[i].text, error);
    }
    if (r < 0)
        return r;
    r = virtio_rng_new(&vm->memory, &devices->rng);
    if (r >= 0)
        r = virtio_kvm_new(vm, &devices->pci, virtio_rng_device(devices->rng), &devices->rng_kvm);
    return r < 0 ? fail_system(error, r, "the entropy device") : 0;
}

int devices_new(struct vm *vm, const struct devices_option *options, size_t count,
                struct devices **ret_devices, struct cpuctl_error *error)
{
    struct devices *devices = calloc(1, sizeof(*devices));
    int r;

    if (!devices)
        return fail_system(error, -ENOMEM, "the PCI bus");
    devices->vm = vm;
    r = make_all(devices, options, count, error);
    if (r < 0) {
        devices_free(devices);
        return r;
    }
    *ret_devices = devices;
    return 0;
}

void devices_free(struct devices *devices)
{
    if (!devices)
        return;
    for (unsigned int i = 0; i < devices->drive_count; i++) {
        sd_event_source_disable_unref(devices->drives[i].source);
        virtio_kvm_free(devices->drives[i].kvm);
        virtio_blk_free(devices->drives[i].blk);
    }
    virtio_kvm_free(devices->console_kvm);
    for (unsigned int i = 0; i < devices->port_count; i++)
        console_port_free(devices->ports[i]);
    virtio_console_free(devices->console);
    virtio_kvm_free(devices->rng_kvm);
    virtio_rng_free(devices->rng);
    free(devices);
}

void devices_reset(struct devices *devices)
{
    pci_bus_reset(&devices->pci);
}
