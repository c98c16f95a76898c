/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The filters of cpuvmm's threads: what is needed works, all else kills by SIGSYS and says what. */
#include "main.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libcpuctl/cleanup.h"
#include "libcpuctl/cpuctl.h"
#include "vmm/sandbox.h"

#define UNFILTERED 99 /* the child's exit status where the kernel has no filter */

/* Returns 0 when the call was carried out, whatever came of it. */
typedef int (*action_fn)(void);

static int start_program(void)
{
    char *argv[] = { (char *)"true", NULL };

    return execv("/bin/true", argv);
}

static int make_process(void)
{
    return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) < 0;
}

static void *nothing(void *data)
{
    return data;
}

static int start_thread(void)
{
    pthread_t thread;

    return pthread_create(&thread, NULL, nothing, NULL) != 0 || pthread_join(thread, NULL) != 0;
}

static int open_to_read(void)
{
    return open("/proc/self/stat", O_RDONLY | O_CLOEXEC) < 0;
}

static int open_to_write(void)
{
    return open("/dev/null", O_WRONLY | O_CLOEXEC) < 0;
}

static int create_file(void)
{
    return open("/nowhere/file", O_RDONLY | O_CREAT | O_CLOEXEC, 0600) >= 0;
}

static int make_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) < 0;
}

static int map_memory(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
           MAP_FAILED;
}

static int map_code(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
           MAP_FAILED;
}

static int signal_others(void)
{
    return (int)syscall(SYS_tgkill, getppid(), getppid(), 0);
}

static int run_guest(void)
{
    return ioctl(-1, KVM_RUN, 0) < 0 && errno == EBADF ? 0 : 1;
}

static int make_vcpu(void)
{
    return ioctl(-1, KVM_CREATE_VCPU, 0) < 0 && errno == EBADF ? 0 : 1;
}

static int make_vm(void)
{
    return ioctl(-1, KVM_CREATE_VM, 0) < 0 && errno == EBADF ? 0 : 1;
}

static int write_disk(void)
{
    return pwrite(-1, "", 1, 0) < 0 && errno == EBADF ? 0 : 1;
}

#define MAIN (1U << SANDBOX_MAIN)
#define VCPU (1U << SANDBOX_VCPU)
#define BLK  (1U << SANDBOX_BLK)

static const struct {
    action_fn action;
    int call;           /* its number; 0: it dies without a word, as libc has blocked all signals */
    unsigned int kinds; /* which may */
} cases[] = {
    { start_program, SYS_execve, 0 },
    { make_process, SYS_clone, 0 },
    { start_thread, 0, MAIN },
    { open_to_read, SYS_openat, MAIN },
    { open_to_write, SYS_openat, 0 },
    { create_file, SYS_openat, 0 },
    { make_socket, SYS_socket, 0 },
    { map_memory, SYS_mmap, MAIN | VCPU | BLK },
    { map_code, SYS_mmap, 0 },
    { signal_others, SYS_getppid, 0 },
    { run_guest, SYS_ioctl, MAIN | VCPU },
    { make_vcpu, SYS_ioctl, MAIN },
    { make_vm, SYS_ioctl, 0 },
    { write_disk, SYS_pwrite64, MAIN | BLK },
};
#define CASES ((int)(sizeof(cases) / sizeof(cases[0])))

/* Runs @action in a child under the filter of @kind. Returns its status as of waitpid(2); what it
 * said on stderr is in @said. */
static int run(action_fn action, enum sandbox_kind kind, char *said, size_t size)
{
    int ends[2], status = 0;
    ssize_t n;
    pid_t child;

    ck_assert_int_eq(pipe(ends), 0);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        const struct rlimit none = { 0 };

        setrlimit(RLIMIT_CORE, &none);
        dup2(ends[1], STDERR_FILENO);
        if (sandbox_prepare(NULL) < 0 || sandbox_enter(kind) < 0)
            _exit(UNFILTERED);
        /* Not exit_group(), which a thread does not need. */
        syscall(SYS_exit, action());
    }
    close(ends[1]);
    n = read(ends[0], said, size - 1);
    said[n > 0 ? n : 0] = '\0';
    close(ends[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

START_TEST(filters)
{
    for (int kind = 0; kind < SANDBOX_KINDS; kind++) {
        char said[128], expected[128] = "";
        int status = run(cases[_i].action, (enum sandbox_kind)kind, said, sizeof(said));

        if (WIFEXITED(status) && WEXITSTATUS(status) == UNFILTERED)
            unit_skip("the kernel, or what emulates it, has no seccomp filter");
        if (cases[_i].kinds & 1U << kind) {
            ck_assert_msg(WIFEXITED(status), "kind %d: %s", kind, said);
            ck_assert_int_eq(WEXITSTATUS(status), 0);
        } else {
            ck_assert_msg(WIFSIGNALED(status), "kind %d: exit %d", kind, WEXITSTATUS(status));
            ck_assert_int_eq(WTERMSIG(status), SIGSYS);
            if (cases[_i].call)
                snprintf(expected, sizeof(expected),
                         "cpuvmm: the sandbox does not allow system call %d\n", cases[_i].call);
        }
        ck_assert_str_eq(said, expected);
    }
}
END_TEST

/* Without it nothing is closed: that is --sandbox off. */
START_TEST(unprepared)
{
    for (int kind = 0; kind < SANDBOX_KINDS; kind++)
        ck_assert_int_eq(sandbox_enter((enum sandbox_kind)kind), 0);
    ck_assert_int_eq(make_socket(), 0);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("vmm-sandbox");
    TCase *core = tcase_create("sandbox");

    tcase_add_loop_test(core, filters, 0, CASES);
    tcase_add_test(core, unprepared);
    suite_add_tcase(suite, core);
    return suite;
}
