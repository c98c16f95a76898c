# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where cpuctl and lscpu (util-linux 2.38) print different values, and why."""

import dataclasses
import re


@dataclasses.dataclass(frozen=True)
class Difference:
    """Values that differ. Patterns match whole texts; a value that is not printed is ''."""

    machines: str
    views: str
    names: str
    theirs: str
    ours: str
    reason: str
    volatile: bool = False  # may also happen to be equal

    def covers(self, machine, view, name, theirs, ours):
        """Whether this entry lists that difference."""
        texts = ((self.machines, machine.name), (self.views, view), (self.names, name),
                 (self.theirs, theirs), (self.ours, ours))
        return all(re.fullmatch(pattern, "" if text is None else str(text), re.DOTALL)
                   for pattern, text in texts)

    def is_due(self, present):
        """Whether it must be seen, given the machines and views that were compared."""
        return not self.volatile and any(
            re.fullmatch(self.machines, name) and re.fullmatch(self.views, view)
            for name, _, view in present)



SUMMARY = "summary|-J|-x|-B"
LISTS = "-e|-e -y|-p|-p=LIST"
NUMBER = r"\d+"
BIG_LITTLE = "arm-A510-A710-A715-X3"
# recordings that were not made by `cpuctl record`
DUMPS = f"{BIG_LITTLE}|armv7|ppc64-POWER7|s390-kvm|s390-nested-virt|vbox-win|x86_64-.*"

# guests of QEMU's software emulation that show it in CPUID: see tests/fixtures/record
GUESTS = ("smt-2-sockets|dies-2|nodes-4|present-255|smt-holes|isolated|hot-added|epyc|opteron|"
          "sandybridge|westmere|haswell|svm")

DIFFERENCES = [
    Difference(
        machines=DUMPS, views=SUMMARY, names="Architecture", theirs=".+", ours="",
        reason="`lscpu --sysroot` prints the architecture of the machine that it runs on; these "
               "recordings have no proc/sys/kernel/arch, so cpuctl does not tell one"),
    Difference(
        machines=DUMPS, views=SUMMARY, names="Byte Order", theirs=".+", ours="",
        reason="`lscpu --sysroot` prints the byte order of the machine that it runs on; these "
               "recordings have no sys/kernel/cpu_byteorder, which newer lscpu reads as cpuctl does"),
    Difference(
        machines="armv7", views="-x", names="On-line CPU\\(s\\) mask", theirs="0", ours="3",
        reason="lscpu -x prints nothing but 0 where the kernel has room for fewer than 4 CPUs"),
    # /proc/cpuinfo has vendor and stepping before the part; lscpu begins a new CPU type in the
    # middle of a CPU's block, so that the lines before are counted to the type before
    Difference(
        machines=BIG_LITTLE, views=SUMMARY, names="Model name #4", theirs="-", ours="Cortex-X3",
        reason="lscpu misses the vendor of a CPU type whose stepping differs from the one before, "
               "and so its name"),
    Difference(
        machines=BIG_LITTLE, views=SUMMARY, names="Stepping #4", theirs="0x1", ours="r1p0",
        reason="the same: without the vendor lscpu does not know that the stepping is an Arm one"),
    Difference(
        machines=BIG_LITTLE, views=SUMMARY, names="BogoMIPS #4|Flags #4", theirs="", ours=".+",
        reason="the same: lscpu counts a CPU's BogoMIPS and flags to the type before"),
    Difference(
        machines=BIG_LITTLE, views=LISTS, names="CPU 7 BOGOMIPS", theirs="-?", ours="38.40",
        reason="the same in the list of CPUs"),
    Difference(
        machines=BIG_LITTLE, views="-e|-p|-p=LIST", names="CPU [3-7] (CORE|Core|SOCKET|Socket)",
        theirs=NUMBER, ours=NUMBER,
        reason="lscpu counts cores and sockets anew for each CPU type, so that different ones have "
               "the same number; cpuctl's numbers are unique"),
    Difference(
        machines=".*", views="-e|-p=LIST", names=r"CPU \d+ (CLUSTER|Cluster)", theirs="-?",
        ours=NUMBER,
        reason="lscpu tells clusters only on live arm64 machines without ACPI's PPTT; cpuctl tells "
               "those that the kernel tells (topology/cluster_cpus)"),
    # recordings of this project, against the lscpu of the recorded guest itself
    Difference(
        machines=GUESTS, views=SUMMARY, names="Hypervisor vendor", theirs="", ours="QEMU TCG",
        reason="lscpu does not know the CPUID signature of QEMU's software emulation"),
    Difference(
        machines=GUESTS, views=SUMMARY, names="Virtualization type", theirs="", ours="full",
        reason="the same: without the hypervisor lscpu tells no type"),
    Difference(
        machines="epyc|hot-added|isolated|present-255", views="summary|-J|-x|-B",
        names="L3 cache", theirs=r"\d.* instances\)", ours=r"\d.* \(1 instance\)",
        reason="QEMU gives each AMD CPU a cache id of its own, although shared_cpu_map has all of "
               "them; lscpu counts the ids (and shows one L3 in -e), cpuctl the sets of CPUs"),
    Difference(
        machines="epyc|hot-added|isolated|present-255", views="-C", names="L3", theirs="L3 .*",
        ours="L3 .*", reason="the same in the sum of -C"),
    Difference(
        machines="epyc|hot-added|isolated|present-255", views="-C -J", names="L3 all-size",
        theirs=r"\d+M", ours=r"\d+M", reason="the same in the sum of -C -J"),
    Difference(
        machines="hot-added|present-255|smt-holes", views="-p=LIST", names=r"CPU \d+ row",
        theirs=r"\d cells missing", ours="",
        reason="lscpu leaves out the commas between the caches of an offline CPU"),
    Difference(
        machines="hot-added|present-255|smt-holes", views="-e -y", names=r"CPU \d+ DRAWER",
        theirs="0", ours="-",
        reason="lscpu -y prints drawer 0 for an offline CPU of a machine without drawers"),
    Difference(
        machines="present-255", views="-e|-p=LIST", names=r"CPU [236] (L1d:L1i:L2:L3|L1d)",
        theirs="0", ours="-?",
        reason="the kernel leaves a CPU that went offline in its neighbours' shared_cpu_map, and "
               "lscpu takes it for a user of that cache"),
    # an arm64 guest: what its own lscpu printed against what the recording tells
    Difference(
        machines="clusters", views=SUMMARY, names=r"CPU op-mode\(s\)", theirs="32-bit, 64-bit",
        ours="",
        reason="only the live kernel can be asked whether it runs 32-bit Arm programs; cpuctl and "
               "lscpu do, and tell nothing of a recording"),
    Difference(
        machines="clusters", views=SUMMARY,
        names=r"Core\(s\) per (cluster|socket)|Cluster\(s\)|Socket\(s\)", theirs="4|1|-|",
        ours="4|1|",
        reason="on a live arm64 machine without ACPI's PPTT lscpu, and cpuctl with it, count what "
               "the kernel calls a package as a cluster; of a recording both count sockets"),
    Difference(
        machines="clusters", views="-e|-p=LIST", names=r"CPU [4-7] (CLUSTER|Cluster)", theirs="0",
        ours="1",
        reason="the same: lscpu's cluster is the kernel's package, cpuctl's is the kernel's "
               "cluster, of which this machine has two"),
    Difference(
        machines="clusters", views="-p", names=r"comments|CPU \d (Cluster|Socket)",
        theirs=".*|0", ours=".*|0",
        reason="the same: lscpu's column of packages is called Cluster, cpuctl's Socket"),
    # what only happens on some live machines
    Difference(
        machines="live", views=".*", names=".*(MHZ|Mhz|MHz|SCALMHZ%)", theirs=".*", ours=".*",
        volatile=True, reason="the frequency changes between two calls"),
    Difference(
        machines="live", views=SUMMARY, names="CPU min MHz", theirs="0.0000", ours=".+",
        volatile=True, reason="lscpu counts a CPU that tells no frequency, such as an offline one, as 0"),
    Difference(
        machines="live", views=SUMMARY, names="Hypervisor vendor", theirs="", volatile=True,
        ours="QEMU TCG|bhyve|Parallels|Oracle|ACRN|Jailhouse|QNX|NVMM|OpenBSD|Intel HAXM|Apple|"
             "Lockheed Martin",
        reason="lscpu does not know these CPUID signatures"),
    Difference(
        machines="live", views=SUMMARY, names="Virtualization type", theirs="", ours="full",
        volatile=True, reason="the same: without the hypervisor lscpu tells no type"),
    Difference(
        machines="live", views=SUMMARY, names="Hypervisor vendor", theirs="Microsoft",
        ours="KVM|Xen", volatile=True,
        reason="lscpu takes the Hyper-V interface that KVM or Xen offer for Hyper-V itself"),
]
