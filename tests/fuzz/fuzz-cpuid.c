/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A recorded CPUID dump. Properties: what is accepted is written again as a dump that says the
 * same of every CPU; what is refused names its line.
 */
#include <errno.h>
#include <string.h>

#include "cpuctl.h"
#include "cpuid-table.h"
#include "fuzz.h"

/* Leaves that the library asks for. */
static const uint32_t leaves[] = { 0x0,        0x1,        0x4,        0x7,
                                   0xb,        0x1f,       0x40000000, 0x40000100,
                                   0x80000000, 0x80000002, 0x80000008, 0x8000001d };

static void check_same(const struct cpuid *a, const struct cpuid *b, unsigned int cpu)
{
    hold(cpuid_has_cpu(a, cpu) == cpuid_has_cpu(b, cpu));
    for (size_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
        struct cpuid_regs of_a = { 0 }, of_b = { 0 };

        hold(cpuid_get(a, cpu, leaves[i], 0, &of_a) == cpuid_get(b, cpu, leaves[i], 0, &of_b));
        hold(memcmp(&of_a, &of_b, sizeof(of_a)) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(cpuid_freep) struct cpuid *cpuid = NULL, *again = NULL;
    struct cpuctl_error error = { 0 };
    _cleanup_free_ char *text = NULL;
    int r = cpuid_parse((const char *)data, size, &cpuid, &error);

    if (r < 0) {
        hold(r == -EBADMSG && !cpuid && error.code == r && error.text[0]);
        return 0;
    }
    hold(cpuid_format(cpuid, &text) == 0);
    r = cpuid_parse(text, strlen(text), &again, &error);
    hold(r == 0);
    hold(cpuid_first_cpu(cpuid) == cpuid_first_cpu(again));
    for (unsigned int cpu = 0; cpu < 4; cpu++)
        check_same(cpuid, again, cpu);
    return 0;
}
