/* SPDX-License-Identifier: MIT */
/*
 * Every system call and allocation behind a constructor or a registration
 * fails once, in its turn: the error comes back, the output is untouched,
 * nothing leaks, and the same call then succeeds.  Linked with --wrap.
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
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "asan.h"

enum {
	MAX_FD = 512,
	MANY = 80, /* registrations, to make a table grow */
	TURNS = 40 /* no constructor makes one call this often */
};

enum call {
	ALLOC,
	EPOLL_CREATE1,
	EPOLL_CTL,
	EVENTFD,
	PIPE2,
	PIPE,
	SOCKET,
	BIND,
	LISTEN,
	CONNECT,
	ACCEPT4,
	ACCEPT,
	FCNTL,
	SETSOCKOPT,
	WRITE,
	WAIT,
	CALLS
};

static const char *const call_names[CALLS] = { "malloc", "epoll_create1",
	"epoll_ctl", "eventfd", "pipe2", "pipe", "socket", "bind", "listen",
	"connect", "accept4", "accept", "fcntl", "setsockopt", "write",
	"wait" };

/* The fault that is due, and what was seen of it. */
static struct {
	bool armed, fired;
	enum call call;
	int turn, seen, err;
} plan;

/* As on a system that lacks the calls that set flags on creation. */
static bool old_system;
static long live_blocks;
static int calls_seen[CALLS];

static bool
fails(enum call call)
{
	calls_seen[call]++;
	if (!plan.armed || plan.call != call || ++plan.seen != plan.turn)
		return false;
	plan.fired = true;
	errno = plan.err;
	return true;
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

WRAP(void *, malloc, (size_t size))
{
	void *p = fails(ALLOC) ? NULL : __real_malloc(size);

	live_blocks += p != NULL;
	return p;
}

WRAP(void *, calloc, (size_t count, size_t size))
{
	void *p = fails(ALLOC) ? NULL : __real_calloc(count, size);

	live_blocks += p != NULL;
	return p;
}

WRAP(void *, realloc, (void *old, size_t size))
{
	const bool fresh = old == NULL;
	void *p = fails(ALLOC) ? NULL : __real_realloc(old, size);

	live_blocks += fresh && p != NULL;
	return p;
}

WRAP(void *, aligned_alloc, (size_t alignment, size_t size))
{
	void *p = fails(ALLOC) ? NULL : __real_aligned_alloc(alignment, size);

	live_blocks += p != NULL;
	return p;
}

WRAP(void, free, (void *p))
{
	live_blocks -= p != NULL;
	__real_free(p);
}

WRAP(int, epoll_create1, (int flags))
{
	return fails(EPOLL_CREATE1) ? -1 : __real_epoll_create1(flags);
}

struct epoll_event;
WRAP(int, epoll_ctl, (int epfd, int op, int fd, struct epoll_event *event))
{
	return fails(EPOLL_CTL) ? -1 : __real_epoll_ctl(epfd, op, fd, event);
}

WRAP(int, epoll_wait,
    (int epfd, struct epoll_event *events, int n, int timeout))
{
	return fails(WAIT) ? -1 : __real_epoll_wait(epfd, events, n, timeout);
}

#ifdef HAVE_EPOLL_PWAIT2
WRAP(int, epoll_pwait2,
    (int epfd, struct epoll_event *events, int n,
	const struct timespec *timeout, const sigset_t *mask))
{
	return fails(WAIT)
	    ? -1
	    : __real_epoll_pwait2(epfd, events, n, timeout, mask);
}
#endif

WRAP(int, poll, (struct pollfd * fds, nfds_t n, int timeout))
{
	return fails(WAIT) ? -1 : __real_poll(fds, n, timeout);
}

WRAP(int, ppoll,
    (struct pollfd * fds, nfds_t n, const struct timespec *timeout,
	const sigset_t *mask))
{
	return fails(WAIT) ? -1 : __real_ppoll(fds, n, timeout, mask);
}

WRAP(int, eventfd, (unsigned count, int flags))
{
	return fails(EVENTFD) ? -1 : __real_eventfd(count, flags);
}

WRAP(int, pipe2, (int fd[2], int flags))
{
	return fails(PIPE2) || missing(ENOSYS) ? -1 : __real_pipe2(fd, flags);
}

WRAP(int, pipe, (int fd[2]))
{
	return fails(PIPE) ? -1 : __real_pipe(fd);
}

WRAP(int, socket, (int domain, int type, int protocol))
{
	if (fails(SOCKET))
		return -1;
	if ((type & (SOCK_CLOEXEC | SOCK_NONBLOCK)) != 0 && missing(EINVAL))
		return -1;
	return __real_socket(domain, type, protocol);
}

WRAP(int, bind, (int fd, const struct sockaddr *addr, socklen_t len))
{
	return fails(BIND) ? -1 : __real_bind(fd, addr, len);
}

WRAP(int, listen, (int fd, int backlog))
{
	return fails(LISTEN) ? -1 : __real_listen(fd, backlog);
}

WRAP(int, connect, (int fd, const struct sockaddr *addr, socklen_t len))
{
	return fails(CONNECT) ? -1 : __real_connect(fd, addr, len);
}

WRAP(int, accept4,
    (int fd, struct sockaddr *addr, socklen_t *len, int flags))
{
	if (fails(ACCEPT4) || missing(ENOSYS))
		return -1;
	return __real_accept4(fd, addr, len, flags);
}

WRAP(int, accept, (int fd, struct sockaddr *addr, socklen_t *len))
{
	return fails(ACCEPT) ? -1 : __real_accept(fd, addr, len);
}

WRAP(int, setsockopt,
    (int fd, int level, int name, const void *value, socklen_t len))
{
	return fails(SETSOCKOPT)
	    ? -1
	    : __real_setsockopt(fd, level, name, value, len);
}

/* Whose wake comes between another's claim and its signal. */
static struct mio_waker *overtaking;
static void overtake(struct mio_waker *waker);

WRAP(ssize_t, write, (int fd, const void *buf, size_t len))
{
	if (overtaking != NULL)
		overtake(overtaking);
	return fails(WRITE) ? -1 : __real_write(fd, buf, len);
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
	return fails(FCNTL) ? -1 : __real_fcntl(fd, command, arg);
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
	return fails(FCNTL) ? -1 : __real_fcntl(fd, command, arg);
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
	if (plan.call < CALLS && plan.turn > 0)
		fprintf(stderr, " [%s number %d failed with %s]",
		    call_names[plan.call], plan.turn, strerror(plan.err));
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
	int fd, n = 0;

	for (fd = 0; fd < MAX_FD; fd++)
		if (__real_fcntl(fd, F_GETFD) != -1)
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
	struct mio_source listener, client, rx, tx;
	struct sockaddr_in addr;
	int fd[2];

	/* Outputs: of the call under test, and how they looked before. */
	struct mio_poll *new_poll;
	struct mio_events *new_events;
	struct mio_waker *new_waker;
	struct mio_source out[2], before[2];
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
		if (mio_poll(w->poll, w->events, 20 * MIO_MSEC) <= 0)
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
	memset(w->out, 0x5a, sizeof w->out);
	memcpy(w->before, w->out, sizeof w->out);
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

#define BIT(call) (1u << (call))

/* What configure found decides which calls there are to fail. */
#define MAKES_SOCKET_OLD (BIT(SOCKET) | BIT(FCNTL))
#ifdef HAVE_SOCK_CLOEXEC
#define ONE_CALL_SOCKET 1
#define MAKES_SOCKET BIT(SOCKET)
#else
#define ONE_CALL_SOCKET 0
#define MAKES_SOCKET MAKES_SOCKET_OLD
#endif
#define ACCEPTS_OLD (BIT(ACCEPT) | BIT(FCNTL))
#if defined(HAVE_ACCEPT4) && defined(HAVE_SOCK_CLOEXEC)
#define ACCEPTS BIT(ACCEPT4)
#else
#define ACCEPTS ACCEPTS_OLD
#endif
#define MAKES_PIPE_OLD (BIT(PIPE) | BIT(FCNTL))
#ifdef HAVE_PIPE2
#define MAKES_PIPE BIT(PIPE2)
#else
#define MAKES_PIPE MAKES_PIPE_OLD
#endif
#define LISTENS (BIT(SETSOCKOPT) | BIT(BIND) | BIT(LISTEN))

struct scenario {
	const char *name;
	void (*prepare)(struct world *w);
	int (*run)(struct world *w);
	bool (*untouched)(struct world *w);
	void (*works)(struct world *w);
	unsigned must, must_old; /* calls that it cannot do without */
	bool takes_fd;           /* RLIMIT_NOFILE can stop it */
};

static const struct scenario scenarios[] = {
	{ "mio_poll_new_backend", NULL, run_poll, poll_untouched, poll_works,
	    BIT(ALLOC), BIT(ALLOC), true },
	{ "mio_events_new", NULL, run_events, events_untouched, events_work,
	    BIT(ALLOC), BIT(ALLOC), false },
	{ "mio_waker_new", NULL, run_waker, waker_untouched, waker_works,
	    BIT(ALLOC), BIT(ALLOC), true },
	{ "mio_tcp_listen", NULL, run_listen, sources_untouched, listen_works,
	    MAKES_SOCKET | LISTENS, MAKES_SOCKET_OLD | LISTENS, true },
	{ "mio_tcp_connect", with_listener, run_connect, sources_untouched,
	    stream_works, MAKES_SOCKET | BIT(CONNECT),
	    MAKES_SOCKET_OLD | BIT(CONNECT), true },
	{ "mio_source_accept", with_connection, run_accept,
	    sources_untouched, stream_works, ACCEPTS, ACCEPTS_OLD, true },
	{ "mio_pipe_new", NULL, run_pipe, sources_untouched, pipe_works,
	    MAKES_PIPE, MAKES_PIPE_OLD, true },
	{ "mio_source_from_fd of a socket", with_raw_socket, run_from_fd,
	    fd_untouched, from_fd_works, BIT(FCNTL), BIT(FCNTL), false },
	{ "mio_source_from_fd of a pipe", with_raw_pipe, run_from_fd,
	    fd_untouched, from_fd_works, BIT(FCNTL), BIT(FCNTL), false },
	{ "mio_registry_register", with_source, run_register,
	    source_untouched, registered, 0, 0, false },
	{ "mio_registry_reregister", with_registered, run_reregister,
	    still_registered, registered, 0, 0, false },
	{ "mio_registry_register_fd", with_raw_fd, run_register_fd,
	    fd_not_registered, fd_registered, 0, 0, false },
};

/* What one failing call makes of the call under test. */
enum outcome { SAME, NOTSUP, FALLS_BACK };

struct fault {
	enum call call;
	int err;
	enum outcome outcome;
};

static const struct fault faults[] = {
	{ ALLOC, ENOMEM, SAME },
	{ EPOLL_CREATE1, EMFILE, SAME },
	{ EPOLL_CREATE1, ENFILE, SAME },
	{ EPOLL_CREATE1, ENOMEM, SAME },
	{ EPOLL_CREATE1, ENOSYS, NOTSUP },
	{ EPOLL_CREATE1, EPERM, NOTSUP },
	{ EPOLL_CTL, ENOSPC, SAME },
	{ EPOLL_CTL, ENOMEM, SAME },
	{ EVENTFD, EMFILE, SAME },
	{ EVENTFD, ENOMEM, SAME },
	{ EVENTFD, ENOSYS, NOTSUP },
	{ EVENTFD, EPERM, NOTSUP },
	{ PIPE2, EMFILE, SAME },
	{ PIPE2, ENFILE, SAME },
	{ PIPE2, ENOSYS, FALLS_BACK },
	{ PIPE2, EPERM, FALLS_BACK },
	{ PIPE2, EINVAL, FALLS_BACK },
	{ PIPE, EMFILE, SAME },
	{ SOCKET, EMFILE, SAME },
	{ SOCKET, ENOBUFS, SAME },
	{ SOCKET, EINVAL, FALLS_BACK },
	{ BIND, EADDRINUSE, SAME },
	{ BIND, EACCES, SAME },
	{ LISTEN, EADDRINUSE, SAME },
	{ CONNECT, ECONNREFUSED, SAME },
	{ CONNECT, EAGAIN, SAME },
	{ CONNECT, ENETUNREACH, SAME },
	{ ACCEPT4, EMFILE, SAME },
	{ ACCEPT4, ECONNABORTED, SAME },
	{ ACCEPT4, EINTR, SAME },
	{ ACCEPT4, ENOSYS, FALLS_BACK },
	{ ACCEPT4, EPERM, FALLS_BACK },
	{ ACCEPT4, EINVAL, FALLS_BACK },
	{ ACCEPT, EMFILE, SAME },
	{ ACCEPT, EINTR, SAME },
	{ FCNTL, EBADF, SAME },
	{ SETSOCKOPT, ENOBUFS, SAME },
};

static void
check_failure(const struct scenario *s, struct world *w, int ret,
    const struct fault *f, int err)
{
	errno = err;
	if (f->outcome == FALLS_BACK && f->call == SOCKET) {
		/* Number one asks for flags, number two is the fallback. */
		CHECK((ret == 0) == (ONE_CALL_SOCKET && plan.turn == 1));
		return;
	}
	if (f->outcome == FALLS_BACK) {
		CHECK(ret == 0);
		return;
	}
	CHECK(ret == -1);
	errno = err;
	CHECK(err == (f->outcome == NOTSUP ? ENOTSUP : f->err));
	if (ret == -1)
		CHECK(s->untouched(w));
}

/* Returns false once the fault has no turn left to strike at. */
static bool
strike(const struct scenario *s, const struct fault *f, int turn)
{
	struct world w;
	const int fds = open_fds();
	const long blocks = live_blocks;
	int fds_before, ret, err;
	long blocks_before;

	world_new(&w);
	if (s->prepare != NULL)
		s->prepare(&w);
	fds_before = open_fds();
	blocks_before = live_blocks;
	plan.call = f->call;
	plan.err = f->err;
	plan.turn = turn;
	plan.seen = 0;
	plan.fired = false;
	plan.armed = true;
	errno = 0;
	ret = s->run(&w);
	err = errno;
	plan.armed = false;
	if (plan.fired)
		check_failure(s, &w, ret, f, err);
	else
		CHECK(ret == 0);
	if (ret == -1) {
		CHECK(open_fds() == fds_before);
		CHECK(live_blocks == blocks_before);
		ret = s->run(&w);
		/* What accept took off the queue cannot go back. */
		if (s->run == run_accept && f->call == FCNTL)
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

static int
strike_all(const struct scenario *s)
{
	const unsigned must = old_system ? s->must_old : s->must;
	unsigned fired = 0;
	int n = 0, turn;
	size_t i;

	doing = s->name;
	for (i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		for (turn = 1; turn < TURNS; turn++) {
			if (!strike(s, &faults[i], turn))
				break;
			fired |= BIT(faults[i].call);
			n++;
		}
		CHECK(turn < TURNS);
	}
	plan.turn = 0;
	CHECK((fired & must) == must);
	return n;
}

/* Each selector and waker must have been made to fail where it is made. */
static void
check_backend_calls(const int *seen)
{
	if (strncmp(backend, "epoll", 5) == 0) {
		CHECK(seen[EPOLL_CREATE1] > 0);
		CHECK(seen[EPOLL_CTL] > 0);
	}
	if (strstr(backend, "+eventfd") != NULL)
		CHECK(seen[EVENTFD] > 0);
	else
		CHECK(seen[EVENTFD] == 0);
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
	plan.call = ALLOC;
	plan.err = ENOMEM;
	plan.turn = turn;
	plan.seen = 0;
	plan.fired = false;
	plan.armed = true;
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

/* The wait gets a signal; and it never allocates. */
static void
interrupted_wait(void)
{
	struct world w;
	int allocs;

	doing = "mio_poll";
	world_new(&w);
	with_waker(&w);
	CHECK(mio_waker_wake(w.waker) == 0);
	CHECK(comes(&w, 9, MIO_READABLE));
	plan.call = WAIT;
	plan.err = EINTR;
	plan.turn = 1;
	plan.seen = 0;
	plan.fired = false;
	plan.armed = true;
	allocs = calls_seen[ALLOC];
	CHECK(mio_poll(w.poll, w.events, 5 * MIO_SEC) == -1);
	CHECK(errno == EINTR);
	CHECK(plan.fired);
	CHECK(mio_events_count(w.events) == 0);
	plan.armed = false;
	CHECK(mio_waker_wake(w.waker) == 0);
	CHECK(comes(&w, 9, MIO_READABLE));
	CHECK(calls_seen[ALLOC] == allocs);
	plan.turn = 0;
	world_free(&w);
}

/*
 * The write of a wake fails once.  Interrupted or full, it is made good;
 * any other error must not leave a claim that swallows the next wake.
 */
static void
failing_wake(int err)
{
	struct world w;
	int ret;

	doing = "mio_waker_wake";
	world_new(&w);
	with_waker(&w);
	settle(&w);
	plan.call = WRITE;
	plan.err = err;
	plan.turn = 1;
	plan.seen = 0;
	plan.fired = false;
	plan.armed = true;
	ret = mio_waker_wake(w.waker);
	plan.armed = false;
	CHECK(plan.fired);
	if (err == EINTR || err == EAGAIN)
		CHECK(ret == 0);
	if (ret == -1)
		CHECK(mio_waker_wake(w.waker) == 0);
	CHECK(comes(&w, 9, MIO_READABLE));
	CHECK(mio_waker_wake(w.waker) == 0);
	CHECK(comes(&w, 9, MIO_READABLE));
	plan.turn = 0;
	world_free(&w);
}

static void *
wake(void *waker)
{
	return mio_waker_wake(waker) == 0 ? waker : NULL;
}

/* Its thread is cancelled before it can signal. */
static void
overtake(struct mio_waker *waker)
{
	pthread_t thread;
	void *result;

	overtaking = NULL;
	CHECK(pthread_create(&thread, NULL, wake, waker) == 0);
	CHECK(pthread_join(thread, &result) == 0);
	CHECK(result == waker);
	CHECK(pthread_cancel(pthread_self()) == 0);
}

/* A wake that relied on another's is not lost with the other's thread. */
static void
cancelled_wake(void)
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

int
main(void)
{
	const char *const *name;
	int n = 0, seen[CALLS], call;
	size_t i;

	setvbuf(stdout, NULL, _IONBF, 0);
	for (name = mio_backends(); *name != NULL; name++) {
		backend = *name;
		memcpy(seen, calls_seen, sizeof seen);
		for (i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
			old_system = false;
			n += strike_all(&scenarios[i]);
			if (scenarios[i].takes_fd)
				step_limit(&scenarios[i]);
			old_system = true;
			n += strike_all(&scenarios[i]);
			if (scenarios[i].takes_fd)
				step_limit(&scenarios[i]);
		}
		old_system = false;
		grow_all();
		interrupted_wait();
		/* Kqueue's own wakers write nothing: test_kqueue_fault.c. */
		if (strstr(backend, "+user") == NULL) {
			failing_wake(EINTR);
			failing_wake(EAGAIN);
			failing_wake(EIO);
			cancelled_wake();
			full_waker();
		}
		doing = "calls";
		for (call = 0; call < CALLS; call++)
			seen[call] = calls_seen[call] - seen[call];
		check_backend_calls(seen);
	}
	printf("fault: %d faults, %d failures\n", n, failures);
	return failures == 0 && n > 0 ? 0 : 1;
}

#endif
