/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A queue of bytes with an upper limit: written at its end, read from its front. */
#ifndef QMP_BUFFER_H
#define QMP_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

/** All zeros is an empty buffer without a limit. */
struct qmp_buffer {
    char *bytes;      /**< the allocation */
    size_t start;     /**< where the unread bytes begin */
    size_t size;      /**< how many unread bytes there are */
    size_t allocated; /**< size of the allocation */
    size_t limit;     /**< how many unread bytes there may be; 0: no limit */
};

/** Frees the memory; the buffer is empty afterwards and keeps its limit. */
void qmp_buffer_release(struct qmp_buffer *buffer);
/** Forgets the unread bytes. A large allocation is given back, a small one is kept. */
void qmp_buffer_clear(struct qmp_buffer *buffer);
/** The unread bytes, @buffer->size of them; valid until the buffer is next changed. */
const char *qmp_buffer_data(const struct qmp_buffer *buffer);
/** How many bytes can be appended before the limit is reached. */
size_t qmp_buffer_room(const struct qmp_buffer *buffer);
/** Appends all or nothing. Returns 0, -ENOBUFS (over the limit) or -ENOMEM. */
int qmp_buffer_append(struct qmp_buffer *buffer, const void *data, size_t size);
/** Removes @size bytes (at most buffer->size) from the front. */
void qmp_buffer_consume(struct qmp_buffer *buffer, size_t size);

#endif
