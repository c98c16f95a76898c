/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text from elsewhere, made harmless to a terminal. */
#include "text.h"

#include <string.h>

bool text_is_control(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;

    /* C1 is U+0080 to U+009F */
    return *c < ' ' || *c == 0x7f || (*c == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f);
}

void text_clean(char *text, const char *keep)
{
    for (char *c = text; *c; c++) {
        if (!text_is_control(c) || strchr(keep, *c))
            continue;
        if ((unsigned char)*c == 0xc2)
            *c++ = '?';
        *c = '?';
    }
}

bool text_names_socket(const char *filename, const char *path)
{
    size_t length = strlen(path);

    for (const char *found = strstr(filename, path); found; found = strstr(found + 1, path))
        if (found[length] == ',' || !found[length])
            return true;
    return false;
}
