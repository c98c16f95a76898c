/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A tree of files in memory that a fuzz target fills for each input. */
#ifndef CPUCTL_TESTS_FUZZ_TREE_H
#define CPUCTL_TESTS_FUZZ_TREE_H

#include <stddef.h>

/** The path of an empty directory; the same for the whole run, and removed at its end. */
const char *fuzz_tree(void);
/** Removes all that is in it. */
void fuzz_tree_clear(void);
/**
 * Writes a file, making the directories on the way. @path: relative. A path that can not be (a file
 * where a directory should be, "..") is passed over.
 */
void fuzz_tree_write(const char *path, const void *data, size_t size);

#endif
