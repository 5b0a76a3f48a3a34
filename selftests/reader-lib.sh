# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# What the tests of vexfs-trace-read share: a mounted VexFS with a collection, two
# programs that keep it busy, verdicts.

device=${VEXFS_TEST_DEV:-/dev/vda}
here=$(dirname "$(realpath "$0")")
work=$(mktemp -d)
mnt=$work/mnt
export work mnt
failed=0
busy=()

verdict() # status, name
{
	if [ "$1" -eq 0 ]; then
		echo "ok - $2"
	else
		echo "not ok - $2"
		# shellcheck disable=SC2034 # the exit status of the test
		failed=1
		# What was said, for whoever has to find out why.
		[ ! -s "$work/err" ] || sed 's/^/# /' "$work/err"
	fi
}

# The exit status of a run of the reader, its messages in $work/err.
reader() # options
{
	vexfs-trace-read "$@" 2>"$work/err"
}

# Each JSON report has a file of its own, for its claims are judged at the end.
reports=0
next_report()
{
	report=$work/report.$((reports++)).json
}
next_report

# A claim about the latest JSON report, judged by judge(); see reader_check.py.
claim() # name, claim, arguments
{
	local IFS=$'\t'

	echo "$report$IFS$*" >>"$work/claims"
}

# Prints a verdict on each claim: once, for Python takes long to start in an emulated machine.
judge()
{
	# shellcheck disable=SC2034 # the exit status of the test
	python3 "$here/reader_check.py" <"$work/claims" || failed=1
	rm "$work/claims"
}

# One program that searches and one that writes, each as fast as it can, and one
# after another that do a bit of everything: enough for two CPUs.
busy_start()
{
	local pid

	vexfs bench --op search --queries 16000000 -k 3 "$mnt/rows" >/dev/null 2>&1 &
	busy+=($!)
	dd if=/dev/zero of="$mnt/zeros" bs=1 count=300000000 status=none &
	busy+=($!)
	while :; do
		ls -l "$mnt" && cat "$mnt/rows" && mkdir "$mnt/d" && rmdir "$mnt/d"
	done >/dev/null 2>&1 &
	busy+=($!)
	sleep 1
	for pid in "${busy[@]}"; do
		kill -0 "$pid" || return 1
	done
	busy_signal STOP
}

# They rest while a reader starts and writes, which takes it several times as long beside them.
busy_signal() # STOP or CONT
{
	[ ${#busy[@]} -eq 0 ] || kill "-$1" "${busy[@]}" 2>/dev/null
}

busy_stop()
{
	busy_signal TERM
	busy_signal CONT
	wait "${busy[@]}" 2>/dev/null
	busy=()
}

# Whether the reader is still attached to events.
attached()
{
	find "/proc/$reader/fd" -lname '*bpf*link*' 2>/dev/null | grep -q .
}

# Starts the reader, and then the load.
reader_start() # options
{
	vexfs-trace-read "$@" 2>"$work/err" &
	reader=$!
	until grep -q watching "$work/err"; do
		kill -0 "$reader" 2>/dev/null || return 1
		sleep 0.1
	done
	busy_signal CONT
}

# Ends it, while the load goes on until it has let go of the events. Its exit status.
reader_end()
{
	kill -INT "$reader"
	while attached; do sleep 0.1; done
	busy_signal STOP
	wait "$reader"
}

# Runs the reader under load; the claims that follow are judged by judge().
window() # name, command that returns when it has seen enough, options
{
	local name=$1 enough=$2

	shift 2
	next_report
	reader_start --json --output "$report" "$@" && attached
	verdict $? "$name: it watches"
	$enough
	reader_end
	verdict $? "$name: exit status 0"
	claim "$name: emitted = captured + lost" holds
	claim "$name: every stack belongs to its operation" own_stacks
}

# Until a reader with --interval has written so many reports.
reports_are() # number
{
	until [ "$(grep -c '^{' "$report")" -ge "$1" ]; do
		kill -0 "$reader" || return
		sleep 0.1
	done
}

# shellcheck disable=SC2317
finish()
{
	busy_stop
	mountpoint -q "$mnt" && umount "$mnt"
	rm -rf "$work"
}
trap finish EXIT

mkdir "$mnt"
mkfs.vexfs -q -f -s 512M "$device" && mount -t vexfs "$device" "$mnt" &&
	vexfs bench --fill 64 --dim 16 --queries 1 "$mnt/rows" >/dev/null
verdict $? "a filesystem with a collection"
