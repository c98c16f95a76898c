# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/run: timeout=900
"""The agent over virtio-serial, driven as a host drives it: the same for qemu-ga and ours."""

from case import AGENTS, guest, raises, same
from channel import CommandError

# Stops the agent until the host has gone; then keeps the kernel's worker, that would tell who is
# connected, off the only CPU until the port has bytes of the next host and the agent has read them.
UNTOLD = """
    mount -t debugfs debugfs /sys/kernel/debug
    port=$(grep -l -x 'name: org.qemu.guest_agent.0' /sys/kernel/debug/virtio-ports/*)
    agent=$(cat /tmp/agent.pid)
    echo -1 >/proc/sys/kernel/sched_rt_runtime_us
    kill -STOP $agent
    chrt -f -p 60 $agent
    echo '<1>untold: stopped' >/dev/kmsg
    until grep -q -x 'host_connected: 0' $port; do sleep 0.1; done
    received=$(grep bytes_received $port)
    chrt -f -p 50 $$
    echo '<1>untold: alone' >/dev/kmsg
    while grep -q -x "$received" $port; do :; done
    kill -CONT $agent
"""


@guest(agents=AGENTS, cpus=2, maxcpus=4)
def test_answers(guest):
    same(guest.agent.execute("guest-ping"), {})
    same(guest.agent.execute("guest-sync", id=2**53 + 1), 2**53 + 1)
    assert guest.agent_port_open()


@guest(agents=AGENTS, cpus=2, maxcpus=4)
def test_info_names_the_commands(guest):
    commands = guest.agent.execute("guest-info")["supported_commands"]
    enabled = {command["name"] for command in commands if command["enabled"]}
    same({"guest-ping", "guest-get-vcpus", "guest-set-vcpus", "guest-info"} - enabled, set())


@guest(agents=AGENTS, cpus=2, maxcpus=4)
def test_id_is_echoed(guest):
    guest.agent.send({"execute": "guest-ping", "id": {"a": [1]}})
    same(guest.agent.reply(), {"return": {}, "id": {"a": [1]}})
    guest.agent.send({"execute": "no-such-command", "id": "x"})
    same(guest.agent.reply()["id"], "x")


@guest(agents=AGENTS, cpus=3, maxcpus=4)
def test_vcpus_as_in_sysfs(guest):
    vcpus = {cpu["logical-id"]: cpu for cpu in guest.agent.execute("guest-get-vcpus")}
    same(set(vcpus), guest.cpus("present"))
    has_file = guest.sh("ls /sys/devices/system/cpu/cpu*/online")
    for number, cpu in vcpus.items():
        same(cpu, {"logical-id": number, "online": True,
                   "can-offline": f"/cpu{number}/" in has_file})


@guest(agents=AGENTS, cpus=3, maxcpus=4)
def test_down_and_up(guest):
    same(guest.agent.set_vcpus(cpu2=False, cpu1=False), 2)
    same(guest.cpus(), {0})
    same(guest.agent.vcpus(), {0: True, 1: False, 2: False})
    same(guest.agent.set_vcpus(cpu1=True, cpu2=False), 2)
    same(guest.cpus(), {0, 1})
    same(guest.agent.set_vcpus(cpu1=True, cpu2=True), 2)
    same(guest.cpus(), {0, 1, 2})


@guest(agents=AGENTS, cpus=3, maxcpus=4)
def test_result_counts_the_prefix(guest):
    same(guest.agent.set_vcpus(), 0)
    same(guest.agent.set_vcpus(cpu1=False, cpu99=False, cpu2=False), 1)
    same(guest.cpus(), {0, 2})
    with raises(CommandError):
        guest.agent.set_vcpus(cpu99=False, cpu2=False)
    same(guest.cpus(), {0, 2})


@guest(agents=AGENTS, cpus=2, maxcpus=4)
def test_cpu_0_can_not_go(guest):
    with raises(CommandError) as error:
        guest.agent.set_vcpus(cpu0=False)
    same(error.caught.kind, "GenericError")
    same(guest.agent.set_vcpus(cpu0=True), 1)


@guest(agents=AGENTS, cpus=2, maxcpus=4)
def test_unknown_command(guest):
    with raises(CommandError) as error:
        guest.agent.execute("no-such-command")
    same(error.caught.kind, "CommandNotFound")
    assert "no-such-command" in error.caught.desc


@guest(agents=AGENTS, cpus=2, maxcpus=4)
def test_wrong_arguments(guest):
    for vcpus in (5, [5], [{"logical-id": 1}], [{"logical-id": "1", "online": True}],
                  [{"logical-id": 1, "online": 1}], [{"logical-id": -1, "online": False}]):
        with raises(CommandError):
            guest.agent.execute("guest-set-vcpus", vcpus=vcpus)
    same(guest.cpus(), {0, 1})


@guest(agents=AGENTS, cpus=2, maxcpus=4)
def test_not_json(guest):
    guest.agent.send(b"{'execute'; }\n")
    assert "error" in guest.agent.reply()
    guest.agent.sync()
    same(guest.agent.execute("guest-ping"), {})


@guest(agents=AGENTS, cpus=2, maxcpus=4)
def test_0xff_drops_half_a_request(guest):
    guest.agent.send(b'{"execute": "guest-set-vcpus", "arguments": {"vcpus": [{"logical-id"')
    guest.agent.sync()
    same(guest.agent.execute("guest-ping"), {})


@guest(agents=AGENTS, cpus=2, maxcpus=4)
def test_host_hangs_up_in_mid_request(guest):
    guest.agent.send(b'{"execute": "guest-set-vcpus", "arguments": {"vcpus": [')
    guest.agent.reconnect()
    guest.agent.sync()
    same(guest.agent.vcpus(), {0: True, 1: True})


@guest(agents=AGENTS, cpus=2, maxcpus=4)
def test_host_hangs_up_before_the_reply(guest):
    wanted = [{"logical-id": 1, "online": False}]
    guest.agent.send({"execute": "guest-set-vcpus", "arguments": {"vcpus": wanted}})
    guest.wait_cpus({0})
    guest.agent.reconnect()
    guest.agent.sync()
    same(guest.agent.vcpus(), {0: True, 1: False})


@guest(agents=("cpuctl-agent",), cpus=1, maxcpus=4, programs=("chrt",), fresh=True)
def test_next_host_before_the_news_of_it(guest):
    guest.write_file("/tmp/untold", UNTOLD)
    guest.agent.sync()
    guest.sh("sh /tmp/untold >/tmp/untold.log 2>&1 &")
    guest.wait_log("untold: stopped")
    guest.agent.close()
    guest.wait_log("untold: alone")
    guest.agent.reconnect()
    guest.agent.sync(timeout=60)
    same(guest.agent.execute("guest-ping"), {})


@guest(agents=AGENTS, cpus=2, maxcpus=4)
def test_no_host_for_a_while(guest):
    guest.agent.close()
    before = guest.agent_cpu_time()
    guest.sh("sleep 2")
    after = guest.agent_cpu_time()
    assert guest.agent_alive()
    # An agent that spins on the port's hang-up would use most of the two seconds.
    assert after - before < 0.5, f"the agent used {after - before} s"
    guest.agent.reconnect()
    guest.agent.sync()
    same(guest.agent.execute("guest-ping"), {})


@guest(agents=AGENTS, cpus=2, maxcpus=4)
def test_killed_and_restarted(guest):
    name = guest.agent_name
    for signal in ("KILL", "TERM"):
        guest.stop_agent(signal)
        assert not guest.agent_port_open()
        guest.agent.send({"execute": "guest-ping"})
        guest.start_agent(name)
        same(guest.agent.vcpus(), {0: True, 1: True})


# Stock qemu-ga 7.2 loses replies when requests come faster than it reads them.
@guest(agents=("cpuctl-agent",), cpus=2, maxcpus=4)
def test_many_requests_at_once(guest):
    for number in range(200):
        guest.agent.send({"execute": "guest-ping", "id": number})
    for number in range(200):
        same(guest.agent.reply(), {"return": {}, "id": number})


@guest(agents=AGENTS, cpus=1, maxcpus=4, fresh=True)
def test_sees_hot_added_cpus(guest):
    slot = guest.add_cpu()
    guest.wait_cpus({0, slot}, "present")
    same(set(guest.agent.vcpus()), {0, slot})
    same(guest.agent.set_vcpus(**{f"cpu{slot}": True}), 1)
    guest.wait_cpus({0, slot})
