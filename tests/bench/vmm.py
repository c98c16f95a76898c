# SPDX-License-Identifier: LGPL-2.1-or-later
"""cpuvmm against QEMU, both with stock Linux as their guest in one host with an emulated /dev/kvm.

Times are that host's; see tests/e2e/nested.py.
"""

import json
import pathlib
import re
import statistics
import subprocess
import sys

import image
import vmm_trace
from bench import at_most, interleaved
from channel import wait_until
from inner import CMDLINE, Inner, own_memory
from nested import Host, inner_initramfs

STOPWATCH = image.BUILD / "tests/bench/stopwatch"
ROUNDS = 5
WORD = "init-is-here"
QUIET = "loglevel=3"
NEWER = "qemu-system-amd64"
# As lean as it can be without losing its serial port.
MICROVM = "microvm,pit=off,pic=off,rtc=off"
START = {
    "cpuvmm": f"cpuvmm --kernel /vmlinuz --initrd /initrd.start --memory 256M --serial stdio "
              f"--append '{CMDLINE} {QUIET}'",
    "QEMU microvm": f"qemu-system-x86_64 -nodefaults -no-user-config -display none -accel kvm "
                    f"-cpu host -M {MICROVM} -m 256 -kernel /vmlinuz -initrd /initrd.start "
                    f"-serial stdio -append '{CMDLINE} {QUIET}'",
}
ONLINE = "(cpuctl online --wait 60 1 >/dev/null && echo + >/dev/ttyS0) >/dev/null 2>&1 &"


def is_vmm(task):
    """Whether it is a task of either VMM; QEMU's threads have its name."""
    return task in ("cpuvmm", "qemu-system-x86") or re.fullmatch(r"CPU \d+/KVM", task)


def say(text):
    print(f"tests/bench/vmm: {text}", file=sys.stderr, flush=True)


def start(host, name):
    """Microseconds from the start of a VMM to its guest's process 1, and the exits up to then."""
    out = host.sh(f"stopwatch start '{WORD}' {START[name]} </dev/null", 300)
    say(f"start: {name}: {out} (µs, exits)")
    return tuple(map(int, out.split()))


def start_rows(host):
    peer = "QEMU microvm"
    taken = {name: [] for name in START}
    interleaved(ROUNDS, *(lambda n=name: taken[n].append(start(host, n)) or 0 for name in START))
    (ours, our_exits), (peers, peer_exits) = (
        [statistics.median(values) for values in zip(*taken[name])] for name in START)
    yield at_most("cpuvmm: start to the guest's init", "ms", ours / 1000, peers / 1000, peer, 0.9)
    yield at_most("cpuvmm: exits from start to the guest's init", "", our_exits, peer_exits, peer,
                  1)


class Subject:
    """A VMM whose guest's CPU 1 comes and goes; `taken` has the shares of each time."""

    def __init__(self, host, vmm):
        self.host, self.vmm = host, vmm
        self.taken = {"add": [], "remove": []}

    def request(self, what, request, word, file=""):
        vmm_trace.begin(self.host)
        total = self.host.sh(f"stopwatch request /tmp/qmp '{json.dumps(request)}' "
                             f"'{word}' {file}", 60)
        shares = vmm_trace.shares(vmm_trace.end(self.host), is_vmm)
        shares["total"] = int(total) / 1e6
        shares["outside"] = shares["vmm"] + shares["kvm"]
        self.taken[what].append(shares)
        say(f"{what}: {self.vmm}: " +
            ", ".join(f"{name} {1000 * value:.1f} ms" for name, value in sorted(shares.items())))

    def measure(self):
        """Boots a guest, and adds and removes its CPU 1 some times."""
        with Inner(self.host, self.vmm, cmdline=QUIET) as inner:
            entry = inner.possible_cpus()[1]
            # QEMU's socket takes one client.
            inner.end_qmp()
            for _ in range(ROUNDS + 1):
                inner.sh(ONLINE)
                self.request("add", {"execute": "device_add", "arguments": {
                    "driver": entry["type"], "id": "one", **entry["props"]}}, "+", "/tmp/console")
                self.request("remove", {"execute": "device_del", "arguments": {"id": "one"}},
                             '"device": "one"')
                wait_until(lambda: inner.cpus("present") == {0}, "CPU 1 to go")
        return 0

    def median(self, what, share):
        # The first time differs: the vCPU is made, and Linux makes what a new CPU needs.
        return 1000 * statistics.median(s[share] for s in self.taken[what][1:])


def hotplug_rows(host):
    ours, peer = Subject(host, "cpuvmm"), Subject(host, "q35")
    interleaved(2, ours.measure, peer.measure)
    for what, words in (("add", "device_add to online"),
                        ("remove", "device_del to DEVICE_DELETED")):
        yield at_most(f"cpuvmm: {words}, its process's time", "ms", ours.median(what, "vmm"),
                      peer.median(what, "vmm"), "QEMU q35", 0.5)
        yield at_most(f"cpuvmm: {words}, that and KVM's exits", "ms",
                      ours.median(what, "outside"), peer.median(what, "outside"), "QEMU q35", 0.5)
        yield at_most(f"cpuvmm: {words}, in all", "ms", ours.median(what, "total"),
                      peer.median(what, "total"), "QEMU q35", 1)


def stopped_memory(host, command):
    """Of a VMM with a guest that has not begun to run."""
    host.sh("rm -f /tmp/control; "
            f"{command} -S </dev/null >/tmp/vmm.log 2>&1 & echo $! >/tmp/vmm.pid; "
            "until [ -S /tmp/control ] || ! kill -0 $(cat /tmp/vmm.pid); do sleep 0.2; done; "
            "sleep 2", 60)
    memory = own_memory(host, int(host.sh("cat /tmp/vmm.pid")))
    host.sh("kill $(cat /tmp/vmm.pid); while kill -0 $(cat /tmp/vmm.pid); do sleep 0.1; done")
    say(f"memory: {command.split()[0]}: {memory} KiB")
    return memory


def memory_rows(host):
    """QEMU 7.2 has up to 288; NEWER is the backports' QEMU under its other name."""
    for cpus, qemu in ((4, "qemu-system-x86_64"), (288, "qemu-system-x86_64"), (1024, NEWER)):
        ours = stopped_memory(host, f"cpuvmm --kernel /vmlinuz --initrd /initrd.start --memory 1G "
                                    f"--smp 1,maxcpus={cpus} --qmp unix:/tmp/control "
                                    "--serial file:/tmp/console")
        peer = stopped_memory(host, f"{qemu} -nodefaults -no-user-config -display none "
                                    "-accel kvm,kernel-irqchip=split "
                                    "-cpu host,+kvm-msi-ext-dest-id -M q35 "
                                    "-kernel /vmlinuz -initrd /initrd.start -m 1G "
                                    f"-smp 1,maxcpus={cpus} -serial file:/tmp/console "
                                    "-qmp unix:/tmp/control,server=on,wait=off")
        version = "10.0" if qemu == NEWER else "7.2"
        yield at_most(f"cpuvmm, {cpus:,} possible CPUs: memory beyond the guest's", "KiB", ours,
                      peer, f"QEMU {version}", 0.25)


def newer_qemu():
    """A QEMU that can have 1,024 CPUs, from Debian's backports."""
    folder = subprocess.run([image.TOP / "scripts/backport", "qemu-system-x86"], check=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    return pathlib.Path(folder.stdout.strip()) / "usr/bin" / NEWER


def rows(_stage):
    initrd = inner_initramfs(image.Kernel(), f"echo {WORD}; sleep 1000", ())
    with Host(served=True, peer=True, programs=(newer_qemu(),), inner_programs=("cpuctl",),
              files={"/usr/bin/stopwatch": STOPWATCH, "/initrd.start": initrd}) as host:
        host.sh("mount -t debugfs debugfs /sys/kernel/debug; "
                "mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing")
        yield from memory_rows(host)
        yield from start_rows(host)
        yield from hotplug_rows(host)
