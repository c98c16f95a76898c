/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Domain XML: what is read, what is refused and with which words, what setters leave of the rest.
 */
#include "main.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libcpuctl/cpuctl.h"
#include "tools/vcpuctl/definition.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* A domain of two vCPUs; @extra goes below <domain>, @vcpu in the place of <vcpu>. */
static char *make(const char *vcpu, const char *extra)
{
    char *text;

    ck_assert_int_gt(asprintf(&text,
                              "<domain type='kvm'>\n  <name>a</name>\n  <memory>1024</memory>\n"
                              "  %s\n  <os><type>hvm</type><kernel>/k</kernel></os>\n%s</domain>\n",
                              vcpu, extra),
                     0);
    return text;
}

static struct definition *parse(const char *vcpu, const char *extra)
{
    _cleanup_free_ char *text = make(vcpu, extra);
    struct definition *definition = NULL;
    struct cpuctl_error error = { 0 };
    int r = definition_parse(text, strlen(text), "x.xml", &definition, &error);

    ck_assert_msg(r == 0, "%s: %s", text, error.text);
    return definition;
}

static void assert_has(const struct definition *definition, const char *wanted)
{
    _cleanup_free_ char *text = definition_format(definition, 0, NULL);

    ck_assert_ptr_nonnull(text);
    ck_assert_msg(strstr(text, wanted) != NULL, "no %s in %s", wanted, text);
}

static void assert_has_not(const struct definition *definition, const char *unwanted)
{
    _cleanup_free_ char *text = definition_format(definition, 0, NULL);

    ck_assert_ptr_nonnull(text);
    ck_assert_msg(strstr(text, unwanted) == NULL, "%s in %s", unwanted, text);
}

#define VCPU "<vcpu placement='static' current='1'>2</vcpu>"

START_TEST(fields)
{
    _cleanup_(definition_freep) struct definition *d = parse(
        VCPU,
        "<uuid>6013BE3B08f9-4827-83fb-390bd5a86de6</uuid><currentMemory "
        "unit='b'>4096</currentMemory>"
        "<cpu mode='custom'><model>Westmere</model><topology sockets='1' cores='2' threads='1'/>"
        "<feature policy='disable' name='x2apic'/><feature policy='require' name='aes'/></cpu>"
        "<cputune><vcpupin vcpu='1' cpuset='0-3,^2'/><emulatorpin cpuset='4'/></cputune>"
        "<on_reboot>destroy</on_reboot><memoryBacking><hugepages/></memoryBacking>"
        "<devices><emulator>/usr/bin/cpuvmm</emulator>"
        "<disk type='file'><source file='/d'/><target dev='vda' bus='virtio'/><readonly/></disk>"
        "<console type='pty'/>"
        "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"
        "</devices>");

    ck_assert_str_eq(d->name, "a");
    ck_assert_str_eq(d->uuid, "6013be3b-08f9-4827-83fb-390bd5a86de6");
    ck_assert_uint_eq(d->memory_kib, 1024);
    ck_assert_uint_eq(d->current_memory_kib, 4);
    ck_assert_uint_eq(d->vcpu_max, 2);
    ck_assert_uint_eq(d->vcpu_current, 1);
    ck_assert(d->vcpus[0].enabled && !d->vcpus[1].enabled);
    ck_assert(cpuctl_set_has(d->vcpus[1].pin, 3) && !cpuctl_set_has(d->vcpus[1].pin, 2));
    ck_assert(cpuctl_set_has(d->emulatorpin, 4));
    ck_assert_ptr_null(d->cpuset);
    ck_assert_uint_eq(d->topology.cores, 2);
    ck_assert_str_eq(d->cpu_features, ",-x2apic,+aes");
    ck_assert_int_eq(d->vmm, DEFINITION_VMM_CPUVMM);
    ck_assert(d->reboot_destroys && d->hugepages && !d->locked);
    ck_assert_uint_eq(d->n_disks, 1);
    ck_assert(d->disks[0].readonly);
    ck_assert_uint_eq(d->n_chardevs, 2);
    ck_assert_int_eq(d->chardevs[0].port, DEFINITION_SERIAL);
    ck_assert_int_eq(d->chardevs[1].port, DEFINITION_CHANNEL);
    ck_assert_ptr_null(d->chardevs[1].path);
}
END_TEST

START_TEST(memory_units)
{
    static const struct {
        const char *element;
        uint64_t kib;
    } rows[] = {
        { "<numa><cell id='0' cpus='0-1' memory='1' unit='MiB'/></numa>", 1024 },
        { "<numa><cell id='0' cpus='0' memory='1' unit='GB'/>"
          "<cell id='1' cpus='1' memory='1' unit='k'/></numa>",
          976563 + 1 },
        { "<numa><cell cpus='0-1' memory='1025' unit='bytes'/></numa>", 2 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char cpu[256];
        struct definition *d;

        snprintf(cpu, sizeof(cpu), "<cpu>%s</cpu>", rows[i].element);
        d = parse(VCPU, cpu);
        ck_assert_uint_eq(d->memory_kib, rows[i].kib);
        definition_free(d);
    }
}
END_TEST

/* What is wrong, and the words for it: libvirt's where libvirt refuses it too. */
static const struct {
    const char *vcpu, *extra, *sentence;
} wrong[] = {
    { "<vcpu currtne='1'>2</vcpu>", "",
      "XML error: line 4: unknown attribute 'currtne' of <vcpu>, which has placement, cpuset, "
      "current" },
    { VCPU VCPU, "", "XML error: line 4: a second <vcpu> in <domain>" },
    { "<vcpu current='3'>2</vcpu>", "",
      "unsupported configuration: maximum vCPU count must not be less than current vCPU count" },
    { "<vcpu>0</vcpu>", "",
      "unsupported configuration: maximum vCPU count must not be less than current vCPU count" },
    { "<vcpu>x</vcpu>", "", "XML error: maximum vcpus count must be an integer" },
    { "<vcpu>-1</vcpu>", "", "XML error: maximum vcpus count must be an integer" },
    { "<vcpu>4097</vcpu>", "", "maximum vCPU count 4097 is greater than 4096" },
    { "<vcpu current='x'>2</vcpu>", "",
      "XML error: Invalid value for attribute 'current' in element 'vcpu': 'x'." },
    { "<vcpu cpuset='x'>2</vcpu>", "", "invalid argument: Failed to parse bitmap 'x'" },
    { "<vcpu cpuset='0,^0'>2</vcpu>", "", "invalid argument: Failed to parse bitmap '0,^0'" },
    { "<vcpu>2</vcpu><vcpus><vcpu id='0' enabled='no'/></vcpus>", "", "vcpu 0 can't be offline" },
    { "<vcpu>2</vcpu><vcpus><vcpu id='2' enabled='no'/></vcpus>", "",
      "<vcpu> has no id of 0 to 1" },
    { "<vcpu>2</vcpu><vcpus><vcpu id='0' enabled='foo'/></vcpus>", "",
      "XML error: Invalid value for attribute 'enabled' in element 'vcpu': 'foo'." },
    { "<vcpu>2</vcpu><vcpus><vcpu id='0' enabled='yes' hotpluggable='yes'/></vcpus>", "",
      "vcpu0 can't be hotpluggable" },
    { VCPU, "<cputune><vcpupin vcpu='2' cpuset='0'/></cputune>",
      "vcpupin for vcpu '2', the highest is 1" },
    { VCPU, "<cputune><vcpupin vcpu='0' cpuset='0'/><vcpupin vcpu='0' cpuset='1'/></cputune>",
      "internal error: duplicate vcpupin for vcpu '0'" },
    { VCPU, "<vcpus><vcpu id='0' enabled='yes'/><vcpu id='0' enabled='yes'/></vcpus>",
      "<vcpu id='0'> for the second time" },
    { VCPU, "<vcpus><vcpu id='0' enabled='yes' order='first'/></vcpus>",
      "Invalid value for attribute 'order' in element 'vcpu': 'first'" },
    { VCPU, "<cpu><topology sockets='1' cores='3' threads='1'/></cpu>",
      "unsupported configuration: CPU topology doesn't match maximum vcpu count" },
    { VCPU, "<cpu><numa><cell id='0' cpus='0-2' memory='1'/></numa></cpu>",
      "Number of CPUs in <numa> exceeds the desired maximum vcpu count" },
    { VCPU,
      "<cpu><numa><cell id='0' cpus='0' memory='1'/><cell id='1' cpus='0' "
      "memory='1'/></numa></cpu>",
      "internal error: NUMA cells have overlapping vCPU ids" },
    { VCPU, "<uuid>xx</uuid>", "internal error: malformed uuid element" },
    { VCPU, "<currentMemory unit='foo'>1</currentMemory>",
      "invalid argument: unknown suffix 'foo'" },
    { VCPU, "<currentMemory unit='TiB'>99999999999</currentMemory>", "numerical overflow" },
    { VCPU, "<on_reboot>foo</on_reboot>",
      "unsupported configuration: unknown on_reboot action: foo" },
    { VCPU, "<devices><disk type='file'><target dev='vda' bus='virtio'/></disk></devices>",
      "<disk> needs an absolute path in <source file='…'>" },
    { VCPU, "<devices><emulator>qemu</emulator></devices>", "is not an absolute path" },
    { VCPU, "<oops", "XML error: x.xml:6:" },
    { "&lol;", "", "XML error: x.xml:4:" },
};

START_TEST(refusals)
{
    _cleanup_free_ char *text = make(wrong[_i].vcpu, wrong[_i].extra);
    struct definition *definition = NULL;
    struct cpuctl_error error = { 0 };
    int r = definition_parse(text, strlen(text), "x.xml", &definition, &error);

    ck_assert_msg(r == -EINVAL, "%s is accepted", text);
    ck_assert_ptr_null(definition);
    ck_assert_msg(strstr(error.text, wrong[_i].sentence) != NULL, "%s\nnot: %s", error.text,
                  wrong[_i].sentence);
}
END_TEST

START_TEST(other_documents)
{
    static const struct {
        const char *text, *sentence;
    } rows[] = {
        { "<foo/>", "XML error: expecting root element of 'domain', not 'foo'" },
        { "", "XML error: x.xml:" },
        { "<!DOCTYPE domain [<!ENTITY a 'b'>]><domain type='kvm'/>", "has a document type" },
        { "<domain><name>a</name></domain>", "Missing required attribute 'type'" },
        { "<domain type='xen'><name>a</name></domain>", "invalid domain type xen" },
        { "<domain type='kvm'/>", "missing name information" },
        { "<domain type='kvm'><name>a/b</name></domain>", "name a/b cannot contain '/'" },
        { "<domain type='kvm'><name>a</name></domain>",
          "Memory size must be specified via <memory> or in the <numa> configuration" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct definition *definition = NULL;
        struct cpuctl_error error = { 0 };

        ck_assert_int_eq(
            definition_parse(rows[i].text, strlen(rows[i].text), "x.xml", &definition, &error),
            -EINVAL);
        ck_assert_msg(strstr(error.text, rows[i].sentence) != NULL, "%s\nnot: %s", error.text,
                      rows[i].sentence);
    }
}
END_TEST

/* Accepted and kept, but not to be started. */
static const struct {
    const char *vcpu, *extra, *sentence;
} unsupported[] = {
    { "<vcpu placement='auto'>2</vcpu>", "",
      "attribute placement='auto' of <vcpu> (there is: static)" },
    { VCPU, "<oddity/>", "vcpuctl does not support <oddity> in <domain>" },
    { VCPU, "<devices><graphics type='vnc'/></devices>",
      "vcpuctl does not support <graphics> in <devices>" },
    { VCPU, "<on_poweroff>restart</on_poweroff>", "<on_poweroff> 'restart' (there is: destroy)" },
    { VCPU, "<on_crash>preserve</on_crash>", "<on_crash> 'preserve'" },
    { VCPU, "<devices><panic/></devices>", "<panic>" },
    { VCPU, "<currentMemory>4</currentMemory>", "takes a memory balloon" },
    { VCPU,
      "<devices><disk type='file'><driver cache='none'/><source file='/d'/>"
      "<target dev='vda' bus='virtio'/></disk></devices>",
      "attribute cache='none' of <driver>" },
    { VCPU,
      "<devices><disk type='file'><source file='/d'/><target dev='hda' "
      "bus='ide'/></disk></devices>",
      "attribute bus='ide' of <target> (there is: virtio)" },
    { VCPU, "<devices><emulator>/x/cpuvmm</emulator></devices><on_reboot>destroy</on_reboot>",
      "cpuvmm does not have <on_reboot> 'destroy'" },
    { VCPU,
      "<devices><emulator>/x/cpuvmm</emulator></devices><memoryBacking><locked/></memoryBacking>",
      "cpuvmm does not have <locked> in <memoryBacking>" },
};

START_TEST(start_refusals)
{
    _cleanup_(definition_freep) struct definition *d = NULL;
    struct cpuctl_error error = { 0 };

    d = parse(unsupported[_i].vcpu, unsupported[_i].extra);
    ck_assert_int_eq(definition_check_start(d, &error), -ENOTSUP);
    ck_assert_msg(strstr(error.text, unsupported[_i].sentence) != NULL, "%s\nnot: %s", error.text,
                  unsupported[_i].sentence);
    ck_assert_msg(strncmp(error.text, "unsupported configuration: ", 27) == 0, "%s", error.text);
}
END_TEST

START_TEST(unknown_is_kept)
{
    const char *extra =
        "<!-- kept --><q:x xmlns:q='urn:q' a='1&lt;&apos;'>t &amp; <![CDATA[<c>]]></q:x>";
    _cleanup_(definition_freep) struct definition *d = parse(VCPU, extra);

    ck_assert_int_eq(definition_set_vcpu_current(d, 2, false, NULL), 0);
    assert_has(d, extra);
    assert_has(d, "\n  <vcpu placement='static'>2</vcpu>\n");
}
END_TEST

START_TEST(current)
{
    _cleanup_(definition_freep) struct definition *d =
        parse("<vcpu placement='static' current='1'>4</vcpu>", "");
    struct cpuctl_error error = { 0 };

    ck_assert_int_eq(definition_set_vcpu_current(d, 3, false, &error), 0);
    ck_assert_uint_eq(d->vcpu_current, 3);
    assert_has(d, "<vcpu placement='static' current='3'>4</vcpu>");
    assert_has_not(d, "<vcpus>");
    /* A hot-pluggable one can only be told in <vcpus>. */
    ck_assert_int_eq(definition_set_vcpu_current(d, 4, true, &error), 0);
    assert_has(d, "<vcpu id='2' enabled='yes' hotpluggable='no'/>");
    assert_has(d, "<vcpu id='3' enabled='yes' hotpluggable='yes'/>");
    ck_assert_int_eq(definition_set_vcpu_current(d, 2, false, &error), 0);
    assert_has(d, "<vcpu placement='static' current='2'>4</vcpu>");
    assert_has_not(d, "<vcpus>");
    ck_assert_int_eq(definition_set_vcpu_current(d, 5, false, &error), -EINVAL);
    ck_assert_str_eq(error.text, "invalid argument: requested vcpus is greater than max allowable "
                                 "vcpus for the domain: 5 > 4");
    ck_assert_int_eq(definition_set_vcpu_current(d, 0, false, &error), -EINVAL);
    ck_assert_uint_eq(d->vcpu_current, 2);
}
END_TEST

START_TEST(each)
{
    _cleanup_(definition_freep) struct definition *d = parse("<vcpu current='2'>4</vcpu>", "");
    struct cpuctl_error error = { 0 };

    ck_assert_int_eq(definition_set_vcpu_enabled(d, 3, true, &error), 0);
    ck_assert_uint_eq(d->vcpu_current, 3);
    assert_has(d, "  <vcpus>\n    <vcpu id='0' enabled='yes' hotpluggable='no'/>\n");
    assert_has(d, "    <vcpu id='2' enabled='no' hotpluggable='yes'/>\n    <vcpu id='3' "
                  "enabled='yes' hotpluggable='yes'/>\n  </vcpus>\n");
    ck_assert_int_eq(definition_set_vcpu_enabled(d, 0, false, &error), -EINVAL);
    ck_assert_int_eq(definition_set_vcpu_enabled(d, 4, true, &error), -EINVAL);
    ck_assert_int_eq(definition_set_vcpu_enabled(d, 3, false, &error), 0);
    assert_has_not(d, "<vcpus>");
    assert_has(d, "<vcpu current='2'>4</vcpu>");
}
END_TEST

START_TEST(maximum)
{
    _cleanup_(definition_freep) struct definition *d =
        parse("<vcpu>4</vcpu>", "<cputune><vcpupin vcpu='3' cpuset='0'/></cputune>");
    _cleanup_(definition_freep) struct definition *shaped =
        parse(VCPU, "<cpu><topology sockets='2' cores='1' threads='1'/></cpu>");
    _cleanup_(definition_freep) struct definition *odd = parse("<vcpu current='1'>4</vcpu>", "");
    struct cpuctl_error error = { 0 };

    /* The vCPUs that stay are what they were. */
    ck_assert_int_eq(definition_set_vcpu_enabled(odd, 1, true, &error), 0);
    ck_assert_int_eq(definition_set_vcpu_enabled(odd, 3, true, &error), 0);
    ck_assert_int_eq(definition_set_vcpu_max(odd, 6, &error), 0);
    assert_has(odd, "<vcpu current='3'>6</vcpu>");
    assert_has(odd, "<vcpu id='1' enabled='yes' hotpluggable='yes'/>");
    assert_has(odd, "<vcpu id='3' enabled='yes' hotpluggable='yes'/>");
    assert_has(odd, "<vcpu id='5' enabled='no' hotpluggable='yes'/>");
    ck_assert_int_eq(definition_set_vcpu_max(odd, 3, &error), 0);
    assert_has(odd, "<vcpu current='2'>3</vcpu>");
    assert_has(odd, "<vcpu id='1' enabled='yes' hotpluggable='yes'/>");
    assert_has_not(odd, "id='3'");
    ck_assert_int_eq(definition_set_vcpu_max(odd, 4097, &error), -EINVAL);

    ck_assert_int_eq(definition_set_vcpu_max(d, 2, &error), 0);
    ck_assert_uint_eq(d->vcpu_max, 2);
    ck_assert_uint_eq(d->vcpu_current, 2);
    assert_has(d, "<vcpu>2</vcpu>");
    assert_has_not(d, "vcpupin");
    ck_assert_int_eq(definition_set_vcpu_max(d, 3, &error), 0);
    assert_has(d, "<vcpu current='2'>3</vcpu>");
    ck_assert_int_eq(definition_set_vcpu_max(shaped, 3, &error), -EINVAL);
    ck_assert_str_eq(error.text,
                     "unsupported configuration: CPU topology doesn't match maximum vcpu count");
    ck_assert_uint_eq(shaped->vcpu_max, 2);
    assert_has(shaped, VCPU);
}
END_TEST

START_TEST(pins)
{
    _cleanup_(definition_freep) struct definition *d = parse(VCPU, "");
    struct cpuctl_set *set = NULL;
    struct cpuctl_error error = { 0 };

    ck_assert_int_eq(cpuctl_set_parse_list("0,2-3", 0, &set, NULL), 0);
    ck_assert_int_eq(definition_set_vcpupin(d, 1, set, &error), 0);
    ck_assert_int_eq(definition_set_emulatorpin(d, set, &error), 0);
    assert_has(d, "  <cputune>\n    <vcpupin vcpu='1' cpuset='0,2-3'/>\n    <emulatorpin "
                  "cpuset='0,2-3'/>\n  </cputune>\n");
    ck_assert(cpuctl_set_equal(d->vcpus[1].pin, set));
    ck_assert_int_eq(definition_set_vcpupin(d, 2, set, &error), -EINVAL);
    ck_assert_int_eq(definition_set_vcpupin(d, 1, NULL, &error), 0);
    ck_assert_int_eq(definition_set_emulatorpin(d, NULL, &error), 0);
    assert_has_not(d, "cputune");
    cpuctl_set_free(set);
}
END_TEST

START_TEST(text)
{
    _cleanup_(definition_freep) struct definition *d = parse(VCPU, ""), *again = NULL;
    _cleanup_free_ char *running = NULL, *first = NULL, *second = NULL;

    ck_assert_int_eq(definition_set_uuid(d, "6013be3b-08f9-4827-83fb-390bd5a86de6", NULL), 0);
    assert_has(d, "  <name>a</name>\n  <uuid>6013be3b-08f9-4827-83fb-390bd5a86de6</uuid>\n");
    running = definition_format(d, 7, NULL);
    ck_assert(strncmp(running, "<domain type='kvm' id='7'>", 26) == 0);
    assert_has_not(d, "id='7'");
    first = definition_format(d, 0, NULL);
    ck_assert_int_eq(definition_parse(running, strlen(running), "x", &again, NULL), 0);
    second = definition_format(again, 0, NULL);
    ck_assert_str_eq(first, second);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("vcpuctl-definition");
    TCase *tests = tcase_create("definition");

    tcase_add_test(tests, fields);
    tcase_add_test(tests, memory_units);
    tcase_add_loop_test(tests, refusals, 0, ARRAY_SIZE(wrong));
    tcase_add_test(tests, other_documents);
    tcase_add_loop_test(tests, start_refusals, 0, ARRAY_SIZE(unsupported));
    tcase_add_test(tests, unknown_is_kept);
    tcase_add_test(tests, current);
    tcase_add_test(tests, each);
    tcase_add_test(tests, maximum);
    tcase_add_test(tests, pins);
    tcase_add_test(tests, text);
    suite_add_tcase(suite, tests);
    return suite;
}
