/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The agent's log: journald's native protocol where there is a journal, else standard error or a
 * file. The one place that keeps state for the whole process.
 */
#ifndef AGENT_LOG_H
#define AGENT_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <syslog.h>

struct cpuctl_error;

/** Bounds: what is longer is cut, what is more is dropped and counted. */
#define LOG_TEXT_MAX      512U /**< bytes of a message */
#define LOG_FIELDS_MAX    8U   /**< fields of a record besides its message and priority */
#define LOG_HELD_MAX      64U  /**< records kept while the log is held back */
#define LOG_HOST_BURST    50U  /**< records of log_host() in LOG_HOST_INTERVAL */
#define LOG_HOST_INTERVAL 10U  /**< seconds */

/**
 * Opens the log. @file: NULL: the journal when its socket is there and standard error is not a
 * terminal, else standard error. @verbose: LOG_DEBUG messages too. Returns 0 or a negative errno.
 */
int log_open(const char *file, bool verbose, struct cpuctl_error *error);
/** Records that are still held back are dropped: at the end of a process nobody can wait for them.
 */
void log_close(void);
/** Whether LOG_DEBUG messages are wanted. */
bool log_is_verbose(void);

/**
 * Holds records back in memory (@held true), or writes out what was held. While file systems are
 * frozen neither a file nor journald may be waited for.
 */
void log_hold(bool held);

/** Logs one message. @level: LOG_ERR … LOG_DEBUG of syslog.h. */
__attribute__((format(printf, 2, 3))) void log_write(int level, const char *format, ...);
/**
 * The same for what a host can provoke at will: beyond LOG_HOST_BURST in LOG_HOST_INTERVAL only
 * their number is logged.
 */
__attribute__((format(printf, 2, 3))) void log_host(int level, const char *format, ...);

/** Counts one record that a host provoked. Returns false when it is to be left out. */
bool log_host_allows(void);

/** A field of the journal beside the message. @name: capital letters, digits and "_". */
struct log_field {
    const char *name;
    const char *value;
};
/** Logs a message with @count (at most LOG_FIELDS_MAX) fields; a file gets the message only. */
void log_record(int level, const struct log_field *fields, size_t count, const char *message);

/**
 * Writes @text, which somebody else chose, so that it is safe in a log line: printable ASCII stays,
 * everything else becomes \xNN, and what does not fit in @size bytes is cut with "...". Returns
 * @out.
 */
char *log_escape(char *out, size_t size, const char *text, size_t length);

#endif
