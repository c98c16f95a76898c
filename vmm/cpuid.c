/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CPUID table that all vCPUs have in common: a model, intersected with what KVM supports. */
#include "cpuid.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpuctl.h"
#include "cpuid-table.h"
#include "fail.h"
#include "kvm.h"
#include "libcpuctl/cleanup.h"

/* Registers that are nothing but feature flags; a named model has only those that it names. */
static const struct {
    uint32_t leaf, subleaf;
    enum cpuid_register reg;
} flag_words[] = {
    { 1, 0, CPUID_ECX },          { 1, 0, CPUID_EDX },          { 7, 0, CPUID_EBX },
    { 7, 0, CPUID_ECX },          { 7, 0, CPUID_EDX },          { 7, 1, CPUID_EAX },
    { 7, 1, CPUID_EDX },          { 7, 2, CPUID_EDX },          { 0xd, 1, CPUID_EAX },
    { 0x80000001, 0, CPUID_ECX }, { 0x80000001, 0, CPUID_EDX }, { 0x80000008, 0, CPUID_EBX },
};

/* What every guest here has, whatever its model: the VMM's and KVM's own. */
static const char *const always[] = { "x2apic", "hypervisor", "tsc-deadline", "apic" };

uint32_t *cpuid_register(struct kvm_cpuid_entry2 *entry, enum cpuid_register reg)
{
    uint32_t *const registers[] = { &entry->eax, &entry->ebx, &entry->ecx, &entry->edx };

    return registers[reg];
}

struct kvm_cpuid_entry2 *cpuid_find(struct kvm_cpuid2 *table, uint32_t leaf, uint32_t subleaf)
{
    for (uint32_t i = 0; i < table->nent; i++) {
        struct kvm_cpuid_entry2 *entry = &table->entries[i];

        if (entry->function == leaf &&
            ((entry->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) == 0 || entry->index == subleaf))
            return entry;
    }
    return NULL;
}

struct kvm_cpuid_entry2 *cpuid_add(struct kvm_cpuid2 *table, uint32_t leaf, int subleaf)
{
    struct kvm_cpuid_entry2 *entry = &table->entries[table->nent++];

    *entry = (struct kvm_cpuid_entry2){
        .function = leaf,
        .index = subleaf >= 0 ? (uint32_t)subleaf : 0,
        .flags = subleaf >= 0 ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
    };
    return entry;
}

void cpuid_remove(struct kvm_cpuid2 *table, uint32_t leaf)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < table->nent; i++)
        if (table->entries[i].function != leaf)
            table->entries[kept++] = table->entries[i];
    table->nent = kept;
}

uint32_t cpuid_get(const struct kvm_cpuid2 *table, uint32_t leaf, uint32_t subleaf,
                   enum cpuid_register reg)
{
    /* Both only look; the copy of the pointer keeps one search function for both uses. */
    struct kvm_cpuid_entry2 *entry =
        cpuid_find((struct kvm_cpuid2 *)(uintptr_t)table, leaf, subleaf);

    return entry ? *cpuid_register(entry, reg) : 0;
}

static const struct cpuid_feature *find_feature(const char *name, size_t length)
{
    for (size_t i = 0; i < cpuid_features_count; i++)
        if (strlen(cpuid_features[i].name) == length &&
            memcmp(cpuid_features[i].name, name, length) == 0)
            return &cpuid_features[i];
    return NULL;
}

/* A bit with two names has them in two rows, one after the other. */
static bool is_second_name(size_t row)
{
    const struct cpuid_feature *feature = &cpuid_features[row];

    return row > 0 && feature->leaf == feature[-1].leaf &&
           feature->subleaf == feature[-1].subleaf && feature->reg == feature[-1].reg &&
           feature->bit == feature[-1].bit;
}

static bool has(const struct kvm_cpuid2 *table, const struct cpuid_feature *feature)
{
    return (cpuid_get(table, feature->leaf, feature->subleaf, feature->reg) >> feature->bit & 1) !=
           0;
}

/* Sets or clears a feature; setting one whose leaf is not there does nothing. */
static void set(struct kvm_cpuid2 *table, const struct cpuid_feature *feature, bool on)
{
    struct kvm_cpuid_entry2 *entry = cpuid_find(table, feature->leaf, feature->subleaf);
    uint32_t *reg = entry ? cpuid_register(entry, feature->reg) : NULL;

    if (reg)
        *reg = on ? *reg | 1U << feature->bit : *reg & ~(1U << feature->bit);
}

static void set_by_name(struct kvm_cpuid2 *table, const char *name, bool on)
{
    const struct cpuid_feature *feature = find_feature(name, strlen(name));

    if (feature)
        set(table, feature, on);
}

static bool has_by_name(const struct kvm_cpuid2 *table, const char *name)
{
    const struct cpuid_feature *feature = find_feature(name, strlen(name));

    return feature && has(table, feature);
}

/* A table of what this VM can have: KVM's, and what KVM leaves to its user to offer. */
static struct kvm_cpuid2 *make_offer(const struct kvm_cpuid2 *supported, bool tsc_deadline,
                                     bool amd)
{
    size_t size = sizeof(*supported) +
                  (supported->nent + CPUID_ENTRIES_SPARE) * sizeof(supported->entries[0]);
    struct kvm_cpuid2 *offer = calloc(1, size);

    if (!offer)
        return NULL;
    memcpy(offer, supported, sizeof(*supported) + supported->nent * sizeof(supported->entries[0]));
    set_by_name(offer, "hypervisor", true);
    set_by_name(offer, "x2apic", true);
    set_by_name(offer, "msi-ext-dest-id", true);
    if (tsc_deadline)
        set_by_name(offer, "tsc-deadline", true);
    /* Without it Linux 6.1 does not read leaves 0xB and 0x1F on AMD
     * (early_init_amd_mc() in arch/x86/kernel/cpu/amd.c). */
    if (amd)
        set_by_name(offer, "topoext", true);
    return offer;
}

/* Adds @name to the list of missing features in @missing. */
static void note_missing(char *missing, size_t size, const char *name, size_t length)
{
    size_t used = strlen(missing);

    snprintf(missing + used, size - used, "%s%.*s", used > 0 ? ", " : "", (int)length, name);
}

/* Sets a feature that is asked for. Of a leaf that KVM does not have it needs one, for
 * check_offer() to find and name it. */
static void ask_for(struct kvm_cpuid2 *table, const struct cpuid_feature *feature)
{
    if (!cpuid_find(table, feature->leaf, feature->subleaf))
        cpuid_add(table, feature->leaf, (int)feature->subleaf);
    set(table, feature, true);
}

/* Leaves of @table only what @model names. */
static void restrict_to(struct kvm_cpuid2 *table, const struct kvm_cpuid2 *offer,
                        const struct cpuid_model *model)
{
    for (size_t i = 0; i < sizeof(flag_words) / sizeof(flag_words[0]); i++) {
        struct kvm_cpuid_entry2 *entry =
            cpuid_find(table, flag_words[i].leaf, flag_words[i].subleaf);

        if (entry)
            *cpuid_register(entry, flag_words[i].reg) = 0;
    }
    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
        set_by_name(table, always[i], has_by_name(offer, always[i]));
    for (const char *word = model->features; *word != '\0';) {
        size_t length = strcspn(word, " ");
        const struct cpuid_feature *feature = find_feature(word, length);

        if (feature)
            ask_for(table, feature);
        word += length + strspn(word + length, " ");
    }
}

/* Takes "+feature" or "-feature". */
static int apply_word(struct kvm_cpuid2 *table, const char *word, size_t length,
                      struct cpuctl_error *error)
{
    const struct cpuid_feature *feature = NULL;

    if (length > 1 && (word[0] == '+' || word[0] == '-'))
        feature = find_feature(word + 1, length - 1);
    if (!feature)
        return cpuctl_error_set(error, -EINVAL,
                                "--cpu: \"%.*s\" is not + or - and a known feature; see --cpu help",
                                (int)length, word);
    if (word[0] == '+')
        ask_for(table, feature);
    else
        set(table, feature, false);
    return 0;
}

/* Names whatever @table has and @offer has not. */
static int check_offer(const struct kvm_cpuid2 *table, const struct kvm_cpuid2 *offer,
                       const char *model, size_t length, struct cpuctl_error *error)
{
    char missing[256] = "";

    for (size_t i = 0; i < cpuid_features_count; i++) {
        const struct cpuid_feature *feature = &cpuid_features[i];

        if (!is_second_name(i) && has(table, feature) && !has(offer, feature))
            note_missing(missing, sizeof(missing), feature->name, strlen(feature->name));
    }
    if (missing[0] == '\0')
        return 0;
    return cpuctl_error_set(error, -ENOTSUP, "--cpu %.*s: this host's KVM does not support %s",
                            (int)length, model, missing);
}

static void set_brand(struct kvm_cpuid2 *table, const struct cpuid_model *model)
{
    char brand[48] = "";
    struct kvm_cpuid_entry2 *entry;

    if (model->signature != 0 && (entry = cpuid_find(table, 1, 0)))
        entry->eax = model->signature;
    if (!model->brand)
        return;
    memcpy(brand, model->brand, strlen(model->brand));
    for (uint32_t i = 0; i < 3; i++) {
        entry = cpuid_find(table, 0x80000002 + i, 0);
        if (!entry)
            continue;
        memcpy(&entry->eax, brand + i * 16, 4);
        memcpy(&entry->ebx, brand + i * 16 + 4, 4);
        memcpy(&entry->ecx, brand + i * 16 + 8, 4);
        memcpy(&entry->edx, brand + i * 16 + 12, 4);
    }
}

/* Leaf 0xD tells which state XSAVE saves: only what the features that are left use. */
static void restrict_xsave(struct kvm_cpuid2 *table)
{
    static const struct {
        const char *feature;
        uint32_t components;
    } uses[] = { { "xsave", 0x3 }, { "avx", 0x4 }, { "avx512f", 0xe0 }, { "pku", 0x200 } };
    struct kvm_cpuid_entry2 *main = cpuid_find(table, 0xd, 0);
    uint32_t mask = 0, size = 576; /* the legacy area and the header */

    if (!main)
        return;
    for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++)
        if (has_by_name(table, uses[i].feature))
            mask |= uses[i].components;
    if ((mask & 1) == 0) {
        cpuid_remove(table, 0xd);
        return;
    }
    main->eax &= mask;
    main->edx = 0;
    for (uint32_t i = 2; i < 32; i++) {
        struct kvm_cpuid_entry2 *entry = cpuid_find(table, 0xd, i);

        if (entry && (main->eax >> i & 1) == 0)
            entry->eax = entry->ebx = entry->ecx = entry->edx = 0;
        else if (entry && entry->ebx + entry->eax > size)
            size = entry->ebx + entry->eax;
    }
    main->ebx = main->ecx = size;
}

/* Applies "model,±feature,…" to @table. */
static int apply(struct kvm_cpuid2 *table, const struct kvm_cpuid2 *offer, const char *text,
                 struct cpuctl_error *error)
{
    size_t length = strcspn(text, ",");
    const struct cpuid_model *model = NULL;
    int r;

    for (size_t i = 0; i < cpuid_models_count; i++)
        if (strlen(cpuid_models[i].name) == length &&
            memcmp(cpuid_models[i].name, text, length) == 0)
            model = &cpuid_models[i];
    if (!model)
        return cpuctl_error_set(error, -EINVAL, "--cpu: there is no model \"%.*s\"; see --cpu help",
                                (int)length, text);
    if (model->features)
        restrict_to(table, offer, model);
    set_brand(table, model);
    for (const char *word = text + length; *word == ',';) {
        size_t size = strcspn(++word, ",");

        r = apply_word(table, word, size, error);
        if (r < 0)
            return r;
        word += size;
    }
    r = check_offer(table, offer, text, length, error);
    if (r < 0)
        return r;
    if (model->features || text[length] != '\0')
        restrict_xsave(table);
    return 0;
}

int cpuid_from(const struct kvm_cpuid2 *supported, bool tsc_deadline, const char *text,
               struct cpuid *ret_cpuid, struct cpuctl_error *error)
{
    static const char amd_vendor[] = "AuthenticAMD", hygon_vendor[] = "HygonGenuine";
    _cleanup_free_ struct kvm_cpuid2 *offer = NULL, *table = NULL;
    uint32_t vendor[3] = { cpuid_get(supported, 0, 0, CPUID_EBX),
                           cpuid_get(supported, 0, 0, CPUID_EDX),
                           cpuid_get(supported, 0, 0, CPUID_ECX) };
    bool amd = memcmp(vendor, amd_vendor, 12) == 0 || memcmp(vendor, hygon_vendor, 12) == 0;
    int r;

    offer = make_offer(supported, tsc_deadline, amd);
    table = make_offer(supported, tsc_deadline, amd);
    if (!offer || !table)
        return cpuctl_error_set(error, -ENOMEM, "memory is short");
    r = apply(table, offer, text, error);
    if (r < 0)
        return r;
    if (amd)
        set_by_name(table, "topoext", true);
    ret_cpuid->amd = amd;
    ret_cpuid->x2apic = has_by_name(table, "x2apic");
    ret_cpuid->ext_dest_id = (cpuid_get(table, 0x40000001, 0, CPUID_EAX) >> 15 & 1) != 0;
    ret_cpuid->table = TAKE_PTR(table);
    return 0;
}

int cpuid_new(const struct kvm_host *host, const char *text, struct cpuid *ret_cpuid,
              struct cpuctl_error *error)
{
    _cleanup_free_ struct kvm_cpuid2 *supported = NULL;
    int r = kvm_supported_cpuid(host, &supported);

    if (r < 0)
        return fail_system(error, r, "KVM does not tell what CPUID it supports");
    return cpuid_from(supported, kvm_check(host->fd, KVM_CAP_TSC_DEADLINE_TIMER) > 0, text,
                      ret_cpuid, error);
}

void cpuid_free(struct cpuid *cpuid)
{
    free(cpuid->table);
    cpuid->table = NULL;
}
