/* SPDX-License-Identifier: MIT */
/* The selector and waiting. */

#include "config.h"

#include "asan.h"
#include "harness.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

TEST(poll_owns_valid_closeonexec_descriptors, "poll-01")
{
	struct loop loop;
	struct fds before;
	struct mio_waker *waker;
	int own[8], handle;
	size_t n;

	fds_get(&before);
	loop_open(&loop);
	CHECK_INT(0, mio_waker_new(&waker, loop.registry, 1));
	n = fds_since(&before, own, LEN(own));
	ck_assert_uint_gt(n, 0);
	for (size_t i = 0; i < n; ++i)
		ck_assert_msg(is_cloexec(own[i]),
		    "descriptor %d is not close-on-exec", own[i]);
	ck_assert_str_eq(mio_poll_backend(loop.poll), backend());
	handle = mio_poll_handle(loop.poll);
	ck_assert_int_eq(handle, mio_registry_handle(loop.registry));
	if (handle == -1)
		CHECK_FAILS(ENOTSUP, mio_poll_handle(loop.poll));
	else
		ck_assert(is_cloexec(handle));
	mio_waker_free(waker);
	loop_close(&loop);
}

TEST_NEEDS(poll_new_passes_emfile_on_and_leaks_nothing, "poll-01", NEEDS_LIMITS)
{
	struct mio_poll *untouched = (struct mio_poll *)&errno, *poll;
	struct mio_waker *no_waker = (struct mio_waker *)&errno, *waker;
	struct rlimit limit, few;
	int taken[64];
	size_t n = 0, open_before;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	few = limit;
	few.rlim_cur = 64;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	while (n < LEN(taken) && (taken[n] = dup(0)) != -1)
		++n;
	ck_assert_uint_gt(n, 8);

	/* With k descriptors free: it fails whole or works whole. */
	for (size_t k = 0; k < 8; ++k) {
		open_before = fds_count();
		poll = untouched;
		if (mio_poll_new_backend(&poll, backend()) == -1) {
			ck_assert_int_eq(errno, EMFILE);
			ck_assert_ptr_eq(poll, untouched);
		} else {
			size_t with_poll = fds_count();

			waker = no_waker;
			if (mio_waker_new(
				&waker, mio_poll_registry(poll), 1) == -1) {
				ck_assert_int_eq(errno, EMFILE);
				ck_assert_ptr_eq(waker, no_waker);
				ck_assert_uint_eq(fds_count(), with_poll);
			} else {
				mio_waker_free(waker);
			}
			mio_poll_free(poll);
		}
		ck_assert_uint_eq(fds_count(), open_before);
		if (k == 0 && selector_is("epoll"))
			ck_assert_ptr_eq(poll, untouched);
		close(taken[--n]);
	}
	ck_assert_ptr_ne(poll, untouched);
	while (n > 0)
		close(taken[--n]);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

TEST(poll_without_sources_waits_for_the_timeout, "poll-02 poll-07")
{
	static const int64_t waits[] = { 1, MIO_MSEC, 20 * MIO_MSEC,
		20 * MIO_MSEC + 1, 100 * MIO_MSEC };
	struct loop loop;

	loop_open(&loop);
	for (size_t i = 0; i < LEN(waits); ++i) {
		int64_t begin = now_ns(), took;

		CHECK_INT(0, mio_poll(loop.poll, loop.events, waits[i]));
		took = now_ns() - begin;
		ck_assert_int_ge(took, waits[i]);
		ck_assert_int_lt(took, waits[i] + MIO_SEC * (int)slowness());
		ck_assert_uint_eq(mio_events_count(loop.events), 0);
	}
	loop_close(&loop);
}

static void
on_signal(int number)
{
	(void)number;
}

static void
catch_usr1(int flags)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = on_signal;
	action.sa_flags = flags;
	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
}

struct nagger {
	pthread_t target;
	int first_ms;
	atomic_bool done;
};

/* Again and again, lest a single signal come before the wait. */
static void *
nag(void *arg)
{
	struct nagger *nagger = arg;

	pause_ms(nagger->first_ms);
	while (!atomic_load(&nagger->done)) {
		pthread_kill(nagger->target, SIGUSR1);
		pause_ms(20);
	}
	return NULL;
}

TEST_NEEDS(poll_forever_ends_with_a_signal, "poll-03 poll-06 regr-22",
    NEEDS_THREADS | NEEDS_SIGNALS)
{
	struct loop loop;
	struct nagger nagger = { pthread_self(), 50, false };
	pthread_t thread;

	catch_usr1(0);
	loop_open(&loop);
	thread = thread_start(nag, &nagger);
	CHECK_FAILS(EINTR, mio_poll(loop.poll, loop.events, MIO_FOREVER));
	atomic_store(&nagger.done, true);
	thread_join(thread);
	ck_assert_uint_eq(mio_events_count(loop.events), 0);
	loop_close(&loop);
}

TEST_NEEDS(poll_returns_eintr_with_sa_restart_too, "poll-06 poll-05",
    NEEDS_THREADS | NEEDS_SIGNALS)
{
	struct loop loop;
	struct pair pair;
	struct nagger nagger = { pthread_self(), 50, false };
	pthread_t thread;
	int64_t begin;

	catch_usr1(SA_RESTART);
	loop_open(&loop);
	PAIR(&pair);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 1, R));
	put(&pair.b, "x");
	WAIT(&loop, 1, R);
	ck_assert_uint_gt(mio_events_count(loop.events), 0);
	drain(&pair.a);
	thread = thread_start(nag, &nagger);
	begin = now_ns();
	CHECK_FAILS(EINTR, mio_poll(loop.poll, loop.events, 30 * MIO_SEC));
	ck_assert_int_lt(now_ns() - begin, 29 * MIO_SEC);
	atomic_store(&nagger.done, true);
	thread_join(thread);
	ck_assert_uint_eq(mio_events_count(loop.events), 0);
	ck_assert_ptr_null(mio_events_get(loop.events, 0));
	pair_close(&pair);
	loop_close(&loop);
}

TEST(poll_zero_timeout_returns_what_is_ready, "poll-04")
{
	struct loop loop;
	struct mio_source listener = MIO_SOURCE_INIT, streams[3];
	struct addr addr;
	int64_t end = now_ns() + 5 * MIO_SEC * (int)slowness();
	int n = 0;

	loop_open(&loop);
	addr = listen_on(&listener, AF_INET);
	for (size_t i = 0; i < LEN(streams); ++i) {
		struct mio_source stream = MIO_SOURCE_INIT;

		streams[i] = stream;
		CHECK_INT(0,
		    mio_tcp_connect(&streams[i], &addr.u.any, addr.len));
		CHECK_INT(0,
		    mio_registry_register(loop.registry, &streams[i], i, W));
	}
	while (n == 0 && now_ns() < end) {
		CHECK_CALL(n = mio_poll(loop.poll, loop.events, 0));
		if (n == 0)
			pause_ms(1);
	}
	ck_assert_int_ge(n, 1);
	ck_assert(mio_event_is_writable(mio_events_get(loop.events, 0)));
	for (size_t i = 0; i < LEN(streams); ++i)
		shut(&streams[i]);
	shut(&listener);
	loop_close(&loop);
}

TEST(poll_empties_the_buffer_first, "poll-05")
{
	struct loop loop;
	struct pair pair;

	loop_open(&loop);
	PAIR(&pair);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 1, R));
	put(&pair.b, "x");
	WAIT(&loop, 1, R);
	drain(&pair.a);
	CHECK_INT(0, mio_poll(loop.poll, loop.events, 0));
	ck_assert_uint_eq(mio_events_count(loop.events), 0);
	ck_assert_ptr_null(mio_events_get(loop.events, 0));

	put(&pair.b, "x");
	WAIT(&loop, 1, R);
	drain(&pair.a);
	CHECK_INT(0, mio_poll(loop.poll, loop.events, MIO_MSEC));
	ck_assert_uint_eq(mio_events_count(loop.events), 0);
	pair_close(&pair);
	loop_close(&loop);
}

/* What one source has to say may come as one event or as several. */
TEST(poll_reports_all_flags_of_a_source, "poll-08 poll-14 poll-15")
{
	struct loop loop;
	struct pair pair;

	loop_open(&loop);
	PAIR(&pair);
	put(&pair.b, "x");
	await_fd(mio_source_handle(&pair.a), POLLIN);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 7, R | W));
	WAIT(&loop, 7, R | W);
	pair_close(&pair);
	loop_close(&loop);
}

TEST(poll_reports_every_source, "poll-09")
{
	enum { PAIRS = 64 };
	struct loop loop;
	struct pair pairs[PAIRS];

	NEED_DESCRIPTORS(2 * PAIRS);
	loop_open_capacity(&loop, 16);
	for (size_t i = 0; i < PAIRS; ++i) {
		PAIR(&pairs[i]);
		CHECK_INT(0,
		    mio_registry_register(
			loop.registry, &pairs[i].a, 100 + i, R));
		put(&pairs[i].b, "x");
	}
	WAIT_ALL(&loop, 100, PAIRS, R);
	for (size_t i = 0; i < PAIRS; ++i)
		pair_close(&pairs[i]);
	loop_close(&loop);
}

/* One source that is always ready must not keep the other from its turn. */
TEST(poll_starves_no_source, "poll-09 lim-01")
{
	struct loop loop;
	struct pair noisy, meek;
	int rounds;

	loop_open_capacity(&loop, 1);
	PAIR(&noisy);
	PAIR(&meek);
	CHECK_INT(0, mio_registry_register(loop.registry, &noisy.a, 1, R));
	CHECK_INT(0, mio_registry_register(loop.registry, &meek.a, 2, R));
	put(&meek.b, "x");
	await_fd(mio_source_handle(&meek.a), POLLIN);
	for (rounds = 0; rounds < 50; ++rounds) {
		drain(&noisy.a);
		put(&noisy.b, "x");
		await_fd(mio_source_handle(&noisy.a), POLLIN);
		CHECK_INT(1, loop_poll(&loop, 5 * MIO_SEC));
		if (loop_flags(&loop, 2) & R)
			break;
	}
	ck_assert_int_lt(rounds, 50);
	pair_close(&noisy);
	pair_close(&meek);
	loop_close(&loop);
}

TEST(poll_ignores_what_no_interest_asks_for, "poll-10")
{
	struct loop loop;
	struct mio_source receiver = MIO_SOURCE_INIT;
	struct mio_source sender = MIO_SOURCE_INIT;

	if (pipe_is_two_way())
		SKIP("each end of a pipe can be read and written");
	loop_open(&loop);
	CHECK_INT(0, mio_pipe_new(&receiver, &sender));
	/* A pipe's writing end has room, its reading end has data. */
	CHECK_INT(0, mio_registry_register(loop.registry, &sender, 1, R));
	put(&sender, "x");
	CHECK_INT(0, mio_registry_register(loop.registry, &receiver, 2, W));
	QUIET(&loop);
	shut(&sender);
	shut(&receiver);
	loop_close(&loop);
}

TEST(poll_edge_follows_draining, "poll-11 poll-12 poll-13 regr-22 regr-30")
{
	struct loop loop;
	struct pair pair;

	loop_open(&loop);
	PAIR(&pair);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 1, R));
	for (int round = 0; round < 3; ++round) {
		char buf[16];

		put(&pair.b, "data");
		WAIT(&loop, 1, R);
		ck_assert_uint_eq(drain(&pair.a), 4);
		CHECK_FAILS(
		    EAGAIN, mio_source_read(&pair.a, buf, sizeof(buf)));
		QUIET(&loop);
	}
	/* An edge, not a level: undrained data alone says nothing more. */
	put(&pair.b, "data");
	WAIT(&loop, 1, R);
	SETTLE(&loop);
	drain(&pair.a);
	put(&pair.b, "more");
	WAIT(&loop, 1, R);
	pair_close(&pair);
	loop_close(&loop);
}

TEST(poll_edge_of_writing_follows_eagain, "poll-11")
{
	struct loop loop;
	struct mio_source receiver = MIO_SOURCE_INIT;
	struct mio_source sender = MIO_SOURCE_INIT;

	loop_open(&loop);
	CHECK_INT(0, mio_pipe_new(&receiver, &sender));
	CHECK_INT(0, mio_registry_register(loop.registry, &sender, 1, W));
	for (int round = 0; round < 3; ++round) {
		WAIT(&loop, 1, W);
		fill(&sender);
		QUIET(&loop);
		drain(&receiver);
	}
	WAIT(&loop, 1, W);
	shut(&sender);
	shut(&receiver);
	loop_close(&loop);
}

/* The (7): EAGAIN of one direction says nothing of the other. */
TEST(poll_eagain_rearms_its_direction_only, "poll-11 B-1")
{
	struct loop loop;
	struct pair pair;

	loop_open(&loop);
	PAIR(&pair);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 1, R | W));
	WAIT(&loop, 1, W);
	SETTLE(&loop);
	for (int round = 0; round < 3; ++round) {
		ck_assert_uint_eq(drain(&pair.a), 0);
		QUIET(&loop);
	}
	put(&pair.b, "x");
	WAIT(&loop, 1, R);
	ck_assert_uint_eq(drain(&pair.a), 1);
	QUIET(&loop);
	pair_close(&pair);
	loop_close(&loop);
}

typedef int registry_call(
    struct mio_registry *, struct mio_source *, mio_token, unsigned);

struct late {
	struct mio_registry *registry;
	struct mio_source *source;
	registry_call *call;
	int result;
};

static void *
call_late(void *arg)
{
	struct late *late = arg;

	pause_ms(200);
	late->result = late->call(late->registry, late->source, 9, W);
	mio_registry_unref(late->registry);
	return NULL;
}

/* Another thread asks, in the wait, for what is the case. */
static void
event_of_a_call_meanwhile(struct loop *loop, struct mio_source *source,
    registry_call *call)
{
	struct late late = { mio_registry_ref(loop->registry), source, call,
		-1 };
	int64_t begin = now_ns();
	pthread_t thread = thread_start(call_late, &late);

	CHECK_INT(1, loop_poll(loop, 30 * MIO_SEC));
	ck_assert_int_lt(now_ns() - begin, 29 * MIO_SEC);
	ck_assert_uint_eq(loop_flags(loop, 9) & W, W);
	thread_join(thread);
	ck_assert_int_eq(late.result, 0);
}

TEST_NEEDS(poll_sees_a_registration_made_meanwhile, "poll-16 poll-27",
    NEEDS_THREADS)
{
	struct loop loop;
	struct mio_source udp = MIO_SOURCE_INIT;

	loop_open(&loop);
	udp_open(&udp, AF_INET);
	event_of_a_call_meanwhile(&loop, &udp, mio_registry_register);
	shut(&udp);
	loop_close(&loop);
}

TEST_NEEDS(poll_sees_a_reregistration_made_meanwhile,
    "poll-16 poll-17 reg-09", NEEDS_THREADS)
{
	struct loop loop;
	struct mio_source udp = MIO_SOURCE_INIT;

	loop_open(&loop);
	udp_open(&udp, AF_INET);
	CHECK_INT(0, mio_registry_register(loop.registry, &udp, 1, R));
	SETTLE(&loop);
	event_of_a_call_meanwhile(&loop, &udp, mio_registry_reregister);
	shut(&udp);
	loop_close(&loop);
}

enum { WORKERS = 3, TURNS = 200 };

struct worker {
	struct mio_registry *registry;
	struct mio_source *source;
	mio_token token;
	unsigned interests;
	int failures;
};

static void *
work(void *arg)
{
	struct worker *worker = arg;
	struct mio_registry *registry = worker->registry;

	for (int i = 0; i < TURNS; ++i) {
		worker->failures += mio_registry_register(registry,
					worker->source, worker->token + 100,
					R) != 0;
		worker->failures += mio_registry_reregister(registry,
					worker->source, worker->token + 200,
					R | W) != 0;
		worker->failures +=
		    mio_registry_deregister(registry, worker->source) != 0;
	}
	worker->failures += mio_registry_register(registry, worker->source,
				worker->token, worker->interests) != 0;
	mio_registry_unref(registry);
	return NULL;
}

TEST_NEEDS(poll_registers_from_many_threads, "poll-17 poll-27", NEEDS_THREADS)
{
	struct loop loop;
	struct mio_source listener = MIO_SOURCE_INIT, udp = MIO_SOURCE_INIT;
	struct mio_source stream = MIO_SOURCE_INIT;
	struct mio_source *sources[WORKERS] = { &listener, &udp, &stream };
	static const unsigned interests[WORKERS] = { R, W, W };
	struct worker workers[WORKERS];
	pthread_t threads[WORKERS];
	struct addr addr;

	loop_open(&loop);
	addr = listen_on(&listener, AF_INET);
	udp_open(&udp, AF_INET);
	CHECK_INT(0, mio_tcp_connect(&stream, &addr.u.any, addr.len));
	for (size_t i = 0; i < WORKERS; ++i) {
		struct worker worker = { mio_registry_ref(loop.registry),
			sources[i], i, interests[i], 0 };

		workers[i] = worker;
		threads[i] = thread_start(work, &workers[i]);
	}
	/* Wait on the poll all the while. */
	WAIT(&loop, 0, R);
	for (size_t i = 0; i < WORKERS; ++i) {
		thread_join(threads[i]);
		ck_assert_int_eq(workers[i].failures, 0);
		CHECK_INT(0,
		    mio_registry_reregister(
			loop.registry, sources[i], i, interests[i]));
	}
	WAIT(&loop, 0, R);
	for (size_t i = 0; i < WORKERS; ++i)
		CHECK_INT(0,
		    mio_registry_reregister(
			loop.registry, sources[i], i, interests[i]));
	WAIT_ALL(&loop, 1, 2, W);
	shut(&stream);
	shut(&udp);
	shut(&listener);
	loop_close(&loop);
}

TEST(poll_gives_the_new_token_after_reregister, "poll-18 evt-01")
{
	struct loop loop;
	struct mio_source listener = MIO_SOURCE_INIT;
	struct mio_source stream = MIO_SOURCE_INIT;
	struct addr addr;

	loop_open(&loop);
	addr = listen_on(&listener, AF_INET);
	CHECK_INT(0, mio_registry_register(loop.registry, &listener, 1, R));
	CHECK_INT(0, mio_poll(loop.poll, loop.events, 0));
	CHECK_INT(0, mio_registry_reregister(loop.registry, &listener, 2, R));
	CHECK_INT(0, mio_tcp_connect(&stream, &addr.u.any, addr.len));
	WAIT(&loop, 2, R);
	ck_assert_uint_eq(loop_count(&loop, 1), 0);
	CHECK_INT(0, mio_registry_register(loop.registry, &stream, 3, W));
	WAIT(&loop, 3, W);
	shut(&stream);
	shut(&listener);
	loop_close(&loop);
}

TEST_NEEDS(poll_closes_its_descriptors, "poll-19", NEEDS_LIMITS)
{
	struct rlimit limit, few;
	size_t before;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	few = limit;
	few.rlim_cur = 64;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	before = fds_count();
	for (int i = 0; i < 2000; ++i) {
		struct loop loop;
		struct mio_waker *waker;

		loop_open_capacity(&loop, 1);
		CHECK_INT(0, mio_waker_new(&waker, loop.registry, 1));
		CHECK_INT(0, mio_poll(loop.poll, loop.events, 0));
		mio_waker_free(waker);
		loop_close(&loop);
	}
	ck_assert_uint_eq(fds_count(), before);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

struct poller {
	struct mio_poll *poll;
	struct mio_events *events;
	atomic_bool waits;
	int result;
};

static void *
wait_forever(void *arg)
{
	struct poller *poller = arg;

	atomic_store(&poller->waits, true);
	/* EBUSY: the test has a look whether this thread waits yet. */
	do
		poller->result =
		    mio_poll(poller->poll, poller->events, MIO_FOREVER);
	while (poller->result == -1 && errno == EBUSY);
	return NULL;
}

TEST_NEEDS(poll_has_one_poller_at_a_time, "poll-20", NEEDS_THREADS)
{
	struct loop loop;
	struct mio_waker *waker;
	struct mio_events *other, *probe;
	struct poller poller;
	pthread_t thread;
	int64_t end = now_ns() + 5 * MIO_SEC * (int)slowness();

	loop_open(&loop);
	CHECK_INT(0, mio_waker_new(&waker, loop.registry, 5));
	CHECK_INT(0, mio_events_new(&other, 4));
	CHECK_INT(0, mio_events_new(&probe, 4));
	CHECK_INT(0, mio_waker_wake(waker));
	CHECK_INT(1, mio_poll(loop.poll, other, MIO_SEC));
	poller.poll = loop.poll;
	poller.events = loop.events;
	atomic_init(&poller.waits, false);
	thread = thread_start(wait_forever, &poller);
	while (!atomic_load(&poller.waits))
		pause_ms(1);
	while (mio_poll(loop.poll, probe, 0) != -1 && now_ns() < end)
		pause_ms(5);
	CHECK_FAILS(EBUSY, mio_poll(loop.poll, other, 0));
	CHECK_FAILS(EBUSY, mio_poll(loop.poll, other, MIO_FOREVER));
	ck_assert_uint_eq(mio_events_count(other), 1);
	ck_assert_uint_eq(mio_events_get(other, 0)->token, 5);
	CHECK_INT(0, mio_waker_wake(waker));
	thread_join(thread);
	ck_assert_int_eq(poller.result, 1);
	ck_assert_uint_eq(loop_flags(&loop, 5) & R, R);
	CHECK_INT(0, mio_poll(loop.poll, other, 0));
	mio_events_free(probe);
	mio_events_free(other);
	mio_waker_free(waker);
	loop_close(&loop);
}

TEST(poll_freed_before_its_sources, "poll-21")
{
	struct loop loop;
	struct pair pair;
	char buf[4];

	loop_open(&loop);
	PAIR(&pair);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 1, R | W));
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.b, 2, R | W));
	WAIT_ALL(&loop, 1, 2, W);
	loop_close(&loop);
	CHECK_FAILS(EAGAIN, mio_source_read(&pair.a, buf, sizeof(buf)));
	put(&pair.a, "x");
	expect(&pair.b, "x");
	put(&pair.b, "y");
	expect(&pair.a, "y");
	/* Counts as not registered: another poll may have it. */
	loop_open(&loop);
	CHECK_FAILS(ENOENT, mio_registry_deregister(loop.registry, &pair.a));
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 3, R));
	put(&pair.b, "z");
	WAIT(&loop, 3, R);
	pair_close(&pair);
	loop_close(&loop);
}

TEST(poll_freed_before_its_registry_reference, "poll-22")
{
	struct loop loop;
	struct mio_registry *registry;
	struct pair pair;

	loop_open(&loop);
	PAIR(&pair);
	registry = mio_registry_ref(loop.registry);
	loop_close(&loop);
	CHECK_INT(0, mio_registry_register(registry, &pair.a, 1, R));
	CHECK_INT(0, mio_registry_reregister(registry, &pair.a, 2, W));
	CHECK_FAILS(EEXIST, mio_registry_register(registry, &pair.a, 1, R));
	CHECK_INT(0, mio_registry_deregister(registry, &pair.a));
	CHECK_INT(0, mio_registry_register(registry, &pair.b, 1, R));
	mio_registry_unref(registry);
	pair_close(&pair);
}

TEST(poll_handle_nests_in_another_poll, "poll-23")
{
	struct loop inner, outer;
	struct mio_source receiver = MIO_SOURCE_INIT;
	struct mio_source sender = MIO_SOURCE_INIT;
	int handle;

	loop_open(&inner);
	handle = mio_poll_handle(inner.poll);
	if (handle == -1) {
		CHECK_FAILS(ENOTSUP, mio_poll_handle(inner.poll));
		ck_assert_msg(
		    !selector_is("epoll"), "epoll has a descriptor");
		loop_close(&inner);
		return;
	}
	loop_open(&outer);
	CHECK_INT(0, mio_pipe_new(&receiver, &sender));
	CHECK_INT(0, mio_registry_register(inner.registry, &receiver, 1, R));
	CHECK_INT(
	    0, mio_registry_register_fd(outer.registry, handle, 2, R));
	QUIET(&outer);
	put(&sender, "x");
	WAIT(&outer, 2, R);
	CHECK_INT(1, loop_poll(&inner, 0));
	ck_assert_uint_eq(loop_flags(&inner, 1) & R, R);
	CHECK_INT(0, mio_registry_deregister_fd(outer.registry, handle));
	shut(&receiver);
	shut(&sender);
	loop_close(&outer);
	loop_close(&inner);
}

struct alarm {
	struct mio_waker *waker;
	int after_ms;
};

static void *
wake_later(void *arg)
{
	struct alarm *alarm = arg;

	pause_ms(alarm->after_ms);
	return mio_waker_wake(alarm->waker) == 0 ? arg : NULL;
}

TEST_NEEDS(poll_forever_returns_with_an_event, "poll-24 B-11", NEEDS_THREADS)
{
	struct loop loop;
	struct mio_waker *waker;
	struct pair pair;
	struct alarm alarm;

	loop_open(&loop);
	PAIR(&pair);
	CHECK_INT(0, mio_waker_new(&waker, loop.registry, 1));
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 2, R));
	alarm.waker = waker;
	alarm.after_ms = 20;
	for (int i = 0; i < 5; ++i) {
		pthread_t thread = thread_start(wake_later, &alarm);

		CHECK_INT(1, loop_poll(&loop, i % 2 ? MIO_FOREVER : INT64_MIN));
		ck_assert_uint_eq(loop_flags(&loop, 1) & R, R);
		ck_assert_ptr_eq(thread_join(thread), &alarm);
	}
	mio_waker_free(waker);
	pair_close(&pair);
	loop_close(&loop);
}

struct churn {
	struct mio_registry *registry;
	struct mio_source *source;
	int pause;
	atomic_bool done;
	int turns;
	int failures;
};

static void *
churn_run(void *arg)
{
	struct churn *churn = arg;

	while (!atomic_load(&churn->done)) {
		churn->failures += mio_registry_register(churn->registry,
				       churn->source, 1, R) != 0;
		churn->failures += mio_registry_deregister(churn->registry,
				       churn->source) != 0;
		++churn->turns;
		pause_ms(churn->pause);
	}
	return NULL;
}

/* CPU time of the calling thread. */
static int64_t
burnt_ns(void)
{
	struct timespec used;

	clock_gettime((clockid_t)CLOCK_THREAD_CPUTIME_ID, &used);
	return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

/* The (2). */
TEST_NEEDS(poll_timeout_is_one_deadline, "poll-25 B-5", NEEDS_THREADS)
{
	struct loop loop;
	struct pair pair;
	struct churn churn;
	pthread_t thread;
	int64_t begin, took, burnt;

	loop_open(&loop);
	PAIR(&pair);
	memset(&churn, 0, sizeof(churn));
	churn.registry = loop.registry;
	churn.source = &pair.a;
	churn.pause = 10;
	thread = thread_start(churn_run, &churn);
	burnt = burnt_ns();
	begin = now_ns();
	CHECK_INT(0, mio_poll(loop.poll, loop.events, 200 * MIO_MSEC));
	took = now_ns() - begin;
	burnt = burnt_ns() - burnt;
	atomic_store(&churn.done, true);
	thread_join(thread);
	ck_assert_int_eq(churn.failures, 0);
	ck_assert_int_ge(churn.turns, 3);
	ck_assert_int_ge(took, 200 * MIO_MSEC);
	ck_assert_int_lt(took, MIO_SEC * (int)slowness());
	ck_assert_int_lt(burnt, 100 * MIO_MSEC * (int)slowness());
	pair_close(&pair);
	loop_close(&loop);
}

/* A registration must not wait for the poll to end. */
TEST_NEEDS(poll_does_not_hold_registrations_up, "poll-25 poll-17",
    NEEDS_THREADS)
{
	struct loop loop;
	struct mio_waker *waker;
	struct pair pair;
	struct poller poller;
	pthread_t thread;
	int64_t begin;

	loop_open(&loop);
	PAIR(&pair);
	CHECK_INT(0, mio_waker_new(&waker, loop.registry, 5));
	poller.poll = loop.poll;
	poller.events = loop.events;
	atomic_init(&poller.waits, false);
	thread = thread_start(wait_forever, &poller);
	while (!atomic_load(&poller.waits))
		pause_ms(1);
	pause_ms(50);
	begin = now_ns();
	for (int i = 0; i < 20; ++i) {
		CHECK_INT(0,
		    mio_registry_register(loop.registry, &pair.a, 1, R));
		CHECK_INT(0,
		    mio_registry_reregister(loop.registry, &pair.a, 2, R));
		CHECK_INT(
		    0, mio_registry_deregister(loop.registry, &pair.a));
	}
	ck_assert_int_lt(now_ns() - begin, 5 * MIO_SEC * (int)slowness());
	CHECK_INT(0, mio_waker_wake(waker));
	thread_join(thread);
	ck_assert_int_eq(poller.result, 1);
	ck_assert_uint_eq(mio_events_get(loop.events, 0)->token, 5);
	ck_assert_uint_eq(loop_flags(&loop, 5) & R, R);
	mio_waker_free(waker);
	pair_close(&pair);
	loop_close(&loop);
}

static ssize_t
read_op(mio_handle fd, void *arg)
{
	(void)arg;
	char buf[64];

	return read(fd, buf, sizeof(buf));
}

TEST(poll_goes_on_after_direct_io, "poll-26")
{
	struct loop loop;
	struct pair pair;
	char buf[64];

	loop_open(&loop);
	PAIR(&pair);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 1, R));
	put(&pair.b, "x");
	WAIT(&loop, 1, R);

	/* Behind the library's back, then a call that says so. */
	CHECK_INT(1, read(mio_source_handle(&pair.a), buf, sizeof(buf)));
	CHECK_FAILS(EAGAIN,
	    mio_source_try_io(&pair.a, MIO_READABLE, read_op, NULL));
	put(&pair.b, "y");
	WAIT(&loop, 1, R);

	/* The same with a reregister. */
	CHECK_INT(1, read(mio_source_handle(&pair.a), buf, sizeof(buf)));
	CHECK_FAILS(
	    EAGAIN, read(mio_source_handle(&pair.a), buf, sizeof(buf)));
	CHECK_INT(0, mio_registry_reregister(loop.registry, &pair.a, 2, R));
	QUIET(&loop);
	put(&pair.b, "z");
	WAIT(&loop, 2, R);
	pair_close(&pair);
	loop_close(&loop);
}

/* How often the calling thread went to sleep; 0 where nobody counts. */
static long
naps_taken(void)
{
#ifdef RUSAGE_THREAD
	struct rusage usage;

	if (getrusage(RUSAGE_THREAD, &usage) == 0)
		return usage.ru_nvcsw;
#endif
	return 0;
}

/* Not many short waits in place of one, nor none at all. */
TEST(poll_sleeps_while_it_waits, "poll-07")
{
	struct loop loop;
	struct pair pair;
	int64_t burnt;
	long naps;

	loop_open(&loop);
	PAIR(&pair);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 1, R | W));
	WAIT(&loop, 1, W);
	SETTLE(&loop);
	burnt = burnt_ns();
	naps = naps_taken();
	CHECK_INT(0, mio_poll(loop.poll, loop.events, 300 * MIO_MSEC));
	naps = naps_taken() - naps;
	burnt = burnt_ns() - burnt;
	ck_assert_int_lt(burnt, 50 * MIO_MSEC * (int)slowness());
	if (slowness() <= 1)
		ck_assert_int_lt(naps, 30);
	pair_close(&pair);
	loop_close(&loop);
}

TEST(poll_refuses_bad_arguments, "poll-01")
{
	static const char *const unknown[] = { "nonsense", "epoll+", "+pipe",
		"+", "epoll+nonsense", "nonsense+pipe", "Epoll", " epoll",
		"epoll+eventfd+pipe", "poll+", "polls" };
	struct mio_poll *untouched = (struct mio_poll *)&errno;
	struct mio_poll *poll = untouched;
	struct loop loop;

	CHECK_FAILS(EINVAL, mio_poll_new(NULL));
	CHECK_FAILS(EINVAL, mio_poll_new_backend(NULL, backend()));
	for (size_t i = 0; i < LEN(unknown); ++i) {
		CHECK_FAILS(EINVAL, mio_poll_new_backend(&poll, unknown[i]));
		ck_assert_ptr_eq(poll, untouched);
	}
	loop_open(&loop);
	CHECK_FAILS(EINVAL, mio_poll(NULL, loop.events, 0));
	CHECK_FAILS(EINVAL, mio_poll(loop.poll, NULL, 0));
	ck_assert_ptr_null(mio_poll_registry(NULL));
	ck_assert_ptr_null(mio_poll_backend(NULL));
	mio_poll_free(NULL);
	/* And nothing changed. */
	CHECK_INT(0, mio_poll(loop.poll, loop.events, 0));
	loop_close(&loop);
}

TEST(poll_backend_by_name_and_environment, "poll-01")
{
	char selector[32];
	size_t len = strcspn(backend(), "+");
	struct mio_poll *poll;

	snprintf(selector, sizeof(selector), "%.*s", (int)len, backend());
	CHECK_INT(0, mio_poll_new_backend(&poll, selector));
	ck_assert_int_eq(
	    strncmp(mio_poll_backend(poll), backend(), len + 1), 0);
	mio_poll_free(poll);

	ck_assert_int_eq(setenv("MIO_BACKEND", backend(), 1), 0);
	CHECK_INT(0, mio_poll_new(&poll));
	ck_assert_str_eq(mio_poll_backend(poll), backend());
	mio_poll_free(poll);
	CHECK_INT(0, mio_poll_new_backend(&poll, NULL));
	ck_assert_str_eq(mio_poll_backend(poll), backend());
	mio_poll_free(poll);

	/* A name given is stronger; an unknown one is never passed over. */
	ck_assert_int_eq(setenv("MIO_BACKEND", "nonsense", 1), 0);
	CHECK_INT(0, mio_poll_new_backend(&poll, backend()));
	ck_assert_str_eq(mio_poll_backend(poll), backend());
	mio_poll_free(poll);
	CHECK_FAILS(EINVAL, mio_poll_new(&poll));
	CHECK_FAILS(EINVAL, mio_poll_new_backend(&poll, NULL));

	ck_assert_int_eq(unsetenv("MIO_BACKEND"), 0);
	CHECK_INT(0, mio_poll_new(&poll));
	ck_assert_str_eq(mio_poll_backend(poll), mio_backends()[0]);
	mio_poll_free(poll);
}

/* Systems without cancellation have none of its constants (Android). */
#ifdef PTHREAD_CANCEL_DISABLE

static void *
wait_to_be_cancelled(void *arg)
{
	struct loop *loop = arg;

	mio_poll(loop->poll, loop->events, MIO_FOREVER);
	return NULL;
}

/* With a timeout it may be another call that is cancelled. */
static void *
wait_long_to_be_cancelled(void *arg)
{
	struct loop *loop = arg;

	mio_poll(loop->poll, loop->events, 100 * MIO_SEC);
	return NULL;
}

/* pthread_cancel: the poll is not busy for ever, wakes go on, none is lost. */
TEST_NEEDS(poll_goes_on_after_its_thread_was_cancelled, "poll-20 poll-27",
    NEEDS_THREADS)
{
	struct loop loop;
	struct mio_waker *waker;
	struct mio_source receiver, sender;

#ifdef HAVE_ASAN
	SKIP("AddressSanitizer takes unwound frames of a thread for live ones");
#endif
	loop_open(&loop);
	CHECK_INT(0, mio_waker_new(&waker, loop.registry, 2));
	for (int i = 0; i < 20; ++i) {
		pthread_t thread;

		thread = thread_start(i % 2 == 0 ? wait_to_be_cancelled
						 : wait_long_to_be_cancelled,
		    &loop);
		pause_ms(i / 2 % 4 * 5); /* before, at and in the wait */
		ck_assert_int_eq(pthread_cancel(thread), 0);
		ck_assert_ptr_eq(thread_join(thread), PTHREAD_CANCELED);

		CHECK_INT(0, mio_pipe_new(&receiver, &sender));
		CHECK_INT(0,
		    mio_registry_register(loop.registry, &receiver, 1, R));
		CHECK_INT(1, mio_source_write(&sender, "x", 1));
		WAIT(&loop, 1, R);
		CHECK_INT(0, mio_waker_wake(waker));
		WAIT(&loop, 2, R);
		CHECK_INT(0, mio_source_close(&receiver));
		CHECK_INT(0, mio_source_close(&sender));
	}
	mio_waker_free(waker);
	loop_close(&loop);
}

struct rearming {
	struct mio_registry *registry;
	mio_handle fd;
	int result;
};

static void *
rearm_while_cancelled(void *arg)
{
	struct rearming *rearming = arg;
	int state;

	pthread_cancel(pthread_self());
	rearming->result =
	    mio_registry_rearm_fd(rearming->registry, rearming->fd, R);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	return arg;
}

/* Where it looks whether the socket is shut it must not end. */
TEST_NEEDS(poll_goes_on_after_a_cancelled_thread_rearmed, "poll-20",
    NEEDS_THREADS)
{
	struct mio_source a = MIO_SOURCE_INIT, b = MIO_SOURCE_INIT;
	struct rearming rearming = { .result = -1 };
	struct loop loop;
	struct pair pair;

	loop_open(&loop);
	CHECK_INT(0, mio_unix_dgram_pair(&a, &b));
	CHECK_INT(0, mio_source_shutdown(&a, SHUT_RD));
	rearming.registry = loop.registry;
	rearming.fd = mio_source_handle(&a);
	CHECK_INT(0,
	    mio_registry_register_fd(loop.registry, rearming.fd, 1, R));
	mio_poll(loop.poll, loop.events, 0); /* some systems tell, some not */
	ck_assert_ptr_eq(
	    thread_join(thread_start(rearm_while_cancelled, &rearming)),
	    &rearming);
	CHECK_INT(0, rearming.result);
	PAIR(&pair);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 2, R));
	put(&pair.b, "x");
	WAIT(&loop, 2, R);
	pair_close(&pair);
	CHECK_INT(0, mio_registry_deregister_fd(loop.registry, rearming.fd));
	CHECK_INT(0, mio_source_close(&a));
	CHECK_INT(0, mio_source_close(&b));
	loop_close(&loop);
}

#else

TEST(poll_goes_on_after_its_thread_was_cancelled, "poll-20 poll-27")
{
	SKIP("no thread can be cancelled here");
}

TEST(poll_goes_on_after_a_cancelled_thread_rearmed, "poll-20")
{
	SKIP("no thread can be cancelled here");
}

#endif

SUITE(poll, &poll_owns_valid_closeonexec_descriptors,
    &poll_new_passes_emfile_on_and_leaks_nothing,
    &poll_without_sources_waits_for_the_timeout,
    &poll_forever_ends_with_a_signal, &poll_returns_eintr_with_sa_restart_too,
    &poll_zero_timeout_returns_what_is_ready, &poll_empties_the_buffer_first,
    &poll_reports_all_flags_of_a_source, &poll_reports_every_source,
    &poll_starves_no_source, &poll_ignores_what_no_interest_asks_for,
    &poll_edge_follows_draining, &poll_edge_of_writing_follows_eagain,
    &poll_eagain_rearms_its_direction_only,
    &poll_sees_a_registration_made_meanwhile,
    &poll_sees_a_reregistration_made_meanwhile,
    &poll_registers_from_many_threads,
    &poll_gives_the_new_token_after_reregister, &poll_closes_its_descriptors,
    &poll_has_one_poller_at_a_time,
    &poll_goes_on_after_its_thread_was_cancelled,
    &poll_goes_on_after_a_cancelled_thread_rearmed,
    &poll_freed_before_its_sources, &poll_freed_before_its_registry_reference,
    &poll_handle_nests_in_another_poll, &poll_forever_returns_with_an_event,
    &poll_timeout_is_one_deadline, &poll_does_not_hold_registrations_up,
    &poll_goes_on_after_direct_io, &poll_sleeps_while_it_waits,
    &poll_refuses_bad_arguments, &poll_backend_by_name_and_environment);
