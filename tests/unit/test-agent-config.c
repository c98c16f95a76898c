/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The agent's configuration: keys, limits, files, options, and that a dump reads back. */
#include "main.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config.h"
#include "agent/options.h"
#include "libcpuctl/cleanup.h"
#include "tree.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static void setup(struct config *config)
{
    ck_assert_int_eq(config_init(config), 0);
}

START_TEST(defaults)
{
    _cleanup_(config_done) struct config config;
    struct cpuctl_error error = { 0 };

    setup(&config);
    ck_assert_int_eq(config.method, METHOD_VIRTIO_SERIAL);
    ck_assert_ptr_null(config.path);
    ck_assert_str_eq(config.statedir, "/var/lib/cpuctl");
    ck_assert(config.retry_path && config.seccomp && !config.verbose && !config.daemon);
    ck_assert_int_eq(config.hotplug, HOTPLUG_ONLINE);
    ck_assert_uint_eq(config.min_online, 1);
    ck_assert_uint_eq(config.max_changes, 0);
    ck_assert_int_eq(config_check(&config, &error), 0);
}
END_TEST

static const struct {
    const char *key, *value, *expected; /* a part of the sentence */
    int code;
} bad_values[] = {
    { "min-online", "0", "min-online is 0, the limits are 1 to 1048576", -ERANGE },
    { "min-online", "1048577", "the limits are", -ERANGE },
    { "min-online", "99999999999999999999", "the limits are", -ERANGE },
    { "min-online", "-1", "expected a decimal number", -EINVAL },
    { "min-online", "", "expected a decimal number", -EINVAL },
    { "min-online", "2x", "expected a decimal number", -EINVAL },
    { "min-online", " 2", "expected a decimal number", -EINVAL },
    { "change-interval", "86401", "(a day)", -ERANGE },
    { "verbose", "yes", "expected true, false, 1 or 0", -EINVAL },
    { "verbose", "", "expected true", -EINVAL },
    { "method", "smoke", "expected virtio-serial, unix-listen", -EINVAL },
    { "path", "", "not empty", -EINVAL },
    { "logfile", "log", "an absolute path", -EINVAL },
    { "statedir", "", "an absolute path", -EINVAL },
    { "hotplug", "3-1", "hotplug is \"3-1\"", -EINVAL },
    { "hotplug", "9999999", "hotplug", -ERANGE },
    { "forward", "/run/x", "unix: and the absolute path", -EINVAL },
    { "forward", "unix:x", "unix: and the absolute path", -EINVAL },
    { "block-rpcs", "guest-ping guest-info", "divided by commas", -EINVAL },
    { "block-rpcs", "a\nb", "divided by commas", -EINVAL },
    { "no-such-key", "1", "there is no key \"no-such-key\"", -ENOENT },
    { "", "1", "there is no key", -ENOENT },
};

START_TEST(bad_value)
{
    _cleanup_(config_done) struct config config;
    struct cpuctl_error error = { 0 };
    int r;

    setup(&config);
    r = config_set(&config, bad_values[_i].key, bad_values[_i].value, "here", &error);
    ck_assert_int_eq(r, bad_values[_i].code);
    ck_assert_int_eq(error.code, r);
    ck_assert_msg(strstr(error.text, bad_values[_i].expected), "%s", error.text);
    ck_assert_int_eq(strncmp(error.text, "here: ", 6), 0);
    /* What was there is untouched. */
    ck_assert_uint_eq(config.min_online, 1);
    ck_assert_str_eq(config.statedir, "/var/lib/cpuctl");
    ck_assert_int_eq(config.hotplug, HOTPLUG_ONLINE);
}
END_TEST

START_TEST(lists_accumulate)
{
    _cleanup_(config_done) struct config config;
    struct cpuctl_error error = { 0 };
    int r = 0;

    setup(&config);
    ck_assert_int_eq(config_set(&config, "block-rpcs", "a,b,,a", "x", &error), 0);
    ck_assert_int_eq(config_set(&config, "block-rpcs", "c,b", "x", &error), 0);
    ck_assert_uint_eq(config.block_rpcs.count, 3);
    ck_assert_ptr_null(config.block_rpcs.names[3]);
    ck_assert(name_list_has(&config.block_rpcs, "c"));
    ck_assert(!name_list_has(&config.block_rpcs, "d"));
    ck_assert_int_eq(config_set(&config, "allow-rpcs", "a", "x", &error), 0);
    ck_assert_int_eq(config_check(&config, &error), -EINVAL);

    for (unsigned int i = 0; r == 0 && i <= CONFIG_NAMES_MAX; i++) {
        char name[16];

        snprintf(name, sizeof(name), "n%u", i);
        r = config_set(&config, "allow-rpcs", name, "x", &error);
    }
    ck_assert_int_eq(r, -ERANGE);
    ck_assert_uint_eq(config.allow_rpcs.count, CONFIG_NAMES_MAX);
}
END_TEST

static const struct {
    const char *text, *expected;
} bad_files[] = {
    { "[general]\n\n# x\nmin-online = 0\n", "line 4: min-online is 0" },
    { "min-online = 2\n", "line 1: key \"min-online\" stands before the group [general]" },
    { "[general]\n[extra]\n", "line 2: group [extra]" },
    { "[general]\nverbose\n", "line 2: \"verbose\" is not of the form" },
    { "[general]\nVerbose = 1\n", "line 2: there is no key \"Verbose\"" },
    { "[general]\n= 1\n", "line 2: there is no key \"\"" },
};

START_TEST(bad_file)
{
    _cleanup_(tree_freep) char *tree = tree_new();
    _cleanup_(config_done) struct config config;
    _cleanup_free_ char *file = NULL;
    struct cpuctl_error error = { 0 };

    setup(&config);
    tree_write(tree, "conf", "%s", bad_files[_i].text);
    ck_assert_int_gt(asprintf(&file, "%s/conf", tree), 0);
    ck_assert_int_lt(config_load(&config, file, false, &error), 0);
    ck_assert_msg(strstr(error.text, bad_files[_i].expected), "%s", error.text);
    ck_assert_msg(strstr(error.text, "/conf: line "), "%s", error.text);
}
END_TEST

START_TEST(files)
{
    _cleanup_(tree_freep) char *tree = tree_new();
    _cleanup_(config_done) struct config config;
    _cleanup_free_ char *file = NULL, *missing = NULL;
    struct cpuctl_error error = { 0 };

    setup(&config);
    ck_assert_int_gt(asprintf(&file, "%s/conf", tree), 0);
    ck_assert_int_gt(asprintf(&missing, "%s/missing", tree), 0);
    /* No newline at the end, white space, carriage returns, both kinds of comments. */
    tree_write(tree, "conf", "# c\r\n;d\n\n  [general] \r\n\tmin-online\t=  3 \r\npath = a=b #c");
    ck_assert_int_eq(config_load(&config, file, false, &error), 0);
    ck_assert_uint_eq(config.min_online, 3);
    ck_assert_str_eq(config.path, "a=b #c");
    ck_assert_int_eq(config_load(&config, missing, true, &error), 0);
    ck_assert_int_eq(config_load(&config, missing, false, &error), -ENOENT);
    ck_assert_int_eq(config_load(&config, tree, false, &error), -EISDIR);
}
END_TEST

START_TEST(file_is_bounded)
{
    _cleanup_(tree_freep) char *tree = tree_new();
    _cleanup_(config_done) struct config config;
    _cleanup_free_ char *file = NULL, *text = malloc(CONFIG_FILE_LIMIT + 2);
    struct cpuctl_error error = { 0 };

    setup(&config);
    ck_assert_int_gt(asprintf(&file, "%s/conf", tree), 0);
    memset(text, '#', CONFIG_FILE_LIMIT + 1);
    text[CONFIG_FILE_LIMIT + 1] = '\0';
    tree_write(tree, "conf", "%s", text);
    ck_assert_int_eq(config_load(&config, file, false, &error), -EFBIG);
    text[CONFIG_FILE_LIMIT] = '\0';
    tree_write(tree, "conf", "%s", text);
    ck_assert_int_eq(config_load(&config, file, false, &error), 0);
}
END_TEST

/* Runs the option parser. */
static int parse(struct config *config, struct cpuctl_error *error, const char *first, ...)
{
    char *argv[16] = { (char *)"cpuctl-agent" };
    va_list arguments;
    int argc = 1;

    va_start(arguments, first);
    for (const char *a = first; a; a = va_arg(arguments, const char *))
        argv[argc++] = (char *)a;
    va_end(arguments);
    return options_parse(argc, argv, config, error);
}

#define PARSE(...) parse(&config, &error, __VA_ARGS__, NULL)

START_TEST(options)
{
    _cleanup_(config_done) struct config config;
    struct cpuctl_error error = { 0 };

    setup(&config);
    ck_assert_int_eq(PARSE("-c", "/dev/null", "-m", "unix-listen", "-p/x", "-vd", "-l", "/log",
                           "-f", "/pid", "-t", "/state", "-r"),
                     OPTIONS_RUN);
    ck_assert_int_eq(config.method, METHOD_UNIX_LISTEN);
    ck_assert_str_eq(config.path, "/x");
    ck_assert_str_eq(config.logfile, "/log");
    ck_assert_str_eq(config.pidfile, "/pid");
    ck_assert_str_eq(config.statedir, "/state");
    ck_assert(config.verbose && config.daemon && config.retry_path);
    ck_assert_int_eq(PARSE("-c", "/dev/null", "--path=/y", "--no-seccomp", "--hotplug", "2-3"),
                     OPTIONS_RUN);
    ck_assert_str_eq(config.path, "/y");
    ck_assert(!config.seccomp);
    ck_assert_int_eq(config.hotplug, HOTPLUG_LIST);
    ck_assert(cpuctl_set_has(config.hotplug_cpus, 3) && !cpuctl_set_has(config.hotplug_cpus, 1));
    ck_assert_int_eq(PARSE("-V"), OPTIONS_VERSION);
    ck_assert_int_eq(PARSE("--help"), OPTIONS_HELP);
    ck_assert_int_eq(PARSE("-c", "/dev/null", "-D"), OPTIONS_DUMP);
    ck_assert_int_eq(PARSE("-b", "?"), OPTIONS_LIST_COMMANDS);
    ck_assert_int_eq(PARSE("--blacklist=help"), OPTIONS_LIST_COMMANDS);
    ck_assert_int_eq(PARSE("-c", "/dev/null", "--blacklist", "x"), OPTIONS_RUN);
    ck_assert(name_list_has(&config.block_rpcs, "x"));
}
END_TEST

START_TEST(bad_options)
{
    _cleanup_(config_done) struct config config;
    struct cpuctl_error error = { 0 };

    setup(&config);
    ck_assert_int_eq(PARSE("--nonsense"), -EINVAL);
    ck_assert_msg(strstr(error.text, "--nonsense is unknown"), "%s", error.text);
    ck_assert_int_eq(PARSE("-x"), -EINVAL);
    ck_assert_int_eq(PARSE("-m"), -EINVAL);
    ck_assert_msg(strstr(error.text, "needs a value"), "%s", error.text);
    ck_assert_int_eq(PARSE("--verbose=1"), -EINVAL);
    ck_assert_int_eq(PARSE("-v", "argument"), -EINVAL);
    ck_assert_int_eq(PARSE("-c", "/nowhere/conf"), -ENOENT);
    ck_assert_int_eq(PARSE("-c", "/dev/null", "--min-online", "0"), -ERANGE);
    ck_assert_int_eq(PARSE("-c", "/dev/null", "-m", "vsock-listen"), -EINVAL);
}
END_TEST

START_TEST(dump_reads_back)
{
    _cleanup_(tree_freep) char *tree = tree_new();
    _cleanup_(config_done) struct config config;
    _cleanup_(config_done) struct config again;
    _cleanup_free_ char *first = NULL, *second = NULL, *file = NULL;
    struct cpuctl_error error = { 0 };
    size_t size;
    FILE *out;

    setup(&config);
    setup(&again);
    ck_assert_int_eq(PARSE("-c", "/dev/null", "-m", "vsock-listen", "-p", "3:4", "-v", "-b", "a,b",
                           "--hotplug=5,1-3", "--max-changes=7", "--forward", "unix:/s"),
                     OPTIONS_RUN);
    out = open_memstream(&first, &size);
    config_dump(&config, out);
    fclose(out);
    ck_assert_ptr_nonnull(strstr(first, "\nhotplug=1-3,5\n"));
    tree_write(tree, "conf", "%s", first);
    ck_assert_int_gt(asprintf(&file, "%s/conf", tree), 0);
    ck_assert_msg(config_load(&again, file, false, &error) == 0, "%s", error.text);
    out = open_memstream(&second, &size);
    config_dump(&again, out);
    fclose(out);
    ck_assert_str_eq(first, second);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("agent-config");
    TCase *values = tcase_create("values"), *file = tcase_create("files"),
          *line = tcase_create("options");

    tcase_add_test(values, defaults);
    tcase_add_loop_test(values, bad_value, 0, ARRAY_SIZE(bad_values));
    tcase_add_test(values, lists_accumulate);
    tcase_add_loop_test(file, bad_file, 0, ARRAY_SIZE(bad_files));
    tcase_add_test(file, files);
    tcase_add_test(file, file_is_bounded);
    tcase_add_test(line, options);
    tcase_add_test(line, bad_options);
    tcase_add_test(line, dump_reads_back);
    suite_add_tcase(suite, values);
    suite_add_tcase(suite, file);
    suite_add_tcase(suite, line);
    return suite;
}
