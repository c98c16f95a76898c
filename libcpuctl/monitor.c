/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The hotplug monitor: uevents of the subsystem "cpu" by libudev, which checks who sent them. With
 * udevd it listens to what udevd passes on, so that rules have been applied by the time an event is
 * seen; without it (an initramfs) to the kernel.
 */
#include "monitor.h"

#include <errno.h>
#include <libudev.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "coldplug.h"
#include "cpuset.h"
#include "error.h"
#include "root.h"

/** The socket's buffer: some 6,000 events. Used only while events wait. */
#define BUFFER_SIZE (8 * 1024 * 1024)
/** How many foreign or malformed messages one call reads past before it gives way to the loop. */
#define IGNORED_MAX 64U
/** The largest MADT: 65,536 entries of 16 bytes. */
#define MADT_SIZE_MAX (1024 * 1024)

struct cpuctl_monitor {
    struct cpuctl_root *root;
    struct udev *udev;
    struct udev_monitor *udev_monitor;
    struct cpuctl_set *hot;  /**< were added while we watched */
    struct cpuctl_set *gone; /**< were removed while we watched, and not added again */
    char *madt;              /**< the ACPI table, or NULL */
    size_t madt_size;
};

DEFINE_CLEANUP(struct cpuctl_monitor *, cpuctl_monitor_free);

void cpuctl_monitor_free(struct cpuctl_monitor *monitor)
{
    if (!monitor)
        return;
    udev_monitor_unref(monitor->udev_monitor);
    udev_unref(monitor->udev);
    cpuctl_set_free(monitor->hot);
    cpuctl_set_free(monitor->gone);
    free(monitor->madt);
    free(monitor);
}

/** Opens the socket. Returns 0 or a negative errno. */
static int listen_to_udev(struct cpuctl_monitor *monitor)
{
    const char *group = root_exists(monitor->root, "run/udev/control") == 1 ? "udev" : "kernel";
    int r;

    monitor->udev = udev_new();
    if (!monitor->udev)
        return -ENOMEM;
    errno = 0;
    monitor->udev_monitor = udev_monitor_new_from_netlink(monitor->udev, group);
    if (!monitor->udev_monitor)
        return errno > 0 ? -errno : -ENOMEM;
    r = udev_monitor_filter_add_match_subsystem_devtype(monitor->udev_monitor, "cpu", NULL);
    if (r < 0)
        return r;
    /* More than the system's limit needs CAP_NET_ADMIN; without it the limit has to do. */
    udev_monitor_set_receive_buffer_size(monitor->udev_monitor, BUFFER_SIZE);
    return udev_monitor_enable_receiving(monitor->udev_monitor);
}

int cpuctl_monitor_new(struct cpuctl_root *root, struct cpuctl_monitor **ret_monitor,
                       struct cpuctl_error *error)
{
    _cleanup_(cpuctl_monitor_freep) struct cpuctl_monitor *monitor = NULL;
    ssize_t n;
    int r;

    if (!cpuctl_root_is_live(root))
        return error_set(error, -EROFS, "%s: a recorded tree has no hotplug events", root->path);
    monitor = calloc(1, sizeof(*monitor));
    if (monitor) {
        monitor->hot = cpuctl_set_new();
        monitor->gone = cpuctl_set_new();
    }
    if (!monitor || !monitor->hot || !monitor->gone)
        return error_set(error, -ENOMEM, "out of memory for a hotplug monitor");
    monitor->root = root;
    r = listen_to_udev(monitor);
    if (r < 0)
        return error_set(error, r, "uevents can not be listened to: %s", strerrordesc_np(-r));
    /* Only root may read it, and not all machines have it. */
    n = cpuctl_root_read(root, "sys/firmware/acpi/tables/APIC", MADT_SIZE_MAX, &monitor->madt,
                         NULL);
    monitor->madt_size = n > 0 ? (size_t)n : 0;
    *ret_monitor = TAKE_PTR(monitor);
    return 0;
}

int cpuctl_monitor_fd(const struct cpuctl_monitor *monitor)
{
    return udev_monitor_get_fd(monitor->udev_monitor);
}

bool cpuctl_monitor_is_hot(const struct cpuctl_monitor *monitor, unsigned int cpu)
{
    if (cpuctl_set_has(monitor->hot, cpu))
        return true;
    if (cpuctl_set_has(monitor->gone, cpu) || !monitor->madt)
        return false;
    if (cpuctl_can_offline(monitor->root, cpu) == -ENODEV) /* it is not there */
        return false;
    return coldplug_was_enabled(monitor->root, (const uint8_t *)monitor->madt, monitor->madt_size,
                                cpu) == 0;
}

/** The number in "cpuN", N as the kernel writes it. */
static bool parse_cpu_name(const char *name, unsigned int *ret_cpu)
{
    unsigned int cpu = 0;
    const char *digits;

    if (strncmp(name, "cpu", 3) != 0)
        return false;
    digits = name + 3;
    if (*digits == '\0' || (digits[0] == '0' && digits[1] != '\0'))
        return false;
    for (const char *p = digits; *p; p++) {
        if (*p < '0' || *p > '9')
            return false;
        cpu = cpu * 10 + (unsigned int)(*p - '0');
        if (cpu >= CPUCTL_CPUS_MAX)
            return false;
    }
    *ret_cpu = cpu;
    return true;
}

bool monitor_decode(const char *action, const char *sysname, const char *synthetic,
                    enum cpuctl_event_type *ret_type, unsigned int *ret_cpu)
{
    /* enum kobject_action and its words: lib/kobject_uevent.c */
    static const struct {
        const char *action;
        enum cpuctl_event_type type;
    } actions[] = {
        { "add", CPUCTL_EVENT_ADDED },
        { "remove", CPUCTL_EVENT_REMOVED },
        { "online", CPUCTL_EVENT_ONLINED },
        { "offline", CPUCTL_EVENT_OFFLINED },
    };

    if (!action || !sysname || synthetic)
        return false;
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (strcmp(action, actions[i].action) != 0)
            continue;
        if (!parse_cpu_name(sysname, ret_cpu))
            return false;
        *ret_type = actions[i].type;
        return true;
    }
    return false;
}

/** Keeps account of what came and went. Returns 0 or -ENOMEM. */
static int take_note(struct cpuctl_monitor *monitor, struct cpuctl_event *event)
{
    int r = 0;

    event->hot = cpuctl_monitor_is_hot(monitor, event->cpu);
    if (event->type == CPUCTL_EVENT_ADDED) {
        event->hot = true;
        r = cpuctl_set_add(monitor->hot, event->cpu);
        cpuctl_set_remove(monitor->gone, event->cpu);
    } else if (event->type == CPUCTL_EVENT_REMOVED) {
        r = cpuctl_set_add(monitor->gone, event->cpu);
        cpuctl_set_remove(monitor->hot, event->cpu);
    } else {
        return 0;
    }
    cpuctl_root_forget_cpu(monitor->root, event->cpu);
    return r;
}

/** After a loss nothing that was kept can be relied on. */
static void forget_all(struct cpuctl_monitor *monitor)
{
    cpuctl_set_clear(monitor->gone);
    for (size_t cpu = 0; cpu < monitor->root->n_can_offline; cpu++)
        cpuctl_root_forget_cpu(monitor->root, (unsigned int)cpu);
}

static uint64_t now_usec(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/**
 * Reads one message. Returns 1 with an event, 0 for a message that is of no interest, -EAGAIN when
 * there is none, or another negative errno.
 */
static int receive(struct cpuctl_monitor *monitor, struct cpuctl_event *ret_event)
{
    struct cpuctl_event event = { .time_usec = now_usec() };
    struct udev_device *device;
    bool ours;
    int r;

    errno = 0;
    device = udev_monitor_receive_device(monitor->udev_monitor);
    if (!device) {
        if (errno == ENOBUFS) {
            forget_all(monitor);
            event.type = CPUCTL_EVENT_LOST;
            *ret_event = event;
            return 1;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == 0)
            return -EAGAIN;
        /* What libudev can't read or does not trust is not for us. */
        return errno == ENOMEM || errno == EBADF || errno == ENOTSOCK ? -errno : 0;
    }
    ours = monitor_decode(udev_device_get_action(device), udev_device_get_sysname(device),
                          udev_device_get_property_value(device, "SYNTH_UUID"), &event.type,
                          &event.cpu);
    udev_device_unref(device);
    if (!ours)
        return 0;
    r = take_note(monitor, &event);
    if (r < 0)
        return r;
    *ret_event = event;
    return 1;
}

int cpuctl_monitor_next(struct cpuctl_monitor *monitor, struct cpuctl_event *ret_event)
{
    for (unsigned int i = 0; i < IGNORED_MAX; i++) {
        int r = receive(monitor, ret_event);

        if (r == -EAGAIN)
            return 0;
        if (r != 0)
            return r;
    }
    return 0;
}
