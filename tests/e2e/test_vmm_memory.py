# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/run: timeout=1200
"""cpuvmm's memory under stock Linux: huge pages, KSM, and more than fits below the PCI hole."""

import re

from case import same
from inner import Inner
from nested import host

SHAPE = {"served": True, "memory": 3584}
HUGE = "mkdir -p /tmp/huge && mount -t hugetlbfs none /tmp/huge"
PAGES = "sed -n 's/HugePages_Total: *//p' /proc/meminfo"


def mapping(machine, inner, megabytes):
    """The fields that /proc/PID/smaps of cpuvmm has of the guest's RAM."""
    smaps = machine.sh(f"cat /proc/{inner.pid()}/smaps")
    entry = re.search(rf"^Size: +{megabytes << 10} kB\n.*?^VmFlags:.*?$", smaps, re.M | re.S)[0]
    return {words[0].rstrip(":"): words[1:] for words in map(str.split, entry.splitlines())}


@host(timeout=600, **SHAPE)
def test_huge_pages(machine):
    machine.sh(HUGE)
    machine.sh("echo 20 >/proc/sys/vm/nr_hugepages")
    done = machine.run("cpuvmm --kernel /vmlinuz --memory 256M --mem-path /tmp/huge")
    same((done.status, done.err), (1, b"cpuvmm: --mem-path /tmp/huge: 268435456 bytes can not be "
                                   b"mapped: Cannot allocate memory\n"))
    machine.sh("echo 128 >/proc/sys/vm/nr_hugepages")
    same(machine.sh(PAGES), "128")
    with Inner(machine, arguments="--mem-path /tmp/huge") as inner:
        fields = mapping(machine, inner, 256)
        same(fields["KernelPageSize"], ["2048", "kB"])
        assert "ht" in fields["VmFlags"], fields
        assert int(fields["Shared_Hugetlb"][0]) + int(fields["Private_Hugetlb"][0]) > 0, fields
    # All of them come back.
    same(machine.sh("sed -n 's/HugePages_Free: *//p' /proc/meminfo"), "128")
    machine.sh("echo 0 >/proc/sys/vm/nr_hugepages; umount /tmp/huge")


@host(timeout=600, **SHAPE)
def test_merged_and_above_4_gib(machine):
    machine.sh("echo 1 >/sys/kernel/mm/ksm/run; echo 10000 >/sys/kernel/mm/ksm/pages_to_scan")
    with Inner(machine, memory=4608, arguments="--mem-merge") as inner:
        fields = mapping(machine, inner, 4608)
        assert "mg" in fields["VmFlags"], fields
        # 1.5 GiB of it are above; the kernel keeps some for itself.
        same(inner.sh("grep ^100000000- /proc/iomem"), "100000000-15fffffff : System RAM")
        total = int(inner.sh("sed -n 's/MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo"))
        assert 4 << 20 < total < 4608 << 10, total
        # Pages of the guest with the same contents become one in the host.
        inner.sh("mkdir /tmp/full && mount -t tmpfs none /tmp/full && "
                 "tr '\\0' x </dev/zero | dd of=/tmp/full/x bs=1M count=32 iflag=fullblock")
        machine.sh("until [ $(cat /sys/kernel/mm/ksm/pages_sharing) -ge 8000 ]; do sleep 0.5; done",
                   120)
