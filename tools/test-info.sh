#!/bin/sh
# SPDX-License-Identifier: MIT
# mio-info: its options, its text, its JSON, and what it says of a default
# that was chosen, of one that does not exist and of calls that are refused.

set -eu
LC_ALL=C
export LC_ALL
unset MIO_BACKEND
program=$top_builddir/tools/mio-info
. "$top_srcdir/tools/testing.sh"

run 0
for text in "^libmio $PACKAGE_VERSION " 'configure arguments' compiler libc \
	epoll_pwait2 accept4 pipe2 SOCK_NONBLOCK eventfd RWF_NOSIGNAL \
	RLIMIT_NOFILE fs.epoll.max_user_watches \
	"default: ${MIO_BACKENDS%% *}\$" 'by configure'; do
	has "$text"
done
has " $(uname -s) $(uname -r) "
for backend in $MIO_BACKENDS; do
	grep -F " $backend " "$tmp/out" | grep -q 'runs here: waits with' ||
		fail "$backend does not run here"
done
[ ! -s "$tmp/err" ] || fail 'it complains'
awk 'length($0) > 100 && !/compiler command|configure arg|kernel version/' \
	"$tmp/out" >"$tmp/long"
[ ! -s "$tmp/long" ] || fail 'lines too long to read'

run 0 --version
has "^mio-info $PACKAGE_VERSION\$"
run 0 --help
for option in --json --help --version; do
	has "^  $option "
done
run 2 --jsom
has "unknown option '--jsom'" err
[ ! -s "$tmp/out" ] || fail 'usage on standard output'
run 2 json
has "unknown argument 'json'" err
if [ -c /dev/full ]; then
	got=0
	# shellcheck disable=SC2086
	$MIO_EXEC "$program" >/dev/full 2>"$tmp/err" || got=$?
	[ $got -eq 1 ] || fail "exit status $got where nothing can be written"
fi

# Who chooses.
for backend in $MIO_BACKENDS; do
	MIO_BACKEND=$backend
	export MIO_BACKEND
	run 0
	has "default: $backend\$"
	has "by MIO_BACKEND=$backend\$"
done
MIO_BACKEND='no"such<one\'
run 0
has 'default: none, EINVAL'
run 0 --json
cp "$tmp/out" "$tmp/odd.json"
unset MIO_BACKEND

# Calls that the kernel refuses.
if command -v strace >/dev/null && [ -z "$MIO_SANITIZERS" ] &&
    strace -f -o /dev/null true 2>/dev/null &&
    [ -n "${MIO_BACKENDS##*kqueue*}" ]; then
	got=0
	"$top_builddir/libtool" --mode=execute strace -f -o /dev/null \
		-e trace=epoll_pwait2,accept4,eventfd2 \
		-e inject=epoll_pwait2:error=ENOSYS \
		-e inject=accept4:error=EPERM \
		-e inject=eventfd2:error=ENOSYS \
		"$program" >"$tmp/out" 2>"$tmp/err" || got=$?
	if [ $got -ne 0 ]; then
		echo 'strace does not work here'
	elif grep -q 'HAVE_EPOLL_PWAIT2 1' "$top_builddir/config.h" &&
	    grep -q 'HAVE_ACCEPT4 1' "$top_builddir/config.h"; then
		has 'epoll_pwait2 *not used (ENOSYS)'
		has 'accept4 *not used (EPERM)'
		has 'instead: accept and fcntl'
		[ -n "${MIO_BACKENDS##*epoll*}" ] ||
			has 'epoll+[a-z]* *runs here: waits with epoll_wait,'
		[ -n "${MIO_BACKENDS##*epoll+eventfd*}" ] ||
			has 'epoll+eventfd .* makes no wakers (ENOTSUP)'
	fi
fi

run 0 --json
cp "$tmp/out" "$tmp/info.json"
if command -v jq >/dev/null; then
	jq -e '.backends | length > 0' "$tmp/info.json" >/dev/null ||
		fail 'JSON without backends'
	jq -e '.default.backend == .backends[0].name and
		.system.release != "" and (.calls | length > 5) and
		.limits.RLIMIT_NOFILE != null' \
		"$tmp/info.json" >/dev/null || fail 'JSON says something else'
	jq -e '.default.backend == null and
		.default.MIO_BACKEND == "no\"such<one\\" and
		.default.error == "EINVAL"' "$tmp/odd.json" >/dev/null ||
		fail 'JSON of an odd MIO_BACKEND'
elif command -v python3 >/dev/null; then
	for file in info odd; do
		python3 -c 'import json, sys; json.load(sys.stdin)["backends"][0]' \
			<"$tmp/$file.json" || fail "$file: not JSON"
	done
else
	echo 'neither jq nor python3: nothing parsed the JSON'
	[ $status -ne 0 ] || status=77
fi
exit $status
