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

window "two busy CPUs" "sleep 4"
claim "two busy CPUs: there was a load" captured 500
claim "two busy CPUs: nothing was lost" nothing_lost

# Nearly all events go whole through the ring: it has room for those of the window, so that
# nothing is lost however long the reader waits for a CPU.
ring=$((128 << 20))
window "colliding stacks" "sleep 3" --stack-map-size 2 --ring-size $ring
claim "colliding stacks: kernel stacks went by the ring buffer" via_ring kernel_collision
claim "colliding stacks: user stacks went by the ring buffer" via_ring user_collision
claim "colliding stacks: nothing was lost" nothing_lost

window "full totals" "sleep 2" --totals-size 1 --ring-size $ring
claim "full totals: events went by the ring buffer" via_ring totals_full
claim "full totals: nothing was lost" nothing_lost

# A reader that gets no time cannot empty the ring buffer.
# shellcheck disable=SC2317
stall()
{
	sleep 1
	kill -STOP "$reader" && sleep 1 && kill -CONT "$reader"
}
window "full ring buffer" stall --stack-map-size 1 --totals-size 1 --ring-size 4096
claim "full ring buffer: what was lost is counted" lost ring_full

window "many windows" "reports_are 4" --interval 0.5
claim "many windows: there are several" reports_at_least 4
claim "many windows: no event falls between two" continuous
claim "many windows: nothing was lost" nothing_lost

# A reader that loses events must say so: take some away behind its back, while it does not look.
reader_start --output "$work/report.txt"
verdict $? "thief: it watches"
sleep 1
kill -STOP "$reader"
sleep 1
busy_signal STOP
python3 "$here/reader_thief.py" 2>>"$work/err"
verdict $? "thief: totals were taken out of a map"
kill -CONT "$reader"
reader_end
[ $? -eq 3 ]
verdict $? "thief: exit status 3"
tail -n 1 "$work/report.txt" | grep -qE '^identity: .* residual [1-9]'
verdict $? "thief: the report ends with the residual"

busy_stop
next_report
reader --duration 0.5 --json --output "$report"
verdict $? "idle: exit status 0"
claim "idle: emitted = captured + lost" holds
judge

exit $failed
