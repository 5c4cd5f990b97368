/* SPDX-License-Identifier: MIT */
/* Files of every kind.  What is in DO() is also in the programs printed. */

#include "config.h"
#include "fuzz.h"

#include <fcntl.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef HAVE_EVENTFD
#include <sys/eventfd.h>
#endif

bool
is_prompt(enum kind kind)
{
	return kind < TCP_ACCEPTED || kind == EVENTFD;
}

bool
is_socket(enum kind kind)
{
	return kind != PIPE_RECEIVER && kind != PIPE_SENDER && kind != EVENTFD;
}

bool
is_listener(enum kind kind)
{
	return kind == UNIX_LISTENER || kind == TCP_LISTENER;
}

bool
is_tcp(enum kind kind)
{
	return kind >= TCP_ACCEPTED && kind <= TCP_FAST;
}

bool
is_udp(enum kind kind)
{
	return kind == UDP || kind == UDP_QUEUE;
}

bool
is_connected(enum kind kind)
{
	return kind == TCP_ACCEPTED || kind == TCP_CONNECTED;
}

/* Small buffers fill up soon. */
static void
small(struct world *w, int fd)
{
	int size;

	LET(size, 8192);
	DO(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)));
	DO(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)));
}

static void
make_pipe(struct world *w, struct slot *s)
{
	struct mio_source in, out;

	MUST(DO(mio_pipe_new(&in, &out)) == 0);
#ifdef F_SETPIPE_SZ
	DO(fcntl(out.handle, F_SETPIPE_SZ, 8192));
#endif
	if (s->kind == PIPE_RECEIVER) {
		DO(s->source = in);
		DO(s->peer = mio_source_into_fd(&out));
	} else {
		DO(s->source = out);
		DO(s->peer = mio_source_into_fd(&in));
	}
}

static void
make_unix(struct world *w, struct slot *s)
{
	struct mio_source other;
	int fd;

	if (s->kind == UNIX_STREAM)
		MUST(DO(mio_unix_pair(&s->source, &other)) == 0);
	else
		MUST(DO(mio_unix_dgram_pair(&s->source, &other)) == 0);
	DO(s->peer = mio_source_into_fd(&other));
	DO(fd = s->source.handle);
	small(w, fd);
}

static const struct sockaddr_in loopback = {
	.sin_family = AF_INET,
	.sin_addr = { .s_addr = 0x0100007f },
};

static void
open_door(struct world *w)
{
	const struct sockaddr *any = (const void *)&loopback;

	if (w->door.handle < 0)
		MUST(DO(mio_tcp_listen(&w->door, any, sizeof(loopback))) == 0);
}

/* Bound, but nobody listens. */
static void
open_refuse(struct world *w)
{
	const struct sockaddr *any = (const void *)&loopback;

	if (w->refuse.handle >= 0)
		return;
	MUST(DO(mio_source_from_fd(
		 &w->refuse, socket(AF_INET, SOCK_STREAM, 0))) == 0);
	MUST(DO(bind(w->refuse.handle, any, sizeof(loopback))) == 0);
}

/* Who has connected to the door. */
static struct mio_source
let_in(struct world *w)
{
	struct pollfd door = { .fd = w->door.handle, .events = POLLIN };
	struct mio_source in;
	int fd;

	do
		poll(&door, 1, 10000);
	while (DO(mio_source_accept(&w->door, &in, NULL, NULL)) != 0);
	DO(fd = in.handle);
	small(w, fd);
	return in;
}

/* Not connected; with Fast Open it says it is. */
static void
make_late(struct world *w, struct slot *s)
{
	struct sockaddr_storage addr;
	struct mio_source in;
	socklen_t len;
	int fd;

	MUST(DO(mio_source_from_fd(
		 &s->source, socket(AF_INET, SOCK_STREAM, 0))) == 0);
	DO(fd = s->source.handle);
	small(w, fd);
#if defined(TCP_FASTOPEN_CONNECT) && defined(TCP_FASTOPEN_NO_COOKIE)
	if (s->kind == TCP_FAST) {
		int on;

		LET(on, 1);
		if (DO(setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on,
			sizeof(on))) == 0 &&
		    DO(setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, &on,
			sizeof(on))) == 0) {
			open_door(w);
			DO(len = sizeof(addr));
			DO(mio_source_local_addr(
			    &w->door, (struct sockaddr *)&addr, &len));
			if (DO(mio_source_connect(&s->source,
				(struct sockaddr *)&addr, len)) == 0)
				return;
			/* The system has it switched off. */
			s->kind = TCP_CONNECTED;
			in = let_in(w);
			DO(s->peer = mio_source_into_fd(&in));
			return;
		}
	}
#else
	(void)addr, (void)len, (void)in;
#endif
	s->kind = TCP_LATE;
}

int
connect_late(struct world *w, struct slot *s, int fd)
{
	struct sockaddr_storage addr;
	struct mio_source in;
	socklen_t len;
	int result;

	if (s->kind == TCP_FAST) {
		if (fd < 0)
			result =
			    (int)DO(mio_source_write(&s->source, "hello", 5));
		else
			result = (int)DO(write(fd, "hello", 5));
	} else {
		open_door(w);
		DO(len = sizeof(addr));
		DO(mio_source_local_addr(
		    &w->door, (struct sockaddr *)&addr, &len));
		if (fd < 0)
			result = DO(mio_source_connect(
			    &s->source, (struct sockaddr *)&addr, len));
		else
			result = DO(connect(fd, (struct sockaddr *)&addr, len));
	}
	if (result < 0)
		result = -errno;
	MUST(result >= 0 || result == -EINPROGRESS);
	s->kind = TCP_CONNECTED;
	in = let_in(w);
	DO(s->peer = mio_source_into_fd(&in));
	return result;
}

static void
make_tcp(struct world *w, struct slot *s)
{
	struct sockaddr_storage addr;
	socklen_t len;
	struct mio_source in, out;
	int fd;

	DO(len = sizeof(addr));
	if (s->kind == TCP_REFUSED) {
		open_refuse(w);
		DO(mio_source_local_addr(
		    &w->refuse, (struct sockaddr *)&addr, &len));
		MUST(DO(mio_tcp_connect(
			 &s->source, (struct sockaddr *)&addr, len)) == 0);
		return;
	}
	open_door(w);
	DO(mio_source_local_addr(&w->door, (struct sockaddr *)&addr, &len));
	MUST(DO(mio_tcp_connect(&out, (struct sockaddr *)&addr, len)) == 0);
	in = let_in(w);
	DO(fd = out.handle);
	small(w, fd);
	if (s->kind == TCP_ACCEPTED) {
		DO(s->source = in);
		DO(s->peer = mio_source_into_fd(&out));
	} else {
		DO(s->source = out);
		DO(s->peer = mio_source_into_fd(&in));
	}
}

static void
make_udp(struct world *w, struct slot *s)
{
	const struct sockaddr *any = (const void *)&loopback;
	struct sockaddr_storage addr;
	socklen_t len;
	struct mio_source other;

	MUST(DO(mio_udp_bind(&s->source, any, sizeof(loopback))) == 0);
	MUST(DO(mio_udp_bind(&other, any, sizeof(loopback))) == 0);
	DO(len = sizeof(addr));
	DO(mio_source_local_addr(&other, (struct sockaddr *)&addr, &len));
	DO(mio_source_connect(&s->source, (struct sockaddr *)&addr, len));
	DO(len = sizeof(addr));
	DO(mio_source_local_addr(&s->source, (struct sockaddr *)&addr, &len));
	DO(mio_source_connect(&other, (struct sockaddr *)&addr, len));
	DO(s->peer = mio_source_into_fd(&other));
#ifdef IP_RECVERR
	if (s->kind == UDP_QUEUE) {
		int fd, on;

		LET(on, 1);
		DO(fd = s->source.handle);
		DO(setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)));
	}
#endif
}

/* Of a pipe, as of a FIFO that has a name; -1 without /proc. */
static int
open_writer(int fd)
{
	char name[40];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	return open(name, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
}

void
reopen(struct world *w, struct slot *s, int fd)
{
	struct sockaddr_storage addr;
	struct mio_source other;
	socklen_t len;

	if (s->kind == PIPE_RECEIVER) {
		DO(s->peer = open_writer(fd));
		return;
	}
	DO(len = sizeof(addr));
	if (DO(getpeername(fd, (struct sockaddr *)&addr, &len)) != 0 ||
	    DO(mio_udp_bind(&other, (struct sockaddr *)&addr, len)) != 0)
		return;
	DO(len = sizeof(addr));
	DO(getsockname(fd, (struct sockaddr *)&addr, &len));
	DO(mio_source_connect(&other, (struct sockaddr *)&addr, len));
	DO(s->peer = mio_source_into_fd(&other));
}

static void
make_listener(struct world *w, struct slot *s)
{
	const struct sockaddr *any = (const void *)&loopback;
	struct sockaddr_un name;
	socklen_t len;

	if (s->kind == TCP_LISTENER) {
		MUST(
		    DO(mio_tcp_listen(&s->source, any, sizeof(loopback))) == 0);
		return;
	}
	/* Unnamed: a fresh abstract name. */
	MUST(DO(mio_unix_addr(&name, &len, "", 0)) == 0);
	MUST(DO(mio_unix_listen_addr(&s->source, &name, len)) == 0);
}

void
knock(struct world *w, struct slot *s)
{
	struct sockaddr_storage addr;
	struct mio_source out;
	socklen_t len;

	if (s->queued >= 6 || mio_source_handle(&s->source) < 0)
		return;
	DO(len = sizeof(addr));
	DO(mio_source_local_addr(&s->source, (struct sockaddr *)&addr, &len));
	if (s->kind == UNIX_LISTENER) {
		if (DO(mio_unix_connect_addr(
			&out, (struct sockaddr_un *)&addr, len)) != 0)
			return;
	} else if (DO(mio_tcp_connect(&out, (struct sockaddr *)&addr, len)) !=
		   0) {
		return;
	}
	DO(mio_source_close(&out));
	s->queued++;
}

void
make(struct world *w, struct slot *s, enum kind kind, bool raw)
{
	const struct mio_source none = MIO_SOURCE_INIT;

#ifndef HAVE_EVENTFD
	if (kind == EVENTFD)
		kind = PIPE_RECEIVER;
#endif
	memset(s, 0, sizeof(*s));
	s->source = none;
	s->fd = s->dup = s->peer = -1;
	s->kind = kind;
	switch (kind) {
	case UNIX_STREAM:
	case UNIX_DGRAM:
		make_unix(w, s);
		break;
	case PIPE_RECEIVER:
	case PIPE_SENDER:
		make_pipe(w, s);
		break;
	case TCP_ACCEPTED:
	case TCP_CONNECTED:
	case TCP_REFUSED:
		make_tcp(w, s);
		break;
	case TCP_LATE:
	case TCP_FAST:
		make_late(w, s);
		break;
	case UDP:
	case UDP_QUEUE:
		make_udp(w, s);
		break;
	case UNIX_LISTENER:
	case TCP_LISTENER:
		make_listener(w, s);
		return; /* never raw: knock wants its address */
#ifdef HAVE_EVENTFD
	case EVENTFD:
		MUST(DO(mio_source_from_fd(
			 &s->source, eventfd(0, EFD_CLOEXEC))) == 0);
		break;
#endif
	default:
		abort();
	}
	if (raw)
		DO(s->fd = mio_source_into_fd(&s->source));
}
