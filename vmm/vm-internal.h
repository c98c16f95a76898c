/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between vm.c and vm-run.c. */
#ifndef VMM_VM_INTERNAL_H
#define VMM_VM_INTERNAL_H

struct cpuctl_error;
struct vm;

/** Lets the event loop carry out requests when vm->wake is written. */
int vm_watch_wake(struct vm *vm, struct cpuctl_error *error);
/** Builds the ACPI tables for the CPUs that are plugged now. */
int vm_build_acpi(struct vm *vm, struct cpuctl_error *error);

#endif
