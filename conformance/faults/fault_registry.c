/* SPDX-License-Identifier: MIT */
/* Registrations of sources and of descriptors. */

#include "config.h"

#ifdef __linux__

#include "fault.h"

static void
with_source(struct world *w)
{
	with_pipe(w);
	w->before[0] = w->rx;
}

static int
run_register(struct world *w)
{
	return mio_registry_register(registry(w), &w->rx, 6, MIO_READABLE);
}

static void
registered(struct world *w)
{
	CHECK(mio_source_write(&w->tx, "x", 1) == 1);
	CHECK(comes(w, 6, MIO_READABLE));
	CHECK(mio_registry_deregister(registry(w), &w->rx) == 0);
	CHECK(mio_registry_register(
		  registry(w), &w->rx, 6, MIO_READABLE) == 0);
}

bool
source_untouched(struct world *w)
{
	return memcmp(&w->rx, &w->before[0], sizeof w->rx) == 0;
}

void
with_registered(struct world *w)
{
	with_pipe(w);
	need(mio_registry_register(registry(w), &w->rx, 8, MIO_READABLE) == 0,
	    "register");
	w->before[0] = w->rx;
}

static int
run_reregister(struct world *w)
{
	return mio_registry_reregister(registry(w), &w->rx, 6, MIO_READABLE);
}

/* Token and interests are the old ones, and events come. */
static bool
still_registered(struct world *w)
{
	char c;

	return source_untouched(w) &&
	    mio_source_write(&w->tx, "x", 1) == 1 &&
	    comes(w, 8, MIO_READABLE) && mio_source_read(&w->rx, &c, 1) == 1 &&
	    mio_source_read(&w->rx, &c, 1) == -1 && errno == EAGAIN;
}

static void
with_raw_fd(struct world *w)
{
	with_raw_pipe(w);
}

int
run_register_fd(struct world *w)
{
	return mio_registry_register_fd(
	    registry(w), w->fd[0], 6, MIO_READABLE);
}

void
fd_registered(struct world *w)
{
	CHECK(__real_write(w->fd[1], "x", 1) == 1);
	CHECK(comes(w, 6, MIO_READABLE));
	CHECK(mio_registry_deregister_fd(registry(w), w->fd[0]) == 0);
}

static bool
fd_not_registered(struct world *w)
{
	return mio_registry_deregister_fd(registry(w), w->fd[0]) == -1 &&
	    errno == ENOENT;
}

/* With events of rx, which is or was registered as 8. */
void
pair_works(struct world *w)
{
	char buf[8];
	size_t got = 0;
	ssize_t n;

	while ((n = mio_source_read(&w->rx, buf, sizeof buf)) > 0)
		got += (size_t)n;
	CHECK(n == -1 && errno == EAGAIN);
	CHECK(got == w->left);
	CHECK(mio_source_write(&w->tx, "x", 1) == 1);
	CHECK(comes(w, 8, MIO_READABLE));
	CHECK(mio_source_read(&w->rx, buf, sizeof buf) == 1);
	CHECK(mio_source_read(&w->rx, buf, sizeof buf) == -1);
	CHECK(errno == EAGAIN);
}

void
pair_registered(struct world *w)
{
	need(mio_registry_register(registry(w), &w->rx, 8, MIO_READABLE) == 0,
	    "register");
	w->before[0] = w->rx;
}

static int
run_deregister(struct world *w)
{
	return mio_registry_deregister(registry(w), &w->rx);
}

static void
deregistered(struct world *w)
{
	CHECK(mio_source_write(&w->tx, "x", 1) == 1);
	CHECK(mio_registry_register(
		  registry(w), &w->rx, 6, MIO_READABLE) == 0);
	CHECK(comes(w, 6, MIO_READABLE));
}

static void
with_registered_fd(struct world *w)
{
	with_raw_pipe(w);
	need(mio_registry_register_fd(
		 registry(w), w->fd[0], 6, MIO_READABLE) == 0,
	    "register");
}

static int
run_reregister_fd(struct world *w)
{
	return mio_registry_reregister_fd(
	    registry(w), w->fd[0], 6, MIO_READABLE);
}

static int
run_rearm_fd(struct world *w)
{
	return mio_registry_rearm_fd(registry(w), w->fd[0], MIO_READABLE);
}

static bool
fd_still_registered(struct world *w)
{
	char c;

	return __real_write(w->fd[1], "x", 1) == 1 &&
	    comes(w, 6, MIO_READABLE) && __real_read(w->fd[0], &c, 1) == 1;
}

static int
run_deregister_fd(struct world *w)
{
	return mio_registry_deregister_fd(registry(w), w->fd[0]);
}

static void
fd_deregistered(struct world *w)
{
	CHECK(run_register_fd(w) == 0);
	fd_registered(w);
}

const struct scenario registry_scenarios[] = {
	{ "mio_registry_register", with_source, run_register,
	    source_untouched, registered, MUST(0) },
	{ "mio_registry_reregister", with_registered, run_reregister,
	    still_registered, registered, MUST(0) },
	{ "mio_registry_deregister", with_registered, run_deregister,
	    still_registered, deregistered, MUST(0) },
	{ "mio_registry_register_fd", with_raw_fd, run_register_fd,
	    fd_not_registered, fd_registered, MUST(0) },
	{ "mio_registry_reregister_fd", with_registered_fd,
	    run_reregister_fd, fd_still_registered, fd_registered, MUST(0) },
	{ "mio_registry_rearm_fd", with_registered_fd, run_rearm_fd,
	    fd_still_registered, fd_registered, MUST(0) },
	{ "mio_registry_deregister_fd", with_registered_fd,
	    run_deregister_fd, fd_still_registered, fd_deregistered, MUST(0) },
	{ .name = NULL },
};

#else

typedef int nothing_here;

#endif
