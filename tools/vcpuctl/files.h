/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of the store: written whole or not at all, read with a limit, locked with a deadline. */
#ifndef VCPUCTL_FILES_H
#define VCPUCTL_FILES_H

#include <stddef.h>
#include <sys/types.h>

struct cpuctl_error;

/**
 * Writes a file whole: under another name, synced, then renamed. Returns 0 or a negative errno with
 * a sentence; then the file is as it was.
 */
int file_write(const char *path, const char *text, size_t size, mode_t mode,
               struct cpuctl_error *error);
/** Reads a file of up to @limit bytes. @ret_text is terminated. Returns 0, -ENOENT (no sentence
 * needed), -EFBIG … */
int file_read(const char *path, size_t limit, char **ret_text, size_t *ret_size,
              struct cpuctl_error *error);
/** Makes a folder, and those above it. Returns 0 or a negative errno with a sentence. */
int folder_make(const char *path, struct cpuctl_error *error);
/** Removes a folder and the files in it, @last after the others, as far as that goes. */
void folder_remove(const char *path, const char *last);
/**
 * Takes a whole-file lock (flock(2)) on @path, which is made, and writes down who holds it. Who
 * holds it may remove the file. Returns the descriptor, -ETIMEDOUT with who holds it, -ENOENT (its
 * folder is gone), or another negative errno.
 */
int file_lock(const char *path, unsigned int timeout_ms, struct cpuctl_error *error);

/** "FOLDER/NAME"; NULL: memory is short. */
char *path_join(const char *folder, const char *name, const char *suffix);

#endif
