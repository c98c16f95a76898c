#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds tests/run, which judges every other test, against programs whose outcome is known."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

RUN = pathlib.Path(__file__).resolve().parents[1] / "run"

# name: (program, arguments, counts, exit status, a text that the output must have)
CASES = {
    "all points pass": (
        "echo 1..2; echo ok 1 - a; echo ok 2 - b", [], (2, 0, 0), 0, "PASS"),
    "the plan may come last": (
        "echo TAP version 13; echo ok 1; echo 1..1", [], (1, 0, 0), 0, "PASS"),
    "a failing point, and its output": (
        "echo 1..2; echo ok 1; echo why; echo not ok 2 - b; exit 1", [], (1, 1, 0), 1, "| why"),
    "a failing point with exit status 0": (
        "echo 1..1; echo not ok 1 - b", [], (0, 1, 0), 1, "failed: b"),
    "a skipped point, and its reason": (
        "echo 1..2; echo ok 1; echo 'ok 2 - b # SKIP no kvm'", [], (1, 0, 1), 0,
        "skipped: b: no kvm"),
    "a failing point is not skipped": (
        "echo 1..1; echo 'not ok 1 - b # SKIP no kvm'", [], (0, 1, 0), 1, "failed: b"),
    "nothing but skips is nothing run": (
        "echo '1..0 # SKIP no kvm'", [], (0, 0, 1), 1, "everything: no kvm"),
    "points are missing": (
        "echo 1..3; echo ok 1; echo ok 2", [], (2, 1, 0), 1, "planned 3 points but printed 2"),
    "points too many": (
        "echo 1..1; echo ok 1; echo ok 2", [], (2, 1, 0), 1, "planned 1 points but printed 2"),
    "points out of order": (
        "echo 1..2; echo ok 1; echo ok 3", [], (2, 1, 0), 1, "point 2 has the number 3"),
    "two plans": (
        "echo 1..1; echo ok 1; echo 1..1", [], (1, 1, 0), 1, "two plans"),
    "no plan": ("echo ok 1", [], (1, 1, 0), 1, "printed no plan"),
    "no output": ("exit 0", [], (0, 1, 0), 1, "printed no plan"),
    "bail out": ("echo 1..1; echo ok 1; echo 'Bail out! fire'", [], (1, 1, 0), 1, "fire"),
    "an error after good points": (
        "echo 1..1; echo ok 1; exit 3", [], (1, 1, 0), 1, "exit status 3"),
    "death by a signal": (
        "echo 1..1; echo ok 1; kill -SEGV $$", [], (1, 1, 0), 1, "ended by SIGSEGV"),
    "time limit": (
        "echo 1..1; echo ok 1; sleep 60", ["-t", "1"], (1, 1, 0), 1, "time limit of 1 s"),
    "time limit, SIGTERM ignored by a child": (
        "trap '' TERM; echo 1..1; (sleep 5; sleep 60) & wait $!; sleep 1", ["-t", "1"],
        (0, 1, 0), 1, "time limit of 1 s"),
    "a time limit of its own": (
        "# tests/run: timeout=1 alone\necho 1..1; echo ok 1; sleep 60", [],
        (1, 1, 0), 1, "time limit of 1 s"),
    "a program left in the background": (
        "echo 1..1; echo ok 1; sleep 60 &", [], (1, 0, 0), 0, "PASS"),
    "what looks like the closing line": (
        "echo 1..1; echo '9 passed, 0 failed, 0 skipped'; echo not ok 1", [], (0, 1, 0), 1, "| 9"),
    "stdin is empty": (
        "echo 1..1; read -r line && echo not ok 1 || echo ok 1", [], (1, 0, 0), 0, "PASS"),
    "Check is told to print TAP": (
        'echo 1..1; [ "$CK_TAP_LOG_FILE_NAME" = - ] && echo ok 1 || echo not ok 1', [],
        (1, 0, 0), 0, "PASS"),
}
CLOSING = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", re.MULTILINE)


def tests_run(*arguments):
    return subprocess.run([sys.executable, RUN, *arguments], stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.STDOUT, timeout=60, check=False)


def write(folder, name, program):
    path = pathlib.Path(folder) / name
    path.write_text(f"#!/bin/bash\n{program}\n")
    path.chmod(0o755)
    return path


def closes_with(done, counts):
    found = CLOSING.findall(done.stdout)
    return len(found) == 1 and tuple(map(int, found[0])) == counts and \
        CLOSING.fullmatch(done.stdout.splitlines()[-1])


def single_programs(folder):
    for name, (program, arguments, counts, status, wanted) in CASES.items():
        done = tests_run(*arguments, write(folder, "program", program))
        good = closes_with(done, counts) and done.returncode == status and wanted in done.stdout
        yield name, good, done.stdout


def several_programs(folder):
    done = tests_run()
    yield "no program is a failure", closes_with(done, (0, 0, 0)) and done.returncode == 1, \
        done.stdout

    done = tests_run(folder + "/not-there", write(folder, "good", "echo 1..1; echo ok 1"))
    yield "a missing program fails, the next one runs", \
        closes_with(done, (1, 1, 0)) and done.returncode == 1, done.stdout

    slow = [write(folder, f"slow{i}", "sleep 1; echo 1..1; echo ok 1") for i in range(4)]
    start = time.monotonic()
    done = tests_run("-j4", *slow)
    yield "programs run beside each other", \
        closes_with(done, (4, 0, 0)) and time.monotonic() - start < 3.5, done.stdout

    mark = f"{folder}/mark"
    check = f"mkdir {mark} && sleep 0.3 && rmdir {mark} && echo 1..1 && echo ok 1"
    alone = [write(folder, f"alone{i}", f"# tests/run: alone\n{check}") for i in range(2)]
    done = tests_run("-j4", *alone)
    yield "two that want to be alone do not meet", closes_with(done, (2, 0, 0)), done.stdout

    write(folder, "run", 'echo 1..1; grep -q hello "$1" && echo ok 1 || echo not ok 1')
    cases = pathlib.Path(folder) / "test_cases.py"
    cases.write_text("# hello\n")
    done = tests_run(cases)
    yield "a file is run by the program beside it", closes_with(done, (1, 0, 0)), done.stdout

    build = pathlib.Path(folder) / "build"
    build.mkdir()
    write(build, "there", 'echo 1..2; [ "$PWD" = "$CPUCTL_BUILD" ] && echo ok 1; echo ok 2')
    done = tests_run(f"{build}:there")
    yield "a program is run in its build folder", closes_with(done, (2, 0, 0)), done.stdout

    shutil.copy("/bin/true", build / "foreign")
    write(build, "emulate", 'case "$1" in */build/foreign) echo 1..1; echo ok 1;; esac')
    done = tests_run(f"{build}:foreign", f"{build}:there")
    yield "a compiled program is emulated, a script is not", \
        closes_with(done, (3, 0, 0)), done.stdout

    done = tests_run(write(folder, "same", "echo 1..3; echo ok 1; echo 'ok 2 - a # SKIP no'; "
                           "echo 'ok 3 - a # SKIP no'"))
    yield "equal reasons are shown once", \
        closes_with(done, (1, 0, 2)) and "a: no (2 times)" in done.stdout, done.stdout

    done = tests_run(write(folder, "typo", "# tests/run: tiemout=1\necho 1..0"))
    yield "an unknown directive is refused", \
        done.returncode != 0 and "tiemout" in done.stdout, done.stdout


def closed_stdin(folder):
    program = write(folder, "stdin", "echo 1..1; echo ok 1")
    done = subprocess.run(["bash", "-c", f"exec '{RUN}' '{program}' <&-"], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    yield "stdin may be closed", closes_with(done, (1, 0, 0)) and done.returncode == 0, done.stdout


def main():
    os.environ.pop("CK_TAP_LOG_FILE_NAME", None)
    count = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for group in (single_programs, several_programs, closed_stdin):
            for name, good, output in group(folder):
                count += 1
                failed += not good
                print(f"{'ok' if good else 'not ok'} {count} - {name}")
                if not good:
                    print("".join(f"# {line}\n" for line in output.splitlines()), end="")
    print(f"1..{count}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
