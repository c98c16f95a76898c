/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The cache lines of s390's /proc/cpuinfo. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cpuinfo.h"

/** s390 has caches of levels 1 to 4; other kinds than these are not described. */
static const struct kind {
    const char *type;
    const char *names[5]; /* by level */
} kinds[] = {
    { "Data", { NULL, "L1d", "L2d", "L3d", "L4d" } },
    { "Instruction", { NULL, "L1i", "L2i", "L3i", "L4i" } },
    { "Unified", { NULL, "L1", "L2", "L3", "L4" } },
};

/** The text after "@key=" in @line, where the key begins a word; or NULL. */
static const char *find(const char *line, const char *key)
{
    size_t length = strlen(key);

    for (const char *at = line; (at = strstr(at, key)); at += length)
        if ((at == line || at[-1] == ' ') && at[length] == '=')
            return at + length + 1;
    return NULL;
}

/** Whether @text begins with the whole word @word. */
static bool is_word(const char *text, const char *word)
{
    size_t length = strlen(word);

    return !strncmp(text, word, length) && (text[length] == ' ' || !text[length]);
}

/** A number after "@key=", at most @max. Returns a truth value. */
static bool find_number(const char *line, const char *key, uint64_t max, uint64_t *ret_number)
{
    const char *text = find(line, key);
    char *end;
    unsigned long long number;

    if (!text || *text < '0' || *text > '9')
        return false;
    number = strtoull(text, &end, 10);
    if (number > max)
        return false;
    *ret_number = number;
    return true;
}

int cpuinfo_parse_cache(const char *value, struct cpuctl_cache *ret_cache)
{
    const char *scope = find(value, "scope"), *type = find(value, "type");
    uint64_t level, size, line_size, ways, sets;

    if (!scope || !type || is_word(scope, "Private"))
        return 0;
    if (!find_number(value, "level", 4, &level) || level == 0 ||
        !find_number(value, "size", UINT64_MAX / 1024, &size) ||
        !find_number(value, "line_size", UINT32_MAX, &line_size) ||
        !find_number(value, "associativity", UINT32_MAX, &ways))
        return 0;
    sets = line_size && ways ? size * 1024 / line_size / ways : 0;
    if (sets > UINT32_MAX)
        return 0;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        if (!is_word(type, kinds[i].type))
            continue;
        *ret_cache = (struct cpuctl_cache){
            .name = kinds[i].names[level],
            .level = (unsigned int)level,
            .type = kinds[i].type,
            .id = -1,
            .size = size * 1024,
            .ways = (unsigned int)ways,
            .sets = (unsigned int)sets,
            .line_size = (unsigned int)line_size,
        };
        return 1;
    }
    return 0;
}
