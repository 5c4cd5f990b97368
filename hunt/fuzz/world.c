/* SPDX-License-Identifier: MIT */
/*
 * The model.  A direction of a registration is armed by registering and by
 * I/O that said EAGAIN, and disarmed by an event that has it.  Armed, and so
 * by the word of poll(2), it must be reported before mio_poll has nothing
 * more to tell.  More events than that may come, but none for what is not
 * registered, none that says what is not so, and not without end.
 */

#include "config.h"
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef POLLRDHUP
#define POLLRDHUP 0
#endif

#define R MIO_READABLE
#define W MIO_WRITABLE
#define P MIO_PRIORITY

int64_t fuzz_patience = 5 * MIO_SEC;

static char buf[65536];
static const size_t capacities[] = { 1, 3, 64 };
static struct mio_events *buffers[3]; /* one serves every backend */

void
world_fail(struct world *w, enum fault fault, mio_token token, unsigned bits,
    const char *text)
{
	struct finding *found = w->finding;

	found->fault = fault;
	found->world = w->number;
	found->token = token;
	found->bits = bits;
	snprintf(found->text, sizeof(found->text), "%s: %s (token %#jx, %#x)",
	    w->backend, text, (uintmax_t)token, bits);
	longjmp(*w->escape, 1);
}

/* -1: there is none. */
static int
handle_of(const struct slot *s, int which)
{
	if (which != 0)
		return s->dup;
	return s->fd >= 0 ? s->fd : mio_source_handle(&s->source);
}

/* That descriptor, as the programs printed call it. */
static int
name_fd(struct world *w, const struct slot *s, int which)
{
	say(w, "fd = %s;",
	    which != 0   ? "s->dup"
	    : s->fd >= 0 ? "s->fd"
			 : "mio_source_handle(&s->source)");
	return handle_of(s, which);
}

static bool
is_source(const struct slot *s, int which)
{
	return which == 0 && s->fd < 0;
}

/* The file's descriptor, whichever there is. */
static int
any_handle(const struct slot *s)
{
	int fd = handle_of(s, 0);

	return fd >= 0 ? fd : s->dup;
}

static bool
is_open(const struct slot *s)
{
	return any_handle(s) >= 0;
}

static int
level_of(int fd)
{
	struct pollfd look = { .fd = fd,
		.events = POLLIN | POLLOUT | POLLPRI | POLLRDHUP };

	return poll(&look, 1, 0) == 1 ? look.revents : 0;
}

static void
see_levels(struct world *w)
{
	struct pollfd look[SLOTS];

	for (int i = 0; i < SLOTS; i++) {
		look[i].fd = any_handle(&w->slots[i]);
		look[i].events = POLLIN | POLLOUT | POLLPRI | POLLRDHUP;
		look[i].revents = 0;
	}
	poll(look, SLOTS, 0);
	for (int i = 0; i < SLOTS; i++)
		w->slots[i].level = look[i].revents;
}

/* What is so of what was asked for. */
static unsigned
due(int level, unsigned interests)
{
	unsigned bits = 0;

	if (level & (POLLIN | POLLHUP | POLLERR | POLLRDHUP))
		bits |= R;
	if (level & (POLLOUT | POLLHUP | POLLERR))
		bits |= W;
	if (level & POLLPRI)
		bits |= P;
	return bits & interests;
}

/* All that an event may say. */
static unsigned
truth(int level, unsigned interests)
{
	unsigned bits = due(level, interests);

	if (level & POLLRDHUP && interests & R)
		bits |= MIO_READ_CLOSED;
	if (level & POLLPRI && interests & P)
		bits |= R;
	if (level & (POLLHUP | POLLERR))
		bits |= R | W;
	if (level & POLLERR)
		bits |= MIO_ERROR | MIO_WRITE_CLOSED;
	if (level & POLLHUP)
		bits |= MIO_READ_CLOSED | MIO_WRITE_CLOSED;
	return bits;
}

static void
expect(
    struct world *w, int result, int error, mio_token token, const char *what)
{
	if (error == 0 ? result != 0 : result != -1 || errno != error)
		world_fail(w, CALL, token, (unsigned)error, what);
}

/* I/O said EAGAIN: the next edge is promised. */
static void
told(struct world *w, struct slot *s, int which, unsigned direction)
{
	struct registration *r = &s->registrations[which];
	int fd = handle_of(s, which);
	int result, level;

	if (r->interests == 0)
		return;
	if (!is_source(s, which)) {
		LET(direction, direction);
		fd = name_fd(w, s, which);
		DO(result = mio_registry_rearm_fd(w->registry, fd, direction));
		expect(w, result, 0, r->token, "rearm_fd");
	}
	/* Some say EAGAIN and are ready: a datagram socket that is shut. */
	level = level_of(fd);
	if (level & (POLLHUP | POLLERR))
		return;
	if (direction & R)
		direction |= P;
	r->armed |= r->interests & direction & ~due(level, R | W | P);
}

/* Whose is it?  NULL with a ghost, or not at all. */
static struct slot *
find(struct world *w, mio_token token, int *which)
{
	for (struct slot *s = w->slots; s < w->slots + SLOTS; s++)
		for (*which = 0; *which < 2; ++*which)
			if (s->registrations[*which].interests != 0 &&
			    s->registrations[*which].token == token)
				return s;
	return NULL;
}

static bool
is_ghost(const struct world *w, mio_token token)
{
	for (const struct slot *s = w->slots; s < w->slots + SLOTS; s++)
		for (size_t i = 0; i < s->ghosts_count; i++)
			if (s->ghosts[i] == token)
				return true;
	return false;
}

static void
judge_event(struct world *w, const struct mio_event *event)
{
	struct slot *s;
	int which;
	unsigned lies;

	for (int i = 0; i < WAKERS; i++)
		if (w->wakers[i] != NULL && w->waker_lives[i] &&
		    w->waker_tokens[i] == event->token) {
			if (!w->woken[i] || event->readiness != R)
				world_fail(w, FALSE_READINESS, event->token,
				    event->readiness, "woken without a wake");
			w->woken[i] = false;
			return;
		}
	s = find(w, event->token, &which);
	if (s == NULL) {
		if (!is_ghost(w, event->token))
			world_fail(w, STRANGER, event->token, event->readiness,
			    "event of what is not there");
		return;
	}
	if ((event->readiness & (R | W)) == 0)
		world_fail(w, FALSE_READINESS, event->token, event->readiness,
		    "neither readable nor writable");
	lies = event->readiness &
	       ~truth(s->level, s->registrations[which].interests);
	if (lies != 0) /* unless it has changed meanwhile */
		lies &= ~truth(
		    level_of(any_handle(s)), s->registrations[which].interests);
	if (lies != 0)
		world_fail(w, FALSE_READINESS, event->token, lies,
		    "event says what is not so");
	s->registrations[which].armed &= ~event->readiness;
	if (event->readiness & R)
		s->readable[which] = true;
	/* poll(2) cannot look past a hang-up for what comes after it. */
	if (event->readiness & (MIO_ERROR | MIO_WRITE_CLOSED))
		s->registrations[which].armed = 0;
}

static void
forget_one(struct world *w, struct mio_events *events)
{
	const struct mio_event *first = mio_events_get(events, 0);
	size_t count = mio_events_count(events);
	mio_token token = first->token;
	unsigned left = 0;

	mio_events_forget(events, token);
	MIO_EVENTS_FOREACH (event, events)
		left += event->token == token;
	if (left != 0 || mio_events_count(events) != count)
		world_fail(w, OVERFULL, token, left, "not forgotten");
}

static int
look(struct world *w, size_t buffer, int64_t timeout, bool forget)
{
	struct mio_events *events = buffers[buffer];
	size_t count;
	int n;

	see_levels(w);
	say(w, "look(%zu, %lld);", capacities[buffer], (long long)timeout);
	do
		n = mio_poll(w->poll, events, timeout);
	while (n < 0 && errno == EINTR);
	count = mio_events_count(events);
	if (n < 0)
		world_fail(w, CALL, 0, 0, "mio_poll");
	if ((size_t)n != count || count > capacities[buffer])
		world_fail(w, OVERFULL, 0, (unsigned)capacities[buffer],
		    "more than the capacity");
	for (size_t i = 0; i < count; i++)
		judge_event(w, mio_events_get(events, i));
	if (forget && count > 0)
		forget_one(w, events);
	return n;
}

/* The first that must still be told; 0 if none. */
static unsigned
owed(struct world *w, mio_token *token)
{
	see_levels(w);
	for (int i = 0; i < WAKERS; i++)
		if (w->woken[i]) {
			*token = w->waker_tokens[i];
			return R;
		}
	for (struct slot *s = w->slots; s < w->slots + SLOTS; s++)
		for (int which = 0; which < 2; which++) {
			struct registration *r = &s->registrations[which];
			unsigned bits = r->armed & due(s->level, r->interests);

			*token = r->token;
			if (bits != 0)
				return bits;
		}
	return 0;
}

static int64_t
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * MIO_SEC + time.tv_nsec;
}

/* Until there is nothing more, with a buffer of this place. */
static void
settle(struct world *w, size_t buffer)
{
	int64_t end = 0;
	mio_token token;
	unsigned bits;

	say(w, "ever = 0;");
	for (;;) {
		/* A few edges for each direction, some more of TCP's. */
		for (int i = 0; look(w, buffer, 0, false) > 0; i++)
			if (i > 20 * SLOTS)
				world_fail(w, SPIN, 0, 0, "no end of events");
		bits = owed(w, &token);
		if (bits == 0)
			break;
		/* The kernel may be on its way to say so. */
		w->quiet = true;
		if (end == 0)
			end = now() + fuzz_patience;
		else if (now() > end)
			world_fail(w, LOST, token, bits, "event is lost");
		look(w, buffer, 5 * MIO_MSEC, false);
	}
	w->quiet = false;
}

void
world_settle(struct world *w)
{
	settle(w, 2);
}

/* Some bits of every size. */
static mio_token
new_token(struct world *w)
{
	return (mio_token)(++w->serial * UINT64_C(0x9e3779b97f4a7c15));
}

/*
 * Register or reregister, as `again` says, fitting or not: `error` is what
 * must come of it.
 */
static long
enroll(struct world *w, struct slot *s, int which, bool again,
    unsigned interests, int error)
{
	struct registration *r = &s->registrations[which];
	mio_token token = new_token(w);
	int fd = handle_of(s, which);
	int result;

	say(w, "token = (mio_token)%#jxu;", (uintmax_t)token);
	LET(interests, interests);
	if (is_source(s, which)) {
		if (again)
			DO(result = mio_registry_reregister(
			       w->registry, &s->source, token, interests));
		else
			DO(result = mio_registry_register(
			       w->registry, &s->source, token, interests));
	} else {
		fd = name_fd(w, s, which);
		if (again)
			DO(result = mio_registry_reregister_fd(
			       w->registry, fd, token, interests));
		else
			DO(result = mio_registry_register_fd(
			       w->registry, fd, token, interests));
	}
	expect(w, result, error, token, again ? "reregister" : "register");
	if (result == 0) {
		r->token = token;
		r->interests = r->armed = interests;
	}
	return result;
}

static void
strike(struct slot *s, int which)
{
	memset(&s->registrations[which], 0, sizeof(s->registrations[which]));
}

static long
withdraw(struct world *w, struct slot *s, int which)
{
	struct registration *r = &s->registrations[which];
	int fd = handle_of(s, which);
	int result;

	if (is_source(s, which)) {
		DO(result = mio_registry_deregister(w->registry, &s->source));
	} else {
		fd = name_fd(w, s, which);
		DO(result = mio_registry_deregister_fd(w->registry, fd));
	}
	expect(
	    w, result, r->interests != 0 ? 0 : ENOENT, r->token, "deregister");
	strike(s, which);
	return result;
}

/* Calls that fail, and change nothing. */
static long
mistake(struct world *w, struct slot *s, int which, unsigned a)
{
	struct registration *r = &s->registrations[which];
	mio_token token = new_token(w);
	const char *backend = w->backend;
	bool is_registered = r->interests != 0;
	int result;

	switch (a % 5) {
	case 0:
		return enroll(w, s, which, is_registered, 0, EINVAL);
	case 1:
		return enroll(w, s, which, is_registered, R | 0x80, EINVAL);
	case 2:
		return enroll(w, s, which, !is_registered, R,
		    is_registered ? EEXIST : ENOENT);
	case 3:
		if (!is_source(s, which))
			return 0;
		if (w->other == NULL)
			MUST(DO(mio_poll_new_backend(&w->other, backend)) == 0);
		say(w, "token = (mio_token)%#jxu;", (uintmax_t)token);
		DO(result = mio_registry_reregister(
		       mio_poll_registry(w->other), &s->source, token, R));
		expect(w, result, ENOENT, token, "another's reregister");
		DO(result = mio_registry_deregister(
		       mio_poll_registry(w->other), &s->source));
		expect(w, result, ENOENT, token, "another's deregister");
		if (!is_registered)
			return 0;
		DO(result = mio_registry_register(
		       mio_poll_registry(w->other), &s->source, token, R));
		expect(w, result, EEXIST, token, "another's register");
		return 0;
	default:
		DO(result = mio_registry_register_fd(w->registry, -1, 1, 1));
		expect(w, result, EBADF, token, "register of no descriptor");
		return 0;
	}
}

static void
linger_not(struct world *w, int fd)
{
	struct linger linger = { 1, 0 };

	DO(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
}

static void
close_peer(struct world *w, struct slot *s, bool reset)
{
	int fd;

	if (s->peer < 0)
		return;
	DO(fd = s->peer);
	if (reset)
		linger_not(w, fd);
	DO(close(fd));
	s->peer = -1;
}

static void
close_one(struct world *w, struct slot *s, int which)
{
	struct registration *r = &s->registrations[which];
	int fd = handle_of(s, which);
	bool behind = false;

	if (fd < 0)
		return;
	if (r->interests != 0 && handle_of(s, 1 - which) >= 0)
		s->ghosts[s->ghosts_count++] = r->token;
	if (is_source(s, which)) {
		MUST(DO(mio_source_close(&s->source)) == 0);
	} else {
		behind = r->interests != 0 && s->kind == EVENTFD;
		fd = name_fd(w, s, which);
		MUST(DO(close(fd)) == 0);
		if (which == 0)
			s->fd = -1;
		else
			s->dup = -1;
	}
	strike(s, which);
	if (is_open(s))
		goto notice;
	s->ghosts_count = 0;
	/* Without a rest of TCP, which would use up the ports. */
	close_peer(w, s, s->kind == TCP_ACCEPTED || s->kind == TCP_CONNECTED);
notice:
	/* mio_registry(3): they look all alike, so it has to be seen. */
	while (behind && look(w, 2, 0, false) > 0)
		;
}

static void
duplicate(struct world *w, struct slot *s)
{
	int fd = handle_of(s, 0);

	if (fd < 0 || s->dup >= 0 || s->ghosts_count > 0)
		return;
	fd = name_fd(w, s, 0);
	MUST((DO(s->dup = fcntl(fd, F_DUPFD_CLOEXEC, 0))) >= 0);
}

/* A source becomes a plain descriptor, and the other way round. */
static void
convert(struct world *w, struct slot *s)
{
	int fd;

	if (handle_of(s, 0) < 0 || is_listener(s->kind))
		return;
	if (s->fd < 0) {
		DO(s->fd = mio_source_into_fd(&s->source));
		strike(s, 0);
		return;
	}
	if (s->registrations[0].interests != 0)
		withdraw(w, s, 0);
	DO(fd = s->fd);
	MUST(DO(mio_source_from_fd(&s->source, fd)) == 0);
	s->fd = -1;
}

static ssize_t
try_read(mio_handle handle, void *data)
{
	return read(handle, data, 1024);
}

static ssize_t
try_write(mio_handle handle, void *data)
{
	return write(handle, data, 1024);
}

static long
take_connection(struct world *w, struct slot *s, int which)
{
	struct mio_source in;
	int fd, result;

	if (is_source(s, which)) {
		DO(result = mio_source_accept(&s->source, &in, NULL, NULL));
		fd = in.handle;
	} else {
		fd = name_fd(w, s, which);
		DO(fd = result = accept(fd, NULL, NULL));
	}
	if (result < 0)
		return -1;
	close(fd);
	say(w, "close(%s);", is_source(s, which) ? "in.handle" : "fd");
	s->queued -= s->queued > 0;
	return 1;
}

static ssize_t
read_by(struct world *w, struct slot *s, unsigned how, size_t n)
{
	struct iovec iov[2] = { { buf, 100 }, { buf, 1000 } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

	if (!is_socket(s->kind))
		how %= 3;
	switch (how % 6) {
	case 0:
		LET(n, n);
		return DO(mio_source_read(&s->source, buf, n));
	case 1:
		return DO(mio_source_readv(&s->source, iov, 2));
	case 2:
		return DO(mio_source_try_io(&s->source, 1, try_read, buf));
	case 3:
		DO(mio_source_recv(&s->source, buf, 300, MSG_PEEK));
		return DO(mio_source_recv(&s->source, buf, 200, 0));
	case 4:
		return DO(mio_source_recvmsg(&s->source, &msg, 0));
	default:
		return DO(
		    mio_source_recvfrom(&s->source, buf, 400, 0, NULL, NULL));
	}
}

static ssize_t
write_by(struct world *w, struct slot *s, unsigned how, size_t n)
{
	struct iovec iov[2] = { { buf, 100 }, { buf, 1000 } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

	if (!is_socket(s->kind))
		how %= 3;
	switch (how % 5) {
	case 0:
		LET(n, n);
		return DO(mio_source_write(&s->source, buf, n));
	case 1:
		return DO(mio_source_writev(&s->source, iov, 2));
	case 2:
		if (is_socket(s->kind)) /* it would raise SIGPIPE */
			return DO(mio_source_send(&s->source, buf, 200, 0));
		return DO(mio_source_try_io(&s->source, 2, try_write, buf));
	case 3:
		return DO(mio_source_sendmsg(&s->source, &msg, 0));
	default:
		return DO(mio_source_sendto(&s->source, buf, 400, 0, NULL, 0));
	}
}

/* One I/O call; what came of it, -errno. */
static long
give_or_take(struct world *w, struct slot *s, int which, unsigned direction,
    unsigned how, size_t n)
{
	static const uint64_t one = 1;
	int fd;
	ssize_t done;

	if (direction == R && is_listener(s->kind)) {
		done = take_connection(w, s, which);
	} else if (direction == R && is_source(s, which)) {
		done = read_by(w, s, how, n);
	} else if (direction == R) {
		fd = name_fd(w, s, which);
		LET(n, n);
		done = DO(read(fd, buf, n));
	} else if (s->kind == EVENTFD && is_source(s, which)) {
		done = DO(mio_source_write(&s->source, &one, sizeof(one)));
	} else if (s->kind == EVENTFD) {
		fd = name_fd(w, s, which);
		done = DO(write(fd, &one, sizeof(one)));
	} else if (is_source(s, which)) {
		done = write_by(w, s, how, n);
	} else {
		fd = name_fd(w, s, which);
		LET(n, n);
		done = DO(write(fd, buf, n));
	}
	if (done >= 0)
		return done;
	done = -errno;
	if (done == -EAGAIN)
		told(w, s, which, direction);
	return done;
}

/* Nearly; EAGAIN is left to the library's calls. */
static void
fill_up(struct world *w, struct slot *s, int which)
{
	static const uint64_t most = UINT64_MAX - 1;
	int fd;
	size_t n;

	fd = name_fd(w, s, which);
	if (s->kind == EVENTFD) {
		DO(write(fd, &most, sizeof(most)));
		return;
	}
	LET(n, 16384);
	while (DO(write(fd, buf, n)) == (ssize_t)n)
		;
}

static long
transfer(struct world *w, struct slot *s, int which, unsigned direction,
    const struct op *op, bool all)
{
	size_t n = 8 + (size_t)op->a * 8;
	long done = 0;

	if (direction == W && is_listener(s->kind))
		return 0;
	/* A UDP socket is never full. */
	if (direction == W && all && s->kind != UDP)
		fill_up(w, s, which);
	for (int i = 0; i < (all ? 200 : 1); i++) {
		done = give_or_take(w, s, which, direction, op->b, n);
		if (done <= 0 || (s->kind == UDP && direction == W))
			break;
	}
	return done;
}

/* An eventfd is its own. */
static int
name_peer(struct world *w, const struct slot *s)
{
	if (s->kind == EVENTFD)
		return name_fd(w, s, handle_of(s, 0) < 0);
	say(w, "fd = s->peer;");
	return s->peer;
}

/* Reads what it was told of until there is no more. */
static void
read_all(struct world *w)
{
	for (int i = 0; i < 2 * SLOTS; i++) {
		struct slot *s = &w->slots[i / 2];
		bool readable = s->readable[i % 2];

		s->readable[i % 2] = false;
		if (!readable || handle_of(s, i % 2) < 0 ||
		    s->kind == PIPE_SENDER)
			continue;
		w->said = s;
		say(w, "s = &slots[%d];", i / 2);
		for (int k = 0; k < 200; k++)
			if (give_or_take(w, s, i % 2, R, 0, 512) <= 0)
				break;
	}
}

/*
 * As a program does.  All are read first, told of or not, and so are as
 * empty in every world.
 */
static void
serve(struct world *w)
{
	int rounds = 0;

	for (struct slot *s = w->slots; s < w->slots + SLOTS; s++)
		s->readable[0] = s->readable[1] = true;
	do {
		if (++rounds > 20 * SLOTS)
			world_fail(w, SPIN, 0, 0, "no end of reading");
		read_all(w);
	} while (look(w, 2, 0, false) > 0);
}

static void
peer_reads(struct world *w, struct slot *s, unsigned a)
{
	int fd;
	size_t n;

	if (s->kind == PIPE_RECEIVER || is_listener(s->kind))
		return;
	fd = name_peer(w, s);
	LET(n, a % 4 == 0 ? sizeof(buf) : 8 + a * 8);
	if (fd < 0)
		return;
	while (DO(read(fd, buf, n)) > 0 && a % 4 == 0)
		;
}

static void
peer_writes(struct world *w, struct slot *s, unsigned a)
{
	static const uint64_t one = 1;
	int fd;
	size_t n;

	if (is_listener(s->kind)) {
		knock(w, s);
		return;
	}
	fd = name_peer(w, s);
	LET(n, 1 + a * 8);
	if (fd < 0 || s->kind == PIPE_SENDER)
		return;
	if (s->kind == EVENTFD)
		DO(write(fd, &one, sizeof(one)));
	else if (a % 16 == 0 &&
		 (s->kind == TCP_ACCEPTED || s->kind == TCP_CONNECTED))
		DO(send(fd, buf, 1, MSG_OOB));
	else
		DO(write(fd, buf, n));
}

static void
peer_shuts(struct world *w, struct slot *s, int how)
{
	int fd;

	if (s->peer < 0 || !is_socket(s->kind))
		return;
	DO(fd = s->peer);
	LET(how, how);
	DO(shutdown(fd, how));
}

static void
shut(struct world *w, struct slot *s, int which, int how)
{
	int fd;

	if (!is_socket(s->kind) || is_listener(s->kind))
		return;
	LET(how, how);
	if (is_source(s, which)) {
		DO(mio_source_shutdown(&s->source, how));
	} else {
		fd = name_fd(w, s, which);
		DO(shutdown(fd, how));
	}
}

static void
ask_connect(struct world *w, struct slot *s)
{
	if (!is_source(s, 0) || handle_of(s, 0) < 0 || s->kind < TCP_ACCEPTED ||
	    s->kind > TCP_REFUSED)
		return;
	if (DO(mio_source_connect_result(&s->source)) == -1 &&
	    errno == EINPROGRESS)
		told(w, s, 0, W);
}

static void
wake(struct world *w, int which, unsigned times)
{
	int result;

	LET(which, which);
	if (w->wakers[which] == NULL)
		return;
	for (unsigned i = 0; i < times; i++) {
		DO(result = mio_waker_wake(w->wakers[which]));
		expect(w, result, 0, w->waker_tokens[which], "wake");
	}
	w->woken[which] = w->waker_lives[which];
}

static void
swap_waker(struct world *w, int which)
{
	mio_token token = new_token(w);

	LET(which, which);
	if (w->wakers[which] != NULL) {
		DO(mio_waker_free(w->wakers[which]));
		w->wakers[which] = NULL;
		w->woken[which] = false;
		return;
	}
	say(w, "token = (mio_token)%#jxu;", (uintmax_t)token);
	MUST(DO(mio_waker_new(&w->wakers[which], w->registry, token)) == 0);
	w->waker_tokens[which] = token;
	w->waker_lives[which] = true;
}

/* The sources stay, and count as not registered. */
static void
swap_poll(struct world *w)
{
	const char *backend = w->backend;

	DO(mio_poll_free(w->poll));
	MUST(DO(mio_poll_new_backend(&w->poll, backend)) == 0);
	DO(w->registry = mio_poll_registry(w->poll));
	for (struct slot *s = w->slots; s < w->slots + SLOTS; s++) {
		strike(s, 0);
		strike(s, 1);
		s->ghosts_count = 0;
	}
	for (int i = 0; i < WAKERS; i++)
		w->woken[i] = w->waker_lives[i] = false;
}

enum {
	MAKE,
	CLOSE,
	CLOSE_ONE,
	REGISTER,
	REREGISTER,
	DEREGISTER,
	MISTAKE,
	DUP,
	CONVERT,
	READ,
	DRAIN,
	WRITE,
	FILL,
	SHUTDOWN,
	CONNECT_RESULT,
	PEER_READ,
	PEER_WRITE,
	PEER_SHUTDOWN,
	PEER_CLOSE,
	PEER_RESET,
	WAKE,
	WAKER,
	SWAP,
	LOOK,
	SETTLE,
	SERVE,
	CODES
};

static const char *const names[CODES] = { "make", "close", "close one",
	"register", "reregister", "deregister", "mistake", "dup", "convert",
	"read", "drain", "write", "fill", "shutdown", "connect result",
	"peer reads", "peer writes", "peer shuts", "peer closes", "peer resets",
	"wake", "waker", "new poll", "look", "settle", "serve" };

/* How often each is dealt. */
static const uint8_t deal[64] = { MAKE, MAKE, CLOSE, CLOSE_ONE, REGISTER,
	REGISTER, REGISTER, REGISTER, REGISTER, REREGISTER, REREGISTER,
	REREGISTER, DEREGISTER, DEREGISTER, MISTAKE, MISTAKE, DUP, DUP, CONVERT,
	READ, READ, READ, DRAIN, DRAIN, DRAIN, DRAIN, DRAIN, WRITE, WRITE, FILL,
	FILL, FILL, FILL, SHUTDOWN, CONNECT_RESULT, PEER_READ, PEER_READ,
	PEER_READ, PEER_READ, PEER_READ, PEER_WRITE, PEER_WRITE, PEER_WRITE,
	PEER_WRITE, PEER_WRITE, PEER_WRITE, PEER_SHUTDOWN, PEER_CLOSE,
	PEER_RESET, WAKE, WAKE, WAKE, WAKER, LOOK, LOOK, LOOK, LOOK, LOOK, LOOK,
	SETTLE, SETTLE, SETTLE, SETTLE, SETTLE };

static uint8_t
code_of(const struct op *op)
{
	uint8_t code = deal[op->code % sizeof(deal)];

	if (code != SETTLE)
		return code;
	/* The one rarely. */
	return op->a == 0 && op->b < 64 ? SWAP
	       : op->a % 4 == 3         ? SERVE
					: SETTLE;
}

const char *
world_op_name(const struct op *op)
{
	return names[code_of(op)];
}

/* With a file. */
static long
step_file(struct world *w, struct slot *s, const struct op *op)
{
	int which = op->b >= 128 && s->dup >= 0;

	if (handle_of(s, which) < 0)
		which = 1 - which;
	switch (code_of(op)) {
	case CLOSE:
		close_one(w, s, which);
		close_one(w, s, 1 - which);
		return 0;
	case CLOSE_ONE:
		close_one(w, s, which);
		return 0;
	case REGISTER:
	case REREGISTER:
		return enroll(w, s, which,
		    s->registrations[which].interests != 0,
		    op->a % 16 == 0  ? P | R
		    : op->a % 4 == 0 ? R | W
				     : 1u + op->a % 3,
		    0);
	case DEREGISTER:
		return withdraw(w, s, which);
	case MISTAKE:
		return mistake(w, s, which, op->a);
	case DUP:
		duplicate(w, s);
		return 0;
	case CONVERT:
		convert(w, s);
		return 0;
	case READ:
		if (s->kind == PIPE_SENDER)
			return 0;
		return transfer(w, s, which, R, op, false);
	case DRAIN:
		if (s->kind == PIPE_SENDER)
			return 0;
		return transfer(w, s, which, R, op, true);
	case WRITE:
		if (s->kind == PIPE_RECEIVER)
			return 0;
		return transfer(w, s, which, W, op, false);
	case FILL:
		if (s->kind == PIPE_RECEIVER)
			return 0;
		return transfer(w, s, which, W, op, true);
	case SHUTDOWN:
		shut(w, s, which, op->a % 3);
		return 0;
	case CONNECT_RESULT:
		ask_connect(w, s);
		return 0;
	case PEER_READ:
		peer_reads(w, s, op->a);
		return 0;
	case PEER_WRITE:
		peer_writes(w, s, op->a);
		return 0;
	case PEER_SHUTDOWN:
		peer_shuts(w, s, op->a % 3);
		return 0;
	case PEER_CLOSE:
		close_peer(w, s, false);
		return 0;
	case PEER_RESET:
		close_peer(w, s, is_socket(s->kind));
		return 0;
	default:
		return 0;
	}
}

long
world_step(struct world *w, const struct op *op)
{
	struct slot *s = &w->slots[op->slot % SLOTS];

	switch (code_of(op)) {
	case WAKE:
		wake(w, op->slot % WAKERS, 1 + op->a % 3);
		return 0;
	case WAKER:
		swap_waker(w, op->slot % WAKERS);
		return 0;
	case SWAP:
		swap_poll(w);
		return 0;
	case LOOK:
		look(w, op->a % 3, op->a == 255 ? MIO_MSEC : 0, op->b % 4 == 0);
		return 0;
	case SERVE:
		serve(w);
		return 0;
	case SETTLE:
		settle(w, op->a % 3);
		return 0;
	default:
		break;
	}
	if (s != w->said)
		say(w, "s = &slots[%d];", op->slot % SLOTS);
	w->said = s;
	if (is_open(s))
		return step_file(w, s, op);
	if (code_of(op) != CLOSE && code_of(op) != CLOSE_ONE)
		make(w, s, op->a % KINDS, op->b % 3 == 0);
	return 0;
}

void
world_open(struct world *w, const char *backend)
{
	const struct mio_source none = MIO_SOURCE_INIT;

	w->backend = backend;
	for (size_t i = 0; i < 3; i++)
		if (buffers[i] == NULL)
			MUST(mio_events_new(&buffers[i], capacities[i]) == 0);
	for (struct slot *s = w->slots; s < w->slots + SLOTS; s++) {
		s->source = none;
		s->fd = s->dup = s->peer = -1;
	}
	MUST(DO(mio_poll_new_backend(&w->poll, backend)) == 0);
	DO(w->registry = mio_poll_registry(w->poll));
	w->door = w->refuse = none;
}

void
world_close(struct world *w)
{
	w->trace = NULL;
	for (struct slot *s = w->slots; s < w->slots + SLOTS; s++) {
		if (is_source(s, 0))
			mio_source_close(&s->source);
		else
			close(s->fd);
		if (s->dup >= 0)
			close(s->dup);
		if (s->peer >= 0) {
			struct linger linger = { 1, 0 };

			setsockopt(s->peer, SOL_SOCKET, SO_LINGER, &linger,
			    sizeof(linger));
			close(s->peer);
		}
	}
	for (int i = 0; i < WAKERS; i++)
		mio_waker_free(w->wakers[i]);
	mio_source_close(&w->door);
	mio_source_close(&w->refuse);
	mio_poll_free(w->other);
	mio_poll_free(w->poll);
}
