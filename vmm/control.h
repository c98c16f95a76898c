/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The VM's control socket: QMP with QEMU's names and shapes, for several clients at once. Works on
 * a VM through struct control_ops only. In the main thread, with the VM's lock held.
 *
 * Nothing here waits for a client. Replies and events queue up for each client; one that has
 * CONTROL_OUTPUT_MAX bytes waiting when an event comes is disconnected, since a client that has
 * missed an event can't know that its picture of the VM is wrong, and a new connection begins with
 * a clean one.
 */
#ifndef VMM_CONTROL_H
#define VMM_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cpus.h"
#include "smp.h"
#include "vm.h"

struct control;
struct cpuctl_error;
struct sd_event;

/** So many clients at once; the next ones wait in the kernel's backlog. */
#define CONTROL_CLIENTS_MAX 16U

/** How many bytes may wait for a client that doesn't read; replies of thousands of CPUs fit. */
#define CONTROL_OUTPUT_MAX (4U * 1024U * 1024U)

/** One possible CPU as its commands see it. */
struct control_cpu {
    bool present;
    int thread_id; /**< of its vCPU; when present */
    bool ost_known;
    uint32_t ost_source, ost_status; /**< the guest's last _OST; when known */
    enum cpu_request request;
    enum cpu_phase phase;
};

/** One character device: a serial line, a port of the console. */
struct control_chardev {
    const char *label;    /**< what it is called */
    const char *filename; /**< what it is connected to, "pty:/dev/pts/3" */
    bool frontend_open;   /**< the guest has it open */
};

/** What the commands do. */
struct control_ops {
    enum vm_state (*state)(void *vm);
    void (*stop)(void *vm);
    /** Lets a stopped VM go on. */
    void (*resume)(void *vm);
    /** Presses the power button. */
    void (*powerdown)(void *vm);
    /** Asks for a reset, or for the end of the VM; it follows soon. */
    void (*reset)(void *vm);
    void (*quit)(void *vm);
    /** @index: below smp.maxcpus. */
    void (*get_cpu)(void *vm, unsigned int index, struct control_cpu *ret_cpu);
    /** As hotplug_plug(), hotplug_unplug() and hotplug_withdraw(). */
    int (*plug)(void *vm, unsigned int index, struct cpuctl_error *error);
    int (*unplug)(void *vm, unsigned int index, struct cpuctl_error *error);
    int (*withdraw)(void *vm, unsigned int index, struct cpuctl_error *error);
    /** The NUMA node of CPU @index, or -1 in a VM without NUMA. NULL: always. */
    int (*node)(void *vm, unsigned int index);
    /** Character device @number, from 0. Returns false when there is none. NULL: there are none. */
    bool (*get_chardev)(void *vm, unsigned int number, struct control_chardev *ret_chardev);
};

struct control_config {
    const char *path;  /**< of the unix socket; NULL: nothing listens */
    const char *name;  /**< --name, or NULL */
    const char *model; /**< --cpu: the model's name, features may follow after a comma */
    struct smp smp;    /**< CPUs below smp.cpus are there from the start */
    const struct control_ops *ops;
    void *vm; /**< handed to the operations */
};

/** Listens. @config is copied, what it points to must stay. Returns 0 or a negative errno with a
 * sentence. */
int control_new(struct sd_event *event, const struct control_config *config,
                struct control **ret_control, struct cpuctl_error *error);
/** Sends what the clients take at once, and closes. Takes NULL. */
void control_free(struct control *control);

/* What has happened: an event for every client that has negotiated. */

/** RESUME or STOP. */
void control_state_changed(struct control *control, enum vm_state state);
/** RESET, SHUTDOWN; commands that asked for it are answered then. @guest: the guest asked for it.
 */
void control_reset(struct control *control, bool guest);
void control_shutdown(struct control *control, bool guest);
/** DEVICE_DELETED: CPU @index is gone. */
void control_cpu_deleted(struct control *control, unsigned int index);
/** ACPI_DEVICE_OST; and DEVICE_UNPLUG_GUEST_ERROR when it says that a removal failed. */
void control_cpu_ost(struct control *control, unsigned int index, uint32_t source, uint32_t status);
/** VSERPORT_CHANGE: the guest opened or closed port @id. */
void control_port_changed(struct control *control, const char *id, bool open);

#endif
