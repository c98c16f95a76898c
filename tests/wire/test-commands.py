#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/run: timeout=120
"""The commands: against a stock qemu-ga's replies, QEMU's published schema, and our own schema file."""
import ast
import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile

from wire import Client, Process, Skip, agent_program, asleep, equal, error_of, rss_kib, run

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "agent" / "cpuctl-qapi.json"
PREFIX = "__org.cpuctl_"
FIXTURES = ("bare", "dies-2", "hot-added")

# guest-get-load is newer than the qemu-ga of Debian 12: its reply in qga/qapi-schema.json of QEMU 10.0.
LOAD = {"load1m", "load5m", "load15m"}


class Agent:
    """Our agent on a socket of its own."""

    def __init__(self, *options, config=""):
        self.folder = tempfile.mkdtemp(prefix="cpuctl-wire-")
        self.path, self.log = f"{self.folder}/socket", f"{self.folder}/log"
        with open(f"{self.folder}/conf", "w", encoding="ascii") as file:
            file.write(f"[general]\n{config}\n")
        self.process = Process([agent_program(), "-c", f"{self.folder}/conf", "-m", "unix-listen", "-p", self.path,
                                *options], self.log)
        self.client = Client(self.path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()
        self.process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def stock(*options):
    """A client of a stock qemu-ga."""
    program = shutil.which("qemu-ga")
    if not program:
        raise Skip("qemu-ga is not installed")
    folder = tempfile.mkdtemp(prefix="cpuctl-wire-")
    process = Process([program, "-m", "unix-listen", "-p", f"{folder}/socket", "-t", folder, "-f", f"{folder}/pid",
                       *options], f"{folder}/log")
    client = Client(f"{folder}/socket")
    try:
        yield client
    finally:
        client.close()
        process.stop()
        shutil.rmtree(folder, ignore_errors=True)


def program(*arguments):
    """Runs the agent to its end; (exit status, standard output, standard error)."""
    done = subprocess.run([agent_program(), *arguments], capture_output=True, text=True, timeout=20, check=False)
    return done.returncode, done.stdout, done.stderr


def kind(value):
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


# ---- against a stock qemu-ga ----

def test_system():
    """os, host name and time zone are told as the stock agent tells them, value for value"""
    with Agent() as ours, stock() as theirs:
        for command in ("guest-get-osinfo", "guest-get-host-name", "guest-get-timezone"):
            equal(ours.client.get(command), theirs.get(command))
        before = theirs.get("guest-get-time")
        now = ours.client.get("guest-get-time")
        after = theirs.get("guest-get-time")
        # The stock one counts in microseconds.
        equal(before - 1000 <= now <= after + 1000, True)


def test_cpustats():
    """CPU statistics have the stock agent's members, and go on from its values"""
    with Agent() as ours, stock() as theirs:
        before, now = theirs.get("guest-get-cpustats"), ours.client.get("guest-get-cpustats")
        equal([sorted(cpu) for cpu in now], [sorted(cpu) for cpu in before])
        for old, new in zip(before, now):
            equal((new["type"], new["cpu"]), (old["type"], old["cpu"]))
            equal(0 <= new["user"] - old["user"] < 60000, True)


def test_get_vcpus():
    """the same CPUs as the stock agent lists, ours by rising number"""
    with Agent() as ours, stock() as theirs:
        got = ours.client.get("guest-get-vcpus")
        equal(got, sorted(theirs.get("guest-get-vcpus"), key=lambda cpu: cpu["logical-id"]))
        with open("/sys/devices/system/cpu/present", encoding="ascii") as file:
            equal(got[-1]["logical-id"], int(re.split("[-,]", file.read().strip())[-1]))


def vcpus(*pairs):
    return {"vcpus": [{"logical-id": number, "online": online} for number, online in pairs]}


def test_set_vcpus():
    """counts and errors of guest-set-vcpus are the stock agent's, where nothing changes"""
    with Agent() as ours, stock() as theirs:
        cpus = theirs.get("guest-get-vcpus")
        online = [cpu["logical-id"] for cpu in cpus if cpu["online"]]
        fixed = [cpu["logical-id"] for cpu in cpus if not cpu["can-offline"]]
        cases = [vcpus(), vcpus((online[0], True)), vcpus(*((n, True) for n in online)),
                 vcpus((online[0], True), (online[0], True)), vcpus((4095, True)), vcpus((4095, False)),
                 vcpus((-1, True)), vcpus((2**40, False)), vcpus((online[0], True), (4095, True), (online[0], True))]
        cases += [vcpus((n, False)) for n in fixed] + [vcpus((online[0], True), (n, False)) for n in fixed]
        for number, case in enumerate(cases):
            equal(ours.client.ask("guest-set-vcpus", case, id=number), theirs.ask("guest-set-vcpus", case, id=number))


def test_lists():
    """blocked commands are answered, and listed, as the stock agent does it"""
    blocked = "guest-get-vcpus,guest-ping"
    with Agent("-b", blocked) as ours, stock("-b", blocked) as theirs:
        for command in (*blocked.split(","), "guest-get-host-name"):
            equal(ours.client.ask(command, id=1), theirs.ask(command, id=1))
        listed = [{e["name"]: e for e in client.get("guest-info")["supported_commands"]}
                  for client in (ours.client, theirs)]
        for name in set(listed[0]) & set(listed[1]):
            equal(listed[0][name], listed[1][name])


# ---- against QEMU's schema, where the stock agent is too old ----

def test_allow():
    """only what is allowed is enabled; allowing and blocking at once is an error"""
    with Agent("--allow-rpcs", "guest-ping,guest-info", "-a", "guest-sync") as ours:
        enabled = {e["name"] for e in ours.client.get("guest-info")["supported_commands"] if e["enabled"]}
        equal(enabled, {"guest-ping", "guest-info", "guest-sync"})
        error_of(ours.client.ask("guest-get-vcpus"), "CommandNotFound", "has been disabled")
        equal(ours.client.get("guest-ping"), {})
    status, _, text = program("-c", "/dev/null", "-a", "guest-ping", "-b", "guest-info")
    equal((status, "only one of them" in text), (2, True))


def test_load():
    """the load averages are the kernel's"""
    with Agent() as ours:
        load = ours.client.get("guest-get-load")
        equal({name: kind(value) for name, value in load.items()}, dict.fromkeys(LOAD, "number"))
        with open("/proc/loadavg", encoding="ascii") as file:
            equal(abs(load["load15m"] - float(file.read().split()[2])) < 1, True)


def test_info():
    """guest-info tells the truth: every command that it lists is known, and -b help lists the same"""
    with Agent() as ours:
        listed = ours.client.get("guest-info")["supported_commands"]
        for entry in listed:
            equal(sorted(entry), ["enabled", "name", "success-response"])
            reply = ours.client.ask(entry["name"], {"no-such-argument": 1}, id=7)
            error_of(reply)
            equal(reply["id"], 7)
        equal([e["name"] for e in listed if not e["success-response"]], ["guest-shutdown"])
        equal(program("-b", "help")[1].split(), [e["name"] for e in listed])
        equal(program("--allow-rpcs=?")[1].split(), [e["name"] for e in listed])


# ---- against our own schema ----

def read_schema():
    """(version, {name: command}, {name: struct or enum}) of the schema file."""
    text = SCHEMA.read_text(encoding="utf-8")
    version = re.search(r"^# Version: (\S+)$", text, re.MULTILINE)[1]
    plain = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
    items = [ast.literal_eval(item) for item in re.findall(r"^\{.*?\}\s*(?=^\{|\Z)", plain, re.MULTILINE | re.DOTALL)]
    commands = {item["command"]: item for item in items if "command" in item}
    types = {item.get("struct") or item.get("enum"): item for item in items if "command" not in item}
    return version, commands, types


VERSION, COMMANDS, TYPES = read_schema()
SCALARS = {"str": str, "int": int, "uint64": int, "bool": bool}


def check(value, expected, where, seen):
    """Holds a value against a type; notes the members of structures that were seen."""
    if isinstance(expected, list):
        equal((where, type(value)), (where, list))
        for index, element in enumerate(value):
            check(element, expected[0], f"{where}[{index}]", seen)
    elif expected in SCALARS:
        equal((where, type(value)), (where, SCALARS[expected]))
        if expected == "uint64" and value < 0:
            raise AssertionError(f"{where} is negative")
    elif "enum" in TYPES[expected]:
        if value not in TYPES[expected]["data"]:
            raise AssertionError(f"{where}: {value!r} is not one of {TYPES[expected]['data']}")
    else:
        members = TYPES[expected]["data"]
        for name in value:
            if name not in members and "*" + name not in members:
                raise AssertionError(f"{where}: {name} is not in the schema")
            seen.add((expected, name))
        for name, its_type in members.items():
            if name.lstrip("*") in value:
                check(value[name.lstrip("*")], its_type, f"{where}.{name}", seen)
            elif not name.startswith("*"):
                raise AssertionError(f"{where}: {name} is missing")


def fixture(folder, name):
    """A recorded machine, unpacked."""
    archive = ROOT / "tests" / "fixtures" / f"{name}.tar.xz"
    if not archive.exists():
        raise Skip(f"there is no {archive.name}")
    target = f"{folder}/{name}"
    with tarfile.open(archive) as tar:
        tar.extractall(target)
    entries = os.listdir(target)
    return target if "sys" in entries else f"{target}/{entries[0]}"


def test_names():
    """our commands are those of the schema, and the version is its version"""
    with Agent() as ours:
        listed = {e["name"] for e in ours.client.get("guest-info")["supported_commands"]}
        equal({name for name in listed if name.startswith(PREFIX)}, set(COMMANDS))
        equal(ours.client.get(f"{PREFIX}get-version")["schema"], VERSION)
        equal(program("-V")[1], f"cpuctl-agent {ours.client.get(f'{PREFIX}get-version')['version']}\n")


def test_arguments():
    """each argument of the schema is known and has its type; no other is"""
    wrong = {"str": 5, "int": "x", "uint64": "x", "bool": "x"}
    words = {"str": "string", "int": "integer", "bool": "boolean"}
    with Agent() as ours:
        for name, command in COMMANDS.items():
            error_of(ours.client.ask(name, {"no-such": 1}), contains="'no-such' is unexpected")
            for argument, its_type in command.get("data", {}).items():
                reply = ours.client.ask(name, {argument.lstrip("*"): wrong[its_type]})
                error_of(reply, contains=f"Invalid parameter type for '{argument.lstrip('*')}'")
                if its_type in words:
                    error_of(reply, contains=f"expected: {words[its_type]}")


def test_replies():
    """what our commands return is what the schema says, here and on recorded machines"""
    seen = set()
    folder = tempfile.mkdtemp(prefix="cpuctl-wire-")
    try:
        for options in [()] + [("--sysroot", fixture(folder, name)) for name in FIXTURES]:
            with Agent(*options) as ours:
                online = ours.client.get(f"{PREFIX}get-topology")["masks"]["online"]
                # Refused, so that there is an event: no machine has so many CPUs.
                ours.client.ask("guest-set-vcpus", vcpus((1048575, True)))
                for name, arguments in ((f"{PREFIX}get-version", {}), (f"{PREFIX}get-topology", {}),
                                        (f"{PREFIX}set-goal", {"cpus": online}), (f"{PREFIX}get-events", {})):
                    if options and "set-goal" in name:
                        continue
                    reply = ours.client.get(name, arguments)
                    check(reply, COMMANDS[name]["returns"], name, seen)
                equal(ours.client.get(f"{PREFIX}get-events", {"count": 0}), [])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for member in (("Cpu", "core"), ("Cpu", "die"), ("Cpu", "node"), ("Cache", "line-size"), ("Goal", "results"),
                   ("CpuResult", "duration-us"), ("Event", "reason")):
        if (PREFIX + member[0], member[1]) not in seen:
            raise AssertionError(f"no reply had {member}: {sorted(seen)}")


def test_recorded_machine():
    """a recorded machine is read, and nothing of it is changed"""
    folder = tempfile.mkdtemp(prefix="cpuctl-wire-")
    try:
        tree = fixture(folder, "hot-added")
        with open(f"{tree}/sys/devices/system/cpu/online", encoding="ascii") as file:
            online = file.read()
        with Agent("--sysroot", tree) as ours:
            equal(ours.client.get(f"{PREFIX}get-topology")["masks"]["online"], online.strip())
            for cpu in ours.client.get("guest-get-vcpus"):
                if cpu["can-offline"]:
                    request = vcpus((cpu["logical-id"], not cpu["online"]))
                    error_of(ours.client.ask("guest-set-vcpus", request), contains="recorded")
        with open(f"{tree}/sys/devices/system/cpu/online", encoding="ascii") as file:
            equal(file.read(), online)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# ---- policy, bounds, the process ----

def test_min_online():
    """a host can't go below min-online, neither by a list nor by a goal"""
    count = os.sysconf("SC_NPROCESSORS_ONLN")
    with Agent(config=f"min-online = {count}") as ours:
        cpus = [cpu["logical-id"] for cpu in ours.client.get("guest-get-vcpus") if cpu["online"] and cpu["can-offline"]]
        for cpu in cpus[-1:]:
            error_of(ours.client.ask("guest-set-vcpus", vcpus((cpu, False))), contains=f"min-online in the guest's "
                                                                                       f"agent.conf is {count}")
        error_of(ours.client.ask(f"{PREFIX}set-goal", {"count": count - 1}), contains="min-online")
        events = ours.client.get(f"{PREFIX}get-events")
        equal([(e["logical-id"], e["result"]) for e in events], [(cpu, "refused") for cpu in cpus[-1:]])
        equal(os.sysconf("SC_NPROCESSORS_ONLN"), count)


def test_goal_errors():
    """a goal that can't be is refused as a whole, with the bound"""
    # What stands before the newline is as it is: an agent that ends there changes nothing of this machine.
    online = pathlib.Path("/sys/devices/system/cpu/online").read_text("ascii").strip()
    with Agent() as ours:
        for arguments, words in (({}, "exactly one of"), ({"count": 1, "cpus": "0"}, "exactly one of"),
                                 ({"count": 0}, "min-online"), ({"cpus": ""}, ""), ({"cpus": "0-x"}, "cpus"),
                                 ({"count": 1048576}, "at most"), ({"cpus": "0-1048575"}, "not possible"),
                                 ({"cpus": f"{online}\n0"}, f"a newline at character {len(online)}")):
            error_of(ours.client.ask(f"{PREFIX}set-goal", arguments), contains=words)
        equal(ours.client.get(f"{PREFIX}get-events"), [])


def test_endless_request():
    """a request without an end costs a bounded amount of memory, and the next one is answered"""
    with Agent() as ours:
        before = rss_kib(ours.process.pid)
        ours.client.send(b'{"execute":"guest-set-vcpus","arguments":{"vcpus":[')
        element = b'{"logical-id":1,"online":true},' * 1000
        for _ in range(600):
            ours.client.send(element)
        ours.client.send(b"\xff" + json.dumps({"execute": "guest-sync-delimited", "arguments": {"id": 1}}).encode())
        while not ours.client.line().startswith(b"\xff"):
            pass
        grown = rss_kib(ours.process.pid) - before
        equal(grown < 16384, True)
        equal(ours.client.get("guest-ping"), {})


def test_many_small_values():
    """a request of values that take more memory than text is refused before it takes any"""
    with Agent() as ours:
        ours.client.get("guest-ping")
        before = rss_kib(ours.process.pid)
        for value in (b"{}", b"[]", b"1"):
            ours.client.send(b'{"execute":"guest-ping","id":1,"arguments":{"a":[' + value + (b"," + value) * 200000 + b"]}}")
            error_of(json.loads(ours.client.line()), contains="values, and 32768 are allowed for guest-ping")
        equal(rss_kib(ours.process.pid) - before < 8192, True)
        equal(ours.client.get("guest-ping"), {})


def test_largest_request():
    """a request with an entry for each of 4,096 CPUs is taken"""
    with Agent() as ours:
        request = {"vcpus": [{"logical-id": 0, "online": True, "can-offline": False}] * 4096}
        equal(ours.client.get("guest-set-vcpus", request), 4096)


def test_idle():
    """an idle agent sleeps, with a client and without"""
    with Agent() as ours:
        for _ in range(2):
            asleep(ours.process.pid, 3)
            ours.client.close()


def test_one_client_at_a_time():
    """a second client is served when the first one goes"""
    with Agent() as ours:
        second = Client(ours.path)
        second.send({"execute": "guest-ping"})
        equal(second.quiet(0.3), b"")
        equal(ours.client.get("guest-ping"), {})
        ours.client.close()
        equal(json.loads(second.line()), {"return": {}})
        ours.client = second


def test_end():
    """SIGTERM ends the agent with status 0, and its socket goes"""
    with Agent() as ours:
        ours.client.get("guest-ping")
        ours.process.process.terminate()
        equal(ours.process.process.wait(5), 0)
        equal(os.path.exists(ours.path), False)


def test_end_of_a_path():
    """a socket that another program has put in the place of its own stays"""
    with Agent() as ours, socket.socket(socket.AF_UNIX) as another:
        os.unlink(ours.path)
        another.bind(ours.path)
        ours.process.process.terminate()
        equal(ours.process.process.wait(20), 0)
        equal(os.path.exists(ours.path), True)


def test_bad_configuration():
    """what is wrong in a config file is named: file, line, key and limit"""
    folder = tempfile.mkdtemp(prefix="cpuctl-wire-")
    try:
        for text, words in (("[general]\nmin-online = 0\n", "line 2: min-online is 0, the limits are 1 to"),
                            ("[general]\n\nnonsense = 1\n", 'line 3: there is no key "nonsense"'),
                            ("min-online = 2\n", "line 1"), ("[other]\n", "line 1"), ("[general]\nx\n", "line 2"),
                            ("[general]\nverbose = maybe\n", "verbose"), ("[general]\nmethod = carrier-pigeon\n", "method"),
                            ("[general]\nhotplug = 3-1\n", "hotplug"), ("[general]\nmethod=unix-listen\n", "path")):
            with open(f"{folder}/conf", "w", encoding="ascii") as file:
                file.write(text)
            status, _, error = program("-c", f"{folder}/conf", "-D")
            equal((text, status, words in error), (text, 2, True))
        equal(program("-c", f"{folder}/missing", "-D")[0], 2)
        for options in (["--nonsense"], ["-m"], ["argument"], ["-v=1"], ["--verbose=1"]):
            equal((options, program(*options)[0]), (options, 2))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_dump():
    """the dumped configuration reads back to the same"""
    options = ["-c", "/dev/null", "-m", "vsock-listen", "-p", "3:1234", "-v", "-b", "guest-ping", "-b", "guest-info",
               "--min-online", "2", "--hotplug=1-3", "--no-seccomp", "-t", "/tmp/x"]
    dump = program(*options, "-D")[1]
    with tempfile.NamedTemporaryFile("w", encoding="ascii") as file:
        file.write(dump)
        file.flush()
        equal(program("-c", file.name, "-D")[1], dump)
    for line in ("method=vsock-listen", "block-rpcs=guest-ping,guest-info", "min-online=2", "hotplug=1-3", "seccomp=false",
                 "verbose=true", "statedir=/tmp/x", "retry-path=true"):
        equal((line, line in dump.splitlines()), (line, True))


TESTS = [value for name, value in list(globals().items()) if name.startswith("test_")]

if __name__ == "__main__":
    chosen = [test for test in TESTS if not sys.argv[1:] or test.__name__.removeprefix("test_") in sys.argv[1:]]
    sys.exit(run(chosen))
