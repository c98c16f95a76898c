/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a guest says by _OST (ACPI 6.5 section 6.3.5): decoded by source and status. */
#ifndef VMM_OST_H
#define VMM_OST_H

#include <stdbool.h>
#include <stdint.h>

/** Sources of an _OST: what the guest reports on. */
enum ost_source {
    OST_BUS_CHECK = 0x0,
    OST_DEVICE_CHECK = 0x1,
    OST_EJECT_REQUEST = 0x3,
    OST_OSPM_EJECT = 0x103,
    OST_OSPM_INSERTION = 0x200,
};

/** What a status says about the request. */
enum ost_outcome {
    OST_SUCCESS,
    OST_IN_PROGRESS, /**< not a failure: the final status follows */
    OST_FAILURE,     /**< also what ACPI reserves */
};

/** Whether the source is about a removal. */
bool ost_is_removal(uint32_t source);
/** Whether it is about an insertion. */
bool ost_is_insertion(uint32_t source);
enum ost_outcome ost_outcome(uint32_t source, uint32_t status);
/** The source in words ("eject request"), or "unknown source". */
const char *ost_source_text(uint32_t source);
/** The status in words, which depend on the source; "reserved status" for what ACPI reserves. */
const char *ost_status_text(uint32_t source, uint32_t status);

#endif
