/* SPDX-License-Identifier: MIT */
/* The registry. */

#include "config.h"

#include "harness.h"

#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <unistd.h>

TEST(reg_reports_what_is_ready_already, "reg-01")
{
	struct loop loop;
	struct pair pair;

	loop_open(&loop);
	PAIR(&pair);
	put(&pair.b, "x");
	await_fd(mio_source_handle(&pair.a), POLLIN);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 1, R));
	WAIT(&loop, 1, R);
	pair_close(&pair);
	loop_close(&loop);
}

TEST(reg_twice_is_eexist, "reg-02 B-7")
{
	struct loop loop;
	struct pair pair;
	int fd;

	loop_open(&loop);
	PAIR(&pair);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 0, R));
	CHECK_FAILS(
	    EEXIST, mio_registry_register(loop.registry, &pair.a, 1, R | W));
	/* The first registration stands: token and interests. */
	QUIET(&loop);
	put(&pair.b, "x");
	WAIT(&loop, 0, R);
	ck_assert_uint_eq(loop_count(&loop, 1), 0);

	/* A raw descriptor too. */
	fd = mio_source_handle(&pair.b);
	CHECK_INT(0, mio_registry_register_fd(loop.registry, fd, 2, R));
	if (!raw_is_lenient())
		CHECK_FAILS(EEXIST,
		    mio_registry_register_fd(loop.registry, fd, 3, R));
	put(&pair.a, "x");
	WAIT(&loop, 2, R);
	ck_assert_uint_eq(loop_count(&loop, 3), 0);
	CHECK_INT(0, mio_registry_deregister_fd(loop.registry, fd));
	if (!raw_is_lenient())
		CHECK_FAILS(
		    ENOENT, mio_registry_deregister_fd(loop.registry, fd));
	pair_close(&pair);
	loop_close(&loop);
}

TEST(reg_with_a_second_poll_is_eexist, "reg-03")
{
	struct loop first, second;
	struct mio_source listener = MIO_SOURCE_INIT, udp = MIO_SOURCE_INIT;
	struct mio_source stream = MIO_SOURCE_INIT;
	struct mio_source receiver = MIO_SOURCE_INIT;
	struct mio_source sender = MIO_SOURCE_INIT;
	struct mio_source *sources[] = { &listener, &udp, &stream, &sender,
		&receiver };
	struct addr addr;

	loop_open(&first);
	loop_open(&second);
	addr = listen_on(&listener, AF_INET);
	udp_open(&udp, AF_INET);
	CHECK_INT(0, mio_tcp_connect(&stream, &addr.u.any, addr.len));
	CHECK_INT(0, mio_pipe_new(&receiver, &sender));
	for (size_t i = 0; i < LEN(sources); ++i) {
		CHECK_INT(0,
		    mio_registry_register(
			first.registry, sources[i], i, R | W));
		CHECK_FAILS(EEXIST,
		    mio_registry_register(
			second.registry, sources[i], i, R | W));
	}
	QUIET(&second);
	WAIT_ALL(&first, 0, 4, 0);
	for (size_t i = 0; i < LEN(sources); ++i)
		shut(sources[i]);
	loop_close(&first);
	loop_close(&second);
}

TEST(reg_unknown_source_is_enoent, "reg-04 reg-05 B-7")
{
	struct loop loop;
	struct pair pair;

	loop_open(&loop);
	PAIR(&pair);
	CHECK_FAILS(
	    ENOENT, mio_registry_reregister(loop.registry, &pair.a, 1, R));
	CHECK_FAILS(ENOENT, mio_registry_deregister(loop.registry, &pair.a));
	CHECK_FAILS(ENOENT, mio_registry_deregister(loop.registry, &pair.a));
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 1, R));
	CHECK_INT(0, mio_registry_deregister(loop.registry, &pair.a));
	CHECK_FAILS(ENOENT, mio_registry_deregister(loop.registry, &pair.a));
	CHECK_FAILS(
	    ENOENT, mio_registry_reregister(loop.registry, &pair.a, 1, R));
	put(&pair.b, "x");
	QUIET(&loop);
	pair_close(&pair);
	loop_close(&loop);
}

TEST(reg_again_after_deregister, "reg-06")
{
	struct loop loop;
	struct mio_source listener = MIO_SOURCE_INIT;

	loop_open(&loop);
	listen_on(&listener, AF_INET);
	for (int i = 0; i < 3; ++i) {
		CHECK_INT(0,
		    mio_registry_register(loop.registry, &listener, 1, R));
		QUIET(&loop);
		CHECK_INT(
		    0, mio_registry_deregister(loop.registry, &listener));
	}
	shut(&listener);
	loop_close(&loop);
}

TEST(reg_reregister_replaces_all, "reg-07 evt-01")
{
	struct loop loop;
	struct mio_source udp = MIO_SOURCE_INIT;

	loop_open(&loop);
	udp_open(&udp, AF_INET);
	CHECK_INT(0, mio_registry_register(loop.registry, &udp, 1, R));
	CHECK_INT(0, mio_registry_reregister(loop.registry, &udp, 1, R));
	QUIET(&loop);
	CHECK_INT(0, mio_registry_reregister(loop.registry, &udp, 2, W));
	WAIT(&loop, 2, W);
	ck_assert_uint_eq(loop_count(&loop, 1), 0);
	CHECK_INT(0, mio_registry_reregister(loop.registry, &udp, 3, R));
	QUIET(&loop);
	shut(&udp);
	loop_close(&loop);
}

TEST(reg_reregister_drops_other_readiness, "reg-08 int-08")
{
	struct loop loop;
	struct mio_source listener = MIO_SOURCE_INIT;
	struct mio_source stream = MIO_SOURCE_INIT;
	struct addr addr;

	loop_open(&loop);
	addr = listen_on(&listener, AF_INET);
	CHECK_INT(0, mio_registry_register(loop.registry, &listener, 1, R));
	CHECK_INT(0, mio_tcp_connect(&stream, &addr.u.any, addr.len));
	await_fd(mio_source_handle(&listener), POLLIN);
	pause_ms(100);
	CHECK_INT(0, mio_registry_reregister(loop.registry, &listener, 1, W));
	QUIET(&loop);
	CHECK_INT(0, mio_registry_reregister(loop.registry, &listener, 2, R));
	WAIT(&loop, 2, R);
	shut(&stream);
	shut(&listener);
	loop_close(&loop);
}

TEST(reg_reregister_reports_again, "reg-09")
{
	struct loop loop;
	struct pair pair;
	int fd;

	loop_open(&loop);
	PAIR(&pair);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 1, R));
	put(&pair.b, "x");
	WAIT(&loop, 1, R);
	SETTLE(&loop);
	CHECK_INT(0, mio_registry_reregister(loop.registry, &pair.a, 2, R));
	WAIT(&loop, 2, R);
	SETTLE(&loop);
	CHECK_INT(0, mio_registry_reregister(loop.registry, &pair.a, 2, R));
	WAIT(&loop, 2, R);
	ck_assert_uint_eq(drain(&pair.a), 1);

	fd = mio_source_handle(&pair.b);
	CHECK_INT(0, mio_registry_register_fd(loop.registry, fd, 3, W));
	WAIT(&loop, 3, W);
	SETTLE(&loop);
	CHECK_INT(0, mio_registry_reregister_fd(loop.registry, fd, 4, W));
	WAIT(&loop, 4, W);
	CHECK_INT(0, mio_registry_reregister_fd(loop.registry, fd, 5, R));
	QUIET(&loop);
	put(&pair.a, "x");
	WAIT(&loop, 5, R);
	CHECK_INT(0, mio_registry_deregister_fd(loop.registry, fd));
	put(&pair.a, "x");
	QUIET(&loop);
	pair_close(&pair);
	loop_close(&loop);
}

TEST(reg_reregister_from_readable_to_writable, "reg-10")
{
	struct loop loop;
	struct pair pair;

	loop_open(&loop);
	PAIR(&pair);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 1, R));
	QUIET(&loop);
	CHECK_INT(0, mio_registry_reregister(loop.registry, &pair.a, 2, W));
	WAIT(&loop, 2, W);
	ck_assert_uint_eq(loop_count(&loop, 1), 0);
	pair_close(&pair);
	loop_close(&loop);
}

TEST(reg_deregistered_is_silent_and_works, "reg-11 reg-12")
{
	struct loop loop;
	struct mio_source listener = MIO_SOURCE_INIT;
	struct mio_source accepted = MIO_SOURCE_INIT, udp = MIO_SOURCE_INIT;
	struct pair pair;
	struct mio_source stream = MIO_SOURCE_INIT;
	struct addr addr, udp_addr;
	char byte;

	loop_open(&loop);
	PAIR(&pair);
	addr = listen_on(&listener, AF_INET);
	udp_addr = udp_open(&udp, AF_INET);
	CHECK_INT(0, mio_registry_register(loop.registry, &listener, 1, R));
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 2, R | W));
	CHECK_INT(0, mio_registry_register(loop.registry, &udp, 3, R | W));
	/* All ready, and not one poll in between. */
	CHECK_INT(0, mio_tcp_connect(&stream, &addr.u.any, addr.len));
	put(&pair.b, "x");
	CHECK_INT(1,
	    mio_source_sendto(
		&udp, "u", 1, 0, &udp_addr.u.any, udp_addr.len));
	await_fd(mio_source_handle(&listener), POLLIN);
	await_fd(mio_source_handle(&pair.a), POLLIN);
	await_fd(mio_source_handle(&udp), POLLIN);
	CHECK_INT(0, mio_registry_deregister(loop.registry, &listener));
	CHECK_INT(0, mio_registry_deregister(loop.registry, &pair.a));
	CHECK_INT(0, mio_registry_deregister(loop.registry, &udp));
	QUIET(&loop);

	CHECK_INT(0, mio_source_accept(&listener, &accepted, NULL, NULL));
	expect(&pair.a, "x");
	put(&pair.a, "y");
	expect(&pair.b, "y");
	CHECK_INT(1, mio_source_recv(&udp, &byte, 1, 0));
	QUIET(&loop);
	shut(&accepted);
	shut(&stream);
	shut(&listener);
	shut(&udp);
	pair_close(&pair);
	loop_close(&loop);
}

/* Readiness that a poll has seen but had no room for. */
TEST(reg_deregistered_is_not_kept_back, "reg-11 lim-01")
{
	enum { PIPES = 6 };
	struct loop loop;
	struct mio_source receivers[PIPES], senders[PIPES];
	mio_token seen;

	loop_open_capacity(&loop, 1);
	for (size_t i = 0; i < PIPES; ++i) {
		struct mio_source none = MIO_SOURCE_INIT;

		receivers[i] = senders[i] = none;
		CHECK_INT(0, mio_pipe_new(&receivers[i], &senders[i]));
		put(&senders[i], "x");
		CHECK_INT(0,
		    mio_registry_register(
			loop.registry, &receivers[i], i, R));
	}
	CHECK_INT(1, loop_poll(&loop, 5 * MIO_SEC));
	seen = mio_events_get(loop.events, 0)->token;
	ck_assert_uint_lt(seen, PIPES);
	for (size_t i = 0; i < PIPES; ++i)
		CHECK_INT(0,
		    mio_registry_deregister(loop.registry, &receivers[i]));
	QUIET(&loop);
	for (size_t i = 0; i < PIPES; ++i) {
		shut(&receivers[i]);
		shut(&senders[i]);
	}
	loop_close(&loop);
}

TEST(reg_stale_events_are_harmless, "reg-13")
{
	struct loop loop;
	struct pair pairs[2];
	int64_t end = now_ns() + 5 * MIO_SEC * (int)slowness();
	size_t handled = 0;

	loop_open_capacity(&loop, 16);
	for (size_t i = 0; i < LEN(pairs); ++i) {
		PAIR(&pairs[i]);
		put(&pairs[i].b, "x");
		await_fd(mio_source_handle(&pairs[i].a), POLLIN);
		CHECK_INT(0,
		    mio_registry_register(
			loop.registry, &pairs[i].a, i, R));
	}
	while (handled == 0 && now_ns() < end) {
		loop_poll(&loop, MIO_SEC);
		MIO_EVENTS_FOREACH(event, loop.events) {
			size_t other = 1 - event->token;

			ck_assert_uint_le(event->token, 1);
			++handled;
			CHECK_INT(0,
			    mio_registry_deregister(
				loop.registry, &pairs[other].a));
			CHECK_INT(0, mio_source_close(&pairs[other].a));
			mio_events_forget(loop.events, other);
		}
	}
	/* The second event was there but forgotten. */
	ck_assert_uint_eq(handled, 1);
	QUIET(&loop);
	for (size_t i = 0; i < LEN(pairs); ++i)
		pair_close(&pairs[i]);
	loop_close(&loop);
}

TEST(reg_reference_is_the_same_registry, "reg-14 regr-16")
{
	struct loop loop;
	struct mio_registry *other;
	struct pair pair;
	struct fds before;
	int more[4];
	size_t n;

	loop_open(&loop);
	PAIR(&pair);
	fds_get(&before);
	other = mio_registry_ref(loop.registry);
	ck_assert_ptr_nonnull(other);
	n = fds_since(&before, more, LEN(more));
	for (size_t i = 0; i < n; ++i)
		ck_assert(is_cloexec(more[i]));
	CHECK_INT(0, mio_registry_register(other, &pair.a, 1, W));
	WAIT(&loop, 1, W);
	CHECK_FAILS(
	    EEXIST, mio_registry_register(loop.registry, &pair.a, 1, W));
	CHECK_INT(0, mio_registry_deregister(loop.registry, &pair.a));
	CHECK_INT(0, mio_registry_register(other, &pair.a, 2, W));
	/* The poll's registry outlives the reference. */
	mio_registry_unref(other);
	WAIT(&loop, 2, W);
	CHECK_INT(0, mio_registry_deregister(loop.registry, &pair.a));

	/* And a reference the poll. */
	other = mio_registry_ref(mio_registry_ref(loop.registry));
	loop_close(&loop);
	mio_registry_unref(other);
	CHECK_INT(0, mio_registry_register(other, &pair.a, 3, W));
	mio_registry_unref(other);
	mio_registry_unref(NULL);
	ck_assert_ptr_null(mio_registry_ref(NULL));
	pair_close(&pair);
}

/* What a source with callbacks is in Rust is in C a struct that has some. */
struct duplex {
	char padding[3];
	struct mio_source *in;
	struct mio_source out;
};

static int
duplex_register(
    struct duplex *duplex, struct mio_registry *registry, mio_token token)
{
	if (mio_registry_register(registry, duplex->in, token, R) == -1)
		return -1;
	if (mio_registry_register(registry, &duplex->out, token + 1, W) == 0)
		return 0;
	int error = errno;
	mio_registry_deregister(registry, duplex->in);
	errno = error;
	return -1;
}

TEST(reg_takes_sources_inside_other_things, "reg-15 reg-16 evt-16 fd-10")
{
	struct loop loop;
	struct mio_source in = MIO_SOURCE_INIT;
	struct duplex duplex = { "", &in, MIO_SOURCE_INIT }, moved;

	loop_open(&loop);
	/* Errors come back unchanged. */
	CHECK_FAILS(EBADF, duplex_register(&duplex, loop.registry, 10));
	CHECK_INT(0, mio_pipe_new(&in, &duplex.out));
	CHECK_INT(0, mio_registry_register(loop.registry, &duplex.out, 9, W));
	CHECK_FAILS(EEXIST, duplex_register(&duplex, loop.registry, 10));
	CHECK_INT(0, mio_registry_deregister(loop.registry, &duplex.out));

	CHECK_INT(0, duplex_register(&duplex, loop.registry, 10));
	WAIT(&loop, 11, W);
	put(&duplex.out, "x");
	WAIT(&loop, 10, R);

	/* Plain data: it may be moved while it is registered. */
	moved = duplex;
	memset(&duplex, 0xff, sizeof(duplex));
	CHECK_INT(
	    0, mio_registry_reregister(loop.registry, &moved.out, 12, W));
	WAIT(&loop, 12, W);
	CHECK_INT(0, mio_registry_deregister(loop.registry, moved.in));
	CHECK_INT(0, mio_registry_deregister(loop.registry, &moved.out));
	QUIET(&loop);
	shut(&moved.out);
	shut(&in);
	loop_close(&loop);
}

TEST(reg_nothing_is_ready_unregistered, "reg-17")
{
	struct loop loop;
	struct pair pair;

	loop_open(&loop);
	PAIR(&pair);
	put(&pair.a, "x");
	put(&pair.b, "x");
	QUIET(&loop);
	pair_close(&pair);
	loop_close(&loop);
}

TEST(reg_foreign_registry_is_enoent, "reg-18 reg-19 B-7")
{
	struct loop first, second;
	struct pair pair;

	loop_open(&first);
	loop_open(&second);
	PAIR(&pair);
	CHECK_INT(0, mio_registry_register(first.registry, &pair.a, 1, R));
	CHECK_FAILS(
	    ENOENT, mio_registry_reregister(second.registry, &pair.a, 2, W));
	CHECK_FAILS(
	    ENOENT, mio_registry_deregister(second.registry, &pair.a));
	CHECK_FAILS(
	    EEXIST, mio_registry_register(second.registry, &pair.a, 2, W));
	/* Still the first one's, as it was. */
	QUIET(&second);
	QUIET(&first);
	put(&pair.b, "x");
	WAIT(&first, 1, R);
	CHECK_INT(0, mio_registry_reregister(first.registry, &pair.a, 3, R));
	WAIT(&first, 3, R);
	CHECK_INT(0, mio_registry_deregister(first.registry, &pair.a));
	CHECK_FAILS(ENOENT, mio_registry_deregister(first.registry, &pair.a));
	pair_close(&pair);
	loop_close(&second);
	loop_close(&first);
}

TEST(reg_moves_to_another_poll, "reg-20")
{
	struct loop first, second;
	struct pair pair;

	loop_open(&first);
	loop_open(&second);
	PAIR(&pair);
	put(&pair.b, "x");
	CHECK_INT(0, mio_registry_register(first.registry, &pair.a, 1, R));
	WAIT(&first, 1, R);
	CHECK_INT(0, mio_registry_deregister(first.registry, &pair.a));
	CHECK_INT(0, mio_registry_register(second.registry, &pair.a, 2, R));
	WAIT(&second, 2, R);
	drain(&pair.a);
	put(&pair.b, "y");
	WAIT(&second, 2, R);
	QUIET(&first);
	pair_close(&pair);
	loop_close(&second);
	loop_close(&first);
}

TEST(reg_refuses_bad_interests, "reg-21 int-03 int-04 int-12 regr-22")
{
	static const unsigned invalid[] = { 0, 0x20, 0x80, MIO_READ_CLOSED,
		MIO_WRITE_CLOSED, MIO_ERROR, R | 0x20, R | W | MIO_ERROR,
		0x80000000U, R | 0x40000U, MIO_EXCLUSIVE, MIO_LEVEL,
		MIO_EXCLUSIVE | MIO_LEVEL, UINT32_MAX };
	struct loop loop;
	struct pair pair;
	int fd;

	loop_open(&loop);
	PAIR(&pair);
	fd = mio_source_handle(&pair.b);
	for (size_t i = 0; i < LEN(invalid); ++i) {
		CHECK_FAILS(EINVAL,
		    mio_registry_register(
			loop.registry, &pair.a, 1, invalid[i]));
		CHECK_FAILS(EINVAL,
		    mio_registry_register_fd(
			loop.registry, fd, 1, invalid[i]));
	}
	CHECK_FAILS(ENOENT, mio_registry_deregister(loop.registry, &pair.a));
	if (!raw_is_lenient())
		CHECK_FAILS(
		    ENOENT, mio_registry_deregister_fd(loop.registry, fd));

	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 1, R));
	CHECK_INT(0, mio_registry_register_fd(loop.registry, fd, 2, R));
	for (size_t i = 0; i < LEN(invalid); ++i) {
		CHECK_FAILS(EINVAL,
		    mio_registry_reregister(
			loop.registry, &pair.a, 3, invalid[i]));
		CHECK_FAILS(EINVAL,
		    mio_registry_reregister_fd(
			loop.registry, fd, 3, invalid[i]));
	}
	QUIET(&loop);
	put(&pair.b, "x");
	WAIT(&loop, 1, R);
	put(&pair.a, "x");
	WAIT(&loop, 2, R);
	CHECK_INT(0, mio_registry_deregister_fd(loop.registry, fd));
	pair_close(&pair);
	loop_close(&loop);
}

TEST(reg_unsupported_interests_are_enotsup, "int-04 int-12")
{
	/* POSIX AIO and some systems' kqueue go together. */
	const unsigned aio = selector_is("kqueue") ? P : MIO_AIO;
	const unsigned lio = selector_is("kqueue") ? P : MIO_LIO;
	const unsigned unsupported[] = { aio, lio, R | aio, R | W | lio };
	struct loop loop;
	struct pair pair;

	loop_open(&loop);
	PAIR(&pair);
	for (size_t i = 0; i < LEN(unsupported); ++i)
		CHECK_FAILS(ENOTSUP,
		    mio_registry_register(
			loop.registry, &pair.a, 1, unsupported[i]));
	if (!selector_is("epoll"))
		CHECK_FAILS(ENOTSUP,
		    mio_registry_register(
			loop.registry, &pair.a, 1, R | MIO_EXCLUSIVE));
	CHECK_FAILS(ENOENT, mio_registry_deregister(loop.registry, &pair.a));
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 1, R));
	for (size_t i = 0; i < LEN(unsupported); ++i)
		CHECK_FAILS(ENOTSUP,
		    mio_registry_reregister(
			loop.registry, &pair.a, 2, unsupported[i]));
	QUIET(&loop);
	put(&pair.b, "x");
	WAIT(&loop, 1, R);
	pair_close(&pair);
	loop_close(&loop);
}

TEST(reg_connecting_stream_needs_one_registration, "reg-22")
{
	struct loop loop;
	struct mio_source listener = MIO_SOURCE_INIT;
	struct mio_source stream = MIO_SOURCE_INIT;
	struct mio_source accepted = MIO_SOURCE_INIT;
	struct addr addr;

	loop_open(&loop);
	addr = listen_on(&listener, AF_INET);
	CHECK_INT(0, mio_tcp_connect(&stream, &addr.u.any, addr.len));
	CHECK_INT(0, mio_registry_register(loop.registry, &stream, 1, R | W));
	WAIT(&loop, 1, W);
	CHECK_INT(0, mio_source_connect_result(&stream));
	drain(&stream);
	accept_one(&listener, &accepted);
	put(&accepted, "x");
	WAIT(&loop, 1, R);
	expect(&stream, "x");
	shut(&accepted);
	shut(&stream);
	shut(&listener);
	loop_close(&loop);
}

TEST(reg_of_a_hung_up_source_reports_it, "reg-23")
{
	struct loop loop;
	struct mio_source receiver = MIO_SOURCE_INIT;
	struct mio_source sender = MIO_SOURCE_INIT;

	loop_open(&loop);
	CHECK_INT(0, mio_pipe_new(&receiver, &sender));
	shut(&sender);
	CHECK_INT(0, mio_registry_register(loop.registry, &receiver, 2, R));
	WAIT(&loop, 2, R | RC);
	shut(&receiver);
	loop_close(&loop);
}

TEST(reg_of_a_readerless_pipe_reports_it, "reg-23")
{
	struct loop loop;
	struct mio_source receiver = MIO_SOURCE_INIT;
	struct mio_source sender = MIO_SOURCE_INIT;

	loop_open(&loop);
	CHECK_INT(0, mio_pipe_new(&receiver, &sender));
	shut(&receiver);
	CHECK_INT(0, mio_registry_register(loop.registry, &sender, 1, W));
	WAIT(&loop, 1, W | WC);
	shut(&sender);
	loop_close(&loop);
}

TEST(reg_of_a_readerless_pipe_succeeds, "reg-23 regr-25")
{
	static const unsigned interests[] = { W, R | W };

	for (size_t i = 0; i < LEN(interests); ++i) {
		struct loop loop;
		struct mio_source receiver = MIO_SOURCE_INIT;
		struct mio_source sender = MIO_SOURCE_INIT;
		struct mio_source other = MIO_SOURCE_INIT;

		loop_open(&loop);
		CHECK_INT(0, mio_pipe_new(&receiver, &sender));
		shut(&receiver);
		CHECK_INT(0,
		    mio_registry_register(
			loop.registry, &sender, 1, interests[i]));
		SETTLE(&loop);
		CHECK_INT(0,
		    mio_registry_reregister(
			loop.registry, &sender, 2, interests[i]));
		CHECK_INT(0, mio_registry_deregister(loop.registry, &sender));
		QUIET(&loop);
		shut(&sender);
		/* Others come as ever. */
		CHECK_INT(0, mio_pipe_new(&receiver, &other));
		CHECK_INT(0,
		    mio_registry_register(loop.registry, &other, 3, W));
		WAIT(&loop, 3, W);
		shut(&receiver);
		shut(&other);
		loop_close(&loop);
	}
}

/* The (5). */
TEST(reg_reregister_after_a_hangup_reports_it_again, "reg-23 reg-09 B-1")
{
	struct loop loop;
	struct mio_source receiver = MIO_SOURCE_INIT;
	struct mio_source sender = MIO_SOURCE_INIT;

	loop_open(&loop);
	CHECK_INT(0, mio_pipe_new(&receiver, &sender));
	CHECK_INT(0, mio_registry_register(loop.registry, &receiver, 1, R));
	shut(&sender);
	WAIT(&loop, 1, R | RC);
	SETTLE(&loop);
	CHECK_INT(
	    0, mio_registry_reregister(loop.registry, &receiver, 2, R));
	WAIT(&loop, 2, R | RC);
	SETTLE(&loop);
	CHECK_INT(0, mio_registry_deregister(loop.registry, &receiver));
	CHECK_FAILS(
	    ENOENT, mio_registry_deregister(loop.registry, &receiver));
	shut(&receiver);
	loop_close(&loop);
}

TEST(reg_refuses_null_and_closed, "reg-19 reg-21")
{
	struct loop loop;
	struct mio_source never = MIO_SOURCE_INIT, closed = MIO_SOURCE_INIT;
	struct mio_source other = MIO_SOURCE_INIT;
	struct pair pair;
	int fd;

	loop_open(&loop);
	PAIR(&pair);
	CHECK_FAILS(EINVAL, mio_registry_register(NULL, &pair.a, 1, R));
	CHECK_FAILS(EINVAL, mio_registry_reregister(NULL, &pair.a, 1, R));
	CHECK_FAILS(EINVAL, mio_registry_deregister(NULL, &pair.a));
	CHECK_FAILS(EINVAL, mio_registry_register(loop.registry, NULL, 1, R));
	CHECK_FAILS(
	    EINVAL, mio_registry_reregister(loop.registry, NULL, 1, R));
	CHECK_FAILS(EINVAL, mio_registry_deregister(loop.registry, NULL));
	CHECK_FAILS(EINVAL, mio_registry_register_fd(NULL, 0, 1, R));
	CHECK_FAILS(EINVAL, mio_registry_reregister_fd(NULL, 0, 1, R));
	CHECK_FAILS(EINVAL, mio_registry_deregister_fd(NULL, 0));
	CHECK_FAILS(EINVAL, mio_registry_rearm_fd(NULL, 0, R));

	CHECK_FAILS(
	    EBADF, mio_registry_register(loop.registry, &never, 1, R));
	CHECK_FAILS(
	    EBADF, mio_registry_reregister(loop.registry, &never, 1, R));
	CHECK_FAILS(EBADF, mio_registry_deregister(loop.registry, &never));
	/* Closed through the library after it was registered. */
	CHECK_INT(0, mio_pipe_new(&closed, &other));
	CHECK_INT(0, mio_registry_register(loop.registry, &closed, 1, R));
	fd = mio_source_handle(&closed);
	CHECK_INT(0, mio_source_close(&closed));
	CHECK_FAILS(
	    EBADF, mio_registry_register(loop.registry, &closed, 1, R));
	CHECK_FAILS(
	    EBADF, mio_registry_reregister(loop.registry, &closed, 1, R));
	CHECK_FAILS(EBADF, mio_registry_deregister(loop.registry, &closed));
	CHECK_FAILS(
	    EBADF, mio_registry_register_fd(loop.registry, fd, 1, R));
	CHECK_FAILS(
	    EBADF, mio_registry_register_fd(loop.registry, -1, 1, R));
	CHECK_FAILS(
	    EBADF, mio_registry_register_fd(loop.registry, INT32_MAX, 1, R));
	CHECK_FAILS(
	    EBADF, mio_registry_reregister_fd(loop.registry, -1, 1, R));
	CHECK_FAILS(EBADF, mio_registry_deregister_fd(loop.registry, -1));

	/* The descriptor closed behind the source's back. */
	close(mio_source_handle(&other));
	CHECK_FAILS(
	    EBADF, mio_registry_register(loop.registry, &other, 1, R));
	CHECK_FAILS(EBADF, mio_source_close(&other));
	QUIET(&loop);
	pair_close(&pair);
	loop_close(&loop);
}

TEST(reg_rearm_of_unknown_descriptors, "reg-19")
{
	struct loop loop;
	struct pair pair;
	int fd;

	loop_open(&loop);
	PAIR(&pair);
	fd = mio_source_handle(&pair.a);
	if (selector_is("poll")) {
		CHECK_FAILS(
		    EBADF, mio_registry_rearm_fd(loop.registry, -1, R));
		CHECK_FAILS(
		    ENOENT, mio_registry_rearm_fd(loop.registry, fd, R));
		CHECK_INT(
		    0, mio_registry_register_fd(loop.registry, fd, 1, R));
		CHECK_FAILS(
		    EINVAL, mio_registry_rearm_fd(loop.registry, fd, 0));
		CHECK_FAILS(EINVAL,
		    mio_registry_rearm_fd(loop.registry, fd, MIO_ERROR));
		CHECK_INT(
		    0, mio_registry_rearm_fd(loop.registry, fd, R | W));
		/* It adds no interest. */
		QUIET(&loop);
		CHECK_INT(0, mio_registry_deregister_fd(loop.registry, fd));
	} else {
		CHECK_INT(0, mio_registry_rearm_fd(loop.registry, -1, R));
		CHECK_INT(0, mio_registry_rearm_fd(loop.registry, fd, W));
	}
	pair_close(&pair);
	loop_close(&loop);
}

enum { LIVES = 400 };

struct lives {
	struct mio_registry *registry;
	struct mio_source *receiver, *sender;
	atomic_size_t dead; /* tokens up to here are deregistered */
	atomic_size_t seen; /* events */
	int failures;
};

/* A source is registered, gets ready and is deregistered, over and over. */
static void *
live(void *arg)
{
	struct lives *lives = arg;
	int fd = mio_source_handle(lives->receiver);

	for (size_t token = 1; token <= LIVES; ++token) {
		size_t seen = atomic_load(&lives->seen);
		bool raw = token % 2;
		char byte;

		lives->failures +=
		    (raw ? mio_registry_register_fd(
			       lives->registry, fd, token, R)
			 : mio_registry_register(lives->registry,
			       lives->receiver, token, R)) != 0;
		lives->failures +=
		    mio_source_write(lives->sender, "x", 1) != 1;
		/* Now and then the other thread comes first. */
		for (int ms = 0; token % 16 == 0 && ms < 5000 &&
				 atomic_load(&lives->seen) == seen;
		     ++ms)
			pause_ms(1);
		lives->failures +=
		    (raw ? mio_registry_deregister_fd(lives->registry, fd)
			 : mio_registry_deregister(lives->registry,
			       lives->receiver)) != 0;
		atomic_store(&lives->dead, token);
		lives->failures +=
		    mio_source_read(lives->receiver, &byte, 1) != 1;
	}
	return NULL;
}

TEST_NEEDS(reg_deregistered_while_another_thread_waits,
    "reg-11 poll-17 poll-25", NEEDS_THREADS)
{
	struct loop loop;
	struct mio_source receiver = MIO_SOURCE_INIT;
	struct mio_source sender = MIO_SOURCE_INIT;
	struct lives lives;
	pthread_t thread;
	size_t dead = 0;

	loop_open(&loop);
	CHECK_INT(0, mio_pipe_new(&receiver, &sender));
	memset(&lives, 0, sizeof(lives));
	lives.registry = loop.registry;
	lives.receiver = &receiver;
	lives.sender = &sender;
	thread = thread_start(live, &lives);
	while (dead < LIVES) {
		dead = atomic_load(&lives.dead);
		loop_poll(&loop, dead < LIVES ? 2 * MIO_MSEC : 0);
		MIO_EVENTS_FOREACH(event, loop.events) {
			ck_assert_uint_gt(event->token, dead);
			atomic_fetch_add(&lives.seen, 1);
		}
	}
	thread_join(thread);
	ck_assert_int_eq(lives.failures, 0);
	ck_assert_uint_ge(atomic_load(&lives.seen), LIVES / 16);
	QUIET(&loop);
	CHECK_INT(
	    0, mio_registry_register(loop.registry, &receiver, LIVES + 1, R));
	put(&sender, "x");
	WAIT(&loop, LIVES + 1, R);
	shut(&receiver);
	shut(&sender);
	loop_close(&loop);
}

/* A table that grows, shrinks and is used again. */
TEST(reg_survives_many_changes, "reg-06 reg-07 reg-11")
{
	enum { PIPES = 40 };
	struct loop loop;
	struct mio_source receivers[PIPES], senders[PIPES];
	unsigned random = 12345;
	bool registered[PIPES] = { false };

	NEED_DESCRIPTORS(2 * PIPES);
	loop_open(&loop);
	for (size_t i = 0; i < PIPES; ++i) {
		struct mio_source none = MIO_SOURCE_INIT;

		receivers[i] = senders[i] = none;
		CHECK_INT(0, mio_pipe_new(&receivers[i], &senders[i]));
	}
	for (int turn = 0; turn < 2000; ++turn) {
		size_t i;

		random = random * 1103515245U + 12345U;
		i = random >> 16 & 0x7fff;
		i %= PIPES;
		if (registered[i])
			CHECK_INT(0,
			    mio_registry_deregister(
				loop.registry, &receivers[i]));
		else
			CHECK_INT(0,
			    mio_registry_register(
				loop.registry, &receivers[i], i, R));
		registered[i] = !registered[i];
	}
	QUIET(&loop);
	for (size_t i = 0; i < PIPES; ++i)
		put(&senders[i], "x");
	for (size_t i = 0; i < PIPES; ++i) {
		if (registered[i])
			CHECK_INT(0,
			    mio_registry_reregister(loop.registry,
				&receivers[i], 1000 + i, R));
		else
			CHECK_FAILS(ENOENT,
			    mio_registry_reregister(loop.registry,
				&receivers[i], 1000 + i, R));
	}
	for (size_t i = 0; i < PIPES; ++i)
		if (!registered[i])
			CHECK_INT(0,
			    mio_registry_register(loop.registry,
				&receivers[i], 1000 + i, R));
	WAIT_ALL(&loop, 1000, PIPES, R);
	for (size_t i = 0; i < PIPES; ++i) {
		shut(&receivers[i]);
		shut(&senders[i]);
	}
	QUIET(&loop);
	loop_close(&loop);
}

SUITE(reg, &reg_reports_what_is_ready_already, &reg_twice_is_eexist,
    &reg_with_a_second_poll_is_eexist, &reg_unknown_source_is_enoent,
    &reg_again_after_deregister, &reg_reregister_replaces_all,
    &reg_reregister_drops_other_readiness, &reg_reregister_reports_again,
    &reg_reregister_from_readable_to_writable,
    &reg_deregistered_is_silent_and_works, &reg_deregistered_is_not_kept_back,
    &reg_stale_events_are_harmless, &reg_reference_is_the_same_registry,
    &reg_takes_sources_inside_other_things,
    &reg_nothing_is_ready_unregistered, &reg_foreign_registry_is_enoent,
    &reg_moves_to_another_poll, &reg_refuses_bad_interests,
    &reg_unsupported_interests_are_enotsup,
    &reg_connecting_stream_needs_one_registration,
    &reg_of_a_hung_up_source_reports_it,
    &reg_of_a_readerless_pipe_reports_it,
    &reg_of_a_readerless_pipe_succeeds,
    &reg_reregister_after_a_hangup_reports_it_again,
    &reg_refuses_null_and_closed, &reg_rearm_of_unknown_descriptors,
    &reg_deregistered_while_another_thread_waits,
    &reg_survives_many_changes);
