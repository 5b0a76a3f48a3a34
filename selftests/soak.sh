#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Both modules come and go with everything attached that there is, again and again for
# VEXFS_SOAK_SECONDS (30), and leave nothing behind; then the reader accounts for every event for
# VEXFS_SOAK_READ seconds (10) at the highest rate that the VM makes. 'make soak' runs it for longer, and
# with VEXFS_SOAK_BPFTRACE: bpftrace takes a minute to begin in a VM.
set -u
cd "$(dirname "$(realpath "$0")")/.." || exit 1
PATH=$PATH:/usr/sbin:/usr/bin

seconds=${VEXFS_SOAK_SECONDS:-30}
read_seconds=${VEXFS_SOAK_READ:-10}
debugfs=/sys/kernel/debug/vexfs
work=$(mktemp -d)
mnt=$work/vexfs
ext4=$work/ext4
busy=()
failed=0
# What memory may be missing at the end, in KiB: what the kernel keeps of any program that runs.
most_available=16384
most_slab=8192

verdict() # status, name
{
	if [ "$1" -eq 0 ]; then
		echo "ok - soak: $2"
	else
		echo "not ok - soak: $2"
		failed=1
	fi
}

# In a cycle only what goes wrong is told.
must() # what, command
{
	local what=$1
	echo "<6>soak: cycle $cycle: $what" >/dev/kmsg

	shift
	"$@" >"$work/out" 2>&1 && return
	verdict 1 "cycle $cycle: $what"
	sed 's/^/# /' "$work/out" | head -40
}

stop()
{
	[ ${#busy[@]} -eq 0 ] || kill "${busy[@]}" 2>/dev/null
	[ ${#busy[@]} -eq 0 ] || wait "${busy[@]}" 2>/dev/null
	busy=()
}
# shellcheck disable=SC2317
cleanup()
{
	stop
	umount "$mnt" "$ext4" 2>/dev/null
	for m in vexfs vexfs_trace; do
		[ -d /sys/module/$m ] || insmod "$VEXFS_MODDIR/$m.ko"
	done
	rm -rf "$work"
}
trap cleanup EXIT

names() # folder: make, read, rename and remove files
{
	local i=0 line f

	while :; do
		i=$((i + 1))
		f=$1/$BASHPID-$((i % 30))
		echo "$i" >"$f" && read -r line <"$f" && mv "$f" "$f.old" && mkdir "$f.d" && rmdir "$f.d"
		[ $((i % 50)) -ne 0 ] || sync -f "$1"
		[ $((i % 100)) -ne 0 ] || rm -f "$1/$BASHPID"-*
	done 2>/dev/null
}

# Behind whoever looks on: an emulated machine has little time for both.
load_start()
{
	local folder pid

	for folder in "$mnt" "$ext4"; do
		names "$folder" &
		busy+=($!)
	done
	vexfs bench --op search --queries 16000000 -k 3 "$mnt/rows" >/dev/null 2>&1 &
	busy+=($!)
	vexfs bench --op insert --queries 16000000 "$mnt/inserts" >/dev/null 2>&1 &
	busy+=($!)
	while :; do
		head -c 300000 /dev/zero >"$mnt/big" && cat "$mnt/big" && sync "$mnt/big"
	done >/dev/null 2>&1 &
	busy+=($!)
	for pid in "${busy[@]}"; do
		renice -n 19 -p "$pid" >/dev/null
	done
}

# Bytes that VexFS holds, of all call sites.
held()
{
	awk 'NR == 1 { for (i = 1; i <= NF; i++) if ($i ~ /^live/) at = i } NR > 1 { sum += $at }
		END { print sum + 0 }' $debugfs/alloc
}

# Inodes go a grace period after their last use.
held_again() # bytes
{
	local i

	for i in $(seq 50); do
		[ "$(held)" -gt "$1" ] || return 0
		sleep 0.1
	done
	cat $debugfs/alloc
	return 1
}

# What a killed shell had begun may run on for a moment.
unmounts() # folder
{
	local i

	for i in $(seq 50); do
		umount "$1" && return
		sleep 0.2
	done
	return 1
}

nothing_left()
{
	! grep -H vexfs /proc/vmallocinfo /proc/slabinfo /proc/modules /proc/kallsyms
}

residual_is_0() # report
{
	python3 -c 'import json, sys
for r in [json.load(open(sys.argv[1]))]:
	i = r["identity"]
	assert i["holds"] and i["residual"] == 0, i
	assert i["operations"]["emitted"] > 0 and i["allocations"]["emitted"] > 0, i' "$1"
}

# Readers of all kinds, at once, on loaded modules; some of them are there when the module goes.
attach()
{
	local readers=() pid

	echo 'alert_slow 1' >$debugfs/config
	echo +vexfs_dir_mkdir >$debugfs/targets
	echo +vexfs:vexfs_lookup >$debugfs/targets
	vexfs-trace-read --duration 4 alerts >"$work/alerts" 2>&1 &
	readers+=($!)
	if [ -n "${VEXFS_SOAK_BPFTRACE-}" ]; then
		bpftrace -c '/usr/bin/sleep 1' bpf/bpftrace/kernel.bt >"$work/bpftrace" 2>&1 &
		readers+=($!)
	fi
	vexfs-trace-read --sample 64 --duration 4 --json --output "$work/sampled.json" 2>/dev/null &
	readers+=($!)
	must "the reader" vexfs-trace-read --duration 4 --json --output "$work/report.json" \
		--target ext4_file_write_iter,ext4:ext4_mkdir,vexfs_file_write
	for pid in "${readers[@]}"; do
		must "a reader's exit status" wait "$pid"
	done
	must "the reader's residual is 0" residual_is_0 "$work/report.json"
	must "that of the one that samples" residual_is_0 "$work/sampled.json"
	must "there are alerts" grep -q slow "$work/alerts"
	[ -z "${VEXFS_SOAK_BPFTRACE-}" ] ||
		must "bpftrace has seen operations" grep -q '^@calls' "$work/bpftrace"
}

# The module goes while its tables are half read, its targets are called and operations run.
go_and_come()
{
	local i line pid

	python3 selftests/soak_dumps.py <"$work/requests" >"$work/answers" &
	pid=$!
	exec 8>"$work/requests" 9<"$work/answers"
	read -r line <&9
	must "dumps begin" [ "$line" = begun ]
	! rmmod vexfs_trace 2>/dev/null ||
		verdict 1 "cycle $cycle: the module went with dumps under way"
	echo >&8
	read -r line <&9
	must "half-read tables are given up" wait "$pid"
	for i in 1 2 3 4 5; do
		echo +vfs_write >$debugfs/targets 2>/dev/null
		must "vexfs_trace goes under load" rmmod vexfs_trace
		must "vexfs_trace comes under load" insmod "$VEXFS_MODDIR/vexfs_trace.ko"
		sleep 0.3
	done
	exec 8>&- 9<&-
}

cycle()
{
	local before

	cycle=$((cycle + 1))
	must "vexfs comes" insmod "$VEXFS_MODDIR/vexfs.ko"
	must "vexfs_trace comes" insmod "$VEXFS_MODDIR/vexfs_trace.ko"
	before=$(held)
	must "mkfs" mkfs.vexfs -q -f -s 512M /dev/vda
	must "mount" mount -t vexfs /dev/vda "$mnt"
	must "rows" vexfs bench --fill 200 --dim 16 --queries 1 "$mnt/rows"
	must "more" vexfs create --dim 16 "$mnt/inserts"
	load_start
	attach
	go_and_come
	must "the load is still running" kill -0 "${busy[@]}"
	stop
	must "unmount" unmounts "$mnt"
	must "memory comes back" held_again "$before"
	must "vexfs_trace goes" rmmod vexfs_trace
	must "vexfs goes" rmmod vexfs
	must "nothing is left" nothing_left
}

memory() # name in /proc/meminfo, KiB
{
	awk -v name="$1:" '$1 == name { print $2 }' /proc/meminfo
}

# What is free when all has settled.
settle()
{
	sync
	sleep 2
	echo 3 >/proc/sys/vm/drop_caches
	sleep 1
	echo 3 >/proc/sys/vm/drop_caches
}

mkdir "$mnt" "$ext4"
mkfifo "$work/requests" "$work/answers"
mkfs.ext4 -q -F /dev/vdb && mount -t ext4 /dev/vdb "$ext4"
verdict $? "an ext4 beside it"
rmmod vexfs_trace && rmmod vexfs
verdict $? "both modules go"

# The first cycle is not counted: the kernel keeps what every kind of program needs.
cycle=0
cycle
settle
available=$(memory MemAvailable)
slab=$(memory Slab)
end=$((SECONDS + seconds))
while [ $SECONDS -lt $end ] || [ $cycle -lt 2 ]; do
	cycle
done
settle
lost_available=$((available - $(memory MemAvailable)))
lost_slab=$(($(memory Slab) - slab))
verdict $failed "$cycle cycles with everything attached"
[ $lost_available -le $most_available ]
verdict $? "available memory is back: $lost_available KiB less, at most $most_available"
[ $lost_slab -le $most_slab ]
verdict $? "the kernel's objects are back: $lost_slab KiB more, at most $most_slab"

# As many events as can be had: short operations only.
insmod "$VEXFS_MODDIR/vexfs.ko" && insmod "$VEXFS_MODDIR/vexfs_trace.ko" &&
	mkfs.vexfs -q -f -s 512M /dev/vda && mount -t vexfs /dev/vda "$mnt" &&
	vexfs bench --fill 64 --dim 16 --queries 1 "$mnt/rows" >/dev/null
verdict $? "the modules and a filesystem once more"
for _ in 1 2; do
	vexfs bench --op get --queries 16000000 "$mnt/rows" >/dev/null 2>&1 &
	busy+=($!)
	dd if=/dev/zero of="$mnt/zeros-$_" bs=1 count=300000000 status=none &
	busy+=($!)
done
sleep 1
kill -0 "${busy[@]}"
verdict $? "as many operations as the machine makes"
vexfs-trace-read --reset --duration "$read_seconds" --json --output "$work/report.json"
verdict $? "the reader, for $read_seconds s: exit status 0"
residual_is_0 "$work/report.json"
verdict $? "its residual is 0"
python3 -c 'import json, sys
r = json.load(open(sys.argv[1]))
for kind in ("operations", "allocations"):
	a = r["identity"][kind]
	print("#", kind, {k: a[k] for k in ("emitted", "captured", "in_maps", "via_ring", "lost")},
	      "in", r["window_seconds"], "s")' "$work/report.json"
stop
unmounts "$mnt"
verdict $? "unmounts"
exit $failed
