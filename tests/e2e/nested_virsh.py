# SPDX-License-Identifier: LGPL-2.1-or-later
"""Real libvirtd, virsh and QEMU with KVM, on any machine: in the L1 of nested.py.

    with VirshHost() as host, host.domain() as domain:
        domain.virsh("setvcpus", "guest", "1")

Unlike under software emulation, QEMU finishes the removal of a CPU here.
"""

import pathlib
import shlex

import image
from channel import Result, Shell, wait_until
from libvirt_host import LIBVIRTD_CONF, QEMU_CONF
from machine import PORT, SHELL_PORT, Machine
from nested import Host

LIBVIRT = f"{image.LIBRARIES}/libvirt/connection-driver/libvirt_driver_qemu.so"
QEMU_MODULES = ("accel-tcg-x86_64.so", "accel-tcg-i386.so")  # libvirt asks QEMU about TCG as well
CMDLINE = "console=ttyS0 panic=-1 no_timer_check"


class VirshHost(Host):
    """L1 with a running libvirtd; without a script of their own, the inner guests serve a shell."""

    def __init__(self, inner_programs=("cpuctl-agent", "chrt"), programs=(), files=None, script="",
                 **shape):
        files = {**(files or {}),
                 "/etc/libvirt/qemu.conf": QEMU_CONF, "/etc/libvirt/libvirtd.conf": LIBVIRTD_CONF,
                 # libvirt wants its user even where the configuration names another.
                 "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\n"
                                "libvirt-qemu:x:64055:64055::/var/lib/libvirt:/bin/false\n",
                 "/etc/group": "root:x:0:\nkvm:x:104:\nlibvirt-qemu:x:64055:\n"}
        # What `virsh edit` checks a definition by are the schemas.
        for pattern in ("cpu_map/*.xml", "schemas/*.rng"):
            files.update({str(path): path for path in pathlib.Path("/usr/share/libvirt").glob(pattern)})
        modules = tuple(f"{image.LIBRARIES}/qemu/{name}" for name in QEMU_MODULES)
        super().__init__(served=not script, script=script, peer=True, files=files,
                         inner_programs=inner_programs,
                         programs=("libvirtd", "virtlogd", "virsh", LIBVIRT, *modules, *programs),
                         **shape)

    def wait_for_boot(self, timeout=180):
        super().wait_for_boot(timeout)
        self.sh("mkdir -p /var/lib/libvirt /var/cache/libvirt /var/log/libvirt; virtlogd -d")
        self.start_daemon()

    def start_daemon(self):
        """Start libvirtd; it finds the domains again that one before it has started."""
        self.sh("(libvirtd </dev/null >>/tmp/libvirtd.log 2>&1 &)")
        wait_until(lambda: self.virsh("uri").status == 0, "libvirtd to answer", 300, 0.5)

    def virsh(self, *words, timeout=240):
        """Run virsh in L1: Result(status, out, err), all that it printed."""
        done = self.run(f"LC_ALL=C virsh -c qemu:///system {shlex.join(words)}", timeout)
        return Result(done.status, done.out.decode(), done.err.decode())

    def exact(self, words):
        return self.virsh(*words)

    def domain(self, template):
        return InnerDomain(self, template)

    def report(self):
        log = self.run("tail -n 20 /tmp/libvirtd.log /var/log/libvirt/qemu/*.log").out
        return f"{super().report()}\n--- libvirtd's log:\n{log.decode(errors='replace')}"


class InnerDomain(Machine):
    """The domain "guest" of `template` (see libvirt_host.Domain), with KVM; started by `with`."""

    def __init__(self, host, template):
        self.host, self.template = host, template

    def __enter__(self):
        self.host.write_file("/tmp/domain.xml", self.template.format(
            type="kvm", cpu="host-passthrough", kernel="/vmlinuz", initramfs="/initrd",
            cmdline=CMDLINE, folder="/tmp", port=PORT, shell=SHELL_PORT))
        self.must("define", "/tmp/domain.xml")
        self.must("start", "guest")
        self.shell = Shell(self.host.inner_path("shell"))
        self.host.relay("shell")
        wait_until(lambda: b"guest-init: ready" in self.console_log(), "the guest to boot", 240, 1)
        return self

    def __exit__(self, *_):
        self.host.virsh("destroy", "guest")
        self.host.virsh("undefine", "guest")
        self.host.end_relay("shell")
        self.shell.stream.close()

    def console_log(self):
        return self.host.run("cat /tmp/console").out

    def start_agent(self, name, arguments=""):
        super().start_agent(name, arguments)
        ping = ("qemu-agent-command", "guest", '{"execute":"guest-ping"}')
        wait_until(lambda: self.host.virsh(*ping).status == 0, "the agent to answer", 60, 0.5)

    def must(self, *words):
        """A virsh command that must succeed; its output."""
        done = self.host.virsh(*words)
        assert done.status == 0, (words, done)
        return done.out
