/* SPDX-License-Identifier: MIT */
/*
 * tcp_client [--backend NAME] HOST PORT
 *
 * Connects, sends standard input and writes what comes to standard output.
 * At the end of input it shuts its half down and stays until the other side
 * closes too.
 *
 * Standard input shows how to watch a descriptor that belongs to others too:
 * it is not made non-blocking, for that would change it for the shell as
 * well, but asked before every read.
 */

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <mio.h>

enum { SOCKET, INPUT };

enum { BUFFER_SIZE = 16384 };

struct client {
	struct mio_poll *poll;
	struct mio_registry *registry;
	struct mio_events *events;
	struct mio_source socket;
	bool can_read, can_write, can_input;
	bool read_closed; /* the other side has; data may come first */
	bool input_ended, output_ended, socket_ended;
	bool input_is_file; /* always ready, and not to be registered */
	size_t begin, end;  /* what of buf is still to be sent */
	char buf[BUFFER_SIZE];
};

/* Waits for events and marks what they say.  A signal is no event. */
static int
wait_events(struct client *c, int64_t timeout)
{
	if (mio_poll(c->poll, c->events, timeout) == -1 && errno != EINTR)
		return -1;
	MIO_EVENTS_FOREACH(event, c->events) {
		if (event->token == INPUT) {
			c->can_input = true;
			continue;
		}
		if (mio_event_is_readable(event))
			c->can_read = true;
		if (mio_event_is_writable(event))
			c->can_write = true;
		if (mio_event_is_read_closed(event))
			c->read_closed = true;
	}
	return 0;
}

/* Connects to one address. */
static int
try_address(struct client *c, const struct addrinfo *ai)
{
	int error;

	c->can_read = c->can_write = c->read_closed = false;
	if (mio_tcp_connect(&c->socket, ai->ai_addr, ai->ai_addrlen) == -1)
		return -1;
	if (mio_registry_register(c->registry, &c->socket, SOCKET,
		MIO_READABLE | MIO_WRITABLE) == -1)
		goto fail;
	while (mio_source_connect_result(&c->socket) == -1) {
		if (errno != EINPROGRESS || wait_events(c, MIO_FOREVER) == -1)
			goto fail;
	}
	return 0;
fail:
	error = errno;
	mio_source_close(&c->socket);
	errno = error;
	return -1;
}

/* Connects to the first of the host's addresses that answers. */
static int
connect_to(struct client *c, const char *host, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list, *ai;
	int error = getaddrinfo(host, port, &hints, &list);

	if (error) {
		fprintf(
		    stderr, "tcp_client: %s: %s\n", host, gai_strerror(error));
		return -1;
	}
	for (ai = list; ai; ai = ai->ai_next)
		if (try_address(c, ai) == 0)
			break;
	if (!ai)
		fprintf(stderr, "tcp_client: %s: %s\n", host, strerror(errno));
	freeaddrinfo(list);
	return ai ? 0 : -1;
}

/*
 * The pieces of work.  Each returns 1 if it did something, 0 if it has to
 * wait and -1 if it failed.
 */

static int
receive(struct client *c)
{
	char data[BUFFER_SIZE];
	ssize_t n, done, written;

	if (c->socket_ended || !c->can_read)
		return 0;
	n = mio_source_read(&c->socket, data, sizeof data);
	if (n == -1 && errno == EAGAIN) {
		c->can_read = false;
		return 0;
	}
	if (n == -1)
		return errno == EINTR ? 1 : -1;
	/* EAGAIN would be next; but no event tells of the end twice. */
	if ((size_t)n < sizeof data && !c->read_closed)
		c->can_read = false;
	c->socket_ended = n == 0;
	for (done = 0; done < n; done += written) {
		written = write(STDOUT_FILENO, data + done, (size_t)(n - done));
		if (written == -1 && errno == EINTR)
			written = 0;
		if (written == -1)
			return -1;
	}
	return 1;
}

static int
take_input(struct client *c)
{
	struct pollfd input = { STDIN_FILENO, POLLIN, 0 };
	ssize_t n;

	if (c->input_ended || !c->can_input || c->begin < c->end)
		return 0;
	if (!c->input_is_file && poll(&input, 1, 0) == 0) {
		c->can_input = false;
		return mio_registry_rearm_fd(
		    c->registry, STDIN_FILENO, MIO_READABLE);
	}
	n = read(STDIN_FILENO, c->buf, sizeof c->buf);
	if (n == -1)
		return errno == EINTR || errno == EAGAIN ? 1 : -1;
	c->begin = 0;
	c->end = (size_t)n;
	c->input_ended = n == 0;
	return 1;
}

static int
send_input(struct client *c)
{
	ssize_t n;

	if (c->begin == c->end) {
		if (!c->input_ended || c->output_ended)
			return 0;
		c->output_ended = true;
		/* A peer that is gone already shows where we read. */
		if (mio_source_shutdown(&c->socket, SHUT_WR) == -1 &&
		    errno != ENOTCONN)
			return -1;
		return 1;
	}
	if (!c->can_write)
		return 0;
	n = mio_source_write(&c->socket, c->buf + c->begin, c->end - c->begin);
	if (n == -1 && errno == EAGAIN) {
		c->can_write = false;
		return 0;
	}
	if (n == -1)
		return errno == EINTR ? 1 : -1;
	c->begin += (size_t)n;
	/* What was not taken waits for an event, without EAGAIN, too. */
	c->can_write = c->begin == c->end;
	return 1;
}

static int
talk(struct client *c)
{
	int received, sent, taken;

	if (mio_registry_register_fd(
		c->registry, STDIN_FILENO, INPUT, MIO_READABLE) == -1) {
		if (errno != EPERM)
			return -1;
		c->input_is_file = c->can_input = true;
	}
	while (!c->socket_ended) {
		received = receive(c);
		if (received == -1)
			return -1;
		sent = send_input(c);
		if (sent == -1)
			return -1;
		taken = take_input(c);
		if (taken == -1)
			return -1;
		if (!received && !sent && !taken &&
		    wait_events(c, MIO_FOREVER) == -1)
			return -1;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	struct client c = { .socket = MIO_SOURCE_INIT };
	const char *backend = NULL;
	int status = EXIT_FAILURE;

	if (argc == 5 && strcmp(argv[1], "--backend") == 0)
		backend = argv[2];
	else if (argc != 3) {
		fprintf(
		    stderr, "usage: tcp_client [--backend NAME] HOST PORT\n");
		return 2;
	}
	if (mio_poll_new_backend(&c.poll, backend) == -1 ||
	    mio_events_new(&c.events, 16) == -1) {
		perror("tcp_client: poll");
		goto out;
	}
	c.registry = mio_poll_registry(c.poll);
	if (connect_to(&c, argv[argc - 2], argv[argc - 1]) == -1)
		goto out;
	if (talk(&c) == 0)
		status = EXIT_SUCCESS;
	else
		perror("tcp_client");
	mio_source_close(&c.socket);
out:
	mio_events_free(c.events);
	mio_poll_free(c.poll);
	return status;
}
