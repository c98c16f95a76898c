/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The store: looking up, defining, damaged files, locks, and whether a VMM lives. */
#include "main.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libcpuctl/cpuctl.h"
#include "tools/vcpuctl/domain-internal.h"
#include "tools/vcpuctl/store-internal.h"

#define UUID  "6013be3b-08f9-4827-83fb-390bd5a86de6"
#define OTHER "7013be3b-08f9-4827-83fb-390bd5a86de6"

static char folder[64];
static struct store *store;

static void setup(void)
{
    char state[96], run[96];

    snprintf(folder, sizeof(folder), "/tmp/vcpuctl-store-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(state, sizeof(state), "%s/state", folder);
    snprintf(run, sizeof(run), "%s/run", folder);
    ck_assert_int_eq(store_open(state, run, &store, NULL), 0);
}

static void teardown(void)
{
    char command[96];

    store_free(store);
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0); /* NOLINT */
}

static struct definition *make(const char *name, const char *uuid)
{
    struct definition *definition = NULL;
    char text[512];

    snprintf(
        text, sizeof(text),
        "<domain type='kvm'><name>%s</name>%s%s%s<memory>1024</memory><vcpu current='1'>2</vcpu>"
        "<os><type>hvm</type></os></domain>",
        name, *uuid ? "<uuid>" : "", uuid, *uuid ? "</uuid>" : "");
    ck_assert_int_eq(definition_parse(text, strlen(text), "x", &definition, NULL), 0);
    return definition;
}

static int define(const char *name, const char *uuid, struct cpuctl_error *error)
{
    _cleanup_(definition_freep) struct definition *definition = make(name, uuid);

    return store_define(store, definition, error);
}

static struct domain *find(const char *word)
{
    struct domain *domain = NULL;
    struct cpuctl_error error = { 0 };

    ck_assert_msg(store_find(store, word, &domain, &error) == 0, "%s", error.text);
    return domain;
}

static void write_state(const char *name, const char *text)
{
    _cleanup_free_ char *path = path_join(store->state_dir, name, "");

    ck_assert_int_eq(file_write(path, text, strlen(text), 0600, NULL), 0);
}

START_TEST(lookups)
{
    struct domain *domain = NULL;
    struct cpuctl_error error = { 0 };

    ck_assert_int_eq(store_find(store, "a", &domain, &error), -ENOENT);
    ck_assert_str_eq(error.text, "failed to get domain 'a'");
    ck_assert_int_eq(define("a", UUID, &error), 0);
    ck_assert_int_eq(define("12", "", &error), 0);
    domain = find("a");
    ck_assert_int_eq(domain->state, DOMAIN_SHUTOFF);
    ck_assert_int_eq(domain->id, -1);
    ck_assert_str_eq(domain_reason_name(domain), "unknown");
    domain_free(domain);
    domain = find("6013BE3B08f9482783fb390bd5a86de6");
    ck_assert_str_eq(domain->name, "a");
    domain_free(domain);
    domain = find("12");
    ck_assert_uint_eq(strlen(domain->uuid), 36);
    domain_free(domain);
    ck_assert_int_eq(store_find_by(store, "a", STORE_BY_ID | STORE_BY_UUID, &domain, &error),
                     -ENOENT);
    ck_assert_int_eq(store_find(store, "../state/a", &domain, &error), -ENOENT);
}
END_TEST

START_TEST(conflicts)
{
    struct cpuctl_error error = { 0 };

    ck_assert_int_eq(define("a", UUID, &error), 0);
    ck_assert_int_eq(define("a", UUID, &error), 0);
    ck_assert_int_eq(define("a", "", &error), -EEXIST);
    ck_assert_str_eq(error.text, "operation failed: domain 'a' already exists with uuid " UUID);
    ck_assert_int_eq(define("b", UUID, &error), -EEXIST);
    ck_assert_str_eq(error.text, "operation failed: domain 'a' is already defined with uuid " UUID);
    ck_assert_int_eq(define("b", OTHER, &error), 0);
}
END_TEST

static unsigned int warnings;

static void count_warning(const char *sentence)
{
    ck_assert_ptr_nonnull(strstr(sentence, "bad.xml"));
    warnings++;
}

START_TEST(damaged)
{
    struct domain **domains, *domain = NULL;
    struct cpuctl_error error = { 0 };
    size_t count;

    ck_assert_int_eq(define("good", UUID, &error), 0);
    write_state("bad.xml", "<domain");
    write_state("bad.xml.x8Fa3q", "left by a crash");
    write_state("noise", "x");
    ck_assert_int_eq(store_list(store, count_warning, &domains, &count, &error), 0);
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_eq(warnings, 1);
    ck_assert_str_eq(domains[0]->name, "good");
    store_list_free(domains, count);
    ck_assert_int_eq(store_find(store, "bad", &domain, &error), -EINVAL);
    ck_assert_ptr_nonnull(strstr(error.text, "bad.xml"));
    /* Under another's name. */
    write_state("bad.xml", "<domain type='kvm'><name>good</name><uuid>" OTHER "</uuid><memory>1"
                           "</memory><os><type>hvm</type></os></domain>");
    ck_assert_int_eq(store_find(store, "bad", &domain, &error), -EINVAL);
    ck_assert_ptr_nonnull(strstr(error.text, "defines a domain of the name 'good'"));
    /* A definition repairs it. */
    ck_assert_int_eq(define("bad", OTHER, &error), 0);
    domain_free(find("bad"));
}
END_TEST

START_TEST(changes)
{
    _cleanup_(domain_freep) struct domain *one = NULL, *other = NULL;
    struct cpuctl_error error = { 0 };

    ck_assert_int_eq(define("a", UUID, &error), 0);
    one = find("a");
    other = find("a");
    ck_assert_int_eq(domain_lock(one, DOMAIN_LOCK_CHANGE, 0, &error), 0);
    ck_assert_int_eq(definition_set_vcpu_current(one->config, 2, false, &error), 0);
    ck_assert_int_eq(domain_save_config(one, &error), 0);
    /* The other operator waits in vain, and is told for whom. */
    ck_assert_int_eq(domain_lock(other, DOMAIN_LOCK_CHANGE, 50, &error), -ETIMEDOUT);
    ck_assert_ptr_nonnull(
        strstr(error.text, "Timed out during operation: cannot acquire state change lock"));
    ck_assert_ptr_nonnull(strstr(error.text, "pid "));
    ck_assert_int_eq(domain_lock(other, DOMAIN_LOCK_AGENT, 0, &error), 0);
    domain_unlock(one, DOMAIN_LOCK_CHANGE);
    ck_assert_uint_eq(other->config->vcpu_current, 1);
    ck_assert_int_eq(domain_lock(other, DOMAIN_LOCK_CHANGE, 0, &error), 0);
    ck_assert_uint_eq(other->config->vcpu_current, 2);
    ck_assert_int_eq(domain_undefine(other, &error), 0);
    domain_unlock(other, DOMAIN_LOCK_CHANGE);
    ck_assert_int_eq(domain_lock(one, DOMAIN_LOCK_CHANGE, 0, &error), -ENOENT);
}
END_TEST

/* A process that stands for the VMM: it has the lock until @fd's writing end is closed. */
static pid_t live(const struct domain *domain, int *ret_end)
{
    int ends[2], alive = alive_lock(domain, NULL);
    pid_t pid;

    ck_assert_int_ge(alive, 0);
    ck_assert_int_eq(pipe(ends), 0);
    pid = fork();
    if (pid == 0) {
        char byte;

        close(ends[1]);
        _exit(read(ends[0], &byte, 1) < 0);
    }
    close(ends[0]);
    close(alive);
    *ret_end = ends[1];
    return pid;
}

static void assert_reason(const char *reason)
{
    _cleanup_(domain_freep) struct domain *domain = find("a");

    ck_assert_int_eq(domain->state, DOMAIN_SHUTOFF);
    ck_assert_str_eq(domain_reason_name(domain), reason);
}

static void set_status(const struct domain *domain, enum domain_reason reason, const char *boot)
{
    struct status status = { .id = 5, .pid = getpid(), .reason = reason };
    _cleanup_free_ char *text = NULL;

    if (boot)
        snprintf(status.boot, sizeof(status.boot), "%s", boot);
    else if (file_read("/proc/sys/kernel/random/boot_id", 64, &text, NULL, NULL) == 0)
        snprintf(status.boot, sizeof(status.boot), "%.36s", text);
    ck_assert_int_eq(status_write(domain->folder, &status, NULL), 0);
}

START_TEST(life)
{
    _cleanup_(domain_freep) struct domain *domain = NULL, *running = NULL;
    _cleanup_free_ char *control = NULL;
    struct cpuctl_error error = { 0 };
    int end;
    pid_t pid;

    ck_assert_int_eq(define("a", UUID, &error), 0);
    domain = find("a");
    ck_assert_int_eq(domain_lock(domain, DOMAIN_LOCK_CHANGE, 0, &error), 0);
    domain->live = definition_dup(domain->config);
    ck_assert_int_eq(domain_save_live(domain, &error), 0);
    set_status(domain, DOMAIN_REASON_UNKNOWN, NULL);
    domain_unlock(domain, DOMAIN_LOCK_CHANGE); /* the child would share it */
    pid = live(domain, &end);
    running = find("5");
    ck_assert_int_eq(running->state, DOMAIN_RUNNING);
    ck_assert_int_eq(running->id, 5);
    ck_assert_int_eq(alive_lock(running, &error), -EBUSY);
    /* Its definition may go, or be spoilt: what runs can be found. */
    write_state("a.xml", "<domain");
    domain_free(running);
    running = find("a");
    ck_assert_ptr_null(running->config);
    ck_assert_int_eq(domain_need_config(running, &error), -EINVAL);
    ck_assert_ptr_nonnull(strstr(error.text, "a.xml"));
    ck_assert_int_eq(define("a", UUID, &error), 0);

    close(end);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    assert_reason("shutdown");
    control = path_join(domain->folder, "control", "");
    ck_assert_int_eq(file_write(control, "", 0, 0600, NULL), 0);
    assert_reason("crashed");
    set_status(domain, DOMAIN_REASON_DESTROYED, NULL);
    assert_reason("destroyed");
    set_status(domain, DOMAIN_REASON_FAILED, NULL);
    assert_reason("failed");
    set_status(domain, DOMAIN_REASON_FAILED, "another-boot");
    assert_reason("unknown");
}
END_TEST

START_TEST(sockets)
{
    _cleanup_(domain_freep) struct domain *domain = NULL;
    _cleanup_free_ char *control = NULL, *query = NULL;
    struct cpuctl_error error = { 0 };

    ck_assert_int_eq(define("a", UUID, &error), 0);
    domain = find("a");
    control = domain_qmp_path(domain, DOMAIN_QMP_CONTROL);
    query = domain_qmp_path(domain, DOMAIN_QMP_QUERY);
    ck_assert_str_ne(control, query);
    errno = 0;
    ck_assert_ptr_null(domain_agent_path(domain));
    ck_assert_int_eq(errno, ENODEV);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("vcpuctl-store");
    TCase *tests = tcase_create("store");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, lookups);
    tcase_add_test(tests, conflicts);
    tcase_add_test(tests, damaged);
    tcase_add_test(tests, changes);
    tcase_add_test(tests, life);
    tcase_add_test(tests, sockets);
    suite_add_tcase(suite, tests);
    return suite;
}
