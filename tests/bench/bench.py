# SPDX-License-Identifier: LGPL-2.1-or-later
"""What every benchmark needs: interleaved rounds of ours and the peer's, medians, a table of ratios.

Nothing here is a test: machines are noisy, so a figure is only ever a ratio of two things measured in
turn in one run. A row says what is to be reached and whether this run did.
"""

import dataclasses
import os
import statistics
import subprocess
import tempfile


REACHED = {None: "–", False: "no", True: "yes"}


@dataclasses.dataclass
class Row:
    """One line of the table. `ratio` is peer / ours where more is better, else ours / peer."""

    what: str
    unit: str
    ours: float
    peer: float
    peer_name: str
    target: str
    ratio: float
    reached: bool | None  # None: there is nothing to reach


def at_least(what, unit, ours, peer, peer_name, times):
    """Ours is to be `times` times less than the peer's."""
    ratio = peer / ours
    return Row(what, unit, ours, peer, peer_name, f"≥ {times:g} times less", ratio, ratio >= times)


def at_most(what, unit, ours, peer, peer_name, limit):
    """Ours is to be at most `limit` times the peer's."""
    ratio = ours / peer
    return Row(what, unit, ours, peer, peer_name, f"≤ {limit:g} of it", ratio, ratio <= limit)


def beside(what, unit, ours, peer, peer_name):
    """Ours as so many times the peer's, and nothing to reach."""
    return Row(what, unit, ours, peer, peer_name, "–", ours / peer, None)


def interleaved(rounds, *measures):
    """Call each of `measures` in turn, `rounds` times; the median of each."""
    values = [[] for _ in measures]
    for number in range(rounds):
        # Neither always goes first: what the first warms up, the second would find warm.
        order = range(len(measures)) if number % 2 == 0 else reversed(range(len(measures)))
        for index in order:
            values[index].append(measures[index]())
    return [statistics.median(v) for v in values]


def cpu_seconds(command):
    """The user and system time that a command takes, in seconds; its output is thrown away."""
    with open(os.devnull, "wb") as null:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=null)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{command} ended with status {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def system_calls(command):
    """How many system calls a command makes, as strace counts them."""
    with tempfile.NamedTemporaryFile("r") as log:
        subprocess.run(["strace", "-f", "-c", "-U", "calls,name", "-o", log.name, *command],
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
        total = [line.split() for line in log if line.rstrip().endswith("total")]
    return int(total[-1][0])


def number(value):
    """Three significant digits, without an exponent."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def print_table(rows):
    """A Markdown table, as the README shows it."""
    print("| what | ours | peer | ratio | to reach | reached |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        print(f"| {row.what} | {number(row.ours)} {row.unit} | {number(row.peer)} {row.unit} "
              f"({row.peer_name}) | {row.ratio:.2f} | {row.target} | "
              f"{REACHED[row.reached]} |", flush=True)
