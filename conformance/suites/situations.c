/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "situations.h"

#include "harness.h"
#include "main.h"

#include <poll.h>

/* Appendix A's table is Linux's, where poll(2) and epoll agree on these. */
enum {
	IN = 0x1,
	PRI = 0x2,
	OUT = 0x4,
	ERR = 0x8,
	HUP = 0x10,
	RDHUP = 0x2000
};

enum { SUBJECT = 7 };

struct scene {
	struct loop loop;
	struct mio_source subject; /* what is watched */
	struct mio_source peer;
	struct mio_waker *waker; /* watches itself */
};

/* Setups. */

static void
tcp(struct scene *scene)
{
	struct pair pair;

	PAIR(&pair);
	scene->subject = pair.a;
	scene->peer = pair.b;
}

static void
tcp_unread(struct scene *scene)
{
	tcp(scene);
	put(&scene->peer, "data");
	await_fd(mio_source_handle(&scene->subject), POLLIN);
}

static void
tcp_unread_peer_shut(struct scene *scene)
{
	tcp_unread(scene);
	CHECK_INT(0, mio_source_shutdown(&scene->peer, SHUT_WR));
#ifdef POLLRDHUP
	await_fd(mio_source_handle(&scene->subject), POLLRDHUP);
#endif
}

static void
tcp_refused(struct scene *scene)
{
	struct addr addr = dead_addr(&scene->peer, AF_INET);

	ck_assert_msg(start_refused(&scene->subject, &addr),
	    "the kernel never says EINPROGRESS");
	await_fd(mio_source_handle(&scene->subject), POLLOUT);
}

static void
unix_stream(struct scene *scene)
{
	CHECK_INT(0, mio_unix_pair(&scene->subject, &scene->peer));
}

static void
unix_dgram(struct scene *scene)
{
	CHECK_INT(0, mio_unix_dgram_pair(&scene->subject, &scene->peer));
}

static void
udp_refused(struct scene *scene)
{
	struct addr addr = dead_udp(&scene->peer, AF_INET);

	udp_open(&scene->subject, AF_INET);
	CHECK_INT(
	    0, mio_source_connect(&scene->subject, &addr.u.any, addr.len));
}

static void
pipe_receiver(struct scene *scene)
{
	CHECK_INT(0, mio_pipe_new(&scene->subject, &scene->peer));
}

static void
pipe_sender(struct scene *scene)
{
	CHECK_INT(0, mio_pipe_new(&scene->peer, &scene->subject));
}

static void
pipe_sender_full(struct scene *scene)
{
	pipe_sender(scene);
	fill(&scene->subject);
}

static void
pipe_sender_alone(struct scene *scene)
{
	pipe_sender(scene);
	shut(&scene->peer);
}

static void
wakened(struct scene *scene)
{
	CHECK_INT(
	    0, mio_waker_new(&scene->waker, scene->loop.registry, SUBJECT));
}

/* Actions. */

static void
peer_writes(struct scene *scene)
{
	put(&scene->peer, "data");
}

static void
peer_sends_urgent(struct scene *scene)
{
	CHECK_INT(1, mio_source_send(&scene->peer, "!", 1, MSG_OOB));
}

static void
peer_shuts_rd(struct scene *scene)
{
	CHECK_INT(0, mio_source_shutdown(&scene->peer, SHUT_RD));
}

static void
peer_shuts_wr(struct scene *scene)
{
	CHECK_INT(0, mio_source_shutdown(&scene->peer, SHUT_WR));
}

static void
peer_shuts_rdwr(struct scene *scene)
{
	CHECK_INT(0, mio_source_shutdown(&scene->peer, SHUT_RDWR));
}

static void
peer_closes(struct scene *scene)
{
	shut(&scene->peer);
}

static void
peer_resets(struct scene *scene)
{
	abort_connection(&scene->peer);
}

static void
shuts_rd(struct scene *scene)
{
	CHECK_INT(0, mio_source_shutdown(&scene->subject, SHUT_RD));
}

static void
shuts_wr(struct scene *scene)
{
	CHECK_INT(0, mio_source_shutdown(&scene->subject, SHUT_WR));
}

static void
shuts_rdwr(struct scene *scene)
{
	CHECK_INT(0, mio_source_shutdown(&scene->subject, SHUT_RDWR));
}

static void
sends(struct scene *scene)
{
	CHECK_INT(1, mio_source_send(&scene->subject, "x", 1, 0));
}

static void
wakes(struct scene *scene)
{
	CHECK_INT(0, mio_waker_wake(scene->waker));
}

static void
reads_one_gets_more(struct scene *scene)
{
	char byte;

	CHECK_INT(1, mio_source_read(&scene->subject, &byte, 1));
	put(&scene->peer, "more");
}

/* The table. */

const struct situation situations[] = {
#define SITUATION(name, row, what, setup, interests, action, epoll_flags,    \
    epoll_native, poll_flags, poll_native)                                   \
	{ #name, row, what, setup, interests, action,                        \
		{ { "epoll", epoll_flags, epoll_native },                    \
			{ "poll", poll_flags, poll_native } } },
#include "situations.def"
#undef SITUATION
};
const size_t situations_count = LEN(situations);

enum {
#define SITUATION(name, ...) PLACE_##name,
#include "situations.def"
#undef SITUATION
};

const struct golden *
situation_golden(const struct situation *situation, const char *name)
{
	/* The lines are of a poll(2) that has POLLRDHUP. */
	if (!tells_ends())
		return NULL;
	for (size_t i = 0; i < LEN(situation->golden); ++i) {
		const struct golden *golden = &situation->golden[i];
		size_t len = strlen(golden->selector);

		if (strncmp(name, golden->selector, len) == 0 &&
		    (name[len] == '+' || name[len] == '\0'))
			return golden;
	}
	return NULL;
}

unsigned
golden_flags(const struct golden *golden)
{
	unsigned flags = golden->flags;

	if (flags & (RC | E | P))
		flags |= R;
	if (flags & (WC | E))
		flags |= W;
	/* Both halves closed, without an error, is a hang-up. */
	if ((flags & RC) && (flags & WC))
		flags |= R | W;
	return flags;
}

bool
golden_differs(const struct golden *golden, unsigned delivered)
{
	unsigned exact = RC | WC | E | P;
	unsigned want = golden_flags(golden);

	return (delivered & want) != want ||
	    (delivered & exact) != (want & exact);
}

const char *
flag_letters(unsigned flags, char *buf, size_t size)
{
	static const struct {
		unsigned flag;
		const char *letter;
	} letters[] = {
		{ R, "R" },
		{ W, "W" },
		{ E, "E" },
		{ P, "P" },
		{ RC, "rc" },
		{ WC, "wc" },
	};
	size_t len = 0;

	snprintf(buf, size, "-");
	for (size_t i = 0; i < LEN(letters); ++i)
		if ((flags & letters[i].flag) && len < size)
			len += (size_t)snprintf(buf + len, size - len, "%s%s",
			    len > 0 ? " " : "", letters[i].letter);
	return buf;
}

/* Adds what the last poll brought to `seen`. */
static void
look(const struct loop *loop, struct seen *seen)
{
	MIO_EVENTS_FOREACH (event, loop->events) {
		ck_assert_uint_eq(event->token, SUBJECT);
		seen->flags |= event->readiness;
		seen->native |= event->native;
		++seen->events;
	}
}

/* Until `want` is there, then until a poll brings nothing. */
static void
observe(struct loop *loop, unsigned want, struct seen *seen)
{
	int64_t end = now_ns() + (int64_t)(2e9 * slowness());

	while ((seen->flags & want) != want && now_ns() < end) {
		loop_poll(loop, 100 * MIO_MSEC);
		look(loop, seen);
	}
	for (int i = 0; i < 20 && loop_poll(loop, 40 * MIO_MSEC) > 0; ++i)
		look(loop, seen);
}

static void
judge(const struct golden *golden, const struct seen *seen)
{
	char got[40], want[40];

	/* Without a line for this selector, what always holds. */
	if (golden == NULL)
		return;
	ck_assert_msg(!golden_differs(golden, seen->flags),
	    "%s (native %#x) in %u events instead of %s (native %#x)",
	    flag_letters(seen->flags, got, sizeof(got)),
	    (unsigned)seen->native, seen->events,
	    flag_letters(golden_flags(golden), want, sizeof(want)),
	    (unsigned)golden->native);
}

static void
perform(const struct situation *situation)
{
	const struct golden *golden = situation_golden(situation, backend());
	struct scene scene = { .subject = MIO_SOURCE_INIT,
		.peer = MIO_SOURCE_INIT };
	struct seen seen = { 0, 0, 0 };

	loop_open(&scene.loop);
	situation->setup(&scene);
	if (scene.waker == NULL)
		CHECK_INT(0,
		    mio_registry_register(scene.loop.registry, &scene.subject,
			SUBJECT, situation->interests));
	if (situation->action != NULL) {
		SETTLE(&scene.loop);
		situation->action(&scene);
	}
	observe(&scene.loop, golden != NULL ? golden_flags(golden) : 0, &seen);
	test_saw(&seen);
	judge(golden, &seen);
	shut(&scene.subject);
	shut(&scene.peer);
	mio_waker_free(scene.waker);
	loop_close(&scene.loop);
}

/* A test for each. */

#define SITUATION(name, row, ...)                                            \
	TEST(matrix_##name, row)                                             \
	{                                                                    \
		perform(&situations[PLACE_##name]);                          \
	}
#include "situations.def"
#undef SITUATION

const TTest *const matrix_suite[] = {
#define SITUATION(name, ...) &matrix_##name,
#include "situations.def"
#undef SITUATION
	NULL
};
