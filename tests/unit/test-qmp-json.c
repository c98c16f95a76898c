/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The door to json-c: strictness, getters and their sentences, writing. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "main.h"
#include "qmp/json.h"

static struct json_object *parse(const char *text)
{
    struct json_object *value = NULL;
    struct qmp_error error = { 0 };

    ck_assert_msg(qmp_json_parse(text, strlen(text), &value, &error) == 0, "%s: %s", text,
                  error.desc);
    return value;
}

START_TEST(test_accepted)
{
    static const struct {
        const char *text;
        const char *written;
    } cases[] = {
        { "{}", "{}" },
        { " [ ] \n", "[]" },
        { "null", "null" },
        { "true", "true" },
        { "-12", "-12" },
        { "18446744073709551615", "18446744073709551615" },
        { "9223372036854775808", "9223372036854775808" },
        { "-9223372036854775808", "-9223372036854775808" },
        { "1.10", "1.10" },
        { "[1,2,[3,{\"a\":null}]]", "[1, 2, [3, {\"a\": null}]]" },
        { "{\"a\":1,\"b\":\"\"}", "{\"a\": 1, \"b\": \"\"}" },
        { "{'a':'it\\'s \"it\"'}", "{\"a\": \"it's \\\"it\\\"\"}" },
        { "\"\\b\\f\\n\\r\\t\\/\\\\\\u0001\\u007f\"", "\"\\b\\f\\n\\r\\t/\\\\\\u0001\\u007F\"" },
        { "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"", "\"\\u00E4\\u20AC\\uD83D\\uDE00\"" },
        { "\"a\\u0000b\"", "\"a\\u0000b\"" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        _cleanup_json_ struct json_object *value = parse(cases[i].text);
        struct qmp_buffer out = { 0 };

        ck_assert_int_eq(qmp_json_write(value, &out), 0);
        ck_assert_int_eq(qmp_buffer_append(&out, "", 1), 0);
        ck_assert_str_eq(qmp_buffer_data(&out), cases[i].written);
        qmp_buffer_release(&out);
    }
}
END_TEST

START_TEST(test_refused)
{
    static const struct {
        const char *text;
        const char *desc;
    } cases[] = {
        { "", "JSON parse error, premature EOI" },
        { "{", "JSON parse error, premature EOI" },
        { "\"abc", "JSON parse error, premature EOI" },
        { "{\"a\":1,}", "JSON parse error, expecting value" },
        { "[1] 2", "JSON parse error, trailing text from byte 4 on" },
        { "{\"a\":1,\"a\":1}", "JSON parse error, duplicate key" },
        { "[{\"b\":{\"a\":1,\"c\":2,\"a\":1}}]", "JSON parse error, duplicate key" },
        { "[NaN]", "JSON parse error, stray 'N'" },
        { "[nan]", "JSON parse error, invalid keyword 'nan'" },
        { "[1,/* x */2]", "JSON parse error, stray '/'" },
        { "[\"\xc3\"]", "JSON parse error, invalid UTF-8 sequence in string" },
        { "[+1]", "JSON parse error, stray '+'" },
        { "[.5]", "JSON parse error, stray '.'" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct json_object *value = (void *)&value;
        struct qmp_error error = { 0 };

        ck_assert_int_eq(qmp_json_parse(cases[i].text, strlen(cases[i].text), &value, &error),
                         -EINVAL);
        ck_assert_str_eq(error.desc, cases[i].desc);
        ck_assert_int_eq(error.error_class, QMP_GENERIC_ERROR);
        ck_assert_ptr_eq(value, &value);
    }
    ck_assert_int_eq(qmp_json_parse("[", 1, NULL, NULL), -EINVAL);
}
END_TEST

START_TEST(test_depth)
{
    char text[2 * 1025];
    struct json_object *value;
    struct qmp_error error = { 0 };

    memset(text, '[', 1025);
    memset(text + 1025, ']', 1025);
    ck_assert_int_eq(qmp_json_parse(text + 1, 2 * 1024, &value, &error), 0);
    json_object_put(value);
    ck_assert_int_eq(qmp_json_parse(text, 2 * 1025, &value, &error), -EINVAL);
    ck_assert_str_eq(error.desc, "JSON nesting depth limit exceeded");
}
END_TEST

START_TEST(test_getters)
{
    _cleanup_json_ struct json_object *object =
        parse("{\"i\":-5,\"u\":18446744073709551615,\"f\":1.0,\"big\":-9223372036854775809,"
              "\"b\":true,\"s\":\"x\",\"z\":\"a\\u0000b\",\"a\":[{},7],\"n\":null,\"o\":{}}");
    const struct qmp_where outer = { .member = "vcpus", .in_array = true, .index = 3 };
    const struct qmp_where where = { .parent = &outer, .member = "inner" };
    struct qmp_error error = { 0 };
    struct json_object *found = NULL;
    const char *string = NULL;
    int64_t number = 99;
    uint64_t positive = 99;
    bool flag = false;

    ck_assert_int_eq(qmp_get_int64(object, NULL, "i", QMP_REQUIRED, &number, &error), 1);
    ck_assert_int_eq(number, -5);
    ck_assert_int_eq(qmp_get_int64(object, NULL, "absent", QMP_OPTIONAL, &number, &error), 0);
    ck_assert_int_eq(number, -5);
    ck_assert_int_eq(qmp_get_int64(object, NULL, "absent", QMP_REQUIRED, &number, &error), -EINVAL);
    ck_assert_str_eq(error.desc, "Parameter 'absent' is missing");
    ck_assert_int_eq(qmp_get_int64(NULL, &outer, "i", QMP_REQUIRED, &number, &error), -EINVAL);
    ck_assert_str_eq(error.desc, "Parameter 'vcpus[3].i' is missing");
    static const char *const no_int64[] = { "u", "f", "big", "b", "s", "n", "o" };
    for (size_t i = 0; i < sizeof(no_int64) / sizeof(no_int64[0]); i++) {
        char expected[100];

        snprintf(expected, sizeof(expected),
                 "Invalid parameter type for 'vcpus[3].inner.%s', expected: integer", no_int64[i]);
        ck_assert_int_eq(qmp_get_int64(object, &where, no_int64[i], QMP_OPTIONAL, &number, &error),
                         -EINVAL);
        ck_assert_str_eq(error.desc, expected);
    }
    ck_assert_int_eq(number, -5);

    ck_assert_int_eq(qmp_get_uint(object, NULL, "u", QMP_REQUIRED, UINT64_MAX, &positive, &error),
                     1);
    ck_assert_uint_eq(positive, UINT64_MAX);
    ck_assert_int_eq(qmp_get_uint(object, NULL, "u", QMP_REQUIRED, 7, &positive, &error), -EINVAL);
    ck_assert_str_eq(error.desc, "Parameter 'u' expects a value from 0 to 7");
    ck_assert_int_eq(qmp_get_uint(object, NULL, "i", QMP_REQUIRED, 7, &positive, &error), -EINVAL);

    ck_assert_int_eq(qmp_get_bool(object, NULL, "b", QMP_REQUIRED, &flag, &error), 1);
    ck_assert(flag);
    ck_assert_int_eq(qmp_get_bool(object, NULL, "i", QMP_REQUIRED, &flag, &error), -EINVAL);
    ck_assert_str_eq(error.desc, "Invalid parameter type for 'i', expected: boolean");
    ck_assert_int_eq(qmp_get_string(object, NULL, "s", QMP_REQUIRED, &string, &error), 1);
    ck_assert_str_eq(string, "x");
    ck_assert_int_eq(qmp_get_string(object, NULL, "z", QMP_REQUIRED, &string, &error), -EINVAL);
    ck_assert_str_eq(error.desc, "Parameter 'z' expects a string without U+0000");
    ck_assert_int_eq(qmp_get_object(object, NULL, "a", QMP_REQUIRED, &found, &error), -EINVAL);
    ck_assert_int_eq(qmp_get_object(object, NULL, "o", QMP_REQUIRED, &found, &error), 1);
    ck_assert_int_eq(qmp_get_array(object, NULL, "o", QMP_REQUIRED, &found, &error), -EINVAL);
    ck_assert_int_eq(qmp_get_array(object, NULL, "a", QMP_REQUIRED, &found, &error), 1);

    struct json_object *element;
    struct qmp_where place = { .member = "a", .in_array = true, .index = 0 };
    ck_assert_int_eq(qmp_get_element_object(found, &place, &element, &error), 0);
    place.index = 1;
    ck_assert_int_eq(qmp_get_element_object(found, &place, &element, &error), -EINVAL);
    ck_assert_str_eq(error.desc, "Invalid parameter type for 'a[1]', expected: object");

    static const char *const names[] = { "i", "u", "f", "big", "b", "s", "z", "a", "n", NULL };
    ck_assert_int_eq(qmp_check_members(object, &outer, names, &error), -EINVAL);
    ck_assert_str_eq(error.desc, "Parameter 'vcpus[3].o' is unexpected");
    ck_assert_int_eq(qmp_check_members(NULL, NULL, names, &error), 0);
}
END_TEST

START_TEST(test_write_bounded)
{
    _cleanup_json_ struct json_object *value = parse("{\"a\":[1,2,3],\"b\":\"\xc3\xa4\"}");
    struct qmp_buffer out = { .limit = 5 };

    ck_assert_int_eq(qmp_buffer_append(&out, "abc", 3), 0);
    for (; out.limit < 3 + strlen("{\"a\": [1, 2, 3], \"b\": \"\\u00E4\"}"); out.limit++) {
        ck_assert_int_eq(qmp_json_write(value, &out), -ENOBUFS);
        ck_assert_uint_eq(out.size, 3);
    }
    ck_assert_int_eq(qmp_json_write(value, &out), 0);
    ck_assert_uint_eq(out.size, out.limit);
    qmp_buffer_release(&out);
}
END_TEST

START_TEST(test_errors)
{
    struct qmp_error error = { 0 };
    struct qmp_buffer out = { 0 };
    char text[3000];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    ck_assert_int_eq(qmp_error_set(&error, QMP_DEVICE_NOT_FOUND, "%s", text), -EINVAL);
    ck_assert_uint_eq(strlen(error.desc), sizeof(error.desc) - 1);
    ck_assert_int_eq(qmp_error_set(NULL, QMP_GENERIC_ERROR, "x"), -EINVAL);
    qmp_error_set(&error, QMP_KVM_MISSING_CAP, "a\xff\n\"%d\"", 5);
    ck_assert_int_eq(qmp_json_write_error(&error, &out), 0);
    ck_assert_int_eq(qmp_buffer_append(&out, "", 1), 0);
    ck_assert_str_eq(qmp_buffer_data(&out),
                     "{\"class\": \"KVMMissingCap\", \"desc\": \"a\\uFFFD\\n\\\"5\\\"\"}");
    qmp_buffer_release(&out);
}
END_TEST

START_TEST(test_build)
{
    _cleanup_json_ struct json_object *object = json_object_new_object();
    _cleanup_json_ struct json_object *array = json_object_new_array();

    ck_assert_int_eq(qmp_object_add(object, "a", NULL), -ENOMEM);
    ck_assert_int_eq(qmp_array_add(array, NULL), -ENOMEM);
    ck_assert_int_eq(qmp_object_add(object, "a", json_object_new_int(1)), 0);
    ck_assert_int_eq(qmp_array_add(array, json_object_new_int(1)), 0);
    ck_assert_int_eq(json_object_object_length(object), 1);
    ck_assert_uint_eq(json_object_array_length(array), 1);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("qmp-json");
    TCase *tcase = tcase_create("json");

    tcase_add_test(tcase, test_accepted);
    tcase_add_test(tcase, test_refused);
    tcase_add_test(tcase, test_depth);
    tcase_add_test(tcase, test_getters);
    tcase_add_test(tcase, test_write_bounded);
    tcase_add_test(tcase, test_errors);
    tcase_add_test(tcase, test_build);
    suite_add_tcase(suite, tcase);
    return suite;
}
