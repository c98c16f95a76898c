# SPDX-License-Identifier: LGPL-2.1-or-later
"""cpuctl-agent against the stock qemu-ga: both at once in one real guest, each on a port of its own."""

import shlex
import time

from bench import at_least, at_most, interleaved
from channel import Agent, wait_until
from guest import Guest
from machine import PORT

OURS, PEER = "cpuctl-agent", "qemu-ga"
PEER_PORT = "org.cpuctl.bench.peer"
CALLS = 100
PINGS = 300
ROUNDS = 7


def find_port(name):
    """A shell command that prints the device of the virtio-serial port `name`."""
    return f"grep -l -x {name} /sys/class/virtio-ports/*/name | sed 's,.*/\\(.*\\)/name,/dev/\\1,'"


class Subject:
    """One of the agents: its start, its process in the guest, and the host's end of its port."""

    def __init__(self, guest, name, command, socket):
        self.guest, self.name, self.command = guest, name, command
        self.channel = Agent(socket)
        self.pid = None

    def start(self):
        """Start it; the seconds until its first answer, both by the guest's clock: the way of a
        shell command into the guest and back would be most of it."""
        self.channel.send({"execute": "guest-get-time"})
        self.guest.sh(f"/usr/bin/date +%s%N >/tmp/{self.name}.start;"
                      f"{self.command} >/tmp/{self.name}.log 2>&1 & echo $! >/tmp/{self.name}.pid")
        answered = self.channel.reply()["return"]
        self.pid = int(self.guest.sh(f"cat /tmp/{self.name}.pid"))
        return (answered - int(self.guest.sh(f"cat /tmp/{self.name}.start"))) / 1e9

    def restart(self):
        self.stop()
        return self.start()

    def stop(self):
        self.guest.sh(f"kill {self.pid}")
        wait_until(lambda: self.guest.run(f"kill -0 {self.pid}").status != 0, "the agent to end")

    def private_kib(self):
        """Memory that no other process shares, in KiB."""
        text = self.guest.sh(f"grep ^Private_ /proc/{self.pid}/smaps_rollup")
        return sum(int(line.split()[1]) for line in text.splitlines())

    def cpu_ns(self):
        """CPU time of its threads so far."""
        text = self.guest.sh(f"cat /proc/{self.pid}/task/*/schedstat")
        return sum(int(line.split()[0]) for line in text.splitlines())

    def cpu_per_call(self, command):
        """CPU time of one call, in microseconds."""
        before = self.cpu_ns()
        for _ in range(CALLS):
            self.channel.execute(command)
        return (self.cpu_ns() - before) / CALLS / 1000

    def ping(self):
        """A round trip as the host sees it, in microseconds: the mean of many."""
        start = time.monotonic()
        for _ in range(PINGS):
            self.channel.execute("guest-ping")
        return (time.monotonic() - start) / PINGS * 1e6


def subjects(guest):
    """Both agents, started."""
    socket = guest.folder / "peer"
    guest.qmp.execute("chardev-add", id="peer", backend={"type": "socket", "data": {
        "addr": {"type": "unix", "data": {"path": str(socket)}}, "server": True, "wait": False}})
    guest.qmp.execute("device_add", driver="virtserialport", bus="ports.0", chardev="peer",
                      name=PEER_PORT, id="peerport")
    wait_until(lambda: guest.sh(find_port(PEER_PORT)), "the second port")
    guest.agent.close()
    device = shlex.quote(guest.sh(find_port(PEER_PORT)))
    return (Subject(guest, OURS, f"cpuctl-agent -p {guest.sh(find_port(PORT))}",
                    guest.folder / "agent"),
            Subject(guest, PEER, f"qemu-ga -m virtio-serial -p {device}", socket))


def rows(_stage):
    # busybox's date has no nanoseconds.
    with Guest(smp="255,maxcpus=255", memory=1024, cmdline="maxcpus=1", programs=("date",)) as guest:
        guest.sh("mkdir -p /var/run /var/log /var/lib/cpuctl")
        ours, peer = subjects(guest)
        ours.start()
        peer.start()
        start = interleaved(ROUNDS, ours.restart, peer.restart)
        # Idle, and nothing asked of it yet but a ping.
        memory = ours.private_kib(), peer.private_kib()
        ping = interleaved(ROUNDS, ours.ping, peer.ping)
        call = interleaved(ROUNDS, lambda: ours.cpu_per_call("guest-get-vcpus"),
                           lambda: peer.cpu_per_call("guest-get-vcpus"))
        yield at_least("guest-get-vcpus, 255 CPUs: agent CPU time a call", "µs", *call, PEER, 10)
        yield at_most("guest-ping over virtio-serial: round trip", "µs", *ping, PEER, 1)
        yield at_most("idle agent: private memory", "KiB", *memory, PEER, 0.5)
        yield at_most("agent: start to first answer", "ms", *(1000 * s for s in start), PEER, 1)
