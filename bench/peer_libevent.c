/* SPDX-License-Identifier: MIT */
/*
 * libevent's persistent events, level-triggered as they are by default; with
 * its locks only where threads need them.
 */

#include "config.h"
#include "peer.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/thread.h>
#include <string.h>
#include <unistd.h>

bool peer_level = true;
static struct event_base *base;
static struct event *events; /* by token */
static struct event waker;

const char *
peer_version(void)
{
	return event_get_version();
}

static void
check(int result, const char *what)
{
	bench_check(result != 0, what);
}

void
peer_open(const char *backend, size_t capacity, bool threads)
{
	struct event_config *config = event_config_new();

	if (strcmp(backend, "default") == 0)
		backend = "epoll";
	bench_check(config == NULL, "event_config_new");
	for (const char **method = event_get_supported_methods();
	     *method != NULL; method++)
		if (strcmp(*method, backend) != 0)
			event_config_avoid_method(config, *method);
	if (threads)
		check(evthread_use_pthreads(), "evthread_use_pthreads");
	base = event_base_new_with_config(config);
	if (base == NULL)
		bench_skip("no such backend");
	event_config_free(config);
	events = bench_alloc(capacity, sizeof(*events));
}

static void
on_event(evutil_socket_t fd, short what, void *token)
{
	(void)fd;
	if (what & EV_READ)
		work_ready((size_t)token);
}

void
peer_add(size_t token, int fd, bool writable)
{
	short what = EV_READ | EV_PERSIST;

	if (writable)
		what |= EV_WRITE;
	check(event_assign(
		  &events[token], base, fd, what, on_event, (void *)token),
	    "event_assign");
	check(event_add(&events[token], NULL), "event_add");
}

void
peer_remove(size_t token, int fd)
{
	(void)fd;
	check(event_del(&events[token]), "event_del");
}

void
peer_change(size_t token, int fd, bool writable)
{
	peer_remove(token, fd);
	peer_add(token, fd, writable);
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
	/* With a waker alone there is nothing else to wait for. */
	event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
}

void
peer_stop(void)
{
	event_base_loopbreak(base);
}

void
peer_turn(void)
{
	event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

void
peer_add_waker(size_t token)
{
	check(
	    event_assign(&waker, base, -1, EV_PERSIST, on_event, (void *)token),
	    "event_assign");
}

void
peer_wake(void)
{
	event_active(&waker, EV_READ, 0);
}
