/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The system call filter: what is deadly kills, what is unknown fails, what is needed works. */
#include "main.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/seccomp.h"
#include "libcpuctl/cleanup.h"
#include "libcpuctl/cpuctl.h"

#define UNFILTERED 99 /* the child's exit status where the kernel has no filter */

typedef int (*action_fn)(void);

/* Runs @action under the filter; its status as of waitpid(2), and @action's result as exit code. */
static int run(action_fn action)
{
    pid_t child = fork();
    int status = 0;

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        const struct rlimit none = { 0 };

        setrlimit(RLIMIT_CORE, &none);
        _exit(seccomp_close(NULL) < 0 ? UNFILTERED : action());
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

static int start_program(void)
{
    char *argv[] = { (char *)"true", NULL };

    return execv("/bin/true", argv);
}

static int trace(void)
{
    return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int make_process(void)
{
    return fork() == 0 ? 0 : 1;
}

static int change_mode(void)
{
    return fchmodat(AT_FDCWD, "/nowhere", 0600, 0) < 0 && errno == ENOSYS ? 0 : 1;
}

static int signal_others(void)
{
    return kill(getppid(), 0) < 0 && errno == ENOSYS ? 0 : 1;
}

static int signal_init(void)
{
    /* Signal 0 only asks whether it could be sent. */
    return kill(1, 0) == 0 || errno == EPERM ? 0 : 1;
}

static int read_file(void)
{
    _cleanup_close_ int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    char text[16];

    return fd >= 0 && read(fd, text, sizeof(text)) > 0 ? 0 : 1;
}

static const struct {
    action_fn action;
    int expected; /* the signal that ends the child, or 0: it exits with 0 */
} cases[] = {
    { start_program, SIGSYS }, { trace, SIGSYS },  { make_process, SIGSYS }, { change_mode, 0 },
    { signal_others, 0 },      { signal_init, 0 }, { read_file, 0 },
};

START_TEST(filter)
{
    int status = run(cases[_i].action);

    if (WIFEXITED(status) && WEXITSTATUS(status) == UNFILTERED)
        unit_skip("the kernel, or what emulates it, has no seccomp filter");
    if (cases[_i].expected) {
        ck_assert(WIFSIGNALED(status));
        ck_assert_int_eq(WTERMSIG(status), cases[_i].expected);
    } else {
        ck_assert(WIFEXITED(status));
        ck_assert_int_eq(WEXITSTATUS(status), 0);
    }
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("agent-seccomp");
    TCase *core = tcase_create("seccomp");

    tcase_add_loop_test(core, filter, 0, (int)(sizeof(cases) / sizeof(cases[0])));
    suite_add_tcase(suite, core);
    return suite;
}
