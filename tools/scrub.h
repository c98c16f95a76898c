/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Taking serial numbers and names out of what is recorded. */
#ifndef CPUCTL_SCRUB_H
#define CPUCTL_SCRUB_H

#include <stddef.h>

/**
 * Overwrites in @data, the content of file @path (relative to the root), what identifies this one
 * machine: letters with "x", digits with "0". Of the kernel's release its number is kept, of the
 * SMBIOS table the structures about firmware, system and processors. Returns the new size, at most
 * @size.
 */
size_t scrub(const char *path, char *data, size_t size);

#endif
