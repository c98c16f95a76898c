/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel log about one CPU: records of /dev/kmsg, read from a mark onwards. */
#ifndef CPUCTL_INTERNAL_KMSG_H
#define CPUCTL_INTERNAL_KMSG_H

#include <stdbool.h>
#include <stddef.h>

/**
 * The size that a record read from /dev/kmsg may have: PRINTKRB_RECORD_MAX and its forerunner
 * CONSOLE_EXT_LOG_MAX in kernel/printk/printk.c are both 8192 at most.
 */
#define KMSG_RECORD_MAX 8192U
/** What is kept of the log: this many lines, */
#define KMSG_LINES_MAX 16U
/** this many bytes, the terminating NUL included, */
#define KMSG_TEXT_MAX 2048U
/** and this many records are looked at. */
#define KMSG_RECORDS_MAX 4096U

/**
 * Finds the message in a record (Documentation/ABI/testing/dev-kmsg: "priority,sequence,time,flags
 * [,…];message\n", then lines that begin with a space). The kernel has escaped what is not
 * printable. Returns false when @record is not of that form.
 */
bool kmsg_parse(const char *record, size_t size, const char **ret_message, size_t *ret_length);

/**
 * Whether a message logged while CPU @cpu was being changed is about that CPU: it names the CPU
 * ("CPU3", "CPU 3", "cpu#3", "Processor 3", "cpuhp/3"), or it is from smpboot and names none (the
 * APIC ID lines of arch/x86/kernel/smpboot.c).
 */
bool kmsg_is_about(const char *message, size_t length, unsigned int cpu);

/** Lets the next kmsg_collect() begin with what is logged from now on. Returns 0 or a negative
 * errno. */
int kmsg_mark(int fd);

/**
 * Reads what was logged since the mark, without blocking, and keeps the messages about @cpu, one a
 * line, without a newline at the end. @fd: /dev/kmsg, opened O_RDONLY | O_NONBLOCK. Returns 1; 0
 * (there are none: @ret_text is untouched); -ENOMEM or another negative errno. The caller frees the
 * text.
 */
int kmsg_collect(int fd, unsigned int cpu, char **ret_text);

#endif
