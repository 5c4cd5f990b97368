/* SPDX-License-Identifier: MIT */
/* The registry: arguments and association; the selector does the rest. */

#include "config.h"
#include "selector.h"

#include <stdlib.h>

#define DIRECTIONS                                                           \
	(MIO_READABLE | MIO_WRITABLE | MIO_AIO | MIO_LIO | MIO_PRIORITY)

/* The two are not NULL, and the source is one of the registry's. */
static inline bool
holds(const struct mio_registry *registry, const struct mio_source *source)
{
	return registry != NULL && source != NULL &&
	    source->priv[0] == registry;
}

/* What is wrong when it is not so. */
static MIO__COLD int
not_held(const struct mio_registry *registry, const struct mio_source *source)
{
	if (registry == NULL || source == NULL)
		return mio__fail(EINVAL);
	return mio__fail(source->kind == 0 ? EBADF : ENOENT);
}

/* It is closed; or registered, but perhaps with a poll that is gone. */
static MIO__COLD int
register_again(struct mio_registry *registry, struct mio_source *source,
    mio_token token, unsigned interests)
{
	struct mio_registry *holder = source->priv[0];

	if (source->kind == 0)
		return mio__fail(EBADF);
	/* Acquire: with 0 seen, the closing of the selector is over. */
	if (atomic_load_explicit(&holder->handles, memory_order_acquire) > 0)
		return mio__fail(EEXIST);
	source->priv[0] = NULL;
	source->priv[1] = NULL;
	mio__registry_release(holder);
	return mio_registry_register(registry, source, token, interests);
}

int
mio_registry_register(struct mio_registry *registry,
    struct mio_source *source, mio_token token, unsigned interests)
{
	if (registry == NULL || source == NULL)
		return mio__fail(EINVAL);
	if (source->priv[0] != NULL || (source->kind & MIO__KIND_OPEN) == 0)
		return register_again(registry, source, token, interests);
	MIO__PROBE4(register, registry, source->handle, token, interests);
	/* Before the call, which then is the last thing to do. */
	source->priv[0] = registry;
	mio__registry_keep(registry);
	return MIO__CALL(registry, add)(
	    registry, source->handle, token, interests, source);
}

int
mio__not_added(struct mio_source *source)
{
	struct mio_registry *registry = source != NULL ? source->priv[0] : NULL;

	if (registry != NULL) {
		source->priv[0] = NULL;
		mio__registry_release(registry);
	}
	return -1;
}

int
mio_registry_reregister(struct mio_registry *registry,
    struct mio_source *source, mio_token token, unsigned interests)
{
	if (!holds(registry, source))
		return not_held(registry, source);
	MIO__PROBE4(reregister, registry, source->handle, token, interests);
	return MIO__CALL(registry, change)(
	    registry, source->handle, token, interests, source);
}

int
mio_registry_deregister(
    struct mio_registry *registry, struct mio_source *source)
{
	int result;

	if (!holds(registry, source))
		return not_held(registry, source);
	MIO__PROBE2(deregister, registry, source->handle);
	result = MIO__CALL(registry, remove)(registry, source->handle);
	if (result != 0)
		return result;
	/* Read anew: that is cheaper than to keep it across the call. */
	registry = source->priv[0];
	source->priv[0] = NULL;
	/* Not the last one: the caller has a handle.  Order as in release. */
	atomic_fetch_sub_explicit(&registry->memory, 1, memory_order_acq_rel);
	return result;
}

int
mio__bad_interests(const struct mio_registry *registry, unsigned interests)
{
	if ((interests & DIRECTIONS) == 0 ||
	    (interests & ~(DIRECTIONS | MIO_EXCLUSIVE | MIO_LEVEL)) != 0)
		return mio__fail(EINVAL);
	if ((interests & ~registry->ops.interests) != 0)
		return mio__fail(ENOTSUP);
	return 0;
}

int
mio_registry_register_fd(struct mio_registry *registry, mio_handle fd,
    mio_token token, unsigned interests)
{
	if (registry == NULL)
		return mio__fail(EINVAL);
	MIO__PROBE4(register, registry, fd, token, interests);
	return MIO__CALL(registry, add)(registry, fd, token, interests, NULL);
}

int
mio_registry_reregister_fd(struct mio_registry *registry, mio_handle fd,
    mio_token token, unsigned interests)
{
	if (registry == NULL)
		return mio__fail(EINVAL);
	MIO__PROBE4(reregister, registry, fd, token, interests);
	return MIO__CALL(registry, change)(registry, fd, token, interests, NULL);
}

int
mio_registry_deregister_fd(struct mio_registry *registry, mio_handle fd)
{
	if (registry == NULL)
		return mio__fail(EINVAL);
	MIO__PROBE2(deregister, registry, fd);
	return MIO__CALL(registry, remove)(registry, fd);
}

int
mio_registry_rearm_fd(
    struct mio_registry *registry, mio_handle fd, unsigned directions)
{
	if (registry == NULL)
		return mio__fail(EINVAL);
	if (registry->ops.rearm == NULL)
		return 0;
	if (directions == 0 ||
	    (directions & ~(MIO_READABLE | MIO_WRITABLE)) != 0)
		return mio__fail(EINVAL);
	return registry->ops.rearm(registry, fd, directions);
}

struct mio_registry *
mio_registry_ref(struct mio_registry *registry)
{
	/* Relaxed: the caller's own handle keeps it alive meanwhile. */
	if (registry != NULL)
		atomic_fetch_add_explicit(
		    &registry->handles, 1, memory_order_relaxed);
	return registry;
}

void
mio_registry_unref(struct mio_registry *registry)
{
	/* Acquire and release: as in mio__registry_release. */
	if (registry == NULL ||
	    atomic_fetch_sub_explicit(
		&registry->handles, 1, memory_order_acq_rel) > 1)
		return;
	registry->ops.close(registry);
	mio__registry_release(registry);
}

mio_handle
mio_registry_handle(const struct mio_registry *registry)
{
	if (registry == NULL)
		return mio__fail(EINVAL);
	return registry->fd >= 0 ? registry->fd : mio__fail(ENOTSUP);
}

bool
mio__registry_hold(struct mio_registry *registry)
{
	size_t handles =
	    atomic_load_explicit(&registry->handles, memory_order_relaxed);

	/* Relaxed: a count, nothing else is read through it. */
	do {
		if (handles == 0)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&registry->handles,
	    &handles, handles + 1, memory_order_relaxed,
	    memory_order_relaxed));
	return true;
}

void
mio__registry_free(struct mio_registry *registry)
{
	/* Relaxed, both: nobody else is left. */
	struct mio__wakes *more = atomic_load_explicit(
	    &registry->wakes.more, memory_order_relaxed);

	if (registry->ops.destroy != NULL)
		registry->ops.destroy(registry);
	while (more != NULL) {
		struct mio__wakes *wakes = more;

		more = atomic_load_explicit(&wakes->more, memory_order_relaxed);
		free(wakes);
	}
	mio__sys_process_free(&registry->owner);
	free(registry); /* the poll that it is the head of */
}

int
mio__fail(int error)
{
	errno = error;
	return -1;
}
