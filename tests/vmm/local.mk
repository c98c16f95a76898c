# SPDX-License-Identifier: LGPL-2.1-or-later
# Programs that the tests of cpuvmm run.
if ENABLE_VMM
check_PROGRAMS += tests/vmm/write-tables
tests_vmm_write_tables_SOURCES = tests/vmm/write-tables.c
tests_vmm_write_tables_LDADD = vmm/libvmm.la libcpuctl/libcpuctl-core.la
endif

EXTRA_DIST += tests/vmm/micro.py tests/vmm/test-acpi-code tests/vmm/test-acpi-tables \
	tests/vmm/test-micro-guest tests/vmm/test-qmp-conformance tests/vmm/test-run-states \
	tests/vmm/test-sandbox tests/vmm/test-usage tests/vmm/vm.py
