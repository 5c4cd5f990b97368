/* SPDX-License-Identifier: MIT */
/* Reading and writing, and less than was asked for. */

#include "config.h"

#ifdef __linux__

#include "fault.h"

static void
with_sockets(struct world *w)
{
	need(mio_unix_pair(&w->rx, &w->tx) == 0, "pair");
	pair_registered(w);
	w->left = 3;
}

void
with_pipes(struct world *w)
{
	with_pipe(w);
	pair_registered(w);
	w->left = 3;
}

void
with_data(struct world *w)
{
	with_sockets(w);
	need(mio_source_write(&w->tx, "abc", 3) == 3, "write");
	need(comes(w, 8, MIO_READABLE), "data");
	w->left = 0;
}

static bool
buffer_untouched(struct world *w)
{
	char same[sizeof w->buf];

	memset(same, UNTOUCHED, sizeof same);
	return source_untouched(w) && memcmp(w->buf, same, sizeof same) == 0;
}

static ssize_t
io_read(struct world *w, struct iovec *iov)
{
	return mio_source_read(&w->rx, iov->iov_base, iov->iov_len);
}

static ssize_t
io_readv(struct world *w, struct iovec *iov)
{
	return mio_source_readv(&w->rx, iov, 1);
}

static ssize_t
io_recv(struct world *w, struct iovec *iov)
{
	return mio_source_recv(&w->rx, iov->iov_base, iov->iov_len, 0);
}

static ssize_t
io_recvfrom(struct world *w, struct iovec *iov)
{
	return mio_source_recvfrom(
	    &w->rx, iov->iov_base, iov->iov_len, 0, NULL, NULL);
}

static ssize_t
io_recvmsg(struct world *w, struct iovec *iov)
{
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 1 };

	return mio_source_recvmsg(&w->rx, &msg, 0);
}

static ssize_t
io_write(struct world *w, struct iovec *iov)
{
	return mio_source_write(&w->tx, iov->iov_base, iov->iov_len);
}

static ssize_t
io_writev(struct world *w, struct iovec *iov)
{
	return mio_source_writev(&w->tx, iov, 1);
}

static ssize_t
io_send(struct world *w, struct iovec *iov)
{
	return mio_source_send(&w->tx, iov->iov_base, iov->iov_len, 0);
}

static ssize_t
io_sendto(struct world *w, struct iovec *iov)
{
	return mio_source_sendto(
	    &w->tx, iov->iov_base, iov->iov_len, 0, NULL, 0);
}

static ssize_t
io_sendmsg(struct world *w, struct iovec *iov)
{
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 1 };

	return mio_source_sendmsg(&w->tx, &msg, 0);
}

/* The first byte goes its way, then the others; nothing is lost or twice. */
void
short_io(const struct scenario *s)
{
	struct world w;
	char out[] = "abc", in[8] = "";
	const bool receives = s->prepare == with_data;
	char *at = receives ? in : out;
	struct iovec iov = { at, 3 };
	int call;

	doing = s->name;
	for (call = 0; (s->must >> call) != 1; call++)
		continue;
	world_new(&w);
	s->prepare(&w);
	arm((enum call)call, 1, 0);
	plan.shortens = true;
	CHECK(s->io(&w, &iov) == 1);
	CHECK(plan.fired);
	plan.armed = false;
	iov.iov_base = at + 1;
	iov.iov_len = 2;
	CHECK(s->io(&w, &iov) == 2);
	if (!receives)
		CHECK(mio_source_read(&w.rx, in, sizeof in) == 3);
	CHECK(memcmp(in, "abc", 3) == 0);
	w.left = 0;
	pair_works(&w);
	disarm();
	plan.shortens = false;
	world_free(&w);
}

#define RECEIVES(name, call)                                                 \
	{                                                                     \
		"mio_source_" #name, with_data, NULL, buffer_untouched,      \
		    pair_works, MUST(BIT(call)), .io = io_##name              \
	}
#define SENDS(name, prepare, call)                                           \
	{                                                                     \
		"mio_source_" #name, prepare, NULL, source_untouched,        \
		    pair_works, MUST(BIT(call)), .io = io_##name              \
	}

const struct scenario io_scenarios[] = {
	RECEIVES(read, read),
	RECEIVES(readv, readv),
	RECEIVES(recv, recv),
	RECEIVES(recvfrom, recvfrom),
	RECEIVES(recvmsg, recvmsg),
	SENDS(write, with_pipes, write),
	SENDS(writev, with_pipes, writev),
	SENDS(write, with_sockets, send),
	SENDS(writev, with_sockets, sendmsg),
	SENDS(send, with_sockets, send),
	SENDS(sendto, with_sockets, sendto),
	SENDS(sendmsg, with_sockets, sendmsg),
	{ .name = NULL },
};

#else

typedef int nothing_here;

#endif
