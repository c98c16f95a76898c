/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Putting replies together. */
#include "reply.h"

#include <errno.h>
#include <string.h>

void reply_put(int *r, struct json_object *object, const char *name, struct json_object *value)
{
    if (*r < 0)
        json_object_put(value);
    else
        *r = qmp_object_add(object, name, value);
}

void reply_push(int *r, struct json_object *array, struct json_object *value)
{
    if (*r < 0)
        json_object_put(value);
    else
        *r = qmp_array_add(array, value);
}

void reply_put_text(int *r, struct json_object *object, const char *name, const char *text)
{
    if (text)
        reply_put(r, object, name, json_object_new_string(text));
}

void reply_send(struct qmp_request *request, int r, struct json_object *value)
{
    if (r < 0 || !value) {
        json_object_put(value);
        qmp_request_fail(request, "%s", strerror(r < 0 ? -r : ENOMEM));
        return;
    }
    qmp_request_return(request, value);
}
