#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Takes totals out of the maps of a running vexfs-trace-read, so that it must miss them."""
import json
import subprocess
import sys
import time

BPFTOOL = "/usr/sbin/bpftool"


def bpftool(*arguments):
    return subprocess.run([BPFTOOL, "-j", *arguments], capture_output=True, text=True)


def steal(name):
    shown = bpftool("map", "dump", "name", name)
    if shown.returncode:
        return 0
    taken = 0
    for entry in json.loads(shown.stdout):
        gone = bpftool("map", "delete", "name", name, "key", *entry["key"])
        taken += gone.returncode == 0
    return taken


taken, deadline = 0, time.monotonic() + 60
while not taken and time.monotonic() < deadline:
    taken += steal("totals_even") + steal("totals_odd")
sys.exit(not taken)
