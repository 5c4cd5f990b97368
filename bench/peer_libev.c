/* SPDX-License-Identifier: MIT */
/* libev's ev_io, which is level-triggered. */

#include "config.h"
#include "peer.h"

#include <ev.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool peer_level = true;
static struct ev_loop *loop;
static ev_io *watchers; /* by token */
static ev_async waker;

const char *
peer_version(void)
{
	static char version[32];

	snprintf(version, sizeof(version), "%d.%d", ev_version_major(),
	    ev_version_minor());
	return version;
}

void
peer_open(const char *backend, size_t capacity, bool threads)
{
	unsigned flags = EVFLAG_NOENV;

	(void)threads;
	if (strcmp(backend, "default") == 0)
		flags |= EVBACKEND_EPOLL;
	else if (strcmp(backend, "poll") == 0)
		flags |= EVBACKEND_POLL;
	else
		bench_skip("no such backend");
	watchers = bench_alloc(capacity, sizeof(*watchers));
	loop = ev_loop_new(flags);
	bench_check(loop == NULL, "ev_loop_new");
}

static void
on_io(struct ev_loop *unused, ev_io *io, int events)
{
	(void)unused;
	if (events & EV_READ)
		work_ready((size_t)io->data);
}

void
peer_add(size_t token, int fd, bool writable)
{
	ev_io *io = &watchers[token];

	ev_io_init(io, on_io, fd, writable ? EV_READ | EV_WRITE : EV_READ);
	io->data = (void *)token;
	ev_io_start(loop, io);
}

void
peer_remove(size_t token, int fd)
{
	(void)fd;
	ev_io_stop(loop, &watchers[token]);
}

void
peer_change(size_t token, int fd, bool writable)
{
	ev_io *io = &watchers[token];

	ev_io_stop(loop, io);
	ev_io_set(io, fd, writable ? EV_READ | EV_WRITE : EV_READ);
	ev_io_start(loop, io);
}

int
peer_accept(size_t listener, int fd, size_t token)
{
	int accepted = bench_accept(fd);

	(void)listener;
	if (accepted != -1)
		peer_add(token, accepted, false);
	return accepted;
}

void
peer_close(size_t token, int fd)
{
	peer_remove(token, fd);
	close(fd);
}

void
peer_drained(size_t token, int fd)
{
	(void)token, (void)fd;
}

void
peer_run(void)
{
	ev_run(loop, 0);
}

void
peer_stop(void)
{
	ev_break(loop, EVBREAK_ALL);
}

void
peer_turn(void)
{
	ev_run(loop, EVRUN_NOWAIT);
}

static void
on_async(struct ev_loop *unused, ev_async *async, int events)
{
	(void)unused, (void)events;
	work_ready((size_t)async->data);
}

void
peer_add_waker(size_t token)
{
	ev_async_init(&waker, on_async);
	waker.data = (void *)token;
	ev_async_start(loop, &waker);
}

void
peer_wake(void)
{
	ev_async_send(loop, &waker);
}
