/* SPDX-License-Identifier: MIT */
/*
 * Eight threads register, reregister, deregister, close and wake, also from
 * signal handlers, while another polls: each event and each wake is waited
 * for, and none may come for a token that was dead before mio_poll was called.
 * What a thread writes before it wakes is no atomic, so that a tool that looks
 * for races sees whether the waker alone puts it in order.
 *
 *     test_threads [ROUNDS [WAKES]]     of a thread, on each backend
 */

#include "config.h"

#include <mio.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "selector.h"
#include "waker.h"

/*
 * Helgrind knows locks, but no C11 atomics: it takes each for a plain access.
 * So it is told not to look at the atomics themselves, here and in the objects
 * of the library, nor at what they alone put in order; TSan does that.
 */
#ifdef HAVE_VALGRIND_HELGRIND_H
#include <valgrind/helgrind.h>
#define ATOMIC(object) VALGRIND_HG_DISABLE_CHECKING(&(object), sizeof(object))
#else
#define ATOMIC(object) (void)(object)
#endif

enum {
	THREADS = 8,
	WAKERS = 4,
	CAPACITY = 8, /* less than there may be at once */
	MAX_ROUNDS = 100000,
	PATIENCE = 30 /* seconds */
};

/* Of tokens: thread, number and what it is. */
enum { SOURCE, WAKER };
#define TOKEN(kind, thread, number)                                          \
	((mio_token)(number)*32 + (mio_token)(thread)*2 + (mio_token)(kind))

struct thread {
	pthread_t id;
	int number;
	struct mio_waker *waker;
	uint64_t payload; /* written before a wake, read after its event */
	_Atomic uint64_t asked, answered;
	_Atomic uint64_t seen; /* the newest token with an event, plus 1 */
	/* By number of token: the call of mio_poll when it died, plus 1. */
	_Atomic uint32_t *dead;
};

static struct {
	struct mio_poll *poll;
	struct mio_registry *registry;
	struct mio_waker *signalled; /* by the handlers */
	struct thread threads[THREADS];
	_Atomic uint32_t turn; /* calls of mio_poll */
	_Atomic int running;
	_Atomic uint64_t signals;
	pthread_barrier_t start;
	bool storm; /* of signals: their wakes would hide a missing kick */
	uint64_t events, woken;
} all;

static const char *backend;
static unsigned long rounds = 60, wakes = 6250;

/* Read and written by all, with no order that others could rely on. */
#define GET(object) atomic_load_explicit(&(object), memory_order_relaxed)
#define PUT(object, value)                                                   \
	atomic_store_explicit(&(object), (value), memory_order_relaxed)

#define CHECK(cond)                                                          \
	do {                                                                 \
		if (!(cond))                                                 \
			fail(#cond, __LINE__);                               \
	} while (0)

static void
fail(const char *what, int line)
{
	fprintf(stderr, "FAIL %s: line %d: %s (errno %d: %s)\n", backend, line,
	    what, errno, strerror(errno));
	_exit(1);
}

static time_t
seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* Waits for `object` to come to `value`. */
static void
await(_Atomic uint64_t *object, uint64_t value, const char *what)
{
	time_t end = 0;
	unsigned turns;

	for (turns = 1; atomic_load_explicit(object, memory_order_acquire) <
	     value;
	     turns++) {
		sched_yield();
		if (turns % 1024 != 0)
			continue;
		if (end == 0)
			end = seconds() + PATIENCE;
		else if (seconds() > end)
			fail(what, __LINE__);
	}
}

static void
wake_in_handler(int number)
{
	const int saved = errno;

	(void)number;
	if (mio_waker_wake(all.signalled) != 0)
		fail("wake in a handler", __LINE__);
	atomic_fetch_add_explicit(&all.signals, 1, memory_order_relaxed);
	errno = saved;
}

static void
wake_and_wait(struct thread *self)
{
	const uint64_t n = GET(self->asked) + 1;

	self->payload = n * 3;
	PUT(self->asked, n);
	CHECK(mio_waker_wake(self->waker) == 0);
	await(&self->answered, n, "a wake is lost");
}

/* From here on no call of mio_poll may begin that reports it. */
static void
dies(struct thread *self, uint32_t number)
{
	PUT(self->dead[number], GET(all.turn) + 1);
}

static void
expect_event(struct thread *self, uint32_t number)
{
	await(&self->seen, number + 1, "an event is lost");
}

static void
write_byte(struct mio_source *sender)
{
	ssize_t n;

	do
		n = mio_source_write(sender, "x", 1);
	while (n == -1 && errno == EINTR);
	CHECK(n == 1);
}

static void
drain(struct mio_source *receiver)
{
	char bytes[8];
	ssize_t n;

	do
		n = mio_source_read(receiver, bytes, sizeof(bytes));
	while (n > 0 || (n == -1 && errno == EINTR));
	CHECK(n == -1 && errno == EAGAIN);
}

static void
close_source(struct mio_source *source)
{
	CHECK(mio_source_close(source) == 0);
}

/* One life of a source; its tokens are `number` and the next two. */
static void
live(struct thread *self, uint32_t number)
{
	struct mio_source receiver, sender;
	const bool closes = number / 3 % 3 == 0;

	if (number % 2 == 0)
		CHECK(mio_pipe_new(&receiver, &sender) == 0);
	else
		CHECK(mio_unix_pair(&receiver, &sender) == 0);
	CHECK(mio_registry_register(all.registry, &receiver,
		  TOKEN(SOURCE, self->number, number), MIO_READABLE) == 0);
	write_byte(&sender);
	expect_event(self, number);
	drain(&receiver);
	write_byte(&sender);
	CHECK(mio_registry_reregister(all.registry, &receiver,
		  TOKEN(SOURCE, self->number, number + 1),
		  MIO_READABLE) == 0);
	dies(self, number++);
	expect_event(self, number);
	if (closes) {
		/* Closed with an event due, and not deregistered. */
		write_byte(&sender);
		close_source(&receiver);
		dies(self, number++);
	} else {
		write_byte(&sender);
		CHECK(mio_registry_deregister(all.registry, &receiver) == 0);
		dies(self, number++);
		CHECK(mio_registry_register_fd(all.registry,
			  mio_source_handle(&receiver),
			  TOKEN(SOURCE, self->number, number),
			  MIO_READABLE) == 0);
		expect_event(self, number);
		CHECK(mio_registry_deregister_fd(all.registry,
			  mio_source_handle(&receiver)) == 0);
		dies(self, number);
		close_source(&receiver);
	}
	close_source(&sender);
}

static void *
work(void *arg)
{
	struct thread *self = arg;
	struct mio_waker *other;
	unsigned long i;

	pthread_barrier_wait(&all.start); /* all ids are known */
	for (i = 0; i < rounds; i++) {
		live(self, (uint32_t)i * 3);
		wake_and_wait(self);
		if (i % 16 == 0) {
			CHECK(!all.storm ||
			    pthread_kill(all.threads[i / 16 % THREADS].id,
				SIGUSR1) == 0);
			CHECK(mio_waker_new(&other, all.registry,
				  TOKEN(WAKER, THREADS, 0)) == 0);
			CHECK(mio_waker_wake(other) == 0);
			mio_waker_free(other);
		}
	}
	atomic_fetch_sub(&all.running, 1);
	CHECK(mio_waker_wake(all.signalled) == 0);
	/* Until nobody sends it signals. */
	while (atomic_load(&all.running) > 0)
		sched_yield();
	return NULL;
}

static void *
only_wake(void *arg)
{
	struct thread *self = arg;
	unsigned long i;

	pthread_barrier_wait(&all.start);
	for (i = 0; i < wakes; i++)
		wake_and_wait(self);
	atomic_fetch_sub(&all.running, 1);
	CHECK(mio_waker_wake(all.signalled) == 0);
	return NULL;
}

static void
answer(struct thread *thread)
{
	const uint64_t asked = GET(thread->asked);

	/* With none outstanding it is a second event of the last. */
	if (asked == GET(thread->answered))
		return;
	CHECK(thread->payload == asked * 3);
	all.woken++;
	atomic_store_explicit(&thread->answered, asked, memory_order_release);
}

static void
handle(const struct mio_event *event)
{
	const uint64_t token = (uint64_t)event->token;
	const uint64_t number = token / 32;
	struct thread *thread = &all.threads[token / 2 % 16 % THREADS];
	uint32_t died;

	CHECK((event->readiness & MIO_READABLE) != 0);
	if (token % 2 == WAKER) {
		if (token / 2 % 16 < THREADS)
			answer(thread);
		return;
	}
	all.events++;
	CHECK(token / 2 % 16 < THREADS);
	died = GET(thread->dead[number]);
	/* The call that was under way, or the one about to be. */
	CHECK(died == 0 || GET(all.turn) <= died);
	if (GET(thread->seen) < number + 1)
		atomic_store_explicit(
		    &thread->seen, number + 1, memory_order_release);
}

static void
poll_them(void)
{
	static const int64_t timeouts[] = { MIO_FOREVER, MIO_FOREVER, 0,
		MIO_SEC };
	struct mio_events *events;
	uint32_t turn = 0;
	int n;

	CHECK(mio_events_new(&events, CAPACITY) == 0);
	while (atomic_load(&all.running) > 0) {
		PUT(all.turn, ++turn);
		n = mio_poll(all.poll, events, timeouts[turn % 4]);
		CHECK(n >= 0 || errno == EINTR);
		CHECK(n <= CAPACITY);
		MIO_EVENTS_FOREACH (event, events)
			handle(event);
	}
	mio_events_free(events);
}

/* Makes the flags that may be needed, while nobody else is there. */
static struct mio__wakes *
more_flags(void)
{
	struct mio_waker *wakers[16];
	int i;

	for (i = 0; i < 16; i++)
		CHECK(mio_waker_new(&wakers[i], all.registry,
			  TOKEN(WAKER, THREADS, 0)) == 0);
	for (i = 0; i < 16; i++)
		mio_waker_free(wakers[i]);
	return atomic_load(&all.registry->wakes.more);
}

static void
hide_atomics(void)
{
	struct mio__wakes *more = more_flags();
	int i;

	CHECK(more != NULL);
	ATOMIC(*more);
	ATOMIC(all.running);
	ATOMIC(all.signals);
	ATOMIC(all.turn);
	ATOMIC(all.registry->coarse);
	ATOMIC(all.registry->plain);
	ATOMIC(all.registry->wakes);
	ATOMIC(all.registry->waiting);
	ATOMIC(all.registry->handles);
	ATOMIC(all.registry->memory);
	for (i = 0; i < THREADS; i++) {
		struct thread *thread = &all.threads[i];

		ATOMIC(thread->payload);
		ATOMIC(thread->asked);
		ATOMIC(thread->answered);
		ATOMIC(thread->seen);
	}
}

static void
run(int threads, void *(*body)(void *), bool storm, const char *what)
{
	/* Signals for whoever has not blocked them, too. */
	const struct itimerval often = { { 0, 700 }, { 0, 700 } };
	const struct itimerval never = { { 0, 0 }, { 0, 0 } };
	size_t tokens = 3 * rounds + 3;
	int i;

	memset(&all, 0, sizeof(all));
	all.storm = storm;
	CHECK(mio_poll_new_backend(&all.poll, backend) == 0);
	all.registry = mio_poll_registry(all.poll);
	CHECK(mio_waker_new(&all.signalled, all.registry,
		  TOKEN(WAKER, THREADS, 0)) == 0);
	for (i = 0; i < THREADS; i++) {
		all.threads[i].number = i;
		all.threads[i].dead =
		    calloc(tokens, sizeof(*all.threads[i].dead));
		CHECK(all.threads[i].dead != NULL);
#ifdef HAVE_VALGRIND_HELGRIND_H
		VALGRIND_HG_DISABLE_CHECKING(all.threads[i].dead,
		    tokens * sizeof(*all.threads[i].dead));
#endif
		CHECK(mio_waker_new(&all.threads[i].waker, all.registry,
			  TOKEN(WAKER, i, 0)) == 0);
	}
	hide_atomics();
	atomic_store(&all.running, threads);
	CHECK(pthread_barrier_init(
		  &all.start, NULL, (unsigned)threads + 1) == 0);
	for (i = 0; i < threads; i++)
		CHECK(pthread_create(&all.threads[i].id, NULL, body,
			  &all.threads[i]) == 0);
	pthread_barrier_wait(&all.start);
	CHECK(setitimer(ITIMER_REAL, storm ? &often : &never, NULL) == 0);
	poll_them();
	CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
	for (i = 0; i < threads; i++)
		CHECK(pthread_join(all.threads[i].id, NULL) == 0);
	pthread_barrier_destroy(&all.start);
	CHECK(all.woken >= (uint64_t)threads *
		  (body == only_wake ? wakes : rounds));
	CHECK(body == only_wake ||
	    all.events >= (uint64_t)threads * rounds * 2);
	printf("%s: %s: %llu wakes, %llu events, %llu signals\n", backend,
	    what, (unsigned long long)all.woken,
	    (unsigned long long)all.events,
	    (unsigned long long)GET(all.signals));
	for (i = 0; i < THREADS; i++) {
		mio_waker_free(all.threads[i].waker);
		free(all.threads[i].dead);
	}
	mio_waker_free(all.signalled);
	mio_poll_free(all.poll);
}

static void *
hold(void *arg)
{
	unsigned long i;

	(void)arg;
	pthread_barrier_wait(&all.start);
	for (i = 0; i < 50000 * rounds; i++) {
		CHECK(mio__registry_hold(all.registry));
		mio_registry_unref(all.registry);
	}
	return NULL;
}

/* None of the handles that two threads take and return is lost. */
static void
hold_both(void)
{
	pthread_t thread;

	memset(&all, 0, sizeof(all));
	CHECK(mio_poll_new(&all.poll) == 0);
	all.registry = mio_poll_registry(all.poll);
	ATOMIC(all.registry->handles);
	CHECK(pthread_barrier_init(&all.start, NULL, 2) == 0);
	CHECK(pthread_create(&thread, NULL, hold, NULL) == 0);
	hold(NULL);
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK(atomic_load(&all.registry->handles) == 1);
	pthread_barrier_destroy(&all.start);
	mio_poll_free(all.poll);
}

/* A flag is taken and given back; a pipe never holds more than a byte. */
static void
one_waker(void)
{
	struct mio_events *events;
	struct mio_registry *registry;
	struct mio_poll *poll;
	struct mio_waker *waker;
	int bytes;

	CHECK(mio_poll_new_backend(&poll, backend) == 0);
	CHECK(mio_events_new(&events, 1) == 0);
	registry = mio_poll_registry(poll);
	CHECK(atomic_load(&registry->wakes.taken) == 0);
	/* Until there is a waker epoll's waits do not look for wakes. */
	CHECK(strncmp(backend, "epoll", 5) != 0 ||
	    atomic_load(&registry->plain) > 0);
	CHECK(mio_waker_new(&waker, registry, 1) == 0);
	CHECK(atomic_load(&registry->wakes.taken) == 1);
	CHECK(atomic_load(&registry->plain) == 0);
	for (int i = 0; i < 3; i++) {
		CHECK(mio_waker_wake(waker) == 0);
		CHECK(atomic_load(&registry->wakes.pending[0]) == 1);
		/* What is no pipe does not say. */
		CHECK(ioctl(waker->fds[0], FIONREAD, &bytes) == -1 ||
		    bytes == 1);
		CHECK(mio_poll(poll, events, MIO_FOREVER) == 1);
		CHECK(atomic_load(&registry->wakes.pending[0]) == 0);
	}
	mio_waker_free(waker);
	CHECK(atomic_load(&registry->wakes.taken) == 0);
	mio_events_free(events);
	mio_poll_free(poll);
}

static unsigned long
count(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text == '\0' || *end != '\0' || n > 100000000) {
		fprintf(stderr, "usage: test_threads [ROUNDS [WAKES]]\n");
		exit(2);
	}
	return n;
}

int
main(int argc, char **argv)
{
	const char *const *name;
	struct sigaction action;

	if (argc > 1)
		rounds = count(argv[1]);
	if (argc > 2)
		wakes = count(argv[2]);
	if (rounds > MAX_ROUNDS)
		rounds = MAX_ROUNDS;
	setvbuf(stdout, NULL, _IOLBF, 0);
	memset(&action, 0, sizeof(action));
	action.sa_handler = wake_in_handler;
	CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
	action.sa_flags = SA_RESTART;
	CHECK(sigaction(SIGALRM, &action, NULL) == 0);
	backend = mio_backends()[0];
	hold_both();
	for (name = mio_backends(); *name != NULL; name++) {
		backend = *name;
		one_waker();
		if (rounds > 0) {
			run(THREADS, work, false, "all at once");
			run(THREADS, work, true, "with signals");
		}
		if (wakes > 0)
			run(WAKERS, only_wake, false, "wakes");
	}
	return 0;
}
