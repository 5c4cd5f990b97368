/* SPDX-License-Identifier: MIT */
/*
 * idle INTERFACE IDLE COUNT
 *
 * Handles COUNT events of one pipe, while IDLE other descriptors that never
 * are ready are registered, too.  An event is answered with a read of one
 * byte and a write of one byte, which makes the next event.  INTERFACE is
 *
 *   epoll  epoll_wait, read and write
 *   mio    mio_poll, read and write
 *
 * Prints nothing: check-instructions counts what it does.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>
#include <mio.h>

enum { EVENTS = 100, ACTIVE = 1 };

/* The loops alike: none gets the registers of what another is inlined in. */
#define NOINLINE __attribute__((noinline))

_Noreturn static void
die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

NOINLINE static long
run_epoll(int ep, const int ends[2], long count)
{
	struct epoll_event events[EVENTS];
	char byte;
	int n;

	for (; count > 0; count--) {
		n = epoll_wait(ep, events, EVENTS, -1);
		if (n == -1)
			die("epoll_wait");
		for (int k = 0; k < n; k++)
			if ((events[k].events & EPOLLIN) &&
			    (read(ends[0], &byte, 1) != 1 ||
				write(ends[1], &byte, 1) != 1))
				die("epoll");
	}
	return count;
}

NOINLINE static long
run_mio(struct mio_poll *poll, struct mio_events *events, const int ends[2],
    long count)
{
	char byte;
	int n;

	for (; count > 0; count--) {
		n = mio_poll(poll, events, MIO_FOREVER);
		if (n == -1)
			die("mio_poll");
		MIO_EVENTS_FOREACH(event, events)
			if (mio_event_is_readable(event) &&
			    (read(ends[0], &byte, 1) != 1 ||
				write(ends[1], &byte, 1) != 1))
				die("mio");
	}
	return count;
}

static void
watch(struct mio_poll *poll, int ep, int fd, mio_token token)
{
	struct epoll_event event = { .events = EPOLLET | EPOLLIN | EPOLLRDHUP };

	event.data.u64 = token;
	if (ep != -1 ? epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event)
		     : mio_registry_register_fd(mio_poll_registry(poll), fd,
			       token, MIO_READABLE))
		die("watch");
}

int
main(int argc, char **argv)
{
	struct mio_poll *poll;
	struct mio_events *events;
	struct rlimit limit;
	int ends[2], quiet[2], ep = -1, fd;
	long idle, count;

	if (argc != 4) {
		fputs("usage: idle epoll|mio IDLE COUNT\n", stderr);
		return 2;
	}
	idle = strtol(argv[2], NULL, 10);
	count = strtol(argv[3], NULL, 10);
	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		die("getrlimit");
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
		die("setrlimit");
	if (mio_poll_new(&poll) == -1 || mio_events_new(&events, EVENTS) == -1 ||
	    pipe(ends) == -1 || pipe(quiet) == -1)
		die("mio_poll_new");
	if (strcmp(argv[1], "epoll") == 0) {
		ep = epoll_create1(EPOLL_CLOEXEC);
		if (ep == -1)
			die("epoll_create1");
	}
	watch(poll, ep, ends[0], ACTIVE);
	for (long i = 0; i < idle; i++) {
		fd = fcntl(quiet[0], F_DUPFD_CLOEXEC, 0);
		if (fd == -1)
			die("fcntl");
		watch(poll, ep, fd, 0);
	}
	if (write(ends[1], "", 1) != 1)
		die("write");
	if (ep != -1)
		count = run_epoll(ep, ends, count);
	else
		count = run_mio(poll, events, ends, count);
	mio_events_free(events);
	mio_poll_free(poll);
	return count == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
