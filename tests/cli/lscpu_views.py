# SPDX-License-Identifier: LGPL-2.1-or-later
"""The views of a machine that lscpu and cpuctl both have, and how what they print is read."""

import collections
import json
import re

# lscpu's columns; ours have the same names
CPU_COLUMNS = ("BOGOMIPS,CPU,CORE,SOCKET,CLUSTER,NODE,BOOK,DRAWER,CACHE,POLARIZATION,ADDRESS,"
               "CONFIGURED,ONLINE,MHZ,SCALMHZ%,MAXMHZ,MINMHZ")
CACHE_COLUMNS = ("ALL-SIZE,LEVEL,NAME,ONE-SIZE,TYPE,WAYS,ALLOC-POLICY,WRITE-POLICY,PHY-LINE,SETS,"
                 "COHERENCY-SIZE")


def by_occurrence(pairs):
    """Name each pair's value by its field, and where the field comes again, by its number too."""
    seen = collections.Counter()
    values = {}
    for field, value in pairs:
        seen[field] += 1
        name = field if seen[field] == 1 else f"{field} #{seen[field]}"
        values[name] = value
    return values


def summary_of_text(text):
    """Fields and values of the summary, and that they are aligned alike."""
    pairs = []
    for line in text.splitlines():
        # names have single blanks and end with a colon; the value follows after padding
        found = re.fullmatch(r"((?:NUMA node\d+ CPU\(s\)|[^:]+):)( *)(.*)", line)
        pairs.append((found[1].rstrip(":"), found[3]))
    return by_occurrence(pairs)


def summary_of_json(text):
    """Fields and values of the summary in JSON."""
    rows = json.loads(text)["lscpu"]
    return by_occurrence((row["field"].rstrip(":"), row["data"]) for row in rows)


def table_of_text(text):
    """Cells of a table without blanks in them, by CPU and heading; the headings themselves too."""
    lines = [line.split() for line in text.splitlines()]
    headings = lines[0]
    column = headings.index("CPU")
    values = {"headings": " ".join(headings)}
    for cells in lines[1:]:
        for heading, cell in zip(headings, cells, strict=True):
            values[f"CPU {cells[column]} {heading}"] = cell
    return values


def table_of_parsable(text):
    """Cells of the parsable format, by CPU and heading; the comments too.

    lscpu leaves the commas between a CPU's caches out where it knows none of them (offline CPUs),
    so that the cells after them shift: put right here, and named "row" as a value of its own.
    """
    lines = text.splitlines()
    comments = [line for line in lines if line.startswith("#")]
    headings = comments[-1].removeprefix("# ").split(",")
    column = headings.index("CPU")
    caches = [i for i, heading in enumerate(headings) if re.fullmatch(r"L\d[di]?", heading)]
    values = {"comments": " / ".join(comments)}
    for line in lines[len(comments):]:
        cells = line.split(",")
        cpu = cells[column]
        missing = len(headings) - len(cells)
        if 0 < missing < len(caches):
            values[f"CPU {cpu} row"] = f"{missing} cells missing"
            cells[caches[-missing]:caches[-missing]] = [""] * missing
        for heading, cell in zip(headings, cells, strict=True):
            values[f"CPU {cpu} {heading}"] = cell
    return values


def caches_of_json(text):
    """Cells of the caches in JSON, by name and heading."""
    return {f"{row['name']} {heading}": value
            for row in json.loads(text)["caches"] for heading, value in row.items()}


def caches_of_text(text):
    """The known cells of each line of the caches: an unknown one is blank with lscpu, "-" with us."""
    lines = ([cell for cell in line.split() if cell != "-"] for line in text.splitlines())
    return {cells[0]: " ".join(cells) for cells in lines}


# view: lscpu's arguments, ours, and how both are read
VIEWS = {
    "summary": (["lscpu"], ["topology"], summary_of_text),
    "-J": (["lscpu", "-J"], ["topology", "--json"], summary_of_json),
    "-x": (["lscpu", "-x"], ["topology", "--hex"], summary_of_text),
    "-B": (["lscpu", "-B"], ["topology", "--bytes"], summary_of_text),
    "-e": (["lscpu", "-a", f"-e={CPU_COLUMNS}"], ["list", "--all", "-o", CPU_COLUMNS],
           table_of_text),
    "-e -y": (["lscpu", "-a", "-y", "-e=CPU,CORE,SOCKET,NODE,BOOK,DRAWER"],
              ["list", "--all", "--physical", "-o", "CPU,CORE,SOCKET,NODE,BOOK,DRAWER"],
              table_of_text),
    "-p": (["lscpu", "-p"], ["list", "--parse"], table_of_parsable),
    "-p=LIST": (["lscpu", "-a", f"-p={CPU_COLUMNS}"], ["list", "--all", f"--parse={CPU_COLUMNS}"],
                table_of_parsable),
    "-C": (["lscpu", "-C"], ["caches"], caches_of_text),
    "-C -J": (["lscpu", f"-C={CACHE_COLUMNS}", "-J"], ["caches", "-o", CACHE_COLUMNS, "--json"],
              caches_of_json),
}
