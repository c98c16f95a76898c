/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The frame scanner: events, normal form, bounds, and closing what broke off. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "main.h"
#include "qmp/frame.h"
#include "qmp/json.h"
#include "qmp/sync.h"
#include "qmp/utf8.h"

/* The events as one letter each, with the names and values that they tell. */
struct recorder {
    struct qmp_frame frame;
    struct qmp_buffer out;
    struct qmp_buffer events;
};

static void note(struct recorder *recorder, const char *text, size_t size)
{
    ck_assert_int_eq(qmp_buffer_append(&recorder->events, text, size), 0);
}

static void note_event(struct recorder *recorder, enum qmp_frame_event event)
{
    const struct qmp_frame *frame = &recorder->frame;

    switch (event) {
    case QMP_FRAME_MEMBER:
        note(recorder, "M", 1);
        note(recorder, frame->name, strlen(frame->name));
        break;
    case QMP_FRAME_VALUE:
        note(recorder, "V", 1);
        note(recorder, frame->value, frame->value_size);
        break;
    case QMP_FRAME_END:
        note(recorder, "E", 1);
        break;
    case QMP_FRAME_ERROR:
        note(recorder, "X", 1);
        break;
    default:
        ck_abort_msg("event %d", (int)event);
    }
    note(recorder, ";", 1);
}

static void record(struct recorder *recorder, const char *data, size_t size)
{
    size_t done = 0;

    for (;;) {
        size_t used = 0;
        enum qmp_frame_event event =
            qmp_frame_feed(&recorder->frame, data + done, size - done, &used, &recorder->out);

        done += used;
        if (event == QMP_FRAME_MORE)
            break;
        note_event(recorder, event);
    }
    ck_assert_uint_eq(done, size);
}

static void begin(struct recorder *recorder, unsigned int flags)
{
    *recorder = (struct recorder){ 0 };
    qmp_frame_init(&recorder->frame, flags);
}

static void finish(struct recorder *recorder)
{
    qmp_buffer_release(&recorder->out);
    qmp_buffer_release(&recorder->events);
}

static void check_text(const struct qmp_buffer *buffer, const char *expected)
{
    ck_assert_uint_eq(buffer->size, strlen(expected));
    ck_assert_mem_eq(qmp_buffer_data(buffer), expected, buffer->size);
}

static const struct {
    const char *input;
    const char *out;
    const char *events;
} samples[] = {
    { "{}", "{}", "E;" },
    { " { \"a\" : 1 ,\n\"b\":[ true , null ] } ", "{\"a\":1,\"b\":[true,null]}",
      "Ma;V1;Mb;V[true,null];E;" },
    { "{\"a\":{\"execute\":\"x\"}}", "{\"a\":{\"execute\":\"x\"}}", "Ma;V{\"execute\":\"x\"};E;" },
    { "{\"\\u0065x\\u0065cute\":\"\\u00e4\\ud83d\\ude00\"}",
      "{\"\\u0065x\\u0065cute\":\"\\u00e4\\ud83d\\ude00\"}",
      "Mexecute;V\"\\u00e4\\ud83d\\ude00\";E;" },
    { "{'a\"':'\\'\"\\\"\\\\'}", "{\"a\\\"\":\"'\\\"\\\"\\\\\"}", "Ma\";V\"'\\\"\\\"\\\\\";E;" },
    { "{\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\":-0.5e+3}",
      "{\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\":-0.5e+3}",
      "M\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80;V-0.5e+3;E;" },
    { "{\"a\":18446744073709551616,\"b\":-9223372036854775809,\"c\":-9223372036854775808}",
      "{\"a\":18446744073709551616.0,\"b\":-9223372036854775809.0,\"c\":-9223372036854775808}",
      "Ma;V18446744073709551616.0;Mb;V-9223372036854775809.0;Mc;V-9223372036854775808;E;" },
    { "[[],{},\"x\"] 7 \"y\" null\n", "[[],{},\"x\"]7\"y\"null", "E;E;E;E;" },
    { "{\"a\":1}}{\"b\":2}", "{\"a\":1}{\"b\":2}", "Ma;V1;E;X;Mb;V2;E;" },
    { "{\"a\":[1,}{\"b\":2}]}{\"c\":3}", "{\"a\":[1{\"c\":3}", "Ma;X;X;Mc;V3;E;" },
    { "{\"a\":\"b\xff{\"c\":3}", "{\"a\":\"b{\"c\":3}", "Ma;X;Mc;V3;E;" },
    { "{\"a\":\"\\\xff{\"c\":3}", "{\"a\":\"{\"c\":3}", "Ma;X;Mc;V3;E;" },
    { "{\"a\":\"\\u12\xff{\"c\":3}", "{\"a\":\"{\"c\":3}", "Ma;X;Mc;V3;E;" },
    { "{\"a\":\"\xf0\x9f\xff{\"c\":3}", "{\"a\":\"{\"c\":3}", "Ma;X;Mc;V3;E;" },
};

#define SAMPLES (int)(sizeof(samples) / sizeof(samples[0]))

START_TEST(test_samples)
{
    const char *input = samples[_i].input;
    size_t size = strlen(input);
    struct recorder recorder;

    for (size_t cut = 0; cut <= size; cut++) {
        begin(&recorder, 0);
        record(&recorder, input, cut);
        record(&recorder, input + cut, size - cut);
        check_text(&recorder.out, samples[_i].out);
        check_text(&recorder.events, samples[_i].events);
        ck_assert(!qmp_frame_is_inside(&recorder.frame));
        finish(&recorder);
    }
    begin(&recorder, 0);
    for (size_t i = 0; i < size; i++)
        record(&recorder, input + i, 1);
    check_text(&recorder.out, samples[_i].out);
    check_text(&recorder.events, samples[_i].events);
    finish(&recorder);
}
END_TEST

START_TEST(test_spaced)
{
    struct recorder recorder;

    static const char input[] = "{\"a\":[1,{\"b\":2}] ,\n\"c\":\"d,:\"}";

    begin(&recorder, QMP_FRAME_SPACED);
    record(&recorder, input, strlen(input));
    check_text(&recorder.out, "{\"a\": [1, {\"b\": 2}], \"c\": \"d,:\"}");
    check_text(&recorder.events, "Ma;V[1, {\"b\": 2}];Mc;V\"d,:\";E;");
    finish(&recorder);
}
END_TEST

/* Whatever is missing at the end, closing makes a whole object of it that says no more than it did.
 */
START_TEST(test_close)
{
    static const char input[] =
        "{\"return\": {\"a\\u00e4\xc3\xa4\": [1, -2.5, \"x\\n\\ud83d\\ude00\", "
        "[[], {}, {\"k\": {\"l\": tru";
    size_t size = sizeof(input) - 1;

    for (size_t cut = 1; cut <= size; cut++) {
        for (unsigned int depth = 0; depth <= 1; depth++) {
            struct json_object *value = NULL;
            struct qmp_error error = { 0 };
            struct recorder recorder;

            begin(&recorder, QMP_FRAME_SPACED);
            record(&recorder, input, cut);
            ck_assert(qmp_frame_is_inside(&recorder.frame));
            ck_assert_int_eq(qmp_frame_close(&recorder.frame, depth, &recorder.out), 0);
            if (depth == 1)
                ck_assert_int_eq(qmp_buffer_append(&recorder.out, "}", 1), 0);
            ck_assert_msg(qmp_json_parse(qmp_buffer_data(&recorder.out), recorder.out.size, &value,
                                         &error) == 0,
                          "%zu: %.*s: %s", cut, (int)recorder.out.size,
                          qmp_buffer_data(&recorder.out), error.desc);
            ck_assert(json_object_is_type(value, json_type_object));
            ck_assert(!qmp_frame_is_inside(&recorder.frame));
            json_object_put(value);
            finish(&recorder);
        }
    }
}
END_TEST

/* The same when it is an error that ends it. */
START_TEST(test_close_after_error)
{
    static const struct {
        const char *input;
        const char *closed;
    } cases[] = {
        { "{\"return\":[\"ab\xff", "{\"return\":[\"ab\"]" },
        { "{\"return\":[\"ab\\q\",1]}", "{\"return\":[\"ab\"]" },
        { "{\"return\":{\"ab\\q\":1}}", "{\"return\":{\"ab\": null}" },
        { "{\"return\":{\"ab\" 1}}", "{\"return\":{\"ab\": null}" },
        { "{\"return\":{\"ab\":}}", "{\"return\":{\"ab\":null}" },
        { "{\"return\":[1 2]}", "{\"return\":[1]" },
        { "{\"return\":[1,]}", "{\"return\":[1]" },
        { "{\"return\":1,5}", "{\"return\":1" },
        { "{\"return\":[[}]}", "{\"return\":[[]]" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t size = strlen(cases[i].input), done = 0, used = 0;
        enum qmp_frame_event event;
        struct recorder recorder;

        begin(&recorder, 0);
        do {
            event = qmp_frame_feed(&recorder.frame, cases[i].input + done, size - done, &used,
                                   &recorder.out);
            done += used;
            ck_assert_int_ne(event, QMP_FRAME_MORE);
        } while (event != QMP_FRAME_ERROR);
        ck_assert_int_eq(qmp_frame_close(&recorder.frame, 1, &recorder.out), 0);
        check_text(&recorder.out, cases[i].closed);
        finish(&recorder);
    }
}
END_TEST

START_TEST(test_full)
{
    struct qmp_frame frame;
    struct qmp_buffer out = { .limit = 2 * QMP_FRAME_OUT_MIN };
    struct qmp_buffer all = { 0 };
    char input[4096];
    size_t done = 0;

    memset(input, 'x', sizeof(input));
    memcpy(input, "{\"a\":\"", 6);
    memcpy(input + sizeof(input) - 2, "\"}", 2);
    qmp_frame_init(&frame, 0);
    for (;;) {
        size_t used;
        enum qmp_frame_event event =
            qmp_frame_feed(&frame, input + done, sizeof(input) - done, &used, &out);

        done += used;
        ck_assert_uint_le(out.size, out.limit);
        ck_assert_int_eq(qmp_buffer_append(&all, qmp_buffer_data(&out), out.size), 0);
        qmp_buffer_clear(&out);
        ck_assert_int_ne(event, QMP_FRAME_MORE);
        ck_assert_int_ne(event, QMP_FRAME_ERROR);
        if (event == QMP_FRAME_END)
            break;
    }
    ck_assert_uint_eq(done, sizeof(input));
    ck_assert_uint_eq(all.size, sizeof(input));
    ck_assert_mem_eq(qmp_buffer_data(&all), input, sizeof(input));
    /* without room nothing is taken */
    out.limit = QMP_FRAME_OUT_MIN - 1;
    ck_assert_int_eq(qmp_frame_feed(&frame, "{", 1, &done, &out), QMP_FRAME_FULL);
    ck_assert_uint_eq(done, 0);
    qmp_buffer_release(&out);
    qmp_buffer_release(&all);
}
END_TEST

START_TEST(test_long_member)
{
    struct recorder recorder;
    char text[2 * QMP_FRAME_VALUE_MAX];
    char name[16];
    int n;

    memset(text, 'n', sizeof(text));
    begin(&recorder, 0);
    record(&recorder, "{\"execute", 9);
    record(&recorder, text, sizeof(text));
    ck_assert_uint_eq(recorder.events.size, 0);
    record(&recorder, "\":", 2);
    check_text(&recorder.events, "M;"); /* so long that not even its beginning is kept */
    ck_assert_uint_gt(recorder.frame.name_size, QMP_FRAME_NAME_MAX);
    ck_assert(!qmp_frame_name_is(&recorder.frame, "execute"));
    finish(&recorder);

    begin(&recorder, 0);
    record(&recorder, "{\"execute\":\"", 12);
    record(&recorder, text, sizeof(text));
    ck_assert(qmp_frame_name_is(&recorder.frame, "execute"));
    record(&recorder, "", 0);
    ck_assert_uint_gt(recorder.frame.value_size, QMP_FRAME_VALUE_MAX);
    ck_assert_int_eq(qmp_frame_value_string(&recorder.frame, name, sizeof(name)), -ENOBUFS);
    finish(&recorder);

    begin(&recorder, 0);
    record(&recorder, "{\"a\":\"12345678901234\\u00e4\"", 27);
    ck_assert_int_eq(qmp_frame_value_string(&recorder.frame, name, sizeof(name)), -ENOBUFS);
    n = qmp_frame_value_string(&recorder.frame, text, 17);
    ck_assert_int_eq(n, 16);
    ck_assert_str_eq(text, "12345678901234\xc3\xa4");
    finish(&recorder);
}
END_TEST

/* Twice the input takes about twice the time, not four times: measured far apart to be sure. */
START_TEST(test_linear)
{
    double seconds[2];
    static char byte[] = "[";

    for (int i = 0; i < 2; i++) {
        size_t count = i ? 3200000 : 100000;
        clock_t start = clock();
        struct qmp_frame frame;
        struct qmp_buffer out = { 0 };
        size_t used;

        qmp_frame_init(&frame, 0);
        for (size_t j = 0; j < count; j++) {
            byte[0] = "[\"a\"]"[j % 5];
            qmp_frame_feed(&frame, byte, 1, &used, &out);
        }
        seconds[i] = (double)(clock() - start) / CLOCKS_PER_SEC;
        qmp_buffer_release(&out);
    }
    ck_assert_msg(seconds[1] < 0.05 + seconds[0] * 32 * 6, "%f s and %f s", seconds[0], seconds[1]);
}
END_TEST

START_TEST(test_utf8)
{
    for (uint32_t code = 0; code <= 0x10FFFF; code += code < 0x3000 ? 1 : 61) {
        char text[QMP_UTF8_LENGTH_MAX];
        unsigned int length = qmp_utf8_encode(code, text);
        uint32_t back = 0;
        bool surrogate = code >= 0xD800 && code <= 0xDFFF;

        ck_assert_uint_eq(qmp_utf8_decode(text, length, &back), surrogate ? 0 : length);
        ck_assert_uint_eq(qmp_utf8_decode(text, length - 1, &back), 0);
        if (!surrogate)
            ck_assert_uint_eq(back, code);
    }
    uint32_t code;
    ck_assert_uint_eq(qmp_utf8_decode("\xc1\xbf", 2, &code), 0);         /* overlong */
    ck_assert_uint_eq(qmp_utf8_decode("\xe0\x9f\xbf", 3, &code), 0);     /* overlong */
    ck_assert_uint_eq(qmp_utf8_decode("\xf0\x8f\xbf\xbf", 4, &code), 0); /* overlong */
    ck_assert_uint_eq(qmp_utf8_decode("\xf4\x90\x80\x80", 4, &code), 0); /* over U+10FFFF */

    char out[6];
    ck_assert_uint_eq(qmp_utf8_sanitize("a\xff\xc3\xa4", 4, out, sizeof(out)), 4);
    ck_assert_str_eq(out, "a\xef\xbf\xbd");
    ck_assert_uint_eq(qmp_utf8_sanitize("\xef\xbf\xbf", 3, out, sizeof(out)), 3);
    ck_assert_str_eq(out, "\xef\xbf\xbd");
}
END_TEST

START_TEST(test_sync)
{
    static const char stream[] =
        "{\"return\": 5}\n{\"ret\xff{\"return\": 41}\n\xff{\"return\": \xff"
        "{\"x\": 42, \"return\": 42}\n{\"return\": \"next\"}";
    size_t expected = strlen(stream) - strlen("\n{\"return\": \"next\"}");

    for (size_t chunk = 1; chunk < sizeof(stream); chunk++) {
        struct qmp_buffer out = { 0 };
        struct qmp_sync sync = { 0 };
        size_t done = 0, used;
        bool found = false;

        ck_assert_int_eq(qmp_sync_begin(&sync, 42, &out), 0);
        check_text(&out,
                   "\xff{\"execute\": \"guest-sync-delimited\", \"arguments\": {\"id\": 42}}\n");
        while (!found && done < sizeof(stream) - 1) {
            size_t rest = sizeof(stream) - 1 - done;

            found = qmp_sync_feed(&sync, stream + done, rest < chunk ? rest : chunk, &used);
            done += used;
        }
        ck_assert(found);
        ck_assert_uint_eq(done, expected);
        qmp_buffer_release(&out);
    }
}
END_TEST

START_TEST(test_buffer)
{
    struct qmp_buffer buffer = { .limit = 100000 };
    unsigned char next_in = 0, next_out = 0;
    unsigned int seed = 1;

    for (int i = 0; i < 20000; i++) {
        unsigned char bytes[97];
        size_t size;

        seed = seed * 1103515245 + 12345;
        size = (seed >> 16) % sizeof(bytes);
        for (size_t j = 0; j < size; j++)
            bytes[j] = (unsigned char)(next_in + j);
        if (qmp_buffer_append(&buffer, bytes, size) == 0)
            next_in = (unsigned char)(next_in + size);
        else
            ck_assert_uint_lt(qmp_buffer_room(&buffer), size);
        seed = seed * 1103515245 + 12345;
        size = (seed >> 16) % 64;
        for (size_t j = 0; j < size && buffer.size > 0; j++) {
            ck_assert_uint_eq((unsigned char)qmp_buffer_data(&buffer)[0], next_out++);
            qmp_buffer_consume(&buffer, 1);
        }
        ck_assert_uint_le(buffer.size, buffer.limit);
        ck_assert_uint_le(buffer.allocated, 4 * buffer.limit);
    }
    qmp_buffer_clear(&buffer);
    ck_assert_uint_eq(buffer.size, 0);
    ck_assert_uint_le(buffer.allocated, 8192);
    qmp_buffer_release(&buffer);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("qmp-frame");
    TCase *scanner = tcase_create("scanner"), *around = tcase_create("around");

    tcase_add_loop_test(scanner, test_samples, 0, SAMPLES);
    tcase_add_test(scanner, test_spaced);
    tcase_add_test(scanner, test_close);
    tcase_add_test(scanner, test_close_after_error);
    tcase_add_test(scanner, test_full);
    tcase_add_test(scanner, test_long_member);
    tcase_add_test(scanner, test_linear);
    suite_add_tcase(suite, scanner);
    tcase_add_test(around, test_utf8);
    tcase_add_test(around, test_sync);
    tcase_add_test(around, test_buffer);
    suite_add_tcase(suite, around);
    return suite;
}
