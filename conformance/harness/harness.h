/* SPDX-License-Identifier: MIT */
/*
 * What the conformance tests share.  A test looks like
 *
 *	TEST(poll_zero_timeout_does_not_wait, "lim-02")
 *	{
 *		struct loop loop;
 *
 *		loop_open(&loop);
 *		...
 *		loop_close(&loop);
 *	}
 *
 * and is run once for each backend, in a process of its own, which fails if
 * a descriptor is left open.  The file ends with SUITE(area, &test, ...).
 */

#ifndef MIO_CONFORMANCE_HARNESS_H
#define MIO_CONFORMANCE_HARNESS_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <mio.h>

#include "framework.h"

/* Linux, and not its imitation of another (--with-model-kqueue=bsd). */
#if defined(__linux__) && !defined(MIO_MODEL_BSD)
#define LIKE_LINUX 1
#endif
/* What only other systems may do is && with this, so Linux may not. */
#ifdef LIKE_LINUX
enum { ELSEWHERE = 0 };
#else
enum { ELSEWHERE = 1 };
#endif

/* Where there is none, what tests open may leak into what they run. */
#ifndef SOCK_CLOEXEC
#define SOCK_CLOEXEC 0
#endif

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* Short names for readiness, as CONFORMANCE.md has them. */
enum {
	R = MIO_READABLE,
	W = MIO_WRITABLE,
	P = MIO_PRIORITY,
	RC = MIO_READ_CLOSED,
	WC = MIO_WRITE_CLOSED,
	E = MIO_ERROR
};

/*
 * `rows`: catalogue ids, separated by spaces.  TEST_NEEDS is for a test that
 * needs what a small system may lack, a sum of the NEEDS_.
 */
#define TEST(name, rows) TEST_NEEDS(name, rows, 0)
#define TEST_NEEDS(name, rows, needs)                                        \
	static const TTest name;                                             \
	static void name##_body(void);                                       \
	static void name##_fn(int which)                                     \
	{                                                                    \
		test_begin(&name, which);                                    \
		if (!test_gated(#name))                                      \
			name##_body();                                       \
		test_end();                                                  \
	}                                                                    \
	static const TTest name = { #name " [" rows "]", name##_fn,          \
		__FILE__, __LINE__ TEST_NEEDS_FIELD(needs) };                \
	static void name##_body(void)

enum {
	NEEDS_PROCESS = 1, /* forks, or changes its process for good */
	NEEDS_THREADS = 2,
	NEEDS_SIGNALS = 4,
	NEEDS_LIMITS = 8 /* setrlimit of descriptors */
};

#define SUITE(area, ...)                                                     \
	const TTest *const area##_suite[] = { __VA_ARGS__, NULL }
#define SUITE_EMPTY(area) const TTest *const area##_suite[] = { NULL }

extern const TTest *const poll_suite[];
extern const TTest *const reg_suite[];
extern const TTest *const evt_suite[];
extern const TTest *const int_suite[];
extern const TTest *const wak_suite[];
extern const TTest *const tcpl_suite[];
extern const TTest *const tcps_suite[];
extern const TTest *const pipe_suite[];
extern const TTest *const fd_suite[];
extern const TTest *const close_suite[];
extern const TTest *const lim_suite[];

/* For TEST only. */
void test_begin(const TTest *test, int which);
void test_end(void);

/* The backend that the running test is for, "poll+pipe", and its halves. */
const char *backend(void);
bool selector_is(const char *name);
bool waker_is(const char *name);
/*
 * The selector does not know which descriptors _fd calls registered; or the
 * kernel numbers no files but those on disks, so it cannot tell them apart.
 */
bool raw_is_lenient(void);
/* The kernel's fstat(2) tells sockets and pipes apart by their numbers. */
bool files_have_numbers(void);
/* Both ends of a pipe can be read and written. */
bool pipe_is_two_way(void);
/*
 * False where all that there is is poll(2) without POLLRDHUP: it does not
 * tell the end of reading from data, nor an error from an end.
 */
bool tells_ends(void);
/*
 * Whether `seen` has all of `flags` that can be asked for: where tells_ends
 * is false not the ends, and of an error one of readable and writable.
 */
bool flags_cover(unsigned seen, unsigned flags);
/* The selector has the priority interest. */
bool knows_priority(void);
/*
 * MIO_ERROR where an error comes without an end: a datagram was refused, a
 * pipe has no reader.  0 with kqueue, which has a socket's error in fflags
 * beside EV_EOF, and none for pipes (kqueue(2), EVFILT_READ and _WRITE).
 */
unsigned lone_error(void);

/*
 * Ends the test as gated, which the report counts apart from passed.  GATE
 * looks the row up in gates.c, where a test's name needs none; SKIP is for what
 * only this machine lacks.
 * Both return from the calling function: use them in the test's body, before
 * anything is open.
 */
#define GATE(row)                                                            \
	do {                                                                 \
		if (test_gated(row))                                         \
			return;                                              \
	} while (0)
#define SKIP(reason)                                                         \
	do {                                                                 \
		test_skipped(reason);                                        \
		return;                                                      \
	} while (0)
#define NEED_IPV6()                                                          \
	do {                                                                 \
		if (!have_ipv6())                                            \
			SKIP("no IPv6 on loopback");                         \
	} while (0)
/*
 * This process gets a network of its own, with nothing in it: as root, or
 * in a user namespace.  Not where other tests run in the same process.
 */
#define NEED_OWN_NETWORK()                                                   \
	do {                                                                 \
		if (!own_network())                                          \
			SKIP("no network namespace for this test");          \
	} while (0)
/* May have so many descriptors open at once, with those that all need. */
#define NEED_DESCRIPTORS(count)                                              \
	do {                                                                 \
		if (!have_descriptors(count))                                \
			SKIP("too few descriptors allowed: ulimit -n");      \
	} while (0)
bool have_descriptors(size_t count);
bool test_gated(const char *row);
void test_skipped(const char *reason);
bool have_ipv6(void);
bool own_network(void);

/* "ENOENT"; a number if it is none of the usual ones. */
const char *errno_name(int error);

/* The call returns something else than -1. */
#define CHECK_CALL(expr)                                                     \
	do {                                                                 \
		errno = 0;                                                   \
		long long check_got_ = (long long)(expr);                    \
		int check_errno_ = errno;                                    \
		ck_assert_msg(check_got_ != -1, "%s: %s", #expr,             \
		    errno_name(check_errno_));                               \
	} while (0)

/* The call returns `want`. */
#define CHECK_INT(want, expr)                                                \
	do {                                                                 \
		long long check_want_ = (long long)(want);                   \
		long long check_got_ = (long long)(expr);                    \
		int check_errno_ = errno;                                    \
		ck_assert_msg(check_got_ == check_want_,                     \
		    "%s: %lld instead of %lld (errno %s)", #expr,            \
		    check_got_, check_want_, errno_name(check_errno_));      \
	} while (0)

/* The call returns -1 with errno `want`, EAGAIN say. */
#define CHECK_FAILS(want, expr)                                              \
	do {                                                                 \
		errno = 0;                                                   \
		long long check_got_ = (long long)(expr);                    \
		int check_errno_ = errno;                                    \
		ck_assert_msg(check_got_ == -1 && check_errno_ == (want),    \
		    "%s: %lld, %s instead of -1, %s", #expr, check_got_,     \
		    errno_name(check_errno_), #want);                        \
	} while (0)

/* One of two errors. */
#define CHECK_FAILS2(want, other, expr)                                      \
	do {                                                                 \
		errno = 0;                                                   \
		long long check_got_ = (long long)(expr);                    \
		int check_errno_ = errno;                                    \
		ck_assert_msg(check_got_ == -1 &&                            \
			(check_errno_ == (want) || check_errno_ == (other)), \
		    "%s: %lld, %s instead of -1, %s or %s", #expr,           \
		    check_got_, errno_name(check_errno_), #want, #other);    \
	} while (0)

/* CLOCK_MONOTONIC, in nanoseconds. */
int64_t now_ns(void);
void pause_ms(int ms);
/* How much slower than usual this run is (valgrind); from Check's variable. */
double slowness(void);

/* A poll of the running backend, its registry and room for 128 events. */
struct loop {
	struct mio_poll *poll;
	struct mio_registry *registry;
	struct mio_events *events;
	unsigned seen; /* all flags that the last WAIT saw for its token */
};

void loop_open(struct loop *loop);
/* Its events hold `capacity`. */
void loop_open_capacity(struct loop *loop, size_t capacity);
void loop_close(struct loop *loop);

/*
 * WAIT: polls until events of `token` covered all `flags` (0: until one
 * event came); other events are let pass; fails after 5 seconds.  What was
 * seen is in loop->seen.  WAIT_ANY is satisfied by one of the flags.
 */
#define WAIT(loop, token, flags)                                             \
	do {                                                                 \
		char wait_why_[200];                                         \
		ck_assert_msg(loop_wait((loop), (mio_token)(token), (flags), \
				  wait_why_, sizeof(wait_why_)),             \
		    "%s", wait_why_);                                        \
	} while (0)
#define WAIT_ANY(loop, token, flags)                                         \
	do {                                                                 \
		char wait_why_[200];                                         \
		ck_assert_msg(                                               \
		    loop_wait_any((loop), (mio_token)(token), (flags),       \
			wait_why_, sizeof(wait_why_)),                       \
		    "%s", wait_why_);                                        \
	} while (0)
/* All tokens from `first` to `first + count - 1`, in any order. */
#define WAIT_ALL(loop, first, count, flags)                                  \
	do {                                                                 \
		char wait_why_[200];                                         \
		ck_assert_msg(                                               \
		    loop_wait_all((loop), (mio_token)(first), (count),       \
			(flags), wait_why_, sizeof(wait_why_)),              \
		    "%s", wait_why_);                                        \
	} while (0)
/* Polls until one poll of 60 ms brings nothing; 20 times at most. */
/* QUIET, but elsewhere an event more is what the kernel has (a new edge). */
#define CALM(loop)                                                           \
	do {                                                                 \
		if (ELSEWHERE)                                               \
			SETTLE(loop);                                        \
		else                                                         \
			QUIET(loop);                                         \
	} while (0)
#define SETTLE(loop)                                                         \
	do {                                                                 \
		char wait_why_[200];                                         \
		ck_assert_msg(                                               \
		    loop_settle((loop), wait_why_, sizeof(wait_why_)), "%s", \
		    wait_why_);                                              \
	} while (0)
/* One poll of 50 ms brings nothing.  Only where the row says QUIET. */
#define QUIET(loop)                                                          \
	do {                                                                 \
		char wait_why_[200];                                         \
		ck_assert_msg(                                               \
		    loop_quiet((loop), wait_why_, sizeof(wait_why_)), "%s",  \
		    wait_why_);                                              \
	} while (0)
/* Polls for 50 ms; no event of `token` comes, others may. */
#define NOTOK(loop, token)                                                   \
	do {                                                                 \
		char wait_why_[200];                                         \
		ck_assert_msg(loop_without((loop), (mio_token)(token),       \
				  wait_why_, sizeof(wait_why_)),             \
		    "%s", wait_why_);                                        \
	} while (0)
bool loop_wait(
    struct loop *loop, mio_token token, unsigned flags, char *why, size_t size);
bool loop_wait_any(
    struct loop *loop, mio_token token, unsigned flags, char *why, size_t size);
bool loop_wait_all(struct loop *loop, mio_token first, size_t count,
    unsigned flags, char *why, size_t size);
bool loop_settle(struct loop *loop, char *why, size_t size);
bool loop_quiet(struct loop *loop, char *why, size_t size);
bool loop_without(struct loop *loop, mio_token token, char *why, size_t size);

/* One mio_poll; EINTR restarts it, other errors fail the test. */
int loop_poll(struct loop *loop, int64_t timeout_ns);
/* The flags of all events of `token` in the buffer, together. */
unsigned loop_flags(const struct loop *loop, mio_token token);
/* How many events of `token` are in the buffer. */
size_t loop_count(const struct loop *loop, mio_token token);

/*
 * DRAIN: repeat until EAGAIN.  They return the bytes (connections) there
 * were; end of file and an error end them too.  The _fd ones use the system
 * call itself and say so to the registry with mio_registry_rearm_fd.
 */
size_t drain(const struct mio_source *source);
size_t fill(const struct mio_source *source);
size_t drain_fd(struct mio_registry *registry, int fd);
size_t fill_fd(struct mio_registry *registry, int fd);
/* Closes what it accepts. */
size_t drain_accept(const struct mio_source *listener);

/* Writes all of it, which has to fit. */
void put(const struct mio_source *source, const char *text);
void put_fd(int fd, const char *text);
/* Reads until `text` is complete, 5 seconds at most. */
void expect(const struct mio_source *source, const char *text);

/* Each call that sends, writing one byte. */
enum { WRITERS_COUNT = 5 };
typedef ssize_t write_call(const struct mio_source *source);
extern write_call *const writers[WRITERS_COUNT];
/* 0: it wrote; else errno, or more than 1000 if SIGPIPE came. */
int write_error(const struct mio_source *source, write_call *write_it);

struct addr {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_storage room;
	} u;
	socklen_t len;
};

/* Port 0 of loopback; `family` AF_INET or AF_INET6. */
struct addr loopback(int family);
struct addr local_addr(const struct mio_source *source);
struct addr peer_addr(const struct mio_source *source);
bool addr_equal(const struct addr *a, const struct addr *b);
bool addr_is_loopback(const struct addr *addr);
/* A loopback address where nobody listens, nor can: it is `taken`'s. */
struct addr dead_addr(struct mio_source *taken, int family);
/*
 * Starts to connect to such; false if the kernel never takes the time to, but
 * refuses within connect(2).
 */
bool start_refused(struct mio_source *stream, const struct addr *dead);
/* The same of UDP. */
struct addr dead_udp(struct mio_source *taken, int family);

/* A listener on loopback; returns its address. */
struct addr listen_on(struct mio_source *listener, int family);
/* Waits for a connection, with no poll of ours. */
void accept_one(const struct mio_source *listener, struct mio_source *stream);
/* Waits until the descriptor is ready for POLLIN or POLLOUT. */
void await_fd(int fd, short what);

/* Two ends of a TCP connection on loopback, registered nowhere. */
struct pair {
	struct mio_source a; /* connected */
	struct mio_source b; /* accepted */
};
#define PAIR(pair) pair_open((pair), AF_INET)
void pair_open(struct pair *pair, int family);
/* Closes what is still open of it. */
void pair_close(struct pair *pair);
/* Closes `source` if it is open. */
void shut(struct mio_source *source);
/* Closes with a reset. */
void abort_connection(struct mio_source *stream);

/* A bound, non-blocking UDP socket on loopback as a source. */
struct addr udp_open(struct mio_source *socket, int family);

/* ECHO: a thread that accepts one connection and echoes until end of file. */
struct echo {
	struct addr addr;
	pthread_t thread;
	int listener;
};
void echo_start(struct echo *echo, int family);
/* Waits for its end: close the other side first. */
void echo_stop(struct echo *echo);

/* Which descriptors are open (up to a limit). */
struct fds {
	unsigned char bits[4096 / 8];
};
void fds_get(struct fds *fds);
size_t fds_count(void);
/* Those open now that were not then; returns how many, `max` at most. */
size_t fds_since(const struct fds *then, int *fds, size_t max);
bool is_cloexec(int fd);
bool is_nonblocking(int fd);

/* pthread_create and _join that fail the test. */
pthread_t thread_start(void *(*run)(void *), void *arg);
void *thread_join(pthread_t thread);

#endif
