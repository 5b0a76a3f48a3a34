#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What vexfs-trace-read reports: counters and call stacks of each class, allocation sites, as
# text and as JSON; what it says when something is missing; its exit statuses.
set -u
PATH=$PATH:/usr/sbin:/usr/bin
# shellcheck source=selftests/reader-lib.sh
. "$(dirname "$(realpath "$0")")/reader-lib.sh"

says() # what, name
{
	grep -qF -- "$1" "$work/err"
	verdict $? "$2"
}

cat >"$work/job" <<END
vexfs bench --fill 64 --dim 16 --queries 1 "$mnt/more" &&
for i in 1 2 3; do
	vexfs search -q "$mnt/more" --row 0-9
done
mkdir "$mnt/dir" && dd if=/dev/zero of="$mnt/dir/file" bs=64k count=8 conv=fsync &&
ls -l "$mnt/dir" && cat "$mnt/dir/file" && rm -r "$mnt/dir" "$mnt/more"
END

# Every process of the job is gone when the report is written.
reader --reset --json --output "$report" -- sh "$work/job" >"$work/out"
verdict $? "a command: exit status 0"
claim "a command: emitted = captured + lost" holds
for class in search insert write fsync create unlink; do
	claim "$class: calls, depth and latency" measured $class
done
claim "search: from main of vexfs" called_from search vexfs_coll_search main vexfs
claim "insert: from main of vexfs" called_from insert vexfs_coll_insert main vexfs
claim "write: the function of dd that called, without frame pointers" direct_caller write write dd
claim "search: the deepest call has its stacks" deepest search vexfs_coll_search main
claim "insert: the deepest call has its stacks" deepest insert vexfs_coll_insert main
claim "each stack begins at the operation's entry point" own_stacks
claim "allocation sites have live bytes and stacks" live_sites
claim "all kernel frames have names" named
claim "the parts of each class's time are all of it" whole
# What the kernel would write back by itself, seconds later, is over.
sync -f "$mnt"

reader --reset --top 2 --output "$work/report.txt" -- sh "$work/job" >"$work/out"
verdict $? "text: exit status 0"
[ "$(tail -n 1 "$work/report.txt")" = "identity: emitted = captured + lost, residual 0" ]
verdict $? "text: ends with the identity"
! awk 'length > 100' "$work/report.txt" | grep .
verdict $? "text: at most 100 columns"
for word in OPERATIONS SEARCH INSERT ALLOCATIONS SYMBOLS IDENTITY vexfs_coll_search main; do
	grep -qw "$word" "$work/report.txt"
	verdict $? "text: has $word"
done

waits=/sys/kernel/debug/vxt_waits
insmod "$VEXFS_MODDIR/selftests/modules/vxt_waits.ko"
verdict $? "the fixture of waits loads"
next_report
reader --reset --no-bpf --json --output "$report" -- \
	sh -c "for i in 1 2 3 4 5; do echo mutex-asleep 19 50 >$waits; done; echo fail 19 28 >$waits"
verdict $? "operations that wait: exit status 0"
claim "operations that wait: where, and who held the lock" \
	waited search mutex waits_for_mutex waits_hold_asleep
claim "operations that wait: the parts of their time are all of it" whole
reader --no-bpf --output "$work/report.txt"
for word in LOCKS waits_for_mutex waits_hold_asleep ENOSPC runnable; do
	grep -qw "$word" "$work/report.txt"
	verdict $? "operations that wait: the text has $word"
done
! awk 'length > 100' "$work/report.txt" | grep .
verdict $? "operations that wait: at most 100 columns"
rmmod vxt_waits

sync "$mnt"
sleep 1
reader --no-bpf --json --output "$work/other.json"
verdict $? "counters by netlink: exit status 0"
next_report
reader --no-bpf --json --debugfs --output "$report"
verdict $? "counters by debugfs: exit status 0"
claim "both are the same" same_counters "$work/other.json"

vexfs bench --op search --queries 16000000 "$mnt/rows" >/dev/null 2>&1 &
busy+=($!)
sleep 1
busy_signal STOP
next_report
reader_start --debugfs --json --output "$report"
verdict $? "a process that ran before: it watches"
sleep 2
reader_end
verdict $? "Ctrl-C: exit status 0"
claim "Ctrl-C: there is a report" captured 1
claim "a process that ran before: has its functions" called_from search vexfs_coll_search main vexfs

next_report
reader --interval 0.5 --duration 3 --json --output "$report"
verdict $? "intervals: exit status 0"
claim "intervals: several reports" reports_at_least 2

next_report
echo 2 >/proc/sys/kernel/kptr_restrict
reader_start --json --output "$report"
sleep 1
reader_end
status=$?
echo 0 >/proc/sys/kernel/kptr_restrict
verdict $status "hidden kernel addresses: exit status 0"
says kptr_restrict "hidden kernel addresses: names the cause"
claim "hidden kernel addresses: frames by address" unnamed_kernel
busy_stop

next_report
setpriv --bounding-set=-all,+net_admin vexfs-trace-read --json --output "$report" \
	--duration 0.1 2>"$work/err"
verdict $? "no permission for BPF: exit status 0"
says CAP_BPF "no permission for BPF: names it"
claim "no permission for BPF: the counters are there" counters_only
setpriv --bounding-set=-all vexfs-trace-read >"$work/out" 2>"$work/err"
[ $? -eq 1 ]
verdict $? "no permission for the counters: exit status 1"
says CAP_NET_ADMIN "no permission for the counters: names it"

reader --no-bpf -- sh -c 'exit 7' >"$work/out"
[ $? -eq 1 ]
verdict $? "a command that fails: exit status 1"
says "exit status 7" "a command that fails: its status"
reader --no-bpf -- /no/such/command >"$work/out"
[ $? -eq 1 ]
verdict $? "a command that cannot run: exit status 1"
says "No such file" "a command that cannot run: why"
reader --duration 0.5 --output "$work/report.txt" -- sleep 60
verdict $? "a command longer than the window: exit status 0"
reader --no-bpf --output /no/such/folder/report
[ $? -eq 1 ]
verdict $? "an output that cannot be written: exit status 1"
reader --no-bpf >/dev/full
[ $? -eq 1 ]
verdict $? "a full device: exit status 1"

for options in --top --top=0 --top=x --sample=0 --sample=x --duration=0 --duration=-1 --interval=nan --stack-map-size=0 \
	--frobnicate stray --; do
	reader "$options"
	[ $? -eq 2 ]
	verdict $? "$options: exit status 2"
done
vexfs-trace-read --help | grep -q Examples && vexfs-trace-read --version | grep -q '[0-9]'
verdict $? "--help and --version"
vexfs-trace-read doctor >"$work/out"
verdict $? "doctor: nothing is missing here"

rmmod vexfs_trace
reader
[ $? -eq 1 ]
verdict $? "without vexfs_trace.ko: exit status 1"
says "insmod vexfs_trace.ko" "without vexfs_trace.ko: says what to do"
vexfs-trace-read doctor >"$work/err"
[ $? -eq 1 ]
verdict $? "doctor without vexfs_trace.ko: exit status 1"
says "insmod vexfs_trace.ko" "doctor without vexfs_trace.ko: says what to do"
insmod "$VEXFS_MODDIR/vexfs_trace.ko"
verdict $? "vexfs_trace.ko is back"
judge

exit $failed
