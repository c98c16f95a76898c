# SPDX-License-Identifier: LGPL-2.1-or-later
"""A running cpuvmm with one of the smallest kernels, and a client of its control socket."""

import os
import pathlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "e2e")]
from channel import Closed, CommandError, Qmp, wait_until  # noqa: E402,F401  pylint: disable=wrong-import-position
from micro import CPUVMM, image, missing  # noqa: E402,F401  pylint: disable=wrong-import-position

# The search for leaks at the end of a sanitized program needs system calls that the filters refuse.
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"


class Vm:
    """Runs `code`; ends with its `with` block. `qmp` is a client, `folder` has the files."""

    def __init__(self, code, *words, before=(), wrap=image):
        """before: a command that starts cpuvmm. wrap: what makes a kernel of `code`."""
        # pylint: disable-next=consider-using-with
        self.temporary = tempfile.TemporaryDirectory(prefix="cpuvmm.")
        self.folder = pathlib.Path(self.temporary.name)
        self.folder.chmod(0o777)
        (self.folder / "kernel").write_bytes(wrap(code))
        (self.folder / "disk").write_bytes(bytes(4096))
        (self.folder / "disk").chmod(0o666)
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            [*before, CPUVMM, "--kernel", self.folder / "kernel", "--memory", "64M", "--serial",
             f"file:{self.folder}/serial", "--qmp", f"unix:{self.folder}/qmp",
             *(word.replace("F/", f"{self.folder}/") for word in words)],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.qmp = None

    def __enter__(self):
        try:
            self.qmp = Qmp(self.folder / "qmp")
        except BaseException:
            print(f"# {self.end()}")
            raise
        return self

    def __exit__(self, *reason):
        self.end()

    def client(self):
        """Another client's connection, negotiated."""
        return Qmp(self.folder / "qmp").stream

    def wait_serial(self, text):
        """Until the guest has written exactly `text`."""
        wait_until(lambda: self.serial() == text, f"{text!r} from the guest", 60)

    def wait_serial_end(self, text):
        """Until `text` is the last that the guest has written."""
        wait_until(lambda: self.serial().endswith(text), f"{text!r} from the guest", 60)

    def serial(self):
        return (self.folder / "serial").read_bytes().decode("latin1")

    def add(self, **arguments):
        """device_add of the first CPU that is not there; its index."""
        driver = self.qmp.execute("query-hotpluggable-cpus")[0]["type"]
        entry = next(entry for entry in self.qmp.execute("__org.cpuctl_query-vcpus")
                     if not entry["plugged"])
        self.qmp.execute("device_add", driver=driver, **entry["props"], **arguments)
        self.qmp.execute("query-cpus-fast")  # its answer waits for new threads
        return entry["cpu-index"]

    def threads(self, field):
        """Name to `field` of /proc/PID/task/TID/status."""
        found = {}
        for path in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            lines = dict(line.split(":\t", 1) for line in (path / "status").read_text().splitlines())
            found[lines["Name"]] = lines[field]
        return found

    def wait(self):
        """Its end: exit status and stderr."""
        err = self.process.communicate(timeout=60)[1]
        return self.process.returncode, err

    def end(self):
        """Kills it if it runs; its exit status and stderr."""
        self.process.kill()
        try:
            return self.wait()
        finally:
            if self.qmp:
                self.qmp.stream.close()
            self.temporary.cleanup()
