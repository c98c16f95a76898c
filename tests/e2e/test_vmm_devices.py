# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/run: timeout=900
"""cpuvmm's PCI devices under stock Linux: its own drivers bind, bytes and sectors go both ways."""

from case import same
from nested import host

MODULES = ("virtio_pci", "virtio_blk", "virtio_console", "virtio_rng")

FACTS = """
for device in /sys/bus/virtio/devices/*; do
    echo "device $(cat $device/device) $(cat $device/status)"
done
dmesg | grep -iE "ACPI (Warning|Error|BIOS)|BAR.*(fail|no space)|virtio.*(error|fail)" |
    sed 's/^/complaint: /'
for port in /sys/class/virtio-ports/*; do
    echo "port $(cat $port/name)"
done
echo "sectors $(cat /sys/block/vda/size) readonly $(cat /sys/block/vda/ro)"
echo "serial $(cat /sys/block/vda/serial)"
echo "rng $(cat /sys/class/misc/hw_random/rng_current)"
echo "entropy $(dd if=/dev/hwrng bs=16 count=1 2>/dev/null | wc -c)"
echo "disk $(dd if=/dev/vda bs=512 skip=1 count=1 2>/dev/null | head -c 5)"
echo "written" | dd of=/dev/vda bs=512 seek=3 conv=notrunc,fsync 2>/dev/null
# Until the client is there, a read ends at once.
for try in 1 2 3 4 5 6 7 8 9 10; do
    read -r line </dev/vport0p1 && break
    sleep 1
done
echo "line $line"
[ -z "$line" ] || echo "from the guest" >/dev/vport0p1
sleep 1
"""

# The client comes when the socket is there, and stays until the guest is gone.
CLIENT = """
(until [ -S /tmp/port ]; do sleep 0.1; done
 { echo "from the host"; sleep 60; } | socat -t 1 - UNIX-CONNECT:/tmp/port >/tmp/answer
) >/dev/null 2>&1 &
"""


def lines(console, word):
    """What follows `word` on the lines that begin with it."""
    return [line.strip()[len(word):].strip() for line in console.splitlines()
            if line.startswith(word)]


@host(timeout=600, programs=("socat",))
def test_disk_and_port(machine):
    machine.run("dd if=/dev/zero of=/tmp/disk bs=512 count=64 2>/dev/null; "
                "echo hello | dd of=/tmp/disk bs=512 seek=1 conv=notrunc 2>/dev/null")
    machine.run(CLIENT)
    console, done = machine.vmm(FACTS, "--memory 256M --agent unix:/tmp/port "
                                "--drive file=/tmp/disk,format=raw", modules=MODULES)
    print("\n".join("# " + line for line in console.splitlines()[-40:]))
    same((done.status, done.err), (0, b""))
    same(lines(console, "complaint:"), [])
    same(lines(console, "device"), ["0x0003 0x0000000f", "0x0002 0x0000000f", "0x0004 0x0000000f"])
    same(lines(console, "rng"), ["virtio_rng.0"])
    same(lines(console, "entropy"), ["16"])
    same(lines(console, "port"), ["org.qemu.guest_agent.0"])
    same(lines(console, "sectors"), ["64 readonly 0"])
    same(lines(console, "serial"), ["drive0"])
    same(lines(console, "disk"), ["hello"])
    same(lines(console, "line"), ["from the host"])
    same(machine.read_file("/tmp/disk")[3 * 512:3 * 512 + 8], b"written\n")
    same(machine.read_file("/tmp/answer"), b"from the guest\n")

FAULTS = """
for try in 1 2; do
    dd if=/dev/zero of=/dev/vda bs=4096 count=64 conv=fsync 2>/dev/null && echo "small full" ||
        echo "small refused"
done
dd if=/dev/vda of=/dev/null bs=4096 count=4 2>/dev/null && echo "small readable"
dd if=/dev/vdb of=/dev/null bs=4096 count=4 2>/dev/null && echo "cut readable" ||
    echo "cut refused"
echo x | dd of=/dev/vdc bs=512 conv=fsync 2>/dev/null && echo "unlinked written"
"""

# The first drive's file system is too small for it; the second file is cut, the third has no name.
SPOIL = """
mkdir -p /tmp/small && mount -t tmpfs -o size=64k small /tmp/small
for file in /tmp/small/disk /tmp/cut /tmp/unlinked; do
    dd if=/dev/zero of=$file bs=1 count=0 seek=1M 2>/dev/null
done
rm -f /tmp/console
(until [ -s /tmp/console ]; do sleep 0.1; done; echo >/tmp/cut; rm /tmp/unlinked) >/dev/null 2>&1 &
"""


@host(timeout=600, programs=("socat",))
def test_drives_that_fail(machine):
    """The guest gets an I/O error, and the VM goes on."""
    machine.sh(SPOIL)
    console, done = machine.vmm(FAULTS, "--memory 256M " + " ".join(
        f"--drive file=/tmp/{name},format=raw" for name in ("small/disk", "cut", "unlinked")),
                                modules=("virtio_pci", "virtio_blk"))
    same(lines(console, "small"), ["refused", "refused", "readable"])
    same(lines(console, "cut"), ["refused"])
    same(lines(console, "unlinked"), ["written"])
    same((done.status, done.err), (0, b""))
