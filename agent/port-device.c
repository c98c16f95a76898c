/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The transports that open a device: a virtio-serial port, found by its name, and a serial line.
 * A device that is not there (yet, or any more) is waited for by uevents, a busy one by inotify.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <libudev.h>

#include "agent/config.h"
#include "agent/holder.h"
#include "agent/log.h"
#include "agent/port-internal.h"
#include "libcpuctl/cpuctl.h"

/* The holder's close is announced before the driver has let go (fs/file_table.c: __fput()). */
#define BUSY_RETRIES    6U
#define BUSY_FIRST_USEC (20U * 1000U)

/* A device that broke is tried again after this time, if no event comes sooner. */
#define LOST_RETRY_USEC (1000U * 1000U)

struct device {
    struct udev *udev;
    struct udev_monitor *monitor;
    sd_event_source *monitor_source;
    sd_event_source *retry_source;
    sd_event_source *inotify_source;
    unsigned int retries; /* left, for a device that its holder has just closed */
    int told;             /* the errno that was last logged, so that it is logged once */
};

DEFINE_CLEANUP(struct udev_enumerate *, udev_enumerate_unref);
DEFINE_CLEANUP(struct udev_device *, udev_device_unref);

static void try_open(struct port *port);

static bool is_virtio(const struct port *port)
{
    return port->config->method == METHOD_VIRTIO_SERIAL;
}

/* The name of the virtio-serial port that is looked for, or NULL when @path is a plain device. */
static const char *port_name(const struct port *port)
{
    static const char by_name[] = "/dev/virtio-ports/";
    const char *path = port->config->path;

    if (!is_virtio(port))
        return NULL;
    if (!path)
        return PORT_DEFAULT_NAME;
    if (strncmp(path, by_name, strlen(by_name)) == 0)
        return path + strlen(by_name);
    return strchr(path, '/') ? NULL : path;
}

/*
 * The device of the virtio-serial port called @name. sysfs is asked instead of /dev/virtio-ports,
 * whose links need udevd.
 */
static int find_by_name(struct device *device, const char *name, char **ret_path)
{
    _cleanup_(udev_enumerate_unrefp) struct udev_enumerate *found =
        udev_enumerate_new(device->udev);
    struct udev_list_entry *entry;

    if (!found || udev_enumerate_add_match_subsystem(found, "virtio-ports") < 0 ||
        udev_enumerate_scan_devices(found) < 0)
        return -ENOMEM;
    udev_list_entry_foreach(entry, udev_enumerate_get_list_entry(found))
    {
        _cleanup_(udev_device_unrefp) struct udev_device *d =
            udev_device_new_from_syspath(device->udev, udev_list_entry_get_name(entry));
        const char *its_name = d ? udev_device_get_sysattr_value(d, "name") : NULL;
        const char *node = d ? udev_device_get_devnode(d) : NULL;

        if (its_name && node && strcmp(its_name, name) == 0) {
            *ret_path = strdup(node);
            return *ret_path ? 0 : -ENOMEM;
        }
    }
    return -ENOENT;
}

static int find_path(struct port *port, char **ret_path)
{
    const char *name = port_name(port);

    if (name)
        return find_by_name(port->transport, name, ret_path);
    *ret_path = strdup(port->config->path ? port->config->path : PORT_DEFAULT_SERIAL);
    return *ret_path ? 0 : -ENOMEM;
}

/* Bytes as they are, and no waiting for a carrier (termios(3)). */
static int make_raw(int fd)
{
    struct termios line;

    if (tcgetattr(fd, &line) < 0)
        return -errno;
    cfmakeraw(&line);
    line.c_cflag |= CREAD | CLOCAL;
    line.c_cc[VMIN] = 1;
    line.c_cc[VTIME] = 0;
    return tcsetattr(fd, TCSANOW, &line) < 0 ? -errno : 0;
}

static int open_device(struct port *port, const char *path)
{
    _cleanup_close_ int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    struct stat st;
    int r;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISCHR(st.st_mode))
        return -ENOTTY;
    r = is_virtio(port) ? 0 : make_raw(fd);
    return r < 0 ? r : take_fd(&fd);
}

/* Called from on_retry() too, whose source it drops: sd-event keeps that until the end of it. */
static void forget_waits(struct device *device)
{
    device->inotify_source = sd_event_source_disable_unref(device->inotify_source);
    device->retry_source = sd_event_source_disable_unref(device->retry_source);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source;
    (void)usec;
    try_open(userdata);
    return 0;
}

static int on_holder_closed(sd_event_source *source, const struct inotify_event *event,
                            void *userdata)
{
    struct port *port = userdata;
    struct device *device = port->transport;

    (void)source;
    (void)event;
    device->retries = BUSY_RETRIES;
    try_open(port);
    return 0;
}

static int retry_after(struct port *port, uint64_t usec)
{
    struct device *device = port->transport;

    device->retry_source = sd_event_source_disable_unref(device->retry_source);
    return sd_event_add_time_relative(port->loop, &device->retry_source, CLOCK_MONOTONIC, usec, 0,
                                      on_retry, port);
}

/* Somebody else has the device: wait until it is closed. */
static void wait_for_holder(struct port *port, const char *path)
{
    struct device *device = port->transport;
    char holder[128];

    if (device->retries > 0) {
        uint64_t wait = (uint64_t)BUSY_FIRST_USEC << (BUSY_RETRIES - device->retries);

        device->retries--;
        if (retry_after(port, wait) >= 0)
            return;
    }
    holder_describe(path, holder, sizeof(holder));
    port_set_describe(port, "%s is held by %s", path, holder);
    if (device->told != EBUSY)
        log_write(LOG_WARNING, "%s is in use by %s; waiting until it is closed", path, holder);
    device->told = EBUSY;
    if (device->inotify_source)
        return;
    if (sd_event_add_inotify(port->loop, &device->inotify_source, path, IN_CLOSE | IN_DELETE_SELF,
                             on_holder_closed, port) < 0)
        log_write(LOG_ERR, "%s: can't watch for its closing: %s", path, strerror(errno));
    else /* it may have been closed after we tried and before the watch */
        (void)retry_after(port, BUSY_FIRST_USEC);
}

/* It is not there, or can't be opened: that is waited for, or the end. */
static void wait_for_device(struct port *port, const char *path, int code)
{
    struct device *device = port->transport;
    const char *what = path ? path : port_name(port);

    if (!what)
        what = PORT_DEFAULT_SERIAL;
    if (!port->config->retry_path) {
        port_set_describe(port, "%s", what);
        port->failed(port->userdata, -code);
        return;
    }
    port_set_describe(port, "waiting for %s", what);
    if (device->told != code)
        log_write(LOG_NOTICE, "%s: %s; waiting for it", what, strerror(code));
    device->told = code;
}

static void try_open(struct port *port)
{
    struct device *device = port->transport;
    _cleanup_free_ char *path = NULL;
    int fd, r;

    if (port->fd >= 0)
        return;
    r = find_path(port, &path);
    fd = r < 0 ? r : open_device(port, path);
    if (fd == -EBUSY) {
        wait_for_holder(port, path);
        return;
    }
    forget_waits(device);
    if (fd < 0) {
        wait_for_device(port, path, -fd);
        return;
    }
    device->told = 0;
    device->retries = 0;
    port->fd = fd;
    port_set_describe(port, "%s", path);
    log_write(LOG_INFO, "opened %s", path);
    port->connected(port->userdata, fd, is_virtio(port) ? PORT_DEVICE : PORT_LINE);
}

static int on_uevent(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    struct port *port = userdata;
    struct device *device = port->transport;
    struct udev_device *d;
    bool seen = false;

    (void)source;
    (void)fd;
    (void)events;
    while ((d = udev_monitor_receive_device(device->monitor))) {
        seen = true;
        udev_device_unref(d);
    }
    if (seen)
        try_open(port);
    return 0;
}

static int watch(struct port *port, struct device *device, struct cpuctl_error *error)
{
    /* Without udevd only the kernel's own messages come (udev_monitor_new_from_netlink(3)). */
    const char *group = access("/run/udev/control", F_OK) == 0 ? "udev" : "kernel";
    int r;

    device->monitor = udev_monitor_new_from_netlink(device->udev, group);
    if (!device->monitor)
        return cpuctl_error_set(error, -errno, "device events: %s", strerror(errno));
    r = udev_monitor_filter_add_match_subsystem_devtype(
        device->monitor, is_virtio(port) ? "virtio-ports" : "tty", NULL);
    if (r >= 0)
        r = udev_monitor_enable_receiving(device->monitor);
    if (r >= 0)
        r = sd_event_add_io(port->loop, &device->monitor_source,
                            udev_monitor_get_fd(device->monitor), EPOLLIN, on_uevent, port);
    return r < 0 ? cpuctl_error_set(error, r, "device events: %s", strerror(-r)) : 0;
}

static int device_start(struct port *port, struct cpuctl_error *error)
{
    struct device *device = calloc(1, sizeof(*device));
    int r;

    if (!device)
        return cpuctl_error_set(error, -ENOMEM, "out of memory");
    port->transport = device;
    device->udev = udev_new();
    if (!device->udev)
        return cpuctl_error_set(error, -ENOMEM, "out of memory");
    r = watch(port, device, error);
    if (r < 0)
        return r;
    try_open(port);
    return 0;
}

static void device_next(struct port *port, bool lost)
{
    struct device *device = port->transport;

    if (lost && !port->config->retry_path) {
        port->failed(port->userdata, -ENODEV);
        return;
    }
    device->told = 0;
    device->retries = BUSY_RETRIES;
    /* Not at once: a line that opens well and fails at the first read() would keep us spinning. */
    if (lost && retry_after(port, LOST_RETRY_USEC) >= 0)
        return;
    try_open(port);
}

static void device_stop(struct port *port)
{
    struct device *device = port->transport;

    if (!device)
        return;
    forget_waits(device);
    sd_event_source_disable_unref(device->monitor_source);
    if (device->monitor)
        udev_monitor_unref(device->monitor);
    if (device->udev)
        udev_unref(device->udev);
    free(device);
    port->transport = NULL;
}

const struct port_ops port_device_ops = {
    .start = device_start,
    .next = device_next,
    .stop = device_stop,
};
