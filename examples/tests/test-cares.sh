#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test-cares.sh [BACKEND...]
#
# cares asks dns_stub.

. "${top_srcdir:=$(dirname "$0")/../..}/examples/tests/testing.sh"
need cares
need dns_stub
within 60 "$@"

# look_up STATUS ARG...: cares' exit status, its lines in order.
look_up()
{
	expected=$1
	shift
	timeout 30 "$bin/cares" --backend "$backend" \
		--server "127.0.0.1:$port" "$@" >"$dir/out" 2>"$dir/err"
	status=$?
	[ $status -eq "$expected" ] || fail "exit status $status: $*"
	sort "$dir/out" >"$dir/lines"
}

test_backend()
{
	i=0
	set --
	: >"$dir/expected"
	while [ $i -lt 60 ]; do
		set -- "$@" "big.test=192.0.2.$i" "big.test=2001:db8::1:$i"
		echo "big.test 192.0.2.$i" >>"$dir/expected"
		echo "big.test 2001:db8::1:$i" >>"$dir/expected"
		i=$((i + 1))
	done
	big=$*
	start dns_stub both.test=198.51.100.1 both.test=2001:db8::1 \
		four.test=198.51.100.2 silent.test= six.test=2001:db8::2 "$@"
	look_up 0 --timeout 10000 both.test four.test six.test big.test
	cat >>"$dir/expected" <<-LINES
		both.test 198.51.100.1
		both.test 2001:db8::1
		four.test 198.51.100.2
		six.test 2001:db8::2
	LINES
	sort "$dir/expected" | cmp - "$dir/lines" || fail "other addresses"
	# One fails, one is never answered; that harms nobody else.
	look_up 1 --timeout 500 none.test silent.test four.test
	echo "four.test 198.51.100.2" | cmp - "$dir/lines" ||
		fail "other addresses beside failures"
	grep -q '^cares: none.test: ' "$dir/err" &&
		grep -qi '^cares: silent.test: timeout' "$dir/err" ||
		fail "other failures"
	# Nobody there: refused, which is heard on the socket at once.
	port=1
	look_up 1 --timeout 10000 four.test
	[ ! -s "$dir/lines" ] || fail "what came from nobody?"
	# Silence is asked twice; the big ones came by TCP.
	stop TERM '^[12][0-9] over UDP, 2 truncated, 2 over TCP'
	# Two sockets; an answer over TCP is an event for its length, and more.
	start dns_stub $big
	calls 16 cares --server "127.0.0.1:$port" --timeout 10000 \
		big.test big.test big.test big.test big.test big.test \
		big.test big.test big.test big.test big.test big.test
	stop TERM
}

find_strace "calls of epoll_ctl are not counted" -e trace=epoll_ctl
run_backends "$@"
