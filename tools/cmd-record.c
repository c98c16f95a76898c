/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `cpuctl record`: this machine as a tar file that --sysroot reads after it was unpacked. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "tools/archive.h"
#include "tools/interrupt.h"
#include "tools/record.h"
#include "tools/scrub.h"

/** The largest file that is recorded: cpuinfo has about 1.5 KiB a CPU, here of 8192 CPUs. */
#define FILE_LIMIT (16U << 20)

static const struct option options[] = {
    { "force", no_argument, NULL, 'f' },
    TOOL_LONG_OPTIONS,
};

static void help(void)
{
    fputs(
        "Usage: cpuctl record [OPTION…] FILE.tar\n"
        "Record what this machine tells of its CPUs in a tar file: the files of /sys and /proc\n"
        "that cpuctl and lscpu read, and on x86 the CPUID leaves. Unpacked, it is read with\n"
        "--sysroot. Serial numbers and names of the machine are overwritten. FILE may end in .gz,\n"
        ".tgz or .xz, or be - for standard output.\n"
        "\n"
        "Options:\n"
        "  -f, --force           replace FILE if it exists\n" TOOL_HELP_OPTIONS,
        stdout);
}

/** One recording. */
struct recording {
    const struct tool *tool;
    struct archive_out *archive;
    struct cpuctl_error error;
    char *notes; /**< the text of file "record": where it comes from and what is missing */
    size_t notes_size;
    FILE *notes_stream;
    unsigned int n_files;
};

static void recording_release(struct recording *recording)
{
    if (recording->notes_stream)
        fclose(recording->notes_stream);
    free(recording->notes);
    archive_out_free(recording->archive);
}

/** Whether a file that can't be read is worth a word: directories and vanished ones are not. */
static bool is_noteworthy(int code)
{
    return code != -EISDIR && code != -ENOENT && code != -ENOTDIR && code != -ENODEV;
}

static int record_file(const char *path, void *userdata)
{
    struct recording *recording = userdata;
    struct cpuctl_error error = { 0 };
    _cleanup_free_ char *text = NULL;
    ssize_t n;
    int r;

    if (interrupt_pending())
        return -EINTR;
    n = cpuctl_root_read(recording->tool->root, path, FILE_LIMIT, &text, &error);
    if (n < 0) {
        if (is_noteworthy((int)n)) {
            tool_error(recording->tool, "not recorded: /%s: %s", path, strerror((int)-n));
            fprintf(recording->notes_stream, "not recorded: %s: %s\n", path, strerror((int)-n));
        }
        return n == -ENOMEM ? -ENOMEM : 0;
    }
    r = archive_out_add(recording->archive, path, text, scrub(path, text, (size_t)n),
                        &recording->error);
    if (r >= 0)
        recording->n_files++;
    return r;
}

/** Adds a file that older kernels don't have: @text is what it would have. */
static int record_missing(struct recording *recording, const char *path, const char *text)
{
    _cleanup_free_ char *found = NULL;
    _cleanup_free_ char *line = NULL;
    int n;

    if (cpuctl_root_read(recording->tool->root, path, FILE_LIMIT, &found, NULL) >= 0)
        return 0;
    n = asprintf(&line, "%s\n", text);
    if (n < 0) {
        line = NULL;
        return -ENOMEM;
    }
    return archive_out_add(recording->archive, path, line, (size_t)n, &recording->error);
}

/** Adds the CPUID leaves. */
static int record_cpuid(struct recording *recording)
{
    _cleanup_(cpuctl_state_freep) struct cpuctl_state *state = NULL;
    struct cpuctl_error error = { 0 };
    _cleanup_free_ char *cpuid = NULL;
    int r = cpuctl_state_read(recording->tool->root, &state, &recording->error);

    if (r < 0)
        return r;
    r = cpuctl_cpuid_dump(cpuctl_state_get(state, CPUCTL_ONLINE), &cpuid, &error);
    if (r == -EOPNOTSUPP)
        return 0;
    if (r < 0) {
        tool_error(recording->tool, "not recorded: CPUID: %s", error.text);
        fprintf(recording->notes_stream, "not recorded: CPUID: %s\n", error.text);
        return 0;
    }
    return archive_out_add(recording->archive, "cpuid", cpuid, strlen(cpuid), &recording->error);
}

/** Adds what the live machine tells otherwise than by files. */
static int record_extra(struct recording *recording)
{
    struct utsname uts;
    int r;

    if (!cpuctl_root_is_live(recording->tool->root))
        return record_file("cpuid", recording); /* a copy of a recording */
    if (uname(&uts) < 0)
        return -errno;
    r = record_missing(recording, "proc/sys/kernel/arch", uts.machine); /* from Linux 6.1 on */
    if (r >= 0)                                                         /* from Linux 6.2 on */
        r = record_missing(recording, "sys/kernel/cpu_byteorder",
                           __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? "little" : "big");
    return r < 0 ? r : record_cpuid(recording);
}

/** Adds the notes as file "record". */
static int record_notes(struct recording *recording)
{
    if (fflush(recording->notes_stream) != 0)
        return -ENOMEM;
    return archive_out_add(recording->archive, "record", recording->notes, recording->notes_size,
                           &recording->error);
}

static int record(struct recording *recording)
{
    struct utsname uts;
    int r;

    recording->notes_stream = open_memstream(&recording->notes, &recording->notes_size);
    if (!recording->notes_stream)
        return -ENOMEM;
    fprintf(recording->notes_stream, "recorded by: cpuctl %s\n", PACKAGE_VERSION);
    if (cpuctl_root_is_live(recording->tool->root) && uname(&uts) == 0)
        fprintf(recording->notes_stream, "kernel: %s %s\n", uts.sysname, uts.machine);
    r = record_walk(recording->tool->root, record_file, recording, &recording->error);
    if (r >= 0)
        r = record_extra(recording);
    if (r >= 0)
        r = record_notes(recording);
    if (r >= 0)
        r = archive_out_commit(recording->archive, &recording->error);
    return r;
}

/** Records into @path. Returns the exit code. */
static int run(const struct tool *tool, const char *path, bool replace)
{
    _cleanup_(recording_release) struct recording recording = { .tool = tool };
    int r = archive_out_open(path, replace, &recording.archive, &recording.error);

    if (r >= 0)
        r = interrupt_catch();
    if (r >= 0)
        r = record(&recording);
    if (r == -EINTR)
        tool_error(tool, "interrupted: nothing was recorded");
    else if (r < 0)
        tool_error(tool, "%s", *recording.error.text ? recording.error.text : strerror(-r));
    else if (strcmp(path, "-") != 0)
        printf("%u files recorded in %s\n", recording.n_files, path);
    return r < 0 ? EXIT_NONE : EXIT_ALL;
}

int cmd_record(struct tool *tool, int argc, char **argv)
{
    bool replace = false;
    int c, code;

    while ((c = getopt_long(argc, argv, "f" TOOL_SHORT_OPTIONS, options, NULL)) >= 0)
        switch (c) {
        case 'f':
            replace = true;
            break;
        default:
            code = tool_option(tool, c, help);
            if (code != TOOL_READ_ON)
                return code;
        }
    if (optind == argc) {
        tool_error(tool, "the name of the file is missing");
        return tool_usage(tool);
    }
    if (optind + 1 < argc)
        return tool_surplus(tool, argv[optind + 1]);
    if (strcmp(argv[optind], "-") == 0 && isatty(STDOUT_FILENO)) {
        tool_error(tool, "a tar file is not written to a terminal; name a file");
        return EXIT_NONE;
    }
    return tool_open(tool) < 0 ? EXIT_NONE : run(tool, argv[optind], replace);
}
