/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The root context: nothing leads out of it, with and without openat2(2); bounds; changes. */
#include "main.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "cpuset.h"
#include "root.h"
#include "tree.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* How openat2(2) is lost, if it is. */
enum way { NATIVE, WALKING, FILTER_ENOSYS, FILTER_EPERM, WAYS };

static bool forbid_openat2(int code)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    bool loaded;

    ck_assert_ptr_nonnull(filter);
    loaded = seccomp_rule_add(filter, SCMP_ACT_ERRNO((unsigned int)code), SYS_openat2, 0) == 0 &&
             seccomp_load(filter) == 0;
    seccomp_release(filter);
    return loaded;
}

/* A root context that loses openat2(2) in the given way, or NULL where that can't be arranged. */
static struct cpuctl_root *open_way(const char *tree, enum way way)
{
    struct cpuctl_root *root;

    if ((way == FILTER_ENOSYS && !forbid_openat2(ENOSYS)) ||
        (way == FILTER_EPERM && !forbid_openat2(EPERM)))
        return NULL;
    root = tree_root(tree, false);
    root->no_openat2 = way == WALKING;
    return root;
}

static const struct {
    const char *path;
    int code;         /* 0: readable */
    const char *text; /* what it holds */
} paths[] = {
    { "sys/a/file", 0, "inside" },
    { "/sys/a/file", 0, "inside" },
    { "//sys/./a//file", 0, "inside" },
    { "sys/a/../a/file", 0, "inside" },
    { "../../../sys/a/file", 0, "inside" },
    { "missing", -ENOENT, NULL },
    { "sys/missing/file", -ENOENT, NULL },
    { "sys/a/file/below", -ENOTDIR, NULL },
    { "sys/a/file/..", -ENOTDIR, NULL },
    { "sys/a/file/", -ENOTDIR, NULL },
    { "sys/a", -EISDIR, NULL },
    { "", -EISDIR, NULL },
    { "..", -EISDIR, NULL },
    /* straight out */
    { "../outside/secret", -ENOENT, NULL },
    { "sys/../../outside/secret", -ENOENT, NULL },
    /* links that stay inside, seen from the root */
    { "abs", 0, "inside" },
    { "rel", 0, "inside" },
    { "deep/up", 0, "inside" },
    { "dir/file", 0, "inside" },
    { "dir/../a/file", 0, "inside" },
    { "chain", 0, "inside" },
    { "above", 0, "inside" },
    /* links that lead outside */
    { "absout", -ENOENT, NULL },
    { "relout", -ENOENT, NULL },
    { "deep/out", -ENOENT, NULL },
    { "dirout/secret", -ENOENT, NULL },
    { "top/outside/secret", -ENOENT, NULL },
    { "top/../outside/secret", -ENOENT, NULL },
    /* links to nowhere */
    { "loop", -ELOOP, NULL },
    { "ping", -ELOOP, NULL },
    { "ping/x", -ELOOP, NULL },
    { "dangling", -ENOENT, NULL },
};

static char *make_tree(char **ret_base)
{
    char *base = tree_new();
    char *root = NULL, *target = NULL;

    tree_write(base, "outside/secret", "secret");
    tree_write(base, "root/sys/a/file", "inside");
    tree_write(base, "root/deep/er/file", "deep");
    ck_assert_int_gt(asprintf(&root, "%s/root", base), 0);
    ck_assert_int_gt(asprintf(&target, "%s/outside", base), 0);

    tree_link(root, "abs", "/sys/a/file");
    tree_link(root, "rel", "sys/a/file");
    tree_link(root, "deep/up", "../sys/a/file");
    tree_link(root, "dir", "/sys/a");
    tree_link(root, "chain", "dir/../../abs");
    tree_link(root, "above", "../../../../../../sys/a/file");
    tree_link(root, "relout", "../outside/secret");
    tree_link(root, "deep/out", "../../../../outside/secret");
    tree_link(root, "dirout", target);
    tree_link(root, "top", "..");
    tree_link(root, "loop", "loop");
    tree_link(root, "ping", "pong");
    tree_link(root, "pong", "ping");
    tree_link(root, "dangling", "nowhere");
    free(target);
    ck_assert_int_gt(asprintf(&target, "%s/outside/secret", base), 0);
    tree_link(root, "absout", target);
    free(target);
    *ret_base = base;
    return root;
}

START_TEST(stays_inside)
{
    _cleanup_(tree_freep) char *base = NULL;
    _cleanup_free_ char *tree = make_tree(&base);
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = open_way(tree, (enum way)_i);

    if (!root)
        unit_skip("no seccomp filter can be loaded here");
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        _cleanup_free_ char *text = NULL;
        struct cpuctl_error error = { 0 };
        ssize_t n = cpuctl_root_read(root, paths[i].path, 100, &text, &error);

        ck_assert_msg(n == (paths[i].code ? paths[i].code : (ssize_t)strlen(paths[i].text)),
                      "way %d, \"%s\": %zd %s", _i, paths[i].path, n, error.text);
        if (n < 0) {
            ck_assert_int_eq(error.code, n);
            ck_assert_ptr_nonnull(strstr(error.text, tree));
            ck_assert_int_eq(root_exists(root, paths[i].path), n == -EISDIR  ? 1
                                                               : n == -ELOOP ? -ELOOP
                                                                             : 0);
        } else {
            ck_assert_str_eq(text, paths[i].text);
            ck_assert_int_eq(root_exists(root, paths[i].path), 1);
        }
    }
    if (_i != NATIVE)
        ck_assert(root->no_openat2);
}
END_TEST

START_TEST(directory_by_short_paths)
{
    _cleanup_(tree_freep) char *base = NULL;
    _cleanup_free_ char *tree = make_tree(&base);
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = open_way(tree, (enum way)_i);
    struct root_dir dir = { 0 }, other = { 0 };
    char text[16];

    if (!root)
        unit_skip("no seccomp filter can be loaded here");
    tree_link(tree, "sys/a/link", "file");
    tree_link(tree, "sys/a/out", "/../outside/secret");
    ck_assert_int_eq(root_dir_open(root, "sys/a", &dir), 0);
    ck_assert_int_eq(root_dir_read(&dir, "file", text, sizeof(text)), 6);
    ck_assert_str_eq(text, "inside");
    ck_assert_int_eq(root_dir_read(&dir, "link", text, sizeof(text)), 6);
    ck_assert_int_eq(root_dir_read(&dir, "../a/file", text, sizeof(text)), 6);
    ck_assert_int_eq(root_dir_read(&dir, "../../deep/er/file", text, sizeof(text)), 4);
    ck_assert_int_eq(root_dir_read(&dir, "out", text, sizeof(text)), -ENOENT);
    ck_assert_int_eq(root_dir_read(&dir, "../../../outside/secret", text, sizeof(text)), -ENOENT);
    ck_assert_int_eq(root_dir_read(&dir, "file/x", text, sizeof(text)), -ENOTDIR);
    ck_assert_int_eq(root_dir_read(&dir, "file", text, 6), -EFBIG);
    root_dir_close(&dir);
    root_dir_close(&dir);
    ck_assert_int_eq(root_dir_open(root, "missing", &other), -ENOENT);
    ck_assert_ptr_null(other.root);
}
END_TEST

/* A link that is nothing but a longer and longer path must not overrun anything. */
START_TEST(long_paths)
{
    _cleanup_(tree_freep) char *tree = tree_new();
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = open_way(tree, (enum way)_i);
    char longest[4200], target[4000];
    int r;

    if (!root)
        unit_skip("no seccomp filter can be loaded here");
    memset(longest, 'x', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    ck_assert_int_eq(root_exists(root, longest), -ENAMETOOLONG);
    longest[300] = '\0';
    ck_assert_int_eq(root_exists(root, longest), -ENAMETOOLONG);

    for (size_t i = 0; i + 2 < sizeof(target); i += 2)
        memcpy(target + i, "./", 3);
    tree_link(tree, "dots", target);
    ck_assert_int_eq(root_exists(root, "dots"), 1);
    for (size_t i = 0; i < 200; i++)
        memcpy(longest + 5 * i, "dots/", 6);
    /* 200 links, of which 40 are followed; or too long a path when it is put together before. */
    r = root_exists(root, longest);
    ck_assert_msg(r == -ELOOP || r == -ENAMETOOLONG, "%d", r);
}
END_TEST

START_TEST(values)
{
    _cleanup_(tree_freep) char *tree = tree_new();
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, false);
    _cleanup_(cpuctl_set_freep) struct cpuctl_set *set = NULL;
    struct cpuctl_error error = { 0 };
    int64_t value = 7;
    char text[8];

    tree_write(tree, "int", "-12\n");
    tree_write(tree, "word", "12x\n");
    tree_write(tree, "empty", "%s", "");
    tree_write(tree, "huge", "99999999999999999999\n");
    tree_write(tree, "list", "0-3,8\n");
    tree_write(tree, "mask", "00000001,0000000f\n");
    tree_write(tree, "bad", "0-3;8\n");

    ck_assert_int_eq(root_read_int(root, "int", &value), 0);
    ck_assert_int_eq(value, -12);
    ck_assert_int_eq(root_read_int(root, "word", &value), -EBADMSG);
    ck_assert_int_eq(root_read_int(root, "empty", &value), -EBADMSG);
    ck_assert_int_eq(root_read_int(root, "huge", &value), -EBADMSG);
    ck_assert_int_eq(root_read_int(root, "missing", &value), -ENOENT);
    ck_assert_int_eq(value, -12);

    ck_assert_int_eq(root_read_value(root, "int", text, sizeof(text)), 3);
    ck_assert_str_eq(text, "-12");
    ck_assert_int_eq(root_read_value(root, "empty", text, sizeof(text)), 0);
    ck_assert_str_eq(text, "");
    ck_assert_int_eq(root_read_value(root, "huge", text, sizeof(text)), -EFBIG);
    ck_assert_str_eq(text, "");

    ck_assert_int_eq(root_read_mask(root, "list", true, &set, &error), 0);
    ck_assert_uint_eq(cpuctl_set_count(set), 5);
    cpuctl_set_free(set);
    ck_assert_int_eq(root_read_mask(root, "mask", false, &set, &error), 0);
    ck_assert_uint_eq(cpuctl_set_count(set), 5);
    ck_assert(cpuctl_set_has(set, 32));
    ck_assert_int_eq(root_read_mask(root, "bad", true, &set, &error), -EBADMSG);
    ck_assert_uint_eq(error.position, 3);
    ck_assert_ptr_nonnull(strstr(error.text, "/bad: CPU list has \";\" at character 3"));
    ck_assert_int_eq(root_read_mask(root, "missing", true, &set, &error), -ENOENT);
}
END_TEST

START_TEST(sizes_are_bounded)
{
    _cleanup_(tree_freep) char *tree = tree_new();
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, false);
    _cleanup_free_ char *text = NULL;
    struct cpuctl_error error = { 0 };
    char path[64];

    tree_write(tree, "big", "%*s", 20000, "x");
    ck_assert_int_eq(cpuctl_root_read(root, "big", 19999, &text, &error), -EFBIG);
    ck_assert_ptr_nonnull(strstr(error.text, "19999"));
    ck_assert_ptr_null(text);
    ck_assert_int_eq(cpuctl_root_read(root, "big", 20000, &text, &error), 20000);
    ck_assert_uint_eq(strlen(text), 20000);

    /* Neither an endless file nor a pipe without a writer holds us up. */
    snprintf(path, sizeof(path), "%s/pipe", tree);
    ck_assert_int_eq(mkfifo(path, 0644), 0);
    ck_assert_int_eq(root_read_value(root, "pipe", path, sizeof(path)), 0);
    {
        _cleanup_(cpuctl_root_freep) struct cpuctl_root *live = tree_root("/", false);
        _cleanup_free_ char *zeros = NULL;

        /* qemu-user shows its -L directory as "/", which has no devices. */
        if (root_exists(live, "dev/zero") == 1)
            ck_assert_int_eq(cpuctl_root_read(live, "dev/zero", 100000, &zeros, NULL), -EFBIG);
    }
}
END_TEST

static int count_entry(const char *name, void *userdata)
{
    int *count = userdata;

    if (strcmp(name, "stop") == 0)
        return -ECANCELED;
    ck_assert_int_eq(name[0], 'e');
    ++*count;
    return 0;
}

START_TEST(lists)
{
    _cleanup_(tree_freep) char *tree = tree_new();
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, false);
    struct cpuctl_error error = { 0 };
    int count = 0;

    tree_write(tree, "dir/e1", "x");
    tree_write(tree, "dir/e2", "x");
    tree_write(tree, "dir/e3/f", "x");
    ck_assert_int_eq(root_list(root, "dir", count_entry, &count), 0);
    ck_assert_int_eq(count, 3);
    ck_assert_int_eq(cpuctl_root_list(root, "dir", count_entry, &count, &error), 0);
    ck_assert_int_eq(count, 6);
    ck_assert_int_eq(error.code, 0);
    ck_assert_int_eq(cpuctl_root_list(root, "none", count_entry, &count, &error), -ENOENT);
    ck_assert_ptr_nonnull(strstr(error.text, "/none: can not be listed"));
    ck_assert_int_eq(root_list(root, "dir/e1", count_entry, &count), -ENOTDIR);
    ck_assert_int_eq(root_list(root, "none", count_entry, &count), -ENOENT);
    tree_write(tree, "dir/stop", "x");
    ck_assert_int_eq(root_list(root, "dir", count_entry, &count), -ECANCELED);
}
END_TEST

START_TEST(changes)
{
    _cleanup_(tree_freep) char *base = NULL;
    _cleanup_free_ char *tree = make_tree(&base);
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *recorded = tree_root(tree, false);
    _cleanup_(cpuctl_root_freep) struct cpuctl_root *root = tree_root(tree, true);
    _cleanup_free_ char *text = NULL, *secret = NULL;

    ck_assert_int_eq(root_write(recorded, "sys/a/file", "1"), -EROFS);
    ck_assert_int_eq(root_open(recorded, "new", O_RDONLY | O_CREAT, 0644), -EROFS);
    ck_assert_int_eq(root_open(recorded, "sys/a/file", O_RDONLY | O_TRUNC, 0), -EROFS);
    for (int walking = 0; walking < 2; walking++) {
        int fd;

        root->no_openat2 = walking;
        ck_assert_int_eq(root_write(root, "abs", walking ? "2nside" : "1nside"), 0);
        ck_assert_int_eq(root_write(root, "missing", "1"), -ENOENT);
        ck_assert_int_eq(root_write(root, "relout", "1"), -ENOENT);
        ck_assert_int_eq(root_write(root, "dirout/secret", "1"), -ENOENT);
        ck_assert_int_eq(root_write(root, "sys/a", "1"), -EISDIR);

        fd = root_open(root, "sys/new", O_WRONLY | O_CREAT | O_EXCL, 0644);
        ck_assert_int_ge(fd, 0);
        close(fd);
        ck_assert_int_eq(root_open(root, "sys/new", O_WRONLY | O_CREAT | O_EXCL, 0644), -EEXIST);
        ck_assert_int_eq(root_open(root, "dangling", O_WRONLY | O_CREAT | O_EXCL, 0644), -EEXIST);
        tree_remove(tree, "sys/new");
    }
    text = tree_read(tree, "sys/a/file");
    ck_assert_str_eq(text, "2nside");
    secret = tree_read(base, "outside/secret");
    ck_assert_str_eq(secret, "secret");
}
END_TEST

START_TEST(opening)
{
    struct cpuctl_root *root = NULL;
    struct cpuctl_error error = { 0 };

    ck_assert_int_eq(cpuctl_root_open("/nonexistent", &root, &error), -ENOENT);
    ck_assert_ptr_nonnull(strstr(error.text, "\"/nonexistent\""));
    ck_assert_int_eq(cpuctl_root_open("/dev/null", &root, &error), -ENOTDIR);
    ck_assert_ptr_null(root);

    ck_assert_int_eq(cpuctl_root_open(NULL, &root, &error), 0);
    ck_assert(cpuctl_root_is_live(root));
    cpuctl_root_free(root);
    ck_assert_int_eq(cpuctl_root_open("//", &root, &error), 0);
    ck_assert(cpuctl_root_is_live(root));
    cpuctl_root_free(root);
    ck_assert_int_eq(cpuctl_root_open("/tmp/", &root, &error), 0);
    ck_assert(!cpuctl_root_is_live(root));
    cpuctl_root_free(root);
    cpuctl_root_free(NULL);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("root");
    TCase *confined = tcase_create("confined"), *content = tcase_create("content");

    tcase_add_loop_test(confined, stays_inside, 0, WAYS);
    tcase_add_loop_test(confined, directory_by_short_paths, 0, WAYS);
    tcase_add_loop_test(confined, long_paths, 0, WAYS);
    tcase_add_test(content, values);
    tcase_add_test(content, sizes_are_bounded);
    tcase_add_test(content, lists);
    tcase_add_test(content, changes);
    tcase_add_test(content, opening);
    suite_add_tcase(suite, confined);
    suite_add_tcase(suite, content);
    return suite;
}
