#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The demo, tcp_client, chat and README's first program, on every backend.

for tool in cmp mkfifo mktemp timeout; do
	command -v $tool >/dev/null && continue
	echo "no $tool"
	exit 77
done
if [ -z "$TEST_EXAMPLES" ]; then
	TEST_EXAMPLES=1
	export TEST_EXAMPLES
	exec timeout -k 5 120 /bin/sh "$0" "$@"
fi

: "${top_builddir:=.}" "${top_srcdir:=$(dirname "$0")/..}"
bin=$top_builddir/examples
dir=$(mktemp -d) || exit 99
children=
trap 'kill -KILL $children 2>/dev/null; rm -rf "$dir"' EXIT
trap 'exit 99' HUP INT TERM

fail()
{
	echo "FAIL $backend: $*"
	cat "$dir"/err* 2>/dev/null
	exit 1
}

wait_for()
{
	tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ $tries -lt 200 ] || return 1
		sleep 0.1
	done
}

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
	rm -f "$dir/address"
	"$bin/tcp_echo" --backend "$backend" 127.0.0.1:0 \
		>"$dir/address" 2>"$dir/err" &
	server=$!
	children="$children $server"
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
	kill -TERM "$server"
	wait "$server" || fail "tcp_echo: exit status $?"
	"$bin/tcp_client" --backend "$backend" 127.0.0.1 "$port" \
		</dev/null >/dev/null 2>"$dir/err_client" &&
		fail "tcp_client reached a server that is gone"
}

# A person in the room: what is said there comes to $dir/$1.
enter()
{
	mkfifo "$dir/$1.in" || fail mkfifo
	"$bin/tcp_client" --backend "$backend" 127.0.0.1 "$port" \
		<"$dir/$1.in" >"$dir/$1" 2>"$dir/err_$1" \
		3>&- 4>&- 5>&- &
	children="$children $!"
}

test_chat()
{
	rm -f "$dir"/*.in "$dir/address"
	mkfifo "$dir/host.in" || fail mkfifo
	"$bin/chat" --backend "$backend" 0 \
		<"$dir/host.in" >"$dir/address" 2>"$dir/err" &
	server=$!
	children="$children $server"
	exec 3>"$dir/host.in"
	wait_for test -s "$dir/address" || fail "chat does not start"
	port=$(head -n 1 "$dir/address")
	enter ann
	exec 4>"$dir/ann.in"
	enter bob
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
	echo "bob left" >&4
	wait_for grep -qx "bob left" "$dir/address" || fail "chat: after bob"
	exec 3>&-
	wait "$server" || fail "chat: exit status $?"
	exec 4>&-
	rm -f "$dir"/*.in
}

# README's program must be worth copying; it is first.c, too.
build_first()
{
	sed -n '/^    #include <arpa/,/^    }$/s/^    //p' \
		"$top_srcdir/README" >"$dir/first.c"
	grep -v -e '^/[*]' -e '^$' "$top_srcdir/examples/first.c" | expand |
		cmp -s - "$dir/first.c" ||
		fail "examples/first.c is not README's first program"
	${CC:-cc} $CPPFLAGS $CFLAGS -I"$top_srcdir/include" \
		-c "$dir/first.c" -o "$dir/first.o" &&
	"$top_builddir/libtool" --silent --tag=CC \
		--mode=link ${CC:-cc} $CFLAGS $LDFLAGS -o "$dir/first" \
		"$dir/first.o" "$top_builddir/lib/libmio.la" ||
		fail "README's first program does not build"
}

test_first()
{
	MIO_BACKEND=$backend "$dir/first" >"$dir/events" ||
		fail "README's first program: exit status $?"
	grep -q '^token 0: READABLE' "$dir/events" &&
		grep -q '^token 1: .*WRITABLE' "$dir/events" ||
		fail "README's first program: no events"
}

# Usage errors and a backend that is none.
backend=none
"$bin/demo" --backend none >/dev/null 2>&1 && fail "demo takes any backend"
"$bin/demo" --help | grep -q '^usage' || fail "demo --help"
backends=$("$bin/demo" --list)
[ -n "$backends" ] || fail "demo --list"
# It is linked without the sanitizers that the library may have.
[ -n "$MIO_SANITIZERS" ] || build_first
for backend in $backends; do
	[ -n "$MIO_SANITIZERS" ] || test_first
	test_demo
	test_client
	test_chat
done
echo "examples: well on" $backends
