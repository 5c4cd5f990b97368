/* SPDX-License-Identifier: MIT */
/*
 * Sequences of operations, carried out on every backend side by side and
 * held against a model of the contract: see world.c.
 */

#ifndef FUZZ_H
#define FUZZ_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <mio.h>

enum { SLOTS = 10, WORLDS = 8, WAKERS = 2, GHOSTS = 4 };

/* Four bytes of input; every sequence of them means something. */
struct op {
	uint8_t code; /* see world_op_of */
	uint8_t slot;
	uint8_t a;
	uint8_t b;
};

/* How a contract may be broken. */
enum fault {
	NONE,
	LOST,     /* what was promised did not come */
	STRANGER, /* a token that stands for nothing */
	FALSE_READINESS,
	OVERFULL, /* more than the capacity, or a wrong count */
	SPIN,     /* events without end, and nothing happens */
	CALL,     /* a call returned what it must not */
	UNLIKE    /* backends disagree */
};

struct finding {
	enum fault fault;
	size_t world;
	size_t at; /* place of the operation */
	mio_token token;
	unsigned bits;
	char text[200];
};

enum kind {
	UNIX_STREAM,
	UNIX_DGRAM,
	UNIX_LISTENER,
	PIPE_RECEIVER,
	PIPE_SENDER,
	TCP_ACCEPTED,
	TCP_CONNECTED,
	TCP_REFUSED,
	TCP_LATE, /* not connected yet */
	TCP_FAST, /* Fast Open: its first write connects */
	TCP_LISTENER,
	UDP,
	UDP_QUEUE, /* of errors, IP_RECVERR */
	EVENTFD,
	KINDS
};

struct registration {
	mio_token token;
	unsigned interests; /* 0: not registered */
	unsigned armed;     /* what must be told if it is so */
	unsigned seen;      /* told by the last look */
	bool hung;          /* it was told of a hang-up or an error, */
	bool renewed;       /* which is over: told of all when that is seen */
	bool level;         /* MIO_LEVEL: told by every look */
};

/* A file: its descriptor, in a source or not, and perhaps a duplicate. */
struct slot {
	struct mio_source source;
	int fd; /* instead of source: -1 none */
	int dup;
	int peer;
	enum kind kind;
	struct registration registrations[2]; /* of source or fd; of dup */
	struct registration ghosts[GHOSTS];   /* closed, but for a dup */
	size_t ghosts_count;
	int queued;       /* connections that wait for accept */
	int level;        /* what poll(2) says */
	bool readable[2]; /* an event said so */
};

/* What one backend is put through. */
struct world {
	const char *backend;
	size_t number;
	struct mio_poll *poll;
	struct mio_poll *other;
	struct mio_registry *registry;
	struct mio_waker *wakers[WAKERS];
	mio_token waker_tokens[WAKERS];
	bool waker_lives[WAKERS]; /* its poll does */
	bool woken[WAKERS];
	struct mio_source door;   /* TCP connections come in here */
	struct mio_source refuse; /* and do not here */
	struct slot slots[SLOTS];
	uint64_t serial; /* of tokens */
	FILE *trace;     /* gets the calls as C */
	char line[200];
	unsigned repeated;
	const struct slot *said;
	bool quiet;
	struct finding *finding;
	jmp_buf *escape;
};

/*
 * Carries out `count` operations on the backends named, all of the build's
 * if `only` is NULL.  With `trace` prints a program that does the same on
 * backend `traced`.  Stops at the first finding; its fault is returned.
 */
enum fault fuzz(const struct op *ops, size_t count, const char *only,
    struct finding *finding, FILE *trace, size_t traced);

/* Makes the sequence shorter while it finds the same; the new count. */
size_t shrink(struct op *ops, size_t count, struct finding *finding);

/* Patience with the kernel, in nanoseconds. */
extern int64_t fuzz_patience;

/* world.c: one operation in one world; -errno or what the call returned. */
long world_step(struct world *w, const struct op *op);
const char *world_op_name(const struct op *op);
void world_open(struct world *w, const char *backend);
void world_settle(struct world *w);
void world_close(struct world *w);
void world_fail(struct world *w, enum fault fault, mio_token token,
    unsigned bits, const char *text);

/* make.c: the slot's file. */
void make(struct world *w, struct slot *s, enum kind kind, bool raw);
bool is_prompt(enum kind kind); /* its kernel side has no latency */
bool is_socket(enum kind kind);
bool is_listener(enum kind kind);
bool is_tcp(enum kind kind);
bool is_udp(enum kind kind);
bool is_connected(enum kind kind); /* TCP, with a peer */
/* One more connection for a listener. */
void knock(struct world *w, struct slot *s);
/* Connects TCP_LATE or TCP_FAST, by `fd` if it is no source; -errno. */
int connect_late(struct world *w, struct slot *s, int fd);
/* A peer again where one was: of UDP at the same address, or of a pipe. */
void reopen(struct world *w, struct slot *s, int fd);

/* trace.c: what is called, as C. */
void say(struct world *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void trace_begin(struct world *w);
void trace_end(struct world *w);

/* Calls and prints the call. */
#define DO(call) (say(w, "%s;", #call), (call))
/* Sets a variable, there too. */
#define LET(name, value)                                                       \
	(say(w, "%s = %lld;", #name, (long long)(value)), (name) = (value))
/* What must be true, or the test itself is at fault. */
#define MUST(expr) ((expr) ? (void)0 : (perror(__FILE__ ": " #expr), abort()))

#endif
