/* SPDX-License-Identifier: MIT */
/*
 * churn INTERFACE COUNT
 *
 * Registers, reregisters and deregisters a pipe COUNT times.  INTERFACE is
 *
 *   epoll   epoll_ctl
 *   source  the mio_registry calls on a struct mio_source
 *   fd      the mio_registry calls on a descriptor
 *
 * Prints nothing: check-instructions counts what it does.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <mio.h>

/* The loops alike: none gets the registers of what another is inlined in. */
#define NOINLINE __attribute__((noinline))

static void
die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

NOINLINE static void
run_epoll(int ep, int fd, long count)
{
	struct epoll_event event;

	while (count-- > 0) {
		event.events = EPOLLET | EPOLLIN | EPOLLRDHUP;
		event.data.u64 = 1;
		if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event) == -1)
			die("epoll_ctl");
		event.events = EPOLLET | EPOLLIN | EPOLLOUT | EPOLLRDHUP;
		event.data.u64 = 2;
		if (epoll_ctl(ep, EPOLL_CTL_MOD, fd, &event) == -1 ||
		    epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL) == -1)
			die("epoll_ctl");
	}
}

NOINLINE static void
run_source(struct mio_registry *registry, struct mio_source *s, long count)
{
	while (count-- > 0)
		if (mio_registry_register(registry, s, 1, MIO_READABLE) == -1 ||
		    mio_registry_reregister(
			registry, s, 2, MIO_READABLE | MIO_WRITABLE) == -1 ||
		    mio_registry_deregister(registry, s) == -1)
			die("source");
}

NOINLINE static void
run_fd(struct mio_registry *registry, int fd, long count)
{
	while (count-- > 0)
		if (mio_registry_register_fd(
			registry, fd, 1, MIO_READABLE) == -1 ||
		    mio_registry_reregister_fd(
			registry, fd, 2, MIO_READABLE | MIO_WRITABLE) == -1 ||
		    mio_registry_deregister_fd(registry, fd) == -1)
			die("fd");
}

int
main(int argc, char **argv)
{
	struct mio_poll *poll;
	struct mio_source receiver, sender;
	long count;
	int ep = -1, fd;

	if (argc != 3) {
		fputs("usage: churn epoll|source|fd COUNT\n", stderr);
		return 2;
	}
	count = strtol(argv[2], NULL, 10);
	if (mio_poll_new(&poll) == -1 || mio_pipe_new(&receiver, &sender) == -1)
		die("mio_poll_new");
	fd = mio_source_handle(&receiver);
	if (strcmp(argv[1], "epoll") == 0) {
		ep = epoll_create1(EPOLL_CLOEXEC);
		if (ep == -1)
			die("epoll_create1");
		run_epoll(ep, fd, count);
		close(ep);
	} else if (strcmp(argv[1], "source") == 0)
		run_source(mio_poll_registry(poll), &receiver, count);
	else
		run_fd(mio_poll_registry(poll), fd, count);
	mio_source_close(&receiver);
	mio_source_close(&sender);
	mio_poll_free(poll);
	return EXIT_SUCCESS;
}
