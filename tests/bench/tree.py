# SPDX-License-Identifier: LGPL-2.1-or-later
"""cpuctl against lscpu on a recorded tree of 4,096 CPUs: 8 sockets of 256 cores of 2 threads."""

import pathlib
import subprocess
import tempfile

from bench import at_least, cpu_seconds, interleaved, system_calls

HERE = pathlib.Path(__file__).resolve().parent
COLUMNS = "CPU,NODE,SOCKET,CORE,CACHE,ONLINE"
ROUNDS = 9


def pairs(cpuctl, tree):
    """(what, our command, lscpu's command), each pair with equal columns."""
    sysroot = f"--sysroot={tree}"
    return [
        ("list, 4,096 CPUs", [cpuctl, sysroot, "list", f"--output={COLUMNS}"],
         ["lscpu", sysroot, f"--extended={COLUMNS}"]),
        ("topology, 4,096 CPUs", [cpuctl, sysroot, "topology"], ["lscpu", sysroot]),
    ]


def rows(stage):
    with tempfile.TemporaryDirectory(prefix="cpuctl-bench.") as folder:
        tree = pathlib.Path(folder) / "tree"
        subprocess.run([HERE / "make-tree", "--sockets=8", "--cores=256", "--threads=2", str(tree)],
                       stdin=subprocess.DEVNULL, check=True)
        for what, ours, peer in pairs(str(stage.program("cpuctl")), tree):
            our_time, peer_time = interleaved(
                ROUNDS, lambda o=ours: cpu_seconds(o), lambda p=peer: cpu_seconds(p))
            yield at_least(f"`cpuctl {what}`: CPU time", "ms", our_time * 1000, peer_time * 1000,
                           peer[0], 10)
            yield at_least(f"`cpuctl {what}`: system calls", "", system_calls(ours),
                           system_calls(peer), peer[0], 10)
