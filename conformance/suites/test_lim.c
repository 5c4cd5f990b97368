/* SPDX-License-Identifier: MIT */
/* Limits.  lim-05: test_units.c; lim-06, lim-07: test_evt.c too. */

#include "config.h"

#include "harness.h"

#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { READY = 8 };

/* The (3). */
TEST(lim_capacity_is_kept_and_none_is_lost, "lim-01 B-4")
{
	for (size_t capacity = 1; capacity <= READY + 1; ++capacity) {
		struct loop loop;
		struct mio_source in[READY], out[READY];
		unsigned seen = 0;
		size_t polls = 0;

		loop_open_capacity(&loop, capacity);
		for (size_t i = 0; i < READY; ++i) {
			struct mio_source none = MIO_SOURCE_INIT;

			in[i] = out[i] = none;
			CHECK_INT(0, mio_pipe_new(&in[i], &out[i]));
			put(&out[i], "x");
			CHECK_INT(0,
			    mio_registry_register(
				loop.registry, &in[i], i, R));
		}
		/* All are ready, so each poll is full until none is left. */
		while (polls < READY + 1) {
			int n = loop_poll(&loop, 0);

			ck_assert_int_le(n, (int)capacity);
			if (n == 0)
				break;
			++polls;
			MIO_EVENTS_FOREACH(event, loop.events) {
				ck_assert_uint_lt(event->token, READY);
				ck_assert_uint_eq(
				    seen & 1U << event->token, 0);
				seen |= 1U << event->token;
			}
		}
		ck_assert_uint_eq(seen, (1U << READY) - 1);
		ck_assert_uint_eq(polls, (READY + capacity - 1) / capacity);
		for (size_t i = 0; i < READY; ++i) {
			shut(&in[i]);
			shut(&out[i]);
		}
		loop_close(&loop);
	}
}

/* As many events as an int cannot count: the capacity is kept. */
TEST(lim_large_capacity, "lim-07")
{
	struct mio_events *events;
	struct loop loop;
	struct pair pair;
	size_t capacity = (size_t)INT_MAX / 12 + 2;

	if (sizeof(size_t) < 8)
		SKIP("needs 64-bit addresses");
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	SKIP("a sanitizer would fill gigabytes");
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
	SKIP("a sanitizer would fill gigabytes");
#endif
#endif
	if (slowness() > 1)
		SKIP("too slow for gigabytes");
	if (mio_events_new(&events, capacity) == -1) {
		ck_assert_int_eq(errno, ENOMEM);
		SKIP("no address space");
	}
	loop_open(&loop);
	PAIR(&pair);
	ck_assert_uint_eq(mio_events_capacity(events), capacity);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 1, W));
	CHECK_INT(1, mio_poll(loop.poll, events, 5 * MIO_SEC));
	ck_assert_uint_eq(mio_events_get(events, 0)->token, 1);
	mio_events_free(events);
	pair_close(&pair);
	loop_close(&loop);
}

TEST(lim_zero_timeout_does_not_wait, "lim-02")
{
	struct loop loop;
	struct pair pair;
	int64_t shortest = INT64_MAX;

	loop_open(&loop);
	PAIR(&pair);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 1, R));
	for (int i = 0; i < 20; ++i) {
		int64_t begin = now_ns(), took;

		CHECK_INT(0, mio_poll(loop.poll, loop.events, 0));
		took = now_ns() - begin;
		shortest = took < shortest ? took : shortest;
	}
	ck_assert_int_lt(shortest, 50 * MIO_MSEC * (int)slowness());
	pair_close(&pair);
	loop_close(&loop);
}

TEST(lim_short_timeouts_are_not_zero, "lim-03 regr-14")
{
	static const int64_t waits[] = { 1, 999, MIO_USEC, 500 * MIO_USEC,
		MIO_MSEC - 1, MIO_MSEC, MIO_MSEC + 1, 1500 * MIO_USEC };
	struct loop loop;
	struct pair pair;

	loop_open(&loop);
	PAIR(&pair);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 1, R));
	for (size_t i = 0; i < LEN(waits); ++i)
		for (int round = 0; round < 5; ++round) {
			int64_t begin = now_ns(), took;

			CHECK_INT(0,
			    mio_poll(loop.poll, loop.events, waits[i]));
			took = now_ns() - begin;
			ck_assert_int_ge(took, waits[i]);
			ck_assert_int_lt(took, MIO_SEC * (int)slowness());
		}
	pair_close(&pair);
	loop_close(&loop);
}

static const int64_t long_waits[] = { INT64_MAX, INT64_MAX - 1,
	INT64_MAX / 2, (int64_t)INT_MAX *MIO_MSEC - 1,
	(int64_t)INT_MAX *MIO_MSEC, (int64_t)INT_MAX *MIO_MSEC + 1,
	((int64_t)INT_MAX + 1) * MIO_MSEC, (int64_t)UINT32_MAX *MIO_MSEC,
	((int64_t)UINT32_MAX + 1) * MIO_MSEC,
	((int64_t)INT_MAX + 1) * MIO_SEC, MIO_FOREVER, -2, INT64_MIN,
	INT64_MIN + 1, -MIO_SEC };

TEST(lim_long_timeouts_return_an_event, "lim-04 lim-05 lim-12 regr-01 regr-12")
{
	struct loop loop;
	struct mio_waker *waker;

	loop_open(&loop);
	CHECK_INT(0, mio_waker_new(&waker, loop.registry, 1));
	for (size_t i = 0; i < LEN(long_waits); ++i) {
		CHECK_INT(0, mio_waker_wake(waker));
		CHECK_INT(1,
		    mio_poll(loop.poll, loop.events, long_waits[i]));
		ck_assert_uint_eq(loop_flags(&loop, 1) & R, R);
	}
	mio_waker_free(waker);
	loop_close(&loop);
}

struct late {
	struct mio_waker *waker;
	atomic_bool woken;
};

static void *
wake_late(void *arg)
{
	struct late *late = arg;

	pause_ms(30);
	atomic_store(&late->woken, true);
	mio_waker_wake(late->waker);
	return NULL;
}

TEST_NEEDS(lim_long_timeouts_do_wait, "lim-04 lim-05 lim-12 poll-24",
    NEEDS_THREADS)
{
	struct loop loop;
	struct late late;

	loop_open(&loop);
	CHECK_INT(0, mio_waker_new(&late.waker, loop.registry, 1));
	for (size_t i = 0; i < LEN(long_waits); ++i) {
		pthread_t thread;

		atomic_init(&late.woken, false);
		thread = thread_start(wake_late, &late);
		CHECK_INT(1, loop_poll(&loop, long_waits[i]));
		ck_assert(atomic_load(&late.woken));
		thread_join(thread);
	}
	mio_waker_free(late.waker);
	loop_close(&loop);
}

TEST(lim_capacity_zero_is_refused, "lim-06")
{
	struct mio_events *events = NULL;

	CHECK_FAILS(EINVAL, mio_events_new(&events, 0));
	ck_assert_ptr_null(events);
}

TEST(lim_tokens_come_back_whole, "lim-08 fd-11 B-10")
{
	static const mio_token tokens[] = { 0, 1, 0x7fffffff,
		(mio_token)1 << 31, UINT32_MAX, UINTPTR_MAX, UINTPTR_MAX - 1,
		UINTPTR_MAX / 2, UINTPTR_MAX / 2 + 1,
		(mio_token)0x123456789abcdef0U, UINTPTR_MAX / 3 };
	struct loop loop;
	struct mio_waker *waker;
	struct pair pair;
	int fd;

	loop_open(&loop);
	PAIR(&pair);
	fd = mio_source_handle(&pair.b);
	for (size_t i = 0; i < LEN(tokens); ++i) {
		CHECK_INT(0,
		    mio_registry_register(
			loop.registry, &pair.a, tokens[i], W));
		WAIT(&loop, tokens[i], W);
		CHECK_INT(0, mio_registry_deregister(loop.registry, &pair.a));
		CHECK_INT(0,
		    mio_registry_register_fd(
			loop.registry, fd, tokens[i], W));
		WAIT(&loop, tokens[i], W);
		CHECK_INT(0, mio_registry_deregister_fd(loop.registry, fd));
		CHECK_INT(
		    0, mio_waker_new(&waker, loop.registry, tokens[i]));
		CHECK_INT(0, mio_waker_wake(waker));
		WAIT(&loop, tokens[i], R);
		mio_waker_free(waker);
	}
	pair_close(&pair);
	loop_close(&loop);
}

TEST(lim_tokens_need_not_differ, "lim-09 B-11")
{
	struct loop loop;
	struct pair pair;
	size_t count = 0;

	loop_open(&loop);
	PAIR(&pair);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 4, W));
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.b, 4, W));
	for (int i = 0; i < 2 && count < 2; ++i) {
		loop_poll(&loop, 5 * MIO_SEC);
		count += loop_count(&loop, 4);
	}
	ck_assert_uint_eq(count, 2);
	pair_close(&pair);
	loop_close(&loop);
}

TEST_NEEDS(lim_a_thousand_sources, "lim-11", NEEDS_LIMITS)
{
	static struct mio_source in[1000], out[1000];
	struct rlimit limit;
	struct loop loop;
	size_t count = LEN(in);

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	if (limit.rlim_cur > 4096)
		limit.rlim_cur = 4096;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	NEED_DESCRIPTORS(2 * 91 + 64);
	if ((uintmax_t)limit.rlim_cur < 2 * count + 64)
		count = ((size_t)limit.rlim_cur - 64) / 2;
	ck_assert_uint_gt(count, 90);
	loop_open_capacity(&loop, 64);
	for (size_t i = 0; i < count; ++i) {
		struct mio_source none = MIO_SOURCE_INIT;

		in[i] = out[i] = none;
		CHECK_INT(0, mio_pipe_new(&in[i], &out[i]));
		CHECK_INT(0,
		    mio_registry_register(loop.registry, &in[i], i, R));
		put(&out[i], "x");
	}
	WAIT_ALL(&loop, 0, count, R);
	/* Once more, to see the table keep in order. */
	for (size_t i = 0; i < count; ++i)
		ck_assert_uint_eq(drain(&in[i]), 1);
	SETTLE(&loop);
	for (size_t i = 0; i < count; i += 3)
		CHECK_INT(0, mio_registry_deregister(loop.registry, &in[i]));
	for (size_t i = 0; i < count; ++i)
		put(&out[i], "y");
	for (size_t i = 0; i < count; i += 3)
		CHECK_INT(0,
		    mio_registry_register(loop.registry, &in[i], i, R));
	WAIT_ALL(&loop, 0, count, R);
	for (size_t i = 0; i < count; ++i) {
		shut(&in[i]);
		shut(&out[i]);
	}
	loop_close(&loop);
}

SUITE(lim, &lim_capacity_is_kept_and_none_is_lost, &lim_large_capacity,
    &lim_zero_timeout_does_not_wait, &lim_short_timeouts_are_not_zero,
    &lim_long_timeouts_return_an_event, &lim_long_timeouts_do_wait,
    &lim_capacity_zero_is_refused, &lim_tokens_come_back_whole,
    &lim_tokens_need_not_differ, &lim_a_thousand_sources);
