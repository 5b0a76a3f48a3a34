#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vexfs-trace-read --sample: one event of so many, chosen by its number; and the account of all of
# them stays exact.
set -u
PATH=$PATH:/usr/sbin
# shellcheck source=selftests/reader-lib.sh
. "$(dirname "$(realpath "$0")")/reader-lib.sh"

busy_start
verdict $? "programs keep the filesystem busy"

# Chosen by the programs, by vexfs.ko, and by both.
for every in 7 64 500; do
	window "one of $every" "sleep 4" --sample $every
	claim "one of $every: so many, by their numbers" sampled $every
	claim "one of $every: nothing was lost" nothing_lost
done

window "many windows" "reports_are 4" --interval 0.5 --sample 64
claim "many windows: no event falls between two" continuous

# What has to be sent is lost, and what was not chosen does not count as that.
window "full ring buffer" "sleep 2" --sample 2 --stack-map-size 1 --totals-size 1 --ring-size 4096

reader_start --sample 100 --output "$work/report.txt"
sleep 1
reader_end
verdict $? "text: exit status 0"
grep -q '^call stacks of one operation and allocation of 100$' "$work/report.txt"
verdict $? "text: says so at its head"
[ "$(tail -n 1 "$work/report.txt")" = \
	"identity: emitted = captured + not sampled + lost, residual 0" ]
verdict $? "text: ends with the identity"
busy_stop
judge
# shellcheck disable=SC2154 # of the library
exit $failed
