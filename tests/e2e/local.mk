# SPDX-License-Identifier: LGPL-2.1-or-later
# Programs that run in the guests of the end-to-end tests.
check_PROGRAMS += tests/e2e/change-probe
tests_e2e_change_probe_SOURCES = tests/e2e/change-probe.c
tests_e2e_change_probe_LDADD = libcpuctl/libcpuctl-core.la
