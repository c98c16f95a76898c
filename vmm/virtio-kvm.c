/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A virtio device on KVM. */
#include "virtio-kvm.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <systemd/sd-event.h>

#include "irq.h"
#include "libcpuctl/cleanup.h"
#include "vm.h"

struct queue {
    struct virtio_kvm *kvm;
    unsigned int index;
    int event;
    sd_event_source *source;
    uint64_t address; /* where KVM listens for the notification; 0: nowhere */
};

struct vector {
    int gsi, event; /* -1: none yet */
};

struct virtio_kvm {
    struct vm *vm;
    struct virtio_pci *pci;
    unsigned int queue_count, vector_count;
    struct queue *queues;
    struct vector *vectors;
};

/* ---- interrupts ---- */

/* A vector gets its GSI when the driver first uses it. */
static int open_vector(struct virtio_kvm *kvm, struct vector *vector)
{
    _cleanup_close_ int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int gsi, r;

    if (event < 0)
        return -errno;
    gsi = irq_alloc(kvm->vm->irq);
    if (gsi < 0)
        return gsi;
    r = irq_attach(kvm->vm->irq, (unsigned int)gsi, event, true);
    if (r < 0) {
        irq_release(kvm->vm->irq, (unsigned int)gsi);
        return r;
    }
    *vector = (struct vector){ .gsi = gsi, .event = take_fd(&event) };
    return 0;
}

static void close_vector(struct virtio_kvm *kvm, const struct vector *vector)
{
    if (vector->gsi < 0)
        return;
    (void)irq_attach(kvm->vm->irq, (unsigned int)vector->gsi, vector->event, false);
    irq_release(kvm->vm->irq, (unsigned int)vector->gsi);
    cleanup_close(&vector->event);
}

static int route(void *opaque, unsigned int index, const struct msi *msi)
{
    struct virtio_kvm *kvm = opaque;
    struct vector *vector = &kvm->vectors[index];
    int r = vector->gsi < 0 ? open_vector(kvm, vector) : 0;

    if (r == 0)
        irq_route(kvm->vm->irq, (unsigned int)vector->gsi, msi);
    return r;
}

static void raise_vector(void *opaque, unsigned int index)
{
    struct virtio_kvm *kvm = opaque;

    (void)eventfd_write(kvm->vectors[index].event, 1);
}

/* ---- notifications ---- */

static int on_notified(sd_event_source *source, int fd, uint32_t events, void *data)
{
    struct queue *queue = data;
    eventfd_t count;

    (void)source;
    (void)events;
    (void)eventfd_read(fd, &count);
    virtio_pci_kick(queue->kvm->pci, queue->index);
    return 0;
}

/* If KVM does not take the address, the write arrives by the MMIO bus: slower, but the same. */
static void notify_at(void *opaque, unsigned int index, uint64_t address)
{
    struct virtio_kvm *kvm = opaque;
    struct queue *queue = &kvm->queues[index];

    if (queue->address)
        (void)kvm_ioeventfd(kvm->vm->fd, queue->address, 2, queue->event, false, false);
    queue->address = 0;
    if (address && kvm_ioeventfd(kvm->vm->fd, address, 2, queue->event, false, true) >= 0)
        queue->address = address;
}

static void again(void *opaque, unsigned int index)
{
    struct virtio_kvm *kvm = opaque;

    (void)eventfd_write(kvm->queues[index].event, 1);
}

static const struct virtio_pci_host host = {
    .msix = { .route = route, .raise = raise_vector },
    .notify_at = notify_at,
    .again = again,
};

/* ---- making one ---- */

static int open_queues(struct virtio_kvm *kvm)
{
    for (unsigned int i = 0; i < kvm->queue_count; i++) {
        struct queue *queue = &kvm->queues[i];
        int r;

        queue->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (queue->event < 0)
            return -errno;
        r = sd_event_add_io(kvm->vm->event, &queue->source, queue->event, EPOLLIN, on_notified,
                            queue);
        if (r < 0)
            return r;
    }
    return 0;
}

static int allocate(struct vm *vm, const struct virtio_device *device, struct virtio_kvm **ret_kvm)
{
    struct virtio_kvm *kvm = calloc(1, sizeof(*kvm));

    if (!kvm)
        return -ENOMEM;
    kvm->vm = vm;
    kvm->queues = calloc(device->queue_count, sizeof(*kvm->queues));
    kvm->vectors = calloc(device->queue_count + 1, sizeof(*kvm->vectors));
    if (!kvm->queues || !kvm->vectors) {
        virtio_kvm_free(kvm);
        return -ENOMEM;
    }
    kvm->queue_count = device->queue_count;
    kvm->vector_count = device->queue_count + 1;
    for (unsigned int i = 0; i < kvm->queue_count; i++)
        kvm->queues[i] = (struct queue){ .kvm = kvm, .index = i, .event = -1 };
    for (unsigned int i = 0; i < kvm->vector_count; i++)
        kvm->vectors[i] = (struct vector){ .gsi = -1, .event = -1 };
    *ret_kvm = kvm;
    return 0;
}

int virtio_kvm_new(struct vm *vm, struct pci_bus *bus, struct virtio_device *device,
                   struct virtio_kvm **ret_kvm)
{
    struct virtio_kvm *kvm;
    int r = allocate(vm, device, &kvm);

    if (r < 0)
        return r;
    r = open_queues(kvm);
    if (r >= 0)
        r = virtio_pci_new(bus, device, &host, kvm, &kvm->pci);
    if (r < 0) {
        virtio_kvm_free(kvm);
        return r;
    }
    *ret_kvm = kvm;
    return 0;
}

void virtio_kvm_free(struct virtio_kvm *kvm)
{
    if (!kvm)
        return;
    virtio_pci_free(kvm->pci);
    for (unsigned int i = 0; i < kvm->queue_count; i++) {
        sd_event_source_disable_unref(kvm->queues[i].source);
        cleanup_close(&kvm->queues[i].event);
    }
    for (unsigned int i = 0; i < kvm->vector_count; i++)
        close_vector(kvm, &kvm->vectors[i]);
    free(kvm->queues);
    free(kvm->vectors);
    free(kvm);
}
