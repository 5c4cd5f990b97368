#!/bin/sh
# SPDX-License-Identifier: MIT
# A program builds against the installed library by what pkg-config says,
# shared and static, and runs.

set -eu
PKG_CONFIG=${PKG_CONFIG:-pkg-config}
if ! command -v "$PKG_CONFIG" >/dev/null; then
	echo 'no pkg-config'
	exit 77
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
unset MAKEFLAGS MFLAGS MAKELEVEL
status=0

$MAKE -C "$top_builddir" install DESTDIR="$tmp/root" >"$tmp/log" 2>&1 || {
	cat "$tmp/log"
	exit 1
}
pc=$(find "$tmp/root" -name libmio.pc)
libdir=$(dirname "$(dirname "$pc")")
PKG_CONFIG_SYSROOT_DIR=$tmp/root
PKG_CONFIG_LIBDIR=$(dirname "$pc")
PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1
PKG_CONFIG_ALLOW_SYSTEM_LIBS=1
export PKG_CONFIG_SYSROOT_DIR PKG_CONFIG_LIBDIR \
	PKG_CONFIG_ALLOW_SYSTEM_CFLAGS PKG_CONFIG_ALLOW_SYSTEM_LIBS
unset PKG_CONFIG_PATH

cat >"$tmp/user.c" <<'SOURCE'
#include <mio.h>
#include <stdio.h>
#include <string.h>

/* A byte through a pipe, seen by the poll. */
int
main(void)
{
	struct mio_source receiver, sender;
	struct mio_events *events;
	struct mio_poll *poll;
	int bad = 0;

	bad |= strcmp(mio_version(), MIO_VERSION) != 0;
	bad |= mio_poll_new(&poll) == -1 || mio_events_new(&events, 4) == -1;
	bad |= mio_pipe_new(&receiver, &sender) == -1;
	if (bad)
		return 1;
	bad |= mio_registry_register(mio_poll_registry(poll), &receiver, 7,
	    MIO_READABLE) == -1;
	bad |= mio_source_write(&sender, "x", 1) != 1;
	bad |= mio_poll(poll, events, 5 * MIO_SEC) != 1;
	MIO_EVENTS_FOREACH(event, events)
		bad |= event->token != 7 || !mio_event_is_readable(event);
	mio_source_close(&receiver);
	mio_source_close(&sender);
	mio_events_free(events);
	mio_poll_free(poll);
	if (!bad)
		puts(mio_version());
	return bad;
}
SOURCE

# try KIND EXPECTED FLAG...: builds with the flags, runs, counts the libmio
# that the program needs at run time.
try()
{
	kind=$1
	expected=$2
	shift 2
	# shellcheck disable=SC2086
	if ! $CC $CPPFLAGS $CFLAGS $MIO_SANITIZE_CFLAGS -Wall -Werror \
	    "$tmp/user.c" -o "$tmp/user-$kind" $LDFLAGS "$@"; then
		echo "FAIL: $kind: does not link with: $*"
		status=1
		return
	fi
	# shellcheck disable=SC2086
	version=$(LD_LIBRARY_PATH=$libdir $MIO_EXEC "$tmp/user-$kind") || {
		echo "FAIL: $kind: does not run"
		status=1
	}
	[ "$version" = "$PACKAGE_VERSION" ] || {
		echo "FAIL: $kind: says version '$version'"
		status=1
	}
	needed=$(readelf -d "$tmp/user-$kind" 2>/dev/null |
		grep -c 'NEEDED.*libmio' || :)
	[ "$needed" = "$expected" ] || {
		echo "FAIL: $kind: needs $needed libmio, not $expected"
		status=1
	}
}

tried=0
# shellcheck disable=SC2046
if [ -e "$libdir/libmio.so" ]; then
	try shared 1 $($PKG_CONFIG --cflags --libs libmio)
	tried=1
fi
if [ -e "$libdir/libmio.a" ]; then
	# Sanitizers do not go with -static; without the shared library, -lmio
	# can only mean the archive.
	rm -f "$libdir"/libmio.so*
	static=-static
	[ -z "$MIO_SANITIZERS" ] || static=
	# shellcheck disable=SC2046
	try static 0 $static $($PKG_CONFIG --static --cflags --libs libmio)
	tried=1
fi
[ $tried -eq 1 ] || { echo 'FAIL: no library was installed'; status=1; }
exit $status
