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
import time

import image
import vmm_trace
from bench import at_most, interleaved
from inner import CMDLINE, own_memory
from nested import Host, inner_initramfs

STOPWATCH = image.BUILD / "tests/bench/stopwatch"
STARTS, ROUNDS = 5, 11
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
# Brings CPU 1 online whenever it comes, and says so.
GUEST = """
while :; do
    cpuctl online --wait 1000 1 >/dev/null && echo + >/dev/ttyS0
    while [ -e /sys/devices/system/cpu/cpu1 ]; do sleep 0.5; done
done &
echo init-is-here
sleep 10000
"""
FIRST = "echo init-is-here; sleep 10000"
HOTPLUG = {
    "cpuvmm": f"cpuvmm --kernel /vmlinuz --initrd /initrd --append '{CMDLINE} {QUIET}' "
              "--memory 256M --smp 1,maxcpus=4,sockets=4 --qmp unix:/tmp/cpuvmm "
              "--serial file:/tmp/cpuvmm.console",
    "q35": f"qemu-system-x86_64 -nodefaults -no-user-config -display none -accel kvm -cpu host "
           f"-M q35 -kernel /vmlinuz -initrd /initrd -append '{CMDLINE} {QUIET}' -m 256 "
           "-smp 1,maxcpus=4,sockets=4 -qmp unix:/tmp/q35,server=on,wait=off "
           "-serial file:/tmp/q35.console",
}
ADD = {"execute": "device_add", "arguments": {
    "driver": "host-x86_64-cpu", "id": "one", "socket-id": 1, "core-id": 0, "thread-id": 0}}
REMOVE = {"execute": "device_del", "arguments": {"id": "one"}}


# Tells a VMM's tasks by name; QEMU's vCPU threads have QEMU's.
TASKS = {"cpuvmm": re.compile(r"cpuvmm|CPU \d+/KVM"), "q35": re.compile("qemu-system-x86")}


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
    interleaved(STARTS, *(lambda n=name: taken[n].append(start(host, n)) or 0 for name in START))
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
        host.sh(f"{HOTPLUG[vmm]} </dev/null >/tmp/{vmm}.log 2>&1 & "
                f"until grep -q {WORD} /tmp/{vmm}.console; do sleep 0.5; done", 300)

    def request(self, what, request, word, file=""):
        # What came before is over: the guest waits for the CPU, or the CPU has settled.
        time.sleep(2)
        vmm_trace.begin(self.host)
        total = self.host.sh(f"stopwatch request /tmp/{self.vmm} '{json.dumps(request)}' "
                             f"'{word}' {file}", 60)
        shares = vmm_trace.shares(vmm_trace.end(self.host), TASKS[self.vmm].fullmatch)
        shares["total"] = int(total) / 1e6
        shares["outside"] = shares["vmm"] + shares["kvm"]
        self.taken[what].append(shares)
        say(f"{what}: {self.vmm}: " +
            ", ".join(f"{name} {1000 * value:.1f} ms" for name, value in sorted(shares.items())))

    def measure(self):
        self.request("add", ADD, "+", f"/tmp/{self.vmm}.console")
        self.request("remove", REMOVE, 'DEVICE_DELETED')
        return 0

    def median(self, what, share):
        # The first time differs: the vCPU is made, and Linux makes what a new CPU needs.
        return 1000 * statistics.median(s[share] for s in self.taken[what][1:])


def hotplug_rows(host):
    ours, peer = Subject(host, "cpuvmm"), Subject(host, "q35")
    interleaved(ROUNDS, ours.measure, peer.measure)
    for what, words in (("add", "device_add to online"),
                        ("remove", "device_del to DEVICE_DELETED")):
        yield at_most(f"cpuvmm: {words}, the VMM's process", "ms", ours.median(what, "vmm"),
                      peer.median(what, "vmm"), "QEMU q35", 0.5)
        yield at_most(f"cpuvmm: {words}, outside the guest (with KVM's part)", "ms",
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
    files = {"/usr/bin/stopwatch": STOPWATCH,
             "/initrd.start": inner_initramfs(image.Kernel(), FIRST, ())}
    with Host(script=GUEST, peer=True, programs=(newer_qemu(),), inner_programs=("cpuctl",),
              files=files) as host:
        host.sh("mount -t debugfs debugfs /sys/kernel/debug; "
                "mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing")
        yield from memory_rows(host)
        yield from start_rows(host)
        yield from hotplug_rows(host)
