# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/run: timeout=900
"""virsh's vCPU commands against a guest: the same for qemu-ga and for our agent."""

import json

from case import AGENTS, domain, same
from channel import wait_until


def vcpus(domain):
    """What `virsh guestvcpus` prints, as {heading: list}."""
    lines = domain.must("guestvcpus").splitlines()
    return {name.strip(): value.strip() for name, value in (line.split(":") for line in lines)}


@domain(agents=AGENTS, cpus=3)
def test_guestvcpus(domain):
    same(vcpus(domain), {"vcpus": "0-2", "online": "0-2", "offlinable": "1-2"})
    domain.set_online(2, False)
    same(vcpus(domain), {"vcpus": "0-2", "online": "0-1", "offlinable": "1-2"})


@domain(agents=AGENTS, cpus=3)
def test_count(domain):
    same(domain.must("vcpucount", "--guest"), "3")
    domain.set_online(1, False)
    same(domain.must("vcpucount", "--guest"), "2")
    same(domain.must("vcpucount", "--live", "--active"), "3")


@domain(agents=AGENTS, cpus=3)
def test_down_and_up(domain):
    domain.must("setvcpus", 1, "--guest")
    same(domain.cpus(), {0})
    domain.must("setvcpus", 2, "--guest")
    same(len(domain.cpus()), 2)
    domain.must("setvcpus", 3, "--guest")
    same(domain.cpus(), {0, 1, 2})


@domain(agents=AGENTS, cpus=3)
def test_cpulist(domain):
    domain.must("guestvcpus", "--cpulist", "1-2", "--disable")
    same(domain.cpus(), {0})
    domain.must("guestvcpus", "--cpulist", "0,2", "--enable")
    same(domain.cpus(), {0, 2})


@domain(agents=AGENTS, cpus=3)
def test_errors(domain):
    for words, said in (
            (("setvcpus", 4, "--guest"), "count of enabled vcpus in the domain: 4 > 3"),
            (("setvcpus", 5, "--live"), "max allowable vcpus for the live domain: 5 > 4"),
            (("setvcpus", 0, "--guest"), "0 processors"),
            (("guestvcpus", "--cpulist", "3", "--enable"), "guest is missing vCPUs '3'"),
            (("guestvcpus", "--cpulist", "0", "--disable"), "vCPU '0' is not offlinable"),
            (("qemu-agent-command", '{"execute":"no-such"}'), "no-such")):
        result = domain.virsh(*words)
        assert result.status == 1 and said in result.err, (words, result)
    same(domain.cpus(), {0, 1, 2})


@domain(agents=AGENTS, cpus=3)
def test_names_and_time(domain):
    same(domain.must("domhostname", "--source", "agent"), "guest")
    info = domain.must("guestinfo", "--os", "--timezone", "--hostname")
    assert "guest" in info and "timezone" in info and domain.sh("uname -r") in info, info
    wanted = int(domain.sh("date +%s"))
    got = int(domain.must("domtime").split()[1])
    assert abs(got - wanted) <= 5, (got, wanted)


@domain(agents=AGENTS, cpus=3)
def test_agent_killed_and_restarted(domain):
    name = domain.agent_name
    domain.stop_agent("KILL")
    wait_until(lambda: not domain.agent_connected(), "libvirt to see that the agent is gone")
    result = domain.virsh("guestvcpus")
    assert result.status == 1 and "guest agent is not connected" in result.err, result
    domain.start_agent(name)
    domain.must("setvcpus", 1, "--guest")
    same(domain.cpus(), {0})


@domain(agents=AGENTS, cpus=3)
def test_agent_killed_in_mid_request(domain):
    name = domain.agent_name
    domain.sh("kill -STOP $(cat /tmp/agent.pid)")
    with domain.start_virsh("guestvcpus") as virsh:
        # libvirt's guest-sync waits in the port now.
        domain.stop_agent("KILL")
        _, err = virsh.communicate(timeout=30)
    assert virsh.returncode == 1 and err, (virsh.returncode, err)
    domain.start_agent(name)
    same(vcpus(domain)["online"], "0-2")


@domain(agents=AGENTS, cpus=3)
def test_silent_agent_speaks_again(domain):
    domain.must("qemu-agent-command", '{"execute":"guest-ping"}')
    domain.sh("kill -STOP $(cat /tmp/agent.pid)")
    result = domain.virsh("qemu-agent-command", '{"execute":"guest-ping"}', "--timeout", 5)
    assert result.status == 1 and "agent" in result.err, result
    domain.sh("kill -CONT $(cat /tmp/agent.pid)")
    same(vcpus(domain)["online"], "0-2")


@domain(agents=AGENTS, cpus=3)
def test_libvirtd_dies_in_mid_request(domain):
    domain.sh("kill -STOP $(cat /tmp/agent.pid)")
    with domain.start_virsh("setvcpus", 1, "--guest") as virsh:
        domain.libvirt.kill_daemon()
        virsh.communicate(timeout=30)
    assert virsh.returncode == 1
    domain.sh("kill -CONT $(cat /tmp/agent.pid)")
    wait_until(domain.agent_connected, "libvirt to see the agent")
    same(vcpus(domain)["online"], "0-2")
    domain.must("setvcpus", 2, "--guest")
    same(len(domain.cpus()), 2)


@domain(agents=AGENTS, cpus=1, fresh=True)
def test_live_add(domain):
    domain.must("setvcpus", 4, "--live")
    domain.wait_cpus({0, 1, 2, 3}, "present")
    if domain.agent_name == "cpuctl-agent":
        domain.wait_cpus({0, 1, 2, 3})
        same(domain.must("vcpucount", "--guest"), "4")
    # Also onlines what a hot-add has left offline.
    domain.must("setvcpus", 4, "--guest")
    same(domain.cpus(), {0, 1, 2, 3})
    same(vcpus(domain), {"vcpus": "0-3", "online": "0-3", "offlinable": "1-3"})


@domain(cpus=2)
def test_no_agent(domain):
    for words in (("guestvcpus",), ("vcpucount", "--guest"), ("setvcpus", 1, "--guest")):
        result = domain.virsh(*words)
        assert result.status == 1 and "guest agent is not connected" in result.err, result
    same(domain.cpus(), {0, 1})


@domain(agents=AGENTS, cpus=2)
def test_pass_through_of_a_command(domain):
    request = {"execute": "guest-sync", "arguments": {"id": 2**40}}
    same(json.loads(domain.must("qemu-agent-command", json.dumps(request))), {"return": 2**40})
