# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/run: timeout=900
"""The tables in tests/fixtures/virsh-9.0 are what real virsh and libvirtd say.

With CPUCTL_RECORD set in the environment the tables are written anew instead.
"""

import os

from case import AGENTS, Skip, domain
from virsh_table import FOLDER, Host, Table

SHAPE = {"cpus": 2, "maxcpus": 4, "template": FOLDER / "guest.xml", "fresh": True, "timeout": 400}




def hold(domain, name, xml="guest"):
    """Compare the table `name` with virsh on a domain that is defined anew."""
    version = domain.libvirt.must("--version")
    if not version.startswith("9.0."):
        raise Skip(f"the tables are of virsh 9.0, this is {version}")
    path = domain.definition((FOLDER / f"{xml}.xml").read_text(encoding="utf-8"))
    domain.libvirt.must("define", path)
    table, host = Table(name), Host(xml=str(path))

    def wait(state, cpus):
        domain.wait_cpus(cpus, state)
    if "CPUCTL_RECORD" in os.environ:
        table.record(host, domain.libvirt.exact, wait)
    else:
        said = table.differences(host, domain.libvirt.exact, wait)
        assert not said, f"\n{said}"


@domain(**SHAPE)
def test_running(domain):
    hold(domain, "running")
    # It is shut off now.
    hold(domain, "shut-off")
    hold(domain, "usage")
    try:
        hold(domain, "shaped", "shaped")
    finally:
        domain.libvirt.virsh("undefine", "shaped")


@domain(agents=AGENTS, **SHAPE)
def test_running_with_an_agent(domain):
    if not (domain.agent_name == "qemu-ga" and "CPUCTL_RECORD" in os.environ):
        hold(domain, "running-agent")
