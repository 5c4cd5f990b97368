/* SPDX-License-Identifier: MIT */
/*
 * What kqueue(2) answers once in a blue moon: each error of each change, half
 * a change, signals, waits that end early.  The call fails with that error
 * and changes nothing, or makes it good.  Linked with --wrap; kqueue itself is
 * the system's, or the model's: what is registered is asked of it.
 */

#include "config.h"

#include <mio.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/event.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

enum {
	R = MIO_READABLE,
	W = MIO_WRITABLE,
	DAY = 86400
};

/* As kevent takes them: int, but NetBSD size_t. */
#define COUNT(n) ((unsigned char)(n))

/* What is due. */
static struct {
	int kqueue_error;
	int fcntl_error;
	int submit_error;  /* of the next call with changes; made all the same */
	int submit_times;  /* how often; EINTR alone is for more than once */
	int change_error;  /* of changes of these filters, not made */
	bool reads, writes, users;
	bool deletes;      /* of EV_DELETE, else of all others */
	int place;         /* of the next call's, from 1: it alone, ENOMEM */
	/* Waits: the clock is the program's, and so is what comes. */
	bool fake_time;
	int64_t now, longest;
	int empty, waits;  /* so many waits end early, each after its time */
	const struct kevent *forged;
	bool cancels;      /* a wait cancels its thread, and ends early */
} due;

static const char *doing, *backend;
static int failures;

static void
check(bool holds, int line, const char *what)
{
	if (holds)
		return;
	printf("FAILED %s, %s: line %d: %s (errno %d, %s)\n", backend, doing,
	    line, what, errno, strerror(errno));
	if (++failures > 20)
		exit(1);
}

#define CHECK(what) check((what), __LINE__, #what)
#define CHECK_FAILS(error, what)                                             \
	do {                                                                 \
		errno = 0;                                                   \
		CHECK((what) == -1);                                         \
		CHECK(errno == (error));                                     \
	} while (0)

int __real_kqueue(void);
int __wrap_kqueue(void);
int
__wrap_kqueue(void)
{
	if (due.kqueue_error == 0)
		return __real_kqueue();
	errno = due.kqueue_error;
	due.kqueue_error = 0;
	return -1;
}

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int
__wrap_fcntl(int fd, int command, ...)
{
	va_list args;
	long arg;

	va_start(args, command);
	arg = va_arg(args, long);
	va_end(args);
	if (due.fcntl_error == 0)
		return __real_fcntl(fd, command, arg);
	errno = due.fcntl_error;
	due.fcntl_error = 0;
	return -1;
}

int __wrap_fcntl64(int fd, int command, ...);
int
__wrap_fcntl64(int fd, int command, ...)
{
	va_list args;
	long arg;

	va_start(args, command);
	arg = va_arg(args, long);
	va_end(args);
	return __wrap_fcntl(fd, command, arg);
}

int __real_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);
int
__wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
	if (!due.fake_time)
		return __real_clock_gettime(clock, time);
	time->tv_sec = (time_t)(due.now / MIO_SEC);
	time->tv_nsec = (long)(due.now % MIO_SEC);
	return 0;
}

__typeof__(kevent) __real_kevent, __wrap_kevent;

static bool
strikes(const struct kevent *change)
{
	if (due.change_error == 0 ||
	    due.deletes != ((change->flags & EV_DELETE) != 0))
		return false;
#ifdef EVFILT_USER
	if (change->filter == EVFILT_USER)
		return due.users;
#endif
	return change->filter == EVFILT_READ ? due.reads : due.writes;
}

/*
 * Each change for itself, as the kernel does; all have EV_RECEIPT, but for the
 * end filter of a pipe, which is the last.
 */
static int
make_changes(int kq, const struct kevent *changes, int nchanges,
    struct kevent *events, const struct timespec *timeout)
{
	const int place = due.place;
	int n = 0;

	due.place = 0;
	for (int i = 0; i < nchanges; ++i) {
		bool placed = i + 1 == place;
		bool told = changes[i].flags & EV_RECEIPT;

		CHECK(told || (i + 1 == nchanges &&
				  changes[i].filter == EVFILT_READ));
		if (placed || strikes(&changes[i])) {
			events[n] = changes[i];
			events[n].flags = EV_ERROR;
			events[n++].data = placed ? ENOMEM : due.change_error;
		} else if (told) {
			CHECK(__real_kevent(kq, &changes[i], 1, &events[n++],
				  1, timeout) == 1);
		} else {
			CHECK(__real_kevent(kq, &changes[i], 1, NULL, 0,
				  timeout) == 0);
		}
	}
	return n;
}

static int
fake_wait(struct kevent *events, const struct timespec *timeout)
{
	int64_t asked = timeout == NULL
	    ? 0
	    : (int64_t)timeout->tv_sec * MIO_SEC + timeout->tv_nsec;

	++due.waits;
	if (asked > due.longest)
		due.longest = asked;
	if (due.empty-- > 0) {
		due.now += asked;
		return 0;
	}
	if (due.forged == NULL)
		return 0;
	events[0] = *due.forged;
	return 1;
}

#define WRAPPED_KEVENT(count)                                                \
	__wrap_kevent(int kq, const struct kevent *changes, count nchanges,  \
	    struct kevent *events, count nevents,                            \
	    const struct timespec *timeout)
#ifdef __NetBSD__
int WRAPPED_KEVENT(size_t)
#else
int WRAPPED_KEVENT(int)
#endif
{
	if (nchanges == 0 && due.cancels) {
		int cancel;

		/* As where it is no cancellation point: interrupted. */
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
		pthread_cancel(pthread_self());
		pthread_setcancelstate(cancel, &cancel);
		errno = EINTR;
		return -1;
	}
	if (nchanges == 0 && due.fake_time)
		return fake_wait(events, timeout);
	if (nchanges == 0)
		return __real_kevent(kq, NULL, 0, events, nevents, timeout);
	if (due.submit_times > 0) {
		--due.submit_times;
		if (due.submit_error == EINTR)
			make_changes(
			    kq, changes, (int)nchanges, events, timeout);
		errno = due.submit_error;
		return -1;
	}
	return make_changes(kq, changes, (int)nchanges, events, timeout);
}

/* What the tests work on. */

static struct mio_poll *the_poll;
static struct mio_registry *registry;
static struct mio_events *events;
static struct mio_source ours, theirs;

static void
need(bool holds, const char *what)
{
	if (holds)
		return;
	perror(what);
	exit(99);
}

static void
start(const char *what)
{
	int fds[2];

	doing = what;
	memset(&due, 0, sizeof(due));
	need(mio_poll_new_backend(&the_poll, backend) == 0, "poll");
	registry = mio_poll_registry(the_poll);
	need(mio_events_new(&events, 16) == 0, "events");
	need(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0, "socketpair");
	need(mio_source_from_fd(&ours, fds[0]) == 0, "source");
	need(mio_source_from_fd(&theirs, fds[1]) == 0, "source");
	/* Readable and writable from the beginning. */
	need(mio_source_write(&theirs, "x", 1) == 1, "write");
}

static void
stop(void)
{
	memset(&due, 0, sizeof(due));
	mio_source_close(&ours);
	mio_source_close(&theirs);
	mio_events_free(events);
	mio_poll_free(the_poll);
}

/* Is that filter of ours in the kqueue? */
static bool
is_in(int filter)
{
	struct kevent change, result;

	memset(&change, 0, sizeof(change));
	change.ident = (uintptr_t)mio_source_handle(&ours);
	if (filter == R)
		change.filter = EVFILT_READ;
	else
		change.filter = EVFILT_WRITE;
	change.flags = EV_DELETE | EV_RECEIPT;
	need(__real_kevent(mio_poll_handle(the_poll), &change, 1, &result, 1,
		 NULL) == 1,
	    "kevent");
	need(result.data == 0 || result.data == ENOENT, "EV_DELETE");
	return result.data == 0;
}

/* All that is reported now is for `token`; what, at least `interests`. */
static void
comes(mio_token token, unsigned interests)
{
	unsigned seen = 0;

	for (int i = 0; i < 4; ++i) {
		CHECK(mio_poll(the_poll, events, 20 * MIO_MSEC) >= 0);
		MIO_EVENTS_FOREACH (event, events) {
			CHECK(event->token == token);
			seen |= event->readiness & (R | W);
		}
	}
	CHECK(seen == interests);
}

/* At once, and with MIO_LEVEL again and again. */
static void
comes_as(mio_token token, unsigned interests)
{
	const unsigned directions = interests & (R | W);

	for (int i = 0; i < 4; ++i) {
		unsigned seen = 0;

		CHECK(mio_poll(the_poll, events, i == 0 ? 5 * MIO_MSEC : 0) >=
		    0);
		MIO_EVENTS_FOREACH (event, events) {
			CHECK(event->token == token);
			seen |= event->readiness & (R | W);
		}
		CHECK(seen ==
		    (i == 0 || (interests & MIO_LEVEL) ? directions : 0));
	}
}

static void
strike(int error, unsigned filters)
{
	due.change_error = error;
	due.reads = filters & R;
	due.writes = filters & W;
	due.deletes = false;
}

static int
open_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 512; ++fd)
		count += __real_fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* The tests. */

static void
a_poll_cannot_be_made(void)
{
	static const int errors[][2] = { { EMFILE, EMFILE },
		{ ENFILE, ENFILE }, { ENOMEM, ENOMEM }, { ENOSYS, ENOTSUP } };
	struct mio_poll *poll = NULL;

	start("mio_poll_new");
	for (size_t i = 0; i < LEN(errors); ++i) {
		due.kqueue_error = errors[i][0];
		CHECK_FAILS(errors[i][1], mio_poll_new_backend(&poll, backend));
		CHECK(poll == NULL);
	}
	for (int fds = open_fds(), i = 0; i < 2; ++i) {
		due.fcntl_error = EBADF;
		CHECK_FAILS(EBADF, mio_poll_new_backend(&poll, backend));
		CHECK(poll == NULL && open_fds() == fds);
	}
	stop();
}

/* The call itself fails: ENOMEM, or a kernel that is tired of us. */
static void
the_queue_fails(void)
{
	static const int errors[] = { ENOMEM, EACCES };

	for (size_t i = 0; i < LEN(errors); ++i) {
		start("the queue fails");
		due.submit_error = errors[i];
		due.submit_times = 1;
		CHECK_FAILS(errors[i],
		    mio_registry_register(registry, &ours, 1, R | W));
		comes(0, 0);
		CHECK(mio_registry_register(registry, &ours, 1, R) == 0);
		due.submit_times = 1;
		CHECK_FAILS(errors[i],
		    mio_registry_reregister(registry, &ours, 2, W));
		comes(1, R);
		due.submit_times = 1;
		CHECK_FAILS(
		    errors[i], mio_registry_deregister(registry, &ours));
		CHECK(is_in(R) && !is_in(W));
		stop();
	}
}

static void
a_signal_comes(void)
{
	start("signals");
	due.submit_error = EINTR;
	for (int times = 1; times < 4; ++times) {
		due.submit_times = times;
		CHECK(mio_registry_register(registry, &ours, 1, R | W) == 0);
		CHECK(due.submit_times == 0);
		comes(1, R | W);
		due.submit_times = times;
		CHECK(mio_registry_reregister(registry, &ours, 2, W) == 0);
		comes(2, W);
		CHECK(!is_in(R));
		/* What was done before the signal is not there any more. */
		due.submit_times = times;
		CHECK(mio_registry_deregister(registry, &ours) == 0);
		CHECK(!is_in(W));
	}
	stop();
}

static void
half_a_register(void)
{
	static const int errors[] = { ENOMEM, EINVAL, EACCES, EPERM };

	for (size_t i = 0; i < LEN(errors); ++i)
		for (unsigned failing = R; failing <= (R | W); ++failing) {
			start("half a register");
			strike(errors[i], failing);
			CHECK_FAILS(errors[i],
			    mio_registry_register(
				registry, &ours, 1, R | W));
			strike(0, 0);
			comes(0, 0);
			CHECK(!is_in(R) && !is_in(W));
			CHECK_FAILS(ENOENT,
			    mio_registry_deregister(registry, &ours));
			CHECK(mio_registry_register(
				  registry, &ours, 3, R | W) == 0);
			comes(3, R | W);
			stop();
		}
}

/* As before, with the token of before: what was there, and no more. */
static void
half_a_change(void)
{
	for (unsigned was = R; was <= (R | W); ++was)
		for (unsigned wanted = R; wanted <= (R | W); ++wanted)
			for (unsigned failing = R; failing <= W; ++failing) {
				/* No kernel fails to add what is there. */
				if (!(wanted & failing) || (was & failing))
					continue;
				start("half a change");
				CHECK(mio_registry_register(
					  registry, &ours, 1, was) == 0);
				comes(1, was);
				strike(ENOMEM, failing);
				CHECK_FAILS(ENOMEM,
				    mio_registry_reregister(
					registry, &ours, 2, wanted));
				strike(0, 0);
				CHECK(mio_source_write(&theirs, "y", 1) == 1);
				for (int i = 0; i < 2; ++i) {
					mio_poll(the_poll, events,
					    20 * MIO_MSEC);
					MIO_EVENTS_FOREACH (event, events)
						CHECK(event->token == 1);
				}
				CHECK(is_in(R) == ((was & R) != 0));
				CHECK(is_in(W) == ((was & W) != 0));
				stop();
			}
}

/* Twice: the second failure must find the token of the first register. */
static void
a_change_fails_again(void)
{
	start("a change fails again");
	CHECK(mio_registry_register(registry, &ours, 1, R) == 0);
	CHECK(mio_registry_reregister(registry, &ours, 2, R) == 0);
	for (mio_token token = 3; token < 6; ++token) {
		strike(ENOMEM, W);
		CHECK_FAILS(ENOMEM,
		    mio_registry_reregister(registry, &ours, token, R | W));
		strike(0, 0);
		comes(2, R);
	}
	CHECK(mio_registry_reregister(registry, &ours, 6, R | W) == 0);
	comes(6, R | W);
	stop();
}

/*
 * To another trigger: each filter that is there is deleted, each that is
 * wanted added.  Is there a change at this place that a kernel can refuse?
 */
static bool
can_fail(int place, unsigned was, unsigned wanted)
{
	static const unsigned filters[] = { W, R };

	for (size_t i = 0; i < LEN(filters); ++i) {
		if (--place == 0) /* ENOENT is no failure */
			return was & filters[i];
		if ((wanted & filters[i]) && --place == 0)
			return true;
	}
	return false;
}

static void
another_trigger_fails(unsigned was, unsigned wanted, int place)
{
	start("another trigger");
	CHECK(mio_registry_register(registry, &ours, 1, was) == 0);
	comes_as(1, was);
	due.place = place;
	CHECK_FAILS(
	    ENOMEM, mio_registry_reregister(registry, &ours, 2, wanted));
	CHECK(due.place == 0);
	comes_as(1, was);
	/* Nor is it forgotten what it was. */
	due.place = place;
	CHECK_FAILS(
	    ENOMEM, mio_registry_reregister(registry, &ours, 3, wanted));
	comes_as(1, was);
	due.submit_error = ENOMEM;
	due.submit_times = 1;
	CHECK_FAILS(
	    ENOMEM, mio_registry_reregister(registry, &ours, 4, wanted));
	comes_as(1, was & MIO_LEVEL ? was : 0);
	CHECK(mio_registry_reregister(registry, &ours, 5, wanted) == 0);
	comes_as(5, wanted);
	due.submit_error = EINTR;
	due.submit_times = 2;
	CHECK(mio_registry_reregister(registry, &ours, 6, was) == 0);
	comes_as(6, was);
	CHECK(is_in(R) == ((was & R) != 0));
	CHECK(is_in(W) == ((was & W) != 0));
	stop();
}

static void
another_trigger(void)
{
	for (unsigned was = R; was <= (R | W); ++was)
		for (unsigned wanted = R; wanted <= (R | W); ++wanted)
			for (int place = 1; place <= 4; ++place) {
				if (!can_fail(place, was, wanted))
					continue;
				another_trigger_fails(
				    was | MIO_LEVEL, wanted, place);
				another_trigger_fails(
				    was, wanted | MIO_LEVEL, place);
			}
}

/* As before, and no cost: what is no other trigger deletes nothing first. */
static void
half_a_level(void)
{
	const unsigned level = R | W | MIO_LEVEL;
	int fd;

	for (int place = 1; place <= 2; ++place) {
		start("half a level");
		due.place = place;
		CHECK_FAILS(
		    ENOMEM, mio_registry_register(registry, &ours, 1, level));
		comes(0, 0);
		CHECK(!is_in(R) && !is_in(W));
		CHECK(mio_registry_register(registry, &ours, 2, level) == 0);
		comes_as(2, level);
		CHECK(mio_registry_reregister(
			  registry, &ours, 3, W | MIO_LEVEL) == 0);
		comes_as(3, W | MIO_LEVEL);
		due.place = 2;
		CHECK_FAILS(ENOMEM,
		    mio_registry_reregister(registry, &ours, 4, level));
		comes_as(3, W | MIO_LEVEL);
		stop();

		/* Of a descriptor it is not known: four changes. */
		start("half a raw level");
		fd = mio_source_handle(&ours);
		due.place = 2 * place;
		CHECK_FAILS(ENOMEM,
		    mio_registry_register_fd(registry, fd, 1, level));
		comes(0, 0);
		CHECK(!is_in(R) && !is_in(W));
		CHECK(mio_registry_register_fd(registry, fd, 2, level) == 0);
		comes_as(2, level);
		CHECK(mio_registry_register_fd(registry, fd, 3, R | W) == 0);
		comes_as(3, R | W);
		CHECK(is_in(R) && is_in(W));
		stop();
	}
}

static void
the_first_error_is_the_calls(void)
{
	start("a kqueue in another");
	/* The kernel's own half: a kqueue is read, but not written. */
	for (int i = 0; i < 2; ++i) {
		struct mio_poll *other;
		int fd;

		need(mio_poll_new_backend(&other, backend) == 0, "poll");
		fd = mio_poll_handle(other);
		CHECK_FAILS(EINVAL,
		    mio_registry_register_fd(registry, fd, 1, R | W));
		/* What failed is forgotten, and the next is as good as new. */
		CHECK(mio_registry_register(registry, &ours, 2, R) == 0);
		CHECK(mio_registry_register(mio_poll_registry(other), &theirs,
			  3, W) == 0);
		comes(2, R);
		CHECK(mio_registry_register_fd(registry, fd, 4, R) == 0);
		comes(4, R);
		CHECK(mio_registry_deregister_fd(registry, fd) == 0);
		CHECK(mio_registry_deregister(registry, &ours) == 0);
		CHECK(mio_registry_deregister(
			  mio_poll_registry(other), &theirs) == 0);
		mio_poll_free(other);
	}
	stop();
}

static void
a_removal_fails(void)
{
	start("a removal fails");
	CHECK(mio_registry_register(registry, &ours, 1, R | W) == 0);
	strike(EACCES, R);
	due.deletes = true;
	CHECK_FAILS(EACCES, mio_registry_deregister(registry, &ours));
	CHECK_FAILS(EACCES,
	    mio_registry_reregister(registry, &ours, 2, W));
	strike(0, 0);
	/* ENOENT of both: as wanted. */
	CHECK(is_in(R));
	is_in(W);
	CHECK(mio_registry_deregister(registry, &ours) == 0);
	CHECK_FAILS(ENOENT, mio_registry_deregister(registry, &ours));
	/* Of no descriptor. */
	CHECK_FAILS(EBADF, mio_registry_deregister_fd(registry, 1000));
	stop();
}

/* A pipe without its reader: EPIPE, or for NetBSD EBADF, or the end. */
static void
a_pipe_has_no_reader(void)
{
	static const int errors[] = { EPIPE, EBADF };

	for (size_t i = 0; i < LEN(errors); ++i)
		for (unsigned interests = W; interests <= (R | W);
		     ++interests) {
			start("no reader");
			strike(errors[i], W);
			CHECK(mio_registry_register(
				  registry, &ours, 1, interests) == 0);
			comes(1, interests & R);
			CHECK(mio_registry_reregister(
				  registry, &ours, 2, interests) == 0);
			comes(2, interests & R);
			CHECK(mio_registry_reregister(registry, &ours, 3,
				  interests | MIO_LEVEL) == 0);
			comes(3, interests & R);
			strike(0, 0);
			CHECK(is_in(R) == ((interests & R) != 0));
			CHECK(!is_in(W));
			CHECK(mio_registry_deregister(registry, &ours) == 0);
			/* No descriptor at all is another matter. */
			CHECK_FAILS(EBADF,
			    mio_registry_register_fd(registry, 1000, 1, W));
			stop();
		}
}

#ifdef EVFILT_USER
static void
a_waker_fails(void)
{
	static const int errors[][2] = { { ENOMEM, ENOMEM },
		{ EPERM, ENOTSUP }, { EINVAL, EINVAL } };
	struct mio_waker *waker = NULL;

	if (strcmp(backend, "kqueue+user") != 0)
		return;
	start("wakers");
	due.users = true;
	for (size_t i = 0; i < LEN(errors); ++i) {
		due.change_error = errors[i][0];
		CHECK_FAILS(errors[i][1], mio_waker_new(&waker, registry, 9));
		due.change_error = 0;
		due.submit_error = errors[i][0];
		due.submit_times = 1;
		CHECK_FAILS(errors[i][1], mio_waker_new(&waker, registry, 9));
		CHECK(waker == NULL);
	}
	comes(9, 0);
	due.submit_error = EINTR;
	due.submit_times = 2;
	CHECK(mio_waker_new(&waker, registry, 9) == 0);
	due.submit_times = 2;
	CHECK(mio_waker_wake(waker) == 0);
	comes(9, R);
	/* A wake that failed must not pass for one that is on its way. */
	due.change_error = ENOMEM;
	CHECK_FAILS(ENOMEM, mio_waker_wake(waker));
	due.change_error = 0;
	comes(9, 0);
	due.submit_error = EBADF;
	due.submit_times = 1;
	CHECK_FAILS(EBADF, mio_waker_wake(waker));
	/* As a full pipe would: there is nothing to drain. */
	due.submit_error = EAGAIN;
	due.submit_times = 1;
	CHECK(mio_waker_wake(waker) == 0);
	comes(9, R);
	CHECK(mio_waker_wake(waker) == 0);
	comes(9, R);
	/* What free cannot do it does not tell. */
	due.deletes = true;
	due.change_error = ENOENT;
	errno = ERANGE;
	mio_waker_free(waker);
	CHECK(errno == ERANGE);
	stop();
}
#endif

/* More than any kernel takes at once comes in slices, one after the other. */
static void
days_go_by(void)
{
	static const struct {
		int64_t timeout;
		int waits;
	} cases[] = {
		{ 90 * MIO_SEC, 1 },
		{ DAY * MIO_SEC, 1 },
		{ DAY * MIO_SEC + 1, 2 },
		{ 4 * DAY * MIO_SEC - 1, 4 },
		{ INT64_MAX, 106752 },
	};

	start("days go by");
	due.fake_time = true;
	for (size_t i = 0; i < LEN(cases); ++i) {
		due.now = 5 * MIO_SEC + 7;
		due.longest = due.waits = 0;
		due.empty = INT32_MAX;
		CHECK(mio_poll(the_poll, events, cases[i].timeout) == 0);
		CHECK(due.longest <= DAY * MIO_SEC);
		CHECK(due.waits == cases[i].waits);
		CHECK(INT64_MAX - 10 * MIO_SEC < cases[i].timeout ||
		    due.now - 5 * MIO_SEC - 7 == cases[i].timeout);
	}
	stop();
}

enum { PIPE_END = 1 << 20 };

static struct kevent
forge(int filter, int flags, unsigned fflags)
{
	struct kevent made;
	mio_token token = 77;

	memset(&made, 0, sizeof(made));
	made.filter = EVFILT_READ;
	if (filter == W)
		made.filter = EVFILT_WRITE;
#ifdef EVFILT_AIO
	if (filter == MIO_AIO)
		made.filter = EVFILT_AIO;
#endif
#ifdef EVFILT_LIO
	if (filter == MIO_LIO)
		made.filter = EVFILT_LIO;
#endif
	made.flags = (unsigned short)flags;
	/* As all have it, but for the end filter of a pipe. */
	if (filter == R || filter == W)
		made.flags |= EV_RECEIPT;
	made.fflags = fflags;
	memcpy(&made.udata, &token, sizeof(made.udata));
	return made;
}

/* What kevent gives, in each form; also after waits that ended early. */
static void
events_are_translated(void)
{
	const uint32_t rc = MIO_READ_CLOSED, wc = MIO_WRITE_CLOSED;
	const uint32_t all = R | W | MIO_ERROR;
	const struct {
		int filter, flags;
		unsigned fflags;
		uint32_t readiness;
	} cases[] = {
		{ R, EV_CLEAR, 0, R },
		{ W, EV_CLEAR, 0, W },
		{ R, EV_EOF, 0, R | rc },
		{ W, EV_EOF, 0, W | wc },
		{ R, EV_EOF, ECONNRESET, all | rc },
		{ W, EV_EOF, ECONNRESET, all | wc },
		{ R, EV_CLEAR, 5, R },
#ifdef MODEL_KQUEUE
		{ PIPE_END, EV_CLEAR | EV_EOF, 0, W | wc },
		{ PIPE_END, EV_EOF, 0, W | wc },
#endif
		{ R, EV_ERROR, 0, all },
		{ W, EV_ERROR, 0, all },
#ifdef EVFILT_AIO
		{ MIO_AIO, 0, 0, MIO_AIO },
		{ MIO_AIO, EV_ONESHOT, 3, MIO_AIO },
#endif
#ifdef EVFILT_LIO
		{ MIO_LIO, 0, 0, MIO_LIO },
#endif
	};
	static const int64_t timeouts[] = { 0, MIO_SEC, 3 * DAY * MIO_SEC,
		MIO_FOREVER };

	start("events");
	due.fake_time = true;
	for (size_t i = 0; i < LEN(cases); ++i)
		for (size_t t = 0; t < LEN(timeouts); ++t) {
			const struct kevent made = forge(cases[i].filter,
			    cases[i].flags, cases[i].fflags);
			const struct mio_event *got;

			due.now = 1;
			due.waits = 0;
			due.empty = t > 1 ? 2 : 0;
			due.forged = &made;
			CHECK(mio_poll(the_poll, events, timeouts[t]) == 1);
			CHECK(due.waits == (t > 1 ? 3 : 1));
			got = mio_events_get(events, 0);
			CHECK(got != NULL && got->token == 77);
			CHECK(got != NULL &&
			    got->readiness == cases[i].readiness);
		}
	stop();
}

#ifdef MODEL_KQUEUE
/* The writer of a pipe hears of its end as before, whichever change failed. */
static void
half_an_end(void)
{
	static const char page[4096];

	for (int place = 1; place <= 4; ++place) {
		struct mio_source tx = MIO_SOURCE_INIT;
		const struct mio_event *got;
		int fds[2];

		start("half an end");
		need(pipe(fds) == 0, "pipe");
		need(mio_source_from_fd(&tx, fds[1]) == 0, "source");
		CHECK(mio_registry_register(registry, &tx, 7, W) == 0);
		due.place = place;
		CHECK(mio_registry_reregister(registry, &tx, 8, R | W) == -1);
		CHECK(errno == ENOMEM);
		while (write(fds[1], page, sizeof(page)) > 0)
			;
		while (mio_poll(the_poll, events, 20 * MIO_MSEC) > 0)
			CHECK(mio_events_get(events, 0)->token == 7);
		close(fds[0]);
		CHECK(mio_poll(the_poll, events, MIO_SEC) == 1);
		got = mio_events_get(events, 0);
		CHECK(got != NULL && got->token == 7 &&
		    got->readiness == (W | MIO_WRITE_CLOSED));
		mio_source_close(&tx);
		stop();
	}
}

static void *
wait_for_ever(void *arg)
{
	mio_poll(the_poll, events, MIO_FOREVER);
	return arg;
}

/* OpenBSD's kevent(2) only ends early when its thread is cancelled. */
static void
a_thread_is_cancelled(void)
{
	pthread_t thread;
	void *result = NULL;

	start("cancelled");
	CHECK(mio_registry_register(registry, &ours, 1, R) == 0);
	due.cancels = true;
	CHECK(pthread_create(&thread, NULL, wait_for_ever, NULL) == 0);
	CHECK(pthread_join(thread, &result) == 0);
	due.cancels = false;
	CHECK(result == PTHREAD_CANCELED);
	CHECK(mio_source_write(&theirs, "x", 1) == 1);
	comes(1, R);
	stop();
}

/* The end of a request comes to the poll's handle, with the token. */
static void
requests_end(void)
{
	struct kevent end;

	start("AIO and LIO");
	CHECK(mio_registry_register(registry, &ours, 1, MIO_AIO) == 0);
	CHECK(!is_in(R) && !is_in(W));
	CHECK(mio_registry_reregister(
		  registry, &ours, 1, MIO_AIO | MIO_LIO | R) == 0);
	comes(1, R);
	end = forge(MIO_AIO, 0, 0);
	CHECK(model_kqueue_finish(mio_poll_handle(the_poll), &end) == 0);
	end = forge(MIO_LIO, 0, 0);
	CHECK(model_kqueue_finish(mio_poll_handle(the_poll), &end) == 0);
	CHECK(mio_poll(the_poll, events, MIO_SEC) == 2);
	CHECK(mio_events_get(events, 0)->readiness == MIO_AIO);
	CHECK(mio_events_get(events, 0)->token == 77);
	CHECK(mio_events_get(events, 1)->readiness == MIO_LIO);
	CHECK(mio_poll(the_poll, events, 20 * MIO_MSEC) == 0);
	stop();
}
#endif

int
main(void)
{
	int backends = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (const char *const *name = mio_backends(); *name != NULL; ++name) {
		if (strncmp(*name, "kqueue+", 7) != 0)
			continue;
		backend = *name;
		++backends;
		a_poll_cannot_be_made();
		the_queue_fails();
		a_signal_comes();
		half_a_register();
		half_a_change();
		a_change_fails_again();
		another_trigger();
		half_a_level();
		the_first_error_is_the_calls();
		a_removal_fails();
		a_pipe_has_no_reader();
#ifdef EVFILT_USER
		a_waker_fails();
#endif
		days_go_by();
		events_are_translated();
#ifdef MODEL_KQUEUE
		half_an_end();
		a_thread_is_cancelled();
		requests_end();
#endif
	}
	printf("kqueue faults: %d backends, %d failures\n", backends, failures);
	return failures > 0 || backends == 0;
}
