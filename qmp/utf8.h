/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UTF-8 (RFC 3629): one character at a time. */
#ifndef QMP_UTF8_H
#define QMP_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What stands for bytes that are not UTF-8. */
#define QMP_UTF8_REPLACEMENT 0xFFFDU

/** The longest encoding of a character. */
#define QMP_UTF8_LENGTH_MAX 4

/**
 * How many bytes an encoding that begins with @byte has: 1 … 4, or 0 if none begins with it
 * (continuation bytes, 0xC0, 0xC1, 0xF5 and above).
 */
unsigned int qmp_utf8_length(unsigned char byte);

/**
 * Decodes the character at @text, of which @size bytes may be read. Returns its length, or 0 if it
 * is cut, overlong, a surrogate or above U+10FFFF.
 */
unsigned int qmp_utf8_decode(const char *text, size_t size, uint32_t *ret_code);

/** Writes the encoding of @code (at most U+10FFFF) to @text and returns its length. */
unsigned int qmp_utf8_encode(uint32_t code, char text[QMP_UTF8_LENGTH_MAX]);

/** True for the code points that Unicode sets aside as noncharacters (U+FDD0 …, U+xxFFFE, …). */
bool qmp_utf8_is_noncharacter(uint32_t code);

/**
 * Copies @text to @out (@size bytes with the terminator), each byte that is not part of UTF-8 and
 * each noncharacter as U+FFFD (QEMU's parser, and so ours, takes neither in a string); cuts at a
 * character's boundary. Returns the length of what was written.
 */
size_t qmp_utf8_sanitize(const char *text, size_t text_size, char *out, size_t size);

#endif
