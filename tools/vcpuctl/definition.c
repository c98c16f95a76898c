/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A definition's text: read with libxml2, written, checked before a start. */
#include "definition.h"

#include <errno.h>
#include <libxml/parser.h>
#include <string.h>

#include "definition-internal.h"

/* libxml2's last word on why it could not read, on one line. */
static int parse_failed(xmlParserCtxt *context, const char *source, struct cpuctl_error *error)
{
    const xmlError *last = xmlCtxtGetLastError(context);
    const char *text = last && last->message ? last->message : "not well-formed";

    if (last && last->code == XML_ERR_NO_MEMORY)
        return no_memory(error);
    return cpuctl_error_set(error, -EINVAL, "XML error: %.128s:%d: %.*s", source,
                            last ? last->line : 0, (int)strcspn(text, "\n"), text);
}

static int read_document(const char *text, size_t size, const char *source, xmlDoc **ret_document,
                         struct cpuctl_error *error)
{
    xmlParserCtxt *context;
    xmlDoc *document;
    int r = 0;

    if (size > DEFINITION_SIZE_MAX)
        return cpuctl_error_set(error, -EFBIG, "%.128s is longer than %zu bytes", source,
                                DEFINITION_SIZE_MAX);
    context = xmlNewParserCtxt();
    if (!context)
        return no_memory(error);
    /* Nothing is fetched; an entity is left as a reference. */
    document = xmlCtxtReadMemory(context, text, (int)size, NULL, NULL,
                                 XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    if (!document)
        r = parse_failed(context, source, error);
    else if (document->intSubset || document->extSubset)
        r = cpuctl_error_set(error, -EINVAL,
                             "XML error: %.128s has a document type, which a domain does not have",
                             source);
    xmlFreeParserCtxt(context);
    if (r < 0) {
        xmlFreeDoc(document);
        return r;
    }
    *ret_document = document;
    return 0;
}

int definition_parse(const char *text, size_t size, const char *source,
                     struct definition **ret_definition, struct cpuctl_error *error)
{
    _cleanup_(definition_freep) struct definition *definition = calloc(1, sizeof(*definition));
    xmlNode *root;
    xmlDoc *document = NULL;
    int r;

    if (!definition)
        return no_memory(error);
    r = read_document(text, size, source, &document, error);
    if (r < 0)
        return r;
    definition->document = document;
    root = xmlDocGetRootElement(document);
    if (!root || !node_is(root, "domain"))
        return cpuctl_error_set(error, -EINVAL,
                                "XML error: expecting root element of 'domain', not '%.64s'",
                                root ? (const char *)root->name : "");
    xmlUnsetProp(root, (const xmlChar *)"id");
    r = schema_check(root, error);
    if (r == 0)
        r = definition_read(definition, error);
    if (r < 0)
        return r;
    *ret_definition = TAKE_PTR(definition);
    return 0;
}

void definition_free(struct definition *definition)
{
    if (!definition)
        return;
    definition_release(definition);
    xmlFreeDoc(definition->document);
    free(definition);
}

struct definition *definition_dup(const struct definition *definition)
{
    _cleanup_(definition_freep) struct definition *copy = calloc(1, sizeof(*copy));

    if (!copy)
        return NULL;
    copy->document = xmlCopyDoc(definition->document, 1);
    if (!copy->document || definition_read(copy, NULL) < 0)
        return NULL;
    return TAKE_PTR(copy);
}

/* What follows from several values together. */
static int check_together(const struct definition *definition, struct cpuctl_error *error)
{
    if (definition->current_memory_kib != definition->memory_kib)
        return cpuctl_error_set(error, -ENOTSUP,
                                "unsupported configuration: <currentMemory> (%llu KiB) below "
                                "<memory> (%llu KiB) takes a memory balloon",
                                (unsigned long long)definition->current_memory_kib,
                                (unsigned long long)definition->memory_kib);
    if (definition->initrd && !definition->kernel)
        return cpuctl_error_set(error, -ENOTSUP,
                                "unsupported configuration: <initrd> without <kernel>");
    if (definition->cmdline && !definition->kernel)
        return cpuctl_error_set(error, -ENOTSUP,
                                "unsupported configuration: <cmdline> without <kernel>");
    if (definition->type != DEFINITION_KVM && definition->cpu_mode &&
        strcmp(definition->cpu_mode, "host-passthrough") == 0)
        return cpuctl_error_set(error, -ENOTSUP,
                                "unsupported configuration: CPU mode 'host-passthrough' takes a "
                                "domain of type 'kvm'");
    if (definition->vmm != DEFINITION_VMM_CPUVMM)
        return 0;
    if (definition->type != DEFINITION_KVM)
        return cpuctl_error_set(
            error, -ENOTSUP, "unsupported configuration: cpuvmm runs domains of type 'kvm' only");
    if (!definition->kernel)
        return cpuctl_error_set(error, -ENOTSUP,
                                "unsupported configuration: cpuvmm boots a kernel directly: "
                                "<kernel> in <os> is missing");
    if (definition->reboot_destroys)
        return cpuctl_error_set(error, -ENOTSUP,
                                "unsupported configuration: cpuvmm does not have <on_reboot> "
                                "'destroy'");
    return 0;
}

int definition_check_start(const struct definition *definition, struct cpuctl_error *error)
{
    int r = schema_check_start(xmlDocGetRootElement(definition->document), definition->vmm, error);

    return r < 0 ? r : check_together(definition, error);
}
