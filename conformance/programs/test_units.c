/* SPDX-License-Identifier: MIT */
/*
 * What cannot be seen from outside: timeouts as the kernel gets them, and
 * readiness for every combination of native flags.  The program stands
 * between the library and the waiting system calls (linked with --wrap).
 */

#include "config.h"

#include <mio.h>

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/epoll.h>
#endif

#include "selector.h"
#include "sys/sys.h"

/* rows: lim-05 */

#define INT_MAX_MS ((int64_t)INT_MAX * MIO_MSEC)

static int failures;

#define EXPECT(condition, ...)                                               \
	do {                                                                 \
		if (!(condition))                                            \
			complain(__LINE__, __VA_ARGS__);                     \
	} while (0)

__attribute__((format(printf, 2, 3))) static void
complain(int line, const char *format, ...)
{
	va_list args;

	if (++failures > 50)
		return;
	fprintf(stderr, "test_units:%d: ", line);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static void
must(bool condition, const char *what)
{
	if (condition)
		return;
	perror(what);
	exit(1);
}

#define MUST(condition) must((condition), #condition)

/* What the faked system calls answer, and what they were asked. */
static struct {
	bool on;
	int fd;          /* whose event */
	uint32_t flags;  /* 0: none */
	int empty;       /* this many calls return 0 first */
	bool patient;    /* a call that does not wait returns 0 */
	int refuse_fine; /* errno of epoll_pwait2 */
	int fail;        /* errno of the next call, once */
	int calls, fine_calls;
	int64_t asked_ns; /* of the last call; -1 for ever */
} fake;

static int64_t
ns_of(const struct timespec *timeout)
{
	int64_t seconds;

	if (timeout == NULL)
		return -1;
	seconds = timeout->tv_sec; /* time_t may have 32 bits */
	EXPECT(timeout->tv_sec >= 0 && timeout->tv_nsec >= 0 &&
		timeout->tv_nsec <= 999999999,
	    "timespec {%lld, %ld}", (long long)timeout->tv_sec,
	    (long)timeout->tv_nsec);
	if (seconds > INT64_MAX / MIO_SEC - 1)
		return INT64_MAX;
	return seconds * MIO_SEC + timeout->tv_nsec;
}

static int64_t
ns_of_ms(int ms)
{
	return ms < 0 ? -1 : (int64_t)ms * MIO_MSEC;
}

/* 1: go on and answer; else what to return. */
static int
answer(int64_t ns)
{
	++fake.calls;
	fake.asked_ns = ns;
	if (fake.fail != 0) {
		errno = fake.fail;
		fake.fail = 0;
		return -1;
	}
	if (fake.empty > 0) {
		--fake.empty;
		return 0;
	}
	return fake.flags != 0 && (ns != 0 || !fake.patient);
}

int __real_ppoll(struct pollfd *, nfds_t, const struct timespec *,
    const sigset_t *);
int __wrap_ppoll(struct pollfd *, nfds_t, const struct timespec *,
    const sigset_t *);
int __real_poll(struct pollfd *, nfds_t, int);
int __wrap_poll(struct pollfd *, nfds_t, int);

static int
answer_poll(struct pollfd *fds, nfds_t count, int64_t ns)
{
	int found = answer(ns);

	for (nfds_t i = 0; i < count; ++i) {
		fds[i].revents = 0;
		if (found == 1 && fds[i].fd == fake.fd)
			fds[i].revents = (short)fake.flags;
	}
	return found;
}

int
__wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
    const sigset_t *mask)
{
	if (!fake.on)
		return __real_ppoll(fds, count, timeout, mask);
	return answer_poll(fds, count, ns_of(timeout));
}

int
__wrap_poll(struct pollfd *fds, nfds_t count, int ms)
{
	if (!fake.on)
		return __real_poll(fds, count, ms);
	return answer_poll(fds, count, ns_of_ms(ms));
}

#ifdef __linux__
int __real_epoll_wait(int, struct epoll_event *, int, int);
int __wrap_epoll_wait(int, struct epoll_event *, int, int);
int __wrap_epoll_pwait2(int, struct epoll_event *, int,
    const struct timespec *, const sigset_t *);

static int
answer_epoll(struct epoll_event *events, int max, int64_t ns)
{
	int found = answer(ns);

	EXPECT(max > 0, "room for %d events", max);
	if (found == 1) {
		memset(events, 0, sizeof(*events));
		events->events = fake.flags;
		events->data.u64 = 7;
	}
	return found;
}

int
__wrap_epoll_wait(int fd, struct epoll_event *events, int max, int ms)
{
	if (!fake.on)
		return __real_epoll_wait(fd, events, max, ms);
	return answer_epoll(events, max, ns_of_ms(ms));
}

int
__wrap_epoll_pwait2(int fd, struct epoll_event *events, int max,
    const struct timespec *timeout, const sigset_t *mask)
{
	(void)mask;
	MUST(fake.on && fd >= 0);
	++fake.fine_calls;
	if (fake.refuse_fine != 0) {
		errno = fake.refuse_fine;
		return -1;
	}
	return answer_epoll(events, max, ns_of(timeout));
}
#endif

static void
timeouts_in_milliseconds(void)
{
	static const struct {
		int64_t ns;
		int ms;
	} table[] = {
		{ 1, 1 },
		{ 999, 1 },
		{ MIO_MSEC - 1, 1 },
		{ MIO_MSEC, 1 },
		{ MIO_MSEC + 1, 2 },
		{ 1500 * MIO_USEC, 2 },
		{ 2 * MIO_MSEC, 2 },
		{ MIO_SEC, 1000 },
		{ (INT_MAX - 1) * MIO_MSEC, INT_MAX - 1 },
		{ (INT_MAX - 1) * MIO_MSEC + 1, INT_MAX },
		{ INT_MAX * MIO_MSEC - 1, INT_MAX },
		{ INT_MAX * MIO_MSEC, INT_MAX },
		{ INT_MAX * MIO_MSEC + 1, INT_MAX },
		{ (INT_MAX + INT64_C(1)) * MIO_MSEC, INT_MAX },
		{ (INT_MAX + INT64_C(2)) * MIO_MSEC, INT_MAX },
		{ (UINT32_MAX + INT64_C(1)) * MIO_MSEC, INT_MAX },
		{ (UINT32_MAX + INT64_C(2)) * MIO_MSEC, INT_MAX },
		{ INT64_MAX - 1, INT_MAX },
		{ INT64_MAX, INT_MAX },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); ++i)
		EXPECT(mio__sys_ms(table[i].ns) == table[i].ms,
		    "%lld ns are %d ms, not %d", (long long)table[i].ns,
		    mio__sys_ms(table[i].ns), table[i].ms);
}

static void
timeouts_as_timespec(void)
{
	static const int64_t table[] = { 0, 1, 999999999, MIO_SEC,
		MIO_SEC + 1, INT_MAX * MIO_MSEC, INT64_C(86400) * MIO_SEC };
	struct timespec longest = mio__sys_timespec(INT64_MAX);

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); ++i) {
		struct timespec timeout = mio__sys_timespec(table[i]);

		EXPECT(ns_of(&timeout) == table[i],
		    "%lld ns become {%lld, %ld}", (long long)table[i],
		    (long long)timeout.tv_sec, (long)timeout.tv_nsec);
	}
	EXPECT(longest.tv_sec >= INT32_MAX && longest.tv_nsec >= 0 &&
		longest.tv_nsec <= 999999999,
	    "INT64_MAX ns become {%lld, %ld}", (long long)longest.tv_sec,
	    (long)longest.tv_nsec);
}

/* Native flags of one selector. */
struct flags {
	uint32_t in, pri, out, err, hup, rdhup;
};

/* INTERNALS.md's table, and the superset rule of API.md. */
static unsigned
formula(const struct flags *flag, uint32_t b, bool is_poll)
{
	bool in = b & flag->in, pri = b & flag->pri, out = b & flag->out;
	bool err = b & flag->err, hup = b & flag->hup;
	bool rdhup = b & flag->rdhup;
	unsigned want = 0;

	if (in || pri || hup || err || rdhup)
		want |= MIO_READABLE;
	if (out || hup || err)
		want |= MIO_WRITABLE;
	if (err)
		want |= MIO_ERROR;
	if (hup || (rdhup && (in || is_poll)))
		want |= MIO_READ_CLOSED;
	if (hup || (out && err) || b == flag->err)
		want |= MIO_WRITE_CLOSED;
	if (pri)
		want |= MIO_PRIORITY;
	return want;
}

struct rig {
	struct mio_poll *poll;
	struct mio_events *events;
	int fds[2];
};

/* Nothing here knows kqueue: test_kqueue_fault.c has all this for it. */
static bool
have(const char *selector)
{
	size_t len = strlen(selector);

	for (const char *const *name = mio_backends(); *name != NULL; ++name)
		if (strncmp(*name, selector, len) == 0 && (*name)[len] == '+')
			return true;
	return false;
}

static void
rig_open(struct rig *rig, const char *backend)
{
	memset(&fake, 0, sizeof(fake));
	MUST(mio_poll_new_backend(&rig->poll, backend) == 0);
	MUST(mio_events_new(&rig->events, 4) == 0);
	MUST(pipe(rig->fds) == 0);
	MUST(mio_registry_register_fd(mio_poll_registry(rig->poll),
		 rig->fds[0], 7,
		 MIO_READABLE | MIO_WRITABLE | MIO_PRIORITY) == 0);
	fake.on = true;
	fake.fd = rig->fds[0];
}

static void
rig_close(struct rig *rig)
{
	fake.on = false;
	close(rig->fds[0]);
	close(rig->fds[1]);
	mio_events_free(rig->events);
	mio_poll_free(rig->poll);
}

/* rows: evt-06 evt-07 evt-08 evt-09 evt-10 evt-11 */
static void
readiness_by_formula(
    const char *backend, const struct flags *flag, bool is_poll)
{
	const uint32_t bits[] = { flag->in, flag->pri, flag->out, flag->err,
		flag->hup, flag->rdhup };
	struct rig rig;

	rig_open(&rig, backend);
	for (unsigned set = 1; set < 1U << 6; ++set) {
		const struct mio_event *event;
		unsigned want, got;
		int n;

		fake.flags = 0;
		for (unsigned i = 0; i < 6; ++i)
			if (set & 1U << i)
				fake.flags |= bits[i];
		want = formula(flag, fake.flags, is_poll);
		MUST(mio_registry_reregister_fd(mio_poll_registry(rig.poll),
			 rig.fds[0], 7,
			 MIO_READABLE | MIO_WRITABLE | MIO_PRIORITY) == 0);
		n = mio_poll(rig.poll, rig.events, 0);
		event = mio_events_get(rig.events, 0);
		EXPECT(n == 1 && event != NULL, "%s: native %#x: %d events",
		    backend, fake.flags, n);
		if (event == NULL)
			continue;
		got = event->readiness;
		EXPECT(got == want, "%s: native %#x: %#x instead of %#x",
		    backend, fake.flags, got, want);
		EXPECT(event->native == fake.flags,
		    "%s: native %#x reported as %#x", backend, fake.flags,
		    event->native);
		EXPECT(event->token == 7, "%s: another token", backend);
	}
	rig_close(&rig);
}

/* rows: lim-02 lim-03 lim-04 lim-05 */
static void
timeouts_as_the_kernel_gets_them(const char *backend)
{
	static const int64_t table[] = { 1, 999, MIO_USEC, MIO_MSEC - 1,
		MIO_MSEC, MIO_MSEC + 1, 1500 * MIO_USEC, MIO_SEC,
		INT_MAX * MIO_MSEC - 1, INT_MAX * MIO_MSEC,
		INT_MAX * MIO_MSEC + 1, (UINT32_MAX + INT64_C(2)) * MIO_MSEC,
		INT64_MAX - 1, INT64_MAX };
	struct rig rig;

	rig_open(&rig, backend);
	fake.patient = true;
	fake.flags = 1; /* POLLIN, EPOLLIN */
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); ++i) {
		int64_t limit = table[i] < 20 * 86400 * MIO_SEC
				    ? table[i]
				    : 20 * 86400 * MIO_SEC;

		MUST(mio_registry_reregister_fd(mio_poll_registry(rig.poll),
			 rig.fds[0], 7, MIO_READABLE) == 0);
		EXPECT(mio_poll(rig.poll, rig.events, table[i]) == 1,
		    "%s: no event", backend);
		EXPECT(fake.asked_ns >= limit,
		    "%s: %lld ns became %lld", backend, (long long)table[i],
		    (long long)fake.asked_ns);
		EXPECT(table[i] > INT64_MAX - MIO_MSEC ||
			fake.asked_ns < table[i] + MIO_MSEC,
		    "%s: %lld ns became %lld", backend, (long long)table[i],
		    (long long)fake.asked_ns);
	}
	fake.flags = 0;
	EXPECT(mio_poll(rig.poll, rig.events, 0) == 0, "%s: event", backend);
	EXPECT(fake.asked_ns == 0, "%s: 0 became %lld", backend,
	    (long long)fake.asked_ns);
	fake.flags = 1;
	MUST(mio_registry_reregister_fd(mio_poll_registry(rig.poll),
		 rig.fds[0], 7, MIO_READABLE) == 0);
	EXPECT(mio_poll(rig.poll, rig.events, MIO_FOREVER) == 1,
	    "%s: no event", backend);
	EXPECT(fake.asked_ns == -1, "%s: for ever became %lld", backend,
	    (long long)fake.asked_ns);
	rig_close(&rig);
}

/* A kernel's error is the caller's, and EINTR no exception. */
static void
errors_of_the_wait(const char *backend)
{
	static const int errors[] = { EINTR, ENOMEM, EBADF };
	struct rig rig;

	rig_open(&rig, backend);
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); ++i) {
		fake.fail = errors[i];
		fake.flags = 1;
		fake.calls = 0;
		errno = 0;
		EXPECT(mio_poll(rig.poll, rig.events, MIO_SEC) == -1 &&
			errno == errors[i],
		    "%s: errno %d instead of %d", backend, errno, errors[i]);
		EXPECT(fake.calls == 1, "%s: %d calls", backend, fake.calls);
		EXPECT(mio_events_count(rig.events) == 0, "%s: events left",
		    backend);
	}
	rig_close(&rig);
}

#ifdef __linux__
/* A kernel or sandbox that lacks epoll_pwait2 is asked once. */
static void
epoll_falls_back_to_milliseconds(int refusal)
{
	struct rig rig;

	rig_open(&rig, "epoll");
	fake.refuse_fine = refusal;
	fake.flags = EPOLLIN;
	fake.patient = true;
	for (int i = 0; i < 3; ++i) {
		EXPECT(mio_poll(rig.poll, rig.events, 1500 * MIO_USEC) == 1,
		    "no event after errno %d", refusal);
		EXPECT(fake.asked_ns == 2 * MIO_MSEC,
		    "1500 us became %lld ns", (long long)fake.asked_ns);
		EXPECT(fake.fine_calls <= 1, "epoll_pwait2 asked %d times",
		    fake.fine_calls);
	}
	/* A wait longer than the kernel can is several. */
	fake.calls = 0;
	fake.empty = 3;
	EXPECT(mio_poll(rig.poll, rig.events, INT64_MAX) == 1,
	    "a long timeout was cut short");
	EXPECT(fake.calls == 4, "%d calls instead of 4", fake.calls);
	EXPECT(fake.asked_ns == INT_MAX * MIO_MSEC, "asked for %lld ns",
	    (long long)fake.asked_ns);
	/* And comes to an end. */
	fake.calls = 0;
	fake.empty = 1000;
	EXPECT(mio_poll(rig.poll, rig.events, 2 * INT_MAX_MS + 1) == 0,
	    "no time-out");
	EXPECT(fake.calls == 3, "%d calls instead of 3", fake.calls);
	EXPECT(fake.asked_ns == MIO_MSEC, "the rest was %lld ns",
	    (long long)fake.asked_ns);
	rig_close(&rig);
}

#ifdef HAVE_EPOLL_PWAIT2
static void
epoll_keeps_the_fine_wait_after_eintr(void)
{
	struct rig rig;

	rig_open(&rig, "epoll");
	/* From now on there is no look that could be interrupted instead. */
	EXPECT(mio_poll(rig.poll, rig.events, MIO_USEC) == 0, "an event");
	fake.fail = EINTR;
	EXPECT(mio_poll(rig.poll, rig.events, MIO_USEC) == -1 &&
		errno == EINTR,
	    "errno %d", errno);
	fake.flags = EPOLLIN;
	EXPECT(mio_poll(rig.poll, rig.events, MIO_USEC) == 1, "no event");
	EXPECT(fake.asked_ns == MIO_USEC, "1 us became %lld ns",
	    (long long)fake.asked_ns);
	rig_close(&rig);
}
#endif
#endif

/* poll(2) is asked again until the time has really come. */
static void
poll_waits_for_its_deadline(void)
{
	struct rig rig;
	int64_t begin;

	rig_open(&rig, "poll");
	fake.empty = 5;
	begin = mio__sys_now();
	EXPECT(mio_poll(rig.poll, rig.events, 5 * MIO_MSEC) == 0, "an event");
	EXPECT(mio__sys_now() - begin >= 5 * MIO_MSEC, "it came early");
	/* EAGAIN is the kernel's memory shortage, not the caller's matter. */
	fake.fail = EAGAIN;
	fake.flags = POLLIN;
	EXPECT(mio_poll(rig.poll, rig.events, MIO_SEC) == 1,
	    "EAGAIN: errno %d", errno);
	rig_close(&rig);
}

/* An event comes after so many calls, the last of them with this timeout. */
static void
event_takes(struct rig *rig, int calls, int64_t asked_ns)
{
	MUST(mio_registry_reregister_fd(mio_poll_registry(rig->poll),
		 rig->fds[0], 7, MIO_READABLE) == 0);
	fake.calls = 0;
	EXPECT(mio_poll(rig->poll, rig->events, MIO_SEC) == 1, "no event");
	EXPECT(fake.calls == calls && fake.asked_ns == asked_ns,
	    "%d calls instead of %d, the last with %lld ns", fake.calls, calls,
	    (long long)fake.asked_ns);
}

/* Which is cheap; in vain it is not done again for some time. */
static void
looks_before_it_waits(const char *selector)
{
	struct rig rig;

	rig_open(&rig, selector);
	fake.flags = POLLIN;
	for (int i = 0; i < 20; ++i)
		event_takes(&rig, 1, 0);
	fake.patient = true;
	for (int turn = 0; turn < 3; ++turn) {
		event_takes(&rig, 2, MIO_SEC);
		for (int i = 0; i < 8; ++i)
			event_takes(&rig, 1, MIO_SEC);
	}
	/* Who does not wait looks once, and that does not count. */
	fake.calls = 0;
	EXPECT(mio_poll(rig.poll, rig.events, 0) == 0, "an event");
	EXPECT(fake.calls == 1, "%d calls", fake.calls);
	event_takes(&rig, 2, MIO_SEC);
	EXPECT(mio_poll(rig.poll, rig.events, 0) == 0, "an event");
	for (int i = 0; i < 8; ++i)
		event_takes(&rig, 1, MIO_SEC);
	fake.patient = false;
	event_takes(&rig, 1, 0);
	rig_close(&rig);
}

#ifdef HAVE_EPOLL_PWAIT2
/* What whole milliseconds say needs no finer call, which costs more. */
static void
epoll_waits_fine_for_odd_timeouts_alone(void)
{
	static const int64_t whole[] = { MIO_MSEC, 20 * MIO_MSEC, MIO_SEC,
		INT_MAX_MS };
	static const int64_t odd[] = { 1, MIO_MSEC - 1, MIO_MSEC + 1,
		MIO_SEC + 1, INT_MAX_MS + MIO_MSEC };
	struct rig rig;

	rig_open(&rig, "epoll");
	fake.flags = EPOLLIN;
	fake.patient = true;
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); ++i) {
		fake.fine_calls = 0;
		EXPECT(mio_poll(rig.poll, rig.events, whole[i]) == 1, "none");
		EXPECT(fake.fine_calls == 0 && fake.asked_ns == whole[i],
		    "%d fine calls, %lld ns of %lld", fake.fine_calls,
		    (long long)fake.asked_ns, (long long)whole[i]);
	}
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); ++i) {
		fake.fine_calls = 0;
		EXPECT(mio_poll(rig.poll, rig.events, odd[i]) == 1, "none");
		EXPECT(fake.fine_calls == 1 && fake.asked_ns == odd[i],
		    "%d fine calls, %lld ns of %lld", fake.fine_calls,
		    (long long)fake.asked_ns, (long long)odd[i]);
	}
	rig_close(&rig);
}
#endif

/* The rule itself, without what makes it fast. */
static void
forget_plainly(struct mio_event *list, size_t count, mio_token token)
{
	for (size_t i = 0; i < count; ++i)
		if (list[i].token == token)
			list[i].readiness = 0;
}

static bool
alike(const struct mio_events *events, const struct mio_event *list)
{
	size_t count = mio_events_count(events);
	size_t left = 0;

	for (size_t i = 0; i < count; ++i) {
		const struct mio_event *event = mio_events_get(events, i);

		if (event->token != list[i].token ||
		    event->readiness != list[i].readiness)
			return false;
		left += list[i].readiness != 0;
	}
	MIO_EVENTS_FOREACH(event, events) {
		if (event->readiness == 0)
			return false;
		--left;
	}
	return left == 0;
}

/* rows: evt-04 */
static void
forgetting_follows_the_rule(void)
{
	enum { MOST = 70 };
	static const mio_token tokens[] = { 0, 1, 2, UINTPTR_MAX,
		UINTPTR_MAX - 1, UINTPTR_MAX / 2, 4096, 8192, 12288, 65536 };
	const size_t kinds = sizeof(tokens) / sizeof(tokens[0]);
	struct mio_event list[MOST] = { { 0 } };
	struct mio_events *events;
	unsigned seed = 1;

	MUST(mio_events_new(&events, MOST) == 0);
	for (int round = 0; round < 2000; ++round) {
		size_t count = (size_t)round % (MOST + 1);

		for (size_t i = 0; i < count; ++i) {
			seed = seed * 1103515245 + 12345;
			list[i].token = tokens[seed / 65536 % kinds];
			list[i].readiness = MIO_READABLE;
			list[i].native = 1;
			events->list[i] = list[i];
		}
		mio__set_count(events, (int)count);
		for (size_t i = 0; i < 2 * kinds; ++i) {
			mio_token token;

			seed = seed * 1103515245 + 12345;
			token = tokens[seed / 65536 % kinds];
			mio_events_forget(events, token);
			forget_plainly(list, count, token);
			EXPECT(alike(events, list),
			    "round %d: forget %zu of %zu events", round, i,
			    count);
		}
	}
	mio_events_free(events);
}

/* rows: tcpl-18 */
static void
sizes(void)
{
	if (sizeof(void *) != 8)
		return;
	EXPECT(sizeof(struct mio_event) == 16, "mio_event: %zu bytes",
	    sizeof(struct mio_event));
	EXPECT(sizeof(struct mio_source) == 24, "mio_source: %zu bytes",
	    sizeof(struct mio_source));
}

/* The kernel's clock, to the nanosecond. */
static void
now_is_now(void)
{
	struct timespec before, after;
	int64_t now;

	clock_gettime(CLOCK_MONOTONIC, &before);
	now = mio__sys_now();
	clock_gettime(CLOCK_MONOTONIC, &after);
	EXPECT(now >= before.tv_sec * MIO_SEC + before.tv_nsec &&
		now <= after.tv_sec * MIO_SEC + after.tv_nsec,
	    "it is another time");
}

static void
child_says(pid_t pid, int says)
{
	int status = 0;

	MUST(pid != -1 && waitpid(pid, &status, 0) == pid);
	EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == says,
	    "status %#x", (unsigned)status);
}

/* By its number, and, where that tells nothing, by its mark. */
static void
processes_are_told_apart(void)
{
	struct mio__process process, numberless;
	pid_t pid;

	MUST(mio__sys_process(&process) == 0);
	EXPECT(mio__sys_process_is_this(&process), "this is another");
	pid = fork();
	if (pid == 0)
		_exit(mio__sys_process_is_this(&process) ? 1 : 2);
	child_says(pid, 2);
	/* Linux: clone with CLONE_VM, which shares the mark. */
	pid = vfork();
	if (pid == 0)
		_exit(mio__sys_process_is_this(&process) ? 1 : 2);
	child_says(pid, 2);
	if (process.mark == NULL) {
		mio__sys_process_free(&process);
		return;
	}
	/* The child of a container's init, as it were. */
	for (int mark = 0; mark < 2; ++mark) {
		numberless = process;
		numberless.mark[0] = (unsigned char)mark;
		EXPECT(mio__sys_process_is_this(&numberless) == mark,
		    "mark %d", mark);
	}
	EXPECT(mio__sys_process_is_this(&process), "not any more");
	mio__sys_process_free(&process);
}

int
main(void)
{
	processes_are_told_apart();
	timeouts_in_milliseconds();
	timeouts_as_timespec();
	sizes();
	forgetting_follows_the_rule();
	now_is_now();
	for (const char *const *name = mio_backends(); *name != NULL;
	     ++name) {
		bool is_poll = strncmp(*name, "poll+", 5) == 0;
		struct flags flags = { POLLIN, POLLPRI, POLLOUT, POLLERR,
			POLLHUP, 0 };

#ifdef POLLRDHUP
		flags.rdhup = POLLRDHUP;
#endif
#ifdef __linux__
		if (strncmp(*name, "epoll+", 6) == 0) {
			struct flags native = { EPOLLIN, EPOLLPRI, EPOLLOUT,
				EPOLLERR, EPOLLHUP, EPOLLRDHUP };

			flags = native;
		} else
#endif
		    if (!is_poll)
			continue;
		readiness_by_formula(*name, &flags, is_poll);
		timeouts_as_the_kernel_gets_them(*name);
		errors_of_the_wait(*name);
	}
#ifdef __linux__
	if (have("epoll")) {
		epoll_falls_back_to_milliseconds(ENOSYS);
		epoll_falls_back_to_milliseconds(EPERM);
		looks_before_it_waits("epoll");
#ifdef HAVE_EPOLL_PWAIT2
		epoll_keeps_the_fine_wait_after_eintr();
		epoll_waits_fine_for_odd_timeouts_alone();
#endif
	}
#endif
	if (have("poll")) {
		poll_waits_for_its_deadline();
		looks_before_it_waits("poll");
	}
	if (failures > 0)
		fprintf(stderr, "test_units: %d failures\n", failures);
	return failures > 0;
}
