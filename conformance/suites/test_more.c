/* SPDX-License-Identifier: MIT */
/*
 * What public reports about other libraries showed, beyond the catalogue: a
 * state that can end is left, and what a call consumed is an edge again.
 * `rows` says what each row is.
 */

#include "config.h"

#include "harness.h"
#include "names.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sched.h>
#endif

enum { A = 1, B = 2 };

/* The same by a source and by its bare descriptor. */
static void
add(struct loop *loop, struct mio_source *source, bool raw, mio_token token,
    unsigned interests)
{
	CHECK_INT(0, raw ? mio_registry_register_fd(loop->registry,
			       mio_source_handle(source), token, interests)
			 : mio_registry_register(
			       loop->registry, source, token, interests));
}

static ssize_t
send_much(mio_handle fd, void *arg)
{
	static char buf[65536];

	(void)arg;
	return send(fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Writes to EAGAIN, of which both directions are told. */
static void
fill_both(struct loop *loop, const struct mio_source *source, bool raw)
{
	if (!raw) {
		while (mio_source_try_io(source, R | W, send_much, NULL) > 0)
			;
		ck_assert_int_eq(errno, EAGAIN);
		return;
	}
	while (send_much(mio_source_handle(source), NULL) > 0)
		;
	CHECK_INT(0, mio_registry_rearm_fd(
			 loop->registry, mio_source_handle(source), R | W));
}

static void
drain_until_writable(struct loop *loop, const struct mio_source *from)
{
	for (int i = 0; i < 100; ++i) {
		loop_poll(loop, 50 * MIO_MSEC);
		if (loop_flags(loop, A) & W)
			return;
		/* Without POLLRDHUP the end of the peer's data comes again. */
		ck_assert(loop_count(loop, A) == 0 || !tells_ends());
		drain(from);
	}
	ck_abort_msg("never writable again");
}

TEST(more_eagain_of_both_after_a_half_close, "more-01")
{
	for (int raw = 0; raw < 2; ++raw) {
		struct loop loop;
		struct pair pair;

		loop_open(&loop);
		PAIR(&pair);
		add(&loop, &pair.b, raw, A, R | W);
		put(&pair.a, "GET");
		CHECK_INT(0, mio_source_shutdown(&pair.a, SHUT_WR));
		WAIT(&loop, A, R | RC);
		await_fd(mio_source_handle(&pair.b), POLLIN);
		drain(&pair.b);
		SETTLE(&loop);
		fill_both(&loop, &pair.b, raw);
		drain_until_writable(&loop, &pair.a);
		pair_close(&pair);
		loop_close(&loop);
	}
}

#if defined(IP_RECVERR) && defined(LIKE_LINUX)
/* One datagram that nobody takes, and the answer to it. */
static void
be_refused(const struct mio_source *udp)
{
	struct mio_source gone;
	struct addr dead = dead_udp(&gone, AF_INET);

	CHECK_INT(1, mio_source_sendto(udp, "x", 1, 0, &dead.u.any, dead.len));
	await_fd(mio_source_handle(udp), 0);
	shut(&gone);
}

static int
events_within(struct loop *loop, const struct mio_source *udp, int ms)
{
	int64_t end = now_ns() + ms * MIO_MSEC, left;
	int events = 0;
	char c;

	while ((left = end - now_ns()) > 0) {
		int n = loop_poll(loop, left);

		events += n;
		if (n > 0)
			while (mio_source_recv(udp, &c, 1, 0) >= 0 ||
			       errno != EAGAIN)
				;
	}
	return events;
}

/* Reads the queue to its end. */
static int
read_errors(const struct mio_source *source)
{
	char data[64], control[256];
	struct iovec iov = { data, sizeof(data) };
	int n = 0;

	for (;;) {
		struct msghdr msg = { .msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control) };

		if (mio_source_recvmsg(source, &msg, MSG_ERRQUEUE) < 0)
			break;
		++n;
	}
	ck_assert_int_eq(errno, EAGAIN);
	return n;
}
#endif

TEST(more_error_queue_is_one_event, "more-02")
{
#if defined(IP_RECVERR) && defined(LIKE_LINUX)
	static const unsigned interests[] = { R, R | W };

	for (size_t i = 0; i < LEN(interests); ++i) {
		struct mio_source udp, peer;
		struct loop loop;
		struct addr addr;
		int on = 1;

		loop_open(&loop);
		addr = udp_open(&udp, AF_INET);
		udp_open(&peer, AF_INET);
		CHECK_INT(0, setsockopt(mio_source_handle(&udp), IPPROTO_IP,
				 IP_RECVERR, &on, sizeof(on)));
		add(&loop, &udp, false, A, interests[i]);
		be_refused(&udp);
		/* The queue outlives EAGAIN; that is no event each time. */
		ck_assert_int_lt(events_within(&loop, &udp, 300), 10);
		/* A datagram is, though nobody has read the queue. */
		CHECK_INT(1,
		    mio_source_sendto(&peer, "y", 1, 0, &addr.u.any, addr.len));
		WAIT(&loop, A, R);
		CHECK_INT(1, drain(&udp));
		/* Read to its end, the next error is. */
		CHECK_INT(1, read_errors(&udp));
		SETTLE(&loop);
		be_refused(&udp);
		WAIT(&loop, A, R | lone_error());
		CHECK_INT(1, read_errors(&udp));
		shut(&udp);
		shut(&peer);
		loop_close(&loop);
	}
#else
	SKIP("no error queue");
#endif
}

/* Ways to consume the error of a datagram sent before. */
static int
by_recv(const struct mio_source *udp)
{
	char c;

	return (int)mio_source_recv(udp, &c, 1, 0);
}

static int
by_read(const struct mio_source *udp)
{
	char c;

	return (int)mio_source_read(udp, &c, 1);
}

static int
by_recvfrom(const struct mio_source *udp)
{
	char c;

	return (int)mio_source_recvfrom(udp, &c, 1, 0, NULL, NULL);
}

static int
by_send(const struct mio_source *udp)
{
	return (int)mio_source_send(udp, "z", 1, 0);
}

static int
by_take_error(const struct mio_source *udp)
{
	int error = 0;

	CHECK_INT(0, mio_source_take_error(udp, &error));
	errno = error;
	return error != 0 ? -1 : 0;
}

static int
by_connect_result(const struct mio_source *udp)
{
	return mio_source_connect_result(udp);
}

TEST(more_consumed_error_is_followed_by_events, "more-03")
{
	static int (*const ways[])(const struct mio_source *) = { by_recv,
		by_read, by_recvfrom, by_send, by_take_error,
		by_connect_result };
	static const unsigned interests[] = { R, W, R | W };

	for (size_t i = 0; i < LEN(ways) * LEN(interests); ++i) {
		unsigned interest = interests[i % LEN(interests)];
		struct mio_source udp, peer, again;
		struct addr addr, dead;
		struct loop loop;

		/* An error is no room to write. */
		if (interest == W && !tells_ends())
			continue;
		loop_open(&loop);
		dead = udp_open(&peer, AF_INET);
		addr = udp_open(&udp, AF_INET);
		CHECK_INT(0, mio_source_connect(&udp, &dead.u.any, dead.len));
		add(&loop, &udp, false, A, interest);
		SETTLE(&loop);
		shut(&peer);
		CHECK_INT(1, mio_source_send(&udp, "x", 1, 0));
		WAIT(&loop, A, interest | lone_error());
		/* Who stops at the error has not seen EAGAIN. */
		CHECK_FAILS(ECONNREFUSED, ways[i / LEN(interests)](&udp));
		SETTLE(&loop);
		/* Another error is an event, ... */
		CHECK_INT(1, mio_source_send(&udp, "x", 1, 0));
		WAIT(&loop, A, interest | lone_error());
		CHECK_FAILS(ECONNREFUSED, ways[i / LEN(interests)](&udp));
		SETTLE(&loop);
		/* ... and so is a datagram. */
		if (interest & R) {
			CHECK_INT(
			    0, mio_udp_bind(&again, &dead.u.any, dead.len));
			CHECK_INT(1, mio_source_sendto(&again, "y", 1, 0,
					 &addr.u.any, addr.len));
			WAIT(&loop, A, R);
			CHECK_INT(1, drain(&udp));
			shut(&again);
		}
		shut(&udp);
		loop_close(&loop);
	}
}

TEST(more_urgent_byte_after_urgent_byte, "more-04")
{
	struct loop loop;
	struct pair pair;
	char c;

	if (!knows_priority())
		SKIP("no priority interest");
	loop_open(&loop);
	PAIR(&pair);
	add(&loop, &pair.b, false, A, P);
	for (int i = 0; i < 3; ++i) {
		CHECK_INT(1, mio_source_send(&pair.a, "!", 1, MSG_OOB));
		WAIT(&loop, A, P | R);
		CHECK_INT(1, mio_source_recv(&pair.b, &c, 1, MSG_OOB));
		CHECK_FAILS(EINVAL, mio_source_recv(&pair.b, &c, 1, MSG_OOB));
		QUIET(&loop);
	}
	/* By EAGAIN of both directions, too, whose end of file was told. */
	CHECK_INT(0,
	    mio_registry_reregister(loop.registry, &pair.b, A, P | R));
	CHECK_INT(1, mio_source_send(&pair.a, "!", 1, MSG_OOB));
	WAIT(&loop, A, P | R);
	CHECK_INT(1, mio_source_recv(&pair.b, &c, 1, MSG_OOB));
	CHECK_INT(0, mio_source_shutdown(&pair.b, SHUT_RD));
	WAIT(&loop, A, R | RC);
	fill_both(&loop, &pair.b, false);
	CHECK_INT(1, mio_source_send(&pair.a, "!", 1, MSG_OOB));
	WAIT(&loop, A, P | R);
	pair_close(&pair);
	loop_close(&loop);
}

#ifdef CLONE_NEWPID
/* Frees what it inherited, as pid 1. */
static void
init_frees(struct loop *loop, struct mio_waker *waker, struct pair *pair)
{
	mio_waker_free(waker);
	mio_source_close(&pair->b);
	mio_poll_free(loop->poll);
	_exit(getpid());
}

/* That its parent made, pid 1 too: what it has works afterwards. */
static int
container(struct loop *loop, struct mio_waker *waker, struct pair *pair)
{
	mio_token seen = 0;
	int status;
	pid_t pid;

	if (unshare(CLONE_NEWPID) == -1 || (pid = fork()) == -1)
		return 77;
	if (pid == 0)
		init_frees(loop, waker, pair);
	if (waitpid(pid, &status, 0) != pid || status != 1 << 8)
		return 1;
	if (mio_waker_wake(waker) != 0 ||
	    mio_source_write(&pair->a, "x", 1) != 1)
		return 2;
	while (seen != (A | B)) {
		if (mio_poll(loop->poll, loop->events, 5 * MIO_SEC) <= 0)
			return 3;
		MIO_EVENTS_FOREACH (event, loop->events)
			seen |= event->token;
	}
	return mio_registry_reregister(loop->registry, &pair->b, A, R) != 0;
}

/* In a process that is pid 1, and so are its children's. */
static int
outer_container(void)
{
	struct mio_waker *waker;
	struct loop loop;
	struct pair pair;

	if (getpid() != 1)
		return 77;
	loop_open(&loop);
	PAIR(&pair);
	if (mio_waker_new(&waker, loop.registry, B) != 0 ||
	    mio_registry_register(loop.registry, &pair.b, A, R) != 0)
		return 4;
	return container(&loop, waker, &pair);
}

/* Whose later threads and children would be in the namespace, too. */
static int
outside(void)
{
	int status;
	pid_t pid;

	if ((unshare(CLONE_NEWPID) == -1 &&
		unshare(CLONE_NEWUSER | CLONE_NEWPID) == -1) ||
	    (pid = fork()) == -1)
		return 77;
	if (pid == 0)
		_exit(outer_container());
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 5;
	return WEXITSTATUS(status);
}
#endif

/* A container's init that starts a container: both are number 1. */
TEST_NEEDS(more_child_of_the_same_number, "more-05", NEEDS_PROCESS)
{
#ifdef CLONE_NEWPID
	int status;
	pid_t pid;

	CHECK_CALL(pid = fork());
	if (pid == 0)
		_exit(outside());
	CHECK_INT(pid, waitpid(pid, &status, 0));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		SKIP("no pid namespace for this test, or none within one");
	ck_assert_int_eq(status, 0);
#else
	SKIP("no pid namespaces");
#endif
}

TEST(more_connect_result_of_a_fast_open, "more-06")
{
#if defined(TCP_FASTOPEN_CONNECT) && defined(TCP_FASTOPEN_NO_COOKIE) &&      \
    defined(LIKE_LINUX)
	struct mio_source listener, stream, served;
	struct addr addr = listen_on(&listener, AF_INET);
	struct loop loop;
	int on = 1, fd;

	CHECK_CALL(fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	CHECK_INT(0, mio_source_from_fd(&stream, fd));
	if (setsockopt(
		fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on)) == -1 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, &on,
		sizeof(on)) == -1 ||
	    mio_source_connect(&stream, &addr.u.any, addr.len) == -1) {
		shut(&stream);
		shut(&listener);
		SKIP("no TCP Fast Open for clients");
	}
	loop_open(&loop);
	add(&loop, &stream, false, A, R | W);
	WAIT(&loop, A, W);
	/* Nothing is sent yet; the first write connects. */
	CHECK_INT(0, mio_source_connect_result(&stream));
	CHECK_INT(5, mio_source_write(&stream, "hello", 5));
	accept_one(&listener, &served);
	expect(&served, "hello");
	put(&served, "you too");
	WAIT(&loop, A, R);
	expect(&stream, "you too");
	CHECK_INT(0, mio_source_connect_result(&stream));
	shut(&served);
	shut(&stream);
	shut(&listener);
	loop_close(&loop);
#else
	SKIP("no TCP_FASTOPEN_CONNECT");
#endif
}

/* What the system call makes of it, told by who is to get it. */
static int
arrived(const struct mio_source *from)
{
	struct pollfd fd = { .fd = mio_source_handle(from), .events = POLLIN };
	char c;

	if (poll(&fd, 1, 20) == 0)
		return 0;
	CHECK_INT(0, mio_source_recv(from, &c, 1, 0));
	return 1;
}

TEST(more_writev_of_nothing, "more-07")
{
	struct iovec none[2] = { { (char[1]){ 0 }, 0 }, { NULL, 0 } };
	struct mio_source udp[2], unix_[2];
	struct mio_source *const from[] = { &udp[0], &unix_[0] };
	struct mio_source *const to[] = { &udp[1], &unix_[1] };
	struct loop loop;
	struct pair pair;
	struct addr addr;

	loop_open(&loop);
	addr = udp_open(&udp[1], AF_INET);
	udp_open(&udp[0], AF_INET);
	CHECK_INT(0, mio_source_connect(&udp[0], &addr.u.any, addr.len));
	CHECK_INT(0, mio_unix_dgram_pair(&unix_[0], &unix_[1]));
	for (int registered = 0; registered < 2; ++registered) {
		for (size_t i = 0; i < LEN(from); ++i) {
			int fd = mio_source_handle(from[i]);

			if (registered)
				add(&loop, from[i], false, A + i, R | W);
			for (int count = 0; count < 3; ++count) {
				int theirs;

				CHECK_INT(0, writev(fd, none, count));
				theirs = arrived(to[i]);
				CHECK_INT(
				    0, mio_source_writev(from[i], none, count));
				ck_assert_int_eq(arrived(to[i]), theirs);
			}
			/* As a write of nothing does, which is a datagram. */
			CHECK_INT(0, mio_source_write(from[i], "", 0));
			ck_assert_int_eq(arrived(to[i]), 1);
			/* Valgrind looks for itself, and complains. */
			if (!under_valgrind())
				CHECK_FAILS(EFAULT,
				    mio_source_writev(from[i], NULL, 1));
		}
	}
	/* On a stream that takes no more as well. */
	PAIR(&pair);
	CHECK_INT(0, mio_source_shutdown(&pair.a, SHUT_WR));
	CHECK_INT(writev(mio_source_handle(&pair.a), none, 2),
	    mio_source_writev(&pair.a, none, 2));
	CHECK_FAILS(EPIPE, mio_source_write(&pair.a, "x", 1));
	pair_close(&pair);
	/* On one that is no connection at all. */
	CHECK_INT(0,
	    mio_source_from_fd(
		&pair.a, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)));
	CHECK_INT(writev(mio_source_handle(&pair.a), none, 2),
	    mio_source_writev(&pair.a, none, 2));
	shut(&pair.a);
	for (size_t i = 0; i < LEN(udp); ++i) {
		shut(&udp[i]);
		shut(&unix_[i]);
	}
	loop_close(&loop);
}

TEST(more_zeroed_source_is_closed, "more-08")
{
	static struct mio_source zeroed;
	static const struct mio_source untouched;
	struct mio_source other;
	int flags = fcntl(0, F_GETFD);
	struct iovec iov = { (char[1]){ 0 }, 1 };
	struct loop loop;
	char c = 0;
	int error = 0;

	loop_open(&loop);
	CHECK_FAILS(EBADF, mio_source_close(&zeroed));
	CHECK_FAILS(EBADF, mio_source_into_fd(&zeroed));
	CHECK_INT(MIO_INVALID_HANDLE, mio_source_handle(&zeroed));
	CHECK_FAILS(EBADF, mio_registry_register(loop.registry, &zeroed, A, R));
	CHECK_FAILS(
	    EBADF, mio_registry_reregister(loop.registry, &zeroed, A, R));
	CHECK_FAILS(EBADF, mio_registry_deregister(loop.registry, &zeroed));
	CHECK_FAILS(EBADF, mio_source_read(&zeroed, &c, 1));
	CHECK_FAILS(EBADF, mio_source_write(&zeroed, &c, 1));
	CHECK_FAILS(EBADF, mio_source_readv(&zeroed, &iov, 1));
	CHECK_FAILS(EBADF, mio_source_writev(&zeroed, &iov, 1));
	CHECK_FAILS(EBADF, mio_source_recv(&zeroed, &c, 1, 0));
	CHECK_FAILS(EBADF, mio_source_send(&zeroed, &c, 1, 0));
	CHECK_FAILS(EBADF, mio_source_shutdown(&zeroed, SHUT_RD));
	CHECK_FAILS(EBADF, mio_source_take_error(&zeroed, &error));
	CHECK_FAILS(EBADF, mio_source_connect_result(&zeroed));
	CHECK_FAILS(EBADF, mio_source_accept(&zeroed, &other, NULL, NULL));
	ck_assert_int_eq(memcmp(&zeroed, &untouched, sizeof(zeroed)), 0);
	ck_assert_int_eq(fcntl(0, F_GETFD), flags);
	loop_close(&loop);
}

TEST(more_path_descriptors_are_bad, "more-09")
{
#ifdef O_PATH
	static const char *const names[] = { "/", "/etc/passwd", "/dev/null" };
	struct loop loop;

	loop_open(&loop);
	for (size_t i = 0; i < LEN(names); ++i) {
		int fd = open(names[i], O_PATH | O_CLOEXEC);

		CHECK_CALL(fd);
		CHECK_FAILS(
		    EBADF, mio_registry_register_fd(loop.registry, fd, A, R));
		CHECK_FAILS(
		    EBADF, mio_registry_reregister_fd(loop.registry, fd, A, R));
		if (!raw_is_lenient())
			CHECK_FAILS(EBADF,
			    mio_registry_deregister_fd(loop.registry, fd));
		close(fd);
	}
	loop_close(&loop);
#else
	SKIP("no O_PATH");
#endif
}

TEST(more_raw_socket_connected_after_its_registration, "more-10")
{
	static const unsigned told[] = { 0, W, R };

	for (size_t i = 0; i < LEN(told); ++i) {
		struct mio_source listener, served;
		struct addr addr = listen_on(&listener, AF_INET);
		struct loop loop;
		int fd;

		loop_open(&loop);
		CHECK_CALL(fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
		CHECK_CALL(fcntl(fd, F_SETFL, O_NONBLOCK));
		CHECK_INT(
		    0, mio_registry_register_fd(loop.registry, fd, A, R | W));
		SETTLE(&loop);
		if (connect(fd, &addr.u.any, addr.len) == -1) {
			ck_assert_int_eq(errno, EINPROGRESS);
			/* R: as after a read in vain. */
			if (told[i] != 0)
				CHECK_INT(0, mio_registry_rearm_fd(
						 loop.registry, fd, told[i]));
		}
		WAIT(&loop, A, W);
		accept_one(&listener, &served);
		put(&served, "x");
		WAIT(&loop, A, R);
		shut(&served);
		shut(&listener);
		close(fd);
		loop_close(&loop);
	}
}

/* A hang-up that is over, which no call of the program ended. */
TEST(more_fifo_that_is_opened_again, "more-11")
{
	char name[] = "/tmp/mio-fifo-XXXXXX", path[80];
	struct loop loop;
	int in, out;

	ck_assert_ptr_nonnull(mkdtemp(name));
	snprintf(path, sizeof(path), "%s/fifo", name);
	CHECK_INT(0, mkfifo(path, 0600));
	loop_open(&loop);
	CHECK_CALL(in = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
	CHECK_INT(0, mio_registry_register_fd(loop.registry, in, A, R));
	for (int i = 0; i < 3; ++i) {
		CHECK_CALL(out = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC));
		put_fd(out, "hello");
		WAIT(&loop, A, R);
		CHECK_INT(5, drain_fd(loop.registry, in));
		close(out);
		WAIT(&loop, A, R | RC);
		CHECK_INT(0, drain_fd(loop.registry, in));
		QUIET(&loop);
	}
	close(in);
	unlink(path);
	rmdir(name);
	loop_close(&loop);
}

struct reader {
	ssize_t (*call)(const struct mio_source *source, void *buf, size_t len);
};

static ssize_t
read_it(const struct mio_source *source, void *buf, size_t len)
{
	return mio_source_read(source, buf, len);
}

static ssize_t
readv_it(const struct mio_source *source, void *buf, size_t len)
{
	struct iovec iov[2] = { { buf, 1 }, { (char *)buf + 1, len - 1 } };

	return mio_source_readv(source, iov, 2);
}

static ssize_t
recv_it(const struct mio_source *source, void *buf, size_t len)
{
	return mio_source_recv(source, buf, len, 0);
}

static ssize_t
write_it(const struct mio_source *source, void *buf, size_t len)
{
	return mio_source_write(source, buf, len);
}

static ssize_t
writev_it(const struct mio_source *source, void *buf, size_t len)
{
	struct iovec iov[2] = { { buf, 1 }, { (char *)buf + 1, len - 1 } };

	return mio_source_writev(source, iov, 2);
}

static ssize_t
send_it(const struct mio_source *source, void *buf, size_t len)
{
	return mio_source_send(source, buf, len, 0);
}

TEST(more_short_read_counts_as_eagain, "more-12")
{
	static const struct reader readers[] = { { read_it }, { readv_it },
		{ recv_it } };
	static const int families[] = { AF_INET, AF_INET6 };
	char buf[64];

	for (size_t i = 0; i < LEN(readers) * LEN(families); ++i) {
		struct loop loop;
		struct pair pair;

		if (families[i % 2] == AF_INET6 && !have_ipv6())
			continue;
		loop_open(&loop);
		pair_open(&pair, families[i % 2]);
		add(&loop, &pair.b, false, A, R | W);
		WAIT(&loop, A, W);
		for (int round = 0; round < 3; ++round) {
			put(&pair.a, "hello");
			WAIT(&loop, A, R);
			CHECK_INT(
			    5, readers[i / 2].call(&pair.b, buf, sizeof(buf)));
			QUIET(&loop);
		}
		/* A full one says nothing of what is left. */
		put(&pair.a, "hello");
		WAIT(&loop, A, R);
		CHECK_INT(3, readers[i / 2].call(&pair.b, buf, 3));
		QUIET(&loop);
		CHECK_INT(2, readers[i / 2].call(&pair.b, buf, 3));
		/* Its end is announced, or found by the next read. */
		CHECK_INT(0, mio_source_shutdown(&pair.a, SHUT_WR));
		WAIT(&loop, A, R | RC);
		CHECK_INT(0, readers[i / 2].call(&pair.b, buf, sizeof(buf)));
		QUIET(&loop);
		pair_close(&pair);
		loop_close(&loop);
	}
}

TEST(more_short_write_counts_as_eagain, "more-13")
{
	static const struct reader writers_[] = { { write_it }, { writev_it },
		{ send_it } };
	static char buf[8 << 20];

	for (size_t i = 0; i < LEN(writers_); ++i) {
		struct loop loop;
		struct pair pair;
		ssize_t n;

		loop_open(&loop);
		PAIR(&pair);
		add(&loop, &pair.a, false, A, R | W);
		WAIT(&loop, A, W);
		n = writers_[i].call(&pair.a, buf, sizeof(buf));
		ck_assert_int_gt(n, 0);
		ck_assert_int_lt(n, (ssize_t)sizeof(buf));
		drain_until_writable(&loop, &pair.b);
		pair_close(&pair);
		loop_close(&loop);
	}
}

/* Of a stream that hears of its zero-copy sends by its error queue. */
TEST(more_writable_beside_unread_completions, "more-14")
{
#if defined(SO_ZEROCOPY) && defined(MSG_ZEROCOPY) && defined(LIKE_LINUX)
	static char buf[65536];

	for (int raw = 0; raw < 2; ++raw) {
		struct loop loop;
		struct pair pair;
		int on = 1;

		loop_open(&loop);
		PAIR(&pair);
		if (setsockopt(mio_source_handle(&pair.b), SOL_SOCKET,
			SO_ZEROCOPY, &on, sizeof(on)) == -1) {
			pair_close(&pair);
			loop_close(&loop);
			SKIP("no SO_ZEROCOPY");
		}
		add(&loop, &pair.b, raw, A, R | W);
		CHECK_INT(sizeof(buf),
		    mio_source_send(&pair.b, buf, sizeof(buf), MSG_ZEROCOPY));
		while (drain(&pair.a) == 0)
			;
		WAIT(&loop, A, W);
		SETTLE(&loop);
		fill_both(&loop, &pair.b, raw);
		QUIET(&loop);
		drain_until_writable(&loop, &pair.a);
		CHECK_INT(1, read_errors(&pair.b));
		fill_both(&loop, &pair.b, raw);
		drain_until_writable(&loop, &pair.a);
		pair_close(&pair);
		loop_close(&loop);
	}
#else
	SKIP("no MSG_ZEROCOPY");
#endif
}

SUITE(more, &more_eagain_of_both_after_a_half_close,
    &more_error_queue_is_one_event, &more_consumed_error_is_followed_by_events,
    &more_urgent_byte_after_urgent_byte, &more_child_of_the_same_number,
    &more_connect_result_of_a_fast_open, &more_writev_of_nothing,
    &more_zeroed_source_is_closed, &more_path_descriptors_are_bad,
    &more_raw_socket_connected_after_its_registration,
    &more_fifo_that_is_opened_again, &more_short_read_counts_as_eagain,
    &more_short_write_counts_as_eagain,
    &more_writable_beside_unread_completions);
