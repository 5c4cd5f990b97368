#!/bin/sh
# SPDX-License-Identifier: MIT
# The library has the static probes that mio(7) names, or, without
# --enable-usdt, none.

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
[ "$has" = "$wants" ] && exit
echo "FAIL: the library has:" $has
echo "and should have:" $wants
exit 1
