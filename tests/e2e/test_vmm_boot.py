# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/run: timeout=900
"""cpuvmm boots stock Linux."""

from case import same
from nested import host

FACTS = """
echo "cpus $(cat /sys/devices/system/cpu/online) of $(cat /sys/devices/system/cpu/possible)"
echo "ids $(grep ^apicid /proc/cpuinfo | sed 's/.*: //' | tr '\\n' ' ')"
dmesg | grep -E "ACPI (Warning|Error|BIOS)|firmware bug|ignored" | sed 's/^/complaint: /'
"""


def lines(console, word):
    """What follows `word` on the lines that begin with it."""
    return [line.strip()[len(word):].strip() for line in console.splitlines()
            if line.startswith(word)]


@host(timeout=600)
def test_one_cpu(machine):
    console, done = machine.vmm(FACTS, "--memory 256M")
    same(lines(console, "cpus"), ["0 of 0"])
    same(lines(console, "complaint:"), [])
    same((done.status, done.err), (0, b""))


@host(timeout=600)
def test_two_sockets_of_two(machine):
    console, done = machine.vmm(FACTS, "--memory 256M --smp 4,sockets=2,cores=2")
    same(lines(console, "cpus"), ["0-3 of 0-3"])
    same(lines(console, "ids"), ["0 1 2 3"])
    same(lines(console, "complaint:"), [])
    same((done.status, done.err), (0, b""))
