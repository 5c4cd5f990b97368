/* SPDX-License-Identifier: MIT */
/* What the scenarios work on, and complaints. */

#include "config.h"

#ifdef __linux__

#include "fault.h"

const char *backend;
const char *doing = "";
int failures;

void
check(bool ok, const char *what, int line)
{
	int saved = errno;

	if (ok)
		return;
	failures++;
	fprintf(stderr, "FAIL %s, %s%s: line %d: %s (errno %d: %s)", backend,
	    doing, old_system ? " (old system)" : "", line, what, saved,
	    strerror(saved));
	if (plan.call < POINTS && plan.turn > 0)
		fprintf(stderr, " [%s number %d: %s]", call_names[plan.call],
		    plan.turn,
		    plan.shortens            ? "short"
			: plan.wakes != NULL ? "interrupted"
					     : strerror(plan.err));
	fputc('\n', stderr);
	if (failures >= 50)
		exit(1);
}

/* For what the test itself needs: no point in going on without. */
void
need(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "ERROR %s, %s: %s: %s\n", backend, doing, what,
	    strerror(errno));
	exit(1);
}

int
open_fds(void)
{
	struct pollfd fds[MAX_FD];
	int fd, n = 0;

	for (fd = 0; fd < MAX_FD; fd++) {
		fds[fd].fd = fd;
		fds[fd].events = 0;
	}
	if (__real_poll(fds, MAX_FD, 0) == -1)
		return -1;
	for (fd = 0; fd < MAX_FD; fd++)
		if ((fds[fd].revents & POLLNVAL) == 0)
			n++;
	return n;
}

int64_t
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * MIO_SEC + ts.tv_nsec;
}

bool
comes(struct world *w, mio_token token, uint32_t flags)
{
	const int64_t end = now() + 5 * MIO_SEC;
	uint32_t seen = 0;
	int n;

	while ((seen & flags) != flags && now() < end) {
		n = mio_poll(w->poll, w->events, 200 * MIO_MSEC);
		if (n == -1)
			return false;
		MIO_EVENTS_FOREACH (event, w->events)
			if (event->token == token)
				seen |= event->readiness;
	}
	return (seen & flags) == flags;
}

void
settle(struct world *w)
{
	int i;

	for (i = 0; i < 20; i++)
		if (mio_poll(w->poll, w->events, MIO_MSEC) <= 0)
			return;
}

struct mio_registry *
registry(struct world *w)
{
	return mio_poll_registry(w->poll);
}

void
world_new(struct world *w)
{
	static const struct mio_source empty = MIO_SOURCE_INIT;

	memset(w, 0, sizeof *w);
	w->listener = w->client = w->rx = w->tx = empty;
	w->fd[0] = w->fd[1] = -1;
	memset(w->out, UNTOUCHED, sizeof w->out);
	memcpy(w->before, w->out, sizeof w->out);
	memset(w->buf, UNTOUCHED, sizeof w->buf);
	w->addr.sin_family = AF_INET;
	w->addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	need(mio_poll_new_backend(&w->poll, backend) == 0, "poll");
	need(mio_events_new(&w->events, 16) == 0, "events");
}

void
world_free(struct world *w)
{
	int i;

	mio_source_close(&w->listener);
	mio_source_close(&w->client);
	mio_source_close(&w->rx);
	mio_source_close(&w->tx);
	for (i = 0; i < 2; i++)
		if (w->fd[i] != -1)
			close(w->fd[i]);
	mio_waker_free(w->waker);
	for (i = 0; i < 16; i++)
		mio_waker_free(w->others[i]);
	mio_poll_free(w->poll);
	mio_events_free(w->events);
}

void
with_listener(struct world *w)
{
	socklen_t len = sizeof w->addr;

	need(mio_tcp_listen(
		 &w->listener, (struct sockaddr *)&w->addr, len) == 0,
	    "listen");
	need(mio_source_local_addr(&w->listener,
		 (struct sockaddr *)&w->addr, &len) == 0,
	    "address");
	need(mio_registry_register(
		 registry(w), &w->listener, 1, MIO_READABLE) == 0,
	    "register");
}

void
with_connection(struct world *w)
{
	with_listener(w);
	need(mio_tcp_connect(&w->client, (struct sockaddr *)&w->addr,
		 sizeof w->addr) == 0,
	    "connect");
	need(comes(w, 1, MIO_READABLE), "queued connection");
}

void
with_pipe(struct world *w)
{
	need(mio_pipe_new(&w->rx, &w->tx) == 0, "pipe");
}

void
with_waker(struct world *w)
{
	need(mio_waker_new(&w->waker, registry(w), 9) == 0, "waker");
}

/* As many as a registry has room for in itself. */
void
with_many_wakers(struct world *w)
{
	int i;

	for (i = 0; i < 16; i++)
		need(mio_waker_new(&w->others[i], registry(w), 9) == 0,
		    "wakers");
}

void
with_raw_socket(struct world *w)
{
	w->fd[0] = __real_socket(AF_INET, SOCK_DGRAM, 0);
	need(w->fd[0] != -1, "socket");
}

void
with_raw_pipe(struct world *w)
{
	need(__real_pipe(w->fd) == 0, "pipe");
}

#else

typedef int nothing_here;

#endif
