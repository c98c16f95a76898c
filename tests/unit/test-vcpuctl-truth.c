/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What status says of a vCPU about which host and guest disagree, and lists of CPUs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "main.h"
#include "tools/vcpuctl/cpulist.h"
#include "tools/vcpuctl/truth.h"

#define NO  TRUTH_NO
#define YES TRUTH_YES

START_TEST(test_sentences)
{
    static const struct {
        enum truth configured, requested, plugged, present, online;
        struct vm_vcpu vcpu;
        const char *sentence; /* its beginning; "": none */
    } cases[] = {
        { YES, YES, YES, YES, YES, { .index = 1 }, "" },
        { NO, NO, NO, NO, NO, { .index = 1 }, "" },
        { 0, 0, YES, 0, 0, { .index = 1 }, "" },
        { 0, 0, NO, YES, YES, { .index = 1 }, "the guest's agent says that it is online, but" },
        { 0, 0, NO, YES, NO, { .index = 1 }, "unplugged, but the guest still lists it" },
        { 0, YES, NO, NO, NO, { .index = 1 }, "asked for, but the VMM does not have it" },
        { 0,
          NO,
          YES,
          YES,
          NO,
          { .phase = VM_PHASE_REQUESTED },
          "to be removed; the guest has not taken the request yet" },
        { 0,
          NO,
          YES,
          YES,
          NO,
          { .phase = VM_PHASE_IN_PROGRESS },
          "to be removed; the guest is at it" },
        { 0,
          NO,
          YES,
          YES,
          YES,
          { .phase = VM_PHASE_REJECTED, .ost_known = true, .ost_source = 3, .ost_status = 0x82 },
          "to be removed, and the guest refused: the device is busy" },
        { 0,
          NO,
          YES,
          YES,
          YES,
          { .ost_known = true, .ost_source = 3, .ost_status = 1 },
          "to be removed, and the guest refused: " },
        { 0, NO, YES, YES, NO, { .index = 1 }, "to be removed; the guest has it offline and" },
        { 0, NO, YES, NO, NO, { .index = 1 }, "to be removed; the guest does not have it" },
        { 0, NO, YES, YES, YES, { .index = 1 }, "to be removed; the guest has not answered" },
        { 0,
          0,
          YES,
          NO,
          NO,
          { .index = 1 },
          "plugged, but the guest has not taken it and never answered (no _OST)" },
        { 0,
          0,
          YES,
          NO,
          NO,
          { .ost_known = true, .ost_source = 1, .ost_status = 1 },
          "plugged, but the guest did not take it: " },
        { 0,
          0,
          YES,
          NO,
          NO,
          { .ost_known = true, .ost_source = 1 },
          "plugged, and the guest's ACPI took it, but its agent does not list it" },
        { 0, 0, YES, YES, NO, { .index = 1 }, "the guest has it offline; guestvcpus --cpulist 1" },
        { 0,
          YES,
          YES,
          YES,
          YES,
          { .request = VM_REQUEST_REMOVAL,
            .phase = VM_PHASE_REJECTED,
            .ost_source = 3,
            .ost_status = 0x82 },
          "the guest refused to give it: the device is busy" },
        { NO, YES, YES, YES, YES, { .index = 1 }, "plugged; the next start does not have it" },
        { YES, NO, NO, NO, NO, { .index = 1 }, "not plugged; the next start has it" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct truth_row row = { .vcpu = &cases[i].vcpu,
                                 .configured = cases[i].configured,
                                 .requested = cases[i].requested,
                                 .plugged = cases[i].plugged,
                                 .present = cases[i].present,
                                 .online = cases[i].online,
                                 .guest_number = 1,
                                 .mine = true };
        const char *wanted = cases[i].sentence;
        char text[256];

        truth_sentence(&row, text, sizeof(text));
        ck_assert_msg(strncmp(text, wanted, strlen(wanted)) == 0 && !*wanted == !*text,
                      "case %zu: \"%s\"", i, text);
    }
}
END_TEST

/* The guest's numbers: its own where it saw the CPUs in another order. */
START_TEST(test_pairing)
{
    struct vm_vcpu vcpus[4] = { { .index = 0, .plugged = true },
                                { .index = 1 },
                                { .index = 2, .plugged = true },
                                { .index = 3, .plugged = true } };
    struct vm vm = { .n_vcpus = 4, .vcpus = vcpus };
    struct guest_cpus guest = { cpuctl_set_new(), cpuctl_set_new(), cpuctl_set_new() };
    struct truth_row rows[4] = { 0 };

    ck_assert_int_eq(cpuctl_set_add_range(guest.present, 0, 2), 0);
    ck_assert_int_eq(cpuctl_set_add(guest.online, 0), 0);
    ck_assert_int_eq(cpuctl_set_add(guest.online, 1), 0);
    truth_look(&vm, &guest, rows);
    ck_assert_int_eq(rows[0].guest_number, 0);
    ck_assert_int_eq(rows[1].guest_number, -1);
    ck_assert_int_eq(rows[1].present, TRUTH_NO);
    ck_assert_int_eq(rows[2].guest_number, 2);
    ck_assert_int_eq(rows[2].online, TRUTH_NO);
    ck_assert_int_eq(rows[3].guest_number, 1);
    ck_assert_int_eq(rows[3].online, TRUTH_YES);
    ck_assert(!rows[3].mine);
    truth_look(&vm, NULL, rows);
    ck_assert_int_eq(rows[0].present, TRUTH_UNKNOWN);
    ck_assert_int_eq(rows[0].plugged, TRUTH_YES);
    guest_cpus_release(&guest);
}
END_TEST

START_TEST(test_lists)
{
    static const struct {
        const char *text;
        const char *list; /* NULL: refused */
    } cases[] = {
        { "0", "0" },   { "0-3", "0-3" },  { "0-3,^1", "0,2-3" }, { "5, 1", "1,5" },
        { "^1", "" },   { "7", "7" },      { "8", NULL },         { "", NULL },
        { "x", NULL },  { "1-", NULL },    { "3-1", NULL },       { "-1", NULL },
        { "0,", NULL }, { "0-3;1", NULL }, { "^", NULL },         { "99999999999999999999", NULL },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cpuctl_set *set = NULL;
        struct cpuctl_error error = { 0 };
        int r = cpulist_parse(cases[i].text, 8, &set, &error);
        char *list = set ? cpuctl_set_format_list(set) : NULL;

        ck_assert_msg(r == (cases[i].list ? 0 : -EINVAL), "%s: %d", cases[i].text, r);
        if (cases[i].list)
            ck_assert_str_eq(list, cases[i].list);
        else
            ck_assert_ptr_nonnull(strstr(error.text, "invalid argument: Failed to parse bitmap '"));
        free(list);
        cpuctl_set_free(set);
    }
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("vcpuctl-truth");
    TCase *tcase = tcase_create("truth");

    tcase_add_test(tcase, test_sentences);
    tcase_add_test(tcase, test_pairing);
    tcase_add_test(tcase, test_lists);
    suite_add_tcase(suite, tcase);
    return suite;
}
