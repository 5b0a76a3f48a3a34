# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Collections to compare between hosts of the core: for selftests/crosshost.sh and
# tools/crosshost.

metrics="l2 ip cosine"
# Types of elements, each with a metric, and with every index.
others="f16-l2 f16-ip f16-cosine i8-l2 i8-ip i8-cosine b1-hamming"

fill() # folder, options of 'vexfs'
{
	local dir=$1 m index

	shift
	for m in $metrics; do
		vexfs "$@" bench --fill 1500 --dim 67 --metric "$m" --queries 1 "$dir/$m" \
			>/dev/null || return 1
		vexfs "$@" delete "$dir/$m" 3 100-199 1499 || return 1
	done
	for m in $others; do
		for index in flat 'hnsw --ef-construction 40'; do
			# shellcheck disable=SC2086
			vexfs "$@" bench --fill 1500 --dim 67 --elem "${m%-*}" --metric "${m#*-}" \
				--index $index --queries 1 "$dir/$m-${index%% *}" >/dev/null || return 1
			vexfs "$@" delete "$dir/$m-${index%% *}" 3 100-199 1499 || return 1
		done
	done
	vexfs "$@" bench --fill 1500 --dim 24 --index hnsw --ef-construction 40 --queries 1 \
		"$dir/graph" >/dev/null || return 1
	vexfs "$@" delete "$dir/graph" 30-90 || return 1
	vexfs "$@" bench --fill 1500 --dim 24 --metric cosine --index lsh --tables 4 --bits 6 \
		--queries 1 "$dir/tables" >/dev/null || return 1
	vexfs "$@" delete "$dir/tables" 30-90 || return 1
	vexfs "$@" bench --fill 1500 --dim 24 --index codes --code sq4 --queries 1 \
		"$dir/codes" >/dev/null || return 1
	vexfs "$@" delete "$dir/codes" 30-90 || return 1
	vexfs "$@" import -q --text --sample 40 "$dir/text" /usr/include/linux
}

# All that can be told of the collections, without the path they are at.
tell() # folder, file with queries, made when there is none, options of 'vexfs'
{
	local dir=$1 queries=$2 m index

	shift 2
	# Always the same rows, whoever made them.
	[ -s "$queries" ] || vexfs "$@" get -q "$dir/l2" 4-23 --output "$queries" || return 1
	for m in $metrics; do
		vexfs "$@" stat --json "$dir/$m" || return 1
		vexfs "$@" search --json -k 50 --query "$queries" "$dir/$m" || return 1
		vexfs "$@" search --json -k 4096 --row 0 "$dir/$m" || return 1
	done | grep -v '^  "file":'
	for m in $others; do
		for index in flat hnsw; do
			vexfs "$@" stat --json "$dir/$m-$index" || return 1
			vexfs "$@" search --json -k 50 --row 4-13 "$dir/$m-$index" || return 1
		done
	done | grep -v '^  "file":'
	vexfs "$@" stat --json "$dir/graph" | grep -v '^  "file":' || return 1
	vexfs "$@" search --json -k 10 --ef 40 --row 0-20 "$dir/graph" | grep -v '^  "file":' || return 1
	vexfs "$@" stat --json "$dir/tables" | grep -v '^  "file":' || return 1
	vexfs "$@" search --json -k 10 --ef 20 --probes 3 --row 0-20 "$dir/tables" |
		grep -v '^  "file":' || return 1
	vexfs "$@" stat --json "$dir/codes" | grep -v '^  "file":' || return 1
	vexfs "$@" search --json -k 10 --ef 12 --row 0-20 "$dir/codes" | grep -v '^  "file":' || return 1
	vexfs "$@" search --json -k 10 --text 'network socket address' "$dir/text" |
		grep -v '^  "file":'
}
