#!/bin/sh
# SPDX-License-Identifier: MIT
# A library that forgets read_closed and wakes, put before the real one, makes
# mio-conformance fail, and every format of its results shows where; mini,
# too, which closes what the failed tests had open and goes on.

set -eu
LC_ALL=C
export LC_ALL
unset MIO_BACKEND CK_RUN_CASE CK_INCLUDE_TAGS CK_EXCLUDE_TAGS CK_FORK
program=$top_builddir/tools/mio-conformance
mini=$top_builddir/conformance/mini
backend=${MIO_BACKENDS%% *}
. "$top_srcdir/tools/testing.sh"

skip()
{
	echo "$*"
	exit 77
}

[ -e "$top_builddir/lib/.libs/libmio.so" ] ||
	skip 'no shared library that another could stand before'
[ -z "$MIO_SANITIZERS" ] || skip 'sanitizers must come first themselves'
case $backend in
epoll+*) ;;
*) skip 'knows what epoll delivers' ;;
esac
[ -z "$MIO_EXEC" ] || skip 'not through another program'

cat >"$tmp/faulty.c" <<'SOURCE'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <mio.h>

int
mio_poll(struct mio_poll *poll, struct mio_events *events, int64_t timeout_ns)
{
	int (*real)(struct mio_poll *, struct mio_events *, int64_t);
	void *found = dlsym(RTLD_NEXT, "mio_poll");
	const char *(*name)(const struct mio_poll *);
	void *found_name = dlsym(RTLD_NEXT, "mio_poll_backend");
	const char *only = getenv("FAULTY_BACKEND");
	int n;

	memcpy(&real, &found, sizeof(real));
	n = real(poll, events, timeout_ns);
	memcpy(&name, &found_name, sizeof(name));
	if (only != NULL && strcmp(only, name(poll)) != 0)
		return n;
	MIO_EVENTS_FOREACH(event, events)
		if (mio_event_is_error(event))
			((struct mio_event *)event)->readiness &=
			    ~MIO_READ_CLOSED;
	return n;
}

int
mio_waker_wake(struct mio_waker *waker)
{
	int (*real)(struct mio_waker *);
	void *found = dlsym(RTLD_NEXT, "mio_waker_wake");

	memcpy(&real, &found, sizeof(real));
	return getenv("FAULTY_WAKER") != NULL ? 0 : real(waker);
}

/* A system that has next to nothing; sys/resource.h would know better. */

int
setrlimit(int which, const void *limit)
{
	(void)which;
	(void)limit;
	errno = ENOSYS;
	return -1;
}

int
pthread_create(pthread_t *thread, const pthread_attr_t *attr,
    void *(*run)(void *), void *arg)
{
	int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *),
	    void *);
	void *found = dlsym(RTLD_NEXT, "pthread_create");

	memcpy(&real, &found, sizeof(real));
	return getenv("FAULTY_SYSTEM") != NULL ? EAGAIN :
						 real(thread, attr, run, arg);
}

int
raise(int number)
{
	(void)number;
	errno = ENOSYS;
	return -1;
}
SOURCE
# shellcheck disable=SC2086
$CC $CPPFLAGS $CFLAGS -fPIC -shared -I"$top_srcdir/include" \
	"$tmp/faulty.c" -o "$tmp/faulty.so" $LDFLAGS -ldl >"$tmp/log" 2>&1 || {
	cat "$tmp/log"
	skip 'no such library can be made here'
}

# run FORMAT: leaves the report, TAP and JUnit, and the exit status.
run()
{
	got=0
	LD_PRELOAD=$tmp/faulty.so "$program" --backend "$backend" \
		--area matrix --area int --report="$1" --output "$tmp/$1" \
		--tap="$tmp/tap.$1" --junit="$tmp/junit.$1" \
		>"$tmp/out.$1" 2>"$tmp/err.$1" || got=$?
	echo $got >"$tmp/status.$1"
}

has()
{
	grep -q -e "$1" "$tmp/$2" || {
		cat "$tmp/$2"
		fail "no '$1' in $2"
	}
}

# mini_fails WORD...
mini_fails()
{
	got=0
	LD_PRELOAD=$tmp/faulty.so "$mini" "$backend" "$@" >"$tmp/mini" 2>&1 ||
		got=$?
	[ $got = 1 ] || fail "mini: exit status $got"
}

want='R W E wc (native 0x201d)'
mini_fails int matrix
has "^not ok [0-9]* - $backend matrix_tcp_reset \[A-05\]: situations.c:[0-9]*: $want" \
	mini
has "^ok [0-9]* - $backend matrix_tcp_fin_w " mini
has '^# mini: [1-9][0-9]* ok, 3 not ok, 0 gated, 0 skipped$' mini
has '^# - on the one backend that ran' mini
has "^#     matrix_tcp_reset \[A-05\] on $backend\$" mini
has '^# to libmio@' mini
mini_fails 'epoll+*' matrix_tcp_reset
has '^# - on every backend' mini
has '^#     matrix_tcp_reset \[A-05\]$' mini
FAULTY_BACKEND=$backend
export FAULTY_BACKEND
mini_fails 'epoll+*' matrix_tcp_reset
unset FAULTY_BACKEND
has '^# - not on every backend' mini
has "^#     matrix_tcp_reset \[A-05\] on $backend\$" mini
# One that waits for such wakes, with a thread that does not end.
FAULTY_WAKER=1
export FAULTY_WAKER
mini_fails wak_from_another_thread lim-02
unset FAULTY_WAKER
has "^not ok [0-9]* - $backend wak_from_another_thread " mini
has "^ok [0-9]* - $backend lim_.*lim-02" mini
has '^# mini: [1-9] ok, 1 not ok, 0 gated, 0 skipped$' mini
# Without threads, signals and limits the rest is run all the same.
FAULTY_SYSTEM=1
export FAULTY_SYSTEM
mini_fails matrix 'lim_*' 'wak_*'
unset FAULTY_SYSTEM
has "^ok [0-9]* - $backend wak_from_another_thread .* # SKIP needs threads$" mini
has "^ok [0-9]* - $backend wak_in_a_signal_handler .* # SKIP needs signals$" mini
has "^ok [0-9]* - $backend lim_a_thousand_sources .* # SKIP needs a limit of desc" mini
has "^ok [0-9]* - $backend matrix_tcp_fin_w " mini
has '^# mini: [3-9][0-9] ok, 3 not ok, ' mini
[ -x "$program" ] || exit $status

run text &
run html &
run json &
wait
for format in text html json; do
	[ "$(cat "$tmp/status.$format")" = 1 ] || {
		cat "$tmp/out.$format" "$tmp/err.$format"
		fail "--report=$format: exit status other than 1"
	}
done
has "FAILED $backend.matrix matrix_tcp_reset \[A-05\]" err.text
has "$want" err.text
has "^FAILED: $backend.matrix matrix_tcp_reset" out.text
has '^  matrix  *[0-9]*/3/0 ' out.text
has "^not ok [0-9]* - $backend.matrix matrix_tcp_reset" tap.text
has "^  message: \"$want" tap.text
has "^ok [0-9]* - $backend.int int_" tap.text
has '<testsuites .*failures="3"' junit.text
has "<failure message=\"$want" junit.text
has '^\* TCP: peer RST  *R W E rc wc 0x201d \*R W E wc ' text
has '^  TCP: established, idle ' text
has "$want" text
has '^  - on the one backend that ran' text
has '^  to libmio@' text
has '<td class="differs" data-of=' html
has "$want" html
has '"result": "differs"' json
has "\"message\": \"$want" json
if command -v jq >/dev/null; then
	[ "$(jq '[.matrix[].backends[] | select(.result == "differs")] |
		length' "$tmp/json")" = 3 ] || fail 'JSON: not three differ'
	jq -e '.conformance.failed == 3 and
		(.conformance.failures | length) == 3' "$tmp/json" \
		>/dev/null || fail 'JSON: not three failed'
fi
if command -v xmllint >/dev/null; then
	xmllint --noout "$tmp/junit.text" || fail 'JUnit is no XML'
fi
exit $status
