/* SPDX-License-Identifier: MIT */
/* The registry: which sources a poll watches.  See mio_registry(3). */

#ifndef MIO_REGISTRY_H
#define MIO_REGISTRY_H

#include <mio/event.h>
#include <mio/source.h>
#include <mio/types.h>

MIO_BEGIN_DECLS

/*
 * A registry may be used from any thread, also while another waits in
 * mio_poll; a source by one thread at a time.  A failed call changes
 * nothing.  `interests` is one or more of MIO_READABLE, MIO_WRITABLE,
 * MIO_PRIORITY, MIO_AIO, MIO_LIO, and perhaps MIO_EXCLUSIVE or MIO_LEVEL.
 */

/*
 * Watch `source` for `interests`; its events carry `token`.
 * Errors: EBADF bad descriptor; EEXIST registered already, here or with
 * another registry; EINVAL no or unknown interests, NULL; ENOTSUP an
 * interest this system lacks; EPERM a file that cannot be watched; ENOMEM,
 * ENOSPC limits.
 */
MIO_API int mio_registry_register(struct mio_registry *registry,
    struct mio_source *source, mio_token token, unsigned interests);
/*
 * Replace token and interests; readiness that is there is reported again.
 * Errors: as register; ENOENT not registered with this registry.
 */
MIO_API int mio_registry_reregister(struct mio_registry *registry,
    struct mio_source *source, mio_token token, unsigned interests);
/*
 * Stop watching; no later mio_poll gives the token.
 * Errors: EBADF, EINVAL, ENOENT as above.
 */
MIO_API int mio_registry_deregister(
    struct mio_registry *registry, struct mio_source *source);

/* The same for a descriptor that stays the caller's. */
MIO_API int mio_registry_register_fd(struct mio_registry *registry,
    mio_handle fd, mio_token token, unsigned interests);
MIO_API int mio_registry_reregister_fd(struct mio_registry *registry,
    mio_handle fd, mio_token token, unsigned interests);
MIO_API int mio_registry_deregister_fd(
    struct mio_registry *registry, mio_handle fd);
/*
 * Say that I/O on `fd` returned EAGAIN in `directions` (MIO_READABLE,
 * MIO_WRITABLE or both), so that the next edge is reported.  Needed with
 * selectors that do not see it themselves; elsewhere does nothing.
 * Errors: EBADF, EINVAL, ENOENT.
 */
MIO_API int mio_registry_rearm_fd(
    struct mio_registry *registry, mio_handle fd, unsigned directions);

/* One more owner of the registry; never fails.  Returns its argument. */
MIO_API struct mio_registry *mio_registry_ref(struct mio_registry *registry);
/* Gives up one such ownership; NULL is fine. */
MIO_API void mio_registry_unref(struct mio_registry *registry);

/* As mio_poll_handle. */
MIO_API mio_handle mio_registry_handle(const struct mio_registry *registry);

MIO_END_DECLS

#endif
