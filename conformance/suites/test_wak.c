/* SPDX-License-Identifier: MIT */
/* The waker.  That a repeated wake makes no system call: test_calls.c. */

#include "config.h"

#include "harness.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WAKE = 900 };

TEST(wak_before_poll, "wak-01 wak-15 regr-11")
{
	struct loop loop;
	struct mio_waker *waker;

	loop_open(&loop);
	CHECK_INT(0, mio_waker_new(&waker, loop.registry, WAKE));
	QUIET(&loop);
	CHECK_INT(0, mio_waker_wake(waker));
	CHECK_INT(1, loop_poll(&loop, MIO_FOREVER));
	ck_assert_uint_eq(mio_events_get(loop.events, 0)->token, WAKE);
	ck_assert(mio_event_is_readable(mio_events_get(loop.events, 0)));
	QUIET(&loop);
	mio_waker_free(waker);
	loop_close(&loop);
}

/* The (1). */
TEST(wak_then_register_then_poll, "wak-01 wak-10 B-6")
{
	struct loop loop;
	struct mio_waker *waker;
	struct pair pair;

	loop_open(&loop);
	PAIR(&pair);
	CHECK_INT(0, mio_waker_new(&waker, loop.registry, WAKE));
	CHECK_INT(0, mio_waker_wake(waker));
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 1, R));
	WAIT(&loop, WAKE, R);
	CHECK_INT(0, mio_waker_wake(waker));
	CHECK_INT(0, mio_registry_reregister(loop.registry, &pair.a, 2, R));
	WAIT(&loop, WAKE, R);
	CHECK_INT(0, mio_waker_wake(waker));
	CHECK_INT(0, mio_registry_deregister(loop.registry, &pair.a));
	WAIT(&loop, WAKE, R);
	QUIET(&loop);
	mio_waker_free(waker);
	pair_close(&pair);
	loop_close(&loop);
}

TEST(wak_several_at_once, "wak-02")
{
	struct loop loop;
	struct mio_waker *waker;

	loop_open(&loop);
	CHECK_INT(0, mio_waker_new(&waker, loop.registry, WAKE));
	for (int round = 0; round < 5; ++round) {
		for (int i = 0; i < 3; ++i)
			CHECK_INT(0, mio_waker_wake(waker));
		/* A caller of API.md counts on one event. */
		CHECK_INT(1, loop_poll(&loop, MIO_FOREVER));
		ck_assert_uint_eq(loop_flags(&loop, WAKE) & R, R);
		QUIET(&loop);
	}
	mio_waker_free(waker);
	loop_close(&loop);
}

struct hand {
	struct mio_waker *waker;
	atomic_int asked; /* wakes to make */
	atomic_bool done;
	int made;
	int failures;
};

/* Wakes once for each that is asked for. */
static void *
lend_a_hand(void *arg)
{
	struct hand *hand = arg;

	while (!atomic_load(&hand->done)) {
		if (hand->made == atomic_load(&hand->asked)) {
			sched_yield();
			continue;
		}
		if (hand->made % 8 == 0)
			pause_ms(1);
		hand->failures += mio_waker_wake(hand->waker) != 0;
		++hand->made;
	}
	return NULL;
}

TEST_NEEDS(wak_from_another_thread, "wak-03 wak-04 wak-13", NEEDS_THREADS)
{
	struct loop loop;
	struct hand hand;
	pthread_t thread;

	loop_open(&loop);
	memset(&hand, 0, sizeof(hand));
	CHECK_INT(0, mio_waker_new(&hand.waker, loop.registry, WAKE));
	thread = thread_start(lend_a_hand, &hand);
	/* Each wake after the event of the last is an event, none is lost. */
	for (int i = 0; i < 400; ++i) {
		atomic_fetch_add(&hand.asked, 1);
		/* In turn during the wait and before it. */
		if (i % 8 == 1)
			pause_ms(2);
		CHECK_INT(1, loop_poll(&loop, 10 * MIO_SEC));
		ck_assert_uint_eq(loop_flags(&loop, WAKE) & R, R);
	}
	atomic_store(&hand.done, true);
	thread_join(thread);
	ck_assert_int_eq(hand.failures, 0);
	QUIET(&loop);
	mio_waker_free(hand.waker);
	loop_close(&loop);
}

TEST_NEEDS(wak_ends_a_blocked_poll, "wak-03", NEEDS_THREADS)
{
	struct loop loop;
	struct hand hand;
	pthread_t thread;
	int64_t begin;

	loop_open(&loop);
	memset(&hand, 0, sizeof(hand));
	CHECK_INT(0, mio_waker_new(&hand.waker, loop.registry, WAKE));
	thread = thread_start(lend_a_hand, &hand);
	/* The hand pauses before its 1st and every 8th wake. */
	begin = now_ns();
	atomic_store(&hand.asked, 1);
	CHECK_INT(1, loop_poll(&loop, 30 * MIO_SEC));
	ck_assert_int_lt(now_ns() - begin, 29 * MIO_SEC);
	ck_assert_uint_eq(loop_flags(&loop, WAKE) & R, R);
	atomic_store(&hand.done, true);
	thread_join(thread);
	QUIET(&loop);
	mio_waker_free(hand.waker);
	loop_close(&loop);
}

enum { CROWD = 8, WAKES = 1000 };

struct crowd {
	struct mio_waker *waker;
	atomic_int total;
	atomic_int failures;
};

static void *
join_crowd(void *arg)
{
	struct crowd *crowd = arg;

	for (int i = 0; i < WAKES; ++i) {
		atomic_fetch_add_explicit(
		    &crowd->total, 1, memory_order_relaxed);
		if (mio_waker_wake(crowd->waker) != 0)
			atomic_fetch_add(&crowd->failures, 1);
		if (i % 64 == 0)
			sched_yield();
	}
	return NULL;
}

TEST_NEEDS(wak_from_many_threads_loses_none, "wak-05 poll-27", NEEDS_THREADS)
{
	struct loop loop;
	struct crowd crowd;
	pthread_t threads[CROWD];

	loop_open(&loop);
	atomic_init(&crowd.total, 0);
	atomic_init(&crowd.failures, 0);
	CHECK_INT(0, mio_waker_new(&crowd.waker, loop.registry, WAKE));
	for (size_t i = 0; i < CROWD; ++i)
		threads[i] = thread_start(join_crowd, &crowd);
	/* What was done before a wake is seen after its event. */
	while (atomic_load_explicit(&crowd.total, memory_order_relaxed) <
	    CROWD * WAKES) {
		ck_assert_msg(loop_poll(&loop, 10 * MIO_SEC) == 1,
		    "a wake was lost at %d", atomic_load(&crowd.total));
		ck_assert_uint_eq(loop_flags(&loop, WAKE) & R, R);
	}
	for (size_t i = 0; i < CROWD; ++i)
		thread_join(threads[i]);
	ck_assert_int_eq(atomic_load(&crowd.failures), 0);
	SETTLE(&loop);
	CHECK_INT(0, mio_waker_wake(crowd.waker));
	WAIT(&loop, WAKE, R);
	mio_waker_free(crowd.waker);
	loop_close(&loop);
}

/*
 * The waker's flag set just before a poll that does not sleep: what a clear
 * on entry would lose.
 */
TEST_NEEDS(wak_against_polls_that_do_not_wait, "wak-05", NEEDS_THREADS)
{
	struct loop loop;
	struct hand hand;
	pthread_t thread;

	loop_open(&loop);
	memset(&hand, 0, sizeof(hand));
	CHECK_INT(0, mio_waker_new(&hand.waker, loop.registry, WAKE));
	thread = thread_start(lend_a_hand, &hand);
	for (int i = 0; i < 300; ++i) {
		int64_t end = now_ns() + 10 * MIO_SEC * (int)slowness();
		int n;

		atomic_fetch_add(&hand.asked, 1);
		while ((n = loop_poll(&loop, 0)) == 0 && now_ns() < end)
			sched_yield(); /* there may be one processor */
		ck_assert_msg(n == 1, "wake %d was lost", i);
	}
	atomic_store(&hand.done, true);
	thread_join(thread);
	mio_waker_free(hand.waker);
	loop_close(&loop);
}

TEST(wak_freed_with_a_wake_pending, "wak-06 wak-18 B-6")
{
	struct loop loop;
	struct mio_waker *waker;
	struct pair pair;

	loop_open(&loop);
	PAIR(&pair);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 1, R));
	CHECK_INT(0, mio_waker_new(&waker, loop.registry, WAKE));
	CHECK_INT(0, mio_waker_wake(waker));
	mio_waker_free(waker);
	SETTLE(&loop);
	for (int i = 0; i < 3; ++i) {
		put(&pair.b, "x");
		WAIT(&loop, 1, R);
		ck_assert_uint_eq(loop_count(&loop, WAKE), 0);
		drain(&pair.a);
		NOTOK(&loop, WAKE);
	}
	mio_waker_free(NULL);
	pair_close(&pair);
	loop_close(&loop);
}

TEST(wak_two_of_them, "wak-07 wak-18 regr-19 B-6 B-8")
{
	struct loop loop;
	struct mio_registry *other;
	struct mio_waker *first, *second, *third;

	loop_open(&loop);
	other = mio_registry_ref(loop.registry);
	CHECK_INT(0, mio_waker_new(&first, loop.registry, WAKE));
	CHECK_INT(0, mio_waker_new(&second, other, WAKE + 1));
	mio_registry_unref(other);
	CHECK_INT(0, mio_waker_wake(first));
	CHECK_INT(0, mio_waker_wake(second));
	WAIT_ALL(&loop, WAKE, 2, R);
	QUIET(&loop);
	CHECK_INT(0, mio_waker_wake(second));
	CHECK_INT(1, loop_poll(&loop, MIO_FOREVER));
	ck_assert_uint_eq(loop_count(&loop, WAKE + 1), 1);
	CHECK_INT(0, mio_waker_wake(first));
	CHECK_INT(1, loop_poll(&loop, MIO_FOREVER));
	ck_assert_uint_eq(loop_count(&loop, WAKE), 1);

	mio_waker_free(first);
	CHECK_INT(0, mio_waker_wake(second));
	WAIT(&loop, WAKE + 1, R);
	CHECK_INT(0, mio_waker_new(&third, loop.registry, WAKE + 2));
	CHECK_INT(0, mio_waker_wake(third));
	WAIT(&loop, WAKE + 2, R);
	NOTOK(&loop, WAKE);
	mio_waker_free(third);
	mio_waker_free(second);
	loop_close(&loop);
}

/* More than the registry has flags for. */
TEST(wak_very_many, "wak-01 wak-02 wak-07 wak-18")
{
	enum { MANY = 70 };
	struct loop loop;
	struct mio_waker *wakers[MANY];

	loop_open(&loop);
	for (int i = 0; i < MANY; ++i)
		CHECK_INT(0,
		    mio_waker_new(&wakers[i], loop.registry,
			WAKE + (mio_token)i));
	for (int round = 0; round < 3; ++round) {
		for (int i = 0; i < 2 * MANY; ++i)
			CHECK_INT(0, mio_waker_wake(wakers[i % MANY]));
		WAIT_ALL(&loop, WAKE, MANY, R);
		SETTLE(&loop);
	}
	/* The one that is left alone, of both sorts. */
	CHECK_INT(0, mio_waker_wake(wakers[0]));
	CHECK_INT(0, mio_waker_wake(wakers[MANY - 1]));
	mio_waker_free(wakers[0]);
	mio_waker_free(wakers[MANY - 1]);
	CHECK_INT(
	    0, mio_waker_new(&wakers[0], loop.registry, WAKE + (mio_token)MANY));
	CHECK_INT(0, mio_waker_wake(wakers[0]));
	WAIT(&loop, WAKE + MANY, R);
	NOTOK(&loop, WAKE + MANY - 1);
	for (int i = 0; i < MANY - 1; ++i)
		mio_waker_free(wakers[i]);
	loop_close(&loop);
}

/* Freed and made anew with no poll in between: numbers are used again. */
TEST(wak_freed_and_made_anew, "wak-07 wak-18 B-8")
{
	struct loop loop;
	struct mio_waker *waker;

	loop_open(&loop);
	for (int i = 0; i < 50; ++i) {
		CHECK_INT(0, mio_waker_new(&waker, loop.registry, WAKE));
		if (i % 2)
			CHECK_INT(0, mio_waker_wake(waker));
		mio_waker_free(waker);
	}
	CHECK_INT(0, mio_waker_new(&waker, loop.registry, WAKE + 1));
	CHECK_INT(0, mio_waker_wake(waker));
	WAIT(&loop, WAKE + 1, R);
	NOTOK(&loop, WAKE);
	CHECK_INT(0, mio_waker_wake(waker));
	WAIT(&loop, WAKE + 1, R);
	NOTOK(&loop, WAKE);
	mio_waker_free(waker);
	loop_close(&loop);
}

/* The kernel's object lives on in a child; the registration must not. */
TEST_NEEDS(wak_freed_while_a_child_has_a_copy, "wak-18", NEEDS_PROCESS)
{
	struct loop loop;
	struct mio_waker *waker;
	int hold[2], status;
	pid_t child;
	char byte;

	loop_open(&loop);
	CHECK_INT(0, mio_waker_new(&waker, loop.registry, WAKE));
	ck_assert_int_eq(pipe(hold), 0);
	CHECK_CALL(child = fork());
	if (child == 0) {
		close(hold[1]);
		_exit(read(hold[0], &byte, 1) == 0 ? 0 : 1);
	}
	close(hold[0]);
	CHECK_INT(0, mio_waker_wake(waker));
	mio_waker_free(waker);
	NOTOK(&loop, WAKE);
	close(hold[1]);
	CHECK_INT(child, waitpid(child, &status, 0));
	ck_assert_int_eq(status, 0);
	QUIET(&loop);
	loop_close(&loop);
}

TEST(wak_with_a_saturated_counter, "wak-08")
{
	struct loop loop;
	struct mio_waker *waker;
	struct fds before;
	uint64_t most = UINT64_MAX - 1;
	int fd;

	GATE("wak-08");
	loop_open(&loop);
	fds_get(&before);
	CHECK_INT(0, mio_waker_new(&waker, loop.registry, WAKE));
	CHECK_INT(1, fds_since(&before, &fd, 1));
	CHECK_INT(8, write(fd, &most, sizeof(most)));
	SETTLE(&loop);
	/* Level-triggered selectors have drained it. */
	if (write(fd, &most, sizeof(most)) == -1)
		ck_assert_int_eq(errno, EAGAIN);
	CHECK_INT(0, mio_waker_wake(waker));
	WAIT(&loop, WAKE, R);
	SETTLE(&loop);
	CHECK_INT(0, mio_waker_wake(waker));
	WAIT(&loop, WAKE, R);
	mio_waker_free(waker);
	loop_close(&loop);
}

TEST(wak_with_a_full_pipe, "wak-09")
{
	struct loop loop;
	struct mio_waker *waker;
	struct fds before;
	char bytes[4096] = "";
	int fds[2], end = -1;

	GATE("wak-09");
	loop_open(&loop);
	fds_get(&before);
	CHECK_INT(0, mio_waker_new(&waker, loop.registry, WAKE));
	CHECK_INT(2, fds_since(&before, fds, 2));
	for (size_t i = 0; i < 2; ++i)
		if ((fcntl(fds[i], F_GETFL) & O_ACCMODE) != O_RDONLY)
			end = fds[i]; /* of a two-way pipe the second */
	ck_assert_int_ne(end, -1);
	for (size_t size = sizeof(bytes); size > 0; size /= 8)
		while (write(end, bytes, size) > 0)
			;
	errno = ERANGE;
	ck_assert_int_eq(mio_waker_wake(waker), 0);
	ck_assert_int_eq(errno, ERANGE);
	WAIT(&loop, WAKE, R);
	SETTLE(&loop);
	CHECK_INT(0, mio_waker_wake(waker));
	WAIT(&loop, WAKE, R);
	mio_waker_free(waker);
	loop_close(&loop);
}

/* As a signal handler needs it. */
TEST(wak_leaves_errno_alone, "more-15")
{
	struct loop loop;
	struct mio_waker *waker;

	loop_open(&loop);
	CHECK_INT(0, mio_waker_new(&waker, loop.registry, WAKE));
	for (int i = 0; i < 3; ++i) {
		/* The second is one that is pending. */
		for (int k = 0; k < 2; ++k) {
			errno = ERANGE;
			ck_assert_int_eq(mio_waker_wake(waker), 0);
			ck_assert_int_eq(errno, ERANGE);
		}
		WAIT(&loop, WAKE, R);
	}
	mio_waker_free(waker);
	loop_close(&loop);
}

TEST(wak_as_often_as_you_like, "wak-09 wak-08 wak-02")
{
	struct loop loop;
	struct mio_waker *waker;

	loop_open(&loop);
	CHECK_INT(0, mio_waker_new(&waker, loop.registry, WAKE));
	for (int i = 0; i < 200000; ++i)
		if (mio_waker_wake(waker) != 0)
			ck_abort_msg("wake %d: %s", i, errno_name(errno));
	WAIT(&loop, WAKE, R);
	SETTLE(&loop);
	mio_waker_free(waker);
	loop_close(&loop);
}

TEST(wak_does_not_disturb_sources, "wak-10 wak-11 reg-11 regr-29")
{
	struct loop loop;
	struct mio_waker *waker;
	struct mio_source listener = MIO_SOURCE_INIT;
	struct mio_source stream = MIO_SOURCE_INIT;
	struct pair pair;
	struct addr addr;

	loop_open(&loop);
	CHECK_INT(0, mio_waker_new(&waker, loop.registry, WAKE));
	addr = listen_on(&listener, AF_INET);
	CHECK_INT(0, mio_registry_register(loop.registry, &listener, 1, R));
	CHECK_INT(0, mio_tcp_connect(&stream, &addr.u.any, addr.len));
	await_fd(mio_source_handle(&listener), POLLIN);
	CHECK_INT(0, mio_registry_deregister(loop.registry, &listener));
	CHECK_INT(0, mio_waker_wake(waker));
	CHECK_INT(1, loop_poll(&loop, MIO_FOREVER));
	ck_assert_uint_eq(loop_count(&loop, WAKE), 1);
	QUIET(&loop);

	PAIR(&pair);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 2, R));
	for (int i = 0; i < 100; ++i) {
		put(&pair.b, "x");
		if (i % 2)
			WAIT(&loop, 2, R);
		CHECK_INT(0, mio_waker_wake(waker));
		if (i % 2) {
			WAIT(&loop, WAKE, R);
		} else {
			await_fd(mio_source_handle(&pair.a), POLLIN);
			CHECK_INT(2, loop_poll(&loop, MIO_FOREVER));
			ck_assert_uint_eq(loop_count(&loop, WAKE), 1);
			ck_assert_uint_eq(loop_count(&loop, 2), 1);
		}
		ck_assert_uint_eq(drain(&pair.a), 1);
	}
	QUIET(&loop);
	mio_waker_free(waker);
	pair_close(&pair);
	shut(&stream);
	shut(&listener);
	loop_close(&loop);
}

/* A wake that finds no room in the buffer comes with the next poll. */
TEST(wak_with_little_capacity, "wak-05 wak-11 lim-01")
{
	struct loop loop;
	struct mio_waker *waker;
	struct pair pair;

	loop_open_capacity(&loop, 1);
	PAIR(&pair);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 1, R));
	CHECK_INT(0, mio_waker_new(&waker, loop.registry, WAKE));
	for (int i = 0; i < 8; ++i) {
		unsigned seen = 0;

		put(&pair.b, "x");
		await_fd(mio_source_handle(&pair.a), POLLIN);
		CHECK_INT(0, mio_waker_wake(waker));
		for (int polls = 0; polls < 2; ++polls) {
			CHECK_INT(1, loop_poll(&loop, 10 * MIO_SEC));
			seen |= loop_count(&loop, 1) ? 1 : 0;
			seen |= loop_count(&loop, WAKE) ? 2 : 0;
			/* Pending still, or delivered: never lost. */
			if (polls == 0 && (seen & 2) == 0)
				CHECK_INT(0, mio_waker_wake(waker));
		}
		ck_assert_uint_eq(seen, 3);
		drain(&pair.a);
		SETTLE(&loop);
		CHECK_INT(0, mio_waker_wake(waker));
		CHECK_INT(1, loop_poll(&loop, 10 * MIO_SEC));
		ck_assert_uint_eq(loop_count(&loop, WAKE), 1);
	}
	mio_waker_free(waker);
	pair_close(&pair);
	loop_close(&loop);
}

TEST(wak_through_a_reference, "wak-12")
{
	struct loop loop;
	struct mio_registry *other;
	struct mio_waker *waker;

	loop_open(&loop);
	other = mio_registry_ref(loop.registry);
	CHECK_INT(0, mio_waker_new(&waker, other, WAKE));
	mio_registry_unref(other);
	CHECK_INT(0, mio_waker_wake(waker));
	WAIT(&loop, WAKE, R);
	QUIET(&loop);
	mio_waker_free(waker);
	loop_close(&loop);
}

TEST(wak_internal_descriptor_is_not_the_users, "wak-16")
{
	struct loop loop;
	struct mio_waker *waker;
	struct fds before;
	int own[8];
	size_t n;

	fds_get(&before);
	loop_open(&loop);
	n = fds_since(&before, own, LEN(own));
	ck_assert_uint_gt(n, 0);
	for (size_t i = 0; i < n; ++i) {
		/* The writing end of a pipe is nobody's to watch. */
		if ((fcntl(own[i], F_GETFL) & O_ACCMODE) == O_WRONLY)
			continue;
		if (i > 0 && pipe_is_two_way())
			continue;
		CHECK_FAILS(EINVAL,
		    mio_registry_register_fd(loop.registry, own[i], 1, R));
	}
	CHECK_INT(0, mio_waker_new(&waker, loop.registry, WAKE));
	CHECK_INT(0, mio_waker_wake(waker));
	WAIT(&loop, WAKE, R);
	QUIET(&loop);
	mio_waker_free(waker);
	loop_close(&loop);
}

TEST(wak_token_may_be_a_sources, "wak-17 lim-09")
{
	struct loop loop;
	struct mio_waker *waker;
	struct pair pair;

	loop_open(&loop);
	PAIR(&pair);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, WAKE, W));
	WAIT(&loop, WAKE, W);
	SETTLE(&loop);
	CHECK_INT(0, mio_waker_new(&waker, loop.registry, WAKE));
	CHECK_INT(0, mio_waker_wake(waker));
	WAIT(&loop, WAKE, R);
	mio_waker_free(waker);
	/* The source is still there. */
	CHECK_INT(
	    0, mio_registry_reregister(loop.registry, &pair.a, WAKE, W));
	WAIT(&loop, WAKE, W);
	pair_close(&pair);
	loop_close(&loop);
}

TEST(wak_outlives_its_poll, "wak-18 wak-06")
{
	struct loop loop;
	struct mio_waker *waker, *other;

	loop_open(&loop);
	CHECK_INT(0, mio_waker_new(&waker, loop.registry, WAKE));
	CHECK_INT(0, mio_waker_new(&other, loop.registry, WAKE + 1));
	CHECK_INT(0, mio_waker_wake(waker));
	loop_close(&loop);
	for (int i = 0; i < 3; ++i) {
		CHECK_INT(0, mio_waker_wake(waker));
		CHECK_INT(0, mio_waker_wake(other));
	}
	mio_waker_free(waker);
	CHECK_INT(0, mio_waker_wake(other));
	mio_waker_free(other);
}

static void *
wake_on(void *arg)
{
	struct hand *hand = arg;

	while (!atomic_load(&hand->done)) {
		hand->failures += mio_waker_wake(hand->waker) != 0;
		atomic_fetch_add(&hand->asked, 1);
	}
	return NULL;
}

TEST_NEEDS(wak_while_the_poll_is_freed, "wak-18 wak-06", NEEDS_THREADS)
{
	for (int i = 0; i < 20; ++i) {
		struct loop loop;
		struct hand hand;
		pthread_t thread;

		loop_open(&loop);
		memset(&hand, 0, sizeof(hand));
		CHECK_INT(
		    0, mio_waker_new(&hand.waker, loop.registry, WAKE));
		thread = thread_start(wake_on, &hand);
		while (atomic_load(&hand.asked) == 0)
			sched_yield();
		loop_poll(&loop, MIO_MSEC);
		loop_close(&loop);
		pause_ms(1);
		atomic_store(&hand.done, true);
		thread_join(thread);
		ck_assert_int_eq(hand.failures, 0);
		mio_waker_free(hand.waker);
	}
}

static struct mio_waker *signal_waker;
static volatile sig_atomic_t signal_result;

static void
wake_in_handler(int number)
{
	int error = errno;

	(void)number;
	signal_result = mio_waker_wake(signal_waker);
	errno = error;
}

TEST_NEEDS(wak_in_a_signal_handler, "wak-01 poll-06", NEEDS_SIGNALS)
{
	struct loop loop;
	struct sigaction action;

	loop_open(&loop);
	CHECK_INT(0, mio_waker_new(&signal_waker, loop.registry, WAKE));
	memset(&action, 0, sizeof(action));
	action.sa_handler = wake_in_handler;
	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
	for (int i = 0; i < 3; ++i) {
		signal_result = -3;
		ck_assert_int_eq(raise(SIGUSR1), 0);
		ck_assert_int_eq(signal_result, 0);
		WAIT(&loop, WAKE, R);
		QUIET(&loop);
	}
	mio_waker_free(signal_waker);
	loop_close(&loop);
}

/* What a forked child frees and closes stays its parent's. */
TEST_NEEDS(wak_survives_a_forked_childs_frees, "wak-11 wak-18", NEEDS_PROCESS)
{
	struct loop loop;
	struct mio_waker *waker;
	struct pair pair;
	int status;
	pid_t child;

	loop_open(&loop);
	PAIR(&pair);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 1, R));
	CHECK_INT(0, mio_waker_new(&waker, loop.registry, WAKE));
	CHECK_CALL(child = fork());
	if (child == 0) {
		mio_waker_free(waker);
		mio_source_close(&pair.a);
		mio_source_close(&pair.b);
		mio_events_free(loop.events);
		mio_poll_free(loop.poll);
		_exit(0);
	}
	CHECK_INT(child, waitpid(child, &status, 0));
	ck_assert_int_eq(status, 0);
	QUIET(&loop);
	CHECK_INT(0, mio_waker_wake(waker));
	WAIT(&loop, WAKE, R);
	put(&pair.b, "x");
	WAIT(&loop, 1, R);
	mio_waker_free(waker);
	pair_close(&pair);
	loop_close(&loop);
}

TEST(wak_refuses_bad_arguments, "wak-01")
{
	struct mio_waker *untouched = (struct mio_waker *)&errno;
	struct mio_waker *waker = untouched;
	struct loop loop;

	loop_open(&loop);
	CHECK_FAILS(EINVAL, mio_waker_new(NULL, loop.registry, 1));
	CHECK_FAILS(EINVAL, mio_waker_new(&waker, NULL, 1));
	CHECK_FAILS(EINVAL, mio_waker_wake(NULL));
	ck_assert_ptr_eq(waker, untouched);
	QUIET(&loop);
	loop_close(&loop);
}

SUITE(wak, &wak_before_poll, &wak_then_register_then_poll,
    &wak_several_at_once, &wak_from_another_thread, &wak_ends_a_blocked_poll,
    &wak_from_many_threads_loses_none, &wak_against_polls_that_do_not_wait,
    &wak_freed_with_a_wake_pending, &wak_two_of_them,
    &wak_freed_and_made_anew, &wak_freed_while_a_child_has_a_copy,
    &wak_with_a_saturated_counter, &wak_with_a_full_pipe, &wak_leaves_errno_alone,
    &wak_as_often_as_you_like, &wak_does_not_disturb_sources,
    &wak_with_little_capacity, &wak_through_a_reference,
    &wak_internal_descriptor_is_not_the_users, &wak_token_may_be_a_sources,
    &wak_outlives_its_poll, &wak_while_the_poll_is_freed,
    &wak_in_a_signal_handler, &wak_survives_a_forked_childs_frees,
    &wak_refuses_bad_arguments);
