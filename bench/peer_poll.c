/* SPDX-License-Identifier: MIT */
/* poll(2) by hand: an array, and the place of each token in it. */

#include "config.h"
#include "peer.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

bool peer_level = true;
static struct pollfd *polled;
static size_t *tokens, *places, count;
static int waker;
static size_t waker_token = SIZE_MAX;
static bool stopped;

const char *
peer_version(void)
{
	return "by hand";
}

void
peer_open(const char *backend, size_t capacity, bool threads)
{
	(void)backend, (void)threads;
	polled = bench_alloc(capacity, sizeof(*polled));
	tokens = bench_alloc(capacity, sizeof(*tokens));
	places = bench_alloc(capacity, sizeof(*places));
}

static short
mask(bool writable)
{
	return writable ? POLLIN | POLLOUT : POLLIN;
}

void
peer_add(size_t token, int fd, bool writable)
{
	polled[count].fd = fd;
	polled[count].events = mask(writable);
	polled[count].revents = 0;
	tokens[count] = token;
	places[token] = count++;
}

void
peer_change(size_t token, int fd, bool writable)
{
	(void)fd;
	polled[places[token]].events = mask(writable);
}

void
peer_remove(size_t token, int fd)
{
	size_t place = places[token];

	(void)fd;
	polled[place] = polled[--count];
	tokens[place] = tokens[count];
	places[tokens[place]] = place;
}

int
peer_accept(size_t listener, int fd, size_t token)
{
	int accepted = bench_accept(fd);

	(void)listener;
	if (accepted != -1)
		peer_add(token, accepted, false);
	return accepted;
}

void
peer_close(size_t token, int fd)
{
	peer_remove(token, fd);
	close(fd);
}

void
peer_drained(size_t token, int fd)
{
	(void)token, (void)fd;
}

static void
turn(int timeout)
{
	uint64_t value;
	int n = poll(polled, count, timeout);

	bench_check(n == -1 && errno != EINTR, "poll");
	/* What moves to another place meanwhile is found the next time. */
	for (size_t i = 0; n > 0 && i < count; i++) {
		if (polled[i].revents == 0)
			continue;
		n--;
		if (tokens[i] == waker_token &&
		    read(waker, &value, sizeof(value)) == -1)
			continue;
		if (polled[i].revents & (POLLIN | POLLHUP | POLLERR))
			work_ready(tokens[i]);
	}
}

void
peer_run(void)
{
	stopped = false;
	while (!stopped)
		turn(-1);
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
	waker = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	bench_check(waker == -1, "eventfd");
	waker_token = token;
	peer_add(token, waker, false);
}

void
peer_wake(void)
{
	static const uint64_t one = 1;

	bench_check(write(waker, &one, sizeof(one)) != sizeof(one), "write");
}
