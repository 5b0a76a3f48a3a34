#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# stress-ng's filesystem stressors and fio's verified I/O on a VexFS, in the VM, for
# VEXFS_STRESS_SECONDS (40); then the filesystem must be whole, and when it is
# emptied every block must have come back. 'make stress' runs it for longer.
set -u

seconds=${VEXFS_STRESS_SECONDS:-40}
dev=/dev/vda
mnt=/tmp/stress
out=/tmp/stress.out

# Those of one line run side by side. What works without a filesystem is not among them.
turns=(
	"dir dirdeep dentry getdent rename"
	"link symlink filename mknod dirmany"
	"hdd iomix seek readahead"
	"mmap mmapfork msync copy-file"
	"fallocate fpunch sync-file io revio"
	"xattr chattr access chmod chown utime"
	"flock lockf locka lockofd fcntl open"
	"sendfile splice fiemap file-ioctl inode-flags fstat touch"
)
# Two passes, and fio once in each.
length=$((seconds / (2 * (${#turns[@]} + 1))))
[ $length -ge 2 ] || length=2

failed=0
verdict() # status, what
{
	if [ "$1" -eq 0 ]; then
		echo "ok - stress: $2"
	else
		echo "not ok - stress: $2"
		failed=1
	fi
}

# Small files' worth of each: all of a turn's have to fit the disk.
options=(--hdd-bytes 16m --iomix-bytes 32m --seek-size 16m --readahead-bytes 16m
	 --mmap-bytes 8m --mmap-file --msync-bytes 8m --copy-file-bytes 128m
	 --fallocate-bytes 64m --sync-file-bytes 16m --revio-bytes 16m --sendfile-size 4m
	 --fiemap-bytes 16m --dirdeep-bytes 16m)

# Of the deepest chains that end in VexFS, by the kernel's stack tracer: the frames that are
# VexFS's own, and the chain that has most of them. With VEXFS_STRESS_CHAINS only: it takes long.
tracing=/sys/kernel/tracing
own_most=0
chains_prepare()
{
	[ -n "${VEXFS_STRESS_CHAINS-}" ] || return 0
	mountpoint -q $tracing || mount -t tracefs none $tracing
	awk '/\[vexfs\]/ { print $1 }' $tracing/available_filter_functions \
		>$tracing/stack_trace_filter
	verdict $? "the stack tracer looks at VexFS alone"
}

chains_on()
{
	[ -n "${VEXFS_STRESS_CHAINS-}" ] || return 0
	echo 0 >$tracing/stack_max_size
	echo 1 >/proc/sys/kernel/stack_tracer_enabled
}

chains_off() # what ran
{
	local depth own

	[ -n "${VEXFS_STRESS_CHAINS-}" ] || return 0
	echo 0 >/proc/sys/kernel/stack_tracer_enabled
	read -r depth own < <(awk '/^ *[0-9]+\)/ {
			if (!depth) depth = $2
			if ($NF == "[vexfs]") own += $3
		}
		END { print depth + 0, own + 0 }' $tracing/stack_trace)
	echo "# $1: the deepest chain has $own bytes of VexFS's frames, $depth in all"
	if [ "$own" -gt $own_most ]; then
		own_most=$own
		sed 's/^/# /' $tracing/stack_trace >/tmp/stress.chain
	fi
}

turn() # options of the mount, stressors
{
	local mounted=$1 status name count bad args=() fails
	local -A ops=()

	shift
	for name; do
		args+=("--$name" 1)
	done
	chains_on
	stress-ng "${args[@]}" "${options[@]}" --temp-path $mnt --timeout "${length}s" \
		--metrics-brief --verify --oomable >$out 2>&1
	status=$?
	chains_off "$mounted: $*"
	# For all of them at once: to start a program takes long in an emulated machine.
	while read -r name count; do
		: "${ops[$name]=$count}"
	done < <(awk '$2 == "metrc:" && NF > 9 { print $4, $5 }' $out)
	fails=$(grep "fail: " $out)
	for name; do
		[ -z "$fails" ] ||
			! grep -q "fail: .*\<stress-ng-$name\>\|fail: .*\[[0-9]*\] $name:" $out
		bad=$?
		verdict $bad "$mounted: $name, ${ops[$name]:-0} operations"
		[ $bad -eq 0 ] || grep "fail:" $out | sed 's/^/# /'
	done
	# 3: nothing left of them for lack of something, which the lines above do not show.
	[ $status -eq 0 ] || [ $status -eq 3 ] || {
		verdict 1 "$mounted: stress-ng of $*, exit status $status"
		sed 's/^/# /' $out
	}
}

verified() # options of the mount, fio's engine, direct
{
	chains_on
	fio --name=verify --directory=$mnt --ioengine="$2" --direct="$3" --rw=randrw \
		--size=16m --bsrange=4k-64k --fsync=64 --verify=crc32c --verify_fatal=1 \
		--runtime=$((length * 3)) --allow_file_create=1 --output=$out >/dev/null 2>&1
	local status=$?

	chains_off "$1: fio, $2"
	verdict $status "$1: fio verifies what it wrote, $2$([ "$3" = 0 ] || echo ', direct')"
	[ $status -eq 0 ] || sed 's/^/# /' $out
	rm -f $mnt/verify*
}

# O_DIRECT is an offer that a filesystem need not make.
direct_works()
{
	dd if=/dev/zero of=$mnt/direct bs=4k count=1 oflag=direct status=none 2>/dev/null
	local status=$?

	rm -f $mnt/direct
	return $status
}

pass() # options of the mount
{
	local names engine

	mount -t vexfs -o "$1" $dev $mnt
	verdict $? "mounts with $1"
	for names in "${turns[@]}"; do
		# shellcheck disable=SC2086
		turn "$1" $names
	done
	for engine in psync mmap; do
		verified "$1" $engine 0
	done
	! direct_works || verified "$1" psync 1
	umount $mnt
	verdict $? "$1: unmounts"
}

# The numbers of user/bench/check.c.
check() # when
{
	read -r problems blocks used tree inodes < <(build/bench/check $dev 2>$out)
	[ "${problems:-1}" = 0 ]
	verdict $? "the check finds nothing wrong $1: ${used:-?} of ${blocks:-?} blocks in use, ${inodes:-?} inodes"
	grep -v '^note' $out | head -20 | sed 's/^/# /'
	fsck.vexfs -n -c $dev >$out 2>&1
	verdict $? "fsck.vexfs finds nothing wrong $1, in all data too"
	[ $failed -eq 0 ] || head -20 $out | sed 's/^/# /'
}

mkdir -p $mnt
chains_prepare
mkfs.vexfs -q -f $dev
verdict $? "mkfs"
pass cache=64M
check "after the first pass"

# The second in a group with little memory and the smallest cache.
group=/tmp/cgroup
mkdir -p $group
if mount -t cgroup2 none $group && echo +memory >$group/cgroup.subtree_control &&
   mkdir $group/stress && echo 192M >$group/stress/memory.max; then
	echo $BASHPID >$group/stress/cgroup.procs
	verdict 0 "limited to 192 MiB of memory"
else
	verdict 1 "limited to 192 MiB of memory"
fi
pass cache=1M
echo $BASHPID >$group/cgroup.procs
check "after the second pass"

mount -t vexfs $dev $mnt
find $mnt -mindepth 1 -delete
verdict $? "everything can be deleted"
sync -f $mnt
read -r statfs_blocks statfs_free statfs_files < <(stat -f -c '%b %f %c %d' $mnt |
	awk '{ print $1, $2, $3 - $4 }')
umount $mnt
check "when emptied"
[ "$used" -eq $((tree + 3)) ] && [ "$inodes" -eq 1 ]
verdict $? "every block and inode came back: $used in use, $tree nodes, $inodes inode"
[ "$statfs_blocks" -eq "$blocks" ] && [ "$statfs_free" -eq $((blocks - used)) ] &&
	[ "$statfs_files" -eq 1 ]
verdict $? "statfs told the same: $statfs_free of $statfs_blocks free"

if [ -r /sys/kernel/debug/vexfs/stack ]; then
	sed 's/^/# /' /sys/kernel/debug/vexfs/stack
fi
if [ $own_most -gt 0 ]; then
	echo "# the chain with most of VexFS's own frames, $own_most bytes:"
	cat /tmp/stress.chain
	[ $own_most -le 1536 ]
	verdict $? "no chain has more than 1,536 bytes of VexFS's own frames"
fi
exit $failed
