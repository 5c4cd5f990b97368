/* SPDX-License-Identifier: MIT */
/*
 * The same work as chain, by another library: compiled with WITH_LIBEV,
 * WITH_LIBEVENT or WITH_LIBUV by check-instructions --peers.
 *
 * peers BATCH COUNT
 */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PIPES = 100 };

static int in[PIPES], out[PIPES];
static size_t batch;
static long left;

static void
die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

/* Answers an event; nonzero once it was the last. */
static int
answer(size_t i)
{
	char byte;

	if (read(in[i], &byte, 1) != 1 ||
	    write(out[(i + batch) % PIPES], &byte, 1) != 1)
		die("peer");
	return --left <= 0;
}

#if defined WITH_LIBEV

#include <ev.h>

static void
on_event(struct ev_loop *loop, ev_io *io, int revents)
{
	if (revents & EV_READ && answer((size_t)(intptr_t)io->data))
		ev_break(loop, EVBREAK_ALL);
}

static void
run(void)
{
	static ev_io io[PIPES];
	struct ev_loop *loop = ev_loop_new(EVBACKEND_EPOLL);

	if (!loop)
		die("ev_loop_new");
	for (size_t i = 0; i < PIPES; i++) {
		ev_io_init(&io[i], on_event, in[i], EV_READ);
		io[i].data = (void *)i;
		ev_io_start(loop, &io[i]);
	}
	ev_run(loop, 0);
}

#elif defined WITH_LIBEVENT

#include <event2/event.h>

static struct event_base *base;

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	if (what & EV_READ && answer((size_t)arg))
		event_base_loopbreak(base);
}

static void
run(void)
{
	struct event *event;

	base = event_base_new();
	if (!base)
		die("event_base_new");
	for (size_t i = 0; i < PIPES; i++) {
		event = event_new(base, in[i], EV_READ | EV_PERSIST | EV_ET,
		    on_event, (void *)i);
		if (!event || event_add(event, NULL) == -1)
			die("event_new");
	}
	event_base_dispatch(base);
}

#elif defined WITH_LIBUV

#include <uv.h>

static void
on_event(uv_poll_t *handle, int status, int events)
{
	if (status == 0 && events & UV_READABLE && answer((size_t)handle->data))
		uv_stop(handle->loop);
}

static void
run(void)
{
	static uv_poll_t handles[PIPES];
	uv_loop_t *loop = uv_default_loop();

	if (!loop)
		die("uv_default_loop");
	for (size_t i = 0; i < PIPES; i++) {
		if (uv_poll_init(loop, &handles[i], in[i]) ||
		    uv_poll_start(&handles[i], UV_READABLE, on_event))
			die("uv_poll");
		handles[i].data = (void *)i;
	}
	uv_run(loop, UV_RUN_DEFAULT);
}

#endif

int
main(int argc, char **argv)
{
	int ends[2];

	if (argc != 3)
		return 2;
	batch = strtoul(argv[1], NULL, 10);
	left = strtol(argv[2], NULL, 10);
	for (size_t i = 0; i < PIPES; i++) {
		if (pipe(ends) == -1)
			die("pipe");
		in[i] = ends[0];
		out[i] = ends[1];
		if (i < batch && write(out[i], "", 1) != 1)
			die("write");
	}
	run();
	return left <= 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
