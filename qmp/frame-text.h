/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The text of single tokens in normal form; internal to the frame scanner. */
#ifndef QMP_FRAME_TEXT_H
#define QMP_FRAME_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/**
 * Decodes a JSON string. @text: the string in normal form with its quotes; only the first
 * QMP_FRAME_VALUE_MAX bytes of a longer one (@size) are there.
 * Writes to @out as much as fits (@out_size bytes with the terminator) and returns the length that
 * the whole would have had; of a string that isn't all there, @size.
 */
size_t qmp_frame_text_decode(const char *text, size_t size, char *out, size_t out_size);

/** True when @text, a JSON integer, fits int64_t or uint64_t. */
bool qmp_frame_text_is_integer(const char *text);

#endif
