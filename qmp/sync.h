/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The client's side of guest-sync-delimited: getting in step with a server whose parser and whose
 * output may be anywhere (docs/interop/qemu-ga-ref, guest-sync-delimited).
 */
#ifndef QMP_SYNC_H
#define QMP_SYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "frame.h"

/** Where the search for the reply stands. */
struct qmp_sync {
    int64_t id;
    bool delimited; /**< the byte 0xFF has been seen, so an object should follow */
    bool matched;   /**< … and it has had the right id */
    struct qmp_frame frame;
};

/**
 * Begins: appends to @out the byte that resets the server's parser and the command. @id: to be
 * different each time, so that an earlier reply is not taken for this one's.
 * Returns 0, -ENOBUFS or -ENOMEM.
 */
int qmp_sync_begin(struct qmp_sync *sync, int64_t id, struct qmp_buffer *out);

/**
 * Looks at what the server sent; what is not the reply is passed over. Returns true when the reply
 * has been found; *@ret_used (never NULL) is how many bytes were looked at.
 */
bool qmp_sync_feed(struct qmp_sync *sync, const char *data, size_t size, size_t *ret_used);

#endif
