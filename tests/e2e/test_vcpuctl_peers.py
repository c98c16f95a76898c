# SPDX-License-Identifier: LGPL-2.1-or-later
"""vcpuctl with VMMs and agents that lie, hang, talk rubbish or die: every case ends, and says why."""

import time

from case import plain, same
from fake_vm import Error, Pair

HALF = b'{"return": [{"cpu-index": 0, "thr'


def failed(done, words, status=1):
    assert done.status == status and words in done.err, done


@plain()
def test_up_and_down():
    with Pair() as vm:
        done = vm.tool("setvcpus", 3, "--live")
        same((done.status, done.out, done.err), (0, "\n", "vCPU 1: online\nvCPU 2: online\n"))
        done = vm.tool("setvcpus", 1, "--live")
        same((done.status, done.out, done.err), (0, "\n", "vCPU 2: removed\nvCPU 1: removed\n"))
        same((vm.vmm.plugged, vm.agent.cpus), ({0}, {0: True}))
        same(vm.notes(), {})


@plain()
def test_monitors_that_talk_rubbish():
    for greeting, words in ((b"SSH-2.0-OpenSSH_9.2\r\n", "is not JSON: JSON parse error"),
                            (b'{"return": {}}\n', "what came first is no greeting"),
                            (b'[]\n', "is not a JSON object")):
        with Pair() as vm:
            vm.vmm.greeting = greeting
            failed(vm.tool("vcpucount"), words)
    for answer, words in ((b"\x00\x01\n", "is not JSON"), (b'{"return": 1, "id": 99}\n', "with the id 99"),
                          (b'{"return": 1}\n', "came without its id"),
                          (b'{"return": 5, "id": 3}\n', "the reply to 'query-hotpluggable-cpus' is not of")):
        with Pair() as vm:
            vm.vmm.say["query-hotpluggable-cpus"] = answer
            failed(vm.tool("vcpucount"), words)


@plain()
def test_a_monitor_that_hangs():
    with Pair() as vm:
        vm.vmm.say["query-cpus-fast"] = HALF
        begin = time.monotonic()
        done = vm.tool("vcpucount")
        failed(done, "the reply to 'query-cpus-fast' did not come within 10.000 s (the first 30 bytes")
        assert time.monotonic() - begin < 60


@plain()
def test_values_that_can_not_be():
    wrong = ({"cpu-index": 4, "thread-id": 1}, {"cpu-index": -1, "thread-id": 1}, {"cpu-index": 0}, 7)
    for entry in wrong:
        with Pair() as vm:
            vm.vmm.query_cpus_fast = lambda entry=entry: [entry]
            failed(vm.tool("vcpucount"), "internal error: query-cpus-fast: ")


@plain()
def test_agents_that_lie():
    wrong = (([], "it has no vCPU that is online"), ({}, "it is not an array"), ([3], "'return[0]'"),
             ([{"logical-id": 0, "online": True}], "'can-offline' is missing"),
             ([{"logical-id": -1, "online": True, "can-offline": True}], "'logical-id'"),
             ([{"logical-id": 0, "online": True, "can-offline": True}] * 2, "listed twice"),
             ([{"logical-id": 0, "online": False, "can-offline": False}], "is offline and can not be"))
    for reply, words in wrong:
        with Pair() as vm:
            vm.agent.say["guest-get-vcpus"] = reply
            failed(vm.tool("guestvcpus"), words)
            failed(vm.tool("vcpucount", "--guest"), words)
    with Pair(plugged=2) as vm:
        vm.agent.say["guest-set-vcpus"] = 7
        failed(vm.tool("setvcpus", 1, "--guest"), "the guest agent says that it changed 7 of 1 vCPUs")
        vm.agent.say["guest-set-vcpus"] = 0
        failed(vm.tool("guestvcpus", 1, "--disable"), "the guest agent says that it changed 0 of 1 vCPUs")


@plain()
def test_a_goal_takes_no_cpu_of_others():
    """A goal names all that are to be online: it is not given while another CPU may be about to come online."""
    with Pair(plugged=3) as vm:
        vm.agent.say["__org.cpuctl_set-goal"] = {"results": []}
        vm.agent.cpus[2] = False
        same(vm.tool("guestvcpus", 1, "--disable").status, 0)
        same((vm.agent.cpus[1], "__org.cpuctl_set-goal" in vm.agent.seen), (False, False))
        vm.agent.cpus.update({1: True, 2: True})
        same(vm.tool("guestvcpus", "1-2", "--disable").status, 0)
        same(vm.agent.seen[-1], "__org.cpuctl_set-goal")


@plain()
def test_an_agent_that_sees_what_is_not():
    with Pair() as vm:
        vm.agent.cpus[3] = True
        same(vm.notes(), {3: "the guest's agent says that it is online, but the VMM has no such vCPU"})
        vm.agent.cpus[3] = False
        same(vm.notes(), {3: "unplugged, but the guest still lists it"})


@plain()
def test_an_agent_that_hangs():
    with Pair(plugged=2) as vm:
        vm.agent.say["guest-sync-delimited"] = b"\xff{\"return\": "
        done = vm.tool("setvcpus", 1, "--live", "--timeout", 2)
        same((done.status, vm.vmm.plugged), (0, {0}))
        assert "warning: the guest's CPUs could not be looked at: Guest agent is not responding" in done.err
        failed(vm.tool("qemu-agent-command", "{}", "--timeout", 1), "Guest agent is not responding")


@plain()
def test_a_guest_that_refuses_to_take_offline():
    with Pair(plugged=3) as vm:
        vm.agent.stuck[1] = "a task is in the way"
        done = vm.tool("setvcpus", 1, "--live")
        failed(done, "a task is in the way")
        same((vm.vmm.plugged, vm.agent.cpus), ({0, 1, 2}, dict.fromkeys(range(3), True)))
        assert "device_del" not in vm.vmm.seen
    # It is told who it is; what went before may stay so.
    with Pair(plugged=4) as vm:
        vm.agent.stuck[2] = "a task is in the way"
        done = vm.tool("setvcpus", 1, "--live")
        failed(done, "vCPU 2: refused: ")
        assert "vCPU 3" not in done.err and "vCPU 1" not in done.err, done
        same((vm.vmm.plugged, vm.agent.cpus), (set(range(4)), dict.fromkeys(range(4), True)))
        done = vm.tool("setvcpus", 1, "--live", "--keep-partial")
        failed(done, "vCPU 2: refused: ", 64)
        failed(done, "\nvCPU 3: removed\nerror: internal error: unable to execute QEMU agent command", 64)
        same((vm.vmm.plugged, vm.agent.cpus), ({0, 1, 2}, dict.fromkeys(range(3), True)))
        vm.agent.say["guest-get-vcpus"] = Error("it is not allowed")
        failed(vm.tool("setvcpus", 1, "--live", "--keep-partial"), "it is not allowed")
        same(vm.vmm.plugged, {0, 1, 2})


@plain()
def test_an_agent_whose_socket_is_like_another():
    with Pair(plugged=2) as vm:
        path = vm.folder / "agent"
        vm.vmm.say["query-chardev"] = [
            {"label": "a", "filename": f"unix:{path},server=on", "frontend-open": True},
            {"label": "b", "filename": f"disconnected:unix:{path}2,server=on", "frontend-open": False}]
        same(vm.tool("vcpucount", "--guest").out, "2\n\n")
        vm.vmm.say["query-chardev"][0]["frontend-open"] = False
        failed(vm.tool("vcpucount", "--guest"), "QEMU guest agent is not connected")


@plain()
def test_a_guest_that_refuses_to_eject():
    words = "vcpu '1' can't be unplugged: the guest answered 'the device is busy' (_OST source 0x3, status 0x82)"
    with Pair(plugged=4) as vm:
        vm.vmm.refuse.add(1)
        done = vm.tool("setvcpus", 1, "--live")
        failed(done, words, 64)
        assert "vCPU 3: put back" in done.err and "vCPU 2: put back" in done.err, done
        same((vm.vmm.plugged, vm.agent.cpus), ({0, 1, 2, 3}, dict.fromkeys(range(4), True)))
    with Pair(plugged=4) as vm:
        vm.vmm.refuse.add(1)
        failed(vm.tool("setvcpus", 1, "--live", "--keep-partial"), words, 64)
        same((vm.vmm.plugged, vm.agent.cpus), ({0, 1}, dict.fromkeys(range(2), True)))


@plain()
def test_a_guest_that_never_answers():
    with Pair(plugged=3) as vm:
        vm.vmm.silent.add(2)
        done = vm.tool("setvcpus", 1, "--live", "--timeout", 1)
        failed(done, "vCPU 2: pending: the guest has been asked to eject it and has not answered", 64)
        failed(done, "give the same command again to go on waiting", 64)
        vm.vmm.silent.clear()
        same(vm.tool("setvcpus", 1, "--live").status, 0)
        same((vm.vmm.plugged, vm.agent.cpus), ({0}, {0: True}))
        vm.vmm.silent.add(1)
        done = vm.tool("setvcpus", 2, "--live", "--timeout", 1)
        failed(done, "vCPU 1: pending: it is plugged, and the guest has not answered (no _OST)", 64)
        same(vm.notes(), {1: "plugged, but the guest has not taken it and never answered (no _OST)"})
        done = vm.tool("setvcpus", 3, "--live", "--no-wait")
        same((done.status, vm.vmm.plugged), (0, {0, 1, 2}))


@plain()
def test_a_cpu_that_does_not_come_online():
    with Pair() as vm:
        add = vm.vmm.device_add

        def device_add(**properties):
            reply = add(**properties)
            vm.agent.cpus[1] = False
            return reply
        vm.vmm.device_add = device_add
        vm.agent.stuck[1] = "cpu1: Input/output error"
        failed(vm.tool("setvcpus", 2, "--live"), "cpu1: Input/output error", 64)
        assert "the guest has it offline" in vm.notes()[1]
        # Asked again when it can, it comes.
        vm.agent.stuck.clear()
        same(vm.tool("setvcpus", 2, "--live").status, 0)
        same((vm.agent.cpus, vm.notes()), ({0: True, 1: True}, {}))


@plain()
def test_a_vmm_that_dies():
    with Pair(plugged=2) as vm:
        vm.vmm.device_del = lambda id: vm.vmm.client.shutdown(2)
        done = vm.tool("setvcpus", 1, "--live")
        failed(done, "the other side closed the connection while the reply to 'device_del' was awaited", 64)
        failed(done, "vCPU 1: pending: the VMM has been asked and has not answered", 64)


@plain()
def test_what_the_vmm_refuses():
    with Pair(plugged=2) as vm:
        vm.vmm.say["device_add"] = Error("Invalid CPU")
        done = vm.tool("setvcpus", 3, "--live")
        failed(done, "internal error: unable to execute QEMU command 'device_add': Invalid CPU")
        vm.vmm.say["device_del"] = Error("Device 'vcpu1' not found", "DeviceNotFound")
        failed(vm.tool("setvcpus", 1, "--live"), "'device_del': Device 'vcpu1' not found")
        same(vm.agent.cpus, {0: True, 1: True})


@plain()
def test_removals_of_others():
    """A list takes back the removals of those that it names, a count all of them: it counts these, too."""
    for words, left in (((3, "--enable"), {2}), (("2-3", "--enable"), set())):
        with Pair(plugged=3, cpuvmm=True) as vm:
            vm.vmm.asked[2], vm.agent.cpus[2] = ("removal", "requested"), False
            same(vm.tool("setvcpu", *words).status, 0)
            same((vm.vmm.plugged, set(vm.vmm.asked)), ({0, 1, 2, 3}, left))
            same(vm.agent.cpus, {cpu: cpu not in left for cpu in range(4)})
            same(vm.tool("setvcpus", 4).status, 0)
            same((vm.vmm.asked, set(vm.agent.cpus.values())), ({}, {True}))
            failed(vm.tool("setvcpu", 2, "--enable"), "vcpu '2' is already in requested state")
    with Pair(plugged=3, cpuvmm=True) as vm:
        vm.vmm.asked[2] = ("removal", "in-progress")
        vm.vmm.say["__org.cpuctl_cancel-device-del"] = Error("too late")
        failed(vm.tool("setvcpu", "2-3", "--enable"), "vcpu '2' is being removed: ")
        same(vm.vmm.plugged, {0, 1, 2})


@plain()
def test_a_guest_with_numbers_of_its_own():
    with Pair() as vm:
        vm.vmm.plugged.add(3)
        vm.agent.cpus[1] = True
        same(vm.notes(), {3: "the guest calls vCPU 3 CPU 1"})


@plain()
def test_emulated_cpus_are_not_removed():
    with Pair(plugged=2, kvm=False) as vm:
        failed(vm.tool("setvcpus", 1, "--live"), "this QEMU emulates its CPUs (TCG)")
        assert "device_del" not in vm.vmm.seen
