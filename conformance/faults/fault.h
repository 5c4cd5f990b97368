/* SPDX-License-Identifier: MIT */
/* What the files of test_fault share: see test_fault.c. */

#ifndef MIO_FAULT_H
#define MIO_FAULT_H

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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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

extern const char *const call_names[POINTS];

/* What one failing call makes of the call under test: see faults.def. */
enum outcome { PASSES, NOTSUP, RETRIED, FALLS_BACK };

struct fault {
	enum call call;
	int err;
	enum outcome outcome;
};

/*
 * What is due, and what was seen of it: a failure; or, with `wakes`, a signal
 * whose handler wakes it; or, with `shortens`, less than was asked for.
 */
struct plan {
	bool armed, fired, shortens;
	enum call call;
	int turn, times, seen, err;
	struct mio_waker *wakes;
};
extern _Thread_local struct plan plan;

extern uint64_t fired_ever; /* a bit for each enum call */

/* As on a system that lacks the calls that set flags on creation. */
extern bool old_system;
extern atomic_long live_blocks;
extern atomic_int calls_seen[POINTS];
extern int until_then;
extern struct mio_waker *overtaking;
extern int overtaken_error;
extern bool backwards;
extern const char *backend;
extern const char *doing;
extern int failures;

#define CHECK(cond) check((cond), #cond, __LINE__)

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
	struct sockaddr_storage new_addr;
	socklen_t new_len;
	char buf[8];
	size_t left; /* bytes that rx still has to get */
	bool woken; /* the poll under test saw the waker */
};

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
#ifdef MADV_WIPEONFORK
#define MARKS (BIT(mmap) | BIT(madvise))
#else
#define MARKS BIT(mmap)
#endif
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

/* Each ends with one without a name. */
extern const struct scenario poll_scenarios[];
extern const struct scenario waker_scenarios[];
extern const struct scenario sockets_scenarios[];
extern const struct scenario registry_scenarios[];
extern const struct scenario io_scenarios[];

/* The calls themselves, which never fail by plan. */
int __real_bind(int fd, const struct sockaddr *addr, socklen_t len);
int __real_fcntl(int fd, int command, ...);
int __real_getsockname(int fd, struct sockaddr *addr, socklen_t *len);
int __real_listen(int fd, int backlog);
int __real_pipe(int fd[2]);
int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
ssize_t __real_read(int fd, void *buf, size_t len);
int __real_socket(int domain, int type, int protocol);
ssize_t __real_write(int fd, const void *buf, size_t len);

/* world.c */
void check(bool ok, const char *what, int line);
void need(bool ok, const char *what);
int open_fds(void);
int64_t now(void);
bool comes(struct world *w, mio_token token, uint32_t flags);
void settle(struct world *w);
struct mio_registry *registry(struct world *w);
void world_new(struct world *w);
void world_free(struct world *w);
void with_listener(struct world *w);
void with_connection(struct world *w);
void with_pipe(struct world *w);
void with_waker(struct world *w);
void with_many_wakers(struct world *w);
void with_raw_socket(struct world *w);
void with_raw_pipe(struct world *w);

/* fault_poll.c */
bool no_events(struct world *w);
void grow_all(void);

/* fault_waker.c */
int run_wake(struct world *w);
void wakes(struct world *w);
bool anything(struct world *w);
int run_free_waker(struct world *w);
void short_drain(void);
void overtake(struct mio_waker *waker);
void cancelled_wake(int error);
void failing_first_wake(void);
void then(void);
void both_make_room(void);
void full_waker(void);

/* fault_registry.c */
bool source_untouched(struct world *w);
void with_registered(struct world *w);
int run_register_fd(struct world *w);
void fd_registered(struct world *w);
void pair_works(struct world *w);
void pair_registered(struct world *w);

/* fault_sockets.c */
int run_accept(struct world *w);
void failing_close(int err);
void interrupted_connect_result(void);
void any_without_ipv6(void);
void step_limit(const struct scenario *s);
void descriptor_zero(const struct scenario *s);

/* fault_io.c */
void with_pipes(struct world *w);
void with_data(struct world *w);
void short_io(const struct scenario *s);

/* test_fault.c */
int run(const struct scenario *s, struct world *w);
void arm(enum call call, int turn, int err);
void disarm(void);
const struct scenario *scenario(const char *name);

#endif
