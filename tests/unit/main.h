/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What every unit test program shares. A program defines unit_suite(); main() in main.c runs it and
 * prints TAP on standard output. The exit code is 0 when all tests passed or were skipped.
 */
#ifndef CPUCTL_TESTS_UNIT_MAIN_H
#define CPUCTL_TESTS_UNIT_MAIN_H

#include <check.h>

/** The tests of this program. */
Suite *unit_suite(void);

/** Ends the running test (a START_TEST body) as skipped, with the reason in its TAP line. */
#define unit_skip(...)                                                                             \
    do {                                                                                           \
        unit_note_skip(__func__, __VA_ARGS__);                                                     \
        return;                                                                                    \
    } while (0)

/** The half of unit_skip() that remembers; @function: the name of the test's function. */
__attribute__((format(printf, 2, 3))) void unit_note_skip(const char *function, const char *format,
                                                          ...);

#endif
