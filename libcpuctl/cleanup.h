/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Scope-bound release of what a function acquires. Used by every part of the project. */
#ifndef CPUCTL_CLEANUP_H
#define CPUCTL_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/** Calls @function with a pointer to the variable when it leaves its scope. */
#define _cleanup_(function) __attribute__((cleanup(function)))

/** Defines `static inline void function##p(type *p)` for use with _cleanup_(). */
#define DEFINE_CLEANUP(type, function)                                                             \
    static inline void function##p(type *p)                                                        \
    {                                                                                              \
        if (*p)                                                                                    \
            function(*p);                                                                          \
    }                                                                                              \
    struct cleanup_swallows_semicolon

static inline void cleanup_free(void *p)
{
    free(*(void **)p);
}

static inline void cleanup_close(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void cleanup_fclose(FILE **file)
{
    if (*file)
        fclose(*file);
}

#define _cleanup_free_   _cleanup_(cleanup_free)
#define _cleanup_close_  _cleanup_(cleanup_close)
#define _cleanup_fclose_ _cleanup_(cleanup_fclose)

/** The pointer, which is NULL afterwards: hands ownership on, out of a scope-bound variable. */
#define TAKE_PTR(p)                                                                                \
    ({                                                                                             \
        __typeof__(p) taken_ = (p);                                                                \
        (p) = NULL;                                                                                \
        taken_;                                                                                    \
    })

/** The file descriptor, which is -1 afterwards. */
static inline int take_fd(int *fd)
{
    int taken = *fd;

    *fd = -1;
    return taken;
}

#endif
