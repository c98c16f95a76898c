/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writing a tar file that appears under its name only when it is complete. */
#ifndef CPUCTL_ARCHIVE_H
#define CPUCTL_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>

struct archive_out;
struct cpuctl_error;

/**
 * Begins a tar file. @path: its name; one that ends in .gz, .tgz or .xz is compressed; "-" is
 * standard output. @replace: an existing file may be replaced when the new one is complete.
 * Entries are put below one directory, which is named as the file without its suffixes.
 * Returns 0, -EEXIST, or another negative errno; @error says why.
 */
int archive_out_open(const char *path, bool replace, struct archive_out **ret_archive,
                     struct cpuctl_error *error);
/** Adds a file. @name: relative, with directories. Returns 0 or a negative errno. */
int archive_out_add(struct archive_out *archive, const char *name, const void *data, size_t size,
                    struct cpuctl_error *error);
/** Completes the file on the disk and gives it its name. Returns 0 or a negative errno. */
int archive_out_commit(struct archive_out *archive, struct cpuctl_error *error);
/** Frees it; what was not committed is removed. Takes NULL. */
void archive_out_free(struct archive_out *archive);

#endif
