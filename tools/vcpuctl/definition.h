/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A domain's definition: libvirt's domain XML. The document is kept as it is, with what is not
 * known here; the fields are what was read of it. Who wants to change something calls a setter,
 * which changes the document and then the fields.
 *
 * Sentences of errors are libvirt's where it has one.
 */
#ifndef VCPUCTL_DEFINITION_H
#define VCPUCTL_DEFINITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libcpuctl/cleanup.h"

struct cpuctl_error;
struct cpuctl_set;

/** How many vCPUs a definition may have: an upper bound for what is read, the VMM's own is lower.
 */
#define DEFINITION_VCPUS_MAX 4096U
/** Bytes of a definition. */
#define DEFINITION_SIZE_MAX ((size_t)4 << 20)

/** Bytes of a domain's name: a file's name allows 255, with ".xml" and a temporary suffix. */
#define DEFINITION_NAME_MAX 240U
/** The name of the guest agent's channel. */
#define DEFINITION_AGENT_CHANNEL "org.qemu.guest_agent.0"

enum definition_type { DEFINITION_KVM, DEFINITION_QEMU /**< TCG */ };
enum definition_vmm { DEFINITION_VMM_QEMU, DEFINITION_VMM_CPUVMM };
enum definition_placement { DEFINITION_STATIC, DEFINITION_AUTO };

struct definition_vcpu {
    bool enabled;           /**< there at start */
    bool hotpluggable;      /**< can be removed while the domain runs */
    struct cpuctl_set *pin; /**< <vcpupin>, or NULL: none of its own */
};

/** <numa><cell>. */
struct definition_cell {
    struct cpuctl_set *cpus;
    uint64_t memory_kib;
};

enum definition_end {
    DEFINITION_END_NULL, /**< type 'null' */
    DEFINITION_END_PTY,  /**< type 'pty' */
    DEFINITION_END_FILE, /**< type 'file', path */
    DEFINITION_END_UNIX, /**< type 'unix', path (NULL: one in the domain's run folder) */
};

enum definition_port {
    DEFINITION_SERIAL,         /**< <serial>, or a <console> on a serial line */
    DEFINITION_VIRTIO_CONSOLE, /**< <console><target type='virtio'/> */
    DEFINITION_CHANNEL,        /**< <channel><target type='virtio' name=…/> */
};

/** A character device. */
struct definition_chardev {
    enum definition_port port;
    enum definition_end end;
    char *path;
    char *name; /**< of a channel */
};

struct definition_disk {
    char *path;
    bool readonly;
    bool block; /**< type 'block' */
};

struct definition {
    void *document; /**< the xmlDoc */

    char *name;
    char uuid[37]; /**< lower case with dashes; "" when it has none yet */
    enum definition_type type;
    enum definition_vmm vmm;
    char *emulator; /**< <emulator>, or NULL: the default for the type */
    uint64_t memory_kib, current_memory_kib;

    unsigned int vcpu_max, vcpu_current;
    struct definition_vcpu *vcpus; /**< vcpu_max of them */
    enum definition_placement placement;
    struct cpuctl_set *cpuset;      /**< <vcpu cpuset>, or NULL: all */
    struct cpuctl_set *emulatorpin; /**< <emulatorpin>, or NULL */

    struct {
        bool given;
        unsigned int sockets, dies, cores, threads;
    } topology;
    char *cpu_mode;     /**< <cpu mode>, or NULL */
    char *cpu_model;    /**< <cpu><model>, or NULL */
    char *cpu_features; /**< ",+NAME,-NAME" of <cpu><feature>, or "" */
    struct definition_cell *cells;
    size_t n_cells;

    char *machine; /**< <type machine>, or NULL */
    char *kernel, *initrd, *cmdline;
    bool hugepages; /**< <memoryBacking><hugepages/> */
    bool nosharepages;
    bool locked;
    bool reboot_destroys; /**< <on_reboot>destroy */

    struct definition_disk *disks;
    size_t n_disks;
    struct definition_chardev *chardevs;
    size_t n_chardevs;
    bool rng; /**< <rng> with a host's random file */
};

/**
 * Reads a definition and checks it. @source: what messages call the text's place ("vm.xml").
 * Returns 0, -EINVAL (not XML, or wrong; @error has the sentence), -EFBIG or -ENOMEM.
 */
int definition_parse(const char *text, size_t size, const char *source,
                     struct definition **ret_definition, struct cpuctl_error *error);
/** Takes NULL. */
void definition_free(struct definition *definition);
DEFINE_CLEANUP(struct definition *, definition_free);
/** A copy, or NULL when memory is short. */
struct definition *definition_dup(const struct definition *definition);
/**
 * The text of the document, ending with a newline; with @id > 0, <domain id='…'> as libvirt shows a
 * running domain's. The caller frees it. Returns NULL when memory is short.
 */
char *definition_format(const struct definition *definition, int id, size_t *ret_size);

/** Reads a UUID, with or without dashes, into lower case with dashes. Returns false: it is none. */
bool uuid_parse(const char *text, char ret_uuid[static 37]);

/**
 * What can't be honoured when @definition is started as it is: returns 0, or -ENOTSUP with a
 * sentence that names the element or attribute ("unsupported configuration: …").
 */
int definition_check_start(const struct definition *definition, struct cpuctl_error *error);

/* Setters. Each returns 0, -EINVAL with libvirt's sentence, or -ENOMEM; then nothing is changed. */

int definition_set_uuid(struct definition *definition, const char *uuid,
                        struct cpuctl_error *error);
/**
 * Enables so many vCPUs: the lowest disabled ones are added, the highest enabled ones taken away.
 * Without hot-pluggable ones, <vcpus> is dropped where the result is simply the first @count.
 * @count: 1 … vcpu_max. @hotpluggable: those that are added can be removed while it runs.
 */
int definition_set_vcpu_current(struct definition *definition, unsigned int count,
                                bool hotpluggable, struct cpuctl_error *error);
/** Sets <vcpu>M</vcpu>; the vCPUs below M stay as they are, of the others none is left. Refused
 * where a topology gives another. */
int definition_set_vcpu_max(struct definition *definition, unsigned int count,
                            struct cpuctl_error *error);
/** Enables or disables one vCPU (<vcpus><vcpu id enabled hotpluggable>). */
int definition_set_vcpu_enabled(struct definition *definition, unsigned int vcpu, bool enabled,
                                struct cpuctl_error *error);
/** Sets <cputune><vcpupin vcpu=…>; @set NULL: takes it away. The set is copied. */
int definition_set_vcpupin(struct definition *definition, unsigned int vcpu,
                           const struct cpuctl_set *set, struct cpuctl_error *error);
/** Sets <cputune><emulatorpin>; @set NULL: takes it away. The set is copied. */
int definition_set_emulatorpin(struct definition *definition, const struct cpuctl_set *set,
                               struct cpuctl_error *error);

#endif
