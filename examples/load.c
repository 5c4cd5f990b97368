/* SPDX-License-Identifier: MIT */
/*
 * load [-g] [-t] [-B BACKEND] [-c CONNECTIONS] [-b BYTES] [-s SEED] HOST:PORT
 *
 * Sends BYTES through each of CONNECTIONS to an echo server, all at once,
 * and checks every byte that comes back.  Each connection has its own place
 * in a seeded pattern, so bytes that are lost, doubled or another client's
 * show.
 *
 *   -g  greedy: send as long as the socket takes it before reading;
 *       otherwise no more than 32 KiB are under way per connection
 *   -t  together: send nothing before each connection is served, which one
 *       byte there and back proves
 */

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <mio.h>

enum {
	PERIOD = 65521, /* of the pattern; prime */
	WINDOW = 32768, /* bytes under way */
	WAITING = 100,  /* connections begun, and nothing came back yet */
	EVENTS = 1024,
	STEPS_PER_TURN = 8
};

struct conn {
	struct mio_source source;
	struct conn *next_ready;
	bool queued, can_read, can_write, connected, served, shut;
	bool read_closed; /* the server has ended; data may come first */
	size_t place; /* in the pattern */
	uint64_t sent, received;
};

struct load {
	struct mio_poll *poll;
	struct mio_events *events;
	struct sockaddr_storage server;
	socklen_t server_len;
	struct conn *conns, *ready, **ready_end;
	bool greedy, together;
	size_t count, begun, served, done;
	uint64_t bytes;
	/* Repeated, so that every WINDOW from any place is in one piece. */
	unsigned char pattern[PERIOD + WINDOW];
};

static void
fill_pattern(struct load *l, uint64_t seed)
{
	for (size_t i = 0; i < sizeof l->pattern; i++) {
		if (i >= PERIOD) {
			l->pattern[i] = l->pattern[i - PERIOD];
			continue;
		}
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		l->pattern[i] = (unsigned char)(seed >> 56);
	}
}

static const unsigned char *
pattern_at(const struct load *l, const struct conn *c, uint64_t offset)
{
	return l->pattern + (c->place + offset) % PERIOD;
}

static int
fail(const struct load *l, const struct conn *c, const char *what, int error)
{
	fprintf(stderr,
	    "load: connection %zu of %zu, %llu bytes sent, %llu received: "
	    "%s%s%s\n",
	    (size_t)(c - l->conns), l->count, (unsigned long long)c->sent,
	    (unsigned long long)c->received, what, error ? ": " : "",
	    error ? strerror(error) : "");
	return -1;
}

static void
make_ready(struct load *l, struct conn *c)
{
	if (c->queued)
		return;
	c->queued = true;
	c->next_ready = NULL;
	*l->ready_end = c;
	l->ready_end = &c->next_ready;
}

/* How much may be sent now. */
static size_t
allowance(const struct load *l, const struct conn *c)
{
	uint64_t left = l->bytes - c->sent;
	uint64_t room = WINDOW;

	if (l->together && l->served < l->count)
		room = 1 - (c->sent > 0);
	else if (!l->greedy)
		room -= c->sent - c->received;
	return (size_t)(left < room ? left : room);
}

/* One connect, write or read.  1: go on, 0: wait, -1: failed. */

static int
finish_connect(struct load *l, struct conn *c)
{
	if (mio_source_connect_result(&c->source) == -1) {
		if (errno == EINPROGRESS)
			return 0;
		return fail(l, c, "connect", errno);
	}
	c->connected = c->can_write = true;
	return 1;
}

static int
send_some(struct load *l, struct conn *c, size_t len)
{
	ssize_t n =
	    mio_source_write(&c->source, pattern_at(l, c, c->sent), len);

	if (n == -1 && errno == EAGAIN) {
		c->can_write = false;
		return 1;
	}
	if (n == -1)
		return errno == EINTR ? 1 : fail(l, c, "send", errno);
	c->sent += (uint64_t)n;
	/* Less than asked is as good as EAGAIN. */
	if ((size_t)n < len)
		c->can_write = false;
	return 1;
}

static void
all_are_served(struct load *l)
{
	for (size_t i = 0; l->together && i < l->count; i++)
		make_ready(l, &l->conns[i]);
}

static int
receive(struct load *l, struct conn *c)
{
	unsigned char data[WINDOW];
	ssize_t n = mio_source_read(&c->source, data, sizeof data);

	if (n == -1 && errno == EAGAIN) {
		c->can_read = false;
		return 0;
	}
	if (n == -1)
		return errno == EINTR ? 1 : fail(l, c, "receive", errno);
	if (n == 0) {
		if (c->received != l->bytes)
			return fail(l, c, "closed too early", 0);
		l->done++;
		mio_source_close(&c->source);
		return 0;
	}
	if ((uint64_t)n > c->sent - c->received)
		return fail(l, c, "more than was sent", 0);
	if (memcmp(data, pattern_at(l, c, c->received), (size_t)n) != 0)
		return fail(l, c, "wrong bytes", 0);
	c->received += (uint64_t)n;
	/* As good as EAGAIN; but no event tells of the end twice. */
	if ((size_t)n < sizeof data && !c->read_closed)
		c->can_read = false;
	if (!c->served) {
		c->served = true;
		if (++l->served == l->count)
			all_are_served(l);
	}
	return 1;
}

static int
step(struct load *l, struct conn *c)
{
	size_t len;

	if (mio_source_handle(&c->source) == MIO_INVALID_HANDLE)
		return 0;
	if (!c->connected)
		return finish_connect(l, c);
	if (c->sent == l->bytes && !c->shut) {
		c->shut = true;
		if (mio_source_shutdown(&c->source, SHUT_WR) == -1)
			return fail(l, c, "shutdown", errno);
	}
	len = allowance(l, c);
	if (c->can_write && len > 0)
		return send_some(l, c, len);
	return c->can_read ? receive(l, c) : 0;
}

static int
run_ready(struct load *l)
{
	struct conn *list = l->ready, *c;
	int more;

	l->ready = NULL;
	l->ready_end = &l->ready;
	while ((c = list)) {
		list = c->next_ready;
		c->queued = false;
		more = 1;
		for (int i = 0; more == 1 && i < STEPS_PER_TURN; i++)
			more = step(l, c);
		if (more == -1)
			return -1;
		if (more == 1)
			make_ready(l, c);
	}
	return 0;
}

/*
 * Begins connections, no more at a time than a listener's queue of 128 takes:
 * what waits behind a full one for seconds is reset.
 */
static int
begin_some(struct load *l)
{
	struct mio_registry *registry = mio_poll_registry(l->poll);
	struct conn *c;

	while (l->begun < l->count && l->begun - l->served < WAITING) {
		c = &l->conns[l->begun];
		c->place = l->begun * 7919 % PERIOD;
		if (mio_tcp_connect(&c->source, (struct sockaddr *)&l->server,
			l->server_len) == -1 ||
		    mio_registry_register(registry, &c->source, l->begun,
			MIO_READABLE | MIO_WRITABLE) == -1)
			return fail(l, c, "connect", errno);
		l->begun++;
	}
	return 0;
}

static int
run(struct load *l)
{
	struct conn *c;
	int n;

	while (l->done < l->count) {
		if (begin_some(l) == -1)
			return -1;
		n = mio_poll(l->poll, l->events, l->ready ? 0 : 20 * MIO_SEC);
		if (n == -1 && errno != EINTR) {
			perror("load: poll");
			return -1;
		}
		if (n == 0 && !l->ready) {
			fprintf(stderr,
			    "load: nothing for 20 s: %zu begun, "
			    "%zu served, %zu done\n",
			    l->begun, l->served, l->done);
			return -1;
		}
		MIO_EVENTS_FOREACH(event, l->events) {
			c = &l->conns[event->token];
			if (mio_event_is_readable(event))
				c->can_read = true;
			if (mio_event_is_writable(event))
				c->can_write = true;
			if (mio_event_is_read_closed(event))
				c->read_closed = true;
			make_ready(l, c);
		}
		if (run_ready(l) == -1)
			return -1;
	}
	return 0;
}

static int
set_up(struct load *l, const char *backend, const char *where)
{
	static const struct mio_source none = MIO_SOURCE_INIT;
	struct rlimit limit;

	if (mio_addr_parse(&l->server, &l->server_len, where) == -1) {
		fprintf(stderr, "load: %s: %s\n", where, strerror(errno));
		return -1;
	}
	/* As many descriptors as we may have. */
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	l->conns = calloc(l->count, sizeof *l->conns);
	if (!l->conns || mio_poll_new_backend(&l->poll, backend) == -1 ||
	    mio_events_new(&l->events, EVENTS) == -1) {
		perror("load");
		return -1;
	}
	for (size_t i = 0; i < l->count; i++)
		l->conns[i].source = none;
	return 0;
}

static int
usage(void)
{
	fputs("usage: load [-g] [-t] [-B BACKEND] [-c CONNECTIONS] "
	      "[-b BYTES] [-s SEED] HOST:PORT\n",
	    stderr);
	return 2;
}

int
main(int argc, char **argv)
{
	static struct load l = { .count = 64, .bytes = 65536 };
	struct timespec begin, end;
	const char *backend = NULL;
	uint64_t seed = 1;
	int opt, status = EXIT_FAILURE;

	l.ready_end = &l.ready;
	while ((opt = getopt(argc, argv, "gtB:c:b:s:")) != -1) {
		switch (opt) {
		case 'g':
			l.greedy = true;
			break;
		case 't':
			l.together = true;
			break;
		case 'B':
			backend = optarg;
			break;
		case 'c':
			l.count = strtoul(optarg, NULL, 10);
			break;
		case 'b':
			l.bytes = strtoull(optarg, NULL, 10);
			break;
		case 's':
			seed = strtoull(optarg, NULL, 10);
			break;
		default:
			return usage();
		}
	}
	if (optind != argc - 1 || l.count == 0 || l.bytes == 0)
		return usage();
	fill_pattern(&l, seed);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	if (set_up(&l, backend, argv[optind]) == 0 && run(&l) == 0)
		status = EXIT_SUCCESS;
	clock_gettime(CLOCK_MONOTONIC, &end);
	if (status == EXIT_SUCCESS)
		printf("%zu connections x %llu bytes echoed, %.2f s\n", l.done,
		    (unsigned long long)l.bytes,
		    (double)(end.tv_sec - begin.tv_sec) +
			(double)(end.tv_nsec - begin.tv_nsec) / 1e9);
	for (size_t i = 0; l.conns && i < l.begun; i++)
		mio_source_close(&l.conns[i].source);
	free(l.conns);
	mio_events_free(l.events);
	mio_poll_free(l.poll);
	return status;
}
