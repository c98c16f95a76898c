/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A tar file by libarchive: written beside its place, made durable, then renamed. */
#include "tools/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "tools/tool.h"

struct archive_out {
    struct archive *archive;
    int fd;          /* -1: standard output, which is not ours to close */
    char *path;      /* where it goes, NULL for standard output */
    char *part;      /* where it is until then; NULL when there is none */
    char *directory; /* what the entries are below */
    bool replace;
    time_t now; /* the time of all entries */
};

/** Names' endings and how such a file is compressed. */
static const struct {
    const char *suffix;
    int (*add_filter)(struct archive *archive);
} suffixes[] = {
    { .suffix = ".tar" },
    { .suffix = ".tgz", .add_filter = archive_write_add_filter_gzip },
    { .suffix = ".tar.gz", .add_filter = archive_write_add_filter_gzip },
    { .suffix = ".tar.xz", .add_filter = archive_write_add_filter_xz },
    { .suffix = ".gz", .add_filter = archive_write_add_filter_gzip },
    { .suffix = ".xz", .add_filter = archive_write_add_filter_xz },
};

__attribute__((format(printf, 3, 4))) static int fail(struct cpuctl_error *error, int code,
                                                      const char *format, ...)
{
    va_list args;

    error->code = code;
    va_start(args, format);
    vsnprintf(error->text, sizeof(error->text), format, args);
    va_end(args);
    return code;
}

/** What libarchive says went wrong, as a negative errno with a text. */
static int fail_archive(const struct archive_out *out, struct cpuctl_error *error)
{
    int code = archive_errno(out->archive);

    return fail(error, code > 0 ? -code : -EIO, "%s: %s", out->path ? out->path : "standard output",
                code > 0 ? strerror(code) : archive_error_string(out->archive));
}

/** Finds the directory of the entries and the filter from the file's name. */
static int take_name(struct archive_out *out, const char *path,
                     int (**ret_filter)(struct archive *archive))
{
    const char *base = strrchr(path, '/');
    size_t length;

    base = base ? base + 1 : path;
    length = strlen(base);
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        size_t n = strlen(suffixes[i].suffix);

        if (length > n && strcmp(base + length - n, suffixes[i].suffix) == 0) {
            *ret_filter = suffixes[i].add_filter;
            out->directory = strndup(base, length - n);
            return out->directory ? 0 : -ENOMEM;
        }
    }
    out->directory = strdup(strcmp(path, "-") == 0 ? "machine" : base);
    return out->directory ? 0 : -ENOMEM;
}

/** Creates the file beside its place. */
static int create_part(struct archive_out *out, const char *path, struct cpuctl_error *error)
{
    struct stat st;
    int r;

    if (!out->replace && lstat(path, &st) == 0)
        return fail(error, -EEXIST, "%s: exists already; --force replaces it", path);
    out->path = strdup(path);
    if (!out->path || asprintf(&out->part, "%s.%ld.part", path, (long)getpid()) < 0) {
        out->part = NULL;
        return fail(error, -ENOMEM, "out of memory");
    }
    out->fd = open(out->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (out->fd < 0) {
        r = fail(error, -errno, "%s: %s", out->part, strerror(errno));
        free(out->part);
        out->part = NULL;
        return r;
    }
    return 0;
}

int archive_out_open(const char *path, bool replace, struct archive_out **ret_archive,
                     struct cpuctl_error *error)
{
    struct archive_out *out = calloc(1, sizeof(*out));
    int (*add_filter)(struct archive * archive) = NULL;
    int r = -ENOMEM;

    if (!out)
        return fail(error, r, "out of memory");
    out->fd = -1;
    out->replace = replace;
    out->now = time(NULL);
    out->archive = archive_write_new();
    if (!out->archive || take_name(out, path, &add_filter) < 0) {
        archive_out_free(out);
        return fail(error, r, "out of memory");
    }
    r = strcmp(path, "-") == 0 ? 0 : create_part(out, path, error);
    if (r >= 0 &&
        (archive_write_set_format_ustar(out->archive) != ARCHIVE_OK ||
         (add_filter && add_filter(out->archive) != ARCHIVE_OK) ||
         archive_write_open_fd(out->archive, out->path ? out->fd : STDOUT_FILENO) != ARCHIVE_OK))
        r = fail_archive(out, error);
    if (r < 0) {
        archive_out_free(out);
        return r;
    }
    *ret_archive = out;
    return 0;
}

int archive_out_add(struct archive_out *out, const char *name, const void *data, size_t size,
                    struct cpuctl_error *error)
{
    struct archive_entry *entry = archive_entry_new();
    _cleanup_free_ char *path = NULL;
    int r = 0;

    if (!entry || asprintf(&path, "%s/%s", out->directory, name) < 0) {
        archive_entry_free(entry);
        path = NULL;
        return fail(error, -ENOMEM, "out of memory");
    }
    archive_entry_set_pathname(entry, path);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, (la_int64_t)size);
    archive_entry_set_mtime(entry, out->now, 0);
    if (archive_write_header(out->archive, entry) != ARCHIVE_OK ||
        archive_write_data(out->archive, data, size) != (la_ssize_t)size)
        r = fail_archive(out, error);
    archive_entry_free(entry);
    return r;
}

int archive_out_commit(struct archive_out *out, struct cpuctl_error *error)
{
    unsigned int flags = out->replace ? 0 : RENAME_NOREPLACE;

    if (archive_write_close(out->archive) != ARCHIVE_OK)
        return fail_archive(out, error);
    if (!out->path)
        return 0;
    if (fsync(out->fd) < 0)
        return fail(error, -errno, "%s: %s", out->part, strerror(errno));
    if (renameat2(AT_FDCWD, out->part, AT_FDCWD, out->path, flags) < 0) {
        if (errno != EINVAL)
            return fail(error, -errno, "%s: %s", out->path, strerror(errno));
        /* A file system without RENAME_NOREPLACE: a link does not replace either. */
        if (link(out->part, out->path) < 0)
            return fail(error, -errno, "%s: %s", out->path, strerror(errno));
        unlink(out->part);
    }
    free(out->part);
    out->part = NULL;
    return 0;
}

void archive_out_free(struct archive_out *out)
{
    if (!out)
        return;
    if (out->archive)
        archive_write_free(out->archive);
    if (out->part)
        unlink(out->part);
    if (out->fd >= 0)
        close(out->fd);
    free(out->part);
    free(out->path);
    free(out->directory);
    free(out);
}
