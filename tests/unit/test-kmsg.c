/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel log: records of /dev/kmsg, which lines are about a CPU, what is kept of them. */
#include "main.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "kmsg.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

START_TEST(records)
{
    static const struct {
        const char *record;
        const char *message; /**< NULL: malformed */
    } cases[] = {
        { "6,1234,5678901,-;smpboot: CPU 3 is now offline\n", "smpboot: CPU 3 is now offline" },
        { "6,1,2,-,caller=T1;text\n SUBSYSTEM=cpu\n DEVICE=+cpu:cpu3\n", "text" },
        { "4,1,2,c;a;b,c\n", "a;b,c" },
        { "6,1,2,-;", "" },
        { "6,1,2,-;no newline", "no newline" },
        { "6,1,2;too few fields\n", NULL },
        { "6,1,;\n", NULL },
        { ",1,2,-;x\n", NULL },
        { "6,x,2,-;x\n", NULL },
        { "no semicolon\n", NULL },
        { ";x\n", NULL },
        { "", NULL },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *message = NULL;
        size_t length = 0;
        /* without a NUL behind it, so that a sanitizer sees a read past the end */
        size_t size = strlen(cases[i].record);
        char *record = malloc(size ? size : 1);
        bool good;

        memcpy(record, cases[i].record, size);
        good = kmsg_parse(record, size, &message, &length);
        ck_assert_msg(good == (cases[i].message != NULL), "case %zu", i);
        if (good) {
            ck_assert_uint_eq(length, strlen(cases[i].message));
            ck_assert_mem_eq(message, cases[i].message, length);
        }
        free(record);
    }
}
END_TEST

START_TEST(lines_about_a_cpu)
{
    static const struct {
        const char *message;
        bool about_3;
    } cases[] = {
        { "CPU3 has been hot-added", true },
        { "smpboot: CPU 3 is now offline", true },
        { "smpboot: do_boot_cpu failed(-1) to wakeup CPU#3", true },
        { "x86: Booting SMP configuration: Node 0 Processor 3 APIC 0x6", true },
        { "psci: CPU3 killed (polled 0 ms)", true },
        { "cpu3: failed to come online", true },
        { "kworker cpuhp/3 is stuck", true },
        { "CPU1 and CPU3 differ", true },
        { "smpboot: Start of APIC 0x6 timed out", true },
        { "smpboot: CPU 2 is now offline", false },
        { "CPU30 is odd", false },
        { "CPU 13 is odd", false },
        { "CPU13: failed", false },
        { "xcpu3 is another word", false },
        { "3 apples", false },
        { "cpu", false },
        { "CPU 99999999999999999999 is odd", false },
        { "eth0: link is up", false },
        { "", false },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        ck_assert_msg(kmsg_is_about(cases[i].message, strlen(cases[i].message), 3) ==
                          cases[i].about_3,
                      "\"%s\"", cases[i].message);
    /* the length counts, not what is behind it */
    ck_assert(!kmsg_is_about("CPU 37", 4, 3));
    ck_assert(kmsg_is_about("CPU 37", 5, 3));
}
END_TEST

/** A stand-in for /dev/kmsg, which gives one record per read: fds[1] is the kernel's end. */
static void make_log(int fds[2])
{
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds), 0);
}

static void put_record(int fd, unsigned int number, const char *message)
{
    char record[KMSG_RECORD_MAX];
    int n = snprintf(record, sizeof(record), "6,%u,1000,-;%s\n", number, message);

    ck_assert_int_eq(send(fd, record, (size_t)n, 0), n);
}

START_TEST(what_is_kept)
{
    _cleanup_free_ char *text = NULL;
    int fds[2];

    make_log(fds);
    ck_assert_int_eq(kmsg_collect(fds[0], 3, &text), 0);
    ck_assert_ptr_null(text);

    put_record(fds[1], 1, "CPU2 is fine");
    put_record(fds[1], 2, "CPU3: did not start");
    put_record(fds[1], 3, "usb 1-1: new device");
    put_record(fds[1], 4, "CPU3: gave up");
    ck_assert_int_eq(kmsg_collect(fds[0], 3, &text), 1);
    ck_assert_str_eq(text, "CPU3: did not start\nCPU3: gave up");
    close(fds[0]);
    close(fds[1]);
}
END_TEST

START_TEST(bounds)
{
    _cleanup_free_ char *text = NULL, *rest = NULL;
    char message[400];
    unsigned int lines = 1;
    int fds[2];

    make_log(fds);
    for (unsigned int i = 0; i < KMSG_LINES_MAX + 4; i++)
        put_record(fds[1], i, "CPU3");
    ck_assert_int_eq(kmsg_collect(fds[0], 3, &text), 1);
    for (const char *p = text; (p = strchr(p, '\n')); p++)
        lines++;
    ck_assert_uint_eq(lines, KMSG_LINES_MAX);
    while (kmsg_collect(fds[0], 3, &rest) > 0) {
        free(rest);
        rest = NULL;
    }

    memset(message, 'x', sizeof(message));
    memcpy(message, "CPU3 ", 5);
    message[sizeof(message) - 1] = '\0';
    for (unsigned int i = 0; i < 10; i++)
        put_record(fds[1], i, message);
    ck_assert_int_eq(kmsg_collect(fds[0], 3, &rest), 1);
    ck_assert_uint_eq(strlen(rest), KMSG_TEXT_MAX - 1);
    close(fds[0]);
    close(fds[1]);
}
END_TEST

START_TEST(live_log)
{
    _cleanup_close_ int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    _cleanup_free_ char *text = NULL;

    if (fd < 0)
        unit_skip("/dev/kmsg: %s", strerror(errno));
    ck_assert_int_eq(kmsg_mark(fd), 0);
    ck_assert_int_ge(kmsg_collect(fd, 1048575, &text), 0);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("kmsg");
    TCase *tests = tcase_create("kmsg");

    tcase_add_test(tests, records);
    tcase_add_test(tests, lines_about_a_cpu);
    tcase_add_test(tests, what_is_kept);
    tcase_add_test(tests, bounds);
    tcase_add_test(tests, live_log);
    suite_add_tcase(suite, tests);
    return suite;
}
