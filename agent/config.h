/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an administrator can set: by /etc/cpuctl/agent.conf and by options, from one table of keys.
 */
#ifndef AGENT_CONFIG_H
#define AGENT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct cpuctl_error;
struct cpuctl_set;

/** How the agent reaches the host (qemu-ga's --method). */
enum agent_method {
    METHOD_VIRTIO_SERIAL,
    METHOD_UNIX_LISTEN,
    METHOD_VSOCK_LISTEN,
    METHOD_ISA_SERIAL,
    METHODS
};

/** What becomes of a CPU that was hot-added. */
enum hotplug_policy {
    HOTPLUG_ONLINE, /**< it is brought online */
    HOTPLUG_IGNORE, /**< it is left as it is */
    HOTPLUG_LIST    /**< it is brought online when it is in config.hotplug_cpus */
};

/** Names of commands, each once. */
struct name_list {
    char **names; /**< ends with NULL; NULL when there are none */
    size_t count;
};

/** Upper bounds of what can be set; each is named when it is exceeded. */
#define CONFIG_FILE_LIMIT       65536U /**< bytes of a config file */
#define CONFIG_NAMES_MAX        256U   /**< names in block-rpcs or allow-rpcs */
#define CONFIG_CHANGES_MAX      1000000U
#define CONFIG_INTERVAL_MAX     86400U /**< seconds: a day */
#define CONFIG_FORWARD_TIME_MAX 3600U  /**< seconds */

struct config {
    enum agent_method method;
    char *path;      /**< NULL: the method's default */
    char *logfile;   /**< NULL: the journal, or standard error */
    char *pidfile;   /**< NULL: none */
    char *statedir;  /**< where the operator's offline choice is; absolute */
    char *sysroot;   /**< NULL: the live machine; else a recorded tree, and nothing is changed */
    char *forward;   /**< NULL, or "unix:PATH" of the agent behind us */
    bool verbose;    /**< log debugging information */
    bool daemon;     /**< go into the background */
    bool retry_path; /**< wait for a device that is missing */
    bool seccomp;    /**< close the system calls that are not needed */
    struct name_list block_rpcs;
    struct name_list allow_rpcs;
    enum hotplug_policy hotplug;
    struct cpuctl_set *hotplug_cpus; /**< HOTPLUG_LIST: which; else NULL */
    unsigned int min_online;         /**< a host can't take the guest below this many CPUs */
    unsigned int max_changes;        /**< a host's changes per change_interval; 0: no limit */
    unsigned int change_interval;    /**< seconds */
    unsigned int forward_timeout;    /**< seconds that a forwarded command may take */
};

/** Where the config file is looked for when no -c is given. */
#define CONFIG_DEFAULT_FILE "/etc/cpuctl/agent.conf"

/** Fills @config with the defaults. Returns 0 or -ENOMEM. */
int config_init(struct config *config);
void config_done(struct config *config);

/**
 * Sets one key from text. @key: its name in the file. @where: what to name in an error
 * ("agent.conf: line 3", "option --path"). Lists accumulate, everything else is replaced. Returns
 * 0, -ENOENT (no such key), -EINVAL or -ERANGE (bad value, @error names the limit), -ENOMEM.
 */
int config_set(struct config *config, const char *key, const char *value, const char *where,
               struct cpuctl_error *error);
/**
 * Reads a config file: key = value lines in the group [general], comments begin with # or ; and
 * stand alone. @optional: a missing file is no error. Returns 0, -ENOENT, -EFBIG, -EINVAL, …;
 * @error names file, line and key.
 */
int config_load(struct config *config, const char *file, bool optional, struct cpuctl_error *error);
/**
 * The same for a text that was read already. @text: changed; has a NUL after its @size bytes.
 * @name: for errors.
 */
int config_parse(struct config *config, char *text, size_t size, const char *name,
                 struct cpuctl_error *error);
/** Checks what only holds across keys. Returns 0 or -EINVAL. */
int config_check(const struct config *config, struct cpuctl_error *error);
/** Writes the configuration as a config file that config_load() reads back to the same. */
void config_dump(const struct config *config, FILE *out);

bool name_list_has(const struct name_list *list, const char *name);

/** One key: its name in the file and its option. For the option parser and the help text. */
struct config_key {
    const char *name;
    const char *argument; /**< what stands for the value in the help; NULL: a switch */
    const char *help;
    char letter; /**< its short option, 0: none */
};
/** Key @index, or NULL after the last. */
const struct config_key *config_key(size_t index);

#endif
