/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The door to json-c: strict parsing, typed getters that name the member at fault, serialising.
 * Objects are json-c's; who creates one owns it (json_object_put()).
 */
#ifndef QMP_JSON_H
#define QMP_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json.h>

#include "buffer.h"
#include "cleanup.h"
#include "error.h"

static inline void json_object_putp(struct json_object **object)
{
    json_object_put(*object);
}

/** A json-c object that is released when the variable leaves its scope. */
#define _cleanup_json_ _cleanup_(json_object_putp)

/**
 * Parses one JSON value (RFC 8259, plus single-quoted strings as in QEMU); white space may surround
 * it. Refused are: invalid UTF-8, nesting over QMP_FRAME_DEPTH_MAX, an object with the same member
 * twice, trailing bytes. An integer that neither int64_t nor uint64_t holds becomes a double.
 * Returns 0, -EINVAL (@error has the sentence) or -ENOMEM.
 */
int qmp_json_parse(const char *text, size_t size, struct json_object **ret_value,
                   struct qmp_error *error);

struct qmp_frame;

/**
 * The same for text in normal form of which @frame has just told QMP_FRAME_END: what the scanner
 * has checked is not checked again.
 */
int qmp_json_parse_frame(const struct qmp_frame *frame, const char *text, size_t size,
                         struct json_object **ret_value, struct qmp_error *error);

/**
 * Where an object stands below a command's arguments: gives the name for an error's sentence,
 * "vcpus[3].online". Lives on the caller's stack; NULL: the arguments themselves.
 */
struct qmp_where {
    const struct qmp_where *parent;
    const char *member; /**< name of the member that is, or holds in its array, the object */
    bool in_array;
    size_t index; /**< when in_array: which element */
};

/** Whether a member has to be there. */
enum qmp_presence { QMP_REQUIRED, QMP_OPTIONAL };

/**
 * Getters: the member @name of @object (NULL: an object without members), which stands at @where.
 * Return 1 when it is there, 0 when it is not and is optional (*ret is untouched), or -EINVAL with
 * @error saying "Parameter '…' is missing" or "Invalid parameter type for '…', expected: …" as
 * QEMU words it. What they return is owned by @object. The integer ones take integers only: 1.0
 * and 1e3 are refused as QEMU refuses them, and so are values outside the type's range.
 */
int qmp_get_int64(struct json_object *object, const struct qmp_where *where, const char *name,
                  enum qmp_presence presence, int64_t *ret, struct qmp_error *error);
/** The same for a value of 0 … @max. */
int qmp_get_uint(struct json_object *object, const struct qmp_where *where, const char *name,
                 enum qmp_presence presence, uint64_t max, uint64_t *ret, struct qmp_error *error);
int qmp_get_bool(struct json_object *object, const struct qmp_where *where, const char *name,
                 enum qmp_presence presence, bool *ret, struct qmp_error *error);
/** A string; one with a U+0000 inside is refused. */
int qmp_get_string(struct json_object *object, const struct qmp_where *where, const char *name,
                   enum qmp_presence presence, const char **ret, struct qmp_error *error);
int qmp_get_array(struct json_object *object, const struct qmp_where *where, const char *name,
                  enum qmp_presence presence, struct json_object **ret, struct qmp_error *error);
int qmp_get_object(struct json_object *object, const struct qmp_where *where, const char *name,
                   enum qmp_presence presence, struct json_object **ret, struct qmp_error *error);
/**
 * Element @where->index of @array as an object. @where: the element's own place (in_array).
 * Returns 0 or -EINVAL ("Invalid parameter type for 'vcpus[3]', expected: object").
 */
int qmp_get_element_object(struct json_object *array, const struct qmp_where *where,
                           struct json_object **ret, struct qmp_error *error);

/**
 * Refuses members of @object (NULL: none) that are not in @names (ends with NULL): "Parameter '…'
 * is unexpected". Returns 0 or -EINVAL.
 */
int qmp_check_members(struct json_object *object, const struct qmp_where *where,
                      const char *const *names, struct qmp_error *error);

/**
 * Appends @value as JSON text in the form that QEMU prints ({"a": 1, "b": [2, 3]}, ASCII only,
 * others as \uXXXX). Returns 0, -ENOBUFS or -ENOMEM; then @out is as before.
 */
int qmp_json_write(struct json_object *value, struct qmp_buffer *out);

/** Appends @text of @size bytes as a JSON string; bytes that are not UTF-8, and noncharacters,
 * become U+FFFD. */
int qmp_json_write_string(const char *text, size_t size, struct qmp_buffer *out);

/** Appends {"class": …, "desc": …}. */
int qmp_json_write_error(const struct qmp_error *error, struct qmp_buffer *out);

/**
 * Adds a member; takes over @value, also when it fails. @value NULL stands for "memory was short
 * when it was made" and gives -ENOMEM, so that json_object_new_…() can be passed on unchecked (null
 * itself is json_object_new_null()'s NULL and can't be added this way). Returns 0 or -ENOMEM.
 */
int qmp_object_add(struct json_object *object, const char *name, struct json_object *value);
/** The same for the end of an array. */
int qmp_array_add(struct json_object *array, struct json_object *value);

#endif
