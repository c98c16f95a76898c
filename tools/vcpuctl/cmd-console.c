/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* console: the operator's terminal on the guest's serial line. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "domain-commands.h"
#include "guest-power.h"
#include "output.h"
#include "qmp/json.h"

#define ESCAPE 0x1d /* ^] */

/* The first serial line or console, or NULL. */
static const struct definition_chardev *find_console(const struct definition *definition)
{
    for (size_t i = 0; i < definition->n_chardevs; i++)
        if (definition->chardevs[i].port != DEFINITION_CHANNEL)
            return &definition->chardevs[i];
    return NULL;
}

/* The pty of a character device as the VMM tells of it, or NULL. QEMU writes "pty:" before it. */
static const char *pty_of(struct json_object *chardev)
{
    const char *filename;

    if (!json_object_is_type(chardev, json_type_object) ||
        qmp_get_string(chardev, NULL, "filename", QMP_REQUIRED, &filename, NULL) <= 0)
        return NULL;
    if (strncmp(filename, "pty:", 4) == 0)
        filename += 4;
    return strncmp(filename, "/dev/pts/", 9) == 0 ? filename : NULL;
}

/* The pty that the VMM opened: the first one that it tells of. */
static int open_pty(struct domain *domain, struct cpuctl_error *error)
{
    _cleanup_json_ struct json_object *reply = NULL;
    int r = guest_ask(domain, "query-chardev", &reply, error);

    if (r < 0)
        return r;
    for (size_t i = 0;
         json_object_is_type(reply, json_type_array) && i < json_object_array_length(reply); i++) {
        const char *name = pty_of(json_object_array_get_idx(reply, i));
        int fd;

        if (!name)
            continue;
        fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
        return fd >= 0
                   ? fd
                   : cpuctl_error_set(error, -errno, "cannot open %s: %s", name, strerror(errno));
    }
    return cpuctl_error_set(error, -ENODEV, "internal error: the VMM does not tell its pty");
}

static int open_socket(const char *path, struct cpuctl_error *error)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (strlen(path) >= sizeof(address.sun_path))
        return cpuctl_error_set(error, -ENAMETOOLONG, "%s is too long for a unix socket", path);
    strcpy(address.sun_path, path);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return cpuctl_error_set(error, -errno, "cannot connect to %s: %s", path, strerror(errno));
    return take_fd(&fd);
}

static int open_console(struct domain *domain, struct cpuctl_error *error)
{
    const struct definition_chardev *console = find_console(domain->live);

    if (!console)
        return cpuctl_error_set(error, -ENODEV,
                                "internal error: cannot find character device "
                                "<null>");
    if (console->end == DEFINITION_END_PTY)
        return open_pty(domain, error);
    if (console->end == DEFINITION_END_UNIX && console->path)
        return open_socket(console->path, error);
    return cpuctl_error_set(error, -ENOTSUP,
                            "internal error: the console is of type '%s': only 'pty', and 'unix' "
                            "with a path, can be connected to",
                            console->end == DEFINITION_END_FILE   ? "file"
                            : console->end == DEFINITION_END_UNIX ? "unix"
                                                                  : "null");
}

/* Copies what there is from @from to @to; what can't be written at once waits. Returns 1, 0: the
 * end (or the operator's escape), or a negative errno. */
static int copy(int from, int to, bool escape)
{
    char bytes[4096];
    ssize_t n = read(from, bytes, sizeof(bytes));
    bool ends = false;

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 1 : errno == EIO ? 0 : -errno;
    if (n == 0)
        return 0;
    if (escape) {
        const char *found = memchr(bytes, ESCAPE, (size_t)n);

        ends = found;
        if (found)
            n = found - bytes;
    }
    for (ssize_t done = 0; done < n;) {
        ssize_t written = write(to, bytes + done, (size_t)(n - done));
        struct pollfd room = { .fd = to, .events = POLLOUT };

        if (written > 0)
            done += written;
        else if (errno == EAGAIN)
            poll(&room, 1, -1);
        else if (errno != EINTR)
            return -errno;
    }
    return ends ? 0 : 1;
}

static int relay(int console)
{
    struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN },
                            { .fd = console, .events = POLLIN } };
    int r = 1;

    while (r > 0) {
        if (poll(fds, 2, -1) < 0) {
            if (errno != EINTR)
                return -errno;
            continue;
        }
        if (fds[1].revents)
            r = copy(console, STDOUT_FILENO, false);
        if (r > 0 && fds[0].revents)
            r = copy(STDIN_FILENO, console, true);
    }
    return r;
}

int cmd_console(struct tool *tool, const struct arguments *arguments)
{
    _cleanup_(domain_freep) struct domain *domain = NULL;
    _cleanup_close_ int console = -1;
    struct cpuctl_error error = { 0 };
    struct termios before, raw;
    int r;

    if (!isatty(STDIN_FILENO))
        return output_error("Cannot run interactive console without a controlling TTY");
    r = command_find_domain(tool, arguments, &domain);
    if (r != EXIT_DONE)
        return r;
    if (domain->state != DOMAIN_RUNNING)
        return output_error("The domain is not running");
    if (domain_lock(domain, DOMAIN_LOCK_CONSOLE, 0, &error) < 0)
        return output_error("operation failed: Active console session exists for this domain");
    console = open_console(domain, &error);
    if (console < 0)
        return output_failure(&error, NULL);
    printf("Connected to domain '%s'\nEscape character is ^] (Ctrl + ])\n", domain->name);
    fflush(stdout);
    if (tcgetattr(STDIN_FILENO, &before) < 0)
        return output_error("unable to get tty attributes: %s", strerror(errno));
    raw = before;
    cfmakeraw(&raw);
    /* What has been typed already is for the guest, and what is typed behind ^] for the shell. */
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    r = relay(console);
    tcsetattr(STDIN_FILENO, TCSANOW, &before);
    if (r < 0)
        return output_error("the console ended: %s", strerror(-r));
    return EXIT_DONE;
}
