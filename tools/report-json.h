/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plans and results as JSON. */
#ifndef CPUCTL_REPORT_JSON_H
#define CPUCTL_REPORT_JSON_H

#include "tools/report.h"

/** Prints the plan as one JSON object. Returns 0 or -ENOMEM. */
int report_json_plan(const struct cpuctl_plan *plan);

#endif
