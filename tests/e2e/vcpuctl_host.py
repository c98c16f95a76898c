# SPDX-License-Identifier: LGPL-2.1-or-later
"""Guests (domains) that vcpuctl defines and starts under TCG, with private folders for its store."""

import atexit
import functools
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from case import decorator
from channel import Result, wait_until
from libvirt_host import Domain
from machine import Failed
from tool import PROGRAM, vcpuctl


class Vcpuctl:
    """vcpuctl with a store of its own; has the methods of Libvirt that a Domain uses."""

    def __init__(self):
        # Short: paths of unix sockets are.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="vcpuctl."))
        self.state, self.run = self.folder / "state", self.folder / "run"
        self.log = self.folder / "log"
        self.log.touch()
        atexit.register(self.close)

    def environment(self):
        return dict(os.environ, LC_ALL="C", VCPUCTL_STATE_DIR=str(self.state),
                    VCPUCTL_RUN_DIR=str(self.run))

    def start_virsh(self, *words, options=("-q",)):
        return subprocess.Popen([PROGRAM, *options, *map(str, words)], text=True,
                                env=self.environment(), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def exact(self, words, options=()):
        """All that it printed."""
        return vcpuctl(*options, *words, env=self.environment())

    def virsh(self, *words, timeout=120):
        with self.start_virsh(*words) as process:
            try:
                out, err = process.communicate(timeout=timeout)
            except BaseException:
                process.kill()
                raise
        return Result(process.returncode, out.rstrip("\n"), err.rstrip("\n"))

    def must(self, *words):
        result = self.virsh(*words)
        if result.status != 0:
            raise Failed("vcpuctl " + " ".join(map(str, words)), result)
        return result.out

    def close(self):
        """Nothing that runs is left behind."""
        for name in self.virsh("list", "--name").out.split():
            self.virsh("destroy", name)
        shutil.rmtree(self.folder, ignore_errors=True)


@functools.lru_cache(maxsize=None)
def vcpuctl_host():
    """The one store of this test program."""
    return Vcpuctl()


class VcpuctlDomain(Domain):
    """A guest that vcpuctl starts; virsh() runs vcpuctl on it."""

    host = staticmethod(vcpuctl_host)

    def agent_connected(self):
        return self.virsh("qemu-agent-command", '{"execute": "guest-ping"}').status == 0

    def state(self):
        return self.must("domstate", "--reason")

    def wait_state(self, wanted, timeout=60):
        wait_until(lambda: self.state() == wanted, f"the domain to be {wanted}", timeout)

    def json(self, command, *words):
        return json.loads(self.libvirt.must("--json", command, self.name, *words))

    def run_folder(self):
        """Where the running domain's sockets are."""
        return self.libvirt.run / self.must("domuuid")


vcpuctl_domain = functools.partial(decorator, VcpuctlDomain)
