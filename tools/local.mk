# SPDX-License-Identifier: LGPL-2.1-or-later
# cpuctl, the program.
bin_PROGRAMS += tools/cpuctl
tools_cpuctl_SOURCES = \
	tools/archive.c \
	tools/archive.h \
	tools/cmd-record.c \
	tools/cmd-watch.c \
	tools/cpuctl.c \
	tools/interrupt.c \
	tools/interrupt.h \
	tools/record.c \
	tools/record.h \
	tools/scrub.c \
	tools/scrub.h \
	tools/tool.c \
	tools/tool.h
tools_cpuctl_CFLAGS = $(AM_CFLAGS) $(ARCHIVE_CFLAGS) $(JSONC_CFLAGS) $(SMARTCOLS_CFLAGS)
tools_cpuctl_LDADD = libcpuctl/libcpuctl.la $(ARCHIVE_LIBS) $(JSONC_LIBS) $(SMARTCOLS_LIBS)
