#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Takes a total out of the maps of a running vexfs-trace-read, so that it must miss it."""
import json
import subprocess
import sys

BPFTOOL = "/usr/sbin/bpftool"


def bpftool(*arguments):
    return subprocess.run([BPFTOOL, "-j", *arguments], capture_output=True, text=True)


def steal(name):
    shown = bpftool("map", "dump", "name", name)
    if shown.returncode:
        return False
    return any(not bpftool("map", "delete", "name", name, "key", *entry["key"]).returncode
               for entry in json.loads(shown.stdout))


sys.exit(not (steal("totals_even") or steal("totals_odd")))
