# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/run: timeout=1500
"""A thousand offline/online rounds in a loaded guest: none is lost, and the agent leaks nothing."""

import os

from case import guest

ROUNDS = int(os.environ.get("CPUCTL_ROUNDS", "1000"))  # more in scripts/soak
WARM_UP = 50
LOAD = "stress-ng --quiet --cpu 2 --vm 1 --vm-bytes 16m --switch 1 --timeout 0 >/dev/null 2>&1 &"


def usage(guest):
    """The agent's private memory in KiB, and how many files it has open."""
    pid = guest.agent_pid()
    memory = guest.sh(f"awk '/^Private_/ {{ n += $2 }} END {{ print n }}' /proc/{pid}/smaps_rollup")
    return int(memory), int(guest.sh(f"ls /proc/{pid}/fd | wc -l"))


def one_round(guest, cpu):
    """Offline and online by the agent; what the kernel then has is what was asked for."""
    for online in (False, True):
        entry = {"logical-id": cpu, "online": online}
        assert guest.agent.execute("guest-set-vcpus", timeout=120, vcpus=[entry]) == 1
        state = guest.agent.vcpus()
        assert state[cpu] is online, f"CPU {cpu} is {state[cpu]}, asked for {online}"


@guest(agents=("cpuctl-agent",), cpus=4, maxcpus=4, memory=512, programs=("stress-ng",),
       fresh=True, timeout=max(1200, ROUNDS * 6 // 5))
def test_a_thousand_rounds_under_load(guest):
    guest.sh(LOAD)
    for number in range(WARM_UP):
        one_round(guest, 1 + number % 3)
    memory, files = usage(guest)
    for number in range(WARM_UP, ROUNDS):
        one_round(guest, 1 + number % 3)
    memory_after, files_after = usage(guest)
    assert guest.cpus() == {0, 1, 2, 3}
    assert files_after == files, f"{files} open files became {files_after}"
    assert memory_after <= memory + 128, f"{memory} KiB became {memory_after} KiB"
