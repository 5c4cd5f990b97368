/* SPDX-License-Identifier: MIT */
/*
 * demo [--backend NAME | --all]
 *
 * Makes the library's job visible: a TCP echo server on the loopback address
 * and 64 clients, all in one event loop.  Every client sends 64 KiB in 16
 * rounds, checks each byte that comes back and shuts down.  Shows readiness
 * events of a few as they arrive, then a summary.
 */

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <mio.h>

enum {
	CLIENTS = 64,
	CHUNK = 4096,       /* goes there and back in each round */
	BYTES = 16 * CHUNK, /* each client sends */
	SHOWN = 3,          /* clients whose events are shown, */
	TRACED = 24         /* up to so many */
};

/* Tokens: clients from 0, the server's ends from CLIENTS, the listener. */
enum { SERVED = CLIENTS, LISTENER = 2 * CLIENTS };

struct client {
	struct mio_source source;
	size_t sent, received;
	bool connected, done, can_read, read_closed;
};

/* The server's end of a connection. */
struct served {
	struct mio_source source;
	bool can_read, read_closed;
	size_t begin, end; /* what of buf is still to be echoed */
	char buf[CHUNK];
};

struct demo {
	struct mio_poll *poll;
	struct mio_events *events;
	struct mio_source listener;
	struct client clients[CLIENTS];
	struct served served[CLIENTS];
	size_t accepted, done, bytes, polls, seen, traced;
	int64_t started;
};

static int64_t
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * MIO_SEC + ts.tv_nsec;
}

/* What client number i sends at offset at. */
static unsigned char
pattern(size_t i, size_t at)
{
	return (unsigned char)(i * 37 + at * 11 + at / 251);
}

static int
fail(const char *what)
{
	fprintf(stderr, "demo: %s: %s\n", what, strerror(errno));
	return -1;
}

static int
mismatch(size_t i, const char *what)
{
	fprintf(stderr, "demo: client %zu: %s\n", i, what);
	errno = 0;
	return -1;
}

static int
watch(struct demo *d, struct mio_source *source, mio_token token)
{
	return mio_registry_register(mio_poll_registry(d->poll), source, token,
	    MIO_READABLE | MIO_WRITABLE);
}

static void
trace(struct demo *d, const struct mio_event *event)
{
	char text[256], who[32];
	mio_token t = event->token;

	if (d->traced > TRACED || (t != LISTENER && t % CLIENTS >= SHOWN))
		return;
	if (d->traced++ == TRACED) {
		puts("  ...");
		return;
	}
	if (t == LISTENER)
		snprintf(who, sizeof who, "listener");
	else
		snprintf(who, sizeof who, "%s %zu",
		    t < SERVED ? "client" : "server", (size_t)t % CLIENTS);
	mio_event_format(event, text, sizeof text);
	printf("  %7.3f ms  %-9s %s\n", (double)(now() - d->started) / 1e6, who,
	    text);
}

static int
accept_all(struct demo *d)
{
	struct served *s;

	for (; d->accepted < CLIENTS; d->accepted++) {
		s = &d->served[d->accepted];
		if (mio_source_accept(&d->listener, &s->source, NULL, NULL))
			return errno == EAGAIN ? 0 : fail("accept");
		if (watch(d, &s->source, SERVED + d->accepted))
			return fail("register");
	}
	return 0;
}

/*
 * Whether there may be more after a read of n bytes.  Less than a buffer is
 * all there was, and the next event is sure to come: EAGAIN need not be seen.
 * But if an event has told of the end already, none will tell again.
 */
static bool
may_be_more(ssize_t n, bool read_closed)
{
	return n == CHUNK || (n > 0 && read_closed);
}

/* Echoes until it would block or the client has ended. */
static int
serve(struct served *s)
{
	size_t len;
	ssize_t n;

	while ((len = s->end - s->begin) > 0 || s->can_read) {
		if (len > 0) {
			n = mio_source_write(
			    &s->source, s->buf + s->begin, len);
			if (n > 0)
				s->begin += (size_t)n;
			if (n >= 0 && (size_t)n < len)
				return 0;
		} else {
			n = mio_source_read(&s->source, s->buf, CHUNK);
			if (n == 0)
				return mio_source_close(&s->source);
			s->can_read = may_be_more(n, s->read_closed);
			s->begin = 0;
			s->end = n > 0 ? (size_t)n : 0;
		}
		if (n == -1)
			return errno == EAGAIN ? 0 : fail("server");
	}
	return 0;
}

/* Sends the rest of a round.  Returns as receive. */
static int
send_round(struct client *c, size_t i)
{
	unsigned char data[CHUNK];
	size_t len = CHUNK - c->sent % CHUNK;
	ssize_t n;

	for (size_t k = 0; k < len; k++)
		data[k] = pattern(i, c->sent + k);
	n = mio_source_write(&c->source, data, len);
	if (n == -1)
		return errno == EAGAIN ? 0 : fail("send");
	c->sent += (size_t)n;
	if (c->sent == BYTES && mio_source_shutdown(&c->source, SHUT_WR))
		return fail("shutdown");
	return (size_t)n == len;
}

/* Checks what has come.  1: go on, 0: not now, -1: wrong. */
static int
receive(struct demo *d, struct client *c, size_t i)
{
	unsigned char data[CHUNK];
	ssize_t n;

	if (!c->can_read)
		return 0;
	n = mio_source_read(&c->source, data, CHUNK);
	c->can_read = may_be_more(n, c->read_closed);
	if (n == -1)
		return errno == EAGAIN ? 0 : fail("receive");
	for (size_t k = 0; k < (size_t)n; k++)
		if (data[k] != pattern(i, c->received + k))
			return mismatch(i, "wrong byte");
	c->received += (size_t)n;
	d->bytes += (size_t)n;
	if (n > 0)
		return 1;
	if (c->received != BYTES)
		return mismatch(i, "bytes are missing");
	c->done = true;
	d->done++;
	return mio_source_close(&c->source);
}

/* Goes on until it would block: then another event is sure to come. */
static int
run_client(struct demo *d, struct client *c, size_t i)
{
	int more;

	if (c->done)
		return 0;
	if (!c->connected && mio_source_connect_result(&c->source) == -1)
		return errno == EINPROGRESS ? 0 : fail("connect");
	c->connected = true;
	do {
		bool sending = c->sent < BYTES &&
			       (c->sent == c->received || c->sent % CHUNK != 0);

		more = sending ? send_round(c, i) : receive(d, c, i);
	} while (more == 1);
	return more;
}

static int
dispatch(struct demo *d, const struct mio_event *event)
{
	mio_token token = event->token;
	struct client *c;
	struct served *s;

	if (token == LISTENER)
		return accept_all(d);
	if (token < SERVED) {
		c = &d->clients[token];
		c->can_read |= mio_event_is_readable(event);
		c->read_closed |= mio_event_is_read_closed(event);
		return run_client(d, c, token);
	}
	s = &d->served[token - SERVED];
	s->can_read |= mio_event_is_readable(event);
	s->read_closed |= mio_event_is_read_closed(event);
	if (mio_source_handle(&s->source) == MIO_INVALID_HANDLE)
		return 0;
	return serve(s);
}

static int
run(struct demo *d)
{
	int n;

	while (d->done < CLIENTS) {
		n = mio_poll(d->poll, d->events, 10 * MIO_SEC);
		if (n == -1 && errno != EINTR)
			return fail("poll");
		if (n == 0) {
			errno = ETIMEDOUT;
			return fail("poll");
		}
		d->polls++;
		MIO_EVENTS_FOREACH(event, d->events) {
			trace(d, event);
			d->seen++;
			if (dispatch(d, event) == -1)
				return -1;
		}
	}
	return 0;
}

static int
start(struct demo *d, const char *backend)
{
	struct sockaddr_storage addr;
	struct sockaddr *sa = (struct sockaddr *)&addr;
	socklen_t len;
	char text[64];
	size_t i;

	if (mio_poll_new_backend(&d->poll, backend) == -1)
		return fail(backend ? backend : "poll");
	if (mio_events_new(&d->events, CLIENTS) == -1)
		return fail("events");
	d->started = now();
	if (mio_addr_parse(&addr, &len, "127.0.0.1:0") == -1 ||
	    mio_tcp_listen(&d->listener, sa, len) == -1 ||
	    mio_source_local_addr(&d->listener, sa, &len) == -1 ||
	    mio_addr_format(text, sizeof text, sa, len) == -1 ||
	    mio_registry_register(mio_poll_registry(d->poll), &d->listener,
		LISTENER, MIO_READABLE) == -1)
		return fail("listen");
	printf("%s: %s and %d clients\n", mio_poll_backend(d->poll), text,
	    CLIENTS);
	for (i = 0; i < CLIENTS; i++) {
		if (mio_tcp_connect(&d->clients[i].source, sa, len) == -1 ||
		    watch(d, &d->clients[i].source, i) == -1)
			return fail("connect");
	}
	return 0;
}

/* Runs the demo on one backend and writes a line of the summary. */
static int
demo(const char *backend, char *summary, size_t size)
{
	static const struct mio_source none = MIO_SOURCE_INIT;
	static struct demo d;
	double ms;
	size_t i;
	int result;

	memset(&d, 0, sizeof d);
	d.listener = none;
	for (i = 0; i < CLIENTS; i++)
		d.clients[i].source = d.served[i].source = none;
	result = start(&d, backend);
	if (result == 0)
		result = run(&d);
	if (result == 0) {
		ms = (double)(now() - d.started) / 1e6;
		snprintf(summary, size, "%-14s %8zu %9zu %8zu %9.1f ms\n",
		    mio_poll_backend(d.poll), d.seen, d.bytes, d.polls, ms);
	}
	for (i = 0; i < CLIENTS; i++) {
		mio_source_close(&d.clients[i].source);
		mio_source_close(&d.served[i].source);
	}
	mio_source_close(&d.listener);
	mio_events_free(d.events);
	mio_poll_free(d.poll);
	return result;
}

static int
usage(FILE *out, int status)
{
	fputs("usage: demo [--backend NAME | --all]\n"
	      "       demo --list | --help\n"
	      "A TCP echo server and 64 clients in one event loop.\n"
	      "  --backend NAME  run on this backend, not on the default\n"
	      "  --all           run on every backend in turn\n"
	      "  --list          name the backends\n",
	    out);
	return status;
}

int
main(int argc, char **argv)
{
	const char *const *names = mio_backends();
	const char *backend = NULL;
	char summary[16][80];
	size_t rows = 0, i;
	bool all = argc == 2 && strcmp(argv[1], "--all") == 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return usage(stdout, EXIT_SUCCESS);
	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		while (*names)
			puts(*names++);
		return EXIT_SUCCESS;
	}
	if (argc == 3 && strcmp(argv[1], "--backend") == 0)
		backend = argv[2];
	else if (argc != 1 && !all)
		return usage(stderr, 2);
	do {
		if (all)
			backend = names[rows];
		if (demo(backend, summary[rows], sizeof summary[0]) == -1)
			return EXIT_FAILURE;
		puts("");
		rows++;
	} while (all && names[rows] && rows < 16);
	puts("backend          events     bytes    polls      elapsed");
	for (i = 0; i < rows; i++)
		fputs(summary[i], stdout);
	return EXIT_SUCCESS;
}
