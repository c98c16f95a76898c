/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CPU models, and the topology leaves: they agree with the APIC IDs for every possible vCPU. */
#include "main.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cpuctl.h"
#include "vmm-agreement.h"
#include "vmm/cpuid.h"
#include "vmm/smp.h"

/* What a small KVM supports: leaves with the features of x86-64-v2. */
static struct kvm_cpuid2 *make_supported(bool amd)
{
    const struct kvm_cpuid_entry2 entries[] = {
        { .function = 0,
          .eax = 0xd,
          .ebx = amd ? 0x68747541 : 0x756e6547,
          .edx = amd ? 0x69746e65 : 0x49656e69,
          .ecx = amd ? 0x444d4163 : 0x6c65746e },
        { .function = 1, .eax = 0x800f12, .ebx = 0x800, .ecx = 0x80b82201, .edx = 0x078bfbff },
        { .function = 4, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX, .eax = amd ? 0 : 0x121 },
        { .function = 4,
          .index = 3,
          .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
          .eax = amd ? 0 : 0x163 },
        { .function = 7, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX },
        { .function = 0xb, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX },
        { .function = 0x40000001, .eax = 0x01000009 },
        { .function = 0x80000000, .eax = 0x80000008 },
        { .function = 0x80000001, .ecx = 0x1, .edx = 0x20100800 },
        { .function = 0x80000008, .eax = 0x3028 },
    };
    struct kvm_cpuid2 *table = calloc(1, sizeof(*table) + sizeof(entries));

    ck_assert_ptr_nonnull(table);
    table->nent = sizeof(entries) / sizeof(entries[0]);
    memcpy(table->entries, entries, sizeof(entries));
    return table;
}

static int make(bool amd, const char *text, struct cpuid *ret_cpuid, struct cpuctl_error *error)
{
    struct kvm_cpuid2 *supported = make_supported(amd);
    int r = cpuid_from(supported, true, text, ret_cpuid, error);

    free(supported);
    return r;
}

static const char *const shapes[] = {
    "1,maxcpus=1",
    "4,sockets=1,cores=2,threads=2",
    "1,sockets=2,dies=2,cores=3,threads=2,maxcpus=24",
    "1,maxcpus=1024,sockets=4,dies=1,cores=128,threads=2",
    "1,maxcpus=288,sockets=288",
    "1,maxcpus=1020,sockets=4,dies=3,cores=17,threads=5",
    "1,maxcpus=270,sockets=3,dies=10,cores=9",
    "255",
    "256",
};

static void read_table(void *data, uint32_t leaf, uint32_t subleaf, uint32_t ret_registers[4])
{
    for (enum cpuid_register reg = CPUID_EAX; reg <= CPUID_EDX; reg++)
        ret_registers[reg] = cpuid_get(data, leaf, subleaf, reg);
}

static bool plugged(void *opaque, unsigned int index)
{
    const struct smp *smp = opaque;

    return index < smp->cpus;
}

/* Two vendors, and a guest's kernel reads other leaves on each. */
START_TEST(leaves_and_tables_agree)
{
    const bool amd = _i % 2 != 0;
    struct acpi_config config = { .plugged = plugged };
    struct acpi_tables tables;
    struct cpuid cpuid;
    struct smp smp;

    ck_assert_int_eq(smp_parse(shapes[_i / 2], &smp, NULL), 0);
    ck_assert_int_eq(make(amd, "host", &cpuid, NULL), 0);
    ck_assert_int_eq(cpuid.amd, amd);
    for (unsigned int i = 0; i < smp.maxcpus; i++) {
        struct kvm_cpuid2 *table = cpuid_of_vcpu(&cpuid, &smp, i);

        ck_assert_ptr_nonnull(table);
        agreement_check_leaves(&smp, i, amd, read_table, table);
        ck_assert_uint_ge(cpuid_get(table, 0, 0, CPUID_EAX), 0x1f);
        ck_assert_uint_eq(cpuid_get(table, 1, 0, CPUID_EDX) >> 28 & 1, smp_socket_shift(&smp) > 0);
        free(table);
    }
    cpuid_free(&cpuid);
    config.smp = &smp;
    config.opaque = &smp;
    ck_assert_int_eq(acpi_tables_build(&config, &tables, NULL), 0);
    agreement_check_tables(&smp, &tables);
    acpi_tables_free(&tables);
}
END_TEST

START_TEST(dies_are_nodes_before_zen)
{
    struct smp smp;
    struct cpuid cpuid;

    ck_assert_int_eq(smp_parse("sockets=2,dies=2,cores=3,threads=2", &smp, NULL), 0);
    /* family 6, of AMD here */
    ck_assert_int_eq(make(true, "Westmere,-aes", &cpuid, NULL), 0);
    for (unsigned int i = 0; i < smp.maxcpus; i++) {
        struct kvm_cpuid2 *table = cpuid_of_vcpu(&cpuid, &smp, i);

        ck_assert_ptr_nonnull(table);
        for (unsigned int j = 0; j < table->nent; j++)
            ck_assert_uint_ne(table->entries[j].function, 0x1f);
        ck_assert_uint_eq(cpuid_get(table, 0xb, 1, CPUID_EDX), smp_apic_id(&smp, i));
        ck_assert_uint_eq(cpuid_get(table, 0x8000001e, 0, CPUID_ECX), 1U << 8 | i / 6);
        free(table);
    }
    cpuid_free(&cpuid);
}
END_TEST

static bool has(const struct cpuid *cpuid, uint32_t leaf, enum cpuid_register reg, unsigned int bit)
{
    return (cpuid_get(cpuid->table, leaf, 0, reg) >> bit & 1) != 0;
}

START_TEST(what_kvm_leaves_out_is_offered)
{
    struct cpuid cpuid;

    ck_assert_int_eq(make(true, "host", &cpuid, NULL), 0);
    ck_assert(cpuid.ext_dest_id);
    ck_assert(has(&cpuid, 0x40000001, CPUID_EAX, 15));
    ck_assert(has(&cpuid, 0x80000001, CPUID_ECX, 22)); /* TOPOEXT */
    ck_assert(has(&cpuid, 1, CPUID_ECX, 24));          /* TSC deadline */
    cpuid_free(&cpuid);
    ck_assert_int_eq(make(false, "host,-msi-ext-dest-id", &cpuid, NULL), 0);
    ck_assert(!cpuid.ext_dest_id);
    ck_assert(!has(&cpuid, 0x40000001, CPUID_EAX, 15));
    ck_assert(!has(&cpuid, 0x80000001, CPUID_ECX, 22));
    cpuid_free(&cpuid);
}
END_TEST

START_TEST(models_have_only_what_they_name)
{
    struct cpuid cpuid;

    ck_assert_int_eq(make(false, "x86-64-v2,-popcnt", &cpuid, NULL), 0);
    ck_assert(has(&cpuid, 1, CPUID_ECX, 20));  /* SSE4.2 */
    ck_assert(!has(&cpuid, 1, CPUID_ECX, 23)); /* POPCNT */
    ck_assert(has(&cpuid, 1, CPUID_ECX, 21));  /* x2APIC: every guest's */
    cpuid_free(&cpuid);
}
END_TEST

static const struct {
    const char *text;
    int code;
    const char *named;
} refusals[] = {
    { "x86-64-v3", -ENOTSUP, "avx2" },
    { "SandyBridge,-xsave", -ENOTSUP, "avx" },
    { "host,+avx512f", -ENOTSUP, "avx512f" },
    /* KVM has not even the leaf. */
    { "host,+invtsc", -ENOTSUP, "support invtsc" },
    { "host,+xsavec,+xsaveopt,-xsavec", -ENOTSUP, "support xsaveopt" },
    { "SandyBridge,-xsave,-avx", -ENOTSUP, "xsaveopt" },
    { "host,+nonsense", -EINVAL, "+nonsense" },
    { "host,popcnt", -EINVAL, "popcnt" },
    { "Nehalem", -EINVAL, "Nehalem" },
    { "", -EINVAL, "model" },
};

START_TEST(refusals_name_the_feature)
{
    struct cpuctl_error error = { 0 };
    struct cpuid cpuid;

    ck_assert_int_eq(make(false, refusals[_i].text, &cpuid, &error), refusals[_i].code);
    ck_assert_msg(strstr(error.text, refusals[_i].named) != NULL, "%s", error.text);
}
END_TEST

/* pni and sse3 are one bit. */
START_TEST(a_missing_bit_is_named_once)
{
    struct kvm_cpuid2 *supported = make_supported(false);
    struct cpuctl_error error = { 0 };
    struct cpuid cpuid;

    supported->entries[1].ecx &= ~1U;
    ck_assert_int_eq(cpuid_from(supported, true, "x86-64-v2", &cpuid, &error), -ENOTSUP);
    ck_assert_ptr_nonnull(strstr(error.text, "does not support pni"));
    ck_assert_ptr_null(strstr(error.text, "sse3"));
    free(supported);
}
END_TEST

START_TEST(every_model_names_known_features)
{
    for (size_t i = 0; i < cpuid_models_count; i++) {
        const char *word = cpuid_models[i].features;

        while (word && *word != '\0') {
            size_t length = strcspn(word, " ");
            bool known = false;

            for (size_t j = 0; j < cpuid_features_count; j++)
                known |= strlen(cpuid_features[j].name) == length &&
                         memcmp(cpuid_features[j].name, word, length) == 0;
            ck_assert_msg(known, "%s: %.*s", cpuid_models[i].name, (int)length, word);
            word += length + strspn(word + length, " ");
        }
    }
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("vmm-cpuid");
    TCase *core = tcase_create("cpuid");

    tcase_add_loop_test(core, leaves_and_tables_agree, 0, 2 * sizeof(shapes) / sizeof(shapes[0]));
    tcase_add_test(core, dies_are_nodes_before_zen);
    tcase_add_test(core, what_kvm_leaves_out_is_offered);
    tcase_add_test(core, models_have_only_what_they_name);
    tcase_add_loop_test(core, refusals_name_the_feature, 0, sizeof(refusals) / sizeof(refusals[0]));
    tcase_add_test(core, a_missing_bit_is_named_once);
    tcase_add_test(core, every_model_names_known_features);
    tcase_set_timeout(core, 60);
    suite_add_tcase(suite, core);
    return suite;
}
