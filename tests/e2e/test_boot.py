# SPDX-License-Identifier: LGPL-2.1-or-later
"""The harness itself: a guest boots, answers, takes CPUs, and shows what it is asked for."""

from case import guest
from machine import parse_list


@guest(cpus=1, maxcpus=4)
def test_boots_with_one_of_four(guest):
    assert guest.cpus("online") == {0}
    assert guest.cpus("possible") == {0, 1, 2, 3}


@guest(cpus=1, maxcpus=4)
def test_shell_gives_status_and_bytes(guest):
    result = guest.run("printf 'a\\0\\377'; echo b >&2; exit 3")
    assert result == (3, b"a\0\xff", b"b\n")
    assert guest.run("sleep 10", timeout=1).status == 137


@guest(cpus=1, maxcpus=4)
def test_files_pass(guest):
    data = bytes(range(256)) * 20
    guest.write_file("/tmp/file", data)
    assert guest.read_file("/tmp/file") == data


@guest(cpus=1, maxcpus=4)
def test_hot_added_cpu_stays_offline_without_an_agent(guest):
    slot = guest.add_cpu()
    guest.wait_cpus({0, slot}, "present")
    assert guest.cpus("online") == {0}
    guest.set_online(slot, True)
    guest.wait_cpus({0, slot})


@guest(cpus=2, maxcpus=4, fresh=True)
def test_guest_gives_a_cpu_back(guest):
    slot = guest.add_cpu()
    guest.wait_cpus({0, 1, slot}, "present")
    guest.set_online(slot, True)
    guest.del_cpu(slot)
    guest.wait_cpus({0, 1}, "present")


@guest(smp="8,sockets=2,cores=2,threads=2", numa=2, cpu="max,vendor=GenuineIntel")
def test_topology_and_nodes(guest):
    siblings = guest.sh("cat /sys/devices/system/cpu/cpu0/topology/thread_siblings_list")
    assert parse_list(siblings) == {0, 1}
    assert guest.sh("cat /sys/devices/system/node/node1/cpulist") == "4-7"


@guest(cpus=1, maxcpus=4)
def test_no_udevd_in_the_guest(guest):
    assert guest.run("test -e /run/udev/control").status != 0
