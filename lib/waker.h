/* SPDX-License-Identifier: MIT */
/*
 * The contract of the wakers in waker/: how another thread makes the
 * selector return.  waker.c decides when; these do it.
 */

#ifndef MIO_WAKER_IMPL_H
#define MIO_WAKER_IMPL_H

#include "selector.h"

struct mio_waker;

/*
 * Makes a new edge on fds[0], however many came before undrained.
 * Async-signal-safe, any thread, never blocks.  Others may rely on the signal
 * by now: a failure ends in mio__signal_failed, and the cancellation of the
 * thread in mio__signal_cancelled.
 */
typedef int mio__signal_call(struct mio_waker *waker);

struct mio__waker_ops {
	const char *name;
	/*
	 * Makes fds, non-blocking and close-on-exec; the front registers
	 * fds[0].  A waker that is an event of the selector itself registers
	 * token with registry->fd here and says -1.  -1 and errno: nothing
	 * left behind.
	 */
	int (*open)(struct mio_waker *waker);
	mio__signal_call *signal;
	/* Empties `fd` (fds[0]); also for level-triggered selectors. */
	void (*drain)(int fd);
	void (*close)(struct mio_waker *waker); /* leaves errno alone */
};

struct mio_waker {
	atomic_uint *pending; /* NULL: nobody relies on its signals */
	struct mio__waker_ops ops; /* a copy, as in the registry */
	struct mio__wakes *wakes;  /* where `pending` is */
	struct mio_registry *registry;
	mio_token token;
	int fds[2]; /* to watch; to signal, if that is another */
};

#define MIO__DECLARE(name)                                                   \
	extern const struct mio__waker_ops mio__##name##_ops;                \
	mio__signal_call mio__##name##_signal
MIO__DECLARE(eventfd);
MIO__DECLARE(pipe);
MIO__DECLARE(user);
#undef MIO__DECLARE

/* As MIO__CALL. */
#ifdef MIO_ONLY_WAKER
#define MIO__SIGNAL(waker) MIO__NAME(MIO_ONLY_WAKER, signal)(waker)
#else
#define MIO__SIGNAL(waker) (waker)->ops.signal(waker)
#endif

/* Drains and tries again if that can help, else -1 and errno. */
int mio__signal_failed(struct mio_waker *waker) MIO__COLD;
/* For MIO__UNDO_PUSH, with a struct mio_waker *volatile *: signals. */
void mio__signal_cancelled(void *kept) MIO__COLD;

#endif
