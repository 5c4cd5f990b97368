/* SPDX-License-Identifier: MIT */
/* The poll: made, waited on, freed. */

#include "config.h"
#include "selector.h"

#include <stdlib.h>

#include "sys/sys.h"

/* A type of its own, for mio_poll alone to take. */
struct mio_poll {
	struct mio_registry registry;
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
	if (mio__sys_process(&registry->owner) < 0) {
		free(made);
		return mio__fail(ENOMEM);
	}
	registry->ops = *backend->selector;
	registry->backend = backend;
	registry->fd = -1;
	atomic_init(&registry->coarse, false);
	atomic_init(&registry->plain, registry->ops.plain);
	mio__wakes_init(&registry->wakes);
	atomic_init(&registry->handles, 1);
	atomic_init(&registry->memory, 1);
	atomic_init(&registry->waiting, NULL);
	if (registry->ops.open(registry) < 0) {
		int error = errno;

		mio__sys_process_free(&registry->owner);
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

static MIO__COLD int
cannot_wait(const struct mio_poll *poll, const struct mio_events *events)
{
	return mio__fail(poll == NULL || events == NULL ? EINVAL : EBUSY);
}

MIO__INLINE int
mio_poll(struct mio_poll *poll, struct mio_events *events, int64_t timeout_ns)
{
	struct mio_registry *registry;
	/* What is expected, or without events what never is there. */
	struct mio_events *none = (void *)-(uintptr_t)(events == NULL);

	if (poll == NULL)
		return cannot_wait(poll, events);
	registry = &poll->registry;
	/* Acquire: pairs with mio__waited_plain's release. */
	if (!atomic_compare_exchange_strong_explicit(&registry->waiting, &none,
		events, memory_order_acquire, memory_order_relaxed))
		return cannot_wait(poll, events);
	MIO__PROBE2(poll_enter, registry, timeout_ns);
	return MIO__CALL(registry, wait)(registry, events, timeout_ns);
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
