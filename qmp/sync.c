/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The client's side of guest-sync-delimited. */
#include "sync.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int qmp_sync_begin(struct qmp_sync *sync, int64_t id, struct qmp_buffer *out)
{
    char text[128];
    int size = snprintf(text, sizeof(text),
                        "%c{\"execute\": \"guest-sync-delimited\", \"arguments\": {\"id\": %" PRId64
                        "}}\n",
                        QMP_FRAME_RESET_BYTE, id);

    sync->id = id;
    sync->delimited = false;
    return qmp_buffer_append(out, text, (size_t)size);
}

/* Whether the member that is complete is "return" with the id. */
static bool is_return(const struct qmp_sync *sync)
{
    char text[32];
    int size = snprintf(text, sizeof(text), "%" PRId64, sync->id);

    return qmp_frame_name_is(&sync->frame, "return") && sync->frame.value_size == (size_t)size &&
           memcmp(sync->frame.value, text, (size_t)size) == 0;
}

/* Passes over everything up to the delimiter; returns how many bytes. */
static size_t find_delimiter(struct qmp_sync *sync, const char *data, size_t size)
{
    const char *found = memchr(data, (unsigned char)QMP_FRAME_RESET_BYTE, size);

    if (!found)
        return size;
    sync->delimited = true;
    sync->matched = false;
    qmp_frame_init(&sync->frame, 0);
    return (size_t)(found - data) + 1;
}

bool qmp_sync_feed(struct qmp_sync *sync, const char *data, size_t size, size_t *ret_used)
{
    size_t used = 0;

    while (used < size) {
        size_t step = 0;

        if (!sync->delimited) {
            used += find_delimiter(sync, data + used, size - used);
            continue;
        }
        switch (qmp_frame_feed(&sync->frame, data + used, size - used, &step, NULL)) {
        case QMP_FRAME_VALUE:
            sync->matched = sync->matched || is_return(sync);
            break;
        case QMP_FRAME_END:
            if (sync->matched) {
                *ret_used = used + step;
                return true;
            }
            sync->delimited = false;
            break;
        case QMP_FRAME_ERROR:
            /* perhaps by a delimiter: the byte is looked at again */
            sync->delimited = false;
            step -= step > 0 && data[used + step - 1] == QMP_FRAME_RESET_BYTE;
            break;
        case QMP_FRAME_MORE:
        case QMP_FRAME_FULL:
        case QMP_FRAME_MEMBER:
            break;
        }
        used += step;
    }
    *ret_used = size;
    return false;
}
