/* SPDX-License-Identifier: MIT */
/* Bugs that mio and its peers had, where no other suite has them. */

#include "config.h"

#include "harness.h"
#include "names.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

enum { A = 1, B = 2, WAKE = 3 };

static void
loopback_up(void)
{
	struct ifreq request;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	CHECK_CALL(fd);
	memset(&request, 0, sizeof(request));
	memcpy(request.ifr_name, "lo", 3);
#if defined(SIOCGIFFLAGS) && defined(SIOCSIFFLAGS)
	CHECK_INT(0, ioctl(fd, SIOCGIFFLAGS, &request));
	request.ifr_flags |= IFF_UP;
	CHECK_INT(0, ioctl(fd, SIOCSIFFLAGS, &request));
#endif
	close(fd);
}

/*
 * A listener that answers no more, for its queue is full, and a connect
 * that so stays under way.
 */
struct stuck {
	int listener;
	struct addr addr;
	int filler[16];
	int fillers;
	struct mio_source c;
};

static void
stuck_close(struct stuck *stuck)
{
	shut(&stuck->c);
	for (int i = 0; i < stuck->fillers; ++i)
		close(stuck->filler[i]);
	close(stuck->listener);
}

/* False where a full queue refuses (FreeBSD), or takes dozens (OpenBSD). */
static bool
stuck_try(struct stuck *stuck)
{
	struct mio_source fresh = MIO_SOURCE_INIT;

	memset(stuck, 0, sizeof(*stuck));
	stuck->c = fresh;
	stuck->addr = loopback(AF_INET);
	CHECK_CALL(
	    stuck->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	CHECK_INT(0,
	    bind(stuck->listener, &stuck->addr.u.any, stuck->addr.len));
	CHECK_INT(0, listen(stuck->listener, 0));
	CHECK_INT(0,
	    getsockname(
		stuck->listener, &stuck->addr.u.any, &stuck->addr.len));
	for (;;) {
		struct pollfd entry = { -1, POLLOUT, 0 };
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		CHECK_CALL(fd);
		CHECK_INT(0, fcntl(fd, F_SETFL, O_NONBLOCK));
		stuck->filler[stuck->fillers++] = fd;
		if ((connect(fd, &stuck->addr.u.any, stuck->addr.len) == -1 &&
			errno != EINPROGRESS) ||
		    stuck->fillers == LEN(stuck->filler)) {
			stuck_close(stuck);
			return false;
		}
		entry.fd = fd;
		if (poll(&entry, 1, 100) == 0)
			return true;
	}
}

static void
stuck_open(struct stuck *stuck)
{
	ck_assert_msg(stuck_try(stuck), "the queue refuses, or does not fill");
}

static void
stuck_connect(struct stuck *stuck)
{
	CHECK_INT(0,
	    mio_tcp_connect(
		&stuck->c, &stuck->addr.u.any, stuck->addr.len));
	CHECK_FAILS(EINPROGRESS, mio_source_connect_result(&stuck->c));
}

/* Waits for the end of a connect, by events and as long as that takes. */
static void
connect_ends(struct loop *loop, const struct mio_source *stream, int want)
{
	const int64_t end = now_ns() + (int64_t)(20e9 * slowness());

	do {
		ck_assert_msg(now_ns() < end, "connect does not end");
		loop_poll(loop, MIO_SEC);
	} while (loop_flags(loop, A) == 0 ||
	    (mio_source_connect_result(stream) == -1 &&
		errno == EINPROGRESS));
	ck_assert_msg(errno == want, "connect_result: %s instead of %s",
	    errno_name(errno), strerror(want));
	if (tells_ends())
		ck_assert_uint_eq(
		    loop_flags(loop, A) & (R | W | E), R | W | E);
	/* The reason is told once. */
	CHECK_FAILS(ENOTCONN, mio_source_connect_result(stream));
}

TEST(regr_connect_times_out, "tcps-02 tcps-14")
{
#if defined(TCP_SYNCNT) && defined(TCP_USER_TIMEOUT)
	struct stuck stuck;
	struct loop loop;
	unsigned tries = 1, ms = 500;

	loop_open(&loop);
	stuck_open(&stuck);
	stuck_connect(&stuck);
	CHECK_INT(0,
	    setsockopt(mio_source_handle(&stuck.c), IPPROTO_TCP, TCP_SYNCNT,
		&tries, sizeof(tries)));
	CHECK_INT(0,
	    setsockopt(mio_source_handle(&stuck.c), IPPROTO_TCP,
		TCP_USER_TIMEOUT, &ms, sizeof(ms)));
	CHECK_INT(
	    0, mio_registry_register(loop.registry, &stuck.c, A, R | W));
	connect_ends(&loop, &stuck.c, ETIMEDOUT);
	stuck_close(&stuck);
	loop_close(&loop);
#else
	SKIP("no way to shorten a connect's patience");
#endif
}

TEST_NEEDS(regr_connect_without_a_route, "tcps-02 tcps-14 tcps-44",
    NEEDS_PROCESS)
{
	struct mio_source out, before;
	struct addr addr = loopback(AF_INET);
	size_t fds;

	NEED_OWN_NETWORK();
	addr.u.v4.sin_port = htons(9);
	memset(&out, 0x5a, sizeof(out));
	before = out;
	fds = fds_count();
	CHECK_FAILS(
	    ENETUNREACH, mio_tcp_connect(&out, &addr.u.any, addr.len));
	ck_assert_mem_eq(&out, &before, sizeof(out));
	CHECK_INT(fds, fds_count());
}

static uint16_t
checksum(const unsigned char *bytes, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Takes the SYN that comes next, and answers "host unreachable". */
static void
answer_unreachable(int sniffer, const struct addr *to)
{
	/* Destination unreachable: the host. */
	unsigned char packet[256], answer[8 + 20 + 8] = { 3, 1 };
	struct addr self = loopback(AF_INET);
	uint16_t sum;
	ssize_t n;
	int fd;

	do {
		await_fd(sniffer, POLLIN);
		n = recv(sniffer, packet, sizeof(packet), 0);
		ck_assert_int_ge(n, 40);
		CHECK_INT(0x45, packet[0]);
	} while (memcmp(packet + 22, &to->u.v4.sin_port, 2) != 0 ||
	    (packet[33] & 0x3f) != 0x02);
	memcpy(answer + 8, packet, 28);
	sum = htons(checksum(answer, sizeof(answer)));
	memcpy(answer + 2, &sum, sizeof(sum));
	CHECK_CALL(fd = socket(
		       AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP));
	CHECK_INT(sizeof(answer),
	    sendto(fd, answer, sizeof(answer), 0, &self.u.any, self.len));
	close(fd);
}

TEST_NEEDS(regr_connect_finds_its_host_unreachable, "tcps-02 tcps-14",
    NEEDS_PROCESS)
{
	struct stuck stuck;
	struct loop loop;
	int sniffer;

	NEED_OWN_NETWORK();
	loopback_up();
	loop_open(&loop);
	stuck_open(&stuck);
	sniffer = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_TCP);
	CHECK_CALL(sniffer);
	/* The fillers' tries come by as well; their ports are others. */
	for (int i = 0; i < stuck.fillers; ++i)
		close(stuck.filler[i]);
	stuck.fillers = 0;
	stuck_connect(&stuck);
	CHECK_INT(
	    0, mio_registry_register(loop.registry, &stuck.c, A, R | W));
	QUIET(&loop);
	answer_unreachable(sniffer, &stuck.addr);
	connect_ends(&loop, &stuck.c, EHOSTUNREACH);
	close(sniffer);
	stuck_close(&stuck);
	loop_close(&loop);
}

TEST(regr_connect_result_of_unix_streams, "tcps-02 uds-22")
{
	struct mio_source l = MIO_SOURCE_INIT, c = MIO_SOURCE_INIT;
	int fd;

	dir_open();
	CHECK_CALL(fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	CHECK_INT(0, mio_source_from_fd(&c, fd));
	CHECK_FAILS(ENOTCONN, mio_source_connect_result(&c));
	shut(&c);
	CHECK_INT(0, mio_unix_listen(&l, "l"));
	CHECK_INT(0, mio_unix_connect(&c, "l"));
	CHECK_INT(0, mio_source_connect_result(&c));
	CHECK_INT(0, mio_source_connect_result(&c));
	shut(&l);
	shut(&c);
	dir_close();
}

/* Registered before it is connected, it says so, and can be connected. */
static void
connect_late(struct loop *loop, bool by_connect)
{
	struct mio_source l = MIO_SOURCE_INIT, c = MIO_SOURCE_INIT;
	struct mio_source s = MIO_SOURCE_INIT;
	struct addr addr = listen_on(&l, AF_INET);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK_CALL(fd);
	CHECK_INT(0, mio_source_from_fd(&c, fd));
	CHECK_INT(0, mio_registry_register(loop->registry, &c, A, R | W));
	/* Kqueue waits for the connection: filt_sowrite, uipc_socket.c. */
	if (!selector_is("kqueue") && tells_ends())
		WAIT(loop, A, R | W);
	CHECK_FAILS(ENOTCONN, mio_source_connect_result(&c));
	CHECK_FAILS2(EPIPE, ELSEWHERE ? ENOTCONN : EPIPE,
	    mio_source_send(&c, "x", 1, 0));
	SETTLE(loop);
	if (by_connect)
		CHECK_FAILS(EINPROGRESS,
		    mio_source_connect(&c, &addr.u.any, addr.len));
	else
		CHECK_FAILS(EINPROGRESS, connect(fd, &addr.u.any, addr.len));
	/* What went on behind its back the library has to be told. */
	if (!by_connect)
		CHECK_INT(0,
		    mio_registry_reregister(
			loop->registry, &c, A, R | W));
	WAIT(loop, A, W);
	CHECK_INT(0, mio_source_connect_result(&c));
	accept_one(&l, &s);
	put(&s, "hello");
	WAIT(loop, A, R);
	expect(&c, "hello");
	shut(&s);
	shut(&c);
	shut(&l);
}

TEST(regr_unconnected_tcp_socket_reports_and_connects, "tcps-02 close-08")
{
	struct loop loop;

	loop_open(&loop);
	connect_late(&loop, true);
	connect_late(&loop, false);
	loop_close(&loop);
}

/* Who asks how it ended need not tell the library that it was begun. */
TEST(regr_connect_begun_behind_the_back, "tcps-02 close-08")
{
	struct stuck stuck;
	struct loop loop;
	int fd;

	if (!stuck_try(&stuck)) {
		ck_assert(ELSEWHERE);
		SKIP("no connect stays under way here");
	}
	CHECK_CALL(fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	loop_open(&loop);
	CHECK_INT(0, mio_source_from_fd(&stuck.c, fd));
	CHECK_INT(
	    0, mio_registry_register(loop.registry, &stuck.c, A, R | W));
	if (!selector_is("kqueue") && tells_ends())
		WAIT(&loop, A, R | W);
	SETTLE(&loop);
	CHECK_FAILS(
	    EINPROGRESS, connect(fd, &stuck.addr.u.any, stuck.addr.len));
	CHECK_FAILS(EINPROGRESS, mio_source_connect_result(&stuck.c));
	/* Room for this one, which tries again after a second. */
	close(stuck.filler[--stuck.fillers]);
	for (int i = 0; i < stuck.fillers; ++i)
		close(accept(stuck.listener, NULL, NULL));
	WAIT(&loop, A, W);
	CHECK_INT(0, mio_source_connect_result(&stuck.c));
	stuck_close(&stuck);
	loop_close(&loop);
}

/* Scope and flow information come back as they were given. */
TEST(regr_ipv6_scope_and_flow_of_addresses, "udp-25 udp-01 tcps-32")
{
#ifdef __linux__
	struct addr addr = loopback(AF_INET6), seen;
	struct mio_source a = MIO_SOURCE_INIT;
	unsigned lo = if_nametoindex("lo");
	int on = 1;

	NEED_IPV6();
	/* A group of the link: such an address has no meaning without. */
	CHECK_INT(
	    1, inet_pton(AF_INET6, "ff12::6d69:6f", &addr.u.v6.sin6_addr));
	CHECK_FAILS(EINVAL, mio_udp_bind(&a, &addr.u.any, addr.len));
	addr.u.v6.sin6_scope_id = lo;
	CHECK_INT(0, mio_udp_bind(&a, &addr.u.any, addr.len));
	seen = local_addr(&a);
	CHECK_INT(sizeof(struct sockaddr_in6), seen.len);
	CHECK_INT(lo, seen.u.v6.sin6_scope_id);
	CHECK_INT(0, seen.u.v6.sin6_flowinfo);
	ck_assert_mem_eq(&seen.u.v6.sin6_addr, &addr.u.v6.sin6_addr,
	    sizeof(seen.u.v6.sin6_addr));
	shut(&a);
	/* A traffic class; a flow label would have to be leased. */
	addr = loopback(AF_INET6);
	CHECK_INT(0, mio_udp_bind(&a, &addr.u.any, addr.len));
	CHECK_INT(0,
	    setsockopt(mio_source_handle(&a), IPPROTO_IPV6,
		33 /* IPV6_FLOWINFO_SEND */, &on, sizeof(on)));
	addr = local_addr(&a);
	addr.u.v6.sin6_flowinfo = htonl(0x02a00000);
	CHECK_INT(0, mio_source_connect(&a, &addr.u.any, addr.len));
	seen = peer_addr(&a);
	CHECK_INT(sizeof(struct sockaddr_in6), seen.len);
	ck_assert_mem_eq(&seen.u.v6, &addr.u.v6, sizeof(addr.u.v6));
	shut(&a);
#else
	SKIP("what Linux does");
#endif
}

TEST_NEEDS(regr_ipv6_scope_of_a_connection, "tcps-32 tcpl-03 udp-03",
    NEEDS_PROCESS)
{
#ifdef __linux__
	/* Linux's struct in6_ifreq, with room for what others expect. */
	union {
		struct {
			struct in6_addr addr;
			uint32_t prefix;
			int index;
		} in6;
		struct ifreq room;
	} request;
	struct mio_source l = MIO_SOURCE_INIT, c = MIO_SOURCE_INIT;
	struct mio_source s = MIO_SOURCE_INIT, u = MIO_SOURCE_INIT;
	struct addr addr = loopback(AF_INET6), seen;
	const int64_t end = now_ns() + (int64_t)(5e9 * slowness());
	char byte;
	int fd;

	NEED_IPV6();
	NEED_OWN_NETWORK();
	loopback_up();
	memset(&request, 0, sizeof(request));
	CHECK_INT(
	    1, inet_pton(AF_INET6, "fe80::6d69:6f", &request.in6.addr));
	request.in6.prefix = 64;
	request.in6.index = (int)if_nametoindex("lo");
	CHECK_CALL(fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	CHECK_INT(0, ioctl(fd, SIOCSIFADDR, &request));
	close(fd);
	addr.u.v6.sin6_addr = request.in6.addr;
	CHECK_FAILS(EINVAL, mio_tcp_listen(&l, &addr.u.any, addr.len));
	addr.u.v6.sin6_scope_id = (uint32_t)request.in6.index;
	/* It may take a moment until the address can be used. */
	while (mio_tcp_listen(&l, &addr.u.any, addr.len) == -1) {
		CHECK_INT(EADDRNOTAVAIL, errno);
		ck_assert_int_lt(now_ns(), end);
		pause_ms(1);
	}
	seen = local_addr(&l);
	CHECK_INT(addr.u.v6.sin6_scope_id, seen.u.v6.sin6_scope_id);
	addr = seen;
	CHECK_INT(0, mio_tcp_connect(&c, &addr.u.any, addr.len));
	await_fd(mio_source_handle(&l), POLLIN);
	seen.len = sizeof(seen.u);
	CHECK_INT(0, mio_source_accept(&l, &s, &seen.u.any, &seen.len));
	CHECK_INT(addr.u.v6.sin6_scope_id, seen.u.v6.sin6_scope_id);
	seen = peer_addr(&c);
	ck_assert_mem_eq(&seen.u.v6, &addr.u.v6, sizeof(addr.u.v6));
	seen = local_addr(&s);
	ck_assert_mem_eq(&seen.u.v6, &addr.u.v6, sizeof(addr.u.v6));
	/* And of a datagram's sender. */
	addr.u.v6.sin6_port = 0;
	CHECK_INT(0, mio_udp_bind(&u, &addr.u.any, addr.len));
	addr = local_addr(&u);
	CHECK_INT(
	    1, mio_source_sendto(&u, "x", 1, 0, &addr.u.any, addr.len));
	seen.len = sizeof(seen.u);
	memset(&seen.u, 0x5a, sizeof(seen.u));
	await_fd(mio_source_handle(&u), POLLIN);
	CHECK_INT(1,
	    mio_source_recvfrom(
		&u, &byte, 1, 0, &seen.u.any, &seen.len));
	ck_assert_mem_eq(&seen.u.v6, &addr.u.v6, sizeof(addr.u.v6));
	shut(&u);
	shut(&s);
	shut(&c);
	shut(&l);
#else
	SKIP("what Linux does");
#endif
}

/* A Unix address at an odd place. */
static struct sockaddr_un *
misplace(unsigned char *room, const struct name *name)
{
	memset(room, 0x5a, sizeof(name->addr) + 2);
	memcpy(room + 1, &name->addr, (size_t)name->len);
	return (struct sockaddr_un *)(void *)(room + 1);
}

TEST(regr_unaligned_unix_addresses, "uds-09 uds-18 udg-10")
{
	unsigned char room[sizeof(struct sockaddr_un) + 2];
	struct mio_source l = MIO_SOURCE_INIT, c = MIO_SOURCE_INIT;
	struct mio_source s = MIO_SOURCE_INIT, d = MIO_SOURCE_INIT;
	struct name stream, dgram, seen;
	struct sockaddr_un *odd;
	socklen_t len;
	char byte;

	dir_open();
	stream = path_name("stream");
	dgram = path_name("dgram");
	odd = misplace(room, &stream);
	CHECK_INT(0, mio_unix_listen_addr(&l, odd, stream.len));
	CHECK_INT(0, mio_unix_connect_addr(&c, odd, stream.len));
	memset(room, 0x5a, sizeof(room));
	len = sizeof(struct sockaddr_un);
	await_fd(mio_source_handle(&l), POLLIN);
	CHECK_INT(
	    0, mio_source_accept(&l, &s, (struct sockaddr *)odd, &len));
	CHECK_INT(PATH_OFFSET, len);
	len = sizeof(struct sockaddr_un);
	CHECK_INT(0,
	    mio_source_peer_addr(&c, (struct sockaddr *)odd, &len));
	CHECK_INT(stream.len - 1, len); /* no NUL */
	ck_assert_mem_eq(room + 1, &stream.addr, len);
	odd = misplace(room, &dgram);
	CHECK_INT(0, mio_unix_dgram_bind_addr(&d, odd, dgram.len));
	CHECK_INT(0,
	    mio_source_connect(&d, (struct sockaddr *)odd, dgram.len));
	/* BSD takes no address where there is a peer. */
	if (mio_source_sendto(
		&d, "x", 1, 0, (struct sockaddr *)odd, dgram.len) == -1) {
		ck_assert(ELSEWHERE && errno == EISCONN);
		put(&d, "x");
	}
	memset(room, 0x5a, sizeof(room));
	len = sizeof(struct sockaddr_un);
	CHECK_INT(1,
	    mio_source_recvfrom(
		&d, &byte, 1, 0, (struct sockaddr *)odd, &len));
	CHECK_INT(dgram.len - 1, len);
	ck_assert_mem_eq(room + 1, &dgram.addr, len);
	/* What is made there is whole, and nothing beside it touched. */
	memset(room, 0x5a, sizeof(room));
	CHECK_INT(0, mio_unix_addr(odd, &len, "stream", 6));
	CHECK_INT(stream.len, len);
	ck_assert_mem_eq(room + 1, &stream.addr, sizeof(stream.addr));
	CHECK_INT(0x5a, room[0]);
	CHECK_INT(0x5a, room[sizeof(room) - 1]);
	seen = local_name(&l);
	same_name(&stream, &seen);
	shut(&d);
	shut(&s);
	shut(&c);
	shut(&l);
	dir_close();
}

static volatile sig_atomic_t alarms;

static void
on_alarm(int number)
{
	(void)number;
	++alarms;
}

/* The caller waits for the rest again; that comes to the time it wanted. */
TEST_NEEDS(regr_signals_keep_the_callers_deadline, "poll-06 poll-07 regr-22",
    NEEDS_SIGNALS)
{
	struct itimerval timer = { { 0, 10000 }, { 0, 10000 } };
	const int64_t want = 400 * MIO_MSEC;
	struct sigaction action;
	struct pair pair;
	struct loop loop;
	int interrupted = 0;
	int64_t begin, left;

	loop_open(&loop);
	PAIR(&pair);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, A, R));
	memset(&action, 0, sizeof(action));
	action.sa_handler = on_alarm;
	action.sa_flags = SA_RESTART;
	CHECK_INT(0, sigaction(SIGALRM, &action, NULL));
	CHECK_INT(0, setitimer(ITIMER_REAL, &timer, NULL));
	begin = now_ns();
	while ((left = begin + want - now_ns()) > 0) {
		int64_t before = now_ns();
		int n = mio_poll(loop.poll, loop.events, left);

		ck_assert_uint_eq(mio_events_count(loop.events), 0);
		if (n == -1) {
			ck_assert_int_eq(errno, EINTR);
			++interrupted;
		} else {
			ck_assert_int_eq(n, 0);
			ck_assert_int_ge(now_ns() - before, left);
		}
	}
	ck_assert_int_lt(
	    now_ns() - begin, want + (int64_t)(3e9 * slowness()));
	ck_assert_int_gt(interrupted, 0);
	/* And an event is not lost among them. */
	put(&pair.b, "x");
	while (mio_poll(loop.poll, loop.events, MIO_SEC) == -1)
		ck_assert_int_eq(errno, EINTR);
	CHECK_INT(R, loop_flags(&loop, A) & R);
	memset(&timer, 0, sizeof(timer));
	CHECK_INT(0, setitimer(ITIMER_REAL, &timer, NULL));
	ck_assert_int_gt(alarms, 0);
	pair_close(&pair);
	loop_close(&loop);
}

/* For a loop that is not ours: its poll(2) comes first, ours later. */
TEST(regr_handle_is_ready_before_any_poll, "poll-23")
{
	struct mio_source receiver = MIO_SOURCE_INIT;
	struct mio_source sender = MIO_SOURCE_INIT;
	struct mio_waker *waker;
	struct loop loop;
	struct pollfd entry = { -1, POLLIN, 0 };

	loop_open(&loop);
	if (selector_is("poll")) {
		CHECK_FAILS(ENOTSUP, mio_poll_handle(loop.poll));
		loop_close(&loop);
		return;
	}
	entry.fd = mio_poll_handle(loop.poll);
	ck_assert_int_ge(entry.fd, 0);
	CHECK_INT(0, mio_pipe_new(&receiver, &sender));
	CHECK_INT(0, mio_waker_new(&waker, loop.registry, WAKE));
	CHECK_INT(0, mio_registry_register(loop.registry, &receiver, A, R));
	CHECK_INT(0, poll(&entry, 1, 50));
	put(&sender, "x");
	await_fd(entry.fd, POLLIN);
	CHECK_INT(1, loop_poll(&loop, 0));
	CHECK_INT(R, loop_flags(&loop, A) & R);
	CHECK_INT(1, drain(&receiver));
	CHECK_INT(0, poll(&entry, 1, 50));
	/* The waker reaches that loop, too. */
	CHECK_INT(0, mio_waker_wake(waker));
	await_fd(entry.fd, POLLIN);
	CHECK_INT(1, loop_poll(&loop, 0));
	CHECK_INT(R, loop_flags(&loop, WAKE) & R);
	CHECK_INT(0, poll(&entry, 1, 50));
	mio_waker_free(waker);
	shut(&receiver);
	shut(&sender);
	loop_close(&loop);
}

TEST(regr_wakes_and_events, "wak-02 wak-13")
{
	struct mio_waker *waker;
	struct loop loop;

	loop_open(&loop);
	CHECK_INT(0, mio_waker_new(&waker, loop.registry, WAKE));
	/* Nobody drains between them: two wakes, two events. */
	for (int i = 0; i < 4; ++i) {
		CHECK_INT(0, mio_waker_wake(waker));
		CHECK_INT(1, loop_poll(&loop, 5 * MIO_SEC));
		CHECK_INT(R, loop_flags(&loop, WAKE) & R);
	}
	for (int i = 0; i < 5; ++i)
		CHECK_INT(0, mio_waker_wake(waker));
	CHECK_INT(1, loop_poll(&loop, 5 * MIO_SEC));
	CHECK_INT(0, loop_poll(&loop, 0));
	mio_waker_free(waker);
	loop_close(&loop);
}

/* Each kind of a connected source `a` and its peer. */
typedef int pair_call(struct mio_source *a, struct mio_source *b);

static int
tcp_pair(struct mio_source *a, struct mio_source *b)
{
	struct pair pair;

	PAIR(&pair);
	*a = pair.a;
	*b = pair.b;
	return 0;
}

static int
udp_pair(struct mio_source *a, struct mio_source *b)
{
	struct addr addr = loopback(AF_INET), at_a, at_b;

	CHECK_INT(0, mio_udp_bind(a, &addr.u.any, addr.len));
	CHECK_INT(0, mio_udp_bind(b, &addr.u.any, addr.len));
	at_a = local_addr(a);
	at_b = local_addr(b);
	CHECK_INT(0, mio_source_connect(a, &at_b.u.any, at_b.len));
	CHECK_INT(0, mio_source_connect(b, &at_a.u.any, at_a.len));
	return 0;
}

static pair_call *const pair_calls[] = { tcp_pair, udp_pair, mio_unix_pair,
	mio_unix_dgram_pair, mio_pipe_new };

TEST(regr_duplicate_of_a_deregistered_source_is_silent,
    "fd-08 pipe-10 close-01 reg-11")
{
	for (size_t i = 0; i < LEN(pair_calls); ++i) {
		struct mio_source a = MIO_SOURCE_INIT, b = MIO_SOURCE_INIT;
		struct loop loop;
		int copy;

		loop_open(&loop);
		CHECK_INT(0, pair_calls[i](&a, &b));
		CHECK_INT(
		    0, mio_registry_register(loop.registry, &a, A, R));
		QUIET(&loop);
		copy = fcntl(mio_source_handle(&a), F_DUPFD_CLOEXEC, 0);
		CHECK_CALL(copy);
		CHECK_INT(0, mio_registry_deregister(loop.registry, &a));
		CHECK_INT(0, mio_source_close(&a));
		put(&b, "x");
		await_fd(copy, POLLIN);
		QUIET(&loop);
		close(copy);
		QUIET(&loop);
		shut(&b);
		loop_close(&loop);
	}
}

/* No end of file, but EAGAIN, however often the kernel calls it readable. */
TEST(regr_datagram_socket_shut_for_reading_is_silent, "poll-11 poll-13")
{
	static const struct {
		pair_call *pair;
		int how;
		unsigned interests;
	} cases[] = {
		{ mio_unix_dgram_pair, SHUT_RD, R },
		{ mio_unix_dgram_pair, SHUT_RDWR, R },
		{ mio_unix_dgram_pair, SHUT_RDWR, R | W },
		{ mio_unix_dgram_pair, SHUT_RDWR, W },
		{ udp_pair, SHUT_RD, R },
		{ udp_pair, SHUT_RDWR, R },
	};

	for (size_t i = 0; i < LEN(cases); ++i) {
		struct mio_source a = MIO_SOURCE_INIT, b = MIO_SOURCE_INIT;
		struct loop loop;
		bool silent = true;
		char buf[8];

		loop_open(&loop);
		CHECK_INT(0, cases[i].pair(&a, &b));
		CHECK_INT(0, mio_source_shutdown(&a, cases[i].how));
		CHECK_INT(0,
		    mio_registry_register(
			loop.registry, &a, A, cases[i].interests));
		/* To be told of it is fine, but not for ever. */
		for (int told = 0; mio_poll(loop.poll, loop.events, 0) > 0;
		     ++told) {
			ck_assert_int_lt(told, 5);
			if (mio_source_recv(&a, buf, sizeof(buf), 0) == 0)
				break; /* elsewhere an end of file */
			if (!tells_ends()) {
				/* poll(2) and recv(2) contradict each other. */
				silent = false;
				break;
			}
		}
		if (silent)
			QUIET(&loop);
		shut(&a);
		shut(&b);
		loop_close(&loop);
	}
}

TEST(regr_closed_after_register_is_silent, "close-01 pipe-10")
{
	for (size_t i = 0; i < LEN(pair_calls); ++i) {
		struct mio_source a = MIO_SOURCE_INIT, b = MIO_SOURCE_INIT;
		struct loop loop;

		loop_open(&loop);
		CHECK_INT(0, pair_calls[i](&a, &b));
		put(&b, "x");
		await_fd(mio_source_handle(&a), POLLIN);
		CHECK_INT(
		    0, mio_registry_register(loop.registry, &a, A, R));
		CHECK_INT(0, mio_source_close(&a));
		QUIET(&loop);
		shut(&b);
		loop_close(&loop);
	}
}

TEST(regr_failing_register_disturbs_nobody, "reg-19 fd-04 fd-03")
{
	struct mio_source none = MIO_SOURCE_INIT, file = MIO_SOURCE_INIT;
	struct loop loop, other;
	struct pair pair, foreign;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), dir;

	CHECK_CALL(fd);
	CHECK_CALL(dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	loop_open(&loop);
	loop_open(&other);
	PAIR(&pair);
	PAIR(&foreign);
	CHECK_INT(0, mio_source_from_fd(&file, dir));
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, A, R));
	CHECK_INT(0, mio_registry_register(other.registry, &foreign.a, B, R));
	for (int turn = 0; turn < 3; ++turn) {
		CHECK_FAILS(EBADF,
		    mio_registry_register(loop.registry, &none, B, R));
		CHECK_FAILS(EPERM,
		    mio_registry_register(loop.registry, &file, B, R));
		CHECK_FAILS(EPERM,
		    mio_registry_register_fd(loop.registry, dir, B, R));
		CHECK_FAILS(EINVAL,
		    mio_registry_register(loop.registry, &pair.b, B, 0));
		CHECK_FAILS(EEXIST,
		    mio_registry_register(loop.registry, &pair.a, B, R));
		CHECK_FAILS(EEXIST,
		    mio_registry_register(loop.registry, &foreign.a, B, R));
		CHECK_FAILS(ENOENT,
		    mio_registry_deregister(loop.registry, &pair.b));
		put(&pair.b, "x");
		WAIT(&loop, A, R);
		CHECK_INT(0, loop_flags(&loop, B));
		CHECK_INT(1, drain(&pair.a));
		QUIET(&loop);
		put(&foreign.b, "x");
		WAIT(&other, B, R);
		CHECK_INT(1, drain(&foreign.a));
	}
	shut(&file);
	close(fd);
	pair_close(&foreign);
	pair_close(&pair);
	loop_close(&other);
	loop_close(&loop);
}

/* Constructors, as far as descriptors go. */
struct stock {
	struct addr addr;
	struct mio_source l, out[2];
};

static int
make_udp(struct stock *stock)
{
	struct addr addr = loopback(AF_INET);

	return mio_udp_bind(&stock->out[0], &addr.u.any, addr.len);
}

static int
make_listener(struct stock *stock)
{
	return mio_unix_listen(&stock->out[0], "made");
}

static int
make_stream(struct stock *stock)
{
	return mio_unix_connect(&stock->out[0], "l");
}

static int
make_accepted(struct stock *stock)
{
	return mio_source_accept(&stock->l, &stock->out[0], NULL, NULL);
}

static int
make_pair(struct stock *stock)
{
	return mio_unix_pair(&stock->out[0], &stock->out[1]);
}

static int
make_bound(struct stock *stock)
{
	return mio_unix_dgram_bind(&stock->out[0], "made");
}

static int
make_unbound(struct stock *stock)
{
	return mio_unix_dgram_unbound(&stock->out[0]);
}

static int
make_dgram_pair(struct stock *stock)
{
	return mio_unix_dgram_pair(&stock->out[0], &stock->out[1]);
}

static const struct {
	int (*make)(struct stock *stock);
	int takes; /* descriptors */
} constructors[] = { { make_udp, 1 }, { make_listener, 1 },
	{ make_stream, 1 }, { make_accepted, 1 }, { make_pair, 2 },
	{ make_bound, 1 }, { make_unbound, 1 }, { make_dgram_pair, 2 } };

/* With `spare` descriptors to be had; returns errno, 0 if it works. */
static int
make_with(struct stock *stock, size_t which, int spare)
{
	struct rlimit saved, limit;
	int error, lowest = dup(0);

	CHECK_CALL(lowest);
	close(lowest);
	CHECK_INT(0, getrlimit(RLIMIT_NOFILE, &saved));
	limit = saved;
	limit.rlim_cur = (rlim_t)(lowest + spare);
	CHECK_INT(0, setrlimit(RLIMIT_NOFILE, &limit));
	error = constructors[which].make(stock) == -1 ? errno : 0;
	CHECK_INT(0, setrlimit(RLIMIT_NOFILE, &saved));
	return error;
}

TEST_NEEDS(regr_no_descriptor_to_be_had, "udp-01 uds-01 uds-11 udg-01",
    NEEDS_LIMITS)
{
	struct stock stock;
	struct mio_source fresh = MIO_SOURCE_INIT, client = fresh;

	if (under_valgrind())
		SKIP("valgrind plays the limit itself, after the call");
	dir_open();
	stock.l = fresh;
	CHECK_INT(0, mio_unix_listen(&stock.l, "l"));
	CHECK_INT(0, mio_unix_connect(&client, "l"));
	for (size_t i = 0; i < LEN(constructors); ++i) {
		size_t fds = fds_count();
		struct mio_source before[2];

		memset(&stock.out, 0x5a, sizeof(stock.out));
		memcpy(before, stock.out, sizeof(before));
		for (int spare = 0; spare < constructors[i].takes; ++spare) {
			CHECK_INT(EMFILE, make_with(&stock, i, spare));
			ck_assert_mem_eq(
			    &stock.out, before, sizeof(before));
			CHECK_INT(fds, fds_count());
		}
		CHECK_INT(0, make_with(&stock, i, constructors[i].takes));
		CHECK_INT(fds + (size_t)constructors[i].takes, fds_count());
		for (int j = 0; j < constructors[i].takes; ++j) {
			int fd = mio_source_handle(&stock.out[j]);

			ck_assert(is_cloexec(fd));
			ck_assert(is_nonblocking(fd));
			shut(&stock.out[j]);
		}
		if (access("made", F_OK) == 0)
			CHECK_INT(0, unlink("made"));
	}
	shut(&client);
	shut(&stock.l);
	dir_close();
}

/* An end of a proxied connection: when it goes, its partner goes too. */
struct end {
	struct mio_source source;
	struct end *partner;
};

TEST(regr_forgotten_before_it_is_freed, "evt-04 reg-13")
{
	enum { PAIRS = 4 };
	struct loop loop;
	struct end *ends[2 * PAIRS];
	struct mio_source peers[2 * PAIRS];
	size_t visited = 0;

	loop_open(&loop);
	for (size_t i = 0; i < LEN(ends); ++i) {
		struct mio_source fresh = MIO_SOURCE_INIT;

		peers[i] = fresh;
		ends[i] = calloc(1, sizeof(*ends[i]));
		ck_assert_ptr_nonnull(ends[i]);
		ends[i]->source = fresh;
		CHECK_INT(0, mio_unix_pair(&ends[i]->source, &peers[i]));
		put(&peers[i], "x");
		CHECK_INT(0,
		    mio_registry_register(loop.registry, &ends[i]->source,
			(mio_token)ends[i], R));
	}
	for (size_t i = 0; i < LEN(ends); ++i)
		ends[i]->partner = ends[i ^ 1];
	CHECK_INT(LEN(ends), loop_poll(&loop, 5 * MIO_SEC));
	MIO_EVENTS_FOREACH(event, loop.events) {
		struct end *end = (struct end *)event->token;
		struct end *partner = end->partner;

		++visited;
		ck_assert_ptr_eq(partner->partner, end);
		mio_events_forget(loop.events, (mio_token)partner);
		mio_events_forget(loop.events, (mio_token)end);
		CHECK_INT(0, mio_source_close(&partner->source));
		CHECK_INT(0, mio_source_close(&end->source));
		/* Who visits one of them now will see it. */
		memset(partner, 0, sizeof(*partner));
		memset(end, 0, sizeof(*end));
		free(partner);
		free(end);
	}
	CHECK_INT(PAIRS, visited);
	CHECK_INT(LEN(ends), mio_events_count(loop.events));
	QUIET(&loop);
	for (size_t i = 0; i < LEN(ends); ++i)
		shut(&peers[i]);
	loop_close(&loop);
}

TEST(regr_exclusive_goes_with_little, "int-04 int-12 reg-21")
{
	static const unsigned refused[] = { R | P | MIO_EXCLUSIVE,
		P | MIO_EXCLUSIVE, W | P | MIO_EXCLUSIVE, MIO_EXCLUSIVE };
	struct loop loop;
	struct pair pair;

	loop_open(&loop);
	PAIR(&pair);
	if (!selector_is("epoll")) {
		CHECK_FAILS(ENOTSUP,
		    mio_registry_register(
			loop.registry, &pair.a, A, R | MIO_EXCLUSIVE));
		CHECK_FAILS(ENOTSUP,
		    mio_registry_register_fd(loop.registry,
			mio_source_handle(&pair.a), A, W | MIO_EXCLUSIVE));
		CHECK_INT(
		    0, mio_registry_register(loop.registry, &pair.a, A, R));
		CHECK_FAILS(ENOTSUP,
		    mio_registry_reregister(
			loop.registry, &pair.a, B, R | MIO_EXCLUSIVE));
		put(&pair.b, "x");
		WAIT(&loop, A, R);
		pair_close(&pair);
		loop_close(&loop);
		return;
	}
	for (size_t i = 0; i < LEN(refused); ++i)
		CHECK_FAILS(EINVAL,
		    mio_registry_register(
			loop.registry, &pair.a, A, refused[i]));
	CHECK_FAILS(ENOENT, mio_registry_deregister(loop.registry, &pair.a));
	CHECK_INT(0,
	    mio_registry_register(
		loop.registry, &pair.a, A, R | MIO_EXCLUSIVE));
	CHECK_FAILS(EINVAL,
	    mio_registry_reregister(loop.registry, &pair.a, B, R));
	CHECK_FAILS(EINVAL,
	    mio_registry_reregister(
		loop.registry, &pair.a, B, R | MIO_EXCLUSIVE));
	put(&pair.b, "x");
	WAIT(&loop, A, R);
	CHECK_INT(1, drain(&pair.a));
	QUIET(&loop);
	CHECK_INT(0, mio_registry_deregister(loop.registry, &pair.a));
	put(&pair.b, "x");
	QUIET(&loop);
	/* One that was not exclusive does not become so. */
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, A, R));
	CHECK_FAILS(EINVAL,
	    mio_registry_reregister(
		loop.registry, &pair.a, B, R | MIO_EXCLUSIVE));
	WAIT(&loop, A, R);
	pair_close(&pair);
	loop_close(&loop);
}

#ifdef __linux__
/* One of two threads that share a listener. */
struct worker {
	struct mio_poll *poll;
	struct mio_events *events;
	struct mio_waker *waker;
	pthread_t thread;
	atomic_int tid;
	atomic_bool waits, stop;
	atomic_int wakes; /* events of the listener */
};

static void *
work(void *arg)
{
	struct worker *worker = arg;

	atomic_store(&worker->tid, (int)syscall(SYS_gettid));
	while (!atomic_load(&worker->stop)) {
		atomic_store(&worker->waits, true);
		CHECK_CALL(mio_poll(
		    worker->poll, worker->events, 20 * MIO_SEC));
		atomic_store(&worker->waits, false);
		MIO_EVENTS_FOREACH(event, worker->events)
			if (event->token == A)
				atomic_fetch_add(&worker->wakes, 1);
	}
	return NULL;
}

static void
worker_start(struct worker *worker, const struct mio_source *listener,
    unsigned interests)
{
	memset(worker, 0, sizeof(*worker));
	CHECK_INT(0, mio_poll_new_backend(&worker->poll, backend()));
	CHECK_INT(0, mio_events_new(&worker->events, 16));
	CHECK_INT(0,
	    mio_waker_new(
		&worker->waker, mio_poll_registry(worker->poll), WAKE));
	CHECK_INT(0,
	    mio_registry_register_fd(mio_poll_registry(worker->poll),
		mio_source_handle(listener), A, interests));
	worker->thread = thread_start(work, worker);
}

static void
worker_stop(struct worker *worker)
{
	atomic_store(&worker->stop, true);
	CHECK_INT(0, mio_waker_wake(worker->waker));
	thread_join(worker->thread);
	mio_waker_free(worker->waker);
	mio_events_free(worker->events);
	mio_poll_free(worker->poll);
}

/* It is in its system call, as far as can be seen from outside. */
static void
await_sleep(const struct worker *worker)
{
	const int64_t end = now_ns() + (int64_t)(5e9 * slowness());
	char path[64], line[256];

	for (int seen = 0; seen < 2;) {
		const char *state = NULL;
		FILE *file;

		ck_assert_msg(now_ns() < end, "the thread does not wait");
		pause_ms(1);
		if (!atomic_load(&worker->waits))
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%d/stat",
		    atomic_load(&worker->tid));
		file = fopen(path, "r");
		ck_assert_ptr_nonnull(file);
		if (fgets(line, sizeof(line), file) != NULL)
			state = strrchr(line, ')');
		fclose(file);
		seen = state != NULL && state[1] == ' ' && state[2] == 'S'
		    ? seen + 1
		    : 0;
	}
}

static int
wakes_of(const struct worker *workers)
{
	return atomic_load(&workers[0].wakes) +
	    atomic_load(&workers[1].wakes);
}

/*
 * Returns how many wake-ups `rounds` connections, one at a time, cost, each
 * at least `each`.  They are accepted here, not by the workers: epoll looks
 * again before it reports, and would hide a thread woken too late.
 */
static int
connect_to_workers(unsigned interests, int rounds, int each)
{
	struct mio_source l = MIO_SOURCE_INIT;
	struct addr addr = listen_on(&l, AF_INET);
	struct worker workers[2];
	int wakes = 0;

	for (int i = 0; i < 2; ++i)
		worker_start(&workers[i], &l, interests);
	for (int round = 0; round < rounds; ++round) {
		const int64_t end = now_ns() + (int64_t)(5e9 * slowness());
		struct mio_source c = MIO_SOURCE_INIT;

		for (int i = 0; i < 2; ++i)
			await_sleep(&workers[i]);
		CHECK_INT(0, mio_tcp_connect(&c, &addr.u.any, addr.len));
		while (wakes_of(workers) < wakes + each) {
			ck_assert_msg(now_ns() < end, "%d wake-ups, not %d",
			    wakes_of(workers) - wakes, each);
			pause_ms(1);
		}
		/* Time for one who should not have been woken. */
		pause_ms(5);
		CHECK_INT(1, drain_accept(&l));
		shut(&c);
		wakes = wakes_of(workers);
	}
	for (int i = 0; i < 2; ++i)
		worker_stop(&workers[i]);
	shut(&l);
	return wakes;
}
#endif

TEST_NEEDS(regr_exclusive_wakes_no_herd, "int-12 poll-27", NEEDS_THREADS)
{
#ifdef __linux__
	enum { ROUNDS = 20 };

	if (!selector_is("epoll"))
		SKIP("EPOLLEXCLUSIVE is epoll's");
	if (access("/proc/self/task", R_OK) == -1)
		SKIP("no /proc, which tells when a thread sleeps");
	ck_assert_int_ge(connect_to_workers(R, ROUNDS, 2), 2 * ROUNDS);
	/* Now and then the kernel finds nobody asleep, and tells both. */
	ck_assert_int_lt(connect_to_workers(R | MIO_EXCLUSIVE, ROUNDS, 1),
	    3 * ROUNDS / 2);
#else
	SKIP("EPOLLEXCLUSIVE is Linux's");
#endif
}

SUITE(regr, &regr_connect_times_out, &regr_connect_without_a_route,
    &regr_connect_finds_its_host_unreachable,
    &regr_connect_result_of_unix_streams,
    &regr_unconnected_tcp_socket_reports_and_connects,
    &regr_connect_begun_behind_the_back,
    &regr_ipv6_scope_and_flow_of_addresses, &regr_ipv6_scope_of_a_connection,
    &regr_unaligned_unix_addresses, &regr_signals_keep_the_callers_deadline,
    &regr_handle_is_ready_before_any_poll, &regr_wakes_and_events,
    &regr_duplicate_of_a_deregistered_source_is_silent,
    &regr_datagram_socket_shut_for_reading_is_silent,
    &regr_closed_after_register_is_silent,
    &regr_failing_register_disturbs_nobody, &regr_no_descriptor_to_be_had,
    &regr_forgotten_before_it_is_freed, &regr_exclusive_goes_with_little,
    &regr_exclusive_wakes_no_herd);
