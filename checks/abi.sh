#!/bin/sh
# SPDX-License-Identifier: MIT
# The library and the headers still do for programs that were built with the
# first release of this soname: abidiff finds nothing changed or gone since
# the references in abi/.  abi.sh --update makes the references anew.
#
# What only the compiler of the program sees is in a dump of its own: macros,
# and structures that no function takes but the macros use.

set -eu
LC_ALL=C
export LC_ALL
reference=$top_srcdir/abi
lib=$top_builddir/lib/.libs/libmio.so
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
status=0

skip()
{
	echo "$1: the ABI was not checked"
	exit 77
}

for tool in abidiff abidw readelf; do
	command -v $tool >/dev/null || skip "no $tool"
done
[ -e "$lib" ] || skip 'no shared library'
[ -z "$MIO_SANITIZERS" ] || skip 'sanitizers'
readelf -h "$lib" | grep -q 'Machine: .*X86-64' &&
	readelf -h "$lib" | grep -q 'Class: .*ELF64' &&
	readelf -d "$lib" | grep -q 'NEEDED.*\[libc\.so\.6\]' ||
	skip 'the references are of x86-64 and glibc'
readelf -S "$lib" | grep -q '\.debug_info' ||
	skip "the library is without debugging information (CFLAGS='-g -O2')"

defines()
{
	sed -n 's/^#define \(MIO_[A-Z0-9_]*\)[ 	].*/\1/p' \
		"$top_srcdir"/include/mio/*.h | grep -v '^MIO_VERSION'
}

compile()
{
	# shellcheck disable=SC2086
	$CC $CPPFLAGS -I"$top_srcdir/include" -g -fPIC "$@"
}

# All that the headers give, as variables of a library.
{
	echo '#include <mio.h>'
	for name in $(sh "$top_srcdir/checks/names.sh" headers); do
		echo "extern __typeof__($name) *const abi_$name;"
		echo "__typeof__($name) *const abi_$name = $name;"
	done
	sed -n 's/^struct \(mio_[a-z_]*\) {/\1/p' \
		"$top_srcdir"/include/mio/*.h | while read -r name; do
		echo "struct $name abi_struct_$name;"
	done
	echo 'enum abi_constants {'
	for name in $(defines); do
		printf '#include <mio.h>\nenum { constant = %s };\n' "$name" \
			>"$tmp/try.c"
		! compile -fsyntax-only "$tmp/try.c" 2>/dev/null ||
			echo "	abi_$name = $name,"
	done
	echo '} abi_constants;'
} >"$tmp/headers.c"
compile -shared -o "$tmp/headers.so" "$tmp/headers.c"

# dump LIBRARY OPTION...
dump()
{
	library=$1
	shift
	abidw --drop-undefined-syms --no-comp-dir-path --no-corpus-path \
		--no-elf-needed --no-show-locs --type-id-style hash "$@" \
		"$library" | sed "s,\( path='\)[^']*/\([^/]*/[^/]*'\),\1\2,"
}

private="--drop-private-types --suppressions $reference/private"
if [ "${1-}" = --update ]; then
	# shellcheck disable=SC2086
	dump "$lib" --headers-dir "$top_srcdir/include" $private \
		>"$reference/libmio.so.0-x86_64.abi"
	dump "$tmp/headers.so" >"$reference/headers-x86_64.abi"
	exit
fi

# compare NAME LIBRARY OPTION...
compare()
{
	name=$1
	shift
	# What is added does no harm.
	abidiff --no-added-syms --no-show-locs "$@" \
		"$reference/$name-x86_64.abi" "$library" >"$tmp/out" 2>&1 &&
		return
	cat "$tmp/out"
	status=1
}

library=$lib
# shellcheck disable=SC2086
compare libmio.so.0 --headers-dir2 "$top_srcdir/include" $private
library=$tmp/headers.so
compare headers
[ $status -ne 0 ] || echo 'nothing that programs rely on is changed or gone'
[ $status -eq 0 ] || cat <<'TELL'
FAIL: what is shown above breaks programs that were built with a release.
Make the change another way: a new call beside the old one, a reserved field,
an opaque structure.  If it cannot be done without: a new soname, as HACKING
has it under Release, and then make update-abi.
TELL
exit $status
