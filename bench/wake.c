/* SPDX-License-Identifier: MIT */
/*
 * wake WHAT COUNT
 *
 * Wakes COUNT times.  WHAT is
 *
 *   eventfd  a write to an eventfd, and a read of it after each
 *   idle     mio_waker_wake, with a mio_poll after each that takes the event
 *   pending  mio_waker_wake, with none, so all but the first are pending
 *
 * Prints nothing: check-instructions counts what bench_wake does.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <mio.h>

/* Not inlined nor cloned, so that the count can be switched by its name. */
__attribute__((noinline)) int bench_write(int fd);
__attribute__((noinline)) int bench_wake(struct mio_waker *waker);

int
bench_write(int fd)
{
	static const uint64_t one = 1;

	return write(fd, &one, sizeof one) == sizeof one ? 0 : -1;
}

int
bench_wake(struct mio_waker *waker)
{
	return mio_waker_wake(waker);
}

_Noreturn static void
die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

static void
with_eventfd(long count)
{
	uint64_t value;
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd == -1)
		die("eventfd");
	while (count-- > 0)
		if (bench_write(fd) == -1 ||
		    read(fd, &value, sizeof value) != sizeof value)
			die("eventfd");
	close(fd);
}

static void
with_mio(long count, int events_each)
{
	struct mio_poll *poll;
	struct mio_events *events;
	struct mio_waker *waker;

	if (mio_poll_new(&poll) == -1 || mio_events_new(&events, 8) == -1 ||
	    mio_waker_new(&waker, mio_poll_registry(poll), 0) == -1)
		die("mio_poll_new");
	while (count-- > 0) {
		if (bench_wake(waker) == -1)
			die("mio_waker_wake");
		if (events_each && mio_poll(poll, events, 0) != events_each)
			die("mio_poll");
	}
	if (!events_each && mio_poll(poll, events, 0) != 1)
		die("mio_poll");
	mio_waker_free(waker);
	mio_events_free(events);
	mio_poll_free(poll);
}

int
main(int argc, char **argv)
{
	long count;

	if (argc != 3) {
		fputs("usage: wake eventfd|idle|pending COUNT\n", stderr);
		return 2;
	}
	count = strtol(argv[2], NULL, 10);
	if (strcmp(argv[1], "eventfd") == 0)
		with_eventfd(count);
	else
		with_mio(count, strcmp(argv[1], "idle") == 0);
	return EXIT_SUCCESS;
}
