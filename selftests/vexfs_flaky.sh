#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A VexFS whose device fails under load: writes, reads, single blocks, for moments and for
# good, and a device that is taken away. Nothing hangs; who asked hears of it; the log names
# the block or says that the filesystem stopped; and when the device is well again, all that
# fsync(2) acknowledged is there, and fsck.vexfs finds nothing.
set -u

disk=/dev/vda
other=/dev/vdb
sectors=131072		# of the disk that are used: 64 MiB
name=vexfs-flaky
mnt=/tmp/flaky
work=/tmp/flaky.d
log=$work/acked
out=$work/out
bin=$PWD/build/bench/acked

failed=0
verdict() # status, what
{
	if [ "$1" -eq 0 ]; then
		echo "ok - flaky: $2"
	else
		echo "not ok - flaky: $2"
		failed=1
	fi
}

# What fails shows its output.
expect() # what, command
{
	local what=$1 status

	shift
	"$@" >$out 2>&1
	status=$?
	verdict $status "$what"
	[ $status -eq 0 ] || sed 's/^/# /' $out
}
fails() # text of the error, command
{
	local text=$1

	shift
	! "$@" >$out.err 2>&1 || return 1
	grep -q "$text" $out.err || { cat $out.err; return 1; }
}

# A command that hangs in the kernel cannot be killed: it is left behind.
within() # seconds, command
{
	local tenths=$(($1 * 10)) pid

	shift
	"$@" &
	pid=$!
	while kill -0 $pid 2>/dev/null; do
		[ $((tenths--)) -gt 0 ] || { cat /proc/$pid/stack; return 124; }
		sleep 0.1
	done
	wait $pid
}

mark() { echo "<5>flaky: part $((++part))" >/dev/kmsg; echo "# $SECONDS s"; }
part=0
said() # regular expression: what the log has since the mark
{
	dmesg | sed -n "/flaky: part $part\$/,\$p" | grep -q "$1"
}

# ---- the device ----------------------------------------------------------------

well() { echo "0 $sectors linear $disk 0"; }
dead() { echo "0 $sectors error"; }
# Of every so many seconds so many in which it fails, in what the features say or all.
flakey() # seconds up, seconds down, features
{
	echo "0 $sectors flakey $disk 0 $1 $2 $(($# - 2)) ${*:3}"
}
# One block cannot be read or written. What flushes this device passes it by.
lost_block() # block
{
	local at=$(($1 * 8))

	echo "0 $at linear $disk 0"
	echo "$at 8 error"
	echo "$((at + 8)) $((sectors - at - 8)) linear $disk $((at + 8))"
}

dm() { dmsetup --noudevrules --noudevsync "$@"; }
# The writers go on meanwhile.
turn() # table
{
	"$@" | dm load $name && dm suspend --nolockfs $name && dm resume $name
}

make_device()
{
	well | dm create $name || return
	dev=/dev/$(dmsetup info -c --noheadings -o blkdevname $name)
}

# ---- the filesystem ------------------------------------------------------------

writer=()
begin() # writers that write until finish()
{
	local i

	writer=()
	for i in 1 2; do
		"$bin" write $mnt $log "$part$i" >$work/writer.$i 2>&1 &
		writer+=($!)
	done
}
# However slow the machine is: wait until each writer has had so many outcomes. Who waits in
# vain hears of it from finish().
reach() # number, regular expression of the outcome
{
	local i tenths=600

	for i in 1 2; do
		until [ "$(grep -cEx "$2" $work/writer.$i)" -ge "$1" ]; do
			[ $((tenths--)) -gt 0 ] || return
			sleep 0.1
		done
	done
}
# "acked 30 EIO 2": how often each outcome was there.
counts()
{
	awk '{ n[$1]++ }
	     END { printf "acked %d", n["acked"]; delete n["acked"]
		   for (k in n) printf " %s %d", k, n[k]; print "" }' "$1"
}
pause() { kill -STOP "${writer[@]}"; sleep 0.2; }
go_on() { kill -CONT "${writer[@]}"; }
# Acknowledged calls by each writer, and errors that each must, and no others that one may, have.
finish() # what, least number, regular expression
{
	local i

	kill "${writer[@]}"
	within 30 wait_writers
	verdict $? "$1: the writers end"
	for i in 1 2; do
		[ "$(grep -cx acked $work/writer.$i)" -ge "$2" ] &&
			grep -q "$3" $work/writer.$i &&
			! grep -Eqvx 'acked|EIO|EROFS' $work/writer.$i
		verdict $? "$1: $(counts $work/writer.$i)"
	done
}
# They are no children of within()'s.
wait_writers() { while kill -0 "${writer[@]}" 2>/dev/null; do sleep 0.1; done; }

fresh() # options
{
	mark
	rm -f $log
	mkfs.vexfs -q -f -s $((sectors * 512)) "$dev" && mount -t vexfs -o "$1" "$dev" $mnt
}
# On the device that is well again.
healed() # what
{
	expect "$1: fsck.vexfs finds nothing" fsck.vexfs -n "$dev"
	expect "$1: it mounts" mount -t vexfs "$dev" $mnt
	"$bin" check $mnt $log >$out 2>&1
	verdict $? "$1: what was acknowledged is there: $(tail -n 1 $out)"
	grep acknowledged $out | head -5 | sed 's/^/# /'
}
soon() { "$@" || { sleep 0.2; "$@"; } || { sleep 1; "$@"; }; }
leave() { within 20 umount $mnt; }
synced() { dd if=/dev/urandom of="$1" bs=20k count=1 conv=fsync status=none; }
is_read_only() { grep -q " $mnt vexfs ro," /proc/mounts; }

# ---- writes fail ---------------------------------------------------------------

stopped_by() # what, table
{
	local what=$1

	shift
	fresh commit=1
	verdict $? "$what: it mounts"
	vexfs create $mnt/points --dim 4 >/dev/null && vexfs insert $mnt/points 1,2,3,4 >/dev/null
	verdict $? "$what: rows are inserted"
	begin
	reach 3 acked
	turn "$@"
	expect "$what: fsync fails" fails 'Input/output error\|Read-only' synced $mnt/x
	expect "$what: an insert fails" fails 'mounted read-only' \
		vexfs insert $mnt/points 5,6,7,8
	expect "$what: it is read-only" is_read_only
	expect "$what: the log says so" said 'a commit failed: read-only from here'
	turn well
	expect "$what: and stays so" fails 'Read-only' mkdir $mnt/d
	reach 1 EROFS
	finish "$what" 3 'EROFS'
	expect "$what: it unmounts" leave
	healed "$what"
	expect "$what: the row of before is there" \
		test "$(vexfs get $mnt/points 0)" = $'0\t1,2,3,4'
	expect "$what: the refused one is not" fails . vexfs get $mnt/points 1
	leave
}

# Stopped writers have no commit under way whose very last write could be the one that fails.
# An error of before may still come out of the first commit on the device that is well again.
continues() # tables, one after another
{
	local what="writes, errors=continue" table

	fresh commit=300,errors=continue
	verdict $? "$what: it mounts"
	vexfs create $mnt/points --dim 4 >/dev/null
	begin
	reach 3 acked
	for table; do
		pause
		turn $table
		go_on
		expect "$what: fsync fails" fails 'Input/output error' synced $mnt/x
		expect "$what: an insert fails" fails 'the device failed' \
			vexfs insert $mnt/points 1,2,3,4
		reach 1 EIO
		turn well
		expect "$what: then it does not" soon synced $mnt/x
		sleep 0.5
	done
	reach 6 acked
	finish "$what" 6 'EIO'
	expect "$what: rows are inserted" vexfs insert $mnt/points 5,6,7,8
	expect "$what: it goes on" mkdir $mnt/d
	expect "$what: it unmounts" leave
	healed "$what"
	leave
}

# What a failed fsync has not brought to the device is kept, and the next one does.
fsync_twice() # file of new contents, file, file that tells that the device is well
{
	python3 -c 'import os, sys, time
new, path, well = open(sys.argv[1], "rb").read(), sys.argv[2], sys.argv[3]
fds = os.open(path, os.O_WRONLY), os.open(path, os.O_RDONLY)
def synced(fd):
    try:
        os.fsync(fd)
        return True
    except OSError as e:
        print(e)
        return False
os.pwrite(fds[0], new, 0)
if any([synced(fd) for fd in fds]):
    sys.exit("fsync did not fail")
open(well + ".not", "w")
while not os.path.exists(well):
    time.sleep(0.1)
# The error that the other fsync met may still come out, and so may that of the first commit.
sys.exit(not any(synced(fds[0]) for _ in range(3)))' "$@"
}
kept()
{
	local what="a failed fsync, errors=continue" pid

	fresh commit=300,errors=continue
	synced $mnt/old && cp $mnt/old $mnt/kept && sync $mnt/kept
	verdict $? "$what: there is a file"
	dd if=/dev/urandom of=$work/new bs=20k count=1 status=none
	rm -f $work/well*
	turn flakey 0 3600 error_writes
	fsync_twice $work/new $mnt/kept $work/well >$out.twice 2>&1 &
	pid=$!
	while [ ! -e $work/well.not ] && kill -0 $pid 2>/dev/null; do sleep 0.1; done
	turn well
	touch $work/well
	wait $pid
	verdict $? "$what: whoever has the file open hears of it; then it succeeds"
	sed 's/^/# /' $out.twice
	expect "$what: it unmounts" leave
	expect "$what: fsck.vexfs finds nothing" fsck.vexfs -n "$dev"
	expect "$what: it mounts" mount -t vexfs "$dev" $mnt
	expect "$what: what was written before it is there" cmp $work/new $mnt/kept
	leave
}

# With the last write of a commit nobody knows which state is on the device.
in_doubt()
{
	local what="superblock, errors=continue"

	fresh commit=300,errors=continue
	verdict $? "$what: it mounts"
	begin
	reach 1 acked
	turn lost_block 9
	reach 1 EROFS
	finish "$what" 1 'EROFS'
	expect "$what: it is read-only" is_read_only
	expect "$what: it unmounts" leave
	turn well
	healed "$what"
	leave
}

# ---- reads fail ----------------------------------------------------------------

# Older kernels cannot fail reads alone; where nothing is written it is the same.
no_reads() { flakey 0 3600 error_reads; }
choose_reads()
{
	no_reads | dm load $name 2>/dev/null && return
	no_reads() { flakey 0 3600; }
}

reads_fail()
{
	local i file rows

	fresh commit=300
	file=$mnt/grows.${part}1
	rows=$mnt/rows.${part}1
	begin
	reach 15 acked
	finish "reads" 15 ''
	mkdir $mnt/dir.{1..30}
	for i in {1..30}; do echo $i >$mnt/dir.$i/file; done
	expect "reads: it unmounts" leave
	expect "reads: it mounts" mount -t vexfs -o commit=300,noatime "$dev" $mnt
	stat $file $rows >/dev/null
	turn no_reads
	mark
	expect "reads: of a file" fails 'Input/output error' cat $file
	expect "reads: the log names the block" said 'block [0-9]*:\? cannot be read'
	mark
	expect "reads: of a collection" fails 'the device failed' vexfs get $rows 0
	expect "reads: the log names its block" said 'block [0-9]*: cannot be read'
	mark
	expect "reads: of directories" fails 'Input/output error' ls -R $mnt
	expect "reads: the log names their block" said 'block [0-9]*: cannot be read'
	expect "reads: a change that must read" fails 'Input/output error' \
		mkdir $mnt/dir.{1..30}/d
	turn well
	expect "reads: directories are there again" ls -R $mnt
	expect "reads: nothing was stopped" synced $mnt/x
	expect "reads: all is right in the same mount" "$bin" check $mnt $log
	expect "reads: it unmounts again" leave
	healed "reads"
	leave
}

# Of a file with one bad block all else can be read, however much is read at once.
fill_pages() { python3 -c 'import sys
for i in range(256): sys.stdout.write(f"page {i:10}\n" * 256)'; }
check_pages() # file, number of the bad page
{
	python3 -c 'import os, sys
fd, bad, wrong = os.open(sys.argv[1], os.O_RDONLY), int(sys.argv[2]), []
for i in range(256):
    try:
        right = os.pread(fd, 4096, i * 4096) == f"page {i:10}\n".encode() * 256
    except OSError:
        right = None
    if right != (None if i == bad else True):
        wrong.append(i)
print("pages", wrong)
sys.exit(bool(wrong))' "$@"
}
# Where the data of a page is: nothing else on the device looks like it.
find_page() # number
{
	python3 -c 'import sys
page = f"page {int(sys.argv[3]):10}\n".encode() * 256
with open(sys.argv[1], "rb") as disk:
    for block in range(int(sys.argv[2]) // 8):
        if disk.read(4096) == page:
            print(block)
            sys.exit()
sys.exit(1)' $disk $sectors "$1"
}
bad_block()
{
	local block what="one bad block"

	fresh commit=300
	fill_pages >$mnt/pages
	leave
	block=$(find_page 77)
	verdict $? "$what: it is found"
	turn lost_block "$block"
	expect "$what: it mounts" mount -t vexfs -o noatime "$dev" $mnt
	mark
	expect "$what: it cannot be read" fails 'Input/output error' cat $mnt/pages
	expect "$what: the log names it" said "block $block cannot be read"
	expect "$what: all the others can" check_pages $mnt/pages 77
	leave
	turn well
	dd if=/dev/zero of=$disk bs=4096 seek="$block" count=1 conv=notrunc,fsync status=none
	expect "$what: it mounts" mount -t vexfs -o noatime "$dev" $mnt
	mark
	expect "$what: nor when it is damaged" fails 'Input/output error' cat $mnt/pages
	expect "$what: the log names it" said "block $block has checksum"
	expect "$what: all the others can" check_pages $mnt/pages 77
	leave
}

mount_fails()
{
	mark
	turn dead
	expect "a mount of a dead device fails" fails "can't read superblock\|Input/output\|bad superblock" \
		mount -t vexfs "$dev" $mnt
	# The one that cannot be read may be the newest.
	for block in 1 9; do
		mark
		turn lost_block $block
		expect "a mount without superblock $block fails" fails . mount -t vexfs "$dev" $mnt
		expect "... and the log names it" said "block $block: superblock cannot be read"
		expect "... but for reading" mount -t vexfs -o ro "$dev" $mnt
		expect "... only" fails . mount -o remount,rw $mnt
		expect "... it unmounts" leave
	done
	turn well
	healed "mounts that failed"
	leave
}

# ---- the device is gone ----------------------------------------------------------

gone()
{
	fresh commit=1
	begin
	reach 3 acked
	# Every request from here on fails; the name goes when nobody has it open.
	dm remove --force $name >/dev/null 2>&1
	reach 1 'EIO|EROFS'
	expect "gone: fsync fails" fails 'Input/output error\|Read-only' synced $mnt/x
	finish "gone" 1 'EIO\|EROFS'
	expect "gone: it unmounts" leave
	dm remove $name 2>/dev/null
	make_device
	verdict $? "gone: the device comes back"
	healed "gone"
	# Gone with what nobody has synced.
	synced $mnt/before
	cp -r /usr/include/linux/netfilter $mnt/
	turn dead
	expect "gone: it unmounts with changes" leave
	expect "gone: and the log says that they are lost" said 'the last commit failed'
	turn well
	healed "gone with changes"
	expect "gone with changes: what was synced is there" test -s $mnt/before
	leave
}

unplugged()
{
	local pci kept=$dev

	pci=$(realpath "/sys/block/${other##*/}/device/..")
	dev=$other
	fresh commit=1
	verdict $? "unplugged: it mounts"
	begin
	reach 3 acked
	expect "unplugged: the driver lets go" within 30 sh -c "echo 1 >$pci/remove"
	reach 1 'EIO|EROFS'
	expect "unplugged: fsync fails" fails 'Input/output error\|Read-only\|No such device' synced $mnt/x
	finish "unplugged" 1 'EIO\|EROFS'
	expect "unplugged: it unmounts" leave
	echo 1 >/sys/bus/pci/rescan
	for _ in $(seq 50); do [ -b $other ] && break; sleep 0.1; done
	expect "unplugged: the disk is back" test -b $other
	healed "unplugged"
	leave
	dev=$kept
}

# ---- for moments -------------------------------------------------------------------

# A commit whose last write fails ends the changes here, too.
moments()
{
	local what="every other second, errors=continue"

	fresh commit=1,errors=continue
	begin
	turn flakey 1 1
	sleep 4
	reach 1 'EIO|EROFS'
	finish "$what" 0 'EIO\|EROFS'
	turn well
	expect "$what: it unmounts" leave
	healed "$what"
	leave
}

# ---- all of it -------------------------------------------------------------------

mkdir -p $mnt $work
trap 'umount $mnt 2>/dev/null; dm remove --force $name >/dev/null 2>&1' EXIT
expect "dm_mod and dm_flakey are there" modprobe -a dm_mod dm_flakey
expect "a mapped device" make_device
[ $failed -eq 0 ] || exit 1
choose_reads

stopped_by "writes" flakey 0 3600 error_writes
continues "flakey 0 3600 error_writes" dead
kept
in_doubt
bad_block
reads_fail
mount_fails
gone
unplugged
moments
echo "# $SECONDS s"
exit $failed
