/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command server as a client sees it: bytes in, bytes out. What is expected of broken input was
 * seen of qemu-ga 7.2.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "main.h"
#include "qmp/conn.h"
#include "qmp/json.h"
#include "qmp/server-internal.h"

/* ---- a server under test ---- */

static struct qmp_request *later; /* what the command "later" has left */
static unsigned int cancelled;

static void cmd_ping(struct qmp_request *request, struct json_object *arguments)
{
    static const char *const none[] = { NULL };
    struct qmp_error error = { 0 };

    if (qmp_check_members(arguments, NULL, none, &error) < 0)
        qmp_request_error(request, &error);
    else
        qmp_request_return(request, NULL);
}

static void cancel_later(struct qmp_request *request, void *data)
{
    ck_assert_ptr_eq(request, later);
    ck_assert_ptr_eq(data, &cancelled);
    later = NULL;
    cancelled++;
}

static void cmd_later(struct qmp_request *request, struct json_object *arguments)
{
    (void)arguments;
    ck_assert_ptr_null(later);
    later = request;
    qmp_request_later(request, cancel_later, &cancelled);
}

static void cmd_big(struct qmp_request *request, struct json_object *arguments)
{
    static char text[QMP_CONN_OUTPUT_MAX + 1];

    (void)arguments;
    memset(text, 'x', sizeof(text) - 1);
    qmp_request_return(request, json_object_new_string(text));
}

static const struct qmp_command commands[] = {
    { .name = "guest-ping", .run = cmd_ping },
    { .name = "guest-sync", .run = qmp_cmd_guest_sync },
    { .name = "guest-sync-delimited", .run = qmp_cmd_guest_sync_delimited },
    { .name = "guest-shutdown", .run = cmd_ping, .flags = QMP_NO_SUCCESS_RESPONSE },
    { .name = "blocked", .run = cmd_ping },
    { .name = "later", .run = cmd_later },
    { .name = "big", .run = cmd_big },
    { 0 },
};

static const char *const block[] = { "blocked", "foreign-blocked", NULL };

struct fixture {
    struct qmp_server *server;
    struct qmp_conn *conn;
    char *reply; /* what take() took */
    unsigned int changes;
};

static void changed(struct qmp_conn *conn, void *user)
{
    struct fixture *f = user;

    ck_assert_ptr_eq(conn, f->conn);
    f->changes++;
}

static void setup(struct fixture *f, const struct qmp_server_config *config)
{
    *f = (struct fixture){ 0 };
    later = NULL;
    cancelled = 0;
    ck_assert_int_eq(qmp_server_new(config, &f->server), 0);
    ck_assert_int_eq(qmp_conn_new(f->server, changed, f, &f->conn), 0);
}

static const struct qmp_server_config plain = { .commands = commands, .block = block };

static void teardown(struct fixture *f)
{
    qmp_conn_free(f->conn);
    qmp_server_free(f->server);
    free(f->reply);
}

/* Takes all the output that there is. */
static const char *take(struct fixture *f)
{
    size_t used = 0;

    free(f->reply);
    f->reply = calloc(1, 1);
    while (qmp_conn_output_size(f->conn) > 0) {
        size_t size = qmp_conn_output_size(f->conn);

        f->reply = realloc(f->reply, used + size + 1);
        memcpy(f->reply + used, qmp_conn_output(f->conn), size);
        used += size;
        f->reply[used] = '\0';
        qmp_conn_output_sent(f->conn, size);
    }
    return f->reply;
}

static void feed(struct fixture *f, const char *data, size_t size)
{
    ck_assert_int_eq(qmp_conn_feed(f->conn, data, size), (ssize_t)size);
}

static void feed_text(struct fixture *f, const char *text)
{
    feed(f, text, strlen(text));
}

/* ---- conversations ---- */

#define E(desc) "{\"error\": {\"class\": \"GenericError\", \"desc\": \"" desc "\"}}\n"
#define ID_E(id, desc)                                                                             \
    "{\"id\": " id ", \"error\": {\"class\": \"GenericError\", \"desc\": \"" desc "\"}}\n"
#define NOT_FOUND(desc) "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"" desc "\"}}\n"
#define P(desc)         E("JSON parse error, " desc)
#define OK              "{\"return\": {}}\n"
#define PING            "{\"execute\":\"guest-ping\"}"

static const struct {
    const char *request;
    const char *reply;
} conversations[] = {
    { PING "\n", OK },
    { PING PING, OK OK },
    { "\xff" PING, P("stray '\\uFFFD'") OK },
    { "\xff\xff", P("stray '\\uFFFD'") P("stray '\\uFFFD'") },
    { "\xfe" PING, P("stray '\\uFFFD'") OK },
    { "\x01\x02 " PING, P("stray '\\u0001'") P("stray '\\u0002'") OK },
    { "{\"execute\":\"gue\xff" PING, P("stray '\\\"gue\\uFFFD'") OK },
    { "{\"execute\":\"guest-ping\",\"arguments\":{\"a\":[\xff" PING, P("stray '\\uFFFD'") OK },
    { "{\"execute\":\"abc\n\"}", P("stray '\\\"abc\\n'") P("expecting value") },
    { "garbage\n" PING, P("invalid keyword 'garbage'") OK },
    { "GARBAGE x y 5 \"\n" PING, P("stray 'G'") OK },
    { "\xef\xbb\xbf" PING, P("stray '\\uFFFD'") OK },
    { "}}" PING, P("expecting value") P("expecting value") OK },
    { "[] [1,2]", E("QMP input must be a JSON object") E("QMP input must be a JSON object") },
    { "5 \"abc\" null\n", E("QMP input must be a JSON object") E("QMP input must be a JSON object")
                              E("QMP input must be a JSON object") },
    { "{\"execute\":\"ab\xc3\"}", P("invalid UTF-8 sequence in string") },
    { "{\"execute\":\"ab\xed\xa0\x80\"}", P("invalid UTF-8 sequence in string") },
    { "{\"execute\":\"ab\xf4\x90\x80\x80\"}", P("invalid UTF-8 sequence in string") },
    { "{\"execute\":\"ab\xc3\xa4\"}", NOT_FOUND("The command ab\\u00E4 has not been found") },
    { "{\"execute\":\"nope\"}", NOT_FOUND("The command nope has not been found") },
    { "{\"execute\":\"blocked\"}", NOT_FOUND("Command blocked has been disabled") },
    { "{\"execute\":\"\"}", NOT_FOUND("The command  has not been found") },
    { "{\"execute\":\"guest-ping\\u0000x\"}",
      NOT_FOUND("The command guest-ping has not been found") },
    { "{\"execute\":\"guest-ping\",\"id\":1}", "{\"return\": {}, \"id\": 1}\n" },
    { "{\"id\":{\"a\":[1, null]},\"execute\":\"guest-ping\"}",
      "{\"return\": {}, \"id\": {\"a\":[1,null]}}\n" },
    { "{\"execute\":\"guest-ping\",\"id\":null}", "{\"return\": {}, \"id\": null}\n" },
    { "{\"execute\":\"guest-ping\",\"id\":18446744073709551615}",
      "{\"return\": {}, \"id\": 18446744073709551615}\n" },
    { "{\"id\":'a\"b\\'',\"execute\":\"guest-ping\"}", "{\"return\": {}, \"id\": \"a\\\"b'\"}\n" },
    { "{\"execute\":\"guest-ping\",\"foo\":1,\"id\":3}",
      ID_E("3", "QMP input member 'foo' is unexpected") },
    { "{}", E("QMP input lacks member 'execute'") },
    { "{\"id\":3}", ID_E("3", "QMP input lacks member 'execute'") },
    { "{\"execute\":5,\"id\":1}", ID_E("1", "QMP input member 'execute' must be a string") },
    { "{\"execute\":\"guest-ping\",\"arguments\":5}",
      E("QMP input member 'arguments' must be an object") },
    { "{\"execute\":\"guest-ping\",\"arguments\":null}",
      E("QMP input member 'arguments' must be an object") },
    { "{\"execute\":\"guest-ping\",\"arguments\":{}}", OK },
    { "{\"execute\":\"guest-ping\",\"arguments\":{\"x\":1}}", E("Parameter 'x' is unexpected") },
    { "{\"execute\":\"guest-sync\"}", E("Parameter 'id' is missing") },
    { "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":\"x\"}}",
      E("Invalid parameter type for 'id', expected: integer") },
    { "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":1e3}}",
      E("Invalid parameter type for 'id', expected: integer") },
    { "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":9223372036854775808}}",
      E("Invalid parameter type for 'id', expected: integer") },
    { "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":-9223372036854775809}}",
      E("Invalid parameter type for 'id', expected: integer") },
    { "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":-9223372036854775808},\"id\":7}",
      "{\"return\": -9223372036854775808, \"id\": 7}\n" },
    { "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":1,\"y\":2}}",
      E("Parameter 'y' is unexpected") },
    { "{\"execute\":\"guest-sync-delimited\",\"arguments\":{\"id\":1721212121212}}",
      "\xff{\"return\": 1721212121212}\n" },
    { "{'execute':'guest-ping'}", OK },
    { "{\"execute\":\"guest-ping\",\"execute\":\"guest-sync\"}", P("duplicate key") },
    { "{\"execute\":\"guest-ping\",\"\\u0065xecute\":\"guest-sync\"}", P("duplicate key") },
    { "{\"execute\":\"guest-ping\",\"arguments\":{\"a\":1,\"a\":2}}", P("duplicate key") },
    { "{\"\\u0065xecute\":\"guest-\\u0070ing\"}", OK },
    { "{\"exec-oob\":\"guest-ping\"}", E("QMP input member 'exec-oob' is unexpected") },
    { "{\"execute\":\"guest-ping\",}", P("expecting value") },
    { "{\"execute\" \"guest-ping\"}", P("missing : in object pair") },
    { "{\"execute\":\"guest-ping\"]" PING, P("expected separator in dict") OK },
    { "[1 2]", P("expected separator in list") },
    { "[1,]", P("expecting value") },
    { "{5:1}", P("key is not a string in object") },
    { "[}" PING, P("expecting value") OK },
    { "{\"a\":[}]}", P("expecting value") P("expecting value") },
    { "{\"a\":1]}", P("expected separator in dict") P("expecting value") },
    { ", :", P("expecting value") P("expecting value") },
    { "%p" PING, P("stray '%'") OK },
    { "-\n\n", P("stray '-\\n'") },
    { "01\n", P("stray '01'") },
    { "1.{\"execute\":\"guest-ping\"}",
      P("stray '1.{'") P("expecting value") E("QMP input must be a JSON object")
          P("expecting value") },
    { "{\"execute\":True}\n", P("stray 'T'") P("expecting value") },
    { "{\"execute\":\"a\\q\"}", P("invalid escape sequence in string") },
    { "{\"execute\":\"a\\ud800\"}", P("\\\\ud800 is not a valid Unicode character") },
    { "{\"execute\":\"a\\udc00\"}", P("\\\\udc00 is not a valid Unicode character") },
    { "{\"execute\":\"a\\ud800\\u0041\"}", P("\\\\ud800 is not a valid Unicode character") },
    { "{\"\\ud83d\\ude00\":1}", E("QMP input member '\\uD83D\\uDE00' is unexpected") },
    { "{\"execute\":\"guest-shutdown\"}" PING, OK },
    { "{\"execute\":\"guest-shutdown\",\"arguments\":{\"x\":1}}",
      E("Parameter 'x' is unexpected") },
};

START_TEST(test_conversation)
{
    const char *request = conversations[_i].request;
    const char *reply = conversations[_i].reply;
    size_t size = strlen(request);
    struct fixture f;

    setup(&f, &plain);
    /* in two pieces, cut at every place, on one connection */
    for (size_t cut = 0; cut <= size; cut++) {
        feed(&f, request, cut);
        feed(&f, request + cut, size - cut);
        ck_assert_str_eq(take(&f), reply);
        ck_assert(qmp_conn_wants_input(f.conn));
    }
    for (size_t i = 0; i < size; i++)
        feed(&f, request + i, 1);
    ck_assert_str_eq(take(&f), reply);
    ck_assert_uint_eq(f.changes, 0);
    teardown(&f);
}
END_TEST

START_TEST(test_nul_byte)
{
    struct fixture f;

    setup(&f, &plain);
    feed(&f, "{\"execute\":\"guest-ping\"\0}", 25);
    ck_assert_str_eq(take(&f), P("stray ''") P("expecting value"));
    teardown(&f);
}
END_TEST

static void repeat(struct fixture *f, const char *text, unsigned int times)
{
    while (times--)
        feed_text(f, text);
}

START_TEST(test_depth)
{
    struct fixture f;

    setup(&f, &plain);
    repeat(&f, "[", 1025);
    feed_text(&f, PING);
    ck_assert_str_eq(take(&f), E("JSON nesting depth limit exceeded") OK);
    /* as deep as allowed, in an id, which is echoed */
    feed_text(&f, "{\"execute\":\"guest-ping\",\"id\":");
    repeat(&f, "[", 1023);
    repeat(&f, "]", 1023);
    feed_text(&f, "}");
    ck_assert_uint_eq(strlen(take(&f)), strlen("{\"return\": {}, \"id\": }\n") + 2 * 1023);
    /* as deep as allowed, in the arguments, which are parsed */
    feed_text(&f, "{\"execute\":\"guest-ping\",\"arguments\":{\"x\":");
    repeat(&f, "[", 1022);
    repeat(&f, "]", 1022);
    feed_text(&f, "}}");
    ck_assert_str_eq(take(&f), E("Parameter 'x' is unexpected"));
    teardown(&f);
}
END_TEST

START_TEST(test_too_long)
{
    struct qmp_server_config config = { .commands = commands, .frame_limit = 4096 };
    char filler[1025];
    struct fixture f;

    memset(filler, 'x', 1024);
    filler[1024] = '\0';
    setup(&f, &config);
    feed_text(&f, "{\"id\":4,\"execute\":\"guest-ping\",\"arguments\":{\"x\":\"");
    repeat(&f, filler, 5);
    ck_assert_str_eq(take(&f),
                     ID_E("4", "The request is longer than the 4096 bytes allowed for guest-ping"));
    repeat(&f, filler, 500);
    ck_assert_str_eq(take(&f), "");
    feed_text(&f, "\"}}" PING);
    ck_assert_str_eq(take(&f), OK);

    feed_text(&f, "{\"arguments\":{\"x\":\"");
    repeat(&f, filler, 5);
    ck_assert_str_eq(take(&f), E("QMP input lacks member 'execute' in its first 4096 bytes, which "
                                 "is the limit"));
    feed_text(&f, "\"},\"execute\":\"guest-ping\"}" PING);
    ck_assert_str_eq(take(&f), OK);
    /* just within */
    feed_text(&f, "{\"execute\":\"guest-ping\",\"arguments\":{\"x\":\"");
    repeat(&f, filler, 3);
    feed_text(&f, "\"}}");
    ck_assert_str_eq(take(&f), E("Parameter 'x' is unexpected"));
    /* a name, an id and a number without end */
    feed_text(&f, "{\"execute\":\"");
    repeat(&f, filler, 3);
    feed_text(&f, "\"}");
    ck_assert_ptr_nonnull(strstr(take(&f), "\"class\": \"CommandNotFound\""));
    feed_text(&f, "{\"execute\":\"guest-ping\",\"id\":\"");
    repeat(&f, filler, 3);
    feed_text(&f, "\"}");
    ck_assert_ptr_nonnull(strstr(take(&f), "{\"return\": {}, \"id\": \"xxxx"));
    feed_text(&f, "{\"execute\":\"guest-ping\",\"id\":[\"");
    repeat(&f, filler, 2);
    feed_text(&f, "\",\"");
    repeat(&f, filler, 2);
    feed_text(&f, "\"]}" PING);
    ck_assert_ptr_nonnull(strstr(take(&f), "longer than"));
    for (unsigned int i = 0; i < 300; i++)
        feed_text(&f, "1");
    feed_text(&f, "\n");
    ck_assert_str_eq(take(&f), E("JSON token size limit exceeded"));
    teardown(&f);
}
END_TEST

START_TEST(test_later)
{
    struct fixture f;

    setup(&f, &plain);
    feed_text(&f, "{\"execute\":\"later\",\"id\":1}{\"execute\":\"later\",\"id\":2}" PING);
    ck_assert_str_eq(take(&f), "");
    ck_assert(qmp_conn_is_busy(f.conn));
    ck_assert(!qmp_conn_wants_input(f.conn));
    ck_assert_str_eq(qmp_request_name(later), "later");
    for (int i = 0; i < 2; i++) {
        struct qmp_request *request = later;

        later = NULL;
        qmp_request_return(request, json_object_new_int(i));
    }
    ck_assert_uint_gt(f.changes, 0);
    ck_assert_str_eq(take(&f), "{\"return\": 0, \"id\": 1}\n{\"return\": 1, \"id\": 2}\n" OK);
    ck_assert(qmp_conn_wants_input(f.conn));

    feed_text(&f, "{\"execute\":\"later\",\"id\":3}");
    struct qmp_request *request = later;
    later = NULL;
    qmp_request_fail(request, "no %s", "\xff\"");
    ck_assert_str_eq(take(&f), ID_E("3", "no \\uFFFD\\\""));
    teardown(&f);
}
END_TEST

START_TEST(test_cancel)
{
    struct fixture f;

    setup(&f, &plain);
    feed_text(&f, "{\"execute\":\"later\",\"id\":1}" PING);
    qmp_conn_reset(f.conn);
    ck_assert_uint_eq(cancelled, 1);
    feed_text(&f, PING);
    ck_assert_str_eq(take(&f), OK);
    /* half an object and a reply that nobody read don't outlive a reset either */
    feed_text(&f, PING "{\"execute\":\"guest-");
    qmp_conn_reset(f.conn);
    feed_text(&f, PING);
    ck_assert_str_eq(take(&f), OK);
    feed_text(&f, "{\"execute\":\"later\"}");
    teardown(&f);
    ck_assert_uint_eq(cancelled, 2);
}
END_TEST

/* The owner reads only when it is wanted, and so has to be told in this way, too. */
START_TEST(test_reply_without_memory)
{
    struct qmp_request *request;
    struct fixture f;

    setup(&f, &plain);
    feed_text(&f, "{\"execute\":\"later\"}" PING);
    request = later;
    later = NULL;
    f.changes = 0;
    f.conn->output.limit = 4; /* as if there were no memory for more */
    qmp_request_return(request, NULL);
    ck_assert_uint_gt(f.changes, 0);
    ck_assert(qmp_conn_wants_input(f.conn));
    ck_assert_int_eq(qmp_conn_read(f.conn, -1), -ENOMEM);
    qmp_conn_reset(f.conn);
    f.conn->output.limit = 0;
    feed_text(&f, PING);
    ck_assert_str_eq(take(&f), OK);
    teardown(&f);
}
END_TEST

START_TEST(test_back_pressure)
{
    struct fixture f;
    size_t replies = 0;

    setup(&f, &plain);
    feed_text(&f, "{\"execute\":\"big\"}" PING PING);
    /* the next request waits until the big reply is drained */
    ck_assert_uint_lt(qmp_conn_output_size(f.conn), QMP_CONN_OUTPUT_MAX + 64);
    ck_assert(!qmp_conn_wants_input(f.conn));
    qmp_conn_output_sent(f.conn, qmp_conn_output_size(f.conn));
    ck_assert_str_eq(take(&f), OK OK);

    /* a client that sends and sends but doesn't read */
    for (;;) {
        ssize_t n = qmp_conn_feed(f.conn, PING, strlen(PING));

        ck_assert_int_ge(n, 0);
        replies++;
        if ((size_t)n < strlen(PING))
            break;
        ck_assert_uint_lt(replies, 100000);
    }
    ck_assert_uint_lt(qmp_conn_output_size(f.conn), QMP_CONN_OUTPUT_MAX + 64);
    teardown(&f);
}
END_TEST

START_TEST(test_send)
{
    struct json_object *event = json_object_new_object();
    struct fixture f;

    setup(&f, &plain);
    ck_assert_int_eq(qmp_object_add(event, "event", json_object_new_string("X")), 0);
    ck_assert_int_eq(qmp_conn_send(f.conn, event), 0);
    ck_assert_uint_eq(f.changes, 1);
    ck_assert_str_eq(take(&f), "{\"event\": \"X\"}\n");
    for (unsigned int i = 0; qmp_conn_send(f.conn, event) == 0; i++)
        ck_assert_uint_lt(i, 100000);
    ck_assert_int_eq(qmp_conn_send(f.conn, event), -ENOBUFS);
    json_object_put(event);
    teardown(&f);
}
END_TEST

static int refuse_pings(void *user, const char *name, const struct qmp_command *command,
                        struct qmp_error *error)
{
    (void)user;
    ck_assert_str_eq(command->name, name);
    if (strcmp(name, "guest-ping") == 0)
        return qmp_error_set(error, QMP_GENERIC_ERROR, "not now");
    return 0;
}

START_TEST(test_policy)
{
    static const char *const allow[] = { "guest-ping", "guest-sync", "later", NULL };
    static const char *const block_sync[] = { "guest-sync", NULL };
    struct qmp_server_config config = {
        .commands = commands, .allow = allow, .block = block_sync, .admit = refuse_pings
    };
    struct fixture f;

    setup(&f, &config);
    ck_assert(qmp_server_is_enabled(f.server, "later"));
    ck_assert(!qmp_server_is_enabled(f.server, "guest-sync"));
    ck_assert(!qmp_server_is_enabled(f.server, "big"));
    ck_assert(!qmp_server_is_enabled(f.server, "unknown"));
    feed_text(&f, PING "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":1}}");
    ck_assert_str_eq(take(&f), E("not now") NOT_FOUND("Command guest-sync has been disabled"));
    teardown(&f);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("qmp-server");
    TCase *tcase = tcase_create("conversations");

    tcase_add_loop_test(tcase, test_conversation, 0,
                        (int)(sizeof(conversations) / sizeof(conversations[0])));
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("server");
    tcase_add_test(tcase, test_nul_byte);
    tcase_add_test(tcase, test_depth);
    tcase_add_test(tcase, test_too_long);
    tcase_add_test(tcase, test_later);
    tcase_add_test(tcase, test_cancel);
    tcase_add_test(tcase, test_reply_without_memory);
    tcase_add_test(tcase, test_back_pressure);
    tcase_add_test(tcase, test_send);
    tcase_add_test(tcase, test_policy);
    suite_add_tcase(suite, tcase);
    return suite;
}
