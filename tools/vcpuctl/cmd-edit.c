/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* edit: a definition in the operator's editor. Nonsense is refused and can be edited again. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "domain-commands.h"
#include "output.h"

struct edit {
    struct tool *tool;
    struct domain *domain;
    char *path;     /**< the file that is edited; NULL: there is none */
    char *original; /**< the definition when editing began */
};

static int open_temporary(struct edit *edit, struct cpuctl_error *error)
{
    const char *folder = secure_getenv("TMPDIR");
    _cleanup_free_ char *path =
        path_join(folder && *folder ? folder : "/tmp", "vcpuctl-XXXXXX", ".xml");
    int fd;

    if (!path)
        return cpuctl_error_set(error, -ENOMEM, "memory is short");
    fd = mkostemps(path, 4, O_CLOEXEC);
    if (fd < 0)
        return cpuctl_error_set(error, -errno, "mkostemps: failed to create temporary file %s: %s",
                                path, strerror(errno));
    close(fd);
    edit->path = TAKE_PTR(path);
    return file_write(edit->path, edit->original, strlen(edit->original), 0600, error);
}

/* Runs the editor, whose name may be followed by options, as a shell does it. */
static int run_editor(const char *path, struct cpuctl_error *error)
{
    const char *editor = getenv("VISUAL");
    int status;
    pid_t pid;

    if (!editor || !*editor)
        editor = getenv("EDITOR");
    if (!editor || !*editor)
        editor = "vi";
    fflush(stdout);
    pid = fork();
    if (pid < 0)
        return cpuctl_error_set(error, -errno, "cannot start the editor: %s", strerror(errno));
    if (pid == 0) {
        _cleanup_free_ char *command = NULL;

        if (asprintf(&command, "exec %s \"$1\"", editor) >= 0)
            execl("/bin/sh", "sh", "-c", command, "sh", path, NULL);
        _exit(127);
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return cpuctl_error_set(error, -errno, "cannot wait for the editor: %s",
                                    strerror(errno));
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return cpuctl_error_set(error, -ECANCELED, "the editor '%s' failed; nothing is changed",
                                editor);
    return 0;
}

/* Puts what was written in the place of the definition. Returns 1, 0 (nothing was changed), or a
 * negative errno. */
static int apply(struct edit *edit, struct cpuctl_error *error)
{
    _cleanup_(definition_freep) struct definition *definition = NULL;
    _cleanup_free_ char *text = NULL, *now = NULL;
    struct domain *domain = edit->domain;
    size_t size;
    int r = file_read(edit->path, DEFINITION_SIZE_MAX, &text, &size, error);

    if (r < 0)
        return r;
    if (strcmp(text, edit->original) == 0)
        return 0;
    r = definition_parse(text, size, "(domain_definition)", &definition, error);
    if (r < 0)
        return r;
    if (strcmp(definition->name, domain->name) != 0)
        return cpuctl_error_set(error, -EINVAL,
                                "operation failed: domain '%s' is already defined with uuid %s",
                                domain->name, domain->uuid);
    if (strcmp(definition->uuid, domain->uuid) != 0)
        return cpuctl_error_set(error, -EINVAL,
                                "operation failed: domain '%s' already exists with uuid %s",
                                domain->name, domain->uuid);
    r = domain_lock(domain, DOMAIN_LOCK_CHANGE, DOMAIN_LOCK_TIMEOUT, error);
    r = r < 0 ? r : domain_need_config(domain, error);
    if (r == 0) {
        now = definition_format(domain->config, 0, NULL);
        if (!now)
            r = cpuctl_error_set(error, -ENOMEM, "memory is short");
        else if (strcmp(now, edit->original) != 0)
            r = cpuctl_error_set(error, -EBUSY,
                                 "the XML configuration was changed by another user");
    }
    if (r == 0) {
        definition_free(domain->config);
        domain->config = TAKE_PTR(definition);
        r = domain_save_config(domain, error);
    }
    domain_unlock(domain, DOMAIN_LOCK_CHANGE);
    return r < 0 ? r : 1;
}

/* Whether the operator wants to have another look; without a terminal nobody can be asked. */
static bool ask_again(void)
{
    char line[16];

    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return false;
    for (;;) {
        fprintf(stderr, "Failed. Try again? [y,n,?]: ");
        if (!fgets(line, sizeof(line), stdin) || line[0] == 'n' || line[0] == 'N')
            return false;
        if (line[0] == 'y' || line[0] == 'Y')
            return true;
        fprintf(stderr, "y - yes, start editor again\nn - no, throw away my changes\n");
    }
}

static int edit_loop(struct edit *edit)
{
    for (;;) {
        struct cpuctl_error error = { 0 };
        int r = run_editor(edit->path, &error);

        if (r < 0)
            return output_failure(&error, NULL);
        r = apply(edit, &error);
        if (r == 0) {
            output_message(edit->tool, "Domain '%s' XML configuration not changed.",
                           edit->domain->name);
            return EXIT_DONE;
        }
        if (r > 0) {
            output_message(edit->tool, "Domain '%s' XML configuration edited.", edit->domain->name);
            return EXIT_DONE;
        }
        output_failure(&error, NULL);
        if (!ask_again())
            return EXIT_FAILED;
    }
}

int cmd_edit(struct tool *tool, const struct arguments *arguments)
{
    _cleanup_(domain_freep) struct domain *domain = NULL;
    _cleanup_free_ char *original = NULL;
    struct edit edit = { .tool = tool };
    struct cpuctl_error error = { 0 };
    int r = command_find_domain(tool, arguments, &domain);

    if (r != EXIT_DONE)
        return r;
    if (domain_need_config(domain, &error) < 0)
        return output_failure(&error, NULL);
    original = definition_format(domain->config, 0, NULL);
    if (!original)
        return output_error("memory is short");
    edit.domain = domain;
    edit.original = original;
    r = open_temporary(&edit, &error) < 0 ? output_failure(&error, NULL) : edit_loop(&edit);
    if (edit.path)
        unlink(edit.path);
    free(edit.path);
    return r;
}
