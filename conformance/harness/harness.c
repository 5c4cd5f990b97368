/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "harness.h"
#include "gates.h"
#include "main.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef __linux__
#include <sched.h>
#endif

#define TOKENS_MAX 4096

static const char *current;      /* the backend */
static struct outcome *outcome;  /* of the running test */
static struct fds fds_at_begin;

static const struct {
	int error;
	const char *name;
} errno_names[] = {
	{ 0, "no error" },
	{ EACCES, "EACCES" },
	{ EADDRINUSE, "EADDRINUSE" },
	{ EADDRNOTAVAIL, "EADDRNOTAVAIL" },
	{ EAFNOSUPPORT, "EAFNOSUPPORT" },
	{ EAGAIN, "EAGAIN" },
	{ EALREADY, "EALREADY" },
	{ EBADF, "EBADF" },
	{ EBUSY, "EBUSY" },
	{ ECONNABORTED, "ECONNABORTED" },
	{ ECONNREFUSED, "ECONNREFUSED" },
	{ ECONNRESET, "ECONNRESET" },
	{ EDESTADDRREQ, "EDESTADDRREQ" },
	{ EEXIST, "EEXIST" },
	{ EFAULT, "EFAULT" },
	{ EINPROGRESS, "EINPROGRESS" },
	{ EINTR, "EINTR" },
	{ EINVAL, "EINVAL" },
	{ EIO, "EIO" },
	{ EISCONN, "EISCONN" },
	{ EMFILE, "EMFILE" },
	{ ENAMETOOLONG, "ENAMETOOLONG" },
	{ ENFILE, "ENFILE" },
	{ ENOENT, "ENOENT" },
	{ ENOMEM, "ENOMEM" },
	{ ENOPROTOOPT, "ENOPROTOOPT" },
	{ ENOSPC, "ENOSPC" },
	{ ENOSYS, "ENOSYS" },
	{ ENOTCONN, "ENOTCONN" },
	{ ENOTSOCK, "ENOTSOCK" },
	{ ENOTSUP, "ENOTSUP" },
	{ EPERM, "EPERM" },
	{ EPIPE, "EPIPE" },
	{ ETIMEDOUT, "ETIMEDOUT" },
};

const char *
errno_name(int error)
{
	static char number[32];

	for (size_t i = 0; i < LEN(errno_names); ++i)
		if (errno_names[i].error == error)
			return errno_names[i].name;
	snprintf(number, sizeof(number), "errno %d", error);
	return number;
}

/* The test that runs. */

void
test_begin(const TTest *test, int which)
{
	current = mio_backends()[which];
	outcome = outcome_of(test, which);
	fds_get(&fds_at_begin);
	outcome->begin_ns = now_ns();
}

/* libkqueue's own descriptors come and go when its thread likes. */
static bool
left_open_is_known(void)
{
#ifdef HAVE_LIBKQUEUE
	return true; /* some tests go through all backends */
#else
	return false;
#endif
}

void
test_end(void)
{
	int left[4] = { -1, -1, -1, -1 };
	size_t n = fds_since(&fds_at_begin, left, LEN(left));

	ck_assert_msg(n == 0 || left_open_is_known(),
	    "descriptors left open: %d %d %d %d (the first %zu of them)",
	    left[0], left[1], left[2], left[3], n);
	outcome->end_ns = now_ns();
}

void
test_saw(const struct seen *seen)
{
	outcome->seen = *seen;
	outcome->observed = true;
}

const char *
backend(void)
{
	return current;
}

bool
selector_is(const char *name)
{
	size_t len = strlen(name);

	return strncmp(current, name, len) == 0 && current[len] == '+';
}

bool
waker_is(const char *name)
{
	const char *plus = strchr(current, '+');

	return plus != NULL && strcmp(plus + 1, name) == 0;
}

bool
files_have_numbers(void)
{
	const int error = errno;
	int fd = socket(AF_INET, SOCK_DGRAM, 0), fds[2];
	struct stat st;
	bool have;

	CHECK_CALL(fd);
	CHECK_INT(0, fstat(fd, &st));
	close(fd);
	have = st.st_ino != 0;
	CHECK_INT(0, pipe(fds));
	CHECK_INT(0, fstat(fds[0], &st));
	close(fds[0]);
	close(fds[1]);
	errno = error;
	return have && st.st_ino != 0;
}

bool
pipe_is_two_way(void)
{
	int fds[2], mode;

	CHECK_INT(0, pipe(fds));
	mode = fcntl(fds[0], F_GETFL) & O_ACCMODE;
	close(fds[0]);
	close(fds[1]);
	return mode == O_RDWR;
}

bool
tells_ends(void)
{
#ifdef POLLRDHUP
	return true;
#else
	return !selector_is("poll");
#endif
}

bool
raw_is_lenient(void)
{
	return selector_is("kqueue") ||
	    (selector_is("poll") && !files_have_numbers());
}

bool
knows_priority(void)
{
#ifdef __linux__
	return !selector_is("kqueue");
#else
	return false;
#endif
}

unsigned
lone_error(void)
{
	return selector_is("kqueue") ? 0 : E;
}

void
test_skipped(const char *reason)
{
	outcome->gated = outcome->skipped = true;
	snprintf(outcome->reason, sizeof(outcome->reason), "%s", reason);
}

bool
test_gated(const char *row)
{
	const struct gate *gate = gate_find(row, current);

	if (gate == NULL)
		return false;
	outcome->gated = true;
	snprintf(outcome->reason, sizeof(outcome->reason), "%s: %s", row,
	    gate->reason);
	return true;
}

void
descriptors_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= 1024)
		return;
	limit.rlim_cur = limit.rlim_max < 1024 ? limit.rlim_max : 1024;
	setrlimit(RLIMIT_NOFILE, &limit);
}

bool
have_descriptors(size_t count)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
	    (uintmax_t)limit.rlim_cur >= count + 24;
}

bool
own_network(void)
{
#if defined(CLONE_NEWNET) && defined(SIOCGIFFLAGS)
	const char *fork_mode = getenv("CK_FORK");

	if (fork_mode != NULL && strcmp(fork_mode, "no") == 0)
		return false;
	return unshare(CLONE_NEWNET) == 0 ||
	    unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
#else
	return false;
#endif
}

bool
have_ipv6(void)
{
	struct addr addr = loopback(AF_INET6);
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	bool have;

	if (fd == -1)
		return false;
	have = bind(fd, &addr.u.any, addr.len) == 0;
	close(fd);
	return have;
}

/* Time. */

int64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void
pause_ms(int ms)
{
	struct timespec rest = { ms / 1000, ms % 1000 * 1000000L };

	while (nanosleep(&rest, &rest) == -1 && errno == EINTR)
		;
}

double
slowness(void)
{
	const char *text = getenv("CK_TIMEOUT_MULTIPLIER");
	double factor = text != NULL ? atof(text) : 1;

	return factor > 1 ? factor : 1;
}

static int64_t
deadline(void)
{
	return now_ns() + (int64_t)(5e9 * slowness());
}

/* The loop. */

void
loop_open_capacity(struct loop *loop, size_t capacity)
{
	memset(loop, 0, sizeof(*loop));
	CHECK_INT(0, mio_poll_new_backend(&loop->poll, current));
	ck_assert_ptr_nonnull(loop->poll);
	loop->registry = mio_poll_registry(loop->poll);
	ck_assert_ptr_nonnull(loop->registry);
	CHECK_INT(0, mio_events_new(&loop->events, capacity));
}

void
loop_open(struct loop *loop)
{
	loop_open_capacity(loop, 128);
}

void
loop_close(struct loop *loop)
{
	mio_events_free(loop->events);
	mio_poll_free(loop->poll);
	memset(loop, 0, sizeof(*loop));
}

int
loop_poll(struct loop *loop, int64_t timeout_ns)
{
	int n;

	while ((n = mio_poll(loop->poll, loop->events, timeout_ns)) == -1)
		ck_assert_msg(
		    errno == EINTR, "mio_poll: %s", errno_name(errno));
	ck_assert_msg((size_t)n == mio_events_count(loop->events),
	    "mio_poll returned %d, but there are %zu events", n,
	    mio_events_count(loop->events));
	ck_assert_msg((size_t)n <= mio_events_capacity(loop->events),
	    "mio_poll returned %d, more than the capacity", n);
	for (int i = 0; i < n; ++i) {
		const struct mio_event *event =
		    mio_events_get(loop->events, (size_t)i);

		ck_assert_ptr_nonnull(event);
		ck_assert_msg((event->readiness & (R | W)) != 0,
		    "event of token %#jx says neither readable nor "
		    "writable: %#x (native %#x)",
		    (uintmax_t)event->token, event->readiness, event->native);
	}
	return n;
}

unsigned
loop_flags(const struct loop *loop, mio_token token)
{
	const struct mio_event *event;
	unsigned flags = 0;

	for (size_t i = 0;
	     (event = mio_events_get(loop->events, i)) != NULL; ++i)
		if (event->token == token)
			flags |= event->readiness;
	return flags;
}

size_t
loop_count(const struct loop *loop, mio_token token)
{
	const struct mio_event *event;
	size_t count = 0;

	for (size_t i = 0;
	     (event = mio_events_get(loop->events, i)) != NULL; ++i)
		count += event->token == token;
	return count;
}

static const char *
flag_names(unsigned flags, char *buf, size_t size)
{
	static const struct {
		unsigned flag;
		const char *name;
	} names[] = {
		{ R, "R" },
		{ W, "W" },
		{ P, "P" },
		{ RC, "rc" },
		{ WC, "wc" },
		{ E, "E" },
	};
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < LEN(names); ++i)
		if (flags & names[i].flag && len < size)
			len += (size_t)snprintf(buf + len, size - len, "%s%s",
			    len > 0 ? "+" : "", names[i].name);
	return flags == 0 ? "nothing" : buf;
}

static int64_t
slice(int64_t end)
{
	int64_t left = end - now_ns();

	if (left < 0)
		left = 0;
	return left < 500 * MIO_MSEC ? left : 500 * MIO_MSEC;
}

bool
flags_cover(unsigned seen, unsigned flags)
{
	if (!tells_ends()) {
		if (flags & (WC | E))
			return (seen & (R | W)) != 0;
		flags &= ~(unsigned)RC;
	}
	return (seen & flags) == flags;
}

static bool
wait_flags(struct loop *loop, mio_token token, unsigned flags, bool any,
    char *why, size_t size)
{
	int64_t end = deadline();
	size_t count = 0, others = 0;
	char seen[40], wanted[40];

	loop->seen = 0;
	for (;;) {
		size_t n = (size_t)loop_poll(loop, slice(end));
		size_t ours = loop_count(loop, token);

		count += ours;
		others += n - ours;
		loop->seen |= loop_flags(loop, token);
		if (count > 0 &&
		    (any ? (loop->seen & flags) != 0 :
			   flags_cover(loop->seen, flags)))
			return true;
		if (now_ns() >= end)
			break;
	}
	snprintf(why, size,
	    "no %s%s for token %#jx on %s: %s in %zu events, %zu of others",
	    any ? "one of " : "",
	    flags != 0 ? flag_names(flags, wanted, sizeof(wanted)) : "event",
	    (uintmax_t)token, current,
	    flag_names(loop->seen, seen, sizeof(seen)), count, others);
	return false;
}

bool
loop_wait(
    struct loop *loop, mio_token token, unsigned flags, char *why, size_t size)
{
	return wait_flags(loop, token, flags, false, why, size);
}

bool
loop_wait_any(
    struct loop *loop, mio_token token, unsigned flags, char *why, size_t size)
{
	return wait_flags(loop, token, flags, true, why, size);
}

bool
loop_wait_all(struct loop *loop, mio_token first, size_t count, unsigned flags,
    char *why, size_t size)
{
	static unsigned seen[TOKENS_MAX];
	int64_t end = deadline();
	size_t missing = count;

	ck_assert_uint_le(count, TOKENS_MAX);
	memset(seen, 0, sizeof(seen));
	while (missing > 0 && now_ns() < end) {
		const struct mio_event *event;

		loop_poll(loop, slice(end));
		for (size_t i = 0;
		     (event = mio_events_get(loop->events, i)) != NULL; ++i)
			if (event->token >= first &&
			    event->token - first < count)
				seen[event->token - first] |= event->readiness;
		missing = 0;
		for (size_t i = 0; i < count; ++i)
			missing += !flags_cover(seen[i], flags) || seen[i] == 0;
	}
	if (missing == 0)
		return true;
	snprintf(why, size, "%zu of %zu tokens missing on %s", missing, count,
	    current);
	return false;
}

static void
tell_first(const struct loop *loop, const char *what, char *why, size_t size)
{
	const struct mio_event *event = mio_events_get(loop->events, 0);
	char flags[40];

	snprintf(why, size, "%s on %s: token %#jx, %s (native %#x)", what,
	    current, (uintmax_t)event->token,
	    flag_names(event->readiness, flags, sizeof(flags)), event->native);
}

bool
loop_settle(struct loop *loop, char *why, size_t size)
{
	for (int i = 0; i < 20; ++i)
		if (loop_poll(loop, 60 * MIO_MSEC) == 0)
			return true;
	tell_first(loop, "does not settle", why, size);
	return false;
}

bool
loop_quiet(struct loop *loop, char *why, size_t size)
{
	if (loop_poll(loop, 50 * MIO_MSEC) == 0)
		return true;
	tell_first(loop, "not quiet", why, size);
	return false;
}

bool
loop_without(struct loop *loop, mio_token token, char *why, size_t size)
{
	int64_t end = now_ns() + 50 * MIO_MSEC;

	for (int i = 0; i < 100; ++i) {
		char flags[40];

		loop_poll(loop, slice(end));
		if (loop_count(loop, token) > 0) {
			snprintf(why, size, "token %#jx came on %s: %s",
			    (uintmax_t)token, current,
			    flag_names(loop_flags(loop, token), flags,
				sizeof(flags)));
			return false;
		}
		if (now_ns() >= end)
			return true;
	}
	snprintf(why, size, "100 polls in 50 ms on %s", current);
	return false;
}

/* I/O. */

size_t
drain(const struct mio_source *source)
{
	static char buf[65536];
	size_t total = 0;
	ssize_t n;

	while ((n = mio_source_read(source, buf, sizeof(buf))) > 0 ||
	    (n == -1 && errno == EINTR))
		total += n > 0 ? (size_t)n : 0;
	return total;
}

size_t
fill(const struct mio_source *source)
{
	static char buf[4096];
	size_t total = 0;
	ssize_t n;

	while ((n = mio_source_write(source, buf, sizeof(buf))) > 0 ||
	    (n == -1 && errno == EINTR)) {
		total += n > 0 ? (size_t)n : 0;
		ck_assert_msg(total < 256U << 20, "never full");
	}
	ck_assert_msg(n == -1 && errno == EAGAIN, "mio_source_write: %zd, %s",
	    n, errno_name(errno));
	return total;
}

size_t
drain_fd(struct mio_registry *registry, int fd)
{
	char buf[4096];
	size_t total = 0;
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0 ||
	    (n == -1 && errno == EINTR))
		total += n > 0 ? (size_t)n : 0;
	if (n == -1 && errno == EAGAIN)
		CHECK_INT(0,
		    mio_registry_rearm_fd(registry, fd, MIO_READABLE));
	return total;
}

size_t
fill_fd(struct mio_registry *registry, int fd)
{
	static char buf[4096];
	size_t total = 0;
	ssize_t n;

	while ((n = write(fd, buf, sizeof(buf))) > 0 ||
	    (n == -1 && errno == EINTR)) {
		total += n > 0 ? (size_t)n : 0;
		ck_assert_msg(total < 256U << 20, "never full");
	}
	ck_assert_msg(n == -1 && errno == EAGAIN, "write: %zd, %s", n,
	    errno_name(errno));
	CHECK_INT(0, mio_registry_rearm_fd(registry, fd, MIO_WRITABLE));
	return total;
}

size_t
drain_accept(const struct mio_source *listener)
{
	size_t count = 0;

	for (;;) {
		struct mio_source stream = MIO_SOURCE_INIT;

		if (mio_source_accept(listener, &stream, NULL, NULL) == 0) {
			++count;
			CHECK_INT(0, mio_source_close(&stream));
		} else if (errno != EINTR && errno != ECONNABORTED) {
			ck_assert_msg(errno == EAGAIN,
			    "mio_source_accept: %s", errno_name(errno));
			return count;
		}
	}
}

void
put(const struct mio_source *source, const char *text)
{
	CHECK_INT(strlen(text), mio_source_write(source, text, strlen(text)));
}

void
put_fd(int fd, const char *text)
{
	CHECK_INT(strlen(text), write(fd, text, strlen(text)));
}

void
expect(const struct mio_source *source, const char *text)
{
	size_t want = strlen(text), have = 0;
	int64_t end = deadline();
	char buf[4096] = "";

	ck_assert_uint_lt(want, sizeof(buf));
	while (have < want) {
		ssize_t n = mio_source_read(source, buf + have, want - have);

		ck_assert_msg(n > 0 ||
			(n == -1 && (errno == EAGAIN || errno == EINTR)),
		    "mio_source_read: %zd, %s, after %zu of %zu bytes", n,
		    errno_name(errno), have, want);
		if (n > 0)
			have += (size_t)n;
		else
			pause_ms(1);
		ck_assert_msg(now_ns() < end, "%zu of %zu bytes", have, want);
	}
	ck_assert_str_eq(buf, text);
}

void
await_fd(int fd, short what)
{
	struct pollfd entry = { fd, what, 0 };
	int n;

	while ((n = poll(&entry, 1, (int)(5000 * slowness()))) == -1 &&
	    errno == EINTR)
		;
	ck_assert_msg(n == 1, "descriptor %d does not become ready", fd);
}

static ssize_t
by_write(const struct mio_source *source)
{
	return mio_source_write(source, "x", 1);
}

static ssize_t
by_writev(const struct mio_source *source)
{
	char byte = 'x';
	struct iovec iov = { &byte, 1 };

	return mio_source_writev(source, &iov, 1);
}

static ssize_t
by_send(const struct mio_source *source)
{
	return mio_source_send(source, "x", 1, 0);
}

static ssize_t
by_sendto(const struct mio_source *source)
{
	return mio_source_sendto(source, "x", 1, 0, NULL, 0);
}

static ssize_t
by_sendmsg(const struct mio_source *source)
{
	char byte = 'x';
	struct iovec iov = { &byte, 1 };
	struct msghdr msg;

	memset(&msg, 0, sizeof(msg));
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	return mio_source_sendmsg(source, &msg, 0);
}

write_call *const writers[WRITERS_COUNT] = { by_write, by_writev, by_send,
	by_sendto, by_sendmsg };

static volatile sig_atomic_t caught;

static void
note_signal(int number)
{
	caught = number;
}

int
write_error(const struct mio_source *source, write_call *write_it)
{
	struct sigaction before, action = { .sa_handler = note_signal };
	ssize_t n;
	int error;

	caught = 0;
	sigemptyset(&action.sa_mask);
	CHECK_INT(0, sigaction(SIGPIPE, &action, &before));
	n = write_it(source);
	error = errno;
	CHECK_INT(0, sigaction(SIGPIPE, &before, NULL));
	return caught != 0 ? 1000 + (int)caught : n == -1 ? error : 0;
}

/* Addresses and sockets. */

struct addr
loopback(int family)
{
	struct addr addr;

	memset(&addr, 0, sizeof(addr));
	if (family == AF_INET6) {
		addr.u.v6.sin6_family = AF_INET6;
		addr.u.v6.sin6_addr = in6addr_loopback;
		addr.len = sizeof(addr.u.v6);
	} else {
		addr.u.v4.sin_family = AF_INET;
		addr.u.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		addr.len = sizeof(addr.u.v4);
	}
	return addr;
}

struct addr
local_addr(const struct mio_source *source)
{
	struct addr addr;

	memset(&addr, 0, sizeof(addr));
	addr.len = sizeof(addr.u);
	CHECK_INT(0, mio_source_local_addr(source, &addr.u.any, &addr.len));
	return addr;
}

struct addr
peer_addr(const struct mio_source *source)
{
	struct addr addr;

	memset(&addr, 0, sizeof(addr));
	addr.len = sizeof(addr.u);
	CHECK_INT(0, mio_source_peer_addr(source, &addr.u.any, &addr.len));
	return addr;
}

bool
addr_equal(const struct addr *a, const struct addr *b)
{
	if (a->u.any.sa_family != b->u.any.sa_family)
		return false;
	if (a->u.any.sa_family == AF_INET6)
		return a->u.v6.sin6_port == b->u.v6.sin6_port &&
		    memcmp(&a->u.v6.sin6_addr, &b->u.v6.sin6_addr,
			sizeof(a->u.v6.sin6_addr)) == 0;
	return a->u.v4.sin_port == b->u.v4.sin_port &&
	    a->u.v4.sin_addr.s_addr == b->u.v4.sin_addr.s_addr;
}

bool
addr_is_loopback(const struct addr *addr)
{
	if (addr->u.any.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&addr->u.v6.sin6_addr);
	return addr->u.v4.sin_addr.s_addr == htonl(INADDR_LOOPBACK);
}

static struct addr
socket_on(struct mio_source *source, int family, int type)
{
	struct addr addr = loopback(family);
	int fd = socket(family, type, 0);

	CHECK_CALL(fd);
	CHECK_INT(0, bind(fd, &addr.u.any, addr.len));
	CHECK_INT(0, mio_source_from_fd(source, fd));
	return local_addr(source);
}

/*
 * NetBSD and OpenBSD do not answer for a socket that is bound and does not
 * listen.  So the port is that of a connection, whose listener is gone.
 */
struct addr
dead_addr(struct mio_source *taken, int family)
{
	struct addr addr = loopback(family);
	int listener = socket(family, SOCK_STREAM, 0);
	int peer = socket(family, SOCK_STREAM, 0), fd;

	CHECK_CALL(listener);
	CHECK_CALL(peer);
	CHECK_INT(0, bind(listener, &addr.u.any, addr.len));
	CHECK_INT(0, listen(listener, 1));
	CHECK_INT(0, getsockname(listener, &addr.u.any, &addr.len));
	CHECK_INT(0, connect(peer, &addr.u.any, addr.len));
	CHECK_CALL(fd = accept(listener, NULL, NULL));
	close(listener);
	close(peer);
	CHECK_INT(0, mio_source_from_fd(taken, fd));
	return addr;
}

bool
start_refused(struct mio_source *stream, const struct addr *dead)
{
	for (int i = 0; i < 20; ++i) {
		if (mio_tcp_connect(stream, &dead->u.any, dead->len) == 0)
			return true;
		ck_assert_int_eq(errno, ECONNREFUSED);
	}
	return false;
}

struct addr
dead_udp(struct mio_source *taken, int family)
{
	struct addr addr = udp_open(taken, family);

	/* Who is connected, here with itself, takes nothing of others. */
	CHECK_INT(0, mio_source_connect(taken, &addr.u.any, addr.len));
	return addr;
}

struct addr
listen_on(struct mio_source *listener, int family)
{
	struct addr addr = loopback(family);

	CHECK_INT(0, mio_tcp_listen(listener, &addr.u.any, addr.len));
	return local_addr(listener);
}

void
accept_one(const struct mio_source *listener, struct mio_source *stream)
{
	await_fd(mio_source_handle(listener), POLLIN);
	CHECK_INT(0, mio_source_accept(listener, stream, NULL, NULL));
}

void
pair_open(struct pair *pair, int family)
{
	struct mio_source listener = MIO_SOURCE_INIT;
	struct pair fresh = { MIO_SOURCE_INIT, MIO_SOURCE_INIT };
	struct addr addr;

	*pair = fresh;
	addr = listen_on(&listener, family);
	CHECK_INT(0, mio_tcp_connect(&pair->a, &addr.u.any, addr.len));
	accept_one(&listener, &pair->b);
	await_fd(mio_source_handle(&pair->a), POLLOUT);
	CHECK_INT(0, mio_source_connect_result(&pair->a));
	CHECK_INT(0, mio_source_close(&listener));
}

void
shut(struct mio_source *source)
{
	if (mio_source_handle(source) != MIO_INVALID_HANDLE)
		CHECK_INT(0, mio_source_close(source));
}

void
pair_close(struct pair *pair)
{
	shut(&pair->a);
	shut(&pair->b);
}

void
abort_connection(struct mio_source *stream)
{
	struct linger linger = { 1, 0 };

	CHECK_INT(0,
	    setsockopt(mio_source_handle(stream), SOL_SOCKET, SO_LINGER,
		&linger, sizeof(linger)));
	CHECK_INT(0, mio_source_close(stream));
}

struct addr
udp_open(struct mio_source *sock, int family)
{
	return socket_on(sock, family, SOCK_DGRAM);
}

static void *
echo_run(void *arg)
{
	struct echo *echo = arg;
	char buf[16384];
	ssize_t n;
	int fd = accept(echo->listener, NULL, NULL);

	if (fd == -1)
		return NULL;
	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		for (ssize_t sent = 0, m; sent < n; sent += m)
			if ((m = send(fd, buf + sent, (size_t)(n - sent),
				 MSG_NOSIGNAL)) <= 0)
				goto out;
out:
	close(fd);
	return NULL;
}

void
echo_start(struct echo *echo, int family)
{
	/* Accept inherits no timeout, but ends with one. */
	struct timeval limit = { 20, 0 };

	memset(echo, 0, sizeof(*echo));
	echo->addr = loopback(family);
	CHECK_CALL(echo->listener = socket(family, SOCK_STREAM, 0));
	CHECK_INT(0,
	    setsockopt(echo->listener, SOL_SOCKET, SO_RCVTIMEO, &limit,
		sizeof(limit)));
	CHECK_INT(
	    0, bind(echo->listener, &echo->addr.u.any, echo->addr.len));
	CHECK_INT(0, listen(echo->listener, 1));
	CHECK_INT(0,
	    getsockname(echo->listener, &echo->addr.u.any, &echo->addr.len));
	echo->thread = thread_start(echo_run, echo);
}

void
echo_stop(struct echo *echo)
{
	thread_join(echo->thread);
	close(echo->listener);
	echo->listener = -1;
}

/* Descriptors and threads. */

void
fds_get(struct fds *fds)
{
	long max = sysconf(_SC_OPEN_MAX);

	memset(fds, 0, sizeof(*fds));
	if (max < 0 || (size_t)max > 8 * sizeof(fds->bits))
		max = 8 * sizeof(fds->bits);
	for (int fd = 0; fd < max; ++fd)
		if (fcntl(fd, F_GETFD) != -1)
			fds->bits[fd / 8] |= (unsigned char)(1 << fd % 8);
}

static bool
fds_has(const struct fds *fds, int fd)
{
	return (fds->bits[fd / 8] >> fd % 8 & 1) != 0;
}

size_t
fds_count(void)
{
	struct fds fds;
	size_t count = 0;

	fds_get(&fds);
	for (int fd = 0; fd < (int)(8 * sizeof(fds.bits)); ++fd)
		count += fds_has(&fds, fd);
	return count;
}

size_t
fds_since(const struct fds *then, int *list, size_t max)
{
	struct fds fds;
	size_t count = 0;

	fds_get(&fds);
	for (int fd = 0; fd < (int)(8 * sizeof(fds.bits)); ++fd)
		if (count < max && fds_has(&fds, fd) && !fds_has(then, fd))
			list[count++] = fd;
	return count;
}

bool
is_cloexec(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	return flags != -1 && (flags & FD_CLOEXEC) != 0;
}

bool
is_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags != -1 && (flags & O_NONBLOCK) != 0;
}

pthread_t
thread_start(void *(*run)(void *), void *arg)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, run, arg), 0);
	return thread;
}

void *
thread_join(pthread_t thread)
{
	void *result;

	ck_assert_int_eq(pthread_join(thread, &result), 0);
	return result;
}
