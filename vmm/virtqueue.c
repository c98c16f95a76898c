/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Split virtqueues, the device's side (Virtio 1.2, 2.7). */
#include "virtqueue.h"

#include <endian.h>
#include <errno.h>
#include <linux/virtio_ring.h>
#include <string.h>

/* The areas' sizes and alignments: 2.7, table "Virtqueue". The last two bytes of the driver and
 * device areas are used_event and avail_event; they are there whether they are used or not. */
#define DESC_ALIGN           16
#define DRIVER_ALIGN         2
#define DEVICE_ALIGN         4
#define DRIVER_SIZE(entries) (6 + 2 * (uint64_t)(entries))
#define DEVICE_SIZE(entries) (6 + 8 * (uint64_t)(entries))

void virtqueue_reset(struct virtqueue *queue, const struct memory *memory, uint16_t size_max)
{
    *queue = (struct virtqueue){
        .memory = memory, .size_max = size_max, .size = size_max, .vector = 0xffff
    };
}

int virtqueue_enable(struct virtqueue *queue)
{
    const struct memory *memory = queue->memory;
    uint16_t size = queue->size;

    queue->enabled = true;
    queue->broken = size == 0 || size > queue->size_max || (size & (size - 1)) != 0 ||
                    queue->desc % DESC_ALIGN != 0 || queue->driver % DRIVER_ALIGN != 0 ||
                    queue->device % DEVICE_ALIGN != 0 ||
                    !memory_at(memory, queue->desc, sizeof(struct vring_desc) * (uint64_t)size) ||
                    !memory_at(memory, queue->driver, DRIVER_SIZE(size)) ||
                    !memory_at(memory, queue->device, DEVICE_SIZE(size));
    return queue->broken ? -EINVAL : 0;
}

/* ---- the areas; virtqueue_enable() has checked that they are in RAM ---- */

static uint16_t load16(const struct virtqueue *queue, uint64_t address)
{
    const uint16_t *at = memory_at(queue->memory, address, sizeof(*at));

    return le16toh(__atomic_load_n(at, __ATOMIC_ACQUIRE));
}

static void store16(const struct virtqueue *queue, uint64_t address, uint16_t value)
{
    uint16_t *at = memory_at(queue->memory, address, sizeof(*at));

    __atomic_store_n(at, htole16(value), __ATOMIC_RELEASE);
}

static uint16_t load_avail_index(const struct virtqueue *queue)
{
    return load16(queue, queue->driver + offsetof(struct vring_avail, idx));
}

/* The driver can change a descriptor while it is looked at: one copy is made, and the barrier
 * keeps the compiler from reading it again. Returns false if it is not in RAM. */
static bool load_desc(const struct virtqueue *queue, uint64_t table, uint32_t index,
                      struct vring_desc *ret_desc)
{
    struct vring_desc raw;

    if (memory_read(queue->memory, table + sizeof(raw) * (uint64_t)index, &raw, sizeof(raw)) < 0)
        return false;
    __asm__ volatile("" ::: "memory");
    ret_desc->addr = le64toh(raw.addr);
    ret_desc->len = le32toh(raw.len);
    ret_desc->flags = le16toh(raw.flags);
    ret_desc->next = le16toh(raw.next);
    return true;
}

/* ---- taking chains ---- */

/* Appends a buffer. What the device reads comes before what it writes (2.7.4.2). */
static bool append(const struct virtqueue *queue, struct virtqueue_chain *chain,
                   const struct vring_desc *desc)
{
    unsigned int count = chain->out_count + chain->in_count;
    bool in = desc->flags & VRING_DESC_F_WRITE;
    void *at;

    if (count == queue->size || (!in && chain->in_count > 0))
        return false;
    at = memory_at(queue->memory, desc->addr, desc->len);
    if (!at)
        return false;
    chain->iov[count] = (struct iovec){ .iov_base = at, .iov_len = desc->len };
    if (in) {
        chain->in_count++;
        chain->in_size += desc->len;
    } else {
        chain->out_count++;
        chain->out_size += desc->len;
    }
    return true;
}

/*
 * Follows a chain from descriptor @index of a table of @size. A chain is no longer than the queue
 * (append() counts, so a loop ends). A link to an indirect table ends the chain, and is not allowed
 * inside of one (2.7.5.3.1); *@ret_indirect is then its descriptor.
 */
static bool walk(const struct virtqueue *queue, uint64_t table, uint32_t size, uint32_t index,
                 struct virtqueue_chain *chain, struct vring_desc *ret_indirect)
{
    struct vring_desc desc;

    do {
        if (index >= size || !load_desc(queue, table, index, &desc))
            return false;
        if (desc.flags & VRING_DESC_F_INDIRECT) {
            if (!ret_indirect || !queue->indirect || desc.flags & VRING_DESC_F_NEXT)
                return false;
            *ret_indirect = desc;
            return true;
        }
        if (!append(queue, chain, &desc))
            return false;
        index = desc.next;
    } while (desc.flags & VRING_DESC_F_NEXT);
    return true;
}

static bool read_chain(const struct virtqueue *queue, struct virtqueue_chain *chain)
{
    struct vring_desc indirect = { 0 };
    uint32_t entries;

    if (!walk(queue, queue->desc, queue->size, chain->head, chain, &indirect))
        return false;
    if (!(indirect.flags & VRING_DESC_F_INDIRECT))
        return true;
    entries = indirect.len / sizeof(struct vring_desc);
    if (entries == 0 || indirect.len % sizeof(struct vring_desc) != 0 ||
        !memory_at(queue->memory, indirect.addr, indirect.len))
        return false;
    return walk(queue, indirect.addr, entries, 0, chain, NULL);
}

/* How many chains wait. When none does, the driver is asked to tell of the next one, and the index
 * is read again: it may have moved in between (2.7.7.1). */
static uint16_t waiting(struct virtqueue *queue)
{
    uint16_t count = (uint16_t)(load_avail_index(queue) - queue->next_avail);

    if (count > 0 || !queue->event_idx)
        return count;
    store16(queue, queue->device + DEVICE_SIZE(queue->size) - 2, queue->next_avail);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return (uint16_t)(load_avail_index(queue) - queue->next_avail);
}

int virtqueue_pop(struct virtqueue *queue, struct virtqueue_chain *ret_chain)
{
    uint16_t count, slot;

    if (!queue->enabled || queue->broken)
        return 0;
    count = waiting(queue);
    if (count == 0)
        return 0;
    slot = queue->next_avail % queue->size;
    ret_chain->out_count = ret_chain->in_count = 0;
    ret_chain->out_size = ret_chain->in_size = 0;
    ret_chain->head = load16(queue, queue->driver + offsetof(struct vring_avail, ring) +
                                        sizeof(uint16_t) * (uint64_t)slot);
    if (count > queue->size || !read_chain(queue, ret_chain)) {
        queue->broken = true;
        return -EPROTO;
    }
    queue->next_avail++;
    return 1;
}

void virtqueue_unpop(struct virtqueue *queue)
{
    queue->next_avail--;
}

/* ---- giving them back ---- */

void virtqueue_push(struct virtqueue *queue, const struct virtqueue_chain *chain, uint32_t written)
{
    struct vring_used_elem element = { .id = htole32(chain->head), .len = htole32(written) };
    uint64_t slot = queue->next_used % queue->size;

    (void)memory_write(queue->memory,
                       queue->device + offsetof(struct vring_used, ring) + sizeof(element) * slot,
                       &element, sizeof(element));
    queue->next_used++;
    store16(queue, queue->device + offsetof(struct vring_used, idx), queue->next_used);
}

bool virtqueue_wants_interrupt(struct virtqueue *queue)
{
    uint16_t before = queue->signalled, now = queue->next_used;

    if (!queue->enabled || queue->broken || before == now)
        return false;
    queue->signalled = now;
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* used->idx is written before the wish is read */
    if (!queue->event_idx)
        return !(load16(queue, queue->driver) & VRING_AVAIL_F_NO_INTERRUPT);
    return vring_need_event(load16(queue, queue->driver + DRIVER_SIZE(queue->size) - 2), now,
                            before);
}

/* ---- a chain's bytes ---- */

/* Copies @size bytes between @data and @count buffers, from byte @offset of them on. */
static size_t copy(const struct iovec *iov, unsigned int count, uint64_t offset, char *data,
                   size_t size, bool write)
{
    size_t done = 0;

    for (unsigned int i = 0; i < count && done < size; i++) {
        size_t step;

        if (offset >= iov[i].iov_len) {
            offset -= iov[i].iov_len;
            continue;
        }
        step = iov[i].iov_len - offset;
        if (step > size - done)
            step = size - done;
        if (write)
            memcpy((char *)iov[i].iov_base + offset, data + done, step);
        else
            memcpy(data + done, (const char *)iov[i].iov_base + offset, step);
        done += step;
        offset = 0;
    }
    return done;
}

size_t virtqueue_read(const struct virtqueue_chain *chain, uint64_t offset, void *data, size_t size)
{
    return copy(chain->iov, chain->out_count, offset, data, size, false);
}

size_t virtqueue_write(const struct virtqueue_chain *chain, uint64_t offset, const void *data,
                       size_t size)
{
    return copy(chain->iov + chain->out_count, chain->in_count, offset, (char *)(uintptr_t)data,
                size, true);
}
