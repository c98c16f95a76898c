/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Message-signalled interrupts with 15-bit destination IDs.
 *
 * A guest that saw KVM_FEATURE_MSI_EXT_DEST_ID (CPUID 0x40000001 EAX bit 15) puts bits 14..8 of the
 * APIC ID into bits 11..5 of the address (in an I/O APIC entry: into bits 55..49). KVM does not
 * look there: it takes bits 31..8 from address bits 63..40 (KVM_CAP_X2APIC_API with USE_32BIT_IDS).
 * So every message is converted before KVM sees it.
 */
#ifndef VMM_MSI_H
#define VMM_MSI_H

#include <stdint.h>

#define MSI_ADDRESS_BASE 0xfee00000U
/** Bit 4: the message is in VT-d's remappable format, which has no destination ID. */
#define MSI_ADDRESS_REMAPPABLE (1U << 4)
#define MSI_ADDRESS_EXT_SHIFT  5
#define MSI_ADDRESS_EXT_MASK   0xfe0U

/** A message: where and what. */
struct msi {
    uint64_t address;
    uint32_t data;
};

/**
 * Moves the extended destination ID from bits 11..5 to bits 46..40 of @address. An address that has
 * anything in its upper half already, or is in the remappable format, or has no extended bits,
 * comes back as it is. Pure.
 */
uint64_t msi_convert_ext_dest(uint64_t address);

/**
 * The message that an I/O APIC redirection entry stands for (82093AA, 3.2.4; extended ID in
 * bits 55..49), not yet converted. Pure.
 */
struct msi msi_from_rte(uint64_t entry);

#endif
