/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The door to json-c: building trees, and writing them in the form that QEMU prints. */
#include "json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "utf8.h"

static int write_text(const char *text, struct qmp_buffer *out)
{
    return qmp_buffer_append(out, text, strlen(text));
}

/* Writes one character of a string, escaped if need be (as QEMU's qobject/json-writer.c does). */
static int write_character(uint32_t code, struct qmp_buffer *out)
{
    static const char *const short_escapes[0x80] = {
        ['"'] = "\\\"", ['\\'] = "\\\\", ['\b'] = "\\b", ['\f'] = "\\f",
        ['\n'] = "\\n", ['\r'] = "\\r",  ['\t'] = "\\t",
    };
    char text[16];

    if (code < 0x80 && short_escapes[code])
        return write_text(short_escapes[code], out);
    if (code >= 0x20 && code < 0x7F) {
        text[0] = (char)code;
        return qmp_buffer_append(out, text, 1);
    }
    if (code < 0x10000)
        snprintf(text, sizeof(text), "\\u%04" PRIX32, code & 0xFFFF);
    else
        snprintf(text, sizeof(text), "\\u%04" PRIX32 "\\u%04" PRIX32,
                 0xD800 + (((code - 0x10000) >> 10) & 0x3FF), 0xDC00 + (code & 0x3FF));
    return write_text(text, out);
}

/* How many bytes at the beginning of @text need no escape. */
static size_t plain_run(const char *text, size_t size)
{
    size_t i = 0;

    while (i < size && text[i] >= 0x20 && text[i] < 0x7F && text[i] != '"' && text[i] != '\\')
        i++;
    return i;
}

int qmp_json_write_string(const char *text, size_t size, struct qmp_buffer *out)
{
    size_t before = out->size;
    int r = qmp_buffer_append(out, "\"", 1);

    for (size_t i = 0; r == 0 && i < size;) {
        size_t run = plain_run(text + i, size - i);
        uint32_t code = QMP_UTF8_REPLACEMENT;
        unsigned int length;

        r = qmp_buffer_append(out, text + i, run);
        i += run;
        if (r < 0 || i == size)
            break;
        length = qmp_utf8_decode(text + i, size - i, &code);
        if (qmp_utf8_is_noncharacter(code))
            code = QMP_UTF8_REPLACEMENT; /* QEMU's parser takes it in no form */
        r = write_character(code, out);
        i += length ? length : 1;
    }
    if (r == 0)
        r = qmp_buffer_append(out, "\"", 1);
    if (r < 0)
        out->size = before;
    return r;
}

static int write_value(struct json_object *value, struct qmp_buffer *out);

static int write_array(struct json_object *array, struct qmp_buffer *out)
{
    size_t length = json_object_array_length(array);
    int r = qmp_buffer_append(out, "[", 1);

    for (size_t i = 0; r == 0 && i < length; i++) {
        if (i > 0)
            r = qmp_buffer_append(out, ", ", 2);
        if (r == 0)
            r = write_value(json_object_array_get_idx(array, i), out);
    }
    return r < 0 ? r : qmp_buffer_append(out, "]", 1);
}

static int write_object(struct json_object *object, struct qmp_buffer *out)
{
    int r = qmp_buffer_append(out, "{", 1);
    bool first = true;

    json_object_object_foreach(object, name, member)
    {
        if (r == 0 && !first)
            r = qmp_buffer_append(out, ", ", 2);
        if (r == 0)
            r = qmp_json_write_string(name, strlen(name), out);
        if (r == 0)
            r = qmp_buffer_append(out, ": ", 2);
        if (r == 0)
            r = write_value(member, out);
        first = false;
    }
    return r < 0 ? r : qmp_buffer_append(out, "}", 1);
}

static int write_integer(struct json_object *value, struct qmp_buffer *out)
{
    char text[24];

    if (json_object_get_int64(value) < 0)
        snprintf(text, sizeof(text), "%" PRId64, json_object_get_int64(value));
    else
        snprintf(text, sizeof(text), "%" PRIu64, json_object_get_uint64(value));
    return write_text(text, out);
}

static int write_double(struct json_object *value, struct qmp_buffer *out)
{
    const char *text = json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN);

    return text ? write_text(text, out) : -ENOMEM;
}

static int write_value(struct json_object *value, struct qmp_buffer *out)
{
    switch (json_object_get_type(value)) {
    case json_type_boolean:
        return write_text(json_object_get_boolean(value) ? "true" : "false", out);
    case json_type_double:
        return write_double(value, out);
    case json_type_int:
        return write_integer(value, out);
    case json_type_string:
        return qmp_json_write_string(json_object_get_string(value),
                                     (size_t)json_object_get_string_len(value), out);
    case json_type_array:
        return write_array(value, out);
    case json_type_object:
        return write_object(value, out);
    case json_type_null:
    default:
        return write_text("null", out);
    }
}

int qmp_json_write(struct json_object *value, struct qmp_buffer *out)
{
    size_t before = out->size;
    int r = write_value(value, out);

    if (r < 0)
        out->size = before;
    return r;
}

int qmp_json_write_error(const struct qmp_error *error, struct qmp_buffer *out)
{
    size_t before = out->size;
    int r = write_text("{\"class\": \"", out);

    if (r == 0)
        r = write_text(qmp_error_class_name(error->error_class), out);
    if (r == 0)
        r = write_text("\", \"desc\": ", out);
    if (r == 0)
        r = qmp_json_write_string(error->desc, strlen(error->desc), out);
    if (r == 0)
        r = write_text("}", out);
    if (r < 0)
        out->size = before;
    return r;
}

int qmp_object_add(struct json_object *object, const char *name, struct json_object *value)
{
    if (!value)
        return -ENOMEM;
    if (json_object_object_add(object, name, value) < 0) {
        json_object_put(value);
        return -ENOMEM;
    }
    return 0;
}

int qmp_array_add(struct json_object *array, struct json_object *value)
{
    if (!value)
        return -ENOMEM;
    if (json_object_array_add(array, value) < 0) {
        json_object_put(value);
        return -ENOMEM;
    }
    return 0;
}
