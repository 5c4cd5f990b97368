/* SPDX-License-Identifier: MIT */
/*
 * epoll(7) by hand: edge-triggered, as libmio uses it, or (backend `level`)
 * level-triggered.
 */

#include "config.h"
#include "peer.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

enum { NOTICED = EPOLLIN | EPOLLHUP | EPOLLERR };

bool peer_level;
static int ep, waker;
static size_t waker_token;
static uint32_t trigger;
static bool stopped, shorts;

const char *
peer_version(void)
{
	static struct utsname name;

	uname(&name);
	return name.release;
}

void
peer_open(const char *backend, size_t capacity, bool threads)
{
	(void)capacity, (void)threads;
	peer_level = strcmp(backend, "level") == 0;
	shorts = strcmp(backend, "short") == 0;
	if (!peer_level && !shorts && strcmp(backend, "default") != 0)
		bench_skip("no such backend");
	trigger = peer_level ? 0 : (uint32_t)EPOLLET;
	waker_token = SIZE_MAX;
	ep = epoll_create1(EPOLL_CLOEXEC);
	bench_check(ep == -1, "epoll_create1");
}

static void
control(int op, size_t token, int fd, uint32_t interests)
{
	struct epoll_event event = { .events = interests, .data.u64 = token };

	bench_check(epoll_ctl(ep, op, fd, &event) == -1, "epoll_ctl");
}

static uint32_t
interests(bool writable)
{
	return trigger | EPOLLIN | EPOLLRDHUP | (writable ? EPOLLOUT : 0);
}

void
peer_add(size_t token, int fd, bool writable)
{
	control(EPOLL_CTL_ADD, token, fd, interests(writable));
}

void
peer_change(size_t token, int fd, bool writable)
{
	control(EPOLL_CTL_MOD, token, fd, interests(writable));
}

void
peer_remove(size_t token, int fd)
{
	(void)token;
	bench_check(epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL) == -1, "epoll_ctl");
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
	(void)token;
	close(fd);
}

void
peer_drained(size_t token, int fd)
{
	(void)token, (void)fd;
}

__attribute__((always_inline)) static inline int
wait_for(struct epoll_event *events, int timeout, const struct timespec *fine)
{
#ifdef HAVE_EPOLL_PWAIT2
	if (fine != NULL)
		return epoll_pwait2(ep, events, PEER_BATCH, fine, NULL);
#endif
	(void)fine;
	return epoll_wait(ep, events, PEER_BATCH, timeout);
}

/* For edges it is what it would be without levels; so it is without `fine`. */
__attribute__((always_inline)) static inline void
turn(bool level, bool stops, int timeout, const struct timespec *fine)
{
	struct epoll_event events[PEER_BATCH];
	int n = wait_for(events, timeout, fine);
	uint64_t value;

	bench_check(n == -1 && errno != EINTR, "epoll_wait");
	for (int i = 0; i < n; i++) {
		size_t token = (size_t)events[i].data.u64;

		if (!(events[i].events & NOTICED))
			continue;
		if (level && token == waker_token)
			bench_check(read(waker, &value, sizeof(value)) !=
				sizeof(value),
			    "read");
		/* The end of a connection is told once, perhaps with data. */
		if (stops)
			peer_short = !(events[i].events & EPOLLRDHUP);
		work_ready(token);
	}
}

void
peer_run(void)
{
	stopped = false;
	if (peer_level)
		while (!stopped)
			turn(true, false, -1, NULL);
	else if (shorts)
		while (!stopped)
			turn(false, true, -1, NULL);
	else
		while (!stopped)
			turn(false, false, -1, NULL);
}

/* As who writes it by hand would: epoll_pwait2 where it is needed. */
void
peer_run_timed(int64_t timeout_ns)
{
	int ms = (int)((timeout_ns + 999999) / 1000000);

	stopped = false;
#ifdef HAVE_EPOLL_PWAIT2
	if (timeout_ns % 1000000 != 0) {
		struct timespec fine = { .tv_sec = timeout_ns / 1000000000,
			.tv_nsec = timeout_ns % 1000000000 };

		while (!stopped)
			turn(false, false, -1, &fine);
		return;
	}
#endif
	while (!stopped)
		turn(false, false, ms, NULL);
}

void
peer_stop(void)
{
	stopped = true;
}

void
peer_turn(void)
{
	if (peer_level)
		turn(true, false, 0, NULL);
	else
		turn(false, shorts, 0, NULL);
}

/* Each write is an edge, so there is no need to read it, but for a level. */
void
peer_add_waker(size_t token)
{
	waker = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	bench_check(waker == -1, "eventfd");
	waker_token = token;
	control(EPOLL_CTL_ADD, token, waker, trigger | EPOLLIN);
}

void
peer_wake(void)
{
	static const uint64_t one = 1;

	bench_check(write(waker, &one, sizeof(one)) != sizeof(one), "write");
}
