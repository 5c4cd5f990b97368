/* SPDX-License-Identifier: MIT */
/*
 * http_hello [--backend NAME] [--timeout SECONDS] [--connections NUMBER] PORT
 *
 * An HTTP/1.1 server on the loopback address.  / is a greeting, /bytes/N is N
 * bytes long.  Prints its port (0: any free one), runs until SIGINT or
 * SIGTERM, and then writes its statistics to standard error.  The parser is
 * Node's http-parser; llhttp, which came after it, has the same callbacks.
 *
 * The loop is that of tcp_echo.  Beyond it:
 * - Requests may be pipelined.  The parser is paused when there is no room
 *   for one more answer, and nothing is read before all is written.
 * - Memory is allocated once.  With all connections in use nobody is
 *   accepted, clients wait in the kernel's queue, and no connection is kept
 *   alive.
 * - A request must be there, and a full buffer written, within the timeout
 *   (10 s); nothing that trickles in between prolongs it.  So deadlines come
 *   in the order in which they were set, and a list is all the timer needed.
 * - The last answer is followed by a shutdown, and what the client still
 *   sends is read and dropped: closing at once would make the kernel reset
 *   the connection, and the client might never see the answer.
 */

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <http_parser.h>
#include <mio.h>

/* Tokens; those of connections are their addresses. */
enum { LISTENER, WAKER };

enum {
	BUFFER_SIZE = 8192,
	ANSWER_MAX = 512,
	URL_MAX = 256,
	HEAD_MAX = 8192, /* bytes of a request's headers */
	BODY_MAX = 65536,
	EVENTS = 256,
	ACCEPTS_PER_TURN = 64,
	STEPS_PER_TURN = 8
};

struct conn {
	struct mio_source source;
	struct conn *prev, *next; /* by deadline; or the free ones */
	struct conn *next_ready;
	int64_t deadline;
	bool queued, can_read, can_write;
	bool read_closed; /* the client has ended; data may come first */
	bool expired;
	bool in_request; /* one has begun and is not complete */
	bool last;       /* no request is taken after what was answered */
	bool shut;       /* we wait for the client to close */

	struct server *server;
	http_parser parser;
	enum http_status refusal; /* why a callback made the parser stop */
	char url[URL_MAX + 1];
	size_t url_length, head_length, body_length;
	char field[5]; /* a header's name, as far as it matters */
	size_t field_length;
	bool in_field;
	unsigned hosts;

	uint64_t fill; /* of the body of an answer: still to be made */
	size_t in_begin, in_end, out_begin, out_end;
	char in[BUFFER_SIZE], out[BUFFER_SIZE]; /* from here on not cleared */
};

struct server {
	struct mio_poll *poll;
	struct mio_events *events;
	struct mio_source listener;
	struct conn *pool, *spare;
	struct conn *first, *last; /* by deadline */
	struct conn *ready, **ready_end;
	bool can_accept;
	int64_t now, timeout, paused_until;
	time_t dated;
	char date[64];
	size_t capacity, open, peak;
	size_t accepted, requests, refused, expired;
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

static void
look_at_clock(struct server *s)
{
	struct timespec ts;
	struct tm tm;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	s->now = (int64_t)ts.tv_sec * MIO_SEC + ts.tv_nsec;
	clock_gettime(CLOCK_REALTIME, &ts);
	if (s->dated != ts.tv_sec && gmtime_r(&ts.tv_sec, &tm)) {
		s->dated = ts.tv_sec;
		strftime(
		    s->date, sizeof s->date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	}
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

static void
unlink_conn(struct server *s, struct conn *c)
{
	*(c->prev ? &c->prev->next : &s->first) = c->next;
	*(c->next ? &c->next->prev : &s->last) = c->prev;
}

static void
append_conn(struct server *s, struct conn *c)
{
	c->deadline = s->now + s->timeout;
	c->next = NULL;
	c->prev = s->last;
	*(c->prev ? &c->prev->next : &s->first) = c;
	s->last = c;
}

/* The connection has got on: all its time again. */
static void
prolong(struct conn *c)
{
	unlink_conn(c->server, c);
	append_conn(c->server, c);
}

/* There is room for one: see has_room. */
static void
answer(struct conn *c, enum http_status status)
{
	bool head = c->in_request && c->parser.method == HTTP_HEAD;
	const char *connection = "";
	char body[64];
	uint64_t length;

	if (status == HTTP_STATUS_OK)
		strcpy(body, "hello, world\n");
	else
		snprintf(body, sizeof body, "%s\n", http_status_str(status));
	length = c->fill ? c->fill : strlen(body);
	if (c->last)
		connection = "Connection: close\r\n";
	else if (c->parser.http_minor == 0)
		connection = "Connection: keep-alive\r\n";
	c->out_end += (size_t)snprintf(c->out + c->out_end, ANSWER_MAX,
	    "HTTP/1.1 %d %s\r\n"
	    "Date: %s\r\n"
	    "Content-Type: text/plain\r\n"
	    "Content-Length: %" PRIu64 "\r\n"
	    "%s%s\r\n%s",
	    (int)status, http_status_str(status), c->server->date, length,
	    status == HTTP_STATUS_METHOD_NOT_ALLOWED ? "Allow: GET, HEAD\r\n"
						     : "",
	    connection, head || c->fill ? "" : body);
	if (head)
		c->fill = 0;
	if (status == HTTP_STATUS_OK)
		c->server->requests++;
	else
		c->server->refused++;
}

/* Answers, and takes nothing more. */
static void
refuse(struct conn *c, enum http_status status)
{
	c->fill = 0;
	c->last = true;
	answer(c, status);
}

static bool
has_room(const struct conn *c)
{
	return !c->last && !c->fill && BUFFER_SIZE - c->out_end >= ANSWER_MAX;
}

/*
 * The parser's callbacks.  What is not 0 stops it.
 */

static int
stop(struct conn *c, enum http_status status)
{
	c->refusal = status;
	return -1;
}

static int
on_begin(http_parser *parser)
{
	struct conn *c = parser->data;

	c->in_request = true;
	c->url_length = c->head_length = c->body_length = 0;
	c->hosts = 0;
	c->in_field = false;
	prolong(c);
	return 0;
}

static int
on_url(http_parser *parser, const char *at, size_t length)
{
	struct conn *c = parser->data;

	if (length > URL_MAX - c->url_length)
		return stop(c, HTTP_STATUS_URI_TOO_LONG);
	memcpy(c->url + c->url_length, at, length);
	c->url_length += length;
	c->url[c->url_length] = '\0';
	return 0;
}

static int
count_head(struct conn *c, size_t length)
{
	if (length > HEAD_MAX - c->head_length)
		return stop(c, HTTP_STATUS_REQUEST_HEADER_FIELDS_TOO_LARGE);
	c->head_length += length;
	return 0;
}

static int
on_field(http_parser *parser, const char *at, size_t length)
{
	struct conn *c = parser->data;
	size_t room;

	if (!c->in_field)
		c->field_length = 0;
	c->in_field = true;
	room = sizeof c->field - c->field_length;
	memcpy(c->field + c->field_length, at, length < room ? length : room);
	c->field_length += length < room ? length : room;
	return count_head(c, length);
}

static int
on_value(http_parser *parser, const char *at, size_t length)
{
	struct conn *c = parser->data;

	(void)at;
	if (c->in_field && c->field_length == 4 &&
	    strncasecmp(c->field, "host", 4) == 0)
		c->hosts++;
	c->in_field = false;
	return count_head(c, length);
}

static int
on_headers(http_parser *parser)
{
	struct conn *c = parser->data;

	if (parser->http_major != 1)
		return stop(c, HTTP_STATUS_HTTP_VERSION_NOT_SUPPORTED);
	if (c->hosts > 1 || (c->hosts == 0 && parser->http_minor > 0))
		return stop(c, HTTP_STATUS_BAD_REQUEST);
	if (parser->method != HTTP_GET && parser->method != HTTP_HEAD)
		return stop(c, HTTP_STATUS_METHOD_NOT_ALLOWED);
	if ((parser->flags & F_CONTENTLENGTH) &&
	    parser->content_length > BODY_MAX)
		return stop(c, HTTP_STATUS_PAYLOAD_TOO_LARGE);
	/* A server may go on with HTTP/1.1 whatever it is offered. */
	parser->upgrade = 0;
	return 0;
}

static int
on_body(http_parser *parser, const char *at, size_t length)
{
	struct conn *c = parser->data;

	(void)at;
	if (length > BODY_MAX - c->body_length)
		return stop(c, HTTP_STATUS_PAYLOAD_TOO_LARGE);
	c->body_length += length;
	return 0;
}

/* N of /bytes/N, 0 if it is something else. */
static uint64_t
bytes_wanted(const char *url)
{
	size_t digits;

	if (strncmp(url, "/bytes/", 7) != 0)
		return 0;
	digits = strspn(url + 7, "0123456789");
	if (digits == 0 || digits > 12 || url[7 + digits])
		return 0;
	return strtoull(url + 7, NULL, 10);
}

static int
on_complete(http_parser *parser)
{
	struct conn *c = parser->data;

	/* Others wait for a place, or a descriptor: none is kept. */
	c->last = !http_should_keep_alive(parser) || !c->server->spare ||
	    c->server->paused_until;
	c->fill = bytes_wanted(c->url);
	answer(c, c->fill || strcmp(c->url, "/") == 0 ? HTTP_STATUS_OK
						      : HTTP_STATUS_NOT_FOUND);
	c->in_request = false;
	prolong(c);
	if (!has_room(c))
		http_parser_pause(parser, 1);
	return 0;
}

static const http_parser_settings callbacks = {
	.on_message_begin = on_begin,
	.on_url = on_url,
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_headers_complete = on_headers,
	.on_body = on_body,
	.on_message_complete = on_complete,
};

static void
parse(struct conn *c)
{
	enum http_errno error;

	http_parser_pause(&c->parser, 0);
	c->in_begin += http_parser_execute(&c->parser, &callbacks,
	    c->in + c->in_begin, c->in_end - c->in_begin);
	error = HTTP_PARSER_ERRNO(&c->parser);
	if (error == HPE_OK || error == HPE_PAUSED)
		return;
	if (c->refusal)
		refuse(c, c->refusal);
	else if (error == HPE_HEADER_OVERFLOW)
		refuse(c, HTTP_STATUS_REQUEST_HEADER_FIELDS_TOO_LARGE);
	else
		refuse(c, HTTP_STATUS_BAD_REQUEST);
}

static ssize_t
write_some(struct conn *c)
{
	size_t room = BUFFER_SIZE - c->out_end;
	size_t n = c->fill < room ? (size_t)c->fill : room;
	ssize_t written;

	memset(c->out + c->out_end, 'x', n);
	c->out_end += n;
	c->fill -= n;
	written = mio_source_write(
	    &c->source, c->out + c->out_begin, c->out_end - c->out_begin);
	if (written > 0) {
		c->out_begin += (size_t)written;
		/* Less than asked is as good as EAGAIN. */
		c->can_write = c->out_begin == c->out_end;
	}
	if (c->out_begin == c->out_end) {
		c->out_begin = c->out_end = 0;
		prolong(c);
	}
	return written;
}

static ssize_t
read_some(struct conn *c)
{
	ssize_t n = mio_source_read(&c->source, c->in, BUFFER_SIZE);

	/* As good as EAGAIN, too; but no event tells of the end twice. */
	if (n > 0 && n < BUFFER_SIZE && !c->read_closed)
		c->can_read = false;
	c->in_begin = 0;
	/* After the last answer it is not looked at. */
	c->in_end = n > 0 && !c->last ? (size_t)n : 0;
	return n;
}

/* One thing.  1: go on, 0: wait for an event, -1: finished. */
static int
step(struct conn *c)
{
	bool *can;
	ssize_t n;

	if (c->expired)
		return -1;
	if (c->in_begin < c->in_end && has_room(c)) {
		parse(c);
		return 1;
	}
	if (c->out_begin < c->out_end || c->fill)
		can = &c->can_write;
	else if (c->last && !c->shut) {
		c->shut = true;
		prolong(c);
		return mio_source_shutdown(&c->source, SHUT_WR) == -1 ? -1 : 1;
	} else
		can = &c->can_read;
	if (!*can)
		return 0;
	n = can == &c->can_write ? write_some(c) : read_some(c);
	if (n > 0 || (n == -1 && errno == EINTR))
		return 1;
	if (n == -1 && errno == EAGAIN) {
		*can = false;
		return 0;
	}
	return -1;
}

static void
open_conn(struct server *s, struct mio_source *stream)
{
	struct conn *c = s->spare;

	if (mio_registry_register(mio_poll_registry(s->poll), stream,
		(mio_token)c, MIO_READABLE | MIO_WRITABLE) == -1) {
		mio_source_close(stream);
		return;
	}
	s->spare = c->next;
	memset(c, 0, offsetof(struct conn, in));
	c->source = *stream;
	c->server = s;
	http_parser_init(&c->parser, HTTP_REQUEST);
	c->parser.data = c;
	append_conn(s, c);
	s->accepted++;
	if (++s->open > s->peak)
		s->peak = s->open;
}

static void
close_conn(struct server *s, struct conn *c)
{
	mio_source_close(&c->source);
	unlink_conn(s, c);
	c->next = s->spare;
	s->spare = c;
	s->open--;
	s->paused_until = 0; /* there is a descriptor to accept with */
}

static void
accept_some(struct server *s)
{
	struct mio_source stream;

	if (s->paused_until > s->now)
		return;
	s->paused_until = 0;
	for (int i = 0; i < ACCEPTS_PER_TURN && s->can_accept && s->spare;
	     i++) {
		if (mio_source_accept(&s->listener, &stream, NULL, NULL) == 0)
			open_conn(s, &stream);
		else if (errno == EAGAIN)
			s->can_accept = false;
		else if (errno == EMFILE || errno == ENFILE ||
		    errno == ENOBUFS || errno == ENOMEM) {
			s->paused_until = s->now + MIO_SEC;
			return;
		}
	}
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
			more = step(c);
		if (more == 1)
			make_ready(s, c);
		else if (more == -1)
			close_conn(s, c);
	}
}

/* run_ready closes those whose time is over, after a word if that helps. */
static void
expire(struct server *s)
{
	struct conn *c;

	while ((c = s->first) && c->deadline <= s->now) {
		if (c->in_request && has_room(c))
			refuse(c, HTTP_STATUS_REQUEST_TIMEOUT);
		else
			c->expired = true;
		s->expired++;
		prolong(c);
		make_ready(s, c);
	}
}

static int64_t
timeout(const struct server *s)
{
	int64_t until = s->first ? s->first->deadline : INT64_MAX;

	if (s->can_accept && s->spare && s->paused_until < until)
		until = s->paused_until;
	if (s->ready || until <= s->now)
		return 0;
	return until == INT64_MAX ? MIO_FOREVER : until - s->now;
}

static int
serve(struct server *s)
{
	bool done = false;
	struct conn *c;

	while (!done) {
		if (mio_poll(s->poll, s->events, timeout(s)) == -1 &&
		    errno != EINTR)
			return -1;
		look_at_clock(s);
		MIO_EVENTS_FOREACH(event, s->events) {
			if (event->token == WAKER)
				done = true;
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
		expire(s);
		run_ready(s);
	}
	return 0;
}

static int
set_up(struct server *s, const char *backend, const char *port)
{
	struct sockaddr_storage addr;
	struct sockaddr *sa = (struct sockaddr *)&addr;
	struct sigaction action = { .sa_handler = on_signal };
	struct mio_registry *registry;
	socklen_t len;
	char text[64];

	s->pool = calloc(s->capacity, sizeof *s->pool);
	if (!s->pool)
		return -1;
	for (size_t i = 0; i < s->capacity; i++) {
		s->pool[i].next = s->spare;
		s->spare = &s->pool[i];
	}
	snprintf(text, sizeof text, "127.0.0.1:%s", port);
	if (mio_poll_new_backend(&s->poll, backend) == -1 ||
	    mio_events_new(&s->events, EVENTS) == -1 ||
	    mio_addr_parse(&addr, &len, text) == -1 ||
	    mio_tcp_listen(&s->listener, sa, len) == -1 ||
	    mio_source_local_addr(&s->listener, sa, &len) == -1 ||
	    mio_addr_format(text, sizeof text, sa, len) == -1)
		return -1;
	registry = mio_poll_registry(s->poll);
	if (mio_waker_new(&waker, registry, WAKER) == -1 ||
	    mio_registry_register(
		registry, &s->listener, LISTENER, MIO_READABLE) == -1 ||
	    sigaction(SIGINT, &action, NULL) == -1 ||
	    sigaction(SIGTERM, &action, NULL) == -1)
		return -1;
	puts(strrchr(text, ':') + 1);
	return fflush(stdout);
}

static void
tear_down(struct server *s)
{
	/* The handler must not meet a freed waker. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	while (s->first)
		close_conn(s, s->first);
	free(s->pool);
	mio_source_close(&s->listener);
	mio_waker_free(waker);
	mio_events_free(s->events);
	mio_poll_free(s->poll);
}

/* -1 if it is not a number from min to max. */
static long
number(const char *text, long min, long max)
{
	char *end;
	long n = strtol(text, &end, 10);

	return end == text || *end || n < min || n > max ? -1 : n;
}

int
main(int argc, char **argv)
{
	struct server s = { .listener = MIO_SOURCE_INIT };
	long seconds = 10, connections = 1000;
	const char *backend = NULL;
	int i, status = EXIT_FAILURE;

	for (i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--backend") == 0)
			backend = argv[i + 1];
		else if (strcmp(argv[i], "--timeout") == 0)
			seconds = number(argv[i + 1], 1, 86400);
		else if (strcmp(argv[i], "--connections") == 0)
			connections = number(argv[i + 1], 1, 1000000);
		else
			break;
	}
	if (seconds == -1 || connections == -1 || i != argc - 1) {
		fprintf(stderr,
		    "usage: http_hello [--backend NAME] [--timeout SECONDS]\n"
		    "                  [--connections NUMBER] PORT\n");
		return 2;
	}
	s.timeout = seconds * MIO_SEC;
	s.capacity = (size_t)connections;
	s.ready_end = &s.ready;
	if (set_up(&s, backend, argv[i]) == 0 && serve(&s) == 0)
		status = EXIT_SUCCESS;
	else
		perror("http_hello");
	fprintf(stderr,
	    "%zu connections, %zu at once, %zu requests, %zu refused, "
	    "%zu timed out\n",
	    s.accepted, s.peak, s.requests, s.refused, s.expired);
	tear_down(&s);
	return status;
}
