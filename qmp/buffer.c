/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A queue of bytes with an upper limit. */
#include "buffer.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The first allocation, and the largest that an emptied buffer keeps. */
#define SMALL 1024U
#define KEPT  8192U

void qmp_buffer_release(struct qmp_buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct qmp_buffer){ .limit = buffer->limit };
}

void qmp_buffer_clear(struct qmp_buffer *buffer)
{
    if (buffer->allocated > KEPT)
        qmp_buffer_release(buffer);
    buffer->start = 0;
    buffer->size = 0;
}

const char *qmp_buffer_data(const struct qmp_buffer *buffer)
{
    return buffer->bytes ? buffer->bytes + buffer->start : "";
}

size_t qmp_buffer_room(const struct qmp_buffer *buffer)
{
    size_t limit = buffer->limit ? buffer->limit : SIZE_MAX / 2;

    return buffer->size < limit ? limit - buffer->size : 0;
}

/* Makes room for @more bytes behind the unread ones. */
static int reserve(struct qmp_buffer *buffer, size_t more)
{
    size_t needed = buffer->size + more;
    size_t allocated = buffer->allocated ? buffer->allocated : SMALL;
    char *bytes;

    if (buffer->start + needed <= buffer->allocated)
        return 0;
    /*
     * Moving the unread bytes to the front costs their number; done only when at least as many
     * have been read since the last time, so that appending stays linear in total.
     */
    if (buffer->start >= buffer->size && needed <= buffer->allocated) {
        memmove(buffer->bytes, buffer->bytes + buffer->start, buffer->size);
        buffer->start = 0;
        return 0;
    }
    while (allocated < needed)
        allocated *= 2;
    if (allocated == buffer->allocated)
        allocated *= 2;
    bytes = malloc(allocated);
    if (!bytes)
        return -ENOMEM;
    if (buffer->size)
        memcpy(bytes, buffer->bytes + buffer->start, buffer->size);
    free(buffer->bytes);
    buffer->bytes = bytes;
    buffer->allocated = allocated;
    buffer->start = 0;
    return 0;
}

int qmp_buffer_append(struct qmp_buffer *buffer, const void *data, size_t size)
{
    int r;

    if (size == 0)
        return 0;
    if (size > qmp_buffer_room(buffer))
        return -ENOBUFS;
    r = reserve(buffer, size);
    if (r < 0)
        return r;
    memcpy(buffer->bytes + buffer->start + buffer->size, data, size);
    buffer->size += size;
    return 0;
}

void qmp_buffer_consume(struct qmp_buffer *buffer, size_t size)
{
    buffer->start += size;
    buffer->size -= size;
    if (buffer->size == 0)
        qmp_buffer_clear(buffer);
}
