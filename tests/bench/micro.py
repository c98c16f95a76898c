# SPDX-License-Identifier: LGPL-2.1-or-later
"""Micro-guests in cpuvmm's VM on this machine's /dev/kvm: interrupts, many vCPUs, the lowered limit.

The peer is the same in small: APIC ID 1, a VM of 16 vCPUs, a VM whose limit is KVM's.
"""

import os
import statistics
import subprocess
import sys

from bench import at_most

MSI_ROUNDS = 3000
HIGH_IDS = (300, 4095)
COUNTS = (16, 64, 256, 1024)
VCPU_ROUNDS = 5
VMS = 32
# What micro-bench says of vCPUs, in its order.
PARTS = ("to make it and to start it in the guest", "to make it",
         "to make it, KVM_CREATE_VCPU and KVM_SET_SREGS left out")


def numbers(program, *words):
    done = subprocess.run([program, *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, check=True, timeout=1200)
    return [int(line) for line in done.stdout.split()]


def msi_rows(program):
    low, *high = numbers(program, "msi", MSI_ROUNDS, 1, *HIGH_IDS)
    for apic_id, time in zip(HIGH_IDS, high):
        yield at_most(f"MSI to handler, APIC ID {apic_id}", "µs", time / 1000, low / 1000, "APIC ID 1",
                      1.05)


def vcpu_rows(program):
    """The processor's time for each vCPU: that of the worst number of them."""
    rounds = [[numbers(program, "vcpus", count) for count in COUNTS] for _ in range(VCPU_ROUNDS)]
    for part, what in enumerate(PARTS):
        small, *large = (statistics.median(times[i][part] for times in rounds) / 1000
                         for i in range(len(COUNTS)))
        yield at_most(f"a vCPU's cost in a VM of up to {COUNTS[-1]}: {what}", "µs", max(large), small,
                      f"VM of {COUNTS[0]}", 1.5)


def memory_rows(program):
    """Where KVM keeps no table by APIC ID both are the same, but for what others do meanwhile."""
    lowered, whole = numbers(program, "memory", VMS)
    yield at_most("kernel memory of a VM, limited to 16 APIC IDs", "KiB", lowered / 1024, whole / 1024,
                  "KVM's limit", 1.25)


def rows(stage):
    program = stage.folder.parent / "tests/vmm/micro-bench"
    if not program.exists() or not os.access("/dev/kvm", os.R_OK | os.W_OK):
        print(f"tests/bench/run: micro: {program} or /dev/kvm is not there", file=sys.stderr)
        return
    yield from msi_rows(program)
    yield from vcpu_rows(program)
    yield from memory_rows(program)
