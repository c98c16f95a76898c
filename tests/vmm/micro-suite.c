/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Suites of tests with micro-guests. */
#include "micro.h"

#include "tests/unit/main.h"

START_TEST(needs_kvm)
{
    unit_skip("/dev/kvm can not be opened");
}
END_TEST

Suite *micro_suite(const char *name, void (*add)(TCase *core))
{
    Suite *suite = suite_create(name);
    TCase *core = tcase_create(name);
    struct kvm_host host;

    if (kvm_host_open(NULL, &host) < 0) {
        tcase_add_test(core, needs_kvm);
    } else {
        kvm_host_close(&host);
        add(core);
    }
    tcase_set_timeout(core, 90);
    suite_add_tcase(suite, core);
    return suite;
}
