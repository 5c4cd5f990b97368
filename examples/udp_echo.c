/* SPDX-License-Identifier: MIT */
/*
 * udp_echo [--backend NAME] [ADDRESS:]PORT
 *
 * Sends every datagram back to where it came from.  Prints the address it is
 * bound to (port 0: any free one), runs until SIGINT or SIGTERM, and then
 * writes its statistics to standard error.
 *
 * - After an event it receives until EAGAIN, but not more than a bounded
 *   number of datagrams before it looks at the waker again.
 * - When sending says EAGAIN the datagram is kept and nothing more is
 *   received until the socket is writable.  What comes meanwhile fills the
 *   kernel's buffer, and what does not fit there is lost, as UDP may do.
 * - A datagram longer than the buffer would come back cut, so it is dropped.
 */

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <mio.h>

enum { SOCKET, WAKER };

enum { BUFFER_SIZE = 8192, DATAGRAMS_PER_TURN = 64 };

struct server {
	struct mio_poll *poll;
	struct mio_events *events;
	struct mio_source socket;
	bool can_read, can_write;
	bool pending; /* buf is still to be sent */
	struct sockaddr_storage peer;
	socklen_t peer_len;
	size_t len;
	char buf[BUFFER_SIZE];
	uint64_t echoed, bytes, truncated, lost, waits;
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

/* 1: go on, 0: wait for an event, -1: the socket is of no use. */
static int
receive(struct server *s)
{
	struct iovec iov = { s->buf, sizeof s->buf };
	struct msghdr msg = { .msg_name = &s->peer, .msg_iov = &iov };
	ssize_t n;

	/* recvfrom would not tell that a datagram was cut. */
	msg.msg_namelen = sizeof s->peer;
	msg.msg_iovlen = 1;
	n = mio_source_recvmsg(&s->socket, &msg, 0);
	if (n == -1 && errno == EAGAIN) {
		s->can_read = false;
		return 0;
	}
	if (n == -1)
		return errno == EINTR ? 1 : -1;
	if (msg.msg_flags & MSG_TRUNC) {
		s->truncated++;
		return 1;
	}
	s->peer_len = msg.msg_namelen;
	s->len = (size_t)n;
	s->pending = true;
	return 1;
}

static int
answer(struct server *s)
{
	if (mio_source_sendto(&s->socket, s->buf, s->len, 0,
		(struct sockaddr *)&s->peer, s->peer_len) == -1) {
		if (errno == EINTR)
			return 1;
		if (errno == EAGAIN) {
			s->can_write = false;
			s->waits++;
			return 0;
		}
		/* This peer cannot be reached; the next one may be. */
		s->lost++;
	} else {
		s->echoed++;
		s->bytes += s->len;
	}
	s->pending = false;
	return 1;
}

static bool
has_work(const struct server *s)
{
	return s->pending ? s->can_write : s->can_read;
}

static int
serve(struct server *s)
{
	bool stop = false;

	while (!stop) {
		if (mio_poll(s->poll, s->events,
			has_work(s) ? 0 : MIO_FOREVER) == -1 &&
		    errno != EINTR)
			return -1;
		MIO_EVENTS_FOREACH(event, s->events) {
			if (event->token == WAKER) {
				stop = true;
				continue;
			}
			if (mio_event_is_readable(event))
				s->can_read = true;
			if (mio_event_is_writable(event))
				s->can_write = true;
		}
		for (int i = 0; has_work(s) && i < 2 * DATAGRAMS_PER_TURN; i++)
			if ((s->pending ? answer(s) : receive(s)) == -1)
				return -1;
	}
	return 0;
}

/* Binds to "[ADDRESS:]PORT", as mio_addr_parse has it. */
static int
bind_to(struct server *s, const char *where)
{
	struct sockaddr_storage addr;
	char here[32];
	socklen_t len;

	snprintf(here, sizeof here, "127.0.0.1:%s", where);
	if (mio_addr_parse(&addr, &len, strchr(where, ':') ? where : here) ||
	    mio_udp_bind(&s->socket, (struct sockaddr *)&addr, len)) {
		fprintf(stderr, "udp_echo: %s: %s\n", where, strerror(errno));
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

	if (mio_source_local_addr(&s->socket, sa, &len) == -1 ||
	    mio_addr_format(text, sizeof text, sa, len) == -1)
		return -1;
	puts(text);
	return fflush(stdout);
}

static int
set_up(struct server *s, const char *backend, const char *where)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct mio_registry *registry;

	if (mio_poll_new_backend(&s->poll, backend) == -1 ||
	    mio_events_new(&s->events, 8) == -1) {
		perror("udp_echo: poll");
		return -1;
	}
	if (bind_to(s, where) == -1)
		return -1;
	registry = mio_poll_registry(s->poll);
	if (mio_waker_new(&waker, registry, WAKER) == -1 ||
	    mio_registry_register(registry, &s->socket, SOCKET,
		MIO_READABLE | MIO_WRITABLE) == -1 ||
	    sigaction(SIGINT, &action, NULL) == -1 ||
	    sigaction(SIGTERM, &action, NULL) == -1 || print_address(s)) {
		perror("udp_echo");
		return -1;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	struct server s = { .socket = MIO_SOURCE_INIT };
	const char *backend = NULL;
	int status = EXIT_FAILURE;

	if (argc == 4 && strcmp(argv[1], "--backend") == 0)
		backend = argv[2];
	else if (argc != 2 || argv[1][0] == '-') {
		fprintf(stderr,
		    "usage: udp_echo [--backend NAME] [ADDRESS:]PORT\n");
		return 2;
	}
	if (set_up(&s, backend, argv[argc - 1]) == 0) {
		if (serve(&s) == 0)
			status = EXIT_SUCCESS;
		else
			perror("udp_echo");
		fprintf(stderr,
		    "%s: %llu datagrams, %llu bytes, %llu truncated, "
		    "%llu lost, %llu waits\n",
		    mio_poll_backend(s.poll), (unsigned long long)s.echoed,
		    (unsigned long long)s.bytes,
		    (unsigned long long)s.truncated, (unsigned long long)s.lost,
		    (unsigned long long)s.waits);
	}
	/* The handler must not meet a freed waker. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	mio_source_close(&s.socket);
	mio_waker_free(waker);
	mio_events_free(s.events);
	mio_poll_free(s.poll);
	return status;
}
