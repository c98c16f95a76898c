# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/run: timeout=600
"""vcpuctl on a running domain: operators who meet, a terminal, a view that stays."""

import json
import os
import pty
import signal
import subprocess

from channel import wait_until
from case import same
from tool import PROGRAM, tool_domain

OURS = ("cpuctl-agent",)


@tool_domain(agents=OURS, cpus=1, maxcpus=4, fresh=True)
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


@tool_domain(agents=OURS, cpus=1, maxcpus=4, fresh=True)
def test_progress_on_a_terminal(domain):
    """One line per vCPU, drawn again until it is settled."""
    master, terminal = pty.openpty()
    with subprocess.Popen([PROGRAM, "setvcpus", "guest", "3"], env=domain.libvirt.env, stdout=terminal,
                          stderr=terminal, stdin=subprocess.DEVNULL) as process:
        os.close(terminal)
        text = master_text(master)
        same(process.wait(60), 0)
    os.close(master)
    assert "\r\x1b[KvCPU 1: plugged; the guest has not taken it yet\r\x1b[KvCPU 1: " in text, text
    for cpu in (1, 2):
        same(text.count(f"vCPU {cpu}: online\r\n"), 1)


@tool_domain(agents=OURS, cpus=1, maxcpus=4, fresh=True)
def test_watching(domain):
    """status --watch --json in a pipe: a line whenever something differs; others may work meanwhile."""
    def cpus():
        # While somebody else has the agent, "online" is not known.
        line = json.loads(process.stdout.readline())
        return {(v["vcpu"], v["configured"], v["requested"], v["plugged"], v.get("online"))
                for v in line["vcpus"]}

    with subprocess.Popen([PROGRAM, "--json", "status", "guest", "--watch"], env=domain.libvirt.env,
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
