# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tables in tests/fixtures/virsh-9.0: commands, and what virsh says to each of them.

A table is a text of lines:

    $ setvcpus guest 5          a command line without its program, in the shell's quoting
    | 2                         a line of stdout, as it is; "|" alone is an empty one
    ! error: ...                a line of stderr
    = 1                         the exit status; none for 0
    /                           what follows is another result that it may have
    @ online 0-3                wait until the guest has these CPUs online (or present)
    # ...                       for the reader

The commands of one table are run in their order, on the state that those before them left. What
differs from machine to machine stands in braces: see Host. What differs from run to run (times,
ids, the host CPU that a vCPU is on) is blotted out on both sides by blotted().
"""

import os
import pathlib
import re
import shlex

from case import Skip
from channel import Result
from machine import parse_list

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "fixtures/virsh-9.0"

CHANGING = (
    (r"(?m)^( )[1-9]( +(?:guest|shaped) )", r"\1N\2"),  # list
    (r"(?m)^(Id: +)\d+$", r"\1N"),
    (r"(?m)^(CPU: +)\d+$", r"\1N"),
    (r"(?m)^(CPU time: +)[\d.]+s$", r"\1N.Ns"),
    (r"\(PID \d+\)", "(PID N)"),
)


def blotted(text):
    """`text` without what is another in each run."""
    for pattern, replacement in CHANGING:
        text = re.sub(pattern, replacement, text)
    return text


class Host:
    """What the words in braces stand for on a host with this many CPUs."""

    def __init__(self, cpus=None, **paths):
        cpus = cpus or os.cpu_count()
        every = "0" if cpus == 1 else f"0-{cpus - 1}"
        self.words = {"all": every, "count": str(cpus), "yes": "y" * cpus,
                      "first": "y" + "-" * (cpus - 1), **paths}
        # From an output to a table; one CPU alone can't be told from all of one.
        self.places = () if cpus == 1 else (
            (rf"(?m)^( +(?:\d+|\*:)|CPU Affinity:)( +){every}(?= |$)", r"\1\2{all}"),
            (rf"\(out of {cpus}\)", "(out of {count})"),
            (rf"(?m)^(CPU Affinity: +){'y' * cpus}$", r"\1{yes}"),
            (rf"(?m)^(CPU Affinity: +)y{'-' * (cpus - 1)}$", r"\1{first}"))

    def filled(self, text):
        """A table's `text` as it is on this host."""
        return re.sub(r"\{(\w+)\}", lambda match: self.words.get(match[1], match[0]), text)

    def general(self, text):
        """This host's output `text` as a table has it."""
        for name in set(self.words) - {"all", "count", "yes", "first"}:
            text = text.replace(self.words[name], f"{{{name}}}")
        for pattern, replacement in self.places:
            text = re.sub(pattern, replacement, text)
        return blotted(text)


class Step:
    """One command of a table, with what was said before it to the reader."""

    def __init__(self, line, before):
        self.line, self.before = line, before
        self.results = [Result(0, "", "")]
        self.waits = []

    def add(self, mark, rest):
        if mark == "/":
            self.results.append(Result(0, "", ""))
            return
        status, out, err = self.results[-1]
        if mark == "|":
            out += f"{rest}\n"
        elif mark == "!":
            err += f"{rest}\n"
        elif mark == "=":
            status = int(rest)
        else:
            state, cpus = rest.split()
            self.waits.append((state, parse_list(cpus)))
        self.results[-1] = Result(status, out, err)

    def words(self, host):
        return [host.filled(word) for word in shlex.split(self.line)]

    def difference(self, host, result):
        """What this result has that the table has not, as text for the reader; empty if nothing."""
        got = Result(result.status, blotted(result.out), blotted(result.err))
        wanted = [Result(status, blotted(host.filled(out)), blotted(host.filled(err)))
                  for status, out, err in self.results]
        if got in wanted:
            return ""
        return f"$ {self.line}\nwanted {' or '.join(map(str, wanted))}\ngot    {got}"

    def text(self, result):
        """The table's lines for this step, with this result if it is none of those it has."""
        lines = self.before + [f"$ {self.line}"]
        for number, each in enumerate(self.results if result in self.results else [result]):
            lines += ["/"] if number else []
            for mark, said in (("|", each.out), ("!", each.err)):
                assert not said or said.endswith("\n"), \
                    f"{self.line}: the last line has no end: {said!r}"
                lines += [f"{mark} {line}" if line else mark for line in said.split("\n")[:-1]]
            if each.status:
                lines.append(f"= {each.status}")
        for state, cpus in self.waits:
            lines.append(f"@ {state} {min(cpus)}-{max(cpus)}")
        return "".join(f"{line}\n" for line in lines)


class Table:
    """The table NAME.txt."""

    def __init__(self, name):
        self.path = FOLDER / f"{name}.txt"
        self.steps = []
        before = []
        for number, line in enumerate(self.path.read_text(encoding="utf-8").splitlines(), 1):
            mark, rest = line[:1], line[2:]
            if mark == "$":
                self.steps.append(Step(rest, before))
                before = []
            elif mark in ("", "#"):
                before.append(line)
            elif mark in "|!=/@" and self.steps and not before:
                self.steps[-1].add(mark, rest)
            else:
                raise ValueError(f"{self.path}:{number}: {line!r}")

    def run(self, host, program, wait=None):
        """Each step with the result that program(words) → Result gives.

        wait(state, cpus) waits until the guest has the CPUs in that state.
        """
        for step in self.steps:
            result = program(step.words(host))
            for state, cpus in step.waits:
                wait(state, cpus)
            yield step, result

    def differences(self, host, program, wait=None):
        """What differs, as text for the reader; empty if nothing does."""
        found = []
        for step, result in self.run(host, program, wait):
            found.append(step.difference(host, result))
        return "\n".join(filter(None, found))

    def record(self, host, program, wait=None):
        """Write the table anew with what program() gives."""
        text = "".join(
            step.text(Result(result.status, host.general(result.out), host.general(result.err)))
            for step, result in self.run(host, program, wait))
        self.path.write_text(text, encoding="utf-8")


def hold(name, program, wait, host=None):
    """Compare the table `name` with virsh as program(words) runs it, or write it anew if
    CPUCTL_RECORD is set in the environment."""
    version = program(["--version"]).out.strip()
    if not version.startswith("9.0."):
        raise Skip(f"the tables are of virsh 9.0, this is {version}")
    table, host = Table(name), host or Host()
    if "CPUCTL_RECORD" in os.environ:
        table.record(host, program, wait)
        return
    said = table.differences(host, program, wait)
    assert not said, f"\n{said}"
