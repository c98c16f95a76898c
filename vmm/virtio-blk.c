/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Virtio block device on a raw file (Virtio 1.2, 5.2). */
#include "virtio-blk.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cpuctl.h"
#include "fail.h"
#include "libcpuctl/cleanup.h"
#include "sandbox.h"

#define SECTOR     512U
#define QUEUE_SIZE 128
/* What a request may carry: so many pieces of so many bytes. */
#define SEGMENTS_MAX     126U /* with header and status, what fits into the queue */
#define SEGMENT_SIZE_MAX 65536U

/* A request: prepared with the lock held, carried out without, finished with it. */
struct job {
    struct virtqueue_chain chain;
    uint32_t type;
    uint64_t offset, size; /* bytes of the file */
    bool sync;             /* a write that is to be on the disk when it is done */
    uint8_t status;        /* VIRTIO_BLK_S_… */
};

enum worker_state {
    WORKER_IDLE,
    WORKER_BUSY, /* the job is the thread's */
    WORKER_DONE,
    WORKER_END,
};

struct virtio_blk {
    struct virtio_device device;
    int file, done; /* done: eventfd */
    uint64_t sectors;
    bool read_only;
    char serial[VIRTIO_BLK_ID_BYTES];
    pthread_t thread;
    pthread_mutex_t mutex; /* for state */
    pthread_cond_t changed;
    enum worker_state state;
    struct job job;
};

static struct virtio_blk *blk_of(const struct virtio_device *device)
{
    return (struct virtio_blk *)((uintptr_t)device - offsetof(struct virtio_blk, device));
}

/* ---- the thread: the file and the job's buffers, nothing else ---- */

/* The buffers' bytes from @offset on, @size of them, as a list. Returns how long it is. */
static int slice(const struct iovec *iov, unsigned int count, uint64_t offset, uint64_t size,
                 struct iovec *ret_iov)
{
    int used = 0;

    for (unsigned int i = 0; i < count && size > 0; i++) {
        size_t step;

        if (offset >= iov[i].iov_len) {
            offset -= iov[i].iov_len;
            continue;
        }
        step = iov[i].iov_len - offset < size ? iov[i].iov_len - offset : (size_t)size;
        ret_iov[used++] =
            (struct iovec){ .iov_base = (char *)iov[i].iov_base + offset, .iov_len = step };
        size -= step;
        offset = 0;
    }
    return used;
}

static bool transfer(const struct virtio_blk *blk, const struct job *job)
{
    bool write = job->type == VIRTIO_BLK_T_OUT;
    const struct iovec *from = job->chain.iov + (write ? 0 : job->chain.out_count);
    unsigned int count = write ? job->chain.out_count : job->chain.in_count;
    uint64_t skip = write ? sizeof(struct virtio_blk_outhdr) : 0;
    struct iovec iov[VIRTQUEUE_SIZE_MAX];

    for (uint64_t done = 0; done < job->size;) {
        int pieces = slice(from, count, skip + done, job->size - done, iov);
        off_t at = (off_t)(job->offset + done);
        ssize_t n =
            write ? pwritev(blk->file, iov, pieces, at) : preadv(blk->file, iov, pieces, at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) /* 0: the file was cut while in use */
            return false;
        done += (uint64_t)n;
    }
    return true;
}

static uint8_t carry_out(const struct virtio_blk *blk, const struct job *job)
{
    bool ok = job->type == VIRTIO_BLK_T_FLUSH || transfer(blk, job);

    if (ok && (job->type == VIRTIO_BLK_T_FLUSH || job->sync))
        ok = fdatasync(blk->file) == 0;
    return ok ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR;
}

static void *run(void *opaque)
{
    struct virtio_blk *blk = opaque;
    bool closed = sandbox_enter(SANDBOX_BLK) >= 0;

    pthread_mutex_lock(&blk->mutex);
    for (;;) {
        while (blk->state == WORKER_IDLE || blk->state == WORKER_DONE)
            pthread_cond_wait(&blk->changed, &blk->mutex);
        if (blk->state == WORKER_END)
            break;
        pthread_mutex_unlock(&blk->mutex);
        blk->job.status = closed ? carry_out(blk, &blk->job) : VIRTIO_BLK_S_IOERR;
        pthread_mutex_lock(&blk->mutex);
        blk->state = WORKER_DONE;
        pthread_cond_broadcast(&blk->changed);
        (void)eventfd_write(blk->done, 1);
    }
    pthread_mutex_unlock(&blk->mutex);
    return NULL;
}

/* ---- requests ---- */

/* Whether the job needs the thread. If not, its status says what became of it. */
static bool prepare(struct virtio_blk *blk, struct job *job)
{
    uint64_t in = job->chain.in_size, out = job->chain.out_size, sector;
    struct virtio_blk_outhdr header;

    virtqueue_read(&job->chain, 0, &header, sizeof(header));
    job->type = le32toh(header.type);
    sector = le64toh(header.sector);
    job->size = 0;
    job->sync = false;
    job->status = VIRTIO_BLK_S_IOERR;
    switch (job->type) {
    case VIRTIO_BLK_T_IN:
        job->size = in - 1;
        break;
    case VIRTIO_BLK_T_OUT:
        if (blk->read_only) /* 5.2.6.2 */
            return false;
        job->size = out - sizeof(header);
        job->sync = !(blk->device.accepted & 1ULL << VIRTIO_BLK_F_FLUSH);
        break;
    case VIRTIO_BLK_T_FLUSH:
        return true;
    case VIRTIO_BLK_T_GET_ID:
        if (in - 1 >= sizeof(blk->serial)) {
            job->size = virtqueue_write(&job->chain, 0, blk->serial, sizeof(blk->serial));
            job->status = VIRTIO_BLK_S_OK;
        }
        return false;
    default:
        job->status = VIRTIO_BLK_S_UNSUPP;
        return false;
    }
    if (job->size % SECTOR != 0 || job->size > SEGMENTS_MAX * SEGMENT_SIZE_MAX ||
        sector > blk->sectors || job->size / SECTOR > blk->sectors - sector)
        return false;
    job->offset = sector * SECTOR;
    return true;
}

static void finish(struct virtio_blk *blk)
{
    struct job *job = &blk->job;
    bool read = job->type == VIRTIO_BLK_T_IN || job->type == VIRTIO_BLK_T_GET_ID;
    uint64_t written = read && job->status == VIRTIO_BLK_S_OK ? job->size : 0;
    uint64_t last = job->chain.in_size - 1;

    /* The status is the last byte of what we may write; only what is whole up to it counts
     * (2.7.8.2).
     */
    virtqueue_write(&job->chain, last, &job->status, 1);
    virtqueue_push(&blk->device.queues[0], &job->chain,
                   (uint32_t)(written == last ? written + 1 : written));
}

static bool is_idle(struct virtio_blk *blk)
{
    bool idle;

    pthread_mutex_lock(&blk->mutex);
    idle = blk->state == WORKER_IDLE;
    pthread_mutex_unlock(&blk->mutex);
    return idle;
}

static void kick(struct virtio_device *device, unsigned int index)
{
    struct virtio_blk *blk = blk_of(device);
    struct job *job = &blk->job;
    unsigned int done = 0;

    while (is_idle(blk) && virtio_pop(device, index, &job->chain)) {
        if (job->chain.out_size < sizeof(struct virtio_blk_outhdr) || job->chain.in_size < 1) {
            device->transport->fail(device); /* nowhere to tell */
            return;
        }
        if (prepare(blk, job)) {
            pthread_mutex_lock(&blk->mutex);
            blk->state = WORKER_BUSY;
            pthread_cond_broadcast(&blk->changed);
            pthread_mutex_unlock(&blk->mutex);
            break;
        }
        finish(blk);
        if (++done == QUEUE_SIZE) {
            device->transport->again(device, index);
            break;
        }
    }
    virtio_flush(device, index);
}

void virtio_blk_complete(struct virtio_blk *blk)
{
    eventfd_t count;
    bool done;

    (void)eventfd_read(blk->done, &count);
    pthread_mutex_lock(&blk->mutex);
    done = blk->state == WORKER_DONE;
    if (done)
        blk->state = WORKER_IDLE;
    pthread_mutex_unlock(&blk->mutex);
    if (!done)
        return;
    finish(blk);
    virtio_flush(&blk->device, 0);
    if (virtio_is_ready(&blk->device))
        kick(&blk->device, 0);
}

/* ---- the device ---- */

/* After a reset the guest's memory may be anything: the request in progress must have ended (2.4).
 * Its time is bounded by its size. */
static void wait_idle(struct virtio_blk *blk)
{
    pthread_mutex_lock(&blk->mutex);
    while (blk->state == WORKER_BUSY)
        pthread_cond_wait(&blk->changed, &blk->mutex);
    blk->state = WORKER_IDLE;
    pthread_mutex_unlock(&blk->mutex);
}

static void reset(struct virtio_device *device)
{
    wait_idle(blk_of(device));
}

static void read_config(const struct virtio_device *device, void *ret_config)
{
    struct virtio_blk_config *config = ret_config;

    config->capacity = htole64(blk_of(device)->sectors);
    config->size_max = htole32(SEGMENT_SIZE_MAX);
    config->seg_max = htole32(SEGMENTS_MAX);
    config->blk_size = htole32(SECTOR);
}

static const struct virtio_class class = {
    .name = "blk",
    .id = VIRTIO_ID_BLOCK,
    .class_code = 0x018000, /* mass storage controller, other */
    .kick = kick,
    .read_config = read_config,
    .reset = reset,
};

/* ---- making one ---- */

/* One writer, or any number of readers. Returns 0 or a negative errno. */
static int lock_file(int file, bool read_only)
{
    struct flock lock = { .l_type = read_only ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET };

    return fcntl(file, F_OFD_SETLK, &lock) < 0 ? -errno : 0;
}

static int open_file(struct virtio_blk *blk, const char *path, struct cpuctl_error *error)
{
    off_t size;
    int r;

    blk->file = open(path, (blk->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOCTTY);
    r = blk->file < 0 ? -errno : lock_file(blk->file, blk->read_only);
    if (r == -EAGAIN)
        return cpuctl_error_set(
            error, -EBUSY, "--drive %s: it is locked: another --drive or another process uses it",
            path);
    if (r < 0)
        return fail_system(error, r, "--drive %s", path);
    size = lseek(blk->file, 0, SEEK_END);
    if (size < 0) {
        r = -errno;
        return fail_system(error, r, "--drive %s: neither a file nor a block device", path);
    }
    if (size == 0 || size % SECTOR != 0)
        return cpuctl_error_set(error, -EINVAL,
                                "--drive %s: %lld bytes; a raw disk has a positive multiple of %u",
                                path, (long long)size, SECTOR);
    blk->sectors = (uint64_t)size / SECTOR;
    return 0;
}

/* Signals are the main thread's. */
static int start_thread(struct virtio_blk *blk)
{
    sigset_t all, before;
    int r;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r = -pthread_create(&blk->thread, NULL, run, blk);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r == 0)
        (void)pthread_setname_np(blk->thread, "virtio-blk");
    return r;
}

static void free_parts(struct virtio_blk *blk)
{
    virtio_release(&blk->device);
    cleanup_close(&blk->file);
    cleanup_close(&blk->done);
    pthread_cond_destroy(&blk->changed);
    pthread_mutex_destroy(&blk->mutex);
    free(blk);
}

int virtio_blk_new(const struct memory *memory, const struct virtio_blk_options *options,
                   struct virtio_blk **ret_blk, struct cpuctl_error *error)
{
    struct virtio_blk *blk = calloc(1, sizeof(*blk));
    int r;

    if (!blk)
        return cpuctl_error_set(error, -ENOMEM, "--drive %s: out of memory", options->path);
    blk->file = -1;
    blk->read_only = options->read_only;
    if (options->serial)
        memcpy(blk->serial, options->serial, strnlen(options->serial, sizeof(blk->serial)));
    blk->device = (struct virtio_device){
        .class = &class,
        .features = 1ULL << VIRTIO_BLK_F_SIZE_MAX | 1ULL << VIRTIO_BLK_F_SEG_MAX |
                    1ULL << VIRTIO_BLK_F_BLK_SIZE | 1ULL << VIRTIO_BLK_F_FLUSH |
                    (options->read_only ? 1ULL << VIRTIO_BLK_F_RO : 0),
        .config_size = offsetof(struct virtio_blk_config, physical_block_exp),
        .queue_count = 1,
        .queue_size = QUEUE_SIZE,
    };
    pthread_mutex_init(&blk->mutex, NULL);
    pthread_cond_init(&blk->changed, NULL);
    blk->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r = open_file(blk, options->path, error);
    if (r < 0) {
        free_parts(blk);
        return r;
    }
    r = blk->done < 0 ? -ENFILE : virtio_init(&blk->device, memory);
    if (r == 0)
        r = start_thread(blk);
    if (r < 0) {
        free_parts(blk);
        return fail_system(error, r, "--drive %s", options->path);
    }
    *ret_blk = blk;
    return 0;
}

void virtio_blk_free(struct virtio_blk *blk)
{
    if (!blk)
        return;
    wait_idle(blk);
    pthread_mutex_lock(&blk->mutex);
    blk->state = WORKER_END;
    pthread_cond_broadcast(&blk->changed);
    pthread_mutex_unlock(&blk->mutex);
    pthread_join(blk->thread, NULL);
    free_parts(blk);
}

struct virtio_device *virtio_blk_device(struct virtio_blk *blk)
{
    return &blk->device;
}

int virtio_blk_fd(const struct virtio_blk *blk)
{
    return blk->done;
}
