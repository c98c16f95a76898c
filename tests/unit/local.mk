# SPDX-License-Identifier: LGPL-2.1-or-later
# One program per concern, each with the prefix test-. Add the name to unit_tests and give it _SOURCES.
unit_cflags = $(AM_CFLAGS) $(CHECK_CFLAGS) -DFIXTURES_DIR='"$(abs_top_srcdir)/tests/fixtures"'
unit_libs = libcpuctl/libcpuctl-core.la $(CHECK_LIBS)

