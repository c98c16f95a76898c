/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers and sizes in the values of options. */
#include "option-values.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cpuctl.h"

#define DIGITS      "0123456789"
#define DIGITS_MAX  7 /* OPTION_NUMBER_END has as many */
#define SIZE_DIGITS 9

/* The digits that the @length bytes at @text begin with. */
static size_t count_digits(const char *text, size_t length)
{
    size_t digits = strspn(text, DIGITS);

    return digits < length ? digits : length;
}

int option_number(const char *option, const char *text, size_t length, unsigned int end,
                  unsigned int *ret_number, struct cpuctl_error *error)
{
    size_t digits = count_digits(text, length);
    unsigned long value = digits > 0 && digits <= DIGITS_MAX ? strtoul(text, NULL, 10) : end;

    if (value >= end || digits < length)
        return cpuctl_error_set(error, -EINVAL, "%s: \"%.*s\" is not a number from 0 to %u", option,
                                (int)length, text, end - 1);
    *ret_number = (unsigned int)value;
    return 0;
}

int option_size(const char *option, const char *text, size_t length, uint64_t *ret_size,
                struct cpuctl_error *error)
{
    static const struct {
        char suffix;
        unsigned int shift;
    } units[] = { { 'K', 10 }, { 'M', 20 }, { 'G', 30 } };
    size_t digits = count_digits(text, length);
    uint64_t value = digits > 0 && digits <= SIZE_DIGITS ? strtoull(text, NULL, 10) : 0;
    char suffix = digits + 1 == length ? text[digits] : digits == length ? 'M' : '\0';

    for (size_t i = 0; value > 0 && i < sizeof(units) / sizeof(units[0]); i++)
        if (units[i].suffix == toupper((unsigned char)suffix)) {
            *ret_size = value << units[i].shift;
            return 0;
        }
    return cpuctl_error_set(error, -EINVAL,
                            "%s: \"%.*s\" is not a number from 1 to 999999999 with K, M or G",
                            option, (int)length, text);
}
