/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The frame scanner. Properties: the size of a chunk changes nothing; what it calls complete is
 * JSON for json-c, too, and its normal form is that of itself; what breaks off can be closed.
 */
#include <string.h>

#include "fuzz.h"
#include "qmp/frame.h"
#include "qmp/json.h"

struct trace {
    struct qmp_frame frame;
    struct qmp_buffer out;    /* all that was written */
    struct qmp_buffer events; /* the events, with what they told */
    size_t value_start;       /* where the value that is being read begins in out */
};

static void check_value(const struct trace *trace)
{
    const char *text = qmp_buffer_data(&trace->out) + trace->value_start;
    size_t size = trace->out.size - trace->value_start;
    struct json_object *value = NULL, *again = NULL;
    struct qmp_buffer written = { 0 };
    struct qmp_error error = { 0 };

    if (qmp_json_parse_frame(&trace->frame, text, size, &value, &error) < 0) {
        hold(strcmp(error.desc, "JSON parse error, duplicate key") == 0);
        return;
    }
    hold(qmp_json_write(value, &written) == 0);
    hold(qmp_json_parse(qmp_buffer_data(&written), written.size, &again, &error) == 0);
    hold(json_object_equal(value, again));
    json_object_put(value);
    json_object_put(again);
    qmp_buffer_release(&written);
}

static void note(struct trace *trace, enum qmp_frame_event event)
{
    const struct qmp_frame *frame = &trace->frame;
    char letter = (char)('A' + (int)event);

    hold(qmp_buffer_append(&trace->events, &letter, 1) == 0);
    if (event == QMP_FRAME_MEMBER)
        hold(qmp_buffer_append(&trace->events, frame->name, strlen(frame->name)) == 0);
    if (event == QMP_FRAME_ERROR)
        hold(qmp_buffer_append(&trace->events, frame->error.desc, strlen(frame->error.desc)) == 0);
    if (event == QMP_FRAME_VALUE && frame->value_size <= QMP_FRAME_VALUE_MAX)
        hold(qmp_buffer_append(&trace->events, frame->value, frame->value_size) == 0);
    if (event == QMP_FRAME_END)
        check_value(trace);
    if (event == QMP_FRAME_END || event == QMP_FRAME_ERROR)
        trace->value_start = trace->out.size;
}

static void scan(struct trace *trace, const uint8_t *data, size_t size, size_t chunk,
                 unsigned int flags)
{
    qmp_frame_init(&trace->frame, flags);
    for (size_t done = 0; done < size;) {
        size_t step = size - done < chunk ? size - done : chunk, used = 0;
        enum qmp_frame_event event =
            qmp_frame_feed(&trace->frame, (const char *)data + done, step, &used, &trace->out);

        hold(used <= step);
        hold(event != QMP_FRAME_FULL);
        done += used;
        if (event != QMP_FRAME_MORE)
            note(trace, event);
    }
}

static void check_close(struct trace *trace, unsigned int depth)
{
    struct json_object *value = NULL;
    struct qmp_buffer *out = &trace->out;
    struct qmp_error error = { 0 };
    bool object = trace->frame.kind == QMP_KIND_OBJECT;

    if (out->size == trace->value_start)
        return; /* nothing of it was written */
    hold(qmp_frame_close(&trace->frame, depth, out) == 0);
    if (depth == 1 && object)
        hold(qmp_buffer_append(out, "}", 1) == 0);
    if (depth == 1 && !object)
        return;
    if (qmp_json_parse(qmp_buffer_data(out) + trace->value_start, out->size - trace->value_start,
                       &value, &error) < 0)
        hold(strcmp(error.desc, "JSON parse error, duplicate key") == 0);
    json_object_put(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trace traces[3] = { 0 };
    unsigned int options = size ? data[0] : 0;
    unsigned int flags = options & 1 ? QMP_FRAME_SPACED : 0;

    scan(&traces[0], data, size, size + 1, flags);
    scan(&traces[1], data, size, 1, flags);
    scan(&traces[2], data, size, 2 + options / 4, flags);
    for (int i = 1; i < 3; i++) {
        hold(traces[i].out.size == traces[0].out.size);
        hold(memcmp(qmp_buffer_data(&traces[i].out), qmp_buffer_data(&traces[0].out),
                    traces[0].out.size) == 0);
        hold(traces[i].events.size == traces[0].events.size);
        hold(memcmp(qmp_buffer_data(&traces[i].events), qmp_buffer_data(&traces[0].events),
                    traces[0].events.size) == 0);
    }
    if (qmp_frame_is_inside(&traces[0].frame))
        check_close(&traces[0], options >> 1 & 1);
    for (int i = 0; i < 3; i++) {
        qmp_buffer_release(&traces[i].out);
        qmp_buffer_release(&traces[i].events);
    }
    return 0;
}
