/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CPU sets: set operations, the kernel's list and mask formats, hostile texts. */
#include "main.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cpuset.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static struct cpuctl_set *parse(const char *list)
{
    struct cpuctl_set *set = NULL;
    struct cpuctl_error error = { 0 };
    int r = cpuctl_set_parse_list(list, 0, &set, &error);

    ck_assert_msg(r == 0, "\"%s\": %s", list, error.text);
    return set;
}

static void assert_list(const struct cpuctl_set *set, const char *expected)
{
    _cleanup_free_ char *text = cpuctl_set_format_list(set);

    ck_assert_ptr_nonnull(text);
    ck_assert_str_eq(text, expected);
}

START_TEST(members)
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *set = cpuctl_set_new();

    ck_assert(cpuctl_set_is_empty(set));
    ck_assert_uint_eq(cpuctl_set_count(set), 0);
    ck_assert_int_eq(cpuctl_set_next(set, 0), -1);
    ck_assert_int_eq(cpuctl_set_prev(set, 100), -1);
    ck_assert_int_eq(cpuset_last(set), -1);

    ck_assert_int_eq(cpuctl_set_add(set, 0), 0);
    ck_assert_int_eq(cpuctl_set_add(set, 63), 0);
    ck_assert_int_eq(cpuctl_set_add(set, 64), 0);
    ck_assert_int_eq(cpuctl_set_add(set, CPUCTL_CPUS_MAX - 1), 0);
    ck_assert_int_eq(cpuctl_set_add(set, CPUCTL_CPUS_MAX), -ERANGE);
    ck_assert_int_eq(cpuctl_set_add(set, UINT32_MAX), -ERANGE);
    assert_list(set, "0,63-64,1048575");
    ck_assert_uint_eq(cpuctl_set_count(set), 4);

    ck_assert_int_eq(cpuctl_set_next(set, 1), 63);
    ck_assert_int_eq(cpuctl_set_next(set, 65), CPUCTL_CPUS_MAX - 1);
    ck_assert_int_eq(cpuctl_set_next(set, CPUCTL_CPUS_MAX), -1);
    ck_assert_int_eq(cpuctl_set_prev(set, CPUCTL_CPUS_MAX - 2), 64);
    ck_assert_int_eq(cpuctl_set_prev(set, 62), 0);
    ck_assert_int_eq(cpuctl_set_prev(set, UINT32_MAX), CPUCTL_CPUS_MAX - 1);

    cpuctl_set_remove(set, CPUCTL_CPUS_MAX - 1);
    cpuctl_set_remove(set, CPUCTL_CPUS_MAX - 1);
    cpuctl_set_remove(set, UINT32_MAX);
    assert_list(set, "0,63-64");
    ck_assert(cpuctl_set_has(set, 64));
    ck_assert(!cpuctl_set_has(set, 65));
    ck_assert(!cpuctl_set_has(set, UINT32_MAX));

    cpuctl_set_clear(set);
    ck_assert(cpuctl_set_is_empty(set));
    ck_assert_int_eq(cpuctl_set_add_range(set, 2, 1), -EINVAL);
    ck_assert_int_eq(cpuctl_set_add_range(set, 2, CPUCTL_CPUS_MAX), -ERANGE);
    ck_assert_int_eq(cpuctl_set_add_range(set, 60, 200), 0);
    assert_list(set, "60-200");
}
END_TEST

START_TEST(algebra)
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *a = parse("0-3,70"), *b = parse("2-5");
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *c = cpuctl_set_dup(a);
    int sum = 0;

    ck_assert(cpuctl_set_equal(a, c));
    ck_assert(!cpuctl_set_equal(a, b));
    ck_assert(cpuctl_set_intersects(a, b));

    ck_assert_int_eq(cpuctl_set_or(c, b), 0);
    assert_list(c, "0-5,70");
    ck_assert(cpuctl_set_is_subset(a, c));
    ck_assert(!cpuctl_set_is_subset(c, a));
    ck_assert(!cpuctl_set_is_subset(c, b));

    cpuctl_set_andnot(c, b);
    assert_list(c, "0-1,70");
    ck_assert(!cpuctl_set_intersects(c, b));

    cpuctl_set_and(c, b);
    ck_assert(cpuctl_set_is_empty(c));
    ck_assert(cpuctl_set_is_subset(c, b));

    /* Sets of different width are equal when their CPUs are. */
    cpuctl_set_remove(a, 70);
    cpuctl_set_clear(c);
    ck_assert_int_eq(cpuctl_set_add_range(c, 0, 3), 0);
    ck_assert(cpuctl_set_equal(a, c));
    ck_assert(cpuctl_set_equal(c, a));

    cpuctl_set_foreach (cpu, a)
        sum += cpu;
    ck_assert_int_eq(sum, 0 + 1 + 2 + 3);
}
END_TEST

/* What the kernel accepts; bitmap_parselist() was read for each row. */
static const struct {
    const char *text;
    unsigned int nr_cpus;
    const char *expected;
} good_lists[] = {
    { "", 0, "" },
    { "\n", 0, "" },
    { " , ,\t,\n", 0, "" },
    { "0", 0, "0" },
    { "00012", 0, "12" },
    { "0-3,8", 0, "0-3,8" },
    { "8,0-3\n", 0, "0-3,8" },
    { ",,5,,7,,", 0, "5,7" },
    { "1 2\t3\v4\f5\r6", 0, "1-6" },
    { "1\xa0"
      "3",
      0, "1,3" },
    { "0-1,1-2,2-3", 0, "0-3" },
    { "5-5", 0, "5" },
    { "0-31:1/4", 0, "0,4,8,12,16,20,24,28" },
    { "0-1023:2/256", 0, "0-1,256-257,512-513,768-769" },
    { "9-38:4/10", 0, "9-12,19-22,29-32" },
    { "0-7:3/4", 0, "0-2,4-6" },
    { "0-6:4/4", 0, "0-6" },
    { "0-5:0/2", 0, "" },
    { "0-5:1/100", 0, "0" },
    { "N", 8, "7" },
    { "N-N", 8, "7" },
    { "0-N", 8, "0-7" },
    { "0-N:1/2", 8, "0,2,4,6" },
    { "0-7:1/N", 8, "0,7" },
    { "all", 4, "0-3" },
    { "ALL", 4, "0-3" },
    { "aLl:1/2", 4, "0,2" },
    { "all,1", 2, "0-1" },
    { "1048575", 0, "1048575" },
    { "0-1048575:1/524288", 0, "0,524288" },
    /* A newline ends the text after a number or a range … */
    { "3\n5", 0, "3" },
    { "0-1\nnonsense", 0, "0-1" },
    /* … and is white space elsewhere. */
    { "\n3", 0, "3" },
    { "3,\n5", 0, "3,5" },
    { "0-2:1/2\n5", 0, "0,2,5" },
    /* Nothing need stand between a group size "N" and the next region. */
    { "0-7:1/N5", 8, "0,5,7" },
};

START_TEST(list_accepts)
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *set = NULL;
    struct cpuctl_error error = { 0 };
    int r;

    r = cpuctl_set_parse_list(good_lists[_i].text, good_lists[_i].nr_cpus, &set, &error);
    ck_assert_msg(r == 0, "\"%s\": %s", good_lists[_i].text, error.text);
    assert_list(set, good_lists[_i].expected);
}
END_TEST

static const struct {
    const char *text;
    unsigned int nr_cpus;
    int code;
    size_t position;
    const char *reason; /* part of the sentence */
} bad_lists[] = {
    { "x", 0, -EINVAL, 0, "\"x\" at character 0 where a CPU number" },
    { "-1", 0, -EINVAL, 0, "\"-\" at character 0" },
    { "+1", 0, -EINVAL, 0, "\"+\" at character 0" },
    { "0x1", 0, -EINVAL, 1, "\"x\" at character 1" },
    { "1-", 0, -EINVAL, 2, "ends at character 2" },
    { "1-,2", 0, -EINVAL, 2, "\",\" at character 2" },
    { "1--2", 0, -EINVAL, 2, "\"-\" at character 2" },
    { "1 -2", 0, -EINVAL, 2, "\"-\" at character 2" },
    { "1-2-3", 0, -EINVAL, 3, "\"-\" at character 3" },
    { "3-1", 0, -EINVAL, 0, "backwards (3-1)" },
    { "0,9-8", 0, -EINVAL, 2, "backwards" },
    { "1;2", 0, -EINVAL, 1, "\";\" at character 1" },
    { "1\x01", 0, -EINVAL, 1, "byte 0x01 at character 1" },
    { "1\xc3\xa4", 0, -EINVAL, 1, "byte 0xc3 at character 1" },
    { "1:1/2", 0, -EINVAL, 1, "\":\" at character 1" },
    { "0-3:", 0, -EINVAL, 4, "ends at character 4" },
    { "0-3:1", 0, -EINVAL, 5, "ends at character 5" },
    { "0-3:1/", 0, -EINVAL, 6, "ends at character 6" },
    { "0-3:1/0", 0, -EINVAL, 3, "1 of 0" },
    { "0-3:0/0", 0, -EINVAL, 3, "0 of 0" },
    { "0-3:3/2", 0, -EINVAL, 3, "3 of 2" },
    { "0-3:1/2x", 0, -EINVAL, 7, "\"x\" at character 7" },
    { "1048576", 0, -ERANGE, 0, "1048575" },
    { "1,4294967296", 0, -ERANGE, 2, "4294967296" },
    { "99999999999999999999999999", 0, -ERANGE, 0, "too large" },
    { "0-8", 8, -ERANGE, 2, "the highest CPU that this machine can have is 7" },
    { "8", 8, -ERANGE, 0, "is 7" },
    { "N", 0, -EINVAL, 0, "\"N\"" },
    { "0-N", 0, -EINVAL, 2, "\"N\"" },
    { "all", 0, -EINVAL, 0, "\"all\"" },
    { "n", 8, -EINVAL, 0, "\"n\"" },
    { "allx", 8, -EINVAL, 3, "\"x\" at character 3" },
    { "al", 8, -EINVAL, 0, "\"a\" at character 0" },
    { "N1", 8, -EINVAL, 1, "\"1\" at character 1" },
};

START_TEST(list_refuses)
{
    struct cpuctl_set *set = (struct cpuctl_set *)&bad_lists;
    struct cpuctl_error error = { 0 };
    int r;

    r = cpuctl_set_parse_list(bad_lists[_i].text, bad_lists[_i].nr_cpus, &set, &error);
    ck_assert_msg(r == bad_lists[_i].code, "\"%s\": %d", bad_lists[_i].text, r);
    ck_assert_int_eq(error.code, r);
    ck_assert_msg(error.position == bad_lists[_i].position, "\"%s\": position %zu: %s",
                  bad_lists[_i].text, error.position, error.text);
    ck_assert_msg(strstr(error.text, bad_lists[_i].reason) != NULL, "\"%s\": %s",
                  bad_lists[_i].text, error.text);
    ck_assert_ptr_eq(set, (struct cpuctl_set *)&bad_lists);
    /* An error parameter is optional. */
    ck_assert_int_eq(cpuctl_set_parse_list(bad_lists[_i].text, bad_lists[_i].nr_cpus, &set, NULL),
                     r);
}
END_TEST

static char *repeat(const char *piece, size_t times)
{
    size_t length = strlen(piece);
    char *text = malloc(length * times + 1);

    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < times; i++)
        memcpy(text + i * length, piece, length);
    text[length * times] = '\0';
    return text;
}

/* One megabyte of the costliest regions ends soon, with an error; one megabyte of nothing is
 * nothing. */
START_TEST(list_is_bounded)
{
    static const char *const costly[] = { "0-1048575:1/1,", "0-1048575:1/2 ", "0-1048575,",
                                          "1048575:", "0-1048574:1048575/1048575," };
    struct cpuctl_set *set = NULL;
    struct cpuctl_error error = { 0 };
    clock_t start = clock();

    for (size_t i = 0; i < ARRAY_SIZE(costly); i++) {
        _cleanup_free_ char *text = repeat(costly[i], 1000000 / strlen(costly[i]));

        ck_assert_int_lt(cpuctl_set_parse_list(text, 0, &set, &error), 0);
        ck_assert_ptr_null(set);
        ck_assert_uint_gt(strlen(error.text), 0);
    }
    ck_assert_int_eq(error.code, -E2BIG);
    ck_assert_int_lt(clock() - start, 5 * CLOCKS_PER_SEC);
    {
        _cleanup_free_ char *text = repeat(", ", 500000);

        ck_assert_int_eq(cpuctl_set_parse_list(text, 0, &set, &error), 0);
        ck_assert(cpuctl_set_is_empty(set));
        cpuctl_set_free(set);
    }
}
END_TEST

static const struct {
    const char *text, *expected;
} good_masks[] = {
    { "", "" },
    { "0", "" },
    { "0x0\n", "" },
    { "1", "0" },
    { "ff\n", "0-7" },
    { "0xFf", "0-7" },
    { " f", "0-3" },
    { "00000001,80000000", "31-32" },
    { "1,0", "32" },
    { "1,,0", "32" },
    { ",1,", "0" },
    { "1 0", "32" },
    { "00000000,00000000,00000000,00000003", "0-1" },
    { "0x1,00000000,00000000", "64" },
    { "100000000", "32" },
    { "3\nzz", "0-1" },
};

START_TEST(mask_accepts)
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *set = NULL;
    struct cpuctl_error error = { 0 };
    int r;

    r = cpuctl_set_parse_mask(good_masks[_i].text, &set, &error);
    ck_assert_msg(r == 0, "\"%s\": %s", good_masks[_i].text, error.text);
    assert_list(set, good_masks[_i].expected);
}
END_TEST

static const struct {
    const char *text;
    int code;
    size_t position;
} bad_masks[] = {
    { "g", -EINVAL, 0 },     { "0x", -EINVAL, 1 },          { "1,x", -EINVAL, 2 },
    { "-1", -EINVAL, 0 },    { "1,000000000", -EINVAL, 2 }, { "111111111,0", -EINVAL, 0 },
    { "0x0x1", -EINVAL, 3 },
};

START_TEST(mask_refuses)
{
    struct cpuctl_set *set = NULL;
    struct cpuctl_error error = { 0 };
    int r = cpuctl_set_parse_mask(bad_masks[_i].text, &set, &error);

    ck_assert_msg(r == bad_masks[_i].code, "\"%s\": %d", bad_masks[_i].text, r);
    ck_assert_msg(error.position == bad_masks[_i].position, "\"%s\": %s", bad_masks[_i].text,
                  error.text);
    ck_assert_ptr_null(set);
}
END_TEST

START_TEST(mask_is_bounded)
{
    _cleanup_free_ char *wide = repeat("f", 1000000), *groups = repeat("80000000,", 100000);
    _cleanup_free_ char *zeros = repeat("00000000,", 100000);
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *set = NULL;
    struct cpuctl_error error = { 0 };

    ck_assert_int_eq(cpuctl_set_parse_mask(wide, &set, &error), -ERANGE);
    ck_assert_int_eq(cpuctl_set_parse_mask(groups, &set, &error), -ERANGE);
    /* Leading zeros are no CPUs. */
    ck_assert_int_eq(cpuctl_set_parse_mask(zeros, &set, &error), 0);
    ck_assert(cpuctl_set_is_empty(set));
}
END_TEST

START_TEST(mask_format)
{
    static const struct {
        const char *list;
        unsigned int nr_cpus;
        const char *expected;
    } rows[] = {
        { "", 0, "0" },
        { "", 4, "0" },
        { "", 33, "0,00000000" },
        { "0", 8, "01" },
        { "0-7", 0, "ff" },
        { "0-7", 40, "00,000000ff" },
        { "31-32", 64, "00000001,80000000" },
        { "35", 8, "8,00000000" },
        { "0,4-5,9-11,60", 0, "10000000,00000e31" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_(cpuctl_set_freep) struct cpuctl_set *set = parse(rows[i].list);
        _cleanup_free_ char *text = cpuctl_set_format_mask(set, rows[i].nr_cpus);

        ck_assert_str_eq(text, rows[i].expected);
    }
}
END_TEST

START_TEST(round_trip)
{
    unsigned int seed = (unsigned int)time(NULL);

    /* The seed stands in a failure's message, so that it can be repeated. */
    srandom(seed);
    for (unsigned int round = 0; round < 500; round++) {
        _cleanup_(cpuctl_set_freep) struct cpuctl_set *set = cpuctl_set_new();
        _cleanup_(cpuctl_set_freep) struct cpuctl_set *from_list = NULL, *from_mask = NULL;
        _cleanup_free_ char *list = NULL, *mask = NULL;
        unsigned int width = 1U << (random() % 14), n = (unsigned int)random() % 300;
        unsigned int count = 0;

        for (unsigned int i = 0; i < n; i++)
            ck_assert_int_eq(cpuctl_set_add(set, (unsigned int)random() % width), 0);
        cpuctl_set_foreach (cpu, set) {
            ck_assert(cpuctl_set_has(set, (unsigned int)cpu));
            count++;
        }
        ck_assert_uint_eq(count, cpuctl_set_count(set));

        list = cpuctl_set_format_list(set);
        mask = cpuctl_set_format_mask(set, (unsigned int)random() % 9000);
        ck_assert_int_eq(cpuctl_set_parse_list(list, width, &from_list, NULL), 0);
        ck_assert_int_eq(cpuctl_set_parse_mask(mask, &from_mask, NULL), 0);
        ck_assert_msg(cpuctl_set_equal(set, from_list), "seed %u: %s", seed, list);
        ck_assert_msg(cpuctl_set_equal(set, from_mask), "seed %u: %s", seed, mask);
    }
}
END_TEST

START_TEST(file_without_mask)
{
    static const char *const texts[] = { "", "\n", "(null)\n", "     (null)\n" };

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        _cleanup_(cpuctl_set_freep) struct cpuctl_set *list = NULL, *mask = NULL;

        ck_assert_int_eq(cpuset_parse_file(texts[i], true, &list, NULL), 0);
        ck_assert(cpuctl_set_is_empty(list));
        ck_assert_int_eq(cpuset_parse_file(texts[i], false, &mask, NULL), 0);
        ck_assert(cpuctl_set_is_empty(mask));
    }
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("cpuset");
    TCase *core = tcase_create("set"), *list = tcase_create("list"), *mask = tcase_create("mask");

    tcase_add_test(core, members);
    tcase_add_test(core, algebra);
    tcase_add_test(core, round_trip);
    tcase_add_loop_test(list, list_accepts, 0, ARRAY_SIZE(good_lists));
    tcase_add_loop_test(list, list_refuses, 0, ARRAY_SIZE(bad_lists));
    tcase_add_test(list, list_is_bounded);
    tcase_add_loop_test(mask, mask_accepts, 0, ARRAY_SIZE(good_masks));
    tcase_add_loop_test(mask, mask_refuses, 0, ARRAY_SIZE(bad_masks));
    tcase_add_test(mask, mask_is_bounded);
    tcase_add_test(mask, mask_format);
    tcase_add_test(mask, file_without_mask);
    suite_add_tcase(suite, core);
    suite_add_tcase(suite, list);
    suite_add_tcase(suite, mask);
    return suite;
}
