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
	vmm/bus.c \
	vmm/bus.h \
	vmm/cpuhp.c \
	vmm/cpuhp.h \
	vmm/cpus.h \
	vmm/ged.c \
	vmm/ged.h \
	vmm/irq.h \
	vmm/kvm.c \
	vmm/kvm.h \
	vmm/layout.h \
	vmm/memory.c \
	vmm/memory.h \
	vmm/msi.c \
	vmm/msi.h \
	vmm/msix.c \
	vmm/msix.h \
	vmm/ost.c \
	vmm/ost.h \
	vmm/pci.c \
	vmm/pci.h \
	vmm/power.c \
	vmm/power.h \
	vmm/removal.c \
	vmm/removal.h \
	vmm/smp.c \
	vmm/smp.h \
	vmm/virtio-blk.c \
	vmm/virtio-blk.h \
	vmm/virtio-console.c \
	vmm/virtio-console.h \
	vmm/virtio-pci.c \
	vmm/virtio-pci.h \
	vmm/virtio-rng.c \
	vmm/virtio-rng.h \
	vmm/virtio.c \
	vmm/virtio.h \
	vmm/virtqueue.c \
	vmm/virtqueue.h \
	vmm/vm.h

noinst_LTLIBRARIES += vmm/libvmm.la
vmm_libvmm_la_SOURCES = $(vmm_sources)
vmm_libvmm_la_CFLAGS = $(AM_CFLAGS) $(JSONC_CFLAGS) $(SYSTEMD_CFLAGS) $(SECCOMP_CFLAGS)
endif
