# SPDX-License-Identifier: MIT
#
# What the tests of the examples have in common.  They say
#
#	. "${top_srcdir:=$(dirname "$0")/../..}/examples/tests/testing.sh"
#	need EXAMPLE TOOL...
#	within SECONDS "$@"
#	test_backend() { ... }
#	run_backends "$@"
#
# and have in test_backend $backend, $bin with the examples, and $dir, a
# directory of their own.  make runs them; by hand, run them in the build
# directory or set top_builddir; arguments are the backends to try.

LC_ALL=C
export LC_ALL
bin=$(cd "${top_builddir:-.}" && pwd)/examples

# need EXAMPLE TOOL...: the example was built, the tools are here.
need()
{
	[ -x "$bin/$1" ] || {
		echo "$1 was not built: its library is not here"
		exit 77
	}
	shift
	for tool in cmp mktemp timeout "$@"; do
		command -v "$tool" >/dev/null && continue
		echo "no $tool"
		exit 77
	done
}

# Nothing waits for ever, should an example do so.
within()
{
	if [ -z "$TEST_WITHIN" ]; then
		TEST_WITHIN=$1
		export TEST_WITHIN
		shift
		exec timeout -k 5 "$TEST_WITHIN" /bin/sh "$0" "$@"
	fi
	top=$(mktemp -d) || exit 99
	chmod 755 "$top"
	trap 'clean_up' EXIT
	trap 'exit 99' HUP INT TERM
}

# A test that has more to clean defines its own stop_servers.
stop_servers()
{
	:
}

clean_up()
{
	stop_servers
	rm -rf "$top"
}

fail()
{
	echo "FAIL $backend: $*"
	cat "$dir"/err* 2>/dev/null
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

# A port that is likely to be free: who listens there tries again with
# another one if it is not.
some_port()
{
	echo $((20000 + $(od -An -N2 -tu2 /dev/urandom) % 12000))
}

# start NAME ARG...: an example that writes its port to standard output.
start()
{
	name=$1
	errors=$dir/err_$name
	shift
	: >"$dir/$name.out"
	"$bin/$name" --backend "$backend" "$@" \
		>"$dir/$name.out" 2>"$errors" </dev/null &
	server=$!
	servers="$servers $server"
	wait_for test -s "$dir/$name.out" || fail "$name does not start"
	port=$(head -n 1 "$dir/$name.out")
}

# await PID: how it ended.  From then on its number may be a stranger's, who
# is not to be killed.
await()
{
	wait "$1"
	status=$?
	left=
	for child in $servers; do
		[ "$child" = "$1" ] || left="$left $child"
	done
	servers=$left
	return $status
}

# stop SIGNAL PATTERN...: what was started last ends well, and its errors hold
# each pattern.
stop()
{
	kill "-$1" "$server"
	await "$server" || fail "$name: exit status $status after SIG$1"
	shift
	for pattern; do
		grep -q "$pattern" "$errors" || fail "$name: no \"$pattern\""
	done
}

# find_strace LOSS ARG...: $strace, if it works here with these arguments;
# else it is empty, and the loss is told.
find_strace()
{
	loss=$1
	shift
	strace=$(command -v strace)
	# Leaks cannot be looked for under it.
	if [ -n "$MIO_SANITIZERS" ] ||
	    ! "$strace" -o /dev/null "$@" true 2>/dev/null; then
		echo "no strace: $loss"
		strace=
	fi
}

# calls MOST EXAMPLE ARG...: it ends well, and with epoll has called epoll_ctl
# at most so often: when interests changed, and not for each event.
calls()
{
	most=$1
	called=$2
	shift 2
	set -- "$bin/$called" --backend "$backend" "$@"
	case $backend in
	epoll*)
		[ -z "$strace" ] || set -- "$strace" -o "$dir/calls" \
			-e trace=epoll_ctl "$@"
		;;
	esac
	timeout 60 "$@" >"$dir/out" 2>"$dir/err" </dev/null ||
		fail "$called: exit status $?"
	[ "$1" = "$strace" ] || return 0
	count=$(grep -c '^epoll_ctl(' "$dir/calls")
	[ "$count" -gt 0 ] && [ "$count" -le "$most" ] ||
		fail "$called: $count calls of epoll_ctl, not 1 to $most"
}

# test_backend on the backends named, or on all, at the same time.
run_backends()
{
	[ $# -gt 0 ] || set -- $("$bin/demo" --list)
	[ $# -gt 0 ] || exit 99
	bad=0
	tests=
	for backend; do
		dir=$top/$backend
		mkdir "$dir" || exit 99
		(
			servers=
			trap 'kill -KILL $servers 2>/dev/null' EXIT
			trap 'exit 99' HUP INT PIPE TERM
			cd "$dir" || exit 99
			test_backend
			[ -z "$servers" ] || fail "not awaited:$servers"
		) &
		tests="$tests $!"
	done
	for test in $tests; do
		wait "$test" || bad=1
	done
	[ $bad -ne 0 ] || echo "well on $*"
	exit $bad
}
