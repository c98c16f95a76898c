/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* start, shutdown, reboot, destroy. */
#include <errno.h>
#include <string.h>

#include "domain-commands.h"
#include "guest-power.h"
#include "launch.h"
#include "output.h"

static int run_start(struct tool *tool, const struct arguments *arguments)
{
    _cleanup_(domain_freep) struct domain *domain = NULL;
    struct cpuctl_error error = { 0 };
    int r = command_find_domain(tool, arguments, &domain);

    if (r != EXIT_DONE)
        return r;
    if (domain->state == DOMAIN_RUNNING && !domain->starting)
        return output_error("Domain is already active");
    if (domain_lock(domain, DOMAIN_LOCK_CHANGE, DOMAIN_LOCK_TIMEOUT, &error) < 0 ||
        launch_start(domain, &error) < 0)
        return output_failure(&error, "Failed to start domain '%s'", domain->name);
    domain_unlock(domain, DOMAIN_LOCK_CHANGE);
    output_message(tool, "Domain '%s' started", domain->name);
    return arguments_has(arguments, "console") ? cmd_console(tool, arguments) : EXIT_DONE;
}

static int run_destroy(struct tool *tool, const struct arguments *arguments)
{
    _cleanup_(domain_freep) struct domain *domain = NULL;
    struct cpuctl_error error = { 0 };
    int r = command_find_domain(tool, arguments, &domain);

    if (r != EXIT_DONE)
        return r;
    if (domain->state != DOMAIN_RUNNING)
        r = cpuctl_error_set(&error, -EINVAL,
                             "Requested operation is not valid: domain is not running");
    else
        r = launch_destroy(domain, arguments_has(arguments, "graceful"), &error);
    if (r < 0)
        return output_failure(&error, "Failed to destroy domain '%s'", domain->name);
    output_message(tool, "Domain '%s' destroyed", domain->name);
    return EXIT_DONE;
}

/* "acpi" and "agent", divided by commas as for virsh. */
static int parse_modes(const char *text, unsigned int *ret_modes, struct cpuctl_error *error)
{
    unsigned int modes = 0;

    if (text && !*text)
        return cpuctl_error_set(error, -EINVAL,
                                "Failed to get option 'mode': Option argument is empty");
    for (const char *word = text ? text : ""; *word; word += strspn(word, ",")) {
        size_t length = strcspn(word, ",");

        if (length == 4 && strncmp(word, "acpi", 4) == 0)
            modes |= GUEST_POWER_ACPI;
        else if (length == 5 && strncmp(word, "agent", 5) == 0)
            modes |= GUEST_POWER_AGENT;
        else
            return cpuctl_error_set(error, -EINVAL,
                                    "Unknown mode %.*s value, expecting 'acpi' or 'agent'",
                                    (int)length, word);
        word += length;
    }
    *ret_modes = modes ? modes : GUEST_POWER_ANY;
    return 0;
}

static int run_power(struct tool *tool, const struct arguments *arguments, bool reboot,
                     const char *name, const char *done)
{
    _cleanup_(domain_freep) struct domain *domain = NULL;
    struct cpuctl_error error = { 0 };
    unsigned int modes = GUEST_POWER_ANY;
    int r;

    if (parse_modes(arguments_get(arguments, "mode"), &modes, &error) < 0)
        return output_failure(&error, NULL);
    r = command_find_domain(tool, arguments, &domain);
    if (r != EXIT_DONE)
        return r;
    if (guest_power(domain, modes, reboot, &error) < 0)
        return output_failure(&error, "Failed to %s domain '%s'", name, domain->name);
    output_message(tool, "Domain '%s' is being %s", domain->name, done);
    return EXIT_DONE;
}

static int run_shutdown(struct tool *tool, const struct arguments *arguments)
{
    return run_power(tool, arguments, false, "shutdown", "shutdown");
}

static int run_reboot(struct tool *tool, const struct arguments *arguments)
{
    return run_power(tool, arguments, true, "reboot", "rebooted");
}

static const struct option_def mode_options[] = {
    OPTION_DOMAIN,
    { .name = "mode", .help = "shutdown mode: acpi|agent", .type = OPTION_STRING },
    { 0 }
};

const struct command life_commands[] = {
    { .name = "console",
      .summary = "connect to the guest console",
      .description = "Connect the virtual serial console for the guest; ^] ends it.",
      .options = (const struct option_def[]){ OPTION_DOMAIN, { 0 } },
      .run = cmd_console },
    { .name = "destroy",
      .summary = "destroy (stop) a domain",
      .description = "Forcefully stop a given domain, but leave its resources intact.",
      .options =
          (const struct option_def[]){
              OPTION_DOMAIN, { .name = "graceful", .help = "terminate gracefully" }, { 0 } },
      .run = run_destroy },
    { .name = "reboot",
      .summary = "reboot a domain",
      .description = "Run a reboot command in the target domain.",
      .options = mode_options,
      .run = run_reboot },
    { .name = "shutdown",
      .summary = "gracefully shutdown a domain",
      .description = "Run shutdown in the target domain.",
      .options = mode_options,
      .run = run_shutdown },
    { .name = "start",
      .summary = "start a (previously defined) inactive domain",
      .description = "Start a domain; it goes on when vcpuctl ends.",
      .options = (const struct option_def[]){ OPTION_DOMAIN,
                                              { .name = "console",
                                                .help = "attach to console after creation" },
                                              { 0 } },
      .run = run_start },
    { 0 },
};
