/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The commands of cpuvmm's control socket and their arguments, on a VM that exists only as numbers.
 * Properties: each line that comes back is a JSON object and one of reply, error, event and
 * greeting; whatever a client sent, CPU 0 stays and the next client is answered.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "fuzz.h"
#include "libcpuctl/cpuctl.h"
#include "qmp/json.h"
#include "tests/unit/vmm-fake.h"
#include "vmm/control-internal.h"

#define READY "{\"execute\":\"qmp_capabilities\"}\n"
#define ASK   "{\"execute\":\"query-hotpluggable-cpus\",\"id\":4711}\n"
/* What is sent at once; the socket has room for it. */
#define INPUT_MAX   4096U
#define OUTPUT_SIZE (4U * 1024U * 1024U)
#define STEPS_MAX   100000U

struct client {
    int fd;
    size_t size;
    char output[OUTPUT_SIZE];
};

static void hear(sd_event *loop, struct fake_vm *vm, struct client *client)
{
    unsigned int steps = 0;

    for (;;) {
        int ran = sd_event_run(loop, 0) + fake_carry_out(vm);
        ssize_t n = read(client->fd, client->output + client->size, OUTPUT_SIZE - client->size);

        hold(ran >= 0 && steps++ < STEPS_MAX && client->size < OUTPUT_SIZE);
        if (n > 0)
            client->size += (size_t)n;
        else if (ran == 0)
            return;
    }
}

static void tell(sd_event *loop, struct fake_vm *vm, struct client *client, const void *data,
                 size_t size)
{
    ssize_t n = send(client->fd, data, size, MSG_NOSIGNAL);

    hold(n == (ssize_t)size || (n < 0 && errno == EPIPE));
    hear(loop, vm, client);
}

static void join(sd_event *loop, struct fake_vm *vm, unsigned int number, struct client *client)
{
    int pair[2];

    hold(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    hold(client_new(vm->control, pair[0], &vm->control->clients[number]) == 0);
    client->fd = pair[1];
    client->size = 0;
    tell(loop, vm, client, READY, strlen(READY));
}

static void check_line(const char *line, size_t size)
{
    static const char *const kinds[] = { "return", "error", "event", "QMP" };
    struct json_object *object = NULL, *member;
    struct qmp_error error = { 0 };
    unsigned int found = 0;

    hold(qmp_json_parse(line, size, &object, &error) == 0);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        found += json_object_object_get_ex(object, kinds[i], &member) ? 1 : 0;
    hold(found == 1);
    json_object_put(object);
}

static void check_lines(const struct client *client)
{
    const char *at = client->output, *end = at + client->size, *line_end;

    while (at < end) {
        line_end = memchr(at, '\n', (size_t)(end - at));
        hold(line_end);
        check_line(at, (size_t)(line_end - at));
        at = line_end + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static sd_event *loop;
    static struct client hostile, next;
    struct fake_vm vm = { .state = VM_RUNNING, .numa = true };
    struct control_config config = {
        .name = "fuzz",
        .model = "host",
        .smp = { .cpus = 2, .maxcpus = 8, .sockets = 2, .dies = 1, .cores = 2, .threads = 2 },
        .ops = &fake_ops,
        .vm = &vm,
    };

    if (!loop)
        hold(sd_event_new(&loop) >= 0);
    for (unsigned int i = 0; i < config.smp.cpus; i++)
        vm.cpus[i] = (struct control_cpu){ .present = true, .thread_id = 1000 + (int)i };
    hold(control_new(loop, &config, &vm.control, NULL) == 0);
    join(loop, &vm, 0, &hostile);
    tell(loop, &vm, &hostile, data, size < INPUT_MAX ? size : INPUT_MAX);
    check_lines(&hostile);
    hold(vm.cpus[0].present && vm.cpus[0].request == CPU_REQUEST_NONE);
    join(loop, &vm, 1, &next);
    tell(loop, &vm, &next, ASK, strlen(ASK));
    check_lines(&next);
    hold(memmem(next.output, next.size, "\"id\": 4711", strlen("\"id\": 4711")));
    control_free(vm.control);
    close(hostile.fd);
    close(next.fd);
    return 0;
}
