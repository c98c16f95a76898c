# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/run: timeout=1800
"""The packages in a guest with systemd and udev: who starts what, who has the port, and when."""

import time

from case import raises, same
from channel import CommandError, wait_until
from machine import Failed, text
from systemd_guest import AGENT, STOCK, systemd_guest

OURS = ("libcpuctl0", "cpuctl", "cpuctl-agent")
STOCK_PACKAGE = "qemu-guest-agent"
SOCKET = "/run/cpuctl/qemu-ga.sock"
CHOICE = "/var/lib/cpuctl/offline"
# Up to five CPUs are hot-added in the shared guest: adding a removed one anew crashes QEMU's TCG.
SHAPE = {"cpus": 2, "maxcpus": 8, "timeout": 400}


def commands(guest):
    """The commands that guest-info calls enabled."""
    listed = guest.agent.execute("guest-info")["supported_commands"]
    return {command["name"] for command in listed if command["enabled"]}


def is_ours(guest):
    """Whether it is our agent that answers; all but a few of its commands rest while frozen."""
    listed = guest.agent.execute("guest-info")["supported_commands"]
    return any(command["name"].startswith("__org.cpuctl_") for command in listed)


def start_by_udev(guest):
    """What the port's appearing does."""
    guest.sh("udevadm trigger --action=change --subsystem-match=virtio-ports --settle")


def have_chain(guest):
    """Both agents installed and running, ours on the port, the stock one behind it."""
    guest.have(*OURS, STOCK_PACKAGE)
    guest.wait_active(AGENT)
    guest.wait_active(STOCK)
    guest.sync()


def added_cpu(guest):
    slot = guest.add_cpu()
    wait_until(lambda: slot in guest.cpus("present"), f"CPU {slot} to be there")
    return slot


def stays_offline(guest, cpu, seconds=3):
    """Nobody brings the CPU online; a hot-added one takes udev and agent a fraction of this."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert cpu not in guest.cpus(), f"CPU {cpu} came online"
        time.sleep(0.2)


# ---- the udev rule, without the agent


@systemd_guest(**SHAPE)
def test_rule_brings_a_hot_added_cpu_online(guest):
    guest.have("libcpuctl0", "cpuctl")
    cpu = added_cpu(guest)
    wait_until(lambda: cpu in guest.cpus(), f"CPU {cpu} to come online")


@systemd_guest(**SHAPE)
def test_rule_leaves_cpus_alone_at_coldplug(guest):
    guest.have("libcpuctl0", "cpuctl")
    guest.sh("cpuctl offline 1")
    # As systemd-udev-trigger.service does at boot.
    guest.sh("udevadm trigger --type=devices --action=add --subsystem-match=cpu --settle")
    stays_offline(guest, 1)
    guest.sh("cpuctl online 1")


@systemd_guest(**SHAPE)
def test_rule_respects_the_operators_choice(guest):
    guest.have("libcpuctl0", "cpuctl")
    following = max(guest.cpus("present")) + 1
    guest.sh(f"mkdir -p /var/lib/cpuctl; echo {following} >{CHOICE}")
    same(added_cpu(guest), following)
    stays_offline(guest, following)
    guest.sh(f"cpuctl online {following}")
    same(guest.sh(f"cat {CHOICE}"), "")


# ---- our agent alone


@systemd_guest(**SHAPE)
def test_agent_is_started_by_udev_and_answers(guest):
    guest.have(*OURS)
    guest.wait_active(AGENT)
    guest.sync()
    same(guest.agent.execute("guest-ping"), {})
    assert is_ours(guest)
    # Not by a dependency of boot: where there is no port nothing is started, and nothing fails.
    same(guest.unit(AGENT, "UnitFileState"), "disabled")
    same(guest.unit(AGENT, "Type"), "notify")


@systemd_guest(**SHAPE)
def test_agent_without_a_stock_one_knows_no_foreign_commands(guest):
    guest.have(*OURS)
    guest.sync()
    assert "guest-fsfreeze-status" not in commands(guest)
    with raises(CommandError) as error:
        guest.agent.execute("guest-fsfreeze-status")
    same(error.caught.kind, "CommandNotFound")


@systemd_guest(**SHAPE)
def test_agent_changes_cpus_under_its_unit(guest):
    guest.have(*OURS)
    guest.sync()
    same(guest.agent.set_vcpus(cpu1=False), 1)
    same(guest.cpus() & {1}, set())
    same(guest.agent.set_vcpus(cpu1=True), 1)
    same(guest.cpus() & {1}, {1})


@systemd_guest(**SHAPE)
def test_changes_are_audited_in_the_journal(guest):
    guest.have(*OURS)
    guest.sync()
    guest.agent.set_vcpus(cpu1=False)
    guest.agent.set_vcpus(cpu1=True)

    def entries():
        return [(entry["ACTION"], entry["REQUESTER"], entry["RESULT"], int(entry["DURATION"]) > 0)
                for entry in guest.journal("CPU=1", f"_SYSTEMD_UNIT={AGENT}")]
    wanted = [("offline", "host", "done", True), ("online", "host", "done", True)]
    wait_until(lambda: entries()[-2:] == wanted, f"{wanted} in the journal")


@systemd_guest(**SHAPE)
def test_agent_brings_a_hot_added_cpu_online(guest):
    guest.have(*OURS)
    guest.sync()
    cpu = added_cpu(guest)
    wait_until(lambda: cpu in guest.cpus(), f"CPU {cpu} to come online")

    def requesters():
        return [entry["REQUESTER"] for entry in
                guest.journal(f"CPU={cpu}", "ACTION=online", f"_SYSTEMD_UNIT={AGENT}")]
    # The agent did it, not the rule of package cpuctl.
    wait_until(lambda: requesters() == ["hotplug"], "the agent's record of it")


@systemd_guest(**SHAPE)
def test_what_the_host_took_offline_outlives_the_service(guest):
    guest.have(*OURS)
    guest.sync()
    cpu = max(guest.cpus("present"))
    if cpu < SHAPE["cpus"]:
        cpu = added_cpu(guest)
    wait_until(lambda: cpu in guest.cpus(), f"CPU {cpu} to be online")
    same(guest.agent.set_vcpus(**{f"cpu{cpu}": False}), 1)
    same(guest.sh("stat -c %a /run/cpuctl-agent; cat /run/cpuctl-agent/host-offline").split(), ["700", str(cpu)])
    before = guest.unit(AGENT, "MainPID")
    guest.sh(f"systemctl kill -s KILL {AGENT}")
    wait_until(lambda: guest.unit(AGENT, "MainPID") not in ("0", before), "another agent")
    guest.sync()
    guest.sh(f"systemctl restart {AGENT}; systemctl stop {AGENT}; systemctl start {AGENT}")
    guest.sync()
    stays_offline(guest, cpu)
    same(guest.agent.set_vcpus(**{f"cpu{cpu}": True}), 1)
    same(guest.sh("cat /run/cpuctl-agent/host-offline"), "")


@systemd_guest(**SHAPE)
def test_rule_is_inert_beside_the_agent(guest):
    guest.have(*OURS)
    guest.sh("systemctl stop cpuctl-agent")
    cpu = added_cpu(guest)
    stays_offline(guest, cpu)
    # The sweep at the start finds it.
    guest.sh("systemctl start cpuctl-agent")
    wait_until(lambda: cpu in guest.cpus(), f"CPU {cpu} to come online")


@systemd_guest(**SHAPE)
def test_agent_is_confined(guest):
    guest.have(*OURS)
    guest.wait_active(AGENT)
    pid = guest.unit(AGENT, "MainPID")
    status = dict(line.split(":", 1) for line in
                  guest.sh(f"cat /proc/{pid}/status").splitlines())
    same(status["NoNewPrivs"].strip(), "1")
    same(status["Seccomp"].strip(), "2")
    # CAP_SYS_PTRACE (19) and CAP_SYSLOG (34), include/uapi/linux/capability.h.
    same(int(status["CapBnd"], 16), 1 << 19 | 1 << 34)
    same(int(status["CapEff"], 16), 1 << 19 | 1 << 34)
    inside = f"nsenter -t {pid} -m --"
    for path in ("/etc/x", "/var/lib/x", "/proc/sys/kernel/panic",
                 "/sys/block/vda/queue/read_ahead_kb"):
        result = guest.run(f"{inside} sh -c 'echo >>{path}'")
        assert b"Read-only file system" in result.err, f"{path}: {result}"
    assert guest.run(f"{inside} touch /tmp/x /var/tmp/x").status != 0
    guest.sh(f"{inside} sh -c 'echo 1 >/sys/devices/system/cpu/cpu1/online'")
    # The kernel's log was opened at the start, although the kernel gives it to few only.
    assert "/dev/kmsg" in guest.sh(f"readlink /proc/{pid}/fd/*").split()


@systemd_guest(**SHAPE)
def test_agent_comes_back_after_a_crash_and_a_restart(guest):
    guest.have(*OURS)
    guest.sync()
    before = guest.unit(AGENT, "MainPID")
    guest.sh(f"systemctl kill -s KILL {AGENT}")
    wait_until(lambda: guest.unit(AGENT, "MainPID") not in ("0", before), "another agent")
    guest.sync()
    guest.sh(f"systemctl restart {AGENT}")
    guest.sync()
    same(guest.agent.execute("guest-ping"), {})


@systemd_guest(**SHAPE)
def test_a_hung_agent_is_restarted_by_the_watchdog(guest):
    guest.have(*OURS)
    drop_in = f"/run/systemd/system/{AGENT}.d"
    guest.sh(f"mkdir -p {drop_in}; printf '[Service]\\nWatchdogSec=10\\n' >{drop_in}/watchdog.conf; "
             f"systemctl daemon-reload; systemctl restart {AGENT}")
    try:
        guest.sync()
        before = guest.unit(AGENT, "MainPID")
        guest.sh(f"kill -STOP {before}")
        wait_until(lambda: guest.unit(AGENT, "MainPID") not in ("0", before), "another agent", 90)
        assert any("Watchdog timeout" in entry["MESSAGE"] for entry in guest.journal("-u", AGENT))
        guest.sync()
        same(guest.agent.execute("guest-ping"), {})
    finally:
        guest.sh(f"rm -r {drop_in}; systemctl daemon-reload; systemctl restart {AGENT}")


@systemd_guest(**SHAPE)
def test_wrong_configuration_is_not_tried_again_and_again(guest):
    guest.have(*OURS)
    guest.sh("cp /etc/cpuctl/agent.conf /tmp; echo min-online = none >>/etc/cpuctl/agent.conf")
    try:
        with raises(Failed):
            guest.sh(f"systemctl restart {AGENT}")
        same(guest.unit(AGENT, "NRestarts"), "0")
        assert any("min-online" in entry["MESSAGE"] for entry in guest.journal("-u", AGENT))
    finally:
        guest.sh(f"cp /tmp/agent.conf /etc/cpuctl; systemctl restart {AGENT}")
    guest.sync()


# ---- beside Debian's qemu-guest-agent


@systemd_guest(**SHAPE)
def test_stock_agent_installed_later_is_chained(guest):
    guest.have(*OURS)
    guest.install(STOCK_PACKAGE)
    guest.wait_active(STOCK)
    assert SOCKET in guest.sh(f"cat /proc/{guest.unit(STOCK, 'MainPID')}/cmdline")
    same(guest.sh(f"stat -c %a {SOCKET.rpartition('/')[0]}"), "700")
    guest.sync()
    assert is_ours(guest)
    same(guest.agent.execute("guest-fsfreeze-status"), "thawed")


@systemd_guest(**SHAPE)
def test_a_busy_port_is_reported_with_its_holder(guest):
    have_chain(guest)
    guest.sh(f"systemctl stop {AGENT}")
    # Started by hand, without the drop-in.
    guest.sh("systemd-run --unit=holder -p KillSignal=KILL qemu-ga --method=virtio-serial "
             "--path=/dev/virtio-ports/org.qemu.guest_agent.0")
    guest.sync()
    assert not is_ours(guest)
    guest.sh(f"systemctl start --no-block {AGENT}")
    wait_until(lambda: any("qemu-ga (process" in entry["MESSAGE"]
                           for entry in guest.journal("-u", AGENT)), "the holder's name")
    guest.sh("systemctl stop holder")
    guest.wait_active(AGENT)
    guest.sync()
    assert is_ours(guest)


@systemd_guest(**SHAPE)
def test_info_is_the_union(guest):
    have_chain(guest)
    known = commands(guest)
    for name in ("guest-fsfreeze-freeze", "guest-exec", "guest-file-open", "guest-get-vcpus",
                 "__org.cpuctl_set-goal"):
        assert name in known, f"{name} is not in {sorted(known)}"


@systemd_guest(**SHAPE)
def test_both_agents_are_started_at_boot(guest):
    have_chain(guest)
    guest.reboot()
    # Nothing but the port's appearance started them; both rules have their say.
    same(guest.unit(AGENT, "ActiveState"), "active")
    same(guest.unit(STOCK, "ActiveState"), "active")
    guest.sync()
    assert is_ours(guest)
    same(guest.agent.execute("guest-fsfreeze-status"), "thawed")
    same(guest.sh("systemctl --failed --no-legend"), "")


# ---- a frozen root file system


class Frozen:
    """`with Frozen(guest)`: the root file system is frozen by the host, and thawed at the end."""

    def __init__(self, guest):
        self.guest = guest

    def __enter__(self):
        assert self.guest.agent.execute("guest-fsfreeze-freeze") >= 1
        return self

    def __exit__(self, kind, *_):
        if kind:
            # Whatever the agent does, the guest must be fit to report what was wrong.
            self.guest.run("fsfreeze -u /", 10)

    def thaw(self):
        assert self.guest.agent.execute("guest-fsfreeze-thaw") >= 1
        same(self.guest.agent.execute("guest-fsfreeze-status"), "thawed")
        self.guest.sh("touch /root/after-the-thaw && sync", timeout=10)


def assert_frozen(guest):
    same(guest.agent.execute("guest-fsfreeze-status"), "frozen")
    # A writer blocks, and no signal ends it: so it is left behind.
    guest.sh("rm -f /tmp/written; (touch /root/blocked; touch /tmp/written) & sleep 1;"
             "test ! -e /tmp/written")


@systemd_guest(**SHAPE)
def test_agent_answers_while_the_root_is_frozen(guest):
    have_chain(guest)
    with Frozen(guest) as frozen:
        assert_frozen(guest)
        same(guest.agent.execute("guest-ping", timeout=5), {})
        assert is_ours(guest)
        # As the stock agent does (qga/main.c, ga_freeze_allowlist): what might write is refused.
        for change in ({}, {"cpu1": False}):
            with raises(CommandError) as error:
                guest.agent.set_vcpus(**change)
            assert "frozen" in error.caught.desc
        guest.agent.sync()
        frozen.thaw()
    same(guest.agent.set_vcpus(cpu1=False), 1)
    same(guest.agent.set_vcpus(cpu1=True), 1)


@systemd_guest(**SHAPE)
def test_thaw_works_for_an_agent_started_while_frozen(guest):
    have_chain(guest)
    with Frozen(guest) as frozen:
        before = guest.unit(AGENT, "MainPID")
        guest.sh(f"systemctl kill -s KILL {AGENT}", timeout=10)
        wait_until(lambda: guest.unit(AGENT, "MainPID") not in ("0", before), "another agent")
        guest.sync()
        same(guest.agent.execute("guest-ping"), {})
        frozen.thaw()


# ---- installing and removing


@systemd_guest(**SHAPE)
def test_removing_ours_gives_the_port_back(guest):
    have_chain(guest)
    guest.remove("cpuctl-agent")
    guest.wait_active(STOCK)
    guest.sync()
    assert not is_ours(guest)
    same(guest.unit(STOCK, "DropInPaths"), "")
    assert guest.run(f"test -e {SOCKET}").status != 0


@systemd_guest(**SHAPE)
def test_ours_installed_later_takes_the_port(guest):
    guest.have("libcpuctl0", "cpuctl", STOCK_PACKAGE)
    start_by_udev(guest)
    guest.wait_active(STOCK)
    guest.sync()
    assert not is_ours(guest)
    guest.install("cpuctl-agent")
    guest.wait_active(AGENT)
    guest.sync()
    assert is_ours(guest)
    same(guest.agent.execute("guest-fsfreeze-status"), "thawed")


@systemd_guest(**SHAPE)
def test_reinstalling_keeps_the_chain(guest):
    have_chain(guest)
    agent, stock = guest.unit(AGENT, "MainPID"), guest.unit(STOCK, "MainPID")
    guest.install("cpuctl-agent")
    guest.wait_active(AGENT)
    guest.sync()
    assert guest.unit(AGENT, "MainPID") != agent, "the new agent was not started"
    same(guest.unit(STOCK, "MainPID"), stock)
    same(guest.agent.execute("guest-fsfreeze-status"), "thawed")


@systemd_guest(**SHAPE)
def test_removing_the_stock_agent_leaves_ours(guest):
    have_chain(guest)
    guest.remove(STOCK_PACKAGE)
    guest.sync()
    assert is_ours(guest)
    assert "guest-exec" not in commands(guest)


# ---- the guest as the host of another

VCPUCTL = "LD_LIBRARY_PATH=/mnt/host /mnt/host/vcpuctl"
SCOPE = "vcpuctl-1-small.scope"
# A VMM that never gets to serve anybody.
VMM = b"#!/bin/sh\nexec sleep 1000\n"
SMALL = b"""<domain type='kvm'>
  <name>small</name>
  <memory unit='MiB'>64</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64'>hvm</type><kernel>/root/cpuvmm</kernel></os>
  <devices><emulator>/root/cpuvmm</emulator></devices>
</domain>
"""


@systemd_guest(**SHAPE)
def test_domain_outlives_the_session(guest):
    """Its VMM has a scope of its own, beside that of the operator who started it."""
    guest.write_file("/root/cpuvmm", VMM)
    guest.write_file("/root/small.xml", SMALL)
    guest.sh(f"chmod +x /root/cpuvmm; {VCPUCTL} define /root/small.xml")
    guest.sh(f"systemd-run --scope --unit=operator sh -c '{VCPUCTL} start small' >/dev/null 2>&1 &")
    guest.wait_active(SCOPE)
    wait_until(lambda: "starting up" in guest.sh(f"{VCPUCTL} domstate --reason small"), "the start")
    guest.sh("systemctl stop operator.scope")
    same(guest.unit("operator.scope", "ActiveState"), "inactive")
    same(guest.sh("cat /proc/$(pidof -s sleep)/cgroup"), f"0::/machine.slice/{SCOPE}")
    assert "starting up" in guest.sh(f"{VCPUCTL} domstate --reason small")
    guest.sh(f"{VCPUCTL} destroy small && {VCPUCTL} undefine small")
    wait_until(lambda: guest.unit(SCOPE, "ActiveState") == "inactive", "the scope's end")


# ---- the end of the guest


def shut_down(guest, mode):
    guest.agent.send({"execute": "guest-shutdown", "arguments": {"mode": mode}})


@systemd_guest(**SHAPE)
def test_reboot_by_the_agent(guest):
    guest.have(*OURS)
    guest.sync()
    guest.reboot(lambda: shut_down(guest, "reboot"))
    same(guest.qmp.wait_event("RESET", 60)["reason"], "guest-reset")


@systemd_guest(**SHAPE)
def test_halt_by_the_agent(guest):
    guest.have(*OURS)
    guest.sync()
    shut_down(guest, "halt")
    # QEMU goes on with a halted guest.
    guest.wait_log("reboot: System halted", 90)
    guest.reboot(lambda: guest.qmp.execute("system_reset"))


@systemd_guest(**SHAPE)
def test_shutdown_goes_through_logind(guest):
    guest.have(*OURS)
    guest.sync()
    # logind logs to the journal; here it is seen although the guest ends: by a unit that is not
    # stopped with the others, and that has shown an older record.
    guest.sh("systemd-run -p DefaultDependencies=no -p StandardOutput=tty -p TTYPath=/dev/console "
             "journalctl -f -n 1 -u systemd-logind")
    guest.wait_log(" guest systemd")
    shut_down(guest, "powerdown")
    same(guest.qmp.wait_event("SHUTDOWN", 60)["reason"], "guest-shutdown")
    assert "System is powering down" in text(guest.console_log())
