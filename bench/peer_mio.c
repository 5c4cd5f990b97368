/* SPDX-License-Identifier: MIT */
/*
 * libmio: descriptors of the work are registered as they are, connections
 * are sources.
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
static struct mio_source *sources; /* of the connections */
static size_t source_count;
static bool stopped, rearms;

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

void
peer_add(size_t token, int fd, bool writable)
{
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
	if (sources == NULL)
		sources = bench_alloc(source_count, sizeof(*sources));
	if (mio_source_accept(&from, &sources[token], NULL, NULL) == -1)
		return -1;
	bench_check(mio_registry_register(
			registry, &sources[token], token, MIO_READABLE) == -1,
	    "mio_registry_register");
	return mio_source_handle(&sources[token]);
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
	MIO_EVENTS_FOREACH (event, events)
		if (mio_event_is_readable(event))
			work_ready(event->token);
}

void
peer_run(void)
{
	stopped = false;
	while (!stopped)
		turn(MIO_FOREVER);
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
