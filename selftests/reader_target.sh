#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vexfs-trace-read --target: how deep ext4 and tmpfs go, with the chain of calls; what cannot be
# measured, and that nothing is left behind.
set -u
PATH=$PATH:/usr/sbin:/usr/bin
device=${VEXFS_TEST_DEV:-/dev/vda}
work=$(mktemp -d)
failed=0
ext4=$work/ext4
tmpfs=$work/tmpfs
targets=/sys/kernel/debug/vexfs/targets

verdict() # status, name
{
	if [ "$1" -eq 0 ]; then
		echo "ok - $2"
	else
		echo "not ok - $2"
		sed 's/^/# /' "$work/err" 2>/dev/null
		failed=1
	fi
}

cleanup()
{
	umount "$ext4" "$tmpfs" 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT

reader() # options
{
	vexfs-trace-read "$@" 2>"$work/err"
}

none_left() # name
{
	[ "$(wc -l <$targets)" -eq 1 ]
	verdict $? "$1: no target is left"
}

# A claim about a report, judged at the end by one Python; see reader_check.py.
claim() # report, name, claim, arguments
{
	local IFS=$'\t'

	echo "$work/$*" >>"$work/claims"
}

mkdir "$ext4" "$tmpfs"
modprobe ext4 && mkfs.ext4 -q -F "$device" >"$work/err" 2>&1 && mount -t ext4 "$device" "$ext4" &&
	mount -t tmpfs tmpfs "$tmpfs"
verdict $? "an ext4 and a tmpfs to measure"

# One process: to start one for each write takes ten times as long.
cat >"$work/job" <<'END'
import os, sys
for i in range(1, 151):
    name = f"{sys.argv[1]}/{i % 20}"
    fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    if os.write(fd, bytes(65536)) != 65536:
        sys.exit(name)
    os.fsync(fd)
    os.close(fd)
    if i % 20 == 0:
        for name in os.listdir(sys.argv[1]):
            if name.isdigit():
                os.unlink(f"{sys.argv[1]}/{name}")
END

reader --target ext4_file_write_iter,vfs_fsync_range --json --output "$work/ext4.json" \
	-- python3 "$work/job" "$ext4"
verdict $? "ext4: exit status 0"
for target in ext4_file_write_iter vfs_fsync_range; do
	claim ext4.json "ext4: $target has its depth and its whole chain" target_chain $target '[ext4]'
done
claim ext4.json "ext4: what writes allocate, and no time of theirs is lost" \
	target_cost ext4_file_write_iter \
	'f == 1 and m["allocs"] > 150 and m["pages"] > 0 and t["io"] == 0'
claim ext4.json "ext4: fsync waits for the device" target_cost vfs_fsync_range 't["io"] > 0'
none_left ext4

reader --target module:ext4 --no-bpf --json --output "$work/module.json" -- python3 "$work/job" "$ext4"
verdict $? "module:ext4: exit status 0"
sed 's/^/# /' "$work/err"
claim module.json "module:ext4: its functions are one, no time is lost" \
	target_cost module:ext4 'f > 100 and s["calls"] > 300 and m["allocs"] > 150'
claim module.json "module:ext4: it has its depth and its whole chain" \
	target_chain module:ext4 '[ext4]'
none_left module:ext4

reader --target vfs_write --no-bpf --json --output "$work/tmpfs.json" -- python3 "$work/job" "$tmpfs"
verdict $? "tmpfs: exit status 0"
claim tmpfs.json "tmpfs: vfs_write has its depth and its whole chain" \
	target_chain vfs_write shmem_

reader --debugfs --target ext4:ext4_sync_file --no-bpf --output "$work/text" -- python3 "$work/job" "$ext4"
verdict $? "by debugfs: exit status 0"
grep -q '^ext4:ext4_sync_file  150 calls' "$work/text" && grep -q '  chain .*caught at' "$work/text"
verdict $? "by debugfs: the report has the function"
none_left "by debugfs"

refused() # what it says, targets
{
	reader --target "$2" -- true >/dev/null
	[ $? -eq 1 ] && grep -qF -- "$1" "$work/err"
	verdict $? "refused: $2"
}

refused 'no such function' vexfs_no_such_function
refused 'never returns' vfs_read,do_exit
refused 'does not let this function be probed' asm_exc_page_fault
refused 'functions have this name' t_next
refused 'no room' vfs_read,vfs_write,vfs_open,vfs_statx,filp_close,vfs_fsync_range,vfs_unlink,vfs_rename,vfs_mkdir
refused 'no such module is loaded' module:vexfs_no_such_module
none_left "after refusals"
reader --target , -- true >/dev/null
[ $? -eq 2 ]
verdict $? "an empty name: exit status 2"

# Somebody else's target is used, and left.
echo +vfs_fsync_range >$targets
reader --target vfs_fsync_range --no-bpf --output "$work/text" -- sync -f "$ext4"
verdict $? "a target that was there: exit status 0"
grep -q vfs_fsync_range $targets
verdict $? "a target that was there: it stays"
reader --target vfs_fsync_range --no-bpf --output "$work/text" -- \
	sh -c "echo -vfs_fsync_range >$targets"
[ $? -eq 1 ] && grep -q 'vfs_fsync_range: it was removed while this watched' "$work/err"
verdict $? "a target that somebody else removes: exit status 1, and why"
none_left "a target that somebody else removes"

# Once its target is there it waits, or is about to.
(until grep -q vfs_read $targets; do sleep 0.1; done; sleep 1; pkill -INT -x vexfs-trace-rea) &
reader --target vfs_read --no-bpf --interval 60 >/dev/null
verdict $? "Ctrl-C: exit status 0"
none_left "after Ctrl-C"
wait
python3 "$(dirname "$(realpath "$0")")/reader_check.py" <"$work/claims" || failed=1
exit $failed
