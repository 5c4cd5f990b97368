#!/bin/sh
# SPDX-License-Identifier: MIT
# Each public header compiles alone, and twice, without a warning, as C99.
# headers-cxx.sh does the same as C++11.

set -eu
: "${compiler=$CC}" "${std=c99}" "${suffix=c}"
: "${warnings=-Wall -Wextra -Wpedantic -Wconversion -Wshadow}"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
status=0

# compile NAME: the program on standard input.
compile()
{
	cat >"$tmp/header.$suffix"
	# shellcheck disable=SC2086
	$compiler $CPPFLAGS $CFLAGS -std=$std $warnings -Werror \
		-I"$top_srcdir/include" \
		-c "$tmp/header.$suffix" -o "$tmp/header.o" && return
	echo "FAIL: $1 as $std"
	status=1
}

count=0
for header in "$top_srcdir"/include/*.h "$top_srcdir"/include/*/*.h; do
	header=${header#"$top_srcdir"/include/}
	compile "<$header>" <<-SOURCE
	#include <$header>
	#include <$header>
	int main(void);
	int main(void) { return 0; }
	SOURCE
	count=$((count + 1))
done
[ "$count" -gt 1 ] || { echo 'FAIL: no headers'; status=1; }

compile 'a use of the macros' <<SOURCE
#include <mio.h>
int main(void);
int main(void)
{
	struct mio_source source = MIO_SOURCE_INIT;
	struct mio_events *events;
	int readable = 0;

	if (mio_events_new(&events, 8) == -1)
		return 1;
	MIO_EVENTS_FOREACH(event, events)
		if (mio_event_is_readable(event))
			readable++;
	mio_events_free(events);
	return readable + (source.handle != MIO_INVALID_HANDLE);
}
SOURCE
exit $status
