/* SPDX-License-Identifier: MIT */
/* Unix domain streams and their listeners. */

#include "config.h"

#include "harness.h"
#include "names.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { LISTENER = 1, CLIENT, SERVER };

#define PATH "socket"

/* A listener at PATH, a connection to it, all of it unregistered. */
struct link {
	struct mio_source l, c, s;
};

static struct name
accept_named(const struct mio_source *listener, struct mio_source *stream)
{
	struct mio_source fresh = MIO_SOURCE_INIT;
	struct name name;

	*stream = fresh;
	memset(&name, 0x5a, sizeof(name));
	name.len = sizeof(name.addr);
	await_fd(mio_source_handle(listener), POLLIN);
	CHECK_INT(0,
	    mio_source_accept(listener, stream,
		(struct sockaddr *)&name.addr, &name.len));
	return name;
}

static void
link_open(struct link *link)
{
	struct link fresh = { MIO_SOURCE_INIT, MIO_SOURCE_INIT,
		MIO_SOURCE_INIT };

	*link = fresh;
	dir_open();
	CHECK_INT(0, mio_unix_listen(&link->l, PATH));
	CHECK_INT(0, mio_unix_connect(&link->c, PATH));
	accept_named(&link->l, &link->s);
	await_fd(mio_source_handle(&link->c), POLLOUT);
	CHECK_INT(0, mio_source_connect_result(&link->c));
}

static void
link_close(struct link *link)
{
	shut(&link->s);
	shut(&link->c);
	shut(&link->l);
	dir_close();
}

/* The path, and nothing that follows it. */
static void
is_path(const struct name *name, const char *path)
{
	size_t len = strlen(path);

	CHECK_INT(AF_UNIX, name->addr.sun_family);
	ck_assert_msg((size_t)name->len == PATH_OFFSET + len,
	    "the address has %u bytes, the path %zu", (unsigned)name->len,
	    len);
	ck_assert_mem_eq(name->addr.sun_path, path, len);
}

static void
no_error(const struct mio_source *source)
{
	int error = -1;

	CHECK_INT(0, mio_source_take_error(source, &error));
	CHECK_INT(0, error);
}

static void
is_fresh(const struct mio_source *source)
{
	ck_assert(is_nonblocking(mio_source_handle(source)));
	ck_assert(is_cloexec(mio_source_handle(source)));
	no_error(source);
}

static void
listener_smoke(struct mio_source *l)
{
	struct mio_source c = MIO_SOURCE_INIT, s = MIO_SOURCE_INIT;
	struct loop loop;
	char byte;

	loop_open(&loop);
	is_fresh(l);
	CHECK_INT(
	    0, mio_registry_register(loop.registry, l, LISTENER, R | W));
	QUIET(&loop);
	CHECK_FAILS(EAGAIN, mio_source_accept(l, &s, NULL, NULL));
	CHECK_INT(0, mio_unix_connect(&c, PATH));
	WAIT(&loop, LISTENER, R);
	CHECK_INT(0, mio_source_accept(l, &s, NULL, NULL));
	is_fresh(&s);
	CHECK_FAILS(EAGAIN, mio_source_read(&s, &byte, 1));
	byte = '!';
	CHECK_FAILS(EAGAIN, mio_source_accept(l, &s, NULL, NULL));
	put(&c, "hello");
	await_fd(mio_source_handle(&s), POLLIN);
	expect(&s, "hello");
	no_error(l);
	shut(&s);
	shut(&c);
	shut(l);
	loop_close(&loop);
}

TEST(uds_listener, "uds-01 uds-02")
{
	struct mio_source l = MIO_SOURCE_INIT;

	dir_open();
	CHECK_INT(0, mio_unix_listen(&l, PATH));
	listener_smoke(&l);
	dir_close();
}

TEST(uds_listener_taken_over, "uds-01 uds-02")
{
	struct mio_source l = MIO_SOURCE_INIT;
	struct name name;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK_CALL(fd);
	dir_open();
	name = path_name(PATH);
	CHECK_INT(0, bind(fd, (struct sockaddr *)&name.addr, name.len));
	CHECK_INT(0, listen(fd, 8));
	CHECK_INT(0, mio_source_from_fd(&l, fd));
	listener_smoke(&l);
	dir_close();
}

TEST(uds_addresses_of_a_connection, "uds-03 uds-12 uds-23 regr-09")
{
	struct link link;
	struct mio_source c = MIO_SOURCE_INIT, s;
	struct name name;

	link_open(&link);
	name = local_name(&link.l);
	is_path(&name, PATH);
	name = local_name(&link.s);
	is_path(&name, PATH);
	name = peer_name(&link.c);
	is_path(&name, PATH);
	name = local_name(&link.c);
	is_unnamed(&name);
	name = peer_name(&link.s);
	is_unnamed(&name);
	/* As accept has it, and with little room for it. */
	CHECK_INT(0, mio_unix_connect(&c, PATH));
	name = accept_named(&link.l, &s);
	is_unnamed(&name);
	shut(&s);
	shut(&c);
	CHECK_INT(0, mio_unix_connect(&c, PATH));
	await_fd(mio_source_handle(&link.l), POLLIN);
	name.len = 0;
	memset(&name.addr, 0x5a, sizeof(name.addr));
	CHECK_INT(0,
	    mio_source_accept(
		&link.l, &s, (struct sockaddr *)&name.addr, &name.len));
	CHECK_INT(PATH_OFFSET, name.len);
	CHECK_INT(0x5a, *(unsigned char *)&name.addr);
	shut(&s);
	shut(&c);
	link_close(&link);
}

TEST(uds_listener_changes_its_registration, "uds-04")
{
	struct mio_source l = MIO_SOURCE_INIT, c = MIO_SOURCE_INIT;
	struct loop loop;

	loop_open(&loop);
	dir_open();
	CHECK_INT(0, mio_unix_listen(&l, PATH));
	CHECK_INT(0, mio_registry_register(loop.registry, &l, LISTENER, W));
	QUIET(&loop);
	CHECK_INT(0, mio_unix_connect(&c, PATH));
	QUIET(&loop);
	CHECK_INT(0, mio_registry_reregister(loop.registry, &l, 77, R));
	WAIT(&loop, 77, R);
	CHECK_INT(1, drain_accept(&l));
	shut(&c);
	CHECK_INT(0, mio_registry_deregister(loop.registry, &l));
	CHECK_INT(0, mio_unix_connect(&c, PATH));
	QUIET(&loop);
	CHECK_INT(1, drain_accept(&l));
	shut(&c);
	shut(&l);
	dir_close();
	loop_close(&loop);
}

TEST(uds_accept_to_eagain_rearms, "uds-05 B-2")
{
	struct mio_source l = MIO_SOURCE_INIT, c[3];
	struct loop loop;

	loop_open(&loop);
	dir_open();
	CHECK_INT(0, mio_unix_listen(&l, PATH));
	CHECK_INT(0, mio_registry_register(loop.registry, &l, LISTENER, R));
	for (size_t turn = 0; turn < 4; ++turn) {
		for (size_t i = 0; i < LEN(c); ++i)
			CHECK_INT(0, mio_unix_connect(&c[i], PATH));
		WAIT(&loop, LISTENER, R);
		CHECK_INT(LEN(c), drain_accept(&l));
		for (size_t i = 0; i < LEN(c); ++i)
			shut(&c[i]);
		QUIET(&loop);
	}
	shut(&l);
	dir_close();
	loop_close(&loop);
}

/* How long the system lets a queue be, 64 if it does not say. */
static size_t
longest_queue(void)
{
	FILE *file = fopen("/proc/sys/net/core/somaxconn", "r");
	unsigned long most = 64;

	if (file != NULL) {
		if (fscanf(file, "%lu", &most) != 1)
			most = 64;
		fclose(file);
	}
	/* More than 128, which is mio's backlog elsewhere. */
	return most < 160 ? most : 160;
}

TEST(uds_many_may_wait_to_be_accepted, "uds-06 regr-04")
{
	struct mio_source l = MIO_SOURCE_INIT, c[160];
	size_t n = longest_queue();

	NEED_DESCRIPTORS(n + 1);
	dir_open();
	CHECK_INT(0, mio_unix_listen(&l, PATH));
	for (size_t i = 0; i < n; ++i)
		CHECK_INT(0, mio_unix_connect(&c[i], PATH));
	CHECK_INT(n, drain_accept(&l));
	for (size_t i = 0; i < n; ++i)
		shut(&c[i]);
	shut(&l);
	dir_close();
}

/* NUL bytes and all; of the shortest length, a usual and the longest one. */
TEST(uds_abstract_names, "uds-07 uds-19 B-9")
{
#ifdef LIKE_LINUX
	static const size_t lengths[] = { 24, 57, PATH_ROOM };

	for (size_t i = 0; i < LEN(lengths); ++i) {
		struct mio_source l = MIO_SOURCE_INIT, c = MIO_SOURCE_INIT;
		struct mio_source s;
		struct name name = abstract_name(lengths[i]), made, seen;
		struct loop loop;

		/* mio drops the last byte of a name that begins with NUL. */
		name.addr.sun_path[1] = '\0';
		name.addr.sun_path[lengths[i] - 2] = '\0';
		name.addr.sun_path[lengths[i] - 1] = 'z';
		CHECK_INT(0,
		    mio_unix_addr(&made.addr, &made.len, name.addr.sun_path,
			lengths[i]));
		CHECK_INT(PATH_OFFSET + lengths[i], made.len);
		same_name(&name, &made);
		loop_open(&loop);
		CHECK_INT(0, mio_unix_listen_addr(&l, &made.addr, made.len));
		seen = local_name(&l);
		same_name(&name, &seen);
		CHECK_INT(0,
		    mio_registry_register(loop.registry, &l, LISTENER, R));
		CHECK_INT(
		    0, mio_unix_connect_addr(&c, &name.addr, name.len));
		WAIT(&loop, LISTENER, R);
		seen = peer_name(&c);
		same_name(&name, &seen);
		seen = accept_named(&l, &s);
		is_unnamed(&seen);
		seen = local_name(&s);
		same_name(&name, &seen);
		/* One byte less is another name. */
		CHECK_FAILS(ECONNREFUSED,
		    mio_unix_connect_addr(&s, &name.addr, name.len - 1));
		shut(&s);
		shut(&c);
		shut(&l);
		loop_close(&loop);
	}
#else
	struct name name;

	CHECK_FAILS(
	    ENOTSUP, mio_unix_addr(&name.addr, &name.len, "\0name", 5));
#endif
}

TEST(uds_connect_to_a_path, "uds-08 uds-09")
{
	struct loop loop;

	for (int by_addr = 0; by_addr < 2; ++by_addr) {
		struct mio_source l = MIO_SOURCE_INIT, c = MIO_SOURCE_INIT;
		struct mio_source s;
		struct name name;

		loop_open(&loop);
		dir_open();
		CHECK_INT(0, mio_unix_listen(&l, PATH));
		name = local_name(&l);
		if (by_addr)
			CHECK_INT(0,
			    mio_unix_connect_addr(
				&c, &name.addr, name.len));
		else
			CHECK_INT(0, mio_unix_connect(&c, PATH));
		is_fresh(&c);
		CHECK_INT(0,
		    mio_registry_register(
			loop.registry, &c, CLIENT, R | W));
		WAIT(&loop, CLIENT, W);
		CHECK_INT(0, mio_source_connect_result(&c));
		accept_named(&l, &s);
		SETTLE(&loop);
		CHECK_INT(0, mio_source_close(&s));
		WAIT(&loop, CLIENT, R);
		CHECK_INT(0, drain(&c));
		shut(&c);
		shut(&l);
		dir_close();
		loop_close(&loop);
	}
}

/* Both directions of two connected streams, registered or not. */
static void
stream_smoke(struct mio_source *a, struct mio_source *b)
{
	char first[5], second[8], byte;
	struct iovec in[2] = { { first, 5 }, { second, 8 } };
	struct iovec out[2] = { { first, 5 }, { second, 7 } };
	struct loop loop;

	loop_open(&loop);
	is_fresh(a);
	is_fresh(b);
	CHECK_INT(0, mio_registry_register(loop.registry, a, CLIENT, R | W));
	CHECK_INT(0, mio_registry_register(loop.registry, b, SERVER, R));
	WAIT(&loop, CLIENT, W);
	CHECK_INT(0, loop.seen & (R | RC | WC | E));
	CHECK_FAILS(EAGAIN, mio_source_read(a, &byte, 1));
	CHECK_FAILS(EAGAIN, mio_source_read(b, &byte, 1));
	for (int turn = 0; turn < 3; ++turn) {
		put(a, "hello world");
		WAIT(&loop, SERVER, R);
		expect(b, "hello world");
		CHECK_FAILS(EAGAIN, mio_source_read(b, &byte, 1));
		memcpy(first, "12345", 5);
		memcpy(second, "6789abc#", 8);
		CHECK_INT(12, mio_source_writev(b, out, 2));
		WAIT(&loop, CLIENT, R);
		memset(first, 0, sizeof(first));
		memset(second, '#', sizeof(second));
		CHECK_INT(12, mio_source_readv(a, in, 2));
		ck_assert_mem_eq(first, "12345", 5);
		ck_assert_mem_eq(second, "6789abc#", 8);
		CHECK_FAILS(EAGAIN, mio_source_readv(a, in, 2));
	}
	/* A peek takes nothing away. */
	put(a, "peek");
	WAIT(&loop, SERVER, R);
	CHECK_INT(1, mio_source_recv(b, &byte, 1, MSG_PEEK));
	CHECK_INT('p', byte);
	expect(b, "peek");
	CHECK_FAILS(EAGAIN, mio_source_recv(b, &byte, 1, MSG_PEEK));
	put(a, "more");
	WAIT(&loop, SERVER, R);
	/* A stream names no sender. */
	{
		struct name from;

		from.len = sizeof(from.addr);
		CHECK_INT(1,
		    mio_source_recvfrom(b, &byte, 1, 0,
			(struct sockaddr *)&from.addr, &from.len));
		ck_assert(from.len == 0 || from.len == PATH_OFFSET);
	}
	expect(b, "ore");
	no_error(a);
	no_error(b);
	loop_close(&loop);
}

/*
 * Such a connect is over at once, so no later event tells of it; and no event
 * tells when to try again one that found the queue full.
 */
TEST(uds_unconnected_stream_connects, "uds-08 uds-22 close-08")
{
	enum { MOST = 16 };
	struct mio_source l = MIO_SOURCE_INIT, c = MIO_SOURCE_INIT;
	struct mio_source s = MIO_SOURCE_INIT, others[MOST];
	struct name name;
	struct loop loop;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), n = 0;

	CHECK_CALL(fd);
	CHECK_INT(0, mio_source_from_fd(&c, fd));
	loop_open(&loop);
	dir_open();
	name = path_name(PATH);
	CHECK_CALL(fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	CHECK_INT(0, bind(fd, (struct sockaddr *)&name.addr, name.len));
	CHECK_INT(0, listen(fd, 1));
	CHECK_INT(0, mio_source_from_fd(&l, fd));
	while (mio_unix_connect(&s, PATH) == 0) {
		others[n++] = s;
		ck_assert_int_lt(n, MOST);
	}
	CHECK_INT(
	    0, mio_registry_register(loop.registry, &c, CLIENT, R | W));
	/* Kqueue waits for the connection: filt_sowrite, uipc_socket.c. */
	if (!selector_is("kqueue") && tells_ends())
		WAIT(&loop, CLIENT, R | W);
	SETTLE(&loop);
	CHECK_FAILS2(EAGAIN, ECONNREFUSED,
	    mio_source_connect(&c, (struct sockaddr *)&name.addr, name.len));
	QUIET(&loop);
	CHECK_INT(n, drain_accept(&l));
	errno = 0;
	CHECK_INT(0,
	    mio_source_connect(&c, (struct sockaddr *)&name.addr, name.len));
	accept_named(&l, &s);
	put(&s, "hello");
	WAIT(&loop, CLIENT, R);
	expect(&c, "hello");
	shut(&s);
	shut(&c);
	while (n > 0)
		shut(&others[--n]);
	shut(&l);
	dir_close();
	loop_close(&loop);
}

TEST(uds_stream, "uds-10")
{
	struct link link;

	link_open(&link);
	stream_smoke(&link.c, &link.s);
	link_close(&link);
}

TEST(uds_stream_taken_over, "uds-10")
{
	struct mio_source a = MIO_SOURCE_INIT, b = MIO_SOURCE_INIT;
	int fds[2];

	CHECK_INT(
	    0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	CHECK_INT(0, mio_source_from_fd(&a, fds[0]));
	CHECK_INT(0, mio_source_from_fd(&b, fds[1]));
	stream_smoke(&a, &b);
	shut(&a);
	shut(&b);
}

static void
open_two(struct mio_source *a, struct mio_source *b)
{
	struct mio_source fresh = MIO_SOURCE_INIT;

	*a = *b = fresh;
	CHECK_INT(0, mio_unix_pair(a, b));
}

TEST(uds_pair, "uds-11")
{
	struct mio_source a, b;
	struct name name;
	size_t fds = fds_count();

	open_two(&a, &b);
	ck_assert_int_ne(mio_source_handle(&a), mio_source_handle(&b));
	stream_smoke(&a, &b);
	stream_smoke(&b, &a);
	name = local_name(&a);
	is_unnamed(&name);
	name = peer_name(&a);
	is_unnamed(&name);
	CHECK_INT(0, mio_source_connect_result(&a));
	shut(&a);
	shut(&b);
	CHECK_FAILS(EINVAL, mio_unix_pair(&a, NULL));
	CHECK_FAILS(EINVAL, mio_unix_pair(NULL, &b));
	CHECK_INT(fds, fds_count());
}

/* A pair with `a` registered and settled. */
struct watched {
	struct loop loop;
	struct mio_source a, b;
};

static void
watch(struct watched *w, unsigned interests)
{
	loop_open(&w->loop);
	open_two(&w->a, &w->b);
	CHECK_INT(0,
	    mio_registry_register(
		w->loop.registry, &w->a, CLIENT, interests));
	if (interests & W) {
		WAIT(&w->loop, CLIENT, W);
		CHECK_INT(0, w->loop.seen & (RC | WC | E));
	}
	SETTLE(&w->loop);
}

static void
unwatch(struct watched *w)
{
	shut(&w->a);
	shut(&w->b);
	loop_close(&w->loop);
}

TEST(uds_shut_read, "uds-13")
{
	struct watched w;

	watch(&w, R | W);
	CHECK_INT(0, mio_source_shutdown(&w.a, SHUT_RD));
	WAIT(&w.loop, CLIENT, R | RC);
	CHECK_INT(0, w.loop.seen & WC);
	CHECK_INT(0, drain(&w.a));
	/* The other direction is as it was. */
	put(&w.a, "out");
	expect(&w.b, "out");
	unwatch(&w);
}

TEST_NEEDS(uds_shut_write, "uds-14", NEEDS_SIGNALS)
{
	struct watched w;

	for (size_t i = 0; i < WRITERS_COUNT; ++i) {
		watch(&w, R | W);
		put(&w.a, "echo");
		CHECK_INT(0, mio_source_shutdown(&w.a, SHUT_WR));
		CHECK_INT(EPIPE, write_error(&w.a, writers[i]));
		CHECK_FAILS(EPIPE, writers[i](&w.a));
		expect(&w.b, "echo");
		put(&w.b, "echo");
		WAIT(&w.loop, CLIENT, R);
		CHECK_INT(0, w.loop.seen & RC);
		expect(&w.a, "echo");
		unwatch(&w);
	}
}

TEST(uds_shut_both, "uds-15")
{
	struct watched w;

	watch(&w, R | W);
	CHECK_INT(0, mio_source_shutdown(&w.a, SHUT_RDWR));
	WAIT(&w.loop, CLIENT, R | W | RC | WC);
	CHECK_FAILS(EPIPE, mio_source_write(&w.a, "x", 1));
	unwatch(&w);
}

TEST(uds_peer_shuts_its_write_side, "uds-16")
{
	struct watched w;
	char byte;

	watch(&w, R | W);
	CHECK_INT(0, mio_source_shutdown(&w.b, SHUT_WR));
	WAIT(&w.loop, CLIENT, R | RC);
	CHECK_INT(0, w.loop.seen & WC);
	CHECK_INT(0, mio_source_read(&w.a, &byte, 1));
	put(&w.a, "still");
	expect(&w.b, "still");
	unwatch(&w);
}

TEST_NEEDS(uds_peer_shuts_its_read_side, "uds-16", NEEDS_SIGNALS)
{
	struct watched w;

	watch(&w, R | W);
	CHECK_INT(0, mio_source_shutdown(&w.b, SHUT_RD));
	SETTLE(&w.loop);
	put(&w.b, "from there");
	WAIT(&w.loop, CLIENT, R);
	CHECK_INT(0, w.loop.seen & RC);
	expect(&w.a, "from there");
#ifdef LIKE_LINUX
	CHECK_INT(EPIPE, write_error(&w.a, writers[0]));
#endif
	unwatch(&w);
}

TEST(uds_stream_changes_its_registration, "uds-17")
{
	struct watched w;

	watch(&w, R);
	QUIET(&w.loop);
	CHECK_INT(0, mio_registry_reregister(w.loop.registry, &w.a, 77, W));
	WAIT(&w.loop, 77, W);
	CHECK_INT(0, loop_flags(&w.loop, CLIENT));
	CHECK_INT(0, mio_registry_deregister(w.loop.registry, &w.a));
	put(&w.b, "unseen");
	QUIET(&w.loop);
	expect(&w.a, "unseen");
	unwatch(&w);
}

TEST(uds_addresses_of_paths, "uds-18")
{
	static const char *const paths[] = { "a", "/tmp/some/where", "./x y" };

	for (size_t i = 0; i < LEN(paths); ++i) {
		size_t len = strlen(paths[i]);
		struct name name;

		memset(&name, 0x5a, sizeof(name));
		CHECK_INT(0,
		    mio_unix_addr(&name.addr, &name.len, paths[i], len));
		CHECK_INT(PATH_OFFSET + len + 1, name.len);
		CHECK_INT(AF_UNIX, name.addr.sun_family);
		ck_assert_str_eq(name.addr.sun_path, paths[i]);
		/* Nothing of what was there is left. */
		for (size_t j = len; j < PATH_ROOM; ++j)
			CHECK_INT(0, name.addr.sun_path[j]);
	}
}

TEST(uds_addresses_of_abstract_names, "uds-19 B-9")
{
#ifdef LIKE_LINUX
	static const struct {
		const char *bytes;
		size_t len;
	} names[] = { { "\0", 1 }, { "\0a", 2 }, { "\0ab", 3 },
		{ "\0\0ab", 4 }, { "\0a\0b", 4 }, { "\0ab\0", 4 },
		{ "\0\0\0", 3 } };

	for (size_t i = 0; i < LEN(names); ++i) {
		struct name name;

		memset(&name, 0x5a, sizeof(name));
		CHECK_INT(0,
		    mio_unix_addr(&name.addr, &name.len, names[i].bytes,
			names[i].len));
		CHECK_INT(PATH_OFFSET + names[i].len, name.len);
		ck_assert_mem_eq(
		    name.addr.sun_path, names[i].bytes, names[i].len);
	}
#else
	SKIP("no abstract names here");
#endif
}

/* "dd...d" of `len` bytes. */
static const char *
long_path(size_t len)
{
	static char path[PATH_ROOM + 64];

	ck_assert_uint_lt(len, sizeof(path));
	memset(path, 'd', len);
	path[len] = '\0';
	return path;
}

typedef int make(struct mio_source *source, const char *path);
static make *const makers[] = { mio_unix_listen, mio_unix_connect,
	mio_unix_dgram_bind };

TEST(uds_paths_that_are_none, "uds-20 uds-21")
{
	struct mio_source out, before;
	struct name name, untouched;
	size_t fds;

	memset(&out, 0x5a, sizeof(out));
	memset(&name, 0x5a, sizeof(name));
	before = out;
	untouched = name;
	dir_open();
	fds = fds_count();
	for (size_t i = 0; i < LEN(makers); ++i) {
		CHECK_FAILS(EINVAL, makers[i](&out, ""));
		CHECK_FAILS(EINVAL, makers[i](&out, NULL));
		CHECK_FAILS(
		    ENAMETOOLONG, makers[i](&out, long_path(PATH_ROOM + 1)));
		CHECK_FAILS(
		    ENAMETOOLONG, makers[i](&out, long_path(PATH_ROOM + 50)));
		CHECK_INT(-1, makers[i](NULL, PATH));
	}
	CHECK_FAILS(EINVAL, mio_unix_addr(&name.addr, &name.len, "a\0b", 3));
	CHECK_FAILS(EINVAL, mio_unix_addr(&name.addr, &name.len, "ab\0", 3));
	CHECK_FAILS(ENAMETOOLONG,
	    mio_unix_addr(&name.addr, &name.len, long_path(PATH_ROOM + 1),
		PATH_ROOM + 1));
	CHECK_FAILS(
	    EINVAL, mio_unix_addr(&name.addr, &name.len, NULL, 1));
	CHECK_FAILS(EINVAL, mio_unix_addr(NULL, &name.len, "a", 1));
	CHECK_FAILS(EINVAL, mio_unix_addr(&name.addr, NULL, "a", 1));
	ck_assert_mem_eq(&name, &untouched, sizeof(name));
	ck_assert_mem_eq(&out, &before, sizeof(out));
	CHECK_INT(fds, fds_count());
	CHECK_INT(-1, access(PATH, F_OK));
	dir_close();
}

TEST(uds_addresses_that_are_none, "uds-20")
{
	typedef int make_addr(struct mio_source *source,
	    const struct sockaddr_un *addr, socklen_t len);
	static make_addr *const calls[] = { mio_unix_listen_addr,
		mio_unix_connect_addr, mio_unix_dgram_bind_addr };
	struct mio_source out, before;
	struct name good;
	struct sockaddr_un other;
	size_t fds;

	memset(&out, 0x5a, sizeof(out));
	before = out;
	dir_open();
	good = path_name(PATH);
	other = good.addr;
	other.sun_family = AF_INET;
	fds = fds_count();
	for (size_t i = 0; i < LEN(calls); ++i) {
		CHECK_FAILS(EINVAL, calls[i](&out, NULL, good.len));
		CHECK_FAILS(EINVAL, calls[i](&out, &good.addr, 0));
		CHECK_FAILS(EINVAL, calls[i](&out, &good.addr, 1));
		CHECK_FAILS(EINVAL,
		    calls[i](&out, &good.addr, sizeof(good.addr) + 1));
		CHECK_FAILS(EAFNOSUPPORT, calls[i](&out, &other, good.len));
		CHECK_FAILS(EINVAL, calls[i](NULL, &good.addr, good.len));
	}
	ck_assert_mem_eq(&out, &before, sizeof(out));
	CHECK_INT(fds, fds_count());
	dir_close();
}

static void
path_of_length(size_t len)
{
	struct mio_source l = MIO_SOURCE_INIT, c = MIO_SOURCE_INIT, s;
	struct name name, seen;
	struct stat st;

	dir_open();
	name = path_name(long_path(len));
	CHECK_INT(PATH_OFFSET + PATH_ROOM, name.len);
	ck_assert_mem_eq(name.addr.sun_path, long_path(len), len);
	if (mio_unix_listen(&l, long_path(len)) == -1) {
		/* Some kernels want a terminator. */
		ck_assert_uint_eq(len, PATH_ROOM);
		ck_assert(errno == EINVAL || errno == ENAMETOOLONG);
#ifdef LIKE_LINUX
		ck_abort_msg("Linux takes a path of this length");
#endif
		dir_close();
		return;
	}
	CHECK_INT(0, stat(long_path(len), &st));
	ck_assert(S_ISSOCK(st.st_mode));
	seen = local_name(&l);
	is_path(&seen, long_path(len));
	CHECK_INT(0, mio_unix_connect(&c, long_path(len)));
	accept_named(&l, &s);
	seen = peer_name(&c);
	is_path(&seen, long_path(len));
	stream_smoke(&c, &s);
	shut(&s);
	shut(&c);
	/* As an address, too. */
	CHECK_INT(0, mio_unix_connect_addr(&c, &name.addr, name.len));
	accept_named(&l, &s);
	shut(&s);
	shut(&c);
	shut(&l);
	dir_close();
}

TEST(uds_path_that_just_ends, "uds-20")
{
	path_of_length(PATH_ROOM - 1);
}

TEST(uds_full_length_path, "uds-20")
{
	if (under_valgrind())
		SKIP("valgrind looks for a NUL behind the address");
	path_of_length(PATH_ROOM);
}

TEST(uds_unnamed_address, "uds-21")
{
	struct mio_source l = MIO_SOURCE_INIT, c = MIO_SOURCE_INIT, s;
	struct name none, name;
	size_t fds = fds_count();

	memset(&none, 0x5a, sizeof(none));
	CHECK_INT(0, mio_unix_addr(&none.addr, &none.len, NULL, 0));
	is_unnamed(&none);
	memset(&none, 0x5a, sizeof(none));
	CHECK_INT(0, mio_unix_addr(&none.addr, &none.len, "", 0));
	is_unnamed(&none);
	/* Nobody can be connected to there. */
	CHECK_INT(-1, mio_unix_connect_addr(&c, &none.addr, none.len));
	CHECK_INT(MIO_INVALID_HANDLE, mio_source_handle(&c));
	CHECK_INT(fds, fds_count());
#ifdef LIKE_LINUX
	CHECK_INT(0, mio_unix_listen_addr(&l, &none.addr, none.len));
	name = local_name(&l);
	ck_assert_uint_gt(name.len, PATH_OFFSET + 1);
	CHECK_INT('\0', name.addr.sun_path[0]);
	CHECK_INT(0, mio_unix_connect_addr(&c, &name.addr, name.len));
	accept_named(&l, &s);
	stream_smoke(&c, &s);
	shut(&s);
	shut(&c);
	shut(&l);
#else
	(void)name;
	(void)s;
	(void)l;
#endif
}

TEST(uds_connect_and_bind_that_fail, "uds-22")
{
	struct mio_source l = MIO_SOURCE_INIT, out, before;
	size_t fds;

	memset(&out, 0x5a, sizeof(out));
	before = out;
	dir_open();
	CHECK_INT(0, mio_unix_listen(&l, PATH));
	fds = fds_count();
	CHECK_FAILS(ENOENT, mio_unix_connect(&out, "missing"));
	CHECK_FAILS(ENOENT, mio_unix_listen(&out, "no/directory"));
	CHECK_FAILS(EADDRINUSE, mio_unix_listen(&out, PATH));
	CHECK_FAILS(EADDRINUSE, mio_unix_dgram_bind(&out, PATH));
	ck_assert_mem_eq(&out, &before, sizeof(out));
	CHECK_INT(fds, fds_count());
	/* Its name stays when a listener goes, with nobody behind it. */
	shut(&l);
	CHECK_FAILS(ECONNREFUSED, mio_unix_connect(&out, PATH));
	ck_assert_mem_eq(&out, &before, sizeof(out));
	CHECK_INT(fds - 1, fds_count());
	dir_close();
}

TEST(uds_full_backlog_is_no_connection, "uds-22 regr-15")
{
	enum { MOST = 16 };
	struct mio_source l = MIO_SOURCE_INIT, c[MOST], out, before;
	struct name name;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), n = 0;
	size_t fds = 0;

	CHECK_CALL(fd);
	memset(&out, 0x5a, sizeof(out));
	before = out;
	dir_open();
	name = path_name(PATH);
	CHECK_INT(0, bind(fd, (struct sockaddr *)&name.addr, name.len));
	CHECK_INT(0, listen(fd, 1));
	CHECK_INT(0, mio_source_from_fd(&l, fd));
	for (;; ++n) {
		struct mio_source one = MIO_SOURCE_INIT;

		if (n == MOST) {
			ck_assert(ELSEWHERE);
			for (int i = 0; i < n; ++i)
				shut(&c[i]);
			shut(&l);
			dir_close();
			SKIP("the queue does not fill (OpenBSD: 80)");
		}
		fds = fds_count();
		if (mio_unix_connect(&one, PATH) == -1)
			break;
		CHECK_INT(0, mio_source_connect_result(&one));
		c[n] = one;
	}
#ifdef LIKE_LINUX
	ck_assert_int_eq(errno, EAGAIN);
#else
	ck_assert(errno == EAGAIN || errno == ECONNREFUSED);
#endif
	ck_assert_int_gt(n, 0);
	CHECK_INT(fds, fds_count());
	CHECK_INT(-1, mio_unix_connect(&out, PATH));
	CHECK_INT(-1, mio_unix_connect_addr(&out, &name.addr, name.len));
	CHECK_INT(fds, fds_count());
	ck_assert_mem_eq(&out, &before, sizeof(out));
	/* Those who came are all there, and then there is room again. */
	CHECK_INT(n, drain_accept(&l));
	CHECK_INT(0, mio_unix_connect(&out, PATH));
	CHECK_INT(0, mio_source_connect_result(&out));
	CHECK_INT(1, drain_accept(&l));
	shut(&out);
	for (int i = 0; i < n; ++i)
		shut(&c[i]);
	shut(&l);
	dir_close();
}

/* A client that has a name of its own, then connects. */
static void
named_client(const struct name *client, const struct name *server)
{
	struct mio_source l = MIO_SOURCE_INIT, c = MIO_SOURCE_INIT, s;
	struct name seen;
	socklen_t len = PATH_OFFSET + 2;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK_CALL(fd);
	CHECK_INT(0, mio_unix_listen_addr(&l, &server->addr, server->len));
	CHECK_INT(
	    0, bind(fd, (const struct sockaddr *)&client->addr, client->len));
	CHECK_INT(0, mio_source_from_fd(&c, fd));
	CHECK_INT(0,
	    mio_source_connect(&c, (const struct sockaddr *)&server->addr,
		server->len));
	CHECK_INT(0, mio_source_connect_result(&c));
	seen = accept_named(&l, &s);
	same_name(client, &seen);
	seen = peer_name(&s);
	same_name(client, &seen);
	seen = local_name(&c);
	same_name(client, &seen);
	/* Cut, and the length tells. */
	memset(&seen, 0x5a, sizeof(seen));
	CHECK_INT(0,
	    mio_source_peer_addr(
		&s, (struct sockaddr *)&seen.addr, &len));
	/* With the NUL behind a path, or without. */
	ck_assert(len == client->len ||
	    (ELSEWHERE && len == client->len - 1));
	ck_assert_mem_eq(&seen.addr, &client->addr, PATH_OFFSET + 2);
	CHECK_INT(0x5a, seen.addr.sun_path[2]);
	shut(&s);
	shut(&c);
	shut(&l);
}

TEST(uds_named_clients_keep_their_names, "uds-24 B-9")
{
	struct name client, server;

	dir_open();
	server = path_name(PATH);
	client = path_name("client");
	named_client(&client, &server);
#ifdef LIKE_LINUX
	server = abstract_name(30);
	client = abstract_name(40);
	client.addr.sun_path[39] = '\0';
	named_client(&client, &server);
	client = abstract_name(PATH_ROOM);
	named_client(&client, &server);
#endif
	dir_close();
}

TEST(uds_raw_descriptor_round_trip, "uds-25")
{
	struct mio_source again = MIO_SOURCE_INIT;
	struct link link;
	struct name name;
	int fd;

	link_open(&link);
	fd = mio_source_handle(&link.l);
	CHECK_INT(fd, mio_source_into_fd(&link.l));
	CHECK_INT(0, mio_source_from_fd(&link.l, fd));
	CHECK_INT(fd, mio_source_handle(&link.l));
	name = local_name(&link.l);
	is_path(&name, PATH);
	fd = mio_source_handle(&link.c);
	CHECK_INT(fd, mio_source_into_fd(&link.c));
	CHECK_FAILS(EBADF, mio_source_into_fd(&link.c));
	CHECK_INT(0, mio_source_from_fd(&again, fd));
	CHECK_INT(fd, mio_source_handle(&again));
	name = peer_name(&again);
	is_path(&name, PATH);
	stream_smoke(&again, &link.s);
	shut(&again);
	link_close(&link);
}

TEST_NEEDS(uds_peer_closes, "uds-26", NEEDS_SIGNALS)
{
	struct watched w;
	char byte;

	for (size_t i = 0; i < WRITERS_COUNT; ++i) {
		watch(&w, R | W);
		shut(&w.b);
		WAIT(&w.loop, CLIENT, R | W | RC | WC);
		CHECK_INT(0, mio_source_read(&w.a, &byte, 1));
		CHECK_INT(EPIPE, write_error(&w.a, writers[i]));
		CHECK_FAILS(EPIPE, writers[i](&w.a));
		unwatch(&w);
	}
	/* To one who asked for reading only as well. */
	watch(&w, R);
	put(&w.b, "last words");
	shut(&w.b);
	WAIT(&w.loop, CLIENT, R | RC);
	expect(&w.a, "last words");
	CHECK_INT(0, mio_source_read(&w.a, &byte, 1));
	unwatch(&w);
}

TEST(uds_writable_again_when_read, "uds-26 poll-11")
{
	struct watched w;
	size_t total;

	watch(&w, R | W);
	for (int turn = 0; turn < 3; ++turn) {
		total = fill(&w.a);
		ck_assert_uint_gt(total, 0);
		QUIET(&w.loop);
		CHECK_INT(total, drain(&w.b));
		WAIT(&w.loop, CLIENT, W);
		CHECK_INT(0, w.loop.seen & (RC | WC | E));
	}
	unwatch(&w);
}

static ssize_t
receive_four(mio_handle fd, void *arg)
{
	return recv(fd, arg, 4, 0);
}

static ssize_t
fail_with_eio(mio_handle fd, void *arg)
{
	int *calls = arg;

	(void)fd;
	++*calls;
	errno = EIO;
	return -1;
}

TEST(uds_try_io, "uds-27")
{
	struct watched w;
	char buf[4];
	int calls = 0;

	watch(&w, R);
	for (int turn = 0; turn < 3; ++turn) {
		put(&w.b, "data");
		WAIT(&w.loop, CLIENT, R);
		CHECK_INT(4, mio_source_try_io(&w.a, R, receive_four, buf));
		ck_assert_mem_eq(buf, "data", 4);
		CHECK_FAILS(
		    EAGAIN, mio_source_try_io(&w.a, R, receive_four, buf));
		QUIET(&w.loop);
	}
	CHECK_FAILS(EIO, mio_source_try_io(&w.a, R, fail_with_eio, &calls));
	CHECK_INT(1, calls);
	unwatch(&w);
}

/* A registered connection goes through a socket, and works at the end. */
TEST(uds_passes_a_live_connection, "uds-10 uds-25")
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct mio_source passed = MIO_SOURCE_INIT;
	struct watched w;
	struct pair pair;
	char byte = '!';
	struct iovec iov = { &byte, 1 };
	struct msghdr msg;
	struct cmsghdr *c;
	int fd;

	watch(&w, R);
	PAIR(&pair);
	CHECK_INT(0,
	    mio_registry_register(w.loop.registry, &pair.a, SERVER, R));
	memset(&msg, 0, sizeof(msg));
	memset(&control, 0, sizeof(control));
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = control.room;
	msg.msg_controllen = sizeof(control.room);
	c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	fd = mio_source_handle(&pair.a);
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	CHECK_INT(1, mio_source_sendmsg(&w.b, &msg, 0));
	/* Closed here, it lives on in the message, and this poll lets go. */
	CHECK_INT(0, mio_registry_deregister(w.loop.registry, &pair.a));
	CHECK_INT(0, mio_source_close(&pair.a));
	WAIT(&w.loop, CLIENT, R);
	memset(&control, 0, sizeof(control));
	CHECK_INT(1, mio_source_recvmsg(&w.a, &msg, 0));
	c = CMSG_FIRSTHDR(&msg);
	ck_assert_ptr_nonnull(c);
	CHECK_INT(SCM_RIGHTS, c->cmsg_type);
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	CHECK_FAILS(EAGAIN, mio_source_recvmsg(&w.a, &msg, 0));
	CHECK_INT(0, mio_source_from_fd(&passed, fd));
	CHECK_INT(0, mio_registry_register(w.loop.registry, &passed, 99, R));
	put(&pair.b, "over there");
	WAIT(&w.loop, 99, R);
	expect(&passed, "over there");
	shut(&passed);
	pair_close(&pair);
	unwatch(&w);
}

SUITE(uds, &uds_listener, &uds_listener_taken_over,
    &uds_addresses_of_a_connection, &uds_listener_changes_its_registration,
    &uds_accept_to_eagain_rearms, &uds_many_may_wait_to_be_accepted,
    &uds_abstract_names, &uds_connect_to_a_path,
    &uds_unconnected_stream_connects, &uds_stream, &uds_stream_taken_over, &uds_pair, &uds_shut_read, &uds_shut_write,
    &uds_shut_both, &uds_peer_shuts_its_write_side,
    &uds_peer_shuts_its_read_side, &uds_stream_changes_its_registration,
    &uds_addresses_of_paths, &uds_addresses_of_abstract_names,
    &uds_paths_that_are_none, &uds_addresses_that_are_none,
    &uds_path_that_just_ends, &uds_full_length_path, &uds_unnamed_address,
    &uds_connect_and_bind_that_fail, &uds_full_backlog_is_no_connection,
    &uds_named_clients_keep_their_names, &uds_raw_descriptor_round_trip,
    &uds_peer_closes, &uds_writable_again_when_read, &uds_try_io,
    &uds_passes_a_live_connection);
