/* SPDX-License-Identifier: MIT */
/*
 * MIO_LEVEL: reported by every mio_poll as long as it is so.  mio has no such
 * thing; the rows are those whose rule it lifts, or that hold for it as well.
 */

#include "config.h"

#include "harness.h"

#include <poll.h>
#include <unistd.h>

#define LEVEL MIO_LEVEL

enum { A = 1, B, C };

/* Each of some polls in a row has all the flags, none waits to the end. */
#define STAYS(loop, token, flags)                                            \
	do {                                                                 \
		for (int stays_ = 0; stays_ < 4; ++stays_) {                 \
			ck_assert_int_gt(                                    \
			    loop_poll((loop), 10 * MIO_SEC), 0);             \
			ck_assert(flags_cover(                               \
			    loop_flags((loop), (token)), (flags)));          \
		}                                                            \
	} while (0)

/* A source as such, or its descriptor: the rules are the same. */
static int
watch(struct loop *loop, bool raw, struct mio_source *source, mio_token token,
    unsigned interests)
{
	if (raw)
		return mio_registry_register_fd(loop->registry,
		    mio_source_handle(source), token, interests);
	return mio_registry_register(loop->registry, source, token, interests);
}

static int
watch_anew(struct loop *loop, bool raw, struct mio_source *source,
    mio_token token, unsigned interests)
{
	if (raw)
		return mio_registry_reregister_fd(loop->registry,
		    mio_source_handle(source), token, interests);
	return mio_registry_reregister(
	    loop->registry, source, token, interests);
}

static int
watch_no_more(struct loop *loop, bool raw, struct mio_source *source)
{
	if (raw)
		return mio_registry_deregister_fd(
		    loop->registry, mio_source_handle(source));
	return mio_registry_deregister(loop->registry, source);
}

/* As a library would that knows nothing of ours: nothing is re-armed. */
static size_t
swallow(const struct mio_source *source, size_t most)
{
	char buf[512];
	size_t total = 0;

	while (total < most) {
		size_t room =
		    most - total < sizeof(buf) ? most - total : sizeof(buf);
		ssize_t n = read(mio_source_handle(source), buf, room);

		if (n <= 0)
			break;
		total += (size_t)n;
	}
	return total;
}

static void
stuff(const struct mio_source *source)
{
	static const char junk[4096];

	while (write(mio_source_handle(source), junk, sizeof(junk)) > 0)
		continue;
	ck_assert(errno == EAGAIN || errno == EWOULDBLOCK);
}

TEST(level_unread_data_stays, "poll-11 poll-12 fd-06")
{
	for (int raw = 0; raw < 2; ++raw) {
		struct loop loop;
		struct pair pair;
		char text[3];

		loop_open(&loop);
		PAIR(&pair);
		CHECK_INT(0, watch(&loop, raw, &pair.a, A, R | LEVEL));
		QUIET(&loop);
		for (int round = 0; round < 2; ++round) {
			put(&pair.b, "abcdefgh");
			WAIT(&loop, A, R);
			STAYS(&loop, A, R);
			CHECK_INT(2, swallow(&pair.a, 2));
			STAYS(&loop, A, R);
			/* Nor do the library's calls change it. */
			CHECK_INT(3, mio_source_read(&pair.a, text, 3));
			STAYS(&loop, A, R);
			CHECK_INT(3, swallow(&pair.a, 100));
			QUIET(&loop);
		}
		put(&pair.b, "x");
		WAIT(&loop, A, R);
		CHECK_INT(1, drain(&pair.a));
		QUIET(&loop);
		put(&pair.b, "x");
		WAIT(&loop, A, R);
		STAYS(&loop, A, R);
		pair_close(&pair);
		loop_close(&loop);
	}
}

TEST(level_of_what_was_ready_before, "reg-01 reg-09")
{
	for (int raw = 0; raw < 2; ++raw) {
		struct loop loop;
		struct pair pair;

		loop_open(&loop);
		PAIR(&pair);
		put(&pair.b, "x");
		await_fd(mio_source_handle(&pair.a), POLLIN);
		CHECK_INT(0, watch(&loop, raw, &pair.a, A, R | W | LEVEL));
		STAYS(&loop, A, R | W);
		CHECK_INT(0, watch_anew(&loop, raw, &pair.a, B, R | W | LEVEL));
		STAYS(&loop, B, R | W);
		ck_assert_uint_eq(loop_count(&loop, A), 0);
		CHECK_INT(0, watch_anew(&loop, raw, &pair.a, B, W | LEVEL));
		STAYS(&loop, B, W);
		pair_close(&pair);
		loop_close(&loop);
	}
}

TEST(level_room_stays, "poll-11 pipe-06")
{
	for (int raw = 0; raw < 2; ++raw) {
		struct mio_source receiver = MIO_SOURCE_INIT;
		struct mio_source sender = MIO_SOURCE_INIT;
		struct loop loop;

		loop_open(&loop);
		CHECK_INT(0, mio_pipe_new(&receiver, &sender));
		CHECK_INT(0, watch(&loop, raw, &sender, A, W | LEVEL));
		STAYS(&loop, A, W);
		for (int round = 0; round < 2; ++round) {
			stuff(&sender);
			QUIET(&loop);
			ck_assert_uint_gt(swallow(&receiver, SIZE_MAX), 0);
			STAYS(&loop, A, W);
		}
		shut(&receiver);
		shut(&sender);
		loop_close(&loop);
	}
}

TEST(level_of_a_listener, "poll-11 poll-12")
{
	for (int raw = 0; raw < 2; ++raw) {
		struct mio_source listener = MIO_SOURCE_INIT;
		struct mio_source streams[4];
		struct loop loop;
		struct addr addr;

		loop_open(&loop);
		addr = listen_on(&listener, AF_INET);
		CHECK_INT(0, watch(&loop, raw, &listener, A, R | LEVEL));
		QUIET(&loop);
		for (size_t i = 0; i < LEN(streams); ++i)
			streams[i] = (struct mio_source)MIO_SOURCE_INIT;
		for (size_t i = 0; i < 2; ++i)
			CHECK_INT(0, mio_tcp_connect(
					 &streams[i], &addr.u.any, addr.len));
		WAIT(&loop, A, R);
		STAYS(&loop, A, R);
		accept_one(&listener, &streams[2]);
		WAIT(&loop, A, R);
		STAYS(&loop, A, R);
		accept_one(&listener, &streams[3]);
		QUIET(&loop);
		for (size_t i = 0; i < LEN(streams); ++i)
			shut(&streams[i]);
		shut(&listener);
		loop_close(&loop);
	}
}

TEST(level_half_close_stays, "tcps-19 evt-09")
{
	for (int raw = 0; raw < 2; ++raw) {
		struct loop loop;
		struct pair pair;

		loop_open(&loop);
		PAIR(&pair);
		CHECK_INT(0, watch(&loop, raw, &pair.a, A, R | LEVEL));
		put(&pair.b, "x");
		CHECK_INT(0, mio_source_shutdown(&pair.b, SHUT_WR));
		WAIT(&loop, A, R | RC);
		STAYS(&loop, A, R | RC);
		CHECK_INT(1, swallow(&pair.a, 100));
		STAYS(&loop, A, R | RC);
		CHECK_INT(0, watch_anew(&loop, raw, &pair.a, B, R));
		WAIT(&loop, B, R | RC);
		QUIET(&loop);
		pair_close(&pair);
		loop_close(&loop);
	}
}

TEST(level_hang_up_stays, "pipe-06 evt-09 evt-10")
{
	for (int raw = 0; raw < 2; ++raw) {
		struct mio_source receiver = MIO_SOURCE_INIT;
		struct mio_source sender = MIO_SOURCE_INIT;
		struct loop loop;

		loop_open(&loop);
		CHECK_INT(0, mio_pipe_new(&receiver, &sender));
		CHECK_INT(0, watch(&loop, raw, &receiver, A, R | LEVEL));
		QUIET(&loop);
		shut(&sender);
		WAIT(&loop, A, R | RC);
		STAYS(&loop, A, R | RC);
		CHECK_INT(0, watch_no_more(&loop, raw, &receiver));
		QUIET(&loop);
		shut(&receiver);

		CHECK_INT(0, mio_pipe_new(&receiver, &sender));
		CHECK_INT(0, watch(&loop, raw, &sender, B, W | LEVEL));
		stuff(&sender);
		QUIET(&loop);
		shut(&receiver);
		WAIT(&loop, B, W | WC | lone_error());
		STAYS(&loop, B, W | WC | lone_error());
		CHECK_INT(0, watch_no_more(&loop, raw, &sender));
		QUIET(&loop);
		shut(&sender);
		loop_close(&loop);
	}
}

TEST(level_reset_stays, "tcps-16 tcps-18 evt-08")
{
	for (int raw = 0; raw < 2; ++raw) {
		struct loop loop;
		struct pair pair;
		char byte;

		loop_open(&loop);
		PAIR(&pair);
		CHECK_INT(0, watch(&loop, raw, &pair.a, A, R | W | LEVEL));
		abort_connection(&pair.b);
		WAIT(&loop, A, R | W | E | RC | WC);
		STAYS(&loop, A, R | W | E | RC | WC);
		CHECK_FAILS(ECONNRESET, mio_source_read(&pair.a, &byte, 1));
		/* The error was fetched, the end is there. */
		STAYS(&loop, A, R | W | RC | WC);
		CHECK_INT(0, mio_source_read(&pair.a, &byte, 1));
		STAYS(&loop, A, R | W | RC | WC);
		pair_close(&pair);
		loop_close(&loop);
	}
}

TEST(level_error_stays_until_fetched, "evt-08 int-11")
{
	for (int raw = 0; raw < 2; ++raw) {
		struct mio_source taken = MIO_SOURCE_INIT;
		struct mio_source socket = MIO_SOURCE_INIT;
		struct addr dead, any = loopback(AF_INET);
		struct loop loop;
		int error;

		loop_open(&loop);
		dead = dead_udp(&taken, AF_INET);
		CHECK_INT(0, mio_udp_bind(&socket, &any.u.any, any.len));
		CHECK_INT(
		    0, mio_source_connect(&socket, &dead.u.any, dead.len));
		CHECK_INT(0, watch(&loop, raw, &socket, A, R | LEVEL));
		for (int round = 0; round < 2; ++round) {
			CHECK_INT(1, mio_source_send(&socket, "x", 1, 0));
			WAIT(&loop, A, R | lone_error());
			STAYS(&loop, A, R | lone_error());
			CHECK_INT(0, mio_source_take_error(&socket, &error));
			ck_assert_int_eq(error, ECONNREFUSED);
			QUIET(&loop);
		}
		shut(&socket);
		shut(&taken);
		loop_close(&loop);
	}
}

TEST(level_to_edge_and_back, "reg-07 reg-09 poll-11")
{
	for (int raw = 0; raw < 2; ++raw) {
		struct loop loop;
		struct pair pair;

		loop_open(&loop);
		PAIR(&pair);
		put(&pair.b, "x");
		await_fd(mio_source_handle(&pair.a), POLLIN);
		CHECK_INT(0, watch(&loop, raw, &pair.a, A, R));
		for (int round = 0; round < 2; ++round) {
			WAIT(&loop, A, R);
			QUIET(&loop);
			CHECK_INT(
			    0, watch_anew(&loop, raw, &pair.a, B, R | LEVEL));
			STAYS(&loop, B, R);
			ck_assert_uint_eq(loop_count(&loop, A), 0);
			CHECK_INT(0, watch_anew(&loop, raw, &pair.a, A, R));
		}
		WAIT(&loop, A, R);
		QUIET(&loop);
		/* An edge as good as any. */
		CHECK_INT(
		    1, drain_fd(loop.registry, mio_source_handle(&pair.a)));
		QUIET(&loop);
		put(&pair.b, "x");
		WAIT(&loop, A, R);
		QUIET(&loop);
		pair_close(&pair);
		loop_close(&loop);
	}
}

/* Every set of directions into every other one, in both triggers. */
TEST(level_changes_with_the_directions, "reg-07 reg-08 reg-10")
{
	static const unsigned sets[] = { R, W, R | W, R | LEVEL, W | LEVEL,
		R | W | LEVEL };
	struct loop loop;
	struct pair pair;

	loop_open(&loop);
	PAIR(&pair);
	put(&pair.b, "x");
	await_fd(mio_source_handle(&pair.a), POLLIN);
	for (size_t i = 0; i < 2 * LEN(sets) * LEN(sets); ++i) {
		const bool raw = i % 2;
		const unsigned was = sets[i / 2 % LEN(sets)];
		const unsigned wanted = sets[i / 2 / LEN(sets)];

		CHECK_INT(0, watch(&loop, raw, &pair.a, A, was));
		WAIT(&loop, A, was & (R | W));
		CHECK_INT(0, watch_anew(&loop, raw, &pair.a, B, wanted));
		WAIT(&loop, B, wanted & (R | W));
		if (wanted & LEVEL)
			STAYS(&loop, B, wanted & (R | W));
		else
			ck_assert_int_eq(loop_poll(&loop, 0), 0);
		CHECK_INT(0, watch_no_more(&loop, raw, &pair.a));
		ck_assert_int_eq(loop_poll(&loop, 0), 0);
	}
	pair_close(&pair);
	loop_close(&loop);
}

TEST(level_beside_edges_and_a_waker, "poll-09")
{
	for (int raw = 0; raw < 2; ++raw) {
		struct mio_waker *waker;
		struct pair one, other;
		struct loop loop;

		loop_open(&loop);
		PAIR(&one);
		PAIR(&other);
		CHECK_INT(0, mio_waker_new(&waker, loop.registry, C));
		put(&one.b, "x");
		put(&other.b, "x");
		await_fd(mio_source_handle(&one.a), POLLIN);
		await_fd(mio_source_handle(&other.a), POLLIN);
		CHECK_INT(0, mio_waker_wake(waker));
		CHECK_INT(0, watch(&loop, raw, &one.a, A, R | LEVEL));
		CHECK_INT(0, watch(&loop, !raw, &other.a, B, R));
		WAIT_ALL(&loop, A, 3, R);
		for (int i = 0; i < 4; ++i) {
			ck_assert_int_eq(loop_poll(&loop, 10 * MIO_SEC), 1);
			ck_assert_uint_eq(loop_flags(&loop, A) & R, R);
		}
		CHECK_INT(0, mio_waker_wake(waker));
		WAIT(&loop, C, R);
		CHECK_INT(1, swallow(&one.a, 100));
		QUIET(&loop);
		mio_waker_free(waker);
		pair_close(&one);
		pair_close(&other);
		loop_close(&loop);
	}
}

/* Room for one event, more than one is ready all the time. */
TEST(level_sources_take_turns, "poll-09")
{
	enum { PAIRS = 5, ROUNDS = 12 };

	for (int raw = 0; raw < 2; ++raw) {
		struct pair pairs[PAIRS], edge;
		struct loop loop;
		size_t seen[PAIRS] = { 0 };
		int edges = 0;

		loop_open_capacity(&loop, 1);
		PAIR(&edge);
		for (size_t i = 0; i < PAIRS; ++i) {
			PAIR(&pairs[i]);
			put(&pairs[i].b, "x");
			await_fd(mio_source_handle(&pairs[i].a), POLLIN);
			CHECK_INT(
			    0, watch(&loop, raw, &pairs[i].a, i, R | LEVEL));
		}
		CHECK_INT(0, watch(&loop, raw, &edge.a, PAIRS, W));
		for (int i = 0; i < ROUNDS * (PAIRS + 1); ++i) {
			ck_assert_int_eq(loop_poll(&loop, 10 * MIO_SEC), 1);
			edges += loop_count(&loop, PAIRS) > 0;
			for (size_t j = 0; j < PAIRS; ++j)
				seen[j] += loop_count(&loop, j);
		}
		ck_assert_int_eq(edges, 1);
		for (size_t i = 0; i < PAIRS; ++i) {
			ck_assert_uint_ge(seen[i], ROUNDS / 2);
			pair_close(&pairs[i]);
		}
		pair_close(&edge);
		loop_close(&loop);
	}
}

TEST(level_deregistered_is_silent, "reg-06 reg-11 close-01")
{
	for (int raw = 0; raw < 2; ++raw) {
		struct loop loop;
		struct pair pair;

		loop_open(&loop);
		PAIR(&pair);
		put(&pair.b, "x");
		await_fd(mio_source_handle(&pair.a), POLLIN);
		CHECK_INT(0, watch(&loop, raw, &pair.a, A, R | LEVEL));
		STAYS(&loop, A, R);
		CHECK_INT(0, watch_no_more(&loop, raw, &pair.a));
		QUIET(&loop);
		/* And nothing of it is left. */
		CHECK_INT(0, watch(&loop, raw, &pair.a, B, R));
		WAIT(&loop, B, R);
		QUIET(&loop);
		CHECK_INT(0, watch_no_more(&loop, raw, &pair.a));
		CHECK_INT(0, watch(&loop, raw, &pair.a, C, R | LEVEL));
		STAYS(&loop, C, R);
		CHECK_INT(0, mio_source_close(&pair.a));
		QUIET(&loop);
		pair_close(&pair);
		loop_close(&loop);
	}
}

/* A number that is used again has nothing of what it stood for before. */
TEST(level_ends_with_the_descriptor, "fd-09")
{
	struct loop loop;
	struct pair pair;
	int fds[2], again[2];

	loop_open(&loop);
	PAIR(&pair);
	put(&pair.b, "x");
	for (int round = 0; round < 2; ++round) {
		CHECK_INT(0, pipe(fds));
		put_fd(fds[1], "x");
		CHECK_INT(0, mio_registry_register_fd(loop.registry, fds[0], A,
				 round == 0 ? R | LEVEL : R));
		WAIT(&loop, A, R);
		close(fds[0]);
		close(fds[1]);
		CHECK_INT(0, pipe(again));
		ck_assert_int_eq(again[0], fds[0]);
		put_fd(again[1], "x");
		CHECK_INT(0, mio_registry_register_fd(loop.registry, again[0],
				 B, round == 0 ? R : R | LEVEL));
		if (round == 0) {
			WAIT(&loop, B, R);
			QUIET(&loop);
		} else {
			STAYS(&loop, B, R);
		}
		CHECK_INT(
		    0, mio_registry_deregister_fd(loop.registry, again[0]));
		close(again[0]);
		close(again[1]);
	}
	pair_close(&pair);
	loop_close(&loop);
}

TEST(level_and_a_copy, "fd-07 fd-08")
{
	struct loop loop;
	struct pair pair;
	int copy;

	loop_open(&loop);
	PAIR(&pair);
	put(&pair.b, "x");
	await_fd(mio_source_handle(&pair.a), POLLIN);
	CHECK_CALL(copy = dup(mio_source_handle(&pair.a)));
	CHECK_INT(
	    0, mio_registry_register_fd(loop.registry, copy, A, R | LEVEL));
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, B, R));
	WAIT_ALL(&loop, A, 2, R);
	for (int i = 0; i < 4; ++i) {
		ck_assert_int_eq(loop_poll(&loop, 10 * MIO_SEC), 1);
		ck_assert_uint_eq(loop_flags(&loop, A) & R, R);
	}
	CHECK_INT(0, mio_registry_reregister_fd(loop.registry, copy, A, R));
	CHECK_INT(
	    0, mio_registry_reregister(loop.registry, &pair.a, B, R | LEVEL));
	WAIT_ALL(&loop, A, 2, R);
	for (int i = 0; i < 4; ++i) {
		ck_assert_int_eq(loop_poll(&loop, 10 * MIO_SEC), 1);
		ck_assert_uint_eq(loop_flags(&loop, B) & R, R);
	}
	CHECK_INT(0, mio_registry_deregister_fd(loop.registry, copy));
	close(copy);
	STAYS(&loop, B, R);
	pair_close(&pair);
	loop_close(&loop);
}

TEST(level_failed_calls_change_nothing, "reg-19 reg-21 fd-03")
{
	static const unsigned wrong[] = { 0, LEVEL, LEVEL | E, LEVEL | RC,
		R | LEVEL | 0x40000 };

	for (int raw = 0; raw < 2; ++raw) {
		struct loop loop, other;
		struct pair pair;
		int closed;

		loop_open(&loop);
		loop_open(&other);
		PAIR(&pair);
		put(&pair.b, "x");
		await_fd(mio_source_handle(&pair.a), POLLIN);
		for (size_t i = 0; i < LEN(wrong); ++i)
			CHECK_FAILS(
			    EINVAL, watch(&loop, raw, &pair.a, A, wrong[i]));
		QUIET(&loop);
		CHECK_INT(0, watch(&loop, raw, &pair.a, A, R | LEVEL));
		for (size_t i = 0; i < LEN(wrong); ++i)
			CHECK_FAILS(EINVAL,
			    watch_anew(&loop, raw, &pair.a, B, wrong[i]));
		STAYS(&loop, A, R);
		CHECK_CALL(closed = dup(0));
		close(closed);
		CHECK_FAILS(EBADF, mio_registry_register_fd(
				       loop.registry, closed, B, R | LEVEL));
		CHECK_FAILS(EBADF, mio_registry_reregister_fd(loop.registry,
				       closed, B, R | W | LEVEL));
		if (!raw)
			CHECK_FAILS(
			    ENOENT, watch_anew(&other, 0, &pair.a, B, R));
		STAYS(&loop, A, R);
		ck_assert_uint_eq(loop_count(&loop, B), 0);
		pair_close(&pair);
		loop_close(&other);
		loop_close(&loop);
	}
}

TEST(level_with_exclusive, "int-04 reg-21")
{
	for (int raw = 0; raw < 2; ++raw) {
		const unsigned both = R | LEVEL | MIO_EXCLUSIVE;
		struct loop loop;
		struct pair pair;

		loop_open(&loop);
		PAIR(&pair);
		put(&pair.b, "x");
		await_fd(mio_source_handle(&pair.a), POLLIN);
		if (selector_is("epoll")) {
			CHECK_INT(0, watch(&loop, raw, &pair.a, A, both));
			STAYS(&loop, A, R);
			CHECK_FAILS(
			    EINVAL, watch_anew(&loop, raw, &pair.a, B, both));
			CHECK_FAILS(EINVAL,
			    watch_anew(&loop, raw, &pair.a, B, R | LEVEL));
			STAYS(&loop, A, R);
			CHECK_INT(1, swallow(&pair.a, 100));
			QUIET(&loop);
		} else {
			CHECK_FAILS(
			    ENOTSUP, watch(&loop, raw, &pair.a, A, both));
			QUIET(&loop);
		}
		pair_close(&pair);
		loop_close(&loop);
	}
}

TEST(level_with_priority, "int-09 evt-11")
{
	if (!knows_priority()) {
		struct loop loop;
		struct pair pair;

		loop_open(&loop);
		PAIR(&pair);
		CHECK_FAILS(
		    ENOTSUP, watch(&loop, false, &pair.a, A, P | LEVEL));
		pair_close(&pair);
		loop_close(&loop);
		return;
	}
	for (int raw = 0; raw < 2; ++raw) {
		struct loop loop;
		struct pair pair;
		char byte;

		loop_open(&loop);
		PAIR(&pair);
		CHECK_INT(0, watch(&loop, raw, &pair.a, A, P | LEVEL));
		QUIET(&loop);
		for (int round = 0; round < 2; ++round) {
			CHECK_INT(1, mio_source_send(&pair.b, "!", 1, MSG_OOB));
			WAIT(&loop, A, R | P);
			STAYS(&loop, A, R | P);
			CHECK_INT(1, recv(mio_source_handle(&pair.a), &byte, 1,
					 MSG_OOB));
			ck_assert_int_eq(byte, '!');
			QUIET(&loop);
		}
		pair_close(&pair);
		loop_close(&loop);
	}
}

struct waiter {
	struct loop loop;
	int polls, ready;
};

/* So many polls, which all have the token. */
static void *
wait_for_level(void *arg)
{
	struct waiter *waiter = arg;

	for (int i = 0; i < waiter->polls; ++i)
		if (mio_poll(waiter->loop.poll, waiter->loop.events,
			20 * MIO_SEC) > 0 &&
		    (loop_flags(&waiter->loop, A) & R))
			++waiter->ready;
	return NULL;
}

/* Registered, or made a level, or ready, while another thread waits. */
TEST_NEEDS(level_while_another_thread_waits, "reg-01 reg-09", NEEDS_THREADS)
{
	for (int way = 0; way < 6; ++way) {
		struct waiter waiter = { .polls = 4 };
		const bool raw = way % 2;
		struct pair pair;
		pthread_t thread;

		loop_open(&waiter.loop);
		PAIR(&pair);
		if (way / 2 < 2) {
			put(&pair.b, "x");
			await_fd(mio_source_handle(&pair.a), POLLIN);
		}
		if (way / 2 == 1) {
			CHECK_INT(0, watch(&waiter.loop, raw, &pair.a, B, R));
			WAIT(&waiter.loop, B, R);
		} else if (way / 2 == 2) {
			CHECK_INT(
			    0, watch(&waiter.loop, raw, &pair.a, A, R | LEVEL));
		}
		thread = thread_start(wait_for_level, &waiter);
		pause_ms(20);
		if (way / 2 == 0)
			CHECK_INT(
			    0, watch(&waiter.loop, raw, &pair.a, A, R | LEVEL));
		else if (way / 2 == 1)
			CHECK_INT(0, watch_anew(&waiter.loop, raw, &pair.a, A,
					 R | LEVEL));
		else
			put(&pair.b, "x");
		thread_join(thread);
		ck_assert_int_eq(waiter.ready, waiter.polls);
		pair_close(&pair);
		loop_close(&waiter.loop);
	}
}

SUITE(level, &level_unread_data_stays, &level_of_what_was_ready_before,
    &level_room_stays, &level_of_a_listener, &level_half_close_stays,
    &level_hang_up_stays, &level_reset_stays, &level_error_stays_until_fetched,
    &level_to_edge_and_back, &level_changes_with_the_directions,
    &level_beside_edges_and_a_waker, &level_sources_take_turns,
    &level_deregistered_is_silent, &level_ends_with_the_descriptor,
    &level_and_a_copy, &level_failed_calls_change_nothing,
    &level_with_exclusive, &level_with_priority,
    &level_while_another_thread_waits);
