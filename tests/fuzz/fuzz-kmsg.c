/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A record of /dev/kmsg. Properties: the message lies inside the record and is one line, and no
 * CPU number is too large for it.
 */
#include <limits.h>
#include <string.h>

#include "fuzz.h"
#include "kmsg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned int cpus[] = { 0, 1, 7, 255, 8191, INT_MAX, UINT_MAX };
    const char *record = (const char *)data, *message = NULL;
    size_t length = 0, about = 0;

    if (!kmsg_parse(record, size, &message, &length)) {
        hold(!message && length == 0);
        return 0;
    }
    hold(message > record && message <= record + size);
    hold(length <= size - (size_t)(message - record));
    hold(!memchr(message, '\n', length));
    for (size_t i = 0; i < sizeof(cpus) / sizeof(cpus[0]); i++)
        about += kmsg_is_about(message, length, cpus[i]);
    hold(length > 0 || about == 0);
    return 0;
}
