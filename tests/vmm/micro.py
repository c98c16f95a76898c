# SPDX-License-Identifier: LGPL-2.1-or-later
"""The smallest kernels: a few instructions, wrapped as a bzImage of the 64-bit boot protocol.

Integer instructions only, so that they also run where KVM is not backed by vmx or svm.
"""

import os
import pathlib
import struct

TOP = pathlib.Path(__file__).resolve().parents[2]
CPUVMM = pathlib.Path(os.environ.get("CPUCTL_BUILD", TOP / "build")) / "vmm/cpuvmm"
LOAD_ADDRESS = 0x1000000


def out_byte(port, value):
    """mov dx, port; mov al, value; out dx, al"""
    return b"\x66\xba" + struct.pack("<H", port) + b"\xb0" + bytes([value]) + b"\xee"


def say(text):
    return b"".join(out_byte(0x3F8, byte) for byte in text.encode())


HALT = b"\xf4\xeb\xfd"
# Sleep control: SLP_TYP 5 in bits 4..2, SLP_EN in bit 5 (ACPI 6.5, 4.8.3.7).
POWER_OFF = out_byte(0x604, 5 << 2 | 1 << 5) + HALT
RESET = out_byte(0x606, 1) + HALT


def once(end):
    """Ends by `end` at first, and after a reset goes on behind: RAM keeps what was written."""
    at = LOAD_ADDRESS - 0x1000
    # mov rbx, at; inc dword [rbx]; cmp dword [rbx], 1; jne over the code for the first time
    first = say("1") + end
    return (b"\xbb" + struct.pack("<I", at) + b"\xff\x03\x83\x3b\x01\x0f\x85" +
            struct.pack("<i", len(first)) + first)


def image(code):
    """A bzImage whose 64-bit entry point is `code` (Documentation/arch/x86/boot.rst)."""
    header = bytearray(1024)
    header[0x1F1] = 1                                       # setup_sects
    header[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", header, 0x206, 0x020F)           # version
    header[0x211] = 1                                       # LOADED_HIGH
    struct.pack_into("<I", header, 0x22C, 0x7FFFFFFF)       # initrd_addr_max
    struct.pack_into("<H", header, 0x236, 1)                # xloadflags: XLF_KERNEL_64
    struct.pack_into("<I", header, 0x238, 2047)             # cmdline_size
    struct.pack_into("<Q", header, 0x258, LOAD_ADDRESS)     # pref_address
    struct.pack_into("<I", header, 0x260, 1 << 20)          # init_size
    # SP is not set by the protocol's entry; these guests use no stack.
    return bytes(header) + b"\xf4" * 0x200 + code


def missing():
    """Why cpuvmm can't run here, or None."""
    if not CPUVMM.exists():
        return f"{CPUVMM} is not built"
    return None if os.access("/dev/kvm", os.R_OK | os.W_OK) else "/dev/kvm can not be opened"
