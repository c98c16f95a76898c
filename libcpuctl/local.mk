# SPDX-License-Identifier: LGPL-2.1-or-later
# libcpuctl.so, and the same objects once more as a convenience library that shows its internals to the unit tests.
libcpuctl_sources = \
	libcpuctl/arch.c \
	libcpuctl/array.h \
	libcpuctl/arm.c \
	libcpuctl/arm.h \
	libcpuctl/cache-class.c \
	libcpuctl/cache-class.h \
	libcpuctl/cache-read.c \
	libcpuctl/change.c \
	libcpuctl/change.h \
	libcpuctl/choice.c \
	libcpuctl/choice.h \
	libcpuctl/cleanup.h \
	libcpuctl/coldplug.c \
	libcpuctl/coldplug.h \
	libcpuctl/counts.c \
	libcpuctl/cpuctl.h \
	libcpuctl/cpuid-live.c \
	libcpuctl/cpuid-table.c \
	libcpuctl/cpuid-table.h \
	libcpuctl/cpuinfo-cache.c \
	libcpuctl/cpuinfo.c \
	libcpuctl/cpuinfo.h \
	libcpuctl/cpuset-list.c \
	libcpuctl/cpuset-mask.c \
	libcpuctl/cpuset.c \
	libcpuctl/cpuset.h \
	libcpuctl/deadline.c \
	libcpuctl/decimal.c \
	libcpuctl/decimal.h \
	libcpuctl/dmi.c \
	libcpuctl/error.c \
	libcpuctl/error.h \
	libcpuctl/frequency.c \
	libcpuctl/identity.c \
	libcpuctl/identity.h \
	libcpuctl/kmsg.c \
	libcpuctl/kmsg.h \
	libcpuctl/layout.c \
	libcpuctl/layout.h \
	libcpuctl/monitor.c \
	libcpuctl/monitor.h \
	libcpuctl/offline-choice.c \
	libcpuctl/one-line.h \
	libcpuctl/plan-count.c \
	libcpuctl/plan.c \
	libcpuctl/plan.h \
	libcpuctl/reasons.c \
	libcpuctl/reasons.h \
	libcpuctl/refusal.c \
	libcpuctl/refusal.h \
	libcpuctl/root-dir.c \
	libcpuctl/root-open.c \
	libcpuctl/root-open.h \
	libcpuctl/root.c \
	libcpuctl/root.h \
	libcpuctl/socket-file.h \
	libcpuctl/standard-fds.h \
	libcpuctl/state.c \
	libcpuctl/state.h \
	libcpuctl/topology-caches.c \
	libcpuctl/topology-groups.c \
	libcpuctl/topology.c \
	libcpuctl/topology.h \
	libcpuctl/virt-cpuid.c \
	libcpuctl/virt.c \
	libcpuctl/virt.h \
	libcpuctl/vulnerabilities.c \
	libcpuctl/x86.c

libcpuctl_cflags = $(AM_CFLAGS) $(UDEV_CFLAGS) -fvisibility=hidden
libcpuctl_libs = $(UDEV_LIBS)

noinst_LTLIBRARIES += libcpuctl/libcpuctl-core.la
libcpuctl_libcpuctl_core_la_SOURCES = $(libcpuctl_sources)
libcpuctl_libcpuctl_core_la_CFLAGS = $(libcpuctl_cflags)
libcpuctl_libcpuctl_core_la_LIBADD = $(libcpuctl_libs)

lib_LTLIBRARIES += libcpuctl/libcpuctl.la
libcpuctl_libcpuctl_la_SOURCES =
libcpuctl_libcpuctl_la_LIBADD = libcpuctl/libcpuctl-core.la
libcpuctl_libcpuctl_la_LDFLAGS = $(AM_LDFLAGS) -version-info $(LIBCPUCTL_VERSION_INFO) \
	-Wl,--version-script=$(top_srcdir)/libcpuctl/libcpuctl.sym
libcpuctl_libcpuctl_la_DEPENDENCIES = libcpuctl/libcpuctl-core.la libcpuctl/libcpuctl.sym

include_HEADERS += libcpuctl/cpuctl.h
pkgconfig_DATA += libcpuctl/libcpuctl.pc
EXTRA_DIST += libcpuctl/libcpuctl.sym
