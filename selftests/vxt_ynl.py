#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Every command of the family through the library of the kernel's netlink client:
vxt_ynl.py TOOLS/NET/YNL SPEC

The client reads the spec at each start, which takes an emulated machine many seconds: here it does
so once. vxt_ynl.sh runs the client itself.
"""
import sys

sys.path.append(sys.argv[1])
from lib import NlError, YnlFamily  # noqa: E402 pylint: disable=wrong-import-position

DUMPS = ("stack-get", "latency-get", "alloc-get", "chain-get", "leak-get", "held-get",
         "bad-free-get", "ops-get", "lock-get", "target-get")
FUNCTION = "vfs_fsync_range"
MODULE = {"name": "module:vexfs", "function": "vexfs_lookup"}
family = YnlFamily(sys.argv[2], "")
failed = False


def verdict(good, name, what=""):
    global failed
    print("ok" if good else "not ok", "-", name)
    if not good:
        print("#", what)
        failed = True


def refusal(call, *args):
    """The kernel's message, "" when nothing was refused."""
    try:
        call(*args)
    except NlError as error:
        return error.nl_msg.extack.get("msg", "no message") if error.nl_msg.extack else str(error)
    return ""


def has(text, call, *args):
    said = refusal(call, *args)
    verdict(text in said, f"refused: {args[0]} {args[1]}: {text}", said)


def main():
    for name in DUMPS:
        rows = family.dump(name, {})
        verdict(isinstance(rows, list), f"the client dumps {name}", rows)

    rows = family.dump("stack-get", {})
    verdict(len(rows) > 19 and rows[19]["name"] == "search", "stack-get has classes by name", rows)
    rows = family.dump("latency-get", {"class": 19})
    verdict(len(rows) == 1 and rows[0]["class"] == 19, "latency-get of one class", rows)
    has("no such operation class", family.dump, "stack-get", {"class": 4711})

    status = family.do("status-get", {})
    verdict(status["version"] == 1 and len(status["cpu"]) >= 1 and status["calls"] ==
            status["painted"] + status["unpainted"] + status["clipped"],
            "status-get, with its nests", status)

    row = family.do("target-add", {"name": FUNCTION})
    rows = family.dump("target-get", {})
    verdict(row["class"] >= 29 and rows[0]["name"] == FUNCTION and rows[0]["missed"] == 0 and
            rows[0]["functions"] == 1 and rows[0]["allocs"] >= 0, "target-add, target-get", rows)
    has("no such function", family.do, "target-add", {"name": "no_such_function"})
    has("is a target already", family.do, "target-add", {"name": FUNCTION})
    family.do("target-del", {"name": FUNCTION})
    verdict(family.dump("target-get", {}) == [], "target-del")
    family.do("target-add", MODULE)
    rows = family.dump("target-get", {})
    verdict(rows[0]["name"] == MODULE["name"] and rows[0]["functions"] == 1,
            "target-add of a module", rows)
    family.do("target-del", {"name": MODULE["name"]})

    family.do("reset", {})
    again = family.do("status-get", {})
    verdict(again["resets"] == status["resets"] + 1, "reset", again)
    return failed


sys.exit(main())
