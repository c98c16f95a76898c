# SPDX-License-Identifier: LGPL-2.1-or-later
# Programs that the tests of cpuvmm run.
if ENABLE_VMM
check_PROGRAMS += tests/vmm/write-tables
tests_vmm_write_tables_SOURCES = tests/vmm/write-tables.c
tests_vmm_write_tables_LDADD = vmm/libvmm.la libcpuctl/libcpuctl-core.la

# cpuvmm's VM with a guest of a few instructions. --wrap: see micro-wrap.c.
micro_sources = tests/vmm/micro.c tests/vmm/micro.h tests/vmm/micro-guest.S tests/vmm/micro-guest.h \
	tests/vmm/micro-wrap.c tests/vmm/micro-wrap.h
micro_suite = tests/vmm/micro-suite.c $(micro_sources) $(unit_main)
micro_cflags = $(unit_cflags) $(SYSTEMD_CFLAGS) -pthread
micro_wrapped = smp_apic_id smp_apic_id_max msi_convert_ext_dest kvm_vm_enable kvm_call \
	kvm_call_value cpus_plug_first
micro_ldflags = $(AM_LDFLAGS) -pthread $(micro_wrapped:%=-Wl,--wrap=%)
micro_libs = vmm/libvmm.la qmp/libqmp.la libcpuctl/libcpuctl-core.la $(JSONC_LIBS) $(SYSTEMD_LIBS) \
	$(SECCOMP_LIBS) $(CHECK_LIBS)

unit_tests += tests/vmm/test-micro-interrupts
tests_vmm_test_micro_interrupts_SOURCES = tests/vmm/test-micro-interrupts.c $(micro_suite)
tests_vmm_test_micro_interrupts_CFLAGS = $(micro_cflags)
tests_vmm_test_micro_interrupts_LDFLAGS = $(micro_ldflags)
tests_vmm_test_micro_interrupts_LDADD = $(micro_libs)

unit_tests += tests/vmm/test-micro-cpus
tests_vmm_test_micro_cpus_SOURCES = tests/vmm/test-micro-cpus.c $(micro_suite) $(unit_vmm_agreement)
tests_vmm_test_micro_cpus_CFLAGS = $(micro_cflags)
tests_vmm_test_micro_cpus_LDFLAGS = $(micro_ldflags)
tests_vmm_test_micro_cpus_LDADD = $(micro_libs)

check_PROGRAMS += tests/vmm/micro-bench
tests_vmm_micro_bench_SOURCES = tests/vmm/micro-bench.c $(micro_sources)
tests_vmm_micro_bench_CFLAGS = $(micro_cflags)
tests_vmm_micro_bench_LDFLAGS = $(micro_ldflags)
tests_vmm_micro_bench_LDADD = $(micro_libs)
bench_programs += tests/vmm/micro-bench
endif

EXTRA_DIST += tests/vmm/micro.py tests/vmm/test-acpi-code tests/vmm/test-acpi-tables \
	tests/vmm/test-hostile-guest tests/vmm/test-micro-guest tests/vmm/test-qmp-conformance \
	tests/vmm/test-run-states tests/vmm/test-sandbox tests/vmm/test-serial tests/vmm/test-usage tests/vmm/vm.py
