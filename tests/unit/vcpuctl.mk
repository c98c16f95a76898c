# SPDX-License-Identifier: LGPL-2.1-or-later
# The unit tests of tools/vcpuctl, built where vcpuctl is.
if ENABLE_VMM
unit_vcpuctl_cflags = $(unit_cflags) $(JSONC_CFLAGS)
unit_vcpuctl_libs = tools/vcpuctl/libvcpuctl.la libcpuctl/libcpuctl-core.la $(vcpuctl_libs) $(CHECK_LIBS)

unit_tests += tests/unit/test-vcpuctl-definition tests/unit/test-vcpuctl-launch tests/unit/test-vcpuctl-store \
	tests/unit/test-vcpuctl-truth
tests_unit_test_vcpuctl_definition_SOURCES = tests/unit/test-vcpuctl-definition.c $(unit_main)
tests_unit_test_vcpuctl_definition_CFLAGS = $(unit_vcpuctl_cflags)
tests_unit_test_vcpuctl_definition_LDADD = $(unit_vcpuctl_libs)
tests_unit_test_vcpuctl_launch_SOURCES = tests/unit/test-vcpuctl-launch.c $(unit_main)
tests_unit_test_vcpuctl_launch_CFLAGS = $(unit_vcpuctl_cflags)
tests_unit_test_vcpuctl_launch_LDADD = $(unit_vcpuctl_libs)
tests_unit_test_vcpuctl_store_SOURCES = tests/unit/test-vcpuctl-store.c $(unit_main)
tests_unit_test_vcpuctl_store_CFLAGS = $(unit_vcpuctl_cflags)
tests_unit_test_vcpuctl_store_LDADD = $(unit_vcpuctl_libs)
tests_unit_test_vcpuctl_truth_SOURCES = tests/unit/test-vcpuctl-truth.c $(unit_main)
tests_unit_test_vcpuctl_truth_CFLAGS = $(unit_vcpuctl_cflags)
tests_unit_test_vcpuctl_truth_LDADD = $(unit_vcpuctl_libs)
endif
