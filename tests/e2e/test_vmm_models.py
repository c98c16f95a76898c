# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/run: timeout=900
"""CPU models of cpuvmm under stock Linux, on a host that lacks XSAVE and VME."""

import re

from case import same
from nested import host

FACTS = """
sed -n 's/^\\(model name\\|cpu family\\|model\\|flags\\)[^:]*: /\\1=/p' /proc/cpuinfo | sort -u
"""


def facts(machine, model):
    """What the inner guest's /proc/cpuinfo says, by field."""
    console, done = machine.vmm(FACTS, f"--memory 256M --cpu {model}", "loglevel=3")
    same((done.status, done.err), (0, b""))
    return dict(re.findall(r"^(model name|cpu family|model|flags)=(.*?)\r?$", console, re.M))


@host(timeout=600)
def test_models(machine):
    seen = facts(machine, "Westmere,-vme")
    same((seen["model name"], seen["cpu family"], seen["model"]),
         ("Westmere E56xx/L56xx/X56xx (Nehalem-C)", "6", "44"))
    flags = set(seen["flags"].split())
    assert {"aes", "sse4_2", "popcnt", "x2apic"} <= flags, flags
    # The host has these.
    assert not {"avx2", "bmi1", "fsgsbase", "smap", "svm"} & flags, flags
    flags = set(facts(machine, "x86-64-v2,-popcnt,+bmi1")["flags"].split())
    assert "bmi1" in flags and not {"popcnt", "aes"} & flags, flags
    for model, missing in (("Westmere", "vme"), ("SandyBridge", "vme, xsave, xsaveopt"),
                           ("x86-64-v3", "xsave"), ("max,+xsave", "xsave")):
        done = machine.run(f"cpuvmm --kernel /vmlinuz --cpu {model}")
        same((done.status, done.err.decode()),
             (1, f"cpuvmm: --cpu {model.split(',')[0]}: this host's KVM does not support {missing}\n"))
