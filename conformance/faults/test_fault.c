/* SPDX-License-Identifier: MIT */
/*
 * Every system call and allocation behind a call of the library fails once, in
 * its turn, as faults.def says: the error comes back, the output is untouched,
 * nothing leaks, and the same call then succeeds.  Also: short reads and
 * writes, interruptions without end, and a signal whose handler wakes the poll
 * at each of these places.  Linked with --wrap.
 */

#include "config.h"

#include <stdio.h>

#ifndef __linux__

int
main(void)
{
	fprintf(stderr, "SKIP: wraps what Linux has\n");
	return 77;
}

#else

#include "fault.h"

static const struct scenario *const areas[] = { poll_scenarios,
	waker_scenarios, registry_scenarios, sockets_scenarios, io_scenarios };
#define AREAS (sizeof areas / sizeof areas[0])

static const struct fault faults[] = {
#define FAULT(name, err, outcome) { CALL_##name, err, outcome },
#include "faults.def"
};

int
run(const struct scenario *s, struct world *w)
{
	char out[] = "abc";
	struct iovec iov = { w->buf, 3 };

	if (s->io == NULL)
		return s->run(w);
	if (s->prepare != with_data)
		iov.iov_base = out;
	return s->io(w, &iov) == 3 ? 0 : -1;
}

static void
check_failure(const struct scenario *s, struct world *w, int ret,
    const struct fault *f, int err)
{
	const uint64_t bit = UINT64_C(1) << f->call;

	errno = err;
	if (f->outcome == FALLS_BACK &&
	    (f->call == CALL_socket || f->call == CALL_socketpair)) {
		/* Number one asks for flags, number two is the fallback. */
		CHECK((ret == 0) == (ONE_CALL_SOCKET && plan.turn == 1));
		return;
	}
	if (f->outcome == FALLS_BACK || (s->ignores & bit) != 0 ||
	    (f->outcome == RETRIED && (s->retries & bit) != 0)) {
		CHECK(ret == 0);
		return;
	}
	CHECK(ret == -1);
	errno = err;
	CHECK(err == (f->outcome == NOTSUP && s->makes ? ENOTSUP : f->err));
	if (ret == -1)
		CHECK(s->untouched(w));
}

void
arm(enum call call, int turn, int err)
{
	plan.call = call;
	plan.err = err;
	plan.turn = turn;
	plan.times = 1;
	plan.seen = 0;
	plan.fired = false;
	plan.shortens = false;
	plan.wakes = NULL;
	plan.armed = true;
}

void
disarm(void)
{
	plan.armed = false;
	plan.turn = 0;
}

uint64_t fired_ever;

/*
 * Returns false once the fault has no turn left to strike at.  Without a
 * fault: what is called is counted in `counts`.
 */
static bool
strike(const struct scenario *s, const struct fault *f, int turn, int *counts)
{
	struct world w;
	const int fds = open_fds();
	const long blocks = live_blocks;
	int fds_before, ret, err, call;
	long blocks_before;

	world_new(&w);
	if (s->prepare != NULL)
		s->prepare(&w);
	fds_before = open_fds();
	blocks_before = live_blocks;
	plan.fired = false;
	if (f != NULL)
		arm(f->call, turn, f->err);
	else
		for (call = 0; call < POINTS; call++)
			counts[call] = -calls_seen[call];
	errno = 0;
	ret = run(s, &w);
	err = errno;
	plan.armed = false;
	for (call = 0; f == NULL && call < POINTS; call++)
		counts[call] += calls_seen[call];
	/* A wait never allocates. */
	if (f == NULL && s->untouched == no_events)
		CHECK(counts[CALL_malloc] + counts[CALL_calloc] +
			counts[CALL_realloc] ==
		    0);
	if (plan.fired)
		check_failure(s, &w, ret, f, err);
	else
		CHECK(ret == 0);
	if (ret == -1) {
		CHECK(open_fds() == fds_before);
		CHECK(live_blocks == blocks_before);
		ret = run(s, &w);
		/* What accept took off the queue cannot go back. */
		if (s->run == run_accept && f != NULL &&
		    f->call == CALL_fcntl)
			CHECK(ret == -1 && errno == EAGAIN);
		else
			CHECK(ret == 0);
	}
	if (ret == 0)
		s->works(&w);
	world_free(&w);
	CHECK(open_fds() == fds);
	CHECK(live_blocks == blocks);
	return plan.fired;
}

static struct mio_waker *handlers_waker;
static volatile sig_atomic_t handled;

static void
wake_in_handler(int number)
{
	const int saved = errno;

	(void)number;
	if (mio_waker_wake(handlers_waker) == 0)
		handled = handled + 1;
	errno = saved;
}

/* A signal before the call, or with the lock held: nothing is amiss. */
static bool
interrupted(const struct scenario *s, enum call call, int turn)
{
	struct mio_waker *mine = NULL;
	struct world w;
	const int fds = open_fds();
	const long blocks = live_blocks;
	int ret;

	world_new(&w);
	if (s->prepare != NULL)
		s->prepare(&w);
	handlers_waker = w.waker;
	if (w.waker == NULL || s->run == run_free_waker) {
		need(mio_waker_new(&mine, registry(&w), 9) == 0, "waker");
		handlers_waker = mine;
		settle(&w);
		/* What settled is due again. */
		if (w.left == 3 && s->io == NULL)
			need(mio_registry_reregister(registry(&w), &w.rx, 8,
				 MIO_READABLE) == 0,
			    "reregister");
	}
	handled = 0;
	w.woken = false;
	arm(call, turn, 0);
	plan.wakes = handlers_waker;
	ret = run(s, &w);
	plan.armed = false;
	CHECK(ret == 0);
	if (plan.fired) {
		CHECK(handled == 1);
		CHECK(w.woken || comes(&w, 9, MIO_READABLE));
	}
	mio_waker_free(mine);
	w.woken |= plan.fired && w.waker != NULL;
	if (ret == 0)
		s->works(&w);
	plan.wakes = NULL;
	world_free(&w);
	CHECK(open_fds() == fds);
	CHECK(live_blocks == blocks);
	return plan.fired;
}

static int
strike_all(const struct scenario *s)
{
	const uint64_t must = old_system ? s->must_old : s->must;
	uint64_t fired = 0;
	int n = 0, turn, call, counts[POINTS];
	size_t i;

	doing = s->name;
	strike(s, NULL, 0, counts);
	for (i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		if (counts[faults[i].call] == 0)
			continue;
		/* The model of kqueue calls it, to its own ends. */
		if (faults[i].call == CALL_fstat &&
		    strncmp(backend, "kqueue", 6) == 0)
			continue;
		for (turn = 1; turn < TURNS; turn++) {
			if (!strike(s, &faults[i], turn, NULL))
				break;
			fired |= UINT64_C(1) << faults[i].call;
			n++;
		}
		CHECK(turn < TURNS);
	}
	for (call = 0; call < POINTS && !old_system; call++)
		for (turn = 1; turn <= counts[call]; turn++)
			n += interrupted(s, (enum call)call, turn);
	disarm();
	if (s->run != run_wake || strstr(backend, "+user") == NULL)
		CHECK((fired & must) == must);
	fired_ever |= fired;
	return n;
}

/* Interrupted a thousand times, one after the other. */
static void
storm(const struct scenario *s, enum call call, int err, bool inside)
{
	struct world w;
	int i;

	doing = s->name;
	world_new(&w);
	s->prepare(&w);
	arm(call, 1, err);
	plan.times = STORM;
	for (i = 0; !inside && i < STORM; i++)
		if (run(s, &w) != -1 || errno != err)
			break;
	if (plan.seen != 0 || inside) {
		CHECK(i == (inside ? 0 : STORM));
		CHECK(run(s, &w) == 0);
		CHECK(plan.seen == 0 || plan.seen > STORM);
	} /* else it is no call of this backend's */
	disarm();
	s->works(&w);
	world_free(&w);
}

const struct scenario *
scenario(const char *name)
{
	for (size_t i = 0; i < AREAS; i++)
		for (const struct scenario *s = areas[i]; s->name != NULL; s++)
			if (strcmp(s->name, name) == 0)
				return s;
	abort();
}

static void
storms(void)
{
	static const char *const waits[] = { "mio_poll",
		"mio_poll for a while", "mio_poll for ever" };
	static const enum call calls[] = { CALL_epoll_wait, CALL_epoll_pwait2,
		CALL_poll, CALL_ppoll };
	size_t i, j;

	for (i = 0; i < 3; i++)
		for (j = 0; j < 4; j++)
			storm(scenario(waits[i]), calls[j], EINTR, false);
	storm(scenario("mio_poll for ever"), CALL_ppoll, EAGAIN, true);
	storm(scenario("mio_poll for a waker"), CALL_read, EINTR, true);
	storm(scenario("mio_waker_wake"), CALL_write, EINTR, true);
	storm(scenario("mio_waker_wake"), CALL_write, EAGAIN, true);
	storm(scenario("mio_waker_wake"), CALL_read, EINTR, true);
	for (const struct scenario *s = io_scenarios; s->name != NULL; s++) {
		for (j = 0; (s->must >> j) != 1; j++)
			continue;
		storm(s, (enum call)j, EINTR, false);
	}
}

/* Each selector and waker must have been made to fail where it is made. */
static void
check_backend_calls(const int *seen)
{
	if (strncmp(backend, "epoll", 5) == 0) {
		CHECK(seen[CALL_epoll_create1] > 0);
		CHECK(seen[CALL_epoll_ctl] > 0);
	}
	if (strstr(backend, "+eventfd") != NULL)
		CHECK(seen[CALL_eventfd] > 0);
	else
		CHECK(seen[CALL_eventfd] == 0);
}

static int
at_every_place(const struct scenario *s)
{
	if (s->takes_fd) {
		step_limit(s);
		descriptor_zero(s);
		backwards = true;
		descriptor_zero(s);
		backwards = false;
	}
	return strike_all(s);
}

static int
everywhere(const struct scenario *s)
{
	int n = 0;

	for (; s->name != NULL; s++) {
		old_system = false;
		n += at_every_place(s);
		old_system = true;
		n += at_every_place(s);
	}
	old_system = false;
	return n;
}

/* What configure did not find, or did without. */
static bool
absent(enum call call)
{
	switch (call) {
#ifndef HAVE_ACCEPT4
	case CALL_accept4:
#endif
#ifndef HAVE_EPOLL_PWAIT2
	case CALL_epoll_pwait2:
#endif
#ifndef HAVE_EVENTFD
	case CALL_eventfd:
#endif
#ifndef HAVE_PIPE2
	case CALL_pipe2:
#endif
#ifndef HAVE_PPOLL
	case CALL_ppoll:
#endif
#ifndef MADV_WIPEONFORK
	case CALL_madvise:
#endif
		return true;
	default:
		return false;
	}
}

int
main(void)
{
	const char *const *name;
	struct sigaction action;
	int n = 0, seen[CALLS], call;
	struct rlimit limit;
	bool all;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 256) {
		fprintf(stderr, "SKIP: needs 256 descriptors: ulimit -n\n");
		return 77;
	}
	memset(&action, 0, sizeof action);
	action.sa_handler = wake_in_handler;
	need(sigaction(SIGUSR1, &action, NULL) == 0, "sigaction");
	need(dup2(STDERR_FILENO, STDIN_FILENO) == STDIN_FILENO, "dup2");
	alarm(300);
	setvbuf(stdout, NULL, _IONBF, 0);
	for (name = mio_backends(); *name != NULL; name++) {
		backend = *name;
		for (call = 0; call < CALLS; call++)
			seen[call] = calls_seen[call];
		for (size_t i = 0; i < AREAS; i++)
			n += everywhere(areas[i]);
		grow_all();
		for (const struct scenario *s = io_scenarios; s->name != NULL;
		     s++)
			short_io(s);
		short_drain();
		storms();
		failing_close(EINTR);
		failing_close(EIO);
		interrupted_connect_result();
		any_without_ipv6();
		/* Kqueue's own wakers write nothing: test_kqueue_fault.c. */
		if (strstr(backend, "+user") == NULL) {
			cancelled_wake(0);
			cancelled_wake(EAGAIN);
			cancelled_wake(EINTR);
			failing_first_wake();
			both_make_room();
			full_waker();
		}
		doing = "calls";
		for (call = 0; call < CALLS; call++)
			seen[call] = calls_seen[call] - seen[call];
		check_backend_calls(seen);
	}
	doing = "all of faults.def";
	/* Kqueue does without some of them, and so does a backend alone. */
	all = mio_backends()[1] != NULL && strncmp(backend, "poll", 4) == 0;
	for (call = 0; all && call < CALLS; call++)
		if ((fired_ever >> call & 1) == 0 && !absent((enum call)call))
			check(false, call_names[call], __LINE__);
	printf("fault: %d faults, %d failures\n", n, failures);
	return failures == 0 && n > 0 ? 0 : 1;
}

#endif
