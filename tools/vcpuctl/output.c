/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the commands print: messages, errors in virsh's form, JSON. */
#include "output.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>
#include <unistd.h>

#include "qmp/json.h"
#include "text.h"

__attribute__((format(printf, 2, 0))) static void print(const char *kind, const char *format,
                                                        va_list args)
{
    char text[8192];

    vsnprintf(text, sizeof(text), format, args);
    text_clean(text, "\n\t");
    fflush(stdout); /* what was printed before stands before it in a common file */
    fprintf(stderr, "%s: %s\n", kind, text);
}

int output_error(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    print("error", format, args);
    va_end(args);
    return EXIT_FAILED;
}

int output_failure(const struct cpuctl_error *error, const char *format, ...)
{
    if (format) {
        va_list args;

        va_start(args, format);
        print("error", format, args);
        va_end(args);
    }
    return output_error("%s", error->text);
}

void output_warning(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    print("warning", format, args);
    va_end(args);
}

void output_message(const struct tool *tool, const char *format, ...)
{
    va_list args;

    if (tool->quiet)
        return;
    va_start(args, format);
    if (tool->json) {
        _cleanup_free_ char *text = NULL;
        struct json_object *value = json_object_new_object();

        if (vasprintf(&text, format, args) >= 0 && value &&
            qmp_object_add(value, "message", json_object_new_string(text)) == 0)
            output_json(value);
        else
            json_object_put(value);
    } else {
        vprintf(format, args);
        putchar('\n');
    }
    va_end(args);
}

int output_json(struct json_object *value)
{
    struct qmp_buffer buffer = { 0 };
    int r = value ? qmp_json_write(value, &buffer) : -ENOMEM;

    json_object_put(value);
    if (r == 0)
        printf("%.*s\n", (int)buffer.size, qmp_buffer_data(&buffer));
    qmp_buffer_release(&buffer);
    return r == 0 ? EXIT_DONE : output_error("memory is short");
}

bool output_is_broken(void)
{
    struct pollfd fd = { .fd = STDOUT_FILENO };

    return ferror(stdout) || (poll(&fd, 1, 0) > 0 && (fd.revents & POLLERR));
}

int output_flush(void)
{
    int r = fflush(stdout) == 0 ? 0 : errno;

    if (r == 0 && ferror(stdout))
        r = EIO;
    if (r == 0)
        return EXIT_DONE;
    /* said once */
    clearerr(stdout);
    __fpurge(stdout);
    return r == EPIPE ? EXIT_DONE : output_error("cannot write the output: %s", strerror(r));
}
