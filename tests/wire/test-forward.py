#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/run: timeout=300
"""Chaining over the wire: an agent with a real qemu-ga behind it, and with made-up ones that misbehave."""
import base64
import contextlib
import json
import os
import signal
import socket
import sys
import tempfile
import time

from wire import Chain, Upstream, asleep, equal, error_of, rss_kib, run

NOT_FOUND = "CommandNotFound"
BIG = 20 * 1024 * 1024
FILE_READ_MAX = 10 * 1024 * 1024


@contextlib.contextmanager
def stopped(pid):
    """The process is stopped, so that it finds all at once what happens meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    while state_of(pid) != "T":
        time.sleep(0.01)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def state_of(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return file.read().rsplit(")", 1)[1].split()[0]


def cpu_ticks(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


# ---- a real qemu-ga ----

def test_union():
    """guest-info is the union, and each command is listed once"""
    with Chain(real=True) as chain, Chain(absent=True) as alone:
        ours = [entry["name"] for entry in alone.client.get("guest-info")["supported_commands"]]
        both = chain.client.get("guest-info")["supported_commands"]
        names = [entry["name"] for entry in both]
        equal(len(set(names)), len(names))
        equal(names[:len(ours)], ours)
        for name in ("guest-exec", "guest-file-read", "guest-fsfreeze-freeze"):
            equal(name in names, True)
        silent = {entry["name"] for entry in both if not entry["success-response"]}
        equal(silent, {"guest-shutdown", "guest-suspend-disk", "guest-suspend-ram", "guest-suspend-hybrid"})
        # ours is in front: qemu-ga 7.2 has no such argument check
        equal(chain.client.ask("guest-get-users", {}, id="x"), {"return": [], "id": "x"})


def test_same_errors():
    """errors of the agent behind us come through with the id"""
    with Chain(real=True) as chain:
        error_of(chain.client.ask("no-such-command"), NOT_FOUND, "no-such-command has not been found")
        reply = chain.client.ask("guest-file-close", {"handle": 1}, id={"a": [None, 1.5]})
        equal(reply["id"], {"a": [None, 1.5]})
        error_of(reply)
        error_of(chain.client.ask("guest-file-close", {}), "GenericError", "'handle' is missing")


def test_order():
    """pipelined commands of ours and of the agent behind us are answered in order"""
    with Chain(real=True) as chain:
        for number in range(50):
            name = "guest-ping" if number % 3 else "guest-fsfreeze-status"
            chain.client.send({"execute": name, "id": number})
        equal([json.loads(chain.client.line())["id"] for _ in range(50)], list(range(50)))


def test_lists():
    """allow and block lists hold for forwarded commands"""
    with Chain(real=True, options=["-b", "guest-exec,guest-get-vcpus"]) as chain:
        error_of(chain.client.ask("guest-exec", {"path": "/bin/true"}), NOT_FOUND, "has been disabled")
        error_of(chain.client.ask("guest-get-vcpus"), NOT_FOUND, "has been disabled")
        enabled = {e["name"]: e["enabled"] for e in chain.client.get("guest-info")["supported_commands"]}
        equal((enabled["guest-exec"], enabled["guest-get-vcpus"], enabled["guest-file-open"]), (False, False, True))
    with Chain(real=True, options=["-a", "guest-info,guest-get-users"]) as chain:
        error_of(chain.client.ask("guest-exec", {"path": "/bin/true"}), NOT_FOUND, "has been disabled")
        equal(chain.client.get("guest-get-users"), [])


def test_big_reply():
    """a reply of 20 MB is streamed in bounded memory, also to a host that reads slowly"""
    with Chain(real=True) as chain:
        path = f"{chain.folder}/big"
        content = os.urandom(BIG)
        with open(path, "wb") as file:
            file.write(content)
        handle = chain.client.get("guest-file-open", {"path": path, "mode": "r"})
        before = rss_kib(chain.agent.pid)
        received = b""
        while True:
            chain.client.send({"execute": "guest-file-read", "arguments": {"handle": handle, "count": FILE_READ_MAX}})
            time.sleep(0.3)  # the reply backs up to the agent behind
            part = json.loads(chain.client.line())["return"]
            received += base64.b64decode(part["buf-b64"])
            if part["eof"]:
                break
        equal(received == content, True)
        grown = rss_kib(chain.agent.pid) - before
        if grown > 2048:
            raise AssertionError(f"the agent grew by {grown} KiB")
        equal(chain.client.get("guest-file-close", {"handle": handle}), {})


def test_big_request():
    """a request of 8 MB is streamed in bounded memory"""
    with Chain(real=True) as chain:
        path = f"{chain.folder}/out"
        handle = chain.client.get("guest-file-open", {"path": path, "mode": "w"})
        content = os.urandom(6 * 1024 * 1024)
        before = rss_kib(chain.agent.pid)
        result = chain.client.get("guest-file-write",
                                  {"handle": handle, "buf-b64": base64.b64encode(content).decode()})
        equal(result["count"], len(content))
        grown = rss_kib(chain.agent.pid) - before
        if grown > 2048:
            raise AssertionError(f"the agent grew by {grown} KiB")
        chain.client.get("guest-file-close", {"handle": handle})
        with open(path, "rb") as file:
            equal(file.read() == content, True)


def test_kill_and_restart():
    """a killed qemu-ga costs one error; a new one is used at once, an absent one is named"""
    with Chain(real=True) as chain:
        equal(chain.client.get("guest-get-users"), [])
        chain.upstream.kill()
        os.unlink(chain.upstream_path)
        reply = chain.client.ask("guest-get-users", id=0)
        if "hung up" in reply["error"]["desc"]:
            reply = chain.client.ask("guest-get-users", id=1)
        error_of(reply, "CommandNotFound", contains="can't be reached: No such file")
        equal(chain.client.ask("guest-ping", id=2), {"return": {}, "id": 2})
        names = [e["name"] for e in chain.client.get("guest-info")["supported_commands"]]
        equal("guest-get-users" in names, False)
        chain.start_upstream()
        equal(chain.client.get("guest-get-users"), [])


def test_kill_in_mid_reply():
    """a qemu-ga killed in the middle of a reply: the host gets an error and a whole object"""
    with Chain(real=True) as chain:
        path = f"{chain.folder}/big"
        with open(path, "wb") as file:
            file.write(os.urandom(FILE_READ_MAX))
        handle = chain.client.get("guest-file-open", {"path": path, "mode": "r"})
        chain.client.send({"execute": "guest-file-read", "arguments": {"handle": handle, "count": FILE_READ_MAX}})
        while len(chain.client.buffer) < 100000:
            chain.client.buffer += chain.client.socket.recv(65536)
        chain.upstream.kill()
        reply = json.loads(chain.client.line())
        error_of(reply, contains="hung up")
        equal(len(reply["return"]["buf-b64"]) > 100000, True)
        equal(chain.client.get("guest-ping"), {})


def test_stopped():
    """a qemu-ga that hangs costs an error after the timeout; awake again, its late reply is dropped"""
    with Chain(real=True, timeout=1) as chain:
        equal(chain.client.get("guest-get-users"), [])
        os.kill(chain.upstream.pid, signal.SIGSTOP)
        start = time.monotonic()
        error_of(chain.client.ask("guest-get-users", id="late"), contains="has not answered within 1 s")
        equal(0.8 < time.monotonic() - start < 20, True)
        equal(chain.client.get("guest-ping"), {})
        os.kill(chain.upstream.pid, signal.SIGCONT)
        equal(chain.client.ask("guest-get-users", id="next"), {"return": [], "id": "next"})
        equal(chain.client.quiet(0.3), b"")


# ---- made-up ones ----

def reply_of(value):
    return json.dumps({"return": value}).encode() + b"\n"


def test_late():
    """a late reply never reaches the host, on a connection made anew"""
    def handler(connection, request):
        if request["execute"] == "slow":
            time.sleep(1.6)
            return reply_of("late")
        return reply_of("in time")
    with Chain(timeout=1, handler=handler) as chain:
        error_of(chain.client.ask("slow"), contains="has not answered")
        equal(chain.client.get("quick"), "in time")
        equal(chain.client.quiet(1), b"")
        equal(chain.upstream.connections, 2)


def test_gone_between_commands():
    """an agent behind us that goes between two commands costs neither an error"""
    def handler(connection, request):
        if request["execute"] != "last":
            return reply_of(request["execute"])
        with stopped(chain.agent.pid):
            connection.sendall(reply_of("last"))
            connection.shutdown(socket.SHUT_RDWR)
    with Chain(handler=handler) as chain:
        # the next command is here already when the reply is, and the end of the connection
        chain.client.send(b'{"execute":"last"}{"execute":"next"}')
        equal([json.loads(chain.client.line()) for _ in range(2)], [{"return": "last"}, {"return": "next"}])
        # another one takes its place, and the next command comes before the news of it
        with stopped(chain.agent.pid):
            chain.stop_upstream()
            chain.start_upstream()
            chain.client.send({"execute": "other"})
        equal(json.loads(chain.client.line()), {"return": "other"})


def test_always_gone():
    """an agent behind us that hangs up whenever it is in step costs an error, and no endless loop"""
    def hang_up(upstream, connection, request):
        reply = Upstream.answer(upstream, connection, request)
        if request["execute"] == "guest-fsfreeze-status":
            connection.sendall(reply)
            connection.shutdown(socket.SHUT_RDWR)
        return reply
    with Chain(handler=lambda connection, request: reply_of(1)) as chain:
        equal(chain.client.get("x"), 1)
        chain.upstream.answer = lambda connection, request: hang_up(chain.upstream, connection, request)
        chain.upstream.connection.shutdown(socket.SHUT_RDWR)
        for _ in range(3):
            error_of(chain.client.ask("x"), contains="hung up")
        equal(chain.upstream.connections < 10, True)


def test_trickle():
    """a reply that comes slowly but comes is waited for"""
    def handler(connection, request):
        for piece in (b'{"return": "', b"abc", b"def", b'"}\n'):
            connection.sendall(piece)
            time.sleep(0.7)
    with Chain(timeout=1, handler=handler) as chain:
        equal(chain.client.get("x"), "abcdef")


def broken_reply(raw, contains, part=None):
    """What the host gets for a reply that is @raw; the next command works."""
    def handler(connection, request):
        if request["execute"] == "broken":
            return raw
        return reply_of("fine")
    with Chain(timeout=1, handler=handler) as chain:
        reply = chain.client.ask("broken", id=7)
        equal("error" in reply, True)
        if contains:
            error_of(reply, contains=contains)
        if part is not None:
            equal(reply["return"], part)
        equal(chain.client.get("next"), "fine")
        equal(chain.client.quiet(0.1), b"")


def test_broken_replies():
    """replies that are none cost an error, and the connection behind us"""
    for raw, contains in (
            (b"[1]\n", "broken reply"),
            (b"5\n", "broken reply"),
            (b"{}\n", "neither a success nor an error"),
            (b'{"event": "X"}\n', "not those of a reply"),
            (b'{"return": 1, "return": 2}\n', "not those of a reply"),
            (b'{"return": 1, "error": {"class": "X"}}\n', ""),
            (b"garbage\n", "invalid keyword 'garbage'"),
            (b'{"return": "a\xff"}\n', "stray"),
            (b'{"' + b"x" * 5000 + b'": 1}\n', "does not begin as a reply"),
            (b"{" + b" " * 5000000, "has not answered")):
        broken_reply(raw, contains)


def test_cut_replies():
    """a reply that breaks off in the middle is closed, at whatever place"""
    for raw, part in (
            (b'{"return": {"a": [1, {"b": "cd\xff', {"a": [1, {"b": "cd"}]}),
            (b'{"return": {"a": "x\\u00\xff', {"a": "x"}),
            (b'{"return": {"a\xff', {"a": None}),
            (b'{"return": {"a": 12\xff', {"a": 12}),
            (b'{"return": {"a": nul\xff', {"a": None}),
            (b'{"return": {"a": tr', {"a": None}),
            (b'{"return": [1, \xff', [1]),
            (b'{"return": \xff', None),
            (b'{"return": [[}]}\n', [[]])):
        broken_reply(raw, "broken reply" if b"\xff" in raw or b"\n" in raw else "not answered", part)


def test_hang_in_mid_reply():
    """a reply that stops coming is closed after the timeout"""
    broken_reply(b'{"return": ["a", "b', "has not answered within 1 s", ["a", "b"])


def test_unasked():
    """what comes without being asked for is passed over by a sync, on the same connection"""
    def handler(connection, request):
        return reply_of(request["execute"]) + b'{"return": "nobody asked"}\n'
    with Chain(handler=handler) as chain:
        for name in ("a", "b", "c"):
            equal(chain.client.get(name), name)
            time.sleep(0.1)
        equal(chain.client.quiet(0.2), b"")
        equal(chain.upstream.connections, 1)


def test_silent():
    """a command without a reply on success doesn't hold the host up; its error is passed on"""
    def handler(connection, request):
        if request.get("arguments", {}).get("fail"):
            return b'{"error": {"class": "GenericError", "desc": "no suspend"}}\n'
        if request["execute"] == "guest-suspend-ram":
            return None
        return reply_of("ok")
    silent = [{"name": "guest-suspend-ram", "enabled": True, "success-response": False}]
    with Chain(handler=handler, commands=silent) as chain:
        error_of(chain.client.ask("guest-suspend-ram", {"fail": True}, id=1), contains="no suspend")
        start = time.monotonic()
        chain.client.send({"execute": "guest-suspend-ram"})
        equal(chain.client.ask("guest-ping", id=2), {"return": {}, "id": 2})
        equal(1 < time.monotonic() - start < 4, True)
        equal(chain.client.get("other"), "ok")


def test_bypass():
    """nothing that is ours can be hidden from us in a forwarded command"""
    filler = "x" * 200000
    with Chain(handler=lambda connection, request: reply_of("forwarded")) as chain:
        # a second execute after the streaming began: the upstream's parser is reset
        chain.client.send(f'{{"execute":"foreign","arguments":{{"a":"{filler}"}},"execute":"guest-set-vcpus"}}'.encode())
        error_of(json.loads(chain.client.line()), contains="duplicate key")
        chain.client.send(f'{{"execute":"foreign","arguments":{{"a":"{filler}"}},"\\u0065xecute":"x"}}'.encode())
        error_of(json.loads(chain.client.line()), contains="duplicate key")
        # a huge argument in front of the name
        chain.client.send(f'{{"arguments":{{"a":"{filler * 6}"}},"execute":"guest-set-vcpus"}}'.encode())
        error_of(json.loads(chain.client.line()), contains="lacks member 'execute' in its first")
        # quotes that another parser might take otherwise
        chain.client.send(b"{'a':'\"','execute':'foreign'}")
        error_of(json.loads(chain.client.line()), contains="'a' is unexpected")
        equal(chain.upstream.requests, [])
        chain.client.send(b"{'execute':'for\\u0065ign','arguments':{'x':'\"\\''}}")
        equal(json.loads(chain.client.line()), {"return": "forwarded"})
        equal(chain.upstream.requests, [{"execute": "foreign", "arguments": {"x": "\"'"}}])
        equal(b"guest-set-vcpus" in chain.upstream.raw, False)


def test_host_breaks_off():
    """a host that breaks off in mid-request leaves nothing half-sent behind"""
    filler = "x" * 200000
    with Chain(handler=lambda connection, request: reply_of(request["execute"])) as chain:
        chain.client.send(f'{{"execute":"foreign","arguments":{{"a":"{filler}'.encode())
        time.sleep(0.2)
        chain.client.send(b"\xff")
        error_of(json.loads(chain.client.line()), contains="stray")
        equal(chain.client.get("one"), "one")
        chain.client.send(f'{{"execute":"foreign","arguments":{{"a":"{filler}'.encode())
        time.sleep(0.2)
        chain.reconnect()
        equal(chain.client.get("two"), "two")
        equal([r["execute"] for r in chain.upstream.requests], ["one", "two"])


def test_host_leaves():
    """the reply to a host that has left is dropped; the next one gets only its own"""
    def handler(connection, request):
        if request["execute"] == "slow":
            time.sleep(0.8)
        return reply_of(request["execute"])
    with Chain(handler=handler) as chain:
        chain.client.send({"execute": "slow"})
        time.sleep(0.2)
        chain.reconnect()
        equal(chain.client.ask("quick", id=1), {"return": "quick"})
        equal(chain.client.quiet(0.3), b"")
        equal(chain.upstream.connections, 1)


def test_host_does_not_read():
    """a host that doesn't read costs no memory and no time of the processor"""
    def handler(connection, request):
        return b'{"return": "' + b"y" * (8 * 1024 * 1024) + b'"}\n'
    with Chain(timeout=1, handler=handler) as chain:
        chain.client.get("guest-ping")
        before = rss_kib(chain.agent.pid)
        chain.client.send({"execute": "big"})
        time.sleep(1)
        ticks = cpu_ticks(chain.agent.pid)
        time.sleep(1.5)
        equal(cpu_ticks(chain.agent.pid) - ticks <= 1, True)
        equal(rss_kib(chain.agent.pid) - before < 2048, True)
        equal(len(json.loads(chain.client.line())["return"]), 8 * 1024 * 1024)


def test_freeze():
    """between freeze and thaw only safe commands pass; a failed thaw leaves us frozen"""
    state = {"thaw": False}

    def handler(connection, request):
        name = request["execute"]
        if name == "guest-fsfreeze-thaw" and not state["thaw"]:
            return b'{"error": {"class": "GenericError", "desc": "busy"}}\n'
        return reply_of(3 if "fsfreeze" in name else name)
    with Chain(handler=handler) as chain:
        equal(chain.client.get("guest-fsfreeze-freeze"), 3)
        size = os.path.getsize(chain.log)
        for name in ("guest-get-vcpus", "guest-exec", "guest-shutdown"):
            error_of(chain.client.ask(name), NOT_FOUND, "disabled: the agent is in frozen state")
        equal(chain.client.get("guest-ping"), {})
        equal(chain.client.get("guest-sync", {"id": 5}), 5)
        enabled = {e["name"]: e["enabled"] for e in chain.client.get("guest-info")["supported_commands"]}
        equal((enabled["guest-ping"], enabled["guest-get-vcpus"], enabled["guest-fsfreeze-status"]), (True, False, True))
        equal(chain.client.get("guest-fsfreeze-freeze-list"), 3)
        error_of(chain.client.ask("guest-fsfreeze-thaw"), contains="busy")
        error_of(chain.client.ask("guest-get-vcpus"), NOT_FOUND, "frozen")
        equal(os.path.getsize(chain.log), size)
        state["thaw"] = True
        equal(chain.client.get("guest-fsfreeze-thaw"), 3)
        chain.client.get("guest-get-vcpus")
        equal(chain.client.get("other"), "other")
        equal(os.path.getsize(chain.log) > size, True)


def test_freeze_fails():
    """a freeze that fails, or freezes nothing, leaves us as we were"""
    replies = [b'{"error": {"class": "GenericError", "desc": "no"}}\n', reply_of(0)]
    with Chain(handler=lambda connection, request: replies.pop(0)) as chain:
        error_of(chain.client.ask("guest-fsfreeze-freeze"), contains="no")
        chain.client.get("guest-get-vcpus")
        equal(chain.client.get("guest-fsfreeze-freeze"), 0)
        chain.client.get("guest-get-vcpus")


def test_freeze_unknown():
    """a freeze without an answer counts as frozen, until the agent behind us says otherwise"""
    def handler(connection, request):
        if request["execute"] == "guest-fsfreeze-freeze":
            return None
        return reply_of(1)
    with Chain(timeout=1, handler=handler, status="frozen") as chain:
        # found frozen at the start
        time.sleep(0.2)
        error_of(chain.client.ask("guest-get-vcpus"), NOT_FOUND, "frozen")
        equal(chain.client.get("guest-fsfreeze-thaw"), 1)
        chain.client.get("guest-get-vcpus")
        error_of(chain.client.ask("guest-fsfreeze-freeze"), contains="has not answered")
        error_of(chain.client.ask("guest-get-vcpus"), NOT_FOUND, "frozen")
        time.sleep(0.2)
        equal(chain.upstream.connections, 2)
        # lost while frozen; the new one says that all is thawed
        chain.stop_upstream()
        chain.upstream_arguments["status"] = "thawed"
        chain.start_upstream()
        equal(chain.client.get("guest-fsfreeze-thaw"), 1)
        chain.client.get("guest-get-vcpus")


def test_freeze_and_leave():
    """a host that leaves before the freeze is answered: we are frozen all the same"""
    def handler(connection, request):
        if request["execute"] == "guest-fsfreeze-freeze":
            time.sleep(0.6)
        return reply_of(1)
    with Chain(handler=handler) as chain:
        chain.client.send({"execute": "guest-fsfreeze-freeze"})
        time.sleep(0.2)
        chain.reconnect()
        error_of(chain.client.ask("guest-get-vcpus"), NOT_FOUND, "frozen")
        equal(chain.client.get("guest-fsfreeze-thaw"), 1)
        chain.client.get("guest-get-vcpus")


def test_freeze_and_end():
    """an agent that ends while frozen touches no file; the next one takes over what it left"""
    with Chain(handler=lambda connection, request: reply_of(1)) as chain:
        pid_file = f"{chain.folder}/pid"
        chain.agent.stop()
        chain.client.close()
        chain.options = ["-f", pid_file]
        for last in (False, True):
            chain.stop_upstream()
            chain.start()
            with open(pid_file, encoding="ascii") as file:
                equal(int(file.read()), chain.agent.pid)
            if last:
                break
            equal(chain.client.get("guest-fsfreeze-freeze"), 1)
            files = {name: os.stat(name).st_mtime_ns for name in (pid_file, chain.path, chain.log)}
            folder = os.stat(chain.folder).st_mtime_ns
            chain.agent.process.terminate()
            equal(chain.agent.process.wait(5), 0)
            equal({name: os.stat(name).st_mtime_ns for name in files}, files)
            equal(os.stat(chain.folder).st_mtime_ns, folder)
            chain.client.close()


def test_freeze_and_service_manager():
    """while frozen the service manager gets nothing but keep-alives, and its status after the thaw"""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"{folder}/notify")
        manager.settimeout(5)
        os.environ.update({"NOTIFY_SOCKET": f"{folder}/notify", "WATCHDOG_USEC": "100000"})
        try:
            chain = Chain(handler=lambda connection, request: reply_of(1)).__enter__()
        finally:
            del os.environ["NOTIFY_SOCKET"], os.environ["WATCHDOG_USEC"]
        with contextlib.ExitStack() as stack:
            stack.push(chain)
            equal(chain.client.get("guest-fsfreeze-freeze"), 1)
            while manager.recv(4096) != b"READY=1":
                pass
            while not manager.recv(4096).startswith(b"STATUS=a client"):
                pass
            chain.reconnect()
            equal(chain.client.get("guest-ping"), {})
            equal({manager.recv(4096) for _ in range(6)}, {b"WATCHDOG=1"})
            equal(chain.client.get("guest-fsfreeze-thaw"), 1)
            after = [manager.recv(4096) for _ in range(4)]
            equal(sum(message.startswith(b"STATUS=a client") for message in after), 1)


def test_idle():
    """the idle agent sleeps, also when the agent behind it has gone"""
    with Chain(handler=lambda connection, request: reply_of(1)) as chain:
        equal(chain.client.get("x"), 1)
        chain.stop_upstream()
        asleep(chain.agent.pid, 1.5)


TESTS = [function for name, function in list(globals().items()) if name.startswith("test_")]

if __name__ == "__main__":
    if len(sys.argv) > 1:
        TESTS = [function for function in TESTS if function.__name__ in sys.argv[1:]]
    sys.exit(run(TESTS))
