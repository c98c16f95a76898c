/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vcpuctl against whatever a VMM and a guest's agent say: reading, the sentences of status, a
 * resize. The first byte chooses what is asked for; the two after it say how much of the rest is
 * the VMM's, and what is left is the agent's. Properties: every call ends, with what fits together
 * or with an errno and a sentence; nothing that a terminal would act on is passed on.
 */
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "libcpuctl/cpuctl.h"
#include "tools/vcpuctl/resize.h"
#include "tools/vcpuctl/text.h"
#include "tools/vcpuctl/truth.h"

/* The longest input: each reply of an agent may cost a pause of 100 ms. */
#define INPUT_MAX 4096

/* In the place of libc's: an agent's first number is then always the same, and can be guessed. */
ssize_t getrandom(void *buffer, size_t size, unsigned int flags)
{
    (void)flags;
    memset(buffer, 0, size);
    return (ssize_t)size;
}

static void check(int r, const struct cpuctl_error *error)
{
    hold(r >= 0 || error->text[0]);
    for (const char *c = error->text; r < 0 && *c; c++)
        hold(!text_is_control(c));
}

/* A peer that has said @text and says nothing more; its end is to be closed. */
static struct qmp_client *peer(const uint8_t *text, size_t size, enum qmp_client_kind kind,
                               int *ret_end)
{
    struct qmp_client *client = NULL;
    struct qmp_error error = { 0 };
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
        return NULL;
    hold(send(fds[1], text, size, MSG_DONTWAIT) == (ssize_t)size);
    shutdown(fds[1], SHUT_WR);
    if (qmp_client_open(fds[0], "peer", kind, QMP_CLIENT_FOREVER, NULL, &client, &error) < 0)
        client = NULL;
    *ret_end = fds[1];
    return client;
}

static void look(struct vm *vm, const struct guest_cpus *guest)
{
    struct truth_row *rows = calloc(vm->n_vcpus, sizeof(*rows));
    char text[256];

    hold(rows);
    truth_look(vm, guest, rows);
    for (unsigned int i = 0; i < vm->n_vcpus; i++) {
        rows[i].requested = (enum truth)(i % 3);
        truth_sentence(&rows[i], text, sizeof(text));
        hold(memchr(text, '\0', sizeof(text)));
        hold(rows[i].guest_number < 0 || rows[i].present == TRUTH_YES);
    }
    free(rows);
}

static void resize(struct vm *vm, unsigned int options)
{
    struct resize resize = {
        .vm = vm, .timeout_usec = 20000, .no_wait = options & 1, .keep_partial = options & 2
    };
    struct cpuctl_error error = { 0 };
    int r = resize_plan_count(&resize, options >> 4, &error);

    check(r, &error);
    if (r >= 0) {
        hold((unsigned int)r == resize.n_vcpus && resize.n_vcpus <= vm->n_vcpus);
        r = resize_run(&resize, &error);
        hold(r <= 0);
        check(r, &error);
    }
    for (unsigned int i = 0; i < resize.n_vcpus; i++)
        hold(resize.vcpus[i].index < vm->n_vcpus &&
             *resize_outcome_name(&resize, &resize.vcpus[i]));
    resize_release(&resize);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(guest_cpus_release) struct guest_cpus guest = { 0 };
    _cleanup_(vm_freep) struct vm *vm = NULL;
    _cleanup_close_ int monitor_end = -1, agent_end = -1;
    struct cpuctl_error error = { 0 };
    size_t length;
    int r;

    if (size < 3 || size > INPUT_MAX)
        return 0;
    length = (size_t)(data[1] << 8 | data[2]);
    if (length > size - 3)
        length = size - 3;
    vm = calloc(1, sizeof(*vm));
    hold(vm);
    vm->kind = data[0] & 4 ? VM_CPUVMM : VM_QEMU;
    vm->kvm = true;
    vm->agent_timeout = VM_AGENT_TIMEOUT;
    vm->monitor = peer(data + 3, length, QMP_CLIENT_MONITOR, &monitor_end);
    if (!vm->monitor)
        return 0;
    if (data[0] & 8) {
        vm->agent_path = strdup("/nowhere/agent");
        vm->agent = peer(data + 3 + length, size - 3 - length, QMP_CLIENT_AGENT, &agent_end);
    }
    r = vm_read_vcpus(vm, &error);
    check(r, &error);
    if (r < 0)
        return 0;
    hold(vm->n_vcpus > 0 && vm_count_plugged(vm) <= vm->n_vcpus);
    r = vm->agent ? guest_read(vm, &guest, &error) : -ENODEV;
    if (vm->agent)
        check(r, &error);
    look(vm, r == 0 ? &guest : NULL);
    resize(vm, data[0]);
    return 0;
}
