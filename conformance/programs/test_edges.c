/* SPDX-License-Identifier: MIT */
/*
 * Edges that the suites do not reach, found by mutants: descriptor 0, NULL,
 * changes in the middle of a wait.  Linked with --wrap: poll(2) calls back,
 * a lock is counted, and what succeeds may change errno.
 */

#include "config.h"

#include <mio.h>

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MANY 40 /* registrations, to make a table grow */
#define CHANGES 5000

static const char *backend = "-";
static int failures, locked, poll_calls, poll_ms, coarse_calls, writes;
static int cancel_state; /* in the last write */

#define CHECK(condition) check((condition), #condition, __LINE__)

static void
check(bool right, const char *what, int line)
{
	if (right)
		return;
	failures++;
	fprintf(stderr, "test_edges:%d: %s: %s (errno %d)\n", line, backend,
	    what, errno);
}

static void
need(bool right, const char *what)
{
	if (right)
		return;
	perror(what);
	exit(1);
}

/* What happens while the kernel waits; then this is what it found. */
static void (*meanwhile)(void);
static int found_fd;
static short found;

int __real_close(int);
int __wrap_close(int);
ssize_t __real_write(int, const void *, size_t);
ssize_t __wrap_write(int, const void *, size_t);
int __real_pthread_mutex_lock(pthread_mutex_t *);
int __wrap_pthread_mutex_lock(pthread_mutex_t *);
int __real_pthread_mutex_unlock(pthread_mutex_t *);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *);
int __real_ppoll(
    struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);
int __wrap_ppoll(
    struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);
int __real_poll(struct pollfd *, nfds_t, int);
int __wrap_poll(struct pollfd *, nfds_t, int);

int
__wrap_close(int fd)
{
	int result = __real_close(fd);

	if (result == 0)
		errno = E2BIG;
	return result;
}

ssize_t
__wrap_write(int fd, const void *buf, size_t size)
{
	int state;

	writes++;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	pthread_setcancelstate(cancel_state, &state);
	return __real_write(fd, buf, size);
}

int
__wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
	CHECK(++locked == 1);
	errno = E2BIG;
	return __real_pthread_mutex_lock(mutex);
}

int
__wrap_pthread_mutex_unlock(pthread_mutex_t *mutex)
{
	CHECK(--locked == 0);
	return __real_pthread_mutex_unlock(mutex);
}

static int
answer(struct pollfd *fds, nfds_t count)
{
	void (*call)(void) = meanwhile;

	meanwhile = NULL;
	call();
	for (nfds_t i = 0; i < count; i++)
		fds[i].revents = found_fd == fds[i].fd ||
			(found_fd == -1 && i == 0)
		    ? found
		    : 0;
	return found != 0;
}

int
__wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
    const sigset_t *mask)
{
	poll_calls++;
	if (meanwhile != NULL)
		return answer(fds, count);
	return __real_ppoll(fds, count, timeout, mask);
}

int
__wrap_poll(struct pollfd *fds, nfds_t count, int ms)
{
	poll_calls++;
	poll_ms = ms;
	if (meanwhile != NULL)
		return answer(fds, count);
	return __real_poll(fds, count, ms);
}

#ifdef __linux__
struct epoll_event;
int __real_epoll_wait(int, struct epoll_event *, int, int);
int __wrap_epoll_wait(int, struct epoll_event *, int, int);

int
__wrap_epoll_wait(int fd, struct epoll_event *events, int max, int ms)
{
	coarse_calls++;
	return __real_epoll_wait(fd, events, max, ms);
}
#endif

static struct mio_poll *the_poll;
static struct mio_registry *registry;
static struct mio_events *events;
static int pipes[MANY][2];
static struct mio_source piped;

static void
set_up(void)
{
	need(mio_poll_new_backend(&the_poll, backend) == 0, "poll");
	need(mio_events_new(&events, 2 * MANY) == 0, "events");
	registry = mio_poll_registry(the_poll);
	found = 0;
}

static void
tear_down(void)
{
	mio_events_free(events);
	mio_poll_free(the_poll);
	CHECK(locked == 0);
}

static bool
is_poll(void)
{
	return strncmp(backend, "poll+", 5) == 0;
}

/* What there is of `token`, all of `flags` or what came in time. */
static unsigned
comes(mio_token token, unsigned flags)
{
	unsigned seen = 0;

	for (int turn = 0; turn < 50 && (seen & flags) != flags; turn++) {
		CHECK(mio_poll(the_poll, events, 100 * MIO_MSEC) >= 0);
		MIO_EVENTS_FOREACH (event, events)
			if (event->token == token)
				seen |= event->readiness;
	}
	return seen & flags;
}

static bool
invalid(ssize_t result)
{
	bool is = result == -1 && errno == EINVAL;

	errno = 0;
	return is;
}

static void
null_is_invalid(void)
{
	static const struct mio_event event = { 0, MIO_READABLE, 0 };
	struct iovec iov = { &failures, sizeof(failures) };
	struct sockaddr addr;
	socklen_t len = sizeof(addr);
	struct msghdr msg;
	struct mio_source a, b;

	memset(&msg, 0, sizeof(msg));
	CHECK(invalid(mio_source_read(NULL, iov.iov_base, 1)));
	CHECK(invalid(mio_source_readv(NULL, &iov, 1)));
	CHECK(invalid(mio_source_write(NULL, "", 1)));
	CHECK(invalid(mio_source_writev(NULL, &iov, 1)));
	CHECK(invalid(mio_source_recv(NULL, iov.iov_base, 1, 0)));
	CHECK(invalid(mio_source_send(NULL, "", 1, 0)));
	CHECK(invalid(
	    mio_source_recvfrom(NULL, iov.iov_base, 1, 0, NULL, NULL)));
	CHECK(invalid(mio_source_sendto(NULL, "", 1, 0, NULL, 0)));
	CHECK(invalid(mio_source_recvmsg(NULL, &msg, 0)));
	CHECK(invalid(mio_source_sendmsg(NULL, &msg, 0)));
	CHECK(invalid(mio_registry_handle(NULL)));
	CHECK(mio_source_handle(NULL) == MIO_INVALID_HANDLE);
	need(mio_unix_pair(&a, &b) == 0, "pair");
	CHECK(invalid(mio_source_recvmsg(&a, NULL, 0)));
	CHECK(invalid(mio_source_sendmsg(&a, NULL, 0)));
	CHECK(invalid(mio_source_writev(&a, &iov, -1)));
	CHECK(invalid(mio_source_writev(&a, &iov, IOV_MAX + 1)));
	CHECK(mio_source_writev(&a, &iov, 0) ==
	    sendmsg(mio_source_handle(&a), &msg, 0));
	CHECK(invalid(mio_source_accept(&a, NULL, NULL, NULL)));
	CHECK(invalid(mio_source_accept(&a, &b, &addr, NULL)));
	CHECK(invalid(mio_source_local_addr(&a, NULL, &len)));
	CHECK(invalid(mio_source_local_addr(&a, &addr, NULL)));
	mio_source_close(&a);
	mio_source_close(&b);
	CHECK(invalid(mio_interest_format(MIO_READABLE, NULL, 1)));
	CHECK(invalid(mio_event_format(&event, NULL, 1)));
	CHECK(strcmp(mio_version(), MIO_VERSION) == 0);
}

static void
as_many_as_there_may_be(void)
{
	static struct iovec parts[IOV_MAX];
	static char byte = 'x';
	struct mio_source a, b;

	for (size_t i = 0; i < IOV_MAX; i++) {
		parts[i].iov_base = &byte;
		parts[i].iov_len = 1;
	}
	need(mio_unix_pair(&a, &b) == 0, "pair");
	CHECK(mio_source_writev(&a, parts, IOV_MAX) == IOV_MAX);
	mio_source_close(&a);
	mio_source_close(&b);
}

/* 0 is none. */
static void
family_of_nobody(void)
{
	const struct sockaddr_un addr = { .sun_family = AF_UNSPEC };
	struct mio_source source;

	errno = 0;
	CHECK(mio_unix_connect_addr(&source, &addr, sizeof(addr)) == -1 &&
	    errno == EAFNOSUPPORT);
}

static void
text_has_the_kernels_flags(void)
{
	const struct mio_event event = { 1, MIO_READABLE, 0xabc };
	char text[100];

	CHECK(mio_event_format(&event, text, sizeof(text)) > 0);
	CHECK(strstr(text, "0xabc") != NULL);
}

static int
error_of(const char *name)
{
	struct mio_poll *poll;

	if (mio_poll_new_backend(&poll, name) < 0)
		return errno;
	mio_poll_free(poll);
	return 0;
}

/* Names of other systems are ENOTSUP, what is no name EINVAL. */
static void
names_of_backends(void)
{
	static const char *const right[] = { "epoll+user", "kqueue+eventfd",
		"kqueue+user", "poll+user", "epoll", "kqueue" };
	static const char *const wrong[] = { "epol", "kqueues", "kqueue+",
		"kqueue+use", "epoll+users", "+pipe", "x" };

	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		int error = error_of(right[i]);

		backend = right[i];
		CHECK(error == 0 || error == ENOTSUP);
		for (const char *const *name = mio_backends(); *name != NULL;
		     name++)
			if (strncmp(*name, backend, strlen(backend)) == 0)
				error = ENOTSUP; /* there, so it may work */
		CHECK(error == ENOTSUP);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		backend = wrong[i];
		CHECK(error_of(wrong[i]) == EINVAL);
	}
	backend = "-";
	CHECK(error_of("") == 0);
}

/* The next descriptor is 0. */
static void
free_zero(void)
{
	__real_close(STDIN_FILENO);
}

static void
zero_is_a_descriptor(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	struct mio_source source, other, client;
	struct mio_waker *waker;
	socklen_t len = sizeof(addr);
	int copy;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	free_zero();
	errno = EINVAL; /* of before, as below */
	CHECK(mio_tcp_listen(&source, (struct sockaddr *)&addr, len) == 0);
	CHECK(mio_source_handle(&source) == 0);
	CHECK(mio_registry_reregister(registry, &source, 1, MIO_READABLE) ==
		-1 &&
	    errno == ENOENT);
	CHECK(mio_registry_register(registry, &source, 1, MIO_READABLE) == 0);
	CHECK(mio_source_local_addr(
		  &source, (struct sockaddr *)&addr, &len) == 0);
	/* In use; and what is closed then does not hide the error. */
	CHECK(mio_tcp_listen(&other, (struct sockaddr *)&addr, len) == -1 &&
	    errno == EADDRINUSE);
	CHECK(mio_tcp_connect(&client, (struct sockaddr *)&addr, len) == 0);
	CHECK(comes(1, MIO_READABLE) == MIO_READABLE);
	need((copy = dup(0)) > 0, "dup");
	CHECK(mio_source_close(&source) == 0);
	need(mio_source_from_fd(&source, copy) == 0, "copy");
	errno = EINVAL; /* of before: it is not asked again */
	CHECK(mio_source_accept(&source, &other, NULL, NULL) == 0);
	CHECK(mio_source_handle(&other) == 0);
	CHECK(mio_source_into_fd(&other) == 0);
	mio_source_close(&source);
	mio_source_close(&client);

	free_zero();
	CHECK(mio_unix_pair(&source, &other) == 0);
	CHECK(mio_source_handle(&source) == 0);
	CHECK(mio_source_close(&source) == 0);
	CHECK(mio_source_close(&other) == 0);

	/* Freed, it says nothing even if its file lives on. */
	CHECK(mio_waker_new(&waker, registry, 2) == 0);
	CHECK(mio_waker_wake(waker) == 0);
	copy = dup(0);
	mio_waker_free(waker);
	CHECK(mio_poll(the_poll, events, 0) == 0);
	if (copy > 0)
		__real_close(copy);
	free_zero();
	tear_down();
	set_up();
	CHECK(is_poll() || mio_poll_handle(the_poll) == 0);
	CHECK(mio_waker_new(&waker, registry, 2) == 0);
	/* The caller's descriptors are not those of the library. */
	for (int fd = 0; is_poll() && fd < 20; fd++) {
		CHECK(mio_registry_deregister_fd(registry, fd) == -1 &&
		    (errno == ENOENT || errno == EBADF));
		CHECK(mio_registry_rearm_fd(registry, fd, MIO_READABLE) ==
			-1 &&
		    (errno == ENOENT || errno == EBADF));
	}
	CHECK(mio_waker_wake(waker) == 0);
	CHECK(comes(2, MIO_READABLE) == MIO_READABLE);
	mio_waker_free(waker);
}

static void
nameless_senders(void)
{
	static const char *const texts[] = { "x", "" };
	struct mio_source a, b;
	char byte;

	need(mio_unix_dgram_pair(&a, &b) == 0, "pair");
	for (size_t i = 0; i < 2; i++) {
		struct sockaddr_un addr;
		socklen_t len = offsetof(struct sockaddr_un, sun_path);

		memset(&addr, 0xff, sizeof(addr));
		CHECK(mio_source_send(&b, texts[i], strlen(texts[i]), 0) >= 0);
		CHECK(mio_source_recvfrom(&a, &byte, 1, 0,
			  (struct sockaddr *)&addr, &len) ==
		    (ssize_t)strlen(texts[i]));
		CHECK(len == offsetof(struct sockaddr_un, sun_path));
		CHECK(addr.sun_family == AF_UNIX);
	}
	mio_source_close(&a);
	mio_source_close(&b);
}

/* What does not fit is not looked at: the page behind it is nobody's. */
static void
short_address(void)
{
	const socklen_t offset = offsetof(struct sockaddr_un, sun_path);
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct sockaddr *addr;
	struct mio_source a, b;
	socklen_t len = offset;
	char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANON, -1, 0);

	need(pages != MAP_FAILED, "mmap");
	need(mprotect(pages + page, page, PROT_NONE) == 0, "mprotect");
	need(mio_unix_pair(&a, &b) == 0, "pair");
	addr = (void *)(pages + page - offset);
	CHECK(mio_source_local_addr(&a, addr, &len) == 0);
	CHECK(len == offset && addr->sa_family == AF_UNIX);
	mio_source_close(&a);
	mio_source_close(&b);
	munmap(pages, 2 * page);
}

/* Though the selector, which is told of it, has changed errno meanwhile. */
static void
would_block(void)
{
	struct mio_source a, b;
	char byte;

	need(mio_unix_pair(&a, &b) == 0, "pair");
	CHECK(mio_registry_register(registry, &a, 1, MIO_READABLE) == 0);
	CHECK(mio_source_read(&a, &byte, 1) == -1 && errno == EAGAIN);
	mio_source_close(&a);
	mio_source_close(&b);
}

/* To look how the connect ended must not wait for it. */
static void
asks_without_waiting(void)
{
	struct mio_source stream;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	need(fd >= 0 && mio_source_from_fd(&stream, fd) == 0, "socket");
	poll_ms = 0;
	CHECK(mio_source_connect_result(&stream) == -1 && errno == ENOTCONN);
	CHECK(poll_ms == 0);
	mio_source_close(&stream);
}

/* A peer is no news of what is there to be read already. */
static void
connects_while_readable(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	struct mio_source source;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	need(mio_udp_bind(&source, (struct sockaddr *)&addr, len) == 0 &&
		mio_source_local_addr(
		    &source, (struct sockaddr *)&addr, &len) == 0,
	    "udp");
	CHECK(mio_registry_register(registry, &source, 1, MIO_READABLE) == 0);
	CHECK(mio_source_sendto(
		  &source, "x", 1, 0, (struct sockaddr *)&addr, len) == 1);
	CHECK(comes(1, MIO_READABLE) == MIO_READABLE);
	CHECK(mio_source_connect(
		  &source, (struct sockaddr *)&addr, len) == 0);
	CHECK(mio_poll(the_poll, events, 20 * MIO_MSEC) == 0);
	mio_source_close(&source);
}

/* What more is asked for takes nothing away. */
static void
priority_and_another(void)
{
	struct mio_source a, b;

	need(mio_unix_pair(&a, &b) == 0, "pair");
	CHECK(mio_registry_register(
		  registry, &a, 1, MIO_WRITABLE | MIO_PRIORITY) == 0);
	CHECK(comes(1, MIO_WRITABLE) == MIO_WRITABLE);
	CHECK(mio_registry_reregister(
		  registry, &a, 1, MIO_READABLE | MIO_PRIORITY) == 0);
	CHECK(mio_source_shutdown(&b, SHUT_WR) == 0);
	CHECK(comes(1, MIO_READ_CLOSED) == MIO_READ_CLOSED);
	CHECK(mio_registry_reregister(registry, &a, 1,
		  MIO_READABLE | MIO_WRITABLE | MIO_PRIORITY) == 0);
	CHECK(comes(1, MIO_READABLE | MIO_WRITABLE) ==
	    (MIO_READABLE | MIO_WRITABLE));
	CHECK(mio_poll(the_poll, events, 0) == 0);
	mio_source_close(&a);
	mio_source_close(&b);
}

/* Of a batch, one differs from all others. */
static void
each_has_its_own_flags(void)
{
	enum { BATCH = 11 };
	struct mio_source a[BATCH], b[BATCH];
	char byte;

	for (int i = 0; i < BATCH; i++) {
		need(mio_unix_pair(&a[i], &b[i]) == 0, "pair");
		CHECK(mio_registry_register(registry, &a[i], (mio_token)i,
			  MIO_READABLE | MIO_WRITABLE) == 0);
	}
	for (int odd = 0; odd < BATCH; odd++) {
		for (int i = 0; i < BATCH; i++)
			CHECK(mio_registry_reregister(registry, &a[i],
				  (mio_token)i,
				  MIO_READABLE | MIO_WRITABLE) == 0);
		/* Last, for what is ready first comes first. */
		CHECK(mio_source_write(&b[odd], "x", 1) == 1);
		CHECK(mio_poll(the_poll, events, MIO_SEC) == BATCH);
		MIO_EVENTS_FOREACH (event, events)
			CHECK(mio_event_is_writable(event) &&
			    mio_event_is_readable(event) ==
				(event->token == (mio_token)odd));
		CHECK(mio_source_read(&a[odd], &byte, 1) == 1);
	}
	for (int i = 0; i < BATCH; i++) {
		mio_source_close(&a[i]);
		mio_source_close(&b[i]);
	}
}

/* The first source of all goes, and its number is another's. */
static void
closed_and_given_out_again(void)
{
	struct mio_source receiver, sender;
	int fds[2], number;

	need(mio_pipe_new(&receiver, &sender) == 0 && pipe(fds) == 0, "pipe");
	need(write(fds[1], "x", 1) == 1, "write");
	CHECK(mio_registry_register(registry, &receiver, 1, MIO_READABLE) ==
	    0);
	number = mio_source_handle(&receiver);
	CHECK(mio_source_close(&receiver) == 0);
	need(dup2(fds[0], number) == number, "dup2");
	CHECK(mio_poll(the_poll, events, 0) == 0);
	__real_close(number);
	__real_close(fds[0]);
	__real_close(fds[1]);
	mio_source_close(&sender);
}

/* An error of before is not this wait's. */
static void
times_out_once(void)
{
	/* In vain, so the next does not look before. */
	CHECK(mio_poll(the_poll, events, MIO_MSEC) == 0);
	coarse_calls = 0;
	errno = ENOSYS;
	CHECK(mio_poll(the_poll, events, MIO_MSEC + 1) == 0);
#ifdef HAVE_EPOLL_PWAIT2
	CHECK(coarse_calls == 0);
#endif
}

/* Waits 300 ms for nothing; the number of calls. */
static int
calls_of_a_wait(void)
{
	poll_calls = 0;
	CHECK(mio_poll(the_poll, events, 300 * MIO_MSEC) == 0);
	return poll_calls;
}

/*
 * A hang-up that nothing but a call of the program can end costs a wait one
 * look; one that may end by itself, one now and then; one of a descriptor
 * that was closed nothing.
 */
static void
looks_at_what_hung_up(void)
{
	int ends[2], sockets[2], calls;

	need(pipe(ends) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0,
	    "pipe, socketpair");
	CHECK(mio_registry_register_fd(
		  registry, sockets[0], 20, MIO_READABLE) == 0);
	__real_close(sockets[1]);
	CHECK(mio_poll(the_poll, events, MIO_SEC) == 1);
	calls = calls_of_a_wait();
	CHECK(calls >= 1 && calls <= 2);
	CHECK(mio_registry_register_fd(registry, ends[0], 21, MIO_READABLE) ==
	    0);
	__real_close(ends[1]);
	CHECK(mio_poll(the_poll, events, MIO_SEC) == 1);
	calls = calls_of_a_wait();
	CHECK(calls >= 4 && calls < 40);
	__real_close(ends[0]);
	calls_of_a_wait();
	calls = calls_of_a_wait();
	CHECK(calls >= 1 && calls <= 2);
	CHECK(mio_registry_deregister_fd(registry, sockets[0]) == 0);
	__real_close(sockets[0]);
}

static void
change_first(void)
{
	CHECK(mio_registry_reregister_fd(
		  registry, pipes[0][0], 8, MIO_READABLE) == 0);
}

static void
register_many(void)
{
	writes = 0;
	for (int i = 1; i < MANY; i++)
		CHECK(mio_registry_register_fd(registry, pipes[i][0],
			  (mio_token)i, MIO_READABLE) == 0);
	CHECK(writes == 1); /* one ends the wait for all of them */
	CHECK(cancel_state == PTHREAD_CANCEL_DISABLE);
}

static void
rearm_first(void)
{
	CHECK(mio_registry_rearm_fd(registry, pipes[0][0], MIO_READABLE) == 0);
}

static void
deregister_first(void)
{
	CHECK(mio_registry_deregister_fd(registry, pipes[0][0]) == 0);
}

static void
close_piped(void)
{
	CHECK(mio_source_close(&piped) == 0);
}

static void
ends_the_wait(void (*call)(void))
{
	found = 0;
	meanwhile = call;
	writes = 0;
	CHECK(mio_poll(the_poll, events, 0) == 0);
	CHECK(writes == 1);
	CHECK(mio_poll(the_poll, events, 0) == 0);
}

/* What the kernel waits for is another thing then. */
static void
what_ends_a_wait(void)
{
	struct mio_source sender;

	ends_the_wait(change_first);
	ends_the_wait(rearm_first);
	ends_the_wait(deregister_first);
	need(mio_pipe_new(&piped, &sender) == 0, "pipe");
	CHECK(mio_registry_register(registry, &piped, 1, MIO_READABLE) == 0);
	ends_the_wait(close_piped);
	mio_source_close(&sender);
	CHECK(mio_registry_register_fd(
		  registry, pipes[0][0], 0, MIO_READABLE) == 0);
}

static void
nothing(void)
{
}

/* At some number there is no room for one more behind the last. */
static void
fill_the_table(void)
{
	for (int i = 0; i < MANY; i++) {
		CHECK(mio_registry_register_fd(registry, pipes[i][0],
			  (mio_token)i, MIO_READABLE) == 0);
		CHECK(mio_poll(the_poll, events, 0) == 0);
	}
	for (int i = 0; i < MANY; i++)
		CHECK(mio_registry_deregister_fd(registry, pipes[i][0]) == 0);
}

/* For poll(2) alone: its table, while the kernel works on it. */
static void
changes_in_a_wait(void)
{
	int state;

	found = 0;
	meanwhile = nothing;
	CHECK(mio_poll(the_poll, events, 0) == 0);
	if (meanwhile != NULL) {
		/* It has another name where time_t was made larger. */
		fprintf(stderr, "note: poll(2) is not wrapped\n");
		meanwhile = NULL;
		return;
	}
	free_zero();
	for (int i = 0; i < MANY; i++)
		need(pipe(pipes[i]) == 0, "pipe");
	need(pipes[0][0] == 0, "0");
	fill_the_table();
	tear_down();
	set_up(); /* a small table, that must grow in the wait */
	CHECK(mio_registry_register_fd(
		  registry, pipes[0][0], 0, MIO_READABLE) == 0);
	/* What was found is not for what is there now. */
	found_fd = pipes[0][0];
	found = POLLIN;
	meanwhile = change_first;
	CHECK(mio_poll(the_poll, events, 0) == 0);
	for (int i = 0; i < CHANGES; i++) {
		found = 0;
		meanwhile = change_first;
		CHECK(mio_poll(the_poll, events, 0) == 0);
	}
	CHECK(mio_poll(the_poll, events, 0) == 0);
	what_ends_a_wait();
	meanwhile = register_many;
	CHECK(mio_poll(the_poll, events, 0) == 0);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	CHECK(state == PTHREAD_CANCEL_ENABLE);
	for (int i = 0; i < MANY; i++)
		need(write(pipes[i][1], "x", 1) == 1, "write");
	CHECK(mio_poll(the_poll, events, MIO_SEC) == MANY);
	/* The kick is over, and wakes nobody up again. */
	poll_calls = 0;
	CHECK(mio_poll(the_poll, events, 20 * MIO_MSEC) == 0);
	CHECK(poll_calls <= 3);
	/* Its own descriptor was closed by somebody else. */
	found_fd = -1;
	found = POLLNVAL;
	meanwhile = nothing;
	CHECK(mio_poll(the_poll, events, MIO_SEC) == -1 && errno == EBADF);
	for (int i = 0; i < MANY; i++) {
		CHECK(mio_registry_deregister_fd(registry, pipes[i][0]) == 0);
		__real_close(pipes[i][0]);
		__real_close(pipes[i][1]);
	}
}

int
main(void)
{
	struct rlimit limit;

	if (strncmp(mio_backends()[0], "kqueue", 6) == 0) {
		fprintf(stderr, "SKIP: the model of kqueue has locks, too\n");
		return 77;
	}
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 256) {
		fprintf(stderr, "SKIP: needs 256 descriptors: ulimit -n\n");
		return 77;
	}
	need(dup2(STDERR_FILENO, STDIN_FILENO) == STDIN_FILENO, "dup2");
	null_is_invalid();
	as_many_as_there_may_be();
	family_of_nobody();
	text_has_the_kernels_flags();
	names_of_backends();
	nameless_senders();
	short_address();
	asks_without_waiting();
	for (const char *const *name = mio_backends(); *name != NULL;
	     name++) {
		backend = *name;
		set_up();
		closed_and_given_out_again();
		priority_and_another();
		each_has_its_own_flags();
		times_out_once();
		would_block();
		connects_while_readable();
		if (is_poll()) {
			changes_in_a_wait();
			looks_at_what_hung_up();
		}
		zero_is_a_descriptor();
		tear_down();
		free_zero();
		need(dup2(STDERR_FILENO, STDIN_FILENO) == 0, "dup2");
	}
	if (failures > 0)
		fprintf(stderr, "test_edges: %d failures\n", failures);
	return failures > 0;
}
