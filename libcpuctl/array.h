/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Arrays that grow while they are filled. Internal to the library. */
#ifndef CPUCTL_INTERNAL_ARRAY_H
#define CPUCTL_INTERNAL_ARRAY_H

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

/**
 * Makes room for one more element in @array, which has @count of them and room for @room.
 * Returns the array, or NULL when memory is short; then it is as before.
 */
static inline void *array_grown(void *array, size_t *room, size_t count, size_t size)
{
    size_t wanted = *room ? *room * 2 : 16;
    void *larger;

    if (count < *room)
        return array;
    larger = reallocarray(array, wanted, size);
    if (larger)
        *room = wanted;
    return larger;
}

/** Makes room for one more element in @array. Returns 0 or -ENOMEM; then nothing has changed. */
#define array_grow(array, room, count)                                                             \
    ({                                                                                             \
        __typeof__(array) grown_ = array_grown((array), (room), (count), sizeof(*(array)));        \
                                                                                                   \
        if (grown_)                                                                                \
            (array) = grown_;                                                                      \
        grown_ ? 0 : -ENOMEM;                                                                      \
    })

#endif
