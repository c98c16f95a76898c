/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPU lists and masks. Properties: what is accepted can be written and read back as the same set,
 * in both formats; what is refused has a reason and leaves the output alone. The first byte chooses
 * how many CPUs the machine has, which is what "N" and "all" mean.
 */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "cpuctl.h"
#include "fuzz.h"

DEFINE_CLEANUP(struct cpuctl_set *, cpuctl_set_free);

static bool is_equal(const struct cpuctl_set *a, const struct cpuctl_set *b)
{
    return cpuctl_set_is_subset(a, b) && cpuctl_set_is_subset(b, a);
}

static void check_set(const struct cpuctl_set *set, unsigned int nr_cpus)
{
    _cleanup_free_ char *list = cpuctl_set_format_list(set);
    _cleanup_free_ char *mask = cpuctl_set_format_mask(set, nr_cpus);
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *from_list = NULL, *from_mask = NULL;
    unsigned int count = 0;

    hold(list && mask);
    hold(cpuctl_set_parse_list(list, 0, &from_list, NULL) == 0 && is_equal(set, from_list));
    hold(cpuctl_set_parse_mask(mask, &from_mask, NULL) == 0 && is_equal(set, from_mask));
    cpuctl_set_foreach (cpu, set) {
        hold(cpuctl_set_has(set, (unsigned int)cpu));
        count++;
    }
    hold(count == cpuctl_set_count(set));
}

static void check(int r, const struct cpuctl_set *set, unsigned int nr_cpus,
                  const struct cpuctl_error *error)
{
    if (r == 0) {
        check_set(set, nr_cpus);
        return;
    }
    hold(r == -EINVAL || r == -ERANGE || r == -E2BIG);
    hold(!set && error->code == r && error->text[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned int machines[] = { 0, 1, 4, 64, 65, 8192 };
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *list = NULL, *mask = NULL;
    struct cpuctl_error error = { 0 };
    _cleanup_free_ char *text = NULL;
    unsigned int nr_cpus;
    int r;

    if (size == 0)
        return 0;
    nr_cpus = machines[data[0] % (sizeof(machines) / sizeof(machines[0]))];
    text = strndup((const char *)data + 1, size - 1);
    hold(text);
    r = cpuctl_set_parse_list(text, nr_cpus, &list, &error);
    check(r, list, nr_cpus, &error);
    if (r == 0 && nr_cpus > 0)
        hold(cpuctl_set_prev(list, CPUCTL_CPUS_MAX - 1) < (int)nr_cpus);
    error = (struct cpuctl_error){ 0 };
    r = cpuctl_set_parse_mask(text, &mask, &error);
    check(r, mask, nr_cpus, &error);
    return 0;
}
