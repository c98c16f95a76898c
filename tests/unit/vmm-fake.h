/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A VM that exists only as numbers, for the tests of its control socket. */
#ifndef CPUCTL_TESTS_UNIT_VMM_FAKE_H
#define CPUCTL_TESTS_UNIT_VMM_FAKE_H

#include "vmm/control.h"

#define FAKE_CPUS_MAX 64

struct fake_vm {
    struct control *control; /* hears of state changes */
    enum vm_state state;
    struct control_cpu cpus[FAKE_CPUS_MAX];
    unsigned int powerdowns, unplugs, withdrawals;
    unsigned int resets, quits; /* that are not carried out */
    int plug_result;            /* a negative errno: plug() fails with it */
    int withdraw_result;
    bool numa; /* nodes of two CPUs each */
};

/** Its data is a struct fake_vm. */
extern const struct control_ops fake_ops;

/** What the main loop does about resets and the end that were asked for; returns whether. */
bool fake_carry_out(struct fake_vm *fake);

#endif
