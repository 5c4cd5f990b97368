/* SPDX-License-Identifier: MIT */
/* The waker: ends another thread's mio_poll.  See mio_waker(3). */

#ifndef MIO_WAKER_H
#define MIO_WAKER_H

#include <mio/types.h>

MIO_BEGIN_DECLS

/*
 * Makes a waker whose events carry `token`.  Errors: EINVAL a NULL
 * argument; ENOTSUP the backend has no wakers or this system forbids its
 * kind; EMFILE, ENFILE, ENOMEM, ENOSPC.  Any thread.
 */
MIO_API int mio_waker_new(struct mio_waker **waker,
    struct mio_registry *registry, mio_token token);
/*
 * Makes the poll return an event with the waker's token and MIO_READABLE;
 * wakes that come before it is returned are one.  Any thread, any number
 * at once; async-signal-safe.  Errors: EINVAL `waker` is NULL.
 */
MIO_API int mio_waker_wake(struct mio_waker *waker);
/* Frees it; NULL is fine.  No thread may use it; the poll may be gone. */
MIO_API void mio_waker_free(struct mio_waker *waker);

MIO_END_DECLS

#endif
