/* SPDX-License-Identifier: MIT */
/*
 * A model of kqueue(2) on Linux, for tests alone: what FreeBSD's manual page
 * says of EVFILT_READ, EVFILT_WRITE and EVFILT_USER, where it is silent what
 * that kernel does.  test_kqueue.c holds it to that.
 *
 * A kqueue is one epoll descriptor.  Of each descriptor with a knote it gets
 * an edge-triggered entry: an edge makes the knotes' filters run.  Whether
 * a number was closed meanwhile, or is another file, epoll knows: for each
 * (file, number) it has one entry, and refuses a second.  Besides there is
 * the bell, an eventfd that is always readable, for the whole process: a
 * kqueue watches it while knotes are queued, and so wakes who waits.
 *
 * Known limits.  A number that is closed and then made a copy of the same
 * file again keeps its knotes.  With both filters on a descriptor, activity
 * in one direction runs the other's filter too.  Which error a socket has
 * cannot be told without taking it away: fflags is always ECONNRESET.
 * Regular files are looked at when a knote is added, not when they grow.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* ppoll; configure compiles it too */
#endif

#include <sys/event.h>

#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <linux/sockios.h>

enum {
	BELL_FROM = 100,
	BUCKETS = 128,
	BATCH = 64,
	LONGEST_SEC = 100000000, /* itimespecfix of older NetBSD */
	NS = 1000000000
};

enum kind { FILE_LIKE, PIPE, STREAM, DATAGRAM, KQUEUE, OTHER, NO_FILE };

struct knote {
	struct kevent kev;
	enum kind kind;
	uint32_t generation; /* of the entry for its descriptor */
	dev_t dev;
	ino_t ino;
	bool writes, reads; /* an end of a pipe: which, or both */
	bool deaf;
	bool queued, disabled, triggered;
	struct knote *next; /* in its bucket */
	TAILQ_ENTRY(knote) entry;
};

struct queue {
	uint32_t serial;
	int fd; /* as kqueue() returned it; -1: that number was closed */
	bool rings;
	struct queue *next;
	struct knote *buckets[BUCKETS];
	TAILQ_HEAD(active, knote) active;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct queue *queues;
static struct knote *unused;
static uint32_t last_serial, last_generation;
static int bell = -1;

/*
 * A kernel is not interrupted by handlers and cancellation, nor by what the
 * program puts in the way of its own calls: hence system calls by number,
 * and no malloc.
 */
struct guard {
	sigset_t mask;
	int cancel;
};

static void
enter(struct guard *guard)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &guard->mask);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &guard->cancel);
	pthread_mutex_lock(&mutex);
}

static void
leave(const struct guard *guard)
{
	int cancel;

	pthread_mutex_unlock(&mutex);
	pthread_setcancelstate(guard->cancel, &cancel);
	pthread_sigmask(SIG_SETMASK, &guard->mask, NULL);
}

static int
watch(int epoll, int op, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event event = { .events = events, .data.u64 = data };

	return (int)syscall(SYS_epoll_ctl, epoll, op, fd, &event);
}

static short
poll_now(int fd)
{
	struct pollfd entry = { fd, POLLIN | POLLOUT | POLLRDHUP, 0 };
	long zero[4] = { 0 }; /* a timespec, whatever its size */

	if (syscall(SYS_ppoll, &entry, 1, zero, NULL, 0) < 0)
		return 0;
	return entry.revents;
}

/* Never given back: see `unused`. */
static void *
take(size_t size)
{
	static char *chunk;
	static size_t left;
	void *taken;

	size = (size + 63) / 64 * 64;
	if (left < size) {
		left = 256 * 1024;
		chunk = mmap(NULL, left, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (chunk == MAP_FAILED) {
			left = 0;
			return NULL;
		}
	}
	taken = chunk;
	chunk += size;
	left -= size;
	return taken;
}

/* Finding a kqueue. */

static bool
is_kqueue(int fd)
{
	if (watch(fd, EPOLL_CTL_ADD, bell, 0, 0) == 0) {
		watch(fd, EPOLL_CTL_DEL, bell, 0, 0);
		return false;
	}
	return errno == EEXIST;
}

/* The entry for the bell has it in the upper half of its data. */
static uint32_t
serial_of(int fd)
{
	char path[40], line[128];
	unsigned long long data;
	uint32_t serial = 0;
	FILE *info;
	int target;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = fopen(path, "re");
	if (info == NULL)
		return 0;
	while (serial == 0 && fgets(line, sizeof(line), info) != NULL)
		if (sscanf(line, "tfd: %d events: %*x data: %llx", &target,
			&data) == 2 &&
		    target == bell)
			serial = (uint32_t)(data >> 32);
	fclose(info);
	return serial;
}

static struct queue *
queue_of(int fd)
{
	struct queue *queue;
	uint32_t serial;

	if (!is_kqueue(fd))
		return NULL;
	for (queue = queues; queue != NULL; queue = queue->next)
		if (queue->fd == fd)
			return queue;
	serial = serial_of(fd); /* a copy that dup(2) made */
	for (queue = queues; queue != NULL; queue = queue->next)
		if (queue->serial == serial)
			return queue;
	return NULL;
}

/* Knotes. */

static struct knote **
bucket(struct queue *queue, uintptr_t ident)
{
	return &queue->buckets[(ident ^ ident >> 6) % BUCKETS];
}

static struct knote *
find(struct queue *queue, uintptr_t ident, int filter)
{
	struct knote *note = *bucket(queue, ident);

	while (note != NULL &&
	    (note->kev.ident != ident || note->kev.filter != filter))
		note = note->next;
	return note;
}

static struct knote *
knote_new(struct queue *queue, const struct kevent *kev)
{
	struct knote **first = bucket(queue, kev->ident);
	struct knote *note = unused;

	if (note != NULL)
		unused = note->next;
	else
		note = take(sizeof(*note));
	if (note == NULL)
		return NULL;
	memset(note, 0, sizeof(*note));
	note->kev = *kev;
	note->kev.flags = kev->flags &
	    (EV_CLEAR | EV_ONESHOT | EV_RECEIPT |
		(model_kernel()->keeps_add ? EV_ADD : 0));
	note->kind = NO_FILE;
	note->next = *first;
	*first = note;
	return note;
}

static void
knote_free(struct queue *queue, struct knote *note)
{
	struct knote **link = bucket(queue, note->kev.ident);

	while (*link != note)
		link = &(*link)->next;
	*link = note->next;
	if (note->queued)
		TAILQ_REMOVE(&queue->active, note, entry);
	note->next = unused;
	unused = note;
}

static void
activate(struct queue *queue, struct knote *note)
{
	if (note->queued || note->disabled)
		return;
	note->queued = true;
	TAILQ_INSERT_TAIL(&queue->active, note, entry);
}

/* The bell rings while knotes are queued, so the kqueue is readable. */
static void
set_bell(struct queue *queue, int kq)
{
	bool rings = !TAILQ_EMPTY(&queue->active);

	if (rings != queue->rings)
		watch(kq, EPOLL_CTL_MOD, bell, rings ? EPOLLIN : 0,
		    (uint64_t)queue->serial << 32);
	queue->rings = rings;
}

/* Close(2) removes a number's knotes: whether it is the same file still. */
static bool
is_open(int kq, const struct knote *note)
{
	int fd = (int)note->kev.ident;
	struct stat st;

	if (note->kind == NO_FILE)
		return true;
	if (note->kind == FILE_LIKE)
		return fstat(fd, &st) == 0 && st.st_dev == note->dev &&
		    st.st_ino == note->ino;
	if (watch(kq, EPOLL_CTL_ADD, fd, 0, 0) < 0)
		return errno == EEXIST;
	watch(kq, EPOLL_CTL_DEL, fd, 0, 0);
	return false;
}

static void
forget_closed(struct queue *queue, int kq, uintptr_t ident)
{
	static const int filters[] = { EVFILT_READ, EVFILT_WRITE };

	for (int i = 0; i < 2; ++i) {
		struct knote *note = find(queue, ident, filters[i]);

		if (note != NULL && !is_open(kq, note))
			knote_free(queue, note);
	}
}

/* The filters. */

static int
number(int fd, unsigned long request)
{
	int value = 0;

	return ioctl(fd, request, &value) < 0 ? 0 : value;
}

static int
option(int fd, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) < 0 ? 0 : value;
}

/* How many connections a listener has: sol_qlen. */
static int
queued(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return 1;
	return (int)info.tcpi_unacked;
}

/* SBS_CANTSENDMORE: by shutdown(2), or by the end of the connection. */
static bool
cannot_send(int fd, short now)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	if ((now & POLLHUP) && (now & POLLRDHUP))
		return true;
	if (option(fd, SO_DOMAIN) == AF_UNIX)
		/* No byte is sent; but that is refused, too. */
		return option(fd, SO_TYPE) == SOCK_STREAM &&
		    sendto(fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0) <
		    0 &&
		    errno == EPIPE;
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return false;
	return info.tcpi_state == TCP_FIN_WAIT1 ||
	    info.tcpi_state == TCP_FIN_WAIT2 ||
	    info.tcpi_state == TCP_CLOSING || info.tcpi_state == TCP_LAST_ACK;
}

static bool
ended(struct knote *note, bool error)
{
	note->kev.flags |= EV_EOF;
	note->kev.fflags = error ? ECONNRESET : 0;
	return true;
}

/* filt_soread, filt_sowrite. */
static bool
socket_ready(struct knote *note, int fd, short now)
{
	bool error = now & POLLERR;

	if (note->kev.filter == EVFILT_READ) {
		if (option(fd, SO_ACCEPTCONN)) {
			note->kev.data = queued(fd);
			return now & POLLIN;
		}
		note->kev.data = number(fd, FIONREAD);
		if (now & POLLRDHUP)
			return ended(note, error);
		return error || (now & POLLIN);
	}
	note->kev.data = option(fd, SO_SNDBUF) - number(fd, SIOCOUTQ);
	if (cannot_send(fd, now))
		return ended(note, error);
	/* Never connected, Linux calls a stream hung up. */
	if (!error && note->kind == STREAM && (now & POLLHUP))
		return false;
	return error || (now & POLLOUT);
}

/* Whether there is room in a pipe, or was when the other end went. */
static bool
has_room(int fd, const struct knote *note, short now)
{
	struct stat st;

	if (!note->reads)
		return now & POLLOUT;
	return fstat(fd, &st) == 0 && !model_was_full(&st);
}

/*
 * filt_pipewrite.  NetBSD's pipeclose and OpenBSD's pipe_destroy run it before
 * they set PIPE_EOF, and then forget the knotes; FreeBSD's knlist_clear makes
 * it the last event.
 */
static bool
pipe_writable(struct knote *note, int fd, short now)
{
	const struct kernel *kernel = model_kernel();
	struct stat st;

	if (note->deaf)
		return false;
	if (now & (note->reads ? POLLHUP : POLLERR)) {
		note->deaf = kernel->full_is_deaf && !has_room(fd, note, now);
		if (note->deaf)
			return false;
		if (kernel->end_is_oneshot)
			note->kev.flags |= EV_ONESHOT;
		return ended(note, false);
	}
	if ((now & POLLOUT) == 0)
		return false;
	if (note->reads && fstat(fd, &st) == 0)
		model_has_room(&st);
	note->kev.data = note->reads
	    ? option(fd, SO_SNDBUF) - number(fd, SIOCOUTQ)
	    : syscall(SYS_fcntl, fd, F_GETPIPE_SZ, 0) - number(fd, FIONREAD);
	return true;
}

/* filt_piperead; a writing end hears of its reader's end, too. */
static bool
pipe_ready(struct knote *note, int fd, short now)
{
	if (note->kev.filter == EVFILT_WRITE)
		return note->writes && pipe_writable(note, fd, now);
	note->kev.data = note->reads ? number(fd, FIONREAD) : 0;
	if (now & (note->reads ? POLLHUP : POLLERR))
		return ended(note, false);
	return note->reads && (now & POLLIN);
}

/* Whether the condition holds; sets data, fflags and EV_EOF. */
static bool
holds(struct knote *note)
{
	int fd = (int)note->kev.ident;
	struct stat st;
	short now;

	if (note->kind == NO_FILE)
		return note->triggered;
	note->kev.flags = (unsigned short)(note->kev.flags & ~EV_EOF);
	note->kev.fflags = 0;
	note->kev.data = 0;
	if (note->kind == FILE_LIKE) {
		if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
			note->kev.data =
			    st.st_size - lseek(fd, 0, SEEK_CUR);
		return !S_ISREG(st.st_mode) || note->kev.data != 0;
	}
	now = poll_now(fd);
	if (note->kind == STREAM || note->kind == DATAGRAM)
		return socket_ready(note, fd, now);
	if (note->kind == PIPE)
		return pipe_ready(note, fd, now);
	note->kev.data = note->kind == KQUEUE ? 1 : number(fd, FIONREAD);
	return now & (note->kev.filter == EVFILT_READ ? POLLIN : POLLOUT);
}

/* Changes. */

/* One entry for both filters of a descriptor. */
static int
enter_epoll(struct queue *queue, int kq, struct knote *note)
{
	bool reads = note->kev.filter == EVFILT_READ;
	const struct knote *other = find(
	    queue, note->kev.ident, reads ? EVFILT_WRITE : EVFILT_READ);
	uint32_t events = EPOLLET |
	    (reads || other != NULL ? EPOLLIN | EPOLLRDHUP : 0u) |
	    (!reads || other != NULL ? EPOLLOUT : 0u);
	int op = other != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	note->generation =
	    other != NULL ? other->generation : ++last_generation;
	if (watch(kq, op, (int)note->kev.ident, events,
		(uint64_t)note->generation << 32 | note->kev.ident) == 0)
		return 0;
	if (errno == EPERM) {
		note->kind = FILE_LIKE;
		return 0;
	}
	return errno == ENOSPC ? ENOMEM : errno;
}

static int
attach(struct queue *queue, int kq, struct knote *note)
{
	bool writes = note->kev.filter == EVFILT_WRITE;
	int fd = (int)note->kev.ident;
	struct stat st;

	if (note->kev.filter == EVFILT_USER)
		return 0;
	if (fstat(fd, &st) < 0)
		return errno;
	note->dev = st.st_dev;
	note->ino = st.st_ino;
	note->kind = OTHER;
	if (model_is_pipe(&st)) {
		note->kind = PIPE;
		note->reads = note->writes = true;
	} else if (S_ISSOCK(st.st_mode)) {
		note->kind =
		    option(fd, SO_TYPE) == SOCK_DGRAM ? DATAGRAM : STREAM;
	} else if (S_ISFIFO(st.st_mode)) {
		note->kind = PIPE;
		note->writes = (syscall(SYS_fcntl, fd, F_GETFL, 0) &
				   O_ACCMODE) == O_WRONLY;
		note->reads = !note->writes;
	} else if (is_kqueue(fd)) {
		note->kind = KQUEUE;
		if (writes)
			return EINVAL;
		if (queue_of(fd) == queue) {
			note->kind = NO_FILE; /* and nothing comes of it */
			return model_kernel()->takes_itself ? 0 : EINVAL;
		}
	} else if ((S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) && writes) {
		return EINVAL;
	}
	if (note->kind == PIPE && writes && note->writes &&
	    (poll_now(fd) & (note->reads ? POLLHUP : POLLERR)))
		return model_kernel()->no_reader;
	return enter_epoll(queue, kq, note);
}

static void
detach(struct queue *queue, int kq, struct knote *note)
{
	uintptr_t ident = note->kev.ident;
	bool entered = note->kind != NO_FILE && note->kind != FILE_LIKE;

	knote_free(queue, note);
	if (entered && find(queue, ident, EVFILT_READ) == NULL &&
	    find(queue, ident, EVFILT_WRITE) == NULL)
		watch(kq, EPOLL_CTL_DEL, (int)ident, 0, 0);
}

/* filt_usertouch: of a trigger and EV_CLEAR the latter comes last. */
static void
touch(struct knote *note, const struct kevent *change)
{
	unsigned flags = change->fflags & NOTE_FFLAGSMASK;

	switch (change->fflags & NOTE_FFCTRLMASK) {
	case NOTE_FFAND:
		note->kev.fflags &= flags;
		break;
	case NOTE_FFOR:
		note->kev.fflags |= flags;
		break;
	case NOTE_FFCOPY:
		note->kev.fflags = flags;
		break;
	}
	note->kev.data = change->data;
	if (change->fflags & NOTE_TRIGGER)
		note->triggered = true;
	if (change->flags & EV_CLEAR) {
		note->triggered = false;
		note->kev.data = 0;
		note->kev.fflags = 0;
	}
}

/* One change; 0 or an error number. */
static int
apply(struct queue *queue, int kq, const struct kevent *change)
{
	struct knote *note;
	struct stat st;
	int error;

	switch (change->filter) {
	case EVFILT_READ:
	case EVFILT_WRITE:
		if (change->ident > INT32_MAX ||
		    fstat((int)change->ident, &st) < 0)
			return EBADF;
		forget_closed(queue, kq, change->ident);
		break;
	case EVFILT_USER:
		if (model_kernel()->lacks_user)
			return EINVAL;
		break;
	case EVFILT_AIO:
	case EVFILT_LIO:
		return EPERM; /* filt_aioattach: the request registers it */
	default:
		return EINVAL;
	}
	note = find(queue, change->ident, change->filter);
	if (note == NULL) {
		if ((change->flags & (EV_ADD | EV_DELETE)) != EV_ADD)
			return ENOENT;
		note = knote_new(queue, change);
		if (note == NULL)
			return ENOMEM;
		error = attach(queue, kq, note);
		if (error != 0) {
			knote_free(queue, note);
			return error;
		}
		if (change->filter == EVFILT_USER)
			note->kev.fflags &= NOTE_FFLAGSMASK;
	} else if (change->flags & EV_DELETE) {
		detach(queue, kq, note);
		return 0;
	}
	note->kev.udata = change->udata; /* but not its flags, EV_CLEAR */
	if (change->filter == EVFILT_USER)
		touch(note, change);
	if (change->flags & (EV_ADD | EV_ENABLE))
		note->disabled = false;
	if (change->flags & EV_DISABLE) {
		note->disabled = true;
		if (note->queued)
			TAILQ_REMOVE(&queue->active, note, entry);
		note->queued = false;
	}
	if (!note->disabled && holds(note))
		activate(queue, note);
	return 0;
}

/*
 * How many results there are in `events`, -1 and errno: an error that found
 * no room, after which nothing more is done.
 */
static int
apply_all(struct queue *queue, int kq, const struct kevent *changes,
    int nchanges, struct kevent *events, int nevents)
{
	int results = 0;

	for (int i = 0; i < nchanges; ++i) {
		struct kevent change = changes[i]; /* events may be changes */
		int error = apply(queue, kq, &change);

		if (error == 0 && !(change.flags & EV_RECEIPT))
			continue;
		if (results == nevents) {
			errno = error;
			return error != 0 ? -1 : results;
		}
		change.flags = EV_ERROR;
		change.data = error;
		events[results++] = change;
	}
	return results;
}

/* Events. */

/* What epoll saw makes filters run. */
static void
harvest(struct queue *queue, int kq)
{
	static const int filters[] = { EVFILT_WRITE, EVFILT_READ };
	struct epoll_event seen[BATCH];
	int n;

	do {
		n = (int)syscall(
		    SYS_epoll_pwait, kq, seen, BATCH, 0, NULL, _NSIG / 8);
		for (int i = 0; i < 2 * n; ++i) {
			uint64_t data = seen[i / 2].data.u64;
			struct knote *note = find(
			    queue, (uint32_t)data, filters[i % 2]);

			if (note != NULL &&
			    note->generation == (uint32_t)(data >> 32) &&
			    is_open(kq, note) && holds(note))
				activate(queue, note);
		}
	} while (n == BATCH);
}

/* Hands queued knotes out, each once, if their condition still holds. */
static int
scan(struct queue *queue, int kq, struct kevent *events, int nevents)
{
	struct knote *last = TAILQ_LAST(&queue->active, active);
	struct knote *note;
	int n = 0;
	bool end = last == NULL;

	while (n < nevents && !end) {
		note = TAILQ_FIRST(&queue->active);
		end = note == last;
		TAILQ_REMOVE(&queue->active, note, entry);
		note->queued = false;
		if (!is_open(kq, note)) {
			knote_free(queue, note);
			continue;
		}
		if (!holds(note))
			continue;
		events[n++] = note->kev;
		if (note->kev.flags & EV_ONESHOT) {
			detach(queue, kq, note);
			continue;
		}
		if (note->kev.flags & EV_CLEAR) {
			note->triggered = false;
			note->kev.fflags = 0;
			note->kev.data = 0;
		} else {
			activate(queue, note);
		}
	}
	return n;
}

static int64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * NS + now.tv_nsec;
}

/* What is not at once takes whole ticks, and the rest of the present one. */
static int64_t
in_ticks(int64_t ns)
{
	const long tick = model_kernel()->tick;

	if (tick == 0 || ns == 0)
		return ns;
	return (ns + tick - 1) / tick * tick + tick;
}

/* The last look, after the time is up or a signal came, decides. */
static int
wait_for(struct queue *queue, int kq, struct kevent *events, int nevents,
    const struct timespec *timeout)
{
	struct pollfd entry = { kq, POLLIN, 0 };
	int64_t deadline = 0;
	bool done = false;
	int error = 0;

	if (timeout != NULL)
		deadline = now_ns() + in_ticks((int64_t)timeout->tv_sec * NS +
		    timeout->tv_nsec);
	for (;;) {
		struct timespec rest = { 0, 0 };
		int64_t left = timeout != NULL ? deadline - now_ns() : 0;
		struct guard guard;
		int n;

		enter(&guard);
		harvest(queue, kq);
		n = scan(queue, kq, events, nevents);
		set_bell(queue, kq);
		leave(&guard);
		if (n > 0)
			return n;
		if (done || (timeout != NULL && left <= 0)) {
			errno = error;
			return error != 0 ? -1 : 0;
		}
		rest.tv_sec = (time_t)(left / NS);
		rest.tv_nsec = (long)(left % NS);
		n = ppoll(&entry, 1, timeout != NULL ? &rest : NULL, NULL);
		if (n < 0)
			error = errno;
		else if (n > 0 && (entry.revents & POLLNVAL))
			error = EBADF;
		done = n == 0 || error != 0;
	}
}

static bool
valid(const struct timespec *timeout)
{
	return timeout == NULL ||
	    (timeout->tv_sec >= 0 && timeout->tv_sec <= LONGEST_SEC &&
		timeout->tv_nsec >= 0 && timeout->tv_nsec < NS);
}

int
kevent(int kq, const struct kevent *changes, int nchanges,
    struct kevent *events, int nevents, const struct timespec *timeout)
{
	struct guard guard;
	struct queue *queue;
	int results = -1;

	enter(&guard);
	queue = queue_of(kq);
	if (queue == NULL) {
		errno = EBADF;
	} else if (nchanges < 0 || nevents < 0 || !valid(timeout)) {
		errno = EINVAL;
	} else {
		results = apply_all(
		    queue, kq, changes, nchanges, events, nevents);
		set_bell(queue, kq);
	}
	leave(&guard);
	if (results != 0 || nevents == 0)
		return results;
	return wait_for(queue, kq, events, nevents, timeout);
}

int
kqueue(void)
{
	int fd = (int)syscall(SYS_epoll_create1, 0);
	struct queue *queue;
	struct guard guard;

	if (fd < 0)
		return -1;
	enter(&guard);
	queue = take(sizeof(*queue));
	if (queue != NULL) {
		for (struct queue *old = queues; old != NULL; old = old->next)
			if (old->fd == fd)
				old->fd = -1;
		queue->serial = ++last_serial;
		queue->fd = fd;
		TAILQ_INIT(&queue->active);
		queue->next = queues;
		queues = queue;
	}
	if (queue == NULL ||
	    watch(fd, EPOLL_CTL_ADD, bell, 0,
		(uint64_t)queue->serial << 32) < 0) {
		close(fd);
		fd = -1;
		errno = ENOMEM;
	}
	leave(&guard);
	return fd;
}

int
model_kqueue_finish(int kq, const struct kevent *event)
{
	struct knote *note = NULL;
	struct queue *queue;
	struct guard guard;

	enter(&guard);
	queue = queue_of(kq);
	if (queue == NULL)
		errno = EBADF;
	else if ((note = knote_new(queue, event)) == NULL)
		errno = ENOMEM;
	if (note != NULL) {
		note->kev.flags = event->flags | EV_ONESHOT;
		note->triggered = true;
		activate(queue, note);
		set_bell(queue, kq);
	}
	leave(&guard);
	return note != NULL ? 0 : -1;
}

/* A child of fork(2) has no kqueues: their numbers are free there. */

static struct guard forking;

static void
before_fork(void)
{
	struct guard guard;

	enter(&guard);
	forking = guard;
}

static void
after_fork(void)
{
	struct guard guard = forking;

	leave(&guard);
}

static void
in_child(void)
{
	for (struct queue *queue = queues; queue != NULL; queue = queue->next)
		if (queue->fd >= 0 && is_kqueue(queue->fd))
			close(queue->fd);
	queues = NULL;
	after_fork();
}

/* At start, so that the program finds no new descriptor later. */
static __attribute__((constructor)) void
start(void)
{
	int fd = eventfd(1, EFD_CLOEXEC);

	/* Out of the way, unless only a few are allowed. */
	bell = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, BELL_FROM);
	if (bell >= 0)
		close(fd);
	else
		bell = fd;
	if (bell < 0 ||
	    pthread_atfork(before_fork, after_fork, in_child) != 0)
		abort();
}
