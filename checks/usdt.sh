#!/bin/sh
# SPDX-License-Identifier: MIT
# The library has the static probes that mio(7) names, or, without
# --enable-usdt, none; and bpftrace, if it is there, finds those of the
# example.

set -eu
lib=$top_builddir/lib/.libs/libmio.so
[ -f "$lib" ] || { echo 'no shared library'; exit 77; }
command -v readelf >/dev/null || { echo 'no readelf'; exit 77; }
has=$(readelf -n "$lib" | sed -n '/Provider: libmio$/{n;s/.*Name: //p;}' |
    sort -u)
wants=
if grep -q '^#define ENABLE_USDT 1' "$top_builddir/config.h"; then
	wants=$(sed -n '/^\.Sh PROBES/,/^\.Sh [^P]/s/^\.It Cm \([a-z_]*\).*/\1/p' \
		"$top_srcdir/man/mio.7" | sort -u)
	[ -n "$wants" ] || { echo 'FAIL: mio(7) names none'; exit 1; }
fi
[ "$has" = "$wants" ] || {
	echo "FAIL: the library has:" $has
	echo "and should have:" $wants
	exit 1
}
[ -n "$has" ] || exit 0
for name in $(sed -n 's/^usdt:.*:libmio://p' "$top_srcdir/examples/libmio.bt")
do
	echo "$has" | grep -qx "$name" || {
		echo "FAIL: libmio.bt asks for $name"
		exit 1
	}
done
command -v bpftrace >/dev/null && [ "$(id -u)" -eq 0 ] ||
	exit 0
script=$(sed "s|usdt:[*]:|usdt:$lib:|" "$top_srcdir/examples/libmio.bt")
# Compiled, but not run.
bpftrace -d -e "$script" >/dev/null
