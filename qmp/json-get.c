/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The door to json-c: typed getters whose errors name the member as QEMU does. */
#include "json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The longest name in an error's sentence, as "vcpus[3].online". */
#define PATH_MAX_SIZE 256

/* Writes "member[index]." for @where and what is above it. */
static size_t format_where(const struct qmp_where *where, char *path, size_t size)
{
    size_t used;
    int n;

    if (!where) {
        path[0] = '\0';
        return 0;
    }
    used = format_where(where->parent, path, size);
    if (where->in_array)
        n = snprintf(path + used, size - used, "%s[%zu].", where->member, where->index);
    else
        n = snprintf(path + used, size - used, "%s.", where->member);
    used += n > 0 ? (size_t)n : 0;
    return used < size ? used : size - 1;
}

static void format_path(const struct qmp_where *where, const char *name, char *path, size_t size)
{
    size_t used = format_where(where, path, size);

    if (name)
        snprintf(path + used, size - used, "%s", name);
    else if (used > 0)
        path[used - 1] = '\0'; /* the place itself, without the dot behind it */
}

static int wrong_type(const struct qmp_where *where, const char *name, const char *expected,
                      struct qmp_error *error)
{
    char path[PATH_MAX_SIZE];

    format_path(where, name, path, sizeof(path));
    return qmp_error_set(error, QMP_GENERIC_ERROR, "Invalid parameter type for '%s', expected: %s",
                         path, expected);
}

/* Finds the member; returns 1, 0 (absent and optional) or -EINVAL. */
static int find(struct json_object *object, const struct qmp_where *where, const char *name,
                enum qmp_presence presence, struct json_object **ret, struct qmp_error *error)
{
    char path[PATH_MAX_SIZE];

    if (object && json_object_object_get_ex(object, name, ret))
        return 1;
    if (presence == QMP_OPTIONAL)
        return 0;
    format_path(where, name, path, sizeof(path));
    return qmp_error_set(error, QMP_GENERIC_ERROR, "Parameter '%s' is missing", path);
}

static int find_typed(struct json_object *object, const struct qmp_where *where, const char *name,
                      enum qmp_presence presence, enum json_type type, const char *expected,
                      struct json_object **ret, struct qmp_error *error)
{
    struct json_object *value = NULL;
    int r = find(object, where, name, presence, &value, error);

    if (r <= 0)
        return r;
    if (!json_object_is_type(value, type))
        return wrong_type(where, name, expected, error);
    *ret = value;
    return 1;
}

int qmp_get_int64(struct json_object *object, const struct qmp_where *where, const char *name,
                  enum qmp_presence presence, int64_t *ret, struct qmp_error *error)
{
    struct json_object *value = NULL;
    int r = find_typed(object, where, name, presence, json_type_int, "integer", &value, error);

    if (r <= 0)
        return r;
    /* json-c answers with the nearest value of the type asked for */
    if (json_object_get_int64(value) == INT64_MAX && json_object_get_uint64(value) > INT64_MAX)
        return wrong_type(where, name, "integer", error);
    *ret = json_object_get_int64(value);
    return 1;
}

int qmp_get_uint(struct json_object *object, const struct qmp_where *where, const char *name,
                 enum qmp_presence presence, uint64_t max, uint64_t *ret, struct qmp_error *error)
{
    char path[PATH_MAX_SIZE];
    struct json_object *value = NULL;
    int r = find_typed(object, where, name, presence, json_type_int, "integer", &value, error);

    if (r <= 0)
        return r;
    if (json_object_get_int64(value) < 0 || json_object_get_uint64(value) > max) {
        format_path(where, name, path, sizeof(path));
        return qmp_error_set(error, QMP_GENERIC_ERROR,
                             "Parameter '%s' expects a value from 0 to %" PRIu64, path, max);
    }
    *ret = json_object_get_uint64(value);
    return 1;
}

int qmp_get_bool(struct json_object *object, const struct qmp_where *where, const char *name,
                 enum qmp_presence presence, bool *ret, struct qmp_error *error)
{
    struct json_object *value = NULL;
    int r = find_typed(object, where, name, presence, json_type_boolean, "boolean", &value, error);

    if (r <= 0)
        return r;
    *ret = json_object_get_boolean(value);
    return 1;
}

int qmp_get_string(struct json_object *object, const struct qmp_where *where, const char *name,
                   enum qmp_presence presence, const char **ret, struct qmp_error *error)
{
    char path[PATH_MAX_SIZE];
    struct json_object *value = NULL;
    int r = find_typed(object, where, name, presence, json_type_string, "string", &value, error);

    if (r <= 0)
        return r;
    if (strlen(json_object_get_string(value)) != (size_t)json_object_get_string_len(value)) {
        format_path(where, name, path, sizeof(path));
        return qmp_error_set(error, QMP_GENERIC_ERROR,
                             "Parameter '%s' expects a string without U+0000", path);
    }
    *ret = json_object_get_string(value);
    return 1;
}

int qmp_get_array(struct json_object *object, const struct qmp_where *where, const char *name,
                  enum qmp_presence presence, struct json_object **ret, struct qmp_error *error)
{
    return find_typed(object, where, name, presence, json_type_array, "array", ret, error);
}

int qmp_get_object(struct json_object *object, const struct qmp_where *where, const char *name,
                   enum qmp_presence presence, struct json_object **ret, struct qmp_error *error)
{
    return find_typed(object, where, name, presence, json_type_object, "object", ret, error);
}

int qmp_get_element_object(struct json_object *array, const struct qmp_where *where,
                           struct json_object **ret, struct qmp_error *error)
{
    struct json_object *value = json_object_array_get_idx(array, where->index);

    if (!json_object_is_type(value, json_type_object))
        return wrong_type(where, NULL, "object", error);
    *ret = value;
    return 0;
}

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

int qmp_check_members(struct json_object *object, const struct qmp_where *where,
                      const char *const *names, struct qmp_error *error)
{
    char path[PATH_MAX_SIZE];

    if (!object)
        return 0;
    json_object_object_foreach(object, name, value)
    {
        (void)value;
        if (is_one_of(name, names))
            continue;
        format_path(where, name, path, sizeof(path));
        return qmp_error_set(error, QMP_GENERIC_ERROR, "Parameter '%s' is unexpected", path);
    }
    return 0;
}
