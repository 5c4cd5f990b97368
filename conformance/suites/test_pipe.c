/* SPDX-License-Identifier: MIT */
/* Pipes. */

#include "config.h"

#include "harness.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RX = 1, TX = 2, BULK = 4 << 20 };

struct ends {
	struct loop loop;
	struct mio_source rx, tx;
};

static void
start(struct ends *p)
{
	struct mio_source fresh = MIO_SOURCE_INIT;

	loop_open(&p->loop);
	p->rx = p->tx = fresh;
	CHECK_INT(0, mio_pipe_new(&p->rx, &p->tx));
}

static void
watch(struct ends *p)
{
	CHECK_INT(0, mio_registry_register(p->loop.registry, &p->rx, RX, R));
	CHECK_INT(0, mio_registry_register(p->loop.registry, &p->tx, TX, W));
	WAIT(&p->loop, TX, W);
	CHECK_INT(0, p->loop.seen & (RC | WC | E));
	SETTLE(&p->loop);
}

static void
stop(struct ends *p)
{
	shut(&p->rx);
	shut(&p->tx);
	loop_close(&p->loop);
}

/* Pipes have no MSG_NOSIGNAL: their users ignore the signal. */
static void
ignore_sigpipe(void)
{
	ck_assert(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
}

TEST(pipe_ends_are_nonblocking_and_cloexec, "pipe-01 regr-23")
{
	struct mio_source rx = MIO_SOURCE_INIT, tx = MIO_SOURCE_INIT;

	CHECK_INT(0, mio_pipe_new(&rx, &tx));
	ck_assert(is_nonblocking(mio_source_handle(&rx)));
	ck_assert(is_nonblocking(mio_source_handle(&tx)));
	ck_assert(is_cloexec(mio_source_handle(&rx)));
	ck_assert(is_cloexec(mio_source_handle(&tx)));
	if (!pipe_is_two_way()) {
		CHECK_INT(O_RDONLY,
		    fcntl(mio_source_handle(&rx), F_GETFL) & O_ACCMODE);
		CHECK_INT(O_WRONLY,
		    fcntl(mio_source_handle(&tx), F_GETFL) & O_ACCMODE);
	}
	put(&tx, "through");
	expect(&rx, "through");
	shut(&rx);
	shut(&tx);
}

TEST(pipe_new_refuses_null, "pipe-01")
{
	struct mio_source out;
	unsigned char before[sizeof(out)];
	size_t fds = fds_count();

	memset(&out, 0x5a, sizeof(out));
	memcpy(before, &out, sizeof(out));
	CHECK_FAILS(EINVAL, mio_pipe_new(&out, NULL));
	CHECK_FAILS(EINVAL, mio_pipe_new(NULL, &out));
	CHECK_FAILS(EINVAL, mio_pipe_new(NULL, NULL));
	ck_assert_mem_eq(&out, before, sizeof(out));
	CHECK_INT(fds, fds_count());
}

TEST(pipe_smoke, "pipe-02")
{
	struct ends p;
	char buf[16];

	start(&p);
	CHECK_FAILS(EAGAIN, mio_source_read(&p.rx, buf, sizeof(buf)));
	watch(&p);
	put(&p.tx, "hello");
	WAIT(&p.loop, RX, R);
	CHECK_INT(0, p.loop.seen & (RC | WC | E));
	CHECK_INT(5, mio_source_read(&p.rx, buf, sizeof(buf)));
	ck_assert_mem_eq(buf, "hello", 5);
	CHECK_FAILS(EAGAIN, mio_source_read(&p.rx, buf, sizeof(buf)));
	/* For the writer each read may be a new edge (kqueue(2)). */
	CALM(&p.loop);
	put(&p.tx, "again");
	WAIT(&p.loop, RX, R);
	expect(&p.rx, "again");
	stop(&p);
}

TEST(pipe_writer_closed, "pipe-03 evt-17")
{
	struct ends p;
	char byte;

	start(&p);
	watch(&p);
	put(&p.tx, "x");
	WAIT(&p.loop, RX, R);
	CHECK_INT(1, drain(&p.rx));
	CHECK_INT(0, mio_source_close(&p.tx));
	CHECK_INT(1, loop_poll(&p.loop, 5 * MIO_SEC));
	/* Readable too: a loop that knows only that sees the end. */
	CHECK_INT(R | RC, loop_flags(&p.loop, RX) & (R | RC));
	CHECK_INT(0, mio_source_read(&p.rx, &byte, 1));
	/* OpenBSD says once more that it has ended. */
	CALM(&p.loop);
	stop(&p);
}

TEST(pipe_reader_closed, "pipe-04 pipe-06 evt-10")
{
	struct ends p;

	start(&p);
	watch(&p);
	CHECK_INT(0, mio_source_close(&p.rx));
	CHECK_INT(1, loop_poll(&p.loop, 5 * MIO_SEC));
	if (lone_error() != 0 && tells_ends())
		CHECK_INT(R | W | WC | E,
		    loop_flags(&p.loop, TX) & (R | W | WC | E));
	else
		CHECK_INT(W | WC, loop_flags(&p.loop, TX) & (W | WC));
	QUIET(&p.loop);
	stop(&p);
}

/* The kernel says nothing but error then. */
TEST(pipe_reader_of_a_full_pipe_closed, "pipe-06 regr-21 evt-08")
{
	struct ends p;

	start(&p);
	watch(&p);
	fill(&p.tx);
	WAIT(&p.loop, RX, R);
	QUIET(&p.loop);
	CHECK_INT(0, mio_source_close(&p.rx));
	WAIT(&p.loop, TX, (lone_error() != 0 ? R | E : 0) | W | WC);
	SETTLE(&p.loop);
	stop(&p);
}

TEST(pipe_registered_after_the_hang_up, "pipe-04 pipe-03 reg-23")
{
	struct ends p;

	start(&p);
	CHECK_INT(0, mio_source_close(&p.tx));
	CHECK_INT(0, mio_registry_register(p.loop.registry, &p.rx, RX, R));
	WAIT(&p.loop, RX, R | RC);
	stop(&p);
}

TEST(pipe_write_without_reader_is_epipe, "pipe-05")
{
	struct ends p;
	char a[] = "x";
	struct iovec iov[2] = { { a, 1 }, { a, 1 } };

	ignore_sigpipe();
	start(&p);
	watch(&p);
	CHECK_INT(0, mio_source_close(&p.rx));
	CHECK_FAILS(EPIPE, mio_source_write(&p.tx, "x", 1));
	CHECK_FAILS(EPIPE, mio_source_writev(&p.tx, iov, 2));
	stop(&p);
}

TEST(pipe_writable_again_when_drained, "pipe-07")
{
	struct ends p;
	size_t size;

	start(&p);
	watch(&p);
	size = fill(&p.tx);
	ck_assert_uint_ge(size, 4096);
	WAIT(&p.loop, RX, R);
	QUIET(&p.loop);
	for (int i = 0; i < 3; ++i) {
		CHECK_INT(size, drain(&p.rx));
		WAIT(&p.loop, TX, W);
		CHECK_INT(size, fill(&p.tx));
		WAIT(&p.loop, RX, R);
		QUIET(&p.loop);
	}
	stop(&p);
}

/* cat with its standard input and output as sources. */
static pid_t
start_cat(struct mio_source *to, struct mio_source *from)
{
	int in[2], out[2];
	pid_t pid;

	CHECK_INT(0, pipe(in));
	CHECK_INT(0, pipe(out));
	CHECK_CALL(fcntl(in[1], F_SETFD, FD_CLOEXEC));
	CHECK_CALL(fcntl(out[0], F_SETFD, FD_CLOEXEC));
	CHECK_CALL(pid = fork());
	if (pid == 0) {
		if (dup2(in[0], 0) == 0 && dup2(out[1], 1) == 1) {
			close(in[0]);
			close(out[1]);
#ifndef MIO_MINI /* which has no fork; some systems have no exec */
			execlp("cat", "cat", (char *)NULL);
#endif
		}
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	CHECK_INT(0, mio_source_from_fd(to, in[1]));
	CHECK_INT(0, mio_source_from_fd(from, out[0]));
	return pid;
}

static void
reap(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) == -1)
		ck_assert_int_eq(errno, EINTR);
	ck_assert(WIFEXITED(status));
	CHECK_INT(0, WEXITSTATUS(status));
}

TEST_NEEDS(pipe_of_a_child_process, "pipe-08 pipe-09", NEEDS_PROCESS)
{
	struct ends p;
	char buf[16];
	pid_t pid;

	start(&p);
	shut(&p.rx);
	shut(&p.tx);
	pid = start_cat(&p.tx, &p.rx);
	ck_assert(is_nonblocking(mio_source_handle(&p.tx)));
	ck_assert(is_nonblocking(mio_source_handle(&p.rx)));
	CHECK_FAILS(EAGAIN, mio_source_read(&p.rx, buf, sizeof(buf)));
	watch(&p);
	for (int i = 0; i < 2; ++i) {
		put(&p.tx, "meow");
		WAIT(&p.loop, RX, R);
		CHECK_INT(4, mio_source_read(&p.rx, buf, sizeof(buf)));
		ck_assert_mem_eq(buf, "meow", 4);
		CHECK_FAILS(EAGAIN, mio_source_read(&p.rx, buf, sizeof(buf)));
	}
	CHECK_INT(0, mio_source_close(&p.tx));
	WAIT(&p.loop, RX, R | RC);
	CHECK_INT(0, mio_source_read(&p.rx, buf, sizeof(buf)));
	reap(pid);
	stop(&p);
}

/* What from_fd sets stays set; into_fd gives it to the caller to undo. */
TEST(pipe_nonblocking_mode_of_a_wrapped_one, "pipe-09")
{
	struct mio_source rx = MIO_SOURCE_INIT;
	int fds[2], flags;
	char byte;

	CHECK_INT(0, pipe(fds));
	ck_assert(!is_nonblocking(fds[0]));
	CHECK_INT(0, mio_source_from_fd(&rx, fds[0]));
	ck_assert(is_nonblocking(fds[0]));
	ck_assert(!is_nonblocking(fds[1]));
	CHECK_FAILS(EAGAIN, mio_source_read(&rx, &byte, 1));
	CHECK_INT(fds[0], mio_source_into_fd(&rx));
	ck_assert(is_nonblocking(fds[0]));
	CHECK_CALL(flags = fcntl(fds[0], F_GETFL));
	CHECK_INT(0, fcntl(fds[0], F_SETFL, flags & ~O_NONBLOCK));
	ck_assert(!is_nonblocking(fds[0]));
	close(fds[0]);
	close(fds[1]);
}

TEST(pipe_closed_end_is_silent, "pipe-10 close-01")
{
	struct ends p;

	start(&p);
	watch(&p);
	put(&p.tx, "x");
	CHECK_INT(0, mio_source_close(&p.rx));
	NOTOK(&p.loop, RX);
	stop(&p);
	start(&p);
	watch(&p);
	CHECK_INT(0, mio_source_close(&p.tx));
	NOTOK(&p.loop, TX);
	stop(&p);
}

/* A duplicate keeps the file open, so deregister comes first. */
TEST(pipe_deregistered_before_close_with_a_duplicate, "pipe-10 fd-08")
{
	struct ends p;
	int copy;

	start(&p);
	watch(&p);
	CHECK_CALL(copy = dup(mio_source_handle(&p.rx)));
	CHECK_INT(0, mio_registry_deregister(p.loop.registry, &p.rx));
	CHECK_INT(0, mio_source_close(&p.rx));
	put(&p.tx, "x");
	NOTOK(&p.loop, RX);
	close(copy);
	stop(&p);
}

struct one_byte {
	char *buf;
	int calls;
};

static ssize_t
read_one(mio_handle fd, void *arg)
{
	struct one_byte *one = arg;

	one->calls++;
	return read(fd, one->buf, 1);
}

static ssize_t
write_page(mio_handle fd, void *arg)
{
	static const char page[4096];

	(void)arg;
	return write(fd, page, sizeof(page));
}

TEST(pipe_vectored_and_try_io, "pipe-11")
{
	struct ends p;
	char a[] = "abc", b[] = "defg", buf[8];
	struct iovec out[2] = { { a, 3 }, { b, 4 } };
	struct iovec in[2] = { { buf, 2 }, { buf + 2, 6 } };
	struct one_byte one = { buf, 0 };

	start(&p);
	watch(&p);
	for (int i = 0; i < 2; ++i) {
		memset(buf, 0x5a, sizeof(buf));
		CHECK_INT(7, mio_source_writev(&p.tx, out, 2));
		WAIT(&p.loop, RX, R);
		CHECK_INT(7, mio_source_readv(&p.rx, in, 2));
		ck_assert_mem_eq(buf, "abcdefg", 7);
		CHECK_INT(0x5a, buf[7]);
		CHECK_FAILS(EAGAIN, mio_source_readv(&p.rx, in, 2));
	}
	for (int i = 0; i < 2; ++i) {
		put(&p.tx, "x");
		WAIT(&p.loop, RX, R);
		CHECK_INT(1, mio_source_try_io(&p.rx, R, read_one, &one));
		CHECK_FAILS(
		    EAGAIN, mio_source_try_io(&p.rx, R, read_one, &one));
	}
	CHECK_INT(4, one.calls);
	for (int i = 0; i < 2; ++i) {
		while (mio_source_try_io(&p.tx, W, write_page, NULL) > 0)
			;
		ck_assert_int_eq(errno, EAGAIN);
		NOTOK(&p.loop, TX);
		drain(&p.rx);
		WAIT(&p.loop, TX, W);
	}
	stop(&p);
}

/* The calls that only sockets have say so. */
TEST(pipe_is_no_socket, "pipe-11")
{
	struct mio_source rx = MIO_SOURCE_INIT, tx = MIO_SOURCE_INIT;
	struct addr addr;
	char byte = 'x';
	int error;
	unsigned ttl;

	CHECK_INT(0, mio_pipe_new(&rx, &tx));
	addr.len = sizeof(addr.u);
	CHECK_FAILS(ENOTSOCK, mio_source_send(&tx, &byte, 1, 0));
	CHECK_FAILS(ENOTSOCK, mio_source_recv(&rx, &byte, 1, 0));
	CHECK_FAILS(ENOTSOCK, mio_source_shutdown(&tx, SHUT_WR));
	CHECK_FAILS(ENOTSOCK, mio_source_take_error(&rx, &error));
	CHECK_FAILS(ENOTSOCK,
	    mio_source_local_addr(&rx, &addr.u.any, &addr.len));
	CHECK_FAILS(
	    ENOTSOCK, mio_source_peer_addr(&rx, &addr.u.any, &addr.len));
	CHECK_FAILS2(ENOTSOCK, EAFNOSUPPORT, mio_source_ttl(&rx, &ttl));
	shut(&rx);
	shut(&tx);
}

/* Through one source each way, from threads that take turns with a poll. */
struct mover {
	const struct mio_source *source;
	size_t done;
	bool writes, right;
};

static void *
move(void *arg)
{
	struct mover *mover = arg;
	unsigned char buf[8192];
	const int64_t end = now_ns() + (int64_t)(30e9 * slowness());

	mover->right = true;
	while (mover->done < BULK && now_ns() < end) {
		ssize_t n;

		for (size_t i = 0; mover->writes && i < sizeof(buf); ++i)
			buf[i] = (unsigned char)((mover->done + i) % 251);
		n = mover->writes ?
		    mio_source_write(mover->source, buf, sizeof(buf)) :
		    mio_source_read(mover->source, buf, sizeof(buf));
		if (n == -1 && errno == EAGAIN) {
			pause_ms(1);
			continue;
		}
		if (n <= 0)
			break;
		for (ssize_t i = 0; !mover->writes && i < n; ++i)
			if (buf[i] !=
			    (unsigned char)((mover->done + (size_t)i) % 251))
				mover->right = false;
		mover->done += (size_t)n;
	}
	return NULL;
}

TEST_NEEDS(pipe_from_two_threads, "pipe-11 poll-27", NEEDS_THREADS)
{
	struct mover reader = { NULL, 0, false, false };
	struct mover writer = { NULL, 0, true, false };
	pthread_t threads[2];
	struct ends p;

	start(&p);
	watch(&p);
	reader.source = &p.rx;
	writer.source = &p.tx;
	threads[0] = thread_start(move, &reader);
	threads[1] = thread_start(move, &writer);
	for (int i = 0; i < 20; ++i)
		loop_poll(&p.loop, 5 * MIO_MSEC);
	thread_join(threads[1]);
	CHECK_INT(BULK, writer.done);
	thread_join(threads[0]);
	CHECK_INT(BULK, reader.done);
	ck_assert(reader.right);
	stop(&p);
}

/* A page at a time, on events alone. */
TEST(pipe_bulk_on_events, "pipe-07 pipe-02")
{
	struct ends p;
	size_t sent = 0, got = 0;
	bool readable = false, writable = true;
	const int64_t end = now_ns() + (int64_t)(20e9 * slowness());

	start(&p);
	watch(&p);
	while (got < BULK) {
		ck_assert_msg(now_ns() < end, "%zu of %d", got, BULK);
		if (writable && sent < BULK)
			sent += fill(&p.tx);
		writable = false;
		if (readable)
			got += drain(&p.rx);
		readable = false;
		loop_poll(&p.loop, 500 * MIO_MSEC);
		readable = (loop_flags(&p.loop, RX) & R) != 0;
		writable = (loop_flags(&p.loop, TX) & W) != 0;
		ck_assert_msg(readable || writable || got >= BULK,
		    "stuck at %zu of %zu", got, sent);
	}
	stop(&p);
}

TEST_NEEDS(pipe_across_fork, "pipe-12", NEEDS_PROCESS)
{
	struct ends p;
	char byte;
	pid_t pid;

	start(&p);
	CHECK_INT(0, mio_registry_register(p.loop.registry, &p.rx, RX, R));
	CHECK_CALL(pid = fork());
	if (pid == 0) {
		/* The child keeps one end and lets go of the rest. */
		if (mio_source_close(&p.rx) == -1)
			_exit(1);
		mio_poll_free(p.loop.poll);
		mio_events_free(p.loop.events);
		if (mio_source_write(&p.tx, "child", 5) != 5)
			_exit(2);
		_exit(mio_source_close(&p.tx) == 0 ? 0 : 3);
	}
	CHECK_INT(0, mio_source_close(&p.tx));
	reap(pid);
	WAIT(&p.loop, RX, R | RC);
	expect(&p.rx, "child");
	CHECK_INT(0, mio_source_read(&p.rx, &byte, 1));
	stop(&p);
}

SUITE(pipe, &pipe_ends_are_nonblocking_and_cloexec, &pipe_new_refuses_null,
    &pipe_smoke, &pipe_writer_closed, &pipe_reader_closed,
    &pipe_reader_of_a_full_pipe_closed, &pipe_registered_after_the_hang_up,
    &pipe_write_without_reader_is_epipe, &pipe_writable_again_when_drained,
    &pipe_of_a_child_process, &pipe_nonblocking_mode_of_a_wrapped_one,
    &pipe_closed_end_is_silent,
    &pipe_deregistered_before_close_with_a_duplicate,
    &pipe_vectored_and_try_io, &pipe_is_no_socket, &pipe_from_two_threads,
    &pipe_bulk_on_events, &pipe_across_fork);
