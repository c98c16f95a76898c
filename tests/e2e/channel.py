# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients for the sockets of a test guest: root shell, QEMU's monitor (QMP), guest agent."""

import base64
import collections
import itertools
import json
import random
import socket
import time

Result = collections.namedtuple("Result", "status out err")


class Closed(Exception):
    """The other side closed the connection."""


def wait_until(condition, what, timeout=30, interval=0.05):
    """Call `condition` until it returns something true; that is returned."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout} s for {what}")
        time.sleep(interval)


class Stream:
    """A unix socket read line by line, with a deadline on every read."""

    def __init__(self, path, timeout=10):
        def connect():
            sock = socket.socket(socket.AF_UNIX)
            try:
                sock.connect(str(path))
                return sock
            except (FileNotFoundError, ConnectionRefusedError):
                sock.close()
                return None
        self.path = str(path)
        self.socket = wait_until(connect, f"socket {path}", timeout)
        self.buffer = b""

    def send(self, data):
        self.socket.settimeout(60)
        self.socket.sendall(data)

    def read_line(self, timeout=30):
        """The next line without its newline."""
        deadline = time.monotonic() + timeout
        while b"\n" not in self.buffer:
            self.socket.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                data = self.socket.recv(65536)
            except socket.timeout:
                raise TimeoutError(f"no line on {self.path} for {timeout} s; "
                                   f"there is {self.buffer[-200:]!r}") from None
            if not data:
                raise Closed(self.path)
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line

    def close(self):
        self.socket.close()


class Hung(TimeoutError):
    """A guest's kernel does not go on any more, although nothing may take it that long."""


class Shell:
    """A root shell in the guest: the other end of serve() in guest-init."""

    def __init__(self, path):
        self.stream = Stream(path)
        self.numbers = itertools.count(1)

    def run(self, command, timeout=30):
        """Run `command` by sh; its exit status (137: killed after `timeout` seconds), output."""
        number = next(self.numbers)
        encoded = base64.b64encode(command.encode()).decode()
        self.stream.send(f"{number} {timeout} {encoded}\n".encode())
        deadline = time.monotonic() + timeout + 30
        while True:
            words = self.read_line(deadline).split()
            if len(words) == 2 and words[0] == b"@%d" % number:
                break
        out = self.read_block(b"-", deadline)
        err = self.read_block(b".", deadline)
        return Result(int(words[1]), out, err)

    def read_line(self, deadline):
        try:
            return self.stream.read_line(max(deadline - time.monotonic(), 0.001)).rstrip(b"\r")
        except TimeoutError as error:
            raise Hung(str(error)) from None

    def read_block(self, end, deadline):
        encoded = []
        while True:
            line = self.read_line(deadline)
            if line == end:
                return base64.b64decode(b"".join(encoded))
            encoded.append(line)


class CommandError(Exception):
    """An error reply: `kind` is its class, `desc` its sentence."""

    def __init__(self, command, error):
        super().__init__(f"{command}: {error['class']}: {error['desc']}")
        self.kind = error["class"]
        self.desc = error["desc"]


class Qmp:
    """QEMU's monitor."""

    def __init__(self, path, connected=lambda: None):
        """connected: called between the connection and the greeting, as a relay may need it."""
        self.stream = Stream(path)
        self.events = collections.deque()
        connected()
        json.loads(self.stream.read_line())
        self.execute("qmp_capabilities")

    def execute(self, command, **arguments):
        """Run a command; an argument's "_" stands for QMP's "-"."""
        arguments = {name.replace("_", "-"): value for name, value in arguments.items()}
        request = {"execute": command, "arguments": arguments}
        self.stream.send(json.dumps(request).encode() + b"\n")
        while True:
            reply = json.loads(self.stream.read_line())
            if "event" in reply:
                self.events.append(reply)
            elif "error" in reply:
                raise CommandError(command, reply["error"])
            else:
                return reply["return"]

    def next_event(self, timeout=30):
        """The next event, whole, also one that came before this call."""
        if not self.events:
            self.events.append(json.loads(self.stream.read_line(timeout)))
        return self.events.popleft()

    def wait_event(self, name, timeout=30):
        """The data of the next event `name`, also of one that came before this call."""
        deadline = time.monotonic() + timeout
        while True:
            for event in self.events:
                if event["event"] == name:
                    self.events.remove(event)
                    return event.get("data", {})
            line = json.loads(self.stream.read_line(max(deadline - time.monotonic(), 0.001)))
            self.events.append(line)


class Agent:
    """The host's end of the guest agent's channel."""

    def __init__(self, path):
        self.path = path
        self.stream = Stream(path)

    def sync(self, timeout=10):
        """Flush what earlier commands left on both sides, as the protocol foresees."""
        number = random.getrandbits(48)
        request = {"execute": "guest-sync-delimited", "arguments": {"id": number}}
        deadline = time.monotonic() + timeout
        self.stream.send(b"\xff" + json.dumps(request).encode() + b"\n")
        while True:
            line = self.stream.read_line(max(deadline - time.monotonic(), 0.001))
            if line.startswith(b"\xff") and json.loads(line[1:]) == {"return": number}:
                return

    def send(self, request):
        """Send without waiting: bytes as they are, anything else as JSON."""
        if not isinstance(request, bytes):
            request = json.dumps(request).encode() + b"\n"
        self.stream.send(request)

    def reply(self, timeout=30):
        """The next reply, whole."""
        return json.loads(self.stream.read_line(timeout).lstrip(b"\xff"))

    def execute(self, command, timeout=30, **arguments):
        """Run a command and return its value; an argument's "_" stands for "-"."""
        request = {"execute": command}
        if arguments:
            request["arguments"] = {k.replace("_", "-"): v for k, v in arguments.items()}
        self.send(request)
        reply = self.reply(timeout)
        if "error" in reply:
            raise CommandError(command, reply["error"])
        return reply["return"]

    def vcpus(self):
        """guest-get-vcpus as {logical-id: online}."""
        return {v["logical-id"]: v["online"] for v in self.execute("guest-get-vcpus")}

    def set_vcpus(self, **online):
        """guest-set-vcpus: cpu1=False, cpu2=True, in this order."""
        wanted = [{"logical-id": int(k[3:]), "online": v} for k, v in online.items()]
        return self.execute("guest-set-vcpus", vcpus=wanted)

    def reconnect(self):
        self.stream.close()
        self.stream = Stream(self.path)

    def close(self):
        self.stream.close()
