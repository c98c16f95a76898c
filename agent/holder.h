/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which process has a device open. */
#ifndef AGENT_HOLDER_H
#define AGENT_HOLDER_H

#include <stddef.h>

/**
 * Writes "NAME (process NUMBER)" of a process that has the device @path open, or "an unknown
 * process", cut at @size. Looks through /proc once.
 */
void holder_describe(const char *path, char *out, size_t size);

#endif
