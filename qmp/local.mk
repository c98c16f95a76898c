# SPDX-License-Identifier: LGPL-2.1-or-later
# The JSON line protocols of the QEMU family: framing, command server. Knows neither libcpuctl nor an event loop.
noinst_HEADERS = \
	qmp/buffer.h \
	qmp/conn.h \
	qmp/error.h \
	qmp/frame.h \
	qmp/json.h \
	qmp/server.h
