/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The host's end of a guest's byte stream: stdio, a file, a listening unix socket with one client
 * at a time, or a pty. Reading and writing never block; the user is told, edge-triggered, when more
 * can be read or written. With the VM's lock held.
 */
#ifndef VMM_CHARDEV_H
#define VMM_CHARDEV_H

#include <stdbool.h>
#include <stddef.h>

struct chardev;
struct cpuctl_error;
struct sd_event;

/** The device's side; called in the main thread. */
struct chardev_ops {
    /** There may be something to read, or room to write, again. */
    void (*ready)(void *device);
    /** A client has come or gone; may be NULL. */
    void (*connected)(void *device, bool connected);
};

/**
 * Opens what @text says: "stdio", "file:PATH", "unix:PATH" or "pty". @option: how error sentences
 * begin ("--serial"). Returns 0, -EINVAL or the system's error, with a sentence.
 */
int chardev_new(struct sd_event *event, const char *option, const char *text,
                struct chardev **ret_chardev, struct cpuctl_error *error);
/** Takes NULL. */
void chardev_free(struct chardev *chardev);
void chardev_attach(struct chardev *chardev, const struct chardev_ops *ops, void *device);

/** Whether somebody is there to read: without, what is written is dropped. */
bool chardev_connected(const struct chardev *chardev);
/** "pty:/dev/pts/3", or what was asked for: QMP's filename. */
const char *chardev_name(const struct chardev *chardev);
/** Reads up to @size bytes. Returns how many, 0 when there are none now. */
size_t chardev_read(struct chardev *chardev, void *data, size_t size);
/** Writes up to @size bytes. Returns how many were taken. */
size_t chardev_write(struct chardev *chardev, const void *data, size_t size);

#endif
