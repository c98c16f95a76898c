# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/run: timeout=900
"""The micro-guests of tests/vmm on a KVM that is backed by hardware virtualization, as it seems.

KVM in software may end interrupts as it delivers them; here what waits for an EOI waits.
"""

import image
from case import same
from nested import host

TESTS = image.BUILD / "tests/vmm/test-micro-interrupts"


@host(programs=(TESTS,), memory=1024, timeout=800)
def test_interrupts(machine):
    done = machine.run("CK_TAP_LOG_FILE_NAME=- CK_TIMEOUT_MULTIPLIER=5 test-micro-interrupts",
                       timeout=700)
    lines = done.out.decode().splitlines()
    same([line for line in lines if "not ok" in line or "SKIP" in line], [])
    same(sum(line.startswith("ok ") for line in lines), int(lines[-1].removeprefix("1..")))
