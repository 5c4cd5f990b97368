/* SPDX-License-Identifier: MIT */
/* TCP listeners. */

#include "config.h"

#include "harness.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

enum { LISTENER = 10, CLIENT = 20, SERVER = 30 };

/* One test for each family. */
#define BOTH(name, rows) BOTH_NEEDS(name, rows, 0)
#define BOTH_NEEDS(name, rows, needs)                                        \
	static void name(int family);                                        \
	TEST_NEEDS(name##_v4, rows, needs)                                   \
	{                                                                    \
		name(AF_INET);                                               \
	}                                                                    \
	TEST_NEEDS(name##_v6, rows " tcpl-15", needs)                        \
	{                                                                    \
		NEED_IPV6();                                                 \
		name(AF_INET6);                                              \
	}                                                                    \
	static void name(int family)

_Static_assert(sizeof(struct mio_source) == 2 * sizeof(void *) + 8,
    "a source is a descriptor, its kind and two words"); /* tcpl-18 */

static void
connect_to(struct mio_source *stream, const struct addr *addr)
{
	struct mio_source fresh = MIO_SOURCE_INIT;

	*stream = fresh;
	CHECK_INT(0, mio_tcp_connect(stream, &addr->u.any, addr->len));
}

/* A listener made without the library, blocking. */
static int
listen_by_hand(int family)
{
	struct addr addr = loopback(family);
	int fd = socket(family, SOCK_STREAM, 0);

	CHECK_CALL(fd);
	CHECK_INT(0, bind(fd, &addr.u.any, addr.len));
	CHECK_INT(0, listen(fd, 16));
	return fd;
}

BOTH(tcpl_reuses_the_address, "tcpl-01")
{
	struct mio_source l = MIO_SOURCE_INIT, c, s = MIO_SOURCE_INIT;
	struct addr addr = listen_on(&l, family);
	socklen_t len = sizeof(int);
	char byte;
	int on = 0;

	CHECK_INT(0,
	    getsockopt(
		mio_source_handle(&l), SOL_SOCKET, SO_REUSEADDR, &on, &len));
	ck_assert_int_ne(on, 0);
	/* The side that closes first holds the address in TIME_WAIT. */
	connect_to(&c, &addr);
	accept_one(&l, &s);
	CHECK_INT(0, mio_source_close(&s));
	await_fd(mio_source_handle(&c), POLLIN);
	CHECK_INT(0, mio_source_read(&c, &byte, 1));
	CHECK_INT(0, mio_source_close(&c));
	CHECK_INT(0, mio_source_close(&l));
	CHECK_INT(0, mio_tcp_listen(&l, &addr.u.any, addr.len));
	CHECK_INT(0, mio_source_close(&l));
}

BOTH(tcpl_queues_connections, "tcpl-01 regr-04")
{
	enum { COUNT = 64 };
	struct mio_source l = MIO_SOURCE_INIT, c[COUNT];
	struct addr addr;

	NEED_DESCRIPTORS(2 * COUNT);
	addr = listen_on(&l, family);
	for (int i = 0; i < COUNT; ++i) {
		connect_to(&c[i], &addr);
		await_fd(mio_source_handle(&c[i]), POLLOUT);
		CHECK_INT(0, mio_source_connect_result(&c[i]));
	}
	CHECK_INT(COUNT, drain_accept(&l));
	for (int i = 0; i < COUNT; ++i)
		CHECK_INT(0, mio_source_close(&c[i]));
	CHECK_INT(0, mio_source_close(&l));
}

/* Linux tells a listener's backlog in tcpi_sacked. */
BOTH(tcpl_backlog_is_128, "tcpl-01 regr-04")
{
#ifdef __linux__
	struct mio_source l = MIO_SOURCE_INIT;
	struct tcp_info info;
	socklen_t len = sizeof(info);
	FILE *limits = fopen("/proc/sys/net/core/somaxconn", "r");
	unsigned most = 0;
	int got = 0;

	if (limits != NULL) {
		got = fscanf(limits, "%u", &most);
		fclose(limits);
	}
	if (got != 1 || most < 128)
		SKIP("somaxconn is unknown or below 128");
	listen_on(&l, family);
	memset(&info, 0, sizeof(info));
	CHECK_INT(0,
	    getsockopt(
		mio_source_handle(&l), IPPROTO_TCP, TCP_INFO, &info, &len));
	CHECK_INT(128, info.tcpi_sacked);
	CHECK_INT(0, mio_source_close(&l));
#else
	(void)family;
	SKIP("only Linux tells");
#endif
}

BOTH(tcpl_is_nonblocking_and_cloexec, "tcpl-02")
{
	struct mio_source l = MIO_SOURCE_INIT;

	listen_on(&l, family);
	ck_assert(is_nonblocking(mio_source_handle(&l)));
	ck_assert(is_cloexec(mio_source_handle(&l)));
	CHECK_INT(0, mio_source_close(&l));
}

static void
accept_with_addresses(struct loop *loop, struct mio_source *l, int family)
{
	struct mio_source c, s = MIO_SOURCE_INIT;
	struct addr addr = local_addr(l), from, local, peer, client;
	char byte;
	int error = -1;

	CHECK_INT(0, mio_registry_register(loop->registry, l, LISTENER, R));
	connect_to(&c, &addr);
	WAIT(loop, LISTENER, R);
	memset(&from, 0, sizeof(from));
	from.len = sizeof(from.u);
	CHECK_INT(0, mio_source_accept(l, &s, &from.u.any, &from.len));
	CHECK_INT(loopback(family).len, from.len);
	peer = peer_addr(&s);
	local = local_addr(&s);
	client = local_addr(&c);
	ck_assert(addr_equal(&peer, &from));
	ck_assert(addr_equal(&client, &from));
	ck_assert(addr_equal(&local, &addr));
	ck_assert(addr_is_loopback(&from));
	/* tcpl-04 */
	ck_assert(is_nonblocking(mio_source_handle(&s)));
	ck_assert(is_cloexec(mio_source_handle(&s)));
	CHECK_FAILS(EAGAIN, mio_source_read(&s, &byte, 1));
	/* tcpl-06 */
	CHECK_INT(0, mio_source_take_error(l, &error));
	CHECK_INT(0, error);
	shut(&s);
	shut(&c);
}

BOTH(tcpl_accept_gives_stream_and_addresses, "tcpl-03 tcpl-04 tcpl-06")
{
	struct mio_source l = MIO_SOURCE_INIT;
	struct loop loop;

	loop_open(&loop);
	listen_on(&l, family);
	accept_with_addresses(&loop, &l, family);
	CHECK_INT(0, mio_source_close(&l));
	loop_close(&loop);
}

BOTH(tcpl_empty_queue_is_eagain, "tcpl-05 tcpl-17")
{
	struct mio_source l = MIO_SOURCE_INIT, c, s = MIO_SOURCE_INIT;
	struct mio_source none;
	struct addr addr = listen_on(&l, family);
	unsigned char before[sizeof(none)];

	memset(&none, 0x5a, sizeof(none));
	memcpy(before, &none, sizeof(none));
	CHECK_FAILS(EAGAIN, mio_source_accept(&l, &none, NULL, NULL));
	connect_to(&c, &addr);
	accept_one(&l, &s);
	CHECK_FAILS(EAGAIN, mio_source_accept(&l, &none, NULL, NULL));
	ck_assert_mem_eq(&none, before, sizeof(none));
	shut(&s);
	shut(&c);
	shut(&l);
}

/* Errors other than EAGAIN come as they are. */
TEST(tcpl_accept_passes_errors_on, "tcpl-17")
{
	struct mio_source udp = MIO_SOURCE_INIT, none = MIO_SOURCE_INIT;
	struct mio_source rx = MIO_SOURCE_INIT, tx = MIO_SOURCE_INIT;
	struct pair pair;

	PAIR(&pair);
	udp_open(&udp, AF_INET);
	CHECK_INT(0, mio_pipe_new(&rx, &tx));
	CHECK_FAILS(EINVAL, mio_source_accept(&pair.a, &none, NULL, NULL));
	CHECK_FAILS2(EOPNOTSUPP, ELSEWHERE ? EINVAL : EOPNOTSUPP,
	    mio_source_accept(&udp, &none, NULL, NULL));
	CHECK_FAILS(ENOTSOCK, mio_source_accept(&rx, &none, NULL, NULL));
	CHECK_FAILS(EINVAL, mio_source_accept(NULL, &none, NULL, NULL));
	CHECK_FAILS(EINVAL, mio_source_accept(&pair.a, NULL, NULL, NULL));
	shut(&rx);
	CHECK_FAILS(EBADF, mio_source_accept(&rx, &none, NULL, NULL));
	CHECK_INT(MIO_INVALID_HANDLE, mio_source_handle(&none));
	shut(&tx);
	shut(&udp);
	pair_close(&pair);
}

BOTH(tcpl_accept_address_buffers, "tcpl-03")
{
	struct mio_source l = MIO_SOURCE_INIT, c, s = MIO_SOURCE_INIT;
	struct addr addr = listen_on(&l, family), client;
	unsigned char room[sizeof(struct sockaddr_storage) + 1];
	struct sockaddr *odd = (struct sockaddr *)(void *)(room + 1);
	socklen_t len = 4;

	/* Too short: cut, and the length says so. */
	connect_to(&c, &addr);
	await_fd(mio_source_handle(&l), POLLIN);
	client = local_addr(&c);
	memset(room, 0x5a, sizeof(room));
	CHECK_INT(0, mio_source_accept(&l, &s, odd, &len));
	CHECK_INT(addr.len, len);
	ck_assert_mem_eq(room + 1, &client.u, 4);
	CHECK_INT(0x5a, room[5]);
	shut(&s);
	shut(&c);
	/* Unaligned and long enough. */
	connect_to(&c, &addr);
	await_fd(mio_source_handle(&l), POLLIN);
	client = local_addr(&c);
	len = sizeof(room) - 1;
	CHECK_INT(0, mio_source_accept(&l, &s, odd, &len));
	CHECK_INT(addr.len, len);
	ck_assert_mem_eq(room + 1, &client.u, (size_t)addr.len);
	shut(&s);
	shut(&c);
	shut(&l);
}

BOTH(tcpl_next_connection_is_a_new_event, "tcpl-07")
{
	struct mio_source l = MIO_SOURCE_INIT, c[2];
	struct loop loop;
	struct addr addr;

	loop_open(&loop);
	addr = listen_on(&l, family);
	CHECK_INT(
	    0, mio_registry_register(loop.registry, &l, LISTENER, R | W));
	for (int i = 0; i < 2; ++i) {
		connect_to(&c[i], &addr);
		WAIT(&loop, LISTENER, R);
		CHECK_INT(1, drain_accept(&l));
	}
	QUIET(&loop);
	shut(&c[0]);
	shut(&c[1]);
	shut(&l);
	loop_close(&loop);
}

BOTH(tcpl_reregister_changes_the_token, "tcpl-08")
{
	struct mio_source l = MIO_SOURCE_INIT, c;
	struct loop loop;
	struct addr addr;

	loop_open(&loop);
	addr = listen_on(&l, family);
	CHECK_INT(0, mio_registry_register(loop.registry, &l, LISTENER, R));
	CHECK_INT(
	    0, mio_registry_reregister(loop.registry, &l, LISTENER + 1, R));
	connect_to(&c, &addr);
	await_fd(mio_source_handle(&l), POLLIN);
	CHECK_INT(1, loop_poll(&loop, MIO_SEC));
	CHECK_INT(0, loop_count(&loop, LISTENER));
	CHECK_INT(1, loop_count(&loop, LISTENER + 1));
	ck_assert((loop_flags(&loop, LISTENER + 1) & R) != 0);
	CHECK_INT(1, drain_accept(&l));
	NOTOK(&loop, LISTENER);
	shut(&c);
	shut(&l);
	loop_close(&loop);
}

BOTH(tcpl_deregistered_is_silent, "tcpl-09")
{
	struct mio_source l = MIO_SOURCE_INIT, c, s = MIO_SOURCE_INIT;
	struct loop loop;
	struct addr addr;

	loop_open(&loop);
	addr = listen_on(&l, family);
	CHECK_INT(0, mio_registry_register(loop.registry, &l, LISTENER, R));
	connect_to(&c, &addr);
	await_fd(mio_source_handle(&l), POLLIN);
	CHECK_INT(0, mio_registry_deregister(loop.registry, &l));
	QUIET(&loop);
	CHECK_INT(0, mio_source_accept(&l, &s, NULL, NULL));
	shut(&s);
	shut(&c);
	shut(&l);
	loop_close(&loop);
}

BOTH(tcpl_ttl, "tcpl-10")
{
	struct mio_source l = MIO_SOURCE_INIT;
	const bool v6 = family == AF_INET6;
	unsigned ttl = 0;
	int error = -1, raw = 0;
	socklen_t len = sizeof(raw);

	listen_on(&l, family);
	CHECK_INT(0, mio_source_ttl(&l, &ttl));
	ck_assert_uint_ge(ttl, 1);
	ck_assert_uint_le(ttl, 255);
	CHECK_INT(0, mio_source_set_ttl(&l, 10));
	CHECK_INT(0, mio_source_ttl(&l, &ttl));
	CHECK_INT(10, ttl);
	CHECK_INT(0,
	    getsockopt(mio_source_handle(&l), v6 ? IPPROTO_IPV6 : IPPROTO_IP,
		v6 ? IPV6_UNICAST_HOPS : IP_TTL, &raw, &len));
	CHECK_INT(10, raw);
	CHECK_INT(0, mio_source_set_ttl(&l, 255));
	CHECK_INT(0, mio_source_ttl(&l, &ttl));
	CHECK_INT(255, ttl);
	CHECK_FAILS(EINVAL, mio_source_set_ttl(&l, 256));
	CHECK_FAILS(EINVAL, mio_source_set_ttl(&l, 0));
	/* What -1 would look like, which asks for the default. */
	CHECK_FAILS(EINVAL, mio_source_set_ttl(&l, UINT32_MAX));
	CHECK_INT(0, mio_source_ttl(&l, &ttl));
	CHECK_INT(255, ttl);
	CHECK_FAILS(EINVAL, mio_source_ttl(&l, NULL));
	CHECK_FAILS(EINVAL, mio_source_ttl(NULL, &ttl));
	CHECK_INT(0, mio_source_take_error(&l, &error));
	CHECK_INT(0, error);
	shut(&l);
}

BOTH(tcpl_raw_descriptor_round_trip, "tcpl-11")
{
	struct mio_source l = MIO_SOURCE_INIT, again = MIO_SOURCE_INIT;
	struct addr addr = listen_on(&l, family), now;
	mio_handle fd = mio_source_handle(&l);

	ck_assert_int_ge(fd, 0);
	CHECK_INT(fd, mio_source_into_fd(&l));
	CHECK_INT(MIO_INVALID_HANDLE, mio_source_handle(&l));
	CHECK_FAILS(EBADF, mio_source_into_fd(&l));
	ck_assert(is_nonblocking(fd));
	CHECK_INT(0, mio_source_from_fd(&again, fd));
	CHECK_INT(fd, mio_source_handle(&again));
	now = local_addr(&again);
	ck_assert(addr_equal(&now, &addr));
	shut(&again);
}

BOTH(tcpl_address_in_use, "tcpl-12")
{
	struct mio_source l = MIO_SOURCE_INIT, second;
	struct addr addr = listen_on(&l, family);
	unsigned char before[sizeof(second)];
	size_t fds = fds_count();

	memset(&second, 0x5a, sizeof(second));
	memcpy(before, &second, sizeof(second));
	CHECK_FAILS(
	    EADDRINUSE, mio_tcp_listen(&second, &addr.u.any, addr.len));
	ck_assert_mem_eq(&second, before, sizeof(second));
	CHECK_INT(fds, fds_count());
	shut(&l);
}

TEST(tcpl_bad_addresses_make_no_descriptor, "tcpl-12")
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
	CHECK_FAILS(EAFNOSUPPORT,
	    mio_tcp_listen(&out, (struct sockaddr *)&un, sizeof(un)));
	CHECK_FAILS(EAFNOSUPPORT, mio_tcp_listen(&out, &bad.u.any, bad.len));
	for (socklen_t len = 0; len < v4.len; ++len)
		CHECK_FAILS(EINVAL, mio_tcp_listen(&out, &v4.u.any, len));
	/* As long as IPv4's address, too short for its own family. */
	CHECK_FAILS(EINVAL, mio_tcp_listen(&out, &v6.u.any, v4.len));
	CHECK_FAILS(EINVAL, mio_tcp_listen(&out, NULL, v4.len));
	CHECK_FAILS(EINVAL, mio_tcp_listen(NULL, &v4.u.any, v4.len));
	ck_assert_mem_eq(&out, before, sizeof(out));
	CHECK_INT(fds, fds_count());
}

BOTH(tcpl_unaligned_address, "tcpl-03")
{
	struct mio_source l = MIO_SOURCE_INIT, c = MIO_SOURCE_INIT;
	struct mio_source s = MIO_SOURCE_INIT;
	struct addr addr = loopback(family), peer;
	unsigned char room[sizeof(addr.u) + 1];
	struct sockaddr *odd = (struct sockaddr *)(void *)(room + 1);
	socklen_t len = sizeof(room) - 1;

	memcpy(room + 1, &addr.u, (size_t)addr.len);
	CHECK_INT(0, mio_tcp_listen(&l, odd, addr.len));
	memset(room, 0, sizeof(room));
	CHECK_INT(0, mio_source_local_addr(&l, odd, &len));
	CHECK_INT(addr.len, len);
	CHECK_INT(0, mio_tcp_connect(&c, odd, len));
	accept_one(&l, &s);
	peer = local_addr(&s);
	ck_assert_mem_eq(&peer.u, room + 1, len);
	shut(&s);
	shut(&c);
	shut(&l);
}

BOTH(tcpl_closed_is_silent, "tcpl-13")
{
	struct mio_source l = MIO_SOURCE_INIT;
	struct loop loop;

	loop_open(&loop);
	listen_on(&l, family);
	CHECK_INT(0, mio_registry_register(loop.registry, &l, LISTENER, R));
	CHECK_INT(0, mio_source_close(&l));
	CHECK_INT(0, loop_poll(&loop, 100 * MIO_MSEC));
	loop_close(&loop);
}

BOTH(tcpl_wrapped_descriptor, "tcpl-14 tcpl-03")
{
	struct mio_source l = MIO_SOURCE_INIT;
	int fd = listen_by_hand(family);
	struct loop loop;

	loop_open(&loop);
	CHECK_INT(0, mio_source_from_fd(&l, fd));
	CHECK_INT(fd, mio_source_handle(&l));
	ck_assert(is_nonblocking(fd));
	/* Taken over, not made: close-on-exec stays the caller's choice. */
	ck_assert(!is_cloexec(fd));
	accept_with_addresses(&loop, &l, family);
	shut(&l);
	loop_close(&loop);
}

BOTH(tcpl_two_queued_are_both_accepted, "tcpl-16")
{
	struct mio_source l = MIO_SOURCE_INIT, c[2];
	struct loop loop;
	struct addr addr;

	loop_open(&loop);
	addr = listen_on(&l, family);
	CHECK_INT(0, mio_registry_register(loop.registry, &l, LISTENER, R));
	for (int i = 0; i < 2; ++i) {
		connect_to(&c[i], &addr);
		await_fd(mio_source_handle(&c[i]), POLLOUT);
	}
	WAIT(&loop, LISTENER, R);
	CHECK_INT(2, drain_accept(&l));
	QUIET(&loop);
	shut(&c[0]);
	shut(&c[1]);
	shut(&l);
	loop_close(&loop);
}

/* No descriptor above those that are open; returns the limit that was. */
static struct rlimit
allow_no_more(void)
{
	struct rlimit saved, limit;
	int spare = dup(2);

	CHECK_CALL(spare);
	CHECK_INT(0, close(spare));
	CHECK_INT(0, getrlimit(RLIMIT_NOFILE, &saved));
	limit = saved;
	limit.rlim_cur = (rlim_t)spare;
	CHECK_INT(0, setrlimit(RLIMIT_NOFILE, &limit));
	return saved;
}

/* Valgrind plays the limit after the kernel has accepted. */
static bool
limit_is_the_kernels(int family)
{
	struct mio_source c;
	struct addr addr;
	struct rlimit saved;
	struct pollfd entry = { listen_by_hand(family), POLLIN, 0 };
	bool real;

	addr.len = sizeof(addr.u);
	CHECK_INT(0, getsockname(entry.fd, &addr.u.any, &addr.len));
	connect_to(&c, &addr);
	await_fd(entry.fd, POLLIN);
	saved = allow_no_more();
	real = accept(entry.fd, NULL, NULL) == -1 &&
	    poll(&entry, 1, 0) == 1;
	CHECK_INT(0, setrlimit(RLIMIT_NOFILE, &saved));
	close(entry.fd);
	shut(&c);
	return real;
}

/* What a page tells to do at EMFILE can be done. */
BOTH_NEEDS(tcpl_accept_at_the_descriptor_limit, "tcpl-17", NEEDS_LIMITS)
{
	struct mio_source l = MIO_SOURCE_INIT, c, s = MIO_SOURCE_INIT, out;
	struct addr addr, client, peer;
	struct rlimit saved;
	unsigned char before[sizeof(out)];
	int ret, error;
	size_t fds;

	if (!limit_is_the_kernels(family))
		SKIP("accept(2) loses connections at the limit");
	addr = listen_on(&l, family);
	connect_to(&c, &addr);
	await_fd(mio_source_handle(&l), POLLIN);
	client = local_addr(&c);
	memset(&out, 0x5a, sizeof(out));
	memcpy(before, &out, sizeof(out));
	fds = fds_count();
	saved = allow_no_more();
	errno = 0;
	ret = mio_source_accept(&l, &out, NULL, NULL);
	error = errno;
	CHECK_INT(0, setrlimit(RLIMIT_NOFILE, &saved));
	CHECK_INT(-1, ret);
	CHECK_INT(EMFILE, error);
	ck_assert_mem_eq(&out, before, sizeof(out));
	CHECK_INT(fds, fds_count());
	/* The connection waits on. */
	CHECK_INT(0, mio_source_accept(&l, &s, NULL, NULL));
	peer = peer_addr(&s);
	ck_assert(addr_equal(&peer, &client));
	shut(&s);
	shut(&c);
	shut(&l);
}

/* A source is plain data: it may move while it is registered. */
BOTH(tcpl_source_may_be_moved, "tcpl-18")
{
	struct mio_source l = MIO_SOURCE_INIT, c;
	struct {
		char before;
		struct mio_source source;
	} home;
	struct loop loop;
	struct addr addr;

	loop_open(&loop);
	addr = listen_on(&l, family);
	CHECK_INT(0, mio_registry_register(loop.registry, &l, LISTENER, R));
	home.source = l;
	memset(&l, 0x5a, sizeof(l));
	connect_to(&c, &addr);
	WAIT(&loop, LISTENER, R);
	CHECK_INT(1, drain_accept(&home.source));
	CHECK_INT(0,
	    mio_registry_reregister(
		loop.registry, &home.source, LISTENER + 1, R));
	CHECK_INT(0, mio_registry_deregister(loop.registry, &home.source));
	shut(&c);
	shut(&home.source);
	loop_close(&loop);
}

SUITE(tcpl, &tcpl_backlog_is_128_v4, &tcpl_backlog_is_128_v6,
    &tcpl_reuses_the_address_v4, &tcpl_reuses_the_address_v6,
    &tcpl_queues_connections_v4, &tcpl_queues_connections_v6,
    &tcpl_is_nonblocking_and_cloexec_v4, &tcpl_is_nonblocking_and_cloexec_v6,
    &tcpl_accept_gives_stream_and_addresses_v4,
    &tcpl_accept_gives_stream_and_addresses_v6,
    &tcpl_empty_queue_is_eagain_v4, &tcpl_empty_queue_is_eagain_v6,
    &tcpl_accept_passes_errors_on, &tcpl_accept_address_buffers_v4,
    &tcpl_accept_address_buffers_v6, &tcpl_next_connection_is_a_new_event_v4,
    &tcpl_next_connection_is_a_new_event_v6,
    &tcpl_reregister_changes_the_token_v4,
    &tcpl_reregister_changes_the_token_v6, &tcpl_deregistered_is_silent_v4,
    &tcpl_deregistered_is_silent_v6, &tcpl_ttl_v4, &tcpl_ttl_v6,
    &tcpl_raw_descriptor_round_trip_v4, &tcpl_raw_descriptor_round_trip_v6,
    &tcpl_address_in_use_v4, &tcpl_address_in_use_v6,
    &tcpl_bad_addresses_make_no_descriptor, &tcpl_unaligned_address_v4,
    &tcpl_unaligned_address_v6, &tcpl_closed_is_silent_v4,
    &tcpl_closed_is_silent_v6, &tcpl_wrapped_descriptor_v4,
    &tcpl_wrapped_descriptor_v6, &tcpl_two_queued_are_both_accepted_v4,
    &tcpl_two_queued_are_both_accepted_v6,
    &tcpl_accept_at_the_descriptor_limit_v4,
    &tcpl_accept_at_the_descriptor_limit_v6, &tcpl_source_may_be_moved_v4,
    &tcpl_source_may_be_moved_v6);
