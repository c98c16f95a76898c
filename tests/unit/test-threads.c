/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Distinct handles in distinct threads: what each reads is what one reads alone. */
#include "main.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cpuset.h"
#include "root.h"
#include "tree.h"

#define THREADS 4
#define ROUNDS  20

/* Everything that a thread does with a machine, as one text. The caller frees it. */
static char *describe(const char *path)
{
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = NULL;
    struct cpuctl_state *state = NULL;
    struct cpuctl_topology *topology = NULL;
    struct cpuctl_identity *identity = NULL;
    struct cpuctl_plan *plan = NULL;
    struct cpuctl_error error = { 0 };
    char *text = NULL;

    if (cpuctl_root_open(path, &root, NULL) == 0 && cpuctl_state_read(root, &state, NULL) == 0 &&
        cpuctl_topology_read(root, state, CPUCTL_TOPOLOGY_CACHES, &topology, NULL) == 0 &&
        cpuctl_identity_read(root, state, CPUCTL_IDENTITY_ALL, &identity, NULL) == 0 &&
        cpuctl_plan_count(root, 1, 0, &plan, NULL) == 0 &&
        cpuctl_plan_count(root, 100000, 0, &plan, &error) < 0) {
        _cleanup_free_ char *online =
            cpuctl_set_format_list(cpuctl_state_get(state, CPUCTL_ONLINE));
        const char *model = cpuctl_identity_get(identity, 0, CPUCTL_MODEL_NAME);

        if (asprintf(&text, "%s|%s|%u|%zu|%s", online, model ? model : "",
                     cpuctl_topology_cache_count(topology), cpuctl_plan_size(plan), error.text) < 0)
            text = NULL;
    }
    cpuctl_plan_free(plan);
    cpuctl_identity_free(identity);
    cpuctl_topology_free(topology);
    cpuctl_state_free(state);
    return text;
}

struct job {
    const char *path, *expected;
    unsigned int equal;
};

static void *work(void *argument)
{
    struct job *job = argument;

    for (unsigned int i = 0; i < ROUNDS; i++) {
        _cleanup_free_ char *text = describe(job->path);

        if (text && strcmp(text, job->expected) == 0)
            job->equal++;
    }
    return NULL;
}

START_TEST(handles_do_not_meet)
{
    static const char *const machines[THREADS] = { "smt-2-sockets", "clusters", "nodes-4", "epyc" };
    pthread_t threads[THREADS];
    struct job jobs[THREADS];
    char *trees[THREADS], *paths[THREADS], *expected[THREADS];

    for (unsigned int i = 0; i < THREADS; i++) {
        paths[i] = tree_unpack(machines[i], &trees[i]);
        ck_assert_ptr_nonnull(paths[i]);
        expected[i] = describe(paths[i]);
        ck_assert_ptr_nonnull(expected[i]);
        jobs[i] = (struct job){ .path = paths[i], .expected = expected[i] };
    }
    ck_assert_str_ne(expected[0], expected[1]);
    for (unsigned int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, &jobs[i]), 0);
    for (unsigned int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_uint_eq(jobs[i].equal, ROUNDS);
        free(expected[i]);
        free(paths[i]);
        tree_free(trees[i]);
    }
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("threads");
    TCase *core = tcase_create("threads");

    tcase_add_test(core, handles_do_not_meet);
    tcase_set_timeout(core, 60);
    suite_add_tcase(suite, core);
    return suite;
}
