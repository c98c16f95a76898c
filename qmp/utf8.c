/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UTF-8 (RFC 3629): one character at a time. */
#include "utf8.h"

#include <string.h>

unsigned int qmp_utf8_length(unsigned char byte)
{
    if (byte < 0x80)
        return 1;
    if (byte < 0xC2)
        return 0;
    if (byte < 0xE0)
        return 2;
    if (byte < 0xF0)
        return 3;
    return byte < 0xF5 ? 4 : 0;
}

unsigned int qmp_utf8_decode(const char *text, size_t size, uint32_t *ret_code)
{
    /* the smallest code point that needs this many bytes; a smaller one is overlong */
    static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
    unsigned int length = size ? qmp_utf8_length((unsigned char)text[0]) : 0;
    uint32_t code;

    if (length == 0 || length > size)
        return 0;
    code = length == 1 ? (unsigned char)text[0] : (unsigned char)text[0] & (0x7FU >> length);
    for (unsigned int i = 1; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];

        if ((byte & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (byte & 0x3F);
    }
    if (code < smallest[length] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        return 0;
    *ret_code = code;
    return length;
}

unsigned int qmp_utf8_encode(uint32_t code, char text[QMP_UTF8_LENGTH_MAX])
{
    unsigned int length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

    if (length == 1) {
        text[0] = (char)code;
        return 1;
    }
    for (unsigned int i = length - 1; i > 0; i--) {
        text[i] = (char)(0x80 | (code & 0x3F));
        code >>= 6;
    }
    text[0] = (char)((0xF00U >> length & 0xF0) | code);
    return length;
}

bool qmp_utf8_is_noncharacter(uint32_t code)
{
    return (code >= 0xFDD0 && code <= 0xFDEF) || (code & 0xFFFE) == 0xFFFE;
}

size_t qmp_utf8_sanitize(const char *text, size_t text_size, char *out, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < text_size;) {
        char encoded[QMP_UTF8_LENGTH_MAX];
        uint32_t code = QMP_UTF8_REPLACEMENT;
        unsigned int length = qmp_utf8_decode(text + i, text_size - i, &code);
        unsigned int out_length;

        if (qmp_utf8_is_noncharacter(code))
            code = QMP_UTF8_REPLACEMENT;
        out_length = qmp_utf8_encode(code, encoded);
        if (used + out_length >= size)
            break;
        memcpy(out + used, encoded, out_length);
        used += out_length;
        i += length ? length : 1;
    }
    out[used] = '\0';
    return used;
}
