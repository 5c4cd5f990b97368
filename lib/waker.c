/* SPDX-License-Identifier: MIT */
/*
 * The waker.  A wake that would repeat one still pending is free: a wake sets
 * the waker's bit in the registry's `pending`, a return of mio_poll clears
 * them all.  Whoever finds the bit set may go: who has set it signals, and
 * the event is delivered by the return that clears it, or by a later one.  A
 * read-modify-write of `pending` on both sides puts the two in one order: a
 * wake that comes first is seen, with all that its thread did before, by who
 * returns from mio_poll; one that comes later finds the bit clear, and
 * signals.  waker.pml has the same for a model checker.
 */

#include "config.h"
#include "waker.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

/* The last bit is that of all wakers for which there is none of their own. */
#define LAST_BIT ((unsigned)sizeof(size_t) * CHAR_BIT - 1)
#define BIT(bit) ((size_t)1 << (bit))

static unsigned
take_bit(struct mio_registry *registry)
{
	size_t taken =
	    atomic_load_explicit(&registry->taken, memory_order_relaxed);
	unsigned bit;

	/* Acquire: what give_back did before. */
	do {
		bit = 0;
		while (bit < LAST_BIT && (taken & BIT(bit)) != 0)
			bit++;
	} while (!atomic_compare_exchange_weak_explicit(&registry->taken,
	    &taken, taken | BIT(bit), memory_order_acquire,
	    memory_order_relaxed));
	return bit;
}

static void
give_back(struct mio_registry *registry, unsigned bit)
{
	/* The next to have it finds it clear: by the release. */
	atomic_fetch_and_explicit(
	    &registry->pending, ~BIT(bit), memory_order_relaxed);
	if (bit != LAST_BIT)
		atomic_fetch_and_explicit(
		    &registry->taken, ~BIT(bit), memory_order_release);
}

/*
 * The signal of a waker without a bit of its own, which no return clears: so
 * this does, and the next wake signals again.
 */
static int
signal_alone(struct mio_waker *waker)
{
	/* Acquire: the wakes that rely on this one ... */
	atomic_exchange_explicit(&waker->alone, 0, memory_order_acquire);
	/* ... and release: are for the return that has its event. */
	atomic_fetch_or_explicit(&waker->registry->pending, BIT(LAST_BIT),
	    memory_order_release);
	return waker->registry->backend->waker->signal(waker);
}

static void
prepare(struct mio_waker *waker, struct mio_registry *registry, mio_token token)
{
	waker->registry = registry;
	waker->ops = *registry->backend->waker;
	waker->token = token;
	waker->fds[0] = waker->fds[1] = -1;
	waker->bit = take_bit(registry);
	waker->pending = &registry->pending;
	atomic_init(&waker->alone, 0);
	if (waker->bit == LAST_BIT) {
		waker->pending = &waker->alone;
		waker->ops.signal = signal_alone;
	}
}

static int
attach(struct mio_waker *waker)
{
	struct mio_registry *registry = waker->registry;
	struct mio_source source = { -1, MIO__KIND_WAKER, { NULL, NULL } };

	if (waker->ops.open(waker) < 0)
		return -1;
	if (waker->fds[0] < 0)
		return 0;
	if (registry->ops.add(registry, waker->fds[0], waker->token,
		MIO_READABLE, &source) == 0)
		return 0;
	waker->ops.close(waker);
	return -1;
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
	prepare(made, registry, token);
	/* Relaxed, but before it can be signalled: for its event to see. */
	atomic_store_explicit(&registry->plain, 0, memory_order_relaxed);
	if (attach(made) < 0) {
		int error = errno;

		give_back(registry, made->bit);
		free(made);
		if (error == ENOSYS || error == EPERM)
			error = ENOTSUP;
		return mio__fail(error);
	}
	mio__registry_keep(registry);
	*waker = made;
	return 0;
}

int
mio__signal_failed(struct mio_waker *waker)
{
	int cancel, result = -1;

	/* What is drained is others' wakes too: it must be signalled again. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	if (errno == EAGAIN || errno == EINTR) {
		if (errno == EAGAIN)
			waker->ops.drain(waker->fds[0]);
		result = waker->ops.signal(waker);
	} else {
		/* Others must not rely on it.  Relaxed: nothing is read. */
		atomic_fetch_and_explicit(
		    waker->pending, ~BIT(waker->bit), memory_order_relaxed);
	}
	pthread_setcancelstate(cancel, &cancel);
	return result;
}

void
mio__signal_cancelled(void *kept)
{
	errno = EINTR;
	mio__signal_failed(*(struct mio_waker *volatile *)kept);
}

int
mio_waker_wake(struct mio_waker *waker)
{
	size_t bit;

	if (waker == NULL)
		return mio__fail(EINVAL);
	MIO__PROBE2(wake, waker->registry, waker->token);
	bit = BIT(waker->bit);
	/* Release what was done before; pairs with mio__see_wakes's. */
	if ((atomic_fetch_or_explicit(
		 waker->pending, bit, memory_order_release) &
		bit) != 0)
		return 0;
	return waker->ops.signal(waker);
}

void
mio_waker_free(struct mio_waker *waker)
{
	struct mio_registry *registry;

	if (waker == NULL)
		return;
	registry = waker->registry;
	/*
	 * Closing alone would not do: a forked child may hold a copy.  That
	 * child itself must not take the parent's registration away.
	 */
	if (waker->fds[0] >= 0 && registry->owner == getpid() &&
	    mio__registry_hold(registry)) {
		mio__registry_drop(registry, waker->fds[0]);
		mio_registry_unref(registry);
	}
	waker->ops.close(waker);
	give_back(registry, waker->bit);
	free(waker);
	mio__registry_release(registry);
}
