# SPDX-License-Identifier: LGPL-2.1-or-later
# The daemon. What its unit tests link to as well is a convenience library.
agent_sources = \
	agent/agent.c \
	agent/agent.h \
	agent/apply.c \
	agent/apply.h \
	agent/audit.c \
	agent/audit.h \
	agent/background.c \
	agent/background.h \
	agent/commands-events.c \
	agent/commands-goal.c \
	agent/commands-load.c \
	agent/commands-shutdown.c \
	agent/commands-system.c \
	agent/commands-topology.c \
	agent/commands-vcpus.c \
	agent/commands.c \
	agent/commands.h \
	agent/config-file.c \
	agent/config.c \
	agent/config.h \
	agent/events.c \
	agent/events.h \
	agent/forward-handshake.c \
	agent/forward-internal.h \
	agent/forward-link.c \
	agent/forward-reply.c \
	agent/forward.c \
	agent/forward.h \
	agent/freeze.c \
	agent/freeze.h \
	agent/holder.c \
	agent/holder.h \
	agent/host-offline.c \
	agent/host-offline.h \
	agent/hotplug.c \
	agent/hotplug.h \
	agent/log.c \
	agent/log.h \
	agent/memory.c \
	agent/memory.h \
	agent/notify.c \
	agent/notify.h \
	agent/options.c \
	agent/options.h \
	agent/policy.c \
	agent/policy.h \
	agent/port-device.c \
	agent/port-internal.h \
	agent/port-listen.c \
	agent/port.c \
	agent/port.h \
	agent/reply.c \
	agent/reply.h \
	agent/seccomp.c \
	agent/seccomp.h \
	agent/session.c \
	agent/session.h \
	agent/shutdown.c \
	agent/shutdown.h \
	agent/worker.c \
	agent/worker.h

noinst_LTLIBRARIES += agent/libagent.la
agent_libagent_la_SOURCES = $(agent_sources)
agent_libagent_la_CFLAGS = $(AM_CFLAGS) $(JSONC_CFLAGS) $(SYSTEMD_CFLAGS) $(UDEV_CFLAGS)

# The system call filter is compiled here, for the agent's machine.
agent/make-seccomp-filter: agent/make-seccomp-filter.c
	$(AM_V_CC)$(MKDIR_P) agent && $(CC_FOR_BUILD) $(WARN_CFLAGS) $(SECCOMP_CFLAGS_FOR_BUILD) -o $@ \
		$(srcdir)/agent/make-seccomp-filter.c $(SECCOMP_LIBS_FOR_BUILD)

agent/seccomp-filter.inc: agent/make-seccomp-filter
	$(AM_V_GEN)agent/make-seccomp-filter $(host_cpu) >$@.new && mv $@.new $@

$(agent_libagent_la_OBJECTS): agent/seccomp-filter.inc
CLEANFILES += agent/make-seccomp-filter agent/seccomp-filter.inc
EXTRA_DIST += agent/make-seccomp-filter.c

sbin_PROGRAMS += agent/cpuctl-agent
agent_cpuctl_agent_SOURCES = agent/main.c
agent_cpuctl_agent_CFLAGS = $(agent_libagent_la_CFLAGS)
# Symbols are resolved at the start: later it would touch every library's tables again.
# The C library comes first, since most symbols of most libraries are found in it.
agent_cpuctl_agent_LDFLAGS = $(AM_LDFLAGS) -Wl,-z,relro,-z,now -Wl,--push-state,--no-as-needed,-lc,--pop-state
# libcpuctl is part of it: one shared library less to find, map and relocate at each start.
agent_cpuctl_agent_LDADD = agent/libagent.la qmp/libqmp.la libcpuctl/libcpuctl-core.la $(JSONC_LIBS) \
	$(SYSTEMD_LIBS) $(UDEV_LIBS)

EXTRA_DIST += agent/cpuctl-qapi.json
