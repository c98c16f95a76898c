# SPDX-License-Identifier: LGPL-2.1-or-later
"""vcpuctl on a guest that a test started: by its sockets, from outside."""

import functools
import json
import subprocess

import image
from case import decorator
from channel import Agent, Result
from guest import Guest

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
