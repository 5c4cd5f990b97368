#!/bin/sh
# SPDX-License-Identifier: MIT
# Rules of the house: what belongs to one system stays in lib/selector/,
# lib/waker/ and lib/sys/; the library needs libc and threads alone, never
# prints, exits, handles signals or starts threads, and has no variables.

set -eu
LC_ALL=C
export LC_ALL
lib=$top_builddir/lib/.libs/libmio.so
archive=$top_builddir/lib/.libs/libmio.a
status=0

fail()
{
	echo "FAIL: $1:"
	printf '%s\n' "$2"
	status=1
}

cd "$top_srcdir"
systems='_WIN32|_WIN64|__[a-z]*(linux|unix|bsd|BSD|FreeBSD|NetBSD|OpenBSD'
systems="$systems|DragonFly|APPLE|sun|illumos|CYGWIN|MINGW|ANDROID|HAIKU"
systems="$systems|wasi|wasm|QNX|AIX|hpux)[a-zA-Z0-9_]*"
conditional='^[[:space:]]*#[[:space:]]*(if|ifdef|ifndef|elif)[[:space:]].*'

found=$(grep -nE "$conditional($systems|HAVE_)" lib/*.c lib/*.h || :)
[ -z "$found" ] || fail 'a system shows outside selector/, waker/, sys/' \
	"$found"
# types.h decides on visibility; nothing installed may know config.h.
found=$(grep -nE "$conditional($systems)" include/*.h include/mio/*.h |
	grep -v '^include/mio/types\.h:' || :
	grep -n 'HAVE_\|config\.h' include/*.h include/mio/*.h || :)
[ -z "$found" ] || fail 'a public header depends on the build' "$found"

# clang's cleanup code calls abort itself, so the source is asked.
found=$(grep -nw 'abort *(' lib/*.[ch] lib/*/*.[ch] || :)
[ -z "$found" ] || fail 'the library ends the program' "$found"

found=$(for file in lib/*.c lib/*/*.c; do
	grep '^#include' "$file" | head -n 1 | grep -q '"config\.h"' ||
		echo "$file"
done)
[ -z "$found" ] || fail 'config.h is not the first include' "$found"

found=$(for file in include/*.h include/mio/*.h lib/*.[ch] lib/*/*.[ch] \
    conformance/*/*.[ch] conformance/*/*.def conformance/*/*.sh \
    tools/*.[ch] tools/*.sh examples/*.[ch] examples/tests/*.sh bench/*.c \
    checks/*.sh hunt/*.c hunt/*/*.[ch] hunt/*/*.sh; do
	head -n 2 "$file" | grep -q 'SPDX-License-Identifier: MIT' ||
		echo "$file"
done)
[ -z "$found" ] || fail 'no SPDX line' "$found"

if [ -n "$MIO_SANITIZERS$MODEL_LIBS" ] || ! command -v readelf >/dev/null; then
	echo 'sanitizers, a model of the system, or no readelf:' \
		'the built library is not checked'
	exit $status
fi
if [ -e "$lib" ]; then
	found=$(readelf -W -d "$lib" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' |
		grep -vE '^(libc|libpthread|ld-.*|libgcc_s|libatomic)(\.|$)' ||
		:)
	[ -z "$found" ] || fail 'it needs more than libc and threads' "$found"
	never='v?f?d?printf(_chk)?|f?puts|perror|syslog|exit|assert_fail'
	never="$never|signal|sigaction|pthread_create|pthread_atfork|atexit"
	never="$never|setenv|putenv"
	found=$(readelf -W --dyn-syms "$lib" | awk '$7 == "UND" { print $8 }' |
		sed 's/@.*//' | grep -E "^_*($never)\$" || :)
	[ -z "$found" ] || fail 'it calls what a library must not' "$found"
fi
if [ -e "$archive" ]; then
	found=$(readelf -W -S "$archive" 2>/dev/null | awk '
		/^File:/ { file = $2 }
		{ sub(/^ *\[ *[0-9]+\] */, "") }
		$1 ~ /^\.t?(data|bss)(\.[^r]|$)/ && $1 !~ /DW\.ref/ &&
		    $5 !~ /^0+$/ {
			print file ": " $1 " of 0x" $5
		}')
	[ -z "$found" ] || fail 'it has variables' "$found"
fi
exit $status
