/* SPDX-License-Identifier: MIT */
/*
 * recvmmsg [--backend NAME] PORT
 *
 * Receives datagrams on the loopback address, many with each system call,
 * and writes what they hold to standard output.  Prints the port to standard
 * error (0: any free one), runs until SIGINT or SIGTERM and then writes its
 * statistics there.
 *
 * libmio has no call for recvmmsg(2).  Through mio_source_try_io it need not:
 * the poll learns of EAGAIN all the same, so this works on every backend.
 */

#define _GNU_SOURCE

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

enum { BATCH = 32, DATAGRAM_SIZE = 2048, BATCHES_PER_TURN = 16 };

struct receiver {
	struct mmsghdr messages[BATCH];
	struct iovec iov[BATCH];
	char buf[BATCH][DATAGRAM_SIZE];
	bool can_read;
	uint64_t datagrams, calls, truncated, most;
};

static struct receiver receiver;
static struct mio_waker *waker;

static void
on_signal(int sig)
{
	int saved = errno;

	(void)sig;
	mio_waker_wake(waker);
	errno = saved;
}

/* The operation: what it returns and its errno go through try_io. */
static ssize_t
receive(mio_handle fd, void *arg)
{
	struct receiver *r = arg;

	return recvmmsg(fd, r->messages, BATCH, MSG_DONTWAIT, NULL);
}

/* One system call.  0: go on or wait, as can_read says; -1: failed. */
static int
receive_batch(struct receiver *r, const struct mio_source *socket)
{
	ssize_t n = mio_source_try_io(socket, MIO_READABLE, receive, r);

	if (n == -1) {
		if (errno == EAGAIN)
			r->can_read = false;
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	}
	r->calls++;
	r->datagrams += (uint64_t)n;
	if ((uint64_t)n > r->most)
		r->most = (uint64_t)n;
	for (ssize_t i = 0; i < n; i++) {
		/* An unsigned on Linux, a ssize_t on BSD. */
		size_t len = (size_t)r->messages[i].msg_len;

		if (r->messages[i].msg_hdr.msg_flags & MSG_TRUNC)
			r->truncated++;
		if (fwrite(r->buf[i], 1, len, stdout) != len)
			return -1;
	}
	return fflush(stdout);
}

static int
run(struct receiver *r, struct mio_poll *poll, struct mio_events *events,
    const struct mio_source *socket)
{
	bool stop = false;

	while (!stop) {
		if (mio_poll(poll, events, r->can_read ? 0 : MIO_FOREVER) ==
			-1 &&
		    errno != EINTR)
			return -1;
		MIO_EVENTS_FOREACH(event, events) {
			if (event->token == WAKER)
				stop = true;
			else
				r->can_read = true;
		}
		for (int i = 0; r->can_read && i < BATCHES_PER_TURN; i++)
			if (receive_batch(r, socket) == -1)
				return -1;
	}
	return 0;
}

static int
set_up(struct mio_poll *poll, struct mio_source *socket, const char *port)
{
	struct sockaddr_storage addr;
	struct sockaddr *sa = (struct sockaddr *)&addr;
	struct sigaction action = { .sa_handler = on_signal };
	struct mio_registry *registry = mio_poll_registry(poll);
	socklen_t len;
	char text[64];

	for (size_t i = 0; i < BATCH; i++) {
		receiver.iov[i].iov_base = receiver.buf[i];
		receiver.iov[i].iov_len = DATAGRAM_SIZE;
		receiver.messages[i].msg_hdr.msg_iov = &receiver.iov[i];
		receiver.messages[i].msg_hdr.msg_iovlen = 1;
	}
	snprintf(text, sizeof text, "127.0.0.1:%s", port);
	if (mio_addr_parse(&addr, &len, text) == -1 ||
	    mio_udp_bind(socket, sa, len) == -1 ||
	    mio_source_local_addr(socket, sa, &len) == -1 ||
	    mio_addr_format(text, sizeof text, sa, len) == -1 ||
	    mio_registry_register(registry, socket, SOCKET, MIO_READABLE) ==
		-1 ||
	    mio_waker_new(&waker, registry, WAKER) == -1 ||
	    sigaction(SIGINT, &action, NULL) == -1 ||
	    sigaction(SIGTERM, &action, NULL) == -1)
		return -1;
	fprintf(stderr, "%s\n", strrchr(text, ':') + 1);
	return 0;
}

int
main(int argc, char **argv)
{
	struct mio_source socket = MIO_SOURCE_INIT;
	struct mio_poll *poll = NULL;
	struct mio_events *events = NULL;
	struct receiver *r = &receiver;
	const char *backend = NULL;
	int status = EXIT_FAILURE;

	if (argc == 4 && strcmp(argv[1], "--backend") == 0)
		backend = argv[2];
	else if (argc != 2) {
		fprintf(stderr, "usage: recvmmsg [--backend NAME] PORT\n");
		return 2;
	}
	if (mio_poll_new_backend(&poll, backend) == -1 ||
	    mio_events_new(&events, 8) == -1 ||
	    set_up(poll, &socket, argv[argc - 1]) == -1 ||
	    run(r, poll, events, &socket) == -1)
		perror("recvmmsg");
	else {
		status = EXIT_SUCCESS;
		fprintf(stderr,
		    "%s: %llu datagrams, %llu truncated, %llu calls, "
		    "%llu at once\n",
		    mio_poll_backend(poll), (unsigned long long)r->datagrams,
		    (unsigned long long)r->truncated,
		    (unsigned long long)r->calls, (unsigned long long)r->most);
	}
	/* The handler must not meet a freed waker. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	mio_source_close(&socket);
	mio_waker_free(waker);
	mio_events_free(events);
	mio_poll_free(poll);
	return status;
}
