/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Setters: each changes a copy of the document and reads it; only when that is a correct definition
 * does it take the old one's place.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "definition-read.h"

/* A copy of @d to work on; NULL: memory is short. */
static struct definition *begin(const struct definition *d, xmlNode **ret_root,
                                struct cpuctl_error *error)
{
    struct definition *copy = definition_dup(d);

    if (!copy)
        no_memory(error);
    else
        *ret_root = xmlDocGetRootElement(copy->document);
    return copy;
}

/* Puts @copy, whose document was changed, in the place of @d; releases what is left. */
static int finish(struct definition *d, struct definition *copy, int r, struct cpuctl_error *error)
{
    if (r == 0)
        r = definition_read(copy, error);
    if (r == 0) {
        struct definition old = *d;

        *d = *copy;
        *copy = old;
    }
    definition_free(copy);
    return r;
}

/* A number as an attribute. */
static int set_number(xmlNode *node, const char *name, unsigned int value)
{
    char text[16];

    snprintf(text, sizeof(text), "%u", value);
    return xmlSetProp(node, (const xmlChar *)name, (const xmlChar *)text) ? 0 : -ENOMEM;
}

static int set_word(xmlNode *node, const char *name, const char *value)
{
    return xmlSetProp(node, (const xmlChar *)name, (const xmlChar *)value) ? 0 : -ENOMEM;
}

/* How many elements @node is below the root. */
static unsigned int depth_of(const xmlNode *node)
{
    unsigned int depth = 0;

    while (node->parent && node->parent->type == XML_ELEMENT_NODE) {
        node = node->parent;
        depth++;
    }
    return depth;
}

static xmlNode *indent(unsigned int depth)
{
    char text[64];

    snprintf(text, sizeof(text), "\n%*s", (int)(2 * depth), "");
    return xmlNewText((const xmlChar *)text);
}

/* A new last child, on a line of its own; NULL: memory is short. */
static xmlNode *append_child(xmlNode *parent, const char *name)
{
    xmlNode *last = xmlGetLastChild(parent), *node, *space;
    bool has_line = last && last->type == XML_TEXT_NODE;

    space = has_line ? last : indent(depth_of(parent));
    if (space && !has_line)
        space = xmlAddChild(parent, space);
    node = xmlNewNode(NULL, (const xmlChar *)name);
    if (!space || !node || !xmlAddPrevSibling(space, node)) {
        xmlFreeNode(node);
        return NULL;
    }
    /* The line that ended the parent's text now stands behind the new one; one before it. */
    space = indent(depth_of(node));
    if (space)
        xmlAddPrevSibling(node, space);
    /* libxml2 merges texts: "\n" and indentation of the last line stay once. */
    if (has_line && node->prev && node->prev->prev && node->prev->prev->type == XML_TEXT_NODE) {
        xmlNode *doubled = node->prev->prev;

        xmlUnlinkNode(doubled);
        xmlFreeNode(doubled);
    }
    return node;
}

/* A new sibling behind @node, on a line of its own. */
static xmlNode *append_sibling(xmlNode *node, const char *name)
{
    xmlNode *space = indent(depth_of(node)), *added = xmlNewNode(NULL, (const xmlChar *)name);

    if (!space || !added || !xmlAddNextSibling(node, added)) {
        xmlFreeNode(space);
        xmlFreeNode(added);
        return NULL;
    }
    xmlAddPrevSibling(added, space);
    return added;
}

/* Takes @node away, and the line's indentation before it. */
static void drop(xmlNode *node)
{
    xmlNode *before = node->prev;

    if (before && before->type == XML_TEXT_NODE && xmlIsBlankNode(before)) {
        xmlUnlinkNode(before);
        xmlFreeNode(before);
    }
    xmlUnlinkNode(node);
    xmlFreeNode(node);
}

static bool has_elements(const xmlNode *node)
{
    for (const xmlNode *child = node->children; child; child = child->next)
        if (child->type == XML_ELEMENT_NODE)
            return true;
    return false;
}

int definition_set_uuid(struct definition *d, const char *uuid, struct cpuctl_error *error)
{
    xmlNode *root, *node;
    struct definition *copy = begin(d, &root, error);

    if (!copy)
        return -ENOMEM;
    node = node_child(root, "uuid");
    if (!node)
        node = append_sibling(node_child(root, "name"), "uuid");
    if (node)
        xmlNodeSetContent(node, (const xmlChar *)uuid);
    return finish(d, copy, node ? 0 : no_memory(error), error);
}

/* The element <vcpu>, made where there is none (one vCPU). */
static xmlNode *vcpu_element(xmlNode *root)
{
    xmlNode *node = node_child(root, "vcpu");

    if (node)
        return node;
    node = append_child(root, "vcpu");
    if (node)
        xmlNodeSetContent(node, (const xmlChar *)"1");
    return node;
}

/*
 * Writes which vCPUs there are: <vcpu current>, and <vcpus> where that doesn't say all of it.
 */
static int write_vcpus(xmlNode *root, const struct definition_vcpu *vcpus, unsigned int max)
{
    xmlNode *counts = vcpu_element(root), *each = node_child(root, "vcpus");
    unsigned int current = 0;
    bool simple = true;
    int r = 0;

    for (unsigned int i = 0; i < max; i++) {
        simple = simple && !vcpus[i].hotpluggable && (!vcpus[i].enabled || current == i);
        current += vcpus[i].enabled;
    }
    if (!counts)
        return -ENOMEM;
    if (current == max)
        xmlUnsetProp(counts, (const xmlChar *)"current");
    else
        r = set_number(counts, "current", current);
    if (each)
        drop(each);
    if (simple || r < 0)
        return r;
    each = append_sibling(counts, "vcpus");
    for (unsigned int i = 0; each && r == 0 && i < max; i++) {
        xmlNode *node = append_child(each, "vcpu");

        if (!node || set_number(node, "id", i) < 0 ||
            set_word(node, "enabled", vcpus[i].enabled ? "yes" : "no") < 0 ||
            set_word(node, "hotpluggable",
                     i > 0 && (vcpus[i].hotpluggable || !vcpus[i].enabled) ? "yes" : "no") < 0)
            r = -ENOMEM;
    }
    return each ? r : -ENOMEM;
}

static int set_vcpus(struct definition *d, const struct definition_vcpu *vcpus,
                     struct cpuctl_error *error)
{
    xmlNode *root;
    struct definition *copy = begin(d, &root, error);
    int r;

    if (!copy)
        return -ENOMEM;
    r = write_vcpus(root, vcpus, copy->vcpu_max);
    return finish(d, copy, r < 0 ? no_memory(error) : 0, error);
}

static struct definition_vcpu *copy_vcpus(const struct definition *d)
{
    struct definition_vcpu *vcpus = calloc(d->vcpu_max, sizeof(*vcpus));

    if (vcpus)
        memcpy(vcpus, d->vcpus, d->vcpu_max * sizeof(*vcpus));
    return vcpus;
}

int definition_set_vcpu_current(struct definition *d, unsigned int count, bool hotpluggable,
                                struct cpuctl_error *error)
{
    _cleanup_free_ struct definition_vcpu *vcpus = copy_vcpus(d);
    unsigned int current = d->vcpu_current;

    if (!vcpus)
        return no_memory(error);
    if (count == 0)
        return cpuctl_error_set(error, -EINVAL, "invalid argument: argument must be non-zero");
    if (count > d->vcpu_max)
        return cpuctl_error_set(error, -EINVAL,
                                "invalid argument: requested vcpus is greater than max allowable "
                                "vcpus for the domain: %u > %u",
                                count, d->vcpu_max);
    for (unsigned int i = 0; i < d->vcpu_max && current < count; i++)
        if (!vcpus[i].enabled) {
            vcpus[i].enabled = true;
            vcpus[i].hotpluggable = hotpluggable;
            current++;
        }
    for (unsigned int i = d->vcpu_max; i-- > 1 && current > count;)
        if (vcpus[i].enabled) {
            vcpus[i] = (struct definition_vcpu){ 0 };
            current--;
        }
    /* A disabled one is not hot-pluggable by itself: that is said when it is enabled. */
    for (unsigned int i = 0; i < d->vcpu_max; i++)
        vcpus[i].hotpluggable = vcpus[i].hotpluggable && vcpus[i].enabled;
    return set_vcpus(d, vcpus, error);
}

int definition_set_vcpu_enabled(struct definition *d, unsigned int vcpu, bool enabled,
                                struct cpuctl_error *error)
{
    _cleanup_free_ struct definition_vcpu *vcpus = copy_vcpus(d);

    if (!vcpus)
        return no_memory(error);
    if (vcpu >= d->vcpu_max)
        return cpuctl_error_set(
            error, -EINVAL, "invalid argument: vcpu %u is not present in persistent config", vcpu);
    if (vcpu == 0 && !enabled)
        return cpuctl_error_set(error, -EINVAL, "invalid argument: vcpu 0 can't be offline");
    if (vcpus[vcpu].enabled == enabled)
        return 0;
    vcpus[vcpu].enabled = enabled;
    vcpus[vcpu].hotpluggable = enabled;
    for (unsigned int i = 0; i < d->vcpu_max; i++)
        vcpus[i].hotpluggable = vcpus[i].hotpluggable && vcpus[i].enabled;
    return set_vcpus(d, vcpus, error);
}

int definition_set_vcpu_max(struct definition *d, unsigned int count, struct cpuctl_error *error)
{
    _cleanup_free_ struct definition_vcpu *vcpus = NULL;
    xmlNode *root, *node, *tune, *next;
    struct definition *copy;
    char text[16];
    int r = 0;

    if (count == 0)
        return cpuctl_error_set(error, -EINVAL, "invalid argument: argument must be non-zero");
    if (count > DEFINITION_VCPUS_MAX)
        return cpuctl_error_set(error, -EINVAL,
                                "unsupported configuration: maximum vCPU count %u is greater than "
                                "%u, the most that vcpuctl defines",
                                count, DEFINITION_VCPUS_MAX);
    vcpus = calloc(count, sizeof(*vcpus));
    copy = vcpus ? begin(d, &root, error) : NULL;
    if (!copy)
        return no_memory(error);
    /* Those that there go on to be stay as they are (virDomainDefSetVcpusMax()). */
    for (unsigned int i = 0; i < count && i < d->vcpu_max; i++)
        if (d->vcpus[i].enabled)
            vcpus[i] = d->vcpus[i];
    /* Pins of vCPUs that there are no longer go with them. */
    tune = node_child(root, "cputune");
    for (node = node_child(tune, "vcpupin"); node; node = next) {
        unsigned int vcpu = 0;

        next = node_next(node, "vcpupin");
        if (node_number(node, "vcpu", UINT32_MAX, &vcpu, NULL) >= 0 && vcpu >= count)
            drop(node);
    }
    node = vcpu_element(root);
    snprintf(text, sizeof(text), "%u", count);
    if (node) {
        xmlNodeSetContent(node, (const xmlChar *)text);
        r = write_vcpus(root, vcpus, count);
    }
    return finish(d, copy, node && r == 0 ? 0 : no_memory(error), error);
}

/* <cputune>, made where there is none. */
static xmlNode *tune_element(xmlNode *root)
{
    xmlNode *node = node_child(root, "cputune"), *before = node_child(root, "vcpus");

    if (node)
        return node;
    if (!before)
        before = vcpu_element(root);
    return before ? append_sibling(before, "cputune") : NULL;
}

/* Gives @node (NULL: a new one called @name) in <cputune> the set, or drops it. */
static int write_pin(xmlNode *root, xmlNode *node, const char *name, const unsigned int *vcpu,
                     const struct cpuctl_set *set)
{
    _cleanup_free_ char *list = set ? cpuctl_set_format_list(set) : NULL;
    xmlNode *tune;
    int r = 0;

    if (!set) {
        if (node)
            drop(node);
        tune = node_child(root, "cputune");
        if (tune && !has_elements(tune))
            drop(tune);
        return 0;
    }
    if (!node) {
        tune = tune_element(root);
        node = tune ? append_child(tune, name) : NULL;
        if (node && vcpu)
            r = set_number(node, "vcpu", *vcpu);
    }
    if (!node || !list || r < 0)
        return -ENOMEM;
    return set_word(node, "cpuset", list);
}

static int set_pin(struct definition *d, const char *name, const unsigned int *vcpu,
                   const struct cpuctl_set *set, struct cpuctl_error *error)
{
    xmlNode *root, *node;
    struct definition *copy = begin(d, &root, error);
    int r;

    if (!copy)
        return -ENOMEM;
    for (node = node_child(node_child(root, "cputune"), name); node; node = node_next(node, name)) {
        unsigned int id = 0;

        if (!vcpu || (node_number(node, "vcpu", UINT32_MAX, &id, NULL) > 0 && id == *vcpu))
            break;
    }
    r = write_pin(root, node, name, vcpu, set);
    return finish(d, copy, r < 0 ? no_memory(error) : 0, error);
}

int definition_set_vcpupin(struct definition *d, unsigned int vcpu, const struct cpuctl_set *set,
                           struct cpuctl_error *error)
{
    if (vcpu >= d->vcpu_max)
        return cpuctl_error_set(error, -EINVAL,
                                "invalid argument: vcpu %u is out of range of persistent cpu "
                                "count %u",
                                vcpu, d->vcpu_max);
    return set_pin(d, "vcpupin", &vcpu, set, error);
}

int definition_set_emulatorpin(struct definition *d, const struct cpuctl_set *set,
                               struct cpuctl_error *error)
{
    return set_pin(d, "emulatorpin", NULL, set, error);
}
