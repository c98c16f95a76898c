/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Unix sockets that cpuvmm listens on. */
#ifndef VMM_LISTEN_H
#define VMM_LISTEN_H

struct cpuctl_error;
struct socket_file;

/**
 * Listens on a unix stream socket at @path, that only this user may connect to. A socket that
 * nobody listens on any more is replaced; any other file, and a socket in use, is left alone.
 *
 * @option: what the path was given with, for the sentence
 * @backlog: how many connections may wait (listen(2))
 * @ret_file: what socket_file_remove() is to remove at the end
 * Returns the file descriptor, non-blocking; or with a sentence -EINVAL where the path is empty or
 * longer than unix(7) allows, -EADDRINUSE, or what a system call returned.
 */
int listen_unix(const char *option, const char *path, int backlog, struct socket_file *ret_file,
                struct cpuctl_error *error);

/**
 * Takes a connection of listening socket @fd. Returns its file descriptor, non-blocking, or what
 * accept4(2) returned. A client for which this process may have no more files is turned away, or
 * it would be announced without end.
 */
int listen_accept(int fd);

#endif
