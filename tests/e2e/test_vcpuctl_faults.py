# SPDX-License-Identifier: LGPL-2.1-or-later
"""vcpuctl on running domains that are not as they should be: each sentence of status is provoked;
interrupts, deaths, operators who meet, damaged files, hostile words. No guest: see fake_domain.py."""

import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading

from case import Skip, plain, same
from channel import wait_until
from fake_domain import FakeDomain, definition
from fake_vm import Error
from tool import PROGRAM, vcpuctl

GO_ON = "give the same command again to go on"
NOT_NEXT = "not plugged; the next start has it, by the definition"


def failed(done, words, status=1):
    assert done.status == status and words in done.err, done


# What differs, and what status says of vCPU 1 then. cpus: what the guest has.
SENTENCES = (
    ({"plugged": 2}, None),
    ({"plugged": 1, "cpus": 2}, "the guest's agent says that it is online, but the VMM has no such vCPU"),
    ({"plugged": 1, "cpus": 2, "offline": 1}, "unplugged, but the guest still lists it"),
    ({"plugged": 2, "requested": 1}, "to be removed; the guest has not answered"),
    ({"plugged": 2, "requested": 1, "cpus": 1}, "to be removed; the guest does not have it, and the VMM does"),
    ({"plugged": 2, "requested": 1, "offline": 1},
     "to be removed; the guest has it offline and has not ejected it"),
    ({"plugged": 2, "requested": 1, "ost": (3, 0x84)},
     "to be removed; the guest is at it and has not ejected it yet"),
    ({"plugged": 2, "requested": 1, "ost": (3, 0x82)},
     "to be removed, and the guest refused: the device is busy"),
    ({"plugged": 2, "requested": 1, "cpuvmm": ("removal", "requested")},
     "to be removed; the guest has not taken the request yet"),
    ({"plugged": 2, "requested": 1, "cpuvmm": ("removal", "in-progress"), "ost": (3, 0x84)},
     "to be removed; the guest is at it and has not ejected it yet"),
    ({"plugged": 2, "requested": 1, "cpuvmm": ("removal", "rejected"), "ost": (3, 0x82)},
     "to be removed, and the guest refused: the device is busy"),
    ({"plugged": 2, "cpuvmm": ("removal", "rejected"), "ost": (3, 0x82)},
     "the guest refused to give it: the device is busy"),
    ({"plugged": 2, "cpuvmm": ("removal", "requested")},
     "asked for, but its removal is under way: the guest has not taken the request yet"),
    ({"plugged": 2, "cpuvmm": ("removal", "in-progress"), "ost": (3, 0x84)},
     "asked for, but its removal is under way: the guest is at it and has not ejected it yet"),
    ({"plugged": 1, "requested": 2},
     "asked for, but the VMM does not have it: it could not be plugged, or the guest gave it back"),
    ({"plugged": 2, "cpus": 1}, "plugged, but the guest has not taken it and never answered (no _OST)"),
    ({"plugged": 2, "cpus": 1, "ost": (1, 1)}, "plugged, but the guest did not take it: non-specific failure"),
    ({"plugged": 2, "cpus": 1, "ost": (1, 0)},
     "plugged, and the guest's ACPI took it, but its agent does not list it"),
    ({"plugged": 2, "offline": 1},
     "the guest has it offline; guestvcpus --cpulist 1 --enable brings it online"),
    ({"plugged": 2, "configured": 1}, "plugged; the next start does not have it, by the definition"),
    ({"plugged": 1, "configured": 2}, NOT_NEXT),
)


@plain()
def test_every_sentence_of_status():
    for how, sentence in SENTENCES:
        shape = {name: how[name] for name in ("plugged", "requested", "configured") if name in how}
        shape.setdefault("configured", shape.get("requested", shape["plugged"]))
        with FakeDomain(cpuvmm="cpuvmm" in how, **shape) as vm:
            vm.agent.cpus = {cpu: cpu != how.get("offline") for cpu in range(how.get("cpus", how["plugged"]))}
            if "cpuvmm" in how:
                vm.vmm.asked[1] = how["cpuvmm"]
            if "ost" in how:
                vm.vmm.ost[1] = how["ost"]
            same(vm.notes(), {1: sentence} if sentence else {})
            if sentence:
                assert sentence in vm.tool("status").out


def begin(vm, *words, seen, **more):
    """Start vcpuctl and wait until the VMM or the agent has been sent command `seen`."""
    process = vm.start(*words, **more)
    wait_until(lambda: seen in vm.vmm.seen + vm.agent.seen, seen, 60, 0.05)
    return process


def interrupt(vm, *words, seen):
    """The same, and ^C then."""
    process = begin(vm, *words, seen=seen)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    same(out, "\n")
    return process.returncode, err


@plain()
def test_interrupted_removal():
    """It says of each vCPU how far it is, lets the lock go, and can be gone on with."""
    with FakeDomain(4) as vm:
        vm.vmm.silent.add(3)
        status, err = interrupt(vm, "setvcpus", 2, seen="device_del")
        same((status, err), (64, f"""\
vCPU 3: pending: the guest has been asked to eject it and has not answered
vCPU 2: pending: the guest has it offline and has not been asked to eject it yet
error: interrupted: what is pending stays so; see status, and {GO_ON}
"""))
        same(vm.requested(), 2)
        note = "to be removed; the guest has it offline and has not ejected it"
        same(vm.notes(), {2: note, 3: note})
        vm.vmm.silent.clear()
        done = vm.tool("setvcpus", 2, "--timeout", 20)
        same((done.status, done.err), (0, "vCPU 3: removed\nvCPU 2: removed\n"))
        same((vm.vmm.plugged, vm.agent.cpus), ({0, 1}, dict.fromkeys(range(2), True)))


@plain()
def test_interrupted_addition():
    with FakeDomain(1) as vm:
        vm.vmm.silent.add(1)
        status, err = interrupt(vm, "setvcpus", 4, seen="device_add")
        same((status, err), (64, f"""\
vCPU 1: pending: it is plugged, and the guest has not answered (no _OST)
error: interrupted: what is pending stays so; see status, and {GO_ON}
"""))
        same(vm.requested(), 2)
        vm.agent.cpus[1] = True
        same(vm.tool("setvcpus", 4, "--timeout", 20).status, 0)
        same(vm.vmm.plugged, set(range(4)))


@plain()
def test_interrupted_while_the_agent_works():
    with FakeDomain(3) as vm:
        vm.agent.say["__org.cpuctl_set-goal"] = None
        status, err = interrupt(vm, "setvcpus", 1, seen="__org.cpuctl_set-goal")
        same(status, 64)
        for cpu in (2, 1):
            assert f"vCPU {cpu}: pending: the guest's agent has been asked to take it offline\n" in err, err
        assert "device_del" not in vm.vmm.seen


@plain()
def test_interrupted_before_it_begins():
    """Nothing is changed, and so it is said; the next one finds no lock."""
    with FakeDomain(2) as vm:
        vm.agent.say["guest-sync-delimited"] = b""
        for count in (1, 3):
            vm.agent.seen.clear()
            same(interrupt(vm, "setvcpus", count, seen="guest-sync-delimited"),
                 (1, "error: interrupted: nothing has been changed\n"))
            same((vm.vmm.plugged, vm.requested()), ({0, 1}, 2))
        vm.agent.say.clear()
        same(vm.tool("setvcpus", 1, "--timeout", 10).status, 0)


@plain()
def test_interrupted_while_the_vmm_works():
    for command, count, cpu in (("device_del", 1, 1), ("device_add", 3, 2)):
        with FakeDomain(2) as vm:
            vm.vmm.say[command] = b""
            status, err = interrupt(vm, "setvcpus", count, seen=command)
            same(status, 64)
            assert f"vCPU {cpu}: pending: the VMM has been asked and has not answered\n" in err, err
            assert "error: interrupted: what is pending stays so" in err, err


@plain()
def test_killed_in_the_middle():
    """vcpuctl's end, or the operator's log-out, loses nothing: status tells, and the same command goes on."""
    for number in (signal.SIGKILL, signal.SIGHUP):
        with FakeDomain(3) as vm:
            vm.vmm.silent.add(2)
            process = begin(vm, "setvcpus", 1, seen="device_del")
            process.send_signal(number)
            process.communicate(timeout=60)
            note = "to be removed; the guest has it offline and has not ejected it"
            same((process.returncode, vm.requested(), vm.notes()), (-number, 1, {1: note, 2: note}))
            vm.vmm.silent.clear()
            same(vm.tool("setvcpus", 1, "--timeout", 20).err, "vCPU 2: removed\nvCPU 1: removed\n")
            same((vm.vmm.plugged, vm.notes()), ({0}, {1: NOT_NEXT, 2: NOT_NEXT}))


@plain()
def test_all_are_wanted_again():
    """Who asks for all vCPUs again while some are pending has asked for all of them."""
    with FakeDomain(3) as vm:
        vm.vmm.silent.add(2)
        failed(vm.tool("setvcpus", 1, "--timeout", 1), "the guest has not answered about vcpu '2' within 1 s", 64)
        same(vm.requested(), 1)
        # What is there is what counts.
        same(json.loads(vm.tool("dominfo", options=("--json",)).out)["cpus"], 3)
        same(vm.tool("setvcpus", 3).status, 0)
        same((vm.requested(), vm.agent.cpus, vm.notes()), (3, dict.fromkeys(range(3), True), {}))


@plain()
def test_vmm_killed_in_the_middle():
    with FakeDomain(3) as vm:
        vm.vmm.silent.add(2)
        process = begin(vm, "setvcpus", 1, seen="device_del")
        vm.die()
        _, err = process.communicate(timeout=60)
        same(process.returncode, 64)
        assert "the other side closed the connection while an event was awaited" in err, err
        assert "vCPU 1: pending: the guest has it offline" in err, err
        same(vm.tool("domstate", "--reason").out.strip(), "shut off (crashed)")
        failed(vm.tool("setvcpus", 2, "--live"), "domain is not running")
        same(vm.tool("setvcpus", 2, "--config").status, 0)


@plain()
def test_agent_that_dies_in_the_middle():
    """The kernel's ACPI is enough; it is said that nobody could look."""
    with FakeDomain(2) as vm:
        def die():
            vm.agent.close()
            return None
        command = vm.agent.command
        vm.agent.command = lambda name, arguments: (
            die() if name == "__org.cpuctl_set-goal" else command(name, arguments))
        done = vm.tool("setvcpus", 1)
        same((done.status, vm.vmm.plugged), (0, {0}))
        assert done.err.startswith("vCPU 1: removed\nwarning: the guest's CPUs could not be looked at: "), done
        # And one that is dead from the beginning.
        done = vm.tool("setvcpus", 2)
        same((done.status, vm.vmm.plugged), (0, {0, 1}))
        assert "vCPU 1: plugged\nwarning: " in done.err and "Connection refused" in done.err, done
        failed(vm.tool("guestvcpus"), "Guest agent is not responding")


@plain()
def test_guest_that_does_not_take_a_cpu():
    """It stays plugged, which is said; so it is not nothing that was done."""
    with FakeDomain(1) as vm:
        vm.vmm.silent.add(1)
        add = vm.vmm.device_add

        def device_add(**properties):
            add(**properties)
            vm.vmm.tell_ost(1, 1, 1)
            return {}
        vm.vmm.device_add = device_add
        failed(vm.tool("setvcpus", 2), "vCPU 1: refused: the guest answered 'non-specific failure' (_OST source "
               "0x1, status 0x1); it stays plugged\n", 64)
        same(vm.requested(), 2)
        same(vm.notes(), {1: "plugged, but the guest did not take it: non-specific failure"})


@plain()
def test_shutdown_in_the_middle():
    for plugged, count, seen in ((2, 1, "device_del"), (1, 2, "device_add")):
        with FakeDomain(plugged) as vm:
            vm.vmm.silent.add(1)
            process = begin(vm, "setvcpus", count, seen=seen)
            vm.vmm.event("SHUTDOWN", guest=True)
            same((process.communicate(timeout=60)[1], process.returncode), (
                "vCPU 1: pending: the VM was shut down before the guest answered\n"
                "error: Requested operation is not valid: the VM was shut down\n", 64))


@plain()
def test_two_operators_resize():
    """One wins; the other is told for whom it waits, and what is so then."""
    with FakeDomain(3) as vm:
        vm.vmm.silent.add(2)
        first = begin(vm, "setvcpus", 2, "--timeout", 600, seen="device_del")
        failed(vm.tool("setvcpus", 3, "--timeout", 1),
               f"cannot acquire state change lock (held by pid {first.pid} ({PROGRAM} setvcpus vm 2 ")
        second = vm.start("setvcpus", 1, "--timeout", 60)
        vm.vmm.silent.clear()
        vm.vmm.device_del("vcpu2")
        same((first.communicate(timeout=60)[1], first.returncode), ("vCPU 2: removed\n", 0))
        same((second.communicate(timeout=60)[1], second.returncode), ("vCPU 1: removed\n", 0))
        same((vm.vmm.plugged, vm.agent.cpus), ({0}, {0: True}))


@plain()
def test_waiting_for_the_agent():
    """Who waits for the agent without end keeps nobody from asking the VMM."""
    with FakeDomain(1) as vm:
        vm.agent.say["guest-ping"] = None
        process = begin(vm, "qemu-agent-command", "--block", '{"execute":"guest-ping"}', seen="guest-ping")
        same(vm.tool("vcpucount", "--live").out, "1\n\n")
        failed(vm.tool("setvcpus", 2, "--timeout", 1), f"held by pid {process.pid} ")
        process.terminate()
        process.communicate(timeout=60)


@plain()
def test_put_back_without_success():
    """What can't be brought online again is named."""
    with FakeDomain(3) as vm:
        vm.vmm.refuse.add(1)
        add = vm.vmm.device_add

        def device_add(**properties):
            vm.agent.stuck[2] = "cpu2: Input/output error"
            add(**properties)
            vm.agent.cpus[2] = False
            return {}
        vm.vmm.device_add = device_add
        done = vm.tool("setvcpus", 1)
        failed(done, "vCPU 2: put back: the guest may have it offline still: ", 64)
        assert "cpu2: Input/output error" in done.err, done
        same(vm.requested(), 3)
        same(vm.notes(), {2: "the guest has it offline; guestvcpus --cpulist 2 --enable brings it online"})


@plain()
def test_put_back_and_not_taken():
    """A vCPU that is plugged again, and that the guest does not take, is called no more than that."""
    with FakeDomain(3) as vm:
        vm.vmm.refuse.add(1)
        vm.vmm.device_add = lambda **properties: vm.vmm.plugged.add(properties["socket-id"]) or {}
        process = begin(vm, "setvcpus", 1, seen="device_add")
        asked = len(vm.agent.seen)
        wait_until(lambda: len(vm.agent.seen) > asked + 1, "it to look for vCPU 2 in the guest", 60, 0.05)
        process.send_signal(signal.SIGINT)
        err = process.communicate(timeout=60)[1]
        same((process.returncode, vm.vmm.plugged, vm.requested()), (64, {0, 1, 2}, 3))
        assert "vCPU 2: put back: it is plugged, and the guest has not taken it yet\n" in err, err


@plain()
def test_hostile_words():
    """What a guest or a VMM says moves no cursor and makes no lines of its own."""
    words = "so\x1b]0;mine\x07\r\x7f\u009b2J\nerror: all is well"
    with FakeDomain(2) as vm:
        vm.agent.stuck[1] = words
        says = [vm.tool("setvcpus", 1), vm.tool("guestvcpus", 1, "--disable")]
        vm.agent.say["guest-get-vcpus"] = Error(words)
        says += [vm.tool("status"), vm.tool("guestvcpus")]
        vm.agent.say["__org.cpuctl_set-goal"] = {"results": [{"result": "refused", "reason": words}]}
        del vm.agent.say["guest-get-vcpus"]
        says += [vm.tool("setvcpus", 1)]
        vm.vmm.say["query-cpus-fast"] = Error(words)
        says += [vm.tool("vcpucount")]
        vm.vmm.greeting = words.encode() + b"\n"
        says += [vm.tool("status")]
        for done in says[:-1]:
            assert "so?]0;mine??" in done.out + done.err, done
        for done in says:
            assert not re.search("[\0-\x09\x0b-\x1f\x7f-\x9f]", done.out + done.err), done
            assert "\nerror: all is well" not in done.out + done.err, done


@plain()
def test_vmm_that_changes_its_mind():
    """Fewer possible vCPUs than before, and threads of others, are refused."""
    with FakeDomain(4) as vm:
        vm.vmm.silent.add(3)
        process = begin(vm, "setvcpus", 1, seen="device_del")
        cpus = vm.vmm.query_hotpluggable_cpus()[-1:]
        vm.vmm.query_hotpluggable_cpus = lambda: cpus
        vm.vmm.query_cpus_fast = lambda: []
        vm.vmm.event("RESET")
        _, err = process.communicate(timeout=60)
        same(process.returncode, 64)
        assert "there are 1 possible vCPUs, and there were 4 before" in err, err
    for thread, words in ((0, "thread-id is 0"), (1, "thread 1 of vCPU 0 is not of the VMM's process")):
        with FakeDomain(1) as vm:
            vm.vmm.query_cpus_fast = lambda thread=thread: [{"cpu-index": 0, "thread-id": thread}]
            for command in (("vcpupin", 0, 0), ("emulatorpin", 0), ("status",), ("vcpuinfo",)):
                failed(vm.tool(*command), words)
    with FakeDomain(1) as vm:
        cpus = [{"type": "cpu", "vcpus-count": 1, "props": {"socket-id": cpu}} for cpu in reversed(range(20000))]
        cpus[-1]["qom-path"] = "/machine/peripheral/vcpu0"
        vm.vmm.query_hotpluggable_cpus = lambda: cpus
        done = vm.tool("vcpupin")
        same((done.status, done.err, done.out.count("\n")), (0, "", 20003))


@plain()
def test_places_of_threads():
    """A vCPU that comes, or comes back, runs where the running definition says, and not with the emulator."""
    every = sorted(os.sched_getaffinity(0))
    if len(every) < 2:
        raise Skip("one CPU is no choice")
    end = threading.Event()
    threads = [threading.Thread(target=end.wait) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        with FakeDomain(3) as vm:
            vm.vmm.query_cpus_fast = lambda: [{"cpu-index": cpu, "thread-id": threads[cpu].native_id}
                                              for cpu in vm.vmm.plugged]
            live = vm.run / "live.xml"
            live.write_text(live.read_text().replace("<os>", f"""<cputune>
                <vcpupin vcpu='2' cpuset='{every[1]}'/><emulatorpin cpuset='{every[0]}'/></cputune><os>"""))
            # What an emulator's thread has made is where that is.
            os.sched_setaffinity(threads[3].native_id, {every[0]})
            vm.vmm.refuse.add(1)
            failed(vm.tool("setvcpus", 1), "vCPU 2: put back\n", 64)
            same(vm.tool("setvcpus", 4).status, 0)
            same([os.sched_getaffinity(threads[cpu].native_id) for cpu in (2, 3)], [{every[1]}, set(every)])
    finally:
        end.set()


@contextlib.contextmanager
def mounted(folder, *words):
    done = subprocess.run(["mount", *words, folder], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Skip(f"nothing can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@contextlib.contextmanager
def read_only(folder):
    with mounted(folder, "--bind", folder):
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        yield


@plain()
def test_full_run_folder():
    """What is asked for can not be noted: then it is not done either, and what was noted stays."""
    with FakeDomain(2) as vm, mounted(vm.run, "-t", "tmpfs", "-o", "size=64k", "tmpfs"):
        vm.alive.close()
        vm.settle(2)
        with open(vm.run / "ballast", "wb", buffering=0) as ballast, contextlib.suppress(OSError):
            while True:
                ballast.write(bytes(4096))
        for count in (1, 3):
            failed(vm.tool("setvcpus", count), "/live.xml: No space left on device")
        same((vm.vmm.plugged, vm.requested(), vm.notes()), ({0, 1}, 2, {}))
        vm.alive.close()


@plain()
def test_folders_that_can_not_be_written():
    """A domain that runs is not called shut off; what was done, and what not, is said."""
    with FakeDomain(3) as vm:
        with read_only(vm.run):
            same(vm.tool("domstate").out, "running\n\n")
            failed(vm.tool("setvcpus", 2), "lock-change: Read-only file system")
            same(vm.vmm.plugged, {0, 1, 2})
        with read_only(vm.state):
            failed(vm.tool("setvcpus", 2, "--config"), "vm.xml: Read-only file system")
            failed(vm.tool("vcpupin", 1, 0, "--live", "--config"), "error: the running domain was changed, and "
                   "its definition was not\nerror: cannot write ", 64)
            failed(vm.tool("setvcpus", 2, "--live", "--config"), "vCPU 2: removed\nerror: the running domain "
                   "was changed, and its definition was not\nerror: cannot write ", 64)
        same((vm.vmm.plugged, vm.requested()), ({0, 1}, 2))
        vm.folder.chmod(0o755)
        (vm.run / "alive").chmod(0)
        failed(vm.tool("domstate", user=65534, group=65534, extra_groups=[]),
               "cannot tell whether the domain runs: ")


@plain()
def test_run_folder_that_was_spoilt():
    """While the VMM lives, nobody is told that there is no such domain, or that it is shut off."""
    with FakeDomain(2) as vm:
        status, live = vm.run / "status", vm.run / "live.xml"
        for file, text, words in ((status, "id=1 p", "/status is damaged"), (live, "<domain", "XML error: "),
                                  (live, None, "the domain runs, and ")):
            good = file.read_text()
            if text is None:
                file.unlink()
            else:
                file.write_text(text)
            for command in (("status",), ("setvcpus", 1), ("domstate",), ("destroy",)):
                failed(vm.tool(*command), words)
            file.write_text(good)
        same(vm.tool("status").status, 0)
        for name in ("control", "query", "watch"):
            (vm.run / name).unlink()
        failed(vm.tool("status"), "/query: No such file or directory")
        failed(vm.tool("setvcpus", 1), "/control: No such file or directory")
        vm.alive.close()
        status.write_text("id=1 p")
        failed(vm.tool("status"), "domain is not running")


def has_open(process, name):
    with contextlib.suppress(OSError):
        return any(os.readlink(entry.path).endswith(f"/{name}") for entry in os.scandir(f"/proc/{process.pid}/fd"))
    return False


@plain()
def test_definition_that_goes_meanwhile():
    """Who has waited for another operator finds no definition any more."""
    for words in (("setvcpus", 2), ("setvcpus", 2, "--maximum"), ("setvcpu", 2, "--enable"), ("vcpupin", 1, 0),
                  ("emulatorpin", 0)):
        with FakeDomain(1) as vm:
            with open(vm.run / "lock-change", "wb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                process = vm.start(*words, "--config")
                wait_until(lambda: has_open(process, "lock-change"), "it to wait for the lock", 60, 0.05)
                (vm.state / "vm.xml").unlink()
            same((process.communicate(timeout=60)[1], process.returncode), (
                "error: Requested operation is not valid: transient domains do not have any persistent config\n", 1))
            same(list(vm.state.iterdir()), [])


@plain()
def test_definition_that_was_spoilt():
    """It is named; the domain is not called one without a definition."""
    with FakeDomain(1) as vm:
        (vm.state / "vm.xml").write_text("<domain")
        for words in (("setvcpus", 2, "--config"), ("setvcpu", 1, "--enable", "--config"), ("vcpucount", "--config"),
                      ("vcpupin", "--config"), ("emulatorpin", 0, "--config"), ("dumpxml", "--inactive"), ("edit",)):
            failed(vm.tool(*words), f"XML error: {vm.state}/vm.xml:")
        same(json.loads(vm.tool("dominfo", options=("--json",)).out)["persistent"], True)


@plain()
def test_both_states_are_looked_at_first():
    """What the definition does not allow is not done to the running domain either."""
    with FakeDomain(1) as vm:
        (vm.state / "vm.xml").write_text(
            re.sub("<vcpus>.*</vcpus>", "", definition(1)).replace(">4</vcpu>", ">2</vcpu>"))
        failed(vm.tool("setvcpu", 3, "--enable", "--live", "--config"), "vcpu 3 is not present in persistent config")
        failed(vm.tool("vcpupin", 3, 0, "--live", "--config"), "vcpu 3 is out of range of persistent cpu count 2")
        same((vm.vmm.plugged, vm.requested()), ({0}, 1))
        assert "vcpupin" not in (vm.run / "live.xml").read_text()


# ---- what is printed, and where ----

# Every command that prints on a running domain; the others print a message, or nothing.
PRINTS = ("dumpxml", "dominfo", "domid", "domuuid", "domstate", "guestvcpus", "vcpucount", "vcpuinfo",
          "vcpupin", "emulatorpin", "status")
ELSEWHERE = {"list", "domname", "maxvcpus", "qemu-agent-command", "setvcpus", "setvcpu", "undefine"}
NOTHING = {"console", "help", "destroy", "reboot", "shutdown", "start", "define", "edit"}


@plain()
def test_json():
    """--json on everything that prints: one JSON value, and nothing else."""
    with FakeDomain(2) as vm:
        commands = set(re.findall("^    ([a-z-]+) ", vcpuctl("help").out, re.M))
        same(commands, set(PRINTS) | ELSEWHERE | NOTHING)

        def ask(*words):
            done = vcpuctl("--json", *words, env=vm.environment())
            same((done.status, done.err), (0, ""))
            return json.loads(done.out)
        for command in PRINTS:
            assert ask(command, "vm"), command
        assert ask("list") and ask("domname", 1) and ask("maxvcpus")
        same(len(ask("qemu-agent-command", "vm", '{"execute":"guest-get-vcpus"}')["return"]), 2)
        same(ask("setvcpus", "vm", 3)["vcpus"], [{"vcpu": 2, "result": "online"}])
        same(ask("setvcpu", "vm", 2, "--disable")["vcpus"], [{"vcpu": 2, "result": "removed"}])
        same(ask("setvcpus", "vm", 1, "--guest"), {"offlined": "1"})
        same(ask("guestvcpus", "vm", 1, "--enable"), {"onlined": "1"})
        vm.vmm.silent.add(1)
        done = vm.tool("setvcpus", 1, "--timeout", 1, options=("--json",))
        value = json.loads(done.out)
        same((done.status, value["reached"], value["vcpus"][0]["result"]), (64, False, "pending"))
        assert value["error"] and value["vcpus"][0]["reason"], value
        # Words that are cut in the middle of a character.
        for begin in ("", "x"):
            vm.agent.say["guest-get-vcpus"] = Error(begin + "é" * 400)
            assert "é" in ask("status", "vm")["agent-error"]
        same(ask("undefine", "vm"), {"message": "Domain 'vm' has been undefined"})


def read_all(master):
    text = b""
    with contextlib.suppress(OSError):  # the other side was closed
        while chunk := os.read(master, 4096):
            text += chunk
    return text.decode()


@plain()
def test_failure_on_a_terminal():
    """The error stands on a line of its own, not behind what was drawn."""
    with FakeDomain(2) as vm:
        vm.vmm.say["device_del"] = b"nonsense\n"
        master, terminal = pty.openpty()
        with vm.start("setvcpus", 1, stderr=terminal) as process:
            os.close(terminal)
            text = read_all(master)
            same(process.wait(60), 64)
        os.close(master)
        assert "\r\x1b[KvCPU 1: the guest takes it offline" in text, text
        assert "\r\nerror: internal error: " in text, text


class Watch:
    """status --watch in a terminal."""

    def __init__(self, vm):
        self.master, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 24, 250, 0, 0))
        self.text = b""
        self.process = vm.start("status", "--watch", stdout=terminal, stderr=terminal)
        os.close(terminal)

    def wait(self, *wanted):
        """Until one view has all of these."""
        def seen():
            self.text += os.read(self.master, 65536)
            views = self.text.decode(errors="replace").split("\x1b[H\x1b[2J")
            return any(all(words in view for words in wanted) for view in views[1:])
        wait_until(seen, f"a view with {wanted}", 60, 0)
        self.text = b""

    def end(self):
        self.text += read_all(self.master).encode()
        os.close(self.master)
        return self.process.wait(60)


@plain()
def test_watching_in_a_terminal():
    """A table that is drawn again in its place when something happens, until ^C or the VMM's end."""
    with FakeDomain(1) as vm:
        watch = Watch(vm)
        watch.wait("VCPU CONFIGURED REQUESTED PLUGGED", "   1 no         no        no")
        same(vm.tool("setvcpus", 2).status, 0)
        watch.wait("   1 no         yes       yes     yes     yes ", "the next start does not have it")
        watch.process.send_signal(signal.SIGINT)
        same(watch.end(), 0)
        watch = Watch(vm)
        watch.wait("   1 no         yes       yes")
        vm.die()
        same(watch.end(), 1)
        assert b"error: internal error: " in watch.text and b"closed the connection" in watch.text, watch.text


@plain()
def test_output_that_gets_nowhere():
    """A reader that goes away ends the watch; a full disk is an error, told once."""
    with FakeDomain(2) as vm:
        with vm.start("status", "--watch") as process:
            process.stdout.readline()
            process.stdout.close()
            same((process.wait(60), process.stderr.read()), (0, ""))
        with open("/dev/full", "wb") as full:
            for words in (("status", "--watch"), ("status",), ("vcpucount",), ("setvcpus", 1)):
                with vm.start(*words, stdout=full) as process:
                    err = process.communicate(timeout=60)[1]
                    same(process.returncode, 1)
                same(err.count("error: cannot write the output: No space left on device\n"), 1)
        same(vm.vmm.plugged, {0})
        same(vm.tool("status", preexec_fn=lambda: os.close(1)).status, 1)
