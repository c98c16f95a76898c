/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parts of the store share: its folders, whole-file writes, the status file. */
#ifndef VCPUCTL_STORE_INTERNAL_H
#define VCPUCTL_STORE_INTERNAL_H

#include "libcpuctl/cpuctl.h"
#include "store.h"

struct store {
    char *state_dir, *run_dir;
};

static inline int no_memory(struct cpuctl_error *error)
{
    return cpuctl_error_set(error, -ENOMEM, "memory is short");
}

static inline void close_pointer(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

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
/**
 * Takes a whole-file lock (flock(2)) on @path, which is made, and writes down who holds it. Returns
 * the descriptor, -ETIMEDOUT with who holds it, or another negative errno.
 */
int file_lock(const char *path, unsigned int timeout_ms, struct cpuctl_error *error);

/** What the file "status" of a run folder says. */
struct status {
    int id;
    pid_t pid;
    enum domain_reason reason; /**< why it ended, when somebody said so */
    char boot[40];             /**< the host's boot that it belongs to */
};
/** Returns 0, -ENOENT, or another negative errno. A damaged file counts as none. */
int status_read(const char *folder, struct status *ret_status, struct cpuctl_error *error);
int status_write(const char *folder, const struct status *status, struct cpuctl_error *error);

/** "FOLDER/NAME"; NULL: memory is short. */
char *path_join(const char *folder, const char *name, const char *suffix);

#endif
