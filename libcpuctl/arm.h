/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of Arm processors from the numbers of their main ID register (MIDR). Internal to the
 * library. */
#ifndef CPUCTL_INTERNAL_ARM_H
#define CPUCTL_INTERNAL_ARM_H

/** The name of an implementer (MIDR bits 31..24), or NULL when it is not known. */
const char *arm_implementer_name(unsigned int implementer);
/** The name of a part (MIDR bits 15..4) of @implementer, or NULL when it is not known. */
const char *arm_part_name(unsigned int implementer, unsigned int part);

#endif
