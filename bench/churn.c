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

_Noreturn static void
die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

/* The results are looked at once, in all three alike. */

NOINLINE static int
run_epoll(int ep, int fd, long count)
{
	struct epoll_event event;
	int failed = 0;

	while (count-- > 0) {
		event.events = EPOLLET | EPOLLIN | EPOLLRDHUP;
		event.data.u64 = 1;
		failed |= epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event);
		event.events = EPOLLET | EPOLLIN | EPOLLOUT | EPOLLRDHUP;
		event.data.u64 = 2;
		failed |= epoll_ctl(ep, EPOLL_CTL_MOD, fd, &event);
		failed |= epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL);
	}
	return failed;
}

NOINLINE static int
run_source(struct mio_registry *registry, struct mio_source *s, long count)
{
	int failed = 0;

	while (count-- > 0) {
		failed |= mio_registry_register(registry, s, 1, MIO_READABLE);
		failed |= mio_registry_reregister(
		    registry, s, 2, MIO_READABLE | MIO_WRITABLE);
		failed |= mio_registry_deregister(registry, s);
	}
	return failed;
}

NOINLINE static int
run_fd(struct mio_registry *registry, int fd, long count)
{
	int failed = 0;

	while (count-- > 0) {
		failed |=
		    mio_registry_register_fd(registry, fd, 1, MIO_READABLE);
		failed |= mio_registry_reregister_fd(
		    registry, fd, 2, MIO_READABLE | MIO_WRITABLE);
		failed |= mio_registry_deregister_fd(registry, fd);
	}
	return failed;
}

int
main(int argc, char **argv)
{
	struct mio_poll *poll;
	struct mio_source receiver, sender;
	long count;
	int ep = -1, fd, failed;

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
		failed = run_epoll(ep, fd, count);
		close(ep);
	} else if (strcmp(argv[1], "source") == 0)
		failed = run_source(mio_poll_registry(poll), &receiver, count);
	else
		failed = run_fd(mio_poll_registry(poll), fd, count);
	if (failed)
		die(argv[1]);
	mio_source_close(&receiver);
	mio_source_close(&sender);
	mio_poll_free(poll);
	return EXIT_SUCCESS;
}
