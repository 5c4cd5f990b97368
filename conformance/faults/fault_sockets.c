/* SPDX-License-Identifier: MIT */
/* Sockets and pipes made, taken over, asked, closed; limits. */

#include "config.h"

#ifdef __linux__

#include "fault.h"

static bool
sources_untouched(struct world *w)
{
	return memcmp(w->out, w->before, sizeof w->out) == 0;
}

/* Close-on-exec and non-blocking, whichever way it was made. */
static void
check_flags(const struct mio_source *source)
{
	mio_handle fd = mio_source_handle(source);

	CHECK((__real_fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	CHECK((__real_fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
}

static int
run_listen(struct world *w)
{
	w->addr.sin_port = 0;
	return mio_tcp_listen(
	    &w->out[0], (struct sockaddr *)&w->addr, sizeof w->addr);
}

static void
listen_works(struct world *w)
{
	struct mio_source s = MIO_SOURCE_INIT;
	socklen_t len = sizeof w->addr;

	check_flags(&w->out[0]);
	CHECK(mio_source_local_addr(
		  &w->out[0], (struct sockaddr *)&w->addr, &len) == 0);
	CHECK(mio_registry_register(
		  registry(w), &w->out[0], 3, MIO_READABLE) == 0);
	CHECK(mio_tcp_connect(
		  &w->client, (struct sockaddr *)&w->addr, len) == 0);
	CHECK(comes(w, 3, MIO_READABLE));
	CHECK(mio_source_accept(&w->out[0], &s, NULL, NULL) == 0);
	mio_source_close(&s);
	mio_source_close(&w->out[0]);
}

static int
run_connect(struct world *w)
{
	return mio_tcp_connect(
	    &w->out[0], (struct sockaddr *)&w->addr, sizeof w->addr);
}

static void
stream_works(struct world *w)
{
	check_flags(&w->out[0]);
	CHECK(mio_registry_register(
		  registry(w), &w->out[0], 4, MIO_WRITABLE) == 0);
	CHECK(comes(w, 4, MIO_WRITABLE));
	CHECK(mio_source_connect_result(&w->out[0]) == 0);
	CHECK(mio_source_write(&w->out[0], "x", 1) == 1);
	mio_source_close(&w->out[0]);
}

int
run_accept(struct world *w)
{
	return mio_source_accept(&w->listener, &w->out[0], NULL, NULL);
}

static int
run_pipe(struct world *w)
{
	return mio_pipe_new(&w->out[0], &w->out[1]);
}

static void
pipe_works(struct world *w)
{
	char c;

	check_flags(&w->out[0]);
	check_flags(&w->out[1]);
	CHECK(mio_source_read(&w->out[0], &c, 1) == -1 && errno == EAGAIN);
	CHECK(mio_source_write(&w->out[1], "x", 1) == 1);
	CHECK(mio_source_read(&w->out[0], &c, 1) == 1);
	mio_source_close(&w->out[0]);
	mio_source_close(&w->out[1]);
}

static int
run_from_fd(struct world *w)
{
	return mio_source_from_fd(&w->out[0], w->fd[0]);
}

static void
from_fd_works(struct world *w)
{
	char c;

	CHECK(mio_source_handle(&w->out[0]) == w->fd[0]);
	CHECK(mio_source_read(&w->out[0], &c, 1) == -1 && errno == EAGAIN);
	CHECK(mio_source_into_fd(&w->out[0]) == w->fd[0]);
}

/* The descriptor is still the caller's, and as it was. */
static bool
fd_untouched(struct world *w)
{
	return sources_untouched(w) &&
	    (__real_fcntl(w->fd[0], F_GETFL) & O_NONBLOCK) == 0;
}

static int
run_into_fd(struct world *w)
{
	w->fd[0] = mio_source_into_fd(&w->rx);
	return w->fd[0] == -1 ? -1 : 0;
}

static void
into_fd_works(struct world *w)
{
	CHECK(mio_source_handle(&w->rx) == MIO_INVALID_HANDLE);
	w->fd[1] = mio_source_into_fd(&w->tx);
	/* What epoll was prevented from removing, it still has. */
	if (strncmp(backend, "epoll", 5) == 0 && plan.fired &&
	    plan.wakes == NULL)
		return;
	CHECK(run_register_fd(w) == 0);
	fd_registered(w);
}

static void
with_stream(struct world *w)
{
	with_connection(w);
	need(mio_source_accept(&w->listener, &w->rx, NULL, NULL) == 0,
	    "accept");
	pair_registered(w);
}

static void
stream_is_whole(struct world *w)
{
	char c;

	CHECK(mio_source_write(&w->client, "x", 1) == 1);
	CHECK(comes(w, 8, MIO_READABLE));
	CHECK(mio_source_read(&w->rx, &c, 1) == 1);
}

static int
run_local_addr(struct world *w)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof addr;

	return mio_source_local_addr(&w->rx, (struct sockaddr *)&addr, &len);
}

static int
run_peer_addr(struct world *w)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof addr;

	return mio_source_peer_addr(&w->rx, (struct sockaddr *)&addr, &len);
}

static int
run_take_error(struct world *w)
{
	int error;

	return mio_source_take_error(&w->rx, &error);
}

static int
run_connect_result(struct world *w)
{
	return mio_source_connect_result(&w->client);
}

static int
run_set_nodelay(struct world *w)
{
	return mio_tcp_set_nodelay(&w->client, true);
}

static int
run_nodelay(struct world *w)
{
	bool on;

	return mio_tcp_nodelay(&w->client, &on);
}

static int
run_shutdown(struct world *w)
{
	return mio_source_shutdown(&w->client, SHUT_RD);
}

static int
run_udp_bind(struct world *w)
{
	w->addr.sin_port = 0;
	return mio_udp_bind(
	    &w->out[0], (struct sockaddr *)&w->addr, sizeof w->addr);
}

static void
udp_works(struct world *w)
{
	socklen_t len = sizeof w->addr;
	char c;

	check_flags(&w->out[0]);
	CHECK(mio_source_local_addr(
		  &w->out[0], (struct sockaddr *)&w->addr, &len) == 0);
	CHECK(mio_source_sendto(&w->out[0], "x", 1, 0,
		  (struct sockaddr *)&w->addr, len) == 1);
	CHECK(mio_source_recv(&w->out[0], &c, 1, 0) == 1);
	mio_source_close(&w->out[0]);
}

static void
with_udp(struct world *w)
{
	socklen_t len = sizeof w->addr;

	need(mio_udp_bind(&w->rx, (struct sockaddr *)&w->addr, len) == 0 &&
		mio_source_local_addr(
		    &w->rx, (struct sockaddr *)&w->addr, &len) == 0,
	    "udp");
	w->before[0] = w->rx;
}

/* To itself, so that it is connected again and again. */
static int
run_udp_connect(struct world *w)
{
	return mio_source_connect(
	    &w->rx, (struct sockaddr *)&w->addr, sizeof w->addr);
}

static void
udp_connected(struct world *w)
{
	char c;

	CHECK(mio_source_send(&w->rx, "x", 1, 0) == 1);
	CHECK(mio_source_recv(&w->rx, &c, 1, 0) == 1);
}

static int
run_pair(struct world *w)
{
	return mio_unix_pair(&w->out[0], &w->out[1]);
}

static int
run_parse(struct world *w)
{
	return mio_addr_parse(&w->new_addr, &w->new_len, "[fe80::1%lo]:80");
}

static bool
addr_untouched(struct world *w)
{
	return w->new_addr.ss_family == AF_UNSPEC && w->new_len == 0;
}

static void
addr_read(struct world *w)
{
	CHECK(w->new_addr.ss_family == AF_INET6);
	CHECK(w->new_len == sizeof(struct sockaddr_in6));
}

/* "*" and nothing are any address of IPv4 where there is no other. */
void
any_without_ipv6(void)
{
	struct sockaddr_storage addr;
	socklen_t len;

	doing = "mio_addr_parse";
	arm(CALL_socket, 1, EAFNOSUPPORT);
	errno = 4711;
	CHECK(mio_addr_parse(&addr, &len, "*:80") == 0);
	CHECK(errno == 4711);
	CHECK(addr.ss_family == AF_INET);
	CHECK(len == sizeof(struct sockaddr_in));
	/* That none can be had now does not say that there are none. */
	arm(CALL_socket, 1, EMFILE);
	CHECK(mio_addr_parse(&addr, &len, ":80") == 0);
	CHECK(addr.ss_family == AF_INET6);
	CHECK(len == sizeof(struct sockaddr_in6));
	disarm();
}

/* The descriptor and the registration are gone whatever close(2) says. */
void
failing_close(int err)
{
	struct world w;
	int fds, ret;

	doing = "mio_source_close";
	world_new(&w);
	with_registered(&w);
	fds = open_fds();
	arm(CALL_close, 1, err);
	ret = mio_source_close(&w.rx);
	plan.armed = false;
	CHECK(plan.fired);
	if (err == EINTR)
		CHECK(ret == 0);
	else
		CHECK(ret == -1 && errno == err);
	CHECK(open_fds() == fds - 1);
	CHECK(mio_source_handle(&w.rx) == MIO_INVALID_HANDLE);
	CHECK(mio_source_close(&w.rx) == -1 && errno == EBADF);
	mio_source_close(&w.tx);
	CHECK(mio_poll(w.poll, w.events, 0) == 0);
	with_registered(&w);
	w.left = 0;
	pair_works(&w);
	disarm();
	fired_ever |= BIT(close);
	world_free(&w);
}

/* It is still trying, which a signal in poll(2) does not change. */
void
interrupted_connect_result(void)
{
	struct world w;
	struct mio_source first = MIO_SOURCE_INIT;
	const struct sockaddr *addr;
	socklen_t len;

	doing = "mio_source_connect_result";
	world_new(&w);
	addr = (struct sockaddr *)&w.addr;
	len = sizeof w.addr;
	w.fd[0] = __real_socket(AF_INET, SOCK_STREAM, 0);
	need(w.fd[0] != -1 && __real_bind(w.fd[0], addr, len) == 0 &&
		__real_listen(w.fd[0], 0) == 0 &&
		__real_getsockname(
		    w.fd[0], (struct sockaddr *)&w.addr, &len) == 0,
	    "listener without a backlog");
	need(mio_tcp_connect(&first, addr, len) == 0, "connect");
	while (mio_source_connect_result(&first) == -1)
		need(errno == EINPROGRESS, "connect");
	need(mio_tcp_connect(&w.client, addr, len) == 0, "connect");
	CHECK(mio_source_connect_result(&w.client) == -1);
	CHECK(errno == EINPROGRESS);
	arm(CALL_poll, 1, EINTR);
	CHECK(mio_source_connect_result(&w.client) == -1);
	CHECK(errno == EINPROGRESS);
	CHECK(plan.fired);
	disarm();
	fired_ever |= BIT(poll);
	mio_source_close(&first);
	world_free(&w);
}

/* Valgrind plays the limit after the kernel has accepted. */
static bool
connection_is_lost(struct world *w)
{
	struct pollfd entry = { mio_source_handle(&w->listener), POLLIN, 0 };

	if (entry.fd == -1 || __real_poll(&entry, 1, 0) == 1)
		return false;
	fprintf(stderr, "note: accept(2) loses connections at the limit\n");
	return true;
}

/*
 * One descriptor more is allowed each time until the call gets through: it
 * fails with EMFILE before, whole.
 */
void
step_limit(const struct scenario *s)
{
	struct rlimit saved, limit;
	struct world w;
	int ret = -1, err, before, lowest, steps;
	long blocks;

	doing = s->name;
	need(getrlimit(RLIMIT_NOFILE, &saved) == 0, "getrlimit");
	world_new(&w);
	if (s->prepare != NULL)
		s->prepare(&w);
	lowest = dup(STDERR_FILENO);
	need(lowest != -1, "dup");
	close(lowest);
	before = open_fds();
	blocks = live_blocks;
	for (steps = 0; steps < 16; steps++) {
		limit = saved;
		limit.rlim_cur = (rlim_t)(lowest + steps);
		need(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
		errno = 0;
		ret = s->run(&w);
		err = errno;
		need(setrlimit(RLIMIT_NOFILE, &saved) == 0, "setrlimit");
		if (ret == 0)
			break;
		errno = err;
		CHECK(err == EMFILE);
		CHECK(s->untouched(&w));
		CHECK(open_fds() == before);
		CHECK(live_blocks == blocks);
		if (s->run == run_accept && connection_is_lost(&w)) {
			world_free(&w);
			return;
		}
	}
	CHECK(ret == 0);
	if (ret == 0)
		s->works(&w);
	/* Wakers and polls of poll(2) may share what is there already. */
	if (strncmp(backend, "epoll", 5) == 0 || s->run == run_listen ||
	    s->run == run_connect || s->run == run_accept ||
	    s->run == run_pipe)
		CHECK(steps > 0);
	world_free(&w);
}

/* The kernel gives 0 to who has closed its standard input. */
void
descriptor_zero(const struct scenario *s)
{
	const int before = open_fds();
	const long blocks = live_blocks;
	struct world w;

	doing = s->name;
	world_new(&w);
	if (s->prepare != NULL)
		s->prepare(&w);
	close(STDIN_FILENO);
	CHECK(s->run(&w) == 0);
	s->works(&w);
	world_free(&w);
	need(dup2(STDERR_FILENO, STDIN_FILENO) == STDIN_FILENO, "dup2");
	CHECK(open_fds() == before);
	CHECK(live_blocks == blocks);
}

#define WITH_STREAM(name, calls, retried)                                    \
	{                                                                     \
		"mio_" #name, with_stream, run_##name, source_untouched,     \
		    stream_is_whole, MUST(calls), .retries = (retried)        \
	}

const struct scenario sockets_scenarios[] = {
	{ "mio_tcp_listen", NULL, run_listen, sources_untouched, listen_works,
	    MAKES_SOCKET | LISTENS, MAKES_SOCKET_OLD | LISTENS,
	    .takes_fd = true },
	{ "mio_tcp_connect", with_listener, run_connect, sources_untouched,
	    stream_works, MAKES_SOCKET | BIT(connect),
	    MAKES_SOCKET_OLD | BIT(connect), .takes_fd = true,
	    .retries = BIT(connect) },
	{ "mio_udp_bind", NULL, run_udp_bind, sources_untouched, udp_works,
	    MAKES_SOCKET | BIT(bind), MAKES_SOCKET_OLD | BIT(bind),
	    .takes_fd = true },
	{ "mio_addr_parse", NULL, run_parse, addr_untouched, addr_read,
	    MUST(BIT(if_nametoindex)) },
	{ "mio_unix_pair", NULL, run_pair, sources_untouched, pipe_works,
	    MAKES_PAIR, MAKES_PAIR_OLD, .takes_fd = true },
	{ "mio_source_accept", with_connection, run_accept,
	    sources_untouched, stream_works, ACCEPTS, ACCEPTS_OLD,
	    .takes_fd = true },
	{ "mio_pipe_new", NULL, run_pipe, sources_untouched, pipe_works,
	    MAKES_PIPE, MAKES_PIPE_OLD, .takes_fd = true },
	{ "mio_source_from_fd of a socket", with_raw_socket, run_from_fd,
	    fd_untouched, from_fd_works, MUST(BIT(fcntl)),
	    .ignores = BIT(getsockopt) | BIT(fstat) },
	{ "mio_source_from_fd of a pipe", with_raw_pipe, run_from_fd,
	    fd_untouched, from_fd_works, MUST(BIT(fcntl)),
	    .ignores = BIT(getsockopt) | BIT(fstat) },
	{ "mio_source_into_fd", with_registered, run_into_fd, anything,
	    into_fd_works, .ignores = BIT(epoll_ctl) | BIT(fstat) },
	{ "mio_source_connect", with_udp, run_udp_connect, source_untouched,
	    udp_connected, MUST(BIT(connect)) },
	WITH_STREAM(local_addr, BIT(getsockname), 0),
	WITH_STREAM(peer_addr, BIT(getpeername), 0),
	WITH_STREAM(take_error, BIT(getsockopt), 0),
	WITH_STREAM(connect_result, BIT(getsockopt) | BIT(getpeername),
	    BIT(getpeername)),
	WITH_STREAM(set_nodelay, BIT(setsockopt), 0),
	WITH_STREAM(nodelay, BIT(getsockopt), 0),
	WITH_STREAM(shutdown, BIT(shutdown), 0),
	{ .name = NULL },
};

#else

typedef int nothing_here;

#endif
