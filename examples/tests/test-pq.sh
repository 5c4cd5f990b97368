#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test-pq.sh [BACKEND...]
#
# pq_async against a PostgreSQL server, one for all backends.

. "${top_srcdir:=$(dirname "$0")/../..}/examples/tests/testing.sh"
need pq_async
# Debian has the server in a directory of its own.
if ! command -v initdb >/dev/null && command -v pg_config >/dev/null; then
	PATH=$PATH:$(pg_config --bindir)
	export PATH
fi
need pq_async initdb postgres
within 120 "$@"
unset PGHOST PGPORT PGDATABASE PGUSER PGOPTIONS PGDATA PGSSLMODE PGSERVICE

# The server refuses to be root's.
as_user()
{
	if [ "$(id -u)" -eq 0 ]; then
		exec setpriv --reuid=nobody --regid="$(id -g nobody)" \
			--clear-groups "$@"
	else
		exec "$@"
	fi
}

stop_servers()
{
	[ -n "$postgres" ] || return
	kill -QUIT "$postgres"
	wait "$postgres"
}

connects()
{
	timeout 20 "$bin/pq_async" "$1" libmio "notify libmio, 'quit'" \
		>"$top/try" 2>&1
}

connects_or_ends()
{
	connects "host=$data user=libmio dbname=postgres" ||
		! kill -0 "$postgres" 2>/dev/null
}

start_postgres()
{
	data=$top/postgres
	mkdir "$data" || exit 99
	if [ "$(id -u)" -eq 0 ]; then
		command -v setpriv >/dev/null || {
			echo 'no setpriv'
			exit 77
		}
		chown nobody "$data"
	fi
	(as_user initdb -D "$data/db" -A trust -E UTF8 --locale=C -N \
		-U libmio) >"$top/log" 2>&1 </dev/null || {
		cat "$top/log"
		echo 'FAIL: initdb'
		exit 1
	}
	for try in 1 2 3 4 5 6 7 8; do
		port=$(some_port)
		(as_user postgres -D "$data/db" -F -k "$data" -h 127.0.0.1 \
			-p "$port" -c dynamic_shared_memory_type=mmap) \
			>"$top/log" 2>&1 </dev/null &
		postgres=$!
		PGPORT=$port
		export PGPORT
		wait_for connects_or_ends || break
		connects "host=127.0.0.1 user=libmio dbname=postgres" && return
		wait "$postgres"
		postgres=
	done
	cat "$top/log" "$top/try"
	echo 'FAIL: no PostgreSQL server'
	exit 1
}

# run STATUS ARG...
run()
{
	expected=$1
	shift
	timeout 60 "$bin/pq_async" --backend "$backend" "$@" \
		>"$dir/out" 2>"$dir/err" </dev/null
	status=$?
	[ $status -eq "$expected" ] || fail "exit status $status: $*"
}

printed()
{
	grep -qx "$1" "$dir/out" || fail "no \"$1\""
}

test_backend()
{
	channel=$(echo "$backend" | tr + _)
	local="host=$data user=libmio dbname=postgres"
	tcp="host=127.0.0.1 user=libmio dbname=postgres"
	quit="notify $channel, 'quit'"

	# The first waits for what the second does: they run at once.
	for server in "$local" "$tcp"; do
		run 0 "$server" "$channel" "do \$\$ begin
			while not exists (select from pg_class
			    where relname = 't_$channel') loop
				perform pg_sleep(0.01);
			end loop; end \$\$" \
			"create table t_$channel ()" \
			"select 'a', null, 3 where pg_sleep(0) is not null" \
			"select pg_notify('$channel', 'hello');
			select pg_notify('$channel', 'quit')"
		printed '1: DO'
		printed '2: CREATE TABLE'
		printed "3: a		3"
		printed 'notify: hello'
		printed 'notify: quit'
		run 0 "$server" "$channel" "drop table t_$channel" "$quit"
		# Many rows, which come a buffer at a time.
		run 0 "$server" "$channel" \
			'select generate_series(1, 100000)' "$quit" \
			"select repeat('x', 3000000)"
		seq 100000 >"$dir/expected"
		sed -n 's/^1: //p' "$dir/out" | cmp "$dir/expected" - ||
			fail "other rows"
		[ "$(sed -n 's/^3: //p' "$dir/out" | tr -d '\n' | wc -c)" -eq \
			3000000 ] || fail "a large row"
		# A query that the socket does not take at once.
		{
			printf "select length('"
			head -c 9000000 /dev/zero | tr '\0' x
			printf "')"
		} | timeout 60 "$bin/pq_async" --backend "$backend" \
			"$server" "$channel" - "$quit" \
			>"$dir/out" 2>"$dir/err" ||
			fail "a large query: exit status $?"
		printed '1: 9000000'
	done
	# Three connections, and many rows.
	calls 60 pq_async "$local" "$channel" \
		'select generate_series(1, 1000000)' "$quit"
	# The first host refuses: libpq opens another socket.
	run 0 "host=127.0.0.1,127.0.0.1 port=1,$PGPORT user=libmio
		dbname=postgres" "$channel" 'select 1' "$quit"
	printed '1: 1'
	# What fails.
	run 1 "$local" "$channel" 'select 1/0' 'select 2' "$quit"
	printed '2: 2'
	grep -q 'division by zero' "$dir/err" || fail "an error is not told"
	run 1 "$local" "$channel" 'select 1' "$quit" \
		'select pg_terminate_backend(pg_backend_pid())'
	grep -q terminat "$dir/err" || fail "a lost connection is not told"
	run 1 "$local" "$channel" "select pg_terminate_backend(pid)
		from pg_stat_activity where query = 'LISTEN $channel'"
	run 1 "$local dbname=none" "$channel"
	run 1 "host=127.0.0.1 port=1" "$channel"
}

start_postgres
find_strace "calls of epoll_ctl are not counted" -e trace=epoll_ctl
run_backends "$@"
