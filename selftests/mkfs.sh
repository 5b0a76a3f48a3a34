#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# mkfs.vexfs on a block device: what it discards, what a dry run leaves, what it refuses.
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
folder=$(mktemp -d)
mnt=$folder/mnt
mkdir "$mnt"
# shellcheck disable=SC2317
cleanup()
{
	umount "$mnt" 2>/dev/null
	rm -f "$folder/err" && rmdir "$mnt" "$folder"
}
trap cleanup EXIT

# Sectors that the device was told to discard so far.
discarded() { awk '{ print $14 }' "/sys/block/${device#/dev/}/stat"; }
# The first MiB, where both superblocks are.
head_sum() { head -c 1M "$device" | sha256sum; }
says() # words, command that is refused
{
	local words=$1

	shift
	! "$@" >/dev/null 2>"$folder/err" && grep -q "$words" "$folder/err"
}

size=$(blockdev --getsize64 "$device")
before=$(discarded)
mkfs.vexfs -q -f "$device"
verdict $? "a filesystem is made"
[ $(($(discarded) - before)) -eq $((size / 512 / 8 * 8)) ]
verdict $? "all of the device is discarded, no more"

before=$(discarded)
mkfs.vexfs -q -f -K "$device" && [ "$(discarded)" -eq "$before" ]
verdict $? "-K discards nothing"
mkfs.vexfs -q -f -s 64M "$device" && [ $(($(discarded) - before)) -eq $((64 * 2048)) ]
verdict $? "what is not used is not discarded"

sum=$(head_sum)
before=$(discarded)
mkfs.vexfs -n -f -L other "$device" >/dev/null && [ "$(head_sum)" = "$sum" ] &&
	[ "$(discarded)" -eq "$before" ]
verdict $? "a dry run changes nothing"
says 'holds a VexFS already' mkfs.vexfs -n "$device"
verdict $? "a dry run refuses what would be refused"
says 'less than --size' mkfs.vexfs -n -f -s $((size + 4096)) "$device"
verdict $? "a device does not grow"

mount -t vexfs "$device" "$mnt"
verdict $? "it mounts"
says "is mounted at $mnt" mkfs.vexfs -f "$device" && says 'is mounted' mkfs.vexfs -n -f "$device"
verdict $? "what is mounted is refused"
umount "$mnt"

mkfs.ext4 -q -F "$device"
says 'holds a ext4 filesystem already; use -f' mkfs.vexfs "$device"
verdict $? "another filesystem is not overwritten"
mkfs.vexfs -q -f "$device" && ! blkid -p "$device" >/dev/null && fsck.vexfs -n "$device" >/dev/null
verdict $? "unless it is forced; then nothing is left of it"

exit "$failed"
