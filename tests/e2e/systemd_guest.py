# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest that runs a small Debian with systemd and udev, and takes our packages.

Its root file system is on a disk (scripts/guest-image) that is thrown away afterwards; a second
one, mounted on /mnt, has our packages (scripts/package) and Debian's qemu-guest-agent, and in
/mnt/host vcpuctl with its libraries.
"""

import functools
import json
import os
import pathlib
import re
import shutil
import subprocess

import case
import image
from channel import Agent, Hung, Shell, wait_until
from guest import Guest
from tool import PROGRAM

AGENT = "cpuctl-agent.service"
STOCK = "qemu-guest-agent.service"


def run_script(name, *arguments):
    done = subprocess.run([image.TOP / "scripts" / name, *arguments], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, check=True, text=True)
    return done.stdout.strip()


@functools.lru_cache(maxsize=None)
def our_packages():
    """The folder with our .debs: $CPUCTL_PACKAGES, or they are built."""
    if "CPUCTL_PACKAGES" in os.environ:
        return pathlib.Path(os.environ["CPUCTL_PACKAGES"])
    folder = image.BUILD / "dist"
    run_script("package", folder)
    return folder


@functools.lru_cache(maxsize=None)
def debian():
    return pathlib.Path(run_script("guest-image"))


class SystemdGuest(Guest):
    """Nothing of ours is installed at first; `install` and `remove` take names of packages."""

    def __init__(self, cpus=2, maxcpus=4, cpu="qemu64,-svm", memory=512, cmdline="", **shape):
        # A plain CPU: with each feature of a newer one udev would load modules.
        super().__init__(cpus=cpus, maxcpus=maxcpus, cpu=cpu, memory=memory,
                         cmdline=f"systemd.show_status=0 mitigations=off {cmdline}", **shape)

    def make_images(self, kernel):
        image.build_root_loader(self.folder / "initramfs", kernel)
        packages = self.folder / "packages"
        packages.mkdir()
        for source in (our_packages(), debian() / "packages"):
            for package in source.glob("*.deb"):
                if "-dbgsym_" not in package.name:
                    shutil.copy(package, packages)
        host = packages / "host"
        host.mkdir()
        for source in (PROGRAM, *image.shared_libraries(PROGRAM)):
            # The C library is the guest's own.
            if not re.match(r"(ld-linux|libc\.|libm\.)", pathlib.Path(source).name):
                shutil.copy(source, host)
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", packages, self.folder / "packages.img",
                        "96M"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True,
                       env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin"))

    def command(self, vmlinuz):
        disks = [f"file={disk},if=virtio,format=raw,snapshot=on,cache=unsafe"
                 for disk in (debian() / "root.img", self.folder / "packages.img")]
        words = [word for word in super().command(vmlinuz) if word != "-no-reboot"]
        return words + [word for disk in disks for word in ("-drive", disk)]

    def boot(self):
        super().boot()
        try:
            self.wait_for_systemd()
        except BaseException as error:
            error.add_note(self.report())
            self.close()
            raise

    def wait_for_systemd(self):
        # The shell is there before the bus that --wait would need.
        wait_until(lambda: self.run("systemctl is-system-running").out.strip() == b"running",
                   "systemd to be through with booting", 180, 0.5)
        self.sh("mount -o ro /dev/vdb /mnt")

    def reboot(self, how=None):
        """Boot anew, by how() or systemctl; what is installed stays."""
        seen = len(self.console_log())
        # The shell that answers is ended too: after its answer.
        how = how or functools.partial(self.sh, "(sleep 1; systemctl reboot) >/dev/null 2>&1 &")
        how()
        try:
            wait_until(lambda: b"guest-init: ready" in self.console_log()[seen:], "the reboot", 180)
        except TimeoutError as error:
            # From there on no process of the guest has a part in it.
            if b"Sending SIGKILL to remaining processes" in self.console_log()[seen:]:
                raise Hung(str(error)) from None
            raise
        self.shell.stream.close()
        self.shell = Shell(self.shell_path)
        self.wait_for_systemd()

    def sync(self, timeout=60):
        """Connect anew and wait until an agent answers: one that has just been started."""
        def answers():
            self.agent.close()
            self.agent = Agent(self.folder / "agent")
            try:
                self.agent.sync(2)
            except TimeoutError:
                return False
            return True
        wait_until(answers, "an agent to answer", timeout)

    def installed(self):
        """The names of the packages under test that are installed."""
        lines = self.sh("dpkg-query -W -f '${Package} ${db:Status-Status}\\n'").splitlines()
        return {line.split()[0] for line in lines if line.endswith(" installed")} & \
            {"libcpuctl0", "cpuctl", "cpuctl-agent", "qemu-guest-agent"}

    def install(self, *names):
        self.sh("dpkg -i " + " ".join(f"/mnt/{name}_*.deb" for name in names), timeout=240)

    def remove(self, *names):
        self.sh(f"dpkg --purge {' '.join(names)}", timeout=240)

    def have(self, *names):
        """Have exactly these packages of those under test installed, newly where they were not."""
        unwanted = self.installed() - set(names)
        if unwanted:
            self.remove(*unwanted)
        missing = [name for name in names if name not in self.installed()]
        if missing:
            self.install(*missing)

    def unit(self, name, field):
        """A property of a unit."""
        return self.sh(f"systemctl show --value -p {field} {name}")

    def wait_active(self, name, timeout=60):
        wait_until(lambda: self.unit(name, "ActiveState") == "active", f"{name} to run", timeout)

    def journal(self, *matches):
        """Entries of the journal, each a dictionary of fields."""
        words = " ".join(matches)
        return [json.loads(line) for line in
                self.sh(f"journalctl --no-pager -o json {words}").splitlines()]

    def agent_log(self):
        return self.sh(f"journalctl --no-pager -n 40 -u {AGENT} -u {STOCK}")


# A decorator for cases, as case.guest is.
systemd_guest = functools.partial(case.decorator, SystemdGuest)
