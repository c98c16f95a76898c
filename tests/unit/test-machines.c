/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The guests of tests/fixtures: what is read of each must be what QEMU was told to make (the table
 * of shapes in tests/fixtures/record).
 */
#include "main.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cpuctl.h"
#include "identity.h"
#include "plan.h"
#include "root.h"
#include "tree.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
    const char *name;
    const char *present, *online;
    unsigned int threads, cores,
        sockets;                         /* threads of a core, cores of a socket, sockets: online */
    unsigned int dies, nodes;            /* in all, online */
    const char *vendor, *family, *model; /* of the CPU model */
    const char *hypervisor;
    const char *feature;
} guests[] = {
    { "smt-2-sockets", "0-7", "0-7", 2, 2, 2, 2, 1, "GenuineIntel", "15", "107", "QEMU TCG",
      "AMD-V" },
    { "dies-2", "0-15", "0-15", 2, 4, 2, 4, 1, "GenuineIntel", "15", "107", "QEMU TCG", "AMD-V" },
    { "nodes-4", "0-7", "0-7", 1, 2, 4, 4, 4, "GenuineIntel", "15", "107", "QEMU TCG", "AMD-V" },
    { "present-255", "0-254", "0-1,4-5,7", 1, 5, 1, 1, 1, "AuthenticAMD", "15", "107", "QEMU TCG",
      "AMD-V" },
    { "smt-holes", "0-7", "0,2-3,6", 2, 1, 2, 2, 1, "GenuineIntel", "15", "107", "QEMU TCG",
      "AMD-V" },
    { "isolated", "0-5", "0-5", 1, 6, 1, 1, 1, "AuthenticAMD", "15", "107", "QEMU TCG", "AMD-V" },
    { "hot-added", "0-2", "0,2", 1, 2, 1, 1, 1, "AuthenticAMD", "15", "107", "QEMU TCG", "AMD-V" },
    /* Linux 6.1 sees an AMD CPU's threads only with TOPOEXT, which QEMU's EPYC has not under TCG */
    { "epyc", "0-3", "0-3", 1, 4, 1, 1, 1, "AuthenticAMD", "23", "1", "QEMU TCG", "AMD-V" },
    { "opteron", "0-1", "0-1", 1, 1, 2, 2, 1, "AuthenticAMD", "16", "2", "QEMU TCG", "AMD-V" },
    { "sandybridge", "0-3", "0-3", 2, 2, 1, 1, 1, "GenuineIntel", "6", "42", "QEMU TCG", NULL },
    { "westmere", "0-2", "0-2", 1, 1, 3, 3, 1, "GenuineIntel", "6", "44", "QEMU TCG", NULL },
    { "haswell", "0-1", "0-1", 1, 2, 1, 1, 1, "GenuineIntel", "6", "60", "QEMU TCG", NULL },
    { "bare", "0-1", "0-1", 1, 2, 1, 1, 1, "GenuineIntel", "6", "26", NULL, NULL },
    { "svm", "0", "0", 1, 1, 1, 1, 1, "AuthenticAMD", "15", "107", "QEMU TCG", "AMD-V" },
};

static void assert_text(const char *what, const char *value, const char *expected)
{
    ck_assert_msg(value == expected || (value && expected && !strcmp(value, expected)),
                  "%s is \"%s\", not \"%s\"", what, value ? value : "(none)",
                  expected ? expected : "(none)");
}

static void assert_field(const struct cpuctl_identity *identity, enum cpuctl_field field,
                         const char *expected)
{
    assert_text(cpuctl_field_name(field), cpuctl_identity_get(identity, 0, field), expected);
}

static void assert_mask(const struct cpuctl_state *state, enum cpuctl_mask mask,
                        const char *expected)
{
    _cleanup_free_ char *text = cpuctl_set_format_list(cpuctl_state_get(state, mask));

    assert_text("a mask", text, expected);
}

/** One machine, read as a whole. */
struct machine {
    char *tree, *path;
    struct cpuctl_root *root;
    struct cpuctl_state *state;
    struct cpuctl_topology *topology;
    struct cpuctl_identity *identity;
};

static void machine_read(struct machine *machine, const char *name)
{
    struct cpuctl_error error = { 0 };

    machine->path = tree_unpack(name, &machine->tree);
    ck_assert_ptr_nonnull(machine->path);
    machine->root = tree_root(machine->path, false);
    ck_assert_msg(cpuctl_state_read(machine->root, &machine->state, &error) == 0, "%s", error.text);
    ck_assert_msg(cpuctl_topology_read(machine->root, machine->state,
                                       CPUCTL_TOPOLOGY_CACHES | CPUCTL_TOPOLOGY_CLUSTERS,
                                       &machine->topology, &error) == 0,
                  "%s", error.text);
    ck_assert_msg(cpuctl_identity_read(machine->root, machine->state, CPUCTL_IDENTITY_ALL,
                                       &machine->identity, &error) == 0,
                  "%s", error.text);
}

static void machine_release(struct machine *machine)
{
    cpuctl_identity_free(machine->identity);
    cpuctl_topology_free(machine->topology);
    cpuctl_state_free(machine->state);
    cpuctl_root_free(machine->root);
    free(machine->path);
    tree_free(machine->tree);
}

START_TEST(shape)
{
    _cleanup_(machine_release) struct machine machine = { .tree = NULL };
    struct cpuctl_counts counts = { 0 };

    machine_read(&machine, guests[_i].name);
    assert_mask(machine.state, CPUCTL_PRESENT, guests[_i].present);
    assert_mask(machine.state, CPUCTL_ONLINE, guests[_i].online);
    ck_assert_int_eq(cpuctl_identity_counts(machine.identity, machine.topology, 0, &counts), 0);
    ck_assert_uint_eq(counts.threads_per_core, guests[_i].threads);
    ck_assert_uint_eq(counts.cores_per_socket, guests[_i].cores);
    ck_assert_uint_eq(counts.sockets, guests[_i].sockets);
    ck_assert_uint_eq(counts.books, 0);
    ck_assert_uint_eq(cpuctl_topology_count(machine.topology, CPUCTL_DIE), guests[_i].dies);
    ck_assert_uint_eq(cpuctl_topology_count(machine.topology, CPUCTL_NODE), guests[_i].nodes);
    ck_assert_int_eq(cpuctl_identity_counts(machine.identity, machine.topology, 1, &counts),
                     -ERANGE);
}
END_TEST

START_TEST(processor)
{
    _cleanup_(machine_release) struct machine machine = { .tree = NULL };

    machine_read(&machine, guests[_i].name);
    ck_assert_uint_eq(cpuctl_identity_types(machine.identity), 1);
    assert_field(machine.identity, CPUCTL_ARCHITECTURE, "x86_64");
    assert_field(machine.identity, CPUCTL_OP_MODES, "32-bit, 64-bit");
    assert_field(machine.identity, CPUCTL_BYTE_ORDER, "Little Endian");
    assert_field(machine.identity, CPUCTL_VENDOR, guests[_i].vendor);
    assert_field(machine.identity, CPUCTL_FAMILY, guests[_i].family);
    assert_field(machine.identity, CPUCTL_MODEL, guests[_i].model);
    assert_field(machine.identity, CPUCTL_HYPERVISOR_VENDOR, guests[_i].hypervisor);
    assert_field(machine.identity, CPUCTL_VIRTUALIZATION_TYPE,
                 guests[_i].hypervisor ? "full" : NULL);
    assert_field(machine.identity, CPUCTL_VIRT_FEATURE, guests[_i].feature);
    assert_field(machine.identity, CPUCTL_BIOS_VENDOR, "QEMU");
}
END_TEST

/** The APIC IDs of these guests have no gaps, as all their counts are powers of two or in the last
 * place. */
START_TEST(apic_ids)
{
    _cleanup_(machine_release) struct machine machine = { .tree = NULL };

    machine_read(&machine, guests[_i].name);
    cpuctl_set_foreach (cpu, cpuctl_state_get(machine.state, CPUCTL_PRESENT)) {
        bool online =
            cpuctl_set_has(cpuctl_state_get(machine.state, CPUCTL_ONLINE), (unsigned int)cpu);
        struct cpuctl_cpu_identity told;

        ck_assert_int_eq(cpuctl_identity_cpu(machine.identity, (unsigned int)cpu, &told), 0);
        ck_assert_msg(told.apic_id == (online ? cpu : -1), "APIC ID of CPU %d is %d", cpu,
                      (int)told.apic_id);
    }
}
END_TEST

/** The dump of CPUID and the kernel's cpuinfo are two witnesses of the same CPU. */
START_TEST(cpuid_agrees_with_cpuinfo)
{
    static const enum cpuctl_field fields[] = { CPUCTL_VENDOR,     CPUCTL_FAMILY,
                                                CPUCTL_MODEL,      CPUCTL_STEPPING,
                                                CPUCTL_MODEL_NAME, CPUCTL_ADDRESS_SIZES };
    _cleanup_(machine_release) struct machine machine = { .tree = NULL };
    _cleanup_(cpuctl_identity_freep) struct cpuctl_identity *without = NULL;

    machine_read(&machine, guests[_i].name);
    tree_remove(machine.path, "cpuid");
    ck_assert_int_eq(
        cpuctl_identity_read(machine.root, machine.state, CPUCTL_IDENTITY_ALL, &without, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
        assert_field(without, fields[i], cpuctl_identity_get(machine.identity, 0, fields[i]));
    assert_field(without, CPUCTL_HYPERVISOR_VENDOR, NULL);
}
END_TEST

START_TEST(isolated_cpus)
{
    _cleanup_(machine_release) struct machine machine = { .tree = NULL };

    machine_read(&machine, "isolated");
    assert_mask(machine.state, CPUCTL_ISOLATED, "2-3,5");
}
END_TEST

static void assert_group(const struct cpuctl_topology *topology, enum cpuctl_level level,
                         unsigned int index, const char *expected)
{
    const struct cpuctl_set *group = cpuctl_topology_group(topology, level, index);
    _cleanup_free_ char *text = group ? cpuctl_set_format_list(group) : NULL;

    assert_text("a group", text, expected);
}

/** Arm: one socket of two clusters of two cores, the cores being numbered anew in each cluster. */
START_TEST(clusters)
{
    static const char *const cores[] = { "0-1", "2-3", "4-5", "6-7", NULL };
    _cleanup_(machine_release) struct machine machine = { .tree = NULL };
    struct cpuctl_counts counts = { 0 };
    int id = -1;

    machine_read(&machine, "clusters");
    assert_mask(machine.state, CPUCTL_ONLINE, "0-7");
    ck_assert_uint_eq(cpuctl_topology_count(machine.topology, CPUCTL_CLUSTER), 2);
    assert_group(machine.topology, CPUCTL_CLUSTER, 0, "0-3");
    assert_group(machine.topology, CPUCTL_CLUSTER, 1, "4-7");
    ck_assert_uint_eq(cpuctl_topology_count(machine.topology, CPUCTL_CORE), 4);
    for (unsigned int i = 0; i < ARRAY_SIZE(cores); i++)
        assert_group(machine.topology, CPUCTL_CORE, i, cores[i]);
    assert_group(machine.topology, CPUCTL_SOCKET, 0, "0-7");
    ck_assert_uint_eq(cpuctl_topology_count(machine.topology, CPUCTL_SOCKET), 1);
    ck_assert_uint_eq(cpuctl_topology_count(machine.topology, CPUCTL_DIE), 0);
    ck_assert_int_eq(cpuctl_topology_index(machine.topology, CPUCTL_CORE, 5), 2);
    ck_assert_int_eq(cpuctl_topology_physical_id(machine.topology, CPUCTL_CORE, 5, &id), 0);
    ck_assert_int_eq(id, 0);
    ck_assert_int_eq(cpuctl_topology_physical_id(machine.topology, CPUCTL_CLUSTER, 5, &id), 0);
    ck_assert_int_eq(id, 1);
    ck_assert_int_eq(cpuctl_identity_counts(machine.identity, machine.topology, 0, &counts), 0);
    ck_assert_uint_eq(counts.threads_per_core, 2);
    ck_assert_uint_eq(counts.cores_per_socket, 4);
    ck_assert_uint_eq(counts.sockets, 1);
    assert_field(machine.identity, CPUCTL_ARCHITECTURE, "aarch64");
    assert_field(machine.identity, CPUCTL_VENDOR, "ARM");
    assert_field(machine.identity, CPUCTL_MODEL_NAME, "Cortex-A72");
    assert_field(machine.identity, CPUCTL_STEPPING, "r0p3");
}
END_TEST

/** CPU 0 can go offline on Arm and is never chosen all the same; cores go as a whole. */
START_TEST(choice_in_clusters)
{
    static const unsigned int falling[] = { 7, 6, 5, 4, 3, 2, 1 };
    _cleanup_(machine_release) struct machine machine = { .tree = NULL };

    machine_read(&machine, "clusters");
    ck_assert_int_eq(cpuctl_can_offline(machine.root, 0), 1);
    for (unsigned int count = 1; count <= 8; count++) {
        _cleanup_(cpuctl_plan_freep) struct cpuctl_plan *plan = NULL;

        ck_assert_int_eq(cpuctl_plan_count(machine.root, count, 0, &plan, NULL), 0);
        ck_assert_uint_eq(cpuctl_plan_size(plan), 8 - count);
        for (size_t i = 0; i < cpuctl_plan_size(plan); i++) {
            const struct cpuctl_plan_entry *entry = cpuctl_plan_get(plan, i);

            ck_assert_uint_eq(entry->cpu, falling[i]);
            ck_assert(!entry->online && !entry->skipped);
        }
    }
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("machines");
    TCase *all = tcase_create("guests");

    tcase_add_loop_test(all, shape, 0, ARRAY_SIZE(guests));
    tcase_add_loop_test(all, processor, 0, ARRAY_SIZE(guests));
    tcase_add_loop_test(all, apic_ids, 0, ARRAY_SIZE(guests));
    tcase_add_loop_test(all, cpuid_agrees_with_cpuinfo, 0, ARRAY_SIZE(guests));
    tcase_add_test(all, isolated_cpus);
    tcase_add_test(all, clusters);
    tcase_add_test(all, choice_in_clusters);
    suite_add_tcase(suite, all);
    return suite;
}
