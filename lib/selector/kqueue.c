/* SPDX-License-Identifier: MIT */
/*
 * kqueue(2): a filter for each direction of a source, cleared by being
 * reported (EV_CLEAR) unless it is a level.  All state is the kernel's; to keep
 * a failed change from losing the token and the trigger that the kernel had,
 * they are in source->priv[1] and ->kind too.
 * Of raw descriptors nothing is known: a second EV_ADD changes the first, a
 * change or removal of what was not there succeeds, and what fails halfway
 * stays halfway.
 *
 * No kernel lets a second EV_ADD change EV_CLEAR: it takes fflags, data and
 * udata and leaves the flags (kqueue_register of FreeBSD, NetBSD, OpenBSD and
 * DragonFly, kevent_register of XNU; kern_event.c).  So what may be triggered
 * otherwise than is wanted is deleted first.  Nothing is lost in between: the
 * EV_ADD runs the filter.
 *
 * What tells the writer of a pipe that its reader is gone, if the pipe is full
 * (NetBSD's and OpenBSD's pipe_destroy and pipeclose notify before they set
 * PIPE_EOF), or was gone before (EPIPE, or EBADF), is the filter for reading
 * of the writing end.  So who is to be told of writing alone gets that, too:
 * the end filter, which is known by the EV_RECEIPT that it lacks, and of which
 * only the end of the file is reported.
 */

#include "config.h"
#include "selector.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "selector/kqueue.h"
#include "sys/cancel.h"
#include "sys/sys.h"

/*
 * What every kernel takes and does not cut short without saying so: XNU and
 * DragonFly have limits of their own, others count ticks in an int.
 */
#define LONGEST_WAIT (86400 * MIO_SEC)

#define WATCH_LEVEL (EV_ADD | EV_RECEIPT)
#define WATCH (WATCH_LEVEL | EV_CLEAR)
#define FORGET (EV_DELETE | EV_RECEIPT)

/*
 * What becomes of a filter: these, and MIO_LEVEL.  0: it is deleted.  The
 * values are apart from MIO_LEVEL.
 */
enum { WATCHED = 1, ANEW = 2, FOR_END = 4 };

/* Whose pipes need the end filter; elsewhere nobody has tried it. */
#if defined(__FreeBSD__) || defined(__NetBSD__) || defined(__OpenBSD__) ||   \
    defined(MIO_MODEL_KQUEUE)
#define PIPES_NEED_HELP 1
#else
#define PIPES_NEED_HELP 0
#endif

/* NetBSD and OpenBSD have the names of these filters, but no requests. */
#if defined(__FreeBSD__) || defined(__DragonFly__) || defined(__APPLE__) ||  \
    defined(MIO_MODEL_KQUEUE)
#define KNOWS_AIO MIO_AIO
#else
#define KNOWS_AIO 0u
#endif
#if defined(__FreeBSD__) || defined(MIO_MODEL_KQUEUE)
#define KNOWS_LIO MIO_LIO
#else
#define KNOWS_LIO 0u
#endif

/* OpenBSD's kevent(2) is no cancellation point, nor is NetBSD's. */
#if defined(__OpenBSD__) || defined(__NetBSD__) || defined(MIO_MODEL_KQUEUE)
#define WAITS_UNCANCELLABLE 1
#else
#define WAITS_UNCANCELLABLE 0
#endif

/* What is asked for a descriptor, and what each change's receipt said. */
struct request {
	struct kevent changes[4];
	int errors[4];
	int count;
};

int
mio__kqueue_submit(
    int kq, const struct kevent *changes, struct kevent *receipts, int count)
{
	static const struct timespec none = { 0, 0 };
	/* A cancellation point, which its callers must not be. */
	const int cancel = mio__sys_uncancellable();
	int n;

	/* With EINTR the changes were made: the same again does no harm. */
	do
		n = kevent(kq, changes, MIO__KEVENTS(count), receipts,
		    MIO__KEVENTS(count), &none);
	while (n < 0 && errno == EINTR);
	mio__sys_uncancellable_end(cancel);
	return n < 0 ? -1 : 0;
}

int
mio__kqueue_error(const struct kevent *receipt)
{
	return receipt->flags & EV_ERROR ? (int)receipt->data : 0;
}

static int
open_kqueue(struct mio_registry *registry)
{
	atomic_init(&registry->triggers, false);
	registry->fd = kqueue();
	if (registry->fd < 0)
		return -1;
	if (mio__sys_cloexec(registry->fd) < 0) {
		mio__sys_close(registry->fd);
		return -1;
	}
	return 0;
}

static void
close_kqueue(struct mio_registry *registry)
{
	/* A forked child has no kqueue: the number may be another file. */
	if (mio__sys_process_is_this(&registry->owner))
		mio__sys_close(registry->fd);
}

/* udata is a pointer on most systems, an integer on older ones. */
static void
set_token(struct kevent *change, mio_token token)
{
	_Static_assert(sizeof(change->udata) == sizeof(token), "udata");
	memcpy(&change->udata, &token, sizeof(token));
}

static void
request_filter(struct request *request, struct kevent change, mio_token token,
    unsigned how)
{
	set_token(&change, token);
	if ((how & ANEW) || !(how & WATCHED)) {
		change.flags = FORGET;
		request->changes[request->count++] = change;
	}
	if (how & WATCHED) {
		change.flags = how & MIO_LEVEL ? WATCH_LEVEL : WATCH;
		/* The last of the changes, so no other receipt moves up. */
		if ((how & FOR_END) && change.filter == EVFILT_READ)
			change.flags &= (unsigned short)~EV_RECEIPT;
		request->changes[request->count++] = change;
	}
}

static void
request_write(struct request *request, int fd, mio_token token, unsigned how)
{
	struct kevent change = { .ident = (uintptr_t)fd,
		.filter = EVFILT_WRITE };

	request_filter(request, change, token, how);
}

static void
request_read(struct request *request, int fd, mio_token token, unsigned how)
{
	struct kevent change = { .ident = (uintptr_t)fd,
		.filter = EVFILT_READ };

	request_filter(request, change, token, how);
}

/* Whether this is a pipe that can be written to. */
static bool
is_writers_pipe(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) &&
	       (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY;
}

/* FOR_END if that filter is needed; else 0. */
static inline unsigned
end_filter(int fd, unsigned interests, const struct mio_source *source)
{
	if (!PIPES_NEED_HELP ||
	    (interests & (MIO_READABLE | MIO_WRITABLE)) != MIO_WRITABLE ||
	    (source != NULL && MIO__FAMILY(source->kind) != AF_UNSPEC) ||
	    !is_writers_pipe(fd))
		return 0;
	return FOR_END;
}

/*
 * A pipe whose other end is gone, which other systems report as an event:
 * EPIPE, or on NetBSD EBADF although the descriptor is open (pipe_kqfilter).
 */
static MIO__COLD bool
has_no_reader(const struct kevent *change, int error)
{
	if (error == EBADF && change->filter == EVFILT_WRITE)
		return fcntl((int)change->ident, F_GETFD) >= 0;
	return error == EPIPE;
}

/* What the registration does without. */
static MIO__COLD bool
may_fail(const struct kevent *change, int error)
{
	return (change->flags & EV_RECEIPT) == 0 ||
	       has_no_reader(change, error);
}

/* Of the errors, the first is the call's. */
static int
make(struct mio_registry *registry, struct request *request)
{
	struct kevent receipts[4] = { { 0 }, { 0 }, { 0 }, { 0 } };
	int failure = 0;

	if (request->count == 0)
		return 0;
	if (mio__kqueue_submit(
		registry->fd, request->changes, receipts, request->count) < 0) {
		request->count = 0;
		return -1;
	}
	for (int i = 0; i < request->count; i++) {
		const struct kevent *change = &request->changes[i];
		int error = mio__kqueue_error(&receipts[i]);

		request->errors[i] = error;
		if (error == 0 || failure != 0)
			continue;
		/* ENOENT: it was not there, as wanted. */
		if (change->flags & EV_DELETE ? error != ENOENT
					      : !may_fail(change, error))
			failure = error;
	}
	return failure != 0 ? mio__fail(failure) : 0;
}

/* Of an `add` that failed: what was made of it goes. */
static MIO__COLD void
unmake(struct mio_registry *registry, const struct request *request)
{
	struct request undo = { .count = 0 };
	int error = errno;

	for (int i = 0; i < request->count; i++)
		if (request->errors[i] == 0 &&
		    (request->changes[i].flags & EV_ADD))
			request_filter(&undo, request->changes[i], 0, 0);
	make(registry, &undo);
	errno = error;
}

/* How the filters of a source are triggered. */
static inline unsigned
trigger_of(const struct mio_source *source)
{
	return (source->kind & MIO__KIND_LEVEL ? MIO_LEVEL : 0) |
	       (source->kind & MIO__KIND_END ? FOR_END : 0);
}

/*
 * Of a `change` that failed: the filters that the source had get the token
 * and the trigger that they had, the others go.
 */
static MIO__COLD void
restore(struct mio_registry *registry, const struct request *request,
    const struct mio_source *source, unsigned anew)
{
	const mio_token token = (mio_token)source->priv[1];
	const unsigned how = anew | trigger_of(source);
	struct request undo = { .count = 0 };
	int error = errno;

	for (int i = 0; i < request->count; i++) {
		const struct kevent *change = &request->changes[i];
		int result = request->errors[i];

		/*
		 * What was deleted first tells what there was.  Else what
		 * cannot be added was not there, so the other one was.
		 */
		if (anew ? change->flags & EV_DELETE : result == 0)
			request_filter(&undo, *change, token,
			    result != ENOENT ? how | WATCHED : how);
	}
	make(registry, &undo);
	errno = error;
}

/*
 * The trigger wanted for a raw descriptor, of which `end` is what end_filter
 * says; ANEW if it may have another.
 */
static inline unsigned
raw_trigger(struct mio_registry *registry, unsigned interests, unsigned end)
{
	unsigned how = (interests & MIO_LEVEL) | end;

	/* Relaxed: who changes a registration knows that it was made. */
	if (how != 0)
		atomic_store_explicit(
		    &registry->triggers, true, memory_order_relaxed);
	else if (!atomic_load_explicit(
		     &registry->triggers, memory_order_relaxed))
		return 0;
	return how | ANEW;
}

static inline unsigned
source_trigger(
    const struct mio_source *source, unsigned interests, unsigned end)
{
	unsigned how = (interests & MIO_LEVEL) | end;

	return how != trigger_of(source) ? how | ANEW : how;
}

static inline void
remember(struct mio_source *source, mio_token token, unsigned how)
{
	if (source == NULL)
		return;
	source->priv[1] = (void *)token;
	source->kind &= ~(MIO__KIND_LEVEL | MIO__KIND_END);
	if (how & MIO_LEVEL)
		source->kind |= MIO__KIND_LEVEL;
	if (how & FOR_END)
		source->kind |= MIO__KIND_END;
}

/* Readable, writable or both. */
static inline bool
common(unsigned interests)
{
	return interests - 1 < MIO_READABLE + MIO_WRITABLE;
}

/* NetBSD hangs with a kqueue that watches itself. */
static inline int
check(const struct mio_registry *registry, int fd, unsigned interests)
{
	if (fd == registry->fd)
		return mio__fail(EINVAL);
	return common(interests) ? 0 : mio__bad_interests(registry, interests);
}

/*
 * AIO and LIO have no filter here: the request itself names the kqueue, and
 * the token (SIGEV_KEVENT of sigevent(3)).
 */
int
mio__kqueue_add(struct mio_registry *registry, int fd, mio_token token,
    unsigned interests, struct mio_source *source)
{
	struct request request = { .count = 0 };
	unsigned end, how;

	if (check(registry, fd, interests) < 0)
		return mio__not_added(source);
	end = end_filter(fd, interests, source);
	how = source != NULL ? (interests & MIO_LEVEL) | end
			     : raw_trigger(registry, interests, end);
	if (interests & MIO_WRITABLE)
		request_write(&request, fd, token, how | WATCHED);
	if ((interests & MIO_READABLE) || end != 0)
		request_read(&request, fd, token, how | WATCHED);
	if (make(registry, &request) < 0) {
		unmake(registry, &request);
		return mio__not_added(source);
	}
	remember(source, token, how);
	return 0;
}

int
mio__kqueue_change(struct mio_registry *registry, int fd, mio_token token,
    unsigned interests, struct mio_source *source)
{
	struct request request = { .count = 0 };
	unsigned end, how;

	if (check(registry, fd, interests) < 0)
		return -1;
	end = end_filter(fd, interests, source);
	how = source != NULL ? source_trigger(source, interests, end)
			     : raw_trigger(registry, interests, end);
	request_write(&request, fd, token,
	    interests & MIO_WRITABLE ? how | WATCHED : how);
	request_read(&request, fd, token,
	    (interests & MIO_READABLE) || end != 0 ? how | WATCHED : how);
	if (make(registry, &request) < 0) {
		if (source != NULL)
			restore(registry, &request, source, how & ANEW);
		return -1;
	}
	remember(source, token, how);
	return 0;
}

int
mio__kqueue_remove(struct mio_registry *registry, int fd)
{
	struct request request = { .count = 0 };

	request_write(&request, fd, 0, 0);
	request_read(&request, fd, 0, 0);
	return make(registry, &request);
}

static inline bool
is_end_filter(const struct kevent *native)
{
	return PIPES_NEED_HELP && native->filter == EVFILT_READ &&
	       (native->flags & EV_RECEIPT) == 0;
}

/* By mio's formulas, and the superset rule of mio_event(3). */
static uint32_t
readiness_of(const struct kevent *native)
{
	bool closed = native->flags & EV_EOF;
	uint32_t readiness = 0;

	switch (native->filter) {
	case EVFILT_READ:
		readiness = is_end_filter(native)
		    ? MIO_WRITABLE | MIO_WRITE_CLOSED
		    : MIO_READABLE | (closed ? MIO_READ_CLOSED : 0);
		break;
	case EVFILT_WRITE:
		readiness = MIO_WRITABLE | (closed ? MIO_WRITE_CLOSED : 0);
		break;
#ifdef EVFILT_AIO
	case EVFILT_AIO:
		readiness = MIO_AIO;
		break;
#endif
#ifdef EVFILT_LIO
	case EVFILT_LIO:
		readiness = MIO_LIO;
		break;
#endif
	default: /* EVFILT_USER: a waker */
		readiness = MIO_READABLE;
	}
	if ((native->flags & EV_ERROR) || (closed && native->fflags != 0))
		readiness |= MIO_ERROR | MIO_READABLE | MIO_WRITABLE;
	return readiness;
}

_Static_assert(sizeof(struct kevent) >= sizeof(struct mio_event),
    "or the translation would overtake what is unread");

/*
 * A pipe that is used both ways, as a level: what lies there unread would end
 * each wait.
 */
static MIO__COLD void
give_up_end(int kq, const struct kevent *native)
{
	struct kevent change = *native, receipt;

	change.flags = FORGET;
	mio__kqueue_submit(kq, &change, &receipt, 1);
}

/*
 * The end filter has nothing to say but the end, which the filter for writing
 * may say as well, right before or after it.
 */
static inline bool
is_news(int kq, const struct kevent *native, const struct kevent *last)
{
	if ((native->flags & EV_EOF) == 0) {
		if (!is_end_filter(native))
			return true;
		if ((native->flags & EV_CLEAR) == 0)
			give_up_end(kq, native);
		return false;
	}
	return native->ident != last->ident || (last->flags & EV_EOF) == 0 ||
	       is_end_filter(native) == is_end_filter(last);
}

/*
 * In place, from the start: struct kevent is the larger one.  Returns how many
 * are left.
 */
static int
received(int kq, struct mio_events *events, int n)
{
	struct mio_event *event = events->list;
	struct kevent last = { .flags = 0 };

	for (size_t i = 0; i < (size_t)n; i++) {
		struct kevent native;

		memcpy(&native,
		    (const char *)events->list + i * sizeof(native),
		    sizeof(native));
		if (!is_news(kq, &native, &last))
			continue;
		memcpy(&event->token, &native.udata, sizeof(event->token));
		event->readiness = readiness_of(&native);
		event->native = (uint32_t)native.filter << 16 |
				((uint32_t)native.flags & 0xffffu);
		MIO__PROBE3(
		    event, event->token, event->readiness, event->native);
		event++;
		last = native;
	}
	return (int)(event - events->list);
}

static int
call_kevent(
    int kq, struct mio_events *events, const struct timespec *timeout)
{
	int n;

	if (WAITS_UNCANCELLABLE)
		mio__sys_test_cancel();
	n = kevent(kq, NULL, 0, (void *)events->list,
	    MIO__KEVENTS(events->limit), timeout);
	/* What it took from the kernel must not be lost. */
	if (WAITS_UNCANCELLABLE && n <= 0)
		mio__sys_test_cancel();
	return n;
}

static int
wait_until(int kq, struct mio_events *events, int64_t timeout_ns)
{
	const int64_t deadline = mio__sys_deadline(timeout_ns);
	int64_t left = timeout_ns;

	for (;;) {
		struct timespec timeout = { 0, 0 };
		int n;

		if (left > 0)
			timeout = mio__sys_timespec(
			    left < LONGEST_WAIT ? left : LONGEST_WAIT);
		n = call_kevent(kq, events, left < 0 ? NULL : &timeout);
		if (n > 0)
			n = received(kq, events, n);
		if (n != 0 || timeout_ns == 0)
			return n;
		left = deadline - mio__sys_now();
		if (left <= 0)
			return 0;
	}
}

int
mio__kqueue_wait(struct mio_registry *registry, struct mio_events *events,
    int64_t timeout_ns)
{
	int n;

	MIO__UNDO_PUSH(mio__wait_cancelled, registry);
	n = wait_until(registry->fd, events, timeout_ns);
	MIO__UNDO_POP();
	return mio__waited(registry, events, n);
}

const struct mio__selector_ops mio__kqueue_ops = {
	.name = "kqueue",
	.interests =
	    MIO_READABLE | MIO_WRITABLE | KNOWS_AIO | KNOWS_LIO | MIO_LEVEL,
	.native_size = sizeof(struct kevent),
	.open = open_kqueue,
	.close = close_kqueue,
	.wait = mio__kqueue_wait,
	.add = mio__kqueue_add,
	.change = mio__kqueue_change,
	.remove = mio__kqueue_remove,
};
