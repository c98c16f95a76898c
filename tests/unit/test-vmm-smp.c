/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The processor topology: --smp, places, APIC IDs. */
#include "main.h"

#include <errno.h>
#include <string.h>

#include "cpuctl.h"
#include "vmm/smp.h"

static const struct {
    const char *text;
    struct smp smp;
} good[] = {
    { "1", { 1, 1, 1, 1, 1, 1 } },
    { "4", { 4, 4, 1, 1, 4, 1 } },
    { "cpus=2,maxcpus=4", { 2, 4, 1, 1, 4, 1 } },
    { "1,maxcpus=4,sockets=4", { 1, 4, 4, 1, 1, 1 } },
    { "1,maxcpus=8,sockets=2,threads=2", { 1, 8, 2, 1, 2, 2 } },
    { "1,maxcpus=8,cores=2", { 1, 8, 4, 1, 2, 1 } },
    { "sockets=2,dies=2,cores=3,threads=2", { 24, 24, 2, 2, 3, 2 } },
    { "3,sockets=2,dies=2,cores=3,threads=2,maxcpus=24", { 3, 24, 2, 2, 3, 2 } },
    { "maxcpus=1024,cpus=1", { 1, 1024, 1, 1, 1024, 1 } },
    { "8,sockets=2,cores=2", { 8, 8, 2, 1, 2, 2 } },
};

START_TEST(accepts)
{
    struct smp smp;
    struct cpuctl_error error = { 0 };
    int r = smp_parse(good[_i].text, &smp, &error);

    ck_assert_msg(r == 0, "%s: %s", good[_i].text, error.text);
    ck_assert_mem_eq(&smp, &good[_i].smp, sizeof(smp));
}
END_TEST

static const struct {
    const char *text;
    const char *sentence; /* part of it */
} bad[] = {
    { "", "cpus is \"\"" },
    { "0", "from 1 to 32768" },
    { "-1", "from 1 to 32768" },
    { "1x", "from 1 to 32768" },
    { "32769", "from 1 to 32768" },
    { "99999999999999999999", "from 1 to 32768" },
    { "1,2", "unknown word \"2\"" },
    { "1,cpus=2", "cpus is given twice" },
    { "1,maxcpus=4,maxcpus=4", "maxcpus is given twice" },
    { "1,clusters=2", "unknown word \"clusters=2\"" },
    { "1,", "unknown word \"\"" },
    { "5,maxcpus=4", "5 CPUs at start, but maxcpus is 4" },
    { "1,maxcpus=4,sockets=3",
      "sockets (3) × dies (1) × cores (1) × threads (1) = 3, but maxcpus is 4" },
    { "4,sockets=2,dies=2,cores=2,threads=2",
      "sockets (2) × dies (2) × cores (2) × threads (2) = 16, but maxcpus is 4" },
    { "sockets=32768,dies=32768,cores=32768,threads=32768",
      "= 1152921504606846976; at most 32768" },
    { "sockets=32768,cores=32768", "× cores (32768) × threads (1) = 1073741824; at most 32768" },
    { "sockets=32769", "from 1 to 32768" },
    { "sockets=16385,threads=2", "= 32770; at most 32768, as APIC IDs have 15 bits" },
};

START_TEST(refuses)
{
    struct smp smp;
    struct cpuctl_error error = { 0 };

    ck_assert_int_eq(smp_parse(bad[_i].text, &smp, &error), -EINVAL);
    ck_assert_msg(strstr(error.text, bad[_i].sentence) != NULL, "%s: %s", bad[_i].text, error.text);
}
END_TEST

START_TEST(places_and_indexes)
{
    struct smp smp;
    struct smp_place beyond = { .socket = 2 };

    ck_assert_int_eq(smp_parse("sockets=2,dies=2,cores=3,threads=2", &smp, NULL), 0);
    for (unsigned int i = 0; i < smp.maxcpus; i++) {
        struct smp_place place = smp_place(&smp, i);

        ck_assert_int_eq(smp_index(&smp, &place), (int)i);
        if (i > 0)
            ck_assert_uint_gt(smp_apic_id(&smp, i), smp_apic_id(&smp, i - 1));
    }
    ck_assert_int_eq(smp_index(&smp, &beyond), -ENOENT);
}
END_TEST

/* Three cores take two bits: every fourth core's IDs belong to nobody. */
START_TEST(ids_have_fields_of_whole_bits)
{
    struct smp smp;

    ck_assert_int_eq(smp_parse("sockets=2,dies=2,cores=3,threads=2", &smp, NULL), 0);
    ck_assert_uint_eq(smp_core_shift(&smp), 1);
    ck_assert_uint_eq(smp_die_shift(&smp), 3);
    ck_assert_uint_eq(smp_socket_shift(&smp), 4);
    ck_assert_uint_eq(smp_apic_id(&smp, 5), 5);   /* core 2, thread 1 */
    ck_assert_uint_eq(smp_apic_id(&smp, 6), 8);   /* die 1 */
    ck_assert_uint_eq(smp_apic_id(&smp, 12), 16); /* socket 1 */
    ck_assert_uint_eq(smp_apic_id_max(&smp), 29);
}
END_TEST

START_TEST(one_thread_takes_no_bit)
{
    struct smp smp;

    ck_assert_int_eq(smp_parse("1,maxcpus=288,sockets=288", &smp, NULL), 0);
    ck_assert_uint_eq(smp_socket_shift(&smp), 0);
    ck_assert_uint_eq(smp_apic_id_max(&smp), 287);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("vmm-smp");
    TCase *core = tcase_create("smp");

    tcase_add_loop_test(core, accepts, 0, sizeof(good) / sizeof(good[0]));
    tcase_add_loop_test(core, refuses, 0, sizeof(bad) / sizeof(bad[0]));
    tcase_add_test(core, places_and_indexes);
    tcase_add_test(core, ids_have_fields_of_whole_bits);
    tcase_add_test(core, one_thread_takes_no_bit);
    suite_add_tcase(suite, core);
    return suite;
}
