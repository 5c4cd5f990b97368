/* SPDX-License-Identifier: MIT */
/* Descriptors that the library did not make. */

#include "config.h"

#include "harness.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#endif

enum { T1 = 1, T2 = 2, T3 = 3 };

static void
nonblocking_pipe(int fds[2])
{
	CHECK_INT(0, pipe(fds));
	CHECK_INT(0, fcntl(fds[0], F_SETFL, O_NONBLOCK));
	CHECK_INT(0, fcntl(fds[1], F_SETFL, O_NONBLOCK));
}

static void
nonblocking_pair(int type, int fds[2])
{
	CHECK_INT(0, socketpair(AF_UNIX, type, 0, fds));
	CHECK_INT(0, fcntl(fds[0], F_SETFL, O_NONBLOCK));
	CHECK_INT(0, fcntl(fds[1], F_SETFL, O_NONBLOCK));
}

/* A number that is no descriptor's. */
static int
closed_fd(void)
{
	int fd = dup(2);

	CHECK_CALL(fd);
	CHECK_INT(0, close(fd));
	return fd;
}

/* `fd` becomes number `number`, which is free. */
static void
renumber(int *fd, int number)
{
	if (*fd == number)
		return;
	CHECK_INT(-1, fcntl(number, F_GETFD));
	CHECK_INT(number, dup2(*fd, number));
	CHECK_INT(0, close(*fd));
	*fd = number;
}

static double
cpu_seconds(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

/* Waits of 100 ms bring nothing, last so long and cost no time. */
static void
sleeps(struct loop *loop)
{
	const double cpu = cpu_seconds();

	for (int i = 0; i < 4; ++i) {
		const int64_t begin = now_ns();

		CHECK_INT(0, loop_poll(loop, 100 * MIO_MSEC));
		ck_assert_int_ge(now_ns() - begin, 100 * MIO_MSEC);
	}
	ck_assert_double_lt(cpu_seconds() - cpu, 0.2 * slowness());
}

TEST(fd_stays_the_callers, "fd-01")
{
	struct loop loop;
	struct addr addr = loopback(AF_INET);
	int l = socket(AF_INET, SOCK_STREAM, 0), c, flags;

	CHECK_CALL(l);
	CHECK_INT(0, bind(l, &addr.u.any, addr.len));
	CHECK_INT(0, listen(l, 4));
	CHECK_INT(0, getsockname(l, &addr.u.any, &addr.len));
	CHECK_CALL(flags = fcntl(l, F_GETFL));
	loop_open(&loop);
	CHECK_INT(0, mio_registry_register_fd(loop.registry, l, T1, R));
	CHECK_CALL(c = socket(AF_INET, SOCK_STREAM, 0));
	CHECK_INT(0, connect(c, &addr.u.any, addr.len));
	WAIT(&loop, T1, R);
	loop_close(&loop);
	/* Not closed, not changed: neither flag was the library's to set. */
	CHECK_INT(flags, fcntl(l, F_GETFL));
	ck_assert(!is_nonblocking(l));
	ck_assert(!is_cloexec(l));
	close(c);
	CHECK_CALL(c = accept(l, NULL, NULL));
	close(c);
	close(l);
}

TEST(fd_registered_twice, "fd-02 reg-02")
{
	struct loop loop;
	int fds[2], other[2];

	if (!files_have_numbers())
		SKIP("fstat(2) tells no pipes apart");
	loop_open(&loop);
	nonblocking_pipe(fds);
	nonblocking_pipe(other);
	CHECK_INT(0, mio_registry_register_fd(loop.registry, fds[0], T1, R));
	CHECK_FAILS(
	    EEXIST, mio_registry_register_fd(loop.registry, fds[0], T2, R));
	CHECK_FAILS(ENOENT,
	    mio_registry_reregister_fd(loop.registry, other[0], T2, R));
	CHECK_FAILS(
	    ENOENT, mio_registry_deregister_fd(loop.registry, other[0]));
	/* The first registration is what it was. */
	put_fd(fds[1], "x");
	WAIT(&loop, T1, R);
	CHECK_INT(0, loop_count(&loop, T2));
	CHECK_INT(0, mio_registry_deregister_fd(loop.registry, fds[0]));
	CHECK_FAILS(
	    ENOENT, mio_registry_deregister_fd(loop.registry, fds[0]));
	CHECK_FAILS(ENOENT,
	    mio_registry_reregister_fd(loop.registry, fds[0], T2, R));
	for (int i = 0; i < 2; ++i) {
		close(fds[i]);
		close(other[i]);
	}
	loop_close(&loop);
}

TEST(fd_that_is_none, "fd-03")
{
	int bad[] = { -1, -77, 100000, -1 };
	struct loop loop;

	loop_open(&loop);
	bad[3] = closed_fd();
	for (size_t i = 0; i < LEN(bad); ++i) {
		struct mio_source out;
		unsigned char before[sizeof(out)];

		CHECK_FAILS(EBADF,
		    mio_registry_register_fd(loop.registry, bad[i], T1, R));
		CHECK_FAILS(EBADF,
		    mio_registry_reregister_fd(loop.registry, bad[i], T1, R));
		CHECK_FAILS(EBADF,
		    mio_registry_deregister_fd(loop.registry, bad[i]));
		memset(&out, 0x5a, sizeof(out));
		memcpy(before, &out, sizeof(out));
		CHECK_FAILS(EBADF, mio_source_from_fd(&out, bad[i]));
		ck_assert_mem_eq(&out, before, sizeof(out));
	}
	QUIET(&loop);
	loop_close(&loop);
}

TEST(fd_calls_check_their_arguments, "fd-02 reg-21")
{
	static const unsigned wrong[] = { 0, E, RC, R | WC, 0x80000000,
		MIO_EXCLUSIVE, MIO_LEVEL };
	struct loop loop;
	int fds[2];

	loop_open(&loop);
	nonblocking_pipe(fds);
	for (size_t i = 0; i < LEN(wrong); ++i)
		CHECK_FAILS(EINVAL,
		    mio_registry_register_fd(
			loop.registry, fds[0], T1, wrong[i]));
	CHECK_INT(0, mio_registry_register_fd(loop.registry, fds[0], T1, R));
	for (size_t i = 0; i < LEN(wrong); ++i)
		CHECK_FAILS(EINVAL,
		    mio_registry_reregister_fd(
			loop.registry, fds[0], T2, wrong[i]));
	CHECK_FAILS(EINVAL, mio_registry_register_fd(NULL, fds[0], T1, R));
	CHECK_FAILS(EINVAL, mio_registry_reregister_fd(NULL, fds[0], T1, R));
	CHECK_FAILS(EINVAL, mio_registry_deregister_fd(NULL, fds[0]));
	CHECK_FAILS(EINVAL, mio_registry_rearm_fd(NULL, fds[0], R));
	put_fd(fds[1], "x");
	WAIT(&loop, T1, R);
	close(fds[0]);
	close(fds[1]);
	loop_close(&loop);
}

TEST(fd_rearm_errors, "fd-06")
{
	struct loop loop;
	int fds[2];

	loop_open(&loop);
	nonblocking_pipe(fds);
	if (selector_is("poll")) {
		CHECK_FAILS(
		    EBADF, mio_registry_rearm_fd(loop.registry, -1, R));
		CHECK_FAILS(EBADF,
		    mio_registry_rearm_fd(loop.registry, closed_fd(), R));
		CHECK_FAILS(
		    ENOENT, mio_registry_rearm_fd(loop.registry, fds[0], R));
	} else {
		CHECK_INT(0, mio_registry_rearm_fd(loop.registry, fds[0], R));
	}
	CHECK_INT(0, mio_registry_register_fd(loop.registry, fds[0], T1, R));
	CHECK_INT(0, mio_registry_rearm_fd(loop.registry, fds[0], R));
	CHECK_INT(0, mio_registry_rearm_fd(loop.registry, fds[0], W));
	CHECK_INT(0, mio_registry_rearm_fd(loop.registry, fds[0], R | W));
	if (selector_is("poll")) {
		CHECK_FAILS(
		    EINVAL, mio_registry_rearm_fd(loop.registry, fds[0], 0));
		CHECK_FAILS(
		    EINVAL, mio_registry_rearm_fd(loop.registry, fds[0], E));
	}
	QUIET(&loop);
	close(fds[0]);
	close(fds[1]);
	loop_close(&loop);
}

TEST(fd_that_cannot_be_watched, "fd-04")
{
	struct mio_source source = MIO_SOURCE_INIT;
	FILE *file = tmpfile();
	struct loop loop;
	int dir, null;

	ck_assert_ptr_nonnull(file);
	loop_open(&loop);
	CHECK_CALL(dir = open("/", O_RDONLY));
	CHECK_CALL(null = open("/dev/null", O_RDWR));
	CHECK_FAILS(EPERM,
	    mio_registry_register_fd(loop.registry, fileno(file), T1, R));
	CHECK_FAILS(
	    EPERM, mio_registry_register_fd(loop.registry, dir, T1, R));
	CHECK_INT(0, mio_source_from_fd(&source, dir));
	CHECK_FAILS(
	    EPERM, mio_registry_register(loop.registry, &source, T1, R));
	CHECK_FAILS(
	    ENOENT, mio_registry_deregister(loop.registry, &source));
	if (selector_is("epoll"))
		CHECK_FAILS(EPERM,
		    mio_registry_register_fd(loop.registry, null, T1, R));
	QUIET(&loop);
	shut(&source);
	close(null);
	fclose(file);
	loop_close(&loop);
}

#ifdef __linux__
static void
reports_once(struct loop *loop, int fd, mio_token token)
{
	WAIT(loop, token, R);
	ck_assert_uint_gt(drain_fd(loop->registry, fd), 0);
	NOTOK(loop, token);
	CHECK_INT(0, mio_registry_deregister_fd(loop->registry, fd));
	close(fd);
}
#endif

TEST_NEEDS(fd_of_linux_kinds, "fd-05", NEEDS_SIGNALS)
{
#ifdef __linux__
	const struct itimerspec soon = { { 0, 0 }, { 0, 10000000 } };
	char dir[] = "/tmp/mio-XXXXXX", file[sizeof(dir) + 2];
	struct loop loop;
	sigset_t set;
	int fd, made;

	loop_open(&loop);
	CHECK_CALL(fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
	CHECK_INT(0, mio_registry_register_fd(loop.registry, fd, 10, R));
	CHECK_INT(0, timerfd_settime(fd, 0, &soon, NULL));
	reports_once(&loop, fd, 10);

	CHECK_CALL(fd = eventfd(0, EFD_NONBLOCK));
	CHECK_INT(0, mio_registry_register_fd(loop.registry, fd, 11, R));
	QUIET(&loop);
	CHECK_INT(0, eventfd_write(fd, 3));
	reports_once(&loop, fd, 11);

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	CHECK_INT(0, pthread_sigmask(SIG_BLOCK, &set, NULL));
	CHECK_CALL(fd = signalfd(-1, &set, SFD_NONBLOCK));
	CHECK_INT(0, mio_registry_register_fd(loop.registry, fd, 12, R));
	QUIET(&loop);
	CHECK_INT(0, raise(SIGUSR1));
	reports_once(&loop, fd, 12);
	CHECK_INT(0, pthread_sigmask(SIG_UNBLOCK, &set, NULL));

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/f", dir);
	CHECK_CALL(fd = inotify_init1(IN_NONBLOCK));
	CHECK_CALL(inotify_add_watch(fd, dir, IN_CREATE));
	CHECK_INT(0, mio_registry_register_fd(loop.registry, fd, 13, R));
	CHECK_CALL(made = open(file, O_CREAT | O_WRONLY, 0600));
	close(made);
	reports_once(&loop, fd, 13);
	CHECK_INT(0, unlink(file));
	CHECK_INT(0, rmdir(dir));
	loop_close(&loop);
#else
	SKIP("these are Linux's");
#endif
}

TEST(fd_second_edge_after_rearm, "fd-06 poll-26")
{
	struct loop loop;
	int fds[2];
	size_t size;

	loop_open(&loop);
	nonblocking_pipe(fds);
	CHECK_INT(0, mio_registry_register_fd(loop.registry, fds[0], T1, R));
	CHECK_INT(0, mio_registry_register_fd(loop.registry, fds[1], T2, W));
	WAIT(&loop, T2, W);
	for (int i = 0; i < 3; ++i) {
		put_fd(fds[1], "x");
		WAIT(&loop, T1, R);
		CHECK_INT(1, drain_fd(loop.registry, fds[0]));
		/* For the writer each read may be a new edge (kqueue(2)). */
		CALM(&loop);
	}
	size = fill_fd(loop.registry, fds[1]);
	for (int i = 0; i < 3; ++i) {
		WAIT(&loop, T1, R);
		NOTOK(&loop, T2);
		CHECK_INT(size, drain_fd(loop.registry, fds[0]));
		WAIT(&loop, T2, W);
		CHECK_INT(size, fill_fd(loop.registry, fds[1]));
	}
	close(fds[0]);
	close(fds[1]);
	loop_close(&loop);
}

TEST(fd_second_edge_after_reregister, "fd-06 poll-26 reg-09")
{
	struct loop loop;
	char byte;
	int fds[2];

	loop_open(&loop);
	nonblocking_pipe(fds);
	CHECK_INT(0, mio_registry_register_fd(loop.registry, fds[0], T1, R));
	for (int i = 0; i < 3; ++i) {
		put_fd(fds[1], "x");
		WAIT(&loop, T1 + (mio_token)i, R);
		CHECK_INT(1, read(fds[0], &byte, 1));
		CHECK_FAILS(EAGAIN, read(fds[0], &byte, 1));
		CHECK_INT(0,
		    mio_registry_reregister_fd(loop.registry, fds[0],
			T2 + (mio_token)i, R));
		QUIET(&loop);
	}
	/* Without EAGAIN before: what is there is reported again. */
	put_fd(fds[1], "x");
	WAIT(&loop, T1 + 3, R);
	CHECK_INT(
	    0, mio_registry_reregister_fd(loop.registry, fds[0], T1, R));
	WAIT(&loop, T1, R);
	close(fds[0]);
	close(fds[1]);
	loop_close(&loop);
}

TEST(fd_rearm_makes_no_phantom, "fd-06 poll-11")
{
	struct loop loop;
	int fds[2];

	loop_open(&loop);
	nonblocking_pair(SOCK_STREAM, fds);
	CHECK_INT(
	    0, mio_registry_register_fd(loop.registry, fds[0], T1, R | W));
	WAIT(&loop, T1, W);
	CHECK_INT(0, loop.seen & (R | RC | WC | E));
	SETTLE(&loop);
	for (int i = 0; i < 3; ++i) {
		CHECK_INT(0, drain_fd(loop.registry, fds[0]));
		QUIET(&loop);
	}
	/* Readable and not asked for again; writing meets EAGAIN. */
	put_fd(fds[1], "x");
	WAIT(&loop, T1, R);
	SETTLE(&loop);
	fill_fd(loop.registry, fds[0]);
	QUIET(&loop);
	close(fds[0]);
	close(fds[1]);
	loop_close(&loop);
}

TEST(fd_hang_up_is_reported_once, "fd-06 close-08 poll-15")
{
	struct loop loop;
	int fds[2];

	loop_open(&loop);
	nonblocking_pipe(fds);
	CHECK_INT(0, mio_registry_register_fd(loop.registry, fds[0], T1, R));
	close(fds[1]);
	WAIT(&loop, T1, R | RC);
	sleeps(&loop);
	/* It is registered yet: reported anew, then removed. */
	CHECK_INT(
	    0, mio_registry_reregister_fd(loop.registry, fds[0], T2, R));
	WAIT(&loop, T2, R | RC);
	CHECK_INT(0, mio_registry_deregister_fd(loop.registry, fds[0]));
	if (!raw_is_lenient())
		CHECK_FAILS(ENOENT,
		    mio_registry_deregister_fd(loop.registry, fds[0]));
	CHECK_INT(0, mio_registry_register_fd(loop.registry, fds[0], T3, R));
	WAIT(&loop, T3, R | RC);
	close(fds[0]);
	loop_close(&loop);
}

TEST(fd_duplicates_are_two_registrations, "fd-07")
{
	struct loop loop;
	int fds[2], copy;

	loop_open(&loop);
	nonblocking_pipe(fds);
	CHECK_CALL(copy = dup(fds[0]));
	CHECK_INT(0, mio_registry_register_fd(loop.registry, fds[0], T1, R));
	CHECK_INT(0, mio_registry_register_fd(loop.registry, copy, T2, R));
	put_fd(fds[1], "x");
	WAIT_ALL(&loop, T1, 2, R);
	CHECK_INT(0, mio_registry_deregister_fd(loop.registry, fds[0]));
	CHECK_INT(1, drain_fd(loop.registry, copy));
	put_fd(fds[1], "x");
	WAIT(&loop, T2, R);
	NOTOK(&loop, T1);
	close(fds[0]);
	close(copy);
	close(fds[1]);
	loop_close(&loop);
}

/* Which token comes, if any, is not said; a flood is. */
TEST(fd_closed_with_a_duplicate_left, "fd-08")
{
	struct loop loop;
	int fds[2], copy, events = 0;
	double cpu;

	loop_open(&loop);
	nonblocking_pipe(fds);
	CHECK_CALL(copy = dup(fds[0]));
	CHECK_INT(0, mio_registry_register_fd(loop.registry, fds[0], T1, R));
	close(fds[0]);
	put_fd(fds[1], "x");
	cpu = cpu_seconds();
	for (int i = 0; i < 8; ++i)
		events += loop_poll(&loop, 50 * MIO_MSEC);
	ck_assert_int_le(events, 2);
	ck_assert_double_lt(cpu_seconds() - cpu, 0.2 * slowness());
	close(copy);
	close(fds[1]);
	loop_close(&loop);
}

TEST(fd_closed_while_registered_is_silent, "fd-09 evt-19 fd-03")
{
	struct loop loop;
	int pipes[2], pair[2], udp;
	struct addr addr = loopback(AF_INET);

	loop_open(&loop);
	nonblocking_pipe(pipes);
	nonblocking_pair(SOCK_STREAM, pair);
	CHECK_CALL(udp = socket(AF_INET, SOCK_DGRAM, 0));
	CHECK_INT(0, bind(udp, &addr.u.any, addr.len));
	CHECK_INT(0, mio_registry_register_fd(loop.registry, pipes[0], T1, R));
	CHECK_INT(
	    0, mio_registry_register_fd(loop.registry, pair[0], T2, R | W));
	CHECK_INT(0, mio_registry_register_fd(loop.registry, udp, T3, R));
	WAIT(&loop, T2, W);
	close(pipes[0]);
	close(pair[0]);
	close(udp);
	sleeps(&loop);
	/* Not registered, and no descriptor either. */
	CHECK_FAILS(
	    EBADF, mio_registry_deregister_fd(loop.registry, pipes[0]));
	close(pipes[1]);
	close(pair[1]);
	sleeps(&loop);
	loop_close(&loop);
}

struct waiter {
	struct loop loop;
	atomic_bool done;
	int events;
	double cpu;
};

static void *
wait_for_waker(void *arg)
{
	struct waiter *waiter = arg;
	const double cpu = cpu_seconds();
	const int64_t end = now_ns() + (int64_t)(10e9 * slowness());

	while (loop_count(&waiter->loop, 99) == 0 && now_ns() < end) {
		mio_poll(
		    waiter->loop.poll, waiter->loop.events, 10 * MIO_SEC);
		waiter->events += (int)mio_events_count(waiter->loop.events);
	}
	waiter->cpu = cpu_seconds() - cpu;
	atomic_store(&waiter->done, true);
	return NULL;
}

TEST_NEEDS(fd_closed_during_a_wait, "fd-09 evt-19 close-07", NEEDS_THREADS)
{
	struct waiter waiter = { .done = false };
	struct mio_waker *waker;
	pthread_t thread;
	int fds[2], again[2];

	loop_open(&waiter.loop);
	CHECK_INT(0, mio_waker_new(&waker, waiter.loop.registry, 99));
	nonblocking_pipe(fds);
	CHECK_INT(
	    0, mio_registry_register_fd(waiter.loop.registry, fds[0], T1, R));
	thread = thread_start(wait_for_waker, &waiter);
	pause_ms(50);
	close(fds[0]);
	pause_ms(300);
	nonblocking_pipe(again);
	renumber(&again[0], fds[0]);
	CHECK_INT(0,
	    mio_registry_register_fd(waiter.loop.registry, again[0], T2, R));
	pause_ms(100);
	ck_assert(!atomic_load(&waiter.done));
	CHECK_INT(0, mio_waker_wake(waker));
	thread_join(thread);
	CHECK_INT(1, waiter.events);
	ck_assert_double_lt(waiter.cpu, 0.2 * slowness());
	put_fd(again[1], "x");
	WAIT(&waiter.loop, T2, R);
	mio_waker_free(waker);
	close(again[0]);
	close(again[1]);
	close(fds[1]);
	loop_close(&waiter.loop);
}

TEST(fd_number_used_again, "fd-09 close-04")
{
	struct loop loop;
	int fds[2], again[2];

	if (selector_is("poll") && !files_have_numbers())
		SKIP("fstat(2) tells no pipes apart");
	for (int polled = 0; polled < 2; ++polled) {
		loop_open(&loop);
		nonblocking_pipe(fds);
		CHECK_INT(0,
		    mio_registry_register_fd(loop.registry, fds[0], T1, R));
		put_fd(fds[1], "x");
		if (polled)
			WAIT(&loop, T1, R);
		close(fds[0]);
		if (polled)
			QUIET(&loop);
		nonblocking_pipe(again);
		renumber(&again[0], fds[0]);
		/* The new file is not registered, whatever the old was. */
		put_fd(again[1], "x");
		NOTOK(&loop, T1);
		if (!raw_is_lenient()) {
			CHECK_FAILS(ENOENT,
			    mio_registry_reregister_fd(
				loop.registry, again[0], T3, R));
			CHECK_FAILS(ENOENT,
			    mio_registry_deregister_fd(
				loop.registry, again[0]));
		}
		CHECK_INT(0,
		    mio_registry_register_fd(loop.registry, again[0], T2, R));
		WAIT(&loop, T2, R);
		CHECK_INT(0, loop_count(&loop, T1));
		CHECK_INT(1, drain_fd(loop.registry, again[0]));
		NOTOK(&loop, T1);
		close(again[0]);
		close(again[1]);
		close(fds[1]);
		loop_close(&loop);
	}
}

/* At once, with no poll between. */
TEST(fd_number_registered_again_and_again, "fd-09 close-04")
{
	struct loop loop;
	int number = -1;

	loop_open(&loop);
	for (int i = 0; i < 100; ++i) {
		int fds[2];

		nonblocking_pair(SOCK_STREAM, fds);
		if (number == -1)
			number = fds[0];
		renumber(&fds[0], number);
		CHECK_INT(0,
		    mio_registry_register_fd(
			loop.registry, fds[0], (mio_token)(100 + i), R));
		if (i == 99) {
			put_fd(fds[1], "x");
			WAIT(&loop, 199, R);
			CHECK_INT(1, mio_events_count(loop.events));
			/* The 99 before it took nothing of it along. */
			CHECK_INT(1, drain_fd(loop.registry, fds[0]));
			QUIET(&loop);
			put_fd(fds[1], "x");
			WAIT(&loop, 199, R);
			CHECK_INT(0,
			    mio_registry_deregister_fd(
				loop.registry, fds[0]));
		}
		close(fds[0]);
		close(fds[1]);
	}
	loop_close(&loop);
}

/* What is left of the old file goes without harm to the new one. */
TEST(fd_number_registered_again_before_a_poll, "fd-09 close-04")
{
	struct loop loop;
	int old[2], again[2], later[2];

	loop_open(&loop);
	nonblocking_pipe(old);
	CHECK_INT(0, mio_registry_register_fd(loop.registry, old[0], T1, R));
	close(old[0]);
	nonblocking_pipe(again);
	renumber(&again[0], old[0]);
	CHECK_INT(0, mio_registry_register_fd(loop.registry, again[0], T2, R));
	nonblocking_pipe(later);
	CHECK_INT(0, mio_registry_register_fd(loop.registry, later[0], T3, R));
	for (int i = 0; i < 2; ++i) {
		put_fd(again[1], "x");
		put_fd(later[1], "x");
		WAIT_ALL(&loop, T2, 2, R);
		CHECK_INT(1, drain_fd(loop.registry, again[0]));
		CHECK_INT(1, drain_fd(loop.registry, later[0]));
		QUIET(&loop);
	}
	CHECK_INT(0, mio_registry_deregister_fd(loop.registry, again[0]));
	CHECK_INT(0, mio_registry_deregister_fd(loop.registry, later[0]));
	for (int i = 0; i < 2; ++i) {
		close(again[i]);
		close(later[i]);
	}
	close(old[1]);
	loop_close(&loop);
}

/* Anonymous inodes look alike; a poll that finds the number invalid helps. */
TEST(fd_number_of_an_anonymous_inode_used_again, "fd-09")
{
#ifdef __linux__
	struct loop loop;
	int fd, again;

	loop_open(&loop);
	CHECK_CALL(fd = eventfd(0, EFD_NONBLOCK));
	CHECK_INT(0, mio_registry_register_fd(loop.registry, fd, T1, R));
	close(fd);
	CHECK_INT(0, loop_poll(&loop, 0));
	CHECK_CALL(again = eventfd(0, EFD_NONBLOCK));
	renumber(&again, fd);
	CHECK_INT(0, mio_registry_register_fd(loop.registry, again, T2, R));
	CHECK_INT(0, eventfd_write(again, 1));
	WAIT(&loop, T2, R);
	NOTOK(&loop, T1);
	close(again);
	loop_close(&loop);
#else
	SKIP("these are Linux's");
#endif
}

/* A struct of the caller's own holds a descriptor and registers it. */
struct connection {
	const char *name;
	int fd;
	unsigned long served;
};

static int
connection_register(struct connection *c, struct mio_registry *registry)
{
	return mio_registry_register_fd(
	    registry, c->fd, (mio_token)(uintptr_t)c, R);
}

TEST(fd_inside_a_struct, "fd-10 evt-16")
{
	struct connection c = { "inside", -1, 0 };
	struct loop loop;
	int fds[2];

	loop_open(&loop);
	nonblocking_pipe(fds);
	c.fd = fds[0];
	CHECK_INT(0, connection_register(&c, loop.registry));
	put_fd(fds[1], "x");
	WAIT(&loop, (mio_token)(uintptr_t)&c, R);
	MIO_EVENTS_FOREACH (event, loop.events) {
		struct connection *found = (struct connection *)event->token;

		ck_assert_str_eq(found->name, "inside");
		found->served += drain_fd(loop.registry, found->fd);
	}
	CHECK_INT(1, c.served);
	close(fds[0]);
	close(fds[1]);
	loop_close(&loop);
}

TEST(fd_largest_token, "fd-11 lim-08")
{
	struct loop loop;
	int fds[2];

	loop_open(&loop);
	nonblocking_pipe(fds);
	CHECK_INT(
	    0, mio_registry_register_fd(loop.registry, fds[0], UINTPTR_MAX, R));
	put_fd(fds[1], "x");
	WAIT(&loop, UINTPTR_MAX, R);
	CHECK_INT(0,
	    mio_registry_reregister_fd(
		loop.registry, fds[0], UINTPTR_MAX - 1, R));
	WAIT(&loop, UINTPTR_MAX - 1, R);
	close(fds[0]);
	close(fds[1]);
	loop_close(&loop);
}

/* Unspecified, but neither a crash nor a flood, and the number is free. */
TEST(fd_replaced_by_dup2, "fd-14")
{
	struct loop loop;
	int fds[2], other[2], events = 0;

	loop_open(&loop);
	nonblocking_pipe(fds);
	nonblocking_pipe(other);
	CHECK_INT(0, mio_registry_register_fd(loop.registry, fds[0], T1, R));
	CHECK_INT(fds[0], dup2(other[0], fds[0]));
	put_fd(other[1], "x");
	for (int i = 0; i < 5; ++i)
		events += loop_poll(&loop, 20 * MIO_MSEC);
	ck_assert_int_le(events, 1);
	if (mio_registry_deregister_fd(loop.registry, fds[0]) == -1)
		ck_assert_int_eq(errno, ENOENT);
	CHECK_INT(0, mio_registry_register_fd(loop.registry, fds[0], T2, R));
	WAIT(&loop, T2, R);
	NOTOK(&loop, T1);
	for (int i = 0; i < 2; ++i) {
		close(fds[i]);
		close(other[i]);
	}
	loop_close(&loop);
}

TEST(fd_taken_over_and_given_back, "fd-01 close-05")
{
	struct mio_source source = MIO_SOURCE_INIT;
	int fds[2];
	char byte;

	CHECK_INT(MIO_INVALID_HANDLE, mio_source_handle(&source));
	CHECK_FAILS(EBADF, mio_source_into_fd(&source));
	CHECK_FAILS(EBADF, mio_source_close(&source));
	CHECK_FAILS(EBADF, mio_source_read(&source, &byte, 1));
	CHECK_FAILS(EBADF, mio_source_write(&source, "x", 1));
	CHECK_INT(0, pipe(fds));
	CHECK_FAILS(EINVAL, mio_source_from_fd(NULL, fds[0]));
	ck_assert(!is_nonblocking(fds[0]));
	CHECK_INT(0, mio_source_from_fd(&source, fds[0]));
	CHECK_INT(fds[0], mio_source_handle(&source));
	CHECK_INT(fds[0], mio_source_into_fd(&source));
	CHECK_INT(MIO_INVALID_HANDLE, mio_source_handle(&source));
	CHECK_FAILS(EBADF, mio_source_close(&source));
	ck_assert_int_ne(fcntl(fds[0], F_GETFD), -1);
	CHECK_INT(0, mio_source_from_fd(&source, fds[0]));
	CHECK_INT(0, mio_source_close(&source));
	CHECK_INT(-1, fcntl(fds[0], F_GETFD));
	CHECK_FAILS(EBADF, mio_source_close(&source));
	CHECK_FAILS(EINVAL, mio_source_close(NULL));
	CHECK_FAILS(EINVAL, mio_source_into_fd(NULL));
	close(fds[1]);
}

/* Datagram sockets taken over. */

static struct mio_source
datagram_socket(int family, struct addr *addr)
{
	struct mio_source source = MIO_SOURCE_INIT;

	*addr = udp_open(&source, family);
	return source;
}

static void
udp_moves_bytes(int family)
{
	struct addr a, b, from;
	struct mio_source one = datagram_socket(family, &a);
	struct mio_source two = datagram_socket(family, &b);
	unsigned char room[sizeof(from.u) + 1];
	struct sockaddr *odd = (struct sockaddr *)(void *)(room + 1);
	struct loop loop;
	char buf[8];
	socklen_t len;

	loop_open(&loop);
	CHECK_INT(0, mio_registry_register(loop.registry, &two, T2, R));
	QUIET(&loop);
	CHECK_INT(
	    4, mio_source_sendto(&one, "abcd", 4, 0, &b.u.any, b.len));
	WAIT(&loop, T2, R);
	from.len = sizeof(from.u);
	CHECK_INT(4,
	    mio_source_recvfrom(
		&two, buf, sizeof(buf), 0, &from.u.any, &from.len));
	CHECK_INT(a.len, from.len);
	ck_assert(addr_equal(&from, &a));
	ck_assert_mem_eq(buf, "abcd", 4);
	CHECK_FAILS(EAGAIN,
	    mio_source_recvfrom(
		&two, buf, sizeof(buf), 0, &from.u.any, &from.len));
	/* A short buffer is cut, and the length tells. */
	CHECK_INT(0, mio_source_connect(&one, &b.u.any, b.len));
	from = peer_addr(&one);
	ck_assert(addr_equal(&from, &b));
	CHECK_INT(2, mio_source_send(&one, "ef", 2, 0));
	WAIT(&loop, T2, R);
	memset(room, 0x5a, sizeof(room));
	len = 4;
	CHECK_INT(
	    2, mio_source_recvfrom(&two, buf, sizeof(buf), 0, odd, &len));
	CHECK_INT(a.len, len);
	ck_assert_mem_eq(room + 1, &a.u, 4);
	CHECK_INT(0x5a, room[5]);
	CHECK_FAILS(EAGAIN, mio_source_recv(&two, buf, sizeof(buf), 0));
	/* An empty datagram is a datagram. */
	CHECK_INT(0, mio_source_send(&one, "", 0, 0));
	WAIT(&loop, T2, R);
	len = sizeof(room) - 1;
	CHECK_INT(
	    0, mio_source_recvfrom(&two, buf, sizeof(buf), 0, odd, &len));
	CHECK_INT(a.len, len);
	ck_assert_mem_eq(room + 1, &a.u, 4);
	CHECK_FAILS(EINVAL, mio_source_connect(NULL, &b.u.any, b.len));
	shut(&one);
	shut(&two);
	loop_close(&loop);
}

TEST(fd_udp_socket_v4, "fd-01")
{
	udp_moves_bytes(AF_INET);
}

TEST(fd_udp_socket_v6, "fd-01")
{
	NEED_IPV6();
	udp_moves_bytes(AF_INET6);
}

TEST(fd_udp_error_keeps_the_registration, "fd-01 close-08 poll-11")
{
	struct addr a, b, again;
	struct mio_source one = datagram_socket(AF_INET, &a);
	struct mio_source two = datagram_socket(AF_INET, &b);
	struct loop loop;
	char buf[8];

	loop_open(&loop);
	CHECK_INT(0, mio_source_connect(&one, &b.u.any, b.len));
	CHECK_INT(0, mio_registry_register(loop.registry, &one, T1, R | W));
	WAIT(&loop, T1, W);
	SETTLE(&loop);
	/* With itself, so what others send is refused. */
	CHECK_INT(0, mio_source_connect(&two, &b.u.any, b.len));
	for (int i = 0; i < 3; ++i) {
		CHECK_INT(1, mio_source_send(&one, "x", 1, 0));
		WAIT(&loop, T1, R | W | lone_error());
		CHECK_FAILS(ECONNREFUSED,
		    mio_source_recv(&one, buf, sizeof(buf), 0));
		CHECK_FAILS(
		    EAGAIN, mio_source_recv(&one, buf, sizeof(buf), 0));
		SETTLE(&loop);
	}
	/* Events come as before. */
	CHECK_INT(0, mio_source_connect(&two, &a.u.any, a.len));
	for (int i = 0; i < 3; ++i) {
		CHECK_INT(4, mio_source_send(&two, "back", 4, 0));
		WAIT(&loop, T1, R);
		CHECK_INT(4, mio_source_recv(&one, buf, sizeof(buf), 0));
		CHECK_FAILS(
		    EAGAIN, mio_source_recv(&one, buf, sizeof(buf), 0));
	}
	again = local_addr(&one);
	ck_assert(addr_equal(&again, &a));
	CHECK_INT(0, mio_registry_reregister(loop.registry, &one, T2, R | W));
	WAIT(&loop, T2, W);
	CHECK_INT(0, mio_registry_deregister(loop.registry, &one));
	shut(&one);
	shut(&two);
	loop_close(&loop);
}

/* The same for a raw descriptor, read without the library. */
TEST(fd_raw_udp_error_keeps_the_registration, "fd-06 close-08")
{
	struct addr a = loopback(AF_INET), b = loopback(AF_INET);
	struct loop loop;
	char buf[8];
	int one, two;

	loop_open(&loop);
	CHECK_CALL(one = socket(AF_INET, SOCK_DGRAM, 0));
	CHECK_CALL(two = socket(AF_INET, SOCK_DGRAM, 0));
	CHECK_INT(0, fcntl(one, F_SETFL, O_NONBLOCK));
	CHECK_INT(0, bind(one, &a.u.any, a.len));
	CHECK_INT(0, getsockname(one, &a.u.any, &a.len));
	CHECK_INT(0, bind(two, &b.u.any, b.len));
	CHECK_INT(0, getsockname(two, &b.u.any, &b.len));
	CHECK_INT(0, connect(one, &b.u.any, b.len));
	CHECK_INT(0, mio_registry_register_fd(loop.registry, one, T1, R));
	CHECK_INT(0, connect(two, &b.u.any, b.len));
	CHECK_INT(1, send(one, "x", 1, 0));
	WAIT(&loop, T1, R | lone_error());
	CHECK_FAILS(ECONNREFUSED, recv(one, buf, sizeof(buf), 0));
	CHECK_INT(0, drain_fd(loop.registry, one));
	SETTLE(&loop);
	CHECK_INT(0, connect(two, &a.u.any, a.len));
	for (int i = 0; i < 2; ++i) {
		CHECK_INT(4, send(two, "back", 4, 0));
		WAIT(&loop, T1, R);
		CHECK_INT(4, drain_fd(loop.registry, one));
	}
	CHECK_INT(0, mio_registry_deregister_fd(loop.registry, one));
	close(one);
	close(two);
	loop_close(&loop);
}

TEST(fd_unnamed_unix_peer, "fd-01 regr-18")
{
	const socklen_t unnamed = offsetof(struct sockaddr_un, sun_path);
	struct mio_source a = MIO_SOURCE_INIT, b = MIO_SOURCE_INIT;
	struct sockaddr_un from;
	socklen_t len;
	char buf[8];
	int fds[2];

	CHECK_INT(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, fds));
	CHECK_INT(0, mio_source_from_fd(&a, fds[0]));
	CHECK_INT(0, mio_source_from_fd(&b, fds[1]));
	CHECK_INT(4, mio_source_send(&a, "data", 4, 0));
	memset(&from, 0x5a, sizeof(from));
	len = sizeof(from);
	CHECK_INT(4,
	    mio_source_recvfrom(&b, buf, sizeof(buf), 0,
		(struct sockaddr *)&from, &len));
	CHECK_INT(unnamed, len);
	CHECK_INT(AF_UNIX, from.sun_family);
	len = sizeof(from);
	CHECK_INT(0,
	    mio_source_peer_addr(&b, (struct sockaddr *)&from, &len));
	CHECK_INT(unnamed, len);
	len = sizeof(from);
	CHECK_INT(0,
	    mio_source_local_addr(&b, (struct sockaddr *)&from, &len));
	CHECK_INT(unnamed, len);
	/* No room at all, and no address wanted. */
	CHECK_INT(4, mio_source_send(&a, "more", 4, 0));
	len = 0;
	CHECK_INT(4,
	    mio_source_recvfrom(&b, buf, sizeof(buf), 0,
		(struct sockaddr *)&from, &len));
	CHECK_INT(unnamed, len);
	CHECK_INT(4, mio_source_send(&a, "last", 4, 0));
	CHECK_INT(
	    4, mio_source_recvfrom(&b, buf, sizeof(buf), 0, NULL, NULL));
	ck_assert_mem_eq(buf, "last", 4);
	shut(&a);
	shut(&b);
}

/* What only a message carries: a descriptor. */
TEST(fd_messages_pass_descriptors, "fd-01")
{
	struct mio_source a = MIO_SOURCE_INIT, b = MIO_SOURCE_INIT;
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	char byte = '!';
	struct iovec iov = { &byte, 1 };
	struct msghdr msg;
	struct cmsghdr *cmsg;
	struct loop loop;
	int fds[2], pipes[2], passed = -1;

	loop_open(&loop);
	CHECK_INT(0, socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	CHECK_INT(0, pipe(pipes));
	CHECK_INT(0, mio_source_from_fd(&a, fds[0]));
	CHECK_INT(0, mio_source_from_fd(&b, fds[1]));
	CHECK_INT(0, mio_registry_register(loop.registry, &b, T2, R));
	memset(&msg, 0, sizeof(msg));
	memset(&control, 0, sizeof(control));
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = control.room;
	msg.msg_controllen = sizeof(control.room);
	cmsg = CMSG_FIRSTHDR(&msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &pipes[1], sizeof(int));
	CHECK_INT(1, mio_source_sendmsg(&a, &msg, 0));
	WAIT(&loop, T2, R);
	memset(&control, 0, sizeof(control));
	msg.msg_controllen = sizeof(control.room);
	byte = 0;
	CHECK_INT(1, mio_source_recvmsg(&b, &msg, 0));
	CHECK_INT('!', byte);
	cmsg = CMSG_FIRSTHDR(&msg);
	ck_assert_ptr_nonnull(cmsg);
	CHECK_INT(SCM_RIGHTS, cmsg->cmsg_type);
	memcpy(&passed, CMSG_DATA(cmsg), sizeof(int));
	put_fd(passed, "y");
	CHECK_INT(1, read(pipes[0], &byte, 1));
	CHECK_INT('y', byte);
	CHECK_FAILS(EAGAIN, mio_source_recvmsg(&b, &msg, 0));
	CHECK_FAILS(EINVAL, mio_source_sendmsg(NULL, &msg, 0));
	CHECK_FAILS(EINVAL, mio_source_recvmsg(NULL, &msg, 0));
	close(passed);
	close(pipes[0]);
	close(pipes[1]);
	shut(&a);
	shut(&b);
	loop_close(&loop);
}

SUITE(fd, &fd_stays_the_callers, &fd_registered_twice, &fd_that_is_none,
    &fd_calls_check_their_arguments, &fd_rearm_errors,
    &fd_that_cannot_be_watched, &fd_of_linux_kinds,
    &fd_second_edge_after_rearm, &fd_second_edge_after_reregister,
    &fd_rearm_makes_no_phantom, &fd_hang_up_is_reported_once,
    &fd_duplicates_are_two_registrations, &fd_closed_with_a_duplicate_left,
    &fd_closed_while_registered_is_silent, &fd_closed_during_a_wait,
    &fd_number_used_again, &fd_number_registered_again_and_again,
    &fd_number_registered_again_before_a_poll,
    &fd_number_of_an_anonymous_inode_used_again, &fd_inside_a_struct,
    &fd_largest_token, &fd_replaced_by_dup2, &fd_taken_over_and_given_back,
    &fd_udp_socket_v4, &fd_udp_socket_v6,
    &fd_udp_error_keeps_the_registration,
    &fd_raw_udp_error_keeps_the_registration, &fd_unnamed_unix_peer,
    &fd_messages_pass_descriptors);
