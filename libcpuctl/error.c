/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Filling a struct cpuctl_error. */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>

#include "cpuctl.h"

__attribute__((format(printf, 4, 0))) static int
fill(struct cpuctl_error *error, int code, size_t position, const char *format, va_list args)
{
    if (error) {
        error->code = code;
        error->position = position;
        vsnprintf(error->text, sizeof(error->text), format, args);
    }
    return code;
}

int error_set(struct cpuctl_error *error, int code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    code = fill(error, code, 0, format, args);
    va_end(args);
    return code;
}

int error_set_at(struct cpuctl_error *error, int code, size_t position, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    code = fill(error, code, position, format, args);
    va_end(args);
    return code;
}

int cpuctl_error_set(struct cpuctl_error *error, int code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    code = fill(error, code, 0, format, args);
    va_end(args);
    return code;
}
