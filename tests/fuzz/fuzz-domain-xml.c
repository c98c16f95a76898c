/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domain XML. Properties: what is accepted can be written and read back as the same text; setters
 * leave a definition that says what was set; what is refused has a reason; a definition that can be
 * started has a command line. The first byte chooses what is set.
 */
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "libcpuctl/cpuctl.h"
#include "tools/vcpuctl/definition.h"
#include "tools/vcpuctl/launch.h"

static void check_text(const struct definition *definition)
{
    _cleanup_(definition_freep) struct definition *again = NULL;
    size_t size, size_again;
    _cleanup_free_ char *text = definition_format(definition, 0, &size), *second = NULL;
    struct cpuctl_error error = { 0 };

    hold(text && strlen(text) == size);
    if (size > DEFINITION_SIZE_MAX)
        return;
    hold(definition_parse(text, size, "again", &again, &error) == 0);
    second = definition_format(again, 0, &size_again);
    hold(second && strcmp(text, second) == 0);
    hold(again->vcpu_max == definition->vcpu_max &&
         again->vcpu_current == definition->vcpu_current);
}

static void check_fields(const struct definition *definition)
{
    unsigned int enabled = 0;

    hold(*definition->name && strlen(definition->name) <= DEFINITION_NAME_MAX);
    hold(!strchr(definition->name, '/'));
    hold(definition->memory_kib > 0 && definition->current_memory_kib <= definition->memory_kib);
    hold(definition->vcpu_max >= 1 && definition->vcpu_max <= DEFINITION_VCPUS_MAX);
    hold(definition->vcpus[0].enabled);
    for (unsigned int i = 0; i < definition->vcpu_max; i++)
        enabled += definition->vcpus[i].enabled;
    hold(enabled == definition->vcpu_current);
}

static void check_start(const struct definition *definition)
{
    struct command_line line = { 0 };
    struct cpuctl_error error = { 0 };
    int r = definition_check_start(definition, &error);

    if (r == 0)
        r = launch_command_line(definition, "/run/vcpuctl/x", &line, &error);
    hold(r == 0 ? line.count > 0 : (r == -ENOTSUP && error.text[0]));
    for (size_t i = 0; i < line.count; i++)
        hold(line.words[i]);
    command_line_free(&line);
}

static void check_setters(struct definition *definition, unsigned int choice)
{
    unsigned int vcpu = choice % definition->vcpu_max, count = vcpu + 1;
    struct cpuctl_error error = { 0 };
    struct cpuctl_set *set = NULL;

    hold(definition_set_vcpu_current(definition, count, choice & 64, &error) == 0);
    hold(definition->vcpu_current == count);
    hold(cpuctl_set_parse_list("0,2-3", 0, &set, NULL) == 0);
    hold(definition_set_vcpupin(definition, vcpu, set, &error) == 0);
    hold(cpuctl_set_equal(definition->vcpus[vcpu].pin, set));
    hold(definition_set_emulatorpin(definition, set, &error) == 0);
    cpuctl_set_free(set);
    hold(definition_set_vcpu_enabled(definition, vcpu, vcpu == 0, &error) == 0);
    hold(definition->vcpus[vcpu].enabled == (vcpu == 0));
    check_text(definition);
    if (definition_set_vcpu_max(definition, count, &error) == 0)
        hold(definition->vcpu_max == count);
    hold(definition_set_vcpupin(definition, 0, NULL, &error) == 0 && !definition->vcpus[0].pin);
    check_fields(definition);
    check_text(definition);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(definition_freep) struct definition *definition = NULL;
    struct cpuctl_error error = { 0 };
    int r;

    if (size == 0)
        return 0;
    r = definition_parse((const char *)data + 1, size - 1, "input", &definition, &error);
    if (r < 0) {
        hold((r == -EINVAL || r == -EFBIG) && !definition && error.code == r && error.text[0]);
        return 0;
    }
    check_fields(definition);
    check_text(definition);
    check_start(definition);
    /* Writing thousands of elements each time would only be slow. */
    if (definition->vcpu_max <= 64)
        check_setters(definition, data[0]);
    return 0;
}
