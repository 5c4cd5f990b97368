/* SPDX-License-Identifier: MIT */
/*
 * glib_nested [--backend NAME] PORT
 *
 * An echo server on the loopback address inside a GLib main loop, as it
 * would be in a program with windows.  GLib watches one descriptor, that of
 * the poll, and calls when events wait there; mio_poll with a timeout of 0
 * then fetches them.  Prints the port (0: any free one), and a line for each
 * second of GLib's own timer, until SIGINT or SIGTERM, which come through
 * GLib too.
 *
 * This takes a backend whose selector is a descriptor: epoll or kqueue, not
 * poll(2).
 */

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <glib.h>
#include <glib-unix.h>
#include <mio.h>

enum { CONNECTIONS = 64, BUFFER_SIZE = 4096, STEPS_PER_TURN = 8 };

/* Tokens; below are the places of the connections. */
enum { LISTENER = CONNECTIONS };

struct conn {
	struct mio_source source; /* none: the place is free */
	bool can_read, can_write;
	bool read_closed;  /* the client has ended; data may come first */
	size_t begin, end; /* what of buf is still to be written */
	char buf[BUFFER_SIZE];
};

struct server {
	GMainLoop *loop;
	struct mio_poll *poll;
	struct mio_events *events;
	struct mio_source listener;
	bool can_accept, failed;
	guint watch; /* GLib's source for the poll; 0: none */
	guint idle;  /* GLib's source that goes on with the work; 0: none */
	unsigned seconds;
	struct conn conns[CONNECTIONS];
};

static struct server server;

static bool
is_open(const struct conn *c)
{
	return mio_source_handle(&c->source) != MIO_INVALID_HANDLE;
}

/* Accepts while there are places. */
static void
let_in(struct server *s)
{
	struct conn *c;

	for (c = s->conns; s->can_accept && c < s->conns + CONNECTIONS; c++) {
		if (is_open(c))
			continue;
		while (mio_source_accept(
			   &s->listener, &c->source, NULL, NULL) == -1) {
			if (errno == EAGAIN)
				s->can_accept = false;
			/* Out of descriptors: again when a client has left. */
			if (errno != EINTR && errno != ECONNABORTED)
				return;
		}
		c->can_read = c->can_write = true;
		c->read_closed = false;
		c->begin = c->end = 0;
		if (mio_registry_register(mio_poll_registry(s->poll),
			&c->source, (mio_token)(c - s->conns),
			MIO_READABLE | MIO_WRITABLE) == -1)
			mio_source_close(&c->source);
	}
}

/* One read or write.  1: go on, 0: wait for an event, -1: finished. */
static int
step(struct conn *c)
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
	if (n == -1)
		return errno == EINTR ? 1 : -1;
	/* Less than asked is as EAGAIN; but the end is told only once. */
	if ((size_t)n < size && (pending || !c->read_closed))
		*can = false;
	if (pending) {
		c->begin += (size_t)n;
		return 1;
	}
	c->begin = 0;
	c->end = (size_t)n;
	return n ? 1 : -1;
}

/* A bounded piece of work; true if there is more to do at once. */
static bool
work(struct server *s)
{
	bool more = false;
	struct conn *c;
	int result;

	let_in(s);
	for (c = s->conns; c < s->conns + CONNECTIONS; c++) {
		result = is_open(c) ? 1 : 0;
		for (int i = 0; result == 1 && i < STEPS_PER_TURN; i++)
			result = step(c);
		if (result == -1)
			mio_source_close(&c->source);
		more = more || result != 0;
	}
	return more;
}

static gboolean
on_idle(gpointer data)
{
	struct server *s = data;

	if (work(s))
		return G_SOURCE_CONTINUE;
	s->idle = 0;
	return G_SOURCE_REMOVE;
}

/*
 * The poll's descriptor is readable as long as events wait, so what does not
 * fit into the buffer has this called again.
 */
static gboolean
on_events(gint fd, GIOCondition condition, gpointer data)
{
	struct server *s = data;

	(void)fd;
	(void)condition;
	if (mio_poll(s->poll, s->events, 0) == -1 && errno != EINTR) {
		perror("glib_nested: poll");
		s->failed = true;
		s->watch = 0;
		g_main_loop_quit(s->loop);
		return G_SOURCE_REMOVE;
	}
	MIO_EVENTS_FOREACH(event, s->events) {
		if (event->token == LISTENER) {
			s->can_accept = true;
			continue;
		}
		if (mio_event_is_readable(event))
			s->conns[event->token].can_read = true;
		if (mio_event_is_writable(event))
			s->conns[event->token].can_write = true;
		if (mio_event_is_read_closed(event))
			s->conns[event->token].read_closed = true;
	}
	/* An edge comes once: what is left to do is for GLib to call for. */
	if (work(s) && s->idle == 0)
		s->idle = g_idle_add(on_idle, s);
	return G_SOURCE_CONTINUE;
}

static gboolean
on_second(gpointer data)
{
	struct server *s = data;

	printf("%u s\n", ++s->seconds);
	fflush(stdout);
	return G_SOURCE_CONTINUE;
}

static gboolean
on_signal(gpointer data)
{
	struct server *s = data;

	g_main_loop_quit(s->loop);
	return G_SOURCE_CONTINUE;
}

static int
set_up(struct server *s, const char *backend, const char *port)
{
	struct sockaddr_storage addr;
	struct sockaddr *sa = (struct sockaddr *)&addr;
	socklen_t len;
	char text[64];
	int fd;

	snprintf(text, sizeof text, "127.0.0.1:%s", port);
	if (mio_poll_new_backend(&s->poll, backend) == -1 ||
	    mio_events_new(&s->events, CONNECTIONS) == -1 ||
	    (fd = mio_poll_handle(s->poll)) == -1 ||
	    mio_addr_parse(&addr, &len, text) == -1 ||
	    mio_tcp_listen(&s->listener, sa, len) == -1 ||
	    mio_source_local_addr(&s->listener, sa, &len) == -1 ||
	    mio_addr_format(text, sizeof text, sa, len) == -1 ||
	    mio_registry_register(mio_poll_registry(s->poll), &s->listener,
		LISTENER, MIO_READABLE) == -1)
		return -1;
	s->loop = g_main_loop_new(NULL, FALSE);
	s->watch = g_unix_fd_add(fd, G_IO_IN, on_events, s);
	g_unix_signal_add(SIGINT, on_signal, s);
	g_unix_signal_add(SIGTERM, on_signal, s);
	g_timeout_add_seconds(1, on_second, s);
	puts(strrchr(text, ':') + 1);
	return fflush(stdout);
}

int
main(int argc, char **argv)
{
	struct server *s = &server;
	const char *backend = NULL;
	struct conn *c;

	if (argc == 4 && strcmp(argv[1], "--backend") == 0)
		backend = argv[2];
	else if (argc != 2) {
		fprintf(stderr, "usage: glib_nested [--backend NAME] PORT\n");
		return 2;
	}
	s->listener = (struct mio_source)MIO_SOURCE_INIT;
	for (c = s->conns; c < s->conns + CONNECTIONS; c++)
		c->source = (struct mio_source)MIO_SOURCE_INIT;
	if (set_up(s, backend, argv[argc - 1]) == 0)
		g_main_loop_run(s->loop);
	else {
		perror("glib_nested");
		s->failed = true;
	}
	for (c = s->conns; c < s->conns + CONNECTIONS; c++)
		mio_source_close(&c->source);
	mio_source_close(&s->listener);
	mio_events_free(s->events);
	/* GLib must stop to watch the descriptor before it is closed. */
	if (s->watch)
		g_source_remove(s->watch);
	if (s->loop)
		g_main_loop_unref(s->loop);
	mio_poll_free(s->poll);
	return s->failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
