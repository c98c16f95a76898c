# SPDX-License-Identifier: LGPL-2.1-or-later
"""The agent on vsock, in a guest whose kernel connects vsock to itself."""

import json

from case import guest, same

PORT = 1024
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
