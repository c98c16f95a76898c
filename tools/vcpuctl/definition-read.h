/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of definition_read(). Each fills its fields and returns 0, -EINVAL or -ENOMEM. */
#ifndef VCPUCTL_DEFINITION_READ_H
#define VCPUCTL_DEFINITION_READ_H

#include "definition-internal.h"

/** QEMU has up to 128 nodes (MAX_NODES). */
#define DEFINITION_CELLS_MAX 128U

/** An amount of memory in the element's text, or in attribute @name; with the attribute "unit". */
int read_memory_text(const xmlNode *node, uint64_t *ret_kib, struct cpuctl_error *error);
int read_memory_attribute(const xmlNode *node, const char *name, uint64_t *ret_kib,
                          struct cpuctl_error *error);

/** <vcpu>, <vcpus>, <cputune> and <topology>. */
int definition_read_vcpus(struct definition *definition, const xmlNode *root,
                          struct cpuctl_error *error);
/** <numa>; the vCPUs have been read. */
int definition_read_numa(struct definition *definition, const xmlNode *root,
                         struct cpuctl_error *error);
int definition_read_devices(struct definition *definition, const xmlNode *devices,
                            struct cpuctl_error *error);

#endif
