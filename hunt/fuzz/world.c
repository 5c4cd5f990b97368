/* SPDX-License-Identifier: MIT */
/*
 * The model.  A direction of a registration is armed by registering and by
 * I/O that said EAGAIN, and disarmed by an event that has it.  Armed, and so
 * by the word of poll(2), it must be reported before mio_poll has nothing
 * more to tell.  An error must be, unless one was already that has not ended.
 * More events than that may come, but none for what is not registered, none
 * that says what is not so, and not without end.  What is level-triggered must
 * be reported by each mio_poll that has room for all.
 */

#include "config.h"
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
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
static const struct iovec nothing[2] = { { buf, 0 }, { NULL, 0 } };
static struct mio_source zeroed;
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

/* What is so of what was asked for; an error is not asked for. */
static unsigned
due(int level, unsigned interests)
{
	unsigned bits = 0;

	if (level & (POLLIN | POLLHUP | POLLRDHUP))
		bits |= R;
	if (level & (POLLOUT | POLLHUP))
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

/* What was told before does not count any more. */
static void
discount(struct world *w, const struct registration *r, unsigned bits)
{
	if (bits != 0 && r->token == w->finding->token)
		say(w, "ever &= ~%#xu;", bits);
}

static void
arm(struct world *w, struct registration *r, unsigned bits)
{
	r->armed |= bits;
	discount(w, r, bits);
}

/*
 * The next edges are promised.  Some say EAGAIN and are ready: a datagram
 * socket that is shut.
 */
static void
promise(struct world *w, struct slot *s, int which, unsigned directions)
{
	struct registration *r = &s->registrations[which];
	int level = level_of(handle_of(s, which));

	if (r->level || level & POLLHUP)
		return;
	if (r->renewed) /* all, due or not */
		r->armed |= r->interests & ~r->seen;
	if (r->hung && (level & POLLERR) == 0) {
		r->hung = r->renewed = false;
		arm(w, r, MIO_ERROR);
	}
	if (directions & R)
		directions |= P;
	arm(w, r, r->interests & directions & ~due(level, R | W | P));
}

/* I/O said EAGAIN. */
static void
told(struct world *w, struct slot *s, int which, unsigned direction)
{
	struct registration *r = &s->registrations[which];
	int fd, result;

	if (r->interests == 0)
		return;
	if (!is_source(s, which)) {
		LET(direction, direction);
		fd = name_fd(w, s, which);
		DO(result = mio_registry_rearm_fd(w->registry, fd, direction));
		expect(w, result, 0, r->token, "rearm_fd");
	}
	promise(w, s, which, direction);
}

static bool
is_datagram(const struct slot *s)
{
	return is_udp(s->kind) || s->kind == UNIX_DGRAM;
}

/* An error was consumed: if by the library, it knows. */
static void
consumed(struct world *w, struct slot *s, int which)
{
	if (is_source(s, which))
		promise(w, s, which, is_datagram(s) ? R : 0);
}

/* A call failed; -errno. */
static long
failed(struct world *w, struct slot *s, int which, unsigned direction)
{
	int error = errno;

	if (error == EAGAIN)
		told(w, s, which, direction);
	else if (error != EINTR)
		consumed(w, s, which);
	return -error;
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

static const struct registration *
find_ghost(const struct world *w, mio_token token)
{
	for (const struct slot *s = w->slots; s < w->slots + SLOTS; s++)
		for (size_t i = 0; i < s->ghosts_count; i++)
			if (s->ghosts[i].token == token)
				return &s->ghosts[i];
	return NULL;
}

/* Whether it is an edge, and not only level-triggered. */
static bool
judge_event(struct world *w, const struct mio_event *event)
{
	const struct registration *ghost;
	struct registration *r;
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
			return true;
		}
	s = find(w, event->token, &which);
	if (s == NULL) {
		ghost = find_ghost(w, event->token);
		if (ghost == NULL)
			world_fail(w, STRANGER, event->token, event->readiness,
			    "event of what is not there");
		return !ghost->level;
	}
	r = &s->registrations[which];
	if ((event->readiness & (R | W)) == 0)
		world_fail(w, FALSE_READINESS, event->token, event->readiness,
		    "neither readable nor writable");
	lies = event->readiness & ~truth(s->level, r->interests);
	if (lies != 0) /* unless it has changed meanwhile */
		lies &= ~truth(level_of(any_handle(s)), r->interests);
	if (lies != 0)
		world_fail(w, FALSE_READINESS, event->token, lies,
		    "event says what is not so");
	if (event->readiness & R)
		s->readable[which] = true;
	r->seen |= event->readiness;
	if (r->level)
		return false;
	r->armed &= ~event->readiness;
	/* poll(2) cannot look past a hang-up for what comes after it. */
	if (event->readiness & (MIO_ERROR | MIO_WRITE_CLOSED)) {
		r->armed = 0;
		r->hung = true;
		r->renewed = false;
	}
	return true;
}

/* Hang-ups and errors that were over when the wait began: it saw that. */
static void
see_ends(struct world *w)
{
	for (struct slot *s = w->slots; s < w->slots + SLOTS; s++)
		for (int which = 0; which < 2; which++)
			if (s->registrations[which].hung &&
			    (s->level & (POLLHUP | POLLERR)) == 0)
				promise(w, s, which, R | W);
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

/* How many edges came. */
static int
look(struct world *w, size_t buffer, int64_t timeout, bool forget)
{
	struct mio_events *events = buffers[buffer];
	size_t count;
	int n, edges = 0;

	see_levels(w);
	for (struct slot *s = w->slots; s < w->slots + SLOTS; s++)
		s->registrations[0].seen = s->registrations[1].seen = 0;
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
		edges += judge_event(w, mio_events_get(events, i));
	see_ends(w);
	if (forget && count > 0)
		forget_one(w, events);
	return edges;
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
			unsigned bits = due(s->level, r->interests);

			if (s->level & POLLERR)
				bits |= MIO_ERROR;
			bits &= r->armed;
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

static size_t
count_levels(const struct world *w)
{
	size_t count = 0;

	for (const struct slot *s = w->slots; s < w->slots + SLOTS; s++) {
		count += s->registrations[0].level + s->registrations[1].level;
		for (size_t i = 0; i < s->ghosts_count; i++)
			count += s->ghosts[i].level;
	}
	return count;
}

/* What the look has left out that was so before and is so now; 0: nothing. */
static unsigned
left_out(const struct world *w, mio_token *token)
{
	for (const struct slot *s = w->slots; s < w->slots + SLOTS; s++)
		for (int which = 0; which < 2; which++) {
			const struct registration *r = &s->registrations[which];
			int level;
			unsigned bits;

			if (!r->level)
				continue;
			level = s->level & level_of(handle_of(s, which));
			bits = due(level, r->interests);
			if (level & POLLERR)
				bits |= MIO_ERROR;
			if (level & POLLHUP)
				bits |= MIO_WRITE_CLOSED;
			*token = r->token;
			if ((bits & ~r->seen) != 0)
				return bits & ~r->seen;
		}
	return 0;
}

static void
see_level_triggered(struct world *w)
{
	int64_t end = now() + fuzz_patience;
	mio_token token;
	unsigned bits;

	say(w, "ever = 0;");
	while (look(w, 2, 0, false), (bits = left_out(w, &token)) != 0) {
		w->quiet = true;
		if (now() > end)
			world_fail(w, LOST, token, bits, "level is not told");
	}
	w->quiet = false;
}

/*
 * Looks on until no more edges come.  What is level-triggered takes room, by
 * turns: so long an edge may have to wait.
 */
static void
take_edges(struct world *w, size_t buffer)
{
	size_t turns = 1 + count_levels(w) / capacities[buffer];
	int rounds = 0;

	for (size_t calm = 0; calm < turns;) {
		if (look(w, buffer, 0, false) == 0) {
			calm++;
			continue;
		}
		calm = 0;
		/* A few edges for each direction, some more of TCP's. */
		if (++rounds > 20 * SLOTS)
			world_fail(w, SPIN, 0, 0, "no end of events");
	}
}

/* Until there is nothing more, with a buffer of this place. */
static void
settle(struct world *w, size_t buffer)
{
	int64_t end = 0;
	mio_token token;
	unsigned bits;

	for (;;) {
		take_edges(w, buffer);
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
	if (count_levels(w) != 0)
		see_level_triggered(w);
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
		r->interests = interests & ~MIO_LEVEL;
		r->level = (interests & MIO_LEVEL) != 0;
		r->armed = r->level ? 0 : interests | MIO_ERROR;
		r->hung = r->renewed = false;
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
	int fd, result;

	switch (a % 8) {
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
	case 4:
		DO(zeroed = (struct mio_source){ 0 });
		DO(result = mio_source_close(&zeroed));
		expect(w, result, EBADF, token, "close of zeros");
		return 0;
	case 5:
		DO(zeroed = (struct mio_source){ 0 });
		DO(result = mio_source_into_fd(&zeroed));
		expect(w, result, EBADF, token, "into_fd of zeros");
		DO(result = mio_registry_register(w->registry, &zeroed, 1, R));
		expect(w, result, EBADF, token, "register of zeros");
		return 0;
#ifdef O_PATH
	case 6:
		MUST((DO(fd = open("/dev/null", O_PATH | O_CLOEXEC))) >= 0);
		DO(result = mio_registry_register_fd(w->registry, fd, 1, 1));
		close(fd);
		expect(w, result, EBADF, token, "register of a path");
		say(w, "close(fd);");
		return 0;
#endif
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
		s->ghosts[s->ghosts_count++] = *r;
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
	close_peer(w, s, is_connected(s->kind));
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

/* `asked` is set if fewer would be a short transfer, which is as EAGAIN. */
static ssize_t
read_by(struct world *w, struct slot *s, unsigned how, size_t n, size_t *asked)
{
	struct iovec iov[2] = { { buf, 100 }, { buf, 1000 } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

	if (!is_socket(s->kind))
		how %= 3;
	switch (how % 6) {
	case 0:
		LET(n, n);
		*asked = n;
		return DO(mio_source_read(&s->source, buf, n));
	case 1:
		*asked = 1100;
		return DO(mio_source_readv(&s->source, iov, 2));
	case 2:
		return DO(mio_source_try_io(&s->source, 1, try_read, buf));
	case 3:
		DO(mio_source_recv(&s->source, buf, 300, MSG_PEEK));
		*asked = 200;
		return DO(mio_source_recv(&s->source, buf, 200, 0));
	case 4:
		return DO(mio_source_recvmsg(&s->source, &msg, 0));
	default:
		return DO(
		    mio_source_recvfrom(&s->source, buf, 400, 0, NULL, NULL));
	}
}

static ssize_t
write_by(struct world *w, struct slot *s, unsigned how, size_t n, size_t *asked)
{
	struct iovec iov[2] = { { buf, 100 }, { buf, 1000 } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

	if (!is_socket(s->kind))
		how %= 3;
	switch (how % 5) {
	case 0:
		LET(n, n);
		*asked = n;
		return DO(mio_source_write(&s->source, buf, n));
	case 1:
		*asked = 1100;
		return DO(mio_source_writev(&s->source, iov, 2));
	case 2:
		if (!is_socket(s->kind))
			return DO(
			    mio_source_try_io(&s->source, 2, try_write, buf));
		LET(n, n);
		*asked = n;
		return DO(mio_source_send(&s->source, buf, n, 0));
	case 3:
		return DO(mio_source_sendmsg(&s->source, &msg, 0));
	default:
		return DO(mio_source_sendto(&s->source, buf, 400, 0, NULL, 0));
	}
}

/* One I/O call; what came of it, -errno.  `last`: it was a short transfer. */
static long
give_or_take(struct world *w, struct slot *s, int which, unsigned direction,
    unsigned how, size_t n, bool *last)
{
	static const uint64_t one = 1;
	size_t asked = 0;
	int fd;
	ssize_t done;

	if (direction == R && is_listener(s->kind)) {
		done = take_connection(w, s, which);
	} else if (direction == R && is_source(s, which)) {
		done = read_by(w, s, how, n, &asked);
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
		done = write_by(w, s, how, n, &asked);
	} else {
		fd = name_fd(w, s, which);
		LET(n, n);
		done = DO(write(fd, buf, n));
	}
	if (done < 0)
		return failed(w, s, which, direction);
	*last = done > 0 && (size_t)done < asked && is_tcp(s->kind);
	if (*last)
		promise(w, s, which, direction);
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
	bool last = false, stops = (op->b & 64) != 0;
	long done = 0;

	if (direction == W && is_listener(s->kind))
		return 0;
	/* A UDP socket is never full. */
	if (direction == W && is_udp(s->kind))
		all = false;
	if (direction == W && all && stops && is_tcp(s->kind))
		n = sizeof(buf);
	else if (direction == W && all)
		fill_up(w, s, which);
	for (int i = 0; i < (all ? 200 : 1); i++) {
		done = give_or_take(w, s, which, direction, op->b, n, &last);
		if (done <= 0 || (last && stops))
			break;
	}
	return done;
}

/* Until it would block, and so would a read: with one call for both. */
static long
fill_both(struct world *w, struct slot *s, int which)
{
	ssize_t done = 0;
	int fd;
	size_t n;

	if (s->kind == EVENTFD || is_listener(s->kind) || is_udp(s->kind))
		return 0;
	fill_up(w, s, which);
	for (int i = 0; i < 200 && done >= 0; i++) {
		if (is_source(s, which)) {
			done = DO(
			    mio_source_try_io(&s->source, 3, try_write, buf));
		} else {
			fd = name_fd(w, s, which);
			LET(n, 1024);
			done = DO(write(fd, buf, n));
		}
	}
	return done < 0 ? failed(w, s, which, R | W) : 0;
}

/* Takes the urgent byte, and is told that there is no other. */
static void
take_urgent(struct world *w, struct slot *s)
{
	ssize_t done;

	if (!is_source(s, 0) || handle_of(s, 0) < 0 || !is_connected(s->kind))
		return;
	for (int i = 0; i < 3; i++) {
		done = DO(mio_source_recv(&s->source, buf, 1, MSG_OOB));
		if (done <= 0)
			break;
	}
	if (done < 0 && errno == EINVAL)
		promise(w, s, 0, P);
	else if (done < 0)
		failed(w, s, 0, R);
}

/* Reads the queue of errors to its end. */
static void
take_errors(struct world *w, struct slot *s, int which)
{
	struct iovec iov[2] = { { buf, 100 }, { buf, 1000 } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t done = 0;
	int fd;

	if (!is_udp(s->kind))
		return;
	while (done >= 0) {
		if (is_source(s, which)) {
			done = DO(
			    mio_source_recvmsg(&s->source, &msg, MSG_ERRQUEUE));
		} else {
			fd = name_fd(w, s, which);
			done = DO(recvmsg(fd, &msg, MSG_ERRQUEUE));
		}
	}
	failed(w, s, which, R);
}

/* Datagrams wait there. */
static int
readable(int fd)
{
	struct pollfd look = { .fd = fd, .events = POLLIN };

	return poll(&look, 1, 0);
}

/* A datagram of nothing is a datagram, but writev(2) sends none. */
static void
write_nothing(struct world *w, struct slot *s, size_t n)
{
	bool before = readable(s->peer) > 0;
	int result;

	if (!is_source(s, 0) || handle_of(s, 0) < 0 || !is_datagram(s))
		return;
	LET(n, n);
	DO(result = (int)mio_source_writev(&s->source, nothing, (int)n));
	expect(w, result, 0, 0, "writev of nothing");
	if (before)
		return;
	DO(result = readable(s->peer));
	expect(w, result, 0, 0, "nothing has arrived");
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
		bool told_so = s->readable[i % 2], last;

		s->readable[i % 2] = false;
		if (!told_so || handle_of(s, i % 2) < 0 ||
		    s->kind == PIPE_SENDER)
			continue;
		w->said = s;
		say(w, "s = &slots[%d];", i / 2);
		for (int k = 0; k < 200; k++)
			if (give_or_take(w, s, i % 2, R, 0, 512, &last) <= 0)
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

/* A hang-up is over, with nothing left of before: the next wait sees that. */
static void
renew(struct world *w, struct slot *s)
{
	for (int which = 0; which < 2; which++) {
		struct registration *r = &s->registrations[which];

		r->renewed = r->hung;
		r->seen = 0;
		discount(w, r, r->interests);
	}
}

static void
connect_it(struct world *w, struct slot *s, int which, bool tells)
{
	int fd = is_source(s, which) ? -1 : name_fd(w, s, which);
	bool late = s->kind == TCP_LATE;

	if (!late && s->kind != TCP_FAST)
		return;
	connect_late(w, s, fd);
	if (!late)
		return;
	renew(w, s);
	if (fd < 0)
		promise(w, s, which, W);
	else if (tells)
		told(w, s, which, W);
}

static void
reopen_peer(struct world *w, struct slot *s)
{
	int fd = name_fd(w, s, handle_of(s, 0) < 0);

	reopen(w, s, fd);
	if (s->kind == PIPE_RECEIVER && level_of(fd) == 0)
		renew(w, s);
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
	if (s->peer < 0 && (is_udp(s->kind) || s->kind == PIPE_RECEIVER))
		reopen_peer(w, s);
	fd = name_peer(w, s);
	LET(n, 1 + a * 8);
	if (fd < 0 || s->kind == PIPE_SENDER)
		return;
	if (s->kind == EVENTFD)
		DO(write(fd, &one, sizeof(one)));
	else if (a % 4 == 0 && is_connected(s->kind))
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

	if (!is_socket(s->kind) || is_listener(s->kind) ||
	    s->kind == TCP_LATE || s->kind == TCP_FAST)
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
ask_connect(struct world *w, struct slot *s, bool only_error)
{
	int result, error = 0;

	if (!is_source(s, 0) || handle_of(s, 0) < 0 ||
	    (!is_tcp(s->kind) && !is_udp(s->kind)))
		return;
	if (only_error) {
		DO(result = mio_source_take_error(&s->source, &error));
		expect(w, result, 0, 0, "take_error");
		if (error != 0)
			consumed(w, s, 0);
		return;
	}
	DO(result = mio_source_connect_result(&s->source));
	if (s->kind == TCP_FAST)
		expect(w, result, 0, 0, "connect_result of Fast Open");
	else if (s->kind == TCP_LATE)
		expect(w, result, ENOTCONN, 0, "connect_result of nothing");
	else if (result < 0 && errno == EINPROGRESS)
		told(w, s, 0, W);
	else if (result < 0)
		consumed(w, s, 0);
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
	NOTHING,
	URGENT,
	ERRORS,
	SHUTDOWN,
	CONNECT,
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
	"read", "drain", "write", "fill", "write nothing", "take urgent",
	"take errors", "shutdown", "connect", "connect result", "peer reads",
	"peer writes", "peer shuts", "peer closes", "peer resets", "wake",
	"waker", "new poll", "look", "settle", "serve" };

/* How often each is dealt. */
static const uint8_t deal[] = { MAKE, MAKE, CLOSE, CLOSE_ONE, REGISTER,
	REGISTER, REGISTER, REGISTER, REGISTER, REREGISTER, REREGISTER,
	REREGISTER, DEREGISTER, DEREGISTER, MISTAKE, MISTAKE, DUP, DUP, CONVERT,
	READ, READ, READ, DRAIN, DRAIN, DRAIN, DRAIN, DRAIN, WRITE, WRITE, FILL,
	FILL, FILL, FILL, NOTHING, URGENT, URGENT, ERRORS, SHUTDOWN, CONNECT,
	CONNECT, CONNECT_RESULT, CONNECT_RESULT, PEER_READ, PEER_READ,
	PEER_READ, PEER_READ, PEER_READ, PEER_WRITE, PEER_WRITE, PEER_WRITE,
	PEER_WRITE, PEER_WRITE, PEER_WRITE, PEER_SHUTDOWN, PEER_SHUTDOWN,
	PEER_CLOSE, PEER_RESET, WAKE, WAKE, WAKE, WAKER, LOOK, LOOK, LOOK, LOOK,
	LOOK, LOOK, SETTLE, SETTLE, SETTLE, SETTLE, SETTLE };

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

static unsigned
interests_of(const struct op *op)
{
	static const uint8_t interests[] = { P, R, W, R | W, P | R, R, R | W,
		R | W };

	return interests[op->a % 8] | (op->b % 8 == 5 ? MIO_LEVEL : 0);
}

/* With a file. */
static long
step_file(struct world *w, struct slot *s, const struct op *op)
{
	int which = op->b >= 128 && s->dup >= 0;
	uint8_t code = code_of(op);
	bool last;

	if (handle_of(s, which) < 0)
		which = 1 - which;
	/* Else the door has a visitor that nobody expects. */
	if (s->kind == TCP_FAST && code >= WRITE && code <= NOTHING)
		code = CONNECT;
	switch (code) {
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
		    s->registrations[which].interests != 0, interests_of(op),
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
		if (op->a % 2 == 0)
			return fill_both(w, s, which);
		return transfer(w, s, which, W, op, true);
	case NOTHING:
		write_nothing(w, s, op->a % 3);
		return 0;
	case URGENT:
		take_urgent(w, s);
		if (op->b % 2 == 0) /* and another comes */
			peer_writes(w, s, 0);
		return 0;
	case ERRORS:
		take_errors(w, s, which);
		return 0;
	case SHUTDOWN:
		shut(w, s, which, op->a % 3);
		return 0;
	case CONNECT:
		connect_it(w, s, which, op->a % 2 == 0);
		return 0;
	case CONNECT_RESULT:
		ask_connect(w, s, op->a % 2 == 0);
		/* What comes after an error: another, and a datagram. */
		if (is_udp(s->kind) && op->b % 2 == 0)
			give_or_take(w, s, which, W, 0, 8, &last);
		if (is_udp(s->kind) && op->b % 4 == 0)
			peer_writes(w, s, 1);
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
		if (is_udp(s->kind)) /* its answer to what comes */
			give_or_take(w, s, which, W, 0, 8, &last);
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
