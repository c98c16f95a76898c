#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/run: timeout=120
"""The same bytes to our agent and to a stock qemu-ga: the replies have to be equal.

Replies are compared as bytes but for the differences named in DIFFERENCES, where class and number are.
"""
import json
import os
import shutil
import sys
import tempfile

from wire import Client, Process, Skip, agent_program, run, sanitized

PING = b'{"execute":"guest-ping"}'
SYNC = b'\xff{"execute":"guest-sync-delimited","arguments":{"id":987654321}}'
END = b'\xff{"return": 987654321}\n'


def vcpus(value):
    return b'{"execute":"guest-set-vcpus","arguments":{"vcpus":' + value + b"}}"


CASES = {
    "requests with an id": (
        b'{"execute":"guest-ping","id":1}', b'{"execute":"guest-ping","id":null}', b'{"id":"x","execute":"guest-ping"}',
        b'{"execute":"guest-ping","id":18446744073709551615}', b'{"execute":"nope","id":[5]}', b'{"id":3}',
        b'{"execute":"guest-ping","id":-9223372036854775808}',
        b'{"execute":"guest-sync","id":1,"arguments":{"id":"x"}}'),
    "several requests at once": (
        PING + PING, PING + b"\n\r\n\t " + PING + b"\n", b'{"execute" :\t"guest-ping"\r\n,\n"id": 5}'),
    "sync": (
        b'{"execute":"guest-sync","arguments":{"id":1721212121212}}',
        b'{"execute":"guest-sync-delimited","arguments":{"id":-1}}', b'{"execute":"guest-sync"}',
        b'{"execute":"guest-sync","arguments":{"id":9223372036854775807}}',
        b'{"execute":"guest-sync","arguments":{"id":-9223372036854775808}}',
        b'{"execute":"guest-sync","arguments":{"id":9223372036854775808}}',
        b'{"execute":"guest-sync","arguments":{"id":1.0}}', b'{"execute":"guest-sync","arguments":{"id":1e3}}',
        b'{"execute":"guest-sync","arguments":{"id":null}}', b'{"execute":"guest-sync","arguments":{"id":true}}',
        b'{"execute":"guest-sync","arguments":{"id":1,"y":2}}', b'{"execute":"guest-sync-delimited","arguments":{}}'),
    "requests that are none": (
        b"{}", b"[]", b"[1,2]\n", b"5\n", b"5 " + PING, b'"abc"\n', b"null\n", b"1.5e5\n", b'{"execute":5}',
        b'{"execute":null}', b'{"execute":["guest-ping"]}', b'{"execute":"guest-ping","arguments":5}',
        b'{"execute":"guest-ping","arguments":[]}', b'{"execute":"guest-ping","arguments":null}',
        b'{"execute":"guest-ping","foo":1}', b'{"execute":"guest-ping","foo":1,"id":3}', b'{"exec-oob":"guest-ping"}',
        b'{"execute":"guest-ping","control":{}}', b'{"return":{}}'),
    "commands that don't exist": (
        b'{"execute":"nope"}', b'{"execute":""}', b'{"execute":"ab\xc3\xa4"}', b'{"execute":"nope\\u00e4\\ud83d\\ude00"}',
        b'{"execute":"Guest-ping"}', b'{"execute":"guest-ping "}', b'{"execute":"gu\x7fa"}', b'{"execute":"a\\"b\\\\\\n"}'),
    "arguments that are wrong": (
        b'{"execute":"guest-ping","arguments":{"x":1}}', b'{"execute":"guest-set-vcpus"}', vcpus(b"5"), vcpus(b"{}"),
        vcpus(b"[5]"), vcpus(b"[[]]"), vcpus(b'[{"logical-id":"x","online":true}]'), vcpus(b'[{"online":true}]'),
        vcpus(b'[{"logical-id":1}]'), vcpus(b'[{"logical-id":1,"online":1}]'), vcpus(b'[{"logical-id":1.5,"online":true}]'),
        vcpus(b'[{"logical-id":1,"online":true,"can-offline":"x"}]'), vcpus(b'[{"logical-id":1,"online":true,"z":1}]'),
        vcpus(b'[{"logical-id":1,"online":true},7]'), vcpus(b"[]"),
        b'{"execute":"guest-set-vcpus","arguments":{"vcpus":[],"x":1}}',
        b'{"execute":"guest-shutdown","arguments":{"mode":"sideways"}}',
        b'{"execute":"guest-shutdown","arguments":{"mode":5}}', b'{"execute":"guest-shutdown","arguments":{"x":5}}'),
    "members that come twice": (
        b'{"execute":"guest-ping","execute":"guest-sync"}', b'{"execute":"guest-ping","\\u0065xecute":"guest-sync"}',
        b'{"id":1,"id":2,"execute":"guest-ping"}', b'{"execute":"guest-ping","arguments":{"a":1,"a":2}}',
        b'{"execute":"guest-ping","arguments":{"a":[{"b":1,"b":2}]},"id":1}', b'{"execute":"guest-ping","execute":5}'),
    "resets": (
        b"\xff" + PING, b"\xff\xff\xff", b"\xfe" + PING, b"\x01\x02 " + PING, b'{"execute":"gue\xff' + PING,
        b'{"execute":"guest-ping","arguments":{"a":[\xff' + PING, b'{"a":"\\\xff' + PING, b'{"a":"\\u12\xff' + PING,
        b"12\xff" + PING, b"tru\xff" + PING, b"\x00" + PING, b"{\x00}" + PING, b'{"a"\xff' + PING),
    "garbage": (
        b"garbage\n", b"garbage " + PING, b"GARBAGE x y\n" + PING, b"Abc def\n", b"\xef\xbb\xbf" + PING, b"%p" + PING,
        b"%d\n", b"#\n" + PING, b"/* x */\n" + PING, b"-\n\n", b"01\n", b"1." + PING, b"1e" + PING, b"0e5 " + PING, b"+1\n",
        b"0x10\n", b'{"execute":True}\n', b"\xc3\xa4" + PING, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + PING),
    "unfinished strings": (
        b'"abc\n', b'{"execute":"abc\n"}\n', b'{"execute":"abc\t"}\n', b'{"execute":"ab\x01c"}\n', b"'abc\n" + PING, b'"a\xef\xbf\xbfb\n'),
    "brackets": (
        b"}\n", b"]\n", b"}}" + PING, b"[}" + PING, b"{]" + PING, b'{"a":[}]}', b'{"a":1]}', b'{"a":1}}',
        b'{"execute":"guest-ping"]' + PING, b"[[{}]" + PING + b"]", b", :" + PING),
    "broken grammar": (
        b'{"execute":"guest-ping",}', b'{"execute" "guest-ping"}', b'{"execute":"guest-ping" x}', b"[1 2]", b"[1,]", b"{5:1}",
        b"{:1}", b'{"a":}', b'{"a" 1}', b"{,}", b"[,1]", b"{[]:1}", b'{"a":nul}', b'{"a":tru,"b"}', b'{"a"}'),
    "broken strings": (
        b'{"execute":"ab\xc3"}', b'{"execute":"\xf4\x90\x80\x80"}', b'{"execute":"\xed\xa0\x80"}', b'{"execute":"\x80"}',
        b'{"execute":"\xc0\xaf"}', b'{"execute":"a\\q"}', b'{"execute":"a\\ud800"}', b'{"execute":"a\\udc00"}',
        b'{"execute":"a\\ud800\\u0041"}', b'{"execute":"a\\ud800x"}', b'{"execute":"\\ufffe"}', b'{"execute":"\\ufdd0"}',
        b'{"execute":"\xef\xbf\xbe"}', b'{"execute":"\xef\xb7\x90"}', b'{"execute":"\\ud83f\\udfff"}'),
    "single quotes": (
        b"{'execute':'guest-ping'}", b"{'id':'a\"b\\'','execute':'guest-ping'}", b"{'execute':\"no'pe\"}"),
    "depth": (
        b"[" * 1024 + b"]" * 1024, b"[" * 1025 + PING, b'{"a":' * 1023 + b"1" + b"}" * 1023,
        b'{"a":' * 1025, b"[" * 3000 + PING),
}

# Where we differ: by what, and why.
DIFFERENCES = {
    b'{"execute":"guest-ping","id":{"a":[1,null]}}': "an id is echoed as the client wrote it, without white space",
    b'{"execute":"guest-ping","id":1.10}': "qemu-ga prints the double's nearest decimal, 1.1000000000000001",
    b'{"execute":"guest-ping","id":18446744073709551616}': "qemu-ga prints 1.8446744073709552e+19",
    b'{"execute":"a\\u0000b"}': "the sentence ends before the U+0000",
    b'{"\\u00zz":1}': "the sentence shows the escape up to its first wrong digit",
    b'{"a\xc0\x80":1}': "RFC 3629 has no such encoding of U+0000; QEMU's modified UTF-8 has",
    b'{"x":1,"x":2}': "of two errors we name the one that comes first in the text",
}


def shape(reply):
    """A reply without what DIFFERENCES allow to differ: its members and the error's class."""
    reply = json.loads(reply)
    return sorted(reply), reply.get("error", {}).get("class"), repr(reply.get("id", ""))[:3]


class Pair:
    """Our agent and the stock one, each on its socket."""

    def __init__(self):
        if not shutil.which("qemu-ga"):
            raise Skip("qemu-ga is not installed")
        self.folder = tempfile.mkdtemp(prefix="cpuctl-wire-")
        ours, stock = f"{self.folder}/ours", f"{self.folder}/stock"
        config = f"{self.folder}/agent.conf"
        with open(config, "w", encoding="ascii") as file:
            file.write("[general]\nseccomp=false\n" if sanitized() else "[general]\n")
        self.processes = [
            Process([agent_program(), "-c", config, "-m", "unix-listen", "-p", ours], f"{self.folder}/ours.log"),
            Process([shutil.which("qemu-ga"), "-m", "unix-listen", "-p", stock, "-t", self.folder,
                     "-f", f"{self.folder}/pid"], f"{self.folder}/stock.log")]
        self.clients = [Client(ours), Client(stock)]

    def close(self):
        for client in self.clients:
            client.close()
        for process in self.processes:
            process.stop()
        if self.processes[0].process.returncode:
            raise AssertionError(f"our agent ended with status {self.processes[0].process.returncode}")
        shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, data):
        """All that each of the two replies; a sync afterwards tells where it ends."""
        replies = []
        for client in self.clients:
            client.send(data)
            client.send(SYNC)
            while not client.buffer.endswith(END):
                received = client.socket.recv(65536)
                if not received:
                    raise AssertionError(f"hung up at {data[:100]!r}")
                client.buffer += received
            replies.append(client.buffer[:-len(END)])
            client.buffer = b""
        return replies


PAIR = []


def pair():
    if not PAIR:
        PAIR.append(Pair())
    return PAIR[0]


def compare(cases):
    wrong = []
    for data in cases:
        ours, stock = pair().ask(data)
        if ours != stock:
            wrong.append(f"{data[:100]!r}:\n  ours  {ours[:500]!r}\n  stock {stock[:500]!r}")
    if wrong:
        raise AssertionError("\n" + "\n".join(wrong))


def make_test(name, cases):
    def test():
        compare(cases)
    test.__doc__ = f"as stock qemu-ga: {name}"
    return test


def test_differences():
    """what differs, differs in wording only"""
    for data, reason in DIFFERENCES.items():
        ours, stock = pair().ask(data)
        if ours == stock:
            raise AssertionError(f"{data!r} does not differ any more ({reason})")
        if [shape(line) for line in ours.splitlines()] != [shape(line) for line in stock.splitlines()]:
            raise AssertionError(f"{data!r} ({reason}):\n  ours  {ours!r}\n  stock {stock!r}")


TESTS = [make_test(name, cases) for name, cases in CASES.items()] + [test_differences]

if __name__ == "__main__":
    try:
        code = run(TESTS)
    finally:
        for both in PAIR:
            both.close()
    sys.exit(code)
