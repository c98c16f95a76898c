/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plans and results as JSON objects. */
#include "tools/report-json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "qmp/json.h"

static int add_text(struct json_object *object, const char *key, const char *text)
{
    return text ? qmp_object_add(object, key, json_object_new_string(text)) : 0;
}

/** Appends a new object to @array; NULL: memory is short. */
static struct json_object *append(struct json_object *array)
{
    struct json_object *object = json_object_new_object();

    return qmp_array_add(array, object) < 0 ? NULL : object;
}

static int print(struct json_object *object)
{
    const char *text = json_object_to_json_string_ext(
        object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE);

    if (!text)
        return -ENOMEM;
    puts(text);
    return 0;
}

static const char *action_name(bool online)
{
    return online ? "online" : "offline";
}

static int fill_entry(struct json_object *object, const struct cpuctl_plan_entry *entry)
{
    if (qmp_object_add(object, "cpu", json_object_new_int64(entry->cpu)) < 0 ||
        add_text(object, "action", action_name(entry->online)) < 0 ||
        qmp_object_add(object, "skipped", json_object_new_boolean(entry->skipped)) < 0)
        return -ENOMEM;
    return add_text(object, "reason", entry->reason);
}

int report_json_plan(const struct cpuctl_plan *plan)
{
    _cleanup_json_ struct json_object *root = json_object_new_object();
    struct json_object *array = json_object_new_array();

    if (!root || qmp_object_add(root, "plan", array) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < cpuctl_plan_size(plan); i++) {
        struct json_object *object = append(array);

        if (!object || fill_entry(object, cpuctl_plan_get(plan, i)) < 0)
            return -ENOMEM;
    }
    return print(root);
}

static int fill_result(struct json_object *object, const struct cpuctl_result *result)
{
    static const char *const outcomes[] = {
        [CPUCTL_DONE] = "done",
        [CPUCTL_ALREADY] = "already",
        [CPUCTL_REFUSED] = "refused",
        [CPUCTL_SKIPPED] = "skipped",
    };
    const char *code = result->code < 0 ? strerrorname_np(-result->code) : NULL;

    if (qmp_object_add(object, "cpu", json_object_new_int64(result->cpu)) < 0 ||
        add_text(object, "action", action_name(result->online)) < 0 ||
        add_text(object, "outcome", outcomes[result->outcome]) < 0 ||
        qmp_object_add(object, "duration-usec",
                       json_object_new_int64((int64_t)result->duration_usec)) < 0 ||
        add_text(object, "error", code) < 0 || add_text(object, "reason", result->reason) < 0 ||
        add_text(object, "help", result->help) < 0)
        return -ENOMEM;
    return add_text(object, "kernel-log", result->kernel_log);
}

static int add_set(struct json_object *object, const char *key, const struct cpuctl_set *set)
{
    _cleanup_free_ char *list = NULL;

    if (!set)
        return 0;
    list = cpuctl_set_format_list(set);
    return list ? add_text(object, key, list) : -ENOMEM;
}

int report_json(const struct cpuctl_change *change, const struct batch_end *end)
{
    _cleanup_json_ struct json_object *root = json_object_new_object();
    struct json_object *array = json_object_new_array();

    if (!root || qmp_object_add(root, "results", array) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < cpuctl_change_size(change); i++) {
        struct json_object *object = append(array);

        if (!object || fill_result(object, cpuctl_change_get(change, i)) < 0)
            return -ENOMEM;
    }
    if (qmp_object_add(root, "reached", json_object_new_boolean(end->reached)) < 0 ||
        add_set(root, "online", end->online) < 0 || add_set(root, "not-tried", end->not_tried) < 0)
        return -ENOMEM;
    return print(root);
}
