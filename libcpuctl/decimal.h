/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decimal fractions with a point, whatever the program's locale is: strtof() and printf() follow
 * LC_NUMERIC. Internal to the library.
 */
#ifndef CPUCTL_INTERNAL_DECIMAL_H
#define CPUCTL_INTERNAL_DECIMAL_H

/** Parses "2894.214", up to 15 significant digits. Returns the nearest float, or 0 when it is none.
 */
float decimal_parse(const char *text);
/** Formats a value from 0 to 10^12 with four digits after the point, rounded to even as printf()
 * does. Returns the text, which the caller frees, or NULL when memory is short. */
char *decimal_format(float value);

#endif
