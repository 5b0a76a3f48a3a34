#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vexfs-trace-read accounts for every event, whatever happens to it, and a stack is never
# given to another operation's event: under load, with stack maps so small that nearly
# every stack collides, with full maps and a full ring buffer.
set -u
PATH=$PATH:/usr/sbin
# shellcheck source=selftests/reader-lib.sh
. "$(dirname "$(realpath "$0")")/reader-lib.sh"

busy_start
verdict $? "programs keep the filesystem busy"

window "two busy CPUs" --duration 4
claim "two busy CPUs: there was a load" captured 500
claim "two busy CPUs: nothing was lost" nothing_lost
judge

# Nearly all events go whole through the ring: it has room for those of the window, so that
# nothing is lost however long the reader waits for a CPU.
ring=$((128 << 20))
window "colliding stacks" --duration 3 --stack-map-size 2 --ring-size $ring
claim "colliding stacks: kernel stacks went by the ring buffer" via_ring kernel_collision
claim "colliding stacks: user stacks went by the ring buffer" via_ring user_collision
claim "colliding stacks: nothing was lost" nothing_lost
judge

window "full totals" --duration 2 --totals-size 1 --ring-size $ring
claim "full totals: events went by the ring buffer" via_ring totals_full
claim "full totals: nothing was lost" nothing_lost
judge

# A reader that gets no time cannot empty the ring buffer.
stall()
{
	local comm name

	until bpftool map show name totals_odd >/dev/null 2>&1; do sleep 0.1; done
	sleep 1
	for comm in /proc/[0-9]*/comm; do
		read -r name <"$comm"
		[ "$name" = vexfs-trace-rea ] || continue
		comm=${comm#/proc/}
		kill -STOP "${comm%/comm}" && sleep 1 && kill -CONT "${comm%/comm}"
	done 2>/dev/null
}
stall &
window "full ring buffer" --duration 3 --stack-map-size 1 --totals-size 1 --ring-size 4096
claim "full ring buffer: what was lost is counted" lost ring_full
judge

window "many windows" --interval 0.5 --duration 3
claim "many windows: there are several" reports_at_least 3
claim "many windows: no event falls between two" continuous
claim "many windows: nothing was lost" nothing_lost
judge

# A reader that loses events must say so: take some away behind its back.
busy_signal CONT
vexfs-trace-read --duration 120 --output "$work/report.txt" 2>"$work/err" &
pid=$!
python3 "$here/reader_thief.py" 2>>"$work/err"
verdict $? "thief: totals were taken out of a map"
kill $pid
wait $pid
[ $? -eq 3 ]
verdict $? "thief: exit status 3"
tail -n 1 "$work/report.txt" | grep -qE '^identity: .* residual [1-9]'
verdict $? "thief: the report ends with the residual"

busy_stop
reader --duration 0.5 --json --output "$work/report.json"
verdict $? "idle: exit status 0"
claim "idle: emitted = captured + lost" holds
judge

exit $failed
