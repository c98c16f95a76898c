# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/run: timeout=600
"""vcpuctl on a running guest: by its sockets alone; operators who meet, a terminal, a view that stays."""

import ctypes
import errno
import json
import os
import pty
import signal
import subprocess

from channel import wait_until
from case import Skip, same
from tool import PROGRAM, tool_guest
from vcpuctl_host import vcpuctl_domain

OURS = ("cpuctl-agent",)


@vcpuctl_domain(agents=OURS, cpus=1, maxcpus=4, fresh=True)
def test_two_operators(domain):
    """One goes first, the other waits for it: each sees a whole state."""
    first = domain.start_virsh("setvcpus", "3", "--live")
    second = domain.start_virsh("setvcpus", "4", "--live")
    said = [(process.communicate(timeout=90), process.returncode) for process in (first, second)]
    # After 4, 3 would be a removal, which an emulating QEMU can not do.
    same(said[1][1], 0)
    assert said[0][1] == 0 or "emulates its CPUs" in said[0][0][1], said
    domain.wait_cpus(range(4))
    same(domain.must("vcpucount", "--live"), "4")


def master_text(master):
    text = b""
    while True:
        try:
            data = os.read(master, 4096)
        except OSError:
            return text.decode()
        if not data:
            return text.decode()
        text += data


@vcpuctl_domain(agents=OURS, cpus=1, maxcpus=4, fresh=True)
def test_progress_on_a_terminal(domain):
    """One line per vCPU, drawn again until it is settled."""
    master, terminal = pty.openpty()
    with subprocess.Popen([PROGRAM, "setvcpus", "guest", "3"], env=domain.libvirt.environment(), stdout=terminal,
                          stderr=terminal, stdin=subprocess.DEVNULL) as process:
        os.close(terminal)
        text = master_text(master)
        same(process.wait(60), 0)
    os.close(master)
    assert "\r\x1b[KvCPU 1: plugged; the guest has not taken it yet\r\x1b[KvCPU 1: " in text, text
    for cpu in (1, 2):
        same(text.count(f"vCPU {cpu}: online\r\n"), 1)


@vcpuctl_domain(agents=OURS, cpus=1, maxcpus=4, fresh=True)
def test_watching(domain):
    """status --watch --json in a pipe: a line whenever something differs; others may work meanwhile."""
    def cpus():
        # While somebody else has the agent, "online" is not known.
        line = json.loads(process.stdout.readline())
        return {(v["vcpu"], v["configured"], v["requested"], v["plugged"], v.get("online"))
                for v in line["vcpus"]}

    with subprocess.Popen([PROGRAM, "--json", "status", "guest", "--watch"], env=domain.libvirt.environment(),
                          text=True, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        try:
            assert (1, False, False, False, False) in cpus()
            domain.must("setvcpus", 2)
            wait_until(lambda: (1, False, True, True, True) in cpus(), "the new vCPU", 30, 0)
            domain.must("setvcpus", 1, "--guest")
            wait_until(lambda: (1, False, True, True, False) in cpus(), "it to go offline", 30, 0)
            process.send_signal(signal.SIGINT)
            process.stdout.read()
            same(process.wait(20), 0)
        finally:
            process.kill()


@tool_guest(agents=OURS, cpus=1, maxcpus=4, fresh=True)
def test_by_sockets(guest):
    """A VM that something else started: no store, no definition."""
    same(guest.ask("vcpucount"), {"maximum-live": 4, "current-live": 1})
    same([vcpu["result"] for vcpu in guest.ask("setvcpus", 3, "--live")["vcpus"]], ["online"] * 2)
    same(guest.cpus(), {0, 1, 2})
    guest.must("setvcpus", 1, "--guest")
    same(guest.ask("guestvcpus"), {"vcpus": "0-2", "online": "0", "offlinable": "1-2"})
    notes = [vcpu.get("note") for vcpu in guest.ask("status")["vcpus"]]
    same([bool(note) for note in notes], [False, True, True, False])
    # Asked for the same again, host and guest agree.
    guest.must("setvcpus", 3, "--live")
    same(guest.cpus(), {0, 1, 2})
    done = guest.tool("setvcpus", 1, "--live")
    assert done.status == 1 and "this QEMU emulates its CPUs (TCG)" in done.err, done
    done = guest.tool("setvcpus", 2, "--config")
    assert done.status == 1 and "has no definition for --config" in done.err, done
    same(guest.must("qemu-agent-command", '{"execute":"guest-ping"}'), '{"return":{}}\n\n')


class Frozen:
    """A thread that stands still meanwhile (ptrace(2), PTRACE_SEIZE and PTRACE_INTERRUPT)."""

    SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17

    def __init__(self, thread):
        self.thread = thread

    def trace(self, request):
        libc = ctypes.CDLL(None, use_errno=True)
        libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
        if libc.ptrace(request, self.thread, None, None) != 0:
            error = ctypes.get_errno()
            if request == self.SEIZE and error == errno.EPERM:
                raise Skip("no thread can be traced here")
            raise OSError(error, os.strerror(error))

    def __enter__(self):
        self.trace(self.SEIZE)
        self.trace(self.INTERRUPT)
        os.waitpid(self.thread, getattr(os, "__WALL", 0x40000000))
        return self

    def __exit__(self, *_):
        self.trace(self.DETACH)


def note(guest, cpu):
    return guest.ask("status")["vcpus"][cpu].get("note")


@tool_guest(agents=("qemu-ga",), cpus=1, maxcpus=2, fresh=True)
def test_a_cpu_that_does_not_start(guest):
    """Its thread stands still, so Linux gives up with EIO; it runs again, and the same command goes on."""
    guest.must("setvcpus", 2, "--no-wait")
    wait_until(lambda: guest.cpus("present") == {0, 1}, "CPU 1 in the guest", 60, 0.1)
    with Frozen(guest.ask("status")["vcpus"][1]["thread-id"]):
        done = guest.tool("setvcpus", 2, "--timeout", 120, timeout=180)
        assert done.status == 1 and "Input/output error" in done.err, done
        same(note(guest, 1), "the guest has it offline; guestvcpus --cpulist 1 --enable brings it online")
        # By hand in the guest, with what the kernel logged.
        said = guest.run("cpuctl online 1 2>&1", 120)
        assert said.status == 1 and b"did not start when the kernel told it to" in said.out, said
        assert b"kernel: smpboot: do_boot_cpu failed(-1) to wakeup CPU#1" in said.out, said
    guest.must("setvcpus", 2)
    same((guest.cpus(), note(guest, 1)), ({0, 1}, None))


@tool_guest(agents=OURS, cpus=1, maxcpus=3, fresh=True)
def test_an_interrupt_that_is_lost(guest):
    """ACPI's interrupt for CPUs (GPE 2 of q35's tables) does not reach Linux. The next one brings along
    what was missed: Linux looks at all of them."""
    gpe = "/sys/firmware/acpi/interrupts/gpe02"
    guest.sh(f"echo disable > {gpe}")
    done = guest.tool("setvcpus", 2, "--timeout", 3)
    assert done.status == 64, done
    assert "vCPU 1: pending: it is plugged, and the guest has not answered (no _OST)\n" in done.err, done
    same(note(guest, 1), "plugged, but the guest has not taken it and never answered (no _OST)")
    guest.sh(f"echo enable > {gpe}")
    guest.must("setvcpus", 3)
    same((guest.cpus(), note(guest, 1)), ({0, 1, 2}, None))
