#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vexfs-trace-read --view: each view loads and reports what it is about; the time of call stacks is
# that of the counters; memory is held or freed, and is told apart by where it came from.
set -u
PATH=$PATH:/usr/sbin:/usr/bin
# shellcheck source=selftests/reader-lib.sh
. "$(dirname "$(realpath "$0")")/reader-lib.sh"

cat >"$work/job" <<END
vexfs bench --fill 500 --dim 16 --index hnsw --queries 50 "$mnt/graph"
vexfs search "$mnt/rows" --row 0-9
for i in 1 2 3; do
	dd if=/dev/zero of="$mnt/file\$i" bs=64k count=2 conv=fsync
	mkdir "$mnt/dir\$i"
	rmdir "$mnt/dir\$i"
done
cat "$mnt"/file?
rm "$mnt/graph"
END

# The job makes its files anew: their inodes are what it leaves held.
no_files()
{
	rm -f "$mnt"/file?
	sync "$mnt"
}

view() # views, separated by commas
{
	next_report
	no_files
	reader --reset --view "$1" --json --output "$report" -- sh "$work/job" >"$work/out" 2>&1
	verdict $? "$1: exit status 0"
	# shellcheck disable=SC2086 # one word a view
	claim "$1: what it is about, and nothing else" views ${1//,/ }
}

view kernel
view performance
claim "performance: the time of the call stacks is that of the counters" timed
claim "performance: searches are told from where they came" called_from search_hnsw \
	vexfs_coll_search main vexfs
view memory
claim "memory: it is held or was freed" fates
claim "memory: the inodes of files are held" held dd vexfs_alloc_inode 3
claim "memory: those of directories were freed" freed mkdir vexfs_alloc_inode 3
claim "memory: of what a search takes nothing is held" held vexfs vexfs_coll_search 0
claim "memory: and some was freed" freed_some vexfs vexfs_coll_search
view kernel,memory
view kernel,performance,memory

# The text has the sections of the view.
declare -A has=([kernel]="OPERATIONS deepest chain" [performance]="OPERATIONS COMMITS latency time"
	[memory]="ALLOCATIONS LIFETIMES")
declare -A lacks=([kernel]="COMMITS ALLOCATIONS latency" [performance]="ALLOCATIONS painted"
	[memory]="OPERATIONS COMMITS")
for v in kernel performance memory; do
	no_files
	reader --reset --view $v --output "$work/report.txt" -- sh "$work/job" >"$work/out" 2>&1
	verdict $? "$v as text: exit status 0"
	for word in ${has[$v]} IDENTITY; do
		grep -qw "$word" "$work/report.txt"
		verdict $? "$v as text: has $word"
	done
	for word in ${lacks[$v]}; do
		! grep -w "$word" "$work/report.txt"
		verdict $? "$v as text: has no $word"
	done
	! awk 'length > 100' "$work/report.txt" | grep .
	verdict $? "$v as text: at most 100 columns"
	[ "$(tail -n 1 "$work/report.txt")" = "identity: emitted = captured + lost, residual 0" ]
	verdict $? "$v as text: ends with the identity"
done

text() # views, regular expression of a line that is there
{
	no_files
	reader --reset --top 30 --view "$1" --output "$work/report.txt" -- sh "$work/job" >"$work/out" 2>&1
	grep -qE "$2" "$work/report.txt"
	verdict $? "$1 as text: $2"
	! awk 'length > 100' "$work/report.txt" | grep .
	verdict $? "$1 as text: at most 100 columns"
}
text memory '^ {23}held [0-9.]+ [KMGi]*B in [0-9,]+ objects?, the oldest '
text performance,memory '^ +[0-9.]+ [um]s +[0-9.]+ %  vexfs, [0-9]+ calls, mean '
text kernel,memory '^OPERATIONS  by how far they went into the stack$'

next_report
reader --view performance --interval 0.3 --json --output "$report" -- \
	sh -c "for i in 1 2 3 4 5 6 7 8 9; do echo \$i >$mnt/c; sync $mnt/c; sleep 0.1; done"
verdict $? "intervals: exit status 0"
claim "intervals: no commit falls between two" commits 9
claim "intervals: several reports" reports_at_least 2

busy_start
verdict $? "programs keep the filesystem busy"
# Epochs end while memory is held, and go on to be its origin.
for options in "" "--sample 7" "--sample 64" "--stack-map-size 16" "--totals-size 4"; do
	next_report
	# shellcheck disable=SC2086 # words
	reader_start --view memory --interval 1.2 --json --output "$report" $options
	reports_are 3
	reader_end
	verdict $? "memory under load $options: exit status 0"
	claim "memory under load $options: it is held or was freed" fates
done
next_report
reader_start --view memory --follow-size 2 --json --output "$report"
sleep 2
reader_end
verdict $? "memory without room: exit status 0"
claim "memory without room: it is held or was freed" fates
claim "memory without room: that is said" fate_lost no_room
busy_stop
judge

for options in --view --view=frobnicate --view= "--view=kernel," --view=kernelx --follow-size=0; do
	reader "$options"
	[ $? -eq 2 ]
	verdict $? "$options: exit status 2"
done
# shellcheck disable=SC2154 # of the library
exit $failed
