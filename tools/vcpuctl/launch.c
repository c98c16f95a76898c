/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starting and ending a VMM's process. */
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "domain-internal.h"
#include "host-process.h"
#include "launch-guest.h"
#include "output.h"
#include "scope.h"
#include "store-internal.h"
#include "target.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

/* Bytes of a unix socket's path without the NUL (unix(7)). */
#define SOCKET_PATH_MAX 107U

/* How long a VMM may take to open its control socket, ms: it may fill huge pages first. */
#define CONNECT_TIMEOUT_MS  60000U
#define CONNECT_INTERVAL_MS 20U
/* So many broken connections to a VMM that doesn't end, 5 s of them. */
#define BROKEN_MAX 250U
/* How long what is left of a killed vcpuctl may take to end, ms. */
#define ORPHAN_TIMEOUT_MS 5000U
/* SIGTERM, then SIGKILL, as libvirt waits. */
#define TERM_TIMEOUT_MS 10000
#define KILL_TIMEOUT_MS 30000

/* A VMM that is being started. */
struct launch {
    struct domain *domain;
    struct command_line line;
    pid_t pid;
    int alive; /**< the descriptor that the VMM inherits */
    int link;  /**< our end of a socket pair: a byte lets the child go on, an errno comes back, a
                   negative one from the affinity */
};

/* ---- before the process ---- */

static int clean_folder(const struct domain *domain, struct cpuctl_error *error)
{
    /* the status first: with one, a VMM that lives has the others, too */
    static const char *const names[] = {
        "status", "control", "query", "watch", "agent", "live.xml"
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        _cleanup_free_ char *path = path_join(domain->folder, names[i], "");

        if (!path)
            return no_memory(error);
        if (unlink(path) < 0 && errno != ENOENT)
            return cpuctl_error_set(error, -errno, "cannot remove %s: %s", path, strerror(errno));
    }
    return 0;
}

static int check_paths(const struct domain *domain, struct cpuctl_error *error)
{
    if (strlen(domain->folder) + strlen("/chardev1000") > SOCKET_PATH_MAX)
        return cpuctl_error_set(error, -ENAMETOOLONG,
                                "the run folder %s is too long for unix sockets, whose paths have "
                                "up to %u bytes",
                                domain->folder, SOCKET_PATH_MAX);
    return 0;
}

/* Whether the host has a CPU of @set, the cpuset of @what. */
static int check_place(const struct cpuctl_set *set, const char *what, struct cpuctl_error *error)
{
    unsigned int cpus = host_cpus();
    _cleanup_free_ char *list = NULL;

    if (!set || cpuctl_set_next(set, 0) < (int)cpus)
        return 0;
    list = cpuctl_set_format_list(set);
    return cpuctl_error_set(error, -ENOTSUP,
                            "unsupported configuration: %s cpuset='%.200s': the last CPU of this "
                            "host is %u",
                            what, list ? list : "", cpus - 1);
}

static int check_places(const struct definition *definition, struct cpuctl_error *error)
{
    int r = check_place(definition->cpuset, "<vcpu>", error);

    r = r < 0 ? r : check_place(definition->emulatorpin, "<emulatorpin>", error);
    for (unsigned int i = 0; r == 0 && i < definition->vcpu_max; i++) {
        char what[40];

        snprintf(what, sizeof(what), "<vcpupin> of vCPU %u,", i);
        r = definition->vcpus[i].enabled ? check_place(definition->vcpus[i].pin, what, error) : 0;
    }
    return r;
}

static void read_boot(struct status *status)
{
    _cleanup_free_ char *text = NULL;

    if (file_read(BOOT_ID, 64, &text, NULL, NULL) == 0)
        snprintf(status->boot, sizeof(status->boot), "%.*s", (int)strcspn(text, "\n"), text);
}

/* The next ID of this boot: "BOOT NUMBER". The counter is the store's, under its lock. */
static int next_id(const struct store *store, const char *boot, int *ret_id,
                   struct cpuctl_error *error)
{
    _cleanup_free_ char *path = path_join(store->run_dir, "next-id", "");
    _cleanup_free_ char *lock = path_join(store->run_dir, "next-id", ".lock"), *text = NULL;
    _cleanup_close_ int fd = -1;
    char line[64], seen[40] = "";
    int id = 1;

    if (!path || !lock)
        return no_memory(error);
    fd = file_lock(lock, DOMAIN_LOCK_TIMEOUT, error);
    if (fd < 0)
        return fd;
    if (file_read(path, sizeof(line), &text, NULL, NULL) == 0 &&
        (sscanf(text, "%39s %d", seen, &id) != 2 || strcmp(seen, boot) != 0 || id < 1))
        id = 1;
    snprintf(line, sizeof(line), "%s %d\n", boot, id == INT32_MAX ? 1 : id + 1);
    *ret_id = id;
    return file_write(path, line, strlen(line), 0600, error);
}

/* ---- the process ---- */

static int set_affinity(const struct definition *definition)
{
    const struct cpuctl_set *set =
        definition->emulatorpin ? definition->emulatorpin : definition->cpuset;
    cpu_set_t cpus;

    if (!set)
        return 0;
    CPU_ZERO(&cpus);
    cpuctl_set_foreach (cpu, set)
        if (cpu < CPU_SETSIZE)
            CPU_SET((size_t)cpu, &cpus);
    return sched_setaffinity(0, sizeof(cpus), &cpus) < 0 ? -errno : 0;
}

/* In the child: never returns. */
static void run_child(const struct launch *launch, int link, int log)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC), code;
    sigset_t none;
    char byte;

    setsid();
    /* What the operator's terminal and vcpuctl set is not the VMM's. */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    umask(077);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(log, STDOUT_FILENO) < 0 ||
        dup2(log, STDERR_FILENO) < 0 || chdir("/") < 0) {
        code = errno;
    } else if (read(link, &byte, 1) != 1) {
        _exit(127);
    } else {
        code = set_affinity(launch->domain->live);
        if (code == 0) {
            execv(launch->line.words[0], launch->line.words);
            code = errno;
        }
    }
    if (write(link, &code, sizeof(code)) < 0)
        _exit(126);
    _exit(127);
}

static int spawn(struct launch *launch, struct cpuctl_error *error)
{
    _cleanup_free_ char *path = path_join(launch->domain->folder, "log", "");
    _cleanup_close_ int log =
        path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    int pair[2];

    if (log < 0)
        return cpuctl_error_set(error, -errno, "cannot open %s: %s", path ? path : "the log",
                                strerror(errno));
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return cpuctl_error_set(error, -errno, "cannot make a socket pair: %s", strerror(errno));
    fflush(NULL);
    launch->pid = fork();
    if (launch->pid == 0) {
        /* Else it would never see that vcpuctl is no more. */
        close(pair[0]);
        run_child(launch, pair[1], log);
    }
    close(pair[1]);
    launch->link = pair[0];
    return launch->pid < 0 ? cpuctl_error_set(error, -errno, "cannot fork: %s", strerror(errno))
                           : 0;
}

/* Lets the child become the VMM. */
static int let_go(struct launch *launch, struct cpuctl_error *error)
{
    int code = 0;

    if (send(launch->link, "", 1, MSG_NOSIGNAL) != 1)
        return cpuctl_error_set(error, -EPIPE, "the VMM's process ended before it began");
    if (read(launch->link, &code, sizeof(code)) != sizeof(code))
        return 0;
    if (code < 0)
        return cpuctl_error_set(error, code, "cannot set CPU affinity of the emulator: %s",
                                strerror(-code));
    return cpuctl_error_set(error, -code, "cannot execute binary %s: %s", launch->line.words[0],
                            strerror(code));
}

/* The end of what the VMM has said, on one line. */
static void last_words(const struct domain *domain, char *text, size_t size)
{
    _cleanup_free_ char *path = path_join(domain->folder, "log", ""), *log = NULL;
    size_t length;
    const char *begin;

    *text = '\0';
    if (!path || file_read(path, (size_t)1 << 20, &log, &length, NULL) < 0)
        return;
    begin = length > size - 1 ? log + length - (size - 1) : log;
    snprintf(text, size, "%s", begin);
    length = strlen(text);
    while (length > 0 && text[length - 1] == '\n')
        text[--length] = '\0';
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ')
            *c = ' ';
}

static int died(const struct domain *domain, struct cpuctl_error *error)
{
    char words[300];

    last_words(domain, words, sizeof(words));
    return cpuctl_error_set(error, -ECONNRESET,
                            "internal error: process exited while connecting to monitor%s%s",
                            *words ? ": " : "", words);
}

/* Whether the VMM has ended; if it is our child, it is waited for. */
static bool has_ended(struct launch *launch)
{
    if (launch->pid <= 0)
        return !domain_is_alive(launch->domain);
    if (waitpid(launch->pid, NULL, WNOHANG) != launch->pid)
        return false;
    launch->pid = 0;
    return true;
}

static void interval(void)
{
    struct timespec pause = { .tv_nsec = CONNECT_INTERVAL_MS * 1000000L };

    nanosleep(&pause, NULL);
}

/* Waits until the VMM answers, then sets it up and lets the guest run. */
static int connect_guest(struct launch *launch, struct cpuctl_error *error)
{
    unsigned int broken = 0;

    for (unsigned int waited = 0; waited < CONNECT_TIMEOUT_MS; waited += CONNECT_INTERVAL_MS) {
        int r = launch_guest(launch->domain, error);

        if (r == 0)
            return 0;
        if (has_ended(launch))
            return died(launch->domain, error);
        /* A connection that breaks is the first sign of a VMM that is about to end. */
        if (r != -ENOENT && r != -ECONNREFUSED && broken++ >= BROKEN_MAX)
            return r;
        interval();
    }
    return cpuctl_error_set(error, -ETIMEDOUT,
                            "internal error: the VMM did not open its monitor within %u s",
                            CONNECT_TIMEOUT_MS / 1000);
}

/* The guest runs: from now on the domain ends for another reason than a failed start. */
static int note_running(const struct domain *domain, struct status *status,
                        struct cpuctl_error *error)
{
    status->reason = DOMAIN_REASON_UNKNOWN;
    return status_write(domain->folder, status, error);
}

static int run_process(struct launch *launch, struct status *status, struct cpuctl_error *error)
{
    struct domain *domain = launch->domain;
    struct cpuctl_error why = { 0 };
    int r = spawn(launch, error);

    if (r < 0)
        return r;
    status->pid = launch->pid;
    status->reason = DOMAIN_REASON_FAILED;
    r = status_write(domain->folder, status, error);
    if (r == 0 && scope_make(domain->name, status->id, launch->pid, &why) < 0)
        output_warning("%s", why.text);
    r = r < 0 ? r : let_go(launch, error);
    /* From here on the lock is the VMM's alone. */
    close_pointer(&launch->alive);
    r = r < 0 ? r : connect_guest(launch, error);
    r = r < 0 ? r : note_running(domain, status, error);
    if (r < 0 && launch->pid > 0) {
        kill(launch->pid, SIGKILL);
        waitpid(launch->pid, NULL, 0);
    }
    return r;
}

/* Somebody has started the VMM, and ended before the guest ran. -ECONNRESET: the VMM ends, too. */
static int go_on(struct domain *domain, struct cpuctl_error *error)
{
    struct launch launch = { .domain = domain };
    struct cpuctl_error ignored = { 0 };
    struct status status;
    int r = status_read(domain->folder, &status, error);

    r = r < 0 ? r : connect_guest(&launch, error);
    r = r < 0 ? r : note_running(domain, &status, error);
    domain_refresh(domain, r < 0 ? &ignored : error);
    return r;
}

/* The lock for the VMM. The child of a vcpuctl that was killed holds it for a moment. */
static int lock_alive(const struct domain *domain, struct cpuctl_error *error)
{
    int r = alive_lock(domain, error);

    for (unsigned int waited = 0;
         r == -EBUSY && domain->state != DOMAIN_RUNNING && waited < ORPHAN_TIMEOUT_MS;
         waited += CONNECT_INTERVAL_MS) {
        interval();
        r = alive_lock(domain, error);
    }
    return r;
}

static int prepare(struct launch *launch, struct status *status, struct cpuctl_error *error)
{
    struct domain *domain = launch->domain;
    int r = domain_need_config(domain, error);

    r = r < 0 ? r : definition_check_start(domain->config, error);
    r = r < 0 ? r : check_places(domain->config, error);
    r = r < 0 ? r : check_paths(domain, error);
    r = r < 0 ? r : launch_command_line(domain->config, domain->folder, &launch->line, error);
    if (r < 0)
        return r;
    launch->alive = lock_alive(domain, error);
    if (launch->alive < 0)
        return launch->alive;
    r = clean_folder(domain, error);
    read_boot(status);
    r = r < 0 ? r : next_id(domain->store, status->boot, &status->id, error);
    if (r < 0)
        return r;
    domain->live = definition_dup(domain->config);
    return domain->live ? domain_save_live(domain, error) : no_memory(error);
}

int launch_start(struct domain *domain, struct cpuctl_error *error)
{
    struct launch launch = { .domain = domain, .alive = -1, .link = -1 };
    struct status status = { 0 };
    struct cpuctl_error ignored = { 0 };
    int r;

    if (domain->starting) {
        r = go_on(domain, error);
        if (r != -ECONNRESET)
            return r;
    }
    r = prepare(&launch, &status, error);
    r = r < 0 ? r : run_process(&launch, &status, error);
    close_pointer(&launch.alive);
    close_pointer(&launch.link);
    command_line_free(&launch.line);
    domain_refresh(domain, r < 0 ? &ignored : error);
    return r;
}

/* ---- the end ---- */

int launch_destroy(struct domain *domain, bool graceful, struct cpuctl_error *error)
{
    _cleanup_free_ char *path = path_join(domain->folder, "alive", "");
    _cleanup_close_ int pidfd = path ? process_open(domain->pid, path) : -ENOMEM;
    struct status status;
    int r;

    if (pidfd < 0)
        return pidfd == -ESRCH && !domain_is_alive(domain)
                   ? 0
                   : cpuctl_error_set(error, pidfd, "cannot find the VMM's process %ld: %s",
                                      (long)domain->pid, strerror(-pidfd));
    r = status_read(domain->folder, &status, error);
    if (r == 0) {
        status.reason = DOMAIN_REASON_DESTROYED;
        r = status_write(domain->folder, &status, error);
    }
    r = r < 0 ? r : process_signal(pidfd, SIGTERM);
    r = r < 0 ? r : process_wait(pidfd, TERM_TIMEOUT_MS);
    if (r == -ETIMEDOUT && graceful)
        return cpuctl_error_set(error, r,
                                "Requested operation is not valid: process %ld did not end on "
                                "SIGTERM within %u s",
                                (long)domain->pid, TERM_TIMEOUT_MS / 1000);
    if (r == -ETIMEDOUT) {
        r = process_signal(pidfd, SIGKILL);
        r = r < 0 ? r : process_wait(pidfd, KILL_TIMEOUT_MS);
    }
    return r < 0 ? cpuctl_error_set(error, r, "cannot end the VMM's process %ld: %s",
                                    (long)domain->pid, strerror(-r))
                 : 0;
}
