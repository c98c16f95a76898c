# SPDX-License-Identifier: LGPL-2.1-or-later
# vcpuctl, built where the VMMs that it starts run; its objects but main() are also a convenience
# library for the unit tests.
if ENABLE_VMM
vcpuctl_sources = \
	tools/vcpuctl/arguments.c \
	tools/vcpuctl/cmd-console.c \
	tools/vcpuctl/cmd-domain.c \
	tools/vcpuctl/cmd-edit.c \
	tools/vcpuctl/cmd-life.c \
	tools/vcpuctl/cmd-list.c \
	tools/vcpuctl/cmd-pin.c \
	tools/vcpuctl/cmd-setvcpus.c \
	tools/vcpuctl/cmd-status.c \
	tools/vcpuctl/cmd-vcpu.c \
	tools/vcpuctl/cmd-vcpuinfo.c \
	tools/vcpuctl/command.c \
	tools/vcpuctl/command.h \
	tools/vcpuctl/cpulist.c \
	tools/vcpuctl/cpulist.h \
	tools/vcpuctl/definition-devices.c \
	tools/vcpuctl/definition-internal.h \
	tools/vcpuctl/definition-read.c \
	tools/vcpuctl/definition-read.h \
	tools/vcpuctl/definition-schema.c \
	tools/vcpuctl/definition-set.c \
	tools/vcpuctl/definition-vcpus.c \
	tools/vcpuctl/definition-write.c \
	tools/vcpuctl/definition-xml.c \
	tools/vcpuctl/definition.c \
	tools/vcpuctl/definition.h \
	tools/vcpuctl/domain-commands.h \
	tools/vcpuctl/domain-internal.h \
	tools/vcpuctl/domain.c \
	tools/vcpuctl/files.c \
	tools/vcpuctl/files.h \
	tools/vcpuctl/guest-power.c \
	tools/vcpuctl/guest-power.h \
	tools/vcpuctl/guest.c \
	tools/vcpuctl/guest.h \
	tools/vcpuctl/host-process.c \
	tools/vcpuctl/host-process.h \
	tools/vcpuctl/host-thread.c \
	tools/vcpuctl/host-thread.h \
	tools/vcpuctl/launch-guest.c \
	tools/vcpuctl/launch-guest.h \
	tools/vcpuctl/launch-line.c \
	tools/vcpuctl/launch.c \
	tools/vcpuctl/launch.h \
	tools/vcpuctl/output.c \
	tools/vcpuctl/output.h \
	tools/vcpuctl/resize-add.c \
	tools/vcpuctl/resize-internal.h \
	tools/vcpuctl/resize-remove.c \
	tools/vcpuctl/resize.c \
	tools/vcpuctl/resize.h \
	tools/vcpuctl/scope.c \
	tools/vcpuctl/scope.h \
	tools/vcpuctl/status.c \
	tools/vcpuctl/store-internal.h \
	tools/vcpuctl/store.c \
	tools/vcpuctl/store.h \
	tools/vcpuctl/target.c \
	tools/vcpuctl/target.h \
	tools/vcpuctl/text.c \
	tools/vcpuctl/text.h \
	tools/vcpuctl/truth.c \
	tools/vcpuctl/truth.h \
	tools/vcpuctl/vcpu-commands.h \
	tools/vcpuctl/vm-internal.h \
	tools/vcpuctl/vm-vcpus.c \
	tools/vcpuctl/vm.c \
	tools/vcpuctl/vm.h \
	tools/interrupt.c \
	tools/interrupt.h \
	vmm/ost.c \
	vmm/ost.h
vcpuctl_cflags = $(AM_CFLAGS) $(JSONC_CFLAGS) $(SMARTCOLS_CFLAGS) $(SYSTEMD_CFLAGS) $(XML_CFLAGS)
vcpuctl_libs = qmp/libqmp.la $(JSONC_LIBS) $(SMARTCOLS_LIBS) $(SYSTEMD_LIBS) $(XML_LIBS)

noinst_LTLIBRARIES += tools/vcpuctl/libvcpuctl.la
tools_vcpuctl_libvcpuctl_la_SOURCES = $(vcpuctl_sources)
tools_vcpuctl_libvcpuctl_la_CFLAGS = $(vcpuctl_cflags)

bin_PROGRAMS += tools/vcpuctl/vcpuctl
tools_vcpuctl_vcpuctl_SOURCES = tools/vcpuctl/main.c
tools_vcpuctl_vcpuctl_CFLAGS = $(vcpuctl_cflags)
tools_vcpuctl_vcpuctl_LDADD = tools/vcpuctl/libvcpuctl.la libcpuctl/libcpuctl-core.la $(vcpuctl_libs) $(UDEV_LIBS)
endif
