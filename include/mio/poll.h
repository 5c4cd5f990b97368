/* SPDX-License-Identifier: MIT */
/* The poll: waits for readiness events.  See mio_poll(3). */

#ifndef MIO_POLL_H
#define MIO_POLL_H

#include <mio/event.h>
#include <mio/types.h>

/* Timeouts, in nanoseconds. */
#define MIO_FOREVER (-INT64_C(1))
#define MIO_USEC INT64_C(1000)
#define MIO_MSEC INT64_C(1000000)
#define MIO_SEC INT64_C(1000000000)

MIO_BEGIN_DECLS

/*
 * Makes a poll of the default backend, or of the one that the environment
 * variable MIO_BACKEND names.  Errors: EINVAL `poll` is NULL or the name is
 * unknown; ENOTSUP this system cannot run it; EMFILE, ENFILE, ENOMEM.
 * Any thread.
 */
MIO_API int mio_poll_new(struct mio_poll **poll);
/*
 * The same with the backend "selector+waker", or "selector" with its best
 * waker; NULL does as mio_poll_new.
 */
MIO_API int mio_poll_new_backend(struct mio_poll **poll, const char *backend);
/* Frees the poll, not its sources; NULL is fine.  No thread may use it. */
MIO_API void mio_poll_free(struct mio_poll *poll);

/*
 * Clears `events`, waits and fills it.  `timeout_ns`: negative for ever,
 * 0 does not block, else at least that many nanoseconds.  Returns how many
 * events came, 0 if time ran out.  Errors: EINTR a signal (`events` is then
 * empty); EBUSY another thread waits on this poll (`events` is untouched);
 * EINVAL a NULL argument.  One thread at a time for one poll.
 */
#if defined(__cplusplus) && defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow" /* as stat(2), it has a struct, too */
#endif
MIO_API int mio_poll(
    struct mio_poll *poll, struct mio_events *events, int64_t timeout_ns);
#if defined(__cplusplus) && defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

/* The poll's registry; lives as long as the poll.  Any thread. */
MIO_API struct mio_registry *mio_poll_registry(struct mio_poll *poll);
/* The name of its backend, "epoll+eventfd".  Any thread. */
MIO_API const char *mio_poll_backend(const struct mio_poll *poll);
/*
 * The selector's descriptor, readable when events wait, to nest in another
 * event loop; it stays the poll's.  Error: ENOTSUP this selector has none.
 * Any thread.
 */
MIO_API mio_handle mio_poll_handle(const struct mio_poll *poll);

MIO_END_DECLS

#endif
