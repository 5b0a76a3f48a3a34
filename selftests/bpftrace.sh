#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The scripts of bpf/bpftrace run unchanged on the distribution's bpftrace, and say what was done.
set -u
PATH=$PATH:/usr/sbin:/usr/bin
cd "$(dirname "$(realpath "$0")")/.." || exit 1
device=${VEXFS_TEST_DEV:-/dev/vda}
work=$(mktemp -d)
mnt=$work/mnt
failed=0

verdict() # status, name
{
	if [ "$1" -eq 0 ]; then
		echo "ok - $2"
	else
		echo "not ok - $2"
		sed 's/^/# /' "$work/out" 2>/dev/null | head -60
		failed=1
	fi
}

cleanup()
{
	umount "$mnt" 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT

says() # line of the output, a regular expression
{
	grep -qE -- "^$1\$" "$work/out"
	verdict $? "$script: ${2-$1}"
}

# What a script calls the classes is what they are called.
names()
{
	sed -n 's/^	X([A-Z_]*,	*"\([a-z_]*\)").*/\1/p' kmod/trace/vexfs_op.h |
		awk '{ printf "\t@class[%d] = \"%s\";\n", NR - 1, $1 }'
}

mkdir "$mnt"
mkfs.vexfs -q -f "$device" && mount -t vexfs "$device" "$mnt" && vexfs bench --fill 500 --dim 16 \
	--queries 1 "$mnt/rows" >/dev/null
verdict $? "a filesystem with a collection"

cat >"$work/job" <<END
vexfs bench --op search --queries 7 "$mnt/rows" >/dev/null
for i in 1 2 3; do
	echo \$i >"$mnt/f\$i"
	mkdir "$mnt/d\$i"
done
rmdir "$mnt"/d?
sync -f "$mnt"
END

for script in kernel performance memory; do
	if grep -q '@class\[0\]' bpf/bpftrace/$script.bt; then
		diff <(names) <(grep '@class\[[0-9]*\] = ' bpf/bpftrace/$script.bt) >"$work/out"
		verdict $? "$script: has the names of all classes"
	fi
	# A depth is told of when none was as great before.
	echo 1 >/sys/kernel/debug/vexfs/reset
	bpftrace -c "/usr/bin/dash $work/job" bpf/bpftrace/$script.bt >"$work/out" 2>&1
	verdict $? "$script: exit status 0"
	rm "$mnt"/f?
	case $script in
	kernel)
		says '@calls\[mkdir\]: 3'
		says '@calls\[rmdir\]: 3'
		says '@calls\[create\]: 3'
		says '@callers\[mkdir, mkdir, ' 'mkdir has the stack of its callers'
		says ' +vexfs_dir_mkdir\+[0-9]+' 'with the entry function'
		says '@deepest\[mkdir\]: [0-9]+' 'and the depth of a record'
		;;
	performance)
		says '@time_us\[mkdir\]: count 3, average [0-9]+, total [0-9]+'
		says '@bytes\[write\]: 6'
		says '@compared\[search\]: count [0-9]+, average 500, total [0-9]+'
		says '@commits: [0-9]+'
		;;
	memory)
		# One inode for each file and each directory; those of the directories are gone again.
		says '@allocs\[[0-9]+\]: 6'
		says '@takers\[[0-9]+, ' 'sites have the stacks of their callers'
		says '@held_bytes\[[0-9]+\]: 0' 'what was freed is not held'
		;;
	esac
done
exit $failed
