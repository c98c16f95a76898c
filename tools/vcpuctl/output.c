/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the commands print: messages, errors in virsh's form, JSON. */
#include "output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "qmp/json.h"

__attribute__((format(printf, 2, 0))) static void print(const char *kind, const char *format,
                                                        va_list args)
{
    fflush(stdout); /* what was printed before stands before it in a common file */
    fprintf(stderr, "%s: ", kind);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
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

int output_flush(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return EXIT_DONE;
    if (errno == EPIPE)
        return EXIT_DONE;
    return output_error("cannot write the output: %s", strerror(errno));
}
