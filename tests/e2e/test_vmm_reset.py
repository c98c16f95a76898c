# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/run: timeout=900
"""Reset, reboot, power button and S5 of stock Linux in cpuvmm, with CPUs that came and go."""

from case import same
from inner import Inner
from nested import host

SHAPE = {"served": True, "inner_modules": ("button", "evdev")}


def add(inner, cpu):
    inner.add_cpu(cpu)
    inner.wait_cpus({*range(cpu + 1)}, "present")


def wait_reset(inner, guest, boots):
    """The VMM says that it was reset, and by whom; then the guest comes up for the next time."""
    reason = "guest-reset" if guest else "host-qmp-system-reset"
    same(inner.qmp.wait_event("RESET", 60), {"guest": guest, "reason": reason})
    inner.wait_booted(boots)


def reboot(inner):
    # After the answer to this has been sent.
    inner.sh("(sleep 0.5; reboot -f) >/dev/null 2>&1 &")


def wait_gone(inner, cpu):
    same(inner.qmp.wait_event("DEVICE_DELETED"),
         {"device": f"cpu{cpu}", "path": f"/machine/peripheral/cpu{cpu}"})


@host(timeout=600, **SHAPE)
def test_reboot_keeps_the_count(machine):
    """By the host and by the guest; a removal that the guest did not see is completed by it."""
    with Inner(machine) as inner:
        for cpu in (1, 2, 3):
            add(inner, cpu)
        inner.qmp.execute("system_reset")
        wait_reset(inner, False, 2)
        # What was added before is there from the start now.
        same(inner.cpus("online"), {0, 1, 2, 3})
        same(inner.present(), {0, 1, 2, 3})

        # Nobody handles the controller's interrupt any more.
        inner.sh("echo ACPI0013:00 >/sys/bus/platform/drivers/acpi-ged/unbind")
        inner.del_cpu(3)
        same(inner.cpus("present"), {0, 1, 2, 3})
        reboot(inner)
        wait_reset(inner, True, 3)
        wait_gone(inner, 3)
        same(inner.cpus("online"), {0, 1, 2})
        same(inner.present(), {0, 1, 2})

        # The guest does not get to see this one, and a triple fault is a reboot too.
        inner.qmp.execute("stop")
        inner.del_cpu(2)
        same(inner.present(), {0, 1, 2})
        inner.qmp.execute("system_reset")
        wait_gone(inner, 2)
        inner.qmp.execute("cont")
        wait_reset(inner, False, 4)
        same(inner.cpus("online"), {0, 1})
        inner.sh("echo triple >/sys/kernel/reboot/type")
        reboot(inner)
        wait_reset(inner, True, 5)
        same(inner.cpus("online"), {0, 1})
        # What was removed by a reset can be added again.
        add(inner, 2)


@host(timeout=600, **SHAPE)
def test_an_id_above_255(machine):
    """Of a CPU that is there twice, and from the start after a reboot. All are in x2APIC mode."""
    with Inner(machine, smp="2,maxcpus=125,sockets=5,dies=5,cores=5") as inner:
        for _ in range(2):
            inner.add_cpu(124)
            inner.wait_cpus({0, 1, 2}, "present")
            inner.set_online(2, True)
            same(inner.apic_ids(), [0, 1, 292])
            inner.del_cpu(124)
            wait_gone(inner, 124)
            inner.wait_cpus({0, 1}, "present")
        inner.add_cpu(124)
        inner.wait_cpus({0, 1, 2}, "present")
        reboot(inner)
        wait_reset(inner, True, 2)
        same(inner.cpus("online"), {0, 1, 2})
        same(inner.apic_ids(), [0, 1, 292])


@host(timeout=600, **SHAPE)
def test_power_button_and_s5(machine):
    with Inner(machine) as inner:
        inner.sh("(dd if=/dev/input/event0 of=/dev/null bs=24 count=1 && poweroff -f) "
                 ">/dev/null 2>&1 &")
        inner.qmp.execute("system_powerdown")
        inner.qmp.wait_event("POWERDOWN")
        same(inner.qmp.wait_event("SHUTDOWN", 60), {"guest": True, "reason": "guest-shutdown"})
        same(inner.wait_end(), 0)
        same(machine.read_file("/tmp/vmm.log"), b"")

