/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sizes for people. */
#ifndef CPUCTL_SIZE_H
#define CPUCTL_SIZE_H

#include <stddef.h>
#include <stdint.h>

/** Writes @bytes as a number with at most one decimal and a binary unit letter: "48K", "1.5M". */
void size_format(uint64_t bytes, char *buffer, size_t size);

#endif
