# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real libvirtd of the test's own, and guests (domains) that it starts under TCG.

libvirtd, virtlogd and their guests live in mount, network and process namespaces of their own,
with private folders in the place of libvirt's, so a libvirtd of the host is neither seen nor
disturbed, and ending the first process of the namespace ends them all. It takes root.
"""

import atexit
import functools
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import image
from channel import Result, wait_until
from guest import CMDLINE
from machine import PORT, SHELL_PORT, Failed, Machine

# libvirt's folders as a root daemon. None of them can be set in its configuration.
FOLDERS = ("/etc/libvirt", "/run", "/var/lib/libvirt", "/var/log/libvirt", "/var/cache/libvirt")

QEMU_CONF = """\
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
cgroup_controllers = []
namespaces = []
"""

LIBVIRTD_CONF = """\
unix_sock_group = "root"
auth_unix_ro = "none"
auth_unix_rw = "none"
log_outputs = "3:stderr"
"""

DOMAIN = """\
<domain type='qemu'>
  <name>{name}</name>
  <memory unit='MiB'>{memory}</memory>
  <vcpu placement='static' current='{cpus}'>{maxcpus}</vcpu>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <kernel>{kernel}</kernel>
    <initrd>{initramfs}</initrd>
    <cmdline>{cmdline}</cmdline>
  </os>
  <features><acpi/></features>
  <cpu mode='maximum'/>
  <on_reboot>destroy</on_reboot>
  <devices>
    <serial type='file'><source path='{folder}/console'/><target port='0'/></serial>
    <channel type='unix'><target type='virtio' name='{port}'/></channel>
    <channel type='unix'>
      <source mode='bind' path='{folder}/shell'/>
      <target type='virtio' name='{shell}'/>
    </channel>
    <memballoon model='none'/>
  </devices>
</domain>
"""


class Libvirt:
    """libvirtd in its namespaces; virsh() runs virsh in them."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cpuctl-libvirt."))
        self.process = None
        self.log = self.folder / "libvirtd.log"

    def start(self):
        if os.geteuid() != 0:
            raise RuntimeError("libvirtd's namespaces take root")
        binds = []
        for path in FOLDERS:
            private = self.folder / path.strip("/").replace("/", "-")
            private.mkdir()
            # The host may lack a folder of libvirt's only if libvirt is not installed.
            binds.append(f"mount --bind {private} {path}")
        (self.folder / "etc-libvirt/qemu.conf").write_text(QEMU_CONF)
        (self.folder / "etc-libvirt/libvirtd.conf").write_text(LIBVIRTD_CONF)
        # The network namespace's own /sys. The shell stays as process 1, to reap what libvirt
        # daemonizes: libvirt waits until a guest's process id is gone.
        script = "\n".join(["set -e", *binds, "mount -t sysfs sysfs /sys",
                            "/usr/sbin/virtlogd --daemon",
                            "while :; do /usr/sbin/libvirtd || :; done"])
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", "unshare", "--mount", "--net", "--pid",
                 "--fork", "--kill-child", "--mount-proc", "bash", "-c", script],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        atexit.register(self.close)
        wait_until(self.answers, "libvirtd to answer", 60, 0.2)

    def answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"libvirtd ended: {self.log.read_text(errors='replace')}")
        try:
            return self.virsh("uri").status == 0
        except (IndexError, FileNotFoundError):
            return False  # the namespaces are not set up yet

    def leader(self):
        """The process id, as the host has it, of the namespaces' first process."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return children.read_text().split()[0]

    def start_virsh(self, *words, options=("-q",)):
        """virsh as a running process."""
        inside = ["nsenter", "-t", self.leader(), "--mount", "--net", "--pid", "--"]
        return subprocess.Popen(
            inside + ["virsh", *options, "-c", "qemu:///system", *map(str, words)], text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=dict(os.environ, LC_ALL="C"))

    def exact(self, words, options=(), timeout=60):
        """Run virsh, by default without -q: Result(status, out, err), all that it printed."""
        with self.start_virsh(*words, options=options) as process:
            try:
                out, err = process.communicate(timeout=timeout)
            except BaseException:
                process.kill()
                raise
        return Result(process.returncode, out, err)

    def virsh(self, *words, timeout=60):
        """Run virsh -q: Result(status, out, err), as text without line ends at the end."""
        status, out, err = self.exact(words, ("-q",), timeout)
        return Result(status, out.rstrip("\n"), err.rstrip("\n"))

    def must(self, *words):
        """A virsh command that must succeed; its output."""
        result = self.virsh(*words)
        if result.status != 0:
            raise Failed("virsh " + " ".join(map(str, words)), result)
        return result.out

    def kill_daemon(self):
        """Kill libvirtd, as a crash would; guests go on, and a new libvirtd finds them."""
        number = (self.folder / "run/libvirtd.pid").read_text().strip()
        subprocess.run(["nsenter", "-t", self.leader(), "--mount", "--pid", "--",
                        "kill", "-KILL", number], stdin=subprocess.DEVNULL, check=True)
        wait_until(lambda: self.virsh("uri").status == 0, "libvirtd to come back", 60, 0.2)

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


@functools.lru_cache(maxsize=None)
def libvirt():
    """The one libvirtd of this test program, started when first asked for."""
    daemon = Libvirt()
    daemon.start()
    return daemon


class Domain(Machine):
    """A guest that libvirt starts. It has CPUs 0 to cpus - 1, and can have maxcpus."""

    host = staticmethod(libvirt)  # who defines and starts it

    def __init__(self, name="guest", cpus=1, maxcpus=4, memory=256, cmdline="", programs=(),
                 files=None, modules=(), template=None):
        """template: a file to take in DOMAIN's place, for a domain of another shape."""
        self.template = template.read_text(encoding="utf-8") if template else DOMAIN
        self.name, self.cpus_at_start, self.maxcpus = name, cpus, maxcpus
        self.memory, self.cmdline = memory, f"{CMDLINE} {cmdline}"
        self.contents = {"programs": programs, "files": files, "modules": modules}
        self.libvirt = None
        self.folder = None

    def __enter__(self):
        self.libvirt = self.host()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="domain.", dir=self.libvirt.folder))
        self.console = self.folder / "console"
        self.shell_path = self.folder / "shell"
        image.build(self.folder / "initramfs", image.Kernel(), **self.contents)
        try:
            self.libvirt.must("define", self.definition(self.template))
            self.boot()
        except BaseException as error:
            error.add_note(self.report())
            self.close()
            raise
        return self

    @staticmethod
    def host():
        """What starts it: Libvirt, or something of the same methods."""
        return libvirt()

    def definition(self, template):
        """The file with the domain XML that `template` gives for this domain."""
        xml = self.folder / "domain.xml"
        xml.write_text(template.format(
            type="qemu", cpu="maximum", name=self.name, cpus=self.cpus_at_start,
            maxcpus=self.maxcpus, memory=self.memory, kernel=image.Kernel().vmlinuz,
            initramfs=self.folder / "initramfs", cmdline=self.cmdline, folder=self.folder,
            port=PORT, shell=SHELL_PORT))
        return xml

    def boot(self):
        """Start the defined domain, and wait until its shell answers."""
        self.console.unlink(missing_ok=True)
        self.agent_name = None
        self.must("start")
        self.wait_for_boot()

    def __exit__(self, *_):
        self.close()

    def virsh(self, command, *words, timeout=60):
        """virsh COMMAND this-domain WORDS…: Result(status, out, err)."""
        return self.libvirt.virsh(command, self.name, *words, timeout=timeout)

    def start_virsh(self, command, *words):
        """The same as a running process."""
        return self.libvirt.start_virsh(command, self.name, *words)

    def must(self, command, *words):
        """The same for a command that must succeed; its output."""
        return self.libvirt.must(command, self.name, *words)

    def check_alive(self):
        if self.must("domstate") != "running":
            raise RuntimeError("the domain is not running")

    def crashed(self):
        state = self.virsh("domstate", "--reason").out
        return f"the domain is {state}" if "crashed" in state else ""

    def agent_connected(self):
        """Whether libvirt sees that the guest has the agent's port open."""
        xml = self.must("dumpxml")
        channel = xml.partition("<channel")[2].partition("</channel>")[0]
        return "state='connected'" in channel

    def start_agent(self, name, arguments=""):
        super().start_agent(name, arguments)
        wait_until(self.agent_connected, "libvirt to see the agent", 10, 0.1)

    def close(self):
        self.libvirt.virsh("destroy", self.name)
        self.libvirt.virsh("undefine", self.name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def report(self):
        log = self.libvirt.log.read_text(errors="replace").splitlines()[-20:]
        return "\n".join([super().report(), "--- libvirtd's log:"] + log)
