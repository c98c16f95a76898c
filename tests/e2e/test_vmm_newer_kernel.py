# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/run: timeout=1200
"""A kernel of 6.9 or newer in cpuvmm: it only takes CPUs whose APIC IDs the boot's MADT listed."""

from case import same
from inner import Inner
from nested import host
from test_vmm_topology import ZEN

# CMPXCHG16B, which this kernel uses all the time, leaves garbage in the flags under QEMU's emulation
# before version 8.0: its helper takes the flags' state for synchronised (target/i386/tcg).
SHAPE = {"served": True, "inner_kernel": "linux-image-cloud-amd64/bookworm-backports",
         "cpu": f"{ZEN},-cx16", "cmdline": "mitigations=off"}
# The package of a CPU, who shares its die and its core, and the node.
PLACE = ("cd /sys/devices/system/cpu/cpu{0}/topology; "
         "echo $(cat physical_package_id die_cpus_list core_cpus_list) $(basename ../node*)")


def add(inner, cpu, place):
    """Add a CPU, which has its slot's number from the boot on, and see where it is."""
    present = inner.cpus("present")
    inner.add_cpu(cpu)
    inner.wait_cpus(present | {cpu}, "present")
    inner.set_online(cpu, True)
    same(inner.sh(PLACE.format(cpu)), place)


@host(timeout=900, **SHAPE)
def test_add_and_remove(machine):
    with Inner(machine, smp="1,sockets=2,dies=2,cores=2,maxcpus=8",
               arguments="--numa node --numa node", cmdline="mitigations=off") as inner:
        assert tuple(map(int, inner.sh("uname -r").split(".")[:2])) >= (6, 9)
        same(inner.cpus("possible"), set(range(8)))
        add(inner, 3, "0 3 3 node0")
        add(inner, 6, "1 6 6 node1")
        add(inner, 7, "1 6-7 7 node1")
        for _ in range(2):
            inner.del_cpu(7)
            same(inner.qmp.wait_event("DEVICE_DELETED", 60),
                 {"device": "cpu7", "path": "/machine/peripheral/cpu7"})
            inner.wait_cpus({0, 3, 6}, "present")
            add(inner, 7, "1 6-7 7 node1")
        same(inner.sh("dmesg | grep -E 'WARNING: CPU|ACPI (Warning|Error|BIOS)|[Ff]irmware [Bb]ug' "
                      "|| :"), "")
