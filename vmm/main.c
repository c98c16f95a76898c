/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cpuvmm: exit status 0 after an orderly end, 1 after an error, which is on stderr in one sentence.
 */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <systemd/sd-event.h>

#include "check-host.h"
#include "cpuctl.h"
#include "cpuid.h"
#include "fail.h"
#include "libcpuctl/standard-fds.h"
#include "options.h"
#include "sandbox.h"
#include "vm.h"

static void print_models(void)
{
    printf("Models:\n");
    for (size_t i = 0; i < cpuid_models_count; i++)
        printf("  %-12s %s\n", cpuid_models[i].name, cpuid_models[i].description);
    printf("\nFeatures:\n");
    for (size_t i = 0, column = 0; i < cpuid_features_count; i++) {
        column += (size_t)printf("%s%s", column == 0 ? "  " : " ", cpuid_features[i].name);
        if (column > 80 || i + 1 == cpuid_features_count) {
            putchar('\n');
            column = 0;
        }
    }
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
    (void)source;
    (void)info;
    vm_request_shutdown(data, false);
    return 0;
}

/* These end the VM in order. Threads of vCPUs have them blocked, so they come to the main loop. */
static const int ending_signals[] = { SIGTERM, SIGINT, SIGHUP };
#define ENDING_SIGNALS (sizeof(ending_signals) / sizeof(ending_signals[0]))

/* Before anything is made: one that comes early waits. */
static void block_signals(void)
{
    sigset_t set;

    /* A client that goes before it has read all is no reason to end. */
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    for (size_t i = 0; i < ENDING_SIGNALS; i++)
        sigaddset(&set, ending_signals[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

static int watch_signals(struct vm *vm)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < ENDING_SIGNALS; i++)
        r = sd_event_add_signal(vm->event, NULL, ending_signals[i], on_signal, vm);
    return r;
}

static void complain(const char *sentence)
{
    fprintf(stderr, "cpuvmm: %s\n", sentence);
}

static int run_vm(struct vm *vm, struct cpuctl_error *error)
{
    int r = watch_signals(vm);

    if (r >= 0)
        r = sandbox_enter(SANDBOX_MAIN);
    if (r < 0)
        return fail_system(error, r, "signals can not be watched, or the sandbox not closed");
    return vm_run(vm, error);
}

static int run(const struct options *options, struct cpuctl_error *error)
{
    struct vm *vm;
    int r;

    block_signals();
    /* vCPUs' threads hardly allocate. An arena for each would cost memory, and calls that the
     * sandbox does not foresee: C libraries differ in how they count the host's CPUs for it. */
    mallopt(M_ARENA_MAX, 1);
    r = options->no_sandbox ? 0 : sandbox_prepare(error);
    if (r >= 0)
        r = vm_new(options, complain, &vm, error);
    if (r < 0)
        return r;
    r = run_vm(vm, error);
    vm_free(vm);
    return r;
}

int main(int argc, char *argv[])
{
    struct cpuctl_error error = { 0 };
    struct options options = { 0 };
    int r;

    if (!guard_standard_descriptors())
        return EXIT_FAILURE;
    r = options_parse(argc, argv, &options, &error);
    if (r >= 0)
        switch (options.action) {
        case OPTIONS_HELP:
            options_help();
            break;
        case OPTIONS_VERSION:
            printf("cpuvmm %s\n", PACKAGE_VERSION);
            break;
        case OPTIONS_CPU_HELP:
            print_models();
            break;
        case OPTIONS_CHECK_HOST:
            r = check_host_report();
            break;
        case OPTIONS_RUN:
            r = run(&options, &error);
            break;
        }
    if (error.code < 0)
        complain(error.text);
    options_free(&options);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
