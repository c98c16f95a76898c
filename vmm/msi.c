/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Message-signalled interrupts with 15-bit destination IDs. */
#include "msi.h"

/* From address bits 11..5 to bits 46..40, which are address_hi bits 14..8. */
#define EXT_TO_HIGH 35

#define RTE_VECTOR         0xffU
#define RTE_DELIVERY_SHIFT 8
#define RTE_DELIVERY_MASK  7U
#define RTE_LOGICAL        (1ULL << 11)
#define RTE_LEVEL          (1ULL << 15)
#define RTE_REMAPPABLE     (1ULL << 48)
#define RTE_EXT_SHIFT      49
#define RTE_EXT_MASK       0x7fU
#define RTE_DEST_SHIFT     56

#define MSI_ADDRESS_LOGICAL    (1U << 2)
#define MSI_ADDRESS_DEST_SHIFT 12
#define MSI_DATA_LEVEL         (1U << 15)
#define MSI_DATA_ASSERT        (1U << 14)

uint64_t msi_convert_ext_dest(uint64_t address)
{
    uint64_t ext = address & MSI_ADDRESS_EXT_MASK;

    if (ext == 0 || (address & MSI_ADDRESS_REMAPPABLE) != 0 || address >> 32 != 0)
        return address;
    return (address & ~ext) | ext << EXT_TO_HIGH;
}

struct msi msi_from_rte(uint64_t entry)
{
    uint32_t ext = (uint32_t)(entry >> RTE_EXT_SHIFT) & RTE_EXT_MASK;
    struct msi msi = {
        .address = MSI_ADDRESS_BASE |
                   (uint32_t)(entry >> RTE_DEST_SHIFT) << MSI_ADDRESS_DEST_SHIFT |
                   ext << MSI_ADDRESS_EXT_SHIFT,
        .data = (uint32_t)(entry & RTE_VECTOR) |
                ((uint32_t)(entry >> RTE_DELIVERY_SHIFT) & RTE_DELIVERY_MASK) << RTE_DELIVERY_SHIFT,
    };

    if ((entry & RTE_LOGICAL) != 0)
        msi.address |= MSI_ADDRESS_LOGICAL;
    if ((entry & RTE_REMAPPABLE) != 0)
        msi.address |= MSI_ADDRESS_REMAPPABLE;
    if ((entry & RTE_LEVEL) != 0)
        msi.data |= MSI_DATA_LEVEL | MSI_DATA_ASSERT;
    return msi;
}
