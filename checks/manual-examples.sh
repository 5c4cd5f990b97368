#!/bin/sh
# SPDX-License-Identifier: MIT
# Each example in the manual is a program that compiles without a warning,
# and that ends well on every backend.

set -eu
: "${top_srcdir:=$(dirname "$0")/..}"
: "${top_builddir:=.}"
: "${CC:=cc}"
libtool=$top_builddir/libtool
libmio=$top_builddir/lib/libmio.la
if ! command -v "${CC%% *}" >/dev/null; then
	echo "no compiler $CC"
	exit 77
fi
[ -e "$libmio" ] || {
	echo "FAIL: $libmio is not built"
	exit 1
}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
status=0
unset MIO_BACKEND
sanitize=$(sed -n 's/^MIO_SANITIZE_CFLAGS = //p' "$top_builddir/Makefile")
# Words on purpose.
flags="${CPPFLAGS-} -I$top_srcdir/include ${CFLAGS-} $sanitize -pthread"
warnings='-Wall -Wextra -Werror'

# compile NAME: NAME.c becomes NAME.
compile()
{
	$CC $flags $warnings -c -o "$tmp/$1.o" "$tmp/$1.c" >"$tmp/log" 2>&1 &&
	    "$libtool" --tag=CC --mode=link $CC $flags \
		${LDFLAGS-} -no-install -o "$tmp/$1" "$tmp/$1.o" \
		${2+"$tmp/$2.o"} "$libmio" >"$tmp/log" 2>&1
}

# An example that hangs ends by SIGALRM.
cat >"$tmp/limit.c" <<'SOURCE'
#include <unistd.h>

__attribute__((constructor)) static void
limit(void)
{
	alarm(60);
}
SOURCE
$CC $flags -c -o "$tmp/limit.o" "$tmp/limit.c"

# The backends that this system runs.
cat >"$tmp/list.c" <<'SOURCE'
#include <mio.h>
#include <stdio.h>

int
main(void)
{
	struct mio_poll *poll;

	for (const char *const *name = mio_backends(); *name; name++) {
		if (mio_poll_new_backend(&poll, *name) == 0)
			puts(*name);
		else
			poll = NULL;
		mio_poll_free(poll);
	}
	return 0;
}
SOURCE
compile list && backends=$("$tmp/list") && [ -n "$backends" ] || {
	cat "$tmp/log"
	echo 'FAIL: no backend'
	exit 1
}

# exists HEADER: the system has it.
exists()
{
	echo "#include <$1>" >"$tmp/header.c"
	$CC $flags -E -o "$tmp/header.i" "$tmp/header.c" >/dev/null 2>&1
}

count=0
for page in "$top_srcdir"/man/*.[37]; do
	[ "$(head -c 4 "$page")" != '.so ' ] || continue
	name=$(basename "$page")
	# name-1.c, name-2.c, ...: the blocks, without the escapes of roff.
	rm -f "$tmp/$name"-*.c
	awk -v prefix="$tmp/$name-" '
		/^\.Sh/ { wanted = $2 == "EXAMPLES" }
		wanted && /^\.Bd -literal/ { file = prefix (++n) ".c"; next }
		/^\.Ed/ { file = "" }
		file == "" { next }
		{
			gsub(/\\-/, "-")
			gsub(/\\\(aq/, "\047")
			gsub(/\\\(ga/, "`")
			gsub(/\\\(ha/, "^")
			gsub(/\\\(ti/, "~")
			gsub(/\\&/, "")
			gsub(/\\e/, "\\")
			print >file
		}' "$page"
	[ -f "$tmp/$name-1.c" ] || {
		echo "FAIL: $name has no example"
		status=1
		continue
	}
	for source in "$tmp/$name"-*.c; do
		example=$(basename "$source" .c)
		count=$((count + 1))
		missing=
		for header in $(sed -n 's/^#include <\(sys\/.*\)>.*/\1/p' \
		    "$source"); do
			exists "$header" || missing=$header
		done
		if [ -n "$missing" ]; then
			echo "$example: not tried, no <$missing> here"
			continue
		fi
		compile "$example" limit || {
			cat "$tmp/log"
			echo "FAIL: $example does not compile"
			status=1
			continue
		}
		for backend in $backends; do
			result=0
			(cd "$tmp" && MIO_BACKEND=$backend "./$example" \
			    >"$tmp/log" 2>&1 </dev/null) || result=$?
			[ $result -ne 0 ] || continue
			cat "$tmp/log"
			echo "FAIL: $example, $backend: exit status $result"
			status=1
		done
	done
done
echo "$count examples on" $backends
exit $status
