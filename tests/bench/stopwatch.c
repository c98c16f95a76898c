/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Times what a VMM does, beside it in the same kernel, where a shell would cost more than what it
 * measures. Prints microseconds; marks begin and end in the kernel's trace.
 *
 *   stopwatch start WORD COMMAND…              until COMMAND has printed WORD, and the exits so far
 *   stopwatch request SOCKET REQUEST WORD      until the QMP socket has sent WORD
 *   stopwatch request SOCKET REQUEST WORD FILE until WORD was appended to FILE
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_MS  120000
#define SETTLE_US 300000
#define EXITS     "/sys/kernel/debug/kvm/exits"
#define MARKER    "/sys/kernel/tracing/trace_marker"

static char seen[65536];
static size_t seen_size;

static void __attribute__((noreturn)) die(const char *what)
{
    perror(what);
    exit(1);
}

static long long now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static void mark(int marker, const char *word)
{
    if (marker >= 0 && write(marker, word, strlen(word)) < 0)
        die(MARKER);
}

/* Takes what there is; only the newest half is kept when it is too much. False at the end. */
static int take(int fd)
{
    ssize_t n;

    if (seen_size > sizeof(seen) / 2) {
        memmove(seen, seen + seen_size - sizeof(seen) / 4, sizeof(seen) / 4);
        seen_size = sizeof(seen) / 4;
    }
    n = read(fd, seen + seen_size, sizeof(seen) - 1 - seen_size);
    if (n > 0)
        seen_size += (size_t)n;
    seen[seen_size] = '\0';
    return n > 0;
}

static void wait_readable(int fd)
{
    struct pollfd state = { .fd = fd, .events = POLLIN };

    if (poll(&state, 1, LIMIT_MS) <= 0)
        die("waiting");
}

static void read_until(int fd, const char *word)
{
    while (!strstr(seen, word)) {
        wait_readable(fd);
        if (!take(fd)) {
            fprintf(stderr, "the end before %s: %s\n", word, seen);
            exit(1);
        }
    }
}

static void send_line(int fd, const char *text)
{
    seen_size = 0;
    seen[0] = '\0';
    if (dprintf(fd, "%s\n", text) < 0)
        die("sending");
}

/* ---- start ---- */

static void print_exits(void)
{
    char text[32] = "0";
    int fd = open(EXITS, O_RDONLY);

    if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
        die(EXITS);
    close(fd);
    printf("%ld\n", strtol(text, NULL, 10));
}

static int start(char **argv)
{
    long long begin = now_us(), end;
    int ends[2];
    pid_t child;

    if (pipe(ends) < 0)
        die("pipe");
    child = fork();
    if (child < 0)
        die("fork");
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        execvp(argv[1], argv + 1);
        die(argv[1]);
    }
    close(ends[1]);
    read_until(ends[0], argv[0]);
    end = now_us();
    printf("%lld ", end - begin);
    print_exits();
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return 0;
}

/* ---- request ---- */

static int connect_to(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        die(path);
    read_until(fd, "QMP");
    send_line(fd, "{\"execute\": \"qmp_capabilities\"}");
    read_until(fd, "return");
    return fd;
}

/* The file's end, and what tells that it has grown. */
static int watch(const char *path, int *ret_changes)
{
    int fd = open(path, O_RDONLY);

    *ret_changes = inotify_init1(IN_CLOEXEC);
    if (fd < 0 || lseek(fd, 0, SEEK_END) < 0 || *ret_changes < 0 ||
        inotify_add_watch(*ret_changes, path, IN_MODIFY) < 0)
        die(path);
    return fd;
}

static void wait_in_file(int fd, int changes, const char *word)
{
    char events[4096];

    for (;;) {
        while (take(fd))
            ;
        if (strstr(seen, word))
            return;
        wait_readable(changes);
        if (read(changes, events, sizeof(events)) < 0)
            die("inotify");
    }
}

static int request(char **argv)
{
    int marker = open(MARKER, O_WRONLY), fd = connect_to(argv[0]), file = -1, changes = -1;
    long long begin;

    if (argv[3])
        file = watch(argv[3], &changes);
    /* What the connection has set off is over. */
    usleep(SETTLE_US);
    mark(marker, "begin");
    begin = now_us();
    send_line(fd, argv[1]);
    if (file >= 0)
        wait_in_file(file, changes, argv[2]);
    else
        read_until(fd, argv[2]);
    mark(marker, "end");
    printf("%lld\n", now_us() - begin);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc >= 4 && strcmp(argv[1], "start") == 0)
        return start(argv + 2);
    if (argc >= 5 && strcmp(argv[1], "request") == 0)
        return request(argv + 2);
    fprintf(stderr, "usage: see the source\n");
    return 2;
}
