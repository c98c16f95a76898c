# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who had the one CPU of a host between two marks, from the kernel's trace of that host.

Needs the events sched_switch, kvm_entry and kvm_exit (Documentation/trace/ftrace.rst).
"""

import collections
import re

EVENTS = ("sched/sched_switch", "kvm/kvm_entry", "kvm/kvm_exit", "kvm/kvm_userspace_exit")
LINE = re.compile(r"\s*(?P<task>.+)-(?P<pid>\d+)\s+\[\d+\]\s+\S+\s+(?P<time>\d+\.\d+): "
                  r"(?P<event>\w+): (?P<rest>.*)")
NEXT = re.compile(r"next_comm=(.*) next_pid=(\d+)")


def begin(host):
    """Empties the trace and starts it."""
    host.sh("cd /sys/kernel/tracing && echo 0 >tracing_on && echo 20000 >buffer_size_kb && "
            + " && ".join(f"echo 1 >events/{event}/enable" for event in EVENTS)
            + " && echo mono >trace_clock && echo >trace && echo 1 >tracing_on")


def end(host):
    """Stops the trace; its text."""
    host.sh("echo 0 >/sys/kernel/tracing/tracing_on")
    return host.read_file("/sys/kernel/tracing/trace").decode(errors="replace")


def shares(text, is_vmm):
    """Seconds between the marks: "guest" (a vCPU in guest mode), "kvm" (a vCPU's exit that the
    kernel handles), "vmm" (the rest of the VMM's tasks), "idle" and "other". is_vmm: tells by a
    task's name whether it is the VMM's."""
    total = collections.Counter()
    since, who = None, None
    state = {}  # of vCPU threads
    after = {"kvm_entry": "guest", "kvm_exit": "kvm", "kvm_userspace_exit": "vmm"}
    for line in text.splitlines():
        found = LINE.match(line)
        if not found:
            continue
        time, task, pid = float(found["time"]), found["task"], int(found["pid"])
        if since is not None:
            total[who] += time - since
            since = time
        if found["event"] == "sched_switch":
            task, pid = NEXT.search(found["rest"]).groups()
            pid = int(pid)
        elif found["event"] in after:
            state[pid] = after[found["event"]]
        elif found["rest"] == "begin":
            since = time
        elif found["rest"] == "end":
            return total
        who = "idle" if pid == 0 else "other"
        if is_vmm(task.strip()):
            who = state.get(pid, "vmm")
    raise ValueError("the trace does not reach to its end")
