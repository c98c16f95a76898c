# SPDX-License-Identifier: LGPL-2.1-or-later
# One program per concern, each with the prefix test-: its name in unit_tests, and in _SOURCES its own
# file, $(unit_main) and what it shares with others.
unit_cflags = $(AM_CFLAGS) $(CHECK_CFLAGS) -DFIXTURES_DIR='"$(abs_top_srcdir)/tests/fixtures"' \
	-DSOURCE_DIR='"$(abs_top_srcdir)"'
unit_libs = libcpuctl/libcpuctl-core.la $(CHECK_LIBS)
unit_main = tests/unit/main.c tests/unit/main.h

unit_tests += tests/unit/test-cpuset
tests_unit_test_cpuset_SOURCES = tests/unit/test-cpuset.c $(unit_main)
tests_unit_test_cpuset_CFLAGS = $(unit_cflags)
tests_unit_test_cpuset_LDADD = $(unit_libs)

unit_tree = tests/unit/tree.c tests/unit/tree.h

unit_tests += tests/unit/test-root
tests_unit_test_root_SOURCES = tests/unit/test-root.c $(unit_main) $(unit_tree)
tests_unit_test_root_CFLAGS = $(unit_cflags) $(SECCOMP_CFLAGS)
tests_unit_test_root_LDADD = $(unit_libs) $(SECCOMP_LIBS)

unit_tests += tests/unit/test-threads
tests_unit_test_threads_SOURCES = tests/unit/test-threads.c $(unit_main) $(unit_tree)
tests_unit_test_threads_CFLAGS = $(unit_cflags) -pthread
tests_unit_test_threads_LDADD = $(unit_libs) -lpthread

unit_tests += tests/unit/test-state
tests_unit_test_state_SOURCES = tests/unit/test-state.c $(unit_main) $(unit_tree)
tests_unit_test_state_CFLAGS = $(unit_cflags)
tests_unit_test_state_LDADD = $(unit_libs)

unit_tests += tests/unit/test-offline-choice
tests_unit_test_offline_choice_SOURCES = tests/unit/test-offline-choice.c $(unit_main) $(unit_tree)
tests_unit_test_offline_choice_CFLAGS = $(unit_cflags)
tests_unit_test_offline_choice_LDADD = $(unit_libs)

unit_tests += tests/unit/test-choice
tests_unit_test_choice_SOURCES = tests/unit/test-choice.c $(unit_main)
tests_unit_test_choice_CFLAGS = $(unit_cflags)
tests_unit_test_choice_LDADD = $(unit_libs)

unit_tests += tests/unit/test-plan
tests_unit_test_plan_SOURCES = tests/unit/test-plan.c $(unit_main) $(unit_tree)
tests_unit_test_plan_CFLAGS = $(unit_cflags)
tests_unit_test_plan_LDADD = $(unit_libs)

unit_tests += tests/unit/test-plan-recorded
tests_unit_test_plan_recorded_SOURCES = tests/unit/test-plan-recorded.c $(unit_main) $(unit_tree)
tests_unit_test_plan_recorded_CFLAGS = $(unit_cflags)
tests_unit_test_plan_recorded_LDADD = $(unit_libs)

unit_qmp_cflags = $(unit_cflags) $(JSONC_CFLAGS)
unit_qmp_libs = qmp/libqmp.la $(CHECK_LIBS)

unit_tests += tests/unit/test-qmp-client
tests_unit_test_qmp_client_SOURCES = tests/unit/test-qmp-client.c $(unit_main)
tests_unit_test_qmp_client_CFLAGS = $(unit_qmp_cflags) -pthread
tests_unit_test_qmp_client_LDADD = $(unit_qmp_libs) $(JSONC_LIBS) -lpthread

unit_tests += tests/unit/test-qmp-server
tests_unit_test_qmp_server_SOURCES = tests/unit/test-qmp-server.c $(unit_main)
tests_unit_test_qmp_server_CFLAGS = $(unit_qmp_cflags)
tests_unit_test_qmp_server_LDADD = $(unit_qmp_libs)

unit_tests += tests/unit/test-kmsg
tests_unit_test_kmsg_SOURCES = tests/unit/test-kmsg.c $(unit_main)
tests_unit_test_kmsg_CFLAGS = $(unit_cflags)
tests_unit_test_kmsg_LDADD = $(unit_libs)

unit_tests += tests/unit/test-monitor
tests_unit_test_monitor_SOURCES = tests/unit/test-monitor.c $(unit_main) $(unit_tree)
tests_unit_test_monitor_CFLAGS = $(unit_cflags)
tests_unit_test_monitor_LDADD = $(unit_libs)

unit_tests += tests/unit/test-change
tests_unit_test_change_SOURCES = tests/unit/test-change.c $(unit_main) $(unit_tree)
tests_unit_test_change_CFLAGS = $(unit_cflags)
tests_unit_test_change_LDADD = $(unit_libs)

unit_tests += tests/unit/test-cpuid
tests_unit_test_cpuid_SOURCES = tests/unit/test-cpuid.c $(unit_main)
tests_unit_test_cpuid_CFLAGS = $(unit_cflags)
tests_unit_test_cpuid_LDADD = $(unit_libs)

unit_tests += tests/unit/test-cpuinfo
tests_unit_test_cpuinfo_SOURCES = tests/unit/test-cpuinfo.c $(unit_main)
tests_unit_test_cpuinfo_CFLAGS = $(unit_cflags)
tests_unit_test_cpuinfo_LDADD = $(unit_libs)

unit_tests += tests/unit/test-identity
tests_unit_test_identity_SOURCES = tests/unit/test-identity.c $(unit_main) $(unit_tree)
tests_unit_test_identity_CFLAGS = $(unit_cflags)
tests_unit_test_identity_LDADD = $(unit_libs)

unit_tests += tests/unit/test-topology
tests_unit_test_topology_SOURCES = tests/unit/test-topology.c $(unit_main) $(unit_tree)
tests_unit_test_topology_CFLAGS = $(unit_cflags)
tests_unit_test_topology_LDADD = $(unit_libs)

unit_tests += tests/unit/test-lscpu
tests_unit_test_lscpu_SOURCES = tests/unit/test-lscpu.c $(unit_main) $(unit_tree)
tests_unit_test_lscpu_CFLAGS = $(unit_cflags)
tests_unit_test_lscpu_LDADD = $(unit_libs)

unit_tests += tests/unit/test-caches
tests_unit_test_caches_SOURCES = tests/unit/test-caches.c $(unit_main) $(unit_tree)
tests_unit_test_caches_CFLAGS = $(unit_cflags)
tests_unit_test_caches_LDADD = $(unit_libs)

unit_tests += tests/unit/test-qmp-frame
tests_unit_test_qmp_frame_SOURCES = tests/unit/test-qmp-frame.c $(unit_main)
tests_unit_test_qmp_frame_CFLAGS = $(unit_qmp_cflags)
tests_unit_test_qmp_frame_LDADD = $(unit_qmp_libs)

unit_tests += tests/unit/test-qmp-json
tests_unit_test_qmp_json_SOURCES = tests/unit/test-qmp-json.c $(unit_main)
tests_unit_test_qmp_json_CFLAGS = $(unit_qmp_cflags)
tests_unit_test_qmp_json_LDADD = $(unit_qmp_libs)

unit_tests += tests/unit/test-machines
tests_unit_test_machines_SOURCES = tests/unit/test-machines.c $(unit_main) $(unit_tree)
tests_unit_test_machines_CFLAGS = $(unit_cflags)
tests_unit_test_machines_LDADD = $(unit_libs)

unit_agent_cflags = $(unit_cflags) $(JSONC_CFLAGS) $(SYSTEMD_CFLAGS)
unit_agent_libs = agent/libagent.la qmp/libqmp.la $(unit_libs) $(JSONC_LIBS) $(SYSTEMD_LIBS) \
	$(UDEV_LIBS)

unit_tests += tests/unit/test-agent-config
tests_unit_test_agent_config_SOURCES = tests/unit/test-agent-config.c $(unit_main) $(unit_tree)
tests_unit_test_agent_config_CFLAGS = $(unit_agent_cflags)
tests_unit_test_agent_config_LDADD = $(unit_agent_libs)

unit_tests += tests/unit/test-agent-policy
tests_unit_test_agent_policy_SOURCES = tests/unit/test-agent-policy.c $(unit_main)
tests_unit_test_agent_policy_CFLAGS = $(unit_agent_cflags)
tests_unit_test_agent_policy_LDADD = $(unit_agent_libs)

unit_tests += tests/unit/test-agent-host-offline
tests_unit_test_agent_host_offline_SOURCES = tests/unit/test-agent-host-offline.c $(unit_main) $(unit_tree)
tests_unit_test_agent_host_offline_CFLAGS = $(unit_agent_cflags)
tests_unit_test_agent_host_offline_LDADD = $(unit_agent_libs)

unit_tests += tests/unit/test-agent-log
tests_unit_test_agent_log_SOURCES = tests/unit/test-agent-log.c $(unit_main) $(unit_tree)
tests_unit_test_agent_log_CFLAGS = $(unit_agent_cflags)
tests_unit_test_agent_log_LDADD = $(unit_agent_libs)

unit_tests += tests/unit/test-agent-seccomp
tests_unit_test_agent_seccomp_SOURCES = tests/unit/test-agent-seccomp.c $(unit_main)
tests_unit_test_agent_seccomp_CFLAGS = $(unit_agent_cflags)
tests_unit_test_agent_seccomp_LDADD = $(unit_agent_libs)
