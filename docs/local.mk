# SPDX-License-Identifier: LGPL-2.1-or-later
# Man pages, written in scdoc: docs/man/NAME.SECTION.scd makes docs/man/NAME.SECTION.
man_pages = docs/man/cpuctl-agent.8 docs/man/cpuctl-agent.conf.5 docs/man/cpuctl.1 docs/man/libcpuctl.3
host_pages = docs/man/cpuvmm.1 docs/man/vcpuctl.1 docs/man/vcpuctl-domain.5
EXTRA_DIST += $(man_pages:=.scd) $(host_pages:=.scd)
if ENABLE_VMM
man_pages += $(host_pages)
endif

if HAVE_SCDOC
nodist_man_MANS = $(man_pages)
CLEANFILES += $(man_pages)
endif

SUFFIXES = .scd
.scd:
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(SCDOC) <$< >$@.tmp && mv $@.tmp $@
