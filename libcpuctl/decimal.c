/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decimal fractions with a point, whatever the program's locale is. */
#include "decimal.h"

#include <stdint.h>
#include <stdio.h>

float decimal_parse(const char *text)
{
    uint64_t digits = 0, scale = 1;
    int n = 0, fraction = 0;

    for (; (*text >= '0' && *text <= '9') || *text == '.'; text++) {
        if (*text == '.') {
            if (fraction++)
                return 0;
            continue;
        }
        /* both numbers stay exact in a double, so that their quotient is rounded only once */
        if (++n > 15)
            return 0;
        digits = digits * 10 + (uint64_t)(*text - '0');
        if (fraction)
            scale *= 10;
    }
    return n && !*text ? (float)((double)digits / (double)scale) : 0;
}

char *decimal_format(float value)
{
    char *text;
    double exact;
    uint64_t scaled;

    if (!(value >= 0 && value <= 1e12f))
        value = 0;
    /* a float has 24 significant bits and 10000 = 625 * 2^4, so the product is exact */
    exact = (double)value * 10000;
    scaled = (uint64_t)exact;
    exact -= (double)scaled;
    if (exact > 0.5 || (exact == 0.5 && scaled % 2))
        scaled++;
    if (asprintf(&text, "%ju.%04ju", (uintmax_t)(scaled / 10000), (uintmax_t)(scaled % 10000)) < 0)
        return NULL;
    return text;
}
