/* SPDX-License-Identifier: MIT */
/* libuv's uv_poll, which is level-triggered. */

#include "config.h"
#include "peer.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

bool peer_level = true;
static uv_loop_t loop;
static uv_poll_t **handles; /* by token */
static uv_async_t waker;

const char *
peer_version(void)
{
	return uv_version_string();
}

static void
check(int result, const char *what)
{
	bench_check(result != 0, what);
}

void
peer_open(const char *backend, size_t capacity, bool threads)
{
	(void)threads;
	if (strcmp(backend, "default") != 0)
		bench_skip("no such backend");
	handles = bench_alloc(capacity, sizeof(*handles));
	check(uv_loop_init(&loop), "uv_loop_init");
}

static void
on_poll(uv_poll_t *handle, int status, int events)
{
	if (status < 0 || events & UV_READABLE)
		work_ready((size_t)handle->data);
}

void
peer_change(size_t token, int fd, bool writable)
{
	int events = writable ? UV_READABLE | UV_WRITABLE : UV_READABLE;

	(void)fd;
	check(uv_poll_start(handles[token], events, on_poll), "uv_poll_start");
}

void
peer_add(size_t token, int fd, bool writable)
{
	if (handles[token] == NULL) {
		handles[token] = bench_alloc(1, sizeof(uv_poll_t));
		check(uv_poll_init(&loop, handles[token], fd), "uv_poll_init");
		handles[token]->data = (void *)token;
	}
	peer_change(token, fd, writable);
}

/* The handle stays, as a user would have it who watches again. */
void
peer_remove(size_t token, int fd)
{
	(void)fd;
	check(uv_poll_stop(handles[token]), "uv_poll_stop");
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

static void
on_close(uv_handle_t *handle)
{
	free(handle);
}

void
peer_close(size_t token, int fd)
{
	uv_close((uv_handle_t *)handles[token], on_close);
	handles[token] = NULL;
	close(fd);
}

void
peer_drained(size_t token, int fd)
{
	(void)token, (void)fd;
}

void
peer_run(void)
{
	uv_run(&loop, UV_RUN_DEFAULT);
}

void
peer_stop(void)
{
	uv_stop(&loop);
}

void
peer_turn(void)
{
	uv_run(&loop, UV_RUN_NOWAIT);
}

static void
on_async(uv_async_t *handle)
{
	work_ready((size_t)handle->data);
}

void
peer_add_waker(size_t token)
{
	check(uv_async_init(&loop, &waker, on_async), "uv_async_init");
	waker.data = (void *)token;
}

void
peer_wake(void)
{
	check(uv_async_send(&waker), "uv_async_send");
}
