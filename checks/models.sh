#!/bin/sh
# SPDX-License-Identifier: MIT
# The models of what threads do to each other hold, and notice each fault
# that can be put into them.

set -u
: "${top_srcdir:=$(dirname "$0")/..}"
: "${CC:=cc}"
for tool in spin "${CC%% *}" timeout; do
	command -v "$tool" >/dev/null && continue
	echo "no $tool"
	exit 77
done
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
status=0

# errors MODEL OPTION...: how many errors spin finds, all states searched.
errors()
{
	model=$1
	shift
	cp "$top_srcdir/$model" "$dir/model.pml" &&
	(cd "$dir" && spin "$@" -a model.pml >log 2>&1 &&
	    $CC -O -w -DSAFETY -DMEMLIM=1000 -o pan pan.c >>log 2>&1 &&
	    timeout 120 ./pan -m100000 >log 2>&1) || {
		cat "$dir/log"
		exit 1
	}
	if grep -qi 'truncated\|reached.*MEMLIM\|too small' "$dir/log"; then
		echo 'not all states were searched'
	else
		sed -n 's/.*errors: \([0-9]*\).*/\1/p' "$dir/log"
	fi
}

holds()
{
	found=$(errors "$@")
	[ "$found" = 0 ] && return
	echo "FAIL: $*: $found errors"
	status=1
}

# Only what the faults of the options make of it.
notices()
{
	found=$(errors "$@")
	[ "$found" = 1 ] && return
	echo "FAIL: $*: not noticed: $found"
	status=1
}

waker=lib/waker.pml
for kind in 0 1 2 3; do
	holds $waker -DWAKER=$kind
	holds $waker -DWAKER=$kind -DCANCEL
done
holds $waker -DTHREADS=3 -DWAKES=1
for fault in 1 2 5; do
	notices $waker -DFAULT=$fault
done
notices $waker -DWAKER=2 -DFAULT=3
notices $waker -DCANCEL -DFAULT=4

poll=lib/selector/poll.pml
holds $poll
for fault in 1 2 3 4 5 6 7 8; do
	notices $poll -DFAULT=$fault
done
exit $status
