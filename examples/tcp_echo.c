/* SPDX-License-Identifier: MIT */
/*
 * tcp_echo [--backend NAME] [ADDRESS:]PORT
 *
 * Sends every client back what it sends.  Prints the address it listens on
 * (port 0: any free one), runs until SIGINT or SIGTERM, and then writes its
 * statistics to standard error.
 *
 * Four habits worth copying:
 * - Events only mark connections as ready.  The work is done afterwards,
 *   from a list, a bounded piece per connection and turn, so that one busy
 *   client cannot starve the others.  A connection leaves the list only when
 *   another event is sure to come, so no edge is lost, and is closed only
 *   where no event is looked at, so no event speaks of a connection that is
 *   gone.
 * - EAGAIN makes another event sure, and so does a read or a write of a TCP
 *   stream that moves less than asked: the call that would only say EAGAIN
 *   is left out.  (Not where the end was announced already.  And urgent data,
 *   which nobody should send, ends a read early: what is behind it is read
 *   when more comes.)
 * - Nothing is read while output is pending: a client that does not read
 *   costs one buffer.
 * - Without a free descriptor the listener is left alone until a connection
 *   closes; the clients wait in the kernel's queue meanwhile.
 */

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <mio.h>

/* Tokens; those of connections are their addresses. */
enum { LISTENER, WAKER };

enum {
	BUFFER_SIZE = 16384,
	EVENTS = 1024,
	ACCEPTS_PER_TURN = 64,
	STEPS_PER_TURN = 4
};

struct conn {
	struct mio_source source;
	struct conn *prev, *next; /* all connections, or the spare ones */
	struct conn *next_ready;
	bool queued, can_read, can_write;
	bool read_closed;  /* the client has ended; data may come first */
	size_t begin, end; /* what of buf is still to be written */
	char buf[BUFFER_SIZE];
};

struct server {
	struct mio_poll *poll;
	struct mio_events *events;
	struct mio_source listener;
	bool can_accept;
	int64_t paused_until; /* 0: not paused */
	struct conn *conns, *spare;
	struct conn *ready, **ready_end;
	size_t open, peak, accepted, failed, refused, pauses;
	uint64_t polls, seen, bytes;
};

static struct mio_waker *waker;

static void
on_signal(int sig)
{
	int saved = errno;

	(void)sig;
	mio_waker_wake(waker);
	errno = saved;
}

static int64_t
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * MIO_SEC + ts.tv_nsec;
}

static void
make_ready(struct server *s, struct conn *c)
{
	if (c->queued)
		return;
	c->queued = true;
	c->next_ready = NULL;
	*s->ready_end = c;
	s->ready_end = &c->next_ready;
}

/* Takes the stream over, or closes it. */
static void
open_conn(struct server *s, struct mio_source *stream)
{
	struct conn *c = s->spare;

	if (c)
		s->spare = c->next;
	else if (!(c = malloc(sizeof *c))) {
		mio_source_close(stream);
		s->refused++;
		return;
	}
	c->source = *stream;
	if (mio_registry_register(mio_poll_registry(s->poll), &c->source,
		(mio_token)c, MIO_READABLE | MIO_WRITABLE) == -1) {
		mio_source_close(&c->source);
		c->next = s->spare;
		s->spare = c;
		s->refused++;
		return;
	}
	c->queued = c->can_read = c->can_write = c->read_closed = false;
	c->begin = c->end = 0;
	c->prev = NULL;
	c->next = s->conns;
	if (c->next)
		c->next->prev = c;
	s->conns = c;
	s->accepted++;
	if (++s->open > s->peak)
		s->peak = s->open;
}

static void
close_conn(struct server *s, struct conn *c)
{
	mio_source_close(&c->source);
	if (c->prev)
		c->prev->next = c->next;
	else
		s->conns = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->next = s->spare;
	s->spare = c;
	s->open--;
	s->paused_until = 0; /* there is a descriptor to accept with */
}

/* True if the error is of the one connection that accept took up. */
static bool
is_of_connection(int error)
{
	switch (error) {
	case EINTR:
	case ECONNABORTED:
	case EPROTO:
	case EPERM:
	case ETIMEDOUT:
	case ENETDOWN:
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENOPROTOOPT:
	case EOPNOTSUPP:
		return true;
	default:
		return false;
	}
}

static void
accept_some(struct server *s)
{
	struct mio_source stream;

	if (!s->can_accept || (s->paused_until && now() < s->paused_until))
		return;
	s->paused_until = 0;
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		if (mio_source_accept(&s->listener, &stream, NULL, NULL) == 0)
			open_conn(s, &stream);
		else if (errno == EAGAIN) {
			s->can_accept = false;
			return;
		} else if (!is_of_connection(errno)) {
			/*
			 * EMFILE, ENFILE, ENOBUFS, ENOMEM: no edge will tell
			 * when there is room again.  A closed connection
			 * does, or time does if others took what we need.
			 */
			s->pauses++;
			s->paused_until = now() + MIO_SEC;
			return;
		}
	}
}

/* One read or write.  1: go on, 0: wait for an event, -1: finished. */
static int
step(struct server *s, struct conn *c)
{
	bool pending = c->begin < c->end;
	bool *can = pending ? &c->can_write : &c->can_read;
	size_t size = pending ? c->end - c->begin : sizeof c->buf;
	ssize_t n;

	if (!*can)
		return 0;
	if (pending)
		n = mio_source_write(&c->source, c->buf + c->begin, size);
	else
		n = mio_source_read(&c->source, c->buf, size);
	if (n == -1 && errno == EAGAIN) {
		*can = false;
		return 0;
	}
	if (n == -1 && errno == EINTR)
		return 1;
	if (n == -1) {
		s->failed++;
		return -1;
	}
	if ((size_t)n < size && (pending || !c->read_closed))
		*can = false;
	if (pending) {
		c->begin += (size_t)n;
		s->bytes += (uint64_t)n;
		return 1;
	}
	/* The end of input comes after all is echoed: so it ends this. */
	c->begin = 0;
	c->end = (size_t)n;
	return n ? 1 : -1;
}

static void
run_ready(struct server *s)
{
	struct conn *list = s->ready, *c;
	int more;

	s->ready = NULL;
	s->ready_end = &s->ready;
	while ((c = list)) {
		list = c->next_ready;
		c->queued = false;
		more = 1;
		for (int i = 0; more == 1 && i < STEPS_PER_TURN; i++)
			more = step(s, c);
		if (more == 1)
			make_ready(s, c);
		else if (more == -1)
			close_conn(s, c);
	}
}

static int64_t
timeout(const struct server *s)
{
	int64_t left;

	if (s->ready || (s->can_accept && !s->paused_until))
		return 0;
	if (!s->paused_until)
		return MIO_FOREVER;
	left = s->paused_until - now();
	return left > 0 ? left : 0;
}

static int
serve(struct server *s)
{
	bool stop = false;
	struct conn *c;

	while (!stop) {
		if (mio_poll(s->poll, s->events, timeout(s)) == -1 &&
		    errno != EINTR)
			return -1;
		s->polls++;
		s->seen += mio_events_count(s->events);
		MIO_EVENTS_FOREACH(event, s->events) {
			if (event->token == WAKER)
				stop = true;
			else if (event->token == LISTENER)
				s->can_accept = true;
			else {
				c = (struct conn *)event->token;
				if (mio_event_is_readable(event))
					c->can_read = true;
				if (mio_event_is_writable(event))
					c->can_write = true;
				if (mio_event_is_read_closed(event))
					c->read_closed = true;
				make_ready(s, c);
			}
		}
		accept_some(s);
		run_ready(s);
	}
	return 0;
}

/* Listens at "[ADDRESS:]PORT", as mio_addr_parse has it. */
static int
listen_at(struct server *s, const char *where)
{
	struct sockaddr_storage addr;
	char here[32];
	socklen_t len;

	snprintf(here, sizeof here, "127.0.0.1:%s", where);
	if (mio_addr_parse(&addr, &len, strchr(where, ':') ? where : here) ||
	    mio_tcp_listen(&s->listener, (struct sockaddr *)&addr, len)) {
		fprintf(stderr, "tcp_echo: %s: %s\n", where, strerror(errno));
		return -1;
	}
	return 0;
}

static int
print_address(const struct server *s)
{
	struct sockaddr_storage addr;
	struct sockaddr *sa = (struct sockaddr *)&addr;
	socklen_t len = sizeof addr;
	char text[128];

	if (mio_source_local_addr(&s->listener, sa, &len) == -1 ||
	    mio_addr_format(text, sizeof text, sa, len) == -1)
		return -1;
	puts(text);
	return fflush(stdout);
}

static int
set_up(struct server *s, const char *backend, const char *where)
{
	struct mio_registry *registry;
	struct sigaction action = { .sa_handler = on_signal };

	if (mio_poll_new_backend(&s->poll, backend) == -1 ||
	    mio_events_new(&s->events, EVENTS) == -1) {
		perror("tcp_echo: poll");
		return -1;
	}
	if (listen_at(s, where) == -1)
		return -1;
	registry = mio_poll_registry(s->poll);
	if (mio_waker_new(&waker, registry, WAKER) == -1 ||
	    mio_registry_register(
		registry, &s->listener, LISTENER, MIO_READABLE) == -1 ||
	    sigaction(SIGINT, &action, NULL) == -1 ||
	    sigaction(SIGTERM, &action, NULL) == -1 || print_address(s)) {
		perror("tcp_echo");
		return -1;
	}
	return 0;
}

static void
tear_down(struct server *s)
{
	struct conn *c;

	/* The handler must not meet a freed waker. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	while (s->conns)
		close_conn(s, s->conns);
	while ((c = s->spare)) {
		s->spare = c->next;
		free(c);
	}
	mio_source_close(&s->listener);
	mio_waker_free(waker);
	mio_events_free(s->events);
	mio_poll_free(s->poll);
}

int
main(int argc, char **argv)
{
	struct server s = { .listener = MIO_SOURCE_INIT };
	const char *backend = NULL;
	int status = EXIT_FAILURE;

	s.ready_end = &s.ready;
	if (argc == 4 && strcmp(argv[1], "--backend") == 0)
		backend = argv[2];
	else if (argc != 2 || argv[1][0] == '-') {
		fprintf(stderr,
		    "usage: tcp_echo [--backend NAME] [ADDRESS:]PORT\n");
		return 2;
	}
	if (set_up(&s, backend, argv[argc - 1]) == 0) {
		if (serve(&s) == 0)
			status = EXIT_SUCCESS;
		else
			perror("tcp_echo: poll");
		fprintf(stderr,
		    "%s: %zu connections, %zu at once, %zu failed, "
		    "%zu refused, %zu pauses; %llu bytes, %llu events, "
		    "%llu polls\n",
		    mio_poll_backend(s.poll), s.accepted, s.peak, s.failed,
		    s.refused, s.pauses, (unsigned long long)s.bytes,
		    (unsigned long long)s.seen, (unsigned long long)s.polls);
	}
	tear_down(&s);
	return status;
}
