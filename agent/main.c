/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cpuctl-agent: options, and the exit status. Everything else begins in agent.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/background.h"
#include "agent/commands.h"
#include "agent/log.h"
#include "agent/options.h"
#include "libcpuctl/cleanup.h"
#include "libcpuctl/cpuctl.h"

#define EXIT_USAGE 2 /* wrong options or a wrong config file: starting again is of no use */

static void list_commands(void)
{
    for (const struct qmp_command *command = agent_commands; command->name; command++)
        puts(command->name);
}

/* A name that nobody answers to would block nothing, and the administrator would not know. */
static void check_names(const struct config *config, const struct name_list *list, const char *key)
{
    for (size_t i = 0; i < list->count && !config->forward; i++) {
        const struct qmp_command *command = agent_commands;

        while (command->name && strcmp(command->name, list->names[i]) != 0)
            command++;
        if (!command->name)
            log_write(LOG_NOTICE, "%s: this agent has no command %s", key, list->names[i]);
    }
}

static int run(const struct config *config)
{
    struct cpuctl_error error = { 0 };
    _cleanup_close_ int pid_fd = -1;
    bool frozen = false;
    int r = 0;

    r = log_open(config->logfile, config->verbose, &error);
    if (r >= 0 && config->daemon)
        r = background_enter(&error);
    /* Standard error may have been a terminal, and was preferred to the journal then. */
    if (r >= 0 && config->daemon && !config->logfile)
        r = log_open(NULL, config->verbose, &error);
    if (r >= 0 && config->pidfile)
        r = pid_fd = background_write_pid(config->pidfile, &error);
    if (r >= 0) {
        check_names(config, &config->block_rpcs, "block-rpcs");
        check_names(config, &config->allow_rpcs, "allow-rpcs");
        r = agent_run(config, &frozen, &error);
    }
    /* The next agent takes a pid file over that nobody holds the lock of. */
    if (pid_fd >= 0 && !frozen)
        unlink(config->pidfile);
    if (r < 0)
        log_write(LOG_ERR, "%s", error.text);
    log_close();
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char *argv[])
{
    _cleanup_(config_done) struct config config = { 0 };
    struct cpuctl_error error = { 0 };
    int r = config_init(&config);

    if (r < 0) {
        fputs("cpuctl-agent: out of memory\n", stderr);
        return EXIT_FAILURE;
    }
    r = options_parse(argc, argv, &config, &error);
    if (r < 0) {
        fprintf(stderr, "cpuctl-agent: %s\n", error.text);
        return EXIT_USAGE;
    }
    switch ((enum options_action)r) {
    case OPTIONS_HELP:
        options_help(stdout);
        break;
    case OPTIONS_VERSION:
        puts("cpuctl-agent " PACKAGE_VERSION);
        break;
    case OPTIONS_DUMP:
        config_dump(&config, stdout);
        break;
    case OPTIONS_LIST_COMMANDS:
        list_commands();
        break;
    case OPTIONS_RUN:
        return run(&config);
    }
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
