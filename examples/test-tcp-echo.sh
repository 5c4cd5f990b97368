#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test-tcp-echo.sh [--big] [BACKEND...]
#
# tcp_echo against socat, curl and load on the backends named, or on all.
# With --big: CONNECTIONS (5000) clients at once, BYTES (1048576) each.
# make runs it; by hand, run it in the build directory or set top_builddir.

for tool in cmp curl mktemp socat timeout; do
	command -v $tool >/dev/null && continue
	echo "no $tool"
	exit 77
done

# Nothing below waits for ever, should the server do so.
if [ -z "$TEST_TCP_ECHO" ]; then
	TEST_TCP_ECHO=1
	export TEST_TCP_ECHO
	exec timeout -k 5 900 /bin/sh "$0" "$@"
fi

bin=${top_builddir:-.}/examples
big=
if [ "$1" = --big ]; then
	big=yes
	shift
fi
top=$(mktemp -d) || exit 99
trap 'rm -rf "$top"' EXIT
trap 'exit 99' HUP INT TERM

fail()
{
	echo "FAIL $backend: $*"
	cat "$dir/stat" "$dir/err" 2>/dev/null
	[ -z "$server" ] || kill -KILL "$server"
	exit 1
}

# Repeats a command for up to 20 s until it succeeds.
wait_for()
{
	tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ $tries -lt 200 ] || return 1
		sleep 0.1
	done
}

# Starts the server with as many descriptors as said.
start()
{
	rm -f "$dir/address" "$dir/stat"
	(
		[ -z "$1" ] || ulimit -n "$1" || exit 99
		exec "$bin/tcp_echo" --backend "$backend" 127.0.0.1:0
	) >"$dir/address" 2>"$dir/stat" &
	server=$!
	wait_for test -s "$dir/address" || fail "does not start"
	address=$(cat "$dir/address")
}

# Stops it by a signal; its statistics must hold each pattern.
stop()
{
	signal=$1
	shift
	kill "-$signal" "$server"
	wait "$server"
	status=$?
	server=
	[ $status -eq 0 ] || fail "exit status $status after SIG$signal"
	for pattern; do
		grep -q "$pattern" "$dir/stat" || fail "no \"$pattern\""
	done
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
	start 64
	load -c 200 -b 65536
	# Idle clients that fill the server must not make it spin.
	"$bin/load" -t -c 150 -b 2 "$address" >/dev/null 2>&1 &
	idle=$!
	sleep 2
	kill $idle
	wait $idle 2>/dev/null
	test_socat
	stop TERM " [1-9][0-9]* pauses"
	polls=$(sed 's/.* \([0-9]*\) polls$/\1/' "$dir/stat")
	[ "$polls" -lt 20000 ] || fail "spins: $polls polls"
}

test_backend()
{
	start ""
	test_socat
	test_curl
	load -B "$backend" -t -c 200 -b 65536
	load -g -t -c 50 -b 500000
	test_vanishing
	test_socat
	stop INT " 2[0-9][0-9] at once" " 0 refused" " 0 pauses"
	test_limit
	# An open connection does not keep it from stopping, and is ended.
	start ""
	mkfifo "$dir/fifo" || fail "mkfifo"
	exec 3<>"$dir/fifo"
	"$bin/tcp_client" "${address%:*}" "${address##*:}" \
		<"$dir/fifo" >"$dir/client" &
	client=$!
	echo "a line" >&3
	wait_for grep -q "a line" "$dir/client" || fail "tcp_client: no echo"
	stop INT " 1 at once"
	wait $client || fail "tcp_client: exit status $?"
}

test_big()
{
	start ""
	load -t -c "$connections" -b "$bytes"
	stop INT " $connections at once" " 0 failed" " 0 refused" \
		" $((connections * bytes)) bytes"
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
fi
[ $# -gt 0 ] || set -- $("$bin/demo" --list)
[ $# -gt 0 ] || exit 99
bad=0
tests=
for backend; do
	dir=$top/$backend
	server=
	mkdir "$dir"
	if [ -n "$big" ]; then
		(test_big) || bad=1
		continue
	fi
	(test_backend) &
	tests="$tests $!"
done
for test in $tests; do
	wait "$test" || bad=1
done
[ $bad -eq 0 ] && echo "tcp_echo: well on $*"
exit $bad
