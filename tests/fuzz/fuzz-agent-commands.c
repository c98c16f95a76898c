/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The agent's commands on a small made-up machine that takes no change. Properties: each reply is a
 * line of JSON with either a result or an error; whatever came, a sync brings both sides in step.
 */
#include <errno.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/commands.h"
#include "agent/config.h"
#include "agent/log.h"
#include "agent/shutdown.h"
#include "agent/worker.h"
#include "fuzz.h"
#include "libcpuctl/cleanup.h"
#include "libcpuctl/cpuctl.h"
#include "qmp/conn.h"
#include "qmp/json.h"
#include "tree.h"

#define SYNC "\xff{\"execute\":\"guest-sync-delimited\",\"arguments\":{\"id\":4711}}"
#define END  "\xff{\"return\": 4711}\n"

/* Steps of the loop that the largest input can ask for, with a margin. */
#define STEPS_MAX 100000

static const struct {
    const char *path, *text;
} files[] = {
    { "sys/devices/system/cpu/possible", "0-7\n" },
    { "sys/devices/system/cpu/present", "0-4\n" },
    { "sys/devices/system/cpu/online", "0-2\n" },
    { "sys/devices/system/cpu/isolated", "2\n" },
    { "sys/devices/system/cpu/cpu0/topology/core_id", "0\n" },
    { "sys/devices/system/cpu/cpu1/online", "1\n" },
    { "sys/devices/system/cpu/cpu2/online", "1\n" },
    { "sys/devices/system/cpu/cpu3/online", "0\n" },
    { "sys/devices/system/cpu/cpu4/online", "0\n" },
    { "proc/stat", "cpu 1 2 3 4\ncpu0 1 2 3 4 5 6 7 8 9 10\ncpu1 1 2\nintr 5\n" },
    { "etc/os-release", "ID=x\nNAME=\"a \\\" b\"\n" },
};

/* In the place of the agent's: no input may end the machine that the fuzzer runs on. */
int shutdown_machine(enum shutdown_mode mode, struct cpuctl_error *error)
{
    return cpuctl_error_set(error, -EPERM, "mode %d: not here", (int)mode);
}

/* Writes the machine into a new directory and opens it. */
static struct cpuctl_root *make_machine(void)
{
    struct cpuctl_root *root = NULL;
    const char *tree = fuzz_tree();

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        fuzz_tree_write(files[i].path, files[i].text, strlen(files[i].text));
    hold(cpuctl_root_open(tree, &root, NULL) == 0);
    return root;
}

static struct agent *make_agent(void)
{
    static struct config config;
    static struct agent agent;
    struct qmp_server_config server = {
        .commands = agent_commands,
        .user = &agent,
    };

    hold(config_init(&config) == 0);
    config.min_online = 2;
    agent.config = &config;
    agent.root = make_machine();
    hold(sd_event_new(&agent.loop) >= 0);
    hold(worker_new(&agent, &agent.worker) == 0);
    hold(qmp_server_new(&server, &agent.server) == 0);
    policy_init(&agent.policy, &config, 0);
    hold(log_open("/dev/null", true, NULL) == 0);
    return &agent;
}

static void check_reply(const char *line, size_t size)
{
    struct json_object *reply = NULL, *member;
    struct qmp_error error = { 0 };

    hold(qmp_json_parse(line, size, &reply, &error) == 0);
    hold(json_object_object_get_ex(reply, "return", &member) !=
         json_object_object_get_ex(reply, "error", &member));
    json_object_put(reply);
}

/* Takes the complete lines off the connection's output. */
static void drain(struct qmp_conn *conn)
{
    const char *output = qmp_conn_output(conn);
    size_t size = qmp_conn_output_size(conn), done = 0;
    const char *end;

    while (done < size && (end = memchr(output + done, '\n', size - done))) {
        bool delimited = output[done] == '\xff';

        check_reply(output + done + delimited, (size_t)(end - output) - done - delimited);
        done = (size_t)(end - output) + 1;
    }
    hold(done == size);
    if (size > 0)
        qmp_conn_output_sent(conn, size);
}

/* Feeds all of @data, and lets the batches that it begins come to their end. */
static void feed(struct agent *agent, struct qmp_conn *conn, const char *data, size_t size)
{
    unsigned int steps = 0;

    while (size > 0 || qmp_conn_is_busy(conn)) {
        ssize_t n = size > 0 ? qmp_conn_feed(conn, data, size) : 0;

        hold(n >= 0 && steps++ < STEPS_MAX);
        data += n;
        size -= (size_t)n;
        hold(sd_event_run(agent->loop, 0) >= 0);
        /* The sync's reply is left for the caller. */
        if (size > 0 || qmp_conn_is_busy(conn))
            drain(conn);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct agent *agent;
    struct qmp_conn *conn = NULL;

    if (!agent)
        agent = make_agent();
    hold(qmp_conn_new(agent->server, NULL, NULL, &conn) == 0);
    feed(agent, conn, (const char *)data, size);
    drain(conn);
    feed(agent, conn, SYNC, strlen(SYNC));
    hold(qmp_conn_output_size(conn) >= strlen(END));
    hold(memcmp(qmp_conn_output(conn) + qmp_conn_output_size(conn) - strlen(END), END,
                strlen(END)) == 0);
    drain(conn);
    qmp_conn_free(conn);
    hold(events_count(&agent->events) <= EVENTS_MAX);
    return 0;
}
