/* SPDX-License-Identifier: MIT */
/*
 * An event of the kqueue itself: EVFILT_USER, named by the waker's address.
 * A waker outlives its poll at times, when nobody can be woken any more.  So
 * it owns no handle, which would keep the kqueue open and its sources
 * registered, but takes one for each call.
 */

#include "config.h"
#include "waker.h"

#include <string.h>
#include <unistd.h>

#include "selector/kqueue.h"

static int
submit(struct mio_waker *waker, struct kevent *change)
{
	struct mio_registry *registry = waker->registry;
	struct kevent receipt = { 0 };
	const int before = errno; /* of whom a signal handler interrupts */
	int error;

	if (!mio__registry_hold(registry))
		return 0;
	change->ident = (uintptr_t)waker;
	/* Also when it is only triggered: kernels take it from each change. */
	memcpy(&change->udata, &waker->token, sizeof(waker->token));
	if (mio__kqueue_submit(registry->fd, change, &receipt, 1) < 0)
		error = errno;
	else
		error = mio__kqueue_error(&receipt);
	mio_registry_unref(registry);
	errno = before;
	return error != 0 ? mio__fail(error) : 0;
}

static int
user_open(struct mio_waker *waker)
{
	struct kevent change = { .filter = EVFILT_USER,
		.flags = EV_ADD | EV_CLEAR | EV_RECEIPT };

	waker->fds[0] = -1;
	return submit(waker, &change);
}

int
mio__user_signal(struct mio_waker *waker)
{
	/* Not EV_CLEAR: it would undo the trigger (filt_usertouch). */
	struct kevent change = { .filter = EVFILT_USER,
		.flags = EV_RECEIPT,
		.fflags = NOTE_TRIGGER };

	return submit(waker, &change) < 0 ? mio__signal_failed(waker) : 0;
}

static void
user_drain(int fd)
{
	(void)fd; /* a trigger fills nothing */
}

static void
user_close(struct mio_waker *waker)
{
	struct kevent change = { .filter = EVFILT_USER,
		.flags = EV_DELETE | EV_RECEIPT };
	int error = errno;

	/* A forked child has no kqueue. */
	if (mio__sys_process_is_this(&waker->registry->owner))
		submit(waker, &change);
	errno = error;
}

const struct mio__waker_ops mio__user_ops = {
	.name = "user",
	.open = user_open,
	.signal = mio__user_signal,
	.drain = user_drain,
	.close = user_close,
};
