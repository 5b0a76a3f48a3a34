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

# The chain leads from the word to the target's caller, and is of that filesystem.
whole() # report, target, part of the name of a function or module
{
	python3 - "$@" 2>"$work/err" <<-'END'
		import json, sys
		report, target, part = sys.argv[1:]
		c, = [c for c in json.load(open(report))["classes"] if c["class"] == target]
		assert c["target"], c
		assert c["stack"]["painted"] >= 50 and c["latency_ns"]["count"] >= 100, c["stack"]
		chain = c["chain"]
		assert chain and chain["complete"], chain
		assert sum(f["bytes"] for f in chain["frames"]) == chain["depth"], chain
		assert c["stack"]["min"] <= chain["depth"] <= c["stack"]["max"], (c["stack"], chain)
		# A frame is never larger than what the kernel's build lets a function have.
		assert all(8 <= f["bytes"] <= 2048 + 256 for f in chain["frames"]), chain
		assert any(part in f["function"] for f in chain["frames"]), chain
	END
}

# What time and memory went into: c is the class, f its functions, m its memory, t its time.
counted() # report, target, what holds
{
	python3 -c 'import json, sys
c, = [c for c in json.load(open(sys.argv[1]))["classes"] if c["class"] == sys.argv[2]]
f, m, t = c["functions"], c["memory"], c["time_ns"]
assert t["lost_ops"] == 0 and t["total"] > 0 and eval(sys.argv[3]), (c["stack"], f, m, t)' "$@"
}

mkdir "$ext4" "$tmpfs"
modprobe ext4 && mkfs.ext4 -q -F "$device" >"$work/err" 2>&1 && mount -t ext4 "$device" "$ext4" &&
	mount -t tmpfs tmpfs "$tmpfs"
verdict $? "an ext4 and a tmpfs to measure"

cat >"$work/job" <<'END'
for i in $(seq 150); do
	dd if=/dev/zero of="$1/$((i % 20))" bs=64k count=1 conv=fsync status=none || exit 1
	[ $((i % 20)) -ne 0 ] || rm "$1"/[0-9]*
done
END

reader --target ext4_file_write_iter,vfs_fsync_range --json --output "$work/ext4.json" \
	-- sh "$work/job" "$ext4"
verdict $? "ext4: exit status 0"
for target in ext4_file_write_iter vfs_fsync_range; do
	whole "$work/ext4.json" $target '[ext4]'
	verdict $? "ext4: $target has its depth and its whole chain"
done
counted "$work/ext4.json" ext4_file_write_iter 'f == 1 and m["allocs"] > 150 and m["pages"] > 0 and t["io"] == 0'
verdict $? "ext4: what writes allocate, and no time of theirs is lost"
counted "$work/ext4.json" vfs_fsync_range 't["io"] > 0'
verdict $? "ext4: fsync waits for the device"
none_left ext4

reader --target module:ext4 --no-bpf --json --output "$work/module.json" -- sh "$work/job" "$ext4"
verdict $? "module:ext4: exit status 0"
sed 's/^/# /' "$work/err"
counted "$work/module.json" module:ext4 'f > 100 and c["stack"]["calls"] > 300 and m["allocs"] > 150'
verdict $? "module:ext4: its functions are one, no time is lost"
whole "$work/module.json" module:ext4 '[ext4]'
verdict $? "module:ext4: it has its depth and its whole chain"
none_left module:ext4

reader --target vfs_write --no-bpf --json --output "$work/tmpfs.json" -- sh "$work/job" "$tmpfs"
verdict $? "tmpfs: exit status 0"
whole "$work/tmpfs.json" vfs_write shmem_
verdict $? "tmpfs: vfs_write has its depth and its whole chain"

reader --debugfs --target ext4:ext4_sync_file --no-bpf --output "$work/text" -- sh "$work/job" "$ext4"
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
echo -vfs_fsync_range >$targets

# Once its target is there it waits, or is about to.
(until grep -q vfs_read $targets; do sleep 0.1; done; sleep 1; pkill -INT -x vexfs-trace-rea) &
reader --target vfs_read --no-bpf --interval 60 >/dev/null
verdict $? "Ctrl-C: exit status 0"
none_left "after Ctrl-C"
wait
exit $failed
