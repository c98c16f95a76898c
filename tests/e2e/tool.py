# SPDX-License-Identifier: LGPL-2.1-or-later
"""vcpuctl on a guest that a test started: by its sockets, from outside."""

import atexit
import functools
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import image
from case import decorator
from channel import Agent, Result, wait_until
from guest import Guest
from libvirt_host import Domain
from machine import Failed, Machine

PROGRAM = image.BUILD / "tools/vcpuctl/vcpuctl"


def vcpuctl(*words, timeout=120, **options):
    """Run it; its status, output and errors as text."""
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True,
                          timeout=timeout, check=False, stdin=subprocess.DEVNULL, **options)
    return Result(done.returncode, done.stdout, done.stderr)


class ToolGuest(Guest):
    """A guest under TCG with a QMP socket for vcpuctl beside that of the test."""

    def command(self, vmlinuz):
        path = self.folder / "tool-qmp"
        return super().command(vmlinuz) + ["-chardev", f"socket,id=tool-qmp,path={path},server=on,wait=off",
                                           "-mon", "chardev=tool-qmp,mode=control"]

    def tool(self, *words, agent=None, options=(), timeout=120):
        """Run a vcpuctl command on this guest. agent: another socket for the agent."""
        self.agent.close()
        try:
            return vcpuctl("--qmp", self.folder / "tool-qmp", "--agent",
                           agent or self.folder / "agent", *options, words[0], "guest", *words[1:],
                           timeout=timeout)
        finally:
            self.agent = Agent(self.folder / "agent")

    def must(self, *words, **options):
        """The output of a command that has to work."""
        done = self.tool(*words, **options)
        if done.status != 0:
            raise AssertionError(f"vcpuctl {' '.join(map(str, words))}: {done}")
        return done.out

    def ask(self, *words):
        """The same with --json."""
        return json.loads(self.must(*words, options=("--json",)))


# The case's argument is a ToolGuest.
tool_guest = functools.partial(decorator, ToolGuest)


class Store:
    """vcpuctl with a store of its own; methods as those of libvirt_host.Libvirt."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cpuctl-store."))
        self.log = self.folder / "log"
        self.log.touch()
        self.env = dict(os.environ, LC_ALL="C", VCPUCTL_STATE_DIR=str(self.folder / "lib"),
                        VCPUCTL_RUN_DIR=str(self.folder / "run"))
        atexit.register(self.close)

    def exact(self, words, options=(), timeout=60):
        """All that it printed: Result(status, out, err)."""
        return vcpuctl(*options, *words, timeout=timeout, env=self.env)

    def start_virsh(self, *words, options=("-q",)):
        """It as a running process."""
        return subprocess.Popen([PROGRAM, *options, *map(str, words)], text=True, env=self.env,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def virsh(self, *words, timeout=60):
        """With -q, without line ends at the end."""
        status, out, err = self.exact(words, ("-q",), timeout)
        return Result(status, out.rstrip("\n"), err.rstrip("\n"))

    def must(self, *words):
        result = self.virsh(*words)
        if result.status != 0:
            raise Failed("vcpuctl " + " ".join(map(str, words)), result)
        return result.out

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)


@functools.lru_cache(maxsize=None)
def store():
    """The one store of this test program."""
    return Store()


class ToolDomain(Domain):
    """A domain that vcpuctl starts, on QEMU under TCG."""

    @staticmethod
    def host():
        return store()

    def start_agent(self, name, arguments=""):
        Machine.start_agent(self, name, arguments)
        wait_until(lambda: self.virsh("vcpucount", "--guest").status == 0, "the agent", 20, 0.2)


# The case's argument is a ToolDomain.
tool_domain = functools.partial(decorator, ToolDomain)
