# SPDX-License-Identifier: LGPL-2.1-or-later
# Fuzz targets. Each is built twice: with libFuzzer when --enable-fuzzing was given, and always as
# replay-NAME, a unit test that runs it over its corpus.
fuzz_cflags = $(AM_CFLAGS) $(JSONC_CFLAGS) $(SYSTEMD_CFLAGS)
fuzz_corpus = $(abs_top_srcdir)/tests/fuzz/corpus
replay_sources = tests/fuzz/replay.c tests/fuzz/fuzz.h
fuzz_tree = tests/fuzz/tree.c tests/fuzz/tree.h
fuzz_agent_libs = agent/libagent.la qmp/libqmp.la libcpuctl/libcpuctl-core.la $(JSONC_LIBS) \
	$(SYSTEMD_LIBS) $(UDEV_LIBS)

unit_tests += tests/fuzz/replay-agent-commands
tests_fuzz_replay_agent_commands_SOURCES = tests/fuzz/fuzz-agent-commands.c $(replay_sources) $(fuzz_tree)
tests_fuzz_replay_agent_commands_CFLAGS = $(fuzz_cflags) -DCORPUS_DIR='"$(fuzz_corpus)/agent-commands"'
tests_fuzz_replay_agent_commands_LDADD = $(fuzz_agent_libs)

unit_tests += tests/fuzz/replay-agent-config
tests_fuzz_replay_agent_config_SOURCES = tests/fuzz/fuzz-agent-config.c $(replay_sources)
tests_fuzz_replay_agent_config_CFLAGS = $(fuzz_cflags) -DCORPUS_DIR='"$(fuzz_corpus)/agent-config"'
tests_fuzz_replay_agent_config_LDADD = $(fuzz_agent_libs)

unit_tests += tests/fuzz/replay-cpuid
tests_fuzz_replay_cpuid_SOURCES = tests/fuzz/fuzz-cpuid.c $(replay_sources)
tests_fuzz_replay_cpuid_CFLAGS = $(fuzz_cflags) -DCORPUS_DIR='"$(fuzz_corpus)/cpuid"'
tests_fuzz_replay_cpuid_LDADD = libcpuctl/libcpuctl-core.la

unit_tests += tests/fuzz/replay-cpuinfo
tests_fuzz_replay_cpuinfo_SOURCES = tests/fuzz/fuzz-cpuinfo.c $(replay_sources)
tests_fuzz_replay_cpuinfo_CFLAGS = $(fuzz_cflags) -DCORPUS_DIR='"$(fuzz_corpus)/cpuinfo"'
tests_fuzz_replay_cpuinfo_LDADD = libcpuctl/libcpuctl-core.la

unit_tests += tests/fuzz/replay-cpuset
tests_fuzz_replay_cpuset_SOURCES = tests/fuzz/fuzz-cpuset.c $(replay_sources)
tests_fuzz_replay_cpuset_CFLAGS = $(fuzz_cflags) -DCORPUS_DIR='"$(fuzz_corpus)/cpuset"'
tests_fuzz_replay_cpuset_LDADD = libcpuctl/libcpuctl-core.la

unit_tests += tests/fuzz/replay-kmsg
tests_fuzz_replay_kmsg_SOURCES = tests/fuzz/fuzz-kmsg.c $(replay_sources)
tests_fuzz_replay_kmsg_CFLAGS = $(fuzz_cflags) -DCORPUS_DIR='"$(fuzz_corpus)/kmsg"'
tests_fuzz_replay_kmsg_LDADD = libcpuctl/libcpuctl-core.la

unit_tests += tests/fuzz/replay-qmp-client
tests_fuzz_replay_qmp_client_SOURCES = tests/fuzz/fuzz-qmp-client.c $(replay_sources)
tests_fuzz_replay_qmp_client_CFLAGS = $(fuzz_cflags) -DCORPUS_DIR='"$(fuzz_corpus)/qmp-client"'
tests_fuzz_replay_qmp_client_LDADD = qmp/libqmp.la $(JSONC_LIBS)

unit_tests += tests/fuzz/replay-qmp-frame
tests_fuzz_replay_qmp_frame_SOURCES = tests/fuzz/fuzz-qmp-frame.c $(replay_sources)
tests_fuzz_replay_qmp_frame_CFLAGS = $(fuzz_cflags) -DCORPUS_DIR='"$(fuzz_corpus)/qmp-frame"'
tests_fuzz_replay_qmp_frame_LDADD = qmp/libqmp.la

unit_tests += tests/fuzz/replay-qmp-server
tests_fuzz_replay_qmp_server_SOURCES = tests/fuzz/fuzz-qmp-server.c $(replay_sources)
tests_fuzz_replay_qmp_server_CFLAGS = $(fuzz_cflags) -DCORPUS_DIR='"$(fuzz_corpus)/qmp-server"'
tests_fuzz_replay_qmp_server_LDADD = qmp/libqmp.la

unit_tests += tests/fuzz/replay-sysfs
tests_fuzz_replay_sysfs_SOURCES = tests/fuzz/fuzz-sysfs.c $(replay_sources) $(fuzz_tree)
tests_fuzz_replay_sysfs_CFLAGS = $(fuzz_cflags) -DCORPUS_DIR='"$(fuzz_corpus)/sysfs"'
tests_fuzz_replay_sysfs_LDADD = libcpuctl/libcpuctl-core.la

if ENABLE_VMM
fuzz_driver = tests/fuzz/virtio.c tests/fuzz/virtio.h tests/unit/vmm-driver.c tests/unit/vmm-driver.h
fuzz_vmm_libs = vmm/libvmm.la libcpuctl/libcpuctl-core.la $(SECCOMP_LIBS)

unit_tests += tests/fuzz/replay-cpuhp
tests_fuzz_replay_cpuhp_SOURCES = tests/fuzz/fuzz-cpuhp.c $(replay_sources)
tests_fuzz_replay_cpuhp_CFLAGS = $(fuzz_cflags) -DCORPUS_DIR='"$(fuzz_corpus)/cpuhp"'
tests_fuzz_replay_cpuhp_LDADD = $(fuzz_vmm_libs)

fuzz_vcpuctl_libs = tools/vcpuctl/libvcpuctl.la libcpuctl/libcpuctl-core.la $(vcpuctl_libs)

unit_tests += tests/fuzz/replay-domain-xml
tests_fuzz_replay_domain_xml_SOURCES = tests/fuzz/fuzz-domain-xml.c $(replay_sources)
tests_fuzz_replay_domain_xml_CFLAGS = $(fuzz_cflags) -DCORPUS_DIR='"$(fuzz_corpus)/domain-xml"'
tests_fuzz_replay_domain_xml_LDADD = $(fuzz_vcpuctl_libs)

unit_tests += tests/fuzz/replay-vcpuctl-peers
tests_fuzz_replay_vcpuctl_peers_SOURCES = tests/fuzz/fuzz-vcpuctl-peers.c $(replay_sources)
tests_fuzz_replay_vcpuctl_peers_CFLAGS = $(fuzz_cflags) -DCORPUS_DIR='"$(fuzz_corpus)/vcpuctl-peers"'
tests_fuzz_replay_vcpuctl_peers_LDADD = $(fuzz_vcpuctl_libs)

unit_tests += tests/fuzz/replay-ioapic
tests_fuzz_replay_ioapic_SOURCES = tests/fuzz/fuzz-ioapic.c $(replay_sources)
tests_fuzz_replay_ioapic_CFLAGS = $(fuzz_cflags) -DCORPUS_DIR='"$(fuzz_corpus)/ioapic"'
tests_fuzz_replay_ioapic_LDADD = $(fuzz_vmm_libs)

unit_tests += tests/fuzz/replay-boot
tests_fuzz_replay_boot_SOURCES = tests/fuzz/fuzz-boot.c $(replay_sources)
tests_fuzz_replay_boot_CFLAGS = $(fuzz_cflags) -DCORPUS_DIR='"$(fuzz_corpus)/boot"'
tests_fuzz_replay_boot_LDADD = $(fuzz_vmm_libs) qmp/libqmp.la $(JSONC_LIBS) $(SYSTEMD_LIBS)

unit_tests += tests/fuzz/replay-serial
tests_fuzz_replay_serial_SOURCES = tests/fuzz/fuzz-serial.c $(replay_sources)
tests_fuzz_replay_serial_CFLAGS = $(fuzz_cflags) -DCORPUS_DIR='"$(fuzz_corpus)/serial"'
tests_fuzz_replay_serial_LDADD = $(fuzz_vmm_libs)

unit_tests += tests/fuzz/replay-vmm-commands
tests_fuzz_replay_vmm_commands_SOURCES = tests/fuzz/fuzz-vmm-commands.c $(replay_sources) tests/unit/vmm-fake.c tests/unit/vmm-fake.h
tests_fuzz_replay_vmm_commands_CFLAGS = $(fuzz_cflags) -DCORPUS_DIR='"$(fuzz_corpus)/vmm-commands"'
tests_fuzz_replay_vmm_commands_LDADD = vmm/libvmm.la qmp/libqmp.la libcpuctl/libcpuctl-core.la \
	$(JSONC_LIBS) $(SYSTEMD_LIBS)

unit_tests += tests/fuzz/replay-virtio-blk
tests_fuzz_replay_virtio_blk_SOURCES = tests/fuzz/fuzz-virtio-blk.c $(replay_sources) $(fuzz_driver)
tests_fuzz_replay_virtio_blk_CFLAGS = $(fuzz_cflags) -DCORPUS_DIR='"$(fuzz_corpus)/virtio-blk"'
tests_fuzz_replay_virtio_blk_LDADD = $(fuzz_vmm_libs)

unit_tests += tests/fuzz/replay-virtio-console
tests_fuzz_replay_virtio_console_SOURCES = tests/fuzz/fuzz-virtio-console.c $(replay_sources) $(fuzz_driver)
tests_fuzz_replay_virtio_console_CFLAGS = $(fuzz_cflags) -DCORPUS_DIR='"$(fuzz_corpus)/virtio-console"'
tests_fuzz_replay_virtio_console_LDADD = $(fuzz_vmm_libs)

unit_tests += tests/fuzz/replay-virtio-rng
tests_fuzz_replay_virtio_rng_SOURCES = tests/fuzz/fuzz-virtio-rng.c $(replay_sources) $(fuzz_driver)
tests_fuzz_replay_virtio_rng_CFLAGS = $(fuzz_cflags) -DCORPUS_DIR='"$(fuzz_corpus)/virtio-rng"'
tests_fuzz_replay_virtio_rng_LDADD = $(fuzz_vmm_libs)
endif

if ENABLE_FUZZING
fuzz_ldflags = $(AM_LDFLAGS) -fsanitize=fuzzer

noinst_PROGRAMS += tests/fuzz/fuzz-agent-commands
tests_fuzz_fuzz_agent_commands_SOURCES = tests/fuzz/fuzz-agent-commands.c tests/fuzz/fuzz.h $(fuzz_tree)
tests_fuzz_fuzz_agent_commands_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_agent_commands_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_agent_commands_LDADD = $(fuzz_agent_libs)

noinst_PROGRAMS += tests/fuzz/fuzz-agent-config
tests_fuzz_fuzz_agent_config_SOURCES = tests/fuzz/fuzz-agent-config.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_agent_config_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_agent_config_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_agent_config_LDADD = $(fuzz_agent_libs)

noinst_PROGRAMS += tests/fuzz/fuzz-cpuid
tests_fuzz_fuzz_cpuid_SOURCES = tests/fuzz/fuzz-cpuid.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_cpuid_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_cpuid_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_cpuid_LDADD = libcpuctl/libcpuctl-core.la

noinst_PROGRAMS += tests/fuzz/fuzz-cpuinfo
tests_fuzz_fuzz_cpuinfo_SOURCES = tests/fuzz/fuzz-cpuinfo.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_cpuinfo_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_cpuinfo_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_cpuinfo_LDADD = libcpuctl/libcpuctl-core.la

noinst_PROGRAMS += tests/fuzz/fuzz-cpuset
tests_fuzz_fuzz_cpuset_SOURCES = tests/fuzz/fuzz-cpuset.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_cpuset_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_cpuset_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_cpuset_LDADD = libcpuctl/libcpuctl-core.la

noinst_PROGRAMS += tests/fuzz/fuzz-kmsg
tests_fuzz_fuzz_kmsg_SOURCES = tests/fuzz/fuzz-kmsg.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_kmsg_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_kmsg_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_kmsg_LDADD = libcpuctl/libcpuctl-core.la

noinst_PROGRAMS += tests/fuzz/fuzz-qmp-client
tests_fuzz_fuzz_qmp_client_SOURCES = tests/fuzz/fuzz-qmp-client.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_qmp_client_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_qmp_client_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_qmp_client_LDADD = qmp/libqmp.la $(JSONC_LIBS)

noinst_PROGRAMS += tests/fuzz/fuzz-qmp-frame
tests_fuzz_fuzz_qmp_frame_SOURCES = tests/fuzz/fuzz-qmp-frame.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_qmp_frame_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_qmp_frame_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_qmp_frame_LDADD = qmp/libqmp.la

noinst_PROGRAMS += tests/fuzz/fuzz-qmp-server
tests_fuzz_fuzz_qmp_server_SOURCES = tests/fuzz/fuzz-qmp-server.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_qmp_server_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_qmp_server_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_qmp_server_LDADD = qmp/libqmp.la

noinst_PROGRAMS += tests/fuzz/fuzz-sysfs
tests_fuzz_fuzz_sysfs_SOURCES = tests/fuzz/fuzz-sysfs.c tests/fuzz/fuzz.h $(fuzz_tree)
tests_fuzz_fuzz_sysfs_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_sysfs_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_sysfs_LDADD = libcpuctl/libcpuctl-core.la

if ENABLE_VMM
noinst_PROGRAMS += tests/fuzz/fuzz-cpuhp
tests_fuzz_fuzz_cpuhp_SOURCES = tests/fuzz/fuzz-cpuhp.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_cpuhp_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_cpuhp_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_cpuhp_LDADD = $(fuzz_vmm_libs)

noinst_PROGRAMS += tests/fuzz/fuzz-domain-xml
tests_fuzz_fuzz_domain_xml_SOURCES = tests/fuzz/fuzz-domain-xml.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_domain_xml_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_domain_xml_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_domain_xml_LDADD = $(fuzz_vcpuctl_libs)

noinst_PROGRAMS += tests/fuzz/fuzz-vcpuctl-peers
tests_fuzz_fuzz_vcpuctl_peers_SOURCES = tests/fuzz/fuzz-vcpuctl-peers.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_vcpuctl_peers_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_vcpuctl_peers_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_vcpuctl_peers_LDADD = $(fuzz_vcpuctl_libs)

noinst_PROGRAMS += tests/fuzz/fuzz-ioapic
tests_fuzz_fuzz_ioapic_SOURCES = tests/fuzz/fuzz-ioapic.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_ioapic_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_ioapic_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_ioapic_LDADD = $(fuzz_vmm_libs)

noinst_PROGRAMS += tests/fuzz/fuzz-boot
tests_fuzz_fuzz_boot_SOURCES = tests/fuzz/fuzz-boot.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_boot_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_boot_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_boot_LDADD = $(fuzz_vmm_libs) qmp/libqmp.la $(JSONC_LIBS) $(SYSTEMD_LIBS)

noinst_PROGRAMS += tests/fuzz/fuzz-serial
tests_fuzz_fuzz_serial_SOURCES = tests/fuzz/fuzz-serial.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_serial_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_serial_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_serial_LDADD = $(fuzz_vmm_libs)

noinst_PROGRAMS += tests/fuzz/fuzz-vmm-commands
tests_fuzz_fuzz_vmm_commands_SOURCES = tests/fuzz/fuzz-vmm-commands.c tests/fuzz/fuzz.h tests/unit/vmm-fake.c tests/unit/vmm-fake.h
tests_fuzz_fuzz_vmm_commands_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_vmm_commands_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_vmm_commands_LDADD = vmm/libvmm.la qmp/libqmp.la libcpuctl/libcpuctl-core.la \
	$(JSONC_LIBS) $(SYSTEMD_LIBS)

noinst_PROGRAMS += tests/fuzz/fuzz-virtio-blk
tests_fuzz_fuzz_virtio_blk_SOURCES = tests/fuzz/fuzz-virtio-blk.c tests/fuzz/fuzz.h $(fuzz_driver)
tests_fuzz_fuzz_virtio_blk_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_virtio_blk_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_virtio_blk_LDADD = $(fuzz_vmm_libs)

noinst_PROGRAMS += tests/fuzz/fuzz-virtio-console
tests_fuzz_fuzz_virtio_console_SOURCES = tests/fuzz/fuzz-virtio-console.c tests/fuzz/fuzz.h $(fuzz_driver)
tests_fuzz_fuzz_virtio_console_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_virtio_console_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_virtio_console_LDADD = $(fuzz_vmm_libs)

noinst_PROGRAMS += tests/fuzz/fuzz-virtio-rng
tests_fuzz_fuzz_virtio_rng_SOURCES = tests/fuzz/fuzz-virtio-rng.c tests/fuzz/fuzz.h $(fuzz_driver)
tests_fuzz_fuzz_virtio_rng_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_virtio_rng_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_virtio_rng_LDADD = $(fuzz_vmm_libs)
endif
endif

# The long run. What is found is left beside the programs.
FUZZ_SECONDS = 600
fuzz: all
	CPUCTL_BUILD=$(abs_builddir) $(top_srcdir)/tests/fuzz/fuzz -s $(FUZZ_SECONDS) $(FUZZ)

EXTRA_DIST += tests/fuzz/README.md tests/fuzz/corpus tests/fuzz/fuzz tests/fuzz/agent-commands.dict \
	tests/fuzz/agent-config.dict tests/fuzz/cpuset.dict tests/fuzz/domain-xml.dict tests/fuzz/qmp.dict tests/fuzz/sysfs.dict \
	tests/fuzz/vmm-commands.dict
