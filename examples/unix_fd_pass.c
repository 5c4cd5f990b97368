/* SPDX-License-Identifier: MIT */
/*
 * unix_fd_pass [--backend NAME] PORT
 *
 * Two processes serve TCP clients on the loopback address.  The front
 * accepts them and waits, on its own poll, until a client has said
 * something.  Then it passes the live connection to the worker, by
 * SCM_RIGHTS over a Unix domain socket.  The worker registers it with a poll
 * of its own, says who it is and echoes.
 *
 * Prints the port (0: any free one) and the worker's process id, and runs
 * until SIGINT or SIGTERM.
 *
 * - The front only peeks, so the worker gets the client's first words too:
 *   registering looks at the present state, and reports them.
 * - A descriptor that was passed is a duplicate.  Closing the original would
 *   not end its registration then, so the front deregisters it first.
 * - Each message is one byte and one descriptor, so messages cannot be torn;
 *   the end of the stream tells the worker to stop.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <mio.h>

enum { CONNECTIONS = 64, BUFFER_SIZE = 4096, STEPS_PER_TURN = 8 };

/* Tokens; below are the places of the connections. */
enum { CHANNEL = CONNECTIONS, LISTENER, WAKER };

struct conn {
	struct mio_source source; /* none: the place is free */
	bool can_read, can_write;
	size_t begin, end; /* what of buf is still to be written */
	char buf[BUFFER_SIZE];
};

/* Either process has one. */
struct side {
	struct mio_poll *poll;
	struct mio_registry *registry;
	struct mio_events *events;
	struct mio_source channel;
	bool channel_ready;
	struct conn conns[CONNECTIONS];
};

/* As long as a control message, and aligned as one. */
union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

static struct side side;
static struct mio_waker *waker;

static void
on_signal(int sig)
{
	int saved = errno;

	(void)sig;
	mio_waker_wake(waker);
	errno = saved;
}

static int
send_fd(const struct mio_source *channel, int fd)
{
	union control control = { .space = { 0 } };
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;

	msg.msg_control = control.space;
	msg.msg_controllen = sizeof control.space;
	cmsg = CMSG_FIRSTHDR(&msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(cmsg), &fd, sizeof fd);
	return mio_source_sendmsg(channel, &msg, 0) == 1 ? 0 : -1;
}

/* The descriptor; -1 with errno, which is 0 at the end of the stream. */
static int
receive_fd(const struct mio_source *channel)
{
	union control control;
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;
	ssize_t n;
	int fd;

	msg.msg_control = control.space;
	msg.msg_controllen = sizeof control.space;
	n = mio_source_recvmsg(channel, &msg, 0);
	if (n == 0)
		errno = 0;
	if (n <= 0)
		return -1;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_level != SOL_SOCKET ||
	    cmsg->cmsg_type != SCM_RIGHTS ||
	    cmsg->cmsg_len != CMSG_LEN(sizeof fd)) {
		/* This process had no descriptor left: the client is lost. */
		errno = EMFILE;
		return -1;
	}
	memcpy(&fd, CMSG_DATA(cmsg), sizeof fd);
	/* MSG_CMSG_CLOEXEC, where there is one, leaves threads no gap. */
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}

static bool
is_open(const struct conn *c)
{
	return mio_source_handle(&c->source) != MIO_INVALID_HANDLE;
}

/* A free place, NULL if there is none. */
static struct conn *
find_place(struct side *s)
{
	struct conn *c;

	for (c = s->conns; c < s->conns + CONNECTIONS; c++)
		if (!is_open(c)) {
			c->can_read = c->can_write = true;
			c->begin = c->end = 0;
			return c;
		}
	return NULL;
}

static int
watch(struct side *s, struct conn *c)
{
	if (mio_registry_register(s->registry, &c->source,
		(mio_token)(c - s->conns), MIO_READABLE | MIO_WRITABLE) == 0)
		return 0;
	mio_source_close(&c->source);
	return -1;
}

static int
set_up(struct side *s, const char *backend)
{
	if (mio_poll_new_backend(&s->poll, backend) == -1 ||
	    mio_events_new(&s->events, CONNECTIONS) == -1)
		return -1;
	s->registry = mio_poll_registry(s->poll);
	return mio_registry_register(s->registry, &s->channel, CHANNEL,
	    MIO_READABLE | MIO_WRITABLE);
}

static void
tear_down(struct side *s)
{
	struct conn *c;

	for (c = s->conns; c < s->conns + CONNECTIONS; c++)
		mio_source_close(&c->source);
	mio_source_close(&s->channel);
	mio_events_free(s->events);
	mio_poll_free(s->poll);
}

/* Worker: one read or write.  1: go on, 0: wait for an event, -1: finished. */
static int
step(struct conn *c)
{
	bool pending = c->begin < c->end;
	bool *can = pending ? &c->can_write : &c->can_read;
	ssize_t n;

	if (!*can)
		return 0;
	if (pending)
		n = mio_source_write(
		    &c->source, c->buf + c->begin, c->end - c->begin);
	else
		n = mio_source_read(&c->source, c->buf, sizeof c->buf);
	if (n == -1 && errno == EAGAIN) {
		*can = false;
		return 0;
	}
	if (n == -1)
		return errno == EINTR ? 1 : -1;
	if (pending) {
		c->begin += (size_t)n;
		return 1;
	}
	c->begin = 0;
	c->end = (size_t)n;
	return n ? 1 : -1;
}

/* Takes over what the front has passed.  -1: it is gone, or worse. */
static int
take_over(struct side *s)
{
	struct conn *c;
	int fd;

	/* Without a free place the others wait in the channel. */
	while (s->channel_ready && (c = find_place(s))) {
		fd = receive_fd(&s->channel);
		if (fd == -1) {
			if (errno == EAGAIN)
				s->channel_ready = false;
			else if (errno != EINTR && errno != EMFILE)
				return -1;
			continue;
		}
		if (mio_source_from_fd(&c->source, fd) == -1) {
			close(fd);
			continue;
		}
		if (watch(s, c) == 0)
			c->end = (size_t)snprintf(c->buf, sizeof c->buf,
			    "worker %ld\n", (long)getpid());
	}
	return 0;
}

/* True if some connection could go on at once. */
static bool
echo(struct side *s)
{
	bool more = false;
	struct conn *c;
	int result;

	for (c = s->conns; c < s->conns + CONNECTIONS; c++) {
		result = is_open(c) ? 1 : 0;
		for (int i = 0; result == 1 && i < STEPS_PER_TURN; i++)
			result = step(c);
		if (result == -1) {
			mio_source_close(&c->source);
			more = true; /* there is a place to take over with */
		} else if (result == 1)
			more = true;
	}
	return more;
}

static int
work(struct side *s)
{
	bool more = false;

	for (;;) {
		if (mio_poll(s->poll, s->events, more ? 0 : MIO_FOREVER) ==
			-1 &&
		    errno != EINTR)
			return -1;
		MIO_EVENTS_FOREACH(event, s->events) {
			if (event->token == CHANNEL) {
				s->channel_ready = true;
				continue;
			}
			if (mio_event_is_readable(event))
				s->conns[event->token].can_read = true;
			if (mio_event_is_writable(event))
				s->conns[event->token].can_write = true;
		}
		/* Only now: no event above may be for who was there before. */
		if (take_over(s) == -1)
			return errno ? -1 : 0;
		more = echo(s);
	}
}

/* Front: passes a client that has spoken; false: wait for an event. */
static bool
pass_on(struct side *s, struct conn *c)
{
	char first;
	ssize_t n = mio_source_recv(&c->source, &first, 1, MSG_PEEK);

	if (n == -1 && errno == EAGAIN) {
		c->can_read = false;
		return false;
	}
	/* At its end, or broken, it is the front's to close. */
	if (n > 0 &&
	    send_fd(&s->channel, mio_source_handle(&c->source)) == -1 &&
	    errno == EAGAIN) {
		s->channel_ready = false;
		return false;
	}
	mio_registry_deregister(s->registry, &c->source);
	mio_source_close(&c->source);
	return true;
}

/* Accepts while there are places; true if the listener is drained. */
static bool
let_in(struct side *s, const struct mio_source *listener)
{
	struct conn *c;

	while ((c = find_place(s))) {
		if (mio_source_accept(listener, &c->source, NULL, NULL) == 0)
			watch(s, c);
		else if (errno == EAGAIN)
			return true;
		/* Out of descriptors: no event tells of new ones. */
		else if (errno != EINTR && errno != ECONNABORTED)
			return false;
	}
	return false;
}

static int
receive_clients(struct side *s, const struct mio_source *listener)
{
	bool stop = false, drained = false, died = false;
	struct conn *c;

	while (!stop) {
		if (mio_poll(s->poll, s->events,
			drained ? MIO_FOREVER : MIO_SEC) == -1 &&
		    errno != EINTR)
			return -1;
		MIO_EVENTS_FOREACH(event, s->events) {
			if (event->token == WAKER)
				stop = true;
			else if (event->token == LISTENER)
				drained = false;
			else if (event->token == CHANNEL) {
				s->channel_ready = true;
				died |= mio_event_is_read_closed(event);
			} else if (mio_event_is_readable(event))
				s->conns[event->token].can_read = true;
		}
		if (died) {
			errno = ECHILD;
			return -1;
		}
		do {
			for (c = s->conns; c < s->conns + CONNECTIONS; c++)
				if (is_open(c) && c->can_read &&
				    s->channel_ready && pass_on(s, c))
					drained = false;
			if (drained)
				break;
			drained = let_in(s, listener);
		} while (drained);
	}
	return 0;
}

static int
listen_at(struct side *s, struct mio_source *listener, const char *port,
    pid_t worker)
{
	struct sockaddr_storage addr;
	struct sockaddr *sa = (struct sockaddr *)&addr;
	struct sigaction action = { .sa_handler = on_signal };
	socklen_t len;
	char text[64];

	snprintf(text, sizeof text, "127.0.0.1:%s", port);
	if (mio_waker_new(&waker, s->registry, WAKER) == -1 ||
	    mio_addr_parse(&addr, &len, text) == -1 ||
	    mio_tcp_listen(listener, sa, len) == -1 ||
	    mio_source_local_addr(listener, sa, &len) == -1 ||
	    mio_addr_format(text, sizeof text, sa, len) == -1 ||
	    mio_registry_register(
		s->registry, listener, LISTENER, MIO_READABLE) == -1 ||
	    sigaction(SIGINT, &action, NULL) == -1 ||
	    sigaction(SIGTERM, &action, NULL) == -1)
		return -1;
	printf("%s %ld\n", strrchr(text, ':') + 1, (long)worker);
	return fflush(stdout);
}

/* Runs the front, ends the worker; true if both did well. */
static bool
run_front(struct side *s, const char *backend, const char *port, pid_t worker)
{
	struct mio_source listener = MIO_SOURCE_INIT;
	int status = 0;
	bool good;

	good = set_up(s, backend) == 0 &&
	    listen_at(s, &listener, port, worker) == 0 &&
	    receive_clients(s, &listener) == 0;
	if (!good)
		perror("unix_fd_pass");
	/* The handler must not meet a freed waker. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	mio_source_close(&listener);
	mio_waker_free(waker);
	tear_down(s);
	while (waitpid(worker, &status, 0) == -1 && errno == EINTR)
		continue;
	return good && status == 0;
}

int
main(int argc, char **argv)
{
	struct mio_source ends[2];
	const char *backend = NULL;
	struct conn *c;
	pid_t pid;
	bool good;

	if (argc == 4 && strcmp(argv[1], "--backend") == 0)
		backend = argv[2];
	else if (argc != 2) {
		fprintf(stderr, "usage: unix_fd_pass [--backend NAME] PORT\n");
		return 2;
	}
	for (c = side.conns; c < side.conns + CONNECTIONS; c++)
		c->source = (struct mio_source)MIO_SOURCE_INIT;
	/* No poll yet: a child cannot use its parent's. */
	if (mio_unix_pair(&ends[0], &ends[1]) == -1 || (pid = fork()) == -1) {
		perror("unix_fd_pass");
		return EXIT_FAILURE;
	}
	side.channel = ends[pid == 0];
	mio_source_close(&ends[pid != 0]);
	if (pid != 0) {
		good = run_front(&side, backend, argv[argc - 1], pid);
		return good ? EXIT_SUCCESS : EXIT_FAILURE;
	}
	/* Control-C is for the front, whose end ends the worker. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	good = set_up(&side, backend) == 0 && work(&side) == 0;
	if (!good)
		perror("unix_fd_pass: worker");
	tear_down(&side);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
