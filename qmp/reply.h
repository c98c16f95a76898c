/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Putting replies together: a result that sticks, so that memory is checked once at the end. */
#ifndef QMP_REPLY_H
#define QMP_REPLY_H

#include <stddef.h>

#include "json.h"
#include "server.h"

/**
 * Adds a member (takes over @value; NULL stands for "out of memory"). @r: 0, or the first negative
 * errno of these calls, after which they only release @value.
 */
void reply_put(int *r, struct json_object *object, const char *name, struct json_object *value);
/** The same for the end of an array. */
void reply_push(int *r, struct json_object *array, struct json_object *value);
/** Adds a text; NULL adds nothing. */
void reply_put_text(int *r, struct json_object *object, const char *name, const char *text);
/** Completes @request with @value (taken over), or with an error when @r is negative. */
void reply_send(struct qmp_request *request, int r, struct json_object *value);

#endif
