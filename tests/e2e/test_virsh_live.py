# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/run: timeout=900
"""The tables of live removal in tests/fixtures/virsh-9.0 are what real virsh, libvirtd and QEMU say,
where QEMU has KVM. CPUCTL_RECORD writes them anew, as for test_virsh_table.py."""

import functools

from case import Skip, decorator
from nested_virsh import VirshHost
from virsh_table import FOLDER, Host, hold

virsh_host = functools.partial(decorator, VirshHost)

# Four of them need more than the 95 % of three CPUs that deadline tasks may have.
FILL = "chrt -d --sched-runtime 90000000 --sched-period 100000000 0 sleep 1000 >/dev/null 2>&1 &"


@virsh_host(needs=("libvirtd", "virsh", "qemu-system-x86_64", "chrt"), fresh=True, timeout=850)
def test_live_removal(host):
    with host.domain((FOLDER / "guest.xml").read_text(encoding="utf-8")) as domain:
        domain.start_agent("cpuctl-agent")

        def wait(state, cpus):
            domain.wait_cpus(cpus, state, 120)

        def in_time(words):
            said = host.exact(words)
            if "request timed out" in said.err:
                raise Skip("libvirt gives a removal five seconds, which this machine does not keep")
            return said
        hold("live", in_time, wait, Host(cpus=1))
        domain.must("setvcpus", "guest", "4", "--live")
        wait("online", {0, 1, 2, 3})
        for _ in range(4):
            domain.sh(FILL)
        hold("live-refused", host.exact, wait, Host(cpus=1))
