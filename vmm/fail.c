/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Error sentences that end with what the system said. */
#include "fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cpuctl.h"

int fail_system(struct cpuctl_error *error, int code, const char *format, ...)
{
    char text[sizeof(error->text)], buffer[128];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return cpuctl_error_set(error, code, "%s: %s", text, strerror_r(-code, buffer, sizeof(buffer)));
}
