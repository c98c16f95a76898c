/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages with 15-bit destination IDs: every ID, every address, every kind of entry. */
#include "main.h"

#include <stdint.h>

#include "vmm/msi.h"

/* The address that Linux writes for an APIC ID (arch/x86/kernel/apic/msi.c). */
static uint64_t guest_address(uint32_t id)
{
    return MSI_ADDRESS_BASE | (id & 0xffU) << 12 | ((id >> 8) & 0x7fU) << 5;
}

/* The APIC ID that KVM reads from an address with USE_32BIT_IDS (kvm_set_msi_irq() in
 * arch/x86/kvm). */
static uint32_t kvm_destination(uint64_t address)
{
    return (uint32_t)(address >> 12 & 0xff) | ((uint32_t)(address >> 32) & 0xffffff00U);
}

START_TEST(every_id_arrives)
{
    for (uint32_t id = 0; id < 32768; id++) {
        uint64_t converted = msi_convert_ext_dest(guest_address(id));

        ck_assert_uint_eq(kvm_destination(converted), id);
        ck_assert_uint_eq(converted & 0xfff00000U, MSI_ADDRESS_BASE);
        ck_assert_uint_eq(converted & MSI_ADDRESS_EXT_MASK, 0);
    }
}
END_TEST

/* All values of the 20 bits that follow 0xFEE, with and without an upper half. */
START_TEST(every_address)
{
    for (uint32_t low = 0; low < 1U << 20; low++) {
        uint64_t address = MSI_ADDRESS_BASE | low, converted = msi_convert_ext_dest(address);
        uint32_t ext = low >> 5 & 0x7f;

        if (ext == 0 || (low & MSI_ADDRESS_REMAPPABLE) != 0) {
            ck_assert_uint_eq(converted, address);
        } else {
            ck_assert_uint_eq(converted >> 32, ext << 8);
            ck_assert_uint_eq((uint32_t)converted, (uint32_t)address & ~MSI_ADDRESS_EXT_MASK);
        }
        address |= 0x100ULL << 32;
        ck_assert_uint_eq(msi_convert_ext_dest(address), address);
    }
}
END_TEST

START_TEST(converting_twice_changes_nothing)
{
    for (uint32_t id = 0; id < 32768; id++) {
        uint64_t once = msi_convert_ext_dest(guest_address(id));

        ck_assert_uint_eq(msi_convert_ext_dest(once), once);
    }
}
END_TEST

START_TEST(entries_reach_every_id)
{
    for (uint32_t id = 0; id < 32768; id++) {
        uint64_t entry = (uint64_t)(id & 0xff) << 56 | (uint64_t)(id >> 8) << 49 | 0x31;
        struct msi msi = msi_from_rte(entry);

        ck_assert_uint_eq(msi.address, guest_address(id));
        ck_assert_uint_eq(msi.data, 0x31);
    }
}
END_TEST

static const struct {
    uint64_t entry;
    uint64_t address;
    uint32_t data;
} entries[] = {
    /* fixed, edge, physical */
    { 0x0200000000000030, 0xfee02000, 0x0030 },
    /* lowest priority, logical */
    { 0xff00000000000941, 0xfeeff004, 0x0141 },
    /* level: assert and trigger mode */
    { 0x0100000000008052, 0xfee01000, 0xc052 },
    /* NMI */
    { 0x0000000000000400, 0xfee00000, 0x0400 },
    /* remappable format: the bit is passed on, so that it is not converted */
    { 0x0003000000000030, 0xfee00030, 0x0030 },
    /* masked, polarity, remote IRR and delivery status are not part of a message */
    { 0x0000000000017030, 0xfee00000, 0x0030 },
};

START_TEST(entries_become_messages)
{
    struct msi msi = msi_from_rte(entries[_i].entry);

    ck_assert_uint_eq(msi.address, entries[_i].address);
    ck_assert_uint_eq(msi.data, entries[_i].data);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("vmm-msi");
    TCase *core = tcase_create("msi");

    tcase_add_test(core, every_id_arrives);
    tcase_add_test(core, every_address);
    tcase_add_test(core, converting_twice_changes_nothing);
    tcase_add_test(core, entries_reach_every_id);
    tcase_add_loop_test(core, entries_become_messages, 0, sizeof(entries) / sizeof(entries[0]));
    tcase_set_timeout(core, 60);
    suite_add_tcase(suite, core);
    return suite;
}
