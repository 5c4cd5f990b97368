/* SPDX-License-Identifier: MIT */
/* epoll(7), edge-triggered: all state is the kernel's. */

#include "config.h"
#include "selector.h"

#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "sys/sys.h"

/* EP_MAX_EVENTS of fs/eventpoll.c: more at once is EINVAL. */
#define MAX_EVENTS ((size_t)INT_MAX / sizeof(struct epoll_event))

static int
open_epoll(struct mio_registry *registry)
{
	registry->fd = epoll_create1(EPOLL_CLOEXEC);
	return registry->fd < 0 ? -1 : 0;
}

static void
close_epoll(struct mio_registry *registry)
{
	mio__sys_close(registry->fd);
}

/* By INTERNALS' formulas, and the superset rule of mio_event(3). */
static uint32_t
uncommon_readiness(uint32_t flags)
{
	uint32_t readiness = 0;

	if (flags & (EPOLLIN | EPOLLPRI | EPOLLHUP | EPOLLERR | EPOLLRDHUP))
		readiness |= MIO_READABLE;
	if (flags & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		readiness |= MIO_WRITABLE;
	if (flags & EPOLLPRI)
		readiness |= MIO_PRIORITY;
	if (flags & EPOLLERR)
		readiness |= MIO_ERROR;
	if ((flags & EPOLLHUP) ||
	    ((flags & EPOLLIN) && (flags & EPOLLRDHUP)))
		readiness |= MIO_READ_CLOSED;
	if ((flags & EPOLLHUP) || flags == EPOLLERR ||
	    ((flags & EPOLLOUT) && (flags & EPOLLERR)))
		readiness |= MIO_WRITE_CLOSED;
	return readiness;
}

static inline uint32_t
readiness_of(uint32_t flags)
{
	if (flags & ~(uint32_t)(EPOLLIN | EPOLLOUT))
		return uncommon_readiness(flags);
	/* EPOLLIN is MIO_READABLE, EPOLLOUT is twice MIO_WRITABLE. */
	return (flags & EPOLLIN) | (flags & EPOLLOUT) >> 1;
}

_Static_assert(EPOLLIN == MIO_READABLE && EPOLLOUT == 2 * MIO_WRITABLE,
    "readiness_of relies on it");

static inline void
translate(struct mio_event *list, size_t i)
{
	struct epoll_event native;
	struct mio_event event;

	memcpy(&native, (const char *)list + i * sizeof(native),
	    sizeof(native));
	event.token = (mio_token)native.data.u64;
	event.readiness = readiness_of(native.events);
	event.native = native.events;
	list[i] = event;
}

/*
 * In place: struct epoll_event has 12 bytes on x86, 16 elsewhere, and ours
 * 16 or (32-bit) 12.  So from the end that cannot overtake what is unread.
 */
static void
translate_all(struct mio_event *list, size_t n)
{
	if (sizeof(struct epoll_event) < sizeof(struct mio_event))
		while (n-- > 0)
			translate(list, n);
	else
		for (size_t i = 0; i < n; i++)
			translate(list, i);
}

/* Whole milliseconds; a kernel's limit does not cut the deadline short. */
static int
wait_coarse(int fd, struct epoll_event *native, int max, int64_t timeout_ns)
{
	for (;;) {
		int ms = mio__sys_ms(timeout_ns);
		int n = epoll_wait(fd, native, max, ms);

		if (n != 0 || ms < INT_MAX)
			return n;
		timeout_ns -= (int64_t)INT_MAX * 1000000;
	}
}

static int
wait_timed(struct mio_registry *registry, struct epoll_event *native, int max,
    int64_t timeout_ns)
{
#ifdef HAVE_EPOLL_PWAIT2
	/* Relaxed: a latch of its own, set at worst twice. */
	if (!atomic_load_explicit(&registry->coarse, memory_order_relaxed)) {
		struct timespec timeout = mio__sys_timespec(timeout_ns);
		int n =
		    epoll_pwait2(registry->fd, native, max, &timeout, NULL);

		if (n >= 0 || !mio__sys_refused(errno))
			return n;
		atomic_store_explicit(
		    &registry->coarse, true, memory_order_relaxed);
	}
#endif
	return wait_coarse(registry->fd, native, max, timeout_ns);
}

static int
wait_epoll(struct mio_registry *registry, struct mio_events *events,
    int64_t timeout_ns)
{
	struct epoll_event *native = (void *)events->list;
	int max = events->capacity < MAX_EVENTS ? (int)events->capacity
						: (int)MAX_EVENTS;
	int n;

	if (timeout_ns <= 0)
		n = epoll_wait(
		    registry->fd, native, max, timeout_ns < 0 ? -1 : 0);
	else
		n = wait_timed(registry, native, max, timeout_ns);
	if (n > 0)
		translate_all(events->list, (size_t)n);
	return n;
}

static int
control(struct mio_registry *registry, int op, int fd, mio_token token,
    unsigned interests)
{
	struct epoll_event event = { .events = EPOLLET };

	if (interests & MIO_READABLE)
		event.events |= EPOLLIN | EPOLLRDHUP;
	if (interests & MIO_WRITABLE)
		event.events |= EPOLLOUT;
	if (interests & MIO_PRIORITY)
		event.events |= EPOLLPRI;
	if (interests & MIO_EXCLUSIVE) {
		/* ep_ctl takes none but IN and OUT with it. */
		if (interests & MIO_PRIORITY)
			return mio__fail(EINVAL);
		event.events &= ~(uint32_t)EPOLLRDHUP;
		event.events |= EPOLLEXCLUSIVE;
	}
	event.data.u64 = token;
	return epoll_ctl(registry->fd, op, fd, &event);
}

static int
add_epoll(struct mio_registry *registry, struct mio_source *source,
    mio_token token, unsigned interests)
{
	return control(
	    registry, EPOLL_CTL_ADD, source->handle, token, interests);
}

static int
change_epoll(struct mio_registry *registry, struct mio_source *source,
    mio_token token, unsigned interests)
{
	return control(
	    registry, EPOLL_CTL_MOD, source->handle, token, interests);
}

static int
remove_epoll(struct mio_registry *registry, struct mio_source *source)
{
	return epoll_ctl(registry->fd, EPOLL_CTL_DEL, source->handle, NULL);
}

const struct mio__selector_ops mio__epoll_ops = {
	.name = "epoll",
	.interests = MIO_READABLE | MIO_WRITABLE | MIO_PRIORITY | MIO_EXCLUSIVE,
	.native_size = sizeof(struct epoll_event),
	.open = open_epoll,
	.close = close_epoll,
	.wait = wait_epoll,
	.add = add_epoll,
	.change = change_epoll,
	.remove = remove_epoll,
};
