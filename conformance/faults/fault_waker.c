/* SPDX-License-Identifier: MIT */
/* Wakers, and wakes of other threads that are cancelled or overtaken. */

#include "config.h"

#ifdef __linux__

#include "fault.h"

static int
run_waker(struct world *w)
{
	w->new_waker = (struct mio_waker *)(void *)w;
	return mio_waker_new(&w->new_waker, registry(w), 5);
}

static void
waker_works(struct world *w)
{
	CHECK(mio_waker_wake(w->new_waker) == 0);
	CHECK(comes(w, 5, MIO_READABLE));
	mio_waker_free(w->new_waker);
}

static bool
waker_untouched(struct world *w)
{
	return w->new_waker == (struct mio_waker *)(void *)w;
}

static void
with_quiet_waker(struct world *w)
{
	with_waker(w);
	settle(w);
}

int
run_wake(struct world *w)
{
	return mio_waker_wake(w->waker);
}

void
wakes(struct world *w)
{
	CHECK(w->woken || comes(w, 9, MIO_READABLE));
	CHECK(mio_waker_wake(w->waker) == 0);
	CHECK(comes(w, 9, MIO_READABLE));
}

bool
anything(struct world *w)
{
	(void)w;
	return true;
}

int
run_free_waker(struct world *w)
{
	mio_waker_free(w->waker);
	w->waker = NULL;
	return 0;
}

static void
new_waker_works(struct world *w)
{
	with_waker(w);
	CHECK(mio_waker_wake(w->waker) == 0);
	CHECK(comes(w, 9, MIO_READABLE));
}

/* A byte of a full pipe is read: the waker may say so twice, but not more. */
void
short_drain(void)
{
	struct world w;
	int i;

	doing = "short drain";
	world_new(&w);
	with_quiet_waker(&w);
	for (i = 0; i < 3; i++) {
		arm(CALL_read, 1, 0);
		plan.shortens = true;
		CHECK(mio_waker_wake(w.waker) == 0);
		CHECK(comes(&w, 9, MIO_READABLE));
		disarm();
		plan.shortens = false;
		settle(&w);
		CHECK(mio_poll(w.poll, w.events, 0) == 0);
	}
	world_free(&w);
}

static void *
wake(void *waker)
{
	int result = mio_waker_wake(waker);

	pthread_testcancel();
	return result == 0 ? waker : NULL;
}

/* Its thread is cancelled before it can signal, or while it does so again. */
void
overtake(struct mio_waker *waker)
{
	pthread_t thread;
	void *result;

	overtaking = NULL;
	CHECK(pthread_create(&thread, NULL, wake, waker) == 0);
	CHECK(pthread_join(thread, &result) == 0);
	CHECK(result == waker);
	if (overtaken_error != 0)
		arm(CALL_write, 1, overtaken_error);
	CHECK(pthread_cancel(pthread_self()) == 0);
}

/* A wake that relied on another's is not lost with the other's thread. */
void
cancelled_wake(int error)
{
	struct world w;
	pthread_t thread;
	void *result;

#ifdef HAVE_ASAN
	return;
#endif
	doing = "cancelled wake";
	world_new(&w);
	with_waker(&w);
	settle(&w);
	overtaken_error = error;
	overtaking = w.waker;
	CHECK(pthread_create(&thread, NULL, wake, w.waker) == 0);
	CHECK(pthread_join(thread, &result) == 0);
	CHECK(result == PTHREAD_CANCELED);
	CHECK(overtaking == NULL);
	CHECK(comes(&w, 9, MIO_READABLE));
	CHECK(mio_waker_wake(w.waker) == 0);
	CHECK(comes(&w, 9, MIO_READABLE));
	world_free(&w);
}

/* Nor one that comes after the very first, which failed before any wait. */
void
failing_first_wake(void)
{
	struct world w;

	doing = "failing first wake";
	world_new(&w);
	with_waker(&w);
	arm(CALL_write, 1, EIO);
	CHECK(mio_waker_wake(w.waker) == -1 && errno == EIO);
	plan.armed = false;
	plan.turn = 0;
	CHECK(plan.fired);
	CHECK(mio_waker_wake(w.waker) == 0);
	CHECK(comes(&w, 9, MIO_READABLE));
	world_free(&w);
}

static struct world *shared;

void
then(void)
{
	CHECK(mio_waker_new(&shared->waker, registry(shared), 9) == 0);
}

/* Two wakers at once for which the registry makes room. */
void
both_make_room(void)
{
	const long blocks = live_blocks;
	struct world w;

	doing = "two more wakers";
	world_new(&w);
	with_many_wakers(&w);
	shared = &w;
	until_then = 2; /* the first is the waker itself */
	CHECK(run_waker(&w) == 0);
	CHECK(until_then == 0);
	CHECK(mio_waker_wake(w.waker) == 0);
	CHECK(comes(&w, 9, MIO_READABLE));
	waker_works(&w);
	world_free(&w);
	CHECK(live_blocks == blocks);
}

/* Fill what the waker writes to, as if nobody had ever read it. */
static int
fill(const bool *mine)
{
	const uint64_t most = UINT64_MAX - 1;
	static const char junk[4096];
	int fd, n = 0, flags;

	for (fd = 0; fd < MAX_FD; fd++) {
		flags = mine[fd] ? -1 : __real_fcntl(fd, F_GETFL);
		if (flags == -1 || (flags & O_ACCMODE) == O_RDONLY)
			continue;
		if ((flags & O_ACCMODE) == O_RDWR) {
			/* An eventfd takes 8 bytes; epoll's none at all. */
			n += __real_write(fd, &most, sizeof most) ==
			    (ssize_t)sizeof most;
			continue;
		}
		while (__real_write(fd, junk, sizeof junk) > 0)
			continue;
		while (__real_write(fd, junk, 1) > 0)
			continue;
		n++;
	}
	return n;
}

void
full_waker(void)
{
	bool mine[MAX_FD];
	struct world w;
	int fd, i;

	doing = "full waker";
	for (fd = 0; fd < MAX_FD; fd++)
		mine[fd] = __real_fcntl(fd, F_GETFD) != -1;
	world_new(&w);
	with_waker(&w);
	CHECK(fill(mine) > 0);
	settle(&w);
	for (i = 0; i < 3; i++) {
		fill(mine);
		settle(&w);
		CHECK(mio_waker_wake(w.waker) == 0);
		CHECK(comes(&w, 9, MIO_READABLE));
	}
	world_free(&w);
}

const struct scenario waker_scenarios[] = {
	{ "mio_waker_new", NULL, run_waker, waker_untouched, waker_works,
	    MUST(BIT(malloc)), .takes_fd = true, .makes = true },
	{ "mio_waker_new, one more", with_many_wakers, run_waker,
	    waker_untouched, waker_works, MUST(BIT(malloc)),
	    .takes_fd = true, .makes = true },
	{ "mio_waker_free", with_waker, run_free_waker, anything,
	    new_waker_works,
	    .ignores = BIT(close) | BIT(epoll_ctl) | BIT(fstat) },
	{ "mio_waker_wake", with_quiet_waker, run_wake, anything, wakes,
	    MUST(BIT(write)), .retries = BIT(write), .ignores = BIT(read) },
	{ .name = NULL },
};

#else

typedef int nothing_here;

#endif
