/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sizes for people, as `lscpu -C` prints them. */
#include "tools/size.h"

#include <inttypes.h>
#include <stdio.h>

void size_format(uint64_t bytes, char *buffer, size_t size)
{
    static const char units[] = "BKMGTPE";
    unsigned int unit = 0;
    uint64_t whole, rest, thousandths, tenths;

    while (unit < sizeof(units) - 2 && bytes >> (10 * (unit + 1)))
        unit++;
    whole = bytes >> (10 * unit);
    rest = unit ? bytes & ((UINT64_C(1) << (10 * unit)) - 1) : 0;
    /* From the exabyte on the rest times 1000 would overflow. */
    thousandths = unit == 6 ? (rest >> 10) * 1000 >> 50 : rest * 1000 >> (10 * unit);
    tenths = (thousandths + 50) / 100;
    if (tenths == 10) {
        whole++;
        tenths = 0;
    }
    if (tenths)
        snprintf(buffer, size, "%" PRIu64 ".%" PRIu64 "%c", whole, tenths, units[unit]);
    else
        snprintf(buffer, size, "%" PRIu64 "%c", whole, units[unit]);
}
