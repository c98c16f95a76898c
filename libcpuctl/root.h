/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The root context's inside: how the library's own files read, list and write below a root. Paths
 * are relative to the root ("sys/devices/system/cpu/online"); ".." and symbolic links, absolute
 * ones too, are resolved inside it. Nothing in the library opens a file below the root otherwise.
 */
#ifndef CPUCTL_INTERNAL_ROOT_H
#define CPUCTL_INTERNAL_ROOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cleanup.h"
#include "cpuctl.h"

#define ROOT_CPU_DIR  "sys/devices/system/cpu"
#define ROOT_NODE_DIR "sys/devices/system/node"

/** The longest path, its NUL included, that the library builds itself. */
#define ROOT_PATH_MAX 256

/** Room for any number or word that sysfs has in one file. */
#define ROOT_VALUE_MAX 128

/**
 * The longest list or mask file: each second of CPUCTL_CPUS_MAX CPUs in a list, 7 characters and a
 * comma each.
 */
#define ROOT_MASK_MAX (CPUCTL_CPUS_MAX / 2 * 8)

struct cpuctl_root {
    int fd;     /* the root directory, O_PATH */
    char *path; /* as given, for error texts; "" for the live machine */
    bool live;
    bool writable;        /* the live machine, and trees that a test made for itself */
    bool no_openat2;      /* the kernel or a seccomp filter has none: walk ourselves */
    uint8_t *can_offline; /* what cpuctl_can_offline() found out, an enum by CPU number */
    size_t n_can_offline;
    int kmsg_fd; /* the kernel log, or -1: see cpuctl_root_open_kmsg() */
};

DEFINE_CLEANUP(struct cpuctl_root *, cpuctl_root_free);

/**
 * Opens a file or directory below the root. @flags, @mode: as for open(2); O_CLOEXEC and O_NOCTTY
 * are added. Anything but O_RDONLY and O_PATH needs a writable root. Returns a file descriptor, or
 * a negative errno: -ENOENT, -ENOTDIR, -EACCES, -ELOOP, -ENAMETOOLONG, -EROFS ….
 */
int root_open(struct cpuctl_root *root, const char *path, int flags, mode_t mode);

/** Whether @path exists. Returns 1, 0 or a negative errno other than -ENOENT and -ENOTDIR. */
int root_exists(struct cpuctl_root *root, const char *path);

/**
 * Reads a file of sysfs into @buffer and terminates it; a newline at the end is cut off. A file that
 * can't be read whole leaves the empty string, one that can't be opened leaves @buffer as it was.
 * Returns the length, -EFBIG (it has @size characters or more), -ENOENT, ….
 */
ssize_t root_read_value(struct cpuctl_root *root, const char *path, char *buffer, size_t size);

/** The same of an open file. */
ssize_t root_read_fd(int fd, char *buffer, size_t size);

/** Reads a file that holds one decimal number. Returns 0, -EBADMSG (it does not), -ENOENT, …. */
int root_read_int(struct cpuctl_root *root, const char *path, int64_t *ret_value);

/**
 * Reads a CPU list file (@list) or CPU mask file into a new set. Returns 0, -EBADMSG (malformed;
 * @error says where and why), -ENOENT, ….
 */
int root_read_mask(struct cpuctl_root *root, const char *path, bool list,
                   struct cpuctl_set **ret_set, struct cpuctl_error *error);

/**
 * Calls @each for each entry of a directory but "." and "..", in no particular order. Returns 0,
 * what @each returned, -ENOENT, -ENOTDIR, -E2BIG (more than CPUCTL_CPUS_MAX entries), ….
 */
int root_list(struct cpuctl_root *root, const char *path, cpuctl_name_fn each, void *userdata);

/**
 * Writes @text to an existing file in one write(2), as sysfs wants it. Returns 0, -EROFS (a
 * recorded tree), or what open(2) or write(2) say.
 */
int root_write(struct cpuctl_root *root, const char *path, const char *text);

/** Fills @error with "PATH: what: reason" and returns @code, a negative errno. */
int root_error(const struct cpuctl_root *root, struct cpuctl_error *error, int code,
               const char *path, const char *what);

/** For tests: lets a tree that is not the live machine be changed. */
void root_allow_writes(struct cpuctl_root *root);

/** How many read files a root_dir keeps open, to close them together. */
#define ROOT_DIR_PENDING 64

/** A directory below the root that many files are read from, by short paths. */
struct root_dir {
    struct cpuctl_root *root;
    const char *path; /* not copied: a literal */
    int fd;
    int pending[ROOT_DIR_PENDING]; /* files that were read */
    unsigned int n_pending;
};

/** Opens @path for root_dir_read(). Returns 0, -ENOENT, …. */
int root_dir_open(struct cpuctl_root *root, const char *path, struct root_dir *ret_dir);
void root_dir_close(struct root_dir *dir);
/** As root_read_value(); @name: the path below the directory. */
ssize_t root_dir_read(struct root_dir *dir, const char *name, char *buffer, size_t size);

#endif
