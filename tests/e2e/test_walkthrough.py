# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/run: timeout=600
"""What an operator does with a running virtual machine, from first to last, in virsh's words.

The steps are those of a common guide: look, add, keep, shrink by the guest, shut off, raise the
maximum, add again. Other than there, the added CPU is brought online by the guest's agent.
"""

from case import AGENTS, domain, same


def cpus_of(domain):
    """The "CPU(s)" of virsh dominfo."""
    fields = dict(line.split(":", 1) for line in domain.must("dominfo").splitlines())
    return int(fields["CPU(s)"])


def lscpu(domain, field):
    lines = (line.split(":", 1) for line in domain.sh("lscpu").splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in lines}.get(field)


def hot_add(domain, count):
    domain.must("setvcpus", count)
    domain.wait_cpus(range(count), "present")
    if domain.agent_name == "qemu-ga":
        # It leaves hot-added CPUs offline until the host asks for them.
        domain.must("setvcpus", count, "--guest")
    domain.wait_cpus(range(count))


@domain(agents=AGENTS, cpus=1, maxcpus=2, fresh=True)
def test_walkthrough(domain):
    agent = domain.agent_name
    assert "<vcpu placement='static' current='1'>2</vcpu>" in domain.must("dumpxml")
    same(lscpu(domain, "On-line CPU(s) list"), "0")

    hot_add(domain, 2)
    same(cpus_of(domain), 2)
    assert b"CPU1 has been hot-added" in domain.console_log()
    same(lscpu(domain, "CPU(s)"), "2")
    same(lscpu(domain, "On-line CPU(s) list"), "0,1")
    domain.must("setvcpus", 2, "--config")

    domain.must("setvcpus", 1, "--live", "--guest")
    same(domain.cpus(), {0})
    same(lscpu(domain, "Off-line CPU(s) list"), "1")
    domain.must("setvcpus", 1, "--config")
    # The host still counts the CPU that the guest does not use.
    same(cpus_of(domain), 2)

    result = domain.virsh("setvcpus", 3)
    assert result.status == 1, result
    assert "greater than max allowable vcpus for the live domain: 3 > 2" in result.err, result

    domain.must("destroy")
    same(cpus_of(domain), 1)
    domain.must("setvcpus", 4, "--config", "--maximum")
    domain.boot()
    domain.start_agent(agent)
    same(domain.must("vcpuinfo").count("VCPU:"), 1)
    hot_add(domain, 4)
    same(domain.must("vcpuinfo").count("VCPU:"), 4)
    same(lscpu(domain, "On-line CPU(s) list"), "0-3")
