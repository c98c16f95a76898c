# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/run: timeout=900
"""What our agent does by itself about hot-added CPUs, in a guest without udevd."""

from case import AGENTS, guest, same

OURS = ("cpuctl-agent",)


@guest(agents=OURS, cpus=1, maxcpus=4, fresh=True)
def test_added_cpus_come_online(guest):
    present = {0}
    for _ in range(3):
        present.add(guest.add_cpu())
        guest.wait_cpus(present)
    same(guest.agent.vcpus(), dict.fromkeys(range(4), True))


@guest(agents=OURS, cpus=1, maxcpus=4, fresh=True)
def test_three_at_once_come_online(guest):
    for _ in range(3):
        guest.add_cpu()
    guest.wait_cpus({0, 1, 2, 3})


@guest(needs=OURS, cpus=1, maxcpus=4, fresh=True)
def test_sweep_at_start(guest):
    slot = guest.add_cpu()
    guest.wait_cpus({0, slot}, "present")
    same(guest.cpus(), {0})
    guest.start_agent("cpuctl-agent")
    guest.wait_cpus({0, slot})


@guest(agents=OURS, cpus=2, maxcpus=4, fresh=True)
def test_a_cpu_taken_down_stays_down(guest):
    guest.set_online(1, False)
    slot = guest.add_cpu()
    guest.wait_cpus({0, slot})
    guest.stop_agent()
    guest.start_agent("cpuctl-agent")
    same(guest.agent.vcpus(), {0: True, 1: False, slot: True})


@guest(agents=OURS, cpus=1, maxcpus=4, fresh=True)
def test_a_cpu_that_leaves(guest):
    slot = guest.add_cpu()
    guest.wait_cpus({0, slot})
    guest.del_cpu(slot)
    guest.wait_cpus({0}, "present")
    same(guest.agent.vcpus(), {0: True})


@guest(agents=OURS, cpus=2, maxcpus=4, fresh=True)
def test_port_unplugged_and_back(guest):
    guest.unplug_agent_port()
    assert guest.agent_alive()
    guest.plug_agent_port()
    guest.agent.sync(30)
    same(guest.agent.vcpus(), {0: True, 1: True})


@guest(needs=OURS, cpus=2, maxcpus=4, fresh=True)
def test_port_comes_after_the_agent(guest):
    guest.unplug_agent_port()
    guest.start_agent("cpuctl-agent", wait=False)
    assert guest.agent_alive()
    guest.plug_agent_port()
    guest.agent.sync(30)
    same(guest.agent.vcpus(), {0: True, 1: True})


@guest(needs=AGENTS, cpus=2, maxcpus=4, fresh=True)
def test_busy_port_names_its_holder(guest):
    guest.start_agent("qemu-ga")
    said = guest.run("timeout 3 cpuctl-agent 2>&1")
    assert b"qemu-ga" in said.out, said.out
    same(guest.agent.vcpus(), {0: True, 1: True})


@guest(agents=OURS, cpus=2, maxcpus=4)
def test_idle_means_no_wakeups(guest):
    def switches():
        status = guest.sh(f"cat /proc/{guest.agent_pid()}/status")
        return [line for line in status.splitlines() if "ctxt_switches" in line]
    before = switches()
    guest.sh("sleep 4")
    same(switches(), before)


@guest(agents=OURS, cpus=2, maxcpus=4)
def test_ends_well_on_sigterm(guest):
    guest.stop_agent("TERM")
    same(guest.sh("cat /tmp/agent.status"), "0")
