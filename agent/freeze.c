/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frozen file systems: which commands matter. */
#include "agent/freeze.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *name;
    enum freeze_role role;
} safe_commands[] = {
    /* as in qemu-ga (qga/main.c), which refuses all others while frozen … */
    { "guest-ping", FREEZE_NONE },
    { "guest-info", FREEZE_NONE },
    { "guest-sync", FREEZE_NONE },
    { "guest-sync-delimited", FREEZE_NONE },
    { "guest-fsfreeze-status", FREEZE_STATUS },
    { "guest-fsfreeze-thaw", FREEZE_THAW },
    /* … and the ones that it refuses better than we could, since it knows what is frozen */
    { "guest-fsfreeze-freeze", FREEZE_FREEZE },
    { "guest-fsfreeze-freeze-list", FREEZE_FREEZE },
};

enum freeze_role freeze_role(const char *command)
{
    for (size_t i = 0; i < sizeof(safe_commands) / sizeof(safe_commands[0]); i++)
        if (strcmp(safe_commands[i].name, command) == 0)
            return safe_commands[i].role;
    return FREEZE_NONE;
}

bool freeze_is_safe(const char *command)
{
    for (size_t i = 0; i < sizeof(safe_commands) / sizeof(safe_commands[0]); i++)
        if (strcmp(safe_commands[i].name, command) == 0)
            return true;
    return false;
}
