/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Text from elsewhere. What a guest or a VMM says ends in sentences that an operator's terminal
 * shows: control characters would let it move the cursor, set titles and write lines of its own.
 */
#ifndef VCPUCTL_TEXT_H
#define VCPUCTL_TEXT_H

#include <stdbool.h>

/** Whether a control character (ECMA-48's C0 and C1, and DEL) in UTF-8 begins at @text. */
bool text_is_control(const char *text);
/** Puts '?' in the place of control characters but those of @keep. */
void text_clean(char *text, const char *keep);

/** Whether @filename, a character device's ("unix:PATH,server=on"), is that of the socket @path. */
bool text_names_socket(const char *filename, const char *path);

#endif
