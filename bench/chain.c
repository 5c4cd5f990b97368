/* SPDX-License-Identifier: MIT */
/*
 * chain INTERFACE BATCH COUNT
 *
 * Handles COUNT events of 100 pipes, BATCH of them (1 or 100) at each wait.
 * An event is answered with a read of one byte and a write of one byte,
 * which makes the next event.  INTERFACE is
 *
 *   epoll   epoll_wait, read and write
 *   mio     mio_poll, read and write
 *   source  mio_poll, mio_source_read and mio_source_write
 *
 * Prints nothing: check-instructions counts what it does.
 */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <mio.h>

enum { PIPES = 100 };

/* The loops alike: none gets the registers of what another is inlined in. */
#define NOINLINE __attribute__((noinline))

static struct mio_source receivers[PIPES], senders[PIPES];
static struct {
	int in;
	int out;
} pipes[PIPES];

_Noreturn static void
die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

NOINLINE static long
run_epoll(int ep, size_t batch, long count)
{
	struct epoll_event events[PIPES];
	size_t i;
	char byte;
	int n;

	while (count > 0) {
		n = epoll_wait(ep, events, PIPES, -1);
		if (n == -1)
			die("epoll_wait");
		count -= n;
		for (int k = 0; k < n; k++) {
			if (!(events[k].events & EPOLLIN))
				continue;
			i = (size_t)events[k].data.u64;
			if (read(pipes[i].in, &byte, 1) != 1 ||
			    write(pipes[(i + batch) % PIPES].out, &byte, 1) != 1)
				die("epoll");
		}
	}
	return count;
}

NOINLINE static long
run_mio(
    struct mio_poll *poll, struct mio_events *events, size_t batch, long count)
{
	size_t i;
	char byte;
	int n;

	while (count > 0) {
		n = mio_poll(poll, events, MIO_FOREVER);
		if (n == -1)
			die("mio_poll");
		count -= n;
		MIO_EVENTS_FOREACH(event, events) {
			if (!mio_event_is_readable(event))
				continue;
			i = event->token;
			if (read(pipes[i].in, &byte, 1) != 1 ||
			    write(pipes[(i + batch) % PIPES].out, &byte, 1) != 1)
				die("mio");
		}
	}
	return count;
}

NOINLINE static long
run_source(
    struct mio_poll *poll, struct mio_events *events, size_t batch, long count)
{
	size_t i;
	char byte;
	int n;

	while (count > 0) {
		n = mio_poll(poll, events, MIO_FOREVER);
		if (n == -1)
			die("mio_poll");
		count -= n;
		MIO_EVENTS_FOREACH(event, events) {
			if (!mio_event_is_readable(event))
				continue;
			i = event->token;
			if (mio_source_read(&receivers[i], &byte, 1) != 1 ||
			    mio_source_write(
				&senders[(i + batch) % PIPES], &byte, 1) != 1)
				die("source");
		}
	}
	return count;
}

static long
with_epoll(size_t batch, long count)
{
	struct epoll_event event;
	int ep = epoll_create1(EPOLL_CLOEXEC);

	if (ep == -1)
		die("epoll_create1");
	for (size_t i = 0; i < PIPES; i++) {
		event.events = EPOLLET | EPOLLIN | EPOLLRDHUP;
		event.data.u64 = i;
		if (epoll_ctl(ep, EPOLL_CTL_ADD, pipes[i].in, &event) == -1)
			die("epoll_ctl");
	}
	count = run_epoll(ep, batch, count);
	close(ep);
	return count;
}

static long
with_mio(size_t batch, long count, bool source)
{
	struct mio_poll *poll;
	struct mio_events *events;

	if (mio_poll_new(&poll) == -1 || mio_events_new(&events, PIPES) == -1)
		die("mio_poll_new");
	for (size_t i = 0; i < PIPES; i++)
		if (mio_registry_register(mio_poll_registry(poll),
			&receivers[i], i, MIO_READABLE) == -1)
			die("mio_registry_register");
	if (source)
		count = run_source(poll, events, batch, count);
	else
		count = run_mio(poll, events, batch, count);
	mio_events_free(events);
	mio_poll_free(poll);
	return count;
}

int
main(int argc, char **argv)
{
	size_t batch;
	long left;

	if (argc != 4) {
		fputs("usage: chain epoll|mio|source 1|100 COUNT\n", stderr);
		return 2;
	}
	batch = strtoul(argv[2], NULL, 10);
	left = strtol(argv[3], NULL, 10);
	if (batch < 1 || batch > PIPES)
		return 2;
	for (size_t i = 0; i < PIPES; i++) {
		if (mio_pipe_new(&receivers[i], &senders[i]) == -1)
			die("mio_pipe_new");
		pipes[i].in = mio_source_handle(&receivers[i]);
		pipes[i].out = mio_source_handle(&senders[i]);
		if (i < batch && write(pipes[i].out, "", 1) != 1)
			die("write");
	}
	if (strcmp(argv[1], "epoll") == 0)
		left = with_epoll(batch, left);
	else
		left = with_mio(batch, left, strcmp(argv[1], "source") == 0);
	for (size_t i = 0; i < PIPES; i++) {
		mio_source_close(&receivers[i]);
		mio_source_close(&senders[i]);
	}
	return left == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
