/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a guest says by _OST (ACPI 6.5 section 6.3.5): decoded by source and status. */
#include "ost.h"

#include <stddef.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Which table of statuses a source has. */
enum group { GROUP_ANY, GROUP_EJECT, GROUP_INSERT };

static const struct source {
    uint32_t source;
    enum group group;
    const char *name;
} sources[] = {
    { OST_BUS_CHECK, GROUP_ANY, "bus check" },
    { OST_DEVICE_CHECK, GROUP_ANY, "device check" },
    { OST_EJECT_REQUEST, GROUP_EJECT, "eject request" },
    { OST_OSPM_EJECT, GROUP_EJECT, "ejection initiated by the guest" },
    { OST_OSPM_INSERTION, GROUP_INSERT, "insertion processed by the guest" },
};

static const struct status {
    enum group group;
    uint32_t status;
    enum ost_outcome outcome;
    const char *meaning;
} statuses[] = {
    { GROUP_ANY, 0x00, OST_SUCCESS, "success" },
    { GROUP_ANY, 0x01, OST_FAILURE, "non-specific failure" },
    { GROUP_ANY, 0x02, OST_FAILURE, "unrecognized notify code" },
    { GROUP_EJECT, 0x80, OST_FAILURE, "the guest does not support ejecting the device" },
    { GROUP_EJECT, 0x81, OST_FAILURE, "the device is in use by an application" },
    { GROUP_EJECT, 0x82, OST_FAILURE, "the device is busy" },
    { GROUP_EJECT, 0x83, OST_FAILURE,
      "a device that has to be ejected first is busy or can not be ejected" },
    { GROUP_EJECT, 0x84, OST_IN_PROGRESS, "the ejection is in progress" },
    { GROUP_INSERT, 0x80, OST_IN_PROGRESS, "the insertion is in progress" },
    { GROUP_INSERT, 0x81, OST_FAILURE, "the device's driver could not be loaded" },
    { GROUP_INSERT, 0x82, OST_FAILURE, "the guest does not support inserting the device" },
};

static const struct source *find_source(uint32_t source)
{
    for (size_t i = 0; i < COUNT(sources); i++)
        if (sources[i].source == source)
            return &sources[i];
    return NULL;
}

static const struct status *find_status(uint32_t source, uint32_t status)
{
    const struct source *from = find_source(source);
    enum group group = from ? from->group : GROUP_ANY;

    for (size_t i = 0; i < COUNT(statuses); i++)
        if (statuses[i].status == status &&
            (statuses[i].group == GROUP_ANY || statuses[i].group == group))
            return &statuses[i];
    return NULL;
}

bool ost_is_removal(uint32_t source)
{
    return source == OST_EJECT_REQUEST || source == OST_OSPM_EJECT;
}

bool ost_is_insertion(uint32_t source)
{
    return source == OST_BUS_CHECK || source == OST_DEVICE_CHECK || source == OST_OSPM_INSERTION;
}

enum ost_outcome ost_outcome(uint32_t source, uint32_t status)
{
    const struct status *found = find_status(source, status);

    return found ? found->outcome : OST_FAILURE;
}

const char *ost_source_text(uint32_t source)
{
    const struct source *found = find_source(source);

    return found ? found->name : "unknown source";
}

const char *ost_status_text(uint32_t source, uint32_t status)
{
    const struct status *found = find_status(source, status);

    return found ? found->meaning : "reserved status";
}
