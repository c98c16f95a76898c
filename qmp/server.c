/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What all clients of a command server share: the table and the lists. */
#include "server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "server-internal.h"

static void free_list(char **list)
{
    for (size_t i = 0; list && list[i]; i++)
        free(list[i]);
    free(list);
}

static int copy_list(const char *const *list, char ***ret_copy)
{
    size_t count = 0;
    char **copy;

    while (list[count])
        count++;
    copy = calloc(count + 1, sizeof(*copy));
    if (!copy)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        copy[i] = strdup(list[i]);
        if (!copy[i]) {
            free_list(copy);
            return -ENOMEM;
        }
    }
    *ret_copy = copy;
    return 0;
}

static bool is_listed(char *const *list, const char *name)
{
    for (; list && *list; list++)
        if (strcmp(*list, name) == 0)
            return true;
    return false;
}

DEFINE_CLEANUP(struct qmp_server *, qmp_server_free);

int qmp_server_new(const struct qmp_server_config *config, struct qmp_server **ret_server)
{
    _cleanup_(qmp_server_freep) struct qmp_server *server = calloc(1, sizeof(*server));
    int r;

    if (!server)
        return -ENOMEM;
    server->commands = config->commands;
    server->frame_limit = config->frame_limit ? config->frame_limit : QMP_FRAME_LIMIT_DEFAULT;
    server->admit = config->admit;
    server->foreign = config->foreign;
    server->foreign_user = config->foreign_user;
    server->not_found = config->not_found;
    server->user = config->user;
    if (config->allow) {
        r = copy_list(config->allow, &server->allow);
        if (r < 0)
            return r;
    }
    if (config->block) {
        r = copy_list(config->block, &server->block);
        if (r < 0)
            return r;
    }
    *ret_server = TAKE_PTR(server);
    return 0;
}

void qmp_server_free(struct qmp_server *server)
{
    if (!server)
        return;
    free_list(server->allow);
    free_list(server->block);
    free(server);
}

void *qmp_server_user(const struct qmp_server *server)
{
    return server->user;
}

const struct qmp_command *qmp_server_commands(const struct qmp_server *server)
{
    return server->commands;
}

const struct qmp_command *qmp_server_find(const struct qmp_server *server, const char *name)
{
    for (const struct qmp_command *command = server->commands; command->name; command++)
        if (strcmp(command->name, name) == 0)
            return command;
    return NULL;
}

bool qmp_server_is_enabled(const struct qmp_server *server, const char *name)
{
    if (is_listed(server->block, name))
        return false;
    return !server->allow || is_listed(server->allow, name);
}

int server_not_found(const struct qmp_server *server, const char *name, struct qmp_error *error)
{
    if (server->not_found)
        return qmp_error_set(error, QMP_COMMAND_NOT_FOUND, "%s", server->not_found);
    return qmp_error_set(error, QMP_COMMAND_NOT_FOUND, "The command %s has not been found", name);
}

int server_check(const struct qmp_server *server, const char *name,
                 const struct qmp_command *command, struct qmp_error *error)
{
    /* QEMU has one class for both (qapi/qmp-dispatch.c), and libvirt takes it as "unsupported" */
    if (!command && !server->foreign)
        return server_not_found(server, name, error);
    if (!qmp_server_is_enabled(server, name))
        return qmp_error_set(error, QMP_COMMAND_NOT_FOUND, "Command %s has been disabled", name);
    return server->admit ? server->admit(server->user, name, command, error) : 0;
}
