#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# One image, two hosts of the core: what vexfs.ko made, the library in userspace
# opens, and the other way round, and both find the same rows at the same
# distances to the last bit. With the scalar kernels, and with the best ones.
set -u

device=${VEXFS_TEST_DEV:-/dev/vda}
work=$(mktemp -d)
mnt=$work/mnt
mkdir "$mnt"

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

modules() # parameters of vexfs.ko
{
	rmmod vexfs_trace vexfs 2>/dev/null
	insmod "$VEXFS_MODDIR/vexfs.ko" "$@"
}

# shellcheck disable=SC2317
finish()
{
	mountpoint -q "$mnt" && umount "$mnt"
	modules && insmod "$VEXFS_MODDIR/vexfs_trace.ko"
	rm -rf "$work"
}
trap finish EXIT

# shellcheck source=selftests/crosshost-lib.sh
. "$(dirname "$(realpath "$0")")/crosshost-lib.sh"

compare() # isa
{
	local isa=$1 hits

	mkfs.vexfs -q -f -s 64M "$device" && mount -t vexfs "$device" "$mnt" && fill "$mnt" &&
		tell "$mnt" "$work/query.fvecs" >"$work/kernel" && umount "$mnt"
	verdict $? "$isa: the kernel makes and searches collections"
	tell / "$work/query.fvecs" --image "$device" --isa "$isa" >"$work/library"
	verdict $? "$isa: the library opens them"
	cmp "$work/kernel" "$work/library"
	verdict $? "$isa: and finds the same, bit for bit"

	mkfs.vexfs -q -f -s 64M "$device" && fill / --image "$device" --isa "$isa" &&
		tell / "$work/query.fvecs" --image "$device" --isa "$isa" >"$work/library"
	verdict $? "$isa: the library makes and searches collections"
	mount -t vexfs "$device" "$mnt" && tell "$mnt" "$work/query.fvecs" >"$work/kernel" && umount "$mnt"
	verdict $? "$isa: the kernel opens them"
	cmp "$work/kernel" "$work/library"
	verdict $? "$isa: and finds the same, bit for bit"
	hits=$(grep -c distance_bits "$work/library")
	[ "$hits" -gt 14000 ]
	verdict $? "$isa: these were $hits distances"
}

modules isa=scalar
compare scalar

modules
mkfs.vexfs -q -f -s 64M "$device" && mount -t vexfs "$device" "$mnt"
best=$(vexfs caps "$mnt" | sed -n 's/^isa *//p')
! vexfs --image "$device" stat /x 2>"$work/refusal" && grep -q "mounted at $mnt" "$work/refusal"
verdict $? "the library refuses a device that is mounted"
! mkfs.vexfs -f "$device" 2>"$work/refusal" && grep -q "mounted at $mnt" "$work/refusal"
verdict $? "mkfs.vexfs refuses it too"
umount "$mnt"
compare "$best"

exit $failed
