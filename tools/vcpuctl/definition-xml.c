/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Small doors to libxml2: children, attributes, texts and numbers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "definition-internal.h"

static xmlNode *first_of(xmlNode *node, const char *name)
{
    while (node && !node_is(node, name))
        node = node->next;
    return node;
}

xmlNode *node_child(const xmlNode *parent, const char *name)
{
    return parent ? first_of(parent->children, name) : NULL;
}

xmlNode *node_next(const xmlNode *node, const char *name)
{
    return first_of(node->next, name);
}

/* A copy of @text, which libxml2 allocated and which is freed, without the white space around it.
 */
static char *trim(xmlChar *text)
{
    static const char white[] = " \t\r\n";
    const char *begin = (const char *)text;
    char *copy = NULL;

    if (begin) {
        size_t length;

        begin += strspn(begin, white);
        length = strlen(begin);
        while (length > 0 && strchr(white, begin[length - 1]))
            length--;
        copy = strndup(begin, length);
    }
    xmlFree(text);
    return copy;
}

char *node_attribute(const xmlNode *node, const char *name)
{
    return node ? trim(xmlGetNoNsProp(node, (const xmlChar *)name)) : NULL;
}

char *node_text(const xmlNode *node)
{
    return node ? trim(xmlNodeGetContent(node)) : NULL;
}

int number_parse(const char *text, uint64_t max, uint64_t *ret_number)
{
    unsigned long long value;
    char *end;

    if (!text)
        return 0;
    errno = 0;
    value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || value > max)
        return -ERANGE;
    *ret_number = value;
    return 1;
}

int node_number(const xmlNode *node, const char *name, unsigned int max, unsigned int *ret_number,
                struct cpuctl_error *error)
{
    _cleanup_free_ char *text = node_attribute(node, name);
    uint64_t value;
    int r = number_parse(text, max, &value);

    if (r < 0)
        return cpuctl_error_set(error, -EINVAL,
                                "XML error: Invalid value for attribute '%s' in element '%s': "
                                "'%.64s'. Expected integer value of 0 to %u",
                                name, (const char *)node->name, text, max);
    if (r > 0)
        *ret_number = (unsigned int)value;
    return r;
}
