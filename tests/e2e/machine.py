# SPDX-License-Identifier: LGPL-2.1-or-later
"""What every running test guest has, whoever started it: a shell, a console log, an agent."""

import base64
import json
import pathlib
import shlex

from channel import Shell, wait_until
from image import installed

PORT = "org.qemu.guest_agent.0"
SHELL_PORT = "org.cpuctl.test.shell"
AGENTS = ("qemu-ga", "cpuctl-agent")

# There is no udevd in the guest, so no /dev/virtio-ports: qemu-ga must be told the device.
FIND_PORT = f"""grep -l -x {PORT} /sys/class/virtio-ports/*/name | sed 's,.*/\\(.*\\)/name,/dev/\\1,'"""
START = {
    "qemu-ga": f"qemu-ga -m virtio-serial -p $({FIND_PORT})",
    "cpuctl-agent": "cpuctl-agent",
}


def parse_list(text):
    """A kernel CPU list ("0-2,5") as a set."""
    cpus = set()
    for part in text.strip().split(","):
        if part:
            first, _, last = part.partition("-")
            cpus.update(range(int(first), int(last or first) + 1))
    return cpus


class Failed(Exception):
    """A command in the guest, or of virsh, ended with another status than 0."""

    def __init__(self, command, result):
        super().__init__(f"{command!r}: exit status {result.status}: "
                         f"{text(result.out)}{text(result.err)}")
        self.result = result


def text(data):
    return data if isinstance(data, str) else data.decode(errors="replace")


class Machine:
    """Base of Guest and Domain. They set `console` (the log's path) and shell_path."""

    console: pathlib.Path
    shell_path: pathlib.Path
    agent_name = None

    def wait_for_boot(self, timeout=180):
        def ready():
            self.check_alive()
            return b"guest-init: ready" in self.console_log()
        wait_until(ready, "the guest to boot", timeout)
        self.shell = Shell(self.shell_path)

    def check_alive(self):
        """Raise an exception if the guest is known to be gone."""

    def crashed(self):
        """In words how the emulator ended by a fault of its own; empty if it did not."""
        return ""

    def console_log(self):
        return self.console.read_bytes() if self.console.exists() else b""

    def wait_log(self, wanted, timeout=30):
        """Wait for the words `wanted` on the guest's console (the kernel's log)."""
        wait_until(lambda: wanted.encode() in self.console_log(), f"{wanted!r} in the log", timeout)

    def run(self, command, timeout=30):
        """Run a shell command in the guest: Result(status, out, err), in bytes."""
        return self.shell.run(command, timeout)

    def sh(self, command, timeout=30):
        """Run a shell command in the guest that must succeed; its output as text."""
        result = self.run(command, timeout)
        if result.status != 0:
            raise Failed(command, result)
        return text(result.out).rstrip("\n")

    def sh_json(self, command, timeout=30):
        return json.loads(self.sh(command, timeout))

    def read_file(self, path):
        """A file of the guest, in bytes."""
        result = self.run(f"cat {shlex.quote(path)}", 300)
        if result.status != 0:
            raise Failed(f"cat {path}", result)
        return result.out

    def write_file(self, path, data):
        data = data if isinstance(data, bytes) else data.encode()
        self.sh(f"echo {base64.b64encode(data).decode()} | base64 -d > {shlex.quote(path)}")

    def cpus(self, state="online"):
        """A set of CPUs as the guest's kernel has it: online, offline, present or possible."""
        return parse_list(self.sh(f"cat /sys/devices/system/cpu/{state}"))

    def set_online(self, cpu, online):
        """Behind the agent's back, by sysfs."""
        self.sh(f"echo {int(online)} > /sys/devices/system/cpu/cpu{cpu}/online")

    def wait_cpus(self, wanted, state="online", timeout=30):
        """Wait until the guest has exactly the CPUs `wanted` in this state."""
        wait_until(lambda: self.cpus(state) == set(wanted),
                   f"CPUs {sorted(wanted)} to be {state}; there is {sorted(self.cpus(state))}",
                   timeout)

    def start_agent(self, name, arguments=""):
        """Start the guest agent `name` ("qemu-ga" or "cpuctl-agent")."""
        self.agent_name = name
        self.write_file("/tmp/start", f"{START[name]} {arguments} >>/tmp/agent.log 2>&1 &\n"
                        "echo $! >/tmp/agent.pid\nwait $!\necho $? >/tmp/agent.status\n")
        self.sh("rm -f /tmp/agent.pid; sh /tmp/start & until [ -s /tmp/agent.pid ]; do :; done")
        if not self.agent_alive():
            raise Failed(name, self.run("cat /tmp/agent.log"))

    def agent_alive(self):
        return self.run("kill -0 $(cat /tmp/agent.pid)").status == 0

    def agent_pid(self):
        return int(self.sh("cat /tmp/agent.pid"))

    def agent_cpu_time(self):
        """Seconds of CPU time that the agent has used, by the kernel's clock tick of 10 ms."""
        fields = self.sh(f"cat /proc/{self.agent_pid()}/stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def stop_agent(self, signal="TERM"):
        """Stop the agent and wait until it is gone."""
        self.sh(f"rm -f /tmp/agent.status; kill -{signal} $(cat /tmp/agent.pid)")
        wait_until(lambda: self.run("test -s /tmp/agent.status").status == 0, "the agent to end")
        self.agent_name = None

    def agent_log(self):
        return self.sh("cat /tmp/agent.log 2>/dev/null || true")

    def report(self):
        """What to show of this guest when a case has failed."""
        lines = text(self.console_log()).splitlines()[-40:]
        try:
            lines.append("--- the agent's output:")
            lines += self.agent_log().splitlines()[-40:]
        except Exception as error:  # pylint: disable=broad-except
            lines.append(f"(not to be had: {error})")
        return "\n".join(["--- the guest's console:"] + lines)


def missing(agent):
    """Why cases with `agent` can not run here, or None."""
    return None if installed(agent) else f"no program {agent} on this machine"
