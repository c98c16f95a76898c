/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The error of a reply: a class for programs and a sentence for people. */
#ifndef QMP_ERROR_H
#define QMP_ERROR_H

#include <stdarg.h>
#include <stddef.h>

/** Error classes; the names on the wire are those of QEMU's qapi/error.json. */
enum qmp_error_class {
    QMP_GENERIC_ERROR,
    QMP_COMMAND_NOT_FOUND, /**< also "disabled": QEMU uses the same class for both */
    QMP_DEVICE_NOT_ACTIVE,
    QMP_DEVICE_NOT_FOUND,
    QMP_KVM_MISSING_CAP,
};

/** Why a request failed. Fill it with zeros before the first use. */
struct qmp_error {
    enum qmp_error_class error_class;
    char desc[1024]; /**< one sentence, always terminated, valid UTF-8 whatever went into it */
};

/** The name of a class as it goes on the wire, for example "GenericError". */
const char *qmp_error_class_name(enum qmp_error_class error_class);

/**
 * Fills @error (which may be NULL) with a formatted sentence, cut at the size of its text. Bytes
 * that are not UTF-8 (a peer's text may be part of the sentence) become U+FFFD.
 * Returns -EINVAL, so that a failure can be reported and returned in one statement.
 */
__attribute__((format(printf, 3, 4))) int
qmp_error_set(struct qmp_error *error, enum qmp_error_class error_class, const char *format, ...);

/** The same with a va_list. */
__attribute__((format(printf, 3, 0))) int qmp_error_setv(struct qmp_error *error,
                                                         enum qmp_error_class error_class,
                                                         const char *format, va_list args);

#endif
