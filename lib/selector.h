/* SPDX-License-Identifier: MIT */
/*
 * The contract between the portable front (poll.c, registry.c, source.c,
 * waker.c) and the selectors in selector/.  A new selector is one file that
 * defines one `struct mio__selector_ops`, and its name in the list of
 * m4/mio-backends.m4.
 */

#ifndef MIO_SELECTOR_H
#define MIO_SELECTOR_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <mio.h>

#include "probes.h"
#include "sys/sys.h"

/* What is rare stays out of the way of what is not. */
#if defined(__GNUC__)
#define MIO__COLD __attribute__((cold, noinline))
#define MIO__NOINLINE __attribute__((noinline))
#else
#define MIO__COLD
#define MIO__NOINLINE
#endif

/* For -flto; clang asks for nothing, and calls it pedantry. */
#if defined(__GNUC__) && !defined(__clang__)
#define MIO__INLINE inline
#else
#define MIO__INLINE
#endif

/* Waits that do without a look at what is there after one was in vain. */
#define MIO__AFTER_VAIN 8

struct mio__backend;
struct mio_registry;

/*
 * Waits (timeout_ns < 0: for ever, 0: not at all, else at least so long, one
 * deadline), fills events->list with at most `limit` events; the rest must
 * come with the next call, in turn.  Returns through mio__waited how many, or
 * -1 and errno (EINTR included); if its thread is cancelled, through
 * mio__wait_cancelled.  Never allocates.
 * 0 only when the time ran out.  Each event has readable or writable set; a
 * hang-up or error says both.  Edge-triggered: after an event the next comes
 * for a new change only, but with MIO_LEVEL as long as it is so.  A waker's
 * descriptor that is not edge-triggered by nature is drained before this
 * returns.  Called by one thread at a time.
 */
typedef int mio__wait_call(struct mio_registry *registry,
    struct mio_events *events, int64_t timeout_ns);

/*
 * Start, change and stop watching `fd`: that of `source`, or, if it is NULL,
 * one that stays the caller's.  Any thread, also during a wait, which sees
 * the change at once.  A failure (EBADF, EEXIST, ENOENT, EPERM, EINVAL,
 * ENOMEM, ENOSPC) changes nothing, and a failing `add` returns
 * mio__not_added.  `interests` may be anything; mio__bad_interests sets the
 * errno for what is wrong.  `add` and `change` report what is ready now;
 * after `remove` the token is never reported again.  They may keep state in
 * source->priv[1], and refuse what has no source with ENOTSUP if they cannot
 * do without.
 */
typedef int mio__add_call(struct mio_registry *registry, int fd,
    mio_token token, unsigned interests, struct mio_source *source);
typedef mio__add_call mio__change_call;
typedef int mio__remove_call(struct mio_registry *registry, int fd);

struct mio__selector_ops {
	const char *name;
	unsigned interests; /* those it knows: see mio__bad_interests */
	size_t native_size; /* of one event as the kernel writes it */
	/* What it makes of the interests 1, 2 and 3, if that helps it. */
	uint32_t common[MIO_READABLE + MIO_WRITABLE];
	/* The same of the native flags up to `plain`: half an event. */
	struct mio__flags {
		uint32_t readiness;
		uint32_t native;
	} flags[32];
	size_t plain;

	/*
	 * Makes the selector: registry->fd (close-on-exec) and ->state.
	 * -1 and errno leaves nothing behind.
	 */
	int (*open)(struct mio_registry *registry);
	/*
	 * The last handle is gone: closes descriptors.  Nobody waits or
	 * registers any more, but sources may still be closed.  Must not
	 * disturb another process that inherited the selector (fork).
	 */
	void (*close)(struct mio_registry *registry);
	/* The last source and waker are gone too: frees state.  Optional. */
	void (*destroy)(struct mio_registry *registry);

	mio__wait_call *wait;
	mio__add_call *add;
	mio__change_call *change;
	mio__remove_call *remove;

	/*
	 * I/O returned EAGAIN in `directions`: report their next edge.  0:
	 * none of them, but a hang-up or error reported before may be over.
	 * NULL where the kernel's edges need no help; else `add` takes
	 * MIO__KIND_DIRECT from a source.
	 */
	int (*rearm)(
	    struct mio_registry *registry, int fd, unsigned directions);
	/*
	 * A registered source is about to be closed, perhaps after `close`
	 * and perhaps in a forked child.  NULL where close(2) says it all.
	 */
	void (*closing)(struct mio_registry *registry, int fd);
};

/* The flags of so many wakers: see waker.c. */
struct mio__wakes {
	atomic_uint taken; /* a bit for each of them */
	atomic_uint pending[16];
	_Atomic(struct mio__wakes *) more;
};

/*
 * What a poll, its registry and their references are: one object with two
 * counts.  `handles` (the poll, references): at 0 the selector is closed.
 * `memory` (the handles together, each registered source, each waker): at 0
 * the object is freed, for sources and wakers outlive polls all the time.
 */
struct mio_registry {
	/* What the mio_poll under way fills, or NULL. */
	_Atomic(struct mio_events *) waiting;
	struct mio__selector_ops ops; /* a copy saves the hot calls a load */
	int fd;               /* the selector's own descriptor, or -1 */
	atomic_bool coarse;   /* selector's latch: no fine-grained wait here */
	unsigned in_vain;     /* epoll's: so many waits do not look before */
	int64_t timeout;      /* epoll's, of the look under way */
	atomic_bool triggers; /* kqueue's: of raw descriptors not all alike */
	/* ops.plain, or 0 once there was a waker: then look at `wakes`. */
	atomic_size_t plain;
	struct mio__wakes wakes;
	void *state;          /* the selector's; NULL where the kernel has it */
	const struct mio__backend *backend;
	atomic_size_t handles;
	atomic_size_t memory;
	/* A forked child must leave the kernel's state alone. */
	struct mio__process owner;
};

/*
 * `list` has room for `capacity` events, and for as many of any selector's
 * native events (ops->native_size), which are translated in place.  It and
 * `head` are what MIO_EVENTS_FOREACH reads, in programs that -flto may inline
 * this library into: the type is the one that they see (<mio/event.h>).
 */
struct mio_events {
	struct mio_events_head head;
	size_t capacity;
	int limit; /* capacity, or the most that kernels count to */
	uint64_t before; /* room for what a native event has before its token */
	_Alignas(8) struct mio_event list[];
};

/* How many events there are. */
static inline void
mio__set_count(struct mio_events *events, int n)
{
	if (n <= 0) {
		events->list[0].native = MIO_EVENTS_NONE_;
		events->head.last = events->list;
		n = 0;
	}
	events->head.end = events->list + n;
}

/*
 * A source is {descriptor, kind, priv[0]: its registry or NULL, priv[1]: the
 * selector's}.  `kind` is the address family of a socket, 0 for another
 * file, and these; 0 in all is a source that is closed or was never filled.
 * A kind whose I/O is no system call (a Windows pipe) gets a value of its own
 * here and its calls in sys/.
 */
#define MIO__FAMILY(kind) ((int)((kind) & 0xffffu))
#define MIO__KIND_QUIET_PIPE 0x10000u /* takes RWF_NOSIGNAL */
#define MIO__KIND_STREAM 0x20000u     /* Internet: short transfers tell */
#define MIO__KIND_WAKER 0x40000u      /* a waker's descriptor: see `wait` */
#define MIO__KIND_DATAGRAM 0x80000u   /* a socket that is no stream */
#define MIO__KIND_DIRECT 0x100000u    /* I/O need not tell the selector */
#define MIO__KIND_OPEN 0x200000u      /* all that are open */
#define MIO__KIND_LEVEL 0x400000u     /* kqueue: registered with MIO_LEVEL */
#define MIO__KIND_END 0x800000u       /* kqueue: with the end filter */
/* What every source is made with, and what its file makes of it. */
#define MIO__KIND_MADE (MIO__KIND_OPEN | MIO__KIND_DIRECT)
#define MIO__KIND_FILE                                                       \
	(0xffffu | MIO__KIND_QUIET_PIPE | MIO__KIND_STREAM |                 \
	    MIO__KIND_DATAGRAM)

/* Every selector there is; configure's list says which are compiled. */
#define MIO__DECLARE(name)                                                   \
	extern const struct mio__selector_ops mio__##name##_ops;             \
	mio__wait_call mio__##name##_wait;                                   \
	mio__add_call mio__##name##_add;                                     \
	mio__change_call mio__##name##_change;                               \
	mio__remove_call mio__##name##_remove
MIO__DECLARE(epoll);
MIO__DECLARE(kqueue);
MIO__DECLARE(poll);
#undef MIO__DECLARE

/*
 * MIO__CALL(registry, wait)(...) calls it.  A build with one backend knows
 * which: that is what -flto can inline.
 */
#define MIO__NAME_(backend, call) mio__##backend##_##call
#define MIO__NAME(backend, call) MIO__NAME_(backend, call)
#ifdef MIO_ONLY_SELECTOR
#define MIO__CALL(registry, call) MIO__NAME(MIO_ONLY_SELECTOR, call)
#else
#define MIO__CALL(registry, call) (registry)->ops.call
#endif

struct mio__waker_ops;

/* A row of configure's list, best first: selector/table.c. */
struct mio__backend {
	const char *name;
	const struct mio__selector_ops *selector;
	const struct mio__waker_ops *waker; /* NULL: has no wakers */
};

/* NULL: the default.  NULL is returned with EINVAL or ENOTSUP. */
const struct mio__backend *mio__backend_find(const char *name);
/* The largest native event of this build's selectors. */
size_t mio__native_size(void);

void mio__wakes_init(struct mio__wakes *wakes);

/* For callers that hold no handle: false if the selector is closed. */
bool mio__registry_hold(struct mio_registry *registry);
void mio__registry_free(struct mio_registry *registry) MIO__COLD;

/* What `add` returns when it fails: undoes the front's part for a source. */
int mio__not_added(struct mio_source *source) MIO__COLD;
/* -1 and EINVAL or ENOTSUP if there is something wrong with them, else 0. */
int mio__bad_interests(
    const struct mio_registry *registry, unsigned interests) MIO__COLD;
int mio__fail(int error) MIO__COLD;

/* The two parts of mio__waited: who sees `plain` above 0 spares the first. */
static inline void
mio__see_wakes(struct mio_registry *registry)
{
	struct mio__wakes *wakes = &registry->wakes;

	/*
	 * Relaxed: a waker takes its flag, and sets it, before it signals; so
	 * the kernel, which carries the signal, carries these.  Acquire: what
	 * was done before the wake; and what `more` leads to.
	 */
	do {
		unsigned taken =
		    atomic_load_explicit(&wakes->taken, memory_order_relaxed);

		for (atomic_uint *flag = wakes->pending; taken != 0;
		     flag++, taken >>= 1)
			if (atomic_load_explicit(flag, memory_order_relaxed))
				atomic_exchange_explicit(
				    flag, 0, memory_order_acquire);
		wakes =
		    atomic_load_explicit(&wakes->more, memory_order_acquire);
	} while (wakes != NULL);
}

static inline int
mio__waited_plain(
    struct mio_registry *registry, struct mio_events *events, int n)
{
	mio__set_count(events, n);
	MIO__PROBE2(poll_return, registry, n);
	/* Release: what this thread did to the poll is the next one's. */
	atomic_store_explicit(&registry->waiting, NULL, memory_order_release);
	return n;
}

/*
 * The end of every wait: `n` events (or -1) are in the list.  The selector
 * calls it, not mio_poll, which so has nothing to do after the wait.
 */
static inline int
mio__waited(struct mio_registry *registry, struct mio_events *events, int n)
{
	/* Relaxed: a waker is made, and this 0, before it is signalled. */
	if (atomic_load_explicit(&registry->plain, memory_order_relaxed) == 0)
		mio__see_wakes(registry);
	return mio__waited_plain(registry, events, n);
}

/* The events of the wait under way; for its thread. */
static inline struct mio_events *
mio__waiting(struct mio_registry *registry)
{
	/* Relaxed: this thread has set it. */
	return atomic_load_explicit(&registry->waiting, memory_order_relaxed);
}

/* For MIO__UNDO_PUSH. */
static inline void
mio__wait_cancelled(void *registry)
{
	mio__waited(registry, mio__waiting(registry), 0);
}

/* Stops watching what is about to be another's or nobody's: cannot fail. */
static inline void
mio__registry_drop(struct mio_registry *registry, int fd)
{
	if (registry->ops.closing != NULL)
		registry->ops.closing(registry, fd);
	else
		registry->ops.remove(registry, fd);
}

/* One more that needs the object's memory. */
static inline void
mio__registry_keep(struct mio_registry *registry)
{
	/* Relaxed: the caller's handle keeps it alive meanwhile. */
	atomic_fetch_add_explicit(&registry->memory, 1, memory_order_relaxed);
}

/* One less. */
static inline void
mio__registry_release(struct mio_registry *registry)
{
	/*
	 * Acquire and release: who takes the last one sees what all others
	 * did with theirs.
	 */
	if (atomic_fetch_sub_explicit(
		&registry->memory, 1, memory_order_acq_rel) == 1)
		mio__registry_free(registry);
}

#endif
