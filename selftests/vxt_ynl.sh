#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The kernel's own netlink client drives the family with our spec, and the
# header is what the spec says.
set -u
cd "$(dirname "$(realpath "$0")")/.." || exit 1

failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

verdict() # status, name
{
	if [ "$1" -eq 0 ]; then
		echo "ok - $2"
	else
		echo "not ok - $2"
		sed 's/^/# /' "$work/out" "$work/err" 2>/dev/null
		failed=1
	fi
}

spec=Documentation/netlink/specs/vexfs_trace.yaml
header=kmod/uapi/linux/vexfs_trace.h

# The client came with 6.3; any of the unpacked kernels may have it.
kernels=$(dirname "$(dirname "$(readlink "/lib/modules/$(uname -r)/build")")")
source=
for dir in "$kernels"/*/source; do
	[ -f "$dir/tools/net/ynl/cli.py" ] && source=$dir
done
[ -n "$source" ]
verdict $? "a kernel's source with the client is in the cache"
[ -n "$source" ] || exit 1

ynl()
{
	python3 "$source/tools/net/ynl/cli.py" --spec "$spec" --no-schema --output-json "$@" \
		>"$work/out" 2>"$work/err"
}

# A Python expression about the JSON in $work/out, as x.
says() # expression
{
	python3 -c "import json, sys; x = json.load(open('$work/out')); sys.exit(not ($1))" \
		2>>"$work/err"
}

# Once: it takes a while.
python3 "$source/tools/net/ynl/cli.py" --spec "$spec" \
	--schema "$source/Documentation/netlink/genetlink.yaml" --list-ops >"$work/out" 2>"$work/err"
verdict $? "the spec is valid for the kernel's schema"

ynl --dump stack-get
classes=$(grep -c '^	X(' kmod/trace/vexfs_op.h)
says "len(x) == $classes and x[19][\"name\"] == \"search\""
verdict $? "the client dumps: stack-get has every class by name"
ynl --do status-get && says 'x["version"] == 1 and len(x["cpu"]) >= 1'
verdict $? "the client asks: status-get"
python3 selftests/vxt_ynl.py "$source/tools/net/ynl" $spec 2>"$work/err" || failed=1
sed 's/^/# /' "$work/err"

tools/netlink-uapi $spec >"$work/header.h" && diff "$work/header.h" $header >"$work/out"
verdict $? "the header is the one that tools/netlink-uapi makes from the spec"

# ynl-gen-c.py insists on the kernel's licence line and tree; comments aside, the
# definitions must be the same.
mkdir -p "$work/Documentation/netlink/specs"
touch "$work/MAINTAINERS"
cp "$source"/Documentation/netlink/*.yaml "$work/Documentation/netlink/"
sed '1s/:.*/: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)/' $spec \
	>"$work/Documentation/netlink/specs/vexfs_trace.yaml"
words() { gcc -fpreprocessed -dD -E -P "$1" | tr -s ' \t\n' '\n'; }
(cd "$work" && timeout 60 python3 "$source/tools/net/ynl/ynl-gen-c.py" --mode uapi --header \
	--spec Documentation/netlink/specs/vexfs_trace.yaml >"$work/ynl.h" 2>"$work/err") &&
	words "$work/ynl.h" >"$work/ynl.words" && words $header >"$work/our.words" &&
	diff "$work/ynl.words" "$work/our.words" >"$work/out"
verdict $? "the header defines what ynl-gen-c.py makes from the spec"

exit $failed
