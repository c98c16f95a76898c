/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One domain of the store, for the store itself and the start of a domain. */
#ifndef VCPUCTL_DOMAIN_INTERNAL_H
#define VCPUCTL_DOMAIN_INTERNAL_H

#include "store.h"

/** A domain without definitions. Returns 0 or -ENOMEM. */
int domain_new(struct store *store, const char *name, const char *uuid, struct domain **ret_domain,
               struct cpuctl_error *error);
/** The domain whose definition is NAME.xml. Returns 0, -ENOENT, -EINVAL (damaged) … */
int domain_load_name(struct store *store, const char *name, struct domain **ret_domain,
                     struct cpuctl_error *error);
/** The running domain of that UUID, unless it has a definition. Returns 0, -ENOENT … */
int domain_load_transient(struct store *store, const char *uuid, struct domain **ret_domain,
                          struct cpuctl_error *error);
/** domain_lock() without looking again. */
int domain_lock_only(struct domain *domain, enum domain_lock lock, unsigned int timeout_ms,
                     struct cpuctl_error *error);
/** Writes NAME.xml. */
int config_write(struct store *store, const struct definition *definition,
                 struct cpuctl_error *error);

/**
 * Opens the file that a living VMM has locked, and locks it: the descriptor is the VMM's to
 * inherit. Returns it (close-on-exec is not set), -EBUSY (there is a VMM), or another negative
 * errno.
 */
int alive_lock(const struct domain *domain, struct cpuctl_error *error);

#endif
