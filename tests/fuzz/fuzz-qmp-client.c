/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The client against whatever a monitor or an agent says. The first byte chooses which, and how
 * many commands and waits for events follow. Properties: every call ends, with a value of the right
 * kind or with an errno and a sentence; what is broken stays broken.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "qmp/client.h"

static void check(struct qmp_client *client, int r, struct json_object *value,
                  const struct qmp_error *error)
{
    struct qmp_error again = { 0 };

    if (r == 0) {
        json_object_put(value);
        return;
    }
    hold(r < 0 && !value && memchr(error->desc, '\0', sizeof(error->desc)));
    if (r == -EPROTO || r == -ECONNRESET || r == -EMSGSIZE)
        hold(qmp_client_execute(client, "c", NULL, 0, NULL, &again) == r &&
             strcmp(again.desc, error->desc) == 0);
}

static void talk(struct qmp_client *client, unsigned int options)
{
    for (unsigned int i = 0; i < (options >> 1 & 3U) + 1; i++) {
        struct json_object *value = NULL;
        struct qmp_error error = { 0 };
        int r =
            qmp_client_execute(client, "query-cpus-fast", NULL, QMP_CLIENT_FOREVER, &value, &error);

        check(client, r, value, &error);
        if (options & 1)
            continue;
        value = NULL;
        r = qmp_client_wait_event(client, QMP_CLIENT_FOREVER, &value, &error);
        check(client, r, value, &error);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qmp_client *client = NULL;
    struct qmp_error error = { 0 };
    int fds[2];
    int r;

    if (size < 1 || size > 65536 || socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
        return 0;
    /* all of it is there at once and then the peer is gone: no wait is ever long */
    hold(send(fds[1], data + 1, size - 1, MSG_DONTWAIT) == (ssize_t)(size - 1));
    shutdown(fds[1], SHUT_WR);
    r = qmp_client_open(fds[0], "peer", data[0] & 1 ? QMP_CLIENT_AGENT : QMP_CLIENT_MONITOR,
                        QMP_CLIENT_FOREVER, NULL, &client, &error);
    hold(r <= 0 && (r == 0 ? !!client : !client && error.desc[0]));
    if (client)
        talk(client, data[0]);
    qmp_client_free(client);
    close(fds[1]);
    return 0;
}
