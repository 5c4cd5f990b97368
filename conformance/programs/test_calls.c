/* SPDX-License-Identifier: MIT */
/*
 * What a steady state costs: no allocation, and no system call for a wake
 * that would repeat one still pending.  The program's own malloc and write
 * stand before the C library's, also for the shared libmio.
 */

#include "config.h"

#include <mio.h>
#include <sys/resource.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAVE_SANITIZER 1
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define HAVE_SANITIZER 1
#endif
#endif

#if !defined(__GLIBC__) || defined(HAVE_SANITIZER)

int
main(void)
{
	fprintf(stderr, "SKIP: needs a malloc that can be replaced\n");
	return 77;
}

#else

static unsigned long allocations, writes;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

void *
malloc(size_t size)
{
	++allocations;
	return __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
	++allocations;
	return __libc_calloc(count, size);
}

void *
realloc(void *old, size_t size)
{
	++allocations;
	return __libc_realloc(old, size);
}

ssize_t
write(int fd, const void *buf, size_t size)
{
	++writes;
	return syscall(SYS_write, fd, buf, size);
}

static int failures;

static void
must(bool condition, int line, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "test_calls:%d: %s: %s\n", line, what,
	    strerror(errno));
	exit(1);
}

#define MUST(condition) must((condition), __LINE__, #condition)

static void
expect(unsigned long got, unsigned long want, const char *backend,
    const char *what)
{
	if (got == want)
		return;
	fprintf(stderr, "test_calls: %s: %s: %lu instead of %lu\n", backend,
	    what, got, want);
	++failures;
}

struct world {
	struct mio_poll *poll;
	struct mio_registry *registry;
	struct mio_events *events;
	struct mio_waker *waker;
	struct mio_source listener;
	struct sockaddr_in addr;
};

enum { LISTENER, CLIENT, SERVER, WAKER };

/* Polls until `token` came; its flags. */
static unsigned
await(struct world *world, mio_token token, unsigned flags)
{
	unsigned seen = 0;

	for (int i = 0; (seen & flags) != flags; ++i) {
		MUST(i < 1000 &&
		    mio_poll(world->poll, world->events, 5 * MIO_SEC) > 0);
		MIO_EVENTS_FOREACH(event, world->events)
			if (event->token == token)
				seen |= event->readiness;
	}
	return seen;
}

/* One client's life, from accept to close, with all that I/O can be. */
static void
serve_one(struct world *world)
{
	struct mio_source client = MIO_SOURCE_INIT, server = MIO_SOURCE_INIT;
	char out[64] = "hello", in[64];
	struct iovec iov = { out, sizeof(out) };
	unsigned both = MIO_READABLE | MIO_WRITABLE;

	MUST(mio_tcp_connect(&client, (struct sockaddr *)&world->addr,
		 sizeof(world->addr)) == 0);
	MUST(mio_registry_register(world->registry, &client, CLIENT, both) ==
	    0);
	await(world, LISTENER, MIO_READABLE);
	MUST(mio_source_accept(&world->listener, &server, NULL, NULL) == 0);
	MUST(mio_source_accept(&world->listener, &server, NULL, NULL) == -1 &&
	    errno == EAGAIN);
	MUST(mio_registry_register(world->registry, &server, SERVER, both) ==
	    0);
	MUST(mio_source_write(&client, out, sizeof(out)) == sizeof(out));
	MUST(mio_source_writev(&client, &iov, 1) == sizeof(out));
	MUST(mio_source_send(&client, out, sizeof(out), 0) == sizeof(out));
	await(world, SERVER, MIO_READABLE);
	MUST(mio_source_read(&server, in, sizeof(in)) > 0);
	while (mio_source_read(&server, in, sizeof(in)) > 0)
		;
	MUST(errno == EAGAIN);
	MUST(mio_source_write(&server, out, sizeof(out)) == sizeof(out));
	await(world, CLIENT, MIO_READABLE);
	MUST(mio_source_recv(&client, in, sizeof(in), MSG_PEEK) > 0);
	MUST(mio_source_read(&client, in, sizeof(in)) > 0);
	MUST(mio_waker_wake(world->waker) == 0);
	await(world, WAKER, MIO_READABLE);
	MUST(mio_registry_reregister(
		 world->registry, &server, SERVER, MIO_WRITABLE) == 0);
	await(world, SERVER, MIO_WRITABLE);
	MUST(mio_registry_deregister(world->registry, &server) == 0);
	MUST(mio_registry_register_fd(world->registry,
		 mio_source_handle(&server), SERVER, MIO_READABLE) == 0);
	MUST(mio_registry_rearm_fd(world->registry,
		 mio_source_handle(&server), MIO_READABLE) == 0);
	MUST(mio_registry_deregister_fd(
		 world->registry, mio_source_handle(&server)) == 0);
	MUST(mio_poll(world->poll, world->events, MIO_USEC) >= 0);
	mio_registry_unref(mio_registry_ref(world->registry));
	MUST(mio_source_close(&client) == 0);
	MUST(mio_source_close(&server) == 0);
}

static void
open_world(struct world *world, const char *backend)
{
	static const struct mio_source none = MIO_SOURCE_INIT;
	socklen_t len = sizeof(world->addr);

	memset(world, 0, sizeof(*world));
	world->listener = none;
	MUST(mio_poll_new_backend(&world->poll, backend) == 0);
	world->registry = mio_poll_registry(world->poll);
	MUST(mio_events_new(&world->events, 16) == 0);
	MUST(mio_waker_new(&world->waker, world->registry, WAKER) == 0);
	world->addr.sin_family = AF_INET;
	world->addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	MUST(mio_tcp_listen(&world->listener, (struct sockaddr *)&world->addr,
		 sizeof(world->addr)) == 0);
	MUST(mio_source_local_addr(&world->listener,
		 (struct sockaddr *)&world->addr, &len) == 0);
	MUST(mio_registry_register(world->registry, &world->listener, LISTENER,
		 MIO_READABLE) == 0);
}

static void
close_world(struct world *world)
{
	MUST(mio_source_close(&world->listener) == 0);
	mio_waker_free(world->waker);
	mio_events_free(world->events);
	mio_poll_free(world->poll);
}

/* rows: lim-10 */
static void
steady_state_allocates_nothing(const char *backend)
{
	bool is_poll = strncmp(backend, "poll+", 5) == 0;
	struct world world;
	unsigned long before;

	open_world(&world, backend);
	/* poll(2) may grow its table once, at registration. */
	if (is_poll)
		serve_one(&world);
	before = allocations;
	for (int i = 0; i < 50; ++i)
		serve_one(&world);
	expect(allocations - before, 0, backend, "allocations in 50 turns");
	close_world(&world);
}

/* Where registering may allocate, waiting may not. */
static void
waiting_allocates_nothing(const char *backend)
{
	enum { PIPES = 100 };
	static struct mio_source in[PIPES], out[PIPES];
	struct world world;
	unsigned long before;
	size_t seen = 0;

	open_world(&world, backend);
	for (size_t i = 0; i < PIPES; ++i) {
		MUST(mio_pipe_new(&in[i], &out[i]) == 0);
		MUST(mio_registry_register(world.registry, &in[i], 10 + i,
			 MIO_READABLE) == 0);
		MUST(mio_source_write(&out[i], "x", 1) == 1);
		if (i % 10 != 9)
			continue;
		before = allocations;
		for (int n; (n = mio_poll(world.poll, world.events, 0)) > 0;)
			seen += (size_t)n;
		expect(allocations - before, 0, backend,
		    "allocations in mio_poll");
	}
	expect(seen, PIPES, backend, "events");
	for (size_t i = 0; i < PIPES; ++i) {
		MUST(mio_source_close(&in[i]) == 0);
		MUST(mio_source_close(&out[i]) == 0);
	}
	close_world(&world);
}

/* rows: wak-02 */
static void
repeated_wakes_are_free(const char *backend)
{
	/* Kqueue's own wakers write nothing, ever. */
	const unsigned long one = strstr(backend, "+user") == NULL;
	struct world world;
	unsigned long before;

	open_world(&world, backend);
	for (int round = 0; round < 5; ++round) {
		before = writes;
		for (int i = 0; i < 100; ++i)
			MUST(mio_waker_wake(world.waker) == 0);
		expect(writes - before, one, backend,
		    "write(2) calls of 100 wakes");
		await(&world, WAKER, MIO_READABLE);
		/* Delivered: the next one is a new one. */
		before = writes;
		MUST(mio_waker_wake(world.waker) == 0);
		expect(writes - before, one, backend,
		    "write(2) calls of the next wake");
		await(&world, WAKER, MIO_READABLE);
	}
	/* A poll with no events in between must not make it forget. */
	MUST(mio_poll(world.poll, world.events, 0) == 0);
	MUST(mio_waker_wake(world.waker) == 0);
	await(&world, WAKER, MIO_READABLE);
	close_world(&world);
}

/* Without another thread that waits, a registration kicks nobody. */
static void
registrations_write_nothing(const char *backend)
{
	struct world world;
	unsigned long before;
	int fds[2];

	open_world(&world, backend);
	MUST(pipe(fds) == 0);
	before = writes;
	for (int i = 0; i < 10; ++i) {
		MUST(mio_registry_register_fd(
			 world.registry, fds[0], 20, MIO_READABLE) == 0);
		MUST(mio_registry_reregister_fd(
			 world.registry, fds[0], 21, MIO_READABLE) == 0);
		MUST(mio_registry_deregister_fd(world.registry, fds[0]) == 0);
	}
	expect(writes - before, 0, backend, "write(2) calls to register");
	close(fds[0]);
	close(fds[1]);
	close_world(&world);
}

int
main(void)
{
	/* The counters count. */
	void *volatile block = malloc(1);
	struct rlimit limit;

	free(block);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 256) {
		fprintf(stderr, "SKIP: needs 256 descriptors: ulimit -n\n");
		return 77;
	}
	expect(allocations > 0, 1, "malloc", "not in our hands");
	for (const char *const *name = mio_backends(); *name != NULL;
	     ++name) {
		steady_state_allocates_nothing(*name);
		waiting_allocates_nothing(*name);
		repeated_wakes_are_free(*name);
		registrations_write_nothing(*name);
	}
	return failures > 0;
}

#endif
