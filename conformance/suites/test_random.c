/* SPDX-License-Identifier: MIT */
/*
 * Random operations against a model of the contract: no promised event is
 * missing, no token comes back after deregister or close, capacity holds,
 * waiting does not go round in circles.  MIO_TEST_SEED=N repeats one run,
 * MIO_TEST_SEEDS=N makes more of them.
 */

#include "config.h"

#include "harness.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { SLOTS = 12, STEPS = 400, WAKER_TOKEN = 1 };

struct slot {
	struct mio_source source; /* of a raw descriptor: only handle */
	int peer;                 /* -1: closed */
	bool is_open;
	bool is_raw;
	bool is_stream; /* else the reading end of a pipe */
	unsigned interests; /* 0: not registered */
	mio_token token;
	size_t unread;   /* bytes on their way to us */
	bool blocked_in; /* the last read was EAGAIN */
	bool blocked_out;
	unsigned owed; /* R, W: an event that must come */
};

struct world {
	struct loop loop;
	struct mio_waker *waker;
	struct mio_events *events[3]; /* of different capacities */
	struct slot slots[SLOTS];
	mio_token last_token;
	uint64_t random;
	uint64_t seed;
	int step;
	bool woken;
};

#define MUST(world, expr)                                                    \
	ck_assert_msg((expr), "seed %llu, step %d: %s (errno %s)",           \
	    (unsigned long long)(world)->seed, (world)->step, #expr,         \
	    errno_name(errno))

/* xorshift64*, Vigna 2016. */
static unsigned
roll(struct world *w, unsigned sides)
{
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return (unsigned)((w->random * UINT64_C(2685821657736338717)) >> 33) %
	    sides;
}

static void
make(struct world *w, struct slot *s)
{
	int fds[2];

	memset(s, 0, sizeof(*s));
	s->is_raw = roll(w, 3) == 0;
	s->is_stream = roll(w, 2) == 0;
	if (s->is_stream)
		MUST(w, socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	else
		MUST(w, pipe(fds) == 0);
	MUST(w, fcntl(fds[1], F_SETFL, O_NONBLOCK) == 0);
	MUST(w, mio_source_from_fd(&s->source, fds[0]) == 0);
	s->peer = fds[1];
	s->is_open = true;
}

/* What (re)registering promises: what is ready now. */
static void
promise_present(struct slot *s)
{
	s->owed = 0;
	if ((s->interests & R) && (s->unread > 0 || s->peer < 0))
		s->owed |= R;
	if ((s->interests & W) && !s->blocked_out)
		s->owed |= W;
	s->blocked_in = s->unread == 0;
}

static void
enroll(struct world *w, struct slot *s)
{
	struct mio_registry *registry = w->loop.registry;
	unsigned interests = s->is_stream ? 1 + roll(w, 3) : R;
	mio_token token = ++w->last_token;
	bool again = s->interests != 0;

	if (s->is_raw)
		MUST(w,
		    (again ? mio_registry_reregister_fd : mio_registry_register_fd)(
			registry, s->source.handle, token, interests) == 0);
	else
		MUST(w,
		    (again ? mio_registry_reregister : mio_registry_register)(
			registry, &s->source, token, interests) == 0);
	s->interests = interests;
	s->token = token;
	promise_present(s);
}

static void
forget(struct slot *s)
{
	s->interests = 0;
	s->owed = 0;
}

static void
withdraw(struct world *w, struct slot *s)
{
	struct mio_registry *registry = w->loop.registry;
	int result = s->is_raw
	    ? mio_registry_deregister_fd(registry, s->source.handle)
	    : mio_registry_deregister(registry, &s->source);

	if (s->interests != 0)
		MUST(w, result == 0);
	else if (!s->is_raw || !raw_is_lenient())
		MUST(w, result == -1 && errno == ENOENT);
	forget(s);
}

static void
dispose(struct world *w, struct slot *s)
{
	if (s->is_raw) /* behind the library's back, registered or not */
		MUST(w, close(s->source.handle) == 0);
	else
		MUST(w, mio_source_close(&s->source) == 0);
	if (s->peer >= 0)
		close(s->peer);
	forget(s);
	s->is_open = false;
}

static void
rearm(struct world *w, struct slot *s, unsigned direction)
{
	if (s->is_raw && s->interests != 0)
		MUST(w,
		    mio_registry_rearm_fd(w->loop.registry, s->source.handle,
			direction) == 0);
}

/* Reads up to `most` bytes, or all. */
static void
take(struct world *w, struct slot *s, size_t most)
{
	char buf[512];

	while (most > 0) {
		size_t want = most < sizeof(buf) ? most : sizeof(buf);
		ssize_t n = s->is_raw
		    ? read(s->source.handle, buf, want)
		    : mio_source_read(&s->source, buf, want);

		if (n > 0) {
			s->unread -= (size_t)n;
			most -= (size_t)n;
			continue;
		}
		if (n == -1) {
			MUST(w, errno == EAGAIN && s->peer >= 0);
			rearm(w, s, R);
			s->blocked_in = true;
		} else {
			MUST(w, s->peer < 0);
		}
		s->owed &= ~(unsigned)R;
		break;
	}
	if (s->unread == 0 && s->peer >= 0)
		s->owed &= ~(unsigned)R; /* nothing left to tell of */
}

static void
stuff(struct world *w, struct slot *s)
{
	static const char bytes[4096];
	ssize_t n;

	if (!s->is_stream || s->peer < 0)
		return;
	do
		n = s->is_raw
		    ? send(s->source.handle, bytes, sizeof(bytes), MSG_NOSIGNAL)
		    : mio_source_write(&s->source, bytes, sizeof(bytes));
	while (n > 0);
	MUST(w, n == -1 && errno == EAGAIN);
	rearm(w, s, W);
	s->blocked_out = true;
	s->owed &= ~(unsigned)W;
}

static void
peer_takes_all(struct slot *s)
{
	char buf[4096];

	if (!s->is_stream || s->peer < 0)
		return;
	while (read(s->peer, buf, sizeof(buf)) > 0)
		;
	if (s->blocked_out && (s->interests & W))
		s->owed |= W;
	s->blocked_out = false;
}

static void
peer_gives(struct world *w, struct slot *s)
{
	static const char bytes[700];
	ssize_t n;

	if (s->peer < 0 || s->unread > 20000)
		return;
	n = write(s->peer, bytes, 1 + roll(w, sizeof(bytes)));
	MUST(w, n > 0);
	s->unread += (size_t)n;
	if (s->blocked_in && (s->interests & R))
		s->owed |= R;
	s->blocked_in = false;
}

static void
peer_leaves(struct slot *s)
{
	if (s->peer < 0)
		return;
	/* Unread, it would be reset: another story. */
	peer_takes_all(s);
	close(s->peer);
	s->peer = -1;
	if (s->blocked_in && (s->interests & R))
		s->owed |= R;
	s->blocked_in = false;
	s->owed &= ~(unsigned)W;
}

static int
look(struct world *w, struct mio_events *events)
{
	int n = mio_poll(w->loop.poll, events, 0);

	MUST(w, n >= 0);
	MUST(w, (size_t)n == mio_events_count(events));
	MUST(w, (size_t)n <= mio_events_capacity(events));
	for (int i = 0; i < n; ++i) {
		const struct mio_event *event =
		    mio_events_get(events, (size_t)i);
		struct slot *s = w->slots;

		MUST(w, event->readiness != 0);
		if (event->token == WAKER_TOKEN) {
			MUST(w, w->woken);
			w->woken = false;
			continue;
		}
		while (s < w->slots + SLOTS &&
		    (s->interests == 0 || s->token != event->token))
			++s;
		MUST(w, s < w->slots + SLOTS);
		s->owed &= ~event->readiness;
		if (event->readiness & R)
			s->blocked_in = false;
		if (event->readiness & RC)
			MUST(w, s->peer < 0);
	}
	return n;
}

/* Until there is nothing more; then nothing may be owed. */
static void
settle(struct world *w)
{
	int rounds = 0;

	while (look(w, w->events[roll(w, 3)]) > 0)
		MUST(w, ++rounds < 4 * SLOTS);
	MUST(w, !w->woken);
	for (int i = 0; i < SLOTS; ++i)
		MUST(w, w->slots[i].owed == 0);
}

static void
step(struct world *w)
{
	struct slot *s = &w->slots[roll(w, SLOTS)];

	if (!s->is_open) {
		make(w, s);
		return;
	}
	switch (roll(w, 16)) {
	case 0:
		dispose(w, s);
		break;
	case 1:
		withdraw(w, s);
		break;
	case 2:
	case 3:
	case 4:
		enroll(w, s);
		break;
	case 5:
	case 6:
	case 7:
		peer_gives(w, s);
		break;
	case 8:
		take(w, s, 1 + roll(w, 900));
		break;
	case 9:
	case 10:
		take(w, s, SIZE_MAX);
		break;
	case 11:
		stuff(w, s);
		break;
	case 12:
		peer_takes_all(s);
		break;
	case 13:
		if (roll(w, 3) == 0)
			peer_leaves(s);
		break;
	case 14:
		MUST(w, mio_waker_wake(w->waker) == 0);
		w->woken = true;
		break;
	default:
		if (roll(w, 2) == 0)
			settle(w);
		else
			look(w, w->events[roll(w, 3)]);
	}
}

static void
run(uint64_t seed)
{
	static const size_t capacities[] = { 1, 3, 64 };
	struct world w;

	memset(&w, 0, sizeof(w));
	w.seed = seed;
	w.random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	w.last_token = WAKER_TOKEN;
	loop_open(&w.loop);
	MUST(&w, mio_waker_new(&w.waker, w.loop.registry, WAKER_TOKEN) == 0);
	for (size_t i = 0; i < LEN(capacities); ++i)
		MUST(&w, mio_events_new(&w.events[i], capacities[i]) == 0);
	for (w.step = 0; w.step < STEPS; ++w.step)
		step(&w);
	settle(&w);
	for (size_t i = 0; i < SLOTS; ++i)
		if (w.slots[i].is_open)
			dispose(&w, &w.slots[i]);
	for (size_t i = 0; i < LEN(capacities); ++i)
		mio_events_free(w.events[i]);
	mio_waker_free(w.waker);
	loop_close(&w.loop);
}

TEST(random_operations_keep_the_contract,
    "poll-11 reg-07 reg-09 reg-11 reg-13 close-01 close-04 lim-01 wak-11")
{
	const char *seed = getenv("MIO_TEST_SEED");
	const char *seeds = getenv("MIO_TEST_SEEDS");
	uint64_t last = seeds != NULL ? strtoull(seeds, NULL, 10) : 100;

	if (selector_is("poll") && !files_have_numbers())
		SKIP("raw descriptors that are closed and made again cannot be"
		     " told apart");
	if (seed != NULL) {
		run(strtoull(seed, NULL, 10));
		return;
	}
	if (slowness() > 1 && seeds == NULL)
		last = 10;
	for (uint64_t i = 1; i <= last; ++i)
		run(i);
}

SUITE(random, &random_operations_keep_the_contract);
