#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test-examples.sh [BACKEND...]
#
# The demo, tcp_client, chat and README's first program, on every backend.

. "${top_srcdir:=$(dirname "$0")/../..}/examples/tests/testing.sh"
need demo mkfifo
within 120 "$@"
: "${top_builddir:=.}"

test_demo()
{
	"$bin/demo" --backend "$backend" >"$dir/demo" 2>"$dir/err" ||
		fail "demo: exit status $?"
	grep -q "^$backend .* 4194304 " "$dir/demo" || fail "demo: no summary"
	grep -q 'ms  client [0-9]* .*WRITABLE' "$dir/demo" ||
		fail "demo: no events shown"
}

test_client()
{
	"$bin/tcp_echo" --backend "$backend" 127.0.0.1:0 \
		>"$dir/address" 2>"$dir/err" &
	server=$!
	servers="$servers $server"
	name=tcp_echo
	wait_for test -s "$dir/address" || fail "tcp_echo does not start"
	port=$(sed 's/.*://' "$dir/address")
	head -c 1000000 /dev/urandom >"$dir/data"
	"$bin/tcp_client" --backend "$backend" 127.0.0.1 "$port" \
		<"$dir/data" >"$dir/from_file" 2>"$dir/err_client" ||
		fail "tcp_client: exit status $?"
	cmp "$dir/data" "$dir/from_file" || fail "tcp_client, from a file"
	cat "$dir/data" | "$bin/tcp_client" --backend "$backend" \
		127.0.0.1 "$port" 2>"$dir/err_client" |
		cat >"$dir/from_pipe"
	cmp "$dir/data" "$dir/from_pipe" || fail "tcp_client, from a pipe"
	stop TERM
	# The next ephemeral port of somebody could be that one, but never 1.
	"$bin/tcp_client" --backend "$backend" 127.0.0.1 1 \
		</dev/null >/dev/null 2>"$dir/err_client" &&
		fail "tcp_client reached a server that is not there"
}

# A person in the room: what is said there comes to $dir/$1.
enter()
{
	mkfifo "$dir/$1.in" || fail mkfifo
	"$bin/tcp_client" --backend "$backend" 127.0.0.1 "$port" \
		<"$dir/$1.in" >"$dir/$1" 2>"$dir/err_$1" \
		3>&- 4>&- 5>&- &
	guest=$!
	servers="$servers $guest"
}

test_chat()
{
	rm -f "$dir/address"
	mkfifo "$dir/host.in" || fail mkfifo
	"$bin/chat" --backend "$backend" 0 \
		<"$dir/host.in" >"$dir/address" 2>"$dir/err" &
	server=$!
	servers="$servers $server"
	exec 3>"$dir/host.in"
	wait_for test -s "$dir/address" || fail "chat does not start"
	port=$(head -n 1 "$dir/address")
	enter ann
	ann=$guest
	exec 4>"$dir/ann.in"
	enter bob
	bob=$guest
	exec 5>"$dir/bob.in"
	# Nothing tells that somebody is in but that he is heard.
	echo "ann here" >&4
	wait_for grep -qx "ann here" "$dir/address" || fail "chat: ann"
	echo "bob here" >&5
	wait_for grep -qx "bob here" "$dir/ann" || fail "chat: bob to ann"
	echo "good evening" >&3
	wait_for grep -qx "good evening" "$dir/ann" || fail "chat: host to ann"
	wait_for grep -qx "good evening" "$dir/bob" || fail "chat: host to bob"
	grep -q "bob here" "$dir/bob" && fail "chat: bob hears himself"
	exec 5>&-
	await "$bob" || fail "chat: bob: exit status $?"
	echo "bob left" >&4
	wait_for grep -qx "bob left" "$dir/address" || fail "chat: after bob"
	exec 3>&-
	await "$server" || fail "chat: exit status $?"
	exec 4>&-
	await "$ann" || fail "chat: ann: exit status $?"
}

# README's program must be worth copying; it is first.c, too.
build_first()
{
	sed -n '/^    #include <errno/,/^    }$/s/^    //p' \
		"$top_srcdir/README" >"$top/first.c"
	grep -v -e '^/[*]' -e '^$' "$top_srcdir/examples/first.c" | expand |
		cmp -s - "$top/first.c" ||
		fail "examples/first.c is not README's first program"
	${CC:-cc} $CPPFLAGS $CFLAGS -I"$top_srcdir/include" \
		-c "$top/first.c" -o "$top/first.o" &&
	"$top_builddir/libtool" --silent --tag=CC \
		--mode=link ${CC:-cc} $CFLAGS $LDFLAGS -o "$top/first" \
		"$top/first.o" "$top_builddir/lib/libmio.la" ||
		fail "README's first program does not build"
}

test_first()
{
	MIO_BACKEND=$backend "$top/first" >"$dir/events" ||
		fail "README's first program: exit status $?"
	grep -q '^token 0: READABLE' "$dir/events" &&
		grep -q '^token 1: .*WRITABLE' "$dir/events" ||
		fail "README's first program: no events"
}

test_backend()
{
	[ -n "$MIO_SANITIZERS" ] || test_first
	test_demo
	test_client
	test_chat
}

# Usage errors and a backend that is none.
backend=none
dir=$top
"$bin/demo" --backend none >/dev/null 2>&1 && fail "demo takes any backend"
"$bin/demo" --help | grep -q '^usage' || fail "demo --help"
# It is linked without the sanitizers that the library may have.
[ -n "$MIO_SANITIZERS" ] || build_first
run_backends "$@"
