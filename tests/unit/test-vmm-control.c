/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The control socket as clients see it, with a VM that exists only as numbers. The replies that are
 * expected are those that qemu-system-x86_64 7.2 gave.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "cpuctl.h"
#include "main.h"
#include "qmp/json.h"
#include "vmm-fake.h"

#define READY "{\"execute\":\"qmp_capabilities\"}"
#define ADD(arguments)                                                                             \
    "{\"execute\":\"device_add\",\"arguments\":{\"driver\":\"host-x86_64-cpu\"," arguments "}}"
#define DEL(id) "{\"execute\":\"device_del\",\"arguments\":{\"id\":\"" id "\"}}"

static sd_event *loop;
static struct control *control;
static struct fake_vm vm;
static char directory[] = "/tmp/cpuctl-unit-XXXXXX";
static char path[64];
static const struct smp two_sockets = {
    .cpus = 1, .maxcpus = 8, .sockets = 2, .dies = 1, .cores = 2, .threads = 2
};

static void start(const struct smp *smp)
{
    struct control_config config = {
        .path = path,
        .name = "foo",
        .model = "host,-x2apic",
        .smp = *smp,
        .ops = &fake_ops,
        .vm = &vm,
    };
    struct cpuctl_error error = { 0 };
    int r;

    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/qmp", directory);
    ck_assert_int_ge(sd_event_new(&loop), 0);
    vm.state = VM_RUNNING;
    for (unsigned int i = 0; i < smp->cpus; i++)
        vm.cpus[i] = (struct control_cpu){ .present = true, .thread_id = 1000 + (int)i };
    r = control_new(loop, &config, &control, &error);
    ck_assert_msg(r == 0, "%s", error.text);
    vm.control = control;
}

static void finish(void)
{
    control_free(control);
    sd_event_unref(loop);
    ck_assert_int_eq(access(path, F_OK), -1);
    ck_assert_int_eq(rmdir(directory), 0);
}

/* Lets everything that is ready happen. */
static void settle(void)
{
    for (int i = 0; i < 1000; i++)
        if (sd_event_run(loop, 0) == 0)
            return;
    ck_abort_msg("the loop spins");
}

static int client(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    memcpy(address.sun_path, path, strlen(path));
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    settle();
    return fd;
}

/* What has come, as one string; "" when nothing has. */
static const char *hear(int fd)
{
    static char text[65536];
    size_t size = 0;
    ssize_t n;

    settle();
    while ((n = read(fd, text + size, sizeof(text) - 1 - size)) > 0) {
        size += (size_t)n;
        settle();
    }
    text[size] = '\0';
    return text;
}

static const char *ask(int fd, const char *request)
{
    ck_assert_int_eq(write(fd, request, strlen(request)), (int)strlen(request));
    return hear(fd);
}

/* A client that has negotiated. */
static int ready(void)
{
    int fd = client();

    hear(fd);
    ck_assert_str_eq(ask(fd, READY), "{\"return\": {}}\n");
    return fd;
}

static void expect(int fd, const char *request, const char *reply)
{
    const char *text = ask(fd, request);

    ck_assert_msg(strstr(text, reply) != NULL, "%s\ngives  %s\nwithout %s", request, text, reply);
}

START_TEST(negotiation)
{
    static const char *const early[] = { "{\"execute\":\"query-status\",\"id\":1}",
                                         "{\"execute\":\"nosuch\",\"id\":1}" };
    int fd;

    start(&two_sockets);
    fd = client();
    ck_assert_ptr_nonnull(strstr(hear(fd), "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, "
                                           "\"minor\": 2, \"major\": 7}, \"package\": \"cpuvmm "));
    for (int i = 0; i < 2; i++)
        ck_assert_str_eq(ask(fd, early[i]),
                         "{\"id\": 1, \"error\": {\"class\": \"CommandNotFound\", \"desc\": "
                         "\"Expecting capabilities negotiation with 'qmp_capabilities'\"}}\n");
    expect(fd, "{\"execute\":\"qmp_capabilities\",\"arguments\":{\"enable\":[\"oob\"]}}",
           "GenericError\", \"desc\": \"Capability oob not available");
    expect(fd, "{\"execute\":\"qmp_capabilities\",\"arguments\":{\"enable\":[\"foo\"]}}",
           "does not accept value 'foo'");
    expect(fd, "{\"execute\":\"qmp_capabilities\",\"arguments\":{\"enable\":[1]}}",
           "Invalid parameter type for 'enable[0]', expected: string");
    expect(fd, "{\"execute\":\"qmp_capabilities\",\"arguments\":{\"enable\":1}}",
           "Invalid parameter type for 'enable', expected: array");
    expect(fd, "{\"execute\":\"qmp_capabilities\",\"arguments\":{\"x\":1}}",
           "Parameter 'x' is unexpected");
    control_state_changed(control, VM_PAUSED);
    ck_assert_str_eq(hear(fd), "");
    /* several in one go: the second is judged by what the first has done */
    expect(fd, READY "{\"execute\":\"query-name\"}",
           "{\"return\": {}}\n{\"return\": {\"name\": \"foo\"}}\n");
    expect(fd, READY,
           "CommandNotFound\", \"desc\": \"Capabilities negotiation is already complete, "
           "command ignored");
    expect(fd, "{\"execute\":\"nosuch\"}",
           "CommandNotFound\", \"desc\": \"The command nosuch has not been found");
    close(fd);
    finish();
}
END_TEST

static const struct {
    const char *request, *reply;
} queries[] = {
    { "query-version", "{\"qemu\": {\"micro\": 0, \"minor\": 2, \"major\": 7}" },
    { "query-status",
      "{\"return\": {\"status\": \"running\", \"singlestep\": false, \"running\": true}}" },
    { "query-kvm", "{\"return\": {\"enabled\": true, \"present\": true}}" },
    { "query-name", "{\"return\": {\"name\": \"foo\"}}" },
    { "query-commands", "{\"name\": \"device_add\"}, {\"name\": \"device_del\"}" },
    { "query-chardev", "{\"return\": [{\"frontend-open\": false, \"filename\": "
                       "\"pty:/dev/pts/3\", \"label\": \"serial0\"}]}" },
    { "query-cpus-fast",
      "{\"return\": [{\"thread-id\": 1000, \"props\": {\"core-id\": 0, \"thread-id\": 0, "
      "\"socket-id\": 0}, \"qom-path\": \"/machine/unattached/device[0]\", \"cpu-index\": 0, "
      "\"target\": \"x86_64\"}]}" },
    { "query-hotpluggable-cpus",
      "{\"return\": [{\"props\": {\"core-id\": 1, \"thread-id\": 1, \"socket-id\": 1}, "
      "\"vcpus-count\": 1, \"type\": \"host-x86_64-cpu\"}, {\"props\": {\"core-id\": 1, "
      "\"thread-id\": 0, \"socket-id\": 1}, " },
    { "query-hotpluggable-cpus",
      "{\"props\": {\"core-id\": 0, \"thread-id\": 0, \"socket-id\": 0}, \"vcpus-count\": 1, "
      "\"qom-path\": \"/machine/unattached/device[0]\", \"type\": \"host-x86_64-cpu\"}]}" },
    { "query-acpi-ospm-status",
      "{\"return\": [{\"slot\": \"0\", \"slot-type\": \"CPU\", \"source\": 0, \"status\": 0}, "
      "{\"slot\": \"1\", " },
    { "__org.cpuctl_query-vcpus",
      "{\"return\": [{\"cpu-index\": 0, \"apic-id\": 0, \"props\": {\"core-id\": 0, "
      "\"thread-id\": 0, \"socket-id\": 0}, \"plugged\": true, \"thread-id\": 1000, "
      "\"qom-path\": \"/machine/unattached/device[0]\", \"request\": \"none\", "
      "\"phase\": \"none\"}, {\"cpu-index\": 1, \"apic-id\": 1, " },
    { "__org.cpuctl_query-vcpus",
      "{\"core-id\": 1, \"thread-id\": 1, \"socket-id\": 1}, \"plugged\": false, "
      "\"request\": \"none\", \"phase\": \"none\"}]}" },
};

START_TEST(answers_queries)
{
    char request[128];
    int fd;

    start(&two_sockets);
    fd = ready();
    snprintf(request, sizeof(request), "{\"execute\":\"%s\"}", queries[_i].request);
    expect(fd, request, queries[_i].reply);
    snprintf(request, sizeof(request), "{\"execute\":\"%s\",\"arguments\":{\"a\":1}}",
             queries[_i].request);
    expect(fd, request,
           "{\"error\": {\"class\": \"GenericError\", \"desc\": "
           "\"Parameter 'a' is unexpected\"}}");
    close(fd);
    finish();
}
END_TEST

START_TEST(tells_dies_and_nodes)
{
    static const struct smp dies = {
        .cpus = 4, .maxcpus = 4, .sockets = 1, .dies = 2, .cores = 2, .threads = 1
    };
    int fd;

    start(&dies);
    vm.numa = true;
    fd = ready();
    expect(fd, "{\"execute\":\"query-hotpluggable-cpus\"}",
           "[{\"props\": {\"node-id\": 1, \"core-id\": 1, \"thread-id\": 0, \"die-id\": 1, "
           "\"socket-id\": 0}");
    vm.cpus[3].present = false;
    expect(fd, ADD("\"socket-id\":0,\"die-id\":1,\"core-id\":1,\"thread-id\":0,\"node-id\":0"),
           "\"node-id=0 must match numa node specified with -numa option\"");
    expect(fd, ADD("\"socket-id\":0,\"core-id\":1,\"thread-id\":0"), "CPU die-id is not set");
    expect(fd, ADD("\"socket-id\":0,\"die-id\":1,\"core-id\":1,\"thread-id\":0,\"node-id\":1"),
           "{\"return\": {}}");
    close(fd);
    finish();
}
END_TEST

/* Arguments beside the right driver, and the sentence. CPU 0 is there. */
static const struct {
    const char *request, *sentence;
} refused[] = {
    { "{\"execute\":\"device_add\"}", "Parameter 'driver' is missing" },
    { "{\"execute\":\"device_add\",\"arguments\":{\"driver\":5}}",
      "'5' is not a valid device model name" },
    { "{\"execute\":\"device_add\",\"arguments\":{\"driver\":[]}}",
      "Invalid parameter type for 'driver', expected: string" },
    { "{\"execute\":\"device_add\",\"arguments\":{\"driver\":\"host\"}}",
      "'host' is not a valid device model name" },
    { "{\"execute\":\"device_add\",\"arguments\":{\"driver\":\"Westmere-x86_64-cpu\"}}",
      "Invalid CPU type, expected cpu type: 'host-x86_64-cpu'" },
    { ADD("\"id\":\"c1\""), "CPU socket-id is not set" },
    { ADD("\"socket-id\":0"), "CPU core-id is not set" },
    { ADD("\"socket-id\":0,\"core-id\":0"), "CPU thread-id is not set" },
    { ADD("\"socket-id\":-1,\"core-id\":0,\"thread-id\":1"), "CPU socket-id is not set" },
    { ADD("\"socket-id\":2,\"core-id\":0,\"thread-id\":1"),
      "Invalid CPU socket-id: 2 must be in range 0:1" },
    { ADD("\"socket-id\":0,\"core-id\":7,\"thread-id\":1"),
      "Invalid CPU core-id: 7 must be in range 0:1" },
    { ADD("\"socket-id\":0,\"core-id\":0,\"thread-id\":2"),
      "Invalid CPU thread-id: 2 must be in range 0:1" },
    { ADD("\"socket-id\":0,\"die-id\":1,\"core-id\":0,\"thread-id\":1"),
      "Invalid CPU die-id: 1 must be in range 0:0" },
    { ADD("\"socket-id\":0,\"core-id\":0,\"thread-id\":0"), "CPU[0] with APIC ID 0 exists" },
    { ADD("\"socket-id\":\"zz\",\"core-id\":0,\"thread-id\":1"),
      "Parameter 'socket-id' expects integer" },
    { ADD("\"socket-id\":\"\",\"core-id\":0,\"thread-id\":1"),
      "Parameter 'socket-id' expects integer" },
    { ADD("\"socket-id\":1.0,\"core-id\":0,\"thread-id\":1"),
      "Parameter 'socket-id' expects integer" },
    { ADD("\"socket-id\":2147483648"), "Parameter 'socket-id' expects int32_t" },
    { ADD("\"socket-id\":18446744073709551615"), "Parameter 'socket-id' expects int32_t" },
    { ADD("\"socket-id\":null"), "Parameter 'socket-id' expects integer" },
    { ADD("\"bogus\":3"), "Property 'host-x86_64-cpu.bogus' not found" },
    { ADD("\"bus\":\"x\""), "Bus 'x' not found" },
    { ADD("\"id\":\"1bad\""), "Parameter 'id' expects an identifier" },
    { ADD("\"id\":\"\""), "Parameter 'id' expects an identifier" },
    { ADD("\"id\":\"a/b\""), "Parameter 'id' expects an identifier" },
    { ADD("\"id\":3"), "Invalid parameter type for 'id', expected: string" },
    { ADD("\"socket-id\":0,\"core-id\":0,\"thread-id\":1,\"node-id\":5"),
      "invalid node-id, must be 0" },
    { "{\"execute\":\"device_del\"}", "Parameter 'id' is missing" },
    { "{\"execute\":\"device_del\",\"arguments\":{\"id\":5}}",
      "Invalid parameter type for 'id', expected: string" },
    { "{\"execute\":\"device_del\",\"arguments\":{\"id\":\"c\",\"x\":1}}",
      "Parameter 'x' is unexpected" },
    { DEL("/machine/unattached/device[0]"), "Boot CPU is unpluggable" },
};

START_TEST(refuses)
{
    char reply[256];
    int fd;

    start(&two_sockets);
    fd = ready();
    snprintf(reply, sizeof(reply), "{\"error\": {\"class\": \"GenericError\", \"desc\": \"%s\"}}\n",
             refused[_i].sentence);
    ck_assert_str_eq(ask(fd, refused[_i].request), reply);
    for (unsigned int i = 0; i < two_sockets.maxcpus; i++)
        ck_assert_int_eq(vm.cpus[i].present, i == 0);
    close(fd);
    finish();
}
END_TEST

START_TEST(finds_no_device)
{
    int fd;

    start(&two_sockets);
    fd = ready();
    expect(fd, DEL("nope"),
           "{\"class\": \"DeviceNotFound\", \"desc\": \"Device 'nope' not found\"}");
    expect(fd, DEL("/machine/nope"), "\"DeviceNotFound\"");
    /* a slot's path while it is empty */
    expect(fd, DEL("/machine/unattached/device[1]"), "\"DeviceNotFound\"");
    close(fd);
    finish();
}
END_TEST

START_TEST(adds_and_removes)
{
    static const char *const ost[] = {
        "\"event\": \"ACPI_DEVICE_OST\", \"data\": {\"info\": {\"device\": \"c7\", \"slot\": "
        "\"7\", "
        "\"slot-type\": \"CPU\", \"source\": 3, \"status\": 0}}}",
        "\"event\": \"DEVICE_DELETED\", \"data\": {\"path\": \"/machine/peripheral/c7\", "
        "\"device\": \"c7\"}}",
    };
    const char *text;
    int fd;

    start(&two_sockets);
    fd = ready();
    expect(fd, ADD("\"id\":\"c7\",\"socket-id\":1,\"core-id\":1,\"thread-id\":1"),
           "{\"return\": {}}");
    ck_assert(vm.cpus[7].present);
    expect(fd, ADD("\"id\":\"c7\",\"socket-id\":1,\"core-id\":0,\"thread-id\":0"),
           "Duplicate device ID 'c7'");
    expect(fd, ADD("\"id\":\"c8\",\"socket-id\":1,\"core-id\":1,\"thread-id\":1"),
           "CPU[7] with APIC ID 7 exists");
    /* numbers as text, and without a name */
    expect(fd, ADD("\"socket-id\":\"0\",\"core-id\":\"0\",\"thread-id\":\"1\",\"node-id\":0"),
           "{\"return\": {}}");
    ck_assert(vm.cpus[1].present);
    text = ask(fd, "{\"execute\":\"query-hotpluggable-cpus\"}");
    ck_assert_ptr_nonnull(strstr(text, "\"qom-path\": \"/machine/peripheral/c7\""));
    ck_assert_ptr_nonnull(strstr(text, "\"qom-path\": \"/machine/peripheral-anon/device[0]\""));
    expect(fd, DEL("/machine/peripheral-anon/device[0]"), "{\"return\": {}}");
    ck_assert_int_eq(vm.cpus[1].phase, CPU_PHASE_REQUESTED);

    /* asking twice is no error */
    expect(fd, DEL("c7"), "{\"return\": {}}");
    expect(fd, DEL("c7"), "{\"return\": {}}");
    ck_assert_int_eq(vm.unplugs, 3);
    expect(fd, "{\"execute\":\"__org.cpuctl_query-vcpus\"}",
           "\"qom-path\": \"/machine/peripheral/c7\", \"device\": \"c7\", \"request\": "
           "\"removal\", \"phase\": \"requested\"}");
    vm.cpus[7] = (struct control_cpu){ 0 };
    control_cpu_ost(control, 7, 3, 0);
    ck_assert_ptr_nonnull(strstr(hear(fd), ost[0]));
    control_cpu_deleted(control, 7);
    ck_assert_ptr_nonnull(strstr(hear(fd), ost[1]));
    expect(fd, DEL("c7"), "\"DeviceNotFound\"");
    /* the name is free again */
    expect(fd, ADD("\"id\":\"c7\",\"socket-id\":1,\"core-id\":1,\"thread-id\":1"),
           "{\"return\": {}}");
    close(fd);
    finish();
}
END_TEST

START_TEST(tells_why_a_removal_failed)
{
    const char *text;
    int fd;

    start(&two_sockets);
    fd = ready();
    expect(fd, ADD("\"id\":\"c1\",\"socket-id\":0,\"core-id\":0,\"thread-id\":1"),
           "{\"return\": {}}");
    /* an insertion that fails, and progress, are no failed removal */
    control_cpu_ost(control, 1, 1, 1);
    control_cpu_ost(control, 1, 3, 0x84);
    text = hear(fd);
    ck_assert_ptr_nonnull(strstr(text, "\"source\": 1, \"status\": 1"));
    ck_assert_ptr_nonnull(strstr(text, "\"source\": 3, \"status\": 132"));
    ck_assert_ptr_null(strstr(text, "DEVICE_UNPLUG_GUEST_ERROR"));
    control_cpu_ost(control, 1, 3, 0x82);
    ck_assert_ptr_nonnull(strstr(hear(fd),
                                 "\"event\": \"DEVICE_UNPLUG_GUEST_ERROR\", \"data\": {\"path\": "
                                 "\"/machine/peripheral/c1\", \"device\": \"c1\", "
                                 "\"__org.cpuctl_source\": 3, \"__org.cpuctl_status\": 130, "
                                 "\"__org.cpuctl_reason\": \"the device is busy\"}}"));
    vm.cpus[1].request = CPU_REQUEST_REMOVAL;
    vm.cpus[1].phase = CPU_PHASE_REJECTED;
    vm.cpus[1].ost_known = true;
    vm.cpus[1].ost_source = 3;
    vm.cpus[1].ost_status = 0x82;
    expect(fd, "{\"execute\":\"__org.cpuctl_query-vcpus\"}",
           "\"request\": \"removal\", \"phase\": \"rejected\", \"ost\": {\"source\": 3, "
           "\"source-text\": \"eject request\", \"status\": 130, \"status-text\": \"the device is "
           "busy\"}}");
    expect(fd, "{\"execute\":\"query-acpi-ospm-status\"}",
           "{\"device\": \"c1\", \"slot\": \"1\", \"slot-type\": \"CPU\", \"source\": 3, "
           "\"status\": 130}");
    /* what the guest says of a CPU that is not there, or can't be */
    control_cpu_ost(control, 2, 3, 1);
    control_cpu_ost(control, 8, 3, 1);
    control_cpu_deleted(control, 8);
    ck_assert_ptr_null(strstr(hear(fd), "UNPLUG_GUEST_ERROR"));
    close(fd);
    finish();
}
END_TEST

START_TEST(passes_on_why_it_can_not)
{
    int fd;

    start(&two_sockets);
    fd = ready();
    vm.plug_result = -ENOSPC;
    expect(fd, ADD("\"id\":\"c1\",\"socket-id\":0,\"core-id\":0,\"thread-id\":1"),
           "{\"class\": \"GenericError\", \"desc\": \"no CPU 1 today\"}");
    vm.plug_result = 0;
    /* the name was not taken by the failure */
    expect(fd, ADD("\"id\":\"c1\",\"socket-id\":0,\"core-id\":0,\"thread-id\":1"),
           "{\"return\": {}}");
    expect(fd, "{\"execute\":\"__org.cpuctl_cancel-device-del\",\"arguments\":{\"id\":\"c1\"}}",
           "{\"return\": {}}");
    ck_assert_int_eq(vm.withdrawals, 1);
    vm.withdraw_result = -EALREADY;
    expect(fd, "{\"execute\":\"__org.cpuctl_cancel-device-del\",\"arguments\":{\"id\":\"c1\"}}",
           "{\"class\": \"GenericError\", \"desc\": \"too late for CPU 1\"}");
    close(fd);
    finish();
}
END_TEST

START_TEST(run_state)
{
    const char *text;
    int fd;

    start(&two_sockets);
    fd = ready();
    text = ask(fd, "{\"execute\":\"stop\"}");
    ck_assert_ptr_nonnull(strstr(text, "{\"timestamp\": {\"seconds\": "));
    ck_assert_ptr_nonnull(strstr(text, "}, \"event\": \"STOP\"}\n{\"return\": {}}\n"));
    ck_assert_str_eq(ask(fd, "{\"execute\":\"stop\"}"), "{\"return\": {}}\n");
    expect(fd, "{\"execute\":\"query-status\"}",
           "{\"status\": \"paused\", \"singlestep\": false, \"running\": false}");
    expect(fd, "{\"execute\":\"cont\"}", "\"event\": \"RESUME\"}\n{\"return\": {}}\n");
    ck_assert_str_eq(ask(fd, "{\"execute\":\"cont\"}"), "{\"return\": {}}\n");
    expect(fd, "{\"execute\":\"system_powerdown\"}", "\"event\": \"POWERDOWN\"}\n{\"return\": {}}");
    ck_assert_int_eq(vm.powerdowns, 1);
    control_reset(control, true);
    ck_assert_ptr_nonnull(strstr(hear(fd), "\"event\": \"RESET\", \"data\": {\"guest\": true, "
                                           "\"reason\": \"guest-reset\"}}"));
    control_port_changed(control, "org.qemu.guest_agent.0", true);
    ck_assert_ptr_nonnull(strstr(hear(fd), "\"event\": \"VSERPORT_CHANGE\", \"data\": {\"id\": "
                                           "\"org.qemu.guest_agent.0\", \"open\": true}}"));
    close(fd);
    finish();
}
END_TEST

/* The reply follows the event. One may have gone, and one may only not send any more. */
START_TEST(reset_is_answered_when_it_is_done)
{
    static const char reset[] = "{\"execute\":\"system_reset\",\"id\":1}";
    static const char done[] = "\"event\": \"RESET\", \"data\": {\"guest\": false, \"reason\": "
                               "\"host-qmp-system-reset\"}}\n{\"return\": {}, \"id\": 1}\n";
    const char *text;
    int a, b, gone;

    signal(SIGPIPE, SIG_IGN); /* as main() does */
    start(&two_sockets);
    a = ready();
    b = ready();
    gone = ready();
    ck_assert_str_eq(ask(a, reset), "");
    ck_assert_str_eq(ask(b, reset), "");
    ck_assert_str_eq(ask(gone, reset), "");
    ck_assert_int_eq(vm.resets, 3);
    close(gone);
    shutdown(b, SHUT_WR);
    settle();
    control_reset(control, false);
    ck_assert_ptr_nonnull(strstr(hear(a), done));
    ck_assert_ptr_nonnull(strstr(hear(b), done));
    ck_assert_int_eq(read(b, (char[1]){ 0 }, 1), 0);
    /* what waits behind the reply is begun, and the second reset waits for its own event */
    ck_assert_str_eq(ask(a, "{\"execute\":\"system_reset\",\"id\":1}"
                            "{\"execute\":\"system_reset\",\"id\":2}"),
                     "");
    control_reset(control, false);
    text = hear(a);
    ck_assert_ptr_nonnull(strstr(text, done));
    ck_assert_ptr_null(strstr(text, "\"id\": 2"));
    ck_assert_int_eq(vm.resets, 5);
    /* a shutdown takes its place */
    control_shutdown(control, true);
    ck_assert_ptr_nonnull(
        strstr(hear(a), "\"reason\": \"guest-shutdown\"}}\n{\"return\": {}, \"id\": 2}\n"));
    close(a);
    close(b);
    finish();
}
END_TEST

START_TEST(last_words)
{
    static char text[4096];
    ssize_t n;
    int fd;

    start(&two_sockets);
    fd = ready();
    ck_assert_str_eq(ask(fd, "{\"execute\":\"quit\",\"id\":\"q\"}{\"execute\":\"quit\"}"), "");
    ck_assert_int_eq(vm.quits, 1);
    /* the main loop has ended: what is queued goes out nevertheless */
    control_shutdown(control, false);
    control_state_changed(control, VM_PAUSED);
    finish();
    n = read(fd, text, sizeof(text) - 1);
    ck_assert_int_gt(n, 0);
    ck_assert_ptr_nonnull(strstr(text, "{\"guest\": false, \"reason\": \"host-qmp-quit\"}}\n"
                                       "{\"return\": {}, \"id\": \"q\"}\n{\"return\": {}}\n"));
    ck_assert_ptr_null(strstr(text, "STOP"));
    ck_assert_int_eq(read(fd, text, sizeof(text)), 0);
    close(fd);
}
END_TEST

START_TEST(tells_who_shut_down)
{
    int fd;

    start(&two_sockets);
    fd = ready();
    control_shutdown(control, true);
    ck_assert_ptr_nonnull(strstr(hear(fd), "\"event\": \"SHUTDOWN\", \"data\": {\"guest\": true, "
                                           "\"reason\": \"guest-shutdown\"}}"));
    control_shutdown(control, false);
    ck_assert_ptr_nonnull(strstr(hear(fd), "{\"guest\": false, \"reason\": \"host-signal\"}}"));
    close(fd);
    finish();
}
END_TEST

START_TEST(several_clients)
{
    int a, b;

    start(&two_sockets);
    a = ready();
    b = ready();
    ask(a, "{\"execute\":\"stop\"}");
    ck_assert_ptr_nonnull(strstr(hear(b), "\"event\": \"STOP\""));
    close(a);
    settle();
    expect(b, "{\"execute\":\"cont\"}", "\"event\": \"RESUME\"");
    close(b);
    finish();
}
END_TEST

START_TEST(waits_when_there_are_too_many)
{
    int fds[CONTROL_CLIENTS_MAX], late;

    start(&two_sockets);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        fds[i] = ready();
    late = client();
    ck_assert_str_eq(hear(late), "");
    close(fds[3]);
    ck_assert_ptr_nonnull(strstr(hear(late), "{\"QMP\": "));
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (i != 3)
            close(fds[i]);
    close(late);
    finish();
}
END_TEST

START_TEST(drops_who_does_not_read)
{
    static char text[65536];
    size_t total = 0;
    int slow, quick;
    ssize_t n;

    start(&two_sockets);
    slow = ready();
    quick = ready();
    for (unsigned int i = 0; i < 60000; i++) {
        control_cpu_ost(control, 1, 1, i);
        if (i % 16 == 0)
            ck_assert_ptr_nonnull(strstr(hear(quick), "ACPI_DEVICE_OST"));
    }
    /* what the kernel had taken for it, and then the end; not all of the events */
    while ((n = read(slow, text, sizeof(text))) > 0)
        total += (size_t)n;
    ck_assert_int_eq(n, 0);
    ck_assert_uint_lt(total, CONTROL_OUTPUT_MAX);
    expect(quick, "{\"execute\":\"query-name\"}", "\"name\": \"foo\"");
    close(slow);
    close(quick);
    finish();
}
END_TEST

START_TEST(answers_a_client_that_says_no_more)
{
    static const char requests[] = READY "{\"execute\":\"query-kvm\"}";
    int fd;

    start(&two_sockets);
    fd = client();
    ck_assert_int_gt(write(fd, requests, strlen(requests)), 0);
    shutdown(fd, SHUT_WR);
    ck_assert_ptr_nonnull(strstr(hear(fd), "\"present\": true"));
    ck_assert_int_eq(read(fd, (char[1]){ 0 }, 1), 0);
    close(fd);
    finish();
}
END_TEST

START_TEST(refuses_paths)
{
    struct control_config config = { .model = "host", .smp = two_sockets, .ops = &fake_ops };
    struct control *none = NULL;
    struct cpuctl_error error = { 0 };
    char longest[200];

    memset(longest, 'x', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    ck_assert_int_ge(sd_event_new(&loop), 0);
    config.path = longest;
    ck_assert_int_eq(control_new(loop, &config, &none, &error), -EINVAL);
    ck_assert_str_eq(error.text, "--qmp: the socket's path has 199 bytes, allowed are 1 to 107 "
                                 "(unix(7))");
    /* a file that is no socket stays */
    config.path = "/dev/null";
    ck_assert_int_eq(control_new(loop, &config, &none, &error), -EADDRINUSE);
    ck_assert_int_eq(access("/dev/null", F_OK), 0);
    ck_assert_ptr_null(none);
    sd_event_unref(loop);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("vmm-control");
    TCase *tests = tcase_create("control");

    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, negotiation);
    tcase_add_loop_test(tests, answers_queries, 0, sizeof(queries) / sizeof(queries[0]));
    tcase_add_test(tests, tells_dies_and_nodes);
    tcase_add_loop_test(tests, refuses, 0, sizeof(refused) / sizeof(refused[0]));
    tcase_add_test(tests, finds_no_device);
    tcase_add_test(tests, adds_and_removes);
    tcase_add_test(tests, tells_why_a_removal_failed);
    tcase_add_test(tests, passes_on_why_it_can_not);
    tcase_add_test(tests, run_state);
    tcase_add_test(tests, reset_is_answered_when_it_is_done);
    tcase_add_test(tests, last_words);
    tcase_add_test(tests, tells_who_shut_down);
    tcase_add_test(tests, several_clients);
    tcase_add_test(tests, waits_when_there_are_too_many);
    tcase_add_test(tests, drops_who_does_not_read);
    tcase_add_test(tests, answers_a_client_that_says_no_more);
    tcase_add_test(tests, refuses_paths);
    suite_add_tcase(suite, tests);
    return suite;
}
