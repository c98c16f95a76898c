/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parts of the definition share: small doors to libxml2, and the schema. */
#ifndef VCPUCTL_DEFINITION_INTERNAL_H
#define VCPUCTL_DEFINITION_INTERNAL_H

#include <errno.h>
#include <libxml/tree.h>
#include <stdbool.h>
#include <stdint.h>

#include "definition.h"
#include "libcpuctl/cpuctl.h"

DEFINE_CLEANUP(struct cpuctl_set *, cpuctl_set_free);

static inline int no_memory(struct cpuctl_error *error)
{
    return cpuctl_error_set(error, -ENOMEM, "memory is short");
}

static inline bool node_is(const xmlNode *node, const char *name)
{
    return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0;
}

/** The first child element of that name, or NULL. @parent may be NULL. */
xmlNode *node_child(const xmlNode *parent, const char *name);
/** The next sibling of the same name, or NULL. */
xmlNode *node_next(const xmlNode *node, const char *name);
/** The value of an attribute without the white space around it, or NULL: none, or memory is short.
 * The caller frees it. @node may be NULL. */
char *node_attribute(const xmlNode *node, const char *name);
/** The text in an element, the same. */
char *node_text(const xmlNode *node);

/**
 * Reads a number 0 … @max. @text NULL: not given. Returns 1, 0 (not given), or -ERANGE (no number,
 * or too large).
 */
int number_parse(const char *text, uint64_t max, uint64_t *ret_number);
/** The attribute @name of @node as a number. Returns as number_parse(), with libvirt's sentence. */
int node_number(const xmlNode *node, const char *name, unsigned int max, unsigned int *ret_number,
                struct cpuctl_error *error);

/**
 * Holds the document against the table of what is known: refuses attributes that a known element
 * doesn't have, and a known element that is there twice. Returns 0 or -EINVAL.
 */
int schema_check(const xmlNode *root, struct cpuctl_error *error);
/** Refuses what @vmm can't honour, by name. Returns 0 or -ENOTSUP. */
int schema_check_start(const xmlNode *root, enum definition_vmm vmm, struct cpuctl_error *error);

/** Fills the fields from the document; what was in them is released. Returns 0, -EINVAL or
 * -ENOMEM; then the fields are as they were. */
int definition_read(struct definition *definition, struct cpuctl_error *error);
/** Releases the fields, not the document. */
void definition_release(struct definition *definition);

#endif
