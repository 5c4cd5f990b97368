/* SPDX-License-Identifier: MIT */
/*
 * libmio: descriptors of the work are registered as they are, or as sources
 * if the backend is "sources", which is poll(2); connections are sources.
 */

#include "config.h"
#include "peer.h"

#include <errno.h>
#include <string.h>
#include <mio.h>

bool peer_level;
static struct mio_poll *the_poll;
static struct mio_registry *registry;
static struct mio_events *events;
static struct mio_waker *waker;
static struct mio_source *sources; /* by token */
static size_t source_count;
static bool stopped, rearms, as_sources;

const char *
peer_version(void)
{
	return mio_version();
}

void
peer_open(const char *backend, size_t capacity, bool threads)
{
	(void)threads;
	source_count = capacity;
	as_sources = strcmp(backend, "sources") == 0;
	if (as_sources)
		backend = "poll+eventfd";
	rearms = strncmp(backend, "poll", 4) == 0;
	if (strcmp(backend, "default") == 0)
		backend = NULL;
	if (mio_poll_new_backend(&the_poll, backend) == -1)
		bench_skip("no such backend");
	bench_check(
	    mio_events_new(&events, PEER_BATCH) == -1, "mio_events_new");
	registry = mio_poll_registry(the_poll);
}

static unsigned
interests(bool writable)
{
	return writable ? MIO_READABLE | MIO_WRITABLE : MIO_READABLE;
}

static struct mio_source *
source_of(size_t token)
{
	if (sources == NULL)
		sources = bench_alloc(source_count, sizeof(*sources));
	return &sources[token];
}

static void
add_source(struct mio_source *source, size_t token, unsigned wanted)
{
	bench_check(mio_registry_register(
			registry, source, token, wanted) == -1,
	    "mio_registry_register");
}

void
peer_add(size_t token, int fd, bool writable)
{
	if (as_sources) {
		bench_check(mio_source_from_fd(source_of(token), fd) == -1,
		    "mio_source_from_fd");
		add_source(source_of(token), token, interests(writable));
		return;
	}
	bench_check(mio_registry_register_fd(
			registry, fd, token, interests(writable)) == -1,
	    "mio_registry_register_fd");
}

void
peer_change(size_t token, int fd, bool writable)
{
	bench_check(mio_registry_reregister_fd(
			registry, fd, token, interests(writable)) == -1,
	    "mio_registry_reregister_fd");
}

void
peer_remove(size_t token, int fd)
{
	(void)token;
	bench_check(mio_registry_deregister_fd(registry, fd) == -1,
	    "mio_registry_deregister_fd");
}

int
peer_accept(size_t listener, int fd, size_t token)
{
	struct mio_source from = { fd, AF_INET, { NULL, NULL } };

	(void)listener;
	if (mio_source_accept(&from, source_of(token), NULL, NULL) == -1)
		return -1;
	add_source(source_of(token), token, MIO_READABLE);
	return mio_source_handle(source_of(token));
}

void
peer_close(size_t token, int fd)
{
	(void)fd;
	mio_source_close(&sources[token]);
}

/* mio_source_read would do so itself; epoll needs nothing of it. */
void
peer_drained(size_t token, int fd)
{
	(void)token;
	if (rearms)
		bench_check(
		    mio_registry_rearm_fd(registry, fd, MIO_READABLE) == -1,
		    "mio_registry_rearm_fd");
}

__attribute__((always_inline)) static inline void
turn(int64_t timeout)
{
	int n = mio_poll(the_poll, events, timeout);

	bench_check(n == -1 && errno != EINTR, "mio_poll");
	MIO_EVENTS_FOREACH (event, events) {
		if (!mio_event_is_readable(event))
			continue;
		/* The end of a connection is told once, perhaps with data. */
		peer_short = !mio_event_is_read_closed(event);
		work_ready(event->token);
	}
}

void
peer_run(void)
{
	stopped = false;
	while (!stopped)
		turn(MIO_FOREVER);
}

void
peer_run_timed(int64_t timeout_ns)
{
	stopped = false;
	while (!stopped)
		turn(timeout_ns);
}

void
peer_stop(void)
{
	stopped = true;
}

void
peer_turn(void)
{
	turn(0);
}

void
peer_add_waker(size_t token)
{
	bench_check(
	    mio_waker_new(&waker, registry, token) == -1, "mio_waker_new");
}

void
peer_wake(void)
{
	bench_check(mio_waker_wake(waker) == -1, "mio_waker_wake");
}
