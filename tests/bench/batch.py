# SPDX-License-Identifier: LGPL-2.1-or-later
"""A batch of online and offline over 64 CPUs: cpuctl against a shell loop of raw sysfs writes.

The guest starts with one CPU online, and one thread emulates all in turn: for every change the kernel
stops all CPUs in a busy loop, which 65 threads on a few cores would spend their time in.
"""

from bench import at_most, interleaved
from guest import Guest

ROUNDS = 7
CPUS = "1-64"
# The clock is the guest's own, so that the way to the guest is not measured.
TIMED = """
start=$(awk '{print $1 * 100}' /proc/uptime)
%s
end=$(awk '{print $1 * 100}' /proc/uptime)
echo $((end - start))
"""
OURS = f"cpuctl online {CPUS} >/dev/null && cpuctl offline {CPUS} >/dev/null"
LOOP = """
cd /sys/devices/system/cpu
for cpu in $(seq 1 64); do echo 1 >cpu$cpu/online; done
for cpu in $(seq 64 -1 1); do echo 0 >cpu$cpu/online; done
"""


def rows(_stage):
    with Guest(smp="65,maxcpus=65", memory=512, cmdline="maxcpus=1",
               threads="single") as guest:
        def timed(commands):
            return int(guest.sh(TIMED % commands, timeout=300)) * 10

        # A CPU's first start costs the kernel many times a later one's.
        timed(OURS)
        times = interleaved(ROUNDS, lambda: timed(OURS), lambda: timed(LOOP))
        yield at_most("online and offline of 64 CPUs", "ms", *times, "shell loop", 1.05)
