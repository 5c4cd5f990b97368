/* SPDX-License-Identifier: MIT */
/* TCP streams. */

#include "config.h"

#include "harness.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

enum { A = 1, B = 2, BULK = 16 << 20 };

/* One test for each family. */
#define BOTH(name, rows) BOTH_NEEDS(name, rows, 0)
#define BOTH_NEEDS(name, rows, needs)                                        \
	static void name(int family);                                        \
	TEST_NEEDS(name##_v4, rows, needs)                                   \
	{                                                                    \
		name(AF_INET);                                               \
	}                                                                    \
	TEST_NEEDS(name##_v6, rows " tcps-40", needs)                        \
	{                                                                    \
		NEED_IPV6();                                                 \
		name(AF_INET6);                                              \
	}                                                                    \
	static void name(int family)

/* A pair with `a` registered, its first writable event gone by. */
static void
start(struct loop *loop, struct pair *pair, unsigned interests)
{
	loop_open(loop);
	PAIR(pair);
	CHECK_INT(0,
	    mio_registry_register(loop->registry, &pair->a, A, interests));
	if (interests & W) {
		WAIT(loop, A, W);
		/* No event claims that anything is closed. */
		CHECK_INT(0, loop->seen & (RC | WC | E));
	}
	SETTLE(loop);
}

static void
stop(struct loop *loop, struct pair *pair)
{
	pair_close(pair);
	loop_close(loop);
}

/* Waits, without a poll of ours, until the peer's bytes are there. */
static void
arrived(const struct mio_source *source)
{
	await_fd(mio_source_handle(source), POLLIN);
}

/* The portable way to connect; returns how it ended. */
static int
connect_fully(struct loop *loop, struct mio_source *stream,
    const struct addr *addr, mio_token token)
{
	const int64_t end = now_ns() + (int64_t)(5e9 * slowness());

	if (mio_tcp_connect(stream, &addr->u.any, addr->len) == -1)
		return errno;
	CHECK_INT(0,
	    mio_registry_register(loop->registry, stream, token, R | W));
	for (;;) {
		WAIT(loop, token, 0);
		if (mio_source_connect_result(stream) == 0)
			return 0;
		if (errno != EINPROGRESS)
			return errno;
		ck_assert_msg(now_ns() < end, "connect does not end");
	}
}

BOTH(tcps_connect_returns_at_once, "tcps-01 reg-22")
{
	struct mio_source l = MIO_SOURCE_INIT, c = MIO_SOURCE_INIT;
	struct mio_source s = MIO_SOURCE_INIT;
	struct loop loop;
	struct addr addr;

	loop_open(&loop);
	addr = listen_on(&l, family);
	CHECK_INT(0, mio_tcp_connect(&c, &addr.u.any, addr.len));
	CHECK_INT(0, mio_registry_register(loop.registry, &c, A, R | W));
	WAIT(&loop, A, W);
	CHECK_INT(0, loop.seen & (RC | WC | E));
	CHECK_INT(0, mio_source_connect_result(&c));
	accept_one(&l, &s);
	put(&s, "later");
	WAIT(&loop, A, R);
	expect(&c, "later");
	shut(&s);
	shut(&c);
	shut(&l);
	loop_close(&loop);
}

BOTH(tcps_connect_recipe, "tcps-02 tcps-03")
{
	struct mio_source l = MIO_SOURCE_INIT, c = MIO_SOURCE_INIT;
	struct mio_source taken = MIO_SOURCE_INIT;
	struct loop loop;
	struct addr addr, dead = dead_addr(&taken, family), seen;
	int error = -1;

	loop_open(&loop);
	addr = listen_on(&l, family);
	CHECK_INT(0, connect_fully(&loop, &c, &addr, A));
	seen = peer_addr(&c);
	ck_assert(addr_equal(&seen, &addr));
	seen = local_addr(&c);
	ck_assert(addr_is_loopback(&seen));
	/* Asking again gives the same answer. */
	CHECK_INT(0, mio_source_connect_result(&c));
	CHECK_INT(0, mio_source_take_error(&c, &error));
	CHECK_INT(0, error);
	shut(&c);
	CHECK_INT(ECONNREFUSED, connect_fully(&loop, &c, &dead, B));
	shut(&c);
	shut(&taken);
	shut(&l);
	loop_close(&loop);
}

BOTH(tcps_refused, "tcps-14 tcps-08 evt-08")
{
	struct mio_source c = MIO_SOURCE_INIT, taken = MIO_SOURCE_INIT;
	struct addr dead = dead_addr(&taken, family), peer;
	struct loop loop;
	int error = -1;

	loop_open(&loop);
	if (!start_refused(&c, &dead)) {
		shut(&taken);
		loop_close(&loop);
		return;
	}
	CHECK_INT(0, mio_registry_register(loop.registry, &c, A, R | W));
	WAIT(&loop, A, R | W | E | WC);
	peer.len = sizeof(peer.u);
	CHECK_FAILS(
	    ENOTCONN, mio_source_peer_addr(&c, &peer.u.any, &peer.len));
	/* Reading the error clears it, and then no connect is under way. */
	CHECK_INT(0, mio_source_take_error(&c, &error));
	CHECK_INT(ECONNREFUSED, error);
	CHECK_INT(0, mio_source_take_error(&c, &error));
	CHECK_INT(0, error);
	CHECK_FAILS(ENOTCONN, mio_source_connect_result(&c));
	shut(&c);
	shut(&taken);
	loop_close(&loop);
}

BOTH(tcps_connect_result_tells_once_why_it_failed, "tcps-02 tcps-14")
{
	struct mio_source c = MIO_SOURCE_INIT, taken = MIO_SOURCE_INIT;
	struct addr dead = dead_addr(&taken, family);
	struct loop loop;
	int error = -1;

	loop_open(&loop);
	if (!start_refused(&c, &dead)) {
		shut(&taken);
		loop_close(&loop);
		return;
	}
	/* int-11: refused is reported to one who asked for reading only. */
	CHECK_INT(0, mio_registry_register(loop.registry, &c, A, R));
	WAIT(&loop, A, R | E);
	CHECK_FAILS(ECONNREFUSED, mio_source_connect_result(&c));
	CHECK_FAILS(ENOTCONN, mio_source_connect_result(&c));
	CHECK_INT(0, mio_source_take_error(&c, &error));
	CHECK_INT(0, error);
	shut(&c);
	shut(&taken);
	loop_close(&loop);
}

BOTH(tcps_connect_result_without_connect, "tcps-02")
{
	struct mio_source c = MIO_SOURCE_INIT;
	int fd = socket(family, SOCK_STREAM, 0);

	CHECK_CALL(fd);
	CHECK_INT(0, mio_source_from_fd(&c, fd));
	CHECK_FAILS(ENOTCONN, mio_source_connect_result(&c));
	CHECK_FAILS(EINVAL, mio_source_connect_result(NULL));
	shut(&c);
	CHECK_FAILS(EBADF, mio_source_connect_result(&c));
}

/*
 * A full accept queue keeps a connect waiting.  How many it takes differs,
 * but that it is full shows.
 */
BOTH(tcps_connect_in_progress, "tcps-02 tcps-01")
{
	enum { MOST = 16 };
	struct mio_source c[MOST];
	struct addr addr = loopback(family);
	struct loop loop;
	int l = socket(family, SOCK_STREAM, 0), n, waiting = -1;

	CHECK_CALL(l);
	loop_open(&loop);
	CHECK_INT(0, bind(l, &addr.u.any, addr.len));
	CHECK_INT(0, listen(l, 0));
	CHECK_INT(0, getsockname(l, &addr.u.any, &addr.len));
	for (n = 0; n < MOST && waiting == -1; ++n) {
		struct mio_source fresh = MIO_SOURCE_INIT;
		struct pollfd entry = { -1, POLLOUT, 0 };

		c[n] = fresh;
		if (mio_tcp_connect(&c[n], &addr.u.any, addr.len) == -1)
			break;
		entry.fd = mio_source_handle(&c[n]);
		if (poll(&entry, 1, 100) == 0)
			waiting = n;
	}
#ifdef LIKE_LINUX
	ck_assert_msg(waiting != -1, "the queue does not fill");
#endif
	if (waiting == -1) {
		for (int i = 0; i < n; ++i)
			shut(&c[i]);
		close(l);
		loop_close(&loop);
		SKIP("a full queue refuses (FreeBSD), or takes dozens (OpenBSD)");
	}
	CHECK_INT(0,
	    mio_registry_register(loop.registry, &c[waiting], A, R | W));
	CHECK_FAILS(EINPROGRESS, mio_source_connect_result(&c[waiting]));
	QUIET(&loop);
	CHECK_FAILS(EINPROGRESS, mio_source_connect_result(&c[waiting]));
	for (int i = 0; i < waiting; ++i)
		close(accept(l, NULL, NULL));
	/* It tries again after a second. */
	WAIT(&loop, A, W);
	CHECK_INT(0, mio_source_connect_result(&c[waiting]));
	for (int i = 0; i < n; ++i)
		shut(&c[i]);
	close(l);
	loop_close(&loop);
}

BOTH(tcps_no_data_is_eagain, "tcps-04 tcps-09 regr-28")
{
	struct pair pair;
	char byte;

	pair_open(&pair, family);
	CHECK_FAILS(EAGAIN, mio_source_read(&pair.a, &byte, 1));
	CHECK_FAILS(EAGAIN, mio_source_recv(&pair.a, &byte, 1, MSG_PEEK));
	CHECK_FAILS(EAGAIN, mio_source_read(&pair.b, &byte, 1));
	ck_assert(is_nonblocking(mio_source_handle(&pair.a)));
	ck_assert(is_nonblocking(mio_source_handle(&pair.b)));
	ck_assert(is_cloexec(mio_source_handle(&pair.a)));
	ck_assert(is_cloexec(mio_source_handle(&pair.b)));
	pair_close(&pair);
}

static void
smoke(struct loop *loop, struct mio_source *c)
{
	char a[] = "hello world!", b[] = "and farewell", buf[24];
	struct iovec out[2] = { { a, 12 }, { b, 11 } };
	struct iovec in[2] = { { buf, 12 }, { buf + 12, 12 } };
	int error = -1;

	CHECK_FAILS(EAGAIN, mio_source_read(c, buf, sizeof(buf)));
	CHECK_INT(12, mio_source_write(c, a, 12));
	WAIT(loop, A, R);
	arrived(c);
	/* tcps-06: what is peeked is read next. */
	CHECK_INT(12, mio_source_recv(c, buf, sizeof(buf), MSG_PEEK));
	ck_assert_mem_eq(buf, a, 12);
	memset(buf, 0, sizeof(buf));
	CHECK_INT(12, mio_source_read(c, buf, sizeof(buf)));
	ck_assert_mem_eq(buf, a, 12);
	CHECK_FAILS(EAGAIN, mio_source_read(c, buf, sizeof(buf)));
	/* tcps-07: in order, and nothing past the count is touched. */
	memset(buf, 0x5a, sizeof(buf));
	CHECK_INT(23, mio_source_writev(c, out, 2));
	for (int have = 0; have < 23;) {
		WAIT(loop, A, R);
		have = (int)mio_source_recv(c, buf, 23, MSG_PEEK);
		memset(buf, 0x5a, sizeof(buf));
		if (have < 23)
			CHECK_FAILS(EAGAIN, mio_source_recv(c, buf, 23,
						MSG_PEEK | MSG_WAITALL));
	}
	CHECK_INT(23, mio_source_readv(c, in, 2));
	ck_assert_mem_eq(buf, a, 12);
	ck_assert_mem_eq(buf + 12, b, 11);
	CHECK_INT(0x5a, buf[23]);
	/* tcps-08 */
	CHECK_INT(0, mio_source_take_error(c, &error));
	CHECK_INT(0, error);
}

BOTH_NEEDS(tcps_smoke, "tcps-05 tcps-06 tcps-07 tcps-08", NEEDS_THREADS)
{
	struct mio_source c = MIO_SOURCE_INIT;
	struct loop loop;
	struct echo echo;

	loop_open(&loop);
	echo_start(&echo, family);
	CHECK_INT(0, connect_fully(&loop, &c, &echo.addr, A));
	smoke(&loop, &c);
	shut(&c);
	echo_stop(&echo);
	loop_close(&loop);
}

/* The same through a descriptor that the library did not make. */
BOTH_NEEDS(tcps_smoke_wrapped, "tcps-40 tcps-05 tcps-06 tcps-07", NEEDS_THREADS)
{
	struct mio_source c = MIO_SOURCE_INIT;
	struct loop loop;
	struct echo echo;
	int fd;

	loop_open(&loop);
	echo_start(&echo, family);
	CHECK_CALL(fd = socket(family, SOCK_STREAM, 0));
	CHECK_INT(0, connect(fd, &echo.addr.u.any, echo.addr.len));
	CHECK_INT(0, mio_source_from_fd(&c, fd));
	ck_assert(is_nonblocking(fd));
	CHECK_INT(0, mio_registry_register(loop.registry, &c, A, R | W));
	WAIT(&loop, A, W);
	CHECK_INT(0, mio_source_connect_result(&c));
	smoke(&loop, &c);
	shut(&c);
	echo_stop(&echo);
	loop_close(&loop);
}

BOTH(tcps_ttl, "tcps-10")
{
	const bool v6 = family == AF_INET6;
	struct pair pair;
	unsigned ttl = 0;
	int raw = 0;
	socklen_t len = sizeof(raw);

	pair_open(&pair, family);
	CHECK_INT(0, mio_source_ttl(&pair.a, &ttl));
	ck_assert_uint_ge(ttl, 1);
	ck_assert_uint_le(ttl, 255);
	CHECK_INT(0, mio_source_set_ttl(&pair.a, 10));
	CHECK_INT(0, mio_source_ttl(&pair.a, &ttl));
	CHECK_INT(10, ttl);
	CHECK_INT(0,
	    getsockopt(mio_source_handle(&pair.a),
		v6 ? IPPROTO_IPV6 : IPPROTO_IP,
		v6 ? IPV6_UNICAST_HOPS : IP_TTL, &raw, &len));
	CHECK_INT(10, raw);
	pair_close(&pair);
}

BOTH(tcps_nodelay, "tcps-11")
{
	struct mio_source rx = MIO_SOURCE_INIT, tx = MIO_SOURCE_INIT;
	struct pair pair;
	bool on = true;
	int raw = 0;
	socklen_t len = sizeof(raw);

	pair_open(&pair, family);
	CHECK_INT(0, mio_tcp_nodelay(&pair.a, &on));
	ck_assert(!on);
	CHECK_INT(0, mio_tcp_set_nodelay(&pair.a, true));
	CHECK_INT(0, mio_tcp_nodelay(&pair.a, &on));
	ck_assert(on);
	CHECK_INT(0,
	    getsockopt(mio_source_handle(&pair.a), IPPROTO_TCP, TCP_NODELAY,
		&raw, &len));
	ck_assert_int_ne(raw, 0);
	CHECK_INT(0, mio_tcp_set_nodelay(&pair.a, false));
	CHECK_INT(0, mio_tcp_nodelay(&pair.a, &on));
	ck_assert(!on);
	CHECK_FAILS(EINVAL, mio_tcp_nodelay(&pair.a, NULL));
	CHECK_FAILS(EINVAL, mio_tcp_nodelay(NULL, &on));
	CHECK_FAILS(EINVAL, mio_tcp_set_nodelay(NULL, true));
	CHECK_INT(0, mio_pipe_new(&rx, &tx));
	on = true;
	CHECK_FAILS(ENOTSOCK, mio_tcp_nodelay(&rx, &on));
	ck_assert(on);
	shut(&rx);
	shut(&tx);
	pair_close(&pair);
}

BOTH(tcps_raw_descriptor_round_trip, "tcps-13")
{
	struct mio_source again = MIO_SOURCE_INIT;
	struct pair pair;
	struct addr before, after;
	mio_handle fd;

	pair_open(&pair, family);
	before = local_addr(&pair.a);
	fd = mio_source_handle(&pair.a);
	CHECK_INT(fd, mio_source_into_fd(&pair.a));
	CHECK_INT(MIO_INVALID_HANDLE, mio_source_handle(&pair.a));
	CHECK_INT(0, mio_source_from_fd(&again, fd));
	CHECK_INT(fd, mio_source_handle(&again));
	after = local_addr(&again);
	ck_assert(addr_equal(&before, &after));
	put(&again, "still there");
	expect(&pair.b, "still there");
	shut(&again);
	pair_close(&pair);
}

/* Address calls with buffers that are short, odd, or missing. */
BOTH(tcps_address_buffers, "tcps-03")
{
	struct pair pair;
	struct addr want;
	unsigned char room[sizeof(want.u) + 1];
	struct sockaddr *odd = (struct sockaddr *)(void *)(room + 1);
	socklen_t len = 5;

	pair_open(&pair, family);
	want = local_addr(&pair.b);
	memset(room, 0x5a, sizeof(room));
	CHECK_INT(0, mio_source_peer_addr(&pair.a, odd, &len));
	CHECK_INT(want.len, len);
	ck_assert_mem_eq(room + 1, &want.u, 5);
	CHECK_INT(0x5a, room[6]);
	CHECK_INT(0, mio_source_peer_addr(&pair.a, odd, &len));
	ck_assert_mem_eq(room + 1, &want.u, want.len);
	len = sizeof(room) - 1;
	CHECK_INT(0, mio_source_local_addr(&pair.b, odd, &len));
	CHECK_INT(want.len, len);
	ck_assert_mem_eq(room + 1, &want.u, want.len);
	CHECK_FAILS(EINVAL, mio_source_local_addr(NULL, odd, &len));
	CHECK_FAILS(EINVAL, mio_source_peer_addr(NULL, odd, &len));
	pair_close(&pair);
}

TEST(tcps_bad_addresses_make_no_descriptor, "tcps-01")
{
	struct mio_source out;
	struct addr v4 = loopback(AF_INET), v6 = loopback(AF_INET6), bad;
	struct sockaddr_un un;
	unsigned char before[sizeof(out)];
	size_t fds = fds_count();

	memset(&out, 0x5a, sizeof(out));
	memcpy(before, &out, sizeof(out));
	memset(&un, 0, sizeof(un));
	un.sun_family = AF_UNIX;
	bad = v4;
	bad.u.any.sa_family = AF_UNSPEC;
	v4.u.v4.sin_port = htons(9);
	CHECK_FAILS(EAFNOSUPPORT,
	    mio_tcp_connect(&out, (struct sockaddr *)&un, sizeof(un)));
	CHECK_FAILS(EAFNOSUPPORT, mio_tcp_connect(&out, &bad.u.any, bad.len));
	for (socklen_t len = 0; len < v4.len; ++len)
		CHECK_FAILS(EINVAL, mio_tcp_connect(&out, &v4.u.any, len));
	CHECK_FAILS(EINVAL, mio_tcp_connect(&out, &v6.u.any, v4.len));
	CHECK_FAILS(EINVAL, mio_tcp_connect(&out, NULL, v4.len));
	CHECK_FAILS(EINVAL, mio_tcp_connect(NULL, &v4.u.any, v4.len));
	ck_assert_mem_eq(&out, before, sizeof(out));
	CHECK_INT(fds, fds_count());
}

/* What connect(2) refuses comes through, whatever it is. */
TEST(tcps_connect_passes_errors_on, "tcps-44")
{
	struct addr addr = loopback(AF_INET);
	struct mio_source out;
	unsigned char before[sizeof(out)];
	int fd = socket(AF_INET, SOCK_STREAM, 0), error;
	size_t fds;

	CHECK_CALL(fd);
	addr.u.v4.sin_addr.s_addr = htonl(INADDR_BROADCAST);
	addr.u.v4.sin_port = htons(9);
	CHECK_INT(0, fcntl(fd, F_SETFL, O_NONBLOCK));
	error = connect(fd, &addr.u.any, addr.len) == -1 ? errno : 0;
	close(fd);
	ck_assert_msg(error != 0 && error != EINPROGRESS,
	    "TCP to the broadcast address: %s", errno_name(error));
	memset(&out, 0x5a, sizeof(out));
	memcpy(before, &out, sizeof(out));
	fds = fds_count();
	CHECK_FAILS(error, mio_tcp_connect(&out, &addr.u.any, addr.len));
	ck_assert_mem_eq(&out, before, sizeof(out));
	CHECK_INT(fds, fds_count());
}

BOTH(tcps_peer_closes, "tcps-15 tcps-39 regr-20")
{
	struct loop loop;
	struct pair pair;
	char byte;

	loop_open(&loop);
	pair_open(&pair, family);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, A, R));
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.b, B, R | W));
	CHECK_INT(0, mio_source_close(&pair.b));
	WAIT(&loop, A, R);
	CHECK_INT(0, mio_source_read(&pair.a, &byte, 1));
	stop(&loop, &pair);
}

TEST(tcps_peer_aborts, "tcps-16 evt-08 evt-10")
{
	struct loop loop;
	struct pair pair;
	char byte;

	start(&loop, &pair, R | W);
	abort_connection(&pair.b);
	WAIT(&loop, A, R | W | E | RC | WC);
	CHECK_FAILS(ECONNRESET, mio_source_read(&pair.a, &byte, 1));
	stop(&loop, &pair);
}

TEST(tcps_registered_after_the_abort, "tcps-17 reg-23")
{
	struct loop loop;
	struct pair pair;
	char byte;

	loop_open(&loop);
	PAIR(&pair);
	abort_connection(&pair.a);
	arrived(&pair.b);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.b, B, R));
	WAIT(&loop, B, R);
	ck_assert_int_le(mio_source_read(&pair.b, &byte, 1), 0);
	stop(&loop, &pair);
}

TEST(tcps_reset_then_silence, "tcps-18")
{
	struct loop loop;
	struct pair pair;

	start(&loop, &pair, R | W);
	put(&pair.a, "never read");
	arrived(&pair.b);
	CHECK_INT(0, mio_source_close(&pair.b));
	WAIT(&loop, A, R | RC);
	SETTLE(&loop);
	stop(&loop, &pair);
}

TEST(tcps_peer_shuts_its_write_side, "tcps-19 regr-24 evt-09")
{
	struct loop loop;
	struct pair pair;
	char byte;

	start(&loop, &pair, R | W);
	CHECK_INT(0, mio_source_shutdown(&pair.b, SHUT_WR));
	WAIT(&loop, A, R | RC);
	/* Half of it is open yet. */
	CHECK_INT(0, loop.seen & (WC | E));
	CHECK_INT(0, mio_source_read(&pair.a, &byte, 1));
	put(&pair.a, "go on");
	expect(&pair.b, "go on");
	CHECK_INT(0, mio_source_read(&pair.a, &byte, 1));
	stop(&loop, &pair);
}

TEST(tcps_data_is_no_hang_up, "tcps-20 evt-09 evt-10")
{
	struct loop loop;
	struct pair pair;

	start(&loop, &pair, R | W);
	QUIET(&loop);
	for (int i = 0; i < 3; ++i) {
		put(&pair.b, "data");
		WAIT(&loop, A, R);
		CHECK_INT(0, loop.seen & (RC | WC | E | P));
		expect(&pair.a, "data");
		CHECK_INT(0, drain(&pair.a));
	}
	stop(&loop, &pair);
}

TEST(tcps_shut_read, "tcps-21")
{
	struct loop loop;
	struct pair pair;

	start(&loop, &pair, R | W);
	CHECK_INT(0, mio_source_shutdown(&pair.a, SHUT_RD));
	WAIT(&loop, A, R | RC);
	CHECK_INT(0, loop.seen & (WC | E));
	put(&pair.a, "outward");
	expect(&pair.b, "outward");
	stop(&loop, &pair);
}

/* On Linux the row asks only that nothing false is said. */
TEST(tcps_shut_write, "tcps-22 tcps-25")
{
	struct loop loop;
	struct pair pair;
	char byte;

	start(&loop, &pair, R | W);
	CHECK_INT(0, mio_source_shutdown(&pair.a, SHUT_WR));
	arrived(&pair.b);
	CHECK_INT(0, mio_source_read(&pair.b, &byte, 1));
	loop_poll(&loop, 50 * MIO_MSEC);
	CHECK_INT(0, loop_flags(&loop, A) & (RC | E));
	if (selector_is("epoll") || selector_is("poll"))
		CHECK_INT(0, loop_flags(&loop, A) & WC);
	CHECK_FAILS(EPIPE, mio_source_write(&pair.a, "x", 1));
	/* The other direction lives. */
	put(&pair.b, "inward");
	WAIT(&loop, A, R);
	expect(&pair.a, "inward");
	stop(&loop, &pair);
}

TEST(tcps_shut_both, "tcps-23 tcps-26")
{
	struct loop loop;
	struct pair pair;
	char byte;

	start(&loop, &pair, R | W);
	CHECK_INT(0, mio_source_shutdown(&pair.a, SHUT_RDWR));
	WAIT(&loop, A, R | W | RC | WC);
	CHECK_FAILS(EPIPE, mio_source_write(&pair.a, "x", 1));
	CHECK_INT(0, mio_source_read(&pair.a, &byte, 1));
	arrived(&pair.b);
	CHECK_INT(0, mio_source_read(&pair.b, &byte, 1));
	CHECK_FAILS(EINVAL, mio_source_shutdown(&pair.b, 77));
	CHECK_FAILS(EINVAL, mio_source_shutdown(NULL, SHUT_RD));
	stop(&loop, &pair);
}

/* Linux hands out what came before; elsewhere read may give 0. */
TEST(tcps_shut_read_with_data, "tcps-24")
{
	struct loop loop;
	struct pair pair;
	char buf[8];

	start(&loop, &pair, R | W);
	put(&pair.b, "before");
	arrived(&pair.a);
	CHECK_INT(0, mio_source_shutdown(&pair.a, SHUT_RD));
	WAIT(&loop, A, R | RC);
#ifdef __linux__
	CHECK_INT(6, mio_source_read(&pair.a, buf, sizeof(buf)));
	ck_assert_mem_eq(buf, "before", 6);
#endif
	CHECK_INT(0, mio_source_read(&pair.a, buf, sizeof(buf)));
	stop(&loop, &pair);
}

TEST_NEEDS(tcps_shut_write_keeps_the_echo, "tcps-25", NEEDS_THREADS)
{
	struct mio_source c = MIO_SOURCE_INIT;
	struct loop loop;
	struct echo echo;
	const int64_t end = now_ns() + (int64_t)(5e9 * slowness());
	char buf[16];
	ssize_t n = -1;
	size_t have = 0;

	loop_open(&loop);
	echo_start(&echo, AF_INET);
	CHECK_INT(0, connect_fully(&loop, &c, &echo.addr, A));
	put(&c, "before");
	CHECK_INT(0, mio_source_shutdown(&c, SHUT_WR));
	CHECK_FAILS(EPIPE, mio_source_write(&c, "x", 1));
	while (n != 0) {
		n = mio_source_read(&c, buf + have, sizeof(buf) - have);
		if (n > 0)
			have += (size_t)n;
		else if (n == -1)
			ck_assert_int_eq(errno, EAGAIN);
		if (n == -1)
			WAIT(&loop, A, R);
		ck_assert_msg(now_ns() < end, "no end of file");
	}
	CHECK_INT(6, have);
	ck_assert_mem_eq(buf, "before", 6);
	shut(&c);
	echo_stop(&echo);
	loop_close(&loop);
}

/* Or the kernel makes more room for some time. */
static void
small_buffers(const struct pair *pair)
{
	const int size = 16384;

	CHECK_INT(0,
	    setsockopt(mio_source_handle(&pair->a), SOL_SOCKET, SO_SNDBUF,
		&size, sizeof(size)));
	CHECK_INT(0,
	    setsockopt(mio_source_handle(&pair->b), SOL_SOCKET, SO_RCVBUF,
		&size, sizeof(size)));
}

/*
 * Writes until EAGAIN and until the kernel finds no more room by itself,
 * which is writable again each time.
 */
static void
fill_by(
    struct loop *loop, const struct mio_source *source, write_call *write_it)
{
	for (int i = 0; i < 50; ++i) {
		fill(source);
		while (write_it(source) > 0)
			;
		ck_assert_int_eq(errno, EAGAIN);
		if (loop_poll(loop, 50 * MIO_MSEC) == 0)
			return;
		ck_assert((loop_flags(loop, A) & W) != 0);
		/* Nobody read, so nobody asked for readable again. */
		if (selector_is("poll"))
			CHECK_INT(0, loop_flags(loop, A) & R);
	}
	ck_abort_msg("never full");
}

/* The first write may only earn a reset. */
static int
write_to_the_dead(const struct mio_source *source, write_call *write_it)
{
	int error = 0;

	for (int i = 0; i < 2000; ++i) {
		error = write_error(source, write_it);
		if (error != 0 && error != EAGAIN && error != ECONNRESET &&
		    error != ECONNABORTED)
			break;
		pause_ms(1);
	}
	return error;
}

BOTH_NEEDS(tcps_writing_to_a_closed_peer_is_an_error, "tcps-27", NEEDS_SIGNALS)
{
	for (size_t i = 0; i < WRITERS_COUNT; ++i) {
		struct pair pair;

		pair_open(&pair, family);
		shut(&pair.b);
		CHECK_INT(EPIPE, write_to_the_dead(&pair.a, writers[i]));
		pair_close(&pair);
	}
}

/* The same after a local shutdown, and on Unix sockets taken over. */
TEST_NEEDS(tcps_no_write_raises_sigpipe, "tcps-27 tcps-26", NEEDS_SIGNALS)
{
	for (size_t i = 0; i < WRITERS_COUNT; ++i) {
		struct mio_source one = MIO_SOURCE_INIT;
		struct pair pair;
		int fds[2];

		PAIR(&pair);
		CHECK_INT(0, mio_source_shutdown(&pair.a, SHUT_WR));
		CHECK_INT(EPIPE, write_to_the_dead(&pair.a, writers[i]));
		pair_close(&pair);
		CHECK_INT(0, socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
		CHECK_INT(0, mio_source_from_fd(&one, fds[0]));
		close(fds[1]);
		CHECK_INT(EPIPE, write_to_the_dead(&one, writers[i]));
		shut(&one);
	}
}

/* 16 MiB through threads that block. */
struct bulk {
	int fd;
	size_t done;
	bool right;
};

static unsigned char
pattern(size_t place)
{
	return (unsigned char)(place * 7 + place / 251 + place / 65536);
}

static void *
bulk_writer(void *arg)
{
	struct bulk *bulk = arg;
	static unsigned char buf[65536];

	while (bulk->done < BULK) {
		size_t want = sizeof(buf), sent = 0;

		for (size_t i = 0; i < want; ++i)
			buf[i] = pattern(bulk->done + i);
		while (sent < want) {
			ssize_t n = send(bulk->fd, buf + sent, want - sent,
			    MSG_NOSIGNAL);

			if (n <= 0)
				return NULL;
			sent += (size_t)n;
		}
		bulk->done += want;
	}
	shutdown(bulk->fd, SHUT_WR);
	return NULL;
}

static void *
bulk_reader(void *arg)
{
	struct bulk *bulk = arg;
	static unsigned char buf[65536];
	ssize_t n;

	bulk->right = true;
	while ((n = recv(bulk->fd, buf, sizeof(buf), 0)) > 0) {
		for (ssize_t i = 0; i < n; ++i)
			if (buf[i] != pattern(bulk->done + (size_t)i))
				bulk->right = false;
		bulk->done += (size_t)n;
	}
	return NULL;
}

/* The other end, as a descriptor that blocks and gives up in the end. */
static int
blocking_end(struct mio_source *source)
{
	struct timeval limit = { 30, 0 };
	int fd = mio_source_into_fd(source);

	CHECK_CALL(fd);
	CHECK_INT(0, fcntl(fd, F_SETFL, 0));
	CHECK_INT(0,
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)));
	CHECK_INT(0,
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)));
	return fd;
}

/* Compares what was read, adds it up; false at end of file. */
static bool
take(const unsigned char *buf, ssize_t n, size_t *have)
{
	if (n == 0)
		return false;
	for (ssize_t i = 0; i < n; ++i)
		if (buf[i] != pattern(*have + (size_t)i))
			ck_abort_msg("wrong byte at %zu", *have + (size_t)i);
	*have += (size_t)n;
	return true;
}

static void
read_bulk(bool peek)
{
	static unsigned char buf[65536];
	struct bulk bulk = { -1, 0, false };
	struct loop loop;
	struct pair pair;
	pthread_t thread;
	size_t have = 0;
	bool open = true;

	start(&loop, &pair, R);
	bulk.fd = blocking_end(&pair.b);
	thread = thread_start(bulk_writer, &bulk);
	while (open) {
		ssize_t n = 0;

		WAIT(&loop, A, R);
		if (peek)
			n = mio_source_recv(&pair.a, buf, 1, MSG_PEEK);
		if (n == 1)
			CHECK_INT(pattern(have), buf[0]);
		while (open &&
		    (n = mio_source_read(&pair.a, buf, sizeof(buf))) >= 0)
			open = take(buf, n, &have);
		if (n == -1)
			ck_assert_int_eq(errno, EAGAIN);
	}
	CHECK_INT(BULK, have);
	thread_join(thread);
	close(bulk.fd);
	stop(&loop, &pair);
}

TEST_NEEDS(tcps_read_16_mib, "tcps-28", NEEDS_THREADS)
{
	read_bulk(false);
}

TEST_NEEDS(tcps_peek_and_read_16_mib, "tcps-29 regr-06", NEEDS_THREADS)
{
	read_bulk(true);
}

TEST_NEEDS(tcps_write_16_mib, "tcps-30", NEEDS_THREADS)
{
	static unsigned char buf[65536];
	struct bulk bulk = { -1, 0, false };
	struct loop loop;
	struct pair pair;
	pthread_t thread;
	size_t done = 0;

	loop_open(&loop);
	PAIR(&pair);
	bulk.fd = blocking_end(&pair.b);
	thread = thread_start(bulk_reader, &bulk);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, A, W));
	while (done < BULK) {
		ssize_t n = 0;

		WAIT(&loop, A, W);
		while (n >= 0 && done < BULK) {
			size_t want = sizeof(buf);

			if (want > BULK - done)
				want = BULK - done;
			for (size_t i = 0; i < want; ++i)
				buf[i] = pattern(done + i);
			n = mio_source_write(&pair.a, buf, want);
			if (n == -1)
				ck_assert_int_eq(errno, EAGAIN);
			else
				done += (size_t)n;
		}
	}
	CHECK_INT(0, mio_source_shutdown(&pair.a, SHUT_WR));
	thread_join(thread);
	CHECK_INT(BULK, bulk.done);
	ck_assert(bulk.right);
	close(bulk.fd);
	stop(&loop, &pair);
}

TEST(tcps_sixteen_writes_at_once, "tcps-31")
{
	struct mio_source l = MIO_SOURCE_INIT, c = MIO_SOURCE_INIT;
	struct mio_source s = MIO_SOURCE_INIT;
	unsigned char kib[1024], got[16 * 1024];
	const int64_t end = now_ns() + (int64_t)(5e9 * slowness());
	size_t have = 0;
	struct loop loop;
	struct addr addr;

	loop_open(&loop);
	addr = listen_on(&l, AF_INET);
	CHECK_INT(0, connect_fully(&loop, &c, &addr, A));
	for (int i = 0; i < 16; ++i) {
		memset(kib, 'a' + i, sizeof(kib));
		CHECK_INT(1024, mio_source_write(&c, kib, sizeof(kib)));
	}
	accept_one(&l, &s);
	CHECK_INT(0, mio_registry_register(loop.registry, &s, B, R));
	while (have < sizeof(got)) {
		ssize_t n =
		    mio_source_read(&s, got + have, sizeof(got) - have);

		ck_assert_msg(now_ns() < end, "%zu bytes", have);
		if (n > 0) {
			have += (size_t)n;
		} else {
			CHECK_INT(-1, n);
			WAIT(&loop, B, R);
		}
	}
	for (size_t i = 0; i < sizeof(got); ++i)
		CHECK_INT('a' + i / 1024, got[i]);
	shut(&s);
	shut(&c);
	shut(&l);
	loop_close(&loop);
}

BOTH(tcps_addresses_are_ready_with_the_event, "tcps-32")
{
	struct mio_source l = MIO_SOURCE_INIT, c = MIO_SOURCE_INIT;
	struct mio_source s = MIO_SOURCE_INIT;
	struct loop loop;
	struct addr addr, local, peer;

	loop_open(&loop);
	addr = listen_on(&l, family);
	CHECK_INT(0, mio_tcp_connect(&c, &addr.u.any, addr.len));
	CHECK_INT(0, mio_registry_register(loop.registry, &c, A, R));
	accept_one(&l, &s);
	CHECK_INT(0, mio_registry_register(loop.registry, &s, B, W));
	WAIT(&loop, B, W);
	put(&s, "hello");
	WAIT(&loop, A, R);
	local = local_addr(&c);
	peer = peer_addr(&c);
	ck_assert(addr_equal(&peer, &addr));
	peer = peer_addr(&s);
	ck_assert(addr_equal(&peer, &local));
	expect(&c, "hello");
	shut(&s);
	shut(&c);
	shut(&l);
	loop_close(&loop);
}

TEST(tcps_write_then_close, "tcps-33 reg-09")
{
	struct loop loop;
	struct pair pair;
	char byte;

	loop_open(&loop);
	PAIR(&pair);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, A, W));
	WAIT(&loop, A, W);
	put(&pair.a, "last words");
	CHECK_INT(0, mio_source_close(&pair.a));
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.b, B, R));
	WAIT(&loop, B, R);
	/* Not read yet, so to register anew reports it anew. */
	CHECK_INT(0,
	    mio_registry_reregister(loop.registry, &pair.b, B + 1, R));
	WAIT(&loop, B + 1, R);
	expect(&pair.b, "last words");
	arrived(&pair.b);
	CHECK_INT(0, mio_source_read(&pair.b, &byte, 1));
	stop(&loop, &pair);
}

TEST(tcps_write_then_deregister, "tcps-34 reg-12")
{
	struct loop loop;
	struct pair pair;

	start(&loop, &pair, W);
	put(&pair.a, "last words");
	CHECK_INT(0, mio_registry_deregister(loop.registry, &pair.a));
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.b, B, R));
	WAIT(&loop, B, R);
	expect(&pair.b, "last words");
	stop(&loop, &pair);
}

TEST(tcps_all_deregistered_is_silent, "tcps-35 reg-11")
{
	struct mio_source l = MIO_SOURCE_INIT, c = MIO_SOURCE_INIT;
	struct mio_source s = MIO_SOURCE_INIT;
	struct loop loop;
	struct addr addr;

	loop_open(&loop);
	addr = listen_on(&l, AF_INET);
	CHECK_INT(0, mio_registry_register(loop.registry, &l, 9, R));
	CHECK_INT(0, connect_fully(&loop, &c, &addr, A));
	accept_one(&l, &s);
	CHECK_INT(0, mio_registry_register(loop.registry, &s, B, R | W));
	WAIT(&loop, B, W);
	CHECK_INT(0, mio_registry_deregister(loop.registry, &l));
	CHECK_INT(0, mio_registry_deregister(loop.registry, &c));
	CHECK_INT(0, mio_registry_deregister(loop.registry, &s));
	put(&c, "forth");
	put(&s, "back");
	for (int i = 0; i < 3; ++i)
		QUIET(&loop);
	expect(&c, "back");
	expect(&s, "forth");
	shut(&s);
	shut(&c);
	shut(&l);
	loop_close(&loop);
}

TEST(tcps_deregistered_stream_works, "tcps-36 reg-12")
{
	struct loop loop;
	struct pair pair;
	struct addr peer, want;
	char byte;

	start(&loop, &pair, R | W);
	CHECK_INT(0, mio_registry_deregister(loop.registry, &pair.a));
	CHECK_INT(0, mio_source_connect_result(&pair.a));
	peer = peer_addr(&pair.a);
	want = local_addr(&pair.b);
	ck_assert(addr_equal(&peer, &want));
	CHECK_FAILS(EAGAIN, mio_source_recv(&pair.a, &byte, 1, MSG_PEEK));
	CHECK_FAILS(EAGAIN, mio_source_read(&pair.a, &byte, 1));
	put(&pair.a, "forth");
	expect(&pair.b, "forth");
	put(&pair.b, "back");
	arrived(&pair.a);
	QUIET(&loop);
	expect(&pair.a, "back");
	stop(&loop, &pair);
}

TEST(tcps_peek_consumes_no_readiness, "tcps-37")
{
	struct loop loop;
	struct pair pair;
	char byte = 0;

	start(&loop, &pair, R);
	QUIET(&loop);
	put(&pair.b, "x");
	arrived(&pair.a);
	CHECK_INT(1, mio_source_recv(&pair.a, &byte, 1, MSG_PEEK));
	CHECK_INT('x', byte);
	WAIT(&loop, A, R);
	expect(&pair.a, "x");
	stop(&loop, &pair);
}

TEST(tcps_peek_to_eagain_rearms, "tcps-38 regr-06")
{
	struct loop loop;
	struct pair pair;
	char byte = 0;

	start(&loop, &pair, R);
	for (int i = 0; i < 3; ++i) {
		put(&pair.b, "x");
		WAIT(&loop, A, R);
		CHECK_INT(1, mio_source_read(&pair.a, &byte, 1));
		CHECK_FAILS(
		    EAGAIN, mio_source_recv(&pair.a, &byte, 1, MSG_PEEK));
	}
	QUIET(&loop);
	stop(&loop, &pair);
}

TEST(tcps_idle_reader_is_silent, "tcps-41 int-06 regr-27")
{
	struct loop loop;
	struct pair pair;

	loop_open(&loop);
	PAIR(&pair);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, A, R));
	QUIET(&loop);
	stop(&loop, &pair);
}

/* What an operation of try_io is told and does. */
struct op {
	int calls;
	mio_handle fd;
	int error;   /* fail with it, or 0: */
	ssize_t ret; /* return this, or */
	char *buf;   /* receive one byte here */
};

static ssize_t
run_op(mio_handle fd, void *arg)
{
	struct op *op = arg;

	op->calls++;
	op->fd = fd;
	errno = op->error;
	if (op->error != 0)
		return -1;
	if (op->buf != NULL)
		return recv(fd, op->buf, 1, 0);
	errno = ERANGE;
	return op->ret;
}

TEST(tcps_try_io_returns_what_the_operation_did, "tcps-42")
{
	static const unsigned bad[] = { 0, P, R | P, W | E, RC, R | 0x800000,
		MIO_AIO, MIO_EXCLUSIVE | R };
	struct loop loop;
	struct pair pair;
	struct op op = { 0, -1, EIO, 0, NULL };

	start(&loop, &pair, R | W);
	CHECK_FAILS(EIO, mio_source_try_io(&pair.a, R, run_op, &op));
	CHECK_INT(1, op.calls);
	CHECK_INT(mio_source_handle(&pair.a), op.fd);
	CHECK_FAILS(EIO, mio_source_try_io(&pair.a, R | W, run_op, &op));
	CHECK_INT(2, op.calls);
	/* Value and errno are the operation's, also of success. */
	op.error = 0;
	op.ret = 123456;
	CHECK_INT(123456, mio_source_try_io(&pair.a, W, run_op, &op));
	mio_source_try_io(&pair.a, W, run_op, &op);
	ck_assert_int_eq(errno, ERANGE);
	op.ret = 0;
	CHECK_INT(0, mio_source_try_io(&pair.a, R, run_op, &op));
	CHECK_INT(5, op.calls);
	op.error = EAGAIN;
	CHECK_FAILS(EAGAIN, mio_source_try_io(&pair.a, R, run_op, &op));
	CHECK_INT(6, op.calls);
	for (size_t i = 0; i < LEN(bad); ++i)
		CHECK_FAILS(EINVAL,
		    mio_source_try_io(&pair.a, bad[i], run_op, &op));
	CHECK_FAILS(EINVAL, mio_source_try_io(NULL, R, run_op, &op));
	CHECK_FAILS(EINVAL, mio_source_try_io(&pair.a, R, NULL, NULL));
	CHECK_INT(6, op.calls);
	stop(&loop, &pair);
}

TEST(tcps_try_io_rearms, "tcps-42")
{
	struct loop loop;
	struct pair pair;
	char byte = 0;
	struct op op = { 0, -1, 0, 0, &byte };

	start(&loop, &pair, R | W);
	for (int i = 0; i < 3; ++i) {
		put(&pair.b, "x");
		WAIT(&loop, A, R);
		CHECK_INT(1, mio_source_try_io(&pair.a, R, run_op, &op));
		CHECK_INT('x', byte);
		byte = 0;
		CHECK_FAILS(
		    EAGAIN, mio_source_try_io(&pair.a, R, run_op, &op));
	}
	QUIET(&loop);
	stop(&loop, &pair);
}

/* EAGAIN re-arms its own direction: epoll has no phantom edges anyway. */
TEST(tcps_try_io_rearms_one_direction, "tcps-42 poll-11")
{
	struct loop loop;
	struct pair pair;
	struct op op = { 0, -1, EAGAIN, 0, NULL };

	start(&loop, &pair, R | W);
	CHECK_FAILS(EAGAIN, mio_source_try_io(&pair.a, R, run_op, &op));
	QUIET(&loop);
	put(&pair.b, "x");
	WAIT(&loop, A, R);
	SETTLE(&loop);
	/* Data is there: only reading is over, it must not come back. */
	CHECK_FAILS(EAGAIN, mio_source_try_io(&pair.a, W, run_op, &op));
	loop_poll(&loop, 50 * MIO_MSEC);
	if (selector_is("poll")) {
		/* It is writable, and readable was not asked for again. */
		ck_assert((loop_flags(&loop, A) & W) != 0);
		CHECK_INT(0, loop_flags(&loop, A) & R);
	}
	expect(&pair.a, "x");
	stop(&loop, &pair);
}

TEST(tcps_reading_to_eagain_is_no_writable_event, "poll-11 tcps-20")
{
	struct loop loop;
	struct pair pair;

	start(&loop, &pair, R | W);
	for (int i = 0; i < 3; ++i) {
		CHECK_INT(0, drain(&pair.a));
		QUIET(&loop);
	}
	put(&pair.b, "x");
	WAIT(&loop, A, R);
	CHECK_INT(1, drain(&pair.a));
	QUIET(&loop);
	stop(&loop, &pair);
}

TEST(tcps_writing_to_eagain_is_no_readable_event, "poll-11 tcps-30")
{
	struct loop loop;
	struct pair pair;

	start(&loop, &pair, R | W);
	small_buffers(&pair);
	put(&pair.b, "unread");
	WAIT(&loop, A, R);
	SETTLE(&loop);
	fill_by(&loop, &pair.a, writers[0]);
	/* Room again: writable, once the peer has read enough. */
	for (int i = 0; i < 50 && drain(&pair.b) > 0; ++i)
		pause_ms(2);
	WAIT(&loop, A, W);
	expect(&pair.a, "unread");
	stop(&loop, &pair);
}

/* Every pair of calls carries the bytes. */
TEST(tcps_every_call_moves_bytes, "tcps-05 tcps-07")
{
	struct loop loop;
	struct pair pair;
	char buf[4], a[] = "mn", b[] = "op";
	struct iovec out[2] = { { a, 2 }, { b, 2 } };
	struct iovec in[2] = { { buf, 1 }, { buf + 1, 3 } };
	struct msghdr msg;

	start(&loop, &pair, R | W);
	CHECK_INT(4, mio_source_write(&pair.a, "abcd", 4));
	arrived(&pair.b);
	CHECK_INT(4, mio_source_read(&pair.b, buf, 4));
	ck_assert_mem_eq(buf, "abcd", 4);
	CHECK_INT(4, mio_source_send(&pair.a, "efgh", 4, 0));
	arrived(&pair.b);
	CHECK_INT(4, mio_source_recv(&pair.b, buf, 4, 0));
	ck_assert_mem_eq(buf, "efgh", 4);
	CHECK_INT(4, mio_source_sendto(&pair.a, "ijkl", 4, 0, NULL, 0));
	arrived(&pair.b);
	CHECK_INT(
	    4, mio_source_recvfrom(&pair.b, buf, 4, 0, NULL, NULL));
	ck_assert_mem_eq(buf, "ijkl", 4);
	CHECK_INT(4, mio_source_writev(&pair.a, out, 2));
	arrived(&pair.b);
	CHECK_INT(4, mio_source_readv(&pair.b, in, 2));
	ck_assert_mem_eq(buf, "mnop", 4);
	memset(&msg, 0, sizeof(msg));
	memcpy(a, "qr", 2);
	memcpy(b, "st", 2);
	msg.msg_iov = out;
	msg.msg_iovlen = 2;
	CHECK_INT(4, mio_source_sendmsg(&pair.a, &msg, 0));
	arrived(&pair.b);
	memset(&msg, 0, sizeof(msg));
	msg.msg_iov = in;
	msg.msg_iovlen = 2;
	CHECK_INT(4, mio_source_recvmsg(&pair.b, &msg, 0));
	ck_assert_mem_eq(buf, "qrst", 4);
	CHECK_INT(0, mio_source_read(&pair.b, buf, 0));
	stop(&loop, &pair);
}

/* After EAGAIN of each reading call the next byte is an event. */
static ssize_t
read_by(int how, const struct mio_source *source, char *byte)
{
	struct iovec iov = { byte, 1 };
	struct msghdr msg;

	memset(&msg, 0, sizeof(msg));
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	switch (how) {
	case 0:
		return mio_source_read(source, byte, 1);
	case 1:
		return mio_source_readv(source, &iov, 1);
	case 2:
		return mio_source_recv(source, byte, 1, 0);
	case 3:
		return mio_source_recvfrom(source, byte, 1, 0, NULL, NULL);
	default:
		return mio_source_recvmsg(source, &msg, 0);
	}
}

TEST(tcps_every_reading_call_rearms, "poll-11 tcps-28")
{
	struct loop loop;
	struct pair pair;
	char byte;

	start(&loop, &pair, R | W);
	for (int how = 0; how < 5; ++how) {
		for (int i = 0; i < 2; ++i) {
			put(&pair.b, "x");
			WAIT(&loop, A, R);
			CHECK_INT(1, read_by(how, &pair.a, &byte));
			CHECK_FAILS(EAGAIN, read_by(how, &pair.a, &byte));
		}
		QUIET(&loop);
	}
	stop(&loop, &pair);
}

TEST(tcps_every_writing_call_rearms, "poll-11 tcps-30")
{
	struct loop loop;
	struct pair pair;

	start(&loop, &pair, W);
	small_buffers(&pair);
	for (size_t how = 0; how < WRITERS_COUNT; ++how) {
		fill_by(&loop, &pair.a, writers[how]);
		for (int i = 0; i < 100 && drain(&pair.b) > 0; ++i)
			pause_ms(1);
		WAIT(&loop, A, W);
	}
	stop(&loop, &pair);
}

BOTH(tcps_recvfrom_names_no_sender, "tcps-05")
{
	struct pair pair;
	struct addr addr;
	char buf[8];

	pair_open(&pair, family);
	put(&pair.a, "data");
	arrived(&pair.b);
	addr.len = sizeof(addr.u);
	CHECK_INT(4,
	    mio_source_recvfrom(&pair.b, buf, sizeof(buf), 0, &addr.u.any,
		&addr.len));
	CHECK_INT(0, addr.len);
	pair_close(&pair);
}

/* Both directions at once, each in a thread, on one source. */
struct duplex {
	const struct mio_source *source;
	size_t total, done;
	bool writes, right;
};

static void *
duplex_run(void *arg)
{
	struct duplex *duplex = arg;
	unsigned char *buf = malloc(16384);
	const int64_t end = now_ns() + (int64_t)(30e9 * slowness());

	duplex->right = buf != NULL;
	while (buf != NULL && duplex->done < duplex->total &&
	    now_ns() < end) {
		size_t want = duplex->total - duplex->done;
		ssize_t n;

		if (want > 16384)
			want = 16384;
		for (size_t i = 0; duplex->writes && i < want; ++i)
			buf[i] = pattern(duplex->done + i);
		n = duplex->writes ?
		    mio_source_write(duplex->source, buf, want) :
		    mio_source_read(duplex->source, buf, want);
		if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
			pause_ms(1);
			continue;
		}
		if (n <= 0)
			break;
		for (ssize_t i = 0; !duplex->writes && i < n; ++i)
			if (buf[i] != pattern(duplex->done + (size_t)i))
				duplex->right = false;
		duplex->done += (size_t)n;
	}
	free(buf);
	return NULL;
}

TEST_NEEDS(tcps_full_duplex_from_threads, "tcps-43 poll-27", NEEDS_THREADS)
{
	enum { TOTAL = 2 << 20 };
	struct duplex side[4];
	pthread_t thread[4];
	struct loop loop;
	struct pair pair;
	bool left = true;

	loop_open(&loop);
	PAIR(&pair);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, A, R | W));
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.b, B, R | W));
	for (int i = 0; i < 4; ++i) {
		struct duplex fresh = { i < 2 ? &pair.a : &pair.b, TOTAL, 0,
			i % 2 == 0, false };

		side[i] = fresh;
		thread[i] = thread_start(duplex_run, &side[i]);
	}
	/* Events are taken meanwhile, and nobody is in the other's way. */
	for (int i = 0; i < 20 && left; ++i)
		left = loop_poll(&loop, 5 * MIO_MSEC) > 0;
	for (int i = 0; i < 4; ++i) {
		thread_join(thread[i]);
		CHECK_INT(TOTAL, side[i].done);
		ck_assert(side[i].right);
	}
	stop(&loop, &pair);
}

/* An error is no reason to forget the source. */
TEST(tcps_error_keeps_the_registration, "tcps-16 close-08 reg-09")
{
	struct loop loop;
	struct pair pair;
	char byte;

	start(&loop, &pair, R | W);
	abort_connection(&pair.b);
	WAIT(&loop, A, R | W | E);
	CHECK_FAILS(ECONNRESET, mio_source_read(&pair.a, &byte, 1));
	SETTLE(&loop);
	CHECK_INT(
	    0, mio_registry_reregister(loop.registry, &pair.a, A + 6, R | W));
	WAIT(&loop, A + 6, R | W | RC);
	CHECK_INT(0, mio_registry_deregister(loop.registry, &pair.a));
	CHECK_FAILS(
	    ENOENT, mio_registry_deregister(loop.registry, &pair.a));
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, A + 7, R));
	WAIT(&loop, A + 7, R | RC);
	stop(&loop, &pair);
}

SUITE(tcps, &tcps_connect_returns_at_once_v4,
    &tcps_connect_returns_at_once_v6, &tcps_connect_recipe_v4,
    &tcps_connect_recipe_v6, &tcps_refused_v4, &tcps_refused_v6,
    &tcps_connect_result_tells_once_why_it_failed_v4,
    &tcps_connect_result_tells_once_why_it_failed_v6,
    &tcps_connect_result_without_connect_v4,
    &tcps_connect_result_without_connect_v6, &tcps_connect_in_progress_v4,
    &tcps_connect_in_progress_v6, &tcps_no_data_is_eagain_v4,
    &tcps_no_data_is_eagain_v6, &tcps_smoke_v4, &tcps_smoke_v6,
    &tcps_smoke_wrapped_v4, &tcps_smoke_wrapped_v6, &tcps_ttl_v4,
    &tcps_ttl_v6, &tcps_nodelay_v4, &tcps_nodelay_v6,
    &tcps_raw_descriptor_round_trip_v4, &tcps_raw_descriptor_round_trip_v6,
    &tcps_address_buffers_v4, &tcps_address_buffers_v6,
    &tcps_bad_addresses_make_no_descriptor, &tcps_connect_passes_errors_on,
    &tcps_peer_closes_v4, &tcps_peer_closes_v6, &tcps_peer_aborts,
    &tcps_registered_after_the_abort, &tcps_reset_then_silence,
    &tcps_peer_shuts_its_write_side, &tcps_data_is_no_hang_up,
    &tcps_shut_read, &tcps_shut_write, &tcps_shut_both,
    &tcps_shut_read_with_data, &tcps_shut_write_keeps_the_echo,
    &tcps_writing_to_a_closed_peer_is_an_error_v4,
    &tcps_writing_to_a_closed_peer_is_an_error_v6,
    &tcps_no_write_raises_sigpipe, &tcps_read_16_mib,
    &tcps_peek_and_read_16_mib, &tcps_write_16_mib,
    &tcps_sixteen_writes_at_once, &tcps_addresses_are_ready_with_the_event_v4,
    &tcps_addresses_are_ready_with_the_event_v6, &tcps_write_then_close,
    &tcps_write_then_deregister, &tcps_all_deregistered_is_silent,
    &tcps_deregistered_stream_works, &tcps_peek_consumes_no_readiness,
    &tcps_peek_to_eagain_rearms, &tcps_idle_reader_is_silent,
    &tcps_try_io_returns_what_the_operation_did, &tcps_try_io_rearms,
    &tcps_try_io_rearms_one_direction,
    &tcps_reading_to_eagain_is_no_writable_event,
    &tcps_writing_to_eagain_is_no_readable_event,
    &tcps_every_call_moves_bytes, &tcps_every_reading_call_rearms,
    &tcps_every_writing_call_rearms, &tcps_recvfrom_names_no_sender_v4,
    &tcps_recvfrom_names_no_sender_v6, &tcps_full_duplex_from_threads,
    &tcps_error_keeps_the_registration);
