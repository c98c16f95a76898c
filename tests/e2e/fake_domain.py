# SPDX-License-Identifier: LGPL-2.1-or-later
"""A domain that vcpuctl takes for a running one, with the VMM and the agent of fake_vm.py behind its
sockets: definition and requests can differ from what the VMM and the guest have."""

import fcntl
import os
import pathlib
import re
import struct
import subprocess

from fake_vm import Pair
from tool import PROGRAM, vcpuctl

UUID = "11112222-3333-4444-5555-666677778888"
XML = f"""<domain type='kvm'{{id}}>
  <name>vm</name>
  <uuid>{UUID}</uuid>
  <memory unit='MiB'>64</memory>
  <vcpu placement='static' current='{{current}}'>4</vcpu>
  <vcpus>{{vcpus}}</vcpus>
  <os><type arch='x86_64' machine='q35'>hvm</type><kernel>/boot/vmlinuz</kernel></os>
  <devices>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
  </devices>
</domain>
"""


def definition(current, id=""):  # pylint: disable=redefined-builtin
    """The domain's XML, with the first `current` vCPUs enabled."""
    vcpus = "".join(f"<vcpu id='{n}' enabled='{'yes' if n < current else 'no'}' "
                    f"hotpluggable='{'yes' if n else 'no'}'/>" for n in range(4))
    return XML.format(id=id, current=current, vcpus=vcpus)


class FakeDomain(Pair):
    """Configured with `configured` of 4 vCPUs, running with `plugged` of them, and `requested`."""

    def __init__(self, plugged=1, configured=None, requested=None, **options):
        super().__init__(plugged, **options)
        self.state, self.run = self.folder / "state", self.folder / "run" / UUID
        self.state.mkdir()
        self.run.mkdir(parents=True)
        self.configure(plugged if configured is None else configured)
        self.alive = None
        self.settle(plugged if requested is None else requested)

    def settle(self, requested):
        """Fill the run folder."""
        for name in ("control", "query", "watch"):
            (self.run / name).symlink_to(self.folder / "qmp")
        (self.run / "agent").symlink_to(self.folder / "agent")
        self.request(requested)
        boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        (self.run / "status").write_text(f"id=1 pid={os.getpid()} reason=unknown boot={boot}\n")
        # The lock by which a VMM lives; of the open file description, as the VMM has it.
        self.alive = open(self.run / "alive", "wb")  # pylint: disable=consider-using-with
        fcntl.fcntl(self.alive, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))

    def configure(self, count):
        """The persistent definition."""
        (self.state / "vm.xml").write_text(definition(count))

    def request(self, count):
        """The running one, which has what was asked for."""
        (self.run / "live.xml").write_text(definition(count, " id='1'"))

    def requested(self):
        """How many vCPUs the running definition has."""
        text = (self.run / "live.xml").read_text()
        return int(re.search("<vcpu [^>]*current='([0-9]+)'", text)[1]) if "current=" in text else 4

    def die(self):
        """The VMM ends as by SIGKILL: its lock goes, its sockets' files stay."""
        self.alive.close()
        self.vmm.close()
        self.agent.close()

    def __exit__(self, *what):
        if not self.alive.closed:
            self.alive.close()
        super().__exit__(*what)

    def environment(self):
        return dict(os.environ, LC_ALL="C", TERM="xterm", VCPUCTL_STATE_DIR=str(self.state),
                    VCPUCTL_RUN_DIR=str(self.run.parent))

    def tool(self, command, *words, options=(), **more):
        return vcpuctl(*options, command, "vm", *words, env=self.environment(), **more)

    def start(self, command, *words, options=(), **more):
        """vcpuctl in the background."""
        return subprocess.Popen([PROGRAM, *options, command, "vm", *map(str, words)], text=True,
                                env=self.environment(),
                                **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
                                   "stderr": subprocess.PIPE, **more})
