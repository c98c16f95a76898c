# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/run: timeout=1200
"""Stock Linux in cpuvmm sees the sockets, dies, cores, threads and NUMA nodes that were asked for."""

from case import same
from inner import Inner
from nested import host

SHAPE = {"served": True, "inner_programs": ("lscpu", "cpuctl")}
# QEMU's CPU model of an outer guest on what says that it is a Zen 3.
ZEN = "max,family=25,model=1"
# Three cores leave gaps in the APIC IDs; the last CPU comes later.
SMP = "23,sockets=2,dies=2,cores=3,threads=2,maxcpus=24"
NUMA = ("--numa node,nodeid=0,cpus=0-11,mem=192M --numa node,nodeid=1,cpus=12-23,mem=128M "
        "--numa dist,src=0,dst=1,val=31")
SUMMARY = ("Thread(s) per core", "Core(s) per socket", "Socket(s)", "NUMA node(s)",
           "NUMA node0 CPU(s)", "NUMA node1 CPU(s)")


def summary(inner, program):
    """What `program` says about the topology, as lscpu words it."""
    said = dict(line.split(":", 1) for line in inner.sh(program).splitlines() if ":" in line)
    return {name: said[name].strip() for name in SUMMARY}


def check(inner, last):
    """lscpu and cpuctl see the CPUs 0 … last at their places."""
    wanted = dict(zip(SUMMARY, ("2", "6", "2", "2", "0-11", f"12-{last}")))
    for program in ("lscpu", "cpuctl", "cpuctl topology"):
        same(summary(inner, program), wanted)
    rows = [f"{cpu} {cpu // 12} {cpu // 12} {cpu // 6} {cpu // 2}" for cpu in range(last + 1)]
    listed = inner.sh("cpuctl list -o CPU,NODE,SOCKET,DIE,CORE").splitlines()[1:]
    same([" ".join(row.split()) for row in listed], rows)
    rows = [f"{cpu},{cpu // 12},{cpu // 12},{cpu // 2}" for cpu in range(last + 1)]
    same(inner.sh("lscpu -p=CPU,NODE,SOCKET,CORE | grep -v '#'").splitlines(), rows)


def run(machine):
    with Inner(machine, smp=SMP, memory=320, cmdline="mitigations=off", arguments=NUMA) as inner:
        check(inner, 22)
        same(inner.sh("cat /sys/devices/system/node/node?/distance"), "10 31\n31 10")
        # Less what the kernel keeps for itself.
        sizes = inner.sh("sed -n 's/.*MemTotal: *\\([0-9]*\\) kB/\\1/p' "
                         "/sys/devices/system/node/node?/meminfo").split()
        assert 128 << 10 < int(sizes[0]) <= 192 << 10 and int(sizes[1]) <= 128 << 10, sizes
        same([cpu["props"]["node-id"] for cpu in inner.possible_cpus()], [0] * 12 + [1] * 12)
        inner.add_cpu(23)
        inner.wait_cpus(range(24), "present")
        inner.set_online(23, True)
        check(inner, 23)
        same(inner.sh("dmesg | grep -E 'WARNING: CPU|ACPI (Warning|Error|BIOS)|[Ff]irmware [Bb]ug' || :"),
             "")


@host(timeout=600, **SHAPE)
def test_dies_by_node(machine):
    """The bed's CPU is one that Linux does not expect leaf 0x1F of."""
    run(machine)


@host(timeout=600, cpu=ZEN, cmdline="mitigations=off", **SHAPE)
def test_dies_by_leaf_1f(machine):
    run(machine)
