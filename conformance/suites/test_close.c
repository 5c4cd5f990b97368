/* SPDX-License-Identifier: MIT */
/* Lifetimes: what is closed and freed when, and by whom. */

#include "config.h"

#include "harness.h"

#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { A = 1, B = 2, LISTENER = 3, WAKER = 99 };

static void
watch(struct loop *loop, struct mio_source *source, mio_token token,
    unsigned interests)
{
	CHECK_INT(0,
	    mio_registry_register(loop->registry, source, token, interests));
}

/* Takes the child's exit status, 0 for what went well. */
static void
reap(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) == -1)
		ck_assert_int_eq(errno, EINTR);
	ck_assert_msg(
	    WIFEXITED(status), "the child died of signal %d", WTERMSIG(status));
	CHECK_INT(0, WEXITSTATUS(status));
}

TEST(close_without_deregister, "close-01")
{
	struct mio_source l = MIO_SOURCE_INIT, rx = MIO_SOURCE_INIT;
	struct mio_source tx = MIO_SOURCE_INIT;
	struct loop loop;
	struct pair pair;

	loop_open(&loop);
	PAIR(&pair);
	listen_on(&l, AF_INET);
	CHECK_INT(0, mio_pipe_new(&rx, &tx));
	watch(&loop, &pair.a, 10, R | W);
	watch(&loop, &pair.b, 11, R | W);
	watch(&loop, &l, 12, R);
	watch(&loop, &rx, 13, R);
	watch(&loop, &tx, 14, W);
	shut(&rx);
	shut(&l);
	shut(&pair.a);
	shut(&tx);
	shut(&pair.b);
	QUIET(&loop);
	QUIET(&loop);
	loop_close(&loop);
}

TEST(close_clears_the_source, "close-01")
{
	static const struct mio_source empty = MIO_SOURCE_INIT;
	struct mio_source rx = MIO_SOURCE_INIT, tx = MIO_SOURCE_INIT;
	struct loop loop;
	mio_handle fd;

	loop_open(&loop);
	CHECK_INT(0, mio_pipe_new(&rx, &tx));
	watch(&loop, &rx, A, R);
	fd = mio_source_handle(&rx);
	CHECK_INT(0, mio_source_close(&rx));
	CHECK_INT(-1, fcntl(fd, F_GETFD));
	CHECK_INT(MIO_INVALID_HANDLE, mio_source_handle(&rx));
	ck_assert_mem_eq(&rx, &empty, sizeof(rx));
	/* Harmless again, also if the number has a new owner. */
	CHECK_INT(fd, dup(mio_source_handle(&tx)));
	CHECK_FAILS(EBADF, mio_source_close(&rx));
	CHECK_FAILS(EBADF, mio_registry_deregister(loop.registry, &rx));
	CHECK_FAILS(EBADF, mio_registry_register(loop.registry, &rx, A, R));
	ck_assert_int_ne(fcntl(fd, F_GETFD), -1);
	close(fd);
	shut(&tx);
	loop_close(&loop);
}

TEST(close_right_after_accept, "close-02")
{
	struct mio_source l = MIO_SOURCE_INIT, c = MIO_SOURCE_INIT;
	struct mio_source s = MIO_SOURCE_INIT;
	struct loop loop;
	struct addr addr;
	char byte;

	loop_open(&loop);
	addr = listen_on(&l, AF_INET);
	watch(&loop, &l, LISTENER, R);
	CHECK_INT(0, mio_tcp_connect(&c, &addr.u.any, addr.len));
	watch(&loop, &c, A, R);
	WAIT(&loop, LISTENER, R);
	CHECK_INT(0, mio_source_accept(&l, &s, NULL, NULL));
	watch(&loop, &s, B, R | W);
	CHECK_INT(0, mio_source_close(&s));
	WAIT(&loop, A, R);
	CHECK_INT(0, mio_source_connect_result(&c));
	CHECK_INT(0, mio_source_read(&c, &byte, 1));
	NOTOK(&loop, B);
	shut(&c);
	shut(&l);
	loop_close(&loop);
}

/* Both sides registered anew in each of their handlers. */
TEST(close_after_a_whole_life, "close-03 regr-20")
{
	struct mio_source l = MIO_SOURCE_INIT, c = MIO_SOURCE_INIT;
	struct mio_source s = MIO_SOURCE_INIT;
	const int64_t end = now_ns() + (int64_t)(5e9 * slowness());
	bool connected = false, ended = false;
	struct loop loop;
	struct addr addr;
	char byte;

	loop_open(&loop);
	addr = listen_on(&l, AF_INET);
	watch(&loop, &l, LISTENER, R);
	CHECK_INT(0, mio_tcp_connect(&c, &addr.u.any, addr.len));
	watch(&loop, &c, A, W);
	while (!ended) {
		unsigned server, client;

		ck_assert_msg(now_ns() < end, "no end of file");
		loop_poll(&loop, 500 * MIO_MSEC);
		server = loop_flags(&loop, LISTENER);
		client = loop_flags(&loop, A);
		if (client != 0 && !connected) {
			ck_assert((client & W) != 0);
			CHECK_INT(0, mio_source_connect_result(&c));
			connected = true;
			CHECK_INT(0,
			    mio_registry_reregister(loop.registry, &c, A, R));
		} else if (client != 0) {
			ck_assert((client & R) != 0);
			CHECK_INT(0, mio_source_read(&c, &byte, 1));
			ended = true;
		}
		if (server != 0 &&
		    mio_source_accept(&l, &s, NULL, NULL) == 0) {
			watch(&loop, &s, B, R | W);
			CHECK_INT(0,
			    mio_registry_reregister(
				loop.registry, &l, LISTENER, R));
			CHECK_INT(0, mio_source_close(&s));
		}
	}
	shut(&c);
	shut(&l);
	loop_close(&loop);
}

TEST(close_and_use_the_number_again, "close-04")
{
	struct loop loop;
	mio_handle number = MIO_INVALID_HANDLE;
	struct mio_source rx = MIO_SOURCE_INIT, tx = MIO_SOURCE_INIT;

	loop_open(&loop);
	for (int i = 0; i < 100; ++i) {
		struct pair pair;
		int fds[2];

		CHECK_INT(0, socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
		CHECK_INT(0, mio_source_from_fd(&pair.a, fds[0]));
		CHECK_INT(0, mio_source_from_fd(&pair.b, fds[1]));
		if (number == MIO_INVALID_HANDLE)
			number = fds[0];
		CHECK_INT(number, fds[0]);
		watch(&loop, &pair.a, (mio_token)(100 + i), R | W);
		if (i % 10 == 5)
			WAIT(&loop, 100 + i, W);
		pair_close(&pair);
		if (i % 10 == 0)
			QUIET(&loop);
	}
	CHECK_INT(0, mio_pipe_new(&rx, &tx));
	CHECK_INT(number, mio_source_handle(&rx));
	watch(&loop, &rx, A, R);
	put(&tx, "x");
	CHECK_INT(1, loop_poll(&loop, MIO_SEC));
	CHECK_INT(1, loop_count(&loop, A));
	shut(&rx);
	shut(&tx);
	loop_close(&loop);
}

TEST(close_giving_the_descriptor_back_deregisters, "close-05")
{
	struct mio_source again = MIO_SOURCE_INIT;
	struct loop loop, other;
	struct pair pair;
	mio_handle fd;

	loop_open(&loop);
	loop_open(&other);
	PAIR(&pair);
	watch(&loop, &pair.a, A, R | W);
	WAIT(&loop, A, W);
	SETTLE(&loop);
	fd = mio_source_handle(&pair.a);
	CHECK_INT(fd, mio_source_into_fd(&pair.a));
	CHECK_FAILS(EBADF, mio_registry_deregister(loop.registry, &pair.a));
	put(&pair.b, "silent");
	QUIET(&loop);
	if (!raw_is_lenient())
		CHECK_FAILS(
		    ENOENT, mio_registry_deregister_fd(loop.registry, fd));
	/* Free for anybody, as a source and as a number. */
	CHECK_INT(0, mio_registry_register_fd(loop.registry, fd, B, R));
	WAIT(&loop, B, R);
	CHECK_INT(0, mio_registry_deregister_fd(loop.registry, fd));
	CHECK_INT(0, mio_source_from_fd(&again, fd));
	watch(&other, &again, A, R);
	WAIT(&other, A, R);
	expect(&again, "silent");
	shut(&again);
	pair_close(&pair);
	loop_close(&other);
	loop_close(&loop);
}

/* Everything that is freed, in every order there is. */
struct house {
	struct mio_poll *poll;
	struct mio_registry *reference;
	struct mio_waker *waker;
	struct mio_source rx, tx;
};

static void
free_part(struct house *house, int part)
{
	switch (part) {
	case 0:
		mio_poll_free(house->poll);
		break;
	case 1:
		mio_registry_unref(house->reference);
		break;
	case 2:
		/* The poll may be gone: then it does nothing. */
		CHECK_INT(0, mio_waker_wake(house->waker));
		mio_waker_free(house->waker);
		break;
	case 3:
		CHECK_INT(0, mio_source_close(&house->rx));
		break;
	default:
		CHECK_INT(0, mio_source_close(&house->tx));
		break;
	}
}

static void
build_and_free(struct mio_events *events, const int order[5])
{
	struct house house = { NULL, NULL, NULL, MIO_SOURCE_INIT,
		MIO_SOURCE_INIT };
	struct mio_registry *registry;

	CHECK_INT(0, mio_poll_new_backend(&house.poll, backend()));
	registry = mio_poll_registry(house.poll);
	house.reference = mio_registry_ref(registry);
	ck_assert_ptr_eq(house.reference, registry);
	CHECK_INT(0, mio_waker_new(&house.waker, house.reference, WAKER));
	CHECK_INT(0, mio_pipe_new(&house.rx, &house.tx));
	CHECK_INT(0, mio_registry_register(registry, &house.rx, A, R));
	CHECK_INT(
	    0, mio_registry_register(house.reference, &house.tx, B, W));
	CHECK_INT(0, mio_waker_wake(house.waker));
	ck_assert_int_ge(mio_poll(house.poll, events, MIO_SEC), 1);
	for (int i = 0; i < 5; ++i)
		free_part(&house, order[i]);
}

TEST(close_in_every_order, "close-06 poll-21")
{
	struct mio_events *events;
	const size_t fds = fds_count();
	int orders = 0;

	CHECK_INT(0, mio_events_new(&events, 8));
	for (int code = 0; code < 5 * 5 * 5 * 5 * 5; ++code) {
		int order[5], seen = 0;

		for (int i = 0, rest = code; i < 5; ++i, rest /= 5) {
			order[i] = rest % 5;
			seen |= 1 << order[i];
		}
		if (seen != 31)
			continue;
		build_and_free(events, order);
		++orders;
	}
	CHECK_INT(120, orders);
	CHECK_INT(fds, fds_count());
	mio_events_free(events);
	mio_events_free(NULL);
	mio_poll_free(NULL);
	mio_waker_free(NULL);
	mio_registry_unref(NULL);
}

TEST(close_source_outlives_its_poll, "close-06 poll-21 poll-22 reg-20")
{
	struct loop first, second;
	struct pair pair;

	loop_open(&first);
	loop_open(&second);
	PAIR(&pair);
	watch(&first, &pair.a, A, R | W);
	watch(&first, &pair.b, B, R | W);
	CHECK_FAILS(
	    EEXIST, mio_registry_register(second.registry, &pair.a, A, R));
	loop_close(&first);
	/* I/O works on, EAGAIN included. */
	put(&pair.b, "hello");
	expect(&pair.a, "hello");
	CHECK_INT(0, drain(&pair.a));
	/* Not registered any more, so another poll may have it. */
	CHECK_FAILS(
	    ENOENT, mio_registry_deregister(second.registry, &pair.a));
	watch(&second, &pair.a, A, R);
	put(&pair.b, "again");
	WAIT(&second, A, R);
	expect(&pair.a, "again");
	CHECK_INT(0, mio_registry_deregister(second.registry, &pair.a));
	watch(&second, &pair.a, B, R);
	/* One end was never registered again, and is given back. */
	close(mio_source_into_fd(&pair.b));
	WAIT(&second, B, R);
	pair_close(&pair);
	loop_close(&second);
}

/* A reference keeps the selector: registering works, waiting is over. */
TEST(close_reference_outlives_its_poll, "poll-22 close-06")
{
	struct mio_registry *reference;
	struct mio_waker *waker;
	struct loop loop, second;
	struct pair pair;

	loop_open(&loop);
	loop_open(&second);
	PAIR(&pair);
	reference = mio_registry_ref(loop.registry);
	watch(&loop, &pair.a, A, R);
	loop_close(&loop);
	CHECK_INT(0, mio_registry_register(reference, &pair.b, B, R));
	CHECK_INT(0, mio_registry_reregister(reference, &pair.a, A, R | W));
	CHECK_INT(0, mio_registry_deregister(reference, &pair.a));
	CHECK_INT(0, mio_waker_new(&waker, reference, WAKER));
	CHECK_INT(0, mio_waker_wake(waker));
	/* The selector is alive: still registered with it. */
	CHECK_FAILS(
	    EEXIST, mio_registry_register(second.registry, &pair.b, B, R));
	mio_registry_unref(reference);
	CHECK_INT(0, mio_waker_wake(waker));
	mio_waker_free(waker);
	watch(&second, &pair.b, B, R);
	put(&pair.a, "x");
	WAIT(&second, B, R);
	pair_close(&pair);
	loop_close(&second);
}

struct waiter {
	struct loop loop;
	atomic_int left; /* the wait is over */
	bool woken, strange;
};

/* One wait without end, which only the waker ends. */
static void *
wait_for_waker(void *arg)
{
	struct waiter *waiter = arg;

	if (mio_poll(waiter->loop.poll, waiter->loop.events, MIO_FOREVER) > 0)
		atomic_store(&waiter->left, 1);
	waiter->woken = loop_count(&waiter->loop, WAKER) == 1;
	waiter->strange =
	    mio_events_count(waiter->loop.events) > (size_t)waiter->woken;
	return NULL;
}

TEST_NEEDS(close_during_a_wait, "close-07 close-01", NEEDS_THREADS)
{
	struct waiter waiter = { .woken = false };
	struct mio_source rx = MIO_SOURCE_INIT, tx = MIO_SOURCE_INIT;
	struct mio_waker *waker;
	struct pair pair;
	pthread_t thread;
	char byte;

	loop_open(&waiter.loop);
	CHECK_INT(0, mio_waker_new(&waker, waiter.loop.registry, WAKER));
	PAIR(&pair);
	CHECK_INT(0, mio_pipe_new(&rx, &tx));
	watch(&waiter.loop, &pair.a, A, R);
	watch(&waiter.loop, &rx, B, R);
	thread = thread_start(wait_for_waker, &waiter);
	pause_ms(50);
	/* The peers know at once, not only when the wait is over. */
	CHECK_INT(0, mio_source_close(&pair.a));
	await_fd(mio_source_handle(&pair.b), POLLIN);
	CHECK_INT(0, mio_source_read(&pair.b, &byte, 1));
	CHECK_INT(0, mio_source_close(&rx));
	/* Asked for nothing, poll(2) tells of an error alone. */
	await_fd(mio_source_handle(&tx), 0);
	CHECK_INT(0, atomic_load(&waiter.left));
	CHECK_INT(0, mio_waker_wake(waker));
	thread_join(thread);
	ck_assert(waiter.woken);
	ck_assert(!waiter.strange);
	mio_waker_free(waker);
	shut(&tx);
	pair_close(&pair);
	loop_close(&waiter.loop);
}

/* Many of them, while the poll takes events and others come. */
struct closer {
	struct mio_registry *registry;
	mio_token token;
	int failures;
};

static void *
open_and_close(void *arg)
{
	struct closer *closer = arg;

	for (int i = 0; i < 200; ++i) {
		struct mio_source rx = MIO_SOURCE_INIT, tx = MIO_SOURCE_INIT;

		if (mio_pipe_new(&rx, &tx) == -1 ||
		    mio_registry_register(
			closer->registry, &rx, closer->token, R) == -1 ||
		    mio_registry_register(
			closer->registry, &tx, closer->token, W) == -1 ||
		    mio_source_write(&tx, "x", 1) != 1)
			closer->failures++;
		if (i % 2 == 0)
			mio_source_close(&rx);
		mio_source_close(&tx);
		if (i % 2 != 0)
			mio_source_close(&rx);
	}
	return NULL;
}

TEST_NEEDS(close_from_many_threads_during_waits, "close-07 close-04 poll-27",
    NEEDS_THREADS)
{
	struct closer closers[3];
	pthread_t threads[3];
	struct loop loop;
	struct mio_source rx = MIO_SOURCE_INIT, tx = MIO_SOURCE_INIT;

	loop_open(&loop);
	for (int i = 0; i < 3; ++i) {
		closers[i].registry = loop.registry;
		closers[i].token = (mio_token)(20 + i);
		closers[i].failures = 0;
		threads[i] = thread_start(open_and_close, &closers[i]);
	}
	for (int i = 0; i < 60; ++i)
		loop_poll(&loop, 2 * MIO_MSEC);
	for (int i = 0; i < 3; ++i) {
		thread_join(threads[i]);
		CHECK_INT(0, closers[i].failures);
	}
	/* All are gone, and the poll is well. */
	QUIET(&loop);
	CHECK_INT(0, mio_pipe_new(&rx, &tx));
	watch(&loop, &rx, A, R);
	put(&tx, "x");
	WAIT(&loop, A, R);
	shut(&rx);
	shut(&tx);
	loop_close(&loop);
}

TEST(close_deregister_after_a_hang_up, "close-08 reg-05")
{
	struct mio_source rx = MIO_SOURCE_INIT, tx = MIO_SOURCE_INIT;
	struct loop loop;
	char byte;

	loop_open(&loop);
	CHECK_INT(0, mio_pipe_new(&rx, &tx));
	watch(&loop, &rx, A, R);
	shut(&tx);
	WAIT(&loop, A, R | RC);
	QUIET(&loop);
	CHECK_INT(0, mio_source_read(&rx, &byte, 1));
	CHECK_INT(0, mio_registry_reregister(loop.registry, &rx, B, R));
	WAIT(&loop, B, R | RC);
	CHECK_INT(0, mio_registry_deregister(loop.registry, &rx));
	CHECK_FAILS(ENOENT, mio_registry_deregister(loop.registry, &rx));
	QUIET(&loop);
	shut(&rx);
	loop_close(&loop);
}

/* The other way round: an error, and a full pipe that says EAGAIN. */
TEST(close_deregister_after_an_error, "close-08 reg-05")
{
	struct mio_source rx = MIO_SOURCE_INIT, tx = MIO_SOURCE_INIT;
	struct loop loop;

	loop_open(&loop);
	CHECK_INT(0, mio_pipe_new(&rx, &tx));
	watch(&loop, &tx, A, W);
	fill(&tx);
	shut(&rx);
	WAIT(&loop, A, W | WC | lone_error());
	SETTLE(&loop);
	CHECK_INT(0, mio_registry_reregister(loop.registry, &tx, B, W));
	WAIT(&loop, B, W | WC | lone_error());
	CHECK_INT(0, mio_registry_deregister(loop.registry, &tx));
	shut(&tx);
	loop_close(&loop);
}

TEST(close_and_shutdown_do_not_block, "close-09")
{
	struct linger linger = { 1, 1 };
	socklen_t len = sizeof(linger);
	struct pair pair;
	int64_t begin;

	PAIR(&pair);
	CHECK_INT(0,
	    getsockopt(mio_source_handle(&pair.a), SOL_SOCKET, SO_LINGER,
		&linger, &len));
	CHECK_INT(0, linger.l_onoff);
	fill(&pair.a);
	begin = now_ns();
	CHECK_INT(0, mio_source_shutdown(&pair.a, SHUT_WR));
	CHECK_INT(0, mio_source_close(&pair.a));
	ck_assert_int_lt(now_ns() - begin, (int64_t)(4e9 * slowness()));
	pair_close(&pair);
}

/* What a forked child lets go of is still the parent's. */

struct family {
	struct loop loop;
	struct mio_waker *waker;
	struct mio_source l, rx, tx;
	struct pair pair;
};

static void
family_open(struct family *f)
{
	struct mio_source fresh = MIO_SOURCE_INIT;

	f->l = f->rx = f->tx = fresh;
	loop_open(&f->loop);
	CHECK_INT(0, mio_waker_new(&f->waker, f->loop.registry, WAKER));
	listen_on(&f->l, AF_INET);
	CHECK_INT(0, mio_pipe_new(&f->rx, &f->tx));
	PAIR(&f->pair);
	watch(&f->loop, &f->l, LISTENER, R);
	watch(&f->loop, &f->rx, A, R);
	watch(&f->loop, &f->pair.a, B, R | W);
	WAIT(&f->loop, B, W);
	SETTLE(&f->loop);
}

static void
family_works(struct family *f)
{
	struct mio_source c = MIO_SOURCE_INIT;
	struct addr addr = local_addr(&f->l);

	for (int i = 0; i < 2; ++i) {
		put(&f->tx, "pipe");
		WAIT(&f->loop, A, R);
		CHECK_INT(4, drain(&f->rx));
		put(&f->pair.b, "stream");
		WAIT(&f->loop, B, R);
		CHECK_INT(6, drain(&f->pair.a));
		CHECK_INT(0, mio_waker_wake(f->waker));
		WAIT(&f->loop, WAKER, R);
	}
	CHECK_INT(0, mio_tcp_connect(&c, &addr.u.any, addr.len));
	WAIT(&f->loop, LISTENER, R);
	CHECK_INT(1, drain_accept(&f->l));
	shut(&c);
	/* Still registered, each of them. */
	CHECK_INT(0, mio_registry_reregister(f->loop.registry, &f->l, 7, R));
	CHECK_INT(0, mio_registry_reregister(f->loop.registry, &f->rx, 7, R));
	CHECK_INT(
	    0, mio_registry_reregister(f->loop.registry, &f->pair.a, 7, R));
}

static void
family_close(struct family *f)
{
	mio_waker_free(f->waker);
	shut(&f->l);
	shut(&f->rx);
	shut(&f->tx);
	pair_close(&f->pair);
	loop_close(&f->loop);
}

/* Exits with 0; `first` says what goes first, sources or the poll. */
static void
child_frees(struct family *f, int first)
{
	int failed = 0;

	alarm(20);
	if (first == 1)
		mio_poll_free(f->loop.poll);
	if (first == 2)
		mio_waker_free(f->waker);
	failed |= mio_source_close(&f->l);
	failed |= mio_source_close(&f->rx);
	failed |= mio_source_close(&f->tx);
	failed |= mio_source_close(&f->pair.a);
	failed |= mio_source_close(&f->pair.b);
	if (first != 2)
		mio_waker_free(f->waker);
	if (first != 1)
		mio_poll_free(f->loop.poll);
	mio_events_free(f->loop.events);
	_exit(failed == 0 ? 0 : 1);
}

TEST_NEEDS(close_in_a_forked_child, "close-06 pipe-12", NEEDS_PROCESS)
{
	for (int first = 0; first < 3; ++first) {
		struct family f;
		pid_t pid;

		family_open(&f);
		CHECK_CALL(pid = fork());
		if (pid == 0)
			child_frees(&f, first);
		reap(pid);
		/* Nothing of it is an event here. */
		QUIET(&f.loop);
		family_works(&f);
		family_close(&f);
	}
}

/* The parent waits, holding what locks it holds, while the child closes. */
TEST_NEEDS(close_in_a_child_forked_during_a_wait, "close-06 close-07 pipe-12",
    NEEDS_PROCESS)
{
	for (int first = 0; first < 3; ++first) {
		struct waiter waiter = { .woken = false };
		struct family f;
		pthread_t thread;
		pid_t pid;

		family_open(&f);
		waiter.loop = f.loop;
		thread = thread_start(wait_for_waker, &waiter);
		pause_ms(30);
		CHECK_CALL(pid = fork());
		if (pid == 0)
			child_frees(&f, first);
		reap(pid);
		pause_ms(20);
		CHECK_INT(0, atomic_load(&waiter.left));
		CHECK_INT(0, mio_waker_wake(f.waker));
		thread_join(thread);
		ck_assert(waiter.woken);
		ck_assert(!waiter.strange);
		family_works(&f);
		family_close(&f);
	}
}

/* Forked while other threads register: their locks are nobody's there. */
struct churn {
	struct mio_registry *registry;
	atomic_bool stop;
};

static void *
churn(void *arg)
{
	struct churn *state = arg;
	struct mio_source rx = MIO_SOURCE_INIT, tx = MIO_SOURCE_INIT;

	if (mio_pipe_new(&rx, &tx) == -1)
		return NULL;
	while (!atomic_load(&state->stop)) {
		mio_registry_register(state->registry, &rx, 50, R);
		mio_registry_deregister(state->registry, &rx);
	}
	mio_source_close(&rx);
	mio_source_close(&tx);
	return NULL;
}

TEST_NEEDS(close_in_children_forked_amid_registrations, "close-06 close-07",
    NEEDS_PROCESS)
{
	struct churn state = { .stop = false };
	pthread_t thread;
	struct family f;

	family_open(&f);
	state.registry = f.loop.registry;
	thread = thread_start(churn, &state);
	for (int i = 0; i < 15; ++i) {
		pid_t pid;

		CHECK_CALL(pid = fork());
		if (pid == 0)
			child_frees(&f, i % 3);
		reap(pid);
	}
	atomic_store(&state.stop, true);
	thread_join(thread);
	SETTLE(&f.loop);
	family_works(&f);
	family_close(&f);
}

/* A program that is executed gets none of our descriptors. */

/* Runs a shell that looks for the descriptors; 0 if it has none of them. */
static int
shell_finds(const int *fds, size_t count)
{
	char script[1024] = "for n in";
	size_t len = strlen(script);
	int status;
	pid_t pid;

	for (size_t i = 0; i < count && len < sizeof(script); ++i)
		len += (size_t)snprintf(
		    script + len, sizeof(script) - len, " %d", fds[i]);
	ck_assert_uint_lt(len, sizeof(script));
	len += (size_t)snprintf(script + len, sizeof(script) - len,
	    "; do if test -e /proc/self/fd/$n; then exit 9; fi; done");
	ck_assert_uint_lt(len, sizeof(script));
	CHECK_CALL(pid = fork());
	if (pid == 0) {
#ifndef MIO_MINI /* which has no fork; some systems have no exec */
		execl("/bin/sh", "sh", "-c", script, (char *)NULL);
#endif
		_exit(127);
	}
	while (waitpid(pid, &status, 0) == -1)
		ck_assert_int_eq(errno, EINTR);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
}

TEST_NEEDS(close_on_exec, "close-06 tcps-09 tcpl-02 pipe-01 poll-01",
    NEEDS_PROCESS)
{
	struct mio_source c = MIO_SOURCE_INIT, s = MIO_SOURCE_INIT;
	struct family f;
	struct addr addr;
	struct fds before;
	int fds[32];
	size_t count;

	if (access("/proc/self/fd", R_OK) == -1)
		SKIP("no /proc/self/fd");
	fds_get(&before);
	family_open(&f);
	addr = local_addr(&f.l);
	CHECK_INT(0, mio_tcp_connect(&c, &addr.u.any, addr.len));
	accept_one(&f.l, &s);
	count = fds_since(&before, fds, LEN(fds));
	/* Listener, pipe, pair, connection; poll and waker have some too. */
	ck_assert_uint_ge(count, 7 + 1);
	ck_assert_uint_lt(count, LEN(fds));
	for (size_t i = 0; i < count; ++i)
		ck_assert(is_cloexec(fds[i]));
	CHECK_INT(0, shell_finds(fds, count));
	/* The shell does see one that is meant for it. */
	CHECK_CALL(fds[0] = dup(mio_source_handle(&s)));
	CHECK_INT(9, shell_finds(fds, 1));
	close(fds[0]);
	shut(&c);
	shut(&s);
	family_close(&f);
}

SUITE(close, &close_without_deregister, &close_clears_the_source,
    &close_right_after_accept, &close_after_a_whole_life,
    &close_and_use_the_number_again,
    &close_giving_the_descriptor_back_deregisters, &close_in_every_order,
    &close_source_outlives_its_poll, &close_reference_outlives_its_poll,
    &close_during_a_wait, &close_from_many_threads_during_waits,
    &close_deregister_after_a_hang_up, &close_deregister_after_an_error,
    &close_and_shutdown_do_not_block, &close_in_a_forked_child,
    &close_in_a_child_forked_during_a_wait,
    &close_in_children_forked_amid_registrations, &close_on_exec);
