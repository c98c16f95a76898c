/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SIGINT and SIGTERM as a flag that is looked at between CPUs and while waiting. */
#include "tools/interrupt.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

/* A signal handler reaches nothing but a global. */
static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

int interrupt_catch(void)
{
    /* SA_RESETHAND: whoever does not want to wait for the CPU in progress asks twice. */
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };

    static const int signals[] = { SIGINT, SIGTERM };
    struct sigaction before;

    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        if (sigaction(signals[i], NULL, &before) < 0)
            return -errno;
        /* A shell starts what stands in the background with SIGINT ignored: so it stays. */
        if (before.sa_handler != SIG_IGN && sigaction(signals[i], &action, NULL) < 0)
            return -errno;
    }
    return 0;
}

bool interrupt_pending(void)
{
    return interrupted != 0;
}

void interrupt_forget(void)
{
    interrupted = 0;
}

int interrupt_poll(struct pollfd *fds, nfds_t n_fds, uint64_t timeout_usec)
{
    struct timespec timeout = { .tv_sec = (time_t)(timeout_usec / 1000000),
                                .tv_nsec = (long)(timeout_usec % 1000000 * 1000) };
    sigset_t blocked, before;
    int r;

    /* Blocked between the look at the flag and ppoll(), which unblocks them while it sleeps. */
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGINT);
    sigaddset(&blocked, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &blocked, &before) < 0)
        return -errno;
    if (interrupted)
        r = -EINTR;
    else
        r = ppoll(fds, n_fds, timeout_usec == UINT64_MAX ? NULL : &timeout, &before);
    if (r == -1)
        r = -errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    return r;
}
