# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest that the test itself starts, under QEMU's software emulation (TCG).

    with Guest(cpus=1, maxcpus=4) as guest:
        guest.start_agent("cpuctl-agent")
        guest.add_cpu()
        guest.wait_cpus({0, 1})
"""

import contextlib
import pathlib
import shutil
import signal
import subprocess
import tempfile

import image
from channel import Agent, Qmp, wait_until
from machine import PORT, SHELL_PORT, Machine

# Without no_timer_check a kernel that gets too little time at boot takes its timer for broken.
CMDLINE = "console=ttyS0 panic=-1 reboot=t loglevel=7 printk.time=1 no_timer_check"


class Guest(Machine):
    """See __init__ for the shapes a guest can have."""

    def __init__(self, cpus=1, maxcpus=4, smp=None, cpu="max", memory=256, numa=0, cmdline="",
                 machine="q35", threads="multi", qemu=(), programs=(), files=None, modules=()):
        """
        cpus, maxcpus: CPUs at start, and with those that can be added.
        smp: the whole of -smp instead ("2,maxcpus=8,sockets=2,cores=2,threads=2").
        threads: "single" emulates all CPUs in turn: kinder to many that wait for one another.
        cpu: the model; memory: in MiB; numa: number of nodes, CPUs and memory split evenly.
        cmdline: more words for the kernel's command line; qemu: more arguments for QEMU.
        programs, files, modules: what the initramfs has besides: see image.build.
        """
        self.smp = smp or f"{cpus},maxcpus={maxcpus}"
        counts = dict(part.split("=") for part in f"cpus={self.smp}".split(","))
        self.maxcpus = int(counts.get("maxcpus", counts["cpus"]))
        self.cpu, self.memory, self.numa, self.machine = cpu, memory, numa, machine
        self.threads = threads
        self.cmdline = f"{CMDLINE} {cmdline}"
        self.more = list(qemu)
        self.contents = {"programs": programs, "files": files, "modules": modules}
        self.folder = None
        self.process = None
        self.agent = None

    def __enter__(self):
        self.boot()
        return self

    def __exit__(self, *_):
        self.close()

    def boot(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cpuctl-guest."))
        try:
            kernel = self.kernel()
            self.make_images(kernel)
            self.console = self.folder / "console"
            self.shell_path = self.folder / "shell"
            with open(self.folder / "qemu.log", "wb") as log:
                # The guest dies with the test, however that ends.
                self.process = subprocess.Popen(
                    ["setpriv", "--pdeathsig", "KILL", "--"] + self.command(kernel.vmlinuz),
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            self.qmp = Qmp(self.folder / "qmp")
            self.wait_for_boot()
            self.agent = Agent(self.folder / "agent")
        except BaseException as error:
            error.add_note(self.report_start())
            self.close()
            raise

    def kernel(self):
        """The kernel to boot."""
        return image.Kernel()

    def make_images(self, kernel):
        """Write the initramfs, and whatever other image the guest has, to its folder."""
        initramfs = self.folder / "initramfs"
        image.build(initramfs, kernel, **self.contents)
        # The archive and what is unpacked from it are in memory together; the kernel lets the
        # latter have half of what there is.
        size = initramfs.stat().st_size >> 20
        if size * 2.5 + 64 > self.memory:
            raise ValueError(f"an initramfs of {size} MiB needs a guest with more memory than "
                             f"{self.memory} MiB")

    def command(self, vmlinuz):
        """QEMU's command line."""
        arguments = [
            "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot",
            "-display", "none", "-accel", f"tcg,thread={self.threads}", "-cpu", self.cpu,
            "-M", self.machine, "-m", str(self.memory), "-smp", self.smp,
            "-kernel", vmlinuz, "-initrd", self.folder / "initramfs", "-append", self.cmdline,
            "-chardev", f"file,id=console,path={self.console}", "-serial", "chardev:console",
            "-device", "virtio-serial-pci,id=ports"]
        for name in ("shell", "qmp", "agent"):
            path = self.folder / name
            arguments += ["-chardev", f"socket,id={name},path={path},server=on,wait=off"]
        arguments += [
            "-mon", "chardev=qmp,mode=control",
            "-device", f"virtserialport,bus=ports.0,chardev=agent,name={PORT},id=agentport",
            "-device", f"virtserialport,bus=ports.0,chardev=shell,name={SHELL_PORT}"]
        return [str(word) for word in arguments + self.numa_arguments() + self.more]

    def numa_arguments(self):
        arguments = []
        for node in range(self.numa):
            first = node * self.maxcpus // self.numa
            last = (node + 1) * self.maxcpus // self.numa - 1
            size = self.memory // self.numa
            arguments += ["-object", f"memory-backend-ram,id=node{node},size={size}M",
                          "-numa", f"node,nodeid={node},memdev=node{node},cpus={first}-{last}"]
        return arguments

    def check_alive(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"QEMU ended with status {self.process.returncode}")

    def crashed(self):
        with contextlib.suppress(subprocess.TimeoutExpired):
            # Its sockets end before it does.
            self.process.wait(2)
        faults = {-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGILL}
        status = self.process.returncode
        if status not in faults:
            return ""
        said = (self.folder / "qemu.log").read_text(errors="replace").splitlines()[-3:]
        return "\n".join([f"QEMU ended by {signal.Signals(-status).name}"] + said)

    def possible_cpus(self):
        """query-hotpluggable-cpus, in the order in which CPUs are numbered."""
        return list(reversed(self.qmp.execute("query-hotpluggable-cpus")))

    def add_cpu(self, slot=None):
        """Hot-add a CPU as the host does (device_add): the lowest free one, or that slot."""
        slots = self.possible_cpus()
        if slot is None:
            slot = next(i for i, cpu in enumerate(slots) if "qom-path" not in cpu)
        self.qmp.execute("device_add", driver=slots[slot]["type"], id=f"cpu-{slot}",
                         **slots[slot]["props"])
        return slot

    def del_cpu(self, slot):
        """Ask the guest to give a hot-added CPU back (device_del). TCG never reports the end."""
        self.qmp.execute("device_del", id=f"cpu-{slot}")

    def start_agent(self, name, arguments="", wait=True):
        super().start_agent(name, arguments)
        if wait:
            self.agent.sync()

    def unplug_agent_port(self):
        self.qmp.execute("device_del", id="agentport")
        wait_until(lambda: self.run(f"grep -qx {PORT} /sys/class/virtio-ports/*/name").status,
                   "the port to go")

    def plug_agent_port(self):
        self.qmp.execute("device_add", driver="virtserialport", bus="ports.0", chardev="agent",
                         name=PORT, id="agentport")

    def agent_port_open(self):
        """Whether the guest has the agent's port open, as the host sees it."""
        chardevs = self.qmp.execute("query-chardev")
        return next(c["frontend-open"] for c in chardevs if c["label"] == "agent")

    def report_start(self):
        log = self.folder / "qemu.log"
        said = log.read_text(errors="replace") if log.exists() else ""
        tail = self.console_log().decode(errors="replace")[-4000:] if self.process else ""
        return f"--- QEMU said:\n{said}--- the guest's console:\n{tail}"

    def close(self):
        """End the guest and remove its files."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)
