# SPDX-License-Identifier: LGPL-2.1-or-later
# cpuvmm, and its objects once more as a convenience library for the unit tests.
if ENABLE_VMM
vmm_sources = \
	vmm/acpi-crs.c \
	vmm/acpi-crs.h \
	vmm/acpi-dsdt.c \
	vmm/acpi-tables.c \
	vmm/acpi-tables.h \
	vmm/aml.c \
	vmm/aml.h \
	vmm/boot-bzimage.c \
	vmm/boot-elf.c \
	vmm/boot.c \
	vmm/boot.h \
	vmm/bus.c \
	vmm/bus.h \
	vmm/chardev.c \
	vmm/chardev.h \
	vmm/check-host.c \
	vmm/check-host.h \
	vmm/console-port.c \
	vmm/console-port.h \
	vmm/cpu-models.c \
	vmm/coalesced.c \
	vmm/coalesced.h \
	vmm/control-client.c \
	vmm/control-internal.h \
	vmm/control-vm.c \
	vmm/control-vm.h \
	vmm/control.c \
	vmm/control.h \
	vmm/cpu-request.c \
	vmm/cpu-request.h \
	vmm/cpuhp.c \
	vmm/cpuhp.h \
	vmm/cpuid-table.h \
	vmm/cpuid-topology.c \
	vmm/cpuid.c \
	vmm/cpuid.h \
	vmm/cpus.c \
	vmm/cpus.h \
	vmm/devices.c \
	vmm/devices.h \
	vmm/exit-reason.c \
	vmm/exit-reason.h \
	vmm/fail.c \
	vmm/fail.h \
	vmm/ged.c \
	vmm/ged.h \
	vmm/hotplug.c \
	vmm/hotplug.h \
	vmm/ioapic.c \
	vmm/ioapic.h \
	vmm/irq.c \
	vmm/irq.h \
	vmm/kvm.c \
	vmm/kvm.h \
	vmm/layout.h \
	vmm/limits.c \
	vmm/limits.h \
	vmm/listen.c \
	vmm/listen.h \
	vmm/memory.c \
	vmm/memory.h \
	vmm/msi.c \
	vmm/msi.h \
	vmm/msix.c \
	vmm/msix.h \
	vmm/numa.c \
	vmm/numa.h \
	vmm/option-values.c \
	vmm/option-values.h \
	vmm/options.c \
	vmm/options.h \
	vmm/ost.c \
	vmm/ost.h \
	vmm/pci.c \
	vmm/pci.h \
	vmm/power.c \
	vmm/power.h \
	vmm/qmp-commands.c \
	vmm/qmp-cpus.c \
	vmm/qmp-device.c \
	vmm/qmp-events.c \
	vmm/sandbox.c \
	vmm/sandbox.h \
	vmm/serial.c \
	vmm/serial.h \
	vmm/smp.c \
	vmm/smp.h \
	vmm/vcpu-state.c \
	vmm/vcpu-state.h \
	vmm/vcpu.c \
	vmm/vcpu.h \
	vmm/virtio-blk.c \
	vmm/virtio-blk.h \
	vmm/virtio-console.c \
	vmm/virtio-console.h \
	vmm/virtio-kvm.c \
	vmm/virtio-kvm.h \
	vmm/virtio-pci.c \
	vmm/virtio-pci.h \
	vmm/virtio-rng.c \
	vmm/virtio-rng.h \
	vmm/virtio.c \
	vmm/virtio.h \
	vmm/virtqueue.c \
	vmm/virtqueue.h \
	vmm/vm-internal.h \
	vmm/vm-run.c \
	vmm/vm.c \
	vmm/vm.h

noinst_LTLIBRARIES += vmm/libvmm.la
vmm_libvmm_la_SOURCES = $(vmm_sources)
vmm_libvmm_la_CFLAGS = $(AM_CFLAGS) $(JSONC_CFLAGS) $(SYSTEMD_CFLAGS) $(SECCOMP_CFLAGS)

bin_PROGRAMS += vmm/cpuvmm
vmm_cpuvmm_SOURCES = vmm/main.c
vmm_cpuvmm_CFLAGS = $(vmm_libvmm_la_CFLAGS)
vmm_cpuvmm_LDFLAGS = $(AM_LDFLAGS) -Wl,-z,relro,-z,now -pthread
vmm_cpuvmm_LDADD = vmm/libvmm.la qmp/libqmp.la libcpuctl/libcpuctl-core.la $(JSONC_LIBS) \
	$(SYSTEMD_LIBS) $(SECCOMP_LIBS)
endif
