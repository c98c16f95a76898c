/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records of /dev/kmsg (Documentation/ABI/testing/dev-kmsg): what the kernel says about one CPU. */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cleanup.h"
#include "kmsg.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool kmsg_parse(const char *record, size_t size, const char **ret_message, size_t *ret_length)
{
    const char *semicolon = memchr(record, ';', size), *message, *end;
    unsigned int numbers = 0;

    if (!semicolon)
        return false;
    /* priority, sequence and time are decimal; what follows them may grow */
    for (const char *p = record; numbers < 3; numbers++, p++) {
        const char *digits = p;

        while (p < semicolon && is_digit(*p))
            p++;
        if (p == digits || *p != ',')
            return false;
    }
    message = semicolon + 1;
    end = memchr(message, '\n', size - (size_t)(message - record));
    *ret_message = message;
    *ret_length = end ? (size_t)(end - message) : size - (size_t)(message - record);
    return true;
}

/**
 * Whether @text (of @length, not terminated) goes on with a CPU number after the word "CPU" or its
 * like. Returns -1 for no, else the number, cut at INT_MAX.
 */
static long number_after_word(const char *text, size_t length)
{
    size_t i = 0;
    long number = 0;

    if (i < length && strchr(" #/", text[i]) && text[i])
        i++;
    if (i >= length || !is_digit(text[i]))
        return -1;
    for (; i < length && is_digit(text[i]); i++)
        number = number > 0xffffff ? number : number * 10 + (text[i] - '0');
    return number;
}

/** How often @message names a CPU; @ret_named: whether @cpu is among them. */
static unsigned int cpus_named(const char *message, size_t length, unsigned int cpu,
                               bool *ret_named)
{
    static const char *const words[] = { "cpu", "cpuhp", "processor" };
    unsigned int names = 0;

    *ret_named = false;
    for (size_t i = 0; i < length; i++) {
        if (i > 0 && isalnum((unsigned char)message[i - 1]))
            continue;
        for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++) {
            size_t word = strlen(words[w]);
            long number;

            if (length - i < word || strncasecmp(message + i, words[w], word) != 0)
                continue;
            number = number_after_word(message + i + word, length - i - word);
            if (number < 0)
                continue;
            names++;
            if ((unsigned long)number == cpu)
                *ret_named = true;
        }
    }
    return names;
}

bool kmsg_is_about(const char *message, size_t length, unsigned int cpu)
{
    static const char smpboot[] = "smpboot:";
    bool named;

    if (cpus_named(message, length, cpu, &named) > 0)
        return named;
    return length >= strlen(smpboot) && strncmp(message, smpboot, strlen(smpboot)) == 0;
}

int kmsg_mark(int fd)
{
    return lseek(fd, 0, SEEK_END) < 0 ? -errno : 0;
}

/** Appends a line to the text of *size bytes, cut to the room that there is. */
static void append_line(char *text, size_t *size, const char *line, size_t length)
{
    size_t room = KMSG_TEXT_MAX - 1 - *size;

    if (*size > 0 && room > 0) {
        text[(*size)++] = '\n';
        room--;
    }
    if (length > room)
        length = room;
    memcpy(text + *size, line, length);
    *size += length;
    text[*size] = '\0';
}

int kmsg_collect(int fd, unsigned int cpu, char **ret_text)
{
    _cleanup_free_ char *text = NULL;
    char record[KMSG_RECORD_MAX];
    unsigned int lines = 0;
    size_t size = 0;

    for (unsigned int i = 0; i < KMSG_RECORDS_MAX && lines < KMSG_LINES_MAX; i++) {
        ssize_t n = read(fd, record, sizeof(record));
        const char *message;
        size_t length;

        if (n < 0 && (errno == EPIPE || errno == EINTR))
            continue; /* EPIPE: records were overwritten, the next one is the oldest left */
        if (n < 0 && errno != EAGAIN)
            return -errno;
        if (n <= 0)
            break;
        if (!kmsg_parse(record, (size_t)n, &message, &length) ||
            !kmsg_is_about(message, length, cpu))
            continue;
        if (!text) {
            text = calloc(1, KMSG_TEXT_MAX);
            if (!text)
                return -ENOMEM;
        }
        append_line(text, &size, message, length);
        lines++;
    }
    if (!text)
        return 0;
    *ret_text = TAKE_PTR(text);
    return 1;
}
