# SPDX-License-Identifier: LGPL-2.1-or-later
"""An inner guest with a shell: `machine` is a Host of nested.py, made with served=True.

    with Inner(machine) as inner:
        inner.add_cpu(1)
        inner.wait_cpus({0, 1}, "present")

The same with QEMU as the VMM, for comparisons: Inner(machine, "q35") of a Host with peer=True.
"""

from channel import Qmp, Shell, wait_until
from machine import PORT, SHELL_PORT, Machine

CMDLINE = "console=ttyS0 panic=-1 no_timer_check"

CPUVMM = ("cpuvmm --kernel /vmlinuz --initrd /initrd --serial file:/tmp/console --append '{append}' "
          "--memory {memory}M --smp {smp} --qmp unix:/tmp/qmp --agent unix:/tmp/agent "
          f"--console {SHELL_PORT}=unix:/tmp/shell")
QEMU = ("qemu-system-x86_64 -nodefaults -no-user-config -display none -accel kvm -cpu host "
        "-M {vmm} -kernel /vmlinuz -initrd /initrd -append '{append}' -m {memory} -smp {smp} "
        "-chardev file,id=console,path=/tmp/console -serial chardev:console "
        "-chardev socket,id=qmp,path=/tmp/qmp,server=on,wait=off -mon chardev=qmp,mode=control "
        "-device virtio-serial-pci,id=ports "
        "-chardev socket,id=agent,path=/tmp/agent,server=on,wait=off "
        f"-device virtserialport,bus=ports.0,chardev=agent,name={PORT} "
        "-chardev socket,id=shell,path=/tmp/shell,server=on,wait=off "
        f"-device virtserialport,bus=ports.0,chardev=shell,name={SHELL_PORT}")


def own_memory(host, pid):
    """Resident memory of the VMM `pid` in L1, in KiB, beyond its guest's RAM: that is the largest
    mapping."""
    return int(host.sh(
        "awk '/^[0-9a-f]+-/ { size = 0 } /^Size:/ { size = $2 } "
        "/^Rss:/ { all += $2; if (size > most) { most = size; ram = $2 } } "
        f"END {{ print all - ram }}' /proc/{pid}/smaps"))


class Inner(Machine):
    """A Machine that a VMM in `host` runs."""

    def __init__(self, host, vmm="cpuvmm", smp="1,maxcpus=4,sockets=4", memory=256, cmdline="",
                 arguments=""):
        """vmm: "cpuvmm", or the machine of a QEMU; arguments: more of them for the VMM."""
        self.host = host
        template = CPUVMM if vmm == "cpuvmm" else QEMU
        self.command = template.format(vmm=vmm, append=f"{CMDLINE} {cmdline}".strip(), smp=smp,
                                       memory=memory) + f" {arguments}".rstrip()
        self.qmp = self.shell = None

    def __enter__(self):
        self.host.sh("rm -f /tmp/qmp /tmp/agent /tmp/shell /tmp/console /tmp/vmm.*")
        self.host.write_file("/tmp/vmm.sh", f"{self.command} </dev/null >/tmp/vmm.log 2>&1 &\n"
                             "echo $! >/tmp/vmm.pid\nwait $!\necho $? >/tmp/vmm.status\n")
        self.host.sh("sh /tmp/vmm.sh >/dev/null 2>&1 & until [ -S /tmp/qmp ] && [ -S /tmp/shell ] "
                     "|| [ -s /tmp/vmm.status ]; do sleep 0.1; done")
        try:
            self.qmp = Qmp(self.host.inner_path("qmp"), lambda: self.host.relay("qmp"))
            self.shell = Shell(self.host.inner_path("shell"))
            self.host.relay("shell")
            self.wait_booted()
        except BaseException as error:
            error.add_note(self.said())
            self.close()
            raise
        return self

    def __exit__(self, kind, value, _):
        if value is not None:
            value.add_note(self.said())
        self.close()

    def wait_booted(self, times=1, timeout=300):
        """Wait until the guest has come up so many times."""
        self.host.sh("until [ $(grep -c 'guest-init: ready' /tmp/console) -ge "
                     f"{times} ] || [ -s /tmp/vmm.status ]; do sleep 0.2; done", timeout)
        if self.host.run("test -s /tmp/vmm.status").status == 0:
            raise RuntimeError("the VMM has ended")

    def console_log(self):
        return self.host.read_file("/tmp/console")

    def said(self):
        """What to show when something failed."""
        log = self.host.run("cat /tmp/vmm.log; tail -n 40 /tmp/console").out
        return f"--- the VMM and the inner guest's console:\n{log.decode(errors='replace')}"

    def pid(self):
        """The VMM's, in L1."""
        return int(self.host.sh("cat /tmp/vmm.pid"))

    def own_memory(self):
        """See own_memory()."""
        return own_memory(self.host, self.pid())

    def wait_end(self, timeout=60):
        """Wait until the VMM has ended; its exit status."""
        wait_until(lambda: self.host.run("test -s /tmp/vmm.status").status == 0, "the VMM to end",
                   timeout, 0.2)
        return int(self.host.sh("cat /tmp/vmm.status"))

    def apic_ids(self):
        """Those of the online CPUs, as the guest has them."""
        return list(map(int, self.sh("sed -n 's/^apicid.*: //p' /proc/cpuinfo").split()))

    def close(self):
        self.host.run("test -s /tmp/vmm.status || kill $(cat /tmp/vmm.pid); "
                      "until [ -s /tmp/vmm.status ]; do sleep 0.05; done")
        for name, client in (("qmp", self.qmp and self.qmp.stream),
                             ("shell", self.shell and self.shell.stream)):
            self.host.end_relay(name)
            if client:
                client.close()

    def possible_cpus(self):
        """query-hotpluggable-cpus, in the order in which CPUs are numbered."""
        found = self.qmp.execute("query-hotpluggable-cpus")
        return sorted(found, key=lambda cpu: [cpu["props"].get(part, 0) for part in (
            "socket-id", "die-id", "core-id", "thread-id")])

    def present(self):
        """The CPUs that the VMM says are plugged."""
        return {number for number, cpu in enumerate(self.possible_cpus()) if "qom-path" in cpu}

    def add_cpu(self, cpu):
        """device_add of CPU number `cpu`, with the id "cpuN"."""
        entry = self.possible_cpus()[cpu]
        self.qmp.execute("device_add", driver=entry["type"], id=f"cpu{cpu}", **entry["props"])

    def del_cpu(self, cpu):
        """device_del; DEVICE_DELETED says when it is done."""
        self.qmp.execute("device_del", id=f"cpu{cpu}")
