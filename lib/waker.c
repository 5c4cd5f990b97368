/* SPDX-License-Identifier: MIT */
/*
 * The waker.  A wake that would repeat one still pending is free: the
 * registry counts the returns of mio_poll in `epoch`, and a waker remembers
 * in `claimed` the epoch in which it signalled last.  Whoever finds the
 * present epoch claimed may go: the signal of the claim is delivered by the
 * return that ends this epoch, or by a later one.  A read-modify-write of
 * `epoch` on both sides puts the two in one order: a wake that comes first
 * is seen, with all that its thread did before, by who returns from
 * mio_poll; one that comes later finds the new epoch and signals.  waker.pml
 * has the same for a model checker.
 */

#include "config.h"
#include "waker.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

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
	made->registry = registry;
	made->ops = *registry->backend->waker;
	made->token = token;
	made->fds[0] = made->fds[1] = -1;
	atomic_init(&made->claimed, 0);
	/* Relaxed, but before it can be signalled: see mio__count_return. */
	atomic_store_explicit(&registry->plain, 0, memory_order_relaxed);
	if (attach(made) < 0) {
		int error = errno;

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
		/* Others must not rely on it.  Relaxed, as below. */
		atomic_store_explicit(
		    &waker->claimed, 0, memory_order_relaxed);
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

/* Another wake has changed `claimed`, perhaps for an epoch before this one. */
static MIO__COLD int
claim(struct mio_waker *waker, uint64_t claimed, uint64_t epoch)
{
	do {
		if (claimed >= epoch)
			return 0;
	} while (!atomic_compare_exchange_weak_explicit(&waker->claimed,
	    &claimed, epoch, memory_order_relaxed, memory_order_relaxed));
	return waker->ops.signal(waker);
}

int
mio_waker_wake(struct mio_waker *waker)
{
	uint64_t epoch, claimed;

	if (waker == NULL)
		return mio__fail(EINVAL);
	MIO__PROBE2(wake, waker->registry, waker->token);
	/* Release what was done before; pairs with mio__count_return's. */
	epoch = atomic_fetch_add_explicit(
	    &waker->registry->epoch, 0, memory_order_acq_rel);
	/* Relaxed: only the number counts, `epoch` carries the order. */
	claimed = atomic_load_explicit(&waker->claimed, memory_order_relaxed);
	if (claimed >= epoch)
		return 0;
	if (!atomic_compare_exchange_strong_explicit(&waker->claimed, &claimed,
		epoch, memory_order_relaxed, memory_order_relaxed))
		return claim(waker, claimed, epoch);
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
	free(waker);
	mio__registry_release(registry);
}
