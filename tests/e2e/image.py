# SPDX-License-Identifier: LGPL-2.1-or-later
"""The kernel and the initramfs of a test guest.

The kernel is Debian's stock cloud kernel (scripts/kernel); the initramfs has busybox, the kernel
modules asked for, what `make install` installed, and any program of the host with its libraries.
"""

import fcntl
import functools
import os
import pathlib
import shutil
import stat
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("CPUCTL_BUILD", TOP / "build"))
MODULES = ("virtio_pci", "virtio_console")
PROGRAMS = ("qemu-ga", "lscpu", "chcpu")
# Installed too, but of no use in most guests; the library below libxml2 alone has 30 MB.
HOST_PROGRAMS = ("cpuvmm", "vcpuctl")
LIBRARIES = "/usr/lib/x86_64-linux-gnu"
# With rdinit=/bin/init on its command line: process 1 is busybox init, which powers off when told to, and
# runs the usual script.
INITTAB = {"/etc/inittab": "::once:/init\n"}


class Kernel:
    """A kernel unpacked by scripts/kernel."""

    def __init__(self, package="linux-image-cloud-amd64"):
        done = subprocess.run([TOP / "scripts/kernel", package], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, check=True, text=True)
        self.folder = pathlib.Path(done.stdout.strip())
        self.vmlinuz = self.folder / "vmlinuz"
        self.release = (self.folder / "release").read_text().strip()
        self.modules = self.folder / "lib/modules" / self.release

    def load_order(self, names):
        """The module files that loading `names` takes, each after what it depends on."""
        depends = {}
        for line in (self.modules / "modules.dep").read_text().splitlines():
            module, _, rest = line.partition(":")
            depends[module] = rest.split()
        by_name = {pathlib.Path(module).stem.replace("-", "_"): module for module in depends}
        built_in = {pathlib.Path(line).stem.replace("-", "_") for line in
                    (self.modules / "modules.builtin").read_text().splitlines()}
        order = []
        for name in names:
            if name.replace("-", "_") in built_in:
                continue
            module = by_name[name.replace("-", "_")]
            # depmod lists the deepest dependency last.
            for needed in reversed([module] + depends[module]):
                if needed not in order:
                    order.append(needed)
        return order


class Initramfs:
    """An archive in cpio's "newc" format (Documentation/driver-api/early-userspace in Linux)."""

    def __init__(self):
        self.entries = {}

    def add(self, path, data=b"", mode=0o644, kind=stat.S_IFREG):
        path = str(path).strip("/")
        parent = os.path.dirname(path)
        if parent and parent not in self.entries:
            self.add(parent, mode=0o755, kind=stat.S_IFDIR)
        self.entries[path] = (kind | mode, data if isinstance(data, bytes) else data.encode())

    def add_file(self, path, source):
        source = pathlib.Path(source)
        mode = 0o755 if os.access(source, os.X_OK) else 0o644
        self.add(path, source.read_bytes(), mode)

    def add_link(self, path, target):
        self.add(path, target, 0o777, stat.S_IFLNK)

    def add_program(self, source, path=None, library_path=""):
        """A program of the host, with the libraries that the dynamic loader finds for it."""
        source = pathlib.Path(source)
        self.add_file(path or f"/usr/bin/{source.name}", source)
        for library in shared_libraries(str(source), library_path):
            if "/ld-linux" in library:
                self.add_file("/lib64/ld-linux-x86-64.so.2", library)
            else:
                self.add_file(f"{LIBRARIES}/{os.path.basename(library)}", library)

    def write(self, path):
        with open(path, "wb") as archive:
            for number, (name, (mode, data)) in enumerate(self.entries.items(), 1):
                write_entry(archive, number, name, mode, data)
            write_entry(archive, 0, "TRAILER!!!", 0, b"")


def write_entry(archive, number, name, mode, data):
    encoded = name.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    for part in (header + encoded, data):
        archive.write(part + b"\0" * (-len(part) % 4))


@functools.lru_cache(maxsize=None)
def shared_libraries(program, library_path=""):
    """The files that the dynamic loader maps for `program`; none for a static one."""
    env = dict(os.environ, LC_ALL="C")
    if library_path:
        env["LD_LIBRARY_PATH"] = library_path
    done = subprocess.run(["ldd", program], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, env=env, check=False)
    if "not a dynamic executable" in done.stdout + done.stderr:
        return ()
    if done.returncode != 0 or "not found" in done.stdout:
        raise RuntimeError(f"ldd {program}: {done.stdout}{done.stderr}")
    words = (line.split() for line in done.stdout.splitlines())
    found = (next((word for word in line if word.startswith("/")), None) for line in words)
    return tuple(path for path in found if path)


@functools.lru_cache(maxsize=None)
def stage():
    """The folder with what `make install` installs, or None before anything is built.

    $CPUCTL_STAGE names one that exists; otherwise it is made from the build folder.
    """
    if "CPUCTL_STAGE" in os.environ:
        return pathlib.Path(os.environ["CPUCTL_STAGE"])
    if not (BUILD / "Makefile").exists():
        return None
    folder = BUILD / "stage"
    with open(BUILD / ".stage.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(["make", "-s", "-C", BUILD, "install", f"DESTDIR={folder}"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"make install: {done.stdout}{done.stderr}")
    return folder


@functools.lru_cache(maxsize=None)
def installed(name):
    """The staged program `name`, or the host's; None where there is none."""
    if stage():
        for folder in ("bin", "sbin", "libexec"):
            for found in stage().glob(f"**/{folder}/{name}"):
                return found
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    return pathlib.Path(found) if found else None


def add_stage(archive, programs):
    """What `make install` installed, less what only developers and readers use, and less those of
    HOST_PROGRAMS that are not in `programs`."""
    root = stage()
    if not root:
        return
    libraries = {path.parent for path in root.glob("**/lib*.so*")}
    library_path = ":".join(str(path) for path in libraries)
    for path in sorted(root.glob("**/*")):
        inside = "/" + str(path.relative_to(root))
        if path.suffix in (".a", ".la", ".h", ".pc") or "/share/" in inside:
            continue
        if path.name in HOST_PROGRAMS and path.name not in programs:
            continue
        if path.parent in libraries:
            # Where the guest's loader looks without being told of the prefix.
            inside = f"{LIBRARIES}/{path.name}"
        if path.is_symlink():
            archive.add_link(inside, os.readlink(path))
        elif path.is_file() and path.parent in libraries:
            archive.add_program(path, inside, library_path)
        elif path.is_file() and path.parent.name in ("bin", "sbin", "libexec"):
            archive.add_program(path, inside, library_path)
        elif path.is_file():
            archive.add_file(inside, path)


def add_modules(archive, kernel, names):
    """The modules `names` with what they depend on, and their order for guest-init."""
    order = kernel.load_order(names)
    for module in order:
        archive.add_file(f"/lib/modules/{kernel.release}/{module}", kernel.modules / module)
    archive.add("/etc/modules.order",
                "".join(f"/lib/modules/{kernel.release}/{module}\n" for module in order))


def add_base(archive):
    """What every served guest has: the folders, busybox, guest-init and guest-serve."""
    for folder in ("proc", "sys", "dev", "run", "tmp", "root", "mnt", "etc", "var/lib", "var/log"):
        archive.add(folder, mode=0o755, kind=stat.S_IFDIR)
    archive.add_link("/var/run", "/run")
    archive.add_link("/lib/x86_64-linux-gnu", f"..{LIBRARIES}")

    busybox = installed("busybox")
    archive.add_program(busybox, "/bin/busybox")
    applets = subprocess.run([busybox, "--list"], stdin=subprocess.DEVNULL, check=True, text=True,
                             capture_output=True).stdout.split()
    for applet in applets:
        if applet != "busybox":
            archive.add_link(f"/bin/{applet}", "busybox")
    archive.add("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
    archive.add("/etc/group", "root:x:0:\n")
    archive.add_file("/init", TOP / "tests/e2e/guest-init")
    archive.add_file("/guest-serve", TOP / "tests/e2e/guest-serve")


def build(path, kernel, modules=(), programs=(), files=None):
    """Write the initramfs `path`.

    modules: names of kernel modules to load beside MODULES, in this order.
    programs: names or paths of the host's programs to take in beside PROGRAMS; plugins (*.so) keep
        their path.
    files: contents by path in the guest: bytes, or a pathlib.Path to copy (with its x bit).
    """
    archive = Initramfs()
    add_base(archive)
    add_modules(archive, kernel, MODULES + tuple(modules))
    for name in PROGRAMS + tuple(programs):
        source = pathlib.Path(name) if "/" in str(name) else installed(name)
        if source and not (stage() and source.is_relative_to(stage())):
            archive.add_program(source, source if source.suffix == ".so" else None)
    add_stage(archive, programs)
    for name, content in (files or {}).items():
        if isinstance(content, pathlib.Path):
            archive.add_file(name, content)
        else:
            archive.add(name, content, 0o755 if content[:2] in ("#!", b"#!") else 0o644)
    archive.write(path)


def build_root_loader(path, kernel):
    """Write the initramfs `path` that only gives over to the system on the first disk."""
    archive = Initramfs()
    for folder in ("dev", "mnt"):
        archive.add(folder, mode=0o755, kind=stat.S_IFDIR)
    archive.add_program(shutil.which("busybox"), "/bin/busybox")
    add_modules(archive, kernel, ("virtio_pci", "virtio_blk"))
    archive.add_file("/init", TOP / "tests/e2e/root-init")
    archive.write(path)
