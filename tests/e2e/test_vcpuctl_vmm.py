# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/run: timeout=900
"""vcpuctl beside cpuvmm, with stock Linux: coordinated changes, refusals and what is put back then, time that
runs out, a VMM that dies, two operators."""

import json

from case import same
from channel import wait_until
from machine import PORT
from nested import host
from tool import PROGRAM

# Says which CPUs there are, whenever that changes. When CPU 1 comes back after all were gone, two
# deadline tasks fill two CPUs' bandwidth, so that Linux can not give CPU 1 away (EBUSY,
# kernel/sched/deadline.c, dl_cpu_busy()), until CPU 2 alone is offline.
SCRIPT = """
fill() {
    chrt -d --sched-runtime 700000000 --sched-deadline 1000000000 --sched-period 1000000000 \
        0 sleep 1000 &
}

cpuctl-agent &
last=
phase=start
while :; do
    now="online $(cat /sys/devices/system/cpu/online) present $(cat /sys/devices/system/cpu/present)"
    [ "$now" = "$last" ] || echo "cpus $now"
    last=$now
    case "$phase $now" in
    "start online 0-3 present 0-3") phase=all;;
    "all online 0 present 0") phase=gone;;
    "gone online 0-1 present 0-1")
        phase=filled
        fill
        first=$!
        fill
        sleep 0.5
        kill -0 $first $! && echo "cpus filled"
        ;;
    "filled online 0-1,3 present 0-3")
        phase=free
        kill $first $!
        wait $first $!
        echo "cpus free"
        ;;
    esac
    sleep 0.1
done
"""

SHAPE = {"programs": (PROGRAM,), "script": SCRIPT, "inner_programs": ("chrt",),
         "inner_modules": ("virtio_pci", "virtio_console")}
START = "--memory 256M --smp 1,maxcpus=4,sockets=4 --qmp unix:/tmp/qmp --agent unix:/tmp/agent"


class Tool:
    """vcpuctl in L1."""

    def __init__(self, machine, sockets="--qmp /tmp/qmp --agent /tmp/agent"):
        self.machine, self.sockets = machine, sockets

    def run(self, words, options="", timeout=90):
        command, _, rest = words.partition(" ")
        done = self.machine.run(f"vcpuctl {self.sockets} {options} {command} vm {rest}", timeout=timeout)
        return done.status, done.out.decode(), done.err.decode()

    def must(self, words, options=""):
        status, out, err = self.run(words, options)
        if status:
            raise AssertionError(f"vcpuctl {words}: {status}\n{out}{err}")
        return out

    def ask(self, words):
        return json.loads(self.must(words, "--json"))

    def set(self, count, wanted=0, more=""):
        """setvcpus COUNT; what it says about each vCPU, and its error."""
        status, out, err = self.run(f"setvcpus {count} --timeout 60 {more}", "--json")
        print(f"# setvcpus {count} {more}: {status} {out.strip()} {err.strip()}", flush=True)
        same(status, wanted)
        value = json.loads(out)
        return {vcpu["vcpu"]: vcpu["result"] for vcpu in value["vcpus"]}, value.get("error", "")

    def truth(self):
        """{vcpu: (plugged, present, online, note)}."""
        return {v["vcpu"]: (v["plugged"], v.get("present"), v.get("online"), v.get("note"))
                for v in self.ask("status")["vcpus"]}


def counts(n):
    """truth() of n CPUs that are all as they should be."""
    return {cpu: (cpu < n,) * 3 + (None,) for cpu in range(4)}


def wait_said(machine, words, times=1):
    """Wait until the inner guest has said `words` about its CPUs so often."""
    def said():
        lines = machine.read_file("/tmp/console").decode(errors="replace").splitlines()
        return [line.strip() for line in lines].count(f"cpus {words}") >= times
    wait_until(said, f"'cpus {words}' in the inner guest", 60, 0.3)


def boot(machine):
    # The kernel's messages would come amid the script's lines.
    machine.start(START, "loglevel=3")
    wait_said(machine, "online 0 present 0")
    tool = Tool(machine)
    wait_until(lambda: tool.run("vcpucount --guest")[0] == 0, "the agent", 60, 1)
    return tool


def come_and_go(machine, tool):
    same(tool.set(4), ({1: "online", 2: "online", 3: "online"}, ""))
    wait_said(machine, "online 0-3 present 0-3")
    same(tool.truth(), counts(4))
    same(tool.must("vcpucount"), "maximum      live           4\ncurrent      live           4\n\n")
    same(tool.set(1), ({3: "removed", 2: "removed", 1: "removed"}, ""))
    same(tool.truth(), counts(1))
    wait_said(machine, "online 0 present 0", 2)


def refuse(machine, tool):
    tool.set(2)
    wait_said(machine, "filled")
    result, error = tool.set(1, 1)
    same(result, {1: "refused"})
    assert "the guest can't take offline CPU 1" in error and "deadline" in error.lower(), error
    same(tool.truth(), counts(2))
    # By ACPI alone it is the kernel that refuses.
    alone = Tool(machine, "--qmp /tmp/qmp")
    result, error = alone.set(1, 1)
    same(result, {1: "refused"})
    assert "can't be unplugged: the guest answered 'the device is busy'" in error, error
    note = tool.truth()[1]
    same(note[:3], (True, True, True))
    assert "refused" in note[3], note
    for operator, said, back in ((tool, "can't take offline CPU 1", "untouched"), (alone, "is busy", "put back")):
        some_can_go(machine, tool, operator, said, back)
    # The sign for the tasks to end.
    same(tool.set(4)[1], "")
    tool.must("guestvcpus 2 --disable")
    wait_said(machine, "free")
    # What a deadline task has reserved is free only a while after its end.
    wait_until(lambda: tool.run("setvcpus 1 --timeout 60")[0] == 0, "the CPUs to go", 60, 1)
    same(tool.truth(), counts(1))


def some_can_go(machine, tool, operator, said, back):
    """CPUs 3 and 2 can go, and CPU 1 can't: they are put back, or with --keep-partial they are not."""
    same(tool.set(4)[1], "")
    result, error = operator.set(1, 64 if back == "put back" else 1)
    same(result, {3: back, 2: back, 1: "refused"})
    assert said in error, error
    # Without the agent's help the guest brings them online in its own time.
    wait_until(lambda: all(row[:3] == (True,) * 3 for row in tool.truth().values()), "all CPUs again", 60, 1)
    result, error = operator.set(1, 64, "--keep-partial")
    same(result, {3: "removed", 2: "removed", 1: "refused"})
    assert said in error, error
    same({cpu: row[:3] for cpu, row in tool.truth().items()}, {cpu: (cpu < 2,) * 3 for cpu in range(4)})


def without_agent(machine, tool):
    alone = Tool(machine, "--qmp /tmp/qmp")
    same(alone.set(3)[0], {1: "plugged", 2: "plugged"})
    same(alone.set(1)[0], {2: "removed", 1: "removed"})
    same(tool.truth(), counts(1))


def time_runs_out(tool):
    tool.set(3)
    same(tool.must("qemu-agent-command '{\"execute\":\"guest-ping\"}'"), "{\"return\":{}}\n\n")
    pause(tool.machine, "stop")
    status, out, err = tool.run("setvcpus 1 --timeout 3")
    print(f"# {status} {out} {err}")
    same(status, 64)
    assert "vCPU 2: pending: the guest has been asked to eject it and has not answered" in err, err
    assert "operation timed out" in err and "give the same command again" in err, err
    assert "removed; the guest has not taken the request" in tool.truth()[2][3], tool.truth()
    # Another mind is possible as long as the guest has not seen the request.
    same(tool.set(3, more="--no-wait"), ({}, ""))
    pause(tool.machine, "cont")
    same(tool.set(3), ({}, ""))
    same(tool.truth(), counts(3))
    pause(tool.machine, "stop")
    same(tool.run("setvcpus 1 --timeout 3")[0], 64)
    pause(tool.machine, "cont")
    same(tool.set(1)[1], "")
    same(tool.truth(), counts(1))


def pause(machine, command):
    """stop or cont, by QMP."""
    machine.sh("(echo '{\"execute\":\"qmp_capabilities\"}{\"execute\":\"%s\"}'; sleep 1) | "
               "socat -t 2 - UNIX-CONNECT:/tmp/qmp >/dev/null" % command)


def die(machine, tool):
    pause(machine, "stop")
    machine.sh("(vcpuctl --qmp /tmp/qmp setvcpus vm 4 --timeout 60 >/tmp/tool.out 2>/tmp/tool.err; "
               "echo $? >/tmp/tool.status) </dev/null >/dev/null 2>&1 &")
    wait_until(lambda: tool.ask("vcpucount")["current-live"] == 2, "a vCPU to be plugged", 30, 0.3)
    machine.sh("kill -9 $(pidof cpuvmm)")
    wait_until(lambda: machine.run("cat /tmp/tool.status").out, "vcpuctl to end", 30, 0.3)
    same(machine.sh("cat /tmp/tool.status"), "64")
    error = machine.sh("cat /tmp/tool.err")
    assert "the other side closed the connection while an event was awaited" in error, error
    status, _, err = tool.run("vcpucount")
    same(status, 1)
    assert "/tmp/qmp: Connection refused" in err, err


DOMAIN = """<domain type='kvm'>
  <name>vm</name>
  <memory unit='MiB'>256</memory>
  <vcpu current='1'>4</vcpu>
  <os>
    <type arch='x86_64'>hvm</type>
    <kernel>/vmlinuz</kernel>
    <initrd>/initrd</initrd>
    <cmdline>console=ttyS0 panic=-1 no_timer_check loglevel=3</cmdline>
  </os>
  <devices>
    <emulator>{emulator}</emulator>
    <serial type='file'><source path='/tmp/console'/></serial>
    <channel type='unix'><target type='virtio' name='{port}'/></channel>
  </devices>
</domain>
"""


def two_operators(machine):
    """Of a domain that vcpuctl runs they remove vCPUs at the same time: one waits for the other, and both get what
    they asked for."""
    machine.write_file("/tmp/vm.xml", DOMAIN.format(emulator=machine.sh("command -v cpuvmm"), port=PORT))
    machine.sh("vcpuctl define /tmp/vm.xml && vcpuctl start vm")
    tool = Tool(machine, "")
    wait_until(lambda: tool.run("vcpucount --guest")[0] == 0, "the agent", 90, 1)
    tool.set(4)
    for commands in (("setvcpu vm 3 --disable", "setvcpu vm 2 --disable"), ("setvcpus vm 1", "setvcpus vm 1")):
        first, second = (f"(vcpuctl {command} --timeout 60 2>&1; echo $?) >/tmp/operator.{number} & "
                         for number, command in enumerate(commands))
        said = machine.sh(f"{first}{second}wait; sort /tmp/operator.0 /tmp/operator.1", 200).split("\n")
        removed = [f"vCPU {cpu}: removed" for cpu in ((2, 3) if "vm 3" in commands[0] else (1,))]
        same([line for line in said if line.strip()], ["0", "0", *removed])
    same(tool.truth(), counts(1))
    tool.must("destroy")


@host(timeout=600, **{**SHAPE, "programs": (PROGRAM, "socat")})
def test_resizing_cpuvmm(machine):
    tool = boot(machine)
    try:
        come_and_go(machine, tool)
        refuse(machine, tool)
        without_agent(machine, tool)
        time_runs_out(tool)
        print("#", tool.must("status"), flush=True)
        die(machine, tool)
        two_operators(machine)
    finally:
        print(machine.sh("tail -n 40 /tmp/console | sed 's/^/# /'"), flush=True)
