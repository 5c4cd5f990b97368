#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test-curl.sh [BACKEND...]
#
# curl_multi fetches from http_hello.

. "${top_srcdir:=$(dirname "$0")/../..}/examples/tests/testing.sh"
need curl_multi socat
need http_hello
within 60 "$@"

# fetch STATUS URL...: curl_multi's exit status, its lines in order.
fetch()
{
	expected=$1
	shift
	timeout 30 "$bin/curl_multi" --backend "$backend" . "$@" \
		>"$dir/unsorted" 2>"$dir/err"
	status=$?
	[ $status -eq "$expected" ] || fail "exit status $status: $*"
	sort -n "$dir/unsorted" >"$dir/lines"
}

test_backend()
{
	start http_hello 0
	url=http://127.0.0.1:$port
	set --
	for size in 1 1000 100000 3000000 200000 7 50000 1000000; do
		set -- "$@" "$url/bytes/$size"
	done
	fetch 0 "$@" "$url/" "$url/none"
	n=0
	: >"$dir/expected"
	for size in 1 1000 100000 3000000 200000 7 50000 1000000; do
		n=$((n + 1))
		echo "$n 200 $size $url/bytes/$size" >>"$dir/expected"
		head -c $size /dev/zero | tr '\0' x | cmp - "$dir/$n" ||
			fail "other bytes in $n"
	done
	echo "9 200 13 $url/" >>"$dir/expected"
	echo "10 404 10 $url/none" >>"$dir/expected"
	cmp "$dir/expected" "$dir/lines" || fail "other lines"
	echo 'hello, world' | cmp - "$dir/9" || fail "another greeting"
	# A name: libcurl waits for its resolver's thread, too.
	fetch 0 "http://localhost:$port/bytes/5"
	stop TERM ' 10 requests, 1 refused'
	# One after another, as places become free.
	start http_hello --connections 2 0
	set --
	while [ $# -lt 40 ]; do
		set -- "$@" "http://127.0.0.1:$port/bytes/30000"
	done
	fetch 0 "$@"
	[ "$(wc -l <"$dir/lines")" -eq 40 ] || fail "not all 40"
	# Nobody is there; that port is nobody's by chance.
	fetch 1 "http://127.0.0.1:1/" "http://127.0.0.1:1/none"
	[ ! -s "$dir/lines" ] && [ "$(wc -l <"$dir/err")" -eq 2 ] ||
		fail "what came from nobody?"
	stop TERM
	# In pieces, each after libcurl has read the others and set its timers:
	# one connection, and an event for each.
	cat >"$dir/pieces.sh" <<-'SCRIPT'
		read -r line
		printf 'HTTP/1.1 200 OK\r\nContent-Length: 32\r\n\r\n1'
		sleep 0.4
		printf 2
		sleep 0.2
		for piece in 0 1 2 3 4 5 6 7 8 9; do
			printf $piece
			sleep 0.02
			printf $piece
			sleep 0.02
			printf $piece
			sleep 0.02
		done
		cat >/dev/null
	SCRIPT
	socat -d -d TCP-LISTEN:0,bind=127.0.0.1 EXEC:"/bin/sh pieces.sh" \
		2>"$dir/err_pieces" </dev/null &
	server=$!
	servers="$servers $server"
	listening='s/.* listening on .*127\.0\.0\.1:\([0-9]*\)$/\1/p'
	wait_for grep -q ' listening on ' "$dir/err_pieces" ||
		fail "socat does not listen"
	pieces=$(sed -n "$listening" "$dir/err_pieces")
	calls 8 curl_multi . "http://127.0.0.1:$pieces/"
	[ "$(cat "$dir/1")" = 12000111222333444555666777888999 ] || fail "pieces: $(cat "$dir/1")"
	await "$server" || fail "socat: exit status $status"
}

find_strace "calls of epoll_ctl are not counted" -e trace=epoll_ctl
run_backends "$@"
