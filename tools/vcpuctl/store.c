/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The store as a whole: its folders, looking domains up, listing and defining them. */
#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "domain-internal.h"
#include "store-internal.h"

#define STATE_DIR "/var/lib/vcpuctl"
#define RUN_DIR   "/run/vcpuctl"

static char *choose(const char *given, const char *variable, const char *usual)
{
    const char *from_environment = secure_getenv(variable);

    if (!given)
        given = from_environment && *from_environment ? from_environment : usual;
    return strdup(given);
}

int store_open(const char *state_dir, const char *run_dir, struct store **ret_store,
               struct cpuctl_error *error)
{
    _cleanup_(store_freep) struct store *store = calloc(1, sizeof(*store));

    if (!store)
        return no_memory(error);
    store->state_dir = choose(state_dir, "VCPUCTL_STATE_DIR", STATE_DIR);
    store->run_dir = choose(run_dir, "VCPUCTL_RUN_DIR", RUN_DIR);
    if (!store->state_dir || !store->run_dir)
        return no_memory(error);
    *ret_store = TAKE_PTR(store);
    return 0;
}

void store_free(struct store *store)
{
    if (!store)
        return;
    free(store->state_dir);
    free(store->run_dir);
    free(store);
}

/* ---- walking ---- */

/* Gets each domain (taken over); a negative value ends the walk. */
typedef int (*each_domain)(struct domain *domain, void *user);

struct walk {
    struct store *store;
    void (*damaged)(const char *sentence);
    each_domain each;
    void *user;
};

static void tell(const struct walk *walk, const struct cpuctl_error *error)
{
    if (walk->damaged)
        walk->damaged(error->text);
}

/* The domains with a definition. */
static int walk_config(const struct walk *walk, const char *entry, struct cpuctl_error *error)
{
    size_t length = strlen(entry);
    _cleanup_free_ char *name = NULL;
    struct cpuctl_error why = { 0 };
    struct domain *domain;
    int r;

    if (length <= 4 || strcmp(entry + length - 4, ".xml") != 0)
        return 0;
    name = strndup(entry, length - 4);
    if (!name)
        return no_memory(error);
    r = domain_load_name(walk->store, name, &domain, &why);
    if (r == 0)
        return walk->each(domain, walk->user);
    if (r != -ENOENT)
        tell(walk, &why);
    return r == -ENOMEM ? no_memory(error) : 0;
}

/* Those that run and have none. */
static int walk_live(const struct walk *walk, const char *entry, struct cpuctl_error *error)
{
    struct cpuctl_error why = { 0 };
    struct domain *domain;
    int r;

    if (strlen(entry) != 36)
        return 0;
    r = domain_load_transient(walk->store, entry, &domain, &why);
    if (r == 0)
        return walk->each(domain, walk->user);
    if (r != -ENOENT)
        tell(walk, &why);
    return r == -ENOMEM ? no_memory(error) : 0;
}

static int walk_folder(const struct walk *walk, const char *path,
                       int (*take)(const struct walk *, const char *, struct cpuctl_error *),
                       struct cpuctl_error *error)
{
    DIR *folder = opendir(path);
    int r = 0;

    if (!folder)
        return errno == ENOENT
                   ? 0
                   : cpuctl_error_set(error, -errno, "cannot read %s: %s", path, strerror(errno));
    for (struct dirent *entry = readdir(folder); entry && r == 0; entry = readdir(folder))
        r = take(walk, entry->d_name, error);
    closedir(folder);
    return r;
}

static int walk_all(const struct walk *walk, struct cpuctl_error *error)
{
    int r = walk_folder(walk, walk->store->state_dir, walk_config, error);

    return r < 0 ? r : walk_folder(walk, walk->store->run_dir, walk_live, error);
}

/* ---- looking up ---- */

struct wanted {
    int id;           /**< 0: not by ID */
    const char *uuid; /**< NULL: not by UUID */
    const char *name; /**< NULL: not by name */
    struct domain *found;
};

static int take_wanted(struct domain *domain, void *user)
{
    struct wanted *wanted = user;

    if (!wanted->found && ((wanted->id > 0 && domain->id == wanted->id) ||
                           (wanted->uuid && strcmp(domain->uuid, wanted->uuid) == 0) ||
                           (wanted->name && strcmp(domain->name, wanted->name) == 0)))
        wanted->found = domain;
    else
        domain_free(domain);
    return 0;
}

static int find(struct store *store, struct wanted *wanted, struct cpuctl_error *error)
{
    struct walk walk = { .store = store, .each = take_wanted, .user = wanted };
    int r = walk_all(&walk, error);

    if (r < 0) {
        domain_free(wanted->found);
        return r;
    }
    return wanted->found ? 0 : -ENOENT;
}

static int find_by_id(struct store *store, const char *word, struct domain **ret_domain,
                      struct cpuctl_error *error)
{
    struct wanted wanted = { 0 };
    char *end;
    long id;
    int r;

    errno = 0;
    id = strtol(word, &end, 10);
    if (*word < '0' || *word > '9' || *end || errno || id <= 0 || id > INT32_MAX)
        return -ENOENT;
    wanted.id = (int)id;
    r = find(store, &wanted, error);
    if (r == 0)
        *ret_domain = wanted.found;
    return r;
}

static int find_by_uuid(struct store *store, const char *word, struct domain **ret_domain,
                        struct cpuctl_error *error)
{
    struct wanted wanted = { 0 };
    char uuid[37];
    int r;

    if (!uuid_parse(word, uuid))
        return -ENOENT;
    wanted.uuid = uuid;
    r = find(store, &wanted, error);
    if (r == 0)
        *ret_domain = wanted.found;
    return r;
}

static int find_by_name(struct store *store, const char *word, struct domain **ret_domain,
                        struct cpuctl_error *error)
{
    struct wanted wanted = { .name = word };
    int r;

    if (!*word || strchr(word, '/') || strlen(word) > DEFINITION_NAME_MAX)
        return -ENOENT;
    r = domain_load_name(store, word, ret_domain, error);
    if (r == 0)
        return 0;
    /* It may run all the same: without a definition, or with one that was damaged since. */
    if (find(store, &wanted, NULL) < 0)
        return r;
    *ret_domain = wanted.found;
    return 0;
}

int store_find_by(struct store *store, const char *word, unsigned int by,
                  struct domain **ret_domain, struct cpuctl_error *error)
{
    int r = -ENOENT;

    if (by & STORE_BY_ID)
        r = find_by_id(store, word, ret_domain, error);
    if (r == -ENOENT && (by & STORE_BY_UUID))
        r = find_by_uuid(store, word, ret_domain, error);
    if (r == -ENOENT && (by & STORE_BY_NAME))
        r = find_by_name(store, word, ret_domain, error);
    if (r == -ENOENT)
        return cpuctl_error_set(error, -ENOENT, "failed to get domain '%.256s'", word);
    return r;
}

int store_find(struct store *store, const char *word, struct domain **ret_domain,
               struct cpuctl_error *error)
{
    return store_find_by(store, word, STORE_BY_ID | STORE_BY_UUID | STORE_BY_NAME, ret_domain,
                         error);
}

/* ---- listing ---- */

struct list {
    struct domain **domains;
    size_t count;
};

static int take_all(struct domain *domain, void *user)
{
    struct list *list = user;
    struct domain **grown = reallocarray(list->domains, list->count + 1, sizeof(*grown));

    if (!grown) {
        domain_free(domain);
        return -ENOMEM;
    }
    grown[list->count++] = domain;
    list->domains = grown;
    return 0;
}

/* As virsh: running ones by ID, then the others by name. */
static int compare(const void *a, const void *b)
{
    const struct domain *one = *(struct domain *const *)a, *other = *(struct domain *const *)b;

    if ((one->id > 0) != (other->id > 0))
        return one->id > 0 ? -1 : 1;
    if (one->id > 0)
        return one->id < other->id ? -1 : 1;
    return strcasecmp(one->name, other->name);
}

int store_list(struct store *store, void (*damaged)(const char *sentence),
               struct domain ***ret_domains, size_t *ret_count, struct cpuctl_error *error)
{
    struct list list = { 0 };
    struct walk walk = { .store = store, .damaged = damaged, .each = take_all, .user = &list };
    int r = walk_all(&walk, error);

    if (r < 0) {
        store_list_free(list.domains, list.count);
        return r == -ENOMEM ? no_memory(error) : r;
    }
    if (list.count > 0)
        qsort(list.domains, list.count, sizeof(struct domain *), compare);
    *ret_domains = list.domains;
    *ret_count = list.count;
    return 0;
}

void store_list_free(struct domain **domains, size_t count)
{
    for (size_t i = 0; i < count; i++)
        domain_free(domains[i]);
    free(domains);
}

/* ---- defining ---- */

/* A random one, RFC 4122 version 4. */
static int make_uuid(char ret_uuid[static 37], struct cpuctl_error *error)
{
    uint8_t b[16];

    if (getrandom(b, sizeof(b), 0) != sizeof(b))
        return cpuctl_error_set(error, -EIO, "internal error: failed to generate UUID");
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    snprintf(ret_uuid, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
             b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
             b[14], b[15]);
    return 0;
}

static int check_unique(struct store *store, const struct definition *definition,
                        struct cpuctl_error *error)
{
    _cleanup_(domain_freep) struct domain *by_name = NULL, *by_uuid = NULL;
    struct cpuctl_error ignored = { 0 };
    int r = find_by_name(store, definition->name, &by_name, &ignored);

    if (r == 0 && strcmp(by_name->uuid, definition->uuid) != 0)
        return cpuctl_error_set(error, -EEXIST,
                                "operation failed: domain '%s' already exists with uuid %s",
                                definition->name, by_name->uuid);
    r = find_by_uuid(store, definition->uuid, &by_uuid, &ignored);
    if (r == 0 && strcmp(by_uuid->name, definition->name) != 0)
        return cpuctl_error_set(error, -EEXIST,
                                "operation failed: domain '%s' is already defined with uuid %s",
                                by_uuid->name, definition->uuid);
    return 0;
}

/* With the store's lock: nobody else defines. */
static int define_locked(struct store *store, struct definition *definition,
                         struct cpuctl_error *error)
{
    _cleanup_(domain_freep) struct domain *domain = NULL;
    char uuid[37];
    int r;

    if (!*definition->uuid) {
        r = make_uuid(uuid, error);
        r = r < 0 ? r : definition_set_uuid(definition, uuid, error);
        if (r < 0)
            return r;
    }
    r = check_unique(store, definition, error);
    r = r < 0 ? r : domain_new(store, definition->name, definition->uuid, &domain, error);
    r = r < 0 ? r : domain_lock_only(domain, DOMAIN_LOCK_CHANGE, DOMAIN_LOCK_TIMEOUT, error);
    return r < 0 ? r : config_write(store, definition, error);
}

int store_define(struct store *store, struct definition *definition, struct cpuctl_error *error)
{
    _cleanup_free_ char *lock = path_join(store->run_dir, "define", ".lock");
    _cleanup_close_ int fd = -1;
    int r;

    r = lock ? folder_make(store->run_dir, error) : no_memory(error);
    r = r < 0 ? r : folder_make(store->state_dir, error);
    if (r < 0)
        return r;
    fd = file_lock(lock, DOMAIN_LOCK_TIMEOUT, error);
    return fd < 0 ? fd : define_locked(store, definition, error);
}
