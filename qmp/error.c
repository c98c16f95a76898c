/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The error of a reply: filling it. */
#include "error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "utf8.h"

const char *qmp_error_class_name(enum qmp_error_class error_class)
{
    static const char *const names[] = {
        [QMP_GENERIC_ERROR] = "GenericError",        [QMP_COMMAND_NOT_FOUND] = "CommandNotFound",
        [QMP_DEVICE_NOT_ACTIVE] = "DeviceNotActive", [QMP_DEVICE_NOT_FOUND] = "DeviceNotFound",
        [QMP_KVM_MISSING_CAP] = "KVMMissingCap",
    };

    return names[error_class];
}

int qmp_error_set(struct qmp_error *error, enum qmp_error_class error_class, const char *format,
                  ...)
{
    va_list args;

    va_start(args, format);
    qmp_error_setv(error, error_class, format, args);
    va_end(args);
    return -EINVAL;
}

int qmp_error_setv(struct qmp_error *error, enum qmp_error_class error_class, const char *format,
                   va_list args)
{
    char text[sizeof(error->desc)];

    if (!error)
        return -EINVAL;
    error->error_class = error_class;
    vsnprintf(text, sizeof(text), format, args);
    qmp_utf8_sanitize(text, strlen(text), error->desc, sizeof(error->desc));
    return -EINVAL;
}
