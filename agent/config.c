/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of keys, setting a key from text, and writing the configuration out. */
#include "agent/config.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "libcpuctl/cleanup.h"
#include "libcpuctl/cpuctl.h"

static const char *const method_names[METHODS] = {
    [METHOD_VIRTIO_SERIAL] = "virtio-serial",
    [METHOD_UNIX_LISTEN] = "unix-listen",
    [METHOD_VSOCK_LISTEN] = "vsock-listen",
    [METHOD_ISA_SERIAL] = "isa-serial",
};

struct key;
typedef int (*set_function)(struct config *config, const struct key *key, const char *value,
                            const char *where, struct cpuctl_error *error);
typedef void (*dump_function)(const struct config *config, const struct key *key, FILE *out);

struct key {
    struct config_key public;
    set_function set;
    dump_function dump;
    size_t offset;            /* of the member in struct config */
    unsigned int min, max;    /* numbers */
    const char *limit_source; /* numbers: where the limit comes from */
};

static void *member(const struct config *config, const struct key *key)
{
    return (char *)config + key->offset;
}

static int bad_value(const struct key *key, const char *value, const char *where,
                     struct cpuctl_error *error, const char *expected)
{
    return cpuctl_error_set(error, -EINVAL, "%s: %s is \"%.64s\", expected %s", where,
                            key->public.name, value, expected);
}

static int set_bool(struct config *config, const struct key *key, const char *value,
                    const char *where, struct cpuctl_error *error)
{
    bool on = strcmp(value, "true") == 0 || strcmp(value, "1") == 0;

    if (!on && strcmp(value, "false") != 0 && strcmp(value, "0") != 0)
        return bad_value(key, value, where, error, "true, false, 1 or 0");
    *(bool *)member(config, key) = on;
    return 0;
}

static void dump_bool(const struct config *config, const struct key *key, FILE *out)
{
    fprintf(out, "%s=%s\n", key->public.name, *(bool *)member(config, key) ? "true" : "false");
}

static int set_number(struct config *config, const struct key *key, const char *value,
                      const char *where, struct cpuctl_error *error)
{
    unsigned long number;
    char *end;

    errno = 0;
    number = strtoul(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end)
        return bad_value(key, value, where, error, "a decimal number");
    if (errno || number < key->min || number > key->max)
        return cpuctl_error_set(error, -ERANGE, "%s: %s is %.64s, the limits are %u to %u (%s)",
                                where, key->public.name, value, key->min, key->max,
                                key->limit_source);
    *(unsigned int *)member(config, key) = (unsigned int)number;
    return 0;
}

static void dump_number(const struct config *config, const struct key *key, FILE *out)
{
    fprintf(out, "%s=%u\n", key->public.name, *(unsigned int *)member(config, key));
}

static int replace_text(struct config *config, const struct key *key, const char *value)
{
    char **text = member(config, key);
    char *copy = strdup(value);

    if (!copy)
        return -ENOMEM;
    free(*text);
    *text = copy;
    return 0;
}

static int set_text(struct config *config, const struct key *key, const char *value,
                    const char *where, struct cpuctl_error *error)
{
    if (!*value)
        return bad_value(key, value, where, error, "a text that is not empty");
    if (strlen(value) >= PATH_MAX)
        return cpuctl_error_set(error, -ERANGE, "%s: %s has %zu bytes, the limit is %d (PATH_MAX)",
                                where, key->public.name, strlen(value), PATH_MAX - 1);
    return replace_text(config, key, value);
}

static int set_absolute(struct config *config, const struct key *key, const char *value,
                        const char *where, struct cpuctl_error *error)
{
    if (value[0] != '/')
        return bad_value(key, value, where, error, "an absolute path");
    return set_text(config, key, value, where, error);
}

static int set_forward(struct config *config, const struct key *key, const char *value,
                       const char *where, struct cpuctl_error *error)
{
    /* sun_path holds 108 bytes with its NUL (unix(7)). */
    if (strncmp(value, "unix:/", 6) != 0 || strlen(value) - 5 > 107)
        return bad_value(key, value, where, error,
                         "unix: and the absolute path of a socket, at most 107 bytes (unix(7))");
    return set_text(config, key, value, where, error);
}

#define dump_absolute dump_text
#define dump_forward  dump_text

static void dump_text(const struct config *config, const struct key *key, FILE *out)
{
    const char *text = *(char **)member(config, key);

    if (text)
        fprintf(out, "%s=%s\n", key->public.name, text);
}

static int set_method(struct config *config, const struct key *key, const char *value,
                      const char *where, struct cpuctl_error *error)
{
    for (size_t i = 0; i < METHODS; i++)
        if (strcmp(value, method_names[i]) == 0) {
            config->method = (enum agent_method)i;
            return 0;
        }
    return bad_value(key, value, where, error,
                     "virtio-serial, unix-listen, vsock-listen or isa-serial");
}

static void dump_method(const struct config *config, const struct key *key, FILE *out)
{
    fprintf(out, "%s=%s\n", key->public.name, method_names[config->method]);
}

static int add_name(struct name_list *list, const char *name, size_t length)
{
    char **names;
    char *copy = strndup(name, length);

    if (!copy)
        return -ENOMEM;
    if (name_list_has(list, copy)) {
        free(copy);
        return 0;
    }
    /* One more for the NULL at the end. */
    names = reallocarray(list->names, list->count + 2, sizeof(*names));
    if (!names) {
        free(copy);
        return -ENOMEM;
    }
    names[list->count++] = copy;
    names[list->count] = NULL;
    list->names = names;
    return 0;
}

/* Comma-separated, and accumulating over file and options, as qemu-ga(8) has it. */
static int set_names(struct config *config, const struct key *key, const char *value,
                     const char *where, struct cpuctl_error *error)
{
    struct name_list *list = member(config, key);

    while (*value) {
        size_t length = strcspn(value, ",");

        if (length > 0) {
            int r;

            if (strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") <
                length)
                return bad_value(key, value, where, error,
                                 "names of commands divided by commas, without spaces");
            if (list->count >= CONFIG_NAMES_MAX)
                return cpuctl_error_set(error, -ERANGE,
                                        "%s: %s has more than %u names (our own limit)", where,
                                        key->public.name, CONFIG_NAMES_MAX);
            r = add_name(list, value, length);
            if (r < 0)
                return r;
        }
        value += length;
        if (*value)
            value++;
    }
    return 0;
}

static void dump_names(const struct config *config, const struct key *key, FILE *out)
{
    const struct name_list *list = member(config, key);

    fprintf(out, "%s=", key->public.name);
    for (size_t i = 0; i < list->count; i++)
        fprintf(out, "%s%s", i ? "," : "", list->names[i]);
    fputc('\n', out);
}

static int set_hotplug(struct config *config, const struct key *key, const char *value,
                       const char *where, struct cpuctl_error *error)
{
    struct cpuctl_set *set = NULL;
    enum hotplug_policy policy = HOTPLUG_LIST;

    if (strcmp(value, "online") == 0) {
        policy = HOTPLUG_ONLINE;
    } else if (strcmp(value, "ignore") == 0) {
        policy = HOTPLUG_IGNORE;
    } else {
        struct cpuctl_error why = { 0 };
        int r = cpuctl_set_parse_list(value, 0, &set, &why);

        if (r < 0)
            return cpuctl_error_set(
                error, r, "%s: %s is \"%.64s\", expected online, ignore or a CPU list: %.200s",
                where, key->public.name, value, why.text);
    }
    cpuctl_set_free(config->hotplug_cpus);
    config->hotplug_cpus = set;
    config->hotplug = policy;
    return 0;
}

static void dump_hotplug(const struct config *config, const struct key *key, FILE *out)
{
    _cleanup_free_ char *list = NULL;

    if (config->hotplug == HOTPLUG_LIST)
        list = cpuctl_set_format_list(config->hotplug_cpus);
    fprintf(out, "%s=%s\n", key->public.name,
            config->hotplug == HOTPLUG_ONLINE   ? "online"
            : config->hotplug == HOTPLUG_IGNORE ? "ignore"
            : list                              ? list
                                                : "");
}

/* Rows of the table, by the kind of their value. */
#define KEY(kind_, name_, letter_, argument_, help_)                                               \
    .public = { .name = (name_), .letter = (letter_), .argument = (argument_), .help = (help_) },  \
    .set = set_##kind_, .dump = dump_##kind_
#define AT(member_)                 .offset = offsetof(struct config, member_)
#define LIMITS(min_, max_, source_) .min = (min_), .max = (max_), .limit_source = (source_)

/* Keys and letters are qemu-ga's where the meaning is the same (qemu-ga(8)). */
/* clang-format off */
static const struct key keys[] = {
    { KEY(method, "method", 'm', "METHOD",
          "virtio-serial, unix-listen, vsock-listen or isa-serial") },
    { KEY(text, "path", 'p', "PATH", "device or socket; CID:PORT for vsock-listen"), AT(path) },
    { KEY(absolute, "logfile", 'l', "PATH", "log to this file, not to the journal or stderr"),
      AT(logfile) },
    { KEY(absolute, "pidfile", 'f', "PATH", "write the process number to this file"),
      AT(pidfile) },
    { KEY(absolute, "statedir", 't', "DIR", "where the operator's offline choice is kept"),
      AT(statedir) },
    { KEY(bool, "verbose", 'v', NULL, "log debugging information"), AT(verbose) },
    { KEY(bool, "daemon", 'd', NULL, "go into the background"), AT(daemon) },
    { KEY(bool, "retry-path", 'r', NULL, "wait for a device that is missing (the default)"),
      AT(retry_path) },
    { KEY(names, "block-rpcs", 'b', "LIST", "commands to disable; help lists them all"),
      AT(block_rpcs) },
    { KEY(names, "allow-rpcs", 'a', "LIST", "the only commands to enable; help lists them all"),
      AT(allow_rpcs) },
    { KEY(hotplug, "hotplug", 0, "POLICY", "hot-added CPUs: online, ignore or a CPU list") },
    { KEY(number, "min-online", 0, "N", "a host can't have fewer CPUs online than this"),
      AT(min_online), LIMITS(1, CPUCTL_CPUS_MAX, "CPUCTL_CPUS_MAX of libcpuctl") },
    { KEY(number, "max-changes", 0, "N", "how many changes a host may make in an interval"),
      AT(max_changes), LIMITS(0, CONFIG_CHANGES_MAX, "our own; 0 is no limit") },
    { KEY(number, "change-interval", 0, "SECONDS", "the interval of max-changes"),
      AT(change_interval), LIMITS(1, CONFIG_INTERVAL_MAX, "a day") },
    { KEY(bool, "seccomp", 0, NULL, "close the system calls that are not needed (the default)"),
      AT(seccomp) },
    { KEY(forward, "forward", 0, "unix:PATH", "the agent behind us that gets other commands"),
      AT(forward) },
    { KEY(number, "forward-timeout", 0, "SECONDS", "how long a forwarded command may take"),
      AT(forward_timeout), LIMITS(1, CONFIG_FORWARD_TIME_MAX, "an hour") },
    { KEY(text, "sysroot", 0, "DIR", "read this recorded machine, and change nothing"),
      AT(sysroot) },
};
/* clang-format on */

#define KEYS (sizeof(keys) / sizeof(keys[0]))

int config_init(struct config *config)
{
    *config = (struct config){
        .method = METHOD_VIRTIO_SERIAL,
        .statedir = strdup("/var/lib/cpuctl"),
        .retry_path = true,
        .seccomp = true,
        .hotplug = HOTPLUG_ONLINE,
        .min_online = 1,
        .change_interval = 60,
        .forward_timeout = 30,
    };
    return config->statedir ? 0 : -ENOMEM;
}

static void name_list_done(struct name_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->names[i]);
    free(list->names);
}

void config_done(struct config *config)
{
    free(config->path);
    free(config->logfile);
    free(config->pidfile);
    free(config->statedir);
    free(config->sysroot);
    free(config->forward);
    name_list_done(&config->block_rpcs);
    name_list_done(&config->allow_rpcs);
    cpuctl_set_free(config->hotplug_cpus);
    *config = (struct config){ 0 };
}

int config_set(struct config *config, const char *key, const char *value, const char *where,
               struct cpuctl_error *error)
{
    for (size_t i = 0; i < KEYS; i++)
        if (strcmp(key, keys[i].public.name) == 0) {
            int r = keys[i].set(config, &keys[i], value, where, error);

            if (r == -ENOMEM)
                cpuctl_error_set(error, r, "%s: %s: out of memory", where, key);
            return r;
        }
    return cpuctl_error_set(error, -ENOENT, "%s: there is no key \"%.64s\"", where, key);
}

int config_check(const struct config *config, struct cpuctl_error *error)
{
    bool listens = config->method == METHOD_UNIX_LISTEN || config->method == METHOD_VSOCK_LISTEN;

    if (config->block_rpcs.count > 0 && config->allow_rpcs.count > 0)
        return cpuctl_error_set(error, -EINVAL,
                                "block-rpcs and allow-rpcs are both set; only one of them can be");
    if (listens && !config->path)
        return cpuctl_error_set(
            error, -EINVAL, "method %s needs a path%s", method_names[config->method],
            config->method == METHOD_VSOCK_LISTEN ? " of the form CID:PORT" : "");
    return 0;
}

void config_dump(const struct config *config, FILE *out)
{
    fputs("[general]\n", out);
    for (size_t i = 0; i < KEYS; i++)
        keys[i].dump(config, &keys[i], out);
}

bool name_list_has(const struct name_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->names[i], name) == 0)
            return true;
    return false;
}

const struct config_key *config_key(size_t index)
{
    return index < KEYS ? &keys[index].public : NULL;
}
