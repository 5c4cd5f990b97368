/* SPDX-License-Identifier: MIT */
/* Events and their buffer.  The formulas: test_units.c. */

#include "config.h"

#include "harness.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

TEST(evt_new_buffer_is_empty, "evt-02")
{
	static const size_t capacities[] = { 1, 2, 16, 1000, 1 << 20 };

	for (size_t i = 0; i < LEN(capacities); ++i) {
		struct mio_events *events;

		CHECK_INT(0, mio_events_new(&events, capacities[i]));
		ck_assert_uint_eq(
		    mio_events_capacity(events), capacities[i]);
		ck_assert_uint_eq(mio_events_count(events), 0);
		ck_assert_ptr_null(mio_events_get(events, 0));
		ck_assert_ptr_null(mio_events_get(events, SIZE_MAX));
		MIO_EVENTS_FOREACH(event, events)
			ck_abort_msg("an event: %p", (const void *)event);
		mio_events_free(events);
	}
}

TEST(evt_clear_empties, "evt-03")
{
	struct loop loop;
	struct mio_waker *waker;

	loop_open_capacity(&loop, 16);
	CHECK_INT(0, mio_waker_new(&waker, loop.registry, 3));
	CHECK_INT(0, mio_waker_wake(waker));
	WAIT(&loop, 3, R);
	ck_assert_uint_gt(mio_events_count(loop.events), 0);
	mio_events_clear(loop.events);
	ck_assert_uint_eq(mio_events_count(loop.events), 0);
	ck_assert_ptr_null(mio_events_get(loop.events, 0));
	ck_assert_uint_eq(mio_events_capacity(loop.events), 16);
	mio_waker_free(waker);
	loop_close(&loop);
}

enum { READY = 5 };

static void
report_again(const struct loop *loop, struct mio_source ends[2 * READY])
{
	for (size_t i = 0; i < READY; ++i)
		CHECK_INT(0,
		    mio_registry_reregister(
			loop->registry, &ends[2 * i], 50 + i, R));
}

/* Pipes that are ready to read, with tokens from 50; one poll saw all. */
static void
open_ready(struct loop *loop, struct mio_source ends[2 * READY])
{
	int64_t limit = now_ns() + 5 * MIO_SEC * (int)slowness();

	for (size_t i = 0; i < READY; ++i) {
		struct mio_source none = MIO_SOURCE_INIT;

		ends[2 * i] = ends[2 * i + 1] = none;
		CHECK_INT(0, mio_pipe_new(&ends[2 * i], &ends[2 * i + 1]));
		put(&ends[2 * i + 1], "x");
		CHECK_INT(0,
		    mio_registry_register(
			loop->registry, &ends[2 * i], 50 + i, R));
	}
	do {
		report_again(loop, ends);
		loop_poll(loop, MIO_SEC);
	} while (mio_events_count(loop->events) < READY && now_ns() < limit);
	ck_assert_uint_eq(mio_events_count(loop->events), READY);
}

static void
close_ready(struct mio_source ends[2 * READY])
{
	for (size_t i = 0; i < 2 * READY; ++i)
		shut(&ends[i]);
}

TEST(evt_iteration_visits_each_once, "evt-04 evt-05")
{
	struct loop loop;
	struct mio_source ends[2 * READY];
	mio_token first[READY];
	size_t n = 0;
	unsigned seen = 0;

	loop_open(&loop);
	open_ready(&loop, ends);
	MIO_EVENTS_FOREACH(event, loop.events) {
		ck_assert_uint_lt(n, READY);
		ck_assert_ptr_eq(event, mio_events_get(loop.events, n));
		first[n++] = event->token;
		ck_assert_uint_ge(event->token, 50);
		ck_assert_uint_lt(event->token, 50 + READY);
		seen |= 1U << (event->token - 50);
	}
	ck_assert_uint_eq(n, mio_events_count(loop.events));
	ck_assert_uint_eq(seen, (1U << READY) - 1);
	ck_assert_ptr_null(mio_events_get(loop.events, n));
	n = 0;
	MIO_EVENTS_FOREACH(event, loop.events)
		ck_assert_uint_eq(event->token, first[n++]);
	ck_assert_uint_eq(n, READY);
	/* break ends the one loop that it looks like. */
	n = 0;
	MIO_EVENTS_FOREACH(event, loop.events) {
		++n;
		break;
	}
	ck_assert_uint_eq(n, 1);
	close_ready(ends);
	loop_close(&loop);
}

TEST(evt_iteration_of_nothing, "evt-02 evt-04")
{
	struct loop loop;
	struct mio_source ends[2 * READY];
	size_t n = 0;

	loop_open(&loop);
	open_ready(&loop, ends);
	/* Cleared in the loop: it ends. */
	MIO_EVENTS_FOREACH(event, loop.events) {
		++n;
		mio_events_clear(loop.events);
	}
	ck_assert_uint_eq(n, 1);
	report_again(&loop, ends);
	WAIT_ALL(&loop, 50, READY, R);
	n = 0;
	MIO_EVENTS_FOREACH(event, loop.events) {
		++n;
		mio_events_forget(loop.events, event->token);
		mio_events_clear(loop.events);
	}
	ck_assert_uint_eq(n, 1);
	/* A wait in vain empties the buffer. */
	report_again(&loop, ends);
	WAIT_ALL(&loop, 50, READY, R);
	SETTLE(&loop);
	CHECK_INT(0, loop_poll(&loop, 0));
	ck_assert_uint_eq(mio_events_count(loop.events), 0);
	ck_assert_ptr_null(mio_events_get(loop.events, 0));
	MIO_EVENTS_FOREACH(event, loop.events)
		ck_abort_msg("an event: %p", (const void *)event);
	mio_events_forget(loop.events, 50);
	ck_assert_uint_eq(mio_events_count(loop.events), 0);
	close_ready(ends);
	loop_close(&loop);
}

TEST(evt_forgotten_events_are_skipped, "evt-04 reg-13")
{
	struct loop loop;
	struct mio_source ends[2 * READY];
	const struct mio_event *event;
	size_t visited = 0;
	mio_token last;

	loop_open(&loop);
	open_ready(&loop, ends);
	/* Visited and unvisited ones, in the loop. */
	last = mio_events_get(loop.events, READY - 1)->token;
	MIO_EVENTS_FOREACH(each, loop.events) {
		++visited;
		ck_assert_uint_ne(each->readiness, 0);
		mio_events_forget(loop.events, last);
		mio_events_forget(loop.events, each->token);
	}
	ck_assert_uint_eq(visited, READY - 1);
	/* Places and count stay. */
	ck_assert_uint_eq(mio_events_count(loop.events), READY);
	for (size_t i = 0; i < READY; ++i) {
		event = mio_events_get(loop.events, i);
		ck_assert_ptr_nonnull(event);
		ck_assert_uint_eq(event->readiness, 0);
		ck_assert_uint_ge(event->token, 50);
	}
	mio_events_forget(loop.events, 4711);
	/* The next poll knows nothing of it. */
	report_again(&loop, ends);
	WAIT_ALL(&loop, 50, READY, R);
	close_ready(ends);
	loop_close(&loop);
}

/* Each of them, and each but one, before the loop begins. */
TEST(evt_forgotten_before_iteration, "evt-04")
{
	struct loop loop;
	struct mio_source ends[2 * READY];

	loop_open(&loop);
	open_ready(&loop, ends);
	for (size_t left = 0; left <= READY; ++left) {
		size_t n = 0;

		report_again(&loop, ends);
		CHECK_INT(READY, loop_poll(&loop, MIO_SEC));
		for (size_t i = 0; i < READY; ++i)
			if (i != left)
				mio_events_forget(loop.events, 50 + i);
		MIO_EVENTS_FOREACH(event, loop.events) {
			ck_assert_uint_eq(event->token, 50 + left);
			++n;
		}
		ck_assert_uint_eq(n, left < READY);
		ck_assert_uint_eq(mio_events_count(loop.events), READY);
		ck_assert_ptr_nonnull(
		    mio_events_get(loop.events, READY - 1));
		ck_assert_ptr_null(mio_events_get(loop.events, READY));
	}
	close_ready(ends);
	loop_close(&loop);
}

TEST(evt_forget_takes_one_token_only, "evt-04")
{
	struct loop loop;
	struct mio_source ends[2 * READY];

	loop_open(&loop);
	open_ready(&loop, ends);
	mio_events_forget(loop.events, 52);
	for (size_t i = 0; i < READY; ++i) {
		const struct mio_event *event = mio_events_get(loop.events, i);

		if (event->token == 52)
			ck_assert_uint_eq(event->readiness, 0);
		else
			ck_assert_uint_eq(event->readiness & R, R);
	}
	close_ready(ends);
	loop_close(&loop);
}

TEST(evt_readable_means, "evt-06 evt-11 int-09 int-10")
{
	struct loop loop;
	struct pair pair;
	struct mio_source listener = MIO_SOURCE_INIT;
	struct mio_source stream = MIO_SOURCE_INIT;
	struct addr addr;

	loop_open(&loop);
	/* A connection. */
	addr = listen_on(&listener, AF_INET);
	CHECK_INT(0, mio_registry_register(loop.registry, &listener, 1, R));
	CHECK_INT(0, mio_tcp_connect(&stream, &addr.u.any, addr.len));
	WAIT(&loop, 1, R);
	/* Data, and then end of file. */
	PAIR(&pair);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 2, R));
	put(&pair.b, "x");
	WAIT(&loop, 2, R);
	ck_assert_uint_eq(loop.seen & (P | RC | WC | E), 0);
	drain(&pair.a);
	shut(&pair.b);
	WAIT(&loop, 2, R);
	pair_close(&pair);
	if (knows_priority()) {
		PAIR(&pair);
		CHECK_INT(
		    0, mio_registry_register(loop.registry, &pair.a, 3, P));
		QUIET(&loop);
		CHECK_INT(1, mio_source_send(&pair.b, "!", 1, MSG_OOB));
		WAIT(&loop, 3, P | R);
		MIO_EVENTS_FOREACH(event, loop.events)
			if (event->token == 3 && (event->readiness & P))
				ck_assert_uint_eq(event->readiness & R, R);
		pair_close(&pair);
	}
	shut(&stream);
	shut(&listener);
	loop_close(&loop);
}

TEST(evt_writable_and_error_of_a_refused_connect, "evt-07 evt-08 int-11")
{
	static const unsigned interests[] = { R, W, R | W };
	struct mio_source taken = MIO_SOURCE_INIT;
	struct addr addr = dead_addr(&taken, AF_INET);

	for (size_t i = 0; i < LEN(interests); ++i) {
		struct loop loop;
		struct mio_source stream = MIO_SOURCE_INIT;
		int error = 0;

		loop_open(&loop);
		if (!start_refused(&stream, &addr)) {
			loop_close(&loop);
			continue;
		}
		CHECK_INT(0,
		    mio_registry_register(
			loop.registry, &stream, 1, interests[i]));
		WAIT(&loop, 1, R | W | E | WC);
		CHECK_INT(0, mio_source_take_error(&stream, &error));
		ck_assert_int_eq(error, ECONNREFUSED);
		CHECK_INT(0, mio_source_take_error(&stream, &error));
		ck_assert_int_eq(error, 0);
		shut(&stream);
		loop_close(&loop);
	}
	shut(&taken);
}

TEST(evt_read_closed_is_never_false, "evt-09 evt-10")
{
	struct loop loop;
	struct pair pair;

	loop_open(&loop);
	PAIR(&pair);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 1, R | W));
	WAIT(&loop, 1, W);
	ck_assert_uint_eq(loop.seen & (RC | WC | E), 0);
	put(&pair.b, "x");
	WAIT(&loop, 1, R);
	ck_assert_uint_eq(loop.seen & (RC | WC | E), 0);
	drain(&pair.a);
	CHECK_INT(0, mio_source_shutdown(&pair.b, SHUT_WR));
	WAIT(&loop, 1, R | RC);
	ck_assert_uint_eq(loop.seen & (WC | E), 0);
	/* Its own writing half, too, is over with this. */
	CHECK_INT(0, mio_source_shutdown(&pair.a, SHUT_WR));
	if (tells_ends())
		WAIT(&loop, 1, WC);
	pair_close(&pair);
	loop_close(&loop);
}

/* Each way to ask for readable has to ask for the peer's end, too. */
TEST(evt_read_closed_for_readable_alone, "evt-09 tcps-19")
{
	struct loop loop;
	struct pair pair;

	loop_open(&loop);
	for (int again = 0; again < 2; ++again) {
		PAIR(&pair);
		CHECK_INT(0,
		    mio_registry_register(
			loop.registry, &pair.a, 1, again ? W : R));
		if (again)
			CHECK_INT(0,
			    mio_registry_reregister(
				loop.registry, &pair.a, 2, R));
		QUIET(&loop);
		CHECK_INT(0, mio_source_shutdown(&pair.b, SHUT_WR));
		WAIT(&loop, again ? 2 : 1, R | RC);
		ck_assert_uint_eq(loop.seen & (WC | E), 0);
		pair_close(&pair);
	}
	loop_close(&loop);
}

TEST(evt_read_closed_of_local_shutdowns, "evt-09 evt-10")
{
	struct loop loop;
	struct pair pair;

	loop_open(&loop);
	PAIR(&pair);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 1, R | W));
	WAIT(&loop, 1, W);
	CHECK_INT(0, mio_source_shutdown(&pair.a, SHUT_RD));
	WAIT(&loop, 1, R | RC);
	ck_assert_uint_eq(loop.seen & WC, 0);
	pair_close(&pair);

	PAIR(&pair);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 2, R | W));
	WAIT(&loop, 2, W);
	CHECK_INT(0, mio_source_shutdown(&pair.a, SHUT_RDWR));
	WAIT(&loop, 2, R | W | RC | WC);
	pair_close(&pair);
	loop_close(&loop);
}

TEST(evt_write_closed_without_its_reader, "evt-10 evt-08")
{
	struct loop loop;
	struct mio_source receiver = MIO_SOURCE_INIT;
	struct mio_source sender = MIO_SOURCE_INIT;

	loop_open(&loop);
	for (int full = 0; full < 2; ++full) {
		CHECK_INT(0, mio_pipe_new(&receiver, &sender));
		CHECK_INT(
		    0, mio_registry_register(loop.registry, &sender, 1, W));
		WAIT(&loop, 1, W);
		if (full)
			fill(&sender);
		shut(&receiver);
		WAIT(&loop, 1, W | WC | lone_error());
		if (loop.seen & E)
			ck_assert_uint_eq(loop.seen & R, R);
		shut(&sender);
	}
	loop_close(&loop);
}

TEST(evt_predicates_answer_their_bit, "evt-12 evt-13 int-01")
{
	static const struct {
		unsigned bit;
		bool (*is)(const struct mio_event *event);
	} table[] = {
		{ MIO_READABLE, mio_event_is_readable },
		{ MIO_WRITABLE, mio_event_is_writable },
		{ MIO_AIO, mio_event_is_aio },
		{ MIO_LIO, mio_event_is_lio },
		{ MIO_PRIORITY, mio_event_is_priority },
		{ MIO_READ_CLOSED, mio_event_is_read_closed },
		{ MIO_WRITE_CLOSED, mio_event_is_write_closed },
		{ MIO_ERROR, mio_event_is_error },
	};
	struct mio_event event = { 1, 0, 0 };

	for (size_t i = 0; i < LEN(table); ++i) {
		event.readiness = 0;
		event.native = UINT32_MAX;
		ck_assert(!table[i].is(&event));
		event.native = 0;
		for (size_t j = 0; j < LEN(table); ++j) {
			event.readiness = table[j].bit;
			ck_assert_int_eq(table[i].is(&event), i == j);
			event.readiness = ~table[j].bit;
			ck_assert_int_eq(table[i].is(&event), i != j);
		}
	}
}

TEST(evt_copy_outlives_the_buffer, "evt-14 evt-01")
{
	struct loop loop;
	struct pair pair;
	struct mio_event copy = { 0, 0, 0 };

	loop_open(&loop);
	PAIR(&pair);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 77, R));
	put(&pair.b, "x");
	WAIT(&loop, 77, R);
	MIO_EVENTS_FOREACH(event, loop.events)
		copy = *event;
	drain(&pair.a);
	SETTLE(&loop);
	loop_close(&loop);
	ck_assert_uint_eq(copy.token, 77);
	ck_assert(mio_event_is_readable(&copy));
	ck_assert_uint_ne(copy.native, 0);
	pair_close(&pair);
}

TEST(evt_formats_as_snprintf_does, "evt-15")
{
	static const struct {
		struct mio_event event;
		const char *holds[4];
	} table[] = {
		{ { 0, 0, 0 }, { "0" } },
		{ { 12, R, 1 }, { "12", "READABLE" } },
		{ { 12, R | W | RC | WC | E | P, 0x1f },
		    { "WRITABLE", "READ_CLOSED", "WRITE_CLOSED",
			"PRIORITY" } },
		{ { 3, R | W | E, 8 }, { "ERROR" } },
		{ { UINTPTR_MAX, UINT32_MAX, UINT32_MAX }, { "AIO", "LIO" } },
	};

	for (size_t i = 0; i < LEN(table); ++i) {
		char whole[512], cut[512];
		int len =
		    mio_event_format(&table[i].event, whole, sizeof(whole));

		ck_assert_int_gt(len, 0);
		ck_assert_int_lt(len, (int)sizeof(whole));
		ck_assert_uint_eq(strlen(whole), (size_t)len);
		for (size_t j = 0; j < 4 && table[i].holds[j] != NULL; ++j)
			ck_assert_msg(
			    strstr(whole, table[i].holds[j]) != NULL,
			    "no %s in \"%s\"", table[i].holds[j], whole);
		ck_assert_int_eq(
		    mio_event_format(&table[i].event, NULL, 0), len);
		for (size_t size = 0; size <= (size_t)len + 1; ++size) {
			size_t want = size == 0 ? 0 : size - 1;

			memset(cut, '#', sizeof(cut));
			ck_assert_int_eq(
			    mio_event_format(&table[i].event, cut, size),
			    len);
			ck_assert_int_eq(memcmp(cut, whole, want), 0);
			ck_assert(size == 0 || cut[want] == '\0');
			ck_assert_int_eq(cut[size], '#');
		}
	}
	/* It says different things of different events. */
	{
		char a[200], b[200];

		mio_event_format(&table[1].event, a, sizeof(a));
		mio_event_format(&table[3].event, b, sizeof(b));
		ck_assert_str_ne(a, b);
		ck_assert_ptr_null(strstr(a, "WRITABLE"));
		ck_assert_ptr_null(strstr(a, "ERROR"));
	}
}

TEST(evt_hangup_is_readable, "evt-17 evt-18")
{
	struct loop loop;
	struct mio_source receiver = MIO_SOURCE_INIT;
	struct mio_source sender = MIO_SOURCE_INIT;
	struct pair pair;
	char byte;

	loop_open(&loop);
	/* A loop that looks at readable alone gets to see the end. */
	CHECK_INT(0, mio_pipe_new(&receiver, &sender));
	CHECK_INT(0, mio_registry_register(loop.registry, &receiver, 1, R));
	put(&sender, "x");
	WAIT(&loop, 1, R);
	drain(&receiver);
	shut(&sender);
	WAIT(&loop, 1, R);
	CHECK_INT(0, mio_source_read(&receiver, &byte, 1));
	ck_assert_uint_eq(loop.seen & RC, RC);
	shut(&receiver);
	if (!tells_ends()) {
		loop_close(&loop);
		return; /* to read the data is to find the end */
	}

	/* Data not drained, then the peer's end of writing. */
	PAIR(&pair);
	CHECK_INT(0, mio_registry_register(loop.registry, &pair.a, 2, R));
	put(&pair.b, "x");
	WAIT(&loop, 2, R);
	SETTLE(&loop);
	CHECK_INT(0, mio_source_shutdown(&pair.b, SHUT_WR));
	WAIT(&loop, 2, R);
	expect(&pair.a, "x");
	CHECK_INT(0, mio_source_read(&pair.a, &byte, 1));
	pair_close(&pair);
	loop_close(&loop);
}

/* The issue's (4): loop_poll fails on a flagless event. */
TEST(evt_closed_raw_descriptor_does_not_spin, "evt-19 B-3")
{
	struct loop loop;
	int ends[2], events = 0;

	loop_open(&loop);
	ck_assert_int_eq(pipe(ends), 0);
	CHECK_INT(
	    0, mio_registry_register_fd(loop.registry, ends[0], 1, R));
	CHECK_INT(
	    0, mio_registry_register_fd(loop.registry, ends[1], 2, W));
	WAIT(&loop, 2, W);
	close(ends[0]);
	close(ends[1]);
	for (int i = 0; i < 5; ++i)
		events += loop_poll(&loop, 20 * MIO_MSEC);
	ck_assert_int_le(events, 1);
	loop_close(&loop);
}

TEST(evt_refuses_bad_arguments, "evt-02 evt-13 lim-06 lim-07")
{
	struct mio_events *untouched = (struct mio_events *)&errno;
	struct mio_events *events = untouched;
	struct mio_event event = { 1, R, 1 };
	char buf[8] = "#######";

	CHECK_FAILS(EINVAL, mio_events_new(NULL, 1));
	CHECK_FAILS(EINVAL, mio_events_new(&events, 0));
	CHECK_FAILS(ENOMEM, mio_events_new(&events, SIZE_MAX));
	CHECK_FAILS(ENOMEM, mio_events_new(&events, SIZE_MAX / 2));
	CHECK_FAILS(ENOMEM, mio_events_new(&events, SIZE_MAX / 16 + 1));
	ck_assert_ptr_eq(events, untouched);
	mio_events_free(NULL);
	mio_events_clear(NULL);
	mio_events_forget(NULL, 1);
	ck_assert_uint_eq(mio_events_capacity(NULL), 0);
	ck_assert_uint_eq(mio_events_count(NULL), 0);
	ck_assert_ptr_null(mio_events_get(NULL, 0));

	CHECK_FAILS(EINVAL, mio_event_format(NULL, buf, sizeof(buf)));
	CHECK_FAILS(EINVAL, mio_event_format(&event, NULL, 5));
	CHECK_FAILS(EINVAL, mio_interest_format(R, NULL, 5));
	ck_assert_str_eq(buf, "#######");
}

SUITE(evt, &evt_new_buffer_is_empty, &evt_clear_empties,
    &evt_iteration_visits_each_once, &evt_forgotten_events_are_skipped,
    &evt_forget_takes_one_token_only, &evt_readable_means,
    &evt_writable_and_error_of_a_refused_connect,
    &evt_read_closed_is_never_false, &evt_read_closed_for_readable_alone,
    &evt_read_closed_of_local_shutdowns,
    &evt_write_closed_without_its_reader, &evt_predicates_answer_their_bit,
    &evt_copy_outlives_the_buffer, &evt_formats_as_snprintf_does,
    &evt_hangup_is_readable, &evt_closed_raw_descriptor_does_not_spin,
    &evt_refuses_bad_arguments);
