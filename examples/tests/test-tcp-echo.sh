#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test-tcp-echo.sh [--big] [BACKEND...]
#
# tcp_echo against socat, curl and load on the backends named, or on all.
# With --big: CONNECTIONS (5000) clients at once, BYTES (1048576) each.
# make runs it; by hand, run it in the build directory or set top_builddir.

. "${top_srcdir:=$(dirname "$0")/../..}/examples/tests/testing.sh"
need tcp_echo curl mkfifo socat
within 900 "$@"
big=
if [ "$1" = --big ]; then
	big=yes
	shift
fi

# serve DESCRIPTORS [PREFIX...]
serve()
{
	limit=$1
	shift
	name=tcp_echo
	errors=$dir/err_stat
	rm -f "$dir/address"
	(
		[ -z "$limit" ] || ulimit -n "$limit" || exit 99
		exec "$@" "$bin/tcp_echo" --backend "$backend" 127.0.0.1:0
	) >"$dir/address" 2>"$errors" &
	server=$!
	servers="$servers $server"
	wait_for test -s "$dir/address" || fail "does not start"
	address=$(cat "$dir/address")
}

load()
{
	"$bin/load" "$@" "$address" >"$dir/load" 2>"$dir/err" ||
		fail "load $*"
	[ -z "$big" ] || echo "$backend: $(cat "$dir/load")"
}

# Half-closed connections: all comes back, then the end.
test_socat()
{
	head -c 1000000 /dev/urandom >"$dir/data"
	socat -t 20 - "TCP:$address" <"$dir/data" >"$dir/echo" ||
		fail "socat: exit status $?"
	cmp "$dir/data" "$dir/echo" || fail "socat: other bytes"
}

# Its input stays open, nor would its end do the same in all versions of
# curl: so that is ended from here when it has its echo.
test_curl()
{
	mkfifo "$dir/input" || fail mkfifo
	exec 3<>"$dir/input"
	echo "a line" >&3
	curl -sN -m 60 "telnet://$address" <"$dir/input" >"$dir/telnet" &
	telnet=$!
	curl -sN -m 60 --http0.9 "http://$address/libmio" >"$dir/http" &
	http=$!
	wait_for grep -qs '^GET /libmio HTTP/1' "$dir/http" ||
		fail "curl: the request did not come back"
	wait_for grep -qsx "a line" "$dir/telnet" ||
		fail "curl: the line did not come back"
	kill $telnet $http
	wait $telnet $http
	exec 3>&-
}

# Clients that vanish must harm nobody but themselves.
test_vanishing()
{
	"$bin/load" -g -c 20 -b 1000000000 "$address" >/dev/null 2>&1 &
	vanishing=$!
	sleep 0.3
	kill -KILL $vanishing
	wait $vanishing 2>/dev/null
}

# More clients than descriptors: they wait, and all are served.
test_limit()
{
	serve 64
	load -c 200 -b 65536
	# Idle clients that fill the server must not make it spin.
	"$bin/load" -t -c 150 -b 2 "$address" >/dev/null 2>&1 &
	idle=$!
	sleep 2
	kill $idle
	wait $idle 2>/dev/null
	test_socat
	stop TERM " [1-9][0-9]* pauses"
	polls=$(sed 's/.* \([0-9]*\) polls$/\1/' "$errors")
	[ "$polls" -lt 20000 ] || fail "spins: $polls polls"
}

# A read that gave all there was is not repeated to hear EAGAIN.
test_short()
{
	serve "" "$strace" -D -o "$dir/strace" -e trace=read
	load -t -c 20 -b 1000
	stop INT " 20 at once"
	wait_for grep -q '^+++ exited' "$dir/strace" || fail "strace goes on"
	# The byte that comes first and alone.
	[ "$(grep -c ', 16384) *= 1$' "$dir/strace")" -eq 20 ] ||
		fail "strace sees no reads"
	grep ', 16384) *= -1 EAGAIN' "$dir/strace" && fail "reads on"
}

test_backend()
{
	serve ""
	test_socat
	test_curl
	load -B "$backend" -t -c 200 -b 65536
	load -g -t -c 50 -b 500000
	test_vanishing
	test_socat
	stop INT " 2[0-9][0-9] at once" " 0 refused" " 0 pauses"
	[ -z "$strace" ] || test_short
	test_limit
	# An open connection does not keep it from stopping, and is ended.
	serve ""
	mkfifo "$dir/fifo" || fail "mkfifo"
	exec 3<>"$dir/fifo"
	"$bin/tcp_client" "${address%:*}" "${address##*:}" \
		<"$dir/fifo" >"$dir/client" &
	client=$!
	servers="$servers $client"
	echo "a line" >&3
	wait_for grep -q "a line" "$dir/client" || fail "tcp_client: no echo"
	stop INT " 1 at once"
	await $client || fail "tcp_client: exit status $?"
}

connections=${CONNECTIONS:-5000}
bytes=${BYTES:-1048576}
if [ -n "$big" ]; then
	hard=$(ulimit -Hn)
	if [ "$hard" != unlimited ] && [ "$hard" -lt $((connections + 50)) ]
	then
		connections=$((hard - 50))
		echo "only $connections connections: ulimit -Hn is $hard"
	fi
	ulimit -n $((connections + 50)) || exit 99

	test_backend()
	{
		serve ""
		load -t -c "$connections" -b "$bytes"
		stop INT " $connections at once" " 0 failed" " 0 refused" \
			" $((connections * bytes)) bytes"
	}
	# One after another.
	[ $# -gt 0 ] || set -- $("$bin/demo" --list)
	for backend; do
		(run_backends "$backend") || exit
	done
	exit
fi
find_strace "reads are not counted" -e trace=read
run_backends "$@"
