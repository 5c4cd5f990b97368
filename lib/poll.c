/* SPDX-License-Identifier: MIT */
/* The poll: made, waited on, freed. */

#include "config.h"
#include "selector.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "sys/sys.h"

/* The registry comes first: a poll is its registry and a busy flag. */
struct mio_poll {
	struct mio_registry registry;
	atomic_bool busy;
};

int
mio_poll_new_backend(struct mio_poll **poll, const char *name)
{
	const struct mio__backend *backend;
	struct mio_poll *made;
	struct mio_registry *registry;

	if (poll == NULL)
		return mio__fail(EINVAL);
	if (name == NULL)
		name = mio__sys_getenv("MIO_BACKEND");
	if (name != NULL && *name == '\0')
		name = NULL;
	backend = mio__backend_find(name);
	if (backend == NULL)
		return -1;
	made = calloc(1, sizeof(*made));
	if (made == NULL)
		return -1;
	registry = &made->registry;
	registry->ops = *backend->selector;
	registry->backend = backend;
	registry->fd = -1;
	registry->owner = getpid();
	atomic_init(&registry->coarse, false);
	atomic_init(&registry->wakers, 0);
	atomic_init(&registry->epoch, 1);
	atomic_init(&registry->handles, 1);
	atomic_init(&registry->memory, 1);
	atomic_init(&made->busy, false);
	if (registry->ops.open(registry) < 0) {
		int error = errno;

		free(made);
		if (error == ENOSYS || error == EPERM)
			error = ENOTSUP;
		return mio__fail(error);
	}
	*poll = made;
	return 0;
}

int
mio_poll_new(struct mio_poll **poll)
{
	return mio_poll_new_backend(poll, NULL);
}

void
mio_poll_free(struct mio_poll *poll)
{
	if (poll != NULL)
		mio_registry_unref(&poll->registry);
}

/* The end of a wait, also by cancellation of its thread. */
static void
leave(void *arg)
{
	struct mio_poll *poll = arg;
	struct mio_registry *registry = &poll->registry;

	/*
	 * Relaxed: a waker whose event this is was counted before it could
	 * be signalled.  The epoch: see waker.c.
	 */
	if (atomic_load_explicit(&registry->wakers, memory_order_relaxed) != 0)
		atomic_fetch_add_explicit(
		    &registry->epoch, 1, memory_order_acq_rel);
	/* Release: what this thread did to the poll is the next one's. */
	atomic_store_explicit(&poll->busy, false, memory_order_release);
}

int
mio_poll(struct mio_poll *poll, struct mio_events *events, int64_t timeout_ns)
{
	struct mio_registry *registry;
	int n;

	if (poll == NULL || events == NULL)
		return mio__fail(EINVAL);
	registry = &poll->registry;
	/* Acquire: pairs with the release in leave(). */
	if (atomic_exchange_explicit(&poll->busy, true, memory_order_acquire))
		return mio__fail(EBUSY);
	events->end = events->first;
	pthread_cleanup_push(leave, poll);
	n = registry->ops.wait(registry, events, timeout_ns);
	pthread_cleanup_pop(0);
	leave(poll);
	return n;
}

struct mio_registry *
mio_poll_registry(struct mio_poll *poll)
{
	return poll != NULL ? &poll->registry : NULL;
}

const char *
mio_poll_backend(const struct mio_poll *poll)
{
	return poll != NULL ? poll->registry.backend->name : NULL;
}

mio_handle
mio_poll_handle(const struct mio_poll *poll)
{
	return mio_registry_handle(poll != NULL ? &poll->registry : NULL);
}
