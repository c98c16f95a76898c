/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * /proc/cpuinfo of any architecture. Properties: there is a CPU type, every CPU is of one, numbers
 * rise and are in bounds; what is refused has a reason.
 */
#include <errno.h>
#include <string.h>

#include "cpuinfo.h"
#include "fuzz.h"

static void check_cpus(const struct cpuinfo *info)
{
    for (size_t i = 0; i < info->ncpus; i++) {
        const struct cpuinfo_cpu *cpu = &info->cpus[i];

        hold(cpu->cpu < CPUCTL_CPUS_MAX && cpu->type < info->ntypes);
        hold(i == 0 || info->cpus[i - 1].cpu < cpu->cpu);
        hold(cpuinfo_find(info, cpu->cpu) == cpu);
        hold(memchr(cpu->bogomips, '\0', sizeof(cpu->bogomips)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_free_ char *text = strndup((const char *)data, size), *value = NULL;
    _cleanup_(cpuinfo_freep) struct cpuinfo *info = NULL;
    struct cpuctl_error error = { 0 };
    struct cpuctl_cache cache = { 0 };
    int r;

    hold(text);
    value = strdup(text);
    hold(value);
    if (cpuinfo_parse_cache(value, &cache) > 0)
        hold(cache.name && cache.type);
    r = cpuinfo_parse(text, &info, &error);
    if (r < 0) {
        hold(r == -EBADMSG && !info && error.code == r && error.text[0]);
        return 0;
    }
    hold(info->ntypes >= 1 && info->ntypes <= 1024);
    check_cpus(info);
    for (size_t i = 0; i < info->ncaches; i++)
        hold(info->caches[i].name && info->caches[i].type);
    return 0;
}
