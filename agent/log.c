/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where log records go, and how they are held back, bounded and escaped. */
#include "agent/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* The fields of a record name its place in the source only when asked to. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "libcpuctl/cpuctl.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/* A record is a run of "NAME=value" strings, the message first. */
struct record {
    int level;
    time_t time;
    size_t fields;
    size_t used;
    char text[LOG_TEXT_MAX + 256];
};

static struct {
    int fd; /* of the file or standard error; -1: the journal */
    bool owned;
    bool verbose;
    bool held;
    struct record *kept[LOG_HELD_MAX];
    size_t n_kept;
    size_t n_dropped;
    time_t host_since;
    unsigned int host_count;
} log_state = { .fd = STDERR_FILENO };

static time_t now(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return t.tv_sec;
}

int log_open(const char *file, bool verbose, struct cpuctl_error *error)
{
    log_close();
    log_state.verbose = verbose;
    if (file) {
        int fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);

        if (fd < 0)
            return cpuctl_error_set(error, -errno, "logfile %s: %s", file, strerror(errno));
        log_state.fd = fd;
        log_state.owned = true;
    } else if (!isatty(STDERR_FILENO) && access(JOURNAL_SOCKET, W_OK) == 0) {
        log_state.fd = -1;
    }
    return 0;
}

static void forget_kept(void)
{
    for (size_t i = 0; i < log_state.n_kept; i++)
        free(log_state.kept[i]);
    log_state.n_kept = 0;
    log_state.n_dropped = 0;
}

void log_close(void)
{
    forget_kept();
    log_state.held = false;
    if (log_state.owned)
        close(log_state.fd);
    log_state.owned = false;
    log_state.fd = STDERR_FILENO;
}

bool log_is_verbose(void)
{
    return log_state.verbose;
}

static void add_field(struct record *record, const char *name, const char *value)
{
    size_t room = sizeof(record->text) - record->used;
    int n;

    if (room < strlen(name) + 2)
        return;
    n = snprintf(record->text + record->used, room, "%s=%s", name, value);
    record->used += n < 0 ? 0 : (size_t)n < room ? (size_t)n + 1 : room;
    record->fields++;
}

static void write_journal(const struct record *record)
{
    struct iovec parts[LOG_FIELDS_MAX + 3];
    const char *field = record->text;
    char priority[16];
    int n = 0;

    for (size_t i = 0; i < record->fields; i++) {
        parts[n++] = (struct iovec){ .iov_base = (char *)field, .iov_len = strlen(field) };
        field += strlen(field) + 1;
    }
    snprintf(priority, sizeof(priority), "PRIORITY=%d", record->level);
    parts[n++] = (struct iovec){ .iov_base = priority, .iov_len = strlen(priority) };
    parts[n++] = (struct iovec){ .iov_base = (char *)"SYSLOG_IDENTIFIER=cpuctl-agent",
                                 .iov_len = strlen("SYSLOG_IDENTIFIER=cpuctl-agent") };
    /* Nobody can be told of a failure to log. */
    (void)sd_journal_sendv(parts, n);
}

static void write_text(const struct record *record)
{
    static const char *const names[] = { [LOG_ERR] = "error",
                                         [LOG_WARNING] = "warning",
                                         [LOG_NOTICE] = "notice",
                                         [LOG_INFO] = "info",
                                         [LOG_DEBUG] = "debug" };
    const char *level =
        record->level >= LOG_ERR && record->level <= LOG_DEBUG ? names[record->level] : "error";
    char line[LOG_TEXT_MAX + 64];
    char when[32];
    struct tm tm;
    size_t length;
    int n;

    gmtime_r(&record->time, &tm);
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
    /* The message is the first field. */
    n = snprintf(line, sizeof(line), "%s cpuctl-agent: %s: %s\n", when, level,
                 record->text + strlen("MESSAGE="));
    length = n < 0 ? 0 : (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1;
    if (length == sizeof(line) - 1)
        line[length - 1] = '\n';
    while (write(log_state.fd, line, length) < 0 && errno == EINTR)
        ;
}

static void write_record(const struct record *record)
{
    if (log_state.fd < 0)
        write_journal(record);
    else
        write_text(record);
}

static void keep(const struct record *record)
{
    struct record *copy;

    if (log_state.n_kept == LOG_HELD_MAX || !(copy = malloc(sizeof(*copy)))) {
        log_state.n_dropped++;
        return;
    }
    *copy = *record;
    log_state.kept[log_state.n_kept++] = copy;
}

void log_hold(bool held)
{
    log_state.held = held;
    if (held)
        return;
    for (size_t i = 0; i < log_state.n_kept; i++) {
        write_record(log_state.kept[i]);
        free(log_state.kept[i]);
    }
    log_state.n_kept = 0;
    if (log_state.n_dropped > 0) {
        size_t n = log_state.n_dropped;

        log_state.n_dropped = 0;
        log_write(LOG_WARNING, "%zu messages were dropped while the log was held back", n);
    }
}

void log_record(int level, const struct log_field *fields, size_t count, const char *message)
{
    struct record record = { .level = level, .time = now(CLOCK_REALTIME) };
    char text[LOG_TEXT_MAX];

    if (level == LOG_DEBUG && !log_state.verbose)
        return;
    snprintf(text, sizeof(text), "%s", message);
    add_field(&record, "MESSAGE", text);
    for (size_t i = 0; i < count && i < LOG_FIELDS_MAX; i++)
        add_field(&record, fields[i].name, fields[i].value);
    if (log_state.held)
        keep(&record);
    else
        write_record(&record);
}

void log_write(int level, const char *format, ...)
{
    char text[LOG_TEXT_MAX];
    va_list args;

    if (level == LOG_DEBUG && !log_state.verbose)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    log_record(level, NULL, 0, text);
}

bool log_host_allows(void)
{
    time_t t = now(CLOCK_MONOTONIC);
    unsigned int missing = 0;

    if (t - log_state.host_since >= LOG_HOST_INTERVAL) {
        if (log_state.host_count > LOG_HOST_BURST)
            missing = log_state.host_count - LOG_HOST_BURST;
        log_state.host_since = t;
        log_state.host_count = 0;
    }
    if (missing > 0)
        log_write(LOG_WARNING, "%u messages about the host were left out", missing);
    return ++log_state.host_count <= LOG_HOST_BURST;
}

void log_host(int level, const char *format, ...)
{
    char text[LOG_TEXT_MAX];
    va_list args;

    if ((level == LOG_DEBUG && !log_state.verbose) || !log_host_allows())
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    log_record(level, NULL, 0, text);
}

static bool is_plain(char c)
{
    return c >= 0x20 && c < 0x7f && c != '\\';
}

char *log_escape(char *out, size_t size, const char *text, size_t length)
{
    size_t whole = 0, used = 0, room;

    if (size == 0)
        return out;
    for (size_t i = 0; i < length; i++)
        whole += is_plain(text[i]) ? 1 : 4;
    /* What is cut leaves room for the dots. */
    room = whole < size ? size - 1 : size > 4 ? size - 4 : 0;
    for (size_t i = 0; i < length && used + (is_plain(text[i]) ? 1 : 4) <= room; i++) {
        if (is_plain(text[i]))
            out[used++] = text[i];
        else
            used += (size_t)sprintf(out + used, "\\x%02x", (unsigned char)text[i]);
    }
    snprintf(out + used, size - used, "%s", whole < size ? "" : "...");
    return out;
}
