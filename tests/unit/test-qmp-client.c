/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The client of monitors and agents, against peers that do right and peers that do wrong. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "main.h"
#include "qmp/client.h"

#define GREETING "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\n"
#define READY    GREETING "{\"return\": {}, \"id\": 1}\n"

/* Long enough for a loaded machine; where it has to run out, SHORT does. */
#define LONG  (60U * 1000000U)
#define SHORT 50000U

/* The peer of a test: says what it was given at once, then leaves or stays. */
struct peer {
    int fds[2];
    struct qmp_client *client;
    struct qmp_error error;
};

static void peer_say(struct peer *peer, const char *text)
{
    ck_assert_int_eq(write(peer->fds[1], text, strlen(text)), strlen(text));
}

static int peer_open(struct peer *peer, enum qmp_client_kind kind, const char *said, bool leaves,
                     uint64_t timeout)
{
    *peer = (struct peer){ 0 };
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, peer->fds), 0);
    peer_say(peer, said);
    if (leaves)
        shutdown(peer->fds[1], SHUT_RDWR);
    return qmp_client_open(peer->fds[0], "peer", kind, timeout, NULL, &peer->client, &peer->error);
}

static void peer_close(struct peer *peer)
{
    qmp_client_free(peer->client);
    close(peer->fds[1]);
}

/* A monitor that is ready, and has said @said besides. */
static struct peer monitor(const char *said)
{
    struct peer peer;
    char text[4096];

    snprintf(text, sizeof(text), "%s%s", READY, said);
    ck_assert_msg(peer_open(&peer, QMP_CLIENT_MONITOR, text, false, LONG) == 0, "%s",
                  peer.error.desc);
    return peer;
}

static int query(struct peer *peer, uint64_t timeout, struct json_object **ret)
{
    return qmp_client_execute(peer->client, "query", NULL, timeout, ret, &peer->error);
}

START_TEST(test_beginnings)
{
    static const struct {
        const char *said;
        bool leaves;
        int result;
        const char *sentence;
    } cases[] = {
        { READY, false, 0, "" },
        { "\r\n" READY, false, 0, "" },
        { "", false, -ETIMEDOUT,
          "peer: the monitor's greeting (one that has a client already does not greet another) did "
          "not come within 0.050 s" },
        { "{\"QMP\": {", false, -ETIMEDOUT, "0.050 s (the first 8 bytes of something have come)" },
        { GREETING, false, -ETIMEDOUT,
          "peer: the reply to 'qmp_capabilities' did not come within" },
        { "", true, -ECONNRESET, "peer: the other side closed the connection while" },
        { "{\"QMP\": {", true, -ECONNRESET, "in the middle of what it sent, while" },
        { "{\"return\": {}}", false, -EPROTO, "what came first is no greeting: { \"return\"" },
        { "{\"QMP\": 3}", false, -EPROTO, "what came first is no greeting" },
        { "HTTP/1.1 400 Bad Request\r\n", false, -EPROTO, "is not JSON: JSON parse error" },
        { "[]", false, -EPROTO, "is not a JSON object" },
        { GREETING "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}, \"id\": 1}", false,
          -EREMOTEIO, "no" },
        { GREETING "{\"return\": {}}", false, -EPROTO, "came without its id 1" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct peer peer;
        int r = peer_open(&peer, QMP_CLIENT_MONITOR, cases[i].said, cases[i].leaves,
                          cases[i].result == -ETIMEDOUT ? SHORT : LONG);

        ck_assert_msg(r == cases[i].result, "case %zu: %d, %s", i, r, peer.error.desc);
        ck_assert_msg(strstr(peer.error.desc, cases[i].sentence), "case %zu: %s", i,
                      peer.error.desc);
        peer_close(&peer);
    }
}
END_TEST

START_TEST(test_replies)
{
    static const struct {
        const char *said;
        int result;
        const char *text; /* of the value, or in the sentence */
    } cases[] = {
        { "{\"return\": {\"a\": 1}, \"id\": 2}", 0, "{\"a\":1}" },
        { "{\"return\": [], \"id\": 2}", 0, "[]" },
        { "{\"event\": \"RESET\"}{\"return\": 3, \"id\": 2}", 0, "3" },
        { "{\"id\": 2, \"error\": {\"class\": \"DeviceNotFound\", \"desc\": \"Device 'x'\"}}",
          -EREMOTEIO, "Device 'x'" },
        { "{\"id\": 2, \"error\": {\"class\": \"New\", \"desc\": \"d\"}}", -EREMOTEIO, "d" },
        { "{\"return\": {}}", -EPROTO, "peer: the reply to 'query' came without its id 2" },
        { "{\"return\": {}, \"id\": 3}", -EPROTO, "came with the id 3 instead of 2" },
        { "{\"return\": {}, \"id\": 1}", -EPROTO, "came with the id 1 instead of 2" },
        { "{\"return\": {}, \"id\": \"2\"}", -EPROTO, "came with the id 2 instead of 2" },
        { "{\"id\": 2}", -EPROTO, "has neither \"return\" nor \"error\": { \"id\": 2 }" },
        { "{\"id\": 2, \"error\": 5}", -EPROTO,
          "is malformed: Invalid parameter type for 'error'" },
        { "{\"id\": 2, \"error\": {\"class\": \"GenericError\"}}", -EPROTO,
          "is malformed: Parameter 'desc' is missing" },
        { "{\"id\": 2, \"id\": 2, \"return\": 1}", -EPROTO, "duplicate key" },
        { "{\"return\"; 3}", -EPROTO, "is not JSON: JSON parse error" },
        { "\xff{\"return\": 1, \"id\": 2}", -EPROTO, "is not JSON" },
        { "null", -EPROTO, "is not" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct peer peer = monitor(cases[i].said);
        struct json_object *value = NULL;
        const char *text;
        int r;

        peer_say(&peer, "\n");
        r = query(&peer, LONG, &value);
        text = r == 0 ? json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN)
                      : peer.error.desc;
        ck_assert_msg(r == cases[i].result, "case %zu: %d, %s", i, r, text);
        ck_assert_msg(r == 0 ? strcmp(text, cases[i].text) == 0 : !!strstr(text, cases[i].text),
                      "case %zu: %s", i, text);
        /* what is broken stays so, with the same words */
        if (r == -EPROTO) {
            struct qmp_error first = peer.error;

            ck_assert_int_eq(query(&peer, LONG, &value), -EPROTO);
            ck_assert_str_eq(peer.error.desc, first.desc);
        }
        json_object_put(value);
        peer_close(&peer);
    }
}
END_TEST

START_TEST(test_error_class)
{
    struct peer peer =
        monitor("{\"id\": 2, \"error\": {\"class\": \"DeviceNotFound\", \"desc\": \"d\"}}\n");

    ck_assert_int_eq(query(&peer, LONG, NULL), -EREMOTEIO);
    ck_assert_int_eq(peer.error.error_class, QMP_DEVICE_NOT_FOUND);
    peer_close(&peer);
}
END_TEST

/* After a timeout the late reply is passed over, and the next one taken. */
START_TEST(test_late_reply)
{
    struct peer peer = monitor("");
    struct json_object *value = NULL;

    ck_assert_int_eq(query(&peer, SHORT, NULL), -ETIMEDOUT);
    ck_assert_str_eq(peer.error.desc, "peer: the reply to 'query' did not come within 0.050 s");
    peer_say(&peer, "{\"return\": \"late\", \"id\": 2}\n{\"return\": \"own\", \"id\": 3}\n");
    ck_assert_int_eq(query(&peer, LONG, &value), 0);
    ck_assert_str_eq(json_object_get_string(value), "own");
    json_object_put(value);
    peer_close(&peer);
}
END_TEST

START_TEST(test_events)
{
    struct peer peer =
        monitor("{\"event\": \"A\"}\n{\"event\": \"B\"}\n{\"return\": 1, \"id\": 2}\n");
    static const char *const names[] = { "A", "B", "C" };

    ck_assert_int_eq(query(&peer, LONG, NULL), 0);
    peer_say(&peer, "{\"event\": \"C\", \"data\": {}}\n");
    for (size_t i = 0; i < 3; i++) {
        struct json_object *event = NULL;

        ck_assert_int_eq(qmp_client_wait_event(peer.client, LONG, &event, &peer.error), 0);
        ck_assert_str_eq(json_object_get_string(json_object_object_get(event, "event")), names[i]);
        json_object_put(event);
    }
    ck_assert_int_eq(qmp_client_wait_event(peer.client, 0, NULL, &peer.error), -ETIMEDOUT);
    peer_say(&peer, "{\"return\": 1, \"id\": 9}\n");
    ck_assert_int_eq(qmp_client_wait_event(peer.client, LONG, NULL, &peer.error), -EPROTO);
    ck_assert_ptr_nonnull(strstr(peer.error.desc, "a reply came that nobody asked for"));
    peer_close(&peer);
}
END_TEST

/* Writes until nobody reads any more. */
static void *flood(void *user)
{
    struct peer *peer = user;
    char data[4096];
    static const char event[] = "{\"event\": \"X\"}\n";

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = event[i % (sizeof(event) - 1)];
    for (;;)
        if (send(peer->fds[1], data, sizeof(data) / (sizeof(event) - 1) * (sizeof(event) - 1),
                 MSG_NOSIGNAL) < 0)
            return NULL;
}

static void *flood_reply(void *user)
{
    struct peer *peer = user;
    char data[4096];

    memset(data, 'a', sizeof(data));
    while (send(peer->fds[1], data, sizeof(data), MSG_NOSIGNAL) >= 0)
        continue;
    return NULL;
}

static void *flood_members(void *user)
{
    struct peer *peer = user;
    char data[4096];

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = i % 2 ? ',' : '1';
    for (unsigned int i = 0; i < 1024; i++)
        if (send(peer->fds[1], data, sizeof(data), MSG_NOSIGNAL) < 0)
            return NULL;
    send(peer->fds[1], "1]}\n", 4, MSG_NOSIGNAL);
    return NULL;
}

/* Endless events keep no wait alive and no more than their number in memory; an endless reply and
 * one of too many members are refused. */
START_TEST(test_without_end)
{
    static const struct {
        const char *said;
        void *(*run)(void *user);
        int result;
    } cases[] = {
        { "", flood, -ETIMEDOUT },
        { "{\"return\": \"", flood_reply, -EMSGSIZE },
        { "{\"return\": [", flood_members, -EMSGSIZE },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct peer peer = monitor(cases[i].said);
        pthread_t thread;
        int r;

        ck_assert_int_eq(pthread_create(&thread, NULL, cases[i].run, &peer), 0);
        r = query(&peer, cases[i].result == -ETIMEDOUT ? 300000 : LONG, NULL);
        ck_assert_msg(r == cases[i].result, "case %zu: %d, %s", i, r, peer.error.desc);
        shutdown(peer.fds[0], SHUT_RDWR);
        pthread_join(thread, NULL);
        peer_close(&peer);
    }
}
END_TEST

/* ---- agents ---- */

/* An agent that answers each sync with @before and the right reply, then says @said. */
struct agent {
    struct peer peer;
    const char *before;
    const char *said;
};

static void *serve_agent(void *user)
{
    struct agent *agent = user;
    char text[512];
    size_t size = 0;

    for (;;) {
        ssize_t n = read(agent->peer.fds[1], text + size, sizeof(text) - 1 - size);
        const char *id;

        if (n <= 0)
            return NULL;
        size += (size_t)n;
        text[size] = '\0';
        id = strstr(text, "\"id\": ");
        if (id && strchr(text, '\n')) {
            dprintf(agent->peer.fds[1], "%s\xff{\"return\": %lld}\n%s", agent->before,
                    strtoll(id + 6, NULL, 10), agent->said);
            size = 0;
        } else if (!id && strchr(text, '\n')) {
            size = 0; /* a command: what it is answered with has been said */
        }
    }
}

static int agent_open(struct agent *agent, pthread_t *thread)
{
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, agent->peer.fds), 0);
    ck_assert_int_eq(pthread_create(thread, NULL, serve_agent, agent), 0);
    return qmp_client_open(agent->peer.fds[0], "agent", QMP_CLIENT_AGENT, LONG, NULL,
                           &agent->peer.client, &agent->peer.error);
}

START_TEST(test_agent)
{
    struct agent agent = { .before = "old rubbish {\"return\": 1}\n\xff{\"return\": 5}\n{\"half",
                           .said = "{\"return\": [4]}\n" };
    struct json_object *value = NULL;
    pthread_t thread;

    ck_assert_msg(agent_open(&agent, &thread) == 0, "%s", agent.peer.error.desc);
    ck_assert_int_eq(query(&agent.peer, LONG, &value), 0);
    ck_assert_str_eq(json_object_get_string(value), "[ 4 ]");
    json_object_put(value);
    /* nothing more comes: after the timeout the client gets in step anew */
    ck_assert_int_eq(query(&agent.peer, SHORT, NULL), -ETIMEDOUT);
    ck_assert_int_eq(query(&agent.peer, LONG, &value), 0);
    json_object_put(value);
    shutdown(agent.peer.fds[0], SHUT_RDWR);
    pthread_join(thread, NULL);
    peer_close(&agent.peer);
}
END_TEST

START_TEST(test_agent_passing)
{
    struct agent agent = { .before = "", .said = "{\"error\": {\"class\": \"X\"}}\n" };
    struct json_object *reply = NULL;
    pthread_t thread;

    ck_assert_int_eq(agent_open(&agent, &thread), 0);
    ck_assert_int_eq(
        qmp_client_pass(agent.peer.client, "{\"execute\": ", LONG, &reply, &agent.peer.error),
        -EINVAL);
    ck_assert_int_eq(qmp_client_pass(agent.peer.client, "[]", LONG, &reply, &agent.peer.error),
                     -EINVAL);
    ck_assert_int_eq(
        qmp_client_pass(agent.peer.client, "{\"execute\":\"x\"}", LONG, &reply, &agent.peer.error),
        0);
    ck_assert_str_eq(json_object_to_json_string_ext(reply, JSON_C_TO_STRING_PLAIN),
                     "{\"error\":{\"class\":\"X\"}}");
    json_object_put(reply);
    shutdown(agent.peer.fds[0], SHUT_RDWR);
    pthread_join(thread, NULL);
    peer_close(&agent.peer);
}
END_TEST

START_TEST(test_agent_silent)
{
    struct peer peer;

    ck_assert_int_eq(
        peer_open(&peer, QMP_CLIENT_AGENT, "{\"return\": {}}\nrubbish\n", false, SHORT),
        -ETIMEDOUT);
    ck_assert_str_eq(peer.error.desc,
                     "peer: the reply to guest-sync-delimited did not come within 0.050 s");
    peer_close(&peer);
}
END_TEST

START_TEST(test_paths)
{
    struct qmp_client *client = NULL;
    struct qmp_error error = { 0 };
    char path[200];

    ck_assert_int_eq(
        qmp_client_connect("/nonexistent/socket", QMP_CLIENT_MONITOR, LONG, NULL, &client, &error),
        -ENOENT);
    ck_assert_str_eq(error.desc, "/nonexistent/socket: No such file or directory");
    memset(path, 'a', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    ck_assert_int_eq(qmp_client_connect(path, QMP_CLIENT_MONITOR, LONG, NULL, &client, &error),
                     -ENAMETOOLONG);
    ck_assert_ptr_nonnull(strstr(error.desc, "has at most 107 bytes"));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("qmp-client");
    TCase *tcase = tcase_create("client");

    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, test_beginnings);
    tcase_add_test(tcase, test_replies);
    tcase_add_test(tcase, test_error_class);
    tcase_add_test(tcase, test_late_reply);
    tcase_add_test(tcase, test_events);
    tcase_add_test(tcase, test_without_end);
    tcase_add_test(tcase, test_agent);
    tcase_add_test(tcase, test_agent_passing);
    tcase_add_test(tcase, test_agent_silent);
    tcase_add_test(tcase, test_paths);
    suite_add_tcase(suite, tcase);
    return suite;
}
