/* SPDX-License-Identifier: MIT */
/* Unix domain datagram sockets. */

#include "config.h"

#include "harness.h"
#include "names.h"

#include <poll.h>
#include <unistd.h>

enum { A = 1, B = 2 };

/* Two sockets, bound to the paths "a" and "b". */
struct two {
	struct mio_source a, b;
	struct name at_a, at_b;
};

static void
two_open(struct two *two)
{
	struct mio_source fresh = MIO_SOURCE_INIT;

	dir_open();
	two->a = two->b = fresh;
	CHECK_INT(0, mio_unix_dgram_bind(&two->a, "a"));
	CHECK_INT(0, mio_unix_dgram_bind(&two->b, "b"));
	two->at_a = path_name("a");
	two->at_b = path_name("b");
}

static void
two_close(struct two *two)
{
	shut(&two->a);
	shut(&two->b);
	dir_close();
}

/* Bound by hand and taken over. */
static void
two_take_over(struct two *two)
{
	struct mio_source *const sources[] = { &two->a, &two->b };
	const char *const paths[] = { "a", "b" };

	dir_open();
	for (size_t i = 0; i < 2; ++i) {
		struct name name = path_name(paths[i]);
		int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		CHECK_CALL(fd);
		CHECK_INT(
		    0, bind(fd, (struct sockaddr *)&name.addr, name.len));
		CHECK_INT(0, mio_source_from_fd(sources[i], fd));
		*(i == 0 ? &two->at_a : &two->at_b) = name;
	}
}

static int
connect_to(const struct mio_source *socket, const struct name *name)
{
	return mio_source_connect(
	    socket, (const struct sockaddr *)&name->addr, name->len);
}

static void
send_to(
    const struct mio_source *from, const struct name *to, const char *text)
{
	CHECK_INT(strlen(text),
	    mio_source_sendto(from, text, strlen(text), 0,
		(const struct sockaddr *)&to->addr, to->len));
}

/* The datagram at hand is `text`; returns its sender. */
static struct name
receive(const struct mio_source *socket, int flags, const char *text)
{
	char buf[2048];
	struct name from;

	memset(&from, 0x5a, sizeof(from));
	from.len = sizeof(from.addr);
	await_fd(mio_source_handle(socket), POLLIN);
	CHECK_INT(strlen(text),
	    mio_source_recvfrom(socket, buf, sizeof(buf), flags,
		(struct sockaddr *)&from.addr, &from.len));
	ck_assert_mem_eq(buf, text, strlen(text));
	return from;
}

static void
nothing_to_receive(const struct mio_source *socket)
{
	char buf[16];
	struct name from;

	from.len = sizeof(from.addr);
	CHECK_FAILS(EAGAIN, mio_source_recv(socket, buf, sizeof(buf), 0));
	CHECK_FAILS(
	    EAGAIN, mio_source_recv(socket, buf, sizeof(buf), MSG_PEEK));
	CHECK_FAILS(EAGAIN,
	    mio_source_recvfrom(socket, buf, sizeof(buf), 0,
		(struct sockaddr *)&from.addr, &from.len));
	CHECK_FAILS(EAGAIN, mio_source_read(socket, buf, sizeof(buf)));
}

static void
no_error(const struct mio_source *socket)
{
	int error = -1;

	CHECK_INT(0, mio_source_take_error(socket, &error));
	CHECK_INT(0, error);
}

static void
is_fresh(const struct mio_source *socket)
{
	ck_assert(is_nonblocking(mio_source_handle(socket)));
	ck_assert(is_cloexec(mio_source_handle(socket)));
	no_error(socket);
}

static void
smoke_unconnected(struct two *two)
{
	struct loop loop;
	struct name from;

	loop_open(&loop);
	is_fresh(&two->a);
	is_fresh(&two->b);
	CHECK_INT(0, mio_registry_register(loop.registry, &two->a, A, R | W));
	CHECK_INT(0, mio_registry_register(loop.registry, &two->b, B, R | W));
	WAIT_ALL(&loop, A, 2, W);
	nothing_to_receive(&two->a);
	nothing_to_receive(&two->b);
	for (int turn = 0; turn < 3; ++turn) {
		send_to(&two->a, &two->at_b, "hello");
		WAIT(&loop, B, R);
		from = receive(&two->b, MSG_PEEK, "hello");
		same_name(&two->at_a, &from);
		from = receive(&two->b, 0, "hello");
		same_name(&two->at_a, &from);
		nothing_to_receive(&two->b);
		send_to(&two->b, &two->at_a, "the other way");
		WAIT(&loop, A, R);
		from = receive(&two->a, 0, "the other way");
		same_name(&two->at_b, &from);
		nothing_to_receive(&two->a);
	}
	no_error(&two->a);
	no_error(&two->b);
	loop_close(&loop);
}

TEST(udg_unconnected, "udg-01")
{
	struct two two;

	two_open(&two);
	smoke_unconnected(&two);
	two_close(&two);
}

TEST(udg_unconnected_taken_over, "udg-01")
{
	struct two two;

	two_take_over(&two);
	smoke_unconnected(&two);
	two_close(&two);
}

static void
smoke_connected(struct mio_source *a, struct mio_source *b)
{
	char first[4], second[8], buf[16];
	struct iovec in[2] = { { first, 4 }, { second, 8 } };
	struct iovec out[2] = { { first, 4 }, { second, 3 } };
	struct loop loop;

	loop_open(&loop);
	is_fresh(a);
	is_fresh(b);
	CHECK_INT(0, mio_registry_register(loop.registry, a, A, R | W));
	CHECK_INT(0, mio_registry_register(loop.registry, b, B, R | W));
	WAIT_ALL(&loop, A, 2, W);
	nothing_to_receive(a);
	nothing_to_receive(b);
	for (int turn = 0; turn < 3; ++turn) {
		CHECK_INT(5, mio_source_send(a, "hello", 5, 0));
		put(a, "second");
		WAIT(&loop, B, R);
		CHECK_INT(5, mio_source_recv(b, buf, sizeof(buf), 0));
		ck_assert_mem_eq(buf, "hello", 5);
		expect(b, "second");
		nothing_to_receive(b);
		memcpy(first, "1234", 4);
		memcpy(second, "567", 3);
		CHECK_INT(7, mio_source_writev(b, out, 2));
		WAIT(&loop, A, R);
		memset(second, '#', sizeof(second));
		CHECK_INT(7, mio_source_readv(a, in, 2));
		ck_assert_mem_eq(first, "1234", 4);
		ck_assert_mem_eq(second, "567#####", 8);
		nothing_to_receive(a);
	}
	/* Nothing in it, and still a datagram; a short buffer cuts it. */
	CHECK_INT(0, mio_source_send(a, "", 0, 0));
	CHECK_INT(5, mio_source_send(a, "12345", 5, 0));
	WAIT(&loop, B, R);
	CHECK_INT(0, mio_source_recv(b, buf, sizeof(buf), 0));
	memset(buf, '#', sizeof(buf));
	CHECK_INT(2, mio_source_recv(b, buf, 2, 0));
	ck_assert_mem_eq(buf, "12#", 3);
	nothing_to_receive(b);
	no_error(a);
	no_error(b);
	loop_close(&loop);
}

TEST(udg_connected, "udg-02")
{
	struct name name;
	struct two two;

	two_open(&two);
	CHECK_INT(0, connect_to(&two.a, &two.at_b));
	CHECK_INT(0, connect_to(&two.b, &two.at_a));
	name = local_name(&two.a);
	same_name(&two.at_a, &name);
	name = peer_name(&two.b);
	same_name(&two.at_a, &name);
	name = peer_name(&two.a);
	same_name(&two.at_b, &name);
	smoke_connected(&two.a, &two.b);
	two_close(&two);
}

TEST(udg_connected_taken_over, "udg-02")
{
	struct two two;

	two_take_over(&two);
	CHECK_INT(0, connect_to(&two.a, &two.at_b));
	CHECK_INT(0, connect_to(&two.b, &two.at_a));
	smoke_connected(&two.a, &two.b);
	two_close(&two);
}

TEST(udg_connect_to_itself, "udg-03")
{
	struct loop loop;
	struct name name;
	struct two two;

	loop_open(&loop);
	two_open(&two);
	name = local_name(&two.a);
	CHECK_INT(0, connect_to(&two.a, &name));
	CHECK_INT(0, mio_registry_register(loop.registry, &two.a, A, R | W));
	WAIT(&loop, A, W);
	put(&two.a, "echo");
	WAIT(&loop, A, R);
	name = receive(&two.a, 0, "echo");
	same_name(&two.at_a, &name);
	nothing_to_receive(&two.a);
	/* And to another one later. */
	CHECK_INT(0, connect_to(&two.a, &two.at_b));
	put(&two.a, "moved");
	name = receive(&two.b, 0, "moved");
	same_name(&two.at_a, &name);
	two_close(&two);
	loop_close(&loop);
}

static void
open_pair(struct mio_source *a, struct mio_source *b)
{
	struct mio_source fresh = MIO_SOURCE_INIT;

	*a = *b = fresh;
	CHECK_INT(0, mio_unix_dgram_pair(a, b));
}

TEST(udg_pair, "udg-04")
{
	struct mio_source a, b;
	struct name name;
	size_t fds = fds_count();

	open_pair(&a, &b);
	name = local_name(&a);
	is_unnamed(&name);
	name = peer_name(&a);
	is_unnamed(&name);
	smoke_connected(&a, &b);
	smoke_connected(&b, &a);
	shut(&a);
	shut(&b);
	CHECK_FAILS(EINVAL, mio_unix_dgram_pair(&a, NULL));
	CHECK_FAILS(EINVAL, mio_unix_dgram_pair(NULL, &b));
	CHECK_INT(fds, fds_count());
}

TEST_NEEDS(udg_shutdown, "udg-05", NEEDS_SIGNALS)
{
	struct mio_source a, b;
	struct loop loop;

	loop_open(&loop);
	open_pair(&a, &b);
	CHECK_INT(0, mio_registry_register(loop.registry, &a, A, R | W));
	WAIT(&loop, A, W);
	CHECK_INT(0, loop.seen & (RC | WC | E));
	SETTLE(&loop);
	CHECK_INT(0, mio_source_shutdown(&a, SHUT_RD));
	WAIT(&loop, A, R | RC);
	CHECK_INT(0, loop.seen & (WC | E));
	put(&a, "still");
	expect(&b, "still");
	CHECK_INT(0, mio_source_shutdown(&a, SHUT_WR));
	if (tells_ends())
		WAIT(&loop, A, W | WC);
	for (size_t i = 0; i < WRITERS_COUNT; ++i) {
		CHECK_INT(EPIPE, write_error(&a, writers[i]));
		CHECK_FAILS(EPIPE, writers[i](&a));
	}
	no_error(&a);
	shut(&a);
	shut(&b);
	loop_close(&loop);
}

TEST(udg_changes_its_registration, "udg-06")
{
	struct mio_source a, b;
	struct loop loop;

	loop_open(&loop);
	open_pair(&a, &b);
	CHECK_INT(0, mio_registry_register(loop.registry, &a, A, R));
	QUIET(&loop);
	CHECK_INT(0, mio_registry_reregister(loop.registry, &a, 77, W));
	WAIT(&loop, 77, W);
	CHECK_INT(0, loop_flags(&loop, A));
	CHECK_INT(0, mio_registry_deregister(loop.registry, &a));
	put(&b, "unseen");
	QUIET(&loop);
	expect(&a, "unseen");
	shut(&a);
	shut(&b);
	loop_close(&loop);
}

TEST(udg_unbound_sender_is_unnamed, "udg-07 regr-18")
{
	struct mio_source none = MIO_SOURCE_INIT;
	struct loop loop;
	struct two two;
	char text[1025], buf[2048];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg;
	struct name from;

	memset(text, 'm', 1024);
	text[1024] = '\0';
	loop_open(&loop);
	two_open(&two);
	CHECK_INT(0, mio_unix_dgram_unbound(&none));
	is_fresh(&none);
	from = local_name(&none);
	is_unnamed(&from);
	CHECK_INT(0, mio_registry_register(loop.registry, &two.b, B, R));
	for (int turn = 0; turn < 3; ++turn) {
		send_to(&none, &two.at_b, text);
		WAIT(&loop, B, R);
		from = receive(&two.b, turn == 0 ? MSG_PEEK : 0, text);
		is_unnamed(&from);
		if (turn == 0)
			receive(&two.b, 0, text);
		nothing_to_receive(&two.b);
	}
	/* Connected, which names it no more. */
	CHECK_INT(0, connect_to(&none, &two.at_b));
	put(&none, "connected");
	from = receive(&two.b, 0, "connected");
	is_unnamed(&from);
	/* After a named sender's the next is unnamed again. */
	send_to(&two.a, &two.at_b, "named");
	put(&none, "unnamed");
	from = receive(&two.b, 0, "named");
	same_name(&two.at_a, &from);
	from.len = sizeof(from.addr);
	CHECK_INT(7,
	    mio_source_recvfrom(&two.b, buf, sizeof(buf), 0,
		(struct sockaddr *)&from.addr, &from.len));
	is_unnamed(&from);
	/* recvmsg is the system call as it is: no name, or an empty one. */
	put(&none, "message");
	memset(&msg, 0, sizeof(msg));
	msg.msg_name = &from.addr;
	msg.msg_namelen = sizeof(from.addr);
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	CHECK_INT(7, mio_source_recvmsg(&two.b, &msg, 0));
#ifdef LIKE_LINUX
	ck_assert_uint_le(msg.msg_namelen, PATH_OFFSET);
#else
	ck_assert(msg.msg_namelen <= PATH_OFFSET ||
	    from.addr.sun_path[0] == '\0');
#endif
	/* No answer is possible. */
	ck_assert_int_eq(mio_source_sendto(&two.b, "x", 1, 0,
			     (struct sockaddr *)&from.addr, from.len),
	    -1);
	CHECK_FAILS(EINVAL, mio_unix_dgram_unbound(NULL));
	shut(&none);
	two_close(&two);
	loop_close(&loop);
}

/* Sends until nothing goes any more; returns how many went. */
static size_t
fill_queue(const struct mio_source *socket)
{
	char buf[1000];
	size_t n = 0;

	memset(buf, 'f', sizeof(buf));
	while (mio_source_send(socket, buf, sizeof(buf), 0) ==
	    (ssize_t)sizeof(buf))
		ck_assert_uint_lt(++n, 1000000);
	ck_assert_msg(errno == EAGAIN || errno == ENOBUFS, "send: %s",
	    errno_name(errno));
	return n;
}

static size_t
drain_queue(const struct mio_source *socket)
{
	char buf[2000];
	size_t n = 0;

	while (mio_source_recv(socket, buf, sizeof(buf), 0) == 1000)
		++n;
	ck_assert_int_eq(errno, EAGAIN);
	return n;
}

TEST(udg_full_queue, "udg-08 poll-11")
{
	struct mio_source a, b;
	struct loop loop;

	loop_open(&loop);
	open_pair(&a, &b);
	CHECK_INT(0, mio_registry_register(loop.registry, &a, A, R | W));
	WAIT(&loop, A, W);
	for (int turn = 0; turn < 3; ++turn) {
		size_t sent = fill_queue(&a);
		bool told = errno == EAGAIN;

		ck_assert(told || ELSEWHERE);
		ck_assert_uint_gt(sent, 0);
		NOTOK(&loop, A);
		CHECK_INT(sent, drain_queue(&b));
		/* BSD says ENOBUFS, and no event that there is room again. */
		if (!told)
			continue;
		WAIT(&loop, A, W);
		CHECK_INT(0, loop.seen & (RC | WC | E));
	}
	shut(&a);
	shut(&b);
	loop_close(&loop);
}

TEST(udg_errors, "udg-09")
{
	struct mio_source a, b, none = MIO_SOURCE_INIT;
	struct loop loop;
	struct name missing, name;
	struct two two;

	loop_open(&loop);
	two_open(&two);
	missing = path_name("missing");
	CHECK_INT(0, mio_unix_dgram_unbound(&none));
	CHECK_FAILS2(
	    ENOTCONN, EDESTADDRREQ, mio_source_send(&none, "x", 1, 0));
	CHECK_FAILS2(ENOTCONN, EDESTADDRREQ, mio_source_write(&none, "x", 1));
	name.len = sizeof(name.addr);
	CHECK_FAILS(ENOTCONN,
	    mio_source_peer_addr(
		&none, (struct sockaddr *)&name.addr, &name.len));
	CHECK_FAILS(ENOENT, connect_to(&none, &missing));
	CHECK_FAILS(ENOENT,
	    mio_source_sendto(&none, "x", 1, 0,
		(struct sockaddr *)&missing.addr, missing.len));
	/* A name with nobody behind it. */
	shut(&two.b);
	CHECK_FAILS(ECONNREFUSED, connect_to(&none, &two.at_b));
	CHECK_FAILS(ECONNREFUSED,
	    mio_source_sendto(&none, "x", 1, 0,
		(struct sockaddr *)&two.at_b.addr, two.at_b.len));
	shut(&none);
	/* The peer of a pair goes: no event says so, sending does. */
	open_pair(&a, &b);
	CHECK_INT(0, mio_registry_register(loop.registry, &a, A, R | W));
	WAIT(&loop, A, W);
	SETTLE(&loop);
	shut(&b);
#ifdef LIKE_LINUX
	for (size_t i = 0; i < WRITERS_COUNT; ++i)
		ck_assert_int_eq(writers[i](&a), -1);
	nothing_to_receive(&a);
#endif
	errno = 0;
	ck_assert_int_eq(mio_source_send(&a, "x", 1, 0), -1);
	ck_assert_msg(errno == ECONNREFUSED || errno == ENOTCONN ||
		errno == ECONNRESET || errno == EDESTADDRREQ,
	    "send: %s", errno_name(errno));
	shut(&a);
	two_close(&two);
	loop_close(&loop);
}

TEST(udg_peer_closes_without_an_event, "udg-09")
{
#ifdef LIKE_LINUX
	struct mio_source a, b;
	struct loop loop;
	int error = 0;

	loop_open(&loop);
	open_pair(&a, &b);
	CHECK_INT(0, mio_registry_register(loop.registry, &a, A, R));
	QUIET(&loop);
	shut(&b);
	/* Spurious ones are legal, false ones are not. */
	loop_poll(&loop, 50 * MIO_MSEC);
	CHECK_INT(0, loop_flags(&loop, A) & (RC | WC | P));
	/* The first to ask gets to know. */
	if (mio_source_send(&a, "x", 1, 0) == -1)
		error = errno;
	CHECK_INT(ECONNREFUSED, error);
	shut(&a);
	loop_close(&loop);
#else
	SKIP("what Linux does");
#endif
}

TEST(udg_bind_by_address, "udg-10 uds-19")
{
	struct mio_source a = MIO_SOURCE_INIT, none = MIO_SOURCE_INIT;
	struct name names[3], seen;
	size_t count = 1, fds;

	dir_open();
	names[0] = path_name("path");
#ifdef LIKE_LINUX
	names[1] = abstract_name(24);
	names[1].addr.sun_path[23] = '\0';
	names[2] = abstract_name(PATH_ROOM);
	count = 3;
#endif
	CHECK_INT(0, mio_unix_dgram_unbound(&none));
	fds = fds_count();
	for (size_t i = 0; i < count; ++i) {
		CHECK_INT(0,
		    mio_unix_dgram_bind_addr(
			&a, &names[i].addr, names[i].len));
		is_fresh(&a);
		seen = local_name(&a);
		same_name(&names[i], &seen);
		send_to(&none, &names[i], "found");
		seen = receive(&a, 0, "found");
		is_unnamed(&seen);
		/* Its sender's name arrives whole as well. */
		send_to(&a, &names[i], "self");
		seen = receive(&a, 0, "self");
		same_name(&names[i], &seen);
		CHECK_FAILS(EADDRINUSE,
		    mio_unix_dgram_bind_addr(
			&none, &names[i].addr, names[i].len));
		shut(&a);
	}
	CHECK_INT(fds, fds_count());
	shut(&none);
	dir_close();
}

TEST(udg_bind_to_the_unnamed_address, "udg-10 uds-21")
{
#ifdef LIKE_LINUX
	struct mio_source a = MIO_SOURCE_INIT, b = MIO_SOURCE_INIT;
	struct name none, at_a, at_b, seen;

	CHECK_INT(0, mio_unix_addr(&none.addr, &none.len, NULL, 0));
	CHECK_INT(0, mio_unix_dgram_bind_addr(&a, &none.addr, none.len));
	CHECK_INT(0, mio_unix_dgram_bind_addr(&b, &none.addr, none.len));
	at_a = local_name(&a);
	at_b = local_name(&b);
	ck_assert_uint_gt(at_a.len, PATH_OFFSET + 1);
	CHECK_INT('\0', at_a.addr.sun_path[0]);
	ck_assert(at_a.len != at_b.len ||
	    memcmp(&at_a.addr, &at_b.addr, (size_t)at_a.len) != 0);
	send_to(&a, &at_b, "fresh");
	seen = receive(&b, 0, "fresh");
	same_name(&at_a, &seen);
	shut(&a);
	shut(&b);
#else
	SKIP("no abstract names here");
#endif
}

TEST(udg_full_length_path, "udg-10 uds-20")
{
#ifdef LIKE_LINUX
	char path[PATH_ROOM + 1];
	struct name name, seen;
	struct mio_source a = MIO_SOURCE_INIT, b = MIO_SOURCE_INIT;

	if (under_valgrind())
		SKIP("valgrind looks for a NUL behind the address");
	memset(path, 'd', PATH_ROOM);
	path[PATH_ROOM] = '\0';
	dir_open();
	CHECK_INT(0, mio_unix_dgram_bind(&a, path));
	CHECK_INT(0, mio_unix_dgram_bind(&b, "b"));
	name = path_name(path);
	send_to(&b, &name, "other");
	seen = receive(&a, 0, "other");
	CHECK_INT(PATH_OFFSET + 1, seen.len);
	ck_assert_int_eq(seen.addr.sun_path[0], 'b');
	CHECK_INT(0, connect_to(&a, &name));
	put(&a, "self");
	seen = receive(&a, 0, "self");
	CHECK_INT(PATH_OFFSET + PATH_ROOM, seen.len);
	ck_assert_mem_eq(seen.addr.sun_path, path, PATH_ROOM);
	shut(&a);
	shut(&b);
	dir_close();
#else
	SKIP("what Linux takes");
#endif
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

TEST(udg_try_io, "udg-11")
{
	struct mio_source a, b;
	struct loop loop;
	char buf[4];
	int calls = 0;

	loop_open(&loop);
	open_pair(&a, &b);
	CHECK_INT(0, mio_registry_register(loop.registry, &a, A, R));
	for (int turn = 0; turn < 3; ++turn) {
		put(&b, "data");
		WAIT(&loop, A, R);
		CHECK_INT(4, mio_source_try_io(&a, R, receive_four, buf));
		ck_assert_mem_eq(buf, "data", 4);
		CHECK_FAILS(
		    EAGAIN, mio_source_try_io(&a, R, receive_four, buf));
		QUIET(&loop);
	}
	CHECK_FAILS(EIO, mio_source_try_io(&a, R, fail_with_eio, &calls));
	CHECK_INT(1, calls);
	shut(&a);
	shut(&b);
	loop_close(&loop);
}

SUITE(udg, &udg_unconnected, &udg_unconnected_taken_over, &udg_connected,
    &udg_connected_taken_over, &udg_connect_to_itself, &udg_pair,
    &udg_shutdown, &udg_changes_its_registration,
    &udg_unbound_sender_is_unnamed, &udg_full_queue, &udg_errors,
    &udg_peer_closes_without_an_event, &udg_bind_by_address,
    &udg_bind_to_the_unnamed_address, &udg_full_length_path, &udg_try_io);
