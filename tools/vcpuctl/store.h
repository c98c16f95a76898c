/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The domains of this host. There is no daemon: what is known of a domain is in files.
 *
 *     /var/lib/vcpuctl/NAME.xml    the definition (VCPUCTL_STATE_DIR)
 *     /run/vcpuctl/UUID/           (VCPUCTL_RUN_DIR)
 *         alive                    locked by the running VMM, which inherited the descriptor; the
 *                                  lock ends with the VMM, so it can't lie
 *         live.xml, status         the running domain's definition, its ID, and why it ended
 *         lock-*                   locks of operators
 *         control, query, watch    QMP sockets, one per role; agent, console: other sockets
 *         log                      what the VMM says
 *     /run/vcpuctl/next-id         the next domain ID of this boot
 *
 * Every file is written whole under another name, synced and renamed.
 */
#ifndef VCPUCTL_STORE_H
#define VCPUCTL_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "definition.h"
#include "libcpuctl/cleanup.h"

struct cpuctl_error;
struct store;

enum domain_state { DOMAIN_SHUTOFF, DOMAIN_RUNNING };

/** Why a domain is shut off. */
enum domain_reason {
    DOMAIN_REASON_UNKNOWN,   /**< not started since the host booted */
    DOMAIN_REASON_SHUTDOWN,  /**< the guest, or the power button, ended it */
    DOMAIN_REASON_DESTROYED, /**< the operator did */
    DOMAIN_REASON_CRASHED,   /**< the VMM died */
    DOMAIN_REASON_FAILED,    /**< it could not be started */
};

/**
 * Operators' locks. CHANGE orders who changes the domain; the others who has a channel that serves
 * one client at a time.
 */
enum domain_lock {
    DOMAIN_LOCK_CHANGE, /**< with the QMP socket of DOMAIN_QMP_CONTROL */
    DOMAIN_LOCK_QUERY,  /**< with that of DOMAIN_QMP_QUERY */
    DOMAIN_LOCK_WATCH,  /**< with that of DOMAIN_QMP_WATCH */
    DOMAIN_LOCK_AGENT,
    DOMAIN_LOCK_CONSOLE,
    DOMAIN_LOCKS
};

/** A second client of one of QEMU's QMP sockets hangs: one socket per role. */
enum domain_qmp {
    DOMAIN_QMP_CONTROL, /**< what changes the VM */
    DOMAIN_QMP_QUERY,   /**< short questions */
    DOMAIN_QMP_WATCH,   /**< who stays: status --watch */
};

/** How long an operator waits for another one, ms. libvirt's is 30 s. */
#define DOMAIN_LOCK_TIMEOUT 30000U

/** A domain as it was when it was looked up. */
struct domain {
    struct store *store;
    char *name; /**< of the definition */
    char *uuid;
    int id; /**< > 0 while it runs, else -1 */
    enum domain_state state;
    bool starting; /**< running: the VMM is there and the guest has not been let go yet */
    enum domain_reason reason; /**< when shut off */
    struct definition
        *config;  /**< the persistent definition; NULL: there is none, or it is damaged */
    char *damage; /**< why config can't be read, or NULL */
    struct definition *live; /**< what the running VM was started from, with the changes since;
                                  NULL: shut off */
    char *folder;            /**< the run folder */
    pid_t pid;               /**< the VMM's; 0: shut off */
    int locks[DOMAIN_LOCKS]; /**< descriptors, or -1 */
};

/**
 * Opens the store. @state_dir, @run_dir: NULL: VCPUCTL_STATE_DIR and VCPUCTL_RUN_DIR of the
 * environment, or the folders named above. Nothing is made yet. Returns 0 or -ENOMEM.
 */
int store_open(const char *state_dir, const char *run_dir, struct store **ret_store,
               struct cpuctl_error *error);
/** Takes NULL. */
void store_free(struct store *store);

/**
 * Looks a domain up, as virsh does first by ID, then by UUID, then by name. Returns 0, -ENOENT
 * ("failed to get domain 'x'"), -EINVAL (its file is damaged; the sentence names it) or another
 * negative errno.
 */
int store_find(struct store *store, const char *word, struct domain **ret_domain,
               struct cpuctl_error *error);
/** The same with some of the ways only. */
enum store_by { STORE_BY_ID = 1, STORE_BY_UUID = 2, STORE_BY_NAME = 4 };
int store_find_by(struct store *store, const char *word, unsigned int by,
                  struct domain **ret_domain, struct cpuctl_error *error);
/**
 * All domains, running ones first by ID, then the others by name. Damaged files are left out;
 * @damaged is called with the sentence of each. Returns 0 or a negative errno.
 */
int store_list(struct store *store, void (*damaged)(const char *sentence),
               struct domain ***ret_domains, size_t *ret_count, struct cpuctl_error *error);
void store_list_free(struct domain **domains, size_t count);

/**
 * Makes @definition (taken over, gets a UUID if it has none) the persistent one of its name, or
 * replaces it. Returns 0, -EEXIST (the UUID belongs to another name, or the name to another UUID)
 * or another negative errno; then nothing is changed.
 */
int store_define(struct store *store, struct definition *definition, struct cpuctl_error *error);

/** Lets its locks go too. Takes NULL. */
void domain_free(struct domain *domain);
DEFINE_CLEANUP(struct domain *, domain_free);
DEFINE_CLEANUP(struct store *, store_free);

/** Looks again: its state, ID and both definitions. After domain_lock(), what others did meanwhile
 * is seen only then. Returns 0, -ENOENT or another negative errno. */
int domain_refresh(struct domain *domain, struct cpuctl_error *error);
/**
 * Takes a lock, waiting up to @timeout_ms. Returns 0, -ETIMEDOUT with libvirt's sentence and who
 * holds it, or another negative errno. Held until domain_unlock() or domain_free().
 * DOMAIN_LOCK_CHANGE refreshes the domain, so what is read after it is true until it is let go.
 */
int domain_lock(struct domain *domain, enum domain_lock lock, unsigned int timeout_ms,
                struct cpuctl_error *error);
void domain_unlock(struct domain *domain, enum domain_lock lock);

/** Writes domain->config as it is now. With DOMAIN_LOCK_CHANGE. Returns 0 or a negative errno; then
 * the file is as it was. */
int domain_save_config(struct domain *domain, struct cpuctl_error *error);
/** Writes domain->live as it is now, for a running domain. The same. */
int domain_save_live(struct domain *domain, struct cpuctl_error *error);
/** Takes the persistent definition away. With DOMAIN_LOCK_CHANGE. */
int domain_undefine(struct domain *domain, struct cpuctl_error *error);
/**
 * The persistent definition to work on. Returns 0, or -EINVAL with a sentence when there is none
 * ("transient domains do not have any persistent config") or it is damaged.
 */
int domain_need_config(const struct domain *domain, struct cpuctl_error *error);

/** Whether the VMM lives at this moment: it holds its lock. */
bool domain_is_alive(const struct domain *domain);
/** The definition that counts at the moment: live, or else config. */
const struct definition *domain_definition(const struct domain *domain);
/** "running", "paused" (who started it did not come to the end), "shut off". */
const char *domain_state_name(const struct domain *domain);
/** "crashed", "destroyed" …: as virsh domstate --reason. */
const char *domain_reason_name(const struct domain *domain);

/** Paths of a running domain's sockets; the caller frees them. NULL: memory is short. All roles of
 * cpuvmm are one socket, which takes several clients. */
char *domain_qmp_path(const struct domain *domain, enum domain_qmp role);
/** NULL with errno ENODEV: the domain has no agent channel. */
char *domain_agent_path(const struct domain *domain);

#endif
