/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The control socket's operations on a VM, and the VM's news as its events. */
#ifndef VMM_CONTROL_VM_H
#define VMM_CONTROL_VM_H

struct cpuctl_error;
struct vm;

/** Makes vm->control as the VM's options say; listens if they have --qmp. Last of the devices.
 * Returns 0 or a negative errno with a sentence. */
int control_vm_new(struct vm *vm, struct cpuctl_error *error);

#endif
