# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/run: timeout=1200
"""A hot-added CPU with an APIC ID above 255 takes interrupts of stock Linux's devices."""

from case import same
from inner import Inner
from nested import host

# Its interrupt is not a managed one, which Linux would keep from being moved.
SHAPE = {"served": True, "inner_modules": ("virtio_rng",)}


def counts(inner, name):
    """How often each online CPU has taken the interrupt called `name`, and the IRQ's number."""
    line = inner.sh(f"grep -w {name} /proc/interrupts").split()
    online = sorted(inner.cpus("online"))
    return dict(zip(online, map(int, line[1:]))), line[0].rstrip(":")


def check_moved(inner, name, cpu, use):
    """Move the interrupt to `cpu`; then `use` is felt there and by nobody else."""
    _, number = counts(inner, name)
    inner.sh(f"echo {cpu} >/proc/irq/{number}/smp_affinity_list")
    # It moves when the next one is taken.
    inner.sh(use)
    before, _ = counts(inner, name)
    inner.sh(use)
    after, _ = counts(inner, name)
    print(f"# {name}: {before} {after}")
    assert after[cpu] > before[cpu], (before, after)
    same({**after, cpu: None}, {**before, cpu: None})


@host(timeout=900, memory=5120, **SHAPE)
def test_last_of_1024(machine):
    with Inner(machine, smp="1,maxcpus=1024,sockets=4,cores=128,threads=2", memory=2560,
               cmdline="mitigations=off") as inner:
        same(len(inner.cpus("possible")), 1024)
        inner.add_cpu(1023)
        # Linux counts CPUs as they come.
        inner.wait_cpus({0, 1}, "present")
        inner.set_online(1, True)
        same(inner.apic_ids(), [0, 1023])
        check_moved(inner, "virtio1-input", 1, "dd if=/dev/hwrng of=/dev/null bs=16 count=20")
        check_moved(inner, "ttyS0", 1, "echo a line for the serial port >/dev/ttyS0")
