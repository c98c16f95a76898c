/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The document as text, quoted as libvirt quotes it: attributes in apostrophes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "definition-internal.h"

static void write_escaped(FILE *out, const char *text, bool in_attribute)
{
    for (; text && *text; text++) {
        if (*text == '&')
            fputs("&amp;", out);
        else if (*text == '<')
            fputs("&lt;", out);
        else if (*text == '>')
            fputs("&gt;", out);
        else if (*text == '\'' && in_attribute)
            fputs("&apos;", out);
        else if (*text == '\r' || (in_attribute && (*text == '\n' || *text == '\t')))
            fprintf(out, "&#%d;", *text); /* a reader would make a space of it */
        else
            fputc(*text, out);
    }
}

static void write_name(FILE *out, const xmlNs *ns, const xmlChar *name)
{
    if (ns && ns->prefix)
        fprintf(out, "%s:", (const char *)ns->prefix);
    fputs((const char *)name, out);
}

static void write_attributes(FILE *out, const xmlNode *node)
{
    for (const xmlNs *ns = node->nsDef; ns; ns = ns->next) {
        fprintf(out, ns->prefix ? " xmlns:%s='" : " xmlns%s='",
                ns->prefix ? (const char *)ns->prefix : "");
        write_escaped(out, (const char *)ns->href, true);
        fputc('\'', out);
    }
    for (const xmlAttr *a = node->properties; a; a = a->next) {
        xmlChar *value = xmlNodeListGetString(node->doc, a->children, 1);

        fputc(' ', out);
        write_name(out, a->ns, a->name);
        fputs("='", out);
        write_escaped(out, (const char *)value, true);
        fputc('\'', out);
        xmlFree(value);
    }
}

/* What is no element. */
static void write_other(FILE *out, const xmlNode *node)
{
    const char *text = (const char *)node->content;

    if (node->type == XML_TEXT_NODE)
        write_escaped(out, text, false);
    else if (node->type == XML_CDATA_SECTION_NODE)
        fprintf(out, "<![CDATA[%s]]>", text ? text : "");
    else if (node->type == XML_COMMENT_NODE)
        fprintf(out, "<!--%s-->", text ? text : "");
    else if (node->type == XML_PI_NODE)
        fprintf(out, "<?%s %s?>", (const char *)node->name, text ? text : "");
}

static void write_node(FILE *out, const xmlNode *node)
{
    if (node->type != XML_ELEMENT_NODE) {
        write_other(out, node);
        return;
    }
    fputc('<', out);
    write_name(out, node->ns, node->name);
    write_attributes(out, node);
    if (!node->children) {
        fputs("/>", out);
        return;
    }
    fputc('>', out);
    for (const xmlNode *child = node->children; child; child = child->next)
        write_node(out, child);
    fputs("</", out);
    write_name(out, node->ns, node->name);
    fputc('>', out);
}

/* The root with id='…' behind its type, for as long as it is written. */
static void write_root(FILE *out, xmlNode *root, int id)
{
    char number[16];

    if (id > 0) {
        snprintf(number, sizeof(number), "%d", id);
        xmlNewProp(root, (const xmlChar *)"id", (const xmlChar *)number);
    }
    write_node(out, root);
    fputc('\n', out);
    xmlUnsetProp(root, (const xmlChar *)"id");
}

char *definition_format(const struct definition *definition, int id, size_t *ret_size)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    bool failed;

    if (!out)
        return NULL;
    for (xmlNode *node = ((xmlDoc *)definition->document)->children; node; node = node->next) {
        if (node->type == XML_ELEMENT_NODE) {
            write_root(out, node, id);
        } else if (node->type == XML_COMMENT_NODE) {
            write_other(out, node);
            fputc('\n', out);
        }
    }
    failed = ferror(out);
    if (fclose(out) != 0 || failed) {
        free(text);
        return NULL;
    }
    if (ret_size)
        *ret_size = size;
    return text;
}
