/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The text of single tokens in normal form. */
#include "frame-text.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"
#include "utf8.h"

static uint32_t hex4(const char *text)
{
    char digits[5] = { 0 };

    memcpy(digits, text, 4);
    return (uint32_t)strtoul(digits, NULL, 16);
}

/* The character that a backslash and @letter stand for. */
static char simple_escape(char letter)
{
    static const char letters[] = "bfnrt";
    static const char meanings[] = "\b\f\n\r\t";
    const char *found = strchr(letters, letter);

    return found ? meanings[found - letters] : letter;
}

/* Decodes the escape at @text, which begins with a backslash; returns how long it is there. */
static size_t decode_escape(const char *text, uint32_t *ret_code)
{
    if (text[1] != 'u') {
        *ret_code = (unsigned char)simple_escape(text[1]);
        return 2;
    }
    *ret_code = hex4(text + 2);
    if (*ret_code < 0xD800 || *ret_code > 0xDBFF)
        return 6;
    *ret_code = 0x10000 + ((*ret_code - 0xD800) << 10) + (hex4(text + 8) - 0xDC00);
    return 12;
}

size_t qmp_frame_text_decode(const char *text, size_t size, char *out, size_t out_size)
{
    size_t length = 0;
    bool fits = true;
    size_t written = 0;

    out[0] = '\0';
    if (size > QMP_FRAME_VALUE_MAX)
        return size;
    for (size_t i = 1; i + 1 < size;) {
        char encoded[QMP_UTF8_LENGTH_MAX] = { text[i] };
        unsigned int encoded_size = 1;

        if (text[i] == '\\') {
            uint32_t code;

            i += decode_escape(text + i, &code);
            encoded_size = qmp_utf8_encode(code, encoded);
        } else {
            i++;
        }
        length += encoded_size;
        fits = fits && written + encoded_size < out_size;
        if (fits) {
            memcpy(out + written, encoded, encoded_size);
            written += encoded_size;
        }
    }
    out[written] = '\0';
    return length;
}

bool qmp_frame_text_is_integer(const char *text)
{
    errno = 0;
    if (text[0] == '-')
        (void)strtoll(text, NULL, 10);
    else
        (void)strtoull(text, NULL, 10);
    return errno == 0;
}
