/* SPDX-License-Identifier: MIT */
/*
 * The waker.  A wake that would repeat one still pending is free: a wake sets
 * the waker's flag in the registry's `pending`, a return of mio_poll clears
 * them all.  Whoever finds the flag set may go: who has set it signals, and
 * the event is delivered by the return that clears it, or by a later one.  A
 * read-modify-write of the flag on both sides puts the two in one order: a
 * wake that comes first is seen, with all that its thread did before, by who
 * returns from mio_poll; one that comes later finds the flag clear, and
 * signals.  waker.pml has the same for a model checker.
 */

#include "config.h"
#include "waker.h"

#include <stdlib.h>

#include "sys/cancel.h"

#define FLAGS                                                                \
	(sizeof(((struct mio__wakes *)0)->pending) / sizeof(atomic_uint))

void
mio__wakes_init(struct mio__wakes *wakes)
{
	atomic_init(&wakes->taken, 0);
	for (size_t i = 0; i < FLAGS; i++)
		atomic_init(&wakes->pending[i], 0);
	atomic_init(&wakes->more, NULL);
}

/* A flag that was free, or NULL. */
static atomic_uint *
take(struct mio__wakes *wakes)
{
	unsigned taken =
	    atomic_load_explicit(&wakes->taken, memory_order_relaxed);
	size_t i;

	/* Acquire: pairs with give_back's release. */
	do {
		for (i = 0; (taken >> i & 1) != 0; i++)
			if (i == FLAGS - 1)
				return NULL;
	} while (!atomic_compare_exchange_weak_explicit(&wakes->taken, &taken,
	    taken | 1u << i, memory_order_acquire, memory_order_relaxed));
	return &wakes->pending[i];
}

/* Those that come after, which are made if need be; NULL and ENOMEM. */
static struct mio__wakes *
more(struct mio__wakes *wakes)
{
	/* Acquire and release: they were initialized before. */
	struct mio__wakes *next =
	    atomic_load_explicit(&wakes->more, memory_order_acquire);
	struct mio__wakes *made;

	if (next != NULL)
		return next;
	made = malloc(sizeof(*made));
	if (made == NULL)
		return NULL;
	mio__wakes_init(made);
	if (atomic_compare_exchange_strong_explicit(&wakes->more, &next, made,
		memory_order_acq_rel, memory_order_acquire))
		return made;
	free(made);
	return next;
}

static int
take_flag(struct mio_waker *waker)
{
	waker->wakes = &waker->registry->wakes;
	while ((waker->pending = take(waker->wakes)) == NULL) {
		waker->wakes = more(waker->wakes);
		if (waker->wakes == NULL)
			return -1;
	}
	return 0;
}

static void
give_back(struct mio_waker *waker)
{
	struct mio__wakes *wakes = waker->wakes;
	unsigned bit = 1u << (waker->pending - wakes->pending);

	/* The next to take it finds it clear: by the release. */
	atomic_store_explicit(waker->pending, 0, memory_order_relaxed);
	atomic_fetch_and_explicit(&wakes->taken, ~bit, memory_order_release);
}

static int
attach(struct mio_waker *waker)
{
	struct mio_registry *registry = waker->registry;
	struct mio_source source = MIO_SOURCE_INIT;

	source.kind = MIO__KIND_WAKER;
	if (waker->ops.open(waker) < 0)
		return -1;
	if (waker->fds[0] < 0 ||
	    registry->ops.add(registry, waker->fds[0], waker->token,
		MIO_READABLE, &source) == 0)
		return 0;
	waker->ops.close(waker);
	return -1;
}

static void
detach(struct mio_waker *waker)
{
	struct mio_registry *registry = waker->registry;

	/*
	 * Closing alone would not do: a forked child may hold a copy.  That
	 * child itself must not take the parent's registration away.
	 */
	if (waker->fds[0] >= 0 &&
	    mio__sys_process_is_this(&registry->owner) &&
	    mio__registry_hold(registry)) {
		mio__registry_drop(registry, waker->fds[0]);
		mio_registry_unref(registry);
	}
	waker->ops.close(waker);
}

int
mio_waker_new(struct mio_waker **waker, struct mio_registry *registry,
    mio_token token)
{
	struct mio_waker *made;

	if (waker == NULL || registry == NULL)
		return mio__fail(EINVAL);
	if (registry->backend->waker == NULL)
		return mio__fail(ENOTSUP);
	made = malloc(sizeof(*made));
	if (made == NULL)
		return -1;
	made->registry = registry;
	made->ops = *registry->backend->waker;
	made->token = token;
	if (attach(made) < 0) {
		int error = errno;

		free(made);
		if (error == ENOSYS || error == EPERM)
			error = ENOTSUP;
		return mio__fail(error);
	}
	if (take_flag(made) < 0) {
		detach(made);
		free(made);
		return mio__fail(ENOMEM);
	}
	/* Relaxed, but before it can be signalled: for its event to see. */
	atomic_store_explicit(&registry->plain, 0, memory_order_relaxed);
	mio__registry_keep(registry);
	*waker = made;
	return 0;
}

int
mio__signal_failed(struct mio_waker *waker)
{
	/* What is drained is others' wakes too: it must be signalled again. */
	const int cancel = mio__sys_uncancellable();
	int result = -1;

	if (errno == EAGAIN || errno == EINTR) {
		if (errno == EAGAIN)
			waker->ops.drain(waker->fds[0]);
		result = waker->ops.signal(waker);
	} else {
		/* Others must not rely on it.  Relaxed: nothing is read. */
		if (waker->pending != NULL)
			atomic_fetch_and_explicit(
			    waker->pending, 0, memory_order_relaxed);
	}
	mio__sys_uncancellable_end(cancel);
	return result;
}

void
mio__signal_cancelled(void *kept)
{
	errno = EINTR;
	mio__signal_failed(*(struct mio_waker *volatile *)kept);
}

MIO__INLINE int
mio_waker_wake(struct mio_waker *waker)
{
	if (waker == NULL)
		return mio__fail(EINVAL);
	MIO__PROBE2(wake, waker->registry, waker->token);
	/* Release what was done before; pairs with mio__see_wakes's. */
	if ((atomic_fetch_or_explicit(
		 waker->pending, 1, memory_order_release) &
		1) != 0)
		return 0;
	return MIO__SIGNAL(waker);
}

void
mio_waker_free(struct mio_waker *waker)
{
	struct mio_registry *registry;

	if (waker == NULL)
		return;
	registry = waker->registry;
	detach(waker);
	give_back(waker);
	free(waker);
	mio__registry_release(registry);
}
