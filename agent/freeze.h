/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frozen file systems. Between guest-fsfreeze-freeze and guest-fsfreeze-thaw, which the agent
 * behind us executes, whatever writes to a file sleeps until the thaw, and it is by us that the
 * thaw has to pass. So meanwhile nothing of the agent may write or wait for somebody who does.
 */
#ifndef AGENT_FREEZE_H
#define AGENT_FREEZE_H

#include <stdbool.h>

/** What a command has to do with freezing. */
enum freeze_role {
    FREEZE_NONE,
    FREEZE_FREEZE, /**< guest-fsfreeze-freeze, guest-fsfreeze-freeze-list */
    FREEZE_THAW,   /**< guest-fsfreeze-thaw */
    FREEZE_STATUS, /**< guest-fsfreeze-status */
};

enum freeze_role freeze_role(const char *command);

/** True for the commands that are answered or forwarded while file systems are frozen. */
bool freeze_is_safe(const char *command);

#endif
