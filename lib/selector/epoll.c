/* SPDX-License-Identifier: MIT */
/* epoll(7), edge-triggered: all state is the kernel's. */

#include "config.h"
#include "selector.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "sys/cancel.h"
#include "sys/sys.h"

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

/* By mio's formulas, and the superset rule of mio_event(3). */
#define READINESS(e)                                                         \
	((((e) & (EPOLLIN | EPOLLPRI | EPOLLHUP | EPOLLERR | EPOLLRDHUP))    \
		 ? MIO_READABLE                                              \
		 : 0) |                                                      \
	    (((e) & (EPOLLOUT | EPOLLHUP | EPOLLERR)) ? MIO_WRITABLE : 0) |  \
	    (((e) & EPOLLPRI) ? MIO_PRIORITY : 0) |                          \
	    (((e) & EPOLLERR) ? MIO_ERROR : 0) |                             \
	    (((e) & EPOLLHUP) || ((e) & READ_END) == READ_END                \
		    ? MIO_READ_CLOSED                                        \
		    : 0) |                                                   \
	    (((e) & EPOLLHUP) || (e) == EPOLLERR ||                          \
			((e) & WRITE_ERROR) == WRITE_ERROR                   \
		    ? MIO_WRITE_CLOSED                                       \
		    : 0))
#define READ_END (EPOLLIN | EPOLLRDHUP)
#define WRITE_ERROR (EPOLLOUT | EPOLLERR)

/* Of all that epoll reports but EPOLLRDHUP: one load, one store an event. */
#define FLAGS(e) { READINESS(e), (e) }
#define FLAGS4(e) FLAGS(e), FLAGS((e) + 1), FLAGS((e) + 2), FLAGS((e) + 3)
#define COMMON_FLAGS                                                         \
	(EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLERR | EPOLLHUP)

static MIO__COLD struct mio__flags
uncommon_flags(uint32_t native)
{
	struct mio__flags flags = FLAGS(native);

	return flags;
}

static inline struct mio__flags
flags_of(uint32_t native)
{
	return native <= COMMON_FLAGS ? mio__epoll_ops.flags[native]
				      : uncommon_flags(native);
}

/* An event where the kernel wrote it, perhaps not aligned. */
struct native {
	char bytes[sizeof(struct epoll_event)];
};

static inline uint32_t
events_of(const struct native *native)
{
	uint32_t events;

	memcpy(&events, native->bytes + offsetof(struct epoll_event, events),
	    sizeof(events));
	return events;
}

static inline void
put(struct mio_event *event, const struct native *native,
    struct mio__flags flags)
{
	uint64_t token;

	memcpy(&token, native->bytes + offsetof(struct epoll_event, data),
	    sizeof(token));
	event->token = (mio_token)token;
	event->readiness = flags.readiness;
	event->native = flags.native;
	MIO__PROBE3(event, event->token, event->readiness, event->native);
}

/*
 * Where the kernel writes.  If its events are no larger than ours, the token
 * of the first is where it stays.
 */
static inline struct native *
natives(struct mio_events *events)
{
	size_t at = offsetof(struct mio_events, list);

	if (sizeof(struct epoll_event) <= sizeof(struct mio_event))
		at -= offsetof(struct epoll_event, data);
	return (void *)((char *)events + at);
}

/* Whether the four before are `events`, too. */
static inline bool
four_alike(const struct native *from, uint32_t events)
{
	return events_of(from - 1) == events && events_of(from - 2) == events &&
	       events_of(from - 3) == events && events_of(from - 4) == events;
}

static inline void
put_four(struct mio_event *to, const struct native *from,
    struct mio__flags flags)
{
	put(to - 1, from - 1, flags);
	put(to - 2, from - 2, flags);
	put(to - 3, from - 3, flags);
	put(to - 4, from - 4, flags);
}

/*
 * In place: struct epoll_event has 12 bytes on x86, 16 elsewhere, and ours
 * 16 or (32-bit) 12.  So from the end that cannot overtake what is unread.
 */
static inline void
translate(struct mio_events *into, size_t n)
{
	const struct native *from = natives(into);
	struct mio_event *to = into->list;

	if (sizeof(*from) > sizeof(*to)) {
		for (; n-- > 0; from++, to++)
			put(to, from, flags_of(events_of(from)));
		return;
	}
	from += n;
	to += n;
	while (n-- > 0) {
		uint32_t events = events_of(--from);
		struct mio__flags flags = flags_of(events);

		put(--to, from, flags);
		/* Those of one wait are mostly alike: some more at once. */
		for (; n >= 8 && four_alike(from, events) &&
		     four_alike(from - 4, events);
		     from -= 8, to -= 8, n -= 8) {
			put_four(to, from, flags);
			put_four(to - 4, from - 4, flags);
		}
		if (n >= 4 && four_alike(from, events)) {
			put_four(to, from, flags);
			from -= 4, to -= 4, n -= 4;
		}
	}
}

static MIO__NOINLINE int
received_many(struct mio_registry *registry, struct mio_events *events, int n)
{
	translate(events, (size_t)n);
	return mio__waited(registry, events, n);
}

/* In a function of its own, which has no registers to save. */
static MIO__NOINLINE int
received_not_one(struct mio_registry *registry, int n)
{
	struct mio_events *events = mio__waiting(registry);

	if (n > 0)
		return received_many(registry, events, n);
	return mio__waited(registry, events, n);
}

static inline int
received(struct mio_registry *registry, int n)
{
	struct mio_events *events;
	size_t native;
	struct mio__flags flags;

	if (n != 1)
		return received_not_one(registry, n);
	/* Most waits find one: as short as it gets. */
	events = mio__waiting(registry);
	native = events_of(natives(events));
	/* Relaxed: as in mio__waited. */
	if (native <=
	    atomic_load_explicit(&registry->plain, memory_order_relaxed)) {
		flags = registry->ops.flags[native];
	} else {
		flags = flags_of(events_of(natives(events)));
		mio__see_wakes(registry);
	}
	put(events->list, natives(events), flags);
	return mio__waited_plain(registry, events, n);
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
wait_fine(struct mio_registry *registry, struct epoll_event *native, int max,
    int64_t timeout_ns)
{
#ifdef HAVE_EPOLL_PWAIT2
	/* Relaxed: a latch of its own, set at worst twice. */
	if (!atomic_load_explicit(&registry->coarse, memory_order_relaxed)) {
		struct timespec timeout = mio__sys_timespec(timeout_ns);
		int n = epoll_pwait2(
		    registry->fd, native, max, &timeout, NULL);

		if (n >= 0 || !mio__sys_refused(errno))
			return n;
		atomic_store_explicit(
		    &registry->coarse, true, memory_order_relaxed);
	}
#endif
	return wait_coarse(registry->fd, native, max, timeout_ns);
}

static MIO__NOINLINE int
wait_uncommon(struct mio_registry *registry, struct mio_events *events,
    int64_t timeout_ns)
{
	int n;

	MIO__UNDO_PUSH(mio__wait_cancelled, registry);
	n = wait_fine(
	    registry, (void *)natives(events), events->limit, timeout_ns);
	MIO__UNDO_POP();
	return received(registry, n);
}

/* epoll_pwait2 costs the kernel more, so it is for odd timeouts. */
static MIO__NOINLINE int
wait_timed(struct mio_registry *registry, struct mio_events *events,
    int64_t timeout_ns)
{
	int64_t ms = timeout_ns / 1000000;
	int n;

	if (ms > INT_MAX || ms * 1000000 != timeout_ns)
		return wait_uncommon(registry, events, timeout_ns);
	MIO__UNDO_PUSH(mio__wait_cancelled, registry);
	n = epoll_wait(registry->fd, (void *)natives(events), events->limit,
	    (int)ms);
	MIO__UNDO_POP();
	return received(registry, n);
}

/*
 * Functions of their own, so that each wait saves no more than it must.  With
 * a timeout the kernel sets up a timer before it looks for events; so look
 * without one first, unless the last looks were in vain.
 */
static MIO__NOINLINE int
look_or_wait_timed(struct mio_registry *registry, struct mio_events *events,
    int64_t timeout_ns)
{
	int n;

	if (timeout_ns != 0 && registry->in_vain != 0) {
		registry->in_vain--;
		return wait_timed(registry, events, timeout_ns);
	}
	registry->timeout = timeout_ns; /* not in a register to be saved */
	MIO__UNDO_PUSH(mio__wait_cancelled, registry);
	n = epoll_wait(
	    registry->fd, (void *)natives(events), events->limit, 0);
	MIO__UNDO_POP();
	if (n != 0 || registry->timeout == 0)
		return received(registry, n);
	registry->in_vain = MIO__AFTER_VAIN;
	return wait_timed(
	    registry, mio__waiting(registry), registry->timeout);
}

/*
 * events->limit is below EP_MAX_EVENTS of fs/eventpoll.c, which counts in
 * units no larger than ours.
 */
MIO__INLINE int
mio__epoll_wait(struct mio_registry *registry, struct mio_events *events,
    int64_t timeout_ns)
{
	int n;

	if (timeout_ns >= 0)
		return look_or_wait_timed(registry, events, timeout_ns);
	MIO__UNDO_PUSH(mio__wait_cancelled, registry);
	n = epoll_wait(
	    registry->fd, (void *)natives(events), events->limit, -1);
	MIO__UNDO_POP();
	return received(registry, n);
}

static MIO__COLD int
control_uncommon(struct mio_registry *registry, int op, int fd,
    mio_token token, unsigned interests)
{
	struct epoll_event event = { .events = 0 };

	if (mio__bad_interests(registry, interests) < 0)
		return -1;
	if ((interests & MIO_LEVEL) == 0)
		event.events |= EPOLLET;
	if (interests & MIO_READABLE)
		event.events |= EPOLLIN | EPOLLRDHUP;
	if (interests & MIO_WRITABLE)
		event.events |= EPOLLOUT;
	if (interests & MIO_PRIORITY)
		event.events |= EPOLLPRI;
	if (interests & MIO_EXCLUSIVE) {
		/* EPOLLEXCLUSIVE_OK_BITS: no more than IN and OUT with it. */
		event.events &= ~(uint32_t)EPOLLRDHUP;
		event.events |= EPOLLEXCLUSIVE;
	}
	event.data.u64 = token;
	return epoll_ctl(registry->fd, op, fd, &event);
}

/* Readable, writable or both. */
static inline bool
common(unsigned interests)
{
	return interests - 1 < MIO_READABLE + MIO_WRITABLE;
}

MIO__INLINE int
mio__epoll_add(struct mio_registry *registry, int fd, mio_token token,
    unsigned interests, struct mio_source *source)
{
	/*
	 * One object, so that `source` waits in memory, not in a register
	 * that would have to be saved: it is wanted after a failure only.
	 */
	struct {
		struct epoll_event event;
		struct mio_source *source;
	} call;
	int result;

	call.source = source;
	if (common(interests)) {
		call.event.events = registry->ops.common[interests - 1];
		call.event.data.u64 = token;
		result = epoll_ctl(
		    registry->fd, EPOLL_CTL_ADD, fd, &call.event);
	} else {
		result = control_uncommon(
		    registry, EPOLL_CTL_ADD, fd, token, interests);
	}
	return result == 0 ? result : mio__not_added(call.source);
}

MIO__INLINE int
mio__epoll_change(struct mio_registry *registry, int fd, mio_token token,
    unsigned interests, struct mio_source *source)
{
	struct epoll_event event;

	(void)source;
	if (!common(interests))
		return control_uncommon(
		    registry, EPOLL_CTL_MOD, fd, token, interests);
	event.events = registry->ops.common[interests - 1];
	event.data.u64 = token;
	return epoll_ctl(registry->fd, EPOLL_CTL_MOD, fd, &event);
}

MIO__INLINE int
mio__epoll_remove(struct mio_registry *registry, int fd)
{
	return epoll_ctl(registry->fd, EPOLL_CTL_DEL, fd, NULL);
}

const struct mio__selector_ops mio__epoll_ops = {
	.name = "epoll",
	.interests = MIO_READABLE | MIO_WRITABLE | MIO_PRIORITY |
		     MIO_EXCLUSIVE | MIO_LEVEL,
	.native_size = sizeof(struct epoll_event),
	.common = {
		[MIO_READABLE - 1] = EPOLLET | EPOLLIN | EPOLLRDHUP,
		[MIO_WRITABLE - 1] = EPOLLET | EPOLLOUT,
		[MIO_READABLE + MIO_WRITABLE - 1] =
		    EPOLLET | EPOLLIN | EPOLLRDHUP | EPOLLOUT,
	},
	.flags = { FLAGS4(0), FLAGS4(4), FLAGS4(8), FLAGS4(12), FLAGS4(16),
	    FLAGS4(20), FLAGS4(24), FLAGS4(28) },
	.plain = COMMON_FLAGS,
	.open = open_epoll,
	.close = close_epoll,
	.wait = mio__epoll_wait,
	.add = mio__epoll_add,
	.change = mio__epoll_change,
	.remove = mio__epoll_remove,
};
