/* SPDX-License-Identifier: MIT */
/*
 * The line between the work, which is written once (work.c, serve.c), and
 * the libraries that it is done with: an adapter for each, peer_*.c and
 * rust/.  An adapter calls work_ready for each event that says readable.
 */

#ifndef PEER_H
#define PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Events taken at a wait, where the peer lets its user say; libuv's number. */
enum { PEER_BATCH = 1024 };

/* The peer's. */

/*
 * Whether an event comes again while there is something to read; else the
 * work reads until EAGAIN.
 */
extern bool peer_level;
/*
 * Set by an adapter for the event at hand, if the peer promises another one
 * after a read of TCP that gave less than asked, as after EAGAIN.
 */
extern bool peer_short;

const char *peer_version(void);
/*
 * `backend` is default, or poll or another that the peer has: else
 * bench_skip.  Tokens will be below `capacity`.  `threads`: peer_wake will
 * be called by others.
 */
void peer_open(const char *backend, size_t capacity, bool threads);
/* Watches `fd` for readable, or for readable and writable. */
void peer_add(size_t token, int fd, bool writable);
void peer_change(size_t token, int fd, bool writable);
void peer_remove(size_t token, int fd);
/* Takes a connection of the listener and watches it; -1 if there is none. */
int peer_accept(size_t listener, int fd, size_t token);
/* Stops watching a connection, and closes it. */
void peer_close(size_t token, int fd);
/* What was there to read has been read. */
void peer_drained(size_t token, int fd);
/* Waits for events until one of them has called peer_stop. */
void peer_run(void);
/* The same, each wait with a timeout: of epoll and libmio alone. */
void peer_run_timed(int64_t timeout_ns);
void peer_stop(void);
/* Takes the events that are there. */
void peer_turn(void);
/* Makes the waker; its event is that of `token`. */
void peer_add_waker(size_t token);
void peer_wake(void);

/* The work's. */

void work_ready(size_t token);
/* accept4, for the peers that leave this to the user. */
int bench_accept(int fd);
/* Ends with a message if `failed`. */
void bench_check(bool failed, const char *what);
/* Ends with exit status 77. */
_Noreturn void bench_skip(const char *why);
void *bench_alloc(size_t count, size_t size);

/*
 * For a peer that reads by itself: what a connection brought, or 0 bytes at
 * its end.
 */
void serve_data(size_t token, const char *data, size_t length);
/* For a peer that writes by itself. */
extern void (*peer_send)(size_t token, const char *data, size_t length);

/* Between work.c and serve.c. */

struct work {
	const char *name;
	/* What it takes besides the count: how many of what, how many. */
	const char *usage;
	int arguments;
	void (*open)(const char *backend, const size_t *arguments);
	void (*ready)(size_t token);
	/* Does `count` operations, or says how many it did. */
	long (*run)(long count);
	/* No warming up, and the wall clock's own measure. */
	bool timed;
};

extern const struct work serve_echo, serve_accept, serve_http;
/* Wall time as an outsider measured it, if not 0. */
extern double serve_wall;
/* Binds the calling process or thread to the first or second processor. */
void bench_pin(unsigned which);

#endif
