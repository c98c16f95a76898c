/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Temporary trees that a unit test writes, and the recorded machines that it reads. */
#ifndef CPUCTL_TESTS_UNIT_TREE_H
#define CPUCTL_TESTS_UNIT_TREE_H

#include "cpuctl.h"

/** Makes an empty temporary directory and returns its path; the caller frees it. */
char *tree_new(void);
/** Removes @path and all below it, and frees @path. */
void tree_free(char *path);
void tree_freep(char **path);

/** Writes the formatted text to @path below @tree, making the directories on the way. */
__attribute__((format(printf, 3, 4))) void tree_write(const char *tree, const char *path,
                                                      const char *format, ...);
/** Makes a symbolic link at @path below @tree. */
void tree_link(const char *tree, const char *path, const char *target);
/** Removes the file, link or directory with all below it at @path below @tree. */
void tree_remove(const char *tree, const char *path);
/** What @path below @tree holds; the caller frees it. */
char *tree_read(const char *tree, const char *path);
/** A root context on @tree; with @writable one that takes changes. */
struct cpuctl_root *tree_root(const char *tree, bool writable);

/**
 * Unpacks the recorded machine @name into a new temporary directory and returns the path of its
 * root (to be freed with tree_free() of *ret_tree), or NULL where the recordings are absent.
 * Those of tests/fixtures are always there; others are looked for in $CPUCTL_DUMPS, or else in
 * ../shared/fixtures/lscpu-dumps beside the sources.
 */
char *tree_unpack(const char *name, char **ret_tree);

/** Why tree_unpack() returned NULL, for unit_skip(). */
#define TREE_ABSENT "recorded machines are absent: set CPUCTL_DUMPS to their directory"

#endif
