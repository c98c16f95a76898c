# SPDX-License-Identifier: LGPL-2.1-or-later
# The unit tests of vmm/, built where cpuvmm is.
if ENABLE_VMM
unit_vmm_libs = vmm/libvmm.la libcpuctl/libcpuctl-core.la $(SECCOMP_LIBS) $(CHECK_LIBS)

unit_tests += tests/unit/test-vmm-bus tests/unit/test-vmm-msi tests/unit/test-vmm-smp
tests_unit_test_vmm_bus_SOURCES = tests/unit/test-vmm-bus.c $(unit_main)
tests_unit_test_vmm_bus_CFLAGS = $(unit_cflags)
tests_unit_test_vmm_bus_LDADD = $(unit_vmm_libs)
tests_unit_test_vmm_msi_SOURCES = tests/unit/test-vmm-msi.c $(unit_main)
tests_unit_test_vmm_msi_CFLAGS = $(unit_cflags)
tests_unit_test_vmm_msi_LDADD = $(unit_vmm_libs)
tests_unit_test_vmm_smp_SOURCES = tests/unit/test-vmm-smp.c $(unit_main)
tests_unit_test_vmm_smp_CFLAGS = $(unit_cflags)
tests_unit_test_vmm_smp_LDADD = $(unit_vmm_libs)

unit_tests += tests/unit/test-vmm-ioapic
tests_unit_test_vmm_ioapic_SOURCES = tests/unit/test-vmm-ioapic.c $(unit_main)
tests_unit_test_vmm_ioapic_CFLAGS = $(unit_cflags)
tests_unit_test_vmm_ioapic_LDADD = $(unit_vmm_libs)

unit_tests += tests/unit/test-vmm-boot
tests_unit_test_vmm_boot_SOURCES = tests/unit/test-vmm-boot.c $(unit_main)
tests_unit_test_vmm_boot_CFLAGS = $(unit_cflags)
tests_unit_test_vmm_boot_LDADD = $(unit_vmm_libs) qmp/libqmp.la $(JSONC_LIBS) $(SYSTEMD_LIBS)

unit_tests += tests/unit/test-vmm-serial
tests_unit_test_vmm_serial_SOURCES = tests/unit/test-vmm-serial.c $(unit_main)
tests_unit_test_vmm_serial_CFLAGS = $(unit_cflags)
tests_unit_test_vmm_serial_LDADD = $(unit_vmm_libs)

unit_tests += tests/unit/test-vmm-pci tests/unit/test-vmm-virtqueue
tests_unit_test_vmm_pci_SOURCES = tests/unit/test-vmm-pci.c $(unit_main)
tests_unit_test_vmm_pci_CFLAGS = $(unit_cflags)
tests_unit_test_vmm_pci_LDADD = $(unit_vmm_libs)
tests_unit_test_vmm_virtqueue_SOURCES = tests/unit/test-vmm-virtqueue.c tests/unit/vmm-driver.h \
	$(unit_main)
tests_unit_test_vmm_virtqueue_CFLAGS = $(unit_cflags)
tests_unit_test_vmm_virtqueue_LDADD = $(unit_vmm_libs)

unit_vmm_driver = tests/unit/vmm-driver.c tests/unit/vmm-driver.h
unit_tests += tests/unit/test-vmm-virtio-pci tests/unit/test-vmm-console tests/unit/test-vmm-blk
tests_unit_test_vmm_virtio_pci_SOURCES = tests/unit/test-vmm-virtio-pci.c $(unit_vmm_driver) $(unit_main)
tests_unit_test_vmm_virtio_pci_CFLAGS = $(unit_cflags)
tests_unit_test_vmm_virtio_pci_LDADD = $(unit_vmm_libs)
tests_unit_test_vmm_console_SOURCES = tests/unit/test-vmm-console.c $(unit_vmm_driver) $(unit_main)
tests_unit_test_vmm_console_CFLAGS = $(unit_cflags)
tests_unit_test_vmm_console_LDADD = $(unit_vmm_libs)
tests_unit_test_vmm_blk_SOURCES = tests/unit/test-vmm-blk.c $(unit_vmm_driver) $(unit_main)
tests_unit_test_vmm_blk_CFLAGS = $(unit_cflags)
tests_unit_test_vmm_blk_LDADD = $(unit_vmm_libs)

unit_tests += tests/unit/test-vmm-acpi tests/unit/test-vmm-aml tests/unit/test-vmm-cpuhp \
	tests/unit/test-vmm-power
tests_unit_test_vmm_acpi_SOURCES = tests/unit/test-vmm-acpi.c $(unit_main)
tests_unit_test_vmm_acpi_CFLAGS = $(unit_cflags)
tests_unit_test_vmm_acpi_LDADD = $(unit_vmm_libs)
tests_unit_test_vmm_aml_SOURCES = tests/unit/test-vmm-aml.c $(unit_main)
tests_unit_test_vmm_aml_CFLAGS = $(unit_cflags)
tests_unit_test_vmm_aml_LDADD = $(unit_vmm_libs)
tests_unit_test_vmm_cpuhp_SOURCES = tests/unit/test-vmm-cpuhp.c $(unit_main)
tests_unit_test_vmm_cpuhp_CFLAGS = $(unit_cflags)
tests_unit_test_vmm_cpuhp_LDADD = $(unit_vmm_libs)
tests_unit_test_vmm_power_SOURCES = tests/unit/test-vmm-power.c $(unit_main)
tests_unit_test_vmm_power_CFLAGS = $(unit_cflags)
tests_unit_test_vmm_power_LDADD = $(unit_vmm_libs)
unit_tests += tests/unit/test-vmm-cpuid
unit_vmm_agreement = tests/unit/vmm-agreement.c tests/unit/vmm-agreement.h
tests_unit_test_vmm_cpuid_SOURCES = tests/unit/test-vmm-cpuid.c $(unit_vmm_agreement) $(unit_main)
tests_unit_test_vmm_cpuid_CFLAGS = $(unit_cflags)
tests_unit_test_vmm_cpuid_LDADD = $(unit_vmm_libs)

unit_tests += tests/unit/test-vmm-numa
tests_unit_test_vmm_numa_SOURCES = tests/unit/test-vmm-numa.c $(unit_main)
tests_unit_test_vmm_numa_CFLAGS = $(unit_cflags)
tests_unit_test_vmm_numa_LDADD = $(unit_vmm_libs)

unit_tests += tests/unit/test-vmm-chardev
tests_unit_test_vmm_chardev_SOURCES = tests/unit/test-vmm-chardev.c $(unit_main)
tests_unit_test_vmm_chardev_CFLAGS = $(unit_cflags) $(SYSTEMD_CFLAGS)
tests_unit_test_vmm_chardev_LDADD = $(unit_vmm_libs) $(SYSTEMD_LIBS)

unit_tests += tests/unit/test-vmm-devices tests/unit/test-vmm-hotplug
tests_unit_test_vmm_devices_SOURCES = tests/unit/test-vmm-devices.c $(unit_main)
tests_unit_test_vmm_devices_CFLAGS = $(unit_cflags) $(SYSTEMD_CFLAGS)
tests_unit_test_vmm_devices_LDADD = $(unit_vmm_libs) $(SYSTEMD_LIBS)
tests_unit_test_vmm_hotplug_SOURCES = tests/unit/test-vmm-hotplug.c $(unit_main)
tests_unit_test_vmm_hotplug_CFLAGS = $(unit_cflags)
tests_unit_test_vmm_hotplug_LDADD = $(unit_vmm_libs)

unit_tests += tests/unit/test-vmm-vcpu-state
tests_unit_test_vmm_vcpu_state_SOURCES = tests/unit/test-vmm-vcpu-state.c $(unit_main)
tests_unit_test_vmm_vcpu_state_CFLAGS = $(unit_cflags)
tests_unit_test_vmm_vcpu_state_LDADD = $(unit_vmm_libs)

unit_tests += tests/unit/test-vmm-exit-reason
tests_unit_test_vmm_exit_reason_SOURCES = tests/unit/test-vmm-exit-reason.c $(unit_main)
tests_unit_test_vmm_exit_reason_CFLAGS = $(unit_cflags)
tests_unit_test_vmm_exit_reason_LDADD = $(unit_vmm_libs)

unit_tests += tests/unit/test-vmm-sandbox
tests_unit_test_vmm_sandbox_SOURCES = tests/unit/test-vmm-sandbox.c $(unit_main)
tests_unit_test_vmm_sandbox_CFLAGS = $(unit_cflags)
tests_unit_test_vmm_sandbox_LDADD = $(unit_vmm_libs)

unit_tests += tests/unit/test-vmm-limits
tests_unit_test_vmm_limits_SOURCES = tests/unit/test-vmm-limits.c $(unit_tree) $(unit_main)
tests_unit_test_vmm_limits_CFLAGS = $(unit_cflags)
tests_unit_test_vmm_limits_LDADD = $(unit_vmm_libs)

unit_tests += tests/unit/test-vmm-check-host
tests_unit_test_vmm_check_host_SOURCES = tests/unit/test-vmm-check-host.c $(unit_tree) $(unit_main)
tests_unit_test_vmm_check_host_CFLAGS = $(unit_cflags)
tests_unit_test_vmm_check_host_LDADD = $(unit_vmm_libs)

unit_tests += tests/unit/test-vmm-control
tests_unit_test_vmm_control_SOURCES = tests/unit/test-vmm-control.c tests/unit/vmm-fake.c \
	tests/unit/vmm-fake.h $(unit_main)
tests_unit_test_vmm_control_CFLAGS = $(unit_cflags) $(JSONC_CFLAGS) $(SYSTEMD_CFLAGS)
tests_unit_test_vmm_control_LDADD = vmm/libvmm.la qmp/libqmp.la libcpuctl/libcpuctl-core.la \
	$(JSONC_LIBS) $(SYSTEMD_LIBS) $(CHECK_LIBS)
endif
