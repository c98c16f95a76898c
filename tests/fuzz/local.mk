# SPDX-License-Identifier: LGPL-2.1-or-later
# Fuzz targets. Each is built twice: with libFuzzer when --enable-fuzzing was given, and always as
# replay-NAME, a unit test that runs it over its corpus.
fuzz_names = agent-commands agent-config qmp-frame qmp-server
fuzz_flags = $(AM_CFLAGS) $(JSONC_CFLAGS)
fuzz_corpus = $(abs_top_srcdir)/tests/fuzz/corpus
replay_sources = tests/fuzz/replay.c tests/fuzz/fuzz.h

fuzz_agent_flags = $(fuzz_flags) $(SYSTEMD_CFLAGS)
fuzz_agent_libs = agent/libagent.la qmp/libqmp.la libcpuctl/libcpuctl-core.la $(JSONC_LIBS) \
	$(SYSTEMD_LIBS) $(SECCOMP_LIBS) $(UDEV_LIBS)

unit_tests += tests/fuzz/replay-agent-commands
tests_fuzz_replay_agent_commands_SOURCES = tests/fuzz/fuzz-agent-commands.c $(replay_sources)
tests_fuzz_replay_agent_commands_CFLAGS = $(fuzz_agent_flags) -DCORPUS_DIR='"$(fuzz_corpus)/agent-commands"'
tests_fuzz_replay_agent_commands_LDADD = $(fuzz_agent_libs)

unit_tests += tests/fuzz/replay-agent-config
tests_fuzz_replay_agent_config_SOURCES = tests/fuzz/fuzz-agent-config.c $(replay_sources)
tests_fuzz_replay_agent_config_CFLAGS = $(fuzz_agent_flags) -DCORPUS_DIR='"$(fuzz_corpus)/agent-config"'
tests_fuzz_replay_agent_config_LDADD = $(fuzz_agent_libs)

unit_tests += tests/fuzz/replay-qmp-frame
tests_fuzz_replay_qmp_frame_SOURCES = tests/fuzz/fuzz-qmp-frame.c $(replay_sources)
tests_fuzz_replay_qmp_frame_CFLAGS = $(fuzz_flags) -DCORPUS_DIR='"$(fuzz_corpus)/qmp-frame"'
tests_fuzz_replay_qmp_frame_LDADD = qmp/libqmp.la

unit_tests += tests/fuzz/replay-qmp-server
tests_fuzz_replay_qmp_server_SOURCES = tests/fuzz/fuzz-qmp-server.c $(replay_sources)
tests_fuzz_replay_qmp_server_CFLAGS = $(fuzz_flags) -DCORPUS_DIR='"$(fuzz_corpus)/qmp-server"'
tests_fuzz_replay_qmp_server_LDADD = qmp/libqmp.la

if ENABLE_FUZZING
noinst_PROGRAMS += tests/fuzz/fuzz-agent-commands tests/fuzz/fuzz-agent-config tests/fuzz/fuzz-qmp-frame \
	tests/fuzz/fuzz-qmp-server

tests_fuzz_fuzz_agent_commands_SOURCES = tests/fuzz/fuzz-agent-commands.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_agent_commands_CFLAGS = $(fuzz_agent_flags)
tests_fuzz_fuzz_agent_commands_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_agent_commands_LDADD = $(fuzz_agent_libs)

tests_fuzz_fuzz_agent_config_SOURCES = tests/fuzz/fuzz-agent-config.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_agent_config_CFLAGS = $(fuzz_agent_flags)
tests_fuzz_fuzz_agent_config_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_agent_config_LDADD = $(fuzz_agent_libs)

tests_fuzz_fuzz_qmp_frame_SOURCES = tests/fuzz/fuzz-qmp-frame.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_qmp_frame_CFLAGS = $(fuzz_flags)
tests_fuzz_fuzz_qmp_frame_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_qmp_frame_LDADD = qmp/libqmp.la

tests_fuzz_fuzz_qmp_server_SOURCES = tests/fuzz/fuzz-qmp-server.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_qmp_server_CFLAGS = $(fuzz_flags)
tests_fuzz_fuzz_qmp_server_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_qmp_server_LDADD = qmp/libqmp.la
endif

# What is found is left as a file beside the programs; new inputs stay out of the committed corpus.
FUZZ_SECONDS = 600
fuzz: all
	@for name in $(fuzz_names); do \
		mkdir -p tests/fuzz/found/$$name && \
		tests/fuzz/fuzz-$$name -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=512 \
			-artifact_prefix=tests/fuzz/$$name- -dict=$(abs_top_srcdir)/tests/fuzz/qmp.dict \
			tests/fuzz/found/$$name $(fuzz_corpus)/$$name || exit 1; \
	done

print-fuzz-targets:
	@for name in $(fuzz_names); do echo $$name; done

EXTRA_DIST += tests/fuzz/README.md tests/fuzz/test-fuzz tests/fuzz/corpus tests/fuzz/qmp.dict
