# SPDX-License-Identifier: LGPL-2.1-or-later
# What joins the programs to a system: units, udev rules, the configuration, bash completion.

# Where the distribution has the stock agent.
QEMU_GA = /usr/sbin/qemu-ga

packaging_subst = $(AM_V_GEN)$(MKDIR_P) $(@D) && $(SED) -e 's|@bindir[@]|$(bindir)|g' \
	-e 's|@sbindir[@]|$(sbindir)|g' -e 's|@QEMU_GA[@]|$(QEMU_GA)|g' $< >$@.tmp && mv $@.tmp $@

systemdsystemunitdir = $(SYSTEMD_SYSTEMUNITDIR)
nodist_systemdsystemunit_DATA = packaging/systemd/cpuctl-agent.service
packaging/systemd/cpuctl-agent.service: packaging/systemd/cpuctl-agent.service.in Makefile
	$(packaging_subst)

qemugadropindir = $(SYSTEMD_SYSTEMUNITDIR)/qemu-guest-agent.service.d
nodist_qemugadropin_DATA = packaging/systemd/cpuctl.conf
packaging/systemd/cpuctl.conf: packaging/systemd/qemu-guest-agent.conf.in Makefile
	$(packaging_subst)

udevrulesdir = $(UDEVDIR)/rules.d
dist_udevrules_DATA = packaging/udev/61-cpuctl-agent.rules
nodist_udevrules_DATA = packaging/udev/60-cpuctl-hotplug.rules
packaging/udev/60-cpuctl-hotplug.rules: packaging/udev/60-cpuctl-hotplug.rules.in Makefile
	$(packaging_subst)

bashcompletiondir = $(BASHCOMPLETIONDIR)
dist_bashcompletion_DATA = packaging/completion/cpuctl packaging/completion/cpuctl-agent
if ENABLE_VMM
dist_bashcompletion_DATA += packaging/completion/cpuvmm packaging/completion/vcpuctl
endif

CLEANFILES += packaging/systemd/cpuctl-agent.service packaging/systemd/cpuctl.conf \
	packaging/udev/60-cpuctl-hotplug.rules
EXTRA_DIST += packaging/systemd/cpuctl-agent.service.in packaging/systemd/qemu-guest-agent.conf.in \
	packaging/udev/60-cpuctl-hotplug.rules.in packaging/agent.conf

# An administrator's file is not replaced.
agentconfdir = $(sysconfdir)/cpuctl
install-data-local: install-agent-conf
uninstall-local: uninstall-agent-conf
install-agent-conf:
	$(MKDIR_P) '$(DESTDIR)$(agentconfdir)'
	test -e '$(DESTDIR)$(agentconfdir)/agent.conf' || \
		$(INSTALL_DATA) $(top_srcdir)/packaging/agent.conf '$(DESTDIR)$(agentconfdir)/agent.conf'
uninstall-agent-conf:
	rm -f '$(DESTDIR)$(agentconfdir)/agent.conf'
.PHONY: install-agent-conf uninstall-agent-conf
