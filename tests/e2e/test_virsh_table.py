# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/run: timeout=900
"""The tables in tests/fixtures/virsh-9.0 are what real virsh and libvirtd say.

With CPUCTL_RECORD set in the environment the tables are written anew instead.
"""

import os

from case import AGENTS, domain
from virsh_table import FOLDER, Host, hold

SHAPE = {"cpus": 2, "maxcpus": 4, "template": FOLDER / "guest.xml", "fresh": True, "timeout": 400}


def hold_defined(domain, name, xml="guest"):
    """hold() with the domain defined anew."""
    path = domain.definition((FOLDER / f"{xml}.xml").read_text(encoding="utf-8"))
    domain.libvirt.must("define", path)
    hold(name, domain.libvirt.exact, lambda state, cpus: domain.wait_cpus(cpus, state),
         Host(xml=str(path)))


@domain(**SHAPE)
def test_running(domain):
    hold_defined(domain, "running")
    # It is shut off now.
    hold_defined(domain, "shut-off")
    hold_defined(domain, "usage")
    try:
        hold_defined(domain, "shaped", "shaped")
    finally:
        domain.libvirt.virsh("undefine", "shaped")


@domain(agents=AGENTS, **SHAPE)
def test_running_with_an_agent(domain):
    if not (domain.agent_name == "qemu-ga" and "CPUCTL_RECORD" in os.environ):
        hold_defined(domain, "running-agent")
