/* SPDX-License-Identifier: MIT */
/*
 * poll(2), made edge-triggered: a bit that was reported leaves the mask that
 * poll(2) is asked for (`armed`) until I/O returns EAGAIN or the source is
 * registered anew.
 *
 * The table is an array of entries, with `slots` leading from a descriptor to
 * its place; place 0 is the notify descriptor, through which other threads
 * end a wait.  fds[] is the same table as the kernel wants it.  It belongs to
 * the waiting thread while the kernel works on it: until then a change is
 * made in the entry, its place is noted in `dirty`, and the waiter is kicked;
 * sync() brings fds[] up to date when the wait is over.
 */

#include "config.h"
#include "selector.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sys/cancel.h"
#include "sys/sys.h"
#include "waker.h"

#ifndef POLLRDHUP
#define POLLRDHUP 0
#endif

#define MUTING (POLLHUP | POLLERR)

/* How long a hang-up or an error may be over before a wait looks again. */
#define SHORTEST_SLICE (10 * MIO_MSEC)
#define LONGEST_SLICE (160 * MIO_MSEC)

struct entry {
	uint64_t file; /* what the number stood for: see file_of */
	mio_token token;
	int fd;      /* -1: a hole, filled by the next sync */
	short armed; /* POLL* bits to be reported */
	uint8_t interests;
	uint8_t kind : 2;
	bool socket : 1;  /* its hang-up is for good, or is ended by a call */
	bool muted : 1;   /* hung up: poll(2) would return at once for ever */
	bool hung_up : 1; /* and not because of an error alone */
	bool dirty : 1;   /* noted in `dirty` */
	bool changed : 1; /* since the wait began: what it finds is outdated */
};

/*
 * With 8 bytes in fds, 4 in dirty and 4 in slots, 40 for a registration, and
 * an eighth of that in reserve.
 */
_Static_assert(sizeof(struct entry) <= 24, "small");

enum { SOURCE, DESCRIPTOR, WAKER };
enum { LEVEL = 0x20 }; /* see in_a_byte */

struct table {
	pthread_mutex_t lock;
	struct entry *entries;
	size_t count;
	size_t capacity;
	struct pollfd *fds;
	struct pollfd *larger; /* replaces fds when the wait is over */
	uint32_t *dirty;
	size_t dirty_count;
	uint32_t *slots; /* by descriptor: place in entries, 0 none */
	size_t slots_count;
	size_t polled; /* places that the kernel works on; 0: no wait */
	size_t next;   /* where to look first */
	size_t muted;  /* entries that are */
	bool kicked;
	unsigned in_vain; /* for so many waits there is no look before */
	struct mio_waker notify;
};

/* The place of `fd`, 0 if it has none. */
static size_t
find(const struct table *table, int fd)
{
	return (size_t)fd < table->slots_count ? table->slots[fd] : 0;
}

/* The same, of the caller's descriptors: a waker's is none of them. */
static size_t
find_callers(const struct table *table, int fd)
{
	size_t place = find(table, fd);

	return table->entries[place].kind == WAKER ? 0 : place;
}

static void
mute(struct table *table, struct entry *entry, short flags)
{
	struct stat st;

	if (flags & POLLHUP)
		entry->hung_up = true;
	if (entry->muted)
		return;
	entry->muted = true;
	entry->socket =
	    fstat(entry->fd, &st) == 0 && S_ISSOCK(st.st_mode);
	table->muted++;
}

static inline void
unmute(struct table *table, struct entry *entry)
{
	if (entry->muted) {
		entry->muted = entry->hung_up = false;
		table->muted--;
	}
}

static void
show(struct table *table, size_t place)
{
	const struct entry *entry = &table->entries[place];

	table->fds[place].fd = entry->muted ? -1 : entry->fd;
	table->fds[place].events = entry->armed;
	table->fds[place].revents = 0;
}

static MIO__NOINLINE void
interrupt(struct table *table)
{
	/* Whom the write cancelled would keep the lock. */
	const int cancel = mio__sys_uncancellable();

	table->kicked = table->notify.ops.signal(&table->notify) == 0;
	mio__sys_uncancellable_end(cancel);
}

/* Ends the wait, if there is one, so that it sees what has changed. */
static void
kick(struct table *table)
{
	if (table->polled != 0 && !table->kicked)
		interrupt(table);
}

/* The entry has changed: show it to the kernel, at once or after the wait. */
static void
touch(struct table *table, size_t place)
{
	struct entry *entry = &table->entries[place];

	if (table->polled == 0) {
		show(table, place);
		return;
	}
	if (place < table->polled && !entry->dirty) {
		entry->dirty = true;
		table->dirty[table->dirty_count++] = (uint32_t)place;
	}
}

/* Moves the last entry to `place`, which is unused now. */
static void
fill(struct table *table, size_t place)
{
	size_t last = --table->count;

	if (place == last)
		return;
	table->entries[place] = table->entries[last];
	table->entries[place].dirty = false;
	if (table->entries[place].fd >= 0)
		table->slots[table->entries[place].fd] = (uint32_t)place;
}

static void
drop(struct table *table, size_t place)
{
	struct entry *entry = &table->entries[place];

	unmute(table, entry);
	table->slots[entry->fd] = 0;
	if (place < table->polled) {
		entry->fd = -1;
		touch(table, place);
		return;
	}
	fill(table, place);
	if (place < table->count)
		touch(table, place);
}

/* The wait is over: bring fds[] up to date. */
static void
sync_fds(struct table *table)
{
	size_t polled = table->polled;

	if (table->larger != NULL) {
		memcpy(table->larger, table->fds, polled * sizeof(*table->fds));
		free(table->fds);
		table->fds = table->larger;
		table->larger = NULL;
	}
	table->polled = 0;
	for (size_t i = 0; i < table->dirty_count; i++) {
		size_t place = table->dirty[i];

		/* Holes at the end, and what fills a hole, may be holes. */
		while (place < table->count && table->entries[place].fd < 0)
			fill(table, place);
		if (place < table->count) {
			table->entries[place].dirty = false;
			table->entries[place].changed = false;
			show(table, place);
		}
	}
	table->dirty_count = 0;
	for (size_t place = polled; place < table->count; place++)
		show(table, place);
}

/* The room to make for `count`: most of it is used, and growing is rare. */
static size_t
room_for(size_t count)
{
	return count + count / 8 + 16;
}

static void *
grow(void *array, size_t count, size_t size)
{
	if (count > PTRDIFF_MAX / size)
		return NULL;
	return realloc(array, count * size);
}

static int
grow_slots(struct table *table, int fd)
{
	size_t count = room_for((size_t)fd + 1);
	uint32_t *slots;

	slots = grow(table->slots, count, sizeof(*slots));
	if (slots == NULL)
		return mio__fail(ENOMEM);
	memset(slots + table->slots_count, 0,
	    (count - table->slots_count) * sizeof(*slots));
	table->slots = slots;
	table->slots_count = count;
	return 0;
}

static int
grow_entries(struct table *table)
{
	size_t capacity = room_for(table->count + 1);
	struct entry *entries;
	uint32_t *dirty;
	struct pollfd *fds;

	entries = grow(table->entries, capacity, sizeof(*entries));
	if (entries == NULL)
		return mio__fail(ENOMEM);
	table->entries = entries;
	dirty = grow(table->dirty, capacity, sizeof(*dirty));
	if (dirty == NULL)
		return mio__fail(ENOMEM);
	table->dirty = dirty;
	/* The array that the kernel works on must stay where it is. */
	fds = grow(table->polled != 0 ? table->larger : table->fds, capacity,
	    sizeof(*fds));
	if (fds == NULL)
		return mio__fail(ENOMEM);
	if (table->polled != 0)
		table->larger = fds;
	else
		table->fds = fds;
	table->capacity = capacity;
	return 0;
}

/* Makes room for one more, of this number. */
static int
reserve(struct table *table, int fd)
{
	if ((size_t)fd >= table->slots_count && grow_slots(table, fd) < 0)
		return -1;
	if (table->count == table->capacity && grow_entries(table) < 0)
		return -1;
	return 0;
}

static short
mask_of(unsigned interests)
{
	int mask = 0;

	if (interests & MIO_READABLE)
		mask |= POLLIN | POLLRDHUP;
	if (interests & MIO_WRITABLE)
		mask |= POLLOUT;
	if (interests & MIO_PRIORITY)
		mask |= POLLPRI;
	return (short)mask;
}

/*
 * Device and inode, in one: apart up to 40 bits of inode and 24 of device.
 * BSD's sockets, and NetBSD's and OpenBSD's pipes, have no inode, or get it
 * when they are asked for the first time: 0 is UNKNOWN.
 */
enum { UNKNOWN = 0 };

static uint64_t
file_of(const struct stat *st)
{
	uint64_t dev = (uint64_t)st->st_dev;

	if (!MIO__NUMBERS_FILES && st->st_ino == 0)
		return UNKNOWN;
	return (uint64_t)st->st_ino ^ (dev << 40 | dev >> 24);
}

static inline bool
is_known(uint64_t file)
{
	return MIO__NUMBERS_FILES || file != UNKNOWN;
}

/* MIO_LEVEL, whose reported bits stay armed, is LEVEL there. */
static inline uint8_t
in_a_byte(unsigned interests)
{
	_Static_assert(MIO_LEVEL >> 12 == LEVEL, "one of its bits");
	return (uint8_t)(interests | interests >> 12);
}

static inline bool
is_level(const struct entry *entry)
{
	return (entry->interests & LEVEL) != 0;
}

static void
append(struct table *table, int fd, const struct stat *st, uint8_t kind,
    mio_token token, unsigned interests)
{
	size_t place = table->count++;
	struct entry *entry = &table->entries[place];

	memset(entry, 0, sizeof(*entry));
	entry->token = token;
	entry->file = file_of(st);
	entry->fd = fd;
	entry->interests = in_a_byte(interests);
	entry->armed = mask_of(interests);
	entry->kind = kind & 3u;
	table->slots[fd] = (uint32_t)place;
	touch(table, place);
}

static uint8_t
kind_of(const struct mio_source *source)
{
	if (source == NULL)
		return DESCRIPTOR;
	if (source->kind & MIO__KIND_WAKER)
		return WAKER;
	return SOURCE;
}

/* The number stands for another file now than when it was registered. */
static bool
stale(const struct entry *entry, const struct stat *st)
{
	uint64_t file = file_of(st);

	return entry->file != file && is_known(entry->file) && is_known(file);
}

/*
 * It stands for the same one for sure.  A number of the library's own does,
 * as nobody else closes it.
 */
static bool
same(const struct entry *entry, const struct stat *st)
{
	if (!MIO__NUMBERS_FILES && entry->file == UNKNOWN)
		return entry->kind == WAKER;
	return entry->file == file_of(st);
}

static int
add_locked(struct table *table, int fd, const struct stat *st, uint8_t kind,
    mio_token token, unsigned interests)
{
	size_t place;

	if (fd == table->notify.fds[0])
		return mio__fail(EINVAL);
	place = find(table, fd);
	/* Of what cannot be told apart, the new one has the number. */
	if (place != 0 && same(&table->entries[place], st))
		return mio__fail(EEXIST);
	if (reserve(table, fd) < 0)
		return -1;
	if (place != 0)
		drop(table, place);
	append(table, fd, st, kind, token, interests);
	kick(table);
	return 0;
}

int
mio__poll_add(struct mio_registry *registry, int fd, mio_token token,
    unsigned interests, struct mio_source *source)
{
	struct table *table = registry->state;
	struct stat st;
	int result;

	if (mio__bad_interests(registry, interests) < 0 ||
	    fstat(fd, &st) < 0 ||
	    (source == NULL && mio__sys_does_io(fd) < 0))
		return mio__not_added(source);
	/* poll(2) calls them always ready; epoll refuses them. */
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) {
		errno = EPERM;
		return mio__not_added(source);
	}
	pthread_mutex_lock(&table->lock);
	result = add_locked(
	    table, fd, &st, kind_of(source), token, interests);
	pthread_mutex_unlock(&table->lock);
	if (result < 0)
		return mio__not_added(source);
	if (source != NULL)
		source->kind &= ~MIO__KIND_DIRECT;
	return 0;
}

static MIO__COLD int
not_registered(int fd)
{
	return mio__sys_does_io(fd) < 0 ? -1 : mio__fail(ENOENT);
}

/*
 * The place of a registered descriptor of the caller's that still is what it
 * was; an entry that is not goes.  0 if there is none.
 */
static size_t
place_of(struct table *table, int fd, const struct stat *st)
{
	size_t place = find_callers(table, fd);

	if (place != 0 && stale(&table->entries[place], st)) {
		drop(table, place);
		place = 0;
	}
	return place;
}

int
mio__poll_change(struct mio_registry *registry, int fd, mio_token token,
    unsigned interests, struct mio_source *source)
{
	struct table *table = registry->state;
	struct stat st;
	size_t place;

	(void)source;
	if (mio__bad_interests(registry, interests) < 0 || fstat(fd, &st) < 0)
		return -1;
	pthread_mutex_lock(&table->lock);
	place = place_of(table, fd, &st);
	if (place != 0) {
		struct entry *entry = &table->entries[place];

		entry->token = token;
		entry->interests = in_a_byte(interests);
		entry->armed = mask_of(interests);
		unmute(table, entry);
		entry->changed = place < table->polled;
		touch(table, place);
		kick(table);
	}
	pthread_mutex_unlock(&table->lock);
	return place != 0 ? 0 : not_registered(fd);
}

int
mio__poll_remove(struct mio_registry *registry, int fd)
{
	struct table *table = registry->state;
	struct stat st;
	size_t place;

	if (fstat(fd, &st) < 0)
		return -1;
	pthread_mutex_lock(&table->lock);
	place = place_of(table, fd, &st);
	if (place != 0) {
		drop(table, place);
		kick(table);
	}
	pthread_mutex_unlock(&table->lock);
	return place != 0 ? 0 : not_registered(fd);
}

/* What poll(2) says of one descriptor now, hang-ups and errors included. */
static MIO__NOINLINE short
look_at(int number)
{
	struct pollfd fd = { .fd = number, .events = POLLRDHUP };
	/* As in interrupt. */
	const int cancel = mio__sys_uncancellable();
	int n;

	n = poll(&fd, 1, 0);
	mio__sys_uncancellable_end(cancel);
	return (short)(n > 0 ? fd.revents : 0);
}

/*
 * What outlives EAGAIN is not news, so it arms nothing: the end of a datagram
 * socket that is shut for reading, where I/O says EAGAIN and poll(2) for ever
 * that there is something to read; a hang-up; an error that is not this
 * call's, as of a queue that nobody reads (IP_RECVERR).
 */
static void
rearm_entry(struct table *table, struct entry *entry, unsigned directions)
{
	int reported = mask_of(entry->interests) & ~entry->armed;
	short now = 0;

	if (is_level(entry))
		return;
	if (entry->muted || (reported & POLLRDHUP) != 0)
		now = look_at(entry->fd);
	if (directions & MIO_READABLE)
		directions |= MIO_PRIORITY;
	if (now & POLLRDHUP)
		directions &= ~(unsigned)MIO_READABLE;
	entry->armed =
	    (short)(entry->armed | mask_of(entry->interests & directions));
	if ((now & MUTING) != 0)
		return;
	/* A hang-up that is over: the other directions are new, too. */
	if (entry->hung_up)
		entry->armed = mask_of(entry->interests);
	unmute(table, entry);
}

/*
 * A number that stands for another file by now is armed, too: its event finds
 * out.
 */
static int
rearm_poll(struct mio_registry *registry, int fd, unsigned directions)
{
	struct table *table = registry->state;
	size_t place;

	pthread_mutex_lock(&table->lock);
	place = find_callers(table, fd);
	if (place != 0) {
		rearm_entry(table, &table->entries[place], directions);
		touch(table, place);
		kick(table);
		pthread_mutex_unlock(&table->lock);
		return 0;
	}
	pthread_mutex_unlock(&table->lock);
	return not_registered(fd);
}

static void
closing_poll(struct mio_registry *registry, int fd)
{
	struct table *table = registry->state;
	size_t place;

	/*
	 * In a forked child the lock may be that of a thread that is not
	 * there, and the notify descriptor is the parent's.
	 */
	if (!mio__sys_process_is_this(&registry->owner))
		return;
	pthread_mutex_lock(&table->lock);
	place = find(table, fd);
	if (place != 0) {
		drop(table, place);
		kick(table); /* or the wait keeps the file open */
	}
	pthread_mutex_unlock(&table->lock);
}

/* By mio's formulas, and the superset rule of mio_event(3). */
static uint32_t
readiness_of(short flags)
{
	uint32_t readiness = 0;

	if (flags & (POLLIN | POLLPRI | POLLHUP | POLLERR | POLLRDHUP))
		readiness |= MIO_READABLE;
	if (flags & (POLLOUT | POLLHUP | POLLERR))
		readiness |= MIO_WRITABLE;
	if (flags & POLLPRI)
		readiness |= MIO_PRIORITY;
	if (flags & POLLERR)
		readiness |= MIO_ERROR;
	if (flags & (POLLHUP | POLLRDHUP))
		readiness |= MIO_READ_CLOSED;
	if ((flags & POLLHUP) || flags == POLLERR ||
	    ((flags & POLLOUT) && (flags & POLLERR)))
		readiness |= MIO_WRITE_CLOSED;
	return readiness;
}

/* What poll(2) found at `place`; false if there is nothing to report. */
static bool
report(struct table *table, size_t place, struct mio_event *event)
{
	struct entry *entry = &table->entries[place];
	short flags = table->fds[place].revents;
	struct stat st;

	if (entry->fd < 0 || entry->changed)
		return false; /* not for what is there now */
	/* Closed by its owner, and perhaps the number was given out again. */
	if ((flags & POLLNVAL) ||
	    (entry->kind == DESCRIPTOR &&
		(fstat(entry->fd, &st) < 0 || stale(entry, &st)))) {
		drop(table, place);
		return false;
	}
	if (entry->kind == WAKER) {
		table->notify.ops.drain(entry->fd);
	} else if (!is_level(entry)) {
		entry->armed = (short)(entry->armed & ~flags);
		if (flags & MUTING)
			mute(table, entry, flags);
		show(table, place);
	}
	event->token = entry->token;
	event->readiness = readiness_of(flags);
	event->native = (uint16_t)flags;
	MIO__PROBE3(event, event->token, event->readiness, event->native);
	return true;
}

/* The first of the places up to `end` with something found, or `end`. */
static size_t
next_found(const struct pollfd *fds, size_t place, size_t end)
{
	/* Of many most are idle. */
	for (; end - place >= 4; place += 4)
		if ((fds[place].revents | fds[place + 1].revents |
			fds[place + 2].revents | fds[place + 3].revents) != 0)
			break;
	while (place < end && fds[place].revents == 0)
		place++;
	return place;
}

/*
 * Hands out what was found, `found` places.  Returns how many events, or -1
 * if the notify descriptor was closed behind the library's back.
 */
static int
collect(struct table *table, struct mio_events *events, int found)
{
	size_t polled = table->polled;
	size_t place = table->next < polled ? table->next : 1;
	size_t n = 0;
	int rounds = 0;

	if (table->fds[0].revents & POLLNVAL)
		return mio__fail(EBADF);
	if (table->fds[0].revents != 0) {
		table->notify.ops.drain(table->notify.fds[0]);
		table->kicked = false;
		found--;
	}
	/* What is beyond the limit is armed yet: the next call has it. */
	while (found > 0 && n < (size_t)events->limit && rounds < 2) {
		place = next_found(table->fds, place, polled);
		if (place == polled) {
			place = 1;
			rounds++;
		} else {
			n += report(table, place++, &events->list[n]);
			found--;
		}
	}
	table->next = place;
	return (int)n;
}

static int
call_poll(struct pollfd *fds, size_t count, int64_t timeout_ns)
{
#ifdef HAVE_PPOLL
	struct timespec timeout;

	if (timeout_ns < 0)
		return ppoll(fds, (nfds_t)count, NULL, NULL);
	timeout = mio__sys_timespec(timeout_ns);
	return ppoll(fds, (nfds_t)count, &timeout, NULL);
#else
	return poll(
	    fds, (nfds_t)count, timeout_ns < 0 ? -1 : mio__sys_ms(timeout_ns));
#endif
}

/*
 * To enter the queue of each descriptor, and to leave it again, costs the
 * kernel several times what a look at it does.  So look at first, for as long
 * as that finds something, and now and then when it does not.
 */
static int
look_or_wait(struct table *table, struct pollfd *fds, size_t count,
    int64_t timeout_ns)
{
	if (timeout_ns != 0 && table->in_vain == 0) {
		int found = call_poll(fds, count, 0);

		if (found != 0)
			return found;
		table->in_vain = MIO__AFTER_VAIN;
	} else if (timeout_ns != 0) {
		table->in_vain--;
	}
	return call_poll(fds, count, timeout_ns);
}

/*
 * What was muted may be over by now, which poll(2) tells only who asks: each
 * wait begins with a look at it.  From here, with the lock, ...
 */
static void
show_muted(struct table *table)
{
	for (size_t place = 1; place < table->polled; place++) {
		const struct entry *entry = &table->entries[place];

		if (!entry->muted)
			continue;
		table->fds[place].fd = entry->fd;
		table->fds[place].events = mask_of(entry->interests);
	}
}

/*
 * ... to here, with the lock again: what is over is armed anew, for nobody
 * else knows; the rest is hidden again, and reported for what is new only.
 * Returns how many are left of those `found`; `restless` if some that are
 * hidden may change without a call of the program: not a hung-up socket.
 */
static int
hide_muted(struct table *table, int found, bool *restless)
{
	*restless = false;
	for (size_t place = 1; place < table->polled; place++) {
		struct entry *entry = &table->entries[place];
		struct pollfd *fd = &table->fds[place];

		if (!entry->muted)
			continue;
		if ((fd->revents & (MUTING | POLLNVAL)) == 0) {
			unmute(table, entry);
			entry->armed = mask_of(entry->interests);
			continue;
		}
		if (!entry->socket || (fd->revents & POLLHUP) == 0)
			*restless = true;
		if ((fd->revents & (entry->armed | POLLNVAL)) == 0) {
			fd->revents = 0;
			found--;
		}
		fd->fd = -1;
	}
	return found;
}

/*
 * As look_or_wait, with muted entries.  Those that are restless are looked at
 * again after `slice`.
 */
static int
look_and_wait(struct table *table, struct pollfd *fds, size_t count,
    int64_t timeout_ns, int64_t slice)
{
	bool restless;
	int found = call_poll(fds, count, 0);

	if (found < 0)
		return found;
	pthread_mutex_lock(&table->lock);
	found = hide_muted(table, found, &restless);
	pthread_mutex_unlock(&table->lock);
	if (found != 0 || timeout_ns == 0)
		return found;
	if (restless && (timeout_ns < 0 || timeout_ns > slice))
		timeout_ns = slice;
	return call_poll(fds, count, timeout_ns);
}

/* The waiting thread was cancelled. */
static void
abandon(void *arg)
{
	struct table *table = arg;

	pthread_mutex_lock(&table->lock);
	sync_fds(table);
	pthread_mutex_unlock(&table->lock);
}

/* One wait; 0 also if it was only kicked. */
static int
wait_once(struct table *table, struct mio_events *events, int64_t timeout_ns,
    int64_t slice)
{
	struct pollfd *fds;
	size_t count;
	bool muted;
	int found, error, cancel;

	pthread_mutex_lock(&table->lock);
	table->polled = count = table->count;
	fds = table->fds;
	muted = table->muted != 0;
	if (muted)
		show_muted(table);
	pthread_mutex_unlock(&table->lock);

	MIO__UNDO_PUSH(abandon, table);
	if (muted)
		found = look_and_wait(table, fds, count, timeout_ns, slice);
	else
		found = look_or_wait(table, fds, count, timeout_ns);
	MIO__UNDO_POP();

	error = errno;
	pthread_mutex_lock(&table->lock);
	if (found > 0) {
		/* Draining reads, which is where threads are cancelled. */
		cancel = mio__sys_uncancellable();
		found = collect(table, events, found);
		error = errno;
		mio__sys_uncancellable_end(cancel);
	}
	sync_fds(table);
	pthread_mutex_unlock(&table->lock);
	errno = error;
	return found;
}

static int
wait_until(struct table *table, struct mio_events *events, int64_t timeout_ns)
{
	const int64_t deadline = mio__sys_deadline(timeout_ns);
	int64_t left = timeout_ns;
	int64_t slice = SHORTEST_SLICE;

	for (;;) {
		int n = wait_once(table, events, left, slice);

		if (n > 0 || timeout_ns == 0)
			return n;
		if (n < 0 && errno != EAGAIN)
			return n;
		left = deadline - mio__sys_now();
		if (left <= 0)
			return 0;
		if (slice < LONGEST_SLICE)
			slice *= 2;
	}
}

int
mio__poll_wait(struct mio_registry *registry, struct mio_events *events,
    int64_t timeout_ns)
{
	int n;

	MIO__UNDO_PUSH(mio__wait_cancelled, registry);
	n = wait_until(registry->state, events, timeout_ns);
	MIO__UNDO_POP();
	return mio__waited(registry, events, n);
}

static void
destroy_poll(struct mio_registry *registry)
{
	struct table *table = registry->state;

	pthread_mutex_destroy(&table->lock);
	free(table->entries);
	free(table->fds);
	free(table->larger);
	free(table->dirty);
	free(table->slots);
	free(table);
}

static int
open_poll(struct mio_registry *registry)
{
	struct table *table = calloc(1, sizeof(*table));
	struct stat st;
	int error;

	if (table == NULL)
		return -1;
	error = pthread_mutex_init(&table->lock, NULL);
	if (error != 0) {
		free(table);
		return mio__fail(error);
	}
	registry->state = table;
	table->next = 1;
	table->notify.registry = registry;
	table->notify.ops = *registry->backend->waker;
	if (table->notify.ops.open(&table->notify) == 0) {
		int fd = table->notify.fds[0];

		if (reserve(table, fd) == 0 && fstat(fd, &st) == 0) {
			append(table, fd, &st, WAKER, 0, MIO_READABLE);
			return 0;
		}
		table->notify.ops.close(&table->notify);
	}
	error = errno;
	destroy_poll(registry);
	return mio__fail(error);
}

static void
close_poll(struct mio_registry *registry)
{
	struct table *table = registry->state;

	/* No wait can be under way, so nobody kicks any more. */
	table->notify.ops.close(&table->notify);
}

const struct mio__selector_ops mio__poll_ops = {
	.name = "poll",
	.interests = MIO_READABLE | MIO_WRITABLE | MIO_PRIORITY | MIO_LEVEL,
	.native_size = 0,
	.open = open_poll,
	.close = close_poll,
	.destroy = destroy_poll,
	.wait = mio__poll_wait,
	.add = mio__poll_add,
	.change = mio__poll_change,
	.remove = mio__poll_remove,
	.rearm = rearm_poll,
	.closing = closing_poll,
};
