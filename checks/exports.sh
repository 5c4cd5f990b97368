#!/bin/sh
# SPDX-License-Identifier: MIT
# What the headers declare, lib/libmio.map lists and the shared library
# exports is the same, and one version goes with it all, Debian's symbols and
# changelog too, where they are.

set -eu
LC_ALL=C
export LC_ALL
names=$(dirname "$0")/names.sh
lib=$top_builddir/lib/.libs/libmio.so
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
status=0

# same A B WHAT: complains about the lines that only one file has.
same()
{
	diff -u "$tmp/$1" "$tmp/$2" && return
	echo "FAIL: $3"
	status=1
}

sh "$names" headers >"$tmp/headers"
sh "$names" map >"$tmp/map"
sed 's/@@.*//' "$tmp/map" >"$tmp/map-names"
[ -s "$tmp/headers" ] || { echo 'FAIL: no names in the headers'; exit 1; }
same headers map-names 'include/mio/*.h and lib/libmio.map differ'

macro()
{
	sed -n "s/^#define $1 \"*\([0-9.]*\)\"*\$/\1/p" \
		"$top_srcdir/include/mio/version.h"
}
for version in \
    "$(macro MIO_VERSION_MAJOR).$(macro MIO_VERSION_MINOR).$(
	macro MIO_VERSION_PATCH)" \
    "$(macro MIO_VERSION)" \
    "$(sed -n 's/^Version: //p' "$top_builddir/libmio.pc")"; do
	[ "$version" = "$PACKAGE_VERSION" ] && continue
	echo "FAIL: version '$version', but configure has '$PACKAGE_VERSION'"
	status=1
done

# A node is named after the release that adds it.
sed -n 's/.*@@LIBMIO_//p; t
	s/.*@@/bad /p' "$tmp/map" | sort -u | while read -r node; do
	echo "$node $PACKAGE_VERSION" | awk '{
		split($1, n, "."); split($2, v, ".")
		exit !($1 ~ /^[0-9]+\.[0-9]+$/ &&
			n[1] * 1000 + n[2] <= v[1] * 1000 + v[2])
	}' || echo "FAIL: lib/libmio.map: node $node in $PACKAGE_VERSION"
done >"$tmp/nodes"
cat "$tmp/nodes"
[ ! -s "$tmp/nodes" ] || status=1

# The node tells the first version that has a symbol.
if [ -d "$top_srcdir/debian" ]; then
	awk -F @@ '{
		version = substr($2, index($2, "_") + 1) ".0"
		print " " $1 "@" $2 " " version
		print " " $2 "@" $2 " " version
	}' "$tmp/map" | sort -u >"$tmp/map-debian"
	grep '^ ' "$top_srcdir/debian/libmio0.symbols" | sort >"$tmp/debian"
	same map-debian debian \
		'lib/libmio.map and debian/libmio0.symbols differ'
	version=$(sed -n '1s/^libmio (\(.*\)-[^-]*) .*/\1/p' \
		"$top_srcdir/debian/changelog")
	[ "$version" = "$PACKAGE_VERSION" ] || {
		echo "FAIL: debian/changelog is about version '$version'"
		status=1
	}
fi

# Mach-O prefixes the names, and has no versions.  What the compiler's own
# runtime adds to each library is not libmio's.  "Private external" are names
# that -fvisibility hides.
dylib=$top_builddir/lib/.libs/libmio.dylib
if [ -e "$dylib" ] && $NM -mgU "$dylib" >"$tmp/nm" 2>/dev/null; then
	sed -n '/ private /d; s/.* _\(mio_\)/\1/p' "$tmp/nm" | sort >"$tmp/library"
	same map-names library 'lib/libmio.map and the library differ'
	exit $status
fi
if [ ! -e "$lib" ] || ! command -v readelf >/dev/null; then
	echo 'no shared ELF library, or no readelf: exports not checked'
	[ $status -ne 0 ] || status=77
	exit $status
fi

# The version node itself is an absolute symbol.
readelf -W --dyn-syms "$lib" | awk '
	$5 ~ /GLOBAL|WEAK|UNIQUE/ && $7 != "UND" && $7 != "ABS" { print $8 }
	' | sort >"$tmp/library"
case $EXPORTS_FILE in
*.map) same map library 'lib/libmio.map and the library differ' ;;
*) same map-names library 'lib/libmio.map and the library differ' ;;
esac

readelf -d "$lib" | grep -q 'SONAME.*\[libmio\.so\.0\]' || {
	echo 'FAIL: the soname is not libmio.so.0'
	status=1
}
exit $status
