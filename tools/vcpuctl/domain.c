/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One domain of the store: its files, its locks, whether it lives. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain-internal.h"
#include "store-internal.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"
/* How often the run folder is made anew for a lock. */
#define FOLDER_TRIES 10U

static const char *const lock_names[DOMAIN_LOCKS] = {
    [DOMAIN_LOCK_CHANGE] = "lock-change",   [DOMAIN_LOCK_QUERY] = "lock-query",
    [DOMAIN_LOCK_WATCH] = "lock-watch",     [DOMAIN_LOCK_AGENT] = "lock-agent",
    [DOMAIN_LOCK_CONSOLE] = "lock-console",
};

int domain_new(struct store *store, const char *name, const char *uuid, struct domain **ret_domain,
               struct cpuctl_error *error)
{
    _cleanup_(domain_freep) struct domain *domain = calloc(1, sizeof(*domain));

    if (!domain)
        return no_memory(error);
    for (int i = 0; i < DOMAIN_LOCKS; i++)
        domain->locks[i] = -1;
    domain->store = store;
    domain->id = -1;
    domain->name = strdup(name);
    domain->uuid = strdup(uuid);
    domain->folder = path_join(store->run_dir, uuid, "");
    if (!domain->name || !domain->uuid || !domain->folder)
        return no_memory(error);
    *ret_domain = TAKE_PTR(domain);
    return 0;
}

static void forget(struct domain *domain)
{
    definition_free(domain->config);
    definition_free(domain->live);
    free(domain->damage);
    domain->config = domain->live = NULL;
    domain->damage = NULL;
}

void domain_free(struct domain *domain)
{
    if (!domain)
        return;
    for (int i = 0; i < DOMAIN_LOCKS; i++)
        close_pointer(&domain->locks[i]);
    forget(domain);
    free(domain->name);
    free(domain->uuid);
    free(domain->folder);
    free(domain);
}

/* ---- the VMM's lock ---- */

/*
 * A lock of the open file description (fcntl(2), F_OFD_SETLK): it passes through fork and exec,
 * ends when the last copy of the descriptor does, and can be asked for without being taken.
 */
static struct flock whole_file(void)
{
    return (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET };
}

int alive_lock(const struct domain *domain, struct cpuctl_error *error)
{
    _cleanup_free_ char *path = path_join(domain->folder, "alive", "");
    struct flock lock = whole_file();
    int fd, r;

    if (!path)
        return no_memory(error);
    fd = open(path, O_RDWR | O_CREAT, 0600); /* NOLINT: it is to be inherited */
    if (fd < 0)
        return cpuctl_error_set(error, -errno, "cannot open %s: %s", path, strerror(errno));
    if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
        return fd;
    r = -errno;
    close(fd);
    if (r == -EAGAIN || r == -EACCES)
        return cpuctl_error_set(error, -EBUSY,
                                "Requested operation is not valid: domain is already running");
    return cpuctl_error_set(error, r, "cannot lock %s: %s", path, strerror(-r));
}

/* Returns 1, 0 or a negative errno. Asking for a lock takes no right to write. */
static int ask_alive(const struct domain *domain, struct cpuctl_error *error)
{
    _cleanup_free_ char *path = path_join(domain->folder, "alive", "");
    _cleanup_close_ int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    struct flock lock = whole_file();

    if (!path)
        return no_memory(error);
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0 || fcntl(fd, F_OFD_GETLK, &lock) < 0)
        return cpuctl_error_set(error, -errno, "cannot tell whether the domain runs: %s: %s", path,
                                strerror(errno));
    return lock.l_type != F_UNLCK;
}

bool domain_is_alive(const struct domain *domain)
{
    return ask_alive(domain, NULL) > 0;
}

/* ---- reading ---- */

static int read_definition(const char *path, struct definition **ret_definition,
                           struct cpuctl_error *error)
{
    _cleanup_free_ char *text = NULL;
    size_t size;
    int r = file_read(path, DEFINITION_SIZE_MAX, &text, &size, error);

    return r < 0 ? r : definition_parse(text, size, path, ret_definition, error);
}

/* Whether @status is of this boot of the host: a run folder may outlive it. */
static bool is_of_this_boot(const struct status *status)
{
    _cleanup_free_ char *text = NULL;

    if (file_read(BOOT_ID, 64, &text, NULL, NULL) < 0)
        return true;
    text[strcspn(text, "\n")] = '\0';
    return strcmp(text, status->boot) == 0;
}

/*
 * Why a domain that is not alive ended. A VMM that ends in order removes its control socket; one
 * that was killed leaves it behind.
 */
static enum domain_reason find_reason(const struct domain *domain, const struct status *status)
{
    _cleanup_free_ char *socket = path_join(domain->folder, "control", "");

    if (!is_of_this_boot(status))
        return DOMAIN_REASON_UNKNOWN;
    if (status->reason != DOMAIN_REASON_UNKNOWN)
        return status->reason;
    return socket && access(socket, F_OK) == 0 ? DOMAIN_REASON_CRASHED : DOMAIN_REASON_SHUTDOWN;
}

/* ID, state, reason and the live definition. */
static int read_state(struct domain *domain, struct cpuctl_error *error)
{
    _cleanup_free_ char *path = path_join(domain->folder, "live", ".xml");
    struct status status;
    int alive = ask_alive(domain, error), r;

    domain->id = -1;
    domain->pid = 0;
    domain->starting = false;
    domain->state = DOMAIN_SHUTOFF;
    domain->reason = DOMAIN_REASON_UNKNOWN;
    if (alive < 0)
        return alive;
    if (!path)
        return no_memory(error);
    r = status_read(domain->folder, &status, error);
    if (r == -ENOENT || (r == -EBADMSG && !alive))
        return 0;
    if (r < 0)
        return r;
    if (!alive) {
        domain->reason = find_reason(domain, &status);
        return 0;
    }
    r = read_definition(path, &domain->live, error);
    if (r == -ENOENT) /* it is not the domain that is missing */
        return cpuctl_error_set(error, -EIO, "the domain runs, and %s is missing", path);
    if (r < 0)
        return r;
    domain->id = status.id;
    domain->pid = status.pid;
    domain->state = DOMAIN_RUNNING;
    domain->starting = status.reason == DOMAIN_REASON_FAILED;
    return 0;
}

static char *config_path(const struct store *store, const char *name)
{
    return path_join(store->state_dir, name, ".xml");
}

/* NAME.xml, which has to be about NAME. */
static int read_config(const struct store *store, const char *name,
                       struct definition **ret_definition, struct cpuctl_error *error)
{
    _cleanup_(definition_freep) struct definition *definition = NULL;
    _cleanup_free_ char *path = config_path(store, name);
    int r;

    if (!path)
        return no_memory(error);
    r = read_definition(path, &definition, error);
    if (r < 0)
        return r;
    if (strcmp(definition->name, name) != 0)
        return cpuctl_error_set(error, -EINVAL, "%s defines a domain of the name '%s'", path,
                                definition->name);
    if (!*definition->uuid)
        return cpuctl_error_set(error, -EINVAL, "%s has no <uuid>", path);
    *ret_definition = TAKE_PTR(definition);
    return 0;
}

int domain_load_name(struct store *store, const char *name, struct domain **ret_domain,
                     struct cpuctl_error *error)
{
    _cleanup_(definition_freep) struct definition *config = NULL;
    _cleanup_(domain_freep) struct domain *domain = NULL;
    int r = read_config(store, name, &config, error);

    r = r < 0 ? r : domain_new(store, name, config->uuid, &domain, error);
    if (r < 0)
        return r;
    domain->config = TAKE_PTR(config);
    r = read_state(domain, error);
    if (r < 0)
        return r;
    *ret_domain = TAKE_PTR(domain);
    return 0;
}

int domain_load_transient(struct store *store, const char *uuid, struct domain **ret_domain,
                          struct cpuctl_error *error)
{
    _cleanup_(domain_freep) struct domain *domain = NULL;
    _cleanup_(definition_freep) struct definition *config = NULL;
    struct cpuctl_error why = { 0 };
    int r = domain_new(store, "", uuid, &domain, error);

    r = r < 0 ? r : read_state(domain, error);
    if (r < 0)
        return r;
    if (domain->state != DOMAIN_RUNNING)
        return -ENOENT;
    r = read_config(store, domain->live->name, &config, &why);
    if (r == 0 && strcmp(config->uuid, uuid) == 0)
        return -ENOENT;
    if (r < 0 && r != -ENOENT)
        domain->damage = strdup(why.text);
    free(domain->name);
    domain->name = strdup(domain->live->name);
    if (!domain->name)
        return no_memory(error);
    *ret_domain = TAKE_PTR(domain);
    return 0;
}

int domain_refresh(struct domain *domain, struct cpuctl_error *error)
{
    struct cpuctl_error why = { 0 };
    int r;

    forget(domain);
    r = read_config(domain->store, domain->name, &domain->config, &why);
    if (r == 0 && strcmp(domain->config->uuid, domain->uuid) != 0) {
        /* Another domain of this name. */
        definition_free(domain->config);
        domain->config = NULL;
        r = -ENOENT;
    }
    if (r < 0 && r != -ENOENT) {
        domain->damage = strdup(why.text);
        if (!domain->damage)
            return no_memory(error);
    }
    r = read_state(domain, error);
    if (r < 0)
        return r;
    if (!domain->config && !domain->live)
        return cpuctl_error_set(error, -ENOENT, "%s%s",
                                domain->damage ? domain->damage
                                               : "Domain not found: no domain with matching uuid ",
                                domain->damage ? "" : domain->uuid);
    return 0;
}

const struct definition *domain_definition(const struct domain *domain)
{
    return domain->live ? domain->live : domain->config;
}

int domain_need_config(const struct domain *domain, struct cpuctl_error *error)
{
    if (domain->config)
        return 0;
    if (domain->damage)
        return cpuctl_error_set(error, -EINVAL, "%s", domain->damage);
    return cpuctl_error_set(error, -EINVAL,
                            "Requested operation is not valid: transient domains do not have any "
                            "persistent config");
}

/* ---- locks ---- */

int domain_lock_only(struct domain *domain, enum domain_lock lock, unsigned int timeout_ms,
                     struct cpuctl_error *error)
{
    _cleanup_free_ char *path = path_join(domain->folder, lock_names[lock], "");
    int r = -ENOENT;

    if (domain->locks[lock] >= 0)
        return 0;
    if (!path)
        return no_memory(error);
    /* It goes when its domain is undefined, which somebody may do while we wait. */
    for (unsigned int i = 0; i < FOLDER_TRIES && r == -ENOENT; i++) {
        r = folder_make(domain->folder, error);
        r = r < 0 ? r : file_lock(path, timeout_ms, error);
    }
    if (r < 0)
        return r;
    domain->locks[lock] = r;
    return 0;
}

/* Of a domain that is neither defined nor running, with the lock for changes. */
static void remove_folder(const struct domain *domain)
{
    folder_remove(domain->folder, lock_names[DOMAIN_LOCK_CHANGE]);
}

int domain_lock(struct domain *domain, enum domain_lock lock, unsigned int timeout_ms,
                struct cpuctl_error *error)
{
    int r;

    if (domain->locks[lock] >= 0)
        return 0;
    r = domain_lock_only(domain, lock, timeout_ms, error);
    if (r == 0 && lock == DOMAIN_LOCK_CHANGE) {
        r = domain_refresh(domain, error);
        if (r == -ENOENT && !domain->damage)
            remove_folder(domain);
    }
    if (r < 0)
        domain_unlock(domain, lock);
    return r;
}

void domain_unlock(struct domain *domain, enum domain_lock lock)
{
    close_pointer(&domain->locks[lock]);
}

/* ---- writing ---- */

static int write_definition(const char *path, const struct definition *definition,
                            struct cpuctl_error *error)
{
    size_t size;
    _cleanup_free_ char *text = definition_format(definition, 0, &size);

    return text ? file_write(path, text, size, 0600, error) : no_memory(error);
}

int config_write(struct store *store, const struct definition *definition,
                 struct cpuctl_error *error)
{
    _cleanup_free_ char *path = config_path(store, definition->name);

    return path ? write_definition(path, definition, error) : no_memory(error);
}

int domain_save_config(struct domain *domain, struct cpuctl_error *error)
{
    int r = domain_need_config(domain, error);

    return r < 0 ? r : config_write(domain->store, domain->config, error);
}

int domain_save_live(struct domain *domain, struct cpuctl_error *error)
{
    _cleanup_free_ char *path = path_join(domain->folder, "live", ".xml");

    return path ? write_definition(path, domain->live, error) : no_memory(error);
}

int domain_undefine(struct domain *domain, struct cpuctl_error *error)
{
    _cleanup_free_ char *path = config_path(domain->store, domain->name);
    int r;

    if (!domain->config && !domain->damage)
        return cpuctl_error_set(
            error, -EINVAL, "Requested operation is not valid: cannot undefine transient domain");
    r = domain_need_config(domain, error);
    if (r < 0)
        return r;
    if (!path)
        return no_memory(error);
    if (unlink(path) < 0)
        return cpuctl_error_set(error, -errno, "cannot remove %s: %s", path, strerror(errno));
    if (domain->locks[DOMAIN_LOCK_CHANGE] >= 0 && domain->state != DOMAIN_RUNNING)
        remove_folder(domain);
    return 0;
}

/* ---- sockets ---- */

char *domain_qmp_path(const struct domain *domain, enum domain_qmp role)
{
    static const char *const names[] = {
        [DOMAIN_QMP_CONTROL] = "control", [DOMAIN_QMP_QUERY] = "query", [DOMAIN_QMP_WATCH] = "watch"
    };
    const struct definition *definition = domain_definition(domain);

    if (definition && definition->vmm == DEFINITION_VMM_CPUVMM)
        role = DOMAIN_QMP_CONTROL;
    return path_join(domain->folder, names[role], "");
}

char *domain_agent_path(const struct domain *domain)
{
    const struct definition *definition = domain_definition(domain);

    for (size_t i = 0; definition && i < definition->n_chardevs; i++) {
        const struct definition_chardev *c = &definition->chardevs[i];

        if (c->port == DEFINITION_CHANNEL && strcmp(c->name, DEFINITION_AGENT_CHANNEL) == 0)
            return c->path ? strdup(c->path) : path_join(domain->folder, "agent", "");
    }
    errno = ENODEV;
    return NULL;
}
