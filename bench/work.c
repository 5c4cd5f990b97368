/* SPDX-License-Identifier: MIT */
/*
 * bench-PEER BACKEND WORK ARGUMENT... COUNT
 *
 * Does COUNT operations after a tenth of that to warm up, and prints as JSON
 * how long they took, how much processor time, and memory.  COUNT is seconds
 * for http.  bench-PEER version tells the peer's.  bench.py runs all this.
 */

#include "config.h"
#include "peer.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PRODUCERS = 4 };

static const struct work *work;
static int *in, *out;
static size_t links, active;
static long left;
static int64_t timeout = -1; /* of each wait */
static sem_t answer;
static size_t processors;
static atomic_int finished;

void
work_ready(size_t token)
{
	work->ready(token);
}

void
bench_check(bool failed, const char *what)
{
	if (!failed)
		return;
	perror(what);
	exit(errno == EMFILE ? 77 : EXIT_FAILURE);
}

void
bench_skip(const char *why)
{
	fprintf(stderr, "skipped: %s\n", why);
	exit(77);
}

void *
bench_alloc(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	bench_check(memory == NULL, "calloc");
	return memory;
}

/* So that what runs beside what is not left to chance. */
void
bench_pin(unsigned which)
{
	static cpu_set_t allowed;
	cpu_set_t set;
	size_t cpu = 0;

	/* Of those that were allowed at first, the last if there are few. */
	if (CPU_COUNT(&allowed) == 0 &&
	    sched_getaffinity(0, sizeof(allowed), &allowed) == -1)
		return;
	CPU_ZERO(&set);
	for (; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &allowed))
			continue;
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		if (which-- == 0)
			break;
	}
	(void)sched_setaffinity(0, sizeof(set), &set);
}

static void
make_pair(int *ends)
{
	bench_check(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		ends) == -1,
	    "socketpair");
}

/*
 * chain: socket pairs, some with a byte on its way; who gets it passes it
 * on.  An operation is an event with its read and its write.
 */

static void
links_open(size_t count)
{
	int ends[2];

	links = count;
	in = bench_alloc(links, sizeof(*in));
	out = bench_alloc(links, sizeof(*out));
	for (size_t i = 0; i < links; i++) {
		make_pair(ends);
		in[i] = ends[0];
		out[i] = ends[1];
		peer_add(i, in[i], false);
	}
	for (size_t i = 0; i < active; i++)
		bench_check(write(out[i], "", 1) != 1, "write");
}

static void
chain_open(const char *backend, const size_t *arguments)
{
	active = arguments[1];
	peer_open(backend, arguments[0], false);
	links_open(arguments[0]);
}

static void
chain_ready(size_t token)
{
	size_t next = token + active;
	char byte;

	if (next >= links)
		next -= links;
	bench_check(read(in[token], &byte, 1) != 1, "read");
	peer_drained(token, in[token]);
	bench_check(write(out[next], &byte, 1) != 1, "write");
	if (--left == 0)
		peer_stop();
}

static long
run_until_stopped(long count)
{
	left = count;
	if (timeout < 0)
		peer_run();
	else
		peer_run_timed(timeout);
	return count;
}

/* For the adapters that have none. */
__attribute__((weak)) void
peer_run_timed(int64_t timeout_ns)
{
	(void)timeout_ns;
	bench_skip("not done with timeouts");
}

/* timed: a chain of one, with waits that have a timeout. */

static void
timed_open(const char *backend, const size_t *arguments)
{
	timeout = (int64_t)arguments[0];
	active = 1;
	peer_open(backend, 1, false);
	links_open(1);
}

/* idle: a chain of one, beside descriptors that are never ready. */

static void
add_idle(size_t count, size_t token)
{
	for (size_t i = 0; i < count; i++) {
		int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

		bench_check(fd == -1, "eventfd");
		peer_add(token + i, fd, false);
	}
}

static void
idle_open(const char *backend, const size_t *arguments)
{
	/* In the middle, for peers that look at one after the other. */
	size_t half = arguments[0] / 2;

	active = 1;
	peer_open(backend, arguments[0] + 1, false);
	add_idle(half, 1);
	links_open(1);
	add_idle(arguments[0] - half, 1 + half);
}

/*
 * churn: beside idle descriptors, one is watched for readable, then for
 * writable too, then no more; `turns` takes events after each of these.
 */

static void
churn_open(const char *backend, const size_t *arguments)
{
	peer_open(backend, arguments[0] + 1, false);
	add_idle(arguments[0], 1);
	in = bench_alloc(2, sizeof(*in));
	make_pair(in);
}

static long
churn_run(long count)
{
	for (long i = 0; i < count; i++) {
		peer_add(0, in[0], false);
		peer_change(0, in[0], true);
		peer_remove(0, in[0]);
	}
	return count;
}

static long
churn_run_turns(long count)
{
	for (long i = 0; i < count; i++) {
		peer_add(0, in[0], false);
		peer_turn();
		peer_change(0, in[0], true);
		peer_turn();
		peer_remove(0, in[0]);
		peer_turn();
	}
	return count;
}

static void
never_ready(size_t token)
{
	(void)token;
	bench_check(true, "an event without a cause");
}

/*
 * wake-trip: another thread wakes this one, and waits for its answer; on the
 * same processor, or on two.
 */

static void
wake_open(const char *backend, const size_t *arguments)
{
	processors = arguments[0];
	peer_open(backend, 1, true);
	peer_add_waker(0);
	bench_check(sem_init(&answer, 0, 0) == -1, "sem_init");
}

/* timed-trip: the same on two, with waits that have a timeout, and sleep. */

static void
timed_trip_open(const char *backend, const size_t *arguments)
{
	static const size_t two = 2;

	timeout = (int64_t)arguments[0];
	wake_open(backend, &two);
}

static void
start(pthread_t *thread, void *(*main)(void *), long *count)
{
	errno = pthread_create(thread, NULL, main, count);
	bench_check(errno != 0, "pthread_create");
}

static void *
trip_thread(void *count)
{
	if (processors > 1)
		bench_pin(1);
	for (long i = *(long *)count; i > 0; i--) {
		peer_wake();
		bench_check(sem_wait(&answer) == -1, "sem_wait");
	}
	return NULL;
}

static void
trip_ready(size_t token)
{
	(void)token;
	sem_post(&answer);
	if (--left == 0)
		peer_stop();
}

static long
trip_run(long count)
{
	pthread_t thread;

	start(&thread, trip_thread, &count);
	run_until_stopped(count);
	pthread_join(thread, NULL);
	return count;
}

/* wake-idle: nobody waits meanwhile, and all of them are one event. */

static long
wake_run(long count)
{
	left = 0;
	for (long i = 0; i < count; i++)
		peer_wake();
	peer_turn();
	bench_check(left == 0, "no event for the wakes");
	return count;
}

static void
wake_ready(size_t token)
{
	(void)token;
	left++;
}

/* wake-many: several threads wake this one as fast as they can. */

static void *
producer_thread(void *count)
{
	for (long i = *(long *)count; i > 0; i--)
		peer_wake();
	atomic_fetch_add(&finished, 1);
	peer_wake();
	return NULL;
}

static void
many_ready(size_t token)
{
	(void)token;
	if (atomic_load(&finished) == PRODUCERS)
		peer_stop();
}

static long
many_run(long count)
{
	pthread_t threads[PRODUCERS];
	long each = (count + PRODUCERS - 1) / PRODUCERS;

	atomic_store(&finished, 0);
	for (size_t i = 0; i < PRODUCERS; i++)
		start(&threads[i], producer_thread, &each);
	peer_run();
	for (size_t i = 0; i < PRODUCERS; i++)
		pthread_join(threads[i], NULL);
	return each * PRODUCERS;
}

static const struct work works[] = {
	{ "chain", "PAIRS ACTIVE", 2, chain_open, chain_ready,
	    run_until_stopped, false },
	{ "idle", "IDLE", 1, idle_open, chain_ready, run_until_stopped, false },
	{ "timed", "NANOSECONDS", 1, timed_open, chain_ready,
	    run_until_stopped, false },
	{ "timed-trip", "NANOSECONDS", 1, timed_trip_open, trip_ready, trip_run,
	    false },
	{ "churn", "IDLE", 1, churn_open, never_ready, churn_run, false },
	{ "churn-turns", "IDLE", 1, churn_open, never_ready, churn_run_turns,
	    false },
	{ "wake-trip", "PROCESSORS", 1, wake_open, trip_ready, trip_run, false },
	{ "wake-idle", "", 0, wake_open, wake_ready, wake_run, false },
	{ "wake-many", "", 0, wake_open, many_ready, many_run, false },
};

static double
seconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static size_t
heap(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/* In KiB; getrusage would tell that of who started this program. */
static long
peak_memory(void)
{
	static const char key[] = "VmHWM:";
	const size_t length = sizeof(key) - 1;
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];
	long peak = 0;

	bench_check(status == NULL, "/proc/self/status");
	while (fgets(line, sizeof(line), status) != NULL)
		if (strncmp(line, key, length) == 0)
			peak = strtol(line + length, NULL, 10);
	fclose(status);
	return peak;
}

static void
measure(long count)
{
	double wall, cpu;
	long done;

	if (!work->timed)
		work->run(count / 10 + 1);
	wall = seconds(CLOCK_MONOTONIC);
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	done = work->run(count);
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	wall = seconds(CLOCK_MONOTONIC) - wall;
	if (serve_wall > 0)
		wall = serve_wall;
	printf("{\"operations\": %ld, \"wall\": %.9f, \"cpu\": %.9f, "
	       "\"heap\": %zu, \"rss\": %ld}\n",
	    done, wall, cpu, heap(), peak_memory());
}

static void
choose(const char *name, int arguments)
{
	static const struct work *const others[] = { &serve_echo, &serve_accept,
		&serve_http };

	for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++)
		if (strcmp(name, works[i].name) == 0)
			work = &works[i];
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcmp(name, others[i]->name) == 0)
			work = others[i];
	if (work != NULL && work->arguments == arguments)
		return;
	fprintf(stderr, "usage: BACKEND %s %s COUNT\n", name,
	    work != NULL ? work->usage : "(no such work)");
	exit(2);
}

int
main(int argc, char **argv)
{
	size_t arguments[2] = { 0, 0 };

	if (argc == 2 && strcmp(argv[1], "version") == 0) {
		puts(peer_version());
		return EXIT_SUCCESS;
	}
	if (argc < 4) {
		fputs("usage: bench-PEER BACKEND WORK ARGUMENT... COUNT\n",
		    stderr);
		return 2;
	}
	choose(argv[2], argc - 4);
	for (int i = 0; i < argc - 4; i++)
		arguments[i] = strtoul(argv[3 + i], NULL, 10);
	bench_pin(0);
	work->open(argv[1], arguments);
	measure(strtol(argv[argc - 1], NULL, 10));
	return EXIT_SUCCESS;
}
