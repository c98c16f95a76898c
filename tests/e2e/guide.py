# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who follows a guide: types its commands on the host of nested_virsh.py and in the guest, and says what
differs from what the guide shows.

A difference is (pattern of a line, of either side; reason). One without a reason is a failure.
"""

import re

from case import Skip, same
from channel import Shell, wait_until
from machine import Machine
from virsh_table import blotted

# Of lscpu: what is not about the processor's model.
FIELDS = ("Architecture", "CPU op-mode(s)", "Byte Order", "CPU(s)", "On-line CPU(s) list",
          "Off-line CPU(s) list", "Thread(s) per core", "Core(s) per socket", "Socket(s)",
          "NUMA node(s)", "NUMA node0 CPU(s)", "Hypervisor vendor", "Virtualization type")
# What vcpuctl says besides on stderr: a line about each vCPU.
PROGRESS = re.compile(r"vCPU \d+: .*")


def exact_lines(text):
    """An output, but for what is another in each run, and for progress."""
    text = re.sub(r"(?m)^( *)\d+( +UAKVM2 )", r"\1N\2", blotted(text))
    return [line for line in text.splitlines() if line and not PROGRESS.fullmatch(line)]


def loose_lines(text):
    """The same without columns, which have other widths in each version of virsh."""
    lines = (" ".join(line.split()) for line in exact_lines(text))
    return [line for line in lines if line.strip("-")]


class Operator(Machine):
    """Types commands of `program` ("virsh" or "vcpuctl") on `host`; as a Machine, it is the guest.

    said: what came of each step: (words, status, lines).
    """

    def __init__(self, host, program, domain):
        self.host, self.program, self.domain = host, program, domain
        self.said = []
        self.shell = None

    def type(self, words, editor="false"):
        """Run a command; its status and all that it printed."""
        done = self.host.run(f"export LC_ALL=C LIBVIRT_DEFAULT_URI=qemu:///system EDITOR={editor}; "
                             f"{self.program} {words}", timeout=240)
        text = done.out.decode() + done.err.decode()
        print(f"# {self.program} {words}: {done.status}",
              *(f"#     {line}" for line in text.splitlines() if line), sep="\n", flush=True)
        return done.status, text

    def settle(self, what, ours, theirs, reasons):
        """Give the reason for each line that only one of two sides has."""
        odd = [("-", line) for line in theirs if line not in ours]
        odd += [("+", line) for line in ours if line not in theirs]
        for side, line in odd:
            why = next((why for pattern, why in reasons if re.fullmatch(pattern, line)), None)
            if not why:
                raise AssertionError(f"{what}: {side}{line}\nthere is: {ours}")
            print(f"# differs: {side}{line}: {why}", flush=True)

    def step(self, words, guide="", status=0, differs=(), editor="false"):
        """A command of the guide, which shows `guide` for it."""
        got, text = self.type(words, editor)
        if self.program == "virsh" and "request timed out" in text:
            raise Skip("libvirt gives a removal five seconds, which this machine does not keep")
        self.said.append((words, got, exact_lines(text)))
        self.settle(words, loose_lines(text), loose_lines(guide), differs)
        same(got, status)
        return text

    def compare(self, oracle, unlike):
        """Compare all that was said with what another operator was told. unlike: by words."""
        same([words for words, _, _ in self.said], [words for words, _, _ in oracle])
        for (words, status, ours), (_, wanted, theirs) in zip(self.said, oracle):
            same((words, status), (words, wanted))
            self.settle(f"not as virsh: {words}", ours, theirs, unlike.get(words, ()))

    def login(self):
        """Wait until the started guest is up, and start its agent, as a distribution's init does."""
        self.host.sh("until grep -q 'guest-init: ready' /tmp/console; do sleep 0.5; done", 300)
        self.shell = Shell(self.host.inner_path("shell"))
        self.host.relay("shell")
        self.start_agent("cpuctl-agent")
        wait_until(lambda: self.type(f"vcpucount {self.domain} --guest")[0] == 0, "the agent", 120, 1)

    def logout(self):
        """Before the next start."""
        if self.shell:
            self.host.end_relay("shell")
            self.shell.stream.close()
            self.shell = None
        self.host.run("rm -f /tmp/console")

    def lscpu(self, guide, online, differs=()):
        """The guest's lscpu; `guide` shows the fields that are not about the processor's model."""
        if self.program == "virsh":
            self.wait_cpus(online, timeout=120)  # it only plugs them
        fields = "|".join(map(re.escape, FIELDS))
        lines = [line for line in loose_lines(self.sh("LC_ALL=C lscpu"))
                 if re.match(f"({fields}):", line)]
        print("# guest: lscpu", *(f"#     {line}" for line in lines), sep="\n", flush=True)
        self.settle("lscpu", lines, loose_lines(guide), differs)

    def dmesg(self, guide, differs=()):
        """The guest's kernel log, of which `guide` shows lines."""
        text, lines = self.sh("dmesg"), loose_lines(guide)
        self.settle("dmesg", [line for line in lines if line in text], lines, differs)
