# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/run: timeout=900
"""vCPUs come and go in stock Linux: over cpuvmm's QMP, with cpuctl-agent in the guest."""

from case import same
from channel import Agent, Qmp, wait_until
from nested import host

# Says which CPUs there are, whenever that changes. When CPU 1 comes back after all were gone, it
# fills two CPUs' bandwidth with deadline tasks, until CPU 2 comes too: Linux can not give CPU 1
# away meanwhile (EBUSY, kernel/sched/deadline.c, dl_cpu_busy).
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
    "start online 0-3 present 0-3")
        phase=all
        ;;
    "all online 0 present 0")
        phase=gone
        ;;
    "gone online 0-1 present 0-1")
        phase=filled
        fill
        first=$!
        fill
        sleep 0.5
        kill -0 $first $! && echo "cpus filled"
        ;;
    "filled online 0-2 present 0-2")
        phase=free
        kill $first $!
        wait $first $!
        dmesg | grep -E "ACPI (Warning|Error|BIOS)|firmware bug" | sed 's/^/complaint: /'
        echo "cpus free"
        ;;
    esac
    sleep 0.1
done
"""

SHAPE = {"programs": ("socat",), "script": SCRIPT, "inner_programs": ("chrt",),
         "inner_modules": ("virtio_pci", "virtio_console")}

# Sources of _OST, the device check of an added CPU and a removal, and statuses (ACPI 6.5, 6.3.5).
CHECK, EJECT = 1, 3
DONE, BUSY, IN_PROGRESS = 0, 0x82, 0x84


def console(machine):
    return machine.read_file("/tmp/console").decode(errors="replace").splitlines()


def wait_said(machine, words, times=1):
    """Wait until the inner guest has said `words` about its CPUs so often."""
    wait_until(lambda: [line.strip() for line in console(machine)].count(f"cpus {words}") >= times,
               f"'cpus {words}' in the inner guest", 60, 0.3)


def answered(qmp, cpu, source, status):
    """The guest's next _OST must be this; of a CPU that is gone it has no name."""
    name = {} if (source, status) == (EJECT, DONE) else {"device": f"cpu{cpu}"}
    same(qmp.wait_event("ACPI_DEVICE_OST")["info"],
         {"slot": str(cpu), "slot-type": "CPU", "source": source, "status": status, **name})


def add(machine, qmp, cpu, times=1):
    """device_add, until the guest says for so many a time that it has the CPU, online."""
    entry, = (entry for entry in qmp.execute("query-hotpluggable-cpus")
              if entry["props"]["socket-id"] == cpu)
    assert "qom-path" not in entry, entry
    qmp.execute("device_add", driver=entry["type"], id=f"cpu{cpu}", **entry["props"])
    answered(qmp, cpu, CHECK, DONE)
    wait_said(machine, f"online 0-{cpu} present 0-{cpu}", times)


def remove(qmp, cpu, outcome=DONE):
    """device_del, and the guest's two answers."""
    qmp.execute("device_del", id=f"cpu{cpu}")
    answered(qmp, cpu, EJECT, IN_PROGRESS)
    if outcome == DONE:
        same(qmp.wait_event("DEVICE_DELETED"),
             {"device": f"cpu{cpu}", "path": f"/machine/peripheral/cpu{cpu}"})
    answered(qmp, cpu, EJECT, outcome)


def present(qmp):
    return {cpu["cpu-index"] for cpu in qmp.execute("query-cpus-fast")}


def asked(qmp, cpu):
    """What was asked of the guest about a CPU, how far that has come, and what it answered."""
    entry = qmp.execute("__org.cpuctl_query-vcpus")[cpu]
    return entry["request"], entry["phase"], entry.get("ost", {}).get("status-text")


def come_and_go(machine, qmp, agent):
    for cpu in (1, 2, 3):
        add(machine, qmp, cpu)
    same(agent.vcpus(), dict.fromkeys(range(4), True))
    same(present(qmp), {0, 1, 2, 3})
    same(asked(qmp, 0), ("none", "none", None))
    same(asked(qmp, 3), ("insertion", "done", "success"))
    for cpu in (3, 2, 1):
        remove(qmp, cpu)
    wait_said(machine, "online 0 present 0", 2)
    same(agent.vcpus(), {0: True})
    same(present(qmp), {0})
    same(asked(qmp, 3), ("removal", "done", "success"))


def reconnect(machine, agent):
    """The agent's client goes in the middle of a request, and comes back, a few times."""
    for _ in range(3):
        agent.send(b'{"execute": "guest-get-')
        machine.end_relay("agent")
        agent.reconnect()
        machine.relay("agent")
        agent.sync(30)
    same(agent.vcpus(), {0: True})


def refuse(machine, qmp, agent):
    add(machine, qmp, 1)
    wait_said(machine, "filled")
    remove(qmp, 1, BUSY)
    error = qmp.wait_event("DEVICE_UNPLUG_GUEST_ERROR")
    print(f"# {error}", flush=True)
    same((error["device"], error["path"]), ("cpu1", "/machine/peripheral/cpu1"))
    same(asked(qmp, 1), ("removal", "rejected", "the device is busy"))
    same((error["__org.cpuctl_source"], error["__org.cpuctl_status"]), (EJECT, BUSY))
    same(agent.vcpus(), {0: True, 1: True})
    same(present(qmp), {0, 1})
    add(machine, qmp, 2, 2)
    wait_said(machine, "free")
    for cpu in (1, 2):
        remove(qmp, cpu)
    same(agent.vcpus(), {0: True})


@host(timeout=300, **SHAPE)
def test_cpus_come_go_and_are_refused(machine):
    # The kernel's messages would come amid the script's lines.
    machine.start("--memory 256M --smp 1,maxcpus=4,sockets=4 --qmp unix:/tmp/qmp "
                  "--agent unix:/tmp/agent", "loglevel=3")
    qmp = Qmp(machine.inner_path("qmp"), lambda: machine.relay("qmp"))
    agent = Agent(machine.inner_path("agent"))
    machine.relay("agent")
    same(qmp.wait_event("VSERPORT_CHANGE", 90), {"id": "org.qemu.guest_agent.0", "open": True})
    agent.sync(30)
    same(agent.vcpus(), {0: True})
    try:
        come_and_go(machine, qmp, agent)
        reconnect(machine, agent)
        refuse(machine, qmp, agent)
    finally:
        print("\n".join("# " + line for line in console(machine)[-60:]), flush=True)
    same([line for line in console(machine) if "complaint:" in line], [])
    qmp.execute("quit")
    same(qmp.wait_event("SHUTDOWN"), {"guest": False, "reason": "host-qmp-quit"})
    wait_until(lambda: machine.run("cat /tmp/vmm.status").out == b"0\n", "cpuvmm to end with 0", 20)
    same(machine.read_file("/tmp/vmm.log"), b"")
