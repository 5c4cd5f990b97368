#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test-more.sh [BACKEND...]
#
# udp_echo, recvmmsg, unix_fd_pass, child_pipes, listen_fds, linux_fds and
# glib_nested on the backends named, or on all.
# make runs it; by hand, run it in the build directory or set top_builddir.

. "${top_srcdir:=$(dirname "$0")/../..}/examples/tests/testing.sh"
need udp_echo mkfifo socat
within 300 "$@"

has_size()
{
	[ "$(wc -c <"$1")" -ge "$2" ]
}

# run NAME ARG...: an example that writes what it is to know to out or err.
run()
{
	name=$1
	errors=$dir/err
	shift
	: >"$dir/out"
	: >"$dir/err"
	"$bin/$name" --backend "$backend" "$@" \
		>"$dir/out" 2>"$dir/err" </dev/null &
	server=$!
	servers="$servers $server"
}

# The empty datagram that ends the input comes back and ends socat.
udp_client()
{
	timeout 30 socat -t 20 -b 1000 - "UDP:$address,shut-null,null-eof" \
		<"$1" >"$2" || fail "udp_echo: socat, exit status $?"
	cmp "$1" "$2" || fail "udp_echo: other bytes"
}

test_udp_echo()
{
	run udp_echo 127.0.0.1:0
	wait_for test -s "$dir/out" || fail "udp_echo does not start"
	address=$(cat "$dir/out")
	# So few fit into the buffers of everybody, whoever is slow.
	head -c 12000 "$dir/data" >"$dir/datagrams"
	clients=
	for client in 1 2 3; do
		udp_client "$dir/datagrams" "$dir/udp$client" &
		clients="$clients $!"
	done
	for client in $clients; do
		wait "$client" || exit 1
	done
	# Not from a pipe, which head may fill in two writes.
	head -c 9000 "$dir/data" >"$dir/large"
	socat -u -b 9000 - "UDP:$address" <"$dir/large"
	for client in 4 5; do
		udp_client "$dir/datagrams" "$dir/udp$client"
	done
	stop INT ": 65 datagrams, 60000 bytes, 1 truncated, 0 lost, 0 waits"
}

# On the loopback interface sending never has to wait, so strace says that it
# has: the datagram must stay, and go out when the socket is writable.
test_udp_wait()
{
	: >"$dir/out"
	"$strace" -D -o "$dir/strace" -e trace=sendto \
		-e inject=sendto:error=EAGAIN:when=2 \
		"$bin/udp_echo" --backend "$backend" 127.0.0.1:0 \
		>"$dir/out" 2>"$dir/err" &
	server=$!
	servers="$servers $server"
	name=udp_echo
	errors=$dir/err
	wait_for test -s "$dir/out" || fail "udp_echo under strace"
	address=$(cat "$dir/out")
	mkfifo "$dir/udp.in" || fail mkfifo
	socat - "UDP:$address" <"$dir/udp.in" >"$dir/udp" &
	client=$!
	servers="$servers $client"
	exec 3>"$dir/udp.in"
	echo "first" >&3
	wait_for grep -qsx first "$dir/udp" || fail "udp_echo: first"
	echo "second" >&3
	wait_for grep -qs EAGAIN "$dir/strace" || fail "udp_echo: no EAGAIN"
	# With epoll the next event comes with the next datagram.
	echo "third" >"$dir/third"
	udp_client "$dir/third" "$dir/udp1"
	wait_for grep -qx second "$dir/udp" || fail "udp_echo: second"
	exec 3>&-
	kill $client
	await $client
	stop INT ": 4 datagrams, 19 bytes, 0 truncated, 0 lost, 1 waits"
}

test_recvmmsg()
{
	run recvmmsg 0
	wait_for test -s "$dir/err" || fail "recvmmsg does not start"
	port=$(head -n 1 "$dir/err")
	head -c 40000 "$dir/data" >"$dir/datagrams"
	# Stopped, it finds all of them at once.
	kill -STOP "$server"
	socat -u -b 1000 - "UDP:127.0.0.1:$port" <"$dir/datagrams"
	kill -CONT "$server"
	wait_for has_size "$dir/out" 40000 || fail "recvmmsg: datagrams lost"
	cmp "$dir/datagrams" "$dir/out" || fail "recvmmsg: other bytes"
	head -c 3000 "$dir/data" | socat -u -b 3000 - "UDP:127.0.0.1:$port"
	wait_for has_size "$dir/out" 42048 || fail "recvmmsg: truncated"
	stop TERM ": 41 datagrams, 1 truncated, 3 calls, 32 at once"
}

# tcp_clients PREFIX: five at once, and each gets PREFIX and its own bytes.
tcp_clients()
{
	cat "$1" "$dir/data" >"$dir/expected"
	clients=
	for client in 1 2 3 4 5; do
		timeout 60 socat -t 40 - "TCP:127.0.0.1:$port" \
			<"$dir/data" >"$dir/tcp$client" &
		clients="$clients $!"
	done
	for client in $clients; do
		wait "$client" || fail "$name: socat, exit status $?"
	done
	for client in 1 2 3 4 5; do
		cmp "$dir/expected" "$dir/tcp$client" ||
			fail "$name: other bytes"
	done
}

test_unix_fd_pass()
{
	run unix_fd_pass 0
	wait_for test -s "$dir/out" || fail "unix_fd_pass does not start"
	read -r port worker <"$dir/out"
	[ "$worker" -ne "$server" ] || fail "unix_fd_pass: one process"
	echo "worker $worker" >"$dir/prefix"
	# One that says nothing yet holds nobody up, and is served in the end.
	mkfifo "$dir/quiet.in" || fail mkfifo
	socat -t 20 - "TCP:127.0.0.1:$port" <"$dir/quiet.in" >"$dir/quiet" \
		3>&- &
	quiet=$!
	servers="$servers $quiet"
	exec 3>"$dir/quiet.in"
	tcp_clients "$dir/prefix"
	[ ! -s "$dir/quiet" ] || fail "unix_fd_pass: passed too early"
	echo "a line" >&3
	wait_for grep -qx "a line" "$dir/quiet" || fail "unix_fd_pass: quiet"
	exec 3>&-
	await $quiet || fail "unix_fd_pass: quiet: exit status $?"
	echo "a line" | cat "$dir/prefix" - | cmp - "$dir/quiet" ||
		fail "unix_fd_pass: quiet: other bytes"
	stop INT
	kill -0 "$worker" 2>/dev/null && fail "unix_fd_pass: worker stays"
	# Without its worker the front does not go on.
	run unix_fd_pass 0
	wait_for test -s "$dir/out" || fail "unix_fd_pass does not start"
	read -r port worker <"$dir/out"
	kill -KILL "$worker"
	wait_for test -s "$dir/err" ||
		fail "unix_fd_pass: does not miss its worker"
	await "$server" && fail "unix_fd_pass: well without its worker"
}

# pipes STATUS COMMAND...: the command's status is that of child_pipes.
pipes()
{
	expected=$1
	shift
	timeout 60 "$bin/child_pipes" --backend "$backend" "$@" \
		>"$dir/out" 2>"$dir/err"
	status=$?
	[ $status -eq "$expected" ] || fail "child_pipes $1: status $status"
}

test_child_pipes()
{
	pipes 0 cat <"$dir/data"
	cmp "$dir/data" "$dir/out" || fail "child_pipes cat: other bytes"
	cat "$dir/data" | pipes 0 cat || exit 1
	cmp "$dir/data" "$dir/out" || fail "child_pipes: pipe: other bytes"
	seq 20000 | tee "$dir/sorted" | sort -r | pipes 0 sort -n || exit 1
	cmp "$dir/sorted" "$dir/out" || fail "child_pipes sort: other bytes"
	# It writes much before it reads, and elsewhere.
	pipes 7 sh -c 'cat "$0" >&2; cat; exit 7' "$dir/data" <"$dir/data"
	cmp "$dir/data" "$dir/out" || fail "child_pipes: output"
	cmp "$dir/data" "$dir/err" || fail "child_pipes: errors"
	# It does not want all; nor does it wait for the end of the input.
	pipes 0 head -c 10 <"$dir/data"
	head -c 10 "$dir/data" | cmp - "$dir/out" || fail "child_pipes head"
	mkfifo "$dir/open.in" || fail mkfifo
	exec 3<>"$dir/open.in"
	pipes 143 sh -c 'kill -TERM $$' <&3
	exec 3>&-
	pipes 127 "$dir/no such command" </dev/null
	# Output that cannot be written is a failure, whatever the child says.
	[ -w /dev/full ] || return
	"$bin/child_pipes" --backend "$backend" echo </dev/null >/dev/full \
		2>"$dir/err"
	[ $? -eq 1 ] || fail "child_pipes: wrote to a full device"
}

greeted()
{
	socat -u -T 20 "$1" - >"$dir/greeting" </dev/null ||
		fail "listen_fds: $1: exit status $?"
	echo "socket $2 of process $3" | cmp - "$dir/greeting" ||
		fail "listen_fds: $1: other bytes"
}

test_listen_fds()
{
	name=listen_fds
	errors=$dir/err
	: >"$dir/out"
	"$bin/launch" socket "$bin/listen_fds" --backend "$backend" \
		>"$dir/out" 2>"$dir/err" </dev/null &
	server=$!
	servers="$servers $server"
	wait_for test -s "$dir/out" || fail "listen_fds does not start"
	read -r port pid <"$dir/out"
	for client in 1 2 3; do
		greeted "TCP:127.0.0.1:$port" 0 "$pid"
		greeted UNIX-CONNECT:socket 1 "$pid"
	done
	# The line and the end come together, or nearly so.
	for client in 1 2 3 4 5 6 7 8 9 10; do
		timeout 20 "$bin/tcp_client" --backend "$backend" \
			127.0.0.1 "$port" </dev/null >"$dir/greeting" ||
			fail "tcp_client: exit status $?"
		echo "socket 0 of process $pid" | cmp - "$dir/greeting" ||
			fail "tcp_client: other bytes"
	done
	stop TERM
	# For somebody else, of another kind, or none at all.
	LISTEN_PID=1 LISTEN_FDS=1 "$bin/listen_fds" 3</dev/null 2>"$dir/err"
	[ $? -eq 2 ] || fail "listen_fds: took another's"
	sh -c 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0"' "$bin/listen_fds" \
		3</dev/null 2>"$dir/err"
	[ $? -eq 1 ] && grep -q "descriptor 3" "$dir/err" ||
		fail "listen_fds: took what is no socket"
	"$bin/listen_fds" 2>"$dir/err"
	[ $? -eq 2 ] || fail "listen_fds: started without sockets"
}

# The real thing: it starts with the first client, who is served.
test_activation()
{
	socket=libmio-test-$$-$backend
	systemd-socket-activate -l "@$socket" \
		"$bin/listen_fds" --backend "$backend" \
		>"$dir/out" 2>"$dir/err" </dev/null &
	server=$!
	servers="$servers $server"
	wait_for socat -u -T 20 "ABSTRACT-CONNECT:$socket" - \
		>"$dir/greeting" 2>"$dir/err_socat" ||
		fail "listen_fds, activated: nobody listens"
	pid=$(sed -n 's/^socket 0 of process \([0-9]*\)$/\1/p' "$dir/greeting")
	[ -n "$pid" ] || fail "listen_fds, activated: no greeting"
	greeted "ABSTRACT-CONNECT:$socket" 0 "$pid"
	kill -TERM "$pid"
	await "$server" || fail "listen_fds, activated: exit status $?"
}

printed()
{
	[ "$(grep -cx "$2" "$dir/out")" -ge "$1" ]
}

test_linux_fds()
{
	mkdir "$dir/watched" || fail mkdir
	run linux_fds "$dir/watched" linux.socket \
		sh -c 'read -r line; exit 3'
	wait_for printed 3 'timer [1-9][0-9]*' || {
		grep -q "not implemented" "$dir/err" ||
			fail "linux_fds: no timer"
		await "$server" && fail "linux_fds: well without a timer"
		echo "$backend: linux_fds: this kernel has no pidfd"
		return
	}
	wait_for printed 1 "child status 3" || fail "linux_fds: no child"
	: >"$dir/watched/a file"
	: >"$dir/other"
	mv "$dir/other" "$dir/watched/another"
	wait_for printed 1 "file another" || fail "linux_fds: no file"
	printed 1 "file a file" || fail "linux_fds: no first file"
	for client in 1 2 3; do
		socat -u -T 20 UNIX-CONNECT:linux.socket - \
			>"$dir/greeting" || fail "linux_fds: exit status $?"
		echo hello | cmp - "$dir/greeting" ||
			fail "linux_fds: other bytes"
	done
	printed 3 client || fail "linux_fds: no clients"
	# The same signal twice, one after the other, is two edges.
	kill -HUP "$server"
	wait_for printed 1 "signal 1" || fail "linux_fds: no signal"
	kill -HUP "$server"
	wait_for printed 2 "signal 1" || fail "linux_fds: no second signal"
	stop TERM
	printed 1 "signal 15" || fail "linux_fds: no last signal"
	grep -vx -e 'timer [1-9][0-9]*' -e 'child status 3' -e 'client' \
		-e 'file a file' -e 'file another' -e 'signal 15*' "$dir/out" &&
		fail "linux_fds: says more"
	[ ! -e "$dir/linux.socket" ] || fail "linux_fds: leaves its socket"
}

test_glib_nested()
{
	run glib_nested 0
	case $backend in
	poll*)
		await "$server" && fail "glib_nested: poll(2) has no handle"
		grep -q "not supported" "$dir/err" || fail "glib_nested: why?"
		return
		;;
	esac
	wait_for test -s "$dir/out" || fail "glib_nested does not start"
	port=$(head -n 1 "$dir/out")
	tcp_clients /dev/null
	# GLib's own sources have their turn.
	wait_for printed 1 "1 s" || fail "glib_nested: no second"
	tcp_clients /dev/null
	stop INT
}

test_backend()
{
	head -c 1000000 /dev/urandom >"$dir/data"
	test_udp_echo
	[ -z "$strace" ] || test_udp_wait
	[ ! -x "$bin/recvmmsg" ] || test_recvmmsg
	test_unix_fd_pass
	test_child_pipes
	test_listen_fds
	[ -z "$activate" ] || test_activation
	[ ! -x "$bin/linux_fds" ] || test_linux_fds
	[ ! -x "$bin/glib_nested" ] || test_glib_nested
}

find_strace "udp_echo never finds the socket full" -e trace=sendto \
	-e inject=sendto:error=EAGAIN:when=2
activate=$(command -v systemd-socket-activate)
[ -n "$activate" ] ||
	echo "no systemd-socket-activate: launch alone starts listen_fds"
for example in glib_nested linux_fds recvmmsg; do
	[ -x "$bin/$example" ] || echo "$example was not built"
done

run_backends "$@"
