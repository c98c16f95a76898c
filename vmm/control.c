/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The control socket: listening, and who is connected. */
#include "control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "control-internal.h"
#include "cpuctl.h"
#include "libcpuctl/cleanup.h"

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
    int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)source;
    (void)events;
    /* It may be gone already; and when file descriptors are short the VM goes on without it. */
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
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const char *path = control->config.path;
    char buffer[128];
    struct stat st;
    mode_t mask;
    int r;

    if (path[0] == '\0' || strlen(path) >= sizeof(address.sun_path))
        return cpuctl_error_set(error, -EINVAL,
                                "--qmp: the socket's path has %zu bytes, allowed are 1 to %zu "
                                "(unix(7))",
                                strlen(path), sizeof(address.sun_path) - 1);
    memcpy(address.sun_path, path, strlen(path));
    /* What a VMM that was killed left behind; anything but a socket is not ours to remove. */
    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
        (void)unlink(path);
    control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* Whoever may connect controls the VM. */
    mask = umask(0077);
    r = control->fd < 0 || bind(control->fd, (struct sockaddr *)&address, sizeof(address)) < 0
            ? -errno
            : 0;
    umask(mask);
    control->bound = r == 0;
    if (r == 0 && listen(control->fd, CONTROL_CLIENTS_MAX) < 0)
        r = -errno;
    if (r == 0)
        r = sd_event_add_io(control->event, &control->source, control->fd, EPOLLIN, on_connection,
                            control);
    if (r < 0)
        return cpuctl_error_set(error, r, "--qmp: can not listen at %s: %s", path,
                                strerror_r(-r, buffer, sizeof(buffer)));
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
    if (control->fd >= 0)
        close(control->fd);
    if (control->bound)
        (void)unlink(control->config.path);
    qmp_server_free(control->negotiation);
    qmp_server_free(control->server);
    for (unsigned int i = 0; control->devices && i < control->config.smp.maxcpus; i++)
        free(control->devices[i].id);
    free(control->devices);
    free(control->driver);
    free(control);
}
