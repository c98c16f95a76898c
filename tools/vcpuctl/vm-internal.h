/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What vm.c and vm-vcpus.c share. */
#ifndef VCPUCTL_VM_INTERNAL_H
#define VCPUCTL_VM_INTERNAL_H

#include "vm.h"

/** Returns 0, or -EPROTO with a sentence when @value, the reply to @command, is of another type. */
int vm_check_type(struct json_object *value, enum json_type type, const char *command,
                  struct cpuctl_error *error);

/** Frees what vm_read_vcpus() made. */
void vm_free_vcpus(struct vm_vcpu *vcpus, unsigned int n_vcpus);

#endif
