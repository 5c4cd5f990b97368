/* SPDX-License-Identifier: MIT */
/*
 * listen_fds [--backend NAME]
 *
 * A server that does not open its sockets: systemd, or another manager, does
 * and starts it when a client comes.  LISTEN_PID says whom the descriptors
 * are for and LISTEN_FDS how many there are, from 3.  To try it:
 *
 *	systemd-socket-activate -l 8000 -l /tmp/hello ./listen_fds
 *
 * As the daytime service does, it sends every client a line, here with the
 * number of the socket, and closes without reading.  It runs until SIGINT or
 * SIGTERM; what clients come then wait for the next one that is started.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <mio.h>

enum { FIRST_FD = 3, LISTENERS = 16, WAKER = LISTENERS, PER_TURN = 64 };

struct listener {
	struct mio_source source;
	bool ready;
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

/* A number of the environment, 0 if there is none. */
static long
number(const char *name)
{
	const char *text = getenv(name);
	char *end;
	long value = text ? strtol(text, &end, 10) : 0;

	return text && *text && !*end ? value : 0;
}

/* How many descriptors there are for this process. */
static int
count_fds(void)
{
	long count = number("LISTEN_FDS");

	if (number("LISTEN_PID") != (long)getpid() || count < 1 ||
	    count > LISTENERS)
		count = 0;
	/* They are not for the processes that this one may start. */
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return (int)count;
}

/* Takes a descriptor over if it is a listening stream socket. */
static int
adopt(struct mio_registry *registry, struct listener *l, int i)
{
	int fd = FIRST_FD + i, listens = 0, type = 0;
	socklen_t len = sizeof listens;

	if (fcntl(fd, F_SETFD, FD_CLOEXEC) == -1 ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == -1)
		return -1;
	len = sizeof type;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == -1)
		return -1;
	if (!listens || type != SOCK_STREAM) {
		errno = EPROTOTYPE;
		return -1;
	}
	/* The manager made it; it may well be blocking. */
	if (mio_source_from_fd(&l->source, fd) == -1)
		return -1;
	/* A client that is there already is reported. */
	return mio_registry_register(
	    registry, &l->source, (mio_token)i, MIO_READABLE);
}

/*
 * Greets one client.  1: go on, 0: wait for an event, or if it is still ready
 * for a descriptor, -1: failed.
 */
static int
greet(struct listener *l, int i)
{
	struct mio_source client;
	char line[64];
	int len;

	if (mio_source_accept(&l->source, &client, NULL, NULL) == -1) {
		switch (errno) {
		case EAGAIN:
			l->ready = false;
			return 0;
		case EMFILE:
		case ENFILE:
		case ENOBUFS:
		case ENOMEM:
			return 0;
		case EBADF:
		case EINVAL:
		case ENOTSOCK:
			return -1;
		default:
			return 1;
		}
	}
	len = snprintf(line, sizeof line, "socket %d of process %ld\n", i,
	    (long)getpid());
	/* A new connection has room for a line. */
	if (mio_source_write(&client, line, (size_t)len) != len)
		fprintf(stderr, "listen_fds: a client left early\n");
	mio_source_close(&client);
	return 1;
}

static int
run(struct mio_poll *poll, struct mio_events *events, struct listener *l,
    int count)
{
	int64_t timeout = MIO_FOREVER;
	bool stop = false;
	int result;

	while (!stop) {
		if (mio_poll(poll, events, timeout) == -1 && errno != EINTR)
			return -1;
		MIO_EVENTS_FOREACH(event, events) {
			if (event->token == WAKER)
				stop = true;
			else
				l[event->token].ready = true;
		}
		timeout = MIO_FOREVER;
		for (int i = 0; i < count; i++) {
			result = l[i].ready;
			for (int n = 0; result == 1 && n < PER_TURN; n++)
				result = greet(&l[i], i);
			if (result == -1)
				return -1;
			if (result == 1)
				timeout = 0;
			else if (l[i].ready && timeout != 0)
				timeout = MIO_SEC;
		}
	}
	return 0;
}

int
main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct listener listeners[LISTENERS];
	struct mio_registry *registry;
	struct mio_events *events = NULL;
	struct mio_poll *poll = NULL;
	const char *backend = NULL;
	int count, status = EXIT_FAILURE;

	if (argc == 3 && strcmp(argv[1], "--backend") == 0)
		backend = argv[2];
	else if (argc != 1) {
		fprintf(stderr, "usage: listen_fds [--backend NAME]\n");
		return 2;
	}
	count = count_fds();
	if (count == 0) {
		fprintf(stderr, "listen_fds: no sockets: LISTEN_PID and "
				"LISTEN_FDS tell of none\n");
		return 2;
	}
	for (int i = 0; i < LISTENERS; i++)
		listeners[i] = (struct listener){ MIO_SOURCE_INIT, false };
	if (mio_poll_new_backend(&poll, backend) == -1 ||
	    mio_events_new(&events, LISTENERS + 1) == -1) {
		perror("listen_fds: poll");
		goto out;
	}
	registry = mio_poll_registry(poll);
	for (int i = 0; i < count; i++)
		if (adopt(registry, &listeners[i], i) == -1) {
			fprintf(stderr, "listen_fds: descriptor %d: %s\n",
			    FIRST_FD + i, strerror(errno));
			goto out;
		}
	if (mio_waker_new(&waker, registry, WAKER) == -1 ||
	    sigaction(SIGINT, &action, NULL) == -1 ||
	    sigaction(SIGTERM, &action, NULL) == -1 ||
	    run(poll, events, listeners, count) == -1)
		perror("listen_fds");
	else
		status = EXIT_SUCCESS;
	/* The handler must not meet a freed waker. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
out:
	for (int i = 0; i < LISTENERS; i++)
		mio_source_close(&listeners[i].source);
	mio_waker_free(waker);
	mio_events_free(events);
	mio_poll_free(poll);
	return status;
}
