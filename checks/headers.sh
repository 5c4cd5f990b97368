#!/bin/sh
# SPDX-License-Identifier: MIT
# Each public header compiles alone, and twice, without a warning, as C99,
# and declares functions with C's names.  headers-cxx.sh: as C++.

set -eu
: "${compiler=$CC}" "${std=c99}" "${suffix=c}"
: "${warnings=-Wall -Wextra -Wpedantic -Wconversion -Wshadow}"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
status=0

# compile NAME OPTION... SOURCE...
compile()
{
	name=$1
	shift
	# shellcheck disable=SC2086
	$compiler $CPPFLAGS $CFLAGS -std=$std $warnings -Werror \
		-I"$top_srcdir/include" "$@" && return
	echo "FAIL: $name as $std"
	return 1
}

count=0
for header in "$top_srcdir"/include/*.h "$top_srcdir"/include/*/*.h; do
	header=${header#"$top_srcdir"/include/}
	count=$((count + 1))
	cat >"$tmp/header.$suffix" <<-SOURCE
	#include <$header>
	#include <$header>
	int main(void);
	int main(void) { return 0; }
	SOURCE
	compile "<$header>" -c "$tmp/header.$suffix" -o "$tmp/header.o" ||
		status=1
done
[ "$count" -gt 1 ] || { echo 'FAIL: no headers'; status=1; }

cat >"$tmp/macros.$suffix" <<SOURCE
#include <mio.h>
int main(void);
int main(void)
{
	struct mio_source source = MIO_SOURCE_INIT;
	struct mio_events *events;
	struct mio_poll *poll;
	unsigned any = MIO_READABLE | MIO_WRITABLE | MIO_PRIORITY | MIO_AIO |
	    MIO_LIO | MIO_READ_CLOSED | MIO_WRITE_CLOSED | MIO_ERROR |
	    MIO_EXCLUSIVE | MIO_LEVEL;
	int readable = 0;

	if (mio_events_new(&events, 8) == -1 || mio_poll_new(&poll) == -1)
		return 1;
	if (mio_poll(poll, events, MIO_SEC + MIO_MSEC + MIO_USEC) == -1 ||
	    mio_poll(poll, events, MIO_FOREVER) == -1)
		return 1;
	MIO_EVENTS_FOREACH(event, events) {
		const struct mio_events *again = events;

		MIO_EVENTS_FOREACH(other, again)
			if (mio_event_is_readable(other))
				readable++;
		if (event->readiness & any)
			readable++;
	}
	mio_events_free(events);
	mio_poll_free(poll);
	return readable + MIO_VERSION_MAJOR + MIO_VERSION_MINOR +
	    MIO_VERSION_PATCH + (MIO_VERSION[0] == '0') +
	    (source.handle != MIO_INVALID_HANDLE);
}
SOURCE
compile 'a use of the macros' -c "$tmp/macros.$suffix" -o "$tmp/macros.o" ||
	status=1

# In C++ a missing extern "C" shows in the names that a use of them asks for.
names=$(sh "$top_srcdir/checks/names.sh" headers)
cat >"$tmp/names.$suffix" <<SOURCE
#include <mio.h>
typedef void function(void);
#ifdef __cplusplus
#define FUNCTION(name) reinterpret_cast<function *>(name)
#else
#define FUNCTION(name) (function *)name
#endif
extern function *const functions[];
function *const functions[] = {
$(for name in $names; do echo "	FUNCTION($name),"; done)
};
SOURCE
compile 'a use of every function' -c "$tmp/names.$suffix" -o "$tmp/names.o" ||
	status=1
# Apple's names begin with one more.
$NM "$tmp/names.o" | sed -n 's/^.* [UTW] _\{0,1\}\(mio_.*\)$/\1/p' |
	sort >"$tmp/found"
for name in $(echo "$names" | sort | comm -23 - "$tmp/found"); do
	echo "FAIL: $name is not in C's manner as $std"
	status=1
done
exit $status
