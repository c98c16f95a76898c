# SPDX-License-Identifier: LGPL-2.1-or-later
"""A VMM and a guest agent that do what a test tells them: right things and wrong ones."""

import contextlib
import json
import pathlib
import shutil
import socket
import tempfile
import threading

from tool import vcpuctl


class Server:
    """Accepts clients of a unix socket one after the other; reads JSON lines."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen(5)
        self.client, self.clients = None, []
        self.seen = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                self.client, _ = self.socket.accept()
            except OSError:
                return
            self.clients.append(self.client)
            threading.Thread(target=self.serve, args=(self.client,), daemon=True).start()

    def serve(self, client):
        try:
            self.begin(client)
            for line in client.makefile("rb"):
                request = json.loads(line.lstrip(b"\xff"))
                self.seen.append(request["execute"])
                self.answer(client, request)
        except OSError:
            pass

    def begin(self, client):
        """A client has come."""

    def answer(self, client, request):
        """The table's answer: bytes go as they are, None is silence, an Error an error."""
        value = self.command(request["execute"], request.get("arguments", {}))
        if isinstance(value, bytes):
            client.sendall(value)
        elif value is not None:
            reply = {"error": value.args[0]} if isinstance(value, Error) else {"return": value}
            if "id" in request:
                reply["id"] = request["id"]
            client.sendall(json.dumps(reply).encode() + b"\n")

    def hang_up(self):
        """Every client sees the end of its connection."""
        for client in self.clients:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def close(self):
        # Shut down too: a thread that sleeps in accept() would keep it open.
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.hang_up()


class Error(Exception):
    """An error reply."""

    def __init__(self, desc, kind="GenericError"):
        super().__init__({"class": kind, "desc": desc})


class Vmm(Server):
    """QEMU under KVM, or cpuvmm, with `plugged` of 4 vCPUs; `guest` is the Agent behind it.

    asked: {vCPU: (request, phase)} of cpuvmm.
    refuse: vCPUs that the guest does not give; silent: those about which it never answers.
    say: bytes instead of the answer to a command, by its name; greeting: instead of the greeting.
    """

    def __init__(self, path, guest, plugged=1, kvm=True, cpuvmm=False):
        self.guest, self.kvm, self.plugged = guest, kvm, set(range(plugged))
        self.refuse, self.silent, self.say = set(), set(), {}
        self.greeting = (b'{"QMP": {"version": {"package": "%s"}, "capabilities": []}}\n'
                         % (b"cpuvmm 1.0" if cpuvmm else b"fake"))
        self.ost, self.asked = {}, {}
        super().__init__(path)

    def begin(self, client):
        client.sendall(self.greeting)

    def event(self, name, **data):
        text = json.dumps({"event": name, "data": data, "timestamp": {}})
        for client in self.clients:
            with contextlib.suppress(OSError):
                client.sendall(text.encode() + b"\n")

    def tell_ost(self, cpu, source, status):
        self.ost[cpu] = (source, status)
        self.event("ACPI_DEVICE_OST", info={"slot": str(cpu), "slot-type": "CPU", "source": source,
                                            "status": status})

    def command(self, name, arguments):
        if name in self.say:
            return self.say[name]
        method = getattr(self, name.replace("__org.cpuctl_", "own_").replace("-", "_"), None)
        return method(**arguments) if method else Error(f"The command {name} has not been found",
                                                         "CommandNotFound")

    @staticmethod
    def qmp_capabilities():
        return {}

    def query_kvm(self):
        return {"enabled": self.kvm, "present": True}

    @staticmethod
    def query_chardev():
        return []

    def query_hotpluggable_cpus(self):
        return [dict({"type": "cpu", "vcpus-count": 1, "props": {"socket-id": cpu}},
                     **({"qom-path": f"/machine/peripheral/vcpu{cpu}"} if cpu in self.plugged else {}))
                for cpu in reversed(range(4))]

    def query_cpus_fast(self):
        return [{"cpu-index": cpu, "thread-id": threading.get_native_id()} for cpu in self.plugged]

    def query_acpi_ospm_status(self):
        return [dict(zip(("slot", "slot-type", "source", "status"),
                         (str(cpu), "CPU") + self.ost.get(cpu, (0, 0)))) for cpu in range(4)]

    def own_query_vcpus(self):
        return [dict(zip(("cpu-index", "apic-id", "request", "phase"),
                         (cpu, cpu) + self.asked.get(cpu, ("none", "none"))),
                     **({"ost": dict(zip(("source", "status"), self.ost[cpu]))} if cpu in self.ost else {}))
                for cpu in range(4)]

    def own_cancel_device_del(self, id):  # pylint: disable=redefined-builtin
        self.asked.pop(int(id[4:]))
        return {}

    def device_add(self, id, **properties):  # pylint: disable=redefined-builtin
        cpu = properties["socket-id"]
        self.plugged.add(cpu)
        if cpu not in self.silent:
            self.guest.cpus[cpu] = True
            self.tell_ost(cpu, 1, 0)
        return {}

    def device_del(self, id):  # pylint: disable=redefined-builtin
        cpu = int(id[4:])
        if cpu in self.silent:
            return {}
        self.tell_ost(cpu, 3, 0x84)
        if cpu in self.refuse:
            self.tell_ost(cpu, 3, 0x82)
            return {}
        self.plugged.discard(cpu)
        self.guest.cpus.pop(cpu, None)
        self.event("DEVICE_DELETED", device=id, path=f"/machine/peripheral/{id}")
        self.tell_ost(cpu, 3, 0)
        return {}


class Agent(Server):
    """A stock agent; cpus: {number: online}. say: as with Vmm. stuck: {number: reason}."""

    def __init__(self, path, cpus=1):
        self.cpus, self.say, self.stuck = dict.fromkeys(range(cpus), True), {}, {}
        super().__init__(path)

    def answer(self, client, request):
        if request["execute"] == "guest-sync-delimited" and request["execute"] not in self.say:
            client.sendall(b"\xff" + json.dumps({"return": request["arguments"]["id"]}).encode() + b"\n")
        else:
            super().answer(client, request)

    def command(self, name, arguments):
        if name in self.say:
            return self.say[name]
        if name == "guest-get-vcpus":
            return [{"logical-id": cpu, "online": online, "can-offline": cpu != 0}
                    for cpu, online in sorted(self.cpus.items())]
        if name != "guest-set-vcpus":
            return Error(f"The command {name} has not been found", "CommandNotFound")
        for number, vcpu in enumerate(arguments["vcpus"]):
            if vcpu["logical-id"] in self.stuck and self.cpus[vcpu["logical-id"]] != vcpu["online"]:
                return number or Error(self.stuck[vcpu["logical-id"]])
            self.cpus[vcpu["logical-id"]] = vcpu["online"]
        return len(arguments["vcpus"])


class Pair:
    """Both, and vcpuctl on them."""

    def __init__(self, plugged=1, **options):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cpuctl-fake."))
        self.agent = Agent(self.folder / "agent", plugged)
        self.vmm = Vmm(self.folder / "qmp", self.agent, plugged, **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.vmm.close()
        self.agent.close()
        shutil.rmtree(self.folder)

    def tool(self, command, *words, options=()):
        return vcpuctl("--qmp", self.folder / "qmp", "--agent", self.folder / "agent", *options, command,
                       "vm", *words)

    def notes(self):
        """{vcpu: note} of status."""
        done = self.tool("status", options=("--json",))
        return {v["vcpu"]: v["note"] for v in json.loads(done.out)["vcpus"] if "note" in v}
