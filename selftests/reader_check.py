#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Judges claims about the JSON of vexfs-trace-read: reader_check.py <CLAIMS

Each line of the input is a file, a name, a claim (a function below) and its arguments, with
tabs between them. Prints TAP; exit status 1 when a claim does not hold.
"""
import functools
import json
import os
import re
import sys

def entries():
    """Which functions of vexfs.ko are the entry points of which class: as trace/vexfs.h says."""
    found = {}
    path = os.path.join(os.path.dirname(__file__), "../kmod/trace/vexfs.h")
    with open(path, encoding="ascii") as header:
        for line in header:
            row = re.match(r" \*\t(\w+)\t+(vexfs_\w+)\t", line)
            if row:
                found.setdefault(row[1], set()).add(row[2])
    return found


ENTRIES = entries()
KINDS = ("operations", "allocations", "records")


@functools.lru_cache
def documents(path):
    """All the reports of a file, one after another."""
    text = open(path, encoding="utf-8").read()
    decoder, at, found = json.JSONDecoder(), 0, []
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        report, at = decoder.raw_decode(text, at)
        found.append(report)
    assert found, "no report"
    return found


def by_class(report, name):
    for c in report["classes"]:
        if c["class"] == name:
            return c
    raise AssertionError(f"no class {name}")


def functions(frames):
    return [f.get("function", "?") for f in frames]


def holds(reports):
    """Nothing is missing, and what is reported is what was counted."""
    for r in reports:
        identity = r["identity"]
        assert identity["holds"] and identity["residual"] == 0, identity
        for kind in KINDS:
            a = identity[kind]
            assert a["watched"], kind
            lost = sum(a["lost"].values())
            assert a["emitted"] == a["captured"] + a["not_sampled"] + lost, a
            assert r["sample"] > 1 or not a["not_sampled"], a
            assert a["captured"] == a["in_maps"] + a["via_ring"], a
            assert not a["module"]["contradictions"], a
        for kind, members in (("operations", r["classes"]), ("allocations", r["sites"])):
            counted = sum(c["count"] for m in members for c in m["callers"])
            assert counted == identity[kind]["captured"], (kind, counted, identity[kind])
            for m in members:
                assert m["events"] == sum(c["count"] for c in m["callers"]), m


def captured(reports, least):
    n = sum(r["identity"]["operations"]["captured"] for r in reports)
    assert n >= int(least), f"only {n} operations"


def sampled(reports, every):
    """Call stacks of about one event of so many."""
    assert all(r["sample"] == int(every) for r in reports), [r["sample"] for r in reports]
    for kind in ("operations", "allocations"):
        emitted = sum(r["identity"][kind]["emitted"] for r in reports)
        kept = sum(r["identity"][kind]["captured"] for r in reports)
        share = kept * int(every) / emitted
        # Of each window and CPU the first and the last event are samples.
        assert kept and 0.9 < share < 1.1 + 4 * len(reports) * int(every) / emitted, (kind, share)


def nothing_lost(reports):
    for r in reports:
        for kind in KINDS:
            assert not any(r["identity"][kind]["lost"].values()), r["identity"][kind]


def lost(reports, cause):
    n = sum(r["identity"][k]["lost"][cause] for r in reports for k in KINDS)
    assert n > 0, f"nothing lost by {cause}"


def via_ring(reports, reason):
    n = sum(r["identity"][k]["via_ring"] for r in reports for k in KINDS)
    m = sum(r["identity"][k]["ring_reasons"][reason] for r in reports for k in KINDS)
    assert n > 0 and m > 0, f"{n} events by the ring, {m} of them by {reason}"


def own_stacks(reports):
    """Kernel stacks begin at the operation's entry point; user stacks are its program's."""
    for r in reports:
        for c in r["classes"]:
            for caller in c["callers"] + c["records"]:
                assert caller["kernel"], (c["class"], "no kernel stack")
                first = caller["kernel"][0]
                assert first["function"] in ENTRIES[c["class"]], (c["class"], first)
                modules = {f.get("module") for f in caller["user"]}
                if caller["thread"] == "dd":
                    assert "vexfs" not in modules, caller
                if caller["thread"] == "vexfs":
                    assert "dd" not in modules, caller
        for name, thread in (("search", "vexfs"),):
            threads = {x["thread"] for c in r["classes"] if c["class"] == name
                       for x in c["callers"]}
            assert threads <= {thread}, threads


def reports_at_least(reports, least):
    assert len(reports) >= int(least), f"{len(reports)} reports"


def continuous(reports):
    """No event falls between two windows."""
    for kind in ("allocations",):
        seen = sum(r["identity"][kind]["emitted"] for r in reports)
        module = reports[-1]["identity"][kind]["module"]
        assert seen == module["numbered"] - module["outside"], (kind, seen, module)


def measured(reports, name):
    """A class has everything that a report promises."""
    r = reports[-1]
    c = by_class(r, name)
    s, t = c["stack"], c["latency_ns"]
    assert s["calls"] > 0 and s["painted"] > 0, s
    assert s["calls"] == s["painted"] + s["unpainted"] + s["clipped"], s
    assert 0 < s["min"] <= s["p50"] <= s["p99"] <= s["max"] < s["max_absolute"], s
    assert s["max_absolute"] < r["thread_size"], s
    assert t["min"] <= t["p50"] <= t["p90"] <= t["p99"] <= t["p999"] <= t["max"], t
    assert t["count"] >= c["events"] > 0, (t["count"], c["events"])


def whole(reports):
    """The parts of the time of each class are all of it."""
    for c in reports[-1]["classes"]:
        t = c["time_ns"]
        if c["target"]:
            assert t["lost"] == t["total"], (c["class"], t)
            continue
        parts = sum(t[part] for part in ("cpu", "lock", "io", "sleep", "runnable", "lost"))
        assert abs(t["total"] - parts) <= 10, (c["class"], t)
        assert t["lost_ops"] == 0, (c["class"], t)
        assert sum(c["errnos"].values()) == c["latency_ns"]["errors"], (c["class"], c["errnos"])


def waited(reports, name, kind, function, holder):
    """A class has waited for a lock, and its holder's stack has this function."""
    for lock in reports[-1]["locks"]:
        if lock["class"] != name or lock["kind"] != kind:
            continue
        assert lock["function"].startswith(function), lock
        assert lock["waits"] >= lock["stacks"] >= sum(h["waits"] for h in lock["holders"]), lock
        assert lock["total_ns"] >= lock["max_ns"] > 0, lock
        assert any(f.startswith(holder) for h in lock["holders"] for f in h["frames"]), lock
        return
    raise AssertionError(reports[-1]["locks"])


def called_from(reports, name, kernel, user, module):
    """A class was reached through these functions."""
    for caller in by_class(reports[-1], name)["callers"]:
        if (kernel in functions(caller["kernel"]) and user in functions(caller["user"])
                and module in {f.get("module") for f in caller["user"]}):
            return
    raise AssertionError(by_class(reports[-1], name)["callers"])


def direct_caller(reports, name, libc, module):
    """The function of a program that called into libc is there, frame pointers or not."""
    for caller in by_class(reports[-1], name)["callers"]:
        u = caller["user"]
        if len(u) > 1 and u[0].get("function") == libc and u[1].get("module") == module:
            return
    raise AssertionError(by_class(reports[-1], name)["callers"])


def deepest(reports, name, kernel, user):
    c = by_class(reports[-1], name)
    d = c["deepest"]
    assert d, f"no record of {name}"
    assert d["depth"] == c["stack"]["max"], (d["depth"], c["stack"]["max"])
    assert kernel in functions(d["kernel"]) and user in functions(d["user"]), d


def live_sites(reports):
    sites = reports[-1]["sites"]
    assert sum(s["live"] for s in sites) > 0, "nothing is held"
    assert [s["live"] for s in sites] == sorted((s["live"] for s in sites), reverse=True)
    assert any(s["callers"] for s in sites), "no call stack of an allocation"
    for s in sites:
        assert s["events"] <= s["allocs"], s
        assert s["function"] and s["file"] and s["line"], s


def named(reports):
    s = reports[-1]["symbols"]
    assert s["kernel"]["function"] > 0 and s["kernel"]["address"] == 0, s
    assert s["user"]["function"] > 0, s


def unnamed_kernel(reports):
    s = reports[-1]["symbols"]["kernel"]
    assert s["address"] > 0 and s["function"] == 0, s


def counters_only(reports):
    r = reports[-1]
    assert r["identity"] is None and r["classes"] and r["sites"], r.keys()


def same_counters(reports, other):
    """Two reports of an idle filesystem agree in all that both sources tell."""
    a, b = reports[-1], documents(other)[-1]
    assert a["counters_by"] != b["counters_by"]
    assert [c["class"] for c in a["classes"]] == [c["class"] for c in b["classes"]]
    for x, y in zip(a["classes"], b["classes"]):
        for key in x["stack"]:
            if key != "max_seq":
                assert x["stack"][key] == y["stack"][key], (x["class"], key)
        for key in ("latency_ns", "time_ns", "bytes", "errnos", "cache_hits", "cache_misses"):
            assert x[key] == y[key], (x["class"], key, x[key], y[key])
    assert a["locks"] == b["locks"]
    # Objects grow older between the two; debugfs tells microseconds.
    ages = ("oldest_ns", "old")
    for x, y in zip(a["sites"], b["sites"], strict=True):
        assert all(x[key] == y[key] for key in x if key not in ages + ("lifetime_ns",)), (x, y)
        for key, ns in x["lifetime_ns"].items():
            assert abs(ns - y["lifetime_ns"][key]) < 1000, (x["function"], key)
    assert a["thread_size"] == b["thread_size"]


def target(reports, name):
    c, = [c for c in reports[-1]["classes"] if c["class"] == name]
    assert c["target"], c
    return c


def target_chain(reports, name, part):
    """The chain leads from the word to the target's caller; part is in the name of a function or
    module of it."""
    c = target(reports, name)
    assert c["stack"]["painted"] >= 50 and c["latency_ns"]["count"] >= 100, c["stack"]
    chain = c["chain"]
    assert chain and chain["complete"], chain
    assert sum(f["bytes"] for f in chain["frames"]) == chain["depth"], chain
    assert c["stack"]["min"] <= chain["depth"] <= c["stack"]["max"], (c["stack"], chain)
    # A frame is never larger than what the kernel's build lets a function have.
    assert all(8 <= f["bytes"] <= 2048 + 256 for f in chain["frames"]), chain
    assert any(part in f["function"] for f in chain["frames"]), chain


def target_cost(reports, name, condition):
    """What time and memory went into: a condition on the number of functions (f), the stack (s),
    the memory (m) and the time (t) of a target."""
    c = target(reports, name)
    f, s, m, t = c["functions"], c["stack"], c["memory"], c["time_ns"]
    assert t["lost_ops"] == 0 and t["total"] > 0, (s, f, m, t)
    assert eval(condition, {"f": f, "s": s, "m": m, "t": t}), (condition, s, f, m, t)


def views(reports, *names):
    """What was asked for is watched, and nothing else; and the identity of it holds."""
    kinds = {"kernel": {"operations", "records", "chains"}, "performance": {"operations"},
             "memory": {"allocations"}}
    for r in reports:
        assert r["views"] == list(names), r["views"]
        watched = {k for k in KINDS + ("chains",) if r["identity"][k]["watched"]}
        assert watched == set().union(*(kinds[n] for n in names)), watched
        assert r["identity"]["holds"], r["identity"]
        assert bool(r["commits"]) == ("performance" in names), r["commits"]
        assert ("memory" in r["identity"]) == ("memory" in names), r["identity"]
        stacks = any(c["callers"] for c in r["classes"]), any(s["callers"] for s in r["sites"])
        assert stacks == ("operations" in watched, "allocations" in watched), stacks


def timed(reports):
    """The time of the call stacks is that which the module counted, to a ns for each call."""
    n = 0
    for c in reports[-1]["classes"]:
        counted, calls = c["time_ns"]["total"], c["latency_ns"]["count"]
        stacks = sum(x["time_ns"] for x in c["callers"])
        if c["target"] or c["events"] != calls or not calls:
            continue
        n += 1
        assert stacks <= counted <= stacks + calls, (c["class"], stacks, counted)
        longest = max(x["time_max_ns"] for x in c["callers"])
        assert longest == c["latency_ns"]["max"], (c["class"], longest, c["latency_ns"])
    assert n >= 6, n


def fates(reports):
    """What was allocated is held or was freed, by each call stack and in all."""
    for r in reports:
        memory = r["identity"]["memory"]
        lost = sum(memory["lost"].values())
        rest = memory["allocated"] - memory["freed"] - memory["held"] - lost
        assert rest == memory["residual" if r is reports[-1] else "under_way"] >= 0, memory
    assert rest == 0, memory
    allocated = sum(r["identity"]["allocations"]["in_maps"] for r in reports)
    assert memory["allocated"] == allocated, (memory, allocated)
    callers = [x for r in reports for s in r["sites"] for x in s["callers"]]
    assert sum(x["freed"]["objects"] for x in callers) == memory["freed"], memory
    last = [x for s in reports[-1]["sites"] for x in s["callers"]]
    assert sum(x["held"]["objects"] for x in last) == memory["held"], memory
    if len(reports) > 1 or lost or reports[-1]["identity"]["allocations"]["via_ring"]:
        return
    for x in last:
        assert x["count"] == x["held"]["objects"] + x["freed"]["objects"], x


def held(reports, thread, function, objects):
    """By the allocations of a thread within a kernel function."""
    n = sum(x["held"]["objects"] for s in reports[-1]["sites"] for x in s["callers"]
            if x["thread"] == thread and function in functions(x["kernel"]))
    assert n == int(objects), f"{n} objects"


def freed(reports, thread, function, objects):
    """As held()."""
    n = sum(x["freed"]["objects"] for r in reports for s in r["sites"] for x in s["callers"]
            if x["thread"] == thread and function in functions(x["kernel"]))
    assert n == int(objects), f"{n} objects"


def freed_some(reports, thread, function):
    """As held()."""
    assert any(x["freed"]["objects"] for r in reports for s in r["sites"] for x in s["callers"]
               if x["thread"] == thread and function in functions(x["kernel"]))


def commits(reports, least):
    n = sum(r["commits"]["count"] for r in reports)
    assert n >= int(least), f"{n} commits in {len(reports)} reports"


def fate_lost(reports, cause):
    assert reports[-1]["identity"]["memory"]["lost"][cause] > 0, reports[-1]["identity"]["memory"]


def main():
    failed = False
    for line in sys.stdin:
        path, name, claim, *arguments = line.rstrip("\n").split("\t")
        try:
            globals()[claim](documents(path), *arguments)
            print(f"ok - {name}")
        except (AssertionError, KeyError, ValueError, OSError) as e:
            print(f"not ok - {name}\n# {claim}: {type(e).__name__}: {e}"[:2000])
            failed = True
    sys.exit(failed)


main()
