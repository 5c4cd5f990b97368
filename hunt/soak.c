/* SPDX-License-Identifier: MIT */
/*
 * soak [-b BACKEND] [-c CONNECTIONS] [-s SECONDS]
 *
 * Both ends of CONNECTIONS TCP connections at a time in one poll, for SECONDS
 * on each backend.  A client's first byte says how its connection will end;
 * all that comes back is compared.  It stops half-way until all others are
 * there, too, and then the oldest go on, end, and are replaced.  A thread
 * wakes the poll all the while.  After each of some rounds all connections
 * end, and what they held must be back: descriptors, memory, registrations;
 * each end was seen once, each byte and each wake arrived, and nothing more
 * comes.
 */

#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#ifdef HAVE_MALLINFO2
#include <malloc.h>
#endif
#include <mio.h>

enum {
	CONNECTIONS_MAX = 8192,
	SPARE_FDS = 32,
	CONNECTING = 64, /* begun and not yet accepted: the queue is short */
	STEPS = 8,       /* of a connection in its turn */
	PERIOD = 65521,  /* of the pattern; prime */
	LENGTH_MAX = 49152,
	BUFFER = 4096,
	PATIENCE = 60, /* seconds for a connection to get on */
	RSS_SLACK = 1024 /* KiB; the kernel counts it in batches */
};

/* Tokens of ends: their place plus a multiple of this that never repeats. */
enum { TOKENS = 4 * CONNECTIONS_MAX, LISTENER = TOKENS - 2, WAKER };

/* How a connection ends, and what the server does. */
enum plan {
	ECHO,              /* all echoed, then the client ends its half */
	HALF_CLOSE,        /* that ends before the echo is read */
	SERVER_HALF_CLOSE, /* the first byte echoed, the rest only counted */
	CLIENT_RESET,
	SERVER_RESET,
	PLANS
};

struct end {
	struct mio_source source;
	struct end *next; /* that is ready, or free */
	struct end *next_parked;
	mio_token token;
	time_t moved;
	bool server, queued, can_read, can_write;
	bool connected, shut, waits, released;
	enum plan plan;
	uint64_t length, half, sent, received;
	size_t begin, fill; /* of the server's: still to be sent back */
	unsigned char buf[BUFFER];
};

struct counts {
	uint64_t begun[PLANS], seen[2][PLANS]; /* by clients, by servers */
	uint64_t sent[PLANS], received[PLANS]; /* by clients */
	uint64_t taken[PLANS];                 /* by servers */
	uint64_t accepted, asked, answered, bytes;
};

struct queue {
	struct end *first, **last;
};

struct levels {
	int descriptors, registrations;
	size_t malloced;
	long rss; /* KiB */
};

static struct end ends[2 * CONNECTIONS_MAX];
static struct end *spare[2]; /* clients, servers */
static size_t open_ends[2], active, target = 2000;
static size_t peak; /* of ends */
static struct queue ready, parked;
static struct counts counts;
static unsigned char pattern[PERIOD + LENGTH_MAX];
static mio_token generation;
static uint64_t seed;

static const char *backend;
static struct mio_poll *poller;
static struct mio_events *events;
static struct mio_source listener;
static struct sockaddr_in address;
static bool can_accept, running;

static struct mio_waker *waker;
static sem_t wanted;
static bool waker_ends; /* before the post that it is read after */

static nfds_t polled; /* descriptors that poll(2) was last given */

int __real_poll(struct pollfd *, nfds_t, int);
int __wrap_poll(struct pollfd *, nfds_t, int);
int __real_ppoll(struct pollfd *, nfds_t, const struct timespec *,
    const sigset_t *);
int __wrap_ppoll(struct pollfd *, nfds_t, const struct timespec *,
    const sigset_t *);

int
__wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	polled = count;
	return __real_poll(fds, count, timeout);
}

int
__wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
    const sigset_t *mask)
{
	polled = count;
	return __real_ppoll(fds, count, timeout, mask);
}

static _Noreturn void
fail(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "soak: %s: ", backend);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, " (errno: %s)\n", strerror(errno));
	exit(EXIT_FAILURE);
}

static time_t
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* xorshift64*, Vigna 2016. */
static unsigned
roll(unsigned sides)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (unsigned)((seed * UINT64_C(2685821657736338717)) >> 33) % sides;
}

static void
put(struct queue *queue, struct end *e)
{
	if (e->queued)
		return;
	e->queued = true;
	e->next = NULL;
	*queue->last = e;
	queue->last = &e->next;
}

static void
park(struct end *e)
{
	e->next_parked = NULL;
	*parked.last = e;
	parked.last = &e->next_parked;
	active--;
}

static struct end *
take(bool server)
{
	struct end *e = spare[server];
	struct end *next = e->next;

	memset(e, 0, offsetof(struct end, buf));
	e->server = server;
	e->moved = now();
	spare[server] = next;
	open_ends[server]++;
	return e;
}

static void
give_back(struct end *e)
{
	e->token = LISTENER; /* no end's */
	open_ends[e->server]--;
	e->next = spare[e->server];
	spare[e->server] = e;
}

static void
watch(struct end *e)
{
	e->token = generation++ * TOKENS + (mio_token)(e - ends);
	e->can_read = e->can_write = false;
	if (mio_registry_register(mio_poll_registry(poller), &e->source,
		e->token, MIO_READABLE | MIO_WRITABLE) == -1)
		fail("register");
}

static int
release(struct end *e)
{
	if (mio_source_close(&e->source) == -1)
		fail("close");
	give_back(e);
	counts.seen[e->server][e->plan]++;
	if (!e->server) {
		counts.sent[e->plan] += e->sent;
		counts.received[e->plan] += e->received;
		active--;
	} else
		counts.taken[e->plan] += e->received;
	return -1;
}

/* The peer sees ECONNRESET, once. */
static int
reset(struct end *e)
{
	struct linger now_or_never = { 1, 0 };

	if (setsockopt(mio_source_handle(&e->source), SOL_SOCKET, SO_LINGER,
		&now_or_never, sizeof now_or_never) == -1)
		fail("SO_LINGER");
	return release(e);
}

/* What a failed call means: 1: again, 0: wait, -1: was reset as planned. */
static int
failed(struct end *e, bool *can)
{
	if (errno == EINTR)
		return 1;
	if (errno == EAGAIN) {
		*can = false;
		return 0;
	}
	if (errno != ECONNRESET && errno != EPIPE)
		fail("an end");
	/* A client may be gone before it has said what it wants. */
	if (e->server && e->received == 0)
		e->plan = CLIENT_RESET;
	if (e->plan != (e->server ? CLIENT_RESET : SERVER_RESET))
		fail("reset, plan %d", (int)e->plan);
	return release(e);
}

static void
shut(struct end *e)
{
	e->shut = true;
	if (mio_source_shutdown(&e->source, SHUT_WR) == -1 &&
	    errno != ENOTCONN)
		fail("shutdown");
}

/*
 * Clients.  Of a stream the first byte is the plan, the others are the
 * pattern from a place that the client's own place gives.
 */

static const unsigned char *
stream(const struct end *e, uint64_t offset)
{
	return pattern + ((size_t)(e - ends) * 7919 + offset) % PERIOD;
}

static int
client_send(struct end *e, uint64_t until)
{
	unsigned char plan = (unsigned char)e->plan;
	ssize_t n = e->sent == 0
			? mio_source_write(&e->source, &plan, 1)
			: mio_source_write(&e->source, stream(e, e->sent),
			      (size_t)(until - e->sent));

	if (n == -1)
		return failed(e, &e->can_write);
	e->sent += (uint64_t)n;
	return 1;
}

static int
client_receive(struct end *e)
{
	unsigned char data[BUFFER];
	ssize_t n = mio_source_read(&e->source, data, sizeof data);
	size_t first = e->received == 0;

	if (n == -1)
		return failed(e, &e->can_read);
	if (n == 0) {
		if (e->plan == SERVER_HALF_CLOSE && e->received == 1) {
			e->can_read = false;
			e->shut = true; /* by the other side */
			return 1;
		}
		if (e->plan > HALF_CLOSE || e->received != e->length)
			fail("end after %" PRIu64 " of %" PRIu64 ", plan %d",
			    e->received, e->length, (int)e->plan);
		return release(e);
	}
	if ((uint64_t)n > e->sent - e->received)
		fail("more than was sent");
	if ((first && data[0] != e->plan) ||
	    memcmp(data + first, stream(e, e->received + first),
		(size_t)n - first) != 0)
		fail("other bytes at %" PRIu64, e->received);
	e->received += (uint64_t)n;
	counts.bytes += (uint64_t)n;
	return 1;
}

static int
client_step(struct end *e)
{
	uint64_t until = e->released ? e->length : e->half;

	if (!e->connected) {
		if (mio_source_connect_result(&e->source) == -1) {
			if (errno == EINPROGRESS)
				return 0;
			fail("connect");
		}
		e->connected = e->can_write = true;
	}
	if (e->plan == CLIENT_RESET && e->released &&
	    e->received >= e->length / 2)
		return reset(e);
	if (e->sent < until && e->can_write)
		return client_send(e, until);
	if (e->sent == e->length && e->plan == SERVER_HALF_CLOSE && e->shut)
		return release(e);
	if (e->sent == e->length && !e->shut && e->released &&
	    (e->plan == HALF_CLOSE ||
		(e->plan == ECHO && e->received == e->length)))
		shut(e);
	return e->can_read ? client_receive(e) : 0;
}

/* After a turn: has it come half-way? */
static void
look_at_half(struct end *e)
{
	if (!e->released && !e->waits && e->connected &&
	    e->received == e->half) {
		e->waits = true;
		park(e);
	}
}

/* False if all ports are taken, by connections that ended just now. */
static bool
begin(void)
{
	struct end *e = take(false);
	struct sockaddr *sa = (struct sockaddr *)&address;

	e->plan = (enum plan)roll(PLANS);
	e->length = 2 + roll(roll(8) ? 2000 : LENGTH_MAX - 2);
	e->half = e->plan == SERVER_HALF_CLOSE || e->plan == SERVER_RESET
		      ? 1
		      : e->length / 2;
	if (e->plan == CLIENT_RESET && roll(2)) {
		/* Nothing is sent, and perhaps it is not even accepted yet. */
		e->length = e->half = 0;
		e->released = roll(2);
	}
	if (mio_tcp_connect(&e->source, sa, sizeof address) == -1) {
		if (errno != EADDRNOTAVAIL)
			fail("connect");
		give_back(e);
		return false;
	}
	watch(e);
	counts.begun[e->plan]++;
	active++;
	return true;
}

static uint64_t
sum(const uint64_t *of)
{
	uint64_t total = 0;

	for (int i = 0; i < PLANS; i++)
		total += of[i];
	return total;
}

static void
begin_some(void)
{
	size_t queued = (size_t)(sum(counts.begun) - counts.accepted);

	while (running && queued < CONNECTING && open_ends[0] < target &&
	    open_ends[1] + queued < target && begin())
		queued++;
}

/* When all are there at both ends, or shall end, the oldest go on. */
static void
release_some(void)
{
	struct end *e;

	if (open_ends[0] + open_ends[1] > peak)
		peak = open_ends[0] + open_ends[1];
	if (running && open_ends[0] + open_ends[1] < 2 * target)
		return;
	while ((e = parked.first) && active < target / 8 + 1) {
		parked.first = e->next_parked;
		if (!parked.first)
			parked.last = &parked.first;
		e->released = true;
		e->moved = now();
		active++;
		put(&ready, e);
	}
}

/*
 * Servers.
 */

static void
accept_some(void)
{
	struct mio_source stream;
	struct end *e;

	while (can_accept && spare[1]) {
		if (mio_source_accept(&listener, &stream, NULL, NULL) == -1) {
			if (errno == EAGAIN)
				can_accept = false;
			else if (errno == ECONNABORTED) {
				counts.seen[1][CLIENT_RESET]++;
				counts.accepted++;
			} else if (errno != EINTR)
				fail("accept");
			continue;
		}
		e = take(true);
		e->source = stream;
		counts.accepted++;
		watch(e);
	}
}

static int
server_receive(struct end *e)
{
	ssize_t n = mio_source_read(&e->source, e->buf, sizeof e->buf);

	if (n == -1)
		return failed(e, &e->can_read);
	if (n == 0) {
		if (e->received == 0 || e->plan > SERVER_HALF_CLOSE)
			fail("end of input, plan %d", (int)e->plan);
		return release(e);
	}
	if (e->received == 0) {
		e->plan = (enum plan)e->buf[0];
		if (e->plan >= PLANS)
			fail("no plan");
		/* Whatever is ready now is reported again. */
		if (roll(4) == 0) {
			if (mio_registry_deregister(mio_poll_registry(poller),
				&e->source) == -1)
				fail("deregister");
			watch(e);
		}
	}
	e->begin = 0;
	e->fill = (size_t)n;
	if (e->plan == SERVER_HALF_CLOSE)
		e->fill = e->received == 0;
	e->received += (uint64_t)n;
	if (e->plan == SERVER_RESET && e->received > 1)
		return reset(e);
	return 1;
}

static int
server_step(struct end *e)
{
	ssize_t n;

	if (e->begin == e->fill) {
		if (e->plan == SERVER_HALF_CLOSE && e->received && !e->shut)
			shut(e);
		return e->can_read ? server_receive(e) : 0;
	}
	if (!e->can_write)
		return 0;
	n = mio_source_write(
	    &e->source, e->buf + e->begin, e->fill - e->begin);
	if (n == -1)
		return failed(e, &e->can_write);
	e->begin += (size_t)n;
	return 1;
}

/*
 * The loop.
 */

static void *
keep_waking(void *unused)
{
	struct timespec pause = { 0, 500000 };

	for (;;) {
		while (sem_wait(&wanted) == -1)
			continue;
		if (waker_ends)
			return unused;
		nanosleep(&pause, NULL);
		if (mio_waker_wake(waker) == -1)
			fail("wake");
	}
}

static void
ask_for_wake(void)
{
	counts.asked++;
	sem_post(&wanted);
}

static void
see(const struct mio_event *event)
{
	struct end *e;

	if (event->token == WAKER) {
		if (counts.answered++ == counts.asked)
			fail("a wake that nobody made");
		if (running)
			ask_for_wake();
	} else if (event->token == LISTENER)
		can_accept = true;
	else {
		e = &ends[event->token % TOKENS];
		if (e->token != event->token)
			fail("an event of what is closed");
		e->can_read |= mio_event_is_readable(event);
		e->can_write |= mio_event_is_writable(event);
		put(&ready, e);
	}
}

static void
run_ready(void)
{
	struct end *list = ready.first, *e;
	int more;

	ready.last = &ready.first;
	ready.first = NULL;
	while ((e = list)) {
		list = e->next;
		e->queued = false;
		e->moved = now();
		more = 1;
		for (int i = 0; more == 1 && i < STEPS; i++)
			more = e->server ? server_step(e) : client_step(e);
		if (more == -1)
			continue;
		if (!e->server)
			look_at_half(e);
		if (more == 1)
			put(&ready, e);
	}
}

/* A lost event shows as a connection that does not get on. */
static void
look_for_stuck(void)
{
	time_t limit = now() - PATIENCE;

	for (size_t i = 0; i < 2 * target; i++) {
		const struct end *e = &ends[i];

		if (e->token != LISTENER && e->moved < limit && !e->server &&
		    (!e->waits || e->released))
			fail("client %zu, plan %d, stuck: %" PRIu64 " of %"
			     PRIu64 " sent, %" PRIu64 " received",
			    i, (int)e->plan, e->sent, e->length, e->received);
	}
}

static void
turn(void)
{
	int64_t timeout = ready.first ? 0 : PATIENCE * MIO_SEC;
	int n;

	begin_some();
	n = mio_poll(poller, events, timeout);
	if (n == -1 && errno != EINTR)
		fail("poll");
	if (n == 0 && timeout > 0)
		fail("nothing for %d s: %zu clients, %zu servers, %" PRIu64
		     " of %" PRIu64 " wakes",
		    (int)PATIENCE, open_ends[0], open_ends[1],
		    counts.answered, counts.asked);
	MIO_EVENTS_FOREACH(event, events)
		see(event);
	accept_some();
	run_ready();
	release_some();
}

/*
 * What must be level.
 */

static int
count_descriptors(void)
{
	int count = 0, bound = 2 * (int)target + 4 * SPARE_FDS;

	for (int fd = 0; fd < bound; fd++)
		count += fcntl(fd, F_GETFD) != -1;
	return count;
}

/* epoll's as the kernel lists them, poll(2)'s as it is given them; or -1. */
static int
count_registrations(void)
{
	char line[256];
	int count = 0;
	FILE *file;

	if (polled > 0)
		return (int)polled;
	snprintf(line, sizeof line, "/proc/self/fdinfo/%d",
	    mio_poll_handle(poller));
	file = fopen(line, "r");
	if (!file)
		return -1;
	while (fgets(line, sizeof line, file))
		count += strncmp(line, "tfd:", 4) == 0;
	fclose(file);
	return count;
}

static long
count_rss(void)
{
	long total, pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (!file)
		return 0;
	if (fscanf(file, "%ld %ld", &total, &pages) != 2)
		pages = 0;
	fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static struct levels
measure(void)
{
	struct levels l = { count_descriptors(), count_registrations(), 0,
		count_rss() };

#ifdef HAVE_MALLINFO2
	struct mallinfo2 info = mallinfo2();

	l.malloced = info.uordblks + info.hblkhd;
#endif
	return l;
}

/* The end of a round. */
static void
drain(void)
{
	running = false;
	while (open_ends[0] || open_ends[1] || counts.answered < counts.asked ||
	    counts.accepted < sum(counts.begun))
		turn();
	/* A slow event of the listener may come, and nothing else. */
	if (mio_poll(poller, events, 20 * MIO_MSEC) == -1 && errno != EINTR)
		fail("poll");
	MIO_EVENTS_FOREACH(event, events)
		if (event->token != LISTENER)
			fail("an event out of nothing");
	if (active || parked.first || ready.first)
		fail("%zu active, and none is there", active);
	for (int i = 0; i < PLANS; i++) {
		if (counts.begun[i] != counts.seen[0][i] ||
		    counts.begun[i] != counts.seen[1][i])
			fail("plan %d: %" PRIu64 " begun, %" PRIu64
			     " and %" PRIu64 " ends seen", i, counts.begun[i],
			    counts.seen[0][i], counts.seen[1][i]);
		if (i <= SERVER_HALF_CLOSE && counts.sent[i] != counts.taken[i])
			fail("plan %d: %" PRIu64 " bytes sent, %" PRIu64
			     " taken", i, counts.sent[i], counts.taken[i]);
		if (i <= HALF_CLOSE && counts.sent[i] != counts.received[i])
			fail("plan %d: %" PRIu64 " bytes sent, %" PRIu64
			     " back", i, counts.sent[i], counts.received[i]);
	}
}

static void
compare(const struct levels *before, const struct levels *after)
{
	if (after->descriptors != before->descriptors)
		fail("%d descriptors, %d before", after->descriptors,
		    before->descriptors);
	if (after->registrations != before->registrations)
		fail("%d registrations, %d before", after->registrations,
		    before->registrations);
	if (after->malloced != before->malloced)
		fail("%zu bytes allocated, %zu before", after->malloced,
		    before->malloced);
	if (after->rss > before->rss + RSS_SLACK)
		fail("%ld KiB resident, %ld before", after->rss, before->rss);
}

static void
show(time_t second, const struct levels *l)
{
	fprintf(stderr,
	    "%s: %3ld s, %" PRIu64 " connections, %zu at once, %" PRIu64
	    " MiB, %" PRIu64 " wakes; %d descriptors, %d registrations, "
	    "%zu bytes allocated, %ld KiB resident\n",
	    backend, (long)second, sum(counts.begun), peak / 2,
	    counts.bytes >> 20, counts.answered, l->descriptors,
	    l->registrations, l->malloced, l->rss);
}

static void
set_up(void)
{
	memset(&counts, 0, sizeof counts);
	spare[0] = spare[1] = NULL;
	for (size_t i = 0; i < 2 * target; i++) {
		ends[i].token = LISTENER;
		ends[i].next = spare[i >= target];
		spare[i >= target] = &ends[i];
	}
	ready.last = &ready.first;
	parked.last = &parked.first;
	polled = 0;
	peak = 0;
	if (mio_poll_new_backend(&poller, backend) == -1 ||
	    mio_events_new(&events, 1024) == -1 ||
	    mio_waker_new(&waker, mio_poll_registry(poller), WAKER) == -1)
		fail("set-up");
}

/* Each round at a port of its own: many of the last one's are in TIME_WAIT. */
static void
listen_anew(void)
{
	struct sockaddr *sa = (struct sockaddr *)&address;
	socklen_t len = sizeof address;

	memset(&address, 0, sizeof address);
	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (mio_tcp_listen(&listener, sa, len) == -1 ||
	    mio_source_local_addr(&listener, sa, &len) == -1 ||
	    mio_registry_register(mio_poll_registry(poller), &listener,
		LISTENER, MIO_READABLE) == -1)
		fail("listen");
}

/* The first round warms up; what it leaves is the level of the others. */
static void
soak(long seconds)
{
	time_t start = now(), length = seconds / 8 + 1;
	struct levels level = { 0 }, after;
	pthread_t thread;

	set_up();
	waker_ends = false;
	errno = pthread_create(&thread, NULL, keep_waking, NULL);
	if (errno)
		fail("thread");
	if (length > 10)
		length = 10;
	do {
		time_t until = now() + length, second = now();

		listen_anew();
		running = true;
		ask_for_wake();
		while (now() < until || peak < 2 * target) {
			turn();
			if (now() > until + PATIENCE)
				fail("%zu ends of %zu", peak, 2 * target);
			if (now() != second) {
				second = now();
				look_for_stuck();
			}
		}
		drain();
		after = measure();
		mio_source_close(&listener);
		if (!level.descriptors)
			level = after;
		show(now() - start, &after);
		compare(&level, &after);
	} while (now() - start < seconds);
	waker_ends = true;
	sem_post(&wanted);
	pthread_join(thread, NULL);
	mio_waker_free(waker);
	mio_events_free(events);
	mio_poll_free(poller);
}

/* Two descriptors for each connection; fewer connections if need be. */
static void
find_room(void)
{
	struct rlimit limit;
	size_t room;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		fail("RLIMIT_NOFILE");
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	getrlimit(RLIMIT_NOFILE, &limit);
	room = limit.rlim_cur > 2 * CONNECTIONS_MAX + SPARE_FDS
		   ? CONNECTIONS_MAX
		   : limit.rlim_cur > SPARE_FDS + 2
		   ? (size_t)(limit.rlim_cur - SPARE_FDS) / 2
		   : 1;
	if (target <= room)
		return;
	fprintf(stderr, "soak: only %zu connections at once\n", room);
	target = room;
}

int
main(int argc, char **argv)
{
	const char *only[] = { NULL, NULL };
	const char *const *backends = mio_backends();
	long seconds = 10, number = (long)target;
	int opt, descriptors;

	backend = "all";
	while ((opt = getopt(argc, argv, "b:c:s:")) != -1) {
		if (opt == 'b') {
			only[0] = optarg;
			backends = only;
		} else if (opt == 'c')
			number = strtol(optarg, NULL, 10);
		else if (opt == 's')
			seconds = strtol(optarg, NULL, 10);
		else
			number = 0;
	}
	if (optind != argc || number < 1 || seconds < 1) {
		fputs("usage: soak [-b BACKEND] [-c CONNECTIONS] "
		      "[-s SECONDS]\n", stderr);
		return 2;
	}
	target = (size_t)number;
	find_room();
	seed = (uint64_t)time(NULL) * 2 + 1;
	for (size_t i = 0; i < sizeof pattern; i++)
		pattern[i] = i < PERIOD ? (unsigned char)roll(256)
					: pattern[i - PERIOD];
	sem_init(&wanted, 0, 0);
	descriptors = count_descriptors();
	for (; (backend = *backends); backends++) {
		soak(seconds);
		if (count_descriptors() != descriptors)
			fail("%d descriptors, %d before it",
			    count_descriptors(), descriptors);
	}
	puts("soak: all came back, all was level");
	return EXIT_SUCCESS;
}
