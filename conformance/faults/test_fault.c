/* SPDX-License-Identifier: MIT */
/*
 * Every system call and allocation behind a call of the library fails once, in
 * its turn, as faults.def says: the error comes back, the output is untouched,
 * nothing leaks, and the same call then succeeds.  Also: short reads and
 * writes, interruptions without end, and a signal whose handler wakes the poll
 * at each of these places.  Linked with --wrap.
 */

#include "config.h"

#include <stdio.h>

#ifndef __linux__

int
main(void)
{
	fprintf(stderr, "SKIP: wraps what Linux has\n");
	return 77;
}

#else

#include <mio.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "asan.h"

enum {
	MAX_FD = 512,
	MANY = 80, /* registrations, to make a table grow */
	TURNS = 40, /* no call makes another this often */
	STORM = 1000,
	UNTOUCHED = 0x5a
};

enum call {
#define CALL(name) CALL_##name,
#include "faults.def"
	CALLS,
	/* Never fail, but a signal may come here: with the lock held. */
	LOCKED = CALLS,
	UNLOCKS,
	POINTS
};

static const char *const call_names[POINTS] = {
#define CALL(name) #name,
#include "faults.def"
	"pthread_mutex_lock",
	"pthread_mutex_unlock",
};

/* What one failing call makes of the call under test: see faults.def. */
enum outcome { PASSES, NOTSUP, RETRIED, FALLS_BACK };

struct fault {
	enum call call;
	int err;
	enum outcome outcome;
};

static const struct fault faults[] = {
#define FAULT(name, err, outcome) { CALL_##name, err, outcome },
#include "faults.def"
};

/*
 * What is due, and what was seen of it: a failure; or, with `wakes`, a signal
 * whose handler wakes it; or, with `shortens`, less than was asked for.
 */
static _Thread_local struct {
	bool armed, fired, shortens;
	enum call call;
	int turn, times, seen, err;
	struct mio_waker *wakes;
} plan;

/* As on a system that lacks the calls that set flags on creation. */
static bool old_system;
static atomic_long live_blocks;
static atomic_int calls_seen[POINTS];

static bool
strikes(enum call call)
{
	if (!plan.armed || plan.call != call)
		return false;
	plan.seen++;
	return plan.seen >= plan.turn && plan.seen < plan.turn + plan.times;
}

/* Others of the handler's own calls are not counted. */
static void
interrupt(enum call call)
{
	if (plan.wakes == NULL || !strikes(call))
		return;
	plan.fired = true;
	plan.armed = false;
	raise(SIGUSR1);
	plan.armed = true;
}

static bool
fails(enum call call)
{
	calls_seen[call]++;
	if (plan.wakes != NULL) {
		interrupt(call);
		return false;
	}
	if (plan.shortens || !strikes(call))
		return false;
	plan.fired = true;
	errno = plan.err;
	return true;
}

/* A byte of what was asked for. */
static size_t
shorter(enum call call, size_t len)
{
	if (!plan.shortens || len < 2 || !strikes(call))
		return len;
	plan.fired = true;
	return 1;
}

static bool
missing(int err)
{
	if (!old_system)
		return false;
	errno = err;
	return true;
}

#define WRAP(type, name, params)                                              \
	type __real_##name params;                                            \
	type __wrap_##name params;                                            \
	type __wrap_##name params

/* After so many calls of malloc, what another thread does in the next. */
static int until_then;
static void then(void);

WRAP(void *, malloc, (size_t size))
{
	void *p;

	if (until_then > 0 && --until_then == 0)
		then();
	p = fails(CALL_malloc) ? NULL : __real_malloc(size);
	live_blocks += p != NULL;
	return p;
}

WRAP(void *, calloc, (size_t count, size_t size))
{
	void *p = fails(CALL_calloc) ? NULL : __real_calloc(count, size);

	live_blocks += p != NULL;
	return p;
}

WRAP(void *, realloc, (void *old, size_t size))
{
	const bool fresh = old == NULL;
	void *p = fails(CALL_realloc) ? NULL : __real_realloc(old, size);

	live_blocks += fresh && p != NULL;
	return p;
}

WRAP(void, free, (void *p))
{
	live_blocks -= p != NULL;
	__real_free(p);
}

WRAP(int, epoll_create1, (int flags))
{
	return fails(CALL_epoll_create1) ? -1 : __real_epoll_create1(flags);
}

struct epoll_event;
WRAP(int, epoll_ctl, (int epfd, int op, int fd, struct epoll_event *event))
{
	return fails(CALL_epoll_ctl) ? -1 : __real_epoll_ctl(epfd, op, fd, event);
}

WRAP(int, epoll_wait,
    (int epfd, struct epoll_event *events, int n, int timeout))
{
	return fails(CALL_epoll_wait)
	    ? -1
	    : __real_epoll_wait(epfd, events, n, timeout);
}

#ifdef HAVE_EPOLL_PWAIT2
WRAP(int, epoll_pwait2,
    (int epfd, struct epoll_event *events, int n,
	const struct timespec *timeout, const sigset_t *mask))
{
	return fails(CALL_epoll_pwait2)
	    ? -1
	    : __real_epoll_pwait2(epfd, events, n, timeout, mask);
}
#endif

WRAP(int, poll, (struct pollfd * fds, nfds_t n, int timeout))
{
	return fails(CALL_poll) ? -1 : __real_poll(fds, n, timeout);
}

WRAP(int, ppoll,
    (struct pollfd * fds, nfds_t n, const struct timespec *timeout,
	const sigset_t *mask))
{
	return fails(CALL_ppoll) ? -1 : __real_ppoll(fds, n, timeout, mask);
}

WRAP(int, eventfd, (unsigned count, int flags))
{
	return fails(CALL_eventfd) ? -1 : __real_eventfd(count, flags);
}

WRAP(int, pipe2, (int fd[2], int flags))
{
	return fails(CALL_pipe2) || missing(ENOSYS) ? -1 : __real_pipe2(fd, flags);
}

WRAP(int, pipe, (int fd[2]))
{
	return fails(CALL_pipe) ? -1 : __real_pipe(fd);
}

WRAP(int, socket, (int domain, int type, int protocol))
{
	if (fails(CALL_socket))
		return -1;
	if ((type & (SOCK_CLOEXEC | SOCK_NONBLOCK)) != 0 && missing(EINVAL))
		return -1;
	return __real_socket(domain, type, protocol);
}

WRAP(int, bind, (int fd, const struct sockaddr *addr, socklen_t len))
{
	return fails(CALL_bind) ? -1 : __real_bind(fd, addr, len);
}

WRAP(int, listen, (int fd, int backlog))
{
	return fails(CALL_listen) ? -1 : __real_listen(fd, backlog);
}

WRAP(int, connect, (int fd, const struct sockaddr *addr, socklen_t len))
{
	if (!fails(CALL_connect))
		return __real_connect(fd, addr, len);
	/* What it has begun goes on. */
	if (plan.err == EINPROGRESS || plan.err == EINTR) {
		__real_connect(fd, addr, len);
		errno = plan.err;
	}
	return -1;
}

WRAP(int, accept4,
    (int fd, struct sockaddr *addr, socklen_t *len, int flags))
{
	if (fails(CALL_accept4) || missing(ENOSYS))
		return -1;
	return __real_accept4(fd, addr, len, flags);
}

WRAP(int, accept, (int fd, struct sockaddr *addr, socklen_t *len))
{
	return fails(CALL_accept) ? -1 : __real_accept(fd, addr, len);
}

WRAP(int, setsockopt,
    (int fd, int level, int name, const void *value, socklen_t len))
{
	return fails(CALL_setsockopt)
	    ? -1
	    : __real_setsockopt(fd, level, name, value, len);
}

/* Whose wake comes between another's claim and its signal. */
static struct mio_waker *overtaking;
static int overtaken_error; /* of the other's write */
static void overtake(struct mio_waker *waker);

WRAP(ssize_t, write, (int fd, const void *buf, size_t len))
{
	if (overtaking != NULL)
		overtake(overtaking);
	return fails(CALL_write) ? -1
				 : __real_write(fd, buf,
				       shorter(CALL_write, len));
}

WRAP(ssize_t, read, (int fd, void *buf, size_t len))
{
	return fails(CALL_read)
	    ? -1
	    : __real_read(fd, buf, shorter(CALL_read, len));
}

WRAP(ssize_t, recv, (int fd, void *buf, size_t len, int flags))
{
	return fails(CALL_recv)
	    ? -1
	    : __real_recv(fd, buf, shorter(CALL_recv, len), flags);
}

WRAP(ssize_t, recvfrom,
    (int fd, void *buf, size_t len, int flags, struct sockaddr *addr,
	socklen_t *addrlen))
{
	return fails(CALL_recvfrom)
	    ? -1
	    : __real_recvfrom(fd, buf, shorter(CALL_recvfrom, len), flags,
		  addr, addrlen);
}

WRAP(ssize_t, send, (int fd, const void *buf, size_t len, int flags))
{
	return fails(CALL_send)
	    ? -1
	    : __real_send(fd, buf, shorter(CALL_send, len), flags);
}

WRAP(ssize_t, sendto,
    (int fd, const void *buf, size_t len, int flags,
	const struct sockaddr *addr, socklen_t addrlen))
{
	return fails(CALL_sendto)
	    ? -1
	    : __real_sendto(fd, buf, shorter(CALL_sendto, len), flags, addr,
		  addrlen);
}

/* The first part of the first; the message's own list stays as it is. */
static struct iovec
shorter_iov(enum call call, const struct iovec *iov)
{
	struct iovec part = iov[0];

	part.iov_len = shorter(call, part.iov_len);
	return part;
}

WRAP(ssize_t, readv, (int fd, const struct iovec *iov, int n))
{
	struct iovec part;

	if (fails(CALL_readv))
		return -1;
	part = shorter_iov(CALL_readv, iov);
	return plan.shortens && plan.fired ? __real_readv(fd, &part, 1)
					   : __real_readv(fd, iov, n);
}

WRAP(ssize_t, writev, (int fd, const struct iovec *iov, int n))
{
	struct iovec part;

	if (fails(CALL_writev))
		return -1;
	part = shorter_iov(CALL_writev, iov);
	return plan.shortens && plan.fired ? __real_writev(fd, &part, 1)
					   : __real_writev(fd, iov, n);
}

WRAP(ssize_t, recvmsg, (int fd, struct msghdr *msg, int flags))
{
	struct iovec part;
	struct msghdr copy = *msg;

	if (fails(CALL_recvmsg))
		return -1;
	part = shorter_iov(CALL_recvmsg, msg->msg_iov);
	if (!plan.shortens || !plan.fired)
		return __real_recvmsg(fd, msg, flags);
	copy.msg_iov = &part;
	copy.msg_iovlen = 1;
	return __real_recvmsg(fd, &copy, flags);
}

WRAP(ssize_t, sendmsg, (int fd, const struct msghdr *msg, int flags))
{
	struct iovec part;
	struct msghdr copy = *msg;

	if (fails(CALL_sendmsg))
		return -1;
	part = shorter_iov(CALL_sendmsg, msg->msg_iov);
	if (!plan.shortens || !plan.fired)
		return __real_sendmsg(fd, msg, flags);
	copy.msg_iov = &part;
	copy.msg_iovlen = 1;
	return __real_sendmsg(fd, &copy, flags);
}

/* The descriptor is gone whatever close(2) says; the more so after a fault. */
WRAP(int, close, (int fd))
{
	const bool cleans_up = plan.armed && plan.fired &&
	    plan.wakes == NULL && !plan.shortens;
	const bool failed = fails(CALL_close);
	const int result = __real_close(fd);

	if (failed)
		errno = plan.err;
	else if (cleans_up)
		errno = EIO;
	return failed || cleans_up ? -1 : result;
}

WRAP(int, fstat, (int fd, struct stat *st))
{
	return fails(CALL_fstat) ? -1 : __real_fstat(fd, st);
}

/* What fstat is called with 64-bit offsets. */
WRAP(int, fstat64, (int fd, struct stat *st))
{
	return fails(CALL_fstat) ? -1 : __real_fstat64(fd, st);
}

WRAP(int, getsockname, (int fd, struct sockaddr *addr, socklen_t *len))
{
	return fails(CALL_getsockname) ? -1
				       : __real_getsockname(fd, addr, len);
}

WRAP(int, getpeername, (int fd, struct sockaddr *addr, socklen_t *len))
{
	return fails(CALL_getpeername) ? -1
				       : __real_getpeername(fd, addr, len);
}

WRAP(int, getsockopt,
    (int fd, int level, int name, void *value, socklen_t *len))
{
	return fails(CALL_getsockopt)
	    ? -1
	    : __real_getsockopt(fd, level, name, value, len);
}

WRAP(int, shutdown, (int fd, int how))
{
	return fails(CALL_shutdown) ? -1 : __real_shutdown(fd, how);
}

/* Linux gives the lower number first; nobody promises that. */
static bool backwards;

WRAP(int, socketpair, (int domain, int type, int protocol, int fd[2]))
{
	int made[2];

	if (fails(CALL_socketpair))
		return -1;
	if ((type & (SOCK_CLOEXEC | SOCK_NONBLOCK)) != 0 && missing(EINVAL))
		return -1;
	if (__real_socketpair(domain, type, protocol, made) == -1)
		return -1;
	fd[0] = made[backwards];
	fd[1] = made[!backwards];
	return 0;
}

WRAP(int, pthread_mutex_init,
    (pthread_mutex_t * lock, const pthread_mutexattr_t *attr))
{
	return fails(CALL_pthread_mutex_init)
	    ? plan.err
	    : __real_pthread_mutex_init(lock, attr);
}

WRAP(int, pthread_mutex_lock, (pthread_mutex_t * lock))
{
	const int result = __real_pthread_mutex_lock(lock);

	calls_seen[LOCKED]++;
	interrupt(LOCKED);
	return result;
}

WRAP(int, pthread_mutex_unlock, (pthread_mutex_t * lock))
{
	calls_seen[UNLOCKS]++;
	interrupt(UNLOCKS);
	return __real_pthread_mutex_unlock(lock);
}

/* No command used here takes more than a long. */
int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int
__wrap_fcntl(int fd, int command, ...)
{
	va_list ap;
	long arg;

	va_start(ap, command);
	arg = va_arg(ap, long);
	va_end(ap);
	return fails(CALL_fcntl) ? -1 : __real_fcntl(fd, command, arg);
}

/* What fcntl is called with 64-bit offsets. */
int __wrap_fcntl64(int fd, int command, ...);
int
__wrap_fcntl64(int fd, int command, ...)
{
	va_list ap;
	long arg;

	va_start(ap, command);
	arg = va_arg(ap, long);
	va_end(ap);
	return fails(CALL_fcntl) ? -1 : __real_fcntl(fd, command, arg);
}

static const char *backend;
static const char *doing = "";
static int failures;

#define CHECK(cond) check((cond), #cond, __LINE__)

static void
check(bool ok, const char *what, int line)
{
	int saved = errno;

	if (ok)
		return;
	failures++;
	fprintf(stderr, "FAIL %s, %s%s: line %d: %s (errno %d: %s)", backend,
	    doing, old_system ? " (old system)" : "", line, what, saved,
	    strerror(saved));
	if (plan.call < POINTS && plan.turn > 0)
		fprintf(stderr, " [%s number %d: %s]", call_names[plan.call],
		    plan.turn,
		    plan.shortens            ? "short"
			: plan.wakes != NULL ? "interrupted"
					     : strerror(plan.err));
	fputc('\n', stderr);
	if (failures >= 50)
		exit(1);
}

/* For what the test itself needs: no point in going on without. */
static void
need(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "ERROR %s, %s: %s: %s\n", backend, doing, what,
	    strerror(errno));
	exit(1);
}

static int
open_fds(void)
{
	struct pollfd fds[MAX_FD];
	int fd, n = 0;

	for (fd = 0; fd < MAX_FD; fd++) {
		fds[fd].fd = fd;
		fds[fd].events = 0;
	}
	if (__real_poll(fds, MAX_FD, 0) == -1)
		return -1;
	for (fd = 0; fd < MAX_FD; fd++)
		if ((fds[fd].revents & POLLNVAL) == 0)
			n++;
	return n;
}

static int64_t
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * MIO_SEC + ts.tv_nsec;
}

/* What a scenario works on; made afresh for each fault. */
struct world {
	struct mio_poll *poll;
	struct mio_events *events;
	struct mio_waker *waker;
	struct mio_waker *others[16];
	struct mio_source listener, client, rx, tx;
	struct sockaddr_in addr;
	int fd[2];

	/* Outputs: of the call under test, and how they looked before. */
	struct mio_poll *new_poll;
	struct mio_events *new_events;
	struct mio_waker *new_waker;
	struct mio_source out[2], before[2];
	char buf[8];
	size_t left; /* bytes that rx still has to get */
	bool woken; /* the poll under test saw the waker */
};

static bool
comes(struct world *w, mio_token token, uint32_t flags)
{
	const int64_t end = now() + 5 * MIO_SEC;
	uint32_t seen = 0;
	int n;

	while ((seen & flags) != flags && now() < end) {
		n = mio_poll(w->poll, w->events, 200 * MIO_MSEC);
		if (n == -1)
			return false;
		MIO_EVENTS_FOREACH (event, w->events)
			if (event->token == token)
				seen |= event->readiness;
	}
	return (seen & flags) == flags;
}

static void
settle(struct world *w)
{
	int i;

	for (i = 0; i < 20; i++)
		if (mio_poll(w->poll, w->events, MIO_MSEC) <= 0)
			return;
}

static struct mio_registry *
registry(struct world *w)
{
	return mio_poll_registry(w->poll);
}

static void
world_new(struct world *w)
{
	static const struct mio_source empty = MIO_SOURCE_INIT;

	memset(w, 0, sizeof *w);
	w->listener = w->client = w->rx = w->tx = empty;
	w->fd[0] = w->fd[1] = -1;
	memset(w->out, UNTOUCHED, sizeof w->out);
	memcpy(w->before, w->out, sizeof w->out);
	memset(w->buf, UNTOUCHED, sizeof w->buf);
	w->addr.sin_family = AF_INET;
	w->addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	need(mio_poll_new_backend(&w->poll, backend) == 0, "poll");
	need(mio_events_new(&w->events, 16) == 0, "events");
}

static void
world_free(struct world *w)
{
	int i;

	mio_source_close(&w->listener);
	mio_source_close(&w->client);
	mio_source_close(&w->rx);
	mio_source_close(&w->tx);
	for (i = 0; i < 2; i++)
		if (w->fd[i] != -1)
			close(w->fd[i]);
	mio_waker_free(w->waker);
	for (i = 0; i < 16; i++)
		mio_waker_free(w->others[i]);
	mio_poll_free(w->poll);
	mio_events_free(w->events);
}

static void
with_listener(struct world *w)
{
	socklen_t len = sizeof w->addr;

	need(mio_tcp_listen(
		 &w->listener, (struct sockaddr *)&w->addr, len) == 0,
	    "listen");
	need(mio_source_local_addr(&w->listener,
		 (struct sockaddr *)&w->addr, &len) == 0,
	    "address");
	need(mio_registry_register(
		 registry(w), &w->listener, 1, MIO_READABLE) == 0,
	    "register");
}

static void
with_connection(struct world *w)
{
	with_listener(w);
	need(mio_tcp_connect(&w->client, (struct sockaddr *)&w->addr,
		 sizeof w->addr) == 0,
	    "connect");
	need(comes(w, 1, MIO_READABLE), "queued connection");
}

static void
with_pipe(struct world *w)
{
	need(mio_pipe_new(&w->rx, &w->tx) == 0, "pipe");
}

static void
with_waker(struct world *w)
{
	need(mio_waker_new(&w->waker, registry(w), 9) == 0, "waker");
}

/* As many as a registry has room for in itself. */
static void
with_many_wakers(struct world *w)
{
	int i;

	for (i = 0; i < 16; i++)
		need(mio_waker_new(&w->others[i], registry(w), 9) == 0,
		    "wakers");
}

static void
with_raw_socket(struct world *w)
{
	w->fd[0] = __real_socket(AF_INET, SOCK_DGRAM, 0);
	need(w->fd[0] != -1, "socket");
}

static void
with_raw_pipe(struct world *w)
{
	need(__real_pipe(w->fd) == 0, "pipe");
}

static int
run_poll(struct world *w)
{
	w->new_poll = (struct mio_poll *)(void *)w;
	return mio_poll_new_backend(&w->new_poll, backend);
}

static void
poll_works(struct world *w)
{
	struct mio_poll *mine = w->poll;

	w->poll = w->new_poll;
	with_waker(w);
	CHECK(mio_waker_wake(w->waker) == 0);
	CHECK(comes(w, 9, MIO_READABLE));
	mio_waker_free(w->waker);
	w->waker = NULL;
	w->poll = mine;
	mio_poll_free(w->new_poll);
}

static bool
poll_untouched(struct world *w)
{
	return w->new_poll == (struct mio_poll *)(void *)w;
}

static int
run_events(struct world *w)
{
	w->new_events = (struct mio_events *)(void *)w;
	return mio_events_new(&w->new_events, 64);
}

static void
events_work(struct world *w)
{
	CHECK(mio_events_capacity(w->new_events) == 64);
	CHECK(mio_poll(w->poll, w->new_events, 0) == 0);
	mio_events_free(w->new_events);
}

static bool
events_untouched(struct world *w)
{
	return w->new_events == (struct mio_events *)(void *)w;
}

static int
run_waker(struct world *w)
{
	w->new_waker = (struct mio_waker *)(void *)w;
	return mio_waker_new(&w->new_waker, registry(w), 5);
}

static void
waker_works(struct world *w)
{
	CHECK(mio_waker_wake(w->new_waker) == 0);
	CHECK(comes(w, 5, MIO_READABLE));
	mio_waker_free(w->new_waker);
}

static bool
waker_untouched(struct world *w)
{
	return w->new_waker == (struct mio_waker *)(void *)w;
}

static bool
sources_untouched(struct world *w)
{
	return memcmp(w->out, w->before, sizeof w->out) == 0;
}

/* Close-on-exec and non-blocking, whichever way it was made. */
static void
check_flags(const struct mio_source *source)
{
	mio_handle fd = mio_source_handle(source);

	CHECK((__real_fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	CHECK((__real_fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
}

static int
run_listen(struct world *w)
{
	w->addr.sin_port = 0;
	return mio_tcp_listen(
	    &w->out[0], (struct sockaddr *)&w->addr, sizeof w->addr);
}

static void
listen_works(struct world *w)
{
	struct mio_source s = MIO_SOURCE_INIT;
	socklen_t len = sizeof w->addr;

	check_flags(&w->out[0]);
	CHECK(mio_source_local_addr(
		  &w->out[0], (struct sockaddr *)&w->addr, &len) == 0);
	CHECK(mio_registry_register(
		  registry(w), &w->out[0], 3, MIO_READABLE) == 0);
	CHECK(mio_tcp_connect(
		  &w->client, (struct sockaddr *)&w->addr, len) == 0);
	CHECK(comes(w, 3, MIO_READABLE));
	CHECK(mio_source_accept(&w->out[0], &s, NULL, NULL) == 0);
	mio_source_close(&s);
	mio_source_close(&w->out[0]);
}

static int
run_connect(struct world *w)
{
	return mio_tcp_connect(
	    &w->out[0], (struct sockaddr *)&w->addr, sizeof w->addr);
}

static void
stream_works(struct world *w)
{
	check_flags(&w->out[0]);
	CHECK(mio_registry_register(
		  registry(w), &w->out[0], 4, MIO_WRITABLE) == 0);
	CHECK(comes(w, 4, MIO_WRITABLE));
	CHECK(mio_source_connect_result(&w->out[0]) == 0);
	CHECK(mio_source_write(&w->out[0], "x", 1) == 1);
	mio_source_close(&w->out[0]);
}

static int
run_accept(struct world *w)
{
	return mio_source_accept(&w->listener, &w->out[0], NULL, NULL);
}

static int
run_pipe(struct world *w)
{
	return mio_pipe_new(&w->out[0], &w->out[1]);
}

static void
pipe_works(struct world *w)
{
	char c;

	check_flags(&w->out[0]);
	check_flags(&w->out[1]);
	CHECK(mio_source_read(&w->out[0], &c, 1) == -1 && errno == EAGAIN);
	CHECK(mio_source_write(&w->out[1], "x", 1) == 1);
	CHECK(mio_source_read(&w->out[0], &c, 1) == 1);
	mio_source_close(&w->out[0]);
	mio_source_close(&w->out[1]);
}

static int
run_from_fd(struct world *w)
{
	return mio_source_from_fd(&w->out[0], w->fd[0]);
}

static void
from_fd_works(struct world *w)
{
	char c;

	CHECK(mio_source_handle(&w->out[0]) == w->fd[0]);
	CHECK(mio_source_read(&w->out[0], &c, 1) == -1 && errno == EAGAIN);
	CHECK(mio_source_into_fd(&w->out[0]) == w->fd[0]);
}

/* The descriptor is still the caller's, and as it was. */
static bool
fd_untouched(struct world *w)
{
	return sources_untouched(w) &&
	    (__real_fcntl(w->fd[0], F_GETFL) & O_NONBLOCK) == 0;
}

static void
with_source(struct world *w)
{
	with_pipe(w);
	w->before[0] = w->rx;
}

static int
run_register(struct world *w)
{
	return mio_registry_register(registry(w), &w->rx, 6, MIO_READABLE);
}

static void
registered(struct world *w)
{
	CHECK(mio_source_write(&w->tx, "x", 1) == 1);
	CHECK(comes(w, 6, MIO_READABLE));
	CHECK(mio_registry_deregister(registry(w), &w->rx) == 0);
	CHECK(mio_registry_register(
		  registry(w), &w->rx, 6, MIO_READABLE) == 0);
}

static bool
source_untouched(struct world *w)
{
	return memcmp(&w->rx, &w->before[0], sizeof w->rx) == 0;
}

static void
with_registered(struct world *w)
{
	with_pipe(w);
	need(mio_registry_register(registry(w), &w->rx, 8, MIO_READABLE) == 0,
	    "register");
	w->before[0] = w->rx;
}

static int
run_reregister(struct world *w)
{
	return mio_registry_reregister(registry(w), &w->rx, 6, MIO_READABLE);
}

/* Token and interests are the old ones, and events come. */
static bool
still_registered(struct world *w)
{
	char c;

	return source_untouched(w) &&
	    mio_source_write(&w->tx, "x", 1) == 1 &&
	    comes(w, 8, MIO_READABLE) && mio_source_read(&w->rx, &c, 1) == 1 &&
	    mio_source_read(&w->rx, &c, 1) == -1 && errno == EAGAIN;
}

static void
with_raw_fd(struct world *w)
{
	with_raw_pipe(w);
}

static int
run_register_fd(struct world *w)
{
	return mio_registry_register_fd(
	    registry(w), w->fd[0], 6, MIO_READABLE);
}

static void
fd_registered(struct world *w)
{
	CHECK(__real_write(w->fd[1], "x", 1) == 1);
	CHECK(comes(w, 6, MIO_READABLE));
	CHECK(mio_registry_deregister_fd(registry(w), w->fd[0]) == 0);
}

static bool
fd_not_registered(struct world *w)
{
	return mio_registry_deregister_fd(registry(w), w->fd[0]) == -1 &&
	    errno == ENOENT;
}

/* With events of rx, which is or was registered as 8. */
static void
pair_works(struct world *w)
{
	char buf[8];
	size_t got = 0;
	ssize_t n;

	while ((n = mio_source_read(&w->rx, buf, sizeof buf)) > 0)
		got += (size_t)n;
	CHECK(n == -1 && errno == EAGAIN);
	CHECK(got == w->left);
	CHECK(mio_source_write(&w->tx, "x", 1) == 1);
	CHECK(comes(w, 8, MIO_READABLE));
	CHECK(mio_source_read(&w->rx, buf, sizeof buf) == 1);
	CHECK(mio_source_read(&w->rx, buf, sizeof buf) == -1);
	CHECK(errno == EAGAIN);
}

static void
pair_registered(struct world *w)
{
	need(mio_registry_register(registry(w), &w->rx, 8, MIO_READABLE) == 0,
	    "register");
	w->before[0] = w->rx;
}

static void
with_sockets(struct world *w)
{
	need(mio_unix_pair(&w->rx, &w->tx) == 0, "pair");
	pair_registered(w);
	w->left = 3;
}

static void
with_pipes(struct world *w)
{
	with_pipe(w);
	pair_registered(w);
	w->left = 3;
}

static void
with_data(struct world *w)
{
	with_sockets(w);
	need(mio_source_write(&w->tx, "abc", 3) == 3, "write");
	need(comes(w, 8, MIO_READABLE), "data");
	w->left = 0;
}

static bool
buffer_untouched(struct world *w)
{
	char same[sizeof w->buf];

	memset(same, UNTOUCHED, sizeof same);
	return source_untouched(w) && memcmp(w->buf, same, sizeof same) == 0;
}

static ssize_t
io_read(struct world *w, struct iovec *iov)
{
	return mio_source_read(&w->rx, iov->iov_base, iov->iov_len);
}

static ssize_t
io_readv(struct world *w, struct iovec *iov)
{
	return mio_source_readv(&w->rx, iov, 1);
}

static ssize_t
io_recv(struct world *w, struct iovec *iov)
{
	return mio_source_recv(&w->rx, iov->iov_base, iov->iov_len, 0);
}

static ssize_t
io_recvfrom(struct world *w, struct iovec *iov)
{
	return mio_source_recvfrom(
	    &w->rx, iov->iov_base, iov->iov_len, 0, NULL, NULL);
}

static ssize_t
io_recvmsg(struct world *w, struct iovec *iov)
{
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 1 };

	return mio_source_recvmsg(&w->rx, &msg, 0);
}

static ssize_t
io_write(struct world *w, struct iovec *iov)
{
	return mio_source_write(&w->tx, iov->iov_base, iov->iov_len);
}

static ssize_t
io_writev(struct world *w, struct iovec *iov)
{
	return mio_source_writev(&w->tx, iov, 1);
}

static ssize_t
io_send(struct world *w, struct iovec *iov)
{
	return mio_source_send(&w->tx, iov->iov_base, iov->iov_len, 0);
}

static ssize_t
io_sendto(struct world *w, struct iovec *iov)
{
	return mio_source_sendto(
	    &w->tx, iov->iov_base, iov->iov_len, 0, NULL, 0);
}

static ssize_t
io_sendmsg(struct world *w, struct iovec *iov)
{
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 1 };

	return mio_source_sendmsg(&w->tx, &msg, 0);
}

static void
with_event(struct world *w)
{
	with_pipes(w);
	need(mio_source_write(&w->tx, "abc", 3) == 3, "write");
}

static void
with_wake(struct world *w)
{
	with_waker(w);
	settle(w);
	need(mio_waker_wake(w->waker) == 0, "wake");
}

static int
run_wait(struct world *w, int64_t timeout)
{
	int n = mio_poll(w->poll, w->events, timeout);

	MIO_EVENTS_FOREACH (event, w->events)
		w->woken |= event->token == 9;
	return n > 0 ? 0 : -1;
}

static int
run_wait_zero(struct world *w)
{
	return run_wait(w, 0);
}

static int
run_wait_timed(struct world *w)
{
	return run_wait(w, 5 * MIO_SEC);
}

static int
run_wait_forever(struct world *w)
{
	return run_wait(w, MIO_FOREVER);
}

static bool
no_events(struct world *w)
{
	return mio_events_count(w->events) == 0;
}

static void
with_quiet_waker(struct world *w)
{
	with_waker(w);
	settle(w);
}

static int
run_wake(struct world *w)
{
	return mio_waker_wake(w->waker);
}

static void
wakes(struct world *w)
{
	CHECK(w->woken || comes(w, 9, MIO_READABLE));
	CHECK(mio_waker_wake(w->waker) == 0);
	CHECK(comes(w, 9, MIO_READABLE));
}

static bool
anything(struct world *w)
{
	(void)w;
	return true;
}

static int
run_free_waker(struct world *w)
{
	mio_waker_free(w->waker);
	w->waker = NULL;
	return 0;
}

static void
new_waker_works(struct world *w)
{
	with_waker(w);
	CHECK(mio_waker_wake(w->waker) == 0);
	CHECK(comes(w, 9, MIO_READABLE));
}

static void
with_second_poll(struct world *w)
{
	need(mio_poll_new_backend(&w->new_poll, backend) == 0, "poll");
}

static int
run_free_poll(struct world *w)
{
	mio_poll_free(w->new_poll);
	w->new_poll = NULL;
	return 0;
}

static void
nothing(struct world *w)
{
	(void)w;
}

static int
run_deregister(struct world *w)
{
	return mio_registry_deregister(registry(w), &w->rx);
}

static void
deregistered(struct world *w)
{
	CHECK(mio_source_write(&w->tx, "x", 1) == 1);
	CHECK(mio_registry_register(
		  registry(w), &w->rx, 6, MIO_READABLE) == 0);
	CHECK(comes(w, 6, MIO_READABLE));
}

static void
with_registered_fd(struct world *w)
{
	with_raw_pipe(w);
	need(mio_registry_register_fd(
		 registry(w), w->fd[0], 6, MIO_READABLE) == 0,
	    "register");
}

static int
run_reregister_fd(struct world *w)
{
	return mio_registry_reregister_fd(
	    registry(w), w->fd[0], 6, MIO_READABLE);
}

static int
run_rearm_fd(struct world *w)
{
	return mio_registry_rearm_fd(registry(w), w->fd[0], MIO_READABLE);
}

static bool
fd_still_registered(struct world *w)
{
	char c;

	return __real_write(w->fd[1], "x", 1) == 1 &&
	    comes(w, 6, MIO_READABLE) && __real_read(w->fd[0], &c, 1) == 1;
}

static int
run_deregister_fd(struct world *w)
{
	return mio_registry_deregister_fd(registry(w), w->fd[0]);
}

static void
fd_deregistered(struct world *w)
{
	CHECK(run_register_fd(w) == 0);
	fd_registered(w);
}

static int
run_into_fd(struct world *w)
{
	w->fd[0] = mio_source_into_fd(&w->rx);
	return w->fd[0] == -1 ? -1 : 0;
}

static void
into_fd_works(struct world *w)
{
	CHECK(mio_source_handle(&w->rx) == MIO_INVALID_HANDLE);
	w->fd[1] = mio_source_into_fd(&w->tx);
	/* What epoll was prevented from removing, it still has. */
	if (strncmp(backend, "epoll", 5) == 0 && plan.fired &&
	    plan.wakes == NULL)
		return;
	CHECK(run_register_fd(w) == 0);
	fd_registered(w);
}

static void
with_stream(struct world *w)
{
	with_connection(w);
	need(mio_source_accept(&w->listener, &w->rx, NULL, NULL) == 0,
	    "accept");
	pair_registered(w);
}

static void
stream_is_whole(struct world *w)
{
	char c;

	CHECK(mio_source_write(&w->client, "x", 1) == 1);
	CHECK(comes(w, 8, MIO_READABLE));
	CHECK(mio_source_read(&w->rx, &c, 1) == 1);
}

static int
run_local_addr(struct world *w)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof addr;

	return mio_source_local_addr(&w->rx, (struct sockaddr *)&addr, &len);
}

static int
run_peer_addr(struct world *w)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof addr;

	return mio_source_peer_addr(&w->rx, (struct sockaddr *)&addr, &len);
}

static int
run_take_error(struct world *w)
{
	int error;

	return mio_source_take_error(&w->rx, &error);
}

static int
run_connect_result(struct world *w)
{
	return mio_source_connect_result(&w->client);
}

static int
run_set_nodelay(struct world *w)
{
	return mio_tcp_set_nodelay(&w->client, true);
}

static int
run_nodelay(struct world *w)
{
	bool on;

	return mio_tcp_nodelay(&w->client, &on);
}

static int
run_shutdown(struct world *w)
{
	return mio_source_shutdown(&w->client, SHUT_RD);
}

static int
run_udp_bind(struct world *w)
{
	w->addr.sin_port = 0;
	return mio_udp_bind(
	    &w->out[0], (struct sockaddr *)&w->addr, sizeof w->addr);
}

static void
udp_works(struct world *w)
{
	socklen_t len = sizeof w->addr;
	char c;

	check_flags(&w->out[0]);
	CHECK(mio_source_local_addr(
		  &w->out[0], (struct sockaddr *)&w->addr, &len) == 0);
	CHECK(mio_source_sendto(&w->out[0], "x", 1, 0,
		  (struct sockaddr *)&w->addr, len) == 1);
	CHECK(mio_source_recv(&w->out[0], &c, 1, 0) == 1);
	mio_source_close(&w->out[0]);
}

static void
with_udp(struct world *w)
{
	socklen_t len = sizeof w->addr;

	need(mio_udp_bind(&w->rx, (struct sockaddr *)&w->addr, len) == 0 &&
		mio_source_local_addr(
		    &w->rx, (struct sockaddr *)&w->addr, &len) == 0,
	    "udp");
	w->before[0] = w->rx;
}

/* To itself, so that it is connected again and again. */
static int
run_udp_connect(struct world *w)
{
	return mio_source_connect(
	    &w->rx, (struct sockaddr *)&w->addr, sizeof w->addr);
}

static void
udp_connected(struct world *w)
{
	char c;

	CHECK(mio_source_send(&w->rx, "x", 1, 0) == 1);
	CHECK(mio_source_recv(&w->rx, &c, 1, 0) == 1);
}

static int
run_pair(struct world *w)
{
	return mio_unix_pair(&w->out[0], &w->out[1]);
}

#define BIT(name) (UINT64_C(1) << CALL_##name)

/* What configure found decides which calls there are to fail. */
#define MAKES_SOCKET_OLD (BIT(socket) | BIT(fcntl))
#ifdef HAVE_SOCK_CLOEXEC
#define ONE_CALL_SOCKET 1
#define MAKES_SOCKET BIT(socket)
#else
#define ONE_CALL_SOCKET 0
#define MAKES_SOCKET MAKES_SOCKET_OLD
#endif
#define ACCEPTS_OLD (BIT(accept) | BIT(fcntl))
#if defined(HAVE_ACCEPT4) && defined(HAVE_SOCK_CLOEXEC)
#define ACCEPTS BIT(accept4)
#else
#define ACCEPTS ACCEPTS_OLD
#endif
#define MAKES_PIPE_OLD (BIT(pipe) | BIT(fcntl))
#ifdef HAVE_PIPE2
#define MAKES_PIPE BIT(pipe2)
#else
#define MAKES_PIPE MAKES_PIPE_OLD
#endif
#define MAKES_PAIR_OLD (BIT(socketpair) | BIT(fcntl))
#if ONE_CALL_SOCKET
#define MAKES_PAIR BIT(socketpair)
#else
#define MAKES_PAIR MAKES_PAIR_OLD
#endif
#define LISTENS (BIT(setsockopt) | BIT(bind) | BIT(listen))
#define POLLS (BIT(poll) | BIT(ppoll))

struct scenario {
	const char *name;
	void (*prepare)(struct world *w);
	int (*run)(struct world *w);
	bool (*untouched)(struct world *w);
	void (*works)(struct world *w);
	uint64_t must, must_old; /* calls that it cannot do without */
	bool takes_fd;           /* RLIMIT_NOFILE can stop it */
	bool makes;              /* a poll or waker: see NOTSUP */
	uint64_t retries;        /* see RETRIED */
	uint64_t ignores;        /* goes on whatever these say */
	/* Instead of run: 3 bytes. */
	ssize_t (*io)(struct world *w, struct iovec *iov);
};

#define MUST(calls) .must = (calls), .must_old = (calls)

#define RECEIVES(name, call)                                                 \
	{                                                                     \
		"mio_source_" #name, with_data, NULL, buffer_untouched,      \
		    pair_works, MUST(BIT(call)), .io = io_##name              \
	}
#define SENDS(name, prepare, call)                                           \
	{                                                                     \
		"mio_source_" #name, prepare, NULL, source_untouched,        \
		    pair_works, MUST(BIT(call)), .io = io_##name              \
	}
#define WITH_STREAM(name, calls, retried)                                    \
	{                                                                     \
		"mio_" #name, with_stream, run_##name, source_untouched,     \
		    stream_is_whole, MUST(calls), .retries = (retried)        \
	}

static const struct scenario scenarios[] = {
	{ "mio_poll_new_backend", NULL, run_poll, poll_untouched, poll_works,
	    MUST(BIT(calloc)), .takes_fd = true, .makes = true },
	{ "mio_poll_free", with_second_poll, run_free_poll, anything, nothing,
	    .ignores = BIT(close) },
	{ "mio_events_new", NULL, run_events, events_untouched, events_work,
	    MUST(BIT(malloc)) },
	{ "mio_waker_new", NULL, run_waker, waker_untouched, waker_works,
	    MUST(BIT(malloc)), .takes_fd = true, .makes = true },
	{ "mio_waker_new, one more", with_many_wakers, run_waker,
	    waker_untouched, waker_works, MUST(BIT(malloc)),
	    .takes_fd = true, .makes = true },
	{ "mio_waker_free", with_waker, run_free_waker, anything,
	    new_waker_works,
	    .ignores = BIT(close) | BIT(epoll_ctl) | BIT(fstat) },
	{ "mio_waker_wake", with_quiet_waker, run_wake, anything, wakes,
	    MUST(BIT(write)), .retries = BIT(write), .ignores = BIT(read) },
	{ "mio_poll", with_event, run_wait_zero, no_events, pair_works,
	    MUST(0) },
	{ "mio_poll for a while", with_event, run_wait_timed, no_events,
	    pair_works, .retries = POLLS },
	{ "mio_poll for ever", with_event, run_wait_forever, no_events,
	    pair_works, .retries = POLLS },
	{ "mio_poll for a waker", with_wake, run_wait_forever, no_events,
	    wakes, .retries = POLLS, .ignores = BIT(read) },
	{ "mio_tcp_listen", NULL, run_listen, sources_untouched, listen_works,
	    MAKES_SOCKET | LISTENS, MAKES_SOCKET_OLD | LISTENS,
	    .takes_fd = true },
	{ "mio_tcp_connect", with_listener, run_connect, sources_untouched,
	    stream_works, MAKES_SOCKET | BIT(connect),
	    MAKES_SOCKET_OLD | BIT(connect), .takes_fd = true,
	    .retries = BIT(connect) },
	{ "mio_udp_bind", NULL, run_udp_bind, sources_untouched, udp_works,
	    MAKES_SOCKET | BIT(bind), MAKES_SOCKET_OLD | BIT(bind),
	    .takes_fd = true },
	{ "mio_unix_pair", NULL, run_pair, sources_untouched, pipe_works,
	    MAKES_PAIR, MAKES_PAIR_OLD, .takes_fd = true },
	{ "mio_source_accept", with_connection, run_accept,
	    sources_untouched, stream_works, ACCEPTS, ACCEPTS_OLD,
	    .takes_fd = true },
	{ "mio_pipe_new", NULL, run_pipe, sources_untouched, pipe_works,
	    MAKES_PIPE, MAKES_PIPE_OLD, .takes_fd = true },
	{ "mio_source_from_fd of a socket", with_raw_socket, run_from_fd,
	    fd_untouched, from_fd_works, MUST(BIT(fcntl)),
	    .ignores = BIT(getsockopt) | BIT(fstat) },
	{ "mio_source_from_fd of a pipe", with_raw_pipe, run_from_fd,
	    fd_untouched, from_fd_works, MUST(BIT(fcntl)),
	    .ignores = BIT(getsockopt) | BIT(fstat) },
	{ "mio_source_into_fd", with_registered, run_into_fd, anything,
	    into_fd_works, .ignores = BIT(epoll_ctl) | BIT(fstat) },
	{ "mio_registry_register", with_source, run_register,
	    source_untouched, registered, MUST(0) },
	{ "mio_registry_reregister", with_registered, run_reregister,
	    still_registered, registered, MUST(0) },
	{ "mio_registry_deregister", with_registered, run_deregister,
	    still_registered, deregistered, MUST(0) },
	{ "mio_registry_register_fd", with_raw_fd, run_register_fd,
	    fd_not_registered, fd_registered, MUST(0) },
	{ "mio_registry_reregister_fd", with_registered_fd,
	    run_reregister_fd, fd_still_registered, fd_registered, MUST(0) },
	{ "mio_registry_rearm_fd", with_registered_fd, run_rearm_fd,
	    fd_still_registered, fd_registered, MUST(0) },
	{ "mio_registry_deregister_fd", with_registered_fd,
	    run_deregister_fd, fd_still_registered, fd_deregistered, MUST(0) },
	RECEIVES(read, read),
	RECEIVES(readv, readv),
	RECEIVES(recv, recv),
	RECEIVES(recvfrom, recvfrom),
	RECEIVES(recvmsg, recvmsg),
	SENDS(write, with_pipes, write),
	SENDS(writev, with_pipes, writev),
	SENDS(write, with_sockets, send),
	SENDS(writev, with_sockets, sendmsg),
	SENDS(send, with_sockets, send),
	SENDS(sendto, with_sockets, sendto),
	SENDS(sendmsg, with_sockets, sendmsg),
	{ "mio_source_connect", with_udp, run_udp_connect, source_untouched,
	    udp_connected, MUST(BIT(connect)) },
	WITH_STREAM(local_addr, BIT(getsockname), 0),
	WITH_STREAM(peer_addr, BIT(getpeername), 0),
	WITH_STREAM(take_error, BIT(getsockopt), 0),
	WITH_STREAM(connect_result, BIT(getsockopt) | BIT(getpeername),
	    BIT(getpeername)),
	WITH_STREAM(set_nodelay, BIT(setsockopt), 0),
	WITH_STREAM(nodelay, BIT(getsockopt), 0),
	WITH_STREAM(shutdown, BIT(shutdown), 0),
};

static int
run(const struct scenario *s, struct world *w)
{
	char out[] = "abc";
	struct iovec iov = { w->buf, 3 };

	if (s->io == NULL)
		return s->run(w);
	if (s->prepare != with_data)
		iov.iov_base = out;
	return s->io(w, &iov) == 3 ? 0 : -1;
}

static void
check_failure(const struct scenario *s, struct world *w, int ret,
    const struct fault *f, int err)
{
	const uint64_t bit = UINT64_C(1) << f->call;

	errno = err;
	if (f->outcome == FALLS_BACK &&
	    (f->call == CALL_socket || f->call == CALL_socketpair)) {
		/* Number one asks for flags, number two is the fallback. */
		CHECK((ret == 0) == (ONE_CALL_SOCKET && plan.turn == 1));
		return;
	}
	if (f->outcome == FALLS_BACK || (s->ignores & bit) != 0 ||
	    (f->outcome == RETRIED && (s->retries & bit) != 0)) {
		CHECK(ret == 0);
		return;
	}
	CHECK(ret == -1);
	errno = err;
	CHECK(err == (f->outcome == NOTSUP && s->makes ? ENOTSUP : f->err));
	if (ret == -1)
		CHECK(s->untouched(w));
}

static void
arm(enum call call, int turn, int err)
{
	plan.call = call;
	plan.err = err;
	plan.turn = turn;
	plan.times = 1;
	plan.seen = 0;
	plan.fired = false;
	plan.shortens = false;
	plan.wakes = NULL;
	plan.armed = true;
}

static void
disarm(void)
{
	plan.armed = false;
	plan.turn = 0;
}

static uint64_t fired_ever;

/*
 * Returns false once the fault has no turn left to strike at.  Without a
 * fault: what is called is counted in `counts`.
 */
static bool
strike(const struct scenario *s, const struct fault *f, int turn, int *counts)
{
	struct world w;
	const int fds = open_fds();
	const long blocks = live_blocks;
	int fds_before, ret, err, call;
	long blocks_before;

	world_new(&w);
	if (s->prepare != NULL)
		s->prepare(&w);
	fds_before = open_fds();
	blocks_before = live_blocks;
	plan.fired = false;
	if (f != NULL)
		arm(f->call, turn, f->err);
	else
		for (call = 0; call < POINTS; call++)
			counts[call] = -calls_seen[call];
	errno = 0;
	ret = run(s, &w);
	err = errno;
	plan.armed = false;
	for (call = 0; f == NULL && call < POINTS; call++)
		counts[call] += calls_seen[call];
	/* A wait never allocates. */
	if (f == NULL && s->untouched == no_events)
		CHECK(counts[CALL_malloc] + counts[CALL_calloc] +
			counts[CALL_realloc] ==
		    0);
	if (plan.fired)
		check_failure(s, &w, ret, f, err);
	else
		CHECK(ret == 0);
	if (ret == -1) {
		CHECK(open_fds() == fds_before);
		CHECK(live_blocks == blocks_before);
		ret = run(s, &w);
		/* What accept took off the queue cannot go back. */
		if (s->run == run_accept && f != NULL &&
		    f->call == CALL_fcntl)
			CHECK(ret == -1 && errno == EAGAIN);
		else
			CHECK(ret == 0);
	}
	if (ret == 0)
		s->works(&w);
	world_free(&w);
	CHECK(open_fds() == fds);
	CHECK(live_blocks == blocks);
	return plan.fired;
}

static struct mio_waker *handlers_waker;
static volatile sig_atomic_t handled;

static void
wake_in_handler(int number)
{
	const int saved = errno;

	(void)number;
	if (mio_waker_wake(handlers_waker) == 0)
		handled = handled + 1;
	errno = saved;
}

/* A signal before the call, or with the lock held: nothing is amiss. */
static bool
interrupted(const struct scenario *s, enum call call, int turn)
{
	struct mio_waker *mine = NULL;
	struct world w;
	const int fds = open_fds();
	const long blocks = live_blocks;
	int ret;

	world_new(&w);
	if (s->prepare != NULL)
		s->prepare(&w);
	handlers_waker = w.waker;
	if (w.waker == NULL || s->run == run_free_waker) {
		need(mio_waker_new(&mine, registry(&w), 9) == 0, "waker");
		handlers_waker = mine;
		settle(&w);
		/* What settled is due again. */
		if (w.left == 3 && s->io == NULL)
			need(mio_registry_reregister(registry(&w), &w.rx, 8,
				 MIO_READABLE) == 0,
			    "reregister");
	}
	handled = 0;
	w.woken = false;
	arm(call, turn, 0);
	plan.wakes = handlers_waker;
	ret = run(s, &w);
	plan.armed = false;
	CHECK(ret == 0);
	if (plan.fired) {
		CHECK(handled == 1);
		CHECK(w.woken || comes(&w, 9, MIO_READABLE));
	}
	mio_waker_free(mine);
	w.woken |= plan.fired && w.waker != NULL;
	if (ret == 0)
		s->works(&w);
	plan.wakes = NULL;
	world_free(&w);
	CHECK(open_fds() == fds);
	CHECK(live_blocks == blocks);
	return plan.fired;
}

static int
strike_all(const struct scenario *s)
{
	const uint64_t must = old_system ? s->must_old : s->must;
	uint64_t fired = 0;
	int n = 0, turn, call, counts[POINTS];
	size_t i;

	doing = s->name;
	strike(s, NULL, 0, counts);
	for (i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		if (counts[faults[i].call] == 0)
			continue;
		/* The model of kqueue calls it, to its own ends. */
		if (faults[i].call == CALL_fstat &&
		    strncmp(backend, "kqueue", 6) == 0)
			continue;
		for (turn = 1; turn < TURNS; turn++) {
			if (!strike(s, &faults[i], turn, NULL))
				break;
			fired |= UINT64_C(1) << faults[i].call;
			n++;
		}
		CHECK(turn < TURNS);
	}
	for (call = 0; call < POINTS && !old_system; call++)
		for (turn = 1; turn <= counts[call]; turn++)
			n += interrupted(s, (enum call)call, turn);
	disarm();
	if (s->run != run_wake || strstr(backend, "+user") == NULL)
		CHECK((fired & must) == must);
	fired_ever |= fired;
	return n;
}

/* The first byte goes its way, then the others; nothing is lost or twice. */
static void
short_io(const struct scenario *s)
{
	struct world w;
	char out[] = "abc", in[8] = "";
	const bool receives = s->prepare == with_data;
	char *at = receives ? in : out;
	struct iovec iov = { at, 3 };
	int call;

	doing = s->name;
	for (call = 0; (s->must >> call) != 1; call++)
		continue;
	world_new(&w);
	s->prepare(&w);
	arm((enum call)call, 1, 0);
	plan.shortens = true;
	CHECK(s->io(&w, &iov) == 1);
	CHECK(plan.fired);
	plan.armed = false;
	iov.iov_base = at + 1;
	iov.iov_len = 2;
	CHECK(s->io(&w, &iov) == 2);
	if (!receives)
		CHECK(mio_source_read(&w.rx, in, sizeof in) == 3);
	CHECK(memcmp(in, "abc", 3) == 0);
	w.left = 0;
	pair_works(&w);
	disarm();
	plan.shortens = false;
	world_free(&w);
}

/* A byte of a full pipe is read: the waker may say so twice, but not more. */
static void
short_drain(void)
{
	struct world w;
	int i;

	doing = "short drain";
	world_new(&w);
	with_quiet_waker(&w);
	for (i = 0; i < 3; i++) {
		arm(CALL_read, 1, 0);
		plan.shortens = true;
		CHECK(mio_waker_wake(w.waker) == 0);
		CHECK(comes(&w, 9, MIO_READABLE));
		disarm();
		plan.shortens = false;
		settle(&w);
		CHECK(mio_poll(w.poll, w.events, 0) == 0);
	}
	world_free(&w);
}

/* Interrupted a thousand times, one after the other. */
static void
storm(const struct scenario *s, enum call call, int err, bool inside)
{
	struct world w;
	int i;

	doing = s->name;
	world_new(&w);
	s->prepare(&w);
	arm(call, 1, err);
	plan.times = STORM;
	for (i = 0; !inside && i < STORM; i++)
		if (run(s, &w) != -1 || errno != err)
			break;
	if (plan.seen != 0 || inside) {
		CHECK(i == (inside ? 0 : STORM));
		CHECK(run(s, &w) == 0);
		CHECK(plan.seen == 0 || plan.seen > STORM);
	} /* else it is no call of this backend's */
	disarm();
	s->works(&w);
	world_free(&w);
}

static const struct scenario *
scenario(const char *name)
{
	const struct scenario *s = scenarios;

	while (strcmp(s->name, name) != 0)
		s++;
	return s;
}

static void
storms(void)
{
	static const char *const waits[] = { "mio_poll",
		"mio_poll for a while", "mio_poll for ever" };
	static const enum call calls[] = { CALL_epoll_wait, CALL_epoll_pwait2,
		CALL_poll, CALL_ppoll };
	size_t i, j;

	for (i = 0; i < 3; i++)
		for (j = 0; j < 4; j++)
			storm(scenario(waits[i]), calls[j], EINTR, false);
	storm(scenario("mio_poll for ever"), CALL_ppoll, EAGAIN, true);
	storm(scenario("mio_poll for a waker"), CALL_read, EINTR, true);
	storm(scenario("mio_waker_wake"), CALL_write, EINTR, true);
	storm(scenario("mio_waker_wake"), CALL_write, EAGAIN, true);
	storm(scenario("mio_waker_wake"), CALL_read, EINTR, true);
	for (i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
		const struct scenario *s = &scenarios[i];

		for (j = 0; s->io != NULL && (s->must >> j) != 1; j++)
			continue;
		if (s->io != NULL)
			storm(s, (enum call)j, EINTR, false);
	}
}

/* The descriptor and the registration are gone whatever close(2) says. */
static void
failing_close(int err)
{
	struct world w;
	int fds, ret;

	doing = "mio_source_close";
	world_new(&w);
	with_registered(&w);
	fds = open_fds();
	arm(CALL_close, 1, err);
	ret = mio_source_close(&w.rx);
	plan.armed = false;
	CHECK(plan.fired);
	if (err == EINTR)
		CHECK(ret == 0);
	else
		CHECK(ret == -1 && errno == err);
	CHECK(open_fds() == fds - 1);
	CHECK(mio_source_handle(&w.rx) == MIO_INVALID_HANDLE);
	CHECK(mio_source_close(&w.rx) == -1 && errno == EBADF);
	mio_source_close(&w.tx);
	CHECK(mio_poll(w.poll, w.events, 0) == 0);
	with_registered(&w);
	w.left = 0;
	pair_works(&w);
	disarm();
	fired_ever |= BIT(close);
	world_free(&w);
}

/* It is still trying, which a signal in poll(2) does not change. */
static void
interrupted_connect_result(void)
{
	struct world w;
	struct mio_source first = MIO_SOURCE_INIT;
	const struct sockaddr *addr;
	socklen_t len;

	doing = "mio_source_connect_result";
	world_new(&w);
	addr = (struct sockaddr *)&w.addr;
	len = sizeof w.addr;
	w.fd[0] = __real_socket(AF_INET, SOCK_STREAM, 0);
	need(w.fd[0] != -1 && __real_bind(w.fd[0], addr, len) == 0 &&
		__real_listen(w.fd[0], 0) == 0 &&
		__real_getsockname(
		    w.fd[0], (struct sockaddr *)&w.addr, &len) == 0,
	    "listener without a backlog");
	need(mio_tcp_connect(&first, addr, len) == 0, "connect");
	while (mio_source_connect_result(&first) == -1)
		need(errno == EINPROGRESS, "connect");
	need(mio_tcp_connect(&w.client, addr, len) == 0, "connect");
	CHECK(mio_source_connect_result(&w.client) == -1);
	CHECK(errno == EINPROGRESS);
	arm(CALL_poll, 1, EINTR);
	CHECK(mio_source_connect_result(&w.client) == -1);
	CHECK(errno == EINPROGRESS);
	CHECK(plan.fired);
	disarm();
	fired_ever |= BIT(poll);
	mio_source_close(&first);
	world_free(&w);
}

/* Each selector and waker must have been made to fail where it is made. */
static void
check_backend_calls(const int *seen)
{
	if (strncmp(backend, "epoll", 5) == 0) {
		CHECK(seen[CALL_epoll_create1] > 0);
		CHECK(seen[CALL_epoll_ctl] > 0);
	}
	if (strstr(backend, "+eventfd") != NULL)
		CHECK(seen[CALL_eventfd] > 0);
	else
		CHECK(seen[CALL_eventfd] == 0);
}

/* Valgrind plays the limit after the kernel has accepted. */
static bool
connection_is_lost(struct world *w)
{
	struct pollfd entry = { mio_source_handle(&w->listener), POLLIN, 0 };

	if (entry.fd == -1 || __real_poll(&entry, 1, 0) == 1)
		return false;
	fprintf(stderr, "note: accept(2) loses connections at the limit\n");
	return true;
}

/*
 * One descriptor more is allowed each time until the call gets through: it
 * fails with EMFILE before, whole.
 */
static void
step_limit(const struct scenario *s)
{
	struct rlimit saved, limit;
	struct world w;
	int ret = -1, err, before, lowest, steps;
	long blocks;

	doing = s->name;
	need(getrlimit(RLIMIT_NOFILE, &saved) == 0, "getrlimit");
	world_new(&w);
	if (s->prepare != NULL)
		s->prepare(&w);
	lowest = dup(STDERR_FILENO);
	need(lowest != -1, "dup");
	close(lowest);
	before = open_fds();
	blocks = live_blocks;
	for (steps = 0; steps < 16; steps++) {
		limit = saved;
		limit.rlim_cur = (rlim_t)(lowest + steps);
		need(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
		errno = 0;
		ret = s->run(&w);
		err = errno;
		need(setrlimit(RLIMIT_NOFILE, &saved) == 0, "setrlimit");
		if (ret == 0)
			break;
		errno = err;
		CHECK(err == EMFILE);
		CHECK(s->untouched(&w));
		CHECK(open_fds() == before);
		CHECK(live_blocks == blocks);
		if (s->run == run_accept && connection_is_lost(&w)) {
			world_free(&w);
			return;
		}
	}
	CHECK(ret == 0);
	if (ret == 0)
		s->works(&w);
	/* Wakers and polls of poll(2) may share what is there already. */
	if (strncmp(backend, "epoll", 5) == 0 || s->run == run_listen ||
	    s->run == run_connect || s->run == run_accept ||
	    s->run == run_pipe)
		CHECK(steps > 0);
	world_free(&w);
}

/* The kernel gives 0 to who has closed its standard input. */
static void
descriptor_zero(const struct scenario *s)
{
	const int before = open_fds();
	const long blocks = live_blocks;
	struct world w;

	doing = s->name;
	world_new(&w);
	if (s->prepare != NULL)
		s->prepare(&w);
	close(STDIN_FILENO);
	CHECK(s->run(&w) == 0);
	s->works(&w);
	world_free(&w);
	need(dup2(STDERR_FILENO, STDIN_FILENO) == STDIN_FILENO, "dup2");
	CHECK(open_fds() == before);
	CHECK(live_blocks == blocks);
}

/* The table of poll(2) grows; epoll has none. */
static bool
grow(int turn)
{
	struct world w;
	static int fd[MANY][2];
	bool seen[MANY] = { false };
	int i, left = MANY;
	const int64_t end = now() + 10 * MIO_SEC;
	const long blocks = live_blocks;

	world_new(&w);
	for (i = 0; i < MANY; i++)
		need(__real_pipe(fd[i]) == 0, "pipe");
	arm(CALL_realloc, turn, ENOMEM);
	for (i = 0; i < MANY; i++) {
		const bool fired = plan.fired;
		int ret;

		errno = 0;
		ret = mio_registry_register_fd(
		    registry(&w), fd[i][0], (mio_token)i, MIO_READABLE);
		if (plan.fired == fired) {
			CHECK(ret == 0);
			continue;
		}
		CHECK(ret == -1);
		CHECK(errno == ENOMEM);
		CHECK(mio_registry_reregister_fd(registry(&w), fd[i][0], 0,
			  MIO_READABLE) == -1);
		CHECK(errno == ENOENT);
		CHECK(mio_registry_register_fd(registry(&w), fd[i][0],
			  (mio_token)i, MIO_READABLE) == 0);
	}
	plan.armed = false;
	for (i = 0; i < MANY; i++)
		need(__real_write(fd[i][1], "x", 1) == 1, "write");
	while (left > 0 && now() < end) {
		CHECK(mio_poll(w.poll, w.events, 200 * MIO_MSEC) >= 0);
		MIO_EVENTS_FOREACH (event, w.events) {
			if (event->token < MANY && !seen[event->token]) {
				seen[event->token] = true;
				left--;
			}
		}
	}
	CHECK(left == 0);
	for (i = 0; i < MANY; i++) {
		CHECK(mio_registry_deregister_fd(registry(&w), fd[i][0]) == 0);
		close(fd[i][0]);
		close(fd[i][1]);
	}
	world_free(&w);
	CHECK(live_blocks == blocks);
	return plan.fired;
}

static void
grow_all(void)
{
	int turn = 1;

	doing = "table growth";
	while (turn < TURNS && grow(turn))
		turn++;
	if (strncmp(backend, "poll", 4) == 0)
		CHECK(turn > 1);
	else
		CHECK(turn == 1);
	plan.turn = 0;
}

static void *
wake(void *waker)
{
	int result = mio_waker_wake(waker);

	pthread_testcancel();
	return result == 0 ? waker : NULL;
}

/* Its thread is cancelled before it can signal, or while it does so again. */
static void
overtake(struct mio_waker *waker)
{
	pthread_t thread;
	void *result;

	overtaking = NULL;
	CHECK(pthread_create(&thread, NULL, wake, waker) == 0);
	CHECK(pthread_join(thread, &result) == 0);
	CHECK(result == waker);
	if (overtaken_error != 0)
		arm(CALL_write, 1, overtaken_error);
	CHECK(pthread_cancel(pthread_self()) == 0);
}

/* A wake that relied on another's is not lost with the other's thread. */
static void
cancelled_wake(int error)
{
	struct world w;
	pthread_t thread;
	void *result;

#ifdef HAVE_ASAN
	return;
#endif
	doing = "cancelled wake";
	world_new(&w);
	with_waker(&w);
	settle(&w);
	overtaken_error = error;
	overtaking = w.waker;
	CHECK(pthread_create(&thread, NULL, wake, w.waker) == 0);
	CHECK(pthread_join(thread, &result) == 0);
	CHECK(result == PTHREAD_CANCELED);
	CHECK(overtaking == NULL);
	CHECK(comes(&w, 9, MIO_READABLE));
	CHECK(mio_waker_wake(w.waker) == 0);
	CHECK(comes(&w, 9, MIO_READABLE));
	world_free(&w);
}

/* Nor one that comes after the very first, which failed before any wait. */
static void
failing_first_wake(void)
{
	struct world w;

	doing = "failing first wake";
	world_new(&w);
	with_waker(&w);
	arm(CALL_write, 1, EIO);
	CHECK(mio_waker_wake(w.waker) == -1 && errno == EIO);
	plan.armed = false;
	plan.turn = 0;
	CHECK(plan.fired);
	CHECK(mio_waker_wake(w.waker) == 0);
	CHECK(comes(&w, 9, MIO_READABLE));
	world_free(&w);
}

static struct world *shared;

static void
then(void)
{
	CHECK(mio_waker_new(&shared->waker, registry(shared), 9) == 0);
}

/* Two wakers at once for which the registry makes room. */
static void
both_make_room(void)
{
	const long blocks = live_blocks;
	struct world w;

	doing = "two more wakers";
	world_new(&w);
	with_many_wakers(&w);
	shared = &w;
	until_then = 2; /* the first is the waker itself */
	CHECK(run_waker(&w) == 0);
	CHECK(until_then == 0);
	CHECK(mio_waker_wake(w.waker) == 0);
	CHECK(comes(&w, 9, MIO_READABLE));
	waker_works(&w);
	world_free(&w);
	CHECK(live_blocks == blocks);
}

/* Fill what the waker writes to, as if nobody had ever read it. */
static int
fill(const bool *mine)
{
	const uint64_t most = UINT64_MAX - 1;
	static const char junk[4096];
	int fd, n = 0, flags;

	for (fd = 0; fd < MAX_FD; fd++) {
		flags = mine[fd] ? -1 : __real_fcntl(fd, F_GETFL);
		if (flags == -1 || (flags & O_ACCMODE) == O_RDONLY)
			continue;
		if ((flags & O_ACCMODE) == O_RDWR) {
			/* An eventfd takes 8 bytes; epoll's none at all. */
			n += __real_write(fd, &most, sizeof most) ==
			    (ssize_t)sizeof most;
			continue;
		}
		while (__real_write(fd, junk, sizeof junk) > 0)
			continue;
		while (__real_write(fd, junk, 1) > 0)
			continue;
		n++;
	}
	return n;
}

static void
full_waker(void)
{
	bool mine[MAX_FD];
	struct world w;
	int fd, i;

	doing = "full waker";
	for (fd = 0; fd < MAX_FD; fd++)
		mine[fd] = __real_fcntl(fd, F_GETFD) != -1;
	world_new(&w);
	with_waker(&w);
	CHECK(fill(mine) > 0);
	settle(&w);
	for (i = 0; i < 3; i++) {
		fill(mine);
		settle(&w);
		CHECK(mio_waker_wake(w.waker) == 0);
		CHECK(comes(&w, 9, MIO_READABLE));
	}
	world_free(&w);
}

static int
at_every_place(const struct scenario *s)
{
	if (s->takes_fd) {
		step_limit(s);
		descriptor_zero(s);
		backwards = true;
		descriptor_zero(s);
		backwards = false;
	}
	return strike_all(s);
}

/* What configure did not find, or did without. */
static bool
absent(enum call call)
{
	switch (call) {
#ifndef HAVE_ACCEPT4
	case CALL_accept4:
#endif
#ifndef HAVE_EPOLL_PWAIT2
	case CALL_epoll_pwait2:
#endif
#ifndef HAVE_EVENTFD
	case CALL_eventfd:
#endif
#ifndef HAVE_PIPE2
	case CALL_pipe2:
#endif
#ifndef HAVE_PPOLL
	case CALL_ppoll:
#endif
		return true;
	default:
		return false;
	}
}

int
main(void)
{
	const char *const *name;
	struct sigaction action;
	int n = 0, seen[CALLS], call;
	bool all;
	size_t i;

	memset(&action, 0, sizeof action);
	action.sa_handler = wake_in_handler;
	need(sigaction(SIGUSR1, &action, NULL) == 0, "sigaction");
	need(dup2(STDERR_FILENO, STDIN_FILENO) == STDIN_FILENO, "dup2");
	alarm(300);
	setvbuf(stdout, NULL, _IONBF, 0);
	for (name = mio_backends(); *name != NULL; name++) {
		backend = *name;
		for (call = 0; call < CALLS; call++)
			seen[call] = calls_seen[call];
		for (i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
			old_system = false;
			n += at_every_place(&scenarios[i]);
			old_system = true;
			n += at_every_place(&scenarios[i]);
		}
		old_system = false;
		grow_all();
		for (i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++)
			if (scenarios[i].io != NULL)
				short_io(&scenarios[i]);
		short_drain();
		storms();
		failing_close(EINTR);
		failing_close(EIO);
		interrupted_connect_result();
		/* Kqueue's own wakers write nothing: test_kqueue_fault.c. */
		if (strstr(backend, "+user") == NULL) {
			cancelled_wake(0);
			cancelled_wake(EAGAIN);
			cancelled_wake(EINTR);
			failing_first_wake();
			both_make_room();
			full_waker();
		}
		doing = "calls";
		for (call = 0; call < CALLS; call++)
			seen[call] = calls_seen[call] - seen[call];
		check_backend_calls(seen);
	}
	doing = "all of faults.def";
	/* Kqueue does without some of them, and so does a backend alone. */
	all = mio_backends()[1] != NULL && strncmp(backend, "poll", 4) == 0;
	for (call = 0; all && call < CALLS; call++)
		if ((fired_ever >> call & 1) == 0 && !absent((enum call)call))
			check(false, call_names[call], __LINE__);
	printf("fault: %d faults, %d failures\n", n, failures);
	return failures == 0 && n > 0 ? 0 : 1;
}

#endif
