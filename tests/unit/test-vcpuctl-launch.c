/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The VMMs' command lines, as one text each, and what they can't express. */
#include "main.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libcpuctl/cpuctl.h"
#include "tools/vcpuctl/launch.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static int build(const char *type, const char *body, char *ret_text, size_t size,
                 struct cpuctl_error *error)
{
    _cleanup_(definition_freep) struct definition *definition = NULL;
    struct command_line line = { 0 };
    char xml[2048];
    int r;

    snprintf(xml, sizeof(xml),
             "<domain type='%s'><name>a,b</name><uuid>6013be3b-08f9-4827-83fb-390bd5a86de6</uuid>"
             "<memory unit='MiB'>64</memory><os><type machine='pc'>hvm</type><kernel>/k</kernel>"
             "<initrd>/i</initrd><cmdline>x y</cmdline></os>%s</domain>",
             type, body);
    r = definition_parse(xml, strlen(xml), "x.xml", &definition, error);
    ck_assert_msg(r == 0, "%s", error->text);
    r = launch_command_line(definition, "/r", &line, error);
    *ret_text = '\0';
    for (size_t i = 0, used = 0; i < line.count; i++)
        used += (size_t)snprintf(ret_text + used, size - used, "%s ", line.words[i]);
    command_line_free(&line);
    return r;
}

#define CPUVMM "<emulator>/x/cpuvmm</emulator>"

static const struct {
    const char *type, *body;
    const char *parts[8]; /**< what the command line has */
} lines[] = {
    { "kvm",
      "<vcpu current='1'>4</vcpu>",
      { "/usr/bin/qemu-system-x86_64 -name guest=a,,b,debug-threads=on -S ",
        "-machine pc,mem-merge=on -accel kvm -cpu host -m size=65536k ",
        "-smp 1,maxcpus=4,sockets=4,dies=1,cores=1,threads=1 ",
        "-kernel /k -initrd /i -append x y ",
        "-chardev socket,id=qmp-control,path=/r/control,server=on,wait=off -mon "
        "chardev=qmp-control,mode=control ",
        "id=qmp-query,path=/r/query", "id=qmp-watch,path=/r/watch" } },
    { "qemu",
      "<vcpu>4</vcpu><vcpus><vcpu id='0' enabled='yes'/><vcpu id='3' enabled='yes' "
      "hotpluggable='yes'/></vcpus><cpu><topology sockets='1' dies='2' cores='1' threads='2'/>"
      "</cpu><on_reboot>destroy</on_reboot><memoryBacking><nosharepages/><locked/></memoryBacking>",
      { "-accel tcg -cpu max ", "mem-merge=off", "mem-lock=on", "-no-reboot ",
        "-smp 1,maxcpus=4,sockets=1,dies=2,cores=1,threads=2 -device "
        "max-x86_64-cpu,id=vcpu3,socket-id=0,die-id=1,core-id=0,thread-id=1 " } },
    { "kvm",
      "<vcpu>4</vcpu><cpu><model>Westmere</model><feature policy='disable' name='aes'/><numa>"
      "<cell id='0' cpus='0-1,3' memory='32' unit='MiB'/><cell id='1' cpus='2' memory='32' "
      "unit='MiB'/></numa></cpu>",
      { "-cpu Westmere,-aes ",
        "-object memory-backend-ram,id=ram-node0,size=32768k -numa "
        "node,nodeid=0,cpus=0-1,cpus=3,memdev=ram-node0 ",
        "-numa node,nodeid=1,cpus=2,memdev=ram-node1 " } },
    { "kvm",
      "<devices><disk type='file'><source file='/d,1'/><target dev='vda' bus='virtio'/>"
      "<readonly/></disk><serial type='pty'/><channel type='unix'><target type='virtio' "
      "name='org.qemu.guest_agent.0'/></channel><channel type='unix'><source path='/s'/>"
      "<target type='virtio' name='n'/></channel><rng model='virtio'/></devices>",
      { "-drive file=/d,,1,format=raw,if=none,id=drive0,readonly=on -device "
        "virtio-blk-pci,drive=drive0 ",
        "-chardev pty,id=serial0 -device isa-serial,chardev=serial0 -device "
        "virtio-serial-pci,id=virtio-serial0 -chardev "
        "socket,id=port1,path=/r/agent,server=on,wait=off -device "
        "virtserialport,bus=virtio-serial0.0,chardev=port1,name=org.qemu.guest_agent.0 ",
        "socket,id=port2,path=/s,server=on,wait=off", "chardev=port2,name=n ",
        "-device virtio-rng-pci,rng=rng0 " } },
    { "kvm",
      "<vcpu current='2'>4</vcpu><cpu mode='host-passthrough'><numa><cell id='0' cpus='0,2-3' "
      "memory='32' unit='MiB'/><cell id='1' cpus='1' memory='32' unit='MiB'/></numa></cpu>"
      "<memoryBacking><hugepages/></memoryBacking><devices>" CPUVMM
      "<disk type='file'><source file='/d'/><target dev='vda' bus='virtio'/></disk>"
      "<serial type='file'><source path='/l'/></serial><channel type='unix'><target type='virtio' "
      "name='org.qemu.guest_agent.0'/></channel><channel type='unix'><source path='/s'/>"
      "<target type='virtio' name='n'/></channel></devices>",
      { "/x/cpuvmm --name a,b -S --cpu host --memory 65536K --mem-path /dev/hugepages "
        "--smp 2,maxcpus=4,sockets=4,dies=1,cores=1,threads=1 ",
        "--numa node,nodeid=0,cpus=0,cpus=2-3,mem=32768K --numa node,nodeid=1,cpus=1,mem=32768K ",
        "--kernel /k --initrd /i --append x y --qmp unix:/r/control --serial file:/l --agent "
        "unix:/r/agent --console n=unix:/s --drive file=/d,format=raw " } },
    { "kvm",
      "<devices>" CPUVMM "</devices>",
      { "--smp 1,maxcpus=1,sockets=1,dies=1,cores=1,threads=1 ", "--serial file:/dev/null " } },
};

START_TEST(command_lines)
{
    struct cpuctl_error error = { 0 };
    char text[4096];

    ck_assert_int_eq(build(lines[_i].type, lines[_i].body, text, sizeof(text), &error), 0);
    for (size_t i = 0; i < ARRAY_SIZE(lines[_i].parts) && lines[_i].parts[i]; i++)
        ck_assert_msg(strstr(text, lines[_i].parts[i]) != NULL, "no \"%s\" in\n%s",
                      lines[_i].parts[i], text);
}
END_TEST

/* A host without KSM starts it, too (Documentation/admin-guide/mm/ksm.rst). */
START_TEST(merges_where_the_host_can)
{
    struct cpuctl_error error = { 0 };
    bool merged;
    char text[4096];

    ck_assert_int_eq(build("kvm", "<devices>" CPUVMM "</devices>", text, sizeof(text), &error), 0);
    merged = strstr(text, " --mem-merge ") != NULL;
    ck_assert_int_eq(merged, access("/sys/kernel/mm/ksm", F_OK) == 0);
    ck_assert_int_eq(
        build("kvm", "<memoryBacking><nosharepages/></memoryBacking><devices>" CPUVMM "</devices>",
              text, sizeof(text), &error),
        0);
    ck_assert_ptr_null(strstr(text, "--mem-merge"));
}
END_TEST

static const struct {
    const char *body, *sentence;
} refused[] = {
    { "<vcpu>3</vcpu><vcpus><vcpu id='0' enabled='yes'/><vcpu id='2' enabled='yes'/></vcpus>",
      "vCPUs that can not be unplugged (hotpluggable='no') have to be the first ones" },
    { "<vcpu>3</vcpu><vcpus><vcpu id='0' enabled='yes'/><vcpu id='2' enabled='yes'/></vcpus>"
      "<devices>" CPUVMM "</devices>",
      "cpuvmm starts with the first vCPUs enabled; vCPU 1 is not" },
    { "<devices>" CPUVMM "<disk type='file'><source file='/d,1'/></disk></devices>",
      "cpuvmm does not take a comma in <source file='/d,1'/>" },
    { "<devices>" CPUVMM "<serial type='pty'/><serial type='pty'/></devices>",
      "cpuvmm has one <serial>, not 2" },
    { "<devices>" CPUVMM "<console type='pty'><target type='virtio'/></console></devices>",
      "cpuvmm does not have a virtio <console>" },
};

START_TEST(refusals)
{
    struct cpuctl_error error = { 0 };
    char text[4096];

    ck_assert_int_eq(build("kvm", refused[_i].body, text, sizeof(text), &error), -ENOTSUP);
    ck_assert_msg(strstr(error.text, refused[_i].sentence) != NULL, "%s", error.text);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("vcpuctl-launch");
    TCase *tests = tcase_create("command line");

    tcase_add_test(tests, merges_where_the_host_can);
    tcase_add_loop_test(tests, command_lines, 0, ARRAY_SIZE(lines));
    tcase_add_loop_test(tests, refusals, 0, ARRAY_SIZE(refused));
    suite_add_tcase(suite, tests);
    return suite;
}
