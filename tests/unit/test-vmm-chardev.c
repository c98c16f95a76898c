/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host's ends of byte streams: files, sockets whose clients come and go, ptys. */
#include "main.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "cpuctl.h"
#include "libcpuctl/cleanup.h"
#include "vmm/chardev.h"

static char folder[] = "/tmp/vmm-chardev.XXXXXX";
static char path[64], text[80];
static struct sd_event *loop;
static struct chardev *end;

/* The device: takes up to @room bytes into @got, and counts what it hears. */
static struct {
    char got[256];
    size_t size, room;
    unsigned int came, went;
} device;

static void take(void *data)
{
    size_t n;

    (void)data;
    do {
        n = chardev_read(end, device.got + device.size, device.room);
        device.size += n;
        device.room -= n;
    } while (n > 0);
}

static void connected(void *data, bool is)
{
    (void)data;
    *(is ? &device.came : &device.went) += 1;
}

static const struct chardev_ops ops = { .ready = take, .connected = connected };

static void settle(void)
{
    for (int i = 0; i < 1000; i++)
        if (sd_event_run(loop, 0) == 0)
            return;
    ck_abort_msg("the loop spins");
}

static void start(const char *kind)
{
    struct cpuctl_error error = { 0 };

    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/end", folder);
    snprintf(text, sizeof(text), "%s%s", kind, kind[strlen(kind) - 1] == ':' ? path : "");
    ck_assert_int_ge(sd_event_new(&loop), 0);
    device.room = sizeof(device.got);
    ck_assert_msg(chardev_new(loop, "--serial", text, &end, &error) == 0, "%s", error.text);
    chardev_attach(end, &ops, NULL);
}

static void finish(void)
{
    chardev_free(end);
    sd_event_unref(loop);
    unlink(path);
    ck_assert_int_eq(rmdir(folder), 0);
}

static int client(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    memcpy(address.sun_path, path, strlen(path));
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    settle();
    return fd;
}

static void expect_got(const char *expected)
{
    settle();
    ck_assert_uint_eq(device.size, strlen(expected));
    ck_assert_mem_eq(device.got, expected, device.size);
}

static void expect_sent(int fd, const char *expected)
{
    char buffer[64];
    ssize_t n = read(fd, buffer, sizeof(buffer));

    ck_assert_int_eq(n, (ssize_t)strlen(expected));
    ck_assert_mem_eq(buffer, expected, strlen(expected));
}

START_TEST(socket_both_ways)
{
    int fd;

    start("unix:");
    ck_assert(!chardev_connected(end));
    ck_assert_uint_eq(chardev_write(end, "lost", 4), 4); /* nobody is there */
    fd = client();
    ck_assert(chardev_connected(end) && device.came == 1);
    ck_assert_uint_eq(chardev_write(end, "out", 3), 3);
    expect_sent(fd, "out");
    ck_assert_int_eq(write(fd, "in", 2), 2);
    expect_got("in");
    close(fd);
    settle();
    ck_assert(!chardev_connected(end) && device.went == 1);
    finish();
    ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

START_TEST(socket_has_one_client)
{
    char byte;
    int first, second;

    start("unix:");
    first = client();
    second = client();
    ck_assert_int_eq(read(second, &byte, 1), 0); /* turned away */
    ck_assert_int_eq(write(first, "1", 1), 1);
    expect_got("1");
    close(second);
    /* The next one takes the place of one that has gone, with what that one said. */
    close(first);
    second = client();
    ck_assert(chardev_connected(end) && device.came == 2 && device.went == 1);
    ck_assert_int_eq(write(second, "2", 1), 1);
    expect_got("12");
    close(second);
    finish();
}
END_TEST

/* What a client says just before it goes is not lost while the guest has no room. */
START_TEST(socket_last_words)
{
    int fd;

    start("unix:");
    device.room = 3;
    fd = client();
    ck_assert_int_eq(write(fd, "last words", 10), 10);
    close(fd);
    expect_got("las");
    ck_assert_uint_eq(device.went, 0);
    device.room = 100;
    take(NULL); /* as the guest makes room */
    expect_got("last words");
    ck_assert(device.went == 1 && !chardev_connected(end));
    /* The same of one that only says no more. */
    device.size = 0;
    fd = client();
    ck_assert_int_eq(write(fd, "bye", 3), 3);
    ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
    expect_got("bye");
    ck_assert(device.went == 2 && !chardev_connected(end));
    close(fd);
    finish();
}
END_TEST

/* A client that does not read: what fits is taken, more when it reads. */
START_TEST(socket_is_full)
{
    char data[400] = "", sink[4096];
    unsigned int count = 0;
    int fd;

    start("unix:");
    fd = client();
    while (count < 100000 && chardev_write(end, data, sizeof(data)) > 0)
        count++;
    ck_assert_uint_lt(count, 100000);
    for (ssize_t n = 1; n > 0;)
        n = read(fd, sink, sizeof(sink));
    ck_assert_uint_gt(chardev_write(end, data, sizeof(data)), 0);
    close(fd);
    finish();
}
END_TEST

/* Removed by hand, the path may be another program's by the time of the end. */
START_TEST(socket_that_is_anothers_stays)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    start("unix:");
    memcpy(address.sun_path, path, strlen(path));
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    chardev_free(end);
    ck_assert_int_eq(access(path, F_OK), 0);
    close(fd);
    /* What its user left is replaced, and removed. */
    ck_assert_int_eq(chardev_new(loop, "--serial", text, &end, NULL), 0);
    chardev_free(end);
    ck_assert_int_eq(access(path, F_OK), -1);
    end = NULL;
    finish();
}
END_TEST

START_TEST(file_takes_all)
{
    char data[2000], back[2000];
    size_t done = 0;
    int fd;

    memset(data, 'x', sizeof(data));
    start("file:");
    ck_assert_str_eq(chardev_name(end), text);
    while (done < sizeof(data))
        done += chardev_write(end, data + done, sizeof(data) - done);
    ck_assert_uint_eq(chardev_read(end, back, sizeof(back)), 0);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(read(fd, back, sizeof(back)), sizeof(back));
    ck_assert_mem_eq(back, data, sizeof(data));
    close(fd);
    finish();
}
END_TEST

START_TEST(pty_users_come_and_go)
{
    start("pty");
    for (int i = 0; i < 2; i++) {
        int fd =
            open(chardev_name(end) + strlen("pty:"), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

        ck_assert_int_ge(fd, 0);
        ck_assert_uint_eq(chardev_write(end, "\x03\n", 2), 2); /* as they are */
        expect_sent(fd, "\x03\n");
        device.size = 0;
        ck_assert_int_eq(write(fd, "\x03\r", 2), 2);
        expect_got("\x03\r");
        close(fd);
    }
    finish();
}
END_TEST

/* Without a user the guest's output is lost, and nothing waits for one; a slow user is waited for.
 */
START_TEST(pty_without_user)
{
    char data[400] = "", sink[4096];
    unsigned int count = 0;
    int fd;

    start("pty");
    for (int i = 0; i < 1000; i++)
        ck_assert_uint_eq(chardev_write(end, data, sizeof(data)), sizeof(data));
    fd = open(chardev_name(end) + strlen("pty:"), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    ck_assert_uint_eq(chardev_write(end, "now", 3), 3);
    expect_sent(fd, "now");
    while (count < 1000 && chardev_write(end, data, sizeof(data)) > 0)
        count++;
    ck_assert_uint_lt(count, 1000);
    while (read(fd, sink, sizeof(sink)) > 0)
        continue;
    ck_assert_uint_gt(chardev_write(end, data, sizeof(data)), 0);
    close(fd);
    finish();
}
END_TEST

/* A pipe that was full when its reader went: what is written is lost, and nothing waits for it. */
START_TEST(pipe_without_reader)
{
    int ends[2], before[2] = { dup(STDIN_FILENO), dup(STDOUT_FILENO) };
    char data[400] = "";
    size_t taken;
    bool full;

    ck_assert_int_eq(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    fflush(stdout);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[1]);
    start("stdio");
    while (chardev_write(end, data, sizeof(data)) > 0)
        continue;
    full = chardev_write(end, data, sizeof(data)) == 0;
    close(ends[0]);
    signal(SIGPIPE, SIG_IGN);
    taken = chardev_write(end, data, sizeof(data));
    finish();
    dup2(before[0], STDIN_FILENO);
    dup2(before[1], STDOUT_FILENO);
    ck_assert(full);
    ck_assert_uint_eq(taken, sizeof(data));
}
END_TEST

START_TEST(refusals)
{
    static const char *const bad[] = { "", "stdi", "tcp:1", "file:/nowhere/file",
                                       "unix:/nowhere/s" };

    ck_assert_int_ge(sd_event_new(&loop), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct cpuctl_error error = { 0 };

        ck_assert_int_lt(chardev_new(loop, "--agent", bad[i], &end, &error), 0);
        ck_assert_msg(strncmp(error.text, "--agent", 7) == 0, "%s", error.text);
    }
    sd_event_unref(loop);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("vmm-chardev");
    TCase *core = tcase_create("chardev");

    tcase_add_test(core, socket_both_ways);
    tcase_add_test(core, socket_has_one_client);
    tcase_add_test(core, socket_last_words);
    tcase_add_test(core, socket_is_full);
    tcase_add_test(core, socket_that_is_anothers_stays);
    tcase_add_test(core, file_takes_all);
    tcase_add_test(core, pty_users_come_and_go);
    tcase_add_test(core, pty_without_user);
    tcase_add_test(core, pipe_without_reader);
    tcase_add_test(core, refusals);
    suite_add_tcase(suite, core);
    return suite;
}
