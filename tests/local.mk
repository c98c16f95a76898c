# SPDX-License-Identifier: LGPL-2.1-or-later
# Unit tests print TAP; `make check-programs` builds them and `make print-unit-tests` lists them for tests/run.
unit_tests =
# What `make bench` builds beside the product.
bench_programs =

if ENABLE_TESTS
include tests/unit/local.mk
include tests/fuzz/local.mk
include tests/unit/vmm.mk
include tests/unit/vcpuctl.mk
include tests/vmm/local.mk
check_PROGRAMS += $(unit_tests)
include tests/e2e/local.mk
endif

include tests/bench/local.mk

.PHONY: check-programs print-unit-tests fuzz
check-programs: $(check_PROGRAMS)
print-unit-tests:
	@for t in $(unit_tests); do echo $$t; done

EXTRA_DIST += tests/run tests/tap.py tests/abi tests/bench tests/cli tests/dist tests/e2e tests/fixtures tests/packaging \
	tests/unit/test-manual tests/unit/test-run.py tests/unit/test-symbols tests/valgrind tests/wire
