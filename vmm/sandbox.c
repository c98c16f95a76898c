/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The system calls that cpuvmm's threads leave themselves.
 *
 * The filters are compiled once, so that a thread's start costs one system call; a hot-added vCPU's
 * thread has the main thread's filter too, since filters are inherited and add up. By then all is
 * open that is to be opened for writing, and no code is loaded any more.
 */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cpuctl.h"
#include "fail.h"
#include "libcpuctl/cleanup.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Which threads besides the main one. */
#define VCPU (1U << SANDBOX_VCPU)
#define BLK  (1U << SANDBOX_BLK)

static const struct {
    int number;
    unsigned int kinds;
} calls[] = {
    /* memory; for mmap and mprotect see below */
    { SCMP_SYS(brk), VCPU | BLK },
    { SCMP_SYS(madvise), VCPU | BLK },
    { SCMP_SYS(mremap), VCPU },
    { SCMP_SYS(munmap), VCPU | BLK },
    /* threads, signals, time; a thread's end */
    { SCMP_SYS(clock_gettime), VCPU | BLK },
    { SCMP_SYS(exit), VCPU | BLK },
    { SCMP_SYS(exit_group), 0 },
    { SCMP_SYS(futex), VCPU | BLK },
    { SCMP_SYS(getpid), VCPU | BLK },
    { SCMP_SYS(gettid), VCPU | BLK },
    { SCMP_SYS(gettimeofday), 0 },
    { SCMP_SYS(membarrier), VCPU | BLK },
    { SCMP_SYS(restart_syscall), VCPU | BLK },
    { SCMP_SYS(rseq), 0 },
    { SCMP_SYS(rt_sigaction), VCPU | BLK },
    { SCMP_SYS(rt_sigprocmask), VCPU | BLK },
    { SCMP_SYS(rt_sigreturn), VCPU | BLK },
    { SCMP_SYS(sched_getaffinity), VCPU | BLK },
    { SCMP_SYS(sched_setaffinity), 0 },
    { SCMP_SYS(sched_yield), VCPU | BLK },
    { SCMP_SYS(set_robust_list), 0 },
    { SCMP_SYS(sigaltstack), VCPU | BLK },
    { SCMP_SYS(sysinfo), VCPU | BLK },
    /* what is open: the guest's ends, eventfds, disks; a kernel is read again at a reset */
    { SCMP_SYS(close), VCPU },
    { SCMP_SYS(eventfd2), VCPU },
    { SCMP_SYS(fcntl), 0 },
    { SCMP_SYS(fdatasync), BLK },
    { SCMP_SYS(fstat), 0 },
    { SCMP_SYS(getrandom), VCPU },
    { SCMP_SYS(lseek), 0 },
    { SCMP_SYS(lstat), 0 },
    { SCMP_SYS(newfstatat), 0 },
    { SCMP_SYS(poll), VCPU },
    { SCMP_SYS(ppoll), VCPU },
    { SCMP_SYS(pread64), BLK },
    { SCMP_SYS(preadv), BLK },
    { SCMP_SYS(preadv2), BLK },
    { SCMP_SYS(pwrite64), BLK },
    { SCMP_SYS(pwritev), BLK },
    { SCMP_SYS(pwritev2), BLK },
    { SCMP_SYS(read), VCPU },
    { SCMP_SYS(unlink), 0 },
    { SCMP_SYS(unlinkat), 0 },
    { SCMP_SYS(write), VCPU | BLK },
    { SCMP_SYS(writev), VCPU | BLK },
    /* sockets: those that listen are there already */
    { SCMP_SYS(accept4), 0 },
    { SCMP_SYS(getsockopt), 0 },
    { SCMP_SYS(recvfrom), 0 },
    { SCMP_SYS(recvmsg), 0 },
    { SCMP_SYS(sendmsg), 0 },
    { SCMP_SYS(sendto), VCPU },
    { SCMP_SYS(shutdown), VCPU },
    /* the event loop */
    { SCMP_SYS(epoll_ctl), 0 },
    { SCMP_SYS(epoll_pwait), 0 },
    { SCMP_SYS(epoll_pwait2), 0 },
    { SCMP_SYS(epoll_wait), 0 },
    { SCMP_SYS(signalfd4), 0 },
    { SCMP_SYS(timerfd_create), 0 },
    { SCMP_SYS(timerfd_settime), 0 },
};

/* Requests of ioctl(2). A vCPU's thread runs the guest and sends interrupts; vCPUs are made, read
 * and written by the main thread. */
static const struct {
    unsigned long number;
    unsigned int kinds;
} requests[] = {
    { KVM_RUN, VCPU },
    { KVM_SIGNAL_MSI, VCPU },
    { KVM_SET_GSI_ROUTING, VCPU },
    { KVM_IRQFD, VCPU },
    { KVM_IOEVENTFD, VCPU },
    { KVM_GET_REGS, VCPU }, /* where it was when it failed */
    { KVM_CREATE_VCPU, 0 },
    { KVM_SET_CPUID2, 0 },
    { KVM_SET_REGS, 0 },
    { KVM_GET_SREGS, 0 },
    { KVM_SET_SREGS, 0 },
    { KVM_SET_XSAVE, 0 },
    { KVM_GET_XCRS, 0 },
    { KVM_SET_XCRS, 0 },
    { KVM_GET_DEBUGREGS, 0 },
    { KVM_SET_DEBUGREGS, 0 },
    { KVM_GET_LAPIC, 0 },
    { KVM_SET_LAPIC, 0 },
    { KVM_GET_VCPU_EVENTS, 0 },
    { KVM_SET_VCPU_EVENTS, 0 },
    { KVM_GET_MP_STATE, 0 },
    { KVM_SET_MP_STATE, 0 },
    { KVM_SET_MSRS, 0 },
    { KVM_GET_DEVICE_ATTR, 0 },
    { KVM_SET_DEVICE_ATTR, 0 },
    /* the terminal of --serial stdio gets its settings back */
    { TCGETS, 0 },
    { TCSETS, 0 },
};

/* What a call's argument has to be: (argument & mask) == value. */
static const struct {
    int number;
    unsigned int argument, kinds;
    uint64_t mask, value;
} conditions[] = {
    { SCMP_SYS(mmap), 2, VCPU | BLK, PROT_EXEC, 0 },
    { SCMP_SYS(mprotect), 2, VCPU | BLK, PROT_EXEC, 0 },
    { SCMP_SYS(openat), 2, 0, O_ACCMODE | O_CREAT | O_TRUNC | O_TMPFILE, O_RDONLY },
    { SCMP_SYS(clone), 0, 0, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM },
    { SCMP_SYS(prctl), 0, 0, UINT32_MAX, PR_SET_NAME },
    { SCMP_SYS(seccomp), 0, 0, UINT32_MAX, SECCOMP_SET_MODE_FILTER },
};

/* NULL before sandbox_prepare(). */
static struct sock_fprog filters[SANDBOX_KINDS];

/* ---- compiling them ---- */

static bool has(enum sandbox_kind kind, unsigned int kinds)
{
    return kind == SANDBOX_MAIN || (kinds & 1U << kind) != 0;
}

static void add(int *r, scmp_filter_ctx filter, uint32_t action, int call, unsigned int argument,
                uint64_t mask, uint64_t value)
{
    struct scmp_arg_cmp comparison = SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, mask, value);

    if (*r >= 0)
        *r = seccomp_rule_add_array(filter, action, call, mask ? 1 : 0, &comparison);
}

static int add_rules(scmp_filter_ctx filter, enum sandbox_kind kind)
{
    int r = 0;

    for (size_t i = 0; i < COUNT(calls); i++)
        if (has(kind, calls[i].kinds))
            add(&r, filter, SCMP_ACT_ALLOW, calls[i].number, 0, 0, 0);
    for (size_t i = 0; i < COUNT(requests); i++)
        if (has(kind, requests[i].kinds))
            add(&r, filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, UINT32_MAX, requests[i].number);
    for (size_t i = 0; i < COUNT(conditions); i++)
        if (has(kind, conditions[i].kinds))
            add(&r, filter, SCMP_ACT_ALLOW, conditions[i].number, conditions[i].argument,
                conditions[i].mask, conditions[i].value);
    /* A thread can be signalled, other processes can not. */
    add(&r, filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 0, UINT32_MAX, (uint64_t)getpid());
    /* Its flags are in memory, which a filter does not see: the C library then uses clone(). */
    if (kind == SANDBOX_MAIN)
        add(&r, filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0, 0, 0);
    return r;
}

/*
 * Allows KVM_RUN before the program proper, which looks at its number last, is asked: it is what
 * vCPUs' threads do all the time, and with an argument to be looked at the kernel asks each time
 * (it keeps which calls are always allowed: seccomp_cache_check_allow() in kernel/seccomp.c).
 */
static const struct sock_filter run_first[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 5),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 3),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, KVM_RUN, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

/* libseccomp writes its program into a file. @first: instructions that come before it. */
static int export(scmp_filter_ctx filter, const struct sock_filter first[], size_t count,
                  struct sock_fprog *ret_program)
{
    _cleanup_close_ int fd = memfd_create("seccomp", MFD_CLOEXEC);
    off_t size;
    int r;

    if (fd < 0)
        return -errno;
    r = seccomp_export_bpf(filter, fd);
    if (r < 0)
        return r;
    size = lseek(fd, 0, SEEK_END);
    if (size <= 0 || (size_t)size / sizeof(first[0]) + count > BPF_MAXINSNS)
        return -E2BIG;
    ret_program->filter = malloc(count * sizeof(first[0]) + (size_t)size);
    if (!ret_program->filter)
        return -ENOMEM;
    memcpy(ret_program->filter, first, count * sizeof(first[0]));
    if (pread(fd, ret_program->filter + count, (size_t)size, 0) != size)
        return -EIO;
    ret_program->len = (unsigned short)(count + (size_t)size / sizeof(first[0]));
    return 0;
}

static int compile(enum sandbox_kind kind)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
    int r;

    if (!filter)
        return -ENOMEM;
    r = add_rules(filter, kind);
    /* A binary tree instead of a long row of comparisons: it is run on every system call. */
    if (r >= 0)
        r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (r >= 0)
        r = export(filter, run_first, has(kind, VCPU) ? COUNT(run_first) : 0, &filters[kind]);
    seccomp_release(filter);
    return r;
}

/* ---- what happens to others ---- */

/* The call was not carried out. Says which it was, by what a signal handler may call, and dies of
 * the same signal. */
static void on_violation(int number, siginfo_t *info, void *context)
{
    char text[64] = "cpuvmm: the sandbox does not allow system call ";
    size_t size = strlen(text);
    int call = info->si_syscall;

    (void)context;
    for (int digit = 1000; digit > 0; digit /= 10)
        if (call >= digit || digit == 1)
            text[size++] = (char)('0' + call / digit % 10);
    text[size++] = '\n';
    (void)!write(STDERR_FILENO, text, size);
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

int sandbox_prepare(struct cpuctl_error *error)
{
    struct sigaction action = { .sa_sigaction = on_violation, .sa_flags = SA_SIGINFO | SA_NODEFER };
    int r = sigaction(SIGSYS, &action, NULL) < 0 ? -errno : 0;

    for (int kind = 0; r >= 0 && kind < SANDBOX_KINDS; kind++)
        r = compile((enum sandbox_kind)kind);
    if (r >= 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        r = -errno;
    if (r < 0)
        return fail_system(error, r, "the system call filters can not be made");
    return 0;
}

int sandbox_enter(enum sandbox_kind kind)
{
    sigset_t set;

    if (!filters[kind].filter)
        return 0;
    /* A blocked signal would kill, too, but without a word. */
    sigemptyset(&set);
    sigaddset(&set, SIGSYS);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filters[kind]) < 0 ? -errno : 0;
}
