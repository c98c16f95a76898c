/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The door to json-c: parsing. */
#include "json.h"

#include <errno.h>
#include <limits.h>

#include "frame.h"

/* json-c counts the levels of nesting from the value itself and stops one before its limit. */
#define JSONC_EXTRA_DEPTH 2

static void json_tokener_freep(struct json_tokener **tokener)
{
    if (*tokener)
        json_tokener_free(*tokener);
}

/* How many members all objects in @value have; one that came twice is in the tree once. */
static size_t count_members(struct json_object *value)
{
    size_t count = 0;

    if (json_object_is_type(value, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(value); i++)
            count += count_members(json_object_array_get_idx(value, i));
    } else if (json_object_is_type(value, json_type_object)) {
        json_object_object_foreach(value, name, member)
        {
            (void)name;
            count += 1 + count_members(member);
        }
    }
    return count;
}

int qmp_json_parse_frame(const struct qmp_frame *frame, const char *text, size_t size,
                         struct json_object **ret_value, struct qmp_error *error)
{
    _cleanup_(json_tokener_freep) struct json_tokener *tokener =
        json_tokener_new_ex((int)frame->depth_max + JSONC_EXTRA_DEPTH);
    _cleanup_json_ struct json_object *value = NULL;
    enum json_tokener_error result;

    if (!tokener) {
        qmp_error_set(error, QMP_GENERIC_ERROR, "Out of memory");
        return -ENOMEM;
    }
    if (size > INT_MAX)
        return qmp_error_set(error, QMP_GENERIC_ERROR, "JSON text is longer than %d bytes",
                             INT_MAX);
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    value = json_tokener_parse_ex(tokener, text, (int)size);
    if (json_tokener_get_error(tokener) == json_tokener_continue)
        value = json_tokener_parse_ex(tokener, " ", 1); /* the same */
    result = json_tokener_get_error(tokener);
    if (result != json_tokener_success)
        return qmp_error_set(error, QMP_GENERIC_ERROR, "JSON parse error, %s",
                             json_tokener_error_desc(result));
    if (count_members(value) != frame->members)
        return qmp_error_set(error, QMP_GENERIC_ERROR, "JSON parse error, duplicate key");
    *ret_value = TAKE_PTR(value);
    return 0;
}

/* Scans to the end of the value; its normal form goes to @out. Returns 0 or -EINVAL. */
static int scan_value(struct qmp_frame *frame, const char *text, size_t size, size_t *ret_used,
                      struct qmp_buffer *out, struct qmp_error *error)
{
    enum qmp_frame_event event;
    size_t used = 0;

    do {
        size_t step = 0;

        event = qmp_frame_feed(frame, text + used, size - used, &step, out);
        used += step;
    } while (event == QMP_FRAME_MEMBER || event == QMP_FRAME_VALUE);
    if (event == QMP_FRAME_MORE) {
        size_t step = 0;

        event = qmp_frame_feed(frame, " ", 1, &step, out); /* a number ends with what follows */
    }
    if (event == QMP_FRAME_ERROR && error)
        *error = frame->error;
    if (event == QMP_FRAME_MORE)
        qmp_error_set(error, QMP_GENERIC_ERROR, "JSON parse error, premature EOI");
    *ret_used = used;
    return event == QMP_FRAME_END ? 0 : -EINVAL;
}

static void qmp_buffer_releasep(struct qmp_buffer *buffer)
{
    qmp_buffer_release(buffer);
}

int qmp_json_parse(const char *text, size_t size, struct json_object **ret_value,
                   struct qmp_error *error)
{
    _cleanup_(qmp_buffer_releasep) struct qmp_buffer normal = { 0 };
    struct qmp_frame frame;
    size_t used;
    int r;

    qmp_frame_init(&frame, 0);
    r = scan_value(&frame, text, size, &used, &normal, error);
    if (r < 0)
        return r;
    for (; used < size; used++)
        if (text[used] != ' ' && text[used] != '\t' && text[used] != '\r' && text[used] != '\n')
            return qmp_error_set(error, QMP_GENERIC_ERROR,
                                 "JSON parse error, trailing text from byte %zu on", used);
    return qmp_json_parse_frame(&frame, qmp_buffer_data(&normal), normal.size, ret_value, error);
}
