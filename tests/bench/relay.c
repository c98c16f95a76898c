/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Stands between a client and a VMM's unix sockets, and notes when what passed by: whose turn it
 * was in each part of a command's time.
 *
 *   relay serve PID LOG (SOCKET TARGET)…   accepts clients of each SOCKET, and joins them to TARGET
 *   relay run PID LOG COMMAND…             notes the command's begin and end; ends as it does
 *
 * A line of the log is "TIME VMM'S MARK TEXT": both times in microseconds, the second being the
 * processor's time that the process PID has had. TEXT is the beginning of a line on a socket. MARK:
 *
 *   NUMBER+  a client has connected        NUMBER>  it sent a line      B  the command begins
 *   NUMBER-  the connection has ended      NUMBER<  the VMM sent one    E  it has ended: its status
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SOCKETS_MAX 4
#define TEXT_MAX    300

static clockid_t vmm_clock;
static int log_fd;

static void __attribute__((noreturn)) die(const char *what)
{
    perror(what);
    exit(125);
}

struct stamp {
    long long time, vmm;
};

static long long read_clock(clockid_t clock)
{
    struct timespec now;

    if (clock_gettime(clock, &now) < 0)
        die("the VMM's clock");
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static struct stamp now(void)
{
    return (struct stamp){ .time = read_clock(CLOCK_MONOTONIC), .vmm = read_clock(vmm_clock) };
}

/* In one write: connections have processes of their own. */
static void note(struct stamp stamp, const char *mark, const char *text, size_t size)
{
    char line[TEXT_MAX + 64];
    int n = snprintf(line, sizeof(line), "%lld %lld %s %.*s\n", stamp.time, stamp.vmm, mark,
                     size < TEXT_MAX ? (int)size : TEXT_MAX, text);

    if (write(log_fd, line, (size_t)n) < 0)
        die("the log");
}

static void open_log(char **argv)
{
    if (clock_getcpuclockid((pid_t)strtol(argv[0], NULL, 10), &vmm_clock) != 0)
        die(argv[0]);
    log_fd = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log_fd < 0)
        die(argv[1]);
}

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    if (strlen(path) >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        die(path);
    }
    strcpy(address.sun_path, path);
    return address;
}

/* ---- one connection ---- */

/* What one side sends, up to the line's end that has not come yet. */
struct direction {
    int from, to;
    char mark[4];
    char text[TEXT_MAX];
    size_t size;
};

static void take_byte(struct direction *d, char byte, struct stamp stamp)
{
    if (byte != '\n') {
        if (d->size < sizeof(d->text))
            d->text[d->size++] = byte;
        return;
    }
    note(stamp, d->mark, d->text, d->size);
    d->size = 0;
}

/* False at the end. What has come is passed on before it is noted. */
static bool pass(struct direction *d)
{
    char data[65536];
    ssize_t n = read(d->from, data, sizeof(data));
    struct stamp stamp = now();

    if (n <= 0)
        return false;
    for (ssize_t sent = 0, r; sent < n; sent += r) {
        r = write(d->to, data + sent, (size_t)(n - sent));
        if (r < 0)
            return false;
    }
    for (ssize_t i = 0; i < n; i++)
        take_byte(d, data[i], stamp);
    return true;
}

static void __attribute__((noreturn)) join(int client, const char *target, int number)
{
    struct sockaddr_un address = address_of(target);
    int vmm = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct direction ways[2] = { { .from = client, .to = vmm }, { .from = vmm, .to = client } };
    struct pollfd ends[2] = { { .fd = client, .events = POLLIN }, { .fd = vmm, .events = POLLIN } };
    struct stamp stamp = now();
    char mark[4];

    snprintf(mark, sizeof(mark), "%d+", number);
    note(stamp, mark, "", 0);
    if (vmm < 0 || connect(vmm, (struct sockaddr *)&address, sizeof(address)) < 0)
        die(target);
    snprintf(ways[0].mark, sizeof(mark), "%d>", number);
    snprintf(ways[1].mark, sizeof(mark), "%d<", number);
    for (bool open = true; open;) {
        if (poll(ends, 2, -1) < 0)
            die("poll");
        for (int i = 0; i < 2; i++)
            if (ends[i].revents && !pass(&ways[i]))
                open = false;
    }
    snprintf(mark, sizeof(mark), "%d-", number);
    note(now(), mark, "", 0);
    exit(0);
}

static int serve(char **argv, int count)
{
    struct pollfd listeners[SOCKETS_MAX];

    signal(SIGCHLD, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    if (count < 2 || count > 2 * SOCKETS_MAX || count % 2 != 0)
        return 2;
    count /= 2;
    for (int i = 0; i < count; i++) {
        struct sockaddr_un address = address_of(argv[2 * i]);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
            listen(fd, 8) < 0)
            die(argv[2 * i]);
        listeners[i] = (struct pollfd){ .fd = fd, .events = POLLIN };
    }
    for (;;) {
        if (poll(listeners, (nfds_t)count, -1) < 0)
            die("poll");
        for (int i = 0; i < count; i++) {
            int client = listeners[i].revents ? accept4(listeners[i].fd, NULL, NULL, 0) : -1;

            if (client >= 0 && fork() == 0)
                join(client, argv[2 * i + 1], i);
            if (client >= 0)
                close(client);
        }
    }
}

/* ---- a command ---- */

static int run(char **argv)
{
    char text[16];
    int status;
    pid_t child;

    note(now(), "B", argv[0], strlen(argv[0]));
    child = fork();
    if (child < 0)
        die("fork");
    if (child == 0) {
        execvp(argv[0], argv);
        die(argv[0]);
    }
    if (waitpid(child, &status, 0) < 0)
        die("waitpid");
    status = WIFEXITED(status) ? WEXITSTATUS(status) : 126;
    snprintf(text, sizeof(text), "%d", status);
    note(now(), "E", text, strlen(text));
    return status;
}

int main(int argc, char **argv)
{
    if (argc > 4)
        open_log(argv + 2);
    if (argc > 5 && strcmp(argv[1], "serve") == 0)
        return serve(argv + 4, argc - 4);
    if (argc > 4 && strcmp(argv[1], "run") == 0)
        return run(argv + 4);
    fprintf(stderr, "usage: see the source\n");
    return 2;
}
