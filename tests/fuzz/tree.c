/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A tree of files in memory that a fuzz target fills for each input. */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "fuzz.h"

#define PATH_LENGTH_MAX 200

static struct {
    char path[64];
    int fd;
} tree;

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    return ftw->level > 0 ? remove(path) : 0;
}

void fuzz_tree_clear(void)
{
    hold(nftw(tree.path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0);
}

static void end(void)
{
    fuzz_tree_clear();
    close(tree.fd);
    rmdir(tree.path);
}

const char *fuzz_tree(void)
{
    if (!tree.path[0]) {
        snprintf(tree.path, sizeof(tree.path), "%s/cpuctl-fuzz-XXXXXX",
                 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        hold(mkdtemp(tree.path));
        tree.fd = open(tree.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        hold(tree.fd >= 0);
        atexit(end);
    }
    return tree.path;
}

/* Only names that sysfs could have: nothing may lead out of the tree. */
static int is_usable(const char *path)
{
    size_t length = strlen(path);

    return length > 0 && length < PATH_LENGTH_MAX && path[0] != '/' && !strstr(path, "..");
}

void fuzz_tree_write(const char *path, const void *data, size_t size)
{
    _cleanup_close_ int fd = -1;
    char part[PATH_LENGTH_MAX];

    if (!is_usable(path))
        return;
    strcpy(part, path);
    for (char *slash = strchr(part, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdirat(tree.fd, part, 0755) < 0 && errno != EEXIST)
            return;
        *slash = '/';
    }
    fd = openat(tree.fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd >= 0)
        hold(write(fd, data, size) == (ssize_t)size);
}
