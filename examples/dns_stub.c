/* SPDX-License-Identifier: MIT */
/*
 * dns_stub [--backend NAME] NAME=[ADDRESS]...
 *
 * A DNS server for the test of cares, on a free port of the loopback address
 * over UDP and TCP, which it prints.  It knows the addresses given, IPv4 and
 * IPv6; a name without an address gets no answer at all.  What is too long
 * for UDP (512 bytes) is truncated there, and the client asks again over TCP.
 * Runs until SIGTERM, and then writes to standard error what it was asked.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <mio.h>

/* RFC 1035, RFC 3596. */
enum {
	HEADER_SIZE = 12,
	UDP_MAX = 512,
	TCP_MAX = 4096,
	NAME_MAX_TEXT = 256,
	TYPE_A = 1,
	TYPE_AAAA = 28,
	NO_SUCH_NAME = 3
};

/* Tokens; below are the places of the connections. */
enum { CONNECTIONS = 32, LISTENER = CONNECTIONS, DATAGRAMS, WAKER };

struct conn {
	struct mio_source source; /* none: the place is free */
	size_t in, out_begin, out_end;
	uint8_t query[2 + UDP_MAX], reply[2 + TCP_MAX];
};

static struct conn conns[CONNECTIONS];
static struct mio_source listener = MIO_SOURCE_INIT;
static struct mio_source datagrams = MIO_SOURCE_INIT;
static struct mio_registry *registry;
static struct mio_waker *waker;
static char **zone;
static unsigned asked_udp, asked_tcp, truncated;

static void
on_signal(int sig)
{
	int saved = errno;

	(void)sig;
	mio_waker_wake(waker);
	errno = saved;
}

static size_t
put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
	return 2;
}

static unsigned
get16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

/* The question's name as text.  Returns where it ends, 0 if it is none. */
static size_t
get_name(const uint8_t *query, size_t length, char *name)
{
	size_t at = HEADER_SIZE, label, end = 0;

	while (at < length && (label = query[at++]) > 0) {
		if (label > 63 || at + label > length ||
		    end + label + 1 >= NAME_MAX_TEXT)
			return 0;
		if (end > 0)
			name[end++] = '.';
		memcpy(name + end, query + at, label);
		end += label;
		at += label;
	}
	name[end] = '\0';
	return at + 4 <= length ? at : 0;
}

/* Appends the address if it is of the type.  Returns its size, 0 if not. */
static size_t
put_record(uint8_t *at, size_t room, unsigned type, const char *address)
{
	uint8_t data[sizeof(struct in6_addr)];
	size_t size = type == TYPE_A ? 4 : 16, n = 0;

	if ((type != TYPE_A && type != TYPE_AAAA) ||
	    inet_pton(type == TYPE_A ? AF_INET : AF_INET6, address, data) != 1)
		return 0;
	if (room < 12 + size)
		return 12 + size;
	n += put16(at + n, 0xc000 | HEADER_SIZE); /* the question's name */
	n += put16(at + n, type);
	n += put16(at + n, 1); /* class IN */
	n += put16(at + n, 0);
	n += put16(at + n, 60); /* seconds to live */
	n += put16(at + n, (unsigned)size);
	memcpy(at + n, data, size);
	return n + size;
}

/* Returns the size of the reply, 0 for none. */
static size_t
answer(const uint8_t *query, size_t length, uint8_t *reply, size_t max)
{
	char name[NAME_MAX_TEXT];
	unsigned type, records = 0, flags;
	size_t question, end, size;
	bool known = false;

	if (length < HEADER_SIZE || (query[2] & 0x80) || get16(query + 4) != 1)
		return 0;
	end = get_name(query, length, name);
	if (end == 0)
		return 0;
	type = get16(query + end);
	end = question = end + 4;
	if (question > max)
		return 0;
	memcpy(reply, query, question);
	for (char **line = zone; *line; line++) {
		const char *equals = strchr(*line, '=');
		size_t n = (size_t)(equals - *line);

		if (strlen(name) != n || strncasecmp(*line, name, n) != 0)
			continue;
		if (!equals[1])
			return 0;
		known = true;
		size = put_record(reply + end, max - end, type, equals + 1);
		if (size > max - end) {
			truncated++;
			put16(reply + 2, 0x8600); /* reply, authority, cut */
			put16(reply + 6, 0);
			memset(reply + 8, 0, 4);
			return question;
		}
		records += size > 0;
		end += size;
	}
	flags = 0x8400 | (known ? 0u : NO_SUCH_NAME);
	put16(reply + 2, flags | (query[2] & 1u) << 8);
	put16(reply + 6, records);
	memset(reply + 8, 0, 4);
	return end;
}

static void
datagrams_ready(void)
{
	struct sockaddr_storage addr;
	struct sockaddr *sa = (struct sockaddr *)&addr;
	socklen_t len = sizeof addr;
	uint8_t query[UDP_MAX], reply[UDP_MAX];
	ssize_t n;
	size_t size;

	while ((n = mio_source_recvfrom(
		    &datagrams, query, sizeof query, 0, sa, &len)) >= 0) {
		asked_udp++;
		size = answer(query, (size_t)n, reply, sizeof reply);
		/* One that cannot be sent is one lost: they ask again. */
		if (size > 0 && mio_source_sendto(
				    &datagrams, reply, size, 0, sa, len) == -1)
			perror("dns_stub: send");
		len = sizeof addr;
	}
}

/* A query after its length, answered likewise.  False: wait, or closed. */
static bool
step(struct conn *c)
{
	size_t wanted = c->in < 2 ? 2 : 2 + get16(c->query), size;
	ssize_t n;

	if (c->out_begin < c->out_end)
		n = mio_source_write(&c->source, c->reply + c->out_begin,
		    c->out_end - c->out_begin);
	else if (wanted > sizeof c->query)
		n = 0;
	else
		n = mio_source_read(
		    &c->source, c->query + c->in, wanted - c->in);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return errno == EINTR;
	if (n <= 0) {
		mio_source_close(&c->source);
		return false;
	}
	if (c->out_begin < c->out_end) {
		c->out_begin += (size_t)n;
		return true;
	}
	c->in += (size_t)n;
	if (c->in < 2 || c->in < 2 + (size_t)get16(c->query))
		return true;
	asked_tcp++;
	size = answer(c->query + 2, c->in - 2, c->reply + 2, TCP_MAX);
	put16(c->reply, (unsigned)size);
	c->out_begin = c->in = 0;
	c->out_end = size > 0 ? size + 2 : 0;
	return true;
}

static void
listener_ready(void)
{
	struct mio_source stream;
	struct conn *c;

	while (mio_source_accept(&listener, &stream, NULL, NULL) == 0) {
		for (c = conns;
		     c < conns + CONNECTIONS &&
		     mio_source_handle(&c->source) != MIO_INVALID_HANDLE;
		     c++)
			;
		if (c == conns + CONNECTIONS) {
			mio_source_close(&stream);
			continue;
		}
		*c = (struct conn){ .source = stream };
		if (mio_registry_register(registry, &c->source,
			(mio_token)(c - conns),
			MIO_READABLE | MIO_WRITABLE) == -1)
			mio_source_close(&c->source);
	}
}

/* The same port twice: any, and then it may be somebody else's for UDP. */
static int
listen_twice(void)
{
	struct sockaddr_storage addr;
	struct sockaddr *sa = (struct sockaddr *)&addr;
	socklen_t len;
	char text[64];

	for (int i = 0; i < 32; i++) {
		if (mio_addr_parse(&addr, &len, "127.0.0.1:0") == -1 ||
		    mio_tcp_listen(&listener, sa, len) == -1 ||
		    mio_source_local_addr(&listener, sa, &len) == -1 ||
		    mio_addr_format(text, sizeof text, sa, len) == -1)
			return -1;
		if (mio_udp_bind(&datagrams, sa, len) == 0) {
			puts(strrchr(text, ':') + 1);
			return fflush(stdout);
		}
		if (errno != EADDRINUSE)
			return -1;
		mio_source_close(&listener);
	}
	return -1;
}

static int
set_up(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	if (listen_twice() == -1 ||
	    mio_waker_new(&waker, registry, WAKER) == -1 ||
	    mio_registry_register(
		registry, &listener, LISTENER, MIO_READABLE) == -1 ||
	    mio_registry_register(
		registry, &datagrams, DATAGRAMS, MIO_READABLE) == -1)
		return -1;
	return sigaction(SIGTERM, &action, NULL);
}

static int
serve(struct mio_poll *poll, struct mio_events *events)
{
	for (;;) {
		if (mio_poll(poll, events, MIO_FOREVER) == -1 && errno != EINTR)
			return -1;
		MIO_EVENTS_FOREACH(event, events) {
			if (event->token == WAKER)
				return 0;
			if (event->token == LISTENER)
				listener_ready();
			else if (event->token == DATAGRAMS)
				datagrams_ready();
			else
				while (step(&conns[event->token]))
					;
		}
	}
}

int
main(int argc, char **argv)
{
	struct mio_events *events = NULL;
	struct mio_poll *poll = NULL;
	const char *backend = NULL;
	int status = EXIT_FAILURE;

	zone = argv + 1;
	if (argc > 2 && strcmp(argv[1], "--backend") == 0) {
		backend = argv[2];
		zone += 2;
	}
	for (char **line = zone; *line; line++)
		if (**line == '-' || !strchr(*line, '=')) {
			fprintf(stderr, "usage: dns_stub [--backend NAME] "
					"NAME=[ADDRESS]...\n");
			return 2;
		}
	for (int i = 0; i < CONNECTIONS; i++)
		conns[i].source = (struct mio_source)MIO_SOURCE_INIT;
	if (mio_poll_new_backend(&poll, backend) == 0 &&
	    mio_events_new(&events, 2 * CONNECTIONS) == 0) {
		registry = mio_poll_registry(poll);
		if (set_up() == 0 && serve(poll, events) == 0)
			status = EXIT_SUCCESS;
	}
	if (status != EXIT_SUCCESS)
		perror("dns_stub");
	signal(SIGTERM, SIG_IGN);
	fprintf(stderr, "%u over UDP, %u truncated, %u over TCP\n", asked_udp,
	    truncated, asked_tcp);
	for (int i = 0; i < CONNECTIONS; i++)
		mio_source_close(&conns[i].source);
	mio_source_close(&datagrams);
	mio_source_close(&listener);
	mio_waker_free(waker);
	mio_events_free(events);
	mio_poll_free(poll);
	return status;
}
