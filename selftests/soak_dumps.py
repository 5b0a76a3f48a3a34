#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Begins to read the tables of vexfs_trace.ko and does not go on: soak_dumps.py

Opens dumps of the netlink family and the tables in debugfs and reads a part of each: while they
are open the module cannot go. At a line on standard input all are given up.
"""
import os
import socket
import struct
import sys

DEBUGFS = "/sys/kernel/debug/vexfs/"
TABLES = ("stack", "chain", "latency", "alloc", "targets", "config")
GENL_ID_CTRL, CTRL_CMD_GETFAMILY = 16, 3
CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME = 1, 2
NLM_F_REQUEST, NLM_F_DUMP = 1, 0x300
DUMPS = (1, 2, 3)  # stack-get, alloc-get, latency-get


def ask(family, command, flags, attributes=b""):
    """A socket with a request on its way."""
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.settimeout(30)
    body = struct.pack("=BBH", command, 1, 0) + attributes
    s.send(struct.pack("=IHHII", 16 + len(body), family, NLM_F_REQUEST | flags, 1, 0) + body)
    return s


def family_id(name):
    text = name.encode() + b"\0"
    attribute = struct.pack("=HH", 4 + len(text), CTRL_ATTR_FAMILY_NAME) + text
    attribute += b"\0" * (-len(attribute) % 4)
    with ask(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0, attribute) as s:
        reply = s.recv(65536)
    at = 20
    while at + 4 <= len(reply):
        length, kind = struct.unpack_from("=HH", reply, at)
        if kind == CTRL_ATTR_FAMILY_ID:
            return struct.unpack_from("=H", reply, at + 4)[0]
        at += (length + 3) & ~3
    raise OSError(f"no family {name}")


def main():
    family = family_id("vexfs_trace")
    sockets = [ask(family, command, NLM_F_DUMP) for command in DUMPS for _ in range(4)]
    for s in sockets[::2]:
        s.recv(256)
    tables = [os.open(DEBUGFS + name, os.O_RDONLY) for name in TABLES]
    for fd in tables:
        os.read(fd, 50)
    print("begun", flush=True)
    sys.stdin.readline()
    for s in sockets:
        s.close()
    for fd in tables:
        os.close(fd)
    print("given up", flush=True)


main()
