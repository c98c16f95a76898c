# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where cpuctl and lscpu (util-linux 2.38) print different values, and why."""

import dataclasses
import re


@dataclasses.dataclass(frozen=True)
class Difference:
    """Values that differ. Patterns match whole texts; a value that is not printed is ''."""

    machines: str
    views: str
    names: str
    theirs: str
    ours: str
    reason: str
    volatile: bool = False  # may also happen to be equal

    def covers(self, machine, view, name, theirs, ours):
        """Whether this entry lists that difference."""
        texts = ((self.machines, machine.name), (self.views, view), (self.names, name),
                 (self.theirs, theirs), (self.ours, ours))
        return all(re.fullmatch(pattern, "" if text is None else str(text), re.DOTALL)
                   for pattern, text in texts)

    def is_due(self, present):
        """Whether it must be seen, given the machines and views that were compared."""
        return not self.volatile and any(
            re.fullmatch(self.machines, name) and re.fullmatch(self.views, view)
            for name, _, view in present)


SUMMARY = "summary|-J|-x|-B"

DIFFERENCES = []
