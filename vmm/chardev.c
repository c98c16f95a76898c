/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host's end of a guest's byte stream. */
#include "chardev.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>
#include <termios.h>
#include <unistd.h>

#include "cpuctl.h"
#include "fail.h"
#include "libcpuctl/cleanup.h"
#include "libcpuctl/socket-file.h"
#include "listen.h"

/* What poll() calls writable takes this much without blocking, be it a pipe, a terminal or a file:
 * a pipe's PIPE_BUF is larger. */
#define CHUNK 512U

enum kind { KIND_STDIO, KIND_FILE, KIND_UNIX, KIND_PTY };

struct chardev {
    struct sd_event *event;
    enum kind kind;
    char *name;
    int in, out;  /* -1: nobody */
    int listener; /* of a unix socket */
    struct socket_file file;
    bool regular; /* file: it never blocks */
    bool restore; /* the terminal's settings are to be restored */
    struct termios settings;
    sd_event_source *in_source, *out_source, *listen_source;
    const struct chardev_ops *ops;
    void *device;
};

static void drop_client(struct chardev *chardev);

/* Whether something is left of what a client sent that may have gone. */
static bool has_input(const struct chardev *chardev)
{
    char byte;

    return recv(chardev->in, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static int on_ready(sd_event_source *source, int fd, uint32_t events, void *data)
{
    struct chardev *chardev = data;

    (void)source;
    (void)fd;
    if (chardev->ops)
        chardev->ops->ready(chardev->device);
    if (chardev->kind == KIND_UNIX && (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0 &&
        !has_input(chardev))
        drop_client(chardev);
    return 0;
}

/* Files are always ready, and epoll does not take them. */
static int watch(struct chardev *chardev, int fd, uint32_t events, sd_event_source **ret_source)
{
    int r = sd_event_add_io(chardev->event, ret_source, fd, events | EPOLLET, on_ready, chardev);

    return r == -EPERM ? 0 : r;
}

/* ---- unix sockets ---- */

static void drop_client(struct chardev *chardev)
{
    chardev->in_source = sd_event_source_disable_unref(chardev->in_source);
    close(chardev->in);
    chardev->in = chardev->out = -1;
    if (chardev->ops && chardev->ops->connected)
        chardev->ops->connected(chardev->device, false);
}

static int on_client(sd_event_source *source, int fd, uint32_t events, void *data)
{
    struct chardev *chardev = data;
    _cleanup_close_ int client = listen_accept(fd);

    (void)source;
    (void)events;
    /* One client at a time; a new one takes the place of one that has gone unnoticed. */
    if (client < 0)
        return 0;
    if (chardev->in >= 0) {
        struct pollfd state = { .fd = chardev->in, .events = POLLIN | POLLRDHUP };

        if (poll(&state, 1, 0) <= 0 || (state.revents & (POLLRDHUP | POLLHUP | POLLERR)) == 0)
            return 0;
        drop_client(chardev);
    }
    if (watch(chardev, client, EPOLLIN | EPOLLOUT | EPOLLRDHUP, &chardev->in_source) < 0)
        return 0;
    chardev->in = chardev->out = take_fd(&client);
    if (chardev->ops && chardev->ops->connected)
        chardev->ops->connected(chardev->device, true);
    return 0;
}

static int open_unix(struct chardev *chardev, const char *option, const char *path,
                     struct cpuctl_error *error)
{
    int r;

    chardev->listener = listen_unix(option, path, 1, &chardev->file, error);
    if (chardev->listener < 0)
        return chardev->listener;
    r = sd_event_add_io(chardev->event, &chardev->listen_source, chardev->listener, EPOLLIN,
                        on_client, chardev);
    return r < 0 ? fail_system(error, r, "%s %s", option, path) : 0;
}

/* ---- the others ---- */

/* The guest is to get every key, Ctrl-C too. */
static void set_raw(struct chardev *chardev)
{
    struct termios raw;

    if (tcgetattr(chardev->in, &chardev->settings) < 0)
        return;
    chardev->restore = true;
    raw = chardev->settings;
    cfmakeraw(&raw);
    raw.c_oflag |= OPOST;
    (void)tcsetattr(chardev->in, TCSANOW, &raw);
}

static int open_stdio(struct chardev *chardev)
{
    int r;

    chardev->in = STDIN_FILENO;
    chardev->out = STDOUT_FILENO;
    set_raw(chardev);
    r = watch(chardev, chardev->in, EPOLLIN, &chardev->in_source);
    if (r < 0)
        return r;
    return watch(chardev, chardev->out, EPOLLOUT, &chardev->out_source);
}

static int open_file(struct chardev *chardev, const char *path)
{
    struct stat status;

    chardev->out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0644);
    if (chardev->out < 0 || fstat(chardev->out, &status) < 0)
        return -errno;
    chardev->regular = S_ISREG(status.st_mode);
    return 0;
}

static int open_pty(struct chardev *chardev)
{
    _cleanup_close_ int peer = -1;
    char name[64];
    struct termios raw;

    chardev->in = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (chardev->in < 0)
        return -errno;
    chardev->out = chardev->in;
    if (grantpt(chardev->in) < 0 || unlockpt(chardev->in) < 0 ||
        ptsname_r(chardev->in, name, sizeof(name)) != 0)
        return -errno;
    /* The settings stay as long as our end; that this one was open once makes poll() say whether
     * there is a user. */
    peer = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (peer < 0)
        return -errno;
    if (tcgetattr(peer, &raw) == 0) {
        cfmakeraw(&raw);
        (void)tcsetattr(peer, TCSANOW, &raw);
    }
    free(chardev->name);
    if (asprintf(&chardev->name, "pty:%s", name) < 0) {
        chardev->name = NULL;
        return -ENOMEM;
    }
    return watch(chardev, chardev->in, EPOLLIN | EPOLLOUT, &chardev->in_source);
}

/* Returns 0, or a negative errno with a sentence. */
static int open_end(struct chardev *chardev, const char *option, const char *text,
                    struct cpuctl_error *error)
{
    int r;

    if (strncmp(text, "unix:", 5) == 0) {
        chardev->kind = KIND_UNIX;
        return open_unix(chardev, option, text + 5, error);
    }
    if (strcmp(text, "stdio") == 0) {
        chardev->kind = KIND_STDIO;
        r = open_stdio(chardev);
    } else if (strcmp(text, "pty") == 0) {
        chardev->kind = KIND_PTY;
        r = open_pty(chardev);
    } else if (strncmp(text, "file:", 5) == 0) {
        chardev->kind = KIND_FILE;
        r = open_file(chardev, text + 5);
    } else {
        return cpuctl_error_set(error, -EINVAL,
                                "%s: \"%s\" is not one of stdio, file:PATH, unix:PATH and pty",
                                option, text);
    }
    return r < 0 ? fail_system(error, r, "%s %s", option, text) : 0;
}

int chardev_new(struct sd_event *event, const char *option, const char *text,
                struct chardev **ret_chardev, struct cpuctl_error *error)
{
    struct chardev *chardev = calloc(1, sizeof(*chardev));
    int r;

    if (!chardev)
        return fail_system(error, -ENOMEM, "%s %s", option, text);
    *chardev = (struct chardev){ .event = event, .in = -1, .out = -1, .listener = -1 };
    chardev->name = strdup(text);
    r = chardev->name ? open_end(chardev, option, text, error)
                      : fail_system(error, -ENOMEM, "%s %s", option, text);
    if (r < 0) {
        chardev_free(chardev);
        return r;
    }
    *ret_chardev = chardev;
    return 0;
}

void chardev_free(struct chardev *chardev)
{
    if (!chardev)
        return;
    if (chardev->restore)
        (void)tcsetattr(chardev->in, TCSANOW, &chardev->settings);
    sd_event_source_disable_unref(chardev->in_source);
    sd_event_source_disable_unref(chardev->out_source);
    sd_event_source_disable_unref(chardev->listen_source);
    if (chardev->out >= 0 && chardev->kind != KIND_STDIO)
        close(chardev->out);
    if (chardev->listener >= 0) {
        socket_file_remove(chardev->name + strlen("unix:"), &chardev->file);
        close(chardev->listener);
    }
    free(chardev->name);
    free(chardev);
}

void chardev_attach(struct chardev *chardev, const struct chardev_ops *ops, void *device)
{
    chardev->ops = ops;
    chardev->device = device;
}

bool chardev_connected(const struct chardev *chardev)
{
    return chardev->out >= 0;
}

const char *chardev_name(const struct chardev *chardev)
{
    return chardev->name;
}

/* The files of stdio and the pty may be in blocking mode, and not only ours: poll() first. Returns
 * what poll() says: 0 for not now. */
static short readiness(int fd, short events)
{
    struct pollfd state = { .fd = fd, .events = events };

    return poll(&state, 1, 0) > 0 ? state.revents : 0;
}

size_t chardev_read(struct chardev *chardev, void *data, size_t size)
{
    ssize_t got;

    if (chardev->in < 0 || size == 0 || readiness(chardev->in, POLLIN) == 0)
        return 0;
    got = read(chardev->in, data, size);
    /* All is read that the client sent: this makes an event, on which it is dropped. */
    if (got == 0 && chardev->kind == KIND_UNIX)
        (void)shutdown(chardev->in, SHUT_RDWR);
    return got > 0 ? (size_t)got : 0;
}

size_t chardev_write(struct chardev *chardev, const void *data, size_t size)
{
    size_t count = size < CHUNK ? size : CHUNK;
    ssize_t done;
    short ready;

    if (chardev->out < 0)
        return size;
    if (chardev->kind == KIND_UNIX) {
        done = send(chardev->out, data, count, MSG_DONTWAIT | MSG_NOSIGNAL);
    } else {
        ready = chardev->regular ? POLLOUT : readiness(chardev->out, POLLOUT);
        if (ready == 0)
            return 0;
        if (chardev->kind == KIND_PTY && (ready & POLLHUP) != 0)
            return size; /* no user */
        done = write(chardev->out, data, count);
    }
    if (done >= 0)
        return (size_t)done;
    /* Who does not take it any more loses it; a full pipe or socket is tried again. */
    return errno == EAGAIN || errno == EINTR ? 0 : size;
}
