/* SPDX-License-Identifier: MIT */
/*
 * hiredis' asynchronous connections in a loop of libmio.
 *
 * After redisAsyncConnect, and before any callback is set or command given,
 *
 *	redis_mio_attach(&r, registry, context)
 *
 * with a struct redis_mio that outlives the connection.  Its events have the
 * address of r as their token; give each of them to
 *
 *	redis_mio_ready(&r, event)
 *
 * and look at r.error afterwards, for hiredis does not want to know that a
 * registration has failed.  When hiredis frees the connection, by itself
 * after an error, r.context becomes NULL; events that are still on their way
 * do nothing then.
 *
 * hiredis reads once for each event, and may leave something unread: hence
 * MIO_LEVEL.
 */

#ifndef REDIS_MIO_H
#define REDIS_MIO_H

#include <errno.h>
#include <stddef.h>
#include <hiredis/async.h>
#include <mio.h>

struct redis_mio {
	redisAsyncContext *context; /* NULL: there is none any more */
	struct mio_registry *registry;
	unsigned interests; /* 0: not registered */
	int error;          /* errno of what failed; 0: nothing has */
};

static inline void
redis_mio_want(struct redis_mio *r, unsigned interests)
{
	int fd = r->context->c.fd;
	mio_token token = (mio_token)r;
	int result;

	/* hiredis says it again and again. */
	if (interests == r->interests)
		return;
	if (interests == 0)
		result = mio_registry_deregister_fd(r->registry, fd);
	else if (r->interests == 0)
		result = mio_registry_register_fd(
		    r->registry, fd, token, interests | MIO_LEVEL);
	else
		result = mio_registry_reregister_fd(
		    r->registry, fd, token, interests | MIO_LEVEL);
	if (result == -1)
		r->error = errno;
	else
		r->interests = interests;
}

static inline void
redis_mio_add_read(void *arg)
{
	struct redis_mio *r = arg;

	redis_mio_want(r, r->interests | MIO_READABLE);
}

static inline void
redis_mio_del_read(void *arg)
{
	struct redis_mio *r = arg;

	redis_mio_want(r, r->interests & ~(unsigned)MIO_READABLE);
}

static inline void
redis_mio_add_write(void *arg)
{
	struct redis_mio *r = arg;

	redis_mio_want(r, r->interests | MIO_WRITABLE);
}

static inline void
redis_mio_del_write(void *arg)
{
	struct redis_mio *r = arg;

	redis_mio_want(r, r->interests & ~(unsigned)MIO_WRITABLE);
}

/* The descriptor is still open, the context about to be freed. */
static inline void
redis_mio_cleanup(void *arg)
{
	struct redis_mio *r = arg;

	redis_mio_want(r, 0);
	r->context = NULL;
}

static inline void
redis_mio_attach(struct redis_mio *r, struct mio_registry *registry,
    redisAsyncContext *context)
{
	r->context = context;
	r->registry = registry;
	r->interests = 0;
	r->error = 0;
	context->ev.data = r;
	context->ev.addRead = redis_mio_add_read;
	context->ev.delRead = redis_mio_del_read;
	context->ev.addWrite = redis_mio_add_write;
	context->ev.delWrite = redis_mio_del_write;
	context->ev.cleanup = redis_mio_cleanup;
}

static inline void
redis_mio_ready(struct redis_mio *r, const struct mio_event *event)
{
	if (!r->context || r->interests == 0)
		return;
	if (mio_event_is_readable(event) && (r->interests & MIO_READABLE))
		redisAsyncHandleRead(r->context);
	/* That may have been its end. */
	if (r->context && mio_event_is_writable(event) &&
	    (r->interests & MIO_WRITABLE))
		redisAsyncHandleWrite(r->context);
}

#endif
