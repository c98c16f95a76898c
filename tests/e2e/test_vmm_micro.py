# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/run: timeout=1200
"""The micro-guests of tests/vmm on a KVM that is backed by hardware virtualization, as it seems.

KVM in software may end interrupts as it delivers them; here what waits for an EOI waits.
"""

import image
from case import same
from nested import host

PROGRAMS = tuple(image.BUILD / "tests/vmm" / name
                 for name in ("test-micro-interrupts", "test-micro-cpus"))
here = host(programs=PROGRAMS, memory=1536, timeout=900)


def passes(machine, program):
    """Every test passes, and none is skipped."""
    done = machine.run(f"CK_TAP_LOG_FILE_NAME=- CK_TIMEOUT_MULTIPLIER=5 {program}", timeout=800)
    lines = done.out.decode().splitlines()
    same([line for line in lines if "not ok" in line or "SKIP" in line], [])
    same(sum(line.startswith("ok ") for line in lines), int(lines[-1].removeprefix("1..")))


@here
def test_interrupts(machine):
    passes(machine, "test-micro-interrupts")


@here
def test_cpus(machine):
    passes(machine, "test-micro-cpus")
