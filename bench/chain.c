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
 *   epoll:NANOSECONDS, mio:NANOSECONDS
 *           the same with a timeout, of which nothing is used up
 *
 * Prints nothing: check-instructions counts what it does.
 */

#include "config.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>
#include <mio.h>

enum { PIPES = 100 };

/* The loops alike: none gets the registers of what another is inlined in. */
#define NOINLINE __attribute__((noinline))
/* Without a timeout nothing of one is left in them. */
#define TEMPLATE static inline __attribute__((always_inline))

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

TEMPLATE int
wait_epoll(int ep, struct epoll_event *events, int64_t timeout)
{
#ifdef HAVE_EPOLL_PWAIT2
	if (timeout % MIO_MSEC != 0 && timeout > 0) {
		struct timespec time = { timeout / MIO_SEC, timeout % MIO_SEC };

		return epoll_pwait2(ep, events, PIPES, &time, NULL);
	}
#endif
	return epoll_wait(ep, events, PIPES,
	    timeout < 0 ? -1 : (int)(timeout / MIO_MSEC));
}

TEMPLATE long
loop_epoll(int ep, size_t batch, long count, int64_t timeout)
{
	struct epoll_event events[PIPES];
	size_t i;
	char byte;
	int n;

	while (count > 0) {
		n = wait_epoll(ep, events, timeout);
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
run_epoll(int ep, size_t batch, long count)
{
	return loop_epoll(ep, batch, count, -1);
}

NOINLINE static long
run_epoll_timed(int ep, size_t batch, long count, int64_t timeout)
{
	return loop_epoll(ep, batch, count, timeout);
}

TEMPLATE long
loop_mio(struct mio_poll *poll, struct mio_events *events, size_t batch,
    long count, int64_t timeout)
{
	size_t i;
	char byte;
	int n;

	while (count > 0) {
		n = mio_poll(poll, events, timeout);
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
run_mio(
    struct mio_poll *poll, struct mio_events *events, size_t batch, long count)
{
	return loop_mio(poll, events, batch, count, MIO_FOREVER);
}

NOINLINE static long
run_mio_timed(struct mio_poll *poll, struct mio_events *events, size_t batch,
    long count, int64_t timeout)
{
	return loop_mio(poll, events, batch, count, timeout);
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
with_epoll(size_t batch, long count, int64_t timeout)
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
	count = timeout < 0 ? run_epoll(ep, batch, count)
			    : run_epoll_timed(ep, batch, count, timeout);
	close(ep);
	return count;
}

static long
with_mio(size_t batch, long count, int64_t timeout, bool source)
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
	else if (timeout < 0)
		count = run_mio(poll, events, batch, count);
	else
		count = run_mio_timed(poll, events, batch, count, timeout);
	mio_events_free(events);
	mio_poll_free(poll);
	return count;
}

int
main(int argc, char **argv)
{
	int64_t timeout = MIO_FOREVER;
	const char *colon;
	size_t batch;
	long left;

	if (argc != 4) {
		fputs("usage: chain epoll|mio|source[:NANOSECONDS] 1|100 "
		      "COUNT\n",
		    stderr);
		return 2;
	}
	colon = strchr(argv[1], ':');
	if (colon != NULL)
		timeout = strtol(colon + 1, NULL, 10);
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
	if (strncmp(argv[1], "epoll", 5) == 0)
		left = with_epoll(batch, left, timeout);
	else
		left = with_mio(
		    batch, left, timeout, strcmp(argv[1], "source") == 0);
	for (size_t i = 0; i < PIPES; i++) {
		mio_source_close(&receivers[i]);
		mio_source_close(&senders[i]);
	}
	return left == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
