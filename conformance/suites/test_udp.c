/* SPDX-License-Identifier: MIT */
/* UDP sockets. */

#include "config.h"

#include "harness.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

enum { A = 1, B = 2, C = 3 };

/* One test for each family. */
#define BOTH(name, rows)                                                     \
	static void name(int family);                                        \
	TEST(name##_v4, rows)                                                \
	{                                                                    \
		name(AF_INET);                                               \
	}                                                                    \
	TEST(name##_v6, rows)                                                \
	{                                                                    \
		NEED_IPV6();                                                 \
		name(AF_INET6);                                              \
	}                                                                    \
	static void name(int family)

static struct addr
bind_udp(struct mio_source *socket, int family)
{
	struct mio_source fresh = MIO_SOURCE_INIT;
	struct addr addr = loopback(family);

	*socket = fresh;
	CHECK_INT(0, mio_udp_bind(socket, &addr.u.any, addr.len));
	return local_addr(socket);
}

/* Two sockets and their addresses; `linked`: connected to each other. */
struct two {
	struct mio_source a, b;
	struct addr at_a, at_b;
};

static void
two_open(struct two *two, int family, bool linked)
{
	two->at_a = bind_udp(&two->a, family);
	two->at_b = bind_udp(&two->b, family);
	if (!linked)
		return;
	CHECK_INT(0,
	    mio_source_connect(&two->a, &two->at_b.u.any, two->at_b.len));
	CHECK_INT(0,
	    mio_source_connect(&two->b, &two->at_a.u.any, two->at_a.len));
}

static void
two_close(struct two *two)
{
	shut(&two->a);
	shut(&two->b);
}

static void
send_to(
    const struct mio_source *from, const struct addr *to, const char *text)
{
	CHECK_INT(strlen(text),
	    mio_source_sendto(
		from, text, strlen(text), 0, &to->u.any, to->len));
}

/* The datagram at hand is `text`, and `sender` (if not NULL) sent it. */
static void
receive(const struct mio_source *socket, int flags, const char *text,
    const struct addr *sender)
{
	char buf[256];
	struct addr from;

	memset(&from, 0x5a, sizeof(from));
	from.len = sizeof(from.u);
	await_fd(mio_source_handle(socket), POLLIN);
	CHECK_INT(strlen(text),
	    mio_source_recvfrom(
		socket, buf, sizeof(buf), flags, &from.u.any, &from.len));
	ck_assert_mem_eq(buf, text, strlen(text));
	if (sender == NULL)
		return;
	CHECK_INT(sender->len, from.len);
	ck_assert(addr_equal(sender, &from));
}

static void
nothing_to_receive(const struct mio_source *socket)
{
	char buf[16];
	struct addr from = loopback(AF_INET);

	CHECK_FAILS(EAGAIN, mio_source_recv(socket, buf, sizeof(buf), 0));
	CHECK_FAILS(
	    EAGAIN, mio_source_recv(socket, buf, sizeof(buf), MSG_PEEK));
	CHECK_FAILS(EAGAIN,
	    mio_source_recvfrom(
		socket, buf, sizeof(buf), 0, &from.u.any, &from.len));
	CHECK_FAILS(EAGAIN,
	    mio_source_recvfrom(socket, buf, sizeof(buf), MSG_PEEK,
		&from.u.any, &from.len));
	CHECK_FAILS(EAGAIN, mio_source_read(socket, buf, sizeof(buf)));
}

static void
no_error(const struct mio_source *socket)
{
	int error = -1;

	CHECK_INT(0, mio_source_take_error(socket, &error));
	CHECK_INT(0, error);
}

BOTH(udp_bind_makes_a_socket, "udp-01")
{
	struct mio_source a = MIO_SOURCE_INIT;
	struct addr addr = bind_udp(&a, family);
	int type = 0;
	socklen_t len = sizeof(type);

	ck_assert(is_nonblocking(mio_source_handle(&a)));
	ck_assert(is_cloexec(mio_source_handle(&a)));
	CHECK_INT(0,
	    getsockopt(
		mio_source_handle(&a), SOL_SOCKET, SO_TYPE, &type, &len));
	CHECK_INT(SOCK_DGRAM, type);
	CHECK_INT(family, addr.u.any.sa_family);
	ck_assert(addr_is_loopback(&addr));
	/* At the same place in both families. */
	ck_assert_uint_ne(addr.u.v4.sin_port, 0);
	no_error(&a);
	shut(&a);
}

BOTH(udp_bind_from_any_alignment, "udp-01")
{
	struct mio_source a = MIO_SOURCE_INIT;
	struct addr addr = loopback(family), seen;
	unsigned char room[sizeof(addr.u) + 1];
	struct sockaddr *odd = (struct sockaddr *)(void *)(room + 1);
	socklen_t len = sizeof(room) - 1;

	memcpy(room + 1, &addr.u, (size_t)addr.len);
	CHECK_INT(0, mio_udp_bind(&a, odd, addr.len));
	CHECK_INT(0, mio_source_local_addr(&a, odd, &len));
	CHECK_INT(addr.len, len);
	seen = local_addr(&a);
	ck_assert_mem_eq(room + 1, &seen.u, len);
	CHECK_INT(0, mio_source_connect(&a, odd, len));
	put(&a, "self");
	receive(&a, 0, "self", &seen);
	shut(&a);
}

TEST(udp_bind_that_fails_leaves_nothing, "udp-01")
{
	struct addr v4 = loopback(AF_INET), v6 = loopback(AF_INET6), used;
	struct mio_source a = MIO_SOURCE_INIT, out = MIO_SOURCE_INIT, before;
	struct sockaddr_un other = { .sun_family = AF_UNIX };
	size_t fds;

	used = bind_udp(&a, AF_INET);
	memset(&out, 0x5a, sizeof(out));
	before = out;
	fds = fds_count();
	CHECK_FAILS(EADDRINUSE, mio_udp_bind(&out, &used.u.any, used.len));
	used.u.v4.sin_addr.s_addr = htonl(0xc0000201); /* TEST-NET-1 */
	CHECK_FAILS(EADDRNOTAVAIL, mio_udp_bind(&out, &used.u.any, used.len));
	CHECK_FAILS(EAFNOSUPPORT,
	    mio_udp_bind(&out, (struct sockaddr *)&other, sizeof(other)));
	CHECK_FAILS(EINVAL, mio_udp_bind(&out, &v4.u.any, v4.len - 1));
	CHECK_FAILS(EINVAL, mio_udp_bind(&out, &v4.u.any, v4.len + 1));
	CHECK_FAILS(EINVAL, mio_udp_bind(&out, &v4.u.any, 0));
	CHECK_FAILS(EINVAL, mio_udp_bind(&out, &v4.u.any, 1));
	CHECK_FAILS(EINVAL, mio_udp_bind(&out, &v6.u.any, v4.len));
	CHECK_FAILS(EINVAL, mio_udp_bind(&out, NULL, v4.len));
	CHECK_FAILS(EINVAL, mio_udp_bind(NULL, &v4.u.any, v4.len));
	ck_assert_mem_eq(&out, &before, sizeof(out));
	CHECK_INT(fds, fds_count());
	shut(&a);
}

BOTH(udp_fresh_socket_becomes_writable, "udp-02")
{
	struct mio_source a;
	struct loop loop;

	loop_open(&loop);
	bind_udp(&a, family);
	CHECK_INT(0, mio_registry_register(loop.registry, &a, A, W));
	WAIT(&loop, A, W);
	CHECK_INT(0, loop.seen & (RC | WC | E));
	shut(&a);
	loop_close(&loop);
}

/* Both ways, peeked at first; what makes the sockets does not matter. */
static void
smoke_unconnected(struct two *two)
{
	struct loop loop;

	loop_open(&loop);
	nothing_to_receive(&two->a);
	nothing_to_receive(&two->b);
	CHECK_INT(0, mio_registry_register(loop.registry, &two->a, A, R | W));
	CHECK_INT(0, mio_registry_register(loop.registry, &two->b, B, R | W));
	WAIT_ALL(&loop, A, 2, W);
	send_to(&two->a, &two->at_b, "hello world");
	send_to(&two->b, &two->at_a, "the other way");
	WAIT(&loop, A, R);
	receive(&two->a, MSG_PEEK, "the other way", &two->at_b);
	receive(&two->a, 0, "the other way", &two->at_b);
	nothing_to_receive(&two->a);
	await_fd(mio_source_handle(&two->b), POLLIN);
	receive(&two->b, MSG_PEEK, "hello world", &two->at_a);
	receive(&two->b, 0, "hello world", &two->at_a);
	nothing_to_receive(&two->b);
	/* And again, now that both were drained. */
	send_to(&two->a, &two->at_b, "again");
	WAIT(&loop, B, R);
	receive(&two->b, 0, "again", &two->at_a);
	no_error(&two->a);
	no_error(&two->b);
	two_close(two);
	loop_close(&loop);
}

BOTH(udp_unconnected, "udp-03")
{
	struct two two;

	two_open(&two, family, false);
	smoke_unconnected(&two);
}

BOTH(udp_unconnected_taken_over, "udp-03")
{
	struct two two = { .a = MIO_SOURCE_INIT, .b = MIO_SOURCE_INIT };

	two.at_a = udp_open(&two.a, family);
	two.at_b = udp_open(&two.b, family);
	smoke_unconnected(&two);
}

static void
smoke_connected(struct two *two)
{
	char buf[32] = "", more[8] = "";
	struct iovec in[2] = { { buf, 5 }, { more, 6 } };
	struct iovec out[2] = { { buf, 5 }, { more, 3 } };
	struct loop loop;

	loop_open(&loop);
	nothing_to_receive(&two->a);
	nothing_to_receive(&two->b);
	CHECK_INT(0, mio_registry_register(loop.registry, &two->a, A, R | W));
	CHECK_INT(0, mio_registry_register(loop.registry, &two->b, B, R | W));
	WAIT_ALL(&loop, A, 2, W);
	CHECK_INT(5, mio_source_send(&two->a, "hello", 5, 0));
	WAIT(&loop, B, R);
	CHECK_INT(5, mio_source_recv(&two->b, buf, sizeof(buf), MSG_PEEK));
	ck_assert_mem_eq(buf, "hello", 5);
	memset(buf, 0, sizeof(buf));
	CHECK_INT(5, mio_source_recv(&two->b, buf, sizeof(buf), 0));
	ck_assert_mem_eq(buf, "hello", 5);
	nothing_to_receive(&two->b);
	/* Gathered into one datagram, scattered when read. */
	memcpy(more, "abc", 3);
	CHECK_INT(8, mio_source_writev(&two->b, out, 2));
	WAIT(&loop, A, R);
	memset(buf, 0, sizeof(buf));
	memset(more, '#', sizeof(more));
	CHECK_INT(8, mio_source_readv(&two->a, in, 2));
	ck_assert_mem_eq(buf, "hello", 5);
	ck_assert_mem_eq(more, "abc#####", 8);
	nothing_to_receive(&two->a);
	put(&two->a, "written");
	WAIT(&loop, B, R);
	expect(&two->b, "written");
	no_error(&two->a);
	no_error(&two->b);
	two_close(two);
	loop_close(&loop);
}

BOTH(udp_connected, "udp-04")
{
	struct two two;

	two_open(&two, family, true);
	smoke_connected(&two);
}

BOTH(udp_connected_taken_over, "udp-04")
{
	struct two two = { .a = MIO_SOURCE_INIT, .b = MIO_SOURCE_INIT };

	two.at_a = udp_open(&two.a, family);
	two.at_b = udp_open(&two.b, family);
	CHECK_INT(
	    0, mio_source_connect(&two.a, &two.at_b.u.any, two.at_b.len));
	CHECK_INT(
	    0, mio_source_connect(&two.b, &two.at_a.u.any, two.at_a.len));
	smoke_connected(&two);
}

BOTH(udp_empty_datagram, "udp-05")
{
	struct loop loop;
	struct two two;

	loop_open(&loop);
	two_open(&two, family, false);
	CHECK_INT(0, mio_registry_register(loop.registry, &two.b, B, R));
	send_to(&two.a, &two.at_b, "");
	WAIT(&loop, B, R);
	CHECK_INT(0, loop.seen & RC);
	receive(&two.b, MSG_PEEK, "", &two.at_a);
	receive(&two.b, 0, "", &two.at_a);
	nothing_to_receive(&two.b);
	two_close(&two);
	loop_close(&loop);
}

BOTH(udp_send_needs_a_peer_and_recv_does_not, "udp-06")
{
	struct loop loop;
	struct two two;
	char buf[16];

	loop_open(&loop);
	two_open(&two, family, false);
	CHECK_INT(0, mio_registry_register(loop.registry, &two.a, A, R));
	CHECK_FAILS2(
	    EDESTADDRREQ, ENOTCONN, mio_source_send(&two.a, "x", 1, 0));
	CHECK_FAILS2(
	    EDESTADDRREQ, ENOTCONN, mio_source_write(&two.a, "x", 1));
	send_to(&two.b, &two.at_a, "data");
	WAIT(&loop, A, R);
	CHECK_INT(4, mio_source_recv(&two.a, buf, sizeof(buf), MSG_PEEK));
	CHECK_INT(4, mio_source_recv(&two.a, buf, sizeof(buf), 0));
	ck_assert_mem_eq(buf, "data", 4);
	two_close(&two);
	loop_close(&loop);
}

/* Systems differ; where it works, the address given is the one taken. */
static void
send_while_connected(
    struct mio_source *from, const struct addr *at, struct mio_source *to)
{
	ssize_t n;

	errno = 0;
	n = mio_source_sendto(from, "data", 4, 0, &at->u.any, at->len);
#ifdef LIKE_LINUX
	CHECK_INT(4, n);
#endif
	if (n == 4)
		receive(to, 0, "data", NULL);
	else
		ck_assert_int_eq(errno, EISCONN);
}

BOTH(udp_sendto_on_a_connected_socket, "udp-07")
{
	struct mio_source other;
	struct addr at_other = bind_udp(&other, family);
	struct two two;

	two_open(&two, family, true);
	send_while_connected(&two.a, &at_other, &other);
	send_while_connected(&two.a, &two.at_b, &two.b);
	shut(&other);
	two_close(&two);
}

BOTH(udp_reconnect_and_send, "udp-08")
{
	struct mio_source other;
	struct addr at_other = bind_udp(&other, family), peer;
	struct loop loop;
	struct two two;

	loop_open(&loop);
	two_open(&two, family, true);
	CHECK_INT(0, mio_registry_register(loop.registry, &two.a, A, R | W));
	CHECK_INT(0, mio_registry_register(loop.registry, &two.b, B, R));
	CHECK_INT(0, mio_registry_register(loop.registry, &other, C, R));
	WAIT(&loop, A, W);
	put(&two.a, "first");
	WAIT(&loop, B, R);
	receive(&two.b, 0, "first", &two.at_a);
	nothing_to_receive(&two.b);
	CHECK_INT(
	    0, mio_source_connect(&two.a, &at_other.u.any, at_other.len));
	peer = peer_addr(&two.a);
	ck_assert(addr_equal(&peer, &at_other));
	put(&two.a, "second");
	WAIT(&loop, C, R);
	receive(&other, 0, "second", &two.at_a);
	nothing_to_receive(&two.b);
	shut(&other);
	two_close(&two);
	loop_close(&loop);
}

BOTH(udp_reconnect_and_receive, "udp-09 udp-10")
{
	struct mio_source other;
	struct addr at_other = bind_udp(&other, family);
	struct loop loop;
	struct two two;

	loop_open(&loop);
	two_open(&two, family, false);
	CHECK_INT(0, mio_registry_register(loop.registry, &two.a, A, R));
	for (int turn = 0; turn < 4; ++turn) {
		bool odd = turn % 2 != 0;
		const struct addr *peer = odd ? &two.at_b : &at_other;

		CHECK_INT(
		    0, mio_source_connect(&two.a, &peer->u.any, peer->len));
		/* The stranger's is not delivered. */
		send_to(odd ? &other : &two.b, &two.at_a, "stranger");
		send_to(odd ? &two.b : &other, &two.at_a, "peer");
		WAIT(&loop, A, R);
		receive(&two.a, 0, "peer", peer);
		nothing_to_receive(&two.a);
	}
	shut(&other);
	two_close(&two);
	loop_close(&loop);
}

BOTH(udp_connected_socket_ignores_others, "udp-10")
{
	struct mio_source outside;
	struct loop loop;
	struct two two;

	loop_open(&loop);
	two_open(&two, family, true);
	bind_udp(&outside, family);
	CHECK_INT(0, mio_registry_register(loop.registry, &two.a, A, R));
	CHECK_INT(0, mio_registry_register(loop.registry, &two.b, B, W));
	CHECK_INT(0, mio_registry_register(loop.registry, &outside, C, W));
	WAIT_ALL(&loop, B, 2, W);
	send_to(&outside, &two.at_a, "hello");
	for (int i = 0; i < 6; ++i)
		NOTOK(&loop, A);
	nothing_to_receive(&two.a);
	shut(&outside);
	two_close(&two);
	loop_close(&loop);
}

/* Each call that reads to EAGAIN makes the next datagram an event. */
static ssize_t
by_recv(const struct mio_source *socket, char *buf, size_t size)
{
	return mio_source_recv(socket, buf, size, 0);
}

static ssize_t
by_peek(const struct mio_source *socket, char *buf, size_t size)
{
	ssize_t n = mio_source_recv(socket, buf, size, MSG_PEEK);

	if (n > 0)
		CHECK_INT(n, recv(mio_source_handle(socket), buf, size, 0));
	return n;
}

static ssize_t
by_recvfrom(const struct mio_source *socket, char *buf, size_t size)
{
	struct addr from;

	from.len = sizeof(from.u);
	return mio_source_recvfrom(
	    socket, buf, size, 0, &from.u.any, &from.len);
}

static ssize_t
by_recvmsg(const struct mio_source *socket, char *buf, size_t size)
{
	struct iovec iov = { buf, size };
	struct msghdr msg;

	memset(&msg, 0, sizeof(msg));
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	return mio_source_recvmsg(socket, &msg, 0);
}

static ssize_t
by_read(const struct mio_source *socket, char *buf, size_t size)
{
	return mio_source_read(socket, buf, size);
}

static ssize_t
by_readv(const struct mio_source *socket, char *buf, size_t size)
{
	struct iovec iov = { buf, size };

	return mio_source_readv(socket, &iov, 1);
}

BOTH(udp_edges_follow_eagain, "udp-11")
{
	static ssize_t (*const calls[])(const struct mio_source *socket,
	    char *buf, size_t size) = { by_recv, by_peek, by_recvfrom,
		by_recvmsg, by_read, by_readv };

	for (size_t i = 0; i < LEN(calls); ++i) {
		struct loop loop;
		struct two two;
		char buf[16];

		loop_open(&loop);
		two_open(&two, family, true);
		CHECK_INT(
		    0, mio_registry_register(loop.registry, &two.b, B, R));
		for (int turn = 0; turn < 3; ++turn) {
			put(&two.a, "one");
			put(&two.a, "two");
			WAIT(&loop, B, R);
			CHECK_INT(3, calls[i](&two.b, buf, sizeof(buf)));
			ck_assert_mem_eq(buf, "one", 3);
			/* Loopback may take its time. */
			await_fd(mio_source_handle(&two.b), POLLIN);
			CHECK_INT(3, calls[i](&two.b, buf, sizeof(buf)));
			ck_assert_mem_eq(buf, "two", 3);
			CHECK_FAILS(
			    EAGAIN, calls[i](&two.b, buf, sizeof(buf)));
			QUIET(&loop);
		}
		two_close(&two);
		loop_close(&loop);
	}
}

BOTH(udp_reregister_reports_what_is_queued, "udp-12")
{
	struct loop loop;
	struct two two;

	loop_open(&loop);
	two_open(&two, family, true);
	CHECK_INT(0, mio_registry_register(loop.registry, &two.b, A, W));
	WAIT(&loop, A, W);
	put(&two.a, "queued");
	await_fd(mio_source_handle(&two.b), POLLIN);
	CHECK_INT(0, mio_registry_reregister(loop.registry, &two.b, B, R));
	WAIT(&loop, B, R);
	expect(&two.b, "queued");
	two_close(&two);
	loop_close(&loop);
}

BOTH(udp_deregistered_is_silent_and_works, "udp-13")
{
	struct loop loop;
	struct two two;

	loop_open(&loop);
	two_open(&two, family, true);
	CHECK_INT(0, mio_registry_register(loop.registry, &two.b, B, R | W));
	WAIT(&loop, B, W);
	CHECK_INT(0, mio_registry_deregister(loop.registry, &two.b));
	put(&two.a, "unseen");
	QUIET(&loop);
	expect(&two.b, "unseen");
	two_close(&two);
	loop_close(&loop);
}

BOTH(udp_idle_reader_is_silent, "udp-14")
{
	struct mio_source a;
	struct loop loop;

	loop_open(&loop);
	bind_udp(&a, family);
	CHECK_INT(0, mio_registry_register(loop.registry, &a, A, R));
	QUIET(&loop);
	shut(&a);
	loop_close(&loop);
}

/* Sends on writable, receives on readable, and that is all it does. */
static void
run_loop(bool linked, int family)
{
	static const char text[] = "hello world";
	struct loop loop;
	struct two two;
	bool sent = false, received = false;
	int64_t end = now_ns() + (int64_t)(5e9 * slowness());
	char buf[32];

	loop_open(&loop);
	two_open(&two, family, linked);
	CHECK_INT(0, mio_registry_register(loop.registry, &two.a, A, W));
	CHECK_INT(0, mio_registry_register(loop.registry, &two.b, B, R));
	while (!received) {
		ck_assert_msg(now_ns() < end, "not received");
		loop_poll(&loop, 500 * MIO_MSEC);
		MIO_EVENTS_FOREACH(event, loop.events) {
			if (event->token == A && !sent) {
				ck_assert(mio_event_is_writable(event));
				if (linked)
					put(&two.a, text);
				else
					send_to(&two.a, &two.at_b, text);
				sent = true;
			} else if (event->token == B) {
				ck_assert(mio_event_is_readable(event));
				CHECK_INT(strlen(text),
				    mio_source_recv(
					&two.b, buf, sizeof(buf), 0));
				ck_assert_mem_eq(buf, text, strlen(text));
				received = true;
			}
		}
	}
	two_close(&two);
	loop_close(&loop);
}

BOTH(udp_event_loop_unconnected, "udp-15")
{
	run_loop(false, family);
}

BOTH(udp_event_loop_connected, "udp-15")
{
	run_loop(true, family);
}

/* Room for one or two small control messages, aligned for them. */
union control {
	struct cmsghdr head;
	char room[2 * CMSG_SPACE(64)];
};

/* The int of control message `type`, which came with the next datagram. */
static int
receive_int(const struct mio_source *socket, int level, int type)
{
	union control control;
	char buf[16];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg;
	struct cmsghdr *c;
	int value = -1;

	memset(&msg, 0, sizeof(msg));
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = control.room;
	msg.msg_controllen = sizeof(control.room);
	await_fd(mio_source_handle(socket), POLLIN);
	CHECK_CALL(mio_source_recvmsg(socket, &msg, 0));
	for (c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c))
		if (c->cmsg_level == level && c->cmsg_type == type)
			memcpy(&value, CMSG_DATA(c), sizeof(value));
	return value;
}

/* What a system has not is -1 here; then nobody can see what arrives. */
#ifndef IP_RECVTTL
#define IP_RECVTTL (-1)
#endif
#ifndef IPV6_RECVHOPLIMIT
#define IPV6_RECVHOPLIMIT (-1)
#endif
#ifdef __linux__
#define TTL_MESSAGE IP_TTL
#else
#define TTL_MESSAGE IP_RECVTTL
#endif

BOTH(udp_time_to_live, "udp-16")
{
	static const unsigned values[] = { 10, 255, 1, 64 };
	bool v6 = family == AF_INET6;
	int level = v6 ? IPPROTO_IPV6 : IPPROTO_IP, on = 1;
	int asked = v6 ? IPV6_RECVHOPLIMIT : IP_RECVTTL;
	unsigned ttl = 0;
	struct two two;

	two_open(&two, family, true);
	CHECK_INT(0, mio_source_ttl(&two.a, &ttl));
	ck_assert(ttl >= 1 && ttl <= 255);
	if (asked != -1)
		CHECK_INT(0,
		    setsockopt(mio_source_handle(&two.b), level, asked, &on,
			sizeof(on)));
	for (size_t i = 0; i < LEN(values); ++i) {
		CHECK_INT(0, mio_source_set_ttl(&two.a, values[i]));
		CHECK_INT(0, mio_source_ttl(&two.a, &ttl));
		ck_assert_uint_eq(ttl, values[i]);
		/* It goes out with the packet. */
		put(&two.a, "x");
		if (asked == -1)
			continue;
		CHECK_INT(values[i],
		    receive_int(
			&two.b, level, v6 ? IPV6_HOPLIMIT : TTL_MESSAGE));
	}
	CHECK_FAILS(EINVAL, mio_source_set_ttl(&two.a, 0));
	CHECK_FAILS(EINVAL, mio_source_set_ttl(&two.a, 256));
	CHECK_FAILS(EINVAL, mio_source_set_ttl(&two.a, UINT32_MAX));
	CHECK_INT(0, mio_source_ttl(&two.a, &ttl));
	ck_assert_uint_eq(ttl, 64);
	two_close(&two);
}

/* What the kernel says of an option, whatever the library says. */
static int
raw_option(const struct mio_source *socket, int level, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	CHECK_INT(0,
	    getsockopt(mio_source_handle(socket), level, name, &value, &len));
	return value;
}

typedef int get_bool(const struct mio_source *socket, bool *on);
typedef int set_bool(const struct mio_source *socket, bool on);

static void
check_bool(const struct mio_source *socket, get_bool *get, set_bool *set,
    int level, int name, bool unset)
{
	struct mio_source none = MIO_SOURCE_INIT;
	bool on = !unset;

	CHECK_INT(0, get(socket, &on));
	ck_assert_int_eq(on, unset);
	for (int i = 0; i < 4; ++i) {
		bool want = i % 2 == 0;

		CHECK_INT(0, set(socket, want));
		CHECK_INT(want, raw_option(socket, level, name) != 0);
		on = !want;
		CHECK_INT(0, get(socket, &on));
		ck_assert_int_eq(on, want);
	}
	CHECK_FAILS(EINVAL, get(socket, NULL));
	CHECK_FAILS(EINVAL, get(NULL, &on));
	CHECK_FAILS(EINVAL, set(NULL, true));
	CHECK_FAILS(EBADF, get(&none, &on));
	CHECK_FAILS(EBADF, set(&none, true));
}

TEST(udp_broadcast, "udp-17")
{
	struct mio_source a;
	struct addr all = loopback(AF_INET);

	bind_udp(&a, AF_INET);
	check_bool(&a, mio_udp_broadcast, mio_udp_set_broadcast, SOL_SOCKET,
	    SO_BROADCAST, false);
	all.u.v4.sin_addr.s_addr = htonl(INADDR_BROADCAST);
	all.u.v4.sin_port = htons(9);
	/* With no network there is no route, and that comes first. */
	CHECK_INT(
	    -1, mio_source_sendto(&a, "x", 1, 0, &all.u.any, all.len));
	ck_assert(errno == EACCES || errno == ENETUNREACH ||
	    (ELSEWHERE && errno == EHOSTUNREACH));
#ifdef LIKE_LINUX
	/* 127.255.255.255 has a route. */
	all.u.v4.sin_addr.s_addr = htonl(0x7fffffff);
	CHECK_FAILS(
	    EACCES, mio_source_sendto(&a, "x", 1, 0, &all.u.any, all.len));
	CHECK_INT(0, mio_udp_set_broadcast(&a, true));
	CHECK_INT(1, mio_source_sendto(&a, "x", 1, 0, &all.u.any, all.len));
#endif
	shut(&a);
}

TEST(udp_multicast_loop_v4, "udp-18")
{
	struct mio_source a;

	bind_udp(&a, AF_INET);
	check_bool(&a, mio_udp_multicast_loop_v4,
	    mio_udp_set_multicast_loop_v4, IPPROTO_IP, IP_MULTICAST_LOOP,
	    true);
	shut(&a);
}

TEST(udp_multicast_ttl_v4, "udp-19")
{
	static const unsigned values[] = { 10, 0, 255, 1 };
	struct mio_source a, none = MIO_SOURCE_INIT;
	unsigned ttl = 4711;

	bind_udp(&a, AF_INET);
	CHECK_INT(0, mio_udp_multicast_ttl_v4(&a, &ttl));
	ck_assert_uint_eq(ttl, 1);
	for (size_t i = 0; i < LEN(values); ++i) {
		CHECK_INT(0, mio_udp_set_multicast_ttl_v4(&a, values[i]));
		CHECK_INT(
		    values[i], raw_option(&a, IPPROTO_IP, IP_MULTICAST_TTL));
		CHECK_INT(0, mio_udp_multicast_ttl_v4(&a, &ttl));
		ck_assert_uint_eq(ttl, values[i]);
	}
	CHECK_FAILS(EINVAL, mio_udp_set_multicast_ttl_v4(&a, 256));
	CHECK_FAILS(EINVAL, mio_udp_set_multicast_ttl_v4(&a, UINT32_MAX));
	CHECK_FAILS(EINVAL, mio_udp_multicast_ttl_v4(&a, NULL));
	CHECK_FAILS(EINVAL, mio_udp_multicast_ttl_v4(NULL, &ttl));
	CHECK_FAILS(EINVAL, mio_udp_set_multicast_ttl_v4(NULL, 1));
	CHECK_FAILS(EBADF, mio_udp_multicast_ttl_v4(&none, &ttl));
	CHECK_FAILS(EBADF, mio_udp_set_multicast_ttl_v4(&none, 1));
	CHECK_INT(0, mio_udp_multicast_ttl_v4(&a, &ttl));
	ck_assert_uint_eq(ttl, 1);
	shut(&a);
}

TEST(udp_multicast_loop_v6, "udp-20")
{
	struct mio_source a;

	NEED_IPV6();
	bind_udp(&a, AF_INET6);
	check_bool(&a, mio_udp_multicast_loop_v6,
	    mio_udp_set_multicast_loop_v6, IPPROTO_IPV6, IPV6_MULTICAST_LOOP,
	    true);
	shut(&a);
}

/*
 * A group of this process alone: others who join the same one would let
 * packets through to us too.
 */
static struct in_addr
group_v4(void)
{
	struct in_addr group;

	group.s_addr =
	    htonl(0xefc00000 | ((uint32_t)getpid() & 0x3fffff)); /* 239.192 */
	return group;
}

static const struct in_addr any_v4 = { .s_addr = INADDR_ANY };

TEST(udp_joined_group_is_heard_until_left, "udp-21")
{
	struct mio_source in = MIO_SOURCE_INIT, out;
	struct in_addr group = group_v4(), lo;
	struct addr all = loopback(AF_INET), to, from;
	struct loop loop;

	lo.s_addr = htonl(INADDR_LOOPBACK);
	loop_open(&loop);
	from = bind_udp(&out, AF_INET);
	all.u.v4.sin_addr = any_v4;
	CHECK_INT(0, mio_udp_bind(&in, &all.u.any, all.len));
	CHECK_INT(0, mio_registry_register(loop.registry, &in, A, R));
	CHECK_INT(0,
	    setsockopt(mio_source_handle(&out), IPPROTO_IP, IP_MULTICAST_IF,
		&lo, sizeof(lo)));
	to = local_addr(&in);
	to.u.v4.sin_addr = group;
	for (int turn = 0; turn < 2; ++turn) {
		send_to(&out, &to, "unheard");
		QUIET(&loop);
		CHECK_INT(0, mio_udp_join_multicast_v4(&in, &group, &lo));
		CHECK_FAILS(EADDRINUSE,
		    mio_udp_join_multicast_v4(&in, &group, &lo));
		send_to(&out, &to, "group");
		WAIT(&loop, A, R);
		receive(&in, 0, "group", &from);
		nothing_to_receive(&in);
		CHECK_INT(0, mio_udp_leave_multicast_v4(&in, &group, &lo));
		CHECK_FAILS(EADDRNOTAVAIL,
		    mio_udp_leave_multicast_v4(&in, &group, &lo));
	}
	send_to(&out, &to, "unheard");
	QUIET(&loop);
	shut(&in);
	shut(&out);
	loop_close(&loop);
}

TEST(udp_two_groups_beside_other_traffic, "udp-21")
{
	struct in_addr one, two_;
	struct loop loop;
	struct two two;

	loop_open(&loop);
	two_open(&two, AF_INET, false);
	one.s_addr = htonl(0xe3010164); /* 227.1.1.100 */
	two_.s_addr = htonl(0xe3010165);
	if (mio_udp_join_multicast_v4(&two.a, &one, &any_v4) == -1) {
		int error = errno;

		two_close(&two);
		loop_close(&loop);
		ck_assert_msg(error == ENODEV ||
			(ELSEWHERE && error == EADDRNOTAVAIL),
		    "mio_udp_join_multicast_v4: %s", errno_name(error));
		SKIP("no route for multicast");
	}
	CHECK_INT(0, mio_udp_join_multicast_v4(&two.a, &two_, &any_v4));
	CHECK_INT(0, mio_registry_register(loop.registry, &two.a, A, R));
	send_to(&two.b, &two.at_a, "as before");
	WAIT(&loop, A, R);
	receive(&two.a, 0, "as before", &two.at_b);
	CHECK_INT(0, mio_udp_leave_multicast_v4(&two.a, &one, &any_v4));
	CHECK_INT(0, mio_udp_leave_multicast_v4(&two.a, &two_, &any_v4));
	two_close(&two);
	loop_close(&loop);
}

TEST(udp_groups_that_are_none_v4, "udp-21")
{
	struct mio_source a, none = MIO_SOURCE_INIT;
	struct in_addr group = group_v4(), lo;

	lo.s_addr = htonl(INADDR_LOOPBACK);
	bind_udp(&a, AF_INET);
	CHECK_FAILS(EINVAL, mio_udp_join_multicast_v4(&a, &lo, &lo));
	CHECK_FAILS(
	    EADDRNOTAVAIL, mio_udp_leave_multicast_v4(&a, &group, &lo));
	CHECK_FAILS(EINVAL, mio_udp_join_multicast_v4(&a, NULL, &lo));
	CHECK_FAILS(EINVAL, mio_udp_join_multicast_v4(&a, &group, NULL));
	CHECK_FAILS(EINVAL, mio_udp_join_multicast_v4(NULL, &group, &lo));
	CHECK_FAILS(EINVAL, mio_udp_leave_multicast_v4(&a, NULL, &lo));
	CHECK_FAILS(EINVAL, mio_udp_leave_multicast_v4(&a, &group, NULL));
	CHECK_FAILS(EINVAL, mio_udp_leave_multicast_v4(NULL, &group, &lo));
	CHECK_FAILS(EBADF, mio_udp_join_multicast_v4(&none, &group, &lo));
	CHECK_FAILS(EBADF, mio_udp_leave_multicast_v4(&none, &group, &lo));
	shut(&a);
}

static struct in6_addr
group_v6(void)
{
	struct in6_addr group;
	uint32_t pid = htonl((uint32_t)getpid());

	memset(&group, 0, sizeof(group));
	group.s6_addr[0] = 0xff;
	group.s6_addr[1] = 0x12; /* transient, of the link */
	memcpy(&group.s6_addr[12], &pid, sizeof(pid));
	return group;
}

/* The loopback interface; 0: not found. */
static unsigned
loopback_index(void)
{
	unsigned index = if_nametoindex("lo");

	return index != 0 ? index : if_nametoindex("lo0");
}

/* Whether there is a route to the group. */
static bool
can_send_v6(const struct mio_source *out, const struct addr *to)
{
	if (mio_source_sendto(out, "unheard", 7, 0, &to->u.any, to->len) == 7)
		return true;
	ck_assert_msg(errno == ENETUNREACH || errno == EADDRNOTAVAIL,
	    "mio_source_sendto: %s", errno_name(errno));
	return false;
}

TEST(udp_joined_group_is_heard_until_left_v6, "udp-21")
{
	struct mio_source in = MIO_SOURCE_INIT, out;
	struct in6_addr group = group_v6();
	struct addr all = loopback(AF_INET6), to, from;
	unsigned lo = loopback_index();
	struct loop loop;
	bool sending;

	NEED_IPV6();
	ck_assert_uint_ne(lo, 0);
	loop_open(&loop);
	from = bind_udp(&out, AF_INET6);
	all.u.v6.sin6_addr = in6addr_any;
	CHECK_INT(0, mio_udp_bind(&in, &all.u.any, all.len));
	CHECK_INT(0, mio_registry_register(loop.registry, &in, A, R));
	CHECK_INT(0,
	    setsockopt(mio_source_handle(&out), IPPROTO_IPV6,
		IPV6_MULTICAST_IF, &lo, sizeof(lo)));
	to = local_addr(&in);
	to.u.v6.sin6_addr = group;
	to.u.v6.sin6_scope_id = lo;
	/* Without a route the errors have to do. */
	sending = can_send_v6(&out, &to);
	/* Nobody has joined, and FreeBSD hears it all the same. */
	if (ELSEWHERE && loop_poll(&loop, 50 * MIO_MSEC) > 0) {
		shut(&in);
		shut(&out);
		loop_close(&loop);
		SKIP("groups are heard that nobody joined");
	}
	for (int turn = 0; turn < 2; ++turn) {
		QUIET(&loop);
		CHECK_INT(0, mio_udp_join_multicast_v6(&in, &group, lo));
		/* NetBSD counts it once. */
		if (mio_udp_join_multicast_v6(&in, &group, lo) == 0)
			ck_assert(ELSEWHERE);
		else
			ck_assert_int_eq(errno, EADDRINUSE);
		if (sending) {
			send_to(&out, &to, "group");
			WAIT(&loop, A, R);
			receive(&in, 0, "group", &from);
			nothing_to_receive(&in);
		}
		CHECK_INT(0, mio_udp_leave_multicast_v6(&in, &group, lo));
		CHECK_FAILS(EADDRNOTAVAIL,
		    mio_udp_leave_multicast_v6(&in, &group, lo));
		if (sending)
			send_to(&out, &to, "unheard");
	}
	QUIET(&loop);
	shut(&in);
	shut(&out);
	loop_close(&loop);
}

TEST(udp_groups_that_are_none_v6, "udp-21")
{
	struct mio_source a, none = MIO_SOURCE_INIT;
	struct in6_addr group = group_v6();
	unsigned lo = loopback_index();

	NEED_IPV6();
	bind_udp(&a, AF_INET6);
	CHECK_FAILS(
	    EINVAL, mio_udp_join_multicast_v6(&a, &in6addr_loopback, lo));
	CHECK_FAILS(
	    EADDRNOTAVAIL, mio_udp_leave_multicast_v6(&a, &group, lo));
	/* No such interface: errors differ. */
	ck_assert_int_eq(
	    mio_udp_join_multicast_v6(&a, &group, UINT32_MAX / 2), -1);
	CHECK_FAILS(EINVAL, mio_udp_join_multicast_v6(&a, NULL, lo));
	CHECK_FAILS(EINVAL, mio_udp_join_multicast_v6(NULL, &group, lo));
	CHECK_FAILS(EINVAL, mio_udp_leave_multicast_v6(&a, NULL, lo));
	CHECK_FAILS(EINVAL, mio_udp_leave_multicast_v6(NULL, &group, lo));
	CHECK_FAILS(EBADF, mio_udp_join_multicast_v6(&none, &group, lo));
	CHECK_FAILS(EBADF, mio_udp_leave_multicast_v6(&none, &group, lo));
	shut(&a);
}

TEST(udp_only_v6, "udp-22")
{
	struct mio_source a, none = MIO_SOURCE_INIT;
	bool on;

	NEED_IPV6();
	for (int want = 0; want < 2; ++want) {
		int fd = socket(AF_INET6, SOCK_DGRAM, 0);

		CHECK_CALL(fd);
		if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &want,
			sizeof(want)) == -1) {
			/* OpenBSD's are always for IPv6 only (ip6(4)). */
			ck_assert(errno == EINVAL && !want);
			close(fd);
			continue;
		}
		CHECK_INT(0, mio_source_from_fd(&a, fd));
		on = !want;
		CHECK_INT(0, mio_udp_only_v6(&a, &on));
		ck_assert_int_eq(on, want);
		shut(&a);
	}
	bind_udp(&a, AF_INET6);
	CHECK_INT(0, mio_udp_only_v6(&a, &on));
	CHECK_INT(raw_option(&a, IPPROTO_IPV6, IPV6_V6ONLY), on);
	CHECK_FAILS(EINVAL, mio_udp_only_v6(&a, NULL));
	CHECK_FAILS(EINVAL, mio_udp_only_v6(NULL, &on));
	CHECK_FAILS(EBADF, mio_udp_only_v6(&none, &on));
	shut(&a);
}

TEST(udp_only_v6_of_an_ipv4_socket, "udp-22")
{
	struct mio_source a;
	bool on = true;

	bind_udp(&a, AF_INET);
	/* On BSD it is no option of this socket, on Linux no level. */
	for (int i = 0; i < 2; ++i, on = !on) {
		const bool before = on;

		CHECK_INT(-1, mio_udp_only_v6(&a, &on));
		ck_assert(errno == ENOPROTOOPT || errno == EOPNOTSUPP ||
		    (ELSEWHERE && errno == EINVAL));
		ck_assert(on == before);
	}
	shut(&a);
}

BOTH(udp_short_buffer_cuts_the_datagram, "udp-23")
{
	struct loop loop;
	struct two two;
	struct addr from;
	char buf[8] = "########";
	struct iovec iov = { buf, 2 };
	struct msghdr msg;

	loop_open(&loop);
	two_open(&two, family, true);
	CHECK_INT(0, mio_registry_register(loop.registry, &two.b, B, R));
	put(&two.a, "12345");
	WAIT(&loop, B, R);
	CHECK_INT(2, mio_source_recv(&two.b, buf, 2, 0));
	ck_assert_mem_eq(buf, "12######", 8);
	nothing_to_receive(&two.b);
	put(&two.a, "67890");
	WAIT(&loop, B, R);
	from.len = sizeof(from.u);
	CHECK_INT(2,
	    mio_source_recvfrom(
		&two.b, buf, 2, 0, &from.u.any, &from.len));
	ck_assert_mem_eq(buf, "67######", 8);
	ck_assert(addr_equal(&from, &two.at_a));
	nothing_to_receive(&two.b);
	put(&two.a, "abcde");
	WAIT(&loop, B, R);
	memset(&msg, 0, sizeof(msg));
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	CHECK_INT(2, mio_source_recvmsg(&two.b, &msg, 0));
	ck_assert_int_eq(msg.msg_flags & MSG_TRUNC, MSG_TRUNC);
	nothing_to_receive(&two.b);
	two_close(&two);
	loop_close(&loop);
}

BOTH(udp_short_address_buffer, "udp-23")
{
	unsigned char room[sizeof(struct sockaddr_in6) + 8];
	struct two two;
	socklen_t len = 4;
	char byte;

	two_open(&two, family, true);
	put(&two.a, "x");
	await_fd(mio_source_handle(&two.b), POLLIN);
	memset(room, 0x5a, sizeof(room));
	CHECK_INT(1,
	    mio_source_recvfrom(&two.b, &byte, 1, 0,
		(struct sockaddr *)(void *)room, &len));
	CHECK_INT(two.at_a.len, len);
	ck_assert_mem_eq(room, &two.at_a.u, 4);
	CHECK_INT(0x5a, room[4]);
	len = 4;
	memset(room, 0x5a, sizeof(room));
	CHECK_INT(0,
	    mio_source_peer_addr(
		&two.b, (struct sockaddr *)(void *)room, &len));
	CHECK_INT(two.at_a.len, len);
	ck_assert_mem_eq(room, &two.at_a.u, 4);
	CHECK_INT(0x5a, room[4]);
	two_close(&two);
}

BOTH(udp_raw_descriptor_round_trip, "udp-24")
{
	struct mio_source a, again = MIO_SOURCE_INIT;
	struct addr before = bind_udp(&a, family), after;
	int fd = mio_source_handle(&a);

	CHECK_INT(fd, mio_source_into_fd(&a));
	CHECK_INT(MIO_INVALID_HANDLE, mio_source_handle(&a));
	CHECK_FAILS(EBADF, mio_source_into_fd(&a));
	CHECK_INT(0, mio_source_from_fd(&again, fd));
	CHECK_INT(fd, mio_source_handle(&again));
	after = local_addr(&again);
	ck_assert(addr_equal(&before, &after));
	send_to(&again, &after, "self");
	receive(&again, 0, "self", &before);
	shut(&again);
}

BOTH(udp_peer_address, "udp-25")
{
	struct two two;
	struct addr peer;

	two_open(&two, family, false);
	memset(&peer, 0, sizeof(peer));
	peer.len = sizeof(peer.u);
	CHECK_FAILS(
	    ENOTCONN, mio_source_peer_addr(&two.a, &peer.u.any, &peer.len));
	CHECK_INT(sizeof(peer.u), peer.len);
	CHECK_INT(
	    0, mio_source_connect(&two.a, &two.at_b.u.any, two.at_b.len));
	peer = peer_addr(&two.a);
	CHECK_INT(two.at_b.len, peer.len);
	ck_assert(addr_equal(&peer, &two.at_b));
	/* The other side knows nothing of it. */
	peer.len = sizeof(peer.u);
	CHECK_FAILS(
	    ENOTCONN, mio_source_peer_addr(&two.b, &peer.u.any, &peer.len));
	/* Wrong addresses leave it connected. */
	CHECK_INT(-1, mio_source_connect(&two.a, &two.at_b.u.any, 1));
	CHECK_FAILS(EINVAL, mio_source_connect(&two.a, NULL, two.at_b.len));
	CHECK_FAILS(EINVAL,
	    mio_source_connect(NULL, &two.at_b.u.any, two.at_b.len));
	peer = peer_addr(&two.a);
	ck_assert(addr_equal(&peer, &two.at_b));
	two_close(&two);
}

/* Sends to nobody; the answer is an error, reported by an event. */
static void
refuse(struct loop *loop, struct two *two, bool take)
{
	char buf[8];
	int error = 0;

	CHECK_INT(4, mio_source_send(&two->a, "lost", 4, 0));
	WAIT(loop, A, lone_error() | R | W);
	if (take) {
		CHECK_INT(0, mio_source_take_error(&two->a, &error));
		CHECK_INT(ECONNREFUSED, error);
	} else {
		CHECK_FAILS(ECONNREFUSED,
		    mio_source_recv(&two->a, buf, sizeof(buf), 0));
	}
	/* Once only. */
	no_error(&two->a);
	nothing_to_receive(&two->a);
}

BOTH(udp_refused_and_then_works_again, "udp-26")
{
	struct mio_source taken = MIO_SOURCE_INIT;
	struct addr dead = dead_udp(&taken, family);
	struct loop loop;
	struct two two;

	loop_open(&loop);
	two_open(&two, family, false);
	CHECK_INT(0, mio_registry_register(loop.registry, &two.a, A, R | W));
	WAIT(&loop, A, W);
	for (int turn = 0; turn < 4; ++turn) {
		CHECK_INT(
		    0, mio_source_connect(&two.a, &dead.u.any, dead.len));
		refuse(&loop, &two, turn % 2 == 0);
		CHECK_INT(0,
		    mio_source_connect(
			&two.a, &two.at_b.u.any, two.at_b.len));
		send_to(&two.b, &two.at_a, "alive");
		WAIT(&loop, A, R);
		receive(&two.a, 0, "alive", &two.at_b);
		nothing_to_receive(&two.a);
	}
	CHECK_INT(0, mio_registry_reregister(loop.registry, &two.a, B, R));
	CHECK_INT(0, mio_registry_deregister(loop.registry, &two.a));
	shut(&taken);
	two_close(&two);
	loop_close(&loop);
}

static ssize_t
receive_four(mio_handle fd, void *arg)
{
	return recv(fd, arg, 4, 0);
}

static ssize_t
fail_with_eio(mio_handle fd, void *arg)
{
	int *calls = arg;

	(void)fd;
	++*calls;
	errno = EIO;
	return -1;
}

BOTH(udp_try_io, "udp-27")
{
	struct loop loop;
	struct two two;
	char buf[4];
	int calls = 0;

	loop_open(&loop);
	two_open(&two, family, true);
	CHECK_INT(0, mio_registry_register(loop.registry, &two.b, B, R));
	for (int turn = 0; turn < 3; ++turn) {
		put(&two.a, "data");
		WAIT(&loop, B, R);
		CHECK_INT(
		    4, mio_source_try_io(&two.b, R, receive_four, buf));
		ck_assert_mem_eq(buf, "data", 4);
		CHECK_FAILS(EAGAIN,
		    mio_source_try_io(&two.b, R, receive_four, buf));
		QUIET(&loop);
	}
	CHECK_FAILS(
	    EIO, mio_source_try_io(&two.b, R | W, fail_with_eio, &calls));
	CHECK_INT(1, calls);
	two_close(&two);
	loop_close(&loop);
}

/* Where a datagram arrived, and from where one is to go: only messages say. */
BOTH(udp_packet_information, "udp-03")
{
#if defined(IP_PKTINFO) && defined(IPV6_RECVPKTINFO) &&                      \
    defined(HAVE_STRUCT_IN_PKTINFO_IPI_SPEC_DST)
	bool v6 = family == AF_INET6;
	int on = 1, level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
	struct mio_source in = MIO_SOURCE_INIT;
	struct addr all = loopback(family), to, from;
	struct in_pktinfo info;
	struct in6_pktinfo info6;
	union control control;
	char buf[8];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg;
	struct cmsghdr *c;
	struct two two;

	two_open(&two, family, false);
	if (v6)
		all.u.v6.sin6_addr = in6addr_any;
	else
		all.u.v4.sin_addr = any_v4;
	CHECK_INT(0, mio_udp_bind(&in, &all.u.any, all.len));
	CHECK_INT(0,
	    setsockopt(mio_source_handle(&in), level,
		v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, &on, sizeof(on)));
	to = local_addr(&in);
	if (v6)
		to.u.v6.sin6_addr = in6addr_loopback;
	else
		to.u.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
#ifdef LIKE_LINUX
	/* 127.0.0.2 is this machine too. */
	if (!v6)
		to.u.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
#endif
	send_to(&two.a, &to, "ask");
	await_fd(mio_source_handle(&in), POLLIN);
	memset(&msg, 0, sizeof(msg));
	msg.msg_name = &from.u;
	msg.msg_namelen = sizeof(from.u);
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = control.room;
	msg.msg_controllen = sizeof(control.room);
	CHECK_INT(3, mio_source_recvmsg(&in, &msg, 0));
	CHECK_INT(two.at_a.len, msg.msg_namelen);
	ck_assert(addr_equal(&from, &two.at_a));
	c = CMSG_FIRSTHDR(&msg);
	ck_assert_ptr_nonnull(c);
	CHECK_INT(level, c->cmsg_level);
	CHECK_INT(v6 ? IPV6_PKTINFO : IP_PKTINFO, c->cmsg_type);
	if (v6) {
		memcpy(&info6, CMSG_DATA(c), sizeof(info6));
		ck_assert_mem_eq(&info6.ipi6_addr, &in6addr_loopback,
		    sizeof(info6.ipi6_addr));
	} else {
		memcpy(&info, CMSG_DATA(c), sizeof(info));
		ck_assert_uint_eq(
		    info.ipi_addr.s_addr, to.u.v4.sin_addr.s_addr);
		/* The answer leaves from there, too. */
		info.ipi_spec_dst = info.ipi_addr;
		memcpy(CMSG_DATA(c), &info, sizeof(info));
	}
	iov.iov_len = 3;
	CHECK_INT(3, mio_source_sendmsg(&in, &msg, 0));
	receive(&two.a, 0, "ask", &to);
	shut(&in);
	two_close(&two);
#else
	(void)family;
	SKIP("no packet information here");
#endif
}

SUITE(udp, &udp_bind_makes_a_socket_v4, &udp_bind_makes_a_socket_v6,
    &udp_bind_from_any_alignment_v4, &udp_bind_from_any_alignment_v6,
    &udp_bind_that_fails_leaves_nothing,
    &udp_fresh_socket_becomes_writable_v4,
    &udp_fresh_socket_becomes_writable_v6, &udp_unconnected_v4,
    &udp_unconnected_v6, &udp_unconnected_taken_over_v4,
    &udp_unconnected_taken_over_v6, &udp_connected_v4, &udp_connected_v6,
    &udp_connected_taken_over_v4, &udp_connected_taken_over_v6,
    &udp_empty_datagram_v4, &udp_empty_datagram_v6,
    &udp_send_needs_a_peer_and_recv_does_not_v4,
    &udp_send_needs_a_peer_and_recv_does_not_v6,
    &udp_sendto_on_a_connected_socket_v4,
    &udp_sendto_on_a_connected_socket_v6, &udp_reconnect_and_send_v4,
    &udp_reconnect_and_send_v6, &udp_reconnect_and_receive_v4,
    &udp_reconnect_and_receive_v6, &udp_connected_socket_ignores_others_v4,
    &udp_connected_socket_ignores_others_v6, &udp_edges_follow_eagain_v4,
    &udp_edges_follow_eagain_v6, &udp_reregister_reports_what_is_queued_v4,
    &udp_reregister_reports_what_is_queued_v6,
    &udp_deregistered_is_silent_and_works_v4,
    &udp_deregistered_is_silent_and_works_v6, &udp_idle_reader_is_silent_v4,
    &udp_idle_reader_is_silent_v6, &udp_event_loop_unconnected_v4,
    &udp_event_loop_unconnected_v6, &udp_event_loop_connected_v4,
    &udp_event_loop_connected_v6, &udp_time_to_live_v4, &udp_time_to_live_v6,
    &udp_broadcast, &udp_multicast_loop_v4, &udp_multicast_ttl_v4,
    &udp_multicast_loop_v6, &udp_joined_group_is_heard_until_left,
    &udp_two_groups_beside_other_traffic, &udp_groups_that_are_none_v4,
    &udp_joined_group_is_heard_until_left_v6, &udp_groups_that_are_none_v6,
    &udp_only_v6, &udp_only_v6_of_an_ipv4_socket,
    &udp_short_buffer_cuts_the_datagram_v4,
    &udp_short_buffer_cuts_the_datagram_v6, &udp_short_address_buffer_v4,
    &udp_short_address_buffer_v6, &udp_raw_descriptor_round_trip_v4,
    &udp_raw_descriptor_round_trip_v6, &udp_peer_address_v4,
    &udp_peer_address_v6, &udp_refused_and_then_works_again_v4,
    &udp_refused_and_then_works_again_v6,
    &udp_try_io_v4, &udp_try_io_v6, &udp_packet_information_v4,
    &udp_packet_information_v6);
