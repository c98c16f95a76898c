#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/run: timeout=60
"""The agent as a process: serial line and vsock, the service manager's protocol, pid file, log, system call filter."""
import contextlib
import json
import os
import pathlib
import pty
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from wire import Client, Process, Skip, agent_program, equal, run

SECCOMP_FILTER = 2  # proc(5), the field Seccomp of /proc/PID/status


@contextlib.contextmanager
def folder():
    path = pathlib.Path(tempfile.mkdtemp(prefix="cpuctl-wire-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def agent(path, *options, environment=None):
    """Our agent with its log in path/log."""
    saved = dict(os.environ)
    os.environ.update(environment or {})
    try:
        process = Process([agent_program(), "-c", "/dev/null", *options], path / "log")
    finally:
        os.environ.clear()
        os.environ.update(saved)
    try:
        yield process
    finally:
        process.stop()


def on_socket(path):
    return ["-m", "unix-listen", "-p", str(path / "socket")]


def wait_for(condition, what, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s for {what}")
        time.sleep(0.02)


def status_field(pid, name):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name + ":"):
            return line.split()[1]
    raise AssertionError(f"no {name} in /proc/{pid}/status")


def read_line(fd):
    line = b""
    while not line.endswith(b"\n"):
        line += os.read(fd, 1)
    return line


def wait_opened(path, times=1):
    wait_for(lambda: (path / "log").read_text(encoding="ascii").count("opened") == times, "the agent to open the line")


def test_serial_line():
    """isa-serial: bytes pass as they are, and nothing is echoed"""
    with folder() as path:
        ours, theirs = pty.openpty()
        with agent(path, "-m", "isa-serial", "-p", os.ttyname(theirs)):
            wait_opened(path)
            os.write(ours, b'\xff{"execute":"guest-sync-delimited","arguments":{"id":77}}')
            equal(json.loads(read_line(ours))["error"]["class"], "GenericError")
            equal(read_line(ours), b'\xff{"return": 77}\n')
            os.write(ours, b'{"execute":"guest-ping","id":"\\r"}\r\n')
            equal(read_line(ours), b'{"return": {}, "id": "\\r"}\n')
        os.close(ours)
        os.close(theirs)


def test_serial_line_is_hung_up():
    """isa-serial: a line that was hung up, as a getty does it (vhangup(2)), is opened again"""
    with folder() as path:
        pairs = [pty.openpty() for _ in range(2)]
        line = path / "line"
        line.symlink_to(os.ttyname(pairs[0][1]))
        with agent(path, "-m", "isa-serial", "-p", str(line)):
            wait_opened(path)
            os.write(pairs[0][0], b'{"execute":"guest-ping"}\n')
            equal(read_line(pairs[0][0]), b'{"return": {}}\n')
            line.unlink()
            line.symlink_to(os.ttyname(pairs[1][1]))
            os.close(pairs[0][0])
            wait_opened(path, 2)
            os.write(pairs[1][0], b'{"execute":"guest-ping","id":2}\n')
            equal(read_line(pairs[1][0]), b'{"return": {}, "id": 2}\n')
        for fd in (pairs[0][1], *pairs[1]):
            os.close(fd)


def test_missing_device():
    """a device that is missing is waited for, or ends the agent without retry-path"""
    with folder() as path:
        with agent(path, "-m", "isa-serial", "-p", "/dev/no-such-line") as process:
            wait_for(lambda: "waiting for it" in (path / "log").read_text(encoding="ascii"), "the log")
            equal(process.process.poll(), None)
        (path / "conf").write_text("[general]\nretry-path = false\n", encoding="ascii")
        done = subprocess.run([agent_program(), "-c", path / "conf", "-m", "isa-serial", "-p", "/dev/no-such-line"],
                              capture_output=True, timeout=10, check=False, text=True)
        equal((done.returncode, "error: /dev/no-such-line: No such file or directory" in done.stderr), (1, True))
        equal("waiting for" in done.stderr, False)


def test_vsock():
    """vsock-listen takes CID:PORT only, and answers where there is vsock"""
    for bad in ("3", "3:", ":3", "x:3", "3:4294967296", "-1:3", "3:4:5"):
        done = subprocess.run([agent_program(), "-c", "/dev/null", "-m", "vsock-listen", "-p", bad],
                              capture_output=True, timeout=10, check=False, text=True)
        equal((bad, done.returncode, "CID:PORT" in done.stderr), (bad, 1, True))
    port = 20000 + os.getpid() % 10000
    with folder() as path:
        with agent(path, "-m", "vsock-listen", "-p", f"4294967295:{port}") as process:
            time.sleep(0.3)
            if process.process.poll() is not None:
                raise Skip("no vsock: " + (path / "log").read_text(encoding="ascii").strip())
            client = socket.socket(socket.AF_VSOCK)
            client.settimeout(5)
            try:
                client.connect((1, port))  # VMADDR_CID_LOCAL
            except OSError as error:
                raise Skip(f"no vsock loopback: {error}") from error
            client.sendall(b'{"execute":"guest-ping"}')
            equal(client.recv(100), b'{"return": {}}\n')
            client.close()


def test_notify():
    """the service manager is told READY, STATUS, the watchdog's pings and STOPPING"""
    with folder() as path, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path / "notify"))
        manager.settimeout(5)
        environment = {"NOTIFY_SOCKET": str(path / "notify"), "WATCHDOG_USEC": "400000"}
        with agent(path, *on_socket(path), environment=environment) as process:
            seen = b""
            while seen.count(b"WATCHDOG=1") < 3:
                seen += manager.recv(4096) + b"\n"
            equal(b"READY=1" in seen.splitlines(), True)
            equal(f"STATUS=listening on {path / 'socket'}".encode() in seen, True)
            process.process.terminate()
            while b"STOPPING=1" not in seen:
                seen += manager.recv(4096) + b"\n"
            equal(process.process.wait(5), 0)


def test_not_ready():
    """an agent that ends as it starts does not tell the service manager that it is ready"""
    with folder() as path, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path / "notify"))
        manager.setblocking(False)
        (path / "conf").write_text("[general]\nretry-path = false\n", encoding="ascii")
        done = subprocess.run([agent_program(), "-c", path / "conf", "-m", "isa-serial", "-p", "/dev/no-such-line"],
                              env={**os.environ, "NOTIFY_SOCKET": str(path / "notify")}, stderr=subprocess.DEVNULL,
                              timeout=10, check=False)
        equal(done.returncode, 1)
        seen = b""
        with contextlib.suppress(BlockingIOError):
            while True:
                seen += manager.recv(4096) + b"\n"
        equal(b"READY=1" in seen, False)


def test_no_watchdog():
    """without WatchdogSec the idle agent pings no watchdog"""
    with folder() as path, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path / "notify"))
        manager.settimeout(5)
        with agent(path, *on_socket(path), environment={"NOTIFY_SOCKET": str(path / "notify")}):
            seen = manager.recv(4096) + b"\n"
            while b"READY=1" not in seen.splitlines():
                seen += manager.recv(4096) + b"\n"
            manager.settimeout(1)
            with contextlib.suppress(socket.timeout):
                while True:
                    seen += manager.recv(4096) + b"\n"
            equal(b"WATCHDOG" in seen, False)


def test_notify_without_room():
    """a service manager that does not read its messages is not waited for, and gets them later"""
    with folder() as path, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path / "notify"))
        manager.settimeout(5)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
            other.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                for _ in range(100000):
                    other.sendto(b"other", str(path / "notify"))
        environment = {"NOTIFY_SOCKET": str(path / "notify"), "WATCHDOG_USEC": "200000"}
        with agent(path, *on_socket(path), environment=environment) as process:
            client = Client(str(path / "socket"), timeout=5)
            for _ in range(4):
                equal(client.get("guest-ping"), {})
                time.sleep(0.1)
            seen = []
            while not {b"READY=1", b"WATCHDOG=1", f"STATUS=a client on {path / 'socket'}".encode()} <= set(seen):
                seen.append(manager.recv(4096))
            client.close()
            equal(process.process.poll(), None)


def log_limit(begin):
    """How many messages a host may have caused since: 50 in 10 seconds (LOG_HOST_BURST)."""
    passed = time.monotonic() - begin
    return 50 * (2 + int(passed / 10)) if passed > 9 else 50


def test_breaking_off_does_not_fill_the_log():
    """a host that begins batches and hangs up, again and again, is counted and no longer logged"""
    # CPU 0 is online: nothing is changed.
    batch = {"execute": "guest-set-vcpus", "arguments": {"vcpus": [{"logical-id": 0, "online": True}] * 3000}}
    with folder() as path, agent(path, *on_socket(path)):
        begin = time.monotonic()
        for _ in range(80):
            client = Client(str(path / "socket"))
            client.send(json.dumps(batch).encode() + b"\n")
            time.sleep(0.02)
            client.close()
        client = Client(str(path / "socket"))
        equal(client.get("guest-ping"), {})
        client.close()
        log = (path / "log").read_text(encoding="ascii")
        equal(log.count("of 3000 CPUs: the host hung up") in range(10, log_limit(begin) + 1), True)
        equal(log.count("the host") in range(10, log_limit(begin) + 1), True)


def test_not_reading_does_not_fill_the_log():
    """a host that hangs up before it reads the reply, again and again, is counted and no longer logged"""
    with folder() as path, agent(path, *on_socket(path)):
        begin = time.monotonic()
        for _ in range(80):
            client = Client(str(path / "socket"))
            client.send({"execute": "guest-ping"})
            equal(len(select.select([client.socket], [], [], 20)[0]), 1)
            client.close()
        client = Client(str(path / "socket"))
        equal(client.get("guest-ping"), {})
        client.close()
        log = (path / "log").read_text(encoding="ascii")
        equal(log.count("Connection reset by peer") in range(10, log_limit(begin) + 1), True)


def test_socket_of_another_agent():
    """an agent that ends leaves the socket alone that another one has put in the place of its own"""
    with folder() as path:
        file = path / "socket"
        with contextlib.ExitStack() as stack:
            first = stack.enter_context(agent(path, *on_socket(path)))
            wait_for(file.exists, "the first socket")
            inode = file.stat().st_ino
            stack.enter_context(agent(path, *on_socket(path)))
            wait_for(lambda: file.exists() and file.stat().st_ino != inode, "the second socket")
            first.process.terminate()
            equal(first.process.wait(5), 0)
            client = Client(str(file))
            equal(client.get("guest-ping"), {})
            client.close()
        equal(file.exists(), False)


def test_pid_file():
    """the pid file has the number, is locked against a second agent, and goes at the end"""
    with folder() as path:
        pid_file = path / "pid"
        with agent(path, *on_socket(path), "-f", str(pid_file)) as process:
            wait_for(pid_file.exists, "the pid file")
            wait_for(lambda: pid_file.read_text(encoding="ascii") == f"{process.pid}\n", "the number")
            second = subprocess.run([agent_program(), "-c", "/dev/null", "-m", "unix-listen", "-p", path / "other",
                                     "-f", pid_file], capture_output=True, timeout=10, check=False, text=True)
            equal((second.returncode, "another agent runs" in second.stderr), (1, True))
            equal(pid_file.exists(), True)
        equal(pid_file.exists(), False)


def test_background():
    """in the background the agent serves on, with its log in a file"""
    with folder() as path:
        done = subprocess.run([agent_program(), "-c", "/dev/null", *on_socket(path), "-d", "-f", path / "pid", "-l",
                               path / "own-log"], timeout=10, check=False)
        equal(done.returncode, 0)
        client = Client(str(path / "socket"))
        equal(client.get("guest-ping"), {})
        client.close()
        pid = int((path / "pid").read_text(encoding="ascii"))
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not (path / "pid").exists(), "the agent's end")
        equal("ending by signal 15" in (path / "own-log").read_text(encoding="ascii"), True)


def test_background_from_a_terminal():
    """begun at a terminal, which it leaves, the agent in the background logs to the journal"""
    if subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL, check=False).returncode:
        raise Skip("no mount namespace can be made here")
    with folder() as path, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        (path / "run/systemd/journal").mkdir(parents=True)
        journal.bind(str(path / "run/systemd/journal/socket"))
        journal.settimeout(10)
        ours, theirs = pty.openpty()
        command = [agent_program(), "-c", "/dev/null", *on_socket(path), "-d", "-f", str(path / "pid")]
        done = subprocess.run(["unshare", "-m", "sh", "-c", 'mount --bind "$0" /run && exec "$@"', path / "run", *command],
                              stderr=theirs, timeout=20, check=False)
        equal(done.returncode, 0)
        wait_for((path / "socket").exists, "the agent's socket")
        os.kill(int((path / "pid").read_text(encoding="ascii")), signal.SIGTERM)
        while b"MESSAGE=ending by signal 15" not in journal.recv(65536).splitlines():
            pass
        os.close(ours)
        os.close(theirs)


def test_filter():
    """the system call filter is on, unless it was turned off"""
    for options, mode in (((), SECCOMP_FILTER), (("--no-seccomp",), 0)):
        with folder() as path, agent(path, *on_socket(path), *options) as process:
            client = Client(str(path / "socket"))
            equal(client.get("guest-ping"), {})
            equal((options, int(status_field(process.pid, "Seccomp"))), (options, mode))
            client.close()


def test_hostile_names_in_the_log():
    """what a host writes is escaped, cut and counted before it is logged"""
    with folder() as path, agent(path, *on_socket(path), "-v", "--forward", f"unix:{path}/none"):
        client = Client(str(path / "socket"))
        for number in range(200):
            client.ask("\x1b[2Jguest\nerror: forged line " + "x" * 60, id=number)
        client.close()
        log = (path / "log").read_text(encoding="ascii")
        equal("\x1b" in log, False)
        equal("\nerror: forged" in log, False)
        equal("\\x1b[2Jguest\\x0aerror" in log, True)
        equal(max(len(line) for line in log.splitlines()) < 600, True)
        equal(log.count("forged") <= 100, True)


TESTS = [value for name, value in list(globals().items()) if name.startswith("test_")]

if __name__ == "__main__":
    chosen = [test for test in TESTS if not sys.argv[1:] or test.__name__.removeprefix("test_") in sys.argv[1:]]
    sys.exit(run(chosen))
