# SPDX-License-Identifier: LGPL-2.1-or-later
"""vcpuctl beside virsh and libvirtd: a guest's vCPUs 1 → 4 → 1, in one host with an emulated /dev/kvm.

Three VMs of one definition run at the same time and take turns: QEMU and cpuvmm, both with vcpuctl,
and QEMU with libvirtd. Each has the same kernel and agent, and the same relay (relay.c) at its
sockets. It is done when the guest has the CPUs online, or has given them back:

           vcpuctl               virsh
    1 → 4  setvcpus 4 --live     setvcpus 4 --live; setvcpus 4 --guest as soon as the guest has them
    4 → 1  setvcpus 1 --live     setvcpus 1 --guest; setvcpus 1 --live (it waits for DEVICE_DELETED)

A program's own share is the time that its commands took, less what the VMM and its guest had of it:
see own(). virsh's attempts that came before the guest had its CPUs count as waiting for the guest.
"""

import re
import statistics
import sys

import image
from bench import at_most, beside
from channel import wait_until
from machine import PORT, SHELL_PORT
from nested_virsh import CMDLINE, VirshHost
from tool import PROGRAM
from virsh_table import FOLDER

RELAY = image.BUILD / "tests/bench/relay"
MODULES = ("virtio_pci", "virtio_console")
ROUNDS = 9
WORD = "init-is-here"
GUEST = f"""
cpuctl-agent &
echo {WORD}
while :; do sleep 1000; done
"""
PING = """qemu-agent-command {name} '{{"execute":"guest-ping"}}'"""
LINE = re.compile(r"(\d+) (\d+) (\S+) ?(.*)")
DEVICE = re.compile(r'"(?:id|device)": ?"(vcpu\d+)"')
# _OST of an insertion (ACPI 6.5, 6.3.5).
TAKEN = re.compile(r'"ACPI_DEVICE_OST".*"source": ?1\b')
MONITOR, AGENT = "0", "1"


def say(text):
    print(f"tests/bench/vcpuctl: {text}", file=sys.stderr, flush=True)


class Turn:
    """Whose turn it is, from what passes by at the sockets."""

    def __init__(self):
        self.replies = {MONITOR: 0, AGENT: 0}  # that are to come
        self.leaving = set()  # devices that DEVICE_DELETED is to come for
        self.added = None  # what was the client's since it asked for a device and was silent
        self.clients = 0

    def passed(self, time):
        """The VMM's threads have not had the processor for this long."""
        if self.leaving or any(self.replies.values()):
            return
        self.clients += time
        if self.added is not None:
            self.added += time

    def request(self, socket, text):
        if '"execute"' not in text:
            return
        self.replies[socket] += 1
        self.added = 0 if '"device_add"' in text else None
        if '"device_del"' in text:
            self.leaving.add(DEVICE.search(text)[1])

    def answer(self, socket, text):
        if '"event"' not in text:
            self.replies[socket] = max(self.replies[socket] - 1, 0)
        elif '"DEVICE_DELETED"' in text:
            self.leaving -= set(DEVICE.findall(text))
        elif TAKEN.search(text) and self.added is not None:
            # It has asked for nothing else: it waited for this.
            self.clients -= self.added
            self.added = None

    def take(self, mark, text):
        socket, what = mark[:-1], mark[-1]
        if what == ">":
            self.request(socket, text)
        elif what == "<":
            self.answer(socket, text)
        elif what == "+" and socket == MONITOR:
            self.replies[socket] += 1  # the greeting
        elif what == "-":
            self.replies[socket] = 0


def records(text):
    """The relay's log: (time, the VMM's processor time, mark, text); microseconds."""
    found = (LINE.fullmatch(line) for line in text.splitlines())
    return sorted(((int(line[1]), int(line[2]), line[3], line[4]) for line in found if line),
                  key=lambda record: record[0])


def own(log):
    """The time of each command of a log that was neither the VMM's nor its guest's, microseconds.

    Not counted is the time from a request on the monitor's or the agent's socket to its reply, from
    device_del to DEVICE_DELETED, from device_add to the guest's answer if the client sent nothing
    in between, and what the VMM's threads had of the host's one processor in the rest.
    """
    shares, turn, last = [], None, None
    for time, vmm, mark, text in log:
        if turn and last:
            turn.passed(time - last[0] - (vmm - last[1]))
        last = time, vmm
        if mark == "B":
            turn = Turn()
        elif mark == "E" and turn:
            shares.append(turn.clients)
            turn = None
        elif turn:
            turn.take(mark, text)
    return shares


class Subject:
    """A running VM and the program that resizes it; `taken` has its rounds."""

    program = "vcpuctl"

    def __init__(self, host, name, number, emulator=""):
        self.host, self.name, self.folder = host, name, f"/tmp/{name}"
        self.taken = []
        xml = (FOLDER / "guest.xml").read_text(encoding="utf-8").format(
            type="kvm", cpu="host-passthrough", kernel="/vmlinuz", initramfs="/initrd",
            cmdline=f"{CMDLINE} loglevel=3", folder=self.folder, port=PORT, shell=SHELL_PORT)
        for old, new in (("<name>guest<", f"<name>{name}<"), ("current='2'", "current='1'"),
                         ("6013be3b", f"6013be3{number}"), ("<on_reboot>destroy</on_reboot>", ""),
                         ("<devices>", f"<devices>{emulator}")):
            assert old in xml, old
            xml = xml.replace(old, new)
        host.sh(f"mkdir {self.folder}")
        host.write_file(f"{self.folder}/xml", xml)
        self.must(f"define {self.folder}/xml")
        self.must(f"start {name}")
        host.sh(f"until grep -q {WORD} {self.folder}/console; do sleep 0.5; done", 300)
        self.wait_agent()
        # QEMU has "-name guest=NAME,…", cpuvmm "--name NAME".
        self.pid = int(host.sh("cd /proc && for pid in [0-9]*; do tr '\\0' ' ' <$pid/cmdline | "
                               f"grep -qE -e '-name (guest=)?{name}[, ]' && echo $pid; done; true"))
        self.relay()

    def command(self, words):
        return f"{self.program} {words}"

    def must(self, words):
        return self.host.sh(f"LC_ALL=C {self.command(words)}", 240)

    def wait_agent(self):
        ping = self.command(PING.format(name=self.name))
        wait_until(lambda: self.host.run(ping, 120).status == 0, f"{self.name}'s agent", 240, 1)

    def sockets(self):
        """The paths of the monitor and of the agent."""
        folder = self.must(f"domuuid {self.name}").strip()
        return [f"/run/vcpuctl/{folder}/{name}" for name in ("control", "agent")]

    def relay(self):
        """The relay takes the sockets' places; who connects from now on comes to it."""
        # To another file system a socket can not be moved.
        pairs = [(path, f"{path}.vmm") for path in self.sockets()]
        for path, moved in pairs:
            self.host.sh(f"mv {path} {moved}")
        words = " ".join(f"{path} {moved}" for path, moved in pairs)
        self.host.sh(f"(relay serve {self.pid} {self.folder}/log {words} </dev/null "
                     f">{self.folder}/relay 2>&1 &); "
                     + "; ".join(f"until [ -S {path} ]; do sleep 0.1; done" for path, _ in pairs))

    def run(self, words):
        """A command at the relay: its status and what it said."""
        done = self.host.run(f"LC_ALL=C relay run {self.pid} {self.folder}/log "
                             f"{self.command(words)}", 240)
        return done.status, (done.out + done.err).decode(errors="replace")

    def settled(self, words):
        status, said = self.run(words)
        if status != 0:
            raise RuntimeError(f"{self.name}: {words}: {status}: {said}")

    def up(self):
        """How many commands it took; those between the first and the last came too early."""
        self.settled(f"setvcpus {self.name} 4 --live")
        return 1

    def down(self):
        self.settled(f"setvcpus {self.name} 1 --live")
        return 1

    def one_way(self, change):
        """Own share and whole time, milliseconds."""
        # What came before has settled, and a round of another VM is over.
        self.host.sh(f"sleep 2; : >{self.folder}/log")
        counted = change()
        log = records(self.host.read_file(f"{self.folder}/log").decode("latin-1"))
        shares = own(log)
        marks = [time for time, _, mark, _ in log if mark in "BE"]
        return sum(shares[:1] + shares[max(counted - 1, 1):]) / 1000, (marks[-1] - marks[0]) / 1000

    def measure(self):
        taken = {}
        for way in ("up", "down"):
            taken[way] = self.one_way(getattr(self, way))
            say(f"{self.name}: {way}: own share {taken[way][0]:.0f} ms of {taken[way][1]:.0f} ms")
        self.taken.append(taken)

    def median(self, part, *ways):
        # The first round differs: vCPUs are made, and Linux makes what a new CPU needs.
        return statistics.median(sum(taken[way][part] for way in ways) for taken in self.taken[1:])


class Virsh(Subject):
    """The same with libvirtd."""

    program = "virsh -c qemu:///system"

    def sockets(self):
        folder = "/var/lib/libvirt/qemu"
        return self.host.sh(f"echo {folder}/domain-*-{self.name}/monitor.sock "
                            f"{folder}/channel/target/domain-*-{self.name}/{PORT}").split()

    def relay(self):
        """A libvirtd that is started anew finds the domain by its sockets' paths."""
        self.host.sh("kill $(pidof libvirtd) && while pidof libvirtd; do sleep 0.2; done", 60)
        super().relay()
        self.host.start_daemon()
        self.wait_agent()

    def up(self):
        self.settled(f"setvcpus {self.name} 4 --live")
        for attempt in range(20):
            status, said = self.run(f"setvcpus {self.name} 4 --guest")
            if status == 0:
                return 2 + attempt
        raise RuntimeError(f"{self.name}: the guest does not get its CPUs: {said}")

    def down(self):
        self.settled(f"setvcpus {self.name} 1 --guest")
        self.settled(f"setvcpus {self.name} 1 --live")
        return 2


def rows(_stage):
    with VirshHost(inner_programs=("cpuctl-agent",), inner_modules=MODULES, script=GUEST,
                   programs=(PROGRAM, RELAY)) as host:
        peer = Virsh(host, "peer", 1)
        same = Subject(host, "same", 2)
        ours = Subject(host, "ours", 3, "<emulator>/usr/bin/cpuvmm</emulator>")
        subjects = (peer, same, ours)
        for number in range(ROUNDS):
            for subject in subjects[::1 if number % 2 == 0 else -1]:
                subject.measure()
        for words, ways in (("1 → 4", ("up",)), ("4 → 1", ("down",)), ("1 → 4 → 1", ("up", "down"))):
            yield at_most(f"vcpuctl, QEMU, {words} vCPUs: own share", "ms", same.median(0, *ways),
                          peer.median(0, *ways), "virsh, libvirtd", 0.5)
        ways = ("up", "down")
        yield beside("vcpuctl, QEMU, 1 → 4 → 1 vCPUs: in all", "ms", same.median(1, *ways),
                     peer.median(1, *ways), "virsh, libvirtd, QEMU")
        yield beside("vcpuctl, cpuvmm, 1 → 4 → 1 vCPUs: in all", "ms", ours.median(1, *ways),
                     peer.median(1, *ways), "virsh, libvirtd, QEMU")
