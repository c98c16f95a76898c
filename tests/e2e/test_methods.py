# SPDX-License-Identifier: LGPL-2.1-or-later
"""The agent on vsock, in a guest whose kernel connects vsock to itself, and on a serial line."""

import json
import os

from case import guest, same
from channel import Agent

PORT = 1024
LINE = f"cpuctl-line-{os.getpid()}"
# VMADDR_CID_ANY and VMADDR_CID_LOCAL, vsock(7).
ANY, LOCAL = 4294967295, 1


def ask(guest, *requests):
    """The replies over one connection; socat waits up to 10 s for the agent to listen, and up to 5 s
    for more after the last request."""
    lines = "\\n".join(json.dumps(request) for request in requests)
    text = guest.sh(f"printf '{lines}\\n' | socat -t 5 - "
                    f"VSOCK-CONNECT:{LOCAL}:{PORT},retry=100,interval=0.1", timeout=60)
    return [json.loads(line) for line in text.splitlines()]


@guest(cpus=2, maxcpus=2, modules=("vsock_loopback",), programs=("socat",), fresh=True)
def test_vsock(guest):
    guest.start_agent("cpuctl-agent", f"-m vsock-listen -p {ANY}:{PORT}", wait=False)
    offline = {"execute": "guest-set-vcpus", "id": "down",
               "arguments": {"vcpus": [{"logical-id": 1, "online": False}]}}
    same(ask(guest, {"execute": "guest-ping", "id": 1}, offline),
         [{"return": {}, "id": 1}, {"return": 1, "id": "down"}])
    same(guest.cpus(), {0})
    # The first client has gone; the next one is served.
    same([cpu["online"] for cpu in ask(guest, {"execute": "guest-get-vcpus"})[0]["return"]], [True, False])


@guest(cpus=2, maxcpus=2, fresh=True, qemu=(
    "-chardev", f"socket,id=line,path={LINE},abstract=on,server=on,wait=off", "-serial", "chardev:line"))
def test_isa_serial(guest):
    guest.start_agent("cpuctl-agent", "-m isa-serial -p /dev/ttyS1", wait=False)
    guest.sh("until grep -q opened.*ttyS1 /tmp/agent.log; do sleep 0.2; done")
    host = Agent(f"\0{LINE}")
    host.sync(60)
    same(host.set_vcpus(cpu1=False), 1)
    same(guest.cpus(), {0})
    same(host.vcpus(), {0: True, 1: False})
