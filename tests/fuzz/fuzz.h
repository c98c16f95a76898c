/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What fuzz targets share. */
#ifndef CPUCTL_TESTS_FUZZ_H
#define CPUCTL_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/** The entry point that a target defines; returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** Aborts, which a fuzzer takes for a finding, when a property does not hold. */
#define hold(property)                                                                             \
    do {                                                                                           \
        if (!(property)) {                                                                         \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #property);          \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif
