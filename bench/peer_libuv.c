/* SPDX-License-Identifier: MIT */
/*
 * libuv's uv_poll, which is level-triggered, or (backend `tcp`) connections
 * as its users mostly have them: uv_tcp, which reads by itself, here always
 * into the same buffer, and uv_try_write, which needs no request.
 */

#include "config.h"
#include "peer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

bool peer_level = true;
static uv_loop_t loop;
static void **handles; /* by token: of which kind libuv knows */
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

static void
send_tcp(size_t token, const char *data, size_t length)
{
	uv_buf_t buffer = { .base = (char *)(uintptr_t)data, .len = length };

	check(uv_try_write(handles[token], &buffer, 1) !=
		  (int)length,
	    "uv_try_write");
}

void
peer_open(const char *backend, size_t capacity, bool threads)
{
	(void)threads;
	if (strcmp(backend, "tcp") == 0)
		peer_send = send_tcp;
	else if (strcmp(backend, "default") != 0)
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
	check(uv_poll_start(handles[token], events, on_poll),
	    "uv_poll_start");
}

void
peer_add(size_t token, int fd, bool writable)
{
	if (handles[token] == NULL) {
		uv_poll_t *handle = bench_alloc(1, sizeof(*handle));

		check(uv_poll_init(&loop, handle, fd), "uv_poll_init");
		handle->data = (void *)token;
		handles[token] = handle;
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

static void
on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	static char data[4096];

	(void)handle, (void)suggested;
	*buffer = uv_buf_init(data, sizeof(data));
}

static void
on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer)
{
	bench_check(length < 0 && length != UV_EOF && length != UV_ECONNRESET,
	    "uv_read");
	if (length != 0)
		serve_data((size_t)stream->data, buffer->base,
		    length > 0 ? (size_t)length : 0);
}

static void
read_tcp(size_t token, int fd)
{
	uv_tcp_t *handle = bench_alloc(1, sizeof(*handle));

	check(uv_tcp_init(&loop, handle), "uv_tcp_init");
	check(uv_tcp_open(handle, fd), "uv_tcp_open");
	handle->data = (void *)token;
	handles[token] = handle;
	check(uv_read_start((uv_stream_t *)handle, on_alloc, on_read),
	    "uv_read_start");
}

/* The listener is polled in any case. */
int
peer_accept(size_t listener, int fd, size_t token)
{
	int accepted = bench_accept(fd);

	(void)listener;
	if (accepted != -1 && peer_send != NULL)
		read_tcp(token, accepted);
	else if (accepted != -1)
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
	/* uv_poll leaves the descriptor to its user. */
	bool mine = uv_handle_get_type(handles[token]) == UV_POLL;

	uv_close(handles[token], on_close);
	handles[token] = NULL;
	if (mine)
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
