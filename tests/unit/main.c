/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs one suite and prints TAP, with "# SKIP reason" where Check itself has no notion of it. */
#include "main.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cleanup.h"

#define SKIPS_MAX 64

/* Tests run in child processes, so what they note is kept in memory that is shared with us. */
struct skips {
    unsigned int count;
    struct {
        char test[80];
        char reason[160];
    } notes[SKIPS_MAX];
};

static struct skips *skips;

void unit_note_skip(const char *function, const char *format, ...)
{
    size_t length = strlen(function);
    va_list args;

    if (skips->count >= SKIPS_MAX)
        return;
    /* START_TEST(name) defines name_fn() */
    if (length > 3 && strcmp(function + length - 3, "_fn") == 0)
        length -= 3;
    snprintf(skips->notes[skips->count].test, sizeof(skips->notes[0].test), "%.*s", (int)length,
             function);
    va_start(args, format);
    vsnprintf(skips->notes[skips->count].reason, sizeof(skips->notes[0].reason), format, args);
    va_end(args);
    skips->count++;
}

/* The reason why the test of this line ("ok 3 - file.c:case:test: Passed") was skipped, or NULL. */
static const char *find_skip(const char *line)
{
    for (unsigned int i = 0; i < skips->count; i++) {
        char pattern[96];

        snprintf(pattern, sizeof(pattern), ":%s: ", skips->notes[i].test);
        if (strncmp(line, "ok ", 3) == 0 && strstr(line, pattern))
            return skips->notes[i].reason;
    }
    return NULL;
}

static int print_tap(const char *path)
{
    _cleanup_fclose_ FILE *file = fopen(path, "r");
    _cleanup_free_ char *line = NULL;
    size_t size = 0;

    if (!file)
        return -1;
    while (getline(&line, &size, file) >= 0) {
        const char *reason = find_skip(line);

        line[strcspn(line, "\n")] = '\0';
        if (reason)
            printf("%s # SKIP %s\n", line, reason);
        else
            printf("%s\n", line);
    }
    return 0;
}

int main(void)
{
    char path[] = "/tmp/cpuctl-unit-XXXXXX";
    int fd = mkstemp(path);
    int failed;
    SRunner *runner;

    skips = mmap(NULL, sizeof(*skips), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (fd < 0 || skips == MAP_FAILED) {
        printf("Bail out! no temporary file or no memory\n");
        return EXIT_FAILURE;
    }
    close(fd);

    runner = srunner_create(unit_suite());
    srunner_set_tap(runner, path);
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    if (print_tap(path) < 0) {
        printf("Bail out! the results can not be read back\n");
        failed = 1;
    }
    unlink(path);
    return failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
