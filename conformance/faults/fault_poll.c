/* SPDX-License-Identifier: MIT */
/* Polls and events, waits, and the table that grows. */

#include "config.h"

#ifdef __linux__

#include "fault.h"

static int
run_poll(struct world *w)
{
	w->new_poll = (struct mio_poll *)(void *)w;
	return mio_poll_new_backend(&w->new_poll, backend);
}

static void
poll_works(struct world *w)
{
	struct mio_poll *mine = w->poll;

	w->poll = w->new_poll;
	with_waker(w);
	CHECK(mio_waker_wake(w->waker) == 0);
	CHECK(comes(w, 9, MIO_READABLE));
	mio_waker_free(w->waker);
	w->waker = NULL;
	w->poll = mine;
	mio_poll_free(w->new_poll);
}

static bool
poll_untouched(struct world *w)
{
	return w->new_poll == (struct mio_poll *)(void *)w;
}

static int
run_events(struct world *w)
{
	w->new_events = (struct mio_events *)(void *)w;
	return mio_events_new(&w->new_events, 64);
}

static void
events_work(struct world *w)
{
	CHECK(mio_events_capacity(w->new_events) == 64);
	CHECK(mio_poll(w->poll, w->new_events, 0) == 0);
	mio_events_free(w->new_events);
}

static bool
events_untouched(struct world *w)
{
	return w->new_events == (struct mio_events *)(void *)w;
}

static void
with_event(struct world *w)
{
	with_pipes(w);
	need(mio_source_write(&w->tx, "abc", 3) == 3, "write");
}

/* After a look that was in vain the next waits do without. */
static void
with_late_event(struct world *w)
{
	with_pipes(w);
	need(mio_poll(w->poll, w->events, MIO_MSEC) == 0, "mio_poll");
	need(mio_source_write(&w->tx, "abc", 3) == 3, "write");
}

static void
with_wake(struct world *w)
{
	with_waker(w);
	settle(w);
	need(mio_waker_wake(w->waker) == 0, "wake");
}

static int
run_wait(struct world *w, int64_t timeout)
{
	int n = mio_poll(w->poll, w->events, timeout);

	MIO_EVENTS_FOREACH (event, w->events)
		w->woken |= event->token == 9;
	return n > 0 ? 0 : -1;
}

static int
run_wait_zero(struct world *w)
{
	return run_wait(w, 0);
}

static int
run_wait_timed(struct world *w)
{
	return run_wait(w, 5 * MIO_SEC);
}

static int
run_wait_oddly(struct world *w)
{
	return run_wait(w, 5 * MIO_SEC + 1);
}

static int
run_wait_forever(struct world *w)
{
	return run_wait(w, MIO_FOREVER);
}

bool
no_events(struct world *w)
{
	return mio_events_count(w->events) == 0;
}

static void
with_second_poll(struct world *w)
{
	need(mio_poll_new_backend(&w->new_poll, backend) == 0, "poll");
}

static int
run_free_poll(struct world *w)
{
	mio_poll_free(w->new_poll);
	w->new_poll = NULL;
	return 0;
}

static void
nothing(struct world *w)
{
	(void)w;
}

/* The table of poll(2) grows; epoll has none. */
static bool
grow(int turn)
{
	struct world w;
	static int fd[MANY][2];
	bool seen[MANY] = { false };
	int i, left = MANY;
	const int64_t end = now() + 10 * MIO_SEC;
	const long blocks = live_blocks;

	world_new(&w);
	for (i = 0; i < MANY; i++)
		need(__real_pipe(fd[i]) == 0, "pipe");
	arm(CALL_realloc, turn, ENOMEM);
	for (i = 0; i < MANY; i++) {
		const bool fired = plan.fired;
		int ret;

		errno = 0;
		ret = mio_registry_register_fd(
		    registry(&w), fd[i][0], (mio_token)i, MIO_READABLE);
		if (plan.fired == fired) {
			CHECK(ret == 0);
			continue;
		}
		CHECK(ret == -1);
		CHECK(errno == ENOMEM);
		CHECK(mio_registry_reregister_fd(registry(&w), fd[i][0], 0,
			  MIO_READABLE) == -1);
		CHECK(errno == ENOENT);
		CHECK(mio_registry_register_fd(registry(&w), fd[i][0],
			  (mio_token)i, MIO_READABLE) == 0);
	}
	plan.armed = false;
	for (i = 0; i < MANY; i++)
		need(__real_write(fd[i][1], "x", 1) == 1, "write");
	while (left > 0 && now() < end) {
		CHECK(mio_poll(w.poll, w.events, 200 * MIO_MSEC) >= 0);
		MIO_EVENTS_FOREACH (event, w.events) {
			if (event->token < MANY && !seen[event->token]) {
				seen[event->token] = true;
				left--;
			}
		}
	}
	CHECK(left == 0);
	for (i = 0; i < MANY; i++) {
		CHECK(mio_registry_deregister_fd(registry(&w), fd[i][0]) == 0);
		close(fd[i][0]);
		close(fd[i][1]);
	}
	world_free(&w);
	CHECK(live_blocks == blocks);
	return plan.fired;
}

void
grow_all(void)
{
	int turn = 1;

	doing = "table growth";
	while (turn < TURNS && grow(turn))
		turn++;
	if (strncmp(backend, "poll", 4) == 0)
		CHECK(turn > 1);
	else
		CHECK(turn == 1);
	plan.turn = 0;
}

const struct scenario poll_scenarios[] = {
	{ "mio_poll_new_backend", NULL, run_poll, poll_untouched, poll_works,
	    MUST(BIT(calloc) | MARKS), .takes_fd = true, .makes = true },
	{ "mio_poll_free", with_second_poll, run_free_poll, anything, nothing,
	    .ignores = BIT(close) },
	{ "mio_events_new", NULL, run_events, events_untouched, events_work,
	    MUST(BIT(malloc)) },
	{ "mio_poll", with_event, run_wait_zero, no_events, pair_works,
	    MUST(0) },
	{ "mio_poll for a while", with_event, run_wait_timed, no_events,
	    pair_works, .retries = POLLS },
	{ "mio_poll without a look", with_late_event, run_wait_timed,
	    no_events, pair_works, .retries = POLLS },
	{ "mio_poll to the nanosecond", with_late_event, run_wait_oddly,
	    no_events, pair_works, .retries = POLLS },
	{ "mio_poll for ever", with_event, run_wait_forever, no_events,
	    pair_works, .retries = POLLS },
	{ "mio_poll for a waker", with_wake, run_wait_forever, no_events,
	    wakes, .retries = POLLS, .ignores = BIT(read) },
	{ .name = NULL },
};

#else

typedef int nothing_here;

#endif
