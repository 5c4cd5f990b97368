#!/bin/sh
# SPDX-License-Identifier: MIT
# make uninstall takes away every file and every directory that make install
# made.  Directories that any system has are there before.

set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
unset MAKEFLAGS MFLAGS MAKELEVEL

for dir in $INSTALL_DIRS; do
	mkdir -p "$tmp/root$dir"
done
list()
{
	(cd "$tmp/root" && find . | LC_ALL=C sort) >"$tmp/$1"
}

list before
for goal in install uninstall; do
	$MAKE -C "$top_builddir" $goal DESTDIR="$tmp/root" \
	    >"$tmp/log" 2>&1 || {
		cat "$tmp/log"
		echo "FAIL: make $goal"
		exit 1
	}
	list $goal
done
if cmp -s "$tmp/before" "$tmp/install"; then
	echo 'FAIL: make install installed nothing'
	exit 1
fi
diff -u "$tmp/before" "$tmp/uninstall" || {
	echo 'FAIL: make uninstall leaves these behind'
	exit 1
}
