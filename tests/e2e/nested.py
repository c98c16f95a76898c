# SPDX-License-Identifier: LGPL-2.1-or-later
"""cpuvmm with a real Linux guest, on any machine: KVM inside QEMU's software emulation.

The outer guest ("L1") runs Debian's generic kernel with KVM on emulated AMD-V; in it cpuvmm runs
the stock cloud kernel ("L2") with an initramfs that executes one script and powers off.
"""

import functools
import pathlib
import stat
import tempfile

import image
from case import decorator
from guest import Guest

# What QEMU reads in L1.
ROMS = ("linuxboot_dma.bin", "pvh.bin", "kvmvapic.bin", "bios-256k.bin", "bios-microvm.bin")
RELAYS = ("qmp", "agent", "shell")

INIT = """#!/bin/busybox sh
# Process 1 of the inner guest.
export PATH=/bin:/usr/bin:/usr/local/bin:/usr/local/sbin:/usr/sbin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
while read -r module; do
    insmod "$module" || echo "init: can not load $module"
done </etc/modules.order
sh /script
poweroff -f
"""


def inner_initramfs(kernel, script, modules, programs=()):
    """The inner guest's initramfs, as bytes: busybox, the kernel's `modules`, `script`; and if
    there are `programs` of the host, those and what `make install` installed."""
    archive = image.Initramfs()
    for folder in ("proc", "sys", "dev", "tmp", "run"):
        archive.add(folder, mode=0o755, kind=stat.S_IFDIR)
    busybox = image.installed("busybox")
    archive.add_link("/lib/x86_64-linux-gnu", f"..{image.LIBRARIES}")
    archive.add_program(busybox, "/bin/busybox")
    for applet in ("sh", "mount", "poweroff", "reboot", "cat", "grep", "echo", "sleep", "dmesg",
                   "insmod", "dd", "wc", "nproc", "tr", "sed", "sort", "head", "taskset",
                   "test", "uname", "kill"):
        archive.add_link(f"/bin/{applet}", "busybox")
    if programs:
        image.add_stage(archive, programs)
    for name in programs:
        archive.add_program(image.installed(name))
    archive.add("/init", INIT, 0o755)
    archive.add("/script", script)
    image.add_modules(archive, kernel, modules)
    return image_bytes(archive)


def find_rom(name):
    """The file of QEMU's or SeaBIOS's package."""
    return next(path for path in (pathlib.Path("/usr/share/seabios") / name,
                                  pathlib.Path("/usr/share/qemu") / name) if path.exists())


def image_bytes(archive):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "initramfs"
        archive.write(path)
        return path.read_bytes()


def served_initramfs(kernel, modules, programs=(), files=None):
    """The initramfs of an inner guest that serves a shell (inner.py), as bytes. files: contents by path."""
    archive = image.Initramfs()
    image.add_base(archive)
    if programs:
        image.add_stage(archive, programs)
    for name in programs:
        source = image.installed(name)
        if not (image.stage() and source.is_relative_to(image.stage())):
            archive.add_program(source)
    for path, content in (files or {}).items():
        archive.add(path, content)
    image.add_modules(archive, kernel, modules)
    return image_bytes(archive)


class Host(Guest):
    """L1: a guest with a /dev/kvm of its own, cpuvmm, and a kernel for the inner guest."""

    def __init__(self, programs=(), script="", served=False, inner_programs=(), inner_modules=(),
                 inner_files=None, peer=False, files=None, cpu="max", memory=3072,
                 inner_kernel="linux-image-cloud-amd64", **shape):
        """
        script: for the inner guest of start(), with `inner_programs` and `inner_modules`.
        served: the inner guest serves a shell instead: see inner.py; it also has `inner_files`.
        peer: have QEMU in L1 too; files: more files in L1.
        cpu: of L1, and what the inner guest's CPUs are made of; inner_kernel: for scripts/kernel.
        """
        self.inner = image.Kernel(inner_kernel)
        files = {"/vmlinuz": self.inner.vmlinuz, **(files or {})}
        if script:
            files["/initrd"] = inner_initramfs(self.inner, script, inner_modules, inner_programs)
        if served:
            files["/initrd"] = served_initramfs(
                self.inner, image.MODULES + tuple(inner_modules), inner_programs, inner_files)
            programs += ("socat",)
        if peer:
            programs += ("qemu-system-x86_64",)
            files.update({f"/usr/share/qemu/{path.name}": path for path in map(find_rom, ROMS)})
        super().__init__(cpus=1, maxcpus=1, cpu=f"{cpu},+svm,-xsave", memory=memory, files=files,
                         modules=("irqbypass", "kvm", "ccp", "kvm_amd"),
                         programs=(image.BUILD / "vmm/cpuvmm",) + programs, **shape)

    def command(self, vmlinuz):
        # What joins this machine to the sockets in L1: see relay().
        more = []
        for name in RELAYS:
            path = self.folder / f"inner-{name}"
            more += ["-chardev", f"socket,id=inner-{name},path={path},server=on,wait=off", "-device",
                     f"virtserialport,bus=ports.0,chardev=inner-{name},name={name}"]
        return super().command(vmlinuz) + more

    def kernel(self):
        return image.Kernel("linux-image-amd64")

    def vmm(self, script, arguments="", cmdline="", modules=(), timeout=120):
        """Run `script` in an inner guest. Its console, and cpuvmm's exit status and stderr."""
        self.write_file("/tmp/initrd", inner_initramfs(self.inner, script, modules))
        done = self.run(
            "cpuvmm --kernel /vmlinuz --initrd /tmp/initrd --serial file:/tmp/console "
            f"--append 'console=ttyS0 panic=-1 reboot=t no_timer_check {cmdline}' {arguments}",
            timeout=timeout)
        return self.read_file("/tmp/console").decode(errors="replace"), done


    def start(self, arguments, cmdline=""):
        """Start an inner guest with the script given at first, its output in /tmp/console."""
        self.sh("(cpuvmm --kernel /vmlinuz --initrd /initrd --serial file:/tmp/console --append "
                f"'console=ttyS0 panic=-1 reboot=t no_timer_check {cmdline}' {arguments} "
                "</dev/null >/tmp/vmm.log 2>&1; echo $? >/tmp/vmm.status) >/dev/null 2>&1 &")
        self.sh("until [ -S /tmp/qmp ] && [ -S /tmp/agent ]; do sleep 0.1; done")

    def relay(self, name):
        """Join L1's socket /tmp/`name` to inner_path(name), which must have its client."""
        self.sh(f"port=$(grep -l -x {name} /sys/class/virtio-ports/*/name) && "
                "port=${port%/name} && (socat -t 5 OPEN:/dev/${port##*/},rdwr "
                f"UNIX-CONNECT:/tmp/{name} </dev/null >/tmp/relay.{name} 2>&1 & "
                f"echo $! >/tmp/relay.{name}.pid) >/dev/null 2>&1")

    def end_relay(self, name):
        """End relay(), which the next inner guest's needs the port of."""
        self.run(f"pid=$(cat /tmp/relay.{name}.pid) && rm /tmp/relay.{name}.pid && kill $pid && "
                 "while kill -0 $pid; do sleep 0.05; done")

    def inner_path(self, name):
        """This machine's end of the relay `name`."""
        return self.folder / f"inner-{name}"


# The function's argument is a Host.
host = functools.partial(decorator, Host)
