/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading a config file: the syntax of qemu-ga.conf (the Desktop Entry form), strictly. */
#include "agent/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libcpuctl/cleanup.h"
#include "libcpuctl/cpuctl.h"

static int read_file(const char *file, char **ret_text, size_t *ret_size,
                     struct cpuctl_error *error)
{
    _cleanup_free_ char *text = NULL;
    _cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    size_t size = 0;
    struct stat st;

    if (fd < 0)
        return cpuctl_error_set(error, -errno, "%s: %s", file, strerror(errno));
    if (fstat(fd, &st) < 0)
        return cpuctl_error_set(error, -errno, "%s: %s", file, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return cpuctl_error_set(error, -EISDIR, "%s: is a directory", file);
    text = malloc(CONFIG_FILE_LIMIT + 1);
    if (!text)
        return cpuctl_error_set(error, -ENOMEM, "%s: out of memory", file);
    for (;;) {
        ssize_t n = read(fd, text + size, CONFIG_FILE_LIMIT + 1 - size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return cpuctl_error_set(error, -errno, "%s: %s", file, strerror(errno));
        if (n == 0)
            break;
        size += (size_t)n;
        if (size > CONFIG_FILE_LIMIT)
            return cpuctl_error_set(error, -EFBIG, "%s: has more than %u bytes (our own limit)",
                                    file, CONFIG_FILE_LIMIT);
    }
    text[size] = '\0';
    *ret_text = TAKE_PTR(text);
    *ret_size = size;
    return 0;
}

/* The text without white space around it; changes it. */
static char *strip(char *text)
{
    size_t length;

    text += strspn(text, " \t\r");
    length = strlen(text);
    while (length > 0 && strchr(" \t\r", text[length - 1]))
        length--;
    text[length] = '\0';
    return text;
}

/* One line; @in_general: whether a line [general] was seen. */
static int take_line(struct config *config, char *line, const char *where, bool *in_general,
                     struct cpuctl_error *error)
{
    char *value;

    line = strip(line);
    if (!*line || *line == '#' || *line == ';')
        return 0;
    if (*line == '[') {
        if (strcmp(line, "[general]") != 0)
            return cpuctl_error_set(error, -EINVAL, "%s: group %.64s, the only one is [general]",
                                    where, line);
        *in_general = true;
        return 0;
    }
    value = strchr(line, '=');
    if (!value)
        return cpuctl_error_set(error, -EINVAL, "%s: \"%.64s\" is not of the form key = value",
                                where, line);
    *value++ = '\0';
    if (!*in_general)
        return cpuctl_error_set(error, -EINVAL,
                                "%s: key \"%.64s\" stands before the group [general]", where,
                                strip(line));
    return config_set(config, strip(line), strip(value), where, error);
}

int config_parse(struct config *config, char *text, size_t size, const char *name,
                 struct cpuctl_error *error)
{
    bool in_general = false;
    unsigned int number = 1;

    for (char *line = text; line < text + size;) {
        char *end = memchr(line, '\n', size - (size_t)(line - text));
        char where[300];
        int r;

        if (!end)
            end = text + size;
        snprintf(where, sizeof(where), "%.250s: line %u", name, number++);
        if (memchr(line, '\0', (size_t)(end - line)))
            return cpuctl_error_set(error, -EINVAL, "%s: has a NUL byte", where);
        *end = '\0';
        r = take_line(config, line, where, &in_general, error);
        /* an unknown key is not to be taken for a missing file */
        if (r == -ENOENT)
            r = -EINVAL;
        if (r < 0 && error)
            error->code = r;
        if (r < 0)
            return r;
        line = end + 1;
    }
    return 0;
}

int config_load(struct config *config, const char *file, bool optional, struct cpuctl_error *error)
{
    _cleanup_free_ char *text = NULL;
    size_t size = 0;
    int r;

    r = read_file(file, &text, &size, error);
    if (r == -ENOENT && optional)
        return 0;
    return r < 0 ? r : config_parse(config, text, size, file, error);
}
