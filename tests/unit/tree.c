/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Temporary trees for unit tests. Every failure here fails the test. */
#include "tree.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "root.h"

char *tree_new(void)
{
    const char *from_env = getenv("TMPDIR");
    const char *directory = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    char *path = NULL;

    /* Memory, where there is such a place: some tests write thousands of files. */
    ck_assert_int_gt(asprintf(&path, "%s/cpuctl-tree-XXXXXX", from_env ? from_env : directory), 0);
    ck_assert_ptr_nonnull(mkdtemp(path));
    return path;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void tree_free(char *path)
{
    if (!path)
        return;
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(path);
}

void tree_freep(char **path)
{
    tree_free(*path);
}

static char *join(const char *tree, const char *path)
{
    char *joined = NULL;

    ck_assert_int_gt(asprintf(&joined, "%s/%s", tree, path), 0);
    return joined;
}

static void make_parents(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        ck_assert(mkdir(path, 0755) == 0 || errno == EEXIST);
        *slash = '/';
    }
}

void tree_write(const char *tree, const char *path, const char *format, ...)
{
    _cleanup_free_ char *full = join(tree, path);
    _cleanup_fclose_ FILE *file = NULL;
    va_list args;

    make_parents(full);
    file = fopen(full, "w");
    ck_assert_msg(file != NULL, "%s: %s", full, strerror(errno));
    va_start(args, format);
    ck_assert_int_ge(vfprintf(file, format, args), 0);
    va_end(args);
}

void tree_link(const char *tree, const char *path, const char *target)
{
    _cleanup_free_ char *full = join(tree, path);

    make_parents(full);
    ck_assert_int_eq(symlink(target, full), 0);
}

void tree_remove(const char *tree, const char *path)
{
    tree_free(join(tree, path));
}

char *tree_read(const char *tree, const char *path)
{
    _cleanup_free_ char *full = join(tree, path);
    _cleanup_fclose_ FILE *file = fopen(full, "r");
    char *text = calloc(1, 65536);

    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(text);
    ck_assert_uint_lt(fread(text, 1, 65535, file), 65535);
    return text;
}

struct cpuctl_root *tree_root(const char *tree, bool writable)
{
    struct cpuctl_root *root = NULL;
    struct cpuctl_error error = { 0 };

    ck_assert_msg(cpuctl_root_open(tree, &root, &error) == 0, "%s", error.text);
    if (writable)
        root_allow_writes(root);
    return root;
}

/** Unpacks @archive and returns the path of @top in it. */
static char *unpack(const char *archive, const char *top, char **ret_tree)
{
    _cleanup_free_ char *command = NULL;
    char *tree = tree_new();

    ck_assert_int_gt(asprintf(&command, "tar -xf '%s' -C '%s'", archive, tree), 0);
    ck_assert_int_eq(system(command), 0);
    *ret_tree = tree;
    return join(tree, top);
}

char *tree_unpack(const char *name, char **ret_tree)
{
    const char *from_env = getenv("CPUCTL_DUMPS");
    const char *directory = from_env ? from_env : SOURCE_DIR "/../shared/fixtures/lscpu-dumps";
    _cleanup_free_ char *ours = NULL, *archive = NULL;

    ck_assert_int_gt(asprintf(&ours, "%s/%s.tar.xz", FIXTURES_DIR, name), 0);
    if (access(ours, R_OK) == 0)
        return unpack(ours, "machine", ret_tree);
    ck_assert_int_gt(asprintf(&archive, "%s/%s.tar.gz", directory, name), 0);
    return access(archive, R_OK) == 0 ? unpack(archive, name, ret_tree) : NULL;
}
