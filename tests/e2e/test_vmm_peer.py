# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/run: timeout=1500
"""Hotplug in stock Linux: the same in cpuvmm as in QEMU's q35, and nothing is left of many rounds."""

import re

from case import same
from inner import Inner
from nested import host

SHAPE = {"served": True, "peer": True, "inner_programs": ("chrt",)}
ROUNDS = 100
# _OST of an eject (ACPI 6.5, 6.3.5).
EJECT, DONE, BUSY = 3, 0, 0x82

FACTS = """
for file in possible present online; do
    echo "$file $(cat /sys/devices/system/cpu/$file)"
done
grep -E "^(processor|apicid|physical id|core id|cpu cores|siblings)" /proc/cpuinfo
"""
# Deadline tasks that fill two CPUs' bandwidth; chrt has made them that when it is "sleep".
FILL = """
for task in 1 2; do
    chrt -d --sched-runtime 700000000 --sched-deadline 1000000000 --sched-period 1000000000 \
        0 sleep 1000 >/dev/null 2>&1 &
done
until [ $(pidof sleep | wc -w) -ge 2 ]; do usleep 50000; done
"""


def wait_ost(inner, source, status):
    """Wait for this _OST; all that came up to it."""
    seen = []
    while not seen or (seen[-1]["source"], seen[-1]["status"]) != (source, status):
        seen.append(inner.qmp.wait_event("ACPI_DEVICE_OST")["info"])
    return seen


def add(inner, cpu):
    inner.add_cpu(cpu)
    return wait_ost(inner, 1, 0)


def remove(inner, cpu):
    """The paths in DEVICE_DELETED of a CPU and of its parts come in no order of their own."""
    inner.del_cpu(cpu)
    said = wait_ost(inner, EJECT, DONE)
    while inner.qmp.wait_event("DEVICE_DELETED").get("device") != f"cpu{cpu}":
        pass
    return said


def messages(inner):
    """The kernel's messages since the last call, without times."""
    text = re.sub(r"^\[ *[\d.]+\] ", "", inner.sh("dmesg -c"), flags=re.MULTILINE)
    # On AMD hosts QEMU's CPUs have no topology extensions, so no dies that Linux could number.
    return [line for line in text.splitlines() if "to logical die" not in line]


def hotplug(machine, vmm):
    """What the guest and its host see of CPUs that come, go and are refused: a list of facts."""
    seen = []
    with Inner(machine, vmm) as inner:
        def step(what, events=()):
            seen.append((what, inner.sh(FACTS).splitlines(), list(events), inner.present(),
                         messages(inner)))

        messages(inner)
        step("start")
        for cpu in (1, 2, 3):
            step(f"add {cpu}", add(inner, cpu))
            inner.set_online(cpu, True)
            step(f"online {cpu}")
        for cpu in (3, 1):
            step(f"remove {cpu}", remove(inner, cpu))
        # Linux can not give CPU 2 away while both CPUs' bandwidth is taken.
        inner.sh(FILL)
        inner.del_cpu(2)
        step("refuse 2", wait_ost(inner, EJECT, BUSY))
        inner.sh("killall sleep")
        step("remove 2", remove(inner, 2))
        step("add 1 again", add(inner, 1))
        inner.set_online(1, True)
        step("online 1 again")
    return seen


@host(timeout=600, **SHAPE)
def test_same_as_q35(machine):
    ours, peers = hotplug(machine, "cpuvmm"), hotplug(machine, "q35")
    for our, peer in zip(ours, peers):
        print(f"# {our}", flush=True)
        same(our, peer)
    same(len(ours), len(peers))


@host(timeout=900, **SHAPE)
def test_a_hundred_rounds(machine):
    """Neither memory nor file descriptors nor threads are left of them."""
    def state():
        counts = machine.sh(f"cd /proc/{inner.pid()}; ls fd | wc -l; ls task | wc -l")
        return counts.split(), inner.own_memory()

    def rounds(count):
        for number in range(count):
            cpu = 1 + number % 3
            add(inner, cpu)
            inner.set_online(cpu, True)
            remove(inner, cpu)

    with Inner(machine, cmdline="loglevel=3") as inner:
        # Every vCPU that is possible has been made once.
        rounds(3)
        counts, memory = state()
        rounds(ROUNDS)
        after, memory_after = state()
        print(f"# {counts} {memory} KiB, {after} {memory_after} KiB", flush=True)
        same(after, counts)
        assert memory_after - memory <= 64, f"{memory} KiB before, {memory_after} KiB after"
        same((inner.cpus("present"), inner.present()), ({0}, {0}))
