# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the wire tests share: an agent as a process, a client of it, and an upstream that misbehaves."""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time


sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import Skip, run  # noqa: E402,F401  pylint: disable=wrong-import-position

# The search for leaks at the end of a sanitized program needs system calls that the agent's filter
# refuses; the unit tests, which have no filter, look for leaks, and tests/valgrind does.
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"


def equal(found, expected):
    if found != expected:
        raise AssertionError(f"{str(found)[:500]!r} is not {str(expected)[:500]!r}")


def error_of(reply, error_class="GenericError", contains=""):
    equal(reply["error"]["class"], error_class)
    if contains not in reply["error"]["desc"]:
        raise AssertionError(f"{contains!r} is not in {reply['error']['desc']!r}")


def rss_kib(pid):
    if sanitized():
        return 0  # AddressSanitizer keeps what was freed
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))


def switches(pid):
    """How often a process was put to sleep, and to the side."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return [line.split()[1] for line in file if "ctxt_switches" in line]


def asleep(pid, seconds):
    """A process sleeps all the time. What other programs' devices make the kernel report may wake
    it, so that a later while counts, too."""
    for _ in range(20):
        time.sleep(0.3)
        before = switches(pid)
        time.sleep(seconds)
        if switches(pid) == before:
            return
    raise AssertionError(f"process {pid} never sleeps for {seconds} s")


def agent_program():
    """The agent under test: $CPUCTL_AGENT, or the one in the build folder we were called from."""
    path = os.environ.get("CPUCTL_AGENT", os.path.join(os.environ.get("CPUCTL_BUILD", "."), "agent/cpuctl-agent"))
    if not os.path.exists(path):
        raise SystemExit(f"Bail out! no {path}: set CPUCTL_AGENT or call from the build folder")
    return os.path.abspath(path)


def sanitized():
    """Whether the agent was built with sanitizers: they need system calls that the filter forbids."""
    return bool(os.environ.get("CPUCTL_SANITIZED"))


class Process:
    """A program that is ended with its `with` block."""

    def __init__(self, argv, log):
        self.log = open(log, "ab")
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.pid = self.process.pid

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()

    def kill(self):
        self.process.kill()
        self.process.wait()


class Client:
    """A host's end of the agent's socket."""

    def __init__(self, path, timeout=20.0):
        self.buffer = b""
        deadline = time.monotonic() + 5
        while True:
            self.socket = socket.socket(socket.AF_UNIX)
            try:
                self.socket.connect(path)
                break
            except OSError:
                self.socket.close()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        self.socket.settimeout(timeout)

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else json.dumps(data).encode())

    def line(self):
        """The next line of replies, without its end."""
        while b"\n" not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError(f"connection closed after {self.buffer[-200:]!r}")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line

    def ask(self, command, arguments=None, **members):
        """Sends a command and returns the whole reply."""
        request = {"execute": command, **members}
        if arguments is not None:
            request["arguments"] = arguments
        self.send(request)
        return json.loads(self.line())

    def get(self, command, arguments=None):
        """Sends a command and returns what it returns."""
        reply = self.ask(command, arguments)
        if "return" not in reply or "error" in reply:
            raise AssertionError(f"{command}: {reply}")
        return reply["return"]

    def quiet(self, seconds):
        """What comes within a time in which nothing should."""
        before = self.socket.gettimeout()
        self.socket.settimeout(seconds)
        try:
            self.buffer += self.socket.recv(65536)
        except TimeoutError:
            pass
        self.socket.settimeout(before)
        return self.buffer


class Upstream:
    """A made-up qemu-ga: answers the handshake as a real one, everything else as a test wants.

    handler(connection, request): gets each request that is not part of the handshake as an object; returns
    bytes to send, or None. raw: what came in, as bytes.
    """

    def __init__(self, path, handler=None, commands=(), status="thawed"):
        self.handler = handler
        self.status = status
        self.commands = [{"name": "guest-fsfreeze-status", "enabled": True, "success-response": True}]
        self.commands += list(commands)
        self.raw = b""
        self.requests = []
        self.connections = 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(4)
        self.connection = None
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                self.connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            try:
                self.talk(self.connection)
            except OSError:
                pass
            self.connection.close()

    def talk(self, connection):
        decoder = json.JSONDecoder()
        text = ""
        while True:
            data = connection.recv(65536)
            if not data:
                return
            self.raw += data
            # what follows the last reset byte counts, as for a real parser
            text = (text + data.decode("latin-1")).split("\xff")[-1].lstrip()
            while text:
                try:
                    request, end = decoder.raw_decode(text)
                except json.JSONDecodeError:
                    break
                text = text[end:].lstrip()
                reply = self.answer(connection, request)
                if reply:
                    connection.sendall(reply)

    def answer(self, connection, request):
        name = request["execute"]
        if name == "guest-sync-delimited":
            return b"\xff" + json.dumps({"return": request["arguments"]["id"]}).encode() + b"\n"
        if name == "guest-info":
            return json.dumps({"return": {"version": "x", "supported_commands": self.commands}}).encode() + b"\n"
        if name == "guest-fsfreeze-status":
            return json.dumps({"return": self.status}).encode() + b"\n"
        self.requests.append(request)
        return self.handler(connection, request) if self.handler else None

    def stop(self):
        # close() alone does not wake accept()
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        if self.connection:
            try:
                self.connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.thread.join(5)


class Chain:
    """An agent with an upstream behind it, both in a temporary folder; for a `with` block."""

    def __init__(self, timeout=30, options=(), **upstream):
        self.timeout = timeout
        self.options = list(options)
        self.upstream_arguments = upstream
        self.agent = self.upstream = self.client = None

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="cpuctl-wire-")
        self.upstream_path = f"{self.folder}/ga.sock"
        self.path = f"{self.folder}/agent.sock"
        self.log = f"{self.folder}/agent.log"
        try:
            self.start()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def start(self):
        self.start_upstream()
        config = f"{self.folder}/agent.conf"
        with open(config, "w", encoding="ascii") as file:
            file.write(f"[general]\nmethod=unix-listen\npath={self.path}\nforward=unix:{self.upstream_path}\n"
                       f"forward-timeout={self.timeout}\nstatedir={self.folder}\n")
            if sanitized():
                file.write("seccomp=false\n")
        self.agent = Process([agent_program(), "-c", config, "-v", *self.options], self.log)
        self.client = Client(self.path)

    def start_upstream(self):
        if self.upstream_arguments.get("real"):
            if not shutil.which("qemu-ga"):
                raise Skip("qemu-ga is not installed")
            self.upstream = Process([shutil.which("qemu-ga"), "-m", "unix-listen", "-p", self.upstream_path,
                                     "-t", self.folder, "-f", f"{self.folder}/ga.pid"], f"{self.folder}/ga.log")
            deadline = time.monotonic() + 5
            while not os.path.exists(self.upstream_path):
                if time.monotonic() > deadline:
                    raise AssertionError("qemu-ga makes no socket")
                time.sleep(0.02)
        elif self.upstream_arguments.get("absent"):
            self.upstream = None
        else:
            self.upstream = Upstream(self.upstream_path, **self.upstream_arguments)

    def stop_upstream(self):
        if self.upstream:
            self.upstream.stop()
        if os.path.exists(self.upstream_path):
            os.unlink(self.upstream_path)
        self.upstream = None

    def reconnect(self):
        self.client.close()
        self.client = Client(self.path)

    def logged(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def __exit__(self, kind, value, trace):
        if self.client:
            self.client.close()
        if self.agent:
            alive = self.agent.process.poll() is None
            self.agent.stop()
            # not 0 after SIGTERM: a crash, or what a sanitizer found, leaks among it
            status = self.agent.process.returncode
            if kind is not None or not alive or status:
                sys.stdout.write("".join(f"# agent: {line}\n" for line in self.logged().splitlines()[-40:]))
        self.stop_upstream()
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.agent and not alive and kind is None:
            raise AssertionError("the agent had ended by itself")
        if self.agent and status and kind is None:
            raise AssertionError(f"the agent ended with status {status}")
        return False
