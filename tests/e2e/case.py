# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cases: functions test_xxx with a decorator that names the guest they want; output in TAP.

    @guest(agents=AGENTS, cpus=1, maxcpus=4)
    def test_something(guest):
        assert guest.agent.vcpus() == {0: True}

A case runs once for each of its agents. Cases with the same shape share one guest, with every
CPU online and the agent running before each; `fresh=True` gives a case a guest of its own. After
a failure the guest is not used again. `needs` names programs without which a case is skipped.
"""

import contextlib
import functools
import signal
import sys
import traceback

from channel import Hung
from guest import Guest
from libvirt_host import Domain
from machine import AGENTS, missing

TIME_LIMIT = 180


class Skip(Exception):
    """Raised by a case that can not run here; the text says why."""


def same(got, wanted):
    """Assert that two values are equal, and show them if not."""
    if got != wanted:
        raise AssertionError(f"got {got!r}, wanted {wanted!r}")


class raises:  # pylint: disable=invalid-name
    """`with raises(Error) as error:` asserts that the block raises it; error.caught has it."""

    def __init__(self, kind):
        self.kind = kind
        self.caught = None

    def __enter__(self):
        return self

    def __exit__(self, kind, value, _):
        if value is None:
            raise AssertionError(f"no {self.kind.__name__} was raised")
        self.caught = value
        return isinstance(value, self.kind)


class Case:
    """One TAP test point."""

    def __init__(self, function, name, kind=None, agent=None, agent_arguments="", needs=(),
                 fresh=False, timeout=TIME_LIMIT, shape=None):
        self.function, self.name, self.kind, self.agent = function, name, kind, agent
        self.agent_arguments = agent_arguments
        self.needs = tuple(needs) + ((agent,) if agent else ())
        self.fresh, self.timeout, self.shape = fresh, timeout, shape or {}

    def key(self):
        """Cases with equal keys may share a guest."""
        return (self.kind, self.agent, self.agent_arguments, repr(sorted(self.shape.items())))


def decorator(kind, agents=None, **options):
    """A decorator for cases that want a guest of class `kind`, of the shape `options`."""
    names = {"agent_arguments", "needs", "fresh", "timeout"}
    own = {name: options.pop(name) for name in names & set(options)}

    def decorate(function):
        function.cases = [
            Case(function, f"{function.__name__}[{agent}]" if agent else function.__name__,
                 kind, agent, shape=options, **own)
            for agent in agents or (None,)]
        return function
    return decorate


# The function's argument is a Guest, of this shape (see Guest), with one of `agents` running.
guest = functools.partial(decorator, Guest)
# The same with a guest that libvirt starts (see Domain).
domain = functools.partial(decorator, Domain)


def plain(timeout=TIME_LIMIT):
    """A case without a guest."""
    return decorator(None, timeout=timeout)


class Running:
    """The guest that is at hand, and the key of the cases that it fits."""

    def __init__(self):
        self.key = None
        self.guest = None
        self.stack = contextlib.ExitStack()

    def get(self, case):
        if self.key != case.key() or case.fresh:
            self.drop()
            self.guest = self.stack.enter_context(case.kind(**case.shape))
            self.key = None if case.fresh else case.key()
        self.prepare(case)
        return self.guest

    def prepare(self, case):
        """Bring a guest that earlier cases have used back to its first state."""
        for cpu in self.guest.cpus("offline") & self.guest.cpus("present"):
            self.guest.set_online(cpu, True)
        if case.agent and self.guest.agent_name and self.guest.agent_alive():
            return
        if case.agent:
            self.guest.start_agent(case.agent, case.agent_arguments)

    def lost(self, error):
        """How the emulator has lost the guest, if it has (QEMU 7.2's TCG, as a CPU was added): a
        fault of it, or a guest in which not even the shell answers."""
        if isinstance(error, Hung):
            return "the guest hung"
        return self.guest and self.guest.crashed()

    def drop(self):
        stack, self.stack = self.stack, contextlib.ExitStack()
        self.key = self.guest = None
        stack.close()


def _time_is_up(*_):
    raise TimeoutError("the case took too long")


def _comment(words):
    return "".join(f"# {line}\n" for line in words.splitlines())


def run_case(case, running, again=True):
    """Run one case; the words that follow "ok" or "not ok", and what to say about it.

    Where the emulator has lost the guest, the case gets another one, once, and says so.
    """
    for program in case.needs:
        if missing(program):
            return True, f" # SKIP {missing(program)}", ""
    signal.signal(signal.SIGALRM, _time_is_up)
    signal.alarm(case.timeout)
    try:
        if case.kind:
            case.function(running.get(case))
        else:
            case.function()
        return True, "", ""
    except Skip as reason:
        return True, f" # SKIP {reason}", ""
    except Exception as error:  # pylint: disable=broad-except
        said = traceback.format_exc()
        lost = again and running.lost(error)
        if lost:
            running.drop()
            good, more, rest = run_case(case, running, again=False)
            return good, more, f"once more, since {lost}:\n{said}{rest}"
        signal.alarm(60)
        with contextlib.suppress(Exception):
            if running.guest:
                said += running.guest.report()
        running.drop()
        return False, "", said
    finally:
        signal.alarm(0)


def run(module, wanted=""):
    """Run a module's cases whose names contain `wanted`; 0 if none failed."""
    cases = [case for function in vars(module).values()
             for case in getattr(function, "cases", ()) if wanted in case.name]
    forgotten = [name for name, value in vars(module).items()
                 if name.startswith("test_") and not hasattr(value, "cases")]
    if forgotten:
        raise TypeError(f"without a decorator: {', '.join(forgotten)}")
    # Stable: cases that share a guest come together, otherwise they keep their order.
    first = {}
    for case in cases:
        first.setdefault(case.key(), len(first))
    cases.sort(key=lambda case: first[case.key()])

    print(f"TAP version 13\n1..{len(cases)}", flush=True)
    failed = 0
    running = Running()
    try:
        for number, case in enumerate(cases, 1):
            good, more, said = run_case(case, running)
            failed += not good
            print(f"{'ok' if good else 'not ok'} {number} - {case.name}{more}")
            print(_comment(said), end="", flush=True)
    finally:
        running.drop()
    return 1 if failed else 0


def end_by_signal(number, _):
    """Unwind, so that guests are ended too."""
    sys.exit(128 + number)


__all__ = ["AGENTS", "Skip", "decorator", "domain", "guest", "plain", "raises", "run", "same"]
