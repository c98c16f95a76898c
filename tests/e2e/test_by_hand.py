# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/run: timeout=600
"""cpuctl, used by an administrator in the guest."""

import json

from case import guest as guest_of
from case import same
from channel import wait_until


def guest(needs=("cpuctl",), **shape):
    """A guest that has cpuctl and no agent running."""
    return guest_of(needs=needs, **shape)


@guest(cpus=4)
def test_offline_and_online(guest):
    guest.sh("cpuctl offline 1-2")
    same(guest.cpus(), {0, 3})
    guest.sh("cpuctl offline 1-2")
    guest.sh("cpuctl online 1,2")
    same(guest.cpus(), {0, 1, 2, 3})


@guest(cpus=4)
def test_exit_statuses(guest):
    # chcpu's: 0 all, 1 none, 64 some.
    same(guest.run("cpuctl offline 3").status, 0)
    result = guest.run("cpuctl offline 0")
    same(result.status, 1)
    assert b"CPU 0" in result.out + result.err, result
    same(guest.run("cpuctl offline 0,2").status, 64)
    same(guest.cpus(), {0, 1})
    same(guest.run("cpuctl online 9").status, 1)
    same(guest.run("cpuctl online 1-x").status, 1)


@guest(cpus=4)
def test_set(guest):
    guest.sh("cpuctl set 1")
    same(guest.cpus(), {0})
    guest.sh("cpuctl set 3")
    same(len(guest.cpus()), 3)
    guest.sh("cpuctl set --cpus 0,3")
    same(guest.cpus(), {0, 3})
    guest.sh("cpuctl set 4 --dry-run")
    same(guest.cpus(), {0, 3})
    guest.sh("cpuctl set 4")
    same(guest.cpus(), {0, 1, 2, 3})


@guest(cpus=4)
def test_list_agrees_with_lscpu(guest):
    guest.sh("cpuctl offline 2")
    ours = guest.sh_json("cpuctl list --all --json -o CPU,ONLINE")
    theirs = guest.sh_json("lscpu --all -J -e=CPU,ONLINE")
    same(next(iter(ours.values())), next(iter(theirs.values())))


@guest(cpus=1, fresh=True)
def test_wait_for_a_hot_added_cpu(guest):
    guest.sh("(cpuctl online 1-2 --wait 60; echo $? >/tmp/status) >/tmp/out 2>&1 &")
    same((guest.add_cpu(), guest.add_cpu()), (1, 2))
    wait_until(lambda: guest.run("test -s /tmp/status").status == 0, "cpuctl to end")
    same(guest.sh("cat /tmp/status"), "0")
    same(guest.cpus(), {0, 1, 2})


@guest(cpus=1)
def test_wait_ends(guest):
    same(guest.run("cpuctl online 3 --wait 1").status, 1)
    same(guest.cpus(), {0})


@guest(cpus=1, fresh=True)
def test_watch(guest):
    def events():
        lines = guest.sh("cat /tmp/watch").splitlines()
        return [(event["event"], event["cpu"]) for event in map(json.loads, lines)]

    guest.sh("cpuctl watch --json >/tmp/watch & echo $! >/tmp/pid; sleep 0.5")
    slot = guest.add_cpu()
    wait_until(lambda: ("added", slot) in events(), "the event of the hot-add")
    guest.set_online(slot, True)
    wait_until(lambda: ("online", slot) in events(), "the event of going online")
    guest.set_online(slot, False)
    wait_until(lambda: ("offline", slot) in events(), "the event of going offline")
    guest.del_cpu(slot)
    wait_until(lambda: ("removed", slot) in events(), "the event of the removal")
    guest.sh("kill $(cat /tmp/pid)")


@guest(needs=("cpuctl", "cpuctl-agent"), cpus=1, fresh=True)
def test_persisted_choice_outlives_the_agent(guest):
    guest.start_agent("cpuctl-agent")
    slot = guest.add_cpu()
    guest.wait_cpus({0, slot})
    guest.sh(f"cpuctl offline --persist {slot}")
    guest.stop_agent()
    guest.start_agent("cpuctl-agent")
    guest.add_cpu()
    guest.wait_cpus({0, slot + 1})
    guest.sh(f"cpuctl online {slot}")
    same(guest.cpus(), {0, slot, slot + 1})


@guest(smp="8,sockets=2,cores=2,threads=2", numa=2, cpu="max,vendor=GenuineIntel")
def test_set_takes_whole_cores_and_spares_nodes(guest):
    guest.sh("cpuctl set 4")
    online = guest.cpus()
    same(len(online), 4)
    # Nodes 0-3 and 4-7, cores (0,1) (2,3) (4,5) (6,7): each node keeps one whole core.
    same(online, {0, 1, 4, 5})


@guest(cpus=4)
def test_refusals_tell_why_and_what_helps(guest):
    result = guest.run("cpuctl offline 0")
    assert b"CPU 0 was not taken offline: " in result.err, result
    assert b"can't take CPU 0 offline; choose another CPU" in result.err, result
    result = guest.run("cpuctl offline 0,3 --json")
    same(result.status, 64)
    report = json.loads(result.out)
    same([(entry["cpu"], entry["outcome"]) for entry in report["results"]],
         [(3, "done"), (0, "refused")])
    same(report["results"][1]["error"], "EOPNOTSUPP")
    assert report["results"][0]["duration-usec"] > 0, report
    assert report["results"][1]["reason"] and report["results"][1]["help"], report
    same((report["reached"], report["online"], report["not-tried"]), (False, "0-2", ""))


@guest(cpus=1)
def test_absent_cpus_are_refused(guest):
    result = guest.run("cpuctl online 1")
    same(result.status, 1)
    assert b"CPU 1 is not present; hot-add CPU 1" in result.err, result
    result = guest.run("cpuctl set 2")
    same(result.status, 1)
    assert b"--wait" in result.err, result


@guest(cpus=8, maxcpus=8)
def test_interrupted_between_cpus(guest):
    status = guest.sh("cpuctl offline 1-7 >/tmp/out 2>&1 & pid=$!\n"
                      "until grep -q 'CPU 7 is offline' /tmp/out; do :; done\n"
                      "kill $pid; wait $pid; echo $?")
    same(status, "64")
    out = guest.sh("cat /tmp/out")
    left = guest.cpus()
    assert 1 in left and 7 not in left, left
    done = {cpu for cpu in range(1, 8) if f"CPU {cpu} is offline" in out}
    same(done | left, set(range(8)))
    assert "interrupted: nothing was done about CPUs 1" in out, out


@guest(cpus=2)
def test_interrupted_while_waiting(guest):
    status = guest.sh("cpuctl online 2 --wait 60 >/tmp/out 2>&1 & pid=$!; sleep 0.5\n"
                      "kill $pid; wait $pid; echo $?")
    same(status, "1")
    assert "nothing was changed" in guest.sh("cat /tmp/out")


@guest(cpus=4)
def test_choice_of_cpus_that_stay_offline(guest):
    path = "/var/lib/cpuctl/offline"
    guest.sh("cpuctl offline --persist 2-3")
    same(guest.sh(f"cat {path}"), "2-3")
    same(guest.sh("cpuctl list -o CPU,STATE --noheadings --raw"),
         "0 online\n1 online\n2 held\n3 held")
    guest.sh("cpuctl offline 1")
    guest.sh("cpuctl online --hotplugged 1-3")  # what the udev rule calls
    same(guest.cpus(), {0, 1})
    guest.sh("cpuctl set 3")
    same((guest.cpus(), guest.sh(f"cat {path}")), ({0, 1, 2}, "3"))
    guest.sh("cpuctl online 3")
    same((guest.cpus(), guest.sh(f"cat {path} 2>/dev/null || true")), ({0, 1, 2, 3}, ""))


@guest(cpus=4, cmdline="isolcpus=3")
def test_isolated_cpus_are_left_alone(guest):
    guest.sh("cpuctl set 2")
    same(guest.cpus(), {0, 3})
    result = guest.run("cpuctl set 1")
    same((result.status, guest.cpus()), (1, {0, 3}))
    assert b"isolated" in result.err, result
    guest.sh("cpuctl set 1 --force")
    same(guest.cpus(), {0})
    guest.sh("cpuctl online 3")
    guest.sh("cpuctl offline 3")
    same(guest.cpus(), {0})


@guest(cpus=1, fresh=True)
def test_set_waits_for_cpus(guest):
    guest.sh("(cpuctl set 3 --wait 60; echo $? >/tmp/status) >/tmp/out 2>&1 &")
    same((guest.add_cpu(), guest.add_cpu()), (1, 2))
    wait_until(lambda: guest.run("test -s /tmp/status").status == 0, "cpuctl to end")
    same(guest.sh("cat /tmp/status"), "0")
    same(guest.cpus(), {0, 1, 2})


@guest(cpus=2)
def test_watch_ends_when_nobody_reads(guest):
    guest.sh("(cpuctl watch; echo $? >/tmp/status) | sleep 0.5")
    wait_until(lambda: guest.run("test -s /tmp/status").status == 0, "cpuctl to end")
    same(guest.sh("cat /tmp/status"), "0")


@guest(cpus=4)
def test_recording_is_read_as_the_machine(guest):
    guest.sh("cpuctl offline 3")
    guest.sh("rm -rf /tmp/me*; cpuctl record /tmp/me.tar && tar -C /tmp -xf /tmp/me.tar")
    columns = "CPU,CORE,SOCKET,NODE,CACHE,ONLINE,OFFLINABLE,APICID,MODELNAME"
    same(guest.sh(f"cpuctl -s /tmp/me list -o {columns}"), guest.sh(f"cpuctl list -o {columns}"))
    same(guest.sh("lscpu -s /tmp/me -p -a"), guest.sh("lscpu -p -a"))
    # Of what changes from call to call (MHz) nothing is shown where there is no cpufreq.
    same(guest.sh("cpuctl -s /tmp/me topology"), guest.sh("cpuctl topology"))


@guest(cpus=2)
def test_without_privileges(guest):
    guest.sh("echo nobody:x:65534:65534::/:/bin/sh >/etc/passwd")
    result = guest.run("su nobody -s /bin/sh -c 'cpuctl offline 1'")
    same((result.status, guest.cpus()), (1, {0, 1}))
    assert b"only root may change CPU 1; run this as root" in result.err, result
    same(guest.run("su nobody -s /bin/sh -c 'cpuctl online 1'").status, 0)
    same(guest.run("su nobody -s /bin/sh -c 'cpuctl set 1 --dry-run'").status, 0)


@guest(cpus=8, maxcpus=8)
def test_progress_on_a_terminal(guest):
    # The console is a terminal; its output is in the guest's log.
    guest.sh("TERM=xterm cpuctl offline 1-7 >/tmp/out 2>/dev/console")
    guest.wait_log("offlining CPU 7 (1 of 7)")
    guest.wait_log("offlining CPU 1 (7 of 7)")
    guest.sh("TERM=dumb cpuctl online 1-7 >/tmp/out 2>/dev/console")
    same(guest.run("cpuctl offline 1-7 2>&1 >/dev/null").out, b"")
    assert b"onlining" not in guest.console_log(), "a dumb terminal got a progress line"
