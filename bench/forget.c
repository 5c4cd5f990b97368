/* SPDX-License-Identifier: MIT */
/*
 * forget TOKENS COUNT
 *
 * One wait brings COUNT events, each of another token (TOKENS is each) or all
 * of the same (one); of each event the token is forgotten.  Prints nothing: check-instructions counts what it does.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <mio.h>

_Noreturn static void
die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

/* A function of its own, which alone is counted. */
__attribute__((noinline)) void bench_forget(
    struct mio_events *events, size_t count, size_t step);

__attribute__((noinline)) void
bench_forget(struct mio_events *events, size_t count, size_t step)
{
	for (size_t i = 0; i < count; i++)
		mio_events_forget(events, i * step);
}

int
main(int argc, char **argv)
{
	struct mio_events *events;
	struct mio_poll *poll;
	struct rlimit limit;
	size_t count, step;
	int ends[2];

	if (argc != 3) {
		fputs("usage: forget each|one COUNT\n", stderr);
		return 2;
	}
	step = strcmp(argv[1], "each") == 0;
	count = strtoul(argv[2], NULL, 10);
	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		die("getrlimit");
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
		die("setrlimit");
	if (mio_poll_new(&poll) == -1 ||
	    mio_events_new(&events, count + 1) == -1 || pipe(ends) == -1)
		die("mio_poll_new");
	for (size_t i = 0; i < count; i++) {
		int fd = fcntl(ends[1], F_DUPFD_CLOEXEC, 0);

		if (fd == -1 ||
		    mio_registry_register_fd(
			mio_poll_registry(poll), fd, i * step,
			MIO_WRITABLE) == -1)
			die("mio_registry_register_fd");
	}
	if (mio_poll(poll, events, 0) != (int)count)
		die("mio_poll");
	bench_forget(events, count, step);
	MIO_EVENTS_FOREACH(event, events)
		die("an event is left");
	mio_events_free(events);
	mio_poll_free(poll);
	return EXIT_SUCCESS;
}
