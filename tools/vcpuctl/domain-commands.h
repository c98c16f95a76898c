/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The commands about domains and their life, and what they share. */
#ifndef VCPUCTL_DOMAIN_COMMANDS_H
#define VCPUCTL_DOMAIN_COMMANDS_H

#include "command.h"
#include "files.h"
#include "store.h"

extern const struct command domain_commands[];
extern const struct command life_commands[];

/**
 * Refuses --qmp and --agent for a command about the store. Returns EXIT_DONE, or EXIT_FAILED after
 * a message.
 */
int command_need_store(const struct tool *tool, const struct arguments *arguments);
/** Looks up the command's option "domain". Returns EXIT_DONE, or EXIT_FAILED after a message. */
int command_find_domain(struct tool *tool, const struct arguments *arguments,
                        struct domain **ret_domain);

int cmd_list(struct tool *tool, const struct arguments *arguments);
int cmd_dominfo(struct tool *tool, const struct arguments *arguments);
int cmd_edit(struct tool *tool, const struct arguments *arguments);
int cmd_console(struct tool *tool, const struct arguments *arguments);

#endif
