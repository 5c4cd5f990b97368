/* SPDX-License-Identifier: MIT */
/*
 * share [CONNECTIONS [CLIENTS]]
 *
 * Two ways to share out a server's connections to its threads, each of which
 * has a poll of its own: one listener, registered with MIO_EXCLUSIVE in each
 * poll; and a listener each, with SO_REUSEPORT.  With 2 and 8 threads, for
 * each, and with one client and with 16, a line: how much of the connections
 * the busiest thread got, and what the server paid for one in processor time
 * and in context switches.
 *
 * A thread accepts what is there, reads a request of 64 bytes, works for a
 * few microseconds, answers and closes.  The clients are another process.
 */

#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>
#include <mio.h>

enum { MESSAGE = 64, MOST = 8, STOP = 1, LISTENER = 2 };

struct thread {
	pthread_t id;
	struct mio_poll *poll;
	struct mio_waker *stop;
	struct mio_source listener;
	long served;
};

static long clients; /* at a time */
static struct sockaddr_storage address;
static socklen_t length;

_Noreturn static void
die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

static void
check(bool failed, const char *what)
{
	if (failed)
		die(what);
}

static int
listen_here(bool shared)
{
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	check(fd == -1, "socket");
	if (shared)
		check(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on,
			  sizeof(on)) == -1,
		    "SO_REUSEPORT");
	check(bind(fd, (struct sockaddr *)&address, length) == -1 ||
		listen(fd, 1024) == -1 ||
		getsockname(fd, (struct sockaddr *)&address, &length) == -1,
	    "listen");
	return fd;
}

static volatile unsigned sink;

static void
work(void)
{
	for (unsigned i = 0; i < 1000; i++)
		sink = sink * 31 + i;
}

/* Blocking, for the request is on its way. */
static void
serve(struct thread *thread, struct mio_source *stream)
{
	char message[MESSAGE];
	int fd = mio_source_into_fd(stream);
	struct timeval patience = { .tv_sec = 5 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	while (read(fd, message, sizeof(message)) == -1 && errno == EAGAIN)
		;
	work();
	check(write(fd, message, sizeof(message)) != sizeof(message), "write");
	close(fd);
	thread->served++;
}

static void *
run(void *arg)
{
	struct thread *thread = arg;
	struct mio_source stream;
	struct mio_events *events;

	check(mio_events_new(&events, 64) == -1, "mio_events_new");
	for (;;) {
		if (mio_poll(thread->poll, events, MIO_FOREVER) == -1)
			check(errno != EINTR, "mio_poll");
		MIO_EVENTS_FOREACH(event, events) {
			if (event->token == STOP) {
				mio_events_free(events);
				return NULL;
			}
			while (mio_source_accept(&thread->listener, &stream,
				   NULL, NULL) == 0)
				serve(thread, &stream);
		}
	}
}

/* Connection after connection, as many of them at a time as processes. */
static void
load(long count)
{
	char message[MESSAGE] = "";

	for (int i = 0; i < clients; i++) {
		if (fork() != 0)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (long n = 0; n < count / clients; n++) {
			struct linger linger = { 1, 0 };
			int fd = socket(AF_INET, SOCK_STREAM, 0);

			check(connect(fd, (struct sockaddr *)&address,
				  length) == -1,
			    "connect");
			check(write(fd, message, sizeof(message)) !=
				    sizeof(message) ||
				read(fd, message, sizeof(message)) !=
				    sizeof(message),
			    "client");
			/* Ports are few. */
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger,
			    sizeof(linger));
			close(fd);
		}
		_exit(0);
	}
	while (wait(NULL) > 0)
		;
	_exit(0);
}

static double
seconds(const struct timeval *time)
{
	return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

static void
measure(bool exclusive, int threads, long count)
{
	unsigned interests = MIO_READABLE | (exclusive ? MIO_EXCLUSIVE : 0);
	struct thread all[MOST];
	struct rusage before, after;
	long total = 0, most = 0;
	int first, status;
	pid_t pid;

	memset(all, 0, sizeof(all));
	check(mio_addr_parse(&address, &length, "127.0.0.1:0") == -1, "parse");
	first = listen_here(!exclusive);
	for (int i = 0; i < threads; i++) {
		int fd = i == 0 ? first
				: (exclusive ? dup(first) : listen_here(true));
		struct mio_registry *registry;

		check(fd == -1, "dup");
		check(mio_poll_new(&all[i].poll) == -1, "mio_poll_new");
		registry = mio_poll_registry(all[i].poll);
		check(mio_source_from_fd(&all[i].listener, fd) == -1 ||
			mio_registry_register(registry, &all[i].listener,
			    LISTENER, interests) == -1 ||
			mio_waker_new(&all[i].stop, registry, STOP) == -1,
		    "mio_registry_register");
	}
	getrusage(RUSAGE_SELF, &before);
	for (int i = 0; i < threads; i++)
		check(pthread_create(&all[i].id, NULL, run, &all[i]) != 0,
		    "pthread_create");
	pid = fork();
	check(pid == -1, "fork");
	if (pid == 0)
		load(count);
	check(waitpid(pid, &status, 0) != pid || status != 0, "load");
	for (int i = 0; i < threads; i++) {
		check(mio_waker_wake(all[i].stop) == -1, "wake");
		pthread_join(all[i].id, NULL);
		total += all[i].served;
		most = all[i].served > most ? all[i].served : most;
	}
	getrusage(RUSAGE_SELF, &after);
	check(total != count / clients * clients, "connections");
	for (int i = 0; i < threads; i++) {
		mio_waker_free(all[i].stop);
		mio_source_close(&all[i].listener);
		mio_poll_free(all[i].poll);
	}
	printf("%-14s %7ld %7d %9.0f %% %12.1f us %12.2f\n",
	    exclusive ? "MIO_EXCLUSIVE" : "SO_REUSEPORT", clients, threads,
	    100.0 * (double)most / (double)total,
	    1e6 *
		(seconds(&after.ru_utime) + seconds(&after.ru_stime) -
		    seconds(&before.ru_utime) - seconds(&before.ru_stime)) /
		(double)total,
	    (double)(after.ru_nvcsw + after.ru_nivcsw - before.ru_nvcsw -
		before.ru_nivcsw) /
		(double)total);
}

int
main(int argc, char **argv)
{
	static const int threads[] = { 2, 8 };
	long loads[] = { 1, 16 };
	long count = argc > 1 ? strtol(argv[1], NULL, 10) : 20000;

	if (argc > 2)
		loads[0] = loads[1] = strtol(argv[2], NULL, 10);
	if (count < 16 || loads[0] < 1)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IONBF, 0);
	printf("%-14s %7s %7s %11s %15s %12s\n", "", "clients", "threads",
	    "busiest has", "of processor", "switches");
	for (size_t i = 0; i < 4; i++) {
		clients = loads[i / 2];
		measure(true, threads[i % 2], count);
		measure(false, threads[i % 2], count);
	}
	return EXIT_SUCCESS;
}
