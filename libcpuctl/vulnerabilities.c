/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel's opinion of the CPU's vulnerabilities: sys/devices/system/cpu/vulnerabilities. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "array.h"
#include "error.h"
#include "identity.h"
#include "root.h"

#define DIRECTORY ROOT_CPU_DIR "/vulnerabilities"
/** Linux knows some twenty. */
#define VULNERABILITIES_MAX 1024U
/** One page is what a sysfs file can have. */
#define TEXT_MAX 4096U

struct listing {
    struct cpuctl_root *root;
    struct cpuctl_identity *identity;
    size_t room;
};

/** "spec_store_bypass" → "Spec store bypass" */
static void beautify_name(char *name)
{
    *name = (char)toupper((unsigned char)*name);
    for (; *name; name++)
        if (*name == '_')
            *name = ' ';
}

/** "Mitigation: Retpolines; BHI: Not affected" → "Mitigation; Retpolines; BHI Not affected", as
 * lscpu has it. */
static void beautify_text(char *text)
{
    static const char mitigation[] = "Mitigation:";
    char *to;

    if (strncmp(text, mitigation, strlen(mitigation)) != 0)
        return;
    text[strlen(mitigation) - 1] = ';';
    to = text;
    for (const char *from = text; *from; from++)
        if (*from != ':')
            *to++ = *from;
    *to = '\0';
}

static int add(const char *name, void *userdata)
{
    struct listing *listing = userdata;
    struct cpuctl_identity *identity = listing->identity;
    struct identity_vulnerability *entry;
    char path[ROOT_PATH_MAX], text[TEXT_MAX];

    if (identity->nvulnerabilities >= VULNERABILITIES_MAX ||
        snprintf(path, sizeof(path), DIRECTORY "/%s", name) >= (int)sizeof(path) ||
        root_read_value(listing->root, path, text, sizeof(text)) <= 0)
        return 0;
    if (array_grow(identity->vulnerabilities, &listing->room, identity->nvulnerabilities) < 0)
        return -ENOMEM;
    entry = &identity->vulnerabilities[identity->nvulnerabilities];
    *entry = (struct identity_vulnerability){ .name = strdup(name), .text = strdup(text) };
    identity->nvulnerabilities++;
    if (!entry->name || !entry->text)
        return -ENOMEM;
    beautify_name(entry->name);
    beautify_text(entry->text);
    return 0;
}

static int compare(const void *a, const void *b)
{
    const struct identity_vulnerability *x = a, *y = b;

    return strcmp(x->name, y->name);
}

int identity_read_vulnerabilities(struct cpuctl_root *root, struct cpuctl_identity *identity,
                                  struct cpuctl_error *error)
{
    struct listing listing = { .root = root, .identity = identity };
    int r = root_list(root, DIRECTORY, add, &listing);

    if (r == -ENOMEM)
        return error_set(error, r, "Out of memory");
    if (identity->nvulnerabilities)
        qsort(identity->vulnerabilities, identity->nvulnerabilities,
              sizeof(*identity->vulnerabilities), compare);
    return 0; /* kernels before 4.15, and many architectures, have no such directory */
}
