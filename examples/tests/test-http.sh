#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test-http.sh [BACKEND...]
#
# http_hello against curl, wrk, and clients that are slow or talk nonsense.

. "${top_srcdir:=$(dirname "$0")/../..}/examples/tests/testing.sh"
need http_hello curl socat wrk
within 120 "$@"

# got OPTION...: the status, and what else -w prints, that curl gets.
got()
{
	curl -s -m 20 -w '%{stderr}%{http_code} %{num_connects} ' "$@" \
		2>&1 >"$dir/body"
}

expect()
{
	expected=$1
	shift
	found=$(got "$@")
	[ "$found" = "$expected " ] || fail "curl $*: $found, not $expected"
}

test_curl()
{
	url=http://127.0.0.1:$port
	expect "200 1" "$url/"
	echo "hello, world" | cmp - "$dir/body" || fail "another greeting"
	# A body would be taken for the next answer, and the connection kept.
	expect "200 1 200 0" -I "$url/" "$url/bytes/99"
	expect "404 1" "$url/none"
	expect "404 1" "$url/bytes/-5"
	expect "405 1" -d text "$url/"
	curl -s -m 20 -i -X DELETE "$url/" | grep -q '^Allow: GET, HEAD' ||
		fail "what is allowed?"
	expect "200 1 200 0 200 0" "$url/" "$url/bytes/1000" "$url/"
	expect "200 1 200 1" -H 'Connection: close' "$url/" "$url/"
	expect "200 1 200 1" -0 "$url/" "$url/"
	expect "200 1 200 0" -0 -H 'Connection: keep-alive' "$url/" "$url/"
	expect "200 1" -H 'Connection: Upgrade' -H 'Upgrade: h2c' "$url/"
	expect "200 1" -X GET -d "some body" "$url/"
	head -c 70000 /dev/zero >"$dir/large"
	expect "413 1" -X GET --data-binary "@$dir/large" "$url/"
	expect "413 1" -X GET -H 'Transfer-Encoding: chunked' -H Expect: \
		--data-binary "@$dir/large" "$url/"
	expect "431 1" -H "$(printf 'A: %09000d' 0)" "$url/"
	expect "414 1" "$url/$(printf '%0300d' 0)"
	expect "200 1" "$url/bytes/3000001"
	head -c 3000001 /dev/zero | tr '\0' x | cmp - "$dir/body" ||
		fail "other bytes"
}

# ask PRINTF-FORMAT: the answers to that, till the server closes.
ask()
{
	printf "$@" | timeout 30 socat -t 20 - "TCP:127.0.0.1:$port" \
		>"$dir/answer"
}

# refuses STATUS PRINTF-FORMAT
refuses()
{
	status=$1
	shift
	ask "$@"
	head -n 1 "$dir/answer" | grep -q "^HTTP/1.1 $status " ||
		fail "$(head -n 1 "$dir/answer"), not $status: $1"
	grep -q '^Connection: close' "$dir/answer" || fail "no close: $1"
	[ "$(grep -c ^HTTP/ "$dir/answer")" -eq 1 ] || fail "goes on: $1"
}

test_nonsense()
{
	host='Host: localhost\r\n'
	refuses 400 'nonsense\r\n\r\nGET / HTTP/1.0\r\n\r\n'
	refuses 400 'GET / HTTP/1.1\r\n\r\n'
	refuses 400 "GET / HTTP/1.1\r\n$host$host\r\n"
	refuses 400 "GET / HTTP/1.1\r\n${host}A@b: c\r\n\r\n"
	refuses 400 "GET / HTTP/1.1\r\n${host}Content-Length: 1x\r\n\r\n"
	refuses 400 "GET / HTTP/1.1\r\n${host}Content-Length: 4\r\n%s" \
		"$(printf 'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n')"
	refuses 405 'CONNECT a.test:1 HTTP/1.1\r\nHost: a.test:1\r\n\r\n'
	refuses 505 "GET / HTTP/2.0\r\n$host\r\n"
	refuses 505 'GET /\r\n\r\n'
	# The answer must survive all that comes behind the nonsense.
	{
		printf '\001'
		head -c 65535 /dev/urandom
	} >"$dir/garbage"
	timeout 30 socat -t 20 - "TCP:127.0.0.1:$port" <"$dir/garbage" \
		>"$dir/answer" || fail "garbage: socat, exit status $?"
	grep -q '^HTTP/1.1 400 ' "$dir/answer" || fail "garbage: no answer"
	# After HEAD a refusal has its body again.
	ask "HEAD / HTTP/1.1\r\n$host\r\n\001\r\n"
	grep -qx 'Bad Request' "$dir/answer" || fail "a refusal without body"
}

test_pipelining()
{
	i=0
	while [ $i -lt 500 ]; do
		printf 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'
		[ $((i % 100)) -ne 50 ] || printf \
			'GET /bytes/30000 HTTP/1.1\r\nHost: localhost\r\n\r\n'
		i=$((i + 1))
	done >"$dir/requests"
	timeout 60 socat -t 40 - "TCP:127.0.0.1:$port" <"$dir/requests" \
		>"$dir/answer" || fail "pipelining: socat, exit status $?"
	[ "$(grep -c '^hello, world' "$dir/answer")" -eq 500 ] &&
		[ "$(tr -cd x <"$dir/answer" | wc -c)" -eq 150505 ] ||
		fail "pipelining: answers are missing"
	# A byte at a time.
	head -c 2000 "$dir/requests" | timeout 60 socat -t 40 -b 1 - \
		"TCP:127.0.0.1:$port,nodelay" >"$dir/answer"
	[ "$(grep -c '^hello, world' "$dir/answer")" -eq 55 ] ||
		fail "a byte at a time: answers are missing"
}

test_wrk()
{
	wrk -t 1 -c 20 -d 1s "http://127.0.0.1:$port/" >"$dir/wrk" 2>&1 ||
		fail "wrk: exit status $?"
	if grep -E 'Socket errors|Non-2xx' "$dir/wrk" ||
	    ! grep -q '^Requests/sec:.*[1-9]' "$dir/wrk"; then
		cat "$dir/wrk"
		fail "wrk is not content"
	fi
}

# All have one second, however they go about it.
test_slow()
{
	trap '' PIPE
	start http_hello --timeout 1 0
	mkfifo "$dir/idle.in" "$dir/slow.in" || fail mkfifo
	timeout 20 socat -t 20 - "TCP:127.0.0.1:$port" \
		<"$dir/idle.in" >"$dir/idle" 4>&- &
	idle=$!
	timeout 20 socat -t 20 - "TCP:127.0.0.1:$port" \
		<"$dir/slow.in" >"$dir/slow" 3>&- &
	slow=$!
	exec 3>"$dir/idle.in" 4>"$dir/slow.in"
	# This one does not read.
	(
		printf 'GET /bytes/99999999 HTTP/1.0\r\n\r\n'
		sleep 3
	) | timeout 20 socat - "TCP:127.0.0.1:$port" | (
		sleep 3
		wc -c
	) >"$dir/unread" &
	unread=$!
	printf 'GET / HTTP/1.1\r\n' >&4
	for letter in s l o w l o r i s; do
		sleep 0.2
		printf 'A: %s\r\n' $letter >&4 2>/dev/null || break
	done
	wait_for grep -q '^Request Timeout' "$dir/slow" ||
		fail "a slow request is not refused"
	expect "200 1" "http://127.0.0.1:$port/"
	exec 3>&- 4>&-
	wait $idle $slow
	[ ! -s "$dir/idle" ] || fail "says something to who says nothing"
	wait $unread
	[ "$(cat "$dir/unread")" -lt 99999999 ] ||
		fail "waits for ever for who does not read"
	stop TERM ' [4-9] timed out'
}

# The end of what a client says comes with a request, on a connection that would
# be kept: it is not left to time out.
test_end()
{
	kill -STOP "$server"
	ask 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n' &
	asking=$!
	sleep 0.3
	kill -CONT "$server"
	wait $asking || fail "its end is not heard: exit status $?"
	grep -qx 'hello, world' "$dir/answer" || fail "no answer before the end"
}

# all_served WHAT: more clients than there is room for.
all_served()
{
	curl -s -m 20 -Z --parallel-immediate --parallel-max 20 \
		"http://127.0.0.1:$port/bytes/[1000-1019]" \
		>"$dir/body" 2>"$dir/meter" ||
		fail "$1: curl, exit status $?"
	[ "$(wc -c <"$dir/body")" -eq 20190 ] || fail "$1: other bytes"
	stop INT
}

test_limits()
{
	start http_hello --connections 3 0
	all_served places
	grep -q ' 3 at once' "$dir/err_http_hello" || fail "other places"
	descriptors=$(ulimit -Sn)
	ulimit -Sn 16
	start http_hello 0
	ulimit -Sn "$descriptors"
	all_served descriptors
	grep -q ' [2-9] at once\| 1[0-9] at once' "$dir/err_http_hello" ||
		fail "other descriptors"
}

test_backend()
{
	start http_hello 0
	test_curl
	test_nonsense
	test_pipelining
	test_end
	test_wrk
	stop INT ' 0 timed out'
	test_slow
	test_limits
}

run_backends "$@"
