# SPDX-License-Identifier: LGPL-2.1-or-later
# cpuctl, the program.
bin_PROGRAMS += tools/cpuctl
tools_cpuctl_SOURCES = \
	tools/archive.c \
	tools/archive.h \
	tools/change.c \
	tools/change.h \
	tools/cmd-caches.c \
	tools/cmd-change.c \
	tools/cmd-list.c \
	tools/cmd-record.c \
	tools/cmd-set.c \
	tools/cmd-topology.c \
	tools/cmd-watch.c \
	tools/cpu-cells.c \
	tools/cpu-rows.c \
	tools/cpu-rows.h \
	tools/cpuctl.c \
	tools/interrupt.c \
	tools/interrupt.h \
	tools/parsable.c \
	tools/parsable.h \
	tools/record.c \
	tools/record.h \
	tools/report-json.c \
	tools/report-json.h \
	tools/report.c \
	tools/report.h \
	tools/scrub.c \
	tools/scrub.h \
	tools/size.c \
	tools/size.h \
	tools/summary.c \
	tools/summary.h \
	tools/table.c \
	tools/table.h \
	tools/tool.c \
	tools/tool.h \
	tools/wait.c \
	tools/wait.h
tools_cpuctl_CFLAGS = $(AM_CFLAGS) $(ARCHIVE_CFLAGS) $(JSONC_CFLAGS) $(SMARTCOLS_CFLAGS)
tools_cpuctl_LDADD = libcpuctl/libcpuctl.la qmp/libqmp.la $(ARCHIVE_LIBS) $(JSONC_LIBS) $(SMARTCOLS_LIBS)
