#!/bin/sh
# SPDX-License-Identifier: MIT
# conformance/faults/faults.def has a row for each function that the library imports,
# test_fault.c is linked with --wrap for each that can fail, and each of these
# has an errno to fail with.

set -eu
LC_ALL=C
export LC_ALL
table=$top_srcdir/conformance/faults/faults.def
lib=$top_builddir/lib/.libs/libmio.so
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
status=0

# only A B WHAT: complains about the lines that A alone has.
only()
{
	found=$(comm -23 "$tmp/$1" "$tmp/$2")
	[ -n "$found" ] || return 0
	echo "FAIL: $3:"
	echo "$found"
	status=1
}

rows()
{
	sed -n "s/^$1(\([^,)]*\).*/\1/p" "$table" | sort -u
}

rows CALL >"$tmp/calls"
rows FAULT >"$tmp/faults"
rows SURE | sort - "$tmp/calls" >"$tmp/known"
sed -n 's/.*--wrap=\([a-z0-9_]*\).*/\1/p' \
	"$top_srcdir/conformance/local.mk" | sort -u >"$tmp/wrapped"
[ -s "$tmp/calls" ] || { echo 'FAIL: no rows'; exit 1; }
only calls faults 'rows without an errno'
only calls wrapped 'rows without --wrap in conformance/local.mk'

if [ -n "$MIO_SANITIZERS" ] || [ ! -e "$lib" ] ||
    ! $NM -D --undefined-only "$lib" >"$tmp/nm" 2>/dev/null; then
	echo 'no shared ELF library without sanitizers, or no nm -D'
	[ $status -ne 0 ] || status=77
	exit $status
fi
# Fortified, and with 64-bit times and offsets, the names are others.  Weak
# ones (w) are the compiler's.
sed -n 's/.* U //p' "$tmp/nm" | sed 's/@.*//
	s/^_*//; s/_chk$//; s/_time64$//; s/64$//' | sort -u >"$tmp/imports"
case $MIO_BACKENDS in
*kqueue*)
	echo 'the table is that of Linux, without kqueue or a model of it'
	[ $status -ne 0 ] || status=77
	exit $status
	;;
esac
only imports known "imported, but without a row in ${table##*/}"
exit $status
