# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/run: timeout=900
"""The library's changes and hotplug monitor against a real kernel (change-probe.c)."""

import contextlib

from case import Skip, guest
from channel import wait_until
from image import BUILD

PROBE = BUILD / "tests/e2e/change-probe"
SHAPE = {"cpus": 2, "maxcpus": 4, "programs": (str(PROBE), "chrt"), "fresh": True}
SMT = {"smp": "4,cores=2,threads=2", "cpu": "max,vendor=GenuineIntel",
       "programs": (str(PROBE),), "fresh": True}


def probe(guest, arguments):
    """The lines that change-probe prints."""
    result = guest.run(f"change-probe {arguments} 2>&1", timeout=120)
    return result.out.decode().splitlines()


class Watch:
    """change-probe watching in the guest."""

    def __init__(self, guest):
        self.guest = guest
        guest.sh("change-probe watch >/tmp/events 2>&1 & echo $! >/tmp/watch.pid")
        self.wait("ready")

    def events(self):
        return self.guest.sh("cat /tmp/events").splitlines()

    def wait(self, wanted, timeout=30):
        wait_until(lambda: wanted in self.events(), f"the event {wanted!r}", timeout)

    def signal(self, name):
        self.guest.sh(f"kill -{name} $(cat /tmp/watch.pid)")


@contextlib.contextmanager
def deadline_tasks(guest, number):
    """Tasks that reserve nine tenths of a CPU each."""
    try:
        for _ in range(number):
            guest.sh("chrt -d --sched-runtime 90000000 --sched-period 100000000 0 "
                     "sleep 1000 >/dev/null 2>&1 </dev/null &")
        wait_until(lambda: guest.sh("pidof sleep | wc -w") == str(number), "the tasks to start")
        yield
    finally:
        guest.run("killall sleep")


@guest(**SHAPE)
def test_events_of_a_life(guest):
    watch = Watch(guest)
    slot = guest.add_cpu()
    watch.wait(f"added {slot} hot")
    assert probe(guest, f"online {slot}") == [f"{slot} online done code=0 usec=some"]
    watch.wait(f"onlined {slot} hot")
    assert probe(guest, f"online {slot}") == [f"{slot} online already code=0 usec=0"]
    assert probe(guest, f"offline {slot}") == [f"{slot} offline done code=0 usec=some"]
    watch.wait(f"offlined {slot} hot")
    assert probe(guest, "offline 1") == ["1 offline done code=0 usec=some"]
    watch.wait("offlined 1")
    # One that starts now has not seen it come, and knows from the MADT.
    assert probe(guest, f"hot 0-{slot + 1}") == ["0 cold", "1 cold", f"{slot} hot",
                                                 f"{slot + 1} cold"]
    guest.del_cpu(slot)
    watch.wait(f"removed {slot} hot")
    assert probe(guest, f"online {slot}")[0] == f"{slot} online refused code=19 usec=0"
    assert watch.events() == ["ready", f"added {slot} hot", f"onlined {slot} hot",
                              f"offlined {slot} hot", "offlined 1", f"removed {slot} hot"]


@guest(**SHAPE)
def test_what_udevadm_trigger_causes_is_no_event(guest):
    watch = Watch(guest)
    guest.sh("echo add > /sys/devices/system/cpu/cpu1/uevent")
    guest.set_online(1, False)
    watch.wait("offlined 1")
    assert watch.events() == ["ready", "offlined 1"]


@guest(**SHAPE)
def test_lost_events_are_told(guest):
    watch = Watch(guest)
    watch.signal("STOP")
    guest.sh("i=0; while [ $i -lt 15000 ]; do echo add; i=$((i + 1)); done "
             "> /tmp/adds; while read word; do echo $word > /sys/devices/system/cpu/cpu1/uevent; "
             "done < /tmp/adds", timeout=150)
    watch.signal("CONT")
    watch.wait("lost 0")

    def sees_again():
        # What comes while the old events still fill the socket is lost as well.
        guest.set_online(1, False)
        guest.set_online(1, True)
        return "offlined 1" in watch.events()
    wait_until(sees_again, "an event after the loss", 100)


@guest(**SHAPE)
def test_refused_because_of_deadline_tasks(guest):
    with deadline_tasks(guest, 2):
        result, reason, *more = probe(guest, "offline 1")
        assert result == "1 offline refused code=16 usec=some"
        assert reason.startswith("reason: SCHED_DEADLINE tasks have reserved the time of CPU 1: "
                                 "sleep (PID ")
        assert more == ["help: end these tasks or lower their runtime (chrt, schedtool), "
                        "then try again"]
        assert guest.cpus() == {0, 1}
    assert probe(guest, "offline 1") == ["1 offline done code=0 usec=some"]


@guest(**SHAPE)
def test_what_can_not_be(guest):
    assert probe(guest, "offline 0") == [
        "0 offline refused code=95 usec=0", "reason: the kernel can't take CPU 0 offline",
        "help: choose another CPU"]
    assert probe(guest, "online 0,3,9") == [
        "0 online already code=0 usec=0",
        "3 online refused code=19 usec=0", "reason: CPU 3 is not present",
        "help: hot-add CPU 3 to the virtual machine, and wait until it is there",
        "9 online refused code=19 usec=0", "reason: CPU 9 is not possible on this system",
        "help: raise the maximum number of CPUs of the virtual machine and restart it"]


@guest(**SMT)
def test_siblings_with_multithreading_off(guest):
    control = "/sys/devices/system/cpu/smt/control"
    if guest.run(f"echo off > {control}").status != 0:
        raise Skip("this kernel does not switch multithreading off here")
    result, reason, _ = probe(guest, "online 1")
    assert result == "1 online refused code=1 usec=some"
    assert reason == ("reason: CPU 1 is the second thread of its core, "
                      "and multithreading is switched off")
    guest.sh(f"echo on > {control}")
    assert probe(guest, "online 1") == ["1 online already code=0 usec=0"]


@guest(smp="8,sockets=2,cores=2,threads=2", numa=2, cpu="max,vendor=GenuineIntel",
       programs=(str(PROBE),), fresh=True)
def test_count_goes_down_and_up(guest):
    order = [7, 6, 3, 2, 5, 4, 1]  # docs/architecture.md has this machine as its example
    for left in (7, 4, 3, 1):
        lines = probe(guest, f"count {left}")
        assert all(" offline done code=0 usec=some" in line for line in lines), lines
        assert guest.cpus() == set(range(8)) - set(order[:8 - left])
    for left in range(2, 9):
        lines = probe(guest, f"count {left}")
        assert len(lines) == 1 and " online done " in lines[0]
    assert guest.cpus() == set(range(8))
    assert probe(guest, "count 8") == []
    assert probe(guest, "count 9") == [
        "error: 9 CPUs can't be online: at least 1, at most the 8 that are present"]
