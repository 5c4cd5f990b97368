/* SPDX-License-Identifier: MIT */
/* Interests.  int-03, int-04 and int-12: test_reg.c. */

#include "config.h"

#include "harness.h"

#include <poll.h>

TEST(int_bits_are_distinct, "int-01 int-02")
{
	static const unsigned bits[] = { MIO_READABLE, MIO_WRITABLE, MIO_AIO,
		MIO_LIO, MIO_PRIORITY, MIO_READ_CLOSED, MIO_WRITE_CLOSED,
		MIO_ERROR, MIO_EXCLUSIVE, MIO_LEVEL };
	unsigned all = 0;

	for (size_t i = 0; i < LEN(bits); ++i) {
		ck_assert_uint_ne(bits[i], 0);
		ck_assert_uint_eq(bits[i] & (bits[i] - 1), 0);
		ck_assert_uint_eq(all & bits[i], 0);
		all |= bits[i];
	}
}

TEST(int_union_asks_for_both, "int-02 int-03")
{
	struct loop loop;
	struct pair pair;
	unsigned interests = MIO_READABLE | MIO_WRITABLE;

	loop_open(&loop);
	PAIR(&pair);
	put(&pair.b, "x");
	await_fd(mio_source_handle(&pair.a), POLLIN);
	CHECK_INT(0,
	    mio_registry_register(loop.registry, &pair.a, 1, interests));
	WAIT(&loop, 1, R | W);
	interests &= ~MIO_READABLE;
	CHECK_INT(0,
	    mio_registry_reregister(loop.registry, &pair.a, 2, interests));
	WAIT(&loop, 2, W);
	interests &= ~MIO_WRITABLE;
	CHECK_FAILS(EINVAL,
	    mio_registry_reregister(loop.registry, &pair.a, 3, interests));
	pair_close(&pair);
	loop_close(&loop);
}

TEST(int_formats_in_a_fixed_order, "int-05")
{
	static const struct {
		unsigned interests;
		const char *text;
	} table[] = {
		{ 0, "" },
		{ R, "READABLE" },
		{ W, "WRITABLE" },
		{ W | R, "READABLE | WRITABLE" },
		{ P | W, "WRITABLE | PRIORITY" },
		{ P, "PRIORITY" },
		{ MIO_AIO | MIO_LIO, "AIO | LIO" },
		{ P | MIO_LIO | MIO_AIO | W | R,
		    "READABLE | WRITABLE | AIO | LIO | PRIORITY" },
		{ R | MIO_EXCLUSIVE, "READABLE | EXCLUSIVE" },
		{ P | MIO_EXCLUSIVE, "PRIORITY | EXCLUSIVE" },
		{ W | MIO_LEVEL, "WRITABLE | LEVEL" },
		{ MIO_LEVEL | MIO_EXCLUSIVE | R,
		    "READABLE | EXCLUSIVE | LEVEL" },
		{ 0x20, "0x20" },
		{ R | 0x80000020U, "READABLE | 0x80000020" },
		{ MIO_ERROR, "0x400" },
	};

	for (size_t i = 0; i < LEN(table); ++i) {
		int len = (int)strlen(table[i].text);
		char buf[100], cut[100];

		memset(buf, '#', sizeof(buf));
		ck_assert_int_eq(mio_interest_format(table[i].interests, buf,
				     sizeof(buf)),
		    len);
		ck_assert_str_eq(buf, table[i].text);
		ck_assert_int_eq(
		    mio_interest_format(table[i].interests, NULL, 0), len);
		for (size_t size = 1; size <= (size_t)len + 1; ++size) {
			memset(cut, '#', sizeof(cut));
			ck_assert_int_eq(
			    mio_interest_format(
				table[i].interests, cut, size),
			    len);
			ck_assert_uint_eq(strlen(cut), size - 1);
			ck_assert_int_eq(memcmp(cut, buf, size - 1), 0);
			ck_assert_int_eq(cut[size], '#');
		}
	}
}

static void
silent(struct loop *loop, struct mio_source *source)
{
	CHECK_INT(0, mio_registry_register(loop->registry, source, 1, R));
	QUIET(loop);
	CHECK_INT(0, mio_registry_deregister(loop->registry, source));
}

TEST(int_readable_says_nothing_of_writable, "int-06 regr-27")
{
	struct loop loop;
	struct pair pair;
	struct mio_source listener = MIO_SOURCE_INIT, udp = MIO_SOURCE_INIT;

	loop_open(&loop);
	PAIR(&pair);
	listen_on(&listener, AF_INET);
	udp_open(&udp, AF_INET);
	silent(&loop, &pair.a);
	silent(&loop, &pair.b);
	silent(&loop, &listener);
	silent(&loop, &udp);
	shut(&udp);
	shut(&listener);
	pair_close(&pair);
	loop_close(&loop);
}

TEST(int_writable_with_data_waiting, "int-07")
{
	struct loop loop;
	struct pair pair;

	loop_open(&loop);
	PAIR(&pair);
	put(&pair.b, "x");
	await_fd(mio_source_handle(&pair.a), POLLIN);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 1, W));
	WAIT(&loop, 1, W);
	SETTLE(&loop);
	pair_close(&pair);
	loop_close(&loop);
}

TEST(int_listener_is_never_writable, "int-08")
{
	struct loop loop;
	struct mio_source listener = MIO_SOURCE_INIT;
	struct mio_source stream = MIO_SOURCE_INIT;
	struct addr addr;

	loop_open(&loop);
	addr = listen_on(&listener, AF_INET);
	CHECK_INT(0, mio_registry_register(loop.registry, &listener, 1, W));
	QUIET(&loop);
	CHECK_INT(0, mio_tcp_connect(&stream, &addr.u.any, addr.len));
	await_fd(mio_source_handle(&listener), POLLIN);
	QUIET(&loop);
	CHECK_INT(0, mio_registry_reregister(loop.registry, &listener, 2, R));
	WAIT(&loop, 2, R);
	ck_assert_uint_eq(loop.seen & W, 0);
	shut(&stream);
	shut(&listener);
	loop_close(&loop);
}

TEST(int_priority_is_out_of_band_data, "int-09 int-10 evt-11")
{
#ifdef __linux__
	struct loop loop;
	struct pair pair;
	char byte;

	loop_open(&loop);
	PAIR(&pair);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 1, R | P));
	QUIET(&loop);
	put(&pair.b, "x");
	WAIT(&loop, 1, R);
	ck_assert_uint_eq(loop.seen & P, 0);
	drain(&pair.a);
	CHECK_INT(1, mio_source_send(&pair.b, "!", 1, MSG_OOB));
	WAIT(&loop, 1, R | P);
	CHECK_INT(1, mio_source_recv(&pair.a, &byte, 1, MSG_OOB));
	ck_assert_int_eq(byte, '!');
	/* Without the interest it is not reported. */
	CHECK_INT(0, mio_registry_reregister(loop.registry, &pair.a, 2, R));
	SETTLE(&loop);
	drain(&pair.a);
	CHECK_INT(1, mio_source_send(&pair.b, "!", 1, MSG_OOB));
	pause_ms(20);
	CHECK_INT(1, mio_source_write(&pair.b, "y", 1));
	WAIT(&loop, 2, R);
	ck_assert_uint_eq(loop.seen & P, 0);
	pair_close(&pair);
	loop_close(&loop);
#else
	SKIP("no priority interest on this system");
#endif
}

/* Reading to EAGAIN makes the next out-of-band byte an event as well. */
TEST(int_priority_is_rearmed_with_readable, "int-09")
{
#ifdef __linux__
	struct loop loop;
	struct pair pair;
	char byte;

	loop_open(&loop);
	PAIR(&pair);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 1, R | P));
	for (int round = 0; round < 3; ++round) {
		CHECK_INT(1, mio_source_send(&pair.b, "!", 1, MSG_OOB));
		WAIT(&loop, 1, R | P);
		CHECK_INT(1, mio_source_recv(&pair.a, &byte, 1, MSG_OOB));
		drain(&pair.a);
		SETTLE(&loop);
	}
	pair_close(&pair);
	loop_close(&loop);
#else
	SKIP("no priority interest on this system");
#endif
}

TEST(int_errors_come_whatever_the_interest, "int-11 int-10")
{
	static const unsigned interests[] = {
		R,
		W,
		R | W,
		P,
	};

	for (size_t i = 0; i < LEN(interests); ++i) {
		struct loop loop;
		struct pair pair;

		if (interests[i] == P && !knows_priority())
			continue;
		/* NetBSD's poll(2) says IN and OUT, the latter as before. */
		if ((interests[i] & R) == 0 && !tells_ends())
			continue;
		loop_open(&loop);
		PAIR(&pair);
		CHECK_INT(0,
		    mio_registry_register(
			loop.registry, &pair.a, 1, interests[i]));
		SETTLE(&loop);
		abort_connection(&pair.b);
		WAIT(&loop, 1, R | W | E);
		pair_close(&pair);
		loop_close(&loop);
	}
}

SUITE(int, &int_bits_are_distinct, &int_union_asks_for_both,
    &int_formats_in_a_fixed_order, &int_readable_says_nothing_of_writable,
    &int_writable_with_data_waiting, &int_listener_is_never_writable,
    &int_priority_is_out_of_band_data,
    &int_priority_is_rearmed_with_readable,
    &int_errors_come_whatever_the_interest);
