# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/run: timeout=900
"""The life of domains that vcpuctl starts: by QEMU under TCG, with stock Linux."""

import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import time

import image
from case import Skip, plain, same
from channel import wait_until
from tool import PROGRAM
from vcpuctl_host import vcpuctl_domain, vcpuctl_host

TTY = "<serial type='pty'><target port='0'/></serial>"


def vmm_pid(domain):
    """The process that has the domain's lock: /proc knows, no file of vcpuctl is asked."""
    alive = os.stat(domain.run_folder() / "alive")
    for folder in pathlib.Path("/proc").glob("[0-9]*/fd"):
        try:
            for entry in folder.iterdir():
                found = entry.stat()
                if (found.st_dev, found.st_ino) == (alive.st_dev, alive.st_ino):
                    return int(folder.parent.name)
        except OSError:
            continue
    raise AssertionError("nobody has the lock")


@vcpuctl_domain(cpus=1, maxcpus=2)
def test_running(domain):
    same(domain.cpus(), {0})
    same(domain.state(), "running (booted)")
    number = domain.must("domid")
    same(domain.libvirt.must("domname", number), "guest")
    same(domain.libvirt.must("domstate", number), "running")
    info = domain.json("dominfo")
    same((info["state"], info["cpus"], info["persistent"]), ("running", 1, True))
    assert info["cpu-time"] > 0, info
    same(domain.must("dumpxml").splitlines()[0], f"<domain type='qemu' id='{number}'>")
    same(domain.must("dumpxml", "--inactive").splitlines()[0], "<domain type='qemu'>")
    again = domain.virsh("start")
    same((again.status, again.err), (1, "error: Domain is already active"))
    # It is nobody's child, and in a session of its own.
    fields = pathlib.Path(f"/proc/{vmm_pid(domain)}/stat").read_text().rpartition(")")[2].split()
    same(int(fields[3]), vmm_pid(domain))


# What qemu-ga runs; the guest has no init that would do it.
SHUTDOWN = """#!/bin/sh
case "$*" in *-r*) reboot -f;; *) poweroff -f;; esac
"""


@vcpuctl_domain(cpus=1, maxcpus=2, fresh=True, files={"/sbin/shutdown": SHUTDOWN})
def test_shutdown_by_agent(domain):
    first = int(domain.must("domid"))
    domain.start_agent("qemu-ga")
    same(domain.must("shutdown"), "")
    domain.wait_state("shut off (shutdown)")
    same(domain.must("domid"), "-")
    domain.boot()
    same(int(domain.must("domid")), first + 1)
    domain.start_agent("qemu-ga")
    # on_reboot is "destroy" in these domains.
    same(domain.must("reboot"), "")
    domain.wait_state("shut off (shutdown)")


@vcpuctl_domain(cpus=1, maxcpus=2, fresh=True)
def test_reboot_takes_an_agent(domain):
    result = domain.virsh("reboot")
    same(result.status, 1)
    assert "only a guest agent can reboot the guest" in result.err, result.err
    same(domain.virsh("shutdown", "--mode", "agent").err,
         "error: Failed to shutdown domain 'guest'\n"
         "error: Guest agent is not responding: QEMU guest agent is not connected")
    same(domain.virsh("shutdown", "--mode", "paravirt").status, 1)
    same(domain.must("shutdown", "--mode", "acpi"), "")


@vcpuctl_domain(cpus=1, maxcpus=2, fresh=True)
def test_vmm_killed(domain):
    os.kill(vmm_pid(domain), signal.SIGKILL)
    domain.wait_state("shut off (crashed)")
    same(domain.libvirt.must("list", "--all").split()[-3:], ["guest", "shut", "off"])
    assert domain.virsh("destroy").err.endswith("domain is not running")
    domain.boot()
    same(domain.state(), "running (booted)")


@vcpuctl_domain(cpus=1, maxcpus=2, fresh=True)
def test_destroy_of_a_hung_vmm(domain):
    """A VMM that doesn't answer SIGTERM is killed; --graceful leaves it."""
    pid = vmm_pid(domain)
    os.kill(pid, signal.SIGSTOP)
    result = domain.virsh("destroy", "--graceful")
    same(result.status, 1)
    assert "did not end on SIGTERM" in result.err, result.err
    same(domain.must("destroy"), "")
    same(domain.state(), "shut off (destroyed)")


@vcpuctl_domain(cpus=1, maxcpus=2, fresh=True)
def test_undefine_while_running(domain):
    xml = domain.must("dumpxml", "--inactive")
    domain.must("undefine")
    same(domain.state(), "running (booted)")
    same(domain.json("dominfo")["persistent"], False)
    same(domain.virsh("dumpxml", "--inactive").status, 1)
    path = domain.folder / "again.xml"
    path.write_text(xml)
    domain.libvirt.must("define", path)
    same(domain.json("dominfo")["persistent"], True)
    domain.must("destroy")
    same(domain.must("dumpxml"), xml)


@vcpuctl_domain(cpus=1, maxcpus=2, fresh=True)
def test_definition_spoilt_while_running(domain):
    path = domain.libvirt.state / "guest.xml"
    good = path.read_text()
    path.write_text(good[:100])
    same(domain.state(), "running (booted)")
    domain.must("destroy")
    result = domain.virsh("start")
    same(result.status, 1)
    assert result.err.startswith(f"error: XML error: {path}:"), result.err
    path.write_text(good)
    same(domain.state(), "shut off (destroyed)")


@vcpuctl_domain(cpus=1, maxcpus=2, fresh=True)
def test_pins(domain):
    """The vCPUs' threads and the others are where the definition says."""
    domain.must("destroy")
    xml = domain.must("dumpxml").replace(
        "<os>", "<cputune><vcpupin vcpu='0' cpuset='1'/><emulatorpin cpuset='0'/></cputune><os>", 1)
    path = domain.folder / "pinned.xml"
    path.write_text(xml)
    domain.libvirt.must("define", path)
    domain.must("start")
    where = {}
    for task in pathlib.Path(f"/proc/{vmm_pid(domain)}/task").iterdir():
        status = (task / "status").read_text()
        where[(task / "comm").read_text().strip()] = re.search(r"Cpus_allowed_list:\t(\S+)",
                                                              status)[1]
    same(where["CPU 0/TCG"], "1")
    same(where["qemu-system-x86"], "0")


class Terminal:
    """`vcpuctl console` in a terminal of its own."""

    def __init__(self, host, name):
        self.output = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(PROGRAM, [str(PROGRAM), "console", name], host.environment())

    def wait(self, wanted):
        end = time.monotonic() + 60
        while wanted not in self.output:
            left = end - time.monotonic()
            if left < 0 or not select.select([self.fd], [], [], left)[0]:
                raise AssertionError(f"no {wanted} in {self.output}")
            self.output += os.read(self.fd, 4096)

    def close(self):
        os.write(self.fd, b"\x1d")
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@vcpuctl_domain(cpus=1, maxcpus=2, fresh=True)
def test_console(domain):
    same(domain.virsh("console").err,
         "error: Cannot run interactive console without a controlling TTY")
    domain.must("destroy")
    xml = re.sub(r"<serial type='file'>.*?</serial>", TTY, domain.must("dumpxml"), flags=re.DOTALL)
    path = domain.folder / "console.xml"
    path.write_text(xml)
    domain.libvirt.must("define", path)
    domain.must("start")
    terminal = Terminal(domain.libvirt, domain.name)
    terminal.wait(b"Escape character is ^] (Ctrl + ])")
    terminal.wait(b"guest-init: ready")
    second = Terminal(domain.libvirt, domain.name)
    second.wait(b"error: operation failed: Active console session exists for this domain")
    os.waitpid(second.pid, 0)
    same(terminal.close(), 0)
    # What is typed before it is there is not lost.
    same(Terminal(domain.libvirt, domain.name).close(), 0)


@vcpuctl_domain(cpus=1, maxcpus=2, fresh=True)
def test_start_fails(domain):
    """What a VMM says before it ends is shown, and the domain is shut off, for that reason."""
    domain.must("destroy")
    kernel = re.search("<kernel>.*</kernel>", domain.must("dumpxml"))[0]
    path = domain.folder / "broken.xml"
    path.write_text(domain.must("dumpxml").replace(kernel, "<kernel>/no/such/kernel</kernel>"))
    domain.libvirt.must("define", path)
    result = domain.virsh("start")
    same(result.status, 1)
    assert re.fullmatch("error: Failed to start domain 'guest'\nerror: internal error: process exited "
                        "while connecting to monitor: .*/no/such/kernel.*", result.err), result.err
    same(domain.state(), "shut off (failed)")
    path.write_text(domain.must("dumpxml").replace(
        "<devices>", "<devices><emulator>/no/such/vmm</emulator>"))
    domain.libvirt.must("define", path)
    assert "cannot execute binary /no/such/vmm: No such file" in domain.virsh("start").err


@vcpuctl_domain(cpus=1, maxcpus=2, fresh=True)
def test_two_start_at_once(domain):
    domain.must("destroy")
    both = [domain.start_virsh("start") for _ in range(2)]
    done = [(process.communicate(timeout=120)[1], process.returncode) for process in both]
    same(sorted(status for _, status in done), [0, 1])
    assert any("already" in err for err, _ in done), done
    same(len(subprocess.run(["pgrep", "-f", f"qmp-control,path={domain.run_folder()}"],
                            capture_output=True, check=True).stdout.split()), 1)


@vcpuctl_domain(cpus=1, maxcpus=2, fresh=True)
def test_vcpuctl_killed_while_it_starts(domain):
    """Whenever vcpuctl dies, the domain is in a clear state, and start brings it to run."""
    for delay in (0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2):
        domain.must("destroy")
        process = domain.start_virsh("start")
        time.sleep(delay)
        process.kill()
        process.communicate()
        state = domain.state()
        assert state in ("shut off (destroyed)", "shut off (failed)", "shut off (unknown)",
                         "paused (starting up)", "running (booted)"), state
        if state != "running (booted)":
            domain.must("start")
        same(domain.state(), "running (booted)")
    # What is shown as paused is let go by another start.
    status = domain.run_folder() / "status"
    status.write_text(status.read_text().replace("reason=unknown", "reason=failed"))
    same(domain.state(), "paused (starting up)")
    same(domain.libvirt.must("list").split()[-1], "paused")
    same(domain.must("start"), "")
    same(domain.state(), "running (booted)")


CPUVMM = """\
<domain type='kvm'>
  <name>small</name>
  <memory unit='MiB'>128</memory>
  <vcpu placement='static' current='1'>4</vcpu>
  <cputune><vcpupin vcpu='0' cpuset='0'/></cputune>
  <os>
    <type arch='x86_64'>hvm</type>
    <kernel>{kernel}</kernel>
    <cmdline>console=ttyS0</cmdline>
  </os>
  <devices>
    <emulator>{vmm}</emulator>
    <serial type='pty'/>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
  </devices>
</domain>
"""


@plain()
def test_cpuvmm():
    """A domain with cpuvmm, whatever becomes of its guest: not every /dev/kvm can run Linux."""
    host, vmm = vcpuctl_host(), image.BUILD / "vmm/cpuvmm"
    if not os.access("/dev/kvm", os.R_OK | os.W_OK) or not vmm.exists():
        raise Skip("no /dev/kvm, or no cpuvmm")
    path = host.folder / "small.xml"
    path.write_text(CPUVMM.format(kernel=image.Kernel().vmlinuz, vmm=vmm))
    host.must("define", path)
    host.must("start", "small")
    same(host.must("domstate", "small"), "running")
    assert "CPU Affinity:   y" in host.must("vcpuinfo", "small")
    terminal = Terminal(host, "small")
    terminal.wait(b"Escape character is ^] (Ctrl + ])")
    same(terminal.close(), 0)
    host.must("setvcpus", "small", "2", "--no-wait")
    same(host.must("vcpucount", "small", "--current", "--live"), "2")
    host.must("destroy", "small")
    same(host.must("domstate", "small", "--reason"), "shut off (destroyed)")
    host.must("undefine", "small")
