/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Virtio over PCI, modern only (Virtio 1.2, 4.1). */
#include "virtio-pci.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>

#define VENDOR_ID      0x1af4
#define DEVICE_ID_BASE 0x1040 /* 4.1.2.1 */
#define SUBSYSTEM_ID   0x1100
#define REVISION       1
#define REGISTER_BAR   0
#define MSIX_BAR       1
#define REGION_SIZE    0x1000U
#define ISR_QUEUE      1U
#define ISR_CONFIG     2U
#define RING_FEATURES                                                                              \
    (1ULL << VIRTIO_RING_F_INDIRECT_DESC | 1ULL << VIRTIO_RING_F_EVENT_IDX |                       \
     1ULL << VIRTIO_F_VERSION_1)
/* What the driver may set; DEVICE_NEEDS_RESET is ours. */
#define STATUS_WRITABLE                                                                            \
    (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_DRIVER_OK |            \
     VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_FAILED)

static uint64_t offered_features(const struct virtio_pci *pci)
{
    return pci->device->features | RING_FEATURES;
}

static struct virtqueue *selected(const struct virtio_pci *pci)
{
    return pci->queue_select < pci->device->queue_count ? &pci->device->queues[pci->queue_select]
                                                        : NULL;
}

/* ---- the transport's side ---- */

static void signal_driver(struct virtio_pci *pci, uint16_t vector, uint8_t cause)
{
    if (pci->function.msix.active)
        msix_notify(&pci->function.msix, vector);
    else
        pci->isr |= cause;
}

static void transport_interrupt(struct virtio_device *device, unsigned int index)
{
    signal_driver(device->transport_data, device->queues[index].vector, ISR_QUEUE);
}

static void transport_fail(struct virtio_device *device)
{
    struct virtio_pci *pci = device->transport_data;

    device->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
    if (device->status & VIRTIO_CONFIG_S_DRIVER_OK) /* 2.1.2 */
        signal_driver(pci, pci->config_vector, ISR_CONFIG);
}

static void transport_again(struct virtio_device *device, unsigned int index)
{
    struct virtio_pci *pci = device->transport_data;

    pci->host->again(pci->opaque, index);
}

static const struct virtio_transport transport = {
    .interrupt = transport_interrupt,
    .fail = transport_fail,
    .again = transport_again,
};

void virtio_pci_kick(struct virtio_pci *pci, unsigned int index)
{
    struct virtio_device *device = pci->device;

    if (index < device->queue_count && device->queues[index].enabled && virtio_is_ready(device))
        device->class->kick(device, index);
}

/* The driver may have filled and notified queues before it was ready: look at them all. */
static void kick_all(struct virtio_pci *pci)
{
    for (unsigned int i = 0; i < pci->device->queue_count; i++)
        virtio_pci_kick(pci, i);
}

static void reset(struct virtio_pci *pci)
{
    pci->device_feature_select = 0;
    pci->driver_feature_select = 0;
    pci->driver_features = 0;
    pci->config_vector = VIRTIO_NO_VECTOR;
    pci->queue_select = 0;
    pci->isr = 0;
    virtio_reset(pci->device);
    msix_drop_pending(&pci->function.msix);
}

/* ---- common configuration (4.1.4.3) ---- */

static uint32_t get_device_feature(const struct virtio_pci *pci)
{
    uint32_t select = pci->device_feature_select;

    return select < 2 ? (uint32_t)(offered_features(pci) >> (32 * select)) : 0;
}

static uint32_t get_driver_feature(const struct virtio_pci *pci)
{
    uint32_t select = pci->driver_feature_select;

    return select < 2 ? (uint32_t)(pci->driver_features >> (32 * select)) : 0;
}

static void set_driver_feature(struct virtio_pci *pci, uint32_t value)
{
    unsigned int shift = 32 * (pci->driver_feature_select & 1);

    if (pci->driver_feature_select > 1 || pci->device->status & VIRTIO_CONFIG_S_FEATURES_OK)
        return;
    pci->driver_features &= ~(0xffffffffULL << shift);
    pci->driver_features |= (uint64_t)value << shift;
}

static uint16_t checked_vector(const struct virtio_pci *pci, uint32_t value)
{
    return value < pci->function.msix.count ? (uint16_t)value : VIRTIO_NO_VECTOR;
}

static void set_config_vector(struct virtio_pci *pci, uint32_t value)
{
    pci->config_vector = checked_vector(pci, value);
}

static void set_queue_vector(struct virtio_pci *pci, uint32_t value)
{
    if (selected(pci))
        selected(pci)->vector = checked_vector(pci, value);
}

static uint32_t get_queue_count(const struct virtio_pci *pci)
{
    return pci->device->queue_count;
}

static uint32_t get_status(const struct virtio_pci *pci)
{
    return pci->device->status;
}

/* The driver's choice is taken only if it is one that we offered, with VERSION_1 (6.1). */
static bool accept_features(struct virtio_pci *pci)
{
    struct virtio_device *device = pci->device;
    uint64_t features = pci->driver_features;

    if (features & ~offered_features(pci) || !(features & 1ULL << VIRTIO_F_VERSION_1))
        return false;
    device->accepted = features;
    for (unsigned int i = 0; i < device->queue_count; i++) {
        device->queues[i].event_idx = features & 1ULL << VIRTIO_RING_F_EVENT_IDX;
        device->queues[i].indirect = features & 1ULL << VIRTIO_RING_F_INDIRECT_DESC;
    }
    return true;
}

/* Bits are only ever added; 0 resets (2.1, 2.4). */
static void set_status(struct virtio_pci *pci, uint32_t value)
{
    struct virtio_device *device = pci->device;
    uint8_t added = value & STATUS_WRITABLE & (uint8_t)~device->status;

    if (value == 0) {
        reset(pci);
        return;
    }
    if (added & VIRTIO_CONFIG_S_FEATURES_OK && !accept_features(pci))
        added &= (uint8_t)~VIRTIO_CONFIG_S_FEATURES_OK;
    if (!((device->status | added) & VIRTIO_CONFIG_S_FEATURES_OK))
        added &= (uint8_t)~VIRTIO_CONFIG_S_DRIVER_OK;
    device->status |= added;
    if (added & VIRTIO_CONFIG_S_DRIVER_OK)
        kick_all(pci);
}

static uint32_t get_zero(const struct virtio_pci *pci)
{
    (void)pci;
    return 0;
}

static uint32_t get_queue_enable(const struct virtio_pci *pci)
{
    return selected(pci) && selected(pci)->enabled;
}

/* A queue is enabled once, after the features were agreed on (3.1.1); there is no disabling. */
static void set_queue_enable(struct virtio_pci *pci, uint32_t value)
{
    struct virtqueue *queue = selected(pci);

    if (!queue || value != 1 || queue->enabled ||
        !(pci->device->status & VIRTIO_CONFIG_S_FEATURES_OK))
        return;
    if (virtqueue_enable(queue) < 0)
        transport_fail(pci->device);
}

static uint32_t get_notify_offset(const struct virtio_pci *pci)
{
    return selected(pci) ? pci->queue_select : 0;
}

/* Where a field's value is kept, if it has no function of its own. */
enum place {
    NOWHERE,
    IN_PCI,   /* in struct virtio_pci */
    IN_QUEUE, /* in the selected queue; not to be changed once that is enabled */
};

struct field {
    uint8_t offset, size;
    enum place place;
    size_t member; /* its offset there; x86 is little-endian, as the registers are */
    uint32_t (*get)(const struct virtio_pci *pci);
    void (*set)(struct virtio_pci *pci, uint32_t value);
};

#define PCI_MEMBER(name)   .place = IN_PCI, .member = offsetof(struct virtio_pci, name)
#define QUEUE_MEMBER(name) .place = IN_QUEUE, .member = offsetof(struct virtqueue, name)
#define QUEUE_HIGH(name)   .place = IN_QUEUE, .member = offsetof(struct virtqueue, name) + 4

/* Each field is accessed in its own width, 64-bit ones as two halves (4.1.3.1). */
static const struct field fields[] = {
    { .offset = VIRTIO_PCI_COMMON_DFSELECT, .size = 4, PCI_MEMBER(device_feature_select) },
    { .offset = VIRTIO_PCI_COMMON_DF, .size = 4, .get = get_device_feature },
    { .offset = VIRTIO_PCI_COMMON_GFSELECT, .size = 4, PCI_MEMBER(driver_feature_select) },
    { .offset = VIRTIO_PCI_COMMON_GF,
      .size = 4,
      .get = get_driver_feature,
      .set = set_driver_feature },
    { .offset = VIRTIO_PCI_COMMON_MSIX,
      .size = 2,
      PCI_MEMBER(config_vector),
      .set = set_config_vector },
    { .offset = VIRTIO_PCI_COMMON_NUMQ, .size = 2, .get = get_queue_count },
    { .offset = VIRTIO_PCI_COMMON_STATUS, .size = 1, .get = get_status, .set = set_status },
    { .offset = VIRTIO_PCI_COMMON_CFGGENERATION, .size = 1, .get = get_zero }, /* never changes */
    { .offset = VIRTIO_PCI_COMMON_Q_SELECT, .size = 2, PCI_MEMBER(queue_select) },
    { .offset = VIRTIO_PCI_COMMON_Q_SIZE, .size = 2, QUEUE_MEMBER(size) },
    { .offset = VIRTIO_PCI_COMMON_Q_MSIX,
      .size = 2,
      QUEUE_MEMBER(vector),
      .set = set_queue_vector },
    { .offset = VIRTIO_PCI_COMMON_Q_ENABLE,
      .size = 2,
      .get = get_queue_enable,
      .set = set_queue_enable },
    { .offset = VIRTIO_PCI_COMMON_Q_NOFF, .size = 2, .get = get_notify_offset },
    { .offset = VIRTIO_PCI_COMMON_Q_DESCLO, .size = 4, QUEUE_MEMBER(desc) },
    { .offset = VIRTIO_PCI_COMMON_Q_DESCHI, .size = 4, QUEUE_HIGH(desc) },
    { .offset = VIRTIO_PCI_COMMON_Q_AVAILLO, .size = 4, QUEUE_MEMBER(driver) },
    { .offset = VIRTIO_PCI_COMMON_Q_AVAILHI, .size = 4, QUEUE_HIGH(driver) },
    { .offset = VIRTIO_PCI_COMMON_Q_USEDLO, .size = 4, QUEUE_MEMBER(device) },
    { .offset = VIRTIO_PCI_COMMON_Q_USEDHI, .size = 4, QUEUE_HIGH(device) },
};

static const struct field *find_field(uint64_t offset, unsigned int size)
{
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (fields[i].offset == offset)
            return fields[i].size == size ? &fields[i] : NULL;
    }
    return NULL;
}

/* Where the field is kept. NULL: a queue was selected that is not there. */
static char *field_value(struct virtio_pci *pci, const struct field *field)
{
    char *base = field->place == IN_PCI ? (char *)pci : (char *)selected(pci);

    return base ? base + field->member : NULL;
}

static uint64_t common_read(struct virtio_pci *pci, uint64_t offset, unsigned int size)
{
    const struct field *field = find_field(offset, size);
    uint32_t value = 0;
    const char *at;

    if (!field)
        return UINT64_MAX;
    if (field->get)
        return field->get(pci);
    at = field_value(pci, field);
    if (at) /* else a queue size of 0 says that there is none */
        memcpy(&value, at, size);
    return value;
}

static void common_write(struct virtio_pci *pci, uint64_t offset, unsigned int size, uint64_t value)
{
    const struct field *field = find_field(offset, size);
    char *at;

    if (!field)
        return;
    if (field->set) {
        field->set(pci, (uint32_t)value);
        return;
    }
    at = field->place == NOWHERE ? NULL : field_value(pci, field);
    if (at && !(field->place == IN_QUEUE && selected(pci)->enabled))
        memcpy(at, &value, size);
}

/* ---- BAR 0 ---- */

static uint64_t device_read(const struct virtio_pci *pci, uint64_t offset, unsigned int size)
{
    uint64_t config[REGION_SIZE / sizeof(uint64_t)] = { 0 }, value = 0;
    const struct virtio_device *device = pci->device;

    if (offset + size > device->config_size)
        return UINT64_MAX;
    device->class->read_config(device, config);
    memcpy(&value, (const char *)config + offset, size);
    return value;
}

static uint64_t isr_read(struct virtio_pci *pci, uint64_t offset, unsigned int size)
{
    uint8_t isr = pci->isr;

    if (offset != 0 || size != 1)
        return UINT64_MAX;
    pci->isr = 0;
    return isr;
}

static uint64_t bar_read(void *opaque, uint64_t offset, unsigned int size)
{
    struct virtio_pci *pci = opaque;
    uint64_t in_region = offset % REGION_SIZE;

    if (offset % size != 0)
        return UINT64_MAX;
    switch (offset - in_region) {
    case VIRTIO_REGION_COMMON:
        return common_read(pci, in_region, size);
    case VIRTIO_REGION_ISR:
        return isr_read(pci, in_region, size);
    case VIRTIO_REGION_DEVICE:
        return device_read(pci, in_region, size);
    default:
        return UINT64_MAX;
    }
}

/* No device has configuration fields that the driver writes. */
static void bar_write(void *opaque, uint64_t offset, unsigned int size, uint64_t value)
{
    struct virtio_pci *pci = opaque;

    if (offset % size != 0)
        return;
    if (offset < VIRTIO_REGION_COMMON + REGION_SIZE)
        common_write(pci, offset - VIRTIO_REGION_COMMON, size, value);
    else if (offset >= VIRTIO_REGION_NOTIFY && size == 2 && offset % VIRTIO_NOTIFY_STEP == 0)
        virtio_pci_kick(pci, (unsigned int)(offset - VIRTIO_REGION_NOTIFY) / VIRTIO_NOTIFY_STEP);
}

static const struct bus_ops bar_ops = { .read = bar_read, .write = bar_write };

/* ---- configuration space ---- */

static void bar_moved(struct pci_function *function, unsigned int bar, uint32_t address)
{
    struct virtio_pci *pci = function->device;

    if (bar != REGISTER_BAR || !pci->host->notify_at)
        return;
    for (unsigned int i = 0; i < pci->device->queue_count; i++)
        pci->host->notify_at(
            pci->opaque, i,
            address ? address + VIRTIO_REGION_NOTIFY + (uint64_t)i * VIRTIO_NOTIFY_STEP : 0);
}

/* Whether an access is one to pci_cfg_data, the window on the BAR (4.1.4.9); what it looks at. */
static bool window(const struct virtio_pci *pci, unsigned int offset, unsigned int size,
                   struct virtio_pci_cap *ret_cap)
{
    unsigned int data = pci->config_access + sizeof(struct virtio_pci_cap);

    memcpy(ret_cap, &pci->function.config[pci->config_access], sizeof(*ret_cap));
    return offset == data && size == ret_cap->length && ret_cap->bar == REGISTER_BAR &&
           (size == 1 || size == 2 || size == 4) && ret_cap->offset < VIRTIO_BAR_SIZE &&
           ret_cap->offset % size == 0;
}

static void before_read(struct pci_function *function, unsigned int offset, unsigned int size)
{
    struct virtio_pci *pci = function->device;
    struct virtio_pci_cap cap;
    uint64_t value;

    if (!window(pci, offset, size, &cap))
        return;
    value = bar_read(pci, cap.offset, size);
    memcpy(&function->config[offset], &value, size);
}

static void after_write(struct pci_function *function, unsigned int offset, unsigned int size)
{
    struct virtio_pci *pci = function->device;
    bool was_ready = virtio_is_ready(pci->device);
    struct virtio_pci_cap cap;
    uint64_t value = 0;

    pci->device->may_access = pci_is_master(function);
    if (!was_ready && virtio_is_ready(pci->device))
        kick_all(pci);
    if (!window(pci, offset, size, &cap))
        return;
    memcpy(&value, &function->config[offset], size);
    bar_write(pci, cap.offset, size, value);
}

static void machine_reset(struct pci_function *function)
{
    struct virtio_pci *pci = function->device;

    pci->device->may_access = false;
    reset(pci);
}

static const struct pci_function_ops function_ops = {
    .bar_moved = bar_moved,
    .before_read = before_read,
    .after_write = after_write,
    .reset = machine_reset,
};

/* ---- making one ---- */

static int add_capability(struct virtio_pci *pci, uint8_t type, uint32_t offset, uint32_t length,
                          size_t size)
{
    struct virtio_pci_notify_cap cap = {
        .cap = { .cap_len = (uint8_t)size,
                 .cfg_type = type,
                 .bar = REGISTER_BAR,
                 .offset = offset,
                 .length = length },
        .notify_off_multiplier = type == VIRTIO_PCI_CAP_NOTIFY_CFG ? VIRTIO_NOTIFY_STEP : 0,
    };

    return pci_add_capability(&pci->function, PCI_CAP_ID_VNDR, (const char *)&cap + 2, size - 2);
}

static int add_capabilities(struct virtio_pci *pci)
{
    const struct virtio_device *device = pci->device;
    const size_t plain = sizeof(struct virtio_pci_cap), longer = plain + 4;
    uint8_t *writable;
    int r;

    r = add_capability(pci, VIRTIO_PCI_CAP_COMMON_CFG, VIRTIO_REGION_COMMON,
                       sizeof(struct virtio_pci_common_cfg), plain);
    if (r >= 0)
        r = add_capability(pci, VIRTIO_PCI_CAP_ISR_CFG, VIRTIO_REGION_ISR, 1, plain);
    if (r >= 0 && device->config_size > 0)
        r = add_capability(pci, VIRTIO_PCI_CAP_DEVICE_CFG, VIRTIO_REGION_DEVICE,
                           (uint32_t)device->config_size, plain);
    if (r >= 0)
        r = add_capability(pci, VIRTIO_PCI_CAP_NOTIFY_CFG, VIRTIO_REGION_NOTIFY,
                           device->queue_count * VIRTIO_NOTIFY_STEP, longer);
    if (r >= 0)
        r = add_capability(pci, VIRTIO_PCI_CAP_PCI_CFG, 0, 0, longer);
    if (r < 0)
        return r;
    pci->config_access = (unsigned int)r;
    writable = &pci->function.writable[r];
    writable[offsetof(struct virtio_pci_cap, bar)] = 0xff;
    memset(writable + offsetof(struct virtio_pci_cap, offset), 0xff, longer - 8);
    return pci_add_msix(&pci->function, MSIX_BAR, device->queue_count + 1, &pci->host->msix,
                        pci->opaque);
}

int virtio_pci_new(struct pci_bus *bus, struct virtio_device *device,
                   const struct virtio_pci_host *host, void *opaque, struct virtio_pci **ret_pci)
{
    const struct pci_identity identity = {
        .vendor = VENDOR_ID,
        .device = (uint16_t)(DEVICE_ID_BASE + device->class->id),
        .subsystem_vendor = VENDOR_ID,
        .subsystem = SUBSYSTEM_ID,
        .class_code = device->class->class_code,
        .revision = REVISION,
    };
    struct virtio_pci *pci = calloc(1, sizeof(*pci));
    int r;

    if (!pci)
        return -ENOMEM;
    pci->device = device;
    pci->host = host;
    pci->opaque = opaque;
    device->transport = &transport;
    device->transport_data = pci;
    pci_function_init(&pci->function, &identity, &function_ops, pci);
    pci_set_bar(&pci->function, REGISTER_BAR, VIRTIO_BAR_SIZE, &bar_ops, pci);
    reset(pci);
    r = add_capabilities(pci);
    if (r >= 0)
        r = pci_add(bus, &pci->function);
    if (r < 0) {
        virtio_pci_free(pci);
        return r;
    }
    *ret_pci = pci;
    return 0;
}

void virtio_pci_free(struct virtio_pci *pci)
{
    if (!pci)
        return;
    pci_remove(&pci->function);
    free(pci);
}
