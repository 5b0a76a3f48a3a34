#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vexfs_trace.ko comes and goes while operations run, and never misreads one that
# began before it came.
set -u

failed=0
verdict() # status, name
{
	if [ "$1" -eq 0 ]; then
		echo "ok - $2"
	else
		echo "not ok - $2"
		failed=1
	fi
}

device=${VEXFS_TEST_DEV:-/dev/vda}
dir=/sys/kernel/debug/vexfs
fixture=/sys/kernel/debug/vxt_fixture
waits=/sys/kernel/debug/vxt_waits
folder=$(mktemp -d)
mnt=$folder/mnt
bad=$folder/bad
mkdir "$mnt"
busy=()

stop()
{
	[ ${#busy[@]} -eq 0 ] || kill "${busy[@]}" 2>/dev/null
	wait 2>/dev/null
	busy=()
}
# shellcheck disable=SC2317
cleanup()
{
	stop
	umount "$mnt" 2>/dev/null
	rmmod vxt_fixture vxt_waits 2>/dev/null
	[ -d "$dir" ] || insmod "$VEXFS_MODDIR/vexfs_trace.ko"
	rm -rf "$bad" && rmdir "$mnt" "$folder"
}
trap cleanup EXIT

# A figure of a table: class or name, column by its title.
figure() # file, row, column
{
	awk -v row="$2" -v column="$3" '
		NR == 1 { for (i = 1; i <= NF; i++) if ($i == column) at = i }
		$1 == row { value = $at }
		END { print value + 0 }' "$dir/$1"
}

insmod "$VEXFS_MODDIR/selftests/modules/vxt_fixture.ko" &&
	insmod "$VEXFS_MODDIR/selftests/modules/vxt_waits.ko"
verdict $? "the fixtures load"

# 1.6 seconds in an operation; the tracer goes and comes back meanwhile.
echo 'wait 19 16' >$fixture &
waiter=$!
sleep 0.3
rmmod vexfs_trace
verdict $? "unloads while an operation is running"
insmod "$VEXFS_MODDIR/vexfs_trace.ko"
verdict $? "loads while an operation is running"
wait $waiter
verdict $? "the operation ends well"
[ "$(figure stack search calls)" -eq 0 ] && [ "$(figure latency search count)" -eq 0 ]
verdict $? "an operation that began under the previous load is not counted"
echo 'plain 19 5' >$fixture
[ "$(figure stack search painted)" -eq 1 ] && [ "$(figure stack search max/B)" -lt 4000 ]
verdict $? "one that began under this load is, at its own depth"

# The same without the tracer at its end, and at its beginning.
echo 'wait 19 10' >$fixture &
waiter=$!
sleep 0.3
rmmod vexfs_trace
wait $waiter
verdict $? "an operation ends with nobody listening"
echo 'wait 19 10' >$fixture &
waiter=$!
sleep 0.3
insmod "$VEXFS_MODDIR/vexfs_trace.ko"
wait $waiter
[ "$(figure stack search calls)" -eq 0 ]
verdict $? "an operation that began untraced is not counted"

# In the middle of a wait for a lock, whose holder loops on another CPU or sleeps.
for name in mutex-busy mutex-asleep rwsem-busy readers; do
	echo "$name 19 1000" >$waits &
	waiter=$!
	sleep 0.3
	rmmod vexfs_trace && insmod "$VEXFS_MODDIR/vexfs_trace.ko"
	verdict $? "unloads and loads while an operation waits: $name"
	wait $waiter
	[ "$(figure ops search calls)" -eq 0 ] && [ "$(wc -l <$dir/locks)" -eq 1 ]
	verdict $? "its wait is not counted: $name"
done

# Load and unload under load: files, names, a collection.
mkfs.vexfs -q -f "$device" && mount -t vexfs "$device" "$mnt"
verdict $? "a filesystem to work on"
# Mostly without a new process, so that the operations are what takes the time.
work()
{
	local i=0 f line

	while :; do
		i=$((i + 1))
		f=$mnt/$1-$((i % 40))
		echo "$i" >"$f"
		read -r line <"$f" && [ "$line" = "$i" ] || echo "$f: $line instead of $i" >"$bad"
		[ $((i % 40)) -ne 0 ] || mv "$f" "$mnt/$1"
		[ $((i % 100)) -ne 0 ] || sync -f "$mnt"
		[ $((i % 200)) -ne 0 ] || rm "$mnt/$1-"*
	done
}
for name in a b; do
	work $name 2>/dev/null &
	busy+=($!)
done
(while sleep 0.01; do echo 'outer 19 8' >$fixture; done) &
busy+=($!)
(while sleep 0.3; do echo 'mutex-busy 19 2' >$waits; echo 'rwsem-asleep 20 2' >$waits; done) &
busy+=($!)
# They have one CPU to themselves, and the other one whenever this script waits: at the same
# priority a load of the module takes five times as long.
renice -n 10 -p "${busy[@]}" >/dev/null
verdict $? "four programs keep the CPUs busy"

wrong=0
for _ in $(seq 12); do
	rmmod vexfs_trace || wrong=1
	insmod "$VEXFS_MODDIR/vexfs_trace.ko" || wrong=1
	echo +vfs_write >$dir/targets || wrong=1
	for table in stack chain latency alloc targets ops locks cache; do
		mapfile -t lines <$dir/$table || wrong=1
		[ ${#lines[@]} -gt 0 ] || wrong=1
	done
	echo 1 >$dir/reset || wrong=1
done
echo -vfs_write >$dir/targets || wrong=1
verdict $wrong "12 times loaded and unloaded under load"
sleep 2
# Every call is counted once, and no depth is beyond the stack.
awk 'NR > 1 && ($2 != $3 + $4 + $5 || ($11 != "-" && $11 + 0 > 16384)) { bad = 1 }
	END { exit bad || NR < 4 }' $dir/stack
verdict $? "the counters are sound after it"
# All of the time is somewhere, none is lost, and somebody has waited for a lock.
awk 'NR > 1 && (($6 - $7 - $8 - $9 - $10 - $11) ^ 2 > 0.001 || $18 || $8 < 0) { bad = 1 }
	$8 > 0 { waited = 1 }
	END { exit bad || !waited || NR < 4 }' $dir/ops
verdict $? "so are the times"
cat $dir/stack $dir/ops | sed 's/^/# /'

# Reading and resetting from two sides while all that runs.
(for _ in $(seq 200); do echo 1 >$dir/reset; done) &
resetter=$!
wrong=0
while kill -0 $resetter 2>/dev/null; do
	awk 'NR > 1 && $2 != $3 + $4 + $5 { exit 1 }' $dir/stack || wrong=1
	awk 'NR > 1 && ($6 - $7 - $8 - $9 - $10 - $11 - $12) ^ 2 > 0.001 { exit 1 }' $dir/ops || wrong=1
	for table in latency locks cache; do
		mapfile -t lines <$dir/$table
	done
done
verdict $wrong "every read between resets is sound"

kill -0 "${busy[@]}"
verdict $? "the load ran all the time"
[ ! -s "$bad" ] || sed 's/^/# /' "$bad"
[ ! -s "$bad" ]
verdict $? "and read what it had written"
stop
umount "$mnt"
verdict $? "the filesystem unmounts"
rmmod vxt_fixture vxt_waits
verdict $? "the fixtures unload"
exit $failed
