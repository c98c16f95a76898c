/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* guest-get-vcpus and guest-set-vcpus, as qga/qapi-schema.json defines them. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/apply.h"
#include "agent/audit.h"
#include "agent/commands.h"
#include "agent/log.h"
#include "agent/reply.h"
#include "agent/worker.h"
#include "libcpuctl/cpuctl.h"

DEFINE_CLEANUP(struct cpuctl_state *, cpuctl_state_free);

/*
 * Appends one element. The reply is put together from pieces of text: with some hundred CPUs, a
 * tree of objects, or printf(), would take several times as long as the rest of the command.
 */
static int write_vcpu(struct qmp_buffer *text, int cpu, bool online, bool can_offline)
{
    static const char *const pieces[2][2] = {
        { "{\"online\": false, \"can-offline\": false, \"logical-id\": ",
          "{\"online\": false, \"can-offline\": true, \"logical-id\": " },
        { "{\"online\": true, \"can-offline\": false, \"logical-id\": ",
          "{\"online\": true, \"can-offline\": true, \"logical-id\": " },
    };
    const char *piece = pieces[online][can_offline];
    char number[16];
    size_t at = sizeof(number);
    int r = 0;

    number[--at] = '}';
    do {
        number[--at] = (char)('0' + cpu % 10);
        cpu /= 10;
    } while (cpu > 0);
    if (text->size > 1)
        r = qmp_buffer_append(text, ", ", 2);
    if (r >= 0)
        r = qmp_buffer_append(text, piece, strlen(piece));
    return r < 0 ? r : qmp_buffer_append(text, number + at, sizeof(number) - at);
}

static int write_vcpus(struct agent *agent, const struct cpuctl_state *state,
                       struct qmp_buffer *text)
{
    const struct cpuctl_set *online = cpuctl_state_get(state, CPUCTL_ONLINE);
    int r = qmp_buffer_append(text, "[", 1);

    cpuctl_set_foreach (cpu, cpuctl_state_get(state, CPUCTL_PRESENT)) {
        int can_offline = cpuctl_can_offline(agent->root, (unsigned int)cpu);
        bool is_online = cpuctl_set_has(online, (unsigned int)cpu);

        if (r < 0)
            return r;
        /*
         * Unplugged since the masks were read. An offline CPU that can't be taken offline is one
         * too: libvirt refuses a reply in which there is such a CPU.
         */
        if (can_offline < 0 || (can_offline == 0 && !is_online))
            continue;
        r = write_vcpu(text, cpu, is_online, can_offline > 0);
    }
    return r < 0 ? r : qmp_buffer_append(text, "]", 1);
}

void command_get_vcpus(struct qmp_request *request, struct json_object *arguments)
{
    struct agent *agent = request_agent(request);
    _cleanup_(cpuctl_state_freep) struct cpuctl_state *state = NULL;
    _cleanup_(qmp_buffer_release) struct qmp_buffer text = { 0 };
    struct cpuctl_error error = { 0 };
    int r;

    if (!request_takes_nothing(request, arguments))
        return;
    r = cpuctl_state_read(agent->root, &state, &error);
    if (r >= 0) {
        r = write_vcpus(agent, state, &text);
        if (r < 0)
            cpuctl_error_set(&error, r, "%s", strerror(-r));
    }
    if (r < 0)
        qmp_request_fail(request, "%s", error.text);
    else
        qmp_request_return_text(request, &text);
}

/* One element of guest-set-vcpus. */
struct vcpu {
    int64_t id;
    bool online;
};

/* A guest-set-vcpus under way. */
struct batch {
    struct agent *agent;
    struct qmp_request *request;
    size_t size, done;
    struct vcpu vcpus[];
};

static int parse_vcpu(struct json_object *array, size_t index, struct vcpu *ret_vcpu,
                      struct qmp_error *error)
{
    static const char *const members[] = { "logical-id", "online", "can-offline", NULL };
    const struct qmp_where where = { .member = "vcpus", .in_array = true, .index = index };
    struct json_object *element;
    bool ignored;

    if (qmp_get_element_object(array, &where, &element, error) < 0 ||
        qmp_get_int64(element, &where, "logical-id", QMP_REQUIRED, &ret_vcpu->id, error) < 0 ||
        qmp_get_bool(element, &where, "online", QMP_REQUIRED, &ret_vcpu->online, error) < 0 ||
        qmp_get_bool(element, &where, "can-offline", QMP_OPTIONAL, &ignored, error) < 0)
        return -EINVAL;
    return qmp_check_members(element, &where, members, error);
}

/* All elements are checked before the first is acted on. Returns NULL with @error filled. */
static struct batch *parse_batch(struct qmp_request *request, struct json_object *arguments,
                                 struct qmp_error *error)
{
    static const char *const members[] = { "vcpus", NULL };
    _cleanup_free_ struct batch *batch = NULL;
    struct json_object *array = NULL;
    size_t size;

    if (qmp_get_array(arguments, NULL, "vcpus", QMP_REQUIRED, &array, error) < 0)
        return NULL;
    size = json_object_array_length(array);
    batch = calloc(1, sizeof(*batch) + size * sizeof(batch->vcpus[0]));
    if (!batch) {
        qmp_error_set(error, QMP_GENERIC_ERROR, "%s", strerror(ENOMEM));
        return NULL;
    }
    *batch = (struct batch){ .agent = request_agent(request), .request = request, .size = size };
    for (size_t i = 0; i < size; i++)
        if (parse_vcpu(array, i, &batch->vcpus[i], error) < 0)
            return NULL;
    if (qmp_check_members(arguments, NULL, members, error) < 0)
        return NULL;
    return TAKE_PTR(batch);
}

/* Ends the batch with the length of the prefix that was done. */
static void finish(struct batch *batch)
{
    qmp_request_return(batch->request, json_object_new_int64((int64_t)batch->done));
    free(batch);
}

/* The sentence for a CPU that was refused; the first two are word for word qemu-ga's. */
static void explain(struct agent *agent, const struct vcpu *vcpu, const struct applied *applied,
                    struct qmp_error *error)
{
    const struct cpuctl_result *result = &applied->result;
    int can_offline = cpuctl_can_offline(agent->root, result->cpu);

    if (can_offline == -ENODEV)
        qmp_error_set(error, QMP_GENERIC_ERROR,
                      "open(\"/sys/devices/system/cpu/cpu%" PRId64 "/\"): %s", vcpu->id,
                      strerror(ENOENT));
    else if (can_offline == 0 && !vcpu->online)
        qmp_error_set(error, QMP_GENERIC_ERROR, "logical processor #%" PRId64 " can't be offlined",
                      vcpu->id);
    else
        qmp_error_set(error, QMP_GENERIC_ERROR, "%s%s%s%s%s",
                      result->reason ? result->reason : strerror(-result->code),
                      result->help ? "; " : "", result->help ? result->help : "",
                      result->kernel_log ? "; kernel log: " : "",
                      result->kernel_log ? result->kernel_log : "");
}

/* Returns 0, or -EINVAL with @error filled. */
static int do_vcpu(struct agent *agent, const struct vcpu *vcpu, struct qmp_error *error)
{
    struct applied applied = { 0 };
    int r;

    if (vcpu->id < 0 || vcpu->id >= CPUCTL_CPUS_MAX)
        return qmp_error_set(error, QMP_GENERIC_ERROR,
                             "open(\"/sys/devices/system/cpu/cpu%" PRId64 "/\"): %s", vcpu->id,
                             strerror(ENOENT));
    r = apply_cpu(agent, (unsigned int)vcpu->id, vcpu->online, REQUESTER_HOST, &applied);
    if (r < 0) {
        r = qmp_error_set(error, QMP_GENERIC_ERROR, "%s", applied.error.text);
    } else if (applied.result.outcome == CPUCTL_REFUSED) {
        explain(agent, vcpu, &applied, error);
        r = -EINVAL;
    }
    applied_done(&applied);
    return r;
}

static bool step(void *userdata)
{
    struct batch *batch = userdata;
    struct qmp_error error = { 0 };

    if (batch->done < batch->size) {
        if (do_vcpu(batch->agent, &batch->vcpus[batch->done], &error) >= 0) {
            batch->done++;
            if (batch->done < batch->size)
                return true;
        } else if (batch->done == 0) {
            /* Only the first element's failure is an error; of a later one the caller learns by
             * sending the rest again. */
            qmp_request_error(batch->request, &error);
            free(batch);
            return false;
        }
    }
    finish(batch);
    return false;
}

static void log_broken_off(const struct batch *batch, const char *why)
{
    log_host(LOG_NOTICE, "guest-set-vcpus ends after %zu of %zu CPUs: %s", batch->done, batch->size,
             why);
}

static void interrupt(void *userdata)
{
    struct batch *batch = userdata;

    log_broken_off(batch, "the agent is ending");
    /* "0" would say that there was nothing to do. */
    if (batch->done > 0) {
        finish(batch);
        return;
    }
    qmp_request_fail(batch->request, "the guest agent is ending");
    free(batch);
}

static void cancel(struct qmp_request *request, void *data)
{
    struct batch *batch = data;

    (void)request;
    worker_cancel(batch->agent->worker);
    log_broken_off(batch, "the host hung up");
    free(batch);
}

void command_set_vcpus(struct qmp_request *request, struct json_object *arguments)
{
    struct qmp_error error = { 0 };
    struct batch *batch = parse_batch(request, arguments, &error);

    if (!batch) {
        qmp_request_error(request, &error);
        return;
    }
    qmp_request_later(request, cancel, batch);
    worker_begin(batch->agent->worker, &(struct worker_batch){
                                           .step = step,
                                           .interrupt = interrupt,
                                           .userdata = batch,
                                       });
}
