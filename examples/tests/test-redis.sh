#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test-redis.sh [BACKEND...]
#
# redis_async against a Redis server.

. "${top_srcdir:=$(dirname "$0")/../..}/examples/tests/testing.sh"
need redis_async redis-cli redis-server
within 60 "$@"

redis()
{
	redis-cli -s "$dir/redis.socket" "$@" >"$dir/cli" 2>&1
}

# Each backend has a server of its own.
start_redis()
{
	for try in 1 2 3 4 5 6 7 8; do
		port=$(some_port)
		redis-server --bind 127.0.0.1 --port "$port" \
			--unixsocket "$dir/redis.socket" --save '' \
			--daemonize no --dir "$dir" >"$dir/log" 2>&1 </dev/null &
		redis=$!
		servers="$servers $redis"
		wait_for redis_answers_or_ends || break
		redis ping && return
		await $redis
	done
	cat "$dir/log"
	fail "no Redis server"
}

redis_answers_or_ends()
{
	redis ping || ! kill -0 $redis 2>/dev/null
}

# run STATUS ARG...
run()
{
	expected=$1
	shift
	timeout 30 "$bin/redis_async" --backend "$backend" "$@" \
		>"$dir/out" 2>"$dir/err"
	status=$?
	[ $status -eq "$expected" ] || fail "exit status $status: $*"
}

test_backend()
{
	start_redis
	for server in "$dir/redis.socket" "$port"; do
		run 0 "$server" 10000
		printf 'message done\nstored 10001, found 10001\n' \
			>"$dir/expected"
		sort "$dir/out" | cmp "$dir/expected" - ||
			fail "$server: other lines"
		redis get libmio:9999
		[ "$(cat "$dir/cli")" = 9999 ] || fail "$server: not stored"
		redis flushall
	done
	# Two connections, some hundred events.
	calls 24 redis_async "$port" 10000
	# It does not take every command.
	redis config set maxmemory 1
	run 1 "$port" 10
	grep -q OOM "$dir/err" || fail "an error is not reported"
	redis config set maxmemory 0
	# The server ends while it is used.
	redis client pause 60000
	(
		sleep 0.5
		kill -KILL $redis
	) &
	run 1 "$dir/redis.socket" 10
	[ -s "$dir/err" ] || fail "the end of the server is not reported"
	await $redis
	run 1 "$dir/redis.socket" 10
	grep -q refused "$dir/err" || fail "it is refused without a word"
}

find_strace "calls of epoll_ctl are not counted" -e trace=epoll_ctl
run_backends "$@"
