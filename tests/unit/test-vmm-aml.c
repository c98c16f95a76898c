/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The AML emitter: each encoding as ACPI 6.5 chapter 20 gives it. */
#include "main.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "vmm/aml.h"

#define ck_assert_aml(aml, text) assert_aml(aml, text, sizeof(text) - 1)

static void assert_aml(struct aml *aml, const char *bytes, size_t size)
{
    ck_assert_int_eq(aml_error(aml), 0);
    ck_assert_uint_eq(aml->size, size);
    ck_assert_mem_eq(aml->data, bytes, size);
    aml_free(aml);
}

START_TEST(integers)
{
    struct aml aml = { 0 };

    aml_emit(&aml, AML_INT(0), AML_INT(1), AML_INT(2), AML_INT(0xff), AML_INT(0x100),
             AML_INT(0xffff), AML_INT(0x10000), AML_INT(0xffffffff), AML_INT(0x100000000));
    ck_assert_aml(&aml, "\x00"
                        "\x01"
                        "\x0a\x02"
                        "\x0a\xff"
                        "\x0b\x00\x01"
                        "\x0b\xff\xff"
                        "\x0c\x00\x00\x01\x00"
                        "\x0c\xff\xff\xff\xff"
                        "\x0e\x00\x00\x00\x00\x01\x00\x00\x00");
}
END_TEST

START_TEST(names)
{
    struct aml aml = { 0 };

    aml_emit(&aml, AML_NAME("A"), AML_NAME("\\_SB"), AML_NAME("^ABCD"), AML_NAME("AB.C1"),
             AML_NAME("\\A.B.C"));
    ck_assert_aml(&aml, "A___"
                        "\\_SB_"
                        "^ABCD"
                        "\x2e"
                        "AB__C1__"
                        "\\\x2f\x03"
                        "A___B___C___");
}
END_TEST

START_TEST(malformed_names)
{
    static const char *const words[] = { "", "ABCDE", "1ABC", "ab", "A.", ".A", "A..B", "A B" };

    for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        struct aml aml = { 0 };

        aml_emit(&aml, AML_NAME(words[i]));
        ck_assert_msg(aml_error(&aml) == -EINVAL, "%s", words[i]);
        aml_free(&aml);
    }
}
END_TEST

START_TEST(opcodes)
{
    struct aml aml = { 0 };

    aml_emit(&aml, AML_OP(AML_STORE), AML_ARG(1), AML_LOCAL(2), AML_OP(AML_ACQUIRE), AML_NAME("M"),
             AML_FOREVER);
    ck_assert_aml(&aml, "\x70\x69\x62"
                        "\x5b\x23M___\xff\xff");
}
END_TEST

START_TEST(objects)
{
    struct aml aml = { 0 };

    aml_name_eisaid(&aml, "_HID", "PNP0A08");
    aml_name_string(&aml, "_UID", "x");
    aml_name(&aml, "_CRS");
    aml_buffer(&aml, "\x79\x00", 2);
    aml_name(&aml, "_S5");
    aml_begin_package(&aml, 2);
    aml_emit(&aml, AML_INT(5), AML_INT(0));
    aml_end(&aml);
    ck_assert_aml(&aml, "\x08_HID\x0c\x41\xd0\x0a\x08"
                        "\x08_UID\x0dx\0"
                        "\x08_CRS\x11\x05\x0a\x02\x79\x00"
                        "\x08_S5_\x12\x05\x02\x0a\x05\x00");
}
END_TEST

START_TEST(malformed_eisa_ids)
{
    static const char *const ids[] = { "", "PNP0A0", "PNP0A080", "pnp0A08", "PN00A08", "PNP0a08" };

    for (unsigned int i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        struct aml aml = { 0 };

        aml_name_eisaid(&aml, "_HID", ids[i]);
        ck_assert_msg(aml_error(&aml) == -EINVAL, "%s", ids[i]);
        aml_free(&aml);
    }
}
END_TEST

START_TEST(fields)
{
    struct aml aml = { 0 };

    aml_io_region(&aml, "R", 0xcd8, 12);
    aml_begin_field(&aml, "R", AML_BYTE_ACCESS, AML_WRITE_AS_ZEROS);
    aml_field(&aml, NULL, 32);
    aml_field(&aml, "F", 1);
    aml_field(&aml, NULL, 0x123);
    aml_end(&aml);
    ck_assert_aml(&aml, "\x5b\x80R___\x01\x0b\xd8\x0c\x0a\x0c"
                        "\x5b\x81\x10R___\x41"
                        "\x00\x20"
                        "F___\x01"
                        "\x00\x43\x12");
}
END_TEST

/* The length at which its own encoding grows by a byte, on both sides. */
START_TEST(lengths)
{
    static const struct {
        size_t contents;
        uint8_t bytes[4];
        unsigned int count;
    } cases[] = {
        { 0x3e, { 0x3f }, 1 },
        { 0x3f, { 0x41, 0x04 }, 2 },
        { 0xffd, { 0x4f, 0xff }, 2 },
        { 0xffe, { 0x81, 0x00, 0x01 }, 3 },
        { 0xffffc, { 0x8f, 0xff, 0xff }, 3 },
        { 0xffffd, { 0xc1, 0x00, 0x00, 0x01 }, 4 },
    };
    static const uint8_t zeros[0x100000];

    for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct aml aml = { 0 };

        aml_begin_if(&aml);
        aml_bytes(&aml, zeros, cases[i].contents);
        aml_end(&aml);
        ck_assert_int_eq(aml_error(&aml), 0);
        ck_assert_uint_eq(aml.size, 1 + cases[i].count + cases[i].contents);
        ck_assert_mem_eq(aml.data + 1, cases[i].bytes, cases[i].count);
        aml_free(&aml);
    }
}
END_TEST

START_TEST(nesting)
{
    struct aml aml = { 0 };

    aml_begin_scope(&aml, "\\_SB");
    aml_begin_device(&aml, "D");
    aml_begin_method(&aml, "M", 2);
    aml_begin_if(&aml);
    aml_emit(&aml, AML_ARG(0));
    aml_end(&aml);
    aml_begin_else(&aml);
    aml_end(&aml);
    aml_begin_while(&aml);
    aml_emit(&aml, AML_INT(0));
    aml_end(&aml);
    aml_end(&aml);
    aml_end(&aml);
    aml_end(&aml);
    ck_assert_aml(&aml, "\x10\x1c\\_SB_"
                        "\x5b\x82\x14"
                        "D___"
                        "\x14\x0eM___\x0a"
                        "\xa0\x02\x68"
                        "\xa1\x01"
                        "\xa2\x02\x00");
}
END_TEST

START_TEST(unbalanced)
{
    struct aml open = { 0 }, closed = { 0 }, deep = { 0 };

    aml_begin_if(&open);
    ck_assert_int_eq(aml_error(&open), -EINVAL);
    aml_end(&closed);
    ck_assert_int_eq(aml_error(&closed), -EINVAL);
    for (unsigned int i = 0; i <= AML_DEPTH_MAX; i++)
        aml_begin_if(&deep);
    ck_assert_int_eq(aml_error(&deep), -E2BIG);
    aml_free(&open);
    aml_free(&closed);
    aml_free(&deep);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("vmm-aml");
    TCase *encodings = tcase_create("encodings");

    tcase_add_test(encodings, integers);
    tcase_add_test(encodings, names);
    tcase_add_test(encodings, malformed_names);
    tcase_add_test(encodings, opcodes);
    tcase_add_test(encodings, objects);
    tcase_add_test(encodings, malformed_eisa_ids);
    tcase_add_test(encodings, fields);
    tcase_add_test(encodings, lengths);
    tcase_add_test(encodings, nesting);
    tcase_add_test(encodings, unbalanced);
    suite_add_tcase(suite, encodings);
    return suite;
}
