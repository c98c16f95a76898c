# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/run: timeout=600
"""What the guest's administrator set: limits on the host, hot-added CPUs, the goal; and how a batch ends early."""

import json
import time

import image
from case import guest, raises, same
from channel import CommandError, wait_until

OURS = ("cpuctl-agent",)
GOAL = "__org.cpuctl_set-goal"
EVENTS = "__org.cpuctl_get-events"


def log(guest):
    return guest.read_file("/tmp/agent.log").decode()


@guest(agents=OURS, cpus=4, agent_arguments="--min-online=2")
def test_min_online(guest):
    same(guest.agent.set_vcpus(cpu3=False, cpu2=False, cpu1=False), 2)
    same(guest.cpus(), {0, 1})
    with raises(CommandError) as error:
        guest.agent.set_vcpus(cpu1=False)
    assert "min-online in the guest's agent.conf is 2" in error.caught.desc, error.caught.desc
    with raises(CommandError) as error:
        guest.agent.execute(GOAL, count=1)
    assert "min-online" in error.caught.desc, error.caught.desc
    same(guest.cpus(), {0, 1})
    # An operator in the guest is not bound by it.
    guest.set_online(1, False)
    same(guest.agent.vcpus(), {0: True, 1: False, 2: False, 3: False})


@guest(agents=OURS, cpus=4, agent_arguments="--max-changes=3 --change-interval=3600")
def test_rate_of_changes(guest):
    same(guest.agent.set_vcpus(cpu1=False, cpu2=False, cpu3=False), 3)
    with raises(CommandError) as error:
        guest.agent.set_vcpus(cpu1=True)
    assert "allows 3 changes in 3600 seconds" in error.caught.desc, error.caught.desc
    # What is so already costs nothing and is no error.
    same(guest.agent.set_vcpus(cpu0=True, cpu1=False, cpu2=False), 3)
    same(guest.cpus(), {0})


@guest(agents=OURS, cpus=8, maxcpus=8, smp="8,sockets=2,cores=2,threads=2", cpu="max,vendor=GenuineIntel")
def test_goal_by_count_and_by_list(guest):
    goal = guest.agent.execute(GOAL, count=3)
    same(goal["reached"], True)
    same(guest.cpus(), guest.cpus("online"))
    same(len(guest.cpus()), 3)
    assert 0 in guest.cpus()
    done = [entry for entry in goal["results"] if entry["result"] == "done"]
    same(len(done), 5)
    assert all(not entry["online"] and entry["duration-us"] > 0 for entry in done), done
    goal = guest.agent.execute(GOAL, cpus="0,6-7")
    same((goal["reached"], goal["online"]), (True, "0,6-7"))
    same(guest.cpus(), {0, 6, 7})
    # CPU 0 has no way to go: the goal is not reached, which the result of that CPU explains.
    goal = guest.agent.execute(GOAL, cpus="6-7")
    same(goal["reached"], False)
    refused = [entry for entry in goal["results"] if entry["result"] == "refused"]
    same([entry["logical-id"] for entry in refused], [0])
    assert refused[0]["reason"], refused
    same(guest.agent.execute(GOAL, count=8)["reached"], True)
    same(guest.cpus(), set(range(8)))
    again = guest.agent.execute(GOAL, count=8)
    same((again["reached"], [e for e in again["results"] if e["result"] == "done"]), (True, []))


@guest(agents=OURS, cpus=4, cmdline="isolcpus=3")
def test_goal_that_leaves_an_isolated_cpu_out(guest):
    # Skipped is not refused, but CPU 3 is not as was asked for either.
    goal = guest.agent.execute(GOAL, cpus="0-1")
    same((goal["reached"], goal["online"]), (False, "0-1,3"))
    same([(e["logical-id"], e["result"]) for e in goal["results"]],
         [(0, "already"), (1, "already"), (3, "skipped"), (2, "done")])
    # By number it is: which CPUs is the guest's choice.
    same(guest.agent.execute(GOAL, count=2)["reached"], True)
    goal = guest.agent.execute(GOAL, cpus="0-1", force=True)
    same((goal["reached"], goal["online"]), (True, "0-1"))


@guest(agents=OURS, cpus=1, maxcpus=4, fresh=True)
def test_events_tell_what_happened(guest):
    slot = guest.add_cpu()
    guest.wait_cpus({0, slot})
    guest.agent.set_vcpus(**{f"cpu{slot}": False})
    guest.wait_cpus({0})
    # The kernel's event of the last change may come after the reply.
    wait_until(lambda: guest.agent.execute(EVENTS)[-1]["event"] == "offlined"
               or guest.agent.execute(EVENTS)[-2]["event"] == "offlined", "the last event")
    events = guest.agent.execute(EVENTS)
    same({event["logical-id"] for event in events}, {slot})
    kinds = [event["event"] for event in events]
    same(sorted(kinds), ["added", "change", "change", "offlined", "onlined"])
    same(kinds[0], "added")
    same(events[0]["hot-added"], True)
    changes = [event for event in events if event["event"] == "change"]
    same([(c["online"], c["result"], c["requester"]) for c in changes],
         [(True, "done", "hotplug"), (False, "done", "host")])
    same([event["number"] for event in events], [1, 2, 3, 4, 5])
    same(guest.agent.execute(EVENTS, count=2), events[-2:])


@guest(agents=OURS, cpus=1, maxcpus=4, fresh=True, agent_arguments="--hotplug=2-3")
def test_hotplug_list(guest):
    slots = [guest.add_cpu() for _ in range(3)]
    guest.wait_cpus({0, 1, 2, 3}, "present")
    guest.wait_cpus({0, 2, 3})
    same(slots, [1, 2, 3])
    same(guest.agent.vcpus(), {0: True, 1: False, 2: True, 3: True})
    wait_until(lambda: "hot-added CPU 1 stays as it is" in log(guest), "the log's word about CPU 1")


@guest(agents=OURS, cpus=1, maxcpus=4, fresh=True, agent_arguments="--hotplug=ignore")
def test_hotplug_ignore(guest):
    guest.add_cpu()
    guest.wait_cpus({0, 1}, "present")
    wait_until(lambda: "hot-added CPU 1 stays as it is" in log(guest), "the log's word about CPU 1")
    same(guest.cpus(), {0})
    # The host may still ask for it.
    same(guest.agent.set_vcpus(cpu1=True), 1)
    same(guest.cpus(), {0, 1})


@guest(agents=OURS, cpus=1, maxcpus=4, fresh=True)
def test_malformed_choice_is_not_guessed(guest):
    guest.sh("mkdir -p /var/lib/cpuctl; echo 1-x >/var/lib/cpuctl/offline")
    guest.add_cpu()
    guest.wait_cpus({0, 1}, "present")
    wait_until(lambda: "var/lib/cpuctl/offline" in log(guest), "the log's word about the file")
    same(guest.cpus(), {0})
    same(guest.agent.execute("guest-ping"), {})


@guest(agents=OURS, cpus=2, maxcpus=4, fresh=True)
def test_cpus_of_the_boot_stay_offline(guest):
    guest.set_online(1, False)
    slot = guest.add_cpu()
    guest.wait_cpus({0, slot})
    guest.stop_agent()
    guest.start_agent("cpuctl-agent")
    same(guest.agent.execute("guest-ping"), {})
    same(guest.cpus(), {0, slot})


def long_batch(guest):
    """Asks for many changes at once, and returns when the first was made."""
    wanted = [{"logical-id": cpu, "online": online} for online in (False, True) * 10 for cpu in (1, 2, 3)]
    guest.agent.send({"execute": "guest-set-vcpus", "arguments": {"vcpus": wanted}})
    wait_until(lambda: "CPU 1 offline for the host: done" in log(guest), "the first change")
    return len(wanted)


@guest(agents=OURS, cpus=4, fresh=True)
def test_sigterm_ends_a_batch_between_two_cpus(guest):
    size = long_batch(guest)
    guest.sh("kill -TERM $(pidof cpuctl-agent)")
    # What was done is answered before the agent ends.
    done = guest.agent.reply()["return"]
    assert 0 < done < size, done
    same(log(guest).count(": done in"), done)
    wait_until(lambda: not guest.agent_alive(), "the agent's end")
    assert f"guest-set-vcpus ends after {done} of {size} CPUs" in log(guest), log(guest)


@guest(agents=OURS, cpus=4, fresh=True)
def test_hang_up_ends_a_batch_between_two_cpus(guest):
    size = long_batch(guest)
    guest.agent.close()
    wait_until(lambda: "the host hung up" in log(guest), "the log's word about the batch")
    done = log(guest).count(": done in")
    assert 0 < done < size, done
    time.sleep(0.5)
    same(log(guest).count(": done in"), done)
    guest.agent.reconnect()
    guest.agent.sync()
    same(len(guest.agent.vcpus()), 4)


@guest(agents=OURS, cpus=1)
def test_shutdown_that_can_not_be_is_an_error(guest):
    # Process 1 is a shell script, there is no logind: nobody would listen.
    guest.agent.send({"execute": "guest-shutdown", "arguments": {"mode": "reboot"}, "id": 1})
    reply = guest.agent.reply()
    same((reply["id"], reply["error"]["class"]), (1, "GenericError"))
    assert "process 1" in reply["error"]["desc"], json.dumps(reply)
    same(guest.agent.execute("guest-ping"), {})


@guest(agents=OURS, cpus=1, fresh=True, cmdline="rdinit=/bin/init", files=image.INITTAB)
def test_shutdown_by_busybox_init(guest):
    same(guest.sh("readlink /proc/1/exe; tr '\\0' ' ' </proc/1/cmdline").split(), ["/bin/busybox", "init"])
    guest.agent.send({"execute": "guest-shutdown", "arguments": {"mode": "powerdown"}})
    same(guest.qmp.wait_event("SHUTDOWN", 60)["reason"], "guest-shutdown")
