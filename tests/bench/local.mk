# SPDX-License-Identifier: LGPL-2.1-or-later
# `make bench`: side by side with named peers, as a table of ratios. Needs what `scripts/deps test` installs.
check_PROGRAMS += tests/bench/relay tests/bench/stopwatch
bench_programs += tests/bench/relay tests/bench/stopwatch
tests_bench_relay_SOURCES = tests/bench/relay.c
tests_bench_stopwatch_SOURCES = tests/bench/stopwatch.c

.PHONY: bench
bench: all $(bench_programs)
	rm -rf bench-stage
	$(MAKE) install DESTDIR=$(abs_builddir)/bench-stage >/dev/null
	CPUCTL_BUILD=$(abs_builddir) CPUCTL_STAGE=$(abs_builddir)/bench-stage $(top_srcdir)/tests/bench/run $(BENCH)
