/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * make-seccomp-filter CPU: compiles the agent's seccomp filter for a machine with that CPU and
 * prints it as bytes of a C array, in that machine's byte order. It is run while the agent is
 * built: to compile at each start takes longer than all the rest of the start.
 *
 * A call that is not on the list fails with ENOSYS, which the C library takes for "this kernel is
 * older" and so uses what it used before: a newer C library therefore keeps working, where killing
 * would end the agent in the middle of a batch. Calls that only an intruder has a use for, first of
 * all those that start a program, kill the process instead.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int allowed[] = {
    /* memory */
    SCMP_SYS(brk),
    SCMP_SYS(madvise),
    SCMP_SYS(mmap),
    SCMP_SYS(mmap2),
    SCMP_SYS(mprotect),
    SCMP_SYS(mremap),
    SCMP_SYS(munmap),
    /* the process itself */
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(futex),
    SCMP_SYS(futex_time64),
    SCMP_SYS(get_robust_list),
    SCMP_SYS(getegid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getgroups),
    SCMP_SYS(getpgid),
    SCMP_SYS(getpid),
    SCMP_SYS(getppid),
    SCMP_SYS(getrandom),
    SCMP_SYS(getresgid),
    SCMP_SYS(getresuid),
    SCMP_SYS(getrlimit),
    SCMP_SYS(gettid),
    SCMP_SYS(getuid),
    SCMP_SYS(membarrier),
    SCMP_SYS(prctl),
    SCMP_SYS(prlimit64),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(rseq),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_yield),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(sysinfo),
    SCMP_SYS(umask),
    SCMP_SYS(uname),
    /* signals; for kill() see below */
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigtimedwait),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(signalfd4),
    SCMP_SYS(sigreturn),
    SCMP_SYS(tgkill),
    /* time */
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_gettime64),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(clock_nanosleep_time64),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(nanosleep),
    SCMP_SYS(time),
    SCMP_SYS(timerfd_create),
    SCMP_SYS(timerfd_settime),
    SCMP_SYS(timerfd_settime64),
    /* files: sysfs, /proc, devices, the log, the operator's choice, what the host took offline */
    SCMP_SYS(_llseek),
    SCMP_SYS(access),
    SCMP_SYS(close),
    SCMP_SYS(close_range),
    SCMP_SYS(dup),
    SCMP_SYS(dup3),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(fcntl),
    SCMP_SYS(fcntl64),
    SCMP_SYS(flock),
    SCMP_SYS(fstat),
    SCMP_SYS(fstat64),
    SCMP_SYS(fstatat64),
    SCMP_SYS(fstatfs),
    SCMP_SYS(fstatfs64),
    SCMP_SYS(fsync),
    SCMP_SYS(getcwd),
    SCMP_SYS(getdents),
    SCMP_SYS(getdents64),
    SCMP_SYS(ioctl),
    SCMP_SYS(lseek),
    SCMP_SYS(lstat),
    SCMP_SYS(lstat64),
    SCMP_SYS(mkdir),
    SCMP_SYS(mkdirat),
    SCMP_SYS(name_to_handle_at),
    SCMP_SYS(newfstatat),
    SCMP_SYS(open),
    SCMP_SYS(openat),
    SCMP_SYS(openat2),
    SCMP_SYS(pread64),
    SCMP_SYS(pwrite64),
    SCMP_SYS(read),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(readv),
    SCMP_SYS(renameat),
    SCMP_SYS(renameat2),
    SCMP_SYS(stat),
    SCMP_SYS(stat64),
    SCMP_SYS(statfs),
    SCMP_SYS(statfs64),
    SCMP_SYS(statx),
    SCMP_SYS(unlink),
    SCMP_SYS(unlinkat),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    /* the event loop */
    SCMP_SYS(_newselect),
    SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_pwait2),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(eventfd2),
    SCMP_SYS(inotify_add_watch),
    SCMP_SYS(inotify_init1),
    SCMP_SYS(inotify_rm_watch),
    SCMP_SYS(pipe2),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(ppoll_time64),
    /* sockets: the host, the agent behind us, uevents, journald, logind */
    SCMP_SYS(accept),
    SCMP_SYS(accept4),
    SCMP_SYS(bind),
    SCMP_SYS(connect),
    SCMP_SYS(getpeername),
    SCMP_SYS(getsockname),
    SCMP_SYS(getsockopt),
    SCMP_SYS(listen),
    SCMP_SYS(memfd_create),
    SCMP_SYS(recv),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(send),
    SCMP_SYS(sendmsg),
    SCMP_SYS(sendto),
    SCMP_SYS(setsockopt),
    SCMP_SYS(shutdown),
    SCMP_SYS(socket),
    SCMP_SYS(socketcall),
};

static const int deadly[] = {
    SCMP_SYS(bpf),
    SCMP_SYS(clone),
    SCMP_SYS(clone3),
    SCMP_SYS(delete_module),
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(finit_module),
    SCMP_SYS(fork),
    SCMP_SYS(init_module),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(kexec_load),
    SCMP_SYS(mount),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(pivot_root),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(ptrace),
    SCMP_SYS(reboot),
    SCMP_SYS(setns),
    SCMP_SYS(swapon),
    SCMP_SYS(unshare),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(vfork),
};

/* What configure and libseccomp call the same; else config.sub's names of CPUs are libseccomp's. */
static const struct {
    const char *cpu, *name;
} names[] = {
    { "armv6l", "arm" },      { "armv7l", "arm" },
    { "i386", "x86" },        { "i486", "x86" },
    { "i586", "x86" },        { "i686", "x86" },
    { "powerpc64", "ppc64" }, { "powerpc64le", "ppc64le" },
};

static uint32_t find_arch(const char *cpu)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i].cpu, cpu) == 0)
            return seccomp_arch_resolve_name(names[i].name);
    return seccomp_arch_resolve_name(cpu);
}

/* A filter for @arch alone. A filter's architectures have one byte order: ours has to go first. */
static int set_arch(scmp_filter_ctx filter, uint32_t arch)
{
    int r;

    if (arch == seccomp_arch_native())
        return 0;
    r = seccomp_arch_remove(filter, seccomp_arch_native());
    return r < 0 ? r : seccomp_arch_add(filter, arch);
}

/* Calls are given by this machine's numbers; libseccomp finds @arch's by their names. */
static int add_rules(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int r = seccomp_rule_add(filter, action, calls[i], 0);

        /* -EDOM: a call that the architecture has not. */
        if (r < 0 && r != -EDOM)
            return r;
    }
    return 0;
}

static int make_filter(scmp_filter_ctx filter, uint32_t arch)
{
    int r = set_arch(filter, arch);

    if (r >= 0)
        r = add_rules(filter, SCMP_ACT_ALLOW, allowed, sizeof(allowed) / sizeof(allowed[0]));
    if (r >= 0)
        r = add_rules(filter, SCMP_ACT_KILL_PROCESS, deadly, sizeof(deadly) / sizeof(deadly[0]));
    /* Process 1 is told to shut down by a signal, see shutdown.c. */
    if (r >= 0)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(kill), 1, SCMP_A0(SCMP_CMP_EQ, 1, 0));
    /* A binary tree instead of a long row of comparisons: it is run on every system call. */
    if (r >= 0)
        r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    return r;
}

static int print_filter(scmp_filter_ctx filter)
{
    FILE *file = tmpfile();
    int r, c;

    if (!file)
        return -errno;
    r = seccomp_export_bpf(filter, fileno(file));
    if (r >= 0 && fseek(file, 0, SEEK_SET) < 0)
        r = -errno;
    for (unsigned int i = 0; r >= 0 && (c = getc(file)) != EOF; i++)
        printf("%d,%c", c, i % 16 == 15 ? '\n' : ' ');
    fclose(file);
    return r < 0 ? r : fflush(stdout);
}

int main(int argc, char *argv[])
{
    uint32_t arch = argc == 2 ? find_arch(argv[1]) : 0;
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    int r;

    if (!arch || !filter) {
        fprintf(stderr, "make-seccomp-filter: libseccomp knows no CPU %s\n",
                argc == 2 ? argv[1] : "without a name");
        return EXIT_FAILURE;
    }
    r = make_filter(filter, arch);
    if (r >= 0)
        r = print_filter(filter);
    seccomp_release(filter);
    if (r < 0)
        fprintf(stderr, "make-seccomp-filter: %s: %s\n", argv[1], strerror(-r));
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
