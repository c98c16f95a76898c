# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/run: timeout=900
"""vcpuctl against the tables of tests/fixtures/virsh-9.0: it says what virsh says, to each command
in each state. Where it does not, DIFFERENCES has the reason."""

import re

from case import AGENTS, same
from channel import Result
from vcpuctl_host import vcpuctl_domain
from virsh_table import FOLDER, Host, Table

SHAPE = {"cpus": 2, "maxcpus": 4, "template": FOLDER / "guest.xml", "fresh": True, "timeout": 400}

# By command: the reason, and how many commands after it show the same difference.
DIFFERENCES = {
    "dominfo guest": ("the messages are libvirtd's, about itself", 0),
    "shutdown guest --mode nothing": ("there are fewer modes", 0),
    "console (guest|nobody)": ("that there is no terminal is said first", 0),
    "qemu-agent-command guest (guest-ping|'{\"execute\":')": ("the sentence is our parser's", 0),
    "qemu-agent-command guest --pretty .*guest-ping.*": ("our writer has no empty line in {}", 0),
    "setvcpus guest 100000 --maximum --config": ("vcpuctl defines at most 4096", 1),
}
# What vcpuctl says besides: a line about each vCPU, and that there is no agent to look.
OURS = re.compile(r"(?m)^(vCPU \d+: |warning: the guest's CPUs could not be looked at: ).*\n")


def reason(line):
    return next((why for pattern, why in DIFFERENCES.items() if re.fullmatch(pattern, line)), None)


def hold(domain, name, xml="guest"):
    """Compare the table `name` with vcpuctl on a domain that is defined anew."""
    path = domain.definition((FOLDER / f"{xml}.xml").read_text(encoding="utf-8"))
    domain.libvirt.must("define", path)
    table, host = Table(name), Host(xml=str(path))

    def program(words):
        done = domain.libvirt.exact(words)
        return Result(done.status, done.out, OURS.sub("", done.err))

    def wait(state, cpus):
        domain.wait_cpus(cpus, state)
    found, allowed, after = [], set(), 0
    for step, result in table.run(host, program, wait):
        difference = step.difference(host, result)
        after -= 1
        if not difference or after >= 0:
            continue
        if reason(step.line):
            why, after = reason(step.line)
            allowed.add(f"{step.line}: {why}")
        else:
            found.append(difference)
    print("".join(f"# {line}\n" for line in sorted(allowed)), end="", flush=True)
    same("\n".join(found), "")


@vcpuctl_domain(**SHAPE)
def test_running(domain):
    hold(domain, "running")
    # It is shut off now.
    hold(domain, "shut-off")
    hold(domain, "usage")
    try:
        hold(domain, "shaped", "shaped")
    finally:
        domain.libvirt.virsh("undefine", "shaped")


@vcpuctl_domain(agents=AGENTS, **SHAPE)
def test_running_with_an_agent(domain):
    hold(domain, "running-agent")
