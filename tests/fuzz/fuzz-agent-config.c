/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The agent's config file. Properties: a refused file has a sentence; what was accepted stays
 * within its limits, and its dump reads back to the same.
 */
#include <string.h>

#include "agent/config.h"
#include "fuzz.h"
#include "libcpuctl/cleanup.h"
#include "libcpuctl/cpuctl.h"

/* Reads @text, which need not be terminated, into a new configuration. */
static int parse(struct config *config, const char *text, size_t size, struct cpuctl_error *error)
{
    _cleanup_free_ char *copy = malloc(size + 1);

    hold(copy);
    memcpy(copy, text, size);
    copy[size] = '\0';
    hold(config_init(config) == 0);
    return config_parse(config, copy, size, "fuzz", error);
}

static char *dump(const struct config *config, size_t *ret_size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, ret_size);

    hold(out);
    config_dump(config, out);
    fclose(out);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(config_done) struct config first;
    _cleanup_(config_done) struct config again;
    _cleanup_free_ char *text = NULL, *same = NULL;
    struct cpuctl_error error = { 0 };
    size_t length, same_length;
    int r;

    r = parse(&first, (const char *)data, size, &error);
    if (r < 0) {
        hold(error.code == r && strncmp(error.text, "fuzz: line ", 11) == 0);
        hold(config_init(&again) == 0);
        return 0;
    }
    hold(first.min_online >= 1 && first.min_online <= CPUCTL_CPUS_MAX);
    hold(first.max_changes <= CONFIG_CHANGES_MAX && first.change_interval >= 1);
    hold(first.block_rpcs.count <= CONFIG_NAMES_MAX && first.allow_rpcs.count <= CONFIG_NAMES_MAX);
    hold(first.statedir && first.statedir[0] == '/');
    hold((first.hotplug == HOTPLUG_LIST) == (first.hotplug_cpus != NULL));
    text = dump(&first, &length);
    hold(parse(&again, text, length, &error) == 0);
    same = dump(&again, &same_length);
    hold(length == same_length && memcmp(text, same, length) == 0);
    return 0;
}
