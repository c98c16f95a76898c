# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs functions as TAP test points. Scripts in the folders beside this one put its folder on sys.path."""

import traceback


class Skip(Exception):
    """Raised by a test that can't be run here; the text is the reason."""


def run(tests, *arguments):
    """Calls each test with @arguments; they are named by their docstrings. Returns the exit code."""
    print(f"1..{len(tests)}", flush=True)
    failed = 0
    for number, test in enumerate(tests, 1):
        name = (test.__doc__ or test.__name__.replace("_", " ").removeprefix("test "))
        name = name.strip().rstrip(".")
        try:
            test(*arguments)
            print(f"ok {number} - {name}", flush=True)
        except Skip as reason:
            print(f"ok {number} - {name} # SKIP {reason}", flush=True)
        except Exception:  # a test may fail in any way; pylint: disable=broad-except
            failed += 1
            print(f"not ok {number} - {name}", flush=True)
            for line in traceback.format_exc().splitlines():
                print(f"# {line}", flush=True)
    return 1 if failed else 0
