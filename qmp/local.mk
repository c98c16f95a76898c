# SPDX-License-Identifier: LGPL-2.1-or-later
# The JSON line protocols of the QEMU family: framing, command server. Knows neither libcpuctl nor an event loop.
noinst_LTLIBRARIES += qmp/libqmp.la
qmp_libqmp_la_SOURCES = \
	qmp/buffer.c \
	qmp/buffer.h \
	qmp/client-internal.h \
	qmp/client-io.c \
	qmp/client.c \
	qmp/client.h \
	qmp/conn-object.c \
	qmp/conn.c \
	qmp/conn.h \
	qmp/error.c \
	qmp/error.h \
	qmp/frame-grammar.c \
	qmp/frame-internal.h \
	qmp/frame-text.c \
	qmp/frame-text.h \
	qmp/frame.c \
	qmp/frame.h \
	qmp/json-get.c \
	qmp/json-write.c \
	qmp/json.c \
	qmp/json.h \
	qmp/reply.c \
	qmp/reply.h \
	qmp/request.c \
	qmp/server-internal.h \
	qmp/server.c \
	qmp/server.h \
	qmp/sync.c \
	qmp/sync.h \
	qmp/utf8.c \
	qmp/utf8.h
EXTRA_DIST += qmp/README.md
qmp_libqmp_la_CFLAGS = $(AM_CFLAGS) $(JSONC_CFLAGS)
qmp_libqmp_la_LIBADD = $(JSONC_LIBS)
