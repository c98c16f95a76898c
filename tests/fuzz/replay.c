/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs a fuzz target over the files of its corpus (the folders given) and prints TAP. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "fuzz.h"

/* The largest file that is read; libFuzzer's entries are far smaller. */
#define FILE_MAX (4U * 1024U * 1024U)

static int no_dots(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* A target that finds a property broken aborts: then the plan is not fulfilled. */
static int replay(const char *folder, const char *name)
{
    _cleanup_free_ char *path = NULL, *data = malloc(FILE_MAX);
    _cleanup_fclose_ FILE *file = NULL;
    size_t size;

    if (!data || asprintf(&path, "%s/%s", folder, name) < 0)
        return -ENOMEM;
    file = fopen(path, "re");
    if (!file)
        return -errno;
    size = fread(data, 1, FILE_MAX, file);
    if (ferror(file))
        return -EIO;
    /* exactly as large as the input, so that a sanitizer sees a read beyond it */
    data = realloc(data, size ? size : 1);
    LLVMFuzzerTestOneInput((const uint8_t *)data, size);
    return 0;
}

int main(int argc, char *argv[])
{
    struct dirent **entries;
    const char *folder = argc > 1 ? argv[1] : CORPUS_DIR;
    int count = scandir(folder, &entries, no_dots, alphasort);
    int failed = 0;

    if (count <= 0) {
        printf("Bail out! no corpus in %s\n", folder);
        return EXIT_FAILURE;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("1..%d\n", count);
    for (int i = 0; i < count; i++) {
        int r = replay(folder, entries[i]->d_name);

        printf("%sok %d - %s%s%s\n", r < 0 ? "not " : "", i + 1, entries[i]->d_name,
               r < 0 ? ": " : "", r < 0 ? strerror(-r) : "");
        failed += r < 0;
        free(entries[i]);
    }
    free(entries);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
