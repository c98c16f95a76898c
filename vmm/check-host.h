/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --check-host. */
#ifndef VMM_CHECK_HOST_H
#define VMM_CHECK_HOST_H

/** Prints what this host can do for VMs. Returns 0 if Linux guests can run here, or -ENODEV. */
int check_host_report(void);

#endif
