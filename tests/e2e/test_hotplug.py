# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/run: timeout=900
"""What our agent does by itself about hot-added CPUs, in a guest without udevd."""

from case import AGENTS, guest, same
from channel import wait_until

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


def restart(guest):
    """The agent is killed without a warning and started again."""
    guest.stop_agent("KILL")
    guest.start_agent("cpuctl-agent")


def host_offline(guest):
    return guest.run("cat /run/cpuctl-agent/host-offline").out.decode().strip()


@guest(agents=OURS, cpus=1, maxcpus=4, fresh=True)
def test_what_the_host_took_offline_stays_so(guest):
    for _ in range(3):
        guest.add_cpu()
    guest.wait_cpus({0, 1, 2, 3})
    same(guest.agent.set_vcpus(cpu1=False, cpu2=False, cpu3=False), 3)
    same(host_offline(guest), "1-3")
    restart(guest)
    # What the sweep finds is brought online before the log says that anything stays.
    wait_until(lambda: guest.sh("cat /tmp/agent.log").count("the host took it offline") == 3, "the log's word")
    same(guest.agent.vcpus(), {0: True, 1: False, 2: False, 3: False})

    # Brought online: by the host, by its goal, and by hand (which an event tells).
    same(guest.agent.set_vcpus(cpu1=True), 1)
    same(host_offline(guest), "2-3")
    same(guest.agent.execute("__org.cpuctl_set-goal", cpus="0-2")["reached"], True)
    same(host_offline(guest), "3")
    guest.set_online(3, True)
    wait_until(lambda: host_offline(guest) == "", "the agent's note of CPU 3 to go")
    for cpu in (1, 2, 3):
        guest.set_online(cpu, False)
    restart(guest)
    guest.wait_cpus({0, 1, 2, 3})

    # Unplugged; and by hand behind the back of an agent that does not run.
    same(guest.agent.execute("__org.cpuctl_set-goal", cpus="0")["reached"], True)
    same(host_offline(guest), "1-3")
    guest.del_cpu(3)
    guest.wait_cpus({0, 1, 2}, "present")
    wait_until(lambda: host_offline(guest) == "1-2", "the agent's note of CPU 3 to go")
    guest.stop_agent("KILL")
    guest.set_online(2, True)
    guest.start_agent("cpuctl-agent")
    same(guest.agent.vcpus(), {0: True, 1: False, 2: True})
    same(host_offline(guest), "1")


@guest(agents=OURS, cpus=1, maxcpus=4, fresh=True)
def test_a_goal_wins_over_what_was_added_before(guest):
    """The agent finds both at once: the CPU that was added, and the goal that came after it."""
    for slot, arguments, online in ((1, {"count": 1}, {0}), (2, {"cpus": "0-1"}, {0, 1})):
        guest.sh("kill -STOP $(cat /tmp/agent.pid)")
        guest.add_cpu()
        guest.wait_cpus(set(range(slot + 1)), "present")
        guest.agent.send({"execute": "__org.cpuctl_set-goal", "arguments": arguments})
        guest.sh("kill -CONT $(cat /tmp/agent.pid)")
        same(guest.agent.reply()["return"]["reached"], True)
        wait_until(lambda: ("added", slot) in [(event["event"], event.get("logical-id")) for event in
                                               guest.agent.execute("__org.cpuctl_get-events")], "the CPU's event")
        same((guest.cpus(), host_offline(guest)), (online, str(slot)))
        restart(guest)
        wait_until(lambda: f"hot-added CPU {slot} stays" in guest.sh("cat /tmp/agent.log"), "the log's word")
        same(guest.cpus(), online)
        # An operator has the last word.
        guest.set_online(slot, True)
        wait_until(lambda: host_offline(guest) == "", "the agent's note to go")
    guest.add_cpu()
    guest.wait_cpus({0, 1, 2, 3})


@guest(agents=OURS, cpus=1, maxcpus=4, fresh=True)
def test_a_malformed_note_of_the_host_is_dropped(guest):
    guest.add_cpu()
    guest.wait_cpus({0, 1})
    same(guest.agent.set_vcpus(cpu1=False), 1)
    guest.write_file("/run/cpuctl-agent/host-offline", b"1-\x1b[2J\n")
    restart(guest)
    guest.wait_cpus({0, 1})
    same(guest.agent.set_vcpus(cpu1=False), 1)
    same(host_offline(guest), "1")


@guest(agents=OURS, cpus=1, maxcpus=4, fresh=True)
def test_a_note_that_can_not_be_written_fails_nothing(guest):
    guest.add_cpu()
    guest.wait_cpus({0, 1})
    guest.sh("echo >/run/cpuctl-agent")
    same(guest.agent.set_vcpus(cpu1=False), 1)
    same(guest.agent.vcpus(), {0: True, 1: False})
    same(guest.sh("cat /tmp/agent.log").count("will not know which CPUs the host took offline"), 1)


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
