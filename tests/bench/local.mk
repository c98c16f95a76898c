# SPDX-License-Identifier: LGPL-2.1-or-later
# `make bench`: side by side with named peers, as a table of ratios. Needs what `scripts/deps test` installs.
.PHONY: bench
bench: all $(bench_programs)
	rm -rf bench-stage
	$(MAKE) install DESTDIR=$(abs_builddir)/bench-stage >/dev/null
	CPUCTL_STAGE=$(abs_builddir)/bench-stage $(top_srcdir)/tests/bench/run $(BENCH)
