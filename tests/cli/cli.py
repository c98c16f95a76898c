# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the program cpuctl share: running it, recorded machines, and TAP."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("CPUCTL_BUILD", TOP / "build"))
CPUCTL = BUILD / "tools" / "cpuctl"
DUMPS = pathlib.Path(os.environ.get("CPUCTL_DUMPS", TOP.parent / "shared/fixtures/lscpu-dumps"))
FIXTURES = TOP / "tests" / "fixtures"


class Tap:
    """Prints test points; use as a context, which prints the plan at its end."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        if kind is None:
            print(f"1..{self.count}")
            sys.exit(1 if self.failed else 0)

    def ok(self, condition, name, *details):
        """One point; @details are shown when it failed."""
        self.count += 1
        print(f"{'ok' if condition else 'not ok'} {self.count} - {name}")
        if not condition:
            self.failed += 1
            for detail in details:
                for line in str(detail).splitlines():
                    print(f"# {line}")
        sys.stdout.flush()

    def equal(self, found, wanted, name):
        """One point: two values are equal. Of texts the first lines that differ are shown."""
        details = [f"found:  {found!r}", f"wanted: {wanted!r}"]
        if isinstance(found, str) and isinstance(wanted, str) and found != wanted:
            pairs = list(zip(found.splitlines() + ["<end>"], wanted.splitlines() + ["<end>"]))
            details = next(([f"line {i}", f"found:  {a!r}", f"wanted: {b!r}"]
                            for i, (a, b) in enumerate(pairs, 1) if a != b), details)
        self.ok(found == wanted, name, *details)

    def skip(self, name, reason):
        """One point that can not be tested here."""
        self.count += 1
        print(f"ok {self.count} - {name} # SKIP {reason}")


def run(*words, env=None, **options):
    """Run cpuctl, without a terminal, in English and UTC."""
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    environment = dict(os.environ, LC_ALL="C", TZ="UTC", TERM="xterm", **(env or {}))
    return subprocess.run([CPUCTL, *map(str, words)], env=environment, text=True, check=False,
                          timeout=60, stdin=subprocess.DEVNULL, **options)


def run_as_live(tree, *words):
    """Run cpuctl on this machine with the CPUs of @tree in /sys; None where that can't be had."""
    if subprocess.run(["unshare", "--mount", "mount", "--bind", tree / CPU, f"/{CPU}"],
                      stderr=subprocess.DEVNULL, check=False).returncode != 0:
        return None
    return subprocess.run(["unshare", "--mount", "sh", "-c", 'mount --bind "$1" "$2"; shift 2; exec "$@"',
                           "sh", tree / CPU, f"/{CPU}", CPUCTL, *map(str, words)],
                          env=dict(os.environ, LC_ALL="C", TERM="xterm"), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False, timeout=60)


def lscpu(*words):
    """What lscpu prints, or None where there is none."""
    if not shutil.which("lscpu"):
        return None
    result = subprocess.run(["lscpu", *map(str, words)], env=dict(os.environ, LC_ALL="C"), text=True,
                            check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return result.stdout


def parse_json(text):
    """The value of a JSON text, or None when it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return None


class Machines:
    """Recorded machines, unpacked into a temporary directory; use as a context."""

    def __init__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="cpuctl-cli-")
        self.path = pathlib.Path(self.directory.name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.directory.cleanup()

    def dumps(self):
        """{name: directory} of the real machines that lscpu's tests use; empty where absent."""
        return {archive.name.removesuffix(".tar.gz"): self.unpack(archive)
                for archive in sorted(DUMPS.glob("*.tar.gz"))}

    def unpack(self, archive):
        """The directory of one archive, whose entries are below the archive's name."""
        name = archive.name.partition(".tar")[0]
        with tarfile.open(archive) as tar:
            if hasattr(tarfile, "data_filter"):
                tar.extractall(self.path, filter="data")
            else:
                tar.extractall(self.path)
        return self.path / name

    def make(self, name, files):
        """A machine made of {path: text}."""
        for path, text in files.items():
            file = self.path / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return self.path / name


CPU = "sys/devices/system/cpu"


def small_machine(online="0-3", present="0-3", possible="0-7", isolated="", nohz_full=""):
    """The files of a machine: two cores of two threads, CPU 0 can not be taken offline."""
    files = {
        f"{CPU}/possible": possible + "\n", f"{CPU}/present": present + "\n",
        f"{CPU}/online": online + "\n", f"{CPU}/isolated": isolated + "\n",
        f"{CPU}/nohz_full": nohz_full + "\n",
        "proc/cpuinfo": "".join(
            f"processor\t: {cpu}\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 85\n"
            f"model name\t: Made-up CPU\nstepping\t: 4\ncpu MHz\t\t: 2000.000\n"
            f"apicid\t\t: {cpu * 2}\nbogomips\t: 4000.00\nflags\t\t: fpu lm\n\n"
            for cpu in parse_list(online)),
        "sys/devices/system/node/node0/cpumap": f"{sum(1 << c for c in parse_list(online)):x}\n",
        "sys/devices/system/node/node0/cpulist": f"{online}\n",
    }
    for cpu in range(4):
        if cpu > 0:
            files[f"{CPU}/cpu{cpu}/online"] = f"{int(cpu in parse_list(online))}\n"
        if cpu not in parse_list(online):
            continue
        core = cpu // 2
        siblings = [c for c in (core * 2, core * 2 + 1) if c in parse_list(online)]
        mask = sum(1 << c for c in siblings)
        package = sum(1 << c for c in parse_list(online))
        for name, value in {
                "core_id": 10 + core, "physical_package_id": 3, "die_id": 0, "cluster_id": 65535,
                "thread_siblings": f"{mask:x}", "core_cpus": f"{mask:x}",
                "core_siblings": f"{package:x}", "package_cpus": f"{package:x}",
                "die_cpus": f"{package:x}",
                "thread_siblings_list": ",".join(map(str, siblings)),
                "core_cpus_list": ",".join(map(str, siblings)),
                "core_siblings_list": online, "package_cpus_list": online,
                "die_cpus_list": online}.items():
            files[f"{CPU}/cpu{cpu}/topology/{name}"] = f"{value}\n"
    return files


def parse_list(text):
    """The CPUs of a kernel list, without strides."""
    cpus = []
    for item in filter(None, text.split(",")):
        first, _, last = item.partition("-")
        cpus += range(int(first), int(last or first) + 1)
    return cpus
