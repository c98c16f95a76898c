/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* status: every vCPU from all sides, once or live. */
#include <errno.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host-thread.h"
#include "output.h"
#include "qmp/json.h"
#include "target.h"
#include "tools/interrupt.h"
#include "truth.h"
#include "vcpu-commands.h"
#include "vmm/ost.h"

/* How often the live view looks if nothing happens, and what an agent may take; microseconds. */
#define PERIOD              1000000U
#define AGENT_TIMEOUT       5000000U
#define WATCH_AGENT_TIMEOUT 2000000U
/* How long the agent's lock is waited for, ms. */
#define AGENT_LOCK_TIMEOUT 1000U

const struct option_def status_options[] = {
    OPTION_DOMAIN,
    { .name = "watch", .help = "go on showing it until interrupted" },
    { 0 },
};

enum column {
    VCPU,
    CONFIGURED,
    REQUESTED,
    PLUGGED,
    PRESENT,
    ONLINE,
    APIC,
    NODE,
    THREAD,
    CPU,
    AFFINITY,
    TIME,
    OST,
    NOTE,
    COLUMNS
};

static const struct {
    const char *name;
    int flags;
} columns[COLUMNS] = {
    [VCPU] = { "VCPU", SCOLS_FL_RIGHT },
    [CONFIGURED] = { "CONFIGURED", 0 },
    [REQUESTED] = { "REQUESTED", 0 },
    [PLUGGED] = { "PLUGGED", 0 },
    [PRESENT] = { "PRESENT", 0 },
    [ONLINE] = { "ONLINE", 0 },
    [APIC] = { "APIC", SCOLS_FL_RIGHT },
    [NODE] = { "NODE", SCOLS_FL_RIGHT },
    [THREAD] = { "THREAD", SCOLS_FL_RIGHT },
    [CPU] = { "CPU", SCOLS_FL_RIGHT },
    [AFFINITY] = { "AFFINITY", 0 },
    [TIME] = { "TIME", SCOLS_FL_RIGHT },
    [OST] = { "LAST _OST", 0 },
    [NOTE] = { "NOTE", SCOLS_FL_WRAP },
};

/* ---- gathering ---- */

struct picture {
    struct truth_row *rows;
    unsigned int n;
    char no_agent[512]; /* why the guest's half is not known, or "" */
};

static void picture_release(struct picture *picture)
{
    free(picture->rows);
    *picture = (struct picture){ 0 };
}

static enum truth enabled(const struct definition *definition, unsigned int index)
{
    if (!definition)
        return TRUTH_UNKNOWN;
    return index < definition->vcpu_max && definition->vcpus[index].enabled ? TRUTH_YES : TRUTH_NO;
}

/* What was asked of the running VM: the definition has it, or else the VMM knows of a removal. */
static enum truth requested(const struct target *target, const struct vm_vcpu *vcpu)
{
    if (target->domain)
        return enabled(target->domain->live, vcpu->index);
    if (target->vm->kind != VM_CPUVMM)
        return TRUTH_UNKNOWN;
    return vcpu->plugged &&
                   (vcpu->request != VM_REQUEST_REMOVAL || vcpu->phase == VM_PHASE_REJECTED)
               ? TRUTH_YES
               : TRUTH_NO;
}

/* The guest's half; without an agent, the reason. */
static bool ask_guest(struct target *target, struct picture *picture, struct guest_cpus *ret_guest)
{
    struct cpuctl_error error = { 0 };
    int r = 0;

    if (target->domain)
        r = domain_lock(target->domain, DOMAIN_LOCK_AGENT, AGENT_LOCK_TIMEOUT, &error);
    if (r == 0)
        r = guest_read(target->vm, ret_guest, &error);
    vm_leave_agent(target->vm);
    if (target->domain)
        domain_unlock(target->domain, DOMAIN_LOCK_AGENT);
    if (r < 0)
        snprintf(picture->no_agent, sizeof(picture->no_agent), "%s", error.text);
    return r == 0;
}

static int gather(struct target *target, struct picture *ret_picture, struct cpuctl_error *error)
{
    _cleanup_(guest_cpus_release) struct guest_cpus guest = { 0 };
    _cleanup_(picture_release) struct picture picture = { 0 };
    bool known;
    int r = vm_read_vcpus(target->vm, error);

    if (r < 0)
        return r;
    picture.n = target->vm->n_vcpus;
    picture.rows = calloc(picture.n, sizeof(*picture.rows));
    if (!picture.rows)
        return cpuctl_error_set(error, -ENOMEM, "out of memory");
    known = ask_guest(target, &picture, &guest);
    truth_look(target->vm, known ? &guest : NULL, picture.rows);
    for (unsigned int i = 0; i < picture.n; i++) {
        picture.rows[i].configured =
            target->domain ? enabled(target->domain->config, i) : TRUTH_UNKNOWN;
        picture.rows[i].requested = requested(target, &target->vm->vcpus[i]);
    }
    *ret_picture = picture;
    picture = (struct picture){ 0 };
    return 0;
}

/* ---- one row's thread ---- */

struct carrier {
    bool known;
    struct host_thread thread;
    char *affinity;
};

static void carrier_release(struct carrier *carrier)
{
    free(carrier->affinity);
}

/* A thread that is gone meanwhile is not known. Returns 0 or -ENOMEM. */
static int find_carrier(const struct vm_vcpu *vcpu, struct carrier *ret_carrier)
{
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *affinity = NULL;

    if (!vcpu->plugged || host_thread_read(vcpu->thread_id, &ret_carrier->thread, NULL) < 0 ||
        host_thread_affinity(vcpu->thread_id, &affinity, NULL) < 0)
        return 0;
    ret_carrier->affinity = cpuctl_set_format_list(affinity);
    ret_carrier->known = true;
    return ret_carrier->affinity ? 0 : -ENOMEM;
}

/* ---- the table ---- */

static int put(struct libscols_line *line, enum column column, const char *text)
{
    return scols_line_set_data(line, column, text ? text : "-");
}

static int put_number(struct libscols_line *line, enum column column, long long number)
{
    char text[24];

    snprintf(text, sizeof(text), "%lld", number);
    return put(line, column, text);
}

static int put_carrier(struct libscols_line *line, const struct vm_vcpu *vcpu)
{
    _cleanup_(carrier_release) struct carrier carrier = { 0 };
    char time[32];
    int r = find_carrier(vcpu, &carrier);

    if (!carrier.known) {
        for (int c = THREAD; r == 0 && c <= TIME; c++)
            r = put(line, (enum column)c, NULL);
        return r;
    }
    snprintf(time, sizeof(time), "%.1fs", (double)carrier.thread.time_ms / 1000);
    if (r == 0)
        r = put_number(line, THREAD, vcpu->thread_id);
    if (r == 0)
        r = put_number(line, CPU, carrier.thread.cpu);
    if (r == 0)
        r = put(line, AFFINITY, carrier.affinity);
    return r < 0 ? r : put(line, TIME, time);
}

static int put_ost(struct libscols_line *line, const struct vm_vcpu *vcpu)
{
    char text[160];

    if (!vcpu->ost_known)
        return put(line, OST, NULL);
    snprintf(text, sizeof(text), "%s: %s", ost_source_text(vcpu->ost_source),
             ost_status_text(vcpu->ost_source, vcpu->ost_status));
    return put(line, OST, text);
}

static int put_row(struct libscols_table *table, const struct truth_row *row)
{
    const enum truth truths[] = { row->configured, row->requested, row->plugged, row->present,
                                  row->online };
    struct libscols_line *line = scols_table_new_line(table, NULL);
    char note[256];
    int r = line ? put_number(line, VCPU, row->vcpu->index) : -ENOMEM;

    for (int i = 0; r == 0 && i < 5; i++)
        r = put(line, (enum column)(CONFIGURED + i), truth_word(truths[i]));
    if (r == 0)
        r = put_number(line, APIC, row->vcpu->apic_id);
    if (r == 0 && row->vcpu->node >= 0)
        r = put_number(line, NODE, row->vcpu->node);
    else if (r == 0)
        r = put(line, NODE, NULL);
    if (r == 0)
        r = put_carrier(line, row->vcpu);
    if (r == 0)
        r = put_ost(line, row->vcpu);
    truth_sentence(row, note, sizeof(note));
    return r < 0 ? r : put(line, NOTE, note[0] ? note : NULL);
}

static char *format_table(const struct picture *picture)
{
    struct libscols_table *table = scols_new_table();
    char *text = NULL, *whole = NULL;
    int r = table ? 0 : -ENOMEM;

    for (int c = 0; r == 0 && c < COLUMNS; c++)
        r = scols_table_new_column(table, columns[c].name, 0, columns[c].flags) ? 0 : -ENOMEM;
    for (unsigned int i = 0; r == 0 && i < picture->n; i++)
        r = put_row(table, &picture->rows[i]);
    if (r == 0)
        r = scols_print_table_to_string(table, &text);
    if (table)
        scols_unref_table(table);
    if (r == 0 &&
        asprintf(&whole, "%s%s%s%s%s", text, *text && text[strlen(text) - 1] == '\n' ? "" : "\n",
                 picture->no_agent[0] ? "The guest could not be asked: " : "", picture->no_agent,
                 picture->no_agent[0] ? "\n" : "") < 0)
        whole = NULL;
    free(text);
    return whole;
}

/* ---- JSON: what is not known is left out ---- */

static void add(int *r, struct json_object *object, const char *name, struct json_object *value)
{
    if (*r < 0)
        json_object_put(value);
    else
        *r = qmp_object_add(object, name, value);
}

static void add_truth(int *r, struct json_object *object, const char *name, enum truth truth)
{
    if (truth != TRUTH_UNKNOWN)
        add(r, object, name, json_object_new_boolean(truth == TRUTH_YES));
}

static void add_carrier(int *r, struct json_object *object, const struct vm_vcpu *vcpu)
{
    _cleanup_(carrier_release) struct carrier carrier = { 0 };

    if (*r == 0)
        *r = find_carrier(vcpu, &carrier);
    if (*r < 0 || !carrier.known)
        return;
    add(r, object, "thread-id", json_object_new_int(vcpu->thread_id));
    add(r, object, "host-cpu", json_object_new_int(carrier.thread.cpu));
    add(r, object, "affinity", json_object_new_string(carrier.affinity));
    add(r, object, "cpu-time-ms", json_object_new_int64((int64_t)carrier.thread.time_ms));
}

static void add_ost(int *r, struct json_object *object, const struct vm_vcpu *vcpu)
{
    struct json_object *ost;

    if (!vcpu->ost_known)
        return;
    ost = json_object_new_object();
    add(r, object, "ost", ost);
    add(r, ost, "source", json_object_new_int64(vcpu->ost_source));
    add(r, ost, "source-text", json_object_new_string(ost_source_text(vcpu->ost_source)));
    add(r, ost, "status", json_object_new_int64(vcpu->ost_status));
    add(r, ost, "status-text",
        json_object_new_string(ost_status_text(vcpu->ost_source, vcpu->ost_status)));
}

static void add_row(int *r, struct json_object *list, const struct truth_row *row)
{
    struct json_object *object = json_object_new_object();
    char note[256];

    if (*r == 0)
        *r = qmp_array_add(list, object);
    else
        json_object_put(object);
    if (*r < 0)
        return;
    add(r, object, "vcpu", json_object_new_int64(row->vcpu->index));
    add_truth(r, object, "configured", row->configured);
    add_truth(r, object, "requested", row->requested);
    add_truth(r, object, "plugged", row->plugged);
    add_truth(r, object, "present", row->present);
    add_truth(r, object, "online", row->online);
    if (row->guest_number >= 0)
        add(r, object, "guest-cpu", json_object_new_int(row->guest_number));
    add(r, object, "apic-id", json_object_new_int64(row->vcpu->apic_id));
    if (row->vcpu->node >= 0)
        add(r, object, "node", json_object_new_int(row->vcpu->node));
    add_carrier(r, object, row->vcpu);
    add_ost(r, object, row->vcpu);
    truth_sentence(row, note, sizeof(note));
    if (note[0])
        add(r, object, "note", json_object_new_string(note));
}

static char *format_json(const struct vm *vm, const struct picture *picture)
{
    _cleanup_json_ struct json_object *value = json_object_new_object();
    struct json_object *list = json_object_new_array();
    struct qmp_buffer buffer = { 0 };
    char *text = NULL;
    int r = value && list ? 0 : -ENOMEM;

    if (r < 0) {
        json_object_put(list);
        return NULL;
    }
    add(&r, value, "vmm", json_object_new_string(vm->kind == VM_CPUVMM ? "cpuvmm" : "qemu"));
    add(&r, value, "kvm", json_object_new_boolean(vm->kvm));
    if (picture->no_agent[0])
        add(&r, value, "agent-error", json_object_new_string(picture->no_agent));
    add(&r, value, "vcpus", list);
    for (unsigned int i = 0; i < picture->n; i++)
        add_row(&r, list, &picture->rows[i]);
    if (r == 0 && qmp_json_write(value, &buffer) == 0)
        text = strndup(qmp_buffer_data(&buffer), buffer.size);
    qmp_buffer_release(&buffer);
    return text;
}

/* The whole as text. The caller frees it; NULL: memory is short. */
static char *format(const struct target *target, const struct picture *picture)
{
    return target->tool->json ? format_json(target->vm, picture) : format_table(picture);
}

static int show(const struct target *target, const struct picture *picture)
{
    _cleanup_free_ char *text = format(target, picture);

    if (!text)
        return output_error("out of memory");
    printf("%s%s", text, target->tool->json ? "\n" : "");
    return EXIT_DONE;
}

/* ---- the live view ---- */

/* Waits for something to happen. Returns 0, or a negative errno when the VM is gone or we are asked
 * to end. */
static int wait_change(struct target *target, struct cpuctl_error *error)
{
    uint64_t timeout = PERIOD;

    for (;;) {
        _cleanup_json_ struct json_object *event = NULL;
        struct qmp_error cause = { 0 };
        int r = qmp_client_wait_event(target->vm->monitor, timeout, &event, &cause);

        if (r == -ETIMEDOUT)
            return 0;
        if (r < 0)
            return vm_error(error, r, "internal error: ", &cause);
        timeout = 0; /* what has come together is shown together */
    }
}

static int watch(struct target *target)
{
    bool terminal = isatty(STDOUT_FILENO) && !target->tool->json;
    _cleanup_free_ char *before = NULL;
    struct cpuctl_error error = { 0 };
    int r = 0;

    interrupt_catch();
    target->vm->agent_timeout = WATCH_AGENT_TIMEOUT;
    while (r == 0 && !interrupt_pending()) {
        _cleanup_(picture_release) struct picture picture = { 0 };
        char *text;

        if (target->domain)
            domain_refresh(target->domain, &error);
        r = gather(target, &picture, &error);
        if (r < 0)
            break;
        text = format(target, &picture);
        if (!text)
            return output_error("out of memory");
        /* a pipe gets what differs from before */
        if (terminal)
            printf("\033[H\033[2J%s\n", text);
        else if (!before || strcmp(before, text) != 0)
            printf("%s\n", text);
        free(before);
        before = text;
        fflush(stdout);
        if (output_is_broken())
            return EXIT_DONE; /* main() says why, if it is an error */
        r = wait_change(target, &error);
    }
    return r < 0 && r != -EINTR ? output_failure(&error, NULL) : EXIT_DONE;
}

int cmd_status(struct tool *tool, const struct arguments *arguments)
{
    _cleanup_(target_release) struct target target = { 0 };
    _cleanup_(picture_release) struct picture picture = { 0 };
    bool live = arguments_has(arguments, "watch");
    struct cpuctl_error error = { 0 };
    int r = target_find(tool, arguments, &target, &error);

    if (r == 0 && !target_is_running(&target))
        r = cpuctl_error_set(&error, -EINVAL,
                             "Requested operation is not valid: domain is not running");
    if (r == 0)
        r = target_connect(&target, live ? TARGET_WATCH : TARGET_QUERY, false, &error);
    if (r == 0 && live)
        return watch(&target);
    if (r == 0) {
        target.vm->agent_timeout = AGENT_TIMEOUT;
        r = gather(&target, &picture, &error);
    }
    return r < 0 ? output_failure(&error, NULL) : show(&target, &picture);
}
