/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The control socket: listening, and who is connected. */
#include "control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "control-internal.h"
#include "cpuctl.h"
#include "fail.h"
#include "libcpuctl/cleanup.h"
#include "listen.h"

#define NEGOTIATE "Expecting capabilities negotiation with 'qmp_capabilities'"

static void set_listening(struct control *control)
{
    bool room = false;

    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        room = room || !control->clients[i];
    sd_event_source_set_enabled(control->source, room ? SD_EVENT_ON : SD_EVENT_OFF);
}

void control_client_ended(struct control *control, struct control_client *client)
{
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (control->clients[i] == client)
            control->clients[i] = NULL;
    client_free(client);
    set_listening(control);
}

static int on_connection(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    struct control *control = userdata;
    int peer = listen_accept(fd);

    (void)source;
    (void)events;
    /* It may be gone already; and when files are short the VM goes on without it. */
    if (peer < 0)
        return 0;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (!control->clients[i]) {
            (void)client_new(control, peer, &control->clients[i]);
            break;
        }
    set_listening(control);
    return 0;
}

static int listen_at(struct control *control, struct cpuctl_error *error)
{
    const char *path = control->config.path;
    int r;

    control->fd = listen_unix("--qmp", path, CONTROL_CLIENTS_MAX, &control->file, error);
    if (control->fd < 0)
        return control->fd;
    r = sd_event_add_io(control->event, &control->source, control->fd, EPOLLIN, on_connection,
                        control);
    if (r < 0)
        return fail_system(error, r, "--qmp: can not listen at %s", path);
    return 0;
}

/* What the commands stand on. */
static int prepare(struct control *control)
{
    const struct qmp_server_config negotiation = {
        .commands = control_negotiation_commands,
        .not_found = NEGOTIATE,
        .user = control,
    };
    const struct qmp_server_config server = { .commands = control_commands, .user = control };
    const char *model = control->config.model;
    int r;

    if (asprintf(&control->driver, "%.*s-x86_64-cpu", (int)strcspn(model, ","), model) < 0) {
        control->driver = NULL;
        return -ENOMEM;
    }
    control->devices = calloc(control->config.smp.maxcpus, sizeof(control->devices[0]));
    if (!control->devices)
        return -ENOMEM;
    r = qmp_server_new(&negotiation, &control->negotiation);
    return r < 0 ? r : qmp_server_new(&server, &control->server);
}

DEFINE_CLEANUP(struct control *, control_free);

int control_new(struct sd_event *event, const struct control_config *config,
                struct control **ret_control, struct cpuctl_error *error)
{
    _cleanup_(control_freep) struct control *control = calloc(1, sizeof(*control));
    int r;

    if (!control)
        return cpuctl_error_set(error, -ENOMEM, "memory is short");
    control->config = *config;
    control->event = event;
    control->fd = -1;
    r = prepare(control);
    if (r < 0)
        return cpuctl_error_set(error, r, "memory is short");
    if (config->path) {
        r = listen_at(control, error);
        if (r < 0)
            return r;
    }
    *ret_control = TAKE_PTR(control);
    return 0;
}

void control_free(struct control *control)
{
    if (!control)
        return;
    sd_event_source_disable_unref(control->source);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        client_free(control->clients[i]);
    if (control->fd >= 0) {
        socket_file_remove(control->config.path, &control->file);
        close(control->fd);
    }
    qmp_server_free(control->negotiation);
    qmp_server_free(control->server);
    for (unsigned int i = 0; control->devices && i < control->config.smp.maxcpus; i++)
        free(control->devices[i].id);
    free(control->devices);
    free(control->driver);
    free(control);
}
