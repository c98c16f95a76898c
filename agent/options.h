/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line: qemu-ga's option letters where the meaning is the same. */
#ifndef AGENT_OPTIONS_H
#define AGENT_OPTIONS_H

#include <stdio.h>

#include "agent/config.h"

/** What the command line asks for. */
enum options_action {
    OPTIONS_RUN,
    OPTIONS_HELP,
    OPTIONS_VERSION,
    OPTIONS_DUMP,         /**< print the configuration */
    OPTIONS_LIST_COMMANDS /**< -b help */
};

/**
 * Reads the config file (the one that -c names, else the default one if it is there), then the
 * options, of which the last of a kind wins and lists accumulate. Returns an enum options_action,
 * or a negative errno with @error filled.
 */
int options_parse(int argc, char *argv[], struct config *config, struct cpuctl_error *error);
/** Writes the help text. */
void options_help(FILE *out);

#endif
